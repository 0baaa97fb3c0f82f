"""What the reader predicted, kept on the reader's own disk, never graded, and locked once given.

The file is predictions.json in $EDF_HOME, by default the folder .edf-course of the home directory.
"""

import json
import os
from datetime import datetime
from pathlib import Path

from ..errors import DataError


def home():
    """The folder for the reader's own records."""
    return Path(os.environ.get("EDF_HOME") or Path.home() / ".edf-course")


def recall(key):
    """The prediction locked under `key`, a dict with `answer`, `reason` and `when`, or None."""
    return _read().get(key)


def lock(key, answer, reason=""):
    """Record a prediction. The first one stays.

    Raises
    ------
    DataError : a prediction is locked already, or the answer is empty.
    """
    table = _read()
    if key in table:
        raise DataError(f"The prediction {key} is locked: {table[key]['answer']}. To start over: forget({key!r}).")
    if answer in (None, ""):
        raise DataError("Choose or type an answer before locking it.")
    table[key] = {"answer": answer, "reason": reason, "when": datetime.now().isoformat(timespec="minutes")}
    _write(table)
    return table[key]


def forget(key=None):
    """Remove one prediction, or all of them."""
    table = _read()
    _write({k: v for k, v in table.items() if key is not None and k != key})


def _read():
    try:
        table = json.loads((home() / "predictions.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return table if isinstance(table, dict) else {}


def _write(table):
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"predictions.{os.getpid()}.tmp"
    fresh.write_text(json.dumps(table, indent=1), encoding="utf-8")
    fresh.replace(folder / "predictions.json")
