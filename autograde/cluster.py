"""Outcomes from a Dask cluster: the head reads, plans and records; workers elsewhere examine.

    autograde grade A1 --cluster tcp://head:8786

A `Cluster` stands where a `Pool` would. What crosses is JSON: the exam (master, files of its folder, limits), once to
each worker; of a submission its plan and the seed of this student's hidden inputs; and the result. The course's secret,
the gradebook and other submissions stay at the head. Every task is named by a hash of all that its result depends
on, so computing it twice gives one result, and the recorder takes that once.

Each worker hands jobs to examiners, plain processes with one thread: an examination forks and sets timers, which a
worker full of threads must not do, and what ends an examiner does not end the worker. A worker refuses where it cannot
isolate, or has another Python, packages, edfcore or autograde than the head. A result is checked before it is believed,
but a worker could still make up points within their bounds: use machines that you would let grade.

To start one, on machines with this package and bubblewrap installed (the extra `cluster`):

    this machine    dask scheduler --host 127.0.0.1                          then, for each core:
                    dask worker tcp://127.0.0.1:8786 --nthreads 1 --no-dashboard
    by SSH          dask ssh --nworkers 8 --nthreads 1 head node1 node2      (the package `asyncssh`)
    Slurm           SLURMCluster(cores=1, processes=1, memory="2GB").adapt(maximum=64) of dask-jobqueue, in a script
                    that prints `cluster.scheduler_address` and waits
    Kubernetes      KubeCluster(name="grade", image=..., n_workers=16, worker_command="dask-worker --nthreads 1") of
                    dask-kubernetes; its pods must be allowed to make user namespaces, see `autograde doctor`

One worker process with one thread for each core is best; more threads work, each with an examiner of its own. Whoever
reaches the scheduler can run code on all of it: give it TLS (Dask's configuration `distributed.comm.tls`, an address
tls://...) wherever the network is not yours alone. Dask gives up a task after its setting
`distributed.scheduler.allowed-failures` (3) of workers died with it; with 1, two deaths end it.
"""

import atexit
import base64
import contextlib
import gc
import hashlib
import json
import os
import queue
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import receipts, sandbox
from .assignment import KEPT
from .errors import AutogradeError
from .examine import die_with_parent, every_forbidden, result_key
from .plan import Master, MasterCell, Plan
from .pool import Exam, Job, Outcome, one_thread, outcome, planned, unreadable
from .result import REASONS, VERDICTS, Result
from .sandbox import Limits
from .warm import Warm

IN_FLIGHT = 2  # jobs for each thread of a worker: one examined, one on its way
TRIES = 2
LARGEST = 64 << 20  # bytes of a bundle or a result
SIZE = struct.Struct(">Q")


class ClusterError(AutogradeError):
    """A cluster that cannot be reached or used."""


class Disbelieved(ValueError):
    """What a worker sent is not the result that was asked for."""


# --- the exam and the bundle as bytes --------------------------------------------------------------------------------


def machine():
    """What of a machine grades depend on, for comparison: `receipts.environment` and the source of autograde."""
    own = receipts.tree_digest(Path(__file__).parent, "*.py")
    return receipts.environment() | {"autograde": own}


def pack_exam(exam):
    """The Exam as bytes, with the files of its folder but for the source notebook, the manifest and the bank.

    Raises
    ------
    ClusterError : the files are too large to send.
    """
    files = {name: base64.b64encode(data).decode("ascii") for name, data in _files(Path(exam.folder))}
    data = {
        "master": asdict(exam.master) | {"cells": [asdict(c) | {"binds": sorted(c.binds)} for c in exam.master.cells]},
        "digest": exam.master.digest,
        "limits": asdict(exam.limits),
        "environment": exam.environment,
        "machine": machine(),
        "unsafe": exam.unsafe,
        "fresh": exam.fresh,
        "files": files,
    }
    packed = receipts.canonical(data)
    if len(packed) > LARGEST:
        raise ClusterError(
            f"{exam.folder} holds {len(packed) >> 20} MB; at most {LARGEST >> 20} are sent to workers. Keep large "
            "data in a package that each of them has."
        )
    return packed


def _files(folder):
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.suffix != ".ipynb" and not set(parts) & set(KEPT) and path.is_file() and not path.is_symlink():
            yield "/".join(parts), path.read_bytes()


def unpack_exam(packed, folder):
    """The Exam of `pack_exam`, its files written below `folder`.

    Raises
    ------
    AutogradeError : this machine differs from the head's, or the bytes are none of an exam.
    """
    data = json.loads(packed)
    told = differences(data["machine"])
    if told:
        raise ClusterError(told)
    place = Path(folder) / "folder"
    place.mkdir(mode=0o700)
    for name, content in data["files"].items():
        path = place / name
        if not path.resolve().is_relative_to(place.resolve()):
            raise ClusterError(f"The exam holds a file {name!r} outside its folder; it was not made by this program.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))
    fields = data["master"]
    cells = tuple(MasterCell(**(c | {"binds": frozenset(c["binds"])})) for c in fields["cells"])
    forbidden = {test: tuple(names) for test, names in fields["forbidden"].items()}
    master = Master(**(fields | {"cells": cells, "forbidden": forbidden}))
    if master.digest != data["digest"]:
        raise ClusterError("The exam arrived other than it was sent.")
    builds = str(Path(folder) / "builds")
    about = (Limits(**data["limits"]), data["environment"], data["unsafe"], data["fresh"])
    return Exam(master, str(place), builds, *about)


def differences(head):
    """A sentence on how this machine differs from the head's, or None. `head`: `machine()` of the head."""
    told = _differences(head, machine())
    if not told:
        return None
    return f"This worker differs from the head: {'; '.join(told[:5])}. Install the same versions on both."


def _differences(head, here, name=""):
    if isinstance(head, dict) and isinstance(here, dict):
        keys = sorted(head.keys() | here.keys())
        return [t for k in keys for t in _differences(head.get(k), here.get(k), f"{name}.{k}".strip("."))]
    if head == here:
        return []
    if len(str(head)) == len(str(here)) == 64:  # digests say nothing to a reader
        return [f"the source of {name} is another"]
    return [f"{name} is {head} there and {here} here"]


def pack_job(job, plan, key):
    """A planned submission as bytes: all that an examination needs besides the exam."""
    return receipts.canonical({"student": job.student, "seed": job.seed.hex(), "key": key, "plan": plan.to_json()})


# --- what a worker does ----------------------------------------------------------------------------------------------


def refusal(head, unsafe):
    """Why this worker refuses to examine: a sentence, or None. Called on each worker when it is first seen."""
    return differences(head) or (None if unsafe else sandbox.why_not())


def examine_bundle(packed_exam, packed_job):
    """The result of a bundle as bytes of JSON: {"result": ...}, or {"failed": a sentence}, or {"refused": a sentence}.

    This is the task that Dask runs; it waits for an examiner, so a worker with several threads runs several.
    """
    return _examiners().examine(packed_exam, packed_job)


_guard, _of_this_process = threading.Lock(), []


def _examiners():
    with _guard:
        if not _of_this_process:
            _of_this_process.append(Examiners())
            atexit.register(close_examiners)
        return _of_this_process[0]


def close_examiners():
    """End this worker's examiners."""
    with _guard:
        while _of_this_process:
            _of_this_process.pop().close()


class Examiners:
    """The examiner processes of one worker: as many as it has jobs at once, kept warm for one exam."""

    def __init__(self):
        self._lock, self._idle, self._busy, self._exam = threading.Lock(), [], set(), None

    def examine(self, packed_exam, packed_job):
        """See `examine_bundle`. An examiner that dies is replaced, once."""
        for _ in range(TRIES):
            examiner = self._take(packed_exam)
            try:
                reply = examiner.refused or examiner.ask(packed_job)
            except (OSError, EOFError):
                self._drop(examiner)
                continue
            self._give_back(examiner)
            return reply
        return _failed("The grader's own process died twice while it examined this submission.")

    def _take(self, packed_exam):
        digest = hashlib.sha256(packed_exam).hexdigest()
        with self._lock:
            others, self._exam = (self._idle, digest) if self._exam != digest else ([], digest)
            self._idle = [] if others else self._idle
            found = self._idle.pop() if self._idle else None
        for other in others:
            other.close()
        found = found or Examiner(packed_exam, digest)
        with self._lock:
            self._busy.add(found)
        return found

    def _give_back(self, examiner):
        with self._lock:
            self._busy.discard(examiner)
            keep = examiner.digest == self._exam and examiner.refused is None
            if keep:
                self._idle.append(examiner)
        if not keep:
            examiner.close()

    def _drop(self, examiner):
        with self._lock:
            self._busy.discard(examiner)
        examiner.close()

    def close(self):
        """End them all."""
        with self._lock:
            every, self._idle, self._busy = [*self._idle, *self._busy], [], set()
        for examiner in every:
            examiner.close()


class Examiner:
    """A process that examines one submission after another for one exam. `refused`: its reply where it does not."""

    def __init__(self, packed_exam, digest):
        self.digest, self.refused = digest, None
        environment = os.environ | {f"{n}_NUM_THREADS": "1" for n in ("OPENBLAS", "OMP", "MKL")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autograde.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parent.parent,
            env=environment,
            start_new_session=True,
        )
        with contextlib.suppress(OSError, EOFError):  # then it is told when a job is asked for
            reply = self.ask(packed_exam)
            self.refused = reply if "refused" in json.loads(reply) else None

    def ask(self, data):
        """Send bytes and give the bytes that come back.

        Raises
        ------
        OSError, EOFError : the process is gone.
        """
        _send(self.process.stdin, data)
        return _receive(self.process.stdout)

    def close(self):
        """End the process; it takes its sandboxes and its folder with it."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def _send(stream, data):
    stream.write(SIZE.pack(len(data)) + data)
    stream.flush()


def _receive(stream):
    (size,) = SIZE.unpack(_exactly(stream, SIZE.size))
    if size > LARGEST:
        raise EOFError("a message that is too long")
    return _exactly(stream, size)


def _exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the other side is gone")
    return data


def _failed(why, kind="failed"):
    return receipts.canonical({kind: why})


def serve():
    """The examiner's main function: an exam, then jobs on stdin, replies on stdout, until stdin closes."""
    _end_with_parent()
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, prints elsewhere
    one_thread()
    folder = tempfile.mkdtemp(prefix="edf-exam-")  # 0700
    try:
        with contextlib.suppress(EOFError, BrokenPipeError):
            _serve(source, sink, folder)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `Examiner.close` closes stdin and sends one, too
        shutil.rmtree(folder, ignore_errors=True)


def _serve(source, sink, folder):
    try:
        exam = unpack_exam(_receive(source), folder)
        warm = Warm(exam.master, exam.builds, exam.unsafe, exam.fresh)
    except AutogradeError as error:
        _send(sink, _failed(str(error), "refused"))
        return
    with warm:
        try:
            if not exam.fresh:
                warm.get(every_forbidden(exam.master))
        except AutogradeError as error:
            _send(sink, _failed(str(error), "refused"))
            return
        gc.collect()
        gc.freeze()  # in a fork, a collection would copy every page of what is loaded
        _send(sink, receipts.canonical({"ready": True}))
        while True:
            _send(sink, _examined(exam, warm, json.loads(_receive(source))))


def _examined(exam, warm, data):
    try:
        plan = Plan.from_json(data["plan"])
        found = outcome(None, exam, warm, Job(data["student"], bytes.fromhex(data["seed"]), None, plan))
        reply = receipts.canonical({"result": found.result.to_json()})
    except Exception as error:  # noqa: BLE001 - told to the head, which tries elsewhere
        return _failed(f"{type(error).__name__}: {error}"[:1000])
    return reply if len(reply) <= LARGEST else _failed("The result is too large to send.")


def _end_with_parent():
    """End, in order, when the worker goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    die_with_parent(signal.SIGTERM)


def _same(data):
    return data


# --- the head --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A job on its way; `told`: what went wrong with it so far; `moved`: workers that refused it."""

    job: Job
    plan: Plan
    notebook: bytes
    key: str
    told: tuple[str, ...] = ()
    moved: int = 0


def believed(data, exam, sent):
    """The Result in what a worker sent.

    Raises
    ------
    Disbelieved : it is not the result of what was sent, or no result at all.
    """
    try:
        result = Result.from_json(data)
        about = (result.student, result.assignment, result.notebook, result.plan, result.master, result.assurance)
    except (ValueError, TypeError) as error:
        raise Disbelieved(f"a worker sent what is no result: {error}") from None
    master = exam.master
    wanted = (sent.job.student, master.assignment, master.notebook, sent.plan.digest, master.digest)
    wanted += ("unsafe" if exam.unsafe else "isolated",)
    if result.key != sent.key or about != wanted:
        raise Disbelieved("a worker sent the result of something else")
    worth = {c.name: c.points for c in master.cells if c.kind == "test"}
    names = [t.name for t in result.tests]
    if not isinstance(result.needs_person, str | None) or (not result.needs_person and set(names) != set(worth)):
        raise Disbelieved("a worker sent a result that lacks tests")
    if len(set(names)) != len(names) or not all(_plausible(t, worth) for t in result.tests):
        raise Disbelieved("a worker sent a result with impossible points")
    if not all(_is_output(c, len(sent.plan.cells)) for c in result.cells) or not _texts(result.flags):
        raise Disbelieved("a worker sent outputs that are none")
    return result


def _plausible(test, worth):
    if test.name not in worth or test.max_points != worth[test.name]:
        return False
    if test.verdict not in VERDICTS or test.reason not in REASONS or not _texts((test.category, test.message)):
        return False
    if test.points is None:
        return test.verdict == "unexamined"
    known = type(test.points) in (int, float) and 0 <= test.points <= test.max_points
    full = {"passed": test.points == test.max_points, "failed": test.points == 0}
    return known and test.verdict != "unexamined" and full.get(test.verdict, True)


def _is_output(cell, count):
    if type(cell.index) is not int or not 0 <= cell.index < count:
        return False
    return all(type(o) is dict and _texts(o.values()) for o in cell.outputs)


def _texts(values):
    return all(type(v) is str for v in values)


class Cluster:
    """Workers of a Dask cluster, where a `Pool` would be. Use as a context manager.

    Parameters
    ----------
    room : Classroom
    exam : Exam
    address : str, of the scheduler
    patience : float, seconds to wait for a first worker, and for another when none is left

    Raises
    ------
    ClusterError : dask.distributed is missing, nobody answers, or every worker refuses.
    """

    def __init__(self, room, exam, address, patience=60.0):
        self.room, self.exam, self.address, self.patience = room, exam, address, patience
        self.threads, self.refusing, self._here = {}, {}, machine()
        packed = pack_exam(exam)
        self.digest = hashlib.sha256(packed).hexdigest()
        self.client = _client(address, patience)
        try:
            self.client.register_plugin(_closing())
            # A task and no scattered data: what a dead worker held is computed again from the scheduler's copy.
            self.packed = self.client.submit(_same, packed, key=f"autograde-exam-{self.digest}")
            self._looked, self._alone = 0.0, None
            self._wait_for_workers()
        except BaseException:
            self.close()
            raise

    # workers

    def _wait_for_workers(self):
        deadline = time.monotonic() + self.patience
        while not self._accepted(now=True):
            if time.monotonic() > deadline or (self.refusing and self.refusing.keys() >= self.threads.keys()):
                raise ClusterError(self._none_left())
            time.sleep(0.2)

    def _none_left(self):
        if not self.refusing:
            return f"{self.address} has no worker. Start one: dask worker {self.address} --nthreads 1"
        told = "; ".join(f"{address}: {why}" for address, why in list(self.refusing.items())[:3])
        return f"No worker of {self.address} examines. {told}"

    def _accepted(self, now=False):
        """Threads by address of the workers that do not refuse; new ones are asked."""
        if now or time.monotonic() > self._looked + 2.0:
            self._looked = time.monotonic()
            known, self.threads = self.threads, self._ask(self.client.nthreads)
            gone = self.refusing.keys() - self.threads.keys()
            self.refusing = {a: why for a, why in self.refusing.items() if a not in gone}
            fresh = [a for a in self.threads if a not in known]
            if fresh:
                self._greet(fresh)
        return {a: n for a, n in self.threads.items() if a not in self.refusing}

    def _greet(self, addresses):
        options = {"workers": addresses, "on_error": "return"}
        for address, why in self._ask(self.client.run, refusal, self._here, self.exam.unsafe, **options).items():
            if isinstance(why, OSError):
                self.threads.pop(address, None)  # it went away; if it comes back it is asked again
            elif isinstance(why, BaseException):
                told = f"{type(why).__name__}: {why}"[:300]
                self.refusing[address] = f"it cannot run this program ({told}); install the same version of it there."
            elif why is not None:
                self.refusing[address] = str(why)

    def _ask(self, what, *args, **kwargs):
        try:
            return what(*args, **kwargs)
        except (OSError, TimeoutError, AttributeError) as error:
            raise ClusterError(self._lost_scheduler()) from error

    def _lost_scheduler(self):
        return (
            f"The scheduler {self.address} does not answer. What was examined so far is recorded; when it is back, run "
            "the same command again."
        )

    # jobs

    def run(self, jobs):
        """Yield the Outcome of each job, as they come. Jobs are taken from `jobs` as workers can take them."""
        waiting, busy, ended = iter(jobs), {}, queue.SimpleQueue()
        try:
            while True:
                yield from self._fill(waiting, busy, ended)
                if not busy:
                    return
                key = self._next(ended, busy)
                if key is None:
                    continue
                future, sent = busy.pop(key)
                found = self._outcome(future, sent)
                del future
                if type(found) is Sent:
                    self._send(found, busy, ended)
                else:
                    yield found
        finally:
            for future, _ in busy.values():
                with contextlib.suppress(Exception):
                    future.cancel()

    def _fill(self, waiting, busy, ended):
        """Send jobs while workers have room; yield the outcomes that need none."""
        while len(busy) < IN_FLIGHT * max(1, sum(self._accepted().values())):
            job = next(waiting, None)
            if job is None:
                return
            found = self._prepared(job)
            if type(found) is Sent:
                self._send(found, busy, ended)
            else:
                yield found

    def _prepared(self, job):
        plan, notebook = (job.plan, b"") if job.plan is not None else planned(self.room, self.exam, job.student)
        if isinstance(plan, str):
            return unreadable(self.exam, job, plan)
        key = result_key(self.exam.master, plan, job.seed, self.exam.limits, self.exam.environment)
        if key == job.known:
            return Outcome(job.student, key, plan, None, unchanged=True)
        return Sent(job, plan, notebook, key)

    def _send(self, sent, busy, ended):
        bundle = pack_job(sent.job, sent.plan, sent.key)
        name = hashlib.sha256(f"{self.digest} {sent.key} {len(sent.told)} {sent.moved}".encode()).hexdigest()
        key = f"autograde-{name}"
        options = {"key": key, "pure": True, "retries": 0}
        if self.refusing:
            options["workers"] = list(self._accepted())
        future = self._ask(self.client.submit, examine_bundle, self.packed, bundle, **options)
        busy[key] = future, sent
        future.add_done_callback(lambda future: ended.put(future.key))

    def _next(self, ended, busy):
        """The key of a task that ended, or None after a while without one."""
        with contextlib.suppress(queue.Empty):
            key = ended.get(timeout=2.0)
            return key if key in busy else None
        if self.client.status not in ("running", "connecting"):
            raise ClusterError(self._lost_scheduler())
        if self._accepted():
            self._alone = None
        elif self._alone is None:
            self._alone = time.monotonic()
        elif time.monotonic() > self._alone + self.patience:
            raise ClusterError(f"{self._none_left()} What was examined is recorded: run the same command again.")
        return None

    def _outcome(self, future, sent):
        """The Outcome of a task that ended, or the Sent to try again."""
        if future.status == "finished":
            told = self._told(future, sent)
            if type(told) is not str:
                return told
        elif future.status == "error":
            error = future.exception()
            if type(error).__name__ == "KilledWorker":
                why = "Too many workers of the cluster died while they examined this submission."
                return unreadable(self.exam, sent.job, why)
            told = f"{type(error).__name__}: {error}"[:500]
        elif self.client.status != "running":
            raise ClusterError(self._lost_scheduler())
        else:
            told = "the cluster forgot the task"
        again = Sent(sent.job, sent.plan, sent.notebook, sent.key, (*sent.told, told))
        if len(again.told) < TRIES:
            return again
        return unreadable(self.exam, sent.job, f"The examination failed on the cluster: {'; '.join(again.told)}")

    def _told(self, future, sent):
        """The Outcome in a task's reply; the Sent again where its worker refused; or a sentence on what went wrong."""
        data = future.result()
        try:
            if type(data) is not bytes or len(data) > LARGEST:
                raise Disbelieved("a worker sent what is no result")
            reply = json.loads(data)
            if type(reply) is dict and type(reply.get("refused")) is str:
                return self._refused(future, sent, reply["refused"])
            if type(reply) is not dict or "result" not in reply:
                return _sentence(reply)
            result = believed(reply["result"], self.exam, sent)
        except (Disbelieved, ValueError, RecursionError) as error:
            return str(error)[:500]
        return Outcome(sent.job.student, sent.key, sent.plan, result, notebook=sent.notebook)

    def _refused(self, future, sent, why):
        """A worker that agreed when it was asked refuses now: no more of it."""
        holders = self._ask(self.client.who_has, [future]).get(future.key, ())
        self.refusing |= {address: why[:500] for address in holders}
        if not self._accepted(now=True):
            raise ClusterError(f"{self._none_left()} What was examined is recorded.")
        return Sent(sent.job, sent.plan, sent.notebook, sent.key, sent.told, sent.moved + 1)

    def close(self):
        """Let go of the cluster; its workers go on, and keep what is warm until they end or grade something else."""
        self.packed = None
        with contextlib.suppress(Exception):
            self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _sentence(reply):
    told = next(iter(reply.values()), "") if type(reply) is dict else ""
    return told[:500] if type(told) is str and told else "a worker sent what is no result"


def _client(address, patience):
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            '--cluster needs dask.distributed. Run: python -m pip install -e ".[course,cluster]"'
        ) from error
    try:
        return Client(address, timeout=min(patience, 30.0), name="autograde", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"No Dask scheduler answers at {address} ({error}). Start one: dask scheduler") from error


def _closing():
    """A plug-in that ends a worker's examiners with the worker."""
    from distributed import WorkerPlugin

    class Closing(WorkerPlugin):
        name, idempotent = "autograde", True

        def teardown(self, worker):
            from autograde.cluster import close_examiners

            close_examiners()

    return Closing()


if __name__ == "__main__":
    serve()
