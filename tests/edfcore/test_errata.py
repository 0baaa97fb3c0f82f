"""What the seed decks print and what is right: each pair is one claim, which the printed form fails.

S0 is the deck of 2017 and S1 that of 2020 (TTIC 31230, "Minibatching"). Row 1.5 and the rows on prices and names
have nothing to execute.
"""

from math import e, log
from textwrap import dedent

import numpy as np
import pytest

import edfcore as edf

ERRATA = {}


def erratum(number, *, printed, corrected):
    """The decorated claim takes a form and says whether it holds."""

    def keep(claim):
        ERRATA[number] = (claim, printed, corrected)
        return claim

    return keep


def by_differences(f, at, h=1e-5):
    """The gradient of the number f(at) by central differences, entry by entry."""
    grad = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[index] = h
        grad[index] = (f(at + step) - f(at - step)) / (2 * h)
    return grad


def close(got, expected):
    return bool(np.allclose(got, expected, rtol=1e-6, atol=1e-9))


def mean_log_loss(scores, y):
    return float(np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]))


def printed_rule(x, y_grad, W_grad):
    for b, j, i in np.ndindex(len(x), *W_grad.shape):
        W_grad[j, i] += x[b, j] * y_grad[b, j]


def corrected_rule(x, y_grad, W_grad):
    for b, j, i in np.ndindex(len(x), *W_grad.shape):
        W_grad[j, i] += x[b, j] * y_grad[b, i]


@erratum("0.1", printed=printed_rule, corrected=corrected_rule)
def gradient_of_a_vector_matrix_product(rule):
    rng = np.random.default_rng(0)
    x, W, upstream = rng.normal(size=(5, 3)), rng.normal(size=(3, 3)), rng.normal(size=(5, 3))
    W_grad = np.zeros_like(W)
    rule(x, upstream, W_grad)
    return close(W_grad, by_differences(lambda W: (upstream * (x @ W)).sum(), W))


@erratum("0.2", printed=["Forward"], corrected=["Forward", "Backward"])
def loss_grad_is_one_over_B_after(calls):
    x, y, loss = squashed_or_plain(lambda scores: scores)
    x.set(np.ones((4, 3)))
    y.set([0, 1, 2, 0])
    for call in calls:
        getattr(edf, call)(*[loss] if call == "Backward" else [])
    return loss.grad is not None and loss.grad.tolist() == [1 / 4] * 4


def squashed_or_plain(squash, W=None):
    """x, y and loss in a fresh default graph, with a function between the scores and the softmax."""
    edf.reset()
    x, y = edf.Input("x"), edf.Input("y")
    scores = edf.VDot(x, edf.Param(np.diag([1.0, 2.0, 3.0]) if W is None else W))
    return x, y, edf.LogLoss(edf.Aref(edf.Softmax(squash(scores)), y))


@erratum("0.3", printed=1 / 4, corrected=None)
def the_short_last_batch_is_averaged_with_the_seed(seed):
    rng = np.random.default_rng(1)
    images, labels, start = rng.normal(size=(10, 3)), rng.integers(0, 3, 10), rng.normal(size=(3, 3))
    x, y, loss = squashed_or_plain(lambda scores: scores, start)
    for k in range(0, len(images), 4):
        x.set(images[k : k + 4])
        y.set(labels[k : k + 4])
        edf.Forward()
        edf.Backward(loss, seed=seed)
    (W,) = edf.current().params
    return close(W.grad, by_differences(lambda W: mean_log_loss(images[8:] @ W, labels[8:]), start))


LOOP = """
    for ep in range(0,num_epochs)
        for k in range(0,len(train_images),B)
            x.set(train_images[k:k+B])
            y.set(train_labels[k:k+B])
            edf.Forward()
            edf.Backward(loss)
            edf.SGD(eta)
    """
SIGMOID = """
    class PrintedSigmoid:
        def backward(self):
            self.x.grad += self.grad
                * self.value
                * (1.-self.value)
    """
NAMES = """
    ell = edf.LogLoss(edf.Aref(L2, y))
    edf.Forward()
    edf.Backward(loss)
    """


@erratum("0.4", printed=LOOP, corrected=LOOP.replace("epochs)", "epochs):").replace(",B)", ",B):"))
@erratum("0.4 Sigmoid", printed=SIGMOID, corrected=SIGMOID.replace("+= ", "+= (").replace("value)\n", "value))\n"))
@erratum("0.4 ell", printed=NAMES, corrected=NAMES.replace("ell", "loss"))
def runs(program):
    x, y, loss = squashed_or_plain(lambda scores: scores)
    x.set(np.ones((4, 3)))
    y.set([0, 1, 2, 0])
    names = {"edf": edf, "x": x, "y": y, "L2": loss.a.p, "num_epochs": 2, "B": 2, "eta": 0.1}
    if "train_images" in program:
        names |= {"loss": loss, "train_images": x.value, "train_labels": y.value}
    try:
        exec(compile(dedent(program), "slide", "exec"), names)
    except (SyntaxError, NameError):
        return False
    return True


def sigmoid_of_edfcore(x):
    with edf.Graph(x.dtype.name) as graph:
        y = edf.Sigmoid(edf.Param(x))
    graph.Forward()
    return y.value


@erratum("0.5", printed=lambda x: 1.0 / (1.0 + np.exp(-x)), corrected=sigmoid_of_edfcore)
def sigmoid_does_not_overflow(sigmoid):
    try:
        with np.errstate(over="raise"):
            values = [sigmoid(np.array([-1e3, 0.0, 1e3], dtype)) for dtype in ("float32", "float64")]
    except FloatingPointError:
        return False
    return all(v.tolist() == [0.0, 0.5, 1.0] for v in values)


def vdot_of_edfcore(W, upstream):
    with edf.Graph() as graph:
        x = edf.Input(grad=True)
        y = edf.VDot(x, edf.Param(W))
    x.set(np.zeros((len(upstream), len(W))))
    graph.Forward()
    graph.Backward(y, seed=upstream)
    return x.grad


@erratum("0.6", printed=lambda W, grad: np.matmul(W, grad.T).T, corrected=vdot_of_edfcore)
def gradient_of_x_lies_in_memory_as_x_does(rule):
    """The numbers are right in both forms; the printed one is in Fortran's order."""
    rng = np.random.default_rng(0)
    W, upstream = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    grad = rule(W, upstream)
    assert close(grad, np.einsum("bj,ij->bi", upstream, W))
    return grad.flags.c_contiguous


def accumulate(y, x, W):
    for b, i, j in np.ndindex(*y.shape, len(W)):
        y[b, i] += x[b, j] * W[j, i]


def zero_and_accumulate(y, x, W):
    y[...] = 0.0
    accumulate(y, x, W)


@erratum("0.7", printed=accumulate, corrected=zero_and_accumulate)
def a_second_forward_gives_the_same(forward):
    rng = np.random.default_rng(0)
    y = np.zeros((4, 2))
    for _ in range(2):
        x, W = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
        forward(y, x, W)
    return close(y, x @ W)


@erratum("1.1", printed=lambda h_grad: h_grad.sum(axis=0), corrected=lambda h_grad: -h_grad.sum(axis=0))
def gradient_of_the_bias_that_is_subtracted(rule):
    """S1 subtracts b, the class of S0 adds the upstream gradient to b.grad: one of the signs has to go."""
    rng = np.random.default_rng(2)
    images, labels, W, start = rng.normal(size=(5, 4)), rng.integers(0, 3, 5), rng.normal(size=(4, 3)), np.ones(3)
    with edf.Graph() as graph:
        x, y, b = edf.Input(), edf.Input(), edf.Param(start)
        h = x @ edf.Param(W) - b
        loss = edf.LogLoss(edf.Aref(edf.Softmax(h), y))
    x.set(images)
    y.set(labels)
    graph.Forward()
    graph.Backward(loss)
    expected = by_differences(lambda b: mean_log_loss(images @ W - b, labels), start)
    assert close(b.grad, expected)
    return close(rule(h.grad), expected)


def least_loss(squash):
    """The loss of ten classes when every right score is +1000 and every wrong one -1000."""
    x, y, loss = squashed_or_plain(squash, 2e3 * np.eye(10) - 1e3)
    x.set(np.eye(10))
    y.set(np.arange(10))
    edf.Forward()
    return loss.value


@erratum("1.2", printed=edf.Sigmoid, corrected=lambda scores: scores)
def certain_and_right_answers_cost_nothing(squash):
    return bool((least_loss(squash) < 1e-6).all())


def test_squashed_scores_keep_the_loss_above_1_46115():
    np.testing.assert_allclose(least_loss(edf.Sigmoid), log(e + 9) - 1, rtol=1e-12)
    assert round(log(e + 9) - 1, 5) == 1.46115


@erratum("1.3", printed=(1 / 5, 1 / 5), corrected=(1.0, 1 / 5))
def gradient_of_W_with_one_over_B_in(places):
    """1/B in loss.grad (S0) and in W.grad (S1): in one of the two places, not in both."""
    seed, factor = places
    rng = np.random.default_rng(3)
    images, labels, start = rng.normal(size=(5, 3)), rng.integers(0, 3, 5), rng.normal(size=(3, 3))
    x, y, loss = squashed_or_plain(lambda scores: scores, start)
    x.set(images)
    y.set(labels)
    edf.Forward()
    edf.Backward(loss, seed=seed)
    h = loss.a.p.s
    W_grad = factor * np.einsum("bi,bj->ij", images, h.grad)
    return close(W_grad, by_differences(lambda W: mean_log_loss(images @ W, labels), start))


def test_both_conventions_average_parameters_and_differ_by_B_in_activations(s0):
    ours, theirs = s0(B=5), s0(B=5)
    ours.graph.Backward(ours.loss)
    theirs.graph.Backward(theirs.loss, seed=1.0)
    for name in ("W1", "W2"):
        assert close(getattr(theirs, name).grad / 5, getattr(ours, name).grad)
    for name in ("L1", "L2", "loss"):
        assert close(getattr(theirs, name).grad, 5 * getattr(ours, name).grad)


@erratum("1.4", printed=edf.VDot, corrected=lambda x, W: edf.VDot(x, edf.Transpose(W)))
def a_W_of_S1_maps_inputs_to_outputs(layer):
    rng = np.random.default_rng(0)
    images, W = rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    with edf.Graph() as graph:
        x = edf.Input("x")
        h = layer(x, edf.Param(W, "W"))
    x.set(images)
    try:
        graph.Forward()
    except edf.ShapeError:
        return False
    return close(h.value, np.einsum("ji,bi->bj", W, images))


@pytest.mark.parametrize("number", ERRATA)
def test_printed_form_fails(number):
    claim, printed, _ = ERRATA[number]
    assert claim(printed) is False


@pytest.mark.parametrize("number", ERRATA)
def test_corrected_form_holds(number):
    claim, _, corrected = ERRATA[number]
    assert claim(corrected) is True
