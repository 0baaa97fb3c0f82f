"""How long a training step takes on given parts, and why.

`simulate` builds the step (steps.py), lets the clock run it (clock.py), and reports. Two levels of detail:

    "messages"   every message over every wire: what happens, for up to some dozens of devices
    "closed"     data parallelism on any number: computations and whole collectives in (max, +) arithmetic,
                     ready[b] = max_d t[d, b],   ended[b] = max(ended[b - 1], ready[b]) + C(bytes of bucket b)
                 with C the collective's closed form; 1,024 devices and 1,000 steps take a second

The two agree to rounding for rings on a switch or a ring (tests): nothing of a sum can end before its last rank is
ready, and all ranks end together. For the other algorithms "closed" lets every rank wait for the last one, and the
report says that this is approximate.
"""

from dataclasses import dataclass, replace
from math import ceil, inf, isfinite, log2
from numbers import Integral, Real

import numpy as np

from ..errors import DataError
from . import collectives
from .clock import Program
from .memory import STATE, check_fit, mesh_memory, pipeline_memory
from .report import Report
from .steps import MeshStep, PipelineStep, Setup, buckets_of, layer_seconds, machines_of, update_seconds

STRATEGIES = ("data", "model", "hybrid", "pipeline")
MOST_TASKS = 300_000  # that "auto" lets the clock run one by one
ALIKE = 4  # steps that are followed where all are alike


def simulate(
    cluster, workload, strategy="data", batch=256, *, steps=None, mesh=None, algorithm="ring", bucket=25e6,
    overlap=True, optimizer="momentum", micro_batches=None, schedule="1f1b", sync_norm=False, reduce_rate=inf,
    efficiency=None, straggler=None, seed=0, detail="auto", check_memory=True,
):  # fmt: skip
    """Simulate training steps: time only, no arithmetic.

    Parameters
    ----------
    cluster : Cluster, or text such as "4 x GTX Titan, PCIe 2 shared"
    workload : Workload, or the name of one ("alexnet", "resnet50", ...)
    strategy : "data", "model", "hybrid" or "pipeline"
    batch : int, instances of a step on all devices together
    steps : int, how many steps; default: 1, with a straggler 100, since one draw says little
    mesh : (dp, mp) for "hybrid"; default: as square as can be, replicas of two or more devices
    algorithm : how gradients are summed, see `collectives.ALL_REDUCE`
    bucket : bytes of gradients that are summed together (25 MB: the default of PyTorch's DistributedDataParallel)
    overlap : bool, whether buckets are summed beside the rest of the backward pass
    optimizer : "sgd", "momentum" or "adam": what the update reads and writes, and what is kept
    micro_batches : int, for "pipeline"; default: four for each stage
    schedule : "1f1b" or "gpipe", for "pipeline"
    sync_norm : bool, whether batch norm's statistics go over all replicas
    reduce_rate : bytes a second at which a rank adds what it received; default: adding takes no time beside sending
    efficiency : fraction of their peak that the devices reach, instead of what is assumed of each (Device.efficiency)
    straggler : a distribution of `stragglers`, or text such as "lognormal:0.2"; default: all devices are steady
    seed : int, of the straggler's draws
    detail : "messages", "closed" or "auto": messages where there are not too many. Steps that are all alike are
        followed a few times and repeated
    check_memory : bool; whether a network that does not fit is refused

    Returns
    -------
    Report

    Raises
    ------
    DataError : an argument that cannot be right.
    OutOfMemory : a device cannot hold its part; the message says what takes the memory.
    """
    cluster, workload, straggler = _named(cluster, workload, straggler)
    cluster = cluster if efficiency is None else _reaching(cluster, efficiency)
    steps = steps if steps is not None else 1 if straggler is None else 100
    setup = _setup(
        cluster, workload, strategy, batch, mesh, algorithm, bucket, overlap, optimizer, micro_batches, schedule,
        sync_norm, reduce_rate,
    )  # fmt: skip
    _whole("steps", steps)
    if detail not in ("messages", "closed", "auto"):
        raise DataError(f"simulate: detail is {detail!r}; 'messages', 'closed' or 'auto' is needed.")
    builder = PipelineStep if strategy == "pipeline" else MeshStep
    memory = _memory(setup)
    if check_memory:
        check_fit(setup, memory)
    tasks, followed = tasks_of_a_step(setup), steps
    if detail == "auto" and straggler is None and tasks <= MOST_TASKS < steps * tasks:
        followed = max(min(ALIKE, MOST_TASKS // tasks), 1)
    if detail == "closed" or (detail == "auto" and followed * tasks > MOST_TASKS):
        return _closed(setup, _factors(straggler, seed, steps, setup.N), memory, strategy)
    program = Program(cluster)
    step, ends = builder(setup, program), []
    for row in _factors(straggler, seed, followed, setup.N):
        step.add(row)
        ends.append(len(program.tasks))
    timeline = program.run()
    return Report.of_timeline(setup, strategy, steps, timeline, ends, memory, one_device_seconds(setup))


def _reaching(cluster, efficiency):
    """The cluster with devices that reach this fraction of their peak."""
    if not isinstance(efficiency, Real) or isinstance(efficiency, bool) or not 0 < efficiency <= 1:
        raise DataError(f"simulate: efficiency is {efficiency!r}; a fraction of the peak is needed, such as 0.5.")
    kinds = {device: device.with_(efficiency={"": float(efficiency)}) for device in set(cluster.devices)}
    return replace(cluster, devices=tuple(kinds[device] for device in cluster.devices))


def _named(cluster, workload, straggler):
    if isinstance(cluster, str):
        from .cluster import parse

        cluster = parse(cluster)
    if isinstance(workload, str):
        from .workloads import workload as named

        workload = named(workload)
    if isinstance(straggler, str):
        from .stragglers import parse as parse_straggler

        straggler = parse_straggler(straggler)
    return cluster, workload, straggler


def _whole(name, value, least=1):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise DataError(f"simulate: {name} is {value!r}; a whole number of at least {least} is needed.")


def _setup(
    cluster, workload, strategy, batch, mesh, algorithm, bucket, overlap, optimizer, micro_batches, schedule, sync_norm,
    reduce_rate,
):  # fmt: skip
    N = cluster.N
    if strategy not in STRATEGIES:
        raise DataError(f"simulate: strategy is {strategy!r}; one of {', '.join(STRATEGIES)} is needed.")
    _whole("batch", batch)
    if algorithm not in collectives.ALL_REDUCE:
        raise DataError(f"simulate: algorithm is {algorithm!r}; one of {', '.join(collectives.ALL_REDUCE)} is needed.")
    if optimizer not in STATE:
        raise DataError(f"simulate: optimizer is {optimizer!r}; one of {', '.join(STATE)} is needed.")
    if schedule not in ("1f1b", "gpipe"):
        raise DataError(f"simulate: schedule is {schedule!r}; '1f1b' or 'gpipe' is needed.")
    if not isinstance(bucket, Real) or isinstance(bucket, bool) or not isfinite(bucket) or bucket < 0:
        raise DataError(f"simulate: bucket is {bucket!r}; a number of bytes of at least 0 is needed.")
    if not isinstance(reduce_rate, Real) or isinstance(reduce_rate, bool) or not reduce_rate > 0:
        raise DataError(f"simulate: reduce_rate is {reduce_rate!r}; a positive number of bytes a second is needed.")
    shapes = {"data": (N, 1, 1), "model": (1, N, 1), "pipeline": (1, 1, N)}
    dp, mp, stages = shapes.get(strategy) or (*_mesh(mesh, N), 1)
    if stages > len(workload.layers):
        raise DataError(f"simulate: {workload.name} has {len(workload.layers)} layers, too few for {stages} stages.")
    micro_batches = 4 * stages if micro_batches is None else micro_batches
    _whole("micro_batches", micro_batches)
    return Setup(
        cluster, workload, batch, dp, mp, stages, algorithm, bucket, bool(overlap), optimizer,
        min(micro_batches, batch), schedule, bool(sync_norm), reduce_rate,
    )  # fmt: skip


def _mesh(mesh, N):
    if mesh is None:
        mp = next((k for k in range(2, N + 1) if N % k == 0 and k * k >= N), N)
        return N // mp, mp
    if not isinstance(mesh, (tuple, list)) or len(mesh) != 2:
        raise DataError(f"simulate: mesh is {mesh!r}; a pair (replicas, devices of each) such as (2, 2) is needed.")
    for name, value in zip(("mesh[0]", "mesh[1]"), mesh, strict=True):
        _whole(name, value)
    if mesh[0] * mesh[1] != N:
        raise DataError(f"simulate: a mesh of {mesh[0]} x {mesh[1]} needs {mesh[0] * mesh[1]} devices; there are {N}.")
    return tuple(mesh)


def _memory(setup):
    if setup.stages > 1:
        step = PipelineStep(setup, None)
        return pipeline_memory(setup, step.stages, step.micro)
    return mesh_memory(setup)


def _factors(straggler, seed, steps, N):
    if straggler is None:
        return np.ones((steps, N))
    _whole("seed", seed, 0)
    return np.asarray(straggler.factors(np.random.default_rng(seed), steps, N))


def tasks_of_a_step(setup):
    """Roughly how many tasks the clock would run for one step."""
    computations = 2 * len(setup.workload.layers) * setup.N
    if setup.stages > 1:
        return 4 * setup.micro_batches * setup.N
    buckets = len(buckets_of(setup.workload.layers, setup.mp, setup.workload.itemsize, setup.bucket))
    messages = {"ring": 2 * (setup.dp - 1), "halving-doubling": 2 * setup.dp.bit_length()}.get(setup.algorithm, 4)
    if setup.algorithm == "hierarchical":
        machines = len(setup.cluster.groups)
        messages = 2 * (setup.dp // machines + machines)
    within = 2 * (setup.mp - 1) * len(setup.workload.layers) * setup.N
    return computations + buckets * messages * setup.N + within


def one_device_seconds(setup):
    """Seconds of a step with the whole batch on the cluster's fastest device alone, were it to fit."""
    work = setup.workload

    def alone(device):
        passes = ((layer, backward) for layer in work.layers for backward in (False, True))
        computing = sum(layer_seconds(device, x, setup.batch, 1, work.itemsize, back) for x, back in passes)
        return computing + update_seconds(device, work.params, work.itemsize, setup.optimizer)

    return min(alone(device) for device in set(setup.cluster.devices[: setup.N]))


# Closed forms


def collective_seconds(cluster, algorithm, N, entries, itemsize, groups=None, reduce_rate=inf):
    """Seconds of an all-reduce among the cluster's first N devices that start together.

    Closed forms on a switch, for the ring also on a ring, for "hierarchical" on equal machines; else the clock runs the
    schedule once.

    Raises
    ------
    DataError : there is no closed form, and too many messages to run.
    """
    if N == 1 or entries == 0:
        return 0.0
    found = _closed_form(cluster, algorithm, N, entries * itemsize, groups)
    if found is not None:
        return found + _added(algorithm, N, entries * itemsize, groups) / reduce_rate
    if N > 256:
        raise DataError(
            f"simulate: {algorithm} among {N} devices of {cluster.name} has no closed form, and too many messages to "
            "be followed one by one. Take 'ring' on a switch, or 'hierarchical' on equal machines."
        )
    program = Program(cluster)
    schedule = collectives.all_reduce(algorithm, N, entries, groups)
    program.collective(schedule, itemsize, [[]] * N, "sum", reduce_rate=reduce_rate)
    return program.run().end


def _closed_form(cluster, algorithm, N, nbytes, groups):
    lengths = {len(g) for g in groups or ()}
    if algorithm == "hierarchical" and (len(groups or (0,)) == 1 or lengths == {1}):
        algorithm = "ring"  # that is what its schedule is
    if algorithm == "hierarchical":
        two_level = cluster.shape in ("switch", "ring") and len(lengths) == 1 and len(groups) == len(cluster.groups)
        return _two_level_seconds(cluster, groups, nbytes) if two_level else None
    one_level = cluster.shape == "machines" or len(cluster.groups) == 1
    on_ring = cluster.shape == "ring" and algorithm == "ring" and N == cluster.N
    if not (one_level and (cluster.shape in ("switch", "machines") or on_ring)):
        return None
    try:
        return collectives.seconds(algorithm, N, nbytes, cluster.latency(0, 1), cluster.bandwidth(0, 1))
    except DataError:
        return None


def _added(algorithm, N, nbytes, groups):
    """Bytes that a rank adds one after another in an all-reduce."""
    if algorithm == "tree":
        return ceil(log2(N)) * nbytes
    if algorithm == "parameter server":
        return (N - 1) * nbytes
    if algorithm == "hierarchical" and groups and len(groups) > 1:
        n, M = len(groups[0]), len(groups)
        return ((n - 1) / n + (M - 1) / M / n) * nbytes
    return (N - 1) / N * nbytes


def _two_level_seconds(cluster, groups, nbytes):
    """Rings within machines, then a ring for each of their n parts among machines, over the machines' cards at once."""
    n, M = len(groups[0]), len(groups)
    a, b = groups[0][0], groups[1][0]
    inner = 0.0
    if n > 1:
        near = groups[0][1]
        inner = 2 * (n - 1) * (cluster.latency(a, near) + nbytes / n / cluster.bandwidth(a, near))
    shared = set(cluster.route(a, b)) & set(cluster.route(groups[0][-1], groups[1][-1])) if n > 1 else set()
    rate = min(cluster.wires[w].bandwidth / (n if w in shared else 1) for w in cluster.route(a, b))
    return inner + 2 * (M - 1) * (cluster.latency(a, b) + nbytes / n / M / rate)


@dataclass(frozen=True)
class _Times:
    """Normal seconds of one replica's step: forward, until each bucket is ready, all of backward, update."""

    buckets: np.ndarray
    backward: float
    update: float


def _times(setup, device, B, buckets):
    work = setup.workload
    at = sum(layer_seconds(device, layer, B, 1, work.itemsize) for layer in work.layers)
    ready = np.zeros(len(buckets))
    ends = {bucket[-1]: number for number, bucket in enumerate(buckets)}
    for k in reversed(range(len(work.layers))):
        at += layer_seconds(device, work.layers[k], B, 1, work.itemsize, backward=True)
        if k in ends:
            ready[ends[k]] = at
    if not setup.overlap:
        ready[:] = at
    return _Times(ready, at, update_seconds(device, work.params, work.itemsize, setup.optimizer))


def _closed(setup, factors, memory, strategy):
    if strategy != "data" or setup.sync_norm:
        raise DataError(
            f"simulate: {'synchronized batch norm' if setup.sync_norm else strategy!r} on {setup.N} devices has no "
            "closed form: take fewer devices or steps, or detail='messages'."
        )
    work, N = setup.workload, setup.N
    buckets = buckets_of(work.layers, 1, work.itemsize, setup.bucket)
    costs = []
    for bucket in buckets:
        entries = sum(work.layers[k].params for k in bucket)
        groups = machines_of(setup, range(N)) if setup.algorithm == "hierarchical" else None
        costs.append(
            collective_seconds(setup.cluster, setup.algorithm, N, entries, work.itemsize, groups, setup.reduce_rate)
        )
    times, mine = {}, []
    for d, B in enumerate(setup.shards()):
        key = id(setup.device(d)), B
        if key not in times:
            times[key] = _times(setup, setup.device(d), B, buckets)
        mine.append(times[key])
    ready = np.array([m.buckets for m in mine]).reshape(N, len(buckets))
    backward, update = np.array([m.backward for m in mine]), np.array([m.update for m in mine])
    start, exposed, ends = np.zeros(N), np.zeros(N), np.zeros(len(factors))
    for step, f in enumerate(factors):
        last = (start[:, None] + f[:, None] * ready).max(axis=0)  # of each bucket: when its last rank is ready
        done, computed = 0.0, start + f * backward
        for b, cost in enumerate(costs):
            begun = max(done, last[b])
            done = begun + cost
            exposed += np.maximum(done - np.maximum(begun, computed), 0.0)
        start = np.maximum(done, computed) + f * update
        ends[step] = start.max()
    computing = factors.sum(axis=0) * (backward + update)
    sent = len(factors) * np.array(_sent(setup), float)
    alike = np.ptp(factors) == 0 and np.ptp(ready, axis=0).max(initial=0) == 0
    detail = "closed" if closed_is_exact(setup, alike) else "approximate"
    return Report.of_closed(
        setup, strategy, ends, computing, exposed, sum(costs), sent, memory, one_device_seconds(setup), detail
    )


def closed_is_exact(setup, alike):
    """Whether closed forms say what following every message would say.

    For rings on wires of their own; for hierarchical sums where all devices are alike at all times, since a late one
    shifts the rings that share a card.
    """
    if setup.N == 1:
        return True
    groups, shape = setup.cluster.groups, setup.cluster.shape
    one_level = len(groups) == 1 or shape == "machines"
    if setup.algorithm == "ring" or (setup.algorithm == "hierarchical" and len(groups) == 1):
        return one_level and shape in ("ring", "switch", "machines")
    return setup.algorithm == "hierarchical" and len({len(g) for g in groups}) == 1 and not one_level and alike


def _sent(setup):
    """Bytes that each device sends in a data-parallel step."""
    N, entries = setup.N, setup.workload.params
    if setup.algorithm == "ring" or N == 1:
        return [2 * (N - 1) / N * entries * setup.workload.itemsize] * N
    groups = machines_of(setup, range(N)) if setup.algorithm == "hierarchical" else None
    if groups and len({len(g) for g in groups}) == 1:
        n, M = len(groups[0]), len(groups)
        return [(2 * (n - 1) / n + 2 * (M - 1) / M / n) * entries * setup.workload.itemsize] * N
    sent, _ = collectives.all_reduce(setup.algorithm, N, entries, groups).traffic()
    return [s * setup.workload.itemsize for s in sent]
