"""Paths of optimizers down an ill-conditioned quadratic, and the rates that theory predicts for them.

    f(w) = (lambda_1 (u_1 . w)^2 + lambda_2 (u_2 . w)^2) / 2      lambda_1 = L = 1, lambda_2 = 1 / kappa

Along each eigenvector the error obeys a recurrence of one or two steps; its largest root is the rate, the factor of the
distance in a step (Polyak 1964; Goh 2017, "Why Momentum Really Works"; S4, slides 7 to 9):

    gradient descent    e' = (1 - lr lambda) e                          needs lr < 2 / L
    heavy ball          z^2 - (1 + mu - lr lambda) z + mu = 0           needs lr < 2 (1 + mu) / L
    Nesterov            z^2 - (1 + mu) (1 - lr lambda) z + mu (1 - lr lambda) = 0

The paths are made by the optimizers of edfcore.optimizers, step by step.
"""

import numpy as np

from ..graph import Graph, Param
from ..optimizers import SGD, Adam
from .base import Scene, Setting, short
from .mine import count

STEPS = 60
NAMES = {"gd": "gradient descent", "hb": "heavy ball", "nag": "Nesterov", "adam": "Adam"}
MEASURED = 20  # the last steps, over which a rate is measured
FAR = 1e100  # a coordinate at which a path has diverged; what follows is infinity


def hessian(kappa, angle):
    """A (2, 2) with eigenvalues 1 and 1 / kappa; the second's eigenvector lies at `angle` degrees."""
    t = np.deg2rad(angle)
    flat, steep = np.array([np.cos(t), np.sin(t)]), np.array([-np.sin(t), np.cos(t)])
    return np.outer(steep, steep) + np.outer(flat, flat) / kappa


def largest_root(b, c):
    """The largest absolute value of the roots of z^2 - b z + c."""
    inside = b * b - 4 * c
    return (abs(b) + np.sqrt(inside)) / 2 if inside >= 0 else np.sqrt(c)


def predicted(kind, lr, mu, kappa):
    """The rate of an optimizer on eigenvalues 1 and 1 / kappa; NaN for Adam, which has none."""
    kept = [1 - lr * v for v in (1.0, 1.0 / kappa)]
    if kind == "gd":
        return max(map(abs, kept))
    if kind == "hb":
        return max(largest_root(k + mu, mu) for k in kept)
    if kind == "nag":
        return max(largest_root((1 + mu) * k, mu * k) for k in kept)
    return float("nan")


def walk(A, start, make, steps=STEPS):
    """The path (steps + 1, 2) of an optimizer down w^T A w / 2; infinity from where it has diverged.

    Parameters
    ----------
    make : function of a graph that gives its optimizer: an object with step(), which reads `.grad` of its parameters
    """
    graph = Graph()
    with graph:
        w = Param(np.array(start, dtype=float), "w")
    optimizer, path = make(graph), np.full((steps + 1, 2), np.inf)
    path[0] = w.value
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            w.grad = A @ w.value
            optimizer.step()
            if not (np.abs(w.value) < FAR).all():
                break
            path[t] = w.value
    return path


def optimizer(kind, lr, mu):
    """A function of a graph that makes the optimizer of edfcore of that kind."""
    if kind == "adam":
        return lambda graph: Adam(graph, lr=lr)
    momentum = 0.0 if kind == "gd" else mu
    return lambda graph: SGD(graph, lr=lr, momentum=momentum, nesterov=kind == "nag" and mu > 0)


class Paths(Scene):
    """Where optimizers go, how the loss falls, and the rate that was predicted."""

    name, title, frames = "paths", "Optimizer paths on an ill-conditioned quadratic", "t"
    settings = (
        Setting("kappa", "condition number", 5.0, low=1, high=100, step=1.1, log=True),
        Setting("angle", "angle of the canyon", 30.0, low=0, high=90, step=5, unit="degrees"),
        Setting("lr", "learning rate", 1.6, low=0.02, high=2.2, step=0.02, unit="over L"),
        Setting("mu", "momentum", 0.6, low=0, high=0.98, step=0.02),
        Setting("x0", "start, across", -2.6, low=-3, high=3, step=0.1),
        Setting("y0", "start, up", 0.6, low=-2, high=2, step=0.1),
        Setting("gd", "gradient descent", True, "flag"),
        Setting("hb", "heavy ball", True, "flag"),
        Setting("nag", "Nesterov", False, "flag"),
        Setting("adam", "Adam", False, "flag"),
        Setting("t", "step", 30, low=0, high=STEPS, step=1, whole=True),
    )

    def compute(self, state):
        """For each optimizer that is on: path_* (61, 2), loss_* (61,), rate_* predicted, seen_* measured."""
        A, start = hessian(state["kappa"], state["angle"]), (state["x0"], state["y0"])
        found = {}
        for kind in NAMES:
            if state[kind]:
                path = walk(A, start, optimizer(kind, state["lr"], state["mu"]))
                found |= {f"path_{kind}": path, f"loss_{kind}": losses(A, path), f"seen_{kind}": measured(path)}
                found[f"rate_{kind}"] = float(predicted(kind, state["lr"], state["mu"], state["kappa"]))
        return found

    def caption(self, state, found):
        on, t = [k for k in NAMES if state[k]], state["t"]
        if not on:
            return "No optimizer is switched on."
        lowest = min(on, key=lambda k: found[f"loss_{k}"][t])
        if found[f"loss_{lowest}"][0] == 0:
            return "The start is the minimum: the gradient is 0 there, and nothing moves."
        told = "; ".join(self._rate(k, found) for k in on)
        first = f"After {count(t, 'step')} at condition number {short(state['kappa'])}, {NAMES[lowest]} has the lowest"
        return (
            f"{first} loss, {short(found[f'loss_{lowest}'][t])}. A step multiplies the distance by (measured over the "
            f"last {MEASURED} of {STEPS} steps): {told}."
        )

    def _rate(self, kind, found):
        rate, seen = found[f"rate_{kind}"], factor(found[f"seen_{kind}"])
        if kind == "adam":
            return f"Adam {seen} measured, no rate predicted"
        diverges = ", it diverges" if found[f"seen_{kind}"] > 1 else ", would diverge from nearly every start"
        diverges = diverges if rate > 1 else ""
        return f"{NAMES[kind]} {factor(rate)} predicted, {seen} measured{diverges}"

    def rows(self, state, found):
        on, t = [k for k in NAMES if state[k]], state["t"]
        head = ["optimizer", "loss at the start", f"loss after {count(t, 'step')}", "rate predicted"]
        head.append(f"rate measured, last {MEASURED} of {STEPS} steps")
        return [head] + [
            [NAMES[k], short(found[f"loss_{k}"][0]), short(found[f"loss_{k}"][t]), factor(found[f"rate_{k}"]),
             factor(found[f"seen_{k}"])]
            for k in on
        ]  # fmt: skip


def losses(A, path):
    """w^T A w / 2 of each point of a path: (T,)."""
    found, here = np.full(len(path), np.inf), np.isfinite(path).all(1)
    found[here] = np.einsum("ti,ij,tj->t", path[here], A, path[here]) / 2
    return found


def measured(path):
    """The mean factor of the distance in each of the last steps; 0 where it has ended in the minimum itself, NaN where
    it has started there or diverged."""
    if not path[0].any() or not np.isfinite(path).all():
        return float("nan")
    far, near = np.linalg.norm(path[-1 - MEASURED]), np.linalg.norm(path[-1])
    return float((near / far) ** (1 / MEASURED)) if far > 0 and near > 0 else 0.0


def factor(rate):
    """A rate in words: near 1, where three digits would hide what it does, with four; "none" where there is none.

    >>> factor(0.58), factor(0.9998), factor(0.99999), factor(float("nan"))
    ('0.58', '0.9998', 'just below 1', 'none')
    """
    if np.isnan(rate):
        return "none"
    away = abs(rate - 1)
    if away > 1e-9 and short(rate, 4) == "1":
        return f"just {'below' if rate < 1 else 'above'} 1"
    return short(rate, 4 if away < 0.005 else 3)
