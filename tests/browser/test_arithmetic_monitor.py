"""The training monitor in the browser: the same texts as in Python, usable by all, and a Stop button that stops."""

import json
import math
import re

import numpy as np
import pytest
from test_widgets_page import violations

from edfcore.scenes.monitor import History, Monitor
from edfcore.widgets.base import FOLDER, packed
from edfcore.widgets.page import _plain, as_script, page, scripts

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASK = """async (runs) => {
  const { scene } = await edfModules.monitor;
  return runs.map(({ state, data }) => {
    const found = scene.lookup(state, unpack(edfBytes(data)));
    return [scene.caption(state, found), scene.rows(state, found), found.tracks.map((t) => Array.from(t.smooth))];
  });
}"""
LOOP = """import time
from edfcore.widgets import TrainingMonitor
monitor = TrainingMonitor()
for k in monitor(range(6000)):
    time.sleep(0.005)
    monitor.log(loss=3 / (k + 1), lr=0.1)
print('ended', monitor.history.steps, monitor.stopped)"""


def random_history(rng):
    """A run of some steps, with layers, and now and then with values that are not finite."""
    history = History(most=int(rng.integers(2, 40)))
    names = ["loss", "lr", "W1", "b1", "accuracy"][: rng.integers(1, 6)]
    kinds = {"loss": "loss", "lr": "lr", "accuracy": "other"}
    history.steps = int(rng.integers(0, 120))
    history.status = ["ready", "running", "stopped", "ended"][rng.integers(4)]
    history.layer = "W1" if rng.random() < 0.2 else ""
    for step in range(history.steps):
        for name in names:
            bad = [math.nan, math.inf, -math.inf][rng.integers(3)] if rng.random() < 0.01 else None
            history.add(
                name, kinds.get(name, "norm"), step, bad if bad is not None else float(np.exp(rng.normal() * 4))
            )
    return history


def test_texts_and_running_means_are_those_of_python(opened, tmp_path):
    rng, runs, expected = np.random.default_rng(0), [], []
    for _ in range(200):
        scene = Monitor(random_history(rng))
        state = scene.state(smooth=int(rng.integers(1, 65)))
        found = scene.compute(state)
        data = json.loads(json.dumps(_plain(packed(scene.history.found())), allow_nan=False))
        runs.append({"state": state, "data": data})
        expected.append((scene.caption(state, found), scene.rows(state, found), [t["smooth"] for t in found["tracks"]]))
    tab = opened()
    shared = as_script((FOLDER / "ui.js").read_text())
    path = tmp_path / "m.html"
    path.write_text(f"<!doctype html><title>m</title>{scripts(['monitor'])}<script>{shared}</script>")
    tab.goto(f"file://{path}")
    for told, (caption, rows, smooth) in zip(tab.evaluate(ASK, runs), expected, strict=True):
        assert told[0] == caption and told[1] == rows
        for a, b in zip(told[2], smooth, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("dark", [False, True])
def test_a_finished_run_in_a_page_is_usable_by_all(opened, tmp_path, dark):
    from edfcore.widgets import TrainingMonitor

    monitor = TrainingMonitor(show=False)
    for k in monitor(range(100)):
        monitor.log(loss=math.nan if k == 90 else 1 / (k + 1), lr=0.1, accuracy=k / 100)
    path = tmp_path / "p.html"
    path.write_text(page([monitor], "A run", dark=dark))
    tab = opened(offline=True, viewport={"width": 360, "height": 800}, color_scheme="dark" if dark else "light")
    tab.goto(f"file://{path}")
    tab.wait_for_selector(".edf[data-frame]")
    assert violations(tab) == [] and tab.log == []
    assert tab.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert tab.get_by_role("button", name="Stop", exact=True).count() == 0
    before = tab.locator(".edf").get_attribute("data-state")
    tab.locator(".edf input[type=range]").first.press("ArrowRight")
    assert tab.locator(".edf").get_attribute("data-state") != before
    assert "In step 90 loss became NaN" in tab.locator(".edf-caption").inner_text()


@pytest.mark.parametrize("how", ["button", "menu"])
def test_a_loop_in_jupyterlab_ends_when_it_is_told_to(notebook, how):
    tab = notebook([LOOP, "print('next cell ran')"])
    tab.wait_for_selector(".edf[data-frame]", timeout=60_000)
    frames = int(tab.locator(".edf").get_attribute("data-frame"))
    tab.wait_for_timeout(2000)
    shown = (int(tab.locator(".edf").get_attribute("data-frame")) - frames) / 2
    assert 3 < shown < 15, f"{shown} pictures a second"
    if how == "button":
        tab.get_by_role("button", name="Stop", exact=True).click()
    else:
        tab.click("text=Kernel >> nth=0")
        tab.click("text='Interrupt Kernel'")
    ended = tab.locator(".jp-OutputArea-output:has-text('ended')").last
    tab.wait_for_selector(".jp-OutputArea-output:has-text('next cell ran')", timeout=10_000)
    steps, stopped = re.search(r"ended (\d+) (\w+)", ended.inner_text()).groups()
    assert stopped == "True" and int(steps) < 6000
    assert f"{steps} steps, stopped." in tab.locator(".edf-caption").inner_text()
    assert not tab.query_selector('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
