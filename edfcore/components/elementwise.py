"""Functions applied to each entry. They do not see the batch index, so they need no change for it (S0, "The
Sigmoid Class Already Handles Minibatching").

Every one is written so that it is exact at the extremes, and so that a complex argument gives the analytic
continuation of what a real one gives: x.real decides on which side of a corner x lies, and no absolute value of a
complex number is taken. The complex step, and with it `edfcore.curvature`, rests on this.
"""

from math import log, pi, sqrt

from ..cost import Cost, count
from ..errors import DataError, ShapeError
from ..graph import Component
from ..registry import register
from .linear import number, refuse, sum_of, whole

__all__ = [
    "GELU", "Abs", "Add", "Div", "Dropout", "Elementwise", "Exp", "LeakyReLU", "Log", "Maximum", "Minimum", "Mul",
    "Neg", "Pointwise", "Power", "ReLU", "Sigmoid", "Softplus", "Sqrt", "Sub", "Tanh",
]  # fmt: skip


class Elementwise(Component):
    """y[...] = f(x[...]): a subclass gives `forward` and `derivative`, both products follow.

    derivative(y, x) : f'(x), from x or from y = f(x), whichever is shorter
    flops : operations for each entry, forward
    """

    axes = "... -> ..."
    flops = 1

    def backward(self, grad, y, x):
        return grad * self.derivative(y, x)  # x.grad[...] += y.grad[...] f'(x[...])

    def jvp(self, tangents, y, x):
        return tangents[0] * self.derivative(y, x)

    def cost(self, sizes):
        entries = count(sizes, "...")
        return Cost(forward=self.flops * entries, backward=3 * entries)


@register
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), without overflow: exp only ever sees -|x|.

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers; +-1000 gives 1 and 0 exactly.
    """

    source = "S0, 'The Sigmoid Class'; erratum 0.5 (the printed form overflows for x < -709.8)"
    flops = 4

    def forward(self, x):
        return sigmoid(self.xp, x)

    def derivative(self, y, x):
        return y * (1.0 - y)


@register
class Tanh(Elementwise):
    """y = tanh(x).

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers.
    """

    source = "S4, slide 23 (tanh' = 1 - tanh^2, at most 1)"
    flops = 4

    def forward(self, x):
        return self.xp.tanh(x)

    def derivative(self, y, x):
        return 1.0 - y * y


@register
class ReLU(Elementwise):
    """y = max(x, 0); at x = 0 the derivative is taken as 0, as torch.nn.ReLU does.

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers.
    """

    source = "S4, slide 26; derivative at 0 as torch.nn.ReLU"

    def forward(self, x):
        return self.xp.where(x.real <= 0, self.xp.zeros_like(x), x)  # keeps nan

    def derivative(self, y, x):
        return (x.real > 0).astype(x.dtype)


@register
class Neg(Elementwise):
    """y = -x.

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers.
    """

    source = "torch.neg"

    def forward(self, x):
        return -x

    def backward(self, grad, y, x):
        return -grad

    def jvp(self, tangents, y, x):
        return -tangents[0]


@register
class Exp(Elementwise):
    """y = exp(x).

    Parameters
    ----------
    x : any shape

    Raises
    ------
    DataError : an entry is so large that exp(x) overflows (x > 709.78 in float64, x > 88.72 in float32).
    """

    source = "torch.exp"
    flops = 2

    def forward(self, x):
        most = log(self.xp.finfo(x.dtype).max)
        why = f"is too large: exp(x) overflows {x.real.dtype} above {most:.2f}. Softmax, Sigmoid and Softplus do not."
        refuse(self, x.real > most, "x", x, why)
        return self.xp.exp(x)

    def derivative(self, y, x):
        return y


@register
class Log(Elementwise):
    """y = log x, the natural logarithm.

    Parameters
    ----------
    x : any shape, positive

    Raises
    ------
    DataError : an entry is 0 or less.
    """

    source = "torch.log"
    flops = 2

    @classmethod
    def example(cls, sizes, rng):
        return [rng.uniform(0.2, 0.8, size=rng.integers(1, 5, size=2))], {}

    def forward(self, x):
        refuse(self, x.real <= 0, "x", x, "has no logarithm; x must be positive.")
        return self.xp.log(x)

    def derivative(self, y, x):
        return 1.0 / x


@register
class Sqrt(Elementwise):
    """y = sqrt(x).

    Parameters
    ----------
    x : any shape, at least 0

    Raises
    ------
    DataError : an entry is negative; or, in Backward, an entry is 0, where the slope is infinite.
    """

    source = "torch.sqrt"
    flops = 2

    @classmethod
    def example(cls, sizes, rng):
        return [rng.uniform(0.2, 3.0, size=rng.integers(1, 5, size=2))], {}

    def forward(self, x):
        refuse(self, x.real < 0, "x", x, "has no real root; x must be at least 0.")
        return self.xp.sqrt(x)

    def backward(self, grad, y, x):
        return lambda: grad * self.derivative(y, x)  # x.grad[...] += y.grad[...] / (2 y[...])

    def derivative(self, y, x):
        refuse(self, x.real == 0, "x", x, "has an infinite slope; add a small eps under the root.")
        return 0.5 / y


@register
class Power(Elementwise):
    """y = x^p, for a constant p.

    Parameters
    ----------
    x : any shape; not 0 where p < 0, and not negative unless p is a whole number
    p : float, default 2

    Raises
    ------
    DataError : p is not a finite number, or x^p is no real number; in Backward, x is 0 and 0 < p < 1, where the
        slope is infinite.
    """

    source = "torch.pow with a number as exponent"
    settings = {"p": 2.0}
    flops = 2

    @classmethod
    def example(cls, sizes, rng):
        p = [2, 3.0, -1, -2, 0.5, 2.5, -0.3, 0, 1][rng.integers(9)]
        x = rng.uniform(0.3, 2.0, size=rng.integers(1, 5, size=2))
        return [x if p % 1 else x * rng.choice([-1.0, 1.0], size=x.shape)], {"p": p}

    def configure(self):
        number(self, "p", lambda p: True, "a finite number")

    def forward(self, x):
        if self.p % 1:
            refuse(self, x.real < 0, "x", x, f"has no real power {self.p}; x must not be negative.")
        if self.p < 0:
            refuse(self, x.real == 0, "x", x, f"has no power {self.p}; x must not be 0.")
        return x**self.p

    def backward(self, grad, y, x):
        return lambda: grad * self.derivative(y, x)  # x.grad[...] += y.grad[...] p x[...]^(p-1)

    def derivative(self, y, x):
        if self.p == 0:
            return 0 * x
        if 0 < self.p < 1:
            refuse(self, x.real == 0, "x", x, f"has an infinite slope at the power {self.p}; add a small eps.")
        return self.p * x ** (self.p - 1)


@register
class Abs(Elementwise):
    """y = |x|; at x = 0 the derivative is taken as 0, as torch.abs does.

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers.
    """

    source = "torch.abs"

    def forward(self, x):
        return x * self.xp.sign(x.real)

    def derivative(self, y, x):
        return self.xp.sign(x.real)


@register
class LeakyReLU(Elementwise):
    """y = x for x > 0, slope x otherwise; at x = 0 the derivative is taken as the slope, as torch.nn.LeakyReLU does.

    Parameters
    ----------
    x : any shape
    slope : float, default 0.01 (torch: negative_slope)

    Raises
    ------
    DataError : the slope is not a finite number.
    """

    source = "Maas, Hannun & Ng 2013, section 2; default of torch.nn.LeakyReLU"
    settings = {"slope": 0.01}

    @classmethod
    def example(cls, sizes, rng):
        return [away_from_zero(rng, rng.integers(1, 5, size=2))], {"slope": [0.01, 0.3][rng.integers(2)]}

    def configure(self):
        number(self, "slope", lambda slope: True, "a finite number")

    def forward(self, x):
        return self.xp.where(x.real > 0, x, self.slope * x)

    def derivative(self, y, x):
        return self.xp.where(x.real > 0, 1.0, self.slope).astype(x.dtype)


@register
class Softplus(Elementwise):
    """y = log(1 + exp(beta x)) / beta, as max(x, 0) + log1p(exp(-|beta x|)) / beta; its slope is sigmoid(beta x).

    torch.nn.Softplus replaces y by x where beta x > 20, which is off by up to 2e-9; here every digit is right.

    Parameters
    ----------
    x : any shape
    beta : float, positive, default 1

    Raises
    ------
    DataError : beta is not a positive number.
    """

    source = "Glorot, Bordes & Bengio 2011, section 3; default of torch.nn.Softplus"
    settings = {"beta": 1.0}
    flops = 6

    @classmethod
    def example(cls, sizes, rng):
        return [rng.normal(size=rng.integers(1, 5, size=2))], {"beta": [1.0, 0.4, 3][rng.integers(3)]}

    def configure(self):
        number(self, "beta", lambda beta: beta > 0, "a positive number")

    def forward(self, x):
        e = self.xp.exp(self.beta * self.xp.where(x.real > 0, -x, x))
        return self.xp.where(x.real > 0, x, 0 * x) + log1p(self.xp, e) / self.beta

    def derivative(self, y, x):
        return sigmoid(self.xp, self.beta * x)


@register
class GELU(Elementwise):
    """y = x Phi(x), Phi the distribution function of the standard normal; y' = Phi(x) + x phi(x).

    approximate="tanh" is y = x/2 (1 + tanh u) with u = sqrt(2/pi) (x + 0.044715 x^3), computed as x sigmoid(2u).

    Parameters
    ----------
    x : any shape
    approximate : "none" (default) or "tanh"

    Raises
    ------
    DataError : approximate is neither.
    """

    source = "Hendrycks & Gimpel 2016 (1606.08415), section 2; default of torch.nn.GELU"
    settings = {"approximate": "none"}
    flops = 30

    @classmethod
    def example(cls, sizes, rng):
        x = rng.uniform(-0.5, 3.0, size=rng.integers(1, 5, size=2))  # off the minimum at -0.75, whose slope is 0
        return [x * rng.choice([-2.0, 1.0], size=x.shape)], {"approximate": ["none", "tanh"][rng.integers(2)]}

    def configure(self):
        if not isinstance(self.approximate, str) or self.approximate not in ("none", "tanh"):
            raise DataError(f"{self.label}: approximate is {self.approximate!r}; 'none' or 'tanh' is needed.")

    def forward(self, x):
        near = self._near(x)
        if self.approximate == "tanh":
            return x * sigmoid(self.xp, 2 * sqrt(2 / pi) * (near + 0.044715 * near**3))
        return x * normal_cdf(self.xp, near)

    def derivative(self, y, x):
        near = self._near(x)
        if self.approximate == "tanh":
            s = sigmoid(self.xp, 2 * sqrt(2 / pi) * (near + 0.044715 * near**3))
            return s + near * s * (1.0 - s) * 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 * near**2)
        return normal_cdf(self.xp, near) + near * self.xp.exp(-0.5 * near * near) / sqrt(2 * pi)

    def _near(self, x):
        """x, and +-40 where it is farther out: Phi is 0 or 1 there, and powers of x cannot overflow."""
        return self.xp.where(self.xp.abs(x.real) < 40, x, (40 * self.xp.sign(x.real)).astype(x.dtype))


@register
class Dropout(Elementwise):
    """y = x m / (1 - p), m = 0 with probability p and 1 otherwise, independently; in use y = x ("inverted" dropout).

    The mask is drawn from a Generator seeded by `seed`, the place of this component in its graph, and the graph's
    clock: after every change of an input or parameter it is another one, a second Forward without a change repeats
    it, and two runs of one program agree.

    Parameters
    ----------
    x : any shape
    p : float, the probability of dropping an entry, 0 <= p <= 1, default 0.5
    seed : int, at least 0, default 0

    Raises
    ------
    DataError : p or seed is out of range.
    """

    source = "Srivastava et al. 2014, section 4; scaled in training as torch.nn.Dropout"
    settings = {"p": 0.5, "seed": 0}
    flops = 2

    @classmethod
    def example(cls, sizes, rng):
        shape = rng.integers(1, 5, size=2)
        return [rng.normal(size=shape)], {"p": [0.0, 0.2, 0.5][rng.integers(3)], "seed": int(rng.integers(99))}

    def configure(self):
        number(self, "p", lambda p: 0 <= p <= 1, "a probability, 0 <= p <= 1,")
        whole(self, "seed", 0, "an integer of at least 0")
        self._place, self._drawn = len(self.graph.nodes), (None, None)

    def mask(self, shape):
        """The entries that are kept, at this time of the graph's clock: array of bool."""
        key = (self.graph.clock, shape)
        if self._drawn[0] != key:
            kept = generator([self.seed, self._place, self.graph.clock]).random(shape) >= self.p
            self._drawn = (key, self.xp.asarray(kept))
        return self._drawn[1]

    def forward(self, x):
        return x * self.derivative(None, x) if self.graph.training else x.copy()

    def derivative(self, y, x):
        if not self.graph.training:
            return self.xp.ones(x.shape, x.dtype)
        scale = 0.0 if self.p == 1 else 1 / (1 - self.p)
        return self.mask(x.shape).astype(x.real.dtype) * scale


class Pointwise(Component):
    """z[...] = f(x[...], y[...]) with NumPy's broadcasting; the engine undoes it.

    Two batches are never stretched along each other: (B, 1) - (B,) would pair every instance with every other one.
    """

    axes = "... ; ... -> ..."

    def derive(self, sizes):
        shapes = [a.value.shape for a in self.args if a.batched]
        if len(shapes) == 2 and (len(shapes[0]) != len(shapes[1]) or shapes[0][:1] != shapes[1][:1]):
            raise ShapeError(
                f"{self.label}: two batches of shapes {shapes[0]} and {shapes[1]}: both carry b first, so NumPy's "
                "broadcasting would mix instances. Give both the same number of axes and the same length."
            )
        return {}

    def cost(self, sizes):
        entries = count(sizes, "...")
        return Cost(forward=entries, backward=2 * entries)


@register
class Add(Pointwise):
    """z = x + y.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "S2, 'Broadcasting'"

    def forward(self, x, y):
        return x + y

    def backward(self, grad, z, x, y):
        return grad, grad

    def jvp(self, tangents, z, x, y):
        return 0 * z + sum_of(*tangents)


@register
class Sub(Pointwise):
    """z = x - y.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "S1, 'MLP with a Batch Index' (the bias as a threshold; erratum 1.1)"

    def forward(self, x, y):
        return x - y

    def backward(self, grad, z, x, y):
        return grad, lambda: -grad

    def jvp(self, tangents, z, x, y):
        dx, dy = tangents
        return 0 * z + sum_of(dx, None if dy is None else -dy)


@register
class Mul(Pointwise):
    """z = x y, entry by entry.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "S2, 'Broadcasting'"

    def forward(self, x, y):
        return x * y

    def backward(self, grad, z, x, y):
        return lambda: grad * y, lambda: grad * x

    def jvp(self, tangents, z, x, y):
        dx, dy = tangents
        return 0 * z + sum_of(None if dx is None else dx * y, None if dy is None else x * dy)


@register
class Div(Pointwise):
    """z = x / y, entry by entry.

    Parameters
    ----------
    x, y : shapes that broadcast; no entry of y is 0

    Raises
    ------
    DataError : an entry of y is 0.
    ShapeError : the shapes do not broadcast.
    """

    source = "torch.div; S2, 'Broadcasting'"

    @classmethod
    def example(cls, sizes, rng):
        b, i = rng.integers(1, 5, size=2)
        return [rng.normal(size=(b, i)), rng.uniform(0.5, 2, size=i) * rng.choice([-1.0, 1.0], size=i)], {}

    def forward(self, x, y):
        refuse(self, y == 0, "y", y, "cannot be divided by.")
        return x / y

    def backward(self, grad, z, x, y):
        return lambda: grad / y, lambda: -grad * z / y

    def jvp(self, tangents, z, x, y):
        dx, dy = tangents
        return 0 * z + sum_of(None if dx is None else dx / y, None if dy is None else -z * dy / y)


class Extremum(Pointwise):
    """z = x or y, whichever `goes_first`; where they are equal, each gets half the gradient, as torch does."""

    @classmethod
    def example(cls, sizes, rng):
        b, i = rng.integers(1, 5, size=2)
        x = rng.normal(size=(b, i))
        return [x, x + away_from_zero(rng, (b, i))], {}

    def forward(self, x, y):
        return self.xp.where((self.weight(x, y) > 0.5) | self.xp.isnan(x), x, y)  # NaN is not hidden

    def weight(self, x, y):
        """How much of z is x: 1, 0, or a half where x = y."""
        return (self.goes_first(x.real, y.real) + 0.5 * (x.real == y.real)).astype(x.real.dtype)

    def backward(self, grad, z, x, y):
        share = self.weight(x, y)
        return lambda: grad * share, lambda: grad * (1.0 - share)

    def jvp(self, tangents, z, x, y):
        (dx, dy), share = tangents, self.weight(x, y)
        return 0 * z + sum_of(None if dx is None else dx * share, None if dy is None else dy * (1.0 - share))


@register
class Maximum(Extremum):
    """z = max(x, y), entry by entry; where x = y, each gets half the gradient.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "torch.maximum"

    def goes_first(self, x, y):
        return x > y


@register
class Minimum(Extremum):
    """z = min(x, y), entry by entry; where x = y, each gets half the gradient.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "torch.minimum"

    def goes_first(self, x, y):
        return x < y


def generator(key):
    """A random generator from a list of integers."""
    from numpy.random import default_rng

    return default_rng(key)


def away_from_zero(rng, shape):
    """Normal numbers, none nearer to 0 than 0.01."""
    x = rng.normal(size=shape)
    return x + 0.01 * (2 * (x > 0) - 1)


def sigmoid(xp, x):
    """1 / (1 + exp(-x)), without overflow."""
    e = xp.exp(xp.where(x.real > 0, -x, x))
    return xp.where(x.real > 0, 1.0, e) / (1.0 + e)


def log1p(xp, z):
    """log(1 + z) for z.real > -1, to the last digit for complex z too (NumPy's complex log1p forms 1 + z)."""
    if z.dtype.kind != "c":
        return xp.log1p(z)
    slope = z.imag / (1 + z.real)  # |1 + z| = (1 + x) sqrt(1 + (y / (1 + x))^2)
    return xp.log1p(z.real) + 0.5 * xp.log1p(slope * slope) + 1j * xp.arctan(slope)


# Rational approximations of erf and erfc with errors under 2^-57 (FreeBSD msun, s_erf.c; Sun Microsystems 1993), the
# highest power first. On s in [0, 0.84375): erf = s + s P(s^2)/Q(s^2); on [0.84375, 1.25): erf = ERX + P(s-1)/Q(s-1);
# above: erfc = exp(-s^2 - 0.5625 + P(1/s^2)/Q(1/s^2)) / s. Being rational, they hold for complex s near the real axis.
ERX = 8.45062911510467529297e-01
NEAR_0 = (
    (-2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02, -3.25042107247001499370e-01,
     1.28379167095512558561e-01),
    (-3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03, 6.50222499887672944485e-02,
     3.97917223959155352819e-01, 1.0),
)  # fmt: skip
NEAR_1 = (
    (-2.16637559486879084300e-03, 3.54783043256182359371e-02, -1.10894694282396677476e-01, 3.18346619901161753674e-01,
     -3.72207876035701323847e-01, 4.14856118683748331666e-01, -2.36211856075265944077e-03),
    (1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01, 7.18286544141962662868e-02,
     5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0),
)  # fmt: skip
MIDDLE = (
    (-9.81432934416914548592e00, -8.12874355063065934246e01, -1.84605092906711035994e02, -1.62396669462573470355e02,
     -6.23753324503260060396e01, -1.05586262253232909814e01, -6.93858572707181764372e-01, -9.86494403484714822705e-03),
    (-6.04244152148580987438e-02, 6.57024977031928170135e00, 1.08635005541779435134e02, 4.29008140027567833386e02,
     6.45387271733267880336e02, 4.34565877475229228821e02, 1.37657754143519042600e02, 1.96512716674392571292e01, 1.0),
)  # fmt: skip
FAR = (
    (-4.83519191608651397019e02, -1.02509513161107724954e03, -6.37566443368389627722e02, -1.60636384855821916062e02,
     -1.77579549177547519889e01, -7.99283237680523006574e-01, -9.86494292470009928597e-03),
    (-2.24409524465858183362e01, 4.74528541206955367215e02, 2.55305040643316442583e03, 3.19985821950859553908e03,
     1.53672958608443695994e03, 3.25792512996573918826e02, 3.03380607434824582924e01, 1.0),
)  # fmt: skip


def normal_cdf(xp, x):
    """Phi(x) = erfc(-x / sqrt 2) / 2, to a few units of the last place wherever it is a normal number.

    Parameters
    ----------
    x : array of any shape, |x.real| <= 40; complex near the real axis (as the complex step needs)

    Returns
    -------
    array of x's shape and dtype; computed in double precision
    """
    if xp.__name__ == "cupy":  # one kernel; choosing entries by a mask waits for the GPU to count them
        from ..gpu.ops import normal_cdf as on_gpu

        return on_gpu(x)
    wide = xp.ravel(x).astype(xp.result_type(x.dtype, "float64"))
    t = xp.where(wide.real > 0, -wide, wide)  # t.real <= 0
    s, lower = -t / sqrt(2), xp.empty_like(t)
    for low, high, piece in ((0, 0.84375, _near_0), (0.84375, 1.25, _near_1), (1.25, 1 / 0.35, _tail(MIDDLE)),
                             (1 / 0.35, float("inf"), _tail(FAR))):  # fmt: skip
        here = (low <= s.real) & (s.real < high)
        lower[here] = piece(xp, t[here], s[here])
    lower = xp.where(xp.isnan(t), t, lower)
    return xp.where(wide.real > 0, 1.0 - lower, lower).astype(x.dtype).reshape(x.shape)


def _rational(coefficients, z):
    """P(z) / Q(z) by Horner's rule."""
    values = []
    for polynomial in coefficients:
        value = 0 * z + polynomial[0]
        for c in polynomial[1:]:
            value = value * z + c
        values.append(value)
    return values[0] / values[1]


def _near_0(xp, t, s):
    return 0.5 - 0.5 * (s + s * _rational(NEAR_0, s * s))


def _near_1(xp, t, s):
    return 0.5 * (1 - ERX) - 0.5 * _rational(NEAR_1, s - 1)


def _tail(coefficients):
    def piece(xp, t, s):
        """erfc(s) / 2; t^2/2 is split into r^2/2, which has no rounding error, and the small rest."""
        r = t.real.astype("float32").astype("float64")
        power = xp.exp(-0.5 * r * r - 0.5625) * xp.exp(0.5 * (r - t) * (r + t) + _rational(coefficients, 1 / (s * s)))
        return 0.5 * power / s

    return piece
