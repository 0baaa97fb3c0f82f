"""What every figure shares: a size for notebooks, a colour-blind-safe palette, alternative text, its own display."""

import base64
import io
from html import escape

from ..errors import MissingExtra

try:
    import matplotlib.figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg
except ImportError as error:
    raise MissingExtra("edfcore.figures", "matplotlib", "course") from error

# Okabe & Ito 2008, ordered so that neighbours differ in lightness as well; pair each with a dash or a marker.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "P"]
INK = "#222222"


class Figure(matplotlib.figure.Figure):
    """A matplotlib Figure that carries a sentence for those who do not see it, and shows itself in notebooks."""

    alt = ""

    def png(self, dpi=110):
        """The figure as PNG bytes; the same data give the same bytes, however often it is called."""
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
        self.set_layout_engine("none")  # laid out; a second layout would start from the first and move things a little
        return out.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        width, height = (round(110 * side) for side in self.get_size_inches())
        data = base64.b64encode(self.png()).decode()
        style = "max-width:100%;height:auto;background:#fff"
        image = f'<img alt="{escape(self.alt, quote=True)}" width="{width}" height="{height}" style="{style}"'
        return {"text/html": f'{image} src="data:image/png;base64,{data}">', "text/plain": f"[figure] {self.alt}"}


def figure(alt, width=7.2, height=3.2):
    """An empty figure of the course's style.

    Parameters
    ----------
    alt : str, what the figure shows and the one thing to see in it
    width, height : float, inches

    Returns
    -------
    Figure, white in light and dark themes, laid out without overlaps
    """
    found = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(found)
    found.alt = alt
    return found
