"""Damaged notebooks through read, plan and rebuild: nothing may escape, nothing may take long or much.

    python -m autograde.fuzz --cases 10000 --json

Each case is made from a real notebook by a few damages drawn with random.Random(seed), so a seed is a case for ever.
A notebook may be read or refused (autograde.read.Unreadable); anything else that comes out is an exception that
escaped, and so is a plan that does not hold the master's own test and locked cells, or a rebuilt notebook that nbformat
does not accept.
"""

import heapq
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field

import nbformat

from . import assignment as assignments
from .plan import make_plan, master_from_assignment, rebuild
from .read import Unreadable, read_notebook

MAX_SECONDS = 2.0
MAX_MB = 200.0


@dataclass
class Report:
    """What a run of the fuzzer found. `slowest`: (seconds of the processor, seed, damages), five."""

    cases: int = 0
    read: int = 0
    refused: int = 0
    needs_person: int = 0
    escaped: list = field(default_factory=list)
    seconds: float = 0.0  # of the processor, for all cases, without making them
    slowest: list = field(default_factory=list)
    memory_mb: float | None = None
    memory_is: str = (
        "growth of this process's largest resident set over the whole run, the making of the cases included"
    )

    @property
    def ok(self):
        """Whether nothing escaped and no case took more than it may."""
        slow = self.slowest[0][0] if self.slowest else 0.0
        return not self.escaped and slow <= MAX_SECONDS and (self.memory_mb or 0.0) <= MAX_MB


# --- damage to bytes -------------------------------------------------------------------------------------------------


def _span(rng, data, longest=2000):
    begin = rng.randrange(len(data) + 1)
    return begin, min(len(data), begin + rng.randrange(1, longest))


def flip(rng, data):
    """Change a few bytes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 30))):
        if data:
            data[rng.randrange(len(data))] = rng.choice((rng.randrange(256), 0, 34, 92, 91, 123))
    return bytes(data)


def truncate(rng, data):
    """Cut off the end."""
    return data[: rng.randrange(len(data) + 1)]


def cut(rng, data):
    """Take a piece out."""
    begin, end = _span(rng, data)
    return data[:begin] + data[end:]


def splice(rng, data):
    """Put a piece of the file, or junk, somewhere else."""
    begin, end = _span(rng, data)
    piece = rng.choice((data[begin:end], rng.randbytes(rng.randrange(50)), b"\0" * 100, b'"', b"[" * 300, b"NaN"))
    at = rng.randrange(len(data) + 1)
    return data[:at] + piece + data[at:]


def pad(rng, data):
    """Nulls, spaces or a second copy at the end."""
    return data + rng.choice((b"\0" * 4096, b"\n" * 50, data, b"}", b"\x1a"))


def encode(rng, data):
    """Another encoding or other line ends."""
    text = data.decode("utf-8", "replace")
    text = text if rng.random() < 0.7 else text.replace("\n", "\r\n").replace("a", rng.choice("äé日😀"))
    name = rng.choice(
        ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "cp500")
    )
    return text.encode(name, "replace")


def bulk(rng, data):
    """Tens of megabytes of one thing, alone or within the first cell's outputs."""
    unit = rng.choice(
        (b"[[[]]],", b'"",', b"{},", b"1,", b'{"a":1},', b'"line of text\\n",', b'"\\\\",', b" ", b"1", b'"')
    )
    mass = unit * (rng.choice((1, 5, 20)) * 1_000_000 // len(unit))
    at = data.find(b'"outputs": [') + 12
    return rng.choice((mass, b"[" + mass, data[:at] + mass + data[at:], data[:at] + mass.rstrip(b",") + data[at:]))


# --- damage to the JSON tree -----------------------------------------------------------------------------------------

NAMES = (
    "layer",
    "layer-test",
    "setup",
    "written",
    "",
    "x" * 201,
    "\ud800",
    "../../etc",
    None,
    7,
    [],
    {"a": 1},
    "train",
)
SOURCES = (
    "def layer(x, W, bias):\n    return x @ W.T - bias\n",
    "%matplotlib inline\n!ls\nx = 1",
    "%%bash\necho",
    "(" * 500,
    "-" * 50_000 + "1",
    "a," * 60_000,
    "\0\ud800\u202e\x1b[31m",
    "def layer(:",
    "x" + ".y" * 20_000,
    "'" * 3,
    "if 1:\n  train = 2\n" * 2000,
)


def junk(rng, depth=0):
    """Any JSON value."""
    simple = (None, True, -1, 10**400, 1e308, float("nan"), float("-inf"), "", "code", "\ud83d", "a" * 3000, 0, [], {})
    if depth > 3 or rng.random() < 0.6:
        return rng.choice((*simple, *SOURCES[:4]))
    if rng.random() < 0.2:
        return _nested(rng.choice((50, 90, 400)))
    keys = ("cells", "source", "metadata", "nbgrader", "grade_id", "cell_type", "outputs", "tags", "a")
    if rng.random() < 0.5:
        return [junk(rng, depth + 1) for _ in range(rng.randrange(6))]
    return {rng.choice(keys): junk(rng, depth + 1) for _ in range(rng.randrange(6))}


def _nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def _nodes(tree):
    """All (container, key) pairs of a tree."""
    stack, found = [tree], []
    while stack:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        stack += [node[key] for key in keys]
    return found


def confuse(rng, tree):
    """Replace a few nodes by junk."""
    for _ in range(rng.choice((1, 2, 5, 20))):
        nodes = _nodes(tree)
        if nodes:
            container, key = rng.choice(nodes)
            container[key] = junk(rng)


def forget(rng, tree):
    """Delete a few keys or items."""
    for _ in range(rng.choice((1, 3, 20))):
        nodes = _nodes(tree)
        if nodes:
            container, key = rng.choice(nodes)
            del container[key]


def shuffle(rng, tree):
    """Copy, delete, move, split and retype cells."""
    cells = tree.get("cells")
    for _ in range(rng.choice((1, 3, 10, 60))):
        if not isinstance(cells, list) or not cells:
            return
        at, to = rng.randrange(len(cells)), rng.randrange(len(cells))
        cell = json.loads(json.dumps(cells[at]))
        what = rng.randrange(5)
        if what == 0:
            cells.insert(to, cell)
        elif what == 1:
            del cells[at]
        elif what == 2:
            cells.insert(to, cells.pop(at))
        elif isinstance(cell, dict) and what == 3:
            cells[at]["cell_type"] = rng.choice(("markdown", "raw", "code", "heading", 3))
        elif isinstance(cell, dict):
            cells[at]["source"] = str(cell.get("source"))[: rng.randrange(40)]
            cells.insert(at + 1, cell)


def rename(rng, tree):
    """Other names, other sources, no metadata."""
    cells = tree.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and rng.random() < 0.2:
            what = rng.randrange(3)
            if what == 0:
                cell["metadata"] = rng.choice(({}, [], {"nbgrader": {"grade_id": rng.choice(NAMES)}}, {"nbgrader": []}))
            elif what == 1:
                cell["source"] = rng.choice((*SOURCES, [*SOURCES[:2], 3], 5))
            else:
                cell["outputs"] = junk(rng)


def old(rng, tree):
    """nbformat 3."""
    cells = tree.pop("cells", [])
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cell["input"] = cell.pop("source", "")
    tree["worksheets"] = [{"cells": cells}]
    tree["nbformat"] = rng.choice((3, 2, "3", None))


BYTES = (flip, truncate, cut, splice, pad, encode)
TREE = (confuse, forget, shuffle, rename, old)


def damaged(seed, corpus):
    """The bytes of case `seed`, and the names of its damages.

    Parameters
    ----------
    seed : int
    corpus : sequence of bytes, notebooks
    """
    rng = random.Random(seed)
    data, names = rng.choice(corpus), []
    if rng.random() < 0.02:
        return json.dumps(junk(rng)).encode("utf-8", "surrogatepass"), ["junk"]
    if rng.random() < 0.7:
        tree = json.loads(data)
        for change in rng.choices(TREE, k=rng.choice((1, 1, 2, 4))):
            change(rng, tree)
            names.append(change.__name__)
        data = json.dumps(tree, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1)))
        data = data.encode("utf-8", "surrogatepass")
    if not names or rng.random() < 0.3:
        for change in rng.choices(BYTES, k=rng.choice((1, 1, 2, 3))):
            data = change(rng, data)
            names.append(change.__name__)
    if rng.random() < 0.005:
        data, names = bulk(rng, data), [*names, "bulk"]
    return data, names


# --- running ---------------------------------------------------------------------------------------------------------


def corpus_of(assignment):
    """The release and the reference of an assignment, as bytes."""
    notebooks = assignments.release(assignment.notebook), assignment.notebook
    return tuple(nbformat.writes(n).encode("utf-8") for n in notebooks)


def run_case(master, data, check_format=True):
    """Read, plan and rebuild; returns "read", "needs person" or "refused". Raises whatever escapes."""
    try:
        submitted = read_notebook(data, "A1.ipynb")
    except Unreadable as error:
        assert 0 < len(str(error)) < 500 and "\n" not in str(error), "the refusal is not a sentence"
        return "refused"
    plan = make_plan(master, submitted, "student")
    own = [(c.kind, c.name, c.points) for c in plan.cells if c.kind != "extra"]
    assert own == [(c.kind, c.name, c.points) for c in master.cells], "the plan has not the master's cells"
    trusted = [c.source for c in plan.cells if c.origin == "master"]
    assert trusted == [c.source for c in master.cells if c.kind not in ("answer", "written")], (
        "a trusted source changed"
    )
    notebook = rebuild(master, plan)
    if check_format:
        nbformat.validate(notebook)
    json.dumps(plan.to_json()).encode("utf-8")
    return "needs person" if plan.needs_person else "read"


def largest_mb():
    """The largest resident set of this process so far, in MB; None where the platform does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def fuzz(master, corpus, cases, first=0, on_case=None):
    """Run the cases first, ..., first + cases - 1; an interrupt ends the run early.

    Returns
    -------
    Report
    """
    report = Report()
    for change in corpus:
        run_case(master, change)  # so that imports and caches do not count
    begin = largest_mb()
    try:
        for seed in range(first, first + cases):
            _one(report, master, *damaged(seed, corpus), seed)
            if on_case:
                on_case(report)
    except KeyboardInterrupt:
        pass
    report.slowest.sort(reverse=True)
    report.memory_mb = None if begin is None else round(largest_mb() - begin, 1)
    return report


def _one(report, master, data, damages, seed):
    begin = time.process_time()
    try:
        outcome = run_case(master, data, check_format=seed % 10 == 0)
    except Exception as error:  # what escapes is what this program looks for
        outcome = "escaped"
        report.escaped.append({"seed": seed, "damages": damages, "error": f"{type(error).__name__}: {error}"[:300]})
    seconds = time.process_time() - begin
    report.cases += 1
    report.read += outcome in ("read", "needs person")
    report.refused += outcome == "refused"
    report.needs_person += outcome == "needs person"
    report.seconds += seconds
    heapq.heappush(report.slowest, (round(seconds, 3), seed, damages))
    if len(report.slowest) > 5:
        heapq.heappop(report.slowest)


def main():
    """The command line."""
    import click

    @click.command(help=__doc__.partition("\n")[0])
    @click.option("--cases", default=1000, show_default=True, help="How many.")
    @click.option("--seed", default=0, show_default=True, help="The first seed.")
    @click.option("--assignment", default="A1", show_default=True)
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    def command(cases, seed, assignment, as_json):
        from .course import ROOT

        found = assignments.load(ROOT / "solutions" / assignment)
        with click.progressbar(length=cases, file=sys.stderr, label=f"Damaging {assignment}") as bar:
            report = fuzz(master_from_assignment(found), corpus_of(found), cases, seed, lambda _: bar.update(1))
        if as_json:
            click.echo(json.dumps(asdict(report) | {"ok": report.ok}, indent=1))
        else:
            click.echo(
                f"{report.cases} cases: {report.read} read, {report.refused} refused, {len(report.escaped)} escaped; "
                f"slowest {report.slowest[0][0] if report.slowest else 0} s, memory {report.memory_mb} MB."
            )
        sys.exit(0 if report.ok else 1)

    command()


if __name__ == "__main__":
    main()
