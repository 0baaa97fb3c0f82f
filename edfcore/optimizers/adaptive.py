"""Optimizers that scale each entry's step by the size of its past gradients: Adagrad, Adadelta, RMSprop, Adam.

    Adagrad     G = G + g^2                            w = w - lr g / (sqrt(G) + eps)
    RMSprop     v = alpha v + (1 - alpha) g^2          w = w - lr g / (sqrt(v) + eps)
    Adadelta    v = rho v + (1 - rho) g^2              w = w - lr dw,  dw = sqrt(u + eps) / sqrt(v + eps) g
                u = rho u + (1 - rho) dw^2, afterwards
    Adam        m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
                m_hat = m / (1 - b1^t), v_hat = v / (1 - b2^t),  w = w - lr m_hat / (sqrt(v_hat) + eps)

eps stands where torch.optim has it: outside the root but for Adadelta. S4, TensorFlow, Keras and optax's RMSprop put
it inside (errata 4.16, 4.19).
"""

import math

import numpy as np

from ..catalog import catalogued
from .base import Optimizer


def scaled(g, root, eps):
    """g / (root + eps). With eps = 0, an entry without any past gradient, 0 / 0, does not move."""
    if eps:
        return g / (root + eps)
    return np.divide(g, root, out=np.zeros_like(g), where=root > 0)


def one_minus_power(beta, t):
    """1 - beta^t without cancellation: -expm1(t log beta)."""
    return -math.expm1(t * math.log(beta)) if beta else 1.0


@catalogued("optimizer", source="Duchi, Hazan & Singer 2011; torch.optim.Adagrad (rule and defaults)")
class Adagrad(Optimizer):
    """w = w - lr_t g / (sqrt(G) + eps), G the sum of squares of all past gradients, lr_t = lr / (1 + (t-1) lr_decay).

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters
    lr_decay : float of at least 0, per step
    initial_accumulator_value : float of at least 0, what G starts from (Keras and optax: 0.1)
    eps : float of at least 0, outside the root

    Raises
    ------
    DataError : see Optimizer.
    """

    def __init__(
        self, params=None, lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10, **shared
    ):  # the order of torch.optim.Adagrad
        rule = {"lr_decay": lr_decay, "initial_accumulator_value": initial_accumulator_value, "eps": eps}
        super().__init__(params, lr, weight_decay, **shared, **rule)

    def direction(self, g, w, state, h):
        G = state["G"] = state.get("G", h.initial_accumulator_value) + g * g
        return h.lr / (1 + (h.t - 1) * h.lr_decay) * scaled(g, np.sqrt(G), h.eps)


@catalogued("optimizer", source="Zeiler 2012 (arXiv:1212.5701), Algorithm 1; torch.optim.Adadelta (rule and defaults)")
class Adadelta(Optimizer):
    """dw = sqrt(u + eps) / sqrt(v + eps) g, where u averages dw^2 up to the step before, and v averages g^2.

    u has to be that of the step before: with dw of this step in it the formula would define itself (erratum 4.17).
    The paper has no lr (torch: 1); Keras's default of 0.001 makes it a thousand times slower.

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters
    rho : float from 0 to 1; the paper's experiments use 0.95
    eps : float of at least 0, inside both roots; the first steps are about sqrt(eps) long

    Raises
    ------
    DataError : see Optimizer.
    """

    def __init__(self, params=None, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0, **shared):
        super().__init__(params, lr, weight_decay, **shared, rho=rho, eps=eps)

    def direction(self, g, w, state, h):
        u = state.get("u", np.zeros_like(g))
        v = state["v"] = h.rho * state.get("v", 0.0) + (1 - h.rho) * g * g
        dw = np.sqrt(u + h.eps) * scaled(g, np.sqrt(v + h.eps), 0.0)
        state["u"] = h.rho * u + (1 - h.rho) * dw * dw
        return h.lr * dw


@catalogued(
    "optimizer", source="Hinton, Coursera lecture 6e; Graves 2013 (arXiv:1308.0850), eq. 38-40; torch.optim.RMSprop"
)
class RMSprop(Optimizer):
    """w = w - lr g / (sqrt(v) + eps), v the running average of g^2.

    centered subtracts the square of the average gradient from v, an estimate of the variance (clamped at 0, below
    which rounding can take it; torch gives NaN there). With momentum, b = mu b + g / (sqrt(v) + eps), w = w - lr b.

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters
    alpha : float from 0 to 1, 0.99; Hinton and S4 have 0.9 (erratum 4.19)
    eps : float of at least 0, outside the root
    momentum : float from 0 to 1, mu
    centered : bool

    Raises
    ------
    DataError : see Optimizer.
    """

    def __init__(
        self, params=None, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False, **shared
    ):  # the order of torch.optim.RMSprop
        rule = {"alpha": alpha, "eps": eps, "momentum": momentum, "centered": centered}
        super().__init__(params, lr, weight_decay, **shared, **rule)

    def direction(self, g, w, state, h):
        v = state["v"] = h.alpha * state.get("v", 0.0) + (1 - h.alpha) * g * g
        if h.centered:
            m = state["m"] = h.alpha * state.get("m", 0.0) + (1 - h.alpha) * g
            v = np.maximum(v - m * m, 0)
        step = scaled(g, np.sqrt(v), h.eps)
        if h.momentum:
            step = state["b"] = h.momentum * state.get("b", 0.0) + step
        return h.lr * step


@catalogued("optimizer", source="Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1; torch.optim.Adam (rule and defaults)")
class Adam(Optimizer):
    """w = w - lr m_hat / (sqrt(v_hat) + eps), m and v running averages of g and of g^2, corrected for their start at 0.

    The correction divides by 1 - beta^t, not by 1 - beta (erratum 4.20), and matters while t is small against
    1 / (1 - beta), that is, for betas close to 1 (erratum 4.21).

    Parameters
    ----------
    params, lr, weight_decay : see Optimizer; array shapes are those of the parameters. weight_decay is L2: both m and
        v then contain lambda w (erratum 4.22); AdamW decays beside them
    betas : (b1, b2), each from 0 to below 1
    eps : float of at least 0, added to the root of v_hat (Keras adds it to the root of v)
    amsgrad : bool; use the largest v so far (Reddi, Kale & Kumar 2018)

    Raises
    ------
    DataError : see Optimizer.

    Examples
    --------
    A constant gradient, whatever its size, moves w by lr in each step:

    >>> Adam(lr=0.1).minimize(lambda x: (7 * x.sum(), 7 + 0 * x), [1.0], steps=3).x.round(6).tolist()
    [0.7]
    """

    def __init__(
        self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, **shared
    ):  # the order of torch.optim.Adam
        super().__init__(params, lr, weight_decay, **shared, betas=betas, eps=eps, amsgrad=amsgrad)

    def direction(self, g, w, state, h):
        b1, b2 = h.betas
        m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
        v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g * g
        if h.amsgrad:
            v = state["v_max"] = np.maximum(state.get("v_max", 0.0), v)
        m_hat, v_hat = m / one_minus_power(b1, h.t), v / one_minus_power(b2, h.t)
        return h.lr * scaled(m_hat, np.sqrt(v_hat), h.eps)


@catalogued("optimizer", source="Reddi, Kale & Kumar 2018, Algorithm 2; torch.optim.Adam(amsgrad=True)")
class AMSGrad(Adam):
    """Adam(amsgrad=True): v_hat never falls, so that the step sizes cannot grow again.

    As torch, and unlike the paper, m and the largest v are corrected for their start at 0.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay : see Adam; array shapes are those of the parameters

    Raises
    ------
    DataError : see Optimizer.
    """

    def __init__(self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **shared):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad=True, **shared)


@catalogued("optimizer", source="Loshchilov & Hutter 2019 (arXiv:1711.05101), Algorithm 2; torch.optim.AdamW")
class AdamW(Adam):
    """Adam with decoupled decay: w = (1 - lr lambda) w - lr m_hat / (sqrt(v_hat) + eps).

    lambda is torch's: it is multiplied by lr. The paper multiplies it by the schedule's factor alone, so that
    lambda_paper = alpha lambda_torch with alpha the initial lr (erratum 4.23).

    Parameters
    ----------
    params, lr, betas, eps, amsgrad : see Adam; array shapes are those of the parameters
    weight_decay : float of at least 0, 0.01 (optax: 1e-4, Keras: 0.004)

    Raises
    ------
    DataError : see Optimizer.
    """

    def __init__(
        self, params=None, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, **shared
    ):  # the order of torch.optim.AdamW
        shared = {"decoupled_weight_decay": True} | shared
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **shared)
