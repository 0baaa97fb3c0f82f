"""Large read-only arrays in sealed shared memory, so that a fork need not copy the table of their pages."""

import ctypes
import mmap
import os

import numpy as np

ALIGN = 64


def in_shared_memory(arrays):
    """Copies of the arrays (a dict) in one sealed piece of shared memory; the arrays themselves where there is none.

    The kernel refuses every change to it from then on, by whoever holds it.
    """
    if not hasattr(os, "memfd_create") or not arrays:
        return arrays
    import fcntl  # not on Windows

    places, size = {}, 0
    for name, array in arrays.items():
        places[name] = size
        size += -(-array.nbytes // ALIGN) * ALIGN
    descriptor = os.memfd_create("arrays", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        with mmap.mmap(descriptor, size) as whole:
            for name, array in arrays.items():
                whole[places[name] : places[name] + array.nbytes] = memoryview(np.ascontiguousarray(array)).cast("B")
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        whole = _mapped(descriptor, size)
    finally:
        os.close(descriptor)
    found = {}
    for name, array in arrays.items():
        found[name] = np.frombuffer(whole, array.dtype, array.size, places[name]).reshape(array.shape)
        found[name].flags.writeable = False
    return found


def _mapped(descriptor, size):
    """The file in memory, to be read, for as long as this process lives; mmap.mmap would keep a descriptor open."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    place = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if place in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "the arrays cannot be put into shared memory")
    return (ctypes.c_uint8 * size).from_address(place)


def share_mnist():
    """Load MNIST, put its arrays into shared memory, and give them by the names under which both sides know them."""
    from edfcore.data import load_mnist

    mnist = load_mnist()
    names = ("train_images", "train_labels", "test_images", "test_labels")
    shared = in_shared_memory({name: getattr(mnist, name) for name in names})
    for name, array in shared.items():
        object.__setattr__(mnist, name, array)  # load_mnist gives this very object to everybody
    return {f"mnist.{name}": array for name, array in shared.items()}
