"""Ranks as processes of MPI, on one machine or many: mpi4py, with buffers and never with pickles.

    mpiexec -n 4 edf train --comm mpi

An exchange is one `Irecv` for each array that is received and one `Isend` for each that is sent. The tag of a message
is its dtype, so that a receiver sees when the other side sent something else. Waiting is a loop of `Testall` that gives
the processor up between two looks: with more ranks than cores, the one that is waited for can then work.

A rank that fails prints its sentence and aborts all others (`MPI_Abort`): MPI has no way to go on without it.

Sources: MPI 4.1, sections 3.7 (nonblocking), 9.5 (Abort); mpi4py's manual, "Communication of buffer-like objects".
"""

import os
import re
import sys
from pathlib import Path
from time import monotonic, sleep

import numpy as np

from ...backend import Backend
from ...errors import DataError, MissingExtra
from ..errors import RankFailed
from .base import Comm, cannot_go_on, has_ended, need_array, no_answer, sentence

DTYPES = "?bBhHiIlLqQefdgFDG"  # a message's tag is the place of its dtype's character here
SPINS = 2000  # looks, about a microsecond each, before a waiting rank sleeps between two of them
NAP = 50e-6  # seconds
SETTLE = 1.0  # seconds until what others have sent or done, before they ended, is seen here
STARTED_BY = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MSMPI_RANK")  # what mpiexec of several MPIs sets


def rank_given():
    """The rank, as text, that mpiexec (or srun) gave this process; None where neither has started it."""
    return next((os.environ[name] for name in STARTED_BY if name in os.environ), None)


def started():
    """Whether this process was started by mpiexec (or srun)."""
    return rank_given() is not None


def _mpi():
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py is there and no MPI library
        raise MissingExtra("The engine mpi", "mpi4py with an MPI library such as mpich", "mpi") from error
    return MPI


class MpiComm(Comm):
    """One process's view of all that mpiexec has started.

    Parameters
    ----------
    world : mpi4py communicator; default: all ranks
    backend : "numpy"; or "cupy": arrays on a GPU, which go through the host's memory
    timeout : float, the longest wait for another rank, in seconds

    Attributes
    ----------
    groups : the ranks of each machine, as MPI finds them
    """

    def __init__(self, world=None, backend="numpy", timeout=600.0):
        self._MPI = _mpi()
        self._world = (world or self._MPI.COMM_WORLD).Dup()
        self._notes = self._world.Dup()  # here a rank tells that it has ended
        self._pending, self._ended = [], set()
        self.rank, self.size, self.timeout, self.backend = self._world.rank, self._world.size, timeout, backend
        self._xp = Backend("cupy").xp if backend == "cupy" else np
        self.groups = self._machines()

    def _machines(self):
        """The ranks of each machine: those that could share memory."""
        node = self._world.Split_type(self._MPI.COMM_TYPE_SHARED)
        first = np.array([self.rank])
        node.Bcast(first, root=0)
        firsts = np.empty(self.size, first.dtype)
        self._world.Allgather(first, firsts)
        node.Free()
        return tuple(tuple(np.flatnonzero(firsts == k).tolist()) for k in dict.fromkeys(firsts.tolist()))

    # The primitive

    def exchange(self, sends, receives):
        self.check_exchange(sends, receives)
        self._reap()
        posted = self._post(receives)
        for target, array in sends:  # copies: nobody needs to wait for those who receive
            self._pending.append(self._send(target, array, copy=True))
        self._complete(posted, receives)

    def exchange_round(self, sends, receives):
        self.check_exchange(sends, receives)
        posted = self._post(receives)
        outgoing = [self._send(target, array, copy=False) for target, array in sends]
        self._complete(posted, receives)
        self._finish([request for request, _ in outgoing], None, [target for target, _ in sends])

    def _post(self, receives):
        """Requests for what is to come, and the memory on the host that it comes to."""
        hosts = [self._host_buffer(array) for _, array in receives]
        requests = [
            self._world.Irecv(self._bytes(host), source, self._MPI.ANY_TAG)
            for (source, _), host in zip(receives, hosts, strict=True)
        ]
        return requests, hosts

    def _complete(self, posted, receives):
        requests, hosts = posted
        statuses = [self._MPI.Status() for _ in requests]
        self._finish(requests, statuses, [source for source, _ in receives])
        for (source, array), host, status in zip(receives, hosts, statuses, strict=True):
            dtype = np.dtype(DTYPES[status.Get_tag()])
            self.check_message(array, status.Get_count(self._MPI.BYTE) // dtype.itemsize, dtype, source)
            if host is not array:
                array.set(host)

    def _send(self, target, array, copy):
        """The request of a message, and the memory that must stay as it is until it is done."""
        host = array.get() if self._xp is not np else array.copy() if copy else array
        return self._world.Isend(self._bytes(host), target, DTYPES.index(array.dtype.char)), host

    def _host_buffer(self, array):
        return array if self._xp is np else np.empty(array.shape, array.dtype)

    def _bytes(self, array):
        return [array.reshape(-1).view(np.uint8), self._MPI.BYTE]

    def _reap(self):
        """Forget the copies that have arrived."""
        self._pending = [(request, host) for request, host in self._pending if not request.Test()]

    def _finish(self, requests, statuses, peers):
        """Wait for all requests. Raises RankFailed where a peer has ended, or does not answer in time."""
        until, lost, looks = monotonic() + self.timeout, None, 0
        while not self._done(requests, statuses, peers):
            looks += 1
            if looks < SPINS:
                os.sched_yield() if hasattr(os, "sched_yield") else sleep(0)
                continue
            sleep(NAP)
            now = monotonic()
            if lost is None and self._listen() & set(peers):
                lost = now + SETTLE
            if lost is not None and now > lost:
                raise has_ended(self.rank, min(self._ended & set(peers)))
            if now > until:
                raise no_answer(self.rank, sorted(set(peers)), self.timeout)

    def _done(self, requests, statuses, peers):
        try:
            return self._MPI.Request.Testall(requests, statuses)
        except self._MPI.Exception as error:
            failed = [(s.Get_error(), k) for s, k in zip(statuses or (), peers, strict=False) if s.Get_error()]
            raise self._told(error, failed) from error

    def _told(self, error, failed):
        """An error of the MPI library in our words; failed : list of (code, rank)."""
        for code, rank in failed:
            if self._MPI.Get_error_class(code) == self._MPI.ERR_TRUNCATE:
                return DataError(
                    f"Rank {self.rank} receives something longer than its array from rank {rank}: all ranks must make "
                    "the same calls with arrays of the same length and dtype."
                )
        sleep(SETTLE)  # where a process has died, mpiexec knows more, and ends this one meanwhile
        if failed:
            return cannot_go_on(self.rank, failed[0][1], "its process died, or the connection to it is lost")
        return RankFailed(f"Rank {self.rank} cannot go on, because MPI failed: {error}")

    # The end

    def _listen(self):
        """The ranks that have told that they ended."""
        status = self._MPI.Status()
        while self._notes.Iprobe(status=status):
            self._notes.Recv([np.empty(0, np.uint8), self._MPI.BYTE], status.source)
            self._ended.add(status.source)
        return self._ended

    def tell_all(self):
        """Tell the other ranks that this one has ended, once all that it sent is on its way."""
        self._finish([request for request, _ in self._pending], None, range(self.size))
        nothing = [np.empty(0, np.uint8), self._MPI.BYTE]
        self._farewell = [self._notes.Isend(nothing, k) for k in range(self.size) if k != self.rank]

    # The native sum

    def native_all_reduce(self, array):
        """The MPI library's own.

        That all ranks get the same bits is recommended by the standard (MPI 4.1, section 6.9.1), not required.
        """
        self._flat(need_array("native_all_reduce", array), array.size)
        host = array.get() if self._xp is not np else array
        self._finish([self._world.Iallreduce(self._MPI.IN_PLACE, host, self._MPI.SUM)], None, range(self.size))
        if host is not array:
            array.set(host)
        return array


def segments():
    """MPICH's files of shared memory in this process (Linux); when it is aborted, it leaves them behind."""
    maps = Path("/proc/self/maps")
    return sorted(set(re.findall(r"/dev/shm/mpich\S*", maps.read_text()))) if maps.exists() else []


def run(program, *args, tell=None, **options):
    """Run program(comm, *args) on this rank, in a process that mpiexec has started; return what it returns.

    Where it raises, all ranks are aborted, with exit code 1.

    Parameters
    ----------
    tell : function of the rank and the error, called before; default: the sentence goes to stderr
    options : of `MpiComm`
    """
    MPI = _mpi()
    try:
        comm = MpiComm(**options)
        found = program(comm, *args)
        comm.tell_all()
        return found
    except BaseException as error:
        (tell or _print_failure)(MPI.COMM_WORLD.rank, error)
        sys.stdout.flush()
        for path in segments():
            Path(path).unlink(missing_ok=True)
        MPI.COMM_WORLD.Abort(1)
        os._exit(1)  # where Abort comes back, nothing more is to be said


def _print_failure(rank, error):
    print(f"Rank {rank} failed: {sentence(error)}", file=sys.stderr, flush=True)
