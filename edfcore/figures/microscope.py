"""The batch-index microscope: one entry of y = x W, what it is made of and what it sends back.

    y[b,j] = sum_i x[b,i] W[i,j]                       (S0, "Minibatched Vector-Matrix Product")
    x.grad[b,i] += y.grad[b,j] W[i,j]
    W.grad[i,j] += x[b,i] y.grad[b,j]

`microscope` is the model: arrays in, numbers and sentences out. `microscope_figure` draws it.
"""

import numpy as np
from matplotlib.patches import Rectangle

from ..errors import DataError, ShapeError
from .base import INK, PALETTE, figure

ROW, COLUMN, ENTRY = PALETTE[0], PALETTE[1], PALETTE[2]


def microscope(x, W, b, j):
    """What the entry y[b,j] of y = x W is made of, and where its gradient goes.

    Parameters
    ----------
    x : array (B, i)
    W : array (i, j)
    b, j : int, the entry pointed at, with 0 <= b < B and 0 <= j < number of columns of W

    Returns
    -------
    dict with
        entry : (b, j)
        y : float, the entry's value
        x_row, W_column, terms : arrays (i,), the factors x[b,:] and W[:,j] and their products
        y_to_x, y_to_W : arrays (i,), what one unit of y.grad[b,j] adds to x.grad[b,:] and to W.grad[:,j]
        equation, loop, einsum, vjp : str, the same entry in four spellings

    Raises
    ------
    ShapeError : x and W are no matrices, or disagree on i.
    DataError : there is no such entry.

    Examples
    --------
    >>> seen = microscope([[1.0, 2.0], [3.0, 4.0]], [[5.0], [6.0]], b=1, j=0)
    >>> seen["equation"]
    'y[1,0] = 3*5 + 4*6 = 39'
    """
    x, W = np.asarray(x), np.asarray(W)
    if x.ndim != 2 or W.ndim != 2 or x.shape[1] != W.shape[0]:
        raise ShapeError(f"microscope: x has axes b,i = {x.shape} and W has i,j = {W.shape}: i must be the same.")
    if not (0 <= b < len(x) and 0 <= j < W.shape[1]):
        raise DataError(f"microscope: y has shape {(len(x), W.shape[1])}; it has no entry y[{b},{j}].")
    terms = x[b] * W[:, j]
    y = float(terms.sum())
    products = " + ".join(f"{_factor(a)}*{_factor(w)}" for a, w in zip(x[b], W[:, j], strict=True))
    return {
        "entry": (int(b), int(j)),
        "y": y,
        "x_row": x[b].copy(),
        "W_column": W[:, j].copy(),
        "terms": terms,
        "y_to_x": W[:, j].copy(),
        "y_to_W": x[b].copy(),
        "equation": f"y[{b},{j}] = {products} = {_short(y)}",
        "loop": f"for i in range({len(W)}): y[{b},{j}] += x[{b},i] * W[i,{j}]",
        "einsum": f'np.einsum("bi,ij->bj", x, W)[{b},{j}]',
        "vjp": (
            f"x.grad[{b},:] += y.grad[{b},{j}] * W[:,{j}]",
            f"W.grad[:,{j}] += y.grad[{b},{j}] * x[{b},:]",
        ),
    }


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
    for n, (name, text) in enumerate(lines):
        height = 0.88 - 0.19 * n
        below.text(0.02, height, name, fontsize=9, color=INK, va="center")
        below.text(0.2, height, text, fontsize=9.5, color=INK, va="center", family="monospace")
    return found


def _matrix(ax, values, title, across, down, rows=None, columns=None, colour=INK):
    """A grid of numbers; where both `rows` and `columns` are given, their crossing is marked."""
    height, width = values.shape
    for r in range(height):
        for c in range(width):
            marked = (rows is None or r in rows) and (columns is None or c in columns)
            face = colour if marked else "white"
            ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=face, alpha=0.22, linewidth=0))
            edge, wide, above = (colour, 2.2, 3) if marked else ("#999999", 0.6, 1)
            ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, fill=False, edgecolor=edge, linewidth=wide, zorder=above))
            weight = "bold" if marked else "normal"
            ax.text(c, r, _short(values[r, c]), ha="center", va="center", fontsize=9, color=INK, weight=weight)
    ax.set(xlim=(-0.6, width - 0.4), ylim=(height - 0.4, -0.6), xticks=range(width), yticks=range(height))
    ax.set_title(title, fontsize=9.5, color=INK)
    ax.set_xlabel(across)
    ax.set_ylabel(down, rotation=0, labelpad=8)
    ax.tick_params(length=0, labelsize=8)
    for side in ax.spines.values():
        side.set_visible(False)


def _factor(value):
    """A number inside a product: negative ones in parentheses."""
    return f"({_short(value)})" if value < 0 else _short(value)


def _short(value):
    """At most three significant digits, without trailing zeros."""
    return f"{float(value):.3g}"
