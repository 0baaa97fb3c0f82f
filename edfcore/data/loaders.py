"""Reading data sets from files that may be damaged: each file is checked to its last byte before anything is returned.

    load_idx           LeCun's IDX: 0, 0, type, d | d sizes, uint32 | entries; big-endian, plain or gzip
    load_cifar         CIFAR binary: records of one label byte (CIFAR-100: two) and 3072 pixels, red, green, blue
    load_npz           NumPy's .npz (a ZIP of .npy), with numbers and text only: nothing is ever unpickled
    load_image_folder  PNG and JPEG files in one folder for each class

Only gzip, NPZ and PNG carry check sums: a byte that changed within the entries of a plain IDX or CIFAR file, or of a
JPEG, may go unnoticed. Everything that can be told is told as a DataError that names the file.
"""

import gzip
import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, MissingExtra
from .augment import resize as resized

IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
DEFLATE_RATIO = 1032  # the most that one byte of gzip can become
CIFAR_CLASSES = {10: (10,), 100: (20, 100)}  # classes of each label byte: CIFAR-100 has coarse and fine ones


def _read(path, who):
    """The file's bytes and its name for messages."""
    try:
        path = Path(path)
        raw = path.read_bytes()
    except TypeError:
        raise DataError(f"{who}: the path is {path!r}; the name of a file is needed.") from None
    except FileNotFoundError:
        raise DataError(f"{who}: {path} is missing; check the name and the current folder, {Path.cwd()}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{who}: {path} cannot be read: {error}.") from None
    if not raw:
        raise DataError(f"{who}: {path} is empty, 0 bytes; fetch it again.")
    return raw, f"{who}: {path}"


def _finite(array, who):
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise DataError(f"{who} holds {array[tuple(where)]} at index {where}; every entry must be finite.")
    return array


@catalogued("loader", source="LeCun, Cortes & Burges, 'The MNIST database', 'The IDX file format'")
def load_idx(path):
    """The array in an IDX file, plain or compressed with gzip.

    Parameters
    ----------
    path : str or path, the file

    Returns
    -------
    array of uint8, int8, int16, int32, float32 or float64, of the shape that the file states

    Raises
    ------
    DataError : the file is missing, empty, no IDX file, truncated, too long, damaged, or holds NaN or infinity.
    """
    raw, who = _read(path, "load_idx")
    if raw[:2] != b"\x1f\x8b":
        return _idx(io.BytesIO(raw), len(raw), who)
    try:
        return _idx(gzip.GzipFile(fileobj=io.BytesIO(raw)), len(raw) * DEFLATE_RATIO, who)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{who} is damaged within its gzip compression ({error}); fetch it again.") from None


def _idx(stream, most, who):
    """Read an IDX stream of at most `most` bytes."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_TYPES or head[3] == 0:
        raise DataError(
            f"{who} is no IDX file: it begins with the bytes {head.hex(' ')}; 00 00, a type (08, 09, 0b, 0c, 0d or 0e) "
            "and a number of axes of at least 1 are needed."
        )
    dtype, axes = np.dtype(IDX_TYPES[head[2]]), head[3]
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{who} is truncated: it ends within the sizes of its {axes} axes.")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    needed = math.prod(shape) * dtype.itemsize
    if needed == 0:
        raise DataError(f"{who} holds nothing: its shape is {shape}.")
    told = f"its header states the shape {shape} of {dtype.name}, {needed} bytes"
    entries = stream.read(needed + 1) if needed <= most else b""
    if len(entries) < needed:
        found = len(entries) if needed <= most else f"at most {most}"
        raise DataError(f"{who} is truncated, or its header is damaged: {told}, but {found} follow.")
    if len(entries) > needed:
        raise DataError(f"{who} is too long, or its header is damaged: {told}, but more follow.")
    return _finite(np.frombuffer(entries, dtype).astype(dtype.newbyteorder("=")).reshape(shape), who)


@dataclass(frozen=True)
class LabelledImages:
    """Images from 0 to 1, their labels, and what the labels mean."""

    images: np.ndarray  # (B, c, h, w)
    labels: np.ndarray  # (B,)
    coarse: np.ndarray | None = None  # (B,), CIFAR-100's 20 superclasses
    classes: tuple = ()  # the names of the classes, where they are known


def _pixels(raw, dtype):
    return np.multiply(raw, dtype.type(1 / 255), dtype=dtype)


def _pixel_type(dtype, who):
    if not isinstance(dtype, (str, type)) or dtype not in ("float32", "float64", np.float32, np.float64):
        raise DataError(f"{who}: pixels from 0 to 1 need the dtype 'float32' or 'float64', not {dtype!r}.")
    return np.dtype(dtype)


@catalogued("loader", source="Krizhevsky 2009, 'Learning multiple layers of features'; cs.toronto.edu/~kriz/cifar.html")
def load_cifar(*paths, classes=10, dtype="float32"):
    """The images and labels in files of CIFAR-10's or CIFAR-100's binary version.

    Parameters
    ----------
    *paths : str or path, the files, e.g. data_batch_1.bin to data_batch_5.bin
    classes : 10 or 100, which of the two data sets it is (the files do not say)
    dtype : "float32" or "float64", the pixels' type

    Returns
    -------
    LabelledImages : images (B, 3, 32, 32) from 0 to 1, labels (B,) from 0 to classes-1; for CIFAR-100 coarse (B,) too

    Raises
    ------
    DataError : no path, a file is missing or empty or not whole records, or a label is out of range.
    """
    dtype = _pixel_type(dtype, "load_cifar")
    if isinstance(classes, bool) or not isinstance(classes, int) or classes not in CIFAR_CLASSES:
        raise DataError(f"load_cifar: classes is {classes!r}; 10 (CIFAR-10) or 100 (CIFAR-100) is needed.")
    if not paths:
        raise DataError("load_cifar: no file was named; pass at least one path.")
    records = np.concatenate([_cifar_records(path, classes) for path in paths])
    labels = records[:, : -3 * 32 * 32].astype(np.int64)
    images = _pixels(records[:, -3 * 32 * 32 :].reshape(-1, 3, 32, 32), dtype)
    return LabelledImages(images, labels[:, -1], labels[:, 0] if classes == 100 else None)


def _cifar_records(path, classes):
    raw, who = _read(path, "load_cifar")
    counts = CIFAR_CLASSES[classes]
    size = len(counts) + 3 * 32 * 32
    if len(raw) % size:
        packed = " It is compressed: unpack the archive first." if raw[:2] == b"\x1f\x8b" else ""
        raise DataError(
            f"{who} has {len(raw)} bytes; whole records of CIFAR-{classes}, {size} bytes each, are needed, but "
            f"{len(raw) % size} bytes are left over. It is truncated, or another data set's.{packed}"
        )
    records = np.frombuffer(raw, np.uint8).reshape(-1, size)
    for column, count in enumerate(counts):
        wrong = np.flatnonzero(records[:, column] >= count)
        if len(wrong):
            label = records[wrong[0], column]
            raise DataError(
                f"{who} is damaged, or not of CIFAR-{classes}: the label of record {wrong[0]} is {label}, of "
                f"{count} classes (0 to {count - 1})."
            )
    return records


@catalogued("loader", source="numpy.load(allow_pickle=False); NumPy Enhancement Proposal 1 (.npy)")
def load_npz(path, names=None):
    """The arrays in an .npz file, as a dict. Nothing is unpickled, so a file from a stranger runs no code.

    Parameters
    ----------
    path : str or path, the file
    names : list of str, optional; the arrays that must be there (others are returned too)

    Returns
    -------
    dict from name to array of numbers, truth values or text

    Raises
    ------
    DataError : the file is missing, empty, damaged, no .npz, holds objects, NaN or infinity, or lacks a name.
    """
    raw, who = _read(path, "load_npz")
    if raw[:4] != b"PK\x03\x04":
        raise DataError(f"{who} is no .npz file: it begins with the bytes {raw[:4].hex(' ')}, not with 50 4b 03 04.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
        stated = int.from_bytes(raw[(end := raw.rfind(b"PK\x05\x06")) + 10 : end + 12], "little")
    except Exception as error:  # zipfile has a dozen kinds for damage, NotImplementedError among them
        raise DataError(f"{who} is damaged ({_sentence(error)}); fetch or save it again.") from None
    if stated != min(len(members), 0xFFFF):  # a damaged length in its directory can hide a member from zipfile
        raise DataError(f"{who} is damaged: it states {stated} members and shows {len(members)}; fetch it again.")
    wrong = [name for name, _ in members if not name.endswith(".npy")]
    if wrong or not members or len(dict(members)) < len(members):
        held = ", ".join(name for name, _ in members) or "nothing"
        raise DataError(f"{who} is no .npz file: it holds {held}; .npy members of different names are needed.")
    arrays = {name.removesuffix(".npy"): _npy(data, f"{who}: {name}") for name, data in members}
    missing = [name for name in _names(names, who) if name not in arrays]
    if missing:
        raise DataError(f"{who} lacks {', '.join(missing)}; it holds {', '.join(sorted(arrays))}.")
    return arrays


def _names(names, who):
    names = () if names is None else names
    if (
        isinstance(names, str)
        or not isinstance(names, (list, tuple, set))
        or not all(isinstance(n, str) for n in names)
    ):
        raise DataError(f"{who}: names is {names!r}; a list of names is needed.")
    return names


def _npy(data, who):
    stream = io.BytesIO(data)
    try:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # numpy.lib.format lets what its header's parser raises through
        raise DataError(f"{who} cannot be read ({_sentence(error)}); save it again as a plain array.") from None
    if stream.read(1):
        raise DataError(f"{who} is damaged: bytes follow its last entry.")
    if array.dtype.kind not in "biufcUS":
        raise DataError(f"{who} has dtype {array.dtype}; numbers, truth values or text are needed.")
    return _finite(array, who)


def _sentence(error):
    text = str(error).strip().rstrip(".").split("\n")[0]
    return text or type(error).__name__


@catalogued("loader", source="torchvision.datasets.ImageFolder; PNG (ISO/IEC 15948) and JPEG by Pillow")
def load_image_folder(folder, channels=3, resize=None, dtype="float32"):
    """The images in the subfolders of a folder; each subfolder is a class, labelled in the order of their names.

    Parameters
    ----------
    folder : str or path; holds one folder for each class, and these hold .png, .jpg and .jpeg files (others are an
        error, except those whose names begin with a dot)
    channels : 3 or 1; colour images become grey by ITU-R 601 luma, grey ones get three equal channels
    resize : (h, w), optional; all images are resized to it (see augment.resize). Without it their sizes must agree
    dtype : "float32" or "float64", the pixels' type

    Returns
    -------
    LabelledImages : images (B, c, h, w) from 0 to 1, labels (B,), classes (the folders' names)

    Raises
    ------
    DataError : a folder is missing or empty, a file is damaged, mislabelled or of another kind (transparent, 16
        bits), or sizes differ.
    MissingExtra : Pillow is not installed.
    """
    who, dtype = "load_image_folder", _pixel_type(dtype, "load_image_folder")
    if type(channels) is not int or channels not in (1, 3):
        raise DataError(f"{who}: channels is {channels!r}; 1 (grey) or 3 (red, green, blue) is needed.")
    found = _class_folders(folder, who)
    files = [(path, label) for label, name in enumerate(found) for path in found[name]]
    images, first = [], None
    for path, _ in files:
        image = _pixels(_decoded(path, channels, who), dtype)[None]
        image = image if resize is None else resized(image, resize)
        first = first or (path, image.shape)
        if image.shape != first[1]:
            sizes = " but ".join(f"{p} is {s[2]} x {s[3]}" for p, s in (first, (path, image.shape)))
            raise DataError(f"{who}: {sizes} pixels; pass resize=(h, w) to bring all images to one size.")
        images.append(image)
    return LabelledImages(np.concatenate(images), np.array([label for _, label in files]), classes=tuple(found))


def _class_folders(folder, who):
    """The image files of each class, by the class's name."""
    try:
        folder = Path(folder)
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
        classes = [p for p in entries if p.is_dir()]
        found = {p.name: sorted(f for f in p.iterdir() if not f.name.startswith(".")) for p in classes}
    except TypeError:
        raise DataError(f"{who}: the folder is {folder!r}; the name of a folder is needed.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{who}: {folder} cannot be read as a folder: {error}.") from None
    stray = [p for p in entries if p.is_file() and p.suffix.lower() in FORMATS]
    if not classes or stray:
        what = f"{stray[0].name} lies outside of them" if stray else "it has none"
        raise DataError(f"{who}: {folder} needs one folder for each class, with the images in it, but {what}.")
    for name, files in found.items():
        wrong = [p for p in files if p.suffix.lower() not in FORMATS or not p.is_file()]
        if wrong or not files:
            what = f"holds {wrong[0].name}, no .png, .jpg or .jpeg file" if wrong else "is empty"
            raise DataError(f"{who}: the class folder {folder / name} {what}.")
    return found


FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
PNG_END = b"IEND\xaeB`\x82"
COLOURS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")  # Pillow's modes of at most 8 bits


def _decoded(path, channels, who):
    """The pixels of one file, bytes (c, h, w)."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtra("load_image_folder", "Pillow", "course") from error
    raw, who = _read(path, who)
    try:
        Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")).verify()
        image = Image.open(io.BytesIO(raw), formats=("PNG", "JPEG"))
        image.load()
        kind = image.format
        image = ImageOps.exif_transpose(image)
        alpha = "A" in image.getbands() or "transparency" in image.info
        transparent = alpha and image.convert("RGBA").getchannel("A").getextrema()[0] < 255
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error and others
        raise DataError(f"{who} is damaged, or no PNG or JPEG file ({_sentence(error)}).") from None
    if kind == "PNG" and PNG_END not in raw:
        raise DataError(f"{who} is truncated: a PNG file ends with the chunk IEND; fetch it again.")
    if kind != FORMATS[path.suffix.lower()]:
        raise DataError(f"{who} is a {kind} file by its contents; rename it to .{'png' if kind == 'PNG' else 'jpg'}.")
    if image.mode not in COLOURS:
        raise DataError(f"{who} has pixels of the kind {image.mode!r}; 8 bits for each channel are needed.")
    if transparent:
        raise DataError(f"{who} has transparent pixels, whose colour is open; put it on a background first.")
    pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    return pixels.transpose(2, 0, 1) if channels == 3 else pixels[None]
