"""Training on many ranks: the parameters of one rank, and nothing lost when something dies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import edfcore as edf
from edfcore import cli, saving
from edfcore.errors import DataError
from edfcore.models import Classifier
from edfcore.optimizers import SGD, Adam, Momentum
from edfcore.parallel.comm.base import Alone
from edfcore.parallel.comm.launch import launch
from edfcore.parallel.comm.local import run
from edfcore.parallel.errors import RankFailed
from edfcore.parallel.train import NotWritten, Settings, fingerprint, read_checkpoint, train

cloudpickle = pytest.importorskip("cloudpickle")
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # so that ranks need not import pytest

OPTIMIZERS = {
    "sgd": lambda graph: SGD(graph, lr=0.1),
    "momentum": lambda graph: Momentum(graph, lr=0.05),
    "adam": lambda graph: Adam(graph, lr=0.01),
}
CHANGED = {
    "faster": lambda graph: Momentum(graph, lr=0.5),
    "heavier": lambda graph: Momentum(graph, lr=0.05, momentum=0.99),
}
needs_mpi = pytest.mark.skipif(find_spec("mpi4py") is None, reason="needs mpi4py (extra mpi)")
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def data(n=47, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 6)), rng.integers(0, 3, size=n)


def build(rng, backend="numpy"):
    """softmax(tanh(x W1 + b1) W2), in float64."""
    with edf.Graph("float64", backend):
        x, y = edf.Input("x"), edf.Input("y")
        W1, b1, W2 = edf.Param(rng.normal(size=(6, 5))), edf.Param(np.zeros(5)), edf.Param(rng.normal(size=(5, 3)))
        scores = edf.Tanh(x @ W1 + b1) @ W2
        return Classifier(x, y, scores, edf.CrossEntropy(scores, y))


def build_with_state(rng, backend="numpy"):
    """The same with batch norm, which keeps running statistics, and dropout, which draws from the graph's clock."""
    with edf.Graph("float64", backend):
        x, y = edf.Input("x"), edf.Input("y")
        W1, W2 = edf.Param(rng.normal(size=(6, 5))), edf.Param(rng.normal(size=(5, 3)))
        h = edf.BatchNorm(x @ W1, edf.Param(np.ones(5)), edf.Param(np.zeros(5)))
        scores = edf.Dropout(edf.Tanh(h), p=0.3) @ W2
        return Classifier(x, y, scores, edf.CrossEntropy(scores, y))


def trained(comm, optimizer="momentum", build=build, B=10, epochs=3, **options):
    """Train on every rank; return the parameters, the losses and the rest."""
    done = train(comm, build, data(), B=B, epochs=epochs, optimizer=(OPTIMIZERS | CHANGED)[optimizer], **options)
    return [p.value for p in done.net.graph.params], done


def by_hand(optimizer, B, epochs, seed=0):
    """The same run without any communicator: one network, whole batches, the documented order."""
    (x, y), net = data(), build(np.random.default_rng(seed))
    step, losses = OPTIMIZERS[optimizer](net.graph), []
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        found = [(net.step(step, x[k], y[k]), len(k)) for k in np.split(order, range(B, len(x), B))]
        losses.append(sum(loss * n for loss, n in found) / len(x))
    return [p.value for p in net.graph.params], losses


def same(a, b):
    return all(p.tobytes() == q.tobytes() for p, q in zip(a, b, strict=True))


# Parameters


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 8])
def test_any_number_of_ranks_trains_the_parameters_of_one_network(optimizer, ranks):
    expected, losses = by_hand(optimizer, B=10, epochs=3)
    results = run(trained, ranks, optimizer)
    for params, done in results:
        assert max(np.abs(p - q).max() for p, q in zip(params, expected, strict=True)) <= 1e-12
        assert np.allclose(done.losses, losses, rtol=0, atol=1e-12) and (done.steps, done.images) == (15, 141)
        assert same(params, results[0][0])


@given(n=st.integers(1, 12), B=st.integers(1, 14), ranks=st.integers(1, 5))
def test_short_batches_and_empty_shards_change_nothing(n, B, ranks):
    x, y = data(n)

    def program(comm):
        done = train(comm, build, (x, y), B=B, epochs=1, optimizer=OPTIMIZERS["sgd"])
        return np.concatenate([p.value.ravel() for p in done.net.graph.params])

    one = program(Alone())
    assert all(np.abs(found - one).max() <= 1e-12 for found in run(program, ranks))


@pytest.mark.parametrize("engine", ["shm", pytest.param("mpi", marks=[pytest.mark.slow, needs_mpi])])
def test_processes_train_bitwise_as_threads_do(engine):
    found = launch(lambda comm: trained(comm)[0], 3, engine=engine)
    threads = run(trained, 3)[0][0]
    assert all(same(params, threads) for params in found)


@pytest.mark.parametrize("changes", [{"B": 0}, {"epochs": True}, {"every": 0}, {"B": 2.5}])
def test_numbers_that_cannot_be_right_are_sentences(changes):
    with pytest.raises(DataError, match="train: .* is .*; a whole number of at least 1 is needed"):
        trained(Alone(), **changes)


def test_on_step_is_told_every_step_in_order():
    seen = []
    trained(Alone(), on_step=seen.append, epochs=2)
    assert [(p.epoch, p.step, p.B) for p in seen] == [(k // 5, k, 7 if k % 5 == 4 else 10) for k in range(10)]
    assert seen[-1].loss < seen[0].loss


# Checkpoints


class Stop(Exception):
    pass


def stop_at(step):
    def on_step(progress):
        if progress.step == step:
            raise Stop

    return on_step


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("network", [build, build_with_state])
@pytest.mark.parametrize("ranks", [1, 3])
def test_a_resumed_run_is_bitwise_the_uninterrupted_one(tmp_path, optimizer, network, ranks):
    path, rest = tmp_path / "run.npz", {"optimizer": optimizer, "build": network}
    whole, reference = run(lambda comm: trained(comm, **rest), ranks)[0]
    with pytest.raises(Stop):
        run(lambda comm: trained(comm, checkpoint=path, every=3, on_step=stop_at(8), **rest), ranks)
    assert read_checkpoint(path)["loop"]["step"] == 6  # the loop stopped within step 8, before its checkpoint
    params, done = run(lambda comm: trained(comm, checkpoint=path, every=3, **rest), ranks)[0]
    assert same(params, whole) and (done.losses, done.loss) == (reference.losses, reference.loss)
    assert (done.resumed, done.steps) == (6, 15)
    states = [[n.state for n in net.graph.nodes if isinstance(getattr(n, "state", None), dict)] for net in
              (done.net, reference.net)]  # fmt: skip
    for mine, theirs in zip(*states, strict=True):
        assert all(np.array_equal(mine[key], theirs[key]) for key in theirs)


def killed_at(comm, path, step):
    def on_step(progress):
        if comm.rank == 1 and progress.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return trained(comm, "adam", checkpoint=path, every=2, on_step=on_step)[0]


@posix
@pytest.mark.parametrize("engine", ["shm", pytest.param("mpi", marks=[pytest.mark.slow, needs_mpi])])
def test_after_a_rank_was_killed_the_same_call_ends_as_if_nothing_had_happened(tmp_path, engine):
    path = str(tmp_path / "run.npz")
    with pytest.raises(RankFailed, match="Rank 1 failed: its process was killed by signal 9"):
        launch(killed_at, 2, path, 9, engine=engine)
    assert 6 <= read_checkpoint(path)["loop"]["step"] <= 10
    found = launch(lambda comm: trained(comm, "adam", checkpoint=path, every=2)[0], 2, engine=engine)
    assert same(found[0], found[1]) and same(found[0], run(trained, 2, "adam")[0][0])


def test_a_checkpoint_resumes_on_another_number_of_ranks(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(Stop):
        run(lambda comm: trained(comm, checkpoint=path, every=1, on_step=stop_at(7)), 4)
    expected, _ = by_hand("momentum", B=10, epochs=3)
    for params, _ in run(lambda comm: trained(comm, checkpoint=path), 2):
        assert max(np.abs(p - q).max() for p, q in zip(params, expected, strict=True)) <= 1e-12


def test_more_epochs_go_on_from_where_the_last_run_ended(tmp_path):
    path = tmp_path / "run.npz"
    trained(Alone(), checkpoint=path, epochs=1)
    params, done = trained(Alone(), checkpoint=path, epochs=3)
    assert same(params, trained(Alone(), epochs=3)[0]) and done.resumed == 5
    again, nothing = trained(Alone(), checkpoint=path, epochs=3)
    assert same(again, params) and nothing.images == 0 and nothing.losses == done.losses


def test_anew_replaces_the_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    trained(Alone(), checkpoint=path, epochs=2)
    params, done = trained(Alone(), checkpoint=path, epochs=1, resume=False, seed=5)
    assert done.resumed == 0 and same(params, trained(Alone(), epochs=1, seed=5)[0])
    assert read_checkpoint(path)["identity"]["seed"] == 5


def test_the_file_holds_no_pickle(tmp_path):
    path = tmp_path / "run.npz"
    trained(Alone(), "adam", checkpoint=path, epochs=1)
    with np.load(path, allow_pickle=False) as file:
        assert all(file[key].dtype.kind in "fiuU" for key in file.files) and len(file.files) > 6


@pytest.fixture
def checkpoint(tmp_path):
    trained(Alone(), checkpoint=tmp_path / "run.npz", epochs=1)
    return tmp_path / "run.npz"


def refused(path, words, ranks=1, **options):
    """Training refuses the file with a sentence, and leaves its bytes as they are."""
    before = path.read_bytes()
    for resume in (True, False) if not options else (True,):
        with pytest.raises(DataError, match=words):
            run(lambda comm, resume=resume: trained(comm, checkpoint=path, resume=resume, **options), ranks)
        assert path.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused_and_kept(checkpoint, share):
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(len(content) * share)])
    refused(checkpoint, "Nothing was overwritten|is an empty file", ranks=2)


def test_a_damaged_checkpoint_is_refused_and_kept(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[content.index(b"param0.npy") + 200] ^= 0xFF  # within an array: the archive's checksum sees it
    checkpoint.write_bytes(content)
    refused(checkpoint, "is damaged, or no checkpoint .* Nothing was overwritten")


def test_a_foreign_file_is_refused_and_kept(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.ones(3))
    refused(path, "is damaged, or no checkpoint")
    saving.save(build(np.random.default_rng(0)).graph, path)
    refused(path, "is damaged, or no checkpoint")
    np.savez(path, description=json.dumps({"format": "edfcore checkpoint 1"}))
    refused(path, "has the format 'edfcore checkpoint 1'; this edfcore reads 'edfcore checkpoint 2'")
    path.write_text("my essay")
    refused(path, "is no checkpoint")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"B": 9}, "its B is 10, here it is 9"),
        ({"seed": 1}, "its seed is 0, here it is 1"),
        ({"build": build_with_state}, "its parameters is"),
        ({"optimizer": "adam"}, "is the checkpoint of another run: its optimizer is 'Momentum', here it is 'Adam'"),
        ({"optimizer": "faster"}, "is the checkpoint of another run: its lr is 0.05, here it is 0.5"),
        ({"optimizer": "heavier"}, "is the checkpoint of another run: its momentum is 0.9, here it is 0.99"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_and_kept(checkpoint, changes, words):
    refused(checkpoint, words, **changes)


def test_other_data_is_refused(checkpoint):
    with pytest.raises(DataError, match="its labels is"):
        train(Alone(), build, data(seed=4), B=10, epochs=2, optimizer=OPTIMIZERS["momentum"], checkpoint=checkpoint)


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_when_writing_fails_the_old_checkpoint_stays(checkpoint, monkeypatch, fails):
    before = checkpoint.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        trained(Alone(), checkpoint=checkpoint, epochs=2)
    assert checkpoint.read_bytes() == before and list(checkpoint.parent.iterdir()) == [checkpoint]


def test_a_rate_that_was_lowered_on_the_way_is_that_of_the_resumed_run(tmp_path):
    path = tmp_path / "run.npz"

    def program(epochs, stop=None):
        def optimizer(graph):
            made.append(SGD(graph, lr=0.1))
            return made[-1]

        def on_step(progress):
            if progress.step == 6:
                made[-1].groups[0]["lr"] = 0.01
            if progress.step == stop:
                raise Stop

        return train(Alone(), build, data(), B=10, epochs=epochs, optimizer=optimizer, on_step=on_step, **saved)

    made, saved = [], {}
    whole = program(3)
    saved = {"checkpoint": path, "every": 1}
    with pytest.raises(Stop):
        program(3, stop=9)
    again = program(3)
    assert again.resumed == 9 and fingerprint(again.net.graph.params) == fingerprint(whole.net.graph.params)


def not_begun(path, words):
    """Training refuses the path before the first step."""
    steps = []
    with pytest.raises(DataError, match=words):
        trained(Alone(), checkpoint=path, on_step=steps.append)
    assert not steps


def test_a_checkpoint_that_cannot_be_written_is_told_before_the_first_step(tmp_path, monkeypatch):
    not_begun(tmp_path / "nowhere" / "run.npz", "cannot be written: there is no folder .*nowhere")
    not_begun(tmp_path, "is no file, but a folder or a device")
    not_begun(tmp_path / ("n" * 250), "cannot be written: File name too long")
    assert not list(tmp_path.iterdir())


@posix
@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero"])
def test_a_device_without_end_is_no_checkpoint(device):
    not_begun(device, "is no file, but a folder or a device")
    with pytest.raises(DataError, match="is no file"):
        read_checkpoint(device)


# Ctrl-C


def interrupting(comm, path, who, step):
    def on_step(progress):
        if comm.rank == who and progress.step == step:
            signal.raise_signal(signal.SIGINT)

    params, done = trained(comm, checkpoint=path, on_step=on_step)
    return params, done.interrupted, done.steps


def test_ctrl_c_saves_where_it_is_and_gives_the_signal_back(tmp_path):
    path, before = tmp_path / "run.npz", signal.getsignal(signal.SIGINT)
    _, interrupted, steps = interrupting(Alone(), path, 0, 6)
    assert interrupted and steps == 7 and read_checkpoint(path)["loop"]["step"] == 7
    assert signal.getsignal(signal.SIGINT) is before
    params, done = trained(Alone(), checkpoint=path)
    assert not done.interrupted and done.resumed == 7 and same(params, trained(Alone())[0])


@posix
def test_ctrl_c_on_one_rank_stops_all_at_the_same_step(tmp_path):
    found = launch(interrupting, 3, str(tmp_path / "run.npz"), 2, 6)
    assert [(interrupted, steps) for _, interrupted, steps in found] == [(True, 7)] * 3
    assert same(found[0][0], found[2][0]) and read_checkpoint(tmp_path / "run.npz")["loop"]["step"] == 7


@pytest.mark.parametrize("ranks", [1, 3])
def test_ctrl_c_lets_threads_save_where_they_are(tmp_path, ranks):
    path = tmp_path / "run.npz"

    def on_step(progress):
        if progress.step == 6 and not asked.is_set():
            asked.set()
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)

    asked = threading.Event()
    _, done = run(lambda comm: trained(comm, checkpoint=path, epochs=1000, on_step=on_step), ranks)[0]
    assert done.interrupted and read_checkpoint(path)["loop"]["step"] == done.steps


# The command


def edf_train(*args, launcher=(), **options):
    command = [*launcher, sys.executable, "-m", "edfcore.cli", "train", *args]
    return subprocess.run(command, capture_output=True, text=True, **options)


SMALL = ("--limit", "600", "--epochs", "1", "--batch", "50", "--dtype", "float64")


def test_the_command_trains_on_two_processes(tmp_path):
    done = edf_train(*SMALL, "--json", "--checkpoint", str(tmp_path / "run.npz"))
    told = json.loads(done.stdout)
    assert (told["ranks"], told["comm"], told["steps"], told["epochs"]) == (2, "shm", 12, 1), done.stderr
    assert told["loss"] < 2.4 and told["test_error"] < 0.6 and told["images_per_second"] > 0
    assert read_checkpoint(tmp_path / "run.npz")["loop"]["step"] == 12


@pytest.mark.parametrize(
    "args, words",
    [
        (("--algorithm", "star"), "There is no algorithm 'star'; there are ring"),
        (("--checkpoint", "README.md"), "README.md is no checkpoint"),
        (("--checkpoint", "nowhere/run.npz"), "nowhere/run.npz cannot be written: there is no folder nowhere"),
        (("--ranks", "0"), "--ranks"),
    ],
)
def test_what_the_command_cannot_do_is_a_sentence_and_exit_code_2(root, args, words):
    done = edf_train(*args, cwd=root)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_every_engine_of_the_command_ends_with_the_same_parameters():
    engines = [("local",), ("shm",)] + ([("mpi",)] if find_spec("mpi4py") else [])
    for model in ("mlp", "lenet"):
        found = [
            json.loads(edf_train(*SMALL, "--model", model, "--comm", *e, "--ranks", "3", "--json").stdout)
            for e in engines
        ]
        assert len({told["sha256"] for told in found}) == 1 and len({told["test_error"] for told in found}) == 1


@pytest.mark.slow
@needs_mpi
def test_under_mpiexec_the_command_joins_the_world_that_it_finds():
    from edfcore.parallel.comm.launch import _find_mpiexec

    world = (_find_mpiexec(), "-n", "3")
    done = edf_train(*SMALL, "--comm", "mpi", "--json", launcher=world)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ranks"] == 3
    apart = edf_train(*SMALL, launcher=world)
    assert apart.returncode == 2 and apart.stderr.count("mpiexec has started this: add --comm mpi") == 1
    refused = edf_train(*SMALL, "--comm", "mpi", "--ranks", "4", launcher=world)
    assert refused.returncode == 1 and "--ranks is 4, but mpiexec has started 3" in refused.stderr


def in_the_command(monkeypatch, *args, train_mnist=None):
    """The command in this process, its ranks as threads; what rank 0 runs may be replaced."""
    monkeypatch.setattr(sys, "argv", ["edf", "train", *args])
    if train_mnist:
        monkeypatch.setattr(sys.modules[train.__module__], "train_mnist", train_mnist)
    return CliRunner().invoke(cli.main, ["train", "--comm", "local", *args])


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """The checkpoint of the command with SMALL."""
    path = tmp_path / "run.npz"
    done = in_the_command(monkeypatch, *SMALL, "--ranks", "1", "--checkpoint", str(path))
    assert done.exit_code == 0 and "after 1 epoch (12 steps) on 1 rank in" in done.stdout
    assert " 0.0 s" not in done.stdout
    return path


@pytest.mark.parametrize(
    "changed, words",
    [
        (("--batch", "32"), "--batch 50, not 32"),
        (("--seed", "3"), "--seed 0, not 3"),
        (("--model", "lenet"), "--model mlp, not lenet"),
        (("--optimizer", "sgd"), "--optimizer adam, not sgd"),
        (("--lr", "0.5"), "--lr 0.001, not 0.5"),
        (("--limit", "500"), "--limit 600, not 500"),
        (("--dtype", "float32"), "--dtype float64, not float32"),
    ],
)
def test_the_checkpoint_of_another_run_is_told_in_the_words_of_the_options(begun, monkeypatch, changed, words):
    before = begun.read_bytes()
    done = in_the_command(monkeypatch, *SMALL, "--checkpoint", str(begun), *changed)
    assert done.exit_code == 2 and f"it was begun with {words}. " in done.stderr and "--anew" in done.stderr
    assert "Resume with" not in done.stderr and "resume=False" not in done.stderr and begun.read_bytes() == before


def test_the_same_options_have_nothing_left_to_do_and_say_so(begun, monkeypatch):
    resumed = in_the_command(monkeypatch, *SMALL, "--checkpoint", str(begun), "--epochs", "2")
    assert resumed.exit_code == 0 and "after 2 epochs (24 steps) on 2 ranks" in resumed.stdout
    done = in_the_command(monkeypatch, *SMALL, "--checkpoint", str(begun))
    assert done.exit_code == 0 and "after 2 epochs (24 steps). Nothing was left to train: --epochs is 1" in done.stdout


def fails(error):
    def program(comm, settings):
        raise error

    return program


def test_what_would_fail_again_has_no_advice_to_resume(tmp_path, monkeypatch):
    wrong = fails(DataError("there are 3 GPUs."))
    done = in_the_command(monkeypatch, *SMALL, "--checkpoint", str(tmp_path / "x.npz"), train_mnist=wrong)
    assert done.exit_code == 2 and done.stderr.endswith("there are 3 GPUs.\n") and "Rank" not in done.stderr


@pytest.mark.parametrize("given, advice", [((), "Resume with: edf train "), (("--anew",), "still holds the older run")])
def test_the_advice_after_a_failure_is_true(begun, monkeypatch, given, advice):
    args = (*SMALL, "--checkpoint", str(begun), *given)
    done = in_the_command(monkeypatch, *args, train_mnist=fails(RankFailed("Rank 1 has waited.")))
    assert done.exit_code == 1 and advice in done.stderr
    begun.unlink()
    lost = in_the_command(monkeypatch, *args, train_mnist=fails(RankFailed("Rank 1 has waited.")))
    assert lost.exit_code == 1 and "was not reached; with --every N" in lost.stderr
    full = in_the_command(monkeypatch, *args, train_mnist=fails(NotWritten("run.npz cannot be written: full.")))
    assert full.exit_code == 1 and full.stderr.endswith("run.npz cannot be written: full.\nNothing was saved.\n")


def test_ctrl_c_ends_the_command_with_130_whether_anything_was_saved_or_not(tmp_path, monkeypatch):
    def interrupted(comm, settings):
        if comm.rank == 0:
            signal.raise_signal(signal.SIGINT)
        while True:
            comm.barrier()

    done = in_the_command(monkeypatch, *SMALL, train_mnist=interrupted)
    assert done.exit_code == 130 and "Interrupted. Nothing was saved; with --checkpoint FILE" in done.stderr


def test_more_ranks_than_cores_are_noted(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    notes = [in_the_command(monkeypatch, "--ranks", n, train_mnist=fails(DataError("."))).stderr for n in "23"]
    assert ["3 ranks share 2 cores" in note for note in notes] == [False, True]


@pytest.mark.parametrize("variable", ["PMI_RANK", "OMPI_COMM_WORLD_RANK"])
def test_under_mpiexec_another_engine_is_refused_once(monkeypatch, variable):
    said = []
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for rank in "012":
        monkeypatch.setenv(variable, rank)
        done = in_the_command(monkeypatch, *SMALL, train_mnist=fails(AssertionError("a training of its own")))
        assert done.exit_code == 2
        said.append("mpiexec has started this: add --comm mpi" in done.stderr)
    assert said == [True, False, False]


@posix
def test_under_mpiexec_the_advice_names_mpiexec_and_the_ranks(begun, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["edf", "train", "--comm", "mpi", "--checkpoint", str(begun), "--anew"])
    settings = Settings(checkpoint=str(begun))
    alone = cli._how_to_resume(settings, None, ranks=3)
    monkeypatch.setenv("PMI_RANK", "0")
    assert alone == f"Resume with: edf train --comm mpi --checkpoint {begun}"
    assert cli._how_to_resume(settings, None, ranks=3) == alone.replace("edf train", "mpiexec -n 3 edf train")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the ranks in /proc")
def test_the_command_ends_with_1_when_a_rank_is_killed_and_its_advice_resumes(tmp_path):
    path = tmp_path / "run.npz"
    args = ("--limit", "6000", "--epochs", "4", "--batch", "20", "--checkpoint", str(path), "--every", "5")
    command = [sys.executable, "-m", "edfcore.cli", "train", *args]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    ranks = [pid for pid in children(process.pid) if "spawn_main" in open(f"/proc/{pid}/cmdline").read()]
    os.kill(ranks[1], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "Rank 1 failed: its process was killed by signal 9 (SIGKILL)" in said
    assert f"Resume with: edf train {' '.join(args)}" in said
    resumed, whole = json.loads(edf_train(*args, "--json").stdout), json.loads(edf_train(*args[:6], "--json").stdout)
    assert resumed["resumed_at_step"] > 0 and resumed["sha256"] == whole["sha256"]
    assert resumed["loss"] == whole["loss"]


@pytest.mark.slow
@posix
@pytest.mark.parametrize("engine", ["local", "shm", pytest.param("mpi", marks=needs_mpi)])
def test_ctrl_c_ends_the_command_cleanly(tmp_path, engine):
    path = tmp_path / "run.npz"
    args = ("--limit", "6000", "--epochs", "100", "--batch", "20", "--checkpoint", str(path), "--every", "5")
    command = [sys.executable, "-m", "edfcore.cli", "train", *args, "--comm", engine, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    told = json.loads(out)
    assert process.returncode == 130 and told["interrupted"], said
    assert f"Resume with: edf train {' '.join(args)}" in said
    assert read_checkpoint(path)["loop"]["step"] == told["steps"]


def test_a_fingerprint_sees_the_last_bit():
    one, other = (build(np.random.default_rng(0)).graph.params for _ in range(2))
    assert fingerprint(one) == fingerprint(other)
    other[0].set(np.nextafter(other[0].value, 9.0))
    assert fingerprint(one) != fingerprint(other)
