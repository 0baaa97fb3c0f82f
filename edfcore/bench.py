"""Whole training steps, edfcore beside other libraries: what `edf bench` runs.

A step copies a batch, goes forward and backward and changes every parameter by SGD, in float32. All engines get the
same initial parameters and batches from one file; before anything is timed, the losses of each engine's first steps
must agree with those of edfcore in float64. Each engine has a process of its own, and may use the same number of
threads and of processors. In each round every engine times a few chunks of steps, in an order that rotates, so that
what disturbs the machine meets all of them. A chunk's time is the mean over its steps, a round's the median over its
chunks; told are the median and the 10th and 90th percentile over the rounds.

On a GPU all batches lie on the device beforehand, and a step's copy is from there into the step's own arrays. A chunk
ends when its last loss was read, which waits for all that was queued: launches that return early gain nothing.

OpenBLAS gets the kernel that was tested to be fastest (blas.py), even where OPENBLAS_CORETYPE names another one, since
the other libraries choose theirs; EDF_BLAS=off leaves the variable alone. The report names the kernel.

The engines are files in tests/benchmarks/engines, which says what each does.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import blas
from .errors import DataError, EdfError
from .gpu import health
from .gpu.errors import NoGpu


class Source(NamedTuple):
    """An engine's file, the package whose interpreter --python may name, and what the engine computes on."""

    file: str
    package: str
    on: tuple = ("cpu", "cuda")


ENGINES = {  # what --engines knows
    "planned": Source("planned", "edfcore"),
    "stepped": Source("stepped", "edfcore"),
    "floor": Source("floor", "numpy", ("cpu",)),
    "torch": Source("torch_eager", "torch"),
    "torch-graph": Source("torch_graph", "torch", ("cuda",)),
    "torch-compile": Source("torch_compiled", "torch"),
    "jax": Source("jax_jit", "jax"),
    "tinygrad": Source("tinygrad_jit", "tinygrad", ("cpu",)),
    "autograd": Source("hips_autograd", "autograd", ("cpu",)),
}
YARDSTICK = "torch"  # the table's ratios are to this engine's median
K = 10  # batches, taken in turn; the losses of the first K steps are compared
RTOL = 1e-4  # of a float32 loss to the float64 loss after at most K steps
TIMED = 0.005  # seconds that a chunk takes, about
CHUNKS = 9  # of an engine's share of a round: threads that wake on one processor cost 10 ms now and then
WARM = 0.03  # seconds of steps before them, about
PAUSE = 0.05  # seconds between two engines: threads of the last one spin for up to 30 ms before they sleep
NOISY = 1.5  # p90 by p10, above which the table warns; on quiet machines it is below 1.2
PATIENCE = 300  # seconds for any one request: torch.compile is slow at first
MEND = "Run edf doctor, which says what is missing; without --device the CPU is measured."
FOLDER = Path(__file__).resolve().parent.parent / "tests" / "benchmarks" / "engines"


class EngineFailed(EdfError, RuntimeError):
    """An engine that died, took too long, or answered with an exception."""


# --- what is trained


def _mlp(rng, B, widths):
    params = {}
    for n, (i, j) in enumerate(zip(widths, widths[1:], strict=False), 1):
        params |= {f"W{n}": rng.normal(size=(i, j)) / np.sqrt(i), f"b{n}": np.zeros(j)}
    return params, rng.random((K, B, widths[0])), rng.integers(0, widths[-1], size=(K, B))


def _lenet(rng, B):
    from .models import lenet

    params = lenet(rng).graph.params
    x, y = rng.normal(size=(K, B, 1, 28, 28)), rng.integers(0, 10, size=(K, B))
    return {f"p{n}": p.value for n, p in enumerate(params)}, x, y


def _lstm(rng, B):
    from .models import adder, adding_problem

    params = adder(rng, T=50, hidden=64).graph.params
    x, y = zip(*(adding_problem(rng, B, T=50) for _ in range(K)), strict=True)
    return {f"p{n}": p.value for n, p in enumerate(params)}, np.stack(x), np.stack(y)


@dataclass(frozen=True)
class Case:
    """A network and its data.

    what : str, in words
    batches : the batch sizes that are measured where none is asked for
    draw : function (rng, B) -> params by name, x (K, B, ...), y (K, B, ...)
    lr : float, the learning rate
    """

    what: str
    batches: tuple
    draw: object
    lr: float = 0.1

    def data(self, B, seed=0):
        """(params, x, y) as float32 arrays, and int64 labels."""
        params, x, y = self.draw(np.random.default_rng(seed), B)
        y = y if y.dtype.kind == "i" else y.astype("float32")
        return {name: p.astype("float32") for name, p in params.items()}, x.astype("float32"), y


CASES = {
    "mlp": Case("784-128-10, sigmoid", (1, 10, 32, 100, 1000), lambda rng, B: _mlp(rng, B, (784, 128, 10))),
    "wide": Case("784-1024-1024-10, sigmoid", (256,), lambda rng, B: _mlp(rng, B, (784, 1024, 1024, 10)), lr=0.01),
    "lenet": Case("edfcore.models.lenet", (64,), _lenet, lr=0.01),
    "lstm": Case("edfcore.models.adder, T = 50, 64 hidden", (20,), _lstm),
}


# --- the same in edfcore, for two engines and for the losses that all must agree with


@dataclass(frozen=True)
class Network:
    """A case as a graph of edfcore; `nodes` takes a batch apart: (x, y) -> [(input, its value)]."""

    graph: object
    loss: object
    feed: object

    def mean_loss(self):
        """The mean of the loss over the batch that was forwarded last."""
        return float(self.loss.value.mean())


def network(case, params, dtype):
    """The graph of a case.

    Parameters
    ----------
    case : str, a key of CASES
    params : dict of arrays by name, in the order of the graph's parameters
    dtype : "float32" or "float64"

    Returns
    -------
    Network
    """
    rng = np.random.default_rng(0)  # of initial parameters that are replaced at once
    if case == "lenet":
        from .models import lenet

        net = lenet(rng, dtype=dtype)
        found = Network(net.graph, net.loss, lambda x, y: [(net.x, x), (net.y, y)])
    elif case == "lstm":
        found = _adder_network(rng, params, dtype)
    else:
        found = _mlp_network(params, dtype)
    for p, value in zip(found.graph.params, params.values(), strict=True):
        p.set(value)
    return found


def _adder_network(rng, params, dtype):
    from .models import adder

    hidden = len(list(params.values())[1])
    net = adder(rng, T=50, hidden=hidden, dtype=dtype)

    def feed(x, target):
        steps = [(node, x[:, t]) for t, node in enumerate(net.xs)]
        return [*steps, (net.state, np.zeros_like(x, shape=(len(x), 2 * hidden))), (net.target, target)]

    return Network(net.graph, net.loss, feed)


def _mlp_network(params, dtype):
    from .components import AddBias, Aref, LogLoss, Sigmoid, Softmax, VDot
    from .graph import Graph, Input, Param

    values = list(params.values())
    with Graph(dtype) as graph:
        h = x = Input("x")
        y = Input("y")
        for n in range(0, len(values), 2):
            h = Sigmoid(h) if n else h
            h = AddBias(VDot(h, Param(values[n])), Param(values[n + 1]))
        return Network(graph, LogLoss(Aref(Softmax(h), y)), lambda x_k, y_k: [(x, x_k), (y, y_k)])


def reference_losses(case, params, x, y, lr):
    """The mean loss of each of the first K steps, by edfcore in float64.

    Returns
    -------
    list of K floats
    """
    from .optimizers.slides import SGD

    net, found = network(case, params, "float64"), []
    for x_k, y_k in zip(x, y, strict=True):
        for node, value in net.feed(x_k, y_k):
            node.set(value)
        net.graph.Forward(net.loss)
        net.graph.Backward(net.loss)
        SGD(lr, net.graph)
        found.append(net.mean_loss())
    return found


def disagreement(losses, expected):
    """Where an engine's losses leave the expected ones, as a clause; None where all agree to RTOL.

    >>> disagreement([2.3, 2.2], [2.3, 2.2])
    >>> disagreement([2.3, 2.1], [2.3, 2.2])
    'its loss in step 2 is 2.1, expected 2.2 (to 0.0001 relative)'
    """
    if len(losses) != len(expected):
        return f"it told {len(losses)} losses, not {len(expected)}"
    for step, (loss, truth) in enumerate(zip(losses, expected, strict=True), 1):
        if not abs(loss - truth) <= RTOL * abs(truth):  # so that NaN disagrees
            return f"its loss in step {step} is {loss:.7g}, expected {truth:.7g} (to {RTOL:g} relative)"
    return None


def numpy_versions():
    """What an engine on NumPy tells of itself: NumPy's version, its BLAS and the kernel and threads of that."""
    found = {"numpy": np.__version__}
    with suppress(EdfError):
        library = blas.in_use()
        found |= {"blas": f"{library.name} {library.version}", "kernel": library.kernel, "threads": library.threads}
    return found


def cupy_versions(device):
    """What an engine on CuPy tells of itself, and under "gpu" of the device; see `device_facts`.

    Raises
    ------
    MissingExtra, NoGpu : as edfcore.use.
    """
    from .gpu.device import place

    there = place(device)
    runtime = there.xp.cuda.runtime
    about = runtime.getDeviceProperties(there.index)
    version = runtime.runtimeGetVersion()  # 1000 major + 10 minor
    cuda = f"{version // 1000}.{version % 1000 // 10}"
    gpu = {"name": about["name"].decode(), "memory": int(about["totalGlobalMem"]), "runtime": cuda}
    return {"cupy": there.xp.__version__, "numpy": np.__version__, "cuda": cuda, "gpu": gpu}


# --- one engine in its process


def environment(threads, device="cpu"):
    """The environment of every engine: equal threads for each library that reads one of these, a better BLAS kernel."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "NUM_CPU_THREADS")
    found = blas.fastest(os.environ) | {name: str(threads) for name in limits}
    if threads == 1:  # XLA has a pool of its own, which otherwise is as large as the processors that it may use
        found["XLA_FLAGS"] = f"{found.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    if device != "cpu":  # XLA would take three quarters of the GPU's memory, and leave the other engines a quarter
        found["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    return found


class Engine:
    """A worker process (tests/benchmarks/engines/worker.py), asked by lines of JSON.

    Parameters
    ----------
    name : a key of ENGINES
    python : path of the interpreter
    threads : int
    device : "cpu", "cuda" or "cuda:1"

    Attributes
    ----------
    missing : why it cannot run here, "" where it can
    versions : dict, what it tells of itself
    gpu : dict, what it tells of the GPU: name, memory in bytes, CUDA's runtime; empty on the CPU
    """

    def __init__(self, name, python, threads, device="cpu", folder=FOLDER):
        self.name, self._errors = name, tempfile.TemporaryFile("w+")
        command = [python, str(folder / "worker.py"), ENGINES[name].file, str(threads), device]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        self._process = subprocess.Popen(command, text=True, env=environment(threads, device), **pipes)
        told = self._answer()
        self.missing, self.versions = told.get("missing", ""), told.get("versions", {})
        self.gpu = self.versions.pop("gpu", {})

    def ask(self, do, **arguments):
        """The answer to a request.

        Raises
        ------
        EngineFailed : it died, took longer than PATIENCE seconds, or failed.
        """
        with suppress(OSError):  # a pipe that broke: the answer will be none
            self._process.stdin.write(json.dumps({"do": do} | arguments) + "\n")
            self._process.stdin.flush()
        found = self._answer()
        if "error" in found:
            raise EngineFailed(f"{self.name} failed: {found['error']}")
        return found

    def _answer(self):
        late = threading.Timer(PATIENCE, self._process.kill)
        late.start()
        try:
            line = self._process.stdout.readline()
        finally:
            late.cancel()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        last = (self._errors.read().strip().splitlines() or ["nothing on standard error"])[-1]
        raise EngineFailed(f"{self.name} ended with {self._process.returncode}, or took over {PATIENCE} s: {last}")

    def close(self):
        """End the process; at once, and whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(OSError):
                pipe.close()


# --- the protocol


@dataclass(frozen=True)
class Settings:
    """What is measured, and how.

    cases : names in CASES; batches : sizes instead of each case's own, or ()
    engines : names in ENGINES, or () for all that compute on the device
    pythons : interpreter by engine or package, where it is not this one
    threads : int, of each engine, default 2; rounds : int, how often each engine is timed
    device : "cpu", "cuda" or a numbered one such as "cuda:1"
    tell : function of a sentence, called as the measurement goes on

    Raises
    ------
    DataError : an unknown name, or a number that cannot be right.
    """

    cases: tuple = tuple(CASES)
    engines: tuple = ()
    batches: tuple = ()
    threads: int = field(default_factory=lambda: min(2, processors()))
    rounds: int = 30
    device: str = "cpu"
    pythons: dict | None = None
    tell: object = lambda sentence: None

    def __post_init__(self):
        if not re.fullmatch(r"cpu|cuda(:\d+)?", self.device):
            raise DataError(f"--device {self.device}: there are cpu, cuda, and numbered ones such as cuda:1.")
        for what, names, known in (("case", self.cases, CASES), ("engine", self.engines, ENGINES)):
            if unknown := [n for n in names if n not in known]:
                raise DataError(f"There is no {what} {unknown[0]!r}; there are {', '.join(known)}.")
        for name, path in (self.pythons or {}).items():
            if name not in known_pythons():
                raise DataError(f"--python {name}=...: {name!r} is none of {', '.join(sorted(known_pythons()))}.")
            if not Path(path).is_file():
                raise DataError(f"--python {name}={path}: there is no such interpreter.")
        if not 1 <= self.threads <= processors():
            raise DataError(f"--threads {self.threads}: from 1 to {processors()} here, the processors at hand.")
        if self.rounds < 1 or any(B < 1 for B in self.batches):
            raise DataError("--rounds and --batch must be at least 1.")

    @property
    def kind(self):
        """ "cpu" or "cuda"."""
        return self.device.partition(":")[0]

    @property
    def wanted(self):
        """The engines that were named, or all that compute on the device."""
        return self.engines or tuple(name for name, source in ENGINES.items() if self.kind in source.on)

    @property
    def command(self):
        """The command that measures this, without interpreters and threads, which the report names."""
        words = ["edf bench", *(self.cases if self.cases != tuple(CASES) else ())]
        words += [f"--engines {','.join(self.engines)}"] if self.engines else []
        words += [f"--batch {','.join(map(str, self.batches))}"] if self.batches else []
        words += [f"--device {self.device}"] if self.device != "cpu" else []
        return " ".join([*words, f"--rounds {self.rounds}"])

    def python(self, engine):
        """The interpreter of an engine: given for it, or for its package, or this one."""
        given = self.pythons or {}
        return given.get(engine) or given.get(ENGINES[engine].package) or sys.executable


def known_pythons():
    """What --python may name: engines and their packages."""
    return set(ENGINES) | {source.package for source in ENGINES.values()}


def processors():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure(settings):
    """Measure every case.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    dict, {"machine": ..., "rows": [{"case", "batch", "engine", "median_us", "p10_us", "p90_us"}]}. machine holds
    "left_out": engines that are not installed or do not have a case, "disagree": engines whose losses were wrong,
    which have no row, and on a GPU "device": its name, memory in bytes, driver and CUDA's runtime.

    Raises
    ------
    EdfError : the engines' files are not here, or no engine can run.
    NoGpu : a GPU was asked for, and none can be used.
    """
    if not (FOLDER / "worker.py").is_file():
        raise EdfError(f"The engines are not at {FOLDER}: run edf bench in a clone of the course.")
    if settings.kind == "cuda" and health.driver_version() is None:
        raise NoGpu(f"--device {settings.device}: no NVIDIA driver is found here. {MEND}")
    with ExitStack() as stack:
        engines, left_out = _start(settings, stack)
        machine = describe(settings.threads) | {"engines": {e.name: e.versions for e in engines}}
        if settings.kind == "cuda":
            machine = {"device": device_facts(engines)} | machine
        machine |= {"measured": how_measured(settings), "rounds": settings.rounds, "left_out": left_out, "disagree": []}
        rows = []
        for name in settings.cases:
            for B in settings.batches or CASES[name].batches:
                rows += _measure_case(name, B, engines, settings, machine)
        machine["load_after"] = _load()
    return {"machine": machine, "rows": rows}


def _start(settings, stack):
    engines, left_out = [], {}
    for name in settings.wanted:
        try:
            engine = _started(name, settings, stack)
            why = engine.missing
        except (NotImplementedError, EngineFailed, OSError) as error:
            why = str(error)
        if why:
            left_out[name] = why
            settings.tell(f"{name} is left out: {why}")
        else:
            engines.append(engine)
    if not engines and settings.kind == "cuda":
        raise NoGpu(f"--device {settings.device}: none of {', '.join(settings.wanted)} can use it. {MEND}")
    if not engines:
        raise EdfError("No engine can run here. " + " ".join(f"{name}: {why}." for name, why in left_out.items()))
    return engines, left_out


def _started(name, settings, stack):
    if settings.kind not in ENGINES[name].on:
        raise NotImplementedError(f"it computes on the {'GPU' if settings.kind == 'cpu' else 'CPU'} alone")
    engine = Engine(name, settings.python(name), settings.threads, settings.device)
    stack.callback(engine.close)
    return engine


def _measure_case(name, B, engines, settings, machine):
    case, about = CASES[name], f"{name}, B = {B}"
    with _data_file(case, B) as (path, params, x, y):
        expected = reference_losses(name, params, x, y, case.lr)
        ready = []
        for engine in engines:
            try:
                why = _ready(engine, name, path, case.lr, expected)
            except EngineFailed as error:
                why = ("left_out", str(error))
            if why is None:
                ready.append(engine)
            elif why[0] == "disagree":
                machine["disagree"].append(f"{about}, {engine.name}: {why[1]}")
                settings.tell(f"{about}: {engine.name} is not timed: {why[1]}.")
            else:
                machine["left_out"][f"{engine.name}, {about}"] = why[1]
                settings.tell(f"{about}: {engine.name} is left out: {why[1]}.")
    settings.tell(f"{about}: the losses of {', '.join(e.name for e in ready) or 'no engine'} agree.")
    samples = time_in_rounds(ready, settings.rounds)
    return [row(name, B, engine, seconds) for engine, seconds in samples.items()]


@contextmanager
def _data_file(case, B):
    """The file from which all engines read the case, and what is in it."""
    params, x, y = case.data(B)
    with tempfile.TemporaryDirectory(prefix="edf-bench-") as folder:
        path = Path(folder) / "case.npz"
        np.savez(path, x=x, y=y, **{f"param.{n}": p for n, p in params.items()})
        yield str(path), params, x, y


def _ready(engine, name, path, lr, expected):
    """None where the engine has built the case and its losses are right, else (kind, why)."""
    if why := engine.ask("make", case=name, data=path, lr=lr).get("unsupported"):
        return "left_out", why
    if why := disagreement(engine.ask("losses", steps=K)["losses"], expected):
        return "disagree", why
    return None


def time_in_rounds(engines, rounds, pause=PAUSE):
    """Seconds of one step, for each engine a list over the rounds, {name: [...]}.

    Parameters
    ----------
    engines : objects with `name` and ask("time", steps=, before=, chunks=)
    rounds : int
    pause : float, seconds of rest before each measurement
    """
    rest = threading.Event()  # its wait sleeps, and Ctrl-C ends it
    steps = {e.name: _steps_per_round(e) for e in engines}
    samples = {e.name: [] for e in engines}
    for r in range(rounds):
        for engine in rotated(engines, r):
            rest.wait(pause)
            n = steps[engine.name]
            seconds = engine.ask("time", steps=n, before=round(n * WARM / TIMED), chunks=CHUNKS)["seconds"]
            samples[engine.name].append(float(np.median(seconds)) / n)
    return samples


def rotated(items, r):
    """The items in turn from the r-th: over the rounds, each follows and precedes others equally often.

    >>> rotated(["a", "b", "c"], 4)
    ['b', 'c', 'a']
    """
    items = list(items)
    return [items[(r + k) % len(items)] for k in range(len(items))]


def _steps_per_round(engine):
    """How many steps take about TIMED seconds, found by doubling; this is the warm-up too."""
    n = 1
    while (seconds := engine.ask("time", steps=n, before=0, chunks=1)["seconds"][0]) < TIMED and n < 1 << 20:
        n *= 2
    return max(2, round(n * min(1.0, TIMED / seconds)))


def row(case, B, engine, seconds):
    """One row of the report: median and percentiles in microseconds.

    >>> row("mlp", 100, "floor", [2e-4, 1e-4, 3e-4])
    {'case': 'mlp', 'batch': 100, 'engine': 'floor', 'median_us': 200.0, 'p10_us': 120.0, 'p90_us': 280.0}
    """
    p10, median, p90 = (round(1e6 * float(np.percentile(seconds, q)), 1) for q in (10, 50, 90))
    return {"case": case, "batch": B, "engine": engine, "median_us": median, "p10_us": p10, "p90_us": p90}


# --- what is told


def describe(threads):
    """The machine, as far as times depend on it."""
    return {
        "cpu": _cpu(),
        "cores": processors(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": _load(),
    }


def device_facts(engines):
    """The GPU: what the engines tell of it (name, memory in bytes, runtime), and the driver.

    Parameters
    ----------
    engines : objects with `gpu`, a dict; where two tell the same, the first is believed
    """
    found = {}
    for engine in reversed(engines):
        found |= engine.gpu
    newest = health.driver_version()
    return found | {"driver": _driver(), "driver_cuda": ".".join(map(str, newest or ()))}


def _driver():
    """NVIDIA's number of the driver, such as 580.65.06; "" where nvidia-smi does not tell."""
    with suppress(OSError, subprocess.SubprocessError, IndexError):
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split()[0]
    return ""


def how_measured(settings):
    """One line: what was timed, by which command, when."""
    what = "Wall-clock time of whole training steps"
    if settings.kind == "cuda":
        what += ", data on the GPU beforehand, one wait for it after each chunk of steps"
    return f"{what}; {settings.command}, {time.strftime('%Y-%m-%d')}."


def _cpu():
    with suppress(OSError, IndexError):
        return Path("/proc/cpuinfo").read_text().split("model name")[1].split(":")[1].split("\n")[0].strip()
    return platform.processor() or "unknown"


def _load():
    """Processes that wanted to run, the mean over a minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def as_text(found):
    """The report as a table, with each median's ratio to YARDSTICK's."""
    machine = found["machine"]
    lines = [_device_line(machine["device"])] if "device" in machine else []
    lines += [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads for each engine, "
        f"{machine['rounds']} rounds; load {machine['load_before']} before, {machine['load_after']} after."
    ]
    lines += [f"  {name}: {', '.join(f'{k} {v}' for k, v in of.items())}" for name, of in machine["engines"].items()]
    lines += ["", f"{'case':6} {'B':>5} {'engine':14} {'median':>10} {'p10':>10} {'p90':>10}  x {YARDSTICK}"]
    yardsticks = {(r["case"], r["batch"]): r["median_us"] for r in found["rows"] if r["engine"] == YARDSTICK}
    for r in found["rows"]:
        against = yardsticks.get((r["case"], r["batch"]))
        ratio = f"{r['median_us'] / against:9.2f}" if against else ""
        times = " ".join(f"{r[key]:10,.1f}" for key in ("median_us", "p10_us", "p90_us"))
        lines.append(f"{r['case']:6} {r['batch']:5} {r['engine']:14} {times}{ratio}")
    lines += ["", "Microseconds of one training step: median, 10th and 90th percentile over the rounds."]
    if noisy := [r for r in found["rows"] if r["p90_us"] > NOISY * r["p10_us"]]:
        rows = f"{len(noisy)} of {len(found['rows'])} rows"
        lines.append(
            f"In {rows} the 90th percentile is over {NOISY} times the 10th: something else used this machine, and "
            "these medians are not to be compared. Measure again when it is quiet."
        )
    lines += [f"Left out: {name}: {why}" for name, why in machine["left_out"].items()]
    lines += [f"Losses disagree, so no time: {sentence}." for sentence in machine["disagree"]]
    return "\n".join(lines)


def _device_line(device):
    memory = f"{device['memory'] / 2**30:.0f} GiB" if "memory" in device else "memory unknown"
    driver = f"driver {device['driver'] or 'unknown'} (CUDA up to {device['driver_cuda'] or 'unknown'})"
    return f"{device.get('name', 'GPU')}, {memory}, {driver}, CUDA {device.get('runtime', 'unknown')}."


# --- what is kept


def file_name(machine):
    """The name of the files of a machine's results: its GPU's, or its processor's and the number of threads.

    >>> file_name({"cpu": "AMD EPYC", "threads": 2})
    'amd_epyc_2_threads'
    >>> file_name({"device": {"name": "NVIDIA GeForce RTX 4090"}, "cpu": "AMD EPYC", "threads": 2})
    'nvidia_geforce_rtx_4090'
    """
    threads = machine["threads"]
    name = f"{machine['cpu']} {threads} thread{'s' * (threads != 1)}"
    name = machine["device"].get("name", "GPU") if "device" in machine else name
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")


def record(found, folder):
    """Write the report into a folder: a table, below a line that says how it was measured, and JSON.

    Parameters
    ----------
    found : dict, of `measure`
    folder : path of a folder that exists; files of the same machine are replaced

    Returns
    -------
    list of the two paths

    Raises
    ------
    EdfError : they cannot be written.
    """
    path = Path(folder) / file_name(found["machine"])
    texts = {".txt": f"{found['machine']['measured']}\n{as_text(found)}\n", ".json": json.dumps(found, indent=1) + "\n"}
    try:
        for ending, text in texts.items():
            Path(f"{path}{ending}").write_text(text, encoding="utf-8")
    except OSError as error:
        raise EdfError(f"--record {folder}: {path.name} cannot be written: {error.strerror}.") from error
    return [Path(f"{path}{ending}") for ending in texts]
