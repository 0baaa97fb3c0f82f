"""What this machine has and lacks for the course, each with its fix."""

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass

from . import blas
from .errors import EdfError
from .gpu import health

COURSE = ("numpy", "jupyterlab", "nbgrader", "nbclient", "ipywidgets", "matplotlib")
INSTALL = 'python -m pip install -e ".[course]"'


@dataclass(frozen=True)
class Finding:
    """One line of the report; `status` is "ok" or "missing"."""

    name: str
    status: str
    found: str
    fix: str = ""
    optional: bool = False

    def as_dict(self):
        """The finding as plain values."""
        return asdict(self)


def examine(course_root):
    """Every finding, in the order a reader wants them."""
    findings = [_python(), *(_package(name) for name in COURSE), _blas(), _mnist(), _course(course_root)]
    return [*findings, _disk(), *_gpu(), _sandbox()]


def _python():
    version = platform.python_version()
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    fix = "" if good else "Install Python 3.11, 3.12 or 3.13 and make the virtual environment with it."
    return Finding("Python", "ok" if good else "missing", f"{version} on {platform.system()} {platform.machine()}", fix)


def _package(name):
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", INSTALL)


def _blas():
    import numpy  # noqa: F401 - loads the library that is examined

    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return Finding("BLAS", "missing", "threadpoolctl is not installed", INSTALL)
    pools = [p for p in threadpool_info() if p["user_api"] == "blas"]
    if not pools:
        return Finding("BLAS", "ok", "one that threadpoolctl does not know", optional=True)
    told = (
        f"{p['internal_api']} {p.get('version', '')}, kernel {p.get('architecture', '?')}, threads: {p['num_threads']}"
        for p in pools
    )
    better, fix = blas.advice()
    return Finding("BLAS", "ok", "; ".join([*dict.fromkeys(told), *([better] if better else [])]), fix)


def _mnist():
    from .data import mnist

    try:
        shapes = [mnist.read_idx(name).shape for name in mnist.SHA256]
    except EdfError as error:
        return Finding("MNIST", "missing", str(error), "git checkout -- edfcore/data/mnist")
    return Finding("MNIST", "ok", f"{shapes[0][0]} + {shapes[2][0]} images, SHA-256 verified")


def _course(course_root):
    try:
        return Finding("lectures", "ok", str(course_root()))
    except EdfError as error:
        return Finding("lectures", "missing", str(error), "cd into the cloned repository")


def _disk():
    free = shutil.disk_usage(".").free / 1e9
    fix = "" if free > 1 else "Free at least 1 GB; executed notebooks and feedback need room."
    return Finding("disk", "ok" if free > 1 else "missing", f"{free:.0f} GB free", fix)


def _gpu():
    """A finding for each part that a GPU needs; none of them has to be there."""
    for name, well, found, fix in health.examine():
        yield Finding(name, "ok" if well else "missing", found, fix, optional=True)


def _sandbox():
    """Whether unprivileged Linux namespaces work here, which the isolated executor needs; students need none."""
    name = "sandbox"
    if platform.system() != "Linux":
        return Finding(name, "missing", "Linux namespaces only", "Grade on Linux or in a container.", optional=True)
    bwrap = shutil.which("bwrap")
    if not bwrap:
        return Finding(name, "missing", "bubblewrap is not installed", "apt-get install bubblewrap", optional=True)
    probe = [bwrap, "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]
    done = subprocess.run(probe, capture_output=True, text=True)
    if done.returncode:
        fix = "Allow unprivileged user namespaces (kernel.unprivileged_userns_clone, AppArmor), or grade elsewhere."
        return Finding(name, "missing", f"bubblewrap fails: {done.stderr.strip()}", fix, optional=True)
    return Finding(name, "ok", "bubblewrap works", optional=True)
