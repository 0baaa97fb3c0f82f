"""The figure of scenes/schedule.py: the rate against the step, and below it the losses and the noise floor."""

import numpy as np

from ..scenes.mine import told
from ..scenes.schedule import Schedules, moment
from .base import DASHES, INK, MARKERS, PALETTE, figure
from .curves import _finish


def schedule_figure(state, found):
    """The rate with its sum as an area, above the losses of a run at these rates.

    Parameters
    ----------
    state, found : of scenes.Schedules

    Returns
    -------
    Figure
    """
    said = f"{Schedules().caption(state, found)}{told(found)}"
    made = figure(f"A learning rate against the step, above the loss. {said}", height=4.6)
    above, below = made.subplots(2, 1, sharex=True, height_ratios=[1, 1.25])
    T, n, t = state["T"], moment(state), np.arange(state["T"] + 1)
    above.step(t[:-1], found["lr"], where="post", color=PALETTE[0], label="lr(t)")
    above.fill_between(t[:-1], found["lr"], step="post", color=PALETTE[0], alpha=0.15, hatch="//", linewidth=0)
    above.axhline(state["lr"], color=PALETTE[1], ls=DASHES[1], linewidth=1, label="constant")
    below.plot(t[: n + 1], found["seen"][: n + 1], color=PALETTE[2], linewidth=0.9, label="this run")
    below.plot(t, found["expected"], color=PALETTE[0], label="expected")
    visible = np.where(found["floor"] > 0, found["floor"], np.nan)
    below.plot(t[:-1], visible, color=PALETTE[3], ls=DASHES[3], label="noise floor of the rate")
    below.plot(n, found["expected"][n], MARKERS[0], color=PALETTE[0], label="expected, now")
    below.plot(T, found["flat_end"], MARKERS[1], color=PALETTE[1], label="end at the constant rate")
    if mine := found.get("mine"):
        style = {"color": PALETTE[4], "ls": DASHES[4], "label": "yours"}
        above.step(t[:-1], mine["lr"], where="post", **style)
        below.plot(t, np.where(np.isfinite(mine["expected"]), mine["expected"], np.nan), **style)
    for ax in (above, below):
        for where in found["restarts"]:
            ax.axvline(where, color=INK, linewidth=0.8, ls=":")
    smallest = min(found["expected"].min(), found["flat_end"])
    below.set(yscale="log", ylim=(smallest / 5, found["expected"].max() * 2), xlim=(0, T * 1.01))
    above.set_ylim(0, max(state["lr"], found["lr"].max(), *found.get("mine", {}).get("lr", ())) * 1.12)
    _finish(above, "", "learning rate")
    _finish(below, "step (updates)", "loss f(w)")
    for ax in (above, below):
        ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return made
