"""The figure of scenes/monitor.py: loss with its running mean, gradient norms by parameter, learning rate."""

from ..scenes.monitor import Monitor
from .base import DASHES, INK, MARKERS, PALETTE, figure
from .curves import _finish

MOST = 6  # parameters with a colour of their own; more are drawn thin and grey


def monitor_figure(state, found):
    """Panels of a run: as many as it has kinds of quantities.

    Parameters
    ----------
    state, found : of scenes.monitor.Monitor

    Returns
    -------
    Figure
    """
    made = figure(f"A training run. {Monitor().caption(state, found)}")
    groups = [("loss", "loss"), ("norm", "gradient norm"), ("lr", "learning rate"), ("other", "other values")]
    shown = [(k, words) for k, words in groups if any(t["kind"] == k for t in found["tracks"])] or groups[:1]
    axes = made.subplots(1, len(shown), squeeze=False)[0]
    for ax, (kind, words) in zip(axes, shown, strict=True):
        tracks = [t for t in found["tracks"] if t["kind"] == kind and len(t["x"])]
        for k, t in enumerate(tracks):
            _track(ax, k, t, len(tracks) > 1)
        if tracks and (kind == "norm" or (kind == "loss" and state["log"])) and all(t["low"].min() > 0 for t in tracks):
            ax.set_yscale("log")
        if kind != "norm":
            _mark_bad(ax, [t for t in found["tracks"] if t["kind"] == kind and t["bad"]])
        ax.set_xlim(0, max(found["steps"] - 1, 1))
        _finish(ax, "step", words)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=7, frameon=False)
    return made


def _track(ax, k, t, named):
    if k >= MOST:
        ax.plot(t["x"], t["mean"], color="#999999", linewidth=0.6)
        return
    look = {"color": PALETTE[k], "ls": DASHES[k], "label": t["name"] if named else None}
    if t["kind"] == "loss":
        ax.fill_between(t["x"], t["low"], t["high"], color=PALETTE[k], alpha=0.25, linewidth=0)
        ax.plot(t["x"], t["mean"], color=PALETTE[k], alpha=0.35, linewidth=0.8)
        ax.plot(t["x"], t["smooth"], **look)
        return
    every = max(1, len(t["x"]) // 8)
    ax.plot(t["x"], t["mean"], marker=MARKERS[k], markersize=3.5, markevery=every, linewidth=1.2, **look)


def _mark_bad(ax, tracks):
    """An upright line where a value was not finite for the first time."""
    for t in tracks[:1]:
        step, what = t["bad"]
        ax.axvline(step, color=PALETTE[1], linestyle=":", linewidth=1.4)
        beside = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "va": "top", "ha": "right"}
        ax.annotate(f"{t['name']} {what}\nstep {step}", (step, 1), (-3, -2), fontsize=7, color=INK, **beside)
