"""One JupyterLab for all browser tests, the system's Chromium, and what widgets are asked. Nothing is downloaded.

On failure the trace, a picture of the page and the server's log stay in the test's folder, whose path is printed.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab over an empty folder: an object with `url` and `work`."""
    work = tmp_path_factory.mktemp("lab")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for folder in ("lectures", "assignments"):
        shutil.copytree(os.path.join(root, folder), work / folder)
    shutil.copy(os.path.join(root, "nbgrader_config.py"), work)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "edfcore.cli", "lab", "--no-browser", f"--port={port}"]
    own = {"JUPYTER_TOKEN": "t", "PYDEVD_DISABLE_FILE_VALIDATION": "1", "EDF_BLAS": "off", "OPENBLAS_NUM_THREADS": "1"}
    own |= {
        name: str(work / "own" / name)
        for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    }
    with open(work / "lab.log", "w") as log:
        server = subprocess.Popen(command, cwd=work, env=os.environ | own, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/api?token=t", work / "lab.log")
        yield Lab(f"http://127.0.0.1:{port}", work)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Lab:
    def __init__(self, url, work):
        self.url, self.work = url, work


def _wait(url, log, seconds=60):
    for _ in range(seconds * 5):
        try:
            return urllib.request.urlopen(url, timeout=5)
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, request, tmp_path):
    """opened(**context) -> a page whose console errors and requests are kept in page.log and page.asked."""
    contexts = []

    def make(**options):
        context = browser.new_context(viewport=options.pop("viewport", {"width": 1200, "height": 900}), **options)
        context.tracing.start(screenshots=True, snapshots=True)
        page = context.new_page()
        page.log, page.asked, page.kept = [], [], tmp_path
        page.on("console", lambda m: page.log.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: page.log.append(str(e)))
        page.on("request", lambda r: page.asked.append(r.url))
        contexts.append((context, page))
        return page

    yield make
    failed = getattr(request.node, "report_call", None)
    for n, (context, page) in enumerate(contexts):
        if failed is not None and failed.failed:
            page.screenshot(path=tmp_path / f"page{n}.png")
            context.tracing.stop(path=tmp_path / f"trace{n}.zip")
            if "lab" in request.fixturenames:
                shutil.copy(request.getfixturevalue("lab").work / "lab.log", tmp_path)
            print(f"kept: {tmp_path}", page.log[-5:])
        else:
            context.tracing.stop()
        context.close()


@pytest.fixture
def notebook(lab, opened):
    """notebook(cells, **context) -> a page of JupyterLab with a new notebook, in a workspace of its own."""
    count = iter(range(1000))

    def make(cells, run=True, **options):
        name = f"n{next(count)}_{time.monotonic_ns()}"
        body = {
            "nbformat": 4, "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "cells": [{"cell_type": "code", "id": f"c{k}", "metadata": {}, "outputs": [], "execution_count": None,
                       "source": source} for k, source in enumerate(cells)],
        }  # fmt: skip
        (lab.work / f"{name}.ipynb").write_text(json.dumps(body))
        page = opened(**options)
        page.goto(f"{lab.url}/lab/workspaces/{name}/tree/{name}.ipynb?token=t")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.wait_for_selector("#jp-main-statusbar >> text=Idle", timeout=60_000)
        if run:
            page.click("text=Run >> nth=0")
            page.click("text='Run All Cells'")
        return page

    return make
