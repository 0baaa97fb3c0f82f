"""The plain kinds of figure that lectures use: lines, bars, histograms, contours, points, pictures, and a table.

Each takes its alternative text from the author: what is shown, and the one thing to see in it. Every series has
a colour and a second cue (a dash, a marker). Where several seeds were run, all of them are seen.
"""

from math import ceil

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from .. import display
from ..errors import DataError, ShapeError
from .base import DASHES, INK, MARKERS, PALETTE, figure


def lines(series, xlabel, ylabel, *, alt, log="", floor=None, markers=False, title=None, ylim=None):
    """Curves over one axis.

    Parameters
    ----------
    series : dict from name to y or (x, y); y is an array (T,), or (seeds, T): their median, and their range as a band
    xlabel, ylabel : str, with units
    alt : str, what the figure shows and the one thing to see in it
    log : "", "x", "y" or "xy", which axes are logarithmic
    floor : float, optional, a horizontal line to compare with
    markers : bool, whether each point has a marker
    title : str, optional
    ylim : pair, optional

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : x and y differ in length.
    DataError : more series than there are colours, or no alternative text.
    """
    found = figure(_said("lines", alt))
    _draw_lines(found.subplots(), series, xlabel, ylabel, log, floor, markers, title, ylim)
    return found


def panels(each, *, alt, columns=None):
    """Several `lines` side by side.

    Parameters
    ----------
    each : list of dicts with the arguments of `lines`: series, xlabel, ylabel; log, floor, markers, title, ylim
    alt : str, what the figure shows and the one thing to see in it
    columns : int, panels in a row; all of them where it is left out

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError, DataError : as `lines`.
    """
    columns = columns or len(each)
    rows = ceil(len(each) / columns)
    found = figure(_said("panels", alt), height=3.2 if rows == 1 else 2.6 * rows)
    axes = found.subplots(rows, columns, squeeze=False).ravel()
    for ax, given in zip(axes, each, strict=False):
        _draw_lines(ax, **given)
    for ax in axes[len(each) :]:
        ax.set_axis_off()
    return found


def _draw_lines(ax, series, xlabel, ylabel, log="", floor=None, markers=False, title=None, ylim=None):
    for n, (name, given) in enumerate(_few("lines", series).items()):
        x, y = given if isinstance(given, tuple) else (None, given)
        y = np.atleast_2d(np.asarray(y, float))
        x = np.arange(y.shape[1]) if x is None else np.asarray(x, float)
        if x.shape != y.shape[1:]:
            raise ShapeError(
                f"lines: {name!r} has x of shape {x.shape} and y of shape {y.shape}; give one x for each y."
            )
        style = {"color": PALETTE[n], "linestyle": DASHES[n]}
        if markers:
            style |= {"marker": MARKERS[n], "markersize": 4}
        ax.plot(x, np.median(y, axis=0), label=name, **style)
        if len(y) > 1:
            ax.fill_between(x, y.min(axis=0), y.max(axis=0), color=PALETTE[n], alpha=0.2, linewidth=0)
    if floor is not None:
        ax.axhline(floor, color=INK, linewidth=1, linestyle=":")
    ax.set(xscale="log" if "x" in log else "linear", yscale="log" if "y" in log else "linear", title=title)
    if ylim is not None:
        ax.set_ylim(*ylim)
    _finish(ax, xlabel, ylabel)
    if len(series) > 1:
        ax.legend(fontsize=8.5)


def bars(values, ylabel, *, alt, log=False, floor=None):
    """A bar for each name, at the median of its seeds, with a dot for each of them.

    Parameters
    ----------
    values : dict from name to a number or an array (seeds,)
    ylabel : str, with unit
    alt : str, what the figure shows and the one thing to see in it
    log : bool, whether the axis is logarithmic
    floor : float, optional, a horizontal line to compare with

    Returns
    -------
    Figure

    Raises
    ------
    DataError : no alternative text, or nothing to draw.
    """
    if not values:
        raise DataError("bars: there is nothing to draw; give a dict from name to a number or an array of seeds.")
    long = max(map(len, values)) * len(values) > 70
    found = figure(_said("bars", alt), height=max(2.4, 0.9 + 0.34 * len(values)) if long else 3.2)
    ax = found.subplots()
    each = [np.atleast_1d(np.asarray(v, float)) for v in values.values()]
    at, middle = np.arange(len(each)), [np.median(v) for v in each]
    draw, dot = (
        (ax.barh, lambda k, v: ax.plot(v, k, **style)) if long else (ax.bar, lambda k, v: ax.plot(k, v, **style))
    )
    style = {"color": INK, "marker": "o", "markersize": 3.2, "linestyle": "", "zorder": 3}
    draw(at, middle, 0.62, color="#9ec9e2", edgecolor=PALETTE[0])
    for k, seeds in enumerate(each):
        if len(seeds) > 1:
            dot(np.full(len(seeds), k), seeds)
    (ax.set_yticks if long else ax.set_xticks)(at, list(values), fontsize=9)
    (ax.set_xscale if long else ax.set_yscale)("log" if log else "linear")
    if floor is not None:
        (ax.axvline if long else ax.axhline)(floor, color=INK, linewidth=1, linestyle=":")
    _finish(ax, *((ylabel, "") if long else ("", ylabel)))
    ax.grid(visible=False, axis="y" if long else "x")
    if long:
        ax.invert_yaxis()
    return found


def histograms(rows, xlabel, *, alt, bins=41, spread=None, names=None):
    """How values are distributed: a row for each name, and in it a panel for each array, on shared axes.

    Parameters
    ----------
    rows : dict from name to an array, or to a list of arrays (for instance one for each layer)
    xlabel : str, with unit
    alt : str, what the figure shows and the one thing to see in it
    bins : int
    spread : float, optional, the axis runs from -spread to +spread, and what lies beyond is counted at its ends;
        without it over all values
    names : list of str, optional, titles of the columns

    Returns
    -------
    Figure: each panel's area is 1, and its standard deviation is written into it

    Raises
    ------
    DataError : no alternative text, nothing to draw, or values that are not finite.
    """
    each = {k: v if isinstance(v, (list, tuple)) and len(v) and np.ndim(v[0]) else [v] for k, v in rows.items()}
    if not each or any(not len(np.ravel(v)) for row in each.values() for v in row):
        raise DataError("histograms: there is nothing to draw; give a dict from name to an array or a list of arrays.")
    if not all(np.isfinite(v).all() for row in each.values() for v in row):
        raise DataError("histograms: some values are not finite; leave them out and say so.")
    flat = [float(f(v)) for row in each.values() for v in row for f in (np.min, np.max)]
    low, high = (min(flat), max(flat)) if spread is None else (-spread, spread)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    columns = max(map(len, each.values()))
    found = figure(_said("histograms", alt), height=max(2.2, 0.6 + 1.25 * len(each)))
    axes = found.subplots(len(each), columns, squeeze=False, sharex=True)
    for r, (name, row) in enumerate(each.items()):
        for c, ax in enumerate(axes[r]):
            if c >= len(row):
                ax.set_axis_off()
                continue
            _histogram(ax, np.ravel(row[c]), np.linspace(low, high, bins + 1), PALETTE[r % len(PALETTE)])
            ax.set_title(names[c] if names and r == 0 else None, fontsize=9)
        axes[r, 0].set_ylabel(name, fontsize=8.5)
    found.supxlabel(xlabel, fontsize=9)
    return found


def _histogram(ax, values, edges, color):
    width = edges[1] - edges[0]
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    ax.bar(edges[:-1], counts / (len(values) * width), width, align="edge", color=color, alpha=0.75)
    behind = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    place = {"transform": ax.transAxes, "ha": "right", "va": "top", "bbox": behind}
    ax.text(0.98, 0.95, f"std {np.std(values):.2g}", fontsize=7.5, **place)
    ax.set_yticks([])
    ax.tick_params(labelsize=7.5)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def contours(f, xlim, ylim, *, alt, paths=None, labels=("x", "y"), levels=14, log=False, equal=True):
    """Contour lines of a function of two variables, and paths on them.

    Parameters
    ----------
    f : function of two arrays of equal shape that returns a third
    xlim, ylim : pairs of floats
    alt : str, what the figure shows and the one thing to see in it
    paths : dict from name to array (T, 2), drawn from the first point (ringed) to the last
    labels : names of the axes
    levels : int or list of floats
    log : bool, levels at equal ratios in place of equal differences
    equal : bool, whether one unit is as long on both axes

    Returns
    -------
    Figure

    Raises
    ------
    DataError : no alternative text, or more paths than there are colours.
    """
    found = figure(_said("contours", alt), height=3.8)
    ax = found.subplots()
    x, y = np.meshgrid(np.linspace(*xlim, 240), np.linspace(*ylim, 200))
    z = np.asarray(f(x, y), float)
    if log and np.isscalar(levels):
        kept = z[z > 0]
        levels = np.geomspace(max(kept.min(), kept.max() * 1e-6), kept.max(), levels)
    ax.contour(x, y, z, levels, colors="#b5b5b5", linewidths=0.8)
    for n, (name, path) in enumerate(_few("contours", paths or {}).items()):
        style = {"color": PALETTE[n], "linestyle": DASHES[n], "marker": MARKERS[n], "markersize": 3, "linewidth": 1.3}
        ax.plot(*np.asarray(path, float).T, label=name, **style)
        ax.plot(*np.asarray(path, float)[0], "o", markersize=8, markerfacecolor="none", color=INK)
    ax.set(xlim=xlim, ylim=ylim, aspect="equal" if equal else "auto")
    _finish(ax, *labels)
    ax.grid(visible=False)
    if paths:
        ax.legend(fontsize=8.5)
    return found


def scatter(series, xlabel, ylabel, *, alt, log="", equal=False, diagonal=False):
    """Points.

    Parameters
    ----------
    series : dict from name to (x, y), arrays of one length
    xlabel, ylabel : str, with units
    alt : str, what the figure shows and the one thing to see in it
    log : "", "x", "y" or "xy"
    equal : bool, whether one unit is as long on both axes
    diagonal : bool, whether the line y = x is drawn

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : x and y differ in length.
    DataError : more series than there are colours, or no alternative text.
    """
    found = figure(_said("scatter", alt), height=3.8 if equal else 3.2)
    ax = found.subplots()
    for n, (name, (x, y)) in enumerate(_few("scatter", series).items()):
        if np.shape(x) != np.shape(y):
            raise ShapeError(f"scatter: {name!r} has x of shape {np.shape(x)} and y of shape {np.shape(y)}.")
        size = 5 if np.size(x) < 200 else 2
        ax.plot(np.ravel(x), np.ravel(y), MARKERS[n], color=PALETTE[n], markersize=size, alpha=0.7, label=name)
    ax.set(xscale="log" if "x" in log else "linear", yscale="log" if "y" in log else "linear")
    ax.set_aspect("equal" if equal else "auto")
    if diagonal:
        ax.axline((1, 1), (2, 2), color=INK, linewidth=1, linestyle=":")
    _finish(ax, xlabel, ylabel)
    if len(series) > 1:
        ax.legend(fontsize=8.5)
    return found


def images(arrays, titles, *, alt, columns=None):
    """Photographs or grey pictures.

    Parameters
    ----------
    arrays : list of arrays (H, W), 0 for black and 1 for white, or (H, W, 3), red, green and blue from 0 to 1
    titles : list of str, one for each
    alt : str, what is shown and the one thing to see in it
    columns : int, pictures in a row; at most six where it is left out

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : numbers of pictures and titles differ, or a picture has another number of axes.
    DataError : no alternative text.
    """
    if not len(arrays) or len(arrays) != len(titles):
        raise ShapeError(f"images: {len(arrays)} pictures need as many titles, at least one; there are {len(titles)}.")
    for picture in arrays:
        if np.ndim(picture) not in (2, 3) or (np.ndim(picture) == 3 and np.shape(picture)[2] != 3):
            raise ShapeError(f"images: a picture is (H, W) or (H, W, 3); one has shape {np.shape(picture)}.")
    columns = columns or min(6, len(arrays))
    rows = ceil(len(arrays) / columns)
    height, width = np.shape(arrays[0])[:2]
    found = figure(_said("images", alt), height=rows * (7.2 / columns * height / width + 0.3))
    axes = found.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, picture, title in zip(axes, arrays, titles, strict=False):
        ax.imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(title, fontsize=9, color=INK, pad=3)
    return found


class Table:
    """Rows of numbers and words that a notebook shows as a table, and a console as aligned text."""

    def __init__(self, rows, head, caption=""):
        self.rows = [[_cell(c) for c in row] for row in rows]
        self.head, self.caption = [str(h) for h in head], caption

    def __repr__(self):
        told = [self.head, *self.rows]
        wide = [max(len(row[k]) for row in told) for k in range(len(self.head))]
        body = [
            "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True)))
            for row in told
        ]
        return "\n".join([self.caption] * bool(self.caption) + [line.rstrip() for line in body])

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": display.table([self.head, *self.rows], self.caption), "text/plain": repr(self)}


def table(rows, head, *, caption=""):
    """A table: the first column names the row.

    Parameters
    ----------
    rows : list of lists of str or numbers; numbers are shown to four digits
    head : list of str, names of the columns, with units
    caption : str

    Returns
    -------
    Table

    Raises
    ------
    ShapeError : a row has more or fewer cells than the head.
    """
    for row in rows:
        if len(row) != len(head):
            raise ShapeError(f"table: a row has {len(row)} cells and the head {len(head)}: {row!r}.")
    return Table(rows, head, caption)


def _cell(value):
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return str(value)


def _said(name, alt):
    if len(str(alt)) < 20:
        raise DataError(f"{name}: alt= says what the figure shows and the one thing to see in it, in a sentence.")
    return str(alt)


def _few(name, series):
    if len(series) > len(PALETTE):
        raise DataError(f"{name}: {len(series)} series are more than can be told apart; draw at most {len(PALETTE)}.")
    return series


def _finish(ax, xlabel, ylabel):
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(visible=True, linewidth=0.4, alpha=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            low, high = sorted(axis.get_view_interval())
            if 0 < low and high / low < 300:  # too few powers of ten to read from
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())


__all__ = ["Table", "bars", "contours", "histograms", "images", "lines", "panels", "scatter", "table"]
