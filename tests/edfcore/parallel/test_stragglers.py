"""Stragglers against exact fractions, other quadratures, brute sampling with stated confidence, and limits."""

from fractions import Fraction
from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from edfcore.errors import DataError
from edfcore.parallel.stragglers import (
    Distribution,
    Exponential,
    Lognormal,
    Pareto,
    SlowDevice,
    Steady,
    Together,
    amdahl,
    gustafson,
    parse,
    straggler_speedup,
)

quick = settings(max_examples=40, deadline=None)
TEXTS = [
    "steady",
    "exponential",
    "pareto:5",
    "lognormal:0.2",
    "slow:1:2.5",
    "exponential,slow:0:3",
    "exponential,slow:0:0.25",
    "lognormal:0.3,slow:1:1.4",
    "lognormal:0.3,slow:1:0.5",
    "lognormal:0.3,lognormal:0.4",
    "lognormal:0.3,slow:1:1.2,lognormal:0.4",
    "slow:0:2,slow:0:0.25",
]


def harmonic(N):
    return sum(Fraction(1, k) for k in range(1, N + 1))


def by_scipy(N, beyond, points):
    """E[largest of N] = integral over x > 0 of 1 - (1 - P(X > x))^N, by adaptive quadrature."""

    def excess(x):
        p = beyond(x)
        return 1 - (1 - p) ** N if p > 0.5 else -np.expm1(N * np.log1p(-p))

    edges = [1e-9, *points, np.inf]
    return edges[0] + sum(integrate.quad(excess, *ends, epsrel=1e-11, limit=500)[0] for ends in pairwise(edges))


# The largest of N


@pytest.mark.parametrize("N", [1, 2, 3, 4, 8, 64, 1024])
def test_the_largest_of_N_exponential_factors_is_H_N(N):
    exact = float(harmonic(N))
    assert abs(Exponential().expected_maximum(N) - exact) <= np.spacing(exact)


@pytest.mark.parametrize("shape", [Fraction(3, 2), Fraction(2), Fraction(3), Fraction(7)])
@pytest.mark.parametrize("N", [1, 2, 5, 40])
def test_the_largest_of_N_pareto_factors_is_a_product_of_fractions(N, shape):
    # Gamma(N+1) Gamma(1-1/a) / Gamma(N+1-1/a) = product over k = 1..N of k / (k - 1/a)
    exact = (shape - 1) / shape
    for k in range(1, N + 1):
        exact *= k / (k - 1 / shape)
    assert Pareto(float(shape)).expected_maximum(N) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("N", [2, 8, 1024])
def test_the_largest_of_N_lognormal_factors_agrees_with_another_quadrature(N, sigma):
    beyond = stats.lognorm(s=sigma, scale=exp(-(sigma**2) / 2)).sf
    top = exp(sigma * stats.norm.ppf(1 - 0.5 / N))
    expected = by_scipy(N, beyond, [exp(-sigma), top, 4 * top])
    assert Lognormal(sigma).expected_maximum(N) == pytest.approx(expected, rel=1e-9)


def test_the_largest_of_two_lognormal_factors_is_a_known_probability():
    # E max(X, Y) = 2 Phi(sigma / sqrt 2) for two of mean 1 (Margrabe's formula for equal prices)
    for sigma in (0.01, 0.2, 1.0, 3.0):
        assert Lognormal(sigma).expected_maximum(2) == pytest.approx(2 * stats.norm.cdf(sigma / sqrt(2)), rel=1e-12)


@pytest.mark.parametrize("text", ["exponential", "pareto:2.5", "lognormal:0.7", "steady"])
def test_the_largest_of_one_is_the_mean_and_it_grows_with_N(text):
    found = [parse(text).expected_maximum(N) for N in (1, 2, 3, 10, 100)]
    assert found[0] == pytest.approx(1.0, rel=1e-12)
    assert found == sorted(found)


@pytest.mark.parametrize("text", TEXTS)
def test_samples_agree_within_five_standard_errors(text):
    steps, N = 40_000, 6
    largest = parse(text).factors(np.random.default_rng(2026), steps, N).max(axis=1)
    error = largest.std(ddof=1) / sqrt(steps)
    assert abs(largest.mean() - parse(text).expected_maximum(N)) <= 5 * error + 1e-12


@pytest.mark.parametrize("text", ["exponential", "pareto:5", "lognormal:0.2"])
def test_factors_follow_their_distribution(text):
    found = parse(text).factors(np.random.default_rng(7), 5000, 4).ravel()
    x_m = 4 / 5
    cdf = {
        "exponential": stats.expon.cdf,
        "pareto:5": lambda x: np.where(x >= x_m, 1 - (x_m / x) ** 5, 0.0),
        "lognormal:0.2": lambda x: stats.norm.cdf(np.log(x) / 0.2 + 0.1),
    }[text]
    assert stats.kstest(found, cdf).pvalue > 1e-6
    assert not stats.kstest(found * 1.05, cdf).pvalue > 1e-6  # the test would see an error of five percent


@pytest.mark.parametrize("text", ["exponential", "lognormal:0.4"])
def test_a_device_slowed_by_one_changes_nothing(text):
    for N in (1, 2, 9):
        expected = parse(text).expected_maximum(N)
        assert parse(text).maximum_beside(N, 1.0) == pytest.approx(expected, rel=1e-12)


def test_a_very_slow_device_alone_decides():
    for text in ("exponential", "lognormal:0.4"):
        assert parse(text).maximum_beside(5, 1e6) == pytest.approx(1e6, rel=1e-4)


@quick
@given(st.floats(0.1, 20), st.integers(1, 30))
def test_a_slow_exponential_device_by_inclusion_and_exclusion(f, N):
    # 1 - (1-e^-x)^(N-1) (1-e^(-x/f)), integrated numerically over x
    def excess(x):
        return 1 - (1 - np.exp(-x)) ** (N - 1) * (1 - np.exp(-x / f))

    expected = integrate.quad(excess, 0, 50 * max(1, f), limit=500, epsabs=1e-11)[0]
    assert Exponential().maximum_beside(N, f) == pytest.approx(expected, rel=1e-8)


def test_where_there_is_no_closed_form_the_message_says_what_to_do():
    for text in ("pareto:3,slow:0:2", "exponential,lognormal:0.1", "exponential,slow:0:2,slow:1:3"):
        with pytest.raises(DataError, match="no closed form for .*mean of factors"):
            parse(text).expected_maximum(4)


# Drawing


def test_factors_are_drawn_alike_for_the_same_seed_and_have_the_shape_asked_for():
    for text in TEXTS:
        a, b = (parse(text).factors(np.random.default_rng(3), 7, 5) for _ in range(2))
        assert a.shape == (7, 5) and np.array_equal(a, b) and (a > 0).all()


def test_a_slow_device_is_slow_in_every_step_and_the_others_are_not():
    found = SlowDevice(2, 3.0).factors(np.random.default_rng(0), 4, 5)
    assert found[:, 2].tolist() == [3.0] * 4
    assert np.delete(found, 2, axis=1).tolist() == [[1.0] * 4] * 4


def test_together_is_the_product():
    both = Together(Exponential(), SlowDevice(1, 4.0)).factors(np.random.default_rng(5), 10, 3)
    one = Exponential().factors(np.random.default_rng(5), 10, 3)
    assert np.array_equal(both, one * [1.0, 4.0, 1.0])


# Texts and messages


@given(st.floats(0, 5), st.floats(1.001, 50), st.integers(0, 99), st.floats(0.01, 100))
@quick
def test_every_distribution_is_read_back_from_its_text(sigma, shape, index, factor):
    slow = SlowDevice(index, factor)
    for d in (Steady(), Exponential(), Lognormal(sigma), Pareto(shape), slow, Together(Lognormal(sigma), slow)):
        assert parse(str(d)) == d


def test_parse_takes_capitals_spaces_and_distributions():
    assert parse(" Lognormal:0.2 ") == Lognormal(0.2)
    assert parse(Pareto(3.0)) == Pareto(3.0)
    assert isinstance(parse("exponential, slow:0:2"), Distribution)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("normal:1", "'normal:1' is not understood; write one of steady"),
        ("lognormal", "not understood"),
        ("pareto:3:4", "not understood"),
        ("slow:1.5:2", "something else than numbers"),
        ("lognormal:much", "something else than numbers"),
        ("", "not understood"),
        (0.2, "0.2 is no text"),
        ("lognormal:-1", "sigma is -1.0; a finite number of at least 0"),
        ("lognormal:nan", "sigma is nan"),
        ("pareto:1", "shape is 1.0; a finite number above 1"),
        ("slow:-1:2", "index is -1"),
        ("slow:0:0", "factor is 0.0; a finite number above 0"),
    ],
)
def test_what_is_no_distribution_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(DataError) as error:
        parse(text)
    assert sentence in str(error.value)


def test_numbers_of_devices_are_checked():
    with pytest.raises(DataError, match="device 3 is slow, but there are 3 devices, counted from 0"):
        parse("slow:3:2").expected_maximum(3)
    with pytest.raises(DataError, match="at most 2"):
        parse("lognormal:0.1,slow:3:2").factors(np.random.default_rng(0), 1, 3)
    for N in (0, 2.5, True):
        with pytest.raises(DataError, match="N is"):
            Exponential().expected_maximum(N)
    with pytest.raises(DataError, match="rng is 3; pass a generator"):
        Steady().factors(3, 1, 1)
    with pytest.raises(DataError, match="is no distribution"):
        Together(Steady(), "exponential")


# The limits to speed-up


@quick
@given(st.floats(0, 1), st.integers(1, 10**6))
def test_amdahl_is_one_over_the_sum_of_both_parts_and_never_above_either_limit(s, N):
    found, exact = amdahl(s, N), 1 / (Fraction(s) + (1 - Fraction(s)) / N)
    assert found == pytest.approx(float(exact), rel=1e-12)
    assert found <= N * (1 + 1e-12) and (s == 0 or found <= 1 / s * (1 + 1e-12))


@quick
@given(st.floats(0, 1), st.integers(1, 10**6))
def test_amdahl_and_gustafson_are_one_law_for_two_serial_fractions(s, N):
    # s seconds of the parallel run's one second are serial; on one device the task takes s + (1-s) N
    speedup = gustafson(s, N)
    assert amdahl(s / speedup, N) == pytest.approx(speedup, rel=1e-9)


def test_both_laws_take_arrays():
    N = np.array([1, 2, 4, 8])
    assert amdahl(0.1, N).tolist() == [amdahl(0.1, int(n)) for n in N]
    assert gustafson(0.1, N).tolist() == [gustafson(0.1, int(n)) for n in N]


@pytest.mark.parametrize("law", [amdahl, gustafson])
def test_the_laws_refuse_what_cannot_be(law):
    with pytest.raises(DataError, match="serial_fraction is 1.5"):
        law(1.5, 4)
    for N in (0, [1, 0], 2.5):
        with pytest.raises(DataError, match="whole number of at least 1"):
            law(0.5, N)


def test_exponential_stragglers_limit_the_speed_up_to_N_over_H_N():
    for N in (1, 2, 8, 100):
        assert straggler_speedup("exponential", N) == pytest.approx(float(N / harmonic(N)), rel=1e-14)
    assert straggler_speedup("exponential", 3) / 3 > 0.5 > straggler_speedup("exponential", 4) / 4


def test_one_slow_device_of_many_takes_its_factor_off_the_speed_up():
    assert straggler_speedup("slow:3:2.0", 8) == 4.0
    assert straggler_speedup(Steady(), 8) == 8.0


def test_the_heavier_the_tail_the_smaller_the_speed_up():
    # the same variance, 1/8: Pareto's tail is the heavier one
    sigma, shape = sqrt(log(1 + 1 / 8)), 4.0
    assert shape * (shape - 2) == 8
    assert straggler_speedup(Pareto(shape), 1000) < straggler_speedup(Lognormal(sigma), 1000)
