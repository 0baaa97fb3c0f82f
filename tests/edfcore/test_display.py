"""What notebooks show: numbers against NumPy, pictures against another reader of PNG, escaping, text twins."""

import base64
import io
import pickle
import re
import subprocess
import sys
import traceback
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import schedules
from edfcore.display import (
    CELLS,
    CIVIDIS,
    LOOK,
    _fewer,
    _runs,
    aligned,
    explain,
    heat_map,
    horizon,
    measures,
    png,
    table,
    timeline_svg,
)  # fmt: skip
from edfcore.parallel.clock import Program
from edfcore.parallel.cluster import parse

NASTY = '<script>alert("1")</script>'


def parsed(html):
    """HTML as a tree; fails where it is not well formed, as everything escaped is."""
    closed = re.sub(r"<img ([^>]*)>", r"<img \1/>", html)
    return ElementTree.fromstring(f"<div>{closed}</div>")


def texts(tree, tag):
    return ["".join(e.itertext()) for e in tree.iter(tag)]


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y")
        h = edf.ReLU(x @ edf.Param(rng.normal(size=(5, 7)), "W") + edf.Param(np.zeros(7), "beta"), name="h")
        loss = edf.CrossEntropy(h @ edf.Param(rng.normal(size=(7, 3)), NASTY), y, name="loss")
    x.set(rng.normal(size=(4, 5)))
    y.set(rng.integers(3, size=4))
    return graph, h, loss


# Nodes


def test_a_node_tells_axes_in_letters_and_its_range(network):
    graph, h, loss = network
    assert h.describe() == "ReLU 'h': no value yet" and "no value yet" in h._repr_html_()
    graph.Forward()
    graph.Backward(loss)
    tree = parsed(h._repr_html_())
    assert texts(tree, "caption") == ["ReLU 'h': b 4, i 7, float64"]
    least, mean, greatest, bad = texts(tree, "td")[:4]
    assert float(mean) == pytest.approx(h.value.mean(), rel=1e-3) and bad == "0"
    assert [float(least), float(greatest)] == pytest.approx([h.value.min(), h.value.max()], rel=1e-3)
    assert [line.split(":")[0] for line in h.describe().splitlines()] == ["ReLU 'h'", "value", "gradient"]
    assert f"least {least}, mean {mean}, greatest {greatest}" in h.describe()


def test_every_node_and_graph_shows_itself_escaped_and_in_one_short_line(network):
    graph, _, loss = network
    graph.Forward()
    graph.Backward(loss)
    for thing in (graph, graph.draw(), graph.summary(), *graph.nodes):
        html = thing._repr_html_()
        parsed(html)
        assert "<script" not in html
    assert all("\n" not in repr(n) and len(repr(n)) < 90 for n in (graph, *graph.nodes))


def test_a_graph_s_picture_has_a_role_a_name_the_page_s_ink_and_the_same_as_text(network):
    graph, _, _ = network
    graph.Forward()
    html = graph._repr_html_()
    tree = parsed(html)
    picture = next(e for e in tree.iter() if e.tag.endswith("svg"))
    assert picture.get("role") == "img" and "W [i 5, j 7] (Param)" in picture.get("aria-label")
    assert texts(tree, "pre") == [repr(graph.draw())]
    assert not re.search(r"(fill|stroke)=\"(?!none|currentColor)", html)  # so that it is read on dark paper too


def test_a_graph_of_very_many_nodes_is_text_in_a_notebook():
    with edf.Graph() as graph:
        x = edf.Input("x")
        for _ in range(300):
            x = edf.Tanh(x)
    html = graph._repr_html_()
    assert "<svg" not in html and texts(parsed(html), "pre") == [repr(graph.draw())]


def test_measures_leave_out_what_is_not_finite_and_count_it():
    assert measures(np.array([1.0, np.nan, 3.0, np.inf])) == (["1", "2", "3"], 2)
    assert measures(np.array([np.nan])) == (["none"] * 3, 1)
    assert measures(np.array([3 + 4j, 0])) == (["0", "2.5", "5"], 0)
    assert measures(np.zeros((0, 3))) == (["none"] * 3, 0)


def test_a_table_escapes_all_its_texts_but_what_is_html_already():
    html = table([[NASTY, "b"], [NASTY, NASTY, "<i>x</i>"]], NASTY, raw=(2,))
    assert "<script" not in html and html.count("&lt;script") == 4 and "<td><i>x</i></td>" in html
    parsed(html)


# Heat maps


def pixels(html):
    """The pixels of a heat map, read by Pillow."""
    Image = pytest.importorskip("PIL.Image")
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_png_is_what_an_independent_reader_reads(rows, columns, seed):
    Image = pytest.importorskip("PIL.Image")
    drawn = np.random.default_rng(seed).integers(256, size=(rows, columns, 4)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(drawn)))), drawn)


def test_a_heat_map_is_dark_at_the_least_and_light_at_the_greatest_number():
    found = pixels(heat_map(np.array([[0.0, 1.0], [4.0, np.nan]])))
    assert found[0, 0].tolist() == [*CIVIDIS[0], 255] and found[1, 0].tolist() == [*CIVIDIS[-1], 255]
    assert found[1, 1, 3] == 0  # a gap
    assert found[0, 1].tolist() == [*CIVIDIS[1], 255]  # a quarter of the way


def test_lightness_rises_over_the_whole_scale():
    found = pixels(heat_map(np.linspace(0, 1, CELLS)))[0, :, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("shape", [(200, 3), (5, 1000), (70, 3, 40), (64, 64), (130,)])
def test_large_arrays_are_averaged_to_a_small_picture_with_the_same_mean(shape):
    array = np.random.default_rng(1).normal(size=shape)
    found = pixels(heat_map(array))
    assert max(found.shape[:2]) <= CELLS and len(heat_map(array)) < 30_000
    width, height = (int(n) for n in re.search(r'width="(\d+)" height="(\d+)"', heat_map(array)).groups())
    assert width <= 192 and height <= 2 * CELLS


def test_averages_of_neighbours_are_means_of_their_cells():
    plane = np.arange(128.0)[:, None]
    assert _fewer(plane, 0).ravel().tolist() == (np.arange(64) * 2 + 0.5).tolist()
    assert np.allclose(_fewer(np.ones((1000, 2)), 0), 1)


@pytest.mark.parametrize("array", [3.0, np.array([1.0]), np.zeros((0, 4))])
def test_no_heat_map_of_a_single_number_or_none(array):
    assert heat_map(array) == ""


def test_an_array_without_a_finite_number_or_with_huge_ones_has_a_picture():
    assert pixels(heat_map(np.full((2, 2), np.nan)))[..., 3].tolist() == [[0, 0], [0, 0]]
    assert (pixels(heat_map(np.array([-1e308, 1e308])))[..., 3] == 255).all()
    assert "True" not in heat_map(np.array([True, False]))


# Schedules

SCHEDULES = [
    schedules.Constant(0.1), schedules.Exponential(0.1, 0.9), schedules.MultiStep(0.1, (30, 60)),
    schedules.Warmup(10, schedules.Cosine(0.1, 90)), schedules.CosineWarmRestarts(0.1, 20),
    schedules.OneCycle(0.1, 100), schedules.Sequence([schedules.Constant(0.1), schedules.Exponential(0.1, 0.5)], [7]),
    schedules.Scaled(schedules.Cosine(0.1, 50), 2.0), schedules.Constant(0.0),
]  # fmt: skip


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_schedule_draws_its_own_rates(schedule):
    html = schedule._repr_html_()
    tree = parsed(html)
    points = next(e for e in tree.iter() if e.tag.endswith("polyline")).get("points").split()
    steps = np.unique(np.linspace(0, horizon(schedule), 161).astype(int))
    assert len(points) == len(steps)
    rates = np.asarray(schedule(steps))
    heights = 132 - np.array([float(p.split(",")[1]) for p in points])
    assert heights == pytest.approx(110 * rates / (rates.max() or 1), abs=0.06)
    told = next(e for e in tree.iter() if e.tag.endswith("svg")).get("aria-label")
    assert f"the rate is {rates[0]:.4g} at step 0, at most {rates.max():.4g} at step {steps[rates.argmax()]}" in told


def test_a_curve_goes_past_the_end_of_its_lengths():
    assert horizon(schedules.Warmup(10, schedules.Cosine(0.1, 90))) == 125
    assert horizon(schedules.MultiStep(0.1, (30, 60))) == 75
    assert 0.9 ** horizon(schedules.Exponential(0.1, 0.9)) < 0.01


def test_a_rate_that_overflows_has_no_picture_and_no_error():
    assert schedules.Exponential(1e300, 1e10)._repr_html_() is None


# Timelines


def timeline(n=2):
    program = Program(parse(f"{n} x GTX Titan, PCIe 3 switch"))
    for device in range(n):
        first = program.compute(device, 0.5, "forward")
        sent = program.message(device, (device + 1) % n, 12e9, "activations", after=[first])
        program.compute((device + 1) % n, 0.25, "backward", after=[sent])
    return program.run()


def test_a_timeline_draws_each_lane_to_scale():
    found = timeline()
    tree = parsed(found._repr_html_())
    boxes = [e.attrib for e in tree.iter() if e.tag.endswith("rect") and e.get("height") == "14"]
    lane = sorted((int(b["x"]) - 92, int(b["width"])) for b in boxes if b["y"] == "26")
    scale = (640 - 104) / found.end
    spans = sorted((s.start, s.end) for s in found.spans if s.device == 0 and s.target is None)
    assert len(lane) == len(spans) == 2
    for (x, width), (start, end) in zip(lane, spans, strict=True):
        assert abs(x - start * scale) <= 1 and abs(x + width - end * scale) <= 1


def test_every_category_has_a_hatch_of_its_own():
    assert len({hatch for _, hatch in LOOK.values()}) == len({c for c, _ in LOOK.values()}) == len(LOOK)


def test_a_timeline_tells_its_shares_in_words():
    found = timeline()
    told = next(e for e in parsed(timeline_svg(found)).iter() if e.tag.endswith("svg")).get("aria-label")
    assert f"device 0 computes {found.shares(0)['compute'] / found.end:.0%} of the time" in told


def test_patterns_of_two_timelines_in_a_page_have_names_of_their_own():
    names = [set(re.findall(r'id="(edf-[^"]+)"', timeline_svg(timeline(n)))) for n in (2, 3)]
    assert names[0] and not names[0] & names[1]


def test_many_tasks_make_a_picture_of_bounded_size():
    program = Program(parse("32 x GTX Titan, PCIe 3 switch"))
    for k in range(4000):
        program.compute(k % 32, 1e-3 * (1 + k % 7), ("forward", "backward")[k % 2])
    html = timeline_svg(program.run())
    assert len(html) < 600_000 and "16 of 32 devices" in html


@given(st.lists(st.tuples(st.floats(0, 0.99), st.floats(0, 0.5)), min_size=1, max_size=20))
def test_runs_cover_the_pixels_of_the_spans_and_no_others(spans):
    class Span:
        def __init__(self, start, length):
            self.start, self.end = start, min(start + length, 1.0)

    spans = [Span(*s) for s in spans]
    runs = _runs(spans, 1.0, 100)
    covered = {p for a, b in runs for p in range(a, b)}
    for s in spans:
        assert int(s.start * 100) in covered
    for p in covered:
        assert any(s.start * 100 < p + 1.001 and s.end * 100 > p - 0.001 for s in spans)
    assert all(b < a for (_, b), (a, _) in zip(runs, runs[1:], strict=False))


def test_an_empty_timeline_falls_back_to_its_line():
    empty = Program(parse("2 x GTX Titan, PCIe 3 switch")).run()
    assert empty._repr_html_() is None and "0 tasks" in repr(empty)


def test_a_simulation_s_report_holds_its_timeline():
    from edfcore.parallel.simulate import simulate

    report = simulate("2 x GTX Titan, PCIe 2 shared", "alexnet", batch=64)
    html = report._repr_html_()
    assert timeline_svg(report.timeline) in html and html.startswith("<table>")
    parsed(html)


# Plans


def test_a_plan_s_report_is_a_table_of_the_numbers_that_it_prints(network):
    graph, _, loss = network
    plan = edf.plan(graph, loss)
    plan.gradients(x=graph["x"].value, y=graph["y"].value)
    report = plan.report()
    html = report._repr_html_()
    tree = parsed(html)
    cells = dict(zip(texts(tree, "th")[2:], texts(tree, "td"), strict=True))
    assert cells["FLOPs forward"] == f"{report.forward:,}" and cells["FLOPs forward"] in str(report)
    assert cells["bytes of activations"] == f"{report.memory['activations']:,}"
    assert cells["bytes together"].startswith(f"{report.total:,}")


def test_a_plan_shows_a_line_and_once_it_is_compiled_its_report(network):
    graph, _, loss = network
    plan = edf.plan(graph, loss)
    assert repr(plan) == "<Plan of CrossEntropy 'loss', 3 parameters, 0 shapes of batch compiled>"
    assert "<table" not in plan._repr_html_()
    plan.gradients(x=graph["x"].value, y=graph["y"].value)
    html = plan._repr_html_()
    assert "1 shape of batch compiled" in html and plan.report()._repr_html_() in html
    parsed(html)


# Shape errors


def clash(x_shape, W_shape, make):
    with edf.Graph() as graph:
        x = edf.Input("x")
        make(x, edf.Param(np.ones(W_shape), "W"))
    x.set(np.ones(x_shape))
    with pytest.raises(edf.ShapeError) as caught:
        graph.Forward()
    return caught.value


def test_a_clash_of_letters_is_marked_below_its_axis_in_the_traceback():
    error = clash((32, 784), (785, 128), lambda x, W: x @ W)
    told = "".join(traceback.format_exception(error)).splitlines()[-4:]
    assert told == ["  axes   b    i    j", "  x     32  784", "  W         785  128", "            ^^^"]
    assert str(error) == ("VDot: x has axes b,i = (32, 784) but W has i,j = (785, 128): i is 784 in x and 785 in W.")


def test_a_clash_in_broadcasting_is_aligned_from_the_right():
    error = clash((4, 3, 5), (2, 5), lambda x, W: x * W)
    assert repr(explain(error)).splitlines()[1:] == [
        "  axis  3  2  1",
        "  x     4  3  5",
        "  y        2  5",
        "           ^",
    ]


def test_a_letter_that_stands_twice_keeps_its_columns():
    assert aligned([("x", ("i", "i"), (3, 4))], "i").splitlines()[-1].split() == ["^", "^"]


def test_further_axes_have_columns_of_their_own():
    lines = aligned([("x", ("...", "i"), (2, 3, 7)), ("W", ("i", "j"), (8, 5))], "i").splitlines()
    assert lines[0].split() == ["axes", "...", "...", "i", "j"] and lines[-1].strip() == "^"
    assert lines[0].index("i") == lines[-1].index("^")


def test_explain_shows_a_table_whose_clashing_cells_are_framed():
    tree = parsed(explain(clash((32, 784), (785, 128), lambda x, W: x @ W))._repr_html_())
    framed = ["".join(e.itertext()) for e in tree.iter() if "dashed" in (e.get("style") or "")]
    assert framed == ["i \u2260", "784", "785"]


def test_explain_takes_any_error_and_escapes_it():
    told = explain(ValueError(NASTY))
    assert repr(told) == NASTY and "<script" not in told._repr_html_()
    assert repr(explain(edf.ShapeError("x has 3 axes."))) == "x has 3 axes."


def test_a_shape_error_survives_pickling():
    error = clash((4, 3), (5, 2), lambda x, W: x @ W)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and repr(explain(again)) == repr(explain(error))


def test_ipython_prints_the_alignment_below_the_sentence():
    ultratb = pytest.importorskip("IPython.core.ultratb")
    error = clash((4, 3), (5, 2), lambda x, W: x @ W)
    told = ultratb.AutoFormattedTB(mode="Context").structured_traceback(type(error), error, error.__traceback__)
    assert "  W        5  2" in "\n".join(told)


def test_values_on_a_device_are_shown_from_the_host():
    from edfcore.parallel.machine import DeviceGraph, SimDevice

    with DeviceGraph("float64", SimDevice()) as graph:
        x = edf.Input("x")
        h = edf.Tanh(x, name="h")
    x.set(graph.backend.array(np.array([[0.0, 1.0]])))
    graph.Forward()
    assert h.describe().splitlines()[1] == f"value: least 0, mean {np.tanh(1) / 2:.4g}, greatest {np.tanh(1):.4g}"
    parsed(h._repr_html_())


# Everywhere


def test_nothing_of_this_needs_more_than_numpy():
    code = (
        "import sys, edfcore.display; "
        "print([m for m in ('matplotlib', 'IPython', 'PIL', 'ipywidgets', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_in_a_notebook_a_clash_is_a_table_above_the_traceback():
    import nbformat
    from nbclient import NotebookClient

    cell = nbformat.v4.new_code_cell(
        "import edfcore as edf, numpy as np\nx = edf.Input('x')\ny = edf.VDot(x, edf.Param(np.ones((785, 3)), 'W'))\n"
        "x.set(np.ones((2, 784)))\nedf.Forward()"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, allow_errors=True, timeout=60).execute()
    table, error = notebook.cells[0].outputs
    assert "<table" in table.data["text/html"] and "785" in table.data["text/html"]
    told = "\n".join(error.traceback)
    assert error.ename == "ShapeError" and "i is 784 in x and 785 in W" in told and "^^^" in told
    assert "_render_traceback_" not in told
