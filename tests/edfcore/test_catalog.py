"""The catalog is complete: every entry says shapes, errors and source, is pinned by a test, and refuses bad input."""

import inspect
import json
import subprocess
import sys
import traceback

import numpy as np
import pytest

import edfcore as edf
from edfcore import checks, schedules
from edfcore.catalog import KINDS, catalogued, entries, pinned_by

ENTRIES = entries()
FUNCTIONS = [e for e in ENTRIES if e.kind != "component"]
COMPONENTS = [e for e in ENTRIES if e.kind == "component"]


def name(entry):
    return entry.name


@pytest.fixture(scope="module")
def pins(root):
    return pinned_by(root / "tests")


def test_command_lists_every_entry_with_source_and_tests(root):
    done = subprocess.run(
        [sys.executable, "-m", "edfcore.cli", "catalog", "--json"], cwd=root, capture_output=True, text=True
    )
    listed = json.loads(done.stdout)["entries"]
    assert {e["name"] for e in listed} == {e.name for e in ENTRIES}
    assert all(e["kind"] in KINDS and e["source"] and e["tests"] for e in listed)


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_docstring_says_what_goes_in_and_what_may_go_wrong(entry):
    told = inspect.getdoc(entry.object)
    assert told and "Raises" in told and ("Parameters" in told or not inspect.signature(entry.object).parameters), entry
    assert entry.source


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_entry_is_pinned_by_a_test(entry, pins):
    assert pins.get(entry.name), f'no test carries @pytest.mark.pins("{entry.name}")'


def test_pins_name_entries_that_exist(pins):
    assert set(pins) <= {e.name for e in ENTRIES}


def test_nothing_public_of_a_module_was_forgotten():
    from edfcore import initializers

    listed = {e.name for e in ENTRIES}
    helpers = {"fans", "gain", "Schedule"}
    assert set(initializers.__all__) - listed <= helpers and set(schedules.__all__) - listed <= helpers


def test_a_name_cannot_be_taken_twice():
    with pytest.raises(ValueError, match="taken"):
        catalogued("schedule", "nowhere")(type("VDot", (), {}))


# Bad input. Whatever is given, the error is one of ours and was raised in our code, not inside NumPy.

RNG = np.random.default_rng(0)
BAD = [
    None,
    "text",
    [[1.0], [1.0, 2.0]],
    np.nan,
    -1,
    object(),
    np.array([]),
    np.array([[np.nan]]),
    {},
    1.5,
    np.zeros((0, 4)),
]


def outcome(call, *args, **kwargs):
    """None where the call is accepted, else the sentence; fails on any error that is not ours."""
    try:
        call(*args, **kwargs)
    except edf.EdfError as error:
        assert len(str(error)) > 15 and str(error)[-1] in ".)]'", str(error)
        return str(error)
    except TypeError as error:
        frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        assert "numpy" not in frames[-1] and str(error), frames
        return str(error)
    return None


def quadratic(x):
    return 0.5 * float(np.dot(x, x)), x


def good():
    """An argument that is right, for each name that a function of the catalog cannot do without."""
    rng = np.random.default_rng(0)
    return {
        "shape": (3, 4), "rng": rng, "f": quadratic, "d": np.array([-1.0, -2.0]), "params": [np.ones(3)],
        "clip_value": 1.0, "max_norm": 1.0, "lr": 0.1, "k": 0.1, "step_size": 3, "milestones": (2, 5), "gamma": 0.9,
        "T_max": 10, "T_0": 10, "max_lr": 0.1, "total_steps": 20, "W": 5, "after": schedules.Constant(0.1),
        "schedules": (schedules.Constant(0.1), schedules.Constant(0.2)), "boundaries": (5,), "factor": 0.5,
        "schedule": schedules.Constant(0.1), "B": 4, "N": 10, "labels": np.arange(12) % 3, "losses": np.ones(10),
        "images": rng.random((4, 3, 12, 10)), "size": (8, 8), "axes": (np.ones(3), np.eye(3)),
        "x": rng.normal(size=(6, 2, 5, 5)), "path": "nowhere.idx", "folder": "nowhere",
    }  # fmt: skip


SMALL = {
    "random_scale_crop": {"size": (8, 8), "short": (10, 14)},
    "multi_scale_ten_crop": {"size": (8, 8), "shorts": (10, 14)},
}


def right_call(entry):
    """The call of an entry as a user would write it: function, and keyword arguments that it accepts."""
    call = getattr(entry.object, "fit", entry.object)  # normalizations are made by their `fit`
    parameters = inspect.signature(call).parameters.values()
    arguments = {p.name: good()[p.name] for p in parameters if p.default is p.empty and p.name in good()}
    if entry.kind == "line search":
        arguments["x"] = np.array([1.0, 2.0])
    return call, arguments | SMALL.get(entry.name, {})


VARIADIC = {"batches", "load_cifar"}
CALLED = [e for e in FUNCTIONS if e.name not in VARIADIC]


@pytest.mark.parametrize("entry", CALLED, ids=name)
def test_the_right_call_is_accepted(entry):
    call, arguments = right_call(entry)
    told = outcome(call, **arguments)
    assert told is None if entry.kind != "loader" else "nowhere" in told


@pytest.mark.parametrize("entry", CALLED, ids=name)
def test_each_argument_made_bad_in_turn_is_told_in_a_sentence(entry):
    call, arguments = right_call(entry)
    refused = dict.fromkeys(arguments, 0)
    for key, parameter in inspect.signature(call).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        for bad in BAD:
            told = outcome(call, **(arguments | {key: bad}))
            refused[key] = refused.get(key, 0) + (told is not None)
    assert all(refused[key] for key in arguments), refused


@pytest.mark.parametrize(
    "entry", [e for e in FUNCTIONS if e.kind == "schedule" and inspect.isclass(e.object)], ids=name
)
def test_a_bad_step_of_a_schedule_is_told_in_a_sentence(entry):
    call, arguments = right_call(entry)
    schedule = call(**arguments)
    for bad in (-1, np.nan, "text", None, [1.0, [2.0]], np.array([-1])):
        assert outcome(schedule, bad) is not None, bad


@pytest.mark.parametrize("entry", [e for e in FUNCTIONS if e.kind == "normalization"], ids=name)
def test_bad_data_for_a_fitted_normalization_is_told_in_a_sentence(entry):
    call, arguments = right_call(entry)
    transform = call(**arguments)
    for bad in (None, "text", np.nan, [[1.0], [1.0, 2.0]], np.ones((2, 3)), arguments["x"][:, :1]):
        assert outcome(transform, bad) is not None, bad


@pytest.mark.parametrize("kind", ["nan", "shape"])
@pytest.mark.parametrize("entry", [e for e in FUNCTIONS if e.kind == "optimizer"], ids=name)
def test_a_gradient_that_cannot_be_right_is_told_in_a_sentence(entry, kind):
    optimizer = entry.object()
    gradient = np.array([np.nan, 1.0]) if kind == "nan" else np.ones(3)
    assert outcome(optimizer.minimize, lambda x: (1.0, gradient), np.ones(2), 3) is not None


def test_bad_batches_are_told_in_sentences():
    from edfcore.data import batches

    for bad in BAD:
        assert outcome(batches, bad, B=2) is not None or isinstance(bad, np.ndarray)
        assert outcome(batches, np.ones(4), B=bad) is not None
        assert outcome(batches, np.ones(4), B=2, rng=bad) is not None or bad is None


@pytest.mark.parametrize("entry", COMPONENTS, ids=name)
def test_bad_values_and_settings_of_components_are_told_in_sentences(entry):
    node, values = checks.example(entry.name, np.random.default_rng(3))
    shapes_refused = 0
    for k in range(len(values)):
        longer = [np.ones((2, *np.shape(v), 3)) if n == k else v for n, v in enumerate(values)]
        for arg, given in zip(node.args, longer, strict=True):
            arg.value = np.asarray(given)
        shapes_refused += outcome(node.run) is not None
    for key in entry.object.settings:
        for bad in (None, "text", -1, np.nan, [], object()):
            outcome(entry.object, *node.args, **{key: bad})
    assert len(values) < 2 or shapes_refused or "..." in entry.object.axes
