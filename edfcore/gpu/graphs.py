"""Recorded steps: a step's kernels as one CUDA graph, launched at once instead of one by one.

    recorded = capture(step)
    for x, y in batches:
        copy(x, plan_x); copy(y, plan_y)
        recorded()

A launch costs the processor about 10 microseconds (cupy/cupy#2474, #3298), which for a small network is most of a step;
a graph of launches costs one. The first call runs the step as it is, which compiles its kernels; the second records it,
which carries nothing out, and launches the recording; so every call is one step. (CUDA C++ Programming Guide, "CUDA
Graphs"; CuPy, `Stream.begin_capture`.)

While a step is recorded it may not allocate, wait for the GPU, or call cuBLAS; products then are by our own kernel, in
the first call too, so that no call differs from another. What a step reads and writes has to stay where it is: give it
new batches by `copy` into the arrays that it knows. Python's numbers are recorded as they are; what changes from step
to step, a learning rate, belongs into an array ().
"""

import warnings
from contextlib import contextmanager
from contextvars import ContextVar

from ..backend import cupy
from .errors import NoGpu

__all__ = ["Captured", "capture", "recording"]

_recording = ContextVar("edfcore_recording", default=False)


def recording():
    """Whether the step that runs now is being recorded, or has to do as if it were."""
    return _recording.get()


@contextmanager
def as_recorded():
    """Inside, operations keep to what can be recorded."""
    token = _recording.set(True)
    try:
        yield
    finally:
        _recording.reset(token)


def capture(step):
    """`step` as something that is called in the same way and replayed from the third call on.

    Parameters
    ----------
    step : function of no arguments that works on arrays of the current device, each call one training step

    Returns
    -------
    Captured
    """
    return Captured(step)


class Captured:
    """A step that records itself; made by `capture`.

    Attributes
    ----------
    graph : cupy.cuda.Graph once it is recorded; it is launched on the stream that is current at the call
    reason : str, why it could not be recorded; "" as long as nothing went wrong. Every call then runs the step plainly
    """

    def __init__(self, step):
        self.step, self.graph, self.reason, self._calls = step, None, "", 0

    def __call__(self):
        self._calls += 1
        if self._calls == 2 and not self.reason:
            self._record()
        if self.graph is not None:
            self.graph.launch()
        elif self.reason:
            self.step()
        else:
            with as_recorded():
                self.step()

    def _record(self):
        xp = cupy()
        stream = xp.cuda.Stream(non_blocking=True)
        failures = []
        with stream, xp.cuda.using_allocator(_refused), as_recorded():
            for part in (stream.begin_capture, self.step, stream.end_capture):  # one that failed has to be ended too
                try:
                    graph = part()
                except Exception as error:  # CuPy and CUDA raise many kinds
                    failures.append(error)
        if not failures:
            self.graph = graph
            return
        self.reason = f"{type(failures[0]).__name__}: {failures[0]}"
        warnings.warn(
            "capture: the step could not be recorded and runs kernel by kernel instead, with the same results "
            f"({self.reason})",
            RuntimeWarning,
            stacklevel=3,
        )


def _refused(size):
    raise NoGpu(
        f"the step asked for {size} bytes of new memory while it was recorded; make the array once, before the step, "
        "and write into it"
    )
