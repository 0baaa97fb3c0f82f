"""Stragglers: devices whose steps take unequal times, and what waiting for the slowest costs (S4 slide 63).

A distribution gives the factor by which a device's step takes longer than its normal time. Where N devices wait for
each other, a step takes the largest of N factors. With H_N = 1 + 1/2 + ... + 1/N, and a mean of 1 but for the last:

    distribution        P(factor <= x)                          E[largest of N]
    Steady              1 for x >= 1                            1
    Exponential         1 - exp(-x)                             H_N
    Pareto(a)           1 - (x_m/x)^a,  x_m = (a-1)/a           x_m N! Gamma(1 - 1/a) / Gamma(N + 1 - 1/a)
    Lognormal(sigma)    Phi(log(x)/sigma + sigma/2)             N integral of phi(u) Phi(u + sigma)^(N-1) du
    SlowDevice(k, f)    device k: f, the others: 1              max(1, f) for N > 1

Sources: Arnold, Balakrishnan & Nagaraja 1992, "A First Course in Order Statistics", chapters 4 and 5 (exponential and
Pareto; chapters from memory); the lognormal integral follows from N phi(z) Phi(z)^(N-1), the density of the largest of
N normal variables, by completing the square. Amdahl 1967; Gustafson 1988.
"""

from dataclasses import dataclass
from math import erfc, exp, fsum, lgamma, log, pi, sqrt

import numpy as np

from ..data.batching import generator
from ..errors import DataError
from ..optimizers.base import check_count, is_number

KINDS = "steady, exponential, lognormal:SIGMA, pareto:SHAPE, slow:INDEX:FACTOR"


class Distribution:
    """What all distributions share: a subclass gives `draw`, `expected_maximum` and its text.

    `str(distribution)` is the text that `parse` reads.
    """

    varies = True  # whether factors are random

    def factors(self, rng, steps, N):
        """The factors of N devices in a number of steps.

        Parameters
        ----------
        rng : numpy.random.Generator
        steps : int, at least 0
        N : int, at least 1

        Returns
        -------
        array (steps, N), without unit

        Raises
        ------
        DataError : rng is no generator, a number is not whole or too small, or a device is named that does not exist.
        """
        generator(rng, "factors")
        check_count("factors", "steps", steps)
        self._devices(N)
        return self.draw(rng, steps, N)

    def draw(self, rng, steps, N):
        """The factors (steps, N); the arguments are checked."""
        raise NotImplementedError(f"{type(self).__name__} lacks draw(rng, steps, N).")

    def expected_maximum(self, N):
        """E[largest factor of N devices], what a synchronous step costs. Raises DataError."""
        raise NotImplementedError(f"{type(self).__name__} lacks expected_maximum(N).")

    def maximum_beside(self, N, f):
        """E[largest factor of N devices] where one of them takes f times as long as this says. Raises DataError."""
        raise DataError(
            f"expected_maximum: there is no closed form for {self} beside a device slowed by {f:g}; take the mean of "
            "factors(rng, steps, N).max(axis=1) over many steps."
        )

    def _devices(self, N):
        check_count(type(self).__name__, "N", N, 1)


@dataclass(frozen=True)
class Steady(Distribution):
    """Every step takes its normal time."""

    varies = False

    def __str__(self):
        return "steady"

    def draw(self, rng, steps, N):
        return np.ones((steps, N))

    def expected_maximum(self, N):
        """1, whatever N is."""
        self._devices(N)
        return 1.0


@dataclass(frozen=True)
class Exponential(Distribution):
    """Factors with density exp(-x): mean 1, deviation 1. E[largest of N] = H_N, which grows as log N + 0.5772.

    Examples
    --------
    >>> Exponential().expected_maximum(4)  # 1 + 1/2 + 1/3 + 1/4 = 25/12
    2.0833333333333335
    """

    def __str__(self):
        return "exponential"

    def draw(self, rng, steps, N):
        return rng.exponential(size=(steps, N))

    def expected_maximum(self, N):
        """H_N."""
        self._devices(N)
        return fsum(1 / k for k in range(1, N + 1))

    def maximum_beside(self, N, f):
        """H_(N-1) + Beta(1/f, N), from E[max(a, b)] = E[a] + E[b] - E[min(a, b)]."""
        self._devices(N)
        beta = exp(lgamma(1 / f) + lgamma(N) - lgamma(1 / f + N))
        return fsum(1 / k for k in range(1, N)) + beta


@dataclass(frozen=True)
class Pareto(Distribution):
    """Factors of at least x_m = (shape - 1)/shape with P(factor > x) = (x_m/x)^shape: mean 1, a heavy tail.

    The variance is shape^-1 (shape - 2)^-1 for shape > 2 and infinite below. E[largest of N] grows as N^(1/shape).

    Parameters
    ----------
    shape : float, above 1 (below it there is no mean)

    Raises
    ------
    DataError : shape is no such number.
    """

    shape: float

    def __post_init__(self):
        if not is_number(self.shape) or self.shape <= 1:
            raise DataError(f"Pareto: shape is {self.shape!r}; a finite number above 1 is needed, for a mean to exist.")

    def __str__(self):
        return f"pareto:{float(self.shape)!r}"

    @property
    def smallest(self):
        """x_m, the smallest factor."""
        return (self.shape - 1) / self.shape

    def draw(self, rng, steps, N):
        return self.smallest * (1 + rng.pareto(self.shape, size=(steps, N)))

    def expected_maximum(self, N):
        """x_m N! Gamma(1 - 1/shape) / Gamma(N + 1 - 1/shape)."""
        self._devices(N)
        c = 1 - 1 / self.shape
        return self.smallest * exp(lgamma(N + 1) + lgamma(c) - lgamma(N + c))


@dataclass(frozen=True)
class Lognormal(Distribution):
    """Factors exp(sigma z - sigma^2/2) with z normal: mean 1, variance exp(sigma^2) - 1.

    Parameters
    ----------
    sigma : float, at least 0; for small sigma nearly the relative deviation of a step's time

    Raises
    ------
    DataError : sigma is no such number.
    """

    sigma: float

    def __post_init__(self):
        if not is_number(self.sigma, 0):
            raise DataError(f"Lognormal: sigma is {self.sigma!r}; a finite number of at least 0 is needed.")

    def __str__(self):
        return f"lognormal:{float(self.sigma)!r}"

    def draw(self, rng, steps, N):
        return np.exp(self.sigma * rng.standard_normal((steps, N)) - self.sigma**2 / 2)

    def expected_maximum(self, N):
        """N times the integral of phi(u) Phi(u + sigma)^(N-1), by quadrature, to about 1e-12."""
        self._devices(N)
        return N * _normal_mean(lambda u: _Phi(u + self.sigma) ** (N - 1))

    def maximum_beside(self, N, f):
        """The slow device's part of the expectation, where it is the slowest, and that of the others."""
        self._devices(N)
        if N == 1:
            return float(f)
        if self.sigma == 0:
            return max(1.0, float(f))
        s, shift = self.sigma, log(f) / self.sigma
        slow = f * _normal_mean(lambda u: _Phi(u + s + shift) ** (N - 1))
        return slow + (N - 1) * _normal_mean(lambda u: _Phi(u + s) ** (N - 2) * _Phi(u + s - shift))


def _Phi(x):
    return np.array([0.5 * erfc(-v / sqrt(2)) for v in x])


def _normal_mean(g, h=1 / 128):
    """E[g(u)], u normal, by the trapezoidal rule, which converges exponentially here (Trefethen & Weideman 2014)."""
    u = np.arange(-9, 13, h)
    return float((np.exp(-u * u / 2) * g(u)).sum() * h / sqrt(2 * pi))


@dataclass(frozen=True)
class SlowDevice(Distribution):
    """Device `index` always takes `factor` times its normal time, the others take theirs. The mean is not 1.

    Parameters
    ----------
    index : int, at least 0
    factor : float, above 0

    Raises
    ------
    DataError : one of them is out of its range; with N devices, index is not below N.
    """

    index: int
    factor: float
    varies = False

    def __post_init__(self):
        check_count("SlowDevice", "index", self.index)
        if not is_number(self.factor) or self.factor <= 0:
            raise DataError(f"SlowDevice: factor is {self.factor!r}; a finite number above 0 is needed.")

    def __str__(self):
        return f"slow:{self.index}:{float(self.factor)!r}"

    def draw(self, rng, steps, N):
        found = np.ones((steps, N))
        found[:, self.index] = self.factor
        return found

    def expected_maximum(self, N):
        """The factor for N = 1, max(1, factor) for more devices."""
        self._devices(N)
        return float(self.factor if N == 1 else max(1.0, self.factor))

    def _devices(self, N):
        super()._devices(N)
        if self.index >= N:
            raise DataError(
                f"SlowDevice: device {self.index} is slow, but there are {N} devices, counted from 0; give an index of "
                f"at most {N - 1}."
            )


@dataclass(frozen=True)
class Together(Distribution):
    """The product of two distributions, drawn independently: a cluster that varies and has a slow device as well.

    Parameters
    ----------
    a, b : Distribution

    Raises
    ------
    DataError : one of them is none.
    """

    a: Distribution
    b: Distribution

    def __post_init__(self):
        for value in (self.a, self.b):
            if not isinstance(value, Distribution):
                raise DataError(f"Together: {value!r} is no distribution; use {KINDS}, read by parse.")

    varies = property(lambda self: self.a.varies or self.b.varies)

    def __str__(self):
        return f"{self.a},{self.b}"

    def draw(self, rng, steps, N):
        return self.a.draw(rng, steps, N) * self.b.draw(rng, steps, N)

    def expected_maximum(self, N):
        """Exact where the parts allow it: without randomness, lognormal times lognormal, or beside one slow device.

        Raises
        ------
        DataError : there is no closed form, or N is too small.
        """
        self._devices(N)
        random, fixed = self._parts(N)
        slowed = [k for k in range(N) if fixed[k] != 1]
        if not random:
            return float(fixed.max())
        if all(isinstance(part, Lognormal) for part in random):
            random = [Lognormal(sqrt(fsum(part.sigma**2 for part in random)))]
        if len(random) > 1 or len(slowed) > 1:
            raise DataError(
                f"expected_maximum: there is no closed form for {self}; take the mean of "
                "factors(rng, steps, N).max(axis=1) over many steps."
            )
        return random[0].maximum_beside(N, float(fixed[slowed[0]])) if slowed else random[0].expected_maximum(N)

    def _devices(self, N):
        self.a._devices(N)
        self.b._devices(N)

    def _parts(self, N):
        """The random parts, as a list, and the product of the fixed ones, as an array (N,)."""
        random, fixed = [], np.ones(N)
        for part in (self.a, self.b):
            if isinstance(part, Together):
                more, factors = part._parts(N)
                random, fixed = random + more, fixed * factors
            elif part.varies:
                random.append(part)
            else:
                fixed = fixed * part.draw(None, 1, N)[0]
        return random, fixed


def parse(text):
    """A distribution from a text such as "lognormal:0.2"; several of them, with commas between, are multiplied.

    Parameters
    ----------
    text : str, of steady, exponential, lognormal:SIGMA, pareto:SHAPE, slow:INDEX:FACTOR; a Distribution stays itself

    Raises
    ------
    DataError : the text is none of these, or a number is out of its range.

    Examples
    --------
    >>> parse("slow:3:2.0")
    SlowDevice(index=3, factor=2.0)
    >>> print(parse("lognormal:0.2, slow:0:1.5"))
    lognormal:0.2,slow:0:1.5
    """
    if isinstance(text, Distribution):
        return text
    if not isinstance(text, str):
        raise DataError(f"Stragglers: {text!r} is no text; write one of {KINDS}.")
    found, *others = [_parse_one(part.strip()) for part in text.split(",")]
    for other in others:
        found = Together(found, other)
    return found


def _parse_one(text):
    kind, *numbers = text.lower().split(":")
    makers = {"steady": [], "exponential": [], "lognormal": [float], "pareto": [float], "slow": [int, float]}
    if kind not in makers or len(numbers) != len(makers[kind]):
        raise DataError(f"Stragglers: {text!r} is not understood; write one of {KINDS}.")
    try:
        values = [read(number) for read, number in zip(makers[kind], numbers, strict=True)]
    except ValueError:
        raise DataError(f"Stragglers: {text!r} holds something else than numbers; write one of {KINDS}.") from None
    classes = {"steady": Steady, "exponential": Exponential, "lognormal": Lognormal, "pareto": Pareto}
    return classes.get(kind, SlowDevice)(*values)


# The limits to speed-up


def amdahl(serial_fraction, N):
    """Speed-up of a fixed task on N devices: 1 / (s + (1 - s)/N), never above 1/s.

    Parameters
    ----------
    serial_fraction : float from 0 to 1, s: the part of one device's time that cannot be divided
    N : int or array of them, at least 1

    Returns
    -------
    float, or an array of N's shape

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    Amdahl 1967, AFIPS 30; the formula is the usual reading of that text, which has none.

    Examples
    --------
    >>> amdahl(0.05, 20)
    10.256410256410255
    """
    s, N = _fraction("amdahl", serial_fraction), _counts("amdahl", N)
    return _plain(1 / (s + (1 - s) / N))


def gustafson(serial_fraction, N):
    """Speed-up of a task that grows with the devices: s + (1 - s) N.

    Parameters
    ----------
    serial_fraction : float from 0 to 1, s: the part of the *parallel* run's time that is not divided (Amdahl's is of
        the run on one device)
    N : int or array of them, at least 1

    Returns
    -------
    float, or an array of N's shape

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    Gustafson 1988, Communications of the ACM 31(5), p. 532.

    Examples
    --------
    >>> gustafson(0.05, 20)
    19.05
    """
    s, N = _fraction("gustafson", serial_fraction), _counts("gustafson", N)
    return _plain(s + (1 - s) * N)


def straggler_speedup(distribution, N):
    """Speed-up of N devices that share one task evenly and wait for the slowest: N / E[largest of N factors].

    Compared with one device of normal speed, communication left out (S4 slide 63: variance in processing times limits
    the speed-up). With exponential factors it is N / H_N: from four devices on, they wait more than they work.

    Parameters
    ----------
    distribution : Distribution, or its text
    N : int, at least 1

    Returns
    -------
    float

    Raises
    ------
    DataError : see `parse` and `expected_maximum`.

    Examples
    --------
    >>> round(straggler_speedup("exponential", 4), 12)  # 4 / (25/12)
    1.92
    """
    return N / parse(distribution).expected_maximum(N)


def _fraction(who, value):
    if not is_number(value, 0, 1):
        raise DataError(f"{who}: serial_fraction is {value!r}; a number from 0 to 1 is needed.")
    return float(value)


def _counts(who, N):
    found = np.asarray(N)
    if found.dtype.kind not in "iu" or (found < 1).any():
        raise DataError(f"{who}: N is {N!r}; a whole number of at least 1, or an array of them, is needed.")
    return found


def _plain(found):
    return float(found) if np.ndim(found) == 0 else found
