"""Augmentation: each function does what its formula says, keeps images apart, and changes nothing at identity.

Oracles: PyTorch's grid_sample and interpolate (golden/augment.npz), scipy.ndimage, numpy.rot90, slices by hand, and the
distributions stated; a right function fails a comparison of frequencies or moments with probability FALSE_ALARM.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

import edfcore as edf
from edfcore.data import augment as A

FALSE_ALARM = 1e-6
GOLDEN = Path(__file__).parent / "golden" / "augment.npz"
AXES = A.colour_axes(np.random.default_rng(9).uniform(size=(8, 3, 5, 5)))
# Every random augmentation that keeps the shape, with settings strong enough to move every image.
RANDOM = {
    "noise": {},
    "flip": {"horizontal": 1.0},
    "translate": {"fraction": 0.3},
    "scale": {"factors": (0.5, 0.8)},
    "rotate": {"degrees": 90.0},
    "shear": {"degrees": 40.0},
    "stretch": {"factors": (1.2, 2.0)},
    "lens_distortion": {"k": 0.3},
    "affine": {},
    "random_crop": {"padding": 3},
    "random_resized_crop": {},
    "contrast": {"factors": (0.2, 0.7)},
    "brightness": {"factors": (0.2, 0.7)},
    "pca_colour": {"axes": AXES, "sigma": 5.0},
}
# The draw-free functions: parameters for B images, and the parameter that changes nothing.
GIVEN = {
    "translated": (lambda rng, B: rng.uniform(-3, 3, (B, 2)), (0, 0)),
    "scaled": (lambda rng, B: rng.uniform(0.5, 2, B), 1),
    "rotated": (lambda rng, B: rng.uniform(-180, 180, B), 0),
    "sheared": (lambda rng, B: rng.uniform(-60, 60, B), 0),
    "stretched": (lambda rng, B: rng.uniform(0.5, 2, (B, 2)), (1, 1)),
    "lens_distorted": (lambda rng, B: rng.uniform(-0.3, 0.5, B), 0),
    "affine_map": (lambda rng, B: np.eye(2) + rng.uniform(-0.4, 0.4, (B, 2, 2)), np.eye(2)),
    "flipped": (lambda rng, B: rng.integers(0, 2, B), False),
    "contrasted": (lambda rng, B: rng.uniform(0, 2, B), 1),
    "brightened": (lambda rng, B: rng.uniform(0, 2, B), 1),
    "recoloured": (lambda rng, B: rng.normal(size=(B, 3)) / 5, (0, 0, 0)),
}


def images(B=5, c=3, h=9, w=6, seed=0, dtype="float64"):
    return np.random.default_rng(seed).uniform(size=(B, c, h, w)).astype(dtype)


def close(got, expected, tolerance=1e-12):
    return got.shape == expected.shape and np.abs(got - expected).max() <= tolerance


def chi_square_is_plausible(counts, expected):
    counts, expected = np.asarray(counts, float), np.broadcast_to(expected, np.shape(counts))
    assert expected.min() > 5 and counts.sum() == pytest.approx(expected.sum())
    return np.sum((counts - expected) ** 2 / expected) < stats.chi2.isf(FALSE_ALARM, counts.size - 1)


def uniform_is_plausible(found, least, most):
    return stats.kstest(found, "uniform", args=(least, most - least)).pvalue > FALSE_ALARM


# The sampler


@given(h=st.integers(1, 7), w=st.integers(1, 7), fill=st.floats(0, 1), seed=st.integers(0, 99))
def test_the_sampler_equals_scipys_map_coordinates(h, w, fill, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(3, 2, h, w))
    rows, columns = (rng.uniform(-3, n + 3, (3, 4, 5)) for n in (h, w))
    rows[0, 0] = np.arange(5) - 1  # whole pixels and edges too
    found = A.sample(x, rows, columns, fill)
    for b in range(3):
        at = rows[b], columns[b]
        for c in range(2):
            assert close(found[b, c], ndimage.map_coordinates(x[b, c], at, order=1, mode="grid-constant", cval=fill))


@pytest.mark.pins("affine")
def test_the_affine_map_equals_scipys_and_torchs():
    with np.load(GOLDEN) as golden:
        x, A_, t, expected = (golden[key] for key in ("images", "matrices", "shifts", "warped"))
    found = A.affine_map(x, A_, t)
    assert close(found, expected)
    c = (np.array(x.shape[-2:]) - 1) / 2
    for b in range(len(x)):
        inverse = np.linalg.inv(A_[b])
        one = ndimage.affine_transform(x[b, 0], inverse, c - inverse @ (c + t[b]), order=1, mode="grid-constant")
        assert close(found[b, 0], one)


@pytest.mark.parametrize("slip", ["forward map", "transposed", "sign of the shift", "rows and columns"])
def test_the_golden_warp_tells_the_usual_slips_apart(slip):
    with np.load(GOLDEN) as golden:
        x, A_, t, expected = (golden[key] for key in ("images", "matrices", "shifts", "warped"))
    wrong = {
        "forward map": (np.linalg.inv(A_), t),
        "transposed": (np.swapaxes(A_, 1, 2), t),
        "sign of the shift": (A_, -t),
        "rows and columns": (A_[:, ::-1, ::-1], t[:, ::-1]),
    }[slip]
    assert not close(A.affine_map(x, *wrong), expected, 0.1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", GIVEN)
def test_the_identity_changes_no_bit(name, dtype):
    x = images(dtype=dtype)
    found = getattr(A, name)(x, GIVEN[name][1])
    tolerance = 1e-6 if name == "contrasted" else 0  # m + (x - m) is rounded
    assert found.dtype == x.dtype and close(found, x, tolerance) and not np.shares_memory(found, x)
    if name != "recoloured":
        assert np.array_equal(
            getattr(A, name)(x[:, 0], GIVEN[name][1]), getattr(A, name)(x[:, :1], GIVEN[name][1])[:, 0]
        )


@pytest.mark.parametrize("name", GIVEN)
def test_a_batch_with_given_parameters_equals_its_images_one_by_one(name):
    """Bit for bit, across the chunks in which the sampler works."""
    x, f = images(B=2 * A.CHUNK + 3), getattr(A, name)
    parameters = GIVEN[name][0](np.random.default_rng(1), len(x))
    together = f(x, parameters)
    alone = np.concatenate([f(x[b : b + 1], parameters[b]) for b in range(len(x))])
    assert np.array_equal(together, alone) and not np.array_equal(together, x)


@pytest.mark.pins("translate")
@given(down=st.integers(-10, 10), right=st.integers(-7, 7), fill=st.floats(0, 1))
def test_a_whole_translation_is_a_shifted_array_with_fill(down, right, fill):
    x = images()
    expected = np.full((5, 3, 9 + 20, 6 + 14), fill)
    expected[..., 10 + down : 19 + down, 7 + right : 13 + right] = x
    assert np.array_equal(A.translated(x, (down, right), fill), expected[..., 10:19, 7:13])


@pytest.mark.pins("rotate")
@pytest.mark.parametrize("n", [1, 4, 5, 28])
@pytest.mark.parametrize("quarter", [-1, 0, 1, 2, 3, 4])
def test_quarter_turns_equal_rot90(n, quarter):
    x = images(h=n, w=n)
    assert close(A.rotated(x, 90.0 * quarter), np.rot90(x, quarter, axes=(-2, -1)))
    oblong = images()
    assert close(A.rotated(oblong, 180.0), np.rot90(oblong, 2, axes=(-2, -1)))


def blob(h=41, w=41, width=5.0, at=(0.0, 0.0)):
    """A Gaussian as an image; its second derivatives are at most 1 / width^2 in size."""
    i, j = np.mgrid[:h, :w]
    c = (h - 1) / 2 + at[0], (w - 1) / 2 + at[1]
    return np.exp(-((i - c[0]) ** 2 + (j - c[1]) ** 2) / (2 * width**2))[None]


@pytest.mark.pins("rotate")
@given(first=st.floats(-180, 180), second=st.floats(-180, 180))
def test_rotations_compose(first, second):
    """Exactly as matrices; as images within the errors of three interpolations, each |f''| / 8 in either direction."""
    assert close(A.rotation([first]) @ A.rotation([second]), A.rotation([first + second]))
    width = 4.0
    edge = np.exp(-((20 - np.hypot(3, 5)) ** 2) / (2 * width**2))  # the most that a turned blob loses at the edge
    x = blob(width=width, at=(3, 5))
    bound = 3 * 2 / (8 * width**2) + 3 * edge
    assert close(A.rotated(A.rotated(x, second), first), A.rotated(x, first + second), bound)


@pytest.mark.pins("rotate", "scale", "shear", "stretch")
@pytest.mark.parametrize(
    "name, parameter, moved",
    [
        ("rotated", 30.0, lambda p: (p[0] * np.cos(np.pi / 6) - p[1] / 2, p[0] / 2 + p[1] * np.cos(np.pi / 6))),
        ("scaled", 1.5, lambda p: (1.5 * p[0], 1.5 * p[1])),
        ("stretched", (0.5, 1.5), lambda p: (0.5 * p[0], 1.5 * p[1])),
        ("sheared", 45.0, lambda p: (p[0], p[1] + p[0])),
        ("translated", (2.5, -1.25), lambda p: (p[0] + 2.5, p[1] - 1.25)),
    ],
)
def test_each_map_moves_a_position_as_its_docstring_says(name, parameter, moved):
    """A smooth blob's peak goes where the formula sends it: the centroid, within a twentieth of a pixel."""
    at = (-5.0, 4.0)
    y = getattr(A, name)(blob(width=2.0, at=at), parameter)[0]
    i, j = np.mgrid[:41, :41] - 20.0
    centroid = np.sum(i * y) / y.sum(), np.sum(j * y) / y.sum()
    np.testing.assert_allclose(centroid, moved(at), atol=0.05)


@pytest.mark.pins("lens_distortion")
@given(k=st.floats(-0.33, 1), fill=st.floats(0, 1), h=st.integers(1, 8), w=st.integers(1, 8))
def test_lens_distortion_samples_where_its_formula_says(k, fill, h, w):
    x = images(h=h, w=w)
    i, j = np.mgrid[:h, :w].astype(float)
    u, v = i - (h - 1) / 2, j - (w - 1) / 2
    R = np.hypot(u.min(), v.min()) or 1.0
    factor = 1 + k * np.hypot(u, v) ** 2 / R**2
    at = u * factor + (h - 1) / 2, v * factor + (w - 1) / 2
    expected = ndimage.map_coordinates(x[0, 0], at, order=1, mode="grid-constant", cval=fill)
    assert close(A.lens_distorted(x, k, fill)[0, 0], expected, 1e-11)


@pytest.mark.pins("lens_distortion")
def test_a_positive_coefficient_is_a_barrel():
    """A bright frame moves inwards, more at the corners than in the middle of a side."""
    x = np.zeros((1, 41, 41))
    x[:, [5, 35], 5:36] = x[:, 5:36, [5, 35]] = 1
    y = A.lens_distorted(x, 0.3)[0]
    middle, corner = int(y[:20, 20].argmax()), int(np.diagonal(y)[:20].argmax())
    assert 5 < middle < corner


# What is drawn


@pytest.mark.pins("flip")
def test_flips_equal_slices_and_flipping_twice_is_the_identity():
    x, rng = images(), np.random.default_rng(0)
    assert np.array_equal(A.flip(x, rng, horizontal=1, vertical=0), x[..., ::-1])
    assert np.array_equal(A.flip(x, rng, horizontal=0, vertical=1), x[..., ::-1, :])
    assert np.array_equal(A.flip(A.flip(x, rng, 1, 1), rng, 1, 1), x)
    assert np.array_equal(A.flipped(x, [1, 0, 0, 1, 0])[[0, 3]], x[[0, 3], ..., ::-1])
    assert np.array_equal(A.flipped(x, [1, 0, 0, 1, 0])[[1, 2, 4]], x[[1, 2, 4]])


@pytest.mark.pins("flip")
@pytest.mark.parametrize("horizontal, vertical", [(0.5, 0.25), (0.1, 0.9)])
def test_flips_have_their_probabilities_and_are_independent(horizontal, vertical):
    x = np.tile(np.array([[0.0, 0.1], [0.2, 0.3]]), (20000, 1, 1))
    corner = np.rint(A.flip(x, np.random.default_rng(1), horizontal, vertical)[:, 0, 0] * 10).astype(int)
    p, q = horizontal, vertical  # the corner shows 0.1 after a horizontal flip, 0.2 after a vertical, 0.3 after both
    expected = 20000 * np.array([(1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q])
    assert chi_square_is_plausible(np.bincount(corner, minlength=4), expected)


def centroids(y):
    i, j = np.mgrid[: y.shape[1], : y.shape[2]]
    weight = y.sum(axis=(1, 2))
    middle = (np.array(y.shape[1:]) - 1) / 2
    return np.stack([(i * y).sum(axis=(1, 2)) / weight, (j * y).sum(axis=(1, 2)) / weight], axis=1) - middle


def turned(c):
    """The angle by which the blob at (-6, 4) came to c, in degrees from -180 to 180."""
    return _degrees(np.arctan2(-c[:, 0], c[:, 1]) - np.arctan2(6, 4))


def _degrees(angle):
    return np.rad2deg((angle + np.pi) % (2 * np.pi) - np.pi)


@pytest.mark.pins("translate", "rotate", "scale", "stretch", "shear", "affine")
@pytest.mark.parametrize(
    "name, settings, measure",
    [
        ("translate", {"fraction": 0.2}, lambda c: [(c[:, 0] + 6, -8.2, 8.2), (c[:, 1] - 4, -8.2, 8.2)]),
        ("rotate", {"degrees": 40.0}, lambda c: [(turned(c), -40, 40)]),
        ("scale", {"factors": (0.8, 1.4)}, lambda c: [(c[:, 0] / -6, 0.8, 1.4), (c[:, 1] / 4, 0.8, 1.4)]),
        ("stretch", {"factors": (0.8, 1.4)}, lambda c: [(c[:, 0] / -6, 0.8, 1.4), (c[:, 1] / 4, 0.8, 1.4)]),
        ("shear", {"degrees": 30.0}, lambda c: [(_degrees(np.arctan((c[:, 1] - 4) / -6)), -30, 30)]),
        ("affine", {"degrees": 0, "lean": 0, "factors": (1, 1), "fraction": 0.2},
         lambda c: [(c[:, 0] + 6, -8.2, 8.2), (c[:, 1] - 4, -8.2, 8.2)]),
        ("affine", {"degrees": 40, "lean": 0, "factors": (1, 1), "fraction": 0},
         lambda c: [(turned(c), -40, 40)]),
    ],
)  # fmt: skip
def test_drawn_parameters_are_uniform_over_their_range(name, settings, measure):
    """Measured from where a blob at (-6, 4) of the centre arrives, by Kolmogorov-Smirnov."""
    x = np.tile(blob(width=1.5, at=(-6, 4)), (1000, 1, 1))
    found = centroids(getattr(A, name)(x, np.random.default_rng(2), **settings))
    for values, least, most in measure(found):
        assert uniform_is_plausible(values, least, most)


@pytest.mark.pins("stretch", "translate", "affine")
@pytest.mark.parametrize(
    "name, settings, independent",
    [
        ("stretch", {"factors": (0.8, 1.4)}, True),
        ("translate", {"fraction": 0.2}, True),
        ("affine", {"degrees": 0, "lean": 0, "factors": (1, 1), "fraction": 0.2}, True),
        ("affine", {"degrees": 0, "lean": 0, "factors": (0.8, 1.4), "fraction": 0}, True),
        ("scale", {"factors": (0.8, 1.4)}, False),
    ],
)
def test_what_happens_to_height_does_not_follow_what_happens_to_width(name, settings, independent):
    x = np.tile(blob(width=1.5, at=(-6, 4)), (500, 1, 1))
    down, right = centroids(getattr(A, name)(x, np.random.default_rng(3), **settings)).T
    assert bool(stats.pearsonr(down, right).pvalue > FALSE_ALARM) is independent


@pytest.mark.pins("noise")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_is_normal_with_deviation_sigma(dtype):
    x = np.full((50, 28, 28), 0.5, dtype)
    y = A.noise(x, np.random.default_rng(4), sigma=0.05)  # 10 deviations from either end: nothing is cut off
    assert y.dtype == x.dtype
    assert stats.kstest((y - x).ravel() / 0.05, "norm").pvalue > FALSE_ALARM
    y = A.noise(images(), np.random.default_rng(4), sigma=3.0)
    assert y.min() == 0 and y.max() == 1


@pytest.mark.pins("contrast", "brightness")
@given(factor=st.floats(0, 5), seed=st.integers(0, 9))
def test_contrast_and_brightness_follow_their_formulas(factor, seed):
    x = images(seed=seed)
    for b in range(len(x)):
        mean = sum(x[b].ravel().tolist()) / x[b].size
        assert close(A.contrasted(x, factor)[b], np.clip(mean * (1 - factor) + factor * x[b], 0, 1))
        assert close(A.brightened(x, factor)[b], np.minimum(x[b] * factor, 1))


@pytest.mark.pins("contrast", "brightness")
def test_contrast_and_brightness_draw_uniform_factors():
    x = np.tile(np.array([[0.4, 0.6]]), (3000, 1, 1))
    y = A.contrast(x, np.random.default_rng(5), (0.5, 1.5))
    assert uniform_is_plausible((y[:, 0, 1] - y[:, 0, 0]) / 0.2, 0.5, 1.5) and close(
        y.mean(axis=(1, 2)), np.full(3000, 0.5)
    )
    assert uniform_is_plausible(A.brightness(x, np.random.default_rng(5), (0.5, 1.5))[:, 0, 0] / 0.4, 0.5, 1.5)


@pytest.mark.pins("pca_colour")
def test_colour_axes_are_those_of_the_pixels_covariance():
    x = images(B=30)
    C = np.cov(np.moveaxis(x, 1, -1).reshape(-1, 3).T, ddof=0)
    variances, vectors = A.colour_axes(x)
    assert close(vectors @ np.diag(variances) @ vectors.T, C) and (np.diff(variances) <= 0).all()
    assert close(A.colour_axes(x.astype("float32"))[0], variances, 1e-7)


@pytest.mark.pins("pca_colour")
def test_colour_offsets_have_alexnets_covariance_and_are_one_for_each_image():
    """offset = P (a * v): covariance sigma^2 P diag(v^2) P^T = sigma^2 C^2. Whitened by it they are standard normal."""
    x = images(B=30) * np.array([1.0, 0.5, 0.2])[:, None, None]
    C = np.cov(np.moveaxis(x, 1, -1).reshape(-1, 3).T, ddof=0)
    grey = np.full((4000, 3, 2, 2), 0.5)
    offsets = A.pca_colour(grey, np.random.default_rng(6), A.colour_axes(x), sigma=0.1) - 0.5
    assert close(offsets, np.broadcast_to(offsets[:, :, :1, :1], offsets.shape), 0)
    white = np.linalg.solve(0.1 * C, offsets[:, :, 0, 0].T)  # a symmetric root of sigma^2 C^2 is sigma C
    assert stats.kstest(white.ravel(), "norm").pvalue > FALSE_ALARM
    far = np.abs(white @ white.T / 4000 - np.eye(3)).max()
    assert far < stats.norm.isf(FALSE_ALARM / 12) * (2 / 4000) ** 0.5


def test_the_covariance_test_sees_deviations_in_place_of_variances():
    """Planted: offset = P (a * sqrt(v)), the common misreading."""
    variances, vectors = A.colour_axes(images(B=30))
    C = vectors @ np.diag(variances) @ vectors.T
    offsets = A.colour_offsets(4000, np.random.default_rng(6), (np.sqrt(variances), vectors))
    assert stats.kstest(np.linalg.solve(0.1 * C, offsets.T).ravel(), "norm").pvalue < FALSE_ALARM


# Resizing and crops


@pytest.mark.pins("random_resized_crop", "multi_scale_ten_crop", "random_scale_crop")
def test_resizing_equals_torchs_with_antialias():
    with np.load(GOLDEN) as golden:
        sizes = [key.split(".")[1] for key in golden if key.startswith("resized")]
        assert len(sizes) == 6 and str(golden["torch_version"]).startswith("2.")
        for size in sizes:
            shape = tuple(map(int, size.split("x")))
            assert close(A.resize(golden["images"], shape), golden[f"resized.{size}"])
            assert close(A.resized_crop(golden["images"], *golden["boxes"].T, shape), golden[f"crop.{size}"])


def test_resizing_equals_pillows_and_keeps_what_is_constant():
    from PIL import Image

    x = images(B=1, c=1, h=31, w=17)
    for h, w in ((31, 17), (10, 40), (62, 5), (7, 7)):
        expected = Image.fromarray(x[0, 0].astype("float32")).resize((w, h), Image.Resampling.BILINEAR)
        assert close(A.resize(x, (h, w))[0, 0], np.asarray(expected, float), 1e-5)  # Pillow computes in float32
        assert close(A.resize(np.full((1, 31, 17), 0.3), (h, w)), np.full((1, h, w), 0.3))
    assert np.array_equal(A.resize(x, (31, 17)), x)


@pytest.mark.pins("random_crop")
@pytest.mark.parametrize("size, padding", [((3, 4), 0), ((5, 6), 0), ((5, 6), 1), ((4, 4), 2)])
def test_each_patch_comes_equally_often_and_is_a_slice(size, padding):
    x = np.arange(1.0, 31).reshape(1, 5, 6) / 30
    padded = np.pad(x[0], padding, constant_values=0.5 / 30)
    H, W = size
    patches = [padded[r : r + H, s : s + W] for r in range(len(padded) - H + 1) for s in range(padded.shape[1] - W + 1)]
    n = 40 * len(patches)
    found = A.random_crop(np.tile(x, (n, 1, 1)), np.random.default_rng(7), size, padding, fill=0.5 / 30)
    known = {patch.tobytes(): k for k, patch in enumerate(patches)}
    assert len(known) == len(patches)
    counts = np.bincount([known[y.tobytes()] for y in found], minlength=len(patches))
    assert len(patches) == 1 or chi_square_is_plausible(counts, 40)


@pytest.mark.pins("random_crop")
def test_crops_of_colour_images_equal_slices():
    x = images()
    y = A.cropped(x, [0, 1, 2, 3, 4], [2, 1, 0, 1, 2], (5, 4))
    for b, (top, left) in enumerate(zip([0, 1, 2, 3, 4], [2, 1, 0, 1, 2], strict=True)):
        assert np.array_equal(y[b], x[b, :, top : top + 5, left : left + 4])
    assert A.random_crop(x, np.random.default_rng(0), padding=2).shape == x.shape


@pytest.mark.pins("random_scale_crop")
def test_a_random_scale_crop_is_a_patch_of_the_resized_image_and_scales_are_uniform():
    x = images(B=1, h=7, w=9)
    patches, side = [], []
    for L in (5, 6, 7, 8):
        h, w = L, 9 * L // 7
        whole = A.resize(x, (h, w))[0]
        patches += [whole[:, r : r + 5, s : s + 4] for r in range(h - 4) for s in range(w - 3)]
        side += [L] * ((h - 4) * (w - 3))
    patches, side = np.array(patches), np.array(side)
    found = A.random_scale_crop(np.tile(x, (2000, 1, 1, 1)), np.random.default_rng(8), (5, 4), short=(5, 8))
    distance = np.abs(found[:, None] - patches).max(axis=(2, 3, 4))
    assert distance.min(axis=1).max() < 1e-12
    which = distance.argmin(axis=1)
    assert chi_square_is_plausible(np.bincount(side[which], minlength=9)[5:], 500)
    for L in (5, 6, 7, 8):
        counts = np.bincount(which[side[which] == L] - np.flatnonzero(side == L)[0], minlength=(side == L).sum())
        assert chi_square_is_plausible(counts, counts.mean())


@pytest.mark.pins("random_resized_crop")
def test_boxes_have_the_areas_and_ratios_asked_for_and_stay_inside():
    x, area, ratio = np.zeros((4000, 200, 300)), (0.1, 0.6), (0.5, 2.0)
    top, left, height, width = A._boxes(x, np.random.default_rng(9), area, ratio)
    assert top.min() >= 0 and left.min() >= 0 and (top + height).max() <= 200 and (left + width).max() <= 300
    shares, aspects = height * width / 60000, width / height
    assert shares.min() > 0.098 and shares.max() < 0.605 and aspects.min() > 0.49 and aspects.max() < 2.05
    small = shares < 0.2  # these fit at every ratio; rounding to whole pixels moves the ratio by a few thousandths
    jitter = np.random.default_rng(0).normal(size=small.sum()) * 1e-3
    assert uniform_is_plausible(np.log(aspects[small]) + jitter, np.log(0.5), np.log(2.0))


@pytest.mark.pins("random_resized_crop")
@pytest.mark.parametrize(
    "h, w, ratio, box",
    [(10, 40, (0.5, 2.0), (0, 10, 10, 20)), (40, 10, (0.5, 2.0), (10, 0, 20, 10)), (8, 8, (1.0, 1.0), (0, 0, 8, 8))],
)
def test_where_no_patch_fits_the_largest_central_one_of_allowed_ratio_is_taken(h, w, ratio, box):
    found = A._boxes(np.zeros((3, h, w)), np.random.default_rng(0), (1.0, 1.0), ratio)
    assert [v.tolist() for v in found] == [[n] * 3 for n in box]


@pytest.mark.pins("ten_crop")
def test_ten_crops_equal_slices_by_hand():
    x = images(h=7, w=10)
    y, mirrored = A.ten_crop(x, (4, 5)), x[..., ::-1]
    assert y.shape == (5, 10, 3, 4, 5)
    by_hand = [x[..., :4, :5], x[..., :4, 5:], x[..., 3:, :5], x[..., 3:, 5:], x[..., 2:6, 2:7]]
    by_hand += [mirrored[..., :4, :5], mirrored[..., :4, 5:], mirrored[..., 3:, :5], mirrored[..., 3:, 5:],
                mirrored[..., 2:6, 2:7]]  # fmt: skip
    for k, view in enumerate(by_hand):
        assert np.array_equal(y[:, k], view)
    assert A.ten_crop(x[:, 0], (4, 5)).shape == (5, 10, 4, 5)
    assert len({view.tobytes() for view in y[0]}) == 10


@pytest.mark.pins("multi_scale_ten_crop")
def test_multi_scale_crops_are_ten_of_each_resized_image():
    x = images(h=10, w=7)
    y = A.multi_scale_ten_crop(x, (6, 5), (7, 9))
    assert y.shape == (5, 20, 3, 6, 5)
    assert np.array_equal(y[:, :10], A.ten_crop(x, (6, 5)))
    assert np.array_equal(y[:, 10:], A.ten_crop(A.resize(x, (12, 9)), (6, 5)))
    assert A.multi_scale_ten_crop(images(B=1, c=1, h=16, w=16)).shape == (1, 50, 1, 224, 224)


# Erratum 4.38: which network trained and tested at which scales

PRINTED = ({net: (256, 480) for net in A.TRAIN_SHORT}, {net: (224, 256, 384, 480, 640) for net in A.TRAIN_SHORT})
CORRECTED = (A.TRAIN_SHORT, A.TEST_SHORT)


def scales_are_those_of_the_papers(train, test):
    """AlexNet's patches of 224 and their mirror images make the set larger by 2048 (sec. 4.1) and are averaged over
    10 (sec. 4.1); VGG tests at the ends and the middle of its training range, 256, 384, 512 (sec. 4.2)."""
    least, most = train["AlexNet"]
    views = {2 * (L - 224) ** 2 for L in range(least, most + 1)}
    ends = train["VGG"]
    return views == {2048} and 10 * len(test["AlexNet"]) == 10 and (ends[0], sum(ends) / 2, ends[1]) == test["VGG"]


@pytest.mark.pins("random_scale_crop", "ten_crop", "multi_scale_ten_crop")
@pytest.mark.parametrize("form, holds", [(PRINTED, False), (CORRECTED, True)], ids=["4.38 printed", "4.38 corrected"])
def test_each_network_has_its_own_scales(form, holds):
    assert scales_are_those_of_the_papers(*form) is holds
    assert form[0]["ResNet"] == (256, 480) and form[1]["ResNet"] == (224, 256, 384, 480, 640)


# What all promise


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RANDOM)
def test_shape_type_and_range_stay_the_input_stays_and_a_seed_repeats_it(name, dtype):
    f = getattr(A, name)
    for x in (images(B=70, dtype=dtype), images(B=70, dtype=dtype)[:, 0]):
        if name == "pca_colour" and x.ndim == 3:
            continue
        before = x.copy()
        x.setflags(write=False)
        y, again, other = (f(x, np.random.default_rng(seed), **RANDOM[name]) for seed in (1, 1, 2))
        assert (y.shape, y.dtype) == (x.shape, x.dtype) and y.min() >= 0 and y.max() <= 1
        assert np.array_equal(y, again) and np.array_equal(x, before)
        assert not np.array_equal(y, x) and (name == "flip" or not np.array_equal(y, other))


@pytest.mark.parametrize("name", [name for name in RANDOM if name != "noise"])
def test_each_image_comes_from_its_own_image_so_labels_stay(name):
    """Image b is the only one that is not black; then only b of the result is."""
    for b in (0, 3, 66):
        x = np.zeros((70, 3, 8, 8))
        x[b] = 1.0
        settings = RANDOM[name] | ({"sigma": 0.0} if name == "pca_colour" else {})
        y = getattr(A, name)(x, np.random.default_rng(3), **settings)
        assert np.flatnonzero(y.any(axis=(1, 2, 3))).tolist() == [b]


@pytest.mark.parametrize("name", ["translate", "scale", "rotate", "shear", "stretch", "lens_distortion", "affine"])
def test_what_comes_in_from_beyond_the_image_is_the_fill(name):
    settings = RANDOM[name] if name != "stretch" else {"factors": (0.3, 0.5)}
    x = np.full((20, 9, 9), 0.25)
    assert close(getattr(A, name)(x, np.random.default_rng(0), fill=0.25, **settings), x, 1e-15)
    y = getattr(A, name)(x, np.random.default_rng(0), fill=1.0, **settings)
    assert y.min() >= 0.25 and (y > 0.9).any()


@pytest.mark.parametrize("name", ["scale", "shear"])
def test_float32_and_float64_agree(name):
    y = {t: getattr(A, name)(images(dtype=t), np.random.default_rng(0)) for t in ("float32", "float64")}
    assert close(y["float32"].astype(float), y["float64"], 1e-6)


# Mistakes

BAD_IMAGES = [
    (None, edf.DataError, "without text or None"),
    ([[[0.1]], [[0.1, 0.2]]], edf.DataError, "not an array of numbers"),
    (np.full((2, 3, 3), np.nan), edf.DataError, "nan at index"),
    (np.zeros((2, 3, 3), np.uint8), edf.DataError, "images / 255"),
    (np.full((2, 3, 3), 255.0), edf.DataError, "Augment before normalizing"),
    (np.full((2, 3, 3), -0.1), edf.DataError, "0 to 1 is needed"),
    (np.zeros((0, 3, 3)), edf.DataError, "at least one pixel"),
    (np.zeros((2, 0, 3)), edf.DataError, "at least one pixel"),
    (np.zeros((3, 3)), edf.ShapeError, "one image is a batch of one"),
    (np.zeros((1, 1, 1, 3, 3)), edf.ShapeError, "b,h,w or b,c,h,w"),
]
DRAWS = RANDOM | {"random_scale_crop": {"size": (2, 2), "short": (3, 4)}}
NO_DRAW = {name: (parameter,) for name, (_, parameter) in GIVEN.items()} | {
    "sample": (np.zeros((2, 1, 1)), np.zeros((2, 1, 1))),
    "resize": ((2, 2),),
    "cropped": (0, 0, (2, 2)),
    "resized_crop": (0, 0, 1, 1, (2, 2)),
    "ten_crop": ((2, 2),),
    "multi_scale_ten_crop": ((2, 2), (3,)),
    "colour_axes": (),
}


@pytest.mark.parametrize("name", [*DRAWS, *NO_DRAW])
@pytest.mark.parametrize("x, error, words", BAD_IMAGES)
def test_what_is_no_batch_of_images_is_a_sentence(name, x, error, words):
    with pytest.raises(error, match=words) as caught:
        if name in DRAWS:
            getattr(A, name)(x, np.random.default_rng(0), **DRAWS[name])
        else:
            getattr(A, name)(x, *NO_DRAW[name])
    assert str(caught.value).startswith(name) and str(caught.value)[-1] == "."


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(
    "rng", [None, 0, np.random, np.random.RandomState(0)], ids=["none", "seed", "module", "legacy"]
)
def test_without_a_generator_there_is_a_sentence(name, rng):
    with pytest.raises(edf.DataError, match=f"{name}: rng is .*pass a generator"):
        getattr(A, name)(images(h=9, w=9), rng, **DRAWS[name])


NUMBERS = (None, "1", np.nan, np.inf, True, [1.0])
SETTINGS = {
    "noise": {"sigma": (-0.1, *NUMBERS)},
    "flip": {"horizontal": (-0.1, 1.1, *NUMBERS), "vertical": (2, None)},
    "translate": {"fraction": (-0.1, 1.1, *NUMBERS), "fill": (-0.1, 1.1, *NUMBERS)},
    "scale": {"factors": ((0, 1), (-1, 1), (2, 1), 1.0, None, (1,), (1, np.inf), "ab"), "fill": (2,)},
    "rotate": {"degrees": (-1, *NUMBERS), "fill": (2,)},
    "shear": {"degrees": (-1, 90, *NUMBERS), "fill": (2,)},
    "stretch": {"factors": ((0, 1), (2, 1), 1.0, None), "fill": (2,)},
    "lens_distortion": {"k": (-0.1, 0.4, *NUMBERS), "fill": (2,)},
    "affine": {
        "degrees": (-1, None),
        "lean": (90, None),
        "fraction": (2, None),
        "factors": ((0, 1), None),
        "fill": (2,),
    },
    "random_crop": {"size": ((12, 3), (0, 1), (1.5, 2), 3, "ab"), "padding": (-1, 1.5, None), "fill": (2, None)},
    "random_scale_crop": {"size": ((9, 9), (0, 1), 3, None), "short": ((5, 4), (1, 2), (0, 3), 7, None, (3.5, 4))},
    "random_resized_crop": {"size": ((0, 1), 3), "area": ((0, 1), (0.5, 1.5), None), "ratio": ((0, 1), (2, 1), 1)},
    "contrast": {"factors": ((-1, 1), (2, 1), None)},
    "brightness": {"factors": ((-1, 1), (2, 1), None)},
    "pca_colour": {"axes": (None, 3, ([1.0], [[1.0]]), ([1.0, 1, 1], np.eye(2)), ("a", "b")), "sigma": (-1, *NUMBERS)},
}


@pytest.mark.parametrize("name, setting", [(name, key) for name, keys in SETTINGS.items() for key in keys])
def test_a_setting_out_of_range_is_a_sentence(name, setting):
    for value in SETTINGS[name][setting]:
        with pytest.raises((edf.DataError, edf.ShapeError)) as caught:
            getattr(A, name)(images(h=5, w=5), np.random.default_rng(0), **DRAWS[name] | {setting: value})
        assert str(caught.value)[-1] == "."


@pytest.mark.parametrize(
    "mistake, words",
    [
        (lambda x: A.rotated(x, [1.0, 2.0]), r"rotated: degrees has shape \(2,\); \(5,\) is needed"),
        (lambda x: A.translated(x, 1.0), r"translated: shifts has shape \(\)"),
        (lambda x: A.affine_map(x, np.zeros((2, 2))), "matrix .* of image 0 is singular"),
        (lambda x: A.affine_map(x, np.ones((5, 2))), r"matrix has shape \(5, 2\)"),
        (lambda x: A.affine_map(x, np.full((2, 2), np.nan)), "every entry must be finite"),
        (lambda x: A.scaled(x, 0.0), "scaled: factors reach down to 0"),
        (lambda x: A.stretched(x, (1.0, -1.0)), "stretched: factors reach down to -1"),
        (lambda x: A.sheared(x, 90.0), "stay under 90"),
        (lambda x: A.lens_distorted(x, -0.4), "where the map folds"),
        (lambda x: A.contrasted(x, -1.0), "contrasted: factors reach down to -1"),
        (lambda x: A.brightened(x, None), "without text or None"),
        (lambda x: A.flipped(x, [True, False]), "flipped: horizontal has shape"),
        (lambda x: A.recoloured(x, [1.0, 2.0]), "recoloured: offsets has shape"),
        (lambda x: A.recoloured(x[:, 0], [1.0]), "grey has no colour"),
        (lambda x: A.colour_axes(x[:, 0]), "grey has no colour"),
        (lambda x: A.sample(x, np.zeros((5, 2, 2)), np.zeros((5, 2, 3))), "both need"),
        (lambda x: A.sample(x, np.full((5, 1, 1), np.nan), np.zeros((5, 1, 1))), "every entry must be finite"),
        (lambda x: A.cropped(x, 5, 0, (5, 4)), "tops go from 5 to 5"),
        (lambda x: A.cropped(x, 0.5, 0, (5, 4)), "must be whole numbers from 0 to 4"),
        (lambda x: A.cropped(x, 0, 0, (10, 4)), "cannot be cut from 9 x 6"),
        (lambda x: A.resized_crop(x, 0, 0, 10, 1, (2, 2)), "a patch leaves its image"),
        (lambda x: A.ten_crop(x, (10, 2)), "10 x 2 pixels cannot be cut from 9 x 6"),
        (lambda x: A.ten_crop(x, 3), "two whole numbers"),
        (lambda x: A.multi_scale_ten_crop(x, (2, 2), ()), "at least one"),
        (lambda x: A.multi_scale_ten_crop(x, (2, 2), (3, 0)), r"shorts\[1\] is 0"),
        (lambda x: A.multi_scale_ten_crop(x, (4, 4), (3,)), "cannot be cut from"),
        (lambda x: A.resize(x, (3, 0)), r"resize: size\[1\] is 0"),
    ],
)
def test_a_parameter_that_cannot_be_is_a_sentence(mistake, words):
    with pytest.raises((edf.DataError, edf.ShapeError), match=words) as caught:
        mistake(images())
    assert str(caught.value)[-1] in ".)"
