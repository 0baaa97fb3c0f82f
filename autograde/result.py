"""What an examination found: plain data that can be spooled, sent between machines, recorded and shown.

All text in it is capped and still hostile: it comes from the student's code and may hold HTML or control characters.
"""

from dataclasses import asdict, dataclass

VERDICTS = ("passed", "partial", "failed", "unexamined")
REASONS = ("", "wrong", "raised", "time", "memory", "crash", "missing", "error")


@dataclass(frozen=True)
class TestResult:
    """The outcome of one test cell.

    name : str, grade_id of the test cell
    exercise : str or None, the exercise that it belongs to
    points : float, or None where it could not be examined and a person must
    max_points : float
    verdict : one of VERDICTS
    reason : one of REASONS: why points were lost. "missing": a name that the answer must define is not there;
        "error": the examination itself failed
    category : str, of a hidden test
    message : str, what the student may read
    """

    __test__ = False  # not a test of pytest's

    name: str
    exercise: str | None
    points: float | None
    max_points: float
    verdict: str
    reason: str = ""
    category: str = ""
    message: str = ""


@dataclass(frozen=True)
class CellOutput:
    """What a cell of the plan gave: `index` in plan.cells, its name, and its outputs as dicts (see the README)."""

    index: int
    name: str | None
    outputs: tuple[dict, ...] = ()


@dataclass(frozen=True)
class Result:
    """The examination of one notebook of one student.

    plan, master : str, digests of what was handed in and of what it was examined against
    key : str, digest of everything that the grade depends on
    assurance : "isolated", or "unsafe" where there was no sandbox
    needs_person : str or None, a sentence on why no grade can stand
    flags : tuple of str, tripwires and accidents
    seconds : dict, wall time by stage
    """

    assignment: str
    notebook: str
    student: str
    plan: str
    master: str
    key: str
    assurance: str
    needs_person: str | None = None
    flags: tuple[str, ...] = ()
    seconds: dict | None = None
    tests: tuple[TestResult, ...] = ()
    cells: tuple[CellOutput, ...] = ()

    @property
    def points(self):
        """The points of all test cells, or None where one needs a person."""
        if self.needs_person or any(t.points is None for t in self.tests):
            return None
        return sum(t.points for t in self.tests)

    def to_json(self):
        """The result as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data):
        """The inverse of `to_json`.

        Raises
        ------
        ValueError : the data is not that of a result.
        """
        try:
            fields = dict(data)
            fields["tests"] = tuple(TestResult(**t) for t in fields["tests"])
            fields["cells"] = tuple(CellOutput(c["index"], c["name"], tuple(c["outputs"])) for c in fields["cells"])
            fields["flags"] = tuple(fields["flags"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is not an examination's result: {error}") from None
