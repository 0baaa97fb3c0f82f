"""A student's first minutes in JupyterLab, in a real browser, on the keyboard."""

import time

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def page(opened):
    return opened()


def open_notebook(page, lab, path):
    page.goto(f"{lab.url}/lab/workspaces/s{time.monotonic_ns()}/tree/{path}?token=t")
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
    assert [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))] == []


def test_a1_says_in_the_notebook_what_is_wrong(page, lab):
    open_notebook(page, lab, "assignments/A1/A1.ipynb")
    run_all(page)
    page.wait_for_selector("text=Your answer goes here.", timeout=120_000)
    assert page.locator(".jp-Notebook h1:has-text('The batch index')").count() == 1
