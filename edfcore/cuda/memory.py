"""Arrays whose every access is told to a model: global ones at addresses of a device, shared ones of a block.

What goes wrong on a device without a word is a finding here: an index out of range, a negative one (numba lets it
count from the end, CUDA C reads before the array), shared memory that is read before it is written, and races.
"""

from operator import index as whole

import numpy as np

from .kernel import KernelError

ALIGNMENT = 256  # bytes: what an allocation starts at (CUDA C++ Programming Guide, "Device Memory Accesses")


class Addresses:
    """Where arrays lie on the device: each allocation at a multiple of 256 bytes, its views inside it."""

    def __init__(self):
        self.next, self.starts, self.held = ALIGNMENT, {}, []

    def of(self, array):
        """The address of the first entry of a NumPy array, bytes."""
        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        low, high = np.lib.array_utils.byte_bounds(base)
        if low not in self.starts:
            self.starts[low] = self.next
            self.next += -(-(high - low) // ALIGNMENT) * ALIGNMENT
            self.held.append(base)
        return self.starts[low] + array.__array_interface__["data"][0] - low


class Array:
    """An array as a kernel sees it: indexing, shape, size, dtype.

    Parameters
    ----------
    model : told of each access
    data : the NumPy array
    address : int; of the first entry
    space : "global" or "shared"
    written : array of bool of the same shape, for shared memory: which entries hold something
    """

    def __init__(self, model, data, address, space, written=None):
        self.model, self.data, self.address, self.space, self.written = model, data, address, space, written
        self.shape, self.ndim, self.dtype, self.size = data.shape, data.ndim, data.dtype, data.size
        self.strides, self.itemsize = data.strides, data.itemsize

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        where = self.locate(index, "load")
        if where is None:
            return self.dtype.type(0)
        if isinstance(where, Array):
            return where
        if self.written is not None and not self.written[where]:
            self.model.findings.unwritten(where)
        return self.data[where]

    def __setitem__(self, index, value):
        where = self.locate(index, "store")
        if isinstance(where, Array):
            raise KernelError(
                f"{self.model.findings.here()}: a whole slice is assigned; a thread stores one entry at a time."
            )
        if where is not None:
            self.put(where, value)

    def put(self, where, value):
        """Write one entry, without telling the model."""
        self.data[where] = value
        if self.written is not None:
            self.written[where] = True

    def locate(self, index, kind):
        """Tell the model of an access.

        Gives the index, counted from the front; None where it is out of range; an Array where it selects a view.
        """
        index = index if isinstance(index, tuple) else (index,)
        if len(index) < self.ndim or any(isinstance(i, slice) for i in index):
            return self.view(index)
        if len(index) > self.ndim:
            raise KernelError(f"{self.model.findings.here()}: {len(index)} indices for an array of {self.ndim} axes.")
        try:
            index = tuple([whole(i) for i in index])
        except TypeError:
            raise KernelError(f"{self.model.findings.here()}: an index is no whole number: {index}.") from None
        address = self.address
        for i, size, stride in zip(index, self.shape, self.strides, strict=True):
            if not -size <= i < size:
                return self.model.findings.out_of_range(self, index, kind)
            address += (i if i >= 0 else i + size) * stride
        self.model.access(self, kind, address, index)
        if min(index) < 0:
            self.model.findings.negative(index)
            return tuple([i % size for i, size in zip(index, self.shape, strict=True)])
        return index

    def view(self, index):
        """The part that slices or fewer indices select; no access yet."""
        try:
            data = self.data[index]
        except IndexError:
            return self.model.findings.out_of_range(self, index, "load")
        pointer = [a.__array_interface__["data"][0] for a in (data, self.data)]
        written = None if self.written is None else self.written[index]
        return Array(self.model, data, self.address + pointer[0] - pointer[1], self.space, written)


class Hazards:
    """Finds two agents that touch one entry, one of them writing, with nothing that orders them.

    Agents are the threads of a block between two barriers, or the blocks of a launch. They run one after the other
    here, so the first to touch an entry in each way is all that need be kept: were it the agent that comes back, all
    others came later, and met its record. Atomic updates are ordered among themselves.
    """

    AGAINST = {"load": ("store", "atomic"), "store": ("store", "atomic", "load"), "atomic": ("store", "load")}

    def __init__(self):
        self.first = {"load": {}, "store": {}, "atomic": {}}

    def touch(self, entry, agent, kind, spot):
        """Note an access; gives an earlier one that it races with, (agent, kind, spot), or None.

        Parameters
        ----------
        entry : what is touched; hashable
        agent : who touches it
        kind : "load", "store" or "atomic"
        spot : kept for the message
        """
        self.first[kind].setdefault(entry, (agent, kind, spot))
        for other in self.AGAINST[kind]:
            found = self.first[other].get(entry)
            if found and found[0] != agent:
                return found
        return None
