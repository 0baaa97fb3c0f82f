"""Checks that teach: what passes, what does not, and what the message says and keeps to itself."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import edfcore as edf
from edfcore.teach import Checks, Slip, Wrong, compare, predictions, sentence
from edfcore.teach.checks import decode, encode, recording
from edfcore.widgets import predict, reveal

W = np.array([[0.5, -1.25, 3.0], [2.0, 0.125, -0.75]])


def told(got, expected, **options):
    """The error of a comparison that must fail."""
    with pytest.raises(Wrong) as caught:
        compare("W.grad", got, expected, **options)
    return caught.value


# Right answers


@pytest.mark.parametrize(
    "got, expected",
    [
        (W.tolist(), W),
        (tuple(map(tuple, W)), W),
        (W.astype("float32"), W),
        (W * (1 + 1e-9), W),
        (np.asfortranarray(W), W),
        (W[::-1][::-1], W),
        (np.ma.array(W), W),
        (3, 3.0),
        (np.float32(0.1), 0.1),
        (np.array(2.0), 2.0),
        (1e-11, 0.0),
        (1e8 + 5.0, 1e8),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        ([1.0, W], (1.0, W)),
        ((1.0, W), [1.0, W]),
        ({"a": 1, "b": W}, {"b": W, "a": 1}),
        ("yes", "yes"),
        (None, None),
        ([np.nan, np.inf], np.array([np.nan, np.inf])),
        ([True, False], np.array([True, False])),
        (np.zeros((0, 3)), np.zeros((0, 3))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_right_answer_passes_in_any_plain_form(got, expected):
    compare("W.grad", got, expected)


# From the outside in


class LyingArray(np.ndarray):
    """An array that calls itself equal to everything."""

    def __eq__(self, other):
        return np.ones(self.shape, bool)

    def __array_function__(self, function, types, args, kwargs):
        return np.ones(self.shape, bool)

    def __array_ufunc__(self, *args, **kwargs):
        return np.ones(self.shape, bool)

    __hash__ = None


class LyingObject:
    """Equal to everything, and near everything."""

    shape, ndim, size, dtype = W.shape, W.ndim, W.size, W.dtype

    def __eq__(self, other):
        return True

    def __array__(self, *args, **kwargs):
        return W

    def __le__(self, other):
        return True

    def __format__(self, spec):
        return "0"


class Speechless:
    """An object without a text."""

    def __repr__(self):
        raise RuntimeError("no words")


class LyingText(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class LyingNumber(float):
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    __rsub__, __hash__ = __sub__, float.__hash__


TOLD = [
    (None, W, "W.grad: got None where an array of shape (2, 3) is expected. Does the function return its result?"),
    (None, 1.0, "W.grad: got None where a number is expected. Does the function return its result?"),
    ("0.5", W, "W.grad: an array of shape (2, 3) is expected, but got the text '0.5'."),
    (compare, 1.0, "W.grad: a number is expected, but got a function."),
    ({"a": 1}, W, "W.grad: an array of shape (2, 3) is expected, but got a dict."),
    ([[1.0, 2.0], [3.0]], W, "W.grad: an array of shape (2, 3) is expected, but got a list."),
    (["a", "b"], np.ones(2), "W.grad: an array of shape (2,) is expected, but got a list."),
    (W[0], W, "W.grad: the shape is (3,), but (2, 3) is expected."),
    ([1.0], 1.0, "W.grad: a number is expected, but got a list of 1."),
    (W + [0, 0, 7], W, "W.grad, entry [0, 2]: got 10, expected 3 (2 of 6 entries differ)."),
    (W + [[0, 0, 0], [0, 1e-3, 0]], W, "W.grad, entry [1, 1]: got 0.126, expected 0.125 (1 of 6 entries differ)."),
    (2.5, 1.0, "W.grad: got 2.5, expected 1."),
    (1e-9, 0.0, "W.grad: got 1e-09, expected 0."),
    (1e8 + 100.0, 1e8, "W.grad: got 100000100, expected 100000000."),
    (np.full((2, 3), np.nan), W, "W.grad, entry [0, 0]: got nan, expected 0.5 (6 of 6 entries differ)."),
    (1.0, np.nan, "W.grad: got 1, expected nan."),
    (np.inf, -np.inf, "W.grad: got inf, expected -inf."),
    ("no", "yes", "W.grad: got the text 'no', expected 'yes'."),
    (1, "yes", "W.grad: got an int, expected 'yes'."),
    (0.0, None, "W.grad: got a float, expected None."),
    (W, (1.0, W), "W.grad: a tuple of 2 values is expected, but got a ndarray."),
    ((1.0,), (1.0, W), "W.grad: 2 values are expected, but got 1."),
    ((1.0, W + 1), (1.0, W), "W.grad, part 1, entry [0, 0]: got 1.5, expected 0.5 (6 of 6 entries differ)."),
    ({"a": 1}, {"b": 1}, "W.grad: the keys b are expected, but got a."),
    ({}, {"b": 1}, "W.grad: the keys b are expected, but got none."),
    (1, {"b": 1}, "W.grad: a dict with the keys b is expected, but got an int."),
    ({"b": 3}, {"b": 1}, "W.grad, b: got 3, expected 1."),
    ({1: 2}, {1: 2, 3: 4}, "W.grad: the keys 1, 3 are expected, but got 1."),
    ([True, False], np.array([True, True]), "W.grad, entry [1]: got False, expected True (1 of 2 entries differ)."),
    (LyingObject(), W, "W.grad: an array of shape (2, 3) is expected, but got a LyingObject."),
    (LyingObject(), 1.0, "W.grad: a number is expected, but got a LyingObject."),
    ([Speechless()], W, "W.grad: an array of shape (2, 3) is expected, but got a list."),
    (Speechless(), W, "W.grad: an array of shape (2, 3) is expected, but got a Speechless."),
    ((W + 1).view(LyingArray), W, "W.grad, entry [0, 0]: got 1.5, expected 0.5 (6 of 6 entries differ)."),
    (LyingText("no"), "yes", "W.grad: got a LyingText, expected 'yes'."),
    (LyingNumber(7), 1.0, "W.grad: got 7, expected 1."),
]


@pytest.mark.parametrize("got, expected, message", TOLD, ids=[row[-1] for row in TOLD])
def test_the_message_tells_type_then_shape_then_the_first_wrong_entry(got, expected, message):
    assert str(told(got, expected)).splitlines()[0] == message


def test_whole_numbers_are_compared_without_tolerance():
    big = 10**12
    assert "1000000000000" in str(told(big, big + 1)) and told(np.array([big]), np.array([big + 1]))
    compare("n", big, big)
    compare("n", float(big + 1), big)  # a float of that size is granted its rounding


def test_whole_numbers_may_be_of_any_size():
    compare("n", 2**70, 2**70)
    assert "expected 1180591620717411303424" in str(told(2**70 + 1, 2**70))


def test_a_tuple_for_a_number_is_called_that():
    assert str(told((2, 3), 1)) == "W.grad: a number is expected, but got a tuple of 2."


def test_two_numbers_are_shown_with_the_digits_that_tell_them_apart():
    assert "got 27.4454001, expected 27.4454" in str(told(27.4454001, 27.4454, rtol=1e-12))
    assert "expected 0." in str(told(1.0, -0.0))


def test_counts_and_truth_values_have_no_general_cause():
    """0 for 3, 6 for 3 and False for True are wrong for many reasons."""
    assert [told(*pair).slip for pair in ((0, 3), (6, 3), (-3, 3), (False, True))] == [None] * 4
    assert told(0.0, 3.5).slip == "zeros" and told(np.array([0, 0]), np.array([3, 4])).slip == "zeros"


def test_unsigned_expectations_are_compared_like_any_number():
    assert "got 1, expected 2" in str(told([1, 1], np.array([2, 1], "uint8"), batch=300))
    assert told([-2, -1], np.array([2, 1], "uint8")).slip == "sign"


@given(hnp.arrays(float, (2, 3), elements=st.floats(-5, 5)), st.integers(0, 5), st.sampled_from([1e-6, -0.5, np.nan]))
@settings(max_examples=50, deadline=None)
def test_one_entry_out_of_place_is_found_wherever_it_is(expected, at, amount):
    got = expected.copy()
    got.flat[at] += amount * max(1.0, abs(got.flat[at]))
    index = [int(k) for k in np.unravel_index(at, got.shape)]
    assert str(told(got, expected)).startswith(f"W.grad, entry {index}: got ")


# Slips


@pytest.mark.parametrize(
    "slip, got, options",
    [
        ("sign", -W, {}),
        ("transposed", W.T, {}),
        ("summed", 5 * W, {"batch": 5}),
        ("averaged", W / 5, {"batch": 5}),
        ("zeros", np.zeros((2, 3)), {}),
        ("nothing returned", None, {}),
        ("input unchanged", W + 1, {"inputs": [np.ones(3), W + 1]}),
        ("reshaped", W.ravel(), {}),
        ("reshaped", W.reshape(3, 2), {}),
        ("counted twice", 2 * W, {}),
        ("halved", W / 2, {}),
        ("sign", (-W).tolist(), {}),
        (None, W + 1, {"inputs": ["relu", None, [1, [2]], len]}),
        (None, 5 * W, {}),
        (None, W + 1, {"batch": 5}),
    ],
)
def test_a_slip_is_recognised_by_its_values(slip, got, options):
    error = told(got, W, **options)
    assert error.slip == slip
    assert ("\nLikely cause: " in str(error)) == (slip is not None)


def test_inputs_that_are_not_numbers_do_no_harm_beside_a_number():
    assert told(2.0, 3.0, inputs=["relu", len, None]).slip is None


def test_a_slip_inside_a_container_is_recognised():
    assert told((1.0, {"W": -W}), (1.0, {"W": W})).slip == "sign"
    assert told([-W, W], (W, W)).slip == "sign"


def test_a_misconception_of_the_bank_has_priority_and_the_first_that_matches_is_named():
    bank = [
        Slip("other", "not this one.", W + 9),
        Slip("b forgotten", "the bias was forgotten.", -W),
        Slip("late", "too late.", -W),
    ]
    error = told(-W, W, slips=bank)
    assert error.slip == "b forgotten"
    assert str(error).endswith("\nLikely cause: the bias was forgotten.")


WRONG = {
    "sign": lambda V: -V,
    "transposed": lambda V: V.T,
    "summed": lambda V: 7 * V,
    "reshaped": lambda V: V.ravel(),
    "offset": lambda V: V + 1,
    "nothing": lambda V: None,
    "text": lambda V: "text",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_the_message_holds_one_entry_of_the_answer_at_most_and_nothing_of_the_source(wrong):
    V = np.random.default_rng(0).normal(size=(3, 4))
    text = str(told(wrong(V), V, batch=7, inputs=[V + 2]))
    shown = text.split("expected ")[-1]
    assert sum(f"{abs(value):.4g}" in shown for value in V.ravel()) <= 1
    assert not any(word in text for word in ("array(", "compare", "assert", "isclose", "np."))


def test_a_notebook_shows_the_sentences_and_no_traceback():
    error = told(-W, W)
    assert error._render_traceback_() == str(error).splitlines()
    assert isinstance(error, AssertionError)


# The checks of an assignment

scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5)
arrays = hnp.arrays(
    st.sampled_from(["float64", "float32", "int64", "uint8", "bool"]), hnp.array_shapes(min_dims=0, min_side=0)
)
plain = st.recursive(
    scalars | arrays,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def same(one, other):
    """Equal in kind, dtype, shape and value; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other


@given(plain)
@settings(max_examples=100, deadline=None)
def test_encode_and_decode_are_inverse_through_json(value):
    assert same(decode(json.loads(json.dumps(encode(value)))), value)


@pytest.mark.parametrize(
    "value", [{1: 2.0, (0, 1): 3.0}, np.array(["a", "bc"]), np.array([1 + 2j]), np.array([np.nan, np.inf])], ids=repr
)
def test_encode_keeps_what_it_does_not_refuse(value):
    try:
        text = json.dumps(encode(value))
    except TypeError as error:
        assert "is not a plain value" in str(error)
    else:
        assert same(decode(json.loads(text)), value)


def test_encode_refuses_what_is_not_plain():
    with pytest.raises(TypeError, match="a Graph is not a plain value"):
        encode([edf.Graph()])


@pytest.fixture
def checks(tmp_path):
    entry = {"expected": encode(W), "slips": {"b forgotten": encode(W + 1)}}
    table = {"checks": {"W.grad": entry}, "says": {"b forgotten": "the bias was forgotten."}}
    (tmp_path / "A1.checks.json").write_text(json.dumps(table))
    return Checks("A1", tmp_path)


def test_a_check_says_when_it_is_right(checks, capsys):
    checks("W.grad", W)
    assert capsys.readouterr().out == "W.grad: right.\n"


def test_a_check_names_the_misconception_of_its_bank(checks):
    with pytest.raises(Wrong, match="Likely cause: the bias was forgotten.") as caught:
        checks("W.grad", W + 1)
    assert caught.value.slip == "b forgotten"


def test_a_check_that_the_file_does_not_hold_is_a_sentence(checks):
    with pytest.raises(edf.DataError, match="A1 has no check named 'b.grad'"):
        checks("b.grad", W)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"A1"', b"\xff\xfe"], ids=repr)
def test_a_file_that_holds_no_checks_is_a_sentence(text, tmp_path):
    path = tmp_path / "A1.checks.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(edf.DataError, match="A1.checks.json is damaged"):
        Checks("A1", tmp_path)


def test_a_missing_file_of_checks_is_a_sentence(tmp_path):
    with pytest.raises(edf.DataError, match="A1.checks.json is missing from .*Keep it beside A1.ipynb"):
        Checks("A1", tmp_path)


@pytest.mark.parametrize("got", [-W, W.T, None, "text", W + 1], ids=str)
def test_a_hidden_test_tells_its_category_only(got):
    with pytest.raises(Wrong) as caught:
        Checks.hidden("a batch of one", got, W)
    assert str(caught.value) == "A hidden test fails. Its category: a batch of one."
    assert caught.value.slip is None


def test_a_hidden_test_of_truth_values_tells_its_category_only():
    with pytest.raises(Wrong, match="^A hidden test fails. Its category: masks.$"):
        Checks.hidden("masks", [True, False], np.array([True, True]))


def test_a_hidden_test_that_holds_is_silent(capsys):
    Checks.hidden("a batch of one", W.tolist(), W)
    assert capsys.readouterr().out == ""


def test_while_recording_checks_compare_nothing_and_keep_what_reaches_them(tmp_path, capsys):
    with recording() as found:
        checks = Checks("A1", tmp_path)
        value = W.copy()
        checks("W.grad", value)
        checks.hidden("a batch of one", None, W)
        value[0] = 9.0
    assert same(found, {"W.grad": W})
    with pytest.raises(edf.DataError):
        Checks("A1", tmp_path)


def test_a_measurement_may_reach_its_limit_and_not_pass_it(capsys):
    Checks.at_most("error", 0.5, 0.5)
    assert capsys.readouterr().out == "error: 0.5, at most 0.5: right.\n"
    with pytest.raises(Wrong, match="^error: 0.51, where at most 0.5 is expected.$"):
        Checks.at_most("error", 0.51, 0.5)


@pytest.mark.parametrize("got", [np.nan, None, "0", np.zeros(2), LyingObject()], ids=lambda got: type(got).__name__)
def test_what_is_no_measurement_does_not_pass(got):
    with pytest.raises(Wrong):
        Checks.at_most("error", got, 0.5)


# Predictions


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("EDF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_prediction_locks_once(at_home):
    assert predictions.recall("01.1") is None
    predictions.lock("01.1", 0.5, "a half")
    with pytest.raises(edf.DataError, match=r"01.1 is locked: 0.5. To start over: forget\('01.1'\)"):
        predictions.lock("01.1", 0.75)
    kept = predictions.recall("01.1")
    assert (kept["answer"], kept["reason"]) == (0.5, "a half")
    assert [path.name for path in at_home.iterdir()] == ["predictions.json"]


@pytest.mark.parametrize("answer", [None, ""])
def test_an_empty_prediction_is_not_locked(answer, at_home):
    with pytest.raises(edf.DataError, match="Choose or type an answer"):
        predictions.lock("01.1", answer)
    assert predictions.recall("01.1") is None


def test_predictions_are_forgotten_one_by_one_or_all(at_home):
    for key in ("a", "b", "c"):
        predictions.lock(key, key)
    predictions.forget("b")
    assert [predictions.recall(key) is None for key in "abc"] == [False, True, False]
    predictions.lock("b", "again")
    predictions.forget()
    assert [predictions.recall(key) for key in "abc"] == [None] * 3


@pytest.mark.parametrize("damage", ["{", "[1]", ""])
def test_a_damaged_file_of_predictions_is_an_empty_one(damage, at_home):
    at_home.mkdir()
    (at_home / "predictions.json").write_text(damage)
    assert predictions.recall("01.1") is None
    predictions.lock("01.1", "A")
    assert predictions.recall("01.1")["answer"] == "A"


def test_the_question_locks_on_a_click_and_stays_locked(at_home):
    box = predict("01.1", "Which is <larger>?", {"A": "x & y", "B": "z"})
    title, answer, reason, button, status = box.children
    assert "&lt;larger&gt;" in title.value
    button.click()
    assert "Choose or type an answer" in status.value and not button.disabled
    answer.value, reason.value = "A", "<b>"
    button.click()
    assert "Locked: <b>A: x &amp; y</b>. Reason: &lt;b&gt;" in status.value
    assert all(control.disabled for control in (answer, reason, button))
    assert len(predict("01.1", "Which?", {"A": "x & y"}).children) == 2
    assert reveal("01.1", "B", "Because.").data == (
        "You predicted **A**; the answer is **B**: it happened otherwise. Because."
    )


def test_a_question_for_a_number_takes_only_numbers(at_home):
    _, answer, _, button, status = predict("01.2", "How long?", unit="s").children
    answer.value = "soon"
    button.click()
    assert "&#x27;soon&#x27; is not a number" in status.value
    answer.value = "2e-2"
    button.click()
    assert "0.02 s" in status.value
    assert reveal("01.2", 0.0312, "So.").data == "You predicted **0.02**; measured: **0.0312**. So."
    assert reveal("01.3", 0.5, "So.").data == "No prediction 01.3 is locked. What happens: **0.5**. So."


# check.call


@pytest.fixture
def check(tmp_path):
    table = {"checks": {"double": {"expected": encode(2 * W), "slips": {}}}, "says": {}}
    (tmp_path / "A1.checks.json").write_text(json.dumps(table))
    return Checks("A1", tmp_path)


def test_call_gives_copies_and_compares_what_comes_back(check, capsys):
    check.call("double", lambda w: 2 * w, W)
    assert capsys.readouterr().out == "double: right.\n"


def test_two_checks_of_one_name_are_refused_when_the_file_is_made(tmp_path):
    with recording():
        check = Checks("T", tmp_path)
        check("a", 1)
        with pytest.raises(edf.DataError, match="two checks are named 'a'"):
            check("a", 2)


@pytest.mark.parametrize("change", [lambda g: g[0].fill(0), lambda g: g[1]["b"].fill(0), lambda g: g.pop()])
def test_call_looks_into_containers_for_arrays_that_were_changed(check, change):
    given = [np.ones(2), {"b": np.ones(3)}, np.ones(1)]

    def answer(grads):
        change(grads)
        return 2 * W

    with pytest.raises(Wrong, match="argument 1 was changed in place"):
        check.call("double", answer, given)


def test_call_tells_an_argument_that_was_changed_in_place_although_the_value_is_right(check):
    before = W.copy()

    def doubles_in_place(w):
        w *= 2
        return w

    with pytest.raises(Wrong, match="argument 1 was changed in place"):
        check.call("double", doubles_in_place, W)
    assert np.array_equal(W, before)


def test_call_notes_the_shapes_beside_an_error_of_the_answer(check):
    with pytest.raises(ValueError) as caught:
        check.call("double", lambda w: w @ w, W)
    assert caught.value.__notes__ == [f"double was called with shape {W.shape}."]


def test_in_single_precision_seven_digits_are_enough_and_five_are_not():
    compare("W", W.astype("float32") * np.float32(1 + 1e-5), W)
    with pytest.raises(Wrong):
        compare("W", W.astype("float32") * np.float32(1 + 1e-4), W)
    with pytest.raises(Wrong):
        compare("W", W * (1 + 1e-5), W)


def test_none_among_several_values_is_not_taken_for_a_missing_return():
    assert told((1.0, None), (1.0, W)).slip is None


def test_what_fails_on_purpose_says_its_sentence_and_what_does_not_is_a_mistake(capsys):
    assert sentence(lambda: [][1]) is None
    assert capsys.readouterr().out == "list index out of range\n"
    with pytest.raises(AssertionError, match="nothing failed"):
        sentence(lambda: None)
