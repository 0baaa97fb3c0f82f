"""Schedules to put together (lecture 10): scenes/schedule.py in a reader's hands, with a schedule of their own."""

import numpy as np

from ..errors import DataError
from ..figures.schedule import schedule_figure
from ..scenes.schedule import NOISE, Schedules, composed, expected, expression, run, unread
from .base import Widget, module, styles

APART = 1e-6  # relative distance at which two rates have parted


class ScheduleComposer(Widget):
    """Warmup, decay and restarts put together: drag their ends, see the rate, its sum, and a run at these rates.

    Parameters
    ----------
    mine : your own schedule: one of edfcore.schedules, or a function of the step t = 0, 1, ... that gives its rate; it
        is drawn over the other, and the first step at which they part is marked
    hide, given : as for every widget; settings are those of edfcore.scenes.schedule.Schedules

    Raises
    ------
    DataError : there is no such setting, or a rate of yours is no finite number of at least 0.
    """

    scene, python = Schedules(), "edfcore.widgets.ScheduleComposer"
    _esm, _css = module("schedule"), styles()
    draw = staticmethod(schedule_figure)

    def __init__(self, mine=None, **given):
        self._mine = mine
        super().__init__(data={"noise": NOISE, "unread": unread()}, **given)

    @property
    def expression(self):
        """The composed schedule as edfcore.schedules writes it."""
        return expression(composed(dict(self.state)))

    def overlay(self, state):
        """The reader's rates, the losses at these, and the first step at which the rates part."""
        if self._mine is None:
            return None
        T, right = state["T"], composed(state)
        lr = np.array([_rate(self._mine, t) for t in range(T)])
        apart = np.abs(lr - right(np.arange(T))) > APART * np.maximum(lr, 1e-12)
        with np.errstate(over="ignore", invalid="ignore"):
            losses = {"expected": expected(lr), "seen": run(lr, NOISE[state["seed"], :T])}
        return {"mine": {"lr": lr, **losses, "diverges": int(apart.argmax()) if apart.any() else -1}}


def _rate(mine, t):
    try:
        rate = float(mine(t))
    except TypeError as error:
        raise DataError(f"ScheduleComposer: mine({t}) did not give a number: {error}") from error
    if not 0 <= rate < np.inf:
        raise DataError(f"ScheduleComposer: mine({t}) is {rate}; a finite rate of at least 0 is needed.")
    return rate
