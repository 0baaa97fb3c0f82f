"""What a reader touches. Importing edfcore imports none of this; anywidget comes with the extra `course`."""

from importlib import import_module

from .predict import predict, reveal

# The widgets, in the order of the lectures, and the modules that hold them; each is imported when it is first used.
WIDGETS = {
    "BatchMicroscope": "microscope", "Broadcasting": "broadcasting", "BreakTheEngine": "engine",
    "GridExplorer": "grid", "OptimizerPaths": "paths", "OptimizerCourt": "court", "VanishingGradients": "vanishing",
    "ScheduleComposer": "schedule", "MultiGpuTimeline": "timeline",
}  # fmt: skip
MORE = {"TrainingMonitor": "monitor", "LiveFigure": "live_figure"}

__all__ = [*WIDGETS, *MORE, "predict", "reveal"]


def __getattr__(name):
    module = (WIDGETS | MORE).get(name)
    if module is None:
        raise AttributeError(f"edfcore.widgets has no {name!r}; there are {', '.join(__all__)}.")
    return getattr(import_module(f".{module}", __name__), name)
