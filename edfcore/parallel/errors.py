"""What goes wrong among several devices, told as sentences."""

from ..errors import EdfError


class RankFailed(EdfError, RuntimeError):
    """Another rank failed or died, or did not answer in time: this rank cannot go on."""


class WrongDevice(EdfError, TypeError):
    """Arrays of different simulated devices, or of a device and the host, met without a transfer."""


class OutOfMemory(EdfError, MemoryError):
    """A simulated device holds less memory than was asked for; the message says what takes it."""
