"""Where submissions come from: folders, archives, downloads of an LMS, the exchange; and whose each of them is.

    open_source   a path -> Source, the regular files of it, unread, and what is none
    group         Source -> Groups, the files of one submission each, by the names that Moodle, Canvas and nbgrader give
    assign        Groups -> (student's id, Group), by a CSV file of names where the source has others

Nothing is believed and no link is followed: every path, size and name is checked here.
"""

import csv
import io
import os
import re
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from pathlib import Path

from .errors import AutogradeError

ENTRIES = 200_000  # files in one source
ALL_BYTES = 64 * 2**30  # unpacked, in one source
RATIO = 200  # unpacked to packed size; notebooks reach 20
SMALL = 2**20  # bytes; a file of this size may have any ratio
DEPTH = 10  # folders in one another
BYTES = 128 * 2**20  # in one submission
APART = 60.0  # seconds between two clocks that are worth a word

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LITTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".git"}
MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d{1,20})_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)", re.DOTALL)
CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<number>\d{1,20})_\d{1,20}_(?P<rest>.+)", re.DOTALL)
MEND = "give --names FILE, a CSV file with the columns name,student_id and a line for it."
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
class Item:
    """A regular file of a source: the parts of its path, and a reader of its first n bytes, which may raise OSError."""

    parts: tuple[str, ...]
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
    folders: frozenset[tuple[str, ...]] = frozenset()  # paths of one or two parts, to tell of those without a file


# The files of a source


def open_source(source, scratch, stack):
    """The files of a folder or an archive; `stack` closes what has to stay open, `scratch` takes what is unpacked."""
    try:
        kind = os.stat(source)
    except OSError as error:
        raise CollectError(f"{source} cannot be read: {error.strerror}.") from None
    stamp = not_future(kind.st_mtime)
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
        told = f"{source.name} is no zip or tar file that can be read: {error}. Download it again."
        raise CollectError(told) from None


def not_future(seconds):
    """The time of a file in UTC, or now where it claims to be of the future."""
    return datetime.fromtimestamp(min(seconds, datetime.now(UTC).timestamp()), UTC)


def _open_folder(source, stack):
    if os.open not in os.supports_dir_fd:
        raise CollectError("Collecting from a folder needs Linux or macOS; pack it into a zip file and collect that.")
    top = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, top)
    items, left_out, stamps, folders = [], [], {}, set()
    _walk(top, (), items, left_out, stamps, folders)
    return Source(tuple(items), tuple(left_out), datetime.now(UTC), stamps, frozenset(folders))


def _walk(top, parts, items, left_out, stamps, folders):
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
                    stamps[entry.name] = not_future(kind.st_mtime), not_future(kind.st_ctime)
                folders.add(here[:2])
                try:
                    _walk(top, here, items, left_out, stamps, folders)
                except OSError as error:
                    left_out.append((here, f"cannot be read ({error.strerror})"))
            elif why := _not_plain(kind, owner, parts):
                left_out.append((here, why))
            else:
                items.append(Item(here, partial(_read_beneath, top, here)))
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


def _read_beneath(top, parts, limit):
    with open(_open_beneath(top, parts), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it has become something else than a file")
        return file.read(limit)


def _open_zip(source, stamp, stack):
    archive = stack.enter_context(zipfile.ZipFile(source))
    if len(archive.infolist()) > ENTRIES:
        raise CollectError(f"{source.name} holds over {ENTRIES} files; collect a part of it at a time.")
    items, left_out, folders, total = [], [], set(), 0
    for info in archive.infolist():
        name = info.orig_filename
        parts, kind = _parts(name), stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or LITTER & set(parts or ()):
            folders.add(_folder(parts))
            continue
        total += info.file_size
        if parts is None:
            left_out.append(((), f"{shown(name)} is no path inside of the archive"))
        elif kind not in (0, stat.S_IFREG):
            left_out.append((parts, "is a link or no regular file"))
        elif info.flag_bits & 1:
            left_out.append((parts, "is encrypted"))
        elif info.file_size > SMALL and info.file_size > RATIO * info.compress_size:
            left_out.append((parts, f"unpacks to over {RATIO} times its size"))
        else:
            items.append(Item(parts, partial(_read_zipped, archive, info)))
    if total > ALL_BYTES:
        raise CollectError(f"{source.name} unpacks to {total / 2**30:.0f} GiB, over {ALL_BYTES >> 30}.")
    return Source(tuple(items), tuple(left_out), stamp, folders=frozenset(folders))


def _read_zipped(archive, info, limit):
    try:
        with archive.open(info) as file:
            return file.read(limit)
    except Exception as error:  # noqa: BLE001 - as in open_source
        raise OSError(str(error)) from None


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
    items, left_out, folders = [], [], set()
    limit = min(ALL_BYTES, size if opener is open else RATIO * size + SMALL)
    with opener(source, "rb") as stream, io.BufferedReader(_Meter(stream, limit)) as metered:
        with tarfile.open(fileobj=metered, mode="r|") as archive:
            while (member := archive.next()) is not None:
                _take_member(archive, member, folder, items, left_out, folders)
                archive.members.clear()  # tarfile would remember every one
    return Source(tuple(items), tuple(left_out), stamp, folders=frozenset(folders))


def _take_member(archive, member, folder, items, left_out, folders):
    parts = _parts(member.name)
    if max(len(items) + len(left_out), len(folders)) >= ENTRIES:
        raise CollectError(f"The archive holds over {ENTRIES} files; collect a part of it at a time.")
    if member.isdir() or LITTER & set(parts or ()):
        folders.add(_folder(parts))
        return
    if parts is None:
        left_out.append(((), f"{shown(member.name)} is no path inside of the archive"))
    elif not member.isreg() or member.issparse():
        left_out.append((parts, "is a link or no regular file"))
    elif member.size > BYTES:
        left_out.append((parts, f"is larger than {BYTES >> 20} MiB"))
    else:
        path = folder / str(len(items))
        with open(path, "xb") as file:
            shutil.copyfileobj(archive.extractfile(member), file)
        items.append(Item(parts, partial(_read_unpacked, path)))


def _read_unpacked(path, limit):
    with open(path, "rb") as file:
        return file.read(limit)


def _folder(parts):
    """The folder, at most two deep, in which a path without a file of the student's lies."""
    return tuple(takewhile(lambda part: part not in LITTER, (parts or ())[:2]))


def _parts(name):
    """The parts of a path in an archive, or None for one that is absolute, climbs up, or names a drive."""
    name = name.replace("\\", "/")
    parts = tuple(p for p in name.split("/") if p not in ("", "."))
    unsafe = name.startswith("/") or ".." in parts or "\0" in name or len(parts) > DEPTH + 1 or ":" in name[:2]
    return None if unsafe or not parts else parts


# From files to submissions


def group(source, assignment):
    """The files of a source by submission, as a list of Group, and an Outcome for each file that belongs to none."""
    wrap = _wrapper(source, assignment)
    groups, refused, seen = {}, [], set()
    listed = [(i.parts, i, "") for i in source.items] + [(parts, None, why) for parts, why in source.left_out]
    for parts, item, why in listed:
        at = parts[1:] if wrap else parts
        seen |= set(at[:1])
        owner, rest = _owner(at, assignment, source)
        if owner is None:
            told = why if not parts else f"{shown('/'.join(parts))} {why or 'stands in no folder of a student'}"
            refused.append(Outcome(f"{told}; it was left out."))
            continue
        found = groups.setdefault(_key(owner, at), owner)
        found.notes += [note for note in owner.notes if note not in found.notes]  # each file has an owner anew
        name, odd = file_name(rest)
        if why or odd:
            found.notes.append(f"{shown('/'.join(rest))} {why or odd}; it was left out.")
        elif name.casefold() in found.folded:
            found.notes.append(f"{shown(name)} stands there twice, if case is ignored; one was left out.")
        else:
            found.items[name] = item
            found.folded.add(name.casefold())
    for at in sorted({f[1:] if f[:1] == (wrap,) else f[:1] for f in source.folders}):
        if at and at[0] not in seen:
            owner, _ = _owner((at[0], ""), assignment, source)
            groups.setdefault(_key(owner, at), owner)
    for found in groups.values():
        _narrow(found, assignment)
    return list(groups.values()), refused


def _key(owner, at):
    return owner.label, owner.number, at[0] if owner.stamp else ""


def _wrapper(source, assignment):
    """The one folder in which everything lies, if it is no student's, as its name says; else ""."""
    firsts = {i.parts[0] for i in source.items} | {parts[0] for parts, _ in source.left_out if parts}
    firsts = firsts or {parts[0] for parts in source.folders if parts}
    if len(firsts) != 1 or any(len(i.parts) < 2 for i in source.items):
        return ""
    name = firsts.pop()
    return name if name.casefold() in {"submissions", "submitted", "inbound", assignment.casefold()} else ""


def _owner(parts, assignment, source):
    """The submission that a file belongs to, as a new Group without files, and the file's path in it."""
    if not parts:
        return None, ()
    if found := MOODLE.fullmatch(parts[0]):
        rest = (found["rest"], *parts[1:]) if found["rest"] else parts[1:]
        return (Group(found["name"], found["number"], "Moodle"), rest) if rest else (None, ())
    if len(parts) == 1:
        found = CANVAS.fullmatch(parts[0])
        if not found:
            return None, ()
        notes = ["Canvas marks it LATE."] if found["late"] else []
        return Group(found["name"], found["number"], "Canvas", notes=notes), (found["rest"],)
    inbound = parts[0].split("+")
    if len(inbound) in (3, 4) and inbound[1] == assignment:
        return _inbound(inbound[0], *source.stamps.get(parts[0], (source.stamp, source.stamp))), parts[1:]
    return Group(parts[0]), parts[1:]


def _inbound(student, modified, changed):
    """A submission in the exchange: its folder's time is the receipt's, and the student owns the folder."""
    found = Group(student, stamp=modified)
    if (changed - modified).total_seconds() > APART:
        found.notes.append(
            f"Its folder in the exchange says {moment(modified)}, but was changed at {moment(changed)}: "
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


# Whose they are


def assign(groups, table, known):
    """Give each submission its student: a list of (id, Group), by time where there is one, and a list of Outcomes.

    `table` is what `read_names` gives, `known` holds the ids that the course directory has already.
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
        if clash := _clash(student, theirs, folded.setdefault(student.casefold(), student)):
            refused.append(Outcome(clash, student))
            continue
        alike = skeletons.setdefault(_skeleton(student), student)
        for found in sorted(theirs, key=lambda g: (g.stamp is not None, g.stamp)):
            if alike != student:
                found.notes.append(f"The ids {student} and {alike} look alike; see that they are two students.")
            kept.append((student, found))
    return kept, refused


def _clash(student, theirs, other):
    """Why these submissions cannot all be the student's; `other` is the first id that is equal but for case."""
    if other != student:
        return f"{student} and {other} differ in case only, and are one folder on some systems: map one to another id."
    if len(theirs) > 1 and not all(g.stamp for g in theirs):
        who = " and ".join(shown(f"{g.label} {g.number}".strip()) for g in theirs)
        return f"The source has {len(theirs)} submissions of {student}, {who}: map each to an id of its own."
    return ""


def _student(found, table):
    for name in (found.number, found.label):
        if name and _normal(name) in table:
            return table[_normal(name)]
    if found.lms:
        mend = "is not in the CSV file of names; add a line." if table else f"is {found.lms}'s name, no id; {MEND}"
        raise CollectError(f"{shown(found.label)} ({found.number}) {mend}")
    return student_id(found.label)


def student_id(text, mend=MEND):
    """The text, if it is a student's canonical id: letters, digits, '.', '_' and '-' of ASCII, at most 64.

    Raises
    ------
    CollectError : it is not, in a sentence that says how to map it.
    """
    if unicodedata.normalize("NFKC", text) != text:
        raise CollectError(f"{shown(text)} has characters that only look like letters or digits of an id; {mend}")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        told = "is no student id, which has the letters a to z and A to Z, digits, '.', '_' and '-' only, at most 64"
        raise CollectError(f"{shown(text)} {told}; {mend}")
    if text[0] in ".-" or text[-1] == "." or text.split(".")[0].casefold() in RESERVED:
        raise CollectError(f"{shown(text)} cannot be the name of a folder on every system; {mend}")
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
    table, mend = {}, f"mend the id in {path}."
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"name", "student_id"} <= set(reader.fieldnames or ()):
                raise CollectError(f"{path}: the first line must name the columns: name,student_id.")
            for row in reader:
                key, student = _normal(row["name"] or ""), student_id((row["student_id"] or "").strip(), mend)
                if table.setdefault(key, student) != student:
                    raise CollectError(f"{path}: {row['name']!r} has two ids; use the LMS's numbers as names instead.")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CollectError(f"{path} cannot be read as CSV in UTF-8: {error}") from None
    return table


def _normal(name):
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def shown(text):
    """A name as sentences show it: short, in quotes; control and format characters as escapes."""
    short = text if len(text) <= 80 else text[:77] + "..."
    return repr(short)


def moment(time):
    """A time as sentences show it."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
