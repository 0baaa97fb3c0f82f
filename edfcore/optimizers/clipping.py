"""Bounds on gradients before a step: by value, by the norm of each parameter, by the norm of all together.

    by value          g_i = clip(g_i, -c, c)                          changes the direction
    by norm           g = g min(1, c / (|g| + eps)), |g| of one parameter      changes the ratio between parameters
    by global norm    the same with |g| = sqrt(sum over parameters of |g|^2)   keeps the direction

S4, slide 22 (erratum 4.29: it says "by norm" without saying of what; Pascanu et al. mean all parameters together).
eps = 1e-6 is PyTorch's and the default here: the clipped norm is then c |g| / (|g| + 1e-6), a relative 1e-6 / |g|
below c, and gradients with c - 1e-6 < |g| < c shrink by as little. eps = 0 is exact (optax, Keras): |g| = c.
"""

import math

import numpy as np

from ..catalog import catalogued
from ..errors import DataError, GraphError
from ..graph import Graph, Param
from .base import is_number


@catalogued("clipping", source="torch.nn.utils.clip_grad_value_")
def clip_by_value(params, clip_value):
    """Bring every entry of every gradient into [-clip_value, clip_value], in place.

    Parameters
    ----------
    params : Graph, list of Param, or list of floating-point arrays of any shapes: gradients, changed in place
    clip_value : float above 0

    Returns
    -------
    float : the largest absolute value of an entry before clipping

    Raises
    ------
    DataError : a gradient holds NaN, or an argument cannot be right.
    GraphError : no parameter has a gradient.

    Examples
    --------
    >>> g = np.array([3.0, -0.5])
    >>> clip_by_value([g], 1.0), g.tolist()
    (3.0, [1.0, -0.5])
    """
    gradients = _gradients("clip_by_value", params, clip_value, 0.0)
    largest = max((largest_of(g) for g in gradients), default=0.0)
    if math.isnan(largest) or any(np.isnan(g).any() for g in gradients):
        raise DataError("clip_by_value: a gradient holds NaN, which no clipping mends; nothing was changed.")
    for g in gradients:
        g[...] = np.clip(g, -clip_value, clip_value)
    return largest


@catalogued("clipping", source="Keras clipnorm; tf.clip_by_norm; S4, slide 22 (erratum 4.29)")
def clip_by_norm(params, max_norm, eps=1e-6):
    """Scale the gradient of each parameter by min(1, max_norm / (|g| + eps)), in place.

    Parameters
    ----------
    params : Graph, list of Param, or list of floating-point arrays of any shapes: gradients, changed in place
    max_norm : float above 0
    eps : float of at least 0; 0 clips to max_norm exactly

    Returns
    -------
    list of float : the norms before clipping, one for each gradient

    Raises
    ------
    DataError : a norm is NaN or infinite, or an argument cannot be right; nothing is changed then.
    GraphError : no parameter has a gradient.
    """
    gradients = _gradients("clip_by_norm", params, max_norm, eps)
    norms = [_finite("clip_by_norm", norm_of([g])) for g in gradients]
    for g, norm in zip(gradients, norms, strict=True):
        _scale(g, max_norm, norm, eps)
    return norms


@catalogued("clipping", source="Pascanu, Mikolov & Bengio 2013, Algorithm 1; torch.nn.utils.clip_grad_norm_")
def clip_by_global_norm(params, max_norm, eps=1e-6):
    """Scale all gradients by one factor, min(1, max_norm / (|g| + eps)), in place.

    Parameters
    ----------
    params : Graph, list of Param, or list of floating-point arrays of any shapes: gradients, changed in place
    max_norm : float above 0
    eps : float of at least 0; 0 clips to max_norm exactly

    Returns
    -------
    float : the norm |g| of all gradients together, before clipping

    Raises
    ------
    DataError : the norm is NaN or infinite (PyTorch scales by it unless error_if_nonfinite), or an argument cannot be
        right; nothing is changed then.
    GraphError : no parameter has a gradient.

    Examples
    --------
    >>> g, h = np.array([3.0]), np.array([[4.0]])
    >>> clip_by_global_norm([g, h], 1.0, eps=0.0), g.round(12).tolist(), h.tolist()
    (5.0, [0.6], [[0.8]])
    """
    gradients = _gradients("clip_by_global_norm", params, max_norm, eps)
    norm = _finite("clip_by_global_norm", norm_of(gradients))
    for g in gradients:
        _scale(g, max_norm, norm, eps)
    return norm


def norm_of(arrays):
    """sqrt of the sum of squares of all entries, in float64, without overflow or underflow of the squares."""
    largest = float(np.max([largest_of(a) for a in arrays]))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(sum(float((np.divide(a, largest, dtype=np.float64) ** 2).sum()) for a in arrays))


def largest_of(array):
    """The largest absolute value of an entry, 0 without entries. (CuPy's max has no `initial`.)"""
    return float(np.abs(array).max()) if array.size else 0.0


def _scale(g, max_norm, norm, eps):
    if norm + eps > max_norm:
        g *= max_norm / (norm + eps)


def _finite(who, norm):
    if not math.isfinite(norm):
        raise DataError(
            f"{who}: the norm of the gradient is {norm}, which no clipping mends; nothing was changed. Lower the "
            "learning rate, or look for a logarithm or a root of 0."
        )
    return norm


def _gradients(who, params, bound, eps):
    """The arrays to clip, after a look at the arguments."""
    if not is_number(bound, 0) or bound == 0:
        raise DataError(f"{who}: the bound is {bound!r}; a finite number above 0 is needed.")
    if not is_number(eps, 0):
        raise DataError(f"{who}: eps is {eps!r}; a finite number of at least 0 is needed.")
    params = params.params if isinstance(params, Graph) else [params] if isinstance(params, Param) else params
    if not isinstance(params, (list, tuple)) or not params:
        raise DataError(f"{who}: params is {params!r}; a Graph, a list of Param or a list of arrays is needed.")
    for p in params:
        if isinstance(p, Param) and isinstance(p.grad, np.generic):
            p.grad = np.array(p.grad)  # NumPy makes a number of a sum of arrays without axes
    found = [p.grad if isinstance(p, Param) else p for p in params]
    found = [g for g in found if g is not None]
    if not found:
        raise GraphError(f"{who}: no parameter has a gradient; call Backward(loss) first.")
    for g in found:
        if getattr(getattr(g, "dtype", None), "kind", None) != "f" or isinstance(g, np.generic):
            raise DataError(f"{who}: {g!r} is neither a Param nor a floating-point array.")
    return found
