"""The form of a lecture: predictions, something broken on purpose, questions, short cells, proved numbers."""

import re
import statistics

import pytest
from tests_paths import LECTURES, name

from edfcore import prose
from edfcore.execute import read

pytestmark = pytest.mark.parametrize("path", LECTURES, ids=name)


def texts(path, kind):
    return [cell.source for cell in read(path).cells if cell.cell_type == kind]


def test_the_first_cell_says_what_for_whom_how_long_and_from_where(path):
    first = texts(path, "markdown")[0]
    for part in ("# ", "**Afterwards you can**", "**Before:**", "**Time:**", "**Pages:**"):
        assert part in first, part
    assert first.startswith(f"# {path.name[:2]} ")


def test_at_least_four_locked_predictions_each_with_its_answer(path):
    code = "\n".join(texts(path, "code"))
    asked = re.findall(r'\bpredict\(\s*f?"([^"]+)"', code)
    assert len(set(asked)) == len(asked) >= 4
    assert set(asked) == set(re.findall(r'\breveal\(\s*f?"([^"]+)"', code))
    assert all(key.startswith(f"{path.name[:2]}.") for key in asked)


def test_answers_stand_behind_their_questions_and_are_folded(path):
    waiting = set()
    for cell in read(path).cells:
        if cell.cell_type == "code":
            waiting |= set(re.findall(r'\bpredict\(\s*"([^"]+)"', cell.source))
            for key in re.findall(r'\breveal\(\s*"([^"]+)"', cell.source):
                assert key in waiting, (cell.id, key)
                assert cell.metadata.get("jupyter", {}).get("source_hidden"), cell.id


def test_something_is_broken_on_purpose(path):
    assert any(re.search(r"^#+ .*\b[Bb]reak", text, re.MULTILINE) for text in texts(path, "markdown"))


def test_three_questions_with_answers_then_where_to_go(path):
    prose_ = "\n".join(texts(path, "markdown"))
    asked = prose_[re.search(r"^#+ .*[Tt]hree questions", prose_, re.MULTILINE).start() :]
    assert len(re.findall(r"<details><summary>Answer</summary>", asked)) == 3
    assert "**Next:**" in asked


def test_code_cells_are_short(path):
    lengths = {c.id: len(c.source.splitlines()) for c in read(path).cells if c.cell_type == "code"}
    assert {name: n for name, n in lengths.items() if n > 15} == {}
    assert statistics.median(lengths.values()) <= 6


def test_every_number_in_the_prose_is_bound_or_plain(path):
    assert prose.unbound(read(path)) == []


def test_links_to_other_notebooks_lead_somewhere(path):
    for text in texts(path, "markdown"):
        for target in re.findall(r"\]\(([^)#:]+\.(?:ipynb|md|png))(?:#[^)]*)?\)", text):
            assert (path.parent / target).exists(), target
