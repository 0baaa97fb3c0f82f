"""The figure of scenes/paths.py: paths on contours of the loss, and the loss of each step beside the predicted rate."""

import numpy as np

from ..scenes.mine import told as mine_told
from ..scenes.paths import NAMES, STEPS, Paths, hessian
from .base import DASHES, INK, MARKERS, PALETTE, figure
from .curves import _finish

LEVELS = [0.02, 0.1, 0.3, 0.7, 1.4, 2.4, 4]


def paths_figure(state, found):
    """Paths, and losses on a logarithmic axis.

    Parameters
    ----------
    state, found : of scenes.Paths

    Returns
    -------
    Figure
    """
    scene = Paths()
    told = scene.caption(state, found) + mine_told(found)
    made = figure(f"Paths of optimizers on the contours of a quadratic, and their losses. {told}")
    plane, chart = made.subplots(1, 2, width_ratios=[1.35, 1])
    x, y = np.meshgrid(np.linspace(-3.3, 3.3, 200), np.linspace(-2.2, 2.2, 160))
    (a, b), (_, d) = hessian(state["kappa"], state["angle"])
    plane.contour(x, y, (a * x * x + 2 * b * x * y + d * y * y) / 2, LEVELS, colors="#bbbbbb", linewidths=0.8)
    t = state["t"]
    for k, (kind, name) in enumerate(NAMES.items()):
        if not state[kind]:
            continue
        path, loss, style = found[f"path_{kind}"], found[f"loss_{kind}"], {"color": PALETTE[k], "ls": DASHES[k]}
        plane.plot(*path[: t + 1].T, marker=MARKERS[k], markersize=2.5, linewidth=1.3, **style)
        chart.plot(np.maximum(loss, 1e-16), label=name, **style)
        chart.plot(t, max(loss[t], 1e-16), marker=MARKERS[k], color=PALETTE[k])
        if rate := np.nan_to_num(found[f"rate_{kind}"]):
            chart.plot(loss[0] * rate ** (2 * np.arange(STEPS + 1)), ":", color=PALETTE[k], linewidth=0.9)
    if mine := found.get("mine"):
        path, style = np.where(np.isfinite(mine["path"]), mine["path"], np.nan), {"color": PALETTE[4], "ls": DASHES[4]}
        plane.plot(*path[: t + 1].T, marker=MARKERS[4], markersize=2.5, linewidth=1.3, **style)
        chart.plot(np.where(np.isfinite(mine["loss"]), np.maximum(mine["loss"], 1e-16), np.nan), label="yours", **style)
    if any(state[kind] for kind in NAMES if kind != "adam"):
        chart.plot([], [], ":", color=INK, linewidth=0.9, label="predicted")
    plane.plot(state["x0"], state["y0"], "o", markersize=10, markerfacecolor="none", color=INK)
    plane.set(xlim=(-3.3, 3.3), ylim=(-2.2, 2.2))
    chart.set(yscale="log", xlim=(0, STEPS))
    low, high = chart.get_ylim()
    chart.set_ylim(max(low, 1e-17), max(min(high, 1e6), 1e-15))
    _finish(plane, "w[0]", "w[1]")
    plane.grid(False)
    _finish(chart, "step", "loss f(w)")
    if chart.get_legend_handles_labels()[0]:
        chart.legend(fontsize=8, frameon=False)
    return made
