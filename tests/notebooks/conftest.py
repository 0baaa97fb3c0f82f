"""What tests of executed lectures ask for, and how long the lectures took."""

import pytest
from lecture_runs import SECONDS


@pytest.fixture
def executed(runs, lecture):
    """The lecture, executed; not to be changed."""
    return runs.of(lecture, False)


@pytest.fixture
def again(runs, lecture):
    """The same, executed a second time."""
    return runs.of(lecture, True)


def pytest_terminal_summary(terminalreporter):
    if SECONDS:
        terminalreporter.section("lectures: seconds from a clean kernel, two side by side")
        for name, seconds in sorted(SECONDS.items()):
            terminalreporter.write_line(f"{name:<45} {seconds:6.1f}")
        terminalreporter.write_line(f"{'together':<45} {sum(SECONDS.values()):6.1f}")
