"""Every page of the seeds has its section, every grave erratum its box, every widget its place."""

import re
import tomllib

import pytest
from tests_paths import LECTURES, ROOT

from edfcore.execute import read
from edfcore.widgets import WIDGETS

MAP = tomllib.loads((ROOT / "lectures" / "coverage.toml").read_text(encoding="utf-8"))
PAGES = {"S0": 13, "S1": 7, "S2": 37, "S3": 12, "S4": 64}  # of each seed, counted in its text
GRAVE = {  # errata of severity A or B, by seed
    0: [1, 2, 3, 4, 5, 6, 7],
    1: [1, 2, 3, 4, 5],
    2: [1],
    3: [1, 2, 4],
    4: [1, *range(3, 16), *range(17, 24), *range(25, 28), *range(29, 33), 34, 36, *range(39, 44), 48, 49, 50, 52],
}
PLACES = {
    "BatchMicroscope": "01", "Broadcasting": "02", "BreakTheEngine": "03", "GridExplorer": "04", "OptimizerPaths": "05",
    "OptimizerCourt": "06", "VanishingGradients": "08", "ScheduleComposer": "10", "MultiGpuTimeline": "11",
}  # fmt: skip


@pytest.fixture(scope="module")
def lectures():
    return {path.name[:2]: read(path) for path in LECTURES}


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def headings(notebook):
    """A lecture's headings, without hashes and numbers."""
    return set(re.findall(r"^#{1,4} (?:\d+\. )?(.+?)\s*$", prose(notebook), re.MULTILINE))


def test_there_are_thirteen():
    assert [path.name[:2] for path in LECTURES] == [f"{n:02d}" for n in range(13)]


def test_every_page_is_listed():
    for seed, count in PAGES.items():
        assert sorted(map(int, MAP["pages"][seed])) == list(range(1, count + 1)), seed


@pytest.mark.parametrize("seed", PAGES)
def test_every_page_has_sections_that_exist(seed, lectures):
    for number, page in MAP["pages"][seed].items():
        assert page["in"], (seed, number)
        for lecture, section in page["in"]:
            assert section in headings(lectures[lecture]), (seed, number, lecture, section)


def test_every_grave_erratum_has_a_box_that_prints_its_symptom_and_a_check(lectures):
    for seed, numbers in GRAVE.items():
        for number in numbers:
            name = f"{seed}.{number}"
            lecture = MAP["errata"][name]
            box = re.search(
                rf"^> \*\*Erratum {re.escape(name)}\*\*.*?(?=\n[^>]|\n>? ?\*\*Erratum|\Z)",
                prose(lectures[lecture]),
                re.M | re.S,
            )
            assert box, name
            for part in ("*Printed:*", "*Symptom:*", "*Corrected:*", "*Check:*"):
                assert part in box[0], (name, part)
            assert runs_after(lectures[lecture], name), (
                f"erratum {name}: no cell with an assert or a comparison follows its box"
            )


def runs_after(notebook, name):
    """Whether a code cell with a check follows the box within the same section."""
    at = next(
        k for k, c in enumerate(notebook.cells) if c.cell_type == "markdown" and f"**Erratum {name}**" in c.source
    )
    for cell in notebook.cells[at + 1 :]:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            return False
        if cell.cell_type == "code" and re.search(r"\bassert\b|\bcompare\(|\bsentence\(", cell.source):
            return True
    return False


def test_every_widget_has_its_place(lectures):
    for widget, lecture in PLACES.items():
        code = "\n".join(c.source for c in lectures[lecture].cells if c.cell_type == "code")
        assert re.search(rf"\b{widget}\(", code), (widget, lecture)
    assert set(PLACES) == set(WIDGETS) - {"TrainingMonitor", "LiveFigure"}


def test_the_table(lectures, capsys):
    """What each lecture holds, for those who read the log."""
    with capsys.disabled():
        print("\nlecture                                   cells predictions errata numbers pages")
        for number, notebook in lectures.items():
            code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
            asked = len(set(re.findall(r'\bpredict\(\s*"([^"]+)"', code)))
            boxes = len(set(re.findall(r"\*\*Erratum ([\d.]+)\*\*", prose(notebook))))
            pages = sum(lec == number for seed in MAP["pages"].values() for p in seed.values() for lec, _ in p["in"])
            bound = sum(
                len(re.findall(r"^(?:below )?-?[\d.,]+ ?[=~]", t, re.M))
                for t in re.findall(r"<!-- bound\n(.*?)-->", prose(notebook), re.S)
            )
            title = prose(notebook).splitlines()[0].lstrip("# ")
            print(f"{title:<42}{len(notebook.cells):>5}{asked:>12}{boxes:>7}{bound:>8}{pages:>6}")
