"""One contract for all engines: the same sums with the same bits, no deadlock, and no silent end.

`contract` runs once on each engine and brings back what it saw; each test then holds one claim against NumPy, or
against the schedule carried out by hand.
"""

import functools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from multiprocessing import shared_memory
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfcore.errors import DataError, MissingExtra
from edfcore.parallel import collectives
from edfcore.parallel.comm import local, nccl, shm
from edfcore.parallel.comm.base import Alone
from edfcore.parallel.comm.launch import launch
from edfcore.parallel.comm.recorded import Recorded
from edfcore.parallel.errors import RankFailed
from edfcore.parallel.machine import SimDevice

cloudpickle = pytest.importorskip("cloudpickle")
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # so that ranks need not import pytest

N = 3
SIZES, DTYPES = (0, 1, 7, 1000), ("float32", "float64", "int64")
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
needs_mpi = pytest.mark.skipif(find_spec("mpi4py") is None, reason="needs mpi4py (extra mpi)")
MPI = pytest.param("mpi", marks=[pytest.mark.slow, needs_mpi])
ENGINES = ["local", "shm", "stand-in", MPI]
STARTED = ["local", "shm", MPI]  # by launch; these have mailboxes, which NCCL has not


# The programs that ranks run


def numbers(rank, size, dtype):
    """What rank contributes: numbers whose sum depends, in floating point, on the order of adding."""
    found = np.random.default_rng([rank, size]).normal(size=size) * 1000
    return found.astype(dtype)


def contract(comm, folder):
    """Everything that an engine must do, once; arrays come back as they are on the host."""
    found = {"sums": sums(comm), "moved": moved(comm), "groups": groups(comm)}
    if comm.backend == "numpy":
        found["traffic"] = traffic(comm)
    time.sleep(0.03 * comm.rank)
    with open(os.path.join(folder, str(comm.rank)), "w"):
        pass
    comm.barrier()
    found["met"] = len(os.listdir(folder))
    found["wrong"] = wrong(comm)
    return found


def host(array):
    return array.get() if hasattr(array, "get") else np.array(array)


def sums(comm):
    found = {}
    for algorithm in (*collectives.ALL_REDUCE, "native"):
        for size in SIZES:
            for dtype in DTYPES:
                array = comm.to_device(numbers(comm.rank, size, dtype))
                assert comm.all_reduce(array, algorithm) is array
                found[algorithm, size, dtype] = host(array)
    square = comm.to_device(numbers(comm.rank, 12, "float64").reshape(3, 4))
    comm.all_reduce(square)
    found["square"] = host(square)
    return found


def moved(comm):
    """Broadcast from each root, reduce to each, scattered and gathered parts of unequal lengths."""
    found, lengths = {}, [2 * k * k for k in range(comm.size)]
    for root in range(comm.size):
        found["broadcast", root] = host(comm.broadcast(comm.to_device(numbers(comm.rank, 9, "float64")), root))
        reduced = host(comm.reduce(comm.to_device(numbers(comm.rank, 9, "int64")), root))
        found["reduce", root] = reduced if comm.rank == root else None
    array = comm.to_device(numbers(comm.rank, sum(lengths), "int64"))
    found["scattered"] = host(comm.reduce_scatter(array, lengths))
    mine = slice(*collectives.parts_of(lengths)[comm.rank])
    array = comm.to_device(np.zeros(sum(lengths)))
    array[mine] = comm.to_device(numbers(comm.rank, lengths[comm.rank], "float64"))
    found["gathered"] = host(comm.all_gather(array, lengths))
    return found


def groups(comm):
    """Even and odd ranks, and the first of the even ones and its neighbour within."""
    half = comm.split(comm.rank % 2)
    total = host(half.all_reduce(comm.to_device(np.array([1.0, comm.rank]))))
    inner = half.subset(range(min(2, half.size))) if half.rank < 2 else None
    nested = host(inner.all_reduce(comm.to_device(np.array([float(comm.rank)])))) if inner else None
    return {"rank": half.rank, "size": half.size, "total": total, "nested": nested}


def traffic(comm):
    """Messages of all sizes between all pairs: sent before anybody receives, and in several exchanges under way."""
    right, left = (comm.rank + 1) % comm.size, (comm.rank - 1) % comm.size
    big = comm.to_device(np.full(6_250_000, comm.rank + 0.5))  # 50 MB
    comm.send(big, right)
    arrived = host(comm.receive(comm.to_device(np.zeros(6_250_000)), left))
    found = {"big": (arrived.min(), arrived.max())}
    others, sizes = [k for k in range(comm.size) if k != comm.rank], (1, 300, 5000, 0, 40_000)
    for n in sizes:
        comm.exchange([(k, comm.to_device(np.full(n, 10.0 * comm.rank + k))) for k in others], [])
    boxes = {(k, n): comm.to_device(np.zeros(n)) for k in reversed(others) for n in sizes}
    first = [(k, boxes[k, n]) for k in reversed(others) for n in sizes[:2]]
    comm.exchange([], first)
    for n in sizes[2:]:
        for k in reversed(others):
            comm.receive(boxes[k, n], k)
    reused = []
    for n in (3, 100_000):
        array = comm.to_device(np.full(n, float(comm.rank)))
        comm.send(array, right)
        array[...] = -1.0
        reused.append((host(comm.receive(comm.to_device(np.zeros(n)), left)) == left).all())
    found["reused"] = all(reused)
    found["pairs"] = all((host(box) == 10.0 * k + comm.rank).all() for (k, n), box in boxes.items())
    return found


def wrong(comm):
    """Calls that no engine may accept; none of them reaches another rank."""
    table = comm.to_device(np.zeros((4, 4)))
    calls = {
        "columns": lambda: comm.all_reduce(table[:, :2]),
        "send columns": lambda: comm.send(table[:, 1], (comm.rank + 1) % comm.size),
        "nobody": lambda: comm.send(table, comm.size),
        "lengths": lambda: comm.all_gather(table, [1] * comm.size),
        "algorithm": lambda: comm.all_reduce(table, "star"),
        "subset": lambda: comm.subset([(comm.rank + 1) % comm.size]),
        "in numbers": lambda: comm.all_reduce([1.0, 2.0], "native"),
        "exchange": lambda: comm.exchange([((comm.rank + 1) % comm.size, 3.0)], []),
    }
    numbers = {
        "all_reduce": lambda a: comm.all_reduce(a),
        "native_all_reduce": lambda a: comm.native_all_reduce(a),
        "broadcast": lambda a: comm.broadcast(a),
        "reduce": lambda a: comm.reduce(a),
        "reduce_scatter": lambda a: comm.reduce_scatter(a),
        "all_gather": lambda a: comm.all_gather(a),
        "send": lambda a: comm.send(a, (comm.rank + 1) % comm.size),
        "receive": lambda a: comm.receive(a, (comm.rank + 1) % comm.size),
    }
    calls |= {
        f"{name} {kind}": functools.partial(call, value)
        for name, call in numbers.items()
        for kind, value in (("float", 3.0), ("list", [3.0]), ("float64", np.float64(3.0)))
    }
    return {name: told(call) for name, call in calls.items()}


def told(call):
    try:
        call()
    except DataError as error:
        return str(error)
    return "nothing was raised"


@functools.cache
def outcome(engine):
    """What `contract` brings back from each rank."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        if engine == "stand-in":
            return with_stand_in(contract, N, folder)
        return launch(contract, N, folder, engine=engine, timeout=60)


# What is true on every engine


@pytest.mark.parametrize("engine", ENGINES)
def test_every_algorithm_sums_as_numpy_does(engine):
    for found in outcome(engine):
        for key, array in found["sums"].items():
            if key == "square":
                expected = sum(numbers(k, 12, "float64") for k in range(N)).reshape(3, 4)
                assert np.allclose(array, expected, rtol=1e-13)
                continue
            _, size, dtype = key
            expected = sum(numbers(k, size, dtype) for k in range(N))
            assert array.dtype == dtype and array.shape == (size,)
            assert np.allclose(array, expected, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-3), key


@pytest.mark.parametrize("engine", ENGINES)
def test_all_ranks_are_bitwise_equal(engine):
    first, *rest = outcome(engine)
    for found in rest:
        for key, array in found["sums"].items():
            assert array.tobytes() == first["sums"][key].tobytes(), key


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("algorithm", collectives.ALL_REDUCE)
def test_the_bits_are_those_of_the_schedule_on_every_engine(engine, algorithm):
    for size in SIZES:
        buffers = [numbers(k, size, "float32") for k in range(N)]
        # the ranks of these runs are on one machine: the hierarchy has one level, as with no groups given
        collectives.execute(collectives.all_reduce(algorithm, N, size), buffers)
        assert outcome(engine)[0]["sums"][algorithm, size, "float32"].tobytes() == buffers[0].tobytes()


@pytest.mark.parametrize("engine", ["local", "shm"])
def test_the_native_sum_adds_in_the_order_of_ranks(engine):
    for size in SIZES:
        in_order = numbers(0, size, "float32")
        for k in range(1, N):
            in_order = in_order + numbers(k, size, "float32")
        assert outcome(engine)[1]["sums"]["native", size, "float32"].tobytes() == in_order.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_broadcast_and_reduce_reach_their_root(engine):
    for root in range(N):
        for rank, found in enumerate(outcome(engine)):
            assert np.array_equal(found["moved"]["broadcast", root], numbers(root, 9, "float64"))
            if rank == root:
                total = sum(numbers(k, 9, "int64") for k in range(N))
                assert np.array_equal(found["moved"]["reduce", root], total)


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_unequal_lengths_are_scattered_and_gathered(engine):
    lengths = [2 * k * k for k in range(N)]
    total = sum(numbers(k, sum(lengths), "int64") for k in range(N))
    whole = np.concatenate([numbers(k, n, "float64") for k, n in enumerate(lengths)])
    for rank, found in enumerate(outcome(engine)):
        assert np.array_equal(found["moved"]["scattered"], total[slice(*collectives.parts_of(lengths)[rank])])
        assert np.array_equal(found["moved"]["gathered"], whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_groups_sum_among_themselves(engine):
    even, odd, again = (found["groups"] for found in outcome(engine))
    assert (even["rank"], again["rank"], odd["rank"]) == (0, 1, 0) and (even["size"], odd["size"]) == (2, 1)
    assert even["total"].tolist() == again["total"].tolist() == [2.0, 2.0] and odd["total"].tolist() == [1.0, 1.0]
    assert even["nested"].tolist() == [2.0] and odd["nested"].tolist() == [1.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_nobody_leaves_a_barrier_before_all_have_come(engine):
    assert [found["met"] for found in outcome(engine)] == [N] * N


@pytest.mark.parametrize("engine", STARTED)
def test_all_may_send_fifty_megabytes_before_anybody_receives(engine):
    left = [(rank - 1) % N + 0.5 for rank in range(N)]
    assert [found["traffic"]["big"] for found in outcome(engine)] == [(value, value) for value in left]


@pytest.mark.parametrize("engine", STARTED)
def test_an_array_may_be_reused_once_it_is_sent(engine):
    assert all(found["traffic"]["reused"] for found in outcome(engine))


@pytest.mark.parametrize("engine", STARTED)
def test_messages_of_a_pair_stay_in_order_whoever_is_asked_first(engine):
    assert all(found["traffic"]["pairs"] for found in outcome(engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "call, words",
    [
        ("columns", "needs a contiguous array"),
        ("send columns", "not contiguous; copy it first"),
        ("nobody", "there are 3 ranks, 0 to 2"),
        ("lengths", "must be 3 numbers, one for each rank, that sum to the array's 16 entries"),
        ("algorithm", "there is no algorithm 'star'; there are ring"),
        ("subset", "must be distinct and hold this rank"),
    ],
)
def test_wrong_use_is_a_sentence(engine, call, words):
    for found in outcome(engine):
        assert words in found["wrong"][call]


def test_a_single_rank_needs_nobody():
    array = np.arange(3.0)
    assert Alone().all_reduce(array, "native").tolist() == [0.0, 1.0, 2.0]
    assert launch(lambda comm: comm.all_reduce(np.ones(2), "native").tolist(), 1) == [[1.0, 1.0]]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind, shown", [("float", "float 3.0"), ("list", "list [3.0]"), ("float64", "float64 ")])
def test_what_is_no_array_is_a_sentence_in_every_call(engine, kind, shown):
    calls = (
        "all_reduce",
        "native_all_reduce",
        "broadcast",
        "reduce",
        "reduce_scatter",
        "all_gather",
        "send",
        "receive",
    )
    for found in outcome(engine):
        for call in calls:
            told = found["wrong"][f"{call} {kind}"]
            assert told.startswith(f"{call}: an array is needed, such as np.array([3.0])") and shown in told
        assert found["wrong"]["in numbers"].startswith("all_reduce: an array is needed")
        assert "an array is needed" in found["wrong"]["exchange"]


@pytest.mark.parametrize("call", ["all_reduce", "broadcast", "reduce", "reduce_scatter", "all_gather", "send"])
def test_what_is_no_array_is_a_sentence_where_it_is_recorded(call):
    with pytest.raises(DataError, match=f"{call}: an array is needed"):
        getattr(Recorded(Alone()), call)(3.0, *([0] if call == "send" else []))


# What goes wrong


def lengths_differ(comm):
    comm.send(np.ones(4 + comm.rank), (comm.rank + 1) % N)
    comm.receive(np.ones(4 + comm.rank), (comm.rank - 1) % N)


def dtypes_differ(comm):
    comm.all_reduce(np.ones(6, "float32" if comm.rank else "float64"))


def ends_early(comm):
    return comm.rank if comm.rank == 1 else comm.receive(np.ones(3), 1)


def raises(comm, folder):
    """Rank 1 raises, the others write down what they are told."""
    try:
        for _ in range(3):
            comm.all_reduce(np.ones(100_000))
        if comm.rank == 1:
            raise ValueError("the planted fault")
        for _ in range(1000):
            comm.all_reduce(np.ones(100_000))
    except RankFailed as error:
        with open(os.path.join(folder, str(comm.rank)), "w") as file:
            file.write(str(error))
        raise


@pytest.mark.parametrize("engine", STARTED)
@pytest.mark.parametrize("program", [lengths_differ, dtypes_differ])
def test_arrays_that_do_not_fit_the_message_are_told(engine, program):
    with pytest.raises(RankFailed, match="all ranks must make the same calls with arrays of the same length and dtype"):
        launch(program, N, engine=engine, timeout=60)


@pytest.mark.parametrize("engine", STARTED)
def test_waiting_for_a_rank_that_has_ended_is_told(engine):
    with pytest.raises(RankFailed, match="waits for rank 1, which has ended: the ranks do not make the same calls"):
        launch(ends_early, N, engine=engine, timeout=60)


@pytest.mark.parametrize("engine", STARTED)
def test_the_first_failure_reaches_the_caller_with_its_rank_and_traceback(engine, tmp_path):
    with pytest.raises(RankFailed) as caught:
        launch(raises, N, str(tmp_path), engine=engine, timeout=60)
    assert caught.value.rank == 1 and caught.value.reason == "ValueError: the planted fault"
    assert str(caught.value).startswith("Rank 1 failed: ValueError: the planted fault\n\nTraceback")
    assert "in raises" in str(caught.value)
    if engine != "mpi":  # where the others are aborted
        for rank in (0, 2):
            assert "because rank 1 failed: ValueError: the planted fault" in (tmp_path / str(rank)).read_text()


def killed(comm, folder):
    array = np.ones(1_000_000)
    comm.all_reduce(array)
    if comm.rank == 1:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
    try:
        while True:
            comm.all_reduce(array)
    except RankFailed as error:
        with open(os.path.join(folder, str(comm.rank)), "w") as file:
            file.write(str(error))
        raise


@posix
@pytest.mark.parametrize("engine", ["shm", MPI])
def test_a_rank_killed_within_a_sum_ends_the_others_and_is_named(engine, tmp_path):
    told = r"was killed by signal 9 \(SIGKILL\)"
    if engine == "mpi":  # mpiexec may name, as the first that a signal ended, one of those that it ended itself
        told += "|ended before the program did"
    with pytest.raises(RankFailed, match=f"Rank 1 failed: its process ({told})"):
        launch(killed, N, str(tmp_path), engine=engine, timeout=600)
    if engine == "shm":  # they noticed by themselves, long before the timeout
        for rank in (0, 2):
            assert "because rank 1 failed: its process died" in (tmp_path / str(rank)).read_text()


@pytest.fixture
def impatient(monkeypatch):
    """Who does not notice a failure is ended after a moment."""
    for module in ("launch", "local"):
        monkeypatch.setattr(f"edfcore.parallel.comm.{module}.PATIENCE", 0.3)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_rank_that_only_sends_learns_why_the_other_one_has_failed(size, tmp_path):
    def program(comm):
        if comm.rank:
            raise ValueError("the planted fault")
        try:
            while True:
                comm.send(np.ones(size), 1)
        except RankFailed as error:
            (tmp_path / "told").write_text(str(error))
            raise

    with pytest.raises(RankFailed, match="Rank 1 failed: ValueError: the planted fault"):
        launch(program, 2, timeout=60)
    assert "because rank 1 failed: ValueError: the planted fault" in (tmp_path / "told").read_text()


def test_a_rank_that_does_not_answer_is_told_after_the_timeout(impatient):
    def silent(comm):
        if comm.rank:
            threading.Event().wait(20)
        comm.barrier()

    for engine in ("shm", "local"):
        with pytest.raises(RankFailed, match="Rank 0 has waited 0.2 s for rank 1 without an answer"):
            launch(silent, 2, engine=engine, timeout=0.2)


@posix
def test_a_rank_that_hangs_elsewhere_is_ended_when_another_one_fails(impatient):
    def hangs(comm):
        if comm.rank:
            raise ValueError("the planted fault")
        threading.Event().wait(600)

    with pytest.raises(RankFailed, match="Rank 1 failed: ValueError: the planted fault"):
        launch(hangs, 2)


def test_shared_memory_and_processes_are_gone_afterwards():
    def seen(comm):
        return comm._segment.name, os.getpid()

    for name, pid in launch(seen, 2):
        with pytest.raises(FileNotFoundError):
            shared_memory.SharedMemory(name)
        with pytest.raises(OSError):
            os.kill(pid, 0)


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="sees the names of shared memory in /dev/shm")
def test_shared_memory_has_no_name_any_more_once_all_have_started():
    def named(comm):
        until = time.monotonic() + 20
        while os.path.exists(f"/dev/shm/{comm._segment.name}") and time.monotonic() < until:
            time.sleep(0.01)
        return comm._segment.name, os.path.exists(f"/dev/shm/{comm._segment.name}")

    assert all(name and not there for name, there in launch(named, 2))


@posix
@pytest.mark.parametrize("engine", ["shm", MPI])
def test_nothing_is_left_when_the_launcher_is_killed(engine, tmp_path):
    script = (
        "import os, sys, pathlib, numpy as np\n"
        "from edfcore.parallel.comm.launch import launch\n"
        "def endless(comm):\n"
        "    segment = getattr(comm, '_segment', None)\n"
        f"    part = pathlib.Path({str(tmp_path)!r}, 'part%d' % comm.rank)\n"
        "    part.write_text('%d %s' % (os.getpid(), segment.name if segment else ''))\n"
        "    part.rename(part.with_name('rank%d' % comm.rank))\n"
        "    while True: comm.all_reduce(np.ones(1000))\n"
        f"launch(endless, 2, engine={engine!r})\n"
    )
    launcher = subprocess.Popen([sys.executable, "-c", script])
    patiently(lambda: len(list(tmp_path.glob("rank*"))) == 2)
    launcher.kill()
    launcher.wait()
    for path in tmp_path.glob("rank*"):
        pid, _, name = path.read_text().partition(" ")
        patiently(lambda pid=pid: not alive(int(pid)))
        assert not name or not os.path.exists(f"/dev/shm/{name}")


def patiently(holds, seconds=30):
    """Wait until something holds; fail where it never does."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat") as file:  # a zombie that nobody waits for has ended
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return os.path.isdir("/proc") is False


@pytest.mark.parametrize("engine", ["local", "shm"])
def test_ctrl_c_ends_ranks_that_only_talk_long_before_their_grace(engine, monkeypatch):
    for module in ("launch", "local"):
        monkeypatch.setattr(f"edfcore.parallel.comm.{module}.GRACE", 600.0)

    def endless(comm):
        comm.barrier()
        if comm.rank == 0:
            os.kill(os.getpid() if engine == "local" else os.getppid(), signal.SIGINT)
        while True:
            comm.all_reduce(np.ones(10))

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        launch(endless, N, engine=engine, timeout=600)
    patiently(lambda: set(threading.enumerate()) <= before)


def test_ctrl_c_leaves_the_end_to_ranks_that_see_to_it_themselves():
    def program(comm):
        with comm.ends_by_itself():
            comm.barrier()
            if comm.rank == 0:
                os.kill(os.getpid(), signal.SIGINT)
            rounds, asked = 0, np.zeros(1)
            while not asked[0]:
                asked[...] = comm.interrupted
                comm.all_reduce(asked)
                rounds += 1
            return rounds

    rounds = launch(program, N, engine="local", timeout=60)
    assert len(set(rounds)) == 1 and rounds[0] > 0


# Launching


def test_what_a_failure_does_not_know_is_none():
    error = RankFailed("Rank 0 has waited.")
    assert (error.rank, error.reason, error.sentence, error.kind) == (None,) * 4


def test_a_failure_knows_its_rank_its_reason_and_its_kind():
    def program(comm):
        if comm.rank:
            raise ValueError("the planted fault")
        comm.barrier()

    for engine in ("local", "shm"):
        with pytest.raises(RankFailed) as caught:
            launch(program, 2, engine=engine)
        error = caught.value
        assert (error.rank, error.reason, error.kind) == (1, "ValueError: the planted fault", "ValueError")
        assert error.sentence == "Rank 1 failed: ValueError: the planted fault"


def test_launch_computes_on_the_devices_that_it_is_given():
    devices = [SimDevice("GTX 670", k) for k in range(2)]
    found = launch(lambda comm: comm.to_device(np.ones(3)).device.label, 2, engine="local", devices=devices)
    assert found == ["GTX 670 [0]", "GTX 670 [1]"] and [d.received for d in devices] == [24, 24]


@pytest.mark.parametrize(
    "engine, indices, words",
    [
        ("local", (0, 0), r"2 of the devices are 'GTX 670 \[0\]'; each rank needs one of its own"),
        ("local", (0, 1, 2), "devices are 3 for 2 ranks"),
        ("shm", (0, 1), "simulated devices are for engine='local'; the engine is 'shm'"),
    ],
)
def test_devices_that_cannot_serve_the_ranks_are_a_sentence(engine, indices, words):
    with pytest.raises(DataError, match=words):
        launch(repr, 2, engine=engine, devices=[SimDevice("GTX 670", k) for k in indices])


def test_launch_tells_how_many_ranks_have_started():
    told = []
    launch(repr, 3, on_start=told.append)
    assert told == [1, 2, 3]


def test_functions_and_results_of_a_notebook_travel():
    scale = 3.0

    class Seen:
        def __init__(self, value):
            self.value = value

    found = launch(lambda comm, shift: Seen(scale * comm.rank + shift), 2, 1.0)
    assert [seen.value for seen in found] == [1.0, 4.0]


def test_without_cloudpickle_a_local_function_is_refused_with_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(DataError, match="cannot travel to another process .* Install cloudpickle, or define"):
        launch(lambda comm: None, 2)


def test_without_cloudpickle_a_function_of_a_module_travels(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    assert launch(repr, 2)[1] == "<ShmComm, rank 1 of 2>"


def test_a_result_that_cannot_travel_is_told():
    with pytest.raises(RankFailed, match="The result of rank 0 cannot travel to another process"):
        launch(lambda comm: threading.Lock(), 1)


@pytest.mark.parametrize(
    "changes, words",
    [({"N": 0}, "at least 1"), ({"N": True}, "at least 1"), ({"engine": "smoke"}, "there is no engine")],
)
def test_what_cannot_be_launched_is_a_sentence(changes, words):
    with pytest.raises(DataError, match=words):
        launch(repr, **({"N": 2} | changes))


def test_without_cupy_nccl_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(MissingExtra, match="needs CuPy"):
        launch(repr, 1, engine="nccl")


def test_each_rank_has_one_blas_thread_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def seen(comm):
        return os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]

    assert launch(seen, 1) == [("1", "1")]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "5" and "OMP_NUM_THREADS" not in os.environ


# Shared memory


@given(ranks=st.integers(2, 24))
def test_mailboxes_and_tables_do_not_overlap(ranks):
    layout = shm.Layout(ranks)
    memory = np.zeros(layout.nbytes, np.uint8)
    for source in range(ranks):
        for target in range(ranks):
            if source != target:
                layout.box(memory, source, target)[...] += 1
    layout.tables(memory)[...] += 1
    assert (memory == 1).all()
    assert layout.nbytes <= shm.MEMORY or layout.piece == 4096


def random_traffic(comm, seed):
    """A plan of random messages that all know; each rank receives some as it sends, the others one by one."""
    plan, mine = np.random.default_rng(seed), np.random.default_rng([seed, comm.rank])
    for _ in range(30):
        pairs = [(a, b, int(plan.integers(0, 200_000))) for a in range(comm.size) for b in range(comm.size)]
        chosen = [pair for pair in pairs if plan.random() < 0.5]
        sends = [(b, np.full(n, 100.0 * comm.rank + b)) for a, b, n in chosen if a == comm.rank]
        receives = [(a, np.zeros(n)) for a, b, n in chosen if b == comm.rank]
        at_once = int(mine.integers(len(receives) + 1))
        comm.exchange(sends, receives[:at_once])
        for source, box in receives[at_once:]:
            comm.receive(box, source)
        if not all((box == 100.0 * source + comm.rank).all() for source, box in receives):
            return False
    return True


@pytest.mark.parametrize("engine", STARTED)
def test_random_traffic_arrives_whole_and_in_order(engine):
    assert launch(random_traffic, 4, 7, engine=engine, timeout=60) == [True] * 4


# NCCL, by a strict stand-in for CuPy and its NCCLBackend


class StandIn:
    """NCCLBackend among threads, stricter than NCCL: it refuses what would hang or corrupt on a GPU."""

    group = threading.local()
    mail = {}
    log = []

    def __init__(self, n_devices, rank, host, port):
        assert 0 <= rank < n_devices and (host, port) == ("127.0.0.1", 13333)
        self.n_devices, self.rank = n_devices, rank

    def send(self, array, peer):
        self._queued("send", array, peer)

    def recv(self, array, peer):
        self._queued("recv", array, peer)

    def _queued(self, kind, array, peer):
        assert self.group.calls is not None, f"{kind} outside a group waits for its partner"
        assert array.size and array.flags.c_contiguous and array.dtype.char in "bBiIlLqQefd"
        self.group.calls.append((self, kind, array, peer))

    def all_reduce(self, array, out):
        assert getattr(self.group, "calls", None) is None and out is array
        for k in range(self.n_devices):
            self.mail[self.rank, k, "sum"].put(array.copy())
        parts = [self.mail[k, self.rank, "sum"].get(timeout=20) for k in range(self.n_devices)]
        array[...] = sum(parts[1:], parts[0])

    @classmethod
    def start(cls):
        assert getattr(cls.group, "calls", None) is None, "groups are not nested"
        cls.group.calls = []

    @classmethod
    def end(cls):
        calls, cls.group.calls = cls.group.calls, None
        cls.log.append([(kind, peer) for _, kind, _, peer in calls])
        for self, kind, array, peer in calls:
            if kind == "send":
                self.mail[self.rank, peer, "p"].put(array.copy())
        for self, kind, array, peer in calls:
            if kind == "recv":
                found = self.mail[peer, self.rank, "p"].get(timeout=20)
                assert (found.size, found.dtype) == (array.size, array.dtype)
                array[...] = found.reshape(array.shape)


def stand_in_cupy(devices):
    used = []
    cuda = SimpleNamespace(
        Device=lambda k: SimpleNamespace(use=lambda: used.append(k)),
        runtime=SimpleNamespace(getDeviceCount=lambda: devices),
        nccl=SimpleNamespace(available=True, groupStart=StandIn.start, groupEnd=StandIn.end),
        get_current_stream=lambda: SimpleNamespace(synchronize=lambda: None),
    )
    cupy = ModuleType("cupy")
    cupy.__dict__.update(cuda=cuda, used=used, empty=np.empty, zeros=np.zeros, asarray=np.array)
    distributed = ModuleType("cupyx.distributed")
    distributed.NCCLBackend = StandIn
    return {"cupy": cupy, "cupyx": ModuleType("cupyx"), "cupyx.distributed": distributed}


def with_stand_in(program, size, *args):
    """The program on NcclComm, its ranks as threads; the log of groups is in StandIn.log."""
    StandIn.mail = {(a, b, kind): queue.Queue() for a in range(size) for b in range(size) for kind in ("p", "sum")}
    StandIn.log = []
    with pytest.MonkeyPatch.context() as patch:
        modules = stand_in_cupy(size)
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        found = local.run(lambda comm: program(nccl.NcclComm(comm.rank, comm.size), *args), size)
        assert sorted(modules["cupy"].used) == list(range(size))  # a GPU for each rank
    return found


def test_nccl_makes_one_group_of_an_exchange_and_skips_empty_messages():
    def program(comm):
        if comm.rank == 0:
            comm.exchange([(1, np.ones(3)), (1, np.ones(0)), (2, np.ones(2))], [(1, np.zeros(1)), (2, np.zeros(0))])
        elif comm.rank == 1:
            comm.exchange([(0, np.ones(1))], [(0, np.zeros(3)), (0, np.zeros(0))])
        else:
            comm.exchange([(0, np.ones(0))], [(0, np.zeros(2))])

    with_stand_in(program, 3)
    assert sorted(StandIn.log) == [
        [("recv", 0)],
        [("send", 0), ("recv", 0)],
        [("send", 1), ("send", 2), ("recv", 1)],
    ]


def test_nccl_refuses_more_ranks_than_gpus(monkeypatch):
    for name, module in stand_in_cupy(2).items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(DataError, match="Rank 2 needs GPU 2, but this machine has 2: NCCL wants one for each rank"):
        nccl.NcclComm(2, 3)


@pytest.mark.gpu
def test_nccl_keeps_the_contract_on_gpus(tmp_path):
    import cupy

    size = min(3, cupy.cuda.runtime.getDeviceCount())
    found = launch(sums, size, engine="nccl")
    for key, array in found[0].items():
        if key != "square":
            expected = sum(numbers(k, *key[1:]) for k in range(size))
            assert np.allclose(array, expected, rtol=1e-5, atol=1e-3)
            assert all(other[key].tobytes() == array.tobytes() for other in found)
