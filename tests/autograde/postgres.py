"""A real PostgreSQL server for tests: its own cluster in a temporary folder, on a Unix socket, gone afterwards.

PostgreSQL refuses to run as root; then the cluster belongs to the user postgres or nobody.
"""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

OPTIONS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=40 -c client_min_messages=error"


def available():
    """Whether the server's programs, a user to run them as, and the driver are here."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return False
    return _programs() is not None and (not _root() or _user() is not None)


@contextlib.contextmanager
def server():
    """A running server; gives a function that empties its database and returns the SQLAlchemy URL."""
    programs, user = _programs(), _user() if _root() else None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
    folder.chmod(0o700)
    if user:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(program, *arguments):
        done = subprocess.run([programs / program, *arguments], user=user, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}")

    try:
        run("initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"{OPTIONS} -k {folder}", "start")
        try:
            yield lambda: _emptied(folder)
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _emptied(folder):
    """The one database, emptied: copying PostgreSQL's template for each test would write half a gigabyte."""
    import psycopg

    with psycopg.connect(f"host={folder} user=tests dbname=postgres", autocommit=True) as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> "
        connection.execute(others + "pg_backend_pid()")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return f"postgresql+psycopg://tests@/postgres?host={folder}"


def _root():
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _programs():
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += [Path(p) for p in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def _user():
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
