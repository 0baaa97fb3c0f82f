"""The examination: test cells run here, in a trusted process, against stand-ins for what the student defined.

Locked cells run on both sides, answer cells and the student's own only in the sandbox. A name resolves as in one
notebook: what an answer cell of the master binds is the student's until a later cell of the master binds it again;
Python's own names and the master's are never the student's otherwise. Each test talks to its own fork of the student's
state.
"""

import ast
import builtins
import contextlib
import functools
import hashlib
import hmac
import io
import json
import math
import os
import pickle
import re
import select
import signal
import sys
import time
from dataclasses import dataclass, replace

import numpy as np

from edfcore.teach import checks as teach_checks
from edfcore.teach.compare import Wrong, compare

from .inside import jail
from .result import CellOutput, Result, TestResult
from .sandbox import Limits, Stopped
from .standins import InsideFunction, MissingName, Session, StudentFailure, StudentObject, Unexaminable

GRACE = 30.0  # seconds beyond the time of a submission before the examiner itself is interrupted
MAX_OUTPUTS = 24 << 20  # characters of all outputs of a notebook
MAX_RESTARTS = 8  # of one notebook's state, after cells that ended Python
WORDS = {
    "time": "It was stopped: the time limit is {cpu:.0f} seconds of computing, {wall:.0f} in all.",
    "memory": "It was stopped: it took more than the {memory} MB of memory that are allowed.",
    "crash": "Your code ended Python itself (a crash, exit() or os._exit), so there is nothing left to test.",
}


class Namespace(dict):
    """The examiner's side of the notebook's names."""

    def __init__(self, box, shared, limits):
        super().__init__(__name__="__main__", __builtins__=builtins)
        self.claimed, self.offered = set(), set()
        self._box, self._shared, self._limits = box, shared, limits
        self._session, self._known, self._known_at = None, {}, -1
        self._unbound, self.why = set(), {}  # why a name may be missing: what its cell stopped with

    def student_bound(self, claimed, others):
        """An answer cell ran: `claimed` are the names that the master's bind, `others` whatever the student's did."""
        for name in claimed:
            self.pop(name, None)
        self.claimed |= set(claimed)
        self.offered |= set(others)

    def session(self):
        """The current test's session, begun when it is first needed."""
        if self._session is None:
            channel, end = self._box.probe()
            deadline = time.monotonic() + self._limits.test_wall
            self._session = Session(channel, end, deadline, self._shared)
            self._known, self._known_at = {}, -1
        return self._session

    def begin(self, code):
        """Before a cell: put stand-ins for functions and classes where the cell's code finds them fast."""
        for name in _names(code) & self.claimed:
            if name not in self:
                value = self._fetch(name)
                if type(value) is StudentObject:
                    super().__setitem__(name, value)

    def finish(self):
        """After a cell: end the session; what is left of the student's is theirs again. Gives the session or None."""
        session, self._session = self._session, None
        self._unbound.clear()
        for name, value in list(self.items()):
            if type(value) is StudentObject:
                self.pop(name)
                self.offered.add(name)
            elif getattr(value, "runs_inside", False) is True:
                self[name] = InsideFunction(self, name)
        if session:
            session.close()
        return session

    def __delitem__(self, name):
        """A cell deletes a name: one of the student's goes on their side too, as in one notebook."""
        if type(self.get(name)) is not StudentObject and (name in self or not self._is_students(name)):
            return super().__delitem__(name)
        self.session().ask("unbind", None, (name,))
        self._unbound.add(name)
        self.pop(name, None)

    def __setitem__(self, name, value):
        """A cell binds a name: in place of one of the student's, on their side too."""
        if type(self.get(name)) is StudentObject or name in self._unbound:
            self.session().ask("bind", None, (name, value))
            self._unbound.discard(name)
        super().__setitem__(name, value)

    def _is_students(self, name):
        return type(name) is str and (name in self.claimed or (name in self.offered and not hasattr(builtins, name)))

    def __missing__(self, name):
        if self._is_students(name):
            value = self._fetch(name)
            if value is not _ABSENT:
                return value
            if name in self.claimed:
                ended = f" That cell stopped with {self.why[name]}." if name in self.why else ""
                raise MissingName(f"`{name}` is not defined: its answer cell must define it.{ended}")
        raise KeyError(name)

    def _fetch(self, name):
        session = self.session()
        if self._known_at != session.requests:  # a call may have changed what a name holds
            self._known = {n: v for n, v in self._known.items() if type(v) is StudentObject}
        if name not in self._known:
            found = session.ask("names", None, [[name]])
            self._known[name] = found.get(name, _ABSENT) if type(found) is dict else _ABSENT
            self._known_at = session.requests
        return self._known[name]


_ABSENT = object()


def _names(code):
    found = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            found |= _names(constant)
    return found


class Examination:
    """One pass over a plan in one box.

    Parameters
    ----------
    master, plan : Master, Plan
    box : Box
    limits : Limits
    shared : dict name -> read-only array that the sandbox holds too
    seeds : list of bytes; each test is examined with the hidden inputs of each seed
    only : set of test cells to examine, or None for all

    Attributes
    ----------
    tests : a dict from names to TestResults for each seed
    """

    def __init__(self, master, plan, box, limits, shared, seeds, only=None):
        self.master, self.plan, self.box, self.limits, self.only = master, plan, box, limits, only
        self.namespace = Namespace(box, shared, limits)
        self.seeds, self.tests = seeds, [{} for _ in seeds]
        self.outputs, self.flags, self.touched, self.broken = {}, [], {}, set()
        self.lacking = set()
        self._done, self._restarts, self._dead, self._room = [], 0, None, MAX_OUTPUTS

    def run(self):
        """Go through the cells in order. What is not reached in the time of the whole submission fails."""
        for index, cell in enumerate(self.plan.cells):
            if cell.cell_type == "code" or cell.kind == "answer":
                try:
                    getattr(self, f"_{cell.kind}", self._nothing)(index, cell)
                except OutOfTime:
                    self.flags.append(f"the time of the whole submission ended at cell {cell.name or index}")
                    self._dead = "time"
                    if cell.kind == "test":
                        self._test(index, cell)

    def _nothing(self, index, cell):
        pass

    def _extra(self, index, cell):
        if cell.cell_type == "code":
            reply = self._in_sandbox(index, cell)
            self.namespace.student_bound((), reply["names"])

    def _answer(self, index, cell):
        reply = self._in_sandbox(index, cell)
        if reply["failed"]:
            ended = f"{reply['failed']['type']}: {reply['failed']['message']}"[:300]
            self.namespace.why |= dict.fromkeys(cell.binds, ended)
        self.namespace.student_bound(cell.binds, reply["names"])

    def _written(self, index, cell):
        reply = self._in_sandbox(index, cell)
        self.namespace.student_bound(cell.binds, reply["names"])

    def _locked(self, index, cell):
        reply = self._in_sandbox(index, cell)
        if reply["failed"]:
            self.broken.add(index)
        error, _ = self._in_examiner(index, cell)
        if isinstance(error, MemoryError):
            raise error  # of the instructor's own cell: what follows would be examined without it
        if error is not None and not _students(error):
            self.flags.append(f"locked cell {cell.name}: {type(error).__name__}: {error}"[:500])

    def _in_sandbox(self, index, cell):
        """Run the cell in the student's state; where it ends Python, begin again without it."""
        if self._dead or not cell.source.strip():
            return {"outputs": [], "names": [], "failed": None, "touched": []}
        try:
            reply = self.box.run(cell.source, locked=cell.kind == "locked")
            self._done.append((cell.source, cell.kind == "locked"))
        except Stopped as stopped:
            reply = self._restart(index, cell, stopped)
        if reply["outputs"]:
            self._keep(index, cell, reply["outputs"])
        if cell.origin == "student":
            self._note_lacking(index, reply["failed"])
            if reply["touched"]:
                self.touched[index] = set(reply["touched"])
        return reply

    def _note_lacking(self, index, failed):
        if failed and failed["type"] in ("NameError", "ImportError", "AttributeError", "GraphError"):
            self.lacking.add(index)

    def _keep(self, index, cell, outputs):
        """Keep a cell's outputs, up to MAX_OUTPUTS characters in the whole notebook."""
        size = sum(len(text) for o in outputs for text in o.values())
        self._room -= size
        if self._room < 0:
            self._room += size
            outputs = [
                {"type": "stream", "name": "stderr", "text": "[outputs left out: the notebook has too much of them]"}
            ]
        self.outputs[index] = CellOutput(index, cell.name, tuple(outputs))

    def _restart(self, index, cell, stopped):
        self._restarts += 1
        told = WORDS[stopped.reason].format(**_limits_in_words(self.limits, "cell"))
        self.flags.append(f"cell {cell.name or index} was ended: {stopped.reason}")
        try:
            if self._restarts > MAX_RESTARTS:
                raise Stopped(stopped.reason, "too many cells end Python")
            self.box.start()
            for source, locked in self._done:
                self.box.run(source, locked)
        except Stopped as again:
            self._dead = again.reason
        message = {"type": "error", "name": "Stopped", "message": told, "traceback": ""}
        return {"outputs": [message], "names": [], "failed": {"type": "Stopped", "message": told}, "touched": []}

    # tests

    def _test(self, index, cell):
        if self.only is None or cell.name in self.only:
            for seed, tests in zip(self.seeds, self.tests, strict=True):
                with teach_checks.seeded(seed):
                    tests[cell.name] = self._tested(index, cell)

    def _tested(self, index, cell):
        exercise = self.master.exercises.get(cell.name)
        if self._dead:
            told = WORDS[self._dead].format(**_limits_in_words(self.limits, "cell"))
            return TestResult(cell.name, exercise, 0.0, cell.points, "failed", self._dead, "", told)
        error, value = self._in_examiner(index, cell)
        if isinstance(error, NameError):
            self.lacking.add(index)
        tripped = tripwire(self.namespace)
        if tripped:
            self.flags.append(f"tripwire at {cell.name}: {tripped}")
            told = "The examination itself was disturbed; a person looks at it."
            return TestResult(cell.name, exercise, None, cell.points, "unexamined", "error", "", told)
        return judge(cell, exercise, error, value, self.limits)

    def _in_examiner(self, index, cell):
        """Run a cell of the master here; (the error that it ended with or None, the value of its last line)."""
        name, error, value = f"<cell {cell.name or index}>", None, None
        printed = io.StringIO()
        try:
            code, last = compiled(cell.source, name)
            self.namespace.begin(code)
            quiet = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO())
            limit = alarm(self.limits.cell_wall, CellOutOfTime) if cell.kind == "locked" else contextlib.nullcontext()
            with quiet[0], quiet[1], limit:
                exec(code, self.namespace)
                value = eval(last, self.namespace) if last else None
        except (Exception, SystemExit, CellOutOfTime) as raised:
            error = raised
        try:
            session = self.namespace.finish()
        except Stopped:
            session = None
        if session and cell.kind == "test" and session.touched:
            self.touched[index] = session.touched
        shown = printed.getvalue()[:20_000]  # by the instructor's checks, never by the student's code
        if cell.kind == "test" and shown:
            self.outputs[index] = CellOutput(index, cell.name, ({"type": "stream", "name": "stdout", "text": shown},))
        return error, value


def compile_cells(master):
    """Compile what every submission runs on this side, once, before passes are forked."""
    for index, cell in enumerate(master.cells):
        if cell.kind in ("locked", "test") and cell.cell_type == "code":
            with contextlib.suppress(SyntaxError, ValueError):
                compiled(cell.source, f"<cell {cell.name or index}>")


@functools.lru_cache(maxsize=1000)
def compiled(source, filename):
    """The code of a cell, and that of its last expression or None. IPython's magics are left out."""
    tree = _parsed(source, filename)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    return compile(tree, filename, "exec"), compile(last, filename, "eval") if last else None


def _parsed(source, filename):
    try:
        return ast.parse(source, filename)
    except SyntaxError:
        lines = [re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in source.splitlines()]
        return ast.parse("\n".join(lines), filename)


def hidden_lines(source):
    """The numbers of the lines between BEGIN and END HIDDEN TESTS."""
    found, inside = set(), False
    for number, line in enumerate(source.splitlines(), 1):
        inside = inside or "BEGIN HIDDEN TESTS" in line
        if inside:
            found.add(number)
        inside = inside and "END HIDDEN TESTS" not in line
    return found


def _line(error, filename):
    """The line of the cell at which the error left it."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            return trace.tb_lineno
        trace = trace.tb_next
    return getattr(error, "lineno", None)


def _students(error):
    """Whether the student's code is why a cell of the master ended with this error."""
    if isinstance(error, (Stopped, MissingName, StudentFailure, Unexaminable)):
        return True
    return getattr(error, "from_student", False) or isinstance(error, AssertionError)


def judge(cell, exercise, error, value, limits):
    """The TestResult of a test cell that ended with this error, or with this value of its last line."""

    def result(points, verdict, reason="", category="", message=""):
        return TestResult(cell.name, exercise, points, cell.points, verdict, reason, category, message[:4000])

    if error is None:
        return _judge_value(result, cell.points, value)
    line = _line(error, f"<cell {cell.name}>")
    hidden = line in hidden_lines(cell.source)
    category = getattr(error, "category", None) or ""
    near = category or (category_at(cell.source, line) if hidden else "")
    if isinstance(error, Stopped):
        told = WORDS[error.reason].format(**_limits_in_words(limits, "test"))
        return result(0.0, "failed", error.reason, near, _in_category(told, near))
    if isinstance(error, MissingName):
        return result(0.0, "failed", "missing", "", str(error))
    if isinstance(error, Wrong) and (category or not hidden):
        return result(0.0, "failed", "wrong", category, str(error))
    if isinstance(error, AssertionError):
        shown = "" if hidden else _assertion(cell.source, line, error)
        return result(0.0, "failed", "wrong", near, shown or _in_category("A hidden test fails.", near))
    if getattr(error, "from_student", False) or isinstance(error, (StudentFailure, Unexaminable)):
        told = _raised_in_words(error, hidden)
        reason = "memory" if isinstance(error, MemoryError) else "raised"
        return result(0.0, "failed", reason, near, _in_category(told, near))
    if isinstance(error, (SyntaxError, SystemExit)) or line is None:
        return result(None, "unexamined", "error", "", f"The test itself does not run: {type(error).__name__}.")
    # The test tripped over a value that the student's code gave: wrong work, as it would be in the notebook.
    told = "A hidden test fails on what your code returned." if hidden else _tripped(cell.source, line, error)
    return result(0.0, "failed", "wrong", near, _in_category(told, near))


NAMELESS = "a hidden test"  # the category of one that has none


@functools.lru_cache(maxsize=1000)
def category_at(source, line):
    """The category of the hidden test that line `line` of a test cell belongs to: of the next check.hidden there."""
    calls = [n for n in ast.walk(_parsed(source, "<cell>")) if isinstance(n, ast.Call) and n.args]
    named = [
        (n.end_lineno, n.args[0].value)
        for n in calls
        if getattr(n.func, "attr", "") == "hidden" and isinstance(n.args[0], ast.Constant)
    ]
    return next((told for end, told in sorted(named) if end >= line and type(told) is str), NAMELESS)


def _in_category(told, category):
    return f"{told} Its category: {category}." if category not in ("", NAMELESS) else told


def _judge_value(result, worth, value):
    number = teach_checks.plain_number(value) if not isinstance(value, bool) else None
    if value is None or isinstance(value, (bool, str)) or number is None:
        return result(float(worth), "passed")
    if not math.isfinite(number) or number < 0 or number > worth:
        return result(None, "unexamined", "error", "", f"The test gives {number:g} points, of {worth:g}.")
    return result(number, "passed" if number == worth else "partial" if number else "failed", "" if number else "wrong")


def _assertion(source, line, error):
    text = source.splitlines()[line - 1].strip() if line and line <= len(source.splitlines()) else ""
    return f"{text}\n{error}".strip() if str(error) else f"This does not hold: {text}"


def _tripped(source, line, error):
    text = source.splitlines()[line - 1].strip() if line and line <= len(source.splitlines()) else ""
    return f"The test could not go on with what your code gave: {type(error).__name__}: {error}\nat: {text}"


def _raised_in_words(error, hidden):
    name = type(error).__name__
    if hidden:  # a name of the student's own making could carry the inputs home
        known = (
            c.__name__ for c in type(error).__mro__ if c.__module__ in ("builtins", "numpy.linalg", "edfcore.errors")
        )
        return f"A hidden test fails: your code raised {next(known)}."
    notes = "\n".join([*getattr(error, "__notes__", ()), getattr(error, "where", "")]).strip()
    return f"Your code raised {name}: {error}\n{notes}".strip()


def _limits_in_words(limits, what):
    return {
        "cpu": getattr(limits, f"{what}_cpu"),
        "wall": getattr(limits, f"{what}_wall"),
        "memory": limits.memory >> 20,
    }


def tripwire(namespace):
    """A sentence where what tests lean on no longer tells right from wrong in this process; None where it does."""
    try:
        exec("assert 1.0 == 2.0", {"__builtins__": namespace["__builtins__"]})
        return "an assertion that is false holds"
    except AssertionError:
        pass
    for what, check in (("compare", _compare_canary), ("numpy.testing", _numpy_canary)):
        try:
            check()
            return f"{what} accepts a wrong value"
        except AssertionError:
            pass
    return None


def _compare_canary():
    compare("canary", np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-3]))


def _numpy_canary():
    np.testing.assert_allclose([1.0, 2.0], [1.0, 2.001])


def seed_for(secret, student, assignment):
    """The seed of one student's hidden inputs, from the course's secret."""
    return hmac.new(secret, f"{student}\0{assignment}".encode(), hashlib.sha256).digest()


def submission_seed(seed, plan):
    """The seed of one submission: what its tests were given is of no use in the student's next one."""
    return hmac.new(seed, plan.digest.encode(), hashlib.sha256).digest()


def result_key(master, plan, seed, limits=None, environment=""):
    """A digest of everything that the grade depends on."""
    limits = repr(limits or Limits())
    parts = [master.digest, plan.digest, plan.student, hashlib.sha256(seed).hexdigest(), limits, environment]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def examine(master, plan, warm, *, seed=b"", **options):
    """Examine a planned submission with the hidden inputs of one seed: see `examine_each`."""
    return examine_each(master, plan, warm, seeds=[seed], **options)[0]


def examine_each(master, plan, warm, *, seeds, folder, limits=None, environment="", hidden_only=False, only=None):
    """Examine a planned submission; each pass in a process of its own, forked from this one.

    Parameters
    ----------
    master : Master
    plan : Plan
    warm : Warm, the warm processes
    seeds : list of bytes, each of one student's hidden inputs, see `seed_for`
    folder : path that locked and test cells find as their working directory here
    limits : Limits
    environment : str, digest of the versions that matter
    hidden_only : bool; let visible checks pass (certification tries hidden tests alone)
    only : set of test cells, or None for all

    Returns
    -------
    list of Result, one for each seed; `needs_person` says why where the examination itself failed. Cells' outputs and
    flags are those of all together: several seeds are for trials of our own
    """
    limits, started = limits or Limits(), time.monotonic()
    keys = [result_key(master, plan, seed, limits, environment) for seed in seeds]
    assurance = "unsafe" if warm.unsafe else "isolated"

    def results(**about):
        seconds = {"total": time.monotonic() - started}
        who = master.assignment, master.notebook, plan.student, plan.digest, master.digest
        return [Result(*who, key, assurance, seconds=seconds, **about) for key in keys]

    if plan.needs_person:
        return results(needs_person=plan.needs_person)

    def one_pass(forbidden, only=None):
        zygote = warm.get(forbidden)

        def task():
            os.chdir(folder)
            sys.path.append(folder)  # a helper module of the instructor's, beside the notebook
            _limit_memory(limits.memory)
            fresh = [submission_seed(seed, plan) for seed in seeds]
            visible = teach_checks.hidden_only() if hidden_only else contextlib.nullcontext()
            with visible, teach_checks.seeded(fresh[0]):
                return _pass(master, plan, zygote, limits, warm.shared, fresh, only)

        return in_child(task, limits.wall_total + 60.0)

    try:
        every = every_forbidden(master)
        found = one_pass(every, only)
        for forbidden, tests in _again(master, plan, found, every).items():
            if time.monotonic() - started > limits.wall_total:
                found.flags.append("no time was left to examine again what another exercise's names may have cost")
                break
            for first, second in zip(found.tests, one_pass(forbidden, tests).tests, strict=True):
                first.update(second)
    except ChildFailed as failed:
        return results(needs_person=f"The examination failed: {failed}")
    outputs = tuple(found.outputs[i] for i in sorted(found.outputs))
    names = [c.name for c in plan.cells if c.kind == "test"]
    tests = [tuple(seen[n] for n in names if n in seen) for seen in found.tests]
    same = results(flags=tuple(found.flags), cells=outputs)
    return [replace(result, tests=seen) for result, seen in zip(same, tests, strict=True)]


@dataclass
class Found:
    """What one pass found.

    tests : for each seed TestResults by name; outputs : CellOutputs by index; flags : list of str
    touched : absent names that were asked for, by index; broken : locked cells that did not run
    lacking : cells that failed for want of a name
    """

    tests: dict
    outputs: dict
    flags: list
    touched: dict
    broken: set
    lacking: set


def _pass(master, plan, zygote, limits, shared, seeds, only):
    with alarm(limits.wall_total + GRACE), zygote.box(limits, plan.files) as box:
        examination = Examination(master, plan, box, limits, shared, seeds, only)
        examination.run()
    e = examination
    return Found(e.tests, e.outputs, e.flags, e.touched, e.broken, e.lacking)


def every_forbidden(master):
    """All names that any exercise of the master forbids."""
    return frozenset(name for names in master.forbidden.values() for name in names)


class ChildFailed(Exception):
    """The process of a pass came to no result."""


def in_child(task, seconds):
    """The value of `task()`, computed in a fork of this process.

    Raises
    ------
    ChildFailed : it raised, died or took too long.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            die_with_parent()
            try:
                told = ("value", task())
            except BaseException as error:  # noqa: BLE001 - told to the parent
                told = ("error", f"{type(error).__name__}: {error}"[:2000])
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(told, pipe)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        kind, value = _read_pickle(reading, time.monotonic() + seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if kind == "error":
        raise ChildFailed(value)
    return value


def die_with_parent(by=9):
    """On Linux, get this signal, SIGKILL by default, when the parent goes."""
    if sys.platform == "linux":
        jail.die_with_parent(by)


def _read_pickle(descriptor, deadline):
    """What our own child sends: it holds the examiner's own objects, never bytes of a student's making."""
    parts = []
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ChildFailed("it took too long")
            part = pipe.read(1 << 20)
            if not part:
                break
            parts.append(part)
    if not parts:
        raise ChildFailed("its process died")
    return pickle.loads(b"".join(parts))


def _again(master, plan, first, every):
    """Which tests to examine again with only their own exercise's names absent: dict from those names to the tests.

    The first pass lacks what any exercise forbids. That can take points in two ways only: an answer asks for what
    another exercise forbids, or it lacks a name because a locked cell needs such a thing and did not run. Tests that
    failed after either get a second examination.
    """
    found, asked, broken, lacking = {}, False, False, False
    for index, cell in enumerate(plan.cells):
        asked = asked or bool(first.touched.get(index))
        broken = broken or index in first.broken
        lacking = lacking or (cell.kind != "test" and index in first.lacking)
        if cell.kind != "test" or cell.name not in first.tests[0]:
            continue
        own = frozenset(master.forbidden.get(cell.name, ()))
        suspect = asked or (broken and (lacking or index in first.lacking))
        short = any(tests[cell.name].verdict in ("failed", "partial") for tests in first.tests)
        if own != every and suspect and short:
            found.setdefault(own, set()).add(cell.name)
    return found


class OutOfTime(BaseException):
    """The whole submission took too long."""


class CellOutOfTime(BaseException):
    """A locked cell took too long on this side."""


@contextlib.contextmanager
def alarm(seconds, kind=OutOfTime):
    """Inside, `kind` is raised after so many seconds of wall time. Alarms may be nested."""

    def stop(number, frame):
        raise kind(f"it took over {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    outer, started = signal.setitimer(signal.ITIMER_REAL, seconds)[0], time.monotonic()
    if 0 < outer < seconds:
        signal.setitimer(signal.ITIMER_REAL, outer)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(0.01, outer - (time.monotonic() - started)))


def _limit_memory(more):
    """Let this process take `more` bytes beyond what it has: a cell of the instructor's may run away as well."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm") as file:
            has = int(file.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (has + more, hard))
