"""Initializers against the exact distributions: moments, Kolmogorov-Smirnov, and what many layers do to a signal.

False alarms. A right initializer fails a Kolmogorov-Smirnov test here with probability 1e-6 and a test of moments, at 5
standard errors, with 6e-7: about 600 such comparisons are made. The means over networks of ten layers are skewed; at
5 standard errors they fail in about 1 of 10,000 simulated cases, and 12 of them are made. No seed was chosen.
"""

from math import inf, nan, prod, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

import edfcore as edf
from edfcore import initializers
from edfcore.errors import DataError, ShapeError
from edfcore.initializers import (
    constant,
    fans,
    gain,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    orthogonal,
    truncated_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
)

SEEDS = range(3)
FALSE_ALARM = 1e-6
ERRORS = 5  # standard errors
DENSE, CONV = (150, 260), (24, 10, 5, 7)  # fan_in, fan_out = 150, 260 and 350, 840


def within(c):
    return stats.uniform(-c, 2 * c)


def case(shape, expected, make, **options):
    label = f"{make.__name__}-{'x'.join(map(str, shape))}" + "".join(f"-{key}={v}" for key, v in options.items())
    return pytest.param(lambda rng, dtype="float64": make(shape, rng, **options, dtype=dtype), expected, id=label)


# Each distribution is written from the documentation of torch.nn.init, with fans counted by hand.
CASES = [
    case(DENSE, stats.norm(), normal),
    case(DENSE, stats.norm(-3, 0.2), normal, mean=-3.0, std=0.2),
    case(DENSE, stats.truncnorm(-2, 2), truncated_normal),
    case(DENSE, stats.truncnorm(-2, 2, 0, 0.02), truncated_normal, std=0.02, a=-0.04, b=0.04),
    case(DENSE, stats.truncnorm(-1, 3, 2, 0.5), truncated_normal, mean=2.0, std=0.5, a=1.5, b=3.5),
    case(DENSE, stats.truncnorm(0.3, 0.4), truncated_normal, a=0.3, b=0.4),
    case(DENSE, stats.truncnorm(-0.1, 0.2), truncated_normal, a=-0.1, b=0.2),
    case(DENSE, stats.truncnorm(0.6, 2.2), truncated_normal, a=0.6, b=2.2),
    case(DENSE, stats.truncnorm(4, 4.4), truncated_normal, a=4.0, b=4.4),
    case(DENSE, stats.truncnorm(4, 6), truncated_normal, a=4.0, b=6.0),
    case(DENSE, stats.truncnorm(-9, -5), truncated_normal, a=-9.0, b=-5.0),
    case(DENSE, stats.truncnorm(3, inf), truncated_normal, a=3.0, b=inf),
    case(DENSE, stats.truncnorm(-inf, 0), truncated_normal, a=-inf, b=0.0),
    case(DENSE, stats.uniform(0, 1), uniform),
    case(DENSE, stats.uniform(-0.05, 0.25), uniform, low=-0.05, high=0.2),
    case(DENSE, stats.norm(0, sqrt(1 / 150)), lecun_normal),
    case(CONV, stats.norm(0, sqrt(1 / 350)), lecun_normal),
    case(DENSE, within(sqrt(3 / 150)), lecun_uniform),
    case(CONV, within(sqrt(3 / 350)), lecun_uniform),
    case(DENSE, stats.norm(0, sqrt(2 / 410)), xavier_normal),
    case(CONV, stats.norm(0, 5 / 3 * sqrt(2 / 1190)), xavier_normal, gain=5 / 3),
    case(DENSE, within(2 * sqrt(6 / 410)), xavier_uniform, gain=2.0),
    case(CONV, within(sqrt(6 / 1190)), xavier_uniform),
    case(DENSE, stats.norm(0, sqrt(2 / 150)), kaiming_normal),
    case(DENSE, stats.norm(0, sqrt(2 / 260)), kaiming_normal, mode="fan_out", nonlinearity="relu"),
    case(CONV, stats.norm(0, sqrt(2 / 350)), kaiming_normal, nonlinearity="relu"),
    case(CONV, stats.norm(0, sqrt(2 / 1.04 / 840)), kaiming_normal, a=0.2, mode="fan_out"),
    case(DENSE, within(sqrt(6 / 150)), kaiming_uniform),
    case(DENSE, within(1 / sqrt(150)), kaiming_uniform, a=sqrt(5)),  # torch.nn.Linear's own
    case(CONV, within(sqrt(3 / 840)), kaiming_uniform, mode="fan_out", nonlinearity="linear"),
    case(CONV, within(5 / 3 * sqrt(3 / 350)), kaiming_uniform, nonlinearity="tanh"),
]


def moments_agree(w, expected):
    """Mean and variance within ERRORS standard errors; Var of the variance is (m4 - s^4) / n."""
    n, (mean, var, excess) = w.size, expected.stats("mvk")
    centred = w.ravel() - mean
    return (
        abs(centred.mean()) < ERRORS * sqrt(var / n)
        and abs((centred**2).mean() - var) < ERRORS * var * sqrt((excess + 2) / n)  # sqrt(2/n), uniform sqrt(.8/n)
    )


def distribution_agrees(w, expected):
    return stats.kstest(w.ravel(), expected.cdf).pvalue > FALSE_ALARM


@pytest.mark.pins("normal", "truncated_normal", "uniform", "lecun_normal", "lecun_uniform")
@pytest.mark.pins("xavier_normal", "xavier_uniform", "kaiming_normal", "kaiming_uniform")
@pytest.mark.parametrize("make, expected", CASES)
def test_weights_have_the_moments_and_the_distribution_that_torch_documents(make, expected):
    for seed in SEEDS:
        w = make(np.random.default_rng(seed))
        assert moments_agree(w, expected)
        assert distribution_agrees(w, expected)


@pytest.mark.parametrize("make, expected", CASES)
def test_ten_percent_too_much_is_caught(make, expected):
    """The planted fault: 10 % too large about the mean, 11 standard errors of the variance or more."""
    mean = expected.mean()
    for seed in SEEDS:
        wrong = mean + 1.1 * (make(np.random.default_rng(seed)) - mean)
        assert not (moments_agree(wrong, expected) and distribution_agrees(wrong, expected))


def test_swapped_fans_are_caught():
    w = lecun_normal(DENSE[::-1], np.random.default_rng(0))
    assert not moments_agree(w, stats.norm(0, sqrt(1 / 150)))
    assert not distribution_agrees(w, stats.norm(0, sqrt(1 / 150)))


@pytest.mark.parametrize("make, expected", CASES)
def test_entries_are_drawn_one_by_one(make, expected):
    """Neighbours, rows and two calls in a row are uncorrelated, and no number comes twice (chance: under 1e-5)."""
    rng = np.random.default_rng(5)
    first, second = ((make(rng) - expected.mean()) / expected.std() for _ in range(2))
    rows = first.reshape(first.shape[0], -1)
    pairs = [(rows[:, 1:], rows[:, :-1]), (rows[1:], rows[:-1]), (first, second)]
    assert all(abs((x * y).mean()) < ERRORS / sqrt(x.size) for x, y in pairs)
    assert np.unique(make(rng)).size == first.size


@pytest.mark.parametrize("make, expected", CASES)
def test_one_seed_gives_the_same_weights_in_both_precisions(make, expected):
    wide, narrow = (make(np.random.default_rng(1), dtype) for dtype in ("float64", "float32"))
    assert (wide.dtype, narrow.dtype) == ("float64", "float32") and wide.flags.c_contiguous
    assert np.array_equal(wide.astype("float32"), narrow)
    assert np.array_equal(wide, make(np.random.default_rng(1)))
    low, high = expected.support()
    assert low <= wide.min() and wide.max() <= high


@pytest.mark.pins("truncated_normal")
def test_truncation_at_two_sigma_lowers_the_standard_deviation_to_0_8796():
    """The constant that Keras and JAX divide by."""
    assert stats.truncnorm(-2, 2).std() == pytest.approx(0.87962566, abs=1e-8)
    w = truncated_normal((400, 500), np.random.default_rng(0), std=0.1 / 0.87962566103423978, a=-0.23, b=0.23)
    assert w.std() == pytest.approx(0.1, rel=0.02)


@pytest.mark.pins("truncated_normal")
@settings(max_examples=100, deadline=None)
@given(
    mean=st.floats(-1e3, 1e3), std=st.floats(1e-3, 1e3), a=st.floats(-1e3, 1e3), width=st.floats(1e-9, 1e3),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_truncated_weights_lie_between_their_bounds_wherever_these_are(mean, std, a, width, seed):
    w = truncated_normal((5, 7), np.random.default_rng(seed), mean, std, a, a + width)
    assert w.shape == (5, 7) and (a <= w).all() and (w <= a + width).all()


@pytest.mark.pins("constant")
@given(
    shape=st.lists(st.integers(0, 4), max_size=4).map(tuple),
    value=st.floats(-(2.0**99), 2.0**99, width=32),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_constant_is_constant(shape, value, dtype):
    w = constant(shape, None, value, dtype=dtype)
    assert (w.shape, w.dtype) == (shape, dtype) and (w == value).all()
    assert (constant(shape) == 0).all()


# Fans and gains


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((784, 128), (784, 128)),
        ([3, 1], (3, 1)),
        ((1, 1), (1, 1)),
        ((16, 3, 5, 5), (75, 400)),
        ((20, 6, 3, 7), (126, 420)),
        ((8, 2, 9), (18, 72)),
        ((4, 3, 2, 5, 7), (210, 280)),
    ],
)
def test_fans_of_dense_and_convolution_weights(shape, expected):
    assert fans(shape) == expected


@given(sizes=st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_fans_of_a_convolution_are_what_it_sums_and_what_it_reaches(sizes):
    """Counted at stride 1 without padding: entries of x in one output, outputs that one entry reaches."""
    o, c, k, r = sizes
    H, V = 2 * k - 1, 2 * r - 1
    reached = np.zeros((c, H, V), int)
    for _, i, j in np.ndindex(o, H - k + 1, V - r + 1):
        reached[:, i : i + k, j : j + r] += 1
    assert fans((o, c, k, r)) == (np.ones((c, k, r)).sum(), reached[0, k - 1, r - 1])


def test_gains_are_those_of_torch_calculate_gain():
    """The table in the documentation of torch.nn.init.calculate_gain."""
    assert [gain(name) for name in ("linear", "sigmoid", "tanh", "relu", "selu")] == [1, 1, 5 / 3, sqrt(2), 3 / 4]
    assert gain("leaky_relu") == sqrt(2 / (1 + 0.01**2)) and gain("leaky_relu", 0.2) == sqrt(2 / 1.04)
    assert gain("leaky_relu", 0) == gain("relu") and gain("leaky_relu", 1) == gain("linear")


@pytest.mark.pins("kaiming_normal", "kaiming_uniform")
@pytest.mark.parametrize("make", [kaiming_normal, kaiming_uniform])
def test_the_default_of_torch_is_that_of_relu(make):
    draws = [make((30, 40), np.random.default_rng(0), **o) for o in ({}, {"nonlinearity": "relu"})]
    assert np.array_equal(*draws)


# Orthogonal


@pytest.mark.pins("orthogonal")
@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple), scale=st.floats(0, 5), seed=st.integers(0, 99)
)
def test_columns_or_rows_are_orthonormal(shape, scale, seed):
    w = orthogonal(shape, np.random.default_rng(seed), gain=scale)
    W = w.reshape(shape[0], -1)
    W = W if len(W) >= W.shape[1] else W.T
    assert w.shape == shape and w.flags.c_contiguous
    assert np.abs(W.T @ W - scale**2 * np.eye(W.shape[1])).max() <= 1e-13 * max(scale**2, 1e-300)


def lengths_kept(W):
    x = np.random.default_rng(9).normal(size=(4, W.shape[0]))
    return np.allclose((x @ W @ W.T), x, rtol=0, atol=1e-13)


@pytest.mark.pins("orthogonal")
def test_a_wide_orthogonal_layer_loses_nothing_and_a_narrow_one_does():
    assert lengths_kept(orthogonal((30, 50), np.random.default_rng(0)))
    assert not lengths_kept(orthogonal((50, 30), np.random.default_rng(0)))


def corner_entries(make, n, draws=4000, seed=3):
    rng = np.random.default_rng(seed)
    return np.array([[W[0, 0], W[-1, -1], np.linalg.det(W)] for W in (make((n, n), rng) for _ in range(draws))]).T


@pytest.mark.pins("orthogonal")
@pytest.mark.parametrize("n", [3, 8])
def test_orthogonal_weights_are_uniform_among_the_orthogonal_matrices(n):
    """There (w + 1) / 2 of an entry is Beta((n-1)/2, (n-1)/2), and the determinant is +1 half the time."""
    beta = stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)
    first, last, det = corner_entries(orthogonal, n)
    assert distribution_agrees(first, beta) and distribution_agrees(last, beta)
    assert stats.binomtest(int((det > 0).sum()), len(det)).pvalue > FALSE_ALARM


def orthogonal_without_signs(shape, rng):
    return np.linalg.qr(rng.standard_normal(shape))[0]


def test_forgotten_signs_are_caught():
    beta = stats.beta(1, 1, loc=-1, scale=2)
    first, _, _ = corner_entries(orthogonal_without_signs, 3)
    assert not distribution_agrees(first, beta)


def test_orthogonal_in_float32_is_that_of_float64_rounded():
    wide, narrow = (orthogonal((6, 4), np.random.default_rng(0), dtype=d) for d in ("float64", "float32"))
    assert narrow.dtype == "float32" and np.array_equal(wide.astype("float32"), narrow)


# Ten layers

WIDTHS = (90, 120, 60, 110, 150, 70, 100, 140, 80, 130, 60)  # ten layers, none of them square
NETWORKS = 300


def shapes(widths=WIDTHS):
    return list(zip(widths[:-1], widths[1:], strict=True))


def through_ten_layers(make, activation, seed, networks=NETWORKS):
    """Mean squares of signals, relative to where they start: forward at the output, backward at the input.

    Returns
    -------
    forward, backward : (networks,), each of a network of its own with one instance
    """
    rng, forward, backward = np.random.default_rng(seed), [], []
    for _ in range(networks):
        with edf.Graph() as graph:
            x = y = edf.Input("x", grad=True)
            for shape in shapes():
                y = activation(edf.VDot(y, edf.Param(make(shape, rng))))
        x.set(rng.normal(size=(1, WIDTHS[0])))
        graph.Forward()
        upstream = rng.normal(size=y.value.shape)
        graph.Backward(y, seed=upstream)
        forward.append(np.mean(y.value**2) / np.mean(x.value**2))
        backward.append(np.mean(x.grad**2) / np.mean(upstream**2))
    return np.array(forward), np.array(backward)


def keeps(ratios, expected):
    """Whether the mean of independent ratios is as expected, within ERRORS of its standard errors."""
    return bool(abs(ratios.mean() - expected) < ERRORS * ratios.std(ddof=1) / sqrt(len(ratios)))


def same(y):
    return y


@pytest.mark.pins("lecun_normal", "lecun_uniform")
@pytest.mark.parametrize("make", [lecun_normal, lecun_uniform])
def test_lecun_keeps_the_variance_forward_through_ten_linear_layers(make):
    forward, backward = through_ten_layers(make, same, 0)
    assert keeps(forward, 1.0)
    assert keeps(backward, WIDTHS[-1] / WIDTHS[0])  # prod of fan_out / fan_in


@pytest.mark.pins("lecun_normal", "kaiming_normal")
def test_lecun_forward_has_the_exact_distribution_of_a_product_of_chi_squares():
    """log of the ratio: a sum of log chi^2_n / n, whose mean and variance are psi(n/2) - log(n/2) and psi'(n/2)."""
    n = np.array(WIDTHS[1:])
    forward, _ = through_ten_layers(lecun_normal, same, 1)
    mean, var = (special.digamma(n / 2) - np.log(n / 2)).sum(), special.polygamma(1, n / 2).sum()
    assert abs(np.log(forward).mean() - mean) < ERRORS * sqrt(var / len(forward))
    assert abs(np.log(forward).var() / var - 1) < ERRORS * sqrt(2 / len(forward))


@pytest.mark.pins("xavier_normal", "xavier_uniform")
@pytest.mark.parametrize("make", [xavier_normal, xavier_uniform])
def test_xavier_changes_the_variance_by_2_fan_over_the_sum_of_fans(make):
    forward, backward = through_ten_layers(make, same, 2)
    assert keeps(forward, prod(2 * i / (i + j) for i, j in shapes()))
    assert keeps(backward, prod(2 * j / (i + j) for i, j in shapes()))


@pytest.mark.pins("kaiming_normal", "kaiming_uniform")
@pytest.mark.parametrize("make", [kaiming_normal, kaiming_uniform])
def test_kaiming_keeps_the_mean_square_forward_through_ten_relu_layers(make):
    forward, _ = through_ten_layers(make, edf.ReLU, 3)
    assert keeps(forward, 1.0)


@pytest.mark.pins("kaiming_normal", "kaiming_uniform")
@pytest.mark.parametrize("make", [kaiming_normal, kaiming_uniform])
def test_kaiming_fan_out_keeps_the_mean_square_backward_through_ten_relu_layers(make):
    _, backward = through_ten_layers(lambda shape, rng: make(shape, rng, mode="fan_out"), edf.ReLU, 4)
    assert keeps(backward, 1.0)


@pytest.mark.pins("orthogonal")
def test_square_orthogonal_layers_keep_every_length_exactly():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 40))
    y = x
    for _ in range(10):
        y = y @ orthogonal((40, 40), rng)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-13)


# What S4 prints and what is right: the printed form fails, the corrected one holds. There y = W x, with x (u,), y (d,).

ERRATA = {}


def erratum(number, *, printed, corrected):
    """The decorated claim takes a form and says whether it holds."""

    def keep(claim):
        ERRATA[number] = (claim, printed, corrected)
        return claim

    return keep


@erratum("4.30", printed=lambda u, d: (u, d), corrected=lambda u, d: (d, u))
def W_maps_u_numbers_to_d(shape):
    u, d = 5, 3
    try:
        return (np.ones(shape(u, d)) @ np.ones(u)).shape == (d,)
    except ValueError:
        return False


def test_in_rows_the_printed_shape_is_right():
    """y[b,j] = sum_i x[b,i] W[i,j], as edfcore has it: W is (u, d) = (fan_in, fan_out)."""
    graph = edf.Graph()
    x = edf.Input(graph=graph)
    y = edf.VDot(x, edf.Param(np.ones((5, 3)), graph=graph))
    x.set(np.ones((2, 5)))
    graph.Forward()
    assert y.value.shape == (2, 3)


def drawn(std):
    """An initializer N(0, std(u, d)^2) of u inputs and d outputs."""
    return lambda shape, rng: normal(shape, rng, std=std(*shape))


@erratum("4.31", printed=drawn(lambda u, d: sqrt(1 / d)), corrected=lecun_normal)
@erratum("4.31 U", printed=lambda s, rng: uniform(s, rng, -sqrt(3 / s[1]), sqrt(3 / s[1])), corrected=lecun_uniform)
def variance_is_kept_forward(make):
    return keeps(through_ten_layers(make, same, 5)[0], 1.0)


def fan_out_normal(shape, rng):
    return kaiming_normal(shape, rng, mode="fan_out", nonlinearity="linear")


@erratum("4.32", printed=drawn(lambda u, d: sqrt(1 / u)), corrected=fan_out_normal)
def variance_is_kept_backward(make):
    return keeps(through_ten_layers(make, same, 6)[1], 1.0)


def mean_squares(make, widths, activation, seed, networks):
    """Mean squares (networks,) of the last layer, for one instance of mean square 1 in each network."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(networks):
        h = rng.normal(size=widths[0])
        h /= sqrt(np.mean(h**2))
        for shape in shapes(widths):
            h = activation(h @ make(shape, rng))
        found.append(np.mean(h**2))
    return np.array(found)


def printed_xavier(shape, rng):
    return normal(shape, rng, std=sqrt(1 / sum(shape)))


def variance_after_ten_of_512(make, networks=15):
    """Its mean over the networks, and the standard error of a ratio of ten chi^2_512 / 512."""
    return mean_squares(make, (512,) * 11, same, 8, networks).mean(), sqrt(((1 + 2 / 512) ** 10 - 1) / networks)


@erratum("4.34", printed=printed_xavier, corrected=xavier_normal)
def ten_linear_layers_of_512_keep_the_variance(make):
    found, error = variance_after_ten_of_512(make)
    return bool(abs(found - 1) < ERRORS * error)


def test_the_printed_xavier_halves_the_variance_in_each_layer():
    """A standard deviation of 2^-5 = 0.031 after ten."""
    found, error = variance_after_ten_of_512(printed_xavier)
    assert abs(2**10 * found - 1) < ERRORS * error


def printed_kaiming(shape, rng):
    return kaiming_normal(shape, rng, mode="fan_out")


def on_mnist_sizes(make):
    return mean_squares(make, (784, 128, 128, 10), lambda y: np.maximum(y, 0), 7, networks=200)


@erratum("4.36", printed=printed_kaiming, corrected=kaiming_normal)
def relu_layers_784_128_128_10_keep_the_mean_square(make):
    return keeps(on_mnist_sizes(make), 1.0)


def test_n_as_the_number_of_outputs_makes_784_128_128_10_grow_78_fold():
    """784/128 128/128 128/10 = 78.4, in E[h^2] after the ReLU; in E[y^2] before it, twice that: 157."""
    assert keeps(on_mnist_sizes(printed_kaiming), 78.4)


@pytest.mark.parametrize("number", ERRATA)
def test_printed_form_fails(number):
    claim, printed, _ = ERRATA[number]
    assert claim(printed) is False


@pytest.mark.parametrize("number", ERRATA)
def test_corrected_form_holds(number):
    claim, _, corrected = ERRATA[number]
    assert claim(corrected) is True


# Bad input is told in a sentence

EVERY = [constant, normal, truncated_normal, uniform, lecun_normal, lecun_uniform]
EVERY += [xavier_normal, xavier_uniform, kaiming_normal, kaiming_uniform, orthogonal]
RNG = np.random.default_rng(0)
BAD_SHAPES = [5, None, "ab", (2.5, 3), (-1, 3), (3, None), [[2], [3, 4]], (True, 3), np.array([2, 3])]
BAD_SETTINGS = {
    "constant: value is nan": lambda: constant((2,), None, nan),
    "constant: value is None": lambda: constant((2,), None, None),
    "constant: numbers of this size overflow float32": lambda: constant((2,), None, 1e300, "float32"),
    "normal: std is -1": lambda: normal((2,), RNG, 0, -1),
    "normal: std is nan": lambda: normal((2,), RNG, 0, nan),
    "normal: mean is '0'": lambda: normal((2,), RNG, "0"),
    "normal: numbers of this size overflow float64": lambda: normal((9, 9), RNG, 1e308, 1e308),
    "truncated_normal: std is 0": lambda: truncated_normal((2,), RNG, 0, 0),
    "truncated_normal: std is -1": lambda: truncated_normal((2,), RNG, 0, -1),
    "truncated_normal: a is 1.0 and b is -1.0": lambda: truncated_normal((2,), RNG, 0, 1, 1, -1),
    "truncated_normal: a is 1.0 and b is 1.0": lambda: truncated_normal((2,), RNG, 0, 1, 1, 1),
    "truncated_normal: a is nan": lambda: truncated_normal((2,), RNG, 0, 1, nan, 1),
    "truncated_normal: b is None": lambda: truncated_normal((2,), RNG, 0, 1, 0, None),
    "truncated_normal: a is 1e+300 and b is inf, too many times": lambda: truncated_normal(
        (2,), RNG, 0, 1e-300, 1e300, inf
    ),
    "uniform: low is 1.0 and high is 0.0": lambda: uniform((2,), RNG, 1, 0),
    "uniform: high is inf": lambda: uniform((2,), RNG, 0, inf),
    "uniform: low is [0]": lambda: uniform((2,), RNG, [0]),
    "xavier_normal: gain is -1": lambda: xavier_normal((2, 3), RNG, -1),
    "xavier_uniform: gain is nan": lambda: xavier_uniform((2, 3), RNG, nan),
    "kaiming_normal: mode is 'fan'": lambda: kaiming_normal((2, 3), RNG, mode="fan"),
    "kaiming_normal: mode is None": lambda: kaiming_normal((2, 3), RNG, mode=None),
    "kaiming_normal: mode is ['fan_in']": lambda: kaiming_normal((2, 3), RNG, mode=["fan_in"]),
    "kaiming_uniform: a is nan": lambda: kaiming_uniform((2, 3), RNG, a=nan),
    "kaiming_uniform: a is 0.1, but 'relu' has no slope": lambda: kaiming_uniform(
        (2, 3), RNG, 0.1, nonlinearity="relu"
    ),
    "gain: nonlinearity is 'gelu'": lambda: kaiming_uniform((2, 3), RNG, nonlinearity="gelu"),
    "gain: nonlinearity is None": lambda: gain(None),
    "gain: nonlinearity is ['relu']": lambda: gain(["relu"]),
    "gain: slope is inf": lambda: gain("leaky_relu", inf),
    "gain: relu has no slope": lambda: gain("relu", 0.1),
    "orthogonal: gain is -1": lambda: orthogonal((2, 3), RNG, -1),
    "fans: a weight of shape (3,)": lambda: fans((3,)),
    "fans: a weight of shape ()": lambda: fans(()),
    "fans: a weight of shape (0, 3)": lambda: fans((0, 3)),
}


def is_sentence(caught, *starts):
    told = str(caught.value)
    return told.startswith(starts) and told.endswith(".")


@pytest.mark.parametrize("words", BAD_SETTINGS)
def test_a_wrong_setting_is_told_in_a_sentence(words):
    with pytest.raises((DataError, ShapeError)) as caught:
        BAD_SETTINGS[words]()
    assert is_sentence(caught, words)


@pytest.mark.parametrize("shape", BAD_SHAPES, ids=repr)
@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_a_wrong_shape_is_told_in_a_sentence(make, shape):
    with pytest.raises(ShapeError) as caught:
        make(shape, np.random.default_rng(0))
    assert is_sentence(caught, f"{make.__name__}: shape is ", "fans: shape is ")


@pytest.mark.parametrize(
    "rng", [None, 0, np.random.RandomState(0), np.random], ids=["None", "0", "RandomState", "module"]
)
@pytest.mark.parametrize("make", EVERY[1:], ids=lambda make: make.__name__)
def test_what_is_no_generator_is_told_in_a_sentence(make, rng):
    with pytest.raises(DataError) as caught:
        make((2, 3), rng)
    assert is_sentence(caught, f"{make.__name__}: rng is ")


@pytest.mark.parametrize("dtype", ["float16", "int64", None, int, "numbers", np.zeros(2), 32], ids=repr)
@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_a_wrong_dtype_is_told_in_a_sentence(make, dtype):
    with pytest.raises(DataError) as caught:
        make((2, 3), np.random.default_rng(0), dtype=dtype)
    assert is_sentence(caught, f"{make.__name__}: dtype is ")


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_dtypes_may_be_given_as_numpy_has_them(make):
    for dtype in (np.float32, np.dtype("float32"), "float32"):
        assert make((2, 3), np.random.default_rng(0), dtype=dtype).dtype == "float32"


@pytest.mark.parametrize("make", EVERY[:4], ids=lambda make: make.__name__)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,)])
def test_shapes_without_entries_or_axes_are_fine_where_no_fan_is_needed(make, shape):
    assert make(shape, np.random.default_rng(0)).shape == shape


@pytest.mark.parametrize("make", EVERY[4:], ids=lambda make: make.__name__)
@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (3, 0), (4, 0, 3, 3)])
def test_shapes_without_fans_are_refused_where_these_are_needed(make, shape):
    with pytest.raises(ShapeError) as caught:
        make(shape, np.random.default_rng(0))
    assert is_sentence(caught, f"fans: a weight of shape {shape} has no fan_in and fan_out")


def test_every_initializer_of_the_module_meets_the_wrong_arguments():
    assert {make.__name__ for make in EVERY} == set(initializers.__all__) - {"fans", "gain"}
