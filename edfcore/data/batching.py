"""Cutting a data set into minibatches (S0, "Minibatch Training Loop for MNIST"; S4, page 39, "Shuffling").

`batches` cuts arrays. A `Sampler` chooses indices, and its state can be saved in the middle of an epoch:

    SequentialSampler       0, 1, 2, ...
    ShuffledSampler         a random permutation for each epoch
    ClassBalancedSampler    P(class of the instance = k) = 1/K for each of the K classes
    ErrorWeightedSampler    p[i] ~ (loss[i] + floor)^alpha, importance weight w[i] = 1 / (N p[i])

With i drawn from p, E(w[i] g[i]) = sum_i p[i] g[i] / (N p[i]) = 1/N sum_i g[i]: the weighted gradient is unbiased.
"""

import hashlib
from copy import deepcopy

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, ShapeError


@catalogued("batches", source="S0, 'Minibatch Training Loop for MNIST'; S4, page 39; torch.utils.data.DataLoader")
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
    whole_number(B, "batches: the batch size B")
    try:
        lengths = [a.shape[0] for a in arrays]
    except (AttributeError, IndexError, TypeError):
        kinds = ", ".join(type(a).__name__ for a in arrays)
        raise DataError(f"batches: arrays with a first axis are needed, but these were given: {kinds}.") from None
    if len(set(lengths)) != 1 or lengths[0] == 0:
        raise DataError(f"batches: the arrays have lengths {lengths}; equal lengths of at least 1 are needed.")
    if rng is not None:
        generator(rng, "batches")
    return _cut(arrays, B, None if rng is None else rng.permutation(lengths[0]))


def _cut(arrays, B, order):
    for k in range(0, len(arrays[0]), B):
        chosen = slice(k, k + B) if order is None else order[k : k + B]
        yield tuple(a[chosen] for a in arrays)


def whole_number(value, what, least=1):
    """`value` as an int. Raises DataError where it is something else than a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise DataError(f"{what} is {value!r}; a whole number of at least {least} is needed.")
    return int(value)


def generator(rng, who):
    """`rng`. Raises DataError where it is no numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{who}: rng is {rng!r}; pass a generator such as numpy.random.default_rng(0).")
    return rng


def numbers(value, what):
    """`value` as an array of finite real numbers, of the dtype it has. Raises DataError where it is none."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{what} is not an array of numbers: {error}.") from None
    if array.dtype.kind not in "iufb":
        raise DataError(f"{what} has dtype {array.dtype}; real numbers are needed, without text or None among them.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
        raise DataError(f"{what} is {array[tuple(where)]} at index {where}; every entry must be finite.")
    return array


class Sampler:
    """Index arrays for the batches of one epoch after another, with a state that can be saved between any two.

    A subclass gives `_order()`, the indices (N,) of one epoch. The state holds the generator's state from the epoch's
    start, so that the order is drawn again rather than stored, and its state of now, so that a generator
    which others draw from too goes on where it was.

    Parameters
    ----------
    N : int, the number of instances
    B : int, the batch size; the last batch of an epoch is short where B does not divide N
    rng : numpy.random.Generator; the sampler draws from it and `load_state_dict` sets it

    Attributes
    ----------
    epochs : int, how many epochs are complete
    batch : int, how many batches of the current epoch were handed out
    """

    def __init__(self, N, B, rng=None):
        who = type(self).__name__
        self.N, self.B = whole_number(N, f"{who}: N"), whole_number(B, f"{who}: the batch size B")
        self.rng = rng
        self.epochs = self.batch = 0
        self._plan = self._start = None

    def __len__(self):
        """How many batches an epoch has."""
        return -(-self.N // self.B)

    def epoch(self):
        """What remains of the current epoch: index arrays (n,) with n = B, or less for the last.

        Yields
        ------
        arrays of int, shape (n,). After the last one, `epochs` is one more. A loop that was left early, or a
        sampler whose state was loaded, goes on with the batch that comes next.
        """
        now = self.epochs
        while self.epochs == now and self.batch < len(self):
            self._begin()
            indices = self._draw(slice(self.batch * self.B, min((self.batch + 1) * self.B, self.N)))
            self.batch += 1
            yield indices
        if self.epochs == now:
            self.epochs, self.batch, self._plan, self._start = now + 1, 0, None, None

    def _begin(self):
        if self._plan is None:
            self._start = self._generator_state()
            self._plan = self._order()

    def _draw(self, part):
        return self._plan[part]

    def _order(self):
        raise NotImplementedError

    def _generator_state(self):
        return None if self.rng is None else plain(self.rng.bit_generator.state)

    def state_dict(self):
        """All that decides the batches to come, in numbers, text, lists and dicts (so json can write it)."""
        state = {"sampler": type(self).__name__, "N": self.N, "B": self.B, "epochs": self.epochs, "batch": self.batch}
        return state | {"epoch_rng": deepcopy(self._start), "rng": self._generator_state()}

    def load_state_dict(self, state):
        """Go on from a state: the batches that follow are those that would have followed when it was saved.

        Parameters
        ----------
        state : dict, from `state_dict` of a sampler of the same class, N and B, and a generator of the same kind

        Raises
        ------
        DataError, ShapeError : the state is another sampler's or damaged; this sampler is then unchanged.
        """
        who = f"{type(self).__name__}.load_state_dict"
        self._check(state, who)
        if state["epoch_rng"] is not None:
            self.rng.bit_generator.state = restored(state["epoch_rng"])
        self.epochs, self.batch, self._plan, self._start = state["epochs"], state["batch"], None, None
        if self.batch:
            self._begin()
        if self.rng is not None:
            self.rng.bit_generator.state = restored(state["rng"])

    def _check(self, state, who):
        expected = self.state_dict()
        if not isinstance(state, dict) or state.keys() != expected.keys():
            found = sorted(state, key=str) if isinstance(state, dict) else type(state).__name__
            raise DataError(f"{who}: a dict with the keys {sorted(expected)} is needed, not {found}.")
        for key in ("sampler", "N", "B"):
            if type(state[key]) is not type(expected[key]) or state[key] != expected[key]:
                raise DataError(f"{who}: the state has {key} = {state[key]!r}, this sampler {expected[key]!r}.")
        whole_number(state["epochs"], f"{who}: epochs", least=0)
        if whole_number(state["batch"], f"{who}: batch", least=0) > len(self):
            raise DataError(f"{who}: batch is {state['batch']}, but an epoch has {len(self)} batches.")
        if self.rng is None:
            if state["rng"] is not None or state["epoch_rng"] is not None:
                raise DataError(f"{who}: the state holds a generator's state, but this sampler draws nothing.")
            return
        if (state["epoch_rng"] is None) != (state["batch"] == 0):
            raise DataError(f"{who}: epoch_rng belongs to an epoch that was begun, but batch is {state['batch']}.")
        for key in ("rng", "epoch_rng"):
            if key == "rng" or state[key] is not None:
                check_generator_state(self.rng, state[key], f"{who}: {key}")


def plain(value):
    """A generator's state as numbers, text, lists and dicts."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def restored(value):
    """`plain` undone: lists become the arrays that bit generators take."""
    if isinstance(value, dict):
        return {key: restored(entry) for key, entry in value.items()}
    return np.array(value, np.uint64) if isinstance(value, list) else value


def check_generator_state(rng, state, what):
    """Raises DataError where `state` does not fit the generator's kind; the generator is left alone."""
    kind = type(rng.bit_generator).__name__
    found = state.get("bit_generator") if isinstance(state, dict) else state
    if not isinstance(found, str) or found != kind:
        raise DataError(f"{what} is the state of {found!r}; this sampler's generator is a {kind}.")
    try:
        trial = type(rng.bit_generator)(0)
        trial.state = restored(state)
        if plain(trial.state) != plain(state):
            raise ValueError("it does not come back as it was")
    except (KeyError, ValueError, TypeError, OverflowError, IndexError) as error:
        raise DataError(f"{what} is no state of a {kind}: {error}.") from None


@catalogued("batches", source="torch.utils.data.SequentialSampler")
class SequentialSampler(Sampler):
    """The instances in the order in which they are stored, for evaluation: batch k is k B, ..., k B + B - 1.

    Parameters
    ----------
    N : int, the number of instances
    B : int, the batch size; the last batch of an epoch is short where B does not divide N

    Raises
    ------
    DataError : N or B is not a positive integer.

    Examples
    --------
    >>> [indices.tolist() for indices in SequentialSampler(N=5, B=2).epoch()]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, N, B):
        super().__init__(N, B)

    def _order(self):
        return np.arange(self.N)


@catalogued("batches", source="S4, page 39; torch.utils.data.RandomSampler")
class ShuffledSampler(Sampler):
    """A random permutation of the instances for each epoch; every instance comes once in an epoch.

    Parameters
    ----------
    N : int, the number of instances
    B : int, the batch size; the last batch of an epoch is short where B does not divide N
    rng : numpy.random.Generator

    Raises
    ------
    DataError : N or B is not a positive integer, or rng is no generator.

    Examples
    --------
    Stop in mid-epoch, save, and go on in another process:

    >>> sampler = ShuffledSampler(N=100, B=30, rng=np.random.default_rng(0))
    >>> epoch = sampler.epoch()
    >>> first, state, second = next(epoch), sampler.state_dict(), next(epoch)
    >>> other = ShuffledSampler(N=100, B=30, rng=np.random.default_rng())
    >>> other.load_state_dict(state)
    >>> bool((next(other.epoch()) == second).all())
    True
    """

    def __init__(self, N, B, rng):
        super().__init__(N, B, generator(rng, type(self).__name__))

    def _order(self):
        return self.rng.permutation(self.N)


@catalogued("batches", source="S4, page 39; Shen, Lin & Huang 2016 (1512.05830), class-aware sampling")
class ClassBalancedSampler(Sampler):
    """Every class equally often, however rare it is in the data.

    A batch of n instances holds floor(n / K) of each of the K classes, and one more of n mod K classes drawn anew
    for each batch: exactly n / K of each where K divides n. Within a class the instances come in random
    order, and again only after all others of the class (so rare classes repeat, frequent ones are not all seen).
    An epoch is N instances, as many as the data has; within a batch the order is random.

    Parameters
    ----------
    labels : array (N,) of int, the class of each instance
    B : int, the batch size; the last batch of an epoch is short where B does not divide N
    rng : numpy.random.Generator

    Raises
    ------
    DataError : labels are not integers or empty, B is not a positive integer, or rng is no generator.
    ShapeError : labels have not the axis b alone.

    Examples
    --------
    >>> labels = np.array([0] * 90 + [1] * 10)
    >>> sampler = ClassBalancedSampler(labels, B=20, rng=np.random.default_rng(0))
    >>> [np.bincount(labels[indices]).tolist() for indices in sampler.epoch()]
    [[10, 10], [10, 10], [10, 10], [10, 10], [10, 10]]
    """

    def __init__(self, labels, B, rng):
        labels = numbers(labels, "ClassBalancedSampler: labels")
        if labels.ndim != 1:
            raise ShapeError(f"ClassBalancedSampler: labels need the axis b alone but have shape {labels.shape}.")
        if labels.dtype.kind not in "iu":
            raise DataError(f"ClassBalancedSampler: labels must be integers, not {labels.dtype}.")
        super().__init__(len(labels), B, generator(rng, type(self).__name__))
        _, self._class = np.unique(labels, return_inverse=True)
        self._members = np.split(np.argsort(self._class, kind="stable"), np.cumsum(np.bincount(self._class))[:-1])

    def _order(self):
        K = len(self._members)
        classes = np.concatenate([self._classes(min(self.B, self.N - k), K) for k in range(0, self.N, self.B)])
        order = np.empty(self.N, np.intp)
        for k, members in enumerate(self._members):
            places = np.flatnonzero(classes == k)
            rounds = [self.rng.permutation(members) for _ in range(-(-len(places) // len(members)))]
            order[places] = np.concatenate([members[:0], *rounds])[: len(places)]
        return order

    def _classes(self, n, K):
        extra = self.rng.permutation(K)[: n % K]
        return self.rng.permutation(np.concatenate([np.repeat(np.arange(K), n // K), extra]))

    def state_dict(self):
        """As `Sampler.state_dict`; the labels are not part of it, a hash of them is."""
        return super().state_dict() | {"labels": fingerprint(self._class)}

    def _check(self, state, who):
        super()._check(state, who)
        if not isinstance(state["labels"], str) or state["labels"] != fingerprint(self._class):
            raise DataError(f"{who}: the state was saved with other labels than this sampler has.")


def fingerprint(array):
    """A short text that tells arrays of integers apart."""
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<i8")).hexdigest()[:16]


@catalogued("batches", source="S4, page 39; Schaul et al. 2016 (1511.05952), eq. 1; Alain et al. 2015 (1511.06481)")
class ErrorWeightedSampler(Sampler):
    """Instances that produce a large error more often, with weights that keep the gradient unbiased.

        p[i] = (loss[i] + floor)^alpha / sum_k (loss[k] + floor)^alpha,      w[i] = 1 / (N p[i])

    Instances are drawn with replacement, N in an epoch. After each batch, `weights` (n,) belongs to it: seed
    `Backward(loss, seed=sampler.weights / n)`, and the expectation is the gradient of the plain mean over all N.
    `update` changes p from the next batch on. alpha = 0 is uniform, with all weights 1.

    Parameters
    ----------
    losses : array (N,), at least 0: the last known loss of each instance; ones where none is known
    B : int, the batch size; the last batch of an epoch is short where B does not divide N
    rng : numpy.random.Generator
    alpha : float, at least 0; 0.6 as in Schaul et al., whose correction exponent beta is 1 here
    floor : float, above 0, in units of the loss, so that p[i] > 0 (without it the gradient would be biased)

    Raises
    ------
    DataError : a loss is negative or not finite, B, alpha or floor is out of range, rng is no generator, or
        alpha is so large that a probability is 0 in floating point.
    ShapeError : losses have not the axis b alone.
    """

    def __init__(self, losses, B, rng, alpha=0.6, floor=0.01):
        losses = _losses(losses, "ErrorWeightedSampler: losses")
        super().__init__(len(losses), B, generator(rng, type(self).__name__))
        self.alpha, self.floor = real(alpha, "ErrorWeightedSampler: alpha"), real(floor, "ErrorWeightedSampler: floor")
        if self.floor == 0:
            raise DataError("ErrorWeightedSampler: floor is 0; it must be above 0 so that each instance can be drawn.")
        self.weights = None
        self.losses, self.p = losses, self._probabilities(losses)

    def _probabilities(self, losses):
        base = losses + self.floor
        power = (base / base.max()) ** self.alpha
        p = power / power.sum()
        if not p.min() > 0 or not np.isfinite(1 / p.min()):
            raise DataError(
                f"ErrorWeightedSampler: with alpha = {self.alpha} the smallest probability is 0 in floating point, for "
                f"losses from {losses.min():.3g} to {losses.max():.3g}; take a smaller alpha or a larger floor."
            )
        return p

    def _order(self):
        return ()

    def _draw(self, part):
        edges = np.cumsum(self.p)
        at = self.rng.random(part.stop - part.start) * edges[-1]
        indices = np.minimum(np.searchsorted(edges, at, side="right"), self.N - 1)
        self.weights = 1 / (self.N * self.p[indices])
        return indices

    def update(self, indices, losses):
        """Note the losses (n,) of the instances with the indices (n,), e.g. those of the batch just trained on.

        Raises
        ------
        DataError, ShapeError : an index is none of 0 to N-1, or the losses are not n numbers of at least 0; nothing
            has changed then.
        """
        who = "ErrorWeightedSampler.update"
        indices, losses = numbers(indices, f"{who}: indices"), _losses(losses, f"{who}: losses")
        if indices.shape != losses.shape:
            raise ShapeError(f"{who}: indices have shape {indices.shape} but losses {losses.shape}; one loss for each.")
        if indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= self.N:
            raise DataError(f"{who}: the indices must be whole numbers from 0 to {self.N - 1}.")
        changed = self.losses.copy()
        changed[indices] = losses
        self.losses, self.p = changed, self._probabilities(changed)

    def state_dict(self):
        """As `Sampler.state_dict`, with the losses known so far."""
        return super().state_dict() | {"alpha": self.alpha, "floor": self.floor, "losses": self.losses.tolist()}

    def load_state_dict(self, state):
        """As `Sampler.load_state_dict`; the losses are the saved ones afterwards."""
        super().load_state_dict(state)
        self.losses = np.array(state["losses"], float)
        self.p = self._probabilities(self.losses)

    def _check(self, state, who):
        super()._check(state, who)
        for key in ("alpha", "floor"):
            if type(state[key]) is not float or state[key] != getattr(self, key):
                raise DataError(f"{who}: the state has {key} = {state[key]!r}, this sampler {getattr(self, key)!r}.")
        losses = _losses(state["losses"], f"{who}: losses")
        if len(losses) != self.N:
            raise DataError(f"{who}: the state has {len(losses)} losses, this sampler {self.N} instances.")
        self._probabilities(losses)


def _losses(losses, what):
    array = numbers(losses, what)
    if array.ndim != 1:
        raise ShapeError(f"{what} need the axis b alone but have shape {array.shape}.")
    if len(array) == 0:
        raise DataError(f"{what} are empty; at least one instance is needed.")
    if array.min() < 0:
        k = int(array.argmin())
        raise DataError(f"{what}[{k}] is {array[k]}; an error to be weighted with is at least 0.")
    return array.astype(float)


def real(value, what, low=0.0, high=np.inf):
    """`value` as a finite float from low to high. Raises DataError where it is none."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or not low <= value <= high:
        upper = f" and at most {high:g}" if np.isfinite(high) else ""
        lower = f" of at least {low:g}" if np.isfinite(low) else ""
        raise DataError(f"{what} is {value!r}; a finite number{lower}{upper} is needed.")
    return float(value)
