"""The cluster: what leaves the head, what is believed when it comes back, and grades equal to the pool's."""

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import tinycourse

from autograde import cluster
from autograde.cluster import Cluster, ClusterError, Disbelieved, Examiners, Sent, believed
from autograde.examine import result_key, seed_for
from autograde.pipeline import Options, exam_of, grade
from autograde.pool import Job, planned
from autograde.result import Result, TestResult


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tinycourse.make(tmp_path_factory.mktemp("course"), [("ada", tinycourse.RIGHT)])


@pytest.fixture(scope="module")
def exam(room):
    return exam_of(room, "T1", Options(unsafe=True))


@pytest.fixture(scope="module")
def sent(room, exam):
    job = Job("ada", seed_for(room.secret(), "ada", "T1"))
    plan, notebook = planned(room, exam, "ada")
    return Sent(job, plan, notebook, result_key(exam.master, plan, job.seed, exam.limits, exam.environment))


def result_of(exam, sent):
    """A result as an examination would give it, made without one."""
    points = tinycourse.POINTS
    tests = tuple(TestResult(n, None, float(p), float(p), "passed") for n, p in points.items())
    about = ("T1", "T1", sent.job.student, sent.plan.digest, exam.master.digest, sent.key, "unsafe")
    return Result(*about, seconds={"total": 0.1}, tests=tests).to_json()


# --- what leaves the head


def test_exam_arrives_as_it_was_sent(exam, tmp_path):
    found = cluster.unpack_exam(cluster.pack_exam(exam), tmp_path)
    assert found.master == exam.master and found.master.digest == exam.master.digest
    assert (found.limits, found.environment, found.unsafe, found.fresh) == (exam.limits, exam.environment, True, False)


def test_only_files_that_tests_may_read_go_along(exam, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(exam.folder, source)
    for name in ("T1.checks.json", "exercises.toml", "data/points.csv", "bank/double.py", ".ipynb_checkpoints/a.txt"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(name)
    (source / "link").symlink_to("/etc/passwd")
    (tmp_path / "there").mkdir()
    found = cluster.unpack_exam(cluster.pack_exam(replace(exam, folder=str(source))), tmp_path / "there")
    arrived = sorted(p.relative_to(found.folder).as_posix() for p in tmp_path.glob("there/folder/**/*") if p.is_file())
    assert arrived == ["T1.checks.json", "data/points.csv"]


def test_no_secret_leaves_the_head(room, exam, sent):
    secret = room.secret()
    for packed in (cluster.pack_exam(exam), cluster.pack_job(sent.job, sent.plan, sent.key)):
        assert secret not in packed and secret.hex().encode() not in packed


def test_exam_with_a_file_outside_its_folder_is_refused(exam, tmp_path):
    data = json.loads(cluster.pack_exam(exam)) | {"files": {"../../escaped": ""}}
    with pytest.raises(ClusterError, match="outside its folder"):
        cluster.unpack_exam(json.dumps(data).encode(), tmp_path)
    assert not (tmp_path.parent / "escaped").exists()


def test_altered_exam_is_refused(exam, tmp_path):
    data = json.loads(cluster.pack_exam(exam))
    data["master"]["cells"][3]["source"] = "pass"
    with pytest.raises(ClusterError, match="other than it was sent"):
        cluster.unpack_exam(json.dumps(data).encode(), tmp_path)


def test_worker_with_other_versions_refuses_and_names_them(exam, tmp_path):
    data = json.loads(cluster.pack_exam(exam))
    data["machine"]["packages"]["numpy"] = "1.0"
    data["machine"]["edfcore"] = "0" * 64
    with pytest.raises(ClusterError, match="packages.numpy is 1.0 there") as told:
        cluster.unpack_exam(json.dumps(data).encode(), tmp_path)
    assert "the source of edfcore is another" in str(told.value)


def test_worker_that_cannot_isolate_refuses_with_the_reason(monkeypatch):
    monkeypatch.setattr(cluster.sandbox, "why_not", lambda: "bubblewrap is missing.")
    assert cluster.refusal(cluster.machine(), unsafe=False) == "bubblewrap is missing."
    assert cluster.refusal(cluster.machine(), unsafe=True) is None


# --- what is believed


def test_right_result_is_believed(exam, sent):
    assert believed(result_of(exam, sent), exam, sent).points == 5.0


def _test(n, **changes):
    return lambda r: r["tests"][n].update(changes)


LIES = {
    "wrong key": lambda r: r.update(key="0" * 64),
    "another student": lambda r: r.update(student="bob"),
    "another hand-in": lambda r: r.update(plan="0" * 64),
    "another master": lambda r: r.update(master="0" * 64),
    "another assignment": lambda r: r.update(assignment="T2"),
    "isolation that was not": lambda r: r.update(assurance="isolated"),
    "no key": lambda r: r.pop("key"),
    "a field too many": lambda r: r.update(extra=1),
    "tests that are no list": lambda r: r.update(tests=3),
    "a missing test": lambda r: r["tests"].pop(),
    "a test twice": lambda r: r["tests"].append(r["tests"][0]),
    "an unknown test": _test(0, name="bonus"),
    "more points than there are": _test(0, points=3.0),
    "a larger maximum": _test(0, points=9.0, max_points=9.0),
    "negative points": _test(0, points=-1.0, verdict="partial"),
    "points that are no number": _test(0, points=float("nan")),
    "points that are a truth": _test(1, points=True),
    "points as text": _test(0, points="2"),
    "passed without full points": _test(0, points=1.0),
    "failed with points": _test(0, verdict="failed"),
    "unexamined with points": _test(0, verdict="unexamined"),
    "an unknown verdict": _test(0, verdict="excellent"),
    "an unhashable verdict": _test(0, verdict=["passed"]),
    "a message that is no text": _test(0, message=["x"]),
    "a reason that is no text": lambda r: r.update(needs_person=3),
    "flags that are no texts": lambda r: r.update(flags=[1]),
    "outputs of no cell": lambda r: r.update(cells=[{"index": 99, "name": None, "outputs": []}]),
    "outputs that are none": lambda r: r.update(cells=[{"index": 1, "name": None, "outputs": [{"type": 1}]}]),
    "cells that are no cells": lambda r: r.update(cells=[3]),
}


@pytest.mark.parametrize("lie", LIES)
def test_lie_is_not_believed(exam, sent, lie):
    data = json.loads(json.dumps(result_of(exam, sent)))
    LIES[lie](data)
    with pytest.raises(Disbelieved):
        believed(data, exam, sent)


@pytest.mark.parametrize("data", [None, 3, "x", [], [1], {}, {"tests": [], "cells": [], "flags": []}])
def test_what_is_no_result_is_not_believed(exam, sent, data):
    with pytest.raises(Disbelieved):
        believed(data, exam, sent)


# --- the head's side, with a scheduler and a worker in this process and no examination


@pytest.fixture
def inside():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options, protocol="tcp", host="127.0.0.1") as found:
        yield found.scheduler_address


def _run(room, exam, address, sent, n=1, patience=5.0):
    with Cluster(room, exam, address, patience) as found:
        return list(found.run(Job(f"s{i}" if n > 1 else "ada", sent.job.seed, None, sent.plan) for i in range(n)))


def _answering(monkeypatch, reply):
    """Let the workers answer with reply(bundle) instead of an examination."""
    monkeypatch.setattr(cluster, "examine_bundle", lambda packed_exam, packed_job: reply(json.loads(packed_job)))


def test_planted_result_under_a_wrong_key_is_refused(room, exam, sent, inside, monkeypatch):
    planted = json.dumps({"result": result_of(exam, sent) | {"key": "0" * 64}}).encode()
    _answering(monkeypatch, lambda _: planted)
    (found,) = _run(room, exam, inside, sent)
    assert found.result.points is None
    assert "the result of something else" in found.result.needs_person


@pytest.mark.parametrize("reply", [b"", b"[]", b"{}", b"\xff", b'{"result": {}}', None, {"result": {}}, b"[" * 100_000])
def test_reply_that_is_no_result_needs_a_person(room, exam, sent, inside, monkeypatch, reply):
    _answering(monkeypatch, lambda _: reply)
    (found,) = _run(room, exam, inside, sent)
    assert "no result" in found.result.needs_person or "failed on the cluster" in found.result.needs_person


def test_failure_is_tried_once_more(room, exam, sent, inside, monkeypatch, tmp_path):
    right, marker = json.dumps({"result": result_of(exam, sent)}).encode(), str(tmp_path / "tried")

    def reply(_):
        with contextlib.suppress(FileExistsError), open(marker, "x"):
            raise RuntimeError("the first time")
        return right

    _answering(monkeypatch, reply)
    (found,) = _run(room, exam, inside, sent)
    assert found.result.points == 5.0


def test_no_more_jobs_are_taken_than_workers_can_hold(room, exam, sent, inside, monkeypatch):
    taken = []

    def jobs():
        for i in range(40):
            taken.append(i)
            yield Job("ada", bytes([i]) * 32, None, sent.plan)

    _answering(monkeypatch, lambda _: b'{"failed": "not today"}')
    with Cluster(room, exam, inside, 5.0) as found:
        for done, _ in enumerate(found.run(jobs()), 1):
            assert len(taken) - done < cluster.IN_FLIGHT * 2
    assert len(taken) == 40


def test_unchanged_submission_is_not_sent(room, exam, sent, inside, monkeypatch):
    _answering(monkeypatch, lambda _: 1 / 0)
    with Cluster(room, exam, inside, 5.0) as found:
        (outcome,) = found.run([replace(sent.job, known=sent.key)])
    assert outcome.unchanged and outcome.result is None


def test_cluster_whose_workers_all_refuse_is_an_error_with_the_reason(room, exam, sent, inside, monkeypatch):
    monkeypatch.setattr(cluster, "refusal", lambda head, unsafe: "There are no namespaces here.")
    with pytest.raises(ClusterError, match="There are no namespaces here"):
        _run(room, exam, inside, sent)


def test_worker_that_refuses_later_is_an_error_with_the_reason(room, exam, sent, inside, monkeypatch):
    _answering(monkeypatch, lambda _: b'{"refused": "The sandbox did not start."}')
    with pytest.raises(ClusterError, match="The sandbox did not start"):
        _run(room, exam, inside, sent)


def test_submission_that_killed_its_workers_needs_a_person(exam, sent):
    distributed = pytest.importorskip("distributed")
    error = distributed.scheduler.KilledWorker("task", SimpleNamespace(address="tcp://x"), 1)
    future = SimpleNamespace(status="error", exception=lambda: error)
    head = SimpleNamespace(exam=exam, client=SimpleNamespace(status="running"))
    assert "workers of the cluster died" in Cluster._outcome(head, future, sent).result.needs_person


def test_nobody_at_the_address_is_an_error_that_says_so(room, exam):
    pytest.importorskip("distributed")
    with pytest.raises(ClusterError, match="No Dask scheduler answers at tcp://127.0.0.1"):
        Cluster(room, exam, f"tcp://127.0.0.1:{_free_port()}", patience=1.0)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- examiners, with sandboxes


@pytest.mark.sandbox
def test_examiner_that_died_is_replaced_and_leaves_nothing(room, sent, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    exam = exam_of(room, "T1", Options())
    key = result_key(exam.master, sent.plan, sent.job.seed, exam.limits, exam.environment)
    packed, job = cluster.pack_exam(exam), cluster.pack_job(sent.job, sent.plan, key)
    examiners = Examiners()
    try:
        first = json.loads(examiners.examine(packed, job))["result"]
        examiners._idle[0].process.kill()
        second = json.loads(examiners.examine(packed, job))["result"]
    finally:
        examiners.close()
    assert [first[k] for k in ("tests", "cells", "key")] == [second[k] for k in ("tests", "cells", "key")]
    assert first["assurance"] == "isolated" and believed(first, exam, replace(sent, key=key))
    left = [p for p in tmp_path.iterdir() if p.name.startswith("edf-exam-")]
    assert len(left) == 1, "the one that was killed could not clean up; the one that was closed did"


# --- real workers, in processes of their own


class Workers:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder):
        self.folder, self.address = folder, f"tcp://127.0.0.1:{_free_port()}"
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        self.workers = []

    def _start(self, *args):
        environment = os.environ | {"DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "0"}
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": self.folder}
        return subprocess.Popen([sys.executable, "-m", "dask", *args], env=environment, **options)

    def add(self):
        """One more worker."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        self.workers.append(self._start("worker", self.address, *options))
        return self.workers[-1]

    def close(self):
        """End them all."""
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    pytest.importorskip("distributed")
    found = Workers(tmp_path_factory.mktemp("dask"))
    for _ in range(2):
        found.add()
    yield found
    found.close()


@pytest.mark.sandbox
@pytest.mark.slow
def test_cluster_gives_the_grades_of_the_pool_row_for_row(workers, tmp_path):
    members = list(tinycourse.many(10))
    rooms = [tinycourse.make(tmp_path / name, [m[:2] for m in members]) for name in ("pool", "cluster")]
    for room in rooms:
        tinycourse.submit(room, "zed", b"not a notebook")
    grade(rooms[0], "T1", Options(workers=2))
    report = grade(rooms[1], "T1", Options(cluster=workers.address))
    assert tinycourse.rows(rooms[0]) == tinycourse.rows(rooms[1])
    assert [s for s, _ in report.needs_person] == ["zed"]
    assert tinycourse.points(rooms[1]).items() >= {s: p for s, _, p in members}.items()


@pytest.mark.sandbox
@pytest.mark.slow
def test_worker_killed_in_the_middle_costs_nobody_a_grade(workers, tmp_path):
    psutil = pytest.importorskip("psutil")  # distributed needs it
    members = list(tinycourse.many(16))
    room, done = tinycourse.make(tmp_path / "course", [m[:2] for m in members]), queue.SimpleQueue()
    victim, children = workers.workers[0], []

    def on_outcome(outcome):
        done.put(outcome.student)
        if done.qsize() == 3:
            children.extend(psutil.Process(victim.pid).children(recursive=True))
            victim.kill()

    report = grade(room, "T1", Options(cluster=workers.address), on_outcome=on_outcome)
    assert victim.wait(10) == -signal.SIGKILL
    assert not report.needs_person and len(report.recorded) == 16
    assert tinycourse.points(room) == {s: p for s, _, p in members}
    assert len(children) > 2, "an examiner, its sandbox and more"
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE], "all that it started ended with it"
