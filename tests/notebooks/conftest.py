"""What tests of executed lectures ask for."""

import pytest


@pytest.fixture
def executed(runs, lecture):
    """The lecture, executed; not to be changed."""
    return runs.of(lecture, False)


@pytest.fixture
def again(runs, lecture):
    """The same, executed a second time."""
    return runs.of(lecture, True)
