"""Read what a student handed in: one notebook, one folder. Honest damage is mended, everything else is a sentence.

Nothing here trusts the input. A notebook is scanned as bytes first: its outputs are cut out unread, and what remains
is bounded in bytes, depth and number of elements before a JSON parser sees it. Of a cell nothing is kept but its
kind, its text and its name. A folder is read through directory descriptors, and no link, pipe or device is ever opened.
"""

import contextlib
import importlib.util
import json
import os
import re
import stat
import sys
from dataclasses import dataclass
from functools import lru_cache

from .errors import AutogradeError

MAX_NOTEBOOK = 64_000_000  # bytes of a notebook with its outputs
MAX_REST = 12_000_000  # bytes without them; also the longest notebook in UTF-16
MAX_TOKENS = 1_500_000  # brackets and lists of texts seen while scanning; less than half a second
MAX_ELEMENTS = 400_000  # JSON values outside outputs
MAX_DEPTH = 64
MAX_CELLS = 5_000
MAX_SOURCE = 1_000_000  # characters of one cell
MAX_SOURCES = 6_000_000  # characters of all cells
MAX_NAME = 200  # characters of a grade_id
MAX_NOTES = 40


class Unreadable(AutogradeError):
    """What was handed in cannot be read; the message is for the student and the instructor."""


@dataclass(frozen=True)
class Cell:
    """A cell as the student handed it in: no outputs, no tags, no metadata but its name.

    kind : "code", "markdown" or "raw"
    source : str, with newlines as line ends
    name : str or None, its grade_id
    """

    kind: str
    source: str
    name: str | None = None


@dataclass(frozen=True)
class Submitted:
    """A notebook as handed in. `notes` are sentences on the accidents that were mended."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folder:
    """One student's folder for one assignment: the notebook's bytes, the name it had, and the files beside it."""

    notebook: bytes
    name: str
    files: dict[str, bytes]
    notes: tuple[str, ...] = ()


def read_notebook(data, name="The notebook"):
    """Read the bytes of a notebook.

    Parameters
    ----------
    data : bytes
    name : str, what sentences call it

    Returns
    -------
    Submitted

    Raises
    ------
    Unreadable : and nothing else.
    """
    notes = []
    try:
        data = _as_ascii_superset(data, name, notes)
        tree = _parse(_without_outputs(data, name), name, notes)
        cells = tuple(_cells(tree, name, notes))
    except (RecursionError, MemoryError):
        raise Unreadable(f"{name} is too large or too deeply nested to be read.") from None
    if sum(len(c.source) for c in cells) > MAX_SOURCES:
        raise Unreadable(f"{name} holds more than {MAX_SOURCES:,} characters in its cells: keep data in files.")
    return Submitted(cells, capped(notes))


def capped(notes):
    """At most MAX_NOTES different notes, as a tuple; the last one says how many more there were."""
    notes = list(dict.fromkeys(notes))
    if len(notes) > MAX_NOTES:
        notes = [*notes[: MAX_NOTES - 1], f"There are {len(notes) - MAX_NOTES + 1} more such notes."]
    return tuple(notes)


def shown(text):
    """A name from a student, safe to stand in a sentence: quoted, ASCII, at most 60 characters."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")


# --- bytes -----------------------------------------------------------------------------------------------------------

MAGIC = (
    (b"PK\x03\x04", "a zip archive: unpack it and hand in the notebook itself"),
    (b"\x1f\x8b", "a compressed file: unpack it and hand in the notebook itself"),
    (b"%PDF", "a PDF: hand in the .ipynb file, not a print of it"),
    (b"<!doctype html", "a web page: download the .ipynb file itself, not the page that shows it"),
    (b"<html", "a web page: download the .ipynb file itself, not the page that shows it"),
    (b"version https://git-lfs", "a pointer of Git LFS: run `git lfs pull` and hand in the notebook itself"),
)


def _as_ascii_superset(data, name, notes):
    """The bytes in an encoding that keeps ASCII as it is (UTF-8 or an 8-bit one), without byte order mark."""
    if not data:
        raise Unreadable(f"{name} is empty (0 bytes): save it in JupyterLab and hand it in again.")
    if len(data) > MAX_NOTEBOOK:
        raise Unreadable(
            f"{name} has {len(data) / 1e6:.0f} MB, at most {MAX_NOTEBOOK / 1e6:.0f} are read: "
            "clear its outputs (Edit, Clear Outputs of All Cells), save it and hand it in again."
        )
    encoding = json.detect_encoding(data[:4])
    if encoding == "utf-8-sig":
        notes.append("The file began with a byte order mark; it was removed.")
        data = data[3:]
    elif encoding != "utf-8" and data[:4].strip(b"\0"):
        data = _from_wide(data, encoding, name, notes)
    whole = len(data)
    data = data.rstrip(b"\0")
    if not data.strip():
        raise Unreadable(f"{name} holds nothing but {whole} empty bytes: save it in JupyterLab and hand it in again.")
    if len(data) < whole:
        notes.append("The file ended in null bytes; they were removed.")
    head = data[:200].lstrip().lower()
    for magic, what in MAGIC:
        if head.startswith(magic.lower()):
            raise Unreadable(f"{name} is {what}.")
    return data


def _from_wide(data, encoding, name, notes):
    if len(data) > MAX_REST:
        raise Unreadable(f"{name} is in {encoding.upper()} and larger than {MAX_REST / 1e6:.0f} MB: save it as UTF-8.")
    notes.append(f"The file was in {encoding.upper()} instead of UTF-8; it was converted.")
    return data.decode(encoding, "replace").lstrip("\ufeff").encode("utf-8", "replace")


_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'  # possessive: linear, and no stack to backtrack on
_KEY = rb'"(?:outputs|attachments|metadata)"\s*+:'
_LEAF = rb'[\[{](?:[^"\[\]{}]++|%b){0,256}+[\]}]' % _STRING
_GAP = rb'[^"\[\]{}]*+'
# Texts in a row, and a list or an object without others in it, are one token each: they make up most of a long
# notebook. A lone quote has no end. Every search ends in a token or at the end of the file, so scanning is linear.
_TOKEN = re.compile(
    rb"%b(?:(%b)|(%b(?:[\s,]*+(?!%b)%b)*+)|(%b)|([\[{])|([\]}])|(\")|\Z)" % (_GAP, _KEY, _STRING, _KEY, _STRING, _LEAF),
    re.DOTALL,
)
_IS_KEY, _IS_TEXTS, _IS_LEAF, _OPENS, _CLOSES, _IS_QUOTE = range(1, 7)
_ANY_STRING = re.compile(_STRING, re.DOTALL)
# Depths at which the value goes: of the notebook's metadata (widgets' state); of a cell's outputs, in nbformat 4 and 3.
_DROPPED = {b"metadata": (1,), b"outputs": (3, 5), b"attachments": (3, 5)}


def _without_outputs(data, name):
    """The notebook with `null` for what is not needed, found without parsing; bounded in bytes, depth and elements."""
    kept, begin, depth, dropping = [], 0, 0, None
    for count, token in enumerate(_TOKEN.finditer(data)):
        if count > MAX_TOKENS or (dropping is None and depth > MAX_DEPTH):
            raise Unreadable(
                f"{name} holds too many or too deeply nested values: clear its outputs "
                "(Edit, Clear Outputs of All Cells), save it and hand it in again."
            )
        what = token.lastindex
        if what == _OPENS:
            depth += 1
        elif what == _IS_QUOTE:
            raise Unreadable(_cut_off(name))
        elif what in (_CLOSES, _IS_LEAF):
            depth -= what == _CLOSES
            if depth == dropping:
                kept.append(b"null")
                begin, dropping = token.end(), None
        elif what == _IS_KEY and dropping is None and _drops(token, depth, data):
            kept.append(data[begin : token.end()])
            dropping = depth
    if dropping is not None:
        raise Unreadable(_cut_off(name))
    rest = b"".join([*kept, data[begin:]])
    _bound(rest, name)
    return rest


def _drops(token, depth, data):
    """Whether the value of a key is not needed. One that is no list or object is short, and stays."""
    following = data[token.end() : token.end() + 100].lstrip()[:1]
    return depth in _DROPPED[token[1].split(b'"')[1]] and following in (b"[", b"{")


def _cut_off(name):
    return f"{name} is cut off: it ends in the middle. Save it in JupyterLab, look at its size, and hand it in again."


def _bound(rest, name):
    if len(rest) > MAX_REST:
        raise Unreadable(
            f"{name} has {len(rest) / 1e6:.0f} MB without its outputs, at most {MAX_REST / 1e6:.0f} are read: "
            "keep data and pictures in files beside it."
        )
    bare, texts = _ANY_STRING.subn(b"", rest, MAX_ELEMENTS)
    if texts + sum(bare.count(sign) for sign in (b",", b"[", b"{")) > MAX_ELEMENTS:
        raise Unreadable(
            f"{name} holds more than {MAX_ELEMENTS:,} values without its outputs; no notebook needs those."
        )


# --- JSON ------------------------------------------------------------------------------------------------------------


def _text(rest, notes):
    """Decode: UTF-8, or what is left of it, or an 8-bit encoding, whichever explains more of the bytes."""
    try:
        return rest.decode("utf-8")
    except UnicodeDecodeError:
        text = rest.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = len(text) - len(rest.translate(None, bytes(range(128, 256)))) - bad
    if good >= bad:
        notes.append("The file was not valid UTF-8; the characters that could not be read were replaced.")
        return text
    notes.append("The file was in Latin-1 (Windows) instead of UTF-8; it was converted.")
    try:
        return rest.decode("cp1252")
    except UnicodeDecodeError:
        return rest.decode("latin-1")


def _parse(rest, name, notes):
    """The notebook as a dict. Numbers do not matter, so they are not made."""
    text = _text(rest, notes)
    twice = []

    def unique(pairs):
        fields = dict(pairs)
        if len(fields) < len(pairs):
            twice.append(True)
        return fields

    decoder = json.JSONDecoder(
        object_pairs_hook=unique, parse_float=_nothing, parse_int=_small, parse_constant=_nothing, strict=False
    )
    try:
        tree = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(_not_json(text, error, name)) from None
    if twice:
        notes.append("The file held a key twice in one place; the last one counts.")
    if not isinstance(tree, dict):
        raise Unreadable(f"{name} is not a notebook: it holds a JSON {_json_type(tree)} and not an object with cells.")
    return tree


def _nothing(_):
    return None


def _small(digits):
    return int(digits) if len(digits) < 10 else None  # int() of many digits is slow, or refused


def _json_type(tree):
    return {list: "list", str: "text", bool: "constant"}.get(type(tree), "number or constant")


def _not_json(text, error, name):
    if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
        return f"{name} holds the marks of a merge conflict (<<<<<<<): mend it with git, open it, save it."
    if error.pos >= len(text.rstrip()):
        return _cut_off(name)
    if not text.lstrip().startswith("{"):
        return f"{name} is not a notebook: its content is not JSON. Hand in the .ipynb file that JupyterLab saved."
    return (
        f"{name} is damaged: {error.msg} near {shown(text[error.pos : error.pos + 30])}. "
        "Open it in JupyterLab; if it does not open, hand in a copy from File, Revert or your backup."
    )


# --- cells -----------------------------------------------------------------------------------------------------------


def _cells(tree, name, notes):
    """The cells, of nbformat 4 or 3."""
    found = tree.get("cells")
    if not isinstance(found, list):
        sheets = tree.get("worksheets")
        if not isinstance(sheets, list):
            raise Unreadable(
                f"{name} is not a notebook: it has no list of cells. Hand in the file that JupyterLab saved."
            )
        notes.append("The notebook is in the old format 3; it was converted.")
        lists = [s["cells"] for s in sheets if isinstance(s, dict) and isinstance(s.get("cells"), list)]
        found = [cell for cells in lists for cell in cells]
    if len(found) > MAX_CELLS:
        raise Unreadable(f"{name} has {len(found):,} cells; at most {MAX_CELLS:,} are read.")
    for number, cell in enumerate(found, 1):
        if isinstance(cell, dict):
            yield _cell(cell, number, name, notes)
        else:
            notes.append(f"Cell {number} was no cell; it was left out.")


_KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}


def _cell(cell, number, notebook, notes):
    given = cell.get("cell_type")
    kind = _KINDS.get(given) if isinstance(given, str) else None
    if kind is None:
        kind = "code" if "outputs" in cell or "execution_count" in cell else "raw"
        notes.append(f"Cell {number} had no known type; it was taken as {kind}.")
    source = _source(cell.get("source", cell.get("input", "")), number, notes)
    if given == "heading":
        level = cell.get("level")
        source = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
    if len(source) > MAX_SOURCE:
        if kind == "code":
            raise Unreadable(
                f"Cell {number} of {notebook} holds {len(source):,} characters, at most {MAX_SOURCE:,} are read: "
                "keep data in a file beside the notebook."
            )
        notes.append(f"The text of cell {number} was left out: it has {len(source):,} characters.")
        source = ""
    return Cell(kind, source, _name(cell, number, notes))


_NO_TEXT = re.compile("[\ud800-\udfff]")


def _source(given, number, notes):
    if isinstance(given, list):
        lines = [line for line in given if isinstance(line, str)]
        if len(lines) < len(given):
            notes.append(f"Cell {number} held something that is no text; it was left out.")
        given = "".join(lines)
    if not isinstance(given, str):
        notes.append(f"The text of cell {number} was no text; it was taken as empty.")
        return ""
    text = _NO_TEXT.sub("\ufffd", given.replace("\r\n", "\n").replace("\r", "\n"))
    if "\0" in text:
        notes.append(f"Cell {number} held null characters; they were removed.")
    return text.replace("\0", "")


def _name(cell, number, notes):
    """The cell's grade_id, or None."""
    metadata = cell.get("metadata", {})
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else metadata
    if mark is None or mark == {}:
        return None
    name = mark.get("grade_id") if isinstance(mark, dict) else None
    if isinstance(name, str) and 0 < len(name) <= MAX_NAME and not _NO_TEXT.search(name):
        return name
    notes.append(f"Cell {number} had nbgrader metadata without a usable name; it was taken as a cell without name.")
    return None


# --- the folder ------------------------------------------------------------------------------------------------------

MAX_ENTRIES = 200
MAX_LISTED = 2_000  # entries of one directory that are looked at
MAX_LEVELS = 4
MAX_FILE = 10_000_000  # bytes of one file beside the notebook
MAX_FILES = 20_000_000  # bytes of all of them
MAX_CANDIDATES = 8  # notebooks that are read when the right one is looked for

_ALLOWED = re.compile(r"[A-Za-z0-9_(][A-Za-z0-9_()+\-., ]{0,99}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_NO_FILES = (".so", ".pyd", ".dll", ".dylib", ".pyc", ".pyo", ".pth", ".egg-link", ".ipynb")
_STARTUP = {"sitecustomize", "usercustomize", "ipykernel_launcher", "conftest", "pytest", "__main__", "__init__"}


def read_folder(path, notebook_name, known_names, untouched=None):
    """Read one student's folder for one assignment.

    Parameters
    ----------
    path : path of the folder
    notebook_name : str, e.g. "A1" or "A1.ipynb"
    known_names : the grade_ids of the master's cells, by which a renamed notebook is recognised
    untouched : function from Submitted to bool: whether it holds no work; then one with work is preferred

    Returns
    -------
    Folder; `files` by relative POSIX path.

    Raises
    ------
    Unreadable : the folder or its notebook cannot be read; and nothing else.
    """
    wanted = notebook_name if notebook_name.endswith(".ipynb") else f"{notebook_name}.ipynb"
    if os.open not in os.supports_dir_fd:
        raise Unreadable(
            "This platform cannot read a folder without following links: collect and grade on Linux or macOS."
        )
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is no path"
        raise Unreadable(
            f"The folder that should hold {wanted} cannot be opened: {why}. It may not be a link."
        ) from None
    notes = []
    try:
        entries = list(_walk(top, "", 1, notes, [MAX_ENTRIES]))
        name, notebook = _choose(top, wanted, entries, frozenset(known_names), untouched, notes)
        files = _files(top, [e for e in entries if e != name], name, wanted, notes)
    except OSError as error:
        raise Unreadable(f"The folder that holds {wanted} cannot be read: {error.strerror}.") from None
    finally:
        os.close(top)
    return Folder(notebook, name, files, capped(notes))


def _walk(directory, prefix, level, notes, left):
    """Relative paths of the regular files below the descriptor `directory`, sorted; links and the like make notes."""
    with os.scandir(directory) as listing:
        names = sorted(entry.name for entry, _ in zip(listing, range(MAX_LISTED), strict=False))
    for name in names:
        if left[0] == 0:
            notes.append(f"The folder holds more than {MAX_ENTRIES} entries; the rest were left out.")
            return
        left[0] -= 1
        path = prefix + name
        try:
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode):
            yield path
        elif not stat.S_ISDIR(mode):
            notes.append(f"{shown(path)} was left out: it is a link or a special file.")
        elif refusal(path + "/"):
            notes.append(f"{shown(path)}/ was left out: {refusal(path + '/')}.")
        elif level >= MAX_LEVELS:
            notes.append(f"{shown(path)}/ was left out: it lies deeper than {MAX_LEVELS} levels.")
        else:
            with _opened(name, directory, os.O_DIRECTORY) as below:
                if below is not None:
                    yield from _walk(below, path + "/", level + 1, notes, left)


@contextlib.contextmanager
def _opened(name, directory, flags=0):
    """A descriptor of `name` in `directory`, or None where it is not what it was; never through a link."""
    try:
        flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        found = os.open(name, flags, dir_fd=directory)
    except OSError:
        found = None
    try:
        yield found
    finally:
        if found is not None:
            os.close(found)


def _read(top, path, limit):
    """The bytes of a regular file with one name below `top`, or a str: why not."""
    *folders, name = path.split("/")
    with contextlib.ExitStack() as stack:
        directory = top
        for folder in folders:
            directory = stack.enter_context(_opened(folder, directory, os.O_DIRECTORY))
            if directory is None:
                return "it could not be opened"
        found = stack.enter_context(_opened(name, directory))
        status = os.fstat(found) if found is not None else None
        if status is None or not stat.S_ISREG(status.st_mode):
            return "it could not be opened, or is a link or a special file"
        if status.st_nlink > 1:
            return "it is a hard link to a file that has another name as well; copy it"
        if status.st_size > limit:
            return f"it has {status.st_size / 1e6:.1f} MB, at most {limit / 1e6:.1f} are taken"
        with open(found, "rb", closefd=False) as stream:
            data = stream.read(limit + 1)
        return data if len(data) <= limit else "it grew while it was read"


def _choose(top, wanted, entries, known, untouched, notes):
    """The name and the bytes of the notebook: the exact name, or what is recognised by its cells' names."""
    best = exact = _candidate(top, wanted, known, untouched)
    others = []
    if exact.rank < (1, 1):
        names = sorted((e for e in entries if e.lower().endswith(".ipynb") and e != wanted), key=_natural)
        if len(names) > MAX_CANDIDATES:
            notes.append(f"Of {len(names)} other notebooks only {MAX_CANDIDATES} were looked at.")
        others = [_candidate(top, name, known, untouched) for name in names[-MAX_CANDIDATES:]]
        best = max([*others, exact], key=lambda c: (c.rank, c is exact, c.overlap, _natural(c.name)))
    data = _read(top, best.name, MAX_NOTEBOOK)
    alone = best is exact or len(others) == 1 and not exact.there
    if best.problem or isinstance(data, str) or (best.rank == (0, 0) and not alone):
        raise Unreadable(_none(exact, wanted, entries))
    if best is not exact:
        _tell(exact, best, others, wanted, notes)
    return best.name, data


@dataclass(frozen=True)
class _Candidate:
    name: str
    there: bool
    problem: str  # why it cannot be used, a sentence, or ""
    overlap: int = 0  # how many of the master's names it has
    worked: bool = False  # whether it holds work

    @property
    def rank(self):
        """(has work, is this assignment's); unreadable ones come last."""
        if self.problem:
            return (-1, 0)
        return (int(self.worked and self.overlap > 0), int(self.overlap > 0))


def _candidate(top, name, known, untouched):
    try:
        os.stat(name, dir_fd=top, follow_symlinks=False)
    except OSError:
        return _Candidate(name, False, "is not there")
    data = _read(top, name, MAX_NOTEBOOK)
    if isinstance(data, str):
        return _Candidate(name, True, f"{name} could not be taken: {data}.")
    try:
        submitted = read_notebook(data, name)
    except Unreadable as error:
        return _Candidate(name, True, str(error))
    overlap = len({c.name for c in submitted.cells} & known)
    return _Candidate(name, True, "", overlap, untouched is None or not untouched(submitted))


def _natural(name):
    """Sort key: numbers by value, so that "A1 (10).ipynb" follows "A1 (9).ipynb"."""
    return [(part.zfill(20) if part.isdigit() else part) for part in re.split(r"([0-9]+)", name.lower())]


def _none(exact, wanted, entries):
    if exact.there and exact.problem:
        return exact.problem
    there = ", ".join(shown(e) for e in entries[:10]) or "nothing"
    return (
        f"The folder holds no notebook {wanted}, only {there}. Save the notebook under that name and hand it in again."
    )


def _tell(exact, best, others, wanted, notes):
    if not exact.there:
        why = f"there is no {wanted}"
    elif exact.problem:
        why = f"{wanted} could not be read"
    else:
        why = f"{wanted} holds no work" if exact.overlap else f"{wanted} is another notebook"
    notes.append(f"{shown(best.name)} was taken as the notebook: {why}.")
    equal = [shown(c.name) for c in others if c is not best and c.rank == best.rank == (1, 1)]
    if equal:
        notes.append(f"Other notebooks hold work as well and were not graded: {', '.join(equal)}.")


def _files(top, paths, notebook, wanted, notes):
    """The files that may come along, by their path as seen from the notebook's folder."""
    files, folded, left = {}, set(), MAX_FILES
    beside = notebook[: notebook.rfind("/") + 1]
    for path in paths:
        target = path.removeprefix(beside)
        if target in ("timestamp.txt", wanted.removesuffix(".ipynb") + ".checks.json"):
            continue  # the receipt's time and the expected values are never the student's
        why = refusal(target) or ("a file of nearly this name came first" if target.lower() in folded else None)
        data = why or _read(top, path, min(MAX_FILE, left))
        if isinstance(data, str):
            notes.append(f"{shown(path)} was left out: {data}.")
        else:
            files[target] = data
            folded.add(target.lower())
            left -= len(data)
    return files


def refusal(path):
    """Why a relative path may not come along, or None. A path that ends in "/" is a folder's."""
    *folders, name = path.split("/")
    for part in path.removesuffix("/").split("/"):
        if part.startswith("."):
            return "hidden files stay behind"
        if not _ALLOWED.fullmatch(part) or part[-1] in ". " or ".." in part:
            return "its name may have letters of ASCII, digits and _ ( ) + - . , only, and at most 100 of them"
        if _RESERVED.fullmatch(part):
            return "its name is reserved on Windows"
    if name.lower().endswith(_NO_FILES):
        return f"files ending in {name[name.rindex('.') :]} stay behind"
    top = folders[0] if folders else name.partition(".")[0] if name.lower().endswith((".py", ".pyw", ".pyi")) else ""
    if top and (_importable(top) or _importable(top.lower())):
        return f"it would hide the module {top}; give it another name"
    return None


@lru_cache(maxsize=4096)
def _importable(name):
    """Whether `import name` finds something here, without importing it. Folders without code do not count."""
    if name in sys.stdlib_module_names or name in sys.builtin_module_names or name in _STARTUP:
        return True
    if not name.isidentifier():
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return True  # something of that name is loaded, in a strange way
    return spec is not None and spec.origin is not None
