"""Learning-rate schedules: the rate as a pure function of the step.

    Constant              lr
    TimeBased             lr / (1 + k t / decay_steps)
    Step                  lr gamma^floor(t / step_size)
    MultiStep             lr gamma^(number of milestones <= t)
    Exponential           lr gamma^t
    Polynomial            eta_min + (lr - eta_min) (1 - t / total_iters)^power
    Cosine                eta_min + (lr - eta_min) (1 + cos(pi t / T_max)) / 2
    CosineWarmRestarts    eta_min + (lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2
    OneCycle              up from max_lr / div_factor to max_lr, then down to nearly nothing
    Warmup                from start to after(0) in W steps, then after(t - W)
    Sequence, Scaled      schedules put together

Unit: t counts updates of the parameters, called steps. lr(t) is the rate of update number t and t = 0 is the first
update. W, T_0, T_max and every other length are in steps too; a length known in epochs is multiplied by the number of
batches in an epoch. Rates are in units of the parameter over the gradient.

A schedule has no state: to resume a training it is enough to know t. It takes a step or an array of steps. A fraction
of a step (SGDR's t = epoch + i / batches) makes sense where the formula is continuous, and is taken there; schedules
that count whole steps (Step, MultiStep, TimeBased with staircase) refuse it, alone and inside another schedule.
"""

from dataclasses import dataclass, field
from math import exp, inf, isfinite
from numbers import Integral, Real
from reprlib import repr as told

import numpy as np

from .catalog import catalogued
from .display import Curve
from .errors import DataError

__all__ = [
    "Constant", "Cosine", "CosineWarmRestarts", "CosineWarmup", "Exponential", "LinearWarmup", "MultiStep", "OneCycle",
    "Polynomial", "Scaled", "Schedule", "Sequence", "Step", "TimeBased", "Warmup", "linear_scaling",
]  # fmt: skip

LONGEST = 2**53  # every whole number up to here is exact in float64


@dataclass(frozen=True)
class Schedule(Curve):
    """What all schedules share: a subclass gives `rate`, the formula on a vector of steps.

    Raises
    ------
    DataError : when called, t is negative, not finite, no number, above 2^53, or a fraction where whole steps are
        counted; or the rate overflows.
    """

    fractional = True  # whether t may be a fraction of a step

    def rate(self, t):
        """The rates (T,) at the steps t (T,), which are checked already."""
        raise NotImplementedError(f"{type(self).__name__} lacks rate(t), its formula.")

    def __call__(self, t):
        """The learning rate of step t.

        Parameters
        ----------
        t : int or float of at least 0, or an array of them, in steps

        Returns
        -------
        float, or a float64 array of the shape of t
        """
        owner = type(self).__name__
        steps = _steps(owner, t, self.fractional)
        with np.errstate(over="ignore", under="ignore"):
            lr = np.asarray(self.rate(steps.ravel()), dtype="float64").reshape(steps.shape)
        if not np.isfinite(lr).all():
            first = steps[~np.isfinite(lr)].min()
            raise DataError(f"{owner}: the rate is no finite number from t = {first} on; choose a smaller gamma or t.")
        return lr if lr.ndim else float(lr)

    def _numbers(self, *names, least=0.0, above=None, most=inf):
        for name in names:
            value = _number(type(self).__name__, name, getattr(self, name), least, above, most)
            object.__setattr__(self, name, value)

    def _wholes(self, *names, least):
        for name in names:
            object.__setattr__(self, name, _whole(type(self).__name__, name, getattr(self, name), least))

    def _down_to_eta_min(self):
        self._numbers("lr", "eta_min")
        if self.eta_min > self.lr:
            raise DataError(
                f"{type(self).__name__}: eta_min is {self.eta_min}, above lr = {self.lr}; the rate falls from lr to "
                "eta_min, so give an eta_min of at most lr."
            )

    def _schedule(self, name, value):
        if not isinstance(value, Schedule):
            owner = type(self).__name__
            raise DataError(f"{owner}: {name} is {told(value)}; a schedule such as Constant(0.1) is needed.")


def _number(owner, name, value, least=0.0, above=None, most=inf):
    """`value` as a float, or a sentence."""
    number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if number and isfinite(value) and (least if above is None else above) <= value <= most and value != above:
        return float(value)
    bounds = f"of at least {least:g}" if above is None else f"above {above:g}"
    bounds += f" and at most {most:g}" if most < inf else ""
    raise DataError(f"{owner}: {name} is {told(value)}; a finite number {bounds} is needed.")


def _whole(owner, name, value, least):
    """`value` as an int, or a sentence."""
    if isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= LONGEST:
        return int(value)
    raise DataError(f"{owner}: {name} is {told(value)}; a whole number of at least {least} (at most 2^53) is needed.")


def _wholes_in_order(owner, name, values):
    """`values` as a tuple of ints of at least 0 that do not fall, or a sentence."""
    if not isinstance(values, (tuple, list, np.ndarray)):
        raise DataError(f"{owner}: {name} is {told(values)}; a list of steps such as [30, 60] is needed.")
    steps = tuple(_whole(owner, f"{name}[{n}]", value, 0) for n, value in enumerate(values))
    if list(steps) != sorted(steps):
        raise DataError(f"{owner}: {name} are {told(values)}; put the steps in ascending order.")
    return steps


def _steps(owner, t, fractional):
    """`t` as an array of int64 or float64, or a sentence."""
    try:
        steps = np.asarray(t)
    except (ValueError, TypeError) as error:
        raise DataError(f"{owner}: t is {told(t)}, not an array of numbers; pass a step or a list of steps.") from error
    if steps.size == 0:
        return steps.astype("float64")
    if steps.dtype.kind not in "iuf" or not ((steps >= 0) & (steps <= LONGEST)).all():
        raise DataError(f"{owner}: t is {told(t)}; steps are numbers from 0 (the first update) to 2^53.")
    if not fractional and (steps != np.floor(steps)).any():
        raise DataError(f"{owner}: t is {told(t)}; it counts whole steps here, so pass an int such as int(t).")
    return steps.astype("float64" if steps.dtype.kind == "f" else "int64")


def _between(start, end, w):
    """start at w = 0 and end at w = 1, both exactly."""
    return start * (1 - w) + end * w


def _half_cosine(p):
    """(1 - cos(pi p)) / 2: from 0 to 1 as p does, flat at both ends."""
    return (1 - np.cos(np.pi * p)) / 2


@catalogued("schedule", source="Robbins & Monro 1951 (a rate that does not fall does not converge under noise)")
@dataclass(frozen=True)
class Constant(Schedule):
    """lr(t) = lr.

    Parameters
    ----------
    lr : float, at least 0

    Raises
    ------
    DataError : lr is negative or no finite number.
    """

    lr: float

    def __post_init__(self):
        self._numbers("lr")

    def rate(self, t):
        return np.full(t.shape, self.lr)


@catalogued("schedule", source="S4, 'Learning rate schedules', erratum 4.39; Keras InverseTimeDecay")
@dataclass(frozen=True)
class TimeBased(Schedule):
    """lr(t) = lr / (1 + k t / decay_steps); with staircase, floor(t / decay_steps) for t / decay_steps.

    Parameters
    ----------
    lr : float, at least 0, the rate at t = 0
    k : float, at least 0, the decay in `decay_steps` steps
    decay_steps : int, at least 1, in steps; 1 gives S4's form
    staircase : bool; if True, t must be whole

    Raises
    ------
    DataError : a rate is negative or no finite number, or decay_steps is less than 1.

    Examples
    --------
    >>> TimeBased(0.1, k=0.01)(5)  # 0.1 / 1.05
    0.09523809523809523
    """

    lr: float
    k: float
    decay_steps: int = 1
    staircase: bool = False

    def __post_init__(self):
        self._numbers("lr", "k")
        self._wholes("decay_steps", least=1)
        if not isinstance(self.staircase, (bool, np.bool_)):
            raise DataError(f"TimeBased: staircase is {told(self.staircase)}; True or False is needed.")

    @property
    def fractional(self):
        """False with staircase, which counts whole steps."""
        return not self.staircase

    def rate(self, t):
        periods = t // self.decay_steps if self.staircase else t / self.decay_steps
        return self.lr / (1 + self.k * periods)


@catalogued("schedule", source="S4, 'Learning rate schedules', errata 4.40 and 4.41; torch StepLR")
@dataclass(frozen=True)
class Step(Schedule):
    """lr(t) = lr gamma^floor(t / step_size): the first drop is at t = step_size, none at t = 0.

    Parameters
    ----------
    lr : float, at least 0
    step_size : int, at least 1, steps between drops
    gamma : float, above 0; default 0.1 as in torch

    Raises
    ------
    DataError : one of them is out of its range; t is a fraction.

    Examples
    --------
    >>> Step(1.0, step_size=3, gamma=0.5)([0, 2, 3, 5, 6]).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    lr: float
    step_size: int
    gamma: float = 0.1
    fractional = False

    def __post_init__(self):
        self._numbers("lr")
        self._numbers("gamma", above=0.0)
        self._wholes("step_size", least=1)

    def rate(self, t):
        return self.lr * self.gamma ** (t // self.step_size)


@catalogued("schedule", source="torch MultiStepLR; He et al. 2016, section 4.2 (32k and 48k iterations)")
@dataclass(frozen=True)
class MultiStep(Schedule):
    """lr(t) = lr gamma^n, where n is the number of milestones m <= t; a milestone named twice counts twice.

    Parameters
    ----------
    lr : float, at least 0
    milestones : sequence of int, at least 0 and ascending, in steps
    gamma : float, above 0; default 0.1 as in torch

    Raises
    ------
    DataError : one of them is out of its range, or the milestones are out of order; t is a fraction.
    """

    lr: float
    milestones: tuple
    gamma: float = 0.1
    fractional = False

    def __post_init__(self):
        self._numbers("lr")
        self._numbers("gamma", above=0.0)
        object.__setattr__(self, "milestones", _wholes_in_order("MultiStep", "milestones", self.milestones))

    def rate(self, t):
        return self.lr * self.gamma ** np.searchsorted(self.milestones, t, side="right")


@catalogued("schedule", source="S4, 'Learning rate schedules', erratum 4.42; torch ExponentialLR")
@dataclass(frozen=True)
class Exponential(Schedule):
    """lr(t) = lr gamma^t.

    Parameters
    ----------
    lr : float, at least 0
    gamma : float, above 0, the factor of each step; above 1 the rate grows, as in a learning-rate range test

    Raises
    ------
    DataError : one of them is out of its range.
    """

    lr: float
    gamma: float

    def __post_init__(self):
        self._numbers("lr")
        self._numbers("gamma", above=0.0)

    @classmethod
    def from_rate(cls, lr, k, per=1):
        """lr(t) = lr exp(-k t / per).

        Parameters
        ----------
        lr : float, at least 0
        k : float, 0 to 700, the decay in `per` steps; S4's k = 0.1 is meant for an epoch
        per : int, at least 1, in steps: the number of batches in an epoch, where k is for an epoch

        Raises
        ------
        DataError : one of them is out of its range.

        Examples
        --------
        >>> round(Exponential.from_rate(0.1, k=0.1, per=468)(468), 6)  # after one epoch of 468 batches
        0.090484
        """
        return cls(lr, exp(-_number("Exponential", "k", k, most=700) / _whole("Exponential", "per", per, 1)))

    def rate(self, t):
        return self.lr * self.gamma**t


@catalogued("schedule", source="torch PolynomialLR; eta_min as in optax polynomial_schedule(end_value)")
@dataclass(frozen=True)
class Polynomial(Schedule):
    """lr(t) = eta_min + (lr - eta_min) (1 - t / total_iters)^power up to t = total_iters, eta_min after it.

    Parameters
    ----------
    lr : float, at least 0
    total_iters : int, at least 1, in steps; default 5 as in torch
    power : float, above 0; 1 is a straight line
    eta_min : float, 0 to lr; default 0, which is torch's form

    Raises
    ------
    DataError : one of them is out of its range.
    """

    lr: float
    total_iters: int = 5
    power: float = 1.0
    eta_min: float = 0.0

    def __post_init__(self):
        self._down_to_eta_min()
        self._numbers("power", above=0.0)
        self._wholes("total_iters", least=1)

    def rate(self, t):
        left = 1 - np.minimum(t, self.total_iters) / self.total_iters
        return _between(self.eta_min, self.lr, left**self.power)


@catalogued("schedule", source="Loshchilov & Hutter 2017 (1608.03983), eq. 5 without restarts; torch CosineAnnealingLR")
@dataclass(frozen=True)
class Cosine(Schedule):
    """lr(t) = eta_min + (lr - eta_min) (1 + cos(pi t / T_max)) / 2 up to t = T_max, eta_min after it.

    The last of T steps is t = T - 1: Cosine(lr, T) ends just above eta_min, Cosine(lr, T - 1) on it. After T_max torch
    follows the cosine, so that the rate rises again and is back at lr at 2 T_max; here it stays, as in optax, because
    a training that runs longer than planned should not be undone. CosineWarmRestarts is the one that rises on purpose.

    Parameters
    ----------
    lr : float, at least 0
    T_max : int, at least 1, in steps
    eta_min : float, 0 to lr

    Raises
    ------
    DataError : one of them is out of its range.

    Examples
    --------
    >>> Cosine(0.1, T_max=100)([0, 50, 100, 150]).round(4).tolist()
    [0.1, 0.05, 0.0, 0.0]
    """

    lr: float
    T_max: int
    eta_min: float = 0.0

    def __post_init__(self):
        self._down_to_eta_min()
        self._wholes("T_max", least=1)

    def rate(self, t):
        return _between(self.lr, self.eta_min, _half_cosine(np.minimum(t, self.T_max) / self.T_max))


@catalogued("schedule", source="Loshchilov & Hutter 2017 (1608.03983), eq. 5; torch CosineAnnealingWarmRestarts")
@dataclass(frozen=True)
class CosineWarmRestarts(Schedule):
    """SGDR: lr(t) = eta_min + (lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2.

    T_cur counts the steps since the last restart. Cycle i lasts T_i steps, T_{i+1} = T_mult T_i; the restarts are whole
    numbers, found by adding, so that the rate at a restart is lr itself. (The closed form for i takes a logarithm,
    which misses some restarts by rounding.)

    Parameters
    ----------
    lr : float, at least 0, the rate at each restart
    T_0 : int, at least 1, the steps of the first cycle
    T_mult : int, at least 1
    eta_min : float, 0 to lr

    Raises
    ------
    DataError : one of them is out of its range.

    Examples
    --------
    >>> lr = CosineWarmRestarts(0.1, T_0=10, T_mult=2)
    >>> lr.restarts(100)
    [10, 30, 70]
    >>> lr([0, 9, 10, 30]).round(4).tolist()
    [0.1, 0.0024, 0.1, 0.1]
    """

    lr: float
    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    def __post_init__(self):
        self._down_to_eta_min()
        self._wholes("T_0", "T_mult", least=1)

    def restarts(self, T):
        """The restarts among T steps: every t with 0 < t < T at which a new cycle begins.

        Parameters
        ----------
        T : int, at least 0, in steps

        Returns
        -------
        list of int, exact

        Raises
        ------
        DataError : T is no such number.
        """
        return self._starts(_whole("CosineWarmRestarts.restarts", "T", T, 0))[1:]

    def _starts(self, T):
        """Where each cycle begins that begins before T, the first at 0."""
        found, T_i, at = [0], self.T_0, self.T_0
        while at < T:
            found.append(at)
            T_i *= self.T_mult
            at += T_i
        return found

    def rate(self, t):
        T_cur, T_i = self._cycle(t)
        return _between(self.lr, self.eta_min, _half_cosine(T_cur / T_i))

    def _cycle(self, t):
        """Steps since the last restart and length of the cycle, for each step."""
        if self.T_mult == 1:
            return t % self.T_0, float(self.T_0)
        starts = self._starts(int(t.max(initial=0)) + 1)
        lengths = [float(self.T_0 * self.T_mult**i) for i in range(len(starts))]
        i = np.searchsorted(starts, t, side="right") - 1
        return t - np.array(starts)[i], np.array(lengths)[i]


@catalogued("schedule", source="Smith & Topin 2018 (1708.07120); torch OneCycleLR, two phases")
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from max_lr / div_factor to max_lr, then down to max_lr / (div_factor final_div_factor).

    The top is at t = pct_start total_steps - 1, the bottom at the last step t = total_steps - 1. torch refuses steps
    after that; here the rate stays. Momentum takes the opposite course: `momentum(t)`.

    Parameters
    ----------
    max_lr : float, at least 0
    total_steps : int, at least 1
    pct_start : float, 0 to 1, the part of the steps that goes up
    anneal_strategy : "cos" or "linear"
    div_factor, final_div_factor : float, at least 1
    base_momentum, max_momentum : float, 0 to 1, momentum at the top and at both ends

    Raises
    ------
    DataError : one of them is out of its range.

    Examples
    --------
    >>> lr = OneCycle(0.1, total_steps=100)
    >>> lr([0, 29]).round(6).tolist(), lr.momentum(29)
    ([0.004, 0.1], 0.85)
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    base_momentum: float = 0.85
    max_momentum: float = 0.95

    def __post_init__(self):
        self._numbers("max_lr")
        self._numbers("pct_start", "base_momentum", "max_momentum", most=1.0)
        self._numbers("div_factor", "final_div_factor", least=1.0)
        self._wholes("total_steps", least=1)
        if not isinstance(self.anneal_strategy, str) or self.anneal_strategy not in ("cos", "linear"):
            raise DataError(f"OneCycle: anneal_strategy is {told(self.anneal_strategy)}; use 'cos' or 'linear'.")

    def rate(self, t):
        start = self.max_lr / self.div_factor
        return self._up_and_down(t, start, self.max_lr, start / self.final_div_factor)

    def momentum(self, t):
        """The momentum of step t, from max_momentum to base_momentum and back; float, or an array as t is.

        Raises
        ------
        DataError : t is negative or no finite number.
        """
        steps = _steps("OneCycle.momentum", t, self.fractional)
        found = self._up_and_down(steps.ravel(), self.max_momentum, self.base_momentum, self.max_momentum)
        return found.reshape(steps.shape) if steps.ndim else float(found[0])

    def _up_and_down(self, t, start, top, end):
        last = self.total_steps - 1
        turn = self.pct_start * self.total_steps - 1  # below 0 where the way up is shorter than a step
        t = np.minimum(t, last)
        up = t / turn if turn > 0 else np.ones(t.shape)
        down = (t - turn) / (last - turn) if turn < last else np.zeros(t.shape)
        shape = _half_cosine if self.anneal_strategy == "cos" else np.asarray
        rising = (t <= turn) & (turn > 0)
        return np.where(rising, _between(start, top, shape(up)), _between(top, end, shape(down)))


@catalogued("schedule", source="Goyal et al. 2017 (1706.02677), section 2.2; S4, 'Learning Rate Warmup'")
@dataclass(frozen=True)
class Warmup(Schedule):
    """From `start` to after(0) in the steps 0 to W, then after(t - W).

    lr(t) = start + (after(0) - start) w with w = t / W ("linear") or w = (1 - cos(pi t / W)) / 2 ("cosine"). With
    start = 0 the first step has rate 0 and changes nothing. W = 0 is no warmup. What follows has its own clock, so a
    training of T steps that ends on a cosine is Warmup(W, Cosine(lr, T - W)); optax counts W as part of decay_steps.

    Parameters
    ----------
    W : int, at least 0, in steps
    after : Schedule
    shape : "linear" or "cosine"
    start : float, 0 to after(0), a rate. Default 0 for the usual form lr t / W; torch LinearLR starts at a third of
        the rate, which is start = lr / 3 here

    Raises
    ------
    DataError : one of them is out of its range.

    Examples
    --------
    >>> Warmup(4, Constant(0.1))([0, 2, 4, 9]).tolist()
    [0.0, 0.05, 0.1, 0.1]
    """

    W: int
    after: Schedule
    shape: str = "linear"
    start: float = 0.0

    def __post_init__(self):
        owner = type(self).__name__
        self._wholes("W", least=0)
        self._schedule("after", self.after)
        self._numbers("start")
        if not isinstance(self.shape, str) or self.shape not in ("linear", "cosine"):
            raise DataError(f"{owner}: shape is {told(self.shape)}; use 'linear' or 'cosine'.")
        if self.start > self.after(0):
            raise DataError(
                f"{owner}: start is {self.start}, above the rate {self.after(0)} that the warmup leads to; start is a "
                "rate, not a factor."
            )

    @property
    def fractional(self):
        """As the schedule that follows."""
        return self.after.fractional

    def rate(self, t):
        p = np.minimum(t, self.W) / max(self.W, 1)
        ramp = _between(self.start, self.after(0), p if self.shape == "linear" else _half_cosine(p))
        return np.where(t < self.W, ramp, self.after.rate(np.maximum(t - self.W, 0)))


@catalogued("schedule", source="Goyal et al. 2017 (1706.02677), section 2.2; torch LinearLR in a SequentialLR")
@dataclass(frozen=True)
class LinearWarmup(Warmup):
    """Warmup in a straight line: start + (after(0) - start) t / W, then after(t - W).

    Parameters
    ----------
    W : int, at least 0, in steps
    after : Schedule
    start : float, 0 to after(0), a rate

    Raises
    ------
    DataError : one of them is out of its range.
    """

    shape: str = field(default="linear", init=False, repr=False)


@catalogued("schedule", source="torch OneCycleLR, way up with 'cos'; optax cosine_onecycle_schedule")
@dataclass(frozen=True)
class CosineWarmup(Warmup):
    """Warmup along half a cosine: start + (after(0) - start) (1 - cos(pi t / W)) / 2, then after(t - W).

    Parameters
    ----------
    W : int, at least 0, in steps
    after : Schedule
    start : float, 0 to after(0), a rate

    Raises
    ------
    DataError : one of them is out of its range.
    """

    shape: str = field(default="cosine", init=False, repr=False)


@catalogued("schedule", source="optax join_schedules; torch SequentialLR")
@dataclass(frozen=True)
class Sequence(Schedule):
    """Schedules one after the other: schedules[n] from boundaries[n-1] on, with t counted from there.

    Parameters
    ----------
    schedules : sequence of Schedule, at least one
    boundaries : sequence of int, ascending, in steps; one fewer than schedules. At t = boundaries[n] the next one
        begins; between two equal boundaries a schedule never runs

    Raises
    ------
    DataError : their numbers do not fit, the boundaries are out of order, or a schedule is none.

    Examples
    --------
    >>> Sequence([Constant(0.1), Exponential(0.08, 0.5)], [2])(range(5)).tolist()
    [0.1, 0.1, 0.08, 0.04, 0.02]
    """

    schedules: tuple
    boundaries: tuple

    def __post_init__(self):
        if not isinstance(self.schedules, (tuple, list)) or not self.schedules:
            raise DataError(f"Sequence: schedules is {told(self.schedules)}; a list of schedules is needed.")
        for n, schedule in enumerate(self.schedules):
            self._schedule(f"schedules[{n}]", schedule)
        object.__setattr__(self, "schedules", tuple(self.schedules))
        object.__setattr__(self, "boundaries", _wholes_in_order("Sequence", "boundaries", self.boundaries))
        given, needed = len(self.boundaries), len(self.schedules) - 1
        if given != needed:
            raise DataError(f"Sequence: {needed + 1} schedules need {needed} boundaries between them, not {given}.")

    @property
    def fractional(self):
        """Whether every part takes fractions."""
        return all(schedule.fractional for schedule in self.schedules)

    def rate(self, t):
        running, lr = np.searchsorted(self.boundaries, t, side="right"), np.empty(t.shape)
        for n, (start, schedule) in enumerate(zip((0, *self.boundaries), self.schedules, strict=True)):
            lr[running == n] = schedule.rate(t[running == n] - start)
        return lr


@catalogued("schedule", source="the factors of torch ChainedScheduler and ConstantLR")
@dataclass(frozen=True)
class Scaled(Schedule):
    """lr(t) = factor schedule(t).

    Parameters
    ----------
    schedule : Schedule
    factor : float, at least 0

    Raises
    ------
    DataError : factor is negative or no finite number, or schedule is none.
    """

    schedule: Schedule
    factor: float

    def __post_init__(self):
        self._schedule("schedule", self.schedule)
        self._numbers("factor")

    @property
    def fractional(self):
        """As the schedule that is scaled."""
        return self.schedule.fractional

    def rate(self, t):
        return self.factor * self.schedule.rate(t)


@catalogued("schedule", source="Goyal et al. 2017 (1706.02677), section 2.1, linear scaling rule")
def linear_scaling(lr, B, base=256):
    """The rate for batches of B, from a rate that suits batches of `base`: lr B / base.

    Goyal et al. warm up over the first 5 epochs, and found the rule to hold up to B = 8192 on ImageNet.

    Parameters
    ----------
    lr : float, at least 0
    B : int, at least 1, instances in a batch (over all devices)
    base : int, at least 1; default 256, the paper's, for lr = 0.1

    Returns
    -------
    float

    Raises
    ------
    DataError : one of them is out of its range.

    Examples
    --------
    >>> linear_scaling(0.1, B=8192)
    3.2
    """
    owner = "linear_scaling"
    return _number(owner, "lr", lr) * _whole(owner, "B", B, 1) / _whole(owner, "base", base, 1)
