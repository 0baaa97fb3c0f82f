"""Launch geometry: how many blocks of how many threads cover n elements, and what is left idle.

    blocks = ceil(n / block),    threads = blocks * block,    idle = threads - n

A block's threads run in warps of 32, in the order x + y Dx + z Dx Dy of their indices; a block whose size is no
multiple of 32 leaves lanes of its last warp empty (CUDA C++ Programming Guide, "Thread Hierarchy" and "SIMT
Architecture").
"""

from dataclasses import dataclass
from itertools import product
from math import prod
from operator import index as whole

from ..errors import DataError

AXES = "xyz"


@dataclass(frozen=True)
class Limits:
    """What a device accepts. The defaults hold for every compute capability from 5.0 to 9.0.

    Source: CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability".

    Attributes
    ----------
    threads_per_block : int
    block : for each axis the most threads of a block
    grid : for each axis the most blocks of a grid
    warp : threads of a warp
    shared_bytes : statically declared shared memory of a block, bytes
    """

    threads_per_block: int = 1024
    block: tuple = (1024, 1024, 64)
    grid: tuple = (2**31 - 1, 65535, 65535)
    warp: int = 32
    shared_bytes: int = 48 * 1024


def axes(sizes, what):
    """`sizes` as a tuple of one to three positive ints. Raises DataError."""
    try:
        found = tuple(whole(s) for s in (sizes if isinstance(sizes, (tuple, list)) else (sizes,)))
    except TypeError:
        raise DataError(f"grid: {what} is {sizes!r}; give one whole number, or two or three of them.") from None
    if not 1 <= len(found) <= 3 or min(found) < 1:
        raise DataError(f"grid: {what} is {sizes!r}; give one to three whole numbers, each at least 1.")
    return found


@dataclass(frozen=True)
class Geometry:
    """A grid of blocks of threads. `kernel[g.blocks, g.block](...)` launches it.

    Parameters
    ----------
    blocks : int or tuple of up to three; blocks along x, y, z
    block : int or tuple; threads of a block along x, y, z
    shape : int or tuple, optional; the elements that the grid is to cover, along x, y, z
    limits : Limits

    Raises
    ------
    DataError : the device would refuse the launch, or the grid does not cover the shape.
    """

    blocks: tuple
    block: tuple
    shape: tuple | None = None
    limits: Limits = Limits()

    def __post_init__(self):
        for name in ("blocks", "block") + (("shape",) if self.shape is not None else ()):
            object.__setattr__(self, name, axes(getattr(self, name), name))
        self._refuse_large("block", "threads", self.block, self.limits.block)
        self._refuse_large("grid", "blocks", self.blocks, self.limits.grid)
        if self.threads_per_block > self.limits.threads_per_block:
            raise DataError(
                f"grid: a block of {times(self.block)} = {self.threads_per_block:,} threads; the device takes at most "
                f"{self.limits.threads_per_block:,}. Make the block smaller, and the grid gets more blocks."
            )
        if self.shape is not None and any(b * t < n for b, t, n in self._by_axis(1)):
            raise DataError(f"grid: {times(self.blocks)} blocks of {times(self.block)} do not cover {self.shape}.")

    def _refuse_large(self, what, unit, sizes, most):
        for axis, size, limit in zip(AXES, sizes, most, strict=False):
            if size > limit:
                raise DataError(
                    f"grid: {size:,} {unit} along {axis} of the {what}; the device takes at most {limit:,}."
                )

    def _by_axis(self, fill):
        padded = [(*sizes, *[fill] * (3 - len(sizes))) for sizes in (self.blocks, self.block, self.shape)]
        return zip(*padded, strict=True)

    @property
    def n_blocks(self):
        """Blocks of the grid."""
        return prod(self.blocks)

    @property
    def threads_per_block(self):
        """Threads of a block."""
        return prod(self.block)

    @property
    def threads(self):
        """Threads of the launch."""
        return self.n_blocks * self.threads_per_block

    @property
    def idle(self):
        """Threads without an element: what a bounds check turns away. 0 where no shape was given."""
        return 0 if self.shape is None else self.threads - prod(self.shape)

    @property
    def warps_per_block(self):
        """Warps of a block, the last one perhaps partly empty."""
        return ceil_div(self.threads_per_block, self.limits.warp)

    @property
    def warps(self):
        """Warps of the launch."""
        return self.n_blocks * self.warps_per_block

    @property
    def empty_lanes(self):
        """Lanes of warps that hold no thread, as blocks are no multiple of a warp."""
        return self.warps * self.limits.warp - self.threads

    def indices(self, sizes):
        """Every index (x, y, z) below `sizes`, x running fastest: the order in which threads fill warps."""
        x, y, z = (*sizes, 1, 1)[:3]
        return [(i, j, k) for k, j, i in product(range(z), range(y), range(x))]

    def __str__(self):
        covered = "" if self.shape is None else f"{times(self.shape)} elements on "
        plural = "blocks" if prod(self.blocks) > 1 else "block"
        return (
            f"{covered}{times(self.blocks)} {plural} of {times(self.block)} threads: {self.threads:,} threads "
            f"({self.idle:,} idle), {self.warps:,} warps ({self.empty_lanes:,} empty lanes)"
        )


def ceil_div(n, size):
    """ceil(n / size) in whole numbers.

    >>> ceil_div(1000, 256), ceil_div(1024, 256)
    (4, 4)
    """
    return -(-n // size)


def times(sizes):
    """Sizes as text, 16 x 16."""
    return " x ".join(f"{s:,}" for s in sizes)


def grid(n, block=256, limits=None):
    """The smallest grid of such blocks that gives each of n elements a thread.

    Parameters
    ----------
    n : int or tuple; elements along x, y, z (for a matrix: columns, rows)
    block : int or tuple of as many; threads of a block
    limits : Limits of the device, optional

    Returns
    -------
    Geometry

    Raises
    ------
    DataError : not whole numbers, different numbers of axes, or more than the device takes.

    >>> print(grid(1000, 256))
    1,000 elements on 4 blocks of 256 threads: 1,024 threads (24 idle), 32 warps (0 empty lanes)
    >>> grid((30, 20), (16, 16)).blocks
    (2, 2)
    """
    n, block = axes(n, "n"), axes(block, "block")
    if len(n) != len(block):
        raise DataError(f"grid: n has {len(n)} axes, {n}, and the block has {len(block)}, {block}; give as many.")
    return Geometry(tuple(ceil_div(s, b) for s, b in zip(n, block, strict=True)), block, n, limits or Limits())
