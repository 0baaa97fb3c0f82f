"""One engine in a process of its own: builds a case, tells its losses, and times steps when it is asked to.

    python worker.py ENGINE THREADS [DEVICE]

ENGINE names a module of this folder with two functions:

    make(case, params, x, y, lr) -> step, loss    step(k) trains on batch k: copies x[k] and y[k], forward, backward,
                                                  SGD; loss() is the mean loss of the last step, a float
    versions() -> dict                            what is told of the machine beside the times

An engine that also computes on a GPU has both with one argument more, `device`, which is passed where DEVICE is not cpu
but cuda or cuda:1. There make puts x and y on the device, a step copies from there, loss() waits for all that was
queued, and versions holds under "gpu" what is told of the device: its name, its memory in bytes, CUDA's runtime. Either
raises NotImplementedError with a sentence where it cannot do what is asked.

Requests and answers are lines of JSON, on standard input and on what was standard output; whatever a library prints
goes to standard error. Only the standard library and NumPy are imported here: an engine may live in another
environment.
"""

import importlib
import json
import os
import sys
import time

import numpy as np


def keep_to(threads):
    """Run on so many processors and no more, whatever pools of threads a library makes for itself (Linux alone)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def as_after_loading_data():
    """Bring the C library's allocator into the state that it has in every process that has loaded a data set.

    glibc gives freed memory back to the system above a threshold, and takes it again in the next step, page by page,
    until a larger block was freed (mallopt(3), M_MMAP_THRESHOLD: dynamic, at most 32 MB). Measured here, for B = 10:
    three times the time of a step of engines that make their arrays anew.
    """
    np.ones(31 << 20, np.uint8)  # freed at once


def own_channel():
    """The pipe to the parent; file 1, to which libraries print, becomes standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def load(path):
    """(params, x, y): arrays by name in order, batches (K, B, ...), and labels or targets (K, B, ...)."""
    with np.load(path) as file:
        params = {name.removeprefix("param."): file[name] for name in file.files if name.startswith("param.")}
        return params, file["x"], file["y"]


class Served:
    """An engine, and the case that it has built last."""

    def __init__(self, engine, *device):
        self.engine, self.device, self.step, self.loss, self.K = engine, device, None, None, 0

    def make(self, case, data, lr):
        """Build a case; {"unsupported": why} where the engine does not have it."""
        self.step = self.loss = None
        params, x, y = load(data)
        try:
            self.step, self.loss = self.engine.make(case, params, x, y, lr, *self.device)
        except NotImplementedError as error:
            return {"unsupported": str(error)}
        self.K = len(x)
        return {}

    def losses(self, steps):
        """The loss of each of the first steps."""
        found = []
        for k in range(steps):
            self.step(k % self.K)
            found.append(float(self.loss()))
        return {"losses": found}

    def time(self, steps, before, chunks):
        """Seconds that each of `chunks` runs of `steps` steps and of reading its last loss takes.

        `before` steps go before them and are not timed.
        """
        step, loss, K = self.step, self.loss, self.K
        for k in range(before):
            step(k % K)
        loss()
        order, found = [k % K for k in range(steps)], []
        for _ in range(chunks):
            begun = time.perf_counter()
            for k in order:
                step(k)
            loss()
            found.append(time.perf_counter() - begun)
        return {"seconds": found}


def answer(served, line):
    """What is answered to one request; an exception becomes {"error": ...}."""
    request = json.loads(line)
    try:
        return getattr(served, request.pop("do"))(**request)
    except Exception as error:  # the engines are other people's libraries: any kind
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    """Serve until standard input ends."""
    name, threads = sys.argv[1], int(sys.argv[2])
    device = [place for place in sys.argv[3:] if place != "cpu"]
    keep_to(threads)
    as_after_loading_data()
    channel = own_channel()

    def tell(what):
        print(json.dumps(what), file=channel, flush=True)

    try:
        engine = importlib.import_module(name)
        versions = engine.versions(*device)
    except (ImportError, NotImplementedError) as error:
        tell({"missing": str(error)})
        return
    except Exception as error:  # a library that is installed but cannot start
        tell({"missing": f"it cannot start: {type(error).__name__}: {error}"})
        return
    tell({"versions": versions})
    served = Served(engine, *device)
    for line in sys.stdin:
        tell(answer(served, line))


if __name__ == "__main__":
    main()
