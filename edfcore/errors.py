"""What goes wrong, told as sentences: what was found, where, and how to mend it."""


class EdfError(Exception):
    """Base of every error that edfcore raises on purpose."""


class ShapeError(EdfError, ValueError):
    """Shapes that do not fit together, told in the index letters of the component."""


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
