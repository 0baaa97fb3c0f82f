"""Optimizers that use curvature: Newton, the Broyden family (BFGS, DFP), L-BFGS.

    Newton           H d = -g, solved and never inverted; H + tau I where H is not positive definite
    quasi-Newton     d = -B g, with B near the inverse Hessian (S4's letter; N&W write H), made from
                     p = x' - x and q = g' - g so that B q = p, the secant equation

    Broyden family   B' = B + p p^T / (p.q) - B q q^T B / tau + xi tau v v^T,   v = p / (p.q) - B q / tau,   tau = q.B q

In this inverse form xi = 1 is BFGS and xi = 0 is DFP (erratum 4.26: in the Hessian form the labels swap). B stays
positive definite where p.q > 0, which the strong Wolfe conditions guarantee (erratum 4.25).

All of them take a plain function f(x) -> (value, gradient), or a FlatLoss: a graph's loss as such a function.
N&W is Nocedal & Wright, Numerical Optimization, 2nd edition 2006.
"""

import math

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, ShapeError
from ..graph import Node, Param
from .base import (
    Result,
    Resumable,
    as_params,
    check_count,
    check_settings,
    evaluate,
    is_finite,
    starting_point,
)
from .line_search import Step, strong_wolfe

SAFEGUARDS = ("skip", "powell")


class FlatLoss:
    """A graph's averaged loss as a function of one vector, theta, that holds all parameters end to end.

    Calling it writes theta into the parameters and runs Forward and Backward on the batch that is set.

    Parameters
    ----------
    loss : node, the loss of a graph whose inputs are set
    params : Graph or list of Param, default every parameter that the loss depends on

    Attributes
    ----------
    x : array (n,), the parameters as they are

    Raises
    ------
    DataError : loss is not a node, or there is no parameter.
    ShapeError : theta has another length.

    Examples
    --------
    >>> import edfcore as edf
    >>> with edf.Graph() as graph:
    ...     x, w = edf.Input("x"), edf.Param([3.0], "w")
    ...     loss = edf.Mul(x - w, x - w)
    >>> x.set([1.0, 2.0])
    >>> value, gradient = FlatLoss(loss)(np.array([0.0]))
    >>> value, gradient.tolist()
    (2.5, [-3.0])
    """

    def __init__(self, loss, params=None):
        if not isinstance(loss, Node):
            raise DataError(f"FlatLoss: {loss!r} is not a node; pass the loss of the graph.")
        self.loss, self.graph = loss, loss.graph
        found = [n for n in self.graph.order(loss) if isinstance(n, Param)] if params is None else params
        self.params = as_params("FlatLoss", found)

    x = property(lambda self: np.concatenate([self._host(p.value) for p in self.params]))

    def _host(self, array):
        return self.graph.backend.to_host(array).ravel()

    def write(self, theta):
        """Set every parameter to its part of theta, array (n,)."""
        size = sum(p.value.size for p in self.params)
        if np.shape(theta) != (size,):
            raise ShapeError(f"FlatLoss: theta has shape {np.shape(theta)} but the parameters have {size} entries.")
        ends = np.cumsum([p.value.size for p in self.params])[:-1]
        for p, part in zip(self.params, np.split(np.asarray(theta), ends), strict=True):
            p.value = p.xp.array(part.reshape(p.value.shape), dtype=p.value.dtype)
        self.graph.touch("a parameter vector was written")

    def __call__(self, theta):
        """The mean loss at theta and its gradient, array (n,); infinity where Forward overflows."""
        self.write(theta)
        with np.errstate(all="ignore"):
            self.graph.Forward(self.loss)
            value = float(self.loss.value.mean())
        if not math.isfinite(value):
            return value, np.full(len(theta), np.nan)
        self.graph.Backward(self.loss)
        return value, np.concatenate([self._gradient(p) for p in self.params])

    def _gradient(self, p):
        return np.zeros(p.value.size, p.value.dtype) if p.grad is None else self._host(p.grad)


class Descent(Resumable):
    """The loop that all second-order optimizers share; a subclass plans the direction, and remembers.

    Arrays that it remembers are in `memory`, which `save`, `load` and `minimize(..., resume=True)` keep: a resumed
    run takes the same steps, bit for bit.
    """

    default_tol = 1e-5  # on the largest entry of the gradient, SciPy's gtol

    def __init__(self, line_search, lr=1.0, **settings):
        check_settings(self.kind, {"lr": lr} | settings)
        if line_search is not None and not callable(line_search):
            raise DataError(f"{self.kind}: line_search is {line_search!r}; a function of line_search.py is needed.")
        if callable(lr):
            raise DataError(f"{self.kind}: lr is a function; a number is needed, the line search does the rest.")
        self.line_search, self.lr, self.memory = line_search, lr, {}

    def direction(self, g):
        """The vector to move along, from the gradient and what is remembered."""
        return -g

    def remember(self, p, q):
        """Take in the step p and the change q of the gradient, vectors."""

    def plan(self, f, x, g, tol):
        """The direction from x, and the reason to stop there instead, or ""."""
        if np.abs(g).max() <= tol:
            return None, f"the largest entry of the gradient is at most {tol}"
        d = self.direction(g.ravel())
        if np.vdot(g, d) >= 0:  # not a direction of descent: forget, and go downhill
            self.memory, d = {}, -g
        return d.reshape(x.shape), ""

    def first_length(self, g):
        """The length to try first: lr, and less while the scale of the problem is unknown (torch.optim.LBFGS)."""
        return self.lr if self.memory else self.lr * min(1.0, 1.0 / float(np.abs(g).sum()))

    def minimize(self, f, x0=None, steps=1000, tol=None, resume=False):
        """Minimize f.

        Parameters
        ----------
        f : function of an array like x0 that returns its value and its gradient, or a FlatLoss
        x0 : array of any shape; None for a FlatLoss: the parameters as they are. A FlatLoss ends at the result
        steps : int, the most steps to take
        tol : float; stop once the largest entry of the gradient (Newton: half the squared decrement) is at most tol
        resume : bool; go on with what was remembered, from x0, where the last run ended

        Returns
        -------
        Result

        Raises
        ------
        DataError, ShapeError : x0 or what f returns cannot be right, or f is not finite at x0.
        """
        check_count(self.kind, "steps", steps)
        tol = self.default_tol if tol is None else tol
        check_settings(self.kind, {"tol": tol})
        x = starting_point(self.kind, x0, f)
        value, g = evaluate(self.kind, f, x)
        if not is_finite(value, g):
            raise DataError(f"{self.kind}: f is not finite at x0; start where it is.")
        self._recall(x, resume)
        points, values, evaluations = [x], [value], 1
        while True:
            d, reason = self.plan(f, x, g, tol)
            reason = reason or (f"{steps} steps were taken" if len(points) > steps else "")
            if not reason:
                found, reason = self._advance(f, x, d, value, g)
                evaluations += found.evaluations
            if reason:
                break
            self.remember((found.x - x).ravel(), (found.gradient - g).ravel())
            x, value, g = found.x, found.value, found.gradient
            points.append(x)
            values.append(value)
        if hasattr(f, "write"):
            f.write(x)
        return Result(x, value, g, np.array(points), np.array(values), len(points) - 1, reason, evaluations)

    def _advance(self, f, x, d, value, g):
        """One Step and, where it cannot be taken, the reason."""
        alpha = self.first_length(g)
        if self.line_search is None:
            found = Step(alpha, x + alpha * d, *evaluate(self.kind, f, x + alpha * d), 1, True)
            return found, "" if is_finite(found.value, found.gradient) else "diverged: f is not finite after the step"
        found = self.line_search(f, x, d, value, g, alpha)
        lower = found.satisfied or found.value < value
        return found, "" if lower else "the line search found no lower value: rounding, or a wrong gradient"

    def _recall(self, x, resume):
        self.memory = self.memory if resume else {}
        for name, array in self.memory.items():
            if np.shape(array)[-1] != x.size:
                raise DataError(
                    f"{self.kind}: what is remembered, {name}, has shape {np.shape(array)} but x0 has {x.size} "
                    "entries; pass resume=False to start anew."
                )

    def state_dict(self):
        """What was remembered, told as the first-order optimizers tell it."""
        state = [{name: np.array(a) for name, a in self.memory.items()}]
        return {"kind": self.kind, "groups": [], "counters": {}, "parameters": 1, "state": state}

    def load_state_dict(self, told):
        """Take over what `state_dict` gave. Raises DataError where it is of another kind."""
        self._check_saved(told, 1)
        self.memory = {name: np.array(a) for name, a in told["state"][0].items()}


@catalogued("optimizer", source="N&W eq. 2.14, Algorithm 3.3; Boyd & Vandenberghe, section 9.5; errata 4.11, 4.12")
class Newton(Descent):
    """Newton's method: H d = -g, x' = x + alpha d, with alpha = 1 or from a line search.

    Where H is not positive definite, tau I is added, tau doubled from 1e-3 until it is (N&W Algorithm 3.3). It stops
    where lambda^2 / 2 <= tol, with lambda^2 = g.H^-1 g the Newton decrement: f - min f as the quadratic model has it.

    Parameters
    ----------
    hessian : function of x that returns an array (n, n), n = x.size; None takes central differences of the gradient
    line_search : function such as `backtracking`; None for full steps, which converge only from near a minimum
    lr : float of at least 0, the length of full steps, or the first that a line search tries

    Raises
    ------
    DataError : the Hessian is not (n, n) finite numbers, or an argument cannot be right.

    Examples
    --------
    >>> A = np.array([[3.0, 1.0], [1.0, 2.0]])
    >>> found = Newton(lambda x: A).minimize(lambda x: (x @ A @ x / 2, A @ x), [5.0, -7.0])
    >>> found.steps, np.abs(found.x).max() < 1e-14
    (1, np.True_)
    """

    default_tol = 1e-12

    def __init__(self, hessian=None, line_search=None, lr=1.0):
        super().__init__(line_search, lr)
        if hessian is not None and not callable(hessian):
            raise DataError(f"Newton: hessian is {hessian!r}; a function of x that returns an array (n, n) is needed.")
        self.hessian = hessian

    def plan(self, f, x, g, tol):
        H = hessian_by_differences(f, x) if self.hessian is None else _checked(self.hessian(x.copy()), x)
        tau = damping(H)
        d = -np.linalg.solve(H + tau * np.eye(len(H)), g.ravel()).astype(x.dtype)
        if -0.5 * float(np.vdot(g, d)) > tol:
            return d.reshape(x.shape), ""
        if tau:
            return None, "the gradient vanishes where the Hessian is not positive definite: no strict minimum"
        return None, f"half the squared Newton decrement is at most {tol}"

    def first_length(self, g):
        return self.lr


def damping(H, least=1e-3):
    """tau >= 0 such that H + tau I is positive definite; 0 where H is (N&W Algorithm 3.3)."""
    smallest = float(H.diagonal().min())
    tau = 0.0 if smallest > 0 else least - smallest
    while True:
        try:
            np.linalg.cholesky(H + tau * np.eye(len(H)))
            return tau
        except np.linalg.LinAlgError:
            tau = max(2 * tau, least)


def hessian_by_differences(f, x):
    """The Hessian, array (n, n), by central differences of the gradient, made symmetric; error of about 1e-10 H."""
    columns = []
    for k, entry in enumerate(x.ravel()):
        step = np.zeros_like(x)
        step.flat[k] = np.cbrt(np.finfo(x.dtype).eps) * max(1.0, abs(float(entry)))
        plus, minus = (evaluate("hessian_by_differences", f, x + s)[1] for s in (step, -step))
        columns.append(((plus - minus) / (2 * step.flat[k])).ravel())
    H = np.array(columns, dtype=np.float64)
    return _checked(0.5 * (H + H.T), x)


def _checked(H, x):
    try:
        H = np.array(H, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"Newton: the Hessian is not an array of numbers: {error}") from error
    if H.shape != (x.size, x.size):
        raise ShapeError(f"Newton: x has {x.size} entries but the Hessian has shape {H.shape}.")
    if not np.isfinite(H).all():
        raise DataError("Newton: the Hessian holds NaN or infinity.")
    if np.abs(H - H.T).max() > 1e-6 * np.abs(H).max():
        raise DataError("Newton: the Hessian is not symmetric; check how it is made.")
    return H


# Quasi-Newton


def broyden_update(B, p, q, xi=1.0):
    """The Broyden family's B' for the step p and the change q of the gradient; B' q = p for every xi.

    Parameters
    ----------
    B : array (n, n), symmetric, near the inverse Hessian
    p, q : arrays (n,), with p.q != 0 and q.B q != 0
    xi : float; 1 is BFGS, 0 is DFP

    Returns
    -------
    array (n, n), symmetric

    Raises
    ------
    DataError : p.q or q.B q is 0, or the shapes do not fit.

    Examples
    --------
    >>> broyden_update(np.eye(2), p=np.array([1.0, 0.0]), q=np.array([2.0, 0.0])).tolist()
    [[0.5, 0.0], [0.0, 1.0]]
    """
    if np.ndim(p) != 1 or np.shape(p) != np.shape(q) or np.shape(B) != (len(p), len(p)):
        raise DataError(f"broyden_update: shapes {np.shape(B)}, {np.shape(p)}, {np.shape(q)}; (n, n), (n,), (n,) fit.")
    pq, Bq = p @ q, B @ q
    tau = q @ Bq
    if pq == 0 or tau == 0:
        raise DataError(f"broyden_update: p.q = {pq} and q.B q = {tau} must not be 0; skip this update.")
    v = p / pq - Bq / tau
    return B + np.outer(p, p) / pq - np.outer(Bq, Bq) / tau + xi * tau * np.outer(v, v)


def has_curvature(p, q):
    """Whether p.q > 0, beyond rounding: what keeps B positive definite."""
    return p @ q > np.finfo(p.dtype).eps * np.linalg.norm(p) * np.linalg.norm(q)


def powell_damped(B, p, q):
    """q drawn towards H p, H = B^-1, until p.q is at least 0.2 p.H p (N&W Procedure 18.2)."""
    Hp = np.linalg.solve(B, p)
    pHp, pq = p @ Hp, p @ q
    theta = 1.0 if pq >= 0.2 * pHp else 0.8 * pHp / (pHp - pq)
    return theta * q + (1 - theta) * Hp


@catalogued("optimizer", source="S4, slide 21; Broyden 1967; Dixon 1972; N&W section 6.3 (erratum 4.26)")
class Broyden(Descent):
    """The Broyden family in the inverse form: d = -B g, B updated by `broyden_update` with parameter xi.

    With exact line searches every xi gives the same iterates (Dixon), on a quadratic those of conjugate gradients,
    and after n of them B is the inverse Hessian.

    Parameters
    ----------
    xi : float; 1 is BFGS, 0 is DFP. Outside [0, 1] B can lose positive definiteness; the run then starts B anew
    line_search : function of line_search.py; None for steps of length lr
    safeguard : "skip" leaves B where p.q <= 0; "powell" damps q until p.q is large enough
    scale_initial : bool; scale the first B by p.q / q.q before its first update (N&W 6.20; SciPy does not)
    lr : float of at least 0, the length of a step, or what a line search tries first

    Raises
    ------
    DataError : an argument cannot be right.
    """

    def __init__(self, xi=1.0, line_search=strong_wolfe, safeguard="skip", scale_initial=False, lr=1.0):
        super().__init__(line_search, lr, xi=xi, scale_initial=scale_initial)
        if not isinstance(safeguard, str) or safeguard not in SAFEGUARDS:
            raise DataError(f"{self.kind}: safeguard {safeguard!r} is none of {', '.join(SAFEGUARDS)}.")
        self.xi, self.safeguard, self.scale_initial = xi, safeguard, scale_initial

    def direction(self, g):
        return -(self.memory["B"] @ g) if self.memory else -g

    def remember(self, p, q):
        B = self.memory.get("B", np.eye(p.size, dtype=p.dtype))
        if self.safeguard == "powell" and p.any():
            q = powell_damped(B, p, q)
        if has_curvature(p, q):
            if self.scale_initial and not self.memory:
                B = (p @ q) / (q @ q) * B
            self.memory["B"] = broyden_update(B, p, q, self.xi)


@catalogued(
    "optimizer", source="Broyden, Fletcher, Goldfarb & Shanno 1970; S4, slide 21; scipy.optimize BFGS (tol, B = I)"
)
class BFGS(Broyden):
    """BFGS, the Broyden family with xi = 1: B' = (I - p q^T / p.q) B (I - q p^T / p.q) + p p^T / p.q.

    Parameters
    ----------
    line_search, safeguard, scale_initial, lr : see Broyden; x may have any shape, B is (n, n), n = x.size

    Raises
    ------
    DataError : an argument cannot be right.

    Examples
    --------
    >>> found = BFGS().minimize(lambda x: (np.cosh(x).sum(), np.sinh(x)), [2.0, -1.0])
    >>> np.abs(found.x).max() < 1e-5, found.reason
    (np.True_, 'the largest entry of the gradient is at most 1e-05')
    """

    def __init__(self, line_search=strong_wolfe, safeguard="skip", scale_initial=False, lr=1.0):
        super().__init__(1.0, line_search, safeguard, scale_initial, lr)


@catalogued("optimizer", source="Davidon 1959; Fletcher & Powell 1963; N&W eq. 6.15; the Broyden family at xi = 0")
class DFP(Broyden):
    """DFP, the Broyden family with xi = 0: B' = B + p p^T / p.q - B q q^T B / q.B q.

    It recovers slowly from a bad B, and wants nearly exact searches: functools.partial(strong_wolfe, c2=0.1).

    Parameters
    ----------
    line_search, safeguard, scale_initial, lr : see Broyden; x may have any shape, B is (n, n), n = x.size

    Raises
    ------
    DataError : an argument cannot be right.
    """

    def __init__(self, line_search=strong_wolfe, safeguard="skip", scale_initial=False, lr=1.0):
        super().__init__(0.0, line_search, safeguard, scale_initial, lr)


def two_loop(g, ps, qs, gamma=None):
    """B g, where B is BFGS's matrix from gamma I and the pairs (p, q), oldest first (N&W Algorithm 7.4).

    Parameters
    ----------
    g : array (n,)
    ps, qs : sequences of arrays (n,), steps and changes of the gradient
    gamma : float; None for p.q / q.q of the newest pair (N&W 7.20), 1 without pairs

    Returns
    -------
    array (n,)
    """
    pairs, r, alphas = list(zip(ps, qs, strict=True)), g.copy(), []
    for p, q in reversed(pairs):
        alphas.append((p @ r) / (p @ q))
        r -= alphas[-1] * q
    if gamma is None:
        gamma = (ps[-1] @ qs[-1]) / (qs[-1] @ qs[-1]) if pairs else 1.0
    r *= gamma
    for p, q in pairs:
        r += (alphas.pop() - (q @ r) / (p @ q)) * p
    return r


@catalogued("optimizer", source="Nocedal 1980; N&W Algorithm 7.4, eq. 7.20; torch.optim.LBFGS (defaults; erratum 4.27)")
class LBFGS(Descent):
    """L-BFGS: d = -B g with B never formed, from the last `history_size` pairs (p, q) by the two-loop recursion.

    Parameters
    ----------
    history_size : int of at least 1, 100 as torch (SciPy: 10)
    line_search : function of line_search.py; strong Wolfe by default, which keeps p.q > 0. None for steps of length
        lr, torch's default, with which nothing promises descent
    scale : bool; start from gamma = p.q / q.q of the newest pair; otherwise gamma = 1, and with a history of all steps
        the iterates are those of BFGS
    lr : float of at least 0, the length of a step, or what a line search tries first

    Raises
    ------
    DataError : an argument cannot be right.

    Examples
    --------
    >>> found = LBFGS(history_size=5).minimize(lambda x: (np.cosh(x).sum(), np.sinh(x)), [2.0, -1.0])
    >>> np.abs(found.x).max() < 1e-6
    np.True_
    """

    default_tol = 1e-7  # torch's tolerance_grad

    def __init__(self, history_size=100, line_search=strong_wolfe, scale=True, lr=1.0):
        super().__init__(line_search, lr, scale=scale)
        check_count("LBFGS", "history_size", history_size, 1)
        self.history_size, self.scale = history_size, scale

    def direction(self, g):
        return -two_loop(g, self.memory.get("p", ()), self.memory.get("q", ()), None if self.scale else 1.0)

    def remember(self, p, q):
        if has_curvature(p, q):
            for name, vector in (("p", p), ("q", q)):
                self.memory[name] = [*self.memory.get(name, ()), vector][-self.history_size :]
