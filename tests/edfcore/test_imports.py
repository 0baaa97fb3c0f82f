"""Imports point one way: notebooks -> widgets -> figures -> core, and the core needs NumPy alone."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograde
import edfcore

ROOTS = {package.__name__: Path(package.__file__).parent for package in (edfcore, autograde)}
# what `edf` runs; these may use everything
COMMANDS = ("cli", "coursework", "demo", "doctor", "execute", "export", "gallery")
OUTER = ("scenes", "figures", "widgets", "teach", *COMMANDS)
MODULES = ["edfcore", *sorted(m.name for m in pkgutil.walk_packages(edfcore.__path__, "edfcore."))]


def sources(package, *folders, without=()):
    """The text of each module of the package, or of some of its parts, by the module's name."""
    found = {}
    for path in sorted(ROOTS[package].rglob("*.py")):
        parts = path.relative_to(ROOTS[package]).with_suffix("").parts
        if (not folders or parts[0] in folders) and parts[0] not in without:
            found[".".join((package, *parts))] = path.read_text(encoding="utf-8")
    return found


def imported(module, text):
    """Every module that the text imports, inside functions too; relative imports are resolved."""
    package = module.split(".")[:-1]  # a.b of a.b.c, and of a.b.__init__ too
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (start, *(f"{start}.{alias.name}" for alias in node.names))


def reaching(found, *forbidden):
    """The modules among `found` that import something at or below a forbidden name."""
    return {
        module: name
        for module, text in found.items()
        for name in imported(module, text)
        if any(name == f or name.startswith(f + ".") for f in forbidden)
    }


def outside(text, module):
    """Third-party packages that the text imports when it is itself imported: not inside a function."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [ast.Pass()]
    tops = {name.split(".")[0] for name in imported(module, ast.unparse(tree))}
    return tops - set(sys.stdlib_module_names) - {"edfcore", "numpy"}


def test_the_core_reaches_neither_figures_nor_widgets_nor_what_teaches_nor_commands():
    core = sources("edfcore", without=OUTER)
    assert len(core) > 10
    assert reaching(core, *(f"edfcore.{name}" for name in OUTER)) == {}


def test_what_compares_answers_reaches_neither_figures_nor_widgets():
    assert reaching(sources("edfcore", "teach"), "edfcore.figures", "edfcore.widgets", "IPython", "ipywidgets") == {}


def test_scenes_reach_neither_figures_nor_widgets():
    scenes = sources("edfcore", "scenes")
    assert len(scenes) > 9
    assert reaching(scenes, "edfcore.figures", "edfcore.widgets", "matplotlib", "ipywidgets", "anywidget") == {}


def test_figures_do_not_reach_widgets():
    assert reaching(sources("edfcore", "figures"), "edfcore.widgets", "ipywidgets", "anywidget") == {}


def test_the_grader_does_not_reach_widgets():
    assert reaching(sources("autograde"), "edfcore.widgets") == {}


def test_the_library_does_not_reach_the_grader():
    assert reaching(sources("edfcore", without=COMMANDS), "autograde", "nbgrader") == {}


def test_only_the_backend_imports_cupy():
    assert set(reaching(sources("edfcore"), "cupy")) | set(reaching(sources("autograde"), "cupy")) == {
        "edfcore.backend"
    }


def test_the_core_and_what_teaches_import_numpy_alone_before_a_function_asks_for_more():
    found = sources("edfcore", without=("figures", "widgets", *COMMANDS))
    assert {module: more for module, text in found.items() if (more := outside(text, module))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import edfcore.figures",
        "from edfcore import figures",
        "from .. import figures",
        "from ..figures import base",
        "from ..figures.base import Figure",
        "def f():\n    from ..figures import base",
    ],
)
def test_an_import_against_the_direction_is_seen(text):
    assert reaching({"edfcore.data.mnist": text}, "edfcore.figures")
    assert not reaching({"edfcore.data.mnist": text}, "edfcore.widgets")


def python(code):
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)


def test_importing_edfcore_loads_no_third_party_package_but_numpy():
    tops = "{name.partition('.')[0] for name in sys.modules}"
    done = python(f"import sys; before = {tops}; import edfcore; print(*({tops} - before))")
    loaded = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert {"edfcore", "numpy"} <= loaded, done.stderr
    assert loaded == {"edfcore", "numpy"}


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_each_module_imports_on_its_own(module):
    done = python(f"import {module}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("package, module", [("matplotlib", "figures"), ("ipywidgets", "widgets.predict")])
def test_without_an_extra_the_message_says_how_to_install_it(package, module):
    use = "m.predict('01.1', 'Why?')" if module == "widgets.predict" else "None"
    code = f"import sys; sys.modules[{package!r}] = None; import importlib; "
    done = python(code + f"m = importlib.import_module('edfcore.{module}'); {use}")
    last = done.stderr.strip().splitlines()[-1]
    assert "MissingExtra" in last and f"needs {package}, which is not installed. Run: " in last
    assert '".[course]"' in last
