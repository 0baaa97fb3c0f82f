"""Files are written whole or not at all, over nothing that is there and through no link; a lock keeps others out."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograde import files
from autograde.errors import AutogradeError

ROOT = Path(files.__file__).parent.parent
TRY = "import os, sys; from autograde.files import lock; lock(os.open(sys.argv[1], os.O_RDWR), wait=False)"


def locked_out(path):
    """Whether another process fails to lock the file."""
    done = subprocess.run([sys.executable, "-c", TRY, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 or "OSError" in done.stderr or "BlockingIOError" in done.stderr
    return done.returncode != 0


def test_a_lock_keeps_another_process_out_until_it_is_let_go(tmp_path):
    with files.locked(tmp_path / "lock"):
        assert locked_out(tmp_path / "lock")
    assert not locked_out(tmp_path / "lock")


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="needs a system that can refuse to follow links")
def test_no_link_is_followed(tmp_path):
    (tmp_path / "precious").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError), files.locked(tmp_path / "link"):
        pass
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "link", b"other")
    files.write_atomically(tmp_path / "link", b"new")
    assert not (tmp_path / "link").is_symlink() and (tmp_path / "precious").read_bytes() == b"kept"


def test_what_is_there_is_not_written_over_as_new(tmp_path):
    files.write_new(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_cannot_be_replaced_keeps_its_content_and_leaves_no_part(tmp_path, monkeypatch, step, fault):
    (tmp_path / "file").write_bytes(b"old")

    def failing(*_):
        raise fault

    monkeypatch.setattr(os, step, failing)
    with pytest.raises(type(fault)):
        files.replace_file(tmp_path / "file", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(AutogradeError, match="file could not be written"):
        files.write_atomically(tmp_path / "nothing" / "file", b"x")


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_files_of_the_grader_s_own_are_its_account_s_alone(tmp_path):
    folder = files.private_folder(tmp_path, "a", "b")
    with files.locked(folder / "lock"):
        pass
    files.write_atomically(folder / "file", b"x")
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (folder.parent, folder, folder / "lock", folder / "file")]
    assert modes == [0o700, 0o700, 0o600, 0o600]


def test_two_folders_change_places(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "was").write_text(name)
    files.exchange(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name / "was").read_text() for name in "ab"] == ["b", "a"]
