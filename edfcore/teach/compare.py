"""One helper compares everything that students write, and says what is wrong in a sentence.

The message goes from the outside in: type, shape, first wrong entry with got and expected, then the slip where the
values are those of a known misconception. It never holds the answer or the source of the check.
"""

from dataclasses import dataclass
from numbers import Number

import numpy as np

RTOL, ATOL = 1e-7, 1e-10


class Wrong(AssertionError):
    """A value that is not the expected one. Notebooks show its sentences and no traceback."""

    slip = None
    category = None  # of a hidden test

    def _render_traceback_(self):
        return str(self).splitlines()


@dataclass(frozen=True)
class Slip:
    """A known misconception: the value that it leads to, its name, and a sentence of cause."""

    name: str
    says: str
    value: object


def compare(what, got, expected, *, slips=(), batch=None, inputs=(), parts=(), rtol=RTOL, atol=ATOL):
    """Do nothing where `got` equals `expected`; otherwise raise Wrong with what is wrong and why.

    Parameters
    ----------
    what : str, what was computed, in the student's words, e.g. "W.grad"
    got : what the student's code gave
    expected : number, text, array, or tuple, list or dict of them
    slips : iterable of Slip, the misconceptions known for this value; the first that matches is named
    batch : int, the batch size B, to recognise sums that should be averages
    inputs : arrays given to the student's code, to recognise one that came back unchanged
    parts : the names of the values where `expected` is a tuple of several, or a dict of such tuples
    rtol, atol : float, the tolerance as in numpy.allclose; single precision is granted 2e-5, whole numbers none

    Raises
    ------
    Wrong : with type, shape or first wrong entry, and the slip where one is recognised.
    """
    found = _difference(what, got, expected, rtol, atol, parts)
    if found is None:
        return
    for slip in slips:
        if _difference(what, got, slip.value, rtol, atol) is None:
            break
    else:
        slip = _general_slip(got, expected, batch, inputs, rtol, atol)
    error = Wrong(found + (f"\nLikely cause: {slip.says}" if slip else ""))
    error.slip = slip.name if slip else None
    raise error


def _difference(what, got, expected, rtol, atol, parts=()):
    """A sentence on the first difference, or None."""
    if isinstance(expected, (tuple, list)):
        return _differing_sequence(what, got, expected, rtol, atol, parts)
    if isinstance(expected, dict):
        return _differing_dict(what, got, expected, rtol, atol, parts)
    if isinstance(expected, str) or expected is None:
        kinds = (str, np.str_) if isinstance(expected, str) else (type(None),)
        wanted = "None" if expected is None else repr(expected)
        return None if type(got) in kinds and got == expected else f"{what}: got {_show(got)}, expected {wanted}."
    if type(expected) is int and type(got) is int:
        return None if got == expected else f"{what}: got {got}, expected {expected}."  # of any size
    return _differing_array(what, got, expected, rtol, atol)


def _differing_sequence(what, got, expected, rtol, atol, parts):
    names = f" ({', '.join(parts)})" if parts else ""
    if not isinstance(got, (tuple, list)):
        kind = "tuple" if isinstance(expected, tuple) else "list"
        return f"{what}: a {kind} of {len(expected)} values{names} is expected, but got {_show(got)}."
    if len(got) != len(expected):
        return f"{what}: {len(expected)} values{names} are expected, but got {len(got)}."
    for k, (g, e) in enumerate(zip(got, expected, strict=True)):
        found = _difference(f"{what}, {parts[k] if parts else f'part {k}'}", g, e, rtol, atol)
        if found:
            return found


def _differing_dict(what, got, expected, rtol, atol, parts):
    keys = ", ".join(map(str, expected))
    if not isinstance(got, dict):
        return f"{what}: a dict with the keys {keys} is expected, but got {_show(got)}."
    if set(got) != set(expected):
        return f"{what}: the keys {keys} are expected, but got {', '.join(map(str, got)) or 'none'}."
    for key in expected:
        found = _difference(f"{what}, {key}", got[key], expected[key], rtol, atol, parts)
        if found:
            return found


def _differing_array(what, got, expected, rtol, atol):
    expected = np.asarray(expected)
    if got is None:
        return f"{what}: got None where {_kind(expected)} is expected. Does the function return its result?"
    values = _numbers(got)
    if values is None:
        return f"{what}: {_kind(expected)} is expected, but got {_show(got)}."
    if expected.ndim == 0 and isinstance(got, (tuple, list)):
        return f"{what}: a number is expected, but got a {type(got).__name__} of {len(got)}."
    if values.shape != expected.shape:
        return f"{what}: the shape is {values.shape}, but {expected.shape} is expected."
    rtol = max(rtol, 2e-5) if values.dtype in (np.float32, np.complex64) else rtol  # seven digits are all it has
    if values.dtype.kind in "iub" and expected.dtype.kind in "iub":
        equal = values == expected  # whole numbers have no rounding to allow for
    else:
        equal = np.isclose(values, expected, rtol=rtol, atol=atol, equal_nan=True)
    if equal.all():
        return None
    if values.ndim == 0:
        return f"{what}: {_both(values, expected)}."
    at = tuple(int(k) for k in np.argwhere(~equal)[0])
    return (
        f"{what}, entry {list(at)}: {_both(values[at], expected[at])} "
        f"({int((~equal).sum())} of {equal.size} entries differ)."
    )


def _numbers(got):
    """`got` as a plain array of numbers, or None where it is none; subclasses of arrays lose their tricks."""
    if isinstance(got, (Number, np.ndarray, np.generic, list, tuple)):
        try:
            values = np.array(got, subok=False)
        except ValueError:
            return None
        return values if values.dtype.kind in "fciub" else None


def _kind(expected):
    return "a number" if expected.ndim == 0 else f"an array of shape {expected.shape}"


def _show(got):
    kind = type(got).__name__
    if got is None:
        return "None"
    if type(got) in (str, np.str_):
        return f"the text {str(got)[:100]!r}"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _both(got, expected):
    """The two numbers, with as many digits as it takes to tell them apart."""
    for digits in (6, 9, 12, 17):
        shown = [_number(np.asarray(value), digits) for value in (got, expected)]
        if shown[0] != shown[1]:
            break
    return f"got {shown[0]}, expected {shown[1]}"


def _number(value, digits):
    return f"{value.item() + 0.0:.{digits}g}" if value.dtype.kind == "f" else str(value)


def _general_slip(got, expected, batch, inputs, rtol, atol):
    """The first slip, of those that any exercise knows, that explains the value or its first wrong part."""
    if got is None:
        return Slip("nothing returned", "the function computes without a return statement.", None)
    if isinstance(expected, (tuple, list, dict)):
        wrong = [(g, e) for g, e in _parts(got, expected) if _difference("", g, e, rtol, atol)]
        return _general_slip(*wrong[0], batch, inputs, rtol, atol) if wrong and wrong[0][0] is not None else None
    values, expected = _numbers(got), _numbers(expected)
    if values is None or expected is None:
        return None
    if expected.dtype.kind == "b" or (expected.dtype.kind in "iu" and expected.ndim == 0):
        return None  # a count or a truth value agrees with too much by chance
    expected = expected.astype(complex if expected.dtype.kind == "c" else float)
    for name, says, other in _candidates(expected, values, batch, inputs):
        if other is not None and values.shape == other.shape and np.allclose(values, other, rtol, atol):
            return Slip(name, says, other)
    return None


def _parts(got, expected):
    """Pairs of got and expected for each part of a container, or none where the containers do not match."""
    if isinstance(expected, dict):
        return [(got[k], e) for k, e in expected.items()] if isinstance(got, dict) and set(got) == set(expected) else []
    if isinstance(got, (tuple, list)) and len(got) == len(expected):
        return list(zip(got, expected, strict=True))
    return []


def _candidates(expected, values, batch, inputs):
    for given in filter(lambda g: g is not None and g.size > 1, map(_numbers, inputs)):
        yield "input unchanged", "an argument came back unchanged.", given
    yield "zeros", "every entry is zero: was the result ever written to?", np.zeros_like(expected)
    yield "sign", "the sign is the other way round.", -expected
    if batch:
        yield "summed", f"{batch} times too large: summed over the batch where an average is due.", batch * expected
        yield "averaged", f"{batch} times too small: one factor 1/B too many.", expected / batch
    yield "counted twice", "twice the right value: a contribution is counted twice.", 2 * expected
    yield "halved", "half the right value: a factor 1/2 too many, or a contribution is missing.", expected / 2
    if expected.ndim >= 2:
        yield "transposed", "the axes are in the other order: transposed.", np.swapaxes(expected, -1, -2)
    if values.size == expected.size and values.shape != expected.shape:
        yield "reshaped", "the numbers are right and the shape is not.", expected.reshape(values.shape)


def sentence(action):
    """Run an action that fails on purpose, and print the sentence that it fails with.

    Parameters
    ----------
    action : function of no arguments

    Raises
    ------
    AssertionError : nothing failed.
    """
    try:
        action()
    except Exception as error:
        return print(error)
    raise AssertionError("sentence: nothing failed, though it should have.")
