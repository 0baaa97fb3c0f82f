"""Who sends how much: any communicator, with a note of what passes through it."""

from .base import Comm, SubComm, need_array


class Recorded(Comm):
    """A communicator that notes what passes through it; collectives go by the schedules, whatever the engine has.

    Attributes
    ----------
    calls : list of (name, bytes): each collective that this rank joined, in order, and the size of its array
    sent : list of (target, bytes): each message that this rank sent
    """

    def __init__(self, comm, calls=None, sent=None):
        self.comm, self.calls, self.sent = comm, [] if calls is None else calls, [] if sent is None else sent
        self.rank, self.size, self.backend, self.groups = comm.rank, comm.size, comm.backend, comm.groups

    def exchange(self, sends, receives):
        self.check_exchange(sends, receives)
        self.sent += [(target, array.nbytes) for target, array in sends]
        self.comm.exchange(sends, receives)

    def all_reduce(self, array, algorithm="ring"):
        self.calls.append(("all_reduce", need_array("all_reduce", array).nbytes))
        return super().all_reduce(array, algorithm)

    def broadcast(self, array, root=0):
        self.calls.append(("broadcast", need_array("broadcast", array).nbytes))
        return super().broadcast(array, root)

    def reduce(self, array, root=0):
        self.calls.append(("reduce", need_array("reduce", array).nbytes))
        return super().reduce(array, root)

    def reduce_scatter(self, array, lengths=None):
        self.calls.append(("reduce_scatter", need_array("reduce_scatter", array).nbytes))
        return super().reduce_scatter(array, lengths)

    def all_gather(self, array, lengths=None):
        self.calls.append(("all_gather", need_array("all_gather", array).nbytes))
        return super().all_gather(array, lengths)

    def subset(self, ranks):
        """A communicator among the given ranks, noted in the same lists."""
        return Recorded(SubComm(self.comm, tuple(ranks)), self.calls, self.sent)
