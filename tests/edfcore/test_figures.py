"""Figures are pure: the same data give the same picture, with axes labelled and a text for those who do not see it."""

import re
import subprocess
import sys

import numpy as np
import pytest

import edfcore as edf
from edfcore import figures
from edfcore.figures.examples import EXAMPLES

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3))
DIGITS = RNG.random((6, 49))
SIZES = np.array([1, 8, 64])
DRAWN = {name: make for name, make in EXAMPLES.items() if "." not in name}  # parallel's have tests of their own
FRAMELESS = ("digits", "digits, read", "signed_images", "images")


@pytest.fixture(params=DRAWN, scope="module")
def drawn(request):
    return request.param, DRAWN[request.param]()


def test_every_exported_figure_is_drawn_here():
    makers = {name for name in figures.__all__ if callable(getattr(figures, name)) and name.islower()}
    assert makers - {"figure", "microscope", "table"} == {name.split(",")[0] for name in DRAWN}


def test_the_same_data_give_the_same_bytes(drawn):
    name, found = drawn
    first = found.png()
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert found.png() == first == DRAWN[name]().png()


def test_every_figure_says_what_it_shows(drawn):
    _, found = drawn
    assert len(found.alt) > 40 and found.alt.endswith(".")
    assert found._repr_mimebundle_()["text/plain"] == f"[figure] {found.alt}"
    assert f'alt="{found.alt.split(chr(34))[0]}' in found._repr_mimebundle_()["text/html"]


def test_every_plotted_axis_is_labelled(drawn):
    name, found = drawn
    plotted = [ax for ax in found.axes if ax.axison and ax.get_label() != "<colorbar>"]
    assert plotted or name in FRAMELESS
    for ax in plotted:
        named = [ax.get_xlabel(), ax.get_ylabel()]
        if name.startswith("bars"):  # the other axis names its bars
            assert any(named) and all(label.get_text() for label in ax.get_xticklabels() + ax.get_yticklabels())
        elif name == "histograms":  # shared: below all of them, and beside each row
            assert found.get_supxlabel() and [bool(ax.get_ylabel()) for ax in plotted] == [True, False] * 2
        else:
            assert all(named), name


def test_curves_differ_in_more_than_colour(drawn):
    _, found = drawn
    for ax in found.axes:
        named = [line for line in ax.lines if not line.get_label().startswith("_")]
        cues = {(str(line.get_linestyle()), str(line.get_marker())) for line in named}
        assert len(cues) == len(named)


def test_labels_carry_units():
    both = figures.training([0.3], [0.4], [0.05])
    assert [ax.get_ylabel() for ax in both.axes] == ["loss (nats)", "test error (percent)"]
    assert DRAWN["time_per_example"]().axes[0].get_ylabel() == "time per example (microseconds)"
    assert DRAWN["time_per_example"]().axes[0].get_xlabel() == "batch size B (examples)"


def test_the_figures_never_load_pyplot():
    code = (
        "import sys, numpy as np; from edfcore import figures; eye = np.eye(2); "
        "figures.microscope_figure(eye, eye, 0, 0).png(); figures.digits(eye[:, [0] * 4], [0, 1]).png(); "
        "figures.training([1], [1], [1]).png(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("b", range(5))
@pytest.mark.parametrize("j", range(3))
def test_microscope_agrees_with_the_loops(b, j):
    seen = figures.microscope(X, W, b, j)
    y = sum(X[b, i] * W[i, j] for i in range(4))
    assert seen["y"] == pytest.approx(y, rel=1e-14)
    np.testing.assert_array_equal(seen["terms"], [X[b, i] * W[i, j] for i in range(4)])


def test_the_code_that_the_microscope_shows_gives_the_entry_that_it_shows():
    seen = figures.microscope(X, W, 3, 2)
    names = {"np": np, "x": X, "W": W, "y": np.zeros((5, 3)), "range": range}
    assert eval(seen["einsum"], names) == pytest.approx(seen["y"], rel=1e-14)
    exec(seen["loop"], names)
    assert names["y"][3, 2] == pytest.approx(seen["y"], rel=1e-14)
    assert np.count_nonzero(names["y"]) == 1


def test_the_backward_lines_of_all_entries_together_are_the_vjp_of_vdot():
    upstream = RNG.normal(size=(5, 3))
    x_grad, W_grad = np.zeros_like(X), np.zeros_like(W)
    for b, j in np.ndindex(5, 3):
        seen = figures.microscope(X, W, b, j)
        x_grad[b] += upstream[b, j] * seen["y_to_x"]
        W_grad[:, j] += upstream[b, j] * seen["y_to_W"]
    with edf.Graph() as graph:
        x, matrix = edf.Input("x", grad=True), edf.Param(W, "W")
        y = edf.VDot(x, matrix)
        x.set(X)
        graph.Forward()
        graph.Backward(y, seed=upstream)
    np.testing.assert_allclose(x_grad, x.grad, rtol=1e-13)
    np.testing.assert_allclose(W_grad, matrix.grad, rtol=1e-13)


def test_the_equation_shows_every_factor_and_parentheses_around_negative_ones():
    seen = figures.microscope([[2, -1, 0]], [[3], [4], [-5]], 0, 0)
    assert seen["equation"] == "y[0,0] = 2*3 + (-1)*4 + 0*(-5) = 2"
    assert seen["equation"].count("*") == len(seen["terms"])


def test_the_microscope_figure_marks_one_row_one_column_and_one_entry():
    found = DRAWN["microscope_figure"]()
    bold = [sum(text.get_weight() == "bold" for text in ax.texts) for ax in found.axes]
    assert bold == [4, 4, 1]


def test_the_microscope_changes_nothing_and_shares_nothing():
    before = X.copy()
    seen = figures.microscope(X, W, 1, 1)
    seen["x_row"][:] = 0
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("b, j", [(5, 0), (0, 3), (-1, 0)])
def test_an_entry_that_is_not_there_is_told(b, j):
    with pytest.raises(edf.DataError, match=re.escape(f"y has shape (5, 3); it has no entry y[{b},{j}]")):
        figures.microscope(X, W, b, j)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(edf.ShapeError, match="i must be the same"):
        figures.microscope(X, W.T, 0, 0)
    with pytest.raises(edf.ShapeError, match="as many labels"):
        figures.digits(DIGITS, range(5))
    with pytest.raises(edf.ShapeError, match="not \\(N, side \\* side\\)"):
        figures.digits(DIGITS[:, :48], range(6))
    with pytest.raises(edf.ShapeError, match="as many titles, not 2"):
        figures.signed_images(DIGITS, ["a", "b"])
    with pytest.raises(edf.ShapeError, match="lengths \\[2, 2, 1\\]"):
        figures.training([1, 1], [1, 1], [1])


def test_digits_tells_what_was_read_and_what_was_meant():
    found = figures.digits(DIGITS[:2], [7, 9], [1, 9])
    assert [ax.get_title() for ax in found.axes] == ["read 1, is 7", "read 9, is 9"]
    assert "read 1, is 7; read 9, is 9" in found.alt


def test_signed_images_share_one_scale_symmetric_about_zero():
    found = figures.signed_images(np.array([[-3.0, 0, 0, 1], [0, 0, 0, 0.5]]), ["a", "b"])
    limits = {image.get_clim() for ax in found.axes for image in ax.images if ax.get_title()}
    assert limits == {(-3.0, 3.0)}


def test_signed_images_name_the_quantity_and_every_picture():
    found = figures.signed_images(DIGITS[:2] - 0.5, ["b = 0", "average of 64"], "gradient with respect to W1[i,3]")
    assert found.alt.startswith("2 pictures of the gradient with respect to W1[i,3], on one scale from ")
    assert found.alt.endswith(": b = 0; average of 64.")


def test_the_batch_size_figure_draws_the_trade_off_it_is_given():
    found = DRAWN["batch_size"]()
    line = next(line for line in found.axes[0].lines if "min" in line.get_label() and "B\\," in line.get_label())
    np.testing.assert_allclose(line.get_ydata(), (500 + SIZES * 9) / 1000)


def test_the_noise_figure_draws_the_noise_scale_where_the_lines_cross():
    found = DRAWN["gradient_noise"]()
    (ax,) = found.axes
    upright = next(line for line in ax.lines if line.get_label() == "simple noise scale, B = 40")
    scale = upright.get_xdata()[0]
    assert scale == pytest.approx(4.0 / 0.1) and 4.0 / scale == pytest.approx(0.1)
    assert found.alt.endswith("at the simple noise scale B = 40.")
