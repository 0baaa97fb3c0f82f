"""The map of the course: its lectures as boxes, an arrow from each to those that need it, and in each box its idea."""

from dataclasses import dataclass
from textwrap import fill

from matplotlib.patches import FancyBboxPatch

from ..errors import DataError
from .base import INK, PALETTE, figure


@dataclass(frozen=True)
class Lecture:
    """What the map says of one lecture.

    number : str, two digits; file : str, of the notebook without its suffix; title : str
    idea : str, what it adds, in a few words; objective : str, what a reader can do afterwards, in a line
    before : tuple of str, the lectures that its first cell names as prerequisites
    column : float, where its box stands, from 0 (left) to 4; minutes : int; widget, assignment : str, may be empty
    """

    number: str
    file: str
    title: str
    idea: str
    objective: str
    before: tuple
    column: float
    minutes: int
    widget: str = ""
    assignment: str = ""


LECTURES = (
    Lecture("00", "00_start_here", "Start here", "how a lecture works", "train a network, read an error about shapes",
            (), 2, 45),
    Lecture("01", "01_the_batch_index", "The batch index", "one more index, for the instances",
            "differentiate a network for a batch of instances, and choose the batch size",
            ("00",), 2, 90, "BatchMicroscope", "A1"),
    Lecture("02", "02_matrices_and_broadcasting", "Matrices and broadcasting", "a layer as one product",
            "state every shape, and find the broadcasts that go wrong without an error",
            ("01",), 2, 75, "Broadcasting", "A2"),
    Lecture("03", "03_backprop_on_tensors", "Backprop on tensors", "gradients without Jacobians",
            "write an engine for backpropagation, and a check that wrong code does not pass",
            ("01", "02"), 1.5, 90, "BreakTheEngine", "A3"),
    Lecture("04", "04_gpus", "GPUs", "thousands of threads, one program",
            "write kernels, and tell what limits their speed", ("01", "02"), 4, 90, "GridExplorer", "A4"),
    Lecture("05", "05_gradient_descent", "Gradient descent", "how far to step, and momentum",
            "predict the speed of gradient descent and of momentum", ("01", "03"), 1.5, 90, "OptimizerPaths", "A5"),
    Lecture("06", "06_adaptive_methods", "Adaptive methods", "a step size for each parameter",
            "write Rprop to AdamW as changes of one update, and compare them fairly",
            ("05",), 0.5, 90, "OptimizerCourt", "A5"),
    Lecture("07", "07_second_order_methods", "Second-order methods", "curvature, known or estimated",
            "derive Newton, BFGS and L-BFGS, and say when they pay",
            ("03", "05", "06"), 0, 90, "OptimizerPaths", "A6"),
    Lecture("08", "08_vanishing_gradients_and_initialization", "Vanishing gradients and initialization",
            "products of slopes", "choose initial weights, and name the remedies for deep networks",
            ("01", "03", "05"), 2.5, 90, "VanishingGradients", "A7"),
    Lecture("09", "09_data", "Data", "more images from those at hand",
            "augment, normalize and sample data, and measure what it gains", ("05", "08"), 2, 90, "LiveFigure", "A8"),
    Lecture("10", "10_learning_rate_schedules", "Learning-rate schedules", "a rate that changes with time",
            "write every common schedule, and compare schedules fairly",
            ("05", "06"), 1, 90, "ScheduleComposer", "A9"),
    Lecture("11", "11_many_gpus", "Many GPUs", "one training on many devices",
            "split a training over devices, and predict what that gains", ("01", "04", "08"), 4, 90,
            "MultiGpuTimeline", "A10"),
    Lecture("12", "12_frameworks", "Frameworks", "the same ideas, other names",
            "read one network in several frameworks, and say what each adds", ("03", "04", "05", "08"), 3, 75,
            "TrainingMonitor"),
)  # fmt: skip


def arrows(lectures=LECTURES):
    """The prerequisites that no other one implies: a list of pairs of numbers (needed, lecture).

    Raises
    ------
    DataError : a lecture names one that does not stand before it in the list.
    """
    implied, found = {}, []
    for lecture in lectures:
        if missing := [n for n in lecture.before if n not in implied]:
            raise DataError(f"course_map: lecture {lecture.number} needs {missing[0]}, which does not stand before it.")
        implied[lecture.number] = set(lecture.before).union(*(implied[n] for n in lecture.before))
        further = set().union(*(implied[n] for n in lecture.before))
        found += [(n, lecture.number) for n in lecture.before if n not in further]
    return found


def depths(lectures=LECTURES):
    """How many lectures stand before each on the longest way from the first: dict from number to int."""
    found = {lecture.number: 0 for lecture in lectures}
    for needed, number in arrows(lectures):
        found[number] = max(found[number], found[needed] + 1)
    return found


def course_map(lectures=LECTURES):
    """The lectures as boxes, those that come later further down, with an arrow for each prerequisite.

    Parameters
    ----------
    lectures : list of Lecture, each after those that it needs

    Returns
    -------
    Figure

    Raises
    ------
    DataError : as `arrows`.
    """
    row, drawn = depths(lectures), arrows(lectures)
    by_number = {lecture.number: lecture for lecture in lectures}
    ideas = "; ".join(f"{x.number} {x.title} ({x.idea})" for x in lectures)
    ways = ", ".join(f"{a} to {b}" for a, b in drawn)
    found = figure(
        f"Map of the {len(lectures)} lectures, from the first at the top to the last at the bottom. {ideas}. "
        f"Arrows lead from a lecture to those that need it: {ways}.",
        height=0.3 + 1.05 * (1 + max(row.values())),
    )
    ax = found.subplots()
    half = (0.47, 0.35)  # of a box, in columns and rows
    for lecture in lectures:
        x, y = lecture.column, row[lecture.number]
        style = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": "#eaf4fb", "edgecolor": PALETTE[0]}
        ax.add_patch(FancyBboxPatch((x - half[0], y - half[1]), 2 * half[0], 2 * half[1], linewidth=1.2, **style))
        title, idea = fill(f"{lecture.number} {lecture.title}", 17), fill(lecture.idea, 21)
        ax.text(x, y - 0.29, title, ha="center", va="top", fontsize=8, weight="bold", color=INK)
        ax.text(x, y + 0.3, idea, ha="center", va="bottom", fontsize=7.5, color=INK)
    for needed, number in drawn:
        a, b = by_number[needed], by_number[number]
        start, end = (a.column, row[needed] + half[1]), (b.column, row[number] - half[1])
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0})
    ax.set(xlim=(-0.5, 4.5), ylim=(max(row.values()) + 0.4, -0.4))
    ax.set_axis_off()
    return found


def as_markdown(lectures=LECTURES):
    """The same map as a table in Markdown, with a link to each lecture: the text twin that lecture 00 holds."""
    needs = {lecture.number: [] for lecture in lectures}
    for needed, number in arrows(lectures):
        needs[number].append(needed)
    lines = ["| lecture | afterwards you can | after | minutes | widget | assignment |", "|---|---|---|---|---|---|"]
    for x in lectures:
        cells = [f"[{x.number} {x.title}]({x.file}.ipynb)", x.objective, ", ".join(needs[x.number]), str(x.minutes)]
        lines.append("| " + " | ".join([*cells, x.widget and f"`{x.widget}`", x.assignment]) + " |")
    return "\n".join(lines)
