"""What a simulation found: seconds, where they went, memory, bytes, money; as text, a table, JSON, a trace."""

from dataclasses import dataclass
from html import escape

import numpy as np

from ..errors import DataError
from .memory import CATEGORIES, capacity, megabytes

IMAGENET = 1_281_167  # training images of ILSVRC 2012 (Russakovsky et al. 2015, table 2)


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

    @classmethod
    def of_timeline(cls, setup, strategy, steps, timeline, task_ends, memory, one_device):
        """From the clock's timeline; `task_ends` says how many tasks there are up to the end of each step."""
        ends, first = [], 0
        for stop in task_ends:
            ends.append(max(s.end for s in timeline.spans[first:stop]))
            first = stop
        devices = range(setup.N)
        shares = [timeline.shares(d) for d in devices]
        parts = (np.array([s[name] for s in shares]) / timeline.end for name in ("compute", "exposed", "idle"))
        communicating = max(sum(b - a for a, b in timeline.communicating(d)) for d in devices) / steps
        sent = np.array([timeline.sent(d) for d in devices]) / steps
        seconds = np.diff([0.0, *ends])
        return cls(setup, strategy, steps, seconds, *parts, communicating, sent, tuple(memory), one_device, timeline)

    @classmethod
    def of_closed(cls, setup, strategy, ends, computing, exposed, communication, sent, memory, one_device):
        """From closed forms: seconds of computing and of bare communication of each device, over all steps."""
        steps, total = len(ends), ends[-1]
        parts = (computing / total, exposed / total, np.maximum(total - computing - exposed, 0.0) / total)
        seconds, sent = np.diff([0.0, *ends]), np.array(sent) / steps
        return cls(setup, strategy, steps, seconds, *parts, float(communication), sent, tuple(memory), one_device)

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
            "detail": "messages" if self.timeline else "closed",
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
            "hours_for_90_epochs_of_imagenet": self.hours(),
            "dollars": self.dollars(),
        }

    def lines(self):
        """What the report says, as pairs of a name and a text."""
        s, money, memory = self.setup, self.dollars(), self.peak_memory()
        told = ", ".join(f"{name} {megabytes(memory[name])}" for name in CATEGORIES if memory[name])
        rent = None if money["rent"] is None else f"{money['rent']:,.0f} dollars of rent"
        price = None if money["devices"] is None else f"{money['devices']:,.0f} dollars to buy"
        return [
            ("cluster", s.cluster.name),
            ("work", f"{s.workload.name}, batch {s.batch}, {_strategy(self)}"),
            ("a step", f"{_time(self.seconds)}, {self.images_per_second:,.0f} instances a second"),
            ("speed-up", f"{self.speedup:.2f} times one device, efficiency {self.efficiency:.1%}"),
            ("computing", _range(self.compute)),
            ("waiting for communication", _range(self.exposed)),
            ("waiting for others", _range(self.idle)),
            ("communication", f"{_time(self.communication)} a step, {megabytes(self.sent.max())} at most sent by one"),
            ("memory", f"{megabytes(sum(memory.values()))} of {capacity(s.device(0).memory)}: {told}"),
            ("90 epochs of ImageNet", "; ".join(t for t in (_time(3600 * self.hours()), price, rent) if t)),
        ]

    def __str__(self):
        width = max(len(name) for name, _ in self.lines())
        return "\n".join(f"{name:<{width}}  {text}" for name, text in self.lines())

    __repr__ = __str__

    def _repr_html_(self):
        rows = "".join(f'<tr><th scope="row">{escape(n)}</th><td>{escape(t)}</td></tr>' for n, t in self.lines())
        return f"<table><tbody>{rows}</tbody></table>"


def _strategy(report):
    s = report.setup
    if report.strategy == "pipeline":
        return f"pipeline of {s.stages} stages, {s.micro_batches} micro-batches ({s.schedule})"
    if report.strategy == "hybrid":
        return f"{s.dp} replicas of {s.mp} devices, summed by {s.algorithm}"
    if report.strategy == "model":
        return f"model parallel on {s.mp} devices"
    return f"data parallel on {s.dp} devices, summed by {s.algorithm}" if s.dp > 1 else "on one device"


def _rounded(fractions):
    return [round(float(f), 6) for f in fractions]


def _range(fractions):
    low, high = float(fractions.min()), float(fractions.max())
    return f"{low:.1%} of the time" if high - low < 0.0005 else f"{low:.1%} to {high:.1%} of the time"


LENGTHS = {"days": 86400.0, "hours": 3600.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}  # seconds


def _time(seconds):
    """As text, in units that fit.

    >>> _time(0.0123), _time(90.0), _time(5 * 3600.0)
    ('12.3 ms', '90 s', '5 hours')
    """
    for unit, size in (("days", 172800.0), ("hours", 7200.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / LENGTHS[unit]:.3g} {unit}"
    return f"{seconds:.2g} s"


def comparison(reports, names=None):
    """A text table of several reports: one line each."""
    head = ("", "step", "images/s", "speed-up", "efficiency", "exposed", "memory")
    rows = [head]
    for k, r in enumerate(reports):
        name = names[k] if names else r.setup.cluster.name
        memory = megabytes(sum(r.peak_memory().values())) + ("" if r.fits else ", too much")
        rows.append(
            (str(name), _time(r.seconds), f"{r.images_per_second:,.0f}", f"{r.speedup:.2f}", f"{r.efficiency:.1%}",
             f"{float(r.exposed.max()):.1%}", memory)
        )  # fmt: skip
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    )
