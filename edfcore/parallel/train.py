"""The training loop over any communicator: epochs, checkpoints, resuming; what `edf train` runs.

Everything is a function of the seed and the number of steps taken so far, so that each rank computes it for itself and
a resumed run repeats what an uninterrupted one would have done, bit for bit:

    parameters at the start    build(default_rng(seed), backend)
    order of epoch e           default_rng([seed, e]).permutation(len(x))
    batch of step t            the next B of them; rank k takes the k-th of `size` equal parts

A checkpoint is one NPZ file without pickle that rank 0 writes beside the old one and renames over it once it is whole
and on the disk: whatever dies, the file holds one whole state. Every rank resumes from the bytes that rank 0 reads.
"""

import hashlib
import io
import json
import os
import signal
import threading
import zlib
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from ..errors import DataError
from ..graph import Graph, Input, Param
from .collectives import equal_parts
from .comm.base import sentence
from .data_parallel import DataParallel

FORMAT = "edfcore checkpoint 2"
CLOCK = 16  # ticks of a graph's clock for each step of each rank: more than a step takes


class NotWritten(DataError):
    """A checkpoint that cannot be written; the older one, where there was one, is as it was."""


@dataclass(frozen=True)
class Progress:
    """What `on_step` is told: epoch and step count from 0, step over all epochs; loss is the batch's mean."""

    epoch: int
    step: int
    loss: float
    B: int


@dataclass(frozen=True)
class Trained:
    """What training gives, on every rank.

    net, optimizer : as they are at the end
    losses : tuple of float, the mean loss of each epoch that is complete, before each step
    loss : float, the mean loss of the last epoch, so far
    steps : int, from the very start; resumed : int, at which of them this run began
    images, seconds : int and float, of this run
    interrupted : bool, whether Ctrl-C ended it
    """

    net: object
    optimizer: object
    losses: tuple
    loss: float
    steps: int
    resumed: int
    images: int
    seconds: float
    interrupted: bool


def train(
    comm, build, data, *, B, epochs, optimizer, seed=0, algorithm="ring", checkpoint=None, every=None, resume=True,
    on_step=None,
):  # fmt: skip
    """Train a network with data parallelism on all ranks of a communicator. Every rank calls it with equal arguments.

    Parameters
    ----------
    comm : Comm
    build : function build(rng, backend) that gives a network with x, y, loss and graph, in a graph on that backend
    data : pair of arrays x (N, ...), y (N, ...), whole on every rank
    B : int, the length of the whole batch, of which each rank takes its part; the last of an epoch may be shorter
    epochs : int
    optimizer : function of a graph that gives its optimizer, such as `lambda graph: Adam(graph, lr=1e-3)`
    seed : int
    algorithm : how gradients are summed, see `collectives.ALL_REDUCE`; or "native"
    checkpoint : path of an NPZ file to save to and to resume from, with the same data, batches, seed, network and
        settings of the optimizer; the number of ranks and of epochs may be another one
    every : int, steps between two checkpoints; default: one at the end of each epoch
    resume : bool, whether to go on from the checkpoint where there is one; otherwise it is replaced
    on_step : function of Progress, called on every rank after each step

    Returns
    -------
    Trained

    Raises
    ------
    DataError : the numbers cannot be right; the checkpoint cannot be written (before the first step already, or when
        the disk is full), is damaged, no checkpoint, or that of another run. Nothing is overwritten then.
    RankFailed : another rank failed.
    """
    x, y = data
    _check(x, y, B=B, epochs=epochs, every=every)
    net = build(np.random.default_rng(seed), comm.backend)
    optimizer = optimizer(net.graph)
    run = _Run(comm, net, optimizer, algorithm, _identity(net, optimizer, x, y, B, seed))
    if checkpoint is not None:
        if comm.rank == 0:
            check_writable(checkpoint)
        run.restore(_shared_bytes(comm, checkpoint, net.graph.backend.to_host), checkpoint, resume)
    first, images, started = run.step, 0, perf_counter()
    with _stop_signal(comm) as stopping:
        interrupted = False
        while run.step < epochs * run.steps_per_epoch and not interrupted:
            done = run.advance(x, y, B, seed)
            images += done.B
            if on_step:
                on_step(done)
            interrupted = _agree(comm, stopping)
            at_end = run.step % run.steps_per_epoch == 0
            if checkpoint is not None and (interrupted or at_end or (every and run.step % every == 0)):
                run.save(checkpoint)
    seconds = perf_counter() - started
    return Trained(
        net, run.parallel.optimizer, tuple(run.losses), run.mean_loss(), run.step, first, images, seconds, interrupted
    )


def _check(x, y, **numbers):
    if len(x) != len(y) or len(x) == 0:
        raise DataError(f"train: x has {len(x)} instances and y {len(y)}; equal numbers, at least 1, are needed.")
    for name, n in numbers.items():
        if (name, n) != ("every", None) and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
            raise DataError(f"train: {name} is {n!r}; a whole number of at least 1 is needed.")


class _Run:
    """The state that moves from step to step, and what a checkpoint holds of it."""

    def __init__(self, comm, net, optimizer, algorithm, identity):
        self.comm, self.net, self.identity = comm, net, identity
        self.parallel = DataParallel(comm, net, optimizer, algorithm)
        self.step, self.losses, self.total, self.seen = 0, [], 0.0, 0  # total: sum of losses over `seen` images
        self.steps_per_epoch = -(-identity["images"] // identity["B"])
        self._order = (None, None)

    def mean_loss(self):
        """Of the epoch under way, or of the last one where the next has not begun."""
        return self.total / self.seen if self.seen else self.losses[-1] if self.losses else float("nan")

    def advance(self, x, y, B, seed):
        """One step of all ranks."""
        epoch, k = divmod(self.step, self.steps_per_epoch)
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([seed, epoch]).permutation(len(x))
        chosen = self._order[1][k * B : (k + 1) * B]
        # dropout draws its mask from the clock: other masks on each rank and in each step, the same after resuming
        self.net.graph.clock = CLOCK * (1 + self.step * self.comm.size + self.comm.rank)
        loss = self._on_shard(x, y, chosen)
        self.step, self.total, self.seen = self.step + 1, self.total + loss * len(chosen), self.seen + len(chosen)
        if k + 1 == self.steps_per_epoch:
            self.losses.append(self.total / self.seen)
            self.total, self.seen = 0.0, 0
        return Progress(epoch, self.step - 1, loss, len(chosen))

    def _on_shard(self, x, y, chosen):
        start, stop = equal_parts(len(chosen), self.comm.size)[self.comm.rank]
        empty = start == stop and bool(self.parallel.talking)
        mine = chosen[:1] if empty else chosen[start:stop]
        return self.parallel.step_on(x[mine], y[mine], len(chosen), empty=empty)

    # Checkpoints

    def save(self, path):
        """Rank 0 writes the file; it is whole or not there."""
        if self.comm.rank:
            return
        to_host = self.net.graph.backend.to_host
        told = self.parallel.optimizer.state_dict()
        arrays = {
            f"optimizer{k}.{n}": to_host(a) for k, state in enumerate(told.pop("state")) for n, a in state.items()
        }
        arrays |= {f"param{k}": to_host(p.value) for k, p in enumerate(self.net.graph.params)}
        arrays |= {f"node{k}.{name}": to_host(a) for k, name, a in _statistics(self.net.graph)}
        loop = {"step": self.step, "losses": self.losses, "total": self.total, "seen": self.seen}
        told = {"format": FORMAT, "identity": self.identity, "loop": loop, "optimizer": told}
        _write(path, json.dumps(told), arrays)

    def restore(self, content, path, resume):
        """Take over the state in the bytes of a checkpoint; nothing where there are none, or without `resume`."""
        if not content:
            return
        told, arrays = parse_checkpoint(content, path)
        if not resume:
            return
        for key, mine in self.identity.items():
            if told["identity"].get(key) != mine:
                raise DataError(
                    f"{path} is the checkpoint of another run: its {key} is {told['identity'].get(key)!r}, here it is "
                    f"{mine!r}. Give the same settings, another file, or start anew with resume=False."
                )
        try:
            self._take(told, arrays)
        except DataError as error:
            raise DataError(f"{path} is the checkpoint of another run: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error

    def _take(self, told, arrays):
        optimizer, loop = self.parallel.optimizer, told["loop"]
        states = [{} for _ in range(told["optimizer"]["parameters"])]
        for key, array in arrays.items():
            kind, _, name = key.partition(".")
            if kind.startswith("optimizer"):
                states[int(kind.removeprefix("optimizer"))][name] = array
        for k, p in enumerate(self.net.graph.params):
            p.set(arrays[f"param{k}"])
        optimizer.load_state_dict(told["optimizer"] | {"state": states})
        for k, name, _ in list(_statistics(self.net.graph)):
            node = self.net.graph.nodes[k]
            node.state = node.state | {name: node.xp.asarray(arrays[f"node{k}.{name}"])}
        self.step, self.losses = int(loop["step"]), [float(value) for value in loop["losses"]]
        self.total, self.seen = float(loop["total"]), int(loop["seen"])


def _statistics(graph):
    """Running statistics: (number of the node, name, array). Where each rank has its own, rank 0's are kept."""
    for k, node in enumerate(graph.nodes):
        state = getattr(node, "state", None)
        for name, array in state.items() if isinstance(state, dict) else ():
            yield k, name, array


def _identity(net, optimizer, x, y, B, seed):
    """What must be the same for a run to go on: the data, the batches, the network, the optimizer as it begins."""
    same = {
        "images": len(x),
        "B": int(B),
        "seed": int(seed),
        "labels": zlib.crc32(np.ascontiguousarray(y).tobytes()),
        "dtype": net.graph.backend.dtype,
        "parameters": [list(p.value.shape) for p in net.graph.params],
    }
    told = optimizer.state_dict()
    groups = told.get("groups", [])
    settings = {
        name if len(groups) == 1 else f"{name} of group {k}": value
        for k, group in enumerate(groups)
        for name, value in group.items()
    }
    return same | {"optimizer": told["kind"]} | settings


def check_writable(path):
    """Refuse a path to which no checkpoint can be written, before anything is computed for it: NotWritten."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise NotWritten(f"The checkpoint {path} is no file, but a folder or a device; give another name.")
        if not path.parent.is_dir():
            raise NotWritten(f"The checkpoint {path} cannot be written: there is no folder {path.parent}.")
        unfinished = _unfinished(path)
        unfinished.open("wb").close()
        unfinished.unlink(missing_ok=True)  # where all ranks look, another one may have been first
    except OSError as error:
        raise NotWritten(f"The checkpoint {path} cannot be written: {error.strerror}.") from error


def _unfinished(path):
    return path.with_name(path.name + ".unfinished")


def _write(path, description, arrays):
    """Write, flush to the disk, rename: the old file stays until the new one is whole and safe."""
    path = Path(path)
    unfinished = _unfinished(path)
    try:
        with open(unfinished, "wb") as file:
            np.savez(file, description=description, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        if os.name == "posix":  # the new name, too
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
    except OSError as error:
        raise NotWritten(f"The checkpoint {path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def read_checkpoint(path):
    """What a checkpoint says of its run: a dict with "identity", "loop" and "optimizer"; None where there is no file.

    Raises
    ------
    DataError : the file is damaged, or no checkpoint.
    """
    content = _read(path)
    return parse_checkpoint(content, path)[0] if content else None


def parse_checkpoint(content, path):
    """The description and the arrays in the bytes of a checkpoint. Raises DataError where they are none."""
    if not content.startswith(b"PK"):
        raise DataError(f"{path} is no checkpoint (no NPZ file). Nothing was overwritten: give another file.")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        told = json.loads(str(arrays.pop("description")))
        if told["format"] != FORMAT:
            raise DataError(f"{path} has the format {told['format']!r}; this edfcore reads {FORMAT!r}.")
        return told, arrays
    except DataError:
        raise
    except Exception as error:  # a damaged archive raises of many kinds: zlib, zipfile, json, KeyError, TypeError
        raise _damaged(path, error) from error


def _damaged(path, error):
    return DataError(
        f"{path} is damaged, or no checkpoint of edfcore.parallel.train ({sentence(error)}). Nothing was overwritten: "
        "move it away or give another file."
    )


def _read(path):
    try:
        if Path(path).exists() and not Path(path).is_file():  # some devices have no end
            raise DataError(f"The checkpoint {path} is no file, but a folder or a device; give another name.")
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DataError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error
    if not content:
        raise DataError(f"The checkpoint {path} is an empty file; move it away or give another one.")
    return content


def _shared_bytes(comm, path, to_host):
    """What rank 0 reads, on all ranks."""
    content = np.frombuffer(_read(path) if comm.rank == 0 else b"", np.uint8)
    length = comm.broadcast(comm.to_device(np.array([len(content)])))
    shared = comm.to_device(content) if comm.rank == 0 else comm.empty(int(length[0]), "uint8")
    return to_host(comm.broadcast(shared)).tobytes()


# Ctrl-C


@contextmanager
def _stop_signal(comm):
    """A function that says whether this rank was asked to stop. Inside, Ctrl-C asks, and does nothing else."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        with comm.ends_by_itself() if hasattr(comm, "ends_by_itself") else nullcontext():
            yield lambda: getattr(comm, "interrupted", False)
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _agree(comm, stopping):
    """Whether any rank was asked to stop; the same answer on all."""
    if comm.size == 1:
        return bool(stopping())
    asked = comm.empty(1, "float64")
    asked[...] = bool(stopping())
    return bool(comm.all_reduce(asked, "tree")[0])


# MNIST


MODELS = ("mlp", "lenet")
OPTIMIZERS = ("sgd", "momentum", "adam")


@dataclass(frozen=True)
class Settings:
    """A run of `edf train`."""

    model: str = "mlp"
    optimizer: str = "adam"
    epochs: int = 3
    B: int = 64
    lr: float = 1e-3
    seed: int = 0
    dtype: str = "float32"
    limit: int = 60_000
    algorithm: str = "ring"
    checkpoint: str | None = None
    every: int | None = None
    resume: bool = True
    progress: bool = False


def mlp(rng, backend="numpy", dtype="float32", hidden=128):
    """A classifier 784-hidden-10 with ReLU and Kaiming's initial weights.

    Parameters
    ----------
    rng : numpy.random.Generator
    backend : "numpy" or "cupy"

    Returns
    -------
    models.Classifier, its x of shape (B, 784)
    """
    from ..components import CrossEntropy, ReLU
    from ..initializers import kaiming_normal
    from ..models import Classifier

    with Graph(dtype, backend):
        x, y, sizes = Input("x"), Input("y"), (784, hidden, 10)
        (W1, b1), (W2, b2) = (
            (Param(kaiming_normal((i, j), rng)), Param(np.zeros(j))) for i, j in zip(sizes, sizes[1:], strict=False)
        )
        scores = ReLU(x @ W1 + b1) @ W2 + b2
        return Classifier(x, y, scores, CrossEntropy(scores, y))


def _builder(settings):
    from ..models import lenet

    def build(rng, backend):
        if settings.model == "mlp":
            return mlp(rng, backend, settings.dtype)
        if backend != "numpy":
            raise DataError(f"train: lenet computes on NumPy, not on {backend!r}; take the model mlp.")
        return lenet(rng, dtype=settings.dtype)

    return build


def _optimizer(settings):
    from ..optimizers import SGD, Adam, Momentum

    kind = dict(zip(OPTIMIZERS, (SGD, Momentum, Adam), strict=True))[settings.optimizer]
    return lambda graph: kind(graph, lr=settings.lr)


def examine(settings):
    """Refuse a checkpoint with which `edf train` cannot begin, in the words of its options, before ranks are started.

    Raises
    ------
    DataError : it cannot be written, is damaged, no checkpoint, or, without --anew, that of another run.
    """
    if settings.checkpoint is None:
        return
    check_writable(settings.checkpoint)
    told = read_checkpoint(settings.checkpoint)
    if told is None or not settings.resume:
        return
    try:
        theirs = _options_of(told["identity"], settings)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(settings.checkpoint, error) from error
    mine = {"batch": settings.B} | {name: getattr(settings, name) for name in theirs if name != "batch"}
    wrong = [f"--{name} {theirs[name]}, not {mine[name]}" for name in theirs if theirs[name] != mine[name]]
    if wrong:
        raise DataError(
            f"{settings.checkpoint} is the checkpoint of another run: it was begun with {'; '.join(wrong)}. Give the "
            "same settings, another file, or --anew to replace it."
        )


def _options_of(identity, settings):
    """The options of `edf train` with which the run of a checkpoint was begun."""
    shapes = {model: _shapes(replace(settings, model=model)) for model in MODELS}
    model = next((model for model in MODELS if shapes[model] == identity["parameters"]), "another")
    names = {"batch": "B", "seed": "seed", "limit": "images", "dtype": "dtype", "lr": "lr"}
    options = {option: identity[name] for option, name in names.items()}
    return {"model": model, "optimizer": identity["optimizer"].lower()} | options


def _shapes(settings):
    net = _builder(settings)(np.random.default_rng(0), "numpy")
    return [list(p.value.shape) for p in net.graph.params]


def train_mnist(comm, settings):
    """Train on the first `limit` images of MNIST; the program that `edf train` runs on every rank.

    Returns
    -------
    dict of plain values: "loss" of the last epoch, "test_error" on 10,000 images, "seconds" and "images_per_second" of
    training, "ranks", "epochs", "steps", "resumed_at_step", "interrupted", and "sha256" of the parameters
    """
    from ..data import load_mnist

    mnist, shape = load_mnist(settings.dtype), (-1, 1, 28, 28) if settings.model == "lenet" else (-1, 784)
    images, labels = mnist.train_images[: settings.limit].reshape(shape), mnist.train_labels[: settings.limit]
    given = {
        name: getattr(settings, name) for name in ("B", "epochs", "seed", "algorithm", "checkpoint", "every", "resume")
    }
    comm.barrier()  # loading does not count
    with _shown(comm, settings, len(images)) as on_step:
        done = train(
            comm, _builder(settings), (images, labels), optimizer=_optimizer(settings), on_step=on_step, **given
        )
    found = {
        "loss": done.loss,
        "test_error": None,
        "seconds": round(done.seconds, 6),
        "images_per_second": round(done.images / done.seconds) if done.images else None,
        "ranks": comm.size,
        "epochs": len(done.losses),
        "steps": done.steps,
        "resumed_at_step": done.resumed,
        "interrupted": done.interrupted,
        "sha256": fingerprint(done.net.graph.params),
    }
    if comm.rank == 0:
        found["test_error"] = done.net.error(mnist.test_images.reshape(shape), mnist.test_labels)
    return found


def fingerprint(params):
    """SHA-256 of the parameters' bytes: equal where all of them are bitwise equal."""
    digest = hashlib.sha256()
    for p in params:
        digest.update(p.graph.backend.to_host(p.value).tobytes())
    return digest.hexdigest()


@contextmanager
def _shown(comm, settings, images):
    """`on_step` for a progress bar on rank 0's stderr, or a line for each epoch where that is no terminal."""
    if comm.rank or not settings.progress:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%")]
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=settings.epochs * images)
        steps = -(-images // settings.B)

        def on_step(done):
            at = min(images, (done.step % steps) * settings.B + done.B) + done.epoch * images
            bar.update(task, completed=at, description=f"epoch {done.epoch + 1}, loss {done.loss:.4f}")
            if not console.is_terminal and (done.step + 1) % steps == 0:
                console.print(f"Epoch {done.epoch + 1} of {settings.epochs}: last batch's loss {done.loss:.4f}")

        yield on_step
