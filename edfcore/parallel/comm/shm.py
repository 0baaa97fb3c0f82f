"""Ranks as processes of one machine: arrays through shared memory, signals through pipes. Standard library only.

One shared segment holds, for every ordered pair of ranks, a mailbox of SLOTS slots, and two tables for the native sum.
A message travels in pieces: the sender fills a slot and says so through the pair's pipe; the receiver copies it out and
gives the slot back the same way. There are no locks that a killed process could hold: a dead peer is the end of a pipe.

    sender      slot <- piece         pipe: "piece in slot s"
    receiver    array <- slot         pipe: "s is free"

A rank that waits takes in whatever arrives from anybody, and keeps what nobody has asked for yet. So it does not matter
who sends and who receives first, as with unlimited mailboxes.
"""

import json
import struct
from collections import deque
from dataclasses import dataclass
from multiprocessing import connection, shared_memory
from time import monotonic

import numpy as np

from ...errors import DataError
from ..collectives import equal_parts
from .base import Comm, began_on, cannot_go_on, has_ended, need_array, no_answer, sentence

SLOTS = 4  # pieces of one pair that may be under way: bounded, so that writing to a pipe never blocks
INLINE = 512  # bytes; what is this small travels in the pipe (its buffer holds at least 8 KiB everywhere)
MEMORY = 32 * 2**20  # bytes of the whole segment at most: containers often give /dev/shm 64 MiB
PIECE = 256 * 1024  # bytes of a slot at most
HEADER = struct.Struct("<cBQQ8s")  # kind, slot or number of slots, bytes of the piece, bytes of the message, dtype
IN_PIPE = 255


@dataclass(frozen=True)
class Layout:
    """Where things lie in the segment of N ranks: N (N-1) mailboxes, then two tables with a row for each rank."""

    N: int

    @property
    def piece(self):
        """Bytes of a slot, and a quarter of a table's row: as many as fit into MEMORY, a multiple of 4 KiB."""
        slots = SLOTS * self.N * (self.N - 1) + 2 * SLOTS * self.N
        return max(4096, min(PIECE, MEMORY // slots // 4096 * 4096))

    row = property(lambda self: SLOTS * self.piece)
    nbytes = property(lambda self: self.row * self.N * (self.N + 1))

    def box(self, memory, source, target):
        """The mailbox of a pair: array (SLOTS, piece) of bytes."""
        start = (source * (self.N - 1) + target - (target > source)) * self.row
        return memory[start : start + self.row].reshape(SLOTS, self.piece)

    def tables(self, memory):
        """Array (2, N, row) of bytes."""
        return memory[self.row * self.N * (self.N - 1) :].reshape(2, self.N, self.row)


class Wiring:
    """The segment and the pipes among N ranks; made by the process that starts them.

    Raises
    ------
    DataError : the system gives no shared memory.
    """

    def __init__(self, N, context):
        self.N = N
        self.ends = [{} for _ in range(N)]
        for a in range(N):
            for b in range(a):
                self.ends[a][b], self.ends[b][a] = context.Pipe()
        self.segment = None
        if N > 1:
            try:
                self.segment = shared_memory.SharedMemory(create=True, size=Layout(N).nbytes)
            except OSError as error:
                raise DataError(
                    f"The system gives no {Layout(N).nbytes:,} bytes of shared memory ({error.strerror}); "
                    "take fewer ranks, or engine='local'."
                ) from error

    def of(self, rank):
        """What the process of a rank needs, for `ShmComm.attach`."""
        return rank, self.N, self.ends[rank], self.segment and self.segment.name

    def let_go(self):
        """Close this process's ends of the pipes, once all ranks are started: now the death of a rank is seen."""
        for ends in self.ends:
            for end in ends.values():
                end.close()
        self.ends = []

    def unlink(self):
        """Remove the segment's name. The ranks that have it open keep it, and nothing can be left behind."""
        if self.segment:
            self.segment.unlink()
            self.segment.close()
            self.segment = None


class _Peer:
    """What one rank knows of another one."""

    def __init__(self, rank, pipe, outbox, inbox):
        self.rank, self.pipe, self.outbox, self.inbox = rank, pipe, outbox, inbox
        self.free, self.next, self.taken = (
            SLOTS,
            0,
            0,
        )  # slots to write to, the next one, those read and not yet given back
        self.to_send, self.wanted, self.kept = deque(), deque(), deque()
        self.partial = None  # the message that is arriving: [bytes, dtype, bytes so far, whether it is kept]
        self.gone = None  # why nothing more will come: "ended", or the number and the reason of the rank that failed

    busy = property(lambda self: bool(self.to_send or self.wanted))


class ShmComm(Comm):
    """One process's view; made by `launch`.

    Parameters
    ----------
    rank, size : int
    pipes : dict from each other rank to this rank's end of the pipe to it
    segment : SharedMemory with the layout of `Layout(size)`; None for a single rank
    timeout : float, the longest wait for another rank that lives but does not answer, in seconds
    groups : tuple of tuples of ranks, those of each machine
    """

    def __init__(self, rank, size, pipes, segment, timeout=600.0, groups=None):
        self.rank, self.size, self.groups, self.timeout = rank, size, groups, timeout
        self._segment, self._peers, self._own, self._turn, self._tables = segment, {}, deque(), 0, None
        if segment:
            layout, memory = Layout(size), np.frombuffer(segment.buf, np.uint8)
            self._tables = layout.tables(memory[: layout.nbytes])
            self._peers = {
                k: _Peer(k, pipe, layout.box(memory, rank, k), layout.box(memory, k, rank)) for k, pipe in pipes.items()
            }

    @classmethod
    def attach(cls, wiring, **options):
        """The communicator of a rank, in its own process, from `Wiring.of`."""
        rank, size, pipes, name = wiring
        return cls(rank, size, pipes, shared_memory.SharedMemory(name) if name else None, **options)

    # The primitive

    def exchange(self, sends, receives):
        self.check_exchange(sends, receives)
        for target, array in sends:
            if target == self.rank:
                self._own.append((_bytes(array).copy(), array.dtype))
            else:
                self._peers[target].to_send.append([_bytes(array), array.dtype, 0])
        for source, array in receives:
            if source == self.rank:
                self._deliver(array, *self._own_message())
            else:
                self._peers[source].wanted.append(array)
        try:
            self._carry()
        finally:  # after an error nothing may be written into the caller's arrays
            for peer in self._peers.values():
                peer.to_send.clear()
                peer.wanted.clear()

    def _own_message(self):
        if not self._own:
            raise DataError(f"Rank {self.rank} receives from itself what it has not sent.")
        return self._own.popleft()

    def _carry(self):
        """Send and take in until nothing is left to do."""
        until = monotonic() + self.timeout
        while True:
            for peer in self._peers.values():
                self._push(peer)
                while peer.wanted and peer.kept:
                    self._deliver(peer.wanted.popleft(), *peer.kept.popleft())
            waiting = [peer for peer in self._peers.values() if peer.busy]
            if not waiting:
                return
            for peer in waiting:
                if peer.gone:
                    raise self._lost(peer)
            pipes = {peer.pipe: peer for peer in self._peers.values() if not peer.gone}
            ready = connection.wait(list(pipes), timeout=max(0.0, until - monotonic()))
            if not ready:
                raise no_answer(self.rank, [peer.rank for peer in waiting], self.timeout)
            for pipe in ready:
                self._take(pipes[pipe])
            until = monotonic() + self.timeout

    def _push(self, peer):
        """As many pieces as there are free slots."""
        while peer.to_send and peer.free and not peer.gone:
            data, dtype, done = message = peer.to_send[0]
            inline = data.size <= INLINE
            piece = data[done : done + (INLINE if inline else peer.outbox.shape[1])]
            slot = IN_PIPE if inline else peer.next
            if not inline:
                peer.outbox[slot, : piece.size] = piece
                peer.next = (slot + 1) % SLOTS
            header = HEADER.pack(b"P", slot, piece.size, data.size, dtype.str.encode())
            self._tell(peer, header + piece.tobytes() if inline else header)
            peer.free -= 1
            message[2] += piece.size
            if message[2] == data.size:
                peer.to_send.popleft()
        if peer.gone == "ended":
            peer.to_send.clear()  # it left without asking for it, as nobody need

    def _tell(self, peer, text):
        try:
            peer.pipe.send_bytes(text)
        except OSError:  # the other end is closed; what it said before, if anything, is still to be read
            while not peer.gone:
                self._take(peer)

    def _take(self, peer):
        """One message from a pipe."""
        try:
            text = peer.pipe.recv_bytes()
        except (EOFError, OSError):
            peer.gone = peer.rank, "its process died"
            return
        kind, slot, nbytes, total, dtype = HEADER.unpack_from(text)
        if kind == b"P":
            content = (
                peer.inbox[slot, :nbytes] if slot != IN_PIPE else np.frombuffer(text, np.uint8, nbytes, HEADER.size)
            )
            self._piece(peer, content, total, np.dtype(dtype.rstrip(b"\0").decode()))
        elif kind == b"A":
            peer.free += slot
        elif kind == b"E":
            peer.gone = "ended"
        else:
            peer.gone = tuple(json.loads(text[HEADER.size :]))
            raise self._lost(peer)

    def _piece(self, peer, content, total, dtype):
        if peer.partial is None:
            direct = bool(peer.wanted) and not peer.kept
            buffer = (
                self._fitting(peer.wanted.popleft(), total, dtype, peer.rank) if direct else np.empty(total, np.uint8)
            )
            peer.partial = [buffer, dtype, 0, not direct]
            if direct:  # stays wanted until the last piece is here
                peer.wanted.appendleft(buffer)
        buffer, dtype, done, keep = peer.partial
        buffer[done : done + content.size] = content
        peer.partial[2] += content.size
        peer.taken += 1
        if 2 * peer.taken >= SLOTS:
            given, peer.taken = peer.taken, 0
            self._tell(peer, HEADER.pack(b"A", given, 0, 0, b""))
        if peer.partial[2] == total:
            peer.partial = None
            if keep:
                peer.kept.append((buffer, dtype))
            else:
                peer.wanted.popleft()

    def _deliver(self, array, data, dtype, source=None):
        self._fitting(array, data.size, dtype, self.rank if source is None else source)[...] = data

    def _fitting(self, array, nbytes, dtype, source):
        """The bytes of an array that is to receive. Raises DataError where the message is another one."""
        self.check_message(array, nbytes // dtype.itemsize, dtype, source)
        return _bytes(array)

    def _lost(self, peer):
        return has_ended(self.rank, peer.rank) if peer.gone == "ended" else cannot_go_on(self.rank, *peer.gone)

    # The end

    def tell_all(self, error=None):
        """Tell the other ranks that this one has ended, or with which error it failed."""
        text = HEADER.pack(b"E" if error is None else b"F", 0, 0, 0, b"")
        if error is not None:
            reason = getattr(error, "reason", None) or sentence(error)
            text += json.dumps([began_on(error, self.rank), reason[:400]]).encode()
        for peer in self._peers.values():
            try:
                peer.pipe.send_bytes(text)
            except OSError:
                pass  # it is gone already

    def close(self):
        """Give the memory back; the communicator is of no use afterwards."""
        self._peers, self._tables = {}, None
        if self._segment:
            self._segment.close()
            self._segment = None

    # The native sum

    def native_all_reduce(self, array):
        """Each rank sums one part over all ranks, in the order of ranks, in shared memory; then all copy all parts.

        The order is that of "parameter server", so the bits are the same. Two tables take turns: whoever writes into
        the one knows that everybody has read the other.
        """
        flat = self._flat(need_array("native_all_reduce", array), array.size)
        entries = Layout(self.size).row // array.itemsize if self.size > 1 else 1
        for start in range(0, flat.size if self.size > 1 else 0, entries):
            piece = flat[start : start + entries]
            rows = self._tables[self._turn, :, : piece.nbytes].view(flat.dtype)
            parts = equal_parts(piece.size, self.size)
            rows[self.rank] = piece
            self._meet()
            mine = slice(*parts[self.rank])
            total = rows[0, mine].copy()
            for row in rows[1:]:
                total += row[mine]
            rows[self.rank, mine] = total
            self._meet()
            for row, part in zip(rows, parts, strict=True):
                piece[slice(*part)] = row[slice(*part)]
            self._turn = 1 - self._turn
        return array

    def _meet(self):
        """Wait for everybody, by an empty message from each to each."""
        nothing = np.empty(0, np.uint8)
        others = [(k, nothing) for k in self._peers]
        self.exchange(others, others)


def _bytes(array):
    return array.reshape(-1).view(np.uint8)
