"""Golden vectors: convolution and pooling with their gradients, by PyTorch in float64.

To make convolution.npz anew, in an environment with torch and numpy, from the root of the repository:

    python tests/edfcore/golden/make_convolution.py

For each case NAME.part: the arguments, the settings as pairs (and groups), y, the upstream gradient u, and the
gradients of sum(u y) with respect to the arguments (grad.x and so on). Images of the cases "ties" hold few whole
numbers, so that most windows have several equal maxima.
"""

from pathlib import Path

import numpy as np

CONVOLUTIONS = {  # name: shape of x, shape of W, stride, padding, groups
    "plain": ((3, 2, 6, 5), (4, 2, 3, 2), (1, 1), (0, 0), 1),
    "strided": ((2, 3, 7, 8), (2, 3, 3, 3), (2, 3), (1, 2), 1),
    "grouped": ((2, 6, 5, 4), (9, 2, 2, 3), (1, 2), (1, 0), 3),
    "depthwise": ((1, 3, 4, 6), (3, 1, 3, 3), (1, 1), (1, 1), 3),
    "pointwise": ((4, 3, 2, 3), (5, 3, 1, 1), (1, 1), (0, 0), 1),
}
POOLS = {  # name: shape of x, kernel, stride, padding
    "plain": ((2, 3, 6, 4), (2, 2), (2, 2), (0, 0)),
    "overlapping": ((2, 2, 7, 6), (3, 2), (2, 1), (1, 1)),
    "gaps": ((3, 1, 8, 9), (2, 1), (3, 4), (1, 0)),
    "ties": ((2, 2, 9, 8), (3, 3), (2, 1), (1, 1)),
}


def differentiated(torch, function, rng, **values):
    """y, u, and the gradients of sum(u y)."""
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    y = function(**tensors)
    u = rng.normal(size=tuple(y.shape))
    y.backward(torch.tensor(u))
    grads = {f"grad.{name}": tensor.grad.numpy() for name, tensor in tensors.items()}
    return values | grads | {"y": y.detach().numpy(), "u": u}


def convolution(torch, rng, x_shape, W_shape, stride, padding, groups):
    """One convolution with its bias."""

    def function(x, W, beta):
        return torch.nn.functional.conv2d(x, W, beta, stride, padding, groups=groups)

    values = {"x": rng.normal(size=x_shape), "W": rng.normal(size=W_shape), "beta": rng.normal(size=W_shape[0])}
    settings = {"stride": stride, "padding": padding, "groups": groups}
    return differentiated(torch, function, rng, **values) | settings


def pool(torch, rng, name, function, x_shape, kernel, stride, padding):
    """One pooling layer."""
    x = rng.integers(0, 3, size=x_shape).astype(float) if name == "ties" else rng.normal(size=x_shape)
    found = differentiated(torch, lambda x: function(x, kernel, stride, padding), rng, x=x)
    return found | {"kernel": kernel, "stride": stride, "padding": padding}


def main():
    """Write convolution.npz beside this file."""
    import torch

    rng, F = np.random.default_rng(0), torch.nn.functional
    cases = {f"Conv2d_{name}": convolution(torch, rng, *case) for name, case in CONVOLUTIONS.items()}
    for component, function in (("MaxPool2d", F.max_pool2d), ("AvgPool2d", F.avg_pool2d)):
        cases |= {f"{component}_{name}": pool(torch, rng, name, function, *case) for name, case in POOLS.items()}
    arrays = {f"{name}.{part}": value for name, case in cases.items() for part, value in case.items()}
    versions = {"torch_version": torch.__version__, "numpy_version": np.__version__}
    np.savez_compressed(Path(__file__).with_name("convolution.npz"), **arrays, **versions)


if __name__ == "__main__":
    main()
