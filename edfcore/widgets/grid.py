"""Grid explorer (lecture 04): scenes/grid.py in a reader's hands, with an index of their own."""

from ..figures.grid import grid_figure
from ..scenes.grid import Grid, own_read
from .base import Widget, module, styles
from .mine import Mine


class GridExplorer(Mine, Widget):
    """A launch: change n, block, stride and branch; choose a block, a warp, a lane and see what it reads.

    Parameters
    ----------
    mine : your own index: a function of the thread's number i that gives the element it reads, such as
        `lambda i: i // 2`; what it touches is drawn over the strided read, the first lane that reads elsewhere is
        marked
    hide, given : as for every widget; settings are those of edfcore.scenes.grid.Grid

    Raises
    ------
    DataError : there is no such setting, or `mine` gives something else than a whole number of at least 0.
    """

    scene, python = Grid(), "edfcore.widgets.GridExplorer"
    _esm, _css = module("grid"), styles()
    draw = staticmethod(grid_figure)

    def __init__(self, mine=None, **given):
        self._mine = mine
        super().__init__(**given)

    def overlay(self, state):
        """What the reader's own index touches."""
        if self._mine is None:
            return None
        return {"mine": own_read(self._mine, state, self.scene.compute(state))}
