"""An assignment as data: its source notebook, its manifest, its bank of wrong and of right answers.

solutions/A1/A1.ipynb         the notebook, with solution regions and hidden tests
solutions/A1/A1.checks.json   made by `autograde build`: expected values and known slips of the visible checks
solutions/A1/exercises.toml   points, difficulty, minutes, objectives, hints, forbidden names
solutions/A1/bank/*.py        one file for each exercise, sections `# %% wrong: name` and `# %% right: name`
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat

from .errors import AssignmentError


@dataclass(frozen=True)
class Answer:
    """An answer of the bank.

    name : str; for a wrong answer, the misconception
    right : bool
    says : str, one sentence of cause that a student who gives this wrong answer must be told
    source : str, the code that replaces the answer cell
    keeps : test cells that a wrong answer passes, and so their points
    """

    exercise: str
    name: str
    right: bool
    says: str
    source: str
    keeps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """One exercise of the manifest; `id` is also the grade_id of its answer cell. `minutes` is the expected time.

    worth : points of each of the tests, in their order
    """

    id: str
    title: str
    tests: tuple[str, ...]
    worth: tuple[int, ...]
    difficulty: int
    minutes: int
    objectives: tuple[str, ...]
    hints: tuple[str, ...]
    forbidden: tuple[str, ...]
    answers: tuple[Answer, ...]
    equivalent: tuple[dict, ...] = ()  # mutants that answer as the reference does: {"mutant": name, "why": sentence}

    @property
    def points(self):
        """What the exercise is worth."""
        return sum(self.worth)


@dataclass(frozen=True)
class Assignment:
    """An assignment, read and checked: manifest, notebook and bank agree."""

    name: str
    title: str
    folder: Path
    minutes: int
    notebook: nbformat.NotebookNode
    exercises: tuple[Exercise, ...]
    written: tuple[dict, ...]

    @property
    def points(self):
        """What the programmed exercises are worth together."""
        return sum(e.points for e in self.exercises)

    @property
    def cell_points(self):
        """Points by test cell, as the notebook has them."""
        return {grade_id(c): c.metadata.nbgrader["points"] for c in self.notebook.cells
                if grade_id(c) and c.metadata.nbgrader["grade"]}  # fmt: skip

    @property
    def manual_points(self):
        """What a person awards for the written questions."""
        return sum(w["points"] for w in self.written)


def load(folder):
    """Read the assignment in `folder`, e.g. solutions/A1.

    Raises
    ------
    AssignmentError : a file is missing or malformed, or notebook, manifest and bank disagree.
    """
    folder = Path(folder)
    name = folder.name
    try:
        manifest = tomllib.loads((folder / "exercises.toml").read_text(encoding="utf-8"))
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    except FileNotFoundError as error:
        raise AssignmentError(f"{name}: {error.filename} is missing.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, nbformat.ValidationError, AttributeError) as error:
        raise AssignmentError(f"{name}: a file is not readable as what it should be: {error}") from None
    except nbformat.reader.NotJSONError as error:
        raise AssignmentError(f"{name}: {error}") from None
    try:
        exercises = tuple(_exercise(entry, folder / "bank") for entry in manifest["exercise"])
        title, minutes = manifest["title"], manifest["minutes"]
    except (KeyError, TypeError) as error:
        raise AssignmentError(f"{name}: exercises.toml lacks, misspells or invents a key: {error}.") from None
    written = tuple(manifest.get("written", ()))
    found = Assignment(name, title, folder, minutes, notebook, exercises, written)
    _agree(found)
    return found


def _exercise(entry, bank):
    path = bank / f"{entry['id']}.py"
    if not path.exists():
        raise AssignmentError(f"The bank has no file {path.name}; each exercise needs wrong and right answers.")
    answers = tuple(read_bank(entry["id"], path.read_text(encoding="utf-8")))
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    points = fields.pop("points")
    worth = points if isinstance(points, tuple) else (points,)
    return Exercise(**fields, worth=worth, answers=answers)


SECTION = re.compile(r"^# %% (wrong|right): (.+)$", re.MULTILINE)


def read_bank(exercise, text):
    """The answers in a bank file, in order. The comment under a wrong answer's header is what it says.

    Raises
    ------
    AssignmentError : a wrong answer without its sentence, or two answers of one name.
    """
    first, *parts = SECTION.split(text)
    headers = re.findall(r"^# ?%%.*$", "".join(parts[2::3]), re.MULTILINE)
    strange = [line for line in [*first.splitlines(), *headers] if line.strip()]
    if strange:
        raise AssignmentError(
            f"bank/{exercise}.py: {strange[0]!r} belongs to no answer; a header reads '# %% wrong: name' or "
            "'# %% right: name'."
        )
    seen = set()
    for kind, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        lines = body.strip("\n").splitlines()
        says, keeps = [], ()
        while lines and lines[0].startswith("#"):
            line = lines.pop(0).removeprefix("#").strip()
            if line.startswith("keeps:"):
                keeps = tuple(test.strip() for test in line.removeprefix("keeps:").split(","))
            else:
                says.append(line)
        if kind == "wrong" and not says:
            raise AssignmentError(f"bank/{exercise}.py: {name!r} needs a comment line that says what is wrong.")
        if name in seen:
            raise AssignmentError(f"bank/{exercise}.py: two answers are named {name!r}.")
        seen.add(name)
        yield Answer(exercise, name, kind == "right", " ".join(says), "\n".join(lines).strip("\n"), keeps)


def grade_id(cell):
    """The cell's name in nbgrader, or None."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


RELEASED = ("{name}.ipynb", "{name}.checks.json")
WRONG, RIGHT = 6, 3  # answers that each exercise's bank holds at least
KEPT = ("exercises.toml", "bank", ".ipynb_checkpoints", "__pycache__")


def _agree(assignment):
    allowed = {pattern.format(name=assignment.name) for pattern in RELEASED} | set(KEPT)
    for path in sorted(assignment.folder.iterdir()):
        if path.name not in allowed:
            raise AssignmentError(f"{assignment.name}: {path.name} would reach students; move it out of the folder.")
    for e in assignment.exercises:
        if sum(not a.right for a in e.answers) < WRONG or sum(a.right for a in e.answers) < RIGHT:
            raise AssignmentError(
                f"{assignment.name}: the bank of {e.id} needs {WRONG} wrong and {RIGHT} right answers at least."
            )
    marks = {grade_id(c): c.metadata.nbgrader for c in assignment.notebook.cells if grade_id(c)}
    graded = {name for name, mark in marks.items() if mark["grade"]}
    for exercise in assignment.exercises:
        if exercise.id not in marks or not marks[exercise.id]["solution"]:
            raise AssignmentError(f"{assignment.name}: the notebook has no answer cell {exercise.id!r}.")
        missing = set(exercise.tests) - graded
        if missing:
            raise AssignmentError(f"{assignment.name}: the notebook has no test cell {missing}.")
        points = [marks[test]["points"] for test in exercise.tests]
        if points != list(exercise.worth):
            raise AssignmentError(
                f"{assignment.name}: the tests of {exercise.id} have {list(exercise.worth)} points in exercises.toml "
                f"and {points} in the notebook."
            )
        for answer in exercise.answers:
            if answer.keeps and (answer.right or not set(answer.keeps) < set(exercise.tests)):
                raise AssignmentError(
                    f"{assignment.name}: in the bank of {exercise.id}, {answer.name!r} keeps {answer.keeps}; a wrong "
                    f"answer may keep some, not all, of {', '.join(exercise.tests)}."
                )
    for question in assignment.written:
        if marks.get(question.get("id"), {}).get("points", -1) != question.get("points"):
            raise AssignmentError(f"{assignment.name}: written question {question.get('id')!r} disagrees on points.")
    listed = {t for e in assignment.exercises for t in e.tests} | {w["id"] for w in assignment.written}
    if graded != listed:
        raise AssignmentError(f"{assignment.name}: {graded ^ listed} is graded in only one of notebook and manifest.")


def with_answers(notebook, sources):
    """A copy of the notebook in which the answer cells named in `sources` hold those sources."""
    fresh = nbformat.from_dict(notebook)
    for cell in fresh.cells:
        if grade_id(cell) in sources:
            cell.source = sources[grade_id(cell)]
    return fresh


def is_test(cell):
    """Whether a cell is a test cell."""
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("grade"))


def with_tests_of(exercise, notebook):
    """A copy of the notebook without the test cells of other exercises."""
    fresh = nbformat.from_dict(notebook)
    fresh.cells = [c for c in fresh.cells if not is_test(c) or grade_id(c) in exercise.tests]
    return fresh


def release(notebook):
    """The notebook as `nbgrader generate_assignment` gives it to students: without answers and hidden tests."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    fresh = nbformat.from_dict(notebook)
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        fresh, _ = preprocessor.preprocess(fresh, {})
    return fresh
