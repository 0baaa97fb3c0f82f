"""The many-device timeline: what it says agrees with the simulation, with closed forms, and with itself."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.parallel import simulate
from edfcore.scenes.timeline import Timeline, doing, drawn, key, percent, runs, seconds, sent, table

SCENE = Timeline()


def found(**given):
    state = SCENE.state(**given)
    return state, SCENE.compute(state)


def value_of(setting):
    if setting.kind == "flag":
        return st.booleans()
    if setting.kind == "choice":
        return st.sampled_from([v for v, _ in setting.choices])
    if setting.whole:
        return st.integers(int(setting.low), int(setting.high))
    return st.integers(0, 12).map(lambda k: setting.low + k * (setting.high - setting.low) / 12)


STATES = st.fixed_dictionaries({s.name: value_of(s) for s in SCENE.settings}).map(lambda d: SCENE.state(**d))


@given(STATES)
def test_a_state_survives_its_text(state):
    assert SCENE.state_from(SCENE.text(state)) == state


def test_the_default_state_is_the_library_s_simulation():
    report = simulate("4 x GTX Titan, PCIe 3 shared", "alexnet", "data", 256)
    state, f = found()
    assert f["seconds"] == report.seconds and f["speedup"] == report.speedup
    assert np.allclose(f["shares"][:, 1], report.exposed)


@pytest.mark.parametrize("strategy", ["data", "model", "hybrid", "gpipe", "1f1b"])
@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_joined_bars_keep_the_time_that_each_device_computes(strategy, devices):
    state, f = found(strategy=strategy, devices=devices)
    bars, pixel = f["bars"], f["seconds"] / 600
    for d in range(devices):
        mine = bars[(bars[:, 0] == d) & (bars[:, 1] == 0)]
        computing = f["shares"][d, 0] * f["seconds"]
        assert abs(mine[:, 4].sum() - computing) <= pixel * len(mine)
        order = np.argsort(mine[:, 3], kind="stable")
        assert (np.diff(order) > 0).all(), "along a lane bars come in the order of time"
    assert bars[:, 3].min() >= 0 and (bars[:, 3] + bars[:, 4]).max() <= f["seconds"] * (1 + 1e-6)
    assert np.allclose(f["shares"].sum(axis=1), 1)


def test_without_a_pixel_every_task_is_a_bar():
    line = SCENE.report(SCENE.state(strategy="1f1b")).timeline
    bars, names = drawn(line, 0.0)
    assert len(bars) == sum(s.end > s.start for s in line.spans)
    assert {names[int(k)] for k in bars[:, 5]} == {s.name for s in line.spans if s.end > s.start}


def test_only_short_neighbours_are_joined():
    class Span:
        def __init__(self, start, end):
            self.start, self.end = start, end

    long, a, b, far = Span(0, 5), Span(5, 5.1), Span(5.1, 5.2), Span(8, 8.1)
    assert [(x.start, y.end, n) for x, y, n in runs([long, a, b, far], 0.5)] == [(0, 5, 1), (5, 5.2, 2), (8, 8.1, 1)]


@pytest.mark.parametrize("micro", [1, 2, 8, 32])
def test_equal_stages_without_messages_stand_still_for_the_bubble(micro):
    """Perfect stages: (P - 1) / (M + P - 1); the real ones stand still at least about that long."""
    state, f = found(strategy="gpipe", micro=micro, network="vgg16", link="NVLink 3 switch")
    assert f["bubble"] == 3 / (micro + 3)
    assert f["shares"][:, 1:].sum(axis=1).mean() > f["bubble"] * 0.9
    assert percent(f["bubble"]) in SCENE.caption(state, f)


def test_a_bubble_is_told_of_pipelines_alone():
    for strategy in ("data", "model", "hybrid"):
        state, f = found(strategy=strategy)
        assert np.isnan(f["bubble"]) and "bubble" not in str(SCENE.numbers(state, f))


def test_a_slow_device_makes_the_others_idle():
    state, f = found(slow=3.0, who=1, link="NVLink 3 switch")
    assert f["shares"][1, 2] < 0.01 and (np.delete(f["shares"][:, 2], 1) > 0.5).all()
    others = percent(np.delete(f["shares"][:, 2], 1).mean())
    assert f"the others idle {others} of the step on average" in SCENE.caption(state, f)
    assert f["seconds"] == pytest.approx(3 * found(link="NVLink 3 switch")[1]["seconds"], rel=0.02)


def test_a_faster_link_exposes_less_and_a_slower_one_sets_the_pace():
    links = ("NVLink 3 switch", "PCIe 3 switch", "Ethernet 10 switch")
    exposed = [found(link=link)[1]["shares"][:, 1].mean() for link in links]
    assert exposed == sorted(exposed)
    assert "the link sets the pace" in SCENE.caption(*found(link="Ethernet 10 switch", kind="A100 40GB"))
    assert "hides behind computing" in SCENE.caption(*found(link="NVLink 3 switch"))


def test_what_does_not_fit_is_said_and_what_fits_is_not():
    for batch in (32, 1024):
        state, f = found(network="vgg16", batch=batch)
        fits = (f["memory"].sum(axis=1) <= f["limits"]).all()
        assert ("does not fit" in SCENE.caption(state, f)) == (not fits)
    assert not fits


def test_one_device_has_nobody_to_wait_for():
    for strategy in ("data", "gpipe"):
        state, f = found(devices=1, strategy=strategy)
        assert "nobody to wait for" in SCENE.caption(state, f)
        assert f["efficiency"] == pytest.approx(1, abs=0.02)


def test_the_moment_is_told_for_each_device():
    state, f = found(strategy="gpipe", t=0)
    head, *rows = SCENE.rows(state, f)
    assert head[-1] == "at 0 us" and rows[0][-1].startswith("forward 0") and rows[3][-1] == "waits"
    last = f["seconds"] * 2
    assert doing(f, 0, last) == "waits"


def test_numbers_read_as_people_write_them():
    assert [seconds(x) for x in (3.2e-5, 0.0123, 2.5)] == ["32 us", "12.3 ms", "2.5 s"]
    assert percent(0.1234) == "12.3 %"


@settings(max_examples=30, deadline=None)
@given(STATES)
def test_the_key_tells_apart_what_differs_and_only_that(state):
    same = SCENE.state(**(state | {"t": (state["t"] + 1) % 101}))
    assert key(same) == key(state)
    other = state | {"overlap": not state["overlap"]}
    counts = state["devices"] > 1 and state["strategy"] in ("data", "hybrid")
    assert (key(other) != key(state)) == counts


@pytest.mark.parametrize("devices", [1, 4])
@pytest.mark.parametrize("strategy", ["data", "model", "hybrid", "gpipe", "1f1b"])
def test_overlap_matters_where_the_key_says_so_and_nowhere_else(strategy, devices):
    on, off = (found(strategy=strategy, devices=devices, overlap=o) for o in (True, False))
    assert (on[1]["seconds"] == off[1]["seconds"]) == (key(on[0]) == key(off[0]))


@pytest.mark.parametrize("link", ["PCIe 3 shared", "Ethernet 10 switch"])
@pytest.mark.parametrize("strategy", ["data", "1f1b"])
def test_what_a_slow_device_costs_is_told_beside_communication(strategy, link):
    state, f = found(slow=2.0, strategy=strategy, link=link)
    even = found(strategy=strategy, link=link)[1]["seconds"]
    assert f["even"] == even < f["seconds"]
    assert f"as fast as the others it would take {seconds(even)}" in SCENE.caption(state, f)
    assert "it would take" not in SCENE.caption(*found(strategy=strategy, link=link))


def looked_up(name, data, states):
    """[caption, state afterwards] of what js/<name>.js looks up, which needs no browser."""
    if not (node := shutil.which("node")):
        pytest.skip("node runs the module")
    from edfcore.widgets.base import module
    from edfcore.widgets.page import _plain

    ask = """
    const bytes = (v) => {
      if (Array.isArray(v)) return v.map(bytes);
      if (v === null || typeof v !== "object") return v;
      if (v.base64 !== undefined) return Uint8Array.from(Buffer.from(v.base64, "base64"));
      return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, bytes(x)]));
    };
    const [data, states] = JSON.parse(require("fs").readFileSync(0, "utf8")), table = unpack(bytes(data));
    console.log(JSON.stringify(states.map((state) => [scene.caption(state, scene.lookup(state, table)), state])));
    """
    script = module(name).partition("export default")[0] + ask
    asked = json.dumps([_plain(data), states])
    done = subprocess.run([node, "-e", script], input=asked, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_page_without_python_says_what_it_shows_instead(widget):
    asked = SCENE.state(devices=8, network="vgg16", batch=1024, kind="V100")
    exact, sliding = SCENE.state(slow=2.0, who=1), SCENE.state(batch=512)
    (told, shown), (same, _), (slid, kept) = looked_up("timeline", widget.data, [asked, exact, sliding])
    assert told.startswith(
        "Shown: AlexNet, GTX Titan, batch 256; you asked for VGG-16, V100, batch 1024, which needs Python. 8 devices ("
    )
    assert (shown["devices"], shown["network"], shown["kind"], shown["batch"]) == (8, "alexnet", "GTX Titan", 256)
    assert same == SCENE.caption(exact, SCENE.compute(exact))
    assert (
        slid.startswith("Shown: batch 256; you asked for batch 512") and kept == sliding
    )  # arrow keys go on from there


def test_every_state_is_told_by_what_is_shown_or_by_what_is_not(widget):
    rng, keys = np.random.default_rng(0), {one["key"]: one["told"] for one in widget.data["states"]}
    few = {"batch": [64, 200, 256], "micro": [2, 8, 9], "slow": [1.0, 2.0, 2.25], "who": [0, 3, 7], "t": [70]}
    values = {s.name: few.get(s.name) or [v for v, _ in s.choices] or [True, False] for s in SCENE.settings}
    states = [{name: some[rng.integers(len(some))] for name, some in values.items()} for _ in range(300)]
    states += [SCENE.state() | {name: v} for name, some in values.items() for v in some]
    for state, (told, shown) in zip(states, looked_up("timeline", widget.data, states), strict=True):
        if key(state) in keys:
            assert told == keys[key(state)] and shown == state
        else:
            assert told.startswith("Shown: ") and ", which needs Python. " in told and "undefined" not in told
            assert SCENE.state(**shown) == shown
            assert shown == state or told.endswith(keys[key(shown)])  # sliders alone stay, for arrow keys to go on from


def test_what_is_sent_is_json_without_nan():
    told = sent(SCENE.state(strategy="data"))
    json.dumps({k: v for k, v in told.items() if not isinstance(v, np.ndarray)}, allow_nan=False)


@pytest.mark.parametrize("strategy", ["data", "model", "1f1b"])
def test_bars_come_back_out_of_two_numbers(strategy):
    """As js/timeline.js reads them: the same bars for every device, those of devices alike among them."""
    state, f = found(strategy=strategy)
    told, part = sent(state), f["seconds"] / 2**26
    seen = [
        (
            device,
            int(code) >> 2 & 1,
            int(code) & 3,
            when // 2**26 * part,
            when % 2**26 * part,
            told["names"][int(code) >> 6],
        )
        for device, first in enumerate(told["like"])
        for code, when in told["bars"]
        if int(code) >> 3 & 7 == first
    ]
    assert len(seen) == len(f["bars"])
    for got, bar in zip(seen, f["bars"], strict=True):
        assert got[:3] == tuple(bar[:3]) and got[5] == f["names"][int(bar[5])]
        assert got[3:5] == pytest.approx(bar[3:5], abs=2e-5 * f["seconds"])


def test_devices_that_do_the_same_are_sent_once():
    assert sent(SCENE.state())["like"] == [0, 0, 0, 0]
    assert sent(SCENE.state(slow=2.0, who=1))["like"][1] == 1
    assert len(set(sent(SCENE.state(strategy="gpipe"))["like"])) == 4


def test_the_table_holds_every_strategy_on_every_number_of_devices():
    keys = {one["key"] for one in table(SCENE.state())["states"]}
    for strategy in ("data", "model", "hybrid", "gpipe", "1f1b"):
        for devices in (2, 4, 8):
            assert key(SCENE.state(strategy=strategy, devices=devices)) in keys


@pytest.fixture
def widget():
    pytest.importorskip("anywidget")
    from edfcore.widgets import MultiGpuTimeline

    return MultiGpuTimeline()


def test_the_table_and_the_module_are_small(widget):
    from edfcore.widgets.base import module
    from edfcore.widgets.page import _plain

    assert len(json.dumps(_plain(widget.data))) < 80_000
    assert len(module("timeline").encode()) <= 30_000


def test_a_reply_has_what_the_page_shows(widget):
    told = widget._reply(SCENE.state(devices=8, strategy="model", t=3))
    assert told["key"] == key(SCENE.state(devices=8, strategy="model"))
    assert told["told"] == SCENE.caption(*found(devices=8, strategy="model"))


def test_the_trace_is_the_whole_simulation(widget, tmp_path):
    widget.set(strategy="1f1b").save_trace(tmp_path / "t.json")
    events = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    spans = SCENE.report(SCENE.state(strategy="1f1b")).timeline.spans
    assert sum(e["ph"] == "X" for e in events) == len(spans)
    with pytest.raises(DataError, match="cannot be written"):
        widget.save_trace(tmp_path / "no" / "t.json")


def test_the_page_s_element_renders(widget):
    from edfcore.widgets.page import element

    assert 'data-module="timeline"' in element(widget)


@pytest.mark.slow
def test_the_figure_says_what_it_shows_and_is_the_same_twice():
    pytest.importorskip("matplotlib")
    from edfcore.figures.timeline import timeline_figure

    for given_ in ({}, {"devices": 8, "strategy": "1f1b"}, {"devices": 1}):
        state, f = found(**given_)
        one, two = (timeline_figure(state, f) for _ in range(2))
        assert one.alt.startswith(SCENE.caption(state, f))
        assert one.png() == two.png()


def test_a_wrong_setting_is_refused_with_a_sentence():
    for wrong in ({"devices": 3}, {"slow": 0.5}, {"link": "string"}, {"batch": 2.5e3}):
        with pytest.raises(DataError, match=r"\.$"):
            SCENE.state(**wrong)
