"""What a training run has shown so far: loss, gradient norms, learning rate; a few hundred points, however long it is.

    bucket k holds the steps k w <= t < (k + 1) w: their smallest, their largest value and their mean

When there are too many buckets, pairs of neighbours become one and w doubles: memory stays bounded, and what a value
reached, up or down, is never lost. NaN and infinity are kept apart, each with its first step.
"""

import math

import numpy as np

from .base import Scene, Setting, short

MOST = 512  # buckets of a track; a full one goes on with half as many
KINDS = ("loss", "norm", "lr", "other")


def as_text(value):
    """A number as text, NaN by its name."""
    return "NaN" if value != value else short(value)


class Track:
    """One quantity, a value at each step or at some of them.

    Attributes
    ----------
    kind : "loss", "norm" (of a parameter's gradient), "lr" or "other"
    bad : (step, text) of the first value that is not finite; None
    width : int, the steps of a bucket

    >>> track = Track("loss", "loss", most=4)
    >>> for step in range(8):
    ...     track.add(step, float(step))
    >>> track.width, track.low, track.high
    (2, [0.0, 2.0, 4.0, 6.0], [1.0, 3.0, 5.0, 7.0])
    """

    def __init__(self, name, kind, most=MOST):
        self.name, self.kind, self.most = name, kind, most
        self.width, self.bad, self.last = 1, None, math.nan
        self.place, self.low, self.high, self.total, self.count = [], [], [], [], []

    def add(self, step, value):
        """Take a value; steps do not decrease."""
        self.last = value
        if not math.isfinite(value):
            if self.bad is None:
                self.bad = (step, as_text(value))
            return
        k = step // self.width
        if self.place and self.place[-1] == k:
            self.low[-1], self.high[-1] = min(self.low[-1], value), max(self.high[-1], value)
            self.total[-1] += value
            self.count[-1] += 1
            return
        if len(self.place) == self.most:
            self._halve()
            return self.add(step, value)
        for kept, new in ((self.place, k), (self.low, value), (self.high, value), (self.total, value), (self.count, 1)):
            kept.append(new)

    def _halve(self):
        """Buckets twice as wide, until there is room: where values come rarely, neighbours may lie far apart."""
        while len(self.place) == self.most:
            self.width *= 2
            old = zip(self.place, self.low, self.high, self.total, self.count, strict=True)
            self.place, self.low, self.high, self.total, self.count = [], [], [], [], []
            for k, low, high, total, count in old:
                if self.place and self.place[-1] == k // 2:
                    self.low[-1], self.high[-1] = min(self.low[-1], low), max(self.high[-1], high)
                    self.total[-1] += total
                    self.count[-1] += count
                else:
                    for kept, new in zip(
                        (self.place, self.low, self.high, self.total, self.count),
                        (k // 2, low, high, total, count), strict=True,
                    ):  # fmt: skip
                        kept.append(new)

    def arrays(self):
        """dict: the middle step x of each bucket, low, high and mean; arrays (n,)."""
        middle = np.array(self.place, float) * self.width + (self.width - 1) / 2
        mean = np.array(self.total, float) / np.maximum(np.array(self.count, float), 1)
        return {"x": middle, "low": np.array(self.low, float), "high": np.array(self.high, float), "mean": mean}


class History:
    """All tracks of a run.

    Attributes
    ----------
    steps : int, how many were recorded
    tracks : dict (kind, name) -> Track; a parameter may be called what the loop calls a number
    status : "ready", "running", "stopped" or "ended"
    layer : str, the parameter nearest to the loss whose gradient was not finite when that was first seen; or ""
    """

    def __init__(self, most=MOST):
        self.steps, self.tracks, self.status, self.layer, self.most = 0, {}, "ready", "", most

    def add(self, name, kind, step, value):
        """Record a value of a track, which is made where it is new."""
        track = self.tracks.get((kind, name))
        if track is None:
            track = self.tracks[kind, name] = Track(name, kind, self.most)
        track.add(step, value)
        return track

    def found(self):
        """What the browser and `Monitor` need: plain numbers, texts and arrays."""
        ordered = sorted(self.tracks.values(), key=lambda t: KINDS.index(t.kind))
        tracks = []
        for t in ordered:
            told = {"name": t.name, "kind": t.kind, "last": as_text(t.last), "bad": list(t.bad) if t.bad else []}
            tracks.append(told | t.arrays())
        return {"steps": self.steps, "status": self.status, "layer": self.layer, "tracks": tracks}


def running_mean(values, n):
    """The mean of each value and up to n - 1 before it.

    >>> running_mean(np.array([1.0, 3.0, 5.0]), 2)
    array([1., 2., 4.])
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.arange(1, len(values) + 1)
    start = np.maximum(stop - n, 0)
    return (sums[stop] - sums[start]) / (stop - start)


class Monitor(Scene):
    """Loss with its running mean, gradient norms by parameter, learning rate.

    Parameters
    ----------
    history : History that is shown; default: an empty one
    """

    name, title = "monitor", "Training monitor"
    settings = (
        Setting("smooth", "running mean of", 8, low=1, high=64, step=2, log=True, whole=True, unit="points"),
        Setting("log", "logarithmic loss", False, "flag"),
        Setting("pick", "picked parameter", -1, low=-1, high=9999, step=1, whole=True, hidden=True),
    )

    def __init__(self, history=None):
        self.history = history if history is not None else History()

    def compute(self, state):
        """History.found, and with each track `smooth` (n,), its running mean."""
        found = self.history.found()
        for track in found["tracks"]:
            track["smooth"] = running_mean(track["mean"], state["smooth"])
        return found

    def caption(self, state, found):
        if not found["steps"]:
            return "No step was recorded yet."
        loss = next((t for t in found["tracks"] if t["kind"] == "loss"), None)
        norms = [t for t in found["tracks"] if t["kind"] == "norm" and len(t["x"])]
        told = [
            f"{found['steps']} steps"
            + {"running": " so far.", "stopped": ", stopped.", "ended": "."}.get(found["status"], ".")
        ]
        if loss is not None and len(loss["x"]):
            told.append(
                f"The loss, as running mean, went from {short(loss['smooth'][0])} to {short(loss['smooth'][-1])}; "
                f"its lowest value is {short(loss['low'].min())}."
            )
        if norms:
            ends = sorted(norms, key=lambda t: t["mean"][-1])
            small, large = (f"{short(t['mean'][-1])} ({t['name']})" for t in (ends[0], ends[-1]))
            told.append(
                f"Gradient norms lie between {small} and {large}."
                if len(norms) > 1
                else f"The gradient norm is {large}."
            )
        return " ".join([*told, *self._bad(found)])

    def _bad(self, found):
        """Sentences on what is not finite."""
        first = sorted(
            (t["bad"][0], t["name"], t["bad"][1]) for t in found["tracks"] if t["bad"] and t["kind"] != "norm"
        )
        told = [f"In step {first[0][0]} {first[0][1]} became {first[0][2]}."] if first else []
        if found["layer"]:
            told.append(f"A gradient was not finite; nearest to the loss that of {found['layer']}.")
        return told

    def rows(self, state, found):
        head = ["quantity", "last", "lowest", "highest", "first not finite"]
        return [head] + [
            [
                f"gradient norm of {t['name']}" if t["kind"] == "norm" else t["name"],
                t["last"],
                *((short(t["low"].min()), short(t["high"].max())) if len(t["x"]) else ("", "")),
                f"step {t['bad'][0]}: {t['bad'][1]}" if t["bad"] else "",
            ]
            for t in found["tracks"]
        ]  # fmt: skip


def line(history):
    """A run as one line of text, for consoles.

    >>> history = History()
    >>> _ = history.add("loss", "loss", 0, 0.25), history.add("lr", "lr", 0, 0.1)
    >>> history.steps = 1
    >>> line(history)
    'step 1  loss 0.25  lr 0.1'
    """
    shown = [t for t in history.tracks.values() if t.kind != "norm"]
    norms = [t for t in history.tracks.values() if t.kind == "norm"]
    parts = [f"step {history.steps}", *(f"{t.name} {as_text(t.last)}" for t in shown)]
    if norms:
        largest = max(norms, key=lambda t: t.last if t.last == t.last else math.inf)
        parts.append(f"largest gradient norm {as_text(largest.last)} ({largest.name})")
    bad = next((f"{t.name} {t.bad[1]} in step {t.bad[0]}" for t in shown if t.bad), None)
    return "  ".join([*parts, *([bad] if bad else []), *(["stopped"] if history.status == "stopped" else [])])
