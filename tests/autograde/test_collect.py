"""Submissions of every kind of source arrive in their place, with a time that nobody can forge; nothing else does."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import random
import shutil
import stat
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nbgrader.utils import parse_utc

from autograde import collect as collecting
from autograde import sources
from autograde.collect import CollectError, collect, received_at
from autograde.errors import AutogradeError
from autograde.sources import look_alike, student_id

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "course").mkdir()
    return tmp_path / "course"


def tree(folder):
    """Every file below a folder with its content, links as links."""
    return {
        p.relative_to(folder).as_posix(): f"-> {os.readlink(p)}" if p.is_symlink() else p.read_bytes()
        for p in sorted(Path(folder).rglob("*"))
        if p.is_symlink() or p.is_file()
    }


def work(root, student, assignment="A1"):
    """A student's files in submitted/, without the timestamp."""
    return {k: v for k, v in tree(root / "submitted" / student / assignment).items() if k != "timestamp.txt"}


def folder_of(tmp_path, files, name="handed-in"):
    for path, data in files.items():
        (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / path).write_bytes(data)
    return tmp_path / name


def zip_of(tmp_path, files, name="download.zip"):
    """A zip; keys may be ZipInfo to plant what a plain one would not hold."""
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return tmp_path / name


def tar_of(tmp_path, files, name="download.tar", opener=open):
    """A tar; values may be TarInfo to plant links and devices."""
    with opener(tmp_path / name, "wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for path, data in files.items():
            info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(path)
            if not isinstance(data, tarfile.TarInfo):
                info.size = len(data)
            archive.addfile(info, None if isinstance(data, tarfile.TarInfo) else io.BytesIO(data))
    return tmp_path / name


def at(path, time):
    os.utime(path, (time.timestamp(), time.timestamp()))
    return path


def said(outcomes):
    return " ".join(o.says for o in outcomes)


CLASS = {"ada/A1.ipynb": b"ada's", "bob/A1.ipynb": b"bob's", "bob/data/x.csv": b"1,2"}
PACKED = {
    "folder": folder_of,
    "zip": zip_of,
    "tar": tar_of,
    "tar.gz": lambda *a: tar_of(*a, name="download.tar.gz", opener=gzip.open),
    "tar.bz2": lambda *a: tar_of(*a, name="download.tbz", opener=bz2.open),
    "tar.xz": lambda *a: tar_of(*a, name="download.tar.xz", opener=lzma.open),
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("prefix", ["", "A1/", "submissions/"])
def test_a_class_arrives_from_every_kind_of_source(tmp_path, root, kind, prefix):
    source = PACKED[kind](tmp_path, {prefix + k: v for k, v in CLASS.items()})
    found = collect(source, root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["ada", "bob"] and not found.refused and not found.skipped
    assert work(root, "ada") == {"A1.ipynb": b"ada's"}
    assert work(root, "bob") == {"A1.ipynb": b"bob's", "data/x.csv": b"1,2"}


def test_one_student_with_a_folder_of_the_assignment(tmp_path, root):
    files = {"ada/A1/A1.ipynb": b"one", "ada/A2/A2.ipynb": b"two"}
    found = collect(zip_of(tmp_path, files), root, "A1", MONDAY)
    assert work(root, "ada") == {"A1.ipynb": b"one"} and "outside of the folder" in found.taken[0].notes[0]


def test_the_time_of_receipt_is_the_collector_s_and_nbgrader_reads_it(tmp_path, root):
    files = {"ada/A1.ipynb": b"x", "ada/timestamp.txt": b"1990-01-01 00:00:00 UTC"}
    found = collect(folder_of(tmp_path, files), root, "A1", MONDAY)
    assert received_at(root, "A1", "ada") == MONDAY
    told = (root / "submitted/ada/A1/timestamp.txt").read_text()
    assert parse_utc(told) == MONDAY.replace(tzinfo=None)
    assert "1990" in found.taken[0].notes[0]
    record = json.loads((root / ".autograde/collected/A1.json").read_text())["records"][0]
    assert record["claimed"] == "1990-01-01 00:00:00 UTC" and record["source"] == "handed-in"


@pytest.mark.parametrize("claimed", [b"", b"\xff\xfe", b"tomorrow", b"9" * 10_000, b"99999-99-99 99:99:99 UTC"])
def test_a_timestamp_that_is_none_is_reported_and_stops_nothing(tmp_path, root, claimed):
    files = {"ada/A1.ipynb": b"x", "ada/timestamp.txt": claimed}
    found = collect(folder_of(tmp_path, files), root, "A1", MONDAY)
    assert "timestamp.txt" in found.taken[0].notes[0] and received_at(root, "A1", "ada") == MONDAY


def test_a_timestamp_that_agrees_is_no_news(tmp_path, root):
    files = {"ada/A1.ipynb": b"x", "ada/timestamp.txt": b"2026-03-02 12:00:30.5 UTC"}
    assert collect(folder_of(tmp_path, files), root, "A1", MONDAY).taken[0].notes == ()


def test_a_time_of_receipt_in_another_zone_is_kept_in_utc(tmp_path, root):
    local = datetime.fromisoformat("2026-03-02T13:00+01:00")
    collect(folder_of(tmp_path, CLASS), root, "A1", local)
    assert received_at(root, "A1", "ada") == MONDAY
    assert received_at(root, "A1", "nobody") is None and received_at(root, "A2", "ada") is None


def test_a_time_of_receipt_without_a_zone_is_refused(tmp_path, root):
    with pytest.raises(CollectError, match="no time zone"):
        collect(folder_of(tmp_path, CLASS), root, "A1", datetime(2026, 3, 2))


def test_an_archive_s_own_time_counts_and_not_that_of_its_members(tmp_path, root):
    member = zipfile.ZipInfo("ada/A1.ipynb", (1990, 1, 1, 0, 0, 0))
    collect(at(zip_of(tmp_path, {member: b"x"}), MONDAY), root, "A1")
    assert received_at(root, "A1", "ada") == MONDAY


def test_a_time_in_the_future_is_now(tmp_path, root):
    collect(at(zip_of(tmp_path, CLASS), MONDAY + timedelta(days=36_500)), root, "A1")
    assert received_at(root, "A1", "ada") <= datetime.now(UTC)


# Again


def test_the_same_again_is_skipped_and_keeps_its_first_time(tmp_path, root):
    source = folder_of(tmp_path, CLASS)
    collect(source, root, "A1", MONDAY)
    before = tree(root)
    found = collect(source, root, "A1")
    assert not found.taken and len(found.skipped) == 2 and "same submission" in said(found.skipped)
    assert tree(root) == before and received_at(root, "A1", "ada") == MONDAY


def test_a_newer_one_replaces_and_the_older_is_kept(tmp_path, root):
    collect(folder_of(tmp_path, {"ada/A1.ipynb": b"old", "ada/extra.txt": b"gone"}, "one"), root, "A1", MONDAY)
    found = collect(folder_of(tmp_path, {"ada/A1.ipynb": b"new"}, "two"), root, "A1", TUESDAY)
    assert work(root, "ada") == {"A1.ipynb": b"new"} and "kept" in found.taken[0].says
    (kept,) = (root / ".autograde/collected/A1/ada").iterdir()
    assert kept.name == "20260302T120000.000000Z"
    assert (kept / "A1.ipynb").read_bytes() == b"old" and (kept / "extra.txt").read_bytes() == b"gone"
    records = json.loads((root / ".autograde/collected/A1.json").read_text())["records"]
    assert [r["time"] for r in records] == [MONDAY.isoformat(), TUESDAY.isoformat()]


def test_an_older_one_never_replaces_a_newer(tmp_path, root):
    collect(folder_of(tmp_path, {"ada/A1.ipynb": b"new"}, "one"), root, "A1", TUESDAY)
    before = tree(root)
    found = collect(folder_of(tmp_path, {"ada/A1.ipynb": b"old"}, "two"), root, "A1", MONDAY)
    assert "older" in said(found.skipped) and not found.taken and tree(root) == before


def test_going_back_to_an_earlier_content_is_a_new_submission(tmp_path, root):
    for text, time in ((b"a", MONDAY), (b"b", TUESDAY), (b"a", TUESDAY + timedelta(days=1))):
        collect(folder_of(tmp_path, {"ada/A1.ipynb": text}), root, "A1", time)
    assert work(root, "ada") == {"A1.ipynb": b"a"}
    assert received_at(root, "A1", "ada") == TUESDAY + timedelta(days=1)


def test_what_an_instructor_mended_by_hand_is_left_alone(tmp_path, root):
    source = folder_of(tmp_path, CLASS)
    collect(source, root, "A1", MONDAY)
    (root / "submitted/ada/A1/A1.ipynb").write_bytes(b"mended")
    found = collect(source, root, "A1", MONDAY)
    assert work(root, "ada") == {"A1.ipynb": b"mended"} and "by hand" in said(found.skipped)


def test_what_was_mended_by_hand_is_kept_when_a_newer_one_comes(tmp_path, root):
    collect(folder_of(tmp_path, {"ada/A1.ipynb": b"old"}, "one"), root, "A1", MONDAY)
    (root / "submitted/ada/A1/A1.ipynb").write_bytes(b"mended")
    collect(folder_of(tmp_path, {"ada/A1.ipynb": b"new"}, "two"), root, "A1", TUESDAY)
    kept = [p.read_bytes() for p in (root / ".autograde/collected/A1/ada").glob("*/A1.ipynb")]
    assert work(root, "ada") == {"A1.ipynb": b"new"} and kept == [b"mended"]


def test_what_was_put_there_by_something_else_counts_by_its_folder_s_time(tmp_path, root):
    folder_of(root, {"ada/A1/A1.ipynb": b"there", "bob/A1/A1.ipynb": b"there"}, "submitted")
    for student in ("ada", "bob"):
        at(root / "submitted" / student / "A1", MONDAY)
    early = collect(folder_of(tmp_path, {"ada/A1.ipynb": b"x"}, "1"), root, "A1", MONDAY - timedelta(hours=1))
    late = collect(folder_of(tmp_path, {"bob/A1.ipynb": b"x"}, "2"), root, "A1", TUESDAY)
    assert "older" in said(early.skipped) and work(root, "ada") == {"A1.ipynb": b"there"}
    assert late.taken and work(root, "bob") == {"A1.ipynb": b"x"}


def test_a_submission_that_was_lost_is_put_back(tmp_path, root):
    source = folder_of(tmp_path, CLASS)
    collect(source, root, "A1", MONDAY)
    shutil.rmtree(root / "submitted" / "ada")
    found = collect(source, root, "A1")
    assert [o.student for o in found.taken] == ["ada"] and work(root, "ada") == {"A1.ipynb": b"ada's"}
    assert received_at(root, "A1", "ada") == stamped(root, "ada") == found.taken[0].time == MONDAY


# A time of receipt put right


def stamped(root, student):
    """The time of receipt that nbgrader reads."""
    return parse_utc((root / "submitted" / student / "A1/timestamp.txt").read_text()).replace(tzinfo=UTC)


def history(root):
    return json.loads((root / ".autograde/collected/A1.json").read_text())["records"]


@pytest.mark.parametrize("first, then", [(TUESDAY, MONDAY), (MONDAY, TUESDAY)])
def test_a_time_that_is_given_later_corrects_that_of_the_same_content(tmp_path, root, first, then):
    source = at(zip_of(tmp_path, CLASS), first)
    collect(source, root, "A1")
    files = work(root, "bob")
    found = collect(source, root, "A1", then)
    assert not found.taken and said(found.skipped).count("was corrected from") == 2
    assert received_at(root, "A1", "bob") == stamped(root, "bob") == then and work(root, "bob") == files
    assert [r["time"] for r in history(root) if r["student"] == "bob"] == [first.isoformat(), then.isoformat()]
    before = tree(root)
    for again in (then, None):
        assert "corrected" not in said(collect(source, root, "A1", again).skipped) and tree(root) == before


def test_a_correction_of_one_collection_leaves_those_whose_content_is_not_in_it_alone(tmp_path, root):
    collect(folder_of(tmp_path, CLASS), root, "A1", TUESDAY)
    collect(zip_of(tmp_path, {"ada/A1.ipynb": b"ada's", "bob/A1.ipynb": b"another"}), root, "A1", MONDAY)
    assert received_at(root, "A1", "ada") == MONDAY and received_at(root, "A1", "bob") == TUESDAY
    assert work(root, "bob") == {"A1.ipynb": b"bob's", "data/x.csv": b"1,2"}


def test_a_correction_spares_what_was_mended_by_hand_and_puts_back_what_was_lost(tmp_path, root):
    source = folder_of(tmp_path, CLASS)
    collect(source, root, "A1", TUESDAY)
    (root / "submitted/ada/A1/A1.ipynb").write_bytes(b"mended")
    shutil.rmtree(root / "submitted/bob")
    collect(source, root, "A1", MONDAY)
    assert work(root, "ada") == {"A1.ipynb": b"mended"} and work(root, "bob")["A1.ipynb"] == b"bob's"
    for student in ("ada", "bob"):
        assert received_at(root, "A1", student) == stamped(root, student) == MONDAY


def test_a_link_in_the_place_of_the_timestamp_is_replaced_and_not_written_through(tmp_path, root):
    source = folder_of(tmp_path, CLASS)
    collect(source, root, "A1", TUESDAY)
    (tmp_path / "elsewhere").write_text("mine")
    path = root / "submitted/ada/A1/timestamp.txt"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    collect(source, root, "A1", MONDAY)
    assert not path.is_symlink() and stamped(root, "ada") == MONDAY and (tmp_path / "elsewhere").read_text() == "mine"


class Crash(BaseException):
    """Stands for SIGKILL: nothing may handle it."""


def counted(functions, last, patch):
    """Let the process die at the step after the last-th; returns the list of the steps that were taken."""
    steps = []

    def mortal(name, function):
        def step(*args, **named):
            if len(steps) == last:
                raise Crash
            steps.append(name)
            return function(*args, **named)

        return step

    for name, function in functions.items():
        patch.setattr(name, mortal(name, function))
    patch.setattr(shutil, "rmtree", lambda *a, **k: None)  # a dead process clears up nothing
    return steps


STEPS = {f"os.{name}": getattr(os, name) for name in ("rename", "fsync", "mkdir", "replace")}
STEPS["autograde.collect.exchange"] = collecting.exchange


def test_a_crash_at_any_step_is_made_good_by_the_next_collection(tmp_path):
    """Death at each step on the disk in turn; the next collection ends where an undisturbed one does."""
    one = folder_of(tmp_path, {"ada/A1.ipynb": b"old", "bob/A1.ipynb": b"old"}, "one")
    two = folder_of(tmp_path, {"ada/A1.ipynb": b"new", "bob/A1.ipynb": b"new", "cyd/A1.ipynb": b"first"}, "two")
    calm = tmp_path / "calm"
    for source, time in ((one, MONDAY), (two, TUESDAY)):
        collect(source, calm, "A1", time)
    for last in range(1000):
        root = tmp_path / f"course-{last}"
        collect(one, root, "A1", MONDAY)
        with pytest.MonkeyPatch.context() as patch:
            steps = counted(STEPS, last, patch)
            try:
                collect(two, root, "A1", TUESDAY)
            except Crash:
                pass
            done = len(steps) < last
        collect(two, root, "A1", TUESDAY)
        assert tree(root / "submitted") == tree(calm / "submitted")
        assert {received_at(root, "A1", student) for student in ("ada", "bob", "cyd")} == {TUESDAY}
        for student in ("ada", "bob"):
            kept = (root / ".autograde/collected/A1" / student).glob("*/A1.ipynb")
            assert b"old" in [p.read_bytes() for p in kept]
        assert not list((root / ".autograde/collected/A1/.staging").iterdir())
        if done:
            break
    assert done and last > 20


def test_a_crash_at_any_step_of_a_correction_is_made_good_by_the_same_command(tmp_path):
    source = folder_of(tmp_path, CLASS)
    for last in range(100):
        root = tmp_path / f"course-{last}"
        collect(source, root, "A1", TUESDAY)
        with pytest.MonkeyPatch.context() as patch:
            steps = counted(STEPS, last, patch)
            with contextlib.suppress(Crash):
                collect(source, root, "A1", MONDAY)
            done = len(steps) < last
        collect(source, root, "A1", MONDAY)
        for student in ("ada", "bob"):
            assert received_at(root, "A1", student) == stamped(root, student) == MONDAY
            assert work(root, student) == {k.partition("/")[2]: v for k, v in CLASS.items() if k.startswith(student)}
        assert len(history(root)) == 4 and not list((root / ".autograde/collected/A1/.staging").iterdir())
        if done:
            break
    assert done and last > 5


def test_the_exchange_of_two_folders_works_without_the_system_s_help(tmp_path, monkeypatch):
    folder_of(tmp_path, {"x": b"1"}, "one")
    folder_of(tmp_path, {"x": b"2"}, "two")
    collecting.exchange(tmp_path / "one", tmp_path / "two")
    assert tree(tmp_path) == {"one/x": b"2", "two/x": b"1"}
    import ctypes

    monkeypatch.setattr(ctypes, "CDLL", lambda *a, **k: object())
    collecting.exchange(tmp_path / "one", tmp_path / "two")
    assert tree(tmp_path) == {"one/x": b"1", "two/x": b"2"}


# LMS and exchange


def test_moodle_by_a_csv_file(tmp_path, root):
    names = tmp_path / "names.csv"
    names.write_text("\ufeffname,student_id\n  jane  DOE ,jdoe1\n777,li2\n", encoding="utf-8")
    files = {
        "Jane Doe_12345_assignsubmission_file_/A1.ipynb": b"jane",
        "李 明_777_assignsubmission_file_A1 (2).ipynb": b"li",
        "Max Muster_9_assignsubmission_file_/A1.ipynb": b"max",
    }
    found = collect(at(zip_of(tmp_path, files), MONDAY), root, "A1", names=names)
    assert work(root, "jdoe1") == {"A1.ipynb": b"jane"} and work(root, "li2") == {"A1 (2).ipynb": b"li"}
    assert len(found.refused) == 1 and "'Max Muster' (9) is not in the CSV" in said(found.refused)
    assert received_at(root, "A1", "jdoe1") == MONDAY


def test_moodle_without_a_csv_file_is_refused_with_the_way_out(tmp_path, root):
    found = collect(zip_of(tmp_path, {"Jane Doe_12345_assignsubmission_file_/A1.ipynb": b"x"}), root, "A1")
    assert not found.taken and "'Jane Doe' (12345)" in said(found.refused)
    assert "--names FILE, a CSV file with the columns name,student_id" in said(found.refused)


def test_moodle_numbers_of_one_name_need_their_own_lines(tmp_path, root):
    names = tmp_path / "names.csv"
    names.write_text("name,student_id\nJane Doe,jdoe\n")
    files = {f"Jane Doe_{n}_assignsubmission_file_/A1.ipynb": str(n).encode() for n in (1, 2)}
    found = collect(zip_of(tmp_path, files), root, "A1", names=names)
    assert not found.taken and "2 submissions of jdoe" in said(found.refused)


@pytest.mark.parametrize("name", ["doejane_12345_67890_A1.ipynb", "jdoe_12345_assignsubmission_file_/A1.ipynb"])
def test_an_lms_s_names_and_numbers_are_no_ids_without_a_csv_file(tmp_path, root, name):
    """Taken as ids, they would make one person two as soon as the CSV file is given."""
    found = collect(zip_of(tmp_path, {name: b"x", "ada/A1.ipynb": b"y"}), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["ada"] and "(12345)" in said(found.refused)
    assert "--names FILE, a CSV file with the columns name,student_id" in said(found.refused)


@pytest.fixture
def names(tmp_path):
    (tmp_path / "names.csv").write_text("name,student_id\n12345,jdoe1\n54321,max\n")
    return tmp_path / "names.csv"


def test_canvas(tmp_path, root, names):
    files = {
        "doejane_12345_67890_A1.ipynb": b"jane",
        "doejane_12345_67891_data.csv": b"1",
        "mustermax_LATE_54321_67892_A1-2.ipynb": b"max",
        "readme.txt": b"?",
    }
    found = collect(zip_of(tmp_path, files), root, "A1", MONDAY, names)
    assert work(root, "jdoe1") == {"A1.ipynb": b"jane", "data.csv": b"1"}
    assert work(root, "max") == {"A1-2.ipynb": b"max"}
    assert "'readme.txt' stands in no folder of a student" in said(found.refused)


def test_canvas_says_who_is_late(tmp_path, root, names):
    files = {
        "doejane_12345_1_A1.ipynb": b"jane",
        "mustermax_54321_2_A1.ipynb": b"max",
        "mustermax_LATE_54321_3_x.csv": b"1",
        "mustermax_LATE_54321_4_y.csv": b"2",
    }
    found = collect(zip_of(tmp_path, files), root, "A1", MONDAY, names)
    assert {o.student: o.notes for o in found.taken} == {"jdoe1": (), "max": ("Canvas marks it LATE.",)}


@pytest.mark.parametrize("name", ["doejane_12345_1_A1.ipynb", "Jane Doe_12345_assignsubmission_file_/A1.ipynb"])
def test_the_time_of_a_download_counts_with_a_word(tmp_path, root, names, name):
    source = at(zip_of(tmp_path, {name: b"x", "ada/A1.ipynb": b"y"}), TUESDAY)
    notes = {o.student: " ".join(o.notes) for o in collect(source, root, "A1", names=names).taken}
    assert "all of 'download.zip' count as received at 2026-03-03 12:00:00 UTC" in notes["jdoe1"]
    assert "--received" in notes["jdoe1"] and not notes["ada"]
    (right,) = [o for o in collect(source, root, "A1", MONDAY, names).skipped if o.student == "jdoe1"]
    assert not right.notes and received_at(root, "A1", "jdoe1") == MONDAY
    (again,) = [o for o in collect(source, root, "A1", None, names).skipped if o.student == "jdoe1"]
    assert not again.notes and received_at(root, "A1", "jdoe1") == MONDAY


@pytest.mark.parametrize(
    "text, told",
    [
        ("id,name\n1,2\n", "name the columns"),
        ("", "name the columns"),
        ("name,student_id\nJane,a\nJANE,b\n", "two ids"),
        ("name,student_id\nJane,../a\n", "no student id"),
        ("name,student_id\nJane\n", "no student id"),
        ("name,student_id\n\xff\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_csv_file_that_is_none_is_a_sentence(tmp_path, root, text, told):
    (tmp_path / "names.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CollectError, match=told):
        collect(folder_of(tmp_path, CLASS), root, "A1", MONDAY, tmp_path / "names.csv")


def test_the_exchange_s_inbound_folder_newest_last_by_the_folder_s_time(tmp_path, root):
    """The names claim the opposite order, and one claims 1990: names are the students' own."""
    inbound = folder_of(
        tmp_path,
        {
            "ada+A1+2026-03-09 00:00:00 UTC+aaa/A1.ipynb": b"first",
            "ada+A1+1990-01-01 00:00:00 UTC+bbb/A1.ipynb": b"second",
            "bob+A2+2026-03-01 00:00:00 UTC+ccc/A2.ipynb": b"other assignment",
        },
        "inbound",
    )
    at(inbound / "ada+A1+2026-03-09 00:00:00 UTC+aaa", MONDAY)
    at(inbound / "ada+A1+1990-01-01 00:00:00 UTC+bbb", TUESDAY)
    found = collect(inbound, root, "A1")
    assert work(root, "ada") == {"A1.ipynb": b"second"} and received_at(root, "A1", "ada") == TUESDAY
    assert [o.time for o in found.taken] == [MONDAY, TUESDAY]
    assert len(found.refused) == 1 and "bob+A2" in said(found.refused)
    assert any("set back" in note for note in found.taken[0].notes)


# Names


@pytest.mark.parametrize("name", ["ada", "A.b_c-1", "12345", "x" * 64])
def test_ids_that_are_canonical(name):
    assert student_id(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a+b", "-rf", ".ssh", "a.", "CON", "nul.txt", "Lpt1", "x" * 65]
    + ["ａｄａ", "аda", "ada\u200b", "a\u0301", "ada\n", "\x00", "a*", "{x}", "ﬁ", "①", "é"],
)
def test_ids_that_are_not(name):
    with pytest.raises(CollectError, match="CSV"):
        student_id(name)


@given(st.text())
def test_an_id_that_is_accepted_is_a_safe_name_of_a_folder(name):
    try:
        student_id(name)
    except CollectError as error:
        assert str(error).isprintable()
        return
    assert name.isascii() and not set(name) & set('/\\:*?"<>|+{} \0') and Path("x", name).name == name


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=80))
def test_a_name_stands_in_a_sentence_as_it_has_to_stand_in_the_csv_file(name):
    assert sources.shown(name) == f"'{name}'"


@pytest.mark.parametrize("sign", ["\x1b", "\n", "\x00", "\u202e", "\u200b", "\u2028", "\ud800", "\x85"])
def test_what_would_change_the_text_around_it_is_an_escape(sign):
    assert sources.shown(f"a{sign}b").isascii() and sign not in sources.shown(f"a{sign}b")


def test_a_name_can_be_copied_into_the_csv_file(tmp_path, root):
    source = folder_of(tmp_path, {"Fen Müller/A1.ipynb": b"x"})
    told = said(collect(source, root, "A1", MONDAY).refused)
    (tmp_path / "names.csv").write_text(f"name,student_id\n{told.split(chr(39))[1]},fen\n", encoding="utf-8")
    assert [o.student for o in collect(source, root, "A1", MONDAY, tmp_path / "names.csv").taken] == ["fen"]


def test_ids_that_differ_in_case_only_are_refused(tmp_path, root):
    collect(folder_of(tmp_path, {"ada/A1.ipynb": b"x"}, "one"), root, "A1", MONDAY)
    found = collect(zip_of(tmp_path, {"Ada/A1.ipynb": b"y", "bob/A1.ipynb": b"z"}), root, "A1", TUESDAY)
    assert "Ada and ada differ in case only" in said(found.refused)
    assert [o.student for o in found.taken] == ["bob"] and work(root, "ada") == {"A1.ipynb": b"x"}


def test_ids_that_look_alike_are_reported(tmp_path, root):
    found = collect(folder_of(tmp_path, {"al1ce/A1.ipynb": b"x", "alice/A1.ipynb": b"y"}), root, "A1", MONDAY)
    assert len(found.taken) == 2 and "look alike" in found.taken[1].notes[0]
    assert look_alike("o_1", "0l") and not look_alike("ada", "ada") and not look_alike("ada", "bob")


def test_a_student_whose_name_is_none_stops_no_other(tmp_path, root):
    files = {**CLASS, "a b/A1.ipynb": b"x", "c+d/A1.ipynb": b"x", "..e/A1.ipynb": b"x", "ｆ/A1.ipynb": b"x"}
    found = collect(zip_of(tmp_path, files), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["ada", "bob"] and len(found.refused) == 4
    assert sorted(p.name for p in (root / "submitted").iterdir()) == ["ada", "bob"]


@pytest.mark.parametrize("name", ["../A1", "", "A 1", ".x"])
def test_an_assignment_whose_name_is_a_path_is_refused(tmp_path, root, name):
    with pytest.raises(AutogradeError, match="no assignment's name"):
        collect(folder_of(tmp_path, CLASS), root, name, MONDAY)


CONFIG = 'c = get_config()\nc.CourseDirectory.source_directory = "solutions"\n'


def test_an_assignment_that_the_course_has_not_is_refused_and_leaves_nothing(tmp_path, root):
    (root / "nbgrader_config.py").write_text(CONFIG)
    folder_of(root, {"A1/A1.ipynb": b"", "A2/A2.ipynb": b"", "README.md": b"", "images/x.png": b""}, "solutions")
    before, source = tree(root), folder_of(tmp_path, CLASS)
    for name in ("A9", "a1", "A11", "README.md"):
        with pytest.raises(CollectError, match=f"no assignment '{name}' .* this course: A1, A2\\."):
            collect(source, root, name, MONDAY)
    assert tree(root) == before and not (root / ".autograde").exists() and not (root / "submitted").exists()
    assert len(collect(source, root, "A2", MONDAY).taken) == 2


def test_a_course_directory_without_source_notebooks_takes_any_assignment(tmp_path, root):
    (root / "nbgrader_config.py").write_text(CONFIG)
    folder_of(root, {"A1/A1.ipynb": b""}, "source")  # not the folder that the configuration names
    assert len(collect(folder_of(tmp_path, CLASS), root, "A9", MONDAY).taken) == 2


def with_folders(pack, tmp_path, files, folders):
    """A source that has these folders as well, without a file in them."""
    if pack is folder_of:
        source = folder_of(tmp_path, files)
        for name in folders:
            (source / name).mkdir(parents=True)
        return source
    made = {}
    for name in folders:
        made[name + "/"] = b"" if pack is zip_of else tarfile.TarInfo(name)
        if pack is tar_of:
            made[name + "/"].type = tarfile.DIRTYPE
    return pack(tmp_path, {**made, **files})


@pytest.mark.parametrize("pack", [folder_of, zip_of, tar_of])
@pytest.mark.parametrize("prefix", ["", "A1/"])
@pytest.mark.parametrize("empty", ["hana", "hana/A1", "hana/.ipynb_checkpoints"])
def test_an_empty_folder_of_a_student_is_told(tmp_path, root, pack, prefix, empty):
    files = {prefix + name: data for name, data in CLASS.items()}
    found = collect(with_folders(pack, tmp_path, files, [prefix + empty, prefix + "ada/none"]), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["ada", "bob"] and not any(o.notes for o in found.taken)
    assert [(o.student, o.says) for o in found.refused] == [("hana", "hana: the folder is empty.")]


@pytest.mark.parametrize("pack", [folder_of, zip_of, tar_of])
def test_empty_folders_alone_are_told_one_by_one(tmp_path, root, pack):
    found = collect(with_folders(pack, tmp_path, {}, ["A1/ada", "A1/bob"]), root, "A1", MONDAY)
    assert said(found.refused) == "ada: the folder is empty. bob: the folder is empty."


# What is hostile


def outside(tmp_path):
    """Every file beside the source and the course directory."""
    return {k: v for k, v in tree(tmp_path).items() if not k.startswith(("course/", "handed-in/", "download"))}


SLIPS = [
    "../evil",
    "../../evil",
    "ada/../../evil",
    "/evil",
    "ada/../bob/A1.ipynb",
    "..\\evil",
    "C:\\evil",
    "ada\\..\\..\\e",
]


@pytest.mark.parametrize("pack", [zip_of, tar_of])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_path_that_climbs_writes_nothing_and_the_others_arrive(tmp_path, root, pack, slip):
    found = collect(pack(tmp_path, {slip: b"evil", **CLASS}), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["ada", "bob"] and "no path inside" in said(found.refused)
    assert b"evil" not in tree(root).values() and not outside(tmp_path)
    assert work(root, "bob")["A1.ipynb"] == b"bob's"


def linked(kind):
    info = tarfile.TarInfo("ada/A1.ipynb")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_left_out(tmp_path, root, kind):
    files = {"x": linked(kind), "ada/mine.ipynb": b"mine", "bob/A1.ipynb": b"bob's"}
    found = collect(tar_of(tmp_path, files), root, "A1", MONDAY)
    assert work(root, "ada") == {"mine.ipynb": b"mine"} and "link" in found.taken[0].notes[0]


def test_links_in_a_zip_are_left_out(tmp_path, root):
    link = zipfile.ZipInfo("ada/A1.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    found = collect(zip_of(tmp_path, {link: b"/etc/passwd", "bob/A1.ipynb": b"bob's"}), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["bob"] and "link" in said(found.refused)


def test_links_and_pipes_in_a_folder_are_left_out(tmp_path, root):
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "other").mkdir()
    source = folder_of(tmp_path, {"ada/mine.ipynb": b"mine", "other/x.ipynb": b"secret", **CLASS})
    (source / "ada" / "A1.ipynb").unlink()
    (source / "ada" / "A1.ipynb").symlink_to(tmp_path / "secret")
    (source / "ada" / "sub").symlink_to(tmp_path / "other")
    (source / "eve").symlink_to(tmp_path / "other")
    os.mkfifo(source / "ada" / "pipe")
    found = collect(source, root, "A1", MONDAY)
    assert work(root, "ada") == {"mine.ipynb": b"mine"} and len(found.taken[0].notes) == 3
    assert not (root / "submitted" / "eve").exists() and "'eve' is a link" in said(found.refused)


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_read(tmp_path, root, monkeypatch):
    source = folder_of(tmp_path, CLASS)
    (tmp_path / "secret").write_bytes(b"secret")
    really = sources.group

    def swapped(*args):
        (source / "ada" / "A1.ipynb").unlink()
        (source / "ada" / "A1.ipynb").symlink_to(tmp_path / "secret")
        (source / "bob").rename(source / "was-bob")
        (source / "bob").symlink_to(source / "was-bob")
        return really(*args)

    monkeypatch.setattr(sources, "group", swapped)
    found = collect(source, root, "A1", MONDAY)
    assert not found.taken and len(found.refused) == 2 and not (root / "submitted").exists()


def test_a_link_in_the_place_of_a_submission_is_not_written_through(tmp_path, root):
    (tmp_path / "elsewhere").mkdir()
    (root / "submitted" / "bob").mkdir(parents=True)
    (root / "submitted" / "ada").symlink_to(tmp_path / "elsewhere")
    (root / "submitted" / "bob" / "A1").symlink_to(tmp_path / "elsewhere")
    found = collect(folder_of(tmp_path, {**CLASS, "cyd/A1.ipynb": b"c"}), root, "A1", MONDAY)
    assert said(found.refused).count("is a link") == 2 and not list((tmp_path / "elsewhere").iterdir())
    assert [o.student for o in found.taken] == ["cyd"]


def test_a_bomb_in_a_zip_costs_its_own_submission(tmp_path, root):
    source = zip_of(tmp_path, {"ada/A1.ipynb": b"\0" * (8 << 20), "bob/A1.ipynb": b"bob's"})
    found = collect(source, root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["bob"] and "200 times its size" in said(found.refused)


def test_a_size_that_a_zip_lies_about_is_not_believed(tmp_path, root):
    """The directory says 5 bytes, the data are 100,000: no more than the claim is read, and the checksum fails."""
    source = zip_of(tmp_path, {"ada/A1.ipynb": os.urandom(50_000).hex().encode(), "bob/A1.ipynb": b"bob's"})
    data = source.read_bytes()
    source.write_bytes(data.replace((100_000).to_bytes(4, "little"), (5).to_bytes(4, "little")))
    found = collect(source, root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["bob"] and "cannot be read" in said(found.refused)


@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open])
def test_a_bomb_in_a_tar_is_not_opened(tmp_path, root, opener, monkeypatch):
    monkeypatch.setattr(sources, "SMALL", 1000)
    source = tar_of(tmp_path, {"eve/A1.ipynb": b"\0" * (16 << 20), **CLASS}, "bomb.tgz", opener)
    assert source.stat().st_size * sources.RATIO < 16 << 20
    with pytest.raises(CollectError, match="200 times its size"):
        collect(source, root, "A1", MONDAY)
    assert not (root / "submitted").exists() and not list((root / ".autograde/collected/A1/.staging").iterdir())


def test_too_much_in_one_submission_costs_that_one(tmp_path, root, monkeypatch):
    monkeypatch.setattr(sources, "BYTES", 1000)
    files = {"ada/A1.ipynb": b"x" * 600, "ada/b": b"x" * 600, "bob/A1.ipynb": b"x" * 1000, "cyd/A1.ipynb": b"x" * 5000}
    found = collect(folder_of(tmp_path, files), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["bob"] and said(found.refused).count("larger than") == 2


def test_too_many_files_in_one_submission_cost_that_one(tmp_path, root, monkeypatch):
    monkeypatch.setattr(collecting, "FILES", 3)
    files = {f"ada/{n}.ipynb": b"x" for n in range(4)} | {f"bob/{n}.ipynb": b"x" for n in range(3)}
    found = collect(zip_of(tmp_path, files), root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["bob"] and "4 files, over 3" in said(found.refused)


@pytest.mark.parametrize("pack", [folder_of, zip_of, tar_of])
def test_too_many_files_in_a_source_are_refused_at_once(tmp_path, root, pack, monkeypatch):
    monkeypatch.setattr(sources, "ENTRIES", 2)
    with pytest.raises(CollectError, match="over 2 files"):
        collect(pack(tmp_path, {f"s{n}/A1.ipynb": b"x" for n in range(4)}), root, "A1", MONDAY)


@pytest.mark.parametrize("pack", [folder_of, zip_of, tar_of])
def test_folders_too_deep_are_left_out(tmp_path, root, pack):
    files = {"ada/A1.ipynb": b"x", "ada/" + "d/" * 60 + "y.ipynb": b"y"}
    collect(pack(tmp_path, files), root, "A1", MONDAY)
    assert work(root, "ada") == {"A1.ipynb": b"x"}


def test_archives_in_submissions_are_kept_shut_and_reported(tmp_path, root):
    inner = zip_of(tmp_path, {"A1.ipynb": b"x"}, "inner.zip").read_bytes()
    found = collect(zip_of(tmp_path, {"ada/work.zip": inner}), root, "A1", MONDAY)
    assert work(root, "ada") == {"work.zip": inner}
    assert "holds no notebook" in found.taken[0].notes[0] and "is an archive" in found.taken[0].notes[1]


def test_a_tar_that_ends_in_a_student_s_zip_is_read_as_a_tar(tmp_path, root):
    inner = zip_of(tmp_path, {"bob/A1.ipynb": b"forged"}, "inner.zip").read_bytes()
    source = tar_of(tmp_path, {"ada/A1.ipynb": b"x", "ada/work.zip": inner})
    assert zipfile.is_zipfile(source)
    collect(source, root, "A1", MONDAY)
    assert not (root / "submitted" / "bob").exists() and work(root, "ada")["A1.ipynb"] == b"x"


def test_encrypted_files_are_left_out(tmp_path, root):
    source = zip_of(tmp_path, CLASS)
    data = bytearray(source.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    source.write_bytes(data)
    found = collect(source, root, "A1", MONDAY)
    assert [o.student for o in found.taken] == ["bob"] and "is encrypted" in said(found.refused)


@pytest.mark.parametrize(
    "name, kept",
    [
        ("A1 (1).ipynb", "A1 (1).ipynb"),
        ("Übung 1.ipynb", "Übung 1.ipynb"),
        ("U\u0308bung.ipynb", "Übung.ipynb"),
        ("作业.ipynb", "作业.ipynb"),
        (".bashrc", None),
        (".ipython/startup.py", None),
        ("con.ipynb", None),
        ("a\x1b[31m.ipynb", None),
        ("a\u202egpj.ipynb", None),
        ("x" * 300, None),
        ("a ", None),
        ("a:b", None),
    ],
)
def test_names_of_files(tmp_path, root, name, kept):
    found = collect(zip_of(tmp_path, {"ada/A1.ipynb": b"x", f"ada/{name}": b"y"}), root, "A1", MONDAY)
    expected = {"A1.ipynb": b"x"} | ({kept: b"y"} if kept else {})
    assert work(root, "ada") == expected and len(found.taken[0].notes) == (kept is None)
    assert all(note.isprintable() for note in found.taken[0].notes)


def test_litter_of_other_systems_is_no_news(tmp_path, root):
    litter = {"__MACOSX/ada/._A1.ipynb": b"x", "ada/.DS_Store": b"x", "ada/.ipynb_checkpoints/A1.ipynb": b"x"}
    found = collect(zip_of(tmp_path, {**litter, **CLASS}), root, "A1", MONDAY)
    assert work(root, "ada") == {"A1.ipynb": b"ada's"} and not found.taken[0].notes and not found.refused


@pytest.mark.parametrize("files", [{"ada/x": b"1", "ada/x/y": b"2"}, {"ada/A1.ipynb": b"1", "ada/a1.IPYNB": b"2"}])
def test_files_that_cannot_stand_side_by_side_cost_at_most_their_submission(tmp_path, root, files):
    found = collect(zip_of(tmp_path, {**files, "bob/A1.ipynb": b"x"}), root, "A1", MONDAY)
    assert work(root, "bob") == {"A1.ipynb": b"x"}
    assert "could not be written" in said(found.refused) or "twice" in found.taken[0].notes[0]


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"]
)
def test_a_file_that_is_no_archive_is_a_sentence(tmp_path, root, data):
    (tmp_path / "download.zip").write_bytes(data)
    with pytest.raises(CollectError, match="Download it again"):
        collect(tmp_path / "download.zip", root, "A1", MONDAY)


def test_a_source_that_is_not_there_or_is_submitted_itself_is_a_sentence(tmp_path, root):
    with pytest.raises(CollectError, match="No such file"):
        collect(tmp_path / "nothing", root, "A1", MONDAY)
    folder_of(root, {"ada/A1/A1.ipynb": b"x"}, "submitted")
    with pytest.raises(CollectError, match="where submissions are put"):
        collect(root / "submitted", root, "A1", MONDAY)


def test_a_damaged_history_is_not_guessed_at(tmp_path, root):
    collect(folder_of(tmp_path, CLASS), root, "A1", MONDAY)
    (root / ".autograde/collected/A1.json").write_text('{"records": [{"time": "1990"')
    for action in (lambda: received_at(root, "A1", "ada"), lambda: collect(tmp_path / "handed-in", root, "A1")):
        with pytest.raises(CollectError, match="damaged"):
            action()


@pytest.mark.parametrize("pack, name", [(zip_of, "d.zip"), (tar_of, "d.tar")])
def test_damaged_archives_end_in_a_sentence_and_write_nothing_outside(tmp_path, root, pack, name):
    """200 archives with a few bytes changed: collected, refused singly, or refused whole; never another exception."""
    source = pack(tmp_path, {**CLASS, "cyd/A1.ipynb": os.urandom(300)}, name)
    whole, rng = source.read_bytes(), random.Random(5)
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        source.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        try:
            with contextlib.ExitStack() as stack:
                found = sources.open_source(source, root, stack)
                groups, _ = sources.group(found, "A1")
                for student, one in sources.assign(groups, {}, set())[0]:
                    with contextlib.suppress(CollectError):
                        collecting.read_group(student, one, MONDAY)
        except CollectError:
            pass
    assert not tree(root)


@settings(max_examples=40)  # each example waits for the disk
@given(st.dictionaries(st.text(max_size=12), st.binary(max_size=20), max_size=5))
def test_whatever_a_zip_holds_nothing_is_written_outside(tmp_path_factory, files):
    here = tmp_path_factory.mktemp("any")
    (here / "course").mkdir()
    try:
        source = zip_of(here, {f"ada/{k}": v for k, v in files.items()} | {"bob/A1.ipynb": b"x"})
    except (UnicodeEncodeError, ValueError):
        assume(False)
    collect(source, here / "course", "A1", MONDAY)
    assert work(here / "course", "bob") == {"A1.ipynb": b"x"} and not outside(here)
    assert set(p.name for p in (here / "course" / "submitted").iterdir()) <= {"ada", "bob"}
