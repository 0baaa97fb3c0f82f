"""Submissions to outcomes, several at a time: on this machine's processes, or on a Dask cluster.

An outcome is a pure function of a job; it may be computed twice, and the recorder takes it once. A worker that dies
is replaced, and its job is tried once more; then a person is needed.
"""

import contextlib
import os
import signal
from collections import deque
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait

from .errors import AutogradeError
from .examine import compile_cells, die_with_parent, examine, result_key
from .plan import Master, Plan, make_plan, untouched
from .read import Unreadable, read_notebook
from .result import Result
from .sandbox import Limits, require
from .warm import Warm


@dataclass(frozen=True)
class Exam:
    """What all submissions of one notebook are examined with.

    folder : str, where locked and test cells run; builds : str, the folder of grading builds
    files : dict from name to bytes, what students got beside the notebook; in the sandbox they find it again
    environment : str, digest of the versions that matter
    """

    master: Master
    folder: str
    builds: str
    limits: Limits = field(default_factory=Limits)
    environment: str = ""
    unsafe: bool = False
    fresh: bool = False
    files: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One submission.

    seed : bytes, of the student's hidden inputs
    known : str or None, the key of the result that stands in the gradebook
    plan : Plan, where it was planned already
    """

    student: str
    seed: bytes
    known: str | None = None
    plan: Plan | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a Result, or unchanged (its result stands already).

    notebook : bytes as handed in, for the receipt
    """

    student: str
    key: str
    plan: Plan | None
    result: Result | None
    unchanged: bool = False
    notebook: bytes = b""


def planned(room, exam, student):
    """Read and plan one submission: (Plan, the notebook's bytes), or (a sentence, b"") where it cannot be read."""
    master = exam.master
    try:
        folder = room.handed_in(master, student, master.named, untouched(master))
        submitted = read_notebook(folder.notebook, folder.name)
        return make_plan(master, submitted, student, folder.files | exam.files, folder.notes), folder.notebook
    except Unreadable as error:
        return str(error), b""


def outcome(room, exam, warm, job):
    """The Outcome of a job."""
    plan, notebook = (job.plan, b"") if job.plan is not None else planned(room, exam, job.student)
    if isinstance(plan, str):
        return unreadable(exam, job, plan)
    key = result_key(exam.master, plan, job.seed, exam.limits, exam.environment)
    if key == job.known:
        return Outcome(job.student, key, plan, None, unchanged=True)
    options = {"folder": exam.folder, "seed": job.seed, "limits": exam.limits, "environment": exam.environment}
    result = examine(exam.master, plan, warm, **options)
    if result.needs_person and not plan.needs_person:  # the examination failed: once more, with nothing left warm
        warm.renew()
        result = examine(exam.master, plan, warm, **options)
    return Outcome(job.student, key, plan, result, notebook=notebook)


def unreadable(exam, job, why):
    """The Outcome of a submission that cannot be read."""
    empty = Plan(exam.master.assignment, exam.master.notebook, job.student, (), {}, (), why)
    key = result_key(exam.master, empty, job.seed + why.encode(), exam.limits, exam.environment)
    return Outcome(job.student, key, None, _failed(exam, job, key, why), unchanged=key == job.known)


def _failed(exam, job, key, why):
    assurance = "unsafe" if exam.unsafe else "isolated"
    about = (exam.master.assignment, exam.master.notebook, job.student, "", exam.master.digest, key, assurance)
    return Result(*about, needs_person=why, seconds={"total": 0.0})


class Pool:
    """Worker processes on this machine. Use as a context manager.

    Parameters
    ----------
    room : Classroom
    exam : Exam
    workers : int
    """

    def __init__(self, room, exam, workers=None):
        self.room, self.exam = room, exam
        self.count = workers or default_workers()
        require(exam.unsafe)  # with --fresh the workers would be the first to notice
        self.warm = Warm(exam.master, exam.builds, exam.unsafe, exam.fresh)
        self._workers = {}
        if not exam.fresh:
            self.warm.prepare()  # zygotes for all workers
        try:
            for _ in range(self.count):
                self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        context = get_context("fork")
        mine, theirs = context.Pipe()
        others = [pipe for pipe in self._workers]
        process = context.Process(target=_work, args=(self.room, self.exam, self.warm, theirs, [mine, *others]))
        process.start()
        theirs.close()
        self._workers[mine] = process
        return mine

    def run(self, jobs):
        """Yield the Outcome of each job, as they come. A worker has one job before it and one in waiting."""
        waiting, tried = iter(jobs), {}
        given = {pipe: deque() for pipe in self._workers}
        for _ in range(2):
            for pipe in given:
                self._give(pipe, waiting, given)
        while any(given.values()):
            for pipe in wait([p for p, queue in given.items() if queue]):
                try:
                    found = pipe.recv()
                except (EOFError, OSError):
                    job, again = self._again(given.pop(pipe), tried)
                    fresh = self._replace(pipe)
                    given[fresh] = deque()
                    for another in again:
                        self._give(fresh, iter([another]), given)
                    if job is not None:
                        yield self._lost(job)
                    continue
                given[pipe].popleft()
                self._give(pipe, waiting, given)
                yield found

    @staticmethod
    def _give(pipe, waiting, given):
        job = next(waiting, None)
        if job is not None:
            given[pipe].append(job)
            with contextlib.suppress(OSError):  # a worker that has just died is noticed when it is heard
                pipe.send(job)

    @staticmethod
    def _again(queue, tried):
        """After a worker died at the first of its jobs: (that job, if it is given up; the jobs to be done again)."""
        first = queue[0]
        tried[first.student] = tried.get(first.student, 0) + 1
        if tried[first.student] < 2:
            return None, list(queue)
        queue.popleft()
        return first, list(queue)

    def _lost(self, job):
        why = "The grader's own process died twice while it examined this submission."
        return unreadable(self.exam, job, why)

    def _replace(self, pipe):
        process = self._workers.pop(pipe)
        pipe.close()
        process.kill()
        process.join()
        return self._start()

    def close(self):
        """End all workers and their sandboxes."""
        for pipe, process in self._workers.items():
            pipe.close()
            process.join(0.2)
            process.kill()
            process.join()
        self._workers.clear()
        self.warm.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _work(room, exam, parent, pipe, others):
    """A worker: jobs in, outcomes out, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    for other in others:
        other.close()
    status = 1
    try:
        warm = Warm(exam.master, exam.builds, exam.unsafe, exam.fresh, parent=parent)
        compile_cells(exam.master)
        with warm, contextlib.suppress(EOFError):
            while True:
                pipe.send(outcome(room, exam, warm, pipe.recv()))
        status = 0
    finally:
        os._exit(status)


def default_workers():
    """One for each processor that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


def one_thread():
    """Keep the numerical libraries of this process and its forks to one thread; several would fight over the cores."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise AutogradeError('The grader needs threadpoolctl. Run: python -m pip install -e ".[course]"') from error
    threadpool_limits(1)
