"""Augmentation: change the pixels and keep the label (S4, pages 31-36), vectorised over the batch.

Every function is pure, `f(images, rng, ...)`, for images x (B, h, w) or (B, c, h, w) of floats from 0 to 1; it draws
parameters for each image and hands them to a function that draws nothing: `rotate` to `rotated`, `flip` to
`flipped`. Whether the label is kept is a matter of range: a digit survives 10 degrees, and a 6 does not survive 180.

All geometry goes through one inverse-mapped bilinear sampler. With the image's centre c and a map A, t of positions
p = (row, column), rows downwards, in pixels, pixel centres at whole numbers:

    p' = A (p - c) + c + t,     y[b,...,q] = x[b,..., A^-1 (q - c - t) + c]

    x at (r + f, s + g), f and g in [0, 1):  (1-f)(1-g) x[r,s] + (1-f) g x[r,s+1] + f (1-g) x[r+1,s] + f g x[r+1,s+1]

and beyond the image x is the constant `fill`. Resizing is separable: it averages with a triangle as wide as the
pixel of the smaller image (bilinear where the image grows), as Pillow's BILINEAR and torch's antialias=True.

On page 34 the ranges of the short side belong to different networks (erratum 4.38): see `TRAIN_SHORT`, `TEST_SHORT`.
"""

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, ShapeError
from .batching import generator, numbers, real, whole_number
from .normalize import principal_axes

# The short side L, in pixels, to which images are resized before 224 x 224 patches are cut (erratum 4.38: the deck
# gives ResNet's numbers for all three). Krizhevsky et al. 2012, sec. 2, 4.1; Simonyan & Zisserman 2015, sec. 3.1,
# 4.2; He et al. 2016, sec. 3.4.
TRAIN_SHORT = {"AlexNet": (256, 256), "VGG": (256, 512), "ResNet": (256, 480)}
TEST_SHORT = {"AlexNet": (256,), "VGG": (256, 384, 512), "ResNet": (224, 256, 384, 480, 640)}

CHUNK = 64  # images sampled at a time, so that the work stays in the cache


def checked_images(images, who):
    """`images` as an array. Raises DataError, ShapeError where they are not images of floats from 0 to 1."""
    x = numbers(images, f"{who}: images")
    if x.ndim not in (3, 4):
        raise ShapeError(
            f"{who}: images need the axes b,h,w or b,c,h,w but have shape {x.shape}; one image is a batch of one."
        )
    if x.size == 0:
        raise DataError(f"{who}: images are empty, shape {x.shape}; at least one pixel is needed.")
    if x.dtype not in (np.float32, np.float64):
        raise DataError(f"{who}: images have dtype {x.dtype}; float32 or float64 from 0 to 1 is needed: images / 255.")
    if x.min() < 0 or x.max() > 1:
        raise DataError(
            f"{who}: images range from {x.min():.3g} to {x.max():.3g}; 0 to 1 is needed. Augment before normalizing."
        )
    return x


def per_image(value, x, what, width=()):
    """A parameter as floats (B, *width), one for each image; a single one serves all. Raises DataError, ShapeError."""
    array = numbers(value, what).astype(float)
    wanted = (len(x), *width)
    if array.ndim not in (len(width), len(wanted)) or array.shape != wanted[len(wanted) - array.ndim :]:
        raise ShapeError(
            f"{what} has shape {array.shape}; {wanted} is needed (or {tuple(width)} for all images alike)."
        )
    return np.broadcast_to(array, wanted)


def _interval(value, what, low=-np.inf):
    try:
        least, most = value
    except (TypeError, ValueError):
        raise DataError(f"{what} is {value!r}; two numbers (least, most) are needed.") from None
    least, most = real(least, f"{what}[0]", low), real(most, f"{what}[1]", low)
    if least > most:
        raise DataError(f"{what} is {value!r}; the first number must not exceed the second.")
    return least, most


def _factor_range(value, what):
    least, most = _interval(value, what)
    if least <= 0:
        raise DataError(f"{what} is {value!r}; both numbers must be above 0.")
    return least, most


def _size(value, what):
    try:
        H, W = value
    except (TypeError, ValueError):
        raise DataError(f"{what} is {value!r}; two whole numbers (height, width) are needed.") from None
    return whole_number(H, f"{what}[0]"), whole_number(W, f"{what}[1]")


def _given(images, rng, who):
    generator(rng, who)
    return checked_images(images, who)


def _shaped(flat, x):
    return flat.reshape(x.shape[:-2] + flat.shape[-2:])


# The sampler


def sample(images, rows, columns, fill=0.0):
    """y[b,...,r,s] = the bilinear value of x[b,...] at (rows[b,r,s], columns[b,r,s]).

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w)
    rows, columns : arrays (B, H, W), positions in pixels; (0, 0) is the centre of the first pixel
    fill : float from 0 to 1, what lies beyond the image (within a pixel of the edge the two are mixed)

    Returns
    -------
    array (B, H, W) or (B, c, H, W)

    Raises
    ------
    DataError, ShapeError : images that are none, positions that are not finite or not of one shape with batch B.

    Examples
    --------
    >>> image = np.array([[[0.0, 0.2], [0.4, 0.6]]])
    >>> sample(image, [[[0.5]]], [[[0.5]]]).round(12).tolist()
    [[[0.3]]]
    """
    x, fill = checked_images(images, "sample"), real(fill, "sample: fill", 0, 1)
    rows, columns = (numbers(p, f"sample: {n}").astype(float) for p, n in ((rows, "rows"), (columns, "columns")))
    if rows.ndim != 3 or rows.shape != columns.shape or len(rows) != len(x):
        raise ShapeError(
            f"sample: rows have shape {rows.shape} and columns {columns.shape}; both need ({len(x)}, H, W)."
        )
    return _sampled(x, lambda part: (rows[part], columns[part]), rows.shape[1:], fill)


def _sampled(x, positions, size, fill):
    """`positions(part)` gives rows and columns of the images of a slice, in float64, that broadcast to (n, H, W)."""
    flat = x.reshape(len(x), -1, *x.shape[-2:])
    out = np.empty(flat.shape[:2] + size, x.dtype)
    for k in range(0, len(x), CHUNK):
        part = slice(k, k + CHUNK)
        out[part] = _bilinear(flat[part], *positions(part), fill)
    return _shaped(np.clip(out, 0, 1, out=out), x)


def _bilinear(x, rows, columns, fill):
    """The sampler for x (n, c, h, w): the image gets a border of `fill`, and positions stay within it."""
    n, c, h, w = x.shape
    framed = np.full((n, c, h + 3, w + 3), fill, x.dtype)  # one before, two after: position h has a neighbour too
    framed[..., 1:-2, 1:-2] = x
    r, s = np.clip(rows + 1, 0, h + 1), np.clip(columns + 1, 0, w + 1)
    r0, s0 = r.astype(np.intp), s.astype(np.intp)
    f, g = (r - r0).astype(x.dtype)[:, None], (s - s0).astype(x.dtype)[:, None]
    index = (r0 * (w + 3) + s0)[:, None] + (np.arange(n * c) * ((h + 3) * (w + 3))).reshape(n, c, 1, 1)
    framed = framed.reshape(-1)
    upper = _between(framed[index], framed[index + 1], g)
    index += w + 3
    return _between(upper, _between(framed[index], framed[index + 1], g), f)


def _between(a, b, f):
    return a + f * (b - a)


def affine_map(images, matrix, shift=(0.0, 0.0), fill=0.0):
    """The image with every position p moved to A (p - c) + c + t; the draw-free part of all affine augmentations.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w)
    matrix : array (B, 2, 2) or (2, 2), A, acting on (row, column); invertible
    shift : array (B, 2) or (2,), t in pixels (down, right)
    fill : float from 0 to 1, what lies beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, a singular matrix, or parameters of another shape.

    Examples
    --------
    >>> image = np.eye(2)[None]
    >>> affine_map(image, [[1, 0], [0, 1]], shift=[0, 1], fill=0.5).tolist()
    [[[0.5, 1.0], [0.5, 0.0]]]
    """
    x, fill = checked_images(images, "affine_map"), real(fill, "affine_map: fill", 0, 1)
    A = per_image(matrix, x, "affine_map: matrix", (2, 2))
    t = per_image(shift, x, "affine_map: shift", (2,))
    determinant = A[:, 0, 0] * A[:, 1, 1] - A[:, 0, 1] * A[:, 1, 0]
    if not (np.abs(determinant) > 1e-12 * np.square(A).sum(axis=(1, 2))).all():
        k = int(np.argmin(np.abs(determinant)))
        raise DataError(f"affine_map: matrix {A[k].tolist()} of image {k} is singular; it would flatten the image.")
    inverse = np.stack([A[:, 1, 1], -A[:, 0, 1], -A[:, 1, 0], A[:, 0, 0]], axis=1) / determinant[:, None]
    h, w = x.shape[-2:]
    c = (h - 1) / 2, (w - 1) / 2
    i, j = np.arange(h)[:, None] - c[0], np.arange(w) - c[1]

    def positions(part):
        di, dj = i - t[part, 0, None, None], j - t[part, 1, None, None]  # q - c - t
        m = inverse[part, :, None, None]
        return m[:, 0] * di + m[:, 1] * dj + c[0], m[:, 2] * di + m[:, 3] * dj + c[1]

    return _sampled(x, positions, (h, w), fill)


def rotation(degrees):
    """Matrices (B, 2, 2) of rotations by degrees (B,), counter-clockwise as one looks at the image."""
    angle = np.deg2rad(degrees)
    return _matrices(np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle))


def stretching(down, right):
    """Matrices (B, 2, 2) that make the image `down` times as high and `right` times as wide."""
    return _matrices(down, 0.0, 0.0, right)


def shearing(degrees):
    """Matrices (B, 2, 2) that move rows sideways: an upright line leans by degrees (B,), its foot to the right."""
    return _matrices(1.0, 0.0, np.tan(np.deg2rad(degrees)), 1.0)


def _matrices(*entries):
    return np.stack(np.broadcast_arrays(*entries), axis=-1).astype(float).reshape(-1, 2, 2)


# Geometry


def translated(images, shifts, fill=0.0):
    """x moved by shifts (B, 2) pixels (down, right). Raises as `affine_map` does."""
    x = checked_images(images, "translated")
    return affine_map(x, np.eye(2), per_image(shifts, x, "translated: shifts", (2,)), fill)


def scaled(images, factors, fill=0.0):
    """x enlarged about its centre by factors (B,), above 0. Raises as `affine_map` does."""
    x = checked_images(images, "scaled")
    factors = _positive(per_image(factors, x, "scaled: factors"), "scaled: factors")
    return affine_map(x, stretching(factors, factors), fill=fill)


def rotated(images, degrees, fill=0.0):
    """x turned about its centre by degrees (B,), counter-clockwise. Raises as `affine_map` does."""
    x = checked_images(images, "rotated")
    return affine_map(x, rotation(per_image(degrees, x, "rotated: degrees")), fill=fill)


def sheared(images, degrees, fill=0.0):
    """x sheared along its rows by degrees (B,), under 90 in size. Raises as `affine_map` does."""
    x = checked_images(images, "sheared")
    degrees = per_image(degrees, x, "sheared: degrees")
    if np.abs(degrees).max() >= 90:
        raise DataError(f"sheared: degrees reach {np.abs(degrees).max():g}; they must stay under 90 in size.")
    return affine_map(x, shearing(degrees), fill=fill)


def stretched(images, factors, fill=0.0):
    """x made factors[:, 0] times as high and factors[:, 1] times as wide, (B, 2). Raises as `affine_map` does."""
    x = checked_images(images, "stretched")
    factors = _positive(per_image(factors, x, "stretched: factors", (2,)), "stretched: factors")
    return affine_map(x, stretching(*factors.T), fill=fill)


def _positive(factors, what):
    if factors.min() <= 0:
        raise DataError(f"{what} reach down to {factors.min():g}; they must be above 0.")
    return factors


def lens_distorted(images, k, fill=0.0):
    """y[q] = x[c + (q - c) (1 + k |q - c|^2 / R^2)], R the distance from the centre to the corner.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w)
    k : array (B,), above -1/3 (from there on the map folds); positive is a barrel, negative a pincushion
    fill : float from 0 to 1, what lies beyond the image

    Raises
    ------
    DataError, ShapeError : images that are none, k out of range or of another shape.
    """
    x, fill = checked_images(images, "lens_distorted"), real(fill, "lens_distorted: fill", 0, 1)
    k = per_image(k, x, "lens_distorted: k")
    if k.min() <= -1 / 3:
        raise DataError(f"lens_distorted: k reaches down to {k.min():g}; it must stay above -1/3, where the map folds.")
    h, w = x.shape[-2:]
    c = (h - 1) / 2, (w - 1) / 2
    i, j = np.arange(h)[:, None] - c[0], np.arange(w) - c[1]
    square = (i * i + j * j) / (c[0] ** 2 + c[1] ** 2 or 1.0)

    def positions(part):
        factor = 1 + k[part, None, None] * square
        return i * factor + c[0], j * factor + c[1]

    return _sampled(x, positions, (h, w), fill)


def flipped(images, horizontal=False, vertical=False):
    """x mirrored where `horizontal` (B,) is true (left and right change places) and where `vertical` (B,) is true.

    Raises
    ------
    DataError, ShapeError : images that are none, or decisions of another shape.
    """
    x = checked_images(images, "flipped")
    across, down = (
        per_image(v, x, "flipped: " + n) != 0 for v, n in ((horizontal, "horizontal"), (vertical, "vertical"))
    )
    y = x.copy()
    y[across] = y[across][..., ::-1]
    y[down] = y[down][..., ::-1, :]
    return y


@catalogued("augmentation", source="S4, page 33; torchvision.transforms.RandomHorizontalFlip, RandomVerticalFlip")
def flip(images, rng, horizontal=0.5, vertical=0.0):
    """Mirror each image with a probability; `flipped` for given decisions.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    horizontal, vertical : float, the probabilities of changing left with right, and top with bottom

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, a probability out of range, no generator.
    """
    x = _given(images, rng, "flip")
    chances = real(horizontal, "flip: horizontal", 0, 1), real(vertical, "flip: vertical", 0, 1)
    across, down = (rng.random(len(x)) < p for p in chances)
    return flipped(x, across, down)


@catalogued("augmentation", source="S4, page 31; torchvision.transforms.RandomAffine(translate) without its rounding")
def translate(images, rng, fraction=0.1, fill=0.0):
    """Move each image by up to `fraction` of its height and of its width, uniformly; `translated` for given shifts.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    fraction : float from 0 to 1
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, a fraction or fill out of range, no generator.
    """
    x, fraction = _given(images, rng, "translate"), real(fraction, "translate: fraction", 0, 1)
    return translated(x, rng.uniform(-1, 1, (len(x), 2)) * fraction * x.shape[-2:], fill)


@catalogued("augmentation", source="S4, page 31; torchvision.transforms.RandomAffine(scale)")
def scale(images, rng, factors=(0.9, 1.1), fill=0.0):
    """Enlarge each image about its centre by a factor uniform in `factors`; `scaled` for given ones.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    factors : (least, most), above 0
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, factors or fill out of range, no generator.
    """
    x = _given(images, rng, "scale")
    return scaled(x, rng.uniform(*_factor_range(factors, "scale: factors"), len(x)), fill)


@catalogued("augmentation", source="S4, pages 31 and 36; torchvision.transforms.RandomRotation(degrees)")
def rotate(images, rng, degrees=10.0, fill=0.0):
    """Turn each image about its centre by an angle uniform from -degrees to degrees; `rotated` for given ones.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    degrees : float, at least 0
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, an angle or fill out of range, no generator.
    """
    x, degrees = _given(images, rng, "rotate"), real(degrees, "rotate: degrees")
    return rotated(x, rng.uniform(-degrees, degrees, len(x)), fill)


@catalogued("augmentation", source="S4, page 36; torchvision.transforms.RandomAffine(shear)")
def shear(images, rng, degrees=10.0, fill=0.0):
    """Lean each image by an angle uniform from -degrees to degrees; `sheared` for given ones.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    degrees : float, at least 0 and under 90
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, an angle or fill out of range, no generator.
    """
    x, degrees = _given(images, rng, "shear"), real(degrees, "shear: degrees", 0, 89)
    return sheared(x, rng.uniform(-degrees, degrees, len(x)), fill)


@catalogued("augmentation", source="S4, page 36 ('Stretching'); Simard, Steinkraus & Platt 2003, sec. 2")
def stretch(images, rng, factors=(0.9, 1.1), fill=0.0):
    """Stretch height and width of each image by two factors uniform in `factors`; `stretched` for given ones.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    factors : (least, most), above 0
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, factors or fill out of range, no generator.
    """
    x = _given(images, rng, "stretch")
    return stretched(x, rng.uniform(*_factor_range(factors, "stretch: factors"), (len(x), 2)), fill)


@catalogued("augmentation", source="S4, page 36 ('lens distortions'); Brown 1966, first radial term")
def lens_distortion(images, rng, k=0.2, fill=0.0):
    """Bend each image as a lens does, by a coefficient uniform from -k to k; `lens_distorted` for given ones.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    k : float from 0 to 0.33; the corner's position is sampled k times its distance from the centre further out
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, k or fill out of range, no generator.
    """
    x, k = _given(images, rng, "lens_distortion"), real(k, "lens_distortion: k", 0, 0.33)
    return lens_distorted(x, rng.uniform(-k, k, len(x)), fill)


@catalogued("augmentation", source="S4, page 36 ('Random mix'); torchvision.transforms.RandomAffine")
def affine(images, rng, degrees=10.0, fraction=0.1, factors=(0.9, 1.1), lean=10.0, fill=0.0):
    """Stretch, shear, turn and move each image, in this order, with one interpolation; `affine_map` for given A, t.

    A = rotation(angle) shearing(lean) stretching(down, right), each drawn as the function of that name draws it.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    degrees, lean : float, the largest angles of rotation and of shear
    fraction : float from 0 to 1, the largest shift in units of height and width
    factors : (least, most), above 0, for height and width
    fill : float from 0 to 1, what comes in from beyond the image

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, a parameter out of range, no generator.
    """
    x = _given(images, rng, "affine")
    degrees, lean = real(degrees, "affine: degrees"), real(lean, "affine: lean", 0, 89)
    fraction, factors = real(fraction, "affine: fraction", 0, 1), _factor_range(factors, "affine: factors")
    angle, slope = (rng.uniform(-limit, limit, len(x)) for limit in (degrees, lean))
    down, right = rng.uniform(*factors, (2, len(x)))
    shift = rng.uniform(-1, 1, (len(x), 2)) * fraction * x.shape[-2:]
    return affine_map(x, rotation(angle) @ shearing(slope) @ stretching(down, right), shift, fill)


# Resizing and crops


def _triangle(centres, support, low, high, n):
    """Weights (..., n) of the pixels low to high-1 of a line of n, around centres (...); pixel k is at k + 1/2."""
    k = np.arange(n)
    low, high = np.asarray(low)[..., None], np.asarray(high)[..., None]
    weights = np.maximum(0.0, 1 - np.abs(k + 0.5 - centres[..., None]) / np.asarray(support)[..., None])
    weights *= (k >= low) & (k < high)
    return weights / weights.sum(axis=-1, keepdims=True)


def _line(n, size, first=0, last=None):
    """Weights (last - first, n) that resize a line of n pixels to `size`; only the new pixels first to last-1."""
    ratio = n / size
    centres = (np.arange(first, size if last is None else last) + 0.5) * ratio
    return _triangle(centres, max(1.0, ratio), 0, n, n)


def _resampled(x, down, right):
    """y[b,...,r,s] = sum down[b,r,h] x[b,...,h,w] right[b,s,w] (or without b)."""
    if x.ndim == 4 and down.ndim == 3:
        down, right = down[:, None], right[:, None]
    y = down.astype(x.dtype) @ x @ np.swapaxes(right, -1, -2).astype(x.dtype)
    return np.clip(y, 0, 1, out=y)


def resize(images, size):
    """Images of another size: bilinear where they grow, averaged with a triangle where they shrink.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    size : (H, W), in pixels; pixel centres are mapped as torch's align_corners=False, antialias=True

    Returns
    -------
    array (B, H, W) or (B, c, H, W)

    Raises
    ------
    DataError, ShapeError : images that are none, or a size that is not two whole numbers of at least 1.

    Examples
    --------
    >>> resize(np.array([[[0.0, 1.0]]]), (1, 4)).tolist()
    [[[0.0, 0.25, 0.75, 1.0]]]
    """
    x, (H, W) = checked_images(images, "resize"), _size(size, "resize: size")
    return _resampled(x, _line(x.shape[-2], H), _line(x.shape[-1], W))


def resized_shape(shape, short):
    """(h, w) with the shorter side `short` and the same aspect, rounded down as torchvision's Resize does."""
    h, w = shape
    return (short, short * w // h) if h <= w else (short * h // w, short)


def cropped(images, tops, lefts, size):
    """The patches of size (H, W) whose first pixels are at tops (B,), lefts (B,): array (B, H, W) or (B, c, H, W).

    Raises
    ------
    DataError, ShapeError : images that are none, a patch that leaves its image, positions that are not whole.
    """
    x, (H, W) = checked_images(images, "cropped"), _size(size, "cropped: size")
    _needs_room(x.shape[-2:], (H, W), "cropped", "take a smaller size")
    for positions, name, room in ((tops, "tops", x.shape[-2] - H), (lefts, "lefts", x.shape[-1] - W)):
        p = per_image(positions, x, f"cropped: {name}")
        if p.min() < 0 or p.max() > room or (p % 1).any():
            raise DataError(
                f"cropped: {name} go from {p.min():g} to {p.max():g}; for {H} x {W} of {x.shape[-2]} x {x.shape[-1]} "
                f"pixels they must be whole numbers from 0 to {room}."
            )
    tops, lefts = (np.broadcast_to(p, len(x)).astype(np.intp) for p in (tops, lefts))
    windows = np.lib.stride_tricks.sliding_window_view(x, (H, W), axis=(-2, -1))
    windows = np.moveaxis(windows, (-4, -3), (1, 2))
    return windows[np.arange(len(x)), tops, lefts]


def _needs_room(shape, size, who, mend):
    if shape[0] < size[0] or shape[1] < size[1]:
        raise DataError(f"{who}: {size[0]} x {size[1]} pixels cannot be cut from {shape[0]} x {shape[1]}; {mend}.")


@catalogued("augmentation", source="S4, page 34; torchvision.transforms.RandomCrop(size, padding, fill)")
def random_crop(images, rng, size=None, padding=0, fill=0.0):
    """A patch of each image at a position that is uniform over all that fit.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    size : (H, W), in pixels; default the size of the images, for use with padding
    padding : int, how many pixels of `fill` are put on each of the four sides first
    fill : float from 0 to 1

    Returns
    -------
    array (B, H, W) or (B, c, H, W)

    Raises
    ------
    DataError, ShapeError : images that are none, a patch larger than the padded image, no generator.
    """
    x, padding = _given(images, rng, "random_crop"), whole_number(padding, "random_crop: padding", least=0)
    size = x.shape[-2:] if size is None else _size(size, "random_crop: size")
    border = [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2
    x = np.pad(x, border, constant_values=real(fill, "random_crop: fill", 0, 1))
    _needs_room(x.shape[-2:], size, "random_crop", "take a smaller size or more padding")
    tops, lefts = (rng.integers(0, x.shape[k] - size[k] + 1, len(x)) for k in (-2, -1))
    return cropped(x, tops, lefts, size)


@catalogued(
    "augmentation", source="S4, page 34, erratum 4.38; Simonyan & Zisserman 2015, sec. 3.1; He et al. 2016, sec. 3.4"
)
def random_scale_crop(images, rng, size=(224, 224), short=TRAIN_SHORT["ResNet"]):
    """Resize each image so that its short side is L, uniform among the whole numbers of `short`, and cut a patch.

    The deck gives [256, 480] for AlexNet, VGG and ResNet (erratum 4.38): that is ResNet's. VGG's is [256, 512], and
    AlexNet keeps L = 256: `TRAIN_SHORT` holds all three.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    size : (H, W), in pixels, at most the least L
    short : (least, most), whole numbers of pixels

    Returns
    -------
    array (B, H, W) or (B, c, H, W)

    Raises
    ------
    DataError, ShapeError : images that are none, a patch larger than the resized image, no generator.
    """
    who = "random_scale_crop"
    x, (H, W), (low, high) = _given(images, rng, who), _size(size, f"{who}: size"), _size(short, f"{who}: short")
    if low > high:
        raise DataError(f"{who}: short is {short!r}; the first number must not exceed the second.")
    _needs_room(resized_shape(x.shape[-2:], low), (H, W), who, f"raise short[0], now {low}, or take a smaller size")
    sides = rng.integers(low, high + 1, len(x))
    sizes = np.array([resized_shape(x.shape[-2:], int(L)) for L in sides])
    corners = rng.integers(0, sizes - (H, W) + 1)
    out = np.empty((*x.shape[:-2], H, W), x.dtype)
    for b, ((h, w), (top, left)) in enumerate(zip(sizes, corners, strict=True)):
        down, right = _line(x.shape[-2], h, top, top + H), _line(x.shape[-1], w, left, left + W)
        out[b] = _resampled(x[b], down, right)
    return out


@catalogued("augmentation", source="Szegedy et al. 2015 (1409.4842), sec. 6; torchvision.transforms.RandomResizedCrop")
def random_resized_crop(images, rng, size=None, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3)):
    """A patch of random area and aspect ratio, resized to one size.

    Each of ten draws takes a share of the area uniform in `area` and a ratio width / height log-uniform in `ratio`. The
    first patch that fits is cut at a uniform position; where none fits it is the largest central one of allowed ratio.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    size : (H, W), in pixels; default the size of the images
    area : (least, most), shares of the image's area, above 0 and at most 1
    ratio : (least, most), above 0

    Returns
    -------
    array (B, H, W) or (B, c, H, W)

    Raises
    ------
    DataError, ShapeError : images that are none, a range that cannot be, no generator.
    """
    who = "random_resized_crop"
    x = _given(images, rng, who)
    area, ratio = _factor_range(area, f"{who}: area"), _factor_range(ratio, f"{who}: ratio")
    if area[1] > 1:
        raise DataError(f"{who}: area is {area!r}; no patch is larger than its image, 1.")
    size = x.shape[-2:] if size is None else _size(size, f"{who}: size")
    return resized_crop(x, *_boxes(x, rng, area, ratio), size)


def _boxes(x, rng, area, ratio, draws=10):
    """Tops, lefts, heights and widths (B,) of random patches."""
    h, w = x.shape[-2:]
    share = rng.uniform(*area, (len(x), draws)) * h * w
    aspect = np.exp(rng.uniform(*np.log(ratio), (len(x), draws)))
    heights, widths = np.rint(np.sqrt(share / aspect)), np.rint(np.sqrt(share * aspect))
    fits = (heights >= 1) & (heights <= h) & (widths >= 1) & (widths <= w)
    first = np.arange(len(x)), fits.argmax(axis=1)
    least, most = ratio
    central = (
        (h, max(1, round(h * most))) if w / h > most else (max(1, round(w / least)), w) if w / h < least else (h, w)
    )
    found = fits.any(axis=1)
    height, width = (np.where(found, v[first], c).astype(int) for v, c in ((heights, central[0]), (widths, central[1])))
    rows, columns = h - height, w - width
    top, left = rng.integers(0, rows + 1), rng.integers(0, columns + 1)
    return np.where(found, top, rows // 2), np.where(found, left, columns // 2), height, width


def resized_crop(images, tops, lefts, heights, widths, size):
    """Each image's patch (tops, lefts, heights, widths: whole numbers (B,)) resized to (H, W), as by `resize`.

    Raises
    ------
    DataError, ShapeError : images that are none, or a patch that leaves its image.
    """
    x, (H, W) = checked_images(images, "resized_crop"), _size(size, "resized_crop: size")
    names = ("tops", "lefts", "heights", "widths")
    box = [per_image(v, x, f"resized_crop: {n}") for v, n in zip((tops, lefts, heights, widths), names, strict=True)]
    top, left, height, width = box
    inside = (top + height <= x.shape[-2]) & (left + width <= x.shape[-1])
    if not (inside & (top >= 0) & (left >= 0) & (height >= 1) & (width >= 1)).all() or any((v % 1).any() for v in box):
        raise DataError("resized_crop: a patch leaves its image, is empty, or is not given in whole pixels.")

    def weights(first, length, new, n):
        centres = first[:, None] + (np.arange(new) + 0.5) * (length / new)[:, None]
        support = np.maximum(1.0, length / new)[:, None]
        return _triangle(centres, support, first[:, None], (first + length)[:, None], n)

    return _resampled(x, weights(top, height, H, x.shape[-2]), weights(left, width, W, x.shape[-1]))


@catalogued(
    "augmentation", source="S4, page 34, erratum 4.38; Krizhevsky et al. 2012, sec. 4.1; torchvision.transforms.TenCrop"
)
def ten_crop(images, size):
    """The fixed views for testing: four corners and the centre, then the same five of the mirrored image.

    The network's outputs for the ten are averaged. Ten crops at the one scale L = 256 are AlexNet's; several scales
    are VGG's and ResNet's (erratum 4.38): see `multi_scale_ten_crop`.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    size : (H, W), in pixels, at most that of the images

    Returns
    -------
    array (B, 10, H, W) or (B, 10, c, H, W): top left, top right, bottom left, bottom right, centre, then mirrored

    Raises
    ------
    DataError, ShapeError : images that are none, or a patch larger than the image.
    """
    x, (H, W) = checked_images(images, "ten_crop"), _size(size, "ten_crop: size")
    h, w = x.shape[-2:]
    _needs_room((h, w), (H, W), "ten_crop", "take a smaller size, or resize the images first")
    corners = [(0, 0), (0, w - W), (h - H, 0), (h - H, w - W), (round((h - H) / 2), round((w - W) / 2))]
    views = [side[..., r : r + H, s : s + W] for side in (x, x[..., ::-1]) for r, s in corners]
    return np.stack(views, axis=1)


@catalogued(
    "augmentation", source="S4, page 34, erratum 4.38; He et al. 2016, sec. 3.4; Simonyan & Zisserman 2015, sec. 3.2"
)
def multi_scale_ten_crop(images, size=(224, 224), shorts=TEST_SHORT["ResNet"]):
    """`ten_crop` of the images resized so that their short side is each of `shorts` in turn.

    The deck gives 5 scales for AlexNet, VGG and ResNet (erratum 4.38); they are ResNet's. `TEST_SHORT` holds all three.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    size : (H, W), in pixels, at most the least of shorts
    shorts : whole numbers of pixels

    Returns
    -------
    array (B, 10 n, H, W) or (B, 10 n, c, H, W) for n scales, scale by scale

    Raises
    ------
    DataError, ShapeError : images that are none, no scale, or a patch larger than the resized image.
    """
    x, who = checked_images(images, "multi_scale_ten_crop"), "multi_scale_ten_crop"
    if not isinstance(shorts, (tuple, list, np.ndarray)) or len(shorts) == 0:
        raise DataError(f"{who}: shorts is {shorts!r}; a list of whole numbers is needed, at least one.")
    shapes = [resized_shape(x.shape[-2:], whole_number(L, f"{who}: shorts[{k}]")) for k, L in enumerate(shorts)]
    return np.concatenate([ten_crop(resize(x, shape), size) for shape in shapes], axis=1)


# Values


@catalogued("augmentation", source="S4, page 31 (Gaussian noise); Bishop 1995, 'Training with noise'")
def noise(images, rng, sigma=0.1):
    """y = x + sigma n with n normal and independent for each pixel, cut off at 0 and 1.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    sigma : float, at least 0, the noise's standard deviation, in units where white minus black is 1

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, sigma out of range, no generator.
    """
    x, sigma = _given(images, rng, "noise"), real(sigma, "noise: sigma")
    return np.clip(x + x.dtype.type(sigma) * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)


def contrasted(images, factors):
    """y = m + factor (x - m) cut off at 0 and 1, m the image's mean over pixels and channels, factors (B,) at least 0.

    Raises
    ------
    DataError, ShapeError : images that are none, a factor that is negative, factors of another shape.
    """
    x, factors = checked_images(images, "contrasted"), _factors(images, factors, "contrasted")
    mean = x.mean(axis=tuple(range(1, x.ndim)), keepdims=True)
    return np.clip(mean + factors * (x - mean), 0, 1)


def brightened(images, factors):
    """y = factor x cut off at 1, factors (B,) at least 0. Raises as `contrasted` does."""
    x, factors = checked_images(images, "brightened"), _factors(images, factors, "brightened")
    return np.clip(factors * x, 0, 1)


def _factors(images, factors, who):
    x = np.asarray(images)
    factors = per_image(factors, x, f"{who}: factors")
    if factors.min() < 0:
        raise DataError(f"{who}: factors reach down to {factors.min():g}; they must be at least 0.")
    return factors.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))


@catalogued(
    "augmentation", source="S4, page 35 ('randomly jitter contrast'); torchvision.transforms.ColorJitter(contrast)"
)
def contrast(images, rng, factors=(0.8, 1.2)):
    """Move each image's pixels away from their mean, or towards it, by a uniform factor; `contrasted` for given ones.

    torchvision takes the mean of the luminance; here all channels count alike, since they need not be colours.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    factors : (least, most), at least 0; 1 changes nothing, 0 leaves a uniform grey

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, factors out of range, no generator.
    """
    x, factors = _given(images, rng, "contrast"), _interval(factors, "contrast: factors", 0)
    return contrasted(x, rng.uniform(*factors, len(x)))


@catalogued("augmentation", source="S4, page 35 ('Color jitter'); torchvision.transforms.ColorJitter(brightness)")
def brightness(images, rng, factors=(0.8, 1.2)):
    """Multiply each image by a uniform factor; `brightened` for given ones.

    Parameters
    ----------
    images : array (B, h, w) or (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    factors : (least, most), at least 0; 1 changes nothing, 0 leaves black

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none, factors out of range, no generator.
    """
    x, factors = _given(images, rng, "brightness"), _interval(factors, "brightness: factors", 0)
    return brightened(x, rng.uniform(*factors, len(x)))


def colour_axes(images):
    """PCA of all pixels of the training images: what `pca_colour` takes.

    Parameters
    ----------
    images : array (B, c, h, w), the training set or a large part of it

    Returns
    -------
    variances : array (c,), descending, of the colours along the principal axes
    vectors : array (c, c), one axis in each column

    Raises
    ------
    DataError, ShapeError : images that are none, or without the axis c.
    """
    x = checked_images(images, "colour_axes")
    if x.ndim != 4:
        raise ShapeError(f"colour_axes: images need the axes b,c,h,w but have shape {x.shape}; grey has no colour.")
    pixels = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    return principal_axes(pixels, pixels.mean(axis=0, dtype=float))


def recoloured(images, offsets):
    """y[b,c,r,s] = x[b,c,r,s] + offsets[b,c], cut off at 0 and 1. Raises DataError, ShapeError."""
    x = checked_images(images, "recoloured")
    if x.ndim != 4:
        raise ShapeError(f"recoloured: images need the axes b,c,h,w but have shape {x.shape}; grey has no colour.")
    offsets = per_image(offsets, x, "recoloured: offsets", x.shape[1:2])
    return np.clip(x + offsets.astype(x.dtype)[:, :, None, None], 0, 1)


@catalogued("augmentation", source="S4, page 35 ('color offset'); Krizhevsky et al. 2012 (AlexNet), sec. 4.1")
def pca_colour(images, rng, axes, sigma=0.1):
    """Add to all pixels of an image one offset, offset[b] = sum_i a[b,i] v[i] p[i] with a normal of deviation sigma.

    v and p are the variances and vectors of `colour_axes`, so the offsets have the covariance sigma^2 C^2 for C that of
    the training pixels. v is a variance, as in the paper: pixels from 0 to 1 get offsets that are, relative to
    their range, 255 times smaller than pixels from 0 to 255 would; raise sigma for stronger ones.

    Parameters
    ----------
    images : array (B, c, h, w) of floats from 0 to 1
    rng : numpy.random.Generator
    axes : (variances (c,), vectors (c, c)), from `colour_axes` of the training images
    sigma : float, at least 0

    Returns
    -------
    array of the shape and type of images

    Raises
    ------
    DataError, ShapeError : images that are none or have no channels, axes of another number of channels, no generator.
    """
    x, offsets = _given(images, rng, "pca_colour"), colour_offsets(len(images), rng, axes, sigma)
    return recoloured(x, offsets)


def colour_offsets(B, rng, axes, sigma=0.1):
    """The offsets (B, c) that `pca_colour` adds. Raises DataError, ShapeError where axes or sigma cannot be."""
    generator(rng, "pca_colour")
    B, sigma = whole_number(B, "pca_colour: B"), real(sigma, "pca_colour: sigma")
    try:
        variances, vectors = axes
    except (TypeError, ValueError):
        raise DataError(
            "pca_colour: axes must be (variances, vectors), as colour_axes(training images) gives."
        ) from None
    variances, vectors = numbers(variances, "pca_colour: variances"), numbers(vectors, "pca_colour: vectors")
    if variances.ndim != 1 or vectors.shape != variances.shape * 2:
        shapes = f"{variances.shape} and {vectors.shape}"
        raise ShapeError(f"pca_colour: variances and vectors have shapes {shapes}; (c,) and (c, c) are needed.")
    a = sigma * rng.standard_normal((B, len(variances)))
    return (a * variances) @ vectors.T  # offset[b,c] = a[b,i] v[i] p[c,i]
