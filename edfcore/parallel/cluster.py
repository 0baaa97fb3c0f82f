"""Clusters: devices, the wires between them, and the way that a message takes from one device to another.

A wire carries one direction and has a rate of its own; messages that meet on a wire share it. Five shapes:

    shared bus    one wire for all devices and both directions (Yadan et al. 2013, as `published` fits it)
    ring          a wire to each neighbour, both ways round; messages go the short way, over every wire between
    switch        a wire up and a wire down for each device; a message takes its sender's up and its receiver's down
    two levels    machines of any shape above, each with one network card: a wire out and a wire in
    machines      one device in each machine, a switch between them

A message of S bytes that is alone takes latency + S / bandwidth: the sum of the latencies on its way, and the rate of
the slowest wire (pieces of the message follow each other, so that the wires of the way work at the same time). A link's
latency is counted once for each link crossed: on the bus, on each wire of a ring, on the way up to a switch, on the way
out of a card.

In a ring each wire has the rate of the whole link. For NVLink that is the sum over all links of a device: libraries lay
several rings through the links, some turned the other way, and reach it together.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate, groupby
from numbers import Integral

from ..errors import DataError
from .devices import DEVICES, LINKS, Device, Link, device, link

__all__ = ["Cluster", "Wire", "alone", "cpu_machines", "parse", "ring", "shared_bus", "switch", "two_level"]

MOST = 65_536  # devices of a parsed text
EXAMPLE = '"4 x GTX Titan, PCIe 3 shared", "8 x V100, NVLink ring" or "16 x 8 x H100, NVLink switch, InfiniBand NDR"'


@dataclass(frozen=True)
class Wire:
    """What carries messages in one direction (on a bus: in all), bandwidth in bytes/s, latency in seconds."""

    name: str
    bandwidth: float
    latency: float = 0.0


# Ways: each gives (i, j) -> indices of wires; wires are numbered as the constructors below lay them


@dataclass(frozen=True)
class NoWay:
    """One device: there is nowhere to go."""

    def __call__(self, i, j):
        return ()


@dataclass(frozen=True)
class BusWay:
    """All messages of a machine over its one wire."""

    def __call__(self, i, j):
        return (0,)


@dataclass(frozen=True)
class RingWay:
    """The short way round; half way round of an even ring, upward. Wire k goes up from k, wire N + k down from k."""

    N: int

    def __call__(self, i, j):
        up = (j - i) % self.N
        if 2 * up <= self.N:
            return tuple((i + k) % self.N for k in range(up))
        return tuple(self.N + (i - k) % self.N for k in range(self.N - up))


@dataclass(frozen=True)
class SwitchWay:
    """Up from the sender, wire i, and down to the receiver, wire N + j."""

    N: int

    def __call__(self, i, j):
        return (i, self.N + j)


@dataclass(frozen=True)
class TwoLevelWay:
    """Within a machine its own way; between machines over the cards: out of the sender's, into the receiver's.

    On the way to a card and from it, a bus is used whole and a switch by the device's own wire; a ring is not used: the
    card hangs on the machine's processor.
    """

    shape: str
    first: tuple[int, ...]  # of each machine, and N at the end
    first_wire: tuple[int, ...]  # of each machine, and of the cards at the end

    def __call__(self, i, j):
        a, b = (bisect_right(self.first, k) - 1 for k in (i, j))
        if a == b:
            way = WAYS[self.shape](self.first[a + 1] - self.first[a])
            return tuple(self.first_wire[a] + w for w in way(i - self.first[a], j - self.first[a]))
        out, into = self.first_wire[-1] + a, self.first_wire[-1] + len(self.first) - 1 + b
        return (*self._own(a, i, 0), out, into, *self._own(b, j, 1))

    def _own(self, machine, k, down):
        """The wire between device k and the card of its machine."""
        start, n = self.first_wire[machine], self.first[machine + 1] - self.first[machine]
        place = {"shared": (start,), "ring": (), "switch": (start + down * n + k - self.first[machine],)}
        return place[self.shape]


WAYS = {"shared": lambda N: BusWay(), "ring": RingWay, "switch": SwitchWay}
WIRES = {"shared": lambda n: 1, "ring": lambda n: {1: 0, 2: 2}.get(n, 2 * n), "switch": lambda n: 2 * n}


@dataclass(frozen=True)
class Cluster:
    """Devices and the wires between them.

    Parameters
    ----------
    name : str; `parse` makes the same cluster of the names that the constructors give to parts of the tables
    devices : tuple of Device
    wires : tuple of Wire
    routes : function (i, j) -> tuple of indices of wires, the way from device i to device j, i != j
    groups : tuple of tuples of device indices, those of each machine
    symmetric : whether every device is of one kind and sees the same of the others
    shape : "shared", "ring", "switch", "machines", or that of the machines of two levels; "" where it is none of these
    """

    name: str
    devices: tuple[Device, ...]
    wires: tuple[Wire, ...]
    routes: Callable[[int, int], tuple[int, ...]]
    groups: tuple[tuple[int, ...], ...]
    symmetric: bool
    shape: str = ""

    N = property(lambda self: len(self.devices))
    price = property(lambda self: _sum(d.price for d in self.devices))
    hourly = property(lambda self: _sum(d.hourly for d in self.devices))

    def __post_init__(self):
        if sorted(k for group in self.groups for k in group) != list(range(self.N)) or not self.N:
            raise DataError(f"Cluster {self.name!r}: the groups must hold each of its {self.N} devices exactly once.")
        for wire in self.wires:
            if not wire.bandwidth > 0 or not wire.latency >= 0:
                raise DataError(
                    f"Cluster {self.name!r}: {wire} needs a bandwidth above 0 B/s and a latency of 0 s or more."
                )

    def route(self, i, j):
        """Indices of the wires from device i to device j, in order.

        Raises
        ------
        DataError : i or j is no device of the cluster, or both are the same.
        """
        if not (0 <= i < self.N and 0 <= j < self.N) or i == j:
            raise DataError(
                f"{self.name}: there is no route from device {i} to {j}; "
                f"two different ones of the devices 0 to {self.N - 1} are needed."
            )
        return self.routes(i, j)

    def latency(self, i, j):
        """Seconds that a message from i to j costs beside its bytes: the sum over its wires."""
        return sum(self.wires[w].latency for w in self.route(i, j))

    def bandwidth(self, i, j):
        """Bytes/s of a lone message from i to j: that of the slowest wire on its way."""
        return min(self.wires[w].bandwidth for w in self.route(i, j))

    def seconds(self, i, j, nbytes):
        """Seconds of a lone message of `nbytes` bytes from i to j: latency + nbytes / bandwidth."""
        return self.latency(i, j) + nbytes / self.bandwidth(i, j)

    def with_slow(self, k, factor):
        """The same cluster, in which everything that device k computes takes `factor` times as long."""
        if not _whole(k, 0) or k >= self.N:
            raise DataError(f"{self.name}.with_slow: there is no device {k!r}; the devices are 0 to {self.N - 1}.")
        devices = list(self.devices)
        devices[k] = devices[k].slower(factor)
        name = f"{self.name}, device {k} slow {_digits(factor)}"
        return replace(self, name=name, devices=tuple(devices), symmetric=len(set(devices)) == 1 and self.symmetric)

    def __repr__(self):
        return self.describe()

    def describe(self):
        """A drawing of the devices and wires in text: all of them up to 16 devices, the first and last beyond."""
        return "\n".join([self.name, *_drawing(self)])


def _sum(values):
    values = list(values)
    return None if None in values else sum(values)


def _whole(value, least):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def _digits(value, places=0):
    """The shortest digits that give the number back, its point moved by some places: 1.85e9, -9 -> '1.85'."""
    return format(Decimal(repr(float(value))).scaleb(places).normalize(), "f")


# Constructors


def _devices(where, devices):
    """A tuple of Device: of devices or their names, one at least."""
    if isinstance(devices, (str, Device)) or not isinstance(devices, Sequence):
        raise DataError(f'{where}: devices is {devices!r}; a sequence is needed, such as ["GTX Titan"] * 4.')
    if not devices:
        raise DataError(f'{where}: there is no device; one at least is needed, such as ["GTX Titan"] * 4.')
    return tuple(device(d) for d in devices)


def _named(part, table):
    """The name of a part; one that was changed says so, in digits where only its rate was."""
    known = table.get(part.name)
    if known == part:
        return part.name
    if isinstance(part, Link) and known is not None and part == _at(known, part.bandwidth):
        return f"{part.name} at {_digits(part.bandwidth, -9)} GB/s"
    return f"{part.name} (changed)" if known is not None else part.name


def _at(part, bandwidth):
    """The link when it reaches another rate; one above the nominal rate has none."""
    nominal = part.nominal if part.nominal and bandwidth <= part.nominal else None
    return part.with_(bandwidth=bandwidth, nominal=nominal)


def _run(devices, brackets=False):
    """'2 x GTX Titan + 1 x GTX 670' of devices in this order."""
    told = [f"{len(list(same))} x {_named(part, DEVICES)}" for part, same in groupby(devices)]
    return f"({' + '.join(told)})" if brackets and len(told) > 1 else " + ".join(told)


def _wires(shape, n, part, place=""):
    """The wires of n devices, in the order that the ways above count on."""
    if shape == "shared":
        return [Wire(f"{part.name}{place}", part.bandwidth, part.latency)]
    if shape == "ring":
        steps = [(k, (k + 1) % n) for k in range(n)] + ([(k, (k - 1) % n) for k in range(n)] if n > 2 else [])
        return [Wire(f"{part.name}{place} {i}-{j}", part.bandwidth, part.latency) for i, j in steps[: WIRES[shape](n)]]
    up = [Wire(f"{part.name}{place} up {k}", part.bandwidth, part.latency) for k in range(n)]
    return up + [Wire(f"{part.name}{place} down {k}", part.bandwidth) for k in range(n)]


def _own_wires(shape, part):
    """Refuse a shape with several wires for a link that has one for all."""
    if part.shared and shape != "shared":
        raise DataError(f"{part.name} is one wire for all devices; use shared_bus, or write it without {shape}.")


def _flat(shape, devices, part):
    devices, part = _devices(shape, devices), link(part)
    _own_wires(shape, part)
    N, word = len(devices), "" if part.shared and shape == "shared" else f" {shape}"
    return Cluster(
        name=f"{_run(devices)}, {_named(part, LINKS)}{word}",
        devices=devices,
        wires=tuple(_wires(shape, N, part)),
        routes=WAYS[shape](N),
        groups=(tuple(range(N)),),
        symmetric=len(set(devices)) == 1,
        shape=shape,
    )


def alone(one):
    """One device, without wires."""
    one = device(one)
    return Cluster(f"1 x {_named(one, DEVICES)}", (one,), (), NoWay(), ((0,),), symmetric=True)


def shared_bus(devices, link):
    """Devices on one wire, which all messages share in both directions.

    Parameters
    ----------
    devices : sequence of Device or names in DEVICES
    link : Link or a name in LINKS

    >>> shared_bus(["GTX Titan"] * 4, "PCIe 3").route(2, 0)
    (0,)
    """
    return _flat("shared", devices, link)


def ring(devices, link):
    """Devices in a circle, with a wire each way between neighbours; arguments as those of `shared_bus`.

    >>> four = ring(["V100"] * 4, "NVLink 2")
    >>> [four.wires[w].name for w in four.route(0, 3)]
    ['NVLink 2 0-3']
    """
    return _flat("ring", devices, link)


def switch(devices, link):
    """Devices on a switch that is never the bottleneck; arguments as those of `shared_bus`.

    >>> eight = switch(["H100"] * 8, "NVLink 4")
    >>> [eight.wires[w].name for w in eight.route(1, 6)]
    ['NVLink 4 up 1', 'NVLink 4 down 6']
    """
    return _flat("switch", devices, link)


def cpu_machines(n, link, device="Xeon E5"):
    """n machines with one device each, joined by a network whose switch is never the bottleneck.

    Parameters
    ----------
    n : int of at least 1
    link : Link or a name in LINKS, such as "Ethernet 10"
    device : Device or a name in DEVICES

    >>> cpu_machines(32, "Ethernet 10").name
    '32 x Xeon E5-2679v2, Ethernet 10'
    """
    if not _whole(n, 1):
        raise DataError(f"cpu_machines: n is {n!r}; a whole number of at least 1 is needed.")
    return _machines([device] * n, link)


def _machines(devices, part):
    found, part = _flat("switch", devices, part), link(part)
    groups = tuple((k,) for k in range(found.N))
    return replace(found, name=f"{_run(found.devices)}, {_named(part, LINKS)}", groups=groups, shape="machines")


def two_level(machines, inner, outer, shape=None):
    """Machines of several devices, each with one network card.

    Parameters
    ----------
    machines : sequence with the devices (or their names) of each machine
    inner : Link or name, within a machine
    outer : Link or name, of the cards
    shape : "switch", "ring" or "shared", the shape within a machine; by default a switch, or what a shared link allows

    >>> two = two_level([["H100"] * 8] * 2, "NVLink 4", "InfiniBand NDR")
    >>> [two.wires[w].name for w in two.route(1, 8)]
    ['NVLink 4 of 0 up 1', 'InfiniBand NDR out of 0', 'InfiniBand NDR into 1', 'NVLink 4 of 1 down 0']
    """
    if isinstance(machines, str) or not isinstance(machines, Sequence) or not machines:
        raise DataError('two_level: the devices of each machine are needed, such as [["H100"] * 8] * 2.')
    machines, inner, outer = [_devices("two_level", m) for m in machines], link(inner), link(outer)
    shape = shape or ("shared" if inner.shared else "switch")
    if shape not in WAYS:
        raise DataError(f"two_level: shape is {shape!r}; within a machine it is one of {', '.join(WAYS)}.")
    _own_wires(shape, inner)
    first = tuple(accumulate((len(m) for m in machines), initial=0))
    wires = [w for k, m in enumerate(machines) for w in _wires(shape, len(m), inner, f" of {k}")]
    first_wire = tuple(accumulate((WIRES[shape](len(m)) for m in machines), initial=0))
    wires += [Wire(f"{outer.name} out of {k}", outer.bandwidth, outer.latency) for k in range(len(machines))]
    wires += [Wire(f"{outer.name} into {k}", outer.bandwidth) for k in range(len(machines))]
    same = len(set(machines)) == 1
    who = f"{len(machines)} x {_run(machines[0], brackets=True)}" if same else " and ".join(map(_run, machines))
    word = "" if inner.shared and shape == "shared" else f" {shape}"
    return Cluster(
        name=f"{who}, {_named(inner, LINKS)}{word}, {_named(outer, LINKS)}",
        devices=tuple(d for m in machines for d in m),
        wires=tuple(wires),
        routes=TwoLevelWay(shape, first, first_wire),
        groups=tuple(tuple(range(a, b)) for a, b in zip(first, first[1:], strict=False)),
        symmetric=same and len(set(machines[0])) == 1,
        shape=shape,
    )


# Reading


def parse(text):
    """The cluster that a text tells of.

        devices[, link shape[, link of the cards]][, device k slow factor]

    devices are "N x name", also "2 x GTX Titan + 2 x GTX 670", and "machines x N x name" for two levels. A link is one
    of LINKS, "PCIe" or "NVLink" for the devices' own, and reaches another rate with "at 1.85 GB/s". The shape is
    shared, ring or switch; Ethernet and InfiniBand without a shape join machines of one device each.

    Parameters
    ----------
    text : str

    Raises
    ------
    DataError : what cannot be read, with the text, its part that is to blame, and an example.

    >>> parse("4 x GTX Titan, PCIe shared").name
    '4 x GTX Titan, PCIe 3 shared'
    >>> parse("16 x 8 x H100, NVLink switch, InfiniBand NDR").N
    128
    """
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"parse: {text!r} names no cluster. Right would be {EXAMPLE}.")
    who, *parts = [part.strip() for part in text.split(",")]
    if not all([who, *parts]):
        raise _wrong(text, ",", "a comma stands between two parts, and one of them is missing.")
    slow = [part for part in parts if part.lower().startswith("device ")]
    found = _found(text, who, [part for part in parts if part not in slow])
    for part in slow:
        found = _slowed(text, found, part)
    return found


def _wrong(text, part, said, right=EXAMPLE):
    """The error of a text: the text, its part that is to blame, what is wrong, and what would be right."""
    return DataError(f'parse: in "{text.strip()}", "{part}": {said} Right would be {right}.')


def _found(text, who, links):
    machines, devices = _machines_of(text, who)
    read = [_link_of(text, part, devices) for part in links]
    if machines is not None and len(links) == 2:
        (inner, shape), (outer, word) = read
        if word not in (None, "switch"):
            right = f'"{who}, {links[0]}, {outer.name}"'
            raise _wrong(text, links[1], f"the cards of the machines meet at a switch, not in shape {word}.", right)
        return two_level([devices] * machines, inner, outer, _shape(text, links[0], inner, shape))
    if machines is not None:
        said = "machines of several devices need two links, one within a machine and one between machines."
        raise _wrong(text, who, said, f'"{who}, PCIe 3 shared, Ethernet 10"')
    if not links and len(devices) == 1:
        return alone(devices[0])
    if not links:
        raise _wrong(text, who, "nothing joins the devices.", f'"{who}, PCIe 3 shared"')
    if len(links) > 1:
        said = "a second link joins machines, but the text does not say how many there are."
        raise _wrong(text, links[1], said)
    part, shape = read[0]
    if shape is None and part.name.startswith(("Ethernet", "InfiniBand")):
        return _machines(devices, part)
    return _flat(_shape(text, links[0], part, shape), devices, part)


def _machines_of(text, who):
    """(number of machines or None, devices of each) of '2 x 4 x K20' or '2 x (1 x K20 + 1 x K40)'."""
    several = re.fullmatch(r"(\S+?)\s*[x\u00d7*]\s*(?:\((.*)\)|(\d+\s*[x\u00d7*].*))", who, re.I)
    if several is None:
        return None, _devices_of(text, who)
    machines = _count(text, several[1])
    return machines, _devices_of(text, several[2] or several[3] or "", machines)


def _devices_of(text, who, times=1):
    devices = []
    for part in who.split("+"):
        counted = re.fullmatch(r"([-+]?[\d.]+)\s*[x\u00d7*]\s*(.*)", part.strip(), re.I)
        number, name = counted.groups() if counted else ("1", part.strip())
        count = _count(text, number)
        if (len(devices) + count) * times > MOST:
            raise _wrong(text, number, f"that makes more than {MOST} devices.")
        if not name:
            raise _wrong(text, part.strip(), "the name of a device is missing.")
        try:
            devices += [device(name)] * count
        except DataError as error:
            raise _wrong(text, name, _lower(error)) from None
    return devices


def _count(text, number):
    if not number.isdecimal() or len(number) > 9 or int(number) < 1:
        raise _wrong(text, number, f"a whole number of 1 to {MOST} is needed.")
    return int(number)


def _link_of(text, part, devices):
    """(link, its shape or None) of 'PCIe 2 at 1.85 GB/s shared'."""
    read = re.fullmatch(r"(.*?)(?:\s+at\s+(\S+)\s*GB/s)?(?:\s+(shared(?: bus)?|bus|ring|switch))?", part, re.I)
    name, rate, word = read.groups()
    found = _own_link(text, name, devices)
    found = found if rate is None else _at(found, _rate(text, rate))
    shape = {"shared bus": "shared", "bus": "shared"}.get(word and word.lower(), word and word.lower())
    return found, shape


def _own_link(text, name, devices):
    family = {"pcie": "PCIe", "nvlink": "NVLink"}.get(name.lower())
    own = sorted({d.link for d in devices})
    if family and len(own) == 1 and own[0].startswith(family):
        return link(own[0])
    if family:
        kinds = [other for other in LINKS if other.startswith(family)]
        said = f"the link of these devices is {' and '.join(own)}, so say which of {', '.join(kinds)}."
        raise _wrong(text, name, said, f'"{_instead(text, name, kinds[0])}"')
    try:
        return link(name)
    except DataError as error:
        raise _wrong(text, name, _lower(error)) from None


def _instead(text, part, right):
    """The text with the part that is to blame replaced, where it stands last."""
    before, _, after = text.strip().rpartition(part)
    return f"{before}{right}{after}"


def _rate(text, rate):
    try:
        bandwidth = float(Decimal(rate).scaleb(9))
    except ArithmeticError:
        bandwidth = 0.0
    if not 0 < bandwidth < float("inf"):
        raise _wrong(text, rate, "a rate above 0 GB/s is needed.", f'"{_instead(text, rate, "1.85")}"')
    return bandwidth


def _shape(text, part, found, word):
    if word is None and not found.shared:
        said = "it does not say in which shape the link joins the devices: shared, ring or switch."
        raise _wrong(text, part, said, f'"{_instead(text, part, part + " shared")}"')
    if word not in (None, "shared") and found.shared:
        said = f"{found.name} is one wire for all devices and no {word}."
        raise _wrong(text, part, said, f'"{_instead(text, part, found.name)}"')
    return word or "shared"


def _slowed(text, found, part):
    """The cluster with one device slowed, of 'device 3 slow 2'."""
    slow = re.fullmatch(r"device\s+(\d{1,9})\s+slow\s+(\d+(?:\.\d+)?)x?", part, re.I)
    if slow is None or int(slow[1]) >= found.N or not 0 < float(slow[2]) < float("inf"):
        said = f"a device from 0 to {found.N - 1} and a factor above 0 are needed."
        raise _wrong(text, part, said, f'"{_instead(text, part, "device 0 slow 2")}"')
    return found.with_slow(int(slow[1]), float(slow[2]))


def _lower(error):
    """The sentence of an error as the rest of another."""
    told = str(error)
    return told[0].lower() + told[1:]


# Drawing


def _drawing(cluster):
    """The lines under a cluster's name."""
    lines = [f"  {line}" for line in _who(cluster)]
    if isinstance(cluster.routes, TwoLevelWay):
        return lines + _draw_two_level(cluster)
    if not cluster.wires:
        return lines + ["  [0]"]
    draw = {"shared": _draw_bus, "ring": _draw_ring, "switch": _draw_switch, "machines": _draw_switch}
    return lines + draw.get(cluster.shape, _draw_wires)(cluster)


def _who(cluster):
    """'0-3 GTX Titan: 4.71 TFLOP/s, 6 GiB' for each run of equal devices."""
    start = 0
    for part, same in groupby(cluster.devices):
        stop = start + len(list(same))
        which = str(start) if stop == start + 1 else f"{start}-{stop - 1}"
        yield f"{which} {part.name}: {part.fp32 / 1e12:.3g} TFLOP/s, {part.memory / 2**30:.4g} GiB"
        start = stop


def _cells(numbers):
    """['[0]', '[1]', ...]: all up to 16, the first two and the last beyond."""
    numbers = list(numbers)
    shown = [f"[{k}]" for k in numbers]
    return shown if len(numbers) <= 16 else [*shown[:2], "...", shown[-1]]


def _told(wire):
    return f"{wire.bandwidth / 1e9:.3g} GB/s, {wire.latency * 1e6:.3g} us a message"


def _draw_bus(cluster):
    cells = _cells(range(cluster.N))
    taps = "=".join("+".center(len(c), "=") for c in cells)
    wire = cluster.wires[0]
    return [f"  {' '.join(cells)}", f"  {taps}", f"  one wire for all and both directions: {wire.name}, {_told(wire)}"]


def _draw_ring(cluster):
    way = " <-> ".join([*_cells(range(cluster.N)), "[0]"])
    return [f"  {way}", f"  each arrow a wire each way: {_told(cluster.wires[0])}"]


def _draw_switch(cluster):
    cells = _cells(range(cluster.N))
    taps = " ".join("||".center(len(c)) for c in cells)
    name = cluster.wires[0].name.removesuffix(" up 0")
    return [
        f"  {' '.join(cells)}",
        f"  {taps.rstrip()}",
        f"  {' switch '.center(max(len(taps), 16), '=')}",
        f"  each a wire up and a wire down: {name}, {_told(cluster.wires[0])}",
    ]


def _draw_two_level(cluster):
    groups, lines = list(enumerate(cluster.groups)), []
    shown = groups if cluster.N <= 16 else [*groups[:1], None, groups[-1]] if len(groups) > 2 else groups
    for entry in shown:
        lines.append("  ..." if entry is None else f"  machine {entry[0]}: {' '.join(_cells(entry[1]))} -- card")
    card = cluster.wires[cluster.routes.first_wire[-1]]
    if cluster.routes.first_wire[-1]:
        inner = cluster.wires[0]
        shape = {"shared": "one wire for all", "ring": "a ring", "switch": "a switch"}[cluster.shape]
        lines.append(f"  within a machine {shape}: {inner.name.split(' of ')[0]}, {_told(inner)}")
    return [*lines, f"  cards, a wire out and a wire in: {card.name.removesuffix(' out of 0')}, {_told(card)}"]


def _draw_wires(cluster):
    return [f"  {wire.name}: {_told(wire)}" for wire in cluster.wires[:16]]
