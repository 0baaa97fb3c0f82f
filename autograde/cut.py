"""What is cut from edfcore for an exercise: from forbidden names to what goes with them, and to the new sources.

    spread           forbidden names -> Cut: what they name, what cannot be imported without it, helpers only it uses
    written          a module's new source; comments are gone, since one beside a definition may hold the answer
    absent_source    the source of edfcore/_absent.py, which knows every absent name and its sentence

A target is what can be cut: (module, name), or (module, "") for all of a module.
"""

import ast
import copy
import difflib
import importlib
import json
import re
import sys
from dataclasses import dataclass
from functools import cache
from inspect import getmro, isclass, ismodule

from .package import (
    DEFINITIONS,
    IMPORTS,
    LEFT_OUT,
    PACKAGE,
    LibraryError,
    Package,
    Unit,
    bound,
    file_of,
    is_all,
    reads,
    uses,
)

NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def checked(forbidden):
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


def located(package, dotted):
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
        return importlib.import_module(full) if file_of(full) else None
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
        if name in bound([statement])
    }


def _twins(package, target):
    """The methods that a function of the same name and module hands on to: Backward(loss) calls loss.graph.Backward."""
    module, name = target
    function = next((u.node for u in package.owners.get(target, ()) if isinstance(u.node, DEFINITIONS)), None)
    called = {n.func.attr for n in ast.walk(function) if _calls_attribute(n)} if function else ()
    return sorted(m for m in _methods(package, name) if m[0] == module) if name in called else []


def _calls_attribute(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


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


def spread(package, forbidden):
    """From forbidden names to the Cut: what they name, what cannot be imported without it, helpers only it uses."""
    spelled = {}
    for name in forbidden:
        for target in located(package, name):
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
    waiting = [unit for unit in package.units if unit.names and not is_all(unit.node)]
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
    if is_all(unit.node) or isinstance(unit.node, IMPORTS):
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
    private = package.listed(target[0]) is not None or target[1].startswith("_")
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
        own = bound(owner.node.body)
        for statement in owner.node.body:
            if member in bound([statement]):
                yield Unit(module, statement, (name,), *uses(statement, own))


def _without_members(package, members, spelled):
    """The trees, with each member replaced by one that says that it is absent."""
    trees = dict(package.trees)
    for module, name in members:
        kind, _, member = name.partition(".")
        tree = copy.deepcopy(trees[module])
        stand_in = ast.parse(f"{member} = _absent.Member({spelled[module, name]!r})").body
        for definition in tree.body:
            if isinstance(definition, ast.ClassDef) and definition.name == kind:
                kept = [s for s in definition.body if member not in bound([s])]
                definition.body = kept + stand_in
        trees[module] = tree
    return trees


# the new sources


def written(cut, module):
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
    if is_all(statement):
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
    places = {memo[id(name)]: lost[name.id] for name, _ in reads(statement) if name.id in lost}
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


def absent_source(cut, reason):
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
