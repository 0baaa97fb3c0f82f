"""Optimizers before the court: on tiny problems, each with the best of the same few rates, who beats whom?

Each optimizer of edfcore.optimizers has its default settings but the rate. On every problem all get the same 13 rates
to try, LR, 1e-5 to 10; the best one counts. The score is the loss without noise, its mean over the last LAST of T steps
(a single step may be low by luck), and below FLOOR a problem counts as solved. One optimizer beats another where its
score is at most the half of the other's. The case shown for it is the smallest such problem, by coordinates, then the
clearest one.

There is no best method for all problems in general (Wolpert & Macready 1997, "No Free Lunch Theorems for Optimization",
say it of averages over all functions); here it is looked up in a table of runs, which could contradict it.

The rare large gradient is shaped after Reddi, Kale & Kumar 2018, section 3. Their theorem 1, Adam going the wrong way,
needs beta_2 small against the period; with beta_2 = 0.999 and its best rate Adam is not led astray in T steps here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..graph import Graph, Param
from ..optimizers import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSprop, Rprop
from .base import Scene, Setting, short
from .mine import sentence

T, LAST = 60, 20
FLOOR, FAR = 1e-12, 1e12
BEATS = 0.5
LR = 10.0 ** (np.arange(-10, 3) / 2)
OPTIMIZERS = {
    "sgd": ("SGD", SGD), "hb": ("heavy ball", Momentum), "nag": ("Nesterov", Nesterov), "adagrad": ("Adagrad", Adagrad),
    "rmsprop": ("RMSprop", RMSprop), "adam": ("Adam", Adam), "adamw": ("AdamW", AdamW), "rprop": ("Rprop", Rprop),
}  # fmt: skip
SAMPLES = 8  # of noise, so that no optimizer wins by one lucky draw
NOISE = np.random.default_rng(6).normal(size=(SAMPLES, T, 2))
PERIOD, LARGE = 20, 30.0  # of the rare large gradient
SELDOM = 10  # steps from one gradient of the second coordinate to its next
RULES = (
    f'Score: the mean loss of the last {LAST} of {T} steps; below {short(FLOOR)} counts as solved. "Beats": a score of '
    f"at most half of the other's. Each has the best of {len(LR)} rates, {short(LR[0])} to {short(LR[-1])}, on every "
    "problem."
)
TURN = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
RINGS, ROUND = 4, 41  # contours of a plane problem, and points of each


@dataclass(frozen=True)
class Problem:
    """A function to minimize, whose least value is 0.

    Attributes
    ----------
    name, formula : str
    start : tuple
    loss : function of w (d,)
    gradient : function of w, of the step t = 0, 1, ... and of the sample k, what the optimizer is shown, (d,)
    box : float, w is put back into [-box, box] after each step; infinity where nothing bounds it
    samples : int, runs whose losses are averaged; one but where there is noise
    """

    name: str
    formula: str
    start: tuple
    loss: Callable
    gradient: Callable
    box: float = np.inf
    samples: int = 1


def quadratic(name, formula, H, start=(1.3, -0.7), noise=0.0):
    """w^T H w / 2, with noise on its gradient."""
    H = np.array(H)
    return Problem(
        name, formula, start[: len(H)], lambda w: float(w @ H @ w) / 2,
        lambda w, t, k: H @ w + noise * NOISE[k, t, : len(H)], samples=SAMPLES if noise else 1,
    )  # fmt: skip


PROBLEMS = (
    quadratic("bowl", "w² / 2", [[1.0]]),
    Problem("kink", "|w|", (1.3,), lambda w: float(abs(w[0])), lambda w, t, k: np.sign(w)),
    Problem(
        "rare large gradient", f"(w + 1) times the mean slope; slope {LARGE:g} in each {PERIOD}th step, else -1",
        (0.0,), lambda w: float(w[0] + 1) * (LARGE - PERIOD + 1) / PERIOD,
        lambda w, t, k: np.array([LARGE if t % PERIOD == PERIOD - 1 else -1.0]), 1.0,
    ),
    Problem(
        "plateau", "w² / (1 + w²) from 5", (5.0,), lambda w: float(w[0] ** 2 / (1 + w[0] ** 2)),
        lambda w, t, k: 2 * w / (1 + w * w) ** 2,
    ),
    quadratic("noisy bowl", "(u² + v²) / 2, noise of 1.5 on each slope, 8 runs", np.eye(2), noise=1.5),
    quadratic("canyon", "(u² + 100 v²) / 2", np.diag([1.0, 100.0])),
    quadratic("turned canyon", "the canyon turned by 45 degrees", TURN @ np.diag([1.0, 100.0]) @ TURN.T, (1.3, 0.4)),
    quadratic("far scales", "(u² + 1000 v²) / 2", np.diag([1.0, 1e3])),
    Problem(
        "seldom seen", f"(10 u² + v²) / 2, the slope of v shown in each {SELDOM}th step", (1.3, -0.7),
        lambda w: float(10 * w[0] ** 2 + w[1] ** 2) / 2, lambda w, t, k: w * [10.0, float(t % SELDOM == 0)],
    ),
    Problem(
        "saddle", "(u² - 1)² / 4 + v² / 2, from beside the saddle", (0.001, 1.3),
        lambda w: float((w[0] ** 2 - 1) ** 2 / 4 + w[1] ** 2 / 2),
        lambda w, t, k: np.array([w[0] ** 3 - w[0], w[1]]),
    ),
)  # fmt: skip


def run(make, problem):
    """The path (T + 1, d) of an optimizer and its losses (T + 1,); infinity from where it leaves all bounds.

    Parameters
    ----------
    make : function of a graph that gives an object with step()
    """
    paths, losses = zip(*(one_run(make, problem, k) for k in range(problem.samples)), strict=True)
    return paths[0], np.mean(losses, 0)


def one_run(make, problem, k):
    """The path and the losses with the k-th sample of the noise."""
    graph = Graph()
    with graph:
        w = Param(np.array(problem.start), "w")
    optimizer, path, loss = make(graph), [w.value.copy()], [problem.loss(w.value)]
    for t in range(T):
        if np.isfinite(loss[-1]):
            w.grad = np.asarray(problem.gradient(w.value, t, k), dtype=float)
            optimizer.step()
            w.value = np.clip(w.value, -problem.box, problem.box)
        value = problem.loss(w.value)
        path.append(np.array(w.value, dtype=float))
        loss.append(value if value < FAR else np.inf)
    return np.array(path), np.array(loss)


def score(loss):
    """The mean loss of the last steps."""
    return max(float(np.mean(loss[-LAST:])), FLOOR)


def tried(make, problem):
    """The scores (13,) of an optimizer with each of the rates LR; make is a function of a graph and of lr."""
    with np.errstate(all="ignore"):  # too high a rate diverges, and says so by its score
        return np.array([score(run(lambda graph, lr=lr: make(graph, lr), problem)[1]) for lr in LR.tolist()])


def best_rates():
    """For each problem and optimizer the place of its best rate in LR: what BEST holds; a second of running."""
    makers = [lambda graph, lr, kind=kind: kind(graph, lr=lr) for _, kind in OPTIMIZERS.values()]
    return np.array([[tried(make, problem).argmin() for make in makers] for problem in PROBLEMS])


# What best_rates() gives, a row for each problem, the place in LR as one hexadecimal digit for each optimizer.
BEST = (
    "97aa89b7", "77697887", "776b9aa0", "baaa7aac", "7559788a", "666a8998", "666a8aa6", "444a8998", "878cc998",
    "999a8aa7",
)  # fmt: skip


def rings(problem):
    """Contours of a plane problem around (0, 0), (RINGS, ROUND, 2): where the loss is so far up to that of the start.

    Along each ray the loss rises beyond the contour, which bisection finds.
    """
    low, high = problem.loss(np.zeros(2)), problem.loss(np.array(problem.start))
    angles = np.linspace(0, 2 * np.pi, ROUND)
    found = np.zeros((RINGS, ROUND, 2))
    for k in range(RINGS):
        level = low + (high - low) * 4.0 ** (k - RINGS + 1)
        for n, ray in enumerate(np.stack([np.cos(angles), np.sin(angles)], 1)):
            near, far = 0.0, 20.0
            for _ in range(30):
                middle = (near + far) / 2
                near, far = (middle, far) if problem.loss(middle * ray) < level else (near, middle)
            found[k, n] = near * ray
    return found


@lru_cache(1)
def table():
    """Everything that is shown, of every optimizer on every problem with its best rate, by the real optimizers.

    Returns
    -------
    dict : scores, rates (P, 8); losses (P, 8, T + 1); line (L, 8, T + 1), w of the problems of one coordinate, which
    stand first; plane (P - L, 8, T + 1, 2) of the others, and rings (P - L, RINGS, ROUND, 2); float32 but for the first
    """
    rates = np.array([[LR[int(digit, 16)] for digit in row] for row in BEST])
    with np.errstate(all="ignore"):
        runs = [
            [run(lambda graph, lr=lr, kind=kind: kind(graph, lr=lr), problem) for lr, (_, kind) in lined(row)]
            for problem, row in zip(PROBLEMS, rates.tolist(), strict=True)
        ]
    single = sum(len(p.start) == 1 for p in PROBLEMS)
    losses = np.array([[loss for _, loss in row] for row in runs])
    return {
        "scores": np.array([[score(loss) for loss in row] for row in losses]), "rates": rates,
        "losses": losses.astype(np.float32),
        "line": np.array([[path[:, 0] for path, _ in row] for row in runs[:single]], np.float32),
        "plane": np.array([[path for path, _ in row] for row in runs[single:]], np.float32),
        "rings": np.array([rings(p) for p in PROBLEMS[single:]], np.float32),
    }  # fmt: skip


def lined(rates):
    """Each optimizer beside its rate."""
    return zip(rates, OPTIMIZERS.values(), strict=True)


def verdicts(scores):
    """Who beats whom: wins (8, 8), on how many problems the row's optimizer beats the column's, and beaten (8,), on how
    many problems any other one beats it."""
    beats = scores[:, :, None] <= BEATS * scores[:, None, :]
    return beats.sum(0), beats.any(1).sum(0)


def case(mine, other):
    """The smallest problem on which `mine` (P,) beats `other` (P,), of these the clearest; else the closest to it."""
    ratio = mine / other
    size = np.where(ratio <= BEATS, [len(p.start) for p in PROBLEMS], np.inf)
    return int(np.lexsort((ratio, size))[0])


class Court(Scene):
    """Two optimizers, for each the smallest problem on which it beats the other, and how all stand to each other."""

    name, title, frames = "court", "Optimizer court: the smallest problem where each beats the other", "t"
    settings = (
        Setting("first", "first", "sgd", "choice", choices=tuple((k, n) for k, (n, _) in OPTIMIZERS.items())),
        Setting("second", "second", "adam", "choice", choices=tuple((k, n) for k, (n, _) in OPTIMIZERS.items())),
        Setting("t", "step", T, low=0, high=T, step=1, whole=True),
    )

    def compute(self, state):
        """From table(): scores, rates (P, 2) of the two, cases (2,) the problems shown, loss (2, 2, T + 1) there (case,
        optimizer, step), wins (8, 8) and beaten (8,), see verdicts."""
        all_, kinds = table(), list(OPTIMIZERS)
        pair = [kinds.index(state["first"]), kinds.index(state["second"])]
        scores = all_["scores"][:, pair]
        cases = [case(scores[:, 0], scores[:, 1]), case(scores[:, 1], scores[:, 0])]
        wins, beaten = verdicts(all_["scores"])
        return {
            "pair": np.array(pair, float), "cases": np.array(cases, float), "scores": scores,
            "rates": all_["rates"][:, pair], "loss": all_["losses"][cases][:, pair].astype(float),
            "wins": wins.astype(float), "beaten": beaten.astype(float),
        }  # fmt: skip

    def caption(self, state, found):
        names, least = [name for name, _ in OPTIMIZERS.values()], int(found["beaten"].argmin())
        if state["first"] == state["second"]:
            told = f"{sentence(names[int(found['pair'][0])])} is chosen twice: choose two that differ."
        else:
            told = " ".join(self._claim(names, found, side) for side in (0, 1))
        times, of = int(found["beaten"][least]), len(PROBLEMS)
        if not times:
            return f"{told} {sentence(names[least])} is beaten by none on all {of}."
        return f"{told} No optimizer is unbeaten: {names[least]}, beaten least often, is beaten on {times} of {of}."

    def _claim(self, names, found, side):
        a, b = found["pair"].astype(int)[[side, 1 - side]]
        wins, k = int(found["wins"][a, b]), int(found["cases"][side])
        one, other = (scored(found["scores"][k, c]) for c in (side, 1 - side))
        shown = f"{'the smallest' if wins else 'the closest'}: {PROBLEMS[k].name}, {one} against {other}"
        return f"{sentence(names[a])} beats {names[b]} on {wins} of {len(PROBLEMS)}; {shown}."

    def rows(self, state, found):
        names = [[n for n, _ in OPTIMIZERS.values()][k] for k in found["pair"].astype(int)]
        head = ["problem", "coordinates", *(f"{name}, {what}" for name in names for what in ("rate", "loss")), "beats"]
        return [head] + [
            [p.name, str(len(p.start)), short(ra), scored(a), short(rb), scored(b), winner(a, b, names)]
            for p, (ra, rb), (a, b) in zip(PROBLEMS, found["rates"], found["scores"], strict=True)
        ]


def scored(value):
    """A score in words; below FLOOR it is no number that was measured."""
    return f"solved (below {short(FLOOR)})" if value <= FLOOR else short(value)


def winner(a, b, names):
    """Whose score is at most half of the other's."""
    return names[0] if a <= BEATS * b else names[1] if b <= BEATS * a else "neither"
