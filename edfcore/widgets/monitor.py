"""A monitor that any training loop can attach to: loss, gradient norms by parameter, learning rate, while it runs.

    monitor = TrainingMonitor(graph, optimizer)
    for images, labels in monitor(batches(X, Y, B=32, rng=rng)):
        ...
        monitor.step(loss)

A step costs some microseconds; gradients are read as often as takes a fiftieth of the time, pictures sent at most ten
times a second. Interrupting the kernel (or Ctrl+C) ends the loop after the step under way, with everything kept; a
second interrupt is an ordinary KeyboardInterrupt. The Stop button asks Jupyter's server for that interrupt, as the
square button of JupyterLab does. Where there is no such server it sends a message instead, which most kernels read only
between cells; then the button says so.
"""

import math
import re
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..figures.monitor import monitor_figure
from ..graph import Node
from ..optimizers.base import as_params, rate
from ..scenes.monitor import History, Monitor, line
from .base import Widget, _apart, module, packed, styles

EVERY = 0.1  # seconds between two pictures
LINES = 1.0  # seconds between two lines on a terminal
SHARE = 0.02  # of the time, at most, for reading gradients


class TrainingMonitor(Widget):
    """Loss, gradient norms by parameter and learning rate of a loop, live.

    Parameters
    ----------
    source : Graph, list of Param, or Plan (`edf.plan`), whose gradients are read; None: none are. With a Plan, its loss
        is recorded too where the loop records none
    optimizer : whose learning rate is read; default: that of the Plan, or none
    show : bool; whether a loop shows the monitor by itself, in a notebook as a widget, else as lines of text
    hide, given : as for every widget; settings are those of edfcore.scenes.monitor.Monitor

    Raises
    ------
    DataError : source or a setting cannot be meant.

    Examples
    --------
    >>> monitor = TrainingMonitor(show=False)
    >>> for x in monitor([3.0, 2.0, 1.0]):
    ...     monitor.log(loss=x)
    >>> monitor
    step 3  loss 1
    """

    python = "edfcore.widgets.TrainingMonitor"
    scene = Monitor()
    _esm, _css = module("monitor"), styles()
    draw = staticmethod(monitor_figure)

    def __init__(self, source=None, optimizer=None, show=True, **given):
        plan = source if hasattr(source, "loss_node") else None
        self._plan, self._params, self._views = plan, [], None
        if plan is not None:
            self._params, optimizer = list(plan.params), optimizer or plan.optimizer
            self._views = _views(plan)
        elif source is not None:
            self._params = as_params("TrainingMonitor", source)
        self._optimizer, self._show = optimizer, show
        self._names = _names(self._params)
        self.history, self._stop, self._interrupted, self._logged = History(), False, False, False
        self.scene = Monitor(self.history)
        self._began = time.perf_counter()
        self._pushed = self._told = -math.inf
        self._spent, self._displayed, self._handle, self._kernel = 0.0, False, None, ""
        super().__init__(data=self.history.found(), mode="table", **given)
        self.on_msg(self._hear)

    # The loop

    def __call__(self, batches):
        """Go through `batches`; the loop ends early where Stop is pressed or the kernel interrupted."""
        self._stop, self._interrupted, self.history.status = False, False, "running"
        self._began = time.perf_counter() - self._spent / SHARE
        self._appear()
        before = self._catch()
        try:
            for batch in batches:
                self._logged = False
                yield batch
                if not self._logged and self._plan is not None:
                    self.log(loss=self._plan.loss)
                if self._stop:
                    break
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)
            self.finish()

    def step(self, loss, **more):
        """Record a step: its loss, a number or a value of a graph (its mean is taken), and other numbers by name."""
        self.log(loss=float(np.mean(_host(loss))) if isinstance(loss, Node) else loss, **more)

    def log(self, **values):
        """Record a step's numbers by name: loss, lr, and others.

        Raises
        ------
        DataError : a value is no number.
        """
        numbers = {name: _number(name, value) for name, value in values.items()}  # all, before the step counts
        history, now = self.history, time.perf_counter()
        step, self._logged, sound = history.steps, True, True
        history.steps += 1
        for name, value in numbers.items():
            history.add(name, name if name in ("loss", "lr") else "other", step, value)
            sound = sound and value - value == 0
        if self._optimizer is not None and "lr" not in values:
            history.add("lr", "lr", step, self._lr())
        if self._params and (self._spent <= SHARE * (now - self._began) or not (sound or history.layer)):
            self._measure(step)
        if now - self._pushed >= EVERY:
            self._push(now)

    @property
    def stopped(self):
        """Whether Stop was pressed, or the kernel interrupted, in the last loop."""
        return self._stop

    def stop(self):
        """End the loop after the step under way."""
        self._stop = True

    def finish(self):
        """Show what is known now, and for a notebook that is kept as the final picture; loops call it at their end."""
        self.history.status = "stopped" if self._stop else "ended"
        if self._params and self.history.steps:
            self._measure(self.history.steps - 1)
        self.data = packed(self.history.found())
        if self._handle is not None:
            self._handle.update(self)  # the picture and the text for whoever cannot run the widget
        elif self._show and not self._displayed:
            print(f"\r{line(self.history)}" if sys.stdout.isatty() else line(self.history))

    def __repr__(self):
        return line(self.history)

    # What is read

    def _lr(self):
        lr = self._optimizer.groups[0]["lr"]
        return rate("TrainingMonitor", lr, max(self._optimizer.counters["t"] - 1, 0)) if callable(lr) else lr

    def _measure(self, step):
        """The norm of each parameter's gradient, as the step left it."""
        begun, history = time.perf_counter(), self.history
        grads = self._views or [p.grad for p in self._params]
        for p, name, grad in zip(self._params, self._names, grads, strict=True):
            if grad is not None:
                history.add(name, "norm", step, _norm(p.xp, grad))
        if not history.layer:  # backward goes from the loss to the inputs: the last parameter is the nearest to it
            norms = {name: track for (kind, name), track in history.tracks.items() if kind == "norm"}
            bad = [name for name in self._names if name in norms and norms[name].bad]
            history.layer = bad[-1] if bad else ""
        self._spent += time.perf_counter() - begun

    # What is shown

    def _appear(self):
        if not _in_notebook():
            return
        self._kernel = _kernel_id()
        if self._show and not self._displayed:
            from IPython.display import display

            self._handle, self._displayed = display(self, display_id=True), True

    def _push(self, now):
        self._pushed = now
        if self._displayed:
            parts = []
            told = packed(self.history.found()) | {"kernel": self._kernel}
            self.send({"curves": _apart(told, parts)}, parts)
        elif self._show and sys.stdout.isatty() and now - self._told >= LINES:
            self._told = now
            print(f"\r{line(self.history)}", end="", flush=True)

    def _repr_mimebundle_(self, **options):
        self._displayed = _in_notebook()
        return super()._repr_mimebundle_(**options)

    # How it ends

    def _catch(self):
        """Let the first interrupt end the loop; returns the handler before, None where there is no place for one."""
        if threading.current_thread() is not threading.main_thread():
            return None
        before = signal.getsignal(signal.SIGINT)

        def interrupted(number, frame):
            if self._interrupted:
                raise KeyboardInterrupt
            self._stop = self._interrupted = True

        signal.signal(signal.SIGINT, interrupted)
        return before

    def _hear(self, _, content, buffers):
        if content.get("stop"):
            self._stop = True


def _number(name, value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DataError(f"TrainingMonitor.log: {name} is {value!r}; a number is needed.") from None


def _in_notebook():
    """Whether this runs in a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def _kernel_id():
    """The name by which Jupyter's server knows this kernel; "" where its connection file is named otherwise."""
    from ipykernel.connect import get_connection_file

    try:
        named = re.fullmatch(r"kernel-([\w-]+)\.json", Path(get_connection_file()).name)
    except RuntimeError:  # no kernel, or one of another kind
        return ""
    return named[1] if named else ""


def _host(node):
    return node.graph.backend.to_host(node.value)


def _views(plan):
    """The gradient of each parameter of a plan, as views of its flat array."""
    found, start = [], 0
    for p in plan.params:
        found.append(plan.g[start : start + p.value.size].reshape(p.value.shape))
        start += p.value.size
    return found


def _names(params):
    """The parameters' names, made different where two are alike."""
    found = []
    for p in params:
        name = p.name or p.label
        found.append(name if name not in found else f"{name} ({len(found)})")
    return found


def _norm(xp, grad):
    """The Euclidean norm; NaN or infinity only where an entry is, or the sum of squares exceeds double precision."""
    flat = grad.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        found = math.sqrt(float(xp.vdot(flat, flat).real))
    if not math.isfinite(found):  # a sum of squares in single precision ends at 3e38
        found = float(xp.linalg.norm(flat.astype("complex128" if flat.dtype.kind == "c" else "float64")))
    return found
