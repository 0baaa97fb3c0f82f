"""The grading build: a copy of edfcore that lacks the names which an exercise forbids.

In the sandbox a student's code finds this copy and no other, so importing the answer is no answer. It holds what
belongs there (core, components, optimizers, data, teach) and none of the forbidden names: neither their source, nor
what cannot be imported without them, nor helpers that only they use. Asking for one raises a sentence and is noted in
`edfcore._absent.touched`, a hint for the grader and nothing more, since a student's code can change it.

    _read       the package's sources, and who binds, exports and uses which name, all by ast
    _spread     from forbidden names to everything that goes with them
    _written    a module's new source; comments are gone, since one beside a definition may hold the answer
"""

import ast
import copy
import difflib
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from inspect import getmro, isclass, ismodule
from pathlib import Path
from typing import NamedTuple

from .errors import AutogradeError

PACKAGE = "edfcore"
LEFT_OUT = tuple(
    f"{PACKAGE}.{name}"
    for name in ("widgets", "figures", "cli", "doctor", "demo", "execute", "lab_settings", "teach.compare")
)
DATA = ("data/mnist",)  # folders whose files go along
REASON = "while this exercise is graded: write it yourself"
LIMIT = 60.0  # seconds for importing every module of a build
LEFTOVER = 3600.0  # seconds after which an unfinished build was abandoned


class LibraryError(AutogradeError):
    """A grading build that cannot be made or used: an unknown name, a damaged tree."""


@dataclass(frozen=True)
class Library:
    """A grading build of edfcore.

    path : the folder to put on sys.path; it holds `edfcore` and nothing else
    digest : str, sha256 over names and contents of the tree
    forbidden : the dotted names that were asked to be absent, sorted
    absent : what was removed, by where it is defined, what goes with a forbidden name included
    shared_helpers : functions that a forbidden definition uses and that stayed because others use them too
    hidden_packages : top-level names of other packages that the sandbox has to hide
    """

    path: Path
    digest: str
    forbidden: tuple[str, ...]
    absent: tuple[str, ...]
    shared_helpers: tuple[str, ...]
    hidden_packages: tuple[str, ...]


def build_library(forbidden: Iterable[str], target: Path, reason: str = REASON) -> Library:
    """Write a copy of edfcore without the forbidden names.

    Parameters
    ----------
    forbidden : dotted names: "edfcore.Sigmoid", "edfcore.checks" (a module), "edfcore.Graph.draw" (a method), or a
        name of another package, which cannot be cut and is reported in `hidden_packages`. A function that hands on to
        a method of its name, such as edfcore.Backward, takes the method with it.
    target : path, a folder that does not exist yet or is empty
    reason : how the sentence goes on that begins "edfcore.Sigmoid is not available"

    Returns
    -------
    Library

    Raises
    ------
    LibraryError : a name is unknown or cannot be absent, or the target holds something.
    """
    target, names = Path(target), _checked(forbidden)
    ours = tuple(name for name in names if name.partition(".")[0] == PACKAGE)
    package = _read(_texts())
    cut = _spread(package, ours)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise LibraryError(f"{target} is no empty folder; a grading build needs one of its own.")
    _write(target / PACKAGE, cut, reason)
    others = sorted({name.partition(".")[0] for name in names} - {PACKAGE})
    return Library(target, tree_digest(target), names, cut.absent, cut.shared, tuple(others))


# names


NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _checked(forbidden):
    """The names, sorted, each once. Raises LibraryError for what cannot be absent at all."""
    if isinstance(forbidden, str):
        raise LibraryError(f"The forbidden names are a list of names, not the text {forbidden!r}.")
    names = sorted(set(forbidden), key=str)
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise LibraryError(f"The forbidden name {name!r} is no dotted name such as 'edfcore.Sigmoid'.")
        top = name.partition(".")[0]
        if name == PACKAGE:
            raise LibraryError("edfcore as a whole cannot be forbidden: name what in it gives the answer away.")
        if top == "numpy" or top in sys.stdlib_module_names:
            raise LibraryError(f"{name} cannot be forbidden: {top} cannot be hidden, since edfcore runs on it.")
    return tuple(names)


def _located(package, dotted):
    """Where a dotted name is defined: targets (module, name), with "" for a whole module.

    Raises
    ------
    LibraryError : there is no such name; the nearest one is told.
    """
    if any(dotted == module or dotted.startswith(f"{module}.") for module in LEFT_OUT):
        return ()  # not in any build
    thing, owner = importlib.import_module(PACKAGE), None
    for part in dotted.split(".")[1:]:
        owner, thing = thing, _member(thing, part)
        if thing is None:
            raise LibraryError(f"{dotted} is unknown to edfcore{_nearest(package, dotted)}. Mend the forbidden names.")
    if ismodule(thing):
        return tuple((name, "") for name in package.modules if f"{name}.".startswith(f"{thing.__name__}."))
    name = dotted.rpartition(".")[2]
    if isclass(owner):
        holder = next((c for c in getmro(owner) if name in vars(c)), owner)
        found = holder.__module__, f"{holder.__qualname__}.{name}"
        known = found in _methods(package, name)
    else:
        found = package.origin(owner.__name__, name) if ismodule(owner) else None
        known = found in package.owners
    if not known:
        raise LibraryError(f"{dotted} is not defined in edfcore's sources, so it cannot be cut out of them.")
    return (found, *_twins(package, found))


def _member(thing, name):
    """An attribute, or the submodule of that name, or None."""
    if ismodule(thing) and not hasattr(thing, name):
        full = f"{thing.__name__}.{name}"
        return importlib.import_module(full) if _file_of(full) else None
    return getattr(thing, name, None)


def _nearest(package, dotted):
    known = {f"{module}.{name}" for module in package.modules for name in package.bindings[module]}
    close = difflib.get_close_matches(dotted, sorted(known | set(package.modules)), n=1)
    return f"; the nearest name is {close[0]}" if close else ""


def _methods(package, name):
    """Every class of the package that defines a method `name`, as (module, "Class.name")."""
    return {
        (unit.module, f"{unit.node.name}.{name}")
        for unit in package.units
        if isinstance(unit.node, ast.ClassDef)
        for statement in unit.node.body
        if name in _bound([statement])
    }


def _twins(package, target):
    """The methods that a function of the same name and module hands on to: Backward(loss) calls loss.graph.Backward."""
    module, name = target
    function = next((u.node for u in package.owners.get(target, ()) if isinstance(u.node, DEFINITIONS)), None)
    called = {n.func.attr for n in ast.walk(function) if _calls_attribute(n)} if function else ()
    return sorted(m for m in _methods(package, name) if m[0] == module) if name in called else []


def _calls_attribute(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


# sources


def _root():
    return Path(importlib.import_module(PACKAGE).__file__).parent


def _file_of(module):
    """The source file of a module of edfcore, or None."""
    stem = _root().joinpath(*module.split(".")[1:])
    return next((p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()), None)


def _texts():
    """The sources that belong in a build: a tuple of (path within the package, text), sorted."""
    found = {}
    for path in sorted(_root().rglob("*.py")):
        inside = path.relative_to(_root())
        module = _module_name(inside.as_posix())
        if not any(f"{module}.".startswith(f"{left}.") for left in LEFT_OUT):
            found[inside.as_posix()] = path.read_text(encoding="utf-8")
    found["teach/checks.py"] = CHECKS
    return tuple(sorted(found.items()))


def _module_name(path):
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


def _reads(node, later=False, local=frozenset(), own=frozenset()):
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
        inner = (True, local | arguments | _bound(body), frozenset())
    elif isinstance(node, ast.ClassDef):
        body, inner = node.body, (later, local, _bound(node.body))
    elif isinstance(node, COMPREHENSIONS):
        local = local | {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    for child in ast.iter_child_nodes(node):
        yield from _reads(child, *inner) if child in body else _reads(child, later, local, own)


def _bound(body):
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
        if not isinstance(node, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
    return frozenset(found - elsewhere)


def _uses(node, own=frozenset()):
    """What a statement reads of its module's globals: uses at import, and later ones."""
    attributes, called = {}, set()
    for n in ast.walk(node):
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name):
            attributes[n.value] = n.attr
        if isinstance(n, ast.Call):
            called.add(getattr(n.func, "value", n.func))
        called.update(getattr(d, "value", d) for d in getattr(n, "decorator_list", ()))
    found = {False: set(), True: set()}
    for name, later in _reads(node, own=own):
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
        self._needed, self._reached = {}, {}
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
                own = () if isinstance(statement, IMPORTS) else _bound([statement])
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

    def star(self, module):
        """The names that a star import takes from a module, where its source spells them out."""
        listed = _listed(self.trees[module])
        return listed if listed is not None else [n for n in self.bindings[module] if not n.startswith("_")]

    def _public(self, module):
        listed = _listed(self.trees[module])
        if module in self.folders:
            return [n for n in self.bindings[module] if not n.startswith("_")]
        return listed or ()

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

    def needed(self, unit):
        """Every target that importing the unit evaluates, what functions called meanwhile read included."""
        if unit not in self._needed:
            self._needed[unit] = self._needed_by(unit)
        return self._needed[unit]

    def _needed_by(self, unit):
        found, todo = set(), list(self.targets(unit, unit.now))
        while todo:
            target, called = todo.pop()
            if (target, called) in found:
                continue
            found.add((target, called))
            for other in self.owners.get(target, ()):
                todo.extend(self.targets(other, _run_by_use(other.node, called)))
        return {target for target, _ in found}

    def reached(self, unit):
        """Every target that the unit reads, now or later, and those that it imports within functions."""
        if unit not in self._reached:
            self._reached[unit] = self._reached_by(unit)
        return self._reached[unit]

    def _reached_by(self, unit):
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
    return tuple(sorted(_bound([statement]))), *_uses(statement)


def _run_by_use(node, called):
    """What runs when a definition is used at import: a function's body, a class's constructor or subclass hook."""
    if isinstance(node, DEFINITIONS):
        return _uses(node)[1]
    if not isinstance(node, ast.ClassDef):
        return frozenset()
    hooks = ("__init__", "__new__", "__post_init__") if called else ("__init_subclass__",)
    run = [_uses(s)[1] for s in node.body if isinstance(s, DEFINITIONS) and s.name in hooks]
    return frozenset().union(*run)


def _listed(tree):
    """The texts in a module's __all__, or None where it has none."""
    for statement in tree.body:
        if _is_all(statement):
            return [e.value for e in statement.value.elts if isinstance(e, ast.Constant)]
    return None


def _is_all(statement):
    return (
        isinstance(statement, ast.Assign)
        and ast.unparse(statement.targets[0]) == "__all__"
        and isinstance(statement.value, (ast.List, ast.Tuple))
    )


@cache
def _read(texts):
    """The Package of the sources; they are parsed once in a process."""
    trees = {_module_name(path): _parsed(text) for path, text in texts}
    return Package(trees, frozenset(_module_name(p) for p, _ in texts if p.endswith("__init__.py")))


@cache
def _parsed(text):
    return ast.parse(text)


# what goes with a forbidden name


JOINING = ("register", "catalogued")  # decorators that make a definition public


@dataclass(frozen=True)
class Cut:
    """A package and what is to be cut from it.

    causes : dict target -> the forbidden name because of which it goes, or None where it is left out of every build
    units : the statements that go
    spelled : dict target -> the forbidden name as the author wrote it
    shared : helpers that stay
    """

    package: Package
    causes: dict
    units: frozenset[Unit]
    spelled: dict
    shared: tuple[str, ...]

    def gone(self, target):
        """Whether the build lacks the target."""
        return _gone(self.causes, target)

    def public(self, target):
        """What a student calls a target."""
        module, name = target
        if target in self.spelled or not name:
            return self.spelled.get(target, module)
        short = name if self.package.origin(PACKAGE, name) == target else None
        return f"{PACKAGE}.{short}" if short else f"{module}.{name}"

    @property
    def absent(self):
        """What was removed: modules, and definitions outside them."""
        gone = [t for t, cause in self.causes.items() if cause is not None]
        whole = {module for module, name in gone if not name}
        return tuple(sorted({f"{m}.{n}".rstrip(".") for m, n in gone if not n or m not in whole}))


def _gone(causes, target):
    return target in causes or (target is not None and (target[0], "") in causes)


def _cause(causes, target):
    return causes[target] if target in causes else causes[target[0], ""]


def _spread(package, forbidden):
    """From forbidden names to the Cut: what they name, what cannot be imported without it, helpers only it uses."""
    spelled = {}
    for name in forbidden:
        for target in _located(package, name):
            spelled.setdefault(target, name)
    members = sorted((m, n) for m, n in spelled if "." in n)
    pieces = [piece for m, n in members for piece in _member_units(package, m, n)]
    if members:
        package = Package(_without_members(package, members, spelled), package.folders)
    causes = dict(spelled) | {(module, ""): None for module in LEFT_OUT}
    _follow(package, causes)
    roots = [u for u in package.units if u.module in {m for m, n in spelled if not n}]
    roots += [u for target in spelled for u in package.owners.get(target, ())] + pieces
    fallen = roots + [u for t in causes for u in package.owners.get(t, ())]
    reached, named = _helpers(package, fallen), _helpers(package, roots)
    stay = _kept(package, causes, set(reached))
    for helper, root in reached.items():
        if helper not in stay and helper not in causes:
            causes[helper] = _cause_of(package, causes, spelled, root)
    shared = sorted(f"{m}.{n}" for m, n in named if (m, n) in stay and _is_function(package, (m, n)))
    units = frozenset(u for u in package.units if _falls(package, causes, u))
    return Cut(package, causes, units, spelled, tuple(shared))


def _follow(package, causes):
    """Add to `causes` what cannot be imported without a target that is gone, until nothing more falls."""
    waiting = [unit for unit in package.units if unit.names and not _is_all(unit.node)]
    changed = True
    while changed:
        changed = False
        for unit in waiting:
            lost = min((t for t in package.needed(unit) if _gone(causes, t)), default=None)
            new = [(unit.module, n) for n in unit.names if lost and not _gone(causes, (unit.module, n))]
            causes.update({target: _cause(causes, lost) for target in new})
            changed = changed or bool(new)


def _falls(package, causes, unit):
    """Whether a statement goes: what it binds is gone, or evaluating it needs what is gone."""
    if _is_all(unit.node) or isinstance(unit.node, IMPORTS):
        return False  # what is left of it stays
    targets = {(unit.module, n) for n in unit.names} | package.needed(unit)
    return (unit.module, "") in causes or any(_gone(causes, t) for t in targets)


def _helpers(package, units):
    """The helpers that units use, by way of other helpers too: dict target -> the unit from which it was reached."""
    found, todo = {}, [(target, unit) for unit in units for target in package.reached(unit)]
    while todo:
        target, root = todo.pop()
        if target not in found and _is_helper(package, target):
            found[target] = root
            todo.extend((t, root) for u in package.owners[target] for t in package.reached(u))
    return found


def _is_helper(package, target):
    """Whether nothing exports a function or constant; a class also has to be private by name or list."""
    owners = package.owners.get(target)
    if not owners or target in package.exported or target[1] in JOINING:
        return False
    private = _listed(package.trees[target[0]]) is not None or target[1].startswith("_")
    decorators = {ast.unparse(d).partition("(")[0] for u in owners for d in getattr(u.node, "decorator_list", ())}
    is_class = any(isinstance(u.node, ast.ClassDef) for u in owners)
    return decorators.isdisjoint(JOINING) and (private or not is_class)


def _is_function(package, target):
    return any(isinstance(u.node, DEFINITIONS) for u in package.owners[target])


def _kept(package, causes, candidates):
    """The candidates that something else which stays uses, directly or through other candidates."""
    falls = {unit for unit in package.units if _falls(package, causes, unit)}
    firm = [u for u in package.units if u not in falls and not {(u.module, n) for n in u.names} & candidates]
    kept, todo = set(), [t for u in firm for t in package.reached(u)]
    while todo:
        target = todo.pop()
        if target in candidates and target not in kept:
            kept.add(target)
            todo.extend(t for u in package.owners[target] for t in package.reached(u))
    return kept


def _cause_of(package, causes, spelled, root):
    found = [_cause(causes, (root.module, n)) for n in root.names if _gone(causes, (root.module, n))]
    return found[0] if found else min(spelled.values())


def _member_units(package, module, name):
    """The statements of a class body that define a member, as units of their own."""
    kind, _, member = name.partition(".")
    for owner in package.owners[module, kind]:
        own = _bound(owner.node.body)
        for statement in owner.node.body:
            if member in _bound([statement]):
                yield Unit(module, statement, (name,), *_uses(statement, own))


def _without_members(package, members, spelled):
    """The trees, with each member replaced by one that says that it is absent."""
    trees = dict(package.trees)
    for module, name in members:
        kind, _, member = name.partition(".")
        tree = copy.deepcopy(trees[module])
        stand_in = ast.parse(f"{member} = _absent.Member({spelled[module, name]!r})").body
        for definition in tree.body:
            if isinstance(definition, ast.ClassDef) and definition.name == kind:
                kept = [s for s in definition.body if member not in _bound([s])]
                definition.body = kept + stand_in
        trees[module] = tree
    return trees


# writing


def _write(folder, cut, reason):
    """Write the package into a folder that does not exist yet."""
    for module in cut.package.modules:
        if (module, "") not in cut.causes:
            inside = "/".join(module.split(".")[1:])
            path = f"{inside}/__init__.py" if module in cut.package.folders else f"{inside}.py"
            _put(folder / path.lstrip("/"), _written(cut, module).encode())
    _put(folder / "_absent.py", _absent_source(cut, reason).encode())
    for data in DATA:
        if not cut.gone((f"{PACKAGE}.{data.split('/')[0]}", "")):
            for path in sorted((_root() / data).iterdir()):
                _put(folder / data / path.name, path.read_bytes())
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o444)  # readable to any user that the sandbox runs as, written by none


def _put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _written(cut, module):
    """The new source of a module."""
    names = _missing_names(cut, module)
    head = f"from {PACKAGE} import _absent\n__getattr__ = _absent.getter(__name__, {names!r})"
    body = [_edited(cut, module, statement) for statement in cut.package.trees[module].body]
    first = 1 if ast.get_docstring(cut.package.trees[module]) is not None else 0
    body.insert(first, head)
    return "\n".join(filter(None, body)) + "\n"


@cache
def _unparsed(statement):
    return ast.unparse(ast.Module([statement], []))  # in a module, docstrings keep their lines


def _missing_names(cut, module):
    """The names that the module would have and has not: dict name -> what a student calls it."""
    package, found = cut.package, {}
    for name in package.bindings[module]:
        target = package.origin(module, name)
        if target and cut.gone(target):
            found[name] = cut.public(target)
    if module in package.folders:
        below = [m for m, n in cut.causes if not n and m.rpartition(".")[0] == module]
        found |= {m.rpartition(".")[2]: cut.public((m, "")) for m in below}
    return dict(sorted(found.items()))


def _edited(cut, module, statement):
    """The new source of a top-level statement, without what is gone; empty where nothing is left."""
    package, unit = cut.package, cut.package.unit[statement]
    if unit in cut.units:
        return ""
    source = package.source_of(module, statement) if isinstance(statement, ast.ImportFrom) else None
    if source:
        return _edited_import(cut, source, statement)
    if _is_all(statement):
        return _edited_all(cut, module, statement)
    if module == f"{PACKAGE}.registry" and unit.names == ("REGISTRY",):
        return f"REGISTRY = _absent.Registry({_registered(cut)!r}, {ast.unparse(statement.value)})"
    lost = {use.name: package.origin(module, use.name) for use in unit.now | unit.later}
    lost = {name: cut.public(target) for name, target in lost.items() if cut.gone(target)}
    return _refusing(statement, lost) if lost else _unparsed(statement)


def _refusing(statement, lost):
    """The statement's source with a call that says what is absent in the place of each name that is gone."""
    memo = {}
    fresh = copy.deepcopy(statement, memo)
    places = {memo[id(name)]: lost[name.id] for name, _ in _reads(statement) if name.id in lost}
    return ast.unparse(_Refusing(places).visit(fresh))


class _Refusing(ast.NodeTransformer):
    def __init__(self, places):
        self.places = places

    def visit_Name(self, node):
        public = self.places.get(node)
        return node if public is None else ast.parse(f"_absent.refuse({public!r})", mode="eval").body


def _edited_import(cut, source, statement):
    if cut.gone((source, "")):
        return ""
    kept = [a for a in statement.names if a.name == "*" or not cut.gone(_meant(cut.package, source, a))]
    return ast.unparse(ast.ImportFrom(statement.module, kept, statement.level)) if kept else ""


def _meant(package, source, alias):
    """The target that an imported name stands for."""
    whole = f"{source}.{alias.name}"
    is_module = whole in package.trees or whole in LEFT_OUT
    return (whole, "") if is_module else package.origin(source, alias.name) or (source, alias.name)


def _edited_all(cut, module, statement):
    gone, fresh = _missing_names(cut, module), copy.deepcopy(statement)
    fresh.value.elts = [e for e in fresh.value.elts if _named_in(e).isdisjoint(gone)]
    return ast.unparse(fresh)


def _named_in(element):
    """The names that an element of __all__ stands for: its text, or what it reads as in *REGISTRY."""
    return {getattr(n, "value", None) if isinstance(n, ast.Constant) else n.id for n in ast.walk(element)
            if isinstance(n, (ast.Constant, ast.Name))}  # fmt: skip


def _registered(cut):
    """The components that the registry would have and has not: dict name -> what a student calls it."""
    registry = importlib.import_module(f"{PACKAGE}.registry").REGISTRY
    targets = {name: (cls.__module__, cls.__qualname__) for name, cls in registry.items()}
    return {name: cut.public(target) for name, target in targets.items() if cut.gone(target)}


def _absent_source(cut, reason):
    """The source of edfcore/_absent.py, which knows every absent name and its sentence."""
    package, absent, left_out = cut.package, {}, {}
    known = {package.origin(m, n) for m in package.modules for n in package.bindings[m]}
    for target in sorted({t for t in known if cut.gone(t)} | set(cut.causes)):
        name, cause = cut.public(target), _cause(cut.causes, target)
        if cause is None:
            left_out[name] = f"{name} is not part of the library that work is graded with."
        elif target in cut.spelled:
            absent[name] = f"{name} is not available {reason}."
        else:
            absent.setdefault(name, f"{name} goes with {cause}, which is not available {reason}.")
    modules = {module: cut.public((module, "")) for module, name in cut.causes if not name}
    fields = {"@ABSENT@": absent, "@LEFT_OUT@": left_out, "@MODULES@": modules}
    text = ABSENT
    for mark, value in fields.items():
        text = text.replace(mark, json.dumps(value, indent=4, ensure_ascii=False))
    return text


ABSENT = '''\
"""Names that this build of edfcore does not have, and what is said where one of them is used.

The build is for grading one exercise. `touched` holds the absent names that were asked for.
"""

import sys
from opcode import opmap

ABSENT = @ABSENT@
LEFT_OUT = @LEFT_OUT@
MODULES = @MODULES@

touched = set()


def told(name):
    """The sentence on an absent name, which counts as asked for."""
    if name in LEFT_OUT:
        return LEFT_OUT[name]
    touched.add(name)
    return ABSENT[name]


def refuse(name):
    """Stand where the library itself would use an absent name."""
    from .errors import GraphError

    raise GraphError(told(name))


def getter(module, names):
    """A module's __getattr__ for the names that it lacks."""

    def __getattr__(name):
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        frame = sys._getframe(1)  # "from edfcore import Sigmoid" tells our sentence only if it is an ImportError
        importing = frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]
        raise (ImportError if importing else AttributeError)(told(names[name]))

    return __getattr__


class Member:
    """Stands for an absent member of a class."""

    def __init__(self, name):
        self.name = name

    def __get__(self, instance, owner=None):
        raise AttributeError(told(self.name))


class Registry(dict):
    """The components by name; asking for an absent one tells so."""

    def __init__(self, names, *args):
        super().__init__(*args)
        self.names = names

    def __missing__(self, key):
        if key in self.names:
            refuse(self.names[key])
        raise KeyError(key)


class Finder:
    """Tells of absent modules; it comes last, after everything that can be found."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MODULES:
            raise ModuleNotFoundError(told(MODULES[name]), name=name)


sys.meta_path.append(Finder)
'''

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


# digests and the cache


def tree_digest(folder: Path) -> str:
    """sha256 (hex) over the relative names and the contents of everything in a folder.

    Raises
    ------
    LibraryError : the folder holds a link or something else that is neither file nor folder, or is not readable.
    """
    found, folder = hashlib.sha256(), Path(folder)
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise LibraryError(f"{path} is neither a file nor a folder; remove the build and make it again.")
            data = b"" if path.is_dir() else path.read_bytes()
            found.update(f"{path.relative_to(folder).as_posix()}\0{path.is_dir():d}{len(data)}\0".encode() + data)
    except OSError as error:
        raise LibraryError(f"{folder} is not readable: {error}.") from None
    return found.hexdigest()


def cached_library(forbidden: Iterable[str], root: Path, reason: str = REASON) -> Library:
    """The build for these names, made once for each content of edfcore and kept in `root`.

    A build lies in root/<digest>/: `lib` is its path, `library.json` beside it what else is known. It appears there by
    a rename, so that several processes may ask at once, and its tree is hashed anew whenever it is used: one that was
    changed is made again.

    Raises
    ------
    LibraryError : as build_library; or `root` is not writable.
    """
    names, root = _checked(forbidden), Path(root)
    folder = root / _key(names, reason)
    found = _stored(folder, names)
    if found:
        return found
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(root)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
        try:
            return _stored_anew(fresh, folder, names, reason)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise LibraryError(f"The grading build could not be kept in {root}: {error}.") from error


def _key(names, reason):
    """What a build depends on: edfcore's sources and data, the names, the sentence, this file, Python's unparse."""
    ours = Path(__file__).read_bytes()
    data = [tree_digest(_root() / folder) for folder in DATA]
    parts = [names, reason, _texts(), data, hashlib.sha256(ours).hexdigest(), sys.version_info[:2]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _stored(folder, names):
    """The library in a folder of the cache, or None where it is missing, damaged or another's."""
    try:
        kept = json.loads((folder / "library.json").read_text(encoding="utf-8"))
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()}
        library = Library(folder / "lib", **fields)
        intact = library.forbidden == names and tree_digest(library.path) == library.digest
    except (OSError, ValueError, TypeError, AttributeError, LibraryError):
        return None
    return library if intact else None


def _stored_anew(fresh, folder, names, reason):
    kept = asdict(build_library(names, fresh / "lib", reason))
    del kept["path"]
    (fresh / "library.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    fresh.chmod(0o755)
    for _ in range(5):
        try:
            fresh.rename(folder)
        except OSError:  # there is one: another process was first, or it is damaged and makes room
            if not _stored(folder, names):
                _move_away(folder)
        found = _stored(folder, names)
        if found:
            return found
    raise LibraryError(f"{folder} changes while it is made; let no other program write there.")


def _move_away(folder):
    aside = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
    try:
        folder.rename(aside / "damaged")
    except FileNotFoundError:
        pass  # another process moved it
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(root):
    """Remove what builds that were killed left behind."""
    for path in root.glob(".[no][el][wd]-*"):
        try:
            abandoned = time.time() - path.stat().st_mtime > LEFTOVER
        except OSError:
            continue
        if abandoned:
            shutil.rmtree(path, ignore_errors=True)


# verification


def verify_library(library: Library) -> list[str]:
    """What is wrong with a build, in sentences; none where every module imports and no forbidden name can be had.

    The modules are imported in a fresh interpreter that has the build in front of its path.
    """
    told = []
    try:
        if tree_digest(library.path) != library.digest:
            told.append(f"{library.path} was changed after it was built.")
    except LibraryError as error:
        return [str(error)]
    sources = sorted(library.path.rglob("*.py"))
    told += [f"{p} does not belong in a build." for p in sorted(library.path.rglob("*.pyc"))]
    ours = [name for name in library.forbidden if name.partition(".")[0] == PACKAGE]
    package = _read(_texts())
    for name in ours:
        for module, definition in _located(package, name):
            told += _still_there(library.path, module, definition)
    modules = [_module_name(p.relative_to(library.path / PACKAGE).as_posix()) for p in sources]
    return told + _probed(library.path, modules, ours)


def _still_there(path, module, definition):
    """A sentence where the source of a forbidden definition is in the build."""
    stem = path.joinpath(*module.split("."))
    file = next((p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()), None)
    if file is None:
        return []
    if not definition:
        return [f"{file}: the module {module} is still there."]
    body = ast.parse(file.read_text(encoding="utf-8")).body
    *outer, name = definition.split(".")
    for kind in outer:
        body = [s for c in body if isinstance(c, ast.ClassDef) and c.name == kind for s in c.body]
    there = [s for s in body if not isinstance(s, IMPORTS) and name in _bound([s]) and "_absent." not in ast.unparse(s)]
    return [f"{file}, line {s.lineno}: {definition} is still defined." for s in there]


def _probed(path, modules, names):
    asked = json.dumps({"path": str(path.resolve()), "modules": modules, "names": names})
    command = [sys.executable, "-I", "-B", "-c", PROBE]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=LIMIT, env=environment)
    except subprocess.TimeoutExpired:
        return [f"Importing the build took over {LIMIT:.0f} seconds."]
    if done.returncode:
        return [f"Importing the build ended Python: {done.stderr.strip()[-500:]}"]
    return json.loads(done.stdout.rpartition("\n")[2])


PROBE = """
import importlib, json, os, sys

asked, told = json.load(sys.stdin), []
sys.path.insert(0, asked["path"])
printed, sys.stdout = sys.stdout, sys.stderr
for module in asked["modules"]:
    try:
        found = importlib.import_module(module)
        if not os.path.realpath(found.__file__).startswith(asked["path"]):
            told.append(f"{module} is imported from {found.__file__}, not from the build.")
    except BaseException as error:
        told.append(f"{module} cannot be imported: {type(error).__name__}: {error}")
absent = sys.modules.get("edfcore._absent")
if absent is None:
    told.append("edfcore._absent was not imported: names are not watched.")
elif absent.touched:
    told.append(f"Importing the build asks for absent names: {sorted(absent.touched)}.")


def had(name):
    thing, parts = importlib.import_module("edfcore"), name.split(".")
    for n in range(1, len(parts)):
        try:
            thing = getattr(thing, parts[n])
        except AttributeError as error:
            if not isinstance(thing, type(sys)) or not str(error).startswith("module "):
                raise
            thing = importlib.import_module(".".join(parts[: n + 1]))


for name in asked["names"]:
    try:
        had(name)
        told.append(f"{name} can still be imported.")
    except (ImportError, AttributeError) as error:
        if not str(error).startswith("edfcore."):
            told.append(f"{name} is absent without a sentence: {error}")
    except BaseException as error:
        told.append(f"{name}: {type(error).__name__}: {error}")
printed.write("\\n" + json.dumps(told))
"""
