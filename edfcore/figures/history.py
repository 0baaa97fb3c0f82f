"""The figure of lecture 12: when frameworks appeared, and when their development ended."""

from ..errors import DataError
from .base import INK, PALETTE, figure


def lives(rows, now, alt):
    """A bar for each framework, from its first year to its last; an arrow where it goes on.

    Parameters
    ----------
    rows : list of (name, first, last), years; last is None where development goes on
    now : int, the year in which the picture ends
    alt : str, what the figure shows and the one thing to see in it

    Returns
    -------
    Figure

    Raises
    ------
    DataError : there is nothing to draw, years run backwards, or no alternative text.
    """
    if not rows or len(str(alt)) < 20:
        raise DataError("lives: give at least one (name, first, last), and alt= in a sentence.")
    for name, first, last in rows:
        if not first <= (now if last is None else last) <= now:
            raise DataError(f"lives: {name} runs from {first} to {last}, in a picture that ends in {now}.")
    found = figure(str(alt), height=0.7 + 0.26 * len(rows))
    ax = found.subplots()
    for k, (name, first, last) in enumerate(rows):
        end, lives_on = (now, True) if last is None else (last, False)
        style = {"color": PALETTE[0]} if lives_on else {"color": "#dddddd", "edgecolor": INK, "hatch": "////"}
        ax.barh(k, max(end - first, 0.35), 0.62, left=first, linewidth=0.6, **style)
        if lives_on:
            ax.plot([end], [k], ">", color=PALETTE[0], markersize=9, clip_on=False)
        else:
            ax.text(end + 0.25, k, str(last), ha="left", va="center", fontsize=8.5, color=INK)
        ax.text(first - 0.2, k, f"{name}, {first}", ha="right", va="center", fontsize=9, color=INK)
    earliest = min(first for _, first, _ in rows)
    ax.set(xlim=(earliest - 3.5, now + 0.5), xlabel="year", yticks=[])
    ax.invert_yaxis()
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.grid(visible=True, axis="x", linewidth=0.4, alpha=0.5)
    ax.set_axisbelow(True)
    return found
