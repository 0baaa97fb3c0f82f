"""What notebooks show of the library's things: inline SVG and tables, by NumPy and text alone.

Pictures take their ink from the page (`currentColor`), so that light and dark themes both work; everything that stands
in one stands as text too. A class shows itself through one of the mixins below:

    Curve                     a schedule: its rate over the steps
    Lanes                     a timeline: a lane for each device's computations and messages
    ShownPlan, ShownReport    a plan and its report: a table

and `explain(error)` shows a shape error as shapes, axis under axis.
"""

import base64
import struct
import zlib
from dataclasses import fields, is_dataclass
from html import escape
from math import ceil, log

import numpy as np

__all__ = [
    "Curve", "Explained", "Lanes", "ShownPlan", "ShownReport", "aligned", "explain", "heat_map", "measures", "table",
]  # fmt: skip

# cividis (Nunez et al. 2018) at five places: lightness rises all the way, for every kind of colour vision
CIVIDIS = np.array([(0, 34, 78), (66, 78, 108), (124, 123, 120), (188, 175, 111), (254, 232, 56)], float)
CELLS = 64  # rows and columns of a heat map, at most; beyond, neighbours are averaged
WIDTH = 640  # of a curve or a timeline, in pixels
DEVICES = 16  # lanes of a timeline, at most
STYLE = 'style="max-width:100%;height:auto" font-family="sans-serif" font-size="12" fill="currentColor"'


def short(x):
    """A number to four digits."""
    return f"{x:.4g}"


def table(rows, caption="", raw=()):
    """An HTML table of texts, the first row the header, the first column the rows' names.

    Parameters
    ----------
    rows : list of lists of str, escaped here; caption : str, escaped here
    raw : columns, by number, that hold HTML already
    """
    first, *body = rows
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in first)
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{told}<thead><tr>{head}</tr></thead><tbody>{''.join(_row(r, raw) for r in body)}</tbody></table>"


def _row(cells, raw=()):
    named = [c if k in raw else escape(c) for k, c in enumerate(cells)]
    return f'<tr><th scope="row">{named[0]}</th>' + "".join(f"<td>{c}</td>" for c in named[1:]) + "</tr>"


def svg(width, height, alt, content):
    """An SVG for the page itself, with its alternative text."""
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
    told = escape(alt, quote=True)
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{told}" {size} {STYLE}>{content}</svg>'


def folded(title, text):
    """Text that a reader may unfold: what a picture shows, for those who do not see it, and where SVG is not drawn."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


# Values


def finite_part(array):
    """The finite numbers of an array as float64 (n,); of complex ones the absolute values."""
    numbers = np.abs(array) if np.iscomplexobj(array) else np.asarray(array, float)
    return numbers[np.isfinite(numbers)]


def measures(array):
    """Least, mean and greatest of the finite numbers, as texts, and how many are not finite."""
    kept = finite_part(array)
    told = [short(f(kept)) for f in (np.min, np.mean, np.max)] if kept.size else ["none"] * 3
    return told, int(np.size(array) - kept.size)


def number_told(array):
    """An array's range and mean in words."""
    (least, mean, greatest), bad = measures(array)
    return f"least {least}, mean {mean}, greatest {greatest}" + (f", {bad} not finite" if bad else "")


def heat_map(array):
    """An array as a small picture, `<img>`: dark is least, light is greatest, a gap is no finite number.

    The first axis goes down, all others across; "" for a single number, or where there is none.
    """
    array = np.asarray(array)
    if array.size < 2:
        return ""
    numbers = np.abs(array) if np.iscomplexobj(array) else array.astype(float)
    plane = numbers.reshape(len(numbers), -1) if numbers.ndim > 1 else numbers.reshape(1, -1)
    with np.errstate(all="ignore"):
        plane = _fewer(_fewer(plane, 0), 1)
    kept = plane[np.isfinite(plane)]
    low, high = (kept.min(), kept.max()) if kept.size else (0.0, 0.0)
    rows, columns = plane.shape
    cell = max(2, min(12, 192 // columns, 96 // rows))
    alt = f"heat map, {' x '.join(map(str, array.shape))}: dark is {short(low)}, light is {short(high)}"
    size = f'width="{columns * cell}" height="{rows * cell}" style="image-rendering:pixelated;max-width:100%"'
    data = base64.b64encode(png(_coloured(plane, low, high))).decode()
    return f'<img alt="{escape(alt, quote=True)}" {size} src="data:image/png;base64,{data}">'


def _fewer(plane, axis):
    """At most CELLS along an axis: means of neighbours."""
    n = plane.shape[axis]
    if n <= CELLS:
        return plane
    starts = np.arange(CELLS) * n // CELLS
    counts = np.diff([*starts, n])
    return np.add.reduceat(plane, starts, axis) / (counts[:, None] if axis == 0 else counts)


def _coloured(plane, low, high):
    """RGBA bytes (rows, columns, 4) of numbers between low and high; transparent where not finite."""
    there = np.isfinite(plane)
    with np.errstate(all="ignore"):
        place = np.where(there, (plane - low) / (high - low) if high > low else 0.5, 0.0) * (len(CIVIDIS) - 1)
    place = np.nan_to_num(place)
    channels = [np.interp(place, range(len(CIVIDIS)), CIVIDIS[:, k]) for k in range(3)]
    return np.stack([*channels, 255.0 * there], axis=-1).round().astype(np.uint8)


def png(pixels):
    """PNG bytes of pixels (rows, columns, 4), uint8 (ISO/IEC 15948): one chunk of zlib data, no filter."""
    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)), (b"IDAT", zlib.compress(lines, 9))]
    found = b"\x89PNG\r\n\x1a\n"
    for kind, data in [*parts, (b"IEND", b"")]:
        found += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return found


# Schedules


def horizon(schedule):
    """A number of steps that shows what a schedule does: the sum of its lengths and of its parts', and a quarter more.

    Where no length is given, a rate that falls by gamma is followed to a hundredth, and others for 100 steps.
    """
    return max(10, min(ceil(1.25 * (_lengths(schedule) or _decay(schedule))), 10**9))


def _lengths(schedule):
    total = 0
    for field in fields(schedule):
        value = getattr(schedule, field.name)
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            total += value if value > 1 else 0
        elif is_dataclass(value):
            total += _lengths(value)
        elif isinstance(value, tuple) and value:
            parts = [_lengths(v) for v in value if is_dataclass(v)]
            total += max([v for v in value if isinstance(v, int)], default=0) + sum(parts)
    return total


def _decay(schedule):
    gamma = getattr(schedule, "gamma", 1.0)
    return log(0.01) / log(gamma) if 0 < gamma < 1 else 80


class Curve:
    """A schedule shows its rate over the steps."""

    def _repr_html_(self):
        try:
            steps = np.unique(np.linspace(0, horizon(self), 161).astype(int))
            rates = np.asarray(self(steps), float)
        except (ValueError, OverflowError):  # DataError too: a rate that overflows has no picture
            return None
        return f"<div>{escape(repr(self))}</div>" + _curve(steps, rates, type(self).__name__)


def _curve(steps, rates, name):
    """Rates over steps, from 0 up, as SVG."""
    left, right, top, bottom = 62, WIDTH - 12, 22, 132
    highest = float(rates.max()) or 1.0
    X = left + (right - left) * steps / steps[-1]
    Y = bottom - (bottom - top) * rates / highest
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(X, Y, strict=True))
    peak = int(rates.argmax())
    alt = (
        f"{name}: the rate is {short(rates[0])} at step 0, at most {short(rates[peak])} at step {steps[peak]}, "
        f"and {short(rates[-1])} at step {steps[-1]}"
    )
    axis = f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>'
    texts = [
        (left - 6, top + 4, "end", short(highest)), (left - 6, bottom + 4, "end", "0"),
        (left, bottom + 16, "middle", "0"),
        (right, bottom + 16, "end", str(steps[-1])), ((left + right) / 2, bottom + 16, "middle", "step"),
        (left, 12, "middle", "rate"),
    ]  # fmt: skip
    words = "".join(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{a}">{w}</text>' for x, y, a, w in texts)
    drawn = f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"/>'
    return svg(WIDTH, bottom + 24, alt, axis + words + drawn)


# Timelines

# category: colour (Okabe & Ito 2008) and the hatch that tells it without colour
LOOK = {
    "forward": ("#0072B2", ""), "backward": ("#D55E00", "M0 8L8 0"), "update": ("#CC79A7", "M0 4H8"),
    "communication": ("#009E73", "M4 0V8"), "wait": ("#999999", "M0 0L8 8M0 8L8 0"),
}  # fmt: skip
LANE = 16  # pixels


class Lanes:
    """A timeline shows a lane for each device's computations and one for the messages that it sends."""

    def _repr_html_(self):
        return timeline_svg(self) if self.spans and self.end > 0 else None


def timeline_svg(timeline):
    """Who computes and who sends, when: SVG of bounded size, whatever the number of tasks."""
    shown, end = min(timeline.cluster.N, DEVICES), timeline.end
    left, top, across = 92, 26, WIDTH - 104
    lanes, runs = {}, []
    for s in timeline.spans:
        if s.device < shown:
            lanes.setdefault((s.device, s.target is not None, s.category), []).append(s)
    for (device, sends, kind), spans in sorted(lanes.items(), key=lambda lane: lane[0]):
        y = top + (2 * device + sends) * LANE + 6 * device
        runs += [(kind, y, a, b) for a, b in _runs(spans, end, across)]
    used = {kind for _, _, kind in lanes}
    kinds = [k for k in LOOK if k in used] + sorted(used - LOOK.keys())
    mark = f"edf-{zlib.crc32(repr((runs, end, shown)).encode()):08x}"  # of its own: a page holds many
    parts = ["<defs>", *(_pattern(f"{mark}-{n}", kind) for n, kind in enumerate(kinds)), "</defs>"]
    for n, kind in enumerate(kinds):
        x = left + 118 * n
        parts.append(f'<rect x="{x}" y="4" width="14" height="12" fill="url(#{mark}-{n})"/>')
        parts.append(f'<text x="{x + 19}" y="14">{escape(kind)}</text>')
    for kind, y, a, b in runs:
        fill = f"url(#{mark}-{kinds.index(kind)})"
        parts.append(f'<rect x="{left + a}" y="{y}" width="{b - a}" height="{LANE - 2}" fill="{fill}"/>')
    for device in range(shown):
        y = top + (2 * LANE + 6) * device
        parts.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{device} computes</text>')
        parts.append(f'<text x="{left - 6}" y="{y + LANE + 12}" text-anchor="end">sends</text>')
    bottom = top + (2 * LANE + 6) * shown
    parts.append(f'<path d="M{left} {bottom}H{left + across}" stroke="currentColor" stroke-opacity="0.6"/>')
    more = f"; {shown} of {timeline.cluster.N} devices" if shown < timeline.cluster.N else ""
    parts.append(f'<text x="{left}" y="{bottom + 14}">0 s{more}</text>')
    parts.append(f'<text x="{left + across}" y="{bottom + 14}" text-anchor="end">{short(end)} s</text>')
    return svg(WIDTH, bottom + 20, _timeline_told(timeline, shown), "".join(parts))


def _runs(spans, end, across):
    """The pixels, [first, last), in which one of the spans goes on."""
    on = np.zeros(across + 2, int)
    first = np.array([s.start for s in spans]) / end * across
    last = np.array([s.end for s in spans]) / end * across
    begin = np.minimum(first.astype(int), across - 1)
    np.add.at(on, begin, 1)
    np.add.at(on, np.maximum(np.ceil(last - 1e-6).astype(int), begin + 1), -1)
    edges = np.diff(np.concatenate([[0], np.cumsum(on) > 0, [0]]).astype(int))
    return list(zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True))


def _pattern(name, kind):
    colour, hatch = LOOK.get(kind, ("#999999", "M0 4H8M4 0V8"))
    lines = f'<path d="{hatch}" stroke="#fff" stroke-width="1.5"/>' if hatch else ""
    return (
        f'<pattern id="{name}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="{colour}"/>{lines}</pattern>'
    )


def _timeline_told(timeline, shown):
    """A sentence for each device: what share of the time it computes, communicates, and waits."""
    told = []
    for device in range(shown):
        parts = {k: v / timeline.end for k, v in timeline.shares(device).items()}
        waits = f"communicates without computing {parts['exposed']:.0%}, waits {parts['idle']:.0%}"
        told.append(f"device {device} computes {parts['compute']:.0%} of the time, {waits}")
    return f"Timeline of {short(timeline.end)} s: {'; '.join(told)}"


# Plans


class ShownPlan:
    """A plan shows the report of its last program."""

    def __repr__(self):
        shapes = len(self._compiled)
        told = f"{shapes} shape{'s' * (shapes != 1)} of batch compiled"
        return f"<Plan of {self.loss_node.label}, {len(self.params)} parameters, {told}>"

    def _repr_html_(self):
        report = ShownReport._repr_html_(self.report()) if self._compiled else ""
        return f"<div>{escape(ShownPlan.__repr__(self))}</div>{report}"


class ShownReport:
    """A plan's report (plan.Report) shows its numbers as a table."""

    def _repr_html_(self):
        return table([["what", "how much"], *map(list, plan_lines(self))])


def plan_lines(report):
    """The report of a plan (plan.Report) as pairs of texts."""
    yield "batch", ", ".join(map(str, report.batch))
    yield "lines", f"{report.lines:,}"
    yield "unplanned components", ", ".join(report.unplanned) or "none"
    yield "FLOPs forward", f"{report.forward:,}"
    yield "FLOPs backward", f"{report.backward:,}"
    for name, count in report.memory.items():
        yield f"bytes of {name}", f"{count:,}"
    yield "bytes together", f"{report.total:,}, {report.total / report.needed:.2f} of what is needed"
    if report.place:
        yield "place", f"{report.place}; {report.recorded}"
    for n, sentence in enumerate(report.fused, 1):
        yield f"fused {n}", sentence


# Shape errors


def _aligned(rows, clash):
    """Columns and cells of shapes: (names of columns, whether each clashes, [(name, texts of its sizes)]).

    rows : [(name, axes, shape)], axes letters, or None where shapes are aligned from the right
    clash : a letter, or of axes from the right the negative number
    """
    columns, placed = [], []
    for name, axes, shape in rows:
        keys = [("", k - len(shape)) for k in range(len(shape))] if axes is None else _keys(axes, shape)
        columns += [k for k in keys if k not in columns]
        placed.append((name, dict(zip(keys, shape, strict=True))))
    if any(axes is None for _, axes, _ in rows):
        columns.sort()
    heads = [letter or str(-number) for letter, number in columns]
    marked = [clash in ((letter or number),) for letter, number in columns]
    return heads, marked, [(name, [str(cells.get(k, "")) for k in columns]) for name, cells in placed]


def _keys(axes, shape):
    """A key for each axis of a shape: its letter and how often it stood before in this shape."""
    if "..." in axes:
        at = axes.index("...")
        axes = [*axes[:at], *["..."] * (len(shape) - len(axes) + 1), *axes[at + 1 :]]
    return [(a, list(axes[:k]).count(a)) for k, a in enumerate(axes)]


def aligned(rows, clash):
    """Shapes under each other, axis under axis, with a mark under the one that does not fit.

    >>> print(aligned([("x", ("b", "i"), (32, 784)), ("W", ("i", "j"), (785, 128))], "i"))
      axes   b    i    j
      x     32  784
      W         785  128
                ^^^
    """
    heads, marked, body = _aligned(rows, clash)
    lines = [("axes" if clash is None or isinstance(clash, str) else "axis", heads), *body]
    widths = [max(len(texts[k]) for _, texts in lines) for k in range(len(heads))]
    first = max(len(name) for name, _ in lines)
    lines.append(("", ["^" * w if m else "" for w, m in zip(widths, marked, strict=True)]))
    return "\n".join(
        (f"  {name:<{first}}  " + "  ".join(f"{t:>{w}}" for t, w in zip(texts, widths, strict=True))).rstrip()
        for name, texts in lines
    )


class Explained:
    """An error for eyes: the sentence, and where shapes clash the shapes axis under axis."""

    def __init__(self, error):
        self.error = error

    def __repr__(self):
        rows = getattr(self.error, "rows", ())
        return str(self.error) + (f"\n{aligned(rows, self.error.clash)}" if rows else "")

    def _repr_html_(self):
        told = f"<p><strong>{escape(type(self.error).__name__)}</strong>: {escape(str(self.error))}</p>"
        rows = getattr(self.error, "rows", ())
        if not rows:
            return told
        heads, marked, body = _aligned(rows, self.error.clash)
        told_heads = [t + " \u2260" * m for t, m in _zip(heads, marked)]
        head = "".join(_cell("th", t, m, ' scope="col"') for t, m in _zip(told_heads, marked))
        lines = "".join(
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(_cell("td", t, m and t != "") for t, m in _zip(texts, marked)) + "</tr>"
            for name, texts in body
        )  # fmt: skip
        return f'{told}<table><thead><tr><th scope="col">axes</th>{head}</tr></thead><tbody>{lines}</tbody></table>'


def _zip(one, two):
    return zip(one, two, strict=True)


def _cell(tag, text, marked, more=""):
    frame = ' style="border:2px dashed currentColor;font-weight:bold"' if marked else ""
    return f"<{tag}{more}{frame}>{escape(text)}</{tag}>"


def explain(error):
    """An error as something that a notebook shows well: `explain(error)` as the last line of a cell.

    >>> import numpy as np, edfcore as edf
    >>> with edf.Graph() as graph:
    ...     x, W = edf.Input("x"), edf.Param(np.ones((5, 2)), "W")
    ...     h = x @ W
    >>> x.set(np.ones((3, 4)))
    >>> try:
    ...     graph.Forward()
    ... except edf.ShapeError as error:
    ...     explain(error)
    VDot: x has axes b,i = (3, 4) but W has i,j = (5, 2): i is 4 in x and 5 in W.
      axes  b  i  j
      x     3  4
      W        5  2
               ^
    """
    return Explained(error)
