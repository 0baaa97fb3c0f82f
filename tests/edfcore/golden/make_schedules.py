"""Golden vectors: the learning rates that PyTorch's schedulers and optax's schedules give, step by step, in float64.

The tests read schedules.npz beside this file and need neither library. To make it anew, in an environment with torch,
optax and numpy, from the root of the repository:

    python tests/edfcore/golden/make_schedules.py

Each array holds the rate before update t = 0, 1, 2, ... Names begin with the library; the settings are those of the
calls below, and the same in tests/edfcore/test_schedules.py.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LR = 0.3
STEPS = 300


def of_torch(torch, make, steps=STEPS, setting="lr"):
    """The rates (or the momenta) that an optimizer has at each step under the scheduler make(optimizer)."""
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=LR, momentum=0.9)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0][setting])
        optimizer.step()
        scheduler.step()
    return np.array(found, dtype="float64")


def torch_vectors(torch):
    """Name: rates."""
    s = torch.optim.lr_scheduler
    makers = {
        "step": lambda o: s.StepLR(o, 30),
        "multi_step": lambda o: s.MultiStepLR(o, [20, 75, 75, 200], gamma=0.3),
        "exponential": lambda o: s.ExponentialLR(o, 0.97),
        "polynomial": lambda o: s.PolynomialLR(o, 120, power=2.5),
        "polynomial_default": lambda o: s.PolynomialLR(o),
        "cosine": lambda o: s.CosineAnnealingLR(o, 130, eta_min=0.01),
        "linear_warmup": lambda o: s.LinearLR(o, total_iters=40),
        "sequence": lambda o: s.SequentialLR(o, [s.StepLR(o, 30, 0.5), s.ExponentialLR(o, 0.99)], [100]),
        "warmup_then_cosine": lambda o: s.SequentialLR(
            o, [s.LinearLR(o, start_factor=0.1, total_iters=25), s.CosineAnnealingLR(o, 275, eta_min=0.001)], [25]
        ),
    }
    for T_0, T_mult in ((10, 1), (1, 2), (10, 2), (7, 3)):
        makers[f"restarts_{T_0}_{T_mult}"] = lambda o, T_0=T_0, T_mult=T_mult: s.CosineAnnealingWarmRestarts(
            o, T_0, T_mult, eta_min=0.02
        )
    vectors = {name: of_torch(torch, make) for name, make in makers.items()}
    for name, settings in {"cos": {}, "linear": {"anneal_strategy": "linear", "pct_start": 0.45}}.items():
        make = lambda o, settings=settings: s.OneCycleLR(o, LR, total_steps=STEPS + 1, **settings)  # noqa: E731
        vectors[f"one_cycle_{name}"] = of_torch(torch, make)
        vectors[f"one_cycle_{name}_momentum"] = of_torch(torch, make, setting="momentum")
    short = lambda o: s.OneCycleLR(o, LR, total_steps=8, pct_start=0.05)  # noqa: E731
    return vectors | {"one_cycle_short": of_torch(torch, short, steps=8)}


def optax_vectors(jax, optax):
    """Name: rates."""
    cycle = {"init_value": LR, "peak_value": LR, "warmup_steps": 0, "end_value": 0.02}
    schedules = {
        "exponential": optax.exponential_decay(LR, transition_steps=20, decay_rate=0.6),
        "polynomial": optax.polynomial_schedule(LR, 0.03, power=3, transition_steps=90),
        "cosine": optax.cosine_decay_schedule(LR, 130, alpha=0.1),
        "restarts": optax.sgdr_schedule([cycle | {"decay_steps": n} for n in (20, 40, 80, 160)]),
        "warmup_cosine": optax.warmup_cosine_decay_schedule(0.02, LR, warmup_steps=50, decay_steps=200, end_value=0.01),
        "cosine_warmup": optax.cosine_onecycle_schedule(STEPS, LR, pct_start=0.2, div_factor=10.0),
        "join": optax.join_schedules([optax.constant_schedule(LR), optax.exponential_decay(0.2, 1, 0.98)], [60]),
    }
    return {name: np.array([float(f(t)) for t in range(STEPS)]) for name, f in schedules.items()}


def main():
    """Write schedules.npz beside this file."""
    import jax
    import optax
    import torch

    jax.config.update("jax_enable_x64", True)
    vectors = {f"torch.{name}": v for name, v in torch_vectors(torch).items()}
    vectors |= {f"optax.{name}": v for name, v in optax_vectors(jax, optax).items()}
    versions = {"torch": torch.__version__, "optax": optax.__version__, "jax": jax.__version__}
    versions |= {"numpy": np.__version__}
    np.savez_compressed(
        HERE / "schedules.npz", **vectors, **{f"{name}_version": version for name, version in versions.items()}
    )


if __name__ == "__main__":
    main()
