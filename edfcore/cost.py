"""What a component costs: arithmetic from the sizes of its index letters, and the bytes that it must move.

The roofline (Williams, Waterman & Patterson 2009) needs both: a device that does F operations and moves M bytes a
second takes at least max(FLOPs / F, bytes / M).
"""

from dataclasses import dataclass
from math import prod

from .errors import GraphError


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of one component: forward, and backward for all arguments."""

    forward: int
    backward: int


def count(sizes, *letters):
    """How many entries the named axes span together, e.g. count(sizes, "b", "...")."""
    return prod(prod(sizes[a]) if a == "..." else sizes[a] for a in letters)


def traffic(node, itemsize=None):
    """The compulsory traffic of one component with its memory, forward and backward.

        forward     reads each argument once, writes the value
        backward    reads the value's gradient and each argument once, writes the gradient of each argument that has one

    An argument that is given twice is read once. Nothing else is counted: no caches (a large operand that must be read
    again), no temporaries (the columns of a convolution), no addition to a gradient that is there already. A value that
    is a view of its argument moves nothing forward; backward, its gradient is a view too (Reshape, Permute, Transpose),
    unless it is smaller than the argument: then it is copied into the argument's gradient (Slice).

    Parameters
    ----------
    node : Component, forwarded; whether its value is a view is looked up in the arrays, as it depends on their layout
    itemsize : int, bytes of each entry; default: what the arrays really take

    Returns
    -------
    forward, backward : int, bytes for the whole batch

    Raises
    ------
    GraphError : the node is not a computed value, or was not forwarded.

    Examples
    --------
    >>> import numpy as np, edfcore as edf
    >>> with edf.Graph("float32") as graph:
    ...     x = edf.Input()
    ...     y = edf.VDot(x, edf.Param(np.ones((3, 4))))
    >>> x.set(np.ones((2, 3)))
    >>> graph.Forward()
    >>> traffic(y)  # forward 6 + 12 + 8 entries; backward 8 + 6 + 12, and 12 for the gradient of W: x has none
    (104, 152)
    """
    if not node.args or node.value is None:
        raise GraphError(f"traffic: {node!r} has no computed value; set the inputs and call Forward() first.")

    def nbytes(a):
        return int(a.value.nbytes if itemsize is None else a.value.size * itemsize)

    args = list(dict.fromkeys(node.args))
    read, value = sum(map(nbytes, args)), nbytes(node)
    gradients = sum(nbytes(a) for a in args if a.wants_grad)
    if not is_view(node):
        return read + value, value + read + gradients
    return 0, value + gradients if value < read else 0


def is_view(node):
    """Whether a forwarded component's value lies in the memory of an argument, so that nothing was moved."""
    shares = getattr(node.xp, "may_share_memory", None)  # compares bounds, which is exact for whole arrays
    return shares is not None and any(shares(node.value, a.value) for a in node.args)
