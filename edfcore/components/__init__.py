"""The components, one file per family. Importing a family registers what it holds; its `__all__` says what that is."""

from .elementwise import *  # noqa: F403
from .linear import *  # noqa: F403
from .loss import *  # noqa: F403
from .shape import *  # noqa: F403
