"""nbgrader with the isolated executor: `nbgrader autograde`, NbGraderAPI.autograde and formgrader's button.

nbgrader_config.py calls `install(c)`. Then nbgrader's converter reads, plans and examines as `autograde grade` does,
one submission after another, and writes what nbgrader's own SaveAutoGrades makes of it into the gradebook:

    Rebuild           sanitises: the notebook anew from the master, with the student's answers in it
    IsolatedExecute   examines it in the sandbox; the outputs that nbgrader reads points from are made here
    Remarks           after SaveAutoGrades: what has no verdict waits for a person, with the reason as a comment

A submission that fails stops no other, and no grade of an earlier run is left standing for it.
"""

import contextlib
import fnmatch
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import converters, utils
from nbgrader.api import Gradebook, GradeCell, MissingEntry
from nbgrader.converters import NbGraderException
from nbgrader.converters.base import BaseConverter
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from sqlalchemy.exc import OperationalError
from traitlets import Bool, Integer, List, Unicode

from . import assignment as assignments
from .classroom import Classroom
from .errors import AutogradeError
from .examine import examine, seed_for
from .gradebook import Cells, plain
from .plan import Master, Plan, make_plan, master_from_notebook, rebuild, untouched
from .read import Folder, Unreadable, read_folder, read_notebook
from .record import remarks
from .result import Result
from .sandbox import Limits, why_never, why_not
from .warm import Warm

UNSAFE = "Graded without a sandbox (c.IsolatedExecute.unsafe)."
NOT_RUN = "The notebook was not run (--no-execute), so its tests were not examined."
UNFINISHED = "The grading of this notebook began and did not end. Grade it again with --force."
MAX_TIMESTAMP = 1000  # bytes of a timestamp.txt


class ExaminationFailed(AutogradeError):
    """The examination itself came to no result; nothing is known about the submission."""


# --- the master, from the gradebook ----------------------------------------------------------------------------------


def master_from_gradebook(gradebook, assignment, name, source=None, released=None):
    """The master of a notebook that `nbgrader generate_assignment` has put into the gradebook.

    Cells, points and sources of named cells are the gradebook's. Their order, and the cells without a name, come from
    the released notebook or else the source notebook, whichever holds the gradebook's cells. With neither, cells
    without a name are the student's own, and the order is that of the gradebook's rows.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
    assignment, name : str, of the assignment and of the notebook without .ipynb
    source, released : NotebookNode or None

    Returns
    -------
    Master

    Raises
    ------
    AutogradeError : the gradebook has no cells of such a notebook, or the notebook is not in Python.
    """
    try:
        row = gradebook.find_notebook(name, assignment)
    except MissingEntry:
        raise AutogradeError(
            f"The gradebook has no notebook {assignment}/{name}. Run: nbgrader generate_assignment {assignment}"
        ) from None
    stored = _stored_cells(row)
    frame = next((nb for nb in (released, source) if nb is not None and _named(nb) == set(stored)), None)
    metadata = dict(frame.metadata) if frame is not None else {}
    metadata |= {"kernelspec": spec} if (spec := json.loads(row.kernelspec or "{}")) else {}
    _refuse_other_languages(metadata, f"{assignment}/{name}")
    order = [_unnamed(c) for c in frame.cells] if frame is not None else list(stored.values())
    cells = [stored.get(assignments.grade_id(c), c) for c in order]
    references = {assignments.grade_id(c): c.source for c in source.cells} if source is not None else {}
    whole = _notebook([_with_reference(c, references) for c in cells], metadata)
    return master_from_notebook(whole, assignment, name, _notebook([_cut(c) for c in cells], metadata))


def _stored_cells(row):
    """The cells of a notebook as the gradebook has them, with hidden tests and without solutions, by name."""
    graded = {c.name: c.max_score for c in row.grade_cells}
    tasks = {c.name: c.max_score for c in row.task_cells}
    solutions = {c.name for c in row.solution_cells}
    found = {}
    for cell in row.source_cells:
        name = cell.name
        mark = {"grade_id": name, "locked": bool(cell.locked), "schema_version": 3, "cell_type": cell.cell_type}
        mark |= {"grade": name in graded, "solution": name in solutions, "task": name in tasks}
        if name in graded or name in tasks:
            mark["points"] = float(graded.get(name, tasks.get(name)))
        fresh = {"cell_type": cell.cell_type, "metadata": {"nbgrader": mark}, "source": cell.source or ""}
        found[name] = nbformat.from_dict(fresh | _code_fields(cell.cell_type))
    return found


def _code_fields(cell_type):
    return {"execution_count": None, "outputs": []} if cell_type == "code" else {}


def _named(notebook):
    marked = (c for c in notebook.cells if any(f(c) for f in _FLAGS))
    return {assignments.grade_id(c) for c in marked}


_FLAGS = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)


def _unnamed(cell):
    """A cell of the frame; nbgrader's mark on a cell that it neither grades nor locks means nothing."""
    cell = nbformat.from_dict(cell)
    if not any(f(cell) for f in _FLAGS):
        cell.metadata.pop("nbgrader", None)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _with_reference(cell, references):
    """An answer with the reference solution, which tells the names that it binds."""
    name = assignments.grade_id(cell)
    if name in references and utils.is_solution(cell):
        return nbformat.from_dict(cell | {"source": references[name]})
    return cell


def _cut(cell):
    """A cell as students got it."""
    cell = nbformat.from_dict(cell)
    for preprocessor in (ClearHiddenTests(enforce_metadata=False), ClearMarkScheme(enforce_metadata=False)):
        cell, _ = preprocessor.preprocess_cell(cell, {}, 0)
    return cell


def _notebook(cells, metadata):
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells})


def _refuse_other_languages(metadata, what):
    known = (metadata.get("kernelspec") or {}).get("language"), (metadata.get("language_info") or {}).get("name")
    language = next((name for name in known if name), "python")
    if not str(language).lower().startswith(("python", "ipython")):
        raise AutogradeError(f"{what} is in {language}; only Python can be examined. Grade it by hand.")


# --- what a run keeps ------------------------------------------------------------------------------------------------


class Workshop:
    """Masters and warm processes of one run of nbgrader. Use as a context manager.

    Parameters
    ----------
    coursedir : nbgrader.coursedir.CourseDirectory
    unsafe : bool; without isolation
    builds : str, the folder with grading builds; empty, the course's own
    """

    def __init__(self, coursedir, unsafe=False, builds=""):
        self.coursedir, self.unsafe = coursedir, unsafe
        self.room = Classroom(Path(coursedir.root))
        self._builds, self._masters, self._warm = builds, {}, None

    def master(self, assignment, name):
        """The Master of a notebook."""
        if (assignment, name) not in self._masters:
            source, released = (self._read(step, assignment, name) for step in ("source", "release"))
            with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
                found = master_from_gradebook(gradebook, assignment, name, source, released)
            self._masters[assignment, name] = self._with_manifest(found)
        return self._masters[assignment, name]

    def folder(self, step, assignment):
        """The folder of an assignment in one of nbgrader's steps."""
        directory = getattr(self.coursedir, f"{step}_directory")
        return Path(self.coursedir.format_path(directory, ".", assignment))

    def _read(self, step, assignment, name):
        path = self.folder(step, assignment) / f"{name}.ipynb"
        return nbformat.read(path, as_version=4) if path.is_file() else None

    def _with_manifest(self, master):
        """The master with what its manifest says of exercises and forbidden names."""
        folder = self.folder("source", master.assignment)
        if not (folder / "exercises.toml").is_file() or master.notebook != master.assignment:
            return master
        exercises = assignments.load(folder).exercises
        forbidden = {test: e.forbidden for e in exercises for test in e.tests}
        return replace(master, forbidden=forbidden, exercises={test: e.id for e in exercises for test in e.tests})

    def files(self, assignment):
        """The instructor's files beside the notebooks, by relative path."""
        folder = self.folder("source", assignment)
        folder = folder if folder.is_dir() else self.folder("release", assignment)
        ignored = [*self.coursedir.ignore, "*.ipynb"]
        return {os.path.relpath(p, folder): p for p in utils.find_all_files(str(folder), ignored)}

    def warm(self, master):
        """The warm processes for a master; those of another are ended."""
        if self._warm is None or self._warm.master is not master:
            self.close()
            self._warm = Warm(master, self._builds or self._own_builds(), self.unsafe)
        return self._warm

    def _own_builds(self):
        builds = self.room.private / "builds"
        builds.mkdir(mode=0o700, exist_ok=True)
        return builds

    def examine(self, master, plan, limits):
        """The Result of a plan. Test cells find copies of the instructor's files, and none of the student's."""
        seed = seed_for(self.room.secret(), plan.student, plan.assignment)
        with tempfile.TemporaryDirectory(prefix="examiner-") as folder:
            for name, path in self.files(master.assignment).items():
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                shutil.copyfile(path, os.path.join(folder, name))
            result = examine(master, plan, self.warm(master), folder=folder, seed=seed, limits=limits)
            if result.needs_person and not plan.needs_person:  # once more, with nothing left warm
                self.close()
                result = examine(master, plan, self.warm(master), folder=folder, seed=seed, limits=limits)
        return result

    def close(self):
        """End the warm processes."""
        if self._warm is not None:
            self._warm.close()
        self._warm = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@dataclass
class Work:
    """One notebook of one student, on its way through the preprocessors."""

    workshop: Workshop
    master: Master
    student: str
    handed_in: Folder
    files: dict = field(default_factory=dict)
    plan: Plan | None = None
    result: Result | None = None

    def __deepcopy__(self, _):
        return self  # nbconvert copies the resources for each step; this is the same work at each

    @property
    def notebook(self):
        """The notebook for autograded/, with the hidden tests, for the instructor."""
        fresh = rebuild(self.master, self.plan, self.result)
        whole = {c.name: c.source for c in self.master.cells if c.kind in ("test", "task") and c.name}
        for cell in fresh.cells:
            name = assignments.grade_id(cell)
            if name in whole:
                cell.source = whole[name]
                cell.metadata.nbgrader["checksum"] = utils.compute_checksum(cell)
        return fresh

    @property
    def outcome(self):
        """The result; of a notebook that was not run, that a person is needed."""
        if self.result is not None:
            return self.result
        about = (self.master.assignment, self.master.notebook, self.student, self.plan.digest, self.master.digest, "")
        return Result(*about, "unsafe" if self.workshop.unsafe else "isolated", needs_person=NOT_RUN)


def _work(resources):
    found = resources.get("autograde")
    if not isinstance(found, Work):
        raise AutogradeError(
            "autograde's preprocessors run under its own converter. Have nbgrader_config.py call "
            "autograde.plugin.install(c), and start `nbgrader autograde` where that file is."
        )
    return found


# --- preprocessors ---------------------------------------------------------------------------------------------------


class Rebuild(NbGraderPreprocessor):
    """Sanitises: makes the notebook anew from the master, with the student's answers and own cells in it."""

    def preprocess(self, nb, resources):
        """The notebook of the plan; what nbgrader read is not looked at.

        Raises
        ------
        Unreadable : what was handed in is no notebook.
        """
        work = _work(resources)
        folder = work.handed_in
        submitted = read_notebook(folder.notebook, folder.name)
        work.plan = make_plan(work.master, submitted, work.student, work.files, folder.notes)
        for note in work.plan.notes:
            self.log.warning("%s, %s: %s", work.student, work.master.notebook, note)
        return work.notebook, resources


class IsolatedExecute(NbGraderPreprocessor):
    """Examines the notebook in the sandbox. What nbgrader calls `Execute` in options and configuration means this."""

    unsafe = Bool(
        False, help="Without a sandbox, where this machine has none: for classes that you trust. Marks every grade."
    ).tag(config=True)
    builds = Unicode(help="Folder of grading builds; empty, the course's own .autograde/builds.").tag(config=True)
    timeout = Integer(
        None,
        allow_none=True,
        help="Seconds of wall time for one cell and for one test; None, the limits of `autograde grade`.",
    ).tag(config=True)

    @classmethod
    def section_names(cls):
        """The sections of a configuration that apply: nbgrader's own name too, for --no-execute and the timeout."""
        return [*super().section_names()[:-1], "Execute", cls.__name__]

    @property
    def limits(self):
        """The Limits."""
        usual = Limits()
        if self.timeout is None:
            return usual
        wall = float(self.timeout)
        cpu = {"cell_cpu": min(usual.cell_cpu, wall), "test_cpu": min(usual.test_cpu, wall)}
        return replace(usual, cell_wall=wall, test_wall=wall, **cpu)

    def preprocess(self, nb, resources):
        """The notebook with outputs that give nbgrader exactly the points of the examination.

        Raises
        ------
        ExaminationFailed
        """
        work = _work(resources)
        result = work.workshop.examine(work.master, work.plan, self.limits)
        if result.needs_person and not work.plan.needs_person:
            raise ExaminationFailed(result.needs_person)
        for flag in result.flags:
            self.log.warning("%s, %s: %s", work.student, work.master.notebook, flag)
        work.result = result
        return work.notebook, resources


class Remarks(NbGraderPreprocessor):
    """After SaveAutoGrades: a test without a verdict has no score and waits for a person; comments say why."""

    def preprocess(self, nb, resources):
        """The notebook as it is."""
        work = _work(resources)
        told = remarks(_cells(work.master), work.master, work.plan, work.outcome)
        if work.outcome.assurance != "isolated":
            told = {name: f"{UNSAFE} {text or ''}".strip() for name, text in told.items()}
        if work.outcome.needs_person:
            self.log.warning("%s, %s: %s", work.student, work.master.notebook, work.outcome.needs_person)
        about = (work.master.notebook, work.master.assignment, work.student)
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            for name in _without_verdict(work.master, work.outcome):
                _wait(gradebook.find_grade(name, *about))
            for name, text in told.items():
                gradebook.find_comment(name, *about).auto_comment = text
            gradebook.db.commit()
        return nb, resources


def _cells(master):
    marks = {c.name: c.cell.get("metadata", {}).get("nbgrader", {}) for c in master.cells if c.name}
    pick = {kind: {n: None for n, mark in marks.items() if mark.get(kind)} for kind in ("task", "solution")}
    return Cells("", {}, pick["task"], pick["solution"])


def _without_verdict(master, result):
    """The tests that have no points; where a person is needed for the notebook, all graded cells."""
    if result.needs_person:
        return [c.name for c in master.cells if c.kind in ("test", "written")]
    points = {t.name: t.points for t in result.tests}
    return [c.name for c in master.cells if c.kind == "test" and points.get(c.name) is None]


def _wait(grade):
    grade.auto_score, grade.needs_manual_grade = None, True


# --- the converter ---------------------------------------------------------------------------------------------------


class _SafeFiles(BaseConverter):
    """What nbgrader's converters do with files, without following a link; stands behind Autograde in line."""

    def init_assignment(self, assignment_id, student_id):
        """Read the submission, and put the files that may come along into its autograded folder."""
        source, dest = self._format_source(assignment_id, student_id), self._format_dest(assignment_id, student_id)
        self._folders = self._read_folders(assignment_id, source)
        self.notebooks = [os.path.join(source, f"{name}.ipynb") for name in sorted(self._folders)]
        for name, data in next(iter(self._folders.values())).files.items():
            if not _ignored(name, self.coursedir.ignore):
                self._write(os.path.join(dest, name), data)
        received = os.path.join(source, "timestamp.txt")
        if os.path.lexists(received):
            self._write(os.path.join(dest, "timestamp.txt"), read_plain(received, MAX_TIMESTAMP))

    def _read_folders(self, assignment, source):
        """What was handed in for each notebook of the assignment that is there, by the notebook's name.

        Raises
        ------
        Unreadable : a notebook is there and cannot be read, or none is there.
        """
        names = self._names(assignment)
        found, why = {}, None
        for name in fnmatch.filter(names, self.coursedir.notebook_id):
            master = self.workshop.master(assignment, name)
            try:
                folder = read_folder(source, name, master.named, untouched(master))
            except Unreadable as error:
                if os.path.lexists(os.path.join(source, f"{name}.ipynb")):
                    raise
                why = why or error
                continue
            if folder.name == f"{name}.ipynb" or folder.name.removesuffix(".ipynb") not in names:
                found[name] = folder
        if not found:
            raise why or Unreadable(f"No notebook of {assignment} is in the folder.")
        return found

    def _names(self, assignment):
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                return [n.name for n in gradebook.find_assignment(assignment).notebooks]
            except MissingEntry:
                raise NbGraderException(
                    f"The gradebook has no assignment {assignment}. Run: nbgrader generate_assignment {assignment}"
                ) from None

    def write_single_notebook(self, output, resources):
        """Write the notebook into the autograded folder."""
        about = resources["nbgrader"]
        place = os.path.join(self._format_dest(about["assignment"], about["student"]), f"{about['notebook']}.ipynb")
        self._write(place, (output.rstrip("\n") + "\n").encode("utf-8"))

    def _write(self, path, data):
        write_new(path, data, self._base)

    @property
    def _base(self):
        return os.path.normpath(self.coursedir.format_path(self._output_directory, ".", "."))


def _ignored(path, patterns):
    return any(fnmatch.fnmatch(part, pattern) for part in path.split("/") for pattern in patterns)


def read_plain(path, limit):
    """The bytes of a small regular file, never through a link.

    Raises
    ------
    Unreadable
    """
    name = os.path.basename(path)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                data = file.read(limit + 1)
                if len(data) <= limit:
                    return data
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}. Remove it, then grade again.") from None
    raise Unreadable(f"{name} is a special file or has over {limit} bytes. Remove it, then grade again.")


def refuse_links(folder, base):
    """Raise an AutogradeError where `folder`, or one between it and `base`, is a link."""
    folder = os.path.normpath(folder)
    while len(folder) > len(base):
        if os.path.islink(folder):
            raise AutogradeError(f"{folder} is a link, and nothing is written through it; move it away.")
        folder = os.path.dirname(folder)


def write_new(path, data, base):
    """Write a file below the folder `base`, in place of what has its name; no link below `base` is followed.

    Raises
    ------
    AutogradeError : a folder on the way is a link.
    """
    refuse_links(os.path.dirname(path), base)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags, 0o644), "wb") as file:
        file.write(data)


SANITIZE = (Rebuild, CheckCellMetadata)
AUTOGRADE = (
    IsolatedExecute,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    Remarks,
    AssignLatePenalties,
    CheckCellMetadata,
)


class IsolatedAutograde(converters.Autograde, _SafeFiles):
    """nbgrader's converter with the isolated executor; configured as `Autograde`."""

    sanitize_preprocessors = List(list(SANITIZE)).tag(config=True)
    autograde_preprocessors = List(list(AUTOGRADE)).tag(config=True)

    def start(self):
        """Grade the submissions that match.

        Raises
        ------
        NbGraderException : this machine has no sandbox and it was not waived, or a submission could not be graded.
        """
        executor = IsolatedExecute(parent=self)
        never = why_never() if executor.enabled else None
        if never:
            self._refuse(never)
        missing = why_not() if executor.enabled and not executor.unsafe else None
        if missing:
            self._refuse(f"{missing} Or accept the risk for a class that you trust: c.IsolatedExecute.unsafe = True.")
        if executor.unsafe:
            self.log.warning("Students' code runs without a sandbox, with the rights of this account.")
        with Workshop(self.coursedir, executor.unsafe, executor.builds) as self.workshop:
            super().start()

    def _refuse(self, sentence):
        self.log.error(sentence)
        raise NbGraderException(sentence)

    def convert_notebooks(self):
        """Grade one submission after another; one that fails costs no other anything."""
        failed = {}
        for path in sorted(self.assignments):
            assignment, student = self._whose(path)
            try:
                self._convert_patiently(path, assignment, student)
            except KeyboardInterrupt:
                self._clear(assignment, student)  # its grade waits already, see _begin_anew
                raise
            except Exception as error:
                failed[student] = self._fail(assignment, student, error)
        if failed:
            who = "\n".join(f"{student}: {reason}" for student, reason in failed.items())
            self._refuse(f"{len(failed)} of {len(self.assignments)} submissions need a person:\n{who}")

    def _whose(self, path):
        pattern = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        match = re.match(pattern, path)
        if match is None:
            self._refuse(f"{path} is not where a submission lies; see c.CourseDirectory.directory_structure.")
        return match["assignment_id"], match["student_id"]

    def _convert_patiently(self, path, assignment, student):
        """Convert; where the database does not answer, once more."""
        before = sorted(self.assignments[path])
        try:
            self.notebooks = before
            if self.init_destination(assignment, student):
                self._convert(assignment, student)
        except OperationalError:
            self.log.warning("The gradebook did not answer; %s is graded once more.", student)
            self._clear(assignment, student)
            self.notebooks = before
            self._convert(assignment, student)

    def _convert(self, assignment, student):
        self.run_pre_convert_hook()
        self.init_assignment(assignment, student)
        self._begin_anew(assignment, student)
        for notebook in self.notebooks:
            self.convert_single_notebook(notebook)
        self.set_permissions(assignment, student)
        self.run_post_convert_hook()

    def init_destination(self, assignment_id, student_id):
        """Whether the submission is to be graded; see nbgrader.

        Raises
        ------
        Unreadable : its timestamp.txt is no plain file.
        AutogradeError : its results would go through a link.
        """
        if student_id in self.coursedir.student_id_exclude.split(","):
            return False
        received = os.path.join(self._format_source(assignment_id, student_id), "timestamp.txt")
        if os.path.lexists(received):
            read_plain(received, MAX_TIMESTAMP)  # nbgrader reads it, whatever it is
        refuse_links(self._format_dest(assignment_id, student_id), self._base)
        return super().init_destination(assignment_id, student_id)

    def convert_single_notebook(self, notebook_filename):
        """Plan, examine, record and write one notebook."""
        resources = self.init_single_notebook_resources(notebook_filename)
        about = resources["nbgrader"]
        resources["autograde"] = self._begin(about["assignment"], about["notebook"], about["student"])
        notebook = nbformat.v4.new_notebook()
        try:
            for self._sanitizing in (True, False):
                self.log.info("%s %s", "Sanitizing" if self._sanitizing else "Autograding", notebook_filename)
                self._init_preprocessors()
                with contextlib.nullcontext() if self._sanitizing else utils.setenv(NBGRADER_EXECUTION="autograde"):
                    output, resources = self.exporter.from_notebook_node(notebook, resources)
                notebook = nbformat.reads(output, as_version=4)
        finally:
            self._sanitizing = True
        self.write_single_notebook(output, resources)

    def _begin(self, assignment, name, student):
        folder = self._folders[name]
        kept = set(self.exclude_overwriting.get(assignment, ()))
        masters = {n: p for n, p in self.workshop.files(assignment).items() if n not in kept}
        files = {n: d for n, d in folder.files.items() if not _ignored(n, self.coursedir.ignore)}
        # Expected values stay outside: what the checks compare with is the examiner's.
        files |= {n: Path(p).read_bytes() for n, p in masters.items() if not n.endswith(".checks.json")}
        return Work(self.workshop, self.workshop.master(assignment, name), student, folder, files)

    # what could not be graded

    def _fail(self, assignment, student, error):
        """Leave no grade and no notebook of an earlier run; the reason, in a sentence."""
        foreseen = isinstance(error, (AutogradeError, NbGraderException))
        reason = plain(error if foreseen else f"{type(error).__name__}: {error}")
        details = None if foreseen else error
        self.log.error("There was an error processing %s for %s: %s", assignment, student, reason, exc_info=details)
        self._clear(assignment, student)
        for again in (False, True):
            try:
                self._leave_to_a_person(assignment, student, f"This could not be graded: {reason}")
                break
            except OperationalError as locked:
                if again:
                    self.log.error("%s's old grade stands, because the gradebook does not answer: %s", student, locked)
            except MissingEntry:  # of a student or an assignment that the gradebook does not have
                break
        return reason

    def _clear(self, assignment, student):
        dest = os.path.normpath(self._format_dest(assignment, student))
        if os.path.isdir(dest) and not os.path.islink(dest):
            self._clear_folder(dest)

    def _clear_folder(self, dest):
        if self.coursedir.notebook_id == "*":
            self.log.warning("Removing failed assignment: %s", dest)
            utils.rmtree(dest)
            return
        for name in fnmatch.filter(os.listdir(dest), f"{self.coursedir.notebook_id}.ipynb"):
            self.log.warning("Removing failed notebook: %s", os.path.join(dest, name))
            utils.remove(os.path.join(dest, name))

    def _begin_anew(self, assignment, student):
        """No old grade stands while the new one is made, so none does if this process is killed meanwhile."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            for name in self._folders:
                notebook = gradebook.find_submission_notebook(name, assignment, student)
                _leave(notebook, [g for g in notebook.grades if isinstance(g.cell, GradeCell)], UNFINISHED)
            gradebook.db.commit()

    def _leave_to_a_person(self, assignment, student, comment):
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            if self.create_student:
                gradebook.update_or_create_student(student)
            submission = gradebook.update_or_create_submission(assignment, student)
            for notebook in submission.notebooks:
                if fnmatch.fnmatch(notebook.name, self.coursedir.notebook_id):
                    _leave(notebook, notebook.grades, comment)
            gradebook.db.commit()


def _leave(notebook, grades, comment):
    notebook.late_submission_penalty = None
    for grade in grades:
        _wait(grade)
    for row in notebook.comments:
        row.auto_comment = comment


# --- nbgrader_config.py ----------------------------------------------------------------------------------------------


def install(config):
    """Plug the isolated executor, safe feedback and safe export into nbgrader.

    Call it in nbgrader_config.py, as `install(c)`. It also puts the converter in place of nbgrader's own in this
    process, since nbgrader has no setting for it.

    Parameters
    ----------
    config : traitlets.config.Config
    """
    from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
    from nbgrader.preprocessors import GetGrades

    from .export import SafeCsvExport
    from .feedback import SafeFeedback, SafeNotebook

    for module in ("nbgrader.converters", "nbgrader.apps.autogradeapp", "nbgrader.apps.api"):
        if module in sys.modules:  # one that is loaded later takes it from nbgrader.converters
            sys.modules[module].Autograde = IsolatedAutograde
    if os.environ.get("AUTOGRADE_DB"):  # one gradebook for all commands
        config.CourseDirectory.db_url = os.environ["AUTOGRADE_DB"]
    config.Autograde.sanitize_preprocessors = list(SANITIZE)
    config.Autograde.autograde_preprocessors = list(AUTOGRADE)
    config.HTMLExporter.preprocessors = [SafeNotebook]
    config.GenerateFeedback.preprocessors = [GetGrades, SafeFeedback, CSSHTMLHeaderPreprocessor]
    config.ExportApp.plugin_class = SafeCsvExport
