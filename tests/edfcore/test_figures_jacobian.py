"""The figure of lecture 03."""

import numpy as np
import pytest

from edfcore.errors import DataError, ShapeError
from edfcore.figures.jacobian import jacobian_blocks

ALT = "A matrix of two blocks; everything outside the blocks is zero."


def drawn(matrix=None, rows=("a", "b"), columns=("c", "d", "e", "f"), alt=ALT):
    matrix = np.kron(np.eye(2), [[1.0, -2.0]]) if matrix is None else matrix
    return jacobian_blocks([matrix, matrix], ["one", "two"], list(rows), [list(columns)] * 2, 1, [2, 1], alt=alt)


def test_zero_is_white_and_signs_have_opposite_colours():
    shown = drawn().axes[0].images[0]
    colours = shown.cmap(shown.norm(shown.get_array()))
    assert (colours[0, 2, :3] > 0.95).all()
    assert colours[0, 0, 0] > colours[0, 0, 2]  # above zero: orange
    assert colours[0, 1, 2] > colours[0, 1, 0]  # below zero: purple


def test_thick_lines_separate_the_blocks_of_each_matrix():
    thick = [[line for line in ax.lines if line.get_linewidth() > 1] for ax in drawn().axes]
    assert [len(lines) for lines in thick] == [1 + 1, 1 + 3]  # rows: 1; columns: after 2, and after each


def test_the_same_data_give_the_same_bytes_and_names_are_read():
    assert drawn().png() == drawn().png()
    assert [t.get_text() for t in drawn().axes[0].get_xticklabels()] == ["c", "d", "e", "f"]
    assert drawn().alt == ALT


@pytest.mark.parametrize("given", [{"rows": ["a"]}, {"columns": ["c"]}, {"matrix": np.zeros(4)}])
def test_names_that_do_not_fit_are_refused(given):
    with pytest.raises(ShapeError):
        drawn(**given)


def test_alternative_text_is_required():
    with pytest.raises(DataError):
        drawn(alt="")
