"""The spool: a result is on disk, whole and checksummed, before anything of it reaches the gradebook.

spool/<key>.json        waits to be recorded: {"sha256": ..., "entry": {"result": ..., "extra": ...}}
spool/done/<key>.json   is recorded; kept because feedback is made from it
spool/.<key>.*.tmp      was cut off while it was written; never read, gone when its key is done

A result appears under its name by one rename after its bytes are on the disk, so a crash leaves it whole or absent.
What is torn, altered or foreign is told and passed over: its submission counts as not examined.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
from pathlib import Path

from .errors import AutogradeError
from .files import replace_file, sync_folder
from .result import Result

KEY = re.compile(r"[0-9a-f]{64}")
LARGEST = 64 * 2**20  # bytes; results are capped far below, so a larger file is none of ours
FULL = (errno.ENOSPC, errno.EDQUOT)


class SpoolError(AutogradeError):
    """A result that could not be written, read or moved."""


class Spool:
    """Results on disk, by key, under `folder`, which is made (for its owner alone) if it is missing."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.recorded = self.folder / "done"
        with _told(f"The spool {self.folder} could not be made"):
            for path in (self.folder, self.recorded):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, result, extra=None):
        """Write the result, durably and in one step; an entry of the same key is replaced.

        Parameters
        ----------
        result : Result
        extra : dict of JSON data to keep beside it, such as the plan and the time of receipt

        Raises
        ------
        SpoolError : the disk is full, or the folder cannot be written; no part of the file stays behind. Or the key
            is that of another student's result, which would be lost.
        """
        path = self.folder / f"{_checked(result.key)}.json"
        self._refuse_another(result)
        data = _encode({"result": result.to_json(), "extra": extra})
        with _told(f"The result of {result.student} for {result.assignment} could not be spooled in {self.folder}"):
            replace_file(path, data, f".{path.stem}.", ".tmp")
            sync_folder(self.folder)

    def get(self, key):
        """The Result of that key, recorded or not.

        Raises
        ------
        SpoolError : it is not there, or torn or altered.
        """
        return self.entry(key)[0]

    def entry(self, key):
        """The Result of that key, and what was put beside it."""
        name = f"{_checked(key)}.json"
        path = next((p for p in (self.folder / name, self.recorded / name) if os.path.lexists(p)), None)
        if path is None:
            raise SpoolError(f"The spool {self.folder} holds no result {key}: examine the submission again.")
        return _read(path)

    def pending(self):
        """Keys of the whole results that wait to be recorded, in the order in which they were put."""
        return [key for key, fault in self._look() if fault is None]

    def faults(self):
        """A sentence for each thing in the spool that is no whole result; its submission must be examined again."""
        return [fault for _, fault in self._look() if fault is not None]

    def done(self, key):
        """Mark the result as recorded; doing so twice is harmless.

        Raises
        ------
        SpoolError : no such result was put, or the folder cannot be written.
        """
        name = f"{_checked(key)}.json"
        with _told(f"The spooled result {key} could not be marked as recorded"):
            try:
                os.replace(self.folder / name, self.recorded / name)
            except FileNotFoundError:
                if not (self.recorded / name).exists():
                    raise SpoolError(f"The spool {self.folder} holds no result {key} to mark as recorded.") from None
            sync_folder(self.recorded)
            sync_folder(self.folder)
            for leftover in self.folder.glob(f".{key}.*.tmp"):
                leftover.unlink(missing_ok=True)

    def forget(self, key):
        """Delete the result, recorded or not; nothing happens where there is none."""
        for folder in (self.folder, self.recorded):
            with _told(f"The spooled result {key} could not be deleted"):
                (folder / f"{_checked(key)}.json").unlink(missing_ok=True)

    def _refuse_another(self, result):
        try:
            other = self.get(result.key)
        except SpoolError:
            return  # there is none, or it is torn
        if _of(other) != _of(result):
            raise SpoolError(f"The results of {_of(other)} and {_of(result)} have one key; a key must tell them apart.")

    def _look(self):
        with _told(f"The spool {self.folder} could not be listed"):
            found = [p for p in self.folder.iterdir() if p.name != "done" and p.suffix != ".tmp"]
            found.sort(key=lambda path: (path.lstat().st_mtime_ns, path.name))
        for path in found:
            try:
                yield _read(path)[0].key, None
            except SpoolError as fault:
                yield path.name, str(fault)


def _of(result):
    return result.student, result.assignment, result.notebook


def _checked(key):
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise SpoolError(f"{str(key)[:80]!r} is no key of a result; a key has 64 digits of 0-9 and a-f.")
    return key


def _canonical(entry):
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _encode(entry):
    try:
        body = _canonical(entry)
    except (TypeError, ValueError, RecursionError) as error:
        raise SpoolError(f"A result holds what is no plain JSON data: {error}.") from None
    if len(body) > LARGEST:
        raise SpoolError(f"A result of {len(body)} bytes is over the spool's limit of {LARGEST}; cap its outputs.")
    return b'{"sha256": "%s", "entry": %s}\n' % (hashlib.sha256(body).hexdigest().encode(), body)


def _read(path):
    """The Result and what lies beside it, of a file that must be ours: regular, of our size, whole and of its name."""
    try:
        data = json.loads(_bytes(path))
        whole = hashlib.sha256(_canonical(data["entry"])).hexdigest() == data["sha256"]
        result = Result.from_json(data["entry"]["result"])
        extra = data["entry"]["extra"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpoolError(_damaged(path, str(error) or type(error).__name__)) from None
    if not whole:
        raise SpoolError(_damaged(path, "its content does not match its checksum"))
    if path.name != f"{result.key}.json":
        raise SpoolError(_damaged(path, f"it holds the result {str(result.key)[:80]}"))
    return result, extra


def _damaged(path, why):
    return f"{path} is no whole result and is passed over ({why}); delete it and examine its submission again."


def _bytes(path):
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        if status.st_size > LARGEST + 200:  # the checksum and the braces around the entry
            raise OSError(f"it has {status.st_size} bytes")
        return file.read(LARGEST + 200)


@contextlib.contextmanager
def _told(what):
    try:
        yield
    except OSError as error:
        hint = "the disk is full; free some space and run the same command again" if error.errno in FULL else error
        raise SpoolError(f"{what}: {hint}.") from error
