"""Schedules to put together (lecture 10): scenes/schedule.py in a reader's hands, with a schedule of their own."""

import numpy as np

from ..figures.schedule import schedule_figure
from ..scenes.base import short
from ..scenes.mine import called, real_array, wrong
from ..scenes.schedule import NOISE, Schedules, composed, expected, expression, run, unread
from .base import Widget, as_function, module, styles
from .mine import Mine

APART = 1e-6  # relative distance at which two rates have parted


class ScheduleComposer(Mine, Widget):
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
        self._mine = as_function("ScheduleComposer", mine, "a schedule, or a function of the step,")
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
        step = int(apart.argmax()) if apart.any() else -1
        parts = f"Your rates part from these at step {step}" if apart.any() else "Your rates part from these nowhere"
        told = f"{parts}; your expected loss at the end is {short(float(losses['expected'][-1]))}."
        return {"mine": {"lr": lr, **losses, "diverges": step, "told": told}}


def _rate(mine, t):
    name, needed = "ScheduleComposer", "a finite number of at least 0"
    given = called(mine, name, needed, t)
    rate = real_array(given, name, needed, f"mine({t})")
    if rate.shape or not 0 <= rate < np.inf:
        raise wrong(name, given, needed, f"mine({t})")
    return float(rate)
