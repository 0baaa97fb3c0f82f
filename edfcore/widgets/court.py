"""Optimizer court (lecture 06): scenes/court.py in a reader's hands, with an optimizer of their own."""

import numpy as np

from ..figures.court import court_figure
from ..scenes.court import BEATS, LR, OPTIMIZERS, PROBLEMS, RULES, Court, run, table, tried
from ..scenes.mine import stepping
from .base import Widget, as_function, module, styles
from .mine import Mine


class OptimizerCourt(Mine, Widget):
    """Choose two optimizers: the smallest problem on which each beats the other, and who beats whom how often.

    Parameters
    ----------
    mine : your own optimizer: a function of a graph and a learning rate that gives an object with step(), such as
        `lambda graph, lr: edf.optimizers.Adam(graph, lr=lr, betas=(0.9, 0.9))`; it tries the same rates as the others,
        and is drawn over the two; where it parts from the first is marked
    hide, given : as for every widget; settings are those of edfcore.scenes.court.Court

    Raises
    ------
    DataError : there is no such setting, or `mine` gives no optimizer.
    """

    scene, python = Court(), "edfcore.widgets.OptimizerCourt"
    _esm, _css = module("court"), styles()
    draw = staticmethod(court_figure)

    def __init__(self, mine=None, **given):
        mine = as_function("OptimizerCourt", mine, "a function of a graph and a learning rate")
        self._mine = None if mine is None else own(mine)
        super().__init__(data=shipped(), mode="table", **given)

    def overlay(self, state):
        """What the reader's optimizer did on every problem, run once."""
        if self._mine is None:
            return None
        scores, kinds = table()["scores"], list(OPTIMIZERS)
        beats = [
            f"{OPTIMIZERS[kind][0]} on {(self._mine['scores'] <= BEATS * scores[:, kinds.index(kind)]).sum()}"
            for kind in dict.fromkeys((state["first"], state["second"]))
        ]
        return {"mine": self._mine | {"told": f"Yours beats {' and '.join(beats)} of {len(PROBLEMS)} problems."}}


def shipped():
    """The table with the problems' names, as the browser gets it."""
    told = {"names": [p.name for p in PROBLEMS], "formulas": [p.formula for p in PROBLEMS], "rules": RULES}
    return table() | told | {"sizes": [len(p.start) for p in PROBLEMS]}


def own(make):
    """A reader's optimizer on every problem with its best rate: the entries of table() without its second axis."""
    make = _looked(make)
    scores = np.array([tried(make, problem) for problem in PROBLEMS])
    rates = LR[scores.argmin(1)]
    with np.errstate(all="ignore"):
        runs = [run(lambda g, lr=lr: make(g, lr), p) for p, lr in zip(PROBLEMS, rates.tolist(), strict=True)]
    single = len(table()["line"])
    return {
        "scores": scores.min(1), "rates": rates, "losses": np.array([loss for _, loss in runs]),
        "line": np.array([path[:, 0] for path, _ in runs[:single]]),
        "plane": np.array([path for path, _ in runs[single:]]),
    }  # fmt: skip


def _looked(make):
    """The reader's function of a graph and a rate, what it gives looked at."""
    return lambda graph, lr: stepping(make, "OptimizerCourt", lr)(graph)
