"""Optimizers that see one gradient at a time: gradient descent, momentum in its conventions, Nesterov, Rprop.

    GD          w = w - lr g
    Momentum    v = mu v + g,  w = w - lr v       ("torch")
    Nesterov    v = mu v + g,  w = w - lr (g + mu v)
    Rprop       w_i = w_i - eta_i sign(g_i), with eta_i grown while the sign stays and shrunk where it turns

What surrounds these rules (weight decay, schedules, groups, saving) is in base.py.
"""

import numpy as np

from ..catalog import catalogued
from ..errors import DataError
from .base import Optimizer, check_count, check_settings

CONVENTIONS = ("torch", "ema", "polyak")


@catalogued("optimizer", source="S4, Algorithm 1; erratum 4.3 (the loop runs until, not while, the steps are small)")
class GD(Optimizer):
    """Gradient descent, w = w - lr g, with the stopping rule of Algorithm 1.

    It stops once the norm of the step over all parameters, |dtheta|, is below omega for more than `patience`
    iterations in a row. `minimize` obeys the rule; in a training loop of your own, ask `finished` after `step()`.

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters. lr as torch.optim.SGD
    omega : float of at least 0, the tolerance on |dtheta|
    patience : int, 10 as printed

    Raises
    ------
    DataError : see Optimizer.

    Examples
    --------
    >>> found = GD(lr=0.25).minimize(lambda x: (x @ x, 2 * x), [4.0, -2.0])
    >>> found.steps, found.reason
    (33, '|dtheta| < 1e-06 for more than 10 iterations')
    """

    def __init__(self, params=None, lr=1e-3, weight_decay=0.0, omega=1e-6, patience=10, **shared):
        super().__init__(params, lr, weight_decay, **shared)
        check_settings("GD", {"omega": omega})
        check_count("GD", "patience", patience)
        self.omega, self.patience, self.counters["quiet"] = omega, patience, 0

    finished = property(lambda self: self.counters["quiet"] > self.patience)

    def direction(self, g, w, state, h):
        return h.lr * g

    def step(self):
        """One step; counts how many in a row were smaller than omega. Raises as Optimizer.step."""
        before = [p.value.copy() for p in self.params]
        super().step()
        moved = np.sqrt(sum(float(((p.value - w) ** 2).sum()) for p, w in zip(self.params, before, strict=True)))
        self.counters["quiet"] = self.counters["quiet"] + 1 if moved < self.omega else 0

    def _reason(self, points, value, gradient, steps, tol):
        recent = points[-self.patience - 2 :]
        moved = [np.linalg.norm(b - a) for a, b in zip(recent, recent[1:], strict=False)]
        if len(moved) > self.patience and max(moved) < self.omega:
            return f"|dtheta| < {self.omega} for more than {self.patience} iterations"
        return super()._reason(points, value, gradient, steps, tol)


@catalogued("optimizer", source="S4, Algorithm 2; Robbins & Monro 1951; torch.optim.SGD (rule and defaults)")
class SGD(Optimizer):
    """Stochastic gradient descent with torch's options.

        v = mu v + (1 - dampening) g, at first v = g;    w = w - lr v, or w - lr (g + mu v) where nesterov

    The first v is g whatever the dampening: with dampening = mu this is not the average of `Momentum("ema")`, whose
    first m is (1 - mu) g (erratum 4.7).

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters
    momentum : float from 0 to 1, mu
    dampening : float from 0 to 1
    nesterov : bool; needs momentum and no dampening

    Raises
    ------
    DataError : see Optimizer.

    Examples
    --------
    >>> found = SGD(lr=0.1, momentum=0.5).minimize(lambda x: (x @ x / 2, x), [1.0], steps=2)
    >>> found.trajectory.ravel().round(3).tolist()
    [1.0, 0.9, 0.76]
    """

    def __init__(
        self, params=None, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, **shared
    ):  # the order of torch.optim.SGD
        rule = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}
        super().__init__(params, lr, weight_decay, **shared, **rule)

    def check(self, settings):
        super().check(settings)
        if settings["nesterov"] and (settings["momentum"] <= 0 or settings["dampening"] != 0):
            raise DataError("SGD: nesterov needs a momentum above 0 and dampening = 0.")

    def direction(self, g, w, state, h):
        if not h.momentum:
            return h.lr * g
        v = state["v"] = h.momentum * state["v"] + (1 - h.dampening) * g if "v" in state else g.copy()
        return h.lr * (g + h.momentum * v if h.nesterov else v)


@catalogued("optimizer", source="Polyak 1964; Sutskever et al. 2013, eq. 1; S4, slide 7 (erratum 4.7)")
class Momentum(Optimizer):
    """Momentum (the heavy ball) in three conventions.

        "torch"    v = mu v + g                w = w - lr v       torch.optim.SGD, optax.trace
        "ema"      m = mu m + (1 - mu) g       w = w - lr m       an average of gradients: what S4 means
        "polyak"   v = mu v - lr g             w = w + v          Polyak, Sutskever, Keras

    At a constant lr, "torch" and "polyak" take the same steps, and "ema" does with lr / (1 - mu). They part when lr
    changes: "torch" and "ema" apply the new lr to all past gradients at once, "polyak" keeps the lr each came with.

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters
    momentum : float from 0 to 1, mu; 0.9 as in S4 (torch's SGD has none by default)
    convention : "torch", "ema" or "polyak"

    Raises
    ------
    DataError : an unknown convention; see Optimizer.
    """

    def __init__(self, params=None, lr=1e-3, momentum=0.9, convention="torch", weight_decay=0.0, **shared):
        super().__init__(params, lr, weight_decay, **shared, momentum=momentum, convention=convention)

    def check(self, settings):
        super().check(settings)
        if not isinstance(settings["convention"], str) or settings["convention"] not in CONVENTIONS:
            raise DataError(f"Momentum: convention {settings['convention']!r} is none of {', '.join(CONVENTIONS)}.")

    def direction(self, g, w, state, h):
        mu, before = h.momentum, state.get("v", 0.0)
        if h.convention == "polyak":
            v = state["v"] = mu * before - h.lr * g
            return -v
        v = state["v"] = mu * before + (g if h.convention == "torch" else (1 - mu) * g)
        return h.lr * v


@catalogued("optimizer", source="Nesterov 1983; Sutskever et al. 2013, eq. 3-4; torch.optim.SGD(nesterov=True)")
class Nesterov(Optimizer):
    """Nesterov's accelerated gradient: v = mu v + g, w = w - lr (g + mu v).

    w is the point at which the gradient is taken, y in the two-sequence form
    x' = y - lr grad f(y), y = x' + mu (x' - x), so that no gradient at another point is needed.

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters
    momentum : float from 0 to 1, mu; 0.9 as for Momentum

    Raises
    ------
    DataError : see Optimizer.
    """

    def __init__(self, params=None, lr=1e-3, momentum=0.9, weight_decay=0.0, **shared):
        super().__init__(params, lr, weight_decay, **shared, momentum=momentum)

    def direction(self, g, w, state, h):
        v = state["v"] = h.momentum * state.get("v", 0.0) + g
        return h.lr * (g + h.momentum * v)


@catalogued("optimizer", source="Riedmiller & Braun 1993; Igel & Huesken 2003 (iRprop-); torch.optim.Rprop")
class Rprop(Optimizer):
    """Resilient propagation, iRprop-: only signs of gradients count, each entry has a step size eta of its own.

        eta = clip(eta etaplus)      where g has the sign of the last g
        eta = clip(eta etaminus)     where it turned; g = 0 there, so that the entry rests and does not shrink twice
        w = w - eta sign(g)

    For full batches: with the noise of small ones signs turn without reason.

    Parameters
    ----------
    params : see Optimizer; array shapes are those of the parameters
    lr : float, the first step size, not scaled by any eta
    etas : (etaminus, etaplus)
    step_sizes : (smallest, largest) step size

    Raises
    ------
    DataError : see Optimizer.

    Examples
    --------
    >>> found = Rprop(lr=1.0).minimize(lambda x: (abs(x).sum(), np.sign(x)), [2.0], steps=4)
    >>> found.trajectory.ravel().round(3).tolist()
    [2.0, 1.0, -0.2, -0.2, 0.4]
    """

    def __init__(self, params=None, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), **shared):
        super().__init__(params, lr, **shared, etas=etas, step_sizes=step_sizes)

    def direction(self, g, w, state, h):
        turned = self.adapt(g, state, h) < 0
        g = state["g"] = np.where(turned, 0, g)
        return state["eta"] * np.sign(g)

    @staticmethod
    def adapt(g, state, h):
        """Move the step sizes on; returns for each entry 1 where the sign stayed, -1 where it turned, else 0."""
        trend = np.sign(g) * np.sign(state.get("g", np.zeros_like(g)))
        factor = np.where(trend > 0, h.etas[1], np.where(trend < 0, h.etas[0], 1)).astype(g.dtype)
        state["eta"] = np.clip(factor * state.get("eta", h.lr), *h.step_sizes)
        return trend


@catalogued("optimizer", source="S4, slides 13-14 as printed; erratum 4.15: for the lecture, Rprop is the one to use")
class RpropPrinted(Rprop):
    """Rprop as S4 prints it: where the sign turned the step size shrinks, and the entry moves all the same.

    Parameters
    ----------
    params, lr, etas, step_sizes : see Rprop; array shapes are those of the parameters

    Raises
    ------
    DataError : see Optimizer.
    """

    def direction(self, g, w, state, h):
        self.adapt(g, state, h)
        state["g"] = g.copy()
        return state["eta"] * np.sign(g)
