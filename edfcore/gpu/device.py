"""Where new graphs live: `use("cuda")` from now on, `with device("cuda:0"):` for a while; `use("cpu")` goes back.

    edf.use("cuda")                       # new graphs, edf.reset() included, live on the current GPU
    graph = edf.reset("float32")          # precision stays the graph's own business
    with edf.device("cuda:1"):            # inside, also the device on which CuPy computes
        net = models.lenet(rng)

A graph stays where it was made. CuPy computes on one device at a time, so that a graph on another GPU than the current
one is trained inside `with edf.device(...)`.

Checks of values (labels in range, finite losses and gradients, arguments of logarithms) need an answer from the GPU,
and to wait for it at each one would stop the queue of work some ten times a step. So on a GPU they are late: the
answers stay there, and one look at every 256 of them waits. What fails then raises LateCheck, which names the component
but no longer the entry: `edf.use("cuda", checks="now")` looks at once, as on the CPU, and "off" never.
"""

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ..backend import cupy
from ..errors import DataError, MissingExtra
from .errors import LateCheck, NoGpu

__all__ = ["CudaDevice", "LateChecks", "device", "place", "use"]

CHECKS = ("late", "now", "off")
EVERY = 256  # flags between two looks; each is a truth of one byte, in a block of 512 of the memory pool

_chosen = "numpy"
_inside = ContextVar("edfcore_place", default=None)


class LateChecks:
    """Answers of checks that stay on a GPU until somebody looks.

    Parameters
    ----------
    every : int, how many may wait; 0 for all: they are dropped
    """

    def __init__(self, every=EVERY):
        self.every, self._waiting = every, []

    def add(self, flag, node, why):
        """Keep a truth () of the GPU; False. Looks at all where `every` of them wait, and raises as `look` does."""
        if self.every:
            self._waiting.append((flag, node, why))
            if len(self._waiting) >= self.every:
                self.look()
        return False

    def look(self):
        """Wait for the GPU, and read all answers.

        Raises
        ------
        LateCheck : a check failed; says which was the first. The other answers are dropped with it.
        """
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        xp = cupy()
        answers = xp.asnumpy(xp.stack([flag for flag, _, _ in waiting]))
        if answers.any():
            _, node, why = waiting[answers.argmax()]
            ago = len(waiting) - int(answers.argmax()) - 1
            raise LateCheck(
                f"{node.label}: {why} (found late: {ago} checks have come since). On a GPU checks are looked at "
                'together; edf.use("cuda", checks="now") stops where it happens and names the entry.'
            )


@dataclass(frozen=True, eq=False)
class CudaDevice:
    """A GPU as a place for graphs; made by `place`, `use` and `device`.

    Parameters
    ----------
    index : int, from 0 as CUDA counts
    checks : "late", "now" or "off"
    """

    index: int = 0
    checks: str = "late"
    late: LateChecks = field(init=False, repr=False)

    def __post_init__(self):
        if self.checks not in CHECKS:
            raise DataError(f"checks is {self.checks!r}; 'late', 'now' or 'off' is needed.")
        every = {"late": EVERY, "off": 0}.get(self.checks)
        object.__setattr__(self, "late", None if every is None else LateChecks(every))

    label = property(lambda self: f"cuda:{self.index}")

    @property
    def xp(self):
        """The module cupy."""
        return cupy()

    def look(self):
        """Look at the checks that wait (see LateChecks.look)."""
        if self.late is not None:
            with cupy().cuda.Device(self.index):
                self.late.look()


def place(name, checks="late"):
    """The place with a name: "numpy" for "cpu", a CudaDevice for "cuda" (the current GPU) or "cuda:1".

    Parameters
    ----------
    name : str, or a place, which is returned as it is
    checks : "late", "now" or "off", for a GPU

    Raises
    ------
    DataError : there is no such name.
    MissingExtra : CuPy is not installed.
    NoGpu : CuPy finds no driver or no such GPU; says what to do.
    """
    if hasattr(name, "xp") or name == "numpy":
        return name
    found = re.fullmatch(r"cpu|cuda(?::(\d+))?", name) if isinstance(name, str) else None
    if found is None:
        raise DataError(f"There is no device {name!r}; use 'cpu', 'cuda' or a numbered one such as 'cuda:0'.")
    if name == "cpu":
        return "numpy"
    current, count = _gpus()
    index = current if found[1] is None else int(found[1])
    if index >= count:
        raise NoGpu(f"There is no GPU {index}: CUDA counts {count} here, from cuda:0 to cuda:{count - 1}.")
    return CudaDevice(index, checks)


def _gpus():
    """The current GPU's index and how many there are. Raises MissingExtra, or NoGpu with what to do."""
    mend = "Run edf doctor, which says what is missing; edf.use('cpu') goes on without a GPU."
    try:
        runtime = cupy().cuda.runtime
        count = runtime.getDeviceCount()
        if count:
            return runtime.getDevice(), count
    except MissingExtra:
        raise
    except Exception as error:  # ImportError of a broken CuPy, CUDARuntimeError without a driver
        raise NoGpu(f"CuPy is installed but finds no GPU that it can use: {error}. {mend}") from error
    raise NoGpu(f"The driver works but shows no GPU; is CUDA_VISIBLE_DEVICES empty? {mend}")


def chosen():
    """Where a new graph lives if nobody says so: the innermost `with device(...)`, else what `use` said, else NumPy."""
    return _inside.get() or _chosen


def use(name, checks="late"):
    """Let new graphs live on a device from now on, and start a fresh default graph there.

    Parameters
    ----------
    name : "cpu", "cuda" or "cuda:1"
    checks : "late" (default), "now" or "off": when checks of values on the GPU are looked at

    Returns
    -------
    "numpy" or CudaDevice; `look()` of the latter looks at the checks that wait

    Raises
    ------
    DataError, MissingExtra, NoGpu : as `place`; then nothing is changed.
    """
    global _chosen
    there = place(name, checks)
    if isinstance(there, CudaDevice):
        cupy().cuda.Device(there.index).use()
    _chosen = there
    from ..graph import current, reset

    reset(current().backend.dtype)
    return there


@contextmanager
def device(name, checks="late"):
    """Inside, new graphs live on a device, and CuPy computes there; at the end, checks that wait are looked at.

    Parameters and errors as `use`; the default graph is left alone.
    """
    there = place(name, checks)
    token = _inside.set(there)
    try:
        if isinstance(there, CudaDevice):
            with cupy().cuda.Device(there.index):
                yield there
                there.look()
        else:
            yield there
    finally:
        _inside.reset(token)
