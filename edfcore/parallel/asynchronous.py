"""A parameter server and its workers: who waits for whom, and what that does to the values.

A worker pulls the parameters, computes a gradient, pushes it; the server applies it. With version v = the number of
gradients that the parameters contain, a gradient that was computed at version `read` and is applied at version v has

    staleness = v - read,      w(v + 1) = w(v) - lr g(w(v - staleness)).

    policy           the server applies                    a worker may begin its step k             sources
    "synchronous"    the mean of all N gradients           once its last gradient was applied        S4 slide 54
    "backup"         the mean of the first N of N + b,     the same, or once it was dropped          Chen et al. 2016
                     drops the others
    "stale"          each gradient at once                 if k - (steps of the slowest) <= s        Ho et al. 2013
    "asynchronous"   each gradient at once                 always                                    Dean et al. 2012

Time and values are two passes. `simulate` lets SimPy run the clock and keeps the server's journal, a `Log`; `replay`
carries the journal out with edfcore graphs. The same log gives bitwise the same parameters, on any machine's clock.

The server has one wire, which pulls and pushes share: first come, first served, whole messages, ties by worker. A
message holds the wire for nbytes/bandwidth seconds and arrives `latency` seconds later. Asking for parameters and
applying a gradient cost nothing.

References: Dean et al. 2012, "Large Scale Distributed Deep Networks", section 4.1 (Downpour SGD); Recht et al. 2011
(Hogwild, where there are no messages but races in one memory); Ho et al. 2013, "More Effective Distributed ML via a
Stale Synchronous Parallel Parameter Server", section 2; Chen et al. 2016, "Revisiting Distributed Synchronous SGD"
(1604.00981), section 3. Section numbers are from memory.
"""

import heapq
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from itertools import count
from math import inf, pi, sin
from pathlib import Path

import numpy as np

from ..errors import DataError, MissingExtra
from ..optimizers.base import check_count, is_number
from .collectives import equal_parts
from .stragglers import Steady, parse

POLICIES = ("synchronous", "backup", "stale", "asynchronous")
MARKS = {"compute": "#", "pull": "<", "push": ">", "wait": "."}
FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """What was simulated; see `simulate`."""

    policy: str
    N: int
    seconds: float
    nbytes: float
    bandwidth: float
    latency: float
    straggler: str
    steps: int
    seed: int
    backup: int
    bound: int

    workers = property(lambda self: self.N + self.backup)


@dataclass(frozen=True)
class Event:
    """A line of the server's journal.

    time : seconds
    kind : "pull" (the server sends its parameters), "push" (a gradient has arrived), "apply" or "drop" (its fate)
    worker, step : whose, and the number of that worker's step, from 0
    read : the version that the worker was sent
    version : the server's version after the event; gradients that share it were applied as one mean
    staleness : the version that the gradient met, less `read`
    """

    time: float
    kind: str
    worker: int
    step: int
    read: int
    version: int
    staleness: int


@dataclass(frozen=True)
class Span:
    """What a worker did from start to end, in seconds: "pull", "compute", "push" or "wait"."""

    worker: int
    step: int
    start: float
    end: float
    kind: str


@dataclass(frozen=True)
class Log:
    """What happened, until the last gradient was applied.

    Attributes
    ----------
    settings : Settings
    events : tuple of Event, in the order in which the server saw them
    spans : tuple of Span, by worker and time; those of a worker follow each other without gaps
    wire : float, seconds for which the server's wire was held
    """

    settings: Settings
    events: tuple[Event, ...]
    spans: tuple[Span, ...] = field(repr=False)
    wire: float

    end = property(lambda self: self.events[-1].time if self.events else 0.0)
    applied = property(lambda self: [e for e in self.events if e.kind == "apply"])
    dropped = property(lambda self: [e for e in self.events if e.kind == "drop"])

    @property
    def throughput(self):
        """Gradients applied in a second; infinite where everything takes no time."""
        return len(self.applied) / self.end if self.end else inf

    @property
    def mean_staleness(self):
        """The mean over the gradients that were applied, in gradients."""
        return float(np.mean([e.staleness for e in self.applied]))

    @property
    def max_staleness(self):
        """The largest staleness that was applied, in gradients."""
        return max(e.staleness for e in self.applied)

    @property
    def idle(self):
        """The part of the workers' time for which they waited, for each other or for the wire; 0 to 1."""
        return self.spent("wait") / (self.end * self.settings.workers) if self.end else 0.0

    @property
    def server_busy(self):
        """The part of the time for which the server's wire was held; 0 to 1."""
        return self.wire / self.end if self.end else 0.0

    def spent(self, kind, worker=None):
        """Seconds spent on a kind of span, by one worker or by all."""
        return float(sum(s.end - s.start for s in self.spans if s.kind == kind and worker in (None, s.worker)))

    def updates(self):
        """The groups of applied gradients: a list of lists of Event, one for each step of the optimizer."""
        groups = defaultdict(list)
        for event in self.applied:
            groups[event.version].append(event)
        return list(groups.values())

    def rows(self):
        """The timeline for a figure: list of dict with worker, start and end in seconds, and kind."""
        return [{"worker": s.worker, "start": s.start, "end": s.end, "kind": s.kind} for s in self.spans]

    def text(self, width=72):
        """The timeline in letters, a line for each worker: # computes, < pulls, > pushes, . waits.

        Parameters
        ----------
        width : int, at least 1, columns; each shows what the worker does in the middle of its share of the time
        """
        check_count("Log.text", "width", width, 1)
        lines = [f"{width} columns are {self.end:.6g} s: # compute, < pull, > push, . wait"]
        for worker in range(self.settings.workers):
            spans = [s for s in self.spans if s.worker == worker]
            at = np.searchsorted([s.end for s in spans], (np.arange(width) + 0.5) * self.end / width, side="right")
            lines.append(f"{worker:>4} " + "".join(MARKS[spans[k].kind] if k < len(spans) else "." for k in at))
        return "\n".join(lines)

    def summary(self):
        """The figures, in one sentence each."""
        return (
            f"{self.settings.policy}, {self.settings.workers} workers: {len(self.applied)} gradients applied and "
            f"{len(self.dropped)} dropped in {self.end:.6g} s, {self.throughput:.6g} a second. Staleness: mean "
            f"{self.mean_staleness:.3g}, at most {self.max_staleness}. Workers wait {self.idle:.1%} of their time; the "
            f"server's wire is busy {self.server_busy:.1%} of it."
        )

    def to_json(self):
        """The log as a JSON text; `Log.from_json` gives it back exactly."""
        told = {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "events": [list(asdict(e).values()) for e in self.events],
            "spans": [list(asdict(s).values()) for s in self.spans],
            "wire": self.wire,
        }
        return json.dumps(told, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """A log from what `to_json` wrote. Raises DataError where it is something else."""
        try:
            told = json.loads(text)
            if told["format"] != FORMAT:
                raise DataError(f"Log.from_json: the format is {told['format']!r}; this version reads {FORMAT}.")
            events = tuple(Event(*values) for values in told["events"])
            spans = tuple(Span(*values) for values in told["spans"])
            return cls(Settings(**told["settings"]), events, spans, told["wire"])
        except (ValueError, TypeError, KeyError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"Log.from_json: this is no log: {error!r}. Give what Log.to_json wrote.") from error

    def save(self, path):
        """Write the log to a file, as JSON. Raises DataError where it cannot be written."""
        try:
            Path(path).write_text(self.to_json(), encoding="utf-8")
        except OSError as error:
            raise DataError(f"Log.save: {str(path)!r} cannot be written: {error.strerror}.") from error

    @classmethod
    def load(cls, path):
        """Read what `save` wrote. Raises DataError where there is no such file, or it holds no log."""
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"Log.load: {str(path)!r} cannot be read: {error}.") from error


# Time


def simulate(
    policy, N, seconds, nbytes=0, bandwidth=1e9, latency=0.0, straggler=None, steps=100, seed=0, backup=0, bound=0
):
    """Run the clock until N steps gradients are applied, whoever computed them.

    Parameters
    ----------
    policy : "synchronous", "backup", "stale" or "asynchronous"
    N : int, at least 1; workers, and gradients in an update where updates are means
    seconds : float above 0, the normal time of computing a gradient
    nbytes : float of at least 0, bytes of the parameters, and of a gradient
    bandwidth : float above 0, bytes/s of the server's wire
    latency : float of at least 0, seconds
    straggler : Distribution or its text (see `stragglers.parse`) of the factor on `seconds`; default: steady
    steps : int, at least 1
    seed : int, at least 0, of the factors: step k of worker w takes the same time under every policy
    backup : int, at least 0, b; more workers than the N whose gradients count; for "backup"
    bound : int, at least 0, s; how many steps a worker may be ahead of the slowest; for "stale"

    Returns
    -------
    Log

    Raises
    ------
    DataError : an argument is out of its range, or does not belong to the policy.
    MissingExtra : SimPy is not installed.

    Examples
    --------
    >>> log = simulate("synchronous", N=2, seconds=1.0, straggler="slow:1:2", steps=3)
    >>> log.end, log.throughput, log.idle
    (6.0, 1.0, 0.25)
    >>> print(log.text(width=12))
    12 columns are 6 s: # compute, < pull, > push, . wait
       0 ##..##..##..
       1 ############
    """
    straggler = parse(Steady() if straggler is None else straggler)
    times = {"seconds": seconds, "nbytes": nbytes, "bandwidth": bandwidth, "latency": latency}
    counts = {"N": N, "steps": steps, "seed": seed, "backup": backup, "bound": bound}
    _check(policy, times, counts)
    times, counts = {k: float(v) for k, v in times.items()}, {k: int(v) for k, v in counts.items()}
    given = Settings(policy=policy, straggler=str(straggler), **times, **counts)
    try:
        import simpy
    except ImportError as error:
        raise MissingExtra("The simulation of a parameter server", "SimPy", "course") from error
    return _Simulation(simpy.Environment(), given, straggler).run()


def _check(policy, times, counts):
    if policy not in POLICIES:
        raise DataError(f"simulate: policy is {policy!r}; one of {', '.join(POLICIES)} is needed.")
    for name, value in counts.items():
        check_count("simulate", name, value, int(name in ("N", "steps")))
    for name, value in times.items():
        positive = name in ("seconds", "bandwidth")
        if not is_number(value, 0) or (positive and value == 0):
            bound = "above 0" if positive else "of at least 0"
            raise DataError(f"simulate: {name} is {value!r}; a finite number {bound} is needed.")
    for name, user in {"backup": "backup", "bound": "stale"}.items():
        if counts[name] and policy != user:
            raise DataError(f"simulate: {name} is {counts[name]}, which only the policy {user!r} uses.")


class _Simulation:
    """The workers as SimPy processes. A tie is settled only after everything else of its moment has happened."""

    def __init__(self, env, settings, straggler):
        self.env, self.settings, self.straggler = env, settings, straggler
        self.server = _server(settings)
        self.wire = _Wire(env)
        self.events, self.waiting, self.blocks = [], {}, []
        self.spans, self.open = [[] for _ in range(settings.workers)], [None] * settings.workers

    def run(self):
        for w in range(self.settings.workers):
            self.env.process(self.worker(w))
        target = self.settings.N * self.settings.steps
        while self.server.version < target:
            if self.wire.ready and self.env.peek() > self.env.now:
                self.wire.serve()
            else:
                self.env.step()
        for w in range(self.settings.workers):
            self.enter(w, None)
        held = self.wire.held + (self.env.now - self.wire.since if self.wire.busy else 0.0)
        return Log(self.settings, tuple(self.events), tuple(s for spans in self.spans for s in spans), float(held))

    def worker(self, w):
        """Pull, compute, push, as often as the policy lets it."""
        for k in count():
            self.enter(w, "wait", k)
            while not self.server.may_begin(w):
                self.waiting[w] = self.env.event()
                yield self.waiting[w]
            yield self.wire.ask(w)
            read = self.server.version
            self.note("pull", w, k, read, 0)
            yield from self.message(w, k, "pull")
            self.enter(w, "compute", k)
            yield self.env.timeout(self.settings.seconds * self.factor(k, w))
            self.enter(w, "wait", k)
            yield self.wire.ask(w)
            yield from self.message(w, k, "push")
            self.arrive(w, k, read)

    def message(self, w, k, kind):
        """The wire is this worker's: hold it, give it back, and let the message arrive."""
        self.enter(w, kind, k)
        yield self.env.timeout(self.settings.nbytes / self.settings.bandwidth)
        self.wire.free()
        yield self.env.timeout(self.settings.latency)

    def arrive(self, w, k, read):
        """A gradient is at the server: note its fate, and wake whoever waited for that, in the order of workers."""
        self.note("push", w, k, read, self.server.version - read)
        fate, met = self.server.arrive((w, k, read))
        for worker, step, version in fate.gradients:
            self.note(fate.kind, worker, step, version, met - version)
        for other in sorted(self.waiting) if fate.gradients else ():
            if self.server.may_begin(other):
                self.waiting.pop(other).succeed()

    def factor(self, k, w):
        """The factor of worker w's step k; drawn in blocks, so that a fast worker never runs out of them."""
        steps = self.settings.steps
        while len(self.blocks) <= k // steps:
            rng = np.random.default_rng([self.settings.seed, len(self.blocks)])
            self.blocks.append(self.straggler.factors(rng, steps, self.settings.workers))
        return float(self.blocks[k // steps][k % steps, w])

    def note(self, kind, w, k, read, staleness):
        self.events.append(Event(float(self.env.now), kind, w, k, read, self.server.version, staleness))

    def enter(self, w, kind, k=None):
        """Worker w begins something else; what it did is kept, unless it took no time."""
        before, now = self.open[w], float(self.env.now)
        if before and before[1] < now:
            self.spans[w].append(Span(w, before[0], before[1], now, before[2]))
        self.open[w] = (k, now, kind)


class _Wire:
    """One message at a time; the next is the first asked for, then that of the lowest worker."""

    def __init__(self, env):
        self.env, self.queue, self.number = env, [], count()
        self.busy, self.since, self.held = False, 0.0, 0.0

    ready = property(lambda self: bool(self.queue) and not self.busy)

    def ask(self, w):
        turn = self.env.event()
        heapq.heappush(self.queue, (self.env.now, w, next(self.number), turn))
        return turn

    def serve(self):
        self.busy, self.since = True, self.env.now
        heapq.heappop(self.queue)[-1].succeed()

    def free(self):
        self.busy, self.held = False, self.held + self.env.now - self.since


@dataclass(frozen=True)
class _Fate:
    kind: str
    gradients: tuple


def _server(settings):
    if settings.policy in ("synchronous", "backup"):
        return _Rounds(settings.N)
    return _AtOnce(settings.N, settings.bound if settings.policy == "stale" else inf)


class _Rounds:
    """Updates are the mean of the first N gradients of the present version; later ones are dropped."""

    def __init__(self, N):
        self.N, self.version, self.arrived, self.pending = N, 0, [], set()

    def may_begin(self, w):
        return w not in self.pending

    def arrive(self, gradient):
        """Take a gradient; returns the fate of those for which it is settled, and the version that they met."""
        met = self.version
        if gradient[2] < met:
            return _Fate("drop", (gradient,)), met
        self.arrived.append(gradient)
        self.pending.add(gradient[0])
        if len(self.arrived) < self.N:
            return _Fate("apply", ()), met
        self.version, group, self.arrived = met + self.N, tuple(self.arrived), []
        self.pending.clear()
        return _Fate("apply", group), met


class _AtOnce:
    """Each gradient is applied on arrival; nobody begins a step more than `bound` steps ahead of the slowest."""

    def __init__(self, N, bound):
        self.bound, self.version, self.done = bound, 0, [0] * N

    def may_begin(self, w):
        return self.bound == inf or self.done[w] - min(self.done) <= self.bound

    def arrive(self, gradient):
        """Apply a gradient; returns its fate and the version that it met."""
        self.version, self.done[gradient[0]] = self.version + 1, self.done[gradient[0]] + 1
        return _Fate("apply", (gradient,)), self.version - 1


# Values


@dataclass(frozen=True)
class Replay:
    """What a log makes of a network.

    Attributes
    ----------
    net : the network, trained
    optimizer : the server's optimizer
    losses : array (updates,), the mean loss of each update's instances, at the parameters that were read for them
    """

    net: object
    optimizer: object
    losses: np.ndarray

    params = property(lambda self: [p.value for p in self.net.graph.params])


def replay(log, build, data, optimizer, on_update=None):
    """Carry out a log: every gradient at exactly the parameters that its worker was sent, applied in recorded order.

    The events are gone through in order. At a pull the gradient is computed, since the parameters are those of that
    moment; it is kept until it is applied. An update of several gradients is the mean over all their instances, so that
    "synchronous" is data-parallel training whatever the shards' lengths.

    Parameters
    ----------
    log : Log
    build : function of no arguments that returns a network with x, y, loss and graph (such as `models.Classifier`)
    data : function of a worker and its step that returns that step's batch (x, y), such as `sharded` gives
    optimizer : function of a graph that returns an optimizer of its parameters, such as lambda graph: SGD(graph, 0.1)
    on_update : function of the version and the network, called after each update

    Returns
    -------
    Replay

    Raises
    ------
    DataError : the log contradicts itself, or a batch cannot be right.
    """
    server = _Values(build(), data, optimizer, log.updates())
    for n, event in enumerate(log.events):
        server.follow(event, f"replay: event {n}, {event.kind} of worker {event.worker}'s step {event.step}")
        if on_update and event.kind == "apply" and not server.open:
            on_update(server.version, server.net)
    return Replay(server.net, server.optimizer, np.array(server.losses))


class _Values:
    """The server's parameters, and the gradients that are under way."""

    def __init__(self, net, data, optimizer, updates):
        self.net, self.data, self.optimizer = net, data, optimizer(net.graph)
        self.params, self.version, self.losses, self.open = net.graph.params, 0, [], []
        self.group = {(e.worker, e.step): [(o.worker, o.step) for o in group] for group in updates for e in group}
        self.batches, self.found, self.arrived = {}, {}, set()

    def follow(self, event, where):
        key = event.worker, event.step
        if event.kind == "pull":
            if event.read != self.version:
                raise DataError(f"{where}: it read version {event.read}, but the server is at {self.version}.")
            if key in self.found:
                raise DataError(f"{where}: this step was pulled before.")
            self.found[key] = self._gradient(key) if key in self.group else None
        elif key not in self.found:
            raise DataError(f"{where}: this step was not pulled, or has been applied or dropped before.")
        elif event.kind == "push":
            self.arrived.add(key)
        elif key not in self.arrived:
            raise DataError(f"{where}: this gradient has not arrived.")
        elif event.kind == "drop":
            self._forget(key)
        elif event.kind == "apply":
            self._apply(key, event, where)
        else:
            raise DataError(f"{where}: there is no such kind of event; it is pull, push, apply or drop.")

    def _batch(self, key):
        if key not in self.batches:
            x, y = self.data(*key)
            if len(x) != len(y):
                raise DataError(f"replay: data{key} gave {len(x)} instances, {len(y)} targets; give as many of each.")
            self.batches[key] = x, y
        return self.batches[key]

    def _gradient(self, key):
        """This batch's part of the gradient of the mean loss over the update's instances; and its sum of losses."""
        total = sum(len(self._batch(k)[0]) for k in self.group[key])
        if not total:
            raise DataError(f"replay: the update with worker {key[0]}'s step {key[1]} has no instances.")
        x, y = self._batch(key)
        if not len(x):
            return [None] * len(self.params), 0.0, total
        self.net.x.set(x)
        self.net.y.set(y)
        self.net.graph.Forward(self.net.loss)
        self.net.graph.Backward(self.net.loss, seed=1.0 / total)
        return [p.grad for p in self.params], float(self.net.loss.value.sum()), total

    def _apply(self, key, event, where):
        self.open.append(key)
        if len(self.open) < len(self.group[key]):
            return
        if self.open != self.group[key] or event.version != self.version + len(self.open):
            raise DataError(
                f"{where}: version {event.version} follows on {self.version} with {len(self.open)} gradients; a "
                "version counts the gradients applied."
            )
        parts = [self.found[k] for k in self.open]
        for n, p in enumerate(self.params):
            p.grad = _sum([grads[n] for grads, _, _ in parts if grads[n] is not None])
        self.losses.append(sum(loss for _, loss, _ in parts) / parts[0][2])
        self.optimizer.step()
        for k in self.open:
            self._forget(k)
        self.version, self.open = event.version, []

    def _forget(self, key):
        self.found.pop(key)
        self.batches.pop(key, None)
        self.arrived.discard(key)


def _sum(arrays):
    """The arrays' sum, from the first to the last; None where there is none."""
    total = None
    for a in arrays:
        total = a if total is None else total + a
    return total


def sharded(x, y, B, workers):
    """Batches for `replay`: step k takes the k-th batch of B instances, worker w the w-th of its equal parts.

    After the last whole batch it begins again with the first. (With backup workers, whose steps are not in line, or
    without order among workers, instances are still taken equally often, but not in common batches.)

    Parameters
    ----------
    x, y : arrays of equal length, at least B
    B : int, at least 1, instances in a batch
    workers : int, at least 1

    Returns
    -------
    function of worker and step, which returns (x, y)

    Raises
    ------
    DataError : the arrays differ in length, or are shorter than B.

    Examples
    --------
    >>> data = sharded(np.arange(8), np.arange(8), B=4, workers=2)
    >>> data(1, 0)[0].tolist(), data(0, 1)[0].tolist()
    ([2, 3], [4, 5])
    """
    check_count("sharded", "B", B, 1)
    check_count("sharded", "workers", workers, 1)
    if len(x) != len(y) or len(x) < B:
        raise DataError(f"sharded: x has {len(x)} instances, y {len(y)}; equal numbers of at least B = {B} are needed.")
    parts, batches = equal_parts(B, workers), len(x) // B

    def data(worker, step):
        start, stop = (step % batches * B + n for n in parts[worker])
        return x[start:stop], y[start:stop]

    return data


def largest_stable_rate(curvature, delay):
    """The rate from which on gradient descent with a delay does not converge: 2 sin(pi / (2 (2 delay + 1))) / lambda.

    On the quadratic lambda/2 w^2 a gradient of staleness tau makes w(t+1) = w(t) - lr lambda w(t - tau), with the
    characteristic equation z^(tau+1) - z^tau + a = 0, a = lr lambda. A root reaches the unit circle, z = exp(i theta),
    where a = z^tau (1 - z) = 2 sin(theta/2) exp(i (tau theta + theta/2 - pi/2)) is real: theta = pi / (2 tau + 1).
    Without delay it is 2/lambda; for long delays it falls as (pi/2) / (lambda tau), near pi / (2 lambda tau).

    Parameters
    ----------
    curvature : float above 0, lambda, the largest eigenvalue of the Hessian
    delay : int, at least 0, tau, in updates

    Returns
    -------
    float

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    Levin & May 1976, "A note on difference-delay equations" (from memory); derived above.

    Examples
    --------
    >>> [round(largest_stable_rate(1.0, tau), 3) for tau in (0, 1, 2, 8)]
    [2.0, 1.0, 0.618, 0.185]
    """
    check_count("largest_stable_rate", "delay", delay)
    if not is_number(curvature, 0) or curvature == 0:
        raise DataError(f"largest_stable_rate: curvature is {curvature!r}; a finite number above 0 is needed.")
    return 2 * sin(pi / (2 * (2 * delay + 1))) / curvature
