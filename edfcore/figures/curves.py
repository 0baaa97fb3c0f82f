"""Curves of training: loss and error against time, cost against batch size, noise against batch size."""

import numpy as np
from matplotlib.ticker import LogLocator

from ..errors import ShapeError
from .base import DASHES, INK, MARKERS, PALETTE, figure


def training(train_loss, test_loss, test_error):
    """Loss on training and test data, and the error rate on the test data, after each epoch.

    Parameters
    ----------
    train_loss, test_loss : arrays (E,), nats
    test_error : array (E,), fraction of the test set

    Returns
    -------
    Figure
    """
    _same_length("training", train_loss, test_loss, test_error)
    epochs = np.arange(1, len(test_error) + 1)
    alt = (
        f"Left: training loss falls from {train_loss[0]:.3g} to {train_loss[-1]:.3g} nats and test loss from "
        f"{test_loss[0]:.3g} to {test_loss[-1]:.3g}. Right: test error falls from {100 * test_error[0]:.3g} to "
        f"{100 * test_error[-1]:.3g} percent in {len(epochs)} epochs."
    )
    found = figure(alt)
    left, right = found.subplots(1, 2)
    for n, (name, loss) in enumerate([("training", train_loss), ("test", test_loss)]):
        left.plot(epochs, loss, DASHES[n], marker=MARKERS[n], color=PALETTE[n], markersize=4, label=name)
    _finish(left, "epoch", "loss (nats)")
    left.legend(fontsize=9)
    right.plot(epochs, 100 * np.asarray(test_error), marker=MARKERS[2], color=PALETTE[2], markersize=4)
    _finish(right, "epoch", "test error (percent)")
    for ax in (left, right):
        ax.set_ylim(bottom=0)
    return found


def loss_curves(losses, floor=None, every=1):
    """Several losses against time, and a floor that one of them cannot pass.

    Parameters
    ----------
    losses : dict from name to array (T,), nats
    floor : float, optional, nats
    every : int, how many steps lie between two entries

    Returns
    -------
    Figure
    """
    ends = "; ".join(f"{name} ends at {loss[-1]:.3g}" for name, loss in losses.items())
    alt = f"Loss in nats against the step: {ends}." + (f" A line marks {floor:.6g}." if floor else "")
    found = figure(alt)
    ax = found.subplots()
    for n, (name, loss) in enumerate(losses.items()):
        steps = every * np.arange(1, len(loss) + 1)
        style = {"linestyle": DASHES[n], "marker": MARKERS[n], "color": PALETTE[n], "markersize": 5}
        ax.plot(steps, loss, label=name, markevery=max(1, len(loss) // 10), **style)
    if floor is not None:
        ax.axhline(floor, color=INK, linewidth=1, linestyle=":")
        beside = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "ha": "right", "va": "top"}
        ax.annotate(f"floor {floor:.6g}", (1, floor), (0, -3), fontsize=9, color=INK, **beside)
    _finish(ax, "step", "loss (nats)")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=9)
    return found


def time_per_example(sizes, seconds):
    """The time of one training step divided by the batch size, against the batch size.

    Parameters
    ----------
    sizes : array (K,), batch sizes B
    seconds : array (K, R), seconds of one step, measured R times at each size

    Returns
    -------
    Figure: the median, and the middle half of the measurements as a band
    """
    _same_length("time_per_example", sizes, seconds)
    each = 1e6 * np.asarray(seconds) / np.asarray(sizes)[:, None]
    low, middle, high = np.quantile(each, [0.25, 0.5, 0.75], axis=1)
    alt = (
        f"Microseconds for each example against the batch size B, both axes logarithmic: {middle[0]:.3g} at "
        f"B = {sizes[0]}, {middle[-1]:.3g} at B = {sizes[-1]}."
    )
    found = figure(alt)
    ax = found.subplots()
    ax.plot(sizes, middle, marker=MARKERS[0], color=PALETTE[0], label="median")
    ax.fill_between(sizes, low, high, color=PALETTE[0], alpha=0.25, label="middle half of the measurements")
    ax.plot(sizes, middle[0] / np.asarray(sizes), DASHES[1], color=PALETTE[1], label="if a step always took as long")
    ax.set(xscale="log", yscale="log", ylim=(each.min() / 2, each.max() * 2))
    _powers_of_two(ax, sizes)
    _finish(ax, "batch size B (examples)", "time per example (microseconds)")
    ax.legend(fontsize=9)
    return found


def batch_size(sizes, examples, epoch, E_min, S_min):
    """What a target loss costs against the batch size: epochs (arithmetic) and steps (time, if B runs in parallel).

    Parameters
    ----------
    sizes : array (K,), batch sizes B
    examples : array (K, R), examples seen until the target is reached, for R seeds
    epoch : int, examples in an epoch
    E_min, S_min : float, the least examples and the least steps; the line drawn is E_min + B S_min
        (the trade-off of McCandlish et al. 2018, arXiv:1812.06162, solved for the examples)

    Returns
    -------
    Figure: each seed a point, the medians joined, the predicted line dashed
    """
    _same_length("batch_size", sizes, examples)
    sizes, examples = np.asarray(sizes), np.asarray(examples, float)
    predicted, middle = E_min + sizes * S_min, np.median(examples, axis=1)
    alt = (
        f"Left: epochs to the target rise from {middle[0] / epoch:.2g} at B = {sizes[0]} to "
        f"{middle[-1] / epoch:.2g} at B = {sizes[-1]}, slowly up to B = {E_min / S_min:.0f} and in proportion to B "
        f"above. Right: steps fall from {middle[0] / sizes[0]:.0f} to {middle[-1] / sizes[-1]:.0f}, and stop falling."
    )
    found = figure(alt)
    axes = found.subplots(1, 2)
    for ax, unit, name in zip(axes, (epoch, sizes), ("epochs", "steps"), strict=True):
        for n, one in enumerate(examples.T):
            label = "one seed" if n == 0 else None
            ax.plot(sizes, one / unit, MARKERS[0], color=PALETTE[0], alpha=0.35, markersize=4, label=label)
        ax.plot(sizes, middle / unit, color=PALETTE[0], label="median of the seeds")
        ax.plot(sizes, predicted / unit, DASHES[1], color=PALETTE[1], label=r"$E_{\min} + B\,S_{\min}$")
        ax.axvline(E_min / S_min, color=INK, linewidth=1, linestyle=":", label=r"$B = E_{\min} / S_{\min}$")
        ax.set(xscale="log", yscale="log")
        _powers_of_two(ax, sizes)
        _finish(ax, "batch size B (examples)", f"{name} to the target")
        _plain_ticks(ax)
    axes[0].legend(fontsize=8.5)
    return found


def gradient_noise(sizes, squared, trace, signal):
    """The squared distance of a batch's gradient from the full gradient, against the batch size.

    Parameters
    ----------
    sizes : array (K,), batch sizes B
    squared : array (K, R), |batch gradient - full gradient|^2 for R batches of each size
    trace : float, tr Sigma, the mean squared distance of one example's gradient from the full gradient
    signal : float, |full gradient|^2

    Returns
    -------
    Figure: mean and standard error of the distances, tr Sigma / B, and the level of the signal; the lines cross
    at the simple noise scale tr Sigma / |G|^2 (McCandlish et al. 2018, arXiv:1812.06162)
    """
    _same_length("gradient_noise", sizes, squared)
    sizes, squared = np.asarray(sizes), np.asarray(squared, float)
    mean, error = squared.mean(axis=1), squared.std(axis=1) / np.sqrt(squared.shape[1])
    scale = trace / signal
    alt = (
        f"Squared distance of a batch gradient from the full gradient against B, logarithmic: it falls as 1/B, from "
        f"{mean[0]:.2g} at B = {sizes[0]} to {mean[-1]:.2g} at B = {sizes[-1]}, and crosses the squared length of the "
        f"full gradient at the simple noise scale B = {scale:.0f}."
    )
    found = figure(alt)
    ax = found.subplots()
    bars = {"marker": MARKERS[0], "color": PALETTE[0], "linestyle": "none", "capsize": 3}
    ax.errorbar(sizes, mean, error, label="measured, with standard error", **bars)
    ax.plot(sizes, trace / sizes, DASHES[1], color=PALETTE[1], label=r"$\mathrm{tr}\,\Sigma / B$")
    ax.axhline(signal, color=PALETTE[2], linestyle=DASHES[2], label=r"$|G|^2$, the signal")
    ax.axvline(scale, color=INK, linestyle=":", linewidth=1, label=f"simple noise scale, B = {scale:.0f}")
    ax.set(xscale="log", yscale="log")
    _powers_of_two(ax, sizes)
    _finish(ax, "batch size B (examples)", "squared distance")
    ax.legend(fontsize=9)
    return found


def _same_length(what, *arrays):
    lengths = [len(a) for a in arrays]
    if len(set(lengths)) != 1:
        raise ShapeError(f"{what}: the arrays have lengths {lengths}; equal lengths are needed.")


def _finish(ax, across, up):
    ax.set_xlabel(across, color=INK)
    ax.set_ylabel(up, color=INK)
    ax.tick_params(labelsize=8.5)
    ax.grid(True, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _powers_of_two(ax, sizes):
    """Ticks at the batch sizes themselves, written out."""
    ax.set_xticks(list(sizes), [f"{n}" for n in sizes])
    ax.minorticks_off()


def _plain_ticks(ax):
    """A logarithmic axis with numbers written out: 0.5, 20, 1000."""
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
