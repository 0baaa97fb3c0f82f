"""A student's first minutes in JupyterLab, in a real browser, on the keyboard."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """A JupyterLab over a copy of the notebooks; yields its address."""
    work = tmp_path_factory.mktemp("lab")
    for folder in ("lectures", "assignments"):
        shutil.copytree(root / folder, work / folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shutil.copy(root / "nbgrader_config.py", work)
    command = [sys.executable, "-m", "edfcore.cli", "lab", "--no-browser", f"--port={port}"]
    with open(work / "log", "w") as log:
        server = subprocess.Popen(command, cwd=work, env=os.environ | {"JUPYTER_TOKEN": "t"}, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/api?token=t")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _wait(url, seconds=60):
    for _ in range(seconds * 5):
        try:
            return urllib.request.urlopen(url, timeout=5)
        except OSError:
            time.sleep(0.2)
    raise AssertionError("JupyterLab does not answer")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, tmp_path):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    yield page
    page.screenshot(path=tmp_path / "last.png")
    page.close()


def open_notebook(page, lab, path):
    page.goto(f"{lab}/lab/tree/{path}?token=t&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_selector("#jp-main-statusbar >> text=Idle", timeout=60_000)


def run_all(page):
    page.click("text=Run >> nth=0")
    page.click("text='Run All Cells'")


def test_lecture_00_runs_and_a_prediction_is_locked_by_keyboard(page, lab):
    open_notebook(page, lab, "lectures/00_start_here.ipynb")
    run_all(page)
    number = page.get_by_placeholder("a number (percent)").first
    number.wait_for(timeout=120_000)
    page.wait_for_selector("img[alt]", timeout=120_000)
    number.focus()
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    page.keyboard.type("it has seen each image twice")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Locked: 12.0 percent. Reason: it has seen each image twice", timeout=60_000)
    assert page.locator("button:has-text('Lock prediction')").first.is_disabled()
    assert not page.query_selector('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')


def test_nothing_asks_for_the_network(page, lab):
    """No offer of news, no request to another host."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    open_notebook(page, lab, "lectures/00_start_here.ipynb")
    assert page.locator("text=Jupyter news").count() == 0
    assert [url for url in asked if not url.startswith((lab, "data:", "blob:"))] == []


def test_a1_says_in_the_notebook_what_is_wrong(page, lab):
    open_notebook(page, lab, "assignments/A1/A1.ipynb")
    run_all(page)
    page.wait_for_selector("text=Your answer goes here.", timeout=120_000)
    assert page.locator(".jp-Notebook h1:has-text('The batch index')").count() == 1
