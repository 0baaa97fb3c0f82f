"""Checks that teach: what every exercise, lecture and feedback page uses to compare and to explain.

compare      type, then shape, then the first wrong entry, and the slip where it is recognised
sentence     prints what something that fails on purpose says
Checks       the checks of one assignment, with the misconceptions that its bank knows
inside       marks helpers that run beside the student's code while a grader examines
predictions  what the reader predicted, locked before the answer was shown
"""

from .checks import Checks, inside
from .compare import Slip, Wrong, compare, sentence

__all__ = ["Checks", "Slip", "Wrong", "compare", "inside", "sentence"]
