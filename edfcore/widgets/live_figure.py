"""A matplotlib figure with sliders, for authors who write Python only.

    def make():
        made = figures.figure("A parabola and its tangent")
        ax = made.subplots()
        ax.plot(x, x**2)
        (tangent,) = ax.plot([], [])
        return made, [tangent]

    def change(artists, at):
        artists[0].set_data(x, at**2 + 2 * at * (x - at))
        return f"At {at:.2f} the slope is {2 * at:.2f}."

    LiveFigure(make, change, at=(-2.0, 2.0, 0.1))

The figure is drawn once without the artists that change; a state restores that picture and draws only these over it
("blitting": 0.3 ms instead of 130 ms; encoding the PNG takes 8 ms more).
"""

import io
import math
from numbers import Real

import numpy as np

from ..errors import DataError
from ..scenes.base import Scene, Setting
from .base import Widget, module, styles


class _Drawn(Scene):
    """The scene of one LiveFigure: its settings are the sliders."""

    name, title = "live_figure", "Live figure"

    def __init__(self, title, settings, picture):
        self.title, self.settings, self._picture = title, settings, picture

    def compute(self, state):
        png, told, width = self._picture(state)
        return {"png": png, "alt": f"{self.title}. {told}", "told": told, "width": width}

    def caption(self, state, found):
        return found["told"]

    def rows(self, state, found):
        return [["setting", "value"], *([s.label, f"{state[s.name]}"] for s in self.settings)]


def _setting(name, given):
    """A Setting from (low, high), (low, high, step), a list of choices, True or False, or a Setting itself."""
    if isinstance(given, Setting):
        return given
    label = name.replace("_", " ")
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, list | tuple):  # numbers of NumPy are no JSON
        given = type(given)(v.item() if isinstance(v, np.generic) else v for v in given)
    if isinstance(given, bool):
        return Setting(name, label, given, "flag")
    if isinstance(given, list) and given:
        return Setting(name, label, given[0], "choice", choices=tuple((v, str(v)) for v in given))
    if isinstance(given, tuple) and len(given) in (2, 3) and all(_finite(v) for v in given) and given[0] < given[1]:
        return _slider(name, label, *given)
    raise DataError(
        f"LiveFigure: {name}={given!r}; give (low, high) or (low, high, step) for a slider, with finite numbers and a "
        "step above 0, a list for a choice, or True or False for a switch."
    )


def _finite(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _slider(name, label, low, high, step=None):
    """The Setting of a number; without a step, 1 between whole numbers, else a power of ten."""
    whole = all(isinstance(v, int) for v in (low, high, step) if v is not None)
    if step is None:
        step = 1 if whole else 10 ** math.floor(math.log10((high - low) / 50))
    if step <= 0:
        raise DataError(f"LiveFigure: the step of {name} is {step}; a step above 0 is needed for a slider.")
    middle = low + round((high - low) / 2 / step) * step
    return Setting(name, label, middle, low=low, high=high, step=step, whole=whole)


def _said(told):
    """The sentence that `change` returned; None and artists, which matplotlib's animations return, are none."""
    from matplotlib.artist import Artist

    artists = told if isinstance(told, list | tuple) else [told]
    if told is None or all(isinstance(one, Artist) for one in artists):
        return ""
    if isinstance(told, str):
        return told
    raise DataError(f"LiveFigure: change() returned {told!r}; a sentence or None is needed.")


class LiveFigure(Widget):
    """A figure whose artists follow sliders; see the module's example.

    Parameters
    ----------
    make : function without arguments -> (Figure, list of artists that change)
    change : function (artists, **values) -> sentence under the picture, or None; sets the artists' data
    title : str
    sliders : name=(low, high), (low, high, step), a list of choices, True or False, or a scenes.Setting

    Raises
    ------
    DataError : a slider that cannot be understood, or make gives no figure with artists.
    """

    python = "LiveFigure"
    _esm, _css = module("live_figure"), styles()

    def __init__(self, make, change, title="Live figure", **sliders):
        from ..figures import Figure

        if not isinstance(title, str):
            raise DataError(f"LiveFigure: title={title!r}; it is the title, a text: call the slider otherwise.")
        self._change = change
        made = make()
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Figure)):
            raise DataError("LiveFigure: make() gives (figure, [artists]); figures.figure(alt) makes such a figure.")
        self._figure, self._artists = made[0], list(made[1])
        for artist in self._artists:
            artist.set_animated(True)
        self._background = None
        self.scene = _Drawn(title, tuple(_setting(n, v) for n, v in sliders.items()), self._picture)
        super().__init__(mode="live")

    @classmethod
    def from_state(cls, text, **more):
        """Not here: a state has no drawing in it. Raises DataError, which says what to do."""
        raise DataError("LiveFigure: make it with make and change, and then call .set(...) with the state's values.")

    def _picture(self, state):
        """(PNG bytes, sentence, width in pixels) of a state."""
        from PIL import Image

        told = _said(self._change(self._artists, **state))
        canvas = self._figure.canvas
        if self._background is None:
            self._figure.set_dpi(110)
            canvas.draw()
            self._figure.set_layout_engine("none")
            self._background = canvas.copy_from_bbox(self._figure.bbox)
        canvas.restore_region(self._background)
        for artist in self._artists:
            artist.axes.draw_artist(artist)
        pixels = np.asarray(canvas.buffer_rgba())
        out = io.BytesIO()
        Image.fromarray(pixels).convert("RGB").save(out, "PNG", compress_level=1)
        return out.getvalue(), told, pixels.shape[1]

    def figure(self):
        """The figure in its present state."""
        _, told, _ = self._picture(dict(self.state))
        self._figure.alt = f"{self.title}. {told}"
        return self._figure  # matplotlib draws animated artists too where it saves a figure
