"""The warm processes of one machine: a zygote for each set of forbidden names, and what examiners hold ready."""

import contextlib
import re
import threading

from . import sandbox
from .examine import every_forbidden
from .inside.arrays import share_mnist
from .library import cached_library


class Warm:
    """Zygotes for one master. Use as a context manager.

    Parameters
    ----------
    master : Master
    builds : path of the folder with grading builds of edfcore
    unsafe : bool; no isolation
    fresh : bool; a new zygote for each pass, the reference mode
    parent : Warm whose zygotes this one uses too (they stay the parent's)
    keep : int, how many zygotes besides the first are kept

    Raises
    ------
    SandboxError : this machine cannot isolate and `unsafe` was not asked for.
    """

    def __init__(self, master, builds, unsafe=False, fresh=False, parent=None, keep=1):
        self.master, self.builds, self.unsafe, self.fresh, self.keep = master, builds, unsafe, fresh, keep
        self.parent, self._own, self._lock = parent, {}, threading.Lock()
        text = "\n".join(c.source for c in master.cells if c.cell_type == "code")
        self.mnist = "load_mnist" in text
        self.preload = ("numpy", "edfcore", "edfcore.teach", "edfcore.data")
        self.preload += ("matplotlib.pyplot",) if "matplotlib" in text else ()
        self.shared = share_mnist() if self.mnist and parent is None else parent.shared if parent else {}

    def prepare(self):
        """Start what nearly every class needs: the zygote that lacks all that is forbidden, and those of the exercises
        behind a locked cell that will not run there, since some answers to these are examined again."""
        every = every_forbidden(self.master)
        words = {name.rpartition(".")[2] for name in every}
        wanted, broken = {every: None}, False
        for cell in self.master.cells:
            if cell.kind == "locked":
                broken = broken or not words.isdisjoint(re.findall(r"\w+", cell.source))
            elif cell.kind == "test" and broken:
                wanted[frozenset(self.master.forbidden.get(cell.name, ()))] = None
        for forbidden in wanted:  # one after another: each takes twice the data's memory while it loads them
            self._own[forbidden] = self._start(forbidden)

    def get(self, forbidden):
        """The zygote whose edfcore lacks the names in `forbidden`."""
        with self._lock:
            return self._get(frozenset(forbidden))

    def _get(self, forbidden):
        if self.fresh:
            self.close()
        elif self.parent is not None and forbidden in self.parent._own:
            return self.parent._own[forbidden]
        if forbidden not in self._own:
            while len(self._own) > self.keep:
                self._own.pop(next(iter(self._own))).close()
            self._own[forbidden] = self._start(forbidden)
        return self._own[forbidden]

    def _start(self, forbidden):
        sandbox.require(self.unsafe)  # before a library is built in vain
        library = cached_library(sorted(forbidden), self.builds)
        setup = sandbox.Setup(str(library.path), tuple(library.hidden_packages), self.preload, self.mnist)
        return sandbox.Zygote(setup, self.unsafe)

    def renew(self):
        """Begin again with zygotes of this Warm's own, after one failed."""
        self.close()
        self.parent = None

    def close(self):
        """End this Warm's own zygotes."""
        for zygote in self._own.values():
            with contextlib.suppress(OSError):
                zygote.close()
        self._own.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
