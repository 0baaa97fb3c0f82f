"""Control groups around sandboxes, where somebody has delegated them: the kernel's own limits on memory and processes.

AUTOGRADE_CGROUP names a folder of cgroup version 2 in which this account may make groups (with the controllers memory
and pids enabled for its children), or several folders of version 1, one for each controller, separated by ":".
Each box gets a group of its own in each of them, besides its other limits.
"""

import contextlib
import os
import time
import uuid
from pathlib import Path

from .errors import AutogradeError

VARIABLE = "AUTOGRADE_CGROUP"
# file of a group -> what is written to it; those that exist are used, and one of each line must
MEMORY = ("memory.max", "memory.limit_in_bytes")
EXTRA = {"memory.swap.max": "0", "memory.memsw.limit_in_bytes": None, "memory.oom.group": "1"}


class Group:
    """The control groups of one box.

    parents : folders
    memory : int, bytes; processes : int
    """

    def __init__(self, parents, memory, processes):
        self.folders = [Path(p) / f"edf-{uuid.uuid4().hex}" for p in parents]
        written = set()
        try:
            for folder in self.folders:
                folder.mkdir()
                for name, value in ((MEMORY[0], memory), (MEMORY[1], memory), ("pids.max", processes)):
                    if (folder / name).exists():
                        (folder / name).write_text(str(value))
                        written.add("pids" if name == "pids.max" else "memory")
                for name, value in EXTRA.items():
                    with contextlib.suppress(OSError):
                        if (folder / name).exists():
                            (folder / name).write_text(str(memory if value is None else value))
            missing = {"memory", "pids"} - written
            if missing:
                raise OSError(f"no controller for {' and '.join(sorted(missing))}")
        except OSError as error:
            self.remove()
            raise AutogradeError(
                f"The control groups of {VARIABLE}={':'.join(map(str, parents))} cannot be used: {error}. Delegate "
                "them, e.g. by systemd-run --user --scope -p Delegate=yes, or unset it; rlimits hold without them."
            ) from None

    def take(self, pid):
        """Put a process, and what it starts from now on, into the groups."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def ran_out_of_memory(self):
        """Whether the kernel ended a process of the group for want of memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError, ValueError):
                    found = dict(line.split() for line in (folder / name).read_text().splitlines())
                    if int(found.get("oom_kill", 0)):
                        return True
        return False

    def remove(self, patience=5.0):
        """Remove the groups, once what was in them has ended."""
        deadline = time.monotonic() + patience
        for folder in self.folders:
            while folder.is_dir():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.01)


def group_for(limits):
    """The Group of one box, or None where none are delegated."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    return Group(named.split(":"), limits.memory + (256 << 20), limits.processes + 8)
