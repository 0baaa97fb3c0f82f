"""The data set is the published one, and a copy that is not says so."""

import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.data import halved, load_mnist
from edfcore.data.mnist import FOLDER, SHA256, read_idx
from edfcore.errors import ShapeError

SMALL = "t10k-labels-idx1-ubyte"
PACKED = (FOLDER / f"{SMALL}.gz").read_bytes()
# The digits' counts are those that LeCun's page and most papers on MNIST give.
TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.mark.parametrize("name", SHA256)
def test_each_file_has_the_hash_that_the_readme_prints(name):
    digest = hashlib.sha256(gzip.decompress((FOLDER / f"{name}.gz").read_bytes())).hexdigest()
    assert digest == SHA256[name]
    assert f"| {name} | {digest} |" in (FOLDER / "README.md").read_text()


def test_counts_of_digits_and_moments_of_pixels_are_the_published_ones(mnist):
    assert np.bincount(mnist.train_labels).tolist() == TRAIN
    assert np.bincount(mnist.test_labels).tolist() == TEST
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert (mnist.train_images.shape, mnist.test_images.shape) == ((60000, 784), (10000, 784))
    mean = mnist.train_images.mean(dtype="float64")
    square = np.einsum("bi,bi->", mnist.train_images, mnist.train_images, dtype="float64") / mnist.train_images.size
    assert (round(mean, 4), round(float(np.sqrt(square - mean**2)), 4)) == (0.1307, 0.3081)


def test_pixels_run_from_0_to_1_and_cannot_be_written_to(mnist):
    assert (mnist.test_images.min(), mnist.test_images.max(), mnist.test_images.dtype) == (0, 1, "float32")
    for array in (mnist.train_images, mnist.train_labels, mnist.test_images, mnist.test_labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_second_load_gives_the_same_arrays(mnist):
    assert load_mnist() is mnist
    assert load_mnist("float32") is mnist
    assert load_mnist(dtype="float32") is mnist


@pytest.mark.parametrize("dtype", ["int32", "pixels"])
def test_a_type_that_cannot_hold_pixels_is_a_sentence(dtype):
    with pytest.raises(edf.DataError, match=dtype):
        load_mnist(dtype)


def complaint(folder, packed=None):
    """What read_idx says of a folder whose only file holds these bytes."""
    if packed is not None:
        (folder / f"{SMALL}.gz").write_bytes(packed)
    with pytest.raises(edf.DataError) as caught:
        read_idx(SMALL, folder)
    message = str(caught.value)
    assert f"{SMALL}.gz" in message and message.endswith("or install the course again.")
    return message


def test_an_intact_copy_is_read(tmp_path):
    (tmp_path / f"{SMALL}.gz").write_bytes(PACKED)
    labels = read_idx(SMALL, tmp_path)
    assert (labels.shape, labels.dtype, labels[:4].tolist()) == ((10000,), "uint8", [7, 2, 1, 0])


def test_a_missing_file_is_a_sentence(tmp_path):
    assert "is missing" in complaint(tmp_path)


@pytest.mark.parametrize("kept", [1, 10, 17, 1000, len(PACKED) - 9, len(PACKED) - 1])
def test_a_truncated_file_is_a_sentence(kept, tmp_path):
    assert "is damaged" in complaint(tmp_path, PACKED[:kept])


@pytest.mark.parametrize(
    "packed, word",
    [
        (b"", "not the published ones"),
        (b"<html>404 Not Found</html>", "is damaged"),
        (gzip.compress(b"\x00\x00\x08\x01" + bytes(20)), "not the published ones"),
        (PACKED + b"more", "is damaged"),
    ],
    ids=["empty", "web page", "other labels", "tail"],
)
def test_another_file_is_a_sentence(packed, word, tmp_path):
    assert word in complaint(tmp_path, packed)


@given(at=st.integers(0, len(PACKED) - 1), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_is_a_sentence_and_never_a_wrong_label(tmp_path_factory, at, bit):
    folder = tmp_path_factory.mktemp("mnist")
    damaged = bytearray(PACKED)
    damaged[at] ^= 1 << bit
    (folder / f"{SMALL}.gz").write_bytes(damaged)
    try:
        labels = read_idx(SMALL, folder)
    except edf.DataError:
        return
    assert np.array_equal(labels, read_idx(SMALL))


def test_halved_digits_keep_their_mean_and_their_place():
    images = np.zeros((2, 784))
    images[0, 28 * 4 + 6] = 1.0  # row 4, column 6
    images[1] = np.arange(784)
    small = halved(images)
    assert small.shape == (2, 196) and small[0, 14 * 2 + 3] == 0.25 and small[0].sum() == 0.25
    assert small[1].mean() == images[1].mean() and small[1, 0] == np.mean([0, 1, 28, 29])
    for width in (783, 49):
        with pytest.raises(ShapeError, match="squares of even side"):
            halved(np.zeros((3, width)))
