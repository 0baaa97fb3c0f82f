"""The grading build: a copy of edfcore that lacks the names which an exercise forbids.

In the sandbox a student's code finds this copy and no other, so importing the answer is no answer. It holds what
belongs there (core, components, optimizers, data, teach) and none of the forbidden names: neither their source, nor
what cannot be imported without them, nor helpers that only they use. Asking for one raises a sentence and is noted in
`edfcore._absent.touched`, a hint for the grader and nothing more, since a student's code can change it.

    package.py    edfcore's sources, and who binds, exports and uses which name
    cut.py        from forbidden names to everything that goes with them, and the new sources
    here          the build on the disk, the cache of builds, and their verification
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from .cut import absent_source, checked, located, spread, written
from .package import IMPORTS, PACKAGE, LibraryError, bound, home, module_name, read, texts

DATA = ("data/mnist",)  # folders whose files go along
MADE_BY = ("package.py", "cut.py", "library.py")  # what decides how a build comes out
REASON = "while this exercise is graded: write it yourself"
LIMIT = 60.0  # seconds for importing every module of a build
LEFTOVER = 3600.0  # seconds after which an unfinished build was abandoned


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
    target, names = Path(target), checked(forbidden)
    ours = tuple(name for name in names if name.partition(".")[0] == PACKAGE)
    package = read(texts())
    cut = spread(package, ours)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise LibraryError(f"{target} is no empty folder; a grading build needs one of its own.")
    _write(target / PACKAGE, cut, reason)
    others = sorted({name.partition(".")[0] for name in names} - {PACKAGE})
    return Library(target, tree_digest(target), names, cut.absent, cut.shared, tuple(others))


def _write(folder, cut, reason):
    """Write the package into a folder that does not exist yet."""
    for module in cut.package.modules:
        if (module, "") not in cut.causes:
            inside = "/".join(module.split(".")[1:])
            path = f"{inside}/__init__.py" if module in cut.package.folders else f"{inside}.py"
            _put(folder / path.lstrip("/"), written(cut, module).encode())
    _put(folder / "_absent.py", absent_source(cut, reason).encode())
    for data in DATA:
        if not cut.gone((f"{PACKAGE}.{data.split('/')[0]}", "")):
            for path in sorted((home() / data).iterdir()):
                _put(folder / data / path.name, path.read_bytes())
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o444)  # readable to any user that the sandbox runs as, written by none


def _put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


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
    names, root = checked(forbidden), Path(root)
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
    """What a build depends on: edfcore's sources and data, the names, the sentence, this code, Python's unparse."""
    ours = [hashlib.sha256(Path(__file__).with_name(name).read_bytes()).hexdigest() for name in MADE_BY]
    data = [tree_digest(home() / folder) for folder in DATA]
    parts = [names, reason, texts(), data, ours, sys.version_info[:2]]
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
    package = read(texts())
    for name in ours:
        for module, definition in located(package, name):
            told += _still_there(library.path, module, definition)
    modules = [module_name(p.relative_to(library.path / PACKAGE).as_posix()) for p in sources]
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
    there = [s for s in body if not isinstance(s, IMPORTS) and name in bound([s]) and "_absent." not in ast.unparse(s)]
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
