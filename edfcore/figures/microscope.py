"""The figures of scenes/microscope.py: one entry marked in the matrices that it is made of, above its four spellings.

`microscope_figure` draws an entry of y = x W for any x and W, `entry_figure` a state of the widget.
"""

import numpy as np
from matplotlib.patches import Rectangle

from ..scenes.base import short
from ..scenes.microscope import VALUES, Microscope, microscope, pointed
from ..scenes.mine import told
from .base import INK, PALETTE, figure

__all__ = ["entry_figure", "microscope", "microscope_figure"]

ROW, COLUMN, ENTRY = PALETTE[0], PALETTE[1], PALETTE[2]
GRIDS = (  # name, title, indices; the forward pass above, the backward pass below
    (("x", "x, given", "bi"), ("W", "W, given", "ij"), ("y", "y = xW", "bj"), ("beta", "beta, given", "j"),
     ("z", "z = y + beta", "bj")),
    (("x.grad", "x.grad", "bi"), ("W.grad", "W.grad", "ij"), ("z.grad", "y.grad = z.grad, given", "bj"),
     ("beta.grad", "beta.grad", "j")),
)  # fmt: skip


def microscope_figure(x, W, b, j):
    """The three matrices with the row, the column and the entry marked; below them the four spellings.

    Parameters
    ----------
    x, W, b, j : as in `microscope`; readable up to some 6 rows and columns

    Returns
    -------
    Figure
    """
    seen, y = microscope(x, W, b, j), np.asarray(x) @ np.asarray(W)
    marked = f"row x[{b},:], column W[:,{j}] and entry y[{b},{j}] are framed"
    found = figure(f"Microscope on one entry of y = xW: {marked}. {seen['equation']}.", height=4.0)
    top, below = found.subfigures(2, 1, height_ratios=[1.25, 1])
    spans = [np.shape(x)[1], np.shape(W)[1], y.shape[1]]
    axes = top.subplots(1, 3, width_ratios=spans)
    _matrix(axes[0], np.asarray(x), f"x   axes b,i = {np.shape(x)}", "i", "b", rows=[b], colour=ROW)
    _matrix(axes[1], np.asarray(W), f"W   axes i,j = {np.shape(W)}", "j", "i", columns=[j], colour=COLUMN)
    _matrix(axes[2], y, f"y   axes b,j = {y.shape}", "j", "b", rows=[b], columns=[j], colour=ENTRY)
    lines = [
        ("index equation", seen["equation"]),
        ("loop", seen["loop"]),
        ("einsum", seen["einsum"]),
        ("backward", seen["vjp"][0]),
        ("", seen["vjp"][1]),
    ]
    _spelled(below, lines, 0.88, 0.19)
    return found


def entry_figure(state, found):
    """All matrices of both passes, the entry and what it is made of framed; below them the four spellings.

    Parameters
    ----------
    state, found : of scenes.Microscope

    Returns
    -------
    Figure
    """
    scene, value, at = Microscope(), VALUES[state["at"]], pointed(state, found)
    made = figure(
        f"Microscope on one entry. {scene.caption(state, found)} {found['equation']}.{told(found)}", height=6.4
    )
    above, middle, below = made.subfigures(3, 1, height_ratios=[1, 1, 0.8])
    framed = {value.name: (ENTRY, "-")}
    for (name, _), style in zip(value.factors, ((ROW, "--"), (COLUMN, ":")), strict=False):
        framed["z.grad" if name == "y.grad" else name] = style
    for part, grids in ((above, GRIDS[0]), (middle, GRIDS[1])):
        arrays = [np.atleast_2d(found[name.replace(".", "_")]) for name, _, _ in grids]
        for ax, array, (name, title, indices) in zip(part.subplots(1, len(grids)), arrays, grids, strict=True):
            down, across = indices if len(indices) == 2 else ("", indices)
            rows, columns = ([at[letter]] if letter in at else None for letter in (down, across))
            colour, dash = framed.get(name, (INK, "-"))
            if name not in framed:
                rows = columns = []
            _matrix(ax, array, title, across, down, rows, columns, colour, dash)
            ax.set_aspect("equal")
    lines = [("index equation", found["symbols"]), ("in numbers", found["equation"]), ("loop", found["loop"])]
    lines += [("einsum", found["einsum"])]
    lines += list(zip(("backward", ""), found["backward"].split("\n"), strict=True))
    if told(found):
        lines.append(("yours", told(found).strip()))
    _spelled(below, lines, 0.92, 0.99 / len(lines))
    return made


def _spelled(below, lines, top, step):
    """Names and lines of code, one under the other."""
    for n, (name, text) in enumerate(lines):
        below.text(0.02, top - step * n, name, fontsize=9, color=INK, va="center")
        size = 9 if len(text) < 75 else 7.5
        below.text(0.2, top - step * n, text, fontsize=size, color=INK, va="center", family="monospace")


def _matrix(ax, values, title, across, down, rows=None, columns=None, colour=INK, dash="-"):
    """A grid of numbers; where both `rows` and `columns` are given, their crossing is marked."""
    height, width = values.shape
    for r in range(height):
        for c in range(width):
            marked = (rows is None or r in rows) and (columns is None or c in columns)
            face = colour if marked else "white"
            corner = (c - 0.5, r - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=face, alpha=0.22, linewidth=0))
            edge, wide, above, style = (colour, 2.2, 3, dash) if marked else ("#999999", 0.6, 1, "-")
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=edge, lw=wide, ls=style, zorder=above))
            weight = "bold" if marked else "normal"
            number = short(float(values[r, c]))
            ax.text(c, r, number, ha="center", va="center", fontsize=9, color=INK, weight=weight)
    ax.set(xlim=(-0.6, width - 0.4), ylim=(height - 0.4, -0.6), xticks=range(width), yticks=range(height))
    if not down:
        ax.set_yticks([])
    ax.set_title(title, fontsize=9.5, color=INK)
    ax.set_xlabel(across)
    ax.set_ylabel(down, rotation=0, labelpad=8)
    ax.tick_params(length=0, labelsize=8)
    for side in ax.spines.values():
        side.set_visible(False)
