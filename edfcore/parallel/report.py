"""What a simulation found: seconds, where they went, memory, bytes, money; as text, a table, JSON, a trace."""

from dataclasses import dataclass
from html import escape

import numpy as np

from ..errors import DataError
from .memory import CATEGORIES, capacity, megabytes
from .workloads import IMAGENET


@dataclass(frozen=True)
class Report:
    """A simulated run.

    Attributes
    ----------
    setup : Setup, what was simulated
    strategy : str
    steps : int
    step_seconds : array (steps,), seconds of each step, from the end of the one before to its own
    compute, exposed, idle : arrays (N,), for each device the fraction of the time that it computes, that it does not
        while communication is under way, and that it waits. (While a sum waits for its last rank, the others' messages
        of it count as under way by "messages", as waiting by "closed".)
    communication : seconds of communication in a step, hidden or not, on the busiest device
    sent : array (N,), bytes that each device sends in a step
    memory : tuple of N dicts category -> bytes
    one_device : seconds of a step with the whole batch on one device, were it to fit
    timeline : Timeline, or None where the simulation was not message by message
    detail : "messages"; "closed" where closed forms say the same; "approximate" where they do not
    """

    setup: object
    strategy: str
    steps: int
    step_seconds: np.ndarray
    compute: np.ndarray
    exposed: np.ndarray
    idle: np.ndarray
    communication: float
    sent: np.ndarray
    memory: tuple
    one_device: float
    timeline: object = None
    detail: str = "messages"

    @classmethod
    def of_timeline(cls, setup, strategy, steps, timeline, task_ends, memory, one_device):
        """From the clock's timeline; `task_ends` says how many tasks there are up to the end of each step in it.

        Steps beyond those in the timeline are like its last one.
        """
        followed, ends, first = len(task_ends), [], 0
        for stop in task_ends:
            ends.append(max(s.end for s in timeline.spans[first:stop]))
            first = stop
        devices = range(setup.N)
        shares = [timeline.shares(d) for d in devices]
        parts = (np.array([s[name] for s in shares]) / timeline.end for name in ("compute", "exposed", "idle"))
        communicating = max(sum(b - a for a, b in timeline.communicating(d)) for d in devices) / followed
        sent = np.array([timeline.sent(d) for d in devices]) / followed
        seconds = np.diff([0.0, *ends])
        seconds = np.concatenate([seconds, np.full(steps - followed, seconds[-1])])
        return cls(setup, strategy, steps, seconds, *parts, communicating, sent, tuple(memory), one_device, timeline)

    @classmethod
    def of_closed(cls, setup, strategy, ends, computing, exposed, communication, sent, memory, one_device, detail):
        """From closed forms: seconds of computing and of bare communication of each device, over all steps."""
        steps, total = len(ends), ends[-1]
        parts = (computing / total, exposed / total, np.maximum(total - computing - exposed, 0.0) / total)
        seconds, sent = np.diff([0.0, *ends]), np.array(sent) / steps
        return cls(
            setup, strategy, steps, seconds, *parts, float(communication), sent, tuple(memory), one_device, None, detail
        )

    # Figures

    @property
    def seconds(self):
        """Mean seconds of a step."""
        return float(self.step_seconds.mean())

    @property
    def images_per_second(self):
        """Instances per second, of all devices together."""
        return self.setup.batch / self.seconds

    @property
    def speedup(self):
        """How many times faster than one device with the same batch."""
        return self.one_device / self.seconds

    @property
    def efficiency(self):
        """Speed-up divided by the number of devices."""
        return self.speedup / self.setup.N

    def hours(self, instances=IMAGENET, epochs=90):
        """Hours to see `instances` (default: ImageNet's 1,281,167) `epochs` times."""
        return epochs * instances / self.images_per_second / 3600

    def dollars(self, instances=IMAGENET, epochs=90):
        """What it costs in US dollars: {"devices": their price at launch, "rent": hours times the hourly price}.

        None where a price is not known.
        """
        devices = [self.setup.device(d) for d in range(self.setup.N)]
        prices, rents = [d.price for d in devices], [d.hourly for d in devices]
        return {
            "devices": None if None in prices else sum(prices),
            "rent": None if None in rents else sum(rents) * self.hours(instances, epochs),
        }

    def peak_memory(self):
        """The memory of the fullest device, by category."""
        return max(self.memory, key=lambda amounts: sum(amounts.values()))

    def save_trace(self, path):
        """Write the timeline for chrome://tracing or ui.perfetto.dev.

        Raises
        ------
        DataError : there is no timeline (simulate with detail="messages"), or the file cannot be written.
        """
        from .trace import save

        if self.timeline is None:
            raise DataError("There is no timeline to write: closed forms were used; simulate with detail='messages'.")
        save(self.timeline, path)

    @property
    def sees_imagenet(self):
        """Whether the network takes images as large as ImageNet's are cut to, so that training on it is a question."""
        return self.setup.workload.input in (3 * 224 * 224, 3 * 227 * 227)

    @property
    def fits(self):
        """Whether every device can hold its part."""
        return all(sum(m.values()) <= self.setup.device(d).memory for d, m in enumerate(self.memory))

    # Shown

    def as_dict(self):
        """Plain numbers and text, for JSON."""
        s = self.setup
        return {
            "cluster": s.cluster.name,
            "workload": s.workload.name,
            "strategy": self.strategy,
            "devices": s.N,
            "mesh": [s.dp, s.mp],
            "stages": s.stages,
            "batch": s.batch,
            "algorithm": s.algorithm,
            "steps": self.steps,
            "detail": self.detail,
            "seconds_per_step": self.seconds,
            "images_per_second": self.images_per_second,
            "speedup": self.speedup,
            "efficiency": self.efficiency,
            "communication_seconds": self.communication,
            "compute": _rounded(self.compute),
            "exposed": _rounded(self.exposed),
            "idle": _rounded(self.idle),
            "bytes_sent_per_step": [int(n) for n in self.sent],
            "memory": {"devices": [sum(m.values()) for m in self.memory], "largest": self.peak_memory()},
            "capacity": s.device(0).memory,
            "fits": self.fits,
            "hours_for_90_epochs_of_imagenet": self.hours() if self.sees_imagenet else None,
            "dollars": self.dollars(),
        }

    def lines(self):
        """What the report says, as pairs of a name and a text."""
        s, memory = self.setup, self.peak_memory()
        told = ", ".join(f"{name} {megabytes(memory[name])}" for name in CATEGORIES if memory[name])
        found = [
            ("cluster", s.cluster.name),
            ("work", f"{s.workload.name}, batch {s.batch}, {_strategy(self)}"),
            ("a step", f"{_time(self.seconds)}, {self.images_per_second:,.0f} instances a second"),
            ("speed-up", f"{self.speedup:.2f} times one device, efficiency {self.efficiency:.1%}"),
            ("computing", _range(self.compute)),
            ("waiting, messages of its own", _range(self.exposed)),
            ("waiting, none under way", _range(self.idle)),
            ("communication", f"{_time(self.communication)} a step, {megabytes(self.sent.max())} at most sent by one"),
            ("memory", f"{megabytes(sum(memory.values()))} of {capacity(s.device(0).memory)}: {told}"),
            ("arithmetic", f"single precision at {_reached(s)} of the devices' peaks, which is an assumption"),
            ("simulated", _followed(self)),
        ]
        if self.strategy == "pipeline":
            M, P = s.micro_batches, s.stages
            found.append(("bubble", f"{(P - 1) / (M + P - 1):.1%} were all stages alike: (P - 1) / (M + P - 1)"))
        if self.sees_imagenet:
            found.append(("90 epochs of ImageNet", f"{_time(3600 * self.hours())}, {_money(self)}"))
        return found

    def __str__(self):
        width = max(len(name) for name, _ in self.lines())
        return "\n".join(f"{name:<{width}}  {text}" for name, text in self.lines())

    __repr__ = __str__

    def _repr_html_(self):
        rows = "".join(f'<tr><th scope="row">{escape(n)}</th><td>{escape(t)}</td></tr>' for n, t in self.lines())
        drawn = self.timeline._repr_html_() if self.timeline is not None else None
        return f"<table><tbody>{rows}</tbody></table>{drawn or ''}"


def _strategy(report):
    s = report.setup
    if report.strategy == "pipeline":
        return f"pipeline of {s.stages} stages, {s.micro_batches} micro-batches ({s.schedule})"
    if report.strategy == "hybrid":
        return f"{s.dp} replicas of {s.mp} devices, summed by {s.algorithm}"
    if report.strategy == "model":
        return f"model parallel on {s.mp} devices"
    return f"data parallel on {s.dp} devices, summed by {s.algorithm}" if s.dp > 1 else "on one device"


def _reached(setup):
    """The fractions of the peak that devices are assumed to reach, as text."""
    found = {part for d in range(setup.N) for part in setup.device(d).efficiency.values()}
    low, high = min(found), max(found)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _followed(report):
    if report.detail == "approximate":
        return f"{report.steps} steps by closed forms, which let every sum wait for its last rank: approximate here"
    if report.detail == "closed":
        return f"{report.steps} steps by closed forms, exact here"
    return f"{report.steps} step{'s' * (report.steps > 1)}, message by message"


def _money(report):
    """Prices as text; a device without a known price says so."""
    found = report.dollars()
    names = sorted({report.setup.device(d).name for d in range(report.setup.N)})
    bought = f"{found['devices']:,.0f} dollars for the devices" if found["devices"] is not None else None
    rented = f"{found['rent']:,.2f} dollars of rent" if found["rent"] is not None else None
    return " or ".join(t for t in (rented, bought) if t) or f"no price known of {', '.join(names)}"


def _rounded(fractions):
    return [round(float(f), 6) for f in fractions]


def _range(fractions):
    low, high = float(fractions.min()), float(fractions.max())
    return f"{low:.1%} of the time" if high - low < 0.0005 else f"{low:.1%} to {high:.1%} of the time"


LENGTHS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}  # seconds


def _time(seconds):
    """As text, in units that fit.

    >>> _time(0.0123), _time(90.0), _time(5 * 3600.0)
    ('12.3 ms', '90 s', '5 hours')
    """
    for unit, size in (
        ("days", 172800.0),
        ("hours", 7200.0),
        ("minutes", 120.0),
        ("s", 1.0),
        ("ms", 1e-3),
        ("us", 1e-6),
    ):
        if seconds >= size:
            return f"{seconds / LENGTHS[unit]:.3g} {unit}"
    return f"{seconds:.2g} s"


class Reports(list):
    """Several reports; shown as a table with a line for each."""

    def __str__(self):
        return comparison(self)

    __repr__ = __str__

    def _repr_html_(self):
        first, *rows = _cells(self)
        head = "".join(f'<th scope="col">{escape(c)}</th>' for c in first)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(c)}</td>" for c in row[1:]) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def comparison(reports, names=None):
    """A text table of several reports: one line each."""
    rows = _cells(reports, names)
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    )


def _cells(reports, names=None):
    head = ("", "step", "images/s", "speed-up", "efficiency", "exposed", "memory")
    rows = [head]
    for k, r in enumerate(reports):
        name = names[k] if names else r.setup.cluster.name
        memory = megabytes(sum(r.peak_memory().values())) + ("" if r.fits else ", too much")
        rows.append(
            (str(name), _time(r.seconds), f"{r.images_per_second:,.0f}", f"{r.speedup:.2f}", f"{r.efficiency:.1%}",
             f"{float(r.exposed.max()):.1%}", memory)
        )  # fmt: skip
    return rows
