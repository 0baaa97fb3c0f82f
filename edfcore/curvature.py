"""Exact curvature: Hessian-vector products of the averaged loss, and the whole Hessian of a small problem.

Backward gives the gradient g(theta). With theta moved by a step that is imaginary, theta + i h v, the same Forward and
Backward give in their imaginary part the derivative of the gradient in the direction v,

    H v = Im g(theta + i h v) / h + O(h^2),        H = d^2 L / dtheta^2,

forward differentiation over reverse: no difference is formed, so h can be 1e-30 and H v is exact to rounding. The
price is that of a gradient in complex numbers. Where a component has a corner (ReLU), H is that of the pieces. Sources:
Pearlmutter 1994, "Fast exact multiplication by the Hessian"; Martins, Sturdza & Alonso 2003 (the complex step).

>>> import numpy as np, edfcore as edf
>>> from edfcore.curvature import hessian, hvp
>>> with edf.Graph() as graph:
...     x, w = edf.Input("x"), edf.Param([1.0, 2.0], "w")
...     loss = edf.SumOver(x * w ** 3)
>>> x.set([[1.0, 0.0], [1.0, 4.0]])
>>> hvp(loss, {w: [1.0, 1.0]})[w].tolist()
[6.0, 24.0]
>>> hessian(loss).tolist()
[[6.0, 0.0], [0.0, 24.0]]
"""

from contextlib import contextmanager

from .errors import DataError, GraphError, ShapeError
from .graph import Node, Param

STEP = 1e-30


def hvp(loss, vectors):
    """The product of the Hessian with a vector: H v, for the loss averaged over the batch.

    Parameters
    ----------
    loss : node of value (B,) or (), as for Backward; its inputs are set
    vectors : dict from parameter to array of its shape, the parts of v. H is with respect to these parameters; the
        others stay where they are.

    Returns
    -------
    dict from the same parameters to array of their shape, the parts of H v. The graph (values, gradients, clock,
    running statistics) is left as it was.

    Raises
    ------
    DataError : no parameter is given, or a vector is not finite.
    ShapeError : a vector has another shape than its parameter.
    GraphError : the loss is no node, something else than a parameter of its graph is given, or an input was never set.
    """
    params = _checked(loss, vectors, "hvp")
    directions = {p: _direction(p, vectors[p]) for p in params}
    with _restored(loss.graph):
        return _product(loss, directions)


def hessian(loss, params=None):
    """The Hessian of the averaged loss, dense, column by column: for n numbers in the parameters n gradients.

    Parameters
    ----------
    loss : node of value (B,) or (), as for Backward; its inputs are set
    params : list of parameters; default all that the loss depends on, in the order of the graph

    Returns
    -------
    array (n, n); row and column follow the parameters in order, each flattened with its last axis fastest. It is
    symmetric to rounding, and not made so.

    Raises
    ------
    DataError, GraphError : as `hvp`.
    """
    params = _checked(loss, params, "hessian")
    xp, starts = loss.xp, {p: p.value for p in params}
    columns = []
    with _restored(loss.graph):
        for param in params:
            for k in range(starts[param].size):
                v = {p: xp.zeros(p.value.shape) for p in params}
                v[param].reshape(-1)[k] = 1.0
                product = _product(loss, v)
                columns.append(xp.concatenate([product[p].ravel() for p in params]))
    n = len(columns)
    return xp.stack(columns, axis=1) if n else xp.zeros((0, 0), loss.graph.backend.dtype)


def _checked(loss, params, caller):
    """The parameters as a list."""
    if not isinstance(loss, Node) or not loss.args:
        raise GraphError(f"{caller}: {loss!r} is not a computed value; pass the loss of a graph.")
    order = loss.graph.order(loss)
    if params is None:
        params = [p for p in loss.graph.params if p in order]
    if isinstance(params, Node) or not hasattr(params, "__iter__"):
        raise DataError(f"{caller}: {params!r} stands where parameters are needed, such as {{W: v}} or [W].")
    params = list(params)
    for p in params:
        if not isinstance(p, Param) or p.graph is not loss.graph:
            raise GraphError(f"{caller}: {p!r} is not a parameter of the loss's graph.")
    if not params:
        raise DataError(f"{caller}: no parameter is given, and without one there is no Hessian.")
    return params


def _direction(param, v):
    v = param.graph.backend.floats(v, f"hvp: the vector for {param.label}")
    if v.shape != param.value.shape:
        raise ShapeError(f"hvp: the vector for {param.label} has shape {v.shape}, the parameter {param.value.shape}.")
    if not param.xp.isfinite(v).all():
        raise DataError(f"hvp: the vector for {param.label} holds NaN or infinity.")
    return v


def _product(loss, directions):
    """Im g(theta + i h v) / h; the parameters' values are put back, all else is left to `_restored`."""
    graph, before = loss.graph, {p: p.value for p in directions}
    try:
        for p, v in directions.items():
            p.value = before[p].astype("complex128") + 1j * STEP * v
        graph.Forward(loss)
        graph.Backward(loss)
        return {p: _imaginary(p, before[p]) for p in directions}
    finally:
        for p, value in before.items():
            p.value = value


def _imaginary(param, value):
    if param.grad is None:  # the loss does not depend on it
        return param.xp.zeros(value.shape, value.dtype)
    return (param.grad.imag / STEP).astype(value.dtype)


@contextmanager
def _restored(graph):
    """Inside, the graph may be run at will; afterwards its nodes are as they were."""
    held = [(node, dict(vars(node))) for node in graph.nodes]
    clock, told = graph.clock, graph.last_change
    try:
        yield
    finally:
        graph.clock, graph.last_change = clock, told
        for node, before in held:
            vars(node).clear()
            vars(node).update(before)
