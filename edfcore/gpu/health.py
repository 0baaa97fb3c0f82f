"""What a machine has for the GPU, and what each usual fault needs: the lines on GPUs of `edf doctor`.

`gather` asks the machine and never raises; `judge` turns the answers into findings with a fix, a sentence each. Most
faults are of five kinds: no driver; a CuPy for a newer CUDA than the driver knows; two CuPys over each other, of which
neither works; a CuPy without its compiler or headers (installed without [ctk], where the toolkit is missing); and no
device visible.
"""

import ctypes
import importlib.metadata
import shutil
import sys
from dataclasses import dataclass

from ..backend import cupy
from . import nvrtc

__all__ = ["CUPYS", "Facts", "driver_version", "examine", "gather", "installed", "judge"]

CUPYS = ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x")  # distributions that bring the same module
ONE_LINE = 'extern "C" __global__ void one(float* x) { x[0] = 1.0f; }'


@dataclass(frozen=True)
class Facts:
    """What was found; "" for an error means that there was none.

    driver : (major, minor), the newest CUDA that the driver can run; None without a driver
    smi : bool, whether the program nvidia-smi is there
    wheels : dict from distribution to version, of the CuPys that are installed
    import_error : str, of `import cupy`
    devices : list of (name, bytes of memory), device_error : str
    compiler : str, NVRTC's version, compiler_error : str, of a kernel of one line
    kernel_error : str, of the first kernel of CuPy itself, which needs CUDA's headers
    nccl : str, its version, or why there is none
    """

    driver: tuple | None = None
    smi: bool = False
    wheels: dict = None
    import_error: str = ""
    devices: tuple = ()
    device_error: str = ""
    compiler: str = ""
    compiler_error: str = ""
    kernel_error: str = ""
    nccl: str = ""


def driver_version():
    """(major, minor) of the newest CUDA that the driver can run, or None where there is no driver."""
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        number = ctypes.c_int()
        failed = cuda.cuDriverGetVersion(ctypes.byref(number))
    except (OSError, AttributeError):
        return None
    return None if failed or not number.value else (number.value // 1000, number.value % 1000 // 10)


def _said(function):
    """What a function returns, and "", or None and its error in words."""
    try:
        return function(), ""
    except Exception as error:  # CuPy and CUDA raise many kinds; the doctor reports all of them
        return None, str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def installed():
    """Dict from distribution to version of the CuPys that are installed."""
    found = {}
    for name in CUPYS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _devices():
    runtime = cupy().cuda.runtime
    every = [runtime.getDeviceProperties(k) for k in range(runtime.getDeviceCount())]
    return tuple((p["name"].decode(), int(p["totalGlobalMem"])) for p in every)


def _nccl():
    from importlib import import_module

    return str(import_module("cupy.cuda.nccl").get_version())


def gather():
    """Ask the machine. Returns Facts; nothing raises."""
    facts = {"driver": driver_version(), "smi": shutil.which("nvidia-smi") is not None, "wheels": installed()}
    version, _ = _said(nvrtc.version)
    _, facts["compiler_error"] = _said(lambda: nvrtc.compile(ONE_LINE, nvrtc.architectures()[-1]))
    facts["compiler"] = ".".join(map(str, version)) if version else ""
    if facts["wheels"]:
        _, facts["import_error"] = _said(cupy)
    if facts["wheels"] and not facts["import_error"]:
        devices, facts["device_error"] = _said(_devices)
        facts["devices"] = devices or ()
        if devices:
            _, facts["kernel_error"] = _said(lambda: int((cupy().arange(3) * 2).sum()))
            version, error = _said(_nccl)
            facts["nccl"] = version or f"none: {error}"
    return Facts(**facts)


def judge(facts):
    """Findings: tuples (name, whether it is well, what was found, the fix or "").

    Parameters
    ----------
    facts : Facts
    """
    return [_driver(facts), _cupy(facts), *_working(facts)]


def examine():
    """`judge` of what `gather` finds on this machine."""
    return judge(gather())


def _driver(facts):
    if facts.driver:
        told = f"runs CUDA up to {facts.driver[0]}.{facts.driver[1]}"
        lacking = "" if facts.smi else " (nvidia-smi is not on the path)"
        old = "Update the NVIDIA driver: CuPy 14 needs one for CUDA 12.0 or newer."
        return ("GPU driver", facts.driver >= (12, 0), told + lacking, "" if facts.driver >= (12, 0) else old)
    found = "nvidia-smi is there, but the driver's library does not load" if facts.smi else "no NVIDIA driver"
    fix = "With an NVIDIA card, install its driver; in a container, start it with --gpus all. Without one all is well."
    return ("GPU driver", False, found, fix)


def _cupy(facts):
    extra = "gpu12" if facts.driver and facts.driver < (13, 0) else "gpu13"
    install = f'python -m pip install -e ".[{extra}]"'
    told = ", ".join(f"{name} {version}" for name, version in (facts.wheels or {}).items())
    if not facts.wheels:
        fix = f"With an NVIDIA card: {install}" + ("" if facts.driver else " (gpu12 for a CUDA 12 driver)") + "."
        return ("CuPy", False, "not installed", fix)
    if len(facts.wheels) > 1:
        fix = f"Remove all of them, python -m pip uninstall -y {' '.join(facts.wheels)}, and install one: {install}."
        return ("CuPy", False, f"{told}: they overwrite each other's files", fix)
    (name,) = facts.wheels
    needs = {"cupy-cuda11x": (11, 2), "cupy-cuda12x": (12, 0), "cupy-cuda13x": (13, 0)}.get(name)
    if facts.driver and needs and facts.driver < needs:
        fix = f"python -m pip uninstall -y {name}, then {install}; or update the driver."
        return ("CuPy", False, f"{told} needs a driver for CUDA {needs[0]}.{needs[1]}", fix)
    if facts.import_error:
        fix = f"Install it anew: python -m pip uninstall -y {name}, then {install}."
        return ("CuPy", False, f"{told} does not import: {facts.import_error}", fix)
    return ("CuPy", True, told, "")


def _working(facts):
    if not facts.wheels or facts.import_error:
        fix = "Only with an NVIDIA card: mend the lines above."
        yield ("GPU", False, "none is used; everything runs on the CPU", fix)
        return
    if not facts.devices:
        found = f"CuPy sees none: {facts.device_error}" if facts.device_error else "CuPy sees none"
        fix = "Check the driver, and that CUDA_VISIBLE_DEVICES is not empty; edf.use('cpu') works without one."
        yield ("GPU", False, found, fix)
    else:
        told = ", ".join(f"{name}, {nbytes / 2**30:.0f} GiB" for name, nbytes in facts.devices)
        yield ("GPU", True, told, "")
    ctk = f'Install CUDA\'s own parts beside CuPy: python -m pip install "{next(iter(facts.wheels))}[ctk]".'
    if facts.compiler_error:
        yield ("NVRTC", False, f"a kernel of one line does not compile: {facts.compiler_error}", ctk)
    else:
        yield ("NVRTC", True, f"{facts.compiler} compiles", "")
    if facts.devices:
        if facts.kernel_error:
            yield ("CUDA headers", False, f"CuPy's first kernel fails: {facts.kernel_error}", ctk)
        else:
            yield ("CUDA headers", True, "CuPy's first kernel runs", "")
        none = facts.nccl.startswith("none")
        fix = "Only training on several GPUs needs it: python -m pip install nvidia-nccl-cu12, or nvidia-nccl-cu13."
        yield ("NCCL", not none, facts.nccl, fix if none else "")
