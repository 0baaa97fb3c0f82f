"""The spool: a result is there whole or not at all, whatever is torn, foreign or full beside it."""

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograde.result import CellOutput, Result, TestResult
from autograde.spool import Spool, SpoolError

KEYS = [f"{i:064x}" for i in range(20)]


def result(key=KEYS[1], **fields):
    named = {"assignment": "A1", "notebook": "A1", "student": "ada", "plan": "p", "master": "m", "key": key}
    tests = (TestResult("layer-test", "layer", 0.1 + 0.2, 2.0, "partial", "wrong", "shapes", "no \ud800 \x00 <b>"),)
    outputs = (CellOutput(3, None, ({"type": "stream", "name": "stdout", "text": "1\n"},)),)
    return Result(**(named | {"assurance": "isolated", "tests": tests, "cells": outputs} | fields))


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool")


def test_what_was_put_comes_back_equal(spool):
    spool.put(result(seconds={"examine": 0.5}, flags=("tripwire",)), extra={"received": "2026-01-10"})
    assert Spool(spool.folder).get(KEYS[1]) == result(seconds={"examine": 0.5}, flags=("tripwire",))
    assert spool.entry(KEYS[1])[1] == {"received": "2026-01-10"}


@given(st.text(), st.floats(0, 10), st.dictionaries(st.text(), st.floats(0, 1e9)))
def test_any_text_and_number_come_back_equal(tmp_path_factory, text, points, seconds):
    spool = Spool(tmp_path_factory.getbasetemp() / "any")
    tests = (TestResult("t", None, points, 10.0, "partial", message=text),)
    spool.put(result(tests=tests, seconds=seconds))
    assert spool.get(KEYS[1]) == result(tests=tests, seconds=seconds)


def test_results_wait_in_the_order_in_which_they_came_until_they_are_done(spool):
    for time, key in enumerate((KEYS[3], KEYS[1], KEYS[2])):
        spool.put(result(key))
        os.utime(spool.folder / f"{key}.json", ns=(time, time))
    assert spool.pending() == [KEYS[3], KEYS[1], KEYS[2]]
    spool.done(KEYS[1])
    spool.done(KEYS[1])
    assert spool.pending() == [KEYS[3], KEYS[2]] and spool.get(KEYS[1]) == result(KEYS[1])
    spool.forget(KEYS[1])
    spool.forget(KEYS[3])
    assert spool.pending() == [KEYS[2]]
    for gone in (spool.get, spool.done):
        with pytest.raises(SpoolError, match="holds no result"):
            gone(KEYS[1])


def test_one_key_for_two_students_is_refused_and_loses_neither(spool):
    spool.put(result())
    with pytest.raises(SpoolError, match="must tell them apart"):
        spool.put(result(student="bo"))
    spool.done(KEYS[1])
    with pytest.raises(SpoolError, match="must tell them apart"):
        spool.put(result(student="bo"))
    assert spool.get(KEYS[1]).student == "ada"


@pytest.mark.parametrize("cut", [0, 1, 80, 200, -2])
def test_a_torn_file_is_told_and_passed_over(spool, cut):
    spool.put(result(KEYS[1]))
    spool.put(result(KEYS[2]))
    path = spool.folder / f"{KEYS[1]}.json"
    path.write_bytes(path.read_bytes()[:cut])
    assert spool.pending() == [KEYS[2]]
    assert len(spool.faults()) == 1 and KEYS[1] in spool.faults()[0] and "examine" in spool.faults()[0]
    with pytest.raises(SpoolError, match="no whole result"):
        spool.get(KEYS[1])
    spool.put(result(KEYS[1]))
    assert set(spool.pending()) == {KEYS[1], KEYS[2]} and not spool.faults()


def test_every_altered_byte_is_noticed_or_changes_nothing(spool):
    spool.put(result(cells=(), flags=()))
    path = spool.folder / f"{KEYS[1]}.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert spool.get(KEYS[1]) == result(cells=(), flags=())
        except SpoolError:
            pass


def test_points_raised_by_hand_are_noticed(spool):
    spool.put(result())
    path = spool.folder / f"{KEYS[1]}.json"
    path.write_text(path.read_text().replace("0.30000000000000004", "2.0"))
    assert spool.pending() == [] and "checksum" in spool.faults()[0]


FOREIGN = {
    "notes.txt": b"bring milk",
    f"{KEYS[5]}.json": b'{"sha256": "x", "entry": {}}',
    f"{KEYS[6]}.json": b"[" * 100_000,
    f"{KEYS[7]}.json": b'{"sha256": 1, "entry": {"result": {"key": 7}, "extra": null}}',
    f"{KEYS[8]}.json": b"\xff\xfe\x00",
    f"{KEYS[9]}.json": b"null",
}


def test_foreign_files_are_told_and_passed_over(spool, tmp_path):
    spool.put(result())
    for name, content in FOREIGN.items():
        (spool.folder / name).write_bytes(content)
    spool.put(result(KEYS[10]))
    os.rename(spool.folder / f"{KEYS[10]}.json", tmp_path / "kept")
    (spool.folder / f"{KEYS[10]}.json").symlink_to(tmp_path / "kept")
    (spool.folder / f"{KEYS[11]}.json").mkdir()
    (spool.folder / f"{KEYS[12]}.json").write_bytes((tmp_path / "kept").read_bytes())
    (spool.folder / f".{KEYS[1]}.abc.tmp").write_bytes(b"half")
    if hasattr(os, "mkfifo"):
        os.mkfifo(spool.folder / f"{KEYS[13]}.json")
    spool.put(result())
    assert spool.pending() == [KEYS[1]]
    assert len(spool.faults()) == len(FOREIGN) + 3 + hasattr(os, "mkfifo")
    spool.done(KEYS[1])
    assert not (spool.folder / f".{KEYS[1]}.abc.tmp").exists()


def test_a_file_that_is_too_large_is_not_read(spool):
    path = spool.folder / f"{KEYS[1]}.json"
    with open(path, "wb") as file:
        file.truncate(10**12)  # bytes, none of them on the disk
    assert spool.pending() == [] and "bytes" in spool.faults()[0]


@pytest.mark.parametrize("key", ["", "../../etc/passwd", KEYS[1].upper() + "A", KEYS[1] + "\n", None, 7])
def test_what_is_no_key_names_no_file(spool, key):
    for act in (spool.get, spool.done, spool.forget, lambda key: spool.put(result(key))):
        with pytest.raises(SpoolError, match="is no key"):
            act(key)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, b"x"])
def test_what_is_no_plain_data_is_refused(spool, value):
    with pytest.raises(SpoolError, match="no plain JSON"):
        spool.put(result(seconds={"examine": value}))
    assert list(spool.folder.iterdir()) == [spool.recorded]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there_and_nothing_half(spool, monkeypatch, when, code):
    spool.put(result(assurance="before"))

    def full(*_):
        raise OSError(code, "no space")

    monkeypatch.setattr(os, when, full)
    for key in (KEYS[1], KEYS[2]):
        with pytest.raises(SpoolError, match="the disk is full; free some space"):
            spool.put(result(key))
    monkeypatch.undo()
    assert [p.name for p in spool.folder.glob("*.tmp")] == []
    assert spool.pending() == [KEYS[1]] and spool.get(KEYS[1]).assurance == "before"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_disk_that_fills_while_bytes_are_written(spool, monkeypatch):
    """The real error of the kernel, from the device that is always full."""
    import tempfile

    def on_full_device(prefix, suffix, dir):
        name = os.path.join(dir, f"{prefix}x{suffix}")
        open(name, "wb").close()
        return os.open("/dev/full", os.O_WRONLY), name

    monkeypatch.setattr(tempfile, "mkstemp", on_full_device)
    with pytest.raises(SpoolError, match="the disk is full"):
        spool.put(result())
    assert list(spool.folder.iterdir()) == [spool.recorded]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="could not be made"):
        Spool(tmp_path / "file" / "spool")


def test_only_its_owner_may_look_into_the_spool(spool):
    spool.put(result())
    if os.name == "posix":
        assert spool.folder.stat().st_mode & 0o077 == 0
        assert (spool.folder / f"{KEYS[1]}.json").stat().st_mode & 0o077 == 0


def test_the_file_is_plain_json(spool):
    spool.put(result())
    data = json.loads((spool.folder / f"{KEYS[1]}.json").read_text(encoding="ascii"))
    assert data["entry"]["result"]["student"] == "ada" and len(data["sha256"]) == 64
