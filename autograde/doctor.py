"""What this machine has and lacks for grading: isolation, tried for real, and the packages around it."""

import importlib.metadata
import os
import shutil

from edfcore.doctor import Finding

from . import cgroups, sandbox
from .errors import AutogradeError

LOOK = """
import os, socket
seen = {"home": [p for p in os.listdir(HOME) if os.path.isfile(f"{HOME}/{p}")] if os.path.isdir(HOME) else []}
seen["environment"] = sorted(os.environ)
try:
    socket.create_connection(("127.0.0.1", 9), 0.2)
    seen["network"] = True
except OSError:
    seen["network"] = False
try:
    open("/edf-doctor", "w")
    seen["writes"] = True
except OSError:
    seen["writes"] = False
seen["course"] = os.path.exists(PLACE)
"""


def findings(root=None):
    """Every finding, in the order a reader wants them."""
    found = [
        _package(n, optional=o)
        for n, o in (("nbgrader", False), ("nh3", False), ("distributed", True), ("psycopg", True))
    ]
    return [_isolation(), _sandbox(root), _limits(), *found, _gradebook(root)]


def _package(name, optional):
    try:
        return Finding(name, "ok", importlib.metadata.version(name), optional=optional)
    except importlib.metadata.PackageNotFoundError:
        extra = {"distributed": "cluster", "psycopg": "postgres"}.get(name, "course")
        fix = f'python -m pip install -e ".[{extra}]"'
        return Finding(name, "missing", "not installed", fix, optional)


def _isolation():
    why = sandbox.why_not()
    if why:
        return Finding("isolation", "missing", "not possible here", why)
    return Finding("isolation", "ok", f"bubblewrap at {shutil.which('bwrap')}")


def _sandbox(root):
    """Start a sandbox and let it look around."""
    if sandbox.why_not():
        return Finding("sandbox", "missing", "not tried", "See isolation.")
    place = os.path.join(os.path.abspath(root or "."), "nbgrader_config.py")
    try:
        with sandbox.Zygote() as zygote, zygote.box() as box:
            box.run(f"PLACE, HOME = {place!r}, {os.path.expanduser('~')!r}")
            failed = box.run(LOOK)["failed"]
            channel, end = box.probe()
            channel.send({"do": "names", "on": None, "args": [["seen"]], "kwargs": {}})
            seen = channel.receive()["return"]["seen"]
            end()
    except (AutogradeError, sandbox.Stopped, KeyError, OSError) as error:
        return Finding(
            "sandbox", "missing", f"it failed: {error}", "Report this with the output of autograde doctor --json."
        )
    open_ = [k for k in ("network", "writes", "course") if seen[k]]
    if failed or open_ or seen["home"]:
        return Finding(
            "sandbox", "missing", f"open: {open_ or failed or seen['home']}", "Do not grade here; report this."
        )
    return Finding("sandbox", "ok", "no network, no course directory, a read-only system")


def _limits():
    ways = "CPU time, wall time, memory, processes, files by rlimits and a keeper"
    if not os.environ.get(cgroups.VARIABLE):
        return Finding("limits", "ok", ways)
    try:
        cgroups.group_for(sandbox.Limits()).remove()
        return Finding("limits", "ok", f"{ways}; memory and processes by control groups")
    except AutogradeError as error:
        return Finding("limits", "missing", ways, str(error))


def _gradebook(root):
    from .classroom import Classroom
    from .gradebook import try_gradebook

    try:
        room = Classroom.at(root)
    except AutogradeError as error:
        return Finding("gradebook", "missing", str(error), "Run this in the course directory.", True)
    try:
        there = try_gradebook(room.db_url)
    except AutogradeError as error:
        fix = "See that AUTOGRADE_DB or c.CourseDirectory.db_url is right, and that the server runs and lets you in."
        return Finding("gradebook", "missing", str(error), fix)
    told = room.shown_db_url if there else f"{room.shown_db_url}, which has yet to be made; the first grading does so"
    return Finding("gradebook", "ok", told, optional=True)
