"""The repository root is an nbgrader course directory: run `nbgrader ...` here."""

import os
import sysconfig

c = get_config()  # noqa: F821

# nbgrader looks for alembic on PATH when it makes a gradebook; it lies beside the Python that runs nbgrader.
os.environ["PATH"] = sysconfig.get_path("scripts") + os.pathsep + os.environ.get("PATH", "")
# Small networks run fastest on one BLAS thread, and several kernels at once would fight over the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

c.CourseDirectory.course_id = "edf"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# What lies beside a source notebook and must never reach a student.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "bank", "exercises.toml", "README.md"]

c.ClearSolutions.code_stub = {"python": '# YOUR ANSWER HERE\nraise NotImplementedError("Your answer goes here.")'}
# A warning or a progress bar on stderr is not a mistake; nbgrader would take all points of the cell for it.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"(?s).*"
c.Execute.timeout = 120  # seconds for one cell; the slowest of A1 trains on MNIST for about one
