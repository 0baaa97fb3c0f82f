"""What is sanitised can do nothing, and what is honest stays readable."""

import base64
import io
import time
from html.parser import HTMLParser

import nbformat
import pytest
from hostile import VECTORS, browser_page, picture, visit
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image  # an independent reader of pictures

from autograde import sanitise
from autograde.sanitise import as_markdown, markdown_html, plain, png, redact, sanitise_html, sanitise_notebook

PNG = base64.b64encode(picture()).decode()


class Reader(HTMLParser):
    """An independent reading of a fragment: its elements and attributes, and whether it is balanced."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.balanced = [], [], True
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.balanced &= bool(self.open) and self.open.pop() == tag


def assert_harmless(fragment):
    reader = Reader(fragment)
    assert reader.balanced and not reader.open
    for tag, attributes in reader.found:
        assert tag in sanitise.TAGS
        assert set(attributes) <= sanitise.ATTRIBUTES.get(tag, set()) | {"rel"}
        assert attributes.get("href", "http:").lower().startswith(("http:", "https:", "mailto:"))
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert set(attributes.get("style", "").replace("text-align:", "").strip("; ")) <= set("leftrighcn")


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_each_vector_is_harmless_as_html_and_as_markdown(vector):
    assert_harmless(sanitise_html(vector))
    assert_harmless(markdown_html(vector))


HOSTILE = st.lists(st.one_of(st.sampled_from(VECTORS), st.text(max_size=20)), max_size=4).map("".join)


@given(HOSTILE)
def test_what_is_sanitised_is_harmless_and_stays_as_it_is(text):
    once = sanitise_html(text)
    assert_harmless(once)
    assert sanitise_html(once) == once


@given(HOSTILE)
def test_sanitised_markdown_passes_through_nbconverts_markdown_unread(text):
    fragment = markdown_html(text)
    assert_harmless(fragment)
    again = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(as_markdown(fragment))
    assert again.strip() == as_markdown(fragment)


def test_honest_markdown_keeps_its_look_and_its_mathematics():
    source = "# Loss\n\nIf $a<b$ then **so**, `x < 1`, [here](https://a.test/?q=1&r=2):\n\n$$\\frac{1}{B}$$\n\n"
    found = markdown_html(f"{source}- one\n- two\n\n|a|b|\n|:-|-:|\n|1|2|")
    for part in (
        "<h1>Loss</h1>", "$a&lt;b$", "<strong>so</strong>", "<code>x &lt; 1</code>", "$$\\frac{1}{B}$$", "<li>one</li>",
        'href="https://a.test/?q=1&amp;r=2"', '<td style="text-align:right">2</td>',
    ):  # fmt: skip
        assert part in found


@pytest.mark.parametrize("between", ["\n", "\n\n", "\n\nText\n\n"])
def test_hints_survive_with_their_text(between):
    hints = [f"<details><summary>Hint {n}</summary>The letter {n} &lt; 3.</details>" for n in (1, 2)]
    found = markdown_html(between.join(hints))
    assert all(hint in found for hint in hints)
    again = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(as_markdown(found))
    assert all(hint in again for hint in hints)


def test_an_attached_picture_is_shown_if_it_is_a_png():
    assert "data:image/png;base64," in markdown_html("![a](attachment:a.png)", {"a.png": {"image/png": PNG}})
    for attachments in (
        {},
        {"a.png": {"image/svg+xml": "<svg onload=x>"}},
        {"a.png": 3},
        {"a.png": {"image/png": "AAAA"}},
    ):
        assert "src" not in markdown_html("![a](attachment:a.png)", attachments)


def test_a_link_into_the_site_is_no_link():
    """In formgrader, a relative address would be a request with the instructor's rights."""
    assert "href" not in sanitise_html(
        "<a href='/formgrader/api/x'>x</a><a href='../x'>y</a><a href='//evil.test'>z</a>"
    )


@pytest.mark.parametrize(
    "piece", ["<b>", "<table>", "</p>", "<a href=x>", "[", "\\begin{a}", "> ", "`", "![](", "<!--"]
)
def test_no_text_takes_long(piece):
    started = time.process_time()
    sanitise_notebook({"cells": [{"cell_type": "markdown", "source": piece * (20_000 // len(piece))}] * 30})
    assert time.process_time() - started < 5


def test_deep_nesting_is_shown_as_text():
    assert markdown_html("<b>" * 5000).startswith("<pre>&lt;b&gt;")


def test_plain_strips_what_moves_the_cursor_or_turns_the_text():
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link \x9b1mbold\x07\x08") == "red link bold"
    assert plain("a\u202eb\u2066c\ufeff\U000e0041") == "abc"
    assert plain("tab\tline\nnext\r\nlast") == "tab\tline\nnext\nlast"
    assert plain("\ud800x") == "\ufffdx" and plain(None) == plain(3) == plain(["a"]) == ""


def test_a_progress_bar_leaves_its_last_state():
    assert plain("\r 10%|#   |\r 55%|##  |\r100%|####|\ndone\n") == "100%|####|\ndone\n"


@given(st.text(), st.integers(40, 400))
def test_plain_is_short_printable_and_stays_as_it_is(text, limit):
    found = plain(text * 20, limit)
    assert len(found) <= limit + 60
    assert not [c for c in found if ord(c) < 32 and c not in "\n\t"]
    assert plain(found, 10_000) == found
    found.encode("utf-8")


def test_plain_keeps_beginning_and_end():
    found = plain("begin" + "x" * 10**6 + "end", 1000)
    assert found.startswith("begin") and found.endswith("end") and "characters left out" in found


def test_a_picture_is_rewritten_without_what_does_not_draw_it():
    hidden = b"<script>window.canary=1</script>"
    data = picture(extra=hidden) + hidden
    found = base64.b64decode(png(data))
    assert hidden not in found and hidden in data
    assert Image.open(io.BytesIO(found)).size == (2, 2) and png(found) == base64.b64encode(found).decode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x89PNG\r\n\x1a\n", b"GIF89a<script>", picture()[:-3], picture()[:40],
        picture().replace(b"IDAT", b"IDAX"), bytearray(picture()), 7, None, "!!!!", "<svg onload=x>",
        base64.b64encode(b"<svg/>").decode(), picture(30_000, 1), picture()[:8] + picture()[33:],
        picture()[:20] + b"\x07" + picture()[21:],
    ],
)  # fmt: skip
def test_what_is_no_sound_picture_is_none(data):
    assert png(data) is None


@given(st.integers(8, len(picture()) - 1), st.integers(1, 255))
def test_a_damaged_picture_is_none_or_still_a_picture(at, change):
    data = bytearray(picture())
    data[at] ^= change
    found = png(bytes(data))
    assert found is None or base64.b64decode(found).startswith(b"\x89PNG\r\n\x1a\n")


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(VECTORS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CELLS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "cell_type": st.sampled_from(["code", "markdown", "raw", "x", None]),
            "source": ODD,
            "id": ODD,
            "attachments": ODD,
            "execution_count": ODD,
            "metadata": ODD | st.fixed_dictionaries({"nbgrader": st.dictionaries(
                st.sampled_from(["grade", "grade_id", "points", "comment", "solution", "score", "checksum"]), ODD)}),
            "outputs": ODD | st.lists(st.fixed_dictionaries({"output_type": st.sampled_from(
                ["stream", "error", "execute_result", "display_data", "x"])}, optional={
                    "data": ODD, "text": ODD, "traceback": ODD, "evalue": ODD, "name": ODD}), max_size=3),
        },
    ),
    max_size=3,
)  # fmt: skip


@given(CELLS, ODD)
def test_any_notebook_becomes_a_valid_one(cells, metadata):
    for nb in ({"cells": cells, "metadata": metadata}, metadata):
        found = sanitise_notebook(nb)
        nbformat.validate(found)
        assert "outputs" not in str(found.metadata) and set(found.metadata) <= {"language_info", "kernelspec"}


def hostile_notebook(vector):
    """A notebook with the vector in every place that a template shows."""
    output = {"output_type": "display_data", "metadata": {"image/png": {"width": vector}}, "data": {
        "text/html": vector, "image/svg+xml": vector, "application/javascript": "window.canary=1", "text/latex": vector,
        "text/markdown": vector, "image/png": vector, "text/plain": vector,
        "application/vnd.jupyter.widget-view+json": {"model_id": vector}}}  # fmt: skip
    error = {"output_type": "error", "ename": vector, "evalue": vector, "traceback": [vector]}
    stream = {"output_type": "stream", "name": "stdout", "text": vector}
    mark = {"grade": True, "grade_id": "g", "solution": True, "locked": False, "points": 2, "schema_version": 3,
            "task": False, "comment": vector, "score": 1}  # fmt: skip
    code = {"cell_type": "code", "execution_count": 1, "metadata": {"tags": [vector], "alt": vector, "nbgrader": mark}}
    return nbformat.from_dict({
        "nbformat": 4, "nbformat_minor": 5,
        "metadata": {"title": vector, "language_info": {"name": vector, "pygments_lexer": "ipython3"},
                     "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"x": vector}}}},
        "cells": [
            code | {"id": "a", "source": vector, "outputs": [output, error, stream]},
            {"id": "b", "cell_type": "markdown", "metadata": {"nbgrader": mark | {"grade_id": "h"}}, "source": vector,
             "attachments": {"a.png": {"image/svg+xml": vector}}},
            {"id": "c", "cell_type": "raw", "metadata": {}, "source": vector},
        ],
    })  # fmt: skip


def rendered(nb):
    """The notebook as nbconvert's classic template shows it, without the scripts that the template brings."""
    exporter = HTMLExporter(template_name="classic", exclude_anchor_links=True)
    body = exporter.from_notebook_node(nb)[0].split("<body>", 1)[1]
    return f"<body>{body}"


@pytest.mark.browser
def test_no_rendered_notebook_runs_a_script_or_sends_a_request():
    with browser_page() as page:
        for start in range(0, len(VECTORS), 36):
            some = [hostile_notebook(vector) for vector in VECTORS[start : start + 36]]
            many = nbformat.from_dict(some[0] | {"cells": [cell for nb in some for cell in nb.cells]})
            safe = sanitise_notebook(many)
            assert visit(page, rendered(safe)) == (False, []), start
            assert page.locator("#notebook .cell").count() == len(safe.cells)
        # The browser sees the harm where nothing is sanitised.
        assert visit(page, rendered(hostile_notebook(VECTORS[0])))[0]


@pytest.mark.browser
@pytest.mark.slow
def test_most_vectors_do_harm_in_a_bare_page():
    with browser_page() as page:
        harm = [visit(page, f"<main>{vector}</main>") != (False, []) for vector in VECTORS]
    assert sum(harm) > len(VECTORS) / 2


def test_a_name_that_nbgrader_forbids_is_dropped():
    """formgrader writes the name into an attribute as it is."""
    cell = {"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": 'a"><script>', "grade": True}}}
    assert sanitise_notebook({"cells": [cell]}).cells[0].metadata == {}


def test_hidden_lines_leave_every_output():
    source = "x = 1\nexpected = secret(12345)\n"
    secrets = sanitise.hidden_lines(source, "x = 1\n")
    assert secrets == {"expected = secret(12345)"}
    assert redact("a\n----> 2 expected = secret(12345)\nb", secrets) == "a\n[hidden]\nb"
