"""The core can be read in one sitting."""

from pathlib import Path

import edfcore


def test_graph_axes_and_backend_have_fewer_than_600_lines_together():
    folder = Path(edfcore.__file__).parent
    lengths = {name: len((folder / name).read_text().splitlines()) for name in ("graph.py", "axes.py", "backend.py")}
    assert sum(lengths.values()) < 600, lengths
