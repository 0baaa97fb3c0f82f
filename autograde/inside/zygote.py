"""The warm process: holds the libraries and no secret, and forks itself for each submission.

    zygote                in the outer sandbox (bubblewrap): sees a read-only system, the libraries, no network
      keeper              one for each submission: ends it when the grader lets go or its memory runs over
        init ... agent    in namespaces of its own

Started as: python -I -c "..." with its orders (JSON) in argv, the number of its request socket among them.
"""

import contextlib
import functools
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from dataclasses import dataclass


@dataclass
class World:
    """What every submission finds ready: the shell, what it puts out, the arrays that both sides hold, its folder."""

    shell: object
    outputs: object
    shared: dict
    folder: str
    base: int


def main(orders):
    """Load the libraries, say so, and serve requests until the other end closes."""
    from . import agent, jail

    requests = socket.socket(fileno=orders["requests"])
    try:
        if orders["jailed"]:
            jail.drop_root(orders["user"])
        for path in reversed(orders["paths"]):
            sys.path.insert(0, path)
        world = prepare(orders)
    except BaseException as error:  # noqa: BLE001 - the other end is told, whatever it was
        agent.send_record(requests, {"failed": f"{type(error).__name__}: {error}"[:900]})
        raise
    agent.send_record(requests, {"ready": os.getpid()})
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    while True:
        record, descriptors = agent.receive_record(requests)
        if record is None:
            return
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            agent._guarded(functools.partial(keep, record, descriptors, orders, world))
        for descriptor in descriptors:
            os.close(descriptor)


def prepare(orders):
    """Import the libraries and make the shell."""
    from . import agent
    from .arrays import share_mnist

    for name in orders["preload"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    shared = share_mnist() if orders["mnist"] else {}
    outputs = agent.Outputs()
    shell = make_shell(outputs)
    hide_packages(orders["hidden"])
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    sys.stdout, sys.stderr = agent.Stream(outputs, "stdout"), agent.Stream(outputs, "stderr")
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    return World(shell, outputs, shared, orders["folder"], agent.address_space())


def make_shell(outputs):
    """An IPython shell that keeps no history, reads no files of the user's, and hands its outputs over."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Hook(DisplayHook):
        def __call__(self, result=None):
            if result is not None:
                data, _ = self.compute_format_data(result)
                outputs.show(data)
                self.shell.user_ns["_"] = result

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, **kwargs):
            outputs.show(data)

        def clear_output(self, wait=False):
            outputs.begin()

    class Shell(InteractiveShell):
        displayhook_class = Hook
        display_pub_class = Publisher

        def showtraceback(self, exc_tuple=None, *args, **kwargs):
            kind, error, trace = exc_tuple or sys.exc_info()
            outputs.error(kind.__name__, *told(kind, error, trace))

        def showsyntaxerror(self, *args, **kwargs):
            self.showtraceback()

        showindentationerror = showsyntaxerror

        def enable_gui(self, gui=None):
            pass

        def _tee(self, channel):  # IPython 9 keeps all that is printed in its history
            return contextlib.nullcontext()

        def raw_input(self, prompt=""):
            raise EOFError("input() is not available while the notebook is graded.")

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.xmode = "Context"
    shell = Shell.instance(config=config)
    import builtins

    builtins.input = shell.raw_input
    for formatter in shell.display_formatter.formatters.values():
        formatter.enabled = formatter.format_type in ("text/plain", "image/png")
    shell.display_formatter.active_types = ["text/plain", "image/png"]
    return shell


def told(kind, error, trace):
    """(message, traceback) of an error, plainly: IPython's own tracebacks take longer than most students' cells."""
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - a __str__ of the student's
        message = ""
    frames = [f for f in traceback.extract_tb(trace, limit=-20) if "IPython" not in f.filename]
    lines = [
        f"{'Cell' if 'ipython' in f.filename else f.filename}, line {f.lineno}, in {f.name}: {f.line}" for f in frames
    ]
    if isinstance(error, SyntaxError):
        lines = traceback.format_exception_only(kind, error)[:3]
    return message, "\n".join([*lines, f"{kind.__name__}: {message[:2000]}"])


def hide_packages(names):
    """Make the packages unimportable, with a sentence."""
    if not names:
        return

    class Hidden:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.partition(".")[0] in names:
                raise ImportError(f"{name} is not available while this exercise is graded: write it yourself.")

    for name in list(sys.modules):
        if name.partition(".")[0] in names:
            del sys.modules[name]
    sys.meta_path.insert(0, Hidden)


def keep(record, descriptors, orders, world):
    """Build the walls, start process 1 behind them, and end it when the lifeline closes or memory runs over."""
    from . import agent, jail

    control, lifeline = (socket.socket(fileno=d) for d in descriptors)
    limits = record["limits"]
    proc = os.open("/proc", os.O_RDONLY) if os.path.isdir("/proc") else None  # as it is seen before the walls
    own_memory = _memory(proc, [os.getpid()])
    own_shared = sum(array.nbytes for array in world.shared.values())
    if orders["jailed"]:
        jail.enter_namespaces()
    else:
        world.folder = tempfile.mkdtemp(prefix="edf-unsafe-")
    child = os.fork()
    if child == 0:
        lifeline.close()
        if proc is not None:
            os.close(proc)
        os.setsid()  # a signal to a process group reaches all of it, in whatever namespace
        if orders["jailed"]:
            jail.die_with_parent()
            jail.mount_private(orders["private"], limits["disk"])
            jail.lock()
        agent.send_record(control, {"init": os.getpid()})
        agent.init(control, limits, world)
        os._exit(0)
    control.close()
    watch(child, lifeline, limits["memory"], proc if orders["jailed"] else None, own_memory, own_shared)
    if not orders["jailed"]:
        shutil.rmtree(world.folder, ignore_errors=True)


def watch(child, lifeline, memory, proc, own, shared):
    """Wait for the end of `child` or of the lifeline; say "memory" on it where the sandbox takes too much.

    proc : descriptor of a /proc that shows the sandbox's processes, or None
    own, shared : bytes of private and of shared memory that each of them has from the zygote
    """
    while True:
        readable, _, _ = select.select([lifeline], [], [], 0.1)
        if readable:
            break
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            with contextlib.suppress(OSError):
                lifeline.sendall(b"gone")  # so that silence means that this process itself was ended
            return
        if proc is not None and _memory(proc, _family(proc, child), own, shared) > 1.25 * memory:
            with contextlib.suppress(OSError):
                lifeline.sendall(b"memory")
            break
    for kill in (os.killpg, os.kill):  # its group, and process 1 of its namespace, with which everything in it goes
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def _read(proc, path):
    descriptor = os.open(path, os.O_RDONLY, dir_fd=proc)
    try:
        return os.read(descriptor, 8192)
    finally:
        os.close(descriptor)


def _family(proc, root):
    """The process and all its descendants."""
    children = {}
    for name in os.listdir(proc):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int(_read(proc, f"{name}/stat").rsplit(b")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(name))
    family, waiting = [], [root]
    while waiting:
        family.append(waiting.pop())
        waiting += children.get(family[-1], [])
    return family


def _memory(proc, family, each=0, each_shared=0):
    """Bytes of the processes' own memory, beyond what each took from the zygote."""
    total = 0
    for pid in family:
        with contextlib.suppress(OSError, ValueError, IndexError, TypeError):
            text = _read(proc, f"{pid}/status")
            anonymous, shared = (int(text.split(key)[1].split()[0]) * 1024 for key in (b"RssAnon:", b"RssShmem:"))
            total += max(0, anonymous - each) + max(0, shared - each_shared)
    return total


def start(argument):
    """Begin, with orders as JSON."""
    main(json.loads(argument))
