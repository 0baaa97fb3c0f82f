"""The clock: when everything happens, given who waits for whom and what each thing takes.

A `Program` is a list of tasks. A computation occupies its device's compute stream for some seconds; a message occupies
its source's copy stream for its latency and then for as long as its bytes take over the wires of its route. Tasks of
one stream run in the order in which they were added, each as soon as the tasks it waits for have ended.

Wires are shared fairly: the rates of the messages under way are max-min fair (progressive filling; Bertsekas &
Gallager, Data Networks, section 6.5.2): all grow together until a wire is full, the messages over it stay, the others
go on.

The result is a `Timeline`. It depends on nothing but the program: no clock of this machine, no random numbers.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import NamedTuple

from ..display import Lanes
from ..errors import DataError, MissingExtra

TIE = 1e-12  # messages whose ends lie closer together, relatively, end together


class Task(NamedTuple):
    """One thing to do: a computation, or a message where `target` is a device."""

    device: int
    stream: str  # "compute", or for a message "copy"
    name: str
    category: str  # "forward", "backward", "update", "communication", "wait"
    seconds: float  # of a computation
    target: int | None
    nbytes: float  # of a message
    after: tuple


class Span(NamedTuple):
    """When a task ran: start and end in seconds. The other fields are those of Task."""

    device: int
    stream: str
    name: str
    category: str
    start: float
    end: float
    target: int | None
    nbytes: float


@dataclass
class Program:
    """Tasks on the devices and wires of a cluster.

    Examples
    --------
    >>> from edfcore.parallel.cluster import parse
    >>> program = Program(parse("2 x GTX Titan, PCIe 3 switch"))
    >>> first = program.compute(0, 0.5, "forward")
    >>> sent = program.message(0, 1, 12e9, "activations", after=[first])
    >>> last = program.compute(1, 0.25, "forward", after=[sent])
    >>> round(program.run().end, 2)
    1.75
    """

    cluster: object
    tasks: list = field(default_factory=list)

    def compute(self, device, seconds, name, category="forward", after=(), stream="compute"):
        """Add a computation; returns its number, for others to wait for."""
        if not (isfinite(seconds) and seconds >= 0):
            raise DataError(f"Program.compute: {name!r} takes {seconds!r} seconds; a number of at least 0 is needed.")
        return self._add(Task(self._device(device), stream, name, category, seconds, None, 0, self._known(after)))

    def message(self, source, target, nbytes, name, after=(), category="communication"):
        """Add a message from one device to another; returns its number."""
        if not (isfinite(nbytes) and nbytes >= 0) or source == target:
            raise DataError(
                f"Program.message: {name!r} sends {nbytes!r} bytes from device {source} to {target}; a number of at "
                "least 0 and two different devices are needed."
            )
        source, target = self._device(source), self._device(target)
        return self._add(Task(source, "copy", name, category, 0.0, target, nbytes, self._known(after)))

    def collective(self, schedule, itemsize, ready, name, ranks=None, reduce_rate=inf):
        """Add the messages of a collective.

        Parameters
        ----------
        schedule : collectives.Schedule
        itemsize : bytes of an entry
        ready : list of N lists of tasks, after which each rank's array is ready
        ranks : the device of each rank; default: rank k is device k
        reduce_rate : bytes a second at which a rank adds what it received; default: adding takes no time

        Returns
        -------
        list of N lists of tasks, after which each rank has the result and may reuse its array
        """
        ranks = range(schedule.N) if ranks is None else ranks
        have, sent = [list(r) for r in ready], [[] for _ in ready]
        for number, messages in enumerate(schedule.rounds):
            arrived = defaultdict(list)
            for m in messages:
                nbytes = m.size * itemsize
                task = self.message(ranks[m.source], ranks[m.target], nbytes, f"{name} {number}", have[m.source])
                sent[m.source] = [task]
                if m.add and reduce_rate < inf:
                    task = self.compute(
                        ranks[m.target], nbytes / reduce_rate, f"{name} {number} add", "communication",
                        [task, *have[m.target]], "copy-in",
                    )  # fmt: skip
                arrived[m.target].append(task)
            senders = {m.source for m in messages}
            for k, tasks in arrived.items():  # what a rank has sent was ready; else its own array may still be awaited
                have[k] = tasks if k in senders else [*have[k], *tasks]
        return [have[k] + sent[k] for k in range(schedule.N)]

    def run(self):
        """Let time pass; returns the Timeline.

        Raises
        ------
        MissingExtra : SimPy is not installed.
        """
        return _run(self)

    def _add(self, task):
        self.tasks.append(task)
        return len(self.tasks) - 1

    def _device(self, k):
        if not 0 <= k < self.cluster.N:
            raise DataError(f"Program: there is no device {k}; the cluster has the devices 0 to {self.cluster.N - 1}.")
        return k

    def _known(self, after):
        after = tuple(after)
        if any(not 0 <= k < len(self.tasks) for k in after):
            raise DataError(f"Program: a task waits for {after}; only tasks that were added before can be waited for.")
        return after


def _run(program):
    try:
        import simpy
    except ImportError as error:
        raise MissingExtra("The simulation of messages", "SimPy", "course") from error
    env, tasks = simpy.Environment(), program.tasks
    wires = _Wires(env, program.cluster.wires)
    done = [env.event() for _ in tasks]
    spans = [None] * len(tasks)
    streams = defaultdict(list)
    for number, task in enumerate(tasks):
        streams[task.device, task.stream].append(number)

    def work(numbers):
        for number in numbers:
            task = tasks[number]
            for earlier in task.after:
                if not done[earlier].processed:
                    yield done[earlier]
            start = env.now
            if task.target is None:
                yield env.timeout(task.seconds)
            else:
                route = program.cluster.route(task.device, task.target)
                yield env.timeout(sum(program.cluster.wires[w].latency for w in route))
                if task.nbytes:
                    yield wires.carry(route, task.nbytes)
            spans[number] = Span(*task[:4], start, env.now, *task[5:7])
            done[number].succeed()

    for numbers in streams.values():
        env.process(work(numbers))
    env.run()
    return Timeline(program.cluster, tuple(spans))


class _Wires:
    """Messages under way, and at which rate each is moving now."""

    def __init__(self, env, wires):
        self.env, self.bandwidth = env, [w.bandwidth for w in wires]
        self.left, self.route, self.rate, self.arrival = {}, {}, {}, {}  # by message
        self.count, self.since, self.version, self.settling = 0, 0.0, 0, False

    def carry(self, route, nbytes):
        """An event that happens when the bytes have arrived."""
        self.count += 1
        event = self.env.event()
        self.left[self.count], self.route[self.count], self.arrival[self.count] = nbytes, route, event
        self.rate[self.count] = 0.0
        self._settle_soon()
        return event

    def _settle_soon(self):
        """New rates once everything that happens at this moment has happened."""
        if not self.settling:
            self.settling = True
            self.env.timeout(0).callbacks.append(self._settle)

    def _settle(self, _):
        self.settling = False
        self._advance()
        self.rate = fair_rates(self.route, self.bandwidth)
        self.version += 1
        if not self.left:
            return
        times = {k: self.left[k] / self.rate[k] for k in self.left}
        soonest = min(times.values())
        ending = [k for k, t in times.items() if t <= soonest * (1 + TIE)]
        version = self.version
        self.env.timeout(soonest).callbacks.append(lambda _: self._arrive(ending, version))

    def _advance(self):
        passed, self.since = self.env.now - self.since, self.env.now
        for k in self.left:
            self.left[k] = max(self.left[k] - passed * self.rate[k], 0.0)

    def _arrive(self, ending, version):
        if version != self.version:
            return  # rates have changed since
        self._advance()
        for k in ending:
            del self.left[k], self.route[k], self.rate[k]
            self.arrival.pop(k).succeed()
        self._settle_soon()


def fair_rates(routes, bandwidth):
    """Max-min fair rates by progressive filling.

    Parameters
    ----------
    routes : dict message -> the wires that it crosses
    bandwidth : list of bytes per second, of each wire

    Returns
    -------
    dict message -> bytes per second

    Examples
    --------
    Two messages share wire 0; one of them goes on over the slower wire 1, the other takes what that leaves.

    >>> fair_rates({"a": (0, 1), "b": (0,)}, [10.0, 2.0])
    {'a': 2.0, 'b': 8.0}
    """
    rate, users = {}, defaultdict(set)
    for message, route in routes.items():
        for wire in set(route):
            users[wire].add(message)
    free = {wire: bandwidth[wire] for wire in users}
    while users:
        share = min(free[w] / len(u) for w, u in users.items())
        full = [w for w, u in users.items() if free[w] / len(u) <= share * (1 + TIE)]
        settled = sorted({m for w in full for m in users[w]})
        for message in settled:
            rate[message] = share
            for wire in set(routes[message]):
                users[wire].discard(message)
                free[wire] = max(free[wire] - share, 0.0)
        users = {w: u for w, u in users.items() if u}
    return {message: rate[message] for message in routes}


def merged(intervals):
    """Intervals (start, end) that touch or overlap, joined, in order."""
    found = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found


def length(intervals):
    """The time that disjoint intervals span together."""
    return sum(end - start for start, end in intervals)


def without(intervals, others):
    """What of the disjoint intervals lies in none of the others (both in order)."""
    found = []
    for start, end in intervals:
        for a, b in others:
            if b <= start or a >= end:
                continue
            if a > start:
                found.append((start, a))
            start = max(start, b)
        if start < end:
            found.append((start, end))
    return found


@dataclass(frozen=True)
class Timeline(Lanes):
    """When every task of a program ran.

    Attributes
    ----------
    cluster : Cluster
    spans : tuple of Span, in the order in which the tasks were added
    """

    cluster: object
    spans: tuple

    def __repr__(self):
        return f"<Timeline of {len(self.spans)} tasks on {self.cluster.N} devices, {self.end:.6g} s>"

    end = property(lambda self: max((s.end for s in self.spans), default=0.0))

    def computing(self, device):
        """The disjoint intervals in which the device's compute stream works."""
        return merged((s.start, s.end) for s in self.spans if s.device == device and s.stream == "compute")

    def communicating(self, device):
        """The disjoint intervals in which the device sends, receives or adds what it received."""
        mine = (s for s in self.spans if s.category == "communication" and device in (s.device, s.target))
        return merged((s.start, s.end) for s in mine)

    def shares(self, device):
        """Seconds of computing, of communication that no computation hides, and of idling; together `end`."""
        computing = self.computing(device)
        exposed = without(self.communicating(device), computing)
        busy, bare = length(computing), length(exposed)
        return {"compute": busy, "exposed": bare, "idle": max(self.end - busy - bare, 0.0)}

    def sent(self, device):
        """Bytes that the device sent."""
        return sum(s.nbytes for s in self.spans if s.device == device and s.target is not None)

    def received(self, device):
        """Bytes that the device received."""
        return sum(s.nbytes for s in self.spans if s.target == device)

    def rows(self):
        """The timeline as a table: a dict of equally long lists, for figures and widgets (times in seconds)."""
        return {name: [getattr(s, name) for s in self.spans] for name in Span._fields}
