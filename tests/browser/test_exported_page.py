"""An exported notebook in a browser without a network, and in one without scripts."""

import nbformat
import pytest

from edfcore.export import export

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIVE = (
    "from edfcore.figures import figure\n"
    "def make():\n    made = figure('x'); ax = made.subplots(); return made, ax.plot([0, 1], [0, 1])\n"
    "widgets.LiveFigure(make, lambda artists, at: f'At {at:g}.', at=(0.0, 2.0, 0.5))"
)


def test_it_lives_offline_and_without_scripts_shows_its_picture(opened, tmp_path):
    new = nbformat.v4
    cells = ["from edfcore import widgets\nwidgets.OptimizerPaths(kappa=20.0)", LIVE]
    nbformat.write(new.new_notebook(cells=[new.new_code_cell(c) for c in cells]), tmp_path / "n.ipynb")
    path = export(tmp_path / "n.ipynb")
    page = opened(offline=True)
    page.goto(f"file://{path}")
    page.wait_for_selector(".edf[data-frame]")
    before = page.locator(".edf-caption").first.inner_text()
    page.locator(".edf input[type=range]").first.press("ArrowRight")
    assert page.locator(".edf-caption").first.inner_text() != before
    page.wait_for_selector("[data-widget=live_figure] img[alt='Live figure. At 1.']")
    assert page.locator("[data-widget=live_figure] img").evaluate("(e) => e.naturalWidth") > 100
    assert page.log == []
    assert [u for u in page.asked if not u.startswith(("file:", "blob:", "data:"))] == []
    plain = opened(java_script_enabled=False)
    plain.goto(f"file://{path}")
    assert "condition number 20" in plain.locator(".edf-place img").first.get_attribute("alt")
