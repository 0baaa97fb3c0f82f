"""Start sandboxes and talk to them: the trusted end of `inside`.

A `Zygote` is a warm process in an outer bubblewrap (read-only system, libraries, no network, no host paths, no
environment). For each submission it forks a `Box`: namespaces of its own, memory file systems, a system call filter,
limits. The host gives a box sockets and nothing else, and never writes where a box could.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import cgroups
from .errors import AutogradeError
from .inside.agent import RECORD, receive_record, send_record
from .inside.wire import MAX_BODY, MAX_JSON, Channel, WireError

INSIDE = Path(__file__).resolve().parent / "inside"
FOLDER, TEMPORARY = "/edf/work", "/edf/tmp"  # inside: where a notebook runs, and where it may write besides
NOBODY = 65534


class SandboxError(AutogradeError):
    """No sandbox can be made here, or one does not answer."""


class SandboxLost(BaseException):
    """The sandbox went for a reason that is not the student's; the examination is void, whatever handles errors."""


class Stopped(Exception):
    """The student's code ended, or was ended. `reason` is one of a result's REASONS."""

    def __init__(self, reason, message):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """What one submission may take. Seconds and bytes.

    cell_cpu, cell_wall : of one cell; test_cpu, test_wall : of one test
    cpu_total : CPU time of all cells; wall_total : of the whole submission
    memory : beyond what the libraries take; disk : of each memory file system; file_size : of one file
    processes : at one time
    """

    cell_cpu: float = 60.0
    cell_wall: float = 180.0
    test_cpu: float = 60.0
    test_wall: float = 180.0
    cpu_total: float = 300.0
    wall_total: float = 900.0
    memory: int = 1 << 30
    disk: int = 64 << 20
    file_size: int = 32 << 20
    processes: int = 32


@dataclass(frozen=True)
class Setup:
    """What a zygote holds.

    library : path of the folder that holds edfcore's grading build; None for the package as installed
    hidden : top-level packages that cannot be imported
    preload : modules loaded before the fork
    mnist : bool, whether MNIST is loaded before the fork
    """

    library: str | None = None
    hidden: tuple[str, ...] = ()
    preload: tuple[str, ...] = ("numpy", "edfcore", "edfcore.teach")
    mnist: bool = False


def why_never():
    """A sentence on why nothing can be examined on this machine, isolated or not; None where something can."""
    if hasattr(os, "fork") and hasattr(socket, "AF_UNIX"):
        return None
    return (
        f"The grader needs processes that can fork; {platform.system()} has none. Grade in a Linux virtual machine or "
        "container (on Windows, WSL 2)."
    )


def why_not():
    """A sentence on why this machine cannot isolate, or None where it can."""
    if sys.platform != "linux":
        return (
            f"Isolation needs Linux; this is {platform.system()}. Grade in a Linux virtual machine or container "
            "(on Windows, WSL 2), or on another machine with --cluster."
        )
    if platform.machine() not in ("x86_64", "aarch64"):
        return f"No system call filter is known for {platform.machine()}; grade on an x86_64 or aarch64 machine."
    if not shutil.which("bwrap"):
        return "bubblewrap is missing. Install it (Debian: apt-get install bubblewrap; Fedora: dnf install bubblewrap)."
    probe = ["bwrap", "--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "--unshare-net", "true"]
    done = subprocess.run(probe, capture_output=True, text=True)
    if done.returncode:
        return (
            f"bubblewrap cannot make namespaces here ({done.stderr.strip()[:200]}). On Ubuntu 23.10 and later allow "
            "them with: sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container, run it with "
            "--security-opt seccomp=unconfined --cap-add SYS_ADMIN, or grade on another machine with --cluster."
        )
    return None


def require(unsafe):
    """Make sure that this machine can examine; `unsafe`: without isolation, where somebody has asked for that by name.

    Raises
    ------
    SandboxError : it cannot.
    """
    never = why_never()
    if never:
        raise SandboxError(never)
    missing = None if unsafe else why_not()
    if missing:
        raise SandboxError(f"{missing} Or accept the risk for a class that you trust: --unsafe marks every grade.")


class Zygote:
    """A warm process. Use as a context manager.

    Parameters
    ----------
    setup : Setup
    unsafe : bool; without any isolation, where somebody has asked for that by name

    Raises
    ------
    SandboxError : it cannot be isolated here, or does not start.
    """

    def __init__(self, setup=None, unsafe=False):
        require(unsafe)
        self.setup, self.unsafe = setup or Setup(), unsafe
        self._private = None
        kind = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_STREAM) if sys.platform == "linux" else socket.SOCK_STREAM
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, kind)  # several examiners ask at once
        command = self._command(json.dumps(self._orders() | {"requests": theirs.fileno()}))
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(self._private or TEMPORARY),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        finally:
            theirs.close()
        self._wait_until_ready()

    def _wait_until_ready(self):
        self.requests.settimeout(120.0)
        with contextlib.suppress(OSError, ValueError):
            record, _ = receive_record(self.requests)
            if record and "ready" in record:
                self.requests.settimeout(None)
                return
            if record:
                self.close()
                raise SandboxError(f"The sandbox did not start: {record.get('failed')}.")
        self.process.kill()
        told = self.process.stderr.read().decode(errors="replace").strip()[-500:]
        self.close()
        raise SandboxError(f"The sandbox did not start: {told or 'no reason was given'}. Run: autograde doctor")

    def _orders(self):
        s = self.setup
        library = s.library or str(Path(__file__).resolve().parent.parent)
        return {
            "jailed": not self.unsafe,
            "user": NOBODY,
            "paths": [library if self.unsafe else "/edf/library"],
            "preload": list(s.preload),
            "mnist": s.mnist,
            "hidden": list(s.hidden),
            "folder": FOLDER,
            "private": _private_folders(),
        }

    def _command(self, orders):
        if self.unsafe:
            self._private = tempfile.mkdtemp(prefix="edf-agent-")
            shutil.copytree(INSIDE, Path(self._private) / "inside")
            return [sys.executable, "-I", "-B", "-c", _START.format(self._private), orders]
        return [*_bubblewrap(self.setup), sys.executable, "-I", "-B", "-c", _START.format("/edf/agent"), orders]

    def box(self, limits=None, files=None):
        """A fresh Box."""
        return Box(self, limits or Limits(), files or {})

    def close(self):
        """End the zygote and all its boxes."""
        self.requests.close()
        with contextlib.suppress(ProcessLookupError, OSError):
            if self.unsafe:
                self.process.terminate()
            else:
                self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.stderr.close()
        if self._private:
            shutil.rmtree(self._private, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_START = "import sys; sys.path.insert(0, {!r}); from inside.zygote import start; start(sys.argv[1])"


def _private_folders():
    """What each box gets for itself, to write in; /tmp too, unless this Python lies in it."""
    taken = any(path.startswith("/tmp/") for path in _python_folders())
    return [FOLDER, TEMPORARY, "/dev/shm", *(() if taken else ("/tmp",))]


def _environment(home=TEMPORARY):
    """What the student's code finds in os.environ: nothing of ours."""
    kept = {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "agg",
        "PYTHONHASHSEED": "0",
    }
    return kept | {f"{n}_NUM_THREADS": "1" for n in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")}


def _bubblewrap(setup):
    """The outer sandbox: a read-only system and the libraries, nothing else."""
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    command += ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", "--hostname", "sandbox"]
    if os.geteuid() == 0:  # root binds what an unprivileged user may not reach, then becomes nobody for good
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            command += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts"):
        command += ["--ro-bind-try", path, path]
    concealed = [
        option
        for path in _installed((*setup.hidden, "edfcore", "autograde", "edf_course"))
        for option in _conceal(path)
    ]
    library = Path(setup.library) if setup.library else Path(__file__).resolve().parent.parent
    bound = {path: path for path in _python_folders()}
    bound |= {"/edf/agent/inside": str(INSIDE), "/edf/library/edfcore": str(library / "edfcore")}
    for parent in sorted({str(p) for path in bound for p in Path(path).parents} - {"/", "/usr"}):
        command += ["--perms", "0755", "--dir", parent]
    for inside, outside in bound.items():
        command += ["--ro-bind", outside, inside]
    command += concealed
    command += ["--dev", "/dev", "--proc", "/proc", "--dir", "/tmp", "--dir", FOLDER]
    command += ["--perms", "1777", "--tmpfs", TEMPORARY, "--chdir", "/"]
    return [*command, "--remount-ro", "/", "--"]


def _installed(packages):
    """Where the packages lie in what the sandbox sees, those of other Pythons and compiled parts among them."""
    folders = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    folders |= {p for p in map(Path, _python_folders()) for p in p.glob("lib/python3*/site-packages")}
    folders |= {p for root in ("/usr/lib", "/usr/local/lib") for p in Path(root).glob("python3*/*-packages")}
    names = [pattern for name in packages for pattern in (name, f"{name}.*", f"{name}-*.dist-info")]
    return sorted({str(found) for folder in folders for name in names for found in folder.glob(name)})


def _conceal(path):
    if os.path.isdir(path):
        return ["--perms", "0555", "--tmpfs", path, "--remount-ro", path]
    return ["--ro-bind", "/dev/null", path]


def _python_folders():
    """The folders that this Python and its packages are in, outermost only, without those under /usr."""
    found = {sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found |= {str(Path(sys.executable).resolve().parent.parent)}
    roots = sorted(p for p in found if not p.startswith("/usr/"))
    return [p for p in roots if not any(p != q and p.startswith(q + "/") for q in roots)]


class Box:
    """The sandbox of one submission: a state that runs cells, and probes of it. Use as a context manager."""

    def __init__(self, zygote, limits, files):
        self.zygote, self.limits, self.files = zygote, limits, files
        self.deadline = time.monotonic() + limits.wall_total
        self.group = None if zygote.unsafe else cgroups.group_for(limits)
        self.control, theirs = socket.socketpair()
        self.lifeline, keeper = socket.socketpair()
        if self.group:
            self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # the kernel then tells who sends
        self.commands, self._silent, self._word = None, set(), b""
        try:
            record = {"limits": asdict(limits)}
            send_record(zygote.requests, record, [theirs.fileno(), keeper.fileno()])
        except OSError:
            raise SandboxError("The sandbox's warm process is gone.") from None
        finally:
            theirs.close()
            keeper.close()
        self.control.settimeout(60.0)
        if self.group:
            self._join_group()
        else:
            self._ask(self.control, None, "init")
        self.start()

    def _join_group(self):
        """Read process 1's greeting, and put it into the control group under the number that it has out here."""
        data, ancillary, _, _ = self.control.recvmsg(RECORD, socket.CMSG_SPACE(12))
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                self.group.take(struct.unpack("iii", content)[0])
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if len(data) < RECORD:
            raise Stopped("crash", "the sandbox does not answer")

    def _ask(self, sock, record, key, descriptors=()):
        """Send a record and give the reply's entry `key`; a socket that failed once is not asked again."""
        if sock in self._silent:
            raise Stopped("crash", "the sandbox does not answer")
        try:
            if record is not None:
                send_record(sock, record, descriptors)
            reply, extra = receive_record(sock)
            for descriptor in extra:
                os.close(descriptor)
            return reply[key]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            self._silent.add(sock)
            raise Stopped(self._why(), "the sandbox does not answer") from None

    def _why(self):
        """The reason for which the keeper, or the kernel, ended the sandbox."""
        if self.group and self.group.ran_out_of_memory():
            return "memory"
        self.lifeline.settimeout(0.5)
        with contextlib.suppress(OSError):
            self._word = self._word or self.lifeline.recv(16) or b"lost"
        if self._word == b"lost" and self.commands is not None:
            raise SandboxLost("the sandbox's keeper or its warm process was ended from outside")
        return "memory" if self._word == b"memory" else "crash"

    def start(self):
        """A fresh state, without anything of the cells that ran before."""
        self.commands, theirs = socket.socketpair()
        with theirs:
            self._ask(self.control, {"do": "start"}, "started", [theirs.fileno()])
        self.commands.settimeout(20.0)
        if self.files:
            self._transact("files", dict(self.files), 30.0)

    def end(self):
        """End the state, and all that it started; why it ended, as one of the REASONS."""
        self.commands.close()
        try:
            reason = _reason(self._ask(self.control, {"do": "end"}, "status"))
        except Stopped as stopped:
            return stopped.reason
        return "memory" if self.group and self.group.ran_out_of_memory() else reason

    def _transact(self, do, value, seconds):
        channel, theirs = self._channel(seconds, MAX_JSON)
        with theirs:
            send_record(self.commands, {"do": do}, [theirs.fileno()])
        try:
            channel.send(value)
            return channel.receive()
        finally:
            channel.close()

    def _channel(self, seconds, limit=MAX_JSON + MAX_BODY):
        mine, theirs = socket.socketpair()
        mine.settimeout(min(seconds, max(0.01, self.deadline - time.monotonic())))
        return Channel(mine, limit=limit), theirs

    def run(self, source, locked=False):
        """Run a cell in the state; `locked` for one of the master's, whose helpers no other cell may replace.

        Returns
        -------
        dict : outputs, failed, names, seconds, touched, as the agent gives them, checked

        Raises
        ------
        Stopped : it crashed or ran over its time; the state is gone (see `start`).
        """
        limits = self.limits
        order = {"source": source, "cpu": limits.cell_cpu, "wall": limits.cell_wall, "locked": locked}
        try:
            return _checked_cell(self._transact("cell", order, limits.cell_wall + 5.0))
        except TimeoutError:
            self.end()
            raise Stopped("time", f"stopped after {limits.cell_wall:.0f} seconds") from None
        except (EOFError, OSError, WireError):
            reason = self.end()
            raise Stopped(reason, "this cell ended Python") from None

    def probe(self):
        """A fork of the state for one test: (channel, function that ends it and gives the reason of its end)."""
        limits = self.limits
        channel, theirs = self._channel(limits.test_wall)
        record = {"do": "probe", "cpu": limits.test_cpu, "wall": limits.test_wall}
        with theirs:
            pid = self._ask(self.commands, record, "pid", [theirs.fileno()])
        if type(pid) is not int:
            raise Stopped("crash", "the sandbox does not answer")

        def end():
            channel.close()
            try:
                return _reason(self._ask(self.commands, {"do": "end", "pid": pid}, "status"))
            except Stopped as stopped:
                return stopped.reason

        return channel, end

    def close(self):
        """End the sandbox."""
        for sock in (self.commands, self.control, self.lifeline):
            if sock is not None:
                sock.close()
        if self.group:
            self.group.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _reason(status):
    """The reason that a wait status gives."""
    if type(status) is not int:
        return "crash"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, getattr(signal, "SIGPROF", 0)):
        return "time"
    return "time" if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 99 else "crash"


def _checked_cell(reply):
    """What the agent says of a cell, in the form that it must have; whatever has another is left out."""
    if type(reply) is not dict:
        raise WireError("no reply to a cell")
    outputs = [o for o in _list(reply.get("outputs")) if _is_output(o)]
    names = [n for n in _list(reply.get("names")) if type(n) is str and n.isidentifier()]
    touched = [n for n in _list(reply.get("touched")) if type(n) is str]
    failed = reply.get("failed")
    failed = {k: str(failed.get(k, ""))[:2000] for k in ("type", "message")} if type(failed) is dict else None
    return {"outputs": outputs[:1000], "names": names, "failed": failed, "touched": touched}


def _list(value):
    return value if type(value) is list else []


_FIELDS = {
    "stream": ("name", "text"),
    "result": ("text",),
    "image": ("png",),
    "error": ("name", "message", "traceback"),
}


def _is_output(output):
    if type(output) is not dict or type(output.get("type")) is not str or output["type"] not in _FIELDS:
        return False
    fields = _FIELDS[output["type"]]
    if set(output) != {"type", *fields} or any(type(output[f]) is not str for f in fields):
        return False
    return sum(len(output[f]) for f in fields) < 4 << 20
