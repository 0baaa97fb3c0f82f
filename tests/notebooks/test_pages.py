"""Exported pages: formulas, pictures with words, widgets alive, nothing asked of the network."""

import base64
import re

import nbformat
import pytest
from click.testing import CliRunner

from edfcore.cli import main
from edfcore.errors import DataError
from edfcore.export import ALLOWED, as_page, export, formula, held, markdown, mathml

NEW = nbformat.v4


MAKE = """def make():
    made = figures.figure('A line')
    return made, made.subplots().plot([0, 1], [0, 1])"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A page of one executed notebook, as text, and its path."""
    folder = tmp_path_factory.mktemp("pages")
    cells = [
        NEW.new_markdown_cell("# A page\n\nThe sum $y[j] = \\sum_i x[i] W[i,j]$ and\n\n$$\\frac{a}{b} < c$$"),
        NEW.new_code_cell("from edfcore import widgets, figures\nwidgets.OptimizerPaths(kappa=20.0)"),
        NEW.new_code_cell(MAKE),
        NEW.new_code_cell("print('a < b'); figures.loss_curves({'one': [2.0, 1.5]})"),
        NEW.new_code_cell("figures.loss_curves({'one': [2.0, 1.5]})"),
        NEW.new_code_cell("widgets.LiveFigure(make, lambda artists, at: f'At {at}.', at=(0, 2))"),
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
    assert text.count('<script type="text/x-edf-module"') == 3  # what is shared, paths and live_figure
    assert '"kappa":20' in text and '"_esm"' not in text


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


# What a notebook may hold


def page_of(*outputs, widgets=None):
    cell = NEW.new_code_cell("x", outputs=[NEW.new_output("display_data", data) for data in outputs])
    notebook = NEW.new_notebook(cells=[cell])
    if widgets is not None:
        notebook.metadata["widgets"] = widgets
    return as_page(notebook)


VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


@pytest.mark.parametrize(
    "entry",
    [{"_anywidget_id": "edfcore.widgets.paths.Nonsense"}, {"_anywidget_id": "edfcore.widgets.nonsense.Paths"},
     {"_anywidget_id": "edfcore.widgets.base.Widget"}, {"_anywidget_id": None}, {"_anywidget_id": ["a"]}, {}, None],
)  # fmt: skip
def test_a_widget_that_is_not_known_is_its_picture(entry):
    states = {STATE: {"state": {"m": entry if entry is None else {"state": entry}}}}
    text = page_of({VIEW: {"model_id": "m"}, "image/png": PNG, "text/plain": "a widget"}, widgets=states)
    assert "edf-place" not in text and 'alt="a widget"' in text


def test_what_a_notebook_names_is_not_imported(tmp_path, monkeypatch):
    import sys

    from edfcore import widgets

    (tmp_path / "trap.py").write_text("raise SystemExit")
    monkeypatch.setattr(widgets, "__path__", [*widgets.__path__, str(tmp_path)])
    states = {STATE: {"state": {"m": {"state": {"_anywidget_id": "edfcore.widgets.trap.Trap"}}}}}
    assert 'alt="a"' in page_of({VIEW: {"model_id": "m"}, "image/png": PNG, "text/plain": "a"}, widgets=states)
    assert "edfcore.widgets.trap" not in sys.modules


@pytest.mark.parametrize("view", [{}, {"model_id": None}, {"model_id": "gone"}, None])
@pytest.mark.parametrize("saved", [{}, None, {STATE: None}, {STATE: {"state": None}}])
def test_a_view_without_a_model_is_its_text(view, saved):
    assert "<pre>a widget</pre>" in page_of({VIEW: view, "text/plain": "a widget"}, widgets=saved)


@pytest.mark.parametrize("buffers", [None, [{"path": ["data", "x"], "data": "AA=="}], [{"data": ""}], [3]])
def test_a_widget_whose_bytes_lead_nowhere_is_its_picture_or_itself(buffers):
    entry = {"state": {"_anywidget_id": "edfcore.widgets.paths.OptimizerPaths"}, "buffers": buffers}
    states = {STATE: {"state": {"m": entry}}}
    text = page_of({VIEW: {"model_id": "m"}, "image/png": PNG, "text/plain": "a"}, widgets=states)
    assert ("edf-place" in text) == (buffers is None) and 'alt="a"' in text


def test_a_missing_attachment_is_its_words():
    assert 'alt="a cat"' in markdown("![a cat](attachment:gone.png)")
    assert f"data:image/png;base64,{PNG}" in markdown("![a cat](attachment:b.png)", {"b.png": {"image/png": PNG}})


# What a page shows


def test_latex_and_photographs_are_shown():
    text = page_of({"text/latex": "$\\displaystyle x^{2}$", "text/plain": "x**2"}, {"image/jpeg": "/9j/\n4A=="})
    assert '<math alttext="x^{2}"' in text and 'src="data:image/jpeg;base64,/9j/4A=="' in text
    assert 'display="block"' in formula("$$a$$") and 'display="inline"' in formula("$a$")
    assert 'display="block"' in formula("\\[a\\]") and "<mtable" in formula(ALIGNED)


ALIGNED = "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}"


def test_named_brackets_of_any_size_are_brackets():
    text = mathml(r"\Big\lceil \frac{n}{T} \Bigr\rceil + \Big( x \Big)", "block")
    assert "ceil<" not in text and "&#x02308;" in text and "Big<" not in text


def test_primes_stand_beside_their_letter():
    assert "<mi>f</mi><mo" in mathml("f'(x)", "inline") and "&#x02033;" in mathml("f''", "inline")
    assert "<msup>" not in mathml("f'(x)", "inline")


@pytest.mark.parametrize("latex", [r"y \mathrel{+}= x", "y += x"])
def test_an_update_is_one_operator(latex):
    assert "<mi>y</mi><mo>&#x0002B;&#x0003D;</mo><mi>x</mi>" in mathml(latex, "inline")


def test_wide_tables_scroll_by_themselves():
    text = as_page(NEW.new_notebook(cells=[NEW.new_markdown_cell("| a | b |\n|---|---|\n| 1 | 2 |")]))
    assert text.count('<div class="wide"><table>') == text.count("</table></div>") == 1


def test_environments_of_formulas_are_mathml():
    assert markdown(f"Two lines:\n\n{ALIGNED}\n").count("<mtable") == 1
    assert "<mtable" in markdown(f"Two lines: {ALIGNED}")


def test_the_title_is_a_heading_and_no_comment():
    cells = [NEW.new_code_cell("# a comment\n1"), NEW.new_markdown_cell("# A heading")]
    assert "<title>A heading</title>" in as_page(NEW.new_notebook(cells=cells))
    assert "<title>n</title>" in as_page(NEW.new_notebook(cells=cells[:1]), "n")


def test_a_page_forbids_itself_the_network(exported):
    text, _ = exported
    assert f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}">' in text
    assert "default-src 'none'" in ALLOWED and "http" not in ALLOWED and "*" not in ALLOWED
    assert text.index("Content-Security-Policy") < text.index("<style")


def test_pictures_beside_the_notebook_are_taken_in_and_others_left_out_and_told(tmp_path):
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "a b.png").write_bytes(base64.b64decode(PNG))
    (tmp_path / "secret.png").write_bytes(b"secret")
    source = (
        "# T\n\n![cat](a%20b.png) <img src='a b.png'>\n\n![dog](https://x.org/dog.png?a=1&b=2) ![no](../secret.png)"
    )
    html = "<img src=\"http://x.org/in.png\"><link rel='stylesheet' href='//x.org/a.css'><a href='https://x.org'>x</a>"
    cells = [
        NEW.new_markdown_cell(source),
        NEW.new_code_cell("x", outputs=[NEW.new_output("display_data", {"text/html": html})]),
    ]
    nbformat.write(NEW.new_notebook(cells=cells), tmp_path / "n" / "n.ipynb")
    told = []
    text = export(tmp_path / "n" / "n.ipynb", tmp_path / "out" / "n.html", run=False, tell=told.append).read_text()
    assert text.count(f"data:image/png;base64,{PNG}") == 2
    assert [s.rpartition(" ")[2] for s in told[:-1]] == [
        "https://x.org/dog.png?a=1&b=2", "../secret.png", "http://x.org/in.png", "//x.org/a.css",
    ]  # fmt: skip
    assert all(s.startswith("left out, since the page asks nothing of the network") for s in told[:-1])
    assert not re.findall(r"""\ssrc=["'](?!data:|#)""", text) and "<a href='https://x.org'>" in text
    assert 'alt="dog"' in text


def test_what_looks_like_an_element_in_text_stays():
    text = "<pre>&lt;img src=&quot;http://x.org/a.png&quot;&gt;</pre>"
    assert held(text) == text


def test_links_to_neighbours_lead_to_their_pages():
    cells = [
        NEW.new_markdown_cell("[next](02_b.ipynb) [part](../x/02_b.ipynb#a) [web](https://x.org/a.ipynb) `a.ipynb`")
    ]
    text = as_page(NEW.new_notebook(cells=cells))
    assert 'href="02_b.html"' in text and 'href="../x/02_b.html#a"' in text
    assert 'href="https://x.org/a.ipynb"' in text and "<code>a.ipynb</code>" in text


def test_what_gives_an_answer_away_is_folded_and_what_proves_numbers_is_not_shown():
    hidden = NEW.new_code_cell("reveal('1', 'A', 'why')", metadata={"jupyter": {"source_hidden": True}})
    hidden.outputs = [NEW.new_output("display_data", {"text/markdown": "The answer"})]
    text = as_page(NEW.new_notebook(cells=[NEW.new_markdown_cell("5 GB\n\n<!-- bound\n5 = secret\n-->"), hidden]))
    assert "<summary>What happened</summary>" in text.split("The answer")[0] and "secret" not in text
