"""Index letters: what a component declares of its axes, and shape errors told in the same letters.

A signature such as `"b,i ; i,j -> b,j"` names the axes of each argument and of the value. A letter has
one size throughout. `...` stands for any further axes; those broadcast as in NumPy (S2, "Broadcasting").
"""

from dataclasses import dataclass
from functools import cache

from .errors import ShapeError


@dataclass(frozen=True)
class Signature:
    """The parsed form of `"b,i ; i,j -> b,j"`: a tuple of letters for each argument and for the value."""

    args: tuple[tuple[str, ...], ...]
    out: tuple[str, ...]

    @property
    def letters(self):
        """Every letter of the signature, in order of appearance, without `...`."""
        seen = dict.fromkeys(letter for axes in (*self.args, self.out) for letter in axes)
        return [letter for letter in seen if letter != "..."]

    def bind(self, component, names, shapes):
        """Match the shapes of a component's arguments, whose names serve the message, to letters.

        Returns
        -------
        dict letter -> size; the key "..." holds the broadcast shape of the further axes

        Raises
        ------
        ShapeError : an argument has too few or too many axes, a letter has two sizes, or the further
            axes do not broadcast.
        """
        sizes, owner, rest = {}, {}, []
        for axes, name, shape in zip(self.args, names, shapes, strict=True):
            for letter, size in _pairs(component, name, axes, shape):
                if letter == "...":
                    rest.append((name, size))
                elif sizes.setdefault(letter, size) != size:
                    first, others, its = owner[letter]
                    raise ShapeError(
                        f"{component}: {first} has axes {','.join(others)} = {its} but {name} has {','.join(axes)} = "
                        f"{shape}: {letter} is {sizes[letter]} in {first} and {size} in {name}.",
                        [owner[letter], (name, axes, shape)], letter,
                    )  # fmt: skip
                owner.setdefault(letter, (name, axes, shape))
        sizes["..."] = broadcast(component, rest)
        return sizes

    def shape(self, sizes):
        """The shape of the value, from the sizes of its letters."""
        return tuple(n for a in self.out for n in (sizes["..."] if a == "..." else [sizes[a]]))


def _pairs(component, name, axes, shape):
    """Pairs of letter and size; the further axes come together as ("...", shape)."""
    fixed = [a for a in axes if a != "..."]
    if len(shape) < len(fixed) or ("..." not in axes and len(shape) > len(fixed)):
        least = "at least " if "..." in axes else ""
        raise ShapeError(
            f"{component}: {name} needs {least}the axes {','.join(fixed)} ({len(fixed)}) "
            f"but has shape {shape} ({len(shape)})."
        )
    if "..." not in axes:
        return list(zip(axes, shape, strict=True))
    start = axes.index("...")
    end = len(shape) - (len(axes) - start - 1)
    after = zip(axes[start + 1 :], shape[end:], strict=True)
    return [*zip(axes[:start], shape[:start], strict=True), ("...", shape[start:end]), *after]


def broadcast(component, named_shapes):
    """The common shape of several named shapes under NumPy's rules, or a sentence that names the axis."""
    result, width = [], max((len(shape) for _, shape in named_shapes), default=0)
    for axis in range(-width, 0):
        found = {}
        for name, shape in named_shapes:
            if len(shape) >= -axis and shape[axis] != 1:
                found.setdefault(shape[axis], name)
        if len(found) > 1:
            (size1, name1), (size2, name2) = list(found.items())[:2]
            shapes = " and ".join(f"{name} = {shape}" for name, shape in named_shapes)
            raise ShapeError(
                f"{component}: {shapes} do not broadcast: counted from the right, "
                f"axis {-axis} is {size1} in {name1} and {size2} in {name2}.",
                [(name, None, shape) for name, shape in named_shapes], axis,
            )  # fmt: skip
        result.append(next(iter(found), 1))
    return tuple(result)


@cache
def parse(text):
    """Parse `"b,i ; i,j -> b,j"`. Raises ValueError on a malformed signature."""
    left, arrow, right = text.partition("->")
    if not arrow:
        raise ValueError(f"axes {text!r} lack '->'")
    return Signature(tuple(_letters(part) for part in left.split(";")), _letters(right))


def _letters(part):
    return tuple(letter.strip() for letter in part.split(",") if letter.strip())
