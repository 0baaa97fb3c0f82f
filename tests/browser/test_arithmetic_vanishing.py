"""What VanishingGradients looks up without Python is what the library computes: every network of its table."""

import json

import numpy as np
import pytest

from edfcore import widgets
from edfcore.scenes.vanishing import DEPTHS, LEVELS, Vanishing, grid, of_layers, shown
from edfcore.widgets.base import FOLDER
from edfcore.widgets.page import _plain, as_script, scripts

pytestmark = [pytest.mark.browser, pytest.mark.slow]
scene = Vanishing()

ASK = """
async ({states, data}) => {
  const { scene } = await edfModules.vanishing, told = unpack(edfBytes(data));
  return states.map((state) => {
    const found = scene.lookup(state, told), words = [scene.caption(state, found), scene.rows(state, found)];
    const plain = Object.entries(found).map(([k, v]) => [k, k === "near" ? v : Array.from(v, String)]);
    return [Object.fromEntries(plain), words];
  });
}
"""


def asked(opened, tmp_path, states):
    """For each state what is looked up: (near, arrays, caption, rows)."""
    page = opened()
    shared = as_script((FOLDER / "ui.js").read_text())
    (tmp_path / "m.html").write_text(
        f"<!doctype html><title>m</title>{scripts(['vanishing'])}<script>{shared}</script>"
    )
    page.goto(f"file://{tmp_path}/m.html")
    data = json.loads(json.dumps(_plain(widgets.VanishingGradients().data)))
    for found, words in page.evaluate(ASK, {"states": states, "data": data}):
        near = found.pop("near")
        yield near, {k: np.array(v, dtype=float) for k, v in found.items()}, *words


def test_every_network_of_the_table_is_the_librarys(opened, tmp_path):
    states = list(grid())
    for state, (near, found, caption, rows) in zip(states, asked(opened, tmp_path, states), strict=True):
        right, where = of_layers(state, shown(state["depth"])), scene.text(state)
        assert near == state
        for name in ("theory_act", "theory_grad"):
            np.testing.assert_allclose(found[name], right[name], rtol=1e-6, err_msg=f"{where} {name}")
        for name in ("act", "grad", "layers", "act_axis", "grad_axis"):
            np.testing.assert_allclose(found[name], right[name], rtol=5e-4, err_msg=f"{where} {name}")
        for name in ("act_bars", "grad_bars"):
            bars = right[name].ravel()
            assert (np.abs(found[name] - bars) <= 3 / (len(LEVELS) - 1)).all(), f"{where} {name}"
        assert caption == scene.caption(near, found), where
        assert rows == scene.rows(near, found), where


def test_the_nearest_depth_is_taken(opened, tmp_path):
    states = [scene.state(depth=d, width=128, gain=2.0, seed=3, norm=True) for d in (2, 7, 8, 17, 18, 50)]
    found = [near for near, *_ in asked(opened, tmp_path, states)]
    assert [one["depth"] for one in found] == [5, 5, 10, 10, 30, 30]  # by ratio: 7.07 and 17.3 lie between
    assert set(DEPTHS) == {5, 10, 30}
    assert all((one["width"], one["gain"], one["seed"], one["norm"]) == (64, 1, 0, True) for one in found)
