"""Optimizer paths on a quadratic (lecture 05): scenes/paths.py in a reader's hands, with an optimizer of their own."""

import numpy as np

from ..errors import DataError
from ..figures.paths import paths_figure
from ..scenes.base import short
from ..scenes.mine import count, stepping
from ..scenes.paths import NAMES, Paths, hessian, losses, optimizer, walk
from .base import Widget, as_function, module, styles
from .mine import Mine

APART = 1e-6  # relative distance from the reference at which two paths have parted


class OptimizerPaths(Mine, Widget):
    """Optimizers on an ill-conditioned quadratic: drag the start, change the learning rate, step through time.

    Parameters
    ----------
    mine : your own optimizer: a function of a graph that gives an object with step(), such as
        `lambda graph: edfcore.optimizers.SGD(graph, lr=0.5)`; its path is drawn over the others
    against : "gd", "hb", "nag" or "adam", the one that yours is compared with: the first step at which they part is
        marked
    hide, given : as for every widget; settings are those of edfcore.scenes.Paths

    Raises
    ------
    DataError : there is no such setting or reference, or `mine` gives no optimizer.
    """

    scene, python = Paths(), "edfcore.widgets.OptimizerPaths"
    _esm, _css = module("paths"), styles()
    draw = staticmethod(paths_figure)

    def __init__(self, mine=None, against=None, **given):
        if against is not None and against not in NAMES:
            raise DataError(f"OptimizerPaths: against is {against!r}; it is one of {', '.join(NAMES)}.")
        self._mine, self._against = as_function("OptimizerPaths", mine, "a function of a graph"), against
        super().__init__(**given)

    def overlay(self, state):
        """The reader's path and losses, and the first step at which it leaves the reference."""
        if self._mine is None:
            return None
        A, start = hessian(state["kappa"], state["angle"]), (state["x0"], state["y0"])
        path = walk(A, start, stepping(self._mine, "OptimizerPaths"))
        loss = losses(A, path)
        mine = {"path": path, "loss": loss, "diverges": -1, "told": _said(loss, state["t"])}
        if self._against:
            right = walk(A, start, optimizer(self._against, state["lr"], state["mu"]))
            apart = np.abs(path - right).max(1) > APART * np.maximum(np.abs(right).max(1), 1e-12)
            mine["diverges"] = step = int(apart.argmax()) if apart.any() else -1
            where = f"at step {step}" if apart.any() else "nowhere"
            mine["told"] += f" It parts from {NAMES[self._against]} {where}."
        return {"mine": mine}


def _said(loss, t):
    """The sentence about a reader's losses at the step t."""
    ends = int(np.isinf(loss).argmax())
    if ends:
        return f"Yours diverges at step {ends}."
    return f"Yours has the loss {short(float(loss[t]))} after {count(t, 'step')}."
