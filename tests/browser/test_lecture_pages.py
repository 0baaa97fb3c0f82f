"""Every lecture as a page without a network: its widgets live, and axe finds nothing serious in the whole of it."""

from pathlib import Path

import pytest

from edfcore.export import as_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LECTURES = sorted((Path(__file__).resolve().parents[2] / "lectures").glob("*.ipynb"))


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda p: p.stem)
def test_the_page_of_a_lecture_lives_offline(runs, lecture, opened, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "lecture.html"
    path.write_text(as_page(runs.of(lecture, False), lecture.stem, lecture.parent), encoding="utf-8")
    page = opened(offline=True)
    page.goto(f"file://{path}")
    places = page.locator(".edf-place").count()
    if places:
        page.wait_for_function(f"() => document.querySelectorAll('.edf[data-frame]').length === {places}")
    assert page.log == []
    assert [u for u in page.asked if not u.startswith(("file:", "blob:", "data:"))] == []
    found = Axe().run(page).response["violations"]
    grave = [v for v in found if v["impact"] in ("serious", "critical") or v["id"] == "heading-order"]
    assert [f"{v['id']}: {v['nodes'][0]['html'][:150]}" for v in grave] == []
