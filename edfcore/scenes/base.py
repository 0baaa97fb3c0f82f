"""What a widget shows, without the widget: settings, the arrays that follow from them, and a sentence about these.

A scene is pure: the same settings give the same arrays. The figure draws it, the widget lets a reader change its
settings, and tests call it as a function. Where a browser computes it instead, `js/<name>.js` holds the same formulas,
and a test compares the two.

    scene = Paths()
    state = scene.state(kappa=5, lr=0.1)      # checked; what is not named has its default
    found = scene.compute(state)              # {"path": array (T, 2), ...}
    scene.caption(state, found)               # the one claim, with its numbers
    scene.rows(state, found)                  # the same numbers as a table: a header, then its rows
    scene.state_from("kappa=5&lr=0.1")        # and back: scene.text(state)
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from numbers import Integral, Real
from urllib.parse import parse_qsl, urlencode

from ..errors import DataError

KINDS = ("number", "choice", "flag", "text")


@dataclass(frozen=True)
class Setting:
    """One thing that a reader may change.

    Parameters
    ----------
    name : str, a Python name; the key in a state
    label : str, what a control is called, in words
    default : its value at the start
    kind : "number", "choice", "flag" (True or False) or "text"
    low, high, step : float, of a number; with `log`, step is the factor from one value to the next
    unit : str, said after the number
    log : bool, whether a slider moves by equal factors
    whole : bool, whether only whole numbers are meant
    choices : tuple of (value, words)
    hidden : bool, whether it has no control of its own: the picture itself is dragged, or time moves it
    most : int, of a text, the longest

    >>> Setting("lr", "learning rate", 0.1, low=0.01, high=1).checked(2)
    Traceback (most recent call last):
    edfcore.errors.DataError: learning rate (lr) is 2; it lies between 0.01 and 1.
    """

    name: str
    label: str
    default: object
    kind: str = "number"
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    unit: str = ""
    log: bool = False
    whole: bool = False
    choices: tuple = ()
    hidden: bool = False
    most: int = 40

    def checked(self, value):
        """The value in its type. Raises DataError, a sentence, where it cannot be meant."""
        about = f"{self.label} ({self.name}) is {value!r}"
        if self.kind == "flag":
            if value not in (True, False):
                raise DataError(f"{about}; True or False is needed.")
            return bool(value)
        if self.kind == "choice":
            if value not in [v for v, _ in self.choices]:
                raise DataError(f"{about}; it is one of {', '.join(repr(v) for v, _ in self.choices)}.")
            return value
        if self.kind == "text":
            if not isinstance(value, str) or len(value) > self.most:
                raise DataError(f"{about}; a text of at most {self.most} characters is needed.")
            return value
        if not isinstance(value, Real) or isinstance(value, bool) or value - value != 0:
            raise DataError(f"{about}; a finite number is needed.")
        if not self.low <= value <= self.high:
            raise DataError(f"{about}; it lies between {self.low:g} and {self.high:g}.")
        if self.whole and value != int(value):
            raise DataError(f"{about}; a whole number is needed.")
        return int(value) if self.whole or isinstance(value, Integral) else float(value)

    def read(self, text):
        """The value that a text stands for. Raises DataError."""
        if self.kind == "text":
            return self.checked(text)
        if self.kind == "flag":
            if text not in ("0", "1"):
                raise DataError(f"{self.label} ({self.name}) is {text!r}; 1 (on) or 0 (off) is needed.")
            return text == "1"
        if self.kind == "choice":
            return self.checked(next((v for v, _ in self.choices if written(v) == text), text))
        try:
            number = float(text)
        except ValueError:
            raise DataError(f"{self.label} ({self.name}) is {text!r}; a number is needed.") from None
        return self.checked(int(number) if self.whole and number.is_integer() else number)

    def spec(self):
        """What the browser needs to build the control."""
        names = ("name", "label", "default", "kind", "low", "high", "step", "unit", "log", "whole", "hidden", "most")
        return {n: getattr(self, n) for n in names} | {"choices": [list(c) for c in self.choices]}


class Scene:
    """What all scenes share; a subclass gives `name`, `title`, `settings`, compute, caption and rows.

    Attributes
    ----------
    name : str, of the file js/<name>.js too
    title : str, of the widget, a noun phrase
    settings : tuple of Setting
    frames : str, the setting that time moves, "" where there is none
    """

    name, title, settings, frames = "", "", (), ""
    called = ""  # by what name readers know it: the widget's

    def state(self, **given):
        """The settings as a dict: defaults, and what is given. Raises DataError for a value that cannot be meant."""
        unknown = sorted(given.keys() - {s.name for s in self.settings})
        if unknown:
            raise DataError(
                f"{self.called or type(self).__name__} has no setting {unknown[0]!r}; there are {self._names()}."
            )
        return {s.name: s.checked(given.get(s.name, s.default)) for s in self.settings}

    def state_from(self, text):
        """The state that `text` stands for, as `self.text` writes it. Raises DataError."""
        by_name = {s.name: s for s in self.settings}
        given = {}
        for name, value in parse_qsl(text.strip().lstrip("#"), keep_blank_values=True):
            if name not in by_name:
                raise DataError(
                    f"{self.called or type(self).__name__} has no setting {name!r}; there are {self._names()}."
                )
            given[name] = by_name[name].read(value)
        return self.state(**given)

    def text(self, state):
        """A state as a short text: what differs from the defaults, "kappa=5&lr=0.1"."""
        return urlencode({s.name: written(state[s.name]) for s in self.settings if state[s.name] != s.default})

    def _names(self):
        return ", ".join(s.name for s in self.settings)

    def compute(self, state):
        """dict name -> array, number or text, from a checked state."""
        raise NotImplementedError(f"{type(self).__name__} lacks compute(state).")

    def caption(self, state, found):
        """One or two sentences: the claim, with this state's numbers."""
        raise NotImplementedError(f"{type(self).__name__} lacks caption(state, found).")

    def rows(self, state, found):
        """The numbers beside the picture: a list of rows of texts, the first one the header."""
        raise NotImplementedError(f"{type(self).__name__} lacks rows(state, found).")


def written(value):
    """A value in a state's text, as the browser's `written` writes it: the shortest text that gives it back.

    >>> [written(v) for v in (True, 1234567.0, 1e-7, 0.00001, "a")]
    ['1', '1234567', '1e-7', '0.00001', 'a']
    """
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, Real):  # half a surrogate pair, which no encoding has, becomes U+FFFD in the browser too
        return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return _digits(Decimal(repr(float(value))), 17, -6, 21)


def short(x, digits=3):
    """A number to so many significant digits, as the browser's `short` writes it.

    >>> [short(x) for x in (0.0, 1.0, 0.123456, 1234567.0, 1.5e-7, -2.0, float("inf"), float("nan"))]
    ['0', '1', '0.123', '1.23e+6', '1.5e-7', '-2', 'infinity', 'undefined']
    """
    if math.isnan(x):
        return "undefined"
    if math.isinf(x):
        return "infinity" if x > 0 else "-infinity"
    if x == 0:
        return "0"
    return _digits(x, digits, -5, 6)


def _digits(x, digits, low, high):
    """A number to so many digits, with a power of ten unless low <= power < high."""
    rounded = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(x)  # as toExponential of the browser
    power = rounded.adjusted()
    if low <= power < high:
        text = f"{rounded:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = f"{rounded.scaleb(-power):f}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{power:+d}"
