"""A scene in a reader's hands: an anywidget whose module holds js/ui.js and js/<scene>.js, with the figure as fallback.

    browser    the module computes what it shows; no Python is asked
    table      it looks up what Python has computed beforehand, once
    live       Python computes each state, the reader's own function among it

In the first two, a page works without a kernel. Everywhere a widget also carries a picture and its caption as text, for
GitHub's previews, consoles and whoever cannot run it.
"""

import json
import math
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import DataError, EdfError, MissingExtra

try:
    import anywidget
    import rjsmin
    import traitlets as t
except ImportError as error:
    raise MissingExtra("edfcore.widgets", "anywidget", "course") from error

FOLDER = Path(__file__).parent / "js"


@cache
def source(name):
    """js/<name>.js without comments and white space that it can do without."""
    return rjsmin.jsmin((FOLDER / f"{name}.js").read_text(encoding="utf-8")) + "\n"


def module(name):
    """The ECMAScript of a widget: ui.js and then its own file, one module."""
    return source("ui") + source(name)


def styles():
    """The style sheet of all widgets."""
    return (FOLDER / "ui.css").read_text(encoding="utf-8")


def packed(value):
    """What the browser can read: arrays and bytes become {"shape", "type", "data"}, all else is passed through."""
    if isinstance(value, dict) and isinstance(value.get("data"), bytes):
        return value  # packed already
    if isinstance(value, dict):
        return {str(k): packed(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [packed(v) for v in value]
    if isinstance(value, bytes):
        return {"shape": [len(value)], "type": "u1", "data": value}
    if isinstance(value, np.ndarray):
        kind = "f4" if value.dtype == np.float32 else "f8"
        data = np.ascontiguousarray(value, dtype=f"<{kind}")
        return {"shape": list(value.shape), "type": kind, "data": data.tobytes()}
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):  # JSON has no such numbers
        return {"number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    return value


def _apart(value, buffers):
    """A packed value whose bytes went to `buffers`, for a message."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), bytes):
            buffers.append(value["data"])
            return {k: v for k, v in value.items() if k != "data"} | {"buffer": len(buffers) - 1}
        return {k: _apart(v, buffers) for k, v in value.items()}
    return [_apart(v, buffers) for v in value] if isinstance(value, list) else value


def as_function(widget, mine, what):
    """`mine` itself, None or a function. Raises DataError, which names the widget and what is needed."""
    if mine is not None and not callable(mine):
        raise DataError(f"{widget}: mine is {mine!r}; {what} is needed.")
    return mine


class Widget(anywidget.AnyWidget):
    """What all widgets share.

    A subclass gives `scene`, `python` (how a reader writes it), `draw`, and a `mode` other than "browser", and calls
    super().__init__ with what the reader passed.

    Parameters
    ----------
    given : settings of the scene by name, such as kappa=5
    hide : names of settings that get no control, and "player"

    Raises
    ------
    DataError : there is no such setting, or its value cannot be meant.
    """

    scene = None
    python = ""
    settings = t.List().tag(sync=True)
    state = t.Dict().tag(sync=True)
    title = t.Unicode().tag(sync=True)
    call = t.Unicode().tag(sync=True)
    mode = t.Unicode("browser").tag(sync=True)
    frames = t.Unicode().tag(sync=True)
    hide = t.List().tag(sync=True)
    live = t.Bool(False).tag(sync=True)
    data = t.Dict().tag(sync=True)
    first = t.Dict().tag(sync=True)

    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        if vars(cls).get("scene"):
            cls.scene.called = cls.__name__

    def __init__(self, hide=(), data=None, mode=None, **given):
        scene, hide = self.scene, [hide] if isinstance(hide, str) else list(hide)
        state = scene.state(**given)
        known = [s.name for s in scene.settings] + ["player"]
        if unknown := [name for name in hide if name not in known]:
            raise DataError(f"{type(self).__name__}: hide holds {unknown[0]!r}; there are {', '.join(known)}.")
        super().__init__(
            settings=[s.spec() for s in scene.settings], state=state, title=scene.title, call=self.python,
            frames=scene.frames, hide=hide, data=packed(data or {}), mode=mode or type(self).mode.default_value,
        )  # fmt: skip
        self.live = self.overlay(state) is not None
        self._first()
        self.on_msg(self._answer)

    def _first(self):
        """What a new view shows before Python has answered it, and a page without Python for good."""
        if self.mode == "live" or self.live:
            self.first = packed(self._reply(dict(self.state)))

    @t.validate("state")
    def _meant(self, proposal):
        """The browser's state as Python takes it; one that cannot be meant is refused, and the old one stays."""
        try:
            return self.scene.state(**proposal["value"])
        except (EdfError, TypeError) as error:
            raise t.TraitError(str(error)) from error

    @classmethod
    def module_name(cls):
        """The name of its file in js/, and of the Python module that holds the class."""
        return cls.__module__.rpartition(".")[2]

    @classmethod
    def from_state(cls, text, **more):
        """The widget in the state that `text` stands for, as its own State field shows it. Raises DataError."""
        return cls(**cls.scene.state_from(text), **more)

    @property
    def text(self):
        """The state as a short text; `from_state` reads it."""
        return self.scene.text(self.state)

    def set(self, **given):
        """Change settings; the others stay. Raises DataError."""
        self.state = self.scene.state(**{**self.state, **given})
        self._first()
        return self

    def found(self):
        """The arrays of the present state."""
        return self.scene.compute(dict(self.state))

    @property
    def caption(self):
        """The sentence under the picture."""
        return self.scene.caption(dict(self.state), self.found())

    def figure(self):
        """The present state as a Figure."""
        state = dict(self.state)
        return type(self).draw(state, self.scene.compute(state))

    @staticmethod
    def draw(state, found):
        """The Figure of a state and its arrays."""
        raise NotImplementedError("a widget draws a state as a figure, for where no browser runs it")

    def overlay(self, state):
        """{"mine": ...}, what the reader's own function gives; None where there is none."""
        return None

    # Messages

    def _reply(self, state):
        """What is sent for a state: all arrays with caption and rows in live mode, else the reader's own alone."""
        mine = self.overlay(state) or {}
        if self.mode != "live":
            return mine
        found = self.scene.compute(state)
        return found | mine | {"caption": self.scene.caption(state, found), "rows": self.scene.rows(state, found)}

    def _answer(self, _, content, buffers):
        """Answer a view, whatever happens: it waits for the reply, which carries the view's own name."""
        if "sequence" not in content:
            return
        reply = {name: content[name] for name in ("sequence", "view") if name in content}
        found, parts = {}, []
        try:
            found, parts = self._found(content.get("state"))
        except EdfError as error:
            found = {"error": str(error)}
        except Exception as error:  # the reader's own function may raise anything
            found = {"error": f"Your function raised {type(error).__name__}: {error}"}
        except BaseException as error:
            found = {"error": f"{type(error).__name__} ended the computation."}
            raise
        finally:
            self.send(reply | found, parts)

    def _found(self, asked):
        """({"found": what is shown in a state}, its bytes), as a message holds them."""
        if not isinstance(asked, dict):
            raise DataError(f"{type(self).__name__}: the browser's message holds no state.")
        parts, given = [], self._reply(self.scene.state(**asked))
        found = _apart(packed(given), parts)
        try:
            json.dumps(found, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"{type(self).__name__}: what was computed cannot be sent: {error}.") from error
        return {"found": found}, parts

    # Where no browser runs it

    def _repr_mimebundle_(self, **options):
        import base64

        shown = super()._repr_mimebundle_(**options)
        bundle, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        figure = self.figure()
        told = f"{self.title}. {self.caption}"
        bundle = bundle | {"image/png": base64.b64encode(figure.png()).decode(), "text/plain": told}
        return bundle, metadata | {"image/png": {"alt": figure.alt}}
