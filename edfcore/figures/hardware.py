"""The figures of lecture 04: a host and its device, a grid of blocks of warps, and the roofline.

The first two draw again what S2 shows (GPU-Parallel Acceleration; Extra, architecture of a CUDA-capable GPU); the third
is the model of Williams, Waterman & Patterson 2009: attainable = min(peak, intensity * bandwidth).
"""

import numpy as np
from matplotlib.patches import Patch, Rectangle

from ..cuda.geometry import Limits, ceil_div
from ..errors import DataError
from .base import DASHES, INK, MARKERS, PALETTE, figure

WARP = Limits().warp
TINTS = ["#cfe5f3", "#f8dcc4", "#c9e8de", "#f1dcea"]  # light kinds of PALETTE
HATCHES = ["", "////", "....", "xxxx"]


def processor(sms=4, cores=8):
    """A host, its link, and a device of streaming multiprocessors (SMs), each with cores and a memory of its own.

    Parameters
    ----------
    sms : int, multiprocessors drawn
    cores : int, cores (streaming processors, SPs) drawn in each

    Returns
    -------
    Figure

    Raises
    ------
    DataError : fewer than one of them.
    """
    if min(sms, cores) < 1:
        raise DataError(f"processor: {sms} multiprocessors of {cores} cores; at least one of each is needed.")
    found = figure(
        f"Left the host, a CPU with its memory. Right the device, a GPU: {sms} multiprocessors (SMs), each with "
        f"{cores} cores (SPs) and a small shared memory, above one large global memory. Between the two a narrow link.",
        height=2.9,
    )
    ax = found.subplots()
    _box(ax, 0, 1.2, 1.5, 1.6, "CPU, few cores", TINTS[1])
    _box(ax, 0, 0, 1.5, 0.9, "host memory", "#eeeeee")
    ax.plot([1.5, 2.6], [0.45, 0.45], color=INK, linewidth=2)
    ax.text(2.05, 0.52, "link, PCIe", ha="center", va="bottom", fontsize=8.5, color=INK)
    ax.add_patch(Rectangle((2.6, -0.15), 6.4, 3.25, fill=False, edgecolor=INK, linestyle="--"))
    ax.text(5.8, 3.15, "device", ha="center", va="bottom", fontsize=9, color=INK)
    _box(ax, 2.75, 0, 6.1, 0.9, "global memory", "#eeeeee")
    width, across = 6.1 / sms, ceil_div(cores, 2)
    for k in range(sms):
        left = 2.75 + k * width
        _box(ax, left, 1.05, 0.94 * width, 1.9, "", "white")
        ax.text(left + 0.47 * width, 2.8, f"SM {k}", ha="center", va="center", fontsize=8.5, color=INK)
        side = 0.86 * width / across
        for c in range(cores):
            at = left + 0.04 * width + c % across * side, 2.15 - c // across * 0.5
            ax.add_patch(Rectangle(at, 0.88 * side, 0.42, facecolor=TINTS[0], edgecolor=PALETTE[0], linewidth=0.8))
        _box(ax, left + 0.04 * width, 1.12, 0.86 * width, 0.4, "shared", TINTS[2], size=7.5)
    ax.set(xlim=(-0.1, 9.1), ylim=(-0.25, 3.45))
    ax.set_axis_off()
    return found


def warps(blocks, block, chosen):
    """A grid of blocks, and the threads of one block in the order in which they fill its warps.

    Parameters
    ----------
    blocks, block : pairs (columns, rows): blocks of the grid, threads of a block
    chosen : int, the block whose threads are drawn

    Returns
    -------
    Figure

    Raises
    ------
    DataError : there is no such block, or it has more warps than can be told apart.
    """
    (columns, rows), (across, down) = blocks, block
    count, threads = columns * rows, across * down
    n_warps = ceil_div(threads, WARP)
    if not 0 <= chosen < count:
        raise DataError(f"warps: there is no block {chosen}; there are {count}, from 0 to {count - 1}.")
    if n_warps > len(TINTS):
        raise DataError(f"warps: a block of {n_warps} warps; at most {len(TINTS)} can be told apart.")
    found = figure(
        f"Left a grid of {count} blocks, block {chosen} marked. Right its {threads} threads: the first "
        f"{min(WARP, threads)} are warp 0, and there are {n_warps} warps in all, each in a tint and hatch of its own.",
        height=3.3,
    )
    left, right = found.subplots(1, 2)
    for b in range(count):
        fill = TINTS[1] if b == chosen else "white"
        _box(left, b % columns, b // columns, 0.92, 0.88, f"block {b}", fill, size=8)
    for t in range(threads):
        w = t // WARP
        at = t % across, t // across
        style = {"facecolor": TINTS[w], "edgecolor": PALETTE[w], "hatch": HATCHES[w], "linewidth": 0.5}
        right.add_patch(Rectangle(at, 0.94, 0.9, **style))
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
        right.text(at[0] + 0.47, at[1] + 0.45, str(t), ha="center", va="center", fontsize=8, color=INK, bbox=back)
    left.set(xlim=(-0.05, columns), ylim=(rows, -0.05), title="grid")
    right.set(xlim=(-0.05, across), ylim=(down, -0.05), title=f"threads of block {chosen}")
    handles = [
        Patch(facecolor=TINTS[w], edgecolor=PALETTE[w], hatch=HATCHES[w], label=f"warp {w}") for w in range(n_warps)
    ]
    right.legend(
        handles=handles, fontsize=8.5, frameon=False, ncols=n_warps, loc="upper center", bbox_to_anchor=(0.5, 0)
    )
    for ax in (left, right):
        ax.set_axis_off()
        ax.title.set_fontsize(10)
    return found


def roofline(devices, points, alt):
    """Rooflines of devices, and where kinds of work stand under them.

    Parameters
    ----------
    devices : dict from name to (peak in FLOP/s, bandwidth in bytes/s)
    points : dict from name to arithmetic intensity in FLOP per byte: a vertical line, with its name
    alt : str, what the figure shows and the one thing to see in it

    Returns
    -------
    Figure

    Raises
    ------
    DataError : nothing to draw, more devices than colours, or a number that is not positive.
    """
    if not devices or len(devices) > len(PALETTE):
        raise DataError(f"roofline: {len(devices)} devices; between 1 and {len(PALETTE)} can be drawn.")
    numbers = [*points.values(), *(n for pair in devices.values() for n in pair)]
    if min(numbers) <= 0:
        raise DataError("roofline: peaks, bandwidths and intensities must be above 0.")
    ridges = [peak / bandwidth for peak, bandwidth in devices.values()]
    low, high = min([*points.values(), *ridges]) / 2, max([*points.values(), *ridges]) * 3
    found = figure(alt, height=3.9)
    ax = found.subplots()
    for n, (name, (peak, bandwidth)) in enumerate(devices.items()):
        ridge = peak / bandwidth
        at = np.array(sorted([low, ridge, high]))
        style = {"color": PALETTE[n], "linestyle": DASHES[n], "linewidth": 2}
        ax.plot(at, np.minimum(peak, at * bandwidth) / 1e9, label=name, **style)
        ax.plot(ridge, peak / 1e9, MARKERS[n], color=PALETTE[n], markersize=6)
    ceiling = max(peak for peak, _ in devices.values()) / 1e9
    ax.set(xscale="log", yscale="log")
    lowest = min(min(peak, low * bandwidth) for peak, bandwidth in devices.values()) / 1e9
    floor = lowest / 3
    for name, intensity in points.items():
        ax.axvline(intensity, color=INK, linewidth=0.9, linestyle=":", zorder=0)
        ax.text(intensity, floor * 1.15, f" {name}", rotation=90, ha="right", va="bottom", fontsize=8.5, color=INK)
    ax.set(xlim=(low, high), ylim=(floor, ceiling * 2))
    ax.set(xlabel="arithmetic intensity (FLOP / byte)", ylabel="attainable (GFLOP/s)")
    ax.grid(visible=True, linewidth=0.4, alpha=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.legend(fontsize=8.5, loc="upper left")
    return found


def _box(ax, x, y, width, height, text, fill, size=8.5):
    ax.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=INK, linewidth=0.9))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=size, color=INK)
