"""Golden vectors: values, gradients and Hessians of components, by PyTorch in float64.

tests/edfcore/test_components.py, test_normalization.py and test_curvature.py read components.npz and need no PyTorch.
To make it anew, in an environment with torch and numpy, from the root of the repository:

    python tests/edfcore/golden/make_components.py

For each case NAME or NAME.variant: argument k as case/k, the random upstream gradient (case/upstream), the value
(case/value), the gradient of argument k (case/grad/k) where it has one, the settings of edfcore's component as JSON
(case/settings), and for batch norm the running statistics after the Forward. For each network the data, parameters,
averaged loss, gradient (flat) and Hessian of the averaged loss.
"""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def cases(torch, rng):
    """Case: (settings of edfcore's component, torch's function, arguments)."""
    F = torch.nn.functional
    n = rng.normal

    def positive(*shape):
        return rng.uniform(0.2, 3.0, size=shape)

    def labels(most, *shape):
        return rng.integers(0, most, size=shape)

    def half_squares(x, y):
        return 0.5 * F.mse_loss(x, y, reduction="none").flatten(1).sum(1)

    def huber(delta):
        return lambda x, y: F.huber_loss(x, y, reduction="none", delta=delta).flatten(1).sum(1)

    ties = np.array([[1.0, 2.0, -1.0], [0.0, 3.0, 0.5]])
    return {
        "Sigmoid": ({}, torch.sigmoid, [3 * n(size=(4, 3))]),
        "Tanh": ({}, torch.tanh, [2 * n(size=(4, 3))]),
        "ReLU": ({}, torch.relu, [np.append(n(size=(3, 4)), 0.0)]),
        "Neg": ({}, torch.neg, [n(size=(4, 3))]),
        "Exp": ({}, torch.exp, [2 * n(size=(4, 3))]),
        "Log": ({}, torch.log, [positive(4, 3)]),
        "Sqrt": ({}, torch.sqrt, [positive(4, 3)]),
        "Power.square": ({}, lambda x: x**2, [n(size=(4, 3))]),
        "Power.root": ({"p": 0.5}, lambda x: x**0.5, [positive(4, 3)]),
        "Power.inverse_cube": ({"p": -3}, lambda x: x**-3, [positive(4, 3) * rng.choice([-1, 1], size=(4, 3))]),
        "Abs": ({}, torch.abs, [np.append(n(size=(3, 4)), 0.0)]),
        "LeakyReLU": ({}, F.leaky_relu, [np.append(n(size=(3, 4)), 0.0)]),
        "LeakyReLU.steep": ({"slope": 0.3}, lambda x: F.leaky_relu(x, 0.3), [n(size=(4, 3))]),
        "Softplus": ({}, lambda x: F.softplus(x, threshold=500), [5 * n(size=(5, 4))]),
        "Softplus.beta": ({"beta": 2.5}, lambda x: F.softplus(x, 2.5, threshold=500), [5 * n(size=(5, 4))]),
        "GELU": ({}, F.gelu, [2 * n(size=(40, 5))]),
        "GELU.tanh": ({"approximate": "tanh"}, lambda x: F.gelu(x, approximate="tanh"), [2 * n(size=(40, 5))]),
        "Add": ({}, torch.add, [n(size=(4, 3)), n(size=(1, 3))]),
        "Sub": ({}, torch.sub, [n(size=(4, 3)), n(size=3)]),
        "Mul": ({}, torch.mul, [n(size=(4, 3)), n(size=(4, 1))]),
        "Div": ({}, torch.div, [n(size=(4, 3)), positive(3)]),
        "Maximum": ({}, torch.maximum, [ties, np.array([1.0, -2.0, -1.0])]),
        "Minimum": ({}, torch.minimum, [ties, np.array([1.0, -2.0, -1.0])]),
        "VDot": ({}, torch.matmul, [n(size=(5, 3)), n(size=(3, 2))]),
        "AddBias": ({}, torch.add, [n(size=(5, 3)), n(size=3)]),
        "BatchMatMul": ({}, torch.matmul, [n(size=(4, 2, 3, 5)), n(size=(4, 2, 5, 2))]),
        "BatchMatMul.shared": ({}, torch.matmul, [n(size=(4, 3, 5)), n(size=(5, 2))]),
        "Mean": ({}, lambda x: x.mean(0), [n(size=(5, 3))]),
        "SumOver": ({}, lambda x: x.sum((1, 2)), [n(size=(4, 3, 2))]),
        "SumOver.last": ({"axis": -1}, lambda x: x.sum(-1), [n(size=(4, 3, 2))]),
        "MeanOver": ({"axis": [2, 3]}, lambda x: x.mean((2, 3)), [n(size=(3, 4, 2, 5))]),
        "Transpose": ({}, lambda x: x.T, [n(size=(3, 2))]),
        "Reshape": ({"shape": [3, -1]}, lambda x: x.reshape(4, 3, 10), [n(size=(4, 5, 6))]),
        "Permute": ({"order": [0, 3, 1, 2]}, lambda x: x.permute(0, 3, 1, 2), [n(size=(2, 3, 4, 5))]),
        "Concatenate": ({}, lambda x, y: torch.cat([x, y], -1), [n(size=(4, 3)), n(size=(4, 2))]),
        "Concatenate.rows": ({"axis": 1}, lambda x, y: torch.cat([x, y], 1), [n(size=(4, 3, 2)), n(size=(4, 1, 2))]),
        "Slice": ({"start": 1, "stop": -1, "axis": 2}, lambda x: x[:, :, 1:-1], [n(size=(3, 4, 5))]),
        "Embedding": ({}, lambda W, ids: F.embedding(ids, W), [n(size=(5, 3)), labels(4, 6, 4)]),
        "Gather": ({}, lambda x, y: x.gather(1, y[:, :, None].expand(-1, -1, 2)), [n(size=(3, 4, 2)), labels(3, 3, 6)]),
        "Softmax": ({}, lambda s: s.softmax(-1), [2 * n(size=(4, 5))]),
        "Aref": ({}, lambda p, y: p.gather(1, y[:, None])[:, 0], [n(size=(6, 3)), labels(3, 6)]),
        "LogLoss": ({}, lambda a: -torch.log(a), [rng.uniform(0.01, 1, size=7)]),
        "CrossEntropy": ({}, lambda s, y: F.cross_entropy(s, y, reduction="none"), [3 * n(size=(6, 4)), labels(4, 6)]),
        "CrossEntropy.smoothed": (
            {"label_smoothing": 0.1},
            lambda s, y: F.cross_entropy(s, y, reduction="none", label_smoothing=0.1),
            [3 * n(size=(6, 4)), labels(4, 6)],
        ),
        "SquaredLoss": ({}, half_squares, [n(size=(5, 3)), n(size=(5, 3))]),
        "HuberLoss": ({}, huber(1.0), [2 * n(size=(5, 3, 2)), n(size=(5, 3, 2))]),
        "HuberLoss.delta": ({"delta": 0.3}, huber(0.3), [n(size=(5, 3)), n(size=(5, 3))]),
        "L2Penalty": ({"weight_decay": 0.25}, lambda W: 0.125 * W.square().sum(), [n(size=(3, 4))]),
        "LayerNorm": ({}, lambda x, g, b: F.layer_norm(x, (5,), g, b), [n(size=(4, 3, 5)), n(size=5), n(size=5)]),
        "GroupNorm": (
            {"num_groups": 3},
            lambda x, g, b: F.group_norm(x, 3, g, b),
            [n(size=(2, 6, 4, 3)), n(size=6), n(size=6)],
        ),
        "GroupNorm.dense": (
            {"num_groups": 2, "eps": 0.01},
            lambda x, g, b: F.group_norm(x, 2, g, b, 0.01),
            [n(size=(3, 6)), n(size=6), n(size=6)],
        ),
    }


def differentiate(torch, function, arrays, rng):
    """The arrays of one case."""
    args = [torch.tensor(a, requires_grad=np.asarray(a).dtype.kind == "f") for a in arrays]
    value = function(*args)
    upstream = rng.normal(size=tuple(value.shape))
    value.backward(torch.tensor(upstream))
    found = {str(k): a for k, a in enumerate(arrays)} | {"value": value.detach().numpy(), "upstream": upstream}
    return found | {f"grad/{k}": a.grad.numpy() for k, a in enumerate(args) if a.requires_grad}


def batch_norms(torch, rng):
    """BatchNorm in training and then in use, of vectors and of images, with its running statistics."""
    F, found = torch.nn.functional, {}
    for case, shape, settings in (
        ("BatchNorm", (7, 3), {}),
        ("BatchNorm.images", (2, 4, 3, 5), {"momentum": 0.3, "eps": 1e-3}),
    ):
        c = shape[1]
        mean, var = torch.tensor(np.zeros(c)), torch.tensor(np.ones(c))
        arrays = [rng.normal(1.5, 2, size=shape), rng.normal(size=c), rng.normal(size=c)]
        for way, training in (("", True), (".in_use", False)):
            m, eps = settings.get("momentum", 0.1), settings.get("eps", 1e-5)

            def norm(x, g, b, training=training, m=m, eps=eps, mean=mean, var=var):
                return F.batch_norm(x, mean, var, g, b, training=training, momentum=m, eps=eps)

            arrays = arrays if training else [rng.normal(size=shape), *arrays[1:]]
            found[case + way] = differentiate(torch, norm, arrays, rng) | {"settings": json.dumps(settings)}
            found[case + way] |= {"running_mean": mean.numpy().copy(), "running_var": var.numpy().copy()}
    return found


def networks(torch):
    """Network: (shapes of the parameters, scores as a function of x and the parameters)."""
    F = torch.nn.functional

    def mlp(x, W1, b1, W2, b2, W3, b3):
        return F.gelu(F.softplus(torch.tanh(x @ W1 + b1) @ W2 + b2)) @ W3 + b3

    def batch_norm(x, W1, g, b, W2):
        return torch.tanh(F.batch_norm(x @ W1, None, None, g, b, training=True)) @ W2

    def layer_norm(x, W1, g, b, W2):
        return F.gelu(F.layer_norm(x @ W1, (4,), g, b), approximate="tanh") @ W2

    normed = {"W1": (3, 4), "g": (4,), "b": (4,), "W2": (4, 3)}
    dense = {"W1": (3, 4), "b1": (4,), "W2": (4, 3), "b2": (3,), "W3": (3, 3), "b3": (3,)}
    return {"mlp": (dense, mlp), "batch_norm": (normed, batch_norm), "layer_norm": (normed, layer_norm)}


def curvature(torch, shapes, scores, rng, B=6):
    """Data, parameters, loss, gradient and Hessian of the averaged cross entropy."""
    x, y = torch.tensor(rng.normal(size=(B, 3))), torch.tensor(rng.integers(0, 3, B))
    start = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    ends = np.cumsum([p.size for p in start.values()])

    def loss(theta):
        flat = torch.tensor_split(theta, ends[:-1].tolist())
        params = {name: part.reshape(shapes[name]) for name, part in zip(shapes, flat, strict=True)}
        return torch.nn.functional.cross_entropy(scores(x, **params), y)

    theta = torch.tensor(np.concatenate([p.ravel() for p in start.values()]), requires_grad=True)
    (grad,) = torch.autograd.grad(loss(theta), theta)
    H = torch.autograd.functional.hessian(loss, theta.detach())
    found = {"x": x.numpy(), "y": y.numpy(), "loss": loss(theta).item(), "grad": grad.numpy(), "hessian": H.numpy()}
    return found | {f"start/{name}": value for name, value in start.items()}


def main():
    """Write components.npz beside this file."""
    import torch

    rng, found = np.random.default_rng(0), {}
    for case, (settings, function, arrays) in cases(torch, rng).items():
        found[case] = differentiate(torch, function, arrays, rng) | {"settings": json.dumps(settings)}
    found |= batch_norms(torch, rng)
    for name, network in networks(torch).items():
        found[f"network.{name}"] = curvature(torch, *network, rng)
    flat = {f"{case}/{key}": value for case, arrays in found.items() for key, value in arrays.items()}
    versions = {"torch_version": torch.__version__, "numpy_version": np.__version__}
    np.savez_compressed(HERE / "components.npz", **flat, **versions)


if __name__ == "__main__":
    main()
