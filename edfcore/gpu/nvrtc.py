"""CUDA sources compiled without a GPU: NVRTC, NVIDIA's runtime compiler, through ctypes.

    from edfcore.gpu import kernels, nvrtc
    nvrtc.compile(kernels.source("float32"), arch="sm_80")      # PTX; raises NvrtcError with the compiler's words

The library comes with CuPy's [ctk] extra, with the wheels nvidia-cuda-nvrtc-cu12 and nvidia-cuda-nvrtc (CUDA 13), or
with a CUDA toolkit. (NVRTC 12.9 documentation, "Basic Usage".)
"""

import ctypes
import ctypes.util
import importlib.metadata
import sys
from functools import cache
from pathlib import Path

from ..errors import EdfError, MissingExtra

__all__ = ["NvrtcError", "architectures", "compile", "library", "version"]

WHEELS = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu13", "nvidia-cuda-nvrtc-cu12")


class NvrtcError(EdfError):
    """A CUDA source that does not compile, or a compiler that does not work."""


def _candidates():
    """Paths and names under which the library may be found, wheels first."""
    for wheel in WHEELS:
        try:
            files = importlib.metadata.files(wheel) or ()
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            is_library = file.name.startswith(("libnvrtc.so", "nvrtc64_")) and ".alt" not in file.name
            if is_library and Path(file.locate()).exists():
                yield str(file.locate())
    names = (
        ("nvrtc64_130_0.dll", "nvrtc64_120_0.dll") if sys.platform == "win32" else ("libnvrtc.so.13", "libnvrtc.so.12")
    )
    yield from filter(None, (ctypes.util.find_library("nvrtc"), *names))


@cache
def library():
    """The library, loaded.

    Raises
    ------
    MissingExtra : it is nowhere.
    """
    for candidate in _candidates():
        try:
            return ctypes.CDLL(candidate)
        except OSError:
            continue
    raise MissingExtra("Compiling CUDA sources", "NVRTC (it comes with CuPy)", "gpu13")


def version():
    """(major, minor) of the compiler. Raises MissingExtra, NvrtcError."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _checked(library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    return major.value, minor.value


def architectures():
    """The architectures that this compiler knows, such as ["sm_75", "sm_80"]. Raises MissingExtra, NvrtcError."""
    count = ctypes.c_int()
    _checked(library().nvrtcGetNumSupportedArchs(ctypes.byref(count)), "nvrtcGetNumSupportedArchs")
    found = (ctypes.c_int * count.value)()
    _checked(library().nvrtcGetSupportedArchs(found), "nvrtcGetSupportedArchs")
    return [f"sm_{number}" for number in found]


def _checked(code, what):
    if code:
        say = library().nvrtcGetErrorString
        say.restype = ctypes.c_char_p
        raise NvrtcError(f"{what} failed: {say(code).decode()}")


def compile(source, arch="sm_80", options=("--std=c++17",)):
    """A CUDA source compiled for a GPU architecture.

    Parameters
    ----------
    source : str, CUDA C++
    arch : str, such as "sm_80"
    options : tuple of str, NVRTC's own

    Returns
    -------
    bytes, the PTX

    Raises
    ------
    NvrtcError : the source does not compile; the message is the compiler's log.
    MissingExtra : NVRTC is not installed.
    """
    nvrtc, program = library(), ctypes.c_void_p()
    words = [f"--gpu-architecture={arch}".encode(), *(o.encode() for o in options)]
    made = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"edfcore.cu", 0, None, None)
    _checked(made, "nvrtcCreateProgram")
    try:
        code = nvrtc.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words))
        if code:
            raise NvrtcError(f"The CUDA source does not compile for {arch}:\n{_text(program, 'ProgramLog').decode()}")
        return _text(program, "PTX")
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(program, what):
    """A text that belongs to a program: its log, or its PTX."""
    size = ctypes.c_size_t()
    _checked(getattr(library(), f"nvrtcGet{what}Size")(program, ctypes.byref(size)), f"nvrtcGet{what}Size")
    text = ctypes.create_string_buffer(size.value)
    _checked(getattr(library(), f"nvrtcGet{what}")(program, text), f"nvrtcGet{what}")
    return text.value
