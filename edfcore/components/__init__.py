"""The components, one file per family. Importing a family registers what it holds."""

from .elementwise import Add, Elementwise, Mul, ReLU, Sigmoid, Sub, Tanh
from .linear import AddBias, VDot
from .loss import Aref, LogLoss, Softmax
from .shape import Mean, Transpose

__all__ = [
    "Add", "AddBias", "Aref", "Elementwise", "LogLoss", "Mean", "Mul", "ReLU", "Sigmoid", "Softmax", "Sub",
    "Tanh", "Transpose", "VDot",
]  # fmt: skip
