"""Break the engine (lecture 03): scenes/engine.py in a reader's hands, with a backward loop of their own."""

from functools import cache

from ..figures.engine import engine_figure
from ..scenes.engine import Engine, built, plain, right_gradients, table, wrong_nodes
from .base import Widget, module, styles


@cache
def looked_up():
    """What the browser looks up, made once by the engine."""
    return table()


class BreakTheEngine(Widget):
    """Switch an idea of the engine off, choose a graph, and step through the shares of backward.

    Parameters
    ----------
    mine : your own backward loop: a function of a forwarded graph and its loss that fills `.grad` of the nodes, such as
        `lambda graph, loss: graph.Backward(loss)`; what it gives stands beside, and its first wrong node is marked
    hide, given : as for every widget; settings are those of edfcore.scenes.engine.Engine

    Raises
    ------
    DataError : there is no such setting.
    """

    scene, python = Engine(), "edfcore.widgets.BreakTheEngine"
    _esm, _css = module("engine"), styles()
    draw = staticmethod(engine_figure)

    def __init__(self, mine=None, **given):
        self._mine = mine
        super().__init__(data=looked_up(), mode="table", **given)

    def found(self):
        """The arrays of the present state, with those of the reader's loop."""
        return super().found() | (self.overlay(dict(self.state)) or {})

    def overlay(self, state):
        """The gradients of the reader's loop, which of them are wrong, and the first wrong one."""
        if self._mine is None:
            return None
        graph, nodes, loss = built(state["graph"])
        for node in graph.nodes:
            node.grad = None
        self._mine(graph, loss)
        got = [plain(n.grad) for n in nodes.values()]
        wrong = wrong_nodes(nodes, right_gradients(state["graph"]), got)
        first = max((k for k, bad in enumerate(wrong) if bad), default=-1)
        return {"mine": {"graph": state["graph"], "grads": got, "wrong": wrong, "diverges": first}}
