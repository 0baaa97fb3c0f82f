"""Schedules against PyTorch, optax, closed forms in exact arithmetic, and what the slides print.

golden/make_schedules.py made the vectors. Every comparison allows 1e-12 of the largest rate.
"""

from fractions import Fraction
from math import cos, e, exp, inf, log, nan, pi
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore import schedules
from edfcore.errors import DataError
from edfcore.schedules import (
    Constant,
    Cosine,
    CosineWarmRestarts,
    CosineWarmup,
    Exponential,
    LinearWarmup,
    MultiStep,
    OneCycle,
    Polynomial,
    Scaled,
    Schedule,
    Sequence,
    Step,
    TimeBased,
    Warmup,
    linear_scaling,
)

LR = 0.3
RATES = st.one_of(st.just(0.0), st.floats(1e-12, 10))  # subnormal numbers have too few digits to compare
WITHIN = 1e-12
quick = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "schedules.npz") as file:
        return dict(file)


def apart(got, expected):
    """The largest difference, relative to the largest rate."""
    expected = np.asarray(expected)
    assert np.shape(got) == expected.shape
    return np.abs(np.subtract(got, expected)).max() / np.abs(expected).max()


TORCH = {
    "step": Step(LR, 30),
    "multi_step": MultiStep(LR, [20, 75, 75, 200], gamma=0.3),
    "exponential": Exponential(LR, 0.97),
    "polynomial": Polynomial(LR, 120, power=2.5),
    "polynomial_default": Polynomial(LR),
    "linear_warmup": LinearWarmup(40, Constant(LR), start=LR / 3),
    "sequence": Sequence([Step(LR, 30, 0.5), Exponential(LR, 0.99)], [100]),
    "warmup_then_cosine": LinearWarmup(25, Cosine(LR, 275, eta_min=0.001), start=0.03),
    "restarts_10_1": CosineWarmRestarts(LR, 10, eta_min=0.02),
    "restarts_1_2": CosineWarmRestarts(LR, 1, 2, eta_min=0.02),
    "restarts_10_2": CosineWarmRestarts(LR, 10, 2, eta_min=0.02),
    "restarts_7_3": CosineWarmRestarts(LR, 7, 3, eta_min=0.02),
    "one_cycle_cos": OneCycle(LR, 301),
    "one_cycle_linear": OneCycle(LR, 301, pct_start=0.45, anneal_strategy="linear"),
    "one_cycle_short": OneCycle(LR, 8, pct_start=0.05),
}
OPTAX = {
    "exponential": Exponential.from_rate(LR, k=-log(0.6), per=20),
    "polynomial": Polynomial(LR, 90, power=3.0, eta_min=0.03),
    "cosine": Cosine(LR, 130, eta_min=0.03),
    "warmup_cosine": Warmup(50, Cosine(LR, 150, eta_min=0.01), start=0.02),
    "cosine_warmup": CosineWarmup(60, Cosine(LR, 240, eta_min=LR / 1e5), start=LR / 10),
    "join": Sequence([Constant(LR), Exponential(0.2, 0.98)], [60]),
}


@pytest.mark.pins("Step", "MultiStep", "Exponential", "Polynomial", "CosineWarmRestarts", "OneCycle", "LinearWarmup")
@pytest.mark.pins("Sequence")
@pytest.mark.parametrize("name", TORCH)
def test_rates_equal_those_of_torch(name, golden):
    expected = golden[f"torch.{name}"]
    assert apart(TORCH[name](np.arange(len(expected))), expected) < WITHIN


@pytest.mark.pins("Exponential", "Polynomial", "Cosine", "Warmup", "CosineWarmup", "Sequence", "Constant")
@pytest.mark.parametrize("name", OPTAX)
def test_rates_equal_those_of_optax(name, golden):
    expected = golden[f"optax.{name}"]
    assert apart(OPTAX[name](np.arange(len(expected))), expected) < WITHIN


@pytest.mark.pins("CosineWarmRestarts")
def test_warm_restarts_equal_those_of_optax_in_each_cycle(golden):
    expected = golden["optax.restarts"]
    assert len(expected) == 20 + 40 + 80 + 160
    assert apart(CosineWarmRestarts(LR, 20, 2, eta_min=0.02)(np.arange(300)), expected) < WITHIN


@pytest.mark.pins("Cosine")
def test_cosine_equals_torch_up_to_T_max_and_stays_where_torch_rises(golden):
    expected, lr = golden["torch.cosine"], Cosine(LR, 130, eta_min=0.01)
    assert apart(lr(np.arange(131)), expected[:131]) < WITHIN
    assert expected[260] == pytest.approx(LR)
    assert lr(np.arange(130, 300)).tolist() == [0.01] * 170


@pytest.mark.pins("OneCycle")
@pytest.mark.parametrize("name", ["one_cycle_cos", "one_cycle_linear"])
def test_momentum_of_one_cycle_equals_that_of_torch(name, golden):
    expected = golden[f"torch.{name}_momentum"]
    assert apart(TORCH[name].momentum(np.arange(300)), expected) < WITHIN
    assert TORCH[name].momentum(7) == TORCH[name].momentum(np.arange(300))[7]


def test_the_vectors_discriminate(golden):
    """Each schedule differs from each other one by far more than the tolerance, and the versions are told."""
    rates = {name: v for name, v in golden.items() if v.shape == (300,) and "momentum" not in name}
    assert len(rates) > 18 and all(v.dtype == "float64" for v in rates.values())
    assert all(apart(rates[a], rates[b]) > 1e-3 for a in rates for b in rates if a < b)
    assert {f"{name}_version" for name in ("torch", "optax", "jax", "numpy")} < golden.keys()


# Closed forms


@pytest.mark.pins("TimeBased")
@pytest.mark.parametrize("decay_steps, staircase", [(1, False), (7, False), (7, True)])
def test_time_based_decay_equals_its_formula_in_fractions(decay_steps, staircase):
    lr, k = Fraction(1, 8), Fraction(3, 16)  # exact in binary, so that only the arithmetic differs
    periods = [Fraction(t // decay_steps) if staircase else Fraction(t, decay_steps) for t in range(200)]
    expected = [float(lr / (1 + k * p)) for p in periods]
    got = TimeBased(0.125, 0.1875, decay_steps, staircase)(np.arange(200))
    assert np.abs(got / expected - 1).max() < 1e-15


@pytest.mark.pins("TimeBased")
def test_time_based_decay_equals_the_examples_of_keras_inverse_time_decay():
    """Keras's documentation of InverseTimeDecay: 0.1 / (1 + 0.5 step) for decay_steps=1.0, decay_rate=0.5."""
    assert TimeBased(0.1, 0.5)([0, 2, 18]).tolist() == [0.1, 0.05, 0.01]
    stairs = TimeBased(0.1, 1.0, decay_steps=100, staircase=True)
    assert stairs([99, 100, 199, 200]).tolist() == [0.1, 0.05, 0.05, 0.1 / 3]


@pytest.mark.pins("Exponential")
def test_exponential_from_rate_is_exp_of_minus_k_t():
    lr = Exponential.from_rate(0.1, k=0.1, per=100)
    for t in (0, 1, 100, 1000, 10_000):
        assert lr(t) == pytest.approx(0.1 * exp(-0.001 * t), rel=WITHIN)


@pytest.mark.pins("Cosine")
@quick
@given(T=st.integers(1, 10**6), lr=RATES, part=st.floats(0, 1))
def test_cosine_at_its_start_middle_and_end(T, lr, part):
    eta_min = part * lr
    schedule = Cosine(lr, 2 * T, eta_min)
    assert schedule(0) == lr
    assert schedule(2 * T) == eta_min
    assert abs(schedule(T) - (lr + eta_min) / 2) <= WITHIN * lr
    last_but_one = eta_min + (lr - eta_min) * (1 + cos(pi * (2 * T - 1) / (2 * T))) / 2
    assert abs(schedule(2 * T - 1) - last_but_one) <= WITHIN * lr


@pytest.mark.pins("Polynomial")
@quick
@given(T=st.integers(1, 10**6), lr=RATES, part=st.floats(0, 1), power=st.floats(0.1, 5))
def test_polynomial_at_its_start_middle_and_end(T, lr, part, power):
    eta_min = part * lr
    schedule = Polynomial(lr, 2 * T, power, eta_min)
    assert [schedule(0), schedule(2 * T), schedule(5 * T)] == [lr, eta_min, eta_min]
    assert abs(schedule(T) - (eta_min + (lr - eta_min) * 0.5**power)) <= WITHIN * lr


@pytest.mark.pins("Warmup", "LinearWarmup", "CosineWarmup")
@pytest.mark.parametrize("warmup", [LinearWarmup, CosineWarmup])
def test_warmup_at_its_start_middle_and_end(warmup):
    lr = warmup(50, Cosine(0.4, 150), start=0.1)
    assert lr(0) == 0.1 and lr(50) == 0.4 and lr(200) == 0.0
    assert abs(lr(25) - 0.25) < WITHIN and abs(lr(125) - 0.2) < WITHIN
    quarter = {LinearWarmup: 0.2 + 0.2 / 4, CosineWarmup: 0.2 + 0.2 * (1 - cos(pi / 4)) / 2}[warmup]
    assert abs(warmup(100, Constant(0.4), start=0.2)(25) - quarter) < WITHIN


@pytest.mark.pins("Warmup", "LinearWarmup", "CosineWarmup")
def test_the_named_warmups_are_the_shapes_of_warmup():
    t, after = np.arange(60), Step(0.4, 10)
    for named, shape in ((LinearWarmup, "linear"), (CosineWarmup, "cosine")):
        assert np.array_equal(named(17, after, start=0.1)(t), Warmup(17, after, shape, 0.1)(t))
    assert repr(CosineWarmup(3, Constant(0.1))) == "CosineWarmup(W=3, after=Constant(lr=0.1), start=0.0)"


@pytest.mark.pins("OneCycle")
@pytest.mark.parametrize("anneal_strategy", ["cos", "linear"])
def test_one_cycle_at_its_start_top_and_last_step(anneal_strategy):
    lr = OneCycle(0.5, 100, anneal_strategy=anneal_strategy)
    assert abs(lr(0) - 0.02) < WITHIN
    assert lr(29) == 0.5
    assert abs(lr(99) - 2e-6) < WITHIN and lr(100) == lr(99) == lr(10**6)
    assert [lr.momentum(t) for t in (0, 29, 99, 500)] == [0.95, 0.85, 0.95, 0.95]
    assert [abs(lr(t) - m) < WITHIN for t, m in ((14.5, 0.26), (64, (0.5 + 2e-6) / 2))] == [True, True]


@pytest.mark.pins("OneCycle")
@pytest.mark.parametrize(
    "total_steps, pct_start, expected",
    [(1, 0.3, [2e-6]), (1, 1.0, [0.5]), (4, 0.25, [0.5]), (2, 1.0, [0.02, 0.5]), (2, 0.5, [0.5, 2e-6])],
)
def test_one_cycle_with_hardly_a_step_to_go_up(total_steps, pct_start, expected):
    """Where the top falls on t = 0 torch divides by zero; here the first step is the top."""
    lr = OneCycle(0.5, total_steps, pct_start)
    assert [lr(t) for t in range(len(expected))] == pytest.approx(expected, rel=WITHIN)


@pytest.mark.pins("Constant", "Scaled", "linear_scaling")
def test_goyals_rule_gives_3_2_for_batches_of_8192():
    """Goyal et al. 2017, section 5.1: 0.1 k n / 256; 8192 images, eta = 3.2."""
    assert linear_scaling(0.1, 8192) == pytest.approx(3.2, rel=1e-15)
    assert linear_scaling(0.1, 256) == 0.1 and linear_scaling(0.2, 5, base=10) == 0.1
    drops = MultiStep(0.1, [30, 60, 80])
    scaled = Scaled(drops, 32)(np.arange(90))
    assert apart(scaled, MultiStep(3.2, [30, 60, 80])(np.arange(90))) < 1e-15
    assert Constant(0.7)([[0, 10**9]]).tolist() == [[0.7, 0.7]]


@pytest.mark.pins("Step", "MultiStep")
def test_a_drop_happens_at_its_step_and_not_before():
    assert Step(1.0, 10, 0.5)([0, 9, 10, 19, 20]).tolist() == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert MultiStep(1.0, [3, 3, 8], 0.5)([0, 2, 3, 7, 8, 999]).tolist() == [1.0, 1.0, 0.25, 0.25, 0.125, 0.125]
    assert MultiStep(1.0, [], 0.5)(5) == 1.0 and MultiStep(1.0, [0], 0.5)(0) == 0.5


# Restarts

CYCLES = [(T_0, T_mult) for T_0 in (1, 2, 3, 7, 10, 50, 113) for T_mult in (1, 2, 3, 4, 5, 10)]


def true_restarts(T_0, T_mult, T):
    """T_0 (T_mult^n - 1) / (T_mult - 1), in whole numbers."""
    if T_mult == 1:
        return list(range(T_0, T, T_0))
    every = (T_0 * (T_mult**n - 1) // (T_mult - 1) for n in range(1, 64))
    return [t for t in every if t < T]


@pytest.mark.pins("CosineWarmRestarts")
@pytest.mark.parametrize("T_0, T_mult", CYCLES)
def test_restarts_up_to_a_million_are_exact(T_0, T_mult):
    lr, T = CosineWarmRestarts(LR, T_0, T_mult, eta_min=0.02), 10**6
    expected = true_restarts(T_0, T_mult, T)
    assert lr.restarts(T) == expected
    at = np.array(expected)
    assert (lr(at) == LR).all()
    last = lr(at - 1)  # the last step of each cycle is the lowest one; a cycle of one step has only its top
    T_i = np.diff([0, *expected])
    assert np.abs(last - (0.02 + 0.28 * (1 + np.cos(np.pi * (T_i - 1) / T_i)) / 2)).max() < WITHIN


def restart_index_by_logarithm(t, T_0, T_mult):
    """The closed form, as torch's CosineAnnealingWarmRestarts.step(epoch) has it."""
    return int(log(t / T_0 * (T_mult - 1) + 1, T_mult))


def test_the_logarithm_misses_restarts():
    """The planted fault: the test above tells the closed form from the integer loop."""
    missed = [
        (T_0, T_mult, t)
        for T_0, T_mult in CYCLES
        if T_mult > 1
        for n, t in enumerate(true_restarts(T_0, T_mult, 10**6), 1)
        if restart_index_by_logarithm(t, T_0, T_mult) != n
    ]
    assert len(missed) > 3


@pytest.mark.pins("CosineWarmRestarts")
def test_restarts_are_strictly_inside_the_training():
    lr = CosineWarmRestarts(0.1, 10, 2)
    assert [lr.restarts(T) for T in (0, 10, 11, 30, 31)] == [[], [], [10], [10], [10, 30]]
    assert lr(2**53) >= 0 and CosineWarmRestarts(0.1, 2**53, 2**53)(2**53) == 0.1


@quick
@given(T_0=st.integers(1, 50), T_mult=st.integers(1, 4), t=st.integers(0, 10**7))
def test_a_restarting_cosine_is_a_sequence_of_cosines(T_0, T_mult, t):
    lr = CosineWarmRestarts(LR, T_0, T_mult, eta_min=0.02)
    if T_mult == 1:
        start, T_i = t // T_0 * T_0, T_0
    else:
        start = max([0, *true_restarts(T_0, T_mult, t + 1)])
        T_i = start * (T_mult - 1) + T_0
    assert lr(t) == Cosine(LR, T_i, eta_min=0.02)(t - start)


# Composition

rates = RATES
lengths = st.integers(1, 60)
leaves = st.one_of(
    st.builds(Constant, rates),
    st.builds(TimeBased, rates, rates, lengths, st.booleans()),
    st.builds(Step, rates, lengths, st.floats(0.1, 1)),
    st.builds(lambda lr, m, g: MultiStep(lr, sorted(m), g), rates, st.lists(lengths, max_size=4), st.floats(0.1, 1)),
    st.builds(Exponential, rates, st.floats(0.5, 1)),
    st.builds(Polynomial, rates, lengths, st.floats(0.3, 3)),
    st.builds(Cosine, rates, lengths),
    st.builds(CosineWarmRestarts, rates, lengths, st.integers(1, 3)),
)
falling = leaves.filter(lambda s: not isinstance(s, CosineWarmRestarts))
any_schedule = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Warmup, st.integers(0, 30), inner, st.sampled_from(["linear", "cosine"])),
        st.builds(CosineWarmup, st.integers(0, 30), inner),
        st.builds(Scaled, inner, rates),
        st.builds(lambda a, b, m: Sequence([a, b], [m]), inner, inner, st.integers(0, 80)),
        st.builds(OneCycle, rates, lengths),
    ),
    max_leaves=4,
)


@quick
@given(parts=st.lists(any_schedule, min_size=1, max_size=4), cuts=st.lists(st.integers(0, 90), min_size=3, max_size=3))
def test_a_sequence_equals_its_pieces(parts, cuts):
    boundaries = sorted(cuts)[: len(parts) - 1]
    expected, edges = [], [0, *boundaries, 120]
    for part, start, end in zip(parts, edges[:-1], edges[1:], strict=True):
        expected += [part(t) for t in range(end - start)]
    assert Sequence(parts, boundaries)(np.arange(120)).tolist() == expected


@quick
@given(after=any_schedule, W=st.integers(0, 40), part=st.floats(0, 1), shape=st.sampled_from(["linear", "cosine"]))
def test_a_warmup_equals_its_pieces(after, W, part, shape):
    t = np.arange(100)
    lr = Warmup(W, after, shape, start=part * after(0))
    assert lr(t[W:]).tolist() == after(t[: 100 - W]).tolist()
    ramp = lr(t[: W + 1])
    assert (np.diff(ramp) >= -1e-15 * after(0)).all() and ramp[-1] == after(0)
    assert W == 0 or ramp[0] == part * after(0)


@quick
@given(schedule=any_schedule, factor=rates)
def test_scaling_multiplies(schedule, factor):
    t = np.arange(70)
    assert Scaled(schedule, factor)(t).tolist() == [factor * schedule(int(k)) for k in t]


@quick
@given(schedule=any_schedule)
def test_an_array_of_steps_gives_the_rates_of_the_steps_in_its_shape(schedule):
    t = np.arange(60).reshape(3, 4, 5)
    each = np.array([schedule(int(k)) for k in t.ravel()]).reshape(t.shape)
    together = schedule(t)
    assert together.dtype == "float64" and np.array_equal(together, each)
    assert type(schedule(3)) is type(schedule(np.int64(3))) is type(schedule(np.array(3))) is float
    assert schedule([]).shape == (0,) and schedule(np.zeros((2, 0), int)).shape == (2, 0)
    assert schedule([5, 1, 5]).tolist() == [schedule(5), schedule(1), schedule(5)]
    assert np.array_equal(schedule(t.astype("float32")), each) and np.array_equal(schedule(t.astype("uint8")), each)


@quick
@given(schedule=falling)
def test_a_decay_never_rises_and_never_falls_below_zero(schedule):
    lr = schedule(np.arange(200))
    assert (np.diff(lr) <= 1e-15 * lr[0]).all() and (lr >= 0).all()


@quick
@given(schedule=any_schedule)
def test_schedules_are_values(schedule):
    """Equal settings are equal schedules, can be dictionary keys, and do not change when called."""
    before = repr(schedule)
    schedule(np.arange(50))
    again = eval(before, vars(schedules))
    assert repr(schedule) == before and again == schedule and hash(again) == hash(schedule)
    with pytest.raises(AttributeError):
        schedule.lr = 1.0


def test_fractions_of_a_step_are_taken_where_the_formula_is_continuous():
    assert Cosine(0.2, 10)(2.5) == pytest.approx(0.1 * (1 + cos(pi / 4)), rel=WITHIN)
    assert CosineWarmRestarts(0.2, 10)(12.5) == pytest.approx(0.1 * (1 + cos(pi / 4)), rel=WITHIN)
    assert CosineWarmRestarts(0.2, 10, 2)(15.0) == pytest.approx(0.1 * (1 + cos(pi / 4)), rel=WITHIN)
    assert Warmup(2, Exponential(0.2, 0.25))([0.5, 2.5]).tolist() == [0.05, 0.1]
    assert Step(0.2, 3)(4.0) == Step(0.2, 3)(4)


def test_a_schedule_of_ones_own_joins_the_others():
    class Noam(Schedule):
        def rate(self, t):
            return 1 / np.sqrt(t + 1)

    assert Sequence([Constant(2.0), Noam()], [3])([2, 3, 6]).tolist() == [2.0, 1.0, 0.5]


# What S4 prints and what is right: the printed form fails, the corrected one holds

ERRATA = {}


def erratum(number, *, printed, corrected):
    """The decorated claim takes a form and says whether it holds."""

    def keep(claim):
        ERRATA[number] = (claim, printed, corrected)
        return claim

    return keep


def compounded(lr0, decay, t):
    """lr = lr x lr0 / (1 + decay t), update by update."""
    lr = lr0
    for k in range(1, t + 1):
        lr = lr * lr0 / (1 + decay * k)
    return lr


@erratum("4.39", printed=compounded, corrected=lambda lr0, decay, t: TimeBased(lr0, decay)(t))
def five_steps_of_decay_001_take_5_percent(rate):
    """And twice the initial rate is twice the rate later: the units fit."""
    return abs(rate(0.1, 0.01, 5) / (0.1 / 1.05) - 1) < WITHIN and rate(0.2, 0.01, 5) == 2 * rate(0.1, 0.01, 5)


def test_compounded_time_decay_falls_to_a_millionth_in_five_steps():
    assert compounded(0.1, 0.01, 5) == pytest.approx(8.6e-7, rel=0.01)
    assert TimeBased(0.1, 0.01)(5) == pytest.approx(0.0952, abs=5e-5)


def dropped_at_multiples(lr0, step, T):
    """lr = lr / 10 if mod(iteration, step) == 0, from iteration 0 on."""
    lr, found = lr0, []
    for t in range(T):
        lr = lr / 10 if t % step == 0 else lr
        found.append(lr)
    return found


@erratum("4.40", printed=dropped_at_multiples, corrected=lambda lr0, step, T: Step(lr0, step)(range(T)))
def training_begins_with_the_initial_rate(rates):
    return bool(np.allclose(rates(0.5, 10, 30), [0.5] * 10 + [0.05] * 10 + [0.005] * 10, rtol=WITHIN))


@erratum("4.41", printed=Exponential.from_rate(0.1, k=-log(0.96), per=8), corrected=Step(0.1, 8, gamma=0.96))
def googlenet_keeps_its_rate_for_8_epochs_and_then_takes_4_percent(schedule):
    """Szegedy et al. 2015, section 6: "decreasing the learning rate by 4% every 8 epochs"."""
    return bool(np.allclose(schedule(range(24)), [0.1] * 8 + [0.096] * 8 + [0.09216] * 8, rtol=WITHIN))


@erratum("4.42", printed=Exponential.from_rate(0.1, k=0.1), corrected=Exponential.from_rate(0.1, k=0.1, per=100))
def an_epoch_of_100_iterations_takes_a_tenth(schedule):
    return abs(schedule(100) / (0.1 * exp(-0.1)) - 1) < WITHIN


def test_k_per_iteration_leaves_e_to_the_minus_10_after_an_epoch():
    assert Exponential.from_rate(1.0, k=0.1)(100) == pytest.approx(e**-10, rel=WITHIN)


def cosine_of_all_iterations(t):
    """lr = lr_max (1 + cos(pi #iterations / T_i)) / 2 with T_i = 10, 20, 40, restarted at 10 and 30."""
    T_i = np.array([10, 20, 40])[np.searchsorted([10, 30], t, side="right")]
    return 0.1 * (1 + np.cos(np.pi * t / T_i)) / 2


@erratum("4.43", printed=cosine_of_all_iterations, corrected=CosineWarmRestarts(0.1, 10, T_mult=2))
def a_restart_begins_at_the_highest_rate_and_the_rate_falls_until_the_next(schedule):
    lr = schedule(np.arange(70))
    cycles = np.split(lr, [10, 30])
    return bool(all(cycle[0] == 0.1 and (np.diff(cycle) < 0).all() for cycle in cycles))


@pytest.mark.parametrize("number", ERRATA)
def test_printed_form_fails(number):
    claim, printed, _ = ERRATA[number]
    assert claim(printed) is False


@pytest.mark.parametrize("number", ERRATA)
def test_corrected_form_holds(number):
    claim, _, corrected = ERRATA[number]
    assert claim(corrected) is True


# Bad input is told in a sentence

C = Constant(0.1)
BAD_SETTINGS = {
    "Constant: lr is -0.1": lambda: Constant(-0.1),
    "Constant: lr is nan": lambda: Constant(nan),
    "Constant: lr is inf": lambda: Constant(inf),
    "Constant: lr is '0.1'": lambda: Constant("0.1"),
    "Constant: lr is None": lambda: Constant(None),
    "Constant: lr is True": lambda: Constant(True),
    "Constant: lr is [0.1]": lambda: Constant([0.1]),
    "Constant: lr is array": lambda: Constant(np.array([0.1, 0.2])),
    "Constant: lr is 1j": lambda: Constant(1j),
    "TimeBased: k is -1": lambda: TimeBased(0.1, -1),
    "TimeBased: decay_steps is 0": lambda: TimeBased(0.1, 1, 0),
    "TimeBased: staircase is 'yes'": lambda: TimeBased(0.1, 1, 5, "yes"),
    "Step: step_size is 0": lambda: Step(0.1, 0),
    "Step: step_size is 2.5": lambda: Step(0.1, 2.5),
    "Step: gamma is 0": lambda: Step(0.1, 2, 0),
    "Step: gamma is -0.5": lambda: Step(0.1, 2, -0.5),
    "MultiStep: milestones are [5, 3]": lambda: MultiStep(0.1, [5, 3]),
    "MultiStep: milestones is 5": lambda: MultiStep(0.1, 5),
    "MultiStep: milestones[1] is None": lambda: MultiStep(0.1, [5, None]),
    "MultiStep: milestones[0] is -1": lambda: MultiStep(0.1, [-1]),
    "MultiStep: milestones[0] is [1, 2]": lambda: MultiStep(0.1, [[1, 2], [3]]),
    "Exponential: gamma is nan": lambda: Exponential(0.1, nan),
    "Exponential: k is -0.1": lambda: Exponential.from_rate(0.1, -0.1),
    "Exponential: k is 1000": lambda: Exponential.from_rate(0.1, 1000),
    "Exponential: per is 0": lambda: Exponential.from_rate(0.1, 0.1, 0),
    "Polynomial: total_iters is 0": lambda: Polynomial(0.1, 0),
    "Polynomial: power is 0": lambda: Polynomial(0.1, 5, 0),
    "Cosine: T_max is 0": lambda: Cosine(0.1, 0),
    "Cosine: T_max is 1e3": lambda: Cosine(0.1, 1e3),
    "Cosine: eta_min is 0.2, above lr = 0.1": lambda: Cosine(0.1, 10, 0.2),
    "Cosine: eta_min is -0.2": lambda: Cosine(0.1, 10, -0.2),
    "CosineWarmRestarts: T_0 is 0": lambda: CosineWarmRestarts(0.1, 0),
    "CosineWarmRestarts: T_mult is 0": lambda: CosineWarmRestarts(0.1, 5, 0),
    "CosineWarmRestarts: T_mult is 1.5": lambda: CosineWarmRestarts(0.1, 5, 1.5),
    "CosineWarmRestarts: T_mult is True": lambda: CosineWarmRestarts(0.1, 5, True),
    "CosineWarmRestarts: lr is -1": lambda: CosineWarmRestarts(-1, 5),
    "CosineWarmRestarts.restarts: T is -1": lambda: CosineWarmRestarts(0.1, 5).restarts(-1),
    "CosineWarmRestarts.restarts: T is None": lambda: CosineWarmRestarts(0.1, 5).restarts(None),
    "OneCycle: total_steps is 0": lambda: OneCycle(0.1, 0),
    "OneCycle: pct_start is 1.5": lambda: OneCycle(0.1, 10, 1.5),
    "OneCycle: anneal_strategy is 'cosine'": lambda: OneCycle(0.1, 10, 0.3, "cosine"),
    "OneCycle: anneal_strategy is None": lambda: OneCycle(0.1, 10, 0.3, None),
    "OneCycle: div_factor is 0": lambda: OneCycle(0.1, 10, div_factor=0),
    "OneCycle: max_momentum is 2": lambda: OneCycle(0.1, 10, max_momentum=2),
    "OneCycle.momentum: t is -1": lambda: OneCycle(0.1, 10).momentum(-1),
    "Warmup: W is -1": lambda: Warmup(-1, C),
    "LinearWarmup: W is 1.5": lambda: LinearWarmup(1.5, C),
    "CosineWarmup: after is 0.1; a schedule such as": lambda: CosineWarmup(5, 0.1),
    "Warmup: shape is 'square'": lambda: Warmup(5, C, "square"),
    "LinearWarmup: start is 0.5, above the rate 0.1": lambda: LinearWarmup(5, C, 0.5),
    "Sequence: schedules is []": lambda: Sequence([], []),
    "Sequence: schedules[1] is None": lambda: Sequence([C, None], [3]),
    "Sequence: 2 schedules need 1 boundaries": lambda: Sequence([C, C], [3, 4]),
    "Sequence: boundaries are [4, 3]": lambda: Sequence([C, C, C], [4, 3]),
    "Sequence: boundaries[0] is 'x'": lambda: Sequence([C, C], ["x"]),
    "Scaled: factor is -2": lambda: Scaled(C, -2),
    "Scaled: schedule is <function": lambda: Scaled(lambda t: 0.1, 2),
    "linear_scaling: lr is -0.1": lambda: linear_scaling(-0.1, 256),
    "linear_scaling: B is 0": lambda: linear_scaling(0.1, 0),
    "linear_scaling: base is None": lambda: linear_scaling(0.1, 256, None),
}


@pytest.mark.parametrize("words", BAD_SETTINGS)
def test_a_wrong_setting_is_told_in_a_sentence(words):
    with pytest.raises(DataError) as caught:
        BAD_SETTINGS[words]()
    told = str(caught.value)
    assert told.startswith(words.replace("1e3", "1000.0")) and told.endswith(".")


EVERY = [
    C,
    TimeBased(0.1, 0.1),
    Step(0.1, 3),
    MultiStep(0.1, [3]),
    Exponential(0.1, 0.9),
    Polynomial(0.1),
    Cosine(0.1, 9),
]
EVERY += [CosineWarmRestarts(0.1, 3), OneCycle(0.1, 9), Warmup(3, C), LinearWarmup(3, C), CosineWarmup(3, C)]
EVERY += [Sequence([C, C], [3]), Scaled(C, 2.0)]
BAD_STEPS = [
    -1,
    nan,
    inf,
    -inf,
    "3",
    None,
    True,
    1j,
    10**30,
    [1, -2],
    [[1], [1, 2]],
    [0, None],
    {},
    np.array([1.0, nan]),
]


def test_every_schedule_of_the_module_meets_the_wrong_steps():
    assert {type(s).__name__ for s in EVERY} == set(schedules.__all__) - {"Schedule", "linear_scaling"}


@pytest.mark.parametrize("t", BAD_STEPS, ids=repr)
@pytest.mark.parametrize("schedule", EVERY, ids=lambda s: type(s).__name__)
def test_a_wrong_step_is_told_in_a_sentence(schedule, t):
    with pytest.raises(DataError) as caught:
        schedule(t)
    told = str(caught.value)
    assert told.startswith(f"{type(schedule).__name__}: t is ") and told.endswith(".")


COUNTING = [
    Step(0.1, 3),
    MultiStep(0.1, [3]),
    TimeBased(0.1, 1, 3, True),
    Warmup(2, Step(0.1, 3)),
    Scaled(Step(1, 3), 2),
]
COUNTING += [Sequence([C, Step(0.1, 3)], [5])]


@pytest.mark.parametrize("schedule", COUNTING, ids=lambda s: type(s).__name__)
def test_a_fraction_is_refused_where_whole_steps_are_counted(schedule):
    with pytest.raises(DataError, match="t is 2.5; it counts whole steps here, so pass an int such as int"):
        schedule(2.5)


def test_an_overflowing_rate_is_told_with_its_step():
    with pytest.raises(DataError, match="Exponential: the rate is no finite number from t = 1024 on"):
        Exponential(1.0, 2.0)(np.arange(2000))
    assert Exponential(1.0, 0.5)(5000) == 0.0
