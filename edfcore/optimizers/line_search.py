"""How far to go along a direction d from x: the alpha of x + alpha d (S4, "2nd-order iterative algorithm").

With phi(alpha) = f(x + alpha d) and phi'(alpha) = grad f(x + alpha d) . d, the conditions are

    Armijo       phi(alpha) <= phi(0) + c1 alpha phi'(0)       low enough for its length (N&W 3.4)
    curvature    |phi'(alpha)| <= c2 |phi'(0)|                 nearly level: not too short (N&W 3.7b)

S4 prints "until the function is small enough"; small enough is Armijo's condition (erratum 4.13). The two together
are the strong Wolfe conditions, which make p.q > 0, so that quasi-Newton matrices stay positive definite.
N&W is Nocedal & Wright, Numerical Optimization, 2nd edition 2006.

A search is a function search(f, x, d, value, gradient, alpha0) that returns a Step. Values that are NaN or infinite
count as too high: the step shrinks.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, ShapeError
from .base import check_count, evaluate, is_finite, is_number, starting_point


@dataclass(frozen=True)
class Step:
    """What a search found.

    alpha : float, the length
    x, value, gradient : the new point, and f there
    evaluations : int, how often f was called
    satisfied : bool, whether the search's conditions hold; where not, this is the lowest point that was seen
    """

    alpha: float
    x: np.ndarray
    value: float
    gradient: np.ndarray
    evaluations: int
    satisfied: bool


class Line:
    """phi(alpha) = f(x + alpha d), counting evaluations."""

    def __init__(self, who, f, x, d, value, gradient):
        self.who, self.f, self.x, self.evaluations = who, f, starting_point(who, x, None), 0
        self.d = starting_point(f"{who}, the direction d", d, None)
        if self.d.shape != self.x.shape:
            raise ShapeError(f"{who}: x has shape {self.x.shape} but the direction d has {self.d.shape}.")
        if value is None or gradient is None:
            value, gradient = evaluate(who, f, self.x)
            self.evaluations = 1
        self.value, self.slope = float(value), float(np.vdot(gradient, self.d))
        if not is_finite(self.value, gradient):
            raise DataError(f"{who}: f is not finite at x; start where it is.")
        if self.slope >= 0:
            raise DataError(
                f"{who}: d is not a direction of descent, gradient . d = {self.slope:.3g} is not below 0; "
                "check its sign (d = -H^-1 g), or take d = -gradient."
            )
        self.lowest = (self.value, Step(0.0, self.x, self.value, gradient, 0, False))

    def at(self, alpha):
        """phi and phi' at alpha; (inf, nan) where f is not finite. Remembers the lowest point."""
        point = self.x + alpha * self.d
        value, gradient = evaluate(self.who, self.f, point)
        self.evaluations += 1
        self.last = Step(alpha, point, value, gradient, self.evaluations, True)
        if not is_finite(value, gradient):
            return math.inf, math.nan
        if value < self.lowest[0]:
            self.lowest = (value, self.last)
        return value, float(np.vdot(gradient, self.d))

    def armijo(self, alpha, value, c1):
        """Whether the value at alpha is low enough; rounding does not pass for a decrease."""
        return value < self.value and value <= self.value + c1 * alpha * self.slope

    def given_up(self):
        """The lowest point seen, as a Step that does not satisfy."""
        best = self.lowest[1]
        return Step(best.alpha, best.x, best.value, best.gradient, self.evaluations, False)


@catalogued("line search", source="Armijo 1966; N&W Algorithm 3.1; S4, slide 11 (erratum 4.13)")
def backtracking(f, x, d, value=None, gradient=None, alpha0=1.0, c1=1e-4, shrink=0.5, max_evaluations=60):
    """Try alpha0, alpha0 shrink, alpha0 shrink^2, ... until Armijo's condition holds.

    Parameters
    ----------
    f : function of an array like x that returns its value and its gradient
    x, d : arrays of one shape, the point and a direction of descent
    value, gradient : f at x, where it is known: float and array of x's shape
    alpha0 : float above 0, the first length to try
    c1 : float between 0 and 1, 1e-4 as in N&W
    shrink : float between 0 and 1
    max_evaluations : int

    Returns
    -------
    Step

    Raises
    ------
    DataError : d is not a direction of descent, f is not finite at x, or an argument cannot be right.
    ShapeError : x, d and the gradient differ in shape.

    Examples
    --------
    >>> backtracking(lambda x: (x @ x, 2 * x), x=[1.0], d=[-8.0]).alpha
    0.125
    """
    _check("backtracking", alpha0, max_evaluations, c1=c1, shrink=shrink)
    line, alpha = Line("backtracking", f, x, d, value, gradient), alpha0
    for _ in range(max_evaluations):
        if line.armijo(alpha, line.at(alpha)[0], c1):
            return line.last
        alpha *= shrink
    return line.given_up()


@catalogued("line search", source="N&W Algorithms 3.5 and 3.6, eq. 3.59; torch.optim.LBFGS('strong_wolfe') (c1, c2)")
def strong_wolfe(f, x, d, value=None, gradient=None, alpha0=1.0, c1=1e-4, c2=0.9, max_evaluations=60):
    """Bracket an interval that holds a point with the strong Wolfe conditions, then zoom in on it.

    Parameters
    ----------
    f : function of an array like x that returns its value and its gradient
    x, d : arrays of one shape, the point and a direction of descent
    value, gradient : f at x, where it is known: float and array of x's shape
    alpha0 : float above 0, the first length to try
    c1, c2 : float, 0 < c1 < c2 < 1; c2 = 0.1 for nearly exact searches
    max_evaluations : int

    Returns
    -------
    Step

    Raises
    ------
    DataError : d is not a direction of descent, f is not finite at x, or an argument cannot be right.
    ShapeError : x, d and the gradient differ in shape.

    Examples
    --------
    >>> strong_wolfe(lambda x: (x @ x, 2 * x), x=[1.0], d=[-0.001]).alpha
    128.0
    """
    _check("strong_wolfe", alpha0, max_evaluations, c1=c1, c2=c2)
    if c1 >= c2:
        raise DataError(f"strong_wolfe: c1 = {c1} must be below c2 = {c2}, or no point need satisfy both conditions.")
    line = Line("strong_wolfe", f, x, d, value, gradient)
    before, alpha = (0.0, line.value, line.slope), alpha0
    for trial in range(max_evaluations):
        here = (alpha, *line.at(alpha))
        if not line.armijo(alpha, here[1], c1) or (trial and here[1] >= before[1]):
            return _zoom(line, before, here, c1, c2, max_evaluations)
        if abs(here[2]) <= -c2 * line.slope:
            return line.last
        if here[2] >= 0:
            return _zoom(line, here, before, c1, c2, max_evaluations)
        before, alpha = here, 2 * alpha
    return line.given_up()


def _zoom(line, low, high, c1, c2, max_evaluations):
    """N&W Algorithm 3.6. low, high : (alpha, phi, phi'); low is the lower end, and phi falls from it towards high."""
    while line.evaluations < max_evaluations:
        alpha = _between(low, high)
        if alpha in (low[0], high[0]):
            break
        here = (alpha, *line.at(alpha))
        if not line.armijo(alpha, here[1], c1) or here[1] >= low[1]:
            high = here
        elif abs(here[2]) <= -c2 * line.slope:
            return line.last
        else:
            if here[2] * (high[0] - low[0]) >= 0:
                high = low
            low = here
    return line.given_up()


def _between(low, high):
    """The minimum of the cubic through both ends (N&W 3.59); the middle where that is undefined or near an end."""
    (a, phi_a, slope_a), (b, phi_b, slope_b) = low, high
    middle = 0.5 * (a + b)
    if not math.isfinite(phi_b) or not math.isfinite(slope_b) or a == b:
        return middle
    d1 = slope_a + slope_b - 3 * (phi_a - phi_b) / (a - b)
    square = d1 * d1 - slope_a * slope_b
    d2 = math.copysign(math.sqrt(square), b - a) if 0 <= square < math.inf else math.nan
    bottom = slope_b - slope_a + 2 * d2
    alpha = b - (b - a) * (slope_b + d2 - d1) / bottom if bottom else math.nan
    margin = 0.1 * abs(b - a)
    return alpha if min(a, b) + margin <= alpha <= max(a, b) - margin else middle


@catalogued("line search", source="N&W eq. 3.26 and exercise 3.3: alpha = -g.d / d.Hd")
def exact_for_quadratics(f, x, d, value=None, gradient=None, alpha0=1.0):
    """The alpha that minimizes f along d, where f is a quadratic: alpha = -g.d / d.Hd.

    The Hessian is not needed: on a quadratic H d = grad f(x + d) - grad f(x).

    Parameters
    ----------
    f : function of an array like x that returns its value and its gradient; a quadratic, convex along d
    x, d : arrays of one shape, the point and a direction of descent
    value, gradient : f at x, where it is known: float and array of x's shape
    alpha0 : ignored; it is there because other searches have it

    Returns
    -------
    Step

    Raises
    ------
    DataError : d is not a direction of descent, f is not convex along it, or f is not finite.
    ShapeError : x, d and the gradient differ in shape.

    Examples
    --------
    >>> exact_for_quadratics(lambda x: (x @ x, 2 * x), x=[1.0], d=[-8.0]).alpha
    0.125
    """
    line = Line("exact_for_quadratics", f, x, d, value, gradient)
    curvature = line.at(1.0)[1] - line.slope  # d.Hd
    if not curvature > 0:
        raise DataError(
            f"exact_for_quadratics: the curvature along d is {curvature:.3g}; a quadratic that is convex along d is "
            "needed. For other functions take strong_wolfe."
        )
    line.at(-line.slope / curvature)
    return line.last


def _check(who, alpha0, max_evaluations, **fractions):
    if not is_number(alpha0, 0) or alpha0 == 0:
        raise DataError(f"{who}: alpha0 is {alpha0!r}; a finite number above 0 is needed.")
    check_count(who, "max_evaluations", max_evaluations, 1)
    for name, value in fractions.items():
        if not is_number(value, 0, 1) or value in (0, 1):
            raise DataError(f"{who}: {name} is {value!r}; a number between 0 and 1 is needed.")
