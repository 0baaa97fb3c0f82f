"""The command edf: help that a stranger understands, exit codes, JSON, sentences for what cannot be done."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from edfcore.doctor import examine
from edfcore.errors import EdfError


def edf(*args, cwd=None, **environment):
    command = [sys.executable, "-m", "edfcore.cli", *args]
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["", "lab", "doctor", "check", "demo"])
def test_help_says_what_the_command_does(command):
    done = edf(*command.split(), "--help")
    assert done.returncode == 0 and "Usage:" in done.stdout and len(done.stdout) > 200


def test_doctor_reports_each_line_with_its_fix(root):
    done = edf("doctor", "--json", cwd=root)
    report = json.loads(done.stdout)
    names = [line["name"] for line in report["checks"]]
    assert {"Python", "numpy", "BLAS", "MNIST", "GPU", "sandbox", "disk"} <= set(names)
    for line in report["checks"]:
        assert line["status"] == "ok" or line["fix"], line
    assert (done.returncode == 0) == report["ok"]
    assert edf("doctor", cwd=root).stdout.count("ok") >= 8


def test_doctor_finds_what_is_missing(monkeypatch):
    import importlib.metadata

    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    def nowhere():
        raise EdfError("not here")

    monkeypatch.setattr(importlib.metadata, "version", nothing)
    findings = {f.name: f for f in examine(nowhere)}
    assert findings["nbgrader"].status == "missing" and "pip install" in findings["nbgrader"].fix
    assert findings["lectures"].status == "missing"


@pytest.mark.sandbox
def test_doctor_finds_a_working_sandbox(root):
    report = json.loads(edf("doctor", "--json", cwd=root).stdout)
    assert next(c for c in report["checks"] if c["name"] == "sandbox")["status"] == "ok"


@pytest.mark.parametrize("args", [("check", "A99"), ("lab", "nowhere.ipynb"), ("check", "README.md"), ("no-such",)])
def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(root, args):
    done = edf(*args, cwd=root)
    assert done.returncode == 2
    assert "Error:" in done.stderr and "Traceback" not in done.stderr


def test_lab_serves_lecture_00(root, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "edfcore.cli", "lab", "--no-browser", f"--port={port}"]
    with open(tmp_path / "log", "w") as log:
        env = os.environ | {"JUPYTER_TOKEN": "abc"}
        server = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log)
    try:
        listing = _wait_for(f"http://127.0.0.1:{port}/api/contents/lectures?token=abc", server)
        assert "00_start_here.ipynb" in {entry["name"] for entry in listing["content"]}
        for _ in range(50):
            if "/lab/tree/lectures/00_start_here.ipynb" in (tmp_path / "log").read_text():
                break
            time.sleep(0.2)
        else:
            raise AssertionError("the address of lecture 00 is not printed")
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url, server, seconds=60):
    for _ in range(seconds * 5):
        assert server.poll() is None, "the server ended"
        try:
            return json.load(urllib.request.urlopen(url, timeout=5))
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")
