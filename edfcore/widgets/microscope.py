"""The batch-index microscope (lecture 01): scenes/microscope.py in a reader's hands, with a backward of their own."""

import numpy as np

from ..errors import ShapeError
from ..figures.microscope import entry_figure
from ..scenes.base import short
from ..scenes.microscope import Microscope, forward_and_backward
from ..scenes.mine import called, real_array, wrong
from .base import Widget, as_function, module, styles
from .mine import Mine

APART = 1e-9  # distance at which two entries differ; the right ones are whole numbers


class BatchMicroscope(Mine, Widget):
    """One entry of y, z or a gradient: click it, or move with the arrow keys, and see what it is made of.

    Parameters
    ----------
    mine : your own backward of y = xW: a function of y.grad (b,j), x (b,i) and W (i,j) that gives x.grad and W.grad;
        the entries that it has otherwise than edfcore are struck through, and the first of them is named
    hide, given : as for every widget; settings are those of edfcore.scenes.Microscope

    Raises
    ------
    DataError : there is no such setting, or `mine` gives something else than two arrays of real numbers.
    ShapeError : `mine` gives gradients of another shape.
    """

    scene, python = Microscope(), "edfcore.widgets.BatchMicroscope"
    _esm, _css = module("microscope"), styles()
    draw = staticmethod(entry_figure)

    def __init__(self, mine=None, **given):
        self._mine = as_function("BatchMicroscope", mine, "a function of y.grad, x and W")
        super().__init__(**given)

    def overlay(self, state):
        """The reader's two gradients, and a sentence about the first entry where they part from edfcore's."""
        if self._mine is None:
            return None
        sizes = [state[name] for name in ("B", "I", "J", "seed")]
        right = forward_and_backward(*sizes)
        name, needed = "BatchMicroscope", "two arrays, x.grad and W.grad,"
        given = called(self._mine, name, needed, *(right[k].copy() for k in ("y.grad", "x", "W")))
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise wrong(name, given, needed)
        mine = {
            k: real_array(g, name, "an array of real numbers", f"mine, as {k},")
            for k, g in zip(("x.grad", "W.grad"), given, strict=True)
        }
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
            count = f"{differs.sum()} of its entries {'differs' if differs.sum() == 1 else 'differ'}."
            return f"Your backward parts from edfcore's at {where}: yours is {numbers}. {count}"
    return "Your backward gives the gradients of edfcore."
