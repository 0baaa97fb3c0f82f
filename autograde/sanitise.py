"""Students' text, HTML, Markdown and notebooks made fit to be shown to others.

Everything goes by an allow-list: what is not known to be harmless is left out. HTML is parsed and written anew by nh3
(ammonia); a PNG is taken apart and put together from the chunks that draw it; a notebook is built from scratch out of
the few fields that its templates read.
"""

import base64
import binascii
import html
import math
import re
import struct
import zlib

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import v4

TEXT_LIMIT = 20_000  # characters of one output
SOURCE_LIMIT = 100_000  # characters of one cell
MARKDOWN_LIMIT = 20_000  # characters; some Markdown takes quadratic time, 0.3 s for this many
MARKDOWN_BUDGET = 100_000  # characters rendered as Markdown in one notebook; what follows is shown as text
HTML_DEPTH = 100  # nested elements; deeper ones exhaust the stack of those who walk them recursively
OUTPUTS_LIMIT = 50  # outputs of one cell
PNG_LIMIT = 2_000_000  # bytes of one picture
PNG_BUDGET = 8_000_000  # bytes of all pictures in one notebook
PIXELS_LIMIT = 25_000_000  # of one picture; a browser takes 4 bytes for each
SECRET_LENGTH = 12  # characters; shorter lines of a hidden test say nothing

TAGS = frozenset(
    "a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins "
    "kbd li mark ol p pre q s samp small span strike strong sub summary sup table tbody td tfoot th thead tr tt u ul "
    "var".split()
)
# Elements that go with what stands in them: it is not meant as text, or a browser may read it as something else.
DROPPED = frozenset(
    "applet audio base canvas embed foreignobject frame frameset head iframe link math meta noembed noframes noscript "
    "object plaintext script select style svg template textarea title video xmp".split()
)
_CELL = {"align", "colspan", "rowspan", "style"}
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "details": {"open"},
    "img": {"alt", "height", "src", "title", "width"},
    "ol": {"start"},
    "td": _CELL,
    "th": _CELL | {"scope"},
}
SCHEMES = {"http", "https", "mailto"}
_ALIGNED = re.compile(r"text-align:\s*(left|right|center);?")  # what Markdown's tables write
_NUMBER = re.compile(r"\d{1,4}%?")
_PNG_URI = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")

_ANSI = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system command: titles, links
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # control sequence: colours, cursor
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # strings
    r"|\x1b[ -/]*[0-~]?"
)
# Controls but tab and newline; what turns the direction of text; annotations; invisible tags; noncharacters.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u206a-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def plain(text, limit=TEXT_LIMIT):
    """`text` without terminal sequences, control characters and marks that turn its direction.

    A carriage return starts the line anew, as a terminal does, so that a progress bar leaves its last state.

    Parameters
    ----------
    text : str; anything else gives ""
    limit : int, characters; of a longer text the beginning and the end are kept

    Returns
    -------
    str, which still must be escaped where it enters HTML
    """
    if not isinstance(text, str):
        return ""
    text = shortened(text, 4 * limit)
    text = _ANSI.sub("", text).replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = "\n".join(_overwritten(line) for line in text.split("\n"))
    return shortened(_SURROGATES.sub("\ufffd", _CONTROLS.sub("", text)), limit)


def _overwritten(line):
    return next((part for part in reversed(line.split("\r")) if part.strip()), "") if "\r" in line else line


def shortened(text, limit):
    """`text`, or its beginning, its end and how much is left out between them where it exceeds `limit` characters."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    return f"{text[:head]}\n[{len(text) - head - tail:,} characters left out]\n{text[len(text) - tail :]}"


def line(text, limit=200):
    """`text` as one plain line."""
    return " ".join(plain(text, limit).split())


def png(data):
    """A picture's bytes, checked and rewritten.

    Parameters
    ----------
    data : str (base64) or bytes

    Returns
    -------
    str, base64 of a PNG made of the chunks that draw the picture, or None where `data` is none, damaged or too large
    """
    if isinstance(data, str):
        try:
            data = base64.b64decode("".join(data.split()), validate=True) if len(data) < 2 * PNG_LIMIT else b""
        except (binascii.Error, ValueError):
            return None
    if not isinstance(data, bytes) or len(data) > PNG_LIMIT or not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    chunks = list(_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds.count(b"IHDR") != 1 or kinds[-1] != b"IEND" or b"IDAT" not in kinds:
        return None
    if not _drawable(chunks[0][1]):
        return None
    kept = b"".join(_chunk(kind, body) for kind, body in chunks if kind in PNG_CHUNKS)
    return base64.b64encode(data[:8] + kept).decode("ascii")


PNG_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"pHYs", b"IDAT", b"IEND"))


def _chunks(data):
    """The chunks of a PNG until its end, as (kind, body); it ends early where one is damaged."""
    at = 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body, crc = data[at + 4 : at + 8], data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        if len(crc) < 4 or struct.pack(">I", zlib.crc32(kind + body)) != crc:
            return
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + size


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _drawable(header):
    if len(header) != 13:
        return False
    width, height = struct.unpack_from(">II", header)
    return 0 < width <= 20_000 and 0 < height <= 20_000 and width * height <= PIXELS_LIMIT


def sanitise_html(text):
    """HTML that shows what `text` shows and can do nothing.

    Kept are the elements that Markdown makes, links to http, https and mailto, and pictures that stand in the text as
    PNG. No names, identifiers, classes or styles are left, so nothing in it can pose as a part of the page around it.

    Parameters
    ----------
    text : str, an HTML fragment; mathematics in it is text

    Returns
    -------
    str, a balanced HTML fragment
    """
    clean = _sound(text)
    return _as_text(text) if clean is None else clean


def _sound(text):
    """`text` cleaned, or None where it is nested too deeply or would not be read again as it was written."""
    clean = _clean(_tidy(text))
    return clean if _depth(clean) <= HTML_DEPTH and _clean(clean) == clean else None


def _tidy(text):
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _clean(text):
    return nh3.clean(
        text,
        tags=set(TAGS),
        clean_content_tags=set(DROPPED),
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=SCHEMES | {"data"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _attribute(tag, name, value):
    """The attribute's value as it may stand, or None."""
    if name == "src":
        found = _PNG_URI.fullmatch(value.strip())
        data = png(found[1]) if found else None
        return data and f"data:image/png;base64,{data}"
    if name == "href":
        return value if value.strip().lower().startswith(tuple(f"{s}:" for s in SCHEMES)) else None
    if name == "style":
        return value if _ALIGNED.fullmatch(value.strip()) else None
    if name in ("width", "height", "colspan", "rowspan", "start"):
        return value if _NUMBER.fullmatch(value) else None
    return value


_TAG = re.compile(r"<(/?)([a-z0-9]+)")


def _depth(clean):
    deepest = depth = 0
    for closing, tag in _TAG.findall(clean):
        if tag not in ("br", "hr", "img"):
            depth += -1 if closing else 1
            deepest = max(deepest, depth)
    return deepest


def _as_text(text):
    return f"<pre>{html.escape(plain(text, SOURCE_LIMIT))}</pre>"


class _Renderer(IPythonRenderer):
    """nbconvert's, but a picture is an attached PNG or one in the text, never a file or an address."""

    def _embed_image_or_attachment(self, src):
        name = src.removeprefix("attachment:")
        bundle = self.attachments.get(name) if name != src and isinstance(self.attachments, dict) else None
        data = png(_joined(bundle.get("image/png"))) if isinstance(bundle, dict) else None
        return f"data:image/png;base64,{data}" if data else src

    def block_mermaidjs(self, code):
        return f"<pre>{html.escape(code)}</pre>"


def markdown_html(source, attachments=None):
    """Markdown as sanitised HTML; mathematics stays text, between its dollar signs.

    Parameters
    ----------
    source : str
    attachments : dict of a notebook cell, of which PNG pictures are shown

    Returns
    -------
    str, a balanced HTML fragment
    """
    if not isinstance(source, str):
        return ""
    if len(source) > MARKDOWN_LIMIT:
        return _as_text(source)
    renderer = _Renderer(escape=False, exclude_anchor_links=True, attachments=attachments or {})
    try:
        clean = _sound(MarkdownWithMath(renderer=renderer).render(plain(source, MARKDOWN_LIMIT)))
    except (RecursionError, ValueError, TypeError, KeyError, AttributeError, IndexError):  # the parser gave up on it
        clean = None
    return _as_text(source) if clean is None else clean


def as_markdown(fragment):
    """A sanitised HTML fragment as Markdown that every renderer leaves as it is: one HTML block on a single line."""
    return f"<div>{fragment}</div>".replace("\n", "&#10;")


def hidden_lines(source, released):
    """The lines of a test that the student did not get, stripped: those worth hiding wherever they turn up.

    Parameters
    ----------
    source : str, the test cell with its hidden tests
    released : str, the same cell as students got it

    Returns
    -------
    frozenset of str
    """
    known = {part.strip() for part in released.splitlines()}
    lines = {part.strip() for part in source.splitlines()} - known
    return frozenset(part for part in lines if len(part) >= SECRET_LENGTH)


def redact(text, secrets):
    """`text` with every line that holds one of the secrets replaced by "[hidden]"."""
    if not any(secret in text for secret in secrets):
        return text
    return "\n".join("[hidden]" if any(s in part for s in secrets) else part for part in text.split("\n"))


GRADE_ID = re.compile(r"[A-Za-z0-9_\-]{1,200}")  # nbgrader's own rule
_CELL_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_+#. \-]{1,60}")


class Budget:
    """What is left to spend on one notebook."""

    def __init__(self):
        self.markdown, self.pictures = MARKDOWN_BUDGET, PNG_BUDGET

    def render(self, source, attachments=None):
        self.markdown -= len(source)
        return markdown_html(source, attachments) if self.markdown >= 0 else _as_text(source)

    def picture(self, data):
        data = png(data)
        self.pictures -= len(data or "")
        return data if self.pictures >= 0 else None


def sanitise_notebook(nb, master=None):
    """A copy of a notebook that may be rendered by nbconvert's HTMLExporter and shown to others.

    Markdown becomes sanitised HTML, outputs are reduced to plain text, PNG, streams and errors, and nothing else is
    left: no widgets, attachments, tags or metadata but what nbgrader's templates read. Applying it twice does no harm.

    Parameters
    ----------
    nb : NotebookNode or dict; nothing in it is trusted
    master : plan.Master, or None; with it the copy is one for students, see `for_students`

    Returns
    -------
    NotebookNode, valid nbformat 4.5
    """
    cells = () if master is None else [c for c in master.cells if c.kind in ("test", "task")]
    return for_students(nb, {c.name: (c.source, _joined(c.cell["source"])) for c in cells})


def for_students(nb, tests):
    """As `sanitise_notebook`, without what students must not see.

    Parameters
    ----------
    nb : NotebookNode or dict
    tests : dict from the name of a test or task cell to its whole source and to what students got of it. These cells
        show the latter, and of an error the message alone; no output shows a line that only the former has

    Returns
    -------
    NotebookNode
    """
    secrets = frozenset().union(*(hidden_lines(*sources) for sources in tests.values()))
    budget, seen, cells = Budget(), set(), []
    for number, cell in enumerate(_list(_dict(nb).get("cells"))):
        fresh = _fresh_cell(_dict(cell), tests, budget, secrets)
        fresh.id = _cell_id(_dict(cell).get("id"), number, seen)
        cells.append(fresh)
    notebook = v4.new_notebook(cells=cells, metadata=_notebook_metadata(_dict(_dict(nb).get("metadata"))))
    notebook.nbformat_minor = 5
    return notebook


def _fresh_cell(cell, tests, budget, secrets):
    source, mark = _joined(cell.get("source")), _nbgrader(_dict(_dict(cell.get("metadata")).get("nbgrader")), budget)
    metadata = {"nbgrader": mark} if mark else {}
    tested = mark.get("grade_id") in tests
    source = tests[mark["grade_id"]][1] if tested else source
    if cell.get("cell_type") == "code":
        outputs = [_dict(o) for o in _list(cell.get("outputs"))[:OUTPUTS_LIMIT]]
        if tested:
            outputs = _test_outputs(outputs, *tests[mark["grade_id"]])
        shown = [o for o in (_output(o, budget, secrets) for o in outputs) if o]
        fresh = v4.new_code_cell(plain(source, SOURCE_LIMIT), metadata=metadata, outputs=shown)
        count = cell.get("execution_count")
        fresh.execution_count = count if type(count) is int and 0 < count < 10**6 else None
        return fresh
    markdown = cell.get("cell_type") == "markdown"
    shown = budget.render(source, _dict(cell.get("attachments"))) if markdown else _as_text(source)
    return v4.new_markdown_cell(as_markdown(shown), metadata=metadata)


_ARROW = re.compile(r"^-+> *\d+ (.*)$", re.MULTILINE)
CATEGORY = "A hidden test fails. Its category: "


def _test_outputs(outputs, source, released):
    """What a student may see of a test cell's outputs: of an error the message, unless it comes from a hidden part.

    Where there is a hidden part, nothing printed is shown: a function that prints its arguments would show hidden ones.
    """
    secret = source != released
    known = {part.strip() for part in released.splitlines()}
    kept = [o for o in outputs if not secret and o.get("output_type") != "error"]
    for output in outputs:
        if output.get("output_type") == "error":
            name, message = line(output.get("ename")), plain(output.get("evalue"))
            arrow = _ARROW.search(plain("\n".join(_joined(t) for t in _list(output.get("traceback")))))
            if arrow and arrow[1].strip() not in known and not message.startswith(CATEGORY):
                name, message = "Error", "in a hidden part of this test, which is not shown."
            kept.append({"output_type": "error", "ename": name, "evalue": message, "traceback": [f"{name}: {message}"]})
    return kept


def _cell_id(found, number, seen):
    name = found if isinstance(found, str) and _CELL_ID.fullmatch(found) and found not in seen else f"safe-{number}"
    seen.add(name)
    return name


def _notebook_metadata(metadata):
    """The language, which the templates need to colour code."""
    language, kernel = _dict(metadata.get("language_info")), _dict(metadata.get("kernelspec"))
    kept = {"language_info": _words(language, ("name", "pygments_lexer")), "kernelspec": {}}
    if {"name", "display_name"} <= set(_words(kernel, ("name", "display_name"))):
        kept["kernelspec"] = _words(kernel, ("name", "display_name", "language"))
    if "name" not in kept["language_info"]:
        kept["language_info"] = {"name": "python"}
    return {key: value for key, value in kept.items() if value}


def _words(found, names):
    return {n: found[n] for n in names if isinstance(found.get(n), str) and _WORD.fullmatch(found[n])}


def _nbgrader(mark, budget):
    """nbgrader's fields with the types that they must have; none where the cell has no proper name."""
    if not isinstance(mark.get("grade_id"), str) or not GRADE_ID.fullmatch(mark["grade_id"]):
        return {}
    kept = {"grade_id": mark["grade_id"]}
    kept |= {name: mark.get(name) is True for name in ("grade", "solution", "locked", "task")}
    kept |= {name: mark[name] for name in ("points", "score") if _is_number(mark.get(name))}
    if kept["grade"] or kept["task"]:
        kept.setdefault("points", 0)
    if type(mark.get("schema_version")) is int:
        kept["schema_version"] = mark["schema_version"]
    if mark.get("cell_type") in ("code", "markdown"):
        kept["cell_type"] = mark["cell_type"]
    if isinstance(mark.get("checksum"), str) and re.fullmatch(r"[0-9a-f]{32}", mark["checksum"]):
        kept["checksum"] = mark["checksum"]
    if isinstance(mark.get("comment"), str) and mark["comment"].strip():
        kept["comment"] = as_markdown(budget.render(mark["comment"]))
    return kept


def _is_number(value):
    return type(value) in (int, float) and math.isfinite(value)


def _output(output, budget, secrets):
    """One output, reduced, or None where nothing of it is left."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return v4.new_output("stream", name=name, text=redact(plain(_joined(output.get("text"))), secrets))
    if kind == "error":
        told = [redact(plain(_joined(t)), secrets) for t in _list(output.get("traceback"))[:200]]
        name, message = line(output.get("ename")), redact(plain(output.get("evalue")), secrets)
        return v4.new_output("error", ename=name, evalue=message, traceback=told or [f"{name}: {message}"])
    if kind not in ("execute_result", "display_data"):
        return None
    data = _bundle(_dict(output.get("data")), budget, secrets)
    more = {"execution_count": None} if kind == "execute_result" else {}
    return v4.new_output(kind, data=data, **more) if data else None


def _bundle(data, budget, secrets):
    picture = budget.picture(_joined(data.get("image/png"))) if "image/png" in data else None
    if picture:
        return {"image/png": picture}
    text = redact(plain(_joined(data.get("text/plain"))), secrets)
    return {"text/plain": text} if text else {}


def _joined(value):
    """A notebook's text, which may be a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _dict(value):
    return value if isinstance(value, dict) else {}


def _list(value):
    return value if isinstance(value, list) else []
