"""The protocol that every engine speaks.

A parallel program is one function that every rank runs with a `Comm` of its own (single program, many data). An engine
gives `rank`, `size` and one primitive, `exchange`; everything else follows from it and from the schedules of
`collectives`, so that the arithmetic, and the order in which numbers are added, is the same on every engine:

    def program(comm):
        a = np.full(4, float(comm.rank))
        comm.all_reduce(a)                      # in place: every rank now holds the sum, bitwise the same
        return a

The order of calls must be the same on all ranks of a communicator, as with MPI.
"""

import numpy as np

from ...errors import DataError, EdfError
from .. import collectives
from ..errors import RankFailed


class Comm:
    """What one rank sees of the others.

    Attributes
    ----------
    rank : int from 0 to size - 1, which one this is
    size : int, how many there are
    backend : "numpy", "cupy" or a simulated device: where this rank's graphs keep their arrays (`Graph(backend=...)`)
    groups : tuple of tuples of ranks, those of each machine
    """

    rank, size, backend, groups = 0, 1, "numpy", None

    def exchange(self, sends, receives):
        """Send and receive several arrays at once. Messages of one pair of ranks arrive in the order of sending.

        Parameters
        ----------
        sends : list of (target, array); arrays may be reused once this returns
        receives : list of (source, array), contiguous, filled in place with what that source sends, of equal size and
            dtype

        Raises
        ------
        RankFailed : another rank failed, died, or did not answer in time.
        """
        raise NotImplementedError(f"{type(self).__name__} gives no exchange.")

    def exchange_round(self, sends, receives):
        """`exchange` where every rank receives in this call what others send in theirs, as in a round of a schedule.

        An engine that needs no copies then, overrides it.
        """
        self.exchange(sends, receives)

    def check_exchange(self, sends, receives):
        """Refuse ranks that do not exist, and what is no contiguous array: DataError. Every engine calls it first."""
        for verb, pairs in (("sends to", sends), ("receives from", receives)):
            for other, array in pairs:
                need_array(f"exchange: rank {self.rank} {verb} rank {other}", array)
                if not 0 <= other < self.size:
                    raise DataError(
                        f"Rank {self.rank} {verb} rank {other}; there are {self.size} ranks, 0 to {self.size - 1}."
                    )
                if not array.flags.c_contiguous:
                    raise DataError(
                        f"Rank {self.rank} {verb} rank {other} an array of shape {array.shape} that is not contiguous; "
                        "copy it first, with numpy.ascontiguousarray(...), or send its transpose."
                    )

    def check_message(self, array, size, dtype, source):
        """Refuse a message of another length or type than the array that is to receive it: DataError."""
        if (array.size, array.dtype) != (size, dtype):
            raise DataError(
                f"Rank {self.rank} receives {array.size} entries of {array.dtype} from rank {source}, which sent "
                f"{size} of {dtype}: all ranks must make the same calls with arrays of the same length and dtype."
            )

    def empty(self, size, dtype):
        """A flat array where this rank computes, to receive into."""
        device = self.backend
        xp = np if device == "numpy" else device.xp if hasattr(device, "xp") else _cupy()
        return xp.empty(size, dtype)

    def to_device(self, array):
        """A copy of a NumPy array where this rank computes."""
        if hasattr(self.backend, "receive"):
            return self.backend.receive(array)
        return array.copy() if self.backend == "numpy" else _cupy().asarray(array)

    # Point to point

    def send(self, array, target):
        """Send an array to another rank."""
        need_array("send", array)
        self.exchange([(target, array)], [])

    def receive(self, array, source):
        """Fill `array` with what another rank sends; returns it."""
        need_array("receive", array)
        self.exchange([], [(source, array)])
        return array

    # Collectives: each in place on a contiguous array, each returns it

    def carry_out(self, schedule, array):
        """This rank's share of a schedule, on its array (schedule.size entries in all)."""
        need_array("carry_out", array)
        flat = self._flat(array, schedule.size)
        arriving = [[m for m in messages if m.target == self.rank] for messages in schedule.rounds]
        spare = self.empty(max((sum(m.size for m in mine if m.add) for mine in arriving), default=0), flat.dtype)
        for messages, mine in zip(schedule.rounds, arriving, strict=True):
            sends = [(m.target, flat[m.start : m.stop]) for m in messages if m.source == self.rank]
            parts, used = [], 0
            for m in mine:
                parts.append(spare[used : used + m.size] if m.add else flat[m.start : m.stop])
                used += m.size if m.add else 0
            if not sends and not mine:
                continue
            self.exchange_round(sends, [(m.source, part) for m, part in zip(mine, parts, strict=True)])
            for m, part in zip(mine, parts, strict=True):
                if m.add:
                    flat[m.start : m.stop] += part
        return array

    def all_reduce(self, array, algorithm="ring"):
        """The sum over ranks, in place, bitwise the same on all of them.

        algorithm : one of `collectives.ALL_REDUCE`, with the same bits on every engine; or "native", the engine's own,
            which may add in another order
        """
        need_array("all_reduce", array)
        if algorithm == "native":
            return self.native_all_reduce(array)
        return self.carry_out(collectives.all_reduce(algorithm, self.size, array.size, self.groups), array)

    def native_all_reduce(self, array):
        """The engine's own sum; where it has none, the parameter server's: in the order of ranks."""
        need_array("native_all_reduce", array)
        return self.all_reduce(array, "parameter server")

    def broadcast(self, array, root=0):
        """All ranks end with the root's array."""
        need_array("broadcast", array)
        return self.carry_out(collectives.broadcast(self.size, array.size, root), array)

    def reduce(self, array, root=0):
        """The root ends with the sum; the other ranks' arrays hold partial sums."""
        need_array("reduce", array)
        return self.carry_out(collectives.reduce(self.size, array.size, root), array)

    def reduce_scatter(self, array, lengths=None):
        """This rank's part of the sum (a view of `array`, whose other entries hold partial sums).

        lengths : how many entries of the flat array each rank gets; default: as equal as they can be
        """
        need_array("reduce_scatter", array)
        parts = self._parts(array, lengths)
        self.carry_out(collectives.reduce_scatter(self.size, array.size, parts), array)
        return self._flat(array, array.size)[slice(*parts[self.rank])]

    def all_gather(self, array, lengths=None):
        """Rank k starts with the k-th part of the flat array, all end with the whole of it."""
        need_array("all_gather", array)
        return self.carry_out(collectives.all_gather(self.size, array.size, self._parts(array, lengths)), array)

    def barrier(self):
        """Return when every rank has come here."""
        token = self.empty(1, "float64")
        token[...] = 0.0
        self.all_reduce(token, "tree")

    # Groups

    def split(self, color):
        """A communicator among the ranks that give the same color, in the order of their ranks."""
        colors = self.empty(self.size, "float64")
        colors[self.rank] = color
        self.all_gather(colors, [1] * self.size)
        chosen = [k for k in range(self.size) if float(colors[k]) == color]
        return self.subset(chosen)

    def subset(self, ranks):
        """A communicator among the given ranks, of which this is one. No communication."""
        if self.rank not in ranks or len(set(ranks)) < len(ranks):
            raise DataError(f"subset: ranks {list(ranks)} must be distinct and hold this rank, {self.rank}.")
        return SubComm(self, tuple(ranks))

    def _parts(self, array, lengths):
        if lengths is None:
            return collectives.equal_parts(array.size, self.size)
        if len(lengths) != self.size or sum(lengths) != array.size:
            raise DataError(
                f"lengths {list(lengths)} must be {self.size} numbers, one for each rank, that sum to the array's "
                f"{array.size} entries."
            )
        return collectives.parts_of(lengths)

    def _flat(self, array, size):
        if not array.flags.c_contiguous or array.size != size:
            raise DataError(
                f"A collective needs a contiguous array of {size} entries; this one has shape {array.shape}."
            )
        return array.reshape(-1)

    def __repr__(self):
        return f"<{type(self).__name__}, rank {self.rank} of {self.size}>"


def need_array(call, array):
    """Refuse what cannot be changed in place, such as a number or a list: DataError. Returns the array.

    NumPy's own numbers have an array's attributes, but what is written into them is lost.
    """
    if isinstance(array, np.generic) or not all(hasattr(array, name) for name in ("flags", "dtype", "reshape")):
        raise DataError(
            f"{call}: an array is needed, such as np.array([3.0]), and it is changed in place; this is "
            f"{type(array).__name__} {_short(array)}."
        )
    return array


def _short(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _cupy():
    from ...backend import Backend

    return Backend("cupy").xp


class SubComm(Comm):
    """Some ranks of another communicator, numbered anew."""

    def __init__(self, parent, ranks):
        self.parent, self.ranks = parent, ranks
        self.rank, self.size, self.backend = ranks.index(parent.rank), len(ranks), parent.backend
        if parent.groups is not None:
            machines = (tuple(ranks.index(k) for k in group if k in ranks) for group in parent.groups)
            self.groups = tuple(machine for machine in machines if machine)

    def exchange(self, sends, receives):
        self.check_exchange(sends, receives)
        self.parent.exchange(*self._in_parent(sends, receives))

    def exchange_round(self, sends, receives):
        self.parent.exchange_round(*self._in_parent(sends, receives))

    def _in_parent(self, *lists):
        return ([(self.ranks[other], array) for other, array in pairs] for pairs in lists)


class Alone(Comm):
    """The communicator of a single rank: what every program can be tried with."""

    def exchange(self, sends, receives):
        if sends or receives:
            raise DataError("A single rank has nobody to send to or to receive from.")


# What went wrong, and where: `rank` and `reason` of a RankFailed are those of the rank on which it began


def sentence(error):
    """An error in one line, with its kind unless it is one of ours."""
    return str(error) if isinstance(error, EdfError) else f"{type(error).__name__}: {error}"


def cannot_go_on(me, rank, reason):
    """The error of a rank that was told that another one failed."""
    error = RankFailed(f"Rank {me} cannot go on, because rank {rank} failed: {reason}")
    error.rank, error.reason = rank, reason
    return error


def has_ended(me, rank):
    """The error of a rank that waits for one that has returned."""
    return RankFailed(f"Rank {me} waits for rank {rank}, which has ended: the ranks do not make the same calls.")


def no_answer(me, ranks, timeout):
    """The error of a rank that has waited too long."""
    names = " and ".join(f"rank {k}" for k in ranks)
    return RankFailed(f"Rank {me} has waited {timeout:g} s for {names} without an answer.")


def began_on(error, rank):
    """The rank on which an error of `rank` began: itself, unless it was told of another."""
    known = getattr(error, "rank", None)
    return rank if known is None else known
