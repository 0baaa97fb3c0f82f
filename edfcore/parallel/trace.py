"""A timeline in the Trace Event Format, for chrome://tracing and ui.perfetto.dev (both read the file locally)."""

import json
import os
from pathlib import Path

from ..errors import DataError

THREADS = {"compute": 0, "copy": 1, "copy-in": 2}


def events(timeline):
    """The trace events of a timeline: a list of dicts, times in microseconds.

    A process for each device, a thread for each stream; computations and messages are complete events ("X"), a
    message's way to its target is a flow ("s" to "f").
    """
    found = []
    for d, device in enumerate(timeline.cluster.devices):
        found.append(_named("process_name", d, 0, f"{d}: {device.name}"))
        found += [_named("thread_name", d, thread, stream) for stream, thread in THREADS.items()]
    for number, s in enumerate(timeline.spans):
        thread = THREADS.get(s.stream, 3)
        event = {"name": s.name, "cat": s.category, "ph": "X", "pid": s.device, "tid": thread}
        event |= {"ts": s.start * 1e6, "dur": (s.end - s.start) * 1e6}
        if s.target is not None:
            event["args"] = {"to": s.target, "bytes": s.nbytes}
        found.append(event)
        if s.target is not None:
            flow = {"name": s.name, "cat": s.category, "id": number}
            found.append(flow | {"ph": "s", "pid": s.device, "tid": thread, "ts": s.start * 1e6})
            found.append(flow | {"ph": "f", "bp": "e", "pid": s.target, "tid": THREADS["compute"], "ts": s.end * 1e6})
    return found


def _named(kind, pid, tid, name):
    return {"name": kind, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}


def save(timeline, path):
    """Write a timeline's trace as JSON, whole or not at all.

    Raises
    ------
    DataError : the file cannot be written.
    """
    fresh = Path(f"{path}.unfinished")
    try:
        fresh.write_text(json.dumps({"traceEvents": events(timeline), "displayTimeUnit": "ms"}), encoding="utf-8")
        os.replace(fresh, path)
    except OSError as error:
        raise DataError(f"The trace cannot be written to {str(path)!r}: {error.strerror}.") from error
