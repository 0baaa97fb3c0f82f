"""The plan is the master with the student's answers in it, whatever happened to the notebook on its way."""

import copy
import json
import math

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.preprocessors import CheckCellMetadata
from nbgrader.utils import determine_grade

from autograde import assignment as assignments
from autograde import fuzz
from autograde.errors import AutogradeError
from autograde.plan import (
    Plan,
    clean,
    make_plan,
    master_from_assignment,
    master_from_notebook,
    names_bound,
    rebuild,
    untouched,
)
from autograde.read import Cell, Submitted, read_notebook
from autograde.result import CellOutput, Result, TestResult


@pytest.fixture(scope="module")
def a1(root):
    return assignments.load(root / "solutions" / "A1")


@pytest.fixture(scope="module")
def big(a1):
    return master_from_assignment(a1)


def marked(kind, source, name, points=0, cell_type="code"):
    make = nbformat.v4.new_code_cell if cell_type == "code" else nbformat.v4.new_markdown_cell
    cell = make(source, id=name)
    flags = {"grade": kind in ("test", "written"), "solution": kind in ("answer", "written"), "task": kind == "task"}
    cell.metadata["nbgrader"] = {"grade_id": name, "locked": kind in ("test", "locked"), "schema_version": 3, **flags}
    if kind in ("test", "written", "task"):
        cell.metadata["nbgrader"]["points"] = points
    return cell


def notebook_of(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


ANSWER = "def {0}(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
TEST = "assert {0}(1) == 1\n### BEGIN HIDDEN TESTS\nassert {0}(2) == 2  # hidden\n### END HIDDEN TESTS"


def small_notebook():
    """text, setup, f, f-test, unmarked code, g, g-test, essay, plain task."""
    return notebook_of(
        nbformat.v4.new_markdown_cell("# Title", id="title"),
        marked("locked", "import math", "setup"),
        marked("answer", ANSWER.format("f"), "f"),
        marked("test", TEST.format("f"), "f-test", 2),
        nbformat.v4.new_code_cell("k = 1", id="plain"),
        marked("answer", ANSWER.format("g"), "g"),
        marked("test", TEST.format("g"), "g-test", 3),
        marked("written", "### BEGIN SOLUTION\nBecause.\n### END SOLUTION", "essay", 4, "markdown"),
        marked("task", "Do it.", "job", 1, "markdown"),
    )


@pytest.fixture(scope="module")
def master():
    return master_from_notebook(small_notebook(), "H1", "h1")


def handed_out(master):
    """What students got, as a list of cells."""
    return [Cell(c.cell_type, c.released, c.name) for c in master.cells]


def index_of(cells, name):
    return next(i for i, c in enumerate(cells) if c.name == name)


def answered(master, **sources):
    return [Cell(c.kind, sources.get(c.name, c.source), c.name) for c in handed_out(master)]


def plan_of(master, cells, **more):
    return make_plan(master, Submitted(tuple(cells)), "ada", **more)


def brief(plan):
    """The plan in words: names of the master's cells, sources of the student's own ones."""
    return [c.name or (c.kind if c.kind != "extra" else c.source) for c in plan.cells]


def planned(plan, name):
    return next(c for c in plan.cells if c.name == name)


ORDER = ["text", "setup", "f", "f-test", "locked", "g", "g-test", "essay", "job"]


# --- the master ------------------------------------------------------------------------------------------------------


def test_kinds_points_and_names_come_from_the_source_notebook(master):
    kinds = ["text", "locked", "answer", "test", "locked", "answer", "test", "written", "task"]
    assert [c.kind for c in master.cells] == kinds
    assert [c.points for c in master.cells] == [0, 0, 0, 2, 0, 0, 3, 4, 1]
    assert [set(c.binds) for c in master.cells] == [set(), set(), {"f"}, set(), set(), {"g"}, set(), set(), set()]


def test_the_released_cells_hold_neither_answers_nor_hidden_tests(master):
    text = json.dumps([c.cell for c in master.cells])
    assert "hidden" not in text and "return x" not in text and "Because" not in text
    assert "hidden" in master.cells[3].source and "return x" in master.cells[2].source


def test_master_of_a1_knows_what_is_forbidden_and_binds_each_answer(big, a1):
    assert big.forbidden["layer-test"] == a1.exercises[0].forbidden
    assert big.exercises == {t: e.id for e in a1.exercises for t in e.tests}
    bound = {c.name: c.binds for c in big.cells if c.kind == "answer"}
    assert bound == {e.id: {e.id.replace("-", "_")} for e in a1.exercises} | {"sigmoid": bound["sigmoid"]}
    assert "sigmoid" in bound["sigmoid"]


def test_digest_changes_with_everything_that_can_change_a_grade(a1, big):
    assert master_from_assignment(a1).digest == big.digest
    seen = {big.digest}
    for change in ("source", "points", "name", "order"):
        notebook = copy.deepcopy(a1.notebook)
        cell = next(c for c in notebook.cells if assignments.grade_id(c) == "layer-test")
        if change == "source":
            cell.source += " "
        elif change == "points":
            cell.metadata.nbgrader["points"] = 2.5
        elif change == "name":
            cell.metadata.nbgrader["grade_id"] = "layer_test"
        else:
            notebook.cells.reverse()
        seen.add(master_from_notebook(notebook, "A1", "A1").digest)
    assert len(seen) == 5


def test_two_cells_of_one_name_in_the_source_are_refused():
    notebook = notebook_of(marked("locked", "a", "x"), marked("locked", "b", "y"))
    notebook.cells[1].metadata.nbgrader["grade_id"] = "x"
    with pytest.raises(AutogradeError, match="two cells of the source notebook are named 'x'"):
        master_from_notebook(notebook, "H1", "h1")


def test_another_release_is_refused():
    with pytest.raises(AutogradeError, match="has other cells"):
        master_from_notebook(small_notebook(), "H1", "h1", released=notebook_of())


# --- binds -----------------------------------------------------------------------------------------------------------

RUNNABLE = [
    "def f(a, b=1):\n    c = 1\n    return c",
    "async def f():\n    x = 1",
    "class C:\n    a = 1\n    def m(self):\n        pass",
    "a, (b, *c), [d] = 1, (2, 3), [4]",
    "a: int = 1\nb: int",
    "a = 1\na += 1",
    "if (n := 3) > 2:\n    m = n",
    "for i, (j, k) in [(1, (2, 3))]:\n    last = i",
    "while True:\n    w = 1\n    break",
    "import contextlib\nwith contextlib.nullcontext((1, 2)) as (p, q):\n    r = p",
    "import os.path\nimport json as j\nfrom math import pi, tau as t",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    handled = 1\nfinally:\n    done = 1",
    "squares = [i * (seen := i) for i in range(3)]",
    "f = lambda x, y=(z := 2): x",
    "match [1, {'a': 2, 'b': 3}]:\n    case [x, {'a': y, **rest}]:\n        pass",
    "match (1, 2, 3):\n    case (first, *others) as whole:\n        pass",
    "x = 1\ny = 2\ndel x",
    "x = 1\ndel x\nx = 2",
    "a = {}\na['k'] = 1\nclass D: pass\nd = D()\nd.attribute = 2",
    "@(deco := (lambda f: f))\ndef g(v=(w := 1)):\n    pass",
    "class E((base := object)):\n    inner = 1",
    "def outer():\n    def inner():\n        pass\n    global_like = 1",
    "ünïcode = 1\nℌ = 2",
]


@pytest.mark.parametrize("source", RUNNABLE)
def test_names_bound_are_those_that_running_the_source_binds(source):
    space = {}
    exec(source, space)  # our own text
    assert names_bound(source) == {n for n in space if not n.startswith("__")}


@given(st.lists(st.sampled_from(RUNNABLE), max_size=4))
def test_names_of_sources_together_are_those_of_running_them(sources):
    space = {}
    exec("\n".join(sources), space)
    assert names_bound("\n".join(sources)) == {n for n in space if not n.startswith("__")}


@pytest.mark.parametrize(
    "source, names",
    [
        ("%matplotlib inline\nx = 1\n!ls\nnp.sum?", {"x"}),
        ("%%time\ny = 1", {"y"}),
        ("files = !ls\nt = %timeit -o 1", {"files", "t"}),
        ("if 1:\n    %matplotlib inline\nz = 1", {"z"}),
        ("z = (7\n% 4)", {"z"}),
        ('s = """\n%not magic\n"""', {"s"}),
        ("def f(:\n", set()),
        ("%%bash\nfor f in *; do echo $f; done", set()),
        ("x\0 = 1", set()),
        ("(" * 2000, set()),
        ("-" * 40_000 + "1", set()),
        ("x" + ".y" * 24_000, set()),
        ("x = 1\n" + "#" * 50_000, set()),
    ],
)
def test_ipython_lines_are_passed_over_and_what_is_no_python_binds_nothing(source, names):
    assert names_bound(source) == names


# --- the plan --------------------------------------------------------------------------------------------------------


def test_the_untouched_release_is_unchanged_everywhere(master):
    plan = plan_of(master, handed_out(master))
    assert brief(plan) == ORDER and plan.notes == () and plan.needs_person is None
    assert all(c.unchanged for c in plan.cells if c.origin == "student")
    assert untouched(master)(Submitted(tuple(handed_out(master))))


def test_the_release_that_nbgrader_made_of_a1_is_untouched(root, big):
    released = read_notebook((root / "assignments/A1/A1.ipynb").read_bytes())
    plan = make_plan(big, released, "fen")
    assert plan.notes == () and untouched(big)(released)
    assert all(c.unchanged for c in plan.cells if c.kind in ("answer", "written"))


def test_answers_are_taken_by_name_and_hidden_tests_come_back(master):
    plan = plan_of(master, answered(master, f="def f(x): return 7", essay="Mine."))
    assert planned(plan, "f").source == "def f(x): return 7" and planned(plan, "essay").source == "Mine."
    assert [planned(plan, n).unchanged for n in ("f", "g", "essay")] == [False, True, False]
    assert "hidden" in planned(plan, "f-test").source and planned(plan, "f-test").origin == "master"
    assert not untouched(master)(Submitted(tuple(answered(master, f="def f(x): return 7"))))


@pytest.mark.parametrize("name", ["setup", "f-test"])
def test_a_changed_locked_or_test_cell_is_put_back_with_a_note(master, name):
    plan = plan_of(master, answered(master, **{name: "pass"}))
    assert planned(plan, name).source == master.cells[index_of(master.cells, name)].source
    assert plan.notes == (f"The cell '{name}' was changed; the original was put back.",)
    assert "pass" not in [c.source for c in plan.cells]


@pytest.mark.parametrize("trailing", ["  ", "\n", "\n\n"])
def test_space_at_the_end_of_a_locked_cell_is_no_change(master, trailing):
    cells = [Cell(c.kind, c.source + trailing, c.name) for c in handed_out(master)]
    assert plan_of(master, cells).notes == ()


def test_own_cells_stay_behind_the_cell_that_they_followed(master):
    cells = handed_out(master)
    for at, source in ((9, "end"), (7, "after g-test"), (5, "after plain"), (3, "after f"), (0, "start")):
        cells.insert(at, Cell("code", source))
    cells.insert(0, Cell("markdown", "note"))
    cells.insert(0, Cell("code", "named", "mine"))
    plan = plan_of(master, cells)
    want = ["named", "note", "start", "text", "setup", "f", "after f", "f-test", "locked", "after plain", "g", "g-test"]
    assert brief(plan) == [*want, "after g-test", "essay", "job", "end"]
    assert {c.cell_type for c in plan.cells if c.source == "note"} == {"markdown"}
    assert plan.notes == ()


def test_empty_own_cells_are_left_out(master):
    assert brief(plan_of(master, [Cell("code", " \n"), *handed_out(master), Cell("markdown", "")])) == ORDER


def test_moved_cells_go_back_and_own_cells_move_with_them(master):
    cells = handed_out(master)
    at = index_of(cells, "g")
    cells = [cells[at], Cell("code", "mine"), *cells[:at], *cells[at + 1 :]]
    plan = plan_of(master, cells)
    assert brief(plan) == ["text", "setup", "f", "f-test", "locked", "g", "mine", "g-test", "essay", "job"]
    assert len(plan.notes) == 1 and "'setup' stood behind 'g'" in plan.notes[0]


@pytest.mark.parametrize(
    "copies, source, told",
    [
        (["stub", "def f(x): return 1"], "def f(x): return 1", "the one with work"),
        (["def f(x): return 1", "stub"], "def f(x): return 1", "the one with work"),
        (["def f(x): return 1", "def f(x): return 2"], "def f(x): return 2", "the last one counts"),
        (["def f(x): return 1", "def f(x): return 2", "stub"], "def f(x): return 2", "the last one counts"),
        (["def f(x): return 1"] * 2, "def f(x): return 1", "the one with work"),
        (["def f(x):\n    y = x", "    return y"], "def f(x):\n    y = x\n    return y", "put together"),
        (["def help(x):\n    return x", "def f(x): return help(x)"], None, "put together"),
        (["def f(x): return help(x)", "def help(x):\n    return x"], None, "put together"),
        (["def f(x): return (", "def f(x): return 2"], "def f(x): return 2", "the last one counts"),
    ],
)
def test_copied_and_split_answers(master, copies, source, told):
    cells = handed_out(master)
    at = index_of(cells, "f")
    stub = cells[at].source
    cells[at : at + 1] = [Cell("code", stub if c == "stub" else c, "f") for c in copies]
    plan = plan_of(master, cells)
    assert planned(plan, "f").source == (source or "\n".join(copies))
    assert brief(plan) == ORDER and len(plan.notes) == 1 and told in plan.notes[0]


def test_parts_of_a_split_essay_are_kept_together(master):
    cells = handed_out(master)
    at = index_of(cells, "essay")
    cells[at : at + 1] = [Cell("markdown", "One.", "essay"), Cell("markdown", "Two.", "essay")]
    assert planned(plan_of(master, cells), "essay").source == "One.\n\nTwo."


def test_texts_that_stand_twice_are_told_apart_by_their_order():
    rule = [nbformat.v4.new_markdown_cell("---", id=f"rule{i}") for i in range(3)]
    notebook = notebook_of(rule[0], marked("locked", "a", "a"), rule[1], marked("locked", "b", "b"), rule[2])
    master = master_from_notebook(notebook, "H1", "h1")
    cells = handed_out(master)
    cells[3:3] = [Cell("code", "own")]
    cells[2:2] = [Cell("code", "before")]
    assert brief(plan_of(master, cells)) == ["text", "a", "before", "text", "own", "b", "text"]


def test_copied_test_cells_are_dropped_and_hold_places(master):
    cells = handed_out(master)
    cells += [cells[3], Cell("code", "mine")]
    plan = plan_of(master, cells)
    assert brief(plan) == ["text", "setup", "f", "f-test", "mine", "locked", "g", "g-test", "essay", "job"]


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_that_became_markdown_is_code_if_it_is_python(master, kind):
    cells = answered(master, f="def f(x): return 1")
    at = index_of(cells, "f")
    cells[at] = Cell(kind, cells[at].source, "f")
    plan = plan_of(master, cells)
    assert (planned(plan, "f").source, planned(plan, "f").cell_type) == ("def f(x): return 1", "code")
    assert "taken as code again" in plan.notes[0]
    cells[at] = Cell(kind, "I did not manage this one.", "f")
    plan = plan_of(master, cells)
    assert planned(plan, "f").source == "" and "is no Python" in plan.notes[0]


def without(cells, *names):
    return [c for c in cells if c.name not in names]


def test_missing_cells_are_put_back_or_noted(master):
    plan = plan_of(master, without(handed_out(master), "setup", "f-test", "f", "essay"))
    assert brief(plan) == ORDER
    assert planned(plan, "f").source == "" and not planned(plan, "f").unchanged
    assert planned(plan, "essay").source == "" and not planned(plan, "essay").unchanged
    assert "put back: 'setup', 'f-test'" in plan.notes[0]
    assert ["with it the answer" in n for n in plan.notes[1:]] == [True, True]


def test_an_answer_without_its_name_still_runs_at_its_place(master):
    cells = answered(master, f="def f(x): return 1")
    at = index_of(cells, "f")
    cells[at] = Cell("code", cells[at].source)
    plan = plan_of(master, cells)
    assert brief(plan)[1:5] == ["setup", "def f(x): return 1", "f", "f-test"]
    assert planned(plan, "f").source == "" and "stays where it was" in plan.notes[0]


def test_an_answer_written_elsewhere_is_moved_before_its_test_with_what_it_needs(master):
    cells = without(handed_out(master), "f")
    cells += [Cell("code", s) for s in ("unit = 1", "def help(x): return unit", "y = 5", "def f(x): return help(x)")]
    plan = plan_of(master, cells)
    want = ["text", "setup", "f", "unit = 1", "def help(x): return unit", "def f(x): return help(x)", "f-test"]
    assert brief(plan) == [*want, "locked", "g", "g-test", "essay", "job", "y = 5"]
    assert "moved to the answer's place" in plan.notes[-1]


def test_own_cells_are_not_moved_while_the_answer_is_there(master):
    cells = [*answered(master, f="def f(x): return 1"), Cell("code", "def f(x): return 2")]
    assert brief(plan_of(master, cells))[-1] == "def f(x): return 2"


def test_names_lost_everywhere_lose_no_answer(big, a1):
    """As after a trip through a tool that drops metadata: with every answer of the reference in place."""
    cells = [Cell(c.cell_type, c.source) for c in assignments.release(a1.notebook).cells]
    right = {c.name: c.source for c in big.cells}
    for i, mastered in enumerate(big.cells):
        if mastered.kind == "answer":
            cells[i] = Cell("code", right[mastered.name])
    plan = make_plan(big, Submitted(tuple(cells)), "ada")
    assert plan.needs_person is None
    sources = [c.source for c in plan.cells]
    for i, mastered in enumerate(big.cells):
        if mastered.kind == "answer":
            test = next(c for c in big.cells[i:] if c.kind == "test")
            assert sources.index(right[mastered.name]) < sources.index(test.source)
    assert len(plan.cells) == len(big.cells) + len(a1.exercises)


@pytest.mark.parametrize("cells", [[], [Cell("code", "import numpy")], [Cell("code", "h = 1", "elsewhere")]])
def test_another_notebook_needs_a_person(master, cells):
    assert plan_of(master, cells).needs_person.startswith("None of h1's cells are in this notebook")
    assert plan_of(master, [*cells, Cell("code", "def f(x): return 1")]).needs_person is None


def test_notes_of_reading_come_first_and_files_along(master):
    submitted = Submitted(tuple(handed_out(master)), ("read",))
    plan = make_plan(master, submitted, "ada", {"a.txt": b"\xff"}, ("folder",))
    assert plan.notes == ("folder", "read") and plan.files == {"a.txt": b"\xff"}
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan and again.digest == plan.digest


@pytest.mark.parametrize("data", [None, {}, [], {"cells": [3]}, {"cells": [], "files": {"a": "?"}, "notes": []}])
def test_what_is_no_plan_is_a_sentence(data):
    with pytest.raises(AutogradeError, match="This is not a plan"):
        Plan.from_json(data)


def test_plan_digest_depends_on_the_student_s_part_only(master):
    base = plan_of(master, answered(master, f="a"))
    same = plan_of(master, [*answered(master, f="a", setup="changed"), Cell("code", "")], notes=("x",))
    others = [
        plan_of(master, answered(master, f="b")),
        plan_of(master, answered(master, g="a")),
        plan_of(master, [*answered(master, f="a"), Cell("code", "own")]),
        plan_of(master, [Cell("code", "own"), *answered(master, f="a")]),
        plan_of(master, answered(master, f="a"), files={"a": b""}),
    ]
    assert same.digest == base.digest
    assert len({p.digest for p in [base, *others]}) == 6


OWN = [Cell("code", "own1"), Cell("code", "own2", "who"), Cell("markdown", "own3"), Cell("code", "def f(x): return 0")]


@given(st.data())
def test_whatever_happens_to_cells_the_plan_keeps_the_master_and_every_own_cell(master, data):
    cells = [*answered(master, f="def f(x): return 1", essay="Mine."), *OWN]
    drawn = data.draw(st.lists(st.sampled_from(cells), max_size=20))
    plan = plan_of(master, drawn)
    assert [(c.kind, c.name, c.points) for c in plan.cells if c.kind != "extra"] == [
        (c.kind, c.name, c.points) for c in master.cells
    ]
    assert [c.source for c in plan.cells if c.origin == "master"] == [
        c.source for c in master.cells if c.kind not in ("answer", "written")
    ]
    assert sorted(c.source for c in plan.cells if c.kind == "extra") == sorted(c.source for c in drawn if c in OWN)
    if any(c.name == "f" for c in drawn):
        assert planned(plan, "f").source == "def f(x): return 1"
    elif OWN[3] in drawn:
        kinds = [c.name if c.kind != "extra" else c.source for c in plan.cells]
        assert min(i for i, k in enumerate(kinds) if k == OWN[3].source) < kinds.index("f-test")
    assert Plan.from_json(plan.to_json()) == plan
    nbformat.validate(rebuild(master, plan))


# --- rebuild ---------------------------------------------------------------------------------------------------------


def result_of(master, plan, tests, cells=()):
    return Result(
        "H1", "h1", "ada", plan.digest, master.digest, "key", "isolated", tests=tuple(tests), cells=tuple(cells)
    )


def verdict(points, most):
    if points is None:
        return "unexamined"
    return "passed" if points == most else "partial" if points else "failed"


TEXT = st.text(max_size=40) | st.sampled_from(["\x1b[31mred\x1b[0m", "2", "nan", "a\r\nb\rc", "\x00\x08", "\ud83d"])
OUTPUT = st.one_of(
    st.fixed_dictionaries({"type": st.just("stream"), "name": st.sampled_from(["stdout", "stderr"]), "text": TEXT}),
    st.fixed_dictionaries({"type": st.just("result"), "text": TEXT}),
    st.fixed_dictionaries({"type": st.just("image"), "png": TEXT}),
    st.fixed_dictionaries({"type": st.just("error"), "name": TEXT, "message": TEXT, "traceback": TEXT}),
    st.fixed_dictionaries({"type": TEXT}),
)


@given(st.data())
def test_nbgrader_reads_exactly_the_points_of_the_result(master, data):
    plan = plan_of(master, [*answered(master, f="1"), *OWN])
    outputs = [CellOutput(i, c.name, tuple(data.draw(st.lists(OUTPUT, max_size=3)))) for i, c in enumerate(plan.cells)]
    points = {}
    for cell in master.cells:
        if cell.kind == "test":
            fraction = st.sampled_from([0, 0.0, cell.points, int(cell.points), None]) | st.floats(0, cell.points)
            points[cell.name] = data.draw(fraction), cell.points
    tests = [TestResult(n, None, p, most, verdict(p, most), message=data.draw(TEXT)) for n, (p, most) in points.items()]
    result = result_of(master, plan, tests, outputs)
    notebook = rebuild(master, plan, data.draw(st.sampled_from([result, result.to_json()])))
    nbformat.validate(notebook)
    CheckCellMetadata().preprocess(notebook, {})
    for cell in notebook.cells:
        name = assignments.grade_id(cell)
        if name in points:
            assert determine_grade(cell) == (points[name][0] or 0, points[name][1])
            assert not any(o.get("name") == "stderr" for o in cell.outputs)
            assert "hidden" not in cell.source
    text = "".join(o.get("text", "") + str(o.get("data", "")) for c in notebook.cells for o in c.get("outputs", []))
    assert not set(text) & {chr(i) for i in range(32) if chr(i) not in "\n\t"}


@pytest.mark.parametrize("points", [math.nan, math.inf, -1, 2.5, "2", True, [2], None])
def test_points_that_cannot_be_awarded_are_never_full_marks(master, points):
    plan = plan_of(master, handed_out(master))
    test = TestResult("f-test", None, points, 2, "passed")
    cell = rebuild(master, plan, result_of(master, plan, [test])).cells[3]
    assert determine_grade(cell) == (0, 2) and cell.outputs[0].ename == "NotExamined"


def test_without_a_result_nothing_is_awarded(master):
    notebook = rebuild(master, plan_of(master, answered(master, f="1", essay="Mine.")))
    grades = {assignments.grade_id(c): determine_grade(c)[0] for c in notebook.cells if _is_grade(c)}
    assert grades == {"f-test": 0, "g-test": 0, "essay": None}


def _is_grade(cell):
    return cell.metadata.get("nbgrader", {}).get("grade", False)


@pytest.mark.parametrize(
    "text, points", [("YOUR ANSWER HERE", 0), ("YOUR ANSWER HERE\n\n", 0), ("Mine.", None), ("", None)]
)
def test_an_essay_is_a_person_s_unless_it_is_untouched(master, text, points):
    notebook = rebuild(master, plan_of(master, answered(master, essay=text)))
    assert determine_grade(notebook.cells[7])[0] == points


def test_rebuild_has_the_master_s_ids_and_stable_ones_for_own_cells(master):
    twice = [*handed_out(master), Cell("code", "own"), Cell("code", "own")]
    notebook = rebuild(master, plan_of(master, twice))
    ids = [c.id for c in notebook.cells]
    assert ids[:9] == [c.id for c in small_notebook().cells] and len(set(ids)) == 11
    later = rebuild(master, plan_of(master, [Cell("code", "another"), *twice]))
    assert {c.id for c in notebook.cells} <= {c.id for c in later.cells}


def test_a_plan_of_another_master_is_refused(master, big):
    with pytest.raises(AutogradeError, match="another version"):
        rebuild(big, plan_of(master, handed_out(master)))


def test_pictures_that_are_none_are_dropped(master):
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    plan = plan_of(master, handed_out(master))
    outputs = tuple({"type": "image", "png": p} for p in (png, "PHN2Zz4=", '"><script>', None, 3))
    notebook = rebuild(master, plan, result_of(master, plan, [], [CellOutput(2, "f", outputs)]))
    assert [o.data for o in notebook.cells[2].outputs] == [{"image/png": png}]


def test_clean_takes_escapes_and_controls_out_and_leaves_the_rest():
    assert clean("\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\x9b2J\x00\x7f") == "red ok"
    assert clean("10%\r50%\r\ndone\tüñ😀") == "10%\n50%\ndone\tüñ😀"


@given(st.text(st.characters(categories=["L", "N", "P", "Z", "S"], include_characters="\n\t"), max_size=80))
def test_clean_keeps_plain_text(text):
    assert clean(text) == text


# --- damaged notebooks -----------------------------------------------------------------------------------------------


def test_a_slice_of_the_fuzzer_finds_nothing(a1, big):
    report = fuzz.fuzz(big, fuzz.corpus_of(a1), 200)
    assert report.cases == 200 and report.escaped == []
    assert report.read > 50 and report.refused > 50
    assert report.ok, report.slowest


def test_the_fuzzer_reports_what_escapes(a1, big, monkeypatch):
    monkeypatch.setattr(fuzz, "make_plan", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fuzz.fuzz(big, fuzz.corpus_of(a1), 1)
    monkeypatch.undo()
    real = fuzz.make_plan

    def awarding(master, submitted, student):
        plan = real(master, submitted, student)
        return plan if submitted.notes == () else Plan("A1", "A1", "", plan.cells[1:], {}, (), None)

    monkeypatch.setattr(fuzz, "make_plan", awarding)
    report = fuzz.fuzz(big, fuzz.corpus_of(a1), 60)
    assert report.escaped and not report.ok and "master's cells" in report.escaped[0]["error"]


def test_a_case_is_the_same_for_ever(a1):
    corpus = fuzz.corpus_of(a1)
    assert [fuzz.damaged(seed, corpus) for seed in range(20)] == [fuzz.damaged(seed, corpus) for seed in range(20)]
    assert len({fuzz.damaged(seed, corpus)[0] for seed in range(20)}) > 15
