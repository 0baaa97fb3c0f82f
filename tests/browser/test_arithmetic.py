"""What the browser computes or looks up is what the library computes: 200 random states of every such widget.

Where it computes, arrays agree to 1e-6; texts are equal everywhere.
"""

import json

import numpy as np
import pytest

from edfcore import widgets
from edfcore.widgets.base import FOLDER
from edfcore.widgets.page import _plain, as_script, scripts

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STATES = 200

ASK = """
async ({module, states, data, mode}) => {
  const { scene } = await edfModules[module];
  const told = unpack(edfBytes(data));
  const plain = (v) => {
    if (v === null || v === undefined) return null;
    if (typeof v === "number") return Number.isNaN(v) ? "nan" : Number.isFinite(v) ? v : v > 0 ? "inf" : "-inf";
    if (ArrayBuffer.isView(v) || Array.isArray(v)) return Array.from(v, plain);
    if (typeof v === "object") return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
    return v;
  };
  return states.map((state) => {
    const seen = mode === "table" ? scene.lookup(state, told) : scene.simulate(state, told);
    const caption = seen.caption ?? scene.caption(state, seen), rows = seen.rows ?? scene.rows(state, seen);
    return { found: mode === "table" ? {} : plain(seen), caption, rows };
  });
}
"""


def random_value(setting, rng):
    """A value that the setting may have, ends included now and then."""
    if setting.kind == "flag":
        return bool(rng.integers(2))
    if setting.kind == "choice":
        return setting.choices[rng.integers(len(setting.choices))][0]
    if setting.kind == "text":
        return setting.default
    if rng.random() < 0.1:
        return setting.checked([setting.low, setting.high][rng.integers(2)])
    if setting.whole:
        return int(rng.integers(int(setting.low), int(setting.high) + 1))
    if setting.log:
        return float(np.exp(rng.uniform(np.log(setting.low), np.log(setting.high))))
    return float(rng.uniform(setting.low, setting.high))


def random_states(scene, n=STATES, seed=0):
    """States of a scene. A scene whose texts follow a grammar draws them itself: random_text(name, rng)."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        given = {s.name: random_value(s, rng) for s in scene.settings}
        for s in scene.settings:
            if s.kind == "text" and hasattr(scene, "random_text"):
                given[s.name] = scene.random_text(s.name, rng)
        yield scene.state(**given)


def numbers(value):
    """Nested lists with "nan" and "inf" as an array, flat; other values as they are."""
    if isinstance(value, np.ndarray):
        return value.astype(float).ravel() if value.dtype.kind in "biuf" else value.ravel().tolist()
    if isinstance(value, bool | int | float | np.generic):
        return np.array([float(value)])
    if value in ("nan", "inf", "-inf"):
        return np.array([float(value)])
    if isinstance(value, list | tuple):
        parts = [numbers(v) for v in value]
        if all(isinstance(p, np.ndarray) for p in parts):
            return np.concatenate(parts) if parts else np.zeros(0)
        return parts
    return value


def same(mine, theirs, where):
    if isinstance(mine, dict):
        assert sorted(mine) == sorted(theirs), where
        for name in mine:
            same(mine[name], theirs[name], f"{where}.{name}")
        return
    a, b = numbers(mine), numbers(theirs)
    if isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray) and a.shape == b.shape, f"{where}: {mine!r} and {theirs!r}"
        small = 1e-6 * max(1.0, float(np.abs(a[np.isfinite(a)]).max(initial=0.0)))
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=small * 1e-3, err_msg=where)
    else:
        assert a == b, where


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_the_browser_shows_what_the_library_computes(name, opened, tmp_path):
    kind = getattr(widgets, name)
    widget, scene = kind(), kind.scene
    if widget.mode == "live":
        pytest.skip("Python computes each of its states")
    page = opened()
    shared = (FOLDER / "ui.js").read_text()
    (tmp_path / "m.html").write_text(
        f"<!doctype html><title>m</title>{scripts([scene.name])}<script>{as_script(shared)}</script>"
    )
    page.goto(f"file://{tmp_path}/m.html")
    states = list(random_states(scene))
    data = json.loads(json.dumps(_plain(widget.data)))
    asked = {"module": scene.name, "states": states, "data": data, "mode": widget.mode}
    for state, told in zip(states, page.evaluate(ASK, asked), strict=True):
        found, where = scene.compute(state), f"{name}({scene.text(state)})"
        if widget.mode == "browser":
            same(found, told["found"], where)
        assert told["caption"] == scene.caption(state, found), where
        assert told["rows"] == scene.rows(state, found), where
