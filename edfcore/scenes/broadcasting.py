"""Broadcasting: two shapes aligned from the right, the axes that are stretched, and the sums that backward makes.

    Two sizes agree where they are equal or one of them is 1; an axis that is missing counts as 1 (S2, "Broadcasting in
    NumPy"). An axis of size 1 is read again and again: its stride is 0 and nothing is copied.

    c[...,i,j] = a[...,i,j] + b[...,i,j]      a.grad = the sum of c.grad over the axes along which a was repeated

The shape, the strides and the words of a clash are NumPy's; the gradient's shape is that of graph.unbroadcast.
"""

import math
import re

import numpy as np

from ..graph import unbroadcast
from .base import Scene, Setting, short

MOST_AXES, MOST_SIZE, MOST_ENTRIES = 5, 1000, 1_000_000
DRAWN = 6  # of an axis that is longer, the first four and the last are drawn
EXAMPLES = (  # the sum of S2's slides, an outer sum, a clash, and its quiz
    ("", "4,3", "3"), ("", "3,1", "4"), ("", "4,3", "4"),
    ("A", "5,3,2", "3,2"), ("B", "5,3,2", "5,2"), ("C", "5,3,2", "5,3"), ("D", "5,3,2", "5,1,2"),
    ("E", "5,3,2", "1,3,2"), ("F", "5,3,2", "5,3,1"), ("G", "5,3,2", ""),
)  # fmt: skip


def shape_of(text):
    """The shape that a text stands for: "3,1", "(3, 1)", "3,", and "" or "()" for a single number; None where none.

    >>> shape_of("(5, 3,)"), shape_of("()"), shape_of("3 4")
    ((5, 3), (), None)
    """
    inner = text.lstrip("( ").rstrip(", )")
    parts = re.split(" *, *", inner) if inner else []
    if len(parts) > MOST_AXES or any(not re.fullmatch("[0-9]{1,4}", part) for part in parts):
        return None
    shape = tuple(map(int, parts))
    return shape if all(1 <= size <= MOST_SIZE for size in shape) else None


def written(shape):
    """A shape as Python writes it: "(3, 1)", "(3,)", "()"."""
    return str(tuple(int(size) for size in shape))


def trouble(a, b, texts):
    """Why two texts are no shapes that can be shown; "" where they are."""
    for name, shape, text in zip("ab", (a, b), texts, strict=True):
        if shape is None:
            return (
                f'{name} is "{text}"; this widget shows at most {MOST_AXES} axes, of 1 to {MOST_SIZE}, with '
                "commas between them, such as 4,3."
            )
    entries = math.prod(map(max, padded(a, len(b)), padded(b, len(a))))
    if entries > MOST_ENTRIES:
        return f"The result would hold {short(float(entries))} entries; at most {MOST_ENTRIES} are shown."
    return ""


def padded(shape, width):
    """A shape with sizes 1 in front, so that it has at least `width` axes."""
    return (1,) * (width - len(shape)) + tuple(shape)


def clashing(a, b):
    """The axes of the result, counted from the left, at which the sizes differ and neither is 1."""
    width = max(len(a), len(b))
    pairs = zip(padded(a, width), padded(b, width), strict=True)
    return [k for k, (m, n) in enumerate(pairs) if m != n and 1 not in (m, n)]


def summed_over(shape, result):
    """The axes of the result over which the gradient of an argument is summed."""
    missing = len(result) - len(shape)
    return [k for k, size in enumerate(padded(shape, len(result))) if k < missing or (size == 1 and result[k] != 1)]


def mended(shape, other):
    """The first place from the right at which an axis of size 1 makes a shape fit: (place, shape); None where none."""
    for place in range(len(shape), 0, -1):
        more = (*shape[:place], 1, *shape[place:])
        if not clashing(more, other):
            return place, more
    return None


class Broadcasting(Scene):
    """Two shapes: their common shape or the axis that clashes, what is stretched, and what backward sums."""

    name, title = "broadcasting", "Broadcasting: aligned from the right, stretched without copies, summed by backward"
    settings = (
        Setting("a", "shape of a", "4,3", "text", most=24),
        Setting("b", "shape of b", "3", "text", most=24),
        Setting("bytes", "entries", 8, "choice", choices=tuple((n, f"float{8 * n}, {n} bytes") for n in (8, 4, 2))),
        Setting("sheet", "sheet pointed at", 0, low=0, high=MOST_SIZE - 1, step=1, whole=True, hidden=True),
        Setting("row", "row pointed at", 2, low=0, high=MOST_SIZE - 1, step=1, whole=True, hidden=True),
        Setting("column", "column pointed at", 1, low=0, high=MOST_SIZE - 1, step=1, whole=True, hidden=True),
    )

    def compute(self, state):
        """`fits` and, where they fit: the result's `shape`; strides_*, held_*, sums_*, grad_*, repeats_* of a and b;
        `copied`, the bytes of a full copy; the `entry` at `index` and where it comes from, `point`. Else `why`.
        """
        texts = (state["a"], state["b"])
        a, b = map(shape_of, texts)
        if why := trouble(a, b, texts):
            return {"fits": 0, "why": why, "clashes": np.array([])}
        if axes := clashing(a, b):
            return {"fits": 0, "why": clash(a, b, axes), "clashes": np.array(axes, dtype=float)}
        result = np.broadcast_shapes(a, b)
        index = np.array(pointed(state, result), dtype=float)
        found = {
            "fits": 1,
            "shape": np.array(result, dtype=float),
            "copied": state["bytes"] * int(np.prod(result, dtype=int)),
        }
        for name, shape in (("a", a), ("b", b)):
            array = np.zeros(shape, f"f{state['bytes']}")
            view, gradient = np.broadcast_to(array, result), unbroadcast(np.ones(result), shape)
            found |= {
                f"strides_{name}": np.array(view.strides, dtype=float), f"held_{name}": array.nbytes,
                f"sums_{name}": np.array(summed_over(shape, result), dtype=float),
                f"grad_{name}": np.array(gradient.shape, dtype=float), f"repeats_{name}": float(gradient.flat[0]),
                f"entry_{name}": float(np.broadcast_to(numbers(name, shape), result)[pointed(state, result)]),
            }  # fmt: skip
        entry = (numbers("a", a) + numbers("b", b))[pointed(state, result)]
        return found | {"index": index, "entry": float(entry), "point": self._point(a, b, index, found, entry)}

    def _point(self, a, b, index, found, entry):
        """The entry that is pointed at and the two that it is made of: "c[2,1] = a[2,1] + b[1] = 8 + 200 = 208"."""
        at = [int(k) for k in index]
        names = []
        for name, shape in (("c", None), ("a", a), ("b", b)):
            own = at if shape is None else source(shape, at)
            names.append(f"{name}[{','.join(map(str, own))}]" if own else name)
        terms = " + ".join(str(int(found[f"entry_{n}"])) for n in "ab")
        return f"{names[0]} = {names[1]} + {names[2]} = {terms} = {int(entry)}"

    def caption(self, state, found):
        if not found["fits"]:
            return found["why"]
        a, b = shape_of(state["a"]), shape_of(state["b"])
        start = f"{written(a)} and {written(b)} give {written(found['shape'])}, compared from the right."
        told = [self._stretched(name, found) for name in "ab" if len(found[f"sums_{name}"])]
        if not told:
            return f"{start} No axis is stretched, and backward sums nothing."
        return " ".join([start, *told])

    def _stretched(self, name, found):
        axes = listed(found[f"sums_{name}"])
        held, copied, times = (int(found[key]) for key in (f"held_{name}", "copied", f"repeats_{name}"))
        if times == 1:
            them = "it" if len(found[f"sums_{name}"]) == 1 else "them"
            return (
                f"{name} gets {axes} in front, of size 1, and nothing of it is stretched; backward takes {them} away "
                "again."
            )
        return (
            f"{name} is stretched along {axes}: {held} bytes are held where copies would take {copied}, each entry is "
            f"read {times} times, and backward sums {name}.grad over {axes}."
        )

    def rows(self, state, found):
        if not found["fits"]:
            return [["", "a", "b"], ["shape", *(said(shape_of(state[name])) for name in "ab")]]
        both = lambda name: [found[f"{name}_{k}"] for k in "ab"]  # noqa: E731
        a, b = shape_of(state["a"]), shape_of(state["b"])
        return [
            ["", "a", "b", "result c"],
            ["shape", written(a), written(b), written(found["shape"])],
            ["strides (bytes)", *map(written, both("strides")), ""],
            ["bytes held", *(str(int(v)) for v in both("held")), str(int(found["copied"]))],
            ["reads of each entry", *(str(int(v)) for v in both("repeats")), ""],
            ["backward sums over", *(listed(v) if len(v) else "nothing" for v in both("sums")), ""],
            ["shape of the gradient", *map(written, both("grad")), written(found["shape"])],
        ]


def clash(a, b, axes):
    """The sentences about a clash: the axis, NumPy's own words, and an axis of size 1 that would mend it."""
    width = max(len(a), len(b))
    sizes = ", ".join(f"{padded(a, width)[k]} in a and {padded(b, width)[k]} in b" for k in axes)
    start = f"Axis {axes[0]} clashes" if len(axes) == 1 else f"A{listed(axes)[1:]} clash"
    told = f"{start}: {sizes}, and {'neither' if len(axes) == 1 else 'none'} is 1. NumPy says: {words(a, b)}."
    if len(a) == len(b):
        return told
    name, shape, other = ("a", a, b) if len(a) < len(b) else ("b", b, a)
    if found := mended(shape, other):
        place, more = found
        told += f" {name}[{', '.join([':'] * place + ['None'])}], of shape {written(more)}, would fit."
    return told


def words(a, b):
    """NumPy's message about two shapes that clash."""
    try:
        np.add(np.broadcast_to(0.0, a), np.broadcast_to(0.0, b))
    except ValueError as error:
        return str(error).strip()
    return ""


def numbers(name, shape):
    """The entries: a counts 1, 2, 3, ..., b counts 100, 200, 300, ... (the sum printed in S2)."""
    count = np.arange(1, int(np.prod(shape, dtype=int)) + 1, dtype=float).reshape(shape)
    return count if name == "a" else np.asarray(100 * count)


def drawn(size):
    """The places along an axis that are drawn."""
    return list(range(size)) if size <= DRAWN else [0, 1, 2, 3, size - 1]


def pointed(state, result):
    """The index of the result's entry that is pointed at: of the last three axes, and one that is drawn."""
    given = (0,) * len(result) + (state["sheet"], state["row"], state["column"])
    given = given[len(given) - len(result) :]
    return tuple(k if k in drawn(n) else n - 1 for k, n in zip(given, result, strict=True))


def source(shape, index):
    """The entry of an argument that an entry of the result reads."""
    return [0 if size == 1 else k for size, k in zip(shape, index[len(index) - len(shape) :], strict=True)]


def listed(axes):
    """Axes in words: "axis 0", "axes 0 and 2"."""
    names = [str(int(k)) for k in axes]
    return f"axis {names[0]}" if len(names) == 1 else f"axes {', '.join(names[:-1])} and {names[-1]}"


def said(shape):
    return "no shape" if shape is None else written(shape)
