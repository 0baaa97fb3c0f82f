"""How fast a class is graded, and in how much memory: `autograde grade` beside stock `nbgrader autograde`.

    python tests/benchmarks/grading.py --json                    200 variations of A1, 20 of them by stock nbgrader too
    python tests/benchmarks/grading.py --students 2000 --json    a large class, ours alone

Stock means nbgrader's own preprocessors and executor, on a course directory of its own with a plain configuration, and
the same notebooks. Ours runs before and after it, on one half of the class each, so that noise of the machine meets
both. From both the time is taken off that they take when nothing is to be done; `ratio_with_our_starts` charges ours,
and not stock, for starting, twice in one class.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograde.course import Course
from autograde.variations import variations

# Grades argv[2:] of the course argv[1] and prints, as its last line, what each examination took.
OURS = """
import json, sys
from autograde.classroom import Classroom
from autograde.pipeline import Options, grade

root, assignment, workers, *students = sys.argv[1:]
options = Options(workers=int(workers), students=tuple(students) or None)
report = grade(Classroom.at(root), assignment, options)
waiting = [s for s, _ in report.needs_person]
print(json.dumps({"each": report.each, "graded": len(report.recorded), "needs_person": waiting}))
"""
PLAIN = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.Execute.timeout = 120
"""


@dataclass(frozen=True)
class Measured:
    """One command: wall seconds, peak memory of it and all that it started in MB (PSS), and what it printed last."""

    seconds: float
    peak_mb: float
    last: str


def measure(command, folder):
    """Run a command and watch its memory.

    Raises
    ------
    SystemExit : it failed; with the end of what it printed.
    """
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "JUPYTER_PLATFORM_DIRS": "1"}
    environment["PATH"] = sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]  # nbgrader looks for alembic
    with tempfile.TemporaryFile("w+") as errors:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        with _watching(process.pid) as peak:
            printed, _ = process.communicate()
        seconds = time.monotonic() - begun
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command[:4])} ended with {process.returncode}:\n{errors.read()[-3000:]}")
    return Measured(seconds, max(peak) / 2**20, printed.strip().rpartition("\n")[2])


@contextlib.contextmanager
def _watching(pid, every=0.5):
    """Sample the memory of a process and its descendants, in bytes, into the list that this gives."""
    found, done = [0], threading.Event()

    def watch():
        while not done.wait(every):
            found.append(sum(map(_pss, _family(pid))))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def _family(root):
    """The process and its descendants."""
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    family, waiting = [], [root]
    while waiting:
        family.append(waiting.pop())
        waiting += children.get(family[-1], [])
    return family


def _pss(pid):
    """Bytes of memory, shared pages divided among those that share them; anonymous memory where that is not told."""
    for name, field in (("smaps_rollup", "Pss:"), ("status", "RssAnon:")):
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int(Path(f"/proc/{pid}/{name}").read_text().split(field)[1].split()[0]) * 1024
    return 0


# --- the class


def make_course(folder, assignment, n, seed):
    """A course directory with the release and `n` submissions: the Course, and the students' names."""
    course, names = Course(folder, assignment), []
    released = course.release()
    for student, notebook, _ in variations(course.assignment, n, seed):
        place = course.root / "submitted" / student / assignment
        shutil.copytree(released, place)
        nbformat.write(notebook, place / f"{assignment}.ipynb")
        names.append(student)
    return course, names


def stock_copy(course, folder, students):
    """A course directory for stock nbgrader with some of those submissions, and its own gradebook."""
    shutil.copytree(course.root / "solutions", folder / "solutions")
    (folder / "nbgrader_config.py").write_text(PLAIN)
    for private in ("bank", "exercises.toml"):  # stock would take them for files to release
        path = folder / "solutions" / course.name / private
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    measure([sys.executable, "-m", "nbgrader", "generate_assignment", course.name, "--create", "--force"], folder)
    for student in students:
        shutil.copytree(course.root / "submitted" / student, folder / "submitted" / student)
    return folder


def ours(course, workers, students=()):
    """Grade by the pipeline: (Measured, what it printed)."""
    command = [sys.executable, "-c", OURS, str(course.root), course.name, str(workers), *students]
    found = measure(command, course.root)
    return found, json.loads(found.last)


def stock(folder, assignment):
    """Grade by stock nbgrader: (seconds, seconds when nothing is to be done)."""
    command = [sys.executable, "-m", "nbgrader", "autograde", assignment]
    return measure(command, folder).seconds, measure(command, folder).seconds


# --- what is reported


def compare(assignment, n, stock_n, workers, seed, cold_n):
    """Throughput of both, memory of ours, and the time of one submission cold and warm."""
    with tempfile.TemporaryDirectory(prefix="edf-bench-") as folder:
        course, names = make_course(Path(folder) / "ours", assignment, n, seed)
        sample = names[:: max(1, n // stock_n)][:stock_n]
        plain = Path(folder) / "stock"
        plain.mkdir()
        stock_copy(course, plain, sample)
        ours(course, 1, names[:1])  # makes the grading builds, as the first run of a term does
        shutil.rmtree(course.root / ".autograde" / "spool")
        (course.root / "gradebook.db").unlink()
        halves = names[: n // 2], names[n // 2 :]
        first, told_first = ours(course, workers, halves[0])
        seconds, idle = stock(plain, assignment)
        second, told_second = ours(course, workers, halves[1])
        idle_ours = ours(course, workers, halves[1])[0].seconds
        cold = [ours_alone(course, name) for name in names[:: max(1, n // cold_n)][:cold_n]]
    each = sorted([*told_first["each"].values(), *told_second["each"].values()])
    spent = first.seconds + second.seconds
    ours_per_s, stock_per_s = n / (spent - 2 * idle_ours), len(sample) / (seconds - idle)
    return {
        "stock_per_s": round(stock_per_s, 4),
        "ours_per_s": round(ours_per_s, 4),
        "ratio": round(ours_per_s / stock_per_s, 2),
        "ratio_with_our_starts": round(n / spent / stock_per_s, 2),
        "peak_mb": round(max(first.peak_mb, second.peak_mb), 1),
        "p50_cold_s": round(_percentile(cold, 50), 3),
        "p95_cold_s": round(_percentile(cold, 95), 3),
        "p50_warm_s": round(_percentile(each, 50), 3),
        "p95_warm_s": round(_percentile(each, 95), 3),
        "n": n,
        "stock_n": len(sample),
        "cold_n": len(cold),
        "workers": workers,
        "ours_idle_s": round(idle_ours, 2),
        "ours_s": [round(first.seconds, 2), round(second.seconds, 2)],
        "stock_s": round(seconds, 2),
        "stock_idle_s": round(idle, 2),
        "needs_person": sorted({*told_first["needs_person"], *told_second["needs_person"]}),
        "machine": machine(),
    }


def ours_alone(course, student):
    """Seconds for one submission from nothing: a fresh interpreter, no warm process, an empty gradebook."""
    (course.root / "gradebook.db").unlink()
    return ours(course, 1, (student,))[0].seconds


def large_class(assignment, students, workers, seed):
    """Time, memory and sizes on disk of a large class."""
    with tempfile.TemporaryDirectory(prefix="edf-bench-") as folder:
        course, _ = make_course(Path(folder) / "ours", assignment, students, seed)
        (course.root / "gradebook.db").unlink()
        found, told = ours(course, workers)
        sizes = {"database_mb": "gradebook.db", "autograde_mb": ".autograde", "autograded_mb": "autograded"}
        sizes = {name: round(_size(course.root / path) / 2**20, 1) for name, path in sizes.items()}
    each = sorted(told["each"].values())
    return sizes | {
        "students": students,
        "graded": told["graded"],
        "needs_person": len(told["needs_person"]),
        "seconds": round(found.seconds, 1),
        "ours_per_s": round(students / found.seconds, 4),
        "peak_mb": round(found.peak_mb, 1),
        "p50_warm_s": round(_percentile(each, 50), 3),
        "p95_warm_s": round(_percentile(each, 95), 3),
        "workers": workers,
        "machine": machine(),
    }


def _percentile(values, percent):
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _size(path):
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file() and not p.is_symlink())


def machine():
    """The machine, as far as times depend on it."""
    with contextlib.suppress(OSError, IndexError):
        model = Path("/proc/cpuinfo").read_text().split("model name")[1].split(":")[1].split("\n")[0].strip()
        cores = len(os.sched_getaffinity(0))
        return {"cpu": model, "cores": cores, "python": platform.python_version(), "load": os.getloadavg()[0]}
    return {"cpu": platform.processor(), "cores": os.cpu_count(), "python": platform.python_version()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--assignment", default="A1")
    parser.add_argument("--n", type=int, default=200, help="submissions graded by ours; default 200")
    parser.add_argument("--stock", type=int, default=20, help="how many of them stock nbgrader grades; default 20")
    parser.add_argument("--cold", type=int, default=10, help="how many are graded alone, from nothing; default 10")
    parser.add_argument("--students", type=int, help="instead: a class of this size, ours alone")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.students:
        found = large_class(options.assignment, options.students, options.workers, options.seed)
    else:
        about = (options.n, options.stock, options.workers, options.seed, options.cold)
        found = compare(options.assignment, *about)
    print(json.dumps(found, indent=1) if options.json else "\n".join(f"{k:14} {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
