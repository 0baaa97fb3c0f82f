"""What goes wrong, told as sentences: what was found, where, and how to mend it."""


class EdfError(Exception):
    """Base of every error that edfcore raises on purpose."""


class ShapeError(EdfError, ValueError):
    """Shapes that do not fit together, told in the index letters of the component.

    Where two shapes clash on an axis, tracebacks show them below the sentence, axis under axis (a note, PEP 678), and
    `edfcore.display.explain(error)` does so as a table.

    Attributes
    ----------
    rows : list of (name, letters, shape); letters are None where shapes are aligned from the right
    clash : the letter, or the number of the axis from the right, negative, that does not fit
    shown : bool, whether a notebook has shown the table
    """

    def __init__(self, text="", rows=(), clash=None):
        super().__init__(text)
        self.rows, self.clash, self.shown = rows, clash, False
        if rows:
            from .display import aligned

            self.add_note(aligned(rows, clash))

    def _render_traceback_(self):
        """What IPython asks an exception for: its traceback; in notebooks the shapes stand above it as a table."""
        from IPython import get_ipython

        shell = get_ipython()
        if self.rows and hasattr(shell, "kernel") and not self.shown:  # it is asked more than once
            self.shown = True
            from IPython.display import display

            from .display import explain

            display(explain(self))
        return shell.InteractiveTB.structured_traceback(type(self), self, self.__traceback__, tb_offset=1)


class GraphError(EdfError, RuntimeError):
    """A graph used in the wrong order: not set, not forwarded, stale, mixed with another graph."""


class DataError(EdfError, ValueError):
    """A value that cannot be right: not finite, not a label, an empty batch, a damaged file."""


class MissingExtra(EdfError, ImportError):
    """A package that this feature needs and that the core does not."""

    def __init__(self, feature, package, extra):
        super().__init__(
            f"{feature} needs {package}, which is not installed. "
            f'Run: python -m pip install -e ".[{extra}]" in the folder of the course.'
        )
