"""Optimizer court (lecture 06): scenes/court.py in a reader's hands, with an optimizer of their own."""

import numpy as np

from ..figures.court import court_figure
from ..scenes.court import LR, PROBLEMS, Court, run, table, tried
from .base import Widget, module, styles


class OptimizerCourt(Widget):
    """Choose two optimizers: the smallest problem on which each beats the other, and who beats whom how often.

    Parameters
    ----------
    mine : your own optimizer: a function of a graph and a learning rate that gives an object with step(), such as
        `lambda graph, lr: edf.optimizers.Adam(graph, lr=lr, betas=(0.9, 0.9))`; it tries the same rates as the others,
        and is drawn over the two; where it parts from the first is marked
    hide, given : as for every widget; settings are those of edfcore.scenes.court.Court

    Raises
    ------
    DataError : there is no such setting.
    """

    scene, python = Court(), "edfcore.widgets.OptimizerCourt"
    _esm, _css = module("court"), styles()
    draw = staticmethod(court_figure)

    def __init__(self, mine=None, **given):
        self._mine = None if mine is None else own(mine)
        super().__init__(data=shipped(), mode="table", **given)

    def overlay(self, state):
        """What the reader's optimizer did on every problem, run once."""
        return None if self._mine is None else {"mine": self._mine}


def shipped():
    """The table with the problems' names, as the browser gets it."""
    told = {"names": [p.name for p in PROBLEMS], "formulas": [p.formula for p in PROBLEMS]}
    return table() | told | {"sizes": [len(p.start) for p in PROBLEMS]}


def own(make):
    """A reader's optimizer on every problem with its best rate: the entries of table() without its second axis."""
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
