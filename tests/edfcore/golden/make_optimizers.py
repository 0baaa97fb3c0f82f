"""Golden vectors of optimizers and clipping, by PyTorch in float64.

The tests read optimizers.npz beside this file and need no PyTorch. To make it anew, in an environment with torch and
numpy, from the root of the repository:

    python tests/edfcore/golden/make_optimizers.py

It holds, for each of CONFIGS (stored as JSON under "configs", class and settings by name):

    before, grads      (STEPS, 4, 3) random parameters and gradients, the same for all; the state builds up
    NAME.after         (STEPS, 4, 3) what one step makes of each of `before`, which is written in anew before the step
    A, start           (6, 6) positive definite and (6,): the quadratic w.A w / 2
    NAME.path          (len(AT), 6) the iterates after AT steps on it from `start`. Where the steps do not shrink with
                       the gradient (RMSprop with momentum) eps is large, or the iteration would amplify rounding

and `lbfgs.path`, iterates of LBFGS with history 3 and steps of length 1 on sum(cosh) + w.A w / 2; `clip.*`.
"""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
STEPS = 8
AT = [*range(1, 11), *range(20, 101, 10)]
CONFIGS = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd_l2": ("SGD", {"lr": 0.1, "weight_decay": 0.3}),
    "sgd_momentum": ("SGD", {"lr": 0.1, "momentum": 0.8}),
    "sgd_dampening": ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.4}),
    "sgd_dampening_momentum": ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.8, "weight_decay": 0.1}),
    "sgd_nesterov": ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    "sgd_nesterov_l2": ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.3}),
    "sgd_maximize": ("SGD", {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    "sgd_defaults": ("SGD", {}),
    "sgd_schedule": ("SGD", {"lr": "0.1 / (1 + 0.2 t)", "momentum": 0.8}),
    "adagrad_defaults": ("Adagrad", {}),
    "adagrad": ("Adagrad", {"lr": 0.5, "lr_decay": 0.05, "initial_accumulator_value": 0.1, "eps": 1e-3}),
    "adagrad_l2": ("Adagrad", {"lr": 0.5, "weight_decay": 0.3}),
    "adadelta_defaults": ("Adadelta", {}),
    "adadelta": ("Adadelta", {"lr": 2.0, "rho": 0.95, "eps": 1e-3, "weight_decay": 0.2}),
    "rmsprop_defaults": ("RMSprop", {}),
    "rmsprop_momentum": ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.6, "eps": 1e-2}),
    "rmsprop_centered": ("RMSprop", {"lr": 0.01, "alpha": 0.9, "centered": True, "eps": 1e-2}),
    "rmsprop_all": (
        "RMSprop",
        {"lr": 0.01, "alpha": 0.8, "centered": True, "momentum": 0.5, "eps": 1e-2, "weight_decay": 0.2},
    ),
    "adam_defaults": ("Adam", {}),
    "adam": ("Adam", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-3}),
    "adam_l2": ("Adam", {"lr": 0.05, "weight_decay": 0.3}),
    "adam_decoupled": ("Adam", {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    "adam_amsgrad": ("Adam", {"lr": 0.05, "betas": [0.9, 0.9], "amsgrad": True}),
    "adam_maximize": ("Adam", {"lr": 0.01, "maximize": True}),
    "adamw_defaults": ("AdamW", {}),
    "adamw": ("AdamW", {"lr": 0.05, "weight_decay": 0.5, "betas": [0.8, 0.95]}),
    "adamw_amsgrad": ("AdamW", {"lr": 0.05, "amsgrad": True}),
    "adamw_schedule": ("AdamW", {"lr": "0.1 / (1 + 0.2 t)", "weight_decay": 0.5}),
    "rprop_defaults": ("Rprop", {}),
    "rprop": ("Rprop", {"lr": 0.1, "etas": [0.4, 1.5], "step_sizes": [1e-3, 0.3]}),
}


def schedule(t):
    """The learning rate that "0.1 / (1 + 0.2 t)" in CONFIGS stands for."""
    return 0.1 / (1 + 0.2 * t)


def optimizer(torch, name, w):
    """The optimizer of a config, and what has to be called before its step t."""
    cls, settings = CONFIGS[name]
    scheduled = isinstance(settings.get("lr"), str)
    found = getattr(torch.optim, cls)([w], **(settings | {"lr": schedule(0)} if scheduled else settings))

    def before(t):
        if scheduled:
            found.param_groups[0]["lr"] = schedule(t)

    return found, before


def single_steps(torch, name, before, grads):
    """`after`: one step from each of `before`."""
    w = torch.zeros(before.shape[1:], dtype=torch.float64, requires_grad=True)
    found, prepare = optimizer(torch, name, w)
    after = []
    for t in range(STEPS):
        w.data, w.grad = torch.tensor(before[t]), torch.tensor(grads[t])
        prepare(t)
        found.step()
        after.append(w.detach().numpy().copy())
    return np.array(after)


def path(torch, name, A, start):
    """The iterates on the quadratic."""
    w = torch.tensor(start, requires_grad=True)
    found, prepare = optimizer(torch, name, w)
    points = []
    for t in range(max(AT)):
        w.grad = torch.tensor(A) @ w.detach()
        prepare(t)
        found.step()
        if t + 1 in AT:
            points.append(w.detach().numpy().copy())
    return np.array(points)


def lbfgs_path(torch, A, start, steps=12):
    """Iterates of LBFGS with history 3, without a line search, one for each call."""
    w = torch.tensor(start, requires_grad=True)
    found = torch.optim.LBFGS([w], lr=1.0, max_iter=1, history_size=3, tolerance_change=0.0, tolerance_grad=0.0)
    points = []

    def closure():
        found.zero_grad()
        loss = torch.cosh(w).sum() + 0.5 * w @ torch.tensor(A) @ w
        loss.backward()
        return loss

    for _ in range(steps):
        found.step(closure)
        points.append(w.detach().numpy().copy())
    return np.array(points)


def clipped(torch, rng):
    """Gradients of two parameters before and after torch's clipping, with the norms."""
    grads = [rng.normal(size=(3, 4)), rng.normal(size=5)]
    found = {f"clip.grad{k}": g for k, g in enumerate(grads)}
    for name, bound in {"norm_1": 1.0, "norm_100": 100.0, "norm_tiny": 1e-6, "value": 0.3}.items():
        params = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads]
        for p, g in zip(params, grads, strict=True):
            p.grad = torch.tensor(g)
        if name == "value":
            torch.nn.utils.clip_grad_value_(params, bound)
        else:
            found[f"clip.{name}"] = torch.nn.utils.clip_grad_norm_(params, bound).item()
        found |= {f"clip.{name}.{k}": p.grad.numpy() for k, p in enumerate(params)}
    return found


def main():
    """Write optimizers.npz."""
    import torch

    rng = np.random.default_rng(0)
    before, grads = rng.normal(size=(2, STEPS, 4, 3))
    Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    A, start = Q @ np.diag(np.geomspace(0.5, 5.0, 6)) @ Q.T, rng.normal(size=6)
    A = 0.5 * (A + A.T)
    found = {"before": before, "grads": grads, "A": A, "start": start, "at": AT, "configs": json.dumps(CONFIGS)}
    for name in CONFIGS:
        found[f"{name}.after"] = single_steps(torch, name, before, grads)
        found[f"{name}.path"] = path(torch, name, A, start)
    found |= {"lbfgs.path": lbfgs_path(torch, A, start)} | clipped(torch, rng)
    versions = {"torch_version": torch.__version__, "numpy_version": np.__version__}
    np.savez_compressed(HERE / "optimizers.npz", **found, **versions)


if __name__ == "__main__":
    main()
