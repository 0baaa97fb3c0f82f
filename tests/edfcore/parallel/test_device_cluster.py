"""Every message has a way over wires that exist, as the shape promises; and a name makes its cluster again."""

import pickle
import re
import tracemalloc
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.parallel.cluster import (
    Cluster,
    Wire,
    alone,
    cpu_machines,
    parse,
    ring,
    shared_bus,
    switch,
    two_level,
)
from edfcore.parallel.devices import DEVICES, LINKS, device, link

FLAT = {"shared": shared_bus, "ring": ring, "switch": switch}


def build(shape, sizes):
    """A cluster of one machine, or of several of the given sizes."""
    if len(sizes) == 1:
        return FLAT[shape](["V100"] * sizes[0], "NVLink 2")
    return two_level([["V100"] * n for n in sizes], "NVLink 2", "InfiniBand EDR", shape)


clusters = st.builds(build, st.sampled_from(list(FLAT)), st.lists(st.integers(1, 9), min_size=1, max_size=4))


def pairs(cluster):
    return [(i, j) for i in range(cluster.N) for j in range(cluster.N) if i != j]


def edges(cluster, name):
    """What a wire joins, of its name: (from, to) of devices, hubs and cards of machines, and the net of cards."""
    machine = int(found[1]) if (found := re.search(r" of (\d+)", name)) else 0
    group, hub = cluster.groups[machine], f"hub {machine}"
    if found := re.search(r" (out of|into) (\d+)$", name):
        card = f"card {found[2]}"
        return {(card, "net") if found[1] == "out of" else ("net", card)}
    if found := re.search(r" (\d+)-(\d+)$", name):
        return {(group[int(found[1])], group[int(found[2])])}
    if found := re.search(r" (up|down) (\d+)$", name):
        k = group[int(found[2])]
        return {(k, hub) if found[1] == "up" else (hub, k)}
    ends = [*group, f"card {machine}"]  # a bus joins everything in the machine
    return {(a, b) for a in ends for b in ends if a != b}


def beside(cluster, places):
    """The places and those beside them: the card of a machine sits on the hub of a switch, on all devices of a ring."""
    free = set()
    for m, group in enumerate(cluster.groups):
        for other in {"ring": group, "switch": [f"hub {m}"]}.get(cluster.shape, []):
            free |= {(other, f"card {m}"), (f"card {m}", other)}
    return places | {b for a, b in free if a in places}


def walk(cluster, i, j):
    """Follow the wires of a route from i, each from where the one before ended; the places at the end."""
    at = beside(cluster, {i})
    for w in cluster.route(i, j):
        at = beside(cluster, {b for a, b in edges(cluster, cluster.wires[w].name) if a in at})
    return at


@settings(max_examples=60, deadline=None)
@given(clusters)
def test_every_pair_has_a_way_over_wires_that_follow_each_other(cluster):
    for i, j in pairs(cluster):
        route = cluster.route(i, j)
        assert route and len(set(route)) == len(route) and set(route) <= set(range(len(cluster.wires)))
        assert j in walk(cluster, i, j)


def test_a_way_that_leads_elsewhere_is_seen():
    found = ring(["V100"] * 5, "NVLink 2")
    for wrong in (lambda i, j: (i, (i + 2) % 5), lambda i, j: (5 + i,)):
        assert 2 not in walk(replace(found, routes=wrong), 0, 2)
    two = two_level([["V100"] * 2] * 2, "NVLink 2", "Ethernet 10")
    swapped = replace(two, routes=lambda i, j: (*two.routes(i, j)[:1], *two.routes(i, j)[2:]))  # without a way out
    assert 3 not in walk(swapped, 0, 3)


@settings(max_examples=60, deadline=None)
@given(clusters)
def test_bytes_are_conserved_when_everybody_sends_to_everybody(cluster):
    """One byte for each pair: what the wires carry follows from N and the sizes of the machines alone."""
    carried = Counter(w for i, j in pairs(cluster) for w in cluster.route(i, j))
    N, sizes = cluster.N, [len(g) for g in cluster.groups]
    for w, wire in enumerate(cluster.wires):
        if found := re.search(r" (out of|into) (\d+)$", wire.name):
            n = sizes[int(found[2])]
            assert carried[w] == n * (N - n)
        elif cluster.shape == "switch":
            assert carried[w] == N - 1
        elif cluster.shape == "shared":
            n = sizes[int(found[1]) if (found := re.search(r" of (\d+)$", wire.name)) else 0]
            assert carried[w] == n * (n - 1) + 2 * n * (N - n)
    if cluster.shape == "ring":  # the sum of the distances on each circle
        hops = sum(min(k, n - k) * n for n in sizes for k in range(1, n))
        assert sum(count for w, count in carried.items() if "-" in cluster.wires[w].name) == hops


@settings(max_examples=60, deadline=None)
@given(clusters)
def test_in_a_symmetric_cluster_every_device_sees_the_same(cluster):
    def view(i):
        others = (j for j in range(cluster.N) if j != i)
        return Counter((len(cluster.route(i, j)), cluster.latency(i, j), cluster.bandwidth(i, j)) for j in others)

    same = all(view(i) == view(0) for i in range(cluster.N))
    assert same or not cluster.symmetric
    assert cluster.symmetric == (len({len(g) for g in cluster.groups}) == 1)


# Shapes


@given(st.integers(2, 40), st.data())
def test_a_ring_goes_the_short_way(N, data):
    found = ring(["V100"] * N, "NVLink 2")
    i, j = data.draw(st.sampled_from(pairs(found)))
    assert len(found.route(i, j)) == min((j - i) % N, (i - j) % N)
    assert found.latency(i, j) == pytest.approx(len(found.route(i, j)) * link("NVLink 2").latency, rel=1e-12)


def test_two_devices_in_a_ring_have_a_wire_each_way():
    found = ring(["V100"] * 2, "NVLink 2")
    assert (found.route(0, 1), found.route(1, 0), len(found.wires)) == ((0,), (1,), 2)


@given(st.integers(2, 40))
def test_a_bus_has_one_wire_in_both_directions(N):
    found = shared_bus(["GTX Titan"] * N, "PCIe 3")
    assert found.wires == (Wire("PCIe 3", 12e9, 5.7e-6),)
    assert found.route(0, N - 1) == found.route(N - 1, 0) == (0,)


def test_a_message_over_a_switch_costs_one_latency_and_two_messages_meet_only_at_a_device():
    found = switch(["H100"] * 8, "NVLink 4")
    part = link("NVLink 4")
    assert found.latency(2, 5) == part.latency and found.bandwidth(2, 5) == part.bandwidth
    assert found.seconds(2, 5, 1e9) == part.seconds(1e9)
    assert not set(found.route(0, 1)) & set(found.route(1, 0)) | set(found.route(0, 1)) & set(found.route(2, 3))
    assert set(found.route(0, 1)) & set(found.route(0, 2)) and set(found.route(0, 2)) & set(found.route(1, 2))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(FLAT)), st.lists(st.integers(1, 6), min_size=2, max_size=4))
def test_two_levels_cross_the_cards_between_machines_and_only_there(shape, sizes):
    found = build(shape, sizes)
    machine = [m for m, group in enumerate(found.groups) for _ in group]
    for i, j in pairs(found):
        cards = [found.wires[w].name for w in found.route(i, j) if "InfiniBand" in found.wires[w].name]
        a, b = machine[i], machine[j]
        assert cards == ([] if a == b else [f"InfiniBand EDR out of {a}", f"InfiniBand EDR into {b}"])


def test_between_machines_the_card_is_the_slowest_and_each_link_costs_its_latency_once():
    found = two_level([["H100"] * 8] * 2, "NVLink 4", "InfiniBand NDR")
    inner, outer = link("NVLink 4"), link("InfiniBand NDR")
    assert found.bandwidth(0, 15) == outer.bandwidth
    assert found.latency(0, 15) == inner.latency + outer.latency
    assert found.latency(0, 7) == inner.latency
    assert found.groups == (tuple(range(8)), tuple(range(8, 16)))


def test_cpu_machines_are_one_device_each_on_a_network():
    found = cpu_machines(32, "Ethernet 10")
    assert found.groups == tuple((k,) for k in range(32))
    assert found.devices == (device("Xeon E5"),) * 32
    assert found.seconds(3, 4, 1e6) == link("Ethernet 10").seconds(1e6)


def test_a_device_alone_has_no_wires_and_nowhere_to_go():
    found = alone("GTX Titan")
    assert (found.N, found.wires, found.symmetric) == (1, (), True)
    with pytest.raises(DataError, match="no route from device 0 to 0"):
        found.route(0, 0)


@pytest.mark.parametrize("i, j", [(0, 4), (-1, 2), (3, 3)])
def test_there_is_no_route_to_what_is_no_other_device(i, j):
    with pytest.raises(DataError, match=f"no route from device {i} to {j}; two different ones of the devices 0 to 3"):
        ring(["V100"] * 4, "NVLink 2").route(i, j)


def test_a_cluster_costs_what_its_devices_cost_where_all_prices_are_known():
    assert shared_bus(["GTX Titan", "GTX 670"], "PCIe 3").price == 999 + 399
    assert shared_bus(["GTX Titan", "V100"], "PCIe 3").price is None
    assert switch(["H100"] * 8, "NVLink 4").hourly == pytest.approx(8 * device("H100").hourly, rel=1e-12)


# One slow device


def test_one_slow_device_is_slow_and_the_others_are_not():
    found = parse("4 x GTX Titan, PCIe 3 shared")
    slow = found.with_slow(2, 3)
    times = [b.seconds(1e12, 1e9) / a.seconds(1e12, 1e9) for a, b in zip(found.devices, slow.devices, strict=True)]
    assert times == pytest.approx([1, 1, 3, 1], rel=1e-12)
    assert slow.wires == found.wires and slow.routes == found.routes
    assert found.symmetric and not slow.symmetric


@pytest.mark.parametrize("k", [4, -1, 1.0, True, "0"])
def test_there_is_no_slow_device_outside_the_cluster(k):
    with pytest.raises(DataError, match=r"with_slow: there is no device .*; the devices are 0 to 3"):
        parse("4 x GTX Titan, PCIe 3 shared").with_slow(k, 2)


# Names and texts


@pytest.mark.parametrize(
    "text, made",
    [
        ("4 x GTX Titan, PCIe 2 shared", lambda: shared_bus(["GTX Titan"] * 4, "PCIe 2")),
        ("4 x GTX Titan, PCIe shared", lambda: shared_bus(["GTX Titan"] * 4, "PCIe 3")),
        ("8 x V100, NVLink ring", lambda: ring(["V100 SXM2"] * 8, "NVLink 2")),
        ("8 x H100, NVLink switch", lambda: switch(["H100 SXM"] * 8, "NVLink 4")),
        (
            "16 x 8 x H100, NVLink switch, InfiniBand NDR",
            lambda: two_level([["H100"] * 8] * 16, "NVLink 4", "InfiniBand NDR"),
        ),
        ("32 x Xeon E5, Ethernet 10", lambda: cpu_machines(32, "Ethernet 10")),
        ("2 x 4 x K20, PCIe 2 shared, QPI", lambda: two_level([["K20"] * 4] * 2, "PCIe 2", "QPI", "shared")),
        ("8 X p100,NVLink   RING", lambda: ring(["P100"] * 8, "NVLink 1")),
        ("4 x GTX Titan, PCIe 2 shared bus", lambda: shared_bus(["GTX Titan"] * 4, "PCIe 2")),
        ("4 x CPU core, shared memory", lambda: shared_bus(["CPU core"] * 4, "shared memory")),
        ("GTX Titan X", lambda: alone("GTX Titan X")),
        ("1 x B200", lambda: alone("B200")),
        (
            "4 x GTX Titan, PCIe 2 at 1.85 GB/s shared",
            lambda: shared_bus(["GTX Titan"] * 4, LINKS["PCIe 2"].with_(bandwidth=1.85e9)),
        ),
        ("2 x Titan + 2 x GTX 670, PCIe shared", lambda: shared_bus(["Titan"] * 2 + ["GTX 670"] * 2, "PCIe 3")),
        (
            "4 x GTX Titan, PCIe 3 shared, device 3 slow 2",
            lambda: shared_bus(["GTX Titan"] * 4, "PCIe 3").with_slow(3, 2),
        ),
    ],
)
def test_a_text_makes_the_cluster_that_it_says(text, made):
    assert parse(text) == made()


kinds, numbers = st.sampled_from(list(DEVICES)), st.integers(1, 5)
runs = st.lists(st.tuples(numbers, kinds), min_size=1, max_size=3).map(
    lambda run: [name for n, name in run for _ in range(n)]
)
links = st.sampled_from([name for name in LINKS if name != "shared memory"])


def rate_of(name, rate):
    part = link(name)
    return part.with_(bandwidth=rate, nominal=part.nominal if rate <= part.nominal else None)


@st.composite
def named(draw):
    """A cluster of any shape, of parts of the tables, with links at other rates and slow devices among them."""
    joins = links | st.builds(rate_of, links, st.floats(1e3, 1e13))
    shape, devices = draw(st.sampled_from([*FLAT, "machines", "two", "alone"])), draw(runs)
    if shape == "alone":
        return alone(devices[0])
    if shape == "machines":
        return cpu_machines(len(devices), draw(st.sampled_from(["Ethernet 10", "InfiniBand FDR"])), devices[0])
    if shape == "two":
        found = two_level([devices] * draw(numbers), draw(joins), draw(joins), draw(st.sampled_from(list(FLAT))))
    else:
        found = FLAT[shape](devices, draw(joins))
    k, factor = draw(st.integers(0, found.N - 1)), draw(st.none() | st.floats(0.01, 100))
    return found if factor is None else found.with_slow(k, factor)


@settings(deadline=None)
@given(named())
def test_the_name_of_a_cluster_makes_it_again(cluster):
    assert parse(str(cluster.name)) == cluster


@settings(deadline=None)
@given(named())
def test_a_cluster_travels_to_another_process(cluster):
    assert pickle.loads(pickle.dumps(cluster)) == cluster


def test_a_changed_part_does_not_pass_for_that_of_the_table():
    found = shared_bus([DEVICES["GTX Titan"].with_(memory=2**30)], LINKS["PCIe 3"].with_(latency=0.0))
    assert found.name == "1 x GTX Titan (changed), PCIe 3 (changed) shared"
    with pytest.raises(DataError, match="there is no device"):
        parse(found.name)


WRONG = [
    ("4 x GTX Titn, PCIe shared", "GTX Titn", "Near names: GTX Titan"),
    ("four x V100, NVLink ring", "four x V100", "there is no device"),
    ("4 x GTX Titan, PCI3 shared", "PCI3", "there is no link"),
    ("4 x GTX Titan, PCIe 3 star", "PCIe 3 star", "there is no link"),
    ("4 x GTX Titan", "4 x GTX Titan", "nothing joins the devices"),
    ("4 x GTX Titan, PCIe 2", "PCIe 2", "in which shape"),
    ("4 x GTX Titan, NVLink ring", "NVLink", "the link of these devices is PCIe 3"),
    ("2 x V100 + 2 x A100, NVLink ring", "NVLink", "the link of these devices is NVLink 2 and NVLink 3"),
    ("0 x GTX Titan, PCIe shared", "0", "a whole number of 1 to"),
    ("-2 x GTX Titan, PCIe shared", "-2", "a whole number of 1 to"),
    ("4.5 x GTX Titan, PCIe shared", "4.5", "a whole number of 1 to"),
    ("2 x 0 x K20, PCIe 2 shared, QPI", "0", "a whole number of 1 to"),
    ("70000 x V100, NVLink ring", "70000", "more than 65536 devices"),
    ("9000 x 8 x V100, NVLink ring, Ethernet 10", "8", "more than 65536 devices"),
    (f"{'9' * 5000} x V100, NVLink ring", "9" * 5000, "a whole number of 1 to"),
    ("8 x H100, NVLink switch, InfiniBand NDR", "InfiniBand NDR", "does not say how many"),
    ("16 x 8 x H100, NVLink switch", "16 x 8 x H100", "need two links"),
    ("16 x 8 x H100, NVLink, InfiniBand NDR", "NVLink", "in which shape"),
    ("2 x 4 x K20, PCIe 2 shared, Ethernet", "Ethernet", "Near names: Ethernet 1"),
    ("2 x 4 x K20, PCIe 2 shared, QPI ring", "QPI ring", "not in shape ring"),
    ("4 x CPU core, shared memory ring", "shared memory ring", "is one wire for all"),
    ("4 x GTX Titan, PCIe 2 at no GB/s shared", "no", "a rate above 0 GB/s"),
    ("4 x GTX Titan, PCIe 2 at nan GB/s shared", "nan", "a rate above 0 GB/s"),
    ("4 x GTX Titan, PCIe 2 at -1 GB/s shared", "-1", "a rate above 0 GB/s"),
    ("4 x GTX Titan, PCIe 3 shared, device 4 slow 2", "device 4 slow 2", "a device from 0 to 3"),
    ("4 x GTX Titan, PCIe 3 shared, device 0 slow 0", "device 0 slow 0", "a factor above 0"),
    ("4 x GTX Titan, PCIe 3 shared, device one", "device one", "a device from 0 to 3"),
    ("4 x GTX Titan, PCIe 3 shared,", ",", "one of them is missing"),
    ("4 x , PCIe 3 shared", "4 x", "the name of a device is missing"),
    ("2 x (), PCIe 3 shared, QPI", "", "the name of a device is missing"),
]


@pytest.mark.parametrize("text, part, said", WRONG)
def test_what_cannot_be_read_is_told_with_its_place_and_what_would_be_right(text, part, said):
    with pytest.raises(DataError) as error:
        parse(text)
    told = str(error.value)
    assert told.startswith(f'parse: in "{text}", "{part}": ') and said in told
    examples = re.findall('"([^"]*)"', told.partition("Right would be ")[2])
    assert examples and all(isinstance(parse(example), Cluster) for example in examples)


@pytest.mark.parametrize("text", ["", "  ", None, 4])
def test_what_is_no_text_names_no_cluster(text):
    with pytest.raises(DataError, match="names no cluster. Right would be "):
        parse(text)


@settings(deadline=None)
@given(st.text("x X()+,-.0149GTianPCIe/sharednvlkowm@"))
def test_no_text_ends_in_another_error(text):
    try:
        assert parse(text).N >= 1
    except DataError as error:
        assert "Right would be" in str(error)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: shared_bus([], "PCIe 3"), "shared: there is no device"),
        (lambda: shared_bus("GTX Titan", "PCIe 3"), "shared: devices is 'GTX Titan'; a sequence is needed"),
        (lambda: ring(["V100"] * 4, "string"), "There is no link 'string'"),
        (lambda: ring(["CPU core"] * 4, "shared memory"), "shared memory is one wire for all devices"),
        (lambda: switch(["V1000"], "NVLink 2"), "There is no device 'V1000'"),
        (lambda: cpu_machines(0, "Ethernet 10"), "cpu_machines: n is 0"),
        (lambda: cpu_machines(2.0, "Ethernet 10"), "cpu_machines: n is 2.0"),
        (lambda: two_level([], "NVLink 2", "Ethernet 10"), "two_level: the devices of each machine"),
        (lambda: two_level([["V100"], []], "NVLink 2", "Ethernet 10"), "two_level: there is no device"),
        (lambda: two_level([["V100"]], "NVLink 2", "Ethernet 10", "star"), "two_level: shape is 'star'"),
        (lambda: replace(alone("V100"), groups=((0, 1),)), "the groups must hold each of its 1 devices"),
        (lambda: replace(alone("V100"), wires=(Wire("w", 0.0),)), "needs a bandwidth above 0"),
        (lambda: replace(alone("V100"), wires=(Wire("w", 1.0, -1.0),)), "a latency of 0 s or more"),
        (lambda: replace(alone("V100"), wires=(Wire("w", float("nan")),)), "needs a bandwidth above 0"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(make, said):
    with pytest.raises(DataError, match=re.escape(said)):
        make()


# Size


def test_a_thousand_devices_take_little_memory_because_routes_are_computed():
    tracemalloc.start()
    found = parse("128 x 8 x H100, NVLink switch, InfiniBand NDR")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.N == 1024 and len(found.wires) == 2 * 1024 + 2 * 128
    assert len({id(part) for part in found.devices}) == 1
    assert most < 2e6  # bytes; a table of 1,024 x 1,023 routes would take more than 8 for each entry
    assert len(pickle.dumps(found.routes)) < 4096


@pytest.mark.parametrize(
    "text, shown",
    [
        ("8 x GTX Titan, PCIe 3 shared", ["one wire for all and both directions: PCIe 3, 12 GB/s, 5.7 us"]),
        ("8 x V100, NVLink ring", ["[6] <-> [7] <-> [0]", "120 GB/s, 3.4 us"]),
        ("8 x H100, NVLink switch", ["= switch =", "NVLink 4, 371 GB/s, 3.4 us"]),
        ("2 x 4 x K20, PCIe 2 shared, QPI", ["machine 1: [4] [5] [6] [7] -- card", "PCIe 2, 6 GB/s", "QPI, 6 GB/s"]),
    ],
)
def test_the_drawing_of_eight_devices_shows_each_once_and_its_links(text, shown):
    found = parse(text)
    drawn = found.describe()
    assert drawn.splitlines()[0] == found.name
    assert {k: drawn.count(f"[{k}]") for k in range(1, 8)} == dict.fromkeys(range(1, 8), 1)
    assert all(part in drawn for part in shown)
    assert len(drawn.splitlines()) <= 8 and max(map(len, drawn.splitlines())) <= 100


@settings(max_examples=30, deadline=None)
@given(named())
def test_every_cluster_can_be_drawn(cluster):
    lines = cluster.describe().splitlines()
    assert lines[0] == cluster.name and "[0]" in "".join(lines)


@pytest.mark.parametrize(
    "text", ["1000 x V100, NVLink ring", "1024 x V100, InfiniBand EDR", "128 x 8 x H100, NVLink switch, Ethernet 100"]
)
def test_the_drawing_of_many_devices_is_a_summary(text):
    drawn = parse(text).describe()
    assert len(drawn) < 600 and "..." in drawn
