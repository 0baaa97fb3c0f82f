"""The training step in the spelling of the slides."""

from numbers import Real

from ..errors import DataError, GraphError
from ..graph import current


def SGD(eta, graph=None):
    """One step of stochastic gradient descent: W[...] -= eta W.grad[...] for every parameter (S0, training loop).

    Parameters
    ----------
    eta : float, the learning rate, finite and at least 0
    graph : Graph, default the current one

    Raises
    ------
    DataError : eta is not such a number.
    GraphError : no parameter has a gradient.
    """
    if not isinstance(eta, Real) or not 0 <= eta < float("inf"):
        raise DataError(f"SGD: the learning rate eta is {eta!r}; a finite number of at least 0 is needed.")
    graph = graph or current()
    trained = [p for p in graph.params if p.grad is not None]
    if not trained:
        raise GraphError(
            "SGD: no parameter of the current graph has a gradient; call Backward(loss) first. For a graph of your "
            "own, step inside its 'with' block or pass it: edf.SGD(eta, graph)."
        )
    for param in trained:
        param.value -= float(eta) * param.grad
    graph.touch("a step of SGD was taken")
