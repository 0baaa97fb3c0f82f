"""Every widget in JupyterLab 4, and one in Notebook 7: painted soon, driven by keys and mouse, known to Python."""

import contextlib

import pytest
from playwright.sync_api import TimeoutError
from test_widgets_page import violations
from timing import BUDGETS, drag, press_keys, report

from edfcore import widgets

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAINTED = """
new MutationObserver((_, me) => {
  if (document.querySelector('.edf[data-frame]')) { window.edfPainted = Date.now(); me.disconnect(); }
}).observe(document, { childList: true, subtree: true, attributes: true });
"""
KERNEL = {"name": "python3", "display_name": "Python 3"}
CELLS = [
    "import time\nimport ipywidgets\nfrom edfcore import widgets",
    "shown = widgets.{name}()\necho = ipywidgets.HTML()\n"
    "shown.observe(lambda change: setattr(echo, 'value', f'<i>python: {{shown.text}}</i>'), 'state')\n"
    "shown.figure()  # the first picture loads matplotlib's fonts\nNone",
    "display(shown)\nprint('ended', time.time())",
    "echo",
]


def cells(name):
    return [c.format(name=name) if "{name}" in c else c for c in CELLS]


@pytest.fixture
def shown(notebook):
    def make(name, **options):
        page = notebook(cells(name), run=False, **options)
        page.evaluate(PAINTED)
        page.click("text=Run >> nth=0")
        page.click("text='Run All Cells'")
        page.wait_for_selector(".edf[data-frame]", timeout=60_000)
        page.wait_for_selector("text=ended", timeout=60_000)
        return page

    return make


def in_dark(page):
    page.evaluate("() => document.querySelector('.jp-Notebook').focus()")
    page.click(".lm-MenuBar-itemLabel >> text=Settings")
    page.hover(".lm-Menu-itemLabel >> text=Theme >> nth=0")
    page.click(".lm-Menu-itemLabel >> text='JupyterLab Dark'")
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    page.wait_for_timeout(500)  # the style sheet arrives after the attribute


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_in_jupyterlab(name, shown):
    page = shown(name)
    assert not page.query_selector('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
    ended = float(page.locator(".jp-OutputArea-output:has-text('ended')").last.inner_text().split()[-1])
    report(
        "lab",
        name,
        "first paint",
        [max(0.0, page.evaluate("() => window.edfPainted") - 1000 * ended)],
        BUDGETS["paint"],
    )

    root, caption = page.locator(".edf"), page.locator(".edf-caption")
    mode = root.get_attribute("data-mode")
    assert caption.inner_text().strip()
    before = root.get_attribute("data-state")
    cells_before = page.locator(".jp-Notebook .jp-Cell").count()
    control = page.locator(".edf fieldset input[type=range], .edf fieldset select, .edf-flag").first
    control.focus()
    for key in ("ArrowDown", "Space") if control.get_attribute("aria-pressed") else ("ArrowDown", "ArrowDown"):
        control.press(key)
    page.wait_for_function("(b) => document.querySelector('.edf').dataset.state !== b", arg=before)
    assert page.evaluate("() => document.activeElement.closest('.edf') !== null"), "JupyterLab took the focus"
    page.wait_for_selector(f"i:has-text('python: {root.get_attribute('data-state')}')")
    page.locator(".edf summary:has-text('State')").click()
    page.get_by_label("State", exact=True).press_sequentially("ab1x")  # command mode would make cells of it
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells_before
    page.get_by_label("State", exact=True).press("Escape")
    page.get_by_role("button", name="Defaults").click()

    report("lab", name, f"key to picture, {mode}", press_keys(page, 40), BUDGETS[mode])
    if mode != "live" and page.locator(".edf fieldset input[type=range]").count():
        report("lab", name, "drag, ms a picture", drag(page), 1000 / 30)

    assert violations(page) == []
    in_dark(page)
    assert violations(page) == []
    page.screenshot(path=str(page.kept / f"{name}_dark.png"))


def test_in_notebook_7(lab, opened):
    import json

    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": KERNEL},
            "cells": [{"cell_type": "code", "id": "c0", "metadata": {}, "outputs": [], "execution_count": None,
                       "source": "from edfcore import widgets\nwidgets.OptimizerPaths()"}]}  # fmt: skip
    (lab.work / "seven.ipynb").write_text(json.dumps(body))
    page = opened()
    page.goto(f"{lab.url}/notebooks/seven.ipynb?token=t")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached", timeout=60_000)
    for _ in range(10):  # what is asked before the kernel is up gets lost
        page.click("text=Run >> nth=0")
        page.click("text='Run All Cells'")
        with contextlib.suppress(TimeoutError):
            page.wait_for_selector(".edf[data-frame]", timeout=6000)
            break
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached", timeout=60_000)
    before = page.locator(".edf").get_attribute("data-state")
    page.locator(".edf input[type=range]").first.press("ArrowDown")
    page.wait_for_function("(b) => document.querySelector('.edf').dataset.state !== b", arg=before)


def test_where_nothing_runs_a_widget_there_is_its_picture_and_its_text():
    """GitHub's preview, a plain console, CI."""
    for name in widgets.WIDGETS:
        bundle, _ = getattr(widgets, name)()._repr_mimebundle_()
        assert bundle["text/plain"].strip() and "application/vnd.jupyter.widget-view+json" in bundle
        assert bundle["image/png"].startswith("iVBOR")
