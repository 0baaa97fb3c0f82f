"""Exact curvature: Hessians against PyTorch's and closed forms, symmetry, and a graph left as it was.

golden/make_components.py made the golden vectors.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.curvature import hessian, hvp

FILE = Path(__file__).parent / "golden" / "components.npz"


def mlp(x, W1, b1, W2, b2, W3, b3):
    return edf.GELU(edf.Softplus(edf.Tanh(x @ W1 + b1) @ W2 + b2)) @ W3 + b3


def batch_norm(x, W1, g, b, W2):
    return edf.Tanh(edf.BatchNorm(x @ W1, g, b)) @ W2


def layer_norm(x, W1, g, b, W2):
    return edf.GELU(edf.LayerNorm(x @ W1, g, b), approximate="tanh") @ W2


NETWORKS = {network.__name__: network for network in (mlp, batch_norm, layer_norm)}
networks = pytest.mark.parametrize("name", NETWORKS)


def golden(name):
    with np.load(FILE) as file:
        start = f"network.{name}/"
        return {key.removeprefix(start): value for key, value in file.items() if key.startswith(start)}


def build(name, arrays, dtype="float64", fused=True):
    with edf.Graph(dtype):
        x, y = edf.Input("x"), edf.Input("y")
        params = {k.removeprefix("start/"): v for k, v in arrays.items() if k.startswith("start/")}
        scores = NETWORKS[name](x, **{key: edf.Param(value, key) for key, value in params.items()})
        loss = edf.CrossEntropy(scores, y) if fused else edf.LogLoss(edf.Aref(edf.Softmax(scores), y))
    x.set(arrays["x"])
    y.set(arrays["y"])
    return loss


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / np.abs(expected).max()


def flat(product):
    return np.concatenate([a.ravel() for a in product.values()])


@networks
@pytest.mark.parametrize("fused", [True, False])
def test_the_hessian_equals_that_of_torch(name, fused):
    arrays = golden(name)
    loss = build(name, arrays, fused=fused)
    H = hessian(loss)
    assert relative_error(H, arrays["hessian"]) < 1e-12  # 1e-10 is asked for
    assert np.abs(H - H.T).max() < 1e-12 * np.abs(H).max()
    loss.graph.Forward()
    loss.graph.Backward(loss)
    assert relative_error(np.mean(loss.value), arrays["loss"]) < 1e-12
    assert relative_error(flat({p: p.grad for p in loss.graph.params}), arrays["grad"]) < 1e-12


@networks
def test_the_vectors_discriminate(name):
    """The Hessian is full (indefinite, all blocks present), so that a forgotten term would show."""
    H = golden(name)["hessian"]
    assert (np.abs(H).max(axis=0) > 1e-4 * np.abs(H).max()).all()
    assert np.linalg.eigvalsh(H)[0] < -1e-3


@networks
def test_a_product_is_that_with_the_hessian(name):
    arrays, rng = golden(name), np.random.default_rng(0)
    loss = build(name, arrays)
    v = {p: rng.normal(size=p.value.shape) for p in loss.graph.params}
    assert relative_error(flat(hvp(loss, v)), arrays["hessian"] @ flat(v)) < 1e-12


@networks
def test_products_equal_differences_of_gradients(name):
    """An oracle that shares nothing with the complex step."""
    loss, rng, h = build(name, golden(name)), np.random.default_rng(1), 1e-5
    params = loss.graph.params
    v = {p: rng.normal(size=p.value.shape) for p in params}
    start, grads = {p: p.value for p in params}, []
    product = hvp(loss, v)
    for step in (h, -h):
        for p in params:
            p.set(start[p] + step * v[p])
        loss.graph.Forward()
        loss.graph.Backward(loss)
        grads.append(flat({p: p.grad for p in params}))
    assert relative_error(flat(product), (grads[0] - grads[1]) / (2 * h)) < 1e-7


@networks
def test_some_of_the_parameters_give_their_block(name):
    arrays = golden(name)
    loss = build(name, arrays)
    last = loss.graph.params[-1]
    n = last.value.size
    np.testing.assert_allclose(hessian(loss, [last]), arrays["hessian"][-n:, -n:], rtol=1e-9, atol=1e-13)
    v = np.ones(last.value.shape)
    np.testing.assert_allclose(hvp(loss, {last: v})[last].ravel(), arrays["hessian"][-n:, -n:].sum(axis=1), atol=1e-12)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_least_squares_has_the_gram_matrix(B, n, seed):
    rng = np.random.default_rng(seed)
    with edf.Graph():
        x, y, w = edf.Input(), edf.Input(), edf.Param(rng.normal(size=(n, 1)))
        loss = edf.SquaredLoss(x @ w, y) + edf.L2Penalty(w, weight_decay=0.3)
    X = rng.normal(size=(B, n))
    x.set(X)
    y.set(rng.normal(size=(B, 1)))
    np.testing.assert_allclose(hessian(loss), X.T @ X / B + 0.3 * np.eye(n), rtol=1e-13, atol=1e-14)


def test_logistic_regression_has_the_matrix_of_iteratively_reweighted_least_squares():
    rng = np.random.default_rng(0)
    X, labels, w = rng.normal(size=(9, 3)), rng.integers(0, 2, 9), rng.normal(size=(3, 1))
    with edf.Graph():
        x, y, W = edf.Input(), edf.Input(), edf.Param(w)
        loss = edf.CrossEntropy(edf.Concatenate(0.0 * (x @ W), x @ W), y)
    x.set(X)
    y.set(labels)
    p = 1 / (1 + np.exp(-(X @ w)))
    np.testing.assert_allclose(hessian(loss), X.T @ (p * (1 - p) * X) / 9, rtol=1e-12)


def test_saturated_scores_have_a_finite_hessian():
    with edf.Graph():
        x, y, W = edf.Input(), edf.Input(), edf.Param([[1e3, -1e3, 0.0]])
        loss = edf.CrossEntropy(x @ W, y)
    x.set([[1.0], [-1.0]])
    y.set([1, 2])
    assert not hessian(loss).any()


def everything(graph):
    return {
        node: (node.value, node.grad, getattr(node, "clock", None), dict(getattr(node, "state", {})))
        for node in graph.nodes
    }


def same(one, other):
    return one is other or (
        isinstance(one, dict) and one.keys() == other.keys() and all(one[k] is other[k] for k in one)
    )


@networks
@pytest.mark.parametrize("after", ["nothing", "Forward", "Backward"])
def test_the_graph_is_left_as_it_was(name, after):
    loss = build(name, golden(name))
    graph = loss.graph
    if after != "nothing":
        graph.Forward()
    if after == "Backward":
        graph.Backward(loss)
    held, clock = everything(graph), graph.clock
    copies = {n: np.copy(n.value) for n in graph.params}
    hvp(loss, {p: np.ones(p.value.shape) for p in graph.params})
    hessian(loss, graph.params[-1:])
    now = everything(graph)
    assert graph.clock == clock
    assert all(same(a, b) or a == b for n in held for a, b in zip(held[n], now[n], strict=True))
    assert all(np.array_equal(n.value, copies[n]) for n in graph.params)


def test_a_failure_inside_leaves_the_graph_as_it_was_too():
    with edf.Graph() as graph:
        x, w = edf.Input("x"), edf.Param([1.0], "w")
        loss = edf.SumOver(edf.Log(x * w))
    x.set([[-1.0]])
    value = w.value
    with pytest.raises(edf.DataError, match="has no logarithm"):
        hvp(loss, {w: [1.0]})
    assert w.value is value and graph.clock == 2


def test_the_mask_of_dropout_is_that_of_the_forward():
    with edf.Graph() as graph:
        x, w = edf.Input(), edf.Param(np.ones(50))
        loss = 0.5 * edf.SumOver(edf.Dropout(x * w) ** 2)
    x.set(np.ones((1, 50)))
    graph.Forward()
    kept = graph.nodes[3].mask((1, 50))[0]
    assert 0 < kept.sum() < 50
    np.testing.assert_allclose(hessian(loss), np.diag(4.0 * kept), rtol=1e-14)


def test_a_parameter_that_the_loss_does_not_use_has_zeros():
    with edf.Graph():
        x, w, unused = edf.Input(), edf.Param([2.0]), edf.Param([[1.0, 2.0]])
        loss = edf.SumOver(x * w**2)
    x.set([[3.0]])
    product = hvp(loss, {w: [1.0], unused: [[1.0, 1.0]]})
    assert product[w].tolist() == [6.0] and product[unused].tolist() == [[0.0, 0.0]]
    assert hessian(loss).tolist() == [[6.0]]


def test_a_gradient_that_passes_rows_by_number_keeps_its_curvature():
    """W is real while what comes from above is complex: the rows' gradient must not be made real."""
    rng = np.random.default_rng(0)
    with edf.Graph():
        ids, W, V = edf.Input(), edf.Param(rng.normal(size=(4, 2))), edf.Param(rng.normal(size=(1, 2)))
        loss = edf.SumOver(edf.Embedding(W, ids) * V * V)
    ids.set([0, 2, 2])
    H = hessian(loss, [W, V])
    counts = np.array([1, 0, 2, 0]) / 3
    np.testing.assert_allclose(H[:8, 8:], np.kron(counts[:, None], np.diag(2 * V.value[0])), rtol=1e-14)
    np.testing.assert_allclose(H, H.T, rtol=1e-14)


def test_float32_in_gives_float32_out_with_all_its_digits():
    arrays = golden("mlp")
    single = {k: v.astype("float32") if v.dtype == "float64" else v for k, v in arrays.items()}
    H = hessian(build("mlp", single, "float32"))
    double = hessian(build("mlp", {k: v.astype(float) if v.dtype == "float32" else v for k, v in single.items()}))
    assert H.dtype == "float32"
    assert relative_error(H, double) < 1e-6
    loss = build("mlp", single, "float32")
    assert {a.dtype.name for a in hvp(loss, {p: p.value for p in loss.graph.params}).values()} == {"float32"}


class RealSlice(edf.Slice):
    """A backward that drops the imaginary part."""

    def backward(self, grad, y, x):
        whole = np.zeros(x.shape)
        whole[self._window(x)] = grad.real
        return whole


class SlopeOfTheReal(edf.Tanh):
    """A backward that differentiates at the real part alone."""

    def derivative(self, y, x):
        return 1 - y.real**2


def hessian_through(kind):
    rng = np.random.default_rng(0)
    with edf.Graph():
        x, W, V = edf.Input(), edf.Param(rng.normal(size=(3, 2))), edf.Param(rng.normal(size=(2, 1)))
        loss = edf.SumOver(edf.Tanh(kind(x @ W) @ V))
    x.set(rng.normal(size=(4, 3)))
    return hessian(loss)


@pytest.mark.parametrize("fault", [RealSlice, SlopeOfTheReal], ids=lambda fault: fault.__name__)
def test_a_backward_that_is_not_complex_safe_is_seen(fault):
    """In the comparison, that is: where the lost term is symmetric, as with SlopeOfTheReal, so is the wrong Hessian."""
    wrong, right = hessian_through(fault), hessian_through(fault.__base__)
    assert relative_error(right.T, right) < 1e-12
    assert relative_error(wrong, right) > 1e-3
    assert (relative_error(wrong.T, wrong) > 1e-3) == (fault is RealSlice)


def network_of_one():
    with edf.Graph():
        x, w = edf.Input("x"), edf.Param([1.0, 2.0], "w")
        loss = edf.SumOver(x * w)
    x.set([[1.0, 1.0]])
    return x, w, loss


MISTAKES = {
    "no vectors": (lambda x, w, loss: hvp(loss, {}), edf.DataError, "no parameter is given"),
    "an array for the vectors": (lambda x, w, loss: hvp(loss, 3.0), edf.DataError, "3.0 stands where"),
    "a parameter for the vectors": (lambda x, w, loss: hessian(loss, w), edf.DataError, "such as {W: v} or [W]"),
    "an input": (lambda x, w, loss: hvp(loss, {x: [[1.0, 1.0]]}), edf.GraphError, "<Input 'x', shape (1, 2)> is not"),
    "a name": (lambda x, w, loss: hvp(loss, {"w": [1.0, 1.0]}), edf.GraphError, "'w' is not a parameter"),
    "a parameter of another graph": (
        lambda x, w, loss: hessian(loss, [edf.Param([1.0], graph=edf.Graph())]),
        edf.GraphError,
        "is not a parameter of the loss's graph",
    ),
    "a shape": (lambda x, w, loss: hvp(loss, {w: [1.0]}), edf.ShapeError, "has shape (1,), the parameter (2,)"),
    "NaN": (lambda x, w, loss: hvp(loss, {w: [1.0, np.nan]}), edf.DataError, "NaN or infinity"),
    "None": (lambda x, w, loss: hvp(loss, {w: None}), edf.DataError, "numbers are needed"),
    "ragged": (lambda x, w, loss: hvp(loss, {w: [[1.0], [1.0, 2.0]]}), edf.DataError, "not an array of numbers"),
    "a number for the loss": (lambda x, w, loss: hvp(3.0, {w: [1.0, 1.0]}), edf.GraphError, "3.0 is not a computed"),
    "a parameter for the loss": (lambda x, w, loss: hessian(w), edf.GraphError, "pass the loss"),
    "two axes": (lambda x, w, loss: hessian(loss.x), edf.DataError, "one number for each instance"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_sentence(name):
    mistake, error, words = MISTAKES[name]
    with pytest.raises(error) as caught:
        mistake(*network_of_one())
    assert words in str(caught.value) and str(caught.value)[-1] in ".?"
