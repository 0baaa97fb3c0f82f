"""The figure of scenes/grid.py: the lanes of a block, and the memory that one of its warps touches."""

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.patches import Patch, Rectangle

from ..cuda.transactions import LINE, SECTOR
from ..scenes.grid import BRANCHES, EMPTY, FIRST, IDLE, SECOND, WARP, Grid
from ..scenes.mine import told
from .base import INK, PALETTE, figure

STYLE = {
    FIRST: {"facecolor": PALETTE[0]}, SECOND: {"facecolor": PALETTE[1], "hatch": "////"},
    IDLE: {"facecolor": "#dddddd", "hatch": "...."}, EMPTY: {"facecolor": "white"},
}  # fmt: skip
PER_ROW = 4  # lines of memory


def grid_figure(state, found):
    """Lanes of the block looked at as rows of 32, and the sectors that its warp looked at touches.

    Parameters
    ----------
    state, found : of scenes.grid.Grid

    Returns
    -------
    Figure
    """
    made = figure(f"The lanes of a block and the memory a warp touches. {Grid().caption(state, found)}{told(found)}")
    lanes, memory = made.subplots(1, 2)
    _lanes(lanes, state, found)
    _memory(memory, state, found)
    if "mine" in found:
        made.supxlabel(told(found).strip(), fontsize=8, color=INK)
    return made


def _lanes(ax, state, found):
    kinds = found["kinds"]
    ways = {FIRST: "at work", IDLE: "idle"} if state["branch"] == "none" else {
        FIRST: BRANCHES[state["branch"]], SECOND: "else", IDLE: "idle"}  # fmt: skip
    for kind, style in STYLE.items():
        boxes = [Rectangle((lane, w), 1, 1) for w, lane in np.argwhere(kinds == kind)]
        ax.add_collection(PatchCollection(boxes, edgecolor="white", linewidth=0.4, **style))
    ax.add_patch(Rectangle((0, found["at_warp"]), WARP, 1, fill=False, edgecolor=INK, linewidth=1.8, clip_on=False))
    ax.set(xlim=(0, WARP), ylim=(len(kinds), 0), xlabel="lane", ylabel=f"warp of block {found['at_block']}")
    ax.set_xticks(np.arange(0, WARP, 8) + 0.5, range(0, WARP, 8))
    warps = range(0, len(kinds), max(1, len(kinds) // 8))
    ax.set_yticks(np.array(warps) + 0.5, warps)
    handles = [Patch(label=name, edgecolor="white", **STYLE[kind]) for kind, name in ways.items()]
    ax.legend(handles=handles, fontsize=8, frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))


def _memory(ax, state, found):
    where = found["where"][found["where"] >= 0].astype(int)
    first = where.min() // LINE if len(where) else 0
    rows = (where.max() // LINE - first) // PER_ROW + 1 if len(where) else 1
    sectors, per_row = set((where // SECTOR).tolist()), PER_ROW * LINE // SECTOR
    for k in range(rows * per_row):
        moved = first * LINE // SECTOR + k in sectors
        style = {"facecolor": "#d5ece4", "edgecolor": INK} if moved else {"facecolor": "white", "edgecolor": "#cccccc"}
        at = SECTOR * (k % per_row), k // per_row
        ax.add_patch(Rectangle(at, SECTOR, 0.86, linewidth=0.8, zorder=1 + moved, **style))
    for a in where - first * LINE:
        at = a % (PER_ROW * LINE), a // (PER_ROW * LINE) + 0.18
        ax.add_patch(Rectangle(at, state["size"], 0.5, fc=PALETTE[2], edgecolor="white", linewidth=0.3, zorder=3))
    for a in found.get("mine", {}).get("where", []) - first * LINE if "mine" in found else ():
        if 0 <= a < rows * PER_ROW * LINE:  # half as high; what lies outside of the rows is told, not drawn
            at = a % (PER_ROW * LINE), a // (PER_ROW * LINE) + 0.18
            ax.add_patch(Rectangle(at, state["size"], 0.25, fc=PALETTE[4], edgecolor="white", linewidth=0.3, zorder=4))
    ax.set(xlim=(0, PER_ROW * LINE), ylim=(max(rows, 2), 0), xlabel="byte in the row; a box is a sector of 32 bytes")
    ax.set_xticks(range(0, PER_ROW * LINE + 1, LINE))
    shown = range(0, rows, max(1, rows // 8))
    ax.set_yticks(np.array(shown) + 0.43, [(first + PER_ROW * r) * LINE for r in shown])
    ax.set_ylabel("first byte of the row")
    ax.set_title("filled: asked for; tinted: moved", fontsize=9)
