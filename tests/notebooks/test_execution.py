"""Every notebook is executed from a clean kernel; text, figures and numbers come out as claimed, twice the same."""

import re

import pytest
from tests_paths import LECTURES, SOURCES, name

from edfcore.execute import execute
from edfcore.export import as_page

every_lecture = pytest.mark.parametrize("lecture", LECTURES, ids=name)


def outputs(notebook):
    return [(cell, output) for cell in notebook.cells for output in cell.get("outputs", ())]


@every_lecture
def test_lecture_runs_without_error_warning_or_stderr(executed):
    for cell, output in outputs(executed):
        assert output.output_type != "error", (cell.id, output.get("evalue"))
        assert output.get("name") != "stderr", (cell.id, output.get("text"))


@every_lecture
def test_every_number_in_the_prose_is_what_the_notebook_computes(executed):
    said = [(cell.metadata.edf.proves, o.text) for cell, o in outputs(executed) if "edf" in cell.metadata]
    assert said == []


@every_lecture
def test_every_figure_has_alternative_text(executed):
    for cell, output in outputs(executed):
        data = output.get("data", {})
        if "application/vnd.jupyter.widget-view+json" in data:
            continue  # a picture for where widgets do not run; its text stands beside it
        assert "image/png" not in data, (cell.id, "return the figure instead of showing it by pyplot")
        for tag in re.findall(r"<img[^>]*>", data.get("text/html", "")):
            assert re.search(r'alt="[^"]{20,}"', tag), cell.id


@every_lecture
def test_its_page_is_complete(executed, lecture):
    """Heading order, words for pictures, nothing from the network, each widget that can live in a page alive."""
    text = as_page(executed, lecture.stem, lecture.parent)
    levels = [int(n) for n in re.findall(r"<h([1-6])\b", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    pictures = re.findall(r"<img [^>]*>", text)
    assert pictures and all(re.search(r'alt="[^"]{20,}"', tag) for tag in pictures)
    assert not re.findall(r"""\s(?:src|srcset)=["'](?!data:|#|blob:)""", text) and "data-left-out" not in text
    assert "<!-- bound" not in text and text.count("<code>$") == 0
    drawn = {state["_anywidget_id"] for state in widget_states(executed) if "_anywidget_id" in state}
    assert text.count("edf-place") >= len(drawn)


def widget_states(notebook):
    saved = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    return [entry["state"] for entry in saved.get("state", {}).values()]


@pytest.mark.slow
@every_lecture
def test_two_runs_give_the_same_figures_and_numbers(executed, again):
    for a, b in zip(executed.cells, again.cells, strict=True):
        if "timing" not in a.metadata.get("tags", ()):  # its outputs hold times
            assert plain(a) == plain(b), a.id


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
    assert not [cell.id for cell, o in outputs(notebook) if o.get("name") == "stderr"]
