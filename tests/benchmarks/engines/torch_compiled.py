"""PyTorch compiled: the network and its loss through torch.compile; the optimizer as in torch_eager."""

import torch
import torch_eager
from torch_eager import versions  # noqa: F401


def make(case, params, x, y, lr):
    """See worker.py."""
    return torch_eager.make(case, params, x, y, lr, lambda f: torch.compile(f, fullgraph=case != "lstm", dynamic=False))
