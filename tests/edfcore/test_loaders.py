"""Loaders: the right arrays from whole files, and a sentence that names the file for every other one.

Files are written by hand here (struct, gzip) or by another library (NumPy, Pillow), then damaged at every byte.
"""

import gzip
import io
import struct
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import edfcore as edf
from edfcore.data import augment, load_cifar, load_idx, load_image_folder, load_mnist, load_npz
from edfcore.data.mnist import FOLDER

CODES = {"uint8": (0x08, "B"), "int8": (0x09, "b"), "int16": (0x0B, "h"), "int32": (0x0C, "i"), "float32": (0x0D, "f"),
         "float64": (0x0E, "d")}  # fmt: skip
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def idx_bytes(array):
    """The array as an IDX file, by struct."""
    code, letter = CODES[array.dtype.name]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + struct.pack(f">{array.size}{letter}", *array.ravel().tolist())


def cifar_bytes(labels, pixels):
    return b"".join(bytes(label) + image.tobytes() for label, image in zip(labels, pixels, strict=True))


def npz_bytes(compressed=False, **arrays):
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def picture(seed=0, h=5, w=4, channels=3):
    shape = (h, w, 3) if channels == 3 else (h, w)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def image_bytes(pixels, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def written(path, raw):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


IDX = np.arange(-6, 6, dtype=np.int16).reshape(2, 3, 2)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "label": np.array([3, 1]), "name": np.array("net")}
# For each loader: the name of its file, the bytes of a good one, and the call.
GOOD = {
    "idx": ("data.idx", idx_bytes(IDX), load_idx),
    "idx.gz": ("data.gz", gzip.compress(idx_bytes(IDX), mtime=0), load_idx),
    "cifar10": ("batch.bin", cifar_bytes([[3], [0], [9]], PIXELS), load_cifar),
    "cifar100": ("train.bin", cifar_bytes([[3, 77], [0, 0], [19, 99]], PIXELS), lambda p: load_cifar(p, classes=100)),
    "npz": ("arrays.npz", npz_bytes(**ARRAYS), load_npz),
    "npz compressed": ("arrays.npz", npz_bytes(True, **ARRAYS), load_npz),
    "png": ("cat/1.png", image_bytes(picture()), lambda p: load_image_folder(p.parent.parent)),
    "png grey": (
        "cat/1.png",
        image_bytes(picture(channels=1)),
        lambda p: load_image_folder(p.parent.parent, channels=1),
    ),
    "jpeg": ("cat/1.jpg", image_bytes(picture(h=16, w=16), "JPEG"), lambda p: load_image_folder(p.parent.parent)),
}
CHECKED = ("idx.gz", "npz", "npz compressed", "png", "png grey")  # formats with a check sum


def outcome(result):
    """What a loader returned, as something to compare."""
    if isinstance(result, dict):
        return {key: (value.dtype.str, value.tolist()) for key, value in result.items()}
    if isinstance(result, np.ndarray):
        return result.dtype.str, result.shape, result.tolist()
    return (
        result.images.tolist(),
        result.labels.tolist(),
        result.classes,
        result.coarse is None or result.coarse.tolist(),
    )


def is_a_sentence_on(path, error):
    text = str(error)
    return (path.name in text or path.parent.name in text) and text[-1] in ".)" and "Traceback" not in text


# Whole files


@pytest.mark.pins("load_idx")
@pytest.mark.parametrize("dtype", CODES)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=4), packed=st.booleans())
@in_one_folder
def test_idx_files_of_every_type_and_shape_are_read(tmp_path, dtype, shape, packed):
    values = np.random.default_rng(0).normal(size=shape) * 100
    array = values.astype(dtype) if dtype != "uint8" else np.abs(values).astype(dtype)
    raw = idx_bytes(array)
    found = load_idx(written(tmp_path / "a.idx", gzip.compress(raw) if packed else raw))
    assert found.dtype == array.dtype and found.dtype.isnative and np.array_equal(found, array)
    assert found.flags.writeable


@pytest.mark.pins("load_idx")
def test_the_shipped_mnist_files_are_read_as_load_mnist_reads_them():
    pixels, labels = (load_idx(FOLDER / f"t10k-{part}-ubyte.gz") for part in ("images-idx3", "labels-idx1"))
    mnist = load_mnist()
    assert pixels.shape == (10000, 28, 28) and pixels.dtype == np.uint8
    assert np.array_equal(labels, mnist.test_labels)
    assert np.array_equal(np.rint(mnist.test_images * 255).reshape(pixels.shape), pixels)


@pytest.mark.pins("load_cifar")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cifar_records_are_read(tmp_path, dtype):
    first = written(tmp_path / "1.bin", GOOD["cifar10"][1])
    second = written(tmp_path / "2.bin", cifar_bytes([[7]], PIXELS[2:]))
    found = load_cifar(first, str(second), dtype=dtype)
    assert found.images.shape == (4, 3, 32, 32) and found.images.dtype == dtype and found.labels.dtype == np.int64
    assert np.array_equal(np.rint(found.images * 255), np.concatenate([PIXELS, PIXELS[2:]]))
    assert found.images.max() <= 1 and found.labels.tolist() == [3, 0, 9, 7] and found.coarse is None
    hundred = load_cifar(written(tmp_path / "3.bin", GOOD["cifar100"][1]), classes=100)
    assert (hundred.labels.tolist(), hundred.coarse.tolist()) == ([77, 0, 99], [3, 0, 19])
    assert np.array_equal(np.rint(hundred.images * 255), PIXELS)


@pytest.mark.pins("load_npz")
@pytest.mark.parametrize("compressed", [False, True])
def test_npz_arrays_come_back_as_numpy_wrote_them(tmp_path, compressed):
    arrays = ARRAYS | {
        "flags": np.array([True]),
        "z": np.array([1j]),
        "none": np.zeros((0, 3)),
        "f": np.asfortranarray(IDX),
    }
    found = load_npz(written(tmp_path / "a.npz", npz_bytes(compressed, **arrays)), names=["x", "z"])
    assert outcome(found) == outcome(arrays)


@pytest.mark.pins("load_image_folder")
def test_an_image_folder_gives_classes_in_the_order_of_their_names(tmp_path):
    pictures = {("dog", "b.png"): 1, ("dog", "a.PNG"): 2, ("cat", "10.png"): 3}
    for (kind, name), seed in pictures.items():
        written(tmp_path / kind / name, image_bytes(picture(seed)))
    written(tmp_path / "dog" / ".DS_Store", b"?")
    written(tmp_path / "README.md", b"notes")
    found = load_image_folder(tmp_path)
    assert found.classes == ("cat", "dog") and found.labels.tolist() == [0, 1, 1]
    expected = np.stack([picture(seed).transpose(2, 0, 1) for seed in (3, 2, 1)])
    assert found.images.dtype == np.float32 and np.array_equal(np.rint(found.images * 255), expected)
    assert load_image_folder(str(tmp_path), dtype="float64").images.dtype == np.float64


@pytest.mark.pins("load_image_folder")
def test_colour_becomes_luma_and_grey_three_equal_channels(tmp_path):
    colours, grey = picture(), picture(channels=1)
    written(tmp_path / "c" / "1.png", image_bytes(colours))
    written(tmp_path / "c" / "2.png", image_bytes(grey))
    luma = colours @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    found = load_image_folder(tmp_path, channels=1).images
    assert found.shape == (2, 1, 5, 4) and np.abs(found[0, 0] * 255 - luma).max() <= 1
    assert np.array_equal(np.rint(found[1, 0] * 255), grey)
    three = load_image_folder(tmp_path, channels=3).images
    assert np.array_equal(np.rint(three[1] * 255), np.broadcast_to(grey, (3, 5, 4)))


@pytest.mark.pins("load_image_folder")
def test_images_of_different_sizes_are_resized_or_named(tmp_path):
    small, large = picture(1, 5, 4), picture(2, 9, 8)
    written(tmp_path / "c" / "1.png", image_bytes(small))
    written(tmp_path / "c" / "2.png", image_bytes(large))
    with pytest.raises(edf.DataError, match=r"1\.png is 5 x 4 but .*2\.png is 9 x 8 pixels; pass resize=\(h, w\)"):
        load_image_folder(tmp_path)
    found = load_image_folder(tmp_path, resize=(5, 4), dtype="float64").images
    assert np.array_equal(np.rint(found[0] * 255), small.transpose(2, 0, 1))
    expected = augment.resize(large.transpose(2, 0, 1)[None] / 255, (5, 4))[0]
    np.testing.assert_allclose(found[1], expected, atol=1e-12)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    """EXIF orientation 6: the camera was held upright, and the pixels lie on their side."""
    pixels, exif = np.zeros((8, 16, 3), np.uint8), Image.Exif()
    pixels[:, :8] = 255
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", exif=exif)
    written(tmp_path / "c" / "1.jpg", stream.getvalue())
    found = load_image_folder(tmp_path).images
    assert found.shape == (1, 3, 16, 8) and found[0, :, :8].min() > 0.9 and found[0, :, 8:].max() < 0.1


# Damaged files


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_cut_short_anywhere_is_a_sentence(kind, tmp_path):
    """Every length for short files, a spread of them for longer ones; CIFAR has no header, so whole records pass."""
    name, raw, load = GOOD[kind]
    for length in sorted({*range(0, min(len(raw), 140)), *range(0, len(raw), max(1, len(raw) // 40)), len(raw) - 1}):
        path = written(tmp_path / name, raw[:length])
        try:
            load(path)
        except edf.DataError as error:
            assert is_a_sentence_on(path, error), length
        else:
            raise AssertionError(f"{length} bytes of {len(raw)} were taken for a whole file")


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind not in ("png", "png grey", "jpeg")])
@given(more=st.binary(min_size=1, max_size=20))
@in_one_folder
def test_a_file_with_something_after_its_end_is_a_sentence_or_right(kind, tmp_path, more):
    name, raw, load = GOOD[kind]
    path = written(tmp_path / name, raw + more)
    try:
        found = load(path)
    except edf.DataError as error:
        assert is_a_sentence_on(path, error)
    else:  # zeros after gzip are padding that its specification allows; ZIP has a comment at its end
        assert kind in ("idx.gz", "npz", "npz compressed") and outcome(found) == outcome(load(written(path, raw)))


@pytest.mark.parametrize("kind", GOOD)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_flipped_byte_is_a_sentence_or_does_no_harm(kind, tmp_path, data):
    """Formats with a check sum give the right data or a sentence; others never raise anything but the sentence."""
    name, raw, load = GOOD[kind]
    at = data.draw(st.integers(0, len(raw) - 1))
    flipped = bytearray(raw)
    flipped[at] ^= data.draw(st.integers(1, 255))
    path = written(tmp_path / name, bytes(flipped))
    try:
        found = load(path)
    except edf.DataError as error:
        assert is_a_sentence_on(path, error)
    else:
        if kind in CHECKED:
            assert outcome(found) == outcome(load(written(path, raw)))


@pytest.mark.parametrize("kind", ["idx", "idx.gz", "npz", "png", "png grey"])
def test_each_byte_of_a_small_file_flipped_in_turn_is_a_sentence_or_does_no_harm(kind, tmp_path):
    name, raw, load = GOOD[kind]
    if kind == "npz":
        raw = npz_bytes(x=np.arange(3.0))
    right = outcome(load(written(tmp_path / name, raw)))
    for at in range(len(raw)):
        for bit in range(8) if kind == "idx" else (at % 8,):
            flipped = bytearray(raw)
            flipped[at] ^= 1 << bit
            path = written(tmp_path / name, bytes(flipped))
            try:
                found = outcome(load(path))
            except edf.DataError as error:
                assert is_a_sentence_on(path, error)
            else:
                payload = kind == "idx" and (at >= 16 or at == 2)  # entries, and a type of the same size, go unnoticed
                assert payload or found == right, (at, bit)


IDX_DAMAGE = {
    "first zero": (lambda raw: b"\1" + raw[1:], "no IDX file: it begins with the bytes 01 00 0b 03"),
    "type": (lambda raw: raw[:2] + b"\x0a" + raw[3:], "no IDX file: it begins with the bytes 00 00 0a 03"),
    "no axes": (lambda raw: raw[:3] + b"\0" + raw[4:], "a number of axes of at least 1"),
    "within the sizes": (lambda raw: raw[:10], "it ends within the sizes of its 3 axes"),
    "one entry short": (lambda raw: raw[:-2], r"shape \(2, 3, 2\) of int16, 24 bytes, but 22 follow"),
    "one byte more": (lambda raw: raw + b"\0", "too long, or its header is damaged"),
    "a size too large": (lambda raw: raw[:7] + b"\3" + raw[8:], r"the shape \(3, 3, 2\) of int16, 36 bytes"),
    "a size too small": (lambda raw: raw[:7] + b"\1" + raw[8:], r"the shape \(1, 3, 2\).*more follow"),
    "no instances": (lambda raw: raw[:7] + b"\0" + raw[8:16], r"holds nothing: its shape is \(0, 3, 2\)"),
    "sizes beyond all memory": (lambda raw: raw[:4] + b"\xff" * 12 + raw[16:], "truncated, or its header"),
    "text": (lambda raw: b"<html>404 not found</html>", "begins with the bytes 3c 68 74 6d"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("damage, words", IDX_DAMAGE.values(), ids=IDX_DAMAGE)
def test_each_field_of_an_idx_file_that_cannot_be_is_named(tmp_path, damage, words, packed):
    raw = damage(idx_bytes(IDX))
    with pytest.raises(edf.DataError, match=words):
        load_idx(written(tmp_path / "a.idx", gzip.compress(raw) if packed else raw))


def test_a_gzip_file_that_would_fill_the_memory_is_refused_unread(tmp_path):
    """2 kB that state, and would unpack to, far more: only what the header states is ever unpacked."""
    head = struct.pack(">BBBBI", 0, 0, 8, 1, 100)
    with pytest.raises(edf.DataError, match="too long"):
        load_idx(written(tmp_path / "a.gz", gzip.compress(head + bytes(2_000_000))))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_entries_that_are_not_finite_are_named(tmp_path, value):
    x = np.array([[1.0, 2.0], [value, 4.0]])
    with pytest.raises(edf.DataError, match=r"a\.idx holds (nan|inf) at index \[1, 0\]"):
        load_idx(written(tmp_path / "a.idx", idx_bytes(x)))
    with pytest.raises(edf.DataError, match=r"a\.npz: x\.npy holds (nan|inf) at index \[1, 0\]"):
        load_npz(written(tmp_path / "a.npz", npz_bytes(x=x)))


@pytest.mark.parametrize(
    "raw, classes, words",
    [
        (GOOD["cifar10"][1][:-1], 10, "9218 bytes; whole records of CIFAR-10, 3073 bytes each.*3072 bytes are left"),
        (GOOD["cifar10"][1], 100, "whole records of CIFAR-100, 3074 bytes"),
        (GOOD["cifar100"][1], 10, "whole records of CIFAR-10, 3073 bytes"),
        (cifar_bytes([[3], [10]], PIXELS[:2]), 10, r"the label of record 1 is 10, of 10 classes \(0 to 9\)"),
        (cifar_bytes([[3, 100]], PIXELS[:1]), 100, r"the label of record 0 is 100, of 100 classes"),
        (cifar_bytes([[20, 5]], PIXELS[:1]), 100, r"the label of record 0 is 20, of 20 classes"),
        (gzip.compress(GOOD["cifar10"][1]), 10, "unpack the archive first"),
    ],
)
def test_cifar_files_that_cannot_be_are_named(tmp_path, raw, classes, words):
    with pytest.raises(edf.DataError, match=rf"batch\.bin .*{words}"):
        load_cifar(written(tmp_path / "batch.bin", raw), classes=classes)


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


class Bomb:
    """What a pickle would run."""

    def __reduce__(self):
        return sys.exit, (1,)


@pytest.mark.parametrize(
    "raw, words",
    [
        (npy(np.ones(2)), "no .npz file: it begins with the bytes 93 4e 55 4d"),
        (npz_bytes(x=np.ones(2), y=np.array([Bomb()], dtype=object)), "y.npy cannot be read .*Object arrays"),
        (zipped(x__npy=npy(np.ones(2)) + b"\0"), "x.npy is damaged: bytes follow its last entry"),
        (zipped(x__npy=npy(np.ones(2))[:-1]), "x.npy cannot be read"),
        (zipped(x__npy=b""), "x.npy cannot be read"),
        (zipped(x__txt=b"hello"), "it holds x.txt; .npy members"),
        (zipped(x__npy=npy(np.ones(2)).replace(b"(2,), ", b"(9**9,)"[:6])), "x.npy cannot be read"),
        (npz_bytes(x=np.array(["2020-01-01"], dtype="datetime64[D]")), "has dtype datetime64"),
        (npz_bytes(x=np.zeros(2, [("a", float)])), "has dtype"),
        (npz_bytes(y=np.ones(2)), "lacks x; it holds y"),
    ],
)
def test_npz_files_that_cannot_be_are_named(tmp_path, raw, words):
    with pytest.raises(edf.DataError, match=rf"a\.npz.*{words}"):
        load_npz(written(tmp_path / "a.npz", raw), names=["x"])


def test_an_npz_with_two_members_of_one_name_is_refused(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.npy", npy(np.ones(2)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", npy(np.zeros(2)))
    with pytest.raises(edf.DataError, match="different names are needed"):
        load_npz(written(tmp_path / "a.npz", stream.getvalue()))


def test_a_member_that_a_damaged_directory_hides_is_missed(tmp_path):
    """Found by flipping bytes: a comment's length in the directory that swallows the entry after it."""
    raw = bytearray(npz_bytes(**ARRAYS))
    second = raw.rindex(b"PK\1\2", 0, raw.rindex(b"PK\1\2"))
    raw[second + 32] = raw.rindex(b"PK\5\6") - raw.rindex(b"PK\1\2")
    with pytest.raises(edf.DataError, match="it states 3 members and shows 2"):
        load_npz(written(tmp_path / "a.npz", bytes(raw)))


def saved(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "name, raw, words",
    [
        ("1.png", image_bytes(picture(), "JPEG"), "is a JPEG file by its contents; rename it to .jpg"),
        ("1.jpg", image_bytes(picture()), "is a PNG file by its contents; rename it to .png"),
        ("1.png", b"not an image", "is damaged, or no PNG or JPEG file"),
        ("1.png", saved(Image.fromarray(picture()), "GIF"), "is damaged, or no PNG or JPEG file"),
        ("1.png", b"", "is empty, 0 bytes"),
        ("1.gif", saved(Image.fromarray(picture()), "GIF"), "cat holds 1.gif, no .png, .jpg or .jpeg file"),
        ("1.png", saved(Image.fromarray(np.full((3, 3), 4000, np.uint16))), "8 bits for each channel"),
        ("1.png", saved(Image.new("RGBA", (3, 3), (1, 2, 3, 128))), "transparent pixels"),
        ("1.png", saved(Image.new("P", (3, 3), 0), transparency=0), "transparent pixels"),
        ("deeper/1.png", image_bytes(picture()), "cat holds deeper, no .png"),
    ],
)
def test_images_that_cannot_be_are_named(tmp_path, name, raw, words):
    written(tmp_path / "cat" / "0.png", image_bytes(picture()))
    written(tmp_path / "cat" / name, raw)
    with pytest.raises(edf.DataError, match=words):
        load_image_folder(tmp_path)


@pytest.mark.parametrize(
    "image", [Image.new("RGBA", (4, 5), (9, 8, 7, 255)), Image.new("P", (4, 5), 3), Image.new("1", (4, 5))]
)
def test_opaque_images_of_other_kinds_are_read(tmp_path, image):
    written(tmp_path / "c" / "1.png", saved(image))
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(np.rint(load_image_folder(tmp_path).images[0] * 255), expected)


def test_folders_that_are_none_are_named(tmp_path):
    with pytest.raises(edf.DataError, match="needs one folder for each class.*it has none"):
        load_image_folder(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(edf.DataError, match="cat is empty"):
        load_image_folder(tmp_path)
    written(tmp_path / "1.png", image_bytes(picture()))
    with pytest.raises(edf.DataError, match="1.png lies outside of them"):
        load_image_folder(tmp_path)
    for wrong in (tmp_path / "none", tmp_path / "1.png", "a\0b"):
        with pytest.raises(edf.DataError, match="cannot be read as a folder"):
            load_image_folder(wrong)


LOADERS = {"load_idx": load_idx, "load_cifar": load_cifar, "load_npz": load_npz, "load_image_folder": load_image_folder}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("path", [None, 3, ["a"], b"a", np.zeros(2)], ids=["none", "number", "list", "bytes", "array"])
def test_what_is_no_path_is_a_sentence(name, path):
    with pytest.raises(edf.DataError, match=f"{name}: the (path|folder) is .*; the name of a (file|folder) is needed."):
        LOADERS[name](path)


@pytest.mark.parametrize("name", ["load_idx", "load_cifar", "load_npz"])
def test_a_missing_or_unreadable_file_is_a_sentence(name, tmp_path):
    with pytest.raises(edf.DataError, match="gone.bin is missing; check the name and the current folder"):
        LOADERS[name](tmp_path / "gone.bin")
    with pytest.raises(edf.DataError, match="cannot be read: "):
        LOADERS[name](tmp_path)
    with pytest.raises(edf.DataError, match="cannot be read: "):
        LOADERS[name]("a\0b")


@pytest.mark.parametrize(
    "mistake, words",
    [
        (lambda: load_cifar(), "no file was named"),
        (lambda: load_cifar("a", classes=20), "classes is 20; 10 .* or 100"),
        (lambda: load_cifar("a", classes=True), "classes is True"),
        (lambda: load_cifar("a", dtype="uint8"), "not 'uint8'"),
        (lambda: load_image_folder(".", channels=4), "channels is 4; 1 .* or 3"),
        (lambda: load_image_folder(".", channels=None), "channels is None"),
        (lambda: load_image_folder(".", dtype="int8"), "not 'int8'"),
    ],
)
def test_a_setting_that_cannot_be_is_a_sentence(mistake, words):
    with pytest.raises(edf.DataError, match=words):
        mistake()


def test_names_and_sizes_that_cannot_be_are_a_sentence(tmp_path):
    path = written(tmp_path / "a.npz", npz_bytes(x=np.ones(2)))
    for names in ("x", 3, [1]):
        with pytest.raises(edf.DataError, match="a list of names is needed"):
            load_npz(path, names=names)
    written(tmp_path / "folder" / "c" / "1.png", image_bytes(picture()))
    for size in ((0, 3), 3, "ab", (1.5, 2)):
        with pytest.raises(edf.DataError, match="whole number"):
            load_image_folder(tmp_path / "folder", resize=size)


def test_without_pillow_the_message_names_the_extra(monkeypatch, tmp_path):
    written(tmp_path / "c" / "1.png", image_bytes(picture()))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(
        edf.MissingExtra, match=r"load_image_folder needs Pillow, which is not installed. Run: .*\[course\]"
    ):
        load_image_folder(tmp_path)
