"""What an analysed launch did: counts for the launch, for each line of the kernel, and for each access."""

from dataclasses import dataclass

from .geometry import Geometry
from .kernel import KernelError
from .transactions import SECTOR


@dataclass(frozen=True)
class Access:
    """One place of the source that reads or writes memory.

    Attributes
    ----------
    function : the kernel, or the device function that it calls
    line : int; of the source file
    array, text : the array and the whole access, as written
    space : "global" or "shared"
    kind : "load", "store" or "atomic"
    itemsize : bytes of an entry
    requests : times that a warp executed it
    lanes : times that a thread executed it
    asked : bytes that threads asked for, lanes * itemsize
    sectors, lines : 32-byte sectors and 128-byte lines that the requests touched (global)
    coalesced : requests that touched no more sectors than their bytes need (global)
    wavefronts, conflicts : passes over shared memory, and those that bank conflicts added (shared)
    """

    function: str
    line: int
    array: str
    text: str
    space: str
    kind: str
    itemsize: int
    requests: int = 0
    lanes: int = 0
    asked: int = 0
    sectors: int = 0
    lines: int = 0
    coalesced: int = 0
    wavefronts: int = 0
    conflicts: int = 0

    @property
    def moved(self):
        """Bytes that the sectors hold."""
        return SECTOR * self.sectors

    @property
    def efficiency(self):
        """Bytes asked for / bytes moved; above 1 where lanes share an entry."""
        return self.asked / self.moved if self.moved else 1.0


@dataclass(frozen=True)
class Branch:
    """A test of an if, a loop or a conditional expression.

    Attributes
    ----------
    function, line : where
    executions : times that a warp executed it
    divergent : of these, how often its lanes took both ways
    """

    function: str
    line: int
    executions: int
    divergent: int


@dataclass(frozen=True)
class Line:
    """A line of the kernel.

    Attributes
    ----------
    function : the kernel, or the device function that it calls
    number, text : of the source file
    issues : times that a warp executed a statement or a test of it
    lanes : times that a thread did
    flops : floating-point + - * / ** and calls of `math`, over all threads
    """

    function: str
    number: int
    text: str
    issues: int
    lanes: int
    flops: int

    @property
    def active(self):
        """Lanes at work when a warp executes the line, on average; of 32."""
        return self.lanes / self.issues if self.issues else 0.0


@dataclass(frozen=True)
class Report:
    """What `analyse` found. `print(report)` shows it line by line.

    Attributes
    ----------
    kernel : its name
    geometry : Geometry
    lines, accesses, branches, faults : tuples of Line, Access, Branch, Fault
    times : how often each fault happened
    shared_bytes : shared memory of a block, bytes
    """

    kernel: str
    geometry: Geometry
    lines: tuple
    accesses: tuple
    branches: tuple
    faults: tuple
    times: tuple
    shared_bytes: int

    warps = property(lambda self: self.geometry.warps)
    threads = property(lambda self: self.geometry.threads)
    flops = property(lambda self: sum(line.flops for line in self.lines))
    divergent = property(lambda self: sum(b.divergent for b in self.branches))
    conflicts = property(lambda self: sum(a.conflicts for a in self.accesses))
    sectors = property(lambda self: sum(a.sectors for a in self.accesses))
    moved = property(lambda self: SECTOR * self.sectors)

    @property
    def asked(self):
        """Bytes that threads asked of global memory."""
        return sum(a.asked for a in self.accesses if a.space == "global")

    @property
    def efficiency(self):
        """Bytes asked of global memory / bytes moved; above 1 where lanes share entries."""
        return self.asked / self.moved if self.moved else 1.0

    @property
    def active(self):
        """Lanes at work when a warp executes a statement, on average over all; of 32. Empty lanes count as idle."""
        return sum(x.lanes for x in self.lines) / max(1, sum(x.issues for x in self.lines))

    @property
    def idle_lanes(self):
        """Lane slots that did nothing while their warp executed: 32 issues - lanes, over all statements."""
        return sum(self.geometry.limits.warp * x.issues - x.lanes for x in self.lines)

    def find(self, array, kind=None):
        """The one access of an array as the source spells it, of a kind where there are more. Raises KernelError."""
        found = [a for a in self.accesses if array in (a.array, a.text) and kind in (None, a.kind)]
        if len(found) != 1:
            known = ", ".join(f"{a.text} ({a.kind})" for a in self.accesses)
            raise KernelError(f"{self.kernel} has {len(found)} accesses {array!r}; it has {known}.")
        return found[0]

    def check(self):
        """This report, where nothing is wrong. Raises KernelError that tells every fault."""
        if self.faults:
            raise KernelError("\n".join(self._faults()))
        return self

    def _faults(self):
        for fault, n in zip(self.faults, self.times, strict=True):
            yield fault.text + (f" ({n:,} times)" if n > 1 else "")

    def __str__(self):
        head = (
            f"{self.kernel}: {self.geometry}\n"
            f"{self.active:.1f} of {self.geometry.limits.warp} lanes active; {self.divergent:,} divergent branches; "
            f"{self.flops:,} FLOP\n"
            f"global memory: {self.asked:,} bytes asked for, {self.moved:,} moved in {self.sectors:,} sectors of "
            f"{SECTOR} bytes ({self.efficiency:.0%})\n"
            f"shared memory: {self.shared_bytes:,} bytes a block, {self.conflicts:,} bank conflicts"
        )
        return "\n".join([head, "", *self._table(), *(f"fault: {text}" for text in self._faults())])

    def _table(self):
        """The kernel's lines, with what each did."""
        columns = ("line", "warps", "lanes", "diverge", "sectors", "bytes", "conflicts")
        yield " ".join(f"{name:>9}" for name in columns) + "  source"
        for line in self.lines:
            at = line.function, line.number
            here = [a for a in self.accesses if (a.function, a.line) == at]
            world = [a for a in here if a.space == "global"]
            tests = [b for b in self.branches if (b.function, b.line) == at]
            moved = sum(a.moved for a in world)
            cells = (
                line.number,
                line.issues or "",
                f"{line.active:.1f}" if line.issues else "",
                f"{sum(b.divergent for b in tests)}/{sum(b.executions for b in tests)}" if tests else "",
                sum(a.sectors for a in world) if world else "",
                f"{sum(a.asked for a in world) / moved:.0%}" if moved else "",
                sum(a.conflicts for a in here) if len(here) > len(world) else "",
            )
            yield " ".join(f"{cell:>9}" for cell in cells) + f"  {line.text}"
