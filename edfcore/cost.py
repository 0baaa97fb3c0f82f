"""What a component costs, from the sizes of its index letters."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of one component: forward, and backward for all arguments."""

    forward: int
    backward: int


def count(sizes, *letters):
    """How many entries the named axes span together, e.g. count(sizes, "b", "...")."""
    return prod(prod(sizes[a]) if a == "..." else sizes[a] for a in letters)
