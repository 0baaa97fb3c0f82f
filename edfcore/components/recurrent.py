"""Recurrent cells: one step of a sequence, and how steps are joined into a network through time.

    tanh cell   h' = tanh(x W + h U + beta)                                                   (Elman 1990)
    LSTM        [i f g o] = x W + h U + beta;   i, f, o through the sigmoid, g through tanh
                c' = f c + i g,   h' = o tanh(c')      (Hochreiter & Schmidhuber 1997; Gers et al. 2000)

A network through time is the cell applied T times with the same parameters (`unroll`); Backward then is
backpropagation through time. Truncated backpropagation (Williams & Peng 1990) cuts a long sequence into chunks: the
state's value goes on from chunk to chunk (`carry`), its gradient does not.
"""

from numbers import Integral

import numpy as np

from ..cost import Cost, count
from ..errors import DataError, GraphError, ShapeError
from ..graph import Component, Input, Node, Param
from ..registry import register
from .linear import sum_of

__all__ = ["LSTMCell", "RNNCell", "carry", "lstm_parameters", "rnn_parameters", "unroll"]


@register
class RNNCell(Component):
    """h'[b,j] = tanh(sum_i x[b,i] W[i,j] + sum_k h[b,k] U[k,j] + beta[j]).

    Parameters
    ----------
    x : (B, i), batched, the sequence's entry at this step
    h : (B, j), batched, the state before
    W : (i, j), U : (j, j), beta : (j,), parameters. torch.nn.RNNCell stores W and U transposed, and two biases,
        of which beta is the sum.

    Raises
    ------
    ShapeError : the sizes i or j differ among the arguments.
    """

    axes = "b,i ; b,j ; i,j ; j,j ; j -> b,j"
    source = "Elman 1990; torch.nn.RNNCell (tanh)"

    @classmethod
    def example(cls, sizes, rng):
        b, i, j = sizes["b"], sizes["i"], sizes["j"]
        return _unsaturated(rng, (b, i), (b, j), (i, j), (j, j), (j,)), {}

    def forward(self, x, h, W, U, beta):
        return self.xp.tanh(x @ W + h @ U + beta)

    def backward(self, grad, y, x, h, W, U, beta):
        dz = grad * (1.0 - y * y)
        return lambda: dz @ W.T, lambda: dz @ U.T, lambda: x.T @ dz, lambda: h.T @ dz, dz

    def jvp(self, tangents, y, x, h, W, U, beta):
        return (1.0 - y * y) * _moved_sum(tangents, x, h, W, U, 0 * y)

    def cost(self, sizes):
        products = 2 * sizes["b"] * (sizes["i"] + sizes["j"]) * sizes["j"]
        entries = count(sizes, "b", "j")
        return Cost(forward=products + 6 * entries, backward=2 * products + 4 * entries)


@register
class LSTMCell(Component):
    """[h' c'] = [o tanh(c'), f c + i g], with [i f g o] = x W + h U + beta in torch's order.

    i, f and o (input, forget and output gate) pass through the sigmoid, g (the candidate) through tanh. State and value
    hold h and c side by side; Slice(state, stop=j) is h. Backward computes the gates anew instead of keeping them.

    Parameters
    ----------
    x : (B, i), batched, the sequence's entry at this step
    state : (B, n), n = 2 j, batched: [h c] before
    W : (i, m), U : (j, m), beta : (m,), parameters, m = 4 j. torch.nn.LSTMCell stores W and U transposed, and two
        biases, of which beta is the sum.

    Raises
    ------
    ShapeError : n is not 2 j, m is not 4 j, or i differs between x and W.
    """

    axes = "b,i ; b,n ; i,m ; j,m ; m -> b,n"
    source = "Hochreiter & Schmidhuber 1997; forget gate of Gers, Schmidhuber & Cummins 2000; torch.nn.LSTMCell"

    @classmethod
    def example(cls, sizes, rng):
        b, i, j = sizes["b"], sizes["i"], sizes["j"]
        return _unsaturated(rng, (b, i), (b, 2 * j), (i, 4 * j), (j, 4 * j), (4 * j,)), {}

    def derive(self, sizes):
        j, m, n = sizes["j"], sizes["m"], sizes["n"]
        if m != 4 * j or n != 2 * j:
            raise ShapeError(
                f"{self.label}: U has j,m = ({j}, {m}) and state has n = {n}; the four gates need m = 4 j = {4 * j} "
                f"and the state [h c] needs n = 2 j = {2 * j}."
            )
        return {}

    def forward(self, x, state, W, U, beta):
        j = len(U)
        i, f, g, o = self._gates(x, state, W, U, beta)
        c = f * state[:, j:] + i * g
        return self.xp.concatenate([o * self.xp.tanh(c), c], axis=1)

    def backward(self, grad, value, x, state, W, U, beta):
        j = len(U)
        i, f, g, o = self._gates(x, state, W, U, beta)
        tanh_c, dh = self.xp.tanh(value[:, j:]), grad[:, :j]
        dc = grad[:, j:] + dh * o * (1.0 - tanh_c * tanh_c)
        dz = self._through_gates((dc * g, dc * state[:, j:], dc * i, dh * tanh_c), (i, f, g, o))
        return (
            lambda: dz @ W.T,
            lambda: self.xp.concatenate([dz @ U.T, dc * f], axis=1),
            lambda: x.T @ dz,
            lambda: state[:, :j].T @ dz,
            dz,
        )

    def jvp(self, tangents, value, x, state, W, U, beta):
        j, (dx, dstate, *dparams) = len(U), tangents
        i, f, g, o = gates = self._gates(x, state, W, U, beta)
        dh = None if dstate is None else dstate[:, :j]
        dz = _moved_sum((dx, dh, *dparams), x, state[:, :j], W, U, self.xp.zeros((len(x), 4 * j), value.dtype))
        di, df, dg, do = self.xp.split(self._through_gates(self.xp.split(dz, 4, axis=1), gates), 4, axis=1)
        tanh_c = self.xp.tanh(value[:, j:])
        dc = sum_of(df * state[:, j:], di * g, i * dg, None if dstate is None else f * dstate[:, j:])
        return self.xp.concatenate([do * tanh_c + o * (1.0 - tanh_c * tanh_c) * dc, dc], axis=1)

    def cost(self, sizes):
        products = 2 * sizes["b"] * (sizes["i"] + sizes["j"]) * sizes["m"]
        entries = sizes["b"] * sizes["j"]
        gates = products + 4 * (2 + 4) * entries  # two additions, and four operations for each sigmoid or tanh
        return Cost(forward=gates + 8 * entries, backward=gates + 2 * products + 26 * entries)

    def _gates(self, x, state, W, U, beta):
        """i, f, g, o, each (B, j); the sigmoid as (1 + tanh(z/2)) / 2, which cannot overflow."""
        z = x @ W + state[:, : len(U)] @ U + beta
        i, f, g, o = self.xp.split(z, 4, axis=1)
        i, f, o = (0.5 + 0.5 * self.xp.tanh(0.5 * gate) for gate in (i, f, o))
        return i, f, self.xp.tanh(g), o

    def _through_gates(self, parts, gates):
        """Each part times the derivative of its gate's sigmoid or tanh, side by side: (B, 4 j)."""
        i, f, g, o = gates
        slopes = i * (1.0 - i), f * (1.0 - f), 1.0 - g * g, o * (1.0 - o)
        return self.xp.concatenate([part * slope for part, slope in zip(parts, slopes, strict=True)], axis=1)


def _unsaturated(rng, *shapes):
    """Values between 0.1 and 0.5 in size: the slope of a saturated tanh is rounding, on which no two ways agree."""
    return [rng.choice([-1.0, 1.0], size=shape) * rng.uniform(0.1, 0.5, size=shape) for shape in shapes]


def _moved_sum(tangents, x, h, W, U, zero):
    """The tangent of x W + h U + beta."""
    dx, dh, dW, dU, dbeta = tangents
    factors = ((dx, W), (dh, U), (x, dW), (h, dU))
    return sum_of(zero, dbeta, *(a @ b for a, b in factors if a is not None and b is not None))


def rnn_parameters(rng, fan_in, hidden):
    """The parameters of an RNNCell, in the current graph.

    W and U are uniform between -1/sqrt(j) and 1/sqrt(j), as torch.nn.RNNCell's; beta starts at 0 (torch draws its two
    biases from the same range; zero keeps the state centred).

    Parameters
    ----------
    rng : numpy.random.Generator
    fan_in : int, i, the size of the sequence's entries
    hidden : int, j, the size of the state

    Returns
    -------
    W (i, j), U (j, j), beta (j,) : Param

    Raises
    ------
    DataError : a size is not a whole number of at least 1, or rng no generator.
    """
    W, U = _uniform("rnn_parameters", rng, fan_in, hidden, 1)
    return Param(W, "W"), Param(U, "U"), Param(np.zeros(hidden), "beta")


def lstm_parameters(rng, fan_in, hidden, forget_bias=1.0):
    """The parameters of an LSTMCell, in the current graph.

    W and U are uniform between -1/sqrt(j) and 1/sqrt(j), as torch.nn.LSTMCell's. beta is 0, but for the forget gate,
    where 1 keeps the cell open at the start (Jozefowicz, Zaremba & Sutskever 2015; torch has none).

    Parameters
    ----------
    rng : numpy.random.Generator
    fan_in : int, i, the size of the sequence's entries
    hidden : int, j, the size of h and of c
    forget_bias : float

    Returns
    -------
    W (i, 4 j), U (j, 4 j), beta (4 j,) : Param

    Raises
    ------
    DataError : a size is not a whole number of at least 1, rng no generator, or forget_bias no finite number.

    Examples
    --------
    >>> from edfcore import Graph
    >>> with Graph():
    ...     W, U, beta = lstm_parameters(np.random.default_rng(0), 3, 2)
    >>> W.value.shape, U.value.shape, beta.value.tolist()
    ((3, 8), (2, 8), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    """
    W, U = _uniform("lstm_parameters", rng, fan_in, hidden, 4)
    try:
        beta = np.repeat([0.0, float(forget_bias), 0.0, 0.0], hidden)
    except (TypeError, ValueError):
        raise DataError(f"lstm_parameters: forget_bias is {forget_bias!r}; a number is needed.") from None
    return Param(W, "W"), Param(U, "U"), Param(beta, "beta")


def _uniform(owner, rng, fan_in, hidden, blocks):
    """W (i, blocks j) and U (j, blocks j)."""
    for name, size in (("fan_in", fan_in), ("hidden", hidden)):
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise DataError(f"{owner}: {name} is {size!r}; a whole number of at least 1 is needed.")
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{owner}: rng is {rng!r}; pass a generator such as numpy.random.default_rng(0).")
    bound = 1 / np.sqrt(hidden)
    return (rng.uniform(-bound, bound, size=(rows, blocks * hidden)) for rows in (fan_in, hidden))


def unroll(cell, inputs, state):
    """Apply a cell to each entry of a sequence, the state handed on: state[t] = cell(inputs[t], state[t-1]).

    Parameters
    ----------
    cell : function of two nodes, x (B, i) and the state before, that returns the state after
    inputs : list of T nodes (B, i), the sequence in order
    state : node, the state before the first step

    Returns
    -------
    list of T nodes, the state after each step

    Raises
    ------
    DataError : there are no inputs, or one of them, or the state, is not a node.

    Examples
    --------
    >>> import edfcore as edf
    >>> with edf.Graph() as graph:
    ...     xs, h = [edf.Input() for _ in range(3)], edf.Input()
    ...     states = edf.unroll(edf.Add, xs, h)
    >>> h.set([10.0])
    >>> for x, value in zip(xs, ([1.0], [2.0], [3.0])):
    ...     x.set(value)
    >>> graph.Forward()
    >>> [s.value.item() for s in states]
    [11.0, 13.0, 16.0]
    """
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else []
    if not inputs or not all(isinstance(node, Node) for node in [*inputs, state]):
        raise DataError("unroll: inputs must be a list of at least one node, one for each step, and state a node.")
    states = []
    for x in inputs:
        state = cell(x, state)
        states.append(state)
    return states


def carry(state, last):
    """Set a chunk's initial state to the state that the chunk ended with: truncated backpropagation through time.

    The value goes on and the gradient stops here, since `state` is an Input. Call it after the step, before the next
    chunk is forwarded; at the start of a sequence set the state to zeros instead.

    Parameters
    ----------
    state : Input (B, n), the state before the chunk
    last : node (B, n), the state after it, forwarded

    Raises
    ------
    DataError : state is not an Input.
    GraphError : last was not forwarded yet.
    """
    if not isinstance(state, Input):
        raise DataError(f"carry: the state before the chunk must be an Input, which stops the gradient, not {state!r}.")
    if not isinstance(last, Node) or last.value is None:
        raise GraphError(f"carry: {last!r} has no value to carry on; forward the chunk first.")
    state.set(last.value.copy())
