"""Start a program on N ranks, with the engine of one's choice, and get back what each of them returns.

    def program(comm, scale):
        a = np.full(4, scale * comm.rank)
        return comm.all_reduce(a)

    launch(program, 4, 2.0)                 # four processes on this machine
    launch(program, 4, 2.0, engine="mpi")   # the same under mpiexec

One rank that fails is the failure of all: the first failure is raised, with its rank and its traceback, and no process
is left. Ctrl-C reaches all ranks; they have GRACE seconds to come to an end by themselves.
"""

import gc
import os
import pickle
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import traceback
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from shutil import rmtree, which
from time import monotonic
from types import ModuleType

from ...backend import Backend
from ...errors import DataError, MissingExtra
from ..errors import RankFailed
from . import local, mpi, nccl, shm
from .base import began_on, sentence
from .local import GRACE, PATIENCE

ENGINES = ("shm", "local", "mpi", "nccl")
BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def launch(
    program, N, *args, engine="shm", timeout=600.0, groups=None, devices=None, threads=1, port=nccl.PORT, on_start=None
):
    """Run program(comm, *args) on N ranks and return the list of what they return.

    Without cloudpickle a script must call it below `if __name__ == "__main__":`: new processes read the script again.

    Parameters
    ----------
    program : function of a Comm and args; with cloudpickle installed it may be defined anywhere, in a notebook too
    N : int of at least 1
    args : what every rank gets, picklable except for engine "local"
    engine : "shm" (processes, default), "local" (threads of this process), "mpi" (mpiexec) or "nccl" (a GPU for each)
    timeout : float, the longest that a rank waits for another that lives but does not answer, in seconds
    groups : tuple of tuples of ranks, those of each machine (MPI finds them itself)
    devices : for "local", a list of N simulated devices with different labels, where the ranks compute
    threads : int, of the BLAS of each rank
    on_start : for "shm" and "nccl", a function of the number of ranks that have started, called for each of them
    port : int, for "nccl"

    Returns
    -------
    list of N results, in the order of ranks

    Raises
    ------
    RankFailed : a rank raised, died or did not answer; `rank` says which, and the message holds its traceback.
    DataError : N, the engine, the devices or the program cannot be right.
    MissingExtra : the engine needs a package that is not installed.
    """
    if isinstance(N, bool) or not isinstance(N, int) or N < 1:
        raise DataError(f"launch: N is {N!r}; a whole number of ranks, at least 1, is needed.")
    if engine == "local":
        return _threads(program, N, args, timeout, groups, devices)
    if engine not in ENGINES:
        raise DataError(f"launch: there is no engine {engine!r}; there are {', '.join(ENGINES)}.")
    if devices is not None:
        raise DataError(f"launch: simulated devices are for engine='local'; the engine is {engine!r}.")
    _check_installed(engine)
    payload = _pack((program, args), "launch: the program or its arguments")
    with _environment(threads):
        if engine == "mpi":
            return _mpiexec(payload, N, timeout)
        options = {"port": port} if engine == "nccl" else {"timeout": timeout}
        return _Processes(payload, N, engine, {"groups": groups} | options, on_start).results()


def _check_installed(engine):
    """Before anything is started: MissingExtra."""
    if engine == "nccl":
        Backend("cupy").xp  # noqa: B018 (it imports CuPy)
    if engine == "mpi" and find_spec("mpi4py") is None:
        raise MissingExtra("The engine mpi", "mpi4py", "mpi")


# Programs and results travel as pickles


def _pack(what, name):
    """As bytes; by cloudpickle, which takes functions of a notebook along, where it is installed."""
    pickler = _cloudpickle() or pickle
    try:
        return pickler.dumps(what)
    except Exception as error:  # picklers raise of many kinds
        mend = "" if pickler is not pickle else " Install cloudpickle, or define the function in a module of its own."
        raise DataError(f"{name} cannot travel to another process ({error}).{mend}") from error


def _cloudpickle():
    try:
        import cloudpickle
    except ImportError:
        return None
    return cloudpickle


def _unpack(payload):
    """What was packed. Raises DataError where the function cannot be found here."""
    try:
        return pickle.loads(payload)
    except (AttributeError, ImportError) as error:
        raise DataError(
            f"The program cannot be read in the new process ({error}). Functions that a notebook defines need "
            "cloudpickle: python -m pip install cloudpickle; or define it in a module of its own."
        ) from error


@contextmanager
def _environment(threads):
    """The number of BLAS threads, for the processes that are started inside."""
    before = {name: os.environ.get(name) for name in BLAS}
    os.environ.update({name: str(threads) for name in BLAS})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_main():
    """Inside, a new process does not run the script or notebook again: what it needs of them, cloudpickle brings."""
    before = sys.modules["__main__"]
    if _cloudpickle():
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _report(rank, error):
    """A failure as it travels: on which rank it began, in which words, with which traceback."""
    began = began_on(error, rank)
    trace = "".join(traceback.format_exception(error))
    return {
        "rank": began,
        "itself": began == rank,
        "reason": sentence(error),
        "trace": trace,
        "kind": type(error).__name__,
    }


def _failure(told, trace=True):
    text = f"Rank {told['rank']} failed: {told['reason']}"
    error = RankFailed(text + (f"\n\n{told['trace']}" if trace and told["trace"] else ""))
    error.rank, error.reason, error.sentence, error.kind = told["rank"], told["reason"], text, told["kind"]
    return error


# Threads


def _threads(program, N, args, timeout, groups, devices):
    local.check_devices(devices, N)
    try:
        return local.run(program, N, *args, timeout=timeout, groups=groups, devices=devices)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failure(_report(0, error)) from error


# Processes


class _Processes:
    """N processes, started and watched until all of them are gone."""

    def __init__(self, payload, N, engine, options, on_start=None):
        self.N, self.outcomes, self.ready, self.interrupted, self.on_start = N, {}, set(), False, on_start
        context = get_context("spawn")
        self.wiring = shm.Wiring(N if engine == "shm" else 1, context)
        self.processes, self.pipes = [], {}
        try:
            for rank in range(N):
                here, there = context.Pipe(duplex=False)
                given = self.wiring.of(rank) if engine == "shm" else (rank, N)
                # CuPy's rendezvous starts a process of its own, which a daemon must not
                process = context.Process(
                    target=_rank,
                    args=(engine, given, options, there, payload),
                    name=f"rank {rank}",
                    daemon=engine == "shm",
                )
                with _without_main():
                    process.start()
                there.close()
                self.processes.append(process)
                self.pipes[here] = rank
            self.wiring.let_go()
        except BaseException:
            self.end()
            raise

    def results(self):
        """Wait for all of them. Raises RankFailed for the first failure."""
        try:
            self.watch()
        finally:
            self.end()
        told = self.first_failure()
        if told and self.interrupted:
            raise KeyboardInterrupt
        if told:
            raise _failure(told)
        return [_unpack(self.outcomes[rank]["result"]) for rank in range(self.N)]

    def watch(self):
        """Take in what the ranks tell, until all have ended, or one has failed and the others had time to notice."""
        until = None
        while self.pipes:
            try:
                left = None if until is None else until - monotonic()
                if left is not None and left <= 0:
                    return
                for pipe in connection.wait(list(self.pipes), left):
                    self.hear(pipe)
            except KeyboardInterrupt:
                if self.interrupted or len(self.ready) < self.N:
                    raise
                self.interrupted, until = True, monotonic() + GRACE
                self.pass_on_interrupt()
            if until is None and any("reason" in told for told in self.outcomes.values()):
                until = monotonic() + PATIENCE

    def hear(self, pipe):
        rank = self.pipes[pipe]
        try:
            told = pipe.recv()
        except (EOFError, OSError):  # the process has ended, or died
            del self.pipes[pipe]
            self.processes[rank].join(1.0)
            self.outcomes.setdefault(rank, self.death(rank))
            return
        if told == "ready":
            self.ready.add(rank)
            if self.on_start:
                self.on_start(len(self.ready))
            if len(self.ready) == self.N:
                self.wiring.unlink()
        else:
            self.outcomes[rank] = told

    def death(self, rank):
        code, start = self.processes[rank].exitcode, "" if rank in self.ready else " before it could start"
        if code is not None and code < 0:
            how = f"its process was killed by signal {_signal(-code)}{start}"
        else:
            how = f"its process ended with exit code {code}{start}, without a result"
        if rank not in self.ready:
            how += "; a script needs its call of launch below  if __name__ == '__main__':"
        return {"rank": rank, "itself": True, "reason": how, "trace": "", "kind": "RankFailed"}

    def first_failure(self):
        """The failure that is the others' reason: the first that began on the rank that tells it."""
        failures = [told for told in self.outcomes.values() if "reason" in told]
        return next((told for told in failures if told["itself"]), failures[0] if failures else None)

    def pass_on_interrupt(self):
        """Tell the ranks, once: they are no part of the terminal's group of processes (on Windows they are)."""
        for process in self.processes:
            if process.is_alive() and os.name == "posix":
                os.kill(process.pid, signal.SIGINT)

    def end(self):
        """Nothing is left: no process, no shared memory."""
        for stop in ("terminate", "kill"):
            for process in self.processes:
                if process.is_alive():
                    getattr(process, stop)()
            for process in self.processes:
                process.join(2.0)
        self.wiring.unlink()
        for pipe in self.pipes:
            pipe.close()


def _signal(number):
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


def _rank(engine, given, options, pipe, payload):
    """What each process runs."""
    if os.name == "posix":
        os.setpgrp()  # Ctrl-C comes from the launcher, once
    threading.Thread(target=_end_with_the_launcher, daemon=True).start()
    comm = None
    try:
        comm = nccl.NcclComm(*given, **options) if engine == "nccl" else shm.ShmComm.attach(given, **options)
        pipe.send("ready")
        program, args = _unpack(payload)
        told = {"result": _pack(program(comm, *args), f"The result of rank {comm.rank}")}
        error = None
    except BaseException as found:
        told, error = _report(given[0], found), found
    if hasattr(comm, "tell_all"):
        comm.tell_all(error)
    pipe.send(told)
    if hasattr(comm, "close"):
        if error is not None:  # its frames hold views of the shared memory
            traceback.clear_frames(error.__traceback__)
        error = None
        gc.collect()
        comm.close()


def _end_with_the_launcher():
    parent_process().join()
    os._exit(1)


# MPI


def _mpiexec(payload, N, timeout):
    with tempfile.TemporaryDirectory(prefix="edf-mpi-") as folder, _Lives(N) as lives:
        folder = Path(folder)
        (folder / "program").write_bytes(payload)
        (folder / "launcher").write_bytes(pickle.dumps(lives.address))
        start = f"import {__name__} as launch; launch.mpi_rank()"
        command = [_find_mpiexec(), "-n", str(N), sys.executable, "-c", start, str(folder), str(timeout)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        group = {"process_group": 0} if os.name == "posix" else {}  # Ctrl-C comes from here, once
        process = subprocess.Popen(command, env=environment, text=True, **pipes, **group)
        said = _wait_for_mpiexec(process)
        lives.over.wait(1.0)
        told = _mpi_failure(folder, process.returncode, said, lives.ended, N)
        if told:
            _unlink_segments(folder)
        if told and told["kind"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        if told:
            raise _failure(told)
        return [_unpack((folder / f"result{rank}").read_bytes()) for rank in range(N)]


class _Lives:
    """A connection to each rank, to see which process ends first (mpiexec then kills the others, and may name any)."""

    def __init__(self, N):
        self.N, self.ended, self.over, key = N, [], threading.Event(), os.urandom(16)
        self.pipes = []  # kept open until the end: a rank that sees its own closed takes the launcher for dead
        self.listener = connection.Listener(backlog=N, authkey=key)
        self.address = self.listener.address, key
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        ranks = {}
        try:
            while len(self.pipes) < self.N:
                self.pipes.append(self.listener.accept())
                ranks[self.pipes[-1]] = self._rank_of(self.pipes[-1])
        except OSError:
            pass  # the run is over, or ended before all had started
        while ranks:
            gone = [ranks.pop(pipe) for pipe in connection.wait(list(ranks))]  # nothing but an end comes
            self.ended += [rank for rank in gone if rank is not None]
        self.over.set()

    @staticmethod
    def _rank_of(pipe):
        """What a rank says first; None where it died before it had said it."""
        try:
            return pipe.recv()
        except (EOFError, OSError):
            return None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.listener.close()
        for pipe in self.pipes:
            pipe.close()


def _wait_for_mpiexec(process):
    """Pass on what the ranks print; return what mpiexec itself says of a failure."""
    said = []
    pumps = [
        threading.Thread(target=_pump, args=(pipe, there, said), daemon=True)
        for pipe, there in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
    ]
    for pump in pumps:
        pump.start()
    try:
        process.wait()
    except KeyboardInterrupt:  # mpiexec passes it on to the ranks
        if os.name == "posix":
            process.send_signal(signal.SIGINT)
        _end_mpiexec(process, GRACE)
    except BaseException:
        _end_mpiexec(process, 0)
        raise
    for pump in pumps:
        pump.join(1.0)
    return "".join(said)


def _end_mpiexec(process, grace):
    for stop in (None, process.terminate, process.kill):
        if stop:
            stop()
        try:
            process.wait(grace if stop is None else 2.0)
            return
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue


def _pump(pipe, there, said):
    """Lines of the ranks go to `there`; from the banner of a failure on, they are mpiexec's."""
    banner = False
    for line in pipe:
        banner = banner or line.startswith(("=====", "-----", "Abort(", "application called MPI_Abort"))
        said.append(line) if banner or line.startswith("[mpiexec@") else there.write(line)
    there.flush()


def _unlink_segments(folder):
    """What killed ranks of MPICH leave in /dev/shm."""
    for path in folder.glob("rank*"):
        for segment in path.read_text().splitlines()[1:]:
            Path(segment).unlink(missing_ok=True)


def _find_mpiexec():
    """mpiexec of this environment, else the system's."""
    found = which("mpiexec", path=sysconfig.get_path("scripts")) or which("mpiexec")
    if not found:
        raise MissingExtra("The engine mpi", "mpiexec, of an MPI library such as mpich", "mpi")
    return found


def _mpi_failure(folder, code, said, ended, N):
    """The failure that a rank has told; else that of the process that ended first; None where all have a result."""
    told = [pickle.loads(path.read_bytes()) for path in sorted(folder.glob("failure*"), key=os.path.getmtime)]
    if code == 0 and not told and all((folder / f"result{rank}").exists() for rank in range(N)):
        return None
    for failure in told:
        if failure["itself"]:
            return failure
    killed = re.search(r"\(signal (\d+)\)|exited on signal (\d+)", said)
    number = next((int(n) for n in killed.groups() if n), None) if killed else None
    named = _named_rank(folder, said)
    rank = ended[0] if ended else told[0]["rank"] if told else named
    how = f"its process was killed by signal {_signal(number)}" if number else f"mpiexec ended with exit code {code}"
    if number and named not in (rank, None):  # the signal that mpiexec sent to another rank when it ended the run
        how = f"its process ended before the program did; mpiexec then ended the others, with exit code {code}"
    rest = "" if rank is not None else f". It said: {said.strip()[-2000:] or 'nothing'}"
    return {
        "rank": "?" if rank is None else rank,
        "itself": True,
        "reason": how + rest,
        "trace": "",
        "kind": "RankFailed",
    }


def _named_rank(folder, said):
    """The rank that mpiexec names, by its process or number."""
    pids = {path.read_text().split("\n")[0]: int(path.name.removeprefix("rank")) for path in folder.glob("rank*")}
    pid = re.search(r"PID (\d+) RUNNING", said)  # MPICH
    named = re.search(r"process rank (\d+)", said)  # Open MPI
    return pids.get(pid[1]) if pid else int(named[1]) if named else None


def mpi_rank():
    """What mpiexec runs, N times: the program in the folder that the command line names."""
    folder, timeout = Path(sys.argv[1]), float(sys.argv[2])

    def write(name, content):
        unfinished = folder / f"unfinished{os.getpid()}"
        unfinished.write_bytes(content)
        unfinished.replace(folder / name)

    def body(comm):
        write(f"rank{comm.rank}", "\n".join([str(os.getpid()), *mpi.segments()]).encode())
        address, key = pickle.loads((folder / "launcher").read_bytes())
        pipe = connection.Client(address, authkey=key)
        pipe.send(comm.rank)  # before anything can go wrong
        threading.Thread(target=_abort_with_the_launcher, args=(pipe, folder), daemon=True).start()
        program, args = _unpack((folder / "program").read_bytes())
        write(f"result{comm.rank}", _pack(program(comm, *args), f"The result of rank {comm.rank}"))

    def tell(rank, error):
        write(f"failure{rank}", pickle.dumps(_report(rank, error)))

    mpi.run(body, tell=tell, timeout=timeout)


def _abort_with_the_launcher(pipe, folder):
    """When the launcher, at the other end of the connection, dies, so does this rank."""
    try:
        pipe.recv()
    except (EOFError, OSError):
        _unlink_segments(folder)
        rmtree(folder, ignore_errors=True)
        os._exit(1)
