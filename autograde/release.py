"""Release an assignment: nbgrader's student version, a bundle to hand out, and a proof that no answer is in either.

The proof searches every file, and whatever is packed or encoded in it, for fragments of what must not get out: lines,
statements and functions of solution regions, hidden tests, mark schemes and of the bank's wrong and right answers, the
names and sentences of the bank. What also stands in the visible part of the source notebook is no secret. A release
that fails its proof replaces nothing.
"""

import ast
import base64
import binascii
import bz2
import copy
import functools
import gzip
import hashlib
import html
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import urllib.parse
import warnings
import zipfile
import zlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .assignment import RELEASED, grade_id
from .errors import AutogradeError
from .files import exchange, private_folder, write_atomically

SHORTEST = 12  # characters; shorter lines are too common to be a secret
SMALLEST = 12  # nodes of a function's syntax tree; `return None` and the like are no secret
DEEPEST = 6  # archives and encodings in one another
LARGEST = 256 * 2**20  # bytes, of everything that a release unpacks to
REGIONS = {"SOLUTION": "solution", "HIDDEN TESTS": "hidden test", "MARK SCHEME": "mark scheme"}
MARKER = re.compile(rf"(BEGIN|END) ({'|'.join(REGIONS)})")
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}(?:\r?\n[ \t]*[A-Za-z0-9+/_-]+)*={0,2}")
HEX = re.compile(r"(?:[0-9a-fA-F]{2}){12,}")
ESCAPED = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|[nrt\"'\\])")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can state


class ReleaseError(AutogradeError):
    """A release that fails its proof, in `proof`, or that cannot be made."""

    def __init__(self, says, proof=None):
        super().__init__(says)
        self.proof = proof


@dataclass(frozen=True)
class Secret:
    """A fragment that must not get out.

    kind : "solution", "hidden test", "mark scheme", "wrong answer", "right answer", "name", "sentence" or "marker"
    form : "text", without white space; "statement", as `ast.unparse` writes it; "function", with its own names renamed
    place : str, where it comes from, e.g. "cell layer, line 8"
    """

    kind: str
    form: str
    place: str
    key: str


@dataclass(frozen=True)
class Leak:
    """A secret that was found, or something that cannot be searched: kind, file, where in it, and a sentence."""

    kind: str
    file: str
    says: str


@dataclass(frozen=True)
class Proof:
    """What was searched for, in what, and what was found.

    fragments : dict from kind of secret to the number of its fragments
    files : dict from file to its size in bytes
    texts : int, all the texts that were searched: files, strings in them, what is packed or encoded in them
    digest : str, SHA-256 of the bundle
    """

    assignment: str
    digest: str
    fragments: dict
    files: dict
    texts: int
    found: tuple[Leak, ...]

    @property
    def clean(self):
        """Whether nothing was found."""
        return not self.found


@dataclass(frozen=True)
class Release:
    """A release: the student version's folder, the bundle, its release notes, and the proof."""

    assignment: str
    folder: Path
    bundle: Path
    notes: Path
    files: dict  # name -> SHA-256
    proof: Proof


# Making a release


def make_release(assignment, root, target):
    """Make the student version in root/assignments, and the bundle <name>.zip with its release notes in `target`.

    nbgrader writes the student version aside first (and the assignment into the gradebook); it takes its place once
    the proof holds.

    Parameters
    ----------
    assignment : Assignment, whose source lies in the course directory
    root : path of the course directory
    target : path of the folder for the bundle

    Returns
    -------
    Release

    Raises
    ------
    ReleaseError : nbgrader failed, or the proof found something; the earlier release stands.
    """
    root, target, name = Path(root), Path(target), assignment.name
    aside = private_folder(root, "release")
    made = aside / name
    shutil.rmtree(made, ignore_errors=True)
    try:
        _generate(root, name, aside)
        data = bundle_bytes(made, name)
        proof = _prove([(f"{name}.zip", data), *_files(made)], assignment, data)
        if not proof.clean:
            raise ReleaseError(_refusal(proof), proof)
        target.mkdir(parents=True, exist_ok=True)
        files = {file: hashlib.sha256(text).hexdigest() for file, text in _files(made)}
        write_atomically(target / f"{name}.zip", data)
        notes = target / f"{name}.release.json"
        write_atomically(notes, release_notes(assignment, data, files, proof))
        folder = _replace(root / "assignments" / name, made)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Release(name, folder, target / f"{name}.zip", notes, files, proof)


def _generate(root, name, aside):
    where = f"--CourseDirectory.release_directory={aside.relative_to(root).as_posix()}"
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", name, "--create", "--force", where]
    environment = os.environ | {"JUPYTER_PLATFORM_DIRS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode or not (aside / name).is_dir():
        told = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ReleaseError(f"nbgrader generate_assignment {name} ended with {done.returncode}:\n{told}")


def _replace(folder, made):
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        exchange(made, folder)  # the old one then lies aside, and goes
    else:
        os.rename(made, folder)
    return folder


def _refusal(proof):
    first = " ".join(leak.says for leak in proof.found[:3])
    return f"{proof.assignment} was not released: {len(proof.found)} findings. {first}"


def bundle_bytes(folder, name):
    """A folder as a zip, equal byte for byte wherever and whenever it is made.

    Files are stored, not deflated: what deflating gives depends on the library and its version.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for file, data in _files(folder):
            info = zipfile.ZipInfo(f"{name}/{file}", EPOCH)
            info.create_system, info.external_attr = 3, 0o100644 << 16  # as on Unix, on any system
            archive.writestr(info, data)
    return stream.getvalue()


def _files(folder):
    """Names and contents of the files below a folder, sorted.

    Raises
    ------
    ReleaseError : a link is among them.
    """
    folder, found = Path(folder), []
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        if path.is_symlink():
            raise ReleaseError(f"{path} is a link; a release holds plain files.")
        if path.is_file():
            found.append((path.relative_to(folder).as_posix(), path.read_bytes()))
    return found


def release_notes(assignment, data, files, proof):
    """The release notes, as JSON: what is in the bundle, its digest, and the proof. The same release has the same."""
    notes = {
        "assignment": assignment.name,
        "title": assignment.title,
        "points": assignment.points,
        "manual_points": assignment.manual_points,
        "bundle": {"file": f"{assignment.name}.zip", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
        "files": {name: {"sha256": digest} for name, digest in sorted(files.items())},
        "proof": asdict(proof) | {"clean": proof.clean},
    }
    return (json.dumps(notes, indent=1, ensure_ascii=False) + "\n").encode()


# The proof


def prove(bundle, assignment, folder=None):
    """Search a bundle, and the folder of a release, for anything of the assignment that must not get out.

    Parameters
    ----------
    bundle : path of the zip
    assignment : Assignment
    folder : path of the student version, e.g. root/assignments/A1; searched too where given

    Returns
    -------
    Proof
    """
    data = Path(bundle).read_bytes()
    return _prove([(Path(bundle).name, data), *(_files(folder) if folder else ())], assignment, data)


def _prove(files, assignment, data):
    wanted = secrets(assignment)
    search = Search(assignment.name, wanted, says_of(assignment))
    for file, content in files:
        search.file(file, content)
    counts = Counter(s.kind for s in wanted)
    sizes = {file: len(content) for file, content in files}
    digest = hashlib.sha256(data).hexdigest()
    return Proof(assignment.name, digest, dict(sorted(counts.items())), sizes, search.texts, tuple(search.found))


def squeeze(text):
    """The text without white space and without escape sequences of terminals."""
    return re.sub(r"\s+", "", ANSI.sub("", text))


def says_of(assignment):
    """What the checks file may hold and no other: names and sentences of wrong answers, squeezed."""
    wrong = [a for e in assignment.exercises for a in e.answers if not a.right]
    return "\n".join(squeeze(text) for a in wrong for text in (f"{a.exercise}: {a.name}", a.says))


def secrets(assignment):
    """Every fragment that must not get out, without those that stand in the visible part of the source notebook."""
    found, visible = [], []
    for number, cell in enumerate(assignment.notebook.cells):
        place = f"cell {grade_id(cell) or number + 1}"
        shown, hidden = split_cell(cell)
        visible.append((shown, cell.cell_type == "code"))
        found += _text_secrets(cell.source, hidden, place)
        if cell.cell_type == "code":
            found += [Secret(k, form, p, key) for k, p, form, key in _code_secrets(cell.source, hidden, place)]
    for exercise in assignment.exercises:
        for answer in exercise.answers:
            found += _bank_secrets(answer)
    text = squeeze("\n".join(shown for shown, _ in visible))
    forms = {pair for shown, code in visible if code for pair in code_forms(shown)}
    kept = {
        (s.form, s.key): s for s in reversed(found) if (s.form, s.key) not in forms and not _stands(s, text)
    }  # the first of several equal ones
    return tuple(reversed(kept.values()))


def _stands(secret, text):
    return secret.form == "text" and secret.key in text


def split_cell(cell):
    """What students see of a cell's source, and the kinds of its other lines by line number, from 1.

    A region becomes `...`, so that code still parses. A solution cell without a region is a solution as a whole.
    """
    shown, hidden, kind = [], {}, None
    for number, line in enumerate(cell.source.split("\n"), 1):
        if mark := MARKER.search(line):
            kind = REGIONS[mark[2]] if mark[1] == "BEGIN" else None
            hidden[number] = "marker"
            shown += [line[: len(line) - len(line.lstrip())] + "..."] if kind else []
        elif kind:
            hidden[number] = kind
        else:
            shown.append(line)
    marks = cell.metadata.get("nbgrader", {})
    if marks.get("solution") and "solution" not in hidden.values():
        return "", {n: "solution" for n in range(1, len(cell.source.split("\n")) + 1)}
    return "\n".join(shown), hidden


def _text_secrets(source, hidden, place):
    lines = source.split("\n")
    for number, kind in hidden.items():
        key = squeeze(MARKER.search(lines[number - 1])[0] if kind == "marker" else lines[number - 1])
        if len(" ".join(lines[number - 1].split())) >= SHORTEST:
            yield Secret(kind, "text", f"{place}, line {number}", key)


def _code_secrets(source, hidden, place):
    for form, key, first, last in _forms(source):
        kinds = [hidden[n] for n in range(first, last + 1) if hidden.get(n, "marker") != "marker"]
        if kinds:
            yield kinds[0], f"{place}, line {first}", form, key


def _bank_secrets(answer):
    kind, place = ("right answer" if answer.right else "wrong answer"), f"bank, {answer.exercise}: {answer.name}"
    lines = {n: kind for n in range(1, len(answer.source.split("\n")) + 1)}
    yield from _text_secrets(answer.source, lines, place)
    for form, key, first, _ in _forms(answer.source):
        yield Secret(kind, form, f"{place}, line {first}", key)
    for name in (f"{answer.exercise}: {answer.name}", f"%% {'right' if answer.right else 'wrong'}: {answer.name}"):
        yield Secret("name", "text", place, squeeze(name))
    if len(answer.says) >= SHORTEST:
        yield Secret("sentence", "text", place, squeeze(answer.says))


# Code, whatever its layout


@functools.lru_cache(maxsize=8192)  # the bundle holds the same cells as the folder
def code_forms(source):
    """The normal forms of a source's statements and functions, as pairs of form and key."""
    return frozenset((form, key) for form, key, _, _ in _forms(source))


@functools.lru_cache(maxsize=8192)
def _forms(source):
    """Form, key, first and last line of each statement and function; nothing where the source does not parse."""
    found = []
    for node in ast.walk(_parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            if sum(1 for _ in ast.walk(node)) >= SMALLEST:
                found.append(("function", function_form(node), node.lineno, node.end_lineno))
        elif isinstance(node, ast.stmt) and not hasattr(node, "body"):
            key = squeeze(ast.unparse(node))
            if len(key) >= SHORTEST:
                found.append(("statement", key, node.lineno, node.end_lineno))
    return tuple(found)


def _parse(source):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def function_form(node):
    """A function or class without its docstrings, annotations, comments and layout, its own names renamed in order."""
    fresh = copy.deepcopy(node)
    own = {}
    for part in ast.walk(fresh):
        for name in _bound(part):
            own.setdefault(name, f"v{len(own)}")
    return ast.dump(_Renamed(own).visit(fresh))


def _bound(node):
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name


class _Renamed(ast.NodeTransformer):
    def __init__(self, names):
        self._names = names

    def visit(self, node):
        self.generic_visit(node)
        for attribute in () if isinstance(node, ast.keyword) else ("id", "arg", "name"):
            if isinstance(getattr(node, attribute, None), str):
                setattr(node, attribute, self._names.get(getattr(node, attribute), getattr(node, attribute)))
        for attribute in ("annotation", "returns", "type_comment"):
            if hasattr(node, attribute) and not isinstance(node, ast.AnnAssign):
                setattr(node, attribute, None)
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
        return node


def pieces(text):
    """What of a text may be code: all of it, each definition with its lines, each likely line without its prompt."""
    yield text
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if len(line) >= SHORTEST and re.search(r"[=(]|\breturn\b", line):
            yield re.sub(r"^[\s>#.$|*]+", "", line)
        if found := re.match(r"(\s*)(?:async +def|def|class)\b", line):
            body = [line]
            for below in lines[i + 1 :]:
                if below.strip() and len(below) - len(below.lstrip()) <= len(found[1]):
                    break
                body.append(below)
            yield textwrap.dedent("\n".join(body))


# Searching


@dataclass
class Search:
    """A search for the secrets of an assignment: what was found, and how many texts were searched."""

    name: str
    secrets: tuple[Secret, ...]
    permitted: str  # in the checks file alone
    found: list[Leak] = field(default_factory=list)
    texts: int = 0

    def __post_init__(self):
        self._plain = [s for s in self.secrets if s.form == "text"]
        self._code = {(s.form, s.key): s for s in self.secrets if s.form != "text"}
        self._seen, self._told, self._left = set(), set(), LARGEST

    def file(self, file, data):
        """Search one file of a release, or its bundle."""
        if file == f"{self.name}.zip":
            self._bundle(file, data)
        else:
            self._released(file, file, data)

    def _bundle(self, file, data):
        """Each member is a released file; what stands between them, and in comments, is searched as well."""
        rest = data
        for name, content in self._members(file, "the zip", data, comments=False):
            rest = rest.replace(content, b"\0", 1)
            self._released(f"{file}/{name}", name.removeprefix(f"{self.name}/"), content)
        self._bytes(file, "beside its files", rest, 0, packed=False)

    def _released(self, file, name, data):
        self._text(file, "its name", name, 0)
        if name not in {pattern.format(name=self.name) for pattern in RELEASED}:
            self._tell("file", file, f"{file} is no file of a release; take it out.")
        if name.endswith(".ipynb"):
            self._outputs(file, data)
        self._bytes(file, "its text", data, 0)

    def _outputs(self, file, data):
        try:
            cells = json.loads(data)["cells"]
            carrying = [n for n, c in enumerate(cells, 1) if c.get("outputs")]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._tell("unreadable", file, f"{file} is no notebook that can be read.")
            return
        for number in carrying:
            self._tell("output", file, f"{file}: cell {number} carries outputs; a release has none.")

    def _tell(self, kind, file, says):
        if says not in self._told:
            self._told.add(says)
            self.found.append(Leak(kind, file, says))

    def _bytes(self, file, where, data, depth, packed=True):
        """Search bytes: unpack what is packed, read the rest as text."""
        self._left -= len(data)
        if depth > DEEPEST or self._left < 0:
            self._tell("unreadable", file, f"{file}: {where} is packed too deep or too large to be searched.")
            return
        inside = self._unpack(file, where, data) if packed else None
        if inside is None:
            for text in _decoded(data):
                self._text(file, where, text, depth)
            return
        for name, content in inside:
            self._text(file, where, name, depth)
            self._bytes(file, f"{where}, {name}", content, depth + 1)

    def _unpack(self, file, where, data):
        """The named contents of an archive or of packed data; None for anything else."""
        if data.startswith(b"PK\3\4"):
            return list(self._members(file, where, data))
        openers = {b"\x1f\x8b": gzip.open, b"BZh": bz2.BZ2File, b"\xfd7zXZ\0": lzma.LZMAFile}
        for magic, opener in openers.items():
            if data.startswith(magic):
                return self._stream(file, where, lambda opener=opener: opener(io.BytesIO(data)).read(self._left + 1))
        if data[257:262] == b"ustar":
            return self._tar(file, where, data)
        if data[:1] == b"\x78" and len(data) > 8 and (data[0] * 256 + data[1]) % 31 == 0:
            try:
                return [("unpacked", zlib.decompressobj().decompress(data, self._left + 1))]
            except zlib.error:
                return None  # the two bytes of the magic stand in plain data too
        return None

    def _stream(self, file, where, read):
        try:
            return [("unpacked", read())]
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            self._tell("unreadable", file, f"{file}: {where} is packed and cannot be unpacked ({error}).")
            return None

    def _tar(self, file, where, data):
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                return [(m.name, archive.extractfile(m).read(self._left + 1)) for m in archive if m.isreg()]
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            self._tell("unreadable", file, f"{file}: {where} is a tar that cannot be read ({error}).")
            return None

    def _members(self, file, where, data, comments=True):
        """Names and contents of a zip's members, and its comments."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for info in archive.infolist():
                    with archive.open(info) as member:
                        yield info.filename, member.read(self._left + 1)
                    if comments:
                        yield f"comment of {info.filename}", info.comment + info.extra
                if comments:
                    yield "comment", archive.comment
        except Exception as error:  # noqa: BLE001 - zipfile raises whatever it stumbles over in damaged files
            self._tell("unreadable", file, f"{file}: {where} is a zip that cannot be read ({error}).")

    def _text(self, file, where, text, depth):
        """Search a text as it stands, its strings if it is JSON, and what is encoded in it."""
        key = file, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if len(text) < SHORTEST or key in self._seen:
            return
        self._seen.add(key)
        self.texts += 1
        strings = _strings(text)
        self._look(file, where, text, code=strings is None)
        if depth > DEEPEST:
            return
        if strings is not None:  # whatever it holds, one of its strings does
            for path, value in strings:
                self._text(file, f"{where}, {path}", value, depth + 1)
            return
        for other in _unescaped(text):
            self._text(file, f"{where}, unescaped", other, depth + 1)
        for data in _encoded(text):
            self._bytes(file, f"{where}, encoded", data, depth + 1)

    def _look(self, file, where, text, code):
        squeezed = squeeze(text)
        checks = file.endswith(f"{self.name}.checks.json")
        for secret in self._plain:
            if secret.key in squeezed and not (checks and secret.key in self.permitted):
                self._report(file, where, secret)
        for piece in pieces(text) if code and self._code else ():
            for pair in code_forms(piece) & self._code.keys():
                self._report(file, where, self._code[pair])

    def _report(self, file, where, secret):
        if (file, secret.place, secret.kind) not in self._told:
            self._told.add((file, secret.place, secret.kind))
            told = f"{file} ({where}) holds a {secret.kind}: {secret.place}, as {secret.form}."
            self.found.append(Leak(secret.kind, file, told))


def _decoded(data):
    """The texts that bytes may stand for."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data.count(0) > len(data) // 4 > 0:
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            yield data.decode(encoding, "ignore")
    try:
        yield data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield data.decode("latin-1")


def _strings(text):
    """The strings of a JSON text with their paths, and lists of strings as one, as notebooks have their sources.

    None for a text that is no JSON.
    """
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return None
    try:
        todo, found = [("", json.loads(text))], []
    except (ValueError, RecursionError):
        return None
    while todo:
        path, value = todo.pop()
        if isinstance(value, str):
            found.append((path, value))
        elif isinstance(value, dict):
            found += [(path, key) for key in value]
            todo += [(f"{path}/{key[:30]}", inner) for key, inner in value.items()]
        elif isinstance(value, list):
            if len(value) > 1 and all(isinstance(v, str) for v in value):
                found += [(path, "".join(value)), (path, "\n".join(value))]
            todo += [(f"{path}/{i}", v) for i, v in enumerate(value) if not isinstance(v, int | float)]
    return found


def _unescaped(text):
    """The text with entities of HTML, percent signs of addresses, or escapes of string literals undone."""
    for other in (html.unescape(text), urllib.parse.unquote(text) if "%" in text else text):
        if other != text:
            yield other
    if ESCAPED.search(text):
        yield ESCAPED.sub(lambda m: m[0].encode().decode("unicode_escape", "ignore"), text)


def _encoded(text):
    """The bytes that runs of base64 or hexadecimal digits in a text stand for, where those are text or packed."""
    for run in HEX.findall(text):
        data = bytes.fromhex(run)
        if _speaks(data):
            yield data
    for run in BASE64.findall(text):
        run = re.sub(r"\s+", "", run).rstrip("=").replace("-", "+").replace("_", "/")
        for start in range(4):  # letters of a word before it may stand in front
            part = run[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            try:
                data = base64.b64decode(part + "=" * (-len(part) % 4))
            except binascii.Error:
                continue
            if _speaks(data):
                yield data


def _speaks(data):
    """Whether bytes are packed, or text that has white space or letters enough to be some."""
    if data.startswith(
        (b"PK\3\4", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
    ):
        return True
    if data[257:262] == b"ustar" or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:  # letters before the run may have spoilt its first bytes
        plain = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in data)
        return plain > 0.7 * len(data) or data.count(0) > len(data) // 3
    return text.isprintable() or bool(re.search(r"[\n\t ]", text))
