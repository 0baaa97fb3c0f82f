"""The grading build: what is forbidden cannot be imported, read or guessed from the tree; all else is as it was.

Two oracles stand beside the code under test: the compiler (which global names a module reads) and the text of the real
package (which lines belong to a removed definition alone).
"""

import ast
import dis
import importlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
import tokenize
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore
from autograde import cut, package
from autograde import library as lib
from autograde.library import LibraryError, build_library, cached_library, tree_digest, verify_library
from edfcore import catalog

PACKAGE = Path(edfcore.__file__).parent
ROOT = PACKAGE.parent
A1 = {
    e["id"]: e["forbidden"]
    for e in tomllib.loads((ROOT / "solutions" / "A1" / "exercises.toml").read_text(encoding="utf-8"))["exercise"]
}
TOGETHER = sorted({name for names in A1.values() for name in names})
CATALOG = {f"{e.object.__module__}.{e.name}" for e in catalog.entries()}
SINGLE = sorted(CATALOG | {f"edfcore.{name}" for name in edfcore.__all__})
KINDS = ["edfcore.Graph", "edfcore.Backward", "edfcore.checks", "edfcore.optimizers", "edfcore.data.batches"]
SAMPLE = ["edfcore.GELU", "edfcore.GraphError", "edfcore.teach.Checks", "edfcore.optimizers.Adam"]
DEEP = ["edfcore.REGISTRY", "edfcore.errors", "edfcore.data", "edfcore.graph", "edfcore.components", "edfcore.teach",
        "edfcore.curvature.hessian", "edfcore.Graph.draw", "edfcore.models", "edfcore.registry"]  # fmt: skip
OURS = re.compile(r"edfcore\.").match
TOLD = "is not available while this exercise is graded: write it yourself."


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """`build(names)`: the library without these names, made once for this file."""
    made = {}

    def make(*names):
        key = tuple(sorted(names))
        if key not in made:
            made[key] = build_library(names, tmp_path_factory.mktemp("build") / "lib")
        return made[key]

    return make


@pytest.fixture
def light(monkeypatch):
    """Builds without the images, which are most of a build's bytes."""
    monkeypatch.setattr(lib, "DATA", ())


def inside(library, source, **given):
    """Run `source` in a fresh interpreter on the build; returns what it leaves in `result`."""
    code = f"import json, sys; sys.path.insert(0, sys.argv[1]); given = json.load(sys.stdin)\n{source}\n"
    code += "print(json.dumps(result))"
    command = [sys.executable, "-I", "-B", "-c", code, str(library.path)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ASK = """
from edfcore import _absent
result = []
for statement in given["statements"]:
    _absent.touched.clear()
    try:
        exec(statement, {})
        told = [None, ""]
    except Exception as error:
        told = [type(error).__name__, str(error)]
    result.append([*told, sorted(_absent.touched)])
"""
FINE = [None, "", []]


def ask(library, *statements):
    """For each statement, run in the build: the error's type, its message, and the names counted as asked for."""
    return inside(library, ASK, statements=statements)


# the oracle on text


def removed_ranges(absent):
    """The lines of the real package that define what is absent: dict path -> set of line numbers."""
    found = {}
    for dotted in absent:
        path, tree, rest = parsed(dotted)
        lines = found.setdefault(path, set())
        nodes = [tree] if not rest else defining(tree.body, rest)
        assert nodes, dotted
        for node in nodes:
            first = min([d.lineno for d in getattr(node, "decorator_list", [])] + [getattr(node, "lineno", 1)])
            lines.update(range(first, getattr(node, "end_lineno", len(path.read_text().splitlines())) + 1))
    return found


def parsed(dotted):
    parts = dotted.split(".")[1:]
    for n in range(len(parts), -1, -1):
        stem = PACKAGE.joinpath(*parts[:n])
        path = next((p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()), None)
        if path:
            return path, ast.parse(path.read_text(encoding="utf-8")), parts[n:]
    raise AssertionError(dotted)


def defining(body, names):
    found = [n for n in body if getattr(n, "name", None) == names[0] or names[0] in targets_of(n)]
    return found if len(names) == 1 else [m for n in found for m in defining(n.body, names[1:])]


def targets_of(node):
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


class Dropping(ast.NodeTransformer):
    """Takes the statements that begin on these lines out of a tree, and keeps their texts."""

    def __init__(self, numbers):
        self.numbers, self.texts = numbers, []

    def visit(self, node):
        if isinstance(node, ast.stmt) and node.lineno in self.numbers:
            self.texts.append(ast.unparse(node))
            return None
        return self.generic_visit(node)


@cache
def divided(path, numbers):
    """A file's text as written and as unparsed, once the part on these lines, once the rest."""
    text = path.read_text(encoding="utf-8")
    lines = list(enumerate(text.splitlines(), 1))
    dropping = Dropping(numbers)
    rest = ast.unparse(dropping.visit(ast.parse(text)))
    theirs = "\n".join([line for n, line in lines if n in numbers] + dropping.texts)
    return theirs, "\n".join([line for n, line in lines if n not in numbers] + [rest])


def leaks(library, absent=None):
    """Lines of 20 characters or more in the build that, of all that belongs there, only absent definitions hold."""
    gone = removed_ranges(library.absent if absent is None else absent)
    parts = [divided(PACKAGE / p, frozenset(gone.get(PACKAGE / p, ()))) for p, _ in lib.texts()]
    theirs, others = ("\n".join(texts) for texts in zip(*parts, strict=True))
    lines = {line.strip() for line in theirs.splitlines() if len(line.strip()) >= 20}
    lines -= {line.strip() for line in others.splitlines()}
    texts = "\n".join(p.read_text(encoding="utf-8") for p in library.path.rglob("*.*") if p.suffix != ".gz")
    return sorted(line for line in lines if line in texts and line not in others)


# A1


@pytest.mark.parametrize("exercise", [*A1, "together"])
def test_a1_s_builds_import_and_hold_no_line_of_what_is_forbidden(build, exercise):
    library = build(*(TOGETHER if exercise == "together" else A1[exercise]))
    assert verify_library(library) == []
    assert leaks(library) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_name_of_each_kind_in_a1_can_be_absent_alone(build, name):
    assert name in TOGETHER
    holds(build(name))


def test_removed_definitions_are_those_that_inspect_finds(build):
    """The lines that the oracle on text takes for a definition are the lines that inspect takes for it."""
    for name in ("VDot", "Sigmoid", "Graph", "Backward", "SGD", "LogLoss"):
        thing = getattr(edfcore, name)
        lines, first = inspect.getsourcelines(thing)
        dotted = f"{thing.__module__}.{thing.__qualname__}"
        assert dotted in build(f"edfcore.{name}").absent
        assert removed_ranges([dotted]) == {Path(inspect.getsourcefile(thing)): set(range(first, first + len(lines)))}


# sentences


def test_every_way_to_an_absent_component_tells_the_same_sentence_and_counts(build):
    ways = {
        "import edfcore as edf; edf.VDot": "AttributeError",
        "from edfcore import VDot": "ImportError",
        "from edfcore.components import VDot": "ImportError",
        "from edfcore.components.linear import VDot as answer": "ImportError",
        "import edfcore; edfcore.components.linear.VDot": "AttributeError",
        "import edfcore as edf; x, W = edf.Input(), edf.Param([[1.0]]); x @ W": "GraphError",
        "import edfcore as edf; edf.REGISTRY['VDot']": "GraphError",
    }
    told = ask(build("edfcore.VDot", "edfcore.checks"), *ways)
    assert told == [[error, f"edfcore.VDot {TOLD}", ["edfcore.VDot"]] for error in ways.values()]


def test_every_way_to_an_absent_module_tells_the_same_sentence_and_counts(build):
    ways = {
        "import edfcore.checks": "ModuleNotFoundError",
        "from edfcore import checks": "ImportError",
        "from edfcore.checks import gradcheck": "ModuleNotFoundError",
        "import edfcore; edfcore.checks": "AttributeError",
        "import importlib; importlib.import_module('edfcore.checks')": "ModuleNotFoundError",
    }
    told = ask(build("edfcore.VDot", "edfcore.checks"), *ways)
    assert told == [[error, f"edfcore.checks {TOLD}", ["edfcore.checks"]] for error in ways.values()]


def test_using_the_library_without_absent_names_counts_nothing(build):
    statements = (
        "from edfcore import *",
        "from edfcore.components import *",
        "import edfcore as edf; 'VDot' in edf.REGISTRY, dir(edf), edf.Sigmoid, edf.Graph().summary, repr(edf.REGISTRY)",
        "import edfcore.optimizers, edfcore.data, edfcore.models, edfcore.teach.predictions",
    )
    assert ask(build("edfcore.VDot", "edfcore.checks"), *statements) == [FINE] * 4


def test_other_missing_names_are_told_as_python_tells_them(build):
    statements = "import edfcore; edfcore.Nothing", "from edfcore import Nothing", "import edfcore.nothing"
    told = ask(build("edfcore.VDot", "edfcore.checks"), *statements)
    assert [error for error, _, _ in told] == ["AttributeError", "ImportError", "ModuleNotFoundError"]
    assert not any("available" in message or touched for _, message, touched in told)


def test_what_goes_with_a_forbidden_name_says_so(build):
    told = ask(build("edfcore.Graph"), "import edfcore; edfcore.Input()", "import edfcore; edfcore.reset()")
    name = "edfcore.graph._default"
    assert told[0] == ["GraphError", f"{name} goes with edfcore.Graph, which {TOLD}", [name]]
    assert told[1] == ["GraphError", f"edfcore.Graph {TOLD}", ["edfcore.Graph"]]


def test_names_that_go_with_a_forbidden_module_say_so(build):
    told = ask(build("edfcore.optimizers"), "import edfcore; edfcore.SGD", "import edfcore.models as m; m.Adam")
    assert told[0][:2] == ["AttributeError", f"edfcore.SGD goes with edfcore.optimizers, which {TOLD}"]
    assert told[1][1].endswith(f"goes with edfcore.optimizers, which {TOLD}")


def test_the_reason_is_the_caller_s(tmp_path):
    library = build_library(["edfcore.VDot"], tmp_path / "lib", "in this examination")
    [told] = ask(library, "from edfcore import VDot")
    assert told[:2] == ["ImportError", "edfcore.VDot is not available in this examination."]


# what goes along


def test_subclasses_go_with_their_base(build):
    """Against the classes themselves: whoever has Elementwise among its bases."""
    gone = {n for n, cls in edfcore.REGISTRY.items() if issubclass(cls, edfcore.Elementwise)}
    assert len(gone) > 10
    found = inside(build("edfcore.Elementwise"), "import edfcore\nresult = sorted(edfcore.REGISTRY)")
    assert set(found) == set(edfcore.REGISTRY) - gone


def test_a_base_of_everything_takes_every_component_and_edfcore_still_imports(build):
    source = "import edfcore\nresult = [sorted(edfcore.REGISTRY), sorted(edfcore.__all__)]"
    registry, names = inside(build("edfcore.Component"), source)
    assert registry == []
    assert set(names) == {"Backward", "Cost", "DataError", "EdfError", "Forward", "Graph", "GraphError", "Input",
                          "MissingExtra", "Node", "Param", "SGD", "ShapeError", "current", "device", "register", "reset",
                          "use"} - {"Component"}  # fmt: skip


def test_forbidding_backward_takes_the_graph_s_method_and_leaves_forward(build):
    library = build("edfcore.Backward")
    assert {"edfcore.graph.Backward", "edfcore.graph.Graph.Backward"} <= set(library.absent)
    start = "import edfcore as edf; x = edf.Input(); y = edf.Sigmoid(x); x.set([[0.0, 1.0]]); edf.Forward(y); "
    told = ask(library, start, start + "y.graph.Backward(y)", start + "edf.graph.Graph.Backward")
    absent = ["AttributeError", f"edfcore.Backward {TOLD}", ["edfcore.Backward"]]
    assert told == [FINE, absent, absent]


def test_a_helper_that_only_a_removed_definition_uses_goes_with_it(build):
    library = build("edfcore.GELU")
    tables = {f"edfcore.components.elementwise.{n}" for n in ("normal_cdf", "_rational", "NEAR_0", "FAR", "ERX")}
    assert tables <= set(library.absent)
    assert "edfcore.components.elementwise.sigmoid" in library.shared_helpers
    text = (library.path / "edfcore/components/elementwise.py").read_text()
    assert "8.45062911510467529297e-01" not in text and "0.8450629115104675" not in text


def test_a_helper_that_others_use_stays_and_is_listed_until_they_go_too(build):
    helper = "edfcore.components.elementwise.sigmoid"
    assert helper in build("edfcore.Sigmoid").shared_helpers
    assert helper not in build("edfcore.Sigmoid").absent
    alone = build("edfcore.Sigmoid", "edfcore.Softplus", "edfcore.GELU")
    assert helper in alone.absent and helper not in alone.shared_helpers


def test_a_helper_can_be_forbidden_by_name_and_its_users_say_so_when_they_run(build):
    library = build("edfcore.components.elementwise.sigmoid")
    start = "import edfcore as edf; x = edf.Input(); y = edf.Sigmoid(x); x.set([[0.0]]); edf.Forward(y)"
    name = "edfcore.components.elementwise.sigmoid"
    told = ask(library, "import edfcore; edfcore.Sigmoid", start)
    assert told == [FINE, ["GraphError", f"{name} {TOLD}", [name]]]


def test_a_method_alone_can_be_forbidden(build):
    library = build("edfcore.Graph.draw")
    told = ask(library, "import edfcore; edfcore.Graph().nodes", "import edfcore; edfcore.Graph().draw()")
    assert told == [FINE, ["AttributeError", f"edfcore.Graph.draw {TOLD}", ["edfcore.Graph.draw"]]]
    assert leaks(library) == []


def test_names_of_one_spelling_are_told_apart():
    """edfcore.SGD is the slides' function, edfcore.optimizers.SGD the class: one goes, the other stays."""
    sources = lib.read(lib.texts())
    assert lib.spread(sources, ("edfcore.SGD",)).absent == ("edfcore.optimizers.slides.SGD",)
    assert "edfcore.optimizers.slides.SGD" not in lib.spread(sources, ("edfcore.optimizers.SGD",)).absent


@settings(max_examples=10)
@given(st.sets(st.sampled_from(SINGLE), max_size=4), st.sets(st.sampled_from(SINGLE), max_size=4))
def test_forbidding_more_never_brings_anything_back(some, more):
    sources = lib.read(lib.texts())
    fewer, all_of_them = (set(lib.spread(sources, tuple(sorted(s))).absent) for s in (some, some | more))
    whole = {name for name in all_of_them if parsed(name)[2] == []}
    assert all(n in all_of_them or any(n.startswith(f"{m}.") for m in whole) for n in fewer)


SCOPES = """
def titled(cells):
    return next((m[1] for c in cells if (m := match(c))), n), [k for k in m]
class A:
    cells = [d for d in outer]
    def f(self, e=default): return [(lambda g: g + h)(e) for i in self]
found = [last := x for x in xs], last
"""


@pytest.mark.parametrize("path", ["scopes", *(p for p, _ in lib.texts())])
def test_names_that_a_module_reads_are_those_that_the_compiler_reads(path):
    text = SCOPES if path == "scopes" else dict(lib.texts())[path]
    reads = {name.id for s in ast.parse(text).body for name, _ in package.reads(s)}
    loads = {"LOAD_GLOBAL": set(), "LOAD_NAME": set()}
    todo = [compile(text, path, "exec")]
    while todo:
        code = todo.pop()
        todo += [c for c in code.co_consts if inspect.iscode(c)]
        for instruction in dis.get_instructions(code):
            loads.get(instruction.opname, set()).add(instruction.argval)
    assert loads["LOAD_GLOBAL"] <= reads <= loads["LOAD_GLOBAL"] | loads["LOAD_NAME"]


# what stays


def test_nothing_forbidden_gives_the_library_as_it_is(build):
    library = build()
    assert library.absent == library.shared_helpers == library.hidden_packages == ()
    source = """
import importlib
result = {m: sorted(n for n in vars(importlib.import_module(m)) if not n.startswith("_")) for m in given["modules"]}
result["catalog"] = [e.name for e in importlib.import_module("edfcore.catalog").entries()]
"""
    names = [m for m in lib.read(lib.texts()).modules if not m.startswith("edfcore.teach") and m != "edfcore"]
    found = inside(library, source, modules=names)
    assert found.pop("catalog") == [e.name for e in catalog.entries()]
    absent = {name for name in package.LEFT_OUT}  # which other tests may have imported here

    def public(module):
        return sorted(n for n in vars(importlib.import_module(module)) if n[0] != "_" and f"{module}.{n}" not in absent)

    assert found == {module: public(module) for module in names}


def test_what_stays_computes_the_same_numbers(build):
    source = """
import edfcore as edf, numpy as np
from edfcore.data import load_mnist
from edfcore.optimizers import Adam
mnist, rng = load_mnist(), np.random.default_rng(3)
with edf.Graph() as graph:
    x, y, W = edf.Input(), edf.Input(), edf.Param(rng.normal(size=(784, 10)) / 28)
    loss = edf.LogLoss(edf.Aref(edf.Softmax(edf.VDot(x, W)), y))
x.set(mnist.test_images[:7]); y.set(mnist.test_labels[:7])
step = Adam(graph, lr=0.1)
for _ in range(3):
    graph.Forward(); graph.Backward(loss); step.step()
result = [loss.value.tolist(), W.value.sum(axis=0).tolist()]
"""
    whole = SimpleNamespace(path=PACKAGE.parent)  # edfcore as it is, in a process just like that of the build
    assert inside(build(*A1["sigmoid"]), source) == inside(whole, source)


def test_left_out_modules_are_not_there_and_say_so(build):
    library = build()
    files = {p.relative_to(library.path).as_posix() for p in library.path.rglob("*") if p.is_file()}
    assert not [f for f in files if any(part in f for part in ("widgets", "figures", "cli.py", "compare", "doctor"))]
    assert {f for f in files if not f.endswith(".py")} == {
        f"edfcore/data/mnist/{p.name}" for p in (PACKAGE / "data/mnist").iterdir()
    }
    told = ask(library, "import edfcore.widgets", "from edfcore.teach import compare", "import edfcore.cli")
    assert [error for error, _, _ in told] == ["ModuleNotFoundError", "ImportError", "ModuleNotFoundError"]
    assert all("is not part of the library" in message and not touched for _, message, touched in told)


def test_no_comment_comes_along(build):
    for path in build("edfcore.VDot").path.rglob("*.py"):
        if path.name != "_absent.py":
            tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
            assert not [t for t in tokens if t.type == tokenize.COMMENT], path


def test_files_are_readable_to_all_and_written_by_none(build):
    for path in build("edfcore.VDot").path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o444)


# the stand-in for the checks


def test_checks_of_the_build_take_what_the_real_ones_take():
    from edfcore.teach import Checks

    here = {}
    exec(package.CHECKS, here)
    for name, real in vars(Checks).items():
        if callable(getattr(Checks, name)) and (not name.startswith("_") or name in ("__init__", "__call__")):
            ours = vars(here["Checks"])[name]
            bound = here["Checks"]("A1"), object.__new__(Checks)
            taken = [list(inspect.signature(getattr(c, name)).parameters.values()) for c in bound]
            assert [(p.name, p.kind, p.default) for p in taken[0]] == [(p.name, p.kind, p.default) for p in taken[1]]
            assert callable(ours) or isinstance(ours, type(real))


def test_checks_of_the_build_do_nothing(build):
    source = """
from edfcore.teach import Checks
check = Checks("A1")
def never(*args): raise SystemExit("called")
result = [check("what", 3, batch=2, inputs=(1,), parts=("a",)), check.call("what", never, 1, 2, batch=3),
          check.at_most("what", 9, 1), check.hidden("category", 1, 2, rtol=1), Checks.hidden("category", 1, 2),
          check.rng("a").random(), check.rng("b").random()]
"""
    from edfcore.teach import checks

    with checks.recording():  # then no checks file is needed
        real = checks.Checks("A1")
    assert inside(build(), source) == [None] * 5 + [real.rng("a").random(), real.rng("b").random()]


def test_helpers_marked_inside_are_marked_in_the_build_too(build):
    source = "from edfcore.teach import inside\n@inside\ndef f(): return 3\nresult = [f(), f.runs_inside]"
    assert inside(build(), source) == [3, True]


# names


def test_other_packages_are_hidden_as_a_whole(tmp_path, light):
    names = ["torch", "scipy.special.expit", "scipy.special.softmax", "edfcore.VDot", "edfcore.VDot"]
    library = build_library(names, tmp_path / "lib")
    assert library.hidden_packages == ("scipy", "torch")
    assert library.forbidden == ("edfcore.VDot", "scipy.special.expit", "scipy.special.softmax", "torch")


@pytest.mark.parametrize(
    "name, told",
    [
        ("edfcore.Sigmiod", "the nearest name is edfcore.Sigmoid"),
        ("edfcore.optimizers.adam", "the nearest name is edfcore.optimizers.Adam"),
        ("edfcore.check", "the nearest name is edfcore.checks"),
        ("edfcore.Graph.drow", "unknown"),
        ("edfcore", "as a whole"),
        ("edfcore.components.elementwise.log", "not defined in edfcore's sources"),
        ("edfcore.REGISTRY.get", "not defined in edfcore's sources"),
        ("edfcore.Graph.mro", "not defined in edfcore's sources"),
        ("numpy.linalg.solve", "numpy cannot be hidden"),
        ("math.exp", "math cannot be hidden"),
        ("edfcore.", "no dotted name"),
        ("edfcore.Sigmoid; import os", "no dotted name"),
        ("", "no dotted name"),
        (None, "no dotted name"),
    ],
)
def test_a_name_that_cannot_be_absent_is_refused(tmp_path, name, told):
    with pytest.raises(LibraryError, match=told.replace(".", r"\.")):
        build_library([name], tmp_path / "lib")
    assert not (tmp_path / "lib").exists()


def test_one_text_in_the_place_of_a_list_is_refused(tmp_path):
    with pytest.raises(LibraryError, match="list of names"):
        build_library("edfcore.Sigmoid", tmp_path / "lib")


def test_a_target_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(LibraryError, match="no empty folder"):
        build_library([], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_order_and_repetition_of_the_names_do_not_matter(tmp_path, light):
    first = build_library(["edfcore.VDot", "edfcore.Graph"], tmp_path / "a")
    second = build_library(("edfcore.Graph", "edfcore.VDot", "edfcore.Graph"), tmp_path / "b")
    assert replace(first, path=None) == replace(second, path=None)


# the cache


def test_a_build_is_made_once_for_its_names(tmp_path, monkeypatch):
    first = cached_library(["edfcore.VDot"], tmp_path / "builds")
    monkeypatch.setattr(lib, "build_library", None)
    assert cached_library(["edfcore.VDot"], tmp_path / "builds") == first
    assert verify_library(first) == []
    assert first.path.parent.parent == tmp_path / "builds"


def test_other_names_another_reason_or_changed_sources_make_another_build(tmp_path, monkeypatch, light):
    paths = [cached_library(["edfcore.VDot"], tmp_path).path, cached_library(["edfcore.Add"], tmp_path).path]
    paths.append(cached_library(["edfcore.VDot"], tmp_path, "now").path)
    texts = tuple((p, t + "\nCHANGED = 1\n" if p == "cost.py" else t) for p, t in lib.texts())
    monkeypatch.setattr(lib, "texts", lambda: texts)
    paths.append(cached_library(["edfcore.VDot"], tmp_path).path)
    assert len(set(paths)) == 4
    assert "CHANGED = 1" in (paths[3] / "edfcore/cost.py").read_text()


def test_every_file_that_makes_builds_is_part_of_what_names_them():
    """What the module imports of autograde, directly or not, is hashed; a change there must make other builds."""
    folder, todo, found = Path(lib.__file__).parent, ["library"], set()
    while todo:
        name = todo.pop()
        found.add(f"{name}.py")
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        near = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
        names = [m for n in near for m in ([n.module] if n.module else [a.name for a in n.names])]
        todo += [m for m in names if f"{m}.py" not in found]
    assert set(lib.MADE_BY) == found - {"errors.py"} and len(found) == 4


def change_a_source(folder):
    path = folder / "lib/edfcore/graph.py"
    path.chmod(0o644)
    path.write_text(path.read_text() + "\nimport os\n")


def compile_it(folder):
    (folder / "lib/edfcore/__pycache__").mkdir()
    (folder / "lib/edfcore/__pycache__/graph.cpython-311.pyc").write_bytes(b"anything")


def swap_two_files(folder):
    a, b = folder / "lib/edfcore/cost.py", folder / "lib/edfcore/errors.py"
    a.rename(folder / "c"), b.rename(a), (folder / "c").rename(b)


def link_a_file(folder):
    (folder / "lib/edfcore/link.py").symlink_to("graph.py")


def other_record(folder):
    record = json.loads((folder / "library.json").read_text())
    (folder / "library.json").write_text(json.dumps(record | {"forbidden": []}))


def empty_folder(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


FAULTS = [change_a_source, compile_it, swap_two_files, link_a_file, other_record, empty_folder]
FAULTS += [lambda f: (f / "library.json").unlink(), lambda f: (f / "library.json").write_text("[]")]
FAULTS += [lambda f: (f / "library.json").write_bytes(b"\xff{"), lambda f: (f / "lib/edfcore/axes.py").unlink()]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_build_is_made_again(tmp_path, fault, light):
    first = cached_library(["edfcore.VDot"], tmp_path)
    fault(first.path.parent)
    assert cached_library(["edfcore.VDot"], tmp_path) == first
    assert tree_digest(first.path) == first.digest
    assert [p.name for p in tmp_path.iterdir()] == [first.path.parent.name]


def test_a_file_in_the_place_of_a_build_makes_room(tmp_path, light):
    first = cached_library(["edfcore.VDot"], tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / first.path.parent.name).write_text("no folder")
    assert cached_library(["edfcore.VDot"], tmp_path / "b").digest == first.digest


def test_several_processes_at_once_agree_and_leave_nothing_behind(tmp_path):
    code = "import sys; from autograde.library import cached_library; sys.stdin.read()\n"
    code += "print(cached_library(['edfcore.VDot'], sys.argv[1]).digest)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    running = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for process in running:
        process.stdin.close()  # all of them begin now, each after its imports
    digests = {process.stdout.read().strip() for process in running}
    assert [process.wait() for process in running] == [0] * 3
    library = cached_library(["edfcore.VDot"], tmp_path)
    assert digests == {library.digest}
    assert [p.name for p in tmp_path.iterdir()] == [library.path.parent.name]


def test_a_full_disk_is_a_sentence_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lib, "_put", full)
    with pytest.raises(LibraryError, match="could not be kept .* No space left"):
        cached_library(["edfcore.VDot"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_killed_builds_left_is_removed_when_it_is_old(tmp_path, light):
    for name, age in ((".new-young", 10), (".new-old", 7200), (".old-old", 7200)):
        (tmp_path / name / "lib").mkdir(parents=True)
        when = os.stat(tmp_path).st_mtime - age
        os.utime(tmp_path / name, (when, when))
    library = cached_library([], tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {".new-young", library.path.parent.name}


# planted faults


def planted(library, tmp_path, path, change):
    """A copy of the build with one file changed, whose digest is that of the changed tree."""
    import shutil

    copied = tmp_path / "planted"
    shutil.copytree(library.path, copied)
    file = copied / "edfcore" / path
    if file.exists():
        file.chmod(0o644)
    file.write_text(change(file.read_text() if file.exists() else ""))
    return replace(library, path=copied, digest=tree_digest(copied))


def test_a_build_in_which_removal_is_skipped_is_caught(tmp_path, monkeypatch):
    honest = build_library(A1["layer"], tmp_path / "honest")
    real = cut._edited

    def unedited(cut, module, statement):  # but for edfcore itself, which imports what no build has
        return real(cut, module, statement) if module == "edfcore" else ast.unparse(statement)

    monkeypatch.setattr(cut, "_edited", unedited)
    skipped = replace(honest, path=tmp_path / "lib", digest=build_library(A1["layer"], tmp_path / "lib").digest)
    told = verify_library(skipped)
    assert [t for t in told if "VDot is still defined" in t] and [t for t in told if "edfcore.VDot can still be" in t]
    assert any("x.T @ grad" in line for line in leaks(skipped))


def test_a_build_that_only_hides_the_names_is_caught(tmp_path, build):
    """The definition stays under another name: imports fail as they should, and the text is there."""
    source = inspect.getsource(edfcore.Softmax).replace("class Softmax", "class Hidden").replace("@register\n", "")
    hidden = planted(build("edfcore.Softmax"), tmp_path, "components/loss.py", lambda text: text + "\n\n" + source)
    assert verify_library(hidden) == []
    assert leaks(hidden) != []


def test_a_helper_left_behind_is_caught(tmp_path, monkeypatch, build):
    absent = build("edfcore.GELU").absent
    monkeypatch.setattr(cut, "_helpers", lambda sources, units: {})
    forgotten = build_library(["edfcore.GELU"], tmp_path / "lib")
    assert leaks(forgotten, absent) != []


@pytest.mark.parametrize(
    "path, change, told",
    [
        ("cost.py", lambda t: t + "\nimport nowhere_at_all\n", "edfcore.cost cannot be imported"),
        ("cost.py", lambda t: t + "\nraise SystemExit\n", "cannot be imported: SystemExit"),
        ("saving.py", lambda t: t + "\nfrom edfcore import _absent\n_absent.told('edfcore.VDot')\n", "asks for absent"),
        ("__init__.py", lambda t: t.replace("'VDot'", "'Other'"), "absent without a sentence"),
        ("checks.py", lambda t: t + "\nclass VDot:\n    pass\n", None),
        ("components/linear.py", lambda t: t + "\nclass VDot:\n    pass\n", "VDot is still defined"),
        ("graph.cpython-311.pyc", lambda t: "anything", "does not belong in a build"),
    ],
)
def test_a_fault_planted_in_a_build_is_told(tmp_path, build, path, change, told):
    found = verify_library(planted(build("edfcore.VDot"), tmp_path, path, change))
    assert (found == []) if told is None else any(told in sentence for sentence in found)


def test_a_build_changed_after_it_was_made_is_told(tmp_path, build):
    changed = planted(build("edfcore.VDot"), tmp_path, "cost.py", lambda text: text + "\n")
    assert "was changed" in verify_library(replace(changed, digest=build("edfcore.VDot").digest))[0]


# every name


def holds(library):
    assert verify_library(library) == []
    assert leaks(library) == []


@pytest.mark.parametrize("name", SAMPLE)
def test_names_of_all_kinds_can_be_absent(build, name):
    holds(build(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*SINGLE, *DEEP, *filter(OURS, TOGETHER)} - {*SAMPLE, *KINDS}))
def test_every_public_name_and_catalog_entry_can_be_absent(tmp_path, name):
    holds(build_library([name], tmp_path / "lib"))


@pytest.mark.slow
@settings(max_examples=40)
@given(names=st.sets(st.sampled_from(SINGLE), min_size=1, max_size=6))
def test_any_few_names_can_be_absent_together(names, tmp_path_factory):
    holds(build_library(names, tmp_path_factory.mktemp("few") / "lib"))
