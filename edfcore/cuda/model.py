"""A grid of threads that runs a kernel, and takes down what each warp does.

The blocks run one after the other, and of a block each thread up to the next barrier: one of the orders that CUDA
allows. What a warp's lanes do together is then found from where each lane was. In code made of if, for and while,
lanes part at a branch and meet again where its two ways join, the branch's immediate post-dominator; so lanes execute
an instruction together exactly if they are at the same place of the source, in the same turn of every loop around it.
The key of an event is therefore (place, warp, turns). (That is the classical stack of a SIMT machine: W. Fung et al.,
"Dynamic Warp Formation", MICRO 2007; from memory. From compute capability 7.0 on, lanes that parted need not meet
right there.)
"""

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from .findings import Findings
from .kernel import KernelError
from .memory import Addresses, Array, Hazards
from .trace import Traced
from .transactions import LINE, SECTOR, segments, wavefronts

TRUE, FALSE = 1, 2  # ways of a branch that lanes of a warp took


@dataclass(eq=False)
class Thread:
    """A thread of a block: its index, where it sits, and the turns of the loops that it is in."""

    index: tuple
    block: tuple
    warp: int
    lane: int
    turns: tuple = ()
    base: int = 0  # how many of the turns belong to the callers of the function that runs


@dataclass(eq=False)
class Spot:
    """Where memory is accessed: a code object, and (line, end line, column, end column) in it. One object for each."""

    code: object
    position: tuple

    line = property(lambda self: self.position[0])


class Index(SimpleNamespace):
    """threadIdx and its like: x, y, z."""


def index(sizes):
    """A tuple as an Index."""
    return Index(**dict(zip("xyz", (*sizes, 0, 0), strict=False)))


class Shared:
    """cuda.shared: arrays that the threads of a block have in common."""

    def __init__(self, model):
        self.model, self.arrays, self.used = model, {}, 0

    def array(self, shape, dtype, alignment=None):
        """One array for each place of the source, made by its first thread; undefined at first."""
        spot = self.model.spot(sys._getframe(1))
        if spot not in self.arrays:
            self.arrays[spot] = self._make(shape, numpy_dtype(dtype))
        return self.arrays[spot]

    def _make(self, shape, dtype):
        data = np.full(shape, np.nan if dtype.kind in "fc" else 0, dtype)
        start, most = -(-self.used // 16) * 16, self.model.geometry.limits.shared_bytes
        self.used = start + data.nbytes
        if not data.size:
            raise KernelError(
                f"{self.model.findings.here()}: shared memory sized by the launch is not modelled; declare its size."
            )
        if self.used > most:
            raise KernelError(
                f"{self.model.findings.here()}: the block's shared arrays take {self.used:,} bytes; the device gives "
                f"{most:,}. Make them smaller."
            )
        return Array(self.model, data, start, "shared", np.zeros(shape, bool))


def numpy_dtype(dtype):
    """A dtype, spelled by NumPy or by numba (`numba.float32`)."""
    try:
        return np.dtype(dtype)
    except TypeError:
        return np.dtype(str(dtype))


class Local:
    """cuda.local: arrays of one thread. They are not counted."""

    def array(self, shape, dtype, alignment=None):
        """An array in the thread's own memory."""
        return np.zeros(shape, numpy_dtype(dtype))


class Atomic:
    """cuda.atomic: read, change, write as one step. Counted as one access of its own kind."""

    def __init__(self, model):
        self.model = model

    def add(self, array, at, value):
        """array[at] += value; gives what was there."""
        return self._update(array, at, lambda old: old + value)

    def max(self, array, at, value):
        """array[at] = max(array[at], value); gives what was there."""
        return self._update(array, at, lambda old: max(old, value))

    def min(self, array, at, value):
        """array[at] = min(array[at], value); gives what was there."""
        return self._update(array, at, lambda old: min(old, value))

    def _update(self, array, at, change):
        where = array.locate(at, "atomic")
        if where is None:
            return array.dtype.type(0)
        old = array.data[where]
        array.put(where, change(old))
        return old


class Model:
    """What `cuda` means while a kernel is analysed; what the rewritten kernel tells its steps to.

    Parameters
    ----------
    kernel : Kernel, numba kernel or function
    geometry : Geometry
    args : NumPy arrays and numbers

    Attributes
    ----------
    steps, branches : events of the block that runs, by (place, warp, turns)
    requests : by (place, kind, space, size, warp, turns): pairs (lane, address)
    totals : Counters by place, after the run
    findings : Findings, what is wrong
    """

    warpsize = 32

    def __init__(self, kernel, geometry, args):
        self.geometry, self.traced = geometry, Traced(kernel, self)
        self.name = self.traced.fn.__name__
        self.blockDim, self.gridDim = (index((*s, 1, 1)[:3]) for s in (geometry.block, geometry.blocks))
        self.atomic, self.local, self.spots = Atomic(self), Local(), {}
        self.totals = defaultdict(Counter)
        self.findings, self.shared_bytes, self.blocks_touch = Findings(self), 0, Hazards()
        addresses = Addresses()
        self.args = [self._argument(a, addresses) for a in args]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise KernelError(
            f"{self.name}: cuda.{name} is not modelled by the analyser. It knows grid, gridsize, threadIdx, blockIdx, "
            "blockDim, gridDim, laneid, warpsize, syncthreads, shared.array, local.array, and atomic.add, max, min."
        )

    def _argument(self, value, addresses):
        if isinstance(value, np.ndarray) and value.ndim:
            return Array(self, value, addresses.of(value), "global")
        if isinstance(value, (int, float, complex, np.generic)):
            return value
        raise KernelError(f"analyse: {self.name} was given a {type(value).__name__}; give NumPy arrays and numbers.")

    # Running

    def run(self):
        """Run the whole grid."""
        for block in self.geometry.indices(self.geometry.blocks):
            self._run_block(block)
        return self

    def _run_block(self, block):
        warp = self.geometry.limits.warp
        threads = [
            Thread(i, block, n // warp, n % warp) for n, i in enumerate(self.geometry.indices(self.geometry.block))
        ]
        self.steps, self.branches, self.requests = Counter(), Counter(), defaultdict(list)
        self.shared, self.blockIdx = Shared(self), index(block)
        waiting = {n: self.traced.run(*self.args) for n in range(len(threads))}
        while waiting:
            self.threads_touch = Hazards()  # a barrier orders what came before it
            sites = {n: self._resume(threads[n], run) for n, run in waiting.items()}
            self._check_barrier(threads, sites)
            waiting = {n: waiting[n] for n, site in sites.items() if site is not None}
        self._add_up()

    def _resume(self, thread, run):
        """Run a thread up to a barrier, whose site it gives, or to its end: None."""
        self.thread, self.threadIdx, self.laneid = thread, index(thread.index), thread.lane
        try:
            return next(run, None)
        except KernelError:
            raise
        except Exception as error:
            line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
            raise KernelError(
                f"{self.name}, line {line}, {self.findings.who()}: {type(error).__name__}: {error}"
            ) from error

    def _check_barrier(self, threads, sites):
        if len(set(sites.values())) < 2:
            return
        site = next(s for s in sites.values() if s is not None)
        away = next(n for n in sites if sites[n] != site)
        self.thread = threads[away]
        self.findings.barrier(site, sum(s == site for s in sites.values()), len(threads), sites[away])

    def grid(self, ndim):
        """cuda.grid: the thread's index in the whole grid."""
        sizes = (*self.geometry.block, 1, 1)
        found = [b * s + t for b, s, t in zip(self.thread.block, sizes, self.thread.index, strict=False)]
        return found[0] if ndim == 1 else tuple(found[:ndim])

    def gridsize(self, ndim):
        """cuda.gridsize: threads of the grid along each axis."""
        found = [b * s for b, s in zip((*self.geometry.blocks, 1, 1), (*self.geometry.block, 1, 1), strict=False)]
        return found[0] if ndim == 1 else tuple(found[:ndim])

    # What the rewritten kernel tells

    def step(self, site):
        self.steps[site, self.thread.warp, self.thread.turns] += 1

    def branch(self, site, test):
        key = site, self.thread.warp, self.thread.turns
        self.steps[key] += 1
        self.branches[key] |= TRUE if test else FALSE
        return test

    def arithmetic(self, site, value):
        if isinstance(value, (float, np.floating)):
            self.totals["flops"][site[:2]] += 1
        return value

    def loop(self, site, depth, iterable):
        thread = self.thread
        around = thread.turns[: thread.base + depth - 1]
        turn = -1
        for turn, item in enumerate(iterable):
            thread.turns = (*around, turn)
            self.branch(site, True)
            yield item
        thread.turns = (*around, turn + 1)
        self.branch(site, False)

    def enter(self, depth):
        self.thread.turns = (*self.thread.turns[: self.thread.base + depth - 1], -1)

    def turn(self, depth):
        around = self.thread.base + depth - 1
        self.thread.turns = (*self.thread.turns[:around], self.thread.turns[around] + 1)
        return True

    def leave(self, depth):
        self.thread.turns = self.thread.turns[: self.thread.base + depth]

    def call(self, site, fn, *args):
        """A device function: what happens in it belongs to the place that calls it."""
        thread = self.thread
        before = thread.turns, thread.base
        thread.turns += (site,)
        thread.base = len(thread.turns)
        value = yield from fn(*args)
        thread.turns, thread.base = before
        return value

    def spot(self, frame):
        """Where a frame stands.

        Not the index of the instruction: a specialised call leaves the frame a few cache entries further on.
        """
        code, at = frame.f_code, frame.f_lasti
        if (id(code), at) not in self.spots:
            position = list(code.co_positions())[at // 2]
            found = self.spots.setdefault((id(code), position), Spot(code, position))
            self.spots[id(code), at] = found
        return self.spots[id(code), at]

    def kernel_frame(self):
        """The innermost frame that runs the kernel's own source."""
        frame = sys._getframe(1)
        while id(frame.f_code) not in self.traced.codes:
            frame = frame.f_back
        return frame

    def access(self, array, kind, address, at):
        """A thread touches one entry."""
        thread, spot = self.thread, self.spot(self.kernel_frame())
        key = spot, kind, array.space, array.itemsize, thread.warp, thread.turns
        self.requests[key].append((thread.lane, address))
        entry = array.space, address
        other = self.threads_touch.touch(entry, thread.index, kind, spot)
        if other:
            self.findings.race_in_block(at, kind, array.space, spot, other)
        other = array.space == "global" and self.blocks_touch.touch(entry, thread.block, kind, spot)
        if other:
            self.findings.race_of_blocks(at, kind, array.space, spot, other)

    # Adding up

    def _add_up(self):
        """Add the events of a block to the totals."""
        for (site, _, _), lanes in self.steps.items():
            self.totals["issues"][site[:2]] += 1
            self.totals["lanes"][site[:2]] += lanes
        for (site, _, _), ways in self.branches.items():
            self.totals["branches"][site] += 1
            self.totals["divergent"][site] += ways == TRUE | FALSE
        for (spot, kind, space, size, _, _), lanes in self.requests.items():
            self.totals[spot, kind, space, size].update(cost(lanes, size, space))
        self.shared_bytes = max(self.shared_bytes, self.shared.used)


def cost(lanes, size, space):
    """What one request of a warp costs, as counts to be added up.

    Parameters
    ----------
    lanes : pairs (lane, address)
    size : int; bytes of an entry
    space : "global" or "shared"
    """
    found = {"requests": 1, "lanes": len(lanes), "asked": size * len(lanes)}
    if space == "shared":
        taken, least = wavefronts(lanes, size)
        return found | {"wavefronts": taken, "conflicts": taken - least}
    addresses = {address for _, address in lanes}
    sectors, fewest = segments(addresses, size, SECTOR), -(-size * len(addresses) // SECTOR)
    return found | {
        "sectors": sectors, "lines": segments(addresses, size, LINE), "coalesced": int(sectors == fewest),
    }  # fmt: skip
