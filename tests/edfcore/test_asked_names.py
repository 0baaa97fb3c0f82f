"""What an answer imports and reads, seen without running it."""

import nbformat
import pytest

from edfcore.execute import _absent, asked_names


@pytest.mark.parametrize(
    "source, names",
    [
        ("import edfcore", {"edfcore"}),
        ("import edfcore.cuda", {"edfcore.cuda"}),
        ("from edfcore import VDot, Add as plus\nplus(1)", {"edfcore.VDot", "edfcore.Add"}),
        ("import edfcore as edf\ndef f(x):\n    return edf.data.batches(x)", {"edfcore", "edfcore.data.batches"}),
        ("import scipy.special\nscipy.special.expit(0)", {"scipy.special", "scipy.special.expit"}),
        ("from . import x\nVDot = 1\ny.VDot", set()),
        ("def f(:", set()),
    ],
)
def test_names_are_told_with_their_module(source, names):
    found = asked_names(source, {})
    assert found >= names and all(any(name.startswith(n) for name in names) for n in found)  # and the ways to them


def test_an_alias_of_an_earlier_cell_counts():
    aliases = {}
    asked_names("import edfcore as edf", aliases)
    assert "edfcore.Sigmoid" in asked_names("edf.Sigmoid", aliases)


def told(source, names):
    mark = {"nbgrader": {"grade_id": "layer"}}
    setup = nbformat.v4.new_code_cell("import edfcore as edf")
    return list(
        _absent(
            nbformat.v4.new_notebook(cells=[setup, nbformat.v4.new_code_cell(source, metadata=mark)]), {"absent": names}
        )
    )


@pytest.mark.parametrize(
    "source",
    [
        "from edfcore import VDot",
        "edf.VDot(1, 2)",
        "from edfcore.components.matrix import VDot as product",
        "import scipy",
        "from edfcore.optimizers import SGD",
    ],
)
def test_what_is_absent_while_grading_is_a_sentence(source):
    ((exercise, sentence),) = told(source, {"layer": ["edfcore.VDot", "scipy", "edfcore.optimizers"]})
    assert exercise == "layer" and sentence.endswith("is not there while work is graded: do without it.")


def test_other_names_and_other_exercises_are_left_alone():
    assert told("import numpy as np\nedf.Graph()\nVDot = np.dot", {"layer": ["edfcore.VDot"]}) == []
    assert told("edf.VDot", {"another": ["edfcore.VDot"]}) == []
