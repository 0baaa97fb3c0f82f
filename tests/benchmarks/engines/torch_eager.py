"""PyTorch, eager: what a course would write, with the fused SGD and gradients set to None.

The networks are edfcore's: W (i, j) is stored as torch's (j, i); LeNet's bias and ReLU come after the maximum; the
LSTM's second bias is zero and is not trained, since edfcore has one bias.

On a GPU everything is in float32 proper: TF32, which rounds factors to 10 bits, is off for products and for cuDNN.
"""

import os

import numpy as np
import torch
from torch.nn import functional as F


class MLP(torch.nn.Module):
    """Sigmoid layers, and scores."""

    def __init__(self, params):
        super().__init__()
        W = list(params.values())
        self.layers = torch.nn.ModuleList(_linear(*W[k : k + 2]) for k in range(0, len(W), 2))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.sigmoid(layer(x))
        return self.layers[-1](x)


class LeNet(torch.nn.Module):
    """edfcore.models.lenet."""

    def __init__(self, params):
        super().__init__()
        K1, c1, K2, c2, *dense = params.values()
        self.K1, self.c1, self.K2, self.c2 = (torch.nn.Parameter(torch.tensor(a)) for a in (K1, c1, K2, c2))
        self.layers = torch.nn.ModuleList(_linear(*dense[k : k + 2]) for k in range(0, len(dense), 2))

    def forward(self, x):
        x = torch.relu(F.max_pool2d(F.conv2d(x, self.K1), 2) + self.c1[:, None, None])
        x = torch.relu(F.max_pool2d(F.conv2d(x, self.K2), 2) + self.c2[:, None, None]).flatten(1)
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


class Adder(torch.nn.Module):
    """edfcore.models.adder: an LSTM, and one dense layer on its last h."""

    def __init__(self, params):
        super().__init__()
        W, U, beta, V, bias = params.values()
        self.lstm = torch.nn.LSTM(W.shape[0], U.shape[0], batch_first=True)
        with torch.no_grad():
            for name, value in (("weight_ih", W.T), ("weight_hh", U.T), ("bias_ih", beta), ("bias_hh", 0 * beta)):
                getattr(self.lstm, f"{name}_l0").copy_(torch.tensor(value))
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.last = _linear(V, bias)

    def forward(self, x):
        return self.last(self.lstm(x)[0][:, -1])


NETWORKS = {"mlp": MLP, "wide": MLP, "lenet": LeNet, "lstm": Adder}


def half_squared_error(answer, target):
    """The mean over instances of 1/2 (answer - target)^2."""
    return 0.5 * F.mse_loss(answer, target)


def _linear(W, bias):
    layer = torch.nn.Linear(*W.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(np.ascontiguousarray(W.T)))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def build(case, params, lr, device):
    """(forward, optimizer): forward is the function (x, y) -> loss, on a device."""
    if device != "cpu":
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.cuda.set_device(torch.device(device).index or 0)
    net = NETWORKS[case](params).to(device)
    loss_of = half_squared_error if case == "lstm" else F.cross_entropy
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=lr, fused=True)
    return lambda x, y: loss_of(net(x), y), optimizer


def make(case, params, x, y, lr, device="cpu", prepare=lambda forward: forward):
    """See worker.py. prepare : what is done to the function (x, y) -> loss before it is called."""
    forward, optimizer = build(case, params, lr, device)
    forward, last = prepare(forward), [None]
    xs, ys = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)

    def step(k):
        optimizer.zero_grad(set_to_none=True)
        last[0] = loss = forward(xs[k].clone(), ys[k].clone())
        loss.backward()
        optimizer.step()

    return step, lambda: last[0].item()


def versions(device="cpu"):
    """See worker.py."""
    if device != "cpu":
        return gpu_versions(torch.device(device).index or 0)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    mkl = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    return {"torch": torch.__version__, "blas": mkl, "threads": torch.get_num_threads()}


def gpu_versions(index):
    """The same where the device is a GPU, by its number.

    Raises
    ------
    NotImplementedError : PyTorch is built without CUDA, or sees no such GPU.
    """
    if torch.version.cuda is None:
        raise NotImplementedError(f"PyTorch {torch.__version__} is built without CUDA")
    if index >= (count := torch.cuda.device_count()):
        raise NotImplementedError(f"PyTorch {torch.__version__} finds no cuda:{index}; GPUs that it sees: {count}")
    about = torch.cuda.get_device_properties(index)
    gpu = {"name": torch.cuda.get_device_name(index), "memory": about.total_memory, "runtime": torch.version.cuda}
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "gpu": gpu}
