"""Published training times on several GPUs, and cost models calibrated to them.

A model says how long a step takes on each row of a table, as a sum of a few terms, each a known coefficient times an
unknown positive parameter:

    T[r] = sum_k A[r,k] x[k] + b[r],            A, b >= 0 from shapes and strategies,   x > 0 to be found,

such as x = (seconds of compute, 1 / bytes a second, ...). The parameters minimize sum_r (log T[r] - log P[r])^2, P the
published times, by Levenberg and Marquardt's method in log x, which keeps them positive. `leave_one_out` fits all rows
but one and predicts that one.

Fitting a handful of numbers to a handful of rows is calibration, not prediction: the texts below say which rows support
which parameter, and what was chosen after the data had been seen.

Sources: Yadan, Adams, Taigman & Ranzato 2013 (1312.5853), table 1, as S4 slide 61 quotes it; Krizhevsky 2014
(1404.5997), section 4 and its table of training times; Marquardt 1963. Second sources: libccv's documentation of its
ConvNet (Yadan's 10.5 days and the hybrid's speed-up of 2.2; Krizhevsky's 98.05 hours, and 3.74 on four GPUs).
"""

from dataclasses import dataclass
from textwrap import fill

import numpy as np

from ..errors import DataError
from .devices import device
from .workloads import IMAGENET as IMAGES
from .workloads import workload

DAY, HOUR = 86_400, 3_600


# Fitting


@dataclass(frozen=True)
class Model:
    """Seconds of a step on each row: A x + b.

    Attributes
    ----------
    names : the parameters' names
    A : array (rows, parameters), b : array (rows,), both at least 0
    """

    names: tuple[str, ...]
    A: np.ndarray
    b: np.ndarray

    def without(self, row):
        """The model of all other rows."""
        return Model(self.names, np.delete(self.A, row, axis=0), np.delete(self.b, row))

    def seconds(self, x):
        return self.A @ x + self.b

    def identifies(self):
        """Whether the rows determine every parameter: A has full rank."""
        return len(self.A) >= len(self.names) and np.linalg.matrix_rank(_scaled(self.A)) == len(self.names)

    def rests_on(self, name):
        """The rows on which a parameter depends."""
        return [int(r) for r in np.flatnonzero(self.A[:, self.names.index(name)])]


def _scaled(A):
    """A with columns of equal size: ranks must not depend on units."""
    return A / np.maximum(np.abs(A).max(axis=0), np.finfo(float).tiny)


def fit(model, seconds, steps=200):
    """The parameters x (parameters,) that minimize the sum of squared log ratios of model and measurement.

    With phi = log x the Jacobian of log T is J[r,k] = A[r,k] x[k] / T[r], and a step solves
    (J^T J + damping diag(J^T J)) d = -J^T residual, as a least-squares problem with rows for the damping. The damping
    falls after a step that helps, and grows after one that does not (Marquardt 1963). No step changes a parameter more
    than e^2 times; one that the data would have negative goes towards 0.

    Parameters
    ----------
    model : Model
    seconds : array (rows,), measured, positive

    Raises
    ------
    DataError : the rows do not determine the parameters, or a measurement is not positive.
    """
    seconds = np.asarray(seconds, dtype="float64")
    if len(seconds) != len(model.A) or not (seconds > 0).all():
        raise DataError(f"fit: {len(model.A)} positive measurements are needed, one for each row of the model.")
    if not model.identifies():
        raise DataError(f"fit: {len(model.A)} rows do not determine {', '.join(model.names)}; give more rows.")

    def residual(phi):
        return np.log(model.seconds(np.exp(phi)) / seconds)

    phi, damping = _start(model, seconds), 1e-3
    r = residual(phi)
    for _ in range(steps):
        x = np.exp(phi)
        J = model.A * x / model.seconds(x)[:, None]
        damped = np.vstack([J, np.diag(np.sqrt(damping) * np.linalg.norm(J, axis=0))])
        d = np.linalg.lstsq(damped, -np.append(r, np.zeros(len(phi))), rcond=None)[0].clip(-2, 2)
        trial = residual(phi + d)
        if trial @ trial <= r @ r:
            phi, r, damping = phi + d, trial, damping / 10
        else:
            damping *= 10
        if np.abs(d).max() < 1e-12:
            break
    return np.exp(phi)


def _start(model, seconds):
    """log x from the least squares of relative errors, a linear problem; what it makes negative starts small."""
    weighted = model.A / seconds[:, None]
    x = np.linalg.lstsq(weighted, 1 - model.b / seconds, rcond=None)[0]
    return np.log(np.maximum(x, 1e-3 / weighted.max(axis=0)))


def leave_one_out(model, seconds):
    """For each row what the fit to the other rows predicts; NaN where these do not determine every parameter."""
    found = np.full(len(seconds), np.nan)
    for row in range(len(seconds)):
        others = model.without(row)
        if others.identifies():
            found[row] = model.seconds(fit(others, np.delete(seconds, row)))[row]
    return found


# What a table and its model look like


@dataclass(frozen=True)
class Row:
    """One published time, the calibrated model's, and what the model says of it that was fitted to the other rows."""

    name: str
    published: float
    fitted: float
    leave_one_out: float | None  # None where the other rows do not determine the model
    error = property(lambda self: self.fitted / self.published - 1)

    @property
    def leave_one_out_error(self):
        """Relative; None where there is no prediction."""
        return None if self.leave_one_out is None else self.leave_one_out / self.published - 1


@dataclass(frozen=True)
class Published:
    """A published table with a model calibrated to it.

    Attributes
    ----------
    unit : "days" or "hours", of the rows' times
    parameters : dict name -> value; `units`: dict name -> unit
    notes : sentences on what supports what, and what was chosen after the data were seen
    """

    name: str
    source: str
    unit: str
    rows: tuple[Row, ...]
    parameters: dict
    units: dict
    notes: tuple[str, ...]

    @property
    def calibration_error(self):
        """The largest relative error of the fitted rows."""
        return max(abs(row.error) for row in self.rows)

    @property
    def leave_one_out_error(self):
        """The largest relative error of a row that was predicted from the others."""
        return max(abs(e) for row in self.rows if (e := row.leave_one_out_error) is not None)

    def as_dict(self):
        """Plain values, for JSON; the rows' keys carry the unit, as in "published_days"."""
        keys = ("published", "fitted", "leave_one_out")
        rows = [{"name": r.name} | {f"{k}_{self.unit}": getattr(r, k) for k in keys} for r in self.rows]
        return {
            "name": self.name,
            "source": self.source,
            "rows": rows,
            "parameters": dict(self.parameters),
            "units": dict(self.units),
            "calibration_error": self.calibration_error,
            "leave_one_out_error": self.leave_one_out_error,
            "notes": list(self.notes),
        }

    @property
    def text(self):
        """The table, the parameters and the notes."""
        width = max(len(row.name) for row in self.rows)
        lines = [self.source, "", f"{'':{width}}  {self.unit:>9}  {'fitted':>15}  {'leave one out':>17}"]
        for row in self.rows:
            fitted = f"{row.fitted:.2f} ({row.error:+.1%})"
            left = "" if row.leave_one_out is None else f"{row.leave_one_out:.2f} ({row.leave_one_out_error:+.1%})"
            lines.append(f"{row.name:{width}}  {row.published:9.2f}  {fitted:>15}  {left:>17}".rstrip())
        found = (_quantity(name, value, self.units[name]) for name, value in self.parameters.items())
        summary = (
            f"Calibration, not prediction: {len(self.parameters)} parameters fitted to {len(self.rows)} rows, "
            f"{', '.join(found)}. Largest error of the fit {self.calibration_error:.1%}, of a row predicted from the "
            f"others {self.leave_one_out_error:.1%}."
        )
        return "\n".join([*lines, "", *(fill(part, 110) for part in (summary, *self.notes))])

    __str__ = __repr__ = lambda self: self.text


def _quantity(name, value, unit):
    return f"{name} = {value / 1e9:.2f} GB/s" if unit == "bytes/s" else f"{name} = {value:.3f} {unit}"


def _published(name, source, unit, per_step, times, model, units, notes):
    """Fit a model to a table.

    per_step : array (rows,), units of the table (days or hours) for a second a step
    times : dict row -> published time; units : dict parameter -> unit, an inverse rate where it says bytes/s
    """
    published = np.array(list(times.values()))
    x, seconds = fit(model, published / per_step), published / per_step
    fitted, left = model.seconds(x) * per_step, leave_one_out(model, seconds) * per_step
    rows = tuple(
        Row(row, float(p), float(f), None if np.isnan(out) else float(out))
        for row, p, f, out in zip(times, published, fitted, left, strict=True)
    )
    values = (float(1 / v) if units[k] == "bytes/s" else float(v) for k, v in zip(model.names, x, strict=True))
    return Published(name, source, unit, rows, dict(zip(model.names, values, strict=True)), units, notes)


# Yadan et al. 2013: AlexNet on up to four GTX Titan in one machine

YADAN = {  # days for 100 epochs, S4 slide 61
    "1 GPU": 10.5,
    "2 GPUs, model parallel": 6.6,
    "2 GPUs, data parallel": 7.0,
    "4 GPUs, data parallel": 7.2,
    "4 GPUs, model and data parallel": 4.8,
}
YADAN_BATCH = 256
YADAN_DAYS = 100 * IMAGES / YADAN_BATCH / DAY  # of 100 epochs, for one second a step

YADAN_NOTES = (
    "C rests on all rows; beta on the data-parallel rows and the hybrid; m on the model-parallel row and the hybrid: "
    "without one of these two it rests on the other alone, which m then meets exactly, whatever C and beta are.",
    "That the hybrid's pairs of replicas share the bus and that its crossings do not was chosen after the data had "
    "been seen, as the best of three rules (SHARING); the other two err by up to 5 and 9 %. beta stands for all that "
    "grows with the number of replicas: a loss of efficiency on shards of 128 and 64 images cannot be told apart from "
    "a slower bus by these rows.",
    "The times are printed to a tenth of a day, which alone allows 0.5 to 1 % (7 days, if whole, 7 %).",
)

# What the hybrid's two pairs of replicas, and its two pairs of columns, do one after another because they share the
# bus: how many halves of S pass it, and how much of m a step takes (m / 2 for a pair of columns with half the batch).
SHARING = {
    "gradients share the bus": (4, 0.5),
    "nothing shares the bus": (2, 0.5),
    "everything shares the bus": (4, 1.0),
}


def yadan_model(sharing="gradients share the bus"):
    """Seconds of a step of 256 images, S the bytes of all parameters:

        1 GPU             C
        model parallel    C / 2 + m
        data parallel     C / N + 2 S (N - 1) / beta            each other GPU sends its gradients over one bus to the
                                                                first, which sends the parameters back
        hybrid            C / 4 + m / 2 + 4 (S / 2) / beta      two pairs of replicas, each of half the parameters

    Parameters
    ----------
    sharing : what the hybrid's pairs share: "gradients share the bus" (as above), "nothing shares the bus" (each pair
        of replicas is as fast as alone) or "everything shares the bus" (the crossing too: m instead of m / 2)

    Raises
    ------
    DataError : another sharing.
    """
    if sharing not in SHARING:
        raise DataError(f"yadan_model: sharing is {sharing!r}; one of {', '.join(map(repr, SHARING))} is needed.")
    S, (halves, crossing) = workload("alexnet").param_bytes, SHARING[sharing]
    A = [[1, 0, 0], [1 / 2, 0, 1], [1 / 2, 2 * S, 0], [1 / 4, 6 * S, 0], [1 / 4, halves * S / 2, crossing]]
    return Model(("C", "beta", "m"), np.array(A), np.zeros(5))


def yadan(sharing="gradients share the bus"):
    """Yadan et al.'s five rows and the model of `yadan_model`, calibrated.

    C is the time of a step on one GPU, beta the rate of the bus, m what a model-parallel step takes beyond half of C.

    Raises
    ------
    DataError : a sharing that `yadan_model` does not know.

    Examples
    --------
    >>> found = yadan()
    >>> {name: float(f"{value:.3g}") for name, value in found.parameters.items()}
    {'C': 1.84, 'beta': 1850000000.0, 'm': 0.217}
    """
    crossing = (
        f"The activations and gradients that cross between two columns are {yadan_crossing_bytes() / 1e6:.0f} MB a "
        f"step; at beta they explain a part of m only (yadan_crossing)."
    )
    notes = (*YADAN_NOTES, crossing)
    units = {"C": "s", "beta": "bytes/s", "m": "s"}
    source = "Yadan, Adams, Taigman & Ranzato 2013 (1312.5853), S4 slide 61: AlexNet, 100 epochs, batch 256, GTX Titan"
    return _published(
        "yadan",
        f"{source}; hybrid: {sharing}",
        "days",
        np.full(5, YADAN_DAYS),
        YADAN,
        yadan_model(sharing),
        units,
        notes,
    )


def yadan_with_ring(beta=None, N=4):
    """Days of data parallelism on N such GPUs if each had a link of its own and gradients went round a ring.

    T = C / N + 2 (N - 1) / N S / beta, with the calibrated C: a counterfactual.

    Parameters
    ----------
    beta : bytes per second and direction of each link; default: the calibrated rate of the bus
    N : int of at least 1

    Raises
    ------
    DataError : N is less, or the rate is not positive.

    Examples
    --------
    >>> round(yadan_with_ring(), 1), round(yadan_with_ring(12e9), 1)  # the same wires; PCIe 3 as NCCL assumes it
    (3.8, 2.8)
    """
    found = yadan().parameters
    rate = found["beta"] if beta is None else beta
    if N < 1 or not rate > 0:
        raise DataError(
            f"yadan_with_ring: N is {N!r} and beta {rate!r}; at least one GPU and a positive rate are needed."
        )
    return (found["C"] / N + 2 * (N - 1) / N * workload("alexnet").param_bytes / rate) * YADAN_DAYS


CROSSINGS = ("conv3", "fc6", "fc7", "fc8")  # layers of AlexNet whose input comes from both columns


def yadan_crossing_bytes(layers=CROSSINGS, batch=YADAN_BATCH):
    """Bytes that cross between the two columns of AlexNet in a step.

    At these layers each column gets the other's half of the layer's input, and backward the halves of its gradient that
    it computed for the other: the whole input crosses once forward and once backward.
    """
    net = workload("alexnet")
    entries = sum(net[name].moved - net[name].output for name in layers)  # what such a layer reads for one image
    return 2 * entries * batch * net.itemsize


def yadan_crossing():
    """How much of m the bytes at the crossings explain.

    Returns
    -------
    dict with "seconds" (layer -> seconds on the bus), "explained" (their sum as a fraction of m), "rest" (seconds of m
    that are left). The rest is what no count of bytes holds: layers of half the width may use the GPU less well, both
    columns wait for each other at every crossing, and the transfers may be slower than those of whole gradients.

    Examples
    --------
    >>> found = yadan_crossing()
    >>> {name: round(s, 3) for name, s in found["seconds"].items()}
    {'conv3': 0.048, 'fc6': 0.01, 'fc7': 0.005, 'fc8': 0.005}
    >>> round(found["explained"], 2), round(found["rest"], 2)
    (0.31, 0.15)
    """
    found = yadan().parameters
    seconds = {name: yadan_crossing_bytes((name,)) / found["beta"] for name in CROSSINGS}
    together = sum(seconds.values())
    return {"seconds": seconds, "explained": together / found["m"], "rest": found["m"] - together}


# Krizhevsky 2014: convolutions data parallel, dense layers model parallel, on up to eight K20

KRIZHEVSKY = {  # (GPUs, dense layers' batch) -> hours for 90 epochs; the convolutions' batch is 128 a GPU
    (1, 128): 98.05,
    (2, 256): 50.24,
    (2, 128): 50.90,
    (4, 512): 26.20,
    (4, 128): 26.78,
    (8, 1024): 15.68,
    (8, 128): 15.91,
}
KRIZHEVSKY_BATCH = 128
KRIZHEVSKY_NOTES = (
    "The times are quoted from memory of the paper, except 98.05 h and the speed-ups 3.74 on four and 6.25 on eight "
    "GPUs, which second sources quote too.",
    "Chosen after the data had been seen: that every wire reaches one rate, and that the busiest one sets the time, "
    "with nothing hidden behind compute. The tree of wires (two GPUs at a switch, two switches at a processor) is the "
    "paper's machine from memory. A lone link of PCIe 2 reaches about 6 GB/s; beta is half of that, and so stands for "
    "waits and latencies as well. A tree in which no wire is shared, krizhevsky(shared=False), fits to 4 %.",
    "Compute is most of every row: C alone, from the first row, is 2, 6 and 22 % short on two, four and eight GPUs. "
    "Five per cent is no strong test of the model of communication.",
)


def pair_bytes(K):
    """Bytes that each of K GPUs sends to each other one in a step of 128 images a GPU.

    The inputs of the dense layers, of which every GPU holds 1/K of the outputs, go to all forward, and their gradients
    come back (section 4 of the paper). The gradients of the convolutions are summed in K parts, each on one GPU, which
    hands the sum out (its remark on weight synchronization).
    """
    net = workload("alexnet-owt")
    inputs = sum(layer.moved - layer.output for layer in net.layers if layer.kind == "dense")
    gradients = net.itemsize * sum(layer.params for layer in net.layers if layer.kind == "conv")
    return 2 * KRIZHEVSKY_BATCH * net.itemsize * inputs + 2 * gradients / K


def busiest_wire(K, shared=True):
    """Bytes over the busiest wire, each way, in a step on K GPUs: two at a switch, two switches at a processor.

    A GPU's own link carries what K - 1 others send to it. The link of a switch carries what K - 2 others send to its
    two GPUs, the one between the processors what four GPUs send to the four others.

    Parameters
    ----------
    shared : bool; whether GPUs share the links of switches and processors, or each have all of every wire
    """
    within = min(K, 2), min(K, 4)
    wires = [K - 1] + ([n * (K - n) for n in within] if shared else [])
    return max(wires) * pair_bytes(K)


def update_seconds(K):
    """Seconds that K updates of a GPU's share of the dense layers take beyond one.

    Each reads the weights, their momentum and gradient and writes the first two, at the K20's memory bandwidth. Nothing
    here is fitted.
    """
    net = workload("alexnet-owt")
    share = net.itemsize * sum(layer.params for layer in net.layers if layer.kind == "dense") / K
    return (K - 1) * 5 * share / device("Tesla K20").bandwidth


def krizhevsky_model(shared=True):
    """Seconds of a step of 128 K images on K GPUs: C + busiest_wire(K) / beta, and update_seconds(K) where the dense
    layers are updated after every 128 images."""
    A = np.array([[1.0, busiest_wire(K, shared)] for K, _ in KRIZHEVSKY])
    b = np.array([update_seconds(K) if dense < KRIZHEVSKY_BATCH * K else 0.0 for K, dense in KRIZHEVSKY])
    return Model(("C", "beta"), A, b)


def krizhevsky(shared=True):
    """Krizhevsky's seven rows and the model of `krizhevsky_model`, calibrated.

    C is the time of a step of 128 images on one GPU, beta the rate that every wire reaches.

    Examples
    --------
    >>> found = krizhevsky()
    >>> {name: float(f"{value:.2g}") for name, value in found.parameters.items()}
    {'C': 0.39, 'beta': 3000000000.0}
    """
    K = np.array([K for K, _ in KRIZHEVSKY])
    times = {
        f"{K} GPU{'s' if K > 1 else ''}, batch ({KRIZHEVSKY_BATCH * K}, {dense})": hours
        for (K, dense), hours in KRIZHEVSKY.items()
    }
    source = "Krizhevsky 2014 (1404.5997): AlexNet in one tower, 90 epochs, 128 images a GPU, up to eight Tesla K20"
    source += "; wires in a tree" if shared else "; no wire is shared"
    per_step = 90 * IMAGES / (KRIZHEVSKY_BATCH * K) / HOUR
    units = {"C": "s", "beta": "bytes/s"}
    return _published("krizhevsky", source, "hours", per_step, times, krizhevsky_model(shared), units, KRIZHEVSKY_NOTES)
