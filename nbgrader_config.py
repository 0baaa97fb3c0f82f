"""The repository root is an nbgrader course directory: run `nbgrader ...` here."""

import os
import sysconfig

from autograde.plugin import install

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

# `nbgrader autograde` and formgrader examine as `autograde grade` does; feedback, formgrader's pages and exports
# are safe to open.
install(c)
