"""What is wrong with a kernel, as sentences: kernel, line, thread, block, index, and how to mend it."""

from dataclasses import dataclass

VERBS = {"load": "reads", "store": "writes", "atomic": "updates"}


@dataclass(frozen=True)
class Fault:
    """Something wrong with the kernel; the first time that it happened is told.

    Attributes
    ----------
    kind : "out of range", "negative index", "not written", "race" or "barrier"
    text : a sentence
    line : int; of the source file
    block, thread : indices (x, y, z)
    """

    kind: str
    text: str
    line: int
    block: tuple
    thread: tuple


class Findings:
    """The faults of a launch, one of each kind at each place.

    Parameters
    ----------
    model : Model; asked which thread runs, and where

    Attributes
    ----------
    faults, times : by kind and place, the Fault and how often it happened
    """

    def __init__(self, model):
        self.model, self.faults, self.times = model, {}, {}

    def who(self):
        """The thread that runs, in words."""
        return f"thread {self.of_block(self.model.thread.index)} of block {self.of_grid(self.model.thread.block)}"

    def of_block(self, thread):
        """The index of a thread with as many axes as the block has."""
        return plain(thread[: len(self.model.geometry.block)])

    def of_grid(self, block):
        """The index of a block with as many axes as the grid has."""
        return plain(block[: len(self.model.geometry.blocks)])

    def here(self):
        """Function, line and thread, in words."""
        frame = self.model.kernel_frame()
        return f"{frame.f_code.co_name}, line {frame.f_lineno}, {self.who()}"

    def array(self):
        """The array that is accessed, as the source spells it."""
        spot = self.model.spot(self.model.kernel_frame())
        return self.model.traced.sources[spot.code].expressions.get(spot.position, ("the array", ""))[0]

    def add(self, kind, place, function, line, text):
        """Take down a fault."""
        key, thread = (kind, place), self.model.thread
        self.times[key] = self.times.get(key, 0) + 1
        if key not in self.faults:
            text = f"{function}, line {line}: {text}"
            self.faults[key] = Fault(kind, text, line, thread.block, thread.index)

    def add_here(self, kind, text):
        """Take down a fault of the expression that runs."""
        frame = self.model.kernel_frame()
        self.add(kind, self.model.spot(frame), frame.f_code.co_name, frame.f_lineno, text)

    def out_of_range(self, array, at, kind):
        """An index beyond the array's end."""
        name, n = self.array(), array.shape
        has = f"{n[0]:,} entries, 0 to {n[0] - 1:,}" if len(n) == 1 else f"shape {n}"
        self.add_here(
            "out of range",
            f"{self.who()} {VERBS[kind]} {name}[{listed(at)}], and {name} has {has}. A device does not check: guard "
            "the access, as in `if i < n`.",
        )

    def negative(self, at):
        """An index below 0."""
        self.add_here(
            "negative index",
            f"{self.who()} uses {self.array()}[{listed(at)}]. numba counts a negative index from the end, CUDA C "
            "reaches before the array: guard the access.",
        )

    def unwritten(self, at):
        """A read of shared memory that holds nothing yet."""
        self.add_here(
            "not written",
            f"{self.who()} reads {self.array()}[{listed(at)}], which no thread of its block has written: shared memory "
            "starts undefined.",
        )

    def race_in_block(self, at, kind, space, spot, other):
        """Two threads of a block, between two barriers."""
        whom = f"thread {self.of_block(other[0])} of the same block"
        self.race(at, kind, space, spot, other, whom, "no syncthreads() stands between the two.")

    def race_of_blocks(self, at, kind, space, spot, other):
        """Two blocks of a launch."""
        whom = f"block {self.of_grid(other[0])}"
        self.race(at, kind, space, spot, other, whom, "blocks run in any order: use cuda.atomic, or a second launch.")

    def race(self, at, kind, space, spot, other, whom, why):
        """Two accesses that nothing orders, at least one of them a write."""
        _, did, where = other
        text = (
            f"race: {self.who()} {VERBS[kind]} {self.array()}[{listed(at)}], and {whom} {VERBS[did]} it at line "
            f"{where.line}; {why}"
        )
        self.add("race", (space, spot, where), spot.code.co_name, spot.line, text)

    def barrier(self, site, there, threads, elsewhere):
        """Threads of a block that part before a barrier; the model's thread is one that is not there."""
        where = "has ended" if elsewhere is None else f"waits at line {elsewhere[1]}"
        text = (
            f"syncthreads() is reached by {there} of the {threads} threads of a block, and {self.who()} {where}. All "
            "threads of a block must reach the same barrier: move it out of the if, or do not return before it."
        )
        self.add("barrier", site, *site[:2], text)


def plain(sizes):
    """An index in words: 3, or (3, 1)."""
    return str(sizes[0]) if len(sizes) == 1 else f"({listed(sizes)})"


def listed(at):
    """An index as it stands in brackets."""
    return ", ".join(map(str, at))
