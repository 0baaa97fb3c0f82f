"""What the library holds, with sources and the tests that pin each entry: `edf catalog`.

Components are listed from their registry. Functions and classes join by a decorator:

    @catalogued("initializer", source="Glorot & Bengio 2010, eq. 16")
    def xavier_uniform(shape, rng, ...): ...

A test says what it pins by a mark: `@pytest.mark.pins("xavier_uniform")`.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from .registry import REGISTRY

KINDS = ("component", "initializer", "optimizer", "line search", "clipping", "schedule", "batches", "normalization",
         "augmentation", "loader")  # fmt: skip
_entries = {}


@dataclass(frozen=True)
class Entry:
    """One thing that the library offers: its kind, name, source (page, paper and equation, or class) and object."""

    kind: str
    name: str
    source: str
    object: object


def catalogued(kind, source):
    """Decorator: list a function or class in the catalog.

    Raises
    ------
    ValueError : the kind is unknown, or the name is taken.
    """

    def join(thing):
        name = thing.__name__
        if kind not in KINDS or name in _entries or name in REGISTRY:
            raise ValueError(f"catalog: {name!r} as {kind!r}: the kind is unknown or the name is taken.")
        _entries[name] = Entry(kind, name, source, thing)
        return thing

    return join


def entries():
    """Every entry, components first."""
    import importlib

    for module in ("initializers", "schedules", "optimizers", "data"):
        if (Path(__file__).parent / module).exists() or (Path(__file__).parent / f"{module}.py").exists():
            importlib.import_module(f".{module}", __package__)
    components = [Entry("component", name, cls.source, cls) for name, cls in REGISTRY.items()]
    return components + sorted(_entries.values(), key=lambda e: KINDS.index(e.kind))


def pinned_by(tests):
    """Which tests pin which entry: dict from name to a list of "file::test", read from the marks without importing."""
    found = {}
    for path in sorted(Path(tests).rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for name in _pins(node):
                    found.setdefault(name, []).append(f"{path.relative_to(tests).as_posix()}::{node.name}")
    return found


def _pins(function):
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.pins":
            yield from (ast.literal_eval(argument) for argument in decorator.args)
