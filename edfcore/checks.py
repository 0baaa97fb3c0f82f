"""Is a gradient right? Every check compares two ways of computing one number.

For a function f with Jacobian J, random u (upstream) and v (direction):

    u . (J v)  by central differences, by the complex step, or by the component's own jvp
    (u J) . v  by the component's backward (the VJP)

The two must agree to rounding. u is random, never all ones: a backward that forgets its upstream gradient
passes with ones. Sources: the EDF `verify` idea; Martins, Sturdza & Alonso 2003 (complex step); HIPS autograd's
check_vjp (random u and v).
"""

from dataclasses import dataclass

import numpy as np

from .axes import parse
from .errors import DataError, GraphError
from .graph import Graph, Input, Param, fitted
from .registry import REGISTRY, argument_names


@dataclass(frozen=True)
class Check:
    """One comparison: what was compared, both numbers, and their difference relative to the terms' size."""

    what: str
    got: float
    expected: float
    error: float

    def __str__(self):
        return f"{self.what:<44} {self.got:+.9e}  {self.expected:+.9e}  error {self.error:.1e}"


def example(name, rng, size=None):
    """A component of the registry on random arguments it accepts.

    A component whose arguments cannot be drawn from a normal distribution, or which needs settings, says so by a
    classmethod `example(sizes, rng)` that returns the list of its arguments' values and a dict of settings.

    Parameters
    ----------
    name : str, the component's name
    rng : numpy.random.Generator
    size : dict letter -> size; what is missing is drawn from 1 to 5, so that axes differ in length

    Returns
    -------
    node, values : the component in a graph of its own, and its arguments' values
    """
    cls = REGISTRY[name]
    signature, graph = parse(cls.axes), Graph(backend="numpy")
    sizes = {letter: int(rng.integers(1, 6)) for letter in signature.letters} | (size or {})
    if hasattr(cls, "example"):
        values, settings = cls.example(sizes, rng)
    else:
        rest = tuple(rng.integers(1, 5, size=2))
        drawn = [rng.normal(size=_shape(axes, sizes, rest)) for axes in signature.args]
        values, settings = [np.where(np.abs(v) < 1e-3, 0.1, v) for v in drawn], {}  # off the corner of ReLU
    batched = [axes[0] in ("b", "...") for axes in signature.args]
    node = cls(*[Input(grad=True, graph=graph) if b else Param(0.0, graph=graph) for b in batched], **settings)
    return node, values


def _shape(axes, sizes, rest):
    shape = []
    for letter in axes:
        shape.extend(rest if letter == "..." else [sizes[letter]])
    return tuple(int(n) for n in shape)


def evaluate(node, values):
    """The component's value on the given argument values (which become its arguments' values)."""
    for arg, value in zip(node.args, values, strict=True):
        arg.value = value
    return node.forward(*values)


def pull_back(node, u, values):
    """The component's VJP: for each argument u J, broadcasting undone; None where it has no derivative."""
    found = node.contributions(u, evaluate(node, values), values)
    return [
        None if c is None else fitted(c() if callable(c) else c, arg) for c, arg in zip(found, node.args, strict=True)
    ]


def push_forward(node, v, values):
    """The component's JVP in the direction v."""
    return node.jvp(v, evaluate(node, values), *values)


def central_difference(node, v, values, h=1e-5):
    """J v by (f(x + h v) - f(x - h v)) / 2h; error of order h^2 and of rounding / h."""
    plus, minus = (evaluate(node, _moved(values, v, step)) for step in (h, -h))
    return (plus - minus) / (2 * h)


def complex_step(node, v, values, h=1e-30):
    """J v by Im f(x + i h v) / h: exact to rounding, for components that are analytic where they are evaluated."""
    return evaluate(node, _moved(values, v, 1j * h)).imag / h


def _moved(values, v, step):
    return [x if d is None else x + step * d for x, d in zip(values, v, strict=True)]


def check_component(name, rng, size=None):
    """Compare the component's VJP and JVP with central differences and the complex step, one argument at a time.

    Returns
    -------
    list of Check. In float64 every error is under 1e-7 against central differences and under 1e-12 otherwise.
    """
    return check_node(*example(name, rng, size), rng)


def check_node(node, values, rng):
    """`check_component` for a component and argument values of your own."""
    checks = []
    for k, arg_name in enumerate(argument_names(type(node))):
        if values[k].dtype.kind != "f":
            continue
        v = [rng.normal(size=x.shape) if n == k else None for n, x in enumerate(values)]
        u = rng.normal(size=evaluate(node, values).shape)
        pulled = pull_back(node, u, values)[k]
        if pulled is None:
            raise GraphError(f"{node.label}.backward gives no contribution for {arg_name}, which is a float array.")
        numbers = pulled * v[k]
        for oracle in (central_difference, complex_step, push_forward):
            terms = u * oracle(node, v, values)
            what = f"{type(node).__name__}.{arg_name}: VJP against {oracle.__name__}"
            checks.append(_compare(what, numbers, terms))
    evaluate(node, values)
    return checks


def _compare(what, got_terms, expected_terms, least=1e-300):
    got, expected = float(np.sum(got_terms)), float(np.sum(expected_terms))
    scale = max(np.abs(got_terms).sum(), np.abs(expected_terms).sum(), least)
    return Check(what, got, expected, abs(got - expected) / scale)


def gradcheck(loss, rng=None, h=1e-5, directions=3):
    """Compare a graph's gradients with central differences of its averaged loss, in random directions.

    Parameters
    ----------
    loss : node, forwarded, in a float64 graph
    rng : numpy.random.Generator, optional
    h : float, the step
    directions : int, how many random directions for each parameter and each Input(grad=True)

    Returns
    -------
    list of Check, one for each leaf and direction; errors near 1e-9 are rounding, above 1e-6 a wrong gradient. A
    slope under 1e-4 of the loss is compared with that, since differences of the loss have no more digits.

    Raises
    ------
    DataError : the graph is not float64 (differences need the digits).
    """
    graph, rng = loss.graph, rng or np.random.default_rng(0)
    if graph.backend.dtype != "float64":
        raise DataError("gradcheck needs a float64 graph: edf.Graph(dtype='float64').")
    graph.Forward(loss)
    graph.Backward(loss)
    leaves = [n for n in graph.order(loss) if isinstance(n, Param) or (isinstance(n, Input) and n.wants_grad)]
    grads = {leaf: leaf.grad for leaf in leaves}
    checks = []
    for leaf in leaves:
        for _ in range(directions):
            v = rng.normal(size=leaf.value.shape)
            moved = [_mean_loss_at(loss, leaf, step * v) for step in (h, -h)]
            slope = np.subtract(*moved) / (2 * h)
            what = f"{leaf.label}: Backward against differences"
            checks.append(_compare(what, grads[leaf] * v, np.array(slope), least=1e-4 * abs(sum(moved)) + 1e-300))
    graph.Forward(loss)
    graph.Backward(loss)
    return checks


def _mean_loss_at(loss, leaf, shift):
    before = leaf.value
    leaf.value = before + shift
    loss.graph.Forward(loss)
    leaf.value = before
    return float(np.mean(loss.value))
