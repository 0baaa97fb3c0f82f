"""Ranks as processes with a GPU each: NVIDIA's NCCL through CuPy (`cupyx.distributed`). Linux only.

The sends and receives of an exchange form one NCCL group, so that none of them waits for another. They are queued on
the current CUDA stream, in order with the arithmetic before and after; only `barrier` waits for them.

There are no mailboxes: on the GPU, a send waits until it is received. What goes both ways belongs into one exchange;
ranks that all send first and receive afterwards, each in a call of its own, wait for ever. The collectives do not.

Two ranks cannot share a GPU. A rank that dies leaves the others' GPUs waiting, which NCCL does not tell them: `launch`
ends them. The ranks find each other at a TCP port of rank 0's machine; use it in a trusted network only.

Sources: docs.cupy.dev, cupyx.distributed.NCCLBackend and init_process_group; NCCL's user guide, "Group Calls" and
"Point-to-point communication".
"""

import numpy as np

from ...backend import Backend
from ...errors import DataError, MissingExtra
from .base import Comm, need_array

PORT = 13333  # CuPy's default


class NcclComm(Comm):
    """One GPU's view; made by `launch(..., engine="nccl")`, or in a process of one's own.

    Parameters
    ----------
    rank, size : int
    host, port : where rank 0 listens while the ranks find each other
    device : int, the GPU of this rank; default: the ranks of a machine in turn
    groups : tuple of tuples of ranks, those of each machine

    Raises
    ------
    MissingExtra : CuPy is not installed.
    DataError : there are fewer GPUs than ranks, or CuPy finds no NCCL.
    """

    backend = "cupy"

    def __init__(self, rank, size, host="127.0.0.1", port=PORT, device=None, groups=None):
        self.rank, self.size, self.groups = rank, size, groups
        self._xp = Backend("cupy").xp
        self._xp.cuda.Device(self._device(device)).use()
        self._calls = self._xp.cuda.nccl
        self._nccl = _nccl_backend(self._calls)(size, rank, host, port)

    def _device(self, device):
        present = self._xp.cuda.runtime.getDeviceCount()
        device = self.rank if device is None else device
        if not 0 <= device < present:
            raise DataError(
                f"Rank {self.rank} needs GPU {device}, but this machine has {present}: NCCL wants one for each rank. "
                "Take fewer ranks, or engine='shm' for ranks on the processor."
            )
        return device

    def exchange(self, sends, receives):
        self.check_exchange(sends, receives)
        self._calls.groupStart()
        try:
            for target, array in sends:
                if array.size:
                    self._nccl.send(array, target)
            for source, array in receives:
                if array.size:
                    self._nccl.recv(array, source)
        finally:
            self._calls.groupEnd()

    def native_all_reduce(self, array):
        """NCCL's own sum, in place: the same bits on all ranks, but which bits depends on how NCCL chooses to add."""
        self._flat(need_array("native_all_reduce", array), array.size)
        if array.size:
            self._nccl.all_reduce(array, array)
        return array

    def barrier(self):
        """Return when every rank has come here and its GPU has done all that was asked of it."""
        self.native_all_reduce(self._xp.zeros(1, np.float32))
        self._xp.cuda.get_current_stream().synchronize()


def _nccl_backend(calls):
    if not calls.available:
        raise DataError(
            "CuPy finds no NCCL. It is part of Linux installations of CuPy's wheels with CUDA's: run "
            "python -m pip install nvidia-nccl-cu13 (nvidia-nccl-cu12 for CUDA 12)."
        )
    try:
        from cupyx.distributed import NCCLBackend
    except ImportError as error:
        raise MissingExtra("The engine nccl", "CuPy", "gpu13") from error
    return NCCLBackend
