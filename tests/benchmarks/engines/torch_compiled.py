"""PyTorch compiled: the network and its loss through torch.compile; the optimizer as in torch_eager."""

import torch
import torch_eager
from torch_eager import versions  # noqa: F401


def make(case, params, x, y, lr, device="cpu"):
    """See worker.py."""

    def prepare(forward):
        return torch.compile(forward, fullgraph=case != "lstm", dynamic=False)

    return torch_eager.make(case, params, x, y, lr, device, prepare)
