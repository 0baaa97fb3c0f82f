"""Feedback shows what was learnt, never what the hidden tests are, and nothing of it can do harm."""

import base64
import html
import json
import os
import re
import sysconfig
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from hostile import VECTORS, browser_page, picture, visit
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograde import assignment as assignments
from autograde import plan as plans
from autograde.course import Course, reference_answers
from autograde.errors import AutogradeError
from autograde.feedback import (
    CSP,
    CellGrade,
    Grades,
    SafeFeedback,
    SafeNotebook,
    feedback_page,
    feedback_site,
    marks,
    write_page,
)
from autograde.read import Cell, Submitted
from autograde.result import CellOutput, Result, TestResult


@pytest.fixture(scope="module")
def a1(root):
    return assignments.load(root / "solutions" / "A1")


@pytest.fixture(scope="module")
def master(a1):
    return plans.master_from_assignment(a1)


@pytest.fixture(scope="module")
def secret(a1):
    """Every line of a hidden test longer than 12 characters, but those that students got or write in their answers."""
    sources = [c.source for c in assignments.release(a1.notebook).cells] + list(reference_answers(a1).values())
    released = {part.strip() for source in sources for part in source.splitlines()}
    inside = re.findall(
        r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", "\n".join(c.source for c in a1.notebook.cells), re.DOTALL
    )
    lines = {part.strip() for region in inside for part in region.splitlines()}
    assert len(inside) == 7 and len(lines) > 50 and len(lines & released) < 3
    return {part for part in lines - released if len(part) > 12}


def submitted(a1, sources=None, extra=()):
    """The release with answers filled in, and cells of the student's own at the end."""
    nb = assignments.with_answers(assignments.release(a1.notebook), sources or {})
    cells = [Cell(c.cell_type, c.source, assignments.grade_id(c)) for c in nb.cells]
    return Submitted((*cells, *extra), ())


def made(master, a1, sources=None, extra=(), notes=(), student="ada"):
    return plans.make_plan(master, submitted(a1, sources, extra), student, {}, notes)


def examined(master, plan, tests=(), cells=(), **more):
    """A result in which every test passed but those given."""
    given = {t.name: t for t in tests}
    found = [
        given.get(c.name) or TestResult(c.name, master.exercises.get(c.name), c.points, c.points, "passed")
        for c in master.cells
        if c.kind == "test"
    ]
    fields = {"assurance": "isolated"} | more
    return Result(
        master.assignment, master.notebook, plan.student, "p", "m", "k", tests=tuple(found), cells=cells, **fields
    )


class Text(HTMLParser):
    """The text that a reader of the page sees, by an independent parser."""

    def __init__(self, page):
        super().__init__()
        self.parts, self.tags, self.skip = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.skip = tag == "style"

    def handle_endtag(self, tag):
        self.skip = False

    def handle_data(self, data):
        if not self.skip:
            self.parts.append(data)


def words(page):
    return " ".join(" ".join(Text(page).parts).split())


def test_the_page_shows_points_messages_code_prints_notes_comments_and_penalty(master, a1):
    plan = made(
        master, a1, {"layer": "def layer(x, W, bias):\n    return 1 < 2"}, notes=("A byte order mark was skipped.",)
    )
    place = next(i for i, c in enumerate(plan.cells) if c.name == "layer")
    printed = ({"type": "stream", "name": "stdout", "text": "epoch 1: 0.5"}, {"type": "image", "png": "AAAA"},
               {"type": "error", "name": "E", "message": "m", "traceback": "ZeroDivisionError: by zero"})  # fmt: skip
    wrong = TestResult("layer-test", "layer", 0.0, 2.0, "failed", "wrong", "", "layer(x, W, bias): got 1, expected 2.")
    slow = TestResult("train-test", "train", 1.0, 3.0, "partial", "time", "matrices and vectors", "Too slow.")
    result = examined(master, plan, [wrong, slow], (CellOutput(place, "layer", printed),))
    grades = Grades({"written": CellGrade(3.5, 4.0, True)}, late_penalty=2.0)
    text = words(feedback_page(master, plan, result, grades, {"layer": "Look at *bias*."}, {"time": 30}))
    for part in (
        "A1: feedback For ada", "0 of 2 points", "Not yet right", "layer(x, W, bias): got 1, expected 2.",
        "stopped at the time limit of 30 seconds", "Its category: matrices and vectors", "Partly right", "1 of 3",
        "return 1 < 2", "epoch 1: 0.5", "ZeroDivisionError: by zero", "[a picture that is damaged or too large]",
        "A byte order mark was skipped.", "Look at bias .", "Graded by a person", "3.5 of 4",
        "Penalty for handing in late \u22122", "Total 19.5 of 24", "Total after the penalty 17.5",
        "1. A layer, forward", "This cell is as it was handed out.",
    ):  # fmt: skip
        assert part in text, part


def test_a_reference_answer_is_as_a_student_would_write_it(a1):
    """Without the lines that delimit solutions, and with every other line."""
    answers = reference_answers(a1)
    whole = {assignments.grade_id(c): c.source for c in a1.notebook.cells}
    assert any("### BEGIN SOLUTION" in whole[name] for name in answers)
    for name, source in answers.items():
        assert "BEGIN SOLUTION" not in source and "END SOLUTION" not in source and source.strip()
        kept = [part for part in whole[name].splitlines() if " SOLUTION" not in part and " MARK SCHEME" not in part]
        assert [part for part in source.splitlines() if part] == [part for part in kept if part]


def test_a_page_says_what_waits_for_a_person(master, a1):
    plan = made(master, a1)
    open_ = TestResult("layer-test", "layer", None, 2.0, "unexamined", "error")
    text = words(feedback_page(master, plan, examined(master, plan, [open_])))
    assert "Total so far; 2 of 8 parts wait for a person 18 of 24" in text and "no mistake of yours" in text
    failed = examined(master, plan, needs_person="The notebook has no cells.", assurance="unsafe")
    text = words(feedback_page(master, None, failed))
    assert "A person will look at this notebook. The notebook has no cells." in text and "without a sandbox" in text
    assert "Total: nothing is graded yet; every part waits for a person ? of 24" in text
    assert not [part for part in ("Passed", "checked automatically", "Graded by a person", "so far") if part in text]


def test_a_submission_that_a_person_settled_waits_no_more(master, a1):
    failed = examined(master, made(master, a1), needs_person="Hand it in again.")
    points = {c.name: CellGrade(1.0, c.points, True) for c in master.cells if c.kind in ("test", "written")}
    text = words(feedback_page(master, None, failed, Grades(points)))
    assert "could not be examined automatically. A person has graded it." in text and "Total 8 of 24" in text
    assert "Hand it in again" not in text and "wait" not in text.lower()
    one_open = Grades(points | {"written": CellGrade(None, 4.0)})
    assert "Hand it in again" in words(feedback_page(master, None, failed, one_open))


@pytest.mark.parametrize(
    "answer, grade, told",
    [
        (None, CellGrade(0.0, 4.0), "Not answered 0 of 4"),
        (" \n", CellGrade(0.0, 4.0), "Not answered 0 of 4"),
        (None, CellGrade(1.0, 4.0, True), "Graded by a person 1 of 4"),
        (None, CellGrade(None, 4.0), "Waits for a person ? of 4"),
        ("It is $1/B$.", CellGrade(0.0, 4.0, True), "Graded by a person 0 of 4"),
        ("It is $1/B$.", None, "Waits for a person ? of 4"),
    ],
)
def test_an_untouched_written_question_was_graded_by_nobody(master, a1, answer, grade, told):
    plan = made(master, a1, {} if answer is None else {"written": answer})
    grades = Grades({"written": grade} if grade else {})
    text = words(feedback_page(master, plan, examined(master, plan), grades))
    assert told in text and ("Graded by a person" in text) == told.startswith("Graded")


AGENT = '/edf/agent/inside/agent.py, line 221, in _stop: raise TimeLimit("the time limit")'


@pytest.mark.parametrize(
    "name, message, told",
    [
        ("SyntaxError", "'(' was never closed (<ipython-input-3-abc>, line 1)", "'(' was never closed, line 1."),
        ("TimeLimit", "the time limit", "the time limit."),
        ("NameError", "name 'x' is not defined", "name 'x' is not defined."),
    ],
)
@pytest.mark.parametrize("before", [0, 200])
def test_the_error_of_an_answer_cell_is_said_in_its_section_without_the_grader_s_own_frames(
    master, a1, name, message, told, before
):
    plan = made(master, a1, {"layer": "def layer(x, W, bias)"})
    place = next(i for i, c in enumerate(plan.cells) if c.name == "layer")
    trace = f"Cell, line 1, in <module>: layer(\n{AGENT}\n{name}: {message}"
    outputs = ({"type": "result", "text": "1"},) * before
    outputs += ({"type": "error", "name": name, "message": message, "traceback": trace},)
    missing = TestResult("layer-test", "layer", 0.0, 2.0, "failed", "missing", "", "`layer` is not defined.")
    page = feedback_page(master, plan, examined(master, plan, [missing], (CellOutput(place, "layer", outputs),)))
    section = words(page.split('<section aria-labelledby="exercise-1">')[1].split("<section")[0])
    assert f"Your answer cell stopped with {name}: {told}" in section and f"{name}: {message}" in section
    assert "Cell, line 1" in section and "/edf/agent" not in page
    assert words(page).count("Your answer cell stopped") == 1


def test_the_error_of_a_student_s_own_cell_is_not_said_of_the_answer(master, a1):
    plan = made(master, a1, {}, [Cell("code", "1 / 0", None)])
    error = {"type": "error", "name": "E", "message": "m", "traceback": ""}
    place = next(i for i, c in enumerate(plan.cells) if c.kind == "extra")
    text = words(feedback_page(master, plan, examined(master, plan, cells=(CellOutput(place, None, (error,)),))))
    assert "E: m" in text and "Your answer cell stopped" not in text


@pytest.mark.parametrize(
    "reason, told",
    [
        ("raised", "raised an error"),
        ("memory", "memory limit of 512 MiB"),
        ("crash", "a crash, or an exit"),
        ("missing", "is not there"),
    ],
)
def test_reasons_are_told_in_words(master, a1, reason, told):
    plan = made(master, a1)
    test = TestResult("layer-test", "layer", 0.0, 2.0, "failed", reason)
    assert told in words(feedback_page(master, plan, examined(master, plan, [test]), limits={"memory": 512 * 2**20}))


def test_no_line_of_a_hidden_test_is_on_the_page(master, a1, secret):
    """Not even where the examiner, or the student's prints, let one slip."""
    plan = made(master, a1, reference_answers(a1))
    leak = "\n".join(sorted(secret))
    place = next(i for i, c in enumerate(plan.cells) if c.name == "layer")
    tested = next(i for i, c in enumerate(plan.cells) if c.name == "layer-test")
    test = TestResult("layer-test", "layer", 0.0, 2.0, "failed", "wrong", "shapes", leak)
    stream = ({"type": "stream", "name": "stdout", "text": leak},)
    result = examined(
        master, plan, [test], (CellOutput(place, "layer", stream), CellOutput(tested, "layer-test", stream))
    )
    shown = "".join(Text(feedback_page(master, plan, result)).parts)
    assert "check.call" in shown and "[hidden]" in shown
    assert not [part for part in secret if part in shown]


def test_what_a_hidden_test_made_a_function_print_is_not_on_the_page(master, a1):
    plan = made(master, a1)
    tested = next(i for i, c in enumerate(plan.cells) if c.name == "layer-test")
    cells = (CellOutput(tested, "layer-test", ({"type": "stream", "name": "stdout", "text": "x = [[0.1257]]"},)),)
    assert "0.1257" not in feedback_page(master, plan, examined(master, plan, cells=cells))


def test_the_page_is_accessible_and_needs_no_network(master, a1):
    plan = made(master, a1, reference_answers(a1))
    page = feedback_page(master, plan, examined(master, plan))
    tags = Text(page).tags
    names = [tag for tag, _ in tags]
    assert ("html", {"lang": "en"}) in tags and names.count("h1") == 1 and names.count("main") == 1
    assert names.count("caption") == names.count("table") == 1
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    assert all(attributes.get("alt") for tag, attributes in tags if tag == "img")
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids)) and {a["href"][1:] for t, a in tags if t == "a"} <= set(ids)
    assert not {"script", "link", "iframe"} & set(names)
    policy = [a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == [CSP] and CSP.startswith("default-src 'none'")
    # Each colour has a word beside it.
    assert page.count('aria-hidden="true"') == page.count("</span> Passed") + page.count("</span> Waits for a person")


def hostile_page(master, a1, vectors):
    """A page with each vector in every place that comes from a student."""
    extra = [Cell(kind, vector, None) for vector in vectors for kind in ("code", "markdown")]
    answers = {"layer": vectors[0], "written": "\n\n".join(vectors), "sigmoid": "\n".join(vectors)}
    plan = made(master, a1, answers, extra, notes=tuple(vectors), student=f"ada{vectors[0]}")
    outputs = tuple(
        output
        for v in vectors
        for output in (
            {"type": "stream", "name": v, "text": v},
            {"type": "result", "text": v},
            {"type": "image", "png": v},
            {"type": "error", "name": v, "message": v, "traceback": v},
        )
    )
    cells = tuple(CellOutput(i, v, outputs) for i, v in enumerate([vectors[0]] * len(plan.cells)))
    tests = [TestResult("layer-test", "layer", 0.0, 2.0, "failed", "wrong", v, v) for v in vectors[:1]]
    tests.append(TestResult("train-test", "train", 0.0, 3.0, "failed", "raised", "", "\n".join(vectors)))
    result = examined(master, plan, tests, cells, needs_person=" ".join(vectors))
    return feedback_page(master, plan, result, None, {"layer": "\n\n".join(vectors), "written": vectors[0]})


@pytest.mark.browser
def test_no_page_runs_a_script_or_sends_a_request(master, a1):
    with browser_page() as page:
        for start in range(0, len(VECTORS), 36):
            text = hostile_page(master, a1, VECTORS[start : start + 36])
            assert visit(page, text) == (False, []), start
            # The same page without its policy: nothing in it is left for the policy to stop.
            assert CSP.replace("'", "&#39;") in text
            bare = text.replace("Content-Security-Policy", "x-none")
            assert visit(page, bare) == (False, []), start
            assert page.title() == "A1: feedback" and page.locator("main > section").count() >= 8
        # The browser would have seen it; the policy alone stops the script as well.
        planted = f"</h1>{VECTORS[0]}"
        assert visit(page, bare.replace("</h1>", planted, 1))[0]
        assert not visit(page, text.replace("</h1>", planted, 1))[0]


@pytest.mark.browser
def test_the_page_fits_a_phone_and_follows_the_reader_s_theme(master, a1):
    plan = made(master, a1, {"layer": "x = " + "1 + " * 300 + "1"})
    text = feedback_page(master, plan, examined(master, plan))
    with browser_page() as page:
        page.set_viewport_size({"width": 360, "height": 700})
        colours = set()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            visit(page, text)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(colours) == 2
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.querySelector('pre')).whiteSpace") == "pre-wrap"


# Writing.


def test_pages_lie_where_nbgrader_puts_them(master, a1, tmp_path):
    plans_ = [made(master, a1, student=name) for name in ("ada", "../eve", "bob")]
    site = feedback_site(tmp_path / "feedback", master, [(p, examined(master, p)) for p in plans_])
    assert [p.relative_to(tmp_path).as_posix() for p in site.written] == [
        "feedback/ada/A1/A1.html", "feedback/bob/A1/A1.html"]  # fmt: skip
    assert len(site.refused) == 1 and "../eve" in site.refused[0] and not (tmp_path / "eve").exists()


def test_a_page_that_cannot_be_made_stops_no_other(master, a1, tmp_path):
    plan = made(master, a1)
    broken = examined(master, plan, cells=tuple(CellOutput(i, None, (7,)) for i in range(len(plan.cells))))
    site = feedback_site(tmp_path, master, [(plan, broken), (plan, examined(master, plan))])
    assert len(site.written) == 1 and len(site.refused) == 1


@pytest.mark.parametrize("planted", ["student", "assignment", "page", "broken"])
def test_no_link_is_followed(tmp_path, planted):
    outside = tmp_path / "outside"
    (outside / "A1").mkdir(parents=True)
    (outside / "A1" / "A1.html").write_text("precious")
    folder = tmp_path / "feedback"
    (folder / "ada").mkdir(parents=True)
    if planted == "student":
        (folder / "ada").rmdir()
        (folder / "ada").symlink_to(outside)
    elif planted == "assignment":
        (folder / "ada" / "A1").symlink_to(outside / "A1")
    else:
        (folder / "ada" / "A1").mkdir()
        target = outside / "A1" / ("A1.html" if planted == "page" else "nothing")
        (folder / "ada" / "A1" / "A1.html").symlink_to(target)
    if planted in ("student", "assignment"):
        with pytest.raises(AutogradeError, match="is a link or no folder"):
            write_page(folder, "ada", "A1", "A1", "page")
    else:
        assert not write_page(folder, "ada", "A1", "A1", "page").is_symlink()
        assert (folder / "ada" / "A1" / "A1.html").read_text() == "page"
    assert (outside / "A1" / "A1.html").read_text() == "precious" and len(list((outside / "A1").iterdir())) == 1


def test_a_hard_link_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "f" / "ada" / "A1").mkdir(parents=True)
    os.link(tmp_path / "precious", tmp_path / "f" / "ada" / "A1" / "A1.html")
    write_page(tmp_path / "f", "ada", "A1", "A1", "page")
    assert (tmp_path / "precious").read_text() == "precious"
    assert os.stat(tmp_path / "f" / "ada" / "A1" / "A1.html").st_mode & 0o777 == 0o644


def test_a_folder_in_the_page_s_place_is_told(tmp_path):
    (tmp_path / "ada" / "A1" / "A1.html").mkdir(parents=True)
    with pytest.raises(AutogradeError, match="A1.html in the feedback folder is a folder"):
        write_page(tmp_path, "ada", "A1", "A1", "page")
    assert [p.name for p in (tmp_path / "ada" / "A1").iterdir()] == ["A1.html"]


# nbgrader's own pages.

TEMPLATES = [handlers.template_path]


def failed_notebook(a1):
    """A1 as stock `nbgrader autograde` leaves it: hidden tests in the cells and in the tracebacks."""
    nb = nbformat.from_dict(a1.notebook)
    for cell in nb.cells:
        if assignments.grade_id(cell) in a1.cell_points and cell.cell_type == "code":
            inside = cell.source.split("### BEGIN HIDDEN TESTS")[1].splitlines()
            lines = [f"\x1b[32m---> {n} {text}" for n, text in enumerate(inside[1:-1], 1)]
            cell.outputs = [
                nbformat.v4.new_output("stream", name="stdout", text="hidden inputs: [[0.1257]]"),
                nbformat.v4.new_output("error", ename="ValueError", evalue="got [[0.1257]]", traceback=lines),
            ]
    return nb


def scored(nb, resources):
    """In the place of nbgrader's GetGrades, which asks a gradebook."""
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader |= {"score": 1.0, "points": 2.0}
    return nb, resources


def feedback_exporter(*preprocessors):
    """The exporter as nbgrader's GenerateFeedback makes it."""
    config = Config({"HTMLExporter": {"template_name": "feedback", "extra_template_basedirs": TEMPLATES}})
    config.HTMLExporter.extra_template_paths = [str(Path(handlers.static_path, "node_modules/bootstrap/dist/css"))]
    config.Exporter.default_preprocessors = []
    exporter = HTMLExporter(config=config)
    for preprocessor in (scored, *preprocessors):
        exporter.register_preprocessor(preprocessor)
    return exporter


def stock_resources():
    return {"nbgrader": {"notebook": "A1", "score": 1.0, "max_score": 2.0, "late_penalty": 0.0}}


def test_nbgraders_feedback_page_holds_no_line_of_a_hidden_test(a1, secret):
    shown = {}
    for name, used in (("stock", ()), ("safe", (SafeFeedback,))):
        page, _ = feedback_exporter(*used).from_notebook_node(failed_notebook(a1), stock_resources())
        text = "".join(Text(page).parts)
        shown[name] = [part for part in secret if part in text]
        assert ("0.1257" in text) == (name == "stock")
    assert shown["safe"] == [] and len(shown["stock"]) > 0.9 * len(secret)


def test_nbgraders_feedback_page_keeps_the_message_of_a_visible_test_and_the_category_of_a_hidden_one(a1):
    nb = failed_notebook(a1)
    tests = [c for c in nb.cells if assignments.grade_id(c) in a1.cell_points and c.cell_type == "code"]
    visible = next(part for part in tests[0].source.splitlines() if part.startswith("check"))
    tests[0].outputs[1] |= {"ename": "Wrong", "evalue": "got 1, expected 2", "traceback": [f"----> 5 {visible}"]}
    tests[1].outputs[1] |= {"ename": "Wrong", "evalue": "A hidden test fails. Its category: other shapes."}
    tests[2].outputs[1] |= {"ename": "Wrong", "evalue": "stopped after 5 s", "traceback": ["stopped after 5 s"]}
    page, _ = feedback_exporter(SafeFeedback).from_notebook_node(nb, stock_resources())
    text = words(page)
    for told in (
        "Wrong: got 1, expected 2",
        "Its category: other shapes.",
        "stopped after 5 s",
        "in a hidden part of this test",
    ):
        assert told in text


def test_a_marking_scheme_is_not_in_the_feedback():
    mark = {
        "grade": False,
        "solution": False,
        "task": True,
        "locked": True,
        "grade_id": "t",
        "points": 1,
        "schema_version": 3,
    }
    source = "Explain.\n\n=== BEGIN MARK SCHEME ===\n\nOne point for the factor.\n\n=== END MARK SCHEME ==="
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source, metadata={"nbgrader": mark})])
    page, _ = feedback_exporter(SafeFeedback).from_notebook_node(nb, stock_resources())
    assert "Explain." in page and "factor" not in page


def test_the_course_s_own_delimiters_count():
    mark = {"grade": True, "solution": False, "task": False, "locked": True, "grade_id": "t", "points": 1}
    source = "assert f(1)\n# SECRET\nassert f(2) == 12345\n# PUBLIC"
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, metadata={"nbgrader": mark})])
    config = Config({"ClearHiddenTests": {"begin_test_delimeter": "SECRET", "end_test_delimeter": "PUBLIC"}})
    found, _ = SafeFeedback(config=config).preprocess(nb, {})
    assert found.cells[0].source == "assert f(1)"


def test_a_hidden_test_without_an_end_is_not_shown(a1, secret):
    nb = failed_notebook(a1)
    for cell in nb.cells:
        cell.source = cell.source.replace("### END HIDDEN TESTS", "")
    page, _ = feedback_exporter(SafeFeedback).from_notebook_node(nb, stock_resources())
    text = "".join(Text(page).parts)
    assert not [part for part in secret if part in text] and "This test is not shown" in text


def hostile_notebook(vectors):
    """What a student may hand in, in each place that formgrader's and feedback's templates show."""
    cells = []
    for number, v in enumerate(vectors):
        mark = {"grade": True, "grade_id": f"g{number}", "solution": True, "locked": False, "points": 2,
                "schema_version": 3, "task": False, "comment": v}  # fmt: skip
        outputs = [
            {"output_type": "display_data", "metadata": {"image/png": {"width": v}}, "data": {m: v}}
            for m in ("text/html", "image/svg+xml", "text/markdown", "image/png", "text/plain", "text/latex")
        ]
        outputs.append({"output_type": "error", "ename": v, "evalue": v, "traceback": [v]})
        outputs.append({"output_type": "stream", "name": "stdout", "text": v})
        meta = {"tags": [v.replace(",", ";")], "nbgrader": mark}
        cells.append({"cell_type": "code", "metadata": meta, "source": v, "outputs": outputs, "execution_count": 1})
        cells.append({"cell_type": "markdown", "metadata": {"nbgrader": mark | {"grade_id": f'"{v}'}}, "source": v})
        cells.append({"cell_type": "raw", "metadata": {}, "source": v})
    metadata = {"title": vectors[0], "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}
    cells = [cell | {"id": f"c{n}"} for n, cell in enumerate(cells)]
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


@pytest.fixture
def gradebook(tmp_path):
    """The URL of a gradebook in which ada's written answer and one test of hers wait for a person, bob's nothing."""
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with pytest.MonkeyPatch.context() as patch:  # nbgrader looks for alembic on PATH
        patch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
        Gradebook(url).close()
    with Gradebook(url) as book:
        book.add_assignment("A1")
        book.add_notebook("A1", "A1")
        for name in ("layer-test", "train-test", "written"):
            book.add_grade_cell(name, "A1", "A1", max_score=4, cell_type="code")
        for student, open_ in (("ada", ("train-test", "written")), ("bob", ())):
            book.add_student(student)
            book.add_submission("A1", student)
            for name in ("layer-test", "train-test", "written"):
                grade = book.find_grade(name, "A1", "A1", student)
                grade.auto_score, grade.needs_manual_grade = 1.0, name in open_
        book.db.commit()
    return url


def asked(url, student):
    fields = {"db_url": url, "assignment": "A1", "student": student}
    return {"nbgrader": stock_resources()["nbgrader"] | fields}


def test_nbgraders_feedback_says_what_waits_for_a_person(a1, gradebook):
    page, _ = feedback_exporter(SafeFeedback).from_notebook_node(failed_notebook(a1), asked(gradebook, "ada"))
    text = words(page)
    assert text.count("A person has yet to grade this") == 2
    assert "2 parts wait for a person. The total above is not final." in text
    for name in ("train-test", "written"):
        before = page.index(f'<a name="{name}"></a>') - page.rindex("A person has yet", 0, page.index(f'name="{name}"'))
        assert 0 < before < 1000
    page, _ = feedback_exporter(SafeFeedback).from_notebook_node(failed_notebook(a1), asked(gradebook, "bob"))
    assert "person" not in "".join(re.findall("<strong>.*?</strong>", page))


def test_hints_keep_their_text_and_are_open_on_nbgraders_page(a1):
    hints = re.findall(r"<summary>(.*?)</summary>(.*?)</details>", "\n".join(c.source for c in a1.notebook.cells))
    page, _ = feedback_exporter(SafeFeedback).from_notebook_node(failed_notebook(a1), stock_resources())
    text, tags = words(page), Text(page).tags
    assert len(hints) > 10 and [attributes for tag, attributes in tags if tag == "details"] == [{"open": ""}] * len(
        hints
    )
    for title, hint in hints:
        shown = " ".join(html.unescape(re.sub("<[^>]*>", "", hint)).split())
        assert f"{title} {shown}" in text or f"{title}{shown}" in text


@pytest.mark.browser
def test_nbgraders_feedback_asks_no_network(a1):
    stock, _ = feedback_exporter().from_notebook_node(failed_notebook(a1), stock_resources())
    safe, _ = feedback_exporter(SafeFeedback).from_notebook_node(failed_notebook(a1), stock_resources())
    with browser_page() as page:
        assert visit(page, safe) == (False, [])
        assert page.locator("#notebook .cell").count() > 10
        assert "cdnjs.cloudflare.com" in "".join(visit(page, stock)[1])


@pytest.fixture
def formgrader(tmp_path, monkeypatch):
    """formgrader as the server extension starts it, in a course that is configured as README says; its settings."""
    from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension

    def started(*lines):
        (tmp_path / "nbgrader_config.py").write_text("\n".join(["c = get_config()", *lines]))
        monkeypatch.chdir(tmp_path)
        webapp = type("WebApp", (), {"settings": {"base_url": "/"}})()
        extension = FormgradeExtension()
        extension.root_dir = str(tmp_path)
        extension.initialize([])
        extension.init_tornado_settings(webapp)
        return webapp.settings

    return started


CONFIGURED = ("from autograde.feedback import SafeNotebook", "c.HTMLExporter.preprocessors = [SafeNotebook]")


def formgrader_page(settings, path, **names):
    """What formgrader's SubmissionHandler writes for the notebook at `path`."""
    resources = {"assignment_id": "A1", "notebook_id": "A1", "submission_id": "0" * 32, "index": 0, "total": 1}
    resources |= {"base_url": "", "student": "ada", "last_name": "", "first_name": "", "notebook_path": "x/A1.ipynb"}
    return settings["nbgrader_exporter"].from_filename(str(path), resources=resources | names)[0]


def served(url):
    """formgrader's own scripts and styles; requests to its API get an empty answer."""
    if url.startswith("http://course.test/formgrader/static/"):
        path = Path(handlers.static_path) / url.split("/static/", 1)[1].split("?")[0]
        return path.read_bytes() if path.is_file() else b""
    return b"[]" if url.startswith(("http://course.test/formgrader/api/", "https://cdnjs.cloudflare.com/")) else None


@pytest.mark.browser
def test_formgrader_runs_no_script_of_a_student_s(formgrader, tmp_path):
    path = tmp_path / "A1.ipynb"
    settings = formgrader(*CONFIGURED)
    with browser_page() as page:
        for start in range(0, len(VECTORS), 36):
            some = VECTORS[start : start + 36]
            path.write_text(json.dumps(hostile_notebook(some)))
            text = formgrader_page(settings, path, student=some[0], last_name=some[1], first_name=some[2])
            assert visit(page, text, served) == (False, []), start
            assert page.evaluate("submission_id") == "0" * 32 and page.locator("textarea.comment").count() == len(some)
        stock = formgrader("")
        path.write_text(json.dumps(hostile_notebook(VECTORS[:27])))
        assert visit(page, formgrader_page(stock, path), served) != (False, [])


def test_formgrader_still_shows_the_hidden_tests_to_the_instructor(formgrader, a1, tmp_path):
    nbformat.write(a1.notebook, tmp_path / "A1.ipynb")
    text = "".join(Text(formgrader_page(formgrader(*CONFIGURED), tmp_path / "A1.ipynb")).parts)
    for cell in a1.notebook.cells:
        assert cell.cell_type != "code" or all(part.strip() in text for part in cell.source.splitlines())
    assert "BEGIN HIDDEN TESTS" in text


@pytest.mark.browser
@pytest.mark.slow
def test_nbgraders_feedback_runs_no_script_of_a_student_s():
    with browser_page() as page:
        for start in range(0, len(VECTORS), 36):
            nb = hostile_notebook(VECTORS[start : start + 36])
            text, _ = feedback_exporter(SafeNotebook, SafeFeedback).from_notebook_node(nb, stock_resources())
            assert CSP in text
            bare = text.replace("Content-Security-Policy", "x-none")  # nothing is left for the policy to stop
            assert visit(page, bare, served) == (False, []), start


@pytest.mark.slow
def test_the_whole_path_with_stock_nbgrader_shows_no_hidden_test(tmp_path, a1, secret):
    """Release, hand in, `nbgrader autograde`, `nbgrader generate_feedback`: the pages, and the marks read back."""
    course = Course(tmp_path / "course")
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write(
            "\nfrom nbconvert.preprocessors import CSSHTMLHeaderPreprocessor\n"
            "from nbgrader.preprocessors import GetGrades\n"
            "from autograde.feedback import SafeFeedback, SafeNotebook\n"
            "c.HTMLExporter.preprocessors = [SafeNotebook]\n"
            "c.GenerateFeedback.preprocessors = [GetGrades, SafeFeedback, CSSHTMLHeaderPreprocessor]\n"
        )
    course.release()
    right = reference_answers(a1)
    course.submit("ada", right)
    course.submit("emeka", {name: re.sub(r"\breturn .*", "return None", source) for name, source in right.items()})
    course.nbgrader("autograde", "A1")
    course.nbgrader("generate_feedback", "A1")
    folder = course.root / "feedback"
    for student, score in (("ada", "20.0 / 24.0"), ("emeka", "0.0 / 24.0")):
        text = "".join(Text((folder / student / "A1" / "A1.html").read_text(encoding="utf-8")).parts)
        assert not [part for part in secret if part in text]
        assert f"Score: {score}" in text and "check.call" in text and "A person has yet to grade this" in text
    found = marks(f"sqlite:///{course.root / 'gradebook.db'}", "A1")
    grades, comments = found["ada", "A1"]
    assert sum(g.points for g in grades.cells.values() if g.points is not None) == 20
    assert grades.cells["written"].points is None and grades.cells["written"].max_points == 4 and comments == {}


def test_picture_of_a_student_is_on_the_page(master, a1):
    plan = made(master, a1)
    place = next(i for i, c in enumerate(plan.cells) if c.name == "layer")
    shown = ({"type": "image", "png": base64.b64encode(picture()).decode()},)
    page = feedback_page(master, plan, examined(master, plan, cells=(CellOutput(place, "layer", shown),)))
    assert [a["alt"] for t, a in Text(page).tags if t == "img"] == ["A picture that this cell drew"]
