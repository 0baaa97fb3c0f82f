"""Broadcasting (lecture 02): scenes/broadcasting.py in a reader's hands, with a shape rule of their own."""

from ..errors import EdfError
from ..figures.broadcasting import broadcasting_figure
from ..scenes.broadcasting import Broadcasting as Scene
from ..scenes.broadcasting import shape_of, written
from ..scenes.mine import called, whole, wrong
from .base import Widget, module, styles
from .mine import Mine


class Broadcasting(Mine, Widget):
    """Two shapes: type them, see them aligned, what is stretched, what backward sums, or the axis that clashes.

    Parameters
    ----------
    mine : your own rule: a function of two shapes, tuples of int, that gives the result's shape, and raises ValueError
        or gives None where they clash; the first axis at which it parts from NumPy's is named
    hide, given : as for every widget; settings are those of edfcore.scenes.Broadcasting

    Raises
    ------
    DataError : there is no such setting, or `mine` gives something else than a shape.
    """

    scene, python = Scene(), "edfcore.widgets.Broadcasting"
    _esm, _css = module("broadcasting"), styles()
    draw = staticmethod(broadcasting_figure)

    def __init__(self, mine=None, **given):
        self._mine = mine
        super().__init__(**given)

    def overlay(self, state):
        """What the reader's rule gives, beside NumPy's."""
        if self._mine is None:
            return None
        shapes, found = [shape_of(state[name]) for name in "ab"], self.scene.compute(state)
        if not found["fits"] and not len(found["clashes"]):  # no shapes to ask about
            told, axis = "", -1
        else:
            right = tuple(int(size) for size in found["shape"]) if found["fits"] else None
            told, axis = compared(self._given(*shapes), right)
        return {"mine": {"of": f"{state['a']}|{state['b']}", "told": told, "axis": axis}}

    def _given(self, a, b):
        name, needed = "Broadcasting", "a tuple of whole numbers, or None for a clash,"
        if not callable(self._mine):
            called(self._mine, name, needed)
        try:
            given = called(self._mine, name, needed, a, b)
        except (ValueError, EdfError):
            return None
        if given is None:
            return None
        if not isinstance(given, tuple | list):
            raise wrong(name, given, needed)
        return tuple(whole(size, name, needed) for size in given)


def compared(given, right):
    """A sentence about two shapes, None for a clash, and the first axis from the right at which they part, else 0."""
    if given == right:
        return f"Your rule {'finds the clash' if right is None else f'gives {written(right)}'}, as NumPy.", 0
    if given is None:
        return f"Your rule finds a clash; NumPy gives {written(right)}.", 0
    if right is None:
        return f"Your rule gives {written(given)}; NumPy finds a clash.", 0
    pairs = zip(reversed(given), reversed(right), strict=False)
    axis = next((-k for k, (m, n) in enumerate(pairs, 1) if m != n), -min(len(given), len(right)) - 1)
    return f"Your rule gives {written(given)}, NumPy {written(right)}; from the right they part at axis {axis}.", axis
