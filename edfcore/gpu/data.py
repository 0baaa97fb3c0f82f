"""Data that stays on the GPU: loaded once, shuffled there, cut into batches that are views.

    x, y = to_device(mnist.train_images, mnist.train_labels)      # 188 MB of float32 for MNIST's training images
    for images, labels in batches(x, y, B=100, rng=rng):
        net.step(optimizer, images, labels)

A batch from the host costs a copy over the bus in every step; kept here, an epoch costs one copy of its order, 8 bytes
an instance, and one gathering of the rows.
"""

from functools import cache

import numpy as np

from ..backend import cupy
from ..data.batching import batches as host_batches
from ..data.mnist import Mnist
from ..data.mnist import load as load_on_host

__all__ = ["batches", "load_mnist", "to_device"]


def to_device(*arrays):
    """The arrays on the current GPU, C-contiguous, as a list; those that are there already stay."""
    return [cupy().ascontiguousarray(array) for array in arrays]


def load_mnist(dtype="float32"):
    """MNIST on the current GPU; a second call for the same GPU gives the same arrays.

    Parameters
    ----------
    dtype : "float32" (220 MB) or "float64"

    Returns
    -------
    data.mnist.Mnist, its arrays on the GPU

    Raises
    ------
    DataError : as data.load_mnist.
    """
    return _load(cupy(), cupy().cuda.runtime.getDevice(), str(np.dtype(dtype)))


@cache
def _load(xp, index, dtype):
    host = load_on_host(dtype)
    parts = (host.train_images, host.train_labels, host.test_images, host.test_labels)
    return Mnist(*to_device(*parts))


def batches(*arrays, B, rng=None):
    """`data.batches` for arrays on the GPU: the same batches in the same order for the same rng, and nothing waits.

    Parameters
    ----------
    *arrays : CuPy arrays of equal length
    B : int of at least 1
    rng : numpy.random.Generator, optional; without it, the order in which the instances are stored

    Yields
    ------
    tuples of views: of the arrays, or of copies in the epoch's order, which are gone with the epoch

    Raises
    ------
    DataError : as data.batches.
    """
    if rng is None:
        return host_batches(*arrays, B=B)
    host_batches(*arrays, B=B, rng=np.random.default_rng(0))  # its checks of the arguments
    return _shuffled(arrays, B, rng)


def _shuffled(arrays, B, rng):
    order = cupy().asarray(rng.permutation(len(arrays[0])))
    return host_batches(*(cupy().take(array, order, axis=0) for array in arrays), B=B)
