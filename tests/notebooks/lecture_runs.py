"""Lectures are executed once for all tests, those of pages in a browser too: two kernels side by side."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import told
from tests_paths import LECTURES

from edfcore import prose
from edfcore.execute import execute, read

SECONDS = {}  # of each lecture's first run


def _seconds():
    if SECONDS:
        yield from (f"{name:<45} {seconds:6.1f}" for name, seconds in sorted(SECONDS.items()))
        yield f"{'together':<45} {sum(SECONDS.values()):6.1f}"


told.TABLES["lectures: seconds from a clean kernel, two side by side"] = _seconds


class Runs:
    """Executed lectures; the first one that is asked for starts all that the chosen tests will ask for."""

    def __init__(self, items):
        wanted = [i for i in items if "lecture" in getattr(getattr(i, "callspec", None), "params", {})]
        wanted = [i for i in wanted if not i.get_closest_marker("skip")]
        self.first = {i.callspec.params["lecture"] for i in wanted}
        self.second = {i.callspec.params["lecture"] for i in wanted if "again" in i.fixturenames}
        self.pool = ThreadPoolExecutor(min(2, os.cpu_count() or 1))
        self.started = {}

    def of(self, path, again):
        if not self.started:
            for key in [(p, n) for p in LECTURES for n in (False, True) if p in (self.second if n else self.first)]:
                self.started[key] = self.pool.submit(proved, *key)
        return self.started[path, again].result()


def proved(path, again):
    """A lecture executed with the proofs of its numbers, the states of its widgets kept."""
    began = time.perf_counter()
    notebook = execute(path, notebook=prose.proofs(read(path)), keep_widgets=True)
    if not again:
        SECONDS[path.stem] = time.perf_counter() - began
    return notebook
