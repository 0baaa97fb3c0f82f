"""The PostgreSQL server of tests/autograde serves here too, also when only this folder is run."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "autograde"))
