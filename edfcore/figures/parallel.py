"""Figures of `edfcore.parallel`: where a simulated step's time and memory go, how it scales, what waiting costs.

    timeline     when each device computes and communicates             from simulate.simulate, or a Program's run
    memory       what each device holds, against what it can hold       from simulate.simulate
    scaling      speed-up over devices, beside Amdahl and Gustafson     from sweep.scaling
    published    published and calibrated training times                from published.yadan, published.krizhevsky
    policies     a parameter server and its workers                     from asynchronous.simulate
    stragglers   what waiting for the slowest of N costs                from stragglers

The alternative text of each figure gives the numbers that it shows. Every kind of bar has a colour and a hatch.
"""

from collections import defaultdict
from numbers import Integral
from textwrap import fill

import numpy as np
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from ..errors import DataError
from ..parallel.asynchronous import Log
from ..parallel.clock import length, merged, without
from ..parallel.memory import CATEGORIES, capacity, megabytes
from ..parallel.stragglers import Distribution, parse
from .base import DASHES, INK, MARKERS, PALETTE, figure
from .curves import _finish, _powers_of_two, _same_length

SKY, ORANGE, GREEN, PINK, BLUE, RED = (PALETTE[k] for k in (4, 5, 2, 3, 0, 1))
WORK = {  # category of a task -> colour and hatch
    "forward": (SKY, ""),
    "backward": (ORANGE, "////"),
    "update": (PINK, "xxxx"),
    "communication": (GREEN, "...."),
}
OTHER = ("#999999", "----")
EXPOSED, IDLE = ("#f9dcc8", "||||"), ("#e3e3e3", "")
SERVED = {"pull": (SKY, "\\\\\\\\"), "compute": (ORANGE, ""), "push": (GREEN, "////")}
HELD = dict(
    zip(CATEGORIES, [(BLUE, ""), (SKY, "////"), (PINK, "xxxx"), (ORANGE, "...."), (GREEN, "\\\\\\\\")], strict=True)
)
FITS = {"published": ("#bbbbbb", ""), "fitted": (SKY, "////"), "leave one out": (ORANGE, "....")}
ERRORS = {"fitted": {"color": BLUE, "marker": MARKERS[0]}, "leave one out": {"color": RED, "marker": MARKERS[2]}}
CUES = {"linestyle": DASHES, "marker": MARKERS, "color": PALETTE}
STREAMS = ("compute", "copy", "copy-in")
MOST_DEVICES = 16  # in a timeline; of more, the first and the last ones are drawn
MOST_BARS = 8  # in the figure of memory; of more devices, the fullest is drawn
INCHES = 5.6  # of the axes' width, roughly, beside labels
HALO = [withStroke(linewidth=2.2, foreground="white")]


# A simulated step


class _Window:
    """The spans of a timeline that lie between two moments, and where each device's time goes between them."""

    def __init__(self, timeline, start, end):
        if not end > start:
            raise DataError("timeline: nothing takes any time here; simulate something that does.")
        self.cluster, self.start, self.end, self.seconds = timeline.cluster, start, end, end - start
        self.rows, self.talking = defaultdict(list), defaultdict(list)
        for s in sorted(timeline.spans, key=lambda s: s.start):
            if min(s.end, end) > max(s.start, start):
                self.rows[s.device, s.stream].append(s)
                for device in {s.device, s.target} - {None} if s.category == "communication" else ():
                    self.talking[device].append(self.clipped(s))

    def clipped(self, span):
        """The span's (start, end) within the window."""
        return max(span.start, self.start), min(span.end, self.end)

    def exposed(self, device):
        """The intervals in which the device's communication is not hidden by its computing (as Timeline.shares)."""
        return without(merged(self.talking[device]), self.computing(device))

    def computing(self, device):
        return merged(self.clipped(s) for s in self.rows.get((device, "compute"), ()))

    def shares(self, device):
        """Fractions of the window: computing, exposed communication, idle."""
        busy, bare = length(self.computing(device)) / self.seconds, length(self.exposed(device)) / self.seconds
        return busy, bare, max(1 - busy - bare, 0.0)


def timeline(found, step=None):
    """When each device computes and communicates: a row for each device and stream.

    Where a device's compute stream stands still, the row shows whether it waits for its communication (exposed,
    striped) or for others (idle, grey). Of more than 16 devices the first and the last 8 are drawn; the title's share
    is that of all devices.

    Parameters
    ----------
    found : Report (simulated message by message), or Timeline
    step : int, optional; which step of a Report, from 0; default, all

    Returns
    -------
    Figure

    Raises
    ------
    DataError : there is no timeline, no such step, or nothing that takes time.
    """
    window, told = _window(found, step)
    N = window.cluster.N
    devices = list(range(N)) if N <= MOST_DEVICES else [*range(MOST_DEVICES // 2), *range(N - MOST_DEVICES // 2, N)]
    streams = _streams(window, devices)
    places, top = _places(devices, streams)
    shares = np.array([window.shares(d) for d in range(N)])
    took = _duration(window.seconds)
    message = f"Communication is exposed for {_between(shares[:, 1])} of {took}"
    message = message if any(window.talking.values()) else f"Nothing is communicated in {took}"
    alt = f"Timeline of {'; '.join(told)}. {message}. {_told_shares(shares)}"
    drawn = figure(alt, height=1.5 + (0.2 if len(devices) <= 8 else 0.15) * top)
    ax = drawn.subplots()
    scale, unit = _unit(window.seconds)
    for (device, stream), y in places.items():
        _stream(ax, window, device, stream, y, scale)
    ax.set(xlim=(0, window.seconds * scale), ylim=(top - 0.5, -0.6))
    _rows(ax, places, f"time ({unit})", "device")
    if N > len(devices):
        _note_left_out(ax, places, devices)
    _title(ax, message, *told)
    _legend(drawn, _looks(window, shares))
    return drawn


def _note_left_out(ax, places, devices):
    """In the gap between the first devices and the last ones, which others there are."""
    before, after = devices[len(devices) // 2 - 1 :][:2]
    last = max(y for (d, _), y in places.items() if d == before)
    middle = (last + min(y for (d, _), y in places.items() if d == after)) / 2
    note = f"devices {before + 1} to {after - 1} are not drawn"
    style = {"fontsize": 8, "color": INK, "va": "center", "style": "italic"}
    ax.text(0.01, middle, note, transform=ax.get_yaxis_transform(), **style)


def _looks(window, shares):
    """Colour and hatch of everything that occurs."""
    used = {s.category for spans in window.rows.values() for s in spans}
    found = {name: look for name, look in WORK.items() if name in used}
    found |= {"other": OTHER} if used - set(WORK) else {}
    for name, look, share in zip(("exposed communication", "idle"), (EXPOSED, IDLE), shares.T[1:], strict=True):
        found |= {name: look} if share.max() > 0.0005 else {}
    return found


def _window(found, step):
    """What to show, and what it is: the work and the cluster."""
    line = getattr(found, "timeline", found)
    if line is None:
        raise DataError("timeline: closed forms were used, so there is none; simulate with detail='messages'.")
    if step is None:
        start, end, which = 0.0, line.end, ""
    else:
        seconds = getattr(found, "step_seconds", ())
        if not isinstance(step, Integral) or not 0 <= step < len(seconds):
            raise DataError(f"timeline: there is no step {step!r}; {len(seconds)} steps are known, counted from 0.")
        ends = np.concatenate([[0.0], np.cumsum(seconds)])
        start, end, which = float(ends[step]), float(ends[step + 1]), f"step {step} of "
    told = [which + dict(found.lines())["work"]] if hasattr(found, "lines") else []
    return _Window(line, start, end), [*told, line.cluster.name]


def _streams(window, devices):
    used = {stream for device, stream in window.rows if device in devices}
    return [s for s in STREAMS if s in used] + sorted(used - set(STREAMS)) or ["compute"]


def _places(devices, streams):
    """Where each row lies, from the top; and how many rows all take. Devices, and numbers left out, stand apart."""
    places, y = {}, 0.0
    for before, device in zip([devices[0] - 1, *devices], devices, strict=False):
        y += 1.2 if device != before + 1 else 0.0
        for stream in streams:
            places[device, stream] = y
            y += 1.0
        y += 0.35
    return places, y


def _stream(ax, window, device, stream, y, scale):
    """One row: bars by category, what separates wide ones, and names that fit."""
    inch = INCHES / window.seconds
    if stream == "compute":
        _bars(ax, y, [(window.start, window.end)], IDLE, window.start, scale)
        _wide_and_narrow(ax, y, window.exposed(device), EXPOSED, RED, window, scale, 0.035)
    spans = window.rows.get((device, stream), ())
    by_category = defaultdict(list)
    for s in spans:
        by_category[s.category].append(window.clipped(s))
    for category, intervals in by_category.items():
        look = WORK.get(category, OTHER)
        _wide_and_narrow(ax, y, merged(intervals), look, look[0], window, scale)
    wide = [a for a, b in map(window.clipped, spans) if (b - a) * inch > 0.06]
    ax.vlines([(a - window.start) * scale for a in wide], y - 0.42, y + 0.42, color="white", linewidth=0.7)
    for a, b, names in _labels(window, spans, 0.03 / inch):
        name = next((n for n in names if _fits(n, (b - a) * inch)), None)
        if name:
            _inside(ax, ((a + b) / 2 - window.start) * scale, y, name)


def _wide_and_narrow(ax, y, intervals, look, plain, window, scale, inches=0.07):
    """Bars, the narrow ones in a plain colour: a hatch would leave little of it."""
    edge = RED if look is EXPOSED else "white"
    for narrow, chosen in ((False, look), (True, (plain, ""))):
        pieces = [(a, b) for a, b in intervals if ((b - a) * INCHES / window.seconds < inches) == narrow]
        _bars(ax, y, pieces, chosen, window.start, scale, hatch_colour=edge)


def _labels(window, spans, gap):
    """(start, end, names from the longest) of each computation, and of each run of one collective's messages.

    A run has no gaps of more than `gap` seconds.
    """
    found = []
    for s in spans:
        base, _, number = s.name.rpartition(" ")
        a, b = window.clipped(s)
        if s.category != "communication" or not number.isdecimal():
            found.append((a, b, [s.name, s.name.removeprefix(f"{s.category} ")], None))
        elif found and found[-1][3] == base and a - found[-1][1] <= gap:
            found[-1] = (found[-1][0], b, [base], base)
        else:
            found.append((a, b, [s.name, base], base))
    return [(a, b, names) for a, b, names, _ in found]


def _told_shares(shares):
    """Where the time goes, for each device or for all of them."""
    parts = ("computes", "has exposed communication", "idles")
    if len(shares) > MOST_BARS or np.ptp(shares, axis=0).max() < 0.0005:
        told = ", ".join(f"{part} {_between(shares[:, k])}" for k, part in enumerate(parts))
        return f"Each of the {len(shares)} devices {told} of the time." if len(shares) > 1 else f"The device {told}."
    rows = (
        f"device {d} " + ", ".join(f"{p} {v:.1%}" for p, v in zip(parts, row, strict=True))
        for d, row in enumerate(shares)
    )
    return "; ".join(rows).capitalize() + " of the time."


def memory(report):
    """What each device holds during a step, by category, against what it can hold.

    Of more than 8 devices, the one that has least room left is drawn.

    Parameters
    ----------
    report : Report

    Returns
    -------
    Figure
    """
    held, setup = report.memory, report.setup
    limits = [setup.device(d).memory for d in range(setup.N)]
    needed = [sum(amounts.values()) for amounts in held]
    fullest = max(range(setup.N), key=lambda d: needed[d] / limits[d])
    devices = range(setup.N) if setup.N <= MOST_BARS else [fullest]
    parts = ", ".join(f"{name} {megabytes(held[fullest][name])}" for name in CATEGORIES if held[fullest][name])
    told = f"{megabytes(needed[fullest])} and has {capacity(limits[fullest])}"
    told += "" if report.fits else ": too much"
    alike = len(set(zip(needed, limits, strict=True))) == 1
    message = f"{'Each device' if alike else f'Device {fullest}, the fullest,'} needs {told}"
    each = "; ".join(f"device {d} {megabytes(needed[d])} of {megabytes(limits[d])}" for d in devices)
    work = dict(report.lines())["work"]
    drawn = figure(f"Memory of {work}. {message}; {parts}. In all: {each}.", height=1.6 + 0.3 * len(devices))
    ax = drawn.subplots()
    most = max(max(needed[d], limits[d]) for d in devices) / 1e9
    used = [name for name in CATEGORIES if any(held[d][name] for d in devices)]
    for y, d in enumerate(devices):
        _stack(ax, y, {name: held[d][name] / 1e9 for name in used}, limits[d] / 1e9, most)
        beside = {"fontsize": 8, "va": "center", "color": INK, "path_effects": HALO}
        ax.text(needed[d] / 1e9 + 0.008 * most, y, megabytes(needed[d]), **beside)
    ax.set(xlim=(0, 1.1 * most), ylim=(len(devices) - 0.4, -0.6))
    _rows(ax, {(d, setup.device(d).name): y for y, d in enumerate(devices)}, "memory (GB)", "device")
    _title(ax, message, work)
    looks = {f"{name}, {megabytes(held[fullest][name])}": HELD[name] for name in used}
    _legend(
        drawn,
        looks,
        columns=3,
        lines={"capacity": {"color": INK, "linewidth": 2.4}},
        title=f"on {'each device' if alike else f'device {fullest}'}",
    )
    return drawn


def _stack(ax, y, amounts, limit, most):
    """What one device holds, category beside category, and a line where it is full."""
    at = 0.0
    for name, amount in amounts.items():
        _bars(ax, y, [(at, at + amount)], HELD[name], 0.0, 1.0, height=0.68)
        if _fits(name, amount / most * INCHES):
            _inside(ax, at + amount / 2, y, name)
        at += amount
    ax.plot([limit, limit], [y - 0.48, y + 0.48], color=INK, linewidth=2.4)


# Scaling


def scaling(found):
    """Speed-up over the number of devices, where the batch stays and where it grows with them.

    Parameters
    ----------
    found : dict, from `edfcore.parallel.sweep.scaling`

    Returns
    -------
    Figure: left strong scaling and Amdahl's law, right weak scaling and Gustafson's; the ideal line in both; both axes
    in powers of two

    Raises
    ------
    ShapeError : the lists are not equally long.
    """
    names = ("devices", "strong", "amdahl", "weak", "gustafson")
    _same_length("scaling", *(found[name] for name in names))
    order = np.argsort(found["devices"])
    devices, strong, amdahl, weak, gustafson = (np.asarray(found[name])[order] for name in names)
    rows = (
        f"on {n}, {s:.3g} with one batch (Amdahl {a:.3g}) and {w:.3g} with a batch that grows (Gustafson {g:.3g})"
        for n, s, a, w, g in zip(devices, strong, amdahl, weak, gustafson, strict=True)
    )
    small = [str(n) for n, fits in zip(found["devices"], found.get("fits", ()), strict=False) if not fits]
    note = f" The one batch does not fit into the memory of {' or '.join(small)}." if small else ""
    drawn = figure(f"Speed-up over one device, by the number of devices: {'; '.join(rows)}.{note}", height=3.4)
    axes = drawn.subplots(1, 2, sharey=True)
    titles = "one batch", "a growing batch"
    fractions = found["serial_fraction"], found["scaled_serial_fraction"]
    laws = (f"{who}, serial part {s:.2%}" for who, s in zip(("Amdahl", "Gustafson"), fractions, strict=True))
    lines = (strong, amdahl), (weak, gustafson)
    for ax, title, law, (simulated, curve) in zip(axes, titles, laws, lines, strict=True):
        ax.plot(devices, devices, DASHES[3], color=INK, linewidth=1.2, label="ideal")
        ax.plot(devices, curve, DASHES[1], color=PALETTE[1], zorder=3, label=law)
        ax.plot(devices, simulated, DASHES[0], marker=MARKERS[0], color=PALETTE[0], markersize=5, label="simulated")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)
        _powers_of_two(ax, devices)
        _title(ax, f"{title}: {simulated[-1]:.3g} times on {devices[-1]}")
        _finish(ax, "devices", "speed-up (times one device)")
        ax.legend(fontsize=8, loc="upper left")
    axes[1].set_ylabel("speed-up (times one device)", color=INK)
    _binary_ticks(axes[0], np.concatenate([strong, amdahl, weak, gustafson, devices]))
    return drawn


def _binary_ticks(ax, values):
    """Every power of two that the values span, written out; every other one where there are many."""
    low, high = np.floor(np.log2(values.min()) + 1e-9), np.ceil(np.log2(values.max()) - 1e-9)
    powers = 2.0 ** np.arange(low, high + 1, 1 if high - low < 8 else 2)
    ax.set_yticks(powers, [f"{p:g}" for p in powers])
    ax.minorticks_off()


def stragglers(distributions, Ns=(1, 2, 4, 8, 16, 32, 64, 128, 256)):
    """How long a step takes that ends with the slowest of N devices, in times of a normal step.

    Parameters
    ----------
    distributions : a distribution of `edfcore.parallel.stragglers`, its text such as "lognormal:0.2", or a list of them
    Ns : list of int, numbers of devices

    Returns
    -------
    Figure: E[largest of N factors]; for exponential factors this is H_N = 1 + 1/2 + ... + 1/N

    Raises
    ------
    DataError : a text is not understood, a distribution has no closed form, or names a device that there is not.
    """
    chosen = [distributions] if isinstance(distributions, (str, Distribution)) else list(distributions)
    if not chosen or not len(Ns):
        raise DataError("stragglers: at least one distribution and one number of devices are needed.")
    chosen, Ns = [parse(d) for d in chosen], sorted(int(N) for N in Ns)
    costs = {str(d): [d.expected_maximum(N) for N in Ns] for d in chosen}
    told = "; ".join(
        f"{name}: " + ", ".join(f"{cost:.3g} on {N}" for N, cost in zip(Ns, costs[name], strict=True)) for name in costs
    )
    drawn = figure(f"Expected time of a step that ends with the slowest of N devices, in normal steps. {told}.")
    ax = drawn.subplots()
    ax.axhline(1, color=INK, linewidth=1.2, linestyle=DASHES[3], label="no one is late")
    for k, (name, cost) in enumerate(costs.items()):
        look = {kind: values[k % len(values)] for kind, values in CUES.items()}
        ax.plot(Ns, cost, markersize=5, label="exponential: $H_N$" if name == "exponential" else name, **look)
    ax.set_xscale("log", base=2)
    _powers_of_two(ax, Ns)
    _finish(ax, "devices N", "E[largest of N] (normal steps)")
    ax.set_ylim(bottom=0)
    worst = max(costs, key=lambda name: costs[name][-1])
    _title(ax, f"{worst}: the slowest of {Ns[-1]} takes {costs[worst][-1]:.3g} normal steps")
    ax.legend(fontsize=8.5)
    return drawn


# Published tables


def published(found):
    """Published training times beside those of the calibrated model, and the errors of both its fits.

    Parameters
    ----------
    found : Published, from `edfcore.parallel.published.yadan` or `krizhevsky`

    Returns
    -------
    Figure: left the times; right the errors of the fit, and of each row as predicted from the other rows
    """
    rows = found.rows
    summary = (
        f"Calibration, not prediction: {len(found.parameters)} parameters, {len(rows)} rows. Largest error "
        f"{found.calibration_error:.1%}; leave one out {found.leave_one_out_error:.1%}"
    )
    told = "; ".join(
        f"{r.name}: published {r.published:g}, fitted {r.fitted:.2f} ({r.error:+.1%}){_left_out(r)}" for r in rows
    )
    drawn = figure(f"{summary}. Times in {found.unit}. {told}.", height=1.1 + 0.52 * len(rows))
    left, right = drawn.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    _times(left, rows)
    _errors(right, rows)
    left.set_ylim(len(rows) - 0.5, -0.6)
    left.set_yticks(range(len(rows)), [r.name.replace(", ", ",\n", 1) for r in rows])
    _finish(left, f"training time ({found.unit})", "devices and how they share the work")
    _finish(right, "error (percent)", "")
    right.tick_params(axis="y", length=0)
    drawn.suptitle(summary, fontsize=9, color=INK, x=0.01, ha="left")
    _legend(drawn, FITS, columns=5, lines={f"error, {k}": look | {"linestyle": "none"} for k, look in ERRORS.items()})
    return drawn


def _left_out(row):
    if row.leave_one_out is None:
        return ", not determined by the other rows"
    return f", predicted from the other rows {row.leave_one_out:.2f} ({row.leave_one_out_error:+.1%})"


def _times(ax, rows):
    """Three bars for each row, with their numbers; the published ones as they are printed."""
    longest = max(max(r.published, r.fitted, r.leave_one_out or 0) for r in rows)
    for y, r in enumerate(rows):
        texts = (
            f"{r.published:g}",
            f"{r.fitted:.2f}",
            "not determined" if r.leave_one_out is None else f"{r.leave_one_out:.2f}",
        )
        for k, (value, text) in enumerate(zip((r.published, r.fitted, r.leave_one_out or 0), texts, strict=True)):
            at = y + 0.27 * (k - 1)
            _bars(ax, at, [(0, value)], list(FITS.values())[k], 0.0, 1.0, height=0.26)
            ax.text(value + 0.01 * longest, at, text, fontsize=7.5, va="center", color=INK)
    ax.set_xlim(0, 1.14 * longest)


def _errors(ax, rows):
    """The two errors of each row, beside the bars that they belong to."""
    found = [
        (y, k, 100 * e)
        for y, r in enumerate(rows)
        for k, e in enumerate((r.error, r.leave_one_out_error))
        if e is not None
    ]
    widest = max(abs(e) for _, _, e in found) or 1.0
    for y, k, percent in found:
        look, at, side = list(ERRORS.values())[k], y + 0.27 * k, 1 if percent >= 0 else -1
        ax.plot([0, percent], [at, at], color=look["color"], linewidth=1)
        ax.plot([percent], [at], markersize=5, **look)
        beside = {"ha": "left" if side > 0 else "right", "va": "center", "color": INK, "fontsize": 7.5}
        ax.text(percent + side * 0.1 * widest, at, f"{percent:+z.1f}", **beside)
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_xlim(-1.9 * widest, 1.9 * widest)


# A parameter server


def policies(logs, until=None):
    """Parameter servers and their workers, under one axis of time.

    Each worker's row shows it pull, compute and push; grey is waiting. The server's row has a mark for each update, as
    high as the largest staleness of the gradients in it, and a cross for each gradient that is dropped; the highest
    mark bears its staleness.

    Parameters
    ----------
    logs : Log of `edfcore.parallel.asynchronous.simulate`, list of them, or dict from a name to one
    until : float, optional, seconds; only what happens before is drawn, for long logs

    Returns
    -------
    Figure

    Raises
    ------
    DataError : there is no log, or nothing that takes time.
    """
    named = {"": logs} if isinstance(logs, Log) else logs
    named = list(named.items()) if isinstance(named, dict) else [("", log) for log in named]
    end = max((log.end for _, log in named), default=0.0)
    end = end if until is None else min(end, until)
    if not end > 0:
        raise DataError(
            "policies: nothing that takes time is to be drawn; give logs of simulations, and a later `until`."
        )
    told = ((f"{name}: " if name else "") + log.summary() for name, log in named)
    heights = [log.settings.workers + 3.0 for _, log in named]
    drawn = figure(
        f"Workers of a parameter server. {' '.join(told)}", height=0.9 + 0.17 * sum(heights) + 0.3 * len(named)
    )
    axes = drawn.subplots(len(named), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    scale, unit = _unit(end)
    most = max((e.staleness for _, log in named for e in log.applied if e.time <= end), default=0)
    for ax, (name, log) in zip(axes, named, strict=True):
        _workers(ax, log, scale, end)
        _server_row(ax, log, scale, end, most)
        dropped = f", {len(log.dropped)} dropped" if log.dropped else ""
        stale = (
            f"staleness {log.mean_staleness:.3g}, at most {log.max_staleness}" if log.max_staleness else "staleness 0"
        )
        _title(ax, f"{_policy(name, log)}: {log.throughput:.3g} gradients a second{dropped}; {stale}", pad=3)
    axes[-1].set_xlim(0, end * scale * 1.01)
    whole = max(log.end for _, log in named)
    axes[-1].set_xlabel(
        f"time ({unit})" + (f", the first part of {_duration(whole)}" if whole > end else ""), color=INK
    )
    lines = {"update, height: staleness": {"color": INK, "marker": "o", "markersize": 4}}
    lines |= (
        {"dropped": {"color": RED, "marker": "x", "linestyle": "none"}} if any(log.dropped for _, log in named) else {}
    )
    _legend(drawn, SERVED | {"wait": IDLE}, columns=6, lines=lines)
    return drawn


def _policy(name, log):
    return f"{name} ({log.settings.policy})" if name and name != log.settings.policy else log.settings.policy


def _workers(ax, log, scale, end):
    by_row = defaultdict(list)
    for s in log.spans:
        if s.start < end:
            by_row[s.worker, s.kind].append((s.start, min(s.end, end)))
    for (worker, kind), intervals in by_row.items():
        _bars(ax, worker, intervals, SERVED.get(kind, IDLE), 0.0, scale, height=0.8)
        starts = [a * scale for a, b in intervals if kind == "compute" and (b - a) * INCHES / end > 0.06]
        ax.vlines(starts, worker - 0.4, worker + 0.4, color="white", linewidth=0.7)


def _server_row(ax, log, scale, end, most):
    """The updates, from a base line upwards: staleness 0 lies on it."""
    workers = log.settings.workers
    base = workers + 1.6
    updates = [(group[-1].time, max(e.staleness for e in group)) for group in log.updates() if group[-1].time <= end]
    times = np.array([t for t, _ in updates]) * scale
    heights = base - 1.2 * np.array([s for _, s in updates]) / max(most, 1)
    ax.axhline(base, color=INK, linewidth=0.6)
    ax.vlines(times, heights, base, color=INK, linewidth=1)
    ax.plot(times, heights, "o", color=INK, markersize=3)
    if max((s for _, s in updates), default=0):
        k = int(np.argmin(heights))
        beside = {"textcoords": "offset points", "ha": "center", "va": "bottom", "color": INK, "fontsize": 7}
        ax.annotate(f"{updates[k][1]}", (times[k], heights[k]), (0, 2), **beside)
    lost = [e.time * scale for e in log.dropped if e.time <= end]
    ax.plot(lost, [base] * len(lost), "x", color=RED, markersize=5, markeredgewidth=1.4)
    ax.set_yticks([*range(workers), base], [*(f"{w}" for w in range(workers)), "server"])
    ax.set_ylim(base + 0.5, -0.6)
    _finish(ax, "", "worker")
    ax.grid(False, axis="y")


# What all of them share


def _bars(ax, y, intervals, look, start, scale, height=0.84, hatch_colour="white"):
    """Bars over intervals (from, to), measured from `start`, in the axis's unit."""
    colour, hatch = look
    pieces = [((a - start) * scale, (b - a) * scale) for a, b in intervals]
    if pieces:
        look = {"facecolor": colour, "hatch": hatch, "edgecolor": hatch_colour, "linewidth": 0}
        ax.broken_barh(pieces, (y - height / 2, height), **look)


def _fits(text, inches):
    """Whether a text of `_inside` is narrower than this, roughly."""
    return 0.057 * len(text) + 0.05 < inches


def _title(ax, *lines, pad=None):
    ax.set_title("\n".join(fill(line, 92) for line in lines), fontsize=9, color=INK, loc="left", pad=pad)


def _inside(ax, x, y, text):
    ax.text(x, y, text, fontsize=7, color=INK, ha="center", va="center", path_effects=HALO, clip_on=True)


def _rows(ax, places, across, down):
    """Names of rows: the device's number with the first of its rows."""
    numbered, seen = [], set()
    for device, name in places:
        numbered.append(name if device in seen else f"{device} {name}")
        seen.add(device)
    ax.set_yticks(list(places.values()), numbered)
    _finish(ax, across, down)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.spines["left"].set_visible(False)


def _legend(drawn, looks, columns=6, lines=None, title=None):
    """What colours and hatches mean, below the axes."""
    handles = []
    for name, (colour, hatch) in looks.items():
        edge = RED if name.startswith("exposed") else "white"
        handles.append(Patch(facecolor=colour, hatch=hatch, edgecolor=edge, linewidth=0, label=name))
    for name, look in (lines or {}).items():
        handles.append(drawn.axes[0].plot([], [], label=name, **look)[0])
    look = {"fontsize": 8, "title_fontsize": 8, "frameon": False, "handlelength": 1.8}
    drawn.legend(handles=handles, loc="outside lower center", ncols=columns, title=title, **look)


UNITS = (("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6))


def _unit(seconds):
    """In which unit so many seconds are shown: its number in a second, and its name."""
    return next(((scale, name) for name, scale in UNITS if seconds * scale >= 1), (1e6, "microseconds"))


def _duration(seconds):
    scale, unit = _unit(seconds)
    return f"{seconds * scale:.3g} {unit}"


def _between(fractions):
    """Fractions as percent: one number, or the smallest and the largest."""
    low, high = float(np.min(fractions)), float(np.max(fractions))
    return f"{low:.1%}" if high - low < 0.0005 else f"{low:.1%} to {high:.1%}"
