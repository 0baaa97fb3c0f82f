"""The figure of scenes/engine.py: a small graph, its wrong gradients marked, and all gradients as a table."""

from ..scenes.engine import IDEAS, Engine, listed
from .base import INK, PALETTE, figure


def engine_figure(state, found):
    """The graph, and its gradients beside the right ones.

    Parameters
    ----------
    state, found : of scenes.engine.Engine

    Returns
    -------
    Figure
    """
    scene = Engine()
    made = figure(f"A small graph with values and gradients. {scene.caption(state, found)}", height=4.2)
    plane, numbers = made.subplots(1, 2, width_ratios=[1, 1.15])
    spots = [(column, -row) for column, row in found["places"]]
    for k, args in enumerate(found["args"]):
        for n, arg in enumerate(args):
            shift = 0.25 * (2 * n - 1) if args.count(arg) > 1 else 0  # two uses, two arrows
            (x1, y1), (x2, y2) = spots[arg], spots[k]
            arrow = {"arrowstyle": "->", "color": INK, "shrinkA": 24, "shrinkB": 26}
            plane.annotate("", (x2 + shift, y2), (x1 + shift, y1), arrowprops=arrow)
    for k, (x, y) in enumerate(spots):
        _box(plane, x, y, k, found)
    lowest = min(y for _, y in spots)
    plane.set(xlim=(-1.0, 3.0), ylim=(lowest - 0.6, 0.6))
    plane.axis("off")
    rows = scene.rows(state, found)
    heads = ["node", "right", "here", "yours"][: len(rows[0]) - 1]
    drawn = numbers.table([[r[0], *r[2:]] for r in rows[1:]], colLabels=heads, loc="center", cellLoc="left")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.scale(1, 1.5)
    off = [words[0] for name, words in IDEAS.items() if not state[name]]
    numbers.set_title(f"Off: {', '.join(off) or 'nothing'}", fontsize=9, loc="left", color=INK, wrap=True)
    numbers.axis("off")
    return made


def _box(plane, x, y, k, found):
    """A node: formula, value, gradient; a wrong gradient has a thick dashed frame and the right number below."""
    wrong = found["wrong"][k] and found["grads"][k] == found["final"][k]
    lines = [found["formulas"][k], f"value {listed(found['values'][k])}"]
    if found["right"][k]:
        lines.append(f"grad {listed(found['grads'][k])}" + (" (wrong)" if wrong else ""))
    frame = {"boxstyle": "round", "facecolor": "white", "edgecolor": PALETTE[1] if wrong else INK}
    frame |= {"linewidth": 2.4 if wrong else 1, "linestyle": "--" if wrong else "-"}
    plane.text(x, y, "\n".join(lines), ha="center", va="center", fontsize=8.5, color=INK, bbox=frame)
