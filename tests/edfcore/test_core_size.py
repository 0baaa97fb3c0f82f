"""The core can be read in one sitting, and its README says truly how long that is."""

import re


def lines(root, name):
    return len((root / "edfcore" / name).read_text(encoding="utf-8").splitlines())


def test_graph_axes_and_backend_have_fewer_than_600_lines_together(root):
    told = (root / "edfcore" / "README.md").read_text(encoding="utf-8")
    sizes = {name: lines(root, name) for name in ("backend.py", "axes.py", "graph.py")}
    assert sum(sizes.values()) < 600
    assert {name: int(n) for name, n in re.findall(r"\| `(\w+\.py)` \| (\d+) \|", told)} == sizes
    assert f"**{sum(sizes.values())} lines**" in told
