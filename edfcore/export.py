"""A notebook as one page that needs no network: executed, its formulas as MathML, its pictures and widgets inside.

Widgets of edfcore that compute in the browser or look up a table stay alive in the page; those that need Python show
the state that they were left in. Everything else shows what it has as HTML, picture or text.
"""

import base64
import mimetypes
import re
from html import escape, unescape
from pathlib import Path

from .errors import DataError, MissingExtra
from .prose import without_comments

TIMEOUT = 300  # seconds for one cell
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
ALLOWED = (  # nothing but what the page itself holds; modules of widgets and pictures of LiveFigure are blobs
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' blob:; font-src data:"
)
FETCHED = re.compile(  # src of any element, href of a link element
    r"""(<\w[^>]*?\s(?=src)|<link\b[^>]*?\s(?=href))(src|srcset|href)=(["'])(?!data:|blob:|#)([^"'>]+)\3""", re.I
)
FOLDED = "What happened"
WHOLE_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
UPDATE = re.compile(  # += and -= are one operator each
    r"<mo>(?:<mrow><mo>)?(&#x0002B;|&#x02212;)(?:</mo></mrow>)?</mo><mo>&#x0003D;</mo>"
)
PRIME = r'\1<mo lspace="0" rspace="0">\2</mo>'  # as a superscript it is drawn raised twice, and tiny
REACHED = """<script>  // formulas and tables wider than the page can be scrolled with the keyboard
for (const e of document.querySelectorAll("math[display=block], .wide"))
  if (e.scrollWidth > e.clientWidth) e.tabIndex = 0;
</script>"""
NEIGHBOUR = re.compile(r"""(<a [^>]*?href=["'][^"':]+)\.ipynb(["'#])""")  # a link to a notebook becomes one to its page
LOOK = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0.5rem 0.7rem; margin: 0.4rem 0;
  font: 14px/1.4 ui-monospace, monospace; }
.code { background: color-mix(in srgb, CanvasText 6%, Canvas); border-radius: 4px; }
.error { border-left: 4px solid #c24e00; }
blockquote { margin: 1rem 0; padding: 0.1rem 1rem; border-left: 4px solid #d55e00; }
summary { cursor: pointer; padding: 0.3rem 0; min-height: 24px; }
table { border-collapse: collapse; }
th, td { padding: 0.15rem 0.6rem; border: 1px solid color-mix(in srgb, CanvasText 25%, Canvas); }
img, svg { max-width: 100%; height: auto; }
math[display="block"], .wide { overflow: auto hidden; padding: 0.3rem 0; margin: 0.3rem 0; }
:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
"""


def export(path, out=None, run=True, tell=lambda sentence: None):
    """Write a notebook as a page.

    Parameters
    ----------
    path : of the notebook
    out : path of the page; default, the notebook's with .html
    run : bool; execute it first, in its folder, in a fresh kernel
    tell : function of a sentence, called as it goes on

    Returns
    -------
    Path of the page

    Raises
    ------
    DataError : it is no notebook.
    nbclient.exceptions.CellExecutionError : a cell failed.
    """
    nbformat = _library("nbformat")
    path = Path(path)
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds
        raise DataError(f"{path} is no notebook that can be read: {error}") from error
    if run:
        tell(f"executing {path.name}")
        client = _library("nbclient").NotebookClient
        where = {"metadata": {"path": path.parent}}
        quiet = ["--log-level=40"]  # a kernel's own warnings are not the reader's business
        client(notebook, timeout=TIMEOUT, store_widget_state=True, resources=where, extra_arguments=quiet).execute()
    out = Path(out) if out else path.with_suffix(".html")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_page(notebook, path.stem, path.parent, tell), encoding="utf-8")
    tell(f"wrote {out}")
    return out


def _library(name):
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra("edf export", name, "course") from error


def as_page(notebook, name="notebook", folder=None, tell=lambda sentence: None):
    """An executed notebook as one page of HTML.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    name : str, the title where the notebook has no heading
    folder : Path, where its pictures lie; None: none are read
    tell : function of a sentence, called for each address that the page does without
    """
    from .widgets.page import scripts

    saved = (notebook.metadata.get("widgets") or {}).get(STATE) or {}
    used, parts = [], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = markdown(without_comments(cell.source), cell.get("attachments"))
            parts.append(held(NEIGHBOUR.sub(r"\1.html\2", text), folder, tell))
        elif cell.cell_type == "code":
            shown = [_shown(o, saved.get("state") or {}, used, folder, tell) for o in cell.outputs]
            if "hide-input" not in cell.metadata.get("tags", []):
                shown.insert(0, code(cell.source))
            folded = cell.metadata.get("jupyter", {}).get("source_hidden")  # in a lecture: what gives an answer away
            parts += [f"<details><summary>{FOLDED}</summary>", *shown, "</details>"] if folded else shown
    lines = [line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.split("\n")]
    title = next((line.lstrip("# ") for line in lines if line.startswith("# ")), name)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{LOOK}{_highlighting()}</style></head>",
            '<body class="edf-auto"><main>',
            *(WHOLE_TABLE.sub(r'<div class="wide">\g<0></div>', part) for part in parts),
            f"</main>\n{scripts(used) if used else ''}{REACHED}</body></html>\n",
        ]
    )


def markdown(text, attachments=None):
    """Markdown as HTML, its formulas as MathML, the pictures attached to its cell inside."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class WithMathML(IPythonRenderer):
        def inline_math(self, body):
            return mathml(body, "inline")

        def block_math(self, body):
            return mathml(body, "block")

        def latex_environment(self, name, body):
            return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

        def _embed_image_or_attachment(self, src):
            missing = src.startswith("attachment:") and src.removeprefix("attachment:") not in self.attachments
            return "#" if missing else super()._embed_image_or_attachment(src)  # its words are shown instead

    renderer = WithMathML(escape=False, exclude_anchor_links=True, attachments=attachments or {})
    return MarkdownWithMath(renderer=renderer).render(text)


def held(text, folder=None, tell=lambda sentence: None):
    """HTML whose pictures lie inside: files in `folder` are read; what else it would fetch is left out and told."""

    def inside(found):
        before, name, quote, address = found.groups()
        if data := _file(unescape(address), folder):
            return f"{before}{name}={quote}{data}{quote}"
        tell(f"left out, since the page asks nothing of the network: {unescape(address)}")
        return f"{before}data-left-out={quote}{address}{quote}"

    return FETCHED.sub(inside, text)


def _file(address, folder):
    """A file of the notebook's folder as a data URI; None for what lies elsewhere or is not there."""
    from urllib.parse import unquote

    if folder is None or re.match(r"[a-z][\w+.-]*:|//", address, re.I):
        return None
    try:
        path = (Path(folder) / unquote(address).split("?")[0]).resolve()
        if not path.is_file() or not path.is_relative_to(Path(folder).resolve()):
            return None
        content = base64.b64encode(path.read_bytes()).decode()
    except (OSError, ValueError):  # a name that no file can have, or a file that cannot be read
        return None
    return f"data:{mimetypes.guess_type(path.name)[0] or 'application/octet-stream'};base64,{content}"


def formula(latex):
    """An output's LaTeX, with the dollars or brackets that it comes with, as MathML."""
    text = latex.strip()
    for opened, closed, display in (("$$", "$$", "block"), ("\\[", "\\]", "block"), ("$", "$", "inline")):
        if len(text) > len(opened + closed) and text.startswith(opened) and text.endswith(closed):
            body = text[len(opened) : -len(closed)]
            return mathml(body.strip().removeprefix("\\displaystyle").strip(), display)
    return mathml(text, "block")


def mathml(latex, display):
    """A formula in LaTeX as MathML, which browsers draw themselves; its LaTeX is the text for those who ask."""
    from latex2mathml.converter import convert

    plain = re.sub(r"\\[bB]igg?[lrm]?(?=\\[a-z])", "", latex)  # sizes of named brackets, which it cannot read
    try:
        made = convert(plain, display=display)
    except Exception:  # what it cannot read stays as it was written
        return f"<code>{escape(latex)}</code>"
    made = UPDATE.sub(r"<mo>\1&#x0003D;</mo>", made)
    made = re.sub(r"<msup>(<mi[^>]*>[^<]*</mi>)<mi>(&#x0203[2-4];)</mi></msup>", PRIME, made)
    return made.replace("<math ", f'<math alttext="{escape(latex, quote=True)}" ', 1)


def code(source):
    """Python with its syntax in colours."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter(cssclass="code")) if source.strip() else ""


def _highlighting():
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="a11y-light" if _has_style("a11y-light") else "xcode").get_style_defs(".code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".code")
    keep = "\n".join(line for line in light.split("\n") if "background" not in line and line.startswith(".code"))
    night = "\n".join(line for line in dark.split("\n") if "background" not in line and line.startswith(".code"))
    return f"{keep}\n@media (prefers-color-scheme: dark) {{\n{night}\n}}"


def _has_style(name):
    from pygments.styles import get_all_styles

    return name in get_all_styles()


def _shown(given, states, used, folder, tell):
    """An output whose HTML fetches nothing; the element of a widget holds its pictures already."""
    before = len(used)
    made = output(given, states, used)
    return made if len(used) > before else held(made, folder, tell)


def output(given, states, used):
    """One output of a cell as HTML; names of widgets' modules are added to `used`."""
    from nbconvert.filters import strip_ansi

    if given.output_type == "stream":
        return f"<pre>{escape(strip_ansi(given.text))}</pre>"
    if given.output_type == "error":
        return f'<pre class="error">{escape(strip_ansi(chr(10).join(given.traceback)))}</pre>'
    data = given.data
    if VIEW in data and (made := _widget(data, states, used)):
        return made
    if "text/html" in data:
        return f"<div>{data['text/html']}</div>"
    if "image/svg+xml" in data:
        return data["image/svg+xml"]
    if "text/latex" in data:
        return f"<div>{formula(data['text/latex'])}</div>"
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            told = (given.get("metadata") or {}).get(kind) or {}
            alt = escape(told.get("alt") or data.get("text/plain", ""), quote=True)
            return f'<img alt="{alt}" src="data:{kind};base64,{"".join(data[kind].split())}">'
    if "text/markdown" in data:
        return markdown(data["text/markdown"])
    return f"<pre>{escape(strip_ansi(data.get('text/plain', '')))}</pre>"


def _widget(data, states, used):
    """The element of a widget of edfcore; "" for any other, or one that is not whole, which show something else."""
    from .widgets.page import few_colours, placed

    try:
        entry = states[data[VIEW]["model_id"]]
        state = dict(entry["state"])
        name = _module(state["_anywidget_id"])
        for part in entry.get("buffers") or []:
            _put(state, part["path"], {"base64": part["data"]})
        png = few_colours(base64.b64decode(data["image/png"]))
    except (KeyError, IndexError, TypeError, ValueError, OSError):  # a notebook may hold anything
        return ""
    kept = {name: value for name, value in state.items() if not name.startswith("_")}
    used.append(name)
    return placed(name, kept, png, data.get("text/plain", ""))


def _module(named):
    """The module of a class as anywidget names it. Nothing is imported by a name that a notebook gives."""
    from .widgets import MORE, WIDGETS

    kinds = {f"edfcore.widgets.{module}.{kind}": module for kind, module in (WIDGETS | MORE).items()}
    return kinds[named]


def _put(state, path, value):
    """state[path[0]][path[1]]... = value"""
    for step in path[:-1]:
        state = state[step]
    state[path[-1]] = value
