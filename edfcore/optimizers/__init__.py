"""Optimizers: how a gradient becomes a step.

    opt = Adam(graph, lr=1e-3)                             # or a list of Param, or groups of them
    ... graph.Forward(); graph.Backward(loss); opt.step()  # in the training loop

    Adam(lr=1e-3).minimize(f, x0, steps=100)               # the same rule on a plain function
    BFGS().minimize(f, x0)                                 # f(x) -> (value, gradient)
    BFGS().minimize(FlatLoss(loss))                        # a graph's loss as such a function

`slides.SGD(eta)`, which is `edf.SGD`, is the step in the spelling of the slides; `SGD` here is the class.
"""

from .adaptive import Adadelta, Adagrad, Adam, AdamW, AMSGrad, RMSprop
from .base import Optimizer, Result, no_decay_on_vectors
from .clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from .first_order import GD, SGD, Momentum, Nesterov, Rprop, RpropPrinted
from .line_search import Step, backtracking, exact_for_quadratics, strong_wolfe
from .second_order import (
    BFGS,
    DFP,
    LBFGS,
    Broyden,
    FlatLoss,
    Newton,
    broyden_update,
    hessian_by_differences,
    two_loop,
)

__all__ = [
    "AMSGrad", "Adadelta", "Adagrad", "Adam", "AdamW", "BFGS", "Broyden", "DFP", "FlatLoss", "GD", "LBFGS", "Momentum",
    "Nesterov", "Newton", "Optimizer", "RMSprop", "Result", "Rprop", "RpropPrinted", "SGD", "Step", "backtracking",
    "broyden_update", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "exact_for_quadratics",
    "hessian_by_differences", "no_decay_on_vectors", "strong_wolfe", "two_loop",
]  # fmt: skip
