"""Collective communication: who sends which part to whom, in which order.

Each algorithm is a `Schedule`: rounds of messages. The same schedule is carried out on arrays (`execute`, all ranks at
once; `Comm.all_reduce`, each rank for itself), costed by the clock (`Program.collective`), and counted (`traffic`).
With S bytes, N ranks, alpha seconds a message and beta bytes a second and direction of each rank's link:

    algorithm           seconds                                        bytes sent by a rank
    ring                2 (N-1) (alpha + S / (N beta))                 2 (N-1)/N S
    tree                2 ceil(log2 N) (alpha + S / beta)              up to ceil(log2 N) S
                        (other N than powers of two: at most this)
    halving-doubling    2 log2(N) alpha + 2 (N-1)/N S / beta           2 (N-1)/N S          (N a power of two)
    parameter server    N alpha + 2 (N-1) S / beta                     S, and receives S; the server (N-1) S each way

The order in which contributions are added belongs to the schedule, and every entry is finished on one rank before it is
copied to the others: all ranks end bitwise equal.

Sources: Patarasuk & Yuan 2009, sections 3-4 (ring); Thakur, Rabenseifner & Gropp 2005, sections 4.1-4.5 (binomial tree,
recursive halving and doubling, ranks beyond a power of two); Li et al. 2014 (parameter server); S4 slides 54 and 55.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2
from numbers import Integral

from ..errors import DataError


@dataclass(frozen=True)
class Message:
    """Entries start to stop of the source's array go to the target, which adds them to its own or replaces them."""

    source: int
    target: int
    start: int
    stop: int
    add: bool

    size = property(lambda self: self.stop - self.start)


@dataclass(frozen=True)
class Schedule:
    """Rounds of messages among N ranks that each hold an array of `size` entries.

    All messages of a round leave before any of them arrives; what a rank receives in one round it can send in the next.
    `parts` says which entries (start, stop) each rank owns where the collective leaves or takes a part each.
    """

    name: str
    N: int
    size: int
    rounds: tuple[tuple[Message, ...], ...]
    parts: tuple[tuple[int, int], ...] = ()

    def __iter__(self):
        return (message for messages in self.rounds for message in messages)

    def traffic(self):
        """Entries sent and received: two lists with a number for each rank."""
        sent, received = [0] * self.N, [0] * self.N
        for message in self:
            sent[message.source] += message.size
            received[message.target] += message.size
        return sent, received

    def then(self, other):
        """This schedule and another one after it."""
        return Schedule(self.name, self.N, self.size, self.rounds + other.rounds, self.parts)

    def among(self, ranks, N):
        """The same schedule, carried out by the given ones of N ranks."""
        rounds = (
            tuple(Message(ranks[m.source], ranks[m.target], m.start, m.stop, m.add) for m in messages)
            for messages in self.rounds
        )
        return Schedule(self.name, N, self.size, tuple(rounds), self.parts)

    def shifted(self, start):
        """The same schedule for entries that lie `start` further on."""
        rounds = (
            tuple(Message(m.source, m.target, m.start + start, m.stop + start, m.add) for m in messages)
            for messages in self.rounds
        )
        parts = tuple((a + start, b + start) for a, b in self.parts)
        return Schedule(self.name, self.N, self.size, tuple(rounds), parts)


def side_by_side(schedules):
    """Schedules of disjoint ranks, or of disjoint entries, that run at the same time: round k of all together."""
    first, length = schedules[0], max(len(s.rounds) for s in schedules)
    rounds = (tuple(m for s in schedules if k < len(s.rounds) for m in s.rounds[k]) for k in range(length))
    return Schedule(first.name, first.N, first.size, tuple(rounds))


def equal_parts(size, N):
    """(start, stop) of N parts whose lengths differ by at most one; some are empty where size < N.

    >>> equal_parts(10, 4)
    ((0, 2), (2, 5), (5, 7), (7, 10))
    """
    bounds = [k * size // N for k in range(N + 1)]
    return tuple(pairwise(bounds))


def parts_of(lengths):
    """(start, stop) of parts of the given lengths, one after another."""
    bounds = [0]
    for length in lengths:
        bounds.append(bounds[-1] + length)
    return tuple(pairwise(bounds))


def _round(messages):
    return tuple(m for m in messages if m.size)


def _schedule(name, N, size, rounds, parts=()):
    return Schedule(name, N, size, tuple(r for r in map(_round, rounds) if r), tuple(parts))


# Ring


def reduce_scatter(N, size, parts=None):
    """Ring: rank k ends with part k of the sum; the other parts of its array hold partial sums.

    N - 1 rounds; in round t rank k passes on part k - t - 1, to which every rank on the way adds its own.
    """
    parts = equal_parts(size, N) if parts is None else parts
    rounds = [[Message(k, (k + 1) % N, *parts[(k - t - 1) % N], add=True) for k in range(N)] for t in range(N - 1)]
    return _schedule("reduce-scatter", N, size, rounds, parts)


def all_gather(N, size, parts=None):
    """Ring: rank k starts with part k; all end with all parts. N - 1 rounds."""
    parts = equal_parts(size, N) if parts is None else parts
    rounds = [[Message(k, (k + 1) % N, *parts[(k - t) % N], add=False) for k in range(N)] for t in range(N - 1)]
    return _schedule("all-gather", N, size, rounds, parts)


def ring(N, size):
    """All-reduce by a ring: reduce-scatter, then all-gather. Each rank sends 2 (N-1)/N of its array."""
    return _named("ring", reduce_scatter(N, size).then(all_gather(N, size)))


# Tree


def reduce(N, size, root=0):
    """Binomial tree: the root ends with the sum, in ceil(log2 N) rounds."""
    rounds = [
        [Message((k + reach + root) % N, (k + root) % N, 0, size, add=True) for k in range(0, N - reach, 2 * reach)]
        for reach in _reaches(N)
    ]
    return _schedule("reduce", N, size, rounds)


def broadcast(N, size, root=0):
    """Binomial tree: all end with the root's array, in ceil(log2 N) rounds."""
    rounds = [
        [Message((k + root) % N, (k + reach + root) % N, 0, size, add=False) for k in range(0, N - reach, 2 * reach)]
        for reach in reversed(_reaches(N))
    ]
    return _schedule("broadcast", N, size, rounds)


def _reaches(N):
    return [2**k for k in range(ceil(log2(N)))] if N > 1 else []


def tree(N, size):
    """All-reduce by a binomial tree: reduce to rank 0, then broadcast. Few rounds, each with the whole array."""
    return _named("tree", reduce(N, size).then(broadcast(N, size)))


# Recursive halving and doubling


def halving_doubling(N, size):
    """All-reduce by recursive halving (of the entries) and doubling back: 2 log2 N rounds, 2 (N-1)/N of the array.

    Ranks beyond the largest power of two first give their array to a partner and get the result from it at the end.
    """
    P = 2 ** (N.bit_length() - 1)
    extra = N - P
    before = [[Message(P + k, k, 0, size, add=True) for k in range(extra)]]
    after = [[Message(k, P + k, 0, size, add=False) for k in range(extra)]]
    parts, halving, doubling = equal_parts(size, P), [], []
    reach = P // 2
    while reach:
        halve, double = [], []
        for k in range(P):
            partner = k ^ reach
            first = (partner // reach) * reach  # the partner keeps the parts first to first + reach - 1
            mine = (k // reach) * reach
            halve.append(Message(k, partner, parts[first][0], parts[first + reach - 1][1], add=True))
            double.append(Message(k, partner, parts[mine][0], parts[mine + reach - 1][1], add=False))
        halving.append(halve)
        doubling.insert(0, double)
        reach //= 2
    return _schedule("halving-doubling", N, size, before + halving + doubling + after)


# Parameter server


def parameter_server(N, size, server=0):
    """All workers send their array to the server, which adds them in the order of ranks and sends the sum back."""
    workers = [k for k in range(N) if k != server]
    push = [Message(k, server, 0, size, add=True) for k in workers]
    pull = [Message(server, k, 0, size, add=False) for k in workers]
    return _schedule("parameter server", N, size, [push, pull])


# Two levels


def hierarchical(N, size, groups=None):
    """Within each machine first, among machines then, so that the slow links carry each entry once for a machine.

    Groups of one length: reduce-scatter within, a ring among the ranks that hold the same part, all-gather within.
    Groups of different lengths: reduce to the group's first rank, a ring among these, broadcast within.

    Parameters
    ----------
    groups : sequence of sequences of ranks, such as those of a machine; each rank once. Default: one group
    """
    groups = [list(range(N))] if groups is None else [list(g) for g in groups]
    if sorted(k for g in groups for k in g) != list(range(N)):
        raise DataError(f"hierarchical: groups {groups} must hold each of the ranks 0 to {N - 1} exactly once.")
    length = len(groups[0])
    if all(len(g) == length for g in groups):
        parts = equal_parts(size, length)
        within = side_by_side([reduce_scatter(length, size, parts).among(g, N) for g in groups])
        rings = [
            ring(len(groups), stop - start).shifted(start).among([g[k] for g in groups], N)
            for k, (start, stop) in enumerate(parts)
        ]
        back = side_by_side([all_gather(length, size, parts).among(g, N) for g in groups])
        found = within.then(side_by_side(rings)).then(back)
    else:
        gathered = side_by_side([reduce(len(g), size).among(g, N) for g in groups])
        among = ring(len(groups), size).among([g[0] for g in groups], N)
        found = gathered.then(among).then(side_by_side([broadcast(len(g), size).among(g, N) for g in groups]))
    return Schedule("hierarchical", N, size, found.rounds)


def _named(name, schedule):
    return Schedule(name, schedule.N, schedule.size, schedule.rounds)


ALL_REDUCE = {
    "ring": ring,
    "tree": tree,
    "halving-doubling": halving_doubling,
    "parameter server": parameter_server,
    "hierarchical": hierarchical,
}


def all_reduce(algorithm, N, size, groups=None):
    """The schedule of an all-reduce.

    Parameters
    ----------
    algorithm : "ring", "tree", "halving-doubling", "parameter server" or "hierarchical"
    N : int of at least 1, ranks
    size : int of at least 0, entries of each rank's array
    groups : for "hierarchical": the ranks of each machine

    Raises
    ------
    DataError : an unknown algorithm, or numbers that cannot be right.
    """
    if algorithm not in ALL_REDUCE:
        raise DataError(f"all_reduce: there is no algorithm {algorithm!r}; there are {', '.join(ALL_REDUCE)}.")
    for name, value, least in (("N", N, 1), ("size", size, 0)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise DataError(f"all_reduce: {name} is {value!r}; a whole number of at least {least} is needed.")
    return hierarchical(N, size, groups) if algorithm == "hierarchical" else ALL_REDUCE[algorithm](N, size)


def execute(schedule, buffers):
    """Carry a schedule out in place on one flat array for each rank.

    Parameters
    ----------
    buffers : list of N arrays (size,), one for each rank; those of simulated devices send copies to each other

    Returns
    -------
    buffers

    Raises
    ------
    DataError : the number of arrays, or the length of one, is not the schedule's.
    """
    if len(buffers) != schedule.N or any(b.shape != (schedule.size,) for b in buffers):
        raise DataError(
            f"execute: {schedule.name} needs {schedule.N} arrays of shape ({schedule.size},); the arrays given have "
            f"shapes {[b.shape for b in buffers]}."
        )
    for messages in schedule.rounds:
        sent = [_moved(buffers[m.source][m.start : m.stop], buffers[m.target]) for m in messages]
        for m, part in zip(messages, sent, strict=True):
            if m.add:
                buffers[m.target][m.start : m.stop] += part
            else:
                buffers[m.target][m.start : m.stop] = part
    return buffers


def _moved(part, target):
    """A copy of `part` where `target` lives."""
    device = getattr(target, "device", None)
    return device.receive(part) if hasattr(device, "receive") else part.copy()


def seconds(algorithm, N, nbytes, alpha, beta):
    """The closed form: how long an all-reduce takes where every rank has a link of its own, each way.

    Parameters
    ----------
    nbytes : bytes of each rank's array, S
    alpha : seconds for each message
    beta : bytes per second and direction of each rank's link

    Returns
    -------
    float, seconds; reduction arithmetic is left out. Exact where all ranks start together and, for the tree, N is a
    power of two; for other N the tree takes at most this

    Raises
    ------
    DataError : there is no closed form for the algorithm, or not for this N.
    """
    if N == 1:
        return 0.0
    if algorithm == "ring":
        return 2 * (N - 1) * (alpha + nbytes / N / beta)
    if algorithm == "tree":
        return 2 * ceil(log2(N)) * (alpha + nbytes / beta)
    if algorithm == "halving-doubling" and N & (N - 1) == 0:
        return 2 * log2(N) * alpha + 2 * (N - 1) / N * nbytes / beta
    if algorithm == "parameter server":
        return N * alpha + 2 * (N - 1) * nbytes / beta  # all push at once, the server answers one after another
    raise DataError(f"seconds: no closed form for {algorithm!r} among {N} ranks; let the clock run its schedule.")
