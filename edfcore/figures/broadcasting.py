"""The figure of scenes/broadcasting.py: a and b as the result reads them, copies hatched, and c; or the clash."""

import numpy as np
from matplotlib.patches import Rectangle

from ..scenes.base import short
from ..scenes.broadcasting import Broadcasting, drawn, numbers, padded, shape_of, source, written
from ..scenes.mine import told
from .base import INK, PALETTE, figure

STYLES = {"a": (PALETTE[0], "--"), "b": (PALETTE[1], ":"), "c": (PALETTE[2], "-")}


def broadcasting_figure(state, found):
    """The sizes aligned from the right, and under them the arrays; without arrays where the shapes do not fit.

    Parameters
    ----------
    state, found : of scenes.Broadcasting

    Returns
    -------
    Figure
    """
    scene, shapes = Broadcasting(), {name: shape_of(state[name]) for name in "ab"}
    fits = bool(found["fits"])
    drawable = fits and len(found["shape"]) <= 3
    deep = drawable and padded(found["shape"], 3)[0] > 1
    made = figure(
        f"Broadcasting. {scene.caption(state, found)}{told(found)}", height=6.6 if deep else 4.6 if drawable else 2.2
    )
    above = below = made
    if drawable:
        above, below = made.subfigures(2, 1, height_ratios=[1, 3.4 if deep else 2.1])
    if fits or len(found["clashes"]):
        _aligned(above.subplots(), shapes, found)
    else:
        above.text(0.02, 0.5, found["why"], fontsize=9, color=INK, wrap=True)
    if drawable:
        full = tuple(int(size) for size in found["shape"])
        total = numbers("a", shapes["a"]) + numbers("b", shapes["b"])
        arrays = [(name, shape, numbers(name, shape)) for name, shape in shapes.items()] + [("c", full, total)]
        for ax, (name, shape, array) in zip(below.subplots(*((3, 1) if deep else (1, 3))), arrays, strict=True):
            _array(ax, name, shape, array, full, [int(k) for k in found["index"]])
        below.supxlabel(f"{found['point']}\n{told(found).strip()}".strip(), fontsize=9, color=INK)
    elif told(found):
        made.supxlabel(told(found).strip(), fontsize=9, color=INK)
    return made


def _aligned(ax, shapes, found):
    """A table: axes across, the sizes of a, b and c down; stretched sizes hatched, the clash framed."""
    width = max(map(len, shapes.values()))
    sizes = {name: padded(shape, width) for name, shape in shapes.items()}
    rows = dict(shapes) | ({"c": found["shape"]} if found["fits"] else {})
    clashes = [] if found["fits"] else [int(k) for k in found["clashes"]]
    for r, (name, shape) in enumerate(rows.items()):
        ax.text(-0.7, r, f"{name} {written(shape)}", ha="right", va="center", fontsize=9, color=INK)
        for k in range(width):
            missing = k < width - len(shape)
            other = sizes["b" if name == "a" else "a"][k]
            stretched = name != "c" and sizes[name][k] == 1 and other > 1
            edge, wide = (PALETTE[1], 2.5) if k in clashes else ("#999999", 0.7)
            hatch = "////" if stretched else None
            ax.add_patch(Rectangle((k - 0.5, r - 0.5), 1, 1, facecolor="white", edgecolor="#cccccc", hatch=hatch, lw=0))
            ax.add_patch(Rectangle((k - 0.48, r - 0.46), 0.96, 0.92, fill=False, edgecolor=edge, lw=wide))
            words = "none" if missing else str(int(padded(shape, width)[k]))
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            ax.text(k, r, words, ha="center", va="center", fontsize=9, color=INK, bbox=box)
    for k in range(width):
        words = f"axis {k}" + (": clash" if k in clashes else "")
        ax.text(k, -0.8, words, ha="center", va="center", fontsize=8.5, color=INK)
    ax.set(xlim=(-3, max(width, 3) + 0.5), ylim=(len(rows) - 0.4, -1.2))
    ax.set_axis_off()


def _array(ax, name, shape, array, full, index):
    """The entries of an array as the result reads them, sheet beside sheet."""
    (colour, dash), three = STYLES[name], padded(full, 3)
    sheets, down, across = map(drawn, three)
    wide, own = len(across) + 0.7, source(shape, index)
    for s, sheet in enumerate(sheets):
        for r, row in enumerate(down):
            for c, column in enumerate(across):
                at = [sheet, row, column][3 - len(full) :]
                copy = any(n == 1 and k > 0 for n, k in zip(padded(shape, len(full)), at, strict=True))
                lit = source(shape, at) == own and (at == index or not copy)
                corner = (s * wide + c - 0.5, r - 0.5)
                hatch = "////" if copy else None
                ax.add_patch(Rectangle(corner, 1, 1, facecolor="white", edgecolor="#cccccc", hatch=hatch, lw=0))
                edge, line, style, above = (colour, 2.2, dash, 3) if lit else ("#999999", 0.6, "-", 1)
                ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=edge, lw=line, ls=style, zorder=above))
                words = few(array[tuple(source(shape, at))])
                weight = "bold" if lit else "normal"
                style = {"fontsize": 7.5 if len(words) < 6 else 5.5, "color": INK, "weight": weight, "zorder": 4}
                ax.text(s * wide + c, r, words, ha="center", va="center", **style)
    cut = " (not all drawn)" if any(np.array(three) > 6) else ""
    ax.set(xlim=(-0.6, len(sheets) * wide - 1.1), ylim=(len(down) - 0.4, -0.6), aspect="equal")
    ax.set_title(f"{name} {written(shape)}{cut}", fontsize=9.5, color=INK)
    ax.set_axis_off()


def few(number):
    """A whole number in at most six characters."""
    return str(int(number)) if number < 1e6 else short(float(number), 2)
