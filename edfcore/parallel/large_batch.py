"""Large batches: how the learning rate follows the batch of N devices, and up to which batch that pays.

    linear scaling        lr B / 256                      Goyal et al. 2017, section 2.1 (schedules.linear_scaling)
    square-root scaling   lr sqrt(B / 256)                Krizhevsky 2014, section 5; Hoffer, Hubara & Soudry 2017
    noise scale           tr(Sigma) / |G|^2               McCandlish et al. 2018, eq. 2.9, from appendix A.1

G is the gradient of the expected loss, Sigma the covariance of one instance's gradient, B the instances of a batch over
all devices; the mean gradient g of B instances has E|g|^2 = |G|^2 + tr(Sigma)/B. Linear scaling makes one step of k lr
what k steps of lr are while G hardly moves; square-root scaling keeps the covariance lr^2 Sigma/B of a step.

Section and equation numbers are from memory, and so are the papers' numbers where a docstring does not say more.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from ..errors import DataError
from ..optimizers.base import check_count, is_number
from ..schedules import MultiStep, Warmup, linear_scaling

__all__ = [
    "NoiseScale", "Steps", "goyal", "linear_scaling", "noise_scale", "noise_scale_of_shards", "progress",
    "small_and_large_steps", "square_root_scaling",
]  # fmt: skip


def square_root_scaling(lr, B, base=256):
    """The rate for batches of B, from a rate that suits batches of `base`: lr sqrt(B / base).

    It keeps the covariance of a step, lr^2 Sigma / B. Krizhevsky derives it so and then finds linear scaling to work
    better in his experiments, with batches from 128 to 1024; Hoffer et al. use it together with more updates.

    Parameters
    ----------
    lr : float, at least 0
    B : int, at least 1, instances in a batch (over all devices)
    base : int, at least 1

    Returns
    -------
    float

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    Krizhevsky 2014 (1404.5997), section 5; Hoffer, Hubara & Soudry 2017 (1705.08741), section 4 (from memory).

    Examples
    --------
    >>> square_root_scaling(0.1, B=1024)
    0.2
    """
    if not is_number(lr, 0):
        raise DataError(f"square_root_scaling: lr is {lr!r}; a finite number of at least 0 is needed.")
    for name, value in {"B": B, "base": base}.items():
        check_count("square_root_scaling", name, value, 1)
    return lr * sqrt(B / base)


def goyal(
    N, per_device, steps_per_epoch, lr=0.1, base=256, warmup_epochs=5, milestones=(30, 60, 80), gamma=0.1, start=None
):
    """The schedule of "ImageNet in 1 hour": linear scaling, gradual warmup, three drops.

    With B = N per_device, the rate rises in a straight line from `start` to lr B / base in the first epochs, and each
    milestone multiplies it by gamma; epochs count from the first step of the training, warmup included.

    Parameters
    ----------
    N : int, at least 1, devices
    per_device : int, at least 1, instances in a batch on each of them; the paper: 32
    steps_per_epoch : int, at least 1, updates in an epoch; the paper: 1,281,167 instances / B
    lr, base : float and int; the rate lr suits batches of `base` instances; the paper: 0.1 for 256
    warmup_epochs : int, at least 0; the paper: 5
    milestones : sequence of int, ascending, in epochs, none within the warmup; the paper: 30, 60, 80 (of 90)
    gamma : float above 0, the factor at each milestone; the paper: 0.1
    start : float, the rate of step 0. Default: lr (the paper: from eta to k eta), or lr B / base where that is less

    Returns
    -------
    Schedule, of steps

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    Goyal et al. 2017 (1706.02677), sections 2.1, 2.2 and 5.1. The numbers are from memory, and agree with third-party
    summaries of the paper.

    Examples
    --------
    >>> schedule = goyal(N=256, per_device=32, steps_per_epoch=156)
    >>> schedule([0, 390, 780, 30 * 156 - 1, 30 * 156, 80 * 156]).round(6).tolist()
    [0.1, 1.65, 3.2, 3.2, 0.32, 0.0032]
    """
    for name, value in {"N": N, "per_device": per_device, "steps_per_epoch": steps_per_epoch}.items():
        check_count("goyal", name, value, 1)
    check_count("goyal", "warmup_epochs", warmup_epochs)
    for milestone in milestones:
        check_count("goyal", "a milestone", milestone, warmup_epochs)
    top = linear_scaling(lr, N * per_device, base)
    W = warmup_epochs * steps_per_epoch
    after = MultiStep(top, [m * steps_per_epoch - W for m in milestones], gamma)  # its clock starts after the warmup
    return Warmup(W, after, start=min(float(lr), after(0)) if start is None else start)


# The noise scale


@dataclass(frozen=True)
class NoiseScale:
    """What two batch sizes tell about the gradient.

    squared_norm : float, estimates |G|^2 without bias; may come out negative where noise prevails
    trace : float, estimates tr(Sigma) without bias; may come out negative where there is hardly any noise
    """

    squared_norm: float
    trace: float

    @property
    def batch(self):
        """B_simple = tr(Sigma) / |G|^2 in instances: the batch at which noise and signal are equally long.

        A ratio of unbiased numbers is not unbiased: average many measurements before dividing.

        Raises
        ------
        DataError : |G|^2 was not estimated above 0.
        """
        if self.squared_norm <= 0:
            raise DataError(
                f"NoiseScale: |G|^2 was estimated as {self.squared_norm:.3g}, lost in the noise; average over more "
                "batches, or measure at larger ones."
            )
        return self.trace / self.squared_norm


def noise_scale(small, big, B_small, B_big):
    """|G|^2 and tr(Sigma) from the squared norms of mean gradients at two batch sizes.

        |G|^2     ~  (B_big |g_big|^2 - B_small |g_small|^2) / (B_big - B_small)
        tr(Sigma) ~  (|g_small|^2 - |g_big|^2) / (1/B_small - 1/B_big)

    Both solve E|g|^2 = |G|^2 + tr(Sigma)/B for two B. The batches need not be independent of each other; instances
    must be drawn independently (with replacement, or few of many).

    Parameters
    ----------
    small, big : float or array, |g|^2 of one or more batches of B_small and of B_big instances; arrays are averaged
    B_small, B_big : int, at least 1, B_small below B_big

    Returns
    -------
    NoiseScale

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    McCandlish, Kaplan, Amodei et al. 2018 (1812.06162), appendix A.1, eq. A.2.

    Examples
    --------
    >>> noise_scale(small=5.0, big=2.0, B_small=1, B_big=4).batch  # |G|^2 = 1, tr(Sigma) = 4
    4.0
    """
    check_count("noise_scale", "B_small", B_small, 1)
    check_count("noise_scale", "B_big", B_big, B_small + 1)
    small, big = (_mean_of_squares(name, value) for name, value in (("small", small), ("big", big)))
    squared_norm = (B_big * big - B_small * small) / (B_big - B_small)
    return NoiseScale(squared_norm, (small - big) / (1 / B_small - 1 / B_big))


def _mean_of_squares(name, value):
    found = np.asarray(value, dtype="float64")
    if not found.size or not (found >= 0).all() or not np.isfinite(found).all():
        raise DataError(f"noise_scale: {name} is {value!r}; squared norms, finite and of at least 0, are needed.")
    return float(found.mean())


def noise_scale_of_shards(gradients, B_small):
    """The noise scale from one data-parallel step: each device's gradient before, and their mean after the all-reduce.

    Parameters
    ----------
    gradients : array (N, ...), the mean gradient of each device's shard; N at least 2
    B_small : int, at least 1, instances of a shard, the same on all devices

    Returns
    -------
    NoiseScale

    Raises
    ------
    DataError : there are fewer than two devices, or a number is out of its range.

    References
    ----------
    McCandlish et al. 2018, appendix A.1, which proposes this use.
    """
    g = np.asarray(gradients, dtype="float64")
    if g.ndim < 2 or len(g) < 2:
        raise DataError(f"noise_scale_of_shards: gradients has shape {g.shape}; (N, ...) with N >= 2 is needed.")
    g = g.reshape(len(g), -1)
    return noise_scale((g**2).sum(axis=1), (g.mean(axis=0) ** 2).sum(), B_small, B_small * len(g))


def progress(B, noise):
    """The part of the best step's progress that a batch of B makes: 1 / (1 + noise / B).

    Where the loss is quadratic with the Hessian a multiple of the identity, the best rate for a batch of B is this part
    of the best rate without noise, and so is the loss that it saves. At B = noise it is one half: twice the steps, and
    twice the instances, of either extreme.

    Parameters
    ----------
    B : float above 0, or an array of them, instances
    noise : float of at least 0, the noise scale in instances

    Returns
    -------
    float, or an array of B's shape, from 0 to 1

    Raises
    ------
    DataError : one of them is out of its range.

    References
    ----------
    McCandlish et al. 2018, eqs. 2.6 and 2.7.

    Examples
    --------
    >>> progress(256, noise=768)
    0.25
    """
    sizes = np.asarray(B, dtype="float64")
    if not is_number(noise, 0) or not (sizes > 0).all():
        raise DataError(f"progress: B is {B!r} and noise {noise!r}; B above 0 and noise of at least 0 are needed.")
    found = 1 / (1 + noise / sizes)
    return float(found) if found.ndim == 0 else found


# k small steps against a large one


@dataclass(frozen=True)
class Steps:
    """Where k steps of lr lead, and one step of k lr on all their instances.

    small, large : lists of arrays, the parameters after them
    gap : float, |large - small| / |small - start| over all parameters; 0 where the rule holds exactly
    """

    small: list
    large: list
    gap: float


def small_and_large_steps(build, batches, lr):
    """Carry out both sides of the linear scaling rule, from the same parameters.

        small:  w(t+k)  = w(t) - lr   1/n      sum over j < k, x in batch j of  grad l(x, w(t+j))      (3)
        large:  w^(t+1) = w(t) - k lr 1/(k n)  sum over j < k, x in batch j of  grad l(x, w(t))        (4)

    They agree where grad l(x, w(t)) is near grad l(x, w(t+j)); the gap falls as lr, where lr is small.

    Parameters
    ----------
    build : function of no arguments that returns a network with x, y, loss and graph, each time the same one
    batches : list of k batches (x, y), each of n instances
    lr : float above 0, of the small steps

    Returns
    -------
    Steps

    Raises
    ------
    DataError : there is no batch, their lengths differ, or lr is out of its range.

    References
    ----------
    Goyal et al. 2017, section 2.1, eqs. 3 and 4.
    """
    lengths = {len(x) for x, _ in batches}
    if len(lengths) != 1 or not is_number(lr, 0) or lr == 0:
        raise DataError(
            f"small_and_large_steps: the batches have lengths {sorted(lengths)} and lr is {lr!r}; at least one batch, "
            "all of the same length, and a finite lr above 0 are needed."
        )
    k, whole = len(batches), tuple(np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    start = [p.value.copy() for p in build().graph.params]
    small, large = _descend(build(), batches, lr), _descend(build(), [whole], k * lr)
    moved = _distance(small, start)
    gap = _distance(large, small)
    return Steps(small, large, gap / moved if moved else float(gap > 0))


def _descend(net, batches, lr):
    """The network's parameters after a step of plain gradient descent on each batch."""
    for x, y in batches:
        net.x.set(x)
        net.y.set(y)
        net.graph.Forward(net.loss)
        net.graph.Backward(net.loss)
        for p in net.graph.params:
            p.set(p.value - lr * p.grad)
    return [p.value for p in net.graph.params]


def _distance(some, others):
    return sqrt(sum(float(((a - b) ** 2).sum()) for a, b in zip(some, others, strict=True)))
