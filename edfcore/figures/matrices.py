"""The figures of lecture 02: a fully connected layer as units and weights, and a formula of matrices drawn to scale."""

import numpy as np
from matplotlib.patches import Rectangle

from ..errors import DataError, ShapeError
from .base import INK, PALETTE, figure


def layer(W, chosen=0):
    """A fully connected layer: inputs on the left, outputs on the right, a line for each weight.

    Parameters
    ----------
    W : array (m, n), the weight from input i to output j at W[j,i]; positive weights are solid lines, negative dashed
    chosen : int, the output whose weights, a row of W, are drawn in colour

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : W is not a matrix.
    DataError : there is no such output.
    """
    W = np.asarray(W, float)
    if W.ndim != 2 or not W.size:
        raise ShapeError(f"layer: W has shape {W.shape}; a matrix (m, n) is needed.")
    m, n = W.shape
    if not 0 <= chosen < m:
        raise DataError(f"layer: there is no output {chosen}; there are {m}, from 0 to {m - 1}.")
    found = figure(
        f"Inputs on the left, {n}; outputs on the right, {m}; a line from each input to each output: {m * n} weights. "
        f"The {n} lines into output {chosen} are coloured; they are row {chosen} of W. Negative weights are dashed.",
        height=0.5 + 0.36 * max(m, n),
    )
    ax = found.subplots()
    left, right = (np.linspace(0.5, -0.5, k + 2)[1:-1] * max(m, n) for k in (n, m))
    for j, i in sorted(np.ndindex(m, n), key=lambda place: place[0] == chosen):
        style = {"color": PALETTE[0], "linewidth": 2} if j == chosen else {"color": "#a8a8a8", "linewidth": 0.9}
        ax.plot([0, 1], [left[i], right[j]], "--" if W[j, i] < 0 else "-", zorder=1, **style)
    for x, places, letter in ((0, left, "x"), (1, right, "logit")):
        for k, y in enumerate(places):
            edge = PALETTE[0] if x and k == chosen else INK
            ax.plot(x, y, "o", markersize=11, markerfacecolor="white", markeredgecolor=edge, zorder=2)
            beside = {"ha": "right", "xytext": (-10, 0)} if not x else {"ha": "left", "xytext": (10, 0)}
            ax.annotate(
                f"{letter}[{k}]", (x, y), textcoords="offset points", va="center", fontsize=9, color=INK, **beside
            )
    ax.set(xlim=(-0.35, 1.35))
    ax.set_axis_off()
    return found


def blocks(terms, alt):
    """A formula of matrices, each drawn as a rectangle of its shape.

    Parameters
    ----------
    terms : list; a text such as "+" stands as it is, (name, shape) is a matrix, and (name, shape, full) a matrix that
        broadcasting repeats until it has the shape `full`: the copies are hatched
    alt : str, what the figure shows and the one thing to see in it

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : a shape is not that of a matrix, or `full` is no broadcast of it.
    """
    for term in terms:
        if not isinstance(term, str):
            _matrix(*term)
    tallest = max(term[-1][0] for term in terms if not isinstance(term, str))
    found = figure(alt, height=2.4)
    ax, x = found.subplots(), 0.0
    for term in terms:
        if isinstance(term, str):
            ax.text(x + 0.6, 0, term, ha="center", va="center", fontsize=13, color=INK)
            x += 1.2
            continue
        name, (rows, columns), *more = term
        full = more[0] if more else (rows, columns)
        x += 0.5
        ghost = {"facecolor": "none", "edgecolor": "#999999", "linestyle": "--", "hatch": "////", "linewidth": 0.8}
        if full != (rows, columns):
            ax.add_patch(Rectangle((x, -full[0] / 2), full[1], full[0], **ghost))
        ax.add_patch(
            Rectangle((x, full[0] / 2 - rows), columns, rows, facecolor="#d9ecf7", edgecolor=PALETTE[0], linewidth=1.4)
        )
        for k in range(1, columns):
            ax.plot([x + k, x + k], [full[0] / 2 - rows, full[0] / 2], color=PALETTE[0], linewidth=0.35)
        for k in range(1, rows):
            ax.plot([x, x + columns], [full[0] / 2 - k] * 2, color=PALETTE[0], linewidth=0.35)
        middle = x + full[1] / 2
        ax.text(middle, tallest / 2 + 0.35, name, ha="center", va="bottom", fontsize=11, color=INK)
        ax.text(middle, -full[0] / 2 - 0.3, f"({rows}, {columns})", ha="center", va="top", fontsize=8.5, color=INK)
        x += full[1] + 0.5
    ax.set(xlim=(0, x), ylim=(-tallest / 2 - 1.6, tallest / 2 + 1.6), aspect="equal")
    ax.set_axis_off()
    return found


def _matrix(name, shape, full=None):
    if len(shape) != 2 or min(shape) < 1:
        raise ShapeError(f"blocks: {name} has shape {tuple(shape)}; rows and columns are needed.")
    if full is not None and any(n not in (1, whole) for n, whole in zip(shape, full, strict=True)):
        raise ShapeError(f"blocks: {name} of shape {tuple(shape)} is not repeated to {tuple(full)} by broadcasting.")
