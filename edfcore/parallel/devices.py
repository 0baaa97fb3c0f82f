"""Devices and links: what one part computes, holds and moves, as tables of real parts with the source of each number.

The time of some work on a device follows the roofline of Williams, Waterman & Patterson 2009: arithmetic and memory
traffic overlap, the slower of the two decides, and each kernel costs its launch,

    seconds = launches * launch + max(flops / (efficiency * fp32), nbytes / bandwidth).

A message of S bytes over a link costs latency + S / bandwidth (Hockney 1994).

Units: FLOP/s, where a multiply-add is two; bytes and bytes/s; seconds; US dollars. Rates count in powers of ten. Memory
counts in powers of two: a "6 GB" card holds 6 * 2^30 bytes; what a driver keeps for itself is not taken off. Rates of
tensor cores are dense, without 2:4 sparsity. A peak that no source prints is computed as cores x clock x FLOPs a cycle,
and its source says so. `unsure` names the fields that are from memory, assumed, or given differently elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from math import isfinite
from numbers import Integral, Real

from ..errors import DataError

__all__ = ["DEVICES", "LINKS", "Device", "Link", "device", "link", "peak"]

GiB = 2**30


@dataclass(frozen=True)
class Device:
    """One processor with a memory of its own: a GPU, or the cores of a CPU machine.

    Parameters
    ----------
    name : str
    year : int, of its launch
    fp32 : FLOP/s, the peak at the boost clock, without tensor cores
    memory : int, bytes
    bandwidth : bytes/s of its memory
    link : name of its usual link in LINKS
    fp32_base : FLOP/s at the base clock
    tf32, fp16 : FLOP/s, dense; with tensor cores where it has them
    price : US dollars at launch; None where there was no official price
    hourly : US dollars for an hour of rent
    launch : seconds to launch a kernel; by default between the 4 microseconds that Volkov measured and the 20 or so
        that a framework's call takes
    efficiency : kind of layer -> fraction of the peak that is reached, above 0 and at most 1; "" holds for other kinds.
        It belongs to the software as much as to the part: Yadan et al. 2013 reached 0.13 on a GTX Titan. By default a
        half, the most that llm-analysis calls typical
    source : field -> where its number is from; this and `unsure` do not count when devices are compared
    unsure : fields whose numbers are from memory, assumed, or disputed

    Raises
    ------
    DataError : a number that is not positive or not finite; an efficiency beyond 1; a name in `unsure` or `source` that
        is no field.
    """

    name: str
    year: int
    fp32: float
    memory: int
    bandwidth: float
    link: str
    fp32_base: float | None = None
    tf32: float | None = None
    fp16: float | None = None
    price: float | None = None
    hourly: float | None = None
    launch: float = 5e-6
    efficiency: Mapping[str, float] = field(default_factory=lambda: {"": 0.5}, hash=False)
    source: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    unsure: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __post_init__(self):
        _own(self, "efficiency", "source")
        for name in ("fp32", "memory", "bandwidth"):
            _check(self, name)
        for name in ("fp32_base", "tf32", "fp16", "price", "hourly"):
            if getattr(self, name) is not None:
                _check(self, name)
        _check(self, "launch", zero=True)
        if not isinstance(self.memory, Integral):
            raise DataError(f"Device {self.name!r}: memory is {self.memory!r}; a whole number of bytes is needed.")
        for kind, part in self.efficiency.items():
            if not (_is_number(part) and 0 < part <= 1):
                raise DataError(f"Device {self.name!r}: efficiency[{kind!r}] is {part!r}; it must be in (0, 1].")

    def seconds(self, flops, nbytes, kind="", launches=1):
        """Seconds for `flops` FLOPs and `nbytes` bytes of memory traffic in a number of kernels: the roofline.

        >>> one = Device("one", 2024, fp32=2e12, memory=2**30, bandwidth=1e11, link="PCIe 3", launch=0.0)
        >>> one.seconds(flops=1e12, nbytes=1e10), one.seconds(flops=1e12, nbytes=2e11)
        (1.0, 2.0)
        """
        part = self.efficiency.get(kind, self.efficiency.get("", 1.0))
        return launches * self.launch + max(flops / (part * self.fp32), nbytes / self.bandwidth)

    def with_(self, **changes):
        """The same device with some fields changed; what is known of their sources goes with the old numbers."""
        source = {name: text for name, text in self.source.items() if name not in changes}
        return replace(self, **{"source": source, "unsure": self.unsure - set(changes), **changes})

    def slower(self, factor):
        """The device of which everything takes `factor` times as long: arithmetic, memory and launches."""
        if not (_is_number(factor) and factor > 0):
            raise DataError(f"{self.name}.slower: the factor is {factor!r}; a number above 0 is needed, such as 2.")
        rates = ("fp32", "fp32_base", "tf32", "fp16", "bandwidth")
        changes = {name: rate / factor for name in rates if (rate := getattr(self, name)) is not None}
        return self.with_(name=f"{self.name} (slow {factor:g}x)", launch=self.launch * factor, **changes)


@dataclass(frozen=True)
class Link:
    """What joins devices: the rate that a message reaches, and what each message costs beside it.

    Parameters
    ----------
    name : str
    bandwidth : bytes/s per direction that is reached in practice; for NVLink the sum over all links of a device
    latency : seconds for a message
    nominal : bytes/s per direction that the standard allows
    shared : whether all devices and both directions share one wire
    source, unsure : as those of a Device

    Raises
    ------
    DataError : a rate that is not positive or above the nominal one, a negative latency.
    """

    name: str
    bandwidth: float
    latency: float
    nominal: float | None = None
    shared: bool = False
    source: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    unsure: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __post_init__(self):
        _own(self, "source")
        _check(self, "bandwidth")
        _check(self, "latency", zero=True)
        if self.nominal is not None:
            _check(self, "nominal")
            if self.bandwidth > self.nominal:
                raise DataError(
                    f"Link {self.name!r}: bandwidth {self.bandwidth:g} B/s is above the nominal {self.nominal:g} B/s; "
                    "change nominal as well, or set it to None."
                )

    def seconds(self, nbytes):
        """Seconds of one message: latency + nbytes / bandwidth."""
        return self.latency + nbytes / self.bandwidth

    with_ = Device.with_


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _check(part, name, zero=False):
    value, least = getattr(part, name), "0 or more" if zero else "above 0"
    if not _is_number(value) or value < 0 or (value == 0 and not zero):
        raise DataError(f"{type(part).__name__} {part.name!r}: {name} is {value!r}; a finite number {least} is needed.")


def _own(part, *mappings):
    """Copies of the mappings, so that no two parts share one; and names of fields that exist."""
    for name in mappings:
        object.__setattr__(part, name, dict(getattr(part, name)))
    object.__setattr__(part, "unsure", frozenset(part.unsure))
    strange = {*part.unsure, *part.source} - {f.name for f in fields(part)}
    if strange:
        raise DataError(f"{type(part).__name__} {part.name!r}: {', '.join(sorted(strange))} is no field to tell of.")


def peak(cores, clock, per_cycle=2):
    """FLOP/s: cores x clock x FLOPs of a core in a cycle. A CUDA core does one multiply-add a cycle, two FLOPs.

    >>> peak(2688, 837e6) / 1e12  # GTX Titan, base clock
    4.499712
    """
    return cores * clock * per_cycle


def _sourced(cls, name, source, unsure="", **numbers):
    """A part of a table. `source` is one text for all numbers, or texts by field, "" for all others."""
    texts = {"": source} if isinstance(source, str) else source
    told = {
        key: texts[key if key in texts else ""] for key, value in numbers.items() if _is_number(value) or key in texts
    }
    return cls(name, **numbers, source=told, unsure=frozenset(unsure.split()))


def _table(cls, rows):
    return {name: _sourced(cls, name, **row) for name, row in rows.items()}


# Sources

CLOCKS = "2 x cores x boost clock; "
BASE = "2 x cores x base clock; "
ANANDTECH_670 = "AnandTech, GeForce GTX 670 review, 2012"
CLUBIC = "Clubic, GeForce GTX Titan, 2013"
MICROWAY = "Microway, Tesla K20 up close, 2013"
ANANDTECH_K80 = "AnandTech, NVIDIA launches Tesla K80, 2014 (table of the Tesla family)"
TECHRADAR = "TechRadar, GTX Titan X review, 2015"
OCAHOLIC = "Ocaholic, GTX Titan X, 2015"
GAMERS_NEXUS = "Gamers Nexus, Titan X specifications, 2016"
PCGUIA = "PC Guia, NVIDIA apresenta a Titan X, 2016"
TECHPOWERUP = "TechPowerUp's database, in the copy of sysrqmts.com"
FUDZILLA = "Fudzilla, NVIDIA unveils the A100, 2020"
LLM_ANALYSIS = "llm-analysis, device configurations, after NVIDIA's data sheets"
LOCKWOOD_A100 = "G. K. Lockwood's notes on the A100, after NVIDIA's data sheet"
LOCKWOOD_H100 = "G. K. Lockwood's notes on the H100, after NVIDIA's data sheet"
HPCTECH = "HPCTech's table of the H100 (its rates with sparsity are halved here)"
ACECLOUD = "AceCloud, B200, H200, H100 and A100, after NVIDIA's data sheets"
HGX_B200 = "NVIDIA's data sheet of HGX B200, as copied by zdszero.github.io (its rates with sparsity are halved here)"
MODAL = "modal-client, pull request 2797: what the driver reports, less what it keeps"
RENT = "one provider's price on demand, 2026, after DeployBase, B200 vs H200 vs H100"
S4_CPU = "S4, slides 50 and 51: 12 cores at 2.4 GHz"
S4_MEMORY = "S4, slide 52; "
ASSUMED = "assumed"
MEMORY = "from memory"

# Devices

DEVICES = _table(
    Device,
    {
        "GTX 670": dict(
            year=2012,
            fp32=peak(1344, 980e6),
            fp32_base=peak(1344, 915e6),
            memory=2 * GiB,
            bandwidth=256 / 8 * 6.008e9,
            link="PCIe 3",
            price=399,
            source={
                "": ANANDTECH_670,
                "fp32": CLOCKS + ANANDTECH_670,
                "fp32_base": BASE + ANANDTECH_670,
                "memory": S4_MEMORY + ANANDTECH_670,
                "bandwidth": "width x rate of its memory; " + ANANDTECH_670,
                "price": "Hardware Canucks, GTX 670 review, 2012",
            },
        ),
        "GTX Titan": dict(
            year=2013,
            fp32=peak(2688, 876e6),
            fp32_base=peak(2688, 837e6),
            memory=6 * GiB,
            bandwidth=384 / 8 * 4 * 1.502e9,
            link="PCIe 3",
            price=999,
            source={
                "": CLUBIC,
                "fp32": CLOCKS + CLUBIC,
                "fp32_base": BASE + CLUBIC,
                "memory": S4_MEMORY + CLUBIC,
                "bandwidth": "384 bits x 4 x 1,502 MHz; " + CLUBIC,
            },
        ),
        "Tesla K20": dict(
            year=2012,
            fp32=peak(2496, 706e6),
            fp32_base=peak(2496, 706e6),  # it has no boost
            memory=5 * GiB,
            bandwidth=208e9,
            link="PCIe 2",
            efficiency={"": 0.46},
            source={
                "": MICROWAY,
                "fp32": CLOCKS + ANANDTECH_K80,
                "fp32_base": BASE + ANANDTECH_K80,
                "efficiency": "Paleo's calibration for Krizhevsky 2014, scripts/exp_case_hybrid.sh",
            },
        ),
        "Tesla K40": dict(
            year=2013,
            fp32=peak(2880, 875e6),
            fp32_base=peak(2880, 745e6),
            memory=12 * GiB,
            bandwidth=384 / 8 * 6.008e9,
            link="PCIe 3",
            price=5499,
            source={
                "": ANANDTECH_K80,
                "fp32": CLOCKS + ANANDTECH_K80,
                "fp32_base": BASE + ANANDTECH_K80,
                "memory": S4_MEMORY + ANANDTECH_K80,
                "bandwidth": "width x rate of its memory; " + TECHPOWERUP,
                "price": ANANDTECH_K80 + "; TechPowerUp has 7,699",
            },
            unsure="price",
        ),
        "Tesla K80": dict(  # one of the board's two GPUs
            year=2014,
            fp32=peak(2496, 875e6),
            fp32_base=peak(2496, 562e6),
            memory=12 * GiB,
            bandwidth=240e9,
            link="PCIe 3",
            price=2500,
            source={
                "": ANANDTECH_K80 + "; half of the board",
                "fp32": CLOCKS + ANANDTECH_K80 + "; half of the board",
                "fp32_base": BASE + ANANDTECH_K80 + "; half of the board",
                "memory": S4_MEMORY + ANANDTECH_K80 + "; half of the board",
                "bandwidth": "384 bits x 5 GHz; " + ANANDTECH_K80,
            },
        ),
        "GTX Titan X": dict(
            year=2015,
            fp32=peak(3072, 1075e6),
            fp32_base=peak(3072, 1000e6),
            memory=12 * GiB,
            bandwidth=384 / 8 * 2 * 3.505e9,
            link="PCIe 3",
            price=999,
            source={
                "": TECHRADAR,
                "fp32": CLOCKS + TECHRADAR + "; announced as 7 TFLOP/s",
                "fp32_base": BASE + TECHRADAR,
                "memory": S4_MEMORY + TECHRADAR,
                "bandwidth": "384 bits x 2 x 3,505 MHz; " + TECHRADAR,
                "price": OCAHOLIC,
            },
            unsure="fp32",
        ),
        "Titan X Pascal": dict(
            year=2016,
            fp32=peak(3584, 1531e6),
            fp32_base=peak(3584, 1417e6),
            memory=12 * GiB,
            bandwidth=480e9,
            link="PCIe 3",
            price=1200,
            source={
                "": PCGUIA,
                "fp32": CLOCKS + GAMERS_NEXUS + "; " + PCGUIA,
                "fp32_base": BASE + GAMERS_NEXUS + "; " + PCGUIA,
            },
        ),
        "P100 SXM2": dict(
            year=2016,
            fp32=peak(3584, 1480e6),
            fp32_base=peak(3584, 1328e6),
            fp16=2 * peak(3584, 1480e6),
            memory=16 * GiB,
            bandwidth=732.2e9,
            link="NVLink 1",
            source={
                "": TECHPOWERUP,
                "fp32": CLOCKS + TECHPOWERUP,
                "fp32_base": BASE + TECHPOWERUP,
                "fp16": "twice fp32; " + TECHPOWERUP,
                "memory": S4_MEMORY + TECHPOWERUP,
            },
        ),
        "P100 PCIe": dict(
            year=2016,
            fp32=9.3e12,
            fp16=18.7e12,
            memory=16 * GiB,
            bandwidth=732.2e9,
            link="PCIe 3",
            price=5699,
            source={
                "": TECHPOWERUP,
                "fp32": "NVIDIA's data sheet; TechPowerUp has 9.53e12",
                "fp16": "NVIDIA's data sheet; TechPowerUp has 19.05e12",
                "memory": S4_MEMORY + TECHPOWERUP,
            },
            unsure="fp32 fp16 price",
        ),
        "V100 SXM2": dict(
            year=2017,
            fp32=15.7e12,
            fp16=125e12,
            memory=16 * GiB,
            bandwidth=900e9,
            link="NVLink 2",
            source={"": LLM_ANALYSIS, "fp32": FUDZILLA, "memory": S4_MEMORY + LLM_ANALYSIS},
        ),
        "V100 SXM2 32GB": dict(
            year=2018,
            fp32=15.7e12,
            fp16=125e12,
            memory=32 * GiB,
            bandwidth=900e9,
            link="NVLink 2",
            source={"": LLM_ANALYSIS, "year": MEMORY, "fp32": FUDZILLA, "memory": S4_MEMORY + LLM_ANALYSIS},
            unsure="year",
        ),
        "V100 PCIe": dict(
            year=2017,
            fp32=peak(5120, 1380e6),
            fp32_base=peak(5120, 1245e6),
            fp16=112e12,
            memory=16 * GiB,
            bandwidth=900e9,
            link="PCIe 3",
            source={
                "": LLM_ANALYSIS,
                "fp32": CLOCKS + TECHPOWERUP,
                "fp32_base": BASE + TECHPOWERUP,
                "memory": S4_MEMORY + LLM_ANALYSIS,
            },
        ),
        "A100 40GB": dict(  # SXM4
            year=2020,
            fp32=peak(6912, 1410e6),
            tf32=156e12,
            fp16=312e12,
            memory=40 * GiB,
            bandwidth=1555e9,
            link="NVLink 3",
            source={"": LOCKWOOD_A100, "fp32": CLOCKS + FUDZILLA, "memory": MODAL},
        ),
        "A100 80GB": dict(  # SXM4
            year=2020,
            fp32=peak(6912, 1410e6),
            tf32=156e12,
            fp16=312e12,
            memory=80 * GiB,
            bandwidth=2039e9,
            link="NVLink 3",
            hourly=1.99,
            source={
                "": LOCKWOOD_A100,
                "fp32": CLOCKS + FUDZILLA,
                "memory": MODAL,
                "hourly": "middle of 1.49 to 2.49 on demand, 2026, after pricegpu, H100 vs A100",
            },
            unsure="hourly",
        ),
        "H100 SXM": dict(
            year=2022,
            fp32=peak(16896, 1980e6),
            tf32=494.7e12,
            fp16=989.4e12,
            memory=80 * GiB,
            bandwidth=3350e9,
            link="NVLink 4",
            hourly=2.69,
            source={"": LOCKWOOD_H100, "fp32": CLOCKS + LOCKWOOD_H100, "memory": MODAL, "hourly": RENT},
            unsure="hourly",
        ),
        "H100 PCIe": dict(
            year=2022,
            fp32=51e12,
            tf32=756e12 / 2,
            fp16=1513e12 / 2,
            memory=80 * GiB,
            bandwidth=2000e9,
            link="PCIe 5",
            hourly=2.39,
            source={"": HPCTECH, "hourly": "on demand, after gpu.blog, H100 PCIe"},
            unsure="hourly",
        ),
        "H200": dict(  # SXM; it computes as the H100 SXM does
            year=2024,
            fp32=peak(16896, 1980e6),
            tf32=494.7e12,
            fp16=989.4e12,
            memory=141 * GiB,
            bandwidth=4800e9,
            link="NVLink 4",
            hourly=3.59,
            source={
                "": ACECLOUD,
                "year": "E2E Networks, A100 vs H100 vs H200",
                **{rate: LOCKWOOD_H100 + "; the same processor" for rate in ("fp32", "tf32", "fp16")},
                "hourly": RENT,
            },
            unsure="hourly",
        ),
        "B200": dict(  # on an HGX board
            year=2025,
            fp32=75e12,
            tf32=2.2e15 / 2,
            fp16=4.5e15 / 2,
            memory=180 * GiB,
            bandwidth=7680 / 8 * 2 * 3.996e9,
            link="NVLink 5",
            hourly=5.98,
            source={
                "": HGX_B200,
                "year": "Awesome Agents, NVIDIA B200: shipping from early 2025",
                "fp32": HGX_B200 + "; its architecture brief has 80e12",
                "memory": HGX_B200 + "; elsewhere 192, and 178.35 reported to programs",
                "bandwidth": "7,680 bits x 2 x 3,996 MHz as reported by the driver; pytorch/ao, pull request 4002",
                "hourly": RENT,
            },
            unsure="fp32 memory bandwidth hourly",
        ),
        "Xeon E5-2679v2": dict(
            year=2013,
            fp32=peak(12, 2.4e9, 16),
            memory=64 * GiB,
            bandwidth=4 * 8 * 1.866e9,
            link="Ethernet 10",
            launch=1e-6,
            source={
                "": ASSUMED,
                "year": "Intel, Xeon E5-2600 v2 technical overview, 2013",
                "fp32": "cores x clock x FLOPs per cycle: " + S4_CPU + "; AVX of Ivy Bridge adds 8 numbers and "
                "multiplies 8 in a cycle, and has no fused multiply-add",
                "bandwidth": "4 channels x 8 bytes x 1,866 MHz, " + MEMORY,
            },
            unsure="memory bandwidth launch",  # the 12 cores at 2.4 GHz are sold as E5-2695 v2, from memory
        ),
        "Laptop": dict(  # no laptop in particular
            year=2020,
            fp32=peak(4, 2.5e9, 32),
            memory=16 * GiB,
            bandwidth=2 * 8 * 3.2e9,
            link="shared memory",
            launch=1e-6,
            source={
                "": ASSUMED,
                "fp32": "cores x clock x FLOPs per cycle: 4 x 2.5 GHz x 32, two multiply-adds of 8 numbers (AVX2)",
                "bandwidth": "2 channels x 8 bytes x 3,200 MHz",
            },
            unsure="year fp32 memory bandwidth launch",
        ),
        "CPU core": dict(  # one core of the laptop with its share of the memory: a process of several on one machine
            year=2020,
            fp32=peak(1, 2.5e9, 32),
            memory=4 * GiB,
            bandwidth=2 * 8 * 3.2e9 / 4,
            link="shared memory",
            launch=1e-6,
            source={"": "a quarter of the laptop above, " + ASSUMED},
            unsure="year fp32 memory bandwidth launch",
        ),
    },
)

# Links

# A message here is one step of a collective, so the latencies are those of NCCL's protocol for large messages (Simple).
# The hardware alone is faster: about a microsecond over PCIe or InfiniBand.
NCCL = "NCCL, src/graph/topo.h and tuning.cc"
NCCL_STEP = "NCCL, src/graph/tuning.cc: one step of a ring, protocol Simple"
PCIE = "PCI-SIG, in the table of hpc-notes, PCI Express bus"
NVLINK = "links x rate of a link; NVIDIA, in the table of Wikipedia's NVLink"
INFINIBAND = "Advanced Clustering, InfiniBand types and speeds"
INFINIBAND_NEW = "ATGBICS, InfiniBand port speeds"
TCP = 1460 / 1538  # bytes of data in a frame over bytes on the wire: 1,500 with 40 of TCP/IP, and 38 around a frame
ETHERNET = "IEEE 802.3"
FRAMES = "nominal x 1,460 / 1,538: TCP/IP in frames of 1,500 bytes"


def _pcie(nominal, reached, said, unsure=""):
    source = {"bandwidth": said, "nominal": PCIE, "latency": NCCL_STEP, "": PCIE}
    return dict(bandwidth=reached, nominal=nominal, latency=5.7e-6, source=source, unsure=unsure)


def _nvlink(links, nominal, reached):
    source = {"": NVLINK, "bandwidth": "links x rate that NCCL counts on; " + NCCL, "latency": NCCL_STEP}
    return dict(bandwidth=links * reached, nominal=links * nominal, latency=3.4e-6, source=source)


def _infiniband(nominal, said):
    source = {"": said, "bandwidth": "92.5 % of nominal, " + MEMORY, "latency": NCCL_STEP}
    return dict(bandwidth=0.925 * nominal, nominal=nominal, latency=14e-6, source=source, unsure="bandwidth")


def _ethernet(nominal, latency):
    source = {"": ETHERNET, "bandwidth": FRAMES, "latency": "TCP takes 20 to 50 microseconds, " + MEMORY}
    return dict(bandwidth=TCP * nominal, nominal=nominal, latency=latency, source=source, unsure="bandwidth latency")


LINKS = _table(
    Link,
    {
        "PCIe 2": _pcie(8e9, 6e9, "Krizhevsky 2014's machine in Paleo: 0.75 x nominal; NVIDIA: up to 6.0 measured"),
        "PCIe 3": _pcie(15.75e9, 12e9, NCCL),
        "PCIe 4": _pcie(31.5e9, 24e9, "twice PCIe 3", unsure="bandwidth"),
        "PCIe 5": _pcie(63e9, 50e9, MEMORY, unsure="bandwidth"),
        # the links of a device x GB/s of one: as specified, as NCCL counts on
        "NVLink 1": _nvlink(4, 20e9, 18e9),
        "NVLink 2": _nvlink(6, 25e9, 20e9),
        "NVLink 3": _nvlink(12, 25e9, 20e9),
        "NVLink 4": _nvlink(18, 25e9, 20.6e9),
        "NVLink 5": _nvlink(18, 50e9, 40.1e9),
        "QPI": dict(
            bandwidth=6e9,
            nominal=19.2e9,
            latency=5.7e-6,
            source={
                "bandwidth": NCCL + ", Broadwell",
                "nominal": "2 bytes x 9.6 GT/s, " + MEMORY,
                "latency": NCCL_STEP,
            },
            unsure="nominal",
        ),
        "InfiniBand QDR": _infiniband(4e9, INFINIBAND),
        "InfiniBand FDR": _infiniband(4 * 14.0625e9 / 8 * 64 / 66, INFINIBAND),
        "InfiniBand EDR": _infiniband(12.5e9, INFINIBAND_NEW),
        "InfiniBand HDR": _infiniband(25e9, INFINIBAND_NEW),
        "InfiniBand NDR": _infiniband(50e9, INFINIBAND_NEW),
        "Ethernet 1": _ethernet(0.125e9, 50e-6),
        "Ethernet 10": _ethernet(1.25e9, 30e-6),
        "Ethernet 50": _ethernet(6.25e9, 20e-6),
        "Ethernet 100": _ethernet(12.5e9, 20e-6),
        "shared memory": dict(  # processes of one machine, copying through memory that all of them see
            bandwidth=5e9,
            latency=5e-6,
            shared=True,
            source=ASSUMED + "; measure it on the machine at hand",
            unsure="bandwidth latency",
        ),
    },
)


# Looking up

DEVICE_NAMES = {
    "Titan": "GTX Titan",
    "Titan X": "GTX Titan X",
    "Titan X Maxwell": "GTX Titan X",
    "GTX Titan X Pascal": "Titan X Pascal",
    "P100": "P100 SXM2",
    "V100": "V100 SXM2",
    "V100 16GB": "V100 SXM2",
    "V100 32GB": "V100 SXM2 32GB",
    "A100": "A100 40GB",
    "H100": "H100 SXM",
    "H200 SXM": "H200",
    "Xeon E5": "Xeon E5-2679v2",
    "Xeon": "Xeon E5-2679v2",
    "E5-2679v2": "Xeon E5-2679v2",
}
LINK_NAMES = {
    **{f"IB {speed}": f"InfiniBand {speed}" for speed in ("QDR", "FDR", "EDR", "HDR", "NDR")},
    **{f"{rate} GbE": f"Ethernet {rate}" for rate in (1, 10, 50, 100)},
    "Gigabit Ethernet": "Ethernet 1",
    "shm": "shared memory",
}


def _plain(name):
    """A name without case, spaces, hyphens and the words that say nothing: 'NVIDIA Tesla K-40' -> 'k40'."""
    words = re.sub(r"\b(nvidia|geforce|tesla|intel|gen|x16)\b|\.0\b", " ", name.lower())
    return re.sub(r"[^a-z0-9.]|(?<![0-9])\.", "", re.sub(r"gen(?=[0-9])", "", words))


def _find(kind, table, others, name):
    if isinstance(name, (Device, Link)):
        return name
    known = {_plain(key): key for key in table} | {_plain(key): key for key in others}
    plain = _plain(str(name))
    if plain in known:
        key = known[plain]
        return table[others.get(key, key)]
    near = list(dict.fromkeys(others.get(known[k], known[k]) for k in get_close_matches(plain, known, n=4)))
    told = f"Near names: {', '.join(near)}." if near else f"There are {', '.join(table)}."
    raise DataError(
        f"There is no {kind} {str(name)!r} in the table. {told} A {kind.title()}(...) of your own works too."
    )


def device(name):
    """The device of that name, without regard to case, spaces and hyphens; a Device comes back as it is.

    >>> device("gtx-titan").name, device("Titan").memory // 2**30
    ('GTX Titan', 6)

    Raises
    ------
    DataError : no such device; the sentence lists near names.
    """
    return _find("device", DEVICES, DEVICE_NAMES, name)


def link(name):
    """The link of that name, without regard to case, spaces and hyphens; a Link comes back as it is.

    >>> link("pcie-3").name
    'PCIe 3'

    Raises
    ------
    DataError : no such link; the sentence lists near names.
    """
    return _find("link", LINKS, LINK_NAMES, name)
