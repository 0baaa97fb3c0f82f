"""What a reader touches. Importing edfcore imports none of this; ipywidgets comes with the extra `course`."""

from .predict import predict, reveal

__all__ = ["predict", "reveal"]
