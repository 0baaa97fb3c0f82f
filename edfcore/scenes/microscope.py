"""The batch-index microscope: one entry of a value, what it is made of, and what it sends back.

    y[b,j] = sum_i x[b,i] W[i,j]                       (S0, "Minibatched Vector-Matrix Product")
    z[b,j] = y[b,j] + beta[j]                          (S0, "The AddBias Class")

    x.grad[b,i]  = sum_j y.grad[b,j] W[i,j]            y.grad = z.grad
    W.grad[i,j]  = sum_b x[b,i] y.grad[b,j]
    beta.grad[j] = sum_b z.grad[b,j]

An entry is a sum over the one index of its factors that it does not carry itself: y and x.grad stay within an instance,
W.grad and beta.grad sum over b, the batch (S1, "Backpropagation with Minibatching").

`microscope` tells about an entry of y, for any x and W. `Microscope` tells about an entry of each of the five values,
for small matrices of whole numbers; edfcore's VDot and AddBias compute them.
"""

from dataclasses import dataclass

import numpy as np

from ..components import AddBias, VDot
from ..errors import DataError, ShapeError
from ..graph import Graph, Input, Param
from .base import Scene, Setting, short

MOST = 5  # rows and columns of a matrix
MODULUS = 2**31 - 1


@dataclass(frozen=True)
class Value:
    """How one value is made: its name and indices, the index summed over, its factors as (name, indices)."""

    name: str
    carries: str
    sums: str
    factors: tuple


VALUES = {
    value.name: value
    for value in (
        Value("y", "bj", "i", (("x", "bi"), ("W", "ij"))),
        Value("z", "bj", "", (("y", "bj"), ("beta", "j"))),
        Value("x.grad", "bi", "j", (("y.grad", "bj"), ("W", "ij"))),
        Value("W.grad", "ij", "b", (("x", "bi"), ("y.grad", "bj"))),
        Value("beta.grad", "j", "b", (("z.grad", "bj"),)),
    )
}


LINES = {  # of backward, as VDot and AddBias have them; the engine sums over b what AddBias gives for beta
    "x.grad": "x.grad += y.grad @ W.T",
    "W.grad": "W.grad += x.T @ y.grad",
    "beta.grad": "beta.grad += z.grad.sum(axis=0)",
}


def indexed(name, indices, at):
    """A value with its indices: a number where `at` has one, else the letter; "x[2,i]"."""
    return f"{name}[{','.join(str(at.get(letter, letter)) for letter in indices)}]"


def symbols(value):
    """The index equation in letters: "y[b,j] = sum_i x[b,i] W[i,j]"."""
    parts = [indexed(name, indices, {}) for name, indices in value.factors]
    made = f"sum_{value.sums} {' '.join(parts)}" if value.sums else " + ".join(parts)
    return f"{indexed(value.name, value.carries, {})} = {made}"


def equation(value, at, factors, total):
    """The index equation of one entry in numbers: "y[1,0] = 3*5 + 4*6 = 39"."""
    terms = ["*".join(_factor(f) for f in term) for term in zip(*factors, strict=True)]
    if not value.sums:
        terms = [_factor(f[0]) for f in factors]
    return f"{indexed(value.name, value.carries, at)} = {' + '.join(terms)} = {short(float(total))}"


def loop(value, at, count):
    """The loop that makes the entry, as one line of Python."""
    entry = indexed(value.name, value.carries, at)
    parts = [indexed(name, indices, at) for name, indices in value.factors]
    if not value.sums:
        return f"{entry} = {' + '.join(parts)}"
    return f"for {value.sums} in range({count}): {entry} += {' * '.join(parts)}"


def einsum(value, at):
    """The entry through np.einsum; it multiplies and sums, so that the sum of two arrays needs it twice."""
    index = f"[{','.join(str(at[letter]) for letter in value.carries)}]"
    if not value.sums:
        parts = [f'np.einsum("{i}->{i}", {n})[{",".join(str(at[k]) for k in i)}]' for n, i in value.factors]
        return " + ".join(parts)
    letters, names = ",".join(i for _, i in value.factors), ", ".join(n for n, _ in value.factors)
    return f'np.einsum("{letters}->{value.carries}", {names}){index}'


def microscope(x, W, b, j):
    """What the entry y[b,j] of y = x W is made of, and where its gradient goes.

    Parameters
    ----------
    x : array (B, i)
    W : array (i, j)
    b, j : int, the entry pointed at, with 0 <= b < B and 0 <= j < number of columns of W

    Returns
    -------
    dict with
        entry : (b, j)
        y : float, the entry's value
        x_row, W_column, terms : arrays (i,), the factors x[b,:] and W[:,j] and their products
        y_to_x, y_to_W : arrays (i,), what one unit of y.grad[b,j] adds to x.grad[b,:] and to W.grad[:,j]
        equation, loop, einsum, vjp : str, the same entry in four spellings

    Raises
    ------
    ShapeError : x and W are no matrices, or disagree on i.
    DataError : there is no such entry.

    Examples
    --------
    >>> seen = microscope([[1.0, 2.0], [3.0, 4.0]], [[5.0], [6.0]], b=1, j=0)
    >>> seen["equation"]
    'y[1,0] = 3*5 + 4*6 = 39'
    """
    x, W = np.asarray(x), np.asarray(W)
    if x.ndim != 2 or W.ndim != 2 or x.shape[1] != W.shape[0]:
        raise ShapeError(f"microscope: x has axes b,i = {x.shape} and W has i,j = {W.shape}: i must be the same.")
    if not (0 <= b < len(x) and 0 <= j < W.shape[1]):
        raise DataError(f"microscope: y has shape {(len(x), W.shape[1])}; it has no entry y[{b},{j}].")
    terms, at = x[b] * W[:, j], {"b": int(b), "j": int(j)}
    return {
        "entry": (int(b), int(j)),
        "y": float(terms.sum()),
        "x_row": x[b].copy(),
        "W_column": W[:, j].copy(),
        "terms": terms,
        "y_to_x": W[:, j].copy(),
        "y_to_W": x[b].copy(),
        "equation": equation(VALUES["y"], at, (x[b], W[:, j]), terms.sum()),
        "loop": loop(VALUES["y"], at, len(W)),
        "einsum": einsum(VALUES["y"], at),
        "vjp": (
            f"x.grad[{b},:] += y.grad[{b},{j}] * W[:,{j}]",
            f"W.grad[:,{j}] += y.grad[{b},{j}] * x[{b},:]",
        ),
    }


def whole_numbers(seed, shape, most):
    """Small whole numbers from -most to most, the same in the browser.

    Lehmer's generator s' = 16807 s mod (2^31 - 1) (Park & Miller 1988); its products stay below 2^53. A block of
    5 by 5 is drawn and cut to `shape`, so that a matrix that grows keeps the entries it has.
    """
    s, block = (seed + 1) ** 3, []  # neighbours would keep one distance, and resemble each other, without the power
    for k in range(3 + MOST * MOST):
        s = 16807 * s % MODULUS
        if k >= 3:  # the first few still resemble those of the next seed
            block.append(s % (2 * most + 1) - most)
    rows, columns = shape
    return np.array(block, dtype=float).reshape(MOST, MOST)[:rows, :columns]


def forward_and_backward(B, I, J, seed):  # noqa: E741 - the index letters of the matrices
    """x, W, beta and z.grad drawn, all else by edfcore: dict name -> array."""
    x, W = whole_numbers(4 * seed, (B, I), 3), whole_numbers(4 * seed + 1, (I, J), 3)
    beta, z_grad = whole_numbers(4 * seed + 2, (1, J), 3)[0], whole_numbers(4 * seed + 3, (B, J), 2)
    with Graph() as graph:
        inputs, matrix, bias = Input("x", grad=True), Param(W, "W"), Param(beta, "beta")
        y = VDot(inputs, matrix)
        z = AddBias(y, bias)
    inputs.set(x)
    graph.Forward()
    graph.Backward(z, seed=z_grad)
    return {
        "x": x, "W": W, "beta": beta, "y": y.value, "z": z.value, "z.grad": z_grad, "y.grad": y.grad,
        "x.grad": inputs.grad, "W.grad": matrix.grad, "beta.grad": bias.grad,
    }  # fmt: skip


def backward(value, at, factors, z_grad):
    """What an entry of y or z sends back; of a gradient, the line that makes it all, and this entry's part of that."""
    entry, sliced = indexed(value.name, value.carries, at), {"b": ":", "i": ":", "j": ":"} | at
    parts = [indexed(name, indices, sliced) for name, indices in value.factors]
    lists = [f"[{', '.join(short(float(v)) for v in f)}]" for f in factors]
    if value.name in LINES:
        return f"{LINES[value.name]}\n# {entry}: {' @ '.join(parts)} = {' @ '.join(lists)}"
    b, j = at["b"], at["j"]
    one, sent = f"[{b},{j}]", _factor(z_grad[b, j])
    if value.name == "z":
        return f"y.grad{one} += z.grad{one}  # {sent}\nbeta.grad[{j}] += z.grad{one}  # {sent}"
    return (
        f"x.grad[{b},:] += y.grad{one} * {parts[1]}  # {sent} * {lists[1]}\n"
        f"W.grad[:,{j}] += y.grad{one} * {parts[0]}  # {sent} * {lists[0]}"
    )


class Microscope(Scene):
    """One entry of y, z or a gradient: which entries it is made of, and how that is written."""

    name, title = "microscope", "The batch-index microscope: what one entry is made of"
    settings = (
        Setting("B", "instances B", 4, low=1, high=MOST, step=1, whole=True),
        Setting("I", "inputs I", 3, low=1, high=MOST, step=1, whole=True),
        Setting("J", "outputs J", 2, low=1, high=MOST, step=1, whole=True),
        Setting("seed", "seed", 11, low=0, high=99, step=1, whole=True),
        Setting("at", "value pointed at", "W.grad", "choice", choices=tuple((name, name) for name in VALUES)),
        Setting("row", "row pointed at", 1, low=0, high=MOST - 1, step=1, whole=True, hidden=True),
        Setting("column", "column pointed at", 0, low=0, high=MOST - 1, step=1, whole=True, hidden=True),
    )

    def compute(self, state):
        """The arrays by name; row and column of the entry; its factors `first`, `second`, `terms`; four spellings."""
        made = forward_and_backward(state["B"], state["I"], state["J"], state["seed"])
        value = VALUES[state["at"]]
        found = {name.replace(".", "_"): array for name, array in made.items() if name != "y.grad"}
        shape = (1, *made[value.name].shape)[-2:]
        row, column = min(state["row"], shape[0] - 1), min(state["column"], shape[1] - 1)
        at = dict(zip(value.carries, (row, column)[-len(value.carries) :], strict=True))
        factors = [taken(made[name], indices, at) for name, indices in value.factors]
        terms = np.prod(factors, axis=0) if value.sums else np.concatenate(factors)
        total = float(made[value.name][tuple(at[letter] for letter in value.carries)])
        return found | {
            "row": row, "column": column, "value": total, "terms": terms, "first": factors[0], "second": factors[-1],
            "symbols": symbols(value), "equation": equation(value, at, factors, total),
            "loop": loop(value, at, len(terms)), "einsum": einsum(value, at),
            "backward": backward(value, at, factors, made["z.grad"]),
        }  # fmt: skip

    def caption(self, state, found):
        value, at = VALUES[state["at"]], pointed(state, found)
        entry, total, count = indexed(value.name, value.carries, at), short(found["value"]), len(found["terms"])
        carried = f"{entry} = {total} carries {' and '.join(value.carries)}"
        if not value.sums:
            return (
                f"{carried}, as y does, and nothing is summed. beta[{at['j']}] lacks b and serves every instance, so "
                "beta.grad sums over b."
            )
        terms = f"{count} term{'s' if count != 1 else ''}"
        summed = f"{carried} and is the sum over {value.sums}, the index that it lacks: {terms}"
        if value.sums == "b":
            return f"{summed}, {'from the only' if count == 1 else 'one from each'} instance of the batch."
        return f"{summed}, all from instance {at['b']}. The batch is not summed: no other instance takes part."

    def rows(self, state, found):
        value, at = VALUES[state["at"]], pointed(state, found)
        parts = [indexed(name, indices, at) for name, indices in value.factors]
        if not value.sums:
            numbers = [[part, short(float(term))] for part, term in zip(parts, found["terms"], strict=True)]
            return [["term", "number"], *numbers, ["sum", short(found["value"])]]
        columns = [found["first"], found["second"], found["terms"]] if len(parts) == 2 else [found["first"]]
        lines = [[f"{value.sums} = {k}", *(short(float(c[k])) for c in columns)] for k in range(len(found["terms"]))]
        head = [value.sums, *parts, "product"] if len(parts) == 2 else [value.sums, *parts]
        return [head, *lines, ["sum", *[""] * (len(columns) - 1), short(found["value"])]]


def pointed(state, found):
    """The indices of the entry that is pointed at, by letter."""
    carries = VALUES[state["at"]].carries
    return dict(zip(carries, (found["row"], found["column"])[-len(carries) :], strict=True))


def taken(array, indices, at):
    """The entries of an array that make an entry: those with its indices; (n,), n the size of the index it lacks."""
    return np.atleast_1d(array[tuple(at.get(letter, slice(None)) for letter in indices)])


def _factor(value):
    """A number inside a product: negative ones in parentheses."""
    return f"({short(float(value))})" if value < 0 else short(float(value))
