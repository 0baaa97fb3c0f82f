"""Numbers in prose: which are found, which are free, what a binding proves."""

import nbformat
import pytest

from edfcore import prose
from edfcore.errors import DataError
from edfcore.execute import execute

NEW = nbformat.v4


def found(text):
    return [number for number, _, _ in prose.stated(text)]


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("The loss falls to 0.31 in 2,600 steps.", ["0.31", "2,600"]),
        ("It takes 3 seconds and 40 percent.", ["3", "40"]),
        ("Between 5% and 7 % of 12 GB.", ["5", "7", "12"]),
        ("About 128 units, −40 dollars.", ["128", "40"]),
        ("A rate of .5 and 1e-3", [".5", "1e-3"]),
        ("| lr | 0.1 |", ["0.1"]),
        ("1,234.5 and 12,345,678 and 0.125, 3.14.", ["1,234.5", "12,345,678", "0.125", "3.14"]),
        ("**67** and *71* times", ["67", "71"]),
        ("> quoted 99 bottles", ["99"]),
        ("<summary>Answer</summary> 55", ["55"]),
    ],
)
def test_stated_numbers_are_found(text, numbers):
    assert found(text)[: len(numbers)] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "Two GPUs, 3 layers, 12 rows.",
        "In 2017, and since 1983.",
        "S0, S4, CIFAR-10, ResNet-101, float32, K80, H200, 3D, 2x2",
        "lecture 05, sections 12, 13 and 14, slides 30 to 36, page 44, erratum 4.20, Errata 0.10 and 0.11",
        "`lr = 0.1` and ``x[0.5]``, $\\frac{99}{100}$ and\n\n$$44.5$$\n\n```\n77\n```",
        "arXiv:1412.6980 (arXiv 1706.02677), [here](slide_99.html), https://x.org/1234",
        "1. first\n27. last\n\n## 13. A heading\n\n**44.** A question",
        "| erratum | printed |\n|---|---|\n| 0.10 (S0) | none |",
        "TTIC 31230, GTX 670",
        "**Before:** arrays.\n\n**Time:** 60 to 90 minutes, in\n45 and 45.",
    ],
)
def test_names_counts_years_and_code_are_free(text):
    assert found(text) == []


def test_a_name_that_is_allowed_is_free_and_only_that():
    text = "The Drive PX 20 and the 20 cars.\n\n<!-- bound\nname Drive PX 20\n-->"
    assert found(text) == ["20"]


@pytest.mark.parametrize(
    "line, value, right",
    [
        ("0.031 = x", 0.0314, True), ("0.031 = x", 0.0316, False), ("0.031 = x", -0.031, False),
        ("-0.5 = x", -0.5, True), ("2,600 = x", 2600, True), ("2,600 = x", 2601, False),
        ("2,600 ~ x", 2640, True), ("2,600 ~ x", 2660, False), ("3.3 ~ x", 3.28, True), ("3.3 ~ x", 3.36, False),
        ("100 ~ x", 140, True), ("100 ~ x", 160, False), ("1 = x", float("nan"), False), ("0 ~ x", 0.2, True),
        ("10 ~ x", 14, True), ("1e-3 = x", 0.0014, True), ("1e-3 = x", 0.0016, False), (".5 = x", 0.54, True),
        ("0.50 ~ x", 0.504, True), ("0.50 ~ x", 0.51, False),
    ],
)  # fmt: skip
def test_a_binding_holds_at_the_digits_printed(line, value, right):
    (binding,), _ = prose.bindings(f"<!-- bound\n{line}\n-->")
    assert prose.agrees(binding, value) == right


@pytest.mark.parametrize("line", ["about 3 = x", "0.5 == x", "0.5", "0.5 = x +", "name"])
def test_a_line_that_binds_nothing_is_refused(line):
    with pytest.raises(DataError, match=r"bound number|this is neither"):
        prose.bindings(f"<!-- bound\n{line}\n-->")


def notebook(*cells):
    """Cells with ids c0, c1, ...: text where there is a heading or a comment, code elsewhere."""
    made = [NEW.new_markdown_cell(c) if c.startswith("##") or "<!--" in c else NEW.new_code_cell(c) for c in cells]
    for k, cell in enumerate(made):
        cell.id = f"c{k}"
    return NEW.new_notebook(cells=made)


def test_a_literal_of_the_same_section_is_proof_and_one_of_another_is_not():
    one, code, two = "## One\n\nBatches of 32, 2.5 percent.", "B = 32\nassert error < 0.025", "## Two\n\nStill 32."
    assert [(n.cell, n.number) for n in prose.unbound(notebook(one, code, two))] == [("c2", "32")]


def test_numbers_in_texts_of_code_prove_nothing():
    assert prose.literals("x = 'about 44'; y = 2**6; z = f'{7.5}'; w = 1_000 / 8") >= {64.0, 7.5, 125.0}
    assert 44.0 not in prose.literals("x = 'about 44'")


def test_proofs_run_where_the_text_stands_and_tell_what_is_false(tmp_path):
    first = "## A\n\n3.0, not 3.5; 9.0, 8.0.\n\n<!-- bound\n3.0 = x\n3.5 = x\nbelow 9.0 = x\nbelow 8.0 = gone\n-->"
    made = notebook("x = 3.0", first, "x = 4.0", "4.00\n\n<!-- bound\n4.00 = x\n-->", "x = 9.0")
    run = execute(tmp_path / "n.ipynb", notebook=prose.proofs(made))
    said = "".join(o.text for c in run.cells if "edf" in c.metadata for o in c.outputs)
    assert said.splitlines() == [
        "The text says 3.5, but x is 3.",
        "The text says 8.0, but gone fails: NameError: name 'gone' is not defined.",
    ]
    assert [c.metadata.edf.proves for c in run.cells if "edf" in c.metadata] == ["c1", "c3", "c1"]
    assert len(made.cells) == 5  # the original is left as it was


def test_a_proof_leaves_no_name_behind():
    made = notebook("x = 3.0", "3.0\n\n<!-- bound\n3.0 = x\n-->")
    (cell,) = [c for c in prose.proofs(made).cells if "edf" in c.metadata]
    names = {"x": 3.0}
    exec(cell.source, names)
    assert set(names) - {"__builtins__"} == {"x"}


def test_the_reader_sees_no_comment():
    assert prose.without_comments("Text 5 GB.\n\n<!-- bound\n5 = x\n-->") == "Text 5 GB."
