"""Files of the course directory: written whole or not at all, on the disk when a call returns, locked, private.

What is told in sentences raises AutogradeError; the rest raises OSError, for callers that know what the file was for.
"""

import contextlib
import os
import re
import tempfile
from pathlib import Path

from .errors import AutogradeError

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")  # an assignment's, which names files of the grader's own


def private_folder(root, *parts):
    """root/.autograde/<parts>, made where missing, readable by this account alone.

    Raises
    ------
    AutogradeError : a link stands in its place.
    """
    folder = Path(root) / ".autograde"
    for part in ("", *parts):
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True, parents=not part)
        if folder.is_symlink():
            raise AutogradeError(f"{folder} is a link; the grader writes into its own folders only. Remove the link.")
    return folder


def private(path, flags):
    """For `open(..., opener=private)`: a new file is this account's alone, and no link is followed."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def lock(number, wait=True):
    """Lock an open file; the system lets go of it when the process ends, however it ends.

    Raises
    ------
    OSError : another process has it, and `wait` is False.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextlib.contextmanager
def locked(path):
    """Hold the lock file: one process at a time, the others wait."""
    with open(path, "ab", opener=private) as file:
        lock(file.fileno())
        yield


def write_and_sync(number, data):
    """Write to an open file and close it; then the bytes are on the disk."""
    with open(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_new(path, data, dir_fd=None):
    """Write a file that anybody may read and that is not there yet, no link of its name either."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    write_and_sync(os.open(path, flags, 0o644, dir_fd=dir_fd), data)


def replace_file(path, data, prefix=".", suffix=".part"):
    """Let a file have this content, or, where an OSError is raised, the old one; never a part of it.

    Parameters
    ----------
    prefix, suffix : of the temporary file beside it, which only a kill leaves behind
    """
    number, temporary = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
    try:
        write_and_sync(number, data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_atomically(path, data):
    """Write a file so that a crash leaves the old content or the new, never a part.

    Raises
    ------
    AutogradeError : the disk is full or the folder not writable; then the old content stands.
    """
    path = Path(path)
    try:
        replace_file(path, data)
    except OSError as error:
        raise AutogradeError(f"{path.name} could not be written ({error.strerror}); what was there stands.") from None
    with contextlib.suppress(OSError):
        sync_folder(path.parent)


def sync_folder(folder):
    """Make the names in a folder durable; on Windows a folder cannot be opened, and renames are journalled."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


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
