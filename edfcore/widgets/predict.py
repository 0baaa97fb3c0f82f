"""Predict before you run: a question that locks its answer, and the cell that compares it with what happened."""

import math
from html import escape

from ..errors import DataError, MissingExtra
from ..teach import predictions

try:
    import ipywidgets as w
except ImportError as error:
    raise MissingExtra("edfcore.widgets", "ipywidgets", "course") from error


class Question(w.VBox):
    """A box of controls that shows its question as text where widgets do not run."""

    def __init__(self, told, controls):
        super().__init__(controls)
        self.told = told

    def _repr_mimebundle_(self, **options):
        return super()._repr_mimebundle_(**options) | {"text/plain": self.told}


def predict(key, question, choices=None, unit=None):
    """Ask for a prediction, with a reason. Once locked it stays; `reveal(key, ...)` compares it.

    Parameters
    ----------
    key : str, the lecture and number of the question, e.g. "01.2"
    question : str, one sentence
    choices : dict from letter to text; without it a number is asked for
    unit : str, the unit of the number

    Returns
    -------
    Question: radio buttons or a number field, a line for the reason, and a button; all native controls,
    reachable with Tab, arrows and Space
    """
    told = f"Prediction {key}. {question}" + "".join(f"\n  {k}: {v}" for k, v in (choices or {}).items())
    wide = w.Layout(width="auto", max_width="44em")
    title = w.HTML(f"<p><b>Prediction {escape(key)}.</b> {escape(question)}</p>")
    given = predictions.recall(key)
    if given:
        return Question(told, [title, w.HTML(_told(given, choices, unit))])
    if choices:
        options = [(f"{letter}: {text}", letter) for letter, text in choices.items()]
        answer = w.RadioButtons(options=options, value=None, description="Answer", layout=wide)
    else:
        hint = f"a number ({unit})" if unit else "a number"
        answer = w.Text(placeholder=hint, description="Answer", layout=wide, continuous_update=False)
    # Sent when the field is left: key by key, a busy kernel would get the click before the last letters.
    reason = w.Text(placeholder="because ...", description="Reason", layout=wide, continuous_update=False)
    button = w.Button(description="Lock prediction", tooltip="Lock this prediction; it cannot be changed afterwards")
    status = w.HTML()
    box = Question(told, [title, answer, reason, button, status])

    def on_click(_):
        try:
            value = answer.value if choices else _number(answer.value)
            status.value = _told(predictions.lock(key, value, reason.value), choices, unit)
        except (DataError, OSError) as error:
            status.value = f"<p>{escape(str(error))}</p>"
            return
        for control in (answer, reason, button):
            control.disabled = True

    button.on_click(on_click)
    return box


def reveal(key, answer, because):
    """Compare the locked prediction with what happened, and explain.

    Parameters
    ----------
    key : str, as in `predict`
    answer : the letter of the right choice, or the measured number
    because : str, the explanation

    Returns
    -------
    Markdown to display; without a prediction it says so and explains all the same
    """
    from IPython.display import Markdown

    given = predictions.recall(key)
    shown = answer if isinstance(answer, str) else _told_number(answer)
    if not given:
        start = f"No prediction {key} is locked. What happens: **{shown}**."
    elif isinstance(answer, str):
        verdict = "as it happened" if given["answer"] == answer else "it happened otherwise"
        start = f"You predicted **{given['answer']}**; the answer is **{shown}**: {verdict}."
    else:
        start = f"You predicted **{_told_number(given['answer'])}**; measured: **{shown}**."
    return Markdown(f"{start} {because}")


def _told_number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _number(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{text!r} is not a number; write it like 0.02 or 2e-2.")
    return value


def _told(given, choices, unit):
    answer = given["answer"]
    text = f"{answer}: {choices[answer]}" if choices and answer in choices else f"{answer} {unit or ''}".strip()
    reason = f" Reason: {escape(given['reason'])}" if given["reason"] else ""
    return f"<p>Locked: <b>{escape(text)}</b>.{reason} Run on to see what happens.</p>"
