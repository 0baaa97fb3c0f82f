"""Exact where printed formulas overflow: scores of +-1000, and digits that a naive logarithm loses.

The oracles are SciPy and decimal arithmetic with 60 digits, whose exponential neither overflows nor underflows.
"""

import warnings
from decimal import Decimal, localcontext
from itertools import product

import numpy as np
import pytest
import scipy.special

import edfcore as edf

DTYPES = ["float32", "float64"]


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with np.errstate(over="raise", divide="raise", invalid="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def run(build, dtype, *data, seed=None):
    """The value of build(*inputs), and the gradients of those inputs that are not labels."""
    with edf.Graph(dtype) as graph:
        inputs = [edf.Input(grad=True) for _ in data]
        y = build(*inputs)
    for node, values in zip(inputs, data, strict=True):
        node.set(np.array(values))
    graph.Forward()
    graph.Backward(y, seed)
    return y, inputs[0].grad


def relative(got, expected, dtype, least=1.0):
    """The largest error in units of the precision; what is under tiny^least counts as that, tiny the least normal."""
    least, eps = float(np.finfo(dtype).tiny) ** least, float(np.finfo(dtype).eps)
    got, expected = (np.maximum(np.asarray(a, float), least) for a in (got, expected))
    return (np.abs(got - expected) / expected).max() / eps


def softmax(scores):
    with localcontext(prec=60):
        powers = [Decimal(float(s)).exp() for s in scores]
        return [float(p / sum(powers)) for p in powers]


def log_loss(scores, label):
    with localcontext(prec=60):
        return float(sum(Decimal(float(s)).exp() for s in scores).ln() - Decimal(float(scores[label])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("x, value, slope", [(1e3, 1, 0), (-1e3, 0, 0), (0.0, 0.5, 0.25)])
def test_sigmoid_has_its_limits(x, value, slope, dtype):
    y, grad = run(edf.Sigmoid, dtype, [x], seed=1.0)
    assert (y.value.item(), grad.item()) == (value, slope)


@pytest.mark.parametrize("dtype, most", [("float32", 87), ("float64", 708)])
def test_sigmoid_has_the_digits_of_expit(dtype, most):
    x = np.linspace(-most, most, 4001).astype(dtype)
    y, _ = run(edf.Sigmoid, dtype, x, seed=1.0)
    assert relative(y.value, scipy.special.expit(x.astype(float)), dtype) < 4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("component, limits", [(edf.Tanh, (-1, 1)), (edf.ReLU, (0, 1000))])
def test_tanh_and_relu_have_their_limits(component, limits, dtype):
    y, grad = run(component, dtype, [-1e3, 1e3], seed=1.0)
    assert tuple(y.value) == limits
    assert grad.tolist() == ([0, 0] if component is edf.Tanh else [0, 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_at_a_thousand_equals_decimal_arithmetic(dtype):
    scores = np.array(list(product([-1e3, 0.0, 1e3, 999.5], repeat=3)))
    upstream = np.random.default_rng(0).normal(size=scores.shape)
    p, grad = run(edf.Softmax, dtype, scores, seed=upstream)
    expected = np.array([softmax(s) for s in scores])
    slope = expected * (upstream - (upstream * expected).sum(axis=1, keepdims=True))
    assert relative(p.value, expected, dtype, least=0.5) < 4
    assert np.abs(grad - slope).max() < 16 * np.finfo(dtype).eps
    assert (p.value > 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 80.0, 1e3])
def test_log_softmax_has_the_digits_of_scipy(scale, dtype):
    scores = (scale * np.random.default_rng(1).normal(size=(200, 7))).astype(dtype)
    p, _ = run(edf.Softmax, dtype, scores, seed=1.0)
    ours, theirs = p.log_value(), scipy.special.log_softmax(scores, axis=1)
    np.testing.assert_allclose(ours, theirs, rtol=8 * np.finfo(dtype).eps, atol=0)


SATURATED = list(product(product([-1e3, 0.0, 1e3], repeat=3), [0, 1, 2]))
UNDERFLOWING = [((0.0, -gap), 1) for gap in (10, 80, 100, 700, 1e3, 1e4)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cases", [SATURATED, UNDERFLOWING], ids=["saturated", "underflowing"])
def test_log_loss_of_softmax_equals_decimal_arithmetic(cases, dtype):
    scores, labels = (np.array(column) for column in zip(*cases, strict=True))
    loss, grad = run(lambda s, y: edf.LogLoss(edf.Aref(edf.Softmax(s), y)), dtype, scores, labels)
    expected = [log_loss(s, label) for s, label in cases]
    slope = (np.array([softmax(s) for s in scores]) - np.eye(scores.shape[1])[labels]) / len(cases)
    assert relative(loss.value, expected, dtype) < 2
    assert np.abs(grad - slope).max() < 2 * np.finfo(dtype).eps / len(cases)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [2.0, 10.0, 1e4])
def test_a_weighted_loss_stays_finite_at_a_thousand(weight, dtype):
    loss, grad = run(lambda s, y: weight * edf.LogLoss(edf.Aref(edf.Softmax(s), y)), dtype, [[1e3, -1e3]], [1])
    assert loss.value.item() == weight * 2000
    np.testing.assert_allclose(grad, [[weight, -weight]], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_from_saturated_scores_reduces_the_loss(dtype):
    with edf.Graph(dtype) as graph:
        x, y, W = edf.Input(), edf.Input(), edf.Param([[1e3, -1e3]])
        loss = edf.LogLoss(edf.Aref(edf.Softmax(x @ W), y))
    x.set([[1.0]])
    y.set([1])
    graph.Forward()
    before = loss.value.item()
    graph.Backward(loss)
    edf.SGD(1.0, graph)
    graph.Forward()
    assert (before, loss.value.item()) == (2000.0, 1998.0)
