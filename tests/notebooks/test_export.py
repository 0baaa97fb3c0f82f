"""Exported pages: formulas, pictures with words, widgets alive, nothing asked of the network."""

import re

import nbformat
import pytest
from click.testing import CliRunner

from edfcore.cli import main
from edfcore.errors import DataError
from edfcore.export import as_page, export, markdown, mathml

NEW = nbformat.v4


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A page of one executed notebook, as text, and its path."""
    folder = tmp_path_factory.mktemp("pages")
    cells = [
        NEW.new_markdown_cell("# A page\n\nThe sum $y[j] = \\sum_i x[i] W[i,j]$ and\n\n$$\\frac{a}{b} < c$$"),
        NEW.new_code_cell("from edfcore import widgets, figures\nwidgets.OptimizerPaths(kappa=20.0)"),
        NEW.new_code_cell("print('a < b'); figures.loss_curves({'one': [2.0, 1.5]})"),
        NEW.new_code_cell("figures.loss_curves({'one': [2.0, 1.5]})"),
        NEW.new_code_cell("widgets.predict('99.1', 'How many & why?', unit='percent')"),
    ]
    nbformat.write(NEW.new_notebook(cells=cells), folder / "n.ipynb")
    path = export(folder / "n.ipynb")
    return path.read_text(encoding="utf-8"), path


def test_a_page_asks_nothing_of_the_network(exported):
    text, _ = exported
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]+"', text)
    assert not re.findall(r"url\((?!#|data:)", text) and "@import" not in text


def test_formulas_are_mathml_with_their_latex_as_words(exported):
    text, _ = exported
    assert text.count("<math ") == 2 and 'display="block"' in text
    assert 'alttext="y[j] = \\sum_i x[i] W[i,j]"' in text
    assert mathml("\\undefined{", "inline").startswith(("<math", "<code>"))


def test_outputs_have_words_and_are_escaped(exported):
    text, _ = exported
    assert "a &lt; b" in text and "Prediction 99.1. How many &amp; why?" in text
    assert all('alt="' in image for image in re.findall(r"<img [^>]*>", text))
    assert "<title>A page</title>" in text


def test_a_widget_is_its_picture_its_state_and_one_module(exported):
    text, _ = exported
    assert text.count('class="edf-place" data-module="paths"') == 1
    assert text.count('<script type="text/x-edf-module"') == 2  # what is shared, and paths
    assert '"kappa":20' in text and '"_esm"' not in text


@pytest.mark.browser
@pytest.mark.slow
def test_it_lives_offline_and_without_scripts_shows_its_picture(exported):
    import shutil

    from playwright.sync_api import sync_playwright

    _, path = exported
    where = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(offline=True).new_page()
        errors, asked = [], []
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on("request", lambda r: asked.append(r.url))
        page.goto(f"file://{path}")
        page.wait_for_selector(".edf[data-frame]")
        before = page.locator(".edf-caption").inner_text()
        page.locator(".edf input[type=range]").first.press("ArrowRight")
        assert page.locator(".edf-caption").inner_text() != before and errors == []
        assert [u for u in asked if not u.startswith(("file:", "blob:", "data:"))] == []
        plain = browser.new_context(java_script_enabled=False).new_page()
        plain.goto(f"file://{path}")
        assert "condition number 20" in plain.locator(".edf-place img").get_attribute("alt")
        browser.close()


def test_the_command_says_what_it_wrote_and_what_failed(tmp_path):
    nbformat.write(NEW.new_notebook(cells=[NEW.new_code_cell("1/0")]), tmp_path / "bad.ipynb")
    done = CliRunner().invoke(main, ["export", str(tmp_path / "bad.ipynb")])
    assert done.exit_code == 1 and "a cell failed: ZeroDivisionError" in done.output
    done = CliRunner().invoke(main, ["export", str(tmp_path), "--as-saved", "--out", str(tmp_path / "pages")])
    assert done.exit_code == 0 and (tmp_path / "pages" / "bad.html").exists()
    (tmp_path / "no.ipynb").write_text("{")
    with pytest.raises(DataError, match="no notebook that can be read"):
        export(tmp_path / "no.ipynb")


def test_errors_and_colours_of_terminals_become_text():
    cell = NEW.new_code_cell("x")
    cell.outputs = [
        NEW.new_output("error", ename="E", evalue="v", traceback=["\x1b[31mred <b>\x1b[0m"]),
        NEW.new_output("display_data", {"text/markdown": "**bold**"}),
        NEW.new_output("display_data", {"image/png": "iVBOR", "text/plain": "a plot"}),
    ]
    text = as_page(NEW.new_notebook(cells=[cell]))
    assert "red &lt;b&gt;" in text and "<strong>bold</strong>" in text and 'alt="a plot"' in text
    assert "<h2" in markdown("## b")
