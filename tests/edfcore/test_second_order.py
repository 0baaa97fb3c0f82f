"""Newton and quasi-Newton methods against theorems, SciPy and PyTorch; errata 4.11, 4.12, 4.25, 4.26, 4.27.

p and q are the step and the change of the gradient; B is near the inverse Hessian, S4's letter.
"""

import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.optimize._optimize import _line_search_wolfe12

import edfcore as edf
from edfcore.optimizers import (
    BFGS,
    DFP,
    LBFGS,
    Broyden,
    FlatLoss,
    Newton,
    Step,
    backtracking,
    broyden_update,
    exact_for_quadratics,
    hessian_by_differences,
    strong_wolfe,
    two_loop,
)
from edfcore.optimizers.second_order import damping, powell_damped

with np.load(Path(__file__).parent / "golden" / "optimizers.npz") as file:
    GOLDEN = dict(file)

QUASI = {
    "BFGS": BFGS,
    "DFP": DFP,
    "Broyden": lambda **s: Broyden(0.5, **s),
    "LBFGS": lambda **s: LBFGS(**({k: v for k, v in s.items() if k != "safeguard"} | {"history_size": 4})),
}


def random_quadratic(seed, n=5, kappa=20.0):
    """f(x) = x.A x / 2 - b.x, A, its minimum, and a random start."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    A, b = Q @ np.diag(np.geomspace(1, kappa, n)) @ Q.T, rng.normal(size=n)
    A = 0.5 * (A + A.T)
    return lambda x: (0.5 * x @ A @ x - b @ x, A @ x - b), A, np.linalg.solve(A, b), rng.normal(size=n)


def rosenbrock(x):
    return optimize.rosen(x), optimize.rosen_der(x)


def bowl(x):
    """Strictly convex, not a quadratic."""
    A = GOLDEN["A"]
    return float(np.cosh(x).sum() + 0.5 * x @ A @ x), np.sinh(x) + A @ x


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / max(np.abs(expected).max(), 1e-300)


def conjugate_gradients(A, b, x, steps):
    """Hestenes & Stiefel 1952: the iterates."""
    r = b - A @ x
    d, points = r, [x]
    for _ in range(steps):
        alpha = r @ r / (d @ A @ d)
        x, before = x + alpha * d, r
        r = r - alpha * A @ d
        d = r + (r @ r) / (before @ before) * d
        points.append(x)
    return np.array(points)


# The Broyden family


@pytest.mark.pins("Broyden", "BFGS", "DFP")
@pytest.mark.parametrize("seed", range(4))
def test_dixon_with_exact_searches_every_xi_gives_the_iterates_of_conjugate_gradients(seed):
    f, A, best, start = random_quadratic(seed)
    expected = conjugate_gradients(A, A @ best, start, 5)
    for xi in (0.0, 0.25, 0.5, 1.0, 1.7):
        found = Broyden(xi, exact_for_quadratics).minimize(f, start, steps=5, tol=0)
        assert found.steps == 5 and relative_error(found.trajectory, expected) < 1e-11, xi
    for cls in (BFGS, DFP):
        assert relative_error(cls(exact_for_quadratics).minimize(f, start, 5, 0).trajectory, expected) < 1e-11


@pytest.mark.pins("Broyden", "BFGS", "DFP")
@pytest.mark.parametrize("xi", [0.0, 0.5, 1.0])
def test_after_n_exact_steps_the_matrix_is_the_inverse_hessian(xi):
    f, A, _, start = random_quadratic(7)
    quasi = Broyden(xi, exact_for_quadratics)
    quasi.minimize(f, start, steps=5, tol=0)
    assert relative_error(quasi.memory["B"], np.linalg.inv(A)) < 1e-9


@pytest.mark.pins("Broyden")
@given(seed=st.integers(0, 9999), xi=st.floats(-1, 2))
@settings(max_examples=60, deadline=None)
def test_every_update_obeys_the_secant_equation_and_stays_symmetric(seed, xi):
    rng = np.random.default_rng(seed)
    M, p, q = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    q = q if p @ q > 0 else -q
    B = M @ M.T + np.eye(4)
    new = broyden_update(B, p, q, xi)
    scale = np.abs(new).max() * np.abs(q).max()
    assert np.abs(new @ q - p).max() < 1e-11 * scale and np.abs(new - new.T).max() < 1e-14 * np.abs(new).max()
    if 0 <= xi <= 1 and p @ q > 0.1:
        assert np.linalg.eigvalsh(new).min() > 0


def bfgs_in_product_form(B, p, q):
    """(I - p q^T / p.q) B (I - q p^T / p.q) + p p^T / p.q: N&W 6.17."""
    left = np.eye(len(p)) - np.outer(p, q) / (p @ q)
    return left @ B @ left.T + np.outer(p, p) / (p @ q)


@pytest.mark.pins("BFGS", "DFP")
def test_xi_1_is_bfgs_and_xi_0_is_dfp():
    rng = np.random.default_rng(0)
    M, p, q = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    B, q = M @ M.T + np.eye(4), q * np.sign(p @ q)
    assert relative_error(broyden_update(B, p, q, 1.0), bfgs_in_product_form(B, p, q)) < 1e-13
    dfp = np.linalg.inv(bfgs_in_product_form(np.linalg.inv(B), q, p))  # DFP is BFGS with the roles exchanged
    assert relative_error(broyden_update(B, p, q, 0.0), dfp) < 1e-11


class SciPySearch:
    """SciPy's own line search, with its first guess, as a search for edfcore's optimizers."""

    def __init__(self):
        self.earlier = None

    def __call__(self, f, x, d, value, g, alpha0):
        earlier = value + np.linalg.norm(g) / 2 if self.earlier is None else self.earlier
        found = _line_search_wolfe12(
            lambda x: f(x)[0], lambda x: f(x)[1], x, d, g, value, earlier, amin=1e-100, amax=1e100, c1=1e-4, c2=0.9
        )
        self.earlier, new = value, x + found[0] * d
        return Step(found[0], new, *f(new), 1, True)


@pytest.mark.pins("BFGS")
@pytest.mark.parametrize("f, start", [(rosenbrock, [-1.2, 1.0, 0.7, 1.3]), (bowl, GOLDEN["start"])])
def test_iterates_of_bfgs_are_scipys_with_the_same_line_search(f, start):
    theirs = optimize.minimize(f, start, jac=True, method="BFGS", options={"return_all": True, "gtol": 1e-6})
    ours = BFGS(SciPySearch()).minimize(f, start, steps=theirs.nit, tol=1e-6)
    assert ours.steps == theirs.nit and theirs.nit > 5
    assert relative_error(ours.trajectory, theirs.allvecs) < 1e-10


@pytest.mark.parametrize("name", QUASI)
def test_quasi_newton_methods_find_the_minimum_of_rosenbrock(name):
    """DFP recovers slowly from a bad matrix (Powell 1986) and needs nearly exact searches."""
    search = {"line_search": partial(strong_wolfe, c2=0.1)} if name == "DFP" else {}
    found = QUASI[name](**search).minimize(rosenbrock, [-1.2, 1.0, 0.7], steps=500, tol=1e-6)
    assert np.abs(found.x - 1).max() < 1e-5 and "at most 1e-06" in found.reason


def test_the_scaled_first_matrix_is_that_of_nocedal_and_wright():
    f, A, _, start = random_quadratic(3)
    quasi = BFGS(exact_for_quadratics, scale_initial=True)
    found = quasi.minimize(f, start, steps=1, tol=0)
    p = found.trajectory[1] - start
    q = A @ p
    expected = bfgs_in_product_form(p @ q / (q @ q) * np.eye(5), p, q)
    assert relative_error(quasi.memory["B"], expected) < 1e-12


# Safeguards


def fixed(alpha):
    """A search that always goes as far: it can end where p.q < 0."""
    return lambda f, x, d, value, g, alpha0: Step(alpha, x + alpha * d, *f(x + alpha * d), 1, True)


def two_wells(x):
    return float((x**4 / 4 - x**2 / 2).sum()), x**3 - x


@pytest.mark.pins("BFGS", "LBFGS")
@pytest.mark.parametrize("name", QUASI)
def test_without_positive_curvature_the_update_is_skipped(name):
    p = np.array([1.0, 0.5])
    for q in (-p, np.array([0.5, -1.0]), 0 * p):
        quasi = QUASI[name]()
        quasi.remember(p, q)
        assert quasi.memory == {}
    quasi.remember(p, 2 * p)
    assert quasi.memory != {}


@pytest.mark.parametrize("name", ["BFGS", "DFP", "Broyden"])
def test_powells_damping_keeps_the_matrix_positive_definite(name):
    quasi = QUASI[name](line_search=fixed(0.1), safeguard="powell")
    for steps in range(1, 12):
        quasi.minimize(two_wells, [0.1, 0.2], steps=steps)
        assert np.linalg.eigvalsh(quasi.memory["B"]).min() > 0


def test_powells_q_meets_his_bound_exactly_and_leaves_good_pairs_alone():
    rng = np.random.default_rng(0)
    M, p = rng.normal(size=(3, 3)), rng.normal(size=3)
    B = M @ M.T + np.eye(3)
    pHp = p @ np.linalg.solve(B, p)
    assert p @ powell_damped(B, p, -p) == pytest.approx(0.2 * pHp, rel=1e-12, abs=0)
    assert np.array_equal(powell_damped(B, p, 5 * pHp * p), 5 * pHp * p)


def test_an_update_without_the_safeguard_loses_positive_definiteness():
    p = np.array([1.0, 0.0])
    assert np.linalg.eigvalsh(broyden_update(np.eye(2), p, -p)).min() < 0


# L-BFGS


@pytest.mark.pins("LBFGS")
def test_iterates_of_lbfgs_without_search_are_those_of_torch():
    found = LBFGS(history_size=3, line_search=None).minimize(bowl, GOLDEN["start"], steps=12, tol=0)
    assert relative_error(found.trajectory[1:], GOLDEN["lbfgs.path"]) < 1e-12


@pytest.mark.pins("LBFGS")
def test_with_a_whole_history_and_gamma_1_lbfgs_is_bfgs():
    for f, start in ((bowl, GOLDEN["start"]), (random_quadratic(1)[0], np.ones(5))):
        limited = LBFGS(history_size=10**6, scale=False).minimize(f, start, steps=12, tol=1e-5)
        full = BFGS().minimize(f, start, steps=12, tol=1e-5)
        assert limited.steps == full.steps > 4
        assert relative_error(limited.trajectory, full.trajectory) < 1e-12


@pytest.mark.pins("LBFGS")
@given(seed=st.integers(0, 9999), pairs=st.integers(0, 5), gamma=st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_the_two_loop_recursion_is_the_product_with_the_explicit_matrix(seed, pairs, gamma):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(6, 6))
    A, g, ps = M @ M.T + np.eye(6), rng.normal(size=6), rng.normal(size=(pairs, 6))
    qs, B = ps @ A, gamma * np.eye(6)
    for p, q in zip(ps, qs, strict=True):
        B = bfgs_in_product_form(B, p, q)
    assert np.abs(two_loop(g, ps, qs, gamma) - B @ g).max() < 1e-9 * np.abs(B).max() * np.abs(g).max()


def test_the_history_is_as_long_as_asked():
    quasi = LBFGS(history_size=3)
    quasi.minimize(rosenbrock, [-1.2, 1.0], steps=10)
    assert [np.shape(quasi.memory[name]) for name in "pq"] == [(3, 2), (3, 2)]


@pytest.mark.pins("LBFGS")
def test_lbfgs_ends_where_scipys_does():
    theirs = optimize.minimize(rosenbrock, np.full(8, -0.5), jac=True, method="L-BFGS-B", options={"gtol": 1e-9})
    ours = LBFGS(history_size=10).minimize(rosenbrock, np.full(8, -0.5), tol=1e-9)
    assert np.abs(ours.x - theirs.x).max() < 1e-5 and ours.value < 1e-12


# Newton


@pytest.mark.pins("Newton")
@pytest.mark.parametrize("search", [None, backtracking, exact_for_quadratics])
def test_newton_needs_one_step_on_a_quadratic(search):
    f, A, best, start = random_quadratic(2)
    found = Newton(lambda x: A, search).minimize(f, start)
    assert found.steps == 1 and relative_error(found.x, best) < 1e-13


@pytest.mark.pins("Newton")
def test_newton_stops_by_half_the_squared_decrement_which_on_a_quadratic_is_the_distance_to_the_minimum():
    f, A, best, start = random_quadratic(2)
    gap = f(start)[0] - f(best)[0]
    for factor, steps in ((1.0001, 0), (0.9999, 1)):
        assert Newton(lambda x: A).minimize(f, start, tol=factor * gap).steps == steps


@pytest.mark.pins("Newton")
def test_newton_converges_with_order_2():
    """p = log(e_{k+1} / e_k) / log(e_k / e_{k-1}) on sum(e^x - x), whose third derivative is 1 at the minimum."""
    found = Newton(lambda x: np.diag(np.exp(x))).minimize(lambda x: ((np.exp(x) - x).sum(), np.exp(x) - 1), [0.6, 0.4])
    errors = np.linalg.norm(found.trajectory, axis=1)
    errors = errors[errors > 1e-13]
    orders = np.log(errors[2:] / errors[1:-1]) / np.log(errors[1:-1] / errors[:-2])
    assert len(errors) >= 4 and orders[-1] == pytest.approx(2, abs=0.05)
    assert errors[-1] / errors[-2] ** 2 == pytest.approx(0.5, abs=0.05)  # e' = f'''/(2 f'') e^2


@pytest.mark.pins("Newton")
def test_newton_is_invariant_under_affine_maps():
    rng = np.random.default_rng(0)
    T = rng.normal(size=(6, 6)) + 3 * np.eye(6)

    def hessian(x):
        return np.diag(np.cosh(x)) + GOLDEN["A"]

    def mapped(y):
        value, g = bowl(T @ y)
        return value, T.T @ g

    start = 2 * GOLDEN["start"]
    plain = Newton(hessian).minimize(bowl, start)
    other = Newton(lambda y: T.T @ hessian(T @ y) @ T).minimize(mapped, np.linalg.solve(T, start))
    assert plain.steps == other.steps >= 3
    assert relative_error(other.trajectory @ T.T, plain.trajectory) < 1e-12


@pytest.mark.pins("Newton")
def test_newton_on_logistic_regression_is_iteratively_reweighted_least_squares():
    rng = np.random.default_rng(0)
    X, y, lam = rng.normal(size=(40, 3)), rng.integers(0, 2, 40), 0.1

    def prob(w):
        return 1 / (1 + np.exp(-X @ w))

    def f(w):
        z = X @ w
        return float((np.logaddexp(0, z) - y * z).sum() + lam / 2 * w @ w), X.T @ (prob(w) - y) + lam * w

    def hessian(w):
        return (X.T * (prob(w) * (1 - prob(w)))) @ X + lam * np.eye(3)

    w, path = np.zeros(3), [np.zeros(3)]
    for _ in range(5):  # weighted least squares on the working response, lambda as three more rows
        weight = prob(w) * (1 - prob(w))
        rows = np.vstack([np.sqrt(weight)[:, None] * X, math.sqrt(lam) * np.eye(3)])
        working = np.concatenate([np.sqrt(weight) * (X @ w + (y - prob(w)) / weight), np.zeros(3)])
        w = np.linalg.lstsq(rows, working, rcond=None)[0]
        path.append(w)
    found = Newton(hessian).minimize(f, np.zeros(3), steps=5, tol=0)
    assert relative_error(found.trajectory, path[: found.steps + 1]) < 1e-12 and found.steps >= 4


def saddle(x):
    """x^4/4 - x^2/2 + y^2/2: minima at (+-1, 0), a saddle at 0."""
    return float(x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2 / 2), np.array([x[0] ** 3 - x[0], x[1]])


def saddle_hessian(x):
    return np.diag([3 * x[0] ** 2 - 1, 1.0])


@pytest.mark.pins("Newton")
def test_damping_leads_newton_away_from_a_saddle_where_the_plain_step_leads_to_it():
    start = np.array([0.1, 1.0])
    found = Newton(saddle_hessian, backtracking).minimize(saddle, start)
    assert np.abs(found.x - [1, 0]).max() < 1e-6 and (np.diff(found.values) < 0).all()
    plain = start - np.linalg.solve(saddle_hessian(start), saddle(start)[1])
    assert abs(plain[0]) < 0.01


def test_at_a_saddle_newton_says_so():
    found = Newton(saddle_hessian).minimize(saddle, [0.0, 0.0])
    assert found.steps == 0 and "Hessian is not positive definite" in found.reason


@given(seed=st.integers(0, 9999))
@settings(max_examples=40, deadline=None)
def test_the_damped_hessian_is_positive_definite_and_a_positive_one_is_left_alone(seed):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(4, 4))
    assert np.linalg.eigvalsh(M + M.T + damping(M + M.T) * np.eye(4)).min() > 0
    assert damping(M @ M.T + np.eye(4)) == 0.0


def test_newton_without_a_hessian_takes_differences_of_the_gradient():
    exact = np.diag(np.cosh(GOLDEN["start"])) + GOLDEN["A"]
    assert relative_error(hessian_by_differences(bowl, GOLDEN["start"]), exact) < 1e-9
    assert np.abs(Newton().minimize(bowl, GOLDEN["start"]).x).max() < 1e-6


# A graph as one vector


def network(dtype="float64"):
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W1, b1 = edf.Param(rng.normal(size=(3, 4)), "W1"), edf.Param(np.zeros(4), "b1")
        W2 = edf.Param(rng.normal(size=(4, 2)), "W2")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(edf.Tanh(x @ W1 + b1) @ W2), y))
    x.set(rng.normal(size=(10, 3)))
    y.set(rng.integers(0, 2, size=10))
    return graph, loss


def test_the_flat_loss_has_the_gradient_of_its_differences():
    flat, rng = FlatLoss(network()[1]), np.random.default_rng(1)
    theta, v = flat.x, rng.normal(size=flat.x.size)
    slope = (flat(theta + 1e-5 * v)[0] - flat(theta - 1e-5 * v)[0]) / 2e-5
    assert flat(theta)[1] @ v == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("name", [*QUASI, "Newton"])
def test_second_order_methods_train_a_graph_and_leave_it_at_the_result(name):
    graph, loss = network()
    flat = FlatLoss(loss)
    optimizer = Newton(line_search=backtracking) if name == "Newton" else QUASI[name]()
    found = optimizer.minimize(flat, steps=25)
    graph.Forward(loss)
    assert found.values[-1] < 0.2 * found.values[0] and (np.diff(found.values) < 0).all()
    assert np.array_equal(flat.x, found.x) and float(loss.value.mean()) == found.value


def test_flat_training_keeps_float32():
    graph, loss = network("float32")
    found = BFGS().minimize(FlatLoss(loss), steps=5)
    assert found.x.dtype == np.float32 and {p.value.dtype for p in graph.params} == {np.dtype(np.float32)}
    assert found.value < found.values[0]


def test_a_flat_loss_can_leave_parameters_out():
    graph, loss = network()
    W1, b1, W2 = graph.params
    before = W1.value.copy()
    LBFGS().minimize(FlatLoss(loss, [W2, b1]), steps=3)
    assert np.array_equal(W1.value, before) and FlatLoss(loss, [W2, b1]).x.size == 12


@pytest.mark.parametrize("name", QUASI)
def test_a_resumed_run_takes_the_same_steps_bit_for_bit(name, tmp_path):
    start = [-1.2, 1.0, 0.7]
    whole = QUASI[name]().minimize(rosenbrock, start, steps=15)
    first = QUASI[name]()
    half = first.minimize(rosenbrock, start, steps=8)
    first.save(tmp_path / "memory.npz")
    second = QUASI[name]()
    second.load(tmp_path / "memory.npz")
    rest = second.minimize(rosenbrock, half.x, steps=7, resume=True)
    assert np.array_equal(np.concatenate([half.trajectory, rest.trajectory[1:]]), whole.trajectory)


# Errata


def one_step(sign):
    f, A, best, start = random_quadratic(4)
    return relative_error(start + sign * np.linalg.solve(A, f(start)[1]), best) < 1e-12


def eta_as_printed(f, theta, d):
    """eta = min over eta >= 0 of J(theta - eta d): the value that J takes there."""
    return exact_for_quadratics(f, theta, -d).value


def eta_corrected(f, theta, d):
    """argmin."""
    return exact_for_quadratics(f, theta, -d).alpha


def lowest_along_the_line(eta_of):
    f, _, best, theta = random_quadratic(5)
    d = f(theta)[1]
    eta = eta_of(f, theta, d)
    return all(f(theta - eta * d)[0] <= f(theta - (eta + shift) * d)[0] for shift in (-1e-3, 1e-3))


def equals_the_taylor_polynomial(order):
    """J(theta + d) - (J + d.g + d.H d / 2) on a function that is no quadratic: 0, or of order 3 in d."""
    x, v = GOLDEN["start"], np.random.default_rng(0).normal(size=6)
    H = np.diag(np.cosh(x)) + GOLDEN["A"]
    gaps = [abs(bowl(x + h * v)[0] - bowl(x)[0] - h * v @ bowl(x)[1] - h * h * v @ H @ v / 2) for h in (1e-1, 5e-2)]
    return gaps[0] < 1e-12 if order is None else 2 ** (order - 0.3) < gaps[0] / gaps[1] < 2 ** (order + 0.3)


def newtons_direction(B_of):
    """d = -B g reaches the minimum of a quadratic."""
    f, A, best, start = random_quadratic(6)
    return relative_error(start - B_of(A) @ f(start)[1], best) < 1e-12


def stays_positive_definite(curvature):
    p, q = np.array([1.0, 0.0]), np.array([curvature, 0.5])
    return np.linalg.eigvalsh(broyden_update(np.eye(2), p, q)).min() > 0


def is_bfgs_at_xi_1(update):
    rng = np.random.default_rng(1)
    M, p, q = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    B, q = M @ M.T + np.eye(4), q * np.sign(p @ q)
    return relative_error(update(B, p, q), bfgs_in_product_form(B, p, q)) < 1e-10


def in_the_hessian_form(B, p, q):
    """The same formula for H = B^-1, with p and q exchanged."""
    return np.linalg.inv(broyden_update(np.linalg.inv(B), q, p, 1.0))


def newest_first(g, ps, qs):
    """What a reader without the formula may write: the loops in the other order."""
    return two_loop(g, ps[::-1], qs[::-1])


def is_the_matrix_of_the_stored_pairs(product):
    rng = np.random.default_rng(2)
    M = rng.normal(size=(5, 5))
    A, g, ps = M @ M.T + np.eye(5), rng.normal(size=5), rng.normal(size=(3, 5))
    qs = ps @ A
    B = ps[-1] @ qs[-1] / (qs[-1] @ qs[-1]) * np.eye(5)
    for p, q in zip(ps, qs, strict=True):
        B = bfgs_in_product_form(B, p, q)
    return relative_error(product(g, ps, qs), B @ g) < 1e-11


# number: claim, printed form, corrected form
ERRATA = {
    "4.11": (one_step, 1, -1),
    "4.11-taylor": (equals_the_taylor_polynomial, None, 3),
    "4.12": (lowest_along_the_line, eta_as_printed, eta_corrected),
    "4.25": (newtons_direction, lambda H: H, np.linalg.inv),
    "4.25-curvature": (stays_positive_definite, -1.0, 1.0),
    "4.26": (is_bfgs_at_xi_1, in_the_hessian_form, broyden_update),
    "4.27": (is_the_matrix_of_the_stored_pairs, newest_first, two_loop),
}


@pytest.mark.parametrize("number", ERRATA)
def test_the_printed_form_fails(number):
    claim, printed, _ = ERRATA[number]
    assert not claim(printed)


@pytest.mark.parametrize("number", ERRATA)
def test_the_corrected_form_holds(number):
    claim, _, corrected = ERRATA[number]
    assert claim(corrected)


# Sentences

MISTAKES = {
    "negative lr": (lambda: BFGS(lr=-1), ["BFGS: lr is -1"]),
    "schedule": (lambda: BFGS(lr=lambda t: 1.0), ["lr is a function"]),
    "search by name": (lambda: LBFGS(line_search="strong_wolfe"), ["line_search is 'strong_wolfe'"]),
    "xi": (lambda: Broyden(xi=None), ["xi is None"]),
    "safeguard": (lambda: BFGS(safeguard="none"), ["'none' is none of skip, powell"]),
    "history": (lambda: LBFGS(history_size=0), ["history_size is 0", "at least 1"]),
    "scale": (lambda: LBFGS(scale=1), ["scale is 1", "True or False"]),
    "hessian": (lambda: Newton(np.eye(2)), ["hessian is", "a function of x"]),
    "hessian of another shape": (
        lambda: Newton(lambda x: np.eye(3)).minimize(bowl, GOLDEN["start"]),
        ["x has 6 entries but the Hessian has shape (3, 3)"],
    ),
    "hessian with nan": (lambda: Newton(lambda x: np.full((6, 6), math.nan)).minimize(bowl, GOLDEN["start"]), ["NaN"]),
    "hessian of nothing": (lambda: Newton(lambda x: [[1], [1, 2]]).minimize(bowl, [1.0] * 6), ["not an array of num"]),
    "unsymmetric": (lambda: Newton(lambda x: np.triu(np.ones((6, 6)))).minimize(bowl, [1.0] * 6), ["not symmetric"]),
    "x0": (lambda: BFGS().minimize(bowl, None), ["BFGS: x0 is None"]),
    "empty x0": (lambda: LBFGS().minimize(bowl, []), ["not empty"]),
    "f": (lambda: BFGS().minimize(None, [1.0]), ["f is None"]),
    "not finite": (lambda: BFGS().minimize(lambda x: (math.inf, x), [1.0]), ["not finite at x0"]),
    "steps": (lambda: BFGS().minimize(bowl, GOLDEN["start"], steps=1.5), ["steps is 1.5"]),
    "tol": (lambda: BFGS().minimize(bowl, GOLDEN["start"], tol=math.nan), ["tol is nan"]),
    "loss": (lambda: FlatLoss(3.0), ["FlatLoss: 3.0 is not a node"]),
    "loss without parameters": (lambda: FlatLoss(edf.Tanh(edf.Input(graph=edf.Graph()))), ["no parameter to train"]),
    "theta": (lambda: FlatLoss(network()[1])(np.ones(3)), ["theta has shape (3,)", "24 entries"]),
    "p.q of 0": (lambda: broyden_update(np.eye(2), np.array([1.0, 0]), np.array([0, 1.0])), ["skip this update"]),
    "shapes of an update": (lambda: broyden_update(np.eye(3), np.ones(2), np.ones(2)), ["(3, 3), (2,), (2,)"]),
    "state": (lambda: BFGS().load_state_dict(DFP().state_dict()), ["of DFP, not of BFGS"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_a_sentence(name):
    mistake, words = MISTAKES[name]
    with pytest.raises((edf.DataError, edf.ShapeError)) as caught:
        mistake()
    assert [word for word in words if word not in str(caught.value)] == [] and str(caught.value)[-1] == "."


def test_resuming_with_a_memory_of_another_size_is_told():
    quasi = BFGS()
    quasi.minimize(rosenbrock, [-1.2, 1.0], steps=3)
    with pytest.raises(edf.DataError, match="B, has shape .2, 2. but x0 has 3 entries; pass resume=False"):
        quasi.minimize(rosenbrock, [-1.2, 1.0, 1.0], resume=True)


def test_a_wrong_gradient_ends_the_run_with_a_reason():
    found = BFGS().minimize(lambda x: (float(x @ x), -2 * x), [1.0, 2.0])
    assert found.steps == 0 and "rounding, or a wrong gradient" in found.reason


def test_full_steps_that_diverge_end_with_a_reason():
    with np.errstate(over="ignore"):
        found = LBFGS(line_search=None, lr=1e6).minimize(lambda x: (np.exp(x).sum(), np.exp(x)), [5.0])
    assert found.steps < 1000 and np.isfinite(found.x).all()
