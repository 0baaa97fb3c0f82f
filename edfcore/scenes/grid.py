"""A launch looked at lane by lane: blocks, warps of 32, idle lanes, branches, and the memory that a warp touches.

    i = cuda.grid(1)                          # blockIdx.x * blockDim.x + threadIdx.x
    if i < n:
        value = x[i * stride + offset]
        if i % 2 == 0: ...  else: ...         # or another test, or none

The grid is that of cuda.geometry.grid, sectors and lines are counted by cuda.transactions.segments: counts of what the
source asks for, no times (S2 and S4; CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory"). A test runs
this kernel in cuda.analyse, which must find the same counts.
"""

import numpy as np

from ..cuda.geometry import Limits, ceil_div, grid
from ..cuda.transactions import LINE, SECTOR, segments
from ..errors import DataError
from .base import Scene, Setting, short
from .mine import called, count, whole

WARP = Limits().warp
EMPTY, IDLE, FIRST, SECOND = range(4)  # a lane: without a thread, past n, on the first way of the branch, on the second
BRANCHES = {"none": "no branch", "parity": "i % 2 == 0", "half": "i % 32 < 16", "warp": "i // 32 % 2 == 0"}
TESTS = {
    "none": lambda i: np.ones_like(i, bool), "parity": lambda i: i % 2 == 0,
    "half": lambda i: i % WARP < WARP // 2, "warp": lambda i: i // WARP % 2 == 0,
}  # fmt: skip
COUNTS = (
    "threads", "lanes", "lanes without work", "warps at work", "divergent: branch", "divergent: i < n",
    "32-byte sectors", "least sectors", "128-byte lines", "bytes asked for", "bytes moved",
)  # fmt: skip
MOST = 4096  # elements
FURTHEST = 2**40  # element that an index of the reader may give


def lanes_of(geometry, n, branch):
    """What each lane of a launch does.

    Returns
    -------
    i, kind : int arrays (blocks, warps of a block, 32); the lane's element, and EMPTY, IDLE, FIRST or SECOND
    """
    t = np.arange(geometry.warps_per_block * WARP)
    i = np.arange(geometry.n_blocks)[:, None] * geometry.threads_per_block + t
    kind = np.where(i >= n, IDLE, np.where(TESTS[branch](i), FIRST, SECOND))
    kind[:, t >= geometry.threads_per_block] = EMPTY
    shape = geometry.n_blocks, geometry.warps_per_block, WARP
    return i.reshape(shape), kind.reshape(shape)


def counts_of(kind, addresses, size):
    """COUNTS of one warp, (11,), from what its 32 lanes do and the bytes that they read."""
    both, past = {FIRST, SECOND} <= set(kind), addresses and IDLE in kind
    sectors, lines = segments(addresses, size), segments(addresses, size, LINE)
    threads, idle, asked = WARP - kind.count(EMPTY), WARP - len(addresses), len(addresses) * size
    least = ceil_div(asked, SECTOR)
    return [threads, WARP, idle, bool(addresses), both, bool(past), sectors, least, lines, asked, SECTOR * sectors]


class Grid(Scene):
    """How a launch cuts n elements into blocks and warps, and what the warps' reads move."""

    name, title = "grid", "Grid explorer: threads, warps, lanes and the memory they touch"
    settings = (
        Setting("n", "elements n", 1000, low=1, high=MOST, step=1, whole=True),
        Setting("block", "threads per block", 256, low=1, high=1024, step=1, whole=True),
        Setting("stride", "stride of the read, in elements", 2, low=1, high=32, step=1, whole=True),
        Setting("offset", "offset of the read, in elements", 0, low=0, high=32, step=1, whole=True),
        Setting("size", "element", 4, "choice", choices=((4, "float32, 4 bytes"), (8, "float64, 8 bytes"))),
        Setting("branch", "branch", "parity", "choice", choices=tuple(BRANCHES.items())),
        Setting("at_block", "block looked at", 3, low=0, high=MOST - 1, step=1, whole=True, hidden=True),
        Setting("at_warp", "warp looked at", 0, low=0, high=31, step=1, whole=True, hidden=True),
        Setting("at_lane", "lane looked at", 1, low=0, high=31, step=1, whole=True, hidden=True),
    )

    def compute(self, state):
        """What the launch counts, and the warp looked at.

        launch, warp : (11,) COUNTS, of all warps together and of the one; kinds : (warps of a block, 32), what the
        lanes of the block looked at do; element, where : (32,), the warp's i, and the bytes from x[0] that it reads,
        -1 where a lane reads nothing. Beyond the last block or warp the last one is looked at.
        """
        n, size, geometry = state["n"], state["size"], grid(state["n"], state["block"])
        i, kind = lanes_of(geometry, n, state["branch"])
        where = np.where(kind >= FIRST, (i * state["stride"] + state["offset"]) * size, -1)
        b, w = min(state["at_block"], geometry.n_blocks - 1), min(state["at_warp"], geometry.warps_per_block - 1)
        flat = zip(kind.reshape(-1, WARP).tolist(), where.reshape(-1, WARP).tolist(), strict=True)
        costs = np.array([counts_of(k, [a for a in bytes_ if a >= 0], size) for k, bytes_ in flat], float)
        return {
            "blocks": geometry.n_blocks, "warps": geometry.warps, "at_block": b, "at_warp": w,
            "launch": costs.sum(0), "warp": costs[b * geometry.warps_per_block + w], "kinds": kind[b].astype(float),
            "element": i[b, w].astype(float), "where": where[b, w].astype(float),
        }  # fmt: skip

    def caption(self, state, found):
        _, lanes, idle, work, divergent = found["launch"][:5].astype(int)
        first = (
            f"{count(state['n'], 'element')} on {count(found['blocks'], 'block')} of {state['block']}: "
            f"{count(found['warps'], 'warp')}, {idle} of {lanes} lanes without work ({short(100 * idle / lanes)} %)."
        )
        if state["branch"] != "none":
            ran = f"{divergent} {'runs' if divergent == 1 else 'run'}" if divergent else "none runs"
            first += f" Of {count(work, 'warp')} at work {ran} both ways of {BRANCHES[state['branch']]}"
            first += ", in turn." if divergent else "."
        sectors, least, _, asked, moved = found["warp"][6:].astype(int)
        who = f"Warp {found['at_warp']} of block {found['at_block']}"
        if not asked:
            return f"{first} {who} has no element and reads nothing."
        told = f"{first} {who} asks for {asked} bytes and moves {moved}, in {count(sectors, 'sector')}"
        return f"{told}: {'as few as hold them' if sectors == least else f'{least} would hold them'}."

    def rows(self, state, found):
        launch, warp = found["launch"].astype(int), found["warp"].astype(int)
        table = [[name, str(a), str(b)] for name, a, b in zip(COUNTS, launch, warp, strict=True)]
        head = ["count", "launch", f"warp {found['at_warp']} of block {found['at_block']}"]
        return [head, *table, ["asked / moved", efficient(launch), efficient(warp)]]


def efficient(counts):
    """Bytes asked for / bytes moved in percent, as text; a dash where nothing moves."""
    return f"{short(100 * counts[9] / counts[10])} %" if counts[10] else "-"


def own_read(index, state, found):
    """What the lanes of the warp looked at, and the launch, move where thread i reads x[index(i)].

    Parameters
    ----------
    index : function of a whole number i that gives a whole number from 0 to FURTHEST

    Returns
    -------
    dict : where (32,) bytes, -1 where a lane reads nothing; sectors_warp, sectors; efficiency, the bytes that a warp
    asks for, counted once where lanes share them, over those moved; diverges, the first lane whose address is another
    than the scene's, -1 if none is; told, a sentence
    """
    n, size = state["n"], state["size"]
    i, kind = lanes_of(grid(n, state["block"]), n, "none")
    bytes_of = np.array([element_of(index, k) * size for k in range(n)])
    warps = [bytes_of[i[warp][kind[warp] == FIRST]].tolist() for warp in np.ndindex(i.shape[:2])]
    sectors, asked = sum(segments(reads, size) for reads in warps), size * sum(len(set(reads)) for reads in warps)
    here = np.full(WARP, -1.0)
    reads = found["where"] >= 0
    here[reads] = bytes_of[found["element"][reads].astype(int)]
    apart, first = here != found["where"], int((here != found["where"]).argmax())
    share = asked / (SECTOR * sectors)
    elsewhere = f"lane {first} is the first that reads elsewhere" if apart.any() else "no lane reads elsewhere"
    return {
        "where": here, "sectors_warp": segments(here[reads].astype(int).tolist(), size), "sectors": sectors,
        "efficiency": share, "diverges": first if apart.any() else -1,
        "told": f"With your index {elsewhere}; the launch needs {short(100 * share)} % of the bytes that it moves.",
    }  # fmt: skip


def element_of(index, i):
    """The element that a reader's index gives for thread i. Raises DataError."""
    needed = f"a whole number from 0 to {FURTHEST}"
    element = whole(called(index, "GridExplorer", needed, i), "GridExplorer", needed, f"mine({i})")
    if element < 0:
        raise DataError(f"GridExplorer: mine({i}) gave {element}, an index below 0: it would read before the array.")
    if element > FURTHEST:
        raise DataError(f"GridExplorer: mine({i}) gave {element}; {needed} is needed.")
    return element
