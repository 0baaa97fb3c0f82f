"""edfcore's sources as a grading build has them, and who in them binds, exports and uses which name; all by ast.

A build holds what belongs into the sandbox and a stand-in for the checks, which compare nothing there.
"""

import ast
import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .errors import AutogradeError

PACKAGE = "edfcore"
_OUT = (
    "widgets", "figures", "scenes", "cli", "coursework", "doctor", "demo", "execute", "export", "prose", "gallery",
    "lab_settings",
    "teach.compare", "bench", "blas",
    # second spellings of what components and optimizers do
    "plan", "planning", "parallel", "cuda", "gpu.ops", "gpu.formulas", "gpu.kernels", "gpu.reference", "gpu.graphs",
    "gpu.data", "gpu.health", "gpu.nvrtc",
)  # fmt: skip
LEFT_OUT = tuple(f"{PACKAGE}.{name}" for name in _OUT)


class LibraryError(AutogradeError):
    """A grading build that cannot be made or used: an unknown name, a damaged tree."""


def home():
    """The folder of edfcore's sources."""
    return Path(importlib.import_module(PACKAGE).__file__).parent


def file_of(module):
    """The source file of a module of edfcore, or None."""
    stem = home().joinpath(*module.split(".")[1:])
    return next((p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()), None)


def texts():
    """The sources that belong in a build: a tuple of (path within the package, text), sorted."""
    found = {}
    for path in sorted(home().rglob("*.py")):
        inside = path.relative_to(home())
        module = module_name(inside.as_posix())
        if not any(f"{module}.".startswith(f"{left}.") for left in LEFT_OUT):
            found[inside.as_posix()] = path.read_text(encoding="utf-8")
    found["teach/checks.py"] = CHECKS
    return tuple(sorted(found.items()))


def module_name(path):
    """The module whose source has this path within the package."""
    parts = path.removesuffix(".py").removesuffix("__init__").rstrip("/").split("/")
    return ".".join([PACKAGE, *filter(None, parts)])


class Use(NamedTuple):
    """A name that a statement reads: `name`, or `name.attribute` of a module; `called` where it is called with it."""

    name: str
    attribute: str | None
    called: bool


@dataclass(frozen=True, eq=False)
class Unit:
    """A statement at the top level of a module: what it binds, what it reads when imported, and what later."""

    module: str
    node: ast.stmt
    names: tuple[str, ...]
    now: frozenset[Use]
    later: frozenset[Use]


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTIONS = (*DEFINITIONS, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
IMPORTS = (ast.Import, ast.ImportFrom)


def reads(node, later=False, local=frozenset(), own=frozenset()):
    """Every Name under `node` that reads a global, with whether it does so only after the import.

    `local` are the names that functions around it bind, `own` those of a class body, which functions in it do not see.
    """
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in local | own:
            yield node, later
        return
    body, inner = [], (later, local, own)
    if isinstance(node, FUNCTIONS):
        body = node.body if isinstance(node.body, list) else [node.body]
        arguments = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        inner = (True, local | arguments | bound(body), frozenset())
    elif isinstance(node, ast.ClassDef):
        body, inner = node.body, (later, local, bound(node.body))
    elif isinstance(node, COMPREHENSIONS):
        local = local | {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    for child in ast.iter_child_nodes(node):
        yield from reads(child, *inner) if child in body else reads(child, later, local, own)


def bound(body):
    """The names that statements bind in their own scope."""
    found, elsewhere, todo = set(), set(), list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, (*DEFINITIONS, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, IMPORTS):
            found.update((a.asname or a.name).partition(".")[0] for a in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
        elif isinstance(node, COMPREHENSIONS):  # := leaves a comprehension
            found.update(n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        if not isinstance(node, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
    return frozenset(found - elsewhere)


def uses(node, own=frozenset()):
    """What a statement reads of its module's globals: uses at import, and later ones."""
    attributes, called = {}, set()
    for n in ast.walk(node):
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name):
            attributes[n.value] = n.attr
        if isinstance(n, ast.Call):
            called.add(getattr(n.func, "value", n.func))
        called.update(getattr(d, "value", d) for d in getattr(n, "decorator_list", ()))
    found = {False: set(), True: set()}
    for name, later in reads(node, own=own):
        found[later].add(Use(name.id, attributes.get(name), name in called))
    return frozenset(found[False]), frozenset(found[True])


class Package:
    """The sources of a build, and who binds, exports and needs which name. A target is (module, name).

    Parameters
    ----------
    trees : dict module -> ast.Module; never changed, since builds share them
    folders : the modules that are packages
    """

    def __init__(self, trees, folders):
        self.trees, self.folders = trees, folders
        self.needed, self.reached = cache(self._needed), cache(self._reached)
        self.modules = tuple(trees)
        self.bindings = {}
        for module in trees:
            self._bind(module)
        self.unit = {s: Unit(m, s, *_described(s)) for m, t in trees.items() for s in t.body}
        self.units = list(self.unit.values())
        self.owners = {}
        for unit in self.units:
            for name in unit.names:
                if self.bindings[unit.module].get(name) == (unit.module, name):
                    self.owners.setdefault((unit.module, name), []).append(unit)
        self.exported = {self.origin(m, n) for m in trees for n in self._public(m)}

    def source_of(self, module, node):
        """The full name of the module that a from-import names, or None where it is another package's."""
        if not node.level:
            return node.module if node.module.partition(".")[0] == PACKAGE else None
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + (module in self.folders)]
        return ".".join([*parts, *filter(None, [node.module])])

    def _bind(self, module):
        """Fill bindings[module]: for each global name what it comes from, itself where it is defined here."""
        if module in self.bindings:
            return
        found = self.bindings[module] = {}
        for statement in self.trees[module].body:
            source = self.source_of(module, statement) if isinstance(statement, ast.ImportFrom) else None
            if source is None:
                own = () if isinstance(statement, IMPORTS) else bound([statement])
                found.update({name: (module, name) for name in own})
                continue
            for alias in statement.names:
                found.update(self._imported(source, alias))

    def _imported(self, source, alias):
        if source in self.trees:
            self._bind(source)
        if alias.name == "*":
            return {name: (source, name) for name in self.star(source)}
        whole = f"{source}.{alias.name}"
        is_module = whole in self.trees or whole in LEFT_OUT
        return {alias.asname or alias.name: (whole, "") if is_module else (source, alias.name)}

    def listed(self, module):
        """The texts in a module's __all__, or None where it has none."""
        for statement in self.trees[module].body:
            if is_all(statement):
                return [e.value for e in statement.value.elts if isinstance(e, ast.Constant)]
        return None

    def star(self, module):
        """The names that a star import takes from a module, where its source spells them out."""
        listed = self.listed(module)
        return listed if listed is not None else [n for n in self.bindings[module] if not n.startswith("_")]

    def _public(self, module):
        if module in self.folders:
            return [n for n in self.bindings[module] if not n.startswith("_")]
        return self.listed(module) or ()

    def origin(self, module, name):
        """The target that `name` in `module` stands for in the end, or None."""
        seen = set()
        while (module, name) not in seen:
            seen.add((module, name))
            target = self.bindings.get(module, {}).get(name)
            if target is None:
                return (module, name) if module not in self.trees else None
            if target == (module, name) or not target[1]:
                return target
            module, name = target
        return None

    def targets(self, unit, uses):
        """The targets of a unit's uses, each with whether it is called."""
        for use in uses:
            target = self.origin(unit.module, use.name)
            if target and not target[1] and use.attribute:
                target = self.origin(target[0], use.attribute)
            if target:
                yield target, use.called

    def _needed(self, unit):
        """Every target that importing the unit evaluates, what functions called meanwhile read included."""
        found, todo = set(), list(self.targets(unit, unit.now))
        while todo:
            target, called = todo.pop()
            if (target, called) in found:
                continue
            found.add((target, called))
            for other in self.owners.get(target, ()):
                todo.extend(self.targets(other, _run_by_use(other.node, called)))
        return {target for target, _ in found}

    def _reached(self, unit):
        """Every target that the unit reads, now or later, and those that it imports within functions."""
        found = {target for target, _ in self.targets(unit, unit.now | unit.later)}
        for node in ast.walk(unit.node):
            source = self.source_of(unit.module, node) if isinstance(node, ast.ImportFrom) else None
            if source and node is not unit.node:
                found.update(self.origin(source, a.name) or (f"{source}.{a.name}", "") for a in node.names)
        return found


@cache
def _described(statement):
    """What a top-level statement binds and reads. Imports read nothing: what they bind is judged where it is used."""
    if isinstance(statement, IMPORTS):
        return (), frozenset(), frozenset()
    return tuple(sorted(bound([statement]))), *uses(statement)


def _run_by_use(node, called):
    """What runs when a definition is used at import: a function's body, a class's constructor or subclass hook."""
    if isinstance(node, DEFINITIONS):
        return uses(node)[1]
    if not isinstance(node, ast.ClassDef):
        return frozenset()
    hooks = ("__init__", "__new__", "__post_init__") if called else ("__init_subclass__",)
    run = [uses(s)[1] for s in node.body if isinstance(s, DEFINITIONS) and s.name in hooks]
    return frozenset().union(*run)


def is_all(statement):
    """Whether a statement is a module's __all__, spelled out."""
    return (
        isinstance(statement, ast.Assign)
        and ast.unparse(statement.targets[0]) == "__all__"
        and isinstance(statement.value, (ast.List, ast.Tuple))
    )


@cache
def read(sources):
    """The Package of the sources, as `texts` gives them; they are parsed once in a process."""
    trees = {module_name(path): _parsed(text) for path, text in sources}
    return Package(trees, frozenset(module_name(p) for p, _ in sources if p.endswith("__init__.py")))


@cache
def _parsed(text):
    return ast.parse(text)


CHECKS = '''\
"""Checks where work is graded: they take what the notebook's checks take, and compare nothing.

Expected values are not in here; the test cells run elsewhere.
"""

import hashlib
import hmac

import numpy as np


class Checks:
    """Stands for the checks of an assignment."""

    def __init__(self, assignment, folder="."):
        self.assignment, self.table = assignment, {"checks": {}, "says": {}}

    def __call__(self, what, got, batch=None, inputs=(), parts=()):
        """Do nothing."""

    def call(self, what, function, *args, batch=None, parts=()):
        """Do nothing; the function is not called."""

    @staticmethod
    def at_most(what, got, limit):
        """Do nothing."""

    @staticmethod
    def hidden(category, got, expected, rtol=1e-7, atol=1e-10):
        """Do nothing."""

    def rng(self, name):
        """The generator that everybody's notebook has; those of the tests are drawn elsewhere."""
        digest = hmac.new(b"everybody", f"{self.assignment}/{name}".encode(), hashlib.sha256).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def inside(function):
    """Mark a helper that runs here."""
    function.runs_inside = True
    return function
'''
