"""This machine, measured: what the simulator needs to know of it, and how well it then predicts a training step.

`calibrate` runs on every rank of a communicator at once, so that ranks that share cores, memory and wires are measured
as they will work. It measures

    alpha, beta    a message around the ring of ranks, in several sizes: seconds = alpha + bytes / beta
    reduce rate    bytes a second at which what arrived is added
    efficiency     FLOPs a second of a component of each kind, forward and backward
    launch         seconds of a component on next to nothing: the cost of the Python around it
    bandwidth      bytes a second of collecting gradients and updating parameters
    lateness       seconds that work and a sum in turns take beyond each by itself: a constant and a part of the work

and none of them from the step that is to be predicted. `measure` compares predictions with the steps themselves.
"""

import time
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..components import CrossEntropy, Sigmoid
from ..graph import Graph, Input, Param
from ..models import Classifier
from ..optimizers import SGD
from .cluster import alone, switch
from .data_parallel import DataParallel
from .devices import Device, Link
from .simulate import simulate
from .steps import UPDATE_PASSES
from .workloads import of_graph

MEASURED = "measured on this machine"
LENGTHS = (2e-3, 5e-3, 12e-3, 30e-3)  # seconds of work after which ranks wait for each other
PARTS = 5  # into which a measurement is divided
SIZES = (1 << 10, 1 << 16, 1 << 19, 1 << 21, 1 << 22)  # bytes of the messages that are timed
POOL = 1 << 23  # entries of the array that they are parts of: more than a cache holds
SHAPE = (160, 896, 896)  # B, i, j of the product that is timed: larger than a cache, as in the networks below


@dataclass(frozen=True)
class Calibration:
    """What was measured, on all ranks together (medians over parts of the time, means over ranks).

    alpha : seconds for each message; beta : bytes a second; reduce_rate : bytes a second
    flops : dict kind of layer -> FLOP/s; launch : seconds for each component; bandwidth : bytes a second
    lateness : pair: seconds, and a fraction of the work
    """

    ranks: int
    alpha: float
    beta: float
    reduce_rate: float
    flops: dict
    launch: float
    bandwidth: float
    lateness: tuple

    def late(self, seconds):
        """Seconds until the slowest of the ranks has done what each does in `seconds`, less these seconds."""
        return self.lateness[0] + self.lateness[1] * seconds

    def device(self):
        """A Device with these rates: its peak is the fastest kind's."""
        peak = max(self.flops.values())
        efficiency = {kind: rate / peak for kind, rate in self.flops.items()}
        efficiency[""] = min(efficiency.values())
        return Device(
            name="this machine", year=time.localtime().tm_year, fp32=peak, memory=1 << 40, bandwidth=self.bandwidth,
            link="shared memory", launch=self.launch, efficiency=efficiency,
            source=dict.fromkeys(("fp32", "bandwidth", "launch", "efficiency", "memory"), MEASURED),
        )  # fmt: skip

    def cluster(self):
        """The ranks on a switch, each with a wire of its own to the others."""
        if self.ranks == 1:
            return alone(self.device())
        measured = dict.fromkeys(("bandwidth", "latency"), MEASURED)
        return switch([self.device()] * self.ranks, Link("this machine's", self.beta, self.alpha, source=measured))

    def as_dict(self):
        """Plain numbers, for JSON."""
        return asdict(self)


def calibrate(comm, seconds=3.0, rows=SHAPE[0]):
    """Measure what the simulator needs; the same result on every rank.

    Parameters
    ----------
    comm : Comm; every rank calls this
    seconds : float, about how long to measure in all
    rows : instances of a rank for which FLOPs are timed: products of few rows are slower

    Returns
    -------
    Calibration
    """
    each = seconds / (len(SIZES) + len(LENGTHS) + 6)
    alpha, beta = _messages(comm, each) if comm.size > 1 else (0.0, 1e12)
    adding = _adding(comm, each)
    launch, flops = _components(comm, each, rows)
    update, late = _update_rate(comm, each), _lateness(comm, each)
    return Calibration(comm.size, alpha, beta, adding, flops, launch, update, late)


def _together(comm, action, seconds, times=None):
    """Seconds of an action that all ranks repeat at the same time: the median over PARTS of the time, each a mean.

    A mean counts the time that a rank waits for its core where ranks share one; the median leaves out what else the
    machine did. `times` fixes how often, for actions that ranks have to join equally often.
    """
    action()
    found = np.zeros(PARTS)
    for part in range(PARTS):
        comm.barrier()
        start, count = time.perf_counter(), 0
        while count < times if times else (time.perf_counter() - start < seconds / PARTS or not count):
            action()
            count += 1
        passed = time.perf_counter() - start
        found[part] = passed / count
    return float(np.median(comm.all_reduce(found))) / comm.size


def _lateness(comm, seconds):
    """How much longer work and a sum take in turns than each by itself: a straight line over the length of the work.

    Ranks that start together do not end together, and where they share cores the one that is waited for may not run.
    """
    if comm.size == 1:
        return 0.0, 0.0
    graph, out = _product(*SHAPE)
    graph.Forward()
    array, seed = np.zeros(1 << 20, np.float32), np.ones_like(out.value)

    def work():
        graph.Forward(out)
        graph.Backward(out, seed=seed)

    alone = _together(comm, work, seconds)
    summing = _together(comm, lambda: comm.all_reduce(array), seconds, times=_times(comm, seconds, array))
    found = []
    for length in LENGTHS:
        times, means = max(round(length / alone), 1), np.zeros(PARTS)
        for part in range(PARTS):
            comm.barrier()
            start, rounds = time.perf_counter(), max(int(seconds / PARTS / length), 4)
            for _ in range(rounds):
                comm.barrier()  # as at the beginning of a step that is measured
                for _ in range(times):
                    work()
                comm.all_reduce(array)
            means[part] = (time.perf_counter() - start) / rounds
        both = float(np.median(comm.all_reduce(means))) / comm.size
        found.append((times * alone, both - times * alone - summing))
    work, late = np.array(found).T
    slope, constant = np.polyfit(work, late, 1) if np.ptp(work) > alone / 2 else (0.0, late.mean())
    return max(float(constant), 0.0), max(float(slope), 0.0)


def _times(comm, seconds, array):
    """How often a sum fits into a part of the time; the same on every rank, which all have to join."""
    start = time.perf_counter()
    comm.all_reduce(array)
    count = np.array([max(seconds / PARTS / max(time.perf_counter() - start, 1e-7), 2.0)])
    return int(comm.broadcast(count)[0])


def _messages(comm, seconds):
    """alpha and beta: a straight line through the seconds of a message to the next rank, all ranks at once.

    What is sent is another part of a large array each time, as gradients are: not in the cache.
    """
    after, before = (comm.rank + 1) % comm.size, (comm.rank - 1) % comm.size
    pool, into, found = np.ones(POOL, np.float32), np.zeros(SIZES[-1] // 4, np.float32), []
    for nbytes in SIZES:
        n, at = nbytes // 4, 0

        def once(n=n):
            nonlocal at
            comm.exchange_round([(after, pool[at : at + n])], [(before, into[:n])])
            at = (at + n) % (POOL - n)

        count = np.zeros(1)
        once()
        start = time.perf_counter()
        for _ in range(5):
            once()
        count[0] = max(5.0, seconds / max((time.perf_counter() - start) / 5, 1e-7))
        comm.broadcast(count)
        means = np.zeros(PARTS)
        for part in range(PARTS):
            start, times = time.perf_counter(), max(int(count[0]) // PARTS, 1)
            for _ in range(times):
                once()
            means[part] = (time.perf_counter() - start) / times
        found.append(float(np.median(comm.all_reduce(means))) / comm.size)
    sizes, times = np.array(SIZES, float), np.array(found)
    slope, alpha = np.polyfit(sizes, times, 1, w=1 / times)  # relative errors count alike
    return max(float(alpha), 1e-9), 1 / max(float(slope), 1e-15)


def _adding(comm, seconds):
    """Bytes a second at which a rank adds what it received to a part of a large array."""
    pool, come, at = np.zeros(POOL, np.float32), np.ones(1 << 18, np.float32), 0

    def once():
        nonlocal at
        pool[at : at + come.size] += come
        at = (at + come.size) % (POOL - come.size)

    return come.nbytes / _together(comm, once, seconds)


def _components(comm, seconds, rows):
    """Seconds of launching a component, and FLOP/s of each kind of layer on `rows` instances, under the engine."""
    B, (_, i, j) = rows, SHAPE
    launch = _step_seconds(comm, _product(1, 1, 1), seconds)[0] / 3  # the simulator counts one forward, two backward
    flops = {}
    for kind, built in (("dense", _product(B, i, j)), ("elementwise", _entries(B, i)), ("loss", _loss(B, 10))):
        taken, counted = _step_seconds(comm, built, seconds)
        flops[kind] = counted / max(taken - 3 * launch, taken * 0.05)
    return launch, flops


def _step_seconds(comm, built, seconds):
    """Seconds of Forward and Backward of a graph with one component, and its FLOPs."""
    graph, out = built
    graph.Forward()
    seed = np.ones_like(out.value)

    def once():
        graph.Forward(out)
        graph.Backward(out, seed=seed)

    cost = out.cost(out.sizes)
    return _together(comm, once, seconds), cost.forward + cost.backward


def _product(B, i, j):
    with Graph("float32") as graph:
        x = Input("x", grad=True)
        y = x @ Param(np.full((i, j), 0.01))
    x.set(np.ones((B, i)))
    return graph, y


def _entries(B, i):
    with Graph("float32") as graph:
        x = Input("x", grad=True)
        y = Sigmoid(x)
    x.set(np.random.default_rng(0).normal(size=(B, i)))  # as in a network: in no order
    return graph, y


def _loss(B, classes):
    with Graph("float32") as graph:
        x, labels = Input("x", grad=True), Input("labels")
        y = CrossEntropy(x, labels)
    rng = np.random.default_rng(0)
    x.set(rng.normal(size=(B, classes)))
    labels.set(rng.integers(0, classes, size=B))
    graph.Forward()
    return graph, y


def _update_rate(comm, seconds):
    """Bytes a second of collecting gradients into one array and of an SGD step, as passes over the parameters."""
    with Graph("float32") as graph:
        weights = [Param(np.zeros((256, 512))) for _ in range(4)]
    flat, optimizer = np.zeros(sum(p.value.size for p in weights), np.float32), SGD(graph, lr=0.0)
    for p in weights:
        p.grad = np.zeros_like(p.value)

    def once():
        start = 0
        for p in weights:
            flat[start : start + p.value.size].reshape(p.value.shape)[...] = p.grad
            start += p.value.size
        optimizer.step()

    return UPDATE_PASSES["sgd"] * flat.nbytes / _together(comm, once, seconds)


# The check


def mlp(rng, widths, dtype="float32"):
    """A network of dense layers with sigmoids between them: what the check trains."""
    with Graph(dtype):
        h = x = Input("x")
        for k, (i, j) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            h = Sigmoid(h) if k else h
            h = h @ Param(rng.normal(0, i**-0.5, (i, j))) + Param(np.zeros(j))
        y = Input("y")
        return Classifier(x, y, h, CrossEntropy(h, y))


def step_seconds(comm, widths, batch, steps, algorithm="ring"):
    """Seconds of each of some data-parallel steps of an `mlp`, of the rank that took longest: array (steps,)."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(batch, widths[0])).astype(np.float32), rng.integers(0, widths[-1], size=batch)
    net = mlp(np.random.default_rng(1), widths)
    training = DataParallel(comm, net, SGD(net.graph, lr=0.01), algorithm)
    taken = np.zeros((comm.size, steps + 3))
    for step in range(steps + 3):
        comm.barrier()
        start = time.perf_counter()
        training.step(x, y)
        taken[comm.rank, step] = time.perf_counter() - start
    return comm.all_gather(taken).max(axis=0)[3:]  # without the first steps, which make arrays


def predict(calibration, widths, batch, algorithm="ring"):
    """The same step, simulated: seconds of computing, of communication, and of waiting for the slowest rank.

    Returns
    -------
    dict: "predicted", their sum; "communication", "waiting"
    """
    net = mlp(np.random.default_rng(1), widths)
    net.x.set(np.zeros((2, widths[0])))
    net.y.set([0, 0])
    net.graph.Forward(net.loss)
    report = simulate(
        calibration.cluster(), of_graph(net.graph, net.loss, name="mlp"), "data", batch, algorithm=algorithm,
        bucket=1e18, overlap=False, optimizer="sgd", reduce_rate=calibration.reduce_rate, check_memory=False,
    )  # fmt: skip
    waiting = calibration.late(float(report.compute.mean()) * report.seconds)
    return {"predicted": report.seconds + waiting, "communication": report.communication, "waiting": waiting}


NETWORKS = (((784, 512, 512, 10), 256), ((784, 1024, 1024, 10), 256), ((784, 256, 10), 1024))  # widths and batch
ROUNDS = 4


def measure(comm, seconds=6.0, steps=10, networks=NETWORKS):
    """Calibrate, and compare predicted with measured steps of some networks; the same dict on every rank.

    Calibration and steps take turns, so that both meet the machine in the same moods; the medians are compared.

    Parameters
    ----------
    comm : Comm; every rank calls this
    seconds : float, how long to calibrate in all
    steps : int, of each network in each of ROUNDS rounds
    networks : pairs of widths and batch

    Returns
    -------
    dict: "calibrations", one for each number of instances that a rank gets, and "checks": for each network its widths,
    batch, and seconds of a step, "measured" and "predicted", their "ratio", and the "communication" and "waiting" that
    are predicted
    """
    sizes = sorted({-(-batch // comm.size) for _, batch in networks})
    found, taken = {rows: [] for rows in sizes}, [[] for _ in networks]
    for _ in range(ROUNDS):
        for rows in sizes:
            found[rows].append(calibrate(comm, seconds / ROUNDS / len(sizes), rows))
        for (widths, batch), mine in zip(networks, taken, strict=True):
            mine.extend(step_seconds(comm, widths, batch, steps))
    calibrations, checks = {rows: middle(some) for rows, some in found.items()}, []
    for (widths, batch), mine in zip(networks, taken, strict=True):
        rows = -(-batch // comm.size)
        measured, told = float(np.median(mine)), predict(calibrations[rows], widths, batch)
        ratio = {"ratio": told["predicted"] / measured}
        checks.append({"widths": list(widths), "batch": batch, "rows": rows, "measured": measured} | told | ratio)
    told = [c.as_dict() | {"rows": rows} for rows, c in calibrations.items()]
    return {"calibrations": told, "checks": checks}


def middle(found):
    """The calibration whose every number is the median of those found."""

    def median(name):
        values = [getattr(c, name) for c in found]
        if isinstance(values[0], dict):
            return {kind: float(np.median([v[kind] for v in values])) for kind in values[0]}
        if isinstance(values[0], tuple):
            return tuple(float(np.median(v)) for v in zip(*values, strict=True))
        return float(np.median(values))

    names = [f.name for f in fields(Calibration) if f.name != "ranks"]
    return Calibration(found[0].ranks, **{name: median(name) for name in names})


def as_text(found):
    """What `measure` found on several numbers of ranks, as a table; `found` is the list of its dicts."""
    lines = []
    for one in found:
        for c in one["calibrations"]:
            rates = ", ".join(f"{kind} {rate / 1e9:.3g}" for kind, rate in c["flops"].items())
            wire = f"alpha {c['alpha'] * 1e6:.3g} us, beta {c['beta'] / 1e9:.3g} GB/s, " if c["ranks"] > 1 else ""
            lines += [
                f"{c['ranks']} rank{'s' * (c['ranks'] > 1)}, {c['rows']} instances each: {wire}"
                f"GFLOP/s of a rank: {rates}; launch {c['launch'] * 1e6:.3g} us, update {c['bandwidth'] / 1e9:.3g} GB/s"
            ]
        lines += [
            f"    {'-'.join(map(str, k['widths'])):<22} batch {k['batch']:<5} measured {k['measured'] * 1e3:7.2f} ms, "
            f"predicted {k['predicted'] * 1e3:7.2f} ms, {k['ratio'] - 1:+.0%} "
            f"(communication {k['communication'] * 1e3:.2f}, waiting {k['waiting'] * 1e3:.2f})"
            for k in one["checks"]
        ]
    return "\n".join(lines)
