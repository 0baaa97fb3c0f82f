"""Collect submissions from folders, archives, an LMS or the exchange into submitted/<student>/<assignment>/.

    <student>/A1.ipynb, <student>/A1/A1.ipynb                  a folder of folders, or a zip or tar of one
    Jane Doe_12345_assignsubmission_file_/A1.ipynb             Moodle
    doejane_12345_67890_A1.ipynb, doejane_LATE_12345_...       Canvas
    <student>+A1+<timestamp>+<random>/A1.ipynb                 the inbound folder of nbgrader's exchange

Nothing in a submission is believed: not its paths, links, sizes, owner or timestamp.txt. The time of receipt comes from
the collector, and is kept in .autograde/collected/<assignment>.json, which only grows; a student's last entry counts,
and a time that is given for the same content corrects it. A newer submission replaces an older one in one step; the
older one is kept in .autograde/collected/<assignment>/<student>/<time>/.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from . import sources
from .files import NAME, exchange, locked, private_folder, sync_folder, write_atomically, write_new
from .sources import CollectError, Outcome, moment, not_future, shown

FILES = 500  # in one submission
CHUNK = 100  # submissions for one write of the history
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class Collected:
    """What `collect` did: each submission of the source stands in just one of the three."""

    assignment: str
    taken: tuple[Outcome, ...] = ()
    skipped: tuple[Outcome, ...] = ()
    refused: tuple[Outcome, ...] = ()


def collect(source, root, assignment, received=None, names=None):
    """Put the submissions of a source into the course directory.

    Parameters
    ----------
    source : path of a folder, a zip or a tar
    root : path of the course directory
    assignment : str
    received : datetime with a time zone; when the submissions were received, those included that were collected
        before with the same content. Without it: for an archive its time of modification, for the exchange that of
        each inbound folder, for other folders now; and what was collected before keeps its time
    names : path of a CSV file with the columns `name` (or LMS number) and `student_id`

    Returns
    -------
    Collected

    Raises
    ------
    CollectError : the source as a whole cannot be read, or the course has no such assignment. What is wrong with one
        submission is in `refused`.
    """
    if not NAME.fullmatch(str(assignment)):
        raise CollectError(f"{assignment!r} is no assignment's name: letters, digits, '.', '_' and '-' make one.")
    if received is not None and received.tzinfo is None:
        raise CollectError("The time of receipt has no time zone; give one, such as 2026-03-01T12:00+01:00.")
    given = received and received.astimezone(UTC)
    root, source = Path(root), Path(source)
    check_assignment(root, assignment)
    if source.resolve().is_relative_to((root / "submitted").resolve()):
        raise CollectError(f"{source} lies in submitted/, where submissions are put; collect from somewhere else.")
    table = sources.read_names(names) if names is not None else {}
    with locked(private_folder(root, "collected") / f"{assignment}.lock"), contextlib.ExitStack() as stack:
        place = Place(root, assignment)
        place.recover()
        found = sources.open_source(source, place.staging, stack)
        groups, refused = sources.group(found, assignment)
        students, unnamed = sources.assign(groups, table, place.known())
        clock = Clock(given, found.stamp, source.name)
        taken, skipped, more = take(place, students, clock)
    return Collected(assignment, tuple(taken), tuple(skipped), (*refused, *unnamed, *more))


def check_assignment(root, assignment):
    """See that the course has the assignment; a course directory without source notebooks takes any.

    Raises
    ------
    CollectError : it has not; the sentence names those that it has.
    """
    from .classroom import Classroom

    if not (Path(root) / "nbgrader_config.py").is_file():
        return
    source = Classroom(Path(root)).folder("source")
    if not source.is_dir():
        return
    there = sorted(p.name for p in source.iterdir() if p.is_dir())  # by name: a1 is not A1, whatever the file system
    if assignment not in there:
        told = ", ".join(name for name in there if list((source / name).glob("*.ipynb"))) or "none"
        raise CollectError(f"There is no assignment {assignment!r} in {source}. Assignments of this course: {told}.")


def received_at(root, assignment, student):
    """When the submission of a student that lies in submitted/ was received, in UTC; None if it was not collected."""
    return received_times(root, assignment).get(student)


def received_times(root, assignment):
    """Those times by student."""
    records = read_history(Path(root) / ".autograde" / "collected" / f"{assignment}.json")
    return {r["student"]: _time(r["time"]) for r in records}


# Reading one submission


@dataclass(frozen=True)
class Submission:
    """One submission, read: its files by name, without timestamp.txt, whose text is `claimed`."""

    student: str
    time: datetime
    files: dict[str, bytes]
    claimed: str | None
    notes: tuple[str, ...]

    @property
    def sha256(self):
        return digest({name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()})


def digest(hashes):
    """SHA-256 over names and the SHA-256 of their contents, whatever the order."""
    return hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()


def read_group(student, found, time):
    """Read the files of one submission.

    Raises
    ------
    CollectError : it is too large, or a file of it cannot be read.
    """
    if len(found.items) > FILES:
        raise CollectError(f"{student}: the submission holds {len(found.items)} files, over {FILES}; it was not taken.")
    files, left = {}, sources.BYTES
    for name, item in sorted(found.items.items()):
        try:
            files[name] = item.read(left + 1)
        except OSError as error:
            raise CollectError(f"{student}: {shown(name)} cannot be read ({error}); it was not taken.") from None
        left -= len(files[name])
        if left < 0:
            raise CollectError(f"{student}: the submission is larger than {sources.BYTES >> 20} MiB; it was not taken.")
    claimed = files.pop("timestamp.txt", None)
    if not found.items and not found.notes:
        raise CollectError(f"{student}: the folder is empty.")
    if not files:
        told = " ".join([f"{student}: the submission holds no file that may be taken.", *found.notes])
        raise CollectError(told)
    text = None if claimed is None else claimed[:100].decode("ascii", "replace").strip()
    return Submission(student, time, files, text, (*found.notes, *_remarks(files, text, time)))


def _remarks(files, claimed, time):
    """What an instructor should know of a submission that was taken."""
    if not any(name.casefold().endswith(".ipynb") for name in files):
        yield "It holds no notebook."
    for name in files:
        if name.casefold().endswith(ARCHIVES):
            yield f"{shown(name)} is an archive; archives inside of submissions are not opened."
    if claimed is not None and not _agrees(claimed, time):
        yield f"Its timestamp.txt says {shown(claimed)}; it was received at {moment(time)}, which counts."


def _agrees(claimed, time):
    from nbgrader.utils import parse_utc

    try:
        return abs((parse_utc(claimed).replace(tzinfo=UTC) - time).total_seconds()) <= sources.APART
    except (ValueError, OverflowError, TypeError, AttributeError):
        return False


@dataclass(frozen=True)
class Clock:
    """When submissions were received: `given` by the instructor, or of each, or `stamp`, that of the whole source."""

    given: datetime | None
    stamp: datetime
    source: str

    def time(self, found):
        return self.given or found.stamp or self.stamp

    def doubts(self, found):
        """What to say where the source has no time for each submission: a late penalty may hang on it."""
        if found.lms and self.given is None:
            yield (
                f"{found.lms} does not say when it was handed in: all of {shown(self.source)} count as received at "
                f"{moment(self.stamp)}. If that is not right, collect it again with --received."
            )


# Putting submissions in place


class Place:
    """A course directory's submissions of one assignment: submitted/, the history, and what was replaced.

    Each submission is staged in a folder of its own; then the history says that it came; then it takes its place. What
    a crash leaves in between is finished by `recover`.
    """

    def __init__(self, root, assignment):
        self.root, self.assignment = Path(root), assignment
        self.folder = private_folder(root, "collected", assignment)
        self.staging = private_folder(root, "collected", assignment, ".staging")
        self.log = self.folder.with_name(f"{assignment}.json")
        self.records = read_history(self.log)
        self.latest, self.digests, self.corrected = {}, {}, set()
        for record in self.records:
            self._index(record)

    def _index(self, record):
        self.latest[record["student"]] = record
        self.digests.setdefault(record["student"], set()).add(record["sha256"])

    def target(self, student):
        """Where a student's submission lies."""
        return self.root / "submitted" / student / self.assignment

    def known(self):
        """The ids that the course directory has already."""
        submitted = self.root / "submitted"
        there = {p.name for p in submitted.iterdir() if p.is_dir()} if submitted.is_dir() else set()
        return there | set(self.latest)

    def received(self, submission):
        """The time of receipt that counts, if this is what the student handed in last, else None."""
        last = self.latest.get(submission.student)
        return _time(last["time"]) if last and last["sha256"] == submission.sha256 else None

    def put(self, submission, source, given=False):
        """Stage the submission if it is to be taken: its path or None, and a sentence on why.

        `given` says that the time is the instructor's word, which corrects that of the same content.
        """
        student, target = submission.student, self.target(submission.student)
        for path in (target.parent, target):
            if path.is_symlink():
                raise CollectError(f"{student}: {path} is a link; it was not written to. Remove the link.")
        last, here = self.latest.get(student), folder_digest(target)
        before = self.received(submission)
        if before and not given:
            submission = replace(submission, time=before)
        corrects = before and before != submission.time
        if skip := self._why_skip(submission, last, here):
            if last is None:  # it lies there already, put there by something else
                self._add(submission, source)
            if before and given:  # also where only the history is right: a crash may have come in between
                self.corrected.add(student)
            if corrects:
                self._add(submission, source)
                skip += f" Its time of receipt was corrected from {moment(before)} to {moment(submission.time)}."
            return None, skip
        staged = self._stage(submission)
        if not before or corrects:
            self._add(submission, source)
        aside = " What lay there is kept." if here else ""
        return staged, f"{student}: taken, received at {moment(submission.time)}.{aside}"

    def _why_skip(self, submission, last, here):
        student, sha, time = submission.student, submission.sha256, submission.time
        if last is None:
            if here == sha:
                return f"{student}: the same submission lies there already."
            since = here and not_future(self.target(student).lstat().st_mtime)
            return since and time < since and f"{student}: older than what lies there ({moment(since)})."
        if sha == last["sha256"]:
            if here == sha:
                return f"{student}: the same submission was received at {moment(_time(last['time']))}."
            changed = here and here not in self.digests[student]
            return changed and f"{student}: the same was received before, and changed by hand since; it was left alone."
        if time < _time(last["time"]):
            return f"{student}: older than the submission received at {moment(_time(last['time']))}."
        return ""

    def _add(self, submission, source):
        record = {"student": submission.student, "time": submission.time.isoformat(), "sha256": submission.sha256}
        record |= {"source": source, "claimed": submission.claimed}
        self.records.append(record)
        self._index(record)

    def _stage(self, submission):
        """Write the submission into a fresh folder; nbgrader reads the time of receipt from its timestamp.txt."""
        folder = self.staging / f"{submission.student}+{_stamp(submission.time)}"
        folder.mkdir()
        try:
            for name, data in {**submission.files, "timestamp.txt": _timestamp(submission.time)}.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                write_new(folder / name, data)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CollectError(f"{submission.student}: could not be written ({error.strerror}).") from None
        return folder

    def save(self):
        """Write the history."""
        document = {"assignment": self.assignment, "records": self.records}
        write_atomically(self.log, (json.dumps(document, indent=0) + "\n").encode())

    def swap(self, staged):
        """Let what is staged take its place; what lay there goes to the kept ones."""
        student = staged.name.partition("+")[0]
        target = self.target(student)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            exchange(staged, target)
            self._keep(staged)
        else:
            os.rename(staged, target)
        with contextlib.suppress(OSError):
            sync_folder(target.parent)

    def restamp(self):
        """Write the corrected times of receipt where nbgrader reads them.

        Raises
        ------
        CollectError : one cannot be written; the history has it already.
        """
        for student in sorted(self.corrected):
            path, fresh = self.target(student) / "timestamp.txt", self.staging / "timestamp"
            try:
                shutil.rmtree(fresh, ignore_errors=True)
                fresh.mkdir()  # not beside the old one: what a crash leaves there would be the student's
                write_new(fresh / "timestamp.txt", _timestamp(_time(self.latest[student]["time"])))
                os.replace(fresh / "timestamp.txt", path)
                fresh.rmdir()
            except OSError as error:
                raise CollectError(f"{path} could not be written ({error.strerror}); collect again.") from None
        self.corrected.clear()

    def _keep(self, folder):
        """Move a folder to the kept ones, under the time at which its content was received."""
        student, sha = folder.name.partition("+")[0], folder_digest(folder)
        times = [r["time"] for r in self.records if r["student"] == student and r["sha256"] == sha]
        time = _stamp(_time(times[-1])) if times else f"{_stamp(not_future(folder.stat().st_mtime))}-unknown"
        shelf = private_folder(self.root, "collected", self.assignment, student)
        name, n = time, 1
        while (shelf / name).exists():
            name, n = f"{time}-{n}", n + 1
        os.rename(folder, shelf / name)

    def recover(self):
        """Finish what a crash interrupted: what is staged and in the history takes its place; the rest is kept."""
        for staged in sorted(self.staging.iterdir()):
            if "+" not in staged.name:  # what was unpacked for a collection that was cut short
                shutil.rmtree(staged, ignore_errors=True)
                continue
            student = staged.name.partition("+")[0]
            sha, here, last = folder_digest(staged), folder_digest(self.target(student)), self.latest.get(student)
            waits = last and last["sha256"] == sha and here != sha
            if waits and (here is None or here in self.digests[student]):
                self.swap(staged)
            else:
                self._keep(staged)


def take(place, students, clock):
    """Read, stage, record and put in place; gives the lists of Outcomes taken, skipped and refused.

    `students` holds (id, Group), `clock` gives a Group's time of receipt and the name of the source for the history.
    """
    results, waiting = ([], [], []), {}
    for student, found in students:
        if student in waiting or len(waiting) == CHUNK:
            _settle(place, waiting, results)
        try:
            submission = read_group(student, found, clock.time(found))
            staged, says = place.put(submission, clock.source, clock.given is not None)
        except CollectError as error:
            results[2].append(Outcome(str(error), student, notes=tuple(found.notes)))
            continue
        counts = place.received(submission)
        doubts = clock.doubts(found) if counts == submission.time else ()
        outcome = Outcome(says, student, counts or submission.time, submission.sha256, (*submission.notes, *doubts))
        if staged:
            waiting[student] = staged, outcome
        else:
            results[1].append(outcome)
    _settle(place, waiting, results)
    return results


def _settle(place, waiting, results):
    """The history first, then the places: what is in its place without a record would have no time of receipt."""
    place.save()
    for student, (staged, outcome) in waiting.items():
        try:
            place.swap(staged)
            results[0].append(outcome)
        except OSError as error:
            told = f"{student}: could not be put in its place ({error.strerror}); collect again."
            results[2].append(replace(outcome, says=told))
    waiting.clear()
    place.restamp()


def read_history(path):
    """The records of a history, oldest first.

    Raises
    ------
    CollectError : the file is damaged; no time of receipt may be guessed then.
    """
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))["records"]
        for record in records:
            _time(record["time"]), record["student"], record["sha256"]
        return records
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise CollectError(f"{path} is damaged ({error}); restore it: it holds the times of receipt.") from None


def folder_digest(folder):
    """The digest of the regular files below a folder, without timestamp.txt; None where there is no folder."""
    folder, hashes = Path(folder), {}
    if not folder.is_dir():
        return None
    for above, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if f not in sources.LITTER]
        for path in (Path(above, name) for name in names if name not in sources.LITTER):
            if stat.S_ISREG(path.lstat().st_mode):
                with open(path, "rb") as file:
                    hashes[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    hashes.pop("timestamp.txt", None)
    return digest(hashes)


def _timestamp(time):
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC".encode()


def _stamp(time):
    return f"{time:%Y%m%dT%H%M%S.%fZ}"


def _time(text):
    return datetime.fromisoformat(text).astimezone(UTC)
