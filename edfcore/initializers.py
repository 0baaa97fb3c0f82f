"""Initializers: random weights that keep the size of signals, forward or backward, from layer to layer.

With independent weights of mean 0, y[b,j] = sum_i x[b,i] W[i,j] has Var y = fan_in Var W E[x^2], and going back
Var x.grad = fan_out Var W Var y.grad. So

    LeCun      Var W = 1 / fan_in                      keeps Var y, where x has mean 0
    Xavier     Var W = gain^2 2 / (fan_in + fan_out)   between what forward and what backward needs
    Kaiming    Var W = gain^2 / fan_in                 gain^2 = 2 for ReLU, which halves E[y^2]

Shapes. A dense weight is (fan_in, fan_out) = (i, j), as `VDot` takes it; torch.nn.Linear holds the transpose. A
convolution's weight is (o, c, k, r): fan_in = c k r and fan_out = o k r. Numbers are drawn in float64 and then rounded
to dtype, so that one generator gives the same weights in both precisions.
"""

from math import erf, inf, isfinite, prod, sqrt
from numbers import Integral, Real
from reprlib import repr as told

import numpy as np

from .catalog import catalogued
from .errors import DataError, ShapeError

__all__ = [
    "constant", "fans", "gain", "kaiming_normal", "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal",
    "orthogonal", "truncated_normal", "uniform", "xavier_normal", "xavier_uniform",
]  # fmt: skip

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": sqrt(2), "selu": 3 / 4}


def fans(shape):
    """How many terms are summed into one output, and how many outputs one input reaches.

    Parameters
    ----------
    shape : (i, j) of a dense weight, or (o, c, k, r) of a convolution's (any number of kernel axes). Of a convolution
        in groups, c counts the channels of one group; fan_out is then `groups` times too large, as in torch

    Returns
    -------
    fan_in, fan_out : int; i and j, or c k r and o k r

    Raises
    ------
    ShapeError : the shape has fewer than two axes, an axis of size 0, or is no tuple of whole numbers.

    Examples
    --------
    >>> fans((784, 128)), fans((16, 3, 5, 5))
    ((784, 128), (75, 400))
    """
    shape = _shape("fans", shape)
    if len(shape) < 2 or 0 in shape:
        raise ShapeError(
            f"fans: a weight of shape {shape} has no fan_in and fan_out; give (i, j) of a dense layer or (o, c, k, r) "
            "of a convolution, all at least 1. A bias is made by constant."
        )
    if len(shape) == 2:
        return shape
    outputs, channels, *kernel = shape
    return channels * prod(kernel), outputs * prod(kernel)


def gain(nonlinearity, slope=None):
    """The factor on the standard deviation that makes up for what the nonlinearity takes away.

    Parameters
    ----------
    nonlinearity : "linear" or "sigmoid" 1, "tanh" 5/3, "relu" sqrt(2), "leaky_relu" sqrt(2 / (1 + slope^2)), "selu" 3/4
    slope : float, of leaky_relu for x < 0; default 0.01 as in torch.nn.LeakyReLU

    Returns
    -------
    float, as torch.nn.init.calculate_gain

    Raises
    ------
    DataError : the nonlinearity is not known, slope is no finite number, or is given with one that has none.

    Examples
    --------
    >>> round(gain("relu") ** 2, 12), round(gain("leaky_relu", slope=1.0), 12)
    (2.0, 1.0)
    """
    if nonlinearity == "leaky_relu":
        return sqrt(2 / (1 + _number("gain", "slope", 0.01 if slope is None else slope) ** 2))
    if not isinstance(nonlinearity, str) or nonlinearity not in GAINS:
        known = ", ".join([*GAINS, "leaky_relu"])
        raise DataError(f"gain: nonlinearity is {told(nonlinearity)}; it is one of {known}.")
    if slope is not None:
        raise DataError(f"gain: {nonlinearity} has no slope, but slope is {told(slope)}; use 'leaky_relu' with it.")
    return GAINS[nonlinearity]


def _number(owner, name, value, least=-inf):
    """`value` as a float, or a sentence."""
    number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if number and isfinite(value) and value >= least:
        return float(value)
    bound = "" if least == -inf else f" of at least {least:g}"
    raise DataError(f"{owner}: {name} is {told(value)}; a finite number{bound} is needed.")


def _shape(owner, shape):
    """`shape` as a tuple of ints of at least 0, or a sentence."""
    sizes = shape if isinstance(shape, (tuple, list)) else [None]
    if not all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 0 for n in sizes):
        raise ShapeError(f"{owner}: shape is {told(shape)}; a tuple of whole numbers such as (784, 128) is needed.")
    return tuple(int(n) for n in sizes)


def _generator(owner, rng):
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{owner}: rng is {told(rng)}; pass a generator such as numpy.random.default_rng(0).")
    return rng


def _rounded(owner, array, dtype):
    """The array in the precision asked for, or a sentence."""
    if not isinstance(dtype, (str, type, np.dtype)) or dtype not in ("float32", "float64", np.float32, np.float64):
        raise DataError(f"{owner}: dtype is {told(dtype)}; use 'float32' or 'float64'.")
    with np.errstate(over="ignore"):
        rounded = array.astype(dtype, copy=False)
    if not np.isfinite(rounded).all():
        raise DataError(f"{owner}: numbers of this size overflow {np.dtype(dtype)}; choose smaller ones.")
    return rounded


def _normal(owner, shape, rng, std, dtype, mean=0.0):
    drawn = _generator(owner, rng).standard_normal(_shape(owner, shape))
    with np.errstate(over="ignore"):
        return _rounded(owner, mean + std * drawn, dtype)


def _uniform(owner, shape, rng, low, high, dtype):
    """low + (high - low) u, with u in [0, 1)."""
    u = _generator(owner, rng).random(_shape(owner, shape))
    return _rounded(owner, low * (1 - u) + high * u, dtype)


@catalogued("initializer", source="torch.nn.init.constant_")
def constant(shape, rng=None, value=0.0, dtype="float64"):
    """Every entry is `value`: 0 for biases, 1 for the scale of a normalization.

    Parameters
    ----------
    shape : tuple of int, any number of axes
    rng : not used; here so that all initializers are called alike
    value : float, default 0 (torch has none)
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : shape is no tuple of whole numbers.
    DataError : value is no finite number, or the dtype is unknown.
    """
    return _rounded("constant", np.full(_shape("constant", shape), _number("constant", "value", value)), dtype)


@catalogued("initializer", source="torch.nn.init.normal_; S4, 'Weight initialization'")
def normal(shape, rng, mean=0.0, std=1.0, dtype="float64"):
    """N(mean, std^2).

    Parameters
    ----------
    shape : tuple of int, any number of axes
    rng : numpy.random.Generator
    mean : float
    std : float, at least 0, the standard deviation (not the variance)
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : shape is no tuple of whole numbers.
    DataError : std is negative, a number is not finite, rng is no generator, or the dtype is unknown.
    """
    mean, std = _number("normal", "mean", mean), _number("normal", "std", std, least=0.0)
    return _normal("normal", shape, rng, std, dtype, mean)


@catalogued("initializer", source="torch.nn.init.trunc_normal_; Robert 1995 (0907.4010) for bounds in the tail")
def truncated_normal(shape, rng, mean=0.0, std=1.0, a=-2.0, b=2.0, dtype="float64"):
    """N(mean, std^2) given that a <= w <= b, exactly, by rejection.

    a and b are bounds on the weight itself, as in torch, and not multiples of std. Truncation lowers the variance: at
    a, b = mean -+ 2 std the standard deviation is 0.87962566 std, by which Keras and JAX divide theirs.

    Parameters
    ----------
    shape : tuple of int, any number of axes
    rng : numpy.random.Generator
    mean : float
    std : float, above 0, before truncation
    a, b : float, a < b; either may be infinite
    dtype : "float32" or "float64"; in float32 the bounds are rounded like the weights

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : shape is no tuple of whole numbers.
    DataError : std is not above 0, a is not below b, a number is NaN, rng is no generator, or the dtype is unknown.
    """
    owner = "truncated_normal"
    mean, std, shape = _number(owner, "mean", mean), _number(owner, "std", std, least=0.0), _shape(owner, shape)
    if std == 0:
        raise DataError(f"{owner}: std is 0; give a number above 0, or use constant.")
    a, b = (_bound(owner, name, value) for name, value in (("a", a), ("b", b)))
    if not a < b:
        raise DataError(f"{owner}: a is {a} and b is {b}; the lower bound a must be below the upper bound b.")
    low, high = (a - mean) / std, (b - mean) / std
    if low == inf or high == -inf:
        raise DataError(f"{owner}: a is {a} and b is {b}, too many times std = {std} away from the mean {mean}.")
    with np.errstate(over="ignore"):
        z = _between_bounds(low, high, prod(shape), _generator(owner, rng))
        return _rounded(owner, np.clip(mean + std * z, a, b).reshape(shape), dtype)


def _bound(owner, name, value):
    return value if isinstance(value, float) and value in (-inf, inf) else _number(owner, name, value)


def _between_bounds(low, high, n, rng):
    """n draws (n,) from N(0, 1) given low <= z <= high."""
    if high < 0:
        return -_between_bounds(-high, -low, n, rng)
    found, missing = [np.empty(0)], n
    while missing > 0:
        z, kept = _proposed(low, high, missing, rng)
        found.append(z[kept])
        missing -= len(found[-1])
    return np.concatenate(found)


def _proposed(low, high, n, rng):
    """n proposals, and which of them are kept; high >= 0.

    Taken from the normal itself where enough of it lies between the bounds, or uniform, kept with the density over its
    peak at m. Far out they are low + e, e exponential of rate `low` up to high - low: there z^2 / 2 =
    low^2 / 2 + low e + e^2 / 2, so that exp(-e^2 / 2) is left to keep them with.
    """
    if erf(high / sqrt(2)) - erf(low / sqrt(2)) > 0.6:
        z = rng.standard_normal(n)
        return z, (low <= z) & (z <= high)
    u, v, width, m = rng.random(n), rng.random(n), high - low, max(low, 0.0)
    if m * width < 1:
        z = low + width * u
        return z, v < np.exp((m - z) * (m + z) / 2)
    e = -np.log1p(u * np.expm1(-low * width)) / low
    return low + e, v < np.exp(-e * e / 2)


@catalogued("initializer", source="torch.nn.init.uniform_; S4, 'Weight initialization'")
def uniform(shape, rng, low=0.0, high=1.0, dtype="float64"):
    """U(low, high): low is among the values, high is not (but rounding, to float32 above all, may reach it).

    Parameters
    ----------
    shape : tuple of int, any number of axes
    rng : numpy.random.Generator
    low, high : float, low <= high
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype; the variance is (high - low)^2 / 12

    Raises
    ------
    ShapeError : shape is no tuple of whole numbers.
    DataError : low is above high, a number is not finite, rng is no generator, or the dtype is unknown.
    """
    low, high = _number("uniform", "low", low), _number("uniform", "high", high)
    if low > high:
        raise DataError(f"uniform: low is {low} and high is {high}; low must be at most high.")
    return _uniform("uniform", shape, rng, low, high, dtype)


@catalogued("initializer", source="LeCun, Bottou, Orr & Mueller 1998, section 4.6; S4 errata 4.30 and 4.31")
def lecun_normal(shape, rng, dtype="float64"):
    """N(0, 1 / fan_in); not truncated, as JAX's of this name is.

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has no fan_in.
    DataError : rng is no generator, or the dtype is unknown.
    """
    return _normal("lecun_normal", shape, rng, sqrt(1 / fans(shape)[0]), dtype)


@catalogued("initializer", source="LeCun, Bottou, Orr & Mueller 1998, section 4.6; S4 erratum 4.31")
def lecun_uniform(shape, rng, dtype="float64"):
    """U(-c, c) with c = sqrt(3 / fan_in), of variance 1 / fan_in.

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has no fan_in.
    DataError : rng is no generator, or the dtype is unknown.
    """
    c = sqrt(3 / fans(shape)[0])
    return _uniform("lecun_uniform", shape, rng, -c, c, dtype)


def _xavier_std(owner, shape, gain):
    return _number(owner, "gain", gain, least=0.0) * sqrt(2 / sum(fans(shape)))


@catalogued("initializer", source="Glorot & Bengio 2010, eq. 12; torch.nn.init.xavier_normal_; S4 erratum 4.34")
def xavier_normal(shape, rng, gain=1.0, dtype="float64"):
    """N(0, gain^2 2 / (fan_in + fan_out)); not truncated, as Keras's GlorotNormal is.

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    gain : float, at least 0, see the function `gain`
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has no fan_in and fan_out.
    DataError : gain is negative or no finite number, rng is no generator, or the dtype is unknown.
    """
    return _normal("xavier_normal", shape, rng, _xavier_std("xavier_normal", shape, gain), dtype)


@catalogued("initializer", source="Glorot & Bengio 2010, eq. 16; torch.nn.init.xavier_uniform_")
def xavier_uniform(shape, rng, gain=1.0, dtype="float64"):
    """U(-c, c) with c = gain sqrt(6 / (fan_in + fan_out)), of the variance of `xavier_normal`.

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    gain : float, at least 0, see the function `gain`
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has no fan_in and fan_out.
    DataError : gain is negative or no finite number, rng is no generator, or the dtype is unknown.
    """
    c = sqrt(3) * _xavier_std("xavier_uniform", shape, gain)
    return _uniform("xavier_uniform", shape, rng, -c, c, dtype)


def _kaiming_std(owner, shape, a, mode, nonlinearity):
    a, fan = _number(owner, "a", a), dict(zip(("fan_in", "fan_out"), fans(shape), strict=True))
    if not isinstance(mode, str) or mode not in ("fan_in", "fan_out"):
        raise DataError(f"{owner}: mode is {told(mode)}; use 'fan_in' (forward) or 'fan_out' (backward).")
    if not isinstance(nonlinearity, str):
        raise DataError(f"{owner}: nonlinearity is {told(nonlinearity)}; a name such as 'relu' is needed.")
    if nonlinearity != "leaky_relu" and a != 0:
        raise DataError(f"{owner}: a is {a}, but {told(nonlinearity)} has no slope; use 'leaky_relu', or leave a out.")
    return gain(nonlinearity, a if nonlinearity == "leaky_relu" else None) / sqrt(fan[mode])


@catalogued("initializer", source="He et al. 2015 (1502.01852), eq. 10, 14, 15; torch.nn.init.kaiming_normal_; S4 4.36")
def kaiming_normal(shape, rng, a=0.0, mode="fan_in", nonlinearity="leaky_relu", dtype="float64"):
    """N(0, gain^2 / fan), where gain^2 = 2 / (1 + a^2) for a (leaky) ReLU of slope a.

    The defaults, torch's, are ReLU's: a leaky ReLU of slope 0. torch ignores a slope given with another nonlinearity;
    here that is an error. fan_in keeps the size of what goes forward, fan_out that of the gradients.

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    a : float, the slope for x < 0, of leaky_relu only
    mode : "fan_in" or "fan_out"
    nonlinearity : str, see `gain`
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has no fan_in and fan_out.
    DataError : mode or nonlinearity is unknown, a is no finite number or out of place, rng is no generator, or the
        dtype is unknown.
    """
    return _normal("kaiming_normal", shape, rng, _kaiming_std("kaiming_normal", shape, a, mode, nonlinearity), dtype)


@catalogued("initializer", source="He et al. 2015 (1502.01852), eq. 10, 14, 15; torch.nn.init.kaiming_uniform_")
def kaiming_uniform(shape, rng, a=0.0, mode="fan_in", nonlinearity="leaky_relu", dtype="float64"):
    """U(-c, c) with c = gain sqrt(3 / fan), of the variance of `kaiming_normal`.

    With a = sqrt(5) it is U(-1/sqrt(fan_in), 1/sqrt(fan_in)), which torch.nn.Linear draws its weights from.

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    a : float, the slope for x < 0, of leaky_relu only
    mode : "fan_in" or "fan_out"
    nonlinearity : str, see `gain`
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has no fan_in and fan_out.
    DataError : mode or nonlinearity is unknown, a is no finite number or out of place, rng is no generator, or the
        dtype is unknown.
    """
    c = sqrt(3) * _kaiming_std("kaiming_uniform", shape, a, mode, nonlinearity)
    return _uniform("kaiming_uniform", shape, rng, -c, c, dtype)


@catalogued("initializer", source="Saxe et al. 2014 (1312.6120); Mezzadri 2007 (math-ph/0609050); torch orthogonal_")
def orthogonal(shape, rng, gain=1.0, dtype="float64"):
    """gain Q, Q uniform among the matrices with orthonormal columns (W^T W = gain^2 I) or, where wide, rows.

    Q comes from A = Q R, A normal. Each column of Q takes the sign that makes R's diagonal positive; without that, Q
    follows the conventions of LAPACK and is not uniform. A convolution's weight is taken as (o, c k r).

    Parameters
    ----------
    shape : (i, j) or (o, c, k, r), see `fans`
    rng : numpy.random.Generator
    gain : float, at least 0, see the function `gain`
    dtype : "float32" or "float64"

    Returns
    -------
    array of the shape and dtype

    Raises
    ------
    ShapeError : the shape has fewer than two axes or an axis of size 0.
    DataError : gain is negative or no finite number, rng is no generator, or the dtype is unknown.

    Examples
    --------
    >>> W = orthogonal((5, 3), np.random.default_rng(0))
    >>> bool(np.allclose(W.T @ W, np.eye(3)))
    True
    """
    fans(shape)
    rows, columns = shape[0], prod(shape[1:])
    scale = _number("orthogonal", "gain", gain, least=0.0)
    A = _generator("orthogonal", rng).standard_normal((max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(A)
    Q = Q * np.where(np.diagonal(R) < 0, -1.0, 1.0)
    W = Q if rows >= columns else Q.T
    return _rounded("orthogonal", np.ascontiguousarray(scale * W).reshape(shape), dtype)
