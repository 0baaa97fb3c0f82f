"""Every registered component by name: gradient checks, cost model and documentation iterate over it."""

import inspect
from functools import cache

from .axes import parse

REGISTRY = {}


@cache
def argument_names(component):
    """The names of a component's arguments, as its `forward` spells them."""
    return tuple(inspect.signature(component.forward).parameters)[1:]


def register(component):
    """Class decorator: make a component known to gradient checks, cost model and documentation.

    Raises
    ------
    TypeError : the component lacks one of its parts, or its axes do not match its arguments.
    """
    parts = ("axes", "source", "forward", "backward", "jvp", "cost", "__doc__")
    missing = [part for part in parts if not getattr(component, part, None)]
    if missing:
        raise TypeError(f"{component.__name__} cannot be registered: it lacks {', '.join(missing)}.")
    signature, taken = parse(component.axes), argument_names(component)
    if len(signature.args) != len(taken):
        raise TypeError(f"{component.__name__}: axes name {len(signature.args)} arguments, forward takes {taken}.")
    new = set(signature.out).difference(*signature.args)
    if new and component.derive.__qualname__.startswith("Component."):
        raise TypeError(f"{component.__name__}: axes give {', '.join(new)} only after '->', and derive no size for it.")
    REGISTRY[component.__name__] = component
    return component
