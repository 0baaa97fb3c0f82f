"""Normalization: training statistics alone, right to rounding, and undone by its inverse.

Oracles: numpy.cov, numpy.mean and std in extended precision, scipy.linalg.sqrtm and svd; sizes differ in every axis.
"""

import json

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import edfcore as edf
from edfcore.data import (
    PCA,
    Normalization,
    PCAWhiten,
    PerChannel,
    Standardize,
    SubtractMean,
    SubtractMeanImage,
    SubtractMeanPixel,
    ZCAWhiten,
    normalize,
)

VECTORS = (SubtractMean, Standardize, PCA, PCAWhiten, ZCAWhiten)
IMAGES = (PerChannel, SubtractMeanImage, SubtractMeanPixel)
ALL = VECTORS + IMAGES
names = [kind.__name__ for kind in ALL]


def vectors(B=90, i=6, seed=0, dtype=float):
    """Correlated features of very different scales, with means far from 0."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(B, i)) @ rng.normal(size=(i, i)) * 10.0 ** np.arange(i) / 100 + 7 * rng.normal(size=i)
    ).astype(dtype)


def images(B=20, c=3, h=5, w=4, seed=0, dtype=float):
    return np.random.default_rng(seed).uniform(size=(B, c, h, w)).astype(dtype)


def data(kind, **settings):
    return vectors(**settings) if kind in VECTORS else images(**settings)


def close(got, expected, scale=1.0, tolerance=1e-12):
    return np.abs(got - expected).max() <= tolerance * scale


# What each is


@pytest.mark.pins("SubtractMean", "SubtractMeanImage")
@pytest.mark.parametrize(
    "kind, x", [(SubtractMean, vectors()), (SubtractMeanImage, images()), (SubtractMeanImage, images()[:, 0])]
)
def test_the_mean_over_instances_is_subtracted(kind, x):
    expected = (x - x.astype(np.longdouble).mean(axis=0)).astype(float)
    assert close(kind.fit(x)(x), expected, np.abs(x).max())


@pytest.mark.pins("SubtractMeanPixel")
def test_the_mean_pixel_is_one_number_for_each_channel():
    x = images()
    found = SubtractMeanPixel.fit(x)
    assert found.mean.shape == (3, 1, 1)
    for c in range(3):
        assert close(found(x)[:, c], x[:, c] - x[:, c].mean())
    assert close(SubtractMeanPixel.fit(x[:, 1])(x[:, 1]), x[:, 1] - x[:, 1].mean())


@pytest.mark.pins("Standardize")
def test_standardized_features_have_mean_0_and_variance_1():
    x = vectors()
    y = Standardize.fit(x)(x)
    assert close(y, (x - x.mean(axis=0)) / x.std(axis=0), 10)
    assert close(y.mean(axis=0), 0) and close(y.var(axis=0), 1)


@pytest.mark.pins("PerChannel")
def test_channels_have_mean_0_and_variance_1_over_all_pixels():
    x = images() * np.array([1.0, 10.0, 0.1])[:, None, None] + 3
    y = PerChannel.fit(x)(x)
    for c in range(3):
        assert close(y[:, c], (x[:, c] - x[:, c].mean()) / x[:, c].std(), 10)
    assert PerChannel.fit(x[:, 0]).mean.shape == (1, 1)


@pytest.mark.pins("PCA")
def test_principal_components_equal_those_of_the_singular_value_decomposition():
    x = vectors()
    found = PCA.fit(x)
    centred = x - x.mean(axis=0)
    left, singular, _ = scipy.linalg.svd(centred, full_matrices=False)
    expected = left * singular
    assert close(found.variances, singular**2 / len(x), singular.max() ** 2 / len(x))
    y = found(x)
    signs = np.sign(np.sum(y * expected, axis=0))
    assert close(y, expected * signs, np.abs(expected).max(), 1e-10)
    assert (found.W.max(axis=0) == np.abs(found.W).max(axis=0)).all()
    assert close(found.W.T @ found.W, np.eye(6))


@pytest.mark.pins("PCA")
@given(k=st.integers(1, 6), seed=st.integers(0, 20))
def test_reduced_pca_loses_exactly_the_variance_it_drops(k, seed):
    """Eckart-Young: the mean squared error of the reconstruction is the sum of the variances left out."""
    x = np.random.default_rng(seed).normal(size=(50, 6)) @ np.random.default_rng(seed + 1).normal(size=(6, 6))
    found, full = PCA.fit(x, components=k), PCA.fit(x)
    y = found(x)
    assert y.shape == (50, k) and close(y, full(x)[:, :k], 10)
    error = np.square(found.inverse(y) - x).sum(axis=1).mean()
    assert abs(error - full.variances[k:].sum()) < 1e-12 * full.variances.sum() * 50
    covariance = np.cov(y.T, ddof=0).reshape(k, k)
    assert close(covariance, np.diag(found.variances), full.variances[0])


@pytest.mark.pins("PCAWhiten", "ZCAWhiten")
@pytest.mark.parametrize("kind", [PCAWhiten, ZCAWhiten])
@given(i=st.integers(1, 7), seed=st.integers(0, 50))
def test_whitened_data_has_the_identity_as_covariance(kind, i, seed):
    x = np.random.default_rng(seed).normal(size=(40, i)) * np.arange(1, i + 1) + 5
    y = kind.fit(x, eps=0)(x)
    assert close(np.cov(y.T, ddof=0).reshape(i, i), np.eye(i), 1e2)


@pytest.mark.pins("PCAWhiten", "ZCAWhiten")
def test_eps_enters_under_the_root_added_to_the_variance():
    x, eps = vectors(i=4) / 50, 0.3
    variances = PCA.fit(x).variances
    assert close(PCAWhiten.fit(x, eps=eps)(x).var(axis=0), variances / (variances + eps))
    C = np.cov(x.T, ddof=0)
    expected = np.linalg.inv(scipy.linalg.sqrtm(C + eps * np.eye(4)))
    assert close(ZCAWhiten.fit(x, eps=eps).W, expected, np.abs(expected).max())


@pytest.mark.pins("ZCAWhiten")
def test_zca_is_the_symmetric_root_and_the_whitening_closest_to_the_data():
    x = np.random.default_rng(1).normal(size=(200, 5)) @ np.random.default_rng(2).normal(size=(5, 5))
    found = ZCAWhiten.fit(x, eps=0)
    expected = scipy.linalg.inv(scipy.linalg.sqrtm(np.cov(x.T, ddof=0)))
    assert close(found.W, expected, np.abs(expected).max(), 1e-11) and close(found.W, found.W.T, np.abs(found.W).max())
    centred, y, rng = x - x.mean(axis=0), found(x), np.random.default_rng(3)
    nearest = np.square(y - centred).sum()
    for _ in range(50):
        turned = y @ np.linalg.qr(rng.normal(size=(5, 5)))[0]  # every other whitening is one of these
        assert nearest < np.square(turned - centred).sum()
    assert nearest < np.square(PCAWhiten.fit(x, eps=0)(x) - centred).sum()


# Properties that all have


@pytest.mark.pins("SubtractMean", "Standardize", "PCA", "PCAWhiten", "ZCAWhiten")
@pytest.mark.pins("PerChannel", "SubtractMeanImage", "SubtractMeanPixel")
@pytest.mark.parametrize("kind", ALL, ids=names)
def test_nothing_of_the_test_set_leaks_into_the_map(kind):
    """The map of an instance is the same alone, among others, and after others; the fitted numbers stay."""
    found, test = kind.fit(data(kind)), data(kind, seed=1) * 100 + 50
    before = found.state_dict()
    together = found(test)
    alone = np.concatenate([found(test[b : b + 1]) for b in range(len(test))])
    assert close(alone, together, np.abs(together).max(), 1e-13)
    after = found.state_dict()
    assert all(np.array_equal(before[key], after[key]) for key in before)
    assert abs(together.mean()) > 1 or kind in (PCA, PCAWhiten)


@pytest.mark.parametrize("kind", ALL, ids=names)
def test_the_leakage_test_sees_a_map_that_is_fitted_on_what_it_is_given(kind):
    def leaky(x):
        return kind.fit(x)(x)

    test = data(kind, seed=1)
    pairs = np.concatenate([leaky(test[b : b + 2]) for b in range(0, len(test), 2)])
    assert not close(pairs, leaky(test), np.abs(pairs).max(), 1e-3)


@pytest.mark.parametrize("kind", ALL, ids=names)
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-4)])
def test_the_inverse_undoes_it_and_types_stay(kind, dtype, tolerance):
    x = np.random.default_rng(4).normal(size=(60, 3, 4, 2)).astype(dtype)
    found = kind.fit(x[:40])
    y = found(x)
    back = found.inverse(y)
    assert y.dtype == back.dtype == x.dtype and back.shape == x.shape
    assert close(back, x, 1, tolerance)
    assert kind.fit((x * 50).astype(np.int64))((x * 50).astype(np.int64)).dtype == np.float64


@pytest.mark.parametrize("kind", ALL, ids=names)
def test_float32_data_gets_the_statistics_of_float64(kind):
    x = data(kind, B=5000, dtype="float32")
    assert all(
        np.array_equal(a, b)
        for a, b in zip(*(list(kind.fit(v).state_dict().values())[1:] for v in (x, x.astype(float))), strict=True)
    )


@pytest.mark.parametrize("kind", ALL, ids=names)
@pytest.mark.parametrize("value", [0.0, 0.1, -3e7])
def test_constant_features_give_zero_and_no_division_by_zero(kind, value):
    """0.1 summed thousands of times is not its count times 0.1: the mean must be the constant itself."""
    x = data(kind, B=9001)
    x[:, 1] = value
    settings = {"eps": 0.0} if kind in (PCAWhiten, ZCAWhiten) else {}
    y = kind.fit(x, **settings)(x)
    assert np.isfinite(y).all()
    if kind not in (PCA, PCAWhiten):
        assert np.abs(y[:, 1]).max() <= (1e-9 if kind is ZCAWhiten else 0)
    everything = np.full_like(x, value)
    assert np.abs(kind.fit(everything, **settings)(everything)).max() <= 1e-9


@pytest.mark.parametrize("kind", [PCAWhiten, ZCAWhiten])
def test_fewer_instances_than_features_are_whitened_within_their_span(kind):
    x = np.random.default_rng(5).normal(size=(5, 9))
    y = kind.fit(x, eps=0)(x)
    assert close(np.sort(np.linalg.eigvalsh(np.cov(y.T, ddof=0))), np.repeat([0.0, 1.0], [5, 4]), 10)


@pytest.mark.parametrize("kind", (PerChannel, SubtractMeanPixel))
def test_statistics_of_channels_serve_images_of_any_size(kind):
    assert kind.fit(images())(images(h=9, w=2)).shape == (20, 3, 9, 2)


@pytest.mark.parametrize("kind", ALL, ids=names)
def test_statistics_do_not_depend_on_how_the_data_is_cut_for_summing(kind, monkeypatch):
    x = Standardize.fit(data(kind))(data(kind)) + 3  # eigenvectors of one size, so that rounding stays rounding
    whole = kind.fit(x).state_dict()
    monkeypatch.setattr(normalize, "CHUNK", 7)
    parts = kind.fit(x).state_dict()
    assert all(close(parts[k], whole[k], np.abs(whole[k]).max(), 1e-9) for k in whole if k != "normalization")


# Saving


@pytest.mark.parametrize("kind", ALL, ids=names)
def test_a_saved_map_is_the_same_map_bit_for_bit(kind, tmp_path):
    found, x = kind.fit(data(kind)), data(kind, seed=1)
    state = found.state_dict()
    np.savez(tmp_path / "map.npz", **state)
    texts = {key: value if isinstance(value, str) else value.tolist() for key, value in state.items()}
    for stored in (state, json.loads(json.dumps(texts)), np.load(tmp_path / "map.npz")):
        for reader in (Normalization, kind):
            loaded = reader.from_state_dict(stored)
            assert type(loaded) is kind
            assert np.array_equal(loaded(x), found(x)) and np.array_equal(
                loaded.inverse(found(x)), found.inverse(found(x))
            )


@pytest.mark.parametrize("kind", ALL, ids=names)
def test_a_damaged_state_is_a_sentence(kind):
    state = kind.fit(data(kind)).state_dict()
    wrongs = [None, 3, [1], {}, state | {"more": 1}, state | {"normalization": "Mean"}]
    for key in state:
        wrongs.append({k: v for k, v in state.items() if k != key})
        wrongs += [state | {key: value} for value in (None, "text", np.nan, [[1], [1, 2]], np.zeros((2, 2, 2, 2, 2)))]
        if key in ("std", "variances"):
            wrongs.append(state | {key: -state[key]})
    for wrong in wrongs:
        with pytest.raises((edf.DataError, edf.ShapeError)) as caught:
            Normalization.from_state_dict(wrong)
        assert str(caught.value)[-1] == "."


def test_a_state_of_another_kind_is_a_sentence():
    with pytest.raises(edf.DataError, match="of the kind 'PCA'; known here: Standardize"):
        Standardize.from_state_dict(PCA.fit(vectors()).state_dict())


# Mistakes


@pytest.mark.parametrize("kind", ALL, ids=names)
@pytest.mark.parametrize(
    "x, error, words",
    [
        (None, edf.DataError, "without text or None"),
        ([[1.0], [1.0, 2.0]], edf.DataError, "not an array of numbers"),
        ([["a", "b"]], edf.DataError, "real numbers are needed"),
        (np.ones((2, 3)) * 1j, edf.DataError, "real numbers are needed"),
        ([[np.nan, 1.0]], edf.DataError, r"nan at index \[0, 0\]"),
        (np.full((3, 2, 2), 1e200), edf.DataError, "squares overflow"),
        (np.zeros((0, 3, 3)), edf.DataError, "is empty"),
        ([1.0, 2.0], edf.ShapeError, "the axis b and at least one more"),
        (3.0, edf.ShapeError, "the axis b and at least one more"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_fitted_or_mapped_is_a_sentence(kind, x, error, words):
    found = kind.fit(data(kind))
    for use in (kind.fit, found, found.inverse):
        with pytest.raises(error, match=words) as caught:
            use(x)
        assert kind.__name__ in str(caught.value) and str(caught.value)[-1] == "."


@pytest.mark.parametrize("kind", ALL, ids=names)
def test_data_of_another_shape_than_was_fitted_is_a_sentence(kind):
    found = kind.fit(data(kind))
    told = "3, h, w" if kind in (PerChannel, SubtractMeanPixel) else "3, 5, 4" if kind in IMAGES else "6"
    with pytest.raises(edf.ShapeError, match=rf"x has shape \(2, 8\), but the fitted map takes \(B, {told}\)"):
        found(np.ones((2, 8)))


@pytest.mark.parametrize("kind", (Standardize, PCA, PCAWhiten, ZCAWhiten))
def test_one_instance_has_no_variance(kind):
    with pytest.raises(edf.DataError, match="fit on at least 2 training instances"):
        kind.fit(np.ones((1, 3)))


@pytest.mark.parametrize("kind", IMAGES)
def test_images_need_their_axes(kind):
    with pytest.raises(edf.ShapeError, match=r"b,h,w or b,c,h,w but x has shape \(90, 6\)"):
        kind.fit(vectors())


@pytest.mark.parametrize("kind", (PCA, PCAWhiten))
@pytest.mark.parametrize("components", [0, -1, 2.0, "3", True, 7])
def test_components_that_cannot_be_are_a_sentence(kind, components):
    with pytest.raises(edf.DataError, match=f"{kind.__name__}: (components is|7 components were asked for)"):
        kind.fit(vectors(), components=components)


@pytest.mark.parametrize("kind", (PCAWhiten, ZCAWhiten))
@pytest.mark.parametrize("eps", [-1e-9, np.nan, np.inf, None, "0", True])
def test_an_eps_that_cannot_be_is_a_sentence(kind, eps):
    with pytest.raises(edf.DataError, match=f"{kind.__name__}: eps is"):
        kind.fit(vectors(), eps=eps)
