"""Figures of simulations: pure, labelled, told in two ways, and their numbers those of what they were given."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from math import fsum

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Patch

from edfcore.cli import main
from edfcore.errors import DataError, ShapeError
from edfcore.figures import Figure
from edfcore.figures import parallel as figures
from edfcore.parallel import asynchronous, published
from edfcore.parallel.clock import Program, Timeline
from edfcore.parallel.clock import Span as Task
from edfcore.parallel.cluster import parse
from edfcore.parallel.simulate import simulate
from edfcore.parallel.sweep import scaling

TITANS = "4 x GTX Titan, PCIe 3 shared"
DATA = simulate(TITANS, "alexnet", "data")
PIPELINE = simulate(TITANS, "alexnet", "pipeline", micro_batches=8)
UNEVEN = simulate(TITANS, "alexnet", "data", steps=3, straggler="lognormal:0.3")
ADDING = simulate(TITANS, "alexnet", "data", reduce_rate=2e10)
TOO_MUCH = simulate("2 x GTX 670, PCIe 3 shared", "vgg16", "data", check_memory=False)
MANY = simulate("20 x GTX Titan, PCIe 3 switch", "mlp", "data", batch=640)
SCALED = scaling(TITANS, "alexnet", (4, 1, 2), batch=128)
YADAN, KRIZHEVSKY = published.yadan(), published.krizhevsky()
SERVER = {"N": 3, "seconds": 1.0, "nbytes": 1e8, "straggler": "exponential", "steps": 6}
EXTRA = {"backup": {"backup": 1}, "stale": {"bound": 1}}
LOGS = {p: asynchronous.simulate(p, **SERVER, **EXTRA.get(p, {})) for p in asynchronous.POLICIES}

DRAWN = {
    "timeline": lambda: figures.timeline(DATA),
    "timeline, pipeline": lambda: figures.timeline(PIPELINE),
    "timeline, one step": lambda: figures.timeline(UNEVEN, step=1),
    "timeline, clock alone": lambda: figures.timeline(ADDING.timeline),
    "timeline, many": lambda: figures.timeline(MANY),
    "memory": lambda: figures.memory(PIPELINE),
    "memory, too much": lambda: figures.memory(TOO_MUCH),
    "memory, many": lambda: figures.memory(MANY),
    "scaling": lambda: figures.scaling(SCALED),
    "published": lambda: figures.published(YADAN),
    "published, hours": lambda: figures.published(KRIZHEVSKY),
    "policies": lambda: figures.policies(LOGS),
    "policies, one": lambda: figures.policies(LOGS["stale"], until=4.0),
    "stragglers": lambda: figures.stragglers(["exponential", "pareto:3", "lognormal:0.2", "slow:0:2"]),
}


@pytest.fixture(params=DRAWN, scope="module")
def drawn(request):
    return request.param, DRAWN[request.param]()


def bars(ax, colour=None):
    """(from, to, place) of each bar, of one colour or of all."""
    found = []
    for bar in ax.collections:
        if isinstance(bar, PolyCollection) and colour in (None, to_hex(bar.get_facecolor()[0])):
            for path in bar.get_paths():
                box = path.get_extents()
                found.append((box.x0, box.x1, (box.y0 + box.y1) / 2))
    return sorted(found)


def shown_labels(ax):
    """The labels of the ticks that lie within the axis: matplotlib keeps others, and does not draw them."""
    low, high = sorted(ax.get_ylim())
    return [text for text in ax.get_yticklabels() if low <= text.get_position()[1] <= high]


def labels(found):
    return [text.get_text() for text in found.legends[0].get_texts()]


# All of them


def test_every_public_function_is_drawn_here():
    makers = {name for name, f in vars(figures).items() if getattr(f, "__module__", "") == figures.__name__}
    assert {name for name in makers if not name.startswith("_")} == {name.split(",")[0] for name in DRAWN}


@pytest.mark.parametrize("name", [name for name in DRAWN if "," not in name])
def test_the_same_data_give_the_same_bytes(name):
    first = DRAWN[name]()
    assert isinstance(first, Figure)
    assert first.png(dpi=50)[:8] == b"\x89PNG\r\n\x1a\n"
    assert first.png(dpi=50) == DRAWN[name]().png(dpi=50)


def test_every_axis_is_labelled_and_axes_with_units_name_them(drawn):
    name, found = drawn
    for ax in found.axes:
        last = ax is found.axes[-1] or not name.startswith("policies")
        assert ax.get_ylabel() or (name.startswith("published") and ax is found.axes[1])
        assert ax.get_xlabel() or not last
    across = found.axes[-1].get_xlabel()
    assert re.search(r"\((GB|percent|(milli|micro)?seconds)\)", across) or across in ("devices", "devices N")


def test_no_text_is_cut_off(drawn):
    """Constrained layout makes room for labels, but not for a title that is wider than its axes."""
    found = DRAWN[drawn[0]]()
    found.draw_without_rendering()
    width, height = found.canvas.get_width_height()
    texts = [t for ax in found.axes for t in (*ax.texts, ax._left_title, ax.xaxis.label, ax.yaxis.label)]
    texts += [t for ax in found.axes for t in shown_labels(ax)]
    texts += [t for legend in found.legends for t in legend.get_texts()]
    for text in (t for t in texts if t.get_text()):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text.get_text()


def test_every_kind_of_bar_or_line_has_a_second_cue_beside_its_colour(drawn):
    _, found = drawn
    handles = found.legends[0].legend_handles if found.legends else []
    patches = [h for h in handles if isinstance(h, Patch)]
    assert len({(to_hex(p.get_facecolor()), p.get_hatch()) for p in patches}) == len(patches)
    plain = [to_hex(p.get_facecolor()) for p in patches if not p.get_hatch()]
    assert len(plain) <= 2 and (len(plain) < 2 or {"#e3e3e3"} & set(plain))  # idle or waiting beside one kind of work
    for ax in found.axes:
        named = [line for line in ax.lines if not line.get_label().startswith("_")]
        assert len({(str(line.get_linestyle()), str(line.get_marker())) for line in named}) == len(named)


def test_the_alternative_text_is_a_text_with_numbers(drawn):
    _, found = drawn
    assert len(found.alt) > 80 and found.alt.endswith(".")
    assert len(re.findall(r"\d", found.alt)) > 5
    assert "$" not in found.alt and "\\" not in found.alt


def test_figures_of_simulations_never_load_pyplot():
    code = (
        "import sys; from edfcore.figures import parallel; from edfcore.parallel.simulate import simulate; "
        "parallel.timeline(simulate('2 x GTX Titan, PCIe 3 shared', 'mlp')).png(); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# Timeline


@pytest.mark.parametrize("report", [DATA, PIPELINE, ADDING, UNEVEN])
def test_the_shares_of_a_whole_timeline_are_those_of_the_report(report):
    window, _ = figures._window(report, None)
    shares = np.array([window.shares(d) for d in range(4)])
    np.testing.assert_allclose(shares, np.transpose([report.compute, report.exposed, report.idle]), atol=1e-12)


def test_the_shares_of_the_steps_add_up_to_those_of_the_whole():
    parts = [figures._window(UNEVEN, step)[0] for step in range(UNEVEN.steps)]
    seconds = sum(w.seconds * np.array([w.shares(d) for d in range(4)]) for w in parts)
    whole, _ = figures._window(UNEVEN, None)
    np.testing.assert_allclose(seconds / whole.seconds, [whole.shares(d) for d in range(4)], atol=1e-12)


tasks = st.tuples(
    st.integers(0, 2), st.sampled_from(["compute", "copy"]), st.integers(0, 40), st.integers(1, 10), st.booleans()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(tasks, min_size=1, max_size=12), st.integers(0, 20), st.integers(1, 30))
def test_what_a_window_shows_is_what_a_count_of_its_moments_says(given, start, seconds):
    """Against an oracle that asks of each unit of time what happens in it."""
    spans = tuple(
        Task(
            d,
            stream,
            "t",
            "communication" if stream == "copy" else "forward",
            a,
            a + n,
            (d + 1) % 3 if hit else None,
            0,
        )
        for d, stream, a, n, hit in given
    )
    window = figures._Window(Timeline(parse("3 x GTX Titan, PCIe 3 shared"), spans), start, start + seconds)
    for device in range(3):
        busy = bare = 0
        for moment in range(start, start + seconds):
            now = [s for s in spans if s.start <= moment < s.end]
            computes = any(s.device == device and s.stream == "compute" for s in now)
            talks = any(s.category == "communication" and device in (s.device, s.target) for s in now)
            busy, bare = busy + computes, bare + (talks and not computes)
        assert window.shares(device) == pytest.approx((busy / seconds, bare / seconds, 1 - (busy + bare) / seconds))


def test_the_bars_of_a_timeline_are_its_spans():
    found = DRAWN["timeline"]()
    (ax,) = found.axes
    ends = [tick.get_text() for tick in ax.get_yticklabels()]
    assert ends == [text for d in range(4) for text in (f"{d} compute", "copy")]
    spans = DATA.timeline.spans
    for category, (colour, _) in figures.WORK.items():
        seconds = fsum(s.end - s.start for s in spans if s.category == category)
        drawn = fsum(b - a for a, b, _ in bars(ax, colour.lower())) / 1e3
        assert drawn == pytest.approx(seconds, rel=1e-9)
    exposed = fsum(b - a for a, b, _ in bars(ax, figures.EXPOSED[0])) / 1e3
    assert exposed == pytest.approx(float(DATA.exposed.sum()) * DATA.timeline.end, rel=1e-9)


def test_the_title_says_the_share_that_is_exposed_and_the_text_every_share():
    found = DRAWN["timeline"]()
    assert f"Communication is exposed for {DATA.exposed[0]:.1%} of 171 milliseconds" in found.axes[0].get_title("left")
    assert f"computes {DATA.compute[0]:.1%}" in found.alt and "Each of the 4 devices" in found.alt
    pipeline = DRAWN["timeline, pipeline"]()
    low, high = PIPELINE.exposed.min(), PIPELINE.exposed.max()
    assert f"exposed for {low:.1%} to {high:.1%} of" in pipeline.axes[0].get_title("left")
    for d in range(4):
        told = (
            f"evice {d} computes {PIPELINE.compute[d]:.1%}, has exposed communication {PIPELINE.exposed[d]:.1%}, idles"
        )
        assert told in pipeline.alt


def test_a_step_is_drawn_alone_and_named():
    found = DRAWN["timeline, one step"]()
    assert "step 1 of alexnet" in found.alt
    assert found.axes[0].get_xlim()[1] == pytest.approx(1e3 * UNEVEN.step_seconds[1])
    assert all(0 <= a <= b <= found.axes[0].get_xlim()[1] * (1 + 1e-9) for a, b, _ in bars(found.axes[0]))


def test_one_device_communicates_nothing_and_has_no_bars_that_say_so():
    found = figures.timeline(simulate("GTX Titan", "alexnet", batch=64))
    assert found.axes[0].get_title("left").startswith("Nothing is communicated in ")
    assert labels(found) == ["forward", "backward", "update"]


def test_of_many_devices_the_first_and_last_are_drawn_with_a_note_that_names_the_others():
    found = DRAWN["timeline, many"]()
    (ax,) = found.axes
    shown = {int(text.get_text().split()[0]) for text in ax.get_yticklabels() if text.get_text()[0].isdecimal()}
    assert shown == {*range(8), *range(12, 20)}
    assert "devices 8 to 11 are not drawn" in [t.get_text() for t in ax.texts]
    assert "Each of the 20 devices" in found.alt


def test_names_stand_only_where_bars_are_wide_enough_and_rounds_of_one_sum_have_one_name():
    ax = DRAWN["timeline"]().axes[0]
    names = {t.get_text() for t in ax.texts}
    assert {"conv2", "sum fc6"} <= names and "relu1" not in names
    assert not any(re.fullmatch(r"sum .* \d+", name) for name in names)
    assert {str(k) for k in range(8)} <= {t.get_text() for t in DRAWN["timeline, pipeline"]().axes[0].texts}


def test_adding_has_a_row_of_its_own_where_it_takes_time():
    rows = [t.get_text() for t in DRAWN["timeline, clock alone"]().axes[0].get_yticklabels()]
    assert rows[:3] == ["0 compute", "copy", "copy-in"]


@pytest.mark.parametrize("step", [3, -1, 0.5])
def test_a_step_that_is_not_there_is_told(step):
    with pytest.raises(DataError, match=re.escape(f"there is no step {step!r}; 3 steps are known")):
        figures.timeline(UNEVEN, step)


def test_what_has_no_timeline_is_told():
    with pytest.raises(DataError, match="simulate with detail='messages'"):
        figures.timeline(simulate("4 x GTX Titan, PCIe 3 switch", "mlp", detail="closed"))
    with pytest.raises(DataError, match="nothing takes any time"):
        figures.timeline(Program(parse("GTX Titan")).run())


# Memory


def test_the_bars_of_memory_are_the_amounts_and_stand_against_the_capacity():
    (ax,) = DRAWN["memory"]().axes
    for d, amounts in enumerate(PIPELINE.memory):
        mine = [(b - a) for a, b, y in bars(ax) if y == pytest.approx(d)]
        assert sorted(mine) == pytest.approx(sorted(n / 1e9 for n in amounts.values()), abs=1e-12)
        assert max(b for _, b, y in bars(ax) if y == pytest.approx(d)) == pytest.approx(sum(amounts.values()) / 1e9)
    capacities = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    assert capacities == pytest.approx([PIPELINE.setup.device(d).memory / 1e9 for d in range(4)])


def test_the_fullest_device_is_named_with_its_numbers():
    found, amounts = DRAWN["memory"](), PIPELINE.memory[3]
    assert sum(amounts.values()) == max(sum(m.values()) for m in PIPELINE.memory)
    told = f"Device 3, the fullest, needs {sum(amounts.values()) / 1e6:.0f} MB and has 6 GiB (6.44 GB)"
    assert found.axes[0].get_title("left").startswith(told) and told in found.alt
    assert "parameters, 239 MB" in labels(found) and f"activations {amounts['activations'] / 1e6:.3g} MB" in found.alt
    full = DRAWN["memory, too much"]().axes[0].get_title("left")
    assert full.startswith("Each device needs 16.8 GB and has 2 GiB (2.15 GB): too much")


def test_full_means_little_room_beside_the_capacity_not_the_largest_amount():
    small, large = (parse(name).devices[0] for name in ("GTX 670", "H100 SXM"))
    cluster = replace(parse("2 x GTX Titan, PCIe 3 shared"), devices=(large, small))
    held = ({"parameters": 3 * 10**9}, {"parameters": 10**9})
    empty = {name: 0 for name in figures.CATEGORIES}
    report = replace(TOO_MUCH, setup=replace(TOO_MUCH.setup, cluster=cluster), memory=tuple(empty | h for h in held))
    assert figures.memory(report).axes[0].get_title("left").startswith("Device 1, the fullest, needs 1 GB")


def test_of_many_devices_one_bar_is_drawn():
    (ax,) = DRAWN["memory, many"]().axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0 GTX Titan"]


# Scaling


def test_the_lines_of_scaling_are_what_the_sweep_found_in_the_order_of_devices():
    left, right = DRAWN["scaling"]().axes
    for ax, simulated, law in ((left, "strong", "amdahl"), (right, "weak", "gustafson")):
        lines = {line.get_label().split(",")[0].lower(): line for line in ax.lines}
        for name, expected in (("simulated", SCALED[simulated]), (law, SCALED[law]), ("ideal", SCALED["devices"])):
            at = dict(zip(SCALED["devices"], expected, strict=True))
            assert list(lines[name].get_xdata()) == [1, 2, 4]
            assert list(lines[name].get_ydata()) == [at[1], at[2], at[4]]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert ax.xaxis.get_transform().base == 2 and ax.yaxis.get_transform().base == 2


def test_the_text_of_scaling_gives_every_number():
    told = DRAWN["scaling"]().alt
    for n, s, w in zip(SCALED["devices"], SCALED["strong"], SCALED["weak"], strict=True):
        assert re.search(rf"on {n}, {s:.3g} with one batch .* and {w:.3g} with a batch that grows", told)


def test_lists_of_different_length_are_told():
    with pytest.raises(ShapeError, match="lengths \\[3, 2, 3, 3, 3\\]"):
        figures.scaling(SCALED | {"strong": [1.0, 2.0]})


# Published


@pytest.mark.parametrize("table, name", [(YADAN, "published"), (KRIZHEVSKY, "published, hours")])
def test_published_and_fitted_stand_side_by_side_with_errors_in_percent(table, name):
    left, right = DRAWN[name]().axes
    for y, row in enumerate(table.rows):
        for k, (kind, value) in enumerate(
            zip(figures.FITS, (row.published, row.fitted, row.leave_one_out), strict=True)
        ):
            mine = [
                b for a, b, at in bars(left, figures.FITS[kind][0].lower()) if at == pytest.approx(y + 0.27 * (k - 1))
            ]
            assert mine == pytest.approx([value])
    marks = [line for line in right.lines if len(line.get_xdata()) == 1]
    for kind, look in figures.ERRORS.items():
        drawn = [line.get_xdata()[0] for line in marks if line.get_marker() == look["marker"]]
        expected = [r.error if kind == "fitted" else r.leave_one_out_error for r in table.rows]
        assert drawn == pytest.approx([100 * e for e in expected])


def test_the_figure_of_a_calibration_says_so():
    found = DRAWN["published"]()
    assert found.get_suptitle().startswith("Calibration, not prediction: 3 parameters, 5 rows")
    assert f"{YADAN.calibration_error:.1%}" in found.get_suptitle() and f"{YADAN.leave_one_out_error:.1%}" in found.alt


def test_a_row_that_the_others_do_not_determine_has_no_bar_and_says_why():
    first, *rest = YADAN.rows
    found = figures.published(replace(YADAN, rows=(replace(first, leave_one_out=None), *rest)))
    assert "not determined by the other rows" in found.alt
    assert "not determined" in [t.get_text() for t in found.axes[0].texts]
    marks = [line for line in found.axes[1].lines if len(line.get_xdata()) == 1]
    assert len(marks) == 2 * len(YADAN.rows) - 1


# A parameter server


@pytest.mark.parametrize("k, policy", list(enumerate(asynchronous.POLICIES)))
def test_the_rows_of_a_policy_are_its_log(k, policy):
    log, ax = LOGS[policy], DRAWN["policies"]().axes[k]
    for kind, (colour, _) in figures.SERVED.items():
        assert fsum(b - a for a, b, _ in bars(ax, colour.lower())) == pytest.approx(log.spent(kind), rel=1e-9)
    for worker in range(log.settings.workers):
        mine = fsum(b - a for a, b, y in bars(ax, "#e69f00") if y == pytest.approx(worker))
        assert mine == pytest.approx(log.spent("compute", worker), rel=1e-9)
    times = sorted({e.time for e in log.applied})
    dots = next(line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()))
    assert sorted(set(dots.get_xdata())) == pytest.approx(times)
    crosses = next(line for line in ax.lines if line.get_marker() == "x" and line.get_markersize() == 5)
    assert list(crosses.get_xdata()) == pytest.approx([e.time for e in log.dropped])


def test_the_marks_are_as_high_as_the_staleness_on_one_scale_for_all_panels():
    found = DRAWN["policies"]()
    rises = []
    for ax, log in zip(found.axes, LOGS.values(), strict=True):
        dots = next(line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()))
        heights = ax.get_yticks()[-1] - np.array(dots.get_ydata())
        staleness = [max(e.staleness for e in group) for group in log.updates()]
        assert (heights[np.array(staleness) == 0] == 0).all()
        rises += [h / s for h, s in zip(heights, staleness, strict=True) if s]
    assert len(rises) > 5 and max(rises) == pytest.approx(min(rises))


def test_the_title_and_text_of_a_policy_are_its_figures():
    found = DRAWN["policies"]()
    for ax, (policy, log) in zip(found.axes, LOGS.items(), strict=True):
        title = ax.get_title("left")
        assert title.startswith(f"{policy}: {log.throughput:.3g} gradients a second")
        assert (", " + f"{len(log.dropped)} dropped" in title) == bool(log.dropped)
        assert title.endswith(f"at most {log.max_staleness}" if log.max_staleness else "staleness 0")
        assert log.summary() in found.alt
    assert LOGS["backup"].dropped and "dropped" in labels(found)
    assert "dropped" not in labels(figures.policies([LOGS["synchronous"]]))


def test_a_part_of_a_log_is_drawn_up_to_a_moment_and_says_of_how_much():
    found, log = DRAWN["policies, one"](), LOGS["stale"]
    assert max(b for _, b, _ in bars(found.axes[0])) == pytest.approx(4.0)
    assert found.axes[0].get_xlabel() == f"time (seconds), the first part of {log.end:.3g} seconds"


def test_nothing_to_draw_is_told():
    for logs, until in (([], None), (LOGS["stale"], 0.0)):
        with pytest.raises(DataError, match="nothing that takes time"):
            figures.policies(logs, until)


# Stragglers


def test_waiting_for_the_slowest_of_n_exponential_steps_costs_the_harmonic_number():
    Ns = (8, 1, 2, 64)
    line = next(n for n in figures.stragglers("exponential", Ns).axes[0].lines if n.get_marker() == "o")
    assert list(line.get_xdata()) == sorted(Ns)
    assert list(line.get_ydata()) == pytest.approx([sum(1 / k for k in range(1, N + 1)) for N in sorted(Ns)])


def test_the_text_of_stragglers_gives_every_cost():
    told = DRAWN["stragglers"]().alt
    assert "exponential: 1 on 1, 1.5 on 2, 2.08 on 4" in told
    assert "slow:0:2.0: 2 on 1, 2 on 2" in told


@pytest.mark.parametrize(
    "distributions, Ns, told",
    [
        ("weibull", (1, 2), "not understood"),
        ([], (1,), "at least one distribution"),
        ("slow:3:2", (2,), "device 3 is slow"),
    ],
)
def test_what_cannot_be_drawn_is_told(distributions, Ns, told):
    with pytest.raises(DataError, match=told):
        figures.stragglers(distributions, Ns)


# The command


def simulated(*arguments):
    return CliRunner().invoke(main, ["simulate", *map(str, arguments)])


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), lambda: figures.timeline(DATA)),
        (("yadan",), lambda: figures.published(YADAN)),
        (("--sweep", "devices=4,1,2", "--batch", 128), lambda: figures.scaling(SCALED)),
        (("--steps", 3, "--straggler", "lognormal:0.3"), lambda: figures.timeline(UNEVEN, 2)),
    ],
)
def test_the_command_draws_what_it_found(tmp_path, arguments, expected):
    path = tmp_path / "out.png"
    done = simulated(*arguments, "--figure", path)
    assert done.exit_code == 0, done.output
    assert path.read_bytes() == expected().png()
    assert f"The figure is in {path}. {expected().alt}" in done.output
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_draws_the_first_steps_of_a_parameter_server(tmp_path):
    done = simulated("--policy", "asynchronous", "--steps", 24, "--figure", tmp_path / "out.png")
    assert done.exit_code == 0 and "Workers of a parameter server. asynchronous, 4 workers" in done.output
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"


def test_with_json_the_figure_is_written_and_the_output_stays_json(tmp_path):
    done = simulated("--json", "--figure", tmp_path / "out.png")
    assert json.loads(done.stdout)["devices"] == 4 and (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--figure", "out.svg"), "a name that ends in .png"),
        (("--figure", "no/such/folder/out.png"), "cannot be written"),
        (("--sweep", "batch=64,128", "--figure", "out.png"), "a sweep over devices, not over batch"),
        (("--detail", "closed", "--figure", "out.png"), "simulate with detail='messages'"),
    ],
)
def test_what_the_command_cannot_draw_is_told(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = simulated(*arguments)
    assert done.exit_code == 2 and told in done.output
    assert list(tmp_path.iterdir()) == []
