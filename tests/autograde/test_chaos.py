"""A grading run that is killed again and again ends as one that nobody disturbed.

The grader is a process that runs the pipeline. It is killed with SIGKILL at random moments and started again; once it
works on a cluster, one of whose workers is killed; once the disk is full, once the gradebook is locked by another
connection. Then the gradebook must equal, row for row, that of a run without any of this.

pytest runs a small slice. The full campaign, with its report as JSON:

    python tests/autograde/test_chaos.py --students 100 --kills 20
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import tinycourse
from test_cluster import Workers

from autograde import receipts
from autograde.classroom import Classroom

# What the grader runs: argv is the course, the address of a scheduler or "", and "full" where writing fails.
GRADER = """
import errno, os, sys
from autograde.classroom import Classroom
from autograde.errors import AutogradeError
from autograde.pipeline import Options, grade

root, cluster, disk = sys.argv[1:]
if disk == "full":  # where no real file system can be filled: durable writes fail from the third on
    sync, done = os.fsync, []
    def fsync(descriptor):
        done.append(1)
        if len(done) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return sync(descriptor)
    os.fsync = fsync
told = lambda outcome: print(outcome.student, flush=True)
try:
    grade(Classroom.at(root), "T1", Options(workers=2, cluster=cluster or None), on_outcome=told)
except AutogradeError as error:
    sys.exit(f"refused: {error}")
"""


class Grader:
    """A grading run in a process of its own. `seen`: how many outcomes it has told."""

    def __init__(self, root, cluster="", disk=""):
        self.errors = tempfile.TemporaryFile()
        options = {"stdout": subprocess.PIPE, "stderr": self.errors, "text": True, "start_new_session": True}
        command = [sys.executable, "-c", GRADER, str(root), cluster, disk]
        self.process, self.seen = subprocess.Popen(command, **options), 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for _ in self.process.stdout:
            self.seen += 1

    def wait_for(self, outcomes, seconds=300.0):
        """Until that many outcomes are told, or it has ended."""
        deadline = time.monotonic() + seconds
        while self.seen < outcomes and self.process.poll() is None:
            assert time.monotonic() < deadline, "the grader hangs"
            time.sleep(0.002)

    def kill(self):
        """SIGKILL; whether it was still at work."""
        self.process.kill()
        killed = self.process.wait() == -9
        self._reader.join()
        return killed

    def finish(self, seconds=600.0):
        """Let it end: (exit status, what it said on stderr)."""
        status = self.process.wait(seconds)
        self._reader.join()
        self.errors.seek(0)
        return status, self.errors.read().decode(errors="replace")


@contextlib.contextmanager
def small_disk(folder, megabytes):
    """A file system of that size at `folder`, where this account may mount one; whether there is one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def disk_full(root, real):
    """One run on a full disk: it must end by itself with a sentence, and lose nothing."""
    filler = root / "filler"
    if real:
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
    status, told = Grader(root, disk="" if real else "full").finish()
    filler.unlink(missing_ok=True)
    assert status == 1 and "refused:" in told and "Traceback" not in told, told
    assert "disk" in told or "space" in told, told
    return told.strip().splitlines()[-1]


def database_locked(root, seconds=2.0):
    """One run during which another connection holds the gradebook's lock for a while; it waits and goes on."""
    grader = Grader(root)
    grader.wait_for(2)
    other = sqlite3.connect(root / "gradebook.db", timeout=30.0, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    before = grader.seen
    time.sleep(seconds)
    during = grader.seen - before
    other.rollback()
    other.close()
    grader.wait_for(before + 3)
    return grader, during


def campaign(folder, students, kills, seed):
    """Grade a class undisturbed, and again with everything that can happen to it; what differs, as JSON data."""
    chance, members = random.Random(seed), list(tinycourse.many(students, seed))
    builds = folder / "builds"
    calm = tinycourse.make(folder / "calm", [m[:2] for m in members], builds)
    status, told = Grader(calm.root).finish()
    assert status == 0, told
    disk = folder / "disk"
    disk.mkdir()
    with small_disk(disk, 64 + students // 2) as real:
        rough = tinycourse.make(disk / "rough", [m[:2] for m in members], builds)
        happened = torment(rough, kills, students, chance, folder, real)
        found = compare(calm, rough, members)
    return found | happened | {"students": students, "real_disk": real, "seed": seed}


def torment(room, kills, students, chance, folder, real):
    """Run and kill until all kills are done, with the accidents in between; then let it finish."""
    root, killed, happened = room.root, 0, {}
    accidents = dict(zip(sorted(chance.sample(range(kills), 3)), ("cluster", "disk", "lock"), strict=True))
    for number in range(kills):
        accident, grader = accidents.get(number), None
        if accident == "disk":
            happened["disk_full"] = disk_full(root, real)
        if accident == "lock":
            grader, happened["outcomes_while_locked"] = database_locked(root)
        if accident == "cluster":
            killed += on_a_cluster(root, folder)
            happened["dask_worker_killed"] = True
            continue
        grader = grader or Grader(root)
        grader.wait_for(grader.seen + chance.randrange(0, max(2, 2 * students // (kills + 6))))
        time.sleep(chance.uniform(0.0, 0.3))
        killed += grader.kill()
    status, told = Grader(root).finish()
    assert status == 0, told
    return happened | {"kills": kills, "killed_at_work": killed}


def on_a_cluster(root, folder):
    """One run on two workers, one of which is killed; then the grader is, too."""
    workers = Workers(folder)
    try:
        for _ in range(2):
            workers.add()
        grader = Grader(root, workers.address)
        grader.wait_for(1)
        workers.workers[0].kill()
        grader.wait_for(grader.seen + 2)
        return grader.kill()
    finally:
        workers.close()


def compare(calm, rough, members):
    """How the second course differs from the first, in counts that must be zero."""
    ours, theirs = tinycourse.rows(rough), tinycourse.rows(calm)
    differing = {table: len(set(ours[table]) ^ set(theirs[table])) for table in theirs}
    doubled = sum(len(rows) - len(set(rows)) for rows in ours.values())
    points = tinycourse.points(rough)
    keys = [r.entry["key"] for r in receipts.find(rough.root, "T1")]
    trees = [{s: _tree(room.root / "autograded" / s / "T1") for s, _, _ in members} for room in (calm, rough)]
    return {
        "differing_rows": differing,
        "doubled_rows": doubled,
        "lost_or_wrong": sum(points.get(s) != p for s, _, p in members),
        "notebooks_differing": sum(trees[0][s] != trees[1][s] for s, _, _ in members),
        "receipts_intact": receipts.verify(rough.root, "T1").intact,
        "receipts_doubled": len(keys) - len(set(keys)),
        "receipts_missing": len({s for s, _, _ in members} - {r.entry["student"] for r in _receipts(rough)}),
        "waiting_in_spool": len(list((rough.private / "spool" / "T1").glob("*.json"))),
        "left_behind": len(list((rough.root / "autograded").glob("*/.*"))),
    }


def _receipts(room):
    return receipts.find(room.root, "T1")


def _tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def faults(found):
    """The entries of a campaign's report that must be zero and are not."""
    zero = ("doubled_rows", "lost_or_wrong", "notebooks_differing", "receipts_doubled", "receipts_missing")
    told = [f"{name}: {found[name]}" for name in (*zero, "waiting_in_spool", "left_behind") if found[name]]
    told += [f"rows of {table} that differ: {n}" for table, n in found["differing_rows"].items() if n]
    return told + ([] if found["receipts_intact"] else ["the chain of receipts is broken"])


@pytest.mark.slow
@pytest.mark.sandbox
def test_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(tmp_path):
    pytest.importorskip("distributed")
    found = campaign(tmp_path, students=12, kills=6, seed=5)
    assert faults(found) == []
    assert found["killed_at_work"] >= 3, "most kills met a grader at work"


@pytest.mark.slow
@pytest.mark.sandbox
def test_comparison_sees_a_lost_a_wrong_and_a_stale_grade_and_a_student_too_many(tmp_path):
    members = list(tinycourse.many(3))
    rooms = [tinycourse.make(tmp_path / name, [m[:2] for m in members], tmp_path / "builds") for name in ("a", "b")]
    assert Grader(rooms[0].root).finish()[0] == 0
    shutil.rmtree(rooms[1].root)
    for damage in (
        "DELETE FROM grade WHERE id = (SELECT min(id) FROM grade)",
        "UPDATE grade SET auto_score = 1.0 WHERE auto_score = 2.0",
        "UPDATE autograde_ledger SET plan = 'old' WHERE student = 's0000'",
        "INSERT INTO student (id) VALUES ('another')",
    ):
        shutil.copytree(rooms[0].root, rooms[1].root, symlinks=True)
        with contextlib.closing(sqlite3.connect(rooms[1].root / "gradebook.db")) as database:
            database.execute(damage)
            database.commit()
        assert faults(compare(rooms[0], Classroom.at(rooms[1].root), members)), damage
        shutil.rmtree(rooms[1].root)


def main():
    parser = argparse.ArgumentParser(description="The full campaign; prints a report as JSON, exits with 1 on a fault.")
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20260101)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edf-chaos-") as folder:
        begun = time.monotonic()
        found = campaign(Path(folder), options.students, options.kills, options.seed)
    print(json.dumps(found | {"seconds": round(time.monotonic() - begun, 1), "faults": faults(found)}, indent=1))
    sys.exit(1 if faults(found) else 0)


if __name__ == "__main__":
    main()
