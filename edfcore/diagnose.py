"""Why a backward pass cannot start, in sentences."""

from .errors import DataError, GraphError


def check_forwarded(graph, loss, order):
    """Raise GraphError where the loss's value is missing or stale, DataError where it is not finite."""
    if loss.value is None:
        raise GraphError(f"Backward: {loss.label} was not forwarded yet; call Forward() first.")
    if loss.clock != graph.clock:
        raise GraphError(f"Backward: {graph.last_change} after the last Forward(); call Forward() again.")
    if not graph.backend.xp.isfinite(loss.value).all():
        raise DataError(f"Backward: the loss {loss.label} is not finite. {blame(graph.backend.xp, order)}")


def blame(xp, order):
    """A sentence that names the first value, in topological order, that is not finite."""
    node = next(n for n in order if not xp.isfinite(n.value).all())
    at = tuple(int(k) for k in xp.argwhere(~xp.isfinite(node.value))[0])
    where = f"The first such value is {node.label}.value{list(at)} = {node.value[at]}"
    if not node.args and node.batched:
        return f"{where}: check the data before set(...)."
    return f"{where}, from the values that it depends on: a smaller step eta often helps."
