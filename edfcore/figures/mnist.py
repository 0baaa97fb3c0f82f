"""Pictures of digits, and of arrays that have one number for each pixel."""

from math import ceil, isqrt

import numpy as np

from ..errors import ShapeError
from .base import INK, figure


def digits(images, labels, predictions=None, columns=8):
    """Digits with their labels, and with what a network read where that is given.

    Parameters
    ----------
    images : array (N, side * side), 0 for paper and 1 for ink
    labels : array (N,), the right digits
    predictions : array (N,), optional, the digits that were read
    columns : int, pictures in a row

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : the pictures are not square, or numbers of pictures and labels differ.
    """
    pictures = _squares(images, "digits")
    if len(labels) != len(pictures) or (predictions is not None and len(predictions) != len(pictures)):
        raise ShapeError(f"digits: {len(pictures)} pictures need as many labels and predictions.")
    if predictions is None:
        titles = [f"{label}" for label in labels]
        alt = f"{len(pictures)} handwritten digits, labelled {', '.join(titles)}."
    else:
        titles = [f"read {p}, is {label}" for p, label in zip(predictions, labels, strict=True)]
        alt = f"{len(pictures)} handwritten digits with what the network read: {'; '.join(titles)}."
    found, axes = _sheet(alt, len(pictures), columns, 0.98)
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(title, fontsize=9, color=INK, pad=3)
    return found


def signed_images(values, titles, what="value for each pixel", columns=None):
    """Arrays with one signed number for each pixel: negative to positive from purple to orange, zero white.

    Parameters
    ----------
    values : array (N, side * side)
    titles : N texts
    what : str, the quantity, with its unit where it has one; labels the colour bar
    columns : int, pictures in a row; default, all

    Returns
    -------
    Figure, all pictures on one scale

    Raises
    ------
    ShapeError : the pictures are not square, or there are not as many titles.
    """
    pictures = _squares(values, "signed_images")
    if len(titles) != len(pictures):
        raise ShapeError(f"signed_images: {len(pictures)} pictures need as many titles, not {len(titles)}.")
    limit = float(np.abs(pictures).max()) or 1.0
    alt = f"{len(pictures)} pictures of the {what}, on one scale from {-limit:.2g} to {limit:.2g}: "
    found, axes = _sheet(alt + "; ".join(titles) + ".", len(pictures), columns or len(pictures), 1.25)
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        shown = ax.imshow(picture, cmap="PuOr_r", vmin=-limit, vmax=limit, interpolation="nearest")
        ax.set_title(title, fontsize=9, color=INK, pad=3)
    bar = found.colorbar(shown, ax=list(axes), orientation="horizontal", fraction=0.08, aspect=40, pad=0.04)
    bar.set_label(what, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return found


def _squares(values, what):
    """Rows of side * side numbers as an array (N, side, side)."""
    values = np.asarray(values)
    side = isqrt(values.shape[-1]) if values.ndim == 2 else 0
    if side * side != (values.shape[-1] if values.ndim == 2 else -1):
        raise ShapeError(f"{what}: shape {values.shape} is not (N, side * side).")
    return values.reshape(-1, side, side)


def _sheet(alt, count, columns, row_height):
    """A figure with `count` frameless axes in rows of `columns`."""
    columns = min(columns, count)
    rows = ceil(count / columns)
    found = figure(alt, height=0.35 + row_height * rows * min(1.0, 8 / columns) + (0.3 if row_height > 1 else 0))
    axes = found.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    return found, axes[:count]
