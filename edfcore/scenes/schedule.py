"""A learning-rate schedule put together from warmup, decay and restarts, and what it does to a noisy training run.

    f(w) = sum_i lambda_i w_i^2 / 2          g_i = lambda_i w_i + sigma xi_i, xi ~ N(0, 1)      w' = w - lr(t) g

What to expect of the run needs no sampling (S4, slides 40 to 44; Bottou, Curtis & Nocedal 2018, section 4):

    E w_i'^2 = (1 - lr lambda_i)^2 E w_i^2 + lr^2 sigma^2

and at a constant rate it ends on the noise floor, sum_i lr sigma^2 / (2 (2 - lr lambda_i)), in proportion to lr where
lr is small. The schedules are those of edfcore.schedules, the run is one of edfcore.optimizers.SGD.
"""

import json
from dataclasses import MISSING, fields

import numpy as np

from .. import schedules as rates
from ..graph import Graph, Param
from ..optimizers import SGD
from .base import Scene, Setting, short
from .mine import count

LONGEST, SEEDS = 300, 5  # steps of a run; how many sequences of noise there are
LAMBDA = np.array([1.0, 0.5, 0.2, 0.1])
SIGMA, START = 0.5, 2.0  # of each coordinate
HOPELESS = 1e200  # a loss at which a run with the reader's own rates has diverged
WARM = (("none", "none"), ("linear", "linear"), ("cosine", "cosine"))
DECAY = (
    ("constant", "none: a constant rate"), ("time", "time-based"), ("step", "step"), ("exponential", "exponential"),
    ("polynomial", "polynomial"), ("cosine", "cosine"), ("restarts", "cosine with warm restarts"),
    ("onecycle", "one cycle"),
)  # fmt: skip

READ = {  # settings that one kind of decay reads and another does not
    "constant": (), "time": ("step_size", "k"), "step": ("step_size", "gamma"), "exponential": ("step_size", "gamma"),
    "polynomial": ("power", "eta_min"), "cosine": ("eta_min",), "restarts": ("T_0", "T_mult", "eta_min", "again"),
    "onecycle": (),
}  # fmt: skip


def unread():
    """For each decay the settings that have no effect on it."""
    some = dict.fromkeys(name for names in READ.values() for name in names)
    return {decay: [name for name in some if name not in names] for decay, names in READ.items()}


def all_noise():
    """xi of every seed, step and coordinate: float32 (SEEDS, LONGEST, 4)."""
    shape = (LONGEST, len(LAMBDA))
    return np.stack([np.random.default_rng(k).standard_normal(shape) for k in range(SEEDS)]).astype(np.float32)


NOISE = all_noise()


def composed(state):
    """The schedule of a state, of edfcore.schedules."""
    lr, W = state["lr"], state["W"] if state["warm"] != "none" else 0
    low, rest = state["eta_min"] * lr, max(state["T"] - W, 1)
    if state["decay"] == "restarts" and state["again"] and W:
        return _warmed_again(state, lr, W, low)
    size, gamma, T_0 = state["step_size"], state["gamma"], state["T_0"]
    after = {
        "constant": lambda: rates.Constant(lr),
        "time": lambda: rates.TimeBased(lr, k=state["k"], decay_steps=size),
        "step": lambda: rates.Step(lr, step_size=size, gamma=gamma),
        "exponential": lambda: rates.Exponential(lr, gamma=gamma ** (1 / size)),
        "polynomial": lambda: rates.Polynomial(lr, total_iters=rest, power=state["power"], eta_min=low),
        "cosine": lambda: rates.Cosine(lr, T_max=rest, eta_min=low),
        "restarts": lambda: rates.CosineWarmRestarts(lr, T_0=T_0, T_mult=state["T_mult"], eta_min=low),
        "onecycle": lambda: rates.OneCycle(lr, total_steps=rest),
    }[state["decay"]]()
    return rates.Warmup(W, after, shape=state["warm"]) if W else after


def _warmed_again(state, lr, W, low):
    """Cosines one after the other, each T_mult times as long as the last, each behind a warmup of its own."""
    cycles, starts, at, T_i = [], [], 0, state["T_0"]
    while at < state["T"]:
        cycles.append(rates.Warmup(W, rates.Cosine(lr, T_max=T_i, eta_min=low), shape=state["warm"]))
        starts.append(at)
        at, T_i = at + W + T_i, T_i * state["T_mult"]
    return rates.Sequence(cycles, starts[1:]) if len(cycles) > 1 else cycles[0]


def expression(schedule):
    """How a schedule is written in Python: its arguments by name, those left out that are as by default.

    >>> expression(rates.Warmup(20, rates.Cosine(0.5, T_max=180)))
    'Warmup(W=20, after=Cosine(lr=0.5, T_max=180))'
    """
    given = [(f, getattr(schedule, f.name)) for f in fields(schedule) if f.init]
    told = [f"{f.name}={_told(value)}" for f, value in given if f.default is MISSING or value != f.default]
    return f"{type(schedule).__name__}({', '.join(told)})"


def _told(value):
    if isinstance(value, rates.Schedule):
        return expression(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_told, value))}]"
    return json.dumps(value) if isinstance(value, str) else f"{value:.12g}"


def restarts(state):
    """The steps at which the rate is taken up again, those of the run."""
    if state["decay"] != "restarts":
        return []
    W = state["W"] if state["warm"] != "none" else 0
    each = W if state["again"] else 0
    found, at, T_i = [], W + state["T_0"], state["T_0"]
    while at < state["T"]:
        found.append(at)
        T_i *= state["T_mult"]
        at += each + T_i
    return found


def expected(lr):
    """E f before each step and after the last one (T + 1,), at the rates lr (T,)."""
    square = np.full(len(LAMBDA), START**2)
    found = [LAMBDA @ square / 2]
    for rate in lr:
        square = (1 - rate * LAMBDA) ** 2 * square + (rate * SIGMA) ** 2
        found.append(LAMBDA @ square / 2)
    return np.array(found)


def run(lr, noise):
    """f before each step and after the last one (T + 1,) of one run of SGD with the noise (T, 4)."""
    graph = Graph()
    with graph:
        w = Param(np.full(len(LAMBDA), START), "w")
    optimizer, found = SGD(graph, lr=lambda t: float(lr[t])), [LAMBDA @ w.value**2 / 2]
    for xi in noise:
        if not found[-1] < HOPELESS:  # the optimizer refuses gradients that are no finite numbers
            found.append(np.inf)
            continue
        w.grad = LAMBDA * w.value + SIGMA * xi
        optimizer.step()
        found.append(LAMBDA @ w.value**2 / 2)
    return np.array(found)


def floor(lr):
    """The expected loss at which a constant rate lr < 2 stays: of the shape of lr."""
    lr = np.asarray(lr, dtype=float)[..., None]
    return (lr * SIGMA**2 / (2 * (2 - lr * LAMBDA))).sum(-1)


class Schedules(Scene):
    """lr(t), its sum, and the loss of a run at these rates."""

    name, title, frames = "schedule", "Learning-rate schedule, and a noisy run at its rates", "t"
    settings = (
        Setting("lr", "base rate", 0.5, low=0.02, high=1.6, step=1.05, log=True),
        Setting("T", "total steps", 200, low=60, high=LONGEST, step=10, whole=True),
        Setting("decay", "decay", "restarts", "choice", choices=DECAY),
        Setting("warm", "warmup", "linear", "choice", choices=WARM),
        Setting("W", "warmup steps", 20, low=0, high=100, step=1, whole=True),
        Setting("T_0", "first cycle T_0", 60, low=20, high=300, step=1, whole=True, unit="steps"),
        Setting("T_mult", "next cycle, times", 2, low=1, high=3, step=1, whole=True),
        Setting("step_size", "step size", 50, low=5, high=150, step=1, whole=True, unit="steps"),
        Setting("gamma", "factor in that time", 0.3, low=0.05, high=1, step=0.05),
        Setting("k", "decay k in that time", 1.0, low=0.1, high=10, step=1.1, log=True),
        Setting("power", "power", 2.0, low=0.5, high=4, step=0.5),
        Setting("eta_min", "lowest rate", 0.0, low=0, high=0.5, step=0.01, unit="of base"),
        Setting("seed", "noise number", 0, low=0, high=SEEDS - 1, step=1, whole=True),
        Setting("again", "warm up after each restart", False, "flag"),
        Setting("t", "time", 100, low=0, high=100, step=1, whole=True, unit="percent"),
    )

    def compute(self, state):
        """lr (T,); expected, seen (T + 1,) losses; floor (T,); area, flat_area, flat_end; restarts (R,)."""
        T, lr = state["T"], composed(state)(np.arange(state["T"]))
        flat = expected(np.full(T, state["lr"]))
        return {
            "lr": lr, "expected": expected(lr), "seen": run(lr, NOISE[state["seed"], :T]), "floor": floor(lr),
            "area": snapped(lr.sum()), "flat_area": snapped(state["lr"] * T), "flat_end": float(flat[-1]),
            "restarts": np.array(restarts(state), dtype=float),
        }  # fmt: skip

    def caption(self, state, found):
        T, last, lr, loss = state["T"], state["T"] // 4, found["lr"], found["expected"]
        before, after = float(loss[T - last]), float(loss[T])
        first = f"The last {last} of {T} steps, at rates of at most {short(float(lr[T - last :].max()))},"
        flat = f"the constant rate {short(state['lr'])} ends at {short(found['flat_end'])}"
        area, part = short(found["area"]), short(found["area"] / found["flat_area"])
        last = f"The rates add up to {area}, {part} of what the constant rate adds up to"
        return f"{first} {_moved(before, after)}; {flat}. {last}."

    def rows(self, state, found):
        n = moment(state)
        at = min(n, state["T"] - 1)
        told = [
            (f"rate of step {at}", found["lr"][at]), (f"noise floor of step {at}", found["floor"][at]),
            (f"expected loss after {count(n, 'step')}", found["expected"][n]),
            (f"loss of this run after {count(n, 'step')}", found["seen"][n]),
            ("expected loss at the end", found["expected"][-1]), ("the same at the constant rate", found["flat_end"]),
            ("sum of the rates", found["area"]), ("sum of the constant rate", found["flat_area"]),
        ]  # fmt: skip
        where = ", ".join(str(int(t)) for t in found["restarts"]) or "none"
        return [
            ["quantity", "value"], *[[name, short(float(value))] for name, value in told], ["restarts at", where],
            ["in Python", expression(composed(state))],
        ]  # fmt: skip


def snapped(x):
    """Without the last digits, which hang on the order of a sum: a sum such as 50.25 is told alike everywhere."""
    return float(np.round(x, 9))


def _moved(before, after):
    """What happens to the expected loss from one time to another, in words."""
    if 0.995 * before <= after <= 1.005 * before:
        return f"leave the expected loss at {short(after)}"
    return f"{'lower' if after < before else 'raise'} the expected loss from {short(before)} to {short(after)}"


def moment(state):
    """How many steps have been taken at the state's time."""
    return state["t"] * state["T"] // 100
