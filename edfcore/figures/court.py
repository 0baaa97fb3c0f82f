"""The figure of scenes/court.py: two optimizers' losses on the two problems shown, and the table of who beats whom."""

from textwrap import wrap

import numpy as np

from ..scenes.court import OPTIMIZERS, PROBLEMS, RULES, Court, T
from ..scenes.mine import told
from .base import DASHES, INK, MARKERS, PALETTE, figure
from .curves import _finish

LEAST = 1e-14  # where a loss of 0 is drawn


def court_figure(state, found):
    """Losses of the two on each one's case, and on how many problems a row's optimizer beats a column's.

    Parameters
    ----------
    state, found : of scenes.court.Court

    Returns
    -------
    Figure
    """
    said = f"{Court().caption(state, found)}{told(found)}"
    made = figure(f"Two optimizers on the problems that favour each of them. {said}", 9.0, 3.6)
    made.supxlabel("\n".join([*wrap(RULES, 120), told(found).strip()]).strip(), fontsize=7.5, color=INK)
    *charts, matrix = made.subplots(1, 3)
    names, pair = [name for name, _ in OPTIMIZERS.values()], found["pair"].astype(int)
    for side, ax in enumerate(charts):
        for n, k in enumerate(pair):
            loss, t = np.maximum(found["loss"][side, n], LEAST), state["t"]
            ax.plot(loss, color=PALETTE[n], ls=DASHES[n], label=names[k])
            ax.plot(t, loss[t], marker=MARKERS[n], color=PALETTE[n])
        if "mine" in found:
            loss = found["mine"]["losses"][int(found["cases"][side])]
            loss = np.where(np.isfinite(loss), np.maximum(loss, LEAST), np.nan)
            ax.plot(loss, color=PALETTE[4], ls=DASHES[4], label="yours")
        ax.set(yscale="log", xlim=(0, T + 1))
        problem = PROBLEMS[int(found["cases"][side])]
        won = found["wins"][pair[side], pair[1 - side]]
        ax.set_title(f"{names[pair[side]]}'s {'case' if won else 'closest'}: {problem.name}", fontsize=9)
        _finish(ax, "step", "loss")
        ax.legend(fontsize=8, framealpha=0.85, edgecolor="none")
    _matrix(matrix, names, pair, found["wins"].astype(int))
    return made


def _matrix(ax, names, pair, wins):
    ax.imshow(wins, cmap="Blues", vmin=0, vmax=2 * len(PROBLEMS))
    for a, b in np.argwhere(np.ones_like(wins)):
        chosen = [a, b] in (pair.tolist(), pair[::-1].tolist())
        weight = {"fontweight": "bold", "bbox": {"fill": False, "edgecolor": INK, "pad": 1.5}} if chosen else {}
        if a != b:
            ax.text(b, a, wins[a, b], ha="center", va="center", fontsize=8, **weight)
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set(xlabel="... beats this one on so many", ylabel="this one ...")
