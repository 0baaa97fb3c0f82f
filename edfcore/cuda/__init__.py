"""Kernels for the GPU, and a model of the grid of threads that runs them.

>>> from edfcore.cuda import grid
>>> print(grid(1000, 256))
1,000 elements on 4 blocks of 256 threads: 1,024 threads (24 idle), 32 warps (0 empty lanes)

`README.md` beside this file is the map. Importing this loads NumPy alone; numba loads when a kernel is launched.
"""

from .analyse import analyse
from .geometry import Geometry, Limits, grid
from .host import matmul, saxpy, softmax, total
from .kernel import Kernel, KernelError, cuda, is_available, kernel, load, simulated
from .report import Report

__all__ = [
    "Geometry", "Kernel", "KernelError", "Limits", "Report", "analyse", "cuda", "grid", "is_available", "kernel",
    "load", "matmul", "saxpy", "simulated", "softmax", "total",
]  # fmt: skip
