"""The pictures of the README, drawn by the library itself: python -m edfcore.figures.readme lectures/pictures"""

import sys
from pathlib import Path

import numpy as np

from .microscope import microscope_figure


def pictures():
    """File name and Figure of each picture."""
    x = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 3.0], [2.0, 1.0, -1.0], [0.0, 4.0, 1.0]])
    W = np.array([[1.0, -2.0], [0.5, 3.0], [2.0, 1.0]])
    return {"microscope.png": microscope_figure(x, W, b=1, j=1)}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures().items():
        (folder / name).write_bytes(picture.png())
