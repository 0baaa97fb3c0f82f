"""Every figure and every widget, in several states, in light and in dark, on one page for eyes: `edf gallery`.

Figures come from `figures.examples`; widgets are alive in the page, each in the states of STATES.
"""

from html import escape
from pathlib import Path

from .errors import MissingExtra

# The states beside the default one, as a widget's State field writes them: each shows another side of its claim.
STATES = {
    "BatchMicroscope": [],
    "Broadcasting": [],
    "BreakTheEngine": [],
    "GridExplorer": [],
    "OptimizerPaths": ["lr=1&kappa=20&nag=1&adam=1", "lr=2.1&t=8", "gd=0&hb=0"],
    "OptimizerCourt": [],
    "VanishingGradients": [],
    "ScheduleComposer": [],
    "MultiGpuTimeline": [],
}

LOOK = """
body { margin: 0; font-family: system-ui, sans-serif; }
h1, h2, h3 { margin: 0.6rem 1rem; } p { margin: 0 1rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
.pair > * { padding: 0.5rem 1rem; background: Canvas; color: CanvasText; min-width: 0; }
.light { color-scheme: light; } .edf-dark { color-scheme: dark; }
img { max-width: 100%; height: auto; background: #fff; }
"""


def gallery(out, only=None, tell=lambda sentence: None):
    """Write the contact sheet.

    Parameters
    ----------
    out : path of the page
    only : str; figures and widgets whose name holds it, default all
    tell : function of a sentence, called as it goes on

    Returns
    -------
    Path of the page
    """
    try:
        from . import widgets
        from .figures.examples import EXAMPLES
        from .widgets.page import element, scripts
    except ImportError as error:
        raise MissingExtra("edf gallery", "matplotlib and anywidget", "course") from error
    parts, modules = [], []
    for name, states in STATES.items():
        if only and only.lower() not in name.lower():
            continue
        tell(name)
        kind = getattr(widgets, name)
        parts.append(f"<h2>{name}</h2>")
        for text in ["", *states]:
            widget = kind.from_state(text)
            modules.append(widget.module_name())
            parts.append(f"<h3>{escape(text or 'as it starts')}</h3>{_pair(element(widget))}")
    for name, make in EXAMPLES.items():
        if only and only.lower() not in name.lower():
            continue
        tell(name)
        shown = make()._repr_mimebundle_()["text/html"]
        parts.append(f"<h2>{name}</h2>{_pair(shown)}")
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Gallery</title><style>{LOOK}</style></head><body><h1>Figures and widgets, light and dark</h1>\n"
        + "\n".join(parts) + f"\n{scripts(modules)}</body></html>\n",
        encoding="utf-8",
    )  # fmt: skip
    return out


def _pair(html):
    return f'<div class="pair"><div class="light">{html}</div><div class="edf-dark">{html}</div></div>'
