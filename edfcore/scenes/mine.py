"""A reader's own function beside a scene: called, and what it gives looked at before it is drawn.

What the function raises itself stays as it is, with a note, so that its own line is found; what it gives and cannot be
meant is a DataError that says what it gave and what is needed.
"""

from numbers import Integral

import numpy as np

from ..errors import DataError


def shown(value):
    """A value in a few words.

    >>> shown(None), shown("sgd"), shown(np.zeros((2, 3)))
    ('None', "'sgd'", 'an array of shape (2, 3)')
    """
    if isinstance(value, np.ndarray):
        kind = {"c": " of complex numbers", "O": " of objects", "U": " of texts"}.get(value.dtype.kind, "")
        return f"an array{kind} of shape {value.shape}"
    told = repr(value)
    return told if len(told) <= 60 else f"a {type(value).__name__}, {told[:40]}..."


def wrong(name, value, needed, what="mine"):
    """The error about a value that `what` gave in the widget `name`."""
    return DataError(f"{name}: {what} gave {shown(value)}; {needed} is needed.")


def called(function, name, needed, *args):
    """What a reader's function gives.

    Parameters
    ----------
    name : str, of the widget
    needed : str, what it should give, in words
    args : what it is called with

    Raises
    ------
    DataError : it is no function. What it raises itself is raised on, with a note.
    """
    if not callable(function):
        raise DataError(f"{name}: mine is {shown(function)}; a function that gives {needed} is needed.")
    try:
        return function(*args)
    except Exception as error:
        error.add_note(f"{name}: mine raised this {type(error).__name__}; it is called with {len(args)} argument(s).")
        raise


def real_array(value, name, needed, what="mine"):
    """A copy as floats of an array of real numbers. Raises DataError."""
    try:
        array = np.array(value)
    except ValueError:  # rows of unequal length
        raise wrong(name, value, needed, what) from None
    if array.dtype.kind not in "biuf":
        raise wrong(name, value, needed, what)
    return array.astype(float)


def whole(value, name, needed, what="mine"):
    """A whole number as int. Raises DataError."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise wrong(name, value, needed, what)
    return int(value)


def stepping(function, name, *more):
    """A function of a graph that makes the reader's optimizer, looked at when it is made and after each step."""
    needed = "an object with step(), such as an optimizer of edfcore.optimizers,"

    def make(graph):
        made = called(function, name, needed, graph, *more)
        if not callable(getattr(made, "step", None)):
            raise wrong(name, made, needed)
        return Looked(made, graph, name)

    return make


class Looked:
    """An optimizer whose parameters must stay arrays of real numbers, each of its shape."""

    def __init__(self, inner, graph, name):
        self.inner, self.name = inner, name
        self.params = [(p, np.shape(p.value)) for p in graph.params]

    def step(self):
        called(self.inner.step, self.name, "nothing")
        for param, shape in self.params:
            value, needed = param.value, f"an array of real numbers of shape {shape}"
            if real_array(value, self.name, needed, "a step of mine").shape != shape:
                raise wrong(self.name, value, needed, "a step of mine")


def told(found):
    """What is said of the reader's own, with a blank before it; "" where there is none."""
    words = found.get("mine", {}).get("told", "")
    return f" {words}" if words else ""


def count(n, what):
    """A number and what it counts.

    >>> count(1, "warp"), count(2, "warp")
    ('1 warp', '2 warps')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def sentence(text):
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]
