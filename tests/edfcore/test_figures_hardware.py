"""The figures of lecture 04."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from edfcore.errors import DataError
from edfcore.figures.hardware import processor, roofline, warps

ALT = "Two rooflines, and the intensities of two kinds of work."
DEVICES = {"slow": (1e12, 1e11), "fast": (2e13, 1e12)}
POINTS = {"saxpy": 1 / 6, "product": 100}


def boxes(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_the_device_has_a_box_for_each_core_of_each_multiprocessor():
    few, more = (len(boxes(processor(3, cores).axes[0])) for cores in (4, 10))
    assert more - few == 3 * 6
    texts = [text.get_text() for text in processor(3, 4).axes[0].texts]
    assert [t for t in texts if t.startswith("SM")] == ["SM 0", "SM 1", "SM 2"]


def test_threads_fill_warps_of_32_in_the_order_of_their_numbers():
    grid, threads = warps((4, 4), (8, 8), 13).axes
    assert len(boxes(grid)) == 16
    tints = [patch.get_facecolor() for patch in boxes(threads)]
    assert len(tints) == 64 and len(set(tints[:32])) == len(set(tints[32:])) == 1 and tints[0] != tints[32]
    assert [text.get_text() for text in threads.texts] == [str(t) for t in range(64)]


def test_a_last_warp_may_be_partly_empty():
    hatches = [patch.get_hatch() for patch in boxes(warps((2, 1), (8, 5), 0).axes[1])]
    assert len(hatches) == 40 and hatches[31] != hatches[32] == hatches[39]


def test_a_roof_rises_with_the_bandwidth_and_is_level_from_the_ridge_on():
    ax = roofline(DEVICES, POINTS, ALT).axes[0]
    for (peak, bandwidth), line in zip(DEVICES.values(), ax.lines[::2][:2], strict=True):
        x, y = line.get_data()
        assert x[1] == pytest.approx(peak / bandwidth)
        assert np.allclose(y, [x[0] * bandwidth / 1e9, peak / 1e9, peak / 1e9])
    marked = [line.get_xdata()[0] for line in ax.lines[4:]]
    assert marked == list(POINTS.values())


@pytest.mark.parametrize("make", [processor, lambda: warps((4, 4), (8, 8), 13), lambda: roofline(DEVICES, POINTS, ALT)])
def test_the_same_data_give_the_same_bytes_and_every_figure_says_what_it_shows(make):
    assert make().png() == make().png()
    assert len(make().alt) > 40 and make().alt.endswith(".")


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(DataError, match="at least one"):
        processor(0, 8)
    with pytest.raises(DataError, match="no block 16"):
        warps((4, 4), (8, 8), 16)
    with pytest.raises(DataError, match="8 warps"):
        warps((1, 1), (16, 16), 0)
    with pytest.raises(DataError, match="0 devices"):
        roofline({}, POINTS, ALT)
    with pytest.raises(DataError, match="above 0"):
        roofline(DEVICES, {"nothing": 0}, ALT)
