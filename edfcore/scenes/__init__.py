"""Scenes: what each widget shows, as pure functions of its settings; `base` says how one is made."""

from .base import Scene, Setting, short

__all__ = ["Scene", "Setting", "short"]
