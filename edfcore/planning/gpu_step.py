"""A planned step on a GPU: forward, backward and update as one recorded CUDA graph, replayed for every batch.

    load(x, y)      the batch into the plan's arrays, from the host or from the GPU
    step()          the program, and a last line that looks at the loss
    update()        the optimizer's rule on one flat vector: one kernel

The first step of a shape of batch runs kernel by kernel, the second is recorded, the others are replayed
(edfcore.gpu.graphs). A recording holds Python's numbers as they were, so a step is recorded anew where a setting of
the optimizer has changed; what changes in every step, lr and Adam's corrections, lies in arrays () on the GPU, which
are filled where the value is another one. What has no rule in on_gpu.py runs through its own forward and backward,
which make new arrays: such a plan is not recorded.

Whether the loss is finite is not asked of the GPU in every step. Each step adds the sum over b of 0 loss[b] to a flag,
which makes and keeps it NaN as soon as one loss is not finite; a label out of range gives a loss of NaN. The flag is
one of the checks of `gpu.device`: looked at late, at once, or never.
"""

from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from ..backend import cupy
from ..components.linear import check_labels
from ..diagnose import fails
from ..errors import DataError, GraphError
from ..gpu import ops
from ..gpu.device import EVERY, CudaDevice
from ..gpu.graphs import capture
from ..optimizers.adaptive import Adam, AdamW, one_minus_power
from ..optimizers.base import rate
from ..optimizers.first_order import SGD, Momentum, Nesterov
from ..plan import Compiled, Plan
from .on_gpu import dialect
from .updates import FlatStep

# The update


@dataclass(frozen=True)
class Rule:
    """How an optimizer steps on a GPU.

    line : the call, with the settings of the group as they are now; two steps with one line are the same program
    state : names of the optimizer's arrays in it
    names : of the arrays () in it, which change from step to step
    numbers : function of (group, lr, t) that gives their values
    """

    line: str
    state: tuple = ()
    names: tuple = ("lr",)
    numbers: object = lambda group, lr, t: (lr,)  # noqa: E731  the rate alone


def rule_of(optimizer, first):
    """The Rule of an optimizer with one group, or None where its own `step` is taken.

    first : whether it has no velocity yet; torch's first one is g whatever the dampening
    """
    group, kind = optimizer.groups[0], type(optimizer)
    decoupled = bool(group["weight_decay"]) and group["decoupled_weight_decay"]
    if group["maximize"] or (decoupled and kind not in (Adam, AdamW)):
        return None
    maker = {SGD: _sgd, Momentum: _momentum, Nesterov: _nesterov, Adam: _adam, AdamW: _adam}.get(kind)
    return maker(group, first) if maker else None


def _sgd(group, first):
    if not group["momentum"]:
        return Rule(f"sgd(w, g, lr, {float(group['weight_decay'])})")
    return _heavy(group, 0.0 if first else group["dampening"], group["nesterov"])


def _momentum(group, first):
    if group["convention"] == "polyak":
        return None
    return _heavy(group, group["momentum"] if group["convention"] == "ema" else 0.0, False)


def _nesterov(group, first):
    return _heavy(group, 0.0, True)


def _heavy(group, dampening, nesterov):
    mu, decay = float(group["momentum"]), float(group["weight_decay"])
    return Rule(f"momentum(w, g, v, lr, {mu}, {float(dampening)}, {decay}, {bool(nesterov)})", ("v",))


def _adam(group, first):
    if group["amsgrad"] or not group["eps"]:
        return None
    betas, decoupled = tuple(map(float, group["betas"])), bool(group["decoupled_weight_decay"])
    more = f"{float(group['eps'])}, {float(group['weight_decay'])}, {decoupled}"

    def numbers(group, lr, t):
        b1, b2 = group["betas"]
        return lr, one_minus_power(b1, t), one_minus_power(b2, t)

    return Rule(f"adam(w, g, m, v, lr, {betas}, c1, c2, {more})", ("m", "v"), ("lr", "c1", "c2"), numbers)


class DeviceStep(FlatStep):
    """An optimizer's step on flat arrays of a GPU; parameters as FlatStep.

    Attributes
    ----------
    update : Rule, or None where the optimizer's own `step` is taken
    function : runs the rule's line
    """

    def __init__(self, optimizer, params, w, g):
        self.optimizer, self.params, self.w, self.g = optimizer, params, w, g
        self.whole = set(optimizer.params) == set(params)
        self.update = self.function = self._settings = None
        self.flat, self.numbers, self.filled, self.first, self.made = {}, {}, {}, True, 0

    def prepare(self):
        """Make ready for one update: the rule, the optimizer's arrays, the numbers of this step.

        Returns
        -------
        what a recording of the update has to agree with: its line, and how often its arrays were made; None where the
        optimizer's own `step` is to be taken

        Raises
        ------
        DataError : a schedule gives no rate.
        """
        optimizer = self.optimizer
        if not self.whole or len(optimizer.groups) != 1:
            return None
        group = optimizer.groups[0]
        taken = {state.get("t", 0) for state in optimizer.state}
        self._choose(group)
        if self.update is None or len(taken) != 1 or len(self._before) != 1:
            self.update = self._settings = None
            return None
        lr = rate(optimizer.kind, group["lr"], optimizer.counters["t"])
        values = self.update.numbers(group, lr, taken.pop() + 1)
        for name, number in zip(self.update.names, values, strict=True):
            if self.filled[name] != number:
                self.numbers[name].fill(number)
                self.filled[name] = number
        return self.update.line, self.made

    def _choose(self, group):
        """The rule of the group's settings as they are now."""
        settings = {k: v for k, v in group.items() if k not in ("params", "lr")}
        shared = self.update is not None and self._shares()
        if shared and settings == self._settings:
            return
        if not shared:
            self._before = {"v" in state for state in self.optimizer.state}
            self.first = self._before != {True}
        self._take(rule_of(self.optimizer, self.first), settings)

    def _take(self, rule, settings):
        self.update, self._settings = rule, settings
        if rule is None:
            return
        for name in rule.names:
            if name not in self.numbers:
                self.numbers[name], self.filled[name] = cupy().zeros((), self.w.dtype), 0.0
        self._adopt()

    def _adopt(self):
        if self.function is None or tuple(self.flat) != self.update.state:
            super()._adopt()
            self.made += 1
        else:
            self.function = self._compile()
            self._share()

    def _compile(self):
        space = {name: getattr(ops, name) for name in ("sgd", "momentum", "adam")}
        space |= {"w": self.w, "g": self.g} | self.flat | self.numbers
        exec(compile(self.source(), "<planned update>", "exec"), space)  # noqa: S102  our own lines
        return space["update"]

    def source(self):
        """The line of the step, as a Python function."""
        rule = self.update
        if rule is None and self.whole and len(self.optimizer.groups) == 1:  # before the first step
            rule = rule_of(self.optimizer, self.first)
        return f"def update():\n    {'optimizer.step()' if rule is None else rule.line}"

    def advance(self):
        """Count an update that was carried out."""
        for state in self.state:
            state["t"] = state.get("t", 0) + 1
        self.optimizer.counters["t"] += 1
        if self.first and self.update.state:
            self.first, self._settings = False, None

    def step(self):
        """The update alone, after `prepare`."""
        if self.update is None:
            self.optimizer.step()
        else:
            self.function()
            self.advance()


# The whole


@dataclass
class OnGpu(Compiled):
    """A program on a GPU.

    row : the losses as (1, B), None where the loss is unplanned
    share : (B, 1), each 1/B
    unplanned : labels of components that run their own forward and backward; these make arrays: nothing is recorded
    runs : dict "pass" or "step" -> (what DeviceStep.prepare gave, what runs it)
    """

    row: object = None
    share: object = None
    unplanned: tuple = ()
    runs: dict = field(default_factory=dict)


class GpuPlan(Plan):
    """A plan whose arrays are on a GPU; see `plan`. Its device is made current for the time of a step."""

    WHY = "the loss was not finite, or a label out of range, in a planned step since the last look"

    def __init__(self, graph, loss, optimizer=None, keep=()):
        backend = graph.backend
        self.xp, place = backend.xp, backend.name
        named = isinstance(place, CudaDevice)
        self.index = place.index if named else self.xp.cuda.runtime.getDevice()
        self.late, self.arrays, self.dialect = getattr(place, "late", None), (np.ndarray, self.xp.ndarray), None
        self._round, self._since = None, 0
        with self._there():
            self.dialect = dialect(self.xp)
            self._looked = self.xp.zeros(2, backend.dtype)  # a mean loss, and the flag
            super().__init__(graph, loss, optimizer, keep)
        self._mean, self._flag = self._looked[:1].reshape(1, 1), self._looked[1:].reshape(1, 1)

    # Where the arrays are

    def _there(self):
        """A context in which CuPy computes on the graph's GPU."""
        here = self.xp.cuda.runtime.getDevice() == self.index
        return nullcontext() if here else self.xp.cuda.Device(self.index)

    def _can_live_on(self, place):
        return True

    def _flat(self, size, dtype):
        return self.xp.empty(size, dtype)

    def _room(self, node):
        dtype = np.int64 if node._holds_labels and node.value.dtype.kind in "iu" else node.value.dtype
        return self.xp.zeros(node.value.shape, dtype)

    def _step_of(self, optimizer):
        return DeviceStep(optimizer, self.params, self.w, self.g)

    def _take_in(self, program, compiler):
        """None: a batch comes from elsewhere every time, which a recording could not follow; see `_load`."""

    def _batch(self, arrays, named):
        found = super()._batch(arrays, named)
        for node, array in zip(self.inputs, found, strict=True):
            if not isinstance(array, np.ndarray) and array.device.id != self.index:
                raise DataError(
                    f"plan.step: the batch of {node.label} lies on cuda:{array.device.id}, but the plan is of "
                    f"cuda:{self.index}; load the data inside `with edf.device('cuda:{self.index}'):`."
                )
        return found

    def _load(self, one, batch):
        """The batch into the plan's arrays, from the host in their dtype."""
        for room, array in zip(one.inputs.values(), batch, strict=True):
            host = isinstance(array, np.ndarray)
            ops.copy(np.ascontiguousarray(array, room.dtype) if host else array, room)

    def _watch(self, compiler):
        """Add 0 loss[b] to the flag: NaN from the first loss on that is not finite."""
        name = compiler.storage[self.loss_node]
        if name not in compiler.program.buffers or (self.late is not None and not self.late.every):
            return
        size, dtype = self.loss_node.value.size, self.loss_node.value.dtype
        row = compiler.program.view(name, "losses", lambda a: a.reshape(1, size))
        zeros = compiler.program.fixed("zeros", self.xp.zeros((size, 1), dtype))
        flag = compiler.program.fixed("flag", self._looked[1:].reshape(1, 1))
        compiler.program.emit(
            f"{compiler.function(ops.matmul)}({row}, {zeros}, {flag}, True)", "NaN from a loss on that is not finite"
        )

    def _made(self, program, compiler, inputs, values):
        one = OnGpu(program, compiler, program.compile(), inputs, values)
        one.unplanned = tuple(node.label for node, rule in compiler.rules.items() if rule is None)
        name = compiler.storage[self.loss_node]
        if name in program.buffers:
            one.row = program.buffers[name].array.reshape(1, -1)
            size = one.row.size
            one.share = self.xp.full((size, 1), 1 / size, one.row.dtype)
        return one

    # A step

    def _take(self, arrays, named, update):
        with self._there():
            one, batch = self._prepared(arrays, named)
            self._load(one, batch)
            key = self._flat_step.prepare() if update else None
            self._begin()
            if key is None or self.late is None:
                self._run(one, "pass", None, one.function)
                self._look_now(one)
                if update:
                    self._flat_step.step()
            else:
                self._run(one, "step", key, self._both(one))
                self._flat_step.advance()
            self._look_sometimes(one)

    def _both(self, one):
        def both():
            one.function()
            self._flat_step.function()

        return both

    def _run(self, one, what, key, step):
        """Run a step, recorded where it can be; what was recorded for another key is forgotten."""
        if one.unplanned:
            step()
            return
        known, runner = one.runs.get(what, (None, None))
        if runner is None or known != key:
            runner = capture(step)
            one.runs[what] = key, runner
        runner()

    # Checks

    def _begin(self):
        """Before a step: the flag is among the checks that wait. After each look it starts anew."""
        late = self.late
        if late is None or not late.every or late._waiting is self._round:
            return
        self._flag.fill(0)
        self._since = 0
        flag = self._looked[1]
        late.add(flag, self.loss_node, self.WHY)
        if not late._waiting:  # that one was the last that may wait, and all were looked at
            late.add(flag, self.loss_node, self.WHY)
        self._round = late._waiting

    def _look_sometimes(self, one):
        if one.row is None and self.late is not None:
            value = self.loss_node.value
            fails(self.graph.backend, ~self.xp.isfinite(value).all(), self.loss_node, "the loss is not finite")
        self._since += 1
        if self._since >= EVERY and self.late is not None:
            self.late.look()

    def _look_now(self, one):
        """Where checks are to be answered at once: refuse before a parameter is changed."""
        if self.late is not None:
            return
        if one.row is None:
            finite = bool(self.xp.isfinite(self.loss_node.value).all())
        else:
            finite = float(self._looked[1]) == 0
        if finite:
            return
        self._flag.fill(0)
        for node, (scores, labels) in one.compiler.scores.items():
            check_labels(node, "label", "y", labels.value, scores.value.shape[1], "classes")
        raise self._not_finite()

    @property
    def loss(self):
        """The mean loss of the last batch, before its step; reads one number, for which it waits.

        Raises
        ------
        GraphError : no step was taken yet.
        LateCheck : a loss was not finite, or a label out of range, since the last look.
        """
        one = self._latest
        if one is None:
            raise GraphError("plan.loss: no step was taken yet.")
        with self._there():
            if one.row is None:
                return float(self.loss_node.value.mean())
            ops.matmul(one.row, one.share, self._mean)
            mean, flag = map(float, self.xp.asnumpy(self._looked))
            if flag != 0 and self.late is not None:
                self.late.look()
        return mean

    # Shown

    def source(self):
        """The generated program as text: the batch's copies, forward and backward, then the update."""
        one = self.compiled()
        names = [one.compiler.storage[n] for n in self.inputs]
        load = [f"def load({', '.join(f'{n}_batch' for n in names)}):", *(f"    copy({n}_batch, {n})" for n in names)]
        parts = ["\n".join(load), one.program.source()]
        parts += [] if self._flat_step is None else [self._flat_step.source()]
        return "\n\n\n".join(parts)

    def _told(self, one):
        place = f"cuda:{self.index}"
        if one.unplanned:
            kinds = ", ".join(one.unplanned)
            return place, f"not recorded as a CUDA graph, since these have no rule and make new arrays: {kinds}"
        reasons = [runner.reason for _, runner in one.runs.values() if runner.reason]
        if reasons:
            return place, f"not recorded as a CUDA graph: {reasons[0]}"
        apart = self._flat_step is not None and (self.late is None or self._flat_step.update is None)
        behind = " without the update, which comes after it" if apart else ""
        return place, f"recorded as one CUDA graph{behind} and replayed from the second step on"
