"""The components, one file per family. Importing a family registers what it holds; its `__all__` says what that is."""

from .convolution import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .linear import *  # noqa: F403
from .loss import *  # noqa: F403
from .normalization import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .shape import *  # noqa: F403
