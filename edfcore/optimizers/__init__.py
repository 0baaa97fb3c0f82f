"""Optimizers: how a gradient becomes a step."""

from .first_order import SGD

__all__ = ["SGD"]
