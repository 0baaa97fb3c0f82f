"""The checks of one assignment: expected values and known misconceptions, read from the file beside the notebook.

`A1.checks.json` holds, for each visible check, the reference's value on the inputs that the notebook shows, and the
value that each wrong answer of the exercise's bank leads to. It is made by `autograde build A1`, never by hand.
"""

import copy
import hashlib
import hmac
import json
import math
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from ..errors import DataError
from .compare import Slip, Wrong, compare

_recorder = ContextVar("edfcore_recorded_checks", default=None)
_hidden_only = ContextVar("edfcore_hidden_only", default=False)
_seed = ContextVar("edfcore_check_seed", default=b"")


class Checks:
    """The checks of an assignment.

    Parameters
    ----------
    assignment : str, e.g. "A1"; the file `<assignment>.checks.json` is looked for in `folder`
    folder : path, default the current directory, where Jupyter and nbgrader run a notebook

    Raises
    ------
    DataError : the file is missing or is not a file of checks.
    """

    def __init__(self, assignment, folder="."):
        path = Path(folder) / f"{assignment}.checks.json"
        self.assignment, self.table = assignment, {"checks": {}, "says": {}}
        if _recorder.get() is not None:
            return
        try:
            self.table = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(self.table, dict) or not {"checks", "says"} <= set(self.table):
                raise ValueError("it holds no checks")
        except FileNotFoundError:
            raise DataError(
                f"{path.name} is missing from {path.resolve().parent}. Keep it beside {assignment}.ipynb: copy it from "
                f"the folder assignments/{assignment} of the course."
            ) from None
        except ValueError as error:  # not UTF-8, not JSON, or something else than checks
            raise DataError(f"{path} is damaged ({error}); copy it again from the course.") from None

    def __call__(self, what, got, batch=None, inputs=(), parts=()):
        """Compare `got` with the reference's value for the check named `what`; say so when it is right.

        `batch`, `inputs` and `parts` are those of `compare`.

        Raises
        ------
        Wrong : see `compare`.
        DataError : there is no check of this name (the check cells are locked; restore the notebook).
        """
        recorded = _recorder.get()
        if recorded is not None:
            if what in recorded:
                raise DataError(f"{self.assignment}: two checks are named {what!r}; each needs a name of its own.")
            recorded[what] = copy.deepcopy(got)
            return
        if _hidden_only.get():
            return
        if what not in self.table["checks"]:
            raise DataError(f"{self.assignment} has no check named {what!r}; its check cells must stay as they are.")
        entry = self.table["checks"][what]
        says = self.table["says"]
        slips = [Slip(name, says[name], decode(value)) for name, value in entry["slips"].items()]
        compare(what, got, decode(entry["expected"]), slips=slips, batch=batch, inputs=inputs, parts=parts)
        print(f"{what}: right.")

    def call(self, what, function, *args, batch=None, parts=()):
        """Call the student's function on copies of `args` and compare what it returns, as `check(what, ...)` does.

        An error inside the function is shown as it is, with a note on the shapes that it was called with.

        Raises
        ------
        Wrong : the value is not the expected one, or an argument was changed in place.
        """
        given = copy.deepcopy(args)
        try:
            got = function(*given)
        except Exception as error:
            error.add_note(f"{what} was called with {', '.join(map(_shape, args))}.")
            raise
        got = copy.deepcopy(got)
        self(what, got, batch=batch, inputs=args, parts=parts)
        if _recorder.get() is not None or _hidden_only.get():
            return
        for number, (before, after) in enumerate(zip(args, given, strict=True), 1):
            if not _same_arrays(before, after):
                raise Wrong(f"{what}: argument {number} was changed in place. Others still need it: work on a copy.")

    @staticmethod
    def at_most(what, got, limit):
        """Compare a measured number with a limit; say so when it is kept. Raises Wrong where it is not."""
        if _recorder.get() is not None or _hidden_only.get():
            return
        number = plain_number(got)
        if number is None:
            raise Wrong(f"{what}: a number is expected, but got a {type(got).__name__}.")
        if not number <= limit:
            raise Wrong(f"{what}: {number:.4g}, where at most {limit:.4g} is expected.")
        print(f"{what}: {number:.4g}, at most {limit:.4g}: right.")

    @staticmethod
    def hidden(category, got, expected, rtol=1e-7, atol=1e-10):
        """Compare without telling values: the message names the category of the test and nothing else.

        Raises
        ------
        Wrong : with the category.
        """
        if _recorder.get() is not None:
            return
        try:
            compare(category, got, expected, rtol=rtol, atol=atol)
        except Wrong:
            wrong = Wrong(f"A hidden test fails. Its category: {category}.")
            wrong.category = category
            raise wrong from None

    def rng(self, name):
        """A random generator for the test named `name`: the same on every run of one student's notebook.

        In a grader's examination each student gets inputs of their own, drawn from the course's secret; elsewhere the
        inputs are everybody's.
        """
        told = f"{self.assignment}/{name}".encode()
        digest = hmac.new(_seed.get() or b"everybody", told, hashlib.sha256).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _same_arrays(before, after):
    """Whether the arrays in `after`, containers included, are still those in `before`."""
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and np.array_equal(before, after, equal_nan=True)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_same_arrays, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same_arrays(before[key], after[key]) for key in before)
    return True


def _shape(value):
    return f"shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


@contextmanager
def recording():
    """Inside, checks compare nothing; the values that reach them are collected in the dict that this yields."""
    found = {}
    token = _recorder.set(found)
    try:
        yield found
    finally:
        _recorder.reset(token)


@contextmanager
def seeded(seed):
    """Inside, `Checks.rng` draws from `seed` (bytes)."""
    token = _seed.set(seed)
    try:
        yield
    finally:
        _seed.reset(token)


def inside(function):
    """Mark a helper in a locked cell that is to run beside the student's code, wherever that runs.

    In a notebook it changes nothing. While a grader examines, tests run apart from the student's code and only plain
    values cross between them; a helper that handles live objects of both, such as nodes of a graph, is marked with
    this, runs on the student's side, and gives back plain values for the test to judge.
    """
    function.runs_inside = True
    return function


@contextmanager
def hidden_only():
    """Inside, visible checks pass whatever they are given, so that hidden tests are tried alone."""
    token = _hidden_only.set(True)
    try:
        yield
    finally:
        _hidden_only.reset(token)


def plain_number(value):
    """`value` as a float where it is a plain real number, else None; other objects could lie when compared."""
    if type(value) in (int, float) or (isinstance(value, np.generic) and value.dtype.kind in "fiu"):
        return float(value)
    return float(value) if type(value) is np.ndarray and value.shape == () and value.dtype.kind in "fiu" else None


def encode(value):
    """A plain value as JSON: arrays keep dtype and shape, containers their kind.

    Raises
    ------
    TypeError : the value is none of number, text, None, array of real numbers, tuple, list, dict with text as keys.
    """
    if isinstance(value, (np.ndarray, np.generic)) or (isinstance(value, float) and not math.isfinite(value)):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"an array of {array.dtype} is not a plain value")
        entries = [v if not isinstance(v, float) or math.isfinite(v) else str(v) for v in array.ravel().tolist()]
        return {"array": entries, "shape": list(array.shape), "dtype": array.dtype.name}
    if isinstance(value, tuple):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(v) for key, v in value.items()}}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a {type(value).__name__} is not a plain value")


def decode(value):
    """The inverse of `encode`."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return np.array(value["array"], dtype=value["dtype"]).reshape(value["shape"])
    if "tuple" in value:
        return tuple(decode(v) for v in value["tuple"])
    return {key: decode(v) for key, v in value["dict"].items()}
