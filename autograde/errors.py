"""What goes wrong with an assignment or a course directory, in sentences."""

from edfcore.errors import EdfError


class AutogradeError(EdfError):
    """Base of every error that autograde raises on purpose."""


class AssignmentError(AutogradeError, ValueError):
    """An assignment whose notebook, manifest and bank do not fit together."""
