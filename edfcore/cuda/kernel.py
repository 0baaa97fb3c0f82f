"""A kernel: one Python function that runs on a GPU, on numba's simulator, and under the analyser.

A kernel speaks of `cuda` (`cuda.grid(1)`, `cuda.shared.array(...)`, `cuda.syncthreads()`). Here that name is bound
when the kernel is launched: to numba.cuda, which compiles the function where a device is found and simulates it
elsewhere, or to the analyser's own model. All three execute the same code object, so what is counted is what runs.
"""

import ctypes
import functools
import os
import sys
import types

from ..errors import EdfError, MissingExtra
from .geometry import Geometry

SWITCH = "NUMBA_ENABLE_CUDASIM"  # read once, when numba is imported


class KernelError(EdfError, RuntimeError):
    """A kernel that cannot run as it stands: what, which line, how to mend it."""


class Names:
    """Stands for `cuda` in the source of a kernel until a launch says what it means."""

    def __getattr__(self, name):
        if name.startswith("_"):  # what tools ask of any object
            raise AttributeError(name)
        raise KernelError(
            f"cuda.{name} has a meaning only inside a kernel that runs: launch it with kernel[blocks, threads](...), "
            "or count what it does with edfcore.cuda.analyse(kernel, (blocks, threads), ...)."
        )


cuda = Names()


def is_cuda(value):
    """Whether a value is what a kernel calls `cuda`: numba's module, or the stand-in above."""
    return value is cuda or isinstance(value, types.ModuleType) and value.__name__ == "numba.cuda"


def with_cuda(fn, meaning):
    """The globals of `fn` with `cuda` bound to `meaning`, under whatever name `fn` knows it."""
    return {name: meaning if is_cuda(value) else value for name, value in fn.__globals__.items()}


def is_available():
    """Whether the NVIDIA driver is here and finds a device. Loads neither numba nor CuPy."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def load():
    """The module numba.cuda: on the device where one is found, else its simulator.

    numba decides between the two when it is first imported, by the environment variable NUMBA_ENABLE_CUDASIM; where
    that is not set, and there is no device, this function sets it. So call it instead of `from numba import cuda`.

    Raises
    ------
    MissingExtra : numba-cuda is not installed.
    KernelError : numba.cuda was imported for a device before, and there is none.
    """
    if "numba.cuda" not in sys.modules and SWITCH not in os.environ and not is_available():
        os.environ[SWITCH] = "1"
        if sys.modules.get("numba"):  # imported already: it has read the variable
            sys.modules["numba"].config.ENABLE_CUDASIM = 1
    try:
        from numba import cuda as module
    except ImportError as error:
        raise MissingExtra("Running CUDA kernels", "numba-cuda", "cuda-sim") from error
    if not module.is_available():
        raise KernelError(
            "numba.cuda was imported for a GPU, and none is found. Restart Python, and call edfcore.cuda.load() before "
            f"anything imports numba.cuda, or set {SWITCH}=1; the kernels then run on numba's simulator."
        )
    return module


def simulated():
    """Whether kernels run on numba's simulator rather than on a device. Loads numba."""
    load()
    return "numba.cuda.simulator.kernel" in sys.modules


class Kernel:
    """A function that becomes a kernel when it is launched; made by the decorator `kernel`.

    Attributes
    ----------
    py_func : the Python function, which the analyser reads
    """

    def __init__(self, fn):
        self.py_func = fn
        functools.update_wrapper(self, fn)

    @functools.cached_property
    def compiled(self):
        """numba's kernel of the same code object, with `cuda` bound to numba.cuda."""
        fn, module = self.py_func, load()
        bound = types.FunctionType(fn.__code__, with_cuda(fn, module), fn.__name__, fn.__defaults__, fn.__closure__)
        return module.jit(bound)

    def __getitem__(self, launch):
        """kernel[grid(n, 256)] or, as numba spells it, kernel[blocks, threads]."""
        g = launch if isinstance(launch, Geometry) else Geometry(*launch[:2])
        more = () if isinstance(launch, Geometry) else launch[2:]
        return self.compiled[(g.blocks, g.block, *more)]

    def __call__(self, *args):
        raise KernelError(
            f"{self.__name__} is a kernel: say on how many blocks of how many threads it is to run, "
            f"{self.__name__}[blocks, threads](...)."
        )

    def __repr__(self):
        return f"<kernel {self.__name__}>"


def kernel(fn):
    """Make a function a kernel: the counterpart of numba's @cuda.jit that needs numba only when it is launched."""
    return Kernel(fn)
