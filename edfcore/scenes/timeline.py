"""A training step on several devices: when each computes, communicates and waits, and what that costs.

    speed-up     S = T(1 device) / T(N devices)         efficiency   S / N
    exposed      the share of a step in which a device communicates and computes nothing
    bubble       (P - 1) / (M + P - 1), the share of a pipeline of P equal stages that stands still with M micro-batches
                 (Huang et al. 2019, "GPipe", 1811.06965)

The times are those of edfcore.parallel.simulate, message by message (S4, slides 45 to 63). A bar is a computation or a
message; neighbours of one kind that are each shorter than a pixel are shown as one.
"""

from collections import defaultdict
from functools import lru_cache

import numpy as np

from ..parallel.clock import without
from ..parallel.memory import CATEGORIES, capacity, megabytes
from ..parallel.simulate import simulate
from .base import Scene, Setting, short

NETWORKS = {"alexnet": "AlexNet", "vgg16": "VGG-16"}
STRATEGIES = {
    "data": "data parallelism", "model": "model parallelism", "hybrid": "hybrid parallelism",
    "gpipe": "a pipeline (GPipe)", "1f1b": "a pipeline (1F1B)",
}  # fmt: skip
PIPELINES, SUMMING = ("gpipe", "1f1b"), ("data", "hybrid")  # which cut a batch; which add up gradients
LINKS = ("PCIe 3 shared", "PCIe 3 switch", "NVLink 3 switch", "Ethernet 10 switch")
DEVICES = {"GTX Titan": "GTX Titan, 6 GiB", "V100": "V100, 16 GiB", "A100 40GB": "A100, 40 GiB"}
WORK = ("forward", "backward", "update", "communication")
PIXEL = 1 / 600  # of a step: bars shorter than this are joined
COARSE = 1 / 100  # the same in tables for pages without Python
FINE, ROUGH = 2**26, 2**12  # parts of a step, in which bars are sent
LATE = "slow"


class Timeline(Scene):
    """Lanes of devices, and what a step takes: time, exposed communication, waiting, memory."""

    name, title, frames = "timeline", "A training step on several devices", "t"
    settings = (
        Setting("strategy", "strategy", "data", "choice", choices=tuple((k, v) for k, v in STRATEGIES.items())),
        Setting("network", "network", "alexnet", "choice", choices=tuple(NETWORKS.items())),
        Setting("devices", "devices", 4, "choice", choices=tuple((n, str(n)) for n in (1, 2, 4, 8))),
        Setting("kind", "kind of device", "GTX Titan", "choice", choices=tuple(DEVICES.items())),
        Setting("link", "link", "PCIe 3 shared", "choice", choices=tuple((x, x) for x in LINKS)),
        Setting("batch", "batch of a step", 256, low=32, high=1024, step=2, log=True, whole=True, unit="images"),
        Setting("micro", "micro-batches, of a pipeline", 8, low=1, high=32, step=2, log=True, whole=True),
        Setting(LATE, "one device slower, times", 1.0, low=1, high=4, step=0.25),
        Setting("who", "which device is slow", 3, low=0, high=7, step=1, whole=True, hidden=True),
        Setting("overlap", "add gradients while backward runs", True, "flag"),
        Setting("t", "moment", 70, low=0, high=100, step=1, whole=True, unit="percent"),
    )

    def report(self, state):
        """The simulation behind a state: a Report of edfcore.parallel."""
        names = [s.name for s in self.settings if s.name != "t"]
        return simulated(**{n: state[n] for n in names})

    def compute(self, state):
        """What the pictures show.

        bars (n, 6): device, stream (0 computes, 1 sends), kind of work (place in WORK), start, length in seconds, and
        the place of its name in `names`. waits (m, 3): device, start, length of exposed communication; what is left is
        idle. shares (N, 3): computing, exposed, idle. memory (N, 5) bytes by category, limits (N,) bytes. Numbers:
        seconds of a step, even (the same with no device slow), speedup, efficiency, bubble (NaN where there is no
        pipeline), and images, a second.
        """
        report = self.report(state)
        line = report.timeline
        bars, names = drawn(line, PIXEL)
        P, M = report.setup.stages, report.setup.micro_batches
        return {
            "bars": bars, "names": names, "waits": waits(line, PIXEL), "seconds": report.seconds,
            "even": report.seconds if state[LATE] == 1 else self.report(state | {LATE: 1.0}).seconds,
            "shares": np.stack([report.compute, report.exposed, report.idle], axis=1),
            "memory": np.array([[m[c] for c in CATEGORIES] for m in report.memory], float),
            "limits": np.array([report.setup.device(d).memory for d in range(report.setup.N)], float),
            "speedup": report.speedup, "efficiency": report.efficiency, "images": report.images_per_second,
            "bubble": (P - 1) / (M + P - 1) if state["strategy"] in PIPELINES else float("nan"),
        }  # fmt: skip

    def caption(self, state, found):
        N, kind = state["devices"], state["kind"]
        who = f"{N} devices ({kind}, {state['link']})" if N > 1 else f"One {kind}"
        if state[LATE] > 1:
            who += f", device {slow_one(state)} taking {short(state[LATE])} times as long"
        first = f"{who}, {STRATEGIES[state['strategy']]}, {NETWORKS[state['network']]}, batch {state['batch']}: a step "
        first += f"takes {seconds(found['seconds'])}"
        if N > 1:
            first += f", {short(found['speedup'])} times as fast as one device, an efficiency of "
            first += percent(found["efficiency"])
        return " ".join(filter(None, [f"{first}.", self._late(state, found), self._why(state, found), unfit(found)]))

    def _late(self, state, found):
        """What the slow device costs; "" where none is slow."""
        if state[LATE] == 1:
            return ""
        who = slow_one(state)
        told = (
            f"With device {who} as fast as the others it would take"
            if state["devices"] > 1
            else "At full speed it would take"
        )
        told = f"{told} {seconds(found['even'])}"
        if state["devices"] == 1 or state["strategy"] in PIPELINES:  # in a pipeline they idle without that, too
            return f"{told}."
        others = np.delete(found["shares"][:, 2], who).mean()
        return f"{told}; the others idle {percent(others)} of the step on average, waiting."

    def _why(self, state, found):
        """What else takes the time that is lost."""
        N, (_, exposed, idle) = state["devices"], found["shares"].mean(axis=0)
        if N == 1:
            return "There is nobody to wait for and nothing to communicate."
        if state["strategy"] in PIPELINES:
            told = (
                f"Devices stand still {percent(exposed + idle)} of the step; even with equal stages and free messages"
            )
            return f"{told} they would stand still {percent(found['bubble'])}, (P - 1) / (M + P - 1), the bubble."
        if exposed > 0.5:
            return (
                f"Communication that no computing hides takes {percent(exposed)} of the step: the link sets the pace."
            )
        if exposed > 0.05:
            return f"Communication that no computing hides takes {percent(exposed)} of the step."
        return f"Communication hides behind computing; {percent(exposed)} of the step is exposed."

    def numbers(self, state, found):
        """What stands beside the picture, as pairs of a name and a text."""
        _, exposed, idle = found["shares"].mean(axis=0)
        pairs = [
            ("step", seconds(found["seconds"])), ("images a second", short(found["images"])),
            ("speed-up over one device", short(found["speedup"])), ("efficiency", percent(found["efficiency"])),
            ("exposed communication", percent(exposed)), ("idle", percent(idle)),
        ]  # fmt: skip
        if np.isfinite(found["bubble"]):
            pairs.append(("bubble (P - 1) / (M + P - 1)", percent(found["bubble"])))
        return [list(pair) for pair in pairs]

    def rows(self, state, found):
        at = state["t"] / 100 * found["seconds"]
        head, *rows = device_rows(found)
        return [head + [f"at {seconds(at)}"]] + [r + [doing(found, d, at)] for d, r in enumerate(rows)]


@lru_cache(maxsize=64)
def simulated(network, strategy, devices, kind, link, batch, micro, slow, who, overlap):
    """The Report of a state's settings; a step that needs more memory than there is takes its time all the same."""
    cluster = f"{devices} x {kind}, {link}" if devices > 1 else kind
    if slow > 1:
        cluster += f", device {min(who, devices - 1)} slow {slow:g}"
    pipeline = {"micro_batches": micro, "schedule": strategy} if strategy in PIPELINES else {}
    return simulate(
        cluster, network, "pipeline" if pipeline else strategy, batch, overlap=overlap, check_memory=False,
        detail="messages", **pipeline,
    )  # fmt: skip


def drawn(line, pixel):
    """(bars float32 (n, 6), names) of a Timeline; see Timeline.compute. Runs of bars below `pixel` become one."""
    rows, shortest = defaultdict(list), pixel * line.end
    for s in sorted(line.spans, key=lambda s: s.start):
        if s.end > s.start:
            rows[s.device, int(s.stream != "compute"), WORK.index(s.category)].append(s)
    bars, names = [], {}
    for key, spans in sorted(rows.items()):
        for first, last, n in runs(spans, shortest):
            name = first.name if n == 1 else f"{first.name} to {last.name}, {n} in all"
            place = names.setdefault(name, len(names))
            bars.append((*key, first.start, last.end - first.start, place))
    bars.sort(key=lambda bar: (*bar[:2], bar[3]))  # along the lanes, as the arrow keys go
    return np.array(bars, np.float32).reshape(-1, 6), list(names)


def runs(spans, shortest):
    """(first, last, how many) of each bar: short ones that follow each other closely are joined."""
    found = []
    for s in spans:
        if found and found[-1][3] and s.end - s.start < shortest and s.start - found[-1][1].end < shortest:
            first, _, n, _ = found[-1]
            found[-1] = (first, s, n + 1, True)
        else:
            found.append((s, s, 1, s.end - s.start < shortest))
    return [f[:3] for f in found]


def waits(line, pixel):
    """When each device communicates and computes nothing: (device, start, length), float32 (m, 3)."""
    found = []
    for d in range(line.cluster.N):
        exposed = without(line.communicating(d), line.computing(d))
        found += [(d, a, b - a) for a, b in exposed if b - a > pixel * line.end]
    return np.array(found, np.float32).reshape(-1, 3)


def device_rows(found):
    """A header and a row for each device, without the moment."""
    head = ["device", "computing", "exposed communication", "idle", "memory", "it has"]
    return [head] + [
        [str(d), *(percent(x) for x in shares), megabytes(held.sum()), room(held.sum(), limit)]
        for d, (shares, held, limit) in enumerate(zip(found["shares"], found["memory"], found["limits"], strict=True))
    ]


def room(needed, limit):
    """A device's memory as text, and whether it is too little."""
    return capacity(limit) + (": does not fit" if needed > limit else "")


def doing(found, device, at):
    """What a device does at a moment, in words.

    >>> found = {"bars": np.array([[0, 0, 1, 0.5, 0.5, 0]], np.float32), "names": ["conv1"], "waits": np.zeros((0, 3))}
    >>> doing(found, 0, 0.6), doing(found, 0, 0.2)
    ('backward conv1', 'waits')
    """
    parts = []
    for stream in (0, 1):
        for d, lane, kind, start, length, name in found["bars"]:
            if d == device and lane == stream and start <= at < start + length:
                words, work = found["names"][int(name)], "sends" if lane else WORK[int(kind)]
                parts.append(words if words.startswith(work) else f"{work} {words}")
                break
    return "; ".join(parts) or "waits"


def unfit(found):
    """A sentence about the device that lacks most memory; "" where all fit."""
    held, limits = found["memory"].sum(axis=1), found["limits"]
    k = int(np.argmax(held / limits))
    if held[k] <= limits[k]:
        return ""
    return f"It does not fit: device {k} needs {megabytes(held[k])} and has {capacity(limits[k])}."


def slow_one(state):
    """The device that is slow: the one that was chosen, or the last one."""
    return min(state["who"], state["devices"] - 1)


def percent(fraction):
    """A share as text.

    >>> percent(0.1234)
    '12.3 %'
    """
    return f"{100 * fraction:.1f} %"


def seconds(x):
    """A time as text.

    >>> seconds(0.0123), seconds(2.5), seconds(3.2e-5)
    ('12.3 ms', '2.5 s', '32 us')
    """
    size, unit = (1, "s") if x >= 1 else (1e3, "ms") if x >= 1e-3 else (1e6, "us")
    return f"{short(x * size)} {unit}"


# What a page holds that no Python runs behind


def sent(state, scene=None, pixel=PIXEL, names=None, grid=FINE):
    """What the browser needs of a state: arrays, and all texts that do not depend on the moment.

    Parameters
    ----------
    pixel : bars shorter than this part of the step are joined
    names : dict name -> place that bars refer to, extended here; default: one of this state alone
    grid : into so many parts a step is cut: a bar is two numbers, 64 name + 8 device + 4 stream + kind of work, and
        grid start + length in such parts. With 4096 both fit into single precision
    """
    scene, names = scene or Timeline(), {} if names is None else names
    found, line = scene.compute(state), scene.report(state).timeline
    bars, own = drawn(line, pixel)
    like = alike(bars, state["devices"], line.end)
    kept = bars[np.isin(bars[:, 0], like)].astype(float)
    named = np.array([names.setdefault(own[int(k)], len(names)) for k in kept[:, 5]])
    start, length = (np.minimum(np.rint(kept[:, k] / line.end * grid), grid - 1) for k in (3, 4))
    packed = np.column_stack([64 * named + 8 * kept[:, 0] + 4 * kept[:, 1] + kept[:, 2], grid * start + length])
    wait = waits(line, pixel)
    return {
        "bars": packed.astype(np.float32 if grid == ROUGH else float), "names": list(names), "grid": grid, "like": like,
        "waits": wait[np.isin(wait[:, 0], like)], "memory": found["memory"].astype(np.float32), "key": key(state),
        "limits": found["limits"].astype(np.float32), "seconds": found["seconds"],
        "told": scene.caption(state, found), "table": device_rows(found), "numbers": scene.numbers(state, found),
    }  # fmt: skip


def alike(bars, devices, end):
    """For each device the first one that does the same at the same times: only that one's bars are sent.

    >>> bars = np.array([[0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0], [2, 0, 0, 0, 2, 0]], np.float32)
    >>> alike(bars, 3, 2.0)
    [0, 0, 2]
    """
    mine = [bars[bars[:, 0] == d][:, 1:] for d in range(devices)]

    def same(a, b):
        return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=[0, 0, 1e-5 * end, 1e-5 * end, 0])

    return [next(e for e in range(d + 1) if same(mine[e], mine[d])) for d in range(devices)]


def key(state):
    """The settings that a simulation depends on, as a text; `key` of js/timeline.js writes the same."""
    slow = f"{state[LATE]:g} {slow_one(state)}" if state[LATE] > 1 else "1"
    pipeline = str(state["micro"]) if state["strategy"] in PIPELINES else ""
    link = state["link"] if state["devices"] > 1 else ""
    parts = (state["network"], state["strategy"], state["devices"], state["kind"], link, state["batch"], pipeline, slow)
    sums = state["devices"] > 1 and state["strategy"] in SUMMING
    return "|".join(map(str, (*parts, int(state["overlap"]) if sums else "")))


@lru_cache(maxsize=4)
def _table(text):
    scene = Timeline()
    start, found, names = scene.state_from(text), {}, {}

    def add(**changed):
        state = start | changed
        if key(state) not in found:
            found[key(state)] = sent(state, scene, COARSE, names, ROUGH)
            del found[key(state)]["names"]

    add()
    for strategy in STRATEGIES:
        for devices in (2, 4, 8):
            add(strategy=strategy, devices=devices)
    add(devices=1)
    for name, values in {
        "network": NETWORKS, "link": LINKS, "kind": DEVICES, "batch": (64, 1024), "micro": (2, 32), LATE: (2.0,),
        "overlap": (False,),
    }.items():  # fmt: skip
        for value in values:
            add(**{name: value})
    for device in range(start["devices"]):
        add(**{LATE: 2.0, "who": device})
    return {"states": list(found.values()), "names": list(names)}


def table(state):
    """States around this one for pages without Python: {"states": [...], "names": [...]}.

    Every strategy on several numbers of devices, and one change of each other setting. Moments and lengths in it are
    rounded to 1/4096 of a step.
    """
    return _table(Timeline().text(state | {"t": 70}))
