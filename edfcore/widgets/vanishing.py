"""Vanishing gradients (lecture 08): scenes/vanishing.py in a reader's hands, with an initializer of their own.

The networks are computed in Python, state by state. A page without Python looks up the nearest of those in
js/vanishing.json, which `python -m edfcore.widgets.vanishing` writes.
"""

import base64
import json

import numpy as np

from ..figures.vanishing import vanishing_figure
from ..scenes.vanishing import DEPTHS, Vanishing, passed, rms, table
from .base import FOLDER, Widget, as_function, module, styles

TABLE = FOLDER / "vanishing.json"
APART = 1.25  # the factor between two RMS at which two initializers have parted


def stored():
    """The table as the module reads it: scenes.vanishing.table, as it was written."""
    found = json.loads(TABLE.read_text(encoding="utf-8"))
    return {
        "bars": found["bars"], "rms": np.frombuffer(base64.b64decode(found["rms"]), "<f4"), "depths": list(DEPTHS),
    }  # fmt: skip


class VanishingGradients(Widget):
    """A deep network, forward and backward: change depth, activation, initial weights, normalization, skips.

    Parameters
    ----------
    mine : your own initializer, a function (rng, fan_in, fan_out) -> W (fan_in, fan_out) such as
        `lambda rng, i, j: edf.initializers.orthogonal((i, j), rng)`; what it gives is drawn over the other, and the
        first layer in which they differ by a factor of 1.25 is marked: of the gradients, the first on the way back
    hide, given : as for every widget; settings are those of edfcore.scenes.vanishing.Vanishing

    Raises
    ------
    DataError : there is no such setting.
    ShapeError : your initializer gave another shape.
    """

    scene, python = Vanishing(), "edfcore.widgets.VanishingGradients"
    _esm, _css = module("vanishing"), styles()
    draw = staticmethod(vanishing_figure)

    def __init__(self, mine=None, **given):
        self._mine = as_function("VanishingGradients", mine, "a function (rng, fan_in, fan_out) -> W")
        super().__init__(data=stored(), mode="live", **given)

    def found(self):
        """The arrays of the present state, those of the reader's own weights in "mine" where there are any."""
        state = dict(self.state)
        return self.scene.compute(state) | (self.overlay(state) or {})

    def figure(self):
        """The present state as a Figure, the reader's own weights in it."""
        return type(self).draw(dict(self.state), self.found())

    def _reply(self, state):
        found = self.scene.compute(state) | (self.overlay(state) or {})
        return found | {"caption": self.scene.caption(state, found), "rows": self.scene.rows(state, found)}

    def overlay(self, state):
        """The RMS of activations and gradients with the reader's weights, and where they part from the other's."""
        if self._mine is None:
            return None
        act, grad = (rms(a) for a in passed(state, self._mine))
        right = self.scene.compute(state)
        back = parted(grad[::-1], right["grad"][::-1])
        parts = {"parts_act": parted(act, right["act"]), "parts_grad": len(grad) - 1 - back if back >= 0 else -1}
        return {"mine": {"act": act, "grad": grad, **parts}}


def parted(mine, right):
    """The first place at which two sequences differ by a factor of APART; -1 where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(np.log(mine / right)) > np.log(APART)
    return int(apart.argmax()) if apart.any() else -1


if __name__ == "__main__":
    made = table()
    made["rms"] = base64.b64encode(made["rms"].astype("<f4").tobytes()).decode()
    TABLE.write_text(json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8")
