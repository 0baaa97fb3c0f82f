"""The red team: a class whose students attack the grader or have accidents, graded as any class is.

A case is a small function in tests/redteam/cases that gives what one student hands in, and says what that deserves.
All cases and some honest witnesses are graded by the pipeline in one temporary course. Canaries, random words, are
planted wherever a secret is; none may come back to a student. Whatever a case manages to do outside its sandbox, it
prints as evidence (see `EVIDENCE`), and the machine itself is looked at besides.
"""

import ast
import base64
import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import pickle
import re
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import indent

import nbformat
import numpy as np

from edfcore.teach import checks

from . import assignment as assignments
from . import course, feedback, pipeline, receipts
from .classroom import Classroom
from .errors import AutogradeError
from .examine import in_child, seed_for, submission_seed
from .plan import kind_of
from .pool import default_workers
from .sandbox import Limits, require

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("attack", "accident", "fault")
EVIDENCE = {"escaped:": "effects_outside", "read:": "secrets_read", "met:": "others_affected"}  # after "redteam-"
WITNESSES = 4  # of the reference, among the cases
DOOR = {"port": 0, "name": ""}  # where this machine listens during a run: TCP on 127.0.0.1, and an abstract socket
LARGEST_RESULT = 8 << 20  # bytes of JSON of one result
LARGEST_EXAMINER = 1 << 30  # bytes of a grader's process while it examines one submission
LIMITS = Limits(
    cell_cpu=6.0, cell_wall=20.0, test_cpu=8.0, test_wall=20.0, cpu_total=60.0, wall_total=90.0,
    memory=512 << 20, disk=16 << 20, file_size=8 << 20, processes=32,
)  # fmt: skip


# --- cases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """What a student hands in.

    notebook : bytes, or None for none under the right name
    files : dict from path in the student's folder to bytes
    place : function from that folder (a Path), for links and the like
    """

    notebook: bytes | None
    files: dict[str, bytes] = field(default_factory=dict)
    place: Callable | None = None


@dataclass(frozen=True)
class Case:
    """One student of the red team.

    rows : of the catalogue of attacks and faults; empty for inventions against this grader
    kind : one of KINDS; an accident must get what it deserves, a fault must cost nobody else anything
    earned : function from the Task to the points that the answers honestly deserve
    seconds : wall time that its examination may take, or None for the limits' own
    needs : the Need of a case that cannot be made for every assignment, or None
    make : function from the Task to a Handed, or to the notebook's bytes
    """

    name: str
    rows: tuple[int, ...]
    kind: str
    earned: Callable
    seconds: float | None
    needs: object
    make: Callable

    def applies(self, task):
        """Whether the case can be made for this assignment."""
        return self.needs is None or bool(self.needs.met(task))


@dataclass(frozen=True)
class Need:
    """What an assignment must have for a case, in words, and a function that says whether a Task has it."""

    what: str
    met: Callable


def nothing(task):
    """Earned: no points."""
    return 0.0


def everything(task):
    """Earned: all points."""
    return task.points


def only(*roles):
    """Earned: the points of these exercises; see `Task.role`."""
    return lambda task: task.worth(*(task.role(k) for k in roles))


def all_but(*roles):
    """Earned: all points but those of these exercises."""
    return lambda task: task.points - only(*roles)(task)


REGISTERED = {}


def case(name, *rows, kind="attack", earned=nothing, seconds=None, needs=None):
    """Register the decorated function as the case `name`.

    Raises
    ------
    ValueError : the name is taken, or is no name of a student; or a kind that is none.
    """

    def register(make):
        if name in REGISTERED or kind not in KINDS or not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,50}", name):
            raise ValueError(
                f"{name!r} is taken, or is no name of lower-case letters and hyphens, or has no known kind."
            )
        REGISTERED[name] = Case(name, rows, kind, earned, seconds, needs, make)
        return make

    return register


def cases(folder=None):
    """All cases, by name, from the Python files in `folder`; default, the repository's tests/redteam/cases.

    Raises
    ------
    AutogradeError : there are none.
    """
    folder = Path(folder or ROOT / "tests" / "redteam" / "cases")
    REGISTERED.clear()
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"redteam_cases_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    if not REGISTERED:
        raise AutogradeError(f"{folder} holds no cases; the red team runs from a checkout of the repository.")
    return dict(REGISTERED)


def code_cell(source):
    """A code cell of the student's own."""
    return nbformat.v4.new_code_cell(source)


def notebook_bytes(notebook):
    """The bytes of a notebook, valid or not."""
    return json.dumps(notebook, ensure_ascii=False).encode("utf-8", "surrogatepass")


# For evidence of functions: what they print is not kept, and each test runs in a fork of its own.
TELL = """\
def tell(sentence):
    with open("/edf/tmp/told", "a") as file:
        file.write("redteam-" + sentence + "\\n")
"""
TOLD = """\
import os
if os.path.exists("/edf/tmp/told"):
    print(open("/edf/tmp/told").read(50_000))
"""


# --- the assignment, as a case sees it -------------------------------------------------------------------------------

ANSWER = """\
def {name}(*given, **options):
{body}
"""
AROUND = """\
def _around(right):
    if isinstance(right, type):
        for name in [n for n, v in vars(right).items() if callable(v) and not n.startswith("__")]:
            setattr(right, name, _around(getattr(right, name)))
        return right

    def answer(*given, **options):
{before}
        found = right(*given, **options)
{after}
        return found

    return answer
"""
SPOILED = """\
def _spoiled(right):
    import copy
    import numpy as np

    def own(v):
        try:
            return copy.deepcopy(v) if type(v) in (np.ndarray, list, tuple, dict, set) else v
        except Exception:
            return v

    def other(v):
        if type(v) in (list, tuple):
            return type(v)(other(w) for w in v)
        return {{k: other(w) for k, w in v.items()}} if type(v) is dict else {leaf}

    return lambda *given, **options: other(right(*map(own, given), **options))
"""


@dataclass(frozen=True)
class Task:
    """An assignment as a case sees it; each case gets one of its own, whose `blank` it may change.

    A role is a number k: the k-th exercise whose answer binds classes, or functions that return something, from 0;
    negative from the end, and around where there are fewer.

    name : str, e.g. "A1"
    blank : the released notebook; source : that with answers and hidden tests
    right : dict from exercise, and from written question, to the reference's answer
    exercises : of the manifest, in order; written : names of the written questions
    binds : dict from exercise to the functions and classes that its answer binds at top level
    seen : Seen, what a run of the reference shows
    dropped : how many answers of the case this assignment is too small for
    """

    name: str
    blank: nbformat.NotebookNode
    source: nbformat.NotebookNode
    right: dict
    exercises: tuple
    written: tuple
    binds: dict
    seen: object
    dropped: list = field(default_factory=list)

    @classmethod
    def of(cls, assignment):
        """The Task of an Assignment; its reference is run to see what it is given."""
        blank, right = assignments.release(assignment.notebook), course.reference_answers(assignment)
        binds = {e.id: _defined(right[e.id]) for e in assignment.exercises}
        seen = Seen.of(assignment, assignments.with_answers(blank, right), binds)
        written = tuple(w["id"] for w in assignment.written)
        return cls(assignment.name, blank, assignment.notebook, right, assignment.exercises, written, binds, seen)

    def fresh(self):
        """The same with a notebook of its own."""
        return replace(self, blank=nbformat.from_dict(self.blank), right=dict(self.right), dropped=[])

    @property
    def points(self):
        """What all exercises are worth."""
        return float(sum(e.points for e in self.exercises))

    def worth(self, *exercises):
        """What these exercises are worth."""
        return float(sum(e.points for e in self.exercises if e.id in exercises))

    @property
    def driven(self):
        """The exercises whose answers bind classes, or functions that return something."""
        return [e.id for e in self.exercises if self.binds[e.id] and e.id not in self.seen.in_place]

    def role(self, k):
        """The exercise of a role; an exercise's own name stays."""
        return k if isinstance(k, str) else self.driven[k % len(self.driven)]

    def function(self, k):
        """The name of the first function of a role."""
        return self.binds[self.role(k)][0]

    def tests(self, k):
        """The names of the test cells of a role."""
        return next(e.tests for e in self.exercises if e.id == self.role(k))

    @property
    def forbidden(self):
        """All dotted names that an exercise forbids."""
        return sorted({name for e in self.exercises for name in e.forbidden})

    @property
    def secrets(self):
        """The longest line of each solution and of each hidden test that the release does not show."""
        shown, found = _text(self.blank), []
        for part in re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", _text(self.source), re.DOTALL):
            lines = [line.strip() for line in part.splitlines()]
            found += sorted((n for n in lines if len(n) > 15 and n not in shown), key=len)[-1:]
        return found

    # answers: dicts from exercise to source

    def wrong(self, k=0):
        """A wrong answer of the bank, of the right form where there is one; it earns nothing, which is certified."""
        e = next(e for e in self.exercises if e.id == self.role(k))
        return {e.id: [a for a in e.answers if not (a.right or a.keeps)][:2][-1].source}

    def answer(self, k, body, before=""):
        """An answer in which every function has this body; its arguments are `given` and `options`."""
        functions = [ANSWER.format(name=name, body=indent(body.strip(), "    ")) for name in self.binds[self.role(k)]]
        return {self.role(k): "\n\n".join([before, *functions]).strip("\n")}

    def answers(self, *bodies):
        """One answer of each body, from the first exercise on; those that return nothing come last."""
        own = self.driven + [e.id for e in self.exercises if self.binds[e.id] and e.id not in self.driven]
        self.dropped.extend(bodies[len(own) :])
        found = {}
        for exercise, body in zip(own, bodies, strict=False):
            found |= self.answer(exercise, body)
        return found

    def around(self, k, before="pass", after="pass", ahead=""):
        """The reference, with lines before and after each call; `found` is what it returns."""
        lines = {"before": indent(before.strip(), " " * 8), "after": indent(after.strip(), " " * 8)}
        return self._changed(k, ahead + AROUND.format(**lines), "_around")

    def spoiled(self, k, leaf, ahead=""):
        """An answer of the right form, but every number, text or object `v` in it is `leaf`, an expression."""
        return self._changed(k, ahead + SPOILED.format(leaf=leaf), "_spoiled")

    def _changed(self, k, tools, how):
        names = "\n".join(f"{name} = {how}({name})" for name in self.binds[self.role(k)])
        return {self.role(k): f"{self.right[self.role(k)]}\n\n\n{tools}\n\n{names}"}

    # notebooks

    def answered(self, answers=None):
        """The released notebook with these answers; default, the reference's."""
        return assignments.with_answers(self.blank, self.right if answers is None else answers)

    def filled(self, answers=None, first=None, last=None, behind=None):
        """The bytes of the released notebook with answers, and with code cells of the student's own.

        Parameters
        ----------
        answers : dict from the names of answer cells to sources
        first, last : sources of cells behind the first cell of code, and at the end
        behind : dict from the name of a cell to the source of a cell that follows it
        """
        notebook, cells = self.answered(answers or {}), []
        for cell in notebook.cells:
            cells.append(cell)
            if first is not None and cell.cell_type == "code":
                cells.append(code_cell(first))
                first = None
            if assignments.grade_id(cell) in (behind or {}):
                cells.append(code_cell(behind[assignments.grade_id(cell)]))
        notebook.cells = cells + ([code_cell(last)] if last is not None else [])
        return notebook_bytes(notebook)


def _text(notebook):
    return "\n".join(c.source for c in notebook.cells)


def _defined(source):
    tree = ast.parse(source)
    return [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and not n.name.startswith("_")]


# --- what the reference is given -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A call of a function of the reference: in which test, the floats in its arguments, whether a function is one.

    returned : whether it returned something
    pair : arguments and value, pickled, where they are plain and small; else None
    """

    exercise: str
    test: str
    function: str
    floats: tuple
    callback: bool
    returned: bool
    pair: bytes | None


@dataclass(frozen=True)
class Seen:
    """What runs of the reference show.

    visible : Calls of the visible tests
    hidden : Calls of all tests, with everybody's inputs
    fresh : exercises that return something and are given floats which are drawn for each student
    """

    visible: tuple
    hidden: tuple
    fresh: tuple

    @classmethod
    def of(cls, assignment, answered, binds):
        """From two runs with different inputs and one of the visible tests alone."""
        visible = played(answered, assignment.folder, binds)[0]
        one, two = played(assignment.notebook, assignment.folder, binds, (b"", b"another"))
        fresh = tuple(e.id for e in assignment.exercises if _drawn(one, two, e.id))
        seen = cls(visible, one, fresh)
        return replace(seen, fresh=tuple(e for e in fresh if e not in seen.in_place))

    @functools.cached_property
    def in_place(self):
        """The exercises whose functions return nothing, such as kernels, which write into their arguments."""
        return {c.exercise for c in self.hidden} - {c.exercise for c in self.hidden if c.returned}

    def with_callback(self):
        """The exercises of which a function is given a function."""
        return sorted({c.exercise for c in self.hidden if c.callback}, key=[c.exercise for c in self.hidden].index)

    def shown(self, exercise):
        """How often the visible part of a test of this exercise calls its functions: the least of its tests."""
        tests = [c.test for c in self.visible if c.exercise == exercise]
        return min(map(tests.count, tests), default=1)


def _drawn(one, two, exercise):
    """The first long float that `exercise` is given in the calls `one` and not in `two`, or None."""
    known = {v for c in two if c.exercise == exercise for v in c.floats}
    own = (v for c in one if c.exercise == exercise for v in c.floats)
    return next((v for v in own if v not in known and len(repr(v)) > 14), None)


def played(notebook, folder, binds, seeds=(b"",), until=None):
    """The Calls that a notebook with right answers makes of their functions, from its test cells; for each seed.

    Parameters
    ----------
    notebook : NotebookNode; folder : path, where it runs, in a process of its own
    binds : dict from exercise to the names of its functions
    seeds : of the hidden inputs; until : exercise after whose tests it may stop
    """

    def play(seed):
        with checks.recording(), checks.seeded(seed), open(os.devnull, "w") as nowhere:
            with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
                return _play(notebook, binds, until)

    def task():
        os.chdir(folder)
        return [play(seed) for seed in seeds]

    return in_child(task, 600.0)


def _play(notebook, binds, until):
    namespace, calls, test, reached = {"__name__": "__main__"}, [], [None], False
    for cell in notebook.cells:
        name = assignments.grade_id(cell)
        kind = kind_of(cell)
        if reached and kind == "answer":
            break
        reached = reached or (until is not None and name == until)
        if cell.cell_type == "code":
            test[0] = name if kind == "test" else None
            with contextlib.suppress(Exception, SystemExit):
                exec(compile(cell.source, f"<cell {name}>", "exec"), namespace)
            for function in binds.get(name, ()):
                if callable(namespace.get(function)) and not isinstance(namespace[function], type):
                    namespace[function] = _watched(namespace[function], name, function, calls, test)
    return tuple(calls)


def _watched(right, exercise, function, calls, test):
    def answer(*given, **options):
        before = _pickled(given) if test[0] else None
        found = right(*given, **options)
        if test[0] and len(calls) < 20_000:
            values = (*given, *options.values())
            pair = _pickled((given, found)) if before and not options else None
            pair = pair if pair and _pickled(given) == before else None  # it works in place
            kinds = any(map(callable, values)), found is not None
            calls.append(Call(exercise, test[0], function, _floats(values), *kinds, pair))
        return found

    return answer


def _pickled(value):
    with contextlib.suppress(Exception):
        data = pickle.dumps(value)
        return data if len(data) < 20_000 else None


def _floats(value):
    """The first floats in a plain value."""
    if isinstance(value, float):
        return (float(value),)
    if isinstance(value, np.ndarray):
        return tuple(value.ravel()[:20].tolist()) if value.dtype.kind == "f" else ()
    if isinstance(value, dict):
        value = list(value.values())
    return tuple(v for part in value[:50] for v in _floats(part))[:100] if isinstance(value, (list, tuple)) else ()


# --- the course ------------------------------------------------------------------------------------------------------


class Target:
    """The temporary course that is attacked, with its canaries."""

    def __init__(self, assignment, root):
        self.root, self.assignment = Path(root), assignment
        self.canaries = {}
        self._outside = []
        self.course = course.Course(self.root, assignment)
        self.task = Task.of(self.course.assignment)
        self._plant_in_solutions()
        self.room = Classroom.at(self.root)
        secret = self.room.secret()
        self.canaries["the course's secret"] = secret.hex()
        self._plant_outside()

    def canary(self, what):
        """A new word that stands for a secret."""
        word = f"canary{secrets.token_hex(12)}"
        self.canaries[what] = word
        return word

    def _plant_in_solutions(self):
        folder = self.root / "solutions" / self.assignment
        path = folder / f"{self.assignment}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for begin in ("### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS"):
                word = (
                    self.canary(f"{begin[10:].lower()} of {assignments.grade_id(cell)}") if begin in cell.source else ""
                )
                cell.source = re.sub(rf"^([ \t]*){begin}$", rf"\g<0>\n\1# {word}", cell.source, flags=re.MULTILINE)
        nbformat.write(notebook, path)
        manifest = folder / "exercises.toml"
        manifest.write_text(
            manifest.read_text(encoding="utf-8") + f"\n# {self.canary('the manifest')}\n", encoding="utf-8"
        )

    def _plant_outside(self):
        os.environ["EDF_REDTEAM_TOKEN"] = self.canary("the grader's environment")
        for base in (Path.home(), Path(tempfile.gettempdir())):
            descriptor, name = tempfile.mkstemp(prefix="edf-redteam-", dir=base)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(self.canary(f"a file in {base}"))
            self._outside.append(Path(name))

    def close(self):
        """Take away what was planted outside the course."""
        os.environ.pop("EDF_REDTEAM_TOKEN", None)
        for path in self._outside:
            path.unlink(missing_ok=True)

    def submit(self, student, handed):
        """Put a submission in place."""
        folder = self.root / "submitted" / student / self.assignment
        folder.mkdir(parents=True, exist_ok=True)
        if handed.notebook is not None:
            (folder / f"{self.assignment}.ipynb").write_bytes(handed.notebook)
        for name, data in handed.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if handed.place is not None:
            handed.place(folder)

    def witnesses(self):
        """Honest students, one of whom carries a canary; their names sort among the others'."""
        names = [f"{letter}-witness" for letter in "ahnz"[:WITNESSES]]
        for name in names:
            word = self.canary(f"the submission of {name}")
            self.submit(name, Handed(self.task.filled(self.task.right, last=f"mine = '{word}'")))
        return names

    def fingerprint(self):
        """A digest of what no submission may change: configuration, solutions, secret, other submissions."""
        found = {}
        for part in ("solutions", "submitted", "nbgrader_config.py", ".autograde/secret"):
            path = self.root / part
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file() and not file.is_symlink():
                    found[str(file.relative_to(self.root))] = hashlib.sha256(file.read_bytes()).hexdigest()
        return found

    def hidden_inputs(self, plans):
        """By student, digits of a hidden input of their next submission, which nobody should know.

        It is the first that the reference is given with that submission's seed, in the exercise that leaks are for.

        Parameters
        ----------
        plans : dict from student to the Plan of this submission, or None
        """
        if not self.task.seen.fresh:
            return {}
        seeds, secret = [], self.room.secret()
        for student, plan in plans.items():
            seed = seed_for(secret, student, self.assignment)
            seeds.append(submission_seed(seed, replace(plan, files={"another": b""})) if plan else seed)
        about, exercise = self.course.assignment, self.task.seen.fresh[0]
        found = played(about.notebook, about.folder, self.task.binds, seeds, until=exercise)
        drawn = (_drawn(calls, self.task.seen.hidden, exercise) for calls in found)
        return {student: repr(v)[:12].lstrip("-") for student, v in zip(plans, drawn, strict=True) if v is not None}


# --- looking at the machine ------------------------------------------------------------------------------------------


class Listener:
    """A door in this machine at which an escaped submission would knock: TCP, and an abstract socket."""

    def __init__(self):
        self.knocks = []
        self._doors = [socket.create_server(("127.0.0.1", 0))]
        DOOR["port"], DOOR["name"] = self._doors[0].getsockname()[1], f"edf-redteam-{secrets.token_hex(4)}"
        with contextlib.suppress(OSError, AttributeError):
            door = socket.socket(socket.AF_UNIX)
            door.bind("\0" + DOOR["name"])
            door.listen()
            self._doors.append(door)
        for door in self._doors:
            threading.Thread(target=self._listen, args=(door,), daemon=True).start()

    def _listen(self, door):
        while True:
            try:
                caller, _ = door.accept()
                self.knocks.append(caller.recv(100).decode(errors="replace"))
                caller.close()
            except OSError:
                return

    def close(self):
        """Shut the doors."""
        for door in self._doors:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()


class Watch:
    """A process beside the grader that notes how large the examiners grow: (first seen, last seen, most bytes).

    Examiners are forks of the grader: what it holds when this begins is shared with them, and is taken off.
    """

    def __init__(self):
        reading, writing = os.pipe()
        self._reading, self._grader = reading, os.getpid()
        with open("/proc/self/statm", encoding="ascii") as file:
            self._base = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(reading)
                self._look(writing)
            finally:
                os._exit(0)
        os.close(writing)

    def _look(self, writing):
        seen, going = {}, [True]
        signal.signal(signal.SIGTERM, lambda *_: going.clear())
        while going and os.getppid() == self._grader:
            for pid, size in examiners(self._grader):
                first, _, most = seen.get(pid, (time.time(), 0, 0))
                seen[pid] = (first, time.time(), max(most, size - self._base))
            time.sleep(0.05)
        with open(writing, "w", encoding="utf-8") as file:
            json.dump(list(seen.values()), file)

    def close(self):
        """End it; what it saw."""
        os.kill(self.pid, signal.SIGTERM)
        with open(self._reading, encoding="utf-8") as file:
            text = file.read()
        os.waitpid(self.pid, 0)
        return [tuple(entry) for entry in json.loads(text or "[]")]


def examiners(grader):
    """(pid, resident bytes) of the grader's descendants outside any sandbox."""
    children, about = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", "rb") as file:
                before, _, after = file.read().rpartition(b")")
            children.setdefault(int(after.split()[1]), []).append(int(name))
            about[int(name)] = before.rpartition(b"(")[2], int(after.split()[21]) * os.sysconf("SC_PAGE_SIZE")
    waiting = list(children.get(grader, ()))
    while waiting:
        pid = waiting.pop()
        program, size = about[pid]
        if program != b"bwrap":
            yield pid, size
            waiting += children.get(pid, ())


def survivors(names):
    """Of the names, those for which a process that says so on its command line is still there."""
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace")
            found |= set(re.findall(r"redteam-survivor:([a-z0-9-]+)", text)) & set(names)
    return found


# --- the run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What became of one case. `earned`: the points it deserves; `dropped`: how many of its answers had no place."""

    case: Case
    earned: float
    dropped: int
    verdict: str
    reason: str
    points: float | None
    flags: tuple[str, ...]
    seconds: float
    counts: dict[str, float]

    def to_json(self):
        """Plain JSON data."""
        case_ = self.case
        about = {"name": case_.name, "catalogue": list(case_.rows), "kind": case_.kind, "verdict": self.verdict}
        about |= {"reason": self.reason, "points": self.points, "earned_max": self.earned, "dropped": self.dropped}
        return about | {"flags": list(self.flags), "seconds": round(self.seconds, 3)}


COUNTS = ("unearned_points", "secrets_read", "effects_outside", "others_affected", "honest_zeroed")


@dataclass(frozen=True)
class Report:
    """What became of all cases.

    faults : sentences on the run as a whole, which count as others affected
    left_out : dict from the names of cases that cannot be made for this assignment to what it lacks
    """

    found: tuple[Found, ...]
    faults: tuple[str, ...] = ()
    left_out: dict = field(default_factory=dict)

    @property
    def held(self):
        """Whether nothing was won and nobody harmed."""
        return not any(self.to_json()[name] for name in COUNTS)

    def to_json(self):
        """Plain JSON data: the totals and a result for each case."""
        sums = {name: sum(f.counts.get(name, 0) for f in self.found) for name in COUNTS}
        sums["others_affected"] += len(self.faults)
        results = [f.to_json() for f in self.found]
        results += [
            {"name": f"run-{n}", "catalogue": [], "kind": "fault", "verdict": "failed", "reason": told, "points": None,
             "earned_max": 0.0, "dropped": 0, "flags": [], "seconds": 0.0}
            for n, told in enumerate(self.faults, 1)
        ]  # fmt: skip
        return {"cases": len(self.found)} | sums | {"left_out": self.left_out, "results": results}


def run_redteam(
    assignment, root=None, unsafe=False, only=None, on_case=lambda name: None, folder=None, workers=None,
    on_start=lambda total: None,
):  # fmt: skip
    """Grade the red team's submissions and look at what they won.

    Parameters
    ----------
    assignment : str, e.g. "A1"
    root : path of an empty folder for the course, which is kept; default, a temporary one
    unsafe : bool; without isolation. Only with `only`: most attacks would harm this machine.
    only : names of cases, or None for all
    on_start, on_case : called with the number of cases, and with the name of each that is graded, for progress
    folder : path of the cases
    workers : int, the grader's processes; default, two for each processor, for many cases wait

    Returns
    -------
    Report

    Raises
    ------
    AutogradeError : there are no such cases, or this machine cannot isolate.
    """
    wanted = cases(folder)
    missing = sorted(set(only or ()) - wanted.keys())
    if missing:
        raise AutogradeError(f"The red team has no case {missing[0]!r}; it has {', '.join(sorted(wanted))}.")
    if unsafe and only is None:
        raise AutogradeError("Without a sandbox the red team would harm this machine: name the cases that you trust.")
    require(unsafe)
    wanted = [wanted[name] for name in (wanted if only is None else dict.fromkeys(only))]
    with contextlib.ExitStack() as stack:
        if root is None:
            root = tempfile.mkdtemp(prefix="edf-redteam-")
            stack.callback(shutil.rmtree, root, ignore_errors=True)
        watch = Watch()
        ended = []
        stack.callback(lambda: ended or watch.close())
        target = Target(assignment, root)
        stack.callback(target.close)
        door = Listener()
        stack.callback(door.close)
        run = _Run(target, wanted, unsafe, workers or 2 * default_workers())
        on_start(len(run.wanted))
        run.grade(on_case)
        run.knocks = list(door.knocks)
        ended.append(watch.close())
        return run.judge(ended[0])


class _Run:
    def __init__(self, target, cases, unsafe, workers):
        self.target, self.faults, self.on_case = target, [], None
        self.options = pipeline.Options(unsafe=unsafe, workers=workers, limits=LIMITS)
        self.outcomes, self.ended, self.alive, self.knocks = {}, {}, set(), []
        self.wanted = {c.name: c for c in cases if c.applies(target.task)}
        self.left_out = {c.name: c.needs.what for c in cases if c.name not in self.wanted}
        self.earned, self.dropped, self.drawn = {}, {}, {}
        for case_ in self.wanted.values():
            task = target.task.fresh()
            handed = case_.make(task)
            target.submit(case_.name, handed if isinstance(handed, Handed) else Handed(handed))
            self.earned[case_.name], self.dropped[case_.name] = case_.earned(task), len(task.dropped)
        self.witnesses = target.witnesses()

    def grade(self, on_case):
        """Grade the whole class; where somebody stops the run, the rest one by one, so that it shows who."""
        self.on_case = on_case
        before = self.target.fingerprint()
        everybody = sorted([*self.wanted, *self.witnesses])
        if not self._graded(everybody):
            for name in [n for n in everybody if n not in self.outcomes]:
                self._graded([name])
        after = self.target.fingerprint()
        changed = sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))
        self.faults += [f"{path} was changed." for path in changed]

    def _graded(self, names):
        options = replace(self.options, students=tuple(names))
        try:
            pipeline.grade(self.target.room, self.target.assignment, options, on_outcome=self._take)
            return True
        except Exception as error:  # noqa: BLE001 - that no submission can raise here is what is examined
            who = names[0] if len(names) == 1 else "somebody"
            self.faults.append(f"Grading stopped ({who}): {type(error).__name__}: {error}"[:500])
            return False

    def _take(self, outcome):
        now = time.time()
        self.outcomes[outcome.student], self.ended[outcome.student] = outcome, now
        self.alive |= survivors([n for n, at in self.ended.items() if now - at > 2.0])
        if outcome.student in self.wanted:
            self.on_case(outcome.student)

    def judge(self, seen):
        """The Report."""
        for name in self.witnesses:
            found = self.outcomes.get(name)
            points = found.result.points if found and found.result else None
            if points != self.target.course.assignment.points:
                self.faults.append(f"{name}, an honest student, got {points} points.")
        sizes = self._sizes(seen)
        self.drawn = self.target.hidden_inputs({name: found.plan for name, found in self.outcomes.items()})
        every = tuple(self._judged(case_, sizes.get(case_.name, 0)) for case_ in self.wanted.values())
        return Report(every, tuple(self.faults), self.left_out)

    def _sizes(self, seen):
        """Most bytes of an examiner by student: of the process whose life lies closest within its examination."""
        spans = {}
        for name, found in self.outcomes.items():
            total = ((found.result.seconds or {}).get("total", 0.0)) if found.result else 0.0
            spans[name] = (self.ended[name] - total - 1.0, self.ended[name])
        sizes = {}
        for first, last, most in seen:
            fitting = [n for n, (begin, end) in spans.items() if begin <= first and last <= end + 0.2]
            if fitting:
                name = min(fitting, key=lambda n: abs(spans[n][1] - last))
                sizes[name] = max(sizes.get(name, 0), most)
        return sizes

    def _judged(self, case_, size):
        found = self.outcomes.get(case_.name)
        result, about = found.result if found else None, (case_, self.earned[case_.name], self.dropped[case_.name])
        if result is None:
            return Found(*about, "lost", "No result came of it.", None, (), 0.0, {"others_affected": 1})
        notes, counts = [], {}

        def count(name, amount, sentence):
            counts[name] = counts.get(name, 0) + amount
            notes.append(sentence)

        self._count_points(case_, result, count)
        self._count_leaks(case_, found, count)
        self._count_effects(case_, result, size, count)
        verdict = "held" if not counts else "lost ground" if case_.kind != "accident" else "punished"
        seconds = (result.seconds or {}).get("total", 0.0)
        return Found(*about, verdict, " ".join(notes) or _why(result), result.points, result.flags, seconds, counts)

    def _count_points(self, case_, result, count):
        points = result.points
        # What was examined counts even where a person is needed for the rest.
        got = points if points is not None else sum(t.points or 0.0 for t in result.tests)
        earned = self.earned[case_.name]
        if got > earned:
            count("unearned_points", got - earned, f"It got {got:g} points and earned {earned:g}.")
        if case_.kind == "accident" and (points is None or points < earned):
            count("honest_zeroed", 1, f"It got {points} points and deserves {earned:g}: {_why(result)}")

    def _count_leaks(self, case_, found, count):
        texts = self._returned(found)
        drawn = {"a hidden input": self.drawn[case_.name]} if case_.name in self.drawn else {}
        for what, word in (self.target.canaries | drawn).items():
            forms = (word, base64.b64encode(word.encode()).decode().rstrip("=")[:-2], word[::-1], word.encode().hex())
            where = [place for place, text in texts.items() if any(form in text for form in forms)]
            if where:
                count("secrets_read", 1, f"{what[:1].upper()}{what[1:]} came back in {', '.join(where)}.")

    def _returned(self, found):
        """Everything that a student may get to see, as text."""
        target, result = self.target, found.result
        texts = {"the result": json.dumps(result.to_json(), ensure_ascii=False)}
        for path in (target.root / "autograded" / found.student).rglob("*"):
            if path.is_file():
                texts[path.name] = path.read_text(encoding="utf-8", errors="replace")
        try:
            texts["the feedback"] = feedback.feedback_page(target.room.master(target.assignment)[0], found.plan, result)
        except Exception as error:  # noqa: BLE001 - no submission may make this fail
            self.faults.append(f"{found.student} has no feedback page: {type(error).__name__}: {error}"[:300])
        for receipt in receipts.find(target.root, target.assignment, student=found.student):
            texts["the receipt"] = json.dumps(receipt.entry)
        return texts

    def _count_effects(self, case_, result, size, count):
        text = json.dumps([result.to_json()["tests"], result.to_json()["cells"]], ensure_ascii=False)
        for word, name in EVIDENCE.items():
            for sentence in sorted(set(re.findall(rf"redteam-{word} ([^\"\\<]{{1,120}})", text))):
                count(name, 1, f"It says: {sentence}")
        if any(case_.name in knock for knock in self.knocks):
            count("effects_outside", 1, "It reached a socket of this machine.")
        if case_.name in self.alive:
            count("effects_outside", 1, "A process of its own outlived its examination by 2 seconds.")
        for place in (Path.home(), Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm"), self.target.root):
            for path in place.glob(f"redteam-escaped-{case_.name}*"):
                count("effects_outside", 1, f"It wrote {path}.")
        if len(text) > LARGEST_RESULT:
            count("effects_outside", 1, f"Its result has {len(text) >> 20} MB.")
        if size > LARGEST_EXAMINER:
            count("effects_outside", 1, f"Examining it took {size >> 20} MB of the grader's own memory.")
        total = (result.seconds or {}).get("total", 0.0)
        most = case_.seconds or LIMITS.wall_total + 45.0
        if total > most:
            count("others_affected", 1, f"It kept a grader for {total:.0f} seconds, of at most {most:.0f}.")


def _why(result):
    """What the examination said, in short."""
    if result.needs_person:
        return f"A person is needed: {result.needs_person}"[:300]
    told = [
        f"{t.name}: {t.verdict}{f' ({t.reason})' if t.reason else ''}" for t in result.tests if t.verdict != "passed"
    ]
    return "; ".join(told)[:300] or "All tests pass."
