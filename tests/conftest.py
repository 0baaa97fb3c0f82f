"""What all tests share: a home of their own, and the rule on what may be skipped.

pytest            a stranger's run: what the machine cannot do is skipped, with the reason
pytest --full     CI's run: slow tests too, and a missing system package is a failure instead of a skip
"""

import shutil
import subprocess
from pathlib import Path

import pytest
import told
from hypothesis import HealthCheck, settings

# Everybody runs the same examples; `--hypothesis-profile=explore` looks for new ones.
_patient = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **_patient)
settings.register_profile("explore", max_examples=1000, **_patient)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent
LECTURES = "tests/notebooks/"  # every lecture is executed once for these tests


def pytest_addoption(parser):
    parser.addoption(
        "--full", action="store_true", help="also the slow tests; a missing system package fails instead of skipping"
    )


def _chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _bubblewrap():
    if not shutil.which("bwrap"):
        return None
    probe = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]
    return subprocess.run(probe, capture_output=True).returncode == 0


def _gpu():
    try:
        import cupy

        return cupy.cuda.is_available()
    except ImportError:
        return False


def _postgres():
    from postgres import available  # tests/autograde/postgres.py, on the path by the time this is asked

    return available()


# mark -> whether this machine has it, what is missing, whether --full may not do without
NEEDS = {
    "browser": (_chromium, "a Chromium (Debian: apt-get install chromium)", True),
    "sandbox": (_bubblewrap, "a working bubblewrap (Debian: apt-get install bubblewrap)", True),
    "postgres": (_postgres, "a PostgreSQL server's programs (Debian: apt-get install postgresql)", True),
    "gpu": (_gpu, "a CUDA device and CuPy", False),
}


def pytest_collection_modifyitems(config, items):
    full = config.getoption("--full")
    present = {}
    for item in items:
        for mark, (probe, missing, required) in NEEDS.items():
            if item.get_closest_marker(mark):
                if mark not in present:
                    present[mark] = bool(probe())
                if not present[mark] and full and required:
                    item.add_marker(pytest.mark.xfail(reason=f"missing: {missing}", run=False, strict=True))
                    item.user_properties.append(("missing", missing))
                elif not present[mark]:
                    item.add_marker(pytest.mark.skip(reason=f"needs {missing}"))
        if item.get_closest_marker("slow") and not full:
            item.add_marker(pytest.mark.skip(reason="slow; runs with --full"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n 2`: whole files go to a process, since tests of a file share what is dear to make."""
    from xdist.scheduler import LoadScopeScheduling

    class Rooms(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return LECTURES if path.startswith(LECTURES) or path == "tests/browser/test_lecture_pages.py" else path

    config.option.loadscopereorder = False
    return Rooms(config, log)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = told.tables()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    told.take(getattr(node, "workeroutput", {}).get("told", {}))


def pytest_terminal_summary(terminalreporter):
    for heading, lines in told.tables().items():
        terminalreporter.section(heading)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    missing = dict(item.user_properties).get("missing")
    if missing:
        report = outcome.get_result()
        report.outcome, report.longrepr = "failed", f"--full forbids skipping: this machine lacks {missing}."
        report.__dict__.pop("wasxfail", None)


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory):
    """Nothing that a test does reaches the user's own records, notebooks' settings or IPython history."""
    home = tmp_path_factory.mktemp("home")
    kept = {"EDF_HOME": home / "edf", "IPYTHONDIR": home / "ipython", "JUPYTER_CONFIG_DIR": home / "jupyter"}
    kept |= {"JUPYTER_DATA_DIR": home / "data", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kept.items():
            patch.setenv(name, str(value))
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_blas_thread():
    """As the course's own commands: two threads in each of several processes fight over two cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def root():
    """The repository's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def runs(request):
    """Executed lectures, for all tests that ask for one."""
    from lecture_runs import Runs  # tests/notebooks/lecture_runs.py, on the path by the time this is asked

    made = Runs(request.session.items)
    yield made
    made.pool.shutdown(wait=True, cancel_futures=True)
