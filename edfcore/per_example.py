"""Gradients with the batch index kept: W.grad[b,i,j], the gradient of instance b's own loss.

Their mean over b is what Backward computes; their spread is what the average hides. EDF's Affine class (Fall
2020) formed them on the way, as x[:,:,None] * g[:,None,:].
"""

from .errors import GraphError
from .graph import Param, unbroadcast


def gradients(loss, params=None):
    """The gradient of each instance's loss with respect to each parameter.

    Parameters
    ----------
    loss : node of value (B,), forwarded
    params : the parameters of interest; default, all of the graph

    Returns
    -------
    dict from parameter to array (B, *parameter's shape); the mean over the first axis equals `param.grad` after
    `Backward(loss)`. Gradients and values of the graph are left as they were.

    Raises
    ------
    GraphError : the loss has no batch index, or a component mixes the instances of a batch.
    """
    graph = loss.graph
    if not loss.batched:
        raise GraphError(f"per_example: {loss.label} has no batch index; pass the loss before its mean.")
    order = graph.order(loss)
    for node in order:
        if node.args and node.mixes_examples:
            raise GraphError(f"per_example: {node.label} mixes instances, so no instance has a gradient alone.")
    before = {node: node.grad for node in graph.nodes}
    graph.Backward(loss, seed=1.0)
    kept = {}
    for node in reversed(order):
        if node.args and (node.grad is not None or node in kept):
            for arg, contribution in _contributions(node, kept, len(loss.value)):
                kept[arg] = kept[arg] + contribution if arg in kept else contribution
    for node, grad in before.items():
        node.grad = grad
    wanted = graph.params if params is None else list(params)
    zeros, B = graph.backend.xp.zeros, len(loss.value)
    return {p: kept[p] if p in kept else zeros((B, *p.value.shape), p.value.dtype) for p in wanted}


def _contributions(node, kept, B):
    """For each argument without batch index that leads to a parameter: its contribution, b kept in front."""
    wanted = [k for k, a in enumerate(node.args) if not a.batched and (a.args or isinstance(a, Param))]
    if not wanted:
        return
    values = [a.value for a in node.args]
    fast = node.batched and hasattr(node, "per_example")
    whole = node.per_example(node.grad, node.value, *values) if fast else None
    rows = None if whole else [_one_example(node, kept, b) for b in range(B)]
    for k in wanted:
        yield node.args[k], whole[k] if whole else node.xp.stack([row[node.args[k], k] for row in rows])


def _one_example(node, kept, b):
    """The contributions of instance b alone, by the component's own backward on a batch of one."""

    def rows(value, batched):
        return value[b : b + 1] if batched else value

    grad = node.grad[b : b + 1] if node.batched else kept[node][b]
    values = [rows(a.value, a.batched) for a in node.args]
    found = node.contributions(grad, rows(node.value, node.batched), values)
    return {
        (arg, k): unbroadcast(c() if callable(c) else c, value.shape)
        for k, (arg, c, value) in enumerate(zip(node.args, found, values, strict=True))
        if c is not None
    }
