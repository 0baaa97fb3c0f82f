"""The figure of scenes/vanishing.py: histograms of activations and gradients in some layers, and their RMS in all."""

import numpy as np

from ..scenes.vanishing import Vanishing
from .base import DASHES, INK, MARKERS, PALETTE, figure
from .curves import _finish

NAMES = {"act": "activations h", "grad": "gradient of h"}


def vanishing_figure(state, found):
    """Histograms of up to five layers on shared axes, above the RMS against the layer beside the theory.

    Parameters
    ----------
    state, found : of scenes.Vanishing; found["mine"], where there is one, is drawn as "yours"

    Returns
    -------
    Figure
    """
    told = f"Activations and back-propagated gradients layer by layer. {Vanishing().caption(state, found)}"
    made = figure(told, width=7.6, height=5.0)
    above, below = made.subfigures(2, 1, height_ratios=[1, 1.1])
    panels = above.subplots(2, len(found["layers"]), squeeze=False)
    for k, (kind, row) in enumerate(zip(NAMES, panels, strict=True)):
        edges = np.linspace(*found[f"{kind}_axis"], found[f"{kind}_bars"].shape[1] + 1)
        for ax, bars, layer in zip(row, found[f"{kind}_bars"], found["layers"], strict=True):
            style = {"color": PALETTE[k], "hatch": ["", "///"][k], "edgecolor": "w", "linewidth": 0.3}
            ax.bar(edges[:-1], bars, np.diff(edges), align="edge", **style)
            ax.set(yticks=[], xlim=edges[[0, -1]], ylim=(0, 1.1), xticks=edges[[0, -1]])
            ax.set_xticklabels([f"{v:.2g}" for v in edges[[0, -1]]], fontsize=7)
            for tick, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
                tick.set_horizontalalignment(side)
            if not k:
                ax.set_title(f"layer {layer:.0f}", fontsize=9)
        row[0].set_ylabel(NAMES[kind], fontsize=8)
    charts, layers, every = below.subplots(1, 2), np.arange(1, state["depth"] + 1), max(1, state["depth"] // 12)
    for k, (kind, ax) in enumerate(zip(NAMES, charts, strict=True)):
        seen, theory = (np.where(found[n] > 0, found[n], np.nan) for n in (kind, f"theory_{kind}"))
        style = {"marker": MARKERS[k], "ls": DASHES[k], "color": PALETTE[k], "markersize": 3.5, "markevery": every}
        ax.plot(layers, seen, label="measured", **style)
        if not np.isnan(theory).all():
            ax.plot(layers, theory, ls=DASHES[3], color=PALETTE[2], label="theory, wide layers")
        drawn = seen
        if "mine" in found:
            mine, split = np.where(found["mine"][kind] > 0, found["mine"][kind], np.nan), found["mine"][f"parts_{kind}"]
            ax.plot(layers, mine, ls=DASHES[4], marker=MARKERS[4], markersize=3.5, color=PALETTE[4], label="yours")
            if split >= 0:
                ax.plot(layers[split], mine[split], marker="o", markersize=11, ls="", mfc="none", color=INK)
            drawn = np.concatenate([seen, mine])
        low, high = np.nanmin(drawn), np.nanmax(drawn)
        ax.set(yscale="log", ylim=(low / 3, high * 3))
        _finish(ax, "layer", f"RMS of {NAMES[kind]}")
        ax.legend(fontsize=8, frameon=False)
    return made
