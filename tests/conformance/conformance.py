"""A plug-in for pytest that runs nbgrader's own tests, as they come with it, against the isolated executor.

    pytest -p conformance --builds DIR --pyargs nbgrader.tests.apps.test_nbgrader_autograde

- Each test's own nbgrader_config.py begins with the call that a course's has: `install(c)`.
- A test listed in divergences.toml must fail; one that passes is an error, and so is one that does not exist.
- With --postgres, what asks for a database in memory gets a new one on a real PostgreSQL server.
- The two tests that skip themselves run: their `pytest.skip` does nothing.
"""

import contextlib
import functools
import os
import tomllib
import uuid
from pathlib import Path

import nbgrader.tests
import pytest

TESTS = Path(nbgrader.tests.__file__).resolve().parent
TABLE = Path(os.environ.get("CONFORMANCE_TABLE") or Path(__file__).with_name("divergences.toml"))
MEMORY = "sqlite:///:memory:"
WRITTEN_IN = "postgresql://localhost:5432/gradebook"  # by test_many_students
UNSKIPPED = ("test_many_students", "test_infinite_loop_with_output")
CONFIGURATION = """
from autograde.plugin import install

install(c)
c.IsolatedExecute.builds = {builds!r}
"""


def pytest_addoption(parser):
    parser.addoption("--builds", required=True, help="folder for grading builds of edfcore")
    parser.addoption("--postgres", action="store_true", help="databases on a real PostgreSQL server")


def pytest_configure(config):
    from nbgrader import api
    from traitlets.config import Config

    from autograde.plugin import install

    install(Config())  # for tests that have no nbgrader_config.py
    api.get_alembic_version = functools.cache(api.get_alembic_version)  # it starts a process for each new gradebook
    if config.getoption("--postgres"):
        import postgres

        stack = contextlib.ExitStack()
        config.stash[SERVER] = stack, stack.enter_context(postgres.server())()
        _on_postgres(config.stash[SERVER][1])


SERVER = pytest.StashKey()


def pytest_unconfigure(config):
    if SERVER in config.stash:
        config.stash[SERVER][0].close()


# --- divergences -----------------------------------------------------------------------------------------------------


def divergences():
    """The table: test's name below nbgrader/tests -> reason."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8")).get("divergence", ())
    return {row["test"]: row["reason"] for row in rows}


def name_of(item):
    """`apps/test_x.py::TestX::test_y[z]`, wherever nbgrader is installed."""
    path = item.path.resolve().relative_to(TESTS).as_posix()
    return "::".join([path, *item.nodeid.split("::")[1:]])


def pytest_itemcollected(item):
    reason = divergences().get(name_of(item))
    if reason:
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


# --- configuration ---------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _configured(request):
    """What a course's nbgrader_config.py says comes first, and what the test appends to it after that."""
    if "temp_cwd" in request.fixturenames:
        folder = Path(request.getfixturevalue("temp_cwd"))
        with open(folder / "nbgrader_config.py", "a") as file:
            file.write(CONFIGURATION.format(builds=str(request.config.getoption("--builds"))))


class _Unskipping:
    """Stands for the module pytest in a test module."""

    def __getattr__(self, name):
        return getattr(pytest, name)

    def skip(self, reason):
        pass


@pytest.fixture(autouse=True)
def _unskipped(request, monkeypatch):
    if request.node.name in UNSKIPPED:
        monkeypatch.setattr(request.module, "pytest", _Unskipping())


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _new_schema(url, then=""):
    """The URL of a new, empty schema of the database: a test may hold two gradebooks at once."""
    import sqlalchemy

    name = f"s{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"{then} CREATE SCHEMA {name} {'AUTHORIZATION course' if then else ''}"))
    engine.dispose()
    return f"{url}&options=-csearch_path%3D{name}"


def _on_postgres(url):
    """Whatever asks for a database in memory gets a new schema on the server."""
    import sqlalchemy
    from nbgrader import api

    ordinary = sqlalchemy.create_engine

    def for_gradebook(asked, *args, **kwargs):
        return ordinary(_new_schema(url) if asked == MEMORY else asked, *args, **kwargs)

    def for_tests(asked, *args, **kwargs):
        """With the course in it that tests of the bare tables refer to: unlike SQLite, PostgreSQL asks for it."""
        engine = for_gradebook(asked, *args, **kwargs)
        if asked == MEMORY:
            api.Base.metadata.create_all(bind=engine)
            with engine.begin() as connection:
                connection.execute(sqlalchemy.insert(api.Course).values(id="default_course"))
        return engine

    sqlalchemy.create_engine, api.create_engine = for_tests, for_gradebook


@pytest.fixture(autouse=True)
def _few_connections(request, monkeypatch):
    """For test_many_students: a database that admits five connections, as its author asks for."""
    if request.node.name != "test_many_students":
        return
    if SERVER not in request.config.stash:
        pytest.skip("needs --postgres")
    _, url = request.config.stash[SERVER]
    with open(Path(request.getfixturevalue("temp_cwd")) / "nbgrader_config.py", "a") as file:
        file.write('c.CourseDirectory.course_id = "default_course"\n')  # PostgreSQL asks for a course with a name
    monkeypatch.setattr(request.module, "run_nbgrader", _redirected(request.module.run_nbgrader, _limited(url)))


def _limited(url):
    """The URL of a new schema for a user who may have five connections."""
    return _new_schema(url, "CREATE ROLE course LOGIN CONNECTION LIMIT 5;").replace("tests@", "course@")


def _redirected(ordinary, url):
    """run_nbgrader with another database, and `--duedate` in front of its value instead of in front of `--db`."""

    def run_nbgrader(args, **kwargs):
        args = [url if a == WRITTEN_IN else a for a in args]
        if "--duedate" in args and args[args.index("--duedate") + 1] == "--db":
            args.remove("--duedate")
            args.insert(-1, "--duedate")
        return ordinary(args, **kwargs)

    return run_nbgrader
