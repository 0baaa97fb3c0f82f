"""Collect submissions from folders, archives, an LMS or the exchange into submitted/<student>/<assignment>/.

    <student>/A1.ipynb, <student>/A1/A1.ipynb                  a folder of folders, or a zip or tar of one
    Jane Doe_12345_assignsubmission_file_/A1.ipynb             Moodle
    doejane_12345_67890_A1.ipynb, doejane_LATE_12345_...       Canvas
    <student>+A1+<timestamp>+<random>/A1.ipynb                 the inbound folder of nbgrader's exchange

Nothing in a submission is believed: not its paths, links, sizes, owner or timestamp.txt. The time of receipt comes from
the collector, and is kept in .autograde/collected/<assignment>.json, which only grows. A newer submission replaces an
older one in one step; the older one is kept in .autograde/collected/<assignment>/<student>/<time>/.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from .errors import AutogradeError
from .receipts import NAME, locked, private_folder, sync_folder, write_atomically

ENTRIES = 200_000  # files in one source
ALL_BYTES = 64 * 2**30  # unpacked, in one source
RATIO = 200  # unpacked to packed size; notebooks reach 20
SMALL = 2**20  # bytes; a file of this size may have any ratio
DEPTH = 10  # folders in one another
FILES = 500  # in one submission
BYTES = 128 * 2**20  # in one submission
CHUNK = 100  # submissions for one write of the history
APART = 60.0  # seconds between two clocks that are worth a word

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LITTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".git"}
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d{1,20})_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)", re.DOTALL)
CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<number>\d{1,20})_\d{1,20}_(?P<rest>.+)", re.DOTALL)
ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", ".": None, "_": None, "-": None})


class CollectError(AutogradeError):
    """A source that cannot be collected from at all."""


@dataclass(frozen=True)
class Outcome:
    """What became of one submission: a sentence, and for a submission that was understood its student, time, digest.

    time : datetime in UTC, of receipt
    sha256 : str, over the names and contents of its files
    notes : tuple of str, sentences on what was left out or looks odd
    """

    says: str
    student: str | None = None
    time: datetime | None = None
    sha256: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """What `collect` did: each submission of the source stands in just one of the three."""

    assignment: str
    taken: tuple[Outcome, ...] = ()
    skipped: tuple[Outcome, ...] = ()
    refused: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Item:
    """A regular file of a source: the parts of its path, its claimed size in bytes, and a reader of at most n bytes."""

    parts: tuple[str, ...]
    size: int
    read: Callable[[int], bytes]


@dataclass
class Group:
    """The files of one submission, as the source has them, before anything of them is read."""

    label: str  # what the source calls the student
    number: str = ""  # the LMS's number of the student
    lms: str = ""  # "Canvas" or "Moodle"
    stamp: datetime | None = None  # the time of receipt where the source has one for each submission
    items: dict[str, Item] = field(default_factory=dict)  # by name below the submission's folder
    folded: set[str] = field(default_factory=set)  # their names without case
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """The files of a source, sentences on what is no file that one may read, and the time of the whole."""

    items: tuple[Item, ...]
    left_out: tuple[tuple[tuple[str, ...], str], ...]  # parts, and why
    stamp: datetime
    stamps: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)  # of its folders: modified, changed


# The one way in


def collect(source, root, assignment, received=None, names=None):
    """Put the submissions of a source into the course directory.

    Parameters
    ----------
    source : path of a folder, a zip or a tar
    root : path of the course directory
    assignment : str
    received : datetime with a time zone; when the submissions were received. Without it: for an archive its time of
        modification, for the exchange that of each inbound folder, for other folders now
    names : path of a CSV file with the columns `name` (or LMS number) and `student_id`

    Returns
    -------
    Collected

    Raises
    ------
    CollectError : the source as a whole cannot be read. What is wrong with one submission is in `refused`.
    """
    if not NAME.fullmatch(str(assignment)):
        raise CollectError(f"{assignment!r} is no assignment's name: letters, digits, '.', '_' and '-' make one.")
    if received is not None and received.tzinfo is None:
        raise CollectError("The time of receipt has no time zone; give one, such as 2026-03-01T12:00+01:00.")
    given = received and received.astimezone(UTC)
    root, source = Path(root), Path(source)
    if source.resolve().is_relative_to((root / "submitted").resolve()):
        raise CollectError(f"{source} lies in submitted/, where submissions are put; collect from somewhere else.")
    table = read_names(names) if names is not None else {}
    with locked(private_folder(root, "collected") / f"{assignment}.lock"), contextlib.ExitStack() as stack:
        place = Place(root, assignment)
        place.recover()
        found = open_source(source, place.staging, stack)
        groups, refused = group(found, assignment)
        students, unnamed = assign(groups, table, place.known())
        taken, skipped, more = take(place, students, lambda g: given or g.stamp or found.stamp, source.name)
    return Collected(assignment, tuple(taken), tuple(skipped), (*refused, *unnamed, *more))


def received_at(root, assignment, student):
    """When the submission of a student that lies in submitted/ was received, in UTC; None if it was not collected."""
    records = read_history(Path(root) / ".autograde" / "collected" / f"{assignment}.json")
    times = [r["time"] for r in records if r["student"] == student]
    return _time(times[-1]) if times else None


def student_id(text):
    """The text, if it is a student's canonical id: letters, digits, '.', '_' and '-' of ASCII, at most 64.

    Raises
    ------
    CollectError : it is not, in a sentence that says how to map it.
    """
    mend = "add a line with it and the right id to the CSV file of names."
    if unicodedata.normalize("NFKC", text) != text:
        raise CollectError(f"{_shown(text)} has characters that only look like letters or digits of an id; {mend}")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise CollectError(
            f"{_shown(text)} is no student id, which has letters, digits, '.', '_' and '-' only, at most 64; {mend}"
        )
    if text[0] in ".-" or text[-1] == "." or text.split(".")[0].casefold() in RESERVED:
        raise CollectError(f"{_shown(text)} cannot be the name of a folder on every system; {mend}")
    return text


def look_alike(one, other):
    """Whether two ids are easily taken for each other: equal but for case, separators, 0 and o, 1 and l and i."""
    return one != other and _skeleton(one) == _skeleton(other)


def _skeleton(name):
    return name.casefold().translate(ALIKE).replace("rn", "m").replace("vv", "w")


def read_names(path):
    """A CSV file's map from name or LMS number to student id, by normalised name.

    Raises
    ------
    CollectError : a column is missing, an id is none, or one name has two ids.
    """
    table = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"name", "student_id"} <= set(reader.fieldnames or ()):
                raise CollectError(f"{path}: the first line must name the columns: name,student_id.")
            for row in reader:
                key, student = _normal(row["name"] or ""), student_id((row["student_id"] or "").strip())
                if table.setdefault(key, student) != student:
                    raise CollectError(f"{path}: {row['name']!r} has two ids; use the LMS's numbers as names instead.")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CollectError(f"{path} cannot be read as CSV in UTF-8: {error}") from None
    return table


def _normal(name):
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _shown(text):
    short = text if len(text) <= 80 else text[:77] + "..."
    return ascii(short)


# Reading sources


def open_source(source, scratch, stack):
    """The files of a folder or an archive; `stack` closes what has to stay open, `scratch` takes what is unpacked."""
    try:
        kind = os.stat(source)
    except OSError as error:
        raise CollectError(f"{source} cannot be read: {error.strerror}.") from None
    stamp = _not_future(kind.st_mtime)
    if stat.S_ISDIR(kind.st_mode):
        return _open_folder(source, stack)
    if not stat.S_ISREG(kind.st_mode):
        raise CollectError(f"{source} is neither a folder nor a zip or tar file.")
    try:
        with open(source, "rb") as file:
            start = file.read(8)
        if start.startswith((b"PK\3\4", b"PK\5\6")):  # by its beginning: a student's zip may end a tar
            return _open_zip(source, stamp, stack)
        return _open_tar(source, stamp, start, kind.st_size, scratch, stack)
    except CollectError:
        raise
    except Exception as error:  # noqa: BLE001 - zipfile and tarfile raise whatever they stumble over in damaged files
        raise CollectError(
            f"{source.name} is no zip or tar file that can be read: {error}. Download it again."
        ) from None


def _not_future(seconds):
    return datetime.fromtimestamp(min(seconds, datetime.now(UTC).timestamp()), UTC)


def _open_folder(source, stack):
    if os.open not in os.supports_dir_fd:
        raise CollectError("Collecting from a folder needs Linux or macOS; pack it into a zip file and collect that.")
    top = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, top)
    items, left_out, stamps = [], [], {}
    _walk(top, (), items, left_out, stamps)
    return Source(tuple(items), tuple(left_out), datetime.now(UTC), stamps)


def _walk(top, parts, items, left_out, stamps):
    """List what lies below the open folder `top` at `parts`, never through a link."""
    number = _open_beneath(top, parts, os.O_DIRECTORY)
    try:
        owner = os.fstat(number).st_uid
        with os.scandir(number) as found:
            entries = sorted(found, key=lambda e: e.name)
        for entry in entries:
            if entry.name in LITTER:
                continue
            here, kind = (*parts, entry.name), entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(kind.st_mode) and len(here) <= DEPTH:
                if not parts:
                    stamps[entry.name] = _not_future(kind.st_mtime), _not_future(kind.st_ctime)
                try:
                    _walk(top, here, items, left_out, stamps)
                except OSError as error:
                    left_out.append((here, f"cannot be read ({error.strerror})"))
            elif why := _not_plain(kind, owner, parts):
                left_out.append((here, why))
            else:
                items.append(Item(here, kind.st_size, _reader(top, here)))
            if len(items) + len(left_out) > ENTRIES:
                raise CollectError(f"The folder holds over {ENTRIES} files; collect a part of it at a time.")
    finally:
        os.close(number)


def _not_plain(kind, owner, parts):
    """Why a file is not to be read; "" for a plain one."""
    if stat.S_ISLNK(kind.st_mode):
        return "is a link"
    if stat.S_ISDIR(kind.st_mode):
        return f"lies over {DEPTH} folders deep"
    if not stat.S_ISREG(kind.st_mode):
        return "is no regular file"
    if parts and kind.st_nlink > 1 and kind.st_uid != owner:
        return "is a hard link to a file of somebody else"
    return ""


def _open_beneath(top, parts, flags=0):
    """Open a path below an open folder, one part at a time, and refuse links at every part."""
    number = os.dup(top)
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        kind = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | (flags if last else os.O_DIRECTORY)
        try:
            number, above = os.open(part, kind, dir_fd=number), number
        except OSError:
            os.close(number)
            raise
        os.close(above)
    if not parts:
        os.lseek(number, 0, os.SEEK_SET)  # scandir may have read it before
    return number


def _reader(top, parts):
    def read(limit):
        with open(_open_beneath(top, parts), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("it has become something else than a file")
            return file.read(limit)

    return read


def _open_zip(source, stamp, stack):
    archive = stack.enter_context(zipfile.ZipFile(source))
    if len(archive.infolist()) > ENTRIES:
        raise CollectError(f"{source.name} holds over {ENTRIES} files; collect a part of it at a time.")
    items, left_out, total = [], [], 0
    for info in archive.infolist():
        name = info.orig_filename
        parts, kind = _parts(name), stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or LITTER & set(parts or ()):
            continue
        total += info.file_size
        if parts is None:
            left_out.append(((), f"{_shown(name)} is no path inside of the archive"))
        elif kind not in (0, stat.S_IFREG):
            left_out.append((parts, "is a link or no regular file"))
        elif info.flag_bits & 1:
            left_out.append((parts, "is encrypted"))
        elif info.file_size > SMALL and info.file_size > RATIO * info.compress_size:
            left_out.append((parts, f"unpacks to over {RATIO} times its size"))
        else:
            items.append(Item(parts, info.file_size, _zip_reader(archive, info)))
    if total > ALL_BYTES:
        raise CollectError(f"{source.name} unpacks to {total / 2**30:.0f} GiB, over {ALL_BYTES >> 30}.")
    return Source(tuple(items), tuple(left_out), stamp)


def _zip_reader(archive, info):
    def read(limit):
        try:
            with archive.open(info) as file:
                return file.read(limit)
        except Exception as error:  # noqa: BLE001 - as in open_source
            raise OSError(str(error)) from None

    return read


class _Meter(io.RawIOBase):
    """A packed stream that counts what it unpacks to, so that a small file cannot fill memory or disk."""

    def __init__(self, stream, limit):
        self._stream, self._left = stream, limit

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._stream.read(min(len(buffer), 1 << 20))
        self._left -= len(data)
        if self._left < 0:
            raise CollectError(f"The archive unpacks to over {RATIO} times its size; it is not opened.")
        buffer[: len(data)] = data
        return len(data)


def _open_tar(source, stamp, start, size, scratch, stack):
    """A tar's files, copied under numbers into a folder that goes with the stack: their names reach no disk."""
    import bz2
    import gzip
    import lzma

    openers = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
    opener = next((o for magic, o in openers.items() if start.startswith(magic)), open)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unpacked-", dir=scratch)))
    items, left_out = [], []
    limit = min(ALL_BYTES, size if opener is open else RATIO * size + SMALL)
    with opener(source, "rb") as stream, io.BufferedReader(_Meter(stream, limit)) as metered:
        with tarfile.open(fileobj=metered, mode="r|") as archive:
            while (member := archive.next()) is not None:
                _take_member(archive, member, folder, items, left_out)
                archive.members.clear()  # tarfile would remember every one
    return Source(tuple(items), tuple(left_out), stamp)


def _take_member(archive, member, folder, items, left_out):
    parts = _parts(member.name)
    if member.isdir() or LITTER & set(parts or ()):
        return
    if len(items) + len(left_out) >= ENTRIES:
        raise CollectError(f"The archive holds over {ENTRIES} files; collect a part of it at a time.")
    if parts is None:
        left_out.append(((), f"{_shown(member.name)} is no path inside of the archive"))
    elif not member.isreg() or member.issparse():
        left_out.append((parts, "is a link or no regular file"))
    elif member.size > BYTES:
        left_out.append((parts, f"is larger than {BYTES >> 20} MiB"))
    else:
        path = folder / str(len(items))
        with open(path, "xb") as file:
            shutil.copyfileobj(archive.extractfile(member), file)
        items.append(Item(parts, member.size, _file_reader(path)))


def _file_reader(path):
    def read(limit):
        with open(path, "rb") as file:
            return file.read(limit)

    return read


def _parts(name):
    """The parts of a path in an archive, or None for one that is absolute, climbs up, or names a drive."""
    name = name.replace("\\", "/")
    parts = tuple(p for p in name.split("/") if p not in ("", "."))
    unsafe = name.startswith("/") or ".." in parts or "\0" in name or len(parts) > DEPTH + 1 or ":" in name[:2]
    return None if unsafe or not parts else parts


# From files to submissions


def group(source, assignment):
    """The files of a source by submission, and an Outcome for each file that belongs to none.

    Returns
    -------
    groups : list of Group
    refused : list of Outcome
    """
    wrap = _wrapper(source, assignment)
    groups, refused = {}, []
    listed = [(i.parts, i, "") for i in source.items] + [(parts, None, why) for parts, why in source.left_out]
    for parts, item, why in listed:
        at = parts[1:] if wrap else parts
        owner, rest = _owner(at, assignment, source)
        if owner is None:
            told = why if not parts else f"{_shown('/'.join(parts))} {why or 'stands in no folder of a student'}"
            refused.append(Outcome(f"{told}; it was left out."))
            continue
        found = groups.setdefault((owner.label, owner.number, at[0] if owner.stamp else ""), owner)
        name, odd = file_name(rest)
        if why or odd:
            found.notes.append(f"{_shown('/'.join(rest))} {why or odd}; it was left out.")
        elif name.casefold() in found.folded:
            found.notes.append(f"{_shown(name)} stands there twice, if case is ignored; one was left out.")
        else:
            found.items[name] = item
            found.folded.add(name.casefold())
    for found in groups.values():
        _narrow(found, assignment)
    return list(groups.values()), refused


def _wrapper(source, assignment):
    """Whether everything lies in one folder that is no student's: its name says so."""
    firsts = {i.parts[0] for i in source.items} | {parts[0] for parts, _ in source.left_out if parts}
    if len(firsts) != 1 or any(len(i.parts) < 2 for i in source.items):
        return False
    return firsts.pop().casefold() in {"submissions", "submitted", "inbound", assignment.casefold()}


def _owner(parts, assignment, source):
    """The submission that a file belongs to, as a new Group without files, and the file's path in it."""
    if not parts:
        return None, ()
    if found := MOODLE.fullmatch(parts[0]):
        rest = (found["rest"], *parts[1:]) if found["rest"] else parts[1:]
        return (Group(found["name"], found["number"], "Moodle"), rest) if rest else (None, ())
    if len(parts) == 1:
        found = CANVAS.fullmatch(parts[0])
        return (Group(found["name"], found["number"], "Canvas"), (found["rest"],)) if found else (None, ())
    inbound = parts[0].split("+")
    if len(inbound) in (3, 4) and inbound[1] == assignment:
        return _inbound(inbound[0], *source.stamps.get(parts[0], (source.stamp, source.stamp))), parts[1:]
    return Group(parts[0]), parts[1:]


def _inbound(student, modified, changed):
    """A submission in the exchange: its folder's time is the receipt's, and the student owns the folder."""
    found = Group(student, stamp=modified)
    if (changed - modified).total_seconds() > APART:
        found.notes.append(
            f"Its folder in the exchange says {_said(modified)}, but was changed at {_said(changed)}: "
            "it was copied since, or its time was set back."
        )
    return found


def _narrow(found, assignment):
    """Where a student's folder has a folder for the assignment, that one is the submission."""
    inside = {n.split("/", 1)[1]: i for n, i in found.items.items() if n.startswith(f"{assignment}/")}
    if inside:
        outside = len(found.items) - len(inside)
        if outside:
            found.notes.append(f"{outside} files outside of the folder {assignment} were left out.")
        found.items = inside


def file_name(parts):
    """A file's path below its submission as text, and what is wrong with it, "" where nothing is.

    Composed and decomposed letters are made one (macOS packs the latter); spaces and letters of any script may stay.
    """
    parts = [unicodedata.normalize("NFC", p) for p in parts]
    name = "/".join(parts)
    for part in parts:
        if part.startswith("."):
            return name, "is hidden"
        if len(part.encode("utf-8", "replace")) > 200 or len(parts) > DEPTH:
            return name, "has too long a name"
        if not all(c.isalnum() or c in " ._-()+,=@#&'!~[]" for c in part) or part.strip(" ") != part:
            return name, "has a character that is not allowed in a name"
        if part.split(".")[0].casefold() in RESERVED or part.endswith("."):
            return name, "has a name that is reserved on Windows"
    return name, ""


def assign(groups, table, known):
    """Give each submission its student.

    Parameters
    ----------
    groups : list of Group
    table : dict, as `read_names` gives it
    known : set of str, the ids that the course directory has already

    Returns
    -------
    students : list of (str, Group), by time where there is one
    refused : list of Outcome
    """
    named, refused = {}, []
    for found in groups:
        try:
            named.setdefault(_student(found, table), []).append(found)
        except CollectError as error:
            refused.append(Outcome(str(error), notes=tuple(found.notes)))
    kept = []
    folded = {name.casefold(): name for name in sorted(known)}
    skeletons = {_skeleton(name): name for name in sorted(known)}
    for student, theirs in sorted(named.items()):
        other = folded.setdefault(student.casefold(), student)
        twice = len(theirs) > 1 and not all(g.stamp for g in theirs)
        if other != student:
            told = (
                f"{student} and {other} differ in case only, and are one folder on some systems: map one to another id."
            )
            refused.append(Outcome(told, student))
            continue
        if twice:
            who = " and ".join(_shown(f"{g.label} {g.number}".strip()) for g in theirs)
            told = f"The source has {len(theirs)} submissions of {student}, {who}: map each to an id of its own."
            refused.append(Outcome(told, student))
            continue
        alike = skeletons.setdefault(_skeleton(student), student)
        for found in sorted(theirs, key=lambda g: (g.stamp is not None, g.stamp)):
            if alike != student:
                found.notes.append(f"The ids {student} and {alike} look alike; see that they are two students.")
            kept.append((student, found))
    return kept, refused


def _student(found, table):
    for name in (found.number, found.label):
        if name and _normal(name) in table:
            return table[_normal(name)]
    if found.lms and table:
        raise CollectError(f"{_shown(found.label)} ({found.number}) is not in the CSV file of names; add a line.")
    return student_id(found.number if found.lms == "Canvas" else found.label)


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
    files, left = {}, BYTES
    for name, item in sorted(found.items.items()):
        try:
            files[name] = item.read(left + 1)
        except OSError as error:
            raise CollectError(f"{student}: {_shown(name)} cannot be read ({error}); it was not taken.") from None
        left -= len(files[name])
        if left < 0:
            raise CollectError(f"{student}: the submission is larger than {BYTES >> 20} MiB; it was not taken.")
    claimed = files.pop("timestamp.txt", None)
    if not files:
        raise CollectError(
            f"{student}: the submission holds no file that may be taken. {' '.join(found.notes)}".strip()
        )
    text = None if claimed is None else claimed[:100].decode("ascii", "replace").strip()
    return Submission(student, time, files, text, (*found.notes, *_remarks(files, text, time)))


def _remarks(files, claimed, time):
    """What an instructor should know of a submission that was taken."""
    if not any(name.casefold().endswith(".ipynb") for name in files):
        yield "It holds no notebook."
    for name in files:
        if name.casefold().endswith(ARCHIVES):
            yield f"{_shown(name)} is an archive; archives inside of submissions are not opened."
    if claimed is not None and not _agrees(claimed, time):
        yield f"Its timestamp.txt says {_shown(claimed)}; it was received at {_said(time)}, which counts."


def _agrees(claimed, time):
    from nbgrader.utils import parse_utc

    try:
        return abs((parse_utc(claimed).replace(tzinfo=UTC) - time).total_seconds()) <= APART
    except (ValueError, OverflowError, TypeError, AttributeError):
        return False


def _said(time):
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


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
        self.latest, self.digests = {}, {}
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

    def put(self, submission, source):
        """Stage the submission if it is to be taken.

        Returns
        -------
        staged : path or None
        says : str, why it was taken or skipped
        """
        student, sha, target = submission.student, submission.sha256, self.target(submission.student)
        for path in (target.parent, target):
            if path.is_symlink():
                raise CollectError(f"{student}: {path} is a link; it was not written to. Remove the link.")
        last, here = self.latest.get(student), folder_digest(target)
        if skip := self._why_skip(submission, last, here):
            if last is None:  # it lies there already, put there by something else
                self._add(submission, source)
            return None, skip
        staged = self._stage(submission)
        if last is None or last["sha256"] != sha:
            self._add(submission, source)
        aside = " What lay there is kept." if here else ""
        return staged, f"{student}: taken, received at {_said(submission.time)}.{aside}"

    def _why_skip(self, submission, last, here):
        student, sha, time = submission.student, submission.sha256, submission.time
        if last is None:
            if here == sha:
                return f"{student}: the same submission lies there already."
            since = here and _not_future(self.target(student).lstat().st_mtime)
            return since and time < since and f"{student}: older than what lies there ({_said(since)})."
        if sha == last["sha256"]:
            if here == sha:
                return f"{student}: the same submission was received at {_said(_time(last['time']))}."
            changed = here and here not in self.digests[student]
            return changed and f"{student}: the same was received before, and changed by hand since; it was left alone."
        if time < _time(last["time"]):
            return f"{student}: older than the submission received at {_said(_time(last['time']))}."
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
        stamp = f"{submission.time:%Y-%m-%d %H:%M:%S.%f} UTC".encode()
        try:
            for name, data in {**submission.files, "timestamp.txt": stamp}.items():
                _write_new(folder / name, data)
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
        sync_folder(target.parent)

    def _keep(self, folder):
        """Move a folder to the kept ones, under the time at which its content was received."""
        student, sha = folder.name.partition("+")[0], folder_digest(folder)
        times = [r["time"] for r in self.records if r["student"] == student and r["sha256"] == sha]
        time = _stamp(_time(times[-1])) if times else f"{_stamp(_not_future(folder.stat().st_mtime))}-unknown"
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


def take(place, students, when, source):
    """Read, stage, record and put in place.

    Parameters
    ----------
    place : Place
    students : iterable of (str, Group)
    when : function from a Group to its time of receipt
    source : str, for the history

    Returns
    -------
    taken, skipped, refused : lists of Outcome
    """
    results, waiting = ([], [], []), {}
    for student, found in students:
        if student in waiting or len(waiting) == CHUNK:
            _settle(place, waiting, results)
        try:
            submission = read_group(student, found, when(found))
            staged, says = place.put(submission, source)
        except CollectError as error:
            results[2].append(Outcome(str(error), student, notes=tuple(found.notes)))
            continue
        outcome = Outcome(says, student, submission.time, submission.sha256, submission.notes)
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
        folders[:] = [f for f in folders if f not in LITTER]
        for path in (Path(above, name) for name in names if name not in LITTER):
            if stat.S_ISREG(path.lstat().st_mode):
                with open(path, "rb") as file:
                    hashes[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    hashes.pop("timestamp.txt", None)
    return digest(hashes)


def exchange(one, other):
    """Let two folders change places: in one step where the system can, else in three."""
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        rename = None
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if rename is None or rename(here, os.fsencode(one), here, os.fsencode(other), swap):
        aside = one.with_name(f"{one.name}.aside")
        os.rename(other, aside)
        os.rename(one, other)
        os.rename(aside, one)


def _write_new(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
    with open(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(number)


def _stamp(time):
    return f"{time:%Y%m%dT%H%M%S.%fZ}"


def _time(text):
    return datetime.fromisoformat(text).astimezone(UTC)
