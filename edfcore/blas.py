"""Which BLAS multiplies matrices here, and whether another of OpenBLAS's kernels would do it faster.

OpenBLAS holds a kernel for each family of processors and chooses one when it is loaded. On some machines its choice is
not the fastest that the processor supports: an older OpenBLAS does not know a newer processor, and some virtual
machines hide what theirs is. The environment variable OPENBLAS_CORETYPE chooses another one, before the library is
loaded (OpenBLAS, "Runtime variables", in its documentation).

Nothing is assumed. `environment` starts one process for each kernel that the processor supports, once for a machine;
each says which kernel is really in use, whether its products are right, and how long they take. A kernel is chosen only
where its products are right and it is faster by MARGIN. A user's own OPENBLAS_CORETYPE stands, and EDF_BLAS=off leaves
OpenBLAS alone.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import DataError, MissingExtra

# What each kernel's instructions need of the processor, by the names of /proc/cpuinfo. From the choice that OpenBLAS
# itself makes (driver/others/dynamic.c). Zen's kernel is Haswell's.
_AVX512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
NEEDS = {
    "Haswell": {"avx2", "fma"},
    "SkylakeX": {"avx2", "fma"} | _AVX512,
    "Cooperlake": {"avx2", "fma", "avx512_bf16"} | _AVX512,
    "Sapphirerapids": {"avx2", "fma", "avx512_bf16", "amx_tile", "amx_bf16"} | _AVX512,
}
MARGIN = 1.1  # a kernel must be faster by this factor, in the mean of both precisions
NO_LOSS = 0.95  # and in neither precision may the speed fall below this factor
ROUNDS = 7  # how often each process is timed; in turn
PATIENCE = 1.5  # seconds for the whole test, the first time; then OpenBLAS is left alone


@dataclass(frozen=True)
class Library:
    """The BLAS that NumPy has loaded: e.g. openblas, 0.3.31, SkylakeX, 2."""

    name: str
    version: str
    kernel: str
    threads: int


@dataclass(frozen=True)
class Trial:
    """What one process found.

    kernel : str, the kernel that was in use, whatever was asked for
    right : bool, whether every product was right
    seconds : dict of lists, by precision; the k-th entries of all trials were taken within milliseconds
    """

    kernel: str
    right: bool
    seconds: dict


@dataclass(frozen=True)
class Choice:
    """What was decided.

    coretype : str, for OPENBLAS_CORETYPE; "" where OpenBLAS's own choice stands
    ratio : float, how many times faster than OpenBLAS's own choice
    why : str, a sentence
    """

    coretype: str
    ratio: float
    why: str


def in_use():
    """The BLAS that NumPy has loaded.

    Returns
    -------
    Library

    Raises
    ------
    MissingExtra : threadpoolctl is not installed.
    DataError : NumPy's BLAS is none that threadpoolctl knows.
    """
    import numpy  # noqa: F401 - loads the library that is examined

    try:
        from threadpoolctl import threadpool_info
    except ImportError as error:
        raise MissingExtra("Naming the BLAS", "threadpoolctl", "course") from error
    for p in threadpool_info():
        if p["user_api"] == "blas":
            version, kernel = p.get("version") or "", p.get("architecture") or ""
            return Library(p["internal_api"], version, kernel, p["num_threads"])
    raise DataError("NumPy's BLAS is one that threadpoolctl does not know.")


def processor_flags(cpuinfo="/proc/cpuinfo"):
    """The instructions that the processor has, by Linux's names; empty where the system has no such file."""
    with suppress(OSError):
        for line in Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
    return frozenset()


def candidates(flags, kernel):
    """The kernels that a processor with these flags supports, newest first, without the one in use.

    >>> candidates({"avx2", "fma", "sse2"}, "Sandybridge")
    ['Haswell']
    """
    return [name for name, needs in reversed(NEEDS.items()) if needs <= set(flags) and name != kernel]


# --- the test, in processes of its own


def products(dtype):
    """Groups x (B, i), W (i, j), d (B, j) of small whole numbers: the sizes of a training step of 784-128-10 first.

    Then sizes that are no multiples of a kernel's tiles, a single row, and few columns.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    groups = []
    for B, i, j in ((32, 784, 128), (33, 787, 131), (1, 784, 128), (32, 128, 10)):
        sizes = (B, i), (i, j), (B, j)
        groups.append([rng.integers(-8, 9, size=size).astype(dtype) for size in sizes])
    return groups


def are_right(dtype):
    """Whether products of small whole numbers are exact, in every precision and order of summation.

    |sum| <= 8 * 8 * 787 < 2^24, so that a float32 holds every partial sum; the oracle are NumPy's integer loops, which
    use no BLAS. With normal numbers instead, |got - exact| <= gamma_n |a| |b|, gamma_n = n u / (1 - n u) (Higham 2002,
    section 3.5), against sums in float64 by einsum's own loops.
    """
    import numpy as np

    for x, W, d in products(dtype):
        for a, b in ((x, W), (x.T, d), (d, W.T)):
            if not np.array_equal(a @ b, a.astype(np.int64) @ b.astype(np.int64)):
                return False
    rng, n = np.random.default_rng(1), 787
    a, b = rng.normal(size=(9, n)).astype(dtype), rng.normal(size=(n, 11)).astype(dtype)
    exact, size = (np.einsum("ik,kj->ij", f(a).astype(float), f(b).astype(float)) for f in (np.positive, np.abs))
    u = float(np.finfo(dtype).eps) / 2 + float(np.finfo(float).eps) / 2  # of the product, and of the oracle
    return bool((np.abs(a @ b - exact) <= n * u / (1 - n * u) * size).all())


def timed(dtype, least=0.002):
    """Seconds of the products of one training step, the smallest of a few that take about `least` seconds together."""
    import numpy as np

    x, W, d = products(dtype)[0]
    h, V, times, begun = np.empty_like(d), np.empty_like(W), [], time.perf_counter()
    while not times or time.perf_counter() - begun < least:
        start = time.perf_counter()
        np.matmul(x, W, out=h)
        np.matmul(x.T, d, out=V)
        times.append(time.perf_counter() - start)
    return min(times)


def serve():
    """The process of a trial: tells its kernel and whether it is right, then times once for each line that it reads."""
    kernel = in_use().kernel
    print(json.dumps({"kernel": kernel, "right": are_right("float32") and are_right("float64")}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({dtype: timed(dtype) for dtype in ("float32", "float64")}), flush=True)


def measure(coretypes, patience=PATIENCE):
    """Try each kernel in a process of its own; all start at once, and are timed in turn.

    Parameters
    ----------
    coretypes : list of str; "" is OpenBLAS's own choice
    patience : float, seconds for all of it

    Returns
    -------
    dict, Trial by coretype; one whose process died or was late is absent
    """
    code = "from edfcore.blas import serve; serve()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    started = {}
    for name in coretypes:
        given = {"OPENBLAS_CORETYPE": name} if name else {}
        started[name] = subprocess.Popen([sys.executable, "-c", code], env=_plain() | given, **pipes)
    late = threading.Timer(patience, lambda: [process.kill() for process in started.values()])
    late.start()
    try:
        told = {name: _read(process) for name, process in started.items()}
        for _ in range(ROUNDS):
            for name, process in started.items():
                if told[name]:
                    seconds = _ask(process)
                    told[name] = told[name] and seconds and _joined(told[name], seconds)
    finally:
        late.cancel()
        for process in started.values():
            _end(process)
    return {name: Trial(t["kernel"], t["right"], t["seconds"]) for name, t in told.items() if t and "seconds" in t}


def _plain():
    """The environment of a trial: one thread, since two would wait for each other where the machine is busy."""
    kept = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    return kept | {"OPENBLAS_NUM_THREADS": "1"}


def _read(process):
    with suppress(ValueError):  # an empty line: it died
        return json.loads(process.stdout.readline())


def _ask(process):
    with suppress(OSError):  # a broken pipe: it died
        process.stdin.write("\n")
        process.stdin.flush()
        return _read(process)


def _joined(told, seconds):
    before = told.get("seconds", {})
    return told | {"seconds": {dtype: [*before.get(dtype, []), s] for dtype, s in seconds.items()}}


def _end(process):
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            pipe.close()


# --- the choice


def speedup(trial, own):
    """How many times faster a trial was than OpenBLAS's own choice, by precision: the median over rounds.

    >>> own = Trial("Haswell", True, {"float32": [2.0, 6.0, 2.0]})
    >>> speedup(Trial("SkylakeX", True, {"float32": [1.0, 3.0, 2.0]}), own)
    {'float32': 2.0}
    """
    return {
        dtype: statistics.median(a / b for a, b in zip(own.seconds[dtype], seconds, strict=True))
        for dtype, seconds in trial.seconds.items()
    }


def choose(names, measuring=measure):
    """Test the kernels, and decide.

    Parameters
    ----------
    names : list of str, the kernels to try beside OpenBLAS's own choice
    measuring : function like `measure`

    Returns
    -------
    Choice
    """
    if not names:
        return Choice("", 1.0, "This processor supports no other kernel that could be faster.")
    trials = measuring(["", *names])
    own = trials.get("")
    if own is None:
        return Choice("", 1.0, "The test took too long; OpenBLAS's own choice stands.")
    means = {
        name: statistics.geometric_mean(speedup(t, own).values()) for name, t in trials.items() if _may(t, name, own)
    }
    best = max(means, key=means.get, default="")
    if not best or means[best] < MARGIN:
        return Choice("", 1.0, f"No kernel was found to be faster than {own.kernel}, OpenBLAS's own choice.")
    return Choice(best, round(means[best], 2), f"{best} is {means[best]:.2f} times as fast as {own.kernel} here.")


def _may(trial, name, own):
    """Whether a trial is of the kernel that was asked for, which is not OpenBLAS's own choice; right; and no loss."""
    is_other = trial.kernel.lower() == name.lower() != own.kernel.lower()  # a library without it takes its own choice
    return is_other and trial.right and min(speedup(trial, own).values()) >= NO_LOSS


# --- once for a machine


def cache_file():
    """Where choices are kept: blas.json in $EDF_HOME, or else in the user's folder for caches."""
    if home := os.environ.get("EDF_HOME"):
        return Path(home) / "blas.json"
    system = platform.system()
    if system == "Windows":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif system == "Darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edf-course" / "blas.json"


def key(library, flags):
    """What a choice holds for: this machine and processor, this library, this version of the course."""
    from . import __version__

    instructions = " ".join(sorted(flags & set().union(*NEEDS.values())))
    about = platform.node(), instructions, library.name, library.version, sys.prefix, __version__
    return " | ".join(about)


def _kept(path):
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def remembered(name, path=None):
    """The Choice that is kept under a key; None where there is none that can be read."""
    with suppress(TypeError):
        return Choice(**_kept(path or cache_file())[name]) if name in _kept(path or cache_file()) else None


def remember(name, choice, path=None):
    """Keep a choice; where the folder cannot be written, it is made anew the next time."""
    path = path or cache_file()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(_kept(path) | {name: asdict(choice)}, indent=1), encoding="utf-8")
        os.replace(fresh, path)


def decide(measuring=measure):
    """The choice for this machine: as kept, or else made and kept.

    Returns
    -------
    Choice

    Raises
    ------
    DataError : NumPy's BLAS is not OpenBLAS, or is not known.
    MissingExtra : threadpoolctl is not installed.
    """
    library, flags = in_use(), processor_flags()
    if library.name != "openblas":
        raise DataError(f"NumPy's BLAS is {library.name}, which chooses its own kernel.")
    name = key(library, flags)
    choice = remembered(name)
    if choice is None:
        # With OPENBLAS_CORETYPE set, the kernel in use is the user's; every other one is then worth a trial.
        choice = choose(candidates(flags, library.kernel), measuring)
        remember(name, choice)
    return choice


def environment(measuring=measure):
    """What to add to the environment of what is started: {"OPENBLAS_CORETYPE": ...}, or nothing.

    Nothing where the user has set OPENBLAS_CORETYPE, where EDF_BLAS is off, and where no kernel was found to be better.
    It raises nothing: a course must open on a machine that cannot be examined.
    """
    if os.environ.get("OPENBLAS_CORETYPE") or os.environ.get("EDF_BLAS", "").lower() == "off":
        return {}
    with suppress(Exception):
        choice = decide(measuring)
        return {"OPENBLAS_CORETYPE": choice.coretype} if choice.coretype else {}
    return {}


def fastest(environ, measuring=measure):
    """An environment in which OpenBLAS takes the kernel that was tested to be fastest, even over a user's choice.

    For comparisons with libraries that choose their own. EDF_BLAS=off leaves OPENBLAS_CORETYPE as it is.
    """
    if environ.get("EDF_BLAS", "").lower() == "off":
        return dict(environ)
    found = {name: value for name, value in environ.items() if name != "OPENBLAS_CORETYPE"}
    with suppress(Exception):
        choice = decide(measuring)
        return found | ({"OPENBLAS_CORETYPE": choice.coretype} if choice.coretype else {})
    return dict(environ)


def advice(measuring=measure):
    """What `edf doctor` says of the kernel: (found, fix), sentences or "".

    The kernel in use is this process's own; what `edf lab` starts uses the better one already.
    """
    if kernel := os.environ.get("OPENBLAS_CORETYPE"):
        return f"OPENBLAS_CORETYPE={kernel} is set", ""
    if os.environ.get("EDF_BLAS", "").lower() == "off":
        return "no other kernel was tried: EDF_BLAS is off", ""
    try:
        choice = decide(measuring)
    except (DataError, MissingExtra) as error:
        return str(error).rstrip("."), ""
    if not choice.coretype:
        return choice.why.rstrip("."), ""
    fix = f"edf lab, edf demo and edf bench set it; elsewhere set OPENBLAS_CORETYPE={choice.coretype} yourself."
    return choice.why.rstrip("."), fix
