"""The batch-index microscope (lecture 01): scenes/microscope.py in a reader's hands, with a backward of their own."""

import numpy as np

from ..errors import ShapeError
from ..figures.microscope import entry_figure
from ..scenes.base import short
from ..scenes.microscope import Microscope, forward_and_backward
from .base import Widget, module, styles

APART = 1e-9  # distance at which two entries differ; the right ones are whole numbers


class BatchMicroscope(Widget):
    """One entry of y, z or a gradient: click it, or move with the arrow keys, and see what it is made of.

    Parameters
    ----------
    mine : your own backward of y = xW: a function of y.grad (b,j), x (b,i) and W (i,j) that gives x.grad and W.grad;
        the entries that it has otherwise than edfcore are struck through, and the first of them is named
    hide, given : as for every widget; settings are those of edfcore.scenes.Microscope

    Raises
    ------
    DataError : there is no such setting.
    ShapeError : `mine` gives gradients of another shape.
    """

    scene, python = Microscope(), "edfcore.widgets.BatchMicroscope"
    _esm, _css = module("microscope"), styles()
    draw = staticmethod(entry_figure)

    def __init__(self, mine=None, **given):
        self._mine = mine
        super().__init__(**given)

    def overlay(self, state):
        """The reader's two gradients, and a sentence about the first entry where they part from edfcore's."""
        if self._mine is None:
            return None
        sizes = [state[name] for name in ("B", "I", "J", "seed")]
        right = forward_and_backward(*sizes)
        given = self._mine(right["y.grad"].copy(), right["x"].copy(), right["W"].copy())
        mine = {name: np.array(g, dtype=float) for name, g in zip(("x.grad", "W.grad"), given, strict=True)}
        for name, gradient in mine.items():
            if gradient.shape != right[name].shape:
                raise ShapeError(
                    f"BatchMicroscope: your {name} has shape {gradient.shape}; {right[name].shape}, the shape of "
                    f"{name[0]}, is needed."
                )
        found = {name.replace(".", "_"): gradient for name, gradient in mine.items()}
        return {"mine": found | {"of": " ".join(map(str, sizes)), "told": first_apart(mine, right)}}


def first_apart(mine, right):
    """The sentence about the first entry at which gradients differ."""
    for name, gradient in mine.items():
        differs = ~(np.abs(gradient - right[name]) < APART)  # NaN differs too
        if differs.any():
            at = tuple(int(k) for k in np.argwhere(differs)[0])
            numbers = f"{short(float(gradient[at]))}, edfcore has {short(float(right[name][at]))}"
            where = f"{name}[{','.join(map(str, at))}]"
            count = f"{differs.sum()} of its entries differ."
            return f"Your backward parts from edfcore's at {where}: yours is {numbers}. {count}"
    return "Your backward gives the gradients of edfcore."
