"""Ranks as threads of one process: for values on simulated devices, for tests, and to look inside.

Arrays are copied on their way, as between real devices; a rank that fails makes the others fail with its reason.
"""

import queue
import threading
from contextlib import contextmanager
from math import inf
from time import monotonic

from ...errors import DataError
from .base import Comm, began_on, cannot_go_on, has_ended, no_answer, sentence

LOOK = 0.05  # seconds between two looks at whether somebody failed
GRACE = 10.0  # seconds for the ranks to come to an end by themselves after Ctrl-C
PATIENCE = 3.0  # seconds for the ranks to notice that another one has failed


class LocalComm(Comm):
    """One thread's view; made by `run`."""

    def __init__(self, rank, shared, backend="numpy", groups=None, timeout=600.0):
        self.rank, self.size, self.backend, self.groups, self.timeout = rank, shared.size, backend, groups, timeout
        self._shared = shared

    interrupted = property(lambda self: self._shared.interrupted)

    @contextmanager
    def ends_by_itself(self):
        """Inside, Ctrl-C sets `interrupted`, which this rank looks at; elsewhere the next exchange raises."""
        with self._shared.lock:
            self._shared.heedful += 1
        try:
            yield
        finally:
            with self._shared.lock:
                self._shared.heedful -= 1

    def exchange(self, sends, receives):
        self.check_exchange(sends, receives)
        self._shared.check_stopped()
        for target, array in sends:
            self._shared.mail[self.rank, target].put(array.copy())
        for source, array in receives:
            found = self._wait(source)
            self.check_message(array, found.size, found.dtype, source)
            found = found.reshape(array.shape)
            array[...] = self.backend.receive(found) if hasattr(self.backend, "receive") else found

    def _wait(self, source):
        until, mail = monotonic() + self.timeout, self._shared.mail[source, self.rank]
        while True:
            ended, failed = self._shared.ended[source], self._shared.failed[:1]
            try:
                return mail.get(timeout=LOOK)
            except queue.Empty:
                self._shared.check_stopped()
                if failed:
                    rank, error = failed[0]
                    raise cannot_go_on(self.rank, rank, sentence(error)) from None
                if ended:
                    raise has_ended(self.rank, source) from None
                if monotonic() > until:
                    raise no_answer(self.rank, [source], self.timeout) from None


class _Shared:
    def __init__(self, size):
        self.size, self.failed, self.lock = size, [], threading.Lock()
        self.interrupted, self.stopped, self.heedful = False, False, 0  # heedful : ranks within `ends_by_itself`
        self.mail = {(a, b): queue.SimpleQueue() for a in range(size) for b in range(size)}
        self.ended, self.over = [False] * size, threading.Event()

    def check_stopped(self):
        if self.stopped:
            raise KeyboardInterrupt


def run(program, N, *args, devices=None, groups=None, timeout=600.0):
    """Run program(comm, *args) on N ranks, each a thread; return the list of what they return.

    Parameters
    ----------
    devices : list of N simulated devices with different labels, where the ranks compute; default: all on the host
    groups : tuple of tuples of ranks, those of each machine
    timeout : float, the longest that a rank waits for another one, in seconds

    Raises
    ------
    DataError : the devices are not N, or two of them have the same label.
    Whatever the first rank to fail raises; the error's `rank` says which that was.
    """
    check_devices(devices, N)
    shared, results = _Shared(N), [None] * N

    def work(rank):
        comm = LocalComm(rank, shared, devices[rank] if devices else "numpy", groups, timeout)
        try:
            results[rank] = program(comm, *args)
        except BaseException as error:  # told to the others, raised again below
            shared.failed.append((rank, error))
        finally:
            shared.ended[rank] = True
            if all(shared.ended):
                shared.over.set()

    def start():
        for rank in range(N):
            try:
                threading.Thread(target=work, args=(rank,), name=f"rank {rank}", daemon=True).start()
            except RuntimeError as error:  # the system gives no more threads
                shared.failed.append((rank, error))

    _wait_for_all(shared, start)
    if shared.failed:
        rank, error = shared.failed[0]
        error.rank = began_on(error, rank)
        raise error
    return results


def check_devices(devices, N):
    """Refuse devices that are not one for each rank, or that messages could not tell apart."""
    if devices is None:
        return
    if len(devices) != N:
        raise DataError(f"run: devices are {len(devices)} for {N} ranks; one for each is needed.")
    labels = [device.label for device in devices if hasattr(device, "label")]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice:
        raise DataError(
            f"run: {labels.count(twice)} of the devices are {twice!r}; each rank needs one of its own, with an index "
            "of its own: [SimDevice('GTX Titan', k) for k in range(N)]."
        )


def _wait_for_all(shared, start):
    """Start all ranks, in a thread of its own, so that Ctrl-C never comes between two of them; then wait.

    That is until all have ended, or one has failed and the others had time to notice: a thread cannot be killed.

    After Ctrl-C their next exchange raises KeyboardInterrupt; where a rank `ends_by_itself`, all have GRACE seconds to
    do so before. (Not by `Thread.join`, which takes a thread for ended when Ctrl-C interrupts it, up to Python 3.12.)
    """
    until = inf
    try:
        threading.Thread(target=start, daemon=True).start()
        while not shared.over.wait(0.2) and monotonic() < until:
            until = min(until, monotonic() + PATIENCE) if shared.failed else until
    except KeyboardInterrupt:
        shared.interrupted = True
        at_once = shared.stopped = not shared.heedful
        try:
            in_time = shared.over.wait(PATIENCE if at_once else GRACE)
        finally:  # another Ctrl-C, too
            shared.stopped = True
        if at_once or not in_time:
            raise
