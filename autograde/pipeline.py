"""Grade a class: read, plan and examine in parallel, record one after another, and never twice or not at all.

Each result is spooled before anything of it reaches the gradebook, then receipted, written to autograded/ and recorded
in one transaction, then taken off the spool. Every step may be repeated, so a run that was cut off anywhere is
completed by the same command. A result that would change a grade that stands is held until somebody agrees.
"""

import hashlib
import json
import os
import shutil
import stat
import time
from dataclasses import dataclass, field, replace
from datetime import datetime

import nbformat

from . import receipts
from .errors import AutogradeError
from .examine import seed_for
from .export import gradebook_rows
from .plan import Plan, rebuild
from .pool import Exam, Job, Pool, one_thread
from .record import Recorder
from .sandbox import Limits
from .spool import Spool

HARMLESS = (".py", ".txt", ".csv", ".json", ".npy", ".npz", ".png", ".jpg")


@dataclass
class Report:
    """What a run did.

    recorded : list of Change, now in the gradebook
    held : list of Change that would alter a grade that stands, and was not agreed to
    unchanged : students whose result stood already
    needs_person : (student, sentence) pairs: what could not be examined, and no person has settled yet
    waiting : students with anything that waits for a person, written questions too
    remarks : (student, sentence) pairs: what was mended in a notebook, and tripwires
    faults : sentences on the spool and the like
    seconds : wall time; slowest: (student, seconds)
    """

    assignment: str
    recorded: list = field(default_factory=list)
    held: list = field(default_factory=list)
    unchanged: list = field(default_factory=list)
    needs_person: list = field(default_factory=list)
    waiting: list = field(default_factory=list)
    remarks: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    seconds: float = 0.0
    each: dict = field(default_factory=dict)

    def summary(self):
        """The report as plain JSON data."""
        return {
            "assignment": self.assignment,
            "graded": len(self.recorded),
            "unchanged": len(self.unchanged),
            "held": [change_data(c) for c in self.held],
            "needs_person": [{"student": s, "reason": r} for s, r in self.needs_person],
            "waiting": list(self.waiting),
            "remarks": [{"student": s, "says": r} for s, r in self.remarks],
            "changes": [change_data(c) for c in self.recorded if is_regrade(c)],
            "faults": list(self.faults),
            "seconds": round(self.seconds, 3),
        }


def change_data(change):
    """A Change as plain JSON data."""
    return {
        "student": change.student,
        "before": change.before,
        "after": change.after,
        "cells": [list(c) for c in change.gained],
        "why": list(change.reasons),
    }


def is_regrade(change):
    """Whether the Change alters a grade that stood."""
    return change.before is not None and change.before != change.after


@dataclass(frozen=True)
class Options:
    """How a class is graded.

    students : names, or None for all; workers : processes, default one for each processor
    force : also examine what is unchanged; agree : function from the Changes that are held to whether to record them
    cluster : address of a Dask scheduler, or None
    """

    students: tuple[str, ...] | None = None
    workers: int | None = None
    unsafe: bool = False
    fresh: bool = False
    force: bool = False
    cluster: str | None = None
    limits: Limits = field(default_factory=Limits)
    agree: object = None


def grade(room, assignment, options=None, on_start=lambda total: None, on_outcome=lambda outcome: None):
    """Grade all submissions of an assignment.

    Parameters
    ----------
    room : Classroom
    assignment : str
    options : Options
    on_start, on_outcome : called with the number of submissions, and with each Outcome, for progress

    Returns
    -------
    Report

    Raises
    ------
    AutogradeError : nothing can be graded at all; what was recorded so far stays recorded.
    """
    options, started = options or Options(), time.monotonic()
    one_thread()
    exam = exam_of(room, assignment, options)
    students = _chosen(room, assignment, options)
    with engine(room, exam, options) as pool, Recorder(room.db_url, room.course_id) as recorder:
        recorder.ensure_assignment(exam.master)
        run = _Run(room, exam, recorder, Report(assignment), options)
        run.resume()
        known = {} if options.force else recorder.keys(assignment)
        known |= {(s, exam.master.notebook): key for s, key in run.waiting().items()}
        secret = room.secret()
        jobs = [
            Job(s, seed_for(secret, s, assignment), known.get((s, exam.master.notebook))) for s in students
        ]  # fmt: skip
        on_start(len(jobs))
        for found in pool.run(jobs):
            run.take(found)
            on_outcome(found)
        run.settle()
        run.settle_lateness()
    open_ = {r.student for r in gradebook_rows(room.db_url, assignment) if r.needs_person}
    run.report.waiting = sorted(open_)
    run.report.needs_person = [entry for entry in run.report.needs_person if entry[0] in open_]
    run.report.seconds = time.monotonic() - started
    return run.report


def exam_of(room, assignment, options):
    """The Exam of an assignment of this course."""
    master, folder = room.master(assignment)
    checks = _digest_of_files(folder)
    environment = hashlib.sha256(receipts.canonical([receipts.environment(), checks, options.unsafe])).hexdigest()
    builds = room.private / "builds"
    builds.mkdir(mode=0o700, exist_ok=True)
    about = (options.limits, environment, options.unsafe, options.fresh)
    return Exam(master, str(folder), str(builds), *about, room.handed_out(master))


def _digest_of_files(folder):
    """A digest of the files that locked and test cells may read beside the notebook."""
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.json"))}
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def engine(room, exam, options):
    """What computes outcomes: this machine's processes, or a cluster."""
    if options.cluster:
        from .cluster import Cluster

        return Cluster(room, exam, options.cluster)
    return Pool(room, exam, options.workers)


def _chosen(room, assignment, options):
    there = room.students(assignment)
    if options.students is None:
        if not there:
            raise AutogradeError(
                f"Nobody has handed in {assignment}: {room.folder('submitted')} holds no <student>/{assignment}. "
                f"Put submissions there with: autograde collect {assignment} SOURCE"
            )
        return there
    missing = sorted(set(options.students) - set(there))
    if missing:
        raise AutogradeError(f"{', '.join(missing)} handed in no {assignment}; look in {room.folder('submitted')}.")
    return sorted(set(options.students))


class _Run:
    """The recording side of one run."""

    def __init__(self, room, exam, recorder, report, options):
        self.room, self.exam, self.recorder, self.report, self.options = room, exam, recorder, report, options
        self.spool = Spool(room.private / "spool" / exam.master.assignment)
        self._held, self._receipted = [], None

    def resume(self):
        """Record what an earlier run had spooled; what it held is held again."""
        self.report.faults += self.spool.faults()
        for key in self.spool.pending():
            result, extra = self.spool.entry(key)
            if result.notebook != self.exam.master.notebook or result.master != self.exam.master.digest:
                self.spool.forget(key)  # of tests that are no more: it is examined again
                continue
            plan = Plan.from_json(extra["plan"]) if extra and extra.get("plan") else None
            if extra and extra.get("held"):
                self._supersede(result)
                self._held.append((key, plan, result, extra))
            else:
                self._record(key, plan, result, extra or {})

    def waiting(self):
        """Keys of held results by student: they need no second examination."""
        return {result.student: key for key, _, result, _ in self._held}

    def take(self, found):
        """Spool an outcome, and record it or hold it."""
        if found.unchanged:
            done = {c.student for c in self.report.recorded}
            if found.student not in self.waiting() and found.student not in done:
                self.report.unchanged.append(found.student)
            return
        result, plan = found.result, found.plan
        extra = {
            "plan": plan.to_json() if plan else None,
            "notebook": hashlib.sha256(found.notebook).hexdigest(),
            "received": _iso(self.room.received(result.assignment, result.student)),
            "held": False,
        }
        self.report.each[found.student] = (result.seconds or {}).get("total", 0.0)
        change = self.recorder.preview(self.exam.master, plan, result)
        extra["held"] = is_regrade(change) and self.options.agree is not None
        self.spool.put(result, extra)
        self._supersede(result)
        self.report.remarks += [(found.student, flag) for flag in result.flags]
        self.report.remarks += [(found.student, note) for note in (plan.notes if plan else ())]
        if extra["held"]:
            self._held.append((result.key, plan, result, extra))
        else:
            self._record(result.key, plan, result, extra)

    def _supersede(self, result):
        """Forget what is held of the same student: nobody may agree to it any more."""
        for key, _, held, _ in self._held:
            if held.student == result.student and key != result.key:
                self.spool.forget(key)
        self._held = [h for h in self._held if h[2].student != result.student]

    def settle(self):
        """Ask about what is held of the chosen students, and record it where that is agreed to."""
        chosen = self.options.students
        mine = [h for h in self._held if chosen is None or h[2].student in chosen]
        if not mine:
            return
        changes = [self.recorder.preview(self.exam.master, plan, result) for _, plan, result, _ in mine]
        if self.options.agree is None or self.options.agree(changes):
            for key, plan, result, extra in mine:
                self._record(key, plan, result, extra)
        else:
            self.report.held += changes

    def settle_lateness(self):
        """Bring times of receipt and late penalties of unchanged submissions to what is known now."""
        held = self.waiting()
        received = {s: self.room.received(self.report.assignment, s) for s in self.report.unchanged if s not in held}
        penalty = self.room.late_penalty()
        self.report.recorded += self.recorder.settle_lateness(self.exam.master, received, penalty)

    def _record(self, key, plan, result, extra):
        receipt = self._receipt(key, plan, result, extra)
        if plan is not None:
            write_autograded(self.room, self.exam.master, plan, result, extra.get("received"))
        received = datetime.fromisoformat(extra["received"]) if extra.get("received") else None
        change = self.recorder.record(
            self.exam.master, plan, result, received, self.room.late_penalty(), receipt
        )  # fmt: skip
        self.spool.done(key)
        self.report.recorded.append(change)
        why = result.needs_person or next((t.message for t in result.tests if t.points is None), None)
        if why:
            self.report.needs_person.append((result.student, why))

    def _receipt(self, key, plan, result, extra):
        """The receipt's hash; made once for each key, however often recording is repeated."""
        assignment = result.assignment
        if self._receipted is None:
            self._receipted = {r.entry["key"]: r.hash for r in receipts.find(self.room.root, assignment)}
        if key not in self._receipted:
            bundle = receipts.store_bundle(self.room.root, plan.to_json()) if plan else ""
            seed = seed_for(self.room.secret(), result.student, assignment)
            limits = self.exam.limits.__dict__
            entry = receipts.entry_of(result, b"", seed, limits, bundle)
            entry = replace(entry, notebook=extra.get("notebook", ""))
            self._receipted[key] = receipts.append(self.room.root, assignment, entry).hash
        return self._receipted[key]


def _iso(moment):
    return moment.isoformat() if moment else None


def write_autograded(room, master, plan, result, received=None):
    """Write autograded/<student>/<assignment>/ anew: the rebuilt notebook, and the student's files beside it.

    The folder is made under a name of its own and moved into place; nothing that lies there is followed or kept.
    """
    student = room.folder("autograded") / plan.student
    student.mkdir(parents=True, exist_ok=True)
    if student.is_symlink():
        raise AutogradeError(f"{student} is a link; move it away, then grade again.")
    fresh, place = student / f".{master.assignment}.{os.getpid()}.new", student / master.assignment
    _remove(fresh)
    fresh.mkdir(mode=0o755)
    for name, data in plan.files.items():
        if not name.lower().endswith(HARMLESS):  # formgrader serves what lies here to the instructor's browser
            continue
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    text = nbformat.writes(rebuild(master, plan, result)) + "\n"
    (fresh / f"{master.notebook}.ipynb").write_text(text, encoding="utf-8")
    if received:
        (fresh / "timestamp.txt").write_text(received + "\n", encoding="utf-8")
    old = student / f".{master.assignment}.{os.getpid()}.old"
    _remove(old)
    if place.exists() or place.is_symlink():
        os.rename(place, old)
    os.rename(fresh, place)
    _remove(old)


def _remove(path):
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(path)
    else:
        path.unlink()


def regrades(changes):
    """The changes in two lists: who gains, and who loses (or loses a grade that stood)."""
    gains = [c for c in changes if c.after is not None and c.after > (c.before or 0.0)]
    return gains, [c for c in changes if c not in gains]


def replay(room, assignment, entry, options=None):
    """Examine a receipted submission again from its bundle, as if nothing were known of it.

    Parameters
    ----------
    room : Classroom
    assignment : str
    entry : dict of a receipt
    options : Options

    Returns
    -------
    (Result, list of sentences on what differs from the receipt)
    """
    options = options or Options()
    one_thread()
    exam = exam_of(room, assignment, options)
    plan = Plan.from_json(receipts.load_bundle(room.root, entry["bundle"]))
    seed = seed_for(room.secret(), plan.student, plan.assignment)
    with Pool(room, exam, 1) as pool:
        (found,) = pool.run([Job(plan.student, seed, None, plan)])
    return found.result, receipts.compare(entry, found.result)
