"""Whole training steps, edfcore beside other libraries: what `edf bench` runs.

A step copies a batch, goes forward and backward and changes every parameter by SGD, in float32. All engines get the
same initial parameters and batches from one file; before anything is timed, the losses of each engine's first steps
must agree with those of edfcore in float64. Each engine has a process of its own, and may use the same number of
threads and of processors. In each round every engine times a few chunks of steps, in an order that rotates, so that
what disturbs the machine meets all of them. A chunk's time is the mean over its steps, a round's the median over its
chunks; told are the median and the 10th and 90th percentile over the rounds.

OpenBLAS gets the kernel that was tested to be fastest (blas.py), even where OPENBLAS_CORETYPE names another one, since
the other libraries choose theirs; EDF_BLAS=off leaves the variable alone. The report names the kernel.

The engines are files in tests/benchmarks/engines, which says what each does.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import blas
from .errors import DataError, EdfError

ENGINES = {  # what --engines knows: the file, and the package whose interpreter --python may name
    "planned": ("planned", "edfcore"),
    "stepped": ("stepped", "edfcore"),
    "floor": ("floor", "numpy"),
    "torch": ("torch_eager", "torch"),
    "torch-compile": ("torch_compiled", "torch"),
    "jax": ("jax_jit", "jax"),
    "tinygrad": ("tinygrad_jit", "tinygrad"),
    "autograd": ("hips_autograd", "autograd"),
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
        return [*steps, (net.state, np.zeros((len(x), 2 * hidden), x.dtype)), (net.target, target)]

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


# --- one engine in its process


def environment(threads):
    """The environment of every engine: equal threads for each library that reads one of these, a better BLAS kernel."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "NUM_CPU_THREADS")
    found = blas.fastest(os.environ) | {name: str(threads) for name in limits}
    if threads == 1:  # XLA has a pool of its own, which otherwise is as large as the processors that it may use
        found["XLA_FLAGS"] = f"{found.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    return found


class Engine:
    """A worker process (tests/benchmarks/engines/worker.py), asked by lines of JSON.

    Parameters
    ----------
    name : a key of ENGINES
    python : path of the interpreter
    threads : int

    Attributes
    ----------
    missing : why it cannot run here, "" where it can
    versions : dict, what it tells of itself
    """

    def __init__(self, name, python, threads, folder=FOLDER):
        self.name, self._errors = name, tempfile.TemporaryFile("w+")
        command = [python, str(folder / "worker.py"), ENGINES[name][0], str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        self._process = subprocess.Popen(command, text=True, env=environment(threads), **pipes)
        told = self._answer()
        self.missing, self.versions = told.get("missing", ""), told.get("versions", {})

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
    engines : names in ENGINES; pythons : interpreter by engine or package, where it is not this one
    threads : int, of each engine, default 2; rounds : int, how often each engine is timed
    tell : function of a sentence, called as the measurement goes on

    Raises
    ------
    DataError : an unknown name, or a number that cannot be right.
    """

    cases: tuple = tuple(CASES)
    engines: tuple = tuple(ENGINES)
    batches: tuple = ()
    threads: int = field(default_factory=lambda: min(2, processors()))
    rounds: int = 30
    pythons: dict | None = None
    tell: object = lambda sentence: None

    def __post_init__(self):
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

    def python(self, engine):
        """The interpreter of an engine: given for it, or for its package, or this one."""
        given = self.pythons or {}
        return given.get(engine) or given.get(ENGINES[engine][1]) or sys.executable


def known_pythons():
    """What --python may name: engines and their packages."""
    return set(ENGINES) | {package for _, package in ENGINES.values()}


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
    "left_out": engines that are not installed or do not have a case, and "disagree": engines whose losses were wrong,
    which have no row.

    Raises
    ------
    EdfError : the engines' files are not here, or no engine can run.
    """
    if not (FOLDER / "worker.py").is_file():
        raise EdfError(f"The engines are not at {FOLDER}: run edf bench in a clone of the course.")
    with ExitStack() as stack:
        engines, left_out = _start(settings, stack)
        machine = describe(settings.threads) | {"engines": {e.name: e.versions for e in engines}}
        machine |= {"rounds": settings.rounds, "left_out": left_out, "disagree": []}
        rows = []
        for name in settings.cases:
            for B in settings.batches or CASES[name].batches:
                rows += _measure_case(name, B, engines, settings, machine)
        machine["load_after"] = _load()
    return {"machine": machine, "rows": rows}


def _start(settings, stack):
    engines, left_out = [], {}
    for name in settings.engines:
        try:
            engine = Engine(name, settings.python(name), settings.threads)
            stack.callback(engine.close)
            why = engine.missing
        except (EngineFailed, OSError) as error:
            why = str(error)
        if why:
            left_out[name] = why
            settings.tell(f"{name} is left out: {why}")
        else:
            engines.append(engine)
    if not engines:
        raise EdfError("No engine can run here. " + " ".join(f"{name}: {why}." for name, why in left_out.items()))
    return engines, left_out


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
    lines = [
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
