"""Every figure and every widget, in several states, in light and in dark, on one page for eyes: `edf gallery`.

Figures come from `figures.examples`; widgets are alive in the page, each in the states of STATES.
"""

from html import escape
from pathlib import Path

from .errors import MissingExtra

# The states beside the default one, as a widget's State field writes them: each shows another side of its claim.
STATES = {
    "BatchMicroscope": ["at=y&row=2&column=1", "at=beta.grad&B=5", "at=x.grad&I=5&J=5&row=0&column=3"],
    "Broadcasting": ["a=5,3,2&b=5,1,2&sheet=1", "a=4,3&b=4", "a=3,1&b=4", "a=8,100&b=100"],
    "BreakTheEngine": ["graph=twice&order=1&add=0&t=4", "graph=all&order=1&mean=0&unbroadcast=0", "graph=chain"],
    "GridExplorer": ["n=4096&stride=32&branch=half", "n=33&block=32&at_block=1", "n=1&block=1000&at_block=0&stride=1"],
    "OptimizerPaths": ["lr=1&kappa=20&nag=1&adam=1", "lr=2.1&t=8", "gd=0&hb=0"],
    "OptimizerCourt": ["first=adam&second=adamw", "first=rprop&second=nag&t=20", "first=rmsprop&second=adagrad"],
    "VanishingGradients": [
        "depth=30&phi=sigmoid",
        "init=large&phi=relu&depth=30",
        "depth=30&norm=1&skip=1",
        "init=kaiming&phi=relu",
    ],
    "ScheduleComposer": [
        "decay=cosine&warm=cosine&W=40",
        "decay=step&warm=none&t=60",
        "decay=onecycle",
        "lr=1.6&decay=constant",
    ],
    "MultiGpuTimeline": [
        "strategy=gpipe&micro=4",
        "strategy=1f1b&devices=8",
        "slow=2&who=1",
        "network=vgg16&batch=1024&devices=1",
    ],
}
PICTURES = {  # of the README: file name -> widget and state
    "microscope.png": ("BatchMicroscope", ""),
    "paths.png": ("OptimizerPaths", "nag=1&lr=1.2"),
    "timeline.png": ("MultiGpuTimeline", "strategy=gpipe"),
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


def pictures(folder, chromium):
    """Take the README's pictures of the widgets themselves, with a browser.

    Parameters
    ----------
    folder : where PICTURES go
    chromium : path of the browser's program

    Returns
    -------
    list of paths
    """
    from . import widgets
    from .widgets.page import few_colours, page

    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise MissingExtra("Taking pictures of widgets", "playwright", "test") from error
    made = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (kind, state) in PICTURES.items():
            tab = browser.new_page(viewport={"width": 860, "height": 700})
            tab.set_content(page([getattr(widgets, kind).from_state(state)], kind))
            tab.wait_for_selector(".edf[data-frame]")
            made.append(Path(folder) / name)
            made[-1].write_bytes(few_colours(tab.locator(".edf").screenshot()))
        browser.close()
    return made
