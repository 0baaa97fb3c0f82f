"""A straight-line program over arrays that are made once: lines of Python, the arrays that they name, and where in one
block of memory each array lies.

An array that lives only from one line to a later one shares memory with those whose lives do not overlap with its own.
A line says which arrays it touches by naming them, so that nothing is declared twice.
"""

import keyword
import re
from dataclasses import dataclass, field

import numpy as np

ALIGN = 64  # bytes; a cache line, and the widest vector of today's processors


@dataclass
class Buffer:
    """An array of a program. `root` is the buffer whose memory it views; `array` is known once memory is laid out."""

    name: str
    shape: tuple
    dtype: np.dtype
    root: str
    make: object = None  # for a view: function of the root's array
    array: object = None
    first: int = -1  # the first and the last line that names it or a view of it
    last: int = -1
    offset: int = -1

    nbytes = property(lambda self: int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize)


@dataclass(frozen=True)
class Line:
    """One line of the program, and what it is for."""

    text: str
    note: str = ""


@dataclass
class Program:
    """Lines, and the names in them.

    `begin` gives the parameters of the generated function; every other name is a buffer or an object that is bound.
    """

    arguments: tuple = ()
    lines: list = field(default_factory=list)
    buffers: dict = field(default_factory=dict)
    bound: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    locals: dict = field(default_factory=dict)
    arena: object = None
    block: object = None  # function (n, dtype) that makes memory where the program runs; default `aligned`
    live: int = 0  # bytes of arena buffers that live at once, at most

    # Names

    def fresh(self, hint):
        """A name that is not taken: the hint, or the hint with a number."""
        hint = re.sub(r"\W", "_", hint, flags=re.ASCII) or "a"
        hint = f"_{hint}" if hint[0].isdigit() or keyword.iskeyword(hint) else hint
        name, number = hint, 1
        while any(name in names for names in (self.buffers, self.bound, self.groups, self.locals, self.arguments)):
            number += 1
            name = f"{hint}{number}"
        return name

    def buffer(self, hint, shape, dtype):
        """A new array in the shared block of memory, alive from its first line to its last."""
        name = self.fresh(hint)
        self.buffers[name] = Buffer(name, tuple(shape), np.dtype(dtype), name)
        return name

    def fixed(self, hint, array):
        """An array that exists already and outlives the program."""
        name = self.fresh(hint)
        self.buffers[name] = Buffer(name, array.shape, array.dtype, name, array=array)
        return name

    def view(self, of, hint, make):
        """A view of a buffer: make(array) gives it."""
        base, name = self.buffers[of], self.fresh(hint)
        whole = base.make
        chained = make if whole is None else lambda array: make(whole(array))
        shape = make(np.broadcast_to(np.empty((), base.dtype), base.shape)).shape
        self.buffers[name] = Buffer(name, shape, base.dtype, base.root, chained)
        return name

    def bind(self, hint, value):
        """A name for a function, a number or any other object. The same object keeps its name."""
        for name, there in self.bound.items():
            if there is value:
                return name
        name = self.fresh(hint)
        self.bound[name] = value
        return name

    def group(self, hint, of, make):
        """A name for make(*arrays), any object made of the arrays named in `of` once they have their memory."""
        name = self.fresh(hint)
        self.groups[name] = tuple(of), make
        return name

    def local(self, hint, of=()):
        """A name that a line of the program sets; what it holds may share memory with the arrays named in `of`."""
        name = self.fresh(hint)
        self.locals[name] = tuple(of)
        return name

    def emit(self, text, note=""):
        """Add a line."""
        self.lines.append(Line(text, " ".join(note.split())))

    # Memory

    def lay_out(self, keep=()):
        """Give every buffer its memory. Those in `keep`, and what they view, live to the end."""
        self._lives(keep)
        mine = [b for b in self.buffers.values() if b.root == b.name and b.array is None]
        size = place(mine)
        self.live = most_alive(mine)
        self.arena = (self.block or aligned)(size, np.uint8)
        for b in mine:
            there = self.arena[b.offset : b.offset + b.nbytes]
            b.array = there.view(b.dtype).reshape(b.shape)
        for b in self.buffers.values():
            if b.root != b.name:
                b.array = b.make(self.buffers[b.root].array)
        for name, (of, make) in self.groups.items():
            self.bound[name] = make(*(self.buffers[k].array for k in of))

    def _lives(self, keep):
        names = re.compile(r"\b[A-Za-z_]\w*\b")
        for number, line in enumerate(self.lines):
            for root in self._touched(names.findall(line.text)):
                root.first = number if root.first < 0 else root.first
                root.last = number
        for name in keep:
            root = self.buffers[self.buffers[name].root]
            root.first, root.last = max(root.first, 0), len(self.lines)

    def _touched(self, names):
        """The buffers behind names: their own, those of their groups, and those that locals may share memory with."""
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            waiting += self.groups[name][0] if name in self.groups else self.locals.get(name, ())
            if name in self.buffers:
                yield self.buffers[self.buffers[name].root]

    # Code

    def source(self, name="step"):
        """The program as a Python function. Names that it does not define are arrays and functions bound to it."""
        width = min(max((len(line.text) for line in self.lines), default=0), 60)
        body = [
            f"    {line.text:<{width}}  # {line.note}" if line.note else f"    {line.text}" for line in self.lines
        ] or ["    pass"]
        return "\n".join([f"def {name}({', '.join(self.arguments)}):", *body])

    def compile(self, name="step"):
        """The function that runs the program. Arrays and functions are its default arguments, the fastest names."""
        used = set(re.findall(r"\b[A-Za-z_]\w*\b", "\n".join(line.text for line in self.lines)))
        known = {k: b.array for k, b in self.buffers.items()} | self.bound
        defaults = ", ".join(f"{k}={k}" for k in known if k in used)
        head = f"def {name}({', '.join((*self.arguments, defaults) if defaults else self.arguments)}):"
        text = "\n".join([head, *(self.source(name).split("\n")[1:])])
        namespace = dict(known)
        exec(compile(text, f"<planned {name}>", "exec"), namespace)  # noqa: S102  our own lines
        return namespace[name]


def aligned(size, dtype):
    """An array of `size` entries, not filled, that begins at a multiple of ALIGN bytes."""
    dtype = np.dtype(dtype)
    block = np.empty(size * dtype.itemsize + ALIGN, np.uint8)
    start = -block.ctypes.data % ALIGN
    return block[start : start + size * dtype.itemsize].view(dtype)


def place(buffers):
    """Give buffers offsets so that those alive at the same time do not overlap; returns the bytes needed.

    The largest first, each at the lowest place that is free during its life ("greedy by size": Pisarchyk & Lee 2020,
    2001.03288, section 4.2).
    """
    placed, end = [], 0
    for b in sorted((b for b in buffers if b.first >= 0), key=lambda b: (-b.nbytes, b.first)):
        taken = sorted((p.offset, p.offset + _padded(p)) for p in placed if p.first <= b.last and b.first <= p.last)
        at = 0
        for start, stop in taken:
            if start - at >= _padded(b):
                break
            at = max(at, stop)
        b.offset = at
        placed.append(b)
        end = max(end, at + _padded(b))
    for b in buffers:
        b.offset = max(b.offset, 0)  # named by no line
    return end


def _padded(b):
    return -(-b.nbytes // ALIGN) * ALIGN


def most_alive(buffers):
    """Bytes alive at once, at most: what no placing can go below."""
    changes = {}
    for b in buffers:
        if b.first >= 0:
            changes[b.first] = changes.get(b.first, 0) + b.nbytes
            changes[b.last + 1] = changes.get(b.last + 1, 0) - b.nbytes
    now = most = 0
    for number in sorted(changes):
        now += changes[number]
        most = max(most, now)
    return most
