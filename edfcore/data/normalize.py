"""Normalizing inputs (S4, pages 37-38): fitted on training data alone, then the same map for every instance.

    SubtractMean, SubtractMeanImage     y[b,...] = x[b,...] - m[...]            m = mean over b
    SubtractMeanPixel                   y[b,c,r,s] = x[b,c,r,s] - m[c]          m = mean over b, r, s
    Standardize, PerChannel             y = (x - m) / std                       std^2 = mean (x - m)^2
    PCA                                 y[b,k] = (x - m)[b,i] U[i,k]            C = U diag(v) U^T, v descending
    PCAWhiten                           W = U diag(1 / sqrt(v + eps))           cov(y) = I for eps = 0
    ZCAWhiten                           W = U diag(1 / sqrt(v + eps)) U^T       cov(y) = I, W symmetric

C = 1/N sum_b (x - m)(x - m)^T and std carry 1/N, as batch norm does (not 1/(N-1)). Statistics are computed in
float64, whatever the data's type; the result has the data's type (integers become float64). A constant feature or
direction has nothing to scale and is divided by 1. Test data never reaches `fit`: that would be leakage.
"""

from dataclasses import dataclass, fields

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, ShapeError
from .batching import numbers, real, whole_number

CHUNK = 4096  # instances that are held in float64 at a time
LARGEST = 1e150
KINDS = {}


class Normalization:
    """A fitted map: call it on data of any number of instances; `inverse` undoes it.

    A subclass is a frozen dataclass of float64 arrays. It gives `fit`, `_map(x)` and `_back(y)`.
    """

    axes = "b,..."  # what x needs

    def __init_subclass__(cls):
        KINDS[cls.__name__] = cls

    def __call__(self, x):
        """The normalized data.

        Parameters
        ----------
        x : array (B, ...), with the axes after b of the data that was fitted; B may be 1

        Returns
        -------
        array of the type of x (float64 for integers)

        Raises
        ------
        DataError : not numbers, not finite, or an empty batch.
        ShapeError : other axes than the fitted data has.
        """
        return self._applied(x, self._map, self.shape, "x")

    def inverse(self, y):
        """The data that `y` came from; for a reduced PCA the nearest point of the subspace that was kept.

        Raises
        ------
        As calling does.
        """
        return self._applied(y, self._back, self._out_shape, "y")

    @property
    def _out_shape(self):
        return self.shape

    def _applied(self, x, function, shape, name):
        who = type(self).__name__
        x = checked(x, who, name)
        if not self._fits(x.shape[1:], shape):
            raise ShapeError(f"{who}: {name} has shape {x.shape}, but the fitted map takes (B, {_told(shape)}).")
        return function(x)

    def _fits(self, found, shape):
        return found == shape

    def state_dict(self):
        """The fitted map as a plain dict of text and arrays: np.savez(path, **state) keeps it."""
        return {"normalization": type(self).__name__} | {f.name: getattr(self, f.name).copy() for f in fields(self)}

    @classmethod
    def from_state_dict(cls, state):
        """The map that `state_dict` describes; `Normalization.from_state_dict` takes any kind.

        Parameters
        ----------
        state : dict of text and arrays (or nested lists, as json gives them; or an opened .npz)

        Raises
        ------
        DataError, ShapeError : an unknown or another kind, keys missing, numbers that cannot be.
        """
        try:
            entries = dict(state)
        except (TypeError, ValueError):
            raise DataError(f"Normalization: the state must be a dict, not {type(state).__name__}.") from None
        name = str(entries.pop("normalization", None))
        kind = KINDS.get(name)
        if kind is None or not issubclass(kind, cls):
            wanted = cls.__name__ if cls.__name__ in KINDS and cls is not _Scaling else ", ".join(sorted(KINDS))
            raise DataError(f"Normalization: the state is of the kind {name!r}; known here: {wanted}.")
        names = [f.name for f in fields(kind)]
        if sorted(entries, key=str) != sorted(names):
            raise DataError(f"{name}: the state has {sorted(entries, key=str)}; {sorted(names)} are needed.")
        found = kind(**{key: numbers(entries[key], f"{name}: {key}").astype(float) for key in names})
        found._check()
        return found


def checked(x, who, name="x", least=1):
    """`x` as floats, with `least` instances or more and an axis beside b. Raises DataError, ShapeError."""
    x = numbers(x, f"{who}: {name}")
    if x.ndim < 2:
        raise ShapeError(f"{who}: {name} needs the axis b and at least one more, but has shape {x.shape}.")
    if x.size == 0:
        raise DataError(f"{who}: {name} is empty, shape {x.shape}; at least one number is needed.")
    if len(x) < least:
        raise DataError(f"{who}: one instance has no variance; fit on at least {least} training instances.")
    if max(float(x.max()), -float(x.min())) > LARGEST:
        raise DataError(f"{who}: {name} holds numbers beyond {LARGEST:g}, whose squares overflow; change its unit.")
    return x if x.dtype.kind == "f" else x.astype(float)


def _told(shape):
    return ", ".join(map(str, shape))


def _chunks(x):
    return (x[k : k + CHUNK].astype(float) for k in range(0, len(x), CHUNK))


def _mean(x, axes):
    """The mean over b and `axes` in float64, kept as axes of size 1; exactly the value where x is constant."""
    count = len(x) * int(np.prod([x.shape[a] for a in axes]))
    first = x[:1].astype(float)[tuple(slice(0, 1) if a in axes else slice(None) for a in range(x.ndim))]
    return (first + sum((c - first).sum(axis=(0, *axes), keepdims=True) for c in _chunks(x)) / count)[0]


def _std(x, mean, axes):
    """sqrt(mean (x - m)^2) over b and `axes`; 1 where it is 0."""
    count = len(x) * int(np.prod([x.shape[a] for a in axes]))
    variance = sum(np.square(c - mean).sum(axis=(0, *axes), keepdims=True) for c in _chunks(x))[0] / count
    return np.sqrt(np.where(variance > 0, variance, 1.0))


@dataclass(frozen=True, eq=False)
class _Scaling(Normalization):
    """y = (x - mean) / std, with arrays that broadcast over the instances."""

    mean: np.ndarray
    std: np.ndarray

    @property
    def shape(self):
        """The shape of one instance."""
        return self.mean.shape

    def _map(self, x):
        return (x - self.mean.astype(x.dtype)) / self.std.astype(x.dtype)

    def _back(self, y):
        return y * self.std.astype(y.dtype) + self.mean.astype(y.dtype)

    def _check(self):
        who = type(self).__name__
        if self.mean.ndim == 0 or self.mean.shape != self.std.shape:
            raise ShapeError(
                f"{who}: mean has shape {self.mean.shape} and std {self.std.shape}; equal shapes are needed."
            )
        if not (self.std > 0).all():
            raise DataError(f"{who}: std must be above 0 everywhere, but its least entry is {self.std.min()}.")


class _Centring(_Scaling):
    """y = x - mean: a scaling by 1, exactly."""

    def _map(self, x):
        return x - self.mean.astype(x.dtype)

    def _back(self, y):
        return y + self.mean.astype(y.dtype)


def _images(x, who):
    x = checked(x, who)
    if x.ndim not in (3, 4):
        raise ShapeError(f"{who}: images need the axes b,h,w or b,c,h,w but x has shape {x.shape}.")
    return x


class _OfChannels(_Scaling):
    """Statistics for each channel (one channel for images b,h,w), which serve images of any size."""

    @property
    def shape(self):
        """The shape of one instance, with letters for its height and width, which may be any."""
        return (*self.mean.shape[:-2], "h", "w")

    def _fits(self, found, shape):
        return len(found) == len(shape) and found[:-2] == shape[:-2]

    def _check(self):
        super()._check()
        if self.mean.ndim not in (2, 3) or self.mean.shape[-2:] != (1, 1):
            raise ShapeError(f"{type(self).__name__}: mean has shape {self.mean.shape}; (c, 1, 1) or (1, 1) is needed.")


@catalogued("normalization", source="S4, page 37 (shifted so that the average is zero); LeCun et al. 1998, sec. 4.3")
class SubtractMean(_Centring):
    """y[b,i] = x[b,i] - m[i], m the training data's mean.

    Parameters
    ----------
    x : array (B, i) or (B, ...), the training data, for `fit`

    Raises
    ------
    DataError, ShapeError : not finite numbers, no instances, or no axis beside b.

    Examples
    --------
    >>> transform = SubtractMean.fit(np.array([[1.0, 10.0], [3.0, 20.0]]))
    >>> transform(np.array([[2.0, 16.0]])).tolist()
    [[0.0, 1.0]]
    """

    @classmethod
    def fit(cls, x):
        """The map for training data x (B, ...)."""
        mean = _mean(checked(x, cls.__name__), ())
        return cls(mean, np.ones_like(mean))


@catalogued("normalization", source="S4, page 37; sklearn.preprocessing.StandardScaler")
class Standardize(_Scaling):
    """y[b,i] = (x[b,i] - m[i]) / std[i]: mean 0 and variance 1 for each feature of the training data.

    Features that are constant in the training data give 0 there, and x - m elsewhere.

    Parameters
    ----------
    x : array (B, i) or (B, ...), the training data, for `fit`; B at least 2

    Raises
    ------
    DataError, ShapeError : not finite numbers, fewer than 2 instances, or no axis beside b.

    Examples
    --------
    >>> transform = Standardize.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> transform(np.array([[1.0, 5.0], [4.0, 5.0]])).tolist()
    [[-1.0, 0.0], [2.0, 0.0]]
    """

    @classmethod
    def fit(cls, x):
        """The map for training data x (B, ...)."""
        x = checked(x, cls.__name__, least=2)
        mean = _mean(x, ())
        return cls(mean, _std(x, mean, ()))


@catalogued("normalization", source="S4, page 38; torchvision.transforms.Normalize with the training set's statistics")
class PerChannel(_OfChannels):
    """y[b,c,r,s] = (x[b,c,r,s] - m[c]) / std[c], over all pixels of the training images.

    Parameters
    ----------
    x : array (B, h, w) or (B, c, h, w), the training images, for `fit`

    Raises
    ------
    DataError, ShapeError : not finite numbers, no images, or other axes.
    """

    @classmethod
    def fit(cls, x):
        """The map for training images x (B, h, w) or (B, c, h, w)."""
        x = _images(x, cls.__name__)
        mean = _mean(x, (x.ndim - 2, x.ndim - 1))
        return cls(mean, _std(x, mean, (x.ndim - 2, x.ndim - 1)))


@catalogued("normalization", source="S4, page 38 ('Subtracting the mean image'); Krizhevsky et al. 2012, sec. 2")
class SubtractMeanImage(_Centring):
    """y[b,c,r,s] = x[b,c,r,s] - m[c,r,s], m the mean over the training images.

    Parameters
    ----------
    x : array (B, h, w) or (B, c, h, w), the training images, for `fit`

    Raises
    ------
    DataError, ShapeError : not finite numbers, no images, or other axes.
    """

    @classmethod
    def fit(cls, x):
        """The map for training images x (B, h, w) or (B, c, h, w)."""
        mean = _mean(_images(x, cls.__name__), ())
        return cls(mean, np.ones_like(mean))


@catalogued("normalization", source="S4, page 38 ('Subtracting the mean pixel'); Simonyan & Zisserman 2015, sec. 2.1")
class SubtractMeanPixel(_Centring, _OfChannels):
    """y[b,c,r,s] = x[b,c,r,s] - m[c], m the mean over all pixels of the training images, e.g. the mean RGB.

    Parameters
    ----------
    x : array (B, h, w) or (B, c, h, w), the training images, for `fit`

    Raises
    ------
    DataError, ShapeError : not finite numbers, no images, or other axes.
    """

    @classmethod
    def fit(cls, x):
        """The map for training images x (B, h, w) or (B, c, h, w)."""
        x = _images(x, cls.__name__)
        mean = _mean(x, (x.ndim - 2, x.ndim - 1))
        return cls(mean, np.ones_like(mean))


def principal_axes(x, mean):
    """The covariance's eigenvalues and eigenvectors.

    Parameters
    ----------
    x : array (B, i)
    mean : array (i,)

    Returns
    -------
    variances : array (i,), descending; exactly 0 where rounding is all there is
    vectors : array (i, i), one in each column, the entry that is largest in size positive
    """
    covariance = sum(c.T @ c for c in (c - mean for c in _chunks(x))) / len(x)  # C[i,j] = 1/B x[b,i] x[b,j]
    variances, vectors = np.linalg.eigh(covariance)
    variances, vectors = variances[::-1], vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(len(mean))] < 0, -1.0, 1.0)
    noise = len(mean) * np.finfo(float).eps * max(variances[0], 0.0)
    return np.where(variances > noise, variances, 0.0), vectors * signs


@dataclass(frozen=True, eq=False)
class _Linear(Normalization):
    """y[b,k] = (x - mean)[b,i] W[i,k], and back by x[b,i] = y[b,k] V[k,i] + mean[i]."""

    mean: np.ndarray  # the shape of one instance
    variances: np.ndarray  # (k,), of the training data along the axes kept, descending
    W: np.ndarray  # (i, k)
    V: np.ndarray  # (k, i)

    @property
    def shape(self):
        """The shape of one instance."""
        return self.mean.shape

    @property
    def _out_shape(self):
        return (self.W.shape[1],)

    def _map(self, x):
        y = (x - self.mean.astype(x.dtype)).reshape(len(x), -1) @ self.W.astype(x.dtype)
        return y.reshape(len(x), *self._out_shape)

    def _back(self, y):
        x = y.reshape(len(y), -1) @ self.V.astype(y.dtype)
        return x.reshape(len(y), *self.shape) + self.mean.astype(y.dtype)

    def _check(self):
        i, k = self.mean.size, self.variances.size
        if self.mean.ndim == 0 or self.variances.ndim != 1 or (self.W.shape, self.V.shape) != ((i, k), (k, i)):
            shapes = {f.name: getattr(self, f.name).shape for f in fields(self)}
            raise ShapeError(f"{type(self).__name__}: the shapes {shapes} do not fit together.")
        if not (self.variances >= 0).all():
            raise DataError(f"{type(self).__name__}: a variance is {self.variances.min()}; none can be negative.")

    @classmethod
    def _axes(cls, x, components=None):
        x = checked(x, cls.__name__, least=2)
        flat = x.reshape(len(x), -1)
        k = flat.shape[1] if components is None else whole_number(components, f"{cls.__name__}: components")
        if k > flat.shape[1]:
            raise DataError(f"{cls.__name__}: {k} components were asked for, but x has {flat.shape[1]} features.")
        mean = _mean(flat, ())
        variances, vectors = principal_axes(flat, mean)
        return mean.reshape(x.shape[1:]), variances[:k], vectors[:, :k]


def _roots(variances, eps):
    """sqrt(v + eps); 1 where that is 0."""
    total = variances + eps
    return np.sqrt(np.where(total > 0, total, 1.0))


@catalogued("normalization", source="S4, page 37 ('PCA can be used to remove linear correlations'); Pearson 1901")
class PCA(_Linear):
    """y[b,k] = (x - m)[b,i] U[i,k]: decorrelated features, the one of largest variance first.

    Parameters
    ----------
    x : array (B, i) or (B, ...), the training data, for `fit`; B at least 2. Axes after b are flattened to i
    components : int, optional; how many of the i axes are kept, all without it. `inverse` is exact where all are
        kept, else it loses the variance of those dropped

    Returns
    -------
    y : array (B, k); `variances` (k,) holds the training data's variance of each feature

    Raises
    ------
    DataError, ShapeError : not finite numbers, fewer than 2 instances, or more components than features.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, -2.0]])
    >>> transform = PCA.fit(x, components=1)
    >>> bool(np.allclose(transform.variances, 5)), bool(np.allclose(transform.inverse(transform(x)), x))
    (True, True)
    """

    @classmethod
    def fit(cls, x, components=None):
        """The map for training data x (B, ...)."""
        mean, variances, U = cls._axes(x, components)
        return cls(mean, variances, U, U.T.copy())


@catalogued("normalization", source="S4, page 37; Kessy, Lewin & Strimmer 2018 (1512.00809), table 1, PCA")
class PCAWhiten(_Linear):
    """y[b,k] = (x - m)[b,i] U[i,k] / sqrt(v[k] + eps): decorrelated features of variance v / (v + eps), nearly 1.

    Parameters
    ----------
    x : array (B, i) or (B, ...), the training data, for `fit`; B at least 2. Axes after b are flattened to i
    components : int, optional; how many of the i axes are kept
    eps : float, at least 0, a variance in units of x^2, added to the eigenvalues under the root: it keeps directions
        that hardly vary from being blown up by 1/sqrt(v). With eps = 0 those of variance 0 are divided by 1

    Returns
    -------
    y : array (B, k)

    Raises
    ------
    DataError, ShapeError : not finite numbers, fewer than 2 instances, more components than features, eps negative.
    """

    @classmethod
    def fit(cls, x, components=None, eps=1e-5):
        """The map for training data x (B, ...)."""
        eps = real(eps, f"{cls.__name__}: eps")
        mean, variances, U = cls._axes(x, components)
        roots = _roots(variances, eps)
        return cls(mean, variances, U / roots, roots[:, None] * U.T)


@catalogued(
    "normalization", source="S4, page 37; Bell & Sejnowski 1997; Kessy, Lewin & Strimmer 2018 (1512.00809), ZCA"
)
class ZCAWhiten(_Linear):
    """y = U diag(1 / sqrt(v + eps)) U^T (x - m): whitened, and of all whitened data the closest to x - m.

    W is symmetric, the inverse root of the covariance, so y has the shape of x and still looks like an image.

    Parameters
    ----------
    x : array (B, i) or (B, ...), the training data, for `fit`; B at least 2
    eps : float, at least 0, a variance in units of x^2, added to the eigenvalues under the root. With eps = 0
        directions of variance 0 are divided by 1

    Returns
    -------
    y : array of the shape of x

    Raises
    ------
    DataError, ShapeError : not finite numbers, fewer than 2 instances, or eps negative.
    """

    @classmethod
    def fit(cls, x, eps=1e-5):
        """The map for training data x (B, ...)."""
        eps = real(eps, f"{cls.__name__}: eps")
        mean, variances, U = cls._axes(x)
        roots = _roots(variances, eps)
        return cls(mean, variances, (U / roots) @ U.T, (U * roots) @ U.T)

    @property
    def _out_shape(self):
        return self.shape
