"""Figures: pure functions, data in and a matplotlib Figure with alternative text out; pyplot is never touched.

Needs the extra `course` (matplotlib). Importing edfcore imports none of this.
"""

from .base import DASHES, INK, MARKERS, PALETTE, Figure, figure
from .curves import batch_size, gradient_noise, loss_curves, time_per_example, training
from .microscope import microscope, microscope_figure
from .mnist import digits, signed_images
from .plain import Table, bars, contours, histograms, images, lines, panels, scatter, table

# isort: split
from . import parallel  # after base, which says what to install where matplotlib is missing

__all__ = [
    "DASHES", "INK", "MARKERS", "PALETTE", "Figure", "Table", "bars", "batch_size", "contours", "digits", "figure",
    "gradient_noise", "histograms", "images", "lines", "loss_curves", "microscope", "microscope_figure", "panels",
    "parallel", "scatter", "signed_images", "table", "time_per_example", "training",
]  # fmt: skip
