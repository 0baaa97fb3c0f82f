"""Grid explorer: its counts are those that the analyser finds when it runs the kernel, and those of closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore.cuda import analyse, cuda, grid, kernel, kernels
from edfcore.errors import DataError
from edfcore.figures.grid import grid_figure
from edfcore.scenes.grid import COUNTS, EMPTY, FIRST, IDLE, SECOND, Grid, own_read
from edfcore.widgets import GridExplorer
from edfcore.widgets.base import module
from edfcore.widgets.page import element

scene = Grid()
states = st.builds(
    scene.state, n=st.integers(1, 4096), block=st.integers(1, 1024), stride=st.integers(1, 32),
    offset=st.integers(0, 32), size=st.sampled_from([4, 8]), branch=st.sampled_from(["none", "parity", "half", "warp"]),
    at_block=st.integers(0, 4095), at_warp=st.integers(0, 31), at_lane=st.integers(0, 31),
)  # fmt: skip


def of(**given):
    state = scene.state(**given)
    return state, scene.compute(state)


def launch(**given):
    return dict(zip(COUNTS, of(**given)[1]["launch"].astype(int).tolist(), strict=True))


# The kernel of the scene, with each of its branches


@kernel
def read_none(n, stride, offset, x, y):
    i = cuda.grid(1)
    if i < n:
        y[i] = x[i * stride + offset]


@kernel
def read_parity(n, stride, offset, x, y):
    i = cuda.grid(1)
    if i < n:
        value = x[i * stride + offset]
        if i % 2 == 0:
            y[i] = value * 2
        else:
            y[i] = value / 2


@kernel
def read_half(n, stride, offset, x, y):
    i = cuda.grid(1)
    if i < n:
        value = x[i * stride + offset]
        if i % 32 < 16:
            y[i] = value * 2
        else:
            y[i] = value / 2


@kernel
def read_warp(n, stride, offset, x, y):
    i = cuda.grid(1)
    if i < n:
        value = x[i * stride + offset]
        if i // 32 % 2 == 0:
            y[i] = value * 2
        else:
            y[i] = value / 2


READS = {"none": read_none, "parity": read_parity, "half": read_half, "warp": read_warp}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 130), st.integers(1, 32), st.integers(0, 32), st.sampled_from([4, 8]),
    st.sampled_from(list(READS)),
)  # fmt: skip
def test_the_counts_are_those_of_the_analyser_that_runs_the_kernel(n, block, stride, offset, size, branch):
    x, y = np.ones(n * stride + offset, f"f{size}"), np.zeros(n, f"f{size}")
    report = analyse(READS[branch], grid(n, block), n, stride, offset, x, y).check()
    read, found = report.find("x"), launch(n=n, block=block, stride=stride, offset=offset, size=size, branch=branch)
    assert (found["threads"], found["lanes"]) == (report.threads, 32 * report.warps)
    assert (found["32-byte sectors"], found["128-byte lines"], found["bytes asked for"]) == (
        read.sectors, read.lines, read.asked,
    )  # fmt: skip
    assert (found["warps at work"], found["bytes moved"]) == (read.requests, read.moved)
    tests = [b.divergent for b in report.branches] + [0]
    assert (found["divergent: i < n"], found["divergent: branch"]) == tuple(tests[:2])


@pytest.mark.parametrize("blocks, block", [(1, 64), (3, 96), (4, 128)])
def test_even_and_odd_threads_part_as_the_librarys_kernels_do(blocks, block):
    n = blocks * block
    for branch, fn in [("parity", kernels.branch_by_lane), ("warp", kernels.branch_by_warp)]:
        report = analyse(fn, (blocks, block), np.ones(n), np.ones(n))
        assert launch(n=n, block=block, branch=branch)["divergent: branch"] == report.divergent


# Closed forms


@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("stride", range(1, 33))
def test_an_aligned_stride_moves_stride_times_as_much_until_each_lane_has_a_sector(stride, size):
    found = launch(n=1024, block=256, stride=stride, size=size)
    assert found["32-byte sectors"] == 32 * min(32, stride * size)
    assert found["least sectors"] == 32 * size


@pytest.mark.parametrize("size", [4, 8])
def test_a_misaligned_row_touches_one_sector_more_unless_the_offset_is_whole_sectors(size):
    for offset in range(33):
        sectors = launch(n=32, block=32, stride=1, size=size, offset=offset)["32-byte sectors"]
        assert sectors == size + (offset * size % 32 > 0)


@given(states)
def test_lanes_are_threads_that_work_threads_past_n_and_lanes_without_a_thread(state):
    found, geometry = scene.compute(state), grid(state["n"], state["block"])
    counts = dict(zip(COUNTS, found["launch"], strict=True))
    assert counts["lanes without work"] == geometry.idle + geometry.empty_lanes == counts["lanes"] - state["n"]
    assert counts["least sectors"] <= counts["32-byte sectors"] <= 2 * state["n"]
    assert counts["divergent: i < n"] <= 1
    assert found["kinds"].shape == (geometry.warps_per_block, 32)
    assert (found["warp"] <= found["launch"]).all()


def test_each_kind_of_lane_is_where_it_should_be():
    _, found = of(n=50, block=48, branch="half", at_block=1)
    assert found["kinds"][0].tolist() == [SECOND, SECOND] + [IDLE] * 30
    assert found["kinds"][1].tolist() == [IDLE] * 16 + [EMPTY] * 16
    assert of(n=50, block=48, branch="half", at_block=0)[1]["kinds"][0].tolist() == [FIRST] * 16 + [SECOND] * 16


def test_an_address_is_element_times_stride_plus_offset_in_bytes():
    _, found = of(n=1000, block=256, at_block=3, at_warp=7, stride=5, offset=3, size=8)
    i = 3 * 256 + 7 * 32 + np.arange(32)
    assert np.array_equal(found["element"], i)
    assert np.array_equal(found["where"], np.where(i < 1000, (5 * i + 3) * 8, -1))


# Words


def test_the_caption_tells_idle_lanes_divergence_and_what_the_warp_moves():
    told = scene.caption(*of())
    assert "32 warps, 24 of 1024 lanes without work (2.34 %)" in told
    assert "Of 32 warps at work 32 run both ways of i % 2 == 0, in turn." in told
    assert told.endswith("Warp 0 of block 3 asks for 128 bytes and moves 256, in 8 sectors: 4 would hold them.")


def test_whole_warps_that_alternate_part_only_where_blocks_are_no_multiple_of_a_warp():
    assert "Of 32 warps at work none runs both ways of i // 32 % 2 == 0." in scene.caption(
        *of(branch="warp", block=256)
    )
    assert launch(branch="warp", block=48)["divergent: branch"] > 0


def test_a_coalesced_read_and_a_warp_without_elements_are_told():
    assert scene.caption(*of(stride=1, branch="none")).endswith("in 4 sectors: as few as hold them.")
    assert scene.caption(*of(n=10, at_warp=3)).endswith("Warp 3 of block 0 has no element and reads nothing.")
    assert scene.rows(*of(n=10, at_warp=3))[-1] == ["asked / moved", "41.7 %", "-"]


@given(states)
def test_a_state_is_text_and_back(state):
    assert scene.state_from(scene.text(state)) == state


# Figure, widget, the reader's own index


@pytest.mark.slow
def test_the_figure_says_what_it_shows_and_is_the_same_twice():
    for given_ in [{}, {"n": 10, "at_warp": 3}, {"n": 4096, "block": 1024, "stride": 32, "size": 8}]:
        state, found = of(**given_)
        one = grid_figure(state, found)
        assert scene.caption(state, found) in one.alt
        assert one.png() == grid_figure(state, found).png()


def test_the_widget_becomes_an_element_and_its_module_is_small():
    assert 'data-module="grid"' in element(GridExplorer(n=77))
    assert len(module("grid").encode()) <= 30_000


def test_an_index_of_ones_own_is_compared_lane_by_lane():
    state, found = of(stride=2, offset=0)
    same = own_read(lambda i: 2 * i, state, found)
    assert same["diverges"] == -1 and same["sectors"] == found["launch"][6]
    halves = own_read(lambda i: i // 2, state, found)
    assert halves["diverges"] == 0  # element 384, not 1536
    assert (halves["sectors_warp"], halves["sectors"]) == (2, 31 * 2 + 1)  # two lanes share an element; 8 lanes end it
    assert halves["efficiency"] == 2000 / (63 * 32)  # bytes that two lanes share are asked for once
    reverse = own_read(lambda i: i if i < 770 else 2 * i, *of(stride=1))
    assert reverse["diverges"] == 2


def test_an_index_below_0_is_refused():
    with pytest.raises(DataError, match="below 0"):
        GridExplorer(mine=lambda i: i - 1)


@pytest.mark.parametrize("mine, told", [
    (7, "mine is 7"), (lambda i: None, r"mine\(0\) gave None; a whole number"), (lambda i: "x", "gave 'x'"),
    (lambda i: i / 2, r"mine\(0\) gave 0.0; a whole number"), (lambda i: 10**30, "a whole number from 0 to"),
])  # fmt: skip
def test_what_is_no_index_is_refused_in_a_sentence(mine, told):
    with pytest.raises(DataError, match=told):
        GridExplorer(mine=mine, n=10)


def test_no_index_asks_for_more_than_it_moves_and_the_picture_without_a_browser_tells_it():
    for index in (lambda i: i // 2, lambda i: 0, lambda i: i, lambda i: 31 - i % 32):
        assert own_read(index, *of(stride=1))["efficiency"] <= 1
    made = GridExplorer(mine=lambda i: i // 2)
    assert "lane 0 is the first that reads elsewhere" in made.caption and "With your index" in made.figure().alt
