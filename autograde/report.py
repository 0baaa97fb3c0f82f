"""What a graded class tells about its exercises: difficulty, discrimination, misconceptions, equal submissions.

Scores are those of the gradebook, so that a person's corrections count; misconceptions are what the checks said. The
statistics are those of classical test theory: difficulty is the mean share of the points (high is easy),
discrimination the correlation of an exercise's points with the points of all others (Lord & Novick 1968, 15.3;
Ebel & Frisbie 1991, chapter 13, call 0.3 good and below 0.2 poor), alpha is Cronbach's (1951).
"""

import ast
import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import jinja2
import numpy as np

from . import assignment as assignments
from .export import gradebook_rows
from .returning import recorded

SHOWN_BITS = 12.0  # equal answers as rare as 12 tosses of a coin that all fall alike
FEWEST = 3  # students without whom a correlation says nothing


@dataclass(frozen=True)
class Item:
    """An exercise or a written question, and how the class did.

    students : how many have points in it; waiting : how many wait for a person's; untouched : how many left it as
        released
    difficulty : mean share of the points, 0 to 1; full, none : shares of the students with all, and with no points
    discrimination : correlation with the points of the other exercises, or None where there is none
    tests : dict from test cell to the mean share of its points
    misconceptions : dict from name to how many were told of it; `says` holds their sentences
    categories : dict from category of a hidden test to how many failed there
    reasons : dict from another reason (raised, time, memory, crash, missing) to how many
    """

    name: str
    title: str
    points: float
    students: int
    waiting: int
    untouched: int
    difficulty: float | None
    full: float | None
    none: float | None
    discrimination: float | None
    tests: dict
    misconceptions: dict
    categories: dict
    reasons: dict


@dataclass(frozen=True)
class Pair:
    """Two students with equal answers. `exercises` : which; `bits` : how surprising, see `equal_answers`."""

    students: tuple[str, str]
    exercises: tuple[str, ...]
    bits: float


@dataclass(frozen=True)
class Report:
    """Item statistics of one assignment. `scores`: of all who handed in, programmed exercises; `says`: by slip."""

    assignment: str
    title: str
    students: int
    not_examined: tuple[str, ...]
    max_score: float
    scores: tuple[float, ...]
    alpha: float | None
    items: tuple[Item, ...]
    says: dict
    pairs: tuple[Pair, ...]

    def to_json(self):
        """Plain JSON data."""
        return asdict(self)


def report(room, name):
    """The report on an assignment that was graded.

    Parameters
    ----------
    room : Classroom
    name : str

    Raises
    ------
    AutogradeError : there is no gradebook, or no such assignment in it.
    AssignmentError : solutions/<name> is not a whole assignment, with manifest and bank.
    """
    found = assignments.load(room.folder("source") / name)
    rows = {r.student: r for r in gradebook_rows(room.db_url, name) if r.submitted}
    examined = {result.student: (plan, result) for plan, result in recorded(room, name)}
    points = {s: {cell.partition("/")[2]: p for cell, (p, _) in r.cells.items()} for s, r in rows.items()}
    table = json.loads((found.folder / f"{name}.checks.json").read_text(encoding="utf-8"))
    scores = {e.id: _scores(points, e.tests) for e in found.exercises}
    total = {s: _sum(scores[e.id].get(s) for e in found.exercises) for s in points}
    items = [
        _item(e.id, e.title, dict(zip(e.tests, e.worth, strict=True)), points, scores[e.id], total, examined, table)
        for e in found.exercises
    ]
    for question in found.written:
        own, worth = _scores(points, (question["id"],)), {question["id"]: question["points"]}
        whole = {s: t + own.get(s, 0.0) for s, t in total.items()}
        items.append(_item(question["id"], question["title"], worth, points, own, whole, examined, table))
    sources = {s: _answers(plan, found) for s, (plan, _) in examined.items() if plan is not None}
    return Report(
        name, found.title, len(rows), tuple(sorted(rows.keys() - examined.keys())), float(found.points),
        tuple(sorted(total.values())), alpha([[scores[e.id].get(s, 0.0) for e in found.exercises] for s in points]),
        tuple(items), table["says"], tuple(equal_answers(sources)),
    )  # fmt: skip


def _scores(points, tests):
    """Points of the tests together, by student; a student for whom one is open is left out."""
    found = {s: [p.get(test) for test in tests] for s, p in points.items()}
    return {s: sum(parts) for s, parts in found.items() if None not in parts}


def _sum(values):
    return float(sum(v or 0.0 for v in values))


def _item(name, title, worth, points, own, total, examined, table):
    most = sum(worth.values())
    misconceptions, categories, reasons, untouched = Counter(), Counter(), Counter(), 0
    for plan, result in examined.values():
        cell = next((c for c in plan.cells if c.name == name), None) if plan else None
        if cell is not None and cell.unchanged:
            untouched += 1
            continue
        failed = next((t for t in result.tests if t.name in worth and t.verdict in ("failed", "partial")), None)
        if failed is not None:
            slip = told_slip(failed.message, name, table["says"])
            kind = misconceptions if slip else categories if failed.category else reasons
            kind[slip or failed.category or failed.reason or "wrong"] += 1
    shares = [value / most for value in own.values()] if most else []
    return Item(
        name, title, float(most), len(own), len(points) - len(own), untouched,
        _mean(shares), _mean([s >= 1.0 for s in shares]), _mean([s <= 0.0 for s in shares]),
        correlation([own[s] for s in own], [total[s] - own[s] for s in own]),
        {test: _mean([p[test] / w for p in points.values() if p.get(test) is not None]) for test, w in worth.items()},
        dict(misconceptions.most_common()), dict(categories.most_common()), dict(reasons.most_common()),
    )  # fmt: skip


def _mean(values):
    return float(np.mean(values)) if len(values) else None


def told_slip(message, exercise, says):
    """The misconception of the exercise whose sentence a message gives as the likely cause, or None."""
    _, found, cause = message.partition("Likely cause: ")
    cause, own = " ".join(cause.split()), {s: t for s, t in says.items() if s.startswith(f"{exercise}: ")}
    fitting = [slip for slip, text in own.items() if found and cause.startswith(" ".join(text.split()))]
    return max(fitting, key=lambda slip: len(own[slip])).split(": ", 1)[1] if fitting else None


def correlation(values, others):
    """Pearson's correlation, or None for fewer than three pairs, or where one side does not vary."""
    if len(values) < FEWEST or np.ptp(values) == 0 or np.ptp(others) == 0:
        return None
    return float(np.corrcoef(values, others)[0, 1])


def alpha(table):
    """Cronbach's alpha of a table (students, exercises), or None where it has no meaning."""
    values = np.asarray(table, dtype=float)
    if values.ndim != 2 or len(values) < FEWEST or values.shape[1] < 2 or np.ptp(values.sum(axis=1)) == 0:
        return None
    k = values.shape[1]
    return float(k / (k - 1) * (1.0 - values.var(axis=0, ddof=1).sum() / values.sum(axis=1).var(ddof=1)))


# --- equal submissions -----------------------------------------------------------------------------------------------


def _answers(plan, found):
    """The student's changed answers: dict from exercise to normal form."""
    wanted = {e.id for e in found.exercises}
    return {c.name: normal_form(c.source) for c in plan.cells if c.name in wanted and not c.unchanged}


def normal_form(source):
    """A digest of a program that stays the same when names of its own, comments, docstrings and spacing change.

    Text that is no program is compared word for word.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return hashlib.sha256(" ".join(source.split()).encode(errors="surrogatepass")).hexdigest()
    own = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.Name) and node.id in own:
            node.id = names.setdefault(node.id, f"v{len(names)}")
        elif isinstance(node, ast.arg):
            node.arg = names.setdefault(node.arg, f"v{len(names)}")
    return hashlib.sha256(ast.dump(tree).encode(errors="surrogatepass")).hexdigest()


def equal_answers(sources, shown=SHOWN_BITS):
    """Pairs of students whose equal answers are hard to explain by chance, the most surprising first.

    An answer that h of n students gave counts log2(n / h) bits: what half the class writes counts 1, what two of 64
    write counts 5. A pair is shown where the bits of their equal answers, wrong ones as well as right ones, add up
    to at least `shown`. It is a hint for a person, who should look at both: short answers have few forms, and
    friends who talked about an exercise write alike.

    Parameters
    ----------
    sources : dict from student to dict from exercise to normal form

    Returns
    -------
    list of Pair
    """
    holders = {}
    for student, answers in sorted(sources.items()):
        for exercise, form in answers.items():
            holders.setdefault((exercise, form), []).append(student)
    given = Counter(exercise for answers in sources.values() for exercise in answers)
    shared = {}
    for (exercise, _), students in holders.items():
        bits = math.log2(given[exercise] / len(students))
        if bits > 0.0:
            for pair in combinations(students, 2):
                shared.setdefault(pair, []).append((exercise, bits))
    found = [Pair(p, tuple(e for e, _ in both), sum(b for _, b in both)) for p, both in shared.items()]
    return sorted((p for p in found if p.bits >= shown), key=lambda p: (-p.bits, p.students))


# --- a page ----------------------------------------------------------------------------------------------------------


def advice(item):
    """What an instructor may want to look at, as a sentence; empty where nothing is remarkable."""
    if item.waiting:
        return f"{item.waiting} wait for a person."
    if item.students < FEWEST or item.difficulty is None:
        return ""
    if item.difficulty > 0.95:
        return "Nearly everybody solved it."
    if item.difficulty < 0.2:
        return "Nearly nobody solved it: read its card, and the messages that it triggered."
    if item.discrimination is not None and item.discrimination < 0.1:
        return "Who solved it does not agree with who solved the others: look at its tests."
    return ""


def histogram(scores, most, bins=10):
    """(label, count) for equal ranges of points from 0 to `most`; the last one includes it."""
    edges = [most * k / bins for k in range(bins + 1)]
    at = [min(bins - 1, int(s / most * bins + 1e-9)) if most else 0 for s in scores]
    return [(f"{edges[k]:g} to {edges[k + 1]:g}", at.count(k)) for k in range(bins)]


def page(found):
    """The report as one page of HTML: no scripts, nothing from outside, names of students escaped."""
    folder = Path(__file__).parent / "templates"
    loader = jinja2.FileSystemLoader(folder)
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    bars = histogram(found.scores, found.max_score)
    return made.get_template("report.html.j2").render(
        r=found, bars=bars, most=max([n for _, n in bars] + [1]), advice=advice
    )
