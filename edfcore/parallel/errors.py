"""What goes wrong among several devices, told as sentences."""

from ..errors import EdfError


class RankFailed(EdfError, RuntimeError):
    """Another rank failed or died, or did not answer in time: this rank cannot go on.

    Attributes
    ----------
    rank : int, on which it began; None where nobody knows
    reason : str, why, in one line; None where the rank has only waited
    sentence : str, both in one line, without the traceback that the message may hold; None but from `launch`
    kind : str, the class of the error on that rank; None but from `launch`
    """

    rank = reason = sentence = kind = None


class WrongDevice(EdfError, TypeError):
    """Arrays of different simulated devices, or of a device and the host, met without a transfer."""


class OutOfMemory(EdfError, MemoryError):
    """A simulated device holds less memory than was asked for; the message says what takes it."""
