"""One step for every first-order optimizer: what surrounds the rule, so that a rule is one short method.

For each parameter w with gradient g, in this order (that of torch.optim):

    g = -g                      where maximize
    g = g + lambda w            L2 regularisation: lambda is weight_decay
    step = direction(g, w, state, h)
    w = (1 - lr lambda) w       decoupled decay, with the old w: instead of the L2 term
    w = w - step

`direction` is the paper's formula. `state` holds its arrays for one parameter, `h` the group's settings, with the
learning rate of this step in h.lr and the number of this parameter's steps, from 1, in h.t.
"""

import json
import math
import os
import zipfile
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..diagnose import fails
from ..errors import DataError, GraphError, ShapeError
from ..graph import Graph, Param

INTERVALS = {
    "weight_decay": (0, math.inf), "momentum": (0, 1), "dampening": (0, 1), "eps": (0, math.inf), "rho": (0, 1),
    "alpha": (0, 1), "lr_decay": (0, math.inf), "initial_accumulator_value": (0, math.inf), "omega": (0, math.inf),
    "tol": (0, math.inf), "xi": (-math.inf, math.inf),
}  # fmt: skip
SWITCHES = ("nesterov", "centered", "amsgrad", "maximize", "decoupled_weight_decay", "scale", "scale_initial")


def is_number(value, low=-math.inf, high=math.inf):
    """Whether `value` is a finite real number (no bool, no array) from `low` to `high`."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high


def check_settings(who, settings):
    """Refuse settings that cannot be right: DataError with a sentence. Unknown names pass."""
    for name, value in settings.items():
        if name == "lr" and not callable(value) and not is_number(value, 0):
            raise DataError(
                f"{who}: lr is {value!r}; a finite number of at least 0 or a schedule, a function of t, is needed."
            )
        if name in INTERVALS and not is_number(value, *INTERVALS[name]):
            low, high = INTERVALS[name]
            within = f"from {low} to {high}" if high < math.inf else f"of at least {low}" if low == 0 else ""
            raise DataError(f"{who}: {name} is {value!r}; a finite number {within}".rstrip() + " is needed.")
        if name in SWITCHES and not isinstance(value, (bool, np.bool_)):
            raise DataError(f"{who}: {name} is {value!r}; True or False is needed.")
        if name == "betas":
            _pair(who, name, value, "two numbers from 0 to below 1", lambda a, b: 0 <= a < 1 and 0 <= b < 1)
        if name == "etas":
            _pair(who, name, value, "two numbers with 0 < etaminus < 1 < etaplus", lambda a, b: 0 < a < 1 < b)
        if name == "step_sizes":
            _pair(who, name, value, "two numbers with 0 < smallest <= largest", lambda a, b: 0 < a <= b)


def _pair(who, name, value, needed, holds):
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(is_number, value)) or not holds(*value):
        raise DataError(f"{who}: {name} is {value!r}; {needed} are needed.")


def check_count(who, name, value, least=0):
    """Refuse what is not a whole number of at least `least`: DataError."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise DataError(f"{who}: {name} is {value!r}; a whole number of at least {least} is needed.")


# Plain functions


@dataclass(frozen=True)
class Result:
    """What a minimization found.

    x : array, where it ended
    value, gradient : float and array of x's shape, at x
    trajectory : array (steps + 1, *x.shape), x0 first
    values : array (steps + 1,), the value at each of them
    steps : int, how many steps were taken
    reason : str, why it stopped
    evaluations : int, how often f was called
    """

    x: np.ndarray
    value: float
    gradient: np.ndarray
    trajectory: np.ndarray
    values: np.ndarray
    steps: int
    reason: str
    evaluations: int


def starting_point(who, x0, f):
    """x0 as a fresh floating-point array (float32 stays); f.x where x0 is None and f is a FlatLoss."""
    x0 = getattr(f, "x", None) if x0 is None else x0
    try:
        x = np.array(x0)
    except (ValueError, TypeError) as error:
        raise DataError(f"{who}: x0 is not an array of numbers: {error}") from error
    if x.dtype.kind not in "fiub" or x.size == 0 or not np.isfinite(x).all():
        raise DataError(f"{who}: x0 is {x0!r}; an array of finite numbers, not empty, is needed.")
    return x.astype(x.dtype if x.dtype in (np.float32, np.float64) else np.float64)


def evaluate(who, f, x):
    """f(x) as a float and an array of x's shape and dtype, both free of f's own memory.

    Raises
    ------
    DataError : f returns something else than (value, gradient).
    ShapeError : the gradient has another shape than x.
    """
    if not callable(f):
        raise DataError(f"{who}: f is {f!r}; a function f(x) -> (value, gradient) is needed.")
    found = f(x.copy())
    try:
        value, gradient = found
        value, gradient = float(value), np.array(gradient, dtype=x.dtype)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{who}: f must return a pair, (value, gradient): a number and an array of x's shape."
        ) from error
    if gradient.shape != x.shape:
        raise ShapeError(f"{who}: x has shape {x.shape} but the gradient that f returned has {gradient.shape}.")
    return value, gradient


def is_finite(value, gradient):
    """Whether f could be evaluated there."""
    return math.isfinite(value) and bool(np.isfinite(gradient).all())


# Save and load


class Resumable:
    """`save` and `load` in terms of `state_dict` and `load_state_dict`: NPZ with a JSON description, no pickle."""

    def save(self, path):
        """Write state_dict() to an NPZ file; an older file is replaced only when the new one is complete.

        Raises
        ------
        DataError : the file cannot be written.
        """
        told = self.state_dict()
        arrays = {f"{k}.{name}": a for k, state in enumerate(told.pop("state")) for name, a in state.items()}
        unfinished = Path(f"{path}.unfinished")
        try:
            with open(unfinished, "wb") as file:
                np.savez(file, description=json.dumps(told), **arrays)
            os.replace(unfinished, path)
        except OSError as error:
            raise DataError(f"{self.kind}.save: {str(path)!r} cannot be written: {error.strerror}.") from error

    def load(self, path):
        """Take over what `save` wrote.

        Raises
        ------
        DataError : there is no such file, it is damaged, or it was saved from another kind of optimizer.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                told = json.loads(str(file["description"]))
                told["state"] = [{} for _ in range(told["parameters"])]
                for key in file.files:
                    k, _, name = key.partition(".")
                    if name:
                        told["state"][int(k)][name] = file[key]
        except FileNotFoundError as error:
            raise DataError(f"{self.kind}.load: there is no file {str(path)!r}.") from error
        except (OSError, EOFError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self.kind}.load: {str(path)!r} is damaged, or is not what save(path) of an optimizer wrote."
            ) from error
        self.load_state_dict(told)

    kind = property(lambda self: type(self).__name__)

    def _check_saved(self, told, parameters):
        if not isinstance(told, dict) or not {"kind", "state", "groups", "counters"} <= told.keys():
            raise DataError(f"{self.kind}.load_state_dict: what state_dict() or a saved file gives is needed.")
        if told["kind"] != self.kind:
            raise DataError(f"{self.kind}.load_state_dict: the state is that of {told['kind']}, not of {self.kind}.")
        if len(told["state"]) != parameters:
            raise DataError(
                f"{self.kind}.load_state_dict: the state is that of {len(told['state'])} parameters, "
                f"here are {parameters}; build the same network first."
            )


# The shared step


class Optimizer(Resumable):
    """The shared step; a subclass adds `direction`.

    Parameters
    ----------
    params : Graph, Param, list of Param, or list of groups, dicts such as {"params": [...], "weight_decay": 0.0}
        that override settings for their parameters; None for an optimizer of plain functions (`minimize`)
    lr : float of at least 0, or a schedule: any function of the number of steps taken so far, t = 0, 1, 2, ...
    weight_decay : float of at least 0, lambda
    decoupled_weight_decay : bool; decay beside the gradient step instead of inside the gradient
    maximize : bool; climb instead of descend
    settings : what the rule needs besides

    Raises
    ------
    DataError : a setting, a group or a parameter that cannot be right.
    """

    def __init__(
        self, params=None, lr=1e-3, weight_decay=0.0, decoupled_weight_decay=False, maximize=False, **settings
    ):
        shared = {"weight_decay": weight_decay, "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        self.settings = {"lr": lr, **settings, **shared}
        self.check(self.settings)
        self.groups = [] if params is None else [self._group(g) for g in as_groups(self.kind, params)]
        self.params = [p for group in self.groups for p in group["params"]]
        if len(set(map(id, self.params))) < len(self.params):
            raise DataError(f"{self.kind}: a parameter is given twice; each belongs to one group, once.")
        self.state = [{} for _ in self.params]
        self.counters = {"t": 0}

    def check(self, settings):
        """Refuse settings that cannot be right; a rule extends this."""
        check_settings(self.kind, settings)

    def _group(self, given):
        unknown = given.keys() - self.settings.keys() - {"params"}
        if unknown:
            raise DataError(
                f"{self.kind}: a group sets {', '.join(sorted(map(str, unknown)))}, which is not a setting of "
                f"{self.kind}; there are {', '.join(self.settings)}."
            )
        group = self.settings | given
        self.check(group)
        return group

    def direction(self, g, w, state, h):
        """The step to subtract from w."""
        raise NotImplementedError(f"{self.kind} gives no direction(self, g, w, state, h).")

    def update(self, w, g, state, group, t):
        """w after one step, in place; `state` moves on. t : int, the steps of the optimizer so far."""
        state["t"] = state.get("t", 0) + 1
        h = SimpleNamespace(**(group | {"lr": rate(self.kind, group["lr"], t), "t": state["t"]}))
        g = -g if h.maximize else g
        if h.weight_decay and not h.decoupled_weight_decay:
            g = g + h.weight_decay * w
        step = self.direction(g, w, state, h)
        if h.weight_decay and h.decoupled_weight_decay:
            w *= 1 - h.lr * h.weight_decay
        w -= step
        return w

    def step(self):
        """Change every parameter that has a gradient; parameters without one stay as they are.

        Raises
        ------
        GraphError : no parameter has a gradient.
        DataError : a gradient holds NaN or infinity; then no parameter is changed.
        ShapeError : a gradient, set by hand, has another shape than its parameter.
        """
        self._check_gradients()
        states = iter(self.state)
        for group in self.groups:
            for p in group["params"]:
                state = next(states)
                if p.grad is not None:
                    p.value = self.update(p.value, p.grad, state, group, self.counters["t"])
        self.counters["t"] += 1
        for graph in {id(p.graph): p.graph for p in self.params}.values():
            graph.touch(f"a step of {self.kind} was taken")

    def _check_gradients(self):
        if not any(p.grad is not None for p in self.params):
            missing = "call Backward(loss) first" if self.params else f"build it from a graph, {self.kind}(graph)"
            raise GraphError(f"{self.kind}: no parameter has a gradient; {missing}.")
        for p in self.params:
            if p.grad is not None and p.grad.shape != p.value.shape:
                raise ShapeError(f"{self.kind}: {p.label} has shape {p.value.shape}, its gradient {p.grad.shape}.")
            why = "its gradient is not finite"
            if p.grad is not None and fails(p.graph.backend, ~np.isfinite(p.grad).all(), p, why):
                raise DataError(
                    f"{self.kind}: the gradient of {p.label} holds NaN or infinity; no parameter was changed. "
                    "Clip the gradients, lower the learning rate, or look for a logarithm or a root of 0."
                )

    def minimize(self, f, x0=None, steps=1000, tol=0.0):
        """Run the same rule on a plain function; parameters and state of the graph are left alone.

        Parameters
        ----------
        f : function of an array like x0 that returns its value and its gradient
        x0 : array of any shape; float32 stays float32. None for a FlatLoss: the parameters as they are
        steps : int, the most steps to take
        tol : float; stop once the norm of the gradient is at most tol

        Returns
        -------
        Result

        Raises
        ------
        DataError, ShapeError : x0 or what f returns cannot be right, or f is not finite at x0.
        """
        check_count(self.kind, "steps", steps)
        check_settings(self.kind, {"tol": tol})
        x, state, points, values = starting_point(self.kind, x0, f), {}, [], []
        while True:
            value, gradient = evaluate(self.kind, f, x)
            points.append(x.copy())
            values.append(value)
            with np.errstate(over="ignore", invalid="ignore"):
                reason = self._reason(points, value, gradient, steps, tol)
                if reason:
                    break
                x = self.update(x, gradient, state, self.settings, len(points) - 1)
        taken = len(points) - 1
        return Result(x, value, gradient, np.array(points), np.array(values), taken, reason, taken + 1)

    def _reason(self, points, value, gradient, steps, tol):
        taken = len(points) - 1
        if not is_finite(value, gradient):
            if not taken:
                raise DataError(f"{self.kind}: f is not finite at x0; start where it is.")
            return f"diverged: after step {taken} the value is {value} and the gradient is not finite or too large"
        if np.linalg.norm(gradient) <= tol:
            return f"the norm of the gradient is at most tol = {tol}"
        return f"{steps} steps were taken" if taken == steps else ""

    def state_dict(self):
        """Everything that a later run needs besides the parameters' values: arrays copied, numbers, lists.

        A schedule is a function and is not stored: give the new optimizer the same one.
        """
        groups = [{k: _plain(v) for k, v in group.items() if k != "params"} for group in self.groups]
        pairs = zip(self.params, self.state, strict=True)
        state = [{name: np.array(_host(p, a)) for name, a in state.items()} for p, state in pairs]
        told = {"kind": self.kind, "groups": groups, "counters": dict(self.counters)}
        return told | {"parameters": len(state), "state": state}

    def load_state_dict(self, told):
        """Take over what `state_dict` gave, settings of the groups included.

        Raises
        ------
        DataError : the state is of another kind, of other parameters, or needs a schedule that is not here.
        """
        self._check_saved(told, len(self.params))
        if len(told["groups"]) != len(self.groups):
            raise DataError(f"{self.kind}.load_state_dict: {len(told['groups'])} groups, here are {len(self.groups)}.")
        states = [self._fitting(p, state) for p, state in zip(self.params, told["state"], strict=True)]
        pairs = zip(self.groups, told["groups"], strict=True)
        groups = [group | self._saved_settings(group, saved) for group, saved in pairs]
        self.state, self.groups, self.counters = states, groups, dict(told["counters"])

    def _saved_settings(self, group, saved):
        saved = {k: tuple(v) if isinstance(v, list) else v for k, v in saved.items()}
        if saved.get("lr") == "a schedule":
            if not callable(group["lr"]):
                raise DataError(f"{self.kind}.load_state_dict: the saved run had a schedule for lr; pass the same one.")
            saved["lr"] = group["lr"]
        self.check(saved)
        return saved

    def _fitting(self, p, state):
        for name, array in state.items():
            if name != "t" and (array.shape != p.value.shape or array.dtype != p.value.dtype):
                raise DataError(
                    f"{self.kind}.load_state_dict: {name} of {p.label} has shape {array.shape} and dtype "
                    f"{array.dtype}, the parameter {p.value.shape} and {p.value.dtype}."
                )
        return {name: int(a) if name == "t" else p.xp.array(a) for name, a in state.items()}


def _host(p, value):
    """An array or number of the state of p on the host."""
    return p.graph.backend.to_host(p.xp.asarray(value))


def _plain(value):
    """A setting as JSON can hold it."""
    if callable(value):
        return "a schedule"
    return list(value) if isinstance(value, tuple) else value.item() if isinstance(value, np.generic) else value


def rate(who, lr, t):
    """The learning rate of step t = 0, 1, 2, ..., from a number or a schedule. Raises DataError."""
    if not callable(lr):
        return float(lr)
    found = lr(t)
    if not is_number(found, 0):
        raise DataError(f"{who}: the schedule gave lr = {found!r} at t = {t}; a finite number of at least 0 is needed.")
    return float(found)


def as_params(who, params):
    """A Graph, a Param or an iterable of Param as a list. Raises DataError where it is something else, or empty."""
    params = params.params if isinstance(params, Graph) else [params] if isinstance(params, Param) else params
    try:
        params = list(params)
    except TypeError:
        raise DataError(f"{who}: params is {params!r}; a Graph or a list of Param is needed.") from None
    wrong = [p for p in params if not isinstance(p, Param)]
    if wrong:
        raise DataError(f"{who}: {wrong[0]!r} is not a Param; pass a Graph, a list of Param, or groups of them.")
    if not params:
        raise DataError(f"{who}: there is no parameter to train; build the network first.")
    return params


def as_groups(who, params):
    """A list of dicts, each with a list of Param under "params". Raises DataError."""
    is_list = isinstance(params, (list, tuple))
    if not is_list or not any(isinstance(group, dict) for group in params):
        return [{"params": as_params(who, params)}]
    if not all(isinstance(group, dict) and "params" in group for group in params):
        raise DataError(f'{who}: a group is a dict with the key "params"; do not mix groups with parameters.')
    return [group | {"params": as_params(who, group["params"])} for group in params]


def no_decay_on_vectors(params, weight_decay):
    """Two groups: weights, with decay, and biases and other vectors and numbers, without (S4, slide 8).

    Parameters
    ----------
    params : Graph or list of Param
    weight_decay : float of at least 0, for parameters with two axes or more

    Raises
    ------
    DataError : no parameters, or weight_decay is not such a number.

    Examples
    --------
    >>> import edfcore as edf
    >>> with edf.Graph() as graph:
    ...     W, b = edf.Param([[1.0, 2.0]], "W"), edf.Param([0.0, 0.0], "b")
    >>> [(g["params"][0].name, g["weight_decay"]) for g in no_decay_on_vectors(graph, 0.01)]
    [('W', 0.01), ('b', 0.0)]
    """
    params = as_params("no_decay_on_vectors", params)
    check_settings("no_decay_on_vectors", {"weight_decay": weight_decay})
    split = [
        {"params": [p for p in params if p.value.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in params if p.value.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in split if group["params"]]
