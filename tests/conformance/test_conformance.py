"""nbgrader's own tests against the isolated executor and this repository's way of configuring it.

Each test here runs a part of nbgrader's suite, as it lies in the installed package, in a pytest of its own with the
plug-in `conformance.py`. What must differ is in divergences.toml; nothing else may fail, and nothing in the table may
pass.
"""

import os
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import conformance
import pytest

HERE = Path(__file__).resolve().parent
AUTOGRADE = "nbgrader.tests.apps.test_nbgrader_autograde"
QUICK = (
    "test_grade",
    "test_missing_assignment",
    "test_incorrect_source_kernelspec",
)
QUICK_EXACTLY = " or ".join(f"({name} and not {name}_)" for name in QUICK)


@dataclass(frozen=True)
class Ran:
    """What became of the tests of one run: their names by outcome, and what pytest printed."""

    passed: frozenset
    diverged: frozenset
    skipped: frozenset
    code: int
    told: str


@pytest.fixture(scope="session")
def suite(tmp_path_factory):
    """A function that runs a part of nbgrader's suite."""
    builds = tmp_path_factory.mktemp("builds")

    def run(*arguments):
        folder = tmp_path_factory.mktemp("suite")
        (folder / "nbgrader").mkdir()
        (folder / "nbgrader" / "docs").symlink_to(conformance.TESTS.parent / "docs")  # where some tests look for a file
        report = folder / "report.xml"
        command = [sys.executable, "-m", "pytest", "-p", "conformance", "-p", "no:cacheprovider", "-q", "-W", "ignore"]
        command += [f"--builds={builds}", f"--rootdir={folder}", f"--junitxml={report}", *arguments]
        done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True)
        assert report.exists(), done.stdout + done.stderr
        return _read(report, done)

    return run


def _environment(folder):
    """No home but a folder of its own, nbgrader's alembic on PATH, and nothing of the outer run's options."""
    path = [str(HERE), str(HERE.parent / "autograde"), str(HERE.parent.parent)]
    fresh = {"HOME": str(folder), "PYTHONPATH": os.pathsep.join(path), "JUPYTER_PLATFORM_DIRS": "1"}
    fresh |= {"PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]}
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | fresh


def _read(report, done):
    found = {"passed": set(), "skipped": set(), "diverged": set()}
    for case in ET.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        kind = "passed" if skipped is None else "diverged" if skipped.get("type") == "pytest.xfail" else "skipped"
        if case.find("failure") is None and case.find("error") is None:
            found[kind].add(case.get("name"))
    told = (done.stdout + done.stderr)[-6000:]
    return Ran(*(frozenset(found[k]) for k in ("passed", "diverged", "skipped")), done.returncode, told)


def listed(file):
    """The divergences of a file of nbgrader's tests: names of tests."""
    return {name.split("::")[-1] for name in conformance.divergences() if name.startswith(file)}


@pytest.mark.sandbox
def test_a_slice_of_nbgrader_s_autograde_tests_passes(suite):
    ran = suite("--pyargs", AUTOGRADE, "-k", QUICK_EXACTLY)
    assert ran.code == 0, ran.told
    assert ran.passed == set(QUICK)


@pytest.mark.sandbox
@pytest.mark.slow
def test_nbgrader_s_autograde_tests_pass_but_for_the_table(suite):
    ran = suite("--pyargs", AUTOGRADE)
    assert ran.code == 0, ran.told
    assert ran.diverged == listed("apps/test_nbgrader_autograde.py")
    assert ran.skipped == {"test_many_students"}  # it has a test of its own below
    assert "test_infinite_loop_with_output" in ran.passed and len(ran.passed) >= 30


@pytest.mark.slow
@pytest.mark.parametrize("part", ["preprocessors", "api.test_gradebook", "api.test_models", "test_validator"])
def test_other_parts_of_nbgrader_s_tests_pass_whole(suite, part):
    ran = suite("--pyargs", f"nbgrader.tests.{part}")
    assert ran.code == 0, ran.told
    assert ran.passed and not ran.diverged and not ran.skipped


@pytest.mark.sandbox
@pytest.mark.slow
def test_formgrader_s_side_of_autograding_passes(suite):
    ran = suite("--pyargs", "nbgrader.tests.apps.test_api", "-k", "autograde or feedback or submi")
    assert ran.code == 0, ran.told
    assert "test_autograde" in ran.passed
    assert ran.diverged == listed("apps/test_api.py")


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("part", ["test_gradebook", "test_models"])
def test_nbgrader_s_gradebook_tests_pass_on_postgresql(suite, part):
    ran = suite("--postgres", "--pyargs", f"nbgrader.tests.api.{part}")
    assert ran.code == 0, ran.told
    assert ran.passed and not ran.diverged and not ran.skipped


@pytest.mark.sandbox
@pytest.mark.postgres
@pytest.mark.slow
def test_many_students_are_graded_on_a_postgresql_with_few_connections(suite):
    ran = suite("--postgres", "--pyargs", AUTOGRADE, "-k", "test_many_students")
    assert ran.code == 0, ran.told
    assert ran.passed == {"test_many_students"}


def test_every_line_of_the_table_names_a_test_and_says_why():
    for name, reason in conformance.divergences().items():
        file, *_, test = name.split("::")
        assert f"def {test.split('[')[0]}(" in (conformance.TESTS / file).read_text(encoding="utf-8"), name
        assert reason.endswith("."), name


def test_a_divergence_that_is_none_is_an_error(suite, tmp_path, monkeypatch):
    """A table that lists a test which passes makes the run fail."""
    file = "test_validator.py::TestValidator::test_indent"
    table = tmp_path / "divergences.toml"
    table.write_text(f'[[divergence]]\ntest = "{file}"\nreason = "It does not differ."\n')
    monkeypatch.setenv("CONFORMANCE_TABLE", str(table))
    ran = suite("--pyargs", "nbgrader.tests.test_validator", "-k", "test_indent")
    assert ran.code == 1 and "XPASS(strict)" in ran.told
