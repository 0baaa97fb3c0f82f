"""Receipts: a hash-chained record of every grade that was given, and the bundles that a replay needs.

.autograde/receipts/<assignment>.jsonl    one line for each recorded grade, only ever appended to
.autograde/receipts/<assignment>.head     number and hash of the last line, so that a shortened chain shows
.autograde/receipts/<assignment>.torn     what a crash left half written, set aside
.autograde/receipts/bundles/<aa>/<digest>.json.gz    plans as JSON, by content

A line is the canonical JSON of {n, previous, entry, hash}, where hash = SHA-256 of the canonical JSON of the other
three and previous is the hash of the line before. So no line can be changed, removed, moved or inserted without a
break. Who can write to this folder can still make up a whole new chain: write the head down elsewhere, and `verify`
against it.
"""

import contextlib
import functools
import gzip
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import zlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .errors import AutogradeError
from .files import NAME, locked, private, private_folder, sync_folder, write_atomically

PACKAGES = ("edf-course", "numpy", "scipy", "nbgrader", "nbformat")  # whose versions can change a grade
LONGEST_BUNDLE = 256 * 2**20  # bytes of JSON
DIGEST = re.compile(r"[0-9a-f]{64}")


class ReceiptError(AutogradeError):
    """A chain that cannot be appended to, or a bundle that is not what its name says."""


@dataclass(frozen=True)
class Entry:
    """What one recorded grade depended on, and what came out.

    time : str, ISO 8601 in UTC
    notebook : str, SHA-256 of the bytes that were handed in
    plan, master, key : str, digests of the Plan and the Master, and the result's key
    bundle : str, digest of the stored plan, or "" where none was stored
    environment : dict, as `environment()` gives it
    seed : str, SHA-256 of the seed, never the seed
    limits : dict, the sandbox's limits with their units in the names
    points : dict from test cell to points, None where a person must look
    reasons : dict from test cell to verdict and reason
    """

    time: str
    student: str
    notebook: str
    plan: str
    master: str
    key: str
    bundle: str = ""
    environment: dict = field(default_factory=dict)
    seed: str = ""
    limits: dict = field(default_factory=dict)
    assurance: str = ""
    needs_person: str | None = None
    points: dict = field(default_factory=dict)
    reasons: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """One line of the chain: its number from 0, its hash, what it holds, and what was set aside to write it."""

    n: int
    hash: str
    entry: dict
    torn: str = ""


@dataclass(frozen=True)
class Verification:
    """Whether a chain is intact; otherwise the first bad line, from 1, and what is wrong.

    kind : "" | "edited" | "removed" | "reordered" | "inserted" | "truncated" | "torn"
    """

    assignment: str
    intact: bool
    lines: int
    head: str
    line: int | None = None
    kind: str = ""
    problem: str = ""


# Entries


def entry_of(result, notebook, seed=b"", limits=None, bundle="", time=None):
    """The entry for a result.

    Parameters
    ----------
    result : Result, or its JSON
    notebook : bytes, as handed in
    seed : bytes, what hidden inputs were derived from; only its hash is kept
    limits : dict
    bundle : str, what `store_bundle` returned
    time : datetime with a time zone; now, by default
    """
    found = _plain(result)
    return Entry(
        time=(time or datetime.now(UTC)).astimezone(UTC).isoformat(),
        student=found["student"],
        notebook=hashlib.sha256(notebook).hexdigest(),
        plan=found["plan"],
        master=found["master"],
        key=found["key"],
        bundle=bundle,
        environment=environment(),
        seed=hashlib.sha256(b"autograde seed\0" + seed).hexdigest(),
        limits=dict(limits or {}),
        assurance=found["assurance"],
        needs_person=found.get("needs_person"),
        points={t["name"]: t["points"] for t in found["tests"]},
        reasons={t["name"]: _verdict(t) for t in found["tests"]},
    )


@functools.cache
def _environment():
    import edfcore

    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{sys.platform} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "edfcore": tree_digest(Path(edfcore.__file__).parent, "*.py"),
    }


def environment():
    """What of this machine a grade can depend on: Python, platform, versions, and the source of edfcore as a digest."""
    return json.loads(canonical(_environment()))


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def tree_digest(folder, pattern="*"):
    """SHA-256 over the names and contents of the files below a folder that match the pattern."""
    folder, whole = Path(folder), hashlib.sha256()
    for path in sorted(p for p in folder.rglob(pattern) if p.is_file()):
        name = path.relative_to(folder).as_posix().encode()
        whole.update(hashlib.sha256(name).digest() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def compare(entry, result, now=None):
    """What differs between a recorded entry and a replayed result, in sentences; nothing where they are equal.

    Parameters
    ----------
    entry : Entry, or the dict of a Receipt
    result : Result, or its JSON
    now : dict, the environment of the replay; this machine's, by default
    """
    kept, found = (asdict(entry) if isinstance(entry, Entry) else entry), _plain(result)
    points = {t["name"]: t["points"] for t in found["tests"]}
    reasons = {t["name"]: _verdict(t) for t in found["tests"]}
    told = []
    before, after = _total(kept["points"]), _total(points)
    if before != after:
        told.append(f"The grade was {_said(before)} and is {_said(after)}.")
    for name in sorted(kept["points"].keys() | points.keys()):
        was, now_is = (
            (p.get(name, "no test"), r.get(name, "")) for p, r in ((kept["points"], kept["reasons"]), (points, reasons))
        )
        if was != now_is:
            told.append(f"Test {name} was {_said(was[0])} ({was[1]}) and is {_said(now_is[0])} ({now_is[1]}).")
    for name in ("student", "plan", "master", "key", "assurance", "needs_person"):
        if kept.get(name) != found.get(name):
            told.append(f"{name} was {kept.get(name)!r} and is {found.get(name)!r}.")
    return told + _differences("environment", kept["environment"], environment() if now is None else now)


def _differences(name, old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [line for key in keys for line in _differences(f"{name}.{key}", old.get(key), new.get(key))]
    return [] if old == new else [f"{name} was {old!r} and is {new!r}."]


def _plain(result):
    return result if isinstance(result, dict) else result.to_json()


def _verdict(test):
    return f"{test['verdict']}: {test['reason']}" if test["reason"] else test["verdict"]


def _total(points):
    return None if None in points.values() else float(sum(points.values()))


def _said(points):
    return "ungraded" if points is None else f"{points:g}" if isinstance(points, int | float) else points


# The chain


def canonical(value):
    """The one JSON text of a plain value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def line_hash(n, previous, entry):
    """The hash of a line."""
    return hashlib.sha256(canonical({"n": n, "previous": previous, "entry": entry})).hexdigest()


def genesis(assignment):
    """What the first line names as its previous one; chains of two assignments cannot be exchanged."""
    return hashlib.sha256(f"autograde receipts {assignment}".encode()).hexdigest()


def chain_path(root, assignment):
    """The file of an assignment's chain."""
    if not (isinstance(assignment, str) and NAME.fullmatch(assignment)):
        raise AutogradeError(f"{assignment!r} is no assignment's name: letters, digits, '.', '_' and '-' make one.")
    return private_folder(root, "receipts") / f"{assignment}.jsonl"


def append(root, assignment, entry):
    """Append one entry and return its Receipt once it is on the disk. See `append_all`."""
    return append_all(root, assignment, [entry])[0]


def append_all(root, assignment, entries):
    """Append entries to the chain of an assignment, with one write and one fsync; several processes may do so at once.

    A last line that a crash left torn is set aside, and a line that says so takes its place.

    Parameters
    ----------
    root : path of the course directory
    assignment : str
    entries : list of Entry or dict

    Returns
    -------
    list of Receipt

    Raises
    ------
    ReceiptError : the chain is broken or shortened, or the disk is full; then nothing was appended.
    """
    path = chain_path(root, assignment)
    plain = [asdict(e) if isinstance(e, Entry) else dict(e) for e in entries]
    with locked(path.with_suffix(".lock")), open(path, "a+b", buffering=0, opener=private) as file:
        torn = _set_torn_aside(file, path)
        n, last = _last(file, assignment)
        _refuse_shortened(path, assignment, n, last)
        if torn:
            plain.insert(0, {"torn": torn})
        receipts, text = [], b""
        for entry in plain:
            entry = json.loads(canonical(entry))  # as it will be read back
            digest = line_hash(n, last, entry)
            text += canonical({"n": n, "previous": last, "entry": entry, "hash": digest}) + b"\n"
            receipts.append(Receipt(n, digest, entry, torn))
            n, last = n + 1, digest
        if text:
            _write(file, text, path)
            write_atomically(path.with_suffix(".head"), canonical({"n": n - 1, "hash": last}))
    return receipts[1:] if torn else receipts


def _write(file, text, path):
    size = file.seek(0, os.SEEK_END)
    try:
        while text:
            text = text[file.write(text) :]
        os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(file.fileno(), size)
        raise ReceiptError(f"{path.name}: nothing was appended ({error.strerror}); make room and try again.") from None
    if size == 0:
        with contextlib.suppress(OSError):
            sync_folder(path.parent)


def _set_torn_aside(file, path):
    """Move what follows the last newline to the .torn file; returns its SHA-256, or "" where nothing was torn."""
    end = file.seek(0, os.SEEK_END)
    start = _last_newline(file, end) + 1
    if start == end:
        return ""
    file.seek(start)
    tail = file.read()
    digest = hashlib.sha256(tail).hexdigest()
    with open(path.with_suffix(".torn"), "ab", opener=private) as aside:
        aside.write(canonical({"at": start, "sha256": digest, "text": tail.decode("latin-1")}) + b"\n")
        aside.flush()
        os.fsync(aside.fileno())
    file.truncate(start)
    return digest


def _last_newline(file, end, block=1 << 16):
    """The position of the last newline before `end`, or -1."""
    while end > 0:
        start = max(0, end - block)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at
        end = start
    return -1


def _last(file, assignment):
    """Number of the next line, and the hash that it has to name as its previous one."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return 0, genesis(assignment)
    start = _last_newline(file, end - 1) + 1
    file.seek(start)
    record = _read_line(file.read(end - start - 1))
    if record is None:
        raise ReceiptError(
            f"The last receipt of {assignment} is damaged. Run `autograde receipts verify {assignment}`; to go on, "
            "move the file away: a new chain starts."
        )
    return record["n"] + 1, record["hash"]


def _refuse_shortened(path, assignment, n, last):
    known = _read_head(path)
    if known and (known["n"] >= n or (known["n"] == n - 1 and known["hash"] != last)):
        raise ReceiptError(
            f"The receipts of {assignment} were shortened or rewritten: {known['n'] + 1} lines were written and {n} "
            "are there. Restore the file, or move it and its .head away: a new chain starts."
        )


def _read_line(line):
    """The record in a line, or None where the line is not exactly what `append_all` writes."""
    try:
        record = json.loads(line)
        if canonical(record) != line or record.keys() != {"n", "previous", "entry", "hash"}:
            return None
        right = line_hash(record["n"], record["previous"], record["entry"])
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return record if record["hash"] == right and type(record["n"]) is int else None


def _read_head(path):
    try:
        known = json.loads(path.with_suffix(".head").read_bytes())
        return {"n": int(known["n"]), "hash": str(known["hash"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def head(root, assignment):
    """Number and hash of the last line as (n, hash), to be written down elsewhere; (-1, genesis) for an empty chain."""
    lines, _ = _lines(chain_path(root, assignment))
    record = _read_line(lines[-1]) if lines else None
    if lines and record is None:
        raise ReceiptError(
            f"The last receipt of {assignment} is damaged: run `autograde receipts verify {assignment}`."
        )
    return (record["n"], record["hash"]) if record else (-1, genesis(assignment))


def verify(root, assignment, known=None, recorded=()):
    """Follow the chain of an assignment from its first line.

    Parameters
    ----------
    known : (n, hash), a head written down earlier; it has to be in the chain
    recorded : hashes of receipts that the gradebook names; they have to be in the chain

    Returns
    -------
    Verification
    """
    path = chain_path(root, assignment)
    lines, tail = _lines(path)
    records = [_read_line(line) for line in lines]
    fault = _first_break(records, assignment) or _torn(lines, tail)
    kept = _read_head(path)
    for n, digest in filter(None, [known, kept and (kept["n"], kept["hash"])]):
        fault = fault or _missing(records, n, digest, assignment)
    if not fault and lines and kept is None:
        told = "The file with the head is gone or damaged, so lines may be missing at the end."
        fault = len(lines), "truncated", told
    fault = fault or _unrecorded(missing_receipts(recorded, filter(None, records)), len(lines))
    last = records[-1]["hash"] if records and records[-1] else genesis(assignment)
    return Verification(assignment, not fault, len(lines), last, *(fault or ()))


def missing_receipts(hashes_in_ledger, chain):
    """The hashes that are not in the chain, each once, in their order; grades without a receipt name none.

    Parameters
    ----------
    hashes_in_ledger : iterable of str or None
    chain : iterable of Receipt, or of the chain's lines as dict
    """
    there = {r["hash"] if isinstance(r, dict) else r.hash for r in chain}
    return [h for h in dict.fromkeys(hashes_in_ledger) if h and h not in there]


def _unrecorded(missing, lines):
    if not missing:
        return None
    many = f"{len(missing)} receipt{'s' if len(missing) > 1 else ''}"
    first = ", ".join(h[:16] for h in missing[:3])
    told = f"The gradebook names {many} not in the chain ({first}): restore .autograde/receipts from a backup."
    return lines, "removed", told


def _lines(path):
    """The complete lines, and what follows the last newline."""
    try:
        *lines, tail = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], b""
    return lines, tail


def _first_break(records, assignment):
    expected = genesis(assignment)
    for n, record in enumerate(records):
        if record is None:
            return n + 1, "edited", f"Line {n + 1} is not as it was written."
        if record["n"] != n or record["previous"] != expected:
            return n + 1, *_diagnose(records, n, expected)
        expected = record["hash"]
    return None


def _diagnose(records, n, expected):
    """Why line n does not follow the line before it, though it is whole in itself."""
    whole = [r for r in records if r]
    ordered = sorted(whole, key=lambda r: r["n"])
    linked = all(b["previous"] == a["hash"] for a, b in zip(ordered, ordered[1:], strict=False))
    if len(whole) == len(records) and linked and [r["n"] for r in ordered] == list(range(len(ordered))):
        return "reordered", f"Line {n + 1} is out of its place: it was written as line {records[n]['n'] + 1}."
    if records[n]["n"] == n:
        return "edited", f"Line {n} or line {n + 1} was rewritten, with a new hash: the one does not follow the other."
    if any(r["previous"] == expected for r in whole[n + 1 :]):
        return "inserted", f"Line {n + 1} was inserted: what follows line {n} comes after it."
    return "removed", f"Between line {n} and line {n + 1} lines are missing, the one written as line {n + 1} first."


def _torn(lines, tail):
    if not tail:
        return None
    told = "The last line has no end: a crash tore it, or it was edited. The next receipt sets it aside."
    return len(lines) + 1, "torn", told


def _missing(records, n, digest, assignment):
    if n < 0:
        return None
    if n >= len(records):
        return len(records), "truncated", f"{n + 1} lines were written and {len(records)} are there."
    if records[n]["hash"] != digest:
        return n + 1, "edited", f"The chain was rewritten: line {n + 1} is not the one whose hash is known."
    return None


def find(root, assignment, **wanted):
    """The receipts whose entries have the wanted values, oldest first, e.g. find(root, "A1", student="ada").

    Lines that are damaged are left out; `verify` names them.
    """
    lines, _ = _lines(chain_path(root, assignment))
    records = filter(None, map(_read_line, lines))
    found = [Receipt(r["n"], r["hash"], r["entry"]) for r in records if isinstance(r["entry"], dict)]
    return [r for r in found if "torn" not in r.entry and all(r.entry.get(k) == v for k, v in wanted.items())]


# Bundles


def store_bundle(root, plan_json):
    """Keep a plan's JSON by content; returns the SHA-256 of its canonical JSON. What is there is not written again."""
    data = canonical(plan_json)
    digest = hashlib.sha256(data).hexdigest()
    path = _bundle_path(root, digest)
    with contextlib.suppress(ReceiptError):
        _read_bundle(path, digest)
        return digest
    write_atomically(path, gzip.compress(data, mtime=0))
    return digest


def load_bundle(root, digest):
    """The plan's JSON of a digest.

    Raises
    ------
    ReceiptError : there is none, or it is not what its name says.
    """
    if digest == "":
        raise ReceiptError("The submission could not be read when it was graded, so there is nothing to examine again.")
    if not (isinstance(digest, str) and DIGEST.fullmatch(digest)):
        raise ReceiptError(f"{digest!r} is no digest of a bundle: it has 64 hexadecimal digits.")
    return json.loads(_read_bundle(_bundle_path(root, digest), digest))


def _bundle_path(root, digest):
    return private_folder(root, "receipts", "bundles", digest[:2]) / f"{digest}.json.gz"


def _read_bundle(path, digest):
    try:
        with gzip.open(path) as file:
            data = file.read(LONGEST_BUNDLE + 1)
    except FileNotFoundError:
        told = f"There is no bundle {digest}; it was deleted, or stored in another course directory."
        raise ReceiptError(told) from None
    except (OSError, EOFError, zlib.error) as error:
        raise ReceiptError(f"Bundle {digest} cannot be read: {error}. Restore it from a backup.") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ReceiptError(f"Bundle {digest} is damaged: its content has another digest. Restore it from a backup.")
    return data
