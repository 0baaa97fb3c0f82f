"""The figures of lecture 02."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from edfcore.errors import DataError, ShapeError
from edfcore.figures.matrices import blocks, layer

W = np.array([[1.0, -2.0], [3.0, 4.0], [-5.0, -6.0]])
TERMS = [("W", (3, 7)), ("X", (7, 10)), "+", ("b", (3, 1), (3, 10)), "=", ("Y", (3, 10))]
ALT = "A product of two matrices, and a column that is repeated."


def rectangles(found):
    return [patch for patch in found.axes[0].patches if isinstance(patch, Rectangle)]


def test_a_layer_has_a_line_for_each_weight_and_a_dash_for_each_negative_one():
    lines = [line for line in layer(W).axes[0].lines if len(line.get_xdata()) == 2]
    assert len(lines) == W.size
    assert sum(line.get_linestyle() == "--" for line in lines) == (W < 0).sum()


def test_the_lines_of_the_chosen_output_stand_out_and_end_in_it():
    ax = layer(W, chosen=2).axes[0]
    thick = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() > 1]
    end = {text.get_text(): text.xy for text in ax.texts}["logit[2]"]
    assert len(thick) == W.shape[1] and all(line.get_ydata()[1] == end[1] for line in thick)


def test_blocks_are_drawn_in_the_sizes_of_their_shapes():
    sizes = [(p.get_height(), p.get_width()) for p in rectangles(blocks(TERMS, ALT)) if not p.get_hatch()]
    assert sizes == [(3, 7), (7, 10), (3, 1), (3, 10)]


def test_what_broadcasting_repeats_is_hatched():
    hatched = [p for p in rectangles(blocks(TERMS, ALT)) if p.get_hatch()]
    assert [(p.get_height(), p.get_width()) for p in hatched] == [(3, 10)]


@pytest.mark.parametrize("make", [lambda: layer(W, chosen=1), lambda: blocks(TERMS, ALT)])
def test_the_same_data_give_the_same_bytes_and_every_figure_says_what_it_shows(make):
    assert make().png() == make().png()
    assert len(make().alt) > 40 and make().alt.endswith(".")


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ShapeError, match="a matrix"):
        layer(np.zeros(3))
    with pytest.raises(DataError, match="no output 3"):
        layer(W, chosen=3)
    with pytest.raises(ShapeError, match="rows and columns"):
        blocks([("b", (3,))], ALT)
    with pytest.raises(ShapeError, match="not repeated"):
        blocks([("b", (2, 1), (3, 10))], ALT)
