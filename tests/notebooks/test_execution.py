"""Every notebook is executed from a clean kernel; text, figures and numbers come out as claimed, twice the same."""

import re
import statistics

import nbformat
import pytest
from tests_paths import LECTURES, ROOT, SOURCES

from edfcore.execute import execute


def name(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module", params=LECTURES, ids=name)
def executed(request):
    return execute(request.param)


def outputs(notebook):
    return [(cell.id, output) for cell in notebook.cells for output in cell.get("outputs", ())]


def test_lecture_runs_without_error_warning_or_stderr(executed):
    for cell, output in outputs(executed):
        told = output.get("traceback") or output.get("text")
        assert output.output_type != "error", (cell, output.get("evalue"))
        assert output.get("name") != "stderr", (cell, told)


def test_every_figure_has_alternative_text(executed):
    for cell, output in outputs(executed):
        html = output.get("data", {}).get("text/html", "")
        assert "image/png" not in output.get("data", {}), (cell, "return the figure instead of showing it by pyplot")
        for tag in re.findall(r"<img[^>]*>", html):
            assert re.search(r'alt="[^"]{20,}"', tag), cell


def test_lecture_has_predictions_a_break_it_and_closing_questions(executed):
    code = "\n".join(c.source for c in executed.cells if c.cell_type == "code")
    prose = "\n".join(c.source for c in executed.cells if c.cell_type == "markdown")
    keys = set(re.findall(r'predict\(\s*"([^"]+)"', code))
    assert len(keys) >= 1 and keys == set(re.findall(r'reveal\(\s*"([^"]+)"', code))
    assert re.search(r"^#+ .*[Bb]reak", prose, re.MULTILINE)
    assert len(re.findall(r"<details>", prose)) >= 3


def test_code_cells_are_short(executed):
    lengths = [len(c.source.splitlines()) for c in executed.cells if c.cell_type == "code"]
    assert max(lengths) <= 15 and statistics.median(lengths) <= 6


@pytest.mark.slow
@pytest.mark.parametrize("path", LECTURES, ids=name)
def test_two_runs_give_the_same_figures_and_numbers(path):
    first, second = execute(path), execute(path)
    timed = timing_cells(first)
    for a, b in zip(first.cells, second.cells, strict=True):
        if a.id not in timed:
            assert plain(a) == plain(b), a.id


def timing_cells(notebook):
    """Cells whose outputs hold times: they are marked with the tag `timing`."""
    return {cell.id for cell in notebook.cells if "timing" in cell.metadata.get("tags", ())}


def plain(cell):
    """What a cell shows, without widget ids and object addresses; a printed text may come in any number of pieces."""
    shown = ""
    for output in cell.get("outputs", ()):
        data = {k: v for k, v in output.get("data", {}).items() if "widget" not in k}
        shown += str(data) if data else output.get("text", "")
    return re.sub(r"0x[0-9a-f]+|VBox\(.*\)", "", shown, flags=re.DOTALL)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_reference_notebook_runs_without_error(path):
    notebook = execute(path)
    assert not [o.evalue for _, o in outputs(notebook) if o.output_type == "error"]
    assert not [cell for cell, o in outputs(notebook) if o.get("name") == "stderr"]


def test_prose_of_lecture_00_and_01_reads_a_real_result():
    """The trained network's error is asserted in the notebook itself, on all 10,000 test images."""
    lecture = nbformat.read(ROOT / "lectures" / "01_the_batch_index.ipynb", as_version=4)
    code = "\n".join(c.source for c in lecture.cells if c.cell_type == "code")
    assert re.search(r"assert .*0\.025", code)
