"""The training monitor: what it keeps, how little it costs, how it ends."""

import json
import math
import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edfcore as edf
from edfcore.components import Aref, LogLoss, Softmax, VDot
from edfcore.errors import DataError
from edfcore.optimizers import SGD
from edfcore.scenes.monitor import History, Monitor, Track, line, running_mean

pytest.importorskip("anywidget")
from edfcore.widgets import TrainingMonitor  # noqa: E402

FINITE = st.floats(-1e6, 1e6)


def network(rng):
    with edf.Graph():
        x, y = edf.Input("x"), edf.Input("y")
        W, V = edf.Param(rng.normal(size=(5, 4)), "W"), edf.Param(rng.normal(size=(4, 3)), "V")
        return x, y, LogLoss(Aref(Softmax(VDot(VDot(x, W), V)), y))


# What is kept


@given(st.lists(FINITE, min_size=1, max_size=200), st.integers(2, 16))
def test_a_track_keeps_extremes_count_and_sum_however_far_it_was_halved(values, most):
    track = Track("loss", "loss", most)
    for step, value in enumerate(values):
        track.add(step, value)
    assert len(track.place) <= most
    assert min(track.low) == min(values) and max(track.high) == max(values)
    assert sum(track.count) == len(values)
    assert math.fsum(track.total) == pytest.approx(math.fsum(values), abs=1e-6)
    for k, low, high in zip(track.place, track.low, track.high, strict=True):
        inside = values[k * track.width : (k + 1) * track.width]
        assert (low, high) == (min(inside), max(inside))


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=100), st.integers(2, 8))
def test_steps_with_gaps_are_bounded_too(gaps, most):
    track, step = Track("norm", "norm", most), 0
    for gap in gaps:
        step += gap
        track.add(step, 1.0)
    assert len(track.place) <= most and sum(track.count) == len(gaps)
    assert track.place == sorted(set(track.place))


@given(st.lists(FINITE, min_size=1, max_size=50), st.integers(1, 60))
def test_the_running_mean_is_the_mean_of_the_last_values(values, n):
    expected = [np.mean(values[max(0, k - n + 1) : k + 1]) for k in range(len(values))]
    np.testing.assert_allclose(running_mean(np.array(values), n), expected, atol=1e-6)


@pytest.mark.parametrize("bad,told", [(math.nan, "NaN"), (math.inf, "infinity"), (-math.inf, "-infinity")])
def test_what_is_not_finite_is_told_once_and_kept_apart(bad, told):
    track = Track("loss", "loss")
    for step, value in enumerate([2.0, bad, 1.0, math.nan]):
        track.add(step, value)
    assert track.bad == (1, told) and track.low == [2.0, 1.0]


# A loop


def test_gradient_norms_are_those_of_the_parameters():
    rng = np.random.default_rng(0)
    x, y, loss = network(rng)
    graph, monitor = loss.graph, TrainingMonitor(loss.graph, SGD(loss.graph, lr=0.1), show=False)
    for _ in monitor(range(3)):
        x.set(rng.normal(size=(8, 5)))
        y.set(rng.integers(3, size=8))
        graph.Forward(loss)
        graph.Backward(loss)
        monitor.step(loss)
    tracks = monitor.history.tracks
    for p in graph.params:
        assert tracks["norm", p.name].last == pytest.approx(np.linalg.norm(p.grad))
    assert tracks["loss", "loss"].last == pytest.approx(loss.value.mean()) and tracks["lr", "lr"].last == 0.1
    assert monitor.history.steps == 3 and monitor.history.status == "ended"


def test_a_plan_is_read_without_being_told_anything():
    rng = np.random.default_rng(0)
    x, y, loss = network(rng)
    plan = edf.plan(loss.graph, loss, SGD(loss.graph, lr=lambda t: 0.1 / (t + 1)))
    monitor = TrainingMonitor(plan, show=False)
    for k in monitor(range(4)):
        plan.step(x=rng.normal(size=(8, 5)), y=rng.integers(3, size=8))
        assert monitor.history.steps == k
    tracks = monitor.history.tracks
    assert tracks["loss", "loss"].last == plan.loss and tracks["lr", "lr"].last == pytest.approx(0.1 / 4)
    flat = sum(tracks["norm", p.name].last ** 2 for p in plan.params)
    assert flat == pytest.approx(float(plan.g @ plan.g))


def test_the_parameter_nearest_to_the_loss_is_named_where_gradients_are_not_finite():
    rng = np.random.default_rng(0)
    *_, loss = network(rng)
    W, V = loss.graph.params
    monitor = TrainingMonitor([W, V], show=False)
    W.grad, V.grad = np.ones((5, 4)), np.ones((4, 3))
    monitor.log(loss=1.0)
    assert monitor.history.layer == ""
    W.grad, V.grad = W.grad * np.nan, V.grad * np.inf
    monitor.log(loss=float("nan"))
    assert monitor.history.layer == "V"
    assert "In step 1 loss became NaN." in monitor.caption and "that of V" in monitor.caption


def test_a_large_gradient_in_single_precision_has_a_finite_norm():
    with edf.Graph("float32"):
        W = edf.Param(np.ones(4), "W")
    W.grad = np.full(4, 1e30, np.float32)
    monitor = TrainingMonitor([W], show=False)
    monitor.log(loss=1.0)
    assert monitor.history.tracks["norm", "W"].last == pytest.approx(2e30)


def test_alike_names_stay_apart():
    with edf.Graph():
        params = [edf.Param(np.ones(2), "W"), edf.Param(np.ones(2), "W")]
    for p in params:
        p.grad = np.ones(2)
    monitor = TrainingMonitor(params, show=False)
    monitor.log(loss=1.0)
    assert len([t for t in monitor.history.tracks.values() if t.kind == "norm"]) == 2


def test_an_interrupt_ends_the_loop_after_the_step_under_way():
    monitor, seen = TrainingMonitor(show=False), []
    before = signal.getsignal(signal.SIGINT)
    for k in monitor(range(100)):
        if k == 5:
            os.kill(os.getpid(), signal.SIGINT)
        monitor.log(loss=float(k))
        seen.append(k)
    assert seen == list(range(6)) and monitor.stopped and monitor.history.status == "stopped"
    assert monitor.history.steps == 6 and signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_is_one():
    monitor = TrainingMonitor(show=False)
    with pytest.raises(KeyboardInterrupt):
        for _ in monitor(range(100)):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_stop_message_ends_the_loop_and_the_next_one_starts_anew():
    monitor = TrainingMonitor(show=False)
    for k in monitor(range(100)):
        if k == 2:
            monitor._hear(monitor, {"stop": True}, [])
    assert k == 2
    assert list(monitor(range(3))) == [0, 1, 2] and not monitor.stopped


def test_a_break_and_an_error_leave_the_numbers():
    monitor = TrainingMonitor(show=False)
    for k in monitor(range(10)):
        monitor.log(loss=float(k))
        if k == 4:
            break
    assert monitor.history.steps == 5 and monitor.history.status == "ended"
    with pytest.raises(ZeroDivisionError):
        for _ in monitor(range(10)):
            monitor.log(loss=1 / 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_a_console_one_line_stands_at_the_end(capsys):
    monitor = TrainingMonitor()
    for k in monitor(range(10)):
        monitor.log(loss=1 / (k + 1))
    assert capsys.readouterr().out == "step 10  loss 0.1\n"


class Clock:
    """Stands for the module time of edfcore.widgets.monitor: each look at it costs `each` seconds."""

    def __init__(self, each=0.0):
        self.now, self.each, self.looks = 100.0, each, 0

    def perf_counter(self):
        self.looks += 1
        self.now += self.each
        return self.now


@pytest.fixture
def clock(monkeypatch):
    import edfcore.widgets.monitor as module

    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_pictures_are_made_ten_times_a_second_however_many_steps_there_are(clock, monkeypatch):
    monitor, pushed = TrainingMonitor(show=False), []
    found = History.found
    monitor._displayed = True
    monitor.send = lambda content, buffers=None: pushed.append(content)
    monkeypatch.setattr(History, "found", lambda self: pushed.append("read") or found(self))
    for k in range(5000):
        clock.now += 0.001
        monitor.log(loss=1 / (k + 1), lr=0.1)
    assert 48 <= pushed.count("read") <= 51 and len(pushed) == 2 * pushed.count("read")


def test_a_step_that_shows_nothing_looks_at_the_clock_once_and_makes_nothing(clock, monkeypatch):
    monitor = TrainingMonitor(show=False)
    monitor.log(loss=1.0)
    looks = clock.looks
    monkeypatch.setattr(History, "found", lambda self: pytest.fail("a step made a picture"))
    for k in range(100):
        monitor.log(loss=1 / (k + 1), lr=0.1)
    assert clock.looks == looks + 100


@pytest.mark.parametrize("cost", [0.001, 0.1])
def test_gradients_take_a_fiftieth_of_the_time(clock, monkeypatch, cost):
    import edfcore.widgets.monitor as module

    def slow(xp, grad):
        clock.now += cost
        return 1.0

    with edf.Graph():
        W = edf.Param(np.ones(4), "W")
    W.grad = np.ones(4)
    monkeypatch.setattr(module, "_norm", slow)
    monitor, begun = TrainingMonitor([W], show=False), clock.now
    while clock.now - begun < 50:
        clock.now += 0.01
        monitor.log(loss=1.0)
    read = sum(monitor.history.tracks["norm", "W"].count)
    assert abs(read * cost - 0.02 * 50) <= 2 * cost + 0.02
    assert read < monitor.history.steps


def test_a_number_and_a_parameter_of_one_name_have_a_track_each():
    with edf.Graph():
        W, loss = edf.Param(np.ones(4), "W"), edf.Param(np.ones(4), "loss")
    W.grad = loss.grad = np.ones(4)
    monitor = TrainingMonitor([W, loss], show=False)
    monitor.log(loss=1.0, W=100.0)
    tracks = monitor.history.tracks
    assert tracks["other", "W"].last == 100 and tracks["norm", "W"].last == pytest.approx(2)
    assert tracks["loss", "loss"].last == 1 and tracks["norm", "loss"].last == pytest.approx(2)
    monitor.log(loss=1.0, W=math.nan)
    assert monitor.history.layer == ""


def test_numbers_that_are_none_are_no_step():
    monitor = TrainingMonitor(show=False)
    with pytest.raises(DataError, match="accuracy is 'x'; a number is needed"):
        monitor.log(loss=1.0, accuracy="x")
    assert monitor.history.steps == 0 and not monitor.history.tracks


def test_wrong_arguments_are_refused_with_a_sentence():
    with pytest.raises(DataError, match="a number is needed"):
        TrainingMonitor(show=False).log(loss="low")
    with pytest.raises(DataError, match="Graph or a list of Param"):
        TrainingMonitor(3)


# What is shown


def run():
    monitor = TrainingMonitor(show=False)
    for k in monitor(range(60)):
        monitor.log(loss=math.nan if k == 50 else 2 / (k + 1), lr=0.1, accuracy=k / 60)
    return monitor


def test_the_caption_states_first_last_and_lowest():
    monitor = TrainingMonitor(show=False, smooth=1)
    assert monitor.caption == "No step was recorded yet."
    for k in monitor([4.0, 1.0, 2.0]):
        monitor.log(loss=k)
    assert monitor.caption == "3 steps. The loss, as running mean, went from 4 to 2; its lowest value is 1."


def test_rows_name_the_first_step_that_is_not_finite():
    rows = run().scene.rows({"smooth": 8}, run().found())
    assert ["loss", "0.0333", "0.0333", "2", "step 50: NaN"] in rows


def test_what_is_sent_is_json_without_nan():
    from edfcore.widgets.page import _plain, element

    monitor = run()
    json.dumps(_plain(monitor.data), allow_nan=False)
    assert 'data-module="monitor"' in element(monitor)


def test_what_is_sent_stays_small_however_long_it_runs():
    from edfcore.widgets.base import module
    from edfcore.widgets.page import _plain

    monitor = TrainingMonitor(show=False)
    for k in monitor(range(20_000)):
        monitor.log(loss=1 / (k + 1), lr=0.1, accuracy=0.5)
    assert len(json.dumps(_plain(monitor.data))) < 300_000
    assert len(module("monitor").encode()) <= 30_000


@given(st.integers(1, 64), st.booleans(), st.integers(-1, 9999))
def test_a_state_survives_its_text(smooth, log, pick):
    scene = Monitor()
    state = scene.state(smooth=smooth, log=log, pick=pick)
    assert scene.state_from(scene.text(state)) == state


def test_the_figure_says_what_it_shows_and_is_the_same_twice():
    from edfcore.figures.monitor import monitor_figure

    monitor = run()
    state = dict(monitor.state)
    one, two = (monitor_figure(state, monitor.found()) for _ in range(2))
    assert monitor.caption in one.alt and one.png() == two.png()
    assert monitor_figure(state, Monitor().compute(state)).png()[:4] == b"\x89PNG"


def test_the_line_names_what_is_not_finite():
    assert line(run().history).endswith("loss NaN in step 50")
    assert line(History()) == "step 0"
