"""Cutting a data set into minibatches (S0, "Minibatch Training Loop for MNIST")."""

import numpy as np

from ..errors import DataError


def batches(*arrays, B, rng=None):
    """Minibatches of parallel arrays; the last one is short where B does not divide their length.

    Parameters
    ----------
    *arrays : arrays of equal length N, e.g. images (N, 784) and labels (N,)
    B : int, at least 1
    rng : numpy.random.Generator, optional; with it the instances come in a new random order, without it in
        the order they are stored (and as views, not copies)

    Yields
    ------
    tuples of arrays, one batch of each; together the batches hold every instance once

    Raises
    ------
    DataError : B is not a positive integer, rng no generator, or the arrays differ in length or are empty.

    Examples
    --------
    >>> [x.tolist() for (x,) in batches(np.arange(5), B=2)]
    [[0, 1], [2, 3], [4]]
    """
    lengths = [len(a) for a in arrays]
    if isinstance(B, bool) or not isinstance(B, (int, np.integer)) or B < 1:
        raise DataError(f"batches: the batch size B is {B!r}; a whole number of at least 1 is needed.")
    if len(set(lengths)) != 1 or lengths[0] == 0:
        raise DataError(f"batches: the arrays have lengths {lengths}; equal lengths of at least 1 are needed.")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise DataError(f"batches: rng is {rng!r}; pass a generator such as numpy.random.default_rng(0).")
    return _cut(arrays, B, None if rng is None else rng.permutation(lengths[0]))


def _cut(arrays, B, order):
    for k in range(0, len(arrays[0]), B):
        chosen = slice(k, k + B) if order is None else order[k : k + B]
        yield tuple(a[chosen] for a in arrays)
