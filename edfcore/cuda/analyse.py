"""The analyser: run a kernel over its grid, and count what its warps do.

Counted are warps, active and idle lanes, divergent branches, global memory transactions, bank conflicts and
arithmetic, for the launch, for each line and for each access; the first fault of each kind and place is told. The
rules are those of `model.py` (who executes together) and `transactions.py` (what a request costs).
"""

from .geometry import Geometry
from .model import Model
from .report import Access, Branch, Line, Report


def analyse(kernel, geometry, *args):
    """Run a kernel as a launch would, and report what its warps did.

    The kernel is the very function that runs on the device, its source rewritten so that each step is seen. It writes
    into its array arguments, as a launch does. An array counts as one allocation of the device, at a multiple of 256
    bytes; a view, such as x[1:], lies inside the allocation of its base, as a view of a device array does.

    Caches, the compiler (which may turn a short if into predicated instructions, and reorder loads) and latencies are
    left out: these are counts of what the source asks for, no times.

    Parameters
    ----------
    kernel : function made with @kernel or with numba's @cuda.jit, or the plain function
    geometry : Geometry, as `grid(n, block)` gives; or a pair (blocks, threads of a block)
    args : NumPy arrays and numbers, what the kernel takes

    Returns
    -------
    Report

    Raises
    ------
    KernelError : the kernel uses what is not modelled, or fails.
    DataError : the device would refuse the launch.

    >>> import numpy as np
    >>> from edfcore.cuda import grid, kernels
    >>> x, y = np.ones(64, np.float32), np.zeros(64, np.float32)
    >>> report = analyse(kernels.saxpy, grid(64, 32), 64, 2.0, x, y)
    >>> report.warps, report.divergent, report.find("x").sectors, report.efficiency
    (2, 0, 8, 1.0)
    """
    geometry = geometry if isinstance(geometry, Geometry) else Geometry(*geometry)
    model = Model(kernel, geometry, args).run()
    return Report(
        kernel=model.name, geometry=geometry, lines=tuple(lines(model)), accesses=tuple(accesses(model)),
        branches=tuple(branches(model)), faults=tuple(model.findings.faults.values()),
        times=tuple(model.findings.times.values()), shared_bytes=model.shared_bytes,
    )  # fmt: skip


def lines(model):
    """Every line of the kernel and of the device functions that it calls, as Line."""
    issues, lanes, flops = (model.totals[name] for name in ("issues", "lanes", "flops"))
    for source in model.traced.sources.values():
        for number, text in source.lines.items():
            at = source.name, number
            yield Line(*at, text, issues[at], lanes[at], flops[at])


def accesses(model):
    """Every place that reads or writes memory, as Access, in the order of the source."""
    found = [key for key in model.totals if isinstance(key, tuple)]
    for spot, kind, space, size in sorted(found, key=lambda key: (key[0].code.co_name, key[0].position, key[1])):
        source = model.traced.sources[spot.code]
        array, text = source.expressions.get(spot.position, ("", ""))
        yield Access(source.name, spot.line, array, text, space, kind, size, **model.totals[spot, kind, space, size])


def branches(model):
    """Every test, as Branch, in the order of the source."""
    divergent = model.totals["divergent"]
    return [Branch(*site[:2], n, divergent[site]) for site, n in sorted(model.totals["branches"].items())]
