"""The chain of receipts shows every change; the bundles are what their names say."""

import errno
import gzip
import hashlib
import json
import multiprocessing
import os
import signal
import stat
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde import receipts
from autograde.errors import AutogradeError
from autograde.receipts import ReceiptError, append, append_all, compare, entry_of, find, head, verify

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(student="ada", **other):
    fields = dict(time=NOON.isoformat(), student=student, notebook="n" * 64, plan="p" * 64, master="m" * 64, key="k")
    return receipts.Entry(**fields | other)


def chain(root, count=6):
    return append_all(root, "A1", [entry(f"s{i}", points={"layer-test": i}) for i in range(count)])


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """A chain of six lines and its head file, as bytes."""
    root = tmp_path_factory.mktemp("chain")
    chain(root)
    path = receipts.chain_path(root, "A1")
    return path.read_bytes(), path.with_suffix(".head").read_bytes()


@pytest.fixture(scope="module")
def altered(tmp_path_factory):
    """A function from a file's bytes and its head's to what `verify` says of them."""
    root = tmp_path_factory.mktemp("altered")
    path = receipts.chain_path(root, "A1")

    def verified(data, known):
        path.write_bytes(data)
        path.with_suffix(".head").write_bytes(known)
        return verify(root, "A1")

    return verified


def result(**other):
    test = {"name": "layer-test", "exercise": "layer", "points": 2.0, "max_points": 2.0, "verdict": "passed"}
    test |= {"reason": "", "category": "", "message": ""}
    wrong = test | {"name": "sigmoid-test", "points": 0.0, "verdict": "failed", "reason": "wrong"}
    fields = {"student": "ada", "plan": "p", "master": "m", "key": "k", "assurance": "isolated", "needs_person": None}
    return fields | {"tests": [test, wrong]} | other


def test_a_chain_is_what_an_independent_reading_of_its_definition_gives(tmp_path):
    chain(tmp_path, 3)
    previous = hashlib.sha256(b"autograde receipts A1").hexdigest()
    for n, line in enumerate((tmp_path / ".autograde/receipts/A1.jsonl").read_text().splitlines()):
        record = json.loads(line)
        claimed = record.pop("hash")
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        assert record["previous"] == previous and record["n"] == n
        assert claimed == hashlib.sha256(text.encode()).hexdigest()
        previous = claimed
    assert head(tmp_path, "A1") == (2, previous)
    assert verify(tmp_path, "A1").intact


def test_an_empty_chain_is_intact(tmp_path):
    assert verify(tmp_path, "A1").intact
    assert head(tmp_path, "A1") == (-1, receipts.genesis("A1"))
    assert verify(tmp_path, "A1", known=head(tmp_path, "A1")).intact


@given(st.data())
def test_any_change_of_one_byte_is_detected(six, altered, data):
    text, known = six
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != text[at]))
    assert not altered(text[:at] + bytes([byte]) + text[at + 1 :], known).intact


@given(st.data())
def test_any_byte_removed_or_inserted_is_detected(six, altered, data):
    text, known = six
    at, byte = data.draw(st.integers(0, len(text) - 1)), data.draw(st.binary(min_size=1, max_size=3))
    assert not altered(text[:at] + text[at + 1 :], known).intact
    assert not altered(text[:at] + byte + text[at:], known).intact


@pytest.mark.parametrize(
    "respell", [json.dumps, lambda r: json.dumps(dict(reversed(r.items())), separators=(",", ":"))]
)
@pytest.mark.parametrize("at", range(6))
def test_a_line_that_says_the_same_in_other_bytes_is_detected(six, altered, at, respell):
    """Another order of keys or other white space is the same JSON, so the hash alone does not show it."""
    lines = six[0].splitlines(keepends=True)
    lines[at] = respell(json.loads(lines[at])).encode() + b"\n"
    found = altered(b"".join(lines), six[1])
    assert (found.intact, found.line, found.kind) == (False, at + 1, "edited")


@given(st.sets(st.integers(0, 5), min_size=1))
def test_any_deletion_of_lines_is_detected(six, altered, gone):
    lines = six[0].splitlines(keepends=True)
    found = altered(b"".join(line for n, line in enumerate(lines) if n not in gone), six[1])
    assert not found.intact
    tail = gone == set(range(min(gone), 6))
    assert found.kind == ("truncated" if tail else "removed")
    assert tail or found.line == min(gone) + 1


@given(st.permutations(range(6)).filter(lambda order: order != sorted(order)))
def test_any_other_order_is_detected_and_called_so(six, altered, order):
    lines = six[0].splitlines(keepends=True)
    found = altered(b"".join(lines[n] for n in order), six[1])
    assert (found.intact, found.kind) == (False, "reordered")
    assert found.line == next(n for n, line in enumerate(order) if n != line) + 1


@given(st.integers(0, 6), st.integers(0, 5))
def test_a_line_that_stands_twice_is_detected(six, altered, at, copied):
    lines = six[0].splitlines(keepends=True)
    found = altered(b"".join([*lines[:at], lines[copied], *lines[at:]]), six[1])
    assert not found.intact


def test_a_line_of_another_hand_is_called_inserted(six, altered):
    lines = six[0].splitlines(keepends=True)
    previous = json.loads(lines[2])["hash"]
    forged = {"n": 3, "previous": previous, "entry": {"student": "mallory"}}
    forged["hash"] = receipts.line_hash(**{k: forged[k] for k in ("n", "previous", "entry")})
    found = altered(b"".join([*lines[:3], receipts.canonical(forged) + b"\n", *lines[3:]]), six[1])
    assert (found.intact, found.line) == (False, 5)


@pytest.mark.parametrize("at", range(6))
def test_a_line_edited_with_a_new_hash_is_detected(six, altered, at):
    """Who edits a line and mends its hash breaks the next one, or the head."""
    lines = six[0].splitlines(keepends=True)
    record = json.loads(lines[at])
    record["entry"]["points"]["layer-test"] = 99
    record["hash"] = receipts.line_hash(record["n"], record["previous"], record["entry"])
    lines[at] = receipts.canonical(record) + b"\n"
    found = altered(b"".join(lines), six[1])
    assert (found.intact, found.kind) == (False, "edited")


def test_a_chain_rewritten_from_the_first_line_with_its_head_shows_against_a_known_head(tmp_path):
    chain(tmp_path)
    known = head(tmp_path, "A1")
    for file in (tmp_path / ".autograde" / "receipts").iterdir():
        file.unlink()
    append_all(tmp_path, "A1", [entry(f"s{i}", points={"layer-test": 99}) for i in range(6)])
    assert verify(tmp_path, "A1").intact
    found = verify(tmp_path, "A1", known)
    assert not found.intact and "rewritten" in found.problem


@given(st.lists(st.sampled_from([*"abcdef", None, ""])), st.sets(st.sampled_from("abcdef")))
def test_missing_are_the_named_receipts_that_are_not_there(named, there):
    found = receipts.missing_receipts(named, [receipts.Receipt(0, h, {}) for h in there])
    assert set(found) == set(named) - there - {None, ""} and len(found) == len(set(found))


def test_receipts_that_the_gradebook_names_have_to_be_in_the_chain(tmp_path):
    named = [r.hash for r in chain(tmp_path)]
    assert verify(tmp_path, "A1", recorded=[*named, None]).intact
    for file in (tmp_path / ".autograde" / "receipts").iterdir():
        file.unlink()
    found = verify(tmp_path, "A1", recorded=named)
    assert (found.intact, found.kind, found.lines) == (False, "removed", 0)
    assert found.problem.startswith("The gradebook names 6 receipts not in the chain")
    append_all(tmp_path, "A1", [entry("mallory")])
    assert not verify(tmp_path, "A1", recorded=named[:1]).intact


def test_a_known_head_stays_in_a_chain_that_grows(tmp_path):
    chain(tmp_path)
    known = head(tmp_path, "A1")
    chain(tmp_path)
    assert verify(tmp_path, "A1", known).intact


def test_nothing_is_appended_to_a_shortened_chain(tmp_path):
    chain(tmp_path)
    path = receipts.chain_path(tmp_path, "A1")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    before = path.read_bytes()
    with pytest.raises(ReceiptError, match="shortened"):
        append(tmp_path, "A1", entry())
    assert path.read_bytes() == before


def test_nothing_is_appended_to_a_damaged_line(tmp_path):
    chain(tmp_path)
    path = receipts.chain_path(tmp_path, "A1")
    path.write_bytes(path.read_bytes().replace(b'"student":"s5"', b'"student":"s6"'))
    with pytest.raises(ReceiptError, match="damaged"):
        append(tmp_path, "A1", entry())


def test_the_chain_of_one_assignment_is_none_of_another(tmp_path):
    chain(tmp_path)
    folder = tmp_path / ".autograde" / "receipts"
    for suffix in ("jsonl", "head"):
        (folder / f"A2.{suffix}").write_bytes((folder / f"A1.{suffix}").read_bytes())
    assert verify(tmp_path, "A2").line == 1


@settings(max_examples=30)
@given(st.binary(min_size=1).filter(lambda tail: b"\n" not in tail))
def test_a_torn_last_line_is_set_aside_reported_and_the_chain_goes_on(tmp_path_factory, tail):
    root = tmp_path_factory.mktemp("torn")
    chain(root, 2)
    path = receipts.chain_path(root, "A1")
    with open(path, "ab") as file:
        file.write(tail)
    assert verify(root, "A1").kind == "torn"
    receipt = append(root, "A1", entry("ada"))
    assert receipt.torn == hashlib.sha256(tail).hexdigest() and receipt.entry["student"] == "ada"
    aside = json.loads(path.with_suffix(".torn").read_text())
    assert aside["text"].encode("latin-1") == tail
    assert verify(root, "A1").intact and verify(root, "A1").lines == 4
    assert [r.entry["student"] for r in find(root, "A1")] == ["s0", "s1", "ada"]


def test_a_head_that_a_crash_left_behind_is_no_fault(tmp_path):
    chain(tmp_path, 3)
    path = receipts.chain_path(tmp_path, "A1").with_suffix(".head")
    old = path.read_bytes()
    chain(tmp_path, 1)
    path.write_bytes(old)
    assert verify(tmp_path, "A1").intact
    append(tmp_path, "A1", entry())
    assert verify(tmp_path, "A1").intact


def test_a_head_that_is_gone_is_reported(tmp_path):
    chain(tmp_path)
    receipts.chain_path(tmp_path, "A1").with_suffix(".head").unlink()
    assert verify(tmp_path, "A1").kind == "truncated"


def test_a_full_disk_appends_nothing_and_says_so(tmp_path, monkeypatch):
    chain(tmp_path)
    path = receipts.chain_path(tmp_path, "A1")
    before = path.read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReceiptError, match="nothing was appended"):
        append(tmp_path, "A1", entry())
    monkeypatch.undo()
    assert path.read_bytes() == before
    append(tmp_path, "A1", entry())
    assert verify(tmp_path, "A1").intact


def _append_many(root, name, count):
    for i in range(count):
        append(root, "A1", entry(f"{name}-{i}"))


def _in_processes(count, target, args):
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=target, args=args(k)) for k in range(count)]
    for process in started:
        process.start()
    return started


def test_four_processes_at_once_keep_the_chain_intact(tmp_path):
    processes = _in_processes(4, _append_many, lambda k: (tmp_path, f"p{k}", 25))
    for process in processes:
        process.join(60)
    assert [p.exitcode for p in processes] == [0] * 4
    found = verify(tmp_path, "A1")
    assert found.intact and found.lines == 100
    students = [r.entry["student"] for r in find(tmp_path, "A1")]
    for k in range(4):
        assert [s for s in students if s.startswith(f"p{k}-")] == [f"p{k}-{i}" for i in range(25)]


def test_a_process_killed_while_it_appends_leaves_a_chain_that_goes_on(tmp_path):
    path = receipts.chain_path(tmp_path, "A1")
    for lines in (3, 11, 12):
        (process,) = _in_processes(1, _append_many, lambda k: (tmp_path, "p", 100_000))
        while not path.exists() or path.read_bytes().count(b"\n") < lines:
            assert process.is_alive()
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        append(tmp_path, "A1", entry("after"))
        assert verify(tmp_path, "A1").intact


def test_find_selects_by_any_field(tmp_path):
    chain(tmp_path)
    append(tmp_path, "A1", entry("s2", key="again"))
    assert [r.n for r in find(tmp_path, "A1", student="s2")] == [2, 6]
    assert [r.n for r in find(tmp_path, "A1", student="s2", key="again")] == [6]
    assert find(tmp_path, "A1", student="nobody") == []


def test_an_entry_holds_no_seed_and_the_digest_of_the_bytes_handed_in(tmp_path):
    made = entry_of(result(), b"notebook", seed=b"the course secret", limits={"cpu_s": 10}, time=NOON)
    append(tmp_path, "A1", made)
    text = receipts.chain_path(tmp_path, "A1").read_bytes()
    assert b"the course secret" not in text and b"the course secret".hex().encode() not in text
    assert made.seed and made.seed != entry_of(result(), b"notebook", seed=b"another").seed
    assert made.notebook == hashlib.sha256(b"notebook").hexdigest()
    assert made.points == {"layer-test": 2.0, "sigmoid-test": 0.0}
    assert made.reasons == {"layer-test": "passed", "sigmoid-test": "failed: wrong"}


def test_an_entry_that_is_no_json_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError):
        append(tmp_path, "A1", entry(points={"layer-test": float("nan")}))
    assert verify(tmp_path, "A1").lines == 0


def test_a_replay_with_the_same_outcome_differs_in_nothing(tmp_path):
    receipt = append(tmp_path, "A1", entry_of(result(), b"x"))
    assert compare(receipt.entry, result()) == []


def changed(points, verdict="passed", reason=""):
    tests = result()["tests"]
    return result(tests=[tests[0] | {"points": points, "verdict": verdict, "reason": reason}, tests[1]])


@pytest.mark.parametrize(
    "replayed, told",
    [
        (changed(1.0, "partial"), "The grade was 2 and is 1."),
        (changed(1.0, "partial"), "Test layer-test was 2 (passed) and is 1 (partial)."),
        (changed(None, "unexamined", "error"), "The grade was 2 and is ungraded."),
        (result(tests=result()["tests"][:1]), "Test sigmoid-test was 0 (failed: wrong) and is no test ()."),
        (result(plan="q"), "plan was 'p' and is 'q'."),
        (result(assurance="unsafe"), "assurance was 'isolated' and is 'unsafe'."),
        (result(key="other"), "key was 'k' and is 'other'."),
    ],
)
def test_a_replay_with_another_outcome_says_what_differs(replayed, told):
    assert told in compare(entry_of(result(), b"x"), replayed)


def test_a_replay_elsewhere_says_what_of_the_environment_differs():
    made = entry_of(result(), b"x")
    other = receipts.environment() | {"packages": receipts.environment()["packages"] | {"numpy": "1.0"}}
    (told,) = compare(made, result(), other)
    assert told.startswith("environment.packages.numpy was ") and told.endswith(" is '1.0'.")
    (told,) = compare(replace(made, environment=made.environment | {"edfcore": "0"}), result())
    assert told.startswith("environment.edfcore")


def test_the_digest_of_a_tree_sees_names_and_contents(tmp_path):
    def digest(**files):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        return receipts.tree_digest(folder)

    assert digest(a="1", b="2") == digest(b="2", a="1")
    assert len({digest(a="1", b="2"), digest(a="12", b=""), digest(ab="12"), digest(a="2", b="1")}) == 4


@settings(max_examples=30)  # each example waits for the disk
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_a_bundle_comes_back_as_it_was_stored(tmp_path_factory, plan):
    root = tmp_path_factory.mktemp("bundles")
    digest = receipts.store_bundle(root, plan)
    assert receipts.load_bundle(root, digest) == plan
    assert receipts.store_bundle(root, dict(reversed(plan.items()))) == digest


def bundle_file(root, digest):
    return root / ".autograde" / "receipts" / "bundles" / digest[:2] / f"{digest}.json.gz"


def test_equal_plans_make_equal_files(tmp_path):
    one, other = (receipts.store_bundle(tmp_path / name, {"cells": ["x = 1"]}) for name in "ab")
    assert bundle_file(tmp_path / "a", one).read_bytes() == bundle_file(tmp_path / "b", other).read_bytes()


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(b"{}", mtime=0), b"cut"])
def test_a_damaged_bundle_is_refused_and_mended_by_storing_it_again(tmp_path, damage):
    digest = receipts.store_bundle(tmp_path, {"cells": ["x = 1"]})
    path = bundle_file(tmp_path, digest)
    path.write_bytes(path.read_bytes()[:-9] if damage == b"cut" else damage)
    with pytest.raises(ReceiptError, match="backup"):
        receipts.load_bundle(tmp_path, digest)
    assert receipts.store_bundle(tmp_path, {"cells": ["x = 1"]}) == digest
    assert receipts.load_bundle(tmp_path, digest) == {"cells": ["x = 1"]}


@pytest.mark.parametrize("digest", ["../../secret", "A" * 64, None, "0" * 63])
def test_a_digest_that_is_none_is_refused(tmp_path, digest):
    with pytest.raises(ReceiptError, match="no digest"):
        receipts.load_bundle(tmp_path, digest)


def test_a_submission_that_could_not_be_read_has_no_bundle_and_a_sentence_says_so(tmp_path):
    with pytest.raises(ReceiptError, match="could not be read when it was graded"):
        receipts.load_bundle(tmp_path, "")


def test_a_bundle_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(ReceiptError, match="There is no bundle"):
        receipts.load_bundle(tmp_path, "0" * 64)


@pytest.mark.parametrize("name", ["../A1", "", ".hidden", "a/b", "A 1", 1])
def test_an_assignment_whose_name_is_a_path_is_refused(tmp_path, name):
    with pytest.raises(AutogradeError, match="no assignment's name"):
        append(tmp_path, name, entry())


def test_the_folder_is_this_account_s_alone_and_no_link(tmp_path):
    chain(tmp_path)
    assert stat.S_IMODE((tmp_path / ".autograde").stat().st_mode) == 0o700
    assert stat.S_IMODE(receipts.chain_path(tmp_path, "A1").stat().st_mode) == 0o600
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".autograde").symlink_to(tmp_path / ".autograde")
    with pytest.raises(AutogradeError, match="is a link"):
        chain(tmp_path / "other")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    receipts.write_atomically(tmp_path / "file", b"old")

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AutogradeError, match="No space left"):
        receipts.write_atomically(tmp_path / "file", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_bytes() == b"old"
