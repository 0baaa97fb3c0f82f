"""Data that the course uses, and how it is cut into batches. Nothing here needs the network."""

from .batching import batches
from .mnist import load as load_mnist

__all__ = ["batches", "load_mnist"]
