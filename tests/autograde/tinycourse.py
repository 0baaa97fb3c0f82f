"""A course directory that is graded in a blink: one assignment of two exercises and a question, and a class for it.

T1: `double` (2 points, with a hidden test), `mean` (3 points, in two test cells), a written question (1 point).
"""

import random
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "tiny"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
"""
SETUP = "import numpy as np\n\ndef close(a, b):\n    return abs(a - b) < 1e-9"
DOUBLE = "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION"
DOUBLE_TEST = """assert double(2) == 4
### BEGIN HIDDEN TESTS
assert np.array_equal(double(np.arange(3)), [0, 2, 4]), "arrays too"
### END HIDDEN TESTS"""
MEAN = "### BEGIN SOLUTION\ndef mean(values):\n    return sum(values) / len(values)\n### END SOLUTION"
MEAN_TEST = "assert close(mean([1.0, 2.0, 4.5]), 2.5)"
MEAN_TEST_2 = """### BEGIN HIDDEN TESTS
assert close(mean([double(1.0)]), 2.0)
### END HIDDEN TESTS"""
POINTS = {"double-test": 2, "mean-test": 1, "mean-test-2": 2}

RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "mean": "def mean(values):\n    return sum(values) / len(values)",
}
# Answers with the points of double-test, mean-test, mean-test-2 that they must get, worked out by hand.
ANSWERS = (
    (RIGHT, (2, 1, 2)),
    (RIGHT | {"double": "def double(x):\n    return x + x"}, (2, 1, 2)),
    (RIGHT | {"double": "def double(x):\n    return int(2 * x)"}, (0, 1, 2)),
    (RIGHT | {"mean": "def mean(values):\n    return sum(values) / 3"}, (2, 1, 0)),
    (RIGHT | {"mean": "def mean(values):\n    raise ValueError('not yet')"}, (2, 0, 0)),
    ({}, (0, 0, 0)),
    (RIGHT | {"double": "def double(x):\n    import os\n    os._exit(3)"}, (0, 1, 0)),
    (RIGHT | {"question": "Because the sum is shared."}, (2, 1, 2)),
)


def _marked(cell, name, points=None, solution=False, grade=False, locked=True):
    mark = {"grade_id": name, "grade": grade, "solution": solution, "locked": locked, "task": False}
    mark |= {"schema_version": 3, "cell_type": cell.cell_type} | ({} if points is None else {"points": points})
    cell.metadata["nbgrader"], cell["id"] = mark, name
    return cell


def source():
    """The instructor's notebook."""
    cells = [
        new_markdown_cell("# T1"),
        _marked(new_code_cell(SETUP), "setup"),
        _marked(new_code_cell(DOUBLE), "double", solution=True, locked=False),
        _marked(new_code_cell(DOUBLE_TEST), "double-test", 2, grade=True),
        _marked(new_code_cell(MEAN), "mean", solution=True, locked=False),
        _marked(new_code_cell(MEAN_TEST), "mean-test", 1, grade=True),
        _marked(new_code_cell(MEAN_TEST_2), "mean-test-2", 2, grade=True),
        _marked(new_markdown_cell("Why?"), "question", 1, solution=True, grade=True, locked=False),
    ]
    cells[0]["id"] = "title"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=kernel)


def notebook(answers=None, extra=()):
    """What a student hands in: the release with these answers, and cells of their own at the end."""
    from autograde.assignment import release, with_answers

    found = with_answers(release(source()), answers or {})
    for number, text in enumerate(extra):
        cell = new_code_cell(text)
        cell["id"] = f"own-{number}"
        found.cells.append(cell)
    return found


def make(root, students=(), builds=None, config=""):
    """A course directory at `root`, as its Classroom.

    students : (name, answers) pairs; builds : a folder of grading builds to share; config : more lines of it
    """
    from autograde.classroom import Classroom

    root = Path(root)
    (root / "solutions" / "T1").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG + config)
    nbformat.write(source(), root / "solutions" / "T1" / "T1.ipynb")
    room = Classroom.at(root)
    if builds:
        builds.mkdir(exist_ok=True)
        (room.private / "builds").symlink_to(builds)
    (room.private / "secret").write_bytes(b"tiny" * 8)
    for student, answers in students:
        submit(room, student, notebook(answers))
    return room


def submit(room, student, handed_in):
    """Put a submission in place: a notebook, or bytes."""
    folder = room.root / "submitted" / student / "T1"
    folder.mkdir(parents=True, exist_ok=True)
    data = handed_in if isinstance(handed_in, bytes) else nbformat.writes(handed_in).encode()
    (folder / "T1.ipynb").write_bytes(data)


def many(n, seed=0):
    """A class of `n`, (student, answers, points by test cell): every kind of answer in turn, then by chance."""
    chance = random.Random(seed)
    for number in range(n):
        kind = number if number < len(ANSWERS) else chance.randrange(len(ANSWERS))
        answers, points = ANSWERS[kind]
        own = {name: f"{text}\n# {number}" for name, text in answers.items()}
        yield f"s{number:04}", own, dict(zip(POINTS, points, strict=True))


def rows(room):
    """The gradebook as a list of plain rows, without ids and times: grades, comments, penalties and the ledger."""
    import sqlite3

    with sqlite3.connect(f"file:{room.root / 'gradebook.db'}?mode=ro", uri=True) as database:
        return {name: sorted(map(repr, database.execute(query))) for name, query in _QUERIES.items()}


_SUBMITTED = """
    FROM {what} x JOIN submitted_notebook n ON n.id = x.notebook_id
    JOIN submitted_assignment a ON a.id = n.assignment_id JOIN base_cell b ON b.id = x.cell_id
"""
_QUERIES = {
    "grades": "SELECT a.student_id, b.name, x.auto_score, x.manual_score, x.extra_credit, x.needs_manual_grade"
    + _SUBMITTED.format(what="grade"),
    "comments": "SELECT a.student_id, b.name, x.auto_comment, x.manual_comment" + _SUBMITTED.format(what="comment"),
    "penalties": """SELECT a.student_id, a.timestamp, n.late_submission_penalty FROM submitted_notebook n
        JOIN submitted_assignment a ON a.id = n.assignment_id""",
    "students": "SELECT id FROM student",
    "ledger": """SELECT student, assignment, notebook, "key", plan, master, points, complete, assurance, written
        FROM autograde_ledger""",
}


def points(room):
    """Automatic points by student and test cell."""
    import sqlite3

    query = "SELECT a.student_id, b.name, x.auto_score" + _SUBMITTED.format(what="grade")
    found = {}
    with sqlite3.connect(f"file:{room.root / 'gradebook.db'}?mode=ro", uri=True) as database:
        for student, cell, score in database.execute(query):
            if cell in POINTS:
                found.setdefault(student, {})[cell] = score
    return found
