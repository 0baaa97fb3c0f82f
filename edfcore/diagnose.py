"""Why a backward pass cannot start, in sentences."""

from .errors import DataError, GraphError


def check_forwarded(graph, loss, order):
    """Raise GraphError where the loss's value is missing or stale, DataError where it is not finite."""
    if loss.value is None:
        raise GraphError(f"Backward: {loss.label} was not forwarded yet; call Forward() first.")
    if loss.clock != graph.clock:
        raise GraphError(f"Backward: {graph.last_change} after the last Forward(); call Forward() again.")
    if fails(graph.backend, ~graph.backend.xp.isfinite(loss.value).all(), loss, "the loss is not finite"):
        raise DataError(f"Backward: the loss {loss.label} is not finite. {blame(graph.backend.xp, order)}")


def fails(backend, flag, node, why):
    """Whether a check found a fault. A GPU may look later (see gpu.device): the answer is no for now.

    Parameters
    ----------
    backend : Backend, of the node's graph
    flag : the fault, a truth () of this backend
    node, why : what a late message says: the node, and what is wrong with it
    """
    late = getattr(backend.name, "late", None)
    return bool(flag) if late is None else late.add(flag, node, why)


def blame(xp, order):
    """A sentence that names the first value, in topological order, that is not finite."""
    node = next(n for n in order if not xp.isfinite(n.value).all())
    at = tuple(int(k) for k in xp.argwhere(~xp.isfinite(node.value))[0])
    where = f"The first such value is {node.label}.value{list(at)} = {node.value[at]}"
    if not node.args and node.batched:
        return f"{where}: check the data before set(...)."
    return f"{where}, from the values that it depends on: a smaller step eta often helps."
