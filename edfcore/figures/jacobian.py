"""Figures of lecture 03: a Jacobian as a matrix of blocks (S3, pages 6 and 7)."""

import numpy as np

from ..errors import ShapeError
from .base import INK, figure
from .plain import _said


def jacobian_blocks(matrices, titles, rows, columns, row_step, column_steps, *, alt):
    """Matrices of one shape, entry by entry: white where an entry is zero, orange above and purple below.

    Parameters
    ----------
    matrices : list of arrays (R, C)
    titles : list of str, one for each
    rows : list of R str, names of the rows, written beside the first matrix
    columns : list of lists of C str, names of the columns of each matrix
    row_step : int, a line is drawn below every `row_step` rows
    column_steps : list of int, a line is drawn after every so many columns, for each matrix
    alt : str, what the figure shows and the one thing to see in it

    Returns
    -------
    Figure, all matrices on one scale

    Raises
    ------
    ShapeError : names and matrices do not fit.
    DataError : no alternative text.
    """
    shape = np.shape(matrices[0])
    if any(np.shape(m) != shape for m in matrices) or len(shape) != 2:
        raise ShapeError("jacobian_blocks: all matrices need one shape (R, C).")
    named = [(len(rows), len(names)) for names in columns]
    if named != [shape] * len(matrices) or not len(titles) == len(column_steps) == len(matrices):
        raise ShapeError(f"jacobian_blocks: {len(matrices)} matrices of shape {shape} need names for rows and columns.")
    limit = max(float(np.abs(m).max()) for m in matrices) or 1.0
    found = figure(_said("jacobian_blocks", alt), height=0.9 + 7.2 / len(matrices) * shape[0] / shape[1])
    axes = found.subplots(1, len(matrices), squeeze=False)[0]
    for n, (ax, matrix) in enumerate(zip(axes, matrices, strict=True)):
        ax.imshow(matrix, cmap="PuOr_r", vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto")
        _lines(ax, shape, row_step, column_steps[n])
        ax.set_xticks(range(shape[1]), columns[n], fontsize=7.5, rotation=90)
        ax.set_yticks(range(shape[0]), rows if n == 0 else [], fontsize=7.5)
        ax.tick_params(length=0)
        ax.set_title(titles[n], fontsize=9, color=INK)
    return found


def _lines(ax, shape, row_step, column_step):
    """Thin lines between entries, thick ones between blocks."""
    for k in range(1, shape[0]):
        ax.axhline(k - 0.5, color=INK, linewidth=1.2 if k % row_step == 0 else 0.15)
    for k in range(1, shape[1]):
        ax.axvline(k - 0.5, color=INK, linewidth=1.2 if k % column_step == 0 else 0.15)
