"""Figures: pure functions, data in and a matplotlib Figure with alternative text out; pyplot is never touched.

Needs the extra `course` (matplotlib). Importing edfcore imports none of this.
"""

from .base import INK, PALETTE, Figure, figure

__all__ = ["INK", "PALETTE", "Figure", "figure"]
