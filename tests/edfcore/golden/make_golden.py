"""Golden vectors: gradients and 20 steps of SGD of three small networks, by PyTorch in float64.

The core's tests read the .npz files beside this one and need no PyTorch. To make them anew, in an environment
with torch and numpy, from the root of the repository:

    python tests/edfcore/golden/make_golden.py

Each file holds the data (x, y), the parameters before (start.NAME) and after (end.NAME) the steps, the gradients of
the first batch (grad.NAME, and grad.x), the mean loss of each batch (losses), eta, B, and the versions. 20 steps are
made in order over N instances in batches of B; B does not divide N, so that the last batch of each pass is short.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
STEPS = 20


def networks(torch):
    """Name: (features, classes, shapes of the parameters, scores as a function of x and the parameters)."""
    linear = torch.nn.functional.linear

    def s0(x, W1, W2):
        return torch.sigmoid(x @ W1) @ W2

    def bias_tanh_relu(x, W1, b1, W2, b2, W3, b3):
        return torch.relu(torch.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3

    def s1(x, W0, b0, W1, b1):
        return torch.sigmoid(linear(torch.sigmoid(linear(x, W0, -b0)), W1, -b1))  # W (out, in), minus b, as printed

    biases = {"W1": (9, 8), "b1": (8,), "W2": (8, 6), "b2": (6,), "W3": (6, 4), "b3": (4,)}
    return {
        "s0": (11, 5, {"W1": (11, 7), "W2": (7, 5)}, s0),
        "bias_tanh_relu": (9, 4, biases, bias_tanh_relu),
        "s1": (10, 3, {"W0": (6, 10), "b0": (6,), "W1": (3, 6), "b1": (3,)}, s1),
    }


def record(torch, features, classes, shapes, scores, rng, N=23, B=5, eta=0.1):
    """The arrays of one file."""
    x, y = torch.tensor(rng.normal(size=(N, features))), torch.tensor(rng.integers(0, classes, N))
    params = {name: torch.tensor(rng.normal(size=shape), requires_grad=True) for name, shape in shapes.items()}
    found = {f"start.{name}": p.detach().numpy().copy() for name, p in params.items()}
    optimizer = torch.optim.SGD(params.values(), lr=eta)
    losses, starts = [], list(range(0, N, B))
    for step in range(STEPS):
        k = starts[step % len(starts)]
        batch = x[k : k + B].clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(scores(batch, **params), y[k : k + B])
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            found |= {f"grad.{name}": p.grad.numpy().copy() for name, p in params.items()}
            found["grad.x"] = batch.grad.numpy().copy()
        optimizer.step()
        losses.append(loss.item())
    found |= {f"end.{name}": p.detach().numpy() for name, p in params.items()}
    return found | {"x": x.numpy(), "y": y.numpy(), "losses": losses, "eta": eta, "B": B}


def main():
    """Write every file beside this one."""
    import torch

    versions = {"torch_version": torch.__version__, "numpy_version": np.__version__}
    for seed, (name, network) in enumerate(networks(torch).items()):
        arrays = record(torch, *network, np.random.default_rng(seed))
        np.savez_compressed(HERE / f"{name}.npz", **arrays, **versions)


if __name__ == "__main__":
    main()
