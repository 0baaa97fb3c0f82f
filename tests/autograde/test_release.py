"""A release holds what students need and nothing of the answers; a leak of any kind, however dressed, is found."""

import base64
import bz2
import gzip
import hashlib
import html
import io
import json
import lzma
import shutil
import tarfile
import urllib.parse
import zipfile
import zlib

import pytest

from autograde import assignment as assignments
from autograde import release as releases
from autograde.assignment import grade_id
from autograde.course import Course
from autograde.release import ReleaseError, bundle_bytes, make_release, prove

LINE = "s_grad[np.arange(len(y)), y] -= 1.0"  # of the solution of log-loss-backward
HIDDEN = 'check.hidden("layer on other shapes, a batch of one among them", found, loop_layer(u, V, t))'
SOLUTION = (
    "    e = np.exp(s - s.max(axis=1, keepdims=True))\n    s_grad = e / e.sum(axis=1, keepdims=True)\n    " + LINE
)
RIGHT = "    each = h_grad[:, :, None] * x[:, None, :]"
WRONG = "    return ones @ W, ones.T @ x / len(x), -ones.mean(axis=0)"


@pytest.fixture(scope="module")
def a1(root):
    return assignments.load(root / "solutions" / "A1")


@pytest.fixture
def student(root, tmp_path):
    """A copy of the committed student version."""
    shutil.copytree(root / "assignments" / "A1", tmp_path / "A1", ignore=shutil.ignore_patterns(".*"))
    return tmp_path / "A1"


def proof_of(folder, assignment, data=None):
    bundle = folder.parent / "A1.zip"
    bundle.write_bytes(bundle_bytes(folder, "A1") if data is None else data)
    return prove(bundle, assignment, folder)


def edit(folder, change, file="A1.ipynb"):
    """Change a JSON file of the release."""
    content = json.loads((folder / file).read_text(encoding="utf-8"))
    change(content)
    (folder / file).write_text(json.dumps(content, indent=1), encoding="utf-8")


def kinds(proof):
    return {leak.kind for leak in proof.found}


def cell(notebook, name):
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def zipped(data, name="x"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def tarred(data):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("x")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def test_the_student_version_and_its_bundle_are_clean(student, a1):
    proof = proof_of(student, a1)
    assert proof.clean, [leak.says for leak in proof.found]
    assert set(proof.files) == {"A1.zip", "A1.ipynb", "A1.checks.json"} and proof.texts > 100
    assert proof.digest == hashlib.sha256((student.parent / "A1.zip").read_bytes()).hexdigest()


def test_what_these_tests_plant_is_of_the_assignment(a1):
    text = "\n".join([c.source for c in a1.notebook.cells] + [a.source for e in a1.exercises for a in e.answers])
    assert all(planted in text for planted in (LINE, HIDDEN, SOLUTION, RIGHT, WRONG))


def test_every_hidden_line_counts_by_an_independent_reading(root, a1):
    """The lines between the markers, read from the file without any of the code under test."""
    notebook = json.loads((root / "solutions" / "A1" / "A1.ipynb").read_text())
    shown, hidden, inside = [], [], False
    for line in (line for c in notebook["cells"] for line in "".join(c["source"]).splitlines()):
        if "### BEGIN" in line or "### END" in line:
            inside = "BEGIN" in line
        else:
            (hidden if inside else shown).append("".join(line.split()))
    text = "".join(shown)
    expected = {line for line in hidden if len(line) >= 12 and line not in text}
    found = {s.key for s in releases.secrets(a1) if s.kind in ("solution", "hidden test") and s.form == "text"}
    assert expected and expected <= found
    assert all(line not in text for line in found)


def test_every_answer_of_the_bank_counts(a1):
    places = {s.place.split(", line")[0] for s in releases.secrets(a1) if s.kind in ("wrong answer", "right answer")}
    bank = {a.name: f"bank, {e.id}: {a.name}" for e in a1.exercises for a in e.answers}
    missing = {place for place in bank.values() if place not in places}
    trivial = ("nothing returned", "zeros", "unchanged")  # say nothing that the stub or another answer does not say
    assert all(any(word in place for word in trivial) or _same_as_another(a1, place) for place in missing), missing


def _same_as_another(a1, place):
    """Whether all lines of an answer stand in others' too, so that only the first of them is named."""
    answers = {f"bank, {e.id}: {a.name}": a.source for e in a1.exercises for a in e.answers}
    lines = {"".join(line.split()) for other, text in answers.items() if other != place for line in text.splitlines()}
    lines |= {"".join(line.split()) for c in a1.notebook.cells for line in c.source.splitlines()}
    mine = {"".join(line.split()) for line in answers[place].splitlines()}
    return all(line in lines or len(line) < 14 for line in mine)


# Each kind of secret, in a cell's source


@pytest.mark.parametrize(
    "kind, text",
    [
        ("solution", SOLUTION),
        ("solution", LINE),
        ("solution", "A property that needs no right answer: put every example into the batch twice. The average over"),
        ("hidden test", HIDDEN),
        ("right answer", RIGHT),
        ("wrong answer", WRONG),
        ("name", "layer: bias added"),
        ("name", "# %% right: einsum"),
        ("sentence", "bias_grad has the wrong sign: the threshold is subtracted in the forward sum"),
        ("marker", "### BEGIN HIDDEN TESTS"),
    ],
)
def test_a_secret_in_a_cell_is_found(student, a1, kind, text):
    wanted = next(s.key for s in releases.secrets(a1) if s.kind == kind and s.form == "text")
    assert wanted
    if kind == "solution" and text.startswith("A property"):
        text = next(c.source for c in a1.notebook.cells if grade_id(c) == "written")
    if kind == "sentence":
        text = next(a.says for e in a1.exercises for a in e.answers if a.name == "sign of the threshold")
    edit(student, lambda nb: cell(nb, "layer")["source"].append("\n" + text))
    proof = proof_of(student, a1)
    assert kind in kinds(proof)
    assert {leak.file for leak in proof.found if leak.kind == kind} >= {"A1.ipynb", "A1.zip/A1/A1.ipynb"}


def test_every_single_secret_text_is_found_when_it_is_planted(a1):
    """Planted one by one, among words, in a Markdown cell: none is missed."""
    for secret in releases.secrets(a1):
        if secret.form == "text":
            planted = {"cells": [{"cell_type": "markdown", "source": ["And so:\n", f"so {secret.key}, and on"]}]}
            search = releases.Search("A1", (secret,), "")
            search.file("A1.ipynb", json.dumps(planted).encode())
            assert [leak.kind for leak in search.found] == [secret.kind], secret


def test_a_mark_scheme_is_a_secret(root, a1, student):
    notebook = assignments.with_answers(a1.notebook, {})
    notebook.cells[
        -1
    ].source += "\n=== BEGIN MARK SCHEME ===\nTwo points for the factor fifty.\n=== END MARK SCHEME ==="
    with_scheme = assignments.Assignment(**{**a1.__dict__, "notebook": notebook})
    assert proof_of(student, with_scheme).clean
    edit(student, lambda nb: nb["cells"][-1]["source"].append("Two points for the\nfactor fifty."))
    assert kinds(proof_of(student, with_scheme)) == {"mark scheme"}


def test_a_solution_cell_without_a_region_is_a_secret_as_a_whole(a1, student):
    notebook = assignments.with_answers(
        a1.notebook, {"layer": "def layer(x, W, bias):\n    return np.inner(x, W) - bias"}
    )
    whole = assignments.Assignment(**{**a1.__dict__, "notebook": notebook})
    edit(student, lambda nb: cell(nb, "setup")["source"].append("\n# np.inner( x,W )-bias"))
    assert proof_of(student, a1).clean
    edit(student, lambda nb: cell(nb, "setup")["source"].append("\n    return np.inner( x,W )-bias"))
    assert kinds(proof_of(student, whole)) == {"solution"}


# However dressed

DRESSES = {
    "other white space": lambda t: t.replace(" ", "\t \n"),
    "in a comment": lambda t: "# " + t.replace("\n", "\n# "),
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "base64 in lines": lambda t: base64.encodebytes(t.encode() * 3).decode(),
    "base64 for addresses": lambda t: base64.urlsafe_b64encode(b"\xff\xfe\xfa" * 0 + t.encode()).decode().rstrip("="),
    "base64 after a letter": lambda t: "data" + base64.b64encode(t.encode()).decode(),
    "base64 twice": lambda t: base64.b64encode(base64.b64encode(t.encode())).decode(),
    "base64 of UTF-16": lambda t: base64.b64encode(t.encode("utf-16")).decode(),
    "hexadecimal": lambda t: t.encode().hex(),
    "entities of HTML": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "escaped HTML": lambda t: html.escape(t.replace("1.0", "'1.0'")) if "'" in t else html.escape(t),
    "an address": urllib.parse.quote,
    "a string literal": lambda t: "".join(f"\\x{ord(c):02x}" for c in t),
    "JSON in JSON": lambda t: json.dumps({"a": [json.dumps({"b": t})]}),
    "zip": lambda t: base64.b64encode(zipped(t.encode())).decode(),
    "zip in zip": lambda t: base64.b64encode(zipped(zipped(t.encode()))).decode(),
    "gzip": lambda t: base64.b64encode(gzip.compress(t.encode())).decode(),
    "bzip2": lambda t: base64.b64encode(bz2.compress(t.encode())).decode(),
    "xz": lambda t: base64.b64encode(lzma.compress(t.encode())).decode(),
    "zlib": lambda t: base64.b64encode(zlib.compress(t.encode())).decode(),
    "tar": lambda t: base64.b64encode(tarred(t.encode())).decode(),
    "zip in base64 in gzip": lambda t: base64.b64encode(gzip.compress(base64.b64encode(zipped(t.encode())))).decode(),
    "terminal colours": lambda t: t.replace(" ", "\x1b[0m \x1b[1;32m"),
}

PLACES = {
    "source": lambda nb, t: cell(nb, "setup")["source"].append("\n" + t),
    "output": lambda nb, t: cell(nb, "setup")["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": [t]}
    ),
    "metadata of the notebook": lambda nb, t: nb["metadata"].update(x={"y": [t]}),
    "metadata of a cell": lambda nb, t: nb["cells"][0]["metadata"].update({t: 1}),
    "attachment": lambda nb, t: nb["cells"][0].update(attachments={"a.txt": {"text/plain": t}}),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_secret_is_found_in_any_dress(student, a1, dress):
    edit(student, lambda nb: PLACES["source"](nb, DRESSES[dress](SOLUTION)))
    assert "solution" in kinds(proof_of(student, a1))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dress", ["base64", "in a comment"])
def test_a_secret_is_found_in_any_place(student, a1, place, dress):
    edit(student, lambda nb: PLACES[place](nb, DRESSES[dress](LINE)))
    assert "solution" in kinds(proof_of(student, a1))


def test_outputs_are_found_whatever_they_show(student, a1):
    edit(student, lambda nb: PLACES["output"](nb, "1"))
    assert kinds(proof_of(student, a1)) == {"output"}


# Code in another layout


@pytest.mark.parametrize(
    "kind, code",
    [
        ("solution", "return (x) @ (W.T) - (bias)"),
        ("solution", "def f(s, y, g):\n    e = (np.exp(s-(s.max(axis=1,keepdims=True))))\n    return e"),
        ("solution", "s_grad[(np.arange(len(y))), (y)] -= 1.00"),
        ("right answer", "z = 1; each = (h_grad[:, :, None]) * (x[:, None, :])"),
        ("hidden test", "t_grad[j] -= (g[b, j]) / (len(u))"),
    ],
)
def test_reformatted_statements_are_found(student, a1, kind, code):
    edit(student, lambda nb: cell(nb, "setup")["source"].append("\n" + code))
    assert kind in kinds(proof_of(student, a1))


RENAMED = """
def total_loss(function, count: int, size: int = 2) -> float:
    '''Another text.'''
    acc = 0.0  # another comment
    for a in range(0, count, size):
        z = min(a + size, count)
        acc += function(a, z) * (z - a)
    return acc / count
"""


@pytest.mark.parametrize("wrap", ["{}", "Try this:\n\n```python{}```\n", "<pre>\n{}\n</pre>", "see\n\n{}\n\nthere"])
def test_a_function_with_all_its_names_changed_is_found(student, a1, wrap):
    """The solution of mean-loss; its defaults apart, which are the function's interface."""
    text = wrap.format(RENAMED.replace(": int = 2", ""))
    edit(student, lambda nb: nb["cells"][0]["source"].append(text))
    assert "solution" in kinds(proof_of(student, a1))


def test_another_function_is_no_leak(student, a1):
    other = RENAMED.replace("* (z - a)", "* (z + a)")
    edit(student, lambda nb: nb["cells"][0]["source"].append(other.replace(": int = 2", "")))
    assert proof_of(student, a1).clean


# The checks file, other files, the bundle itself


@pytest.mark.parametrize("name, kind", [("layer: einsum", "name"), (LINE, "solution"), (HIDDEN, "hidden test")])
def test_the_checks_file_may_hold_slips_and_nothing_else(student, a1, name, kind):
    edit(student, lambda checks: checks["checks"]["layer(x, W, bias)"]["slips"].update({name: None}), "A1.checks.json")
    assert kinds(proof_of(student, a1)) == {kind}


def test_a_slip_s_sentence_belongs_into_the_checks_file_only(student, a1):
    says = json.loads((student / "A1.checks.json").read_text())["says"]
    assert proof_of(student, a1).clean
    edit(student, lambda nb: nb["metadata"].update(says=says))
    assert kinds(proof_of(student, a1)) == {"name", "sentence"}


@pytest.mark.parametrize(
    "file", ["exercises.toml", "bank/layer.py", "notes.txt", ".ipynb_checkpoints/A1-checkpoint.ipynb"]
)
def test_any_other_file_is_found(student, a1, root, file):
    (student / file).parent.mkdir(exist_ok=True)
    original = root / "solutions" / "A1" / file
    (student / file).write_bytes(original.read_bytes() if original.exists() else b"")
    found = {leak.file for leak in proof_of(student, a1).found if leak.kind == "file"}
    assert found == {file, f"A1.zip/A1/{file}"}


def test_the_source_in_the_place_of_the_release_is_found(student, a1, root):
    shutil.copy(root / "solutions" / "A1" / "A1.ipynb", student)
    assert kinds(proof_of(student, a1)) >= {"solution", "hidden test", "marker"}


@pytest.mark.parametrize("kind", ["comment", "member comment", "before", "after", "name", "nested"])
def test_what_a_zip_hides_is_found(student, a1, kind):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(student.iterdir()):
            info = zipfile.ZipInfo(f"A1/{path.name}")
            info.comment = LINE.encode() if kind == "member comment" else b""
            archive.writestr(info, path.read_bytes())
        archive.comment = LINE.encode() if kind == "comment" else b""
        if kind == "name":
            archive.writestr(LINE, b"")
        if kind == "nested":
            archive.writestr("A1/data.bin", zipped(zipped(LINE.encode())))
    data = stream.getvalue()
    data = LINE.encode() + data if kind == "before" else data + LINE.encode() if kind == "after" else data
    assert "solution" in kinds(proof_of(student, a1, data))


def test_a_bundle_that_differs_from_the_folder_is_searched_on_its_own(student, a1):
    clean = bundle_bytes(student, "A1")
    edit(student, lambda nb: PLACES["source"](nb, LINE))
    assert {leak.file for leak in proof_of(student, a1, clean).found} == {"A1.ipynb"}


@pytest.mark.parametrize(
    "spoil", [lambda d: b"", lambda d: b"no zip", lambda d: d[:-30], lambda d: d.replace(b"{", b"[", 3)]
)
def test_a_bundle_that_cannot_be_read_proves_nothing(student, a1, spoil):
    assert "unreadable" in kinds(proof_of(student, a1, spoil(bundle_bytes(student, "A1"))))


def test_what_is_packed_too_deep_or_too_large_proves_nothing(student, a1, monkeypatch):
    deep = LINE.encode()
    for _ in range(12):
        deep = zipped(deep)
    edit(student, lambda nb: PLACES["source"](nb, base64.b64encode(deep).decode()))
    assert kinds(proof_of(student, a1)) == {"unreadable"}
    monkeypatch.setattr(releases, "LARGEST", 100_000)
    edit(student, lambda nb: PLACES["source"](nb, base64.b64encode(zipped(b"\0" * 10**6)).decode()))
    assert "unreadable" in kinds(proof_of(student, a1))


# Making one


def test_equal_files_make_equal_bundles_whatever_their_times_and_modes(student, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in sorted(student.iterdir(), reverse=True):
        shutil.copyfile(path, other / path.name)
        (other / path.name).chmod(0o600)
    assert bundle_bytes(student, "A1") == bundle_bytes(other, "A1")
    with zipfile.ZipFile(io.BytesIO(bundle_bytes(student, "A1"))) as archive:
        assert archive.namelist() == ["A1/A1.checks.json", "A1/A1.ipynb"] and archive.testzip() is None
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("A1/A1.ipynb") == (student / "A1.ipynb").read_bytes()


def test_a_link_in_a_release_is_refused(student):
    (student / "more").symlink_to("/etc/passwd")
    with pytest.raises(ReleaseError, match="is a link"):
        bundle_bytes(student, "A1")


@pytest.fixture(scope="module")
def made(tmp_path_factory, root):
    """A release for which nbgrader's part is played by the committed student version."""
    course = Course(tmp_path_factory.mktemp("course"))

    def committed(_, name, aside):
        shutil.copytree(root / "assignments" / name, aside / name, ignore=shutil.ignore_patterns(".*"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(releases, "_generate", committed)
        return course, make_release(course.assignment, course.root, course.root / "bundles")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A release that nbgrader makes."""
    course = Course(tmp_path_factory.mktemp("generated"))
    return course, make_release(course.assignment, course.root, course.root / "bundles")


def test_a_release_takes_its_place_and_leaves_nothing_aside(made, root):
    course, release = made
    committed = {p.name: p.read_bytes() for p in (root / "assignments" / "A1").iterdir() if p.is_file()}
    assert {p.name: p.read_bytes() for p in release.folder.iterdir()} == committed
    assert release.folder == course.root / "assignments" / "A1" and release.proof.clean
    assert not list((course.root / ".autograde" / "release").iterdir())


@pytest.mark.slow
def test_a_release_is_what_nbgrader_makes_and_is_committed(generated, root):
    course, release = generated
    committed = {p.name: p.read_bytes() for p in (root / "assignments" / "A1").iterdir() if p.is_file()}
    assert {p.name: p.read_bytes() for p in release.folder.iterdir()} == committed
    assert release.proof.clean and (course.root / "gradebook.db").exists()
    assert not list((course.root / ".autograde" / "release").iterdir())


def test_the_release_notes_say_what_is_in_the_bundle(made):
    course, release = made
    notes = json.loads(release.notes.read_text())
    data = release.bundle.read_bytes()
    assert notes["bundle"] == {"file": "A1.zip", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with zipfile.ZipFile(release.bundle) as archive:
        held = {n.removeprefix("A1/"): hashlib.sha256(archive.read(n)).hexdigest() for n in archive.namelist()}
    assert {name: entry["sha256"] for name, entry in notes["files"].items()} == held == release.files
    assert notes["proof"]["clean"] and notes["proof"]["found"] == [] and notes["proof"]["fragments"]["solution"] > 0
    assert not {s.key for s in releases.secrets(course.assignment)} & {notes["title"]}


def test_a_release_with_a_leak_replaces_nothing(made, monkeypatch):
    """nbgrader is replaced by a copy of the source: what it must never make."""
    course, _ = made
    before = {p: p.read_bytes() for p in (course.root / "assignments").rglob("*") if p.is_file()}
    before |= {p: p.read_bytes() for p in (course.root / "bundles").iterdir()}

    def careless(root, name, aside):
        shutil.copytree(root / "solutions" / name, aside / name)

    monkeypatch.setattr(releases, "_generate", careless)
    with pytest.raises(ReleaseError, match="A1 was not released: .* holds a") as error:
        make_release(course.assignment, course.root, course.root / "bundles")
    assert kinds(error.value.proof) >= {"solution", "hidden test", "file"}
    assert {p: p.read_bytes() for p in before} == before
    assert not list((course.root / ".autograde" / "release").iterdir())


@pytest.mark.slow
def test_the_same_source_makes_the_same_release_again(generated):
    course, release = generated
    before = {p: p.read_bytes() for p in (release.bundle, release.notes)}
    make_release(course.assignment, course.root, course.root / "bundles")
    assert {p: p.read_bytes() for p in before} == before


@pytest.mark.slow
def test_what_stops_nbgrader_is_a_sentence_and_the_earlier_release_stands(generated):
    course, release = generated
    source = course.root / "solutions" / "A1" / "A1.ipynb"
    text = source.read_text()
    source.write_text(text.replace("### END SOLUTION", "### END", 1))
    with pytest.raises(ReleaseError, match="generate_assignment A1 ended with"):
        make_release(course.assignment, course.root, course.root / "bundles")
    source.write_text(text)
    assert (release.folder / "A1.ipynb").exists()
