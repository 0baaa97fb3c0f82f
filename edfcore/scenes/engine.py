"""The engine with an idea switched off, on graphs small enough to follow by hand (S3; erratum 0.2).

    for node in the reversed topological order:              order: else each node as soon as it is reached
        for each argument, with its contribution c:
            argument.grad += unbroadcast(c)                  add: else =;  unbroadcast: else c as it is
    loss.grad = 1/B before the first visit                   mean: else 1

Each idea has graphs on which nobody notices that it is off. The contributions are those of the components; with all
ideas on, `backward` is `Graph.Backward`, and a test compares the two on random graphs.
"""

from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from ..graph import Graph, Input, Param, fitted
from .base import Scene, Setting, short

IDEAS = {  # name: (words, what is noticed where it is off, why it is not noticed)
    "order": (
        "the reverse topological order",
        "a node was visited before its last share had come, and handed on too little",
        "every node is reached after all of its users anyway",
    ),
    "add": ("+=", "a value is used twice, and the second share replaced the first", "no value is used twice"),
    "unbroadcast": (
        "un-broadcasting",
        "a parameter got a number for each instance where it needs their sum",
        "nothing that has a gradient is broadcast",
    ),
    "mean": ("the seed 1/B", "the gradients are those of the sum, B = 2 times too large", "with B = 1 the seed is 1"),
}
LAST = 4  # contributions on the largest graph


def chain():
    """l = -x^2 of one instance."""
    x = batch(3)
    q = x**2
    return {"x": x, "q = x\u00b2": q, "l = -q": -q}


def twice():
    """l = x x of one instance."""
    x = batch(3)
    return {"x": x, "l = x \u00b7 x": x * x}


def arms(swapped=False):
    """l = h q with q = h^2: h reaches the loss on two ways, one longer than the other."""
    x = batch(-2)
    h = -x
    q = h**2
    last = {"l = q \u00b7 h": q * h} if swapped else {"l = h \u00b7 q": h * q}
    return {"x": x, "h = -x": h, "q = h\u00b2": q} | last


def mean():
    """l[b] = x[b]^2 of two instances."""
    x = batch(2, 4)
    return {"x": x, "l = x\u00b2": x**2}


def bias():
    """l[b] = (x[b] + b)^2 of two instances; one b for both."""
    x, b = batch(2, 4, grad=False), Param(1.0, "b")
    h = x + b
    return {"x": x, "b": b, "h = x + b": h, "l = h\u00b2": h**2}


def all_four():
    """l[b] = h[b]^3 on two ways, h[b] = x[b] + b: every idea matters."""
    x, b = batch(1, 3, grad=False), Param(1.0, "b")
    h = x + b
    q = h**2
    return {"x": x, "b": b, "h = x + b": h, "q = h\u00b2": q, "l = h \u00b7 q": h * q}


def batch(*values, grad=True):
    """An input that holds these instances."""
    made = Input("x", grad=grad)
    made.set(values)
    return made


GRAPHS = {  # name: (words, function, the place (column, row) of each node)
    "chain": ("a chain, one instance", chain, [(1, 0), (1, 1), (1, 2)]),
    "twice": ("a value used twice", twice, [(1, 0), (1, 1)]),
    "arms": ("two ways, one longer", arms, [(1, 0), (1, 1), (2, 2), (1, 3)]),
    "swapped": ("the same, factors swapped", lambda: arms(True), [(1, 0), (1, 1), (2, 2), (1, 3)]),
    "mean": ("a batch of two", mean, [(1, 0), (1, 1)]),
    "bias": ("a bias, a batch of two", bias, [(0, 0), (2, 0), (1, 1), (1, 2)]),
    "all": ("all at once", all_four, [(0, 0), (2, 0), (1, 1), (2, 2), (1, 3)]),
}


@dataclass(frozen=True)
class Contribution:
    """One share of a gradient: `node` was visited, `arg` got `share`, and `arg.grad` is now `grad`."""

    node: object
    arg: object
    share: np.ndarray
    grad: np.ndarray


def breadth_first(loss):
    """The nodes below a loss in the order in which they are reached, each once."""
    found, queue = {loss: None}, deque([loss])
    while queue:
        for arg in queue.popleft().args:
            if arg not in found:
                found[arg] = None
                queue.append(arg)
    return list(found)


def backward(graph, loss, order=True, add=True, unbroadcast=True, mean=True):
    """The engine's backward loop with ideas on or off; fills `.grad` of every node.

    Parameters
    ----------
    graph, loss : a forwarded graph and its loss, of shape (B,) or ()
    order, add, unbroadcast, mean : bool

    Yields
    ------
    Contribution, one for each share
    """
    for node in graph.nodes:
        node.grad = None
    shape = loss.value.shape
    loss.grad = np.full(shape, 1.0 / shape[0] if mean and loss.batched else 1.0)
    for node in reversed(graph.order(loss)) if order else breadth_first(loss):
        if not node.args or node.grad is None:
            continue
        found = node.contributions(node.grad, node.value, [a.value for a in node.args])
        for arg, share in zip(node.args, found, strict=True):
            if not arg.wants_grad or share is None:
                continue
            share = np.asarray(share() if callable(share) else share)
            share = fitted(share, arg) if unbroadcast else share
            arg.grad = share.copy() if arg.grad is None or not add else arg.grad + share
            yield Contribution(node, arg, share, arg.grad)


def built(name):
    """(graph, dict formula -> node, loss) of a graph by name, forwarded."""
    with Graph(backend="numpy") as graph:
        nodes = GRAPHS[name][1]()
    graph.Forward()
    return graph, nodes, list(nodes.values())[-1]


def plain(array):
    """An array as a list of its numbers; [] for None."""
    return [] if array is None else [float(v) for v in np.asarray(array).ravel()]


def wrong_nodes(nodes, right, got):
    """Whether each gradient is wrong: another number of numbers, or other numbers."""
    return [len(r) != len(g) or not np.allclose(r, g, rtol=1e-9) for _, r, g in zip(nodes, right, got, strict=True)]


@cache
def right_gradients(name):
    """The gradients of each node by Graph.Backward: a list of lists of numbers."""
    graph, nodes, loss = built(name)
    graph.Backward(loss)
    return [plain(n.grad) for n in nodes.values()]


@cache
def traced(name, flags):
    """(seed, steps) of a graph with the flags of IDEAS in their order.

    Steps are [visited node, argument, share, its gradient now], nodes by their number in the graph.
    """
    graph, nodes, loss = built(name)
    number = {node: k for k, node in enumerate(nodes.values())}
    steps = [
        [number[c.node], number[c.arg], plain(c.share), plain(c.grad)]
        for c in backward(graph, loss, **dict(zip(IDEAS, flags, strict=True)))
    ]
    seed = 1.0 / len(loss.value) if flags[3] else 1.0
    return [seed] * len(loss.value), steps


def gradients(count, trace, t):
    """Each node's gradient after t steps of a trace; [] where none has come."""
    seed, steps = trace
    found = [[] for _ in range(count)]
    found[-1] = seed
    for _, arg, _, grad in steps[:t]:
        found[arg] = grad
    return found


def listed(numbers):
    """Numbers as a reader writes them: 4, or [1, 2, 3]."""
    told = [short(v) for v in numbers]
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]" if told else "none"


class Engine(Scene):
    """Backward with an idea switched off: what each node hands on, and the first gradient that is wrong."""

    name, title, frames = "engine", "Break the engine: one idea off, the smallest graph that goes wrong", "t"
    settings = (
        Setting("graph", "graph", "arms", "choice", choices=tuple((n, g[0]) for n, g in GRAPHS.items())),
        Setting("order", "reverse topological order", False, "flag"),
        Setting("add", IDEAS["add"][0], True, "flag"),
        Setting("unbroadcast", IDEAS["unbroadcast"][0], True, "flag"),
        Setting("mean", "seed 1/B", True, "flag"),
        Setting("t", "share", LAST, low=0, high=LAST, step=1, whole=True),
    )

    def compute(self, state):
        """The graph, the steps of Backward and the gradients; see below for what the dict holds.

        formulas, values, args, places : of each node; its value as a list, its arguments by number, its place
        right, grads, final : gradients by the engine, at step t, and after the last step; lists, [] for none
        wrong : bool of each node, after the last step; first : the first wrong one in reverse order, or -1
        steps : [visited node, argument, share, gradient now]
        noticed, unnoticed : names of ideas that are off
        """
        name, flags = state["graph"], tuple(state[i] for i in IDEAS)
        graph, nodes, _ = built(name)
        known = list(nodes.values())
        trace, right = traced(name, flags), right_gradients(name)
        final = gradients(len(nodes), trace, LAST)
        wrong = wrong_nodes(nodes, right, final)
        off = [k for k, on in enumerate(flags) if not on]
        other = {k: gradients(len(nodes), traced(name, (*flags[:k], True, *flags[k + 1 :])), LAST) for k in off}
        same = {k: not any(wrong_nodes(nodes, final, other[k])) for k in off}
        names = list(IDEAS)
        return {
            "formulas": list(nodes), "values": [plain(n.value) for n in known],
            "args": [[known.index(a) for a in n.args if a in known] for n in known],
            "places": [list(p) for p in GRAPHS[name][2]], "right": right, "final": final, "wrong": wrong,
            "grads": gradients(len(nodes), trace, state["t"]), "steps": trace[1],
            "first": max((k for k, bad in enumerate(wrong) if bad), default=-1),
            "ideas": [list(words) for words in IDEAS.values()],
            "noticed": [names[k] for k in off if not same[k]], "unnoticed": [names[k] for k in off if same[k]],
        }  # fmt: skip

    def caption(self, state, found):
        """What the present step does, and what the switched off ideas change in the end."""
        off = [words[0] for words, name in zip(found["ideas"], IDEAS, strict=True) if not state[name]]
        told = step_told(state, found)
        if not off:
            return f"{told}All four ideas are on, and every gradient is right."
        told += f"Without {' and '.join([', '.join(off[:-1]), off[-1]] if off[1:] else off)}, "
        quiet = [IDEAS[n] for n in found["unnoticed"]]
        if found["first"] < 0:
            return (
                f"{told}every gradient on this graph is right all the same: {'; '.join(words[2] for words in quiet)}."
            )
        k = found["first"]
        because = "; ".join(IDEAS[n][1] for n in found["noticed"])
        first = f"{name_of(found, k)}.grad is {listed(found['final'][k])} where {listed(found['right'][k])} is right"
        unseen = "".join(f" Nobody notices here that {words[0]} is missing: {words[2]}." for words in quiet)
        return f"{told}{first}: {because}.{unseen}"

    def rows(self, state, found):
        """A row for each node, and one more column for the reader's own loop."""
        mine = found.get("mine")
        head = ["node", "value", "gradient that is right", "gradient here"] + (["yours"] if mine else [])
        table = [head]
        for k, formula in enumerate(found["formulas"]):
            here = listed(found["final"][k]) + (" (wrong)" if found["wrong"][k] else "")
            row = [formula, listed(found["values"][k]), listed(found["right"][k]), here]
            yours = [listed(mine["grads"][k]) + (" (wrong)" if mine["wrong"][k] else "")] if mine else []
            table.append(row + yours)
        return table


def name_of(found, k):
    """A node's name: what stands before the equals sign of its formula."""
    return found["formulas"][k].split(" ")[0]


def step_told(state, found):
    """The present step as a sentence; "" once all have been made."""
    t, steps = min(state["t"], len(found["steps"])), found["steps"]
    if t == 0:
        return f"Before the first share: {name_of(found, -1)}.grad is {listed(found['grads'][-1])}. "
    if t == len(steps):
        return ""
    node, arg, share, grad = steps[t - 1]
    first = f"Share {t} of {len(steps)}: {name_of(found, node)} hands {name_of(found, arg)} {listed(share)}"
    return f"{first}, so {name_of(found, arg)}.grad is {listed(grad)}. "


def table():
    """Everything that the browser looks up: graphs, and what follows from each combination of ideas.

    A graph with the flags as bits, order first, points to one of few outcomes; "quiet" has the bits of ideas that
    are off and unnoticed.
    """
    scene, outcomes, graphs = Engine(), [], {}
    for name in GRAPHS:
        points = []
        for flags in product((False, True), repeat=len(IDEAS)):
            found = scene.compute(scene.state(graph=name, t=0, **dict(zip(IDEAS, flags, strict=True))))
            kept = {key: found[key] for key in ("final", "wrong", "first", "steps")} | {"seed": found["grads"][-1]}
            if kept not in outcomes:
                outcomes.append(kept)
            quiet = [name in found["unnoticed"] for name in IDEAS]
            points.append([outcomes.index(kept), sum(q << k for k, q in enumerate(quiet))])
        graphs[name] = {k: found[k] for k in ("formulas", "values", "args", "places", "right")} | {"points": points}
    return {"ideas": [list(words) for words in IDEAS.values()], "graphs": graphs, "outcomes": outcomes}
