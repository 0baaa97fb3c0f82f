"""The tables say where each number is from and agree with what the makers announced; the roofline is its formula."""

import pickle
from dataclasses import MISSING, fields
from numbers import Real

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.parallel import devices as table
from edfcore.parallel.devices import DEVICES, LINKS, Device, Link, device, link

PARTS = [*DEVICES.values(), *LINKS.values()]
TERA, GIGA = 1e12, 1e9


def unsourced(part):
    """Fields with a number of their own, not the default, for which no source is told."""
    own = {f.name for f in fields(part) if not isinstance(value := getattr(part, f.name), bool)
           and isinstance(value, Real) and (f.default is MISSING or value != f.default)}  # fmt: skip
    own |= {"efficiency"} if getattr(part, "efficiency", {"": 0.5}) != {"": 0.5} else set()
    return {name for name in own if not part.source.get(name, "").strip()}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_number_of_the_tables_has_a_source(part):
    assert unsourced(part) == set()


def test_a_number_without_a_source_is_seen():
    part = Device("X", 2024, 1e12, 2**30, 1e11, "PCIe 3", launch=1e-6, source={"year": "a paper", "memory": " "})
    assert unsourced(part) == {"fp32", "memory", "bandwidth", "launch"}
    assert unsourced(part.with_(efficiency={"": 0.3})) == {"fp32", "memory", "bandwidth", "launch", "efficiency"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_what_is_from_memory_or_assumed_is_marked_as_unsure(part):
    weak = {name for name, text in part.source.items() if "from memory" in text or "assumed" in text}
    assert weak <= part.unsure


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_what_is_unsure_is_a_number_of_the_part(part):
    assert all(isinstance(getattr(part, name), Real) for name in part.unsure)


def test_memory_sizes_are_those_of_slide_52():
    gigabytes = {
        "GTX 670": 2,
        "Titan": 6,
        "Titan X": 12,
        "Tesla K40": 12,
        "Tesla P100": 16,
        "V100": 16,
        "V100 32GB": 32,
    }
    assert {name: device(name).memory / 2**30 for name in gigabytes} == gigabytes
    assert device("Tesla K80").memory == device("Tesla K40").memory  # "Tesla K80: two K40"; the table holds one of them


def test_the_cpu_of_slides_50_and_51_has_12_cores_at_2_4_ghz_with_avx():
    assert device("Xeon E5-2679v2").fp32 == 12 * 2.4e9 * (8 + 8)


@pytest.mark.parametrize(
    "name, field, announced",
    [  # as the makers print them: the last digit shows how exactly
        ("GTX Titan", "fp32_base", "4.5"),
        ("K20", "fp32", "3.52"),
        ("K40", "fp32_base", "4.29"),
        ("Titan X Pascal", "fp32", "11"),
        ("P100", "fp32", "10.6"),
        ("P100", "fp16", "21.2"),
        ("P100 PCIe", "fp32", "9.3"),
        ("V100", "fp32", "15.7"),
        ("V100 PCIe", "fp32", "14"),
        ("A100", "fp32", "19.5"),
        ("H100", "fp32", "67"),
        ("H100 PCIe", "fp32", "51"),
        ("H200", "fp32", "67"),
        ("H100", "fp16", "989"),
    ],
)
def test_peaks_computed_from_cores_and_clock_are_the_announced_ones(name, field, announced):
    decimals = len(announced.partition(".")[2])
    assert f"{getattr(device(name), field) / TERA:.{decimals}f}" == announced


def test_both_gpus_of_a_k80_make_the_board():
    assert f"{2 * device('K80').fp32 / TERA:.2f}" == "8.74"
    assert 2 * device("K80").price == 5000


@pytest.mark.parametrize("part", DEVICES.values(), ids=list(DEVICES))
def test_devices_are_plausible(part):
    assert part.fp32_base is None or part.fp32_base <= part.fp32
    rates = [rate for rate in (part.fp32, part.tf32, part.fp16) if rate is not None]
    assert rates == sorted(set(rates))  # fewer bits, more FLOPs
    assert link(part.link).name == part.link
    assert part.price is None or part.year <= 2016  # of the later ones no official price is known


def test_nvlink_of_a_device_carries_half_of_what_is_announced_for_both_directions():
    both = {"P100": 160, "V100": 300, "A100": 600, "H100": 900, "H200": 900, "B200": 1800}
    assert {name: 2 * link(device(name).link).nominal / GIGA for name in both} == both


@pytest.mark.parametrize(
    "generation, transfers, coding", [(2, 5, 8 / 10), (3, 8, 128 / 130), (4, 16, 128 / 130), (5, 32, 128 / 130)]
)
def test_nominal_rate_of_pcie_is_that_of_16_lanes(generation, transfers, coding):
    nominal = link(f"PCIe {generation}").nominal / GIGA
    assert abs(transfers * 16 * coding / 8 - nominal) <= {2: 0, 3: 0.005, 4: 0.05, 5: 0.5}[generation]  # as printed


@pytest.mark.parametrize("family", ["PCIe", "NVLink", "InfiniBand", "Ethernet"])
def test_a_later_generation_is_faster(family):
    rates = [part.bandwidth for name, part in LINKS.items() if name.startswith(family)]
    assert len(rates) >= 4 and rates == sorted(set(rates))


@pytest.mark.parametrize("part", LINKS.values(), ids=list(LINKS))
def test_no_link_reaches_more_than_its_nominal_rate(part):
    assert part.nominal is None or 0.25 * part.nominal < part.bandwidth < part.nominal


# Roofline

work = st.floats(0, 1e15)


@given(st.sampled_from(list(DEVICES.values())), work, work, st.integers(0, 1000), st.floats(0.01, 1))
def test_work_takes_the_longer_of_arithmetic_and_traffic_and_its_launches(part, flops, nbytes, launches, efficiency):
    part = part.with_(efficiency={"": 0.5, "conv": efficiency})
    arithmetic, traffic = flops / (efficiency * part.fp32), nbytes / part.bandwidth
    taken = part.seconds(flops, nbytes, "conv", launches) - launches * part.launch
    assert taken == pytest.approx(max(arithmetic, traffic), rel=1e-12, abs=1e-12)
    assert part.seconds(flops, nbytes, "pool") == part.seconds(flops, nbytes)


def test_the_ridge_is_where_arithmetic_and_traffic_take_the_same_time():
    part = device("V100").with_(efficiency={"": 1.0}, launch=0.0)
    intensity = part.fp32 / part.bandwidth  # FLOPs for a byte
    assert part.seconds(intensity * 1e9, 1e9) == pytest.approx(1e9 / part.bandwidth, rel=1e-15)
    assert part.seconds(0.5 * intensity * 1e9, 1e9) == 1e9 / part.bandwidth
    assert part.seconds(2 * intensity * 1e9, 1e9) == pytest.approx(2e9 / part.bandwidth, rel=1e-15)


@given(st.sampled_from(list(DEVICES.values())), work, work, st.floats(0.1, 10))
def test_everything_takes_a_slow_device_its_factor_longer(part, flops, nbytes, factor):
    slow = part.slower(factor)
    assert slow.seconds(flops, nbytes) == pytest.approx(factor * part.seconds(flops, nbytes), rel=1e-12)
    assert slow.memory == part.memory


def test_a_message_costs_its_latency_and_its_bytes():
    assert link("PCIe 3").seconds(0) == 5.7e-6
    assert link("PCIe 3").seconds(12e9) == 1 + 5.7e-6


# Names


@pytest.mark.parametrize(
    "said", ["gtx-titan", "GTX Titan", "Titan", "TITAN", " gtx_titan ", "GeForce GTX Titan", "NVIDIA GTX TITAN"]
)
def test_a_device_is_found_however_it_is_written(said):
    assert device(said) is DEVICES["GTX Titan"]


@pytest.mark.parametrize(
    "said, name",
    [
        ("pcie 3", "PCIe 3"),
        ("PCIe-3", "PCIe 3"),
        ("PCIe 3.0 x16", "PCIe 3"),
        ("PCIe Gen3", "PCIe 3"),
        ("nvlink2", "NVLink 2"),
        ("ib ndr", "InfiniBand NDR"),
        ("10GbE", "Ethernet 10"),
        ("Shared Memory", "shared memory"),
    ],
)
def test_a_link_is_found_however_it_is_written(said, name):
    assert link(said) is LINKS[name]


@pytest.mark.parametrize("names, others", [(DEVICES, table.DEVICE_NAMES), (LINKS, table.LINK_NAMES)])
def test_no_name_stands_for_two_parts(names, others):
    plain = [table._plain(name) for name in (*names, *others)]
    assert len(set(plain)) == len(plain) and all(plain)
    assert set(others.values()) <= set(names)
    assert {name: part.name for name, part in names.items()} == {name: name for name in names}


def test_a_part_of_ones_own_stands_for_itself():
    own = DEVICES["GTX Titan"].with_(memory=2**20)
    assert device(own) is own
    assert link(LINKS["QPI"]) is LINKS["QPI"]


def test_an_unknown_name_is_told_with_near_ones():
    with pytest.raises(DataError, match=r"There is no device 'GTX Titn' in the table\. Near names: GTX Titan, "):
        device("GTX Titn")
    with pytest.raises(DataError, match=r"There is no link 'infiniband' in the table\. Near names: InfiniBand "):
        link("infiniband")
    with pytest.raises(DataError, match="There is no link 'string and cups' in the table. There are PCIe 2, "):
        link("string and cups")


# Parts of one's own


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"fp32": 0}, "fp32 is 0; a finite number above 0"),
        ({"bandwidth": -1e9}, "bandwidth is -1000000000.0; a finite number above 0"),
        ({"memory": float("inf")}, "memory is inf; a finite number"),
        ({"memory": 2.5e9}, "memory is 2500000000.0; a whole number of bytes"),
        ({"tf32": float("nan")}, "tf32 is nan"),
        ({"price": "999"}, "price is '999'"),
        ({"launch": -1e-6}, "launch is -1e-06; a finite number 0 or more"),
        ({"efficiency": {"conv": 1.5}}, r"efficiency\['conv'\] is 1.5; it must be in \(0, 1\]"),
        ({"efficiency": {"": 0}}, r"efficiency\[''\] is 0"),
        ({"unsure": frozenset({"speed"})}, "speed is no field"),
        ({"source": {"flops": "a guess"}}, "flops is no field"),
    ],
)
def test_a_device_that_cannot_be_is_refused(changes, said):
    with pytest.raises(DataError, match=f"Device 'GTX Titan': .*{said}"):
        DEVICES["GTX Titan"].with_(**changes)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"bandwidth": 0.0}, "bandwidth is 0.0"),
        ({"latency": -1.0}, "latency is -1.0"),
        ({"bandwidth": 20e9}, "above the nominal"),
    ],
)
def test_a_link_that_cannot_be_is_refused(changes, said):
    with pytest.raises(DataError, match=f"Link 'PCIe 3': .*{said}"):
        LINKS["PCIe 3"].with_(**changes)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), "2", None])
def test_no_device_is_slowed_by_what_is_no_factor(factor):
    with pytest.raises(DataError, match="GTX Titan.slower: the factor is"):
        DEVICES["GTX Titan"].slower(factor)


def test_a_changed_number_does_not_keep_the_source_of_the_old_one():
    own = DEVICES["B200"].with_(fp32=70e12)
    assert "fp32" not in own.source and "fp32" not in own.unsure
    assert own.source["memory"] == DEVICES["B200"].source["memory"] and "memory" in own.unsure


def test_no_two_parts_share_what_can_be_changed():
    own = DEVICES["GTX Titan"].with_(name="own")
    own.efficiency["conv"] = 0.13
    own.source["year"] = "none"
    assert "conv" not in DEVICES["GTX Titan"].efficiency
    assert DEVICES["GTX Titan"].source["year"] != "none"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_travels_to_another_process(part):
    copy = pickle.loads(pickle.dumps(part))
    assert copy == part and hash(copy) == hash(part)


def test_devices_are_equal_by_their_numbers_and_not_by_what_is_told_of_them():
    own = DEVICES["GTX Titan"]
    assert own.with_(memory=own.memory) == own and "memory" not in own.with_(memory=own.memory).source
    assert own.with_(memory=1) != own and own.with_(efficiency={"": 0.4}) != own


def test_a_link_of_ones_own_needs_a_rate_and_a_latency_alone():
    assert Link("own", 1e9, 1e-6).seconds(1e9) == 1 + 1e-6
