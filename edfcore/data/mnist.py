"""The whole MNIST data set of handwritten digits, shipped with the package (see mnist/README.md beside it).

60,000 training and 10,000 test images of 28 x 28 pixels (LeCun, Bottou, Bengio & Haffner 1998). Each load
verifies the SHA-256 of the uncompressed files, so a damaged copy is an error and never a wrong result.
"""

import gzip
import hashlib
import struct
from dataclasses import dataclass
from functools import cache
from math import isqrt
from pathlib import Path

import numpy as np

from ..errors import DataError, ShapeError

FOLDER = Path(__file__).parent / "mnist"
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True)
class Mnist:
    """Images as rows of 784 pixels from 0 (paper) to 1 (ink), labels as digits 0 to 9."""

    train_images: np.ndarray  # (60000, 784)
    train_labels: np.ndarray  # (60000,)
    test_images: np.ndarray  # (10000, 784)
    test_labels: np.ndarray  # (10000,)


def load(dtype="float32"):
    """The data set, read-only; the second call returns the same arrays.

    Parameters
    ----------
    dtype : "float32" (188 MB) or "float64" (376 MB), the pixels' type

    Returns
    -------
    Mnist

    Raises
    ------
    DataError : a file is missing or damaged, or the dtype is another one.
    """
    if not isinstance(dtype, (str, type)) or dtype not in ("float32", "float64", np.float32, np.float64):
        raise DataError(f"MNIST: pixels from 0 to 1 need the dtype 'float32' or 'float64', not {dtype!r}.")
    return _load(np.dtype(dtype))


@cache
def _load(dtype):
    parts = (_images("train", dtype), _labels("train"), _images("t10k", dtype), _labels("t10k"))
    for array in parts:
        array.setflags(write=False)
    return Mnist(*parts)


def _images(part, dtype):
    pixels = read_idx(f"{part}-images-idx3-ubyte")
    return np.multiply(pixels.reshape(len(pixels), 784), dtype.type(1 / 255), dtype=dtype)


def _labels(part):
    return read_idx(f"{part}-labels-idx1-ubyte").astype(np.int64)


def read_idx(name, folder=FOLDER):
    """One of the four files as an array of bytes, verified.

    Raises
    ------
    DataError : the file is missing, cannot be decompressed, or its contents are not the published ones.
    """
    path = Path(folder) / f"{name}.gz"
    mend = "Restore it: git checkout -- edfcore/data/mnist, or install the course again."
    try:
        raw = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"MNIST: {path} is missing. {mend}") from None
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise DataError(f"MNIST: {path} is damaged ({error}). {mend}") from None
    if hashlib.sha256(raw).hexdigest() != SHA256[name]:
        raise DataError(f"MNIST: the contents of {path} are not the published ones (SHA-256 differs). {mend}")
    ndim = raw[3]
    shape = struct.unpack(f">{ndim}I", raw[4 : 4 + 4 * ndim])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def halved(images):
    """Digits of half the height and width: each pixel is the mean of a block of 2 x 2.

    Parameters
    ----------
    images : array (N, side * side), side even; (N, 784) gives (N, 196)

    Raises
    ------
    ShapeError : the rows are no squares of even side.
    """
    side = isqrt(np.shape(images)[-1])
    if side % 2 or side * side != np.shape(images)[-1]:
        raise ShapeError(f"halved: rows of {np.shape(images)[-1]} pixels are no squares of even side, such as 28 x 28.")
    return np.reshape(images, (-1, side // 2, 2, side // 2, 2)).mean(axis=(2, 4)).reshape(-1, side * side // 4)
