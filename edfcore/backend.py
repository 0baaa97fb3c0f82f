"""Which array module does the arithmetic, in which precision. The only file that imports CuPy, on first use."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import DataError, EdfError, MissingExtra

FLOATS = ("float32", "float64", "complex128")


def cupy():
    """The module cupy. Raises MissingExtra where it is not installed."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise MissingExtra("The GPU backend", "CuPy", "gpu13") from error
    return cupy


@dataclass(frozen=True)
class Backend:
    """An array module and a floating-point type.

    Parameters
    ----------
    name : "numpy", "cupy", or a device with an `xp`: `gpu.device.CudaDevice`, `parallel.machine.SimDevice`
    dtype : "float32", "float64", or "complex128" (the last for complex-step gradient checks)

    Raises DataError for an unknown name or dtype, MissingExtra where CuPy was asked for and is not installed.
    """

    name: str = "numpy"
    dtype: str = "float64"

    def __post_init__(self):
        if self.name not in ("numpy", "cupy") and not hasattr(self.name, "xp"):
            raise DataError(f"Backend: {self.name!r} is not known; use 'numpy' or 'cupy', or a device.")
        if self.dtype not in FLOATS:
            raise DataError(f"Backend: dtype {self.dtype!r} is none of {', '.join(FLOATS)}.")

    @cached_property
    def xp(self):
        """The array module: numpy, cupy where it was asked for, or the device's."""
        return np if self.name == "numpy" else cupy() if self.name == "cupy" else self.name.xp

    def array(self, value, what="the value"):
        """`value` as an array of this backend; floating-point data gets `dtype`, integers stay integers.
        Raises DataError where it is ragged, or holds objects or text rather than numbers.
        """
        try:
            array = self.xp.asarray(value)
        except EdfError:  # an array of another device says so itself
            raise
        except (ValueError, TypeError) as error:
            raise DataError(f"{what} is not an array of numbers: {error}") from error
        if array.dtype.kind in "fc":
            return array.astype(self.dtype, copy=False)
        if array.dtype.kind not in "iub":
            raise DataError(f"{what} has dtype {array.dtype}; numbers are needed, without text or None among them.")
        return array

    def floats(self, value, what="the value"):
        """`value` as a fresh floating-point array of this backend, never a view of the caller's."""
        return self.xp.array(self.array(value, what), dtype=self.dtype)

    def to_host(self, array):
        """`array` as a NumPy array (a copy from the device where there is one)."""
        return array if isinstance(array, np.ndarray) else self.xp.asnumpy(array)
