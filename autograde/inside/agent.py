"""The student's side: runs cells in an IPython shell, and answers an examiner's calls to what they defined.

    init    process 1 of the sandbox; runs no student code; starts `state` again where a cell killed it
    state   runs the cells in order
    probe   a fork of `state` for one test: what happens in it is gone afterwards

Commands come as small records over a socket, each with a descriptor for its data; so a process that dies in the middle
of an answer spoils nothing but its own.
"""

import base64
import contextlib
import io
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
import types

from . import jail
from .peer import Peer
from .wire import Channel, Unplain

RECORD = 1024  # bytes of a command
MAX_TEXT, MAX_TAIL, MAX_IMAGES, MAX_IMAGE = 100_000, 20_000, 16, 1 << 20


class TimeLimit(BaseException):
    """The time limit of a cell or a test; not an Exception, so that students' code does not catch it by accident."""


# commands


def send_record(sock, record, descriptors=()):
    """Send one small dict, with file descriptors."""
    data = json.dumps(record).encode().ljust(RECORD)
    if len(data) > RECORD:
        raise ValueError("a record that is too long")
    sent = socket.send_fds(sock, [data], list(descriptors)) if descriptors else 0
    if sent < RECORD:
        sock.sendall(data[sent:])


def receive_record(sock):
    """The next record and its descriptors; (None, []) where the other side is gone."""
    data, descriptors = b"", []
    while len(data) < RECORD:
        part, fds, _, _ = socket.recv_fds(sock, RECORD - len(data), 4)
        descriptors += fds
        if not part:
            return None, descriptors
        data += part
    return json.loads(data), descriptors


def _channel(descriptor, shared=None):
    channel = Channel(socket.socket(fileno=descriptor))
    return channel


# init


def init(control, limits, world):
    """Process 1: start and end `state`, until the other end closes."""
    state = None
    while True:
        try:
            record, descriptors = receive_record(control)
        except (OSError, ValueError):
            record, descriptors = None, []
        if record is None:
            os._exit(0)
        if record["do"] == "start":
            state = os.fork()
            if state == 0:
                control.close()
                _guarded(State(socket.socket(fileno=descriptors[0]), limits, world).serve)
            for descriptor in descriptors:
                os.close(descriptor)
            send_record(control, {"started": state})
        elif record["do"] == "end":
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1 if os.getpid() == 1 else state, signal.SIGKILL)
            send_record(control, {"status": _wait_for(state)})


def _wait_for(pid):
    """Reap until `pid` is among the reaped; its wait status, or None."""
    status = None
    while True:
        try:
            ended, how = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if ended == pid:
            status = how
            if os.getpid() != 1:
                return status


def _guarded(function):
    """Run the function and leave the process, whatever happens."""
    code = 1
    try:
        function()
        code = 0
    finally:
        os._exit(code)


# state


class State:
    """Runs the cells of a notebook in one shell."""

    def __init__(self, commands, limits, world):
        self.commands, self.limits, self.world, self.helpers = commands, limits, world, Helpers()
        self.shell, self.outputs = world.shell, world.outputs
        self._prepare()

    def _prepare(self):
        os.setpgid(0, 0)  # what a cell does to its process group does not reach process 1
        jail.limit(self.limits, self.world.base)
        signal.signal(signal.SIGPROF, _stop)
        signal.signal(signal.SIGALRM, _stop)
        os.chdir(self.world.folder)
        sys.path.append(self.world.folder)  # last, so that no file of a student's hides a module
        import random

        import numpy as np

        random.seed(0)
        np.random.seed(0)

    def serve(self):
        """Carry out commands until the other end closes."""
        while True:
            record, descriptors = receive_record(self.commands)
            if record is None:
                return
            if record["do"] == "probe":
                self._fork_probe(descriptors[0], record["cpu"], record["wall"])
            elif record["do"] == "end":
                send_record(self.commands, {"status": _end(record["pid"])})
            else:
                channel = _channel(descriptors[0])
                getattr(self, f"do_{record['do']}")(channel)
                channel.close()

    def do_files(self, channel):
        """Write files into the working folder."""
        for name, data in channel.receive().items():
            folder = os.path.dirname(name)
            if folder:
                os.makedirs(folder, exist_ok=True)
            with contextlib.suppress(OSError), open(name, "wb") as file:
                file.write(data)
        channel.send(True)

    def do_cell(self, channel):
        """Run one cell."""
        order = channel.receive()
        known = {n: id(v) for n, v in self.shell.user_ns.items()}
        start, self.outputs.items = time.process_time(), []
        self.outputs.begin()
        try:
            with time_limit(order["cpu"], order["wall"]):
                failed = run_cell(self.shell, order["source"], self.outputs)
        except TimeLimit:
            failed = {"type": "TimeLimit", "message": "the time limit"}
        namespace = self.shell.user_ns
        fresh = [n for n, v in list(namespace.items()) if type(n) is str and id(v) != known.get(n) and n[:1] != "_"]
        if order["locked"]:
            self.helpers.note({n: namespace[n] for n in fresh})
        reply = {"outputs": self.outputs.end(), "failed": failed, "names": fresh[:2000]}
        reply |= {"seconds": time.process_time() - start, "touched": sorted(touched())[:50]}
        channel.send(reply)

    def _fork_probe(self, descriptor, cpu, wall):
        pid = os.fork()
        if pid == 0:
            self.commands.close()
            _guarded(Probe(_channel(descriptor), self, cpu, wall).serve)
        os.close(descriptor)
        send_record(self.commands, {"pid": pid})


class Helpers:
    """What locked cells with helpers marked `edfcore.teach.inside` defined.

    A helper runs in the student's process, with the student's names around it. Before each of its calls these are put
    back as the instructor's cells left them: functions with their code, classes with their methods.
    """

    def __init__(self):
        self._names, self._inner = {}, {}

    def note(self, names):
        """Take what a locked cell bound, where there is such a helper in it."""
        if any(getattr(value, "runs_inside", False) is True for value in names.values()):
            self._names |= names
            for value in names.values():
                self._keep(value)

    def _keep(self, value):
        if isinstance(value, types.FunctionType):
            self._inner[value] = {a: getattr(value, a) for a in ("__code__", "__defaults__", "__kwdefaults__")}
        elif isinstance(value, type) and value.__module__ == "__main__":
            methods = {n: v for n, v in vars(value).items() if isinstance(v, types.FunctionType)}
            self._inner[value] = methods
            for method in methods.values():
                self._keep(method)

    def put_back(self, namespace):
        """Bind the names again."""
        namespace.update(self._names)
        for owner, attributes in self._inner.items():
            for name, value in attributes.items():
                setattr(owner, name, value)


def _end(pid):
    """End a probe and all that it started; its wait status, or None."""
    if type(pid) is not int or pid <= 1:
        return None
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended == 0:
            os.kill(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, 0)
        return status
    except (ChildProcessError, ProcessLookupError):
        return None


def touched():
    """The names, absent from the grading build of edfcore, that were asked for since the last time."""
    found = getattr(sys.modules.get("edfcore._absent"), "touched", set())
    names = {n for n in list(found) if type(n) is str and len(n) < 200}
    with contextlib.suppress(Exception):
        found.clear()
    return names


_armed = False


def _stop(number, frame):
    if _armed:
        raise TimeLimit("the time limit")


@contextlib.contextmanager
def time_limit(cpu, wall):
    """Inside, TimeLimit is raised after so many seconds of CPU time, or of wall time, and again every few seconds."""
    global _armed
    _armed = True
    signal.setitimer(signal.ITIMER_PROF, cpu, 3.0)
    signal.setitimer(signal.ITIMER_REAL, wall, 3.0)
    try:
        yield
    finally:
        _armed = False  # first, so that no signal interrupts what follows
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_cell(shell, source, outputs):
    """Run a cell as Jupyter does; None, or what it failed with: {"type", "message"}."""
    try:
        done = shell.run_cell(source, store_history=False)
        error = done.error_before_exec or done.error_in_exec
    except BaseException as escaped:  # noqa: BLE001 - a time limit inside IPython itself, or an exit
        error = escaped
        outputs.error(type(escaped).__name__, _message(escaped), "")
    return None if error is None else {"type": type(error).__name__[:200], "message": _message(error)}


def _message(error):
    try:
        return str(error)[:2000]
    except BaseException:  # noqa: BLE001 - a __str__ of the student's
        return ""


# what a cell puts out


class Outputs:
    """Collects what a cell prints and shows, up to a size: the beginning and the end of it."""

    def __init__(self):
        self.begin()

    def begin(self):
        """Start anew."""
        self.items, self.size, self.images, self.tail, self.dropped = [], 0, 0, [], 0

    def write(self, stream, text):
        """Take printed text."""
        room = max(0, MAX_TEXT - self.size)
        kept, rest = text[:room], text[room:]
        if kept:
            self.size += len(kept)
            if self.items and self.items[-1].get("name") == stream and self.items[-1]["type"] == "stream":
                self.items[-1]["text"] += kept
            else:
                self.items.append({"type": "stream", "name": stream, "text": kept})
        if rest:
            self.dropped += len(rest)
            joined = (self.tail[0] if self.tail else "") + rest
            self.tail = [joined[-MAX_TAIL:]]

    def show(self, data, kind="result"):
        """Take something displayed: its PNG, or its text."""
        png = data.get("image/png") if isinstance(data, dict) else None
        if isinstance(png, str) and len(png) <= MAX_IMAGE and self.images < MAX_IMAGES:
            self.images += 1
            self.items.append({"type": "image", "png": png})
        elif isinstance(png, bytes) and len(png) <= MAX_IMAGE and self.images < MAX_IMAGES:
            self.images += 1
            self.items.append({"type": "image", "png": base64.b64encode(png).decode()})
        elif isinstance(data, dict) and isinstance(data.get("text/plain"), str) and self.size < MAX_TEXT:
            text = data["text/plain"][:MAX_TAIL]
            self.size += len(text)
            self.items.append({"type": "result", "text": text})

    def error(self, name, message, trace):
        """Take an error."""
        self.items.append({"type": "error", "name": name[:200], "message": message[:2000], "traceback": trace[-8000:]})

    def end(self):
        """All that was taken."""
        if self.dropped:
            left_out = self.dropped - len(self.tail[0])
            text = f"\n[... {left_out} characters left out ...]\n" + self.tail[0]
            self.items.append({"type": "stream", "name": "stdout", "text": text})
        return self.items


class Stream(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, outputs, name):
        self.outputs, self.name = outputs, name

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.outputs.write(self.name, text)
        return len(text)

    def writable(self):
        return True

    def isatty(self):
        return False


# probe


class Probe(Peer):
    """Answers one test's calls."""

    own, other = "student", "examiner"

    def __init__(self, channel, state, cpu, wall):
        super().__init__(channel, state.world.shared)
        self.state, self.cpu, self.wall, self.iterators = state, cpu, wall, {}
        self.namespace = state.shell.user_ns

    def serve(self):
        """Answer until the examiner is done."""
        jail.limit_cpu(time.process_time() + self.cpu + 2)
        _end_other_threads_quietly()
        try:
            with time_limit(self.cpu, self.wall):
                while True:
                    try:
                        message = self.channel.receive()
                    except EOFError:
                        return
                    self.answer(message)
        except TimeLimit:
            os._exit(99)

    def describe(self, value):
        kind = "class" if isinstance(value, type) else "function" if callable(value) else "object"
        named = getattr(value, "__name__", "")
        flags = [kind, type(value).__name__[:100], named[:100] if isinstance(named, str) else ""]
        return flags

    def proxy(self, number, described):
        return Callback(self, number)

    def number_of(self, value):
        return value.number if type(value) is Callback else None

    def named(self, name):
        return self.namespace[name]

    def carry_out(self, do, on, args, kwargs):
        self.state.outputs.begin()
        try:
            value = self._do(do, on, args, kwargs)
            reply = {"return": value}
            self.pack(reply)  # what cannot cross is an error here, with the student's type in its message
        except Unplain as error:
            reply = {"raise": {"type": "Unplain", "bases": [], "message": str(error), "trace": ""}}
        except TimeLimit:
            reply = {"raise": {"type": "TimeLimit", "bases": [], "message": "", "trace": ""}}
        except BaseException as error:  # noqa: BLE001 - whatever the student's code raises
            reply = {"raise": _told(error)}
        printed = "".join(o["text"] for o in self.state.outputs.end() if o["type"] == "stream")
        return reply | {"printed": printed[:MAX_TAIL], "touched": sorted(touched())[:50]}

    def _do(self, do, on, args, kwargs):
        if do == "names":
            return {n: self.namespace[n] for n in args[0] if n in self.namespace}
        if do == "bind":
            self.namespace[args[0]] = args[1]
            return None
        if do == "unbind":
            self.namespace.pop(args[0], None)
            return None
        if do == "named":
            self.state.helpers.put_back(self.namespace)
            return self.namespace[args[0]](*args[1:], **kwargs)
        if do == "call":
            return on(*args, **kwargs)
        if do == "next":
            return self._next(on)
        if do == "isinstance":
            return isinstance(args[0], on)
        return _OPERATIONS[do](on, *args)

    def _next(self, iterator):
        try:
            return [next(iterator)]
        except StopIteration:
            return []


class Callback:
    """A function of the examiner's, as the student's code sees it."""

    def __init__(self, probe, number):
        self.probe, self.number = probe, number

    def __call__(self, *args, **kwargs):
        reply = self.probe.request("call", self, args, kwargs)
        if "raise" in reply:
            import builtins

            told = reply["raise"]
            kind = getattr(builtins, told["type"], RuntimeError)
            raise kind(told["message"])
        return reply["return"]


def _swapped(function):
    return lambda a, b: function(b, a)


def _operations():
    import operator as o

    plain = (o.add, o.sub, o.mul, o.truediv, o.floordiv, o.mod, o.pow, o.matmul, o.neg, o.pos, o.getitem, o.setitem)
    named = {f.__name__: f for f in (*plain, o.delitem, o.contains)}
    swapped = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
    named |= {f"r{n}": _swapped(named[n]) for n in swapped}
    named |= {"getattr": getattr, "setattr": setattr, "len": len, "iter": iter, "str": str, "repr": repr}
    named |= {"enter": lambda x: x.__enter__(), "leave": lambda x: x.__exit__(None, None, None)}
    named |= {"eq": o.eq, "lt": o.lt, "le": o.le, "float": float, "int": int, "bool": bool, "dir": dir}
    named |= {"callable": callable}
    return named


_OPERATIONS = _operations()


def _told(error):
    bases = [f"{c.__module__}.{c.__qualname__}"[:200] for c in type(error).__mro__[:20]]
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if "ipython-input" in f.filename or "/tmp" in f.filename
    ]
    where = [f"line {f.lineno}, in {f.name}: {f.line or ''}"[:300] for f in frames[-3:]]
    return {"type": type(error).__name__[:200], "bases": bases, "message": _message(error), "trace": "\n".join(where)}


def _end_other_threads_quietly():
    """After a fork only this thread lives; forget the others, so that leaving does not wait for them."""
    for thread in list(threading._active.values()):
        if thread is not threading.current_thread():
            threading._active.pop(thread.ident, None)


def address_space():
    """Bytes of address space in use; 4 GB where it cannot be told."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 4 << 30
