"""The figure of lecture 12."""

import pytest

from edfcore.errors import DataError
from edfcore.figures.history import lives

ROWS = [("A", 2002, 2017), ("B", 2015, None)]
ALT = "Two frameworks: the development of one has ended."


def test_each_framework_has_a_bar_over_its_years_and_those_that_ended_are_hatched():
    bars = lives(ROWS, 2024, ALT).axes[0].patches
    assert [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars] == [(2002, 2017), (2015, 2024)]
    assert [bool(bar.get_hatch()) for bar in bars] == [True, False]


def test_only_what_goes_on_has_an_arrow():
    lines = lives(ROWS, 2024, ALT).axes[0].lines
    assert [(line.get_marker(), list(line.get_xdata()), list(line.get_ydata())) for line in lines] == [
        (">", [2024], [1])
    ]


def test_the_same_data_give_the_same_bytes():
    assert lives(ROWS, 2024, ALT).png() == lives(ROWS, 2024, ALT).png()
    assert lives(ROWS, 2024, ALT).alt == ALT


@pytest.mark.parametrize(
    "rows, now, alt", [([], 2024, ALT), (ROWS, 2024, ""), ([("A", 2017, 2002)], 2024, ALT), (ROWS, 2010, ALT)]
)
def test_what_cannot_be_drawn_is_refused(rows, now, alt):
    with pytest.raises(DataError, match="lives"):
        lives(rows, now, alt)
