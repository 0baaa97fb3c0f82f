"""Widgets in a page of their own, without Jupyter and without the network: what exported notebooks and the gallery use.

A widget becomes its picture with alternative text, which a script, where it runs, replaces with the widget itself. Each
module stands in the page once, however many widgets it has.
"""

import base64
import json
from html import escape

from .base import source, styles


def _plain(value):
    """A packed value for JSON: bytes in base64."""
    if isinstance(value, bytes | memoryview):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def as_script(text):
    """Text that cannot end the script element that it stands in."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def placed(name, state, png, alt):
    """The element that becomes a widget.

    Parameters
    ----------
    name : str, of the module
    state : dict of the widget's synchronized traits
    png : bytes, its picture; alt : str, what it shows
    """
    picture = base64.b64encode(png).decode()
    data = json.dumps(_plain(state), separators=(",", ":")).replace("<", "\\u003c")  # no script ends or comment begins
    return (
        f'<div class="edf-place" data-module="{escape(name, quote=True)}">'
        f'<img alt="{escape(alt, quote=True)}" style="max-width:100%;background:#fff" '
        f'src="data:image/png;base64,{picture}"><script type="application/json">{data}</script></div>'
    )


def scripts(names):
    """Style sheet, what the modules share, the modules by name, and the host that starts them.

    They go behind the last widget of a page; every module stands there once.
    """
    parts = [("ui", source("ui")), *((name, source(name)) for name in dict.fromkeys(names))]
    found = [
        f'<script type="text/x-edf-module" data-name="{escape(n)}">{as_script(text)}</script>' for n, text in parts
    ]
    return "\n".join([f"<style>{styles()}</style>", *found, f"<script>{as_script(source('host'))}</script>"])


def synced(widget):
    """The state of a widget that its module reads."""
    kept = ("settings", "state", "title", "call", "mode", "frames", "hide", "data", "first", "live")
    return {name: getattr(widget, name) for name in kept}


def element(widget):
    """The element of a live widget object."""
    figure = widget.figure()
    return placed(widget.module_name(), synced(widget), few_colours(figure.png()), f"{widget.title}. {widget.caption}")


def few_colours(png):
    """A picture in at most 64 colours: a third of the bytes, and no difference to see in a drawing."""
    import io

    from PIL import Image  # matplotlib needs it too

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def page(widgets, title, intro="", dark=False):
    """A whole page.

    Parameters
    ----------
    widgets : list of Widget, or of str: HTML that stands between them
    title : str; intro : str, HTML
    dark : bool

    Returns
    -------
    str, HTML
    """
    parts = [w if isinstance(w, str) else element(w) for w in widgets]
    modules = [w.module_name() for w in widgets if not isinstance(w, str)]
    scheme = "dark" if dark else "light"
    return (
        f'<!doctype html>\n<html lang="en" style="color-scheme:{scheme}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>'
        f'<body class="{"edf-dark" if dark else ""}" style="background:Canvas;color:CanvasText;font-family:system-ui">'
        f"<main><h1>{escape(title)}</h1>{intro}\n" + "\n".join(parts) + f"</main>\n{scripts(modules)}</body></html>\n"
    )
