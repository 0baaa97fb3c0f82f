"""What goes wrong on the way to a GPU."""

from ..errors import DataError, EdfError


class NoGpu(EdfError, RuntimeError):
    """A GPU was asked for, and there is none that can be used."""


class LateCheck(DataError):
    """A check of values on a GPU failed some steps ago."""
