"""A training step on several devices (lecture 11): scenes/timeline.py in a reader's hands.

Python simulates each state that is asked for. For pages without Python the widget also holds some thirty states: every
strategy on 2, 4 and 8 devices, and single changes of the other settings; of another state such a page shows the nearest
of them, and says so.
"""

from functools import lru_cache

from ..figures.timeline import timeline_figure
from ..scenes.timeline import Timeline, sent, table
from .base import Widget, module, styles


class MultiGpuTimeline(Widget):
    """Devices, batch, strategy, link and a slow device in; lanes, exposed communication, efficiency, memory out.

    Click a device's number to make it the slow one, a bar to read it; drag the moment. `save_trace` writes the whole
    simulation for ui.perfetto.dev.

    Parameters
    ----------
    hide, given : as for every widget; settings are those of edfcore.scenes.timeline.Timeline

    Raises
    ------
    DataError : there is no such setting, or its value cannot be meant.

    Examples
    --------
    >>> MultiGpuTimeline(devices=8, strategy="1f1b").state["devices"]
    8
    """

    scene, python = Timeline(), "edfcore.widgets.MultiGpuTimeline"
    _esm, _css = module("timeline"), styles()
    draw = staticmethod(timeline_figure)

    def __init__(self, **given):
        hide, settings = given.pop("hide", ()), dict(given)
        super().__init__(hide=hide, data=table(self.scene.state(**settings)), mode="live", **settings)

    def _reply(self, state):
        return _answer(
            self.scene.text(state | {"t": self.scene.state()["t"]})
        )  # the moment changes nothing that is sent

    def report(self):
        """The simulation of the present state: a Report of edfcore.parallel."""
        return self.scene.report(dict(self.state))

    def save_trace(self, path):
        """Write the simulated step for chrome://tracing or ui.perfetto.dev, every message in it.

        Raises
        ------
        DataError : the file cannot be written.
        """
        self.report().save_trace(path)


@lru_cache(maxsize=64)
def _answer(text):
    scene = Timeline()
    return sent(scene.state_from(text), scene)
