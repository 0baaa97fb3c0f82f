"""Line searches: the conditions they promise hold at the point they return, on any smooth function."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.optimizers import backtracking, exact_for_quadratics, strong_wolfe

SEARCHES = {"backtracking": backtracking, "strong_wolfe": strong_wolfe, "exact_for_quadratics": exact_for_quadratics}


def bumpy(seed, n=4):
    """A smooth function with many minima, bounded below: quadratic plus waves, and a point to start from."""
    rng = np.random.default_rng(seed)
    a, w, phase = rng.uniform(0.05, 3, n), rng.uniform(0.5, 6, n), rng.uniform(0, 6, n)

    def f(x):
        return float((a * x * x).sum() + np.sin(w * x + phase).sum()), 2 * a * x + w * np.cos(w * x + phase)

    return f, 3 * rng.normal(size=n), rng


def direction_of_descent(f, x, rng):
    """A random one, not the gradient's."""
    g, d = f(x)[1], rng.normal(size=x.shape)
    return d if g @ d < 0 else -d


@pytest.mark.pins("strong_wolfe")
@given(seed=st.integers(0, 10**6), exponent=st.floats(-3, 3), c2=st.sampled_from([0.1, 0.5, 0.9]))
@settings(max_examples=300, deadline=None)
def test_strong_wolfe_returns_a_point_where_both_conditions_hold(seed, exponent, c2):
    f, x, rng = bumpy(seed)
    d = direction_of_descent(f, x, rng)
    (value, g), found = f(x), strong_wolfe(f, x, d, alpha0=10.0**exponent, c2=c2)
    new_value, new_g = f(x + found.alpha * d)
    assert found.satisfied and found.alpha > 0
    assert new_value <= value + 1e-4 * found.alpha * (g @ d)
    assert abs(new_g @ d) <= c2 * abs(g @ d)
    assert np.array_equal(found.x, x + found.alpha * d) and found.value == new_value
    assert np.array_equal(found.gradient, new_g)


@pytest.mark.pins("backtracking")
@given(seed=st.integers(0, 10**6), exponent=st.floats(-3, 3), shrink=st.floats(0.1, 0.9))
@settings(max_examples=200, deadline=None)
def test_backtracking_returns_the_first_of_its_lengths_that_armijo_accepts(seed, exponent, shrink):
    f, x, rng = bumpy(seed)
    d, c1 = direction_of_descent(f, x, rng), 1e-2
    found = backtracking(f, x, d, alpha0=10.0**exponent, c1=c1, shrink=shrink, max_evaluations=500)
    value, g = f(x)
    tried = 10.0**exponent
    while f(x + tried * d)[0] > value + c1 * tried * (g @ d):
        tried *= shrink
    assert found.satisfied and found.alpha == tried and found.value == f(x + tried * d)[0]


@pytest.mark.pins("exact_for_quadratics")
@given(seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_the_exact_search_ends_where_the_slope_is_0(seed):
    rng = np.random.default_rng(seed)
    M, b, x = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    A = M @ M.T + np.eye(4)

    def f(x):
        return 0.5 * x @ A @ x - b @ x, A @ x - b

    d = direction_of_descent(f, x, rng)
    found = exact_for_quadratics(f, x, d)
    assert abs(found.gradient @ d) < 1e-12 * np.linalg.norm(f(x)[1]) * np.linalg.norm(d)
    assert found.alpha == pytest.approx(-(f(x)[1] @ d) / (d @ A @ d), rel=1e-10)


@pytest.mark.pins("strong_wolfe", "backtracking")
@pytest.mark.parametrize("search", [strong_wolfe, backtracking])
@pytest.mark.parametrize("beyond", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_shrink_the_step(search, beyond):
    def f(x):
        inside = x[0] > 0
        return (x[0] - math.log(x[0]), 1 - 1 / x) if inside else (beyond, np.array([math.nan]))

    found = search(f, [3.0], [-1000.0])
    assert found.satisfied and 0 < found.x[0] < 3 and np.isfinite(found.gradient).all()


def test_a_gradient_that_is_not_finite_shrinks_the_step_too():
    def f(x):
        return float(x @ x), 2 * x if x[0] > -1 else np.array([math.nan])

    for search in (strong_wolfe, backtracking):
        assert search(f, [1.0], [-64.0]).x[0] > -1


@pytest.mark.parametrize("search", [strong_wolfe, backtracking])
def test_a_known_value_and_gradient_are_not_computed_again(search):
    calls = []

    def f(x):
        calls.append(1)
        return float(x @ x), 2 * x

    found = search(f, [1.0], [-1.0], 1.0, np.array([2.0]), alpha0=0.5)
    assert len(calls) == found.evaluations == 1


@pytest.mark.parametrize("search", [strong_wolfe, backtracking])
def test_a_wrong_gradient_ends_the_search_at_the_lowest_point_seen(search):
    found = search(lambda x: (float(x @ x), -2 * x), [1.0], [1.0])
    assert not found.satisfied and found.value == 1.0 and found.alpha == 0.0


def test_a_function_without_bottom_ends_the_search_far_down():
    found = strong_wolfe(lambda x: (-float(x[0]), np.array([-1.0])), [0.0], [1.0], max_evaluations=20)
    assert not found.satisfied and found.alpha == 2.0**19 == -found.value


def test_searches_work_on_arrays_of_any_shape_and_keep_float32():
    x = np.ones((2, 3), np.float32)
    for search in SEARCHES.values():
        found = search(lambda x: ((x * x).sum(), 2 * x), x, -x)
        assert found.x.shape == (2, 3) and found.x.dtype == found.gradient.dtype == np.float32


def one_that_has_no_armijo(f, x, d, alpha0):
    """Until the function is small enough, read as: smaller than it was."""
    alpha = alpha0
    while f(x + alpha * d)[0] >= f(x)[0]:
        alpha /= 2
    return x + alpha * d


def armijo(f, x, d, alpha0):
    return backtracking(f, x, d, alpha0=alpha0).x


def reaches_the_minimum(search):
    """x^2 with steps that just decrease, x_k = (-1)^k (1 + 2^-k): the values fall, towards 1 (Dennis & Schnabel)."""
    x = np.array([2.0])
    for k in range(40):
        if abs(x[0]) < 0.5:
            return True
        x = search(lambda x: (float(x @ x), 2 * x), x, -np.sign(x), alpha0=2 + 3 * 2.0 ** -(k + 1))
    return False


@pytest.mark.parametrize("form", [one_that_has_no_armijo], ids=["4.13"])
def test_the_printed_form_fails(form):
    assert not reaches_the_minimum(form)


@pytest.mark.pins("backtracking")
@pytest.mark.parametrize("form", [armijo], ids=["4.13"])
def test_the_corrected_form_holds(form):
    assert reaches_the_minimum(form)


def parabola(x):
    return float(x @ x), 2 * x


MISTAKES = {
    "uphill": ({"d": [1.0]}, ["not a direction of descent", "gradient . d = 2", "check its sign"]),
    "level": ({"d": [0.0]}, ["not a direction of descent"]),
    "direction of another shape": ({"d": [-1.0, 0.0]}, ["x has shape (1,)", "the direction d has (2,)"]),
    "no direction": ({"d": None}, ["the direction d", "is None"]),
    "nan in the direction": ({"d": [math.nan]}, ["finite numbers"]),
    "no point": ({"x": None}, ["x0 is None"]),
    "ragged point": ({"x": [[1.0], [1.0, 2.0]]}, ["not an array of numbers"]),
    "no function": ({"f": 3}, ["f is 3", "f(x) -> (value, gradient)"]),
    "not finite at x": ({"f": lambda x: (math.nan, x)}, ["not finite at x"]),
}


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_a_sentence(search, name):
    changed, words = MISTAKES[name]
    with pytest.raises((edf.DataError, edf.ShapeError)) as caught:
        SEARCHES[search](**({"f": parabola, "x": [1.0], "d": [-1.0]} | changed))
    assert [word for word in [search, *words] if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    "search, settings, words",
    [
        (backtracking, {"alpha0": 0.0}, "alpha0 is 0.0"),
        (backtracking, {"alpha0": math.nan}, "alpha0 is nan"),
        (backtracking, {"shrink": 1.0}, "shrink is 1.0; a number between 0 and 1"),
        (backtracking, {"c1": None}, "c1 is None"),
        (backtracking, {"max_evaluations": 0}, "max_evaluations is 0"),
        (strong_wolfe, {"alpha0": -1}, "alpha0 is -1"),
        (strong_wolfe, {"c2": 2}, "c2 is 2"),
        (strong_wolfe, {"c1": 0.5, "c2": 0.1}, "c1 = 0.5 must be below c2 = 0.1"),
    ],
)
def test_a_setting_that_cannot_be_right_is_told(search, settings, words):
    with pytest.raises(edf.DataError, match=words.replace("(", r"\(")):
        search(parabola, [1.0], [-1.0], **settings)


def test_the_exact_search_refuses_a_function_that_is_not_convex_along_d():
    with pytest.raises(edf.DataError, match="curvature along d is .* take strong_wolfe"):
        exact_for_quadratics(lambda x: (-float(x @ x), -2 * x), [1.0], [1.0])
    with pytest.raises(edf.DataError, match="curvature along d"):
        exact_for_quadratics(lambda x: (-float(x[0]), np.array([-1.0])), [1.0], [1.0])
