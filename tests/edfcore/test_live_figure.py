"""LiveFigure: a figure with sliders, drawn over a kept background; the same pixels as drawing it anew."""

import io

import numpy as np
import pytest
from PIL import Image

from edfcore.errors import DataError
from edfcore.figures import figure
from edfcore.scenes import Setting
from edfcore.widgets import LiveFigure

X = np.linspace(-2, 2, 50)


def make():
    made = figure("A parabola and its tangent")
    ax = made.subplots()
    ax.plot(X, X**2)
    ax.set(xlim=(-2, 2), ylim=(-1, 4))
    (tangent,) = ax.plot([], [], color="#D55E00")
    return made, [tangent]


def change(artists, at):
    artists[0].set_data(X, at**2 + 2 * at * (X - at))
    return f"At {at:.2f} the slope is {2 * at:.2f}."


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.fixture
def live():
    return LiveFigure(make, change, "A tangent", at=(-2.0, 2.0, 0.5))


def test_a_state_restores_the_background_and_draws_the_artists_over_it(live):
    first = live.scene.compute(live.scene.state(at=1.0))
    live.scene.compute(live.scene.state(at=-2.0))
    again = live.scene.compute(live.scene.state(at=1.0))
    assert first["png"] == again["png"], "something of the state in between was left"


def test_it_is_the_picture_that_matplotlib_draws_in_one_go(live):
    made, artists = make()
    change(artists, 1.0)
    whole = pixels(made.png())
    quick = pixels(live.scene.compute(live.scene.state(at=1.0))["png"])
    assert whole.shape == quick.shape
    assert (np.abs(whole - quick).max(axis=2) > 60).mean() < 0.002


def test_its_words_are_those_of_the_author(live):
    live.set(at=0.5)
    assert live.caption == "At 0.50 the slope is 1.00."
    bundle, metadata = live._repr_mimebundle_()
    assert bundle["text/plain"] == "A tangent. At 0.50 the slope is 1.00."
    assert metadata["image/png"]["alt"] == bundle["text/plain"]
    assert live.scene.rows(dict(live.state), live.found())[1] == ["at", "0.5"]
    assert live.mode == "live" and live.first["png"]["type"] == "u1"


def test_the_figure_that_is_left_shows_the_artists(live):
    live.set(at=1.0)
    shown = pixels(live.figure().png())
    assert (np.abs(shown - [0xD5, 0x5E, 0x00]).sum(axis=2) < 60).sum() > 100


@pytest.mark.parametrize(
    "given, kind, default",
    [((0, 10), "number", 5), ((0.0, 1.0, 0.25), "number", 0.5), (["a", "b"], "choice", "a"), (True, "flag", True),
     (Setting("at", "place", 0.5), "number", 0.5)],
)  # fmt: skip
def test_sliders_choices_and_switches(given, kind, default):
    seen = []
    made = LiveFigure(make, lambda artists, at: seen.append(at), at=given)
    (setting,) = made.scene.settings
    assert (setting.kind, setting.default) == (kind, default) and seen[0] == default


@pytest.mark.parametrize(
    "given",
    [(1, 0), 3, [], ("a", "b"), (0, 1, 2, 3), (0, 1, 0), (0, 1, -0.1), (0, 1, np.inf), (0, np.inf), (-np.inf, 0),
     (0, np.nan), (False, True), (1j, 2j)],
)  # fmt: skip
def test_a_slider_that_cannot_be_understood_is_told(given):
    with pytest.raises(DataError, match=r"at.*for a slider"):
        LiveFigure(make, change, at=given)


def test_a_figure_without_artists_is_told():
    with pytest.raises(DataError, match=r"make\(\) gives \(figure, \[artists\]\)"):
        LiveFigure(lambda: figure("x"), change, at=(0.0, 1.0))


def test_numbers_of_numpy_are_numbers():
    made = LiveFigure(make, change, at=(np.float32(-2), np.float64(2), np.float32(0.5)))
    (setting,) = made.scene.settings
    assert [type(v) for v in (setting.low, setting.high, setting.step, setting.default)] == [float] * 4
    (choice,) = LiveFigure(make, change, at=[np.float64(0.5), np.float64(1)]).scene.settings
    assert choice.choices == ((0.5, "0.5"), (1.0, "1.0"))
    assert LiveFigure(make, change, at=(np.int64(0), np.int64(2))).state == {"at": 1}


def test_a_slider_named_title_is_told():
    with pytest.raises(DataError, match="call the slider otherwise"):
        LiveFigure(make, change, title=(0.0, 1.0), at=(0.0, 1.0))


def test_what_change_returns_is_a_sentence_or_the_artists():
    assert LiveFigure(make, lambda artists, at: artists, at=(0.0, 1.0)).caption == ""
    assert LiveFigure(make, lambda artists, at: artists[0], at=(0.0, 1.0)).caption == ""
    with pytest.raises(DataError, match="returned 3; a sentence or None is needed"):
        LiveFigure(make, lambda artists, at: 3, at=(0.0, 1.0))


def test_a_choice_of_numbers_is_text_and_back():
    made = LiveFigure(make, change, at=[0.5, 1.0, 2.0])
    made.set(at=1.0)
    assert made.text == "at=1" and made.scene.state_from(made.text) == {"at": 1.0}


def test_what_is_set_before_it_is_shown_is_what_a_page_without_python_shows(live):
    live.set(at=1.0)
    assert live.first["caption"] == "At 1.00 the slope is 2.00." == live.caption
