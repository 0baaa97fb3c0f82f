"""Where the notebooks are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LECTURES = sorted((ROOT / "lectures").glob("*.ipynb"))
SOURCES = sorted((ROOT / "solutions").glob("A*/A*.ipynb"))
NOTEBOOKS = [*LECTURES, *SOURCES, *sorted((ROOT / "assignments").glob("A*/A*.ipynb"))]


def name(path):
    """A notebook's path in the repository, for a test's id."""
    return str(path.relative_to(ROOT))
