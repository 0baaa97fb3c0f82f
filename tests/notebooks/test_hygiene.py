"""Notebooks are committed clean, and read well before anything runs."""

import re

import nbformat
import pytest
from tests_paths import NOTEBOOKS, ROOT


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: str(p.relative_to(ROOT)))
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_is_valid_and_carries_no_outputs_counts_or_widget_state(notebook):
    nbformat.validate(notebook)
    assert notebook.nbformat_minor >= 5 and "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None, cell.id


def test_cell_ids_are_unique_and_readable(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) for name in ids), ids


def test_headings_come_in_order(notebook):
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    levels = [len(m) for m in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_names_no_path_of_a_machine_and_installs_nothing(notebook):
    text = "\n".join(c.source for c in notebook.cells)
    assert not re.search(r"(/home/|/Users/|/root/|/tmp/|C:\\\\|!pip|%pip|https?://localhost)", text)


def test_images_in_prose_have_alternative_text(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(|<img(?![^>]*alt=)", cell.source), cell.id
