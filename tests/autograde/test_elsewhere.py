"""Where Unix's calls are missing, as on Windows: everything imports, nbgrader is configured, grading is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What other packages and the standard library take of Unix here, they take before it goes: only ours is looked at.
WINDOWS = """
import asyncio, ctypes, json, multiprocessing.connection, os, pathlib, pkgutil, signal, socket, subprocess, sys
import click.testing, jupyter_core.paths, matplotlib, nbclient, nbgrader.apps, nbgrader.apps.api, rich, threadpoolctl

for name in "resource fcntl pwd grp termios tty pty syslog".split():
    sys.modules[name] = None
GONE = {
    os: "fork forkpty getuid geteuid getgid getegid setsid setpgid getpgid killpg memfd_create register_at_fork "
        "sched_getaffinity sysconf uname wait4 waitid WNOHANG O_NOFOLLOW O_DIRECTORY O_NONBLOCK O_CLOEXEC O_NOCTTY",
    signal: "SIGKILL SIGALRM SIGPROF SIGXCPU SIGCHLD SIGHUP ITIMER_REAL ITIMER_PROF setitimer pthread_sigmask",
    socket: "AF_UNIX SOCK_SEQPACKET SO_PASSCRED SCM_CREDENTIALS send_fds recv_fds",
}
for module, names in GONE.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
os.supports_dir_fd = set()

class CDLL(ctypes.CDLL):
    def __init__(self, name, *args, **kwargs):
        if name is None:
            raise TypeError("argument of type 'NoneType' is not iterable")
        super().__init__(name, *args, **kwargs)

ctypes.CDLL = CDLL
"""

ASKED = """
import autograde, importlib

modules = [m.name for m in pkgutil.walk_packages(autograde.__path__, "autograde.")]
modules = [name for name in modules if not name.startswith("autograde.inside.")]
for name in [*modules, "edfcore.cli", "edfcore.demo", "edfcore.execute"]:
    importlib.import_module(name)

from traitlets.config import PyFileConfigLoader

config = PyFileConfigLoader("nbgrader_config.py", path=ROOT).load_config()

from autograde import cli, plugin
from nbgrader.coursedir import CourseDirectory
import edfcore.cli

def run(command, *arguments):
    done = click.testing.CliRunner().invoke(command, arguments)
    trace = done.exception if not isinstance(done.exception, SystemExit) else None
    return [done.exit_code, done.output, repr(trace)]

edfcore.demo.train_seed_network = lambda epochs, on_batch: 0.02
edfcore.demo._lecture = lambda root, out: out

def refused(unsafe):
    executor = {"IsolatedExecute": {"unsafe": unsafe}}
    converter = plugin.IsolatedAutograde(coursedir=CourseDirectory(root=COURSE), config=type(config)(executor))
    try:
        converter.start()
    except plugin.NbGraderException as error:
        return str(error)

print(json.dumps({
    "modules": modules,
    "preprocessors": [p.__name__ for p in config.Autograde.autograde_preprocessors],
    "help": [run(command, "--help") for command in (cli.main, edfcore.cli.main)],
    "grade": {" ".join(o): run(cli.main, "grade", "T1", "--root", COURSE, *o) for o in ([], ["--fresh"], ["--unsafe"])},
    "certify": run(cli.main, "certify", "A1"),
    "redteam": run(cli.main, "redteam", "A1"),
    "demo": run(edfcore.cli.main, "demo", "--out", COURSE),
    "nbgrader": [refused(unsafe) for unsafe in (False, True)],
}))
"""
REFUSED = "The grader needs processes that can fork"


@pytest.fixture(scope="module")
def seen(root, tmp_path_factory):
    """What an interpreter without Unix says."""
    from tinycourse import make

    course = tmp_path_factory.mktemp("elsewhere")
    make(course, [("ada", {})])
    program = f"ROOT, COURSE = {str(root)!r}, {str(course)!r}\n" + WINDOWS + ASKED
    environment = os.environ | {"PYTHONPATH": str(root), "COLUMNS": "10000"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"course": course}


def test_every_module_imports_and_nbgrader_is_configured(seen, root):
    there = {p.stem for p in (Path(root) / "autograde").glob("*.py")} - {"__init__"}
    assert {name.removeprefix("autograde.") for name in seen["modules"]} == there | {"inside"}
    assert "IsolatedExecute" in seen["preprocessors"]


def test_the_commands_explain_themselves(seen):
    for code, told, trace in seen["help"]:
        assert (code, trace) == (0, "None") and "Exit codes: 0 all is well" in told


@pytest.mark.parametrize("options", ["", "--fresh", "--unsafe"])
def test_grading_is_refused_in_one_sentence(seen, options):
    code, told, _ = seen["grade"][options]
    assert code == 2 and REFUSED in told and "Traceback" not in told
    assert not (seen["course"] / "gradebook.db").exists()


@pytest.mark.parametrize("command", ["certify", "redteam"])
def test_what_examines_is_refused_too(seen, command):
    code, told, _ = seen[command]
    assert code == 2 and REFUSED in told and "Traceback" not in told


def test_nbgrader_is_refused_with_and_without_isolation(seen):
    assert all(told.startswith(REFUSED) for told in seen["nbgrader"])


def test_the_demonstration_leaves_out_the_class_and_says_why(seen):
    code, told, _ = seen["demo"]
    assert code == 0 and f"The sample class is left out. {REFUSED}" in told


@pytest.mark.parametrize("fresh", [False, True])
def test_where_nothing_isolates_a_class_is_refused_before_anybody_is_graded(tmp_path, monkeypatch, fresh):
    from tinycourse import make

    from autograde.errors import AutogradeError
    from autograde.pipeline import Options, grade

    monkeypatch.setattr("autograde.sandbox.why_not", lambda: "bubblewrap is missing.")
    room = make(tmp_path, [("ada", {})])
    with pytest.raises(AutogradeError, match="bubblewrap is missing.*--unsafe"):
        grade(room, "T1", Options(fresh=fresh))
    assert not (tmp_path / "gradebook.db").exists()
