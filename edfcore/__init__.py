"""edfcore: batch-indexed automatic differentiation in the spirit of McAllester's EDF.

>>> import numpy as np, edfcore as edf
>>> graph = edf.reset()
>>> x, y = edf.Input("x"), edf.Input("y")
>>> W1, W2 = edf.Param(np.eye(3), "W1"), edf.Param(np.ones((3, 2)), "W2")
>>> loss = edf.LogLoss(edf.Aref(edf.Softmax(edf.VDot(edf.Sigmoid(edf.VDot(x, W1)), W2)), y))
>>> x.set(np.zeros((4, 3))); y.set([0, 1, 1, 0])
>>> edf.Forward(); edf.Backward(loss); edf.SGD(0.5)
>>> loss.value.round(4).tolist()
[0.6931, 0.6931, 0.6931, 0.6931]

Explicit graphs, and formulas that build the same components:

>>> with edf.Graph() as graph:
...     x, W = edf.Input("x"), edf.Param([[1.0], [2.0]], "W")
...     y = x @ W
>>> x.set([[1.0, 1.0], [0.0, 3.0]])
>>> graph.Forward()
>>> y.value.tolist()
[[3.0], [6.0]]

The core needs NumPy alone; `edfcore.figures` and `edfcore.widgets` are imported where they are used.
"""

from .components import *  # noqa: F403
from .cost import Cost
from .errors import DataError, EdfError, GraphError, MissingExtra, ShapeError
from .gpu.device import device, use
from .graph import (
    Backward,
    Component,
    Forward,
    Graph,
    Input,
    Node,
    Param,
    current,
    reset,
)
from .optimizers.slides import SGD
from .plan import plan
from .registry import REGISTRY, register

__version__ = "0.1.0"

__all__ = [
    "Backward", "Component", "Cost", "DataError", "EdfError", "Forward", "Graph", "GraphError", "Input", "MissingExtra",
    "Node", "Param", "SGD", "ShapeError", "current", "device", "plan", "register", "reset",
    "use", *REGISTRY,
]  # fmt: skip
