"""Every figure with small data, by name: what the gallery shows and the tests draw."""

import numpy as np

from . import curves, mnist, plain
from .microscope import microscope_figure

_X, _W = (np.random.default_rng(0).normal(size=shape) for shape in ((5, 4), (4, 3)))
_DIGITS = np.random.default_rng(1).random((6, 49))
_SIZES = np.array([1, 8, 64])
_WALK = 1 / np.arange(1, 9) + np.random.default_rng(2).random((3, 8))
_ALT = "An example of the figure with small data, so that its looks can be judged."


def _bowl(x, y):
    return x**2 + 5 * y**2


def _simulated(**settings):
    from ..parallel.simulate import simulate

    return simulate("4 x GTX Titan, PCIe 3 shared", "alexnet", **({"strategy": "data"} | settings))


def _parallel(name, *given, **settings):
    from . import parallel

    return getattr(parallel, name)(*given, **settings)


def _scaled():
    from ..parallel.sweep import scaling

    return scaling("4 x GTX Titan, PCIe 3 shared", "alexnet", (1, 2, 4), batch=128)


def _published(name):
    from ..parallel import published

    return getattr(published, name)()


def _logs():
    from ..parallel import asynchronous

    setting = {"N": 3, "seconds": 1.0, "nbytes": 1e8, "straggler": "exponential", "steps": 6}
    extra = {"backup": {"backup": 1}, "stale": {"bound": 1}}
    return {p: asynchronous.simulate(p, **setting, **extra.get(p, {})) for p in asynchronous.POLICIES}


EXAMPLES = {
    "microscope_figure": lambda: microscope_figure(_X, _W, 2, 1),
    "digits": lambda: mnist.digits(_DIGITS, range(6)),
    "digits, read": lambda: mnist.digits(_DIGITS, range(6), [0, 1, 2, 3, 4, 9], columns=4),
    "signed_images": lambda: mnist.signed_images(_DIGITS[:3] - 0.5, ["a", "b", "c"], "gradient (nats)"),
    "training": lambda: curves.training([0.3, 0.2], [0.4, 0.35], [0.05, 0.04]),
    "loss_curves": lambda: curves.loss_curves({"one": [2.0, 1.5], "two": [2.0, 0.1]}, floor=1.46115, every=50),
    "time_per_example": lambda: curves.time_per_example(_SIZES, 1e-4 + 1e-6 * _SIZES[:, None] + np.zeros((3, 4))),
    "batch_size": lambda: curves.batch_size(_SIZES, 500 + 9 * _SIZES[:, None] + np.arange(3), 1000, 500, 9),
    "gradient_noise": lambda: curves.gradient_noise(_SIZES, 4 / _SIZES[:, None] + np.zeros((3, 5)), 4.0, 0.1),
    "lines": lambda: plain.lines(
        {"one": _WALK, "two": (np.arange(1, 9), 1 / np.arange(1, 9))},
        "step",
        "loss (nats)",
        alt=_ALT,
        floor=0.1,
        markers=True,
    ),
    "panels": lambda: plain.panels(
        [{"series": {"a": _WALK}, "xlabel": "step", "ylabel": "loss", "log": "y"}] * 3, alt=_ALT, columns=2
    ),
    "bars": lambda: plain.bars({"SGD": [0.1, 0.12, 0.11], "Adam": [0.09, 0.1, 0.08]}, "error (fraction)", alt=_ALT),
    "bars, long": lambda: plain.bars(
        {f"a long name, {k}": k for k in range(1, 7)}, "time (days)", alt=_ALT, log=True, floor=2
    ),
    "histograms": lambda: plain.histograms(
        {"wide": [_X, _X / 2], "narrow": [_W / 9, _W]}, "activation", alt=_ALT, names=["1", "2"]
    ),
    "contours": lambda: plain.contours(_bowl, (-2, 2), (-1, 1), alt=_ALT, paths={"down": [(1, 1), (0.5, 0.2), (0, 0)]}),
    "scatter": lambda: plain.scatter(
        {"a": (_X[0], _X[1]), "b": (_X[2], _X[3])}, "x", "y", alt=_ALT, equal=True, diagonal=True
    ),
    "images": lambda: plain.images(
        [_DIGITS[0].reshape(7, 7), np.stack([_DIGITS[1].reshape(7, 7)] * 3, 2)], ["a", "b"], alt=_ALT
    ),
    "parallel.timeline": lambda: _parallel("timeline", _simulated()),
    "parallel.timeline, pipeline": lambda: _parallel("timeline", _simulated(strategy="pipeline", micro_batches=8)),
    "parallel.memory": lambda: _parallel("memory", _simulated(strategy="pipeline", micro_batches=8)),
    "parallel.scaling": lambda: _parallel("scaling", _scaled()),
    "parallel.published": lambda: _parallel("published", _published("yadan")),
    "parallel.policies": lambda: _parallel("policies", _logs()),
    "parallel.stragglers": lambda: _parallel("stragglers", ["exponential", "pareto:3", "lognormal:0.2", "slow:0:2"]),
}
