"""The general figures of lectures: what they refuse, and that what they draw is what was given."""

import numpy as np
import pytest

from edfcore import figures
from edfcore.errors import DataError, ShapeError

ALT = "What the figure shows and the one thing to see in it."


@pytest.mark.parametrize(
    "draw",
    [
        lambda alt: figures.lines({"a": [1, 2]}, "x", "y", alt=alt),
        lambda alt: figures.panels([{"series": {"a": [1, 2]}, "xlabel": "x", "ylabel": "y"}], alt=alt),
        lambda alt: figures.bars({"a": 1}, "y", alt=alt),
        lambda alt: figures.histograms({"a": [1.0, 2.0]}, "x", alt=alt),
        lambda alt: figures.contours(lambda x, y: x + y, (0, 1), (0, 1), alt=alt),
        lambda alt: figures.scatter({"a": ([1], [2])}, "x", "y", alt=alt),
        lambda alt: figures.images([np.ones((2, 2))], ["a"], alt=alt),
    ],
)
def test_a_figure_without_words_is_refused(draw):
    assert draw(ALT).alt == ALT
    with pytest.raises(DataError, match="in a sentence"):
        draw("a plot")


def test_several_seeds_are_a_median_and_their_range():
    runs = np.array([[1.0, 5.0], [2.0, 6.0], [9.0, 7.0]])
    ax = figures.lines({"a": runs, "b": ([3, 4], [0, 1])}, "step", "loss (nats)", alt=ALT).axes[0]
    first, second = ax.lines[:2]
    assert first.get_ydata().tolist() == [2, 6] and second.get_xdata().tolist() == [3, 4]
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 1 and band[:, 1].max() == 9 and len(ax.collections) == 1


def test_bars_stand_at_the_median_and_every_seed_is_a_dot():
    ax = figures.bars({"a": [1.0, 2.0, 9.0], "b": 4}, "y", alt=ALT).axes[0]
    assert [bar.get_height() for bar in ax.patches] == [2, 4]
    assert sorted(ax.lines[0].get_ydata()) == [1, 2, 9] and len(ax.lines) == 1


def test_a_histogram_has_area_one_and_tells_its_standard_deviation():
    values = np.random.default_rng(0).normal(size=1000)
    ax = figures.histograms({"a": values}, "x", alt=ALT).axes[0]
    assert sum(p.get_width() * p.get_height() for p in ax.patches) == pytest.approx(1)
    assert ax.texts[0].get_text() == f"std {values.std():.2g}"


def test_what_lies_beyond_the_spread_is_counted_at_the_edge():
    ax = figures.histograms({"a": [-9.0, 0.0, 9.0, 9.0]}, "x", alt=ALT, spread=1.0, bins=4).axes[0]
    assert [round(p.get_height() * p.get_width() * 4) for p in ax.patches] == [1, 0, 1, 2]


def test_paths_begin_in_a_ring():
    path = [(1.0, 0.5), (0.0, 0.0)]
    ax = figures.contours(lambda x, y: x**2 + y**2, (-1, 1), (-1, 1), alt=ALT, paths={"GD": path}).axes[0]
    assert ax.lines[0].get_xydata().tolist() == [list(p) for p in path]
    assert ax.lines[1].get_xydata().tolist() == [[1.0, 0.5]]


def test_wrong_input_is_told_in_a_sentence():
    with pytest.raises(ShapeError, match="one x for each y"):
        figures.lines({"a": ([1, 2, 3], [1, 2])}, "x", "y", alt=ALT)
    with pytest.raises(DataError, match="7 series are more than can be told apart"):
        figures.lines({str(k): [k] for k in range(7)}, "x", "y", alt=ALT)
    with pytest.raises(DataError, match="nothing to draw"):
        figures.bars({}, "y", alt=ALT)
    with pytest.raises(DataError, match="nothing to draw"):
        figures.histograms({"a": []}, "x", alt=ALT)
    with pytest.raises(DataError, match="not finite"):
        figures.histograms({"a": [np.nan]}, "x", alt=ALT)
    with pytest.raises(ShapeError, match="as many titles"):
        figures.images([np.ones((2, 2))], [], alt=ALT)
    with pytest.raises(ShapeError, match=r"\(H, W\) or \(H, W, 3\)"):
        figures.images([np.ones(4)], ["a"], alt=ALT)
    with pytest.raises(ShapeError, match="3 cells and the head 2"):
        figures.table([["a", 1, 2]], ["name", "value"])
    with pytest.raises(ShapeError, match="x of shape"):
        figures.scatter({"a": ([1, 2], [1])}, "x", "y", alt=ALT)


def test_a_table_names_its_rows_and_is_text_in_a_console():
    made = figures.table([["a <b>", 1234, 0.123456], ["c", True, np.float32(2)]], ["name", "n", "loss"], caption="Two")
    html = made._repr_mimebundle_()["text/html"]
    assert '<th scope="row">a &lt;b&gt;</th><td>1,234</td><td>0.1235</td>' in html and "<caption>Two</caption>" in html
    assert '<th scope="col">loss</th>' in html
    assert repr(made).splitlines() == ["Two", "name       n    loss", "a <b>  1,234  0.1235", "c        yes       2"]
