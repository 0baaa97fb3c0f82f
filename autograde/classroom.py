"""A course directory as the grader sees it: where things are, nbgrader's configuration, the course's secret."""

import contextlib
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import nbformat

from . import assignment as assignments
from .errors import AutogradeError
from .plan import master_from_assignment, master_from_notebook
from .read import read_folder


@dataclass(frozen=True)
class Classroom:
    """An nbgrader course directory.

    root : Path, the folder of nbgrader_config.py
    """

    root: Path

    @classmethod
    def at(cls, root=None):
        """The course directory at `root`, or the nearest one above the current folder.

        Raises
        ------
        AutogradeError : there is none.
        """
        start = Path(root or ".").resolve()
        for folder in (start, *(() if root else start.parents)):
            if (folder / "nbgrader_config.py").is_file():
                return cls(folder)
        raise AutogradeError(
            f"{start} is no course directory: no nbgrader_config.py is there. Go to the course's folder, or use --root."
        )

    @cached_property
    def config(self):
        """nbgrader's configuration, as traitlets have it."""
        from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

        try:
            return PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
        except ConfigFileNotFound as error:
            raise AutogradeError(f"{self.root} is no course directory: {error}.") from None
        except Exception as error:  # whatever the instructor's Python file raises
            raise AutogradeError(
                f"{self.root / 'nbgrader_config.py'} does not load: {type(error).__name__}: {error}"
            ) from error

    def _setting(self, name, default):
        return self.config.get("CourseDirectory", {}).get(name, default)

    @property
    def course_id(self):
        """nbgrader's id of the course."""
        return self._setting("course_id", "") or "default_course"

    @property
    def db_url(self):
        """The gradebook, as SQLAlchemy's URL."""
        return os.environ.get("AUTOGRADE_DB") or self._setting("db_url", f"sqlite:///{self.root / 'gradebook.db'}")

    @property
    def shown_db_url(self):
        """The gradebook's URL without its password."""
        from sqlalchemy.engine import make_url

        return make_url(self.db_url).render_as_string(hide_password=True)

    def folder(self, step):
        """The folder of one of nbgrader's steps: source, release, submitted, autograded or feedback."""
        default = {"source": "source", "release": "release"}.get(step, step)
        return self.root / self._setting(f"{step}_directory", default)

    @property
    def private(self):
        """The grader's own folder, for its owner alone."""
        path = self.root / ".autograde"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def secret(self):
        """The course's secret, 32 bytes, made on first use. Hidden inputs are drawn from it.

        Raises
        ------
        AutogradeError : the file is there and is not 32 bytes.
        """
        path = self.private / "secret"
        if not path.exists():
            fresh = self.private / f"secret.{os.getpid()}"
            try:
                with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(32))
                    file.flush()
                    os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):
                    os.link(fresh, path)  # never over one that is there
            except OSError as error:
                raise AutogradeError(f"The course's secret cannot be written to {path}: {error.strerror}.") from None
            finally:
                fresh.unlink(missing_ok=True)
        found = path.read_bytes()
        if len(found) != 32:
            raise AutogradeError(
                f"{path} is damaged: it must hold 32 bytes. Restore it, or move it away for a new one."
            )
        return found

    # assignments and submissions

    def master(self, name):
        """The Master of an assignment, and the folder that its locked cells run in.

        Raises
        ------
        AutogradeError : there is no such assignment.
        """
        source = self.folder("source") / name
        if (source / "exercises.toml").is_file():
            return master_from_assignment(assignments.load(source), self._released(name, name)), source
        notebooks = sorted(source.glob("*.ipynb"))
        if len(notebooks) == 1:
            notebook, stem = nbformat.read(notebooks[0], as_version=4), notebooks[0].stem
            return master_from_notebook(notebook, name, stem, self._released(name, stem)), source
        there = sorted(p.name for p in self.folder("source").glob("*/") if list(p.glob("*.ipynb")))
        found = f"{len(notebooks)} notebooks" if notebooks else "no notebook"
        raise AutogradeError(
            f"{source} has {found}; an assignment here has one. There are: {', '.join(there) or 'none'}."
        )

    def _released(self, name, notebook):
        """The notebook as students got it, or None where there is no release."""
        path = self.folder("release") / name / f"{notebook}.ipynb"
        return nbformat.read(path, as_version=4) if path.is_file() else None

    def handed_out(self, master):
        """The files that students got beside the notebook, by name; without the expected values of the checks."""
        folder = self.folder("release") / master.assignment
        found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()) if folder.is_dir() else []
        kept = [p for p in found if p.suffix != ".ipynb" and not p.name.endswith(".checks.json") and p.name[0] != "."]
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in kept}

    def students(self, assignment):
        """Those who handed in the assignment, by name."""
        submitted = self.folder("submitted")
        if not submitted.is_dir():
            return []
        return sorted(p.name for p in submitted.iterdir() if (p / assignment).exists() or (p / assignment).is_symlink())

    def handed_in(self, master, student, known, untouched):
        """What a student handed in: see `read.read_folder`."""
        return read_folder(self.folder("submitted") / student / master.assignment, master.notebook, known, untouched)

    def received(self, assignment, student):
        """When the submission came in: from the collector's record, else nbgrader's timestamp.txt, else None."""
        found = self._collected(assignment).get(student)
        if found is not None:
            return found
        path = self.folder("submitted") / student / assignment / "timestamp.txt"
        return _timestamp(path)

    def _collected(self, assignment):
        """Times of receipt by student, from the collector's history, which is read once for each state of it."""
        from .collect import received_times

        path = self.root / ".autograde" / "collected" / f"{assignment}.json"
        try:
            state = path.stat()
            key = (assignment, state.st_mtime_ns, state.st_size)
            if key not in self._times:
                self._times.clear()
                self._times[key] = received_times(self.root, assignment)
            return self._times[key]
        except (AutogradeError, OSError):
            return {}

    @cached_property
    def _times(self):
        return {}

    def late_penalty(self):
        """nbgrader's configured rule for late work: a function (student, score, seconds late) -> points or None."""
        from nbgrader.preprocessors import AssignLatePenalties

        preprocessor = AssignLatePenalties(config=self.config)
        preprocessor.init_plugin()
        return preprocessor.plugin_inst.late_submission_penalty


def _timestamp(path):
    """The time in a timestamp.txt, or None; anything but a plain recent time is no time."""
    import dateutil.parser

    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))) as file:
            text = file.read(200).strip()
        found = dateutil.parser.parse(text)
    except (OSError, ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def now():
    """This moment, in UTC."""
    return datetime.now(UTC)
