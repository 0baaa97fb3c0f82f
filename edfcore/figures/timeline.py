"""The figure of scenes/timeline.py: the lanes of a step, as figures/parallel.py draws them, and the moment."""

from ..scenes.timeline import Timeline, seconds
from .base import INK
from .parallel import HALO, _unit, timeline


def timeline_figure(state, found):
    """When each device computes, communicates and waits.

    Parameters
    ----------
    state, found : of scenes.timeline.Timeline

    Returns
    -------
    Figure
    """
    scene = Timeline()
    report = scene.report(state)
    made = timeline(report, step=0)
    made.alt = f"{scene.caption(state, found)} {made.alt}"
    ax, at = made.axes[0], state["t"] / 100 * found["seconds"]
    x = at * _unit(found["seconds"])[0]
    ax.axvline(x, color=INK, linewidth=1.4, linestyle="--", zorder=5)
    late = state["t"] > 80
    beside = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "path_effects": HALO, "va": "bottom"}
    told = f"moment {seconds(at)}"
    ax.annotate(told, (x, 0), (-3 if late else 3, 2), fontsize=7.5, color=INK, ha="right" if late else "left", **beside)
    return made
