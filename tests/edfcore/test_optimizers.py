"""First-order optimizers against PyTorch's numbers, closed forms and symmetries; errata 4.3 to 4.23.

golden/make_optimizers.py made the vectors. SGD is the class here; the slides' function is edf.SGD.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import optimizers
from edfcore.optimizers import (
    GD,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    FlatLoss,
    Momentum,
    Nesterov,
    RMSprop,
    Rprop,
    RpropPrinted,
    no_decay_on_vectors,
)

with np.load(Path(__file__).parent / "golden" / "optimizers.npz") as file:
    GOLDEN = dict(file)
CONFIGS = json.loads(str(GOLDEN["configs"]))

EVERY = {
    "GD": lambda **s: GD(lr=0.1, **s),
    "SGD": lambda **s: SGD(lr=0.1, momentum=0.8, dampening=0.3, **s),
    "SGD nesterov": lambda **s: SGD(lr=0.1, momentum=0.8, nesterov=True, **s),
    "Momentum torch": lambda **s: Momentum(lr=0.05, **s),
    "Momentum ema": lambda **s: Momentum(lr=0.5, convention="ema", **s),
    "Momentum polyak": lambda **s: Momentum(lr=0.05, convention="polyak", **s),
    "Nesterov": lambda **s: Nesterov(lr=0.05, **s),
    "Rprop": lambda **s: Rprop(lr=0.05, **s),
    "RpropPrinted": lambda **s: RpropPrinted(lr=0.05, **s),
    "Adagrad": lambda **s: Adagrad(lr=0.2, lr_decay=0.01, **s),
    "Adadelta": lambda **s: Adadelta(lr=5.0, eps=1e-3, **s),
    "RMSprop": lambda **s: RMSprop(lr=0.02, **s),
    "RMSprop all": lambda **s: RMSprop(lr=0.02, centered=True, momentum=0.5, eps=1e-3, **s),
    "Adam": lambda **s: Adam(lr=0.05, **s),
    "AMSGrad": lambda **s: AMSGrad(lr=0.05, **s),
    "AdamW": lambda **s: AdamW(lr=0.05, **s),
}
every = pytest.mark.parametrize("name", EVERY)


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / max(np.abs(expected).max(), 1e-300)


def quadratic(A):
    """f(x) = x.A x / 2 with its gradient."""
    return lambda x: (0.5 * x @ A @ x, A @ x)


def constant(g):
    """A function whose gradient is g everywhere."""
    return lambda x: (float(np.sum(g * x)), np.broadcast_to(g, x.shape))


def feed(optimizer, start, gradients):
    """The iterates when the optimizer is fed these gradients, whatever the point: array (steps + 1, ...)."""
    w, state, points = np.array(start), {}, [np.array(start)]
    for t, g in enumerate(gradients):
        w = optimizer.update(w, np.array(g), state, optimizer.settings, t)
        points.append(w.copy())
    return np.array(points)


# Golden vectors


def of_config(name, cls=None):
    """The optimizer of a config; another class where one is given."""
    kind, chosen = CONFIGS[name]
    chosen = {key: tuple(value) if isinstance(value, list) else value for key, value in chosen.items()}
    if isinstance(chosen.get("lr"), str):
        assert chosen["lr"] == "0.1 / (1 + 0.2 t)"
        chosen["lr"] = lambda t: 0.1 / (1 + 0.2 * t)
    return (cls or getattr(optimizers, kind))(**chosen)


def errors_against_torch(name, optimizer):
    """The largest relative error of single steps from random states, and of the path on the quadratic."""
    state, after = {}, []
    for t, (w, g) in enumerate(zip(GOLDEN["before"], GOLDEN["grads"], strict=True)):
        after.append(optimizer.update(w.copy(), g, state, optimizer.settings, t))
    path = optimizer.minimize(quadratic(GOLDEN["A"]), GOLDEN["start"], steps=100).trajectory[GOLDEN["at"]]
    steps = relative_error(np.subtract(after, GOLDEN["before"]), GOLDEN[f"{name}.after"] - GOLDEN["before"])
    return steps, relative_error(path, GOLDEN[f"{name}.path"])


@pytest.mark.pins("SGD", "Rprop", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW")
@pytest.mark.parametrize("name", CONFIGS)
def test_single_steps_and_a_hundred_steps_equal_those_of_torch(name):
    steps, path = errors_against_torch(name, of_config(name))
    assert steps < 1e-12 and path < 1e-12


TWINS = {
    "sgd": lambda: GD(lr=0.1),
    "sgd_momentum": lambda: Momentum(lr=0.1, momentum=0.8),
    "sgd_nesterov": lambda: Nesterov(lr=0.1, momentum=0.8),
    "sgd_nesterov_l2": lambda: Nesterov(lr=0.1, momentum=0.8, weight_decay=0.3),
    "adam_amsgrad": lambda: AMSGrad(lr=0.05, betas=(0.9, 0.9)),
    "adam_decoupled": lambda: AdamW(lr=0.05, weight_decay=0.3),
}


@pytest.mark.pins("GD", "Momentum", "Nesterov", "AMSGrad", "AdamW")
@pytest.mark.parametrize("name", TWINS)
def test_a_method_with_a_name_of_its_own_equals_torchs_option(name):
    steps, path = errors_against_torch(name, TWINS[name]())
    assert steps < 1e-12 and path < 1e-12


class FrozenCorrection(Adam):
    def direction(self, g, w, state, h):
        h.t = 1
        return super().direction(g, w, state, h)


class DecayAfterTheStep(AdamW):
    def update(self, w, g, state, group, t):
        lr, decay = group["lr"], group["weight_decay"]
        return super().update(w, g, state, group | {"weight_decay": 0.0}, t) * (1 - lr * decay)


class DampedFirstStep(SGD):
    def direction(self, g, w, state, h):
        state.setdefault("v", np.zeros_like(g))
        return super().direction(g, w, state, h)


class StaleNumerator(Adadelta):
    def direction(self, g, w, state, h):
        before = state.get("u", np.zeros_like(g))
        found = super().direction(g, w, state, h)
        return found * np.sqrt((state["u"] + h.eps) / (before + h.eps))


class EpsInsideTheRoot(Adagrad):
    def direction(self, g, w, state, h):
        found = super().direction(g, w, state, h)
        return found * (np.sqrt(state["G"]) + h.eps) / np.sqrt(state["G"] + h.eps)


class NotCentered(RMSprop):
    def direction(self, g, w, state, h):
        h.centered = False
        return super().direction(g, w, state, h)


class MaximumForgotten(Adam):
    def direction(self, g, w, state, h):
        h.amsgrad = False
        return super().direction(g, w, state, h)


class TakesTheNewestForNesterov(SGD):
    def direction(self, g, w, state, h):
        h.nesterov = False
        return super().direction(g, w, state, h)


FAULTS = {
    "adam_defaults": FrozenCorrection,
    "adamw": DecayAfterTheStep,
    "sgd_dampening": DampedFirstStep,
    "adadelta_defaults": StaleNumerator,
    "adagrad": EpsInsideTheRoot,
    "rmsprop_centered": NotCentered,
    "adam_amsgrad": MaximumForgotten,
    "sgd_nesterov": TakesTheNewestForNesterov,
    "rprop": RpropPrinted,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught_by_the_vectors(name):
    faulty = of_config(name, FAULTS[name])
    assert max(errors_against_torch(name, faulty)) > 1e-6


# Rates on quadratics


def test_gradient_descent_is_exact_on_a_quadratic():
    A, start, lr = GOLDEN["A"], GOLDEN["start"], 0.2
    found = GD(lr=lr).minimize(quadratic(A), start, steps=20).trajectory
    expected = [np.linalg.matrix_power(np.eye(6) - lr * A, k) @ start for k in range(21)]
    assert relative_error(found, expected) < 1e-14


@pytest.mark.pins("GD")
@pytest.mark.parametrize("kappa", [2.0, 10.0, 100.0])
def test_the_best_rate_of_gradient_descent_is_kappa_minus_one_over_kappa_plus_one(kappa):
    found = GD(lr=2 / (1 + kappa)).minimize(quadratic(np.diag([1.0, kappa])), [1.0, 1.0], steps=30).trajectory
    rates = np.linalg.norm(found[1:], axis=1) / np.linalg.norm(found[:-1], axis=1)
    assert np.abs(rates - (kappa - 1) / (kappa + 1)).max() < 1e-13


def spectral_radius(optimizer, curvatures):
    """Of the linear map (w, v) -> (w', v') that a step with momentum is on a quadratic with these curvatures."""
    radii = []
    for curvature in curvatures:
        columns = []
        for w, v in np.eye(2):
            state = {"v": np.array(v)}
            w = optimizer.update(np.array(w), np.array(curvature * w), state, optimizer.settings, 0)
            columns.append([float(w), float(state["v"])])
        radii.append(np.abs(np.linalg.eigvals(np.transpose(columns))).max())
    return max(radii)


@pytest.mark.pins("Momentum")
@pytest.mark.parametrize("kappa", [4.0, 10.0, 100.0])
def test_the_heavy_ball_meets_its_best_rate(kappa):
    """Polyak's rate; the eigenvalue is double, so that rounding enters by its root, 1.5e-8."""
    root = math.sqrt(kappa)
    ball = Momentum(lr=4 / (root + 1) ** 2, momentum=((root - 1) / (root + 1)) ** 2)
    best = (root - 1) / (root + 1)
    assert spectral_radius(ball, np.linspace(1, kappa, 7)) == pytest.approx(best, abs=1e-6)
    path = ball.minimize(quadratic(np.diag([1.0, kappa])), [1.0, 1.0], steps=200).trajectory
    decline = np.linalg.norm(path[200]) / np.linalg.norm(path[100])
    assert best**100 <= decline <= 2 * best**100  # a Jordan block: |w_k| = (a + b k) best^k


@pytest.mark.pins("Nesterov")
@pytest.mark.parametrize("kappa", [4.0, 10.0, 100.0])
def test_nesterov_meets_the_rate_of_lessard_recht_and_packard(kappa):
    s = math.sqrt(3 * kappa + 1)
    fast = Nesterov(lr=4 / (3 * kappa + 1), momentum=(s - 2) / (s + 2))
    assert spectral_radius(fast, np.linspace(1, kappa, 7)) == pytest.approx(1 - 2 / s, abs=1e-6)


@pytest.mark.pins("Nesterov")
def test_nesterov_is_the_two_sequence_form():
    A, y = GOLDEN["A"], GOLDEN["start"]
    x, points = y, [y]
    for _ in range(30):
        x, before = y - 0.1 * A @ y, x
        y = x + 0.8 * (x - before)
        points.append(y)
    points[1] = points[0] - 0.1 * 1.8 * A @ points[0]
    found = Nesterov(lr=0.1, momentum=0.8).minimize(quadratic(A), GOLDEN["start"], steps=30).trajectory
    assert relative_error(found, points) < 1e-13


# Momentum in three conventions


@pytest.mark.pins("Momentum")
def test_three_conventions_are_one_at_a_constant_lr():
    f, start, mu = quadratic(GOLDEN["A"]), GOLDEN["start"], 0.7
    torch, ema, polyak = (
        Momentum(lr=lr, momentum=mu, convention=c).minimize(f, start, steps=50).trajectory
        for c, lr in (("torch", 0.1), ("ema", 0.1 / (1 - mu)), ("polyak", 0.1))
    )
    assert relative_error(ema, torch) < 1e-14 and relative_error(polyak, torch) < 1e-14


@pytest.mark.pins("Momentum")
def test_the_conventions_part_when_lr_changes():
    """One gradient of 1, then none: the old convention pays it out at the lr of its day, the others at today's."""
    mu, lrs = 0.5, (1.0, 0.1, 0.1, 0.01)
    impulse = [np.ones(1), *[np.zeros(1)] * 3]
    powers = mu ** np.arange(4)
    for convention, expected in (("torch", lrs * powers), ("ema", lrs * powers / 2), ("polyak", powers)):
        optimizer = Momentum(lr=lambda t: lrs[t], momentum=mu, convention=convention)
        steps = -np.diff(feed(optimizer, np.zeros(1), impulse), axis=0).ravel()
        assert np.abs(steps - expected).max() < 1e-15, convention


# Constant gradients

G = np.array([3.0, -0.02, 1e-4, -500.0])


@pytest.mark.pins("Adam", "AMSGrad")
@pytest.mark.parametrize("cls", [Adam, AMSGrad])
def test_under_a_constant_gradient_every_step_of_adam_is_lr(cls):
    path = cls(lr=0.01).minimize(constant(G), np.zeros(4), steps=2000).trajectory
    expected = -np.arange(2001)[:, None] * 0.01 * G / (np.abs(G) + 1e-8)
    assert relative_error(path, expected) < 1e-11


@pytest.mark.pins("Adagrad")
def test_under_a_constant_gradient_adagrad_slows_as_one_over_root_t():
    path = Adagrad(lr=0.1, eps=0.0).minimize(constant(G), np.zeros(4), steps=500).trajectory
    expected = -0.1 * np.sign(G) * np.cumsum(1 / np.sqrt(np.arange(1, 501)))[:, None]
    assert relative_error(path[1:], expected) < 1e-13


@pytest.mark.pins("RMSprop")
def test_under_a_constant_gradient_rmsprop_has_its_closed_form():
    path = RMSprop(lr=0.1, alpha=0.95).minimize(constant(G), np.zeros(4), steps=300).trajectory
    t = np.arange(1, 301)[:, None]
    expected = -np.cumsum(0.1 * G / (np.abs(G) * np.sqrt(-np.expm1(t * math.log(0.95))) + 1e-8), axis=0)
    assert relative_error(path[1:], expected) < 1e-12


@pytest.mark.pins("RMSprop")
def test_centered_rmsprop_has_its_closed_form_under_a_constant_gradient():
    """v = (1 - a^t) g^2 and m = (1 - a^t) g, so that v - m^2 = a^t (1 - a^t) g^2."""
    path = RMSprop(lr=0.1, alpha=0.9, centered=True, eps=1e-3).minimize(constant(G), np.zeros(4), steps=30).trajectory
    power = 0.9 ** np.arange(1, 31)[:, None]
    expected = -np.cumsum(0.1 * G / (np.abs(G) * np.sqrt(power * (1 - power)) + 1e-3), axis=0)
    assert relative_error(path[1:], expected) < 1e-12


def test_centered_rmsprop_stays_finite_where_rounding_makes_the_variance_negative():
    g, w, state, optimizer = (
        np.random.default_rng(0).normal(size=200),
        np.zeros(200),
        {},
        RMSprop(centered=True, alpha=0.5),
    )
    lowest = 0.0
    for t in range(80):
        w = optimizer.update(w, g, state, optimizer.settings, t)
        lowest = min(lowest, (state["v"] - state["m"] ** 2).min())
    assert lowest < 0 and np.isfinite(w).all()


@pytest.mark.pins("Adadelta")
def test_the_first_step_of_adadelta_is_zeilers():
    path = Adadelta(rho=0.95).minimize(constant(G), np.zeros(4), steps=1).trajectory
    assert relative_error(path[1], -math.sqrt(1e-6) / np.sqrt(0.05 * G * G + 1e-6) * G) < 1e-15


@given(seed=st.integers(0, 9999), b1=st.floats(0, 0.99), b2=st.floats(0.01, 0.9999))
@settings(max_examples=60, deadline=None)
def test_no_step_of_adam_is_longer_than_cauchy_and_schwarz_allow(seed, b1, b2):
    """|m| / sqrt(v) <= (1 - b1) / sqrt(1 - b2) / sqrt(1 - b1^2 / b2), whatever the gradients, where b1^2 < b2."""
    b1 = min(b1, 0.9 * math.sqrt(b2))
    rng = np.random.default_rng(seed)
    gradients = rng.normal(size=(40, 5)) * 10.0 ** rng.integers(-6, 6, size=(40, 1))
    steps = np.diff(feed(Adam(lr=1.0, betas=(b1, b2)), np.zeros(5), gradients), axis=0)
    bound = (1 - b1) / math.sqrt(1 - b2) / math.sqrt(1 - b1 * b1 / b2)
    corrections = max(math.sqrt(1 - b2**t) / (1 - b1**t) for t in range(1, 41))
    assert np.abs(steps).max() <= bound * corrections * (1 + 1e-12)


@pytest.mark.pins("Adam")
def test_one_gradient_after_many_zeros_moves_adam_as_far_as_kingma_and_ba_say():
    """Section 2.1, the sparse case: lr (1 - b1) / sqrt(1 - b2), times corrections that are 1 by then."""
    gradients = np.zeros((20001, 1))
    gradients[-1] = 5.0
    path = feed(Adam(lr=1.0, eps=0.0), np.zeros(1), gradients)
    assert path[-1, 0] == pytest.approx(-0.1 / math.sqrt(0.001), rel=1e-8)


@pytest.mark.pins("Adam")
def test_the_bias_correction_keeps_its_digits():
    """Against exact fractions; 1 - beta**t has six digits here."""
    for beta, t in ((1 - 1e-10, 7), (0.999, 1), (0.9, 1000), (0.999999, 3)):
        exact = float(1 - Fraction(beta) ** t)
        assert optimizers.adaptive.one_minus_power(beta, t) == pytest.approx(exact, rel=1e-15, abs=0)
    assert optimizers.adaptive.one_minus_power(0.0, 1) == 1.0


# Rprop


@pytest.mark.pins("Rprop", "RpropPrinted")
@pytest.mark.parametrize("cls", [Rprop, RpropPrinted])
def test_step_sizes_of_rprop_are_lr_times_powers_of_its_factors(cls):
    """Counted by hand: a turn halves; after a turn Rprop compares with 0, the printed form with the turned sign."""
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=(60, 20))
    optimizer, w, state = cls(lr=0.01, step_sizes=(1e-300, 1e300)), np.zeros(20), {}
    grown, shrunk, last = np.zeros(20), np.zeros(20), np.zeros(20)
    for t, g in enumerate(signs):
        before = w.copy()
        w = optimizer.update(w, g, state, optimizer.settings, t)
        trend = g * last
        grown, shrunk = grown + (trend > 0), shrunk + (trend < 0)
        last = np.where(trend < 0, 0, g) if cls is Rprop else g
        expected = 0.01 * 1.2**grown * 0.5**shrunk
        assert relative_error(state["eta"], expected) < 1e-13
        assert np.abs((before - w) - expected * last).max() < 1e-12 * np.abs(w).max() + 1e-15


@pytest.mark.pins("Rprop")
def test_rprop_on_the_absolute_value_rests_after_an_overshoot():
    """eta = 1, 1.2, then halved at each turn only: 0.6, 0.6, 0.3, 0.3."""
    path = Rprop(lr=1.0).minimize(lambda x: (abs(x).sum(), np.sign(x)), [2.0], steps=6).trajectory.ravel()
    assert np.abs(path - [2, 1, -0.2, -0.2, 0.4, 0.4, 0.1]).max() < 1e-15


def test_step_sizes_of_rprop_stay_within_their_bounds():
    optimizer = Rprop(lr=0.01, step_sizes=(1e-3, 0.1))
    steps = np.abs(np.diff(feed(optimizer, np.zeros(1), np.ones((30, 1))), axis=0))
    assert steps.max() == pytest.approx(0.1, abs=1e-15)
    turning = feed(optimizer, np.zeros(1), [[(-1.0) ** (t // 2)] for t in range(60)])
    assert np.abs(np.diff(turning[-8:], axis=0)).max() == pytest.approx(1e-3, abs=1e-15)


def test_signs_of_tiny_gradients_do_not_underflow():
    steps = np.abs(np.diff(feed(Rprop(lr=1.0), np.zeros(1), np.full((3, 1), 1e-200)), axis=0)).ravel()
    assert steps == pytest.approx([1.0, 1.2, 1.44], rel=1e-14, abs=0)


# Weight decay


def test_l2_and_decoupled_decay_are_one_for_plain_sgd_and_two_with_momentum():
    f, start = quadratic(GOLDEN["A"]), GOLDEN["start"]

    def gap(cls, **rule):
        pair = (cls(lr=0.05, weight_decay=0.2, decoupled_weight_decay=d, **rule) for d in (False, True))
        l2, decoupled = (o.minimize(f, start, steps=20).trajectory for o in pair)
        return relative_error(decoupled, l2)

    assert gap(SGD) < 1e-15
    assert gap(SGD, momentum=0.9) > 1e-2 and gap(Adam) > 1e-3


@pytest.mark.pins("AdamW")
@pytest.mark.parametrize("cls", [SGD, AdamW, RMSprop, Adagrad])
def test_decoupled_decay_has_its_closed_form(cls):
    """Without gradient, theta_t = product of (1 - lr_t lambda) theta_0."""
    optimizer = cls(lr=lambda t: 0.1 / (1 + t), weight_decay=0.3, decoupled_weight_decay=True)
    path = feed(optimizer, np.array([1.0, -2.0]), np.zeros((25, 2)))
    factors = np.cumprod([1.0, *(1 - 0.3 * 0.1 / (1 + np.arange(25)))])
    assert relative_error(path, factors[:, None] * [1.0, -2.0]) < 1e-14


# Symmetries and reductions


@given(seed=st.integers(0, 9999), power=st.integers(-20, 20))
@settings(max_examples=25, deadline=None)
def test_scaling_all_gradients_changes_nothing_where_eps_is_0(seed, power):
    """Scaled by a power of 2 the iterates are equal bit for bit."""
    gradients = np.random.default_rng(seed).normal(size=(30, 4))
    for optimizer in (Adam(eps=0.0), AMSGrad(eps=0.0), Adagrad(eps=0.0), RMSprop(eps=0.0, momentum=0.5), Rprop()):
        one, other = (feed(optimizer, np.ones(4), s * gradients) for s in (1.0, 2.0**power))
        assert np.array_equal(one, other), optimizer.kind


@every
def test_permuting_entries_permutes_the_iterates(name):
    rng = np.random.default_rng(1)
    start, gradients, order = rng.normal(size=7), rng.normal(size=(20, 7)), rng.permutation(7)
    path = feed(EVERY[name](weight_decay=0.1), start, gradients)
    assert np.array_equal(feed(EVERY[name](weight_decay=0.1), start[order], gradients[:, order]), path[:, order])


@every
def test_changing_all_signs_changes_the_signs_of_the_iterates(name):
    rng = np.random.default_rng(2)
    start, gradients = rng.normal(size=5), rng.normal(size=(20, 5))
    path = feed(EVERY[name](weight_decay=0.1), start, gradients)
    assert np.array_equal(feed(EVERY[name](weight_decay=0.1), -start, -gradients), -path)


@every
def test_maximizing_is_minimizing_the_negative(name):
    rng = np.random.default_rng(5)
    start, gradients = rng.normal(size=5), rng.normal(size=(20, 5))
    assert np.array_equal(feed(EVERY[name](), start, gradients), feed(EVERY[name](maximize=True), start, -gradients))


@every
def test_without_any_gradient_nothing_moves(name):
    start = np.array([1.0, -2.0, 0.0])
    optimizer = EVERY[name](weight_decay=0.0)
    for eps in {optimizer.settings.get("eps", 0.0), 0.0}:
        optimizer.settings |= {"eps": eps} if "eps" in optimizer.settings else {}
        assert np.array_equal(feed(optimizer, start, np.zeros((5, 3))), [start] * 6)


REDUCTIONS = {
    "momentum 0 is gradient descent": (Momentum(momentum=0.0), GD()),
    "nesterov with momentum 0 is gradient descent": (Nesterov(momentum=0.0), GD()),
    "sgd without momentum is gradient descent": (SGD(), GD()),
    "adam with amsgrad is AMSGrad": (Adam(amsgrad=True), AMSGrad()),
    "adamw without decay is adam": (AdamW(weight_decay=0.0), Adam()),
    "adam without first moment is rmsprop, corrected": (Adam(betas=(0.0, 0.0)), RMSprop(lr=1e-3, alpha=0.0)),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    one, other = REDUCTIONS[name]
    gradients = np.random.default_rng(4).normal(size=(30, 6))
    assert relative_error(feed(one, np.ones(6), gradients), feed(other, np.ones(6), gradients)) < 1e-15


@pytest.mark.pins("Adam", "RMSprop")
def test_adam_without_memory_is_sign_descent():
    gradients = np.random.default_rng(4).normal(size=(30, 6))
    gradients[3, 2] = 0.0
    expected = 1 - 0.01 * np.cumsum(np.sign(gradients), axis=0)
    for optimizer in (Adam(lr=0.01, betas=(0.0, 0.0), eps=0.0), RMSprop(lr=0.01, alpha=0.0, eps=0.0)):
        assert np.abs(feed(optimizer, np.ones(6), gradients)[1:] - expected).max() < 1e-14


@every
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_float32_stays_float32(name, shape):
    optimizer, rng = EVERY[name](weight_decay=0.1), np.random.default_rng(0)
    w, state = np.array(rng.normal(size=shape), np.float32), {}
    for t in range(3):
        w = optimizer.update(w, np.array(rng.normal(size=shape), np.float32), state, optimizer.settings, t)
    assert w.dtype == np.float32 and w.shape == shape
    assert {k: np.asarray(a).dtype for k, a in state.items() if k != "t"} == {k: np.float32 for k in state if k != "t"}


# On a graph


def network(seed=0, dtype="float64"):
    """tanh(x W1 + b1) W2 + b2 with its loss on 12 random points, as (graph, loss, parameters)."""
    rng = np.random.default_rng(seed)
    with edf.Graph(dtype) as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W1, b1 = edf.Param(rng.normal(size=(4, 5)), "W1"), edf.Param(np.zeros(5), "b1")
        W2, b2 = edf.Param(rng.normal(size=(5, 3)), "W2"), edf.Param(np.zeros(3), "b2")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(edf.Tanh(x @ W1 + b1) @ W2 + b2), y))
    x.set(rng.normal(size=(12, 4)))
    y.set(rng.integers(0, 3, size=12))
    return graph, loss


def train(graph, loss, optimizer, steps):
    """The mean loss before each step."""
    losses = []
    for _ in range(steps):
        graph.Forward(loss)
        graph.Backward(loss)
        losses.append(float(loss.value.mean()))
        optimizer.step()
    return losses


def values(graph):
    return [p.value.copy() for p in graph.params]


def built(name, params, **more):
    """One of EVERY for these parameters."""
    made = EVERY[name](**more)
    extra = {"omega": made.omega, "patience": made.patience} if isinstance(made, GD) else {}
    chosen = {k: v for k, v in made.settings.items() if not (k == "amsgrad" and isinstance(made, AMSGrad))}
    return type(made)(params, **chosen, **extra)


@every
def test_a_network_trains_and_its_steps_are_those_of_the_plain_function(name):
    graph, loss = network()
    flat = FlatLoss(network()[1])
    losses = train(graph, loss, built(name, graph), 30)
    found = EVERY[name]().minimize(flat, steps=30)
    assert losses[-1] < 0.8 * losses[0]
    assert relative_error(losses, found.values[:30]) < 1e-13
    assert relative_error(np.concatenate([v.ravel() for v in values(graph)]), found.x) < 1e-13


def test_a_step_makes_the_forwarded_values_stale():
    graph, loss = network()
    train(graph, loss, Adam(graph), 1)
    with pytest.raises(edf.GraphError, match="a step of Adam was taken after the last Forward"):
        graph.Backward(loss)


def test_a_parameter_without_gradient_stays_and_keeps_its_own_count():
    graph, loss = network()
    optimizer = Adam(graph, lr=0.1)
    train(graph, loss, optimizer, 2)
    graph.Forward(loss)
    graph.Backward(loss)
    before, graph.params[0].grad = graph.params[0].value.copy(), None
    optimizer.step()
    assert np.array_equal(graph.params[0].value, before)
    assert [state["t"] for state in optimizer.state] == [2, 3, 3, 3]


def test_biases_go_without_decay():
    graph, loss = network()
    for p in graph.params:
        p.set(np.ones_like(p.value))
        p.grad = np.zeros_like(p.value)
    SGD(no_decay_on_vectors(graph, 0.5), lr=0.1).step()
    assert {p.name: set(p.value.ravel().tolist()) for p in graph.params} == {
        "W1": {0.95}, "b1": {1.0}, "W2": {0.95}, "b2": {1.0},
    }  # fmt: skip


def test_groups_override_settings_and_schedules_count_steps():
    graph, loss = network()
    W1, b1, W2, b2 = graph.params
    seen = []
    groups = [{"params": [W1], "lr": lambda t: seen.append(t) or 0.5 * (t + 1)}, {"params": [W2, b2]}]
    optimizer = SGD(groups, lr=0.1)
    for p in graph.params:
        p.set(np.zeros_like(p.value))
        p.grad = np.ones_like(p.value)
    optimizer.step()
    optimizer.step()
    assert seen == [0, 1]
    assert [p.value.ravel()[0] for p in graph.params] == pytest.approx([-1.5, 0.0, -0.2, -0.2], abs=1e-15)


def test_gd_on_a_graph_says_when_algorithm_1_is_finished():
    with edf.Graph() as graph:
        x, w = edf.Input("x"), edf.Param([4.0], "w")
        loss = edf.Mul(x - w, x - w)
    x.set([1.0])
    optimizer = GD(graph, lr=0.25)
    steps = 0
    while not optimizer.finished:
        train(graph, loss, optimizer, 1)
        steps += 1
    plain = GD(lr=0.25).minimize(lambda w: ((1 - w[0]) ** 2, 2 * (w - 1)), [4.0])
    assert steps == plain.steps and np.array_equal(w.value, plain.x)


# Save, load, resume


@every
@pytest.mark.parametrize("through", ["dict", "file"])
def test_resumed_training_equals_uninterrupted_training_bit_for_bit(name, through, tmp_path):
    def fresh(params_from=None):
        graph, loss = network()
        for p, value in zip(graph.params, params_from or [], strict=False):
            p.set(value)
        groups = no_decay_on_vectors(graph, 0.01)
        return graph, loss, built(name, groups)

    graph, loss, optimizer = fresh()
    train(graph, loss, optimizer, 14)
    first, loss1, optimizer1 = fresh()
    train(first, loss1, optimizer1, 6)
    again, loss2, optimizer2 = fresh(values(first))
    if through == "file":
        optimizer1.save(tmp_path / "state.npz")
        with np.load(tmp_path / "state.npz", allow_pickle=False) as saved:
            assert {saved[key].dtype.kind for key in saved.files} <= set("fiU")
        optimizer2.load(tmp_path / "state.npz")
    else:
        optimizer2.load_state_dict(optimizer1.state_dict())
    train(again, loss2, optimizer2, 8)
    assert all(np.array_equal(a, b) for a, b in zip(values(graph), values(again), strict=True))
    assert optimizer2.counters == optimizer.counters and [p.name for p in tmp_path.iterdir() if "unf" in p.name] == []


def test_a_resumed_schedule_goes_on_where_it_was(tmp_path):
    def fall(t):
        return 0.1 / (1 + t)

    graph, loss = network()
    train(graph, loss, Adam(graph, lr=fall), 9)
    first, loss1 = network()
    half = Adam(first, lr=fall)
    train(first, loss1, half, 4)
    half.save(tmp_path / "state")
    rest = Adam(first, lr=fall)
    rest.load(tmp_path / "state")
    train(first, loss1, rest, 5)
    assert all(np.array_equal(a, b) for a, b in zip(values(graph), values(first), strict=True))


def test_saved_settings_come_back(tmp_path):
    graph, _ = network()
    Adam(graph, lr=0.5, betas=(0.5, 0.6), eps=1e-3).save(tmp_path / "a.npz")
    other = Adam(graph)
    other.load(tmp_path / "a.npz")
    assert {k: other.groups[0][k] for k in ("lr", "betas", "eps")} == {"lr": 0.5, "betas": (0.5, 0.6), "eps": 1e-3}


# Plain functions


def test_a_diverging_run_ends_with_a_reason():
    with np.errstate(over="ignore"):
        found = GD(lr=1.5).minimize(quadratic(np.diag([1.0, 100.0])), [1.0, 1.0], steps=100000)
    assert found.reason.startswith("diverged: after step") and found.steps < 1000


def test_f_may_reuse_and_change_its_arrays():
    buffer = np.zeros(2)

    def f(x):
        value = x @ x
        buffer[:] = 2 * x
        x[:] = 77.0
        return value, buffer

    found = Momentum(lr=0.1).minimize(f, [1.0, 2.0], steps=9).trajectory
    assert np.array_equal(found, Momentum(lr=0.1).minimize(lambda x: (x @ x, 2 * x), [1.0, 2.0], steps=9).trajectory)


def test_minimize_stops_at_the_tolerance_and_counts():
    found = GD(lr=0.5).minimize(lambda x: (x @ x / 2, x), [1.0, 0.0], steps=99, tol=0.1)
    assert (found.steps, found.evaluations, len(found.trajectory), len(found.values)) == (4, 5, 5, 5)
    assert "tol = 0.1" in found.reason and found.x.tolist() == [1 / 16, 0.0] == found.gradient.tolist()


# Errata

ERRATA = {}


def erratum(number, *, printed, corrected):
    """The decorated claim takes a form and says whether it holds."""

    def keep(claim):
        ERRATA[number] = (claim, printed, corrected)
        return claim

    return keep


@pytest.mark.parametrize("number", ["4.3", "4.7", "4.7-dampening", "4.8", "4.10", "4.14", "4.15", "4.17", "4.19",
                                    "4.20", "4.21", "4.22", "4.23"])  # fmt: skip
def test_the_printed_form_fails(number):
    claim, printed, _ = ERRATA[number]
    assert not claim(printed)


@pytest.mark.parametrize("number", ["4.3", "4.7", "4.7-dampening", "4.8", "4.10", "4.14", "4.15", "4.17", "4.19",
                                    "4.20", "4.21", "4.22", "4.23"])  # fmt: skip
def test_the_corrected_form_holds(number):
    claim, _, corrected = ERRATA[number]
    assert claim(corrected)


def test_every_erratum_is_run():
    ran = test_the_printed_form_fails.pytestmark[0].args[1]
    assert sorted(ran) == sorted(ERRATA)


def algorithm_1_as_printed(gradient, theta, eta, omega):
    """while |dtheta| < omega for more than 10 iterations do"""
    moved, quiet, count = math.inf, 0, 0
    while moved < omega and quiet > 10:
        step = -eta * gradient(theta)
        theta, moved, count = theta + step, np.linalg.norm(step), count + 1
        quiet = quiet + 1 if moved < omega else 0
    return theta, count


def algorithm_1(gradient, theta, eta, omega):
    found = GD(lr=eta, omega=omega).minimize(lambda x: (1.0, gradient(x)), theta, steps=10**5)
    return found.x, found.steps


@erratum("4.3", printed=algorithm_1_as_printed, corrected=algorithm_1)
def the_loop_runs_and_ends_at_the_minimum(algorithm):
    theta, count = algorithm(lambda x: 2 * x, np.array([3.0, -4.0]), eta=0.1, omega=1e-6)
    return count > 0 and np.linalg.norm(theta) < 1e-5


@pytest.mark.pins("GD")
def test_algorithm_1_stops_after_the_eleventh_small_step():
    """|dtheta_k| = 2 eta 0.8^k |theta_0|: the first below omega is k0, the run ends with step k0 + 10."""
    k0 = math.ceil(math.log(1e-6 / (0.2 * 5)) / math.log(0.8))
    assert GD(lr=0.1, omega=1e-6).minimize(lambda x: (x @ x, 2 * x), [3.0, -4.0], steps=999).steps == k0 + 11
    assert GD(lr=0.1, omega=1e-6).minimize(lambda x: (x @ x, 2 * x), [1e-9], steps=999).steps == 11


def added_as_printed(theta, gradients, mu):
    """dtheta = mu dtheta + (1 - mu) grad; theta <- theta + dtheta, as in Algorithm 1."""
    update = np.zeros_like(theta)
    for g in gradients:
        update = mu * update + (1 - mu) * g(theta)
        theta = theta + update
    return theta


def ema(theta, gradients, mu):
    optimizer, state = Momentum(lr=0.5, momentum=mu, convention="ema"), {}
    for t, g in enumerate(gradients):
        theta = optimizer.update(theta.copy(), g(theta), state, optimizer.settings, t)
    return theta


@erratum("4.7", printed=added_as_printed, corrected=ema)
def momentum_goes_downhill(form):
    start = np.array([1.0, -2.0])
    return np.linalg.norm(form(start, [lambda x: x] * 60, 0.9)) < np.linalg.norm(start)


@erratum(
    "4.7-dampening",
    printed=lambda eta, mu: SGD(lr=eta, momentum=mu, dampening=mu),
    corrected=lambda eta, mu: SGD(lr=eta * (1 - mu), momentum=mu),
)
def torchs_sgd_so_set_averages_gradients(optimizer):
    gradients = np.random.default_rng(0).normal(size=(10, 3))
    average = Momentum(lr=0.1, momentum=0.9, convention="ema")
    paths = (feed(o, np.zeros(3), gradients) for o in (optimizer(0.1, 0.9), average))
    return relative_error(*paths) < 1e-13


@erratum("4.8", printed=SGD(lr=0.1), corrected=SGD(lr=0.1, weight_decay=0.4))
def the_step_descends_the_regularised_objective(optimizer):
    theta, g = np.array([2.0, -1.0]), np.array([0.3, 0.5])
    stepped = feed(optimizer, theta, [g])[1]
    return np.abs(stepped - ((1 - 0.1 * 0.4) * theta - 0.1 * g)).max() < 1e-15


@erratum("4.10", printed={}, corrected={"momentum": 0.9})
def decoupling_makes_a_difference(rule):
    paths = [
        SGD(lr=0.1, weight_decay=0.3, decoupled_weight_decay=d, **rule)
        .minimize(quadratic(GOLDEN["A"]), GOLDEN["start"], steps=10)
        .trajectory
        for d in (False, True)
    ]
    return relative_error(*paths) > 1e-12


@erratum("4.14", printed=0, corrected=1)
def the_left_side_of_rprop_is_theta_of(later):
    gradient = np.sign
    path = Rprop(lr=0.1).minimize(lambda x: (abs(x).sum(), gradient(x)), [2.0], steps=5).trajectory
    etas = 0.1 * 1.2 ** np.arange(5)
    return all(abs(path[t + later] - (path[t] - etas[t] * gradient(path[t]))).max() < 1e-14 for t in range(5))


@erratum("4.15", printed=RpropPrinted(lr=1.0), corrected=Rprop(lr=1.0))
def an_entry_rests_where_its_sign_turned(optimizer):
    path = optimizer.minimize(lambda x: (abs(x).sum(), np.sign(x)), [2.0], steps=20).trajectory.ravel()
    signs = np.sign(path)
    turned = [t for t in range(1, 20) if signs[t] != signs[t - 1]]
    return len(turned) > 2 and all(path[t + 1] == path[t] for t in turned)


def circular(g, rho, eps):
    """dw with E[dw^2] of this very step: dw^2 (v + eps) = (eps + (1 - rho) dw^2) g^2, solved for dw."""
    v = (1 - rho) * g * g
    return g * math.sqrt(eps / (v + eps - (1 - rho) * g * g))


def zeiler(g, rho, eps):
    return -float(Adadelta(rho=rho, eps=eps).minimize(constant(g), [0.0], steps=1).x[0])


@erratum("4.17", printed=circular, corrected=zeiler)
def the_first_step_of_adadelta_is_a_small_start(form):
    return abs(form(2.0, 0.9, 1e-6)) == pytest.approx(math.sqrt(1e-6 / (0.1 * 4 + 1e-6)) * 2, rel=1e-14, abs=0)


class RMSpropPrinted(RMSprop):
    """0.9, and eps inside the root."""

    def direction(self, g, w, state, h):
        v = state["v"] = 0.9 * state.get("v", 0.0) + 0.1 * g * g
        return h.lr / np.sqrt(v + h.eps) * g


@erratum("4.19", printed=RMSpropPrinted(), corrected=RMSprop())
def the_defaults_are_those_of_torch(optimizer):
    return max(errors_against_torch("rmsprop_defaults", optimizer)) < 1e-12


@erratum("4.20", printed=FrozenCorrection(lr=0.1, eps=0.0), corrected=Adam(lr=0.1, eps=0.0))
def every_step_under_a_constant_gradient_is_lr(optimizer):
    path = optimizer.minimize(constant(np.array([3.0])), [0.0], steps=100).trajectory
    return np.abs(np.diff(path, axis=0) + 0.1).max() < 1e-13


def test_the_printed_correction_is_twice_too_long_and_then_a_third():
    """Erratum 4.20: 2.06 times at step 10, and in the end sqrt(1 - b2) / (1 - b1) = 0.3162 times."""
    path = FrozenCorrection(lr=1.0, eps=0.0).minimize(constant(np.array([3.0])), [0.0], steps=20000).trajectory
    steps = -np.diff(path.ravel())
    assert steps[0] == pytest.approx(1.0, rel=1e-14, abs=0)
    assert steps[9] == pytest.approx(2.06, abs=0.005)
    assert steps[-1] == pytest.approx(math.sqrt(0.001) / 0.1, rel=1e-6)


@erratum("4.21", printed=(0.1, 0.1), corrected=(0.9, 0.999))
def the_averages_are_far_too_small_at_first_with(betas):
    state, optimizer = {}, Adam(betas=betas)
    optimizer.update(np.zeros(1), np.ones(1), state, optimizer.settings, 0)
    return state["m"][0] < 0.5 and state["v"][0] < 0.5


@erratum("4.22", printed=0, corrected=-1)
def m_of_adam_with_l2_follows_from_m_of(earlier):
    rng, optimizer, state, w = np.random.default_rng(0), Adam(lr=0.1, weight_decay=0.5), {}, np.ones(3)
    ms, vs, holds = [np.zeros(3)], [np.zeros(3)], []
    for t, g in enumerate(rng.normal(size=(5, 3))):
        seen = g + 0.5 * w  # both averages contain lambda theta
        w = optimizer.update(w.copy(), g, state, optimizer.settings, t)
        ms.append(state["m"].copy())
        vs.append(state["v"].copy())
        holds.append(np.abs(ms[-1] - (0.9 * ms[len(ms) - 1 + earlier] + 0.1 * seen)).max() < 1e-15)
        holds.append(np.abs(vs[-1] - (0.999 * vs[len(vs) - 1 + earlier] + 0.001 * seen**2)).max() < 1e-15)
    return all(holds)


@erratum("4.23", printed=lambda paper, alpha: paper, corrected=lambda paper, alpha: paper / alpha)
def the_decay_is_that_of_the_paper(converted):
    """Without gradient, Loshchilov & Hutter's theta_t = (1 - eta_t lambda)^t theta_0, eta_t = 1, whatever alpha."""
    path = feed(AdamW(lr=0.01, weight_decay=converted(0.002, 0.01)), np.ones(1), np.zeros((50, 1)))
    return path[-1, 0] == pytest.approx(0.998**50, rel=1e-13, abs=0)


# Sentences

MISTAKES = {
    "negative lr": (lambda: Adam(lr=-1.0), ["Adam", "lr is -1.0", "at least 0"]),
    "text for lr": (lambda: SGD(lr="0.1"), ["SGD", "lr is '0.1'"]),
    "nan for lr": (lambda: SGD(lr=math.nan), ["lr is nan", "finite"]),
    "None for lr": (lambda: GD(lr=None), ["GD", "lr is None"]),
    "True for lr": (lambda: GD(lr=True), ["GD", "lr is True"]),
    "negative decay": (lambda: SGD(weight_decay=-0.1), ["weight_decay is -0.1"]),
    "momentum above 1": (lambda: Momentum(momentum=9), ["Momentum", "momentum is 9", "from 0 to 1"]),
    "unknown convention": (lambda: Momentum(convention="keras"), ["'keras'", "torch, ema, polyak"]),
    "nesterov alone": (lambda: SGD(nesterov=True), ["nesterov needs a momentum above 0"]),
    "nesterov dampened": (lambda: SGD(momentum=0.9, dampening=0.1, nesterov=True), ["dampening = 0"]),
    "beta of 1": (lambda: Adam(betas=(0.9, 1.0)), ["betas is (0.9, 1.0)", "below 1"]),
    "one beta": (lambda: Adam(betas=0.9), ["betas is 0.9", "two numbers"]),
    "negative eps": (lambda: Adagrad(eps=-1e-8), ["Adagrad", "eps is -1e-08"]),
    "rho": (lambda: Adadelta(rho=1.5), ["rho is 1.5"]),
    "alpha": (lambda: RMSprop(alpha=None), ["alpha is None"]),
    "switch": (lambda: RMSprop(centered=1), ["centered is 1", "True or False"]),
    "etas": (lambda: Rprop(etas=(1.2, 0.5)), ["etas is (1.2, 0.5)", "etaminus < 1 < etaplus"]),
    "step sizes": (lambda: Rprop(step_sizes=(1, 0.1)), ["step_sizes", "smallest <= largest"]),
    "omega": (lambda: GD(omega=-1), ["omega is -1"]),
    "patience": (lambda: GD(patience=1.5), ["patience is 1.5", "whole number"]),
    "no parameters": (lambda: Adam(edf.Graph()), ["no parameter to train", "build the network first"]),
    "empty list": (lambda: Adam([]), ["no parameter to train"]),
    "array for a parameter": (lambda: Adam([np.ones(3)]), ["is not a Param"]),
    "number for parameters": (lambda: Adam(3), ["params is 3", "Graph"]),
    "parameter twice": (lambda: Adam([p := edf.Param(1.0, graph=edf.Graph()), p]), ["given twice"]),
    "unknown setting in a group": (
        lambda: Adam([{"params": network()[0], "momentum": 0.9}]),
        ["a group sets momentum", "not a setting of Adam", "betas"],
    ),
    "group without parameters": (lambda: Adam([{"lr": 0.1}]), ['the key "params"']),
    "bad setting in a group": (lambda: Adam([{"params": network()[0], "eps": -1}]), ["eps is -1"]),
    "decay helper": (lambda: no_decay_on_vectors(network()[0], -1), ["no_decay_on_vectors", "weight_decay is -1"]),
    "schedule that gives nothing": (
        lambda: GD(lr=lambda t: None).minimize(lambda x: (x @ x, 2 * x), [1.0]),
        ["the schedule gave lr = None at t = 0"],
    ),
    "None for x0": (lambda: Adam().minimize(lambda x: (1.0, x), None), ["Adam: x0 is None", "finite numbers"]),
    "ragged x0": (lambda: Adam().minimize(lambda x: (1.0, x), [[1.0], [1.0, 2.0]]), ["x0 is not an array"]),
    "empty x0": (lambda: Adam().minimize(lambda x: (1.0, x), []), ["not empty"]),
    "nan in x0": (lambda: Adam().minimize(lambda x: (1.0, x), [math.nan]), ["finite numbers"]),
    "text for x0": (lambda: Adam().minimize(lambda x: (1.0, x), "here"), ["x0 is 'here'"]),
    "no function": (lambda: Adam().minimize(None, [1.0]), ["f is None", "f(x) -> (value, gradient)"]),
    "value alone": (lambda: Adam().minimize(lambda x: x @ x, [1.0]), ["must return a pair"]),
    "value that is an array": (lambda: Adam().minimize(lambda x: (x, x), [1.0, 2.0]), ["must return a pair"]),
    "gradient of another shape": (
        lambda: Adam().minimize(lambda x: (1.0, x[:1]), [1.0, 2.0]),
        ["x has shape (2,)", "returned has (1,)"],
    ),
    "f that is nan at x0": (lambda: Adam().minimize(lambda x: (math.nan, x), [1.0]), ["not finite at x0"]),
    "negative steps": (lambda: Adam().minimize(lambda x: (1.0, x), [1.0], steps=-1), ["steps is -1"]),
    "negative tol": (lambda: Adam().minimize(lambda x: (1.0, x), [1.0], tol=-1), ["tol is -1"]),
    "not a state": (lambda: Adam().load_state_dict(None), ["what state_dict() or a saved file gives"]),
    "state of another kind": (lambda: Adam().load_state_dict(SGD().state_dict()), ["of SGD, not of Adam"]),
    "state of another network": (lambda: Adam().load_state_dict(Adam(network()[0]).state_dict()), ["4 parameters"]),
    "no such folder": (lambda: Adam().save("/nowhere/state.npz"), ["'/nowhere/state.npz' cannot be written"]),
    "missing file": (lambda: Adam().load("/nowhere/state.npz"), ["there is no file '/nowhere/state.npz'"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_a_sentence(name):
    mistake, words = MISTAKES[name]
    with pytest.raises((edf.DataError, edf.ShapeError)) as caught:
        mistake()
    assert [word for word in words if word not in str(caught.value)] == [] and str(caught.value)[-1] == "."


def test_a_step_without_gradients_or_parameters_is_told():
    graph, _ = network()
    with pytest.raises(edf.GraphError, match="no parameter has a gradient; call Backward"):
        Adam(graph).step()
    with pytest.raises(edf.GraphError, match=r"build it from a graph, Adam\(graph\)"):
        Adam().step()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_changes_nothing(bad):
    graph, loss = network()
    graph.Forward(loss)
    graph.Backward(loss)
    graph.params[2].grad[0, 0] = bad
    before = values(graph)
    with pytest.raises(edf.DataError, match="the gradient of Param 'W2' holds NaN or infinity; no parameter was chan"):
        Adam(graph).step()
    assert all(np.array_equal(a, b) for a, b in zip(before, values(graph), strict=True))


def test_a_gradient_of_another_shape_is_told():
    graph, _ = network()
    graph.params[0].grad = np.ones(3)
    with pytest.raises(edf.ShapeError, match=r"Param 'W1' has shape \(4, 5\), its gradient \(3,\)"):
        SGD(graph).step()


@pytest.mark.parametrize("content", [b"", b"not a file of arrays", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_told(content, tmp_path):
    (tmp_path / "state.npz").write_bytes(content)
    with pytest.raises(edf.DataError, match="is damaged, or is not what save"):
        Adam().load(tmp_path / "state.npz")


def test_a_file_of_other_arrays_or_objects_is_told(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    np.savez(tmp_path / "objects.npz", description=np.array([{}], dtype=object))
    for name in ("other.npz", "objects.npz"):
        with pytest.raises(edf.DataError, match="damaged"):
            Adam().load(tmp_path / name)


def test_a_state_that_does_not_fit_changes_nothing():
    graph, loss = network()
    optimizer = Adam(graph)
    train(graph, loss, optimizer, 1)
    told = optimizer.state_dict()
    told["state"][2]["m"] = np.zeros((2, 2))
    with pytest.raises(edf.DataError, match=r"m of Param 'W2' has shape \(2, 2\)"):
        Adam(graph).load_state_dict(told)
    float32 = Adam(network(dtype="float32")[0])
    with pytest.raises(edf.DataError, match="float64, the parameter .* and float32"):
        float32.load_state_dict(optimizer.state_dict())
    assert float32.state == [{}] * 4 and float32.counters == {"t": 0}


def test_a_state_with_a_schedule_asks_for_the_schedule():
    graph, _ = network()
    with pytest.raises(edf.DataError, match="had a schedule for lr; pass the same one"):
        Adam(graph).load_state_dict(Adam(graph, lr=lambda t: 0.1).state_dict())
