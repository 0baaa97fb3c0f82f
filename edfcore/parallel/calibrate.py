"""This machine, measured: what the simulator needs to know of it, and how well it then predicts a training step.

`calibrate` runs on every rank of a communicator at once, so that ranks that share cores, memory and wires are measured
as they will work. It measures

    alpha, beta    a message around the ring of ranks, in several sizes: seconds = alpha + bytes / beta
    reduce rate    bytes a second at which what arrived is added
    efficiency     FLOPs a second of a component of each kind, forward and backward
    launch         seconds of a component on next to nothing: the cost of the Python around it
    bandwidth      bytes a second of collecting gradients and updating parameters
    lateness       seconds that ranks which start together wait for the slowest: a constant and a part of their work

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
SIZES = (1 << 10, 1 << 16, 1 << 19, 1 << 21)  # bytes of the messages that are timed
SHAPE = (160, 640, 640)  # B, i, j of the product that is timed: larger than a cache, as in the networks below


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


def calibrate(comm, seconds=3.0):
    """Measure what the simulator needs; the same result on every rank.

    Parameters
    ----------
    comm : Comm; every rank calls this
    seconds : float, about how long to measure in all

    Returns
    -------
    Calibration
    """
    each = seconds / (len(SIZES) + len(LENGTHS) + 6)
    alpha, beta = _messages(comm, each) if comm.size > 1 else (0.0, 1e12)
    a, b = np.zeros(1 << 18, np.float32), np.ones(1 << 18, np.float32)
    adding = _together(comm, lambda: np.add(a, b, out=a), each)
    launch, flops = _components(comm, each)
    update, late = _update_rate(comm, each), _lateness(comm, each)
    return Calibration(comm.size, alpha, beta, a.nbytes / adding, flops, launch, update, late)


def _together(comm, action, seconds):
    """Seconds of an action that all ranks repeat at the same time: the median over PARTS of the time, each a mean.

    A mean counts the time that a rank waits for its core where ranks share one; the median leaves out what else the
    machine did.
    """
    action()
    found = np.zeros(PARTS)
    for part in range(PARTS):
        comm.barrier()
        start, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - start) < seconds / PARTS or not count:
            action()
            count += 1
        found[part] = passed / count
    return float(np.median(comm.all_reduce(found))) / comm.size


def _lateness(comm, seconds):
    """How long ranks that start together wait for the slowest: a straight line over the length of their work."""
    if comm.size == 1:
        return 0.0, 0.0
    graph, out = _product(*SHAPE)
    graph.Forward()
    alone = _together(comm, lambda: graph.Forward(out), seconds)
    found = []
    for length in LENGTHS:
        times, means = max(int(length / alone), 1), np.zeros(PARTS)
        for part in range(PARTS):
            comm.barrier()
            start, rounds = time.perf_counter(), max(int(seconds / PARTS / length), 2)
            for _ in range(rounds):
                for _ in range(times):
                    graph.Forward(out)
                comm.barrier()
            means[part] = (time.perf_counter() - start) / rounds
        found.append((times * alone, float(np.median(comm.all_reduce(means))) / comm.size - times * alone))
    work, late = np.array(found).T
    slope, constant = np.polyfit(work, late, 1) if np.ptp(work) > alone / 2 else (0.0, late.mean())
    return max(float(constant), 0.0), max(float(slope), 0.0)


def _messages(comm, seconds):
    """alpha and beta: a straight line through the seconds of a message to the next rank, all ranks at once."""
    after, before = (comm.rank + 1) % comm.size, (comm.rank - 1) % comm.size
    found = []
    for nbytes in SIZES:
        out, into = np.zeros(nbytes // 4, np.float32), np.zeros(nbytes // 4, np.float32)
        count = np.array([0.0])
        comm.exchange([(after, out)], [(before, into)])
        start = time.perf_counter()
        for _ in range(5):
            comm.exchange([(after, out)], [(before, into)])
        count[0] = max(5.0, seconds / max((time.perf_counter() - start) / 5, 1e-7))
        comm.broadcast(count)
        means = np.zeros(PARTS)
        for part in range(PARTS):
            start, times = time.perf_counter(), max(int(count[0]) // PARTS, 1)
            for _ in range(times):
                comm.exchange([(after, out)], [(before, into)])
            means[part] = (time.perf_counter() - start) / times
        found.append(float(np.median(comm.all_reduce(means))) / comm.size)
    sizes, times = np.array(SIZES, float), np.array(found)
    slope, alpha = np.polyfit(sizes, times, 1, w=1 / times)  # relative errors count alike
    return max(float(alpha), 1e-9), 1 / max(float(slope), 1e-15)


def _components(comm, seconds):
    """Seconds of launching a component, and FLOP/s of each kind of layer, as the engine runs them."""
    B, i, j = SHAPE
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
    dict: "calibration", and "checks": for each network its widths, batch, and seconds of a step, "measured" and
    "predicted", their "ratio", and the "communication" and "waiting" that are predicted
    """
    found, taken = [], [[] for _ in networks]
    for _ in range(ROUNDS):
        found.append(calibrate(comm, seconds / ROUNDS))
        for (widths, batch), mine in zip(networks, taken, strict=True):
            mine.extend(step_seconds(comm, widths, batch, steps))
    calibration, checks = middle(found), []
    for (widths, batch), mine in zip(networks, taken, strict=True):
        measured, told = float(np.median(mine)), predict(calibration, widths, batch)
        ratio = {"ratio": told["predicted"] / measured}
        checks.append({"widths": list(widths), "batch": batch, "measured": measured} | told | ratio)
    return {"calibration": calibration.as_dict(), "checks": checks}


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
        c = one["calibration"]
        wire = f"alpha {c['alpha'] * 1e6:.3g} us, beta {c['beta'] / 1e9:.3g} GB/s, " if c["ranks"] > 1 else ""
        rates = ", ".join(f"{kind} {rate / 1e9:.3g}" for kind, rate in c["flops"].items())
        lines += [
            f"{c['ranks']} rank{'s' * (c['ranks'] > 1)}: {wire}GFLOP/s of a rank: {rates}; "
            f"launch {c['launch'] * 1e6:.3g} us, update {c['bandwidth'] / 1e9:.3g} GB/s"
        ]
        lines += [
            f"    {'-'.join(map(str, k['widths'])):<22} batch {k['batch']:<5} measured {k['measured'] * 1e3:7.2f} ms, "
            f"predicted {k['predicted'] * 1e3:7.2f} ms, {k['ratio'] - 1:+.0%}"
            for k in one["checks"]
        ]
    return "\n".join(lines)
