"""Every error is a sentence of edfcore's own: what was found, where, and how to mend it."""

import sys

import numpy as np
import pytest

import edfcore as edf
from edfcore import per_example
from edfcore.backend import Backend
from edfcore.checks import gradcheck
from edfcore.data import batches

CASES = []


def says(error, *words):
    """Mark a mistake: a function that must raise `error` with each of the words in its message."""

    def mark(mistake):
        CASES.append(pytest.param(mistake, error, words, id=mistake.__name__))
        return mistake

    return mark


@pytest.fixture(autouse=True)
def fresh_default_graph():
    edf.reset()


def network(classes=3):
    """S0's loss on two features in the default graph."""
    x, y, W = edf.Input("x"), edf.Input("y"), edf.Param(np.ones((2, classes)), "W")
    loss = edf.LogLoss(edf.Aref(edf.Softmax(x @ W), y))
    x.set(np.ones((4, 2)))
    y.set([0, 1, 2, 0])
    return x, y, W, loss


# Data


@says(edf.DataError, "Input 'x'", "not an array of numbers")
def ragged_list():
    edf.Input("x").set([[1.0, 2.0], [3.0]])


@says(edf.DataError, "Input 'x'", "dtype object", "None")
def none_among_numbers():
    edf.Input("x").set([1.0, None])


@says(edf.DataError, "Input 'x'", "text")
def text_for_numbers():
    edf.Input("x").set(["one", "two"])


@says(edf.DataError, "Input 'x'", "batch is empty", "(0, 784)")
def empty_batch():
    edf.Input("x").set(np.zeros((0, 784)))


@says(edf.DataError, "Input 'x'", "single number", "x.set([value])")
def number_for_a_batch():
    edf.Input("x").set(3.0)


@says(edf.DataError, "Param 'W'", "NaN or infinity")
def parameter_with_nan():
    edf.Param([1.0, np.nan], "W")


@says(edf.DataError, "Param 'W'", "NaN or infinity")
def parameter_set_to_infinity():
    edf.Param([1.0], "W").set([np.inf])


@says(edf.DataError, "constant in a formula", "text")
def text_in_a_formula():
    edf.Param([1.0]) * "two"


@says(edf.DataError, "y[2] = 3", "3 classes", "0 to 2")
def label_out_of_range():
    x, y, W, loss = network()
    y.set([0, 1, 3, 9])
    edf.Forward()


@says(edf.DataError, "y[1] = -1", "3 classes")
def negative_label():
    x, y, W, loss = network()
    y.set([0, -1, 2, 0])
    edf.Forward()


@says(edf.DataError, "labels must be integers", "Input 'y'", "float64")
def labels_as_floats():
    x, y, W, loss = network()
    y.set([0.0, 1.0, 2.0, 0.0])
    edf.Forward()


@says(edf.DataError, "LogLoss", "no logarithm", "Softmax")
def no_softmax_before_the_loss():
    a = edf.Input("a")
    edf.LogLoss(a)
    a.set([0.5, -0.1])
    edf.Forward()


# Shapes


@says(edf.ShapeError, "VDot: x needs the axes b,i (2) but has shape (3,) (1).")
def instance_without_batch_axis():
    x = edf.Input("x")
    edf.VDot(x, np.eye(3))
    x.set([1.0, 2.0, 3.0])
    edf.Forward()


@says(edf.ShapeError, "AddBias: y has axes b,i = (4, 3) but beta has i = (2,): i is 3 in y and 2 in beta.")
def bias_of_another_length():
    x, y, W, loss = network()
    edf.AddBias(x @ W, edf.Param([0.0, 0.0]))
    edf.Forward()


@says(edf.ShapeError, "Aref: p has axes b,i = (4, 3) but y has b = (3,): b is 4 in p and 3 in y.")
def batches_of_two_lengths():
    x, y, W, loss = network()
    y.set([0, 1, 2])
    edf.Forward()


@says(edf.ShapeError, "Add: x = (4, 3) and y = (4, 2) do not broadcast", "axis 1 is 3 in x and 2 in y")
def shapes_that_do_not_broadcast():
    edf.Param(np.ones((4, 3))) + edf.Param(np.ones((4, 2)))
    edf.Forward()


@says(edf.ShapeError, "Softmax", "at least the axes i")
def softmax_of_a_number():
    edf.Softmax(edf.Param(1.0))
    edf.Forward()


# Order of calls


@says(edf.GraphError, "Input 'y' was never set", "set(batch)", "edf.reset()")
def input_never_set():
    x, y = edf.Input("x"), edf.Input("y")
    edf.Add(x, y)
    x.set([1.0])
    edf.Forward()


@says(edf.GraphError, "LogLoss was not forwarded yet", "call Forward() first")
def backward_before_forward():
    edf.Backward(network()[-1])


@says(edf.GraphError, "Input 'x' was set after the last Forward()", "call Forward() again")
def stale_input():
    x, y, W, loss = network()
    edf.Forward()
    x.set(np.zeros((4, 2)))
    edf.Backward(loss)


@says(edf.GraphError, "Param 'W' was set after the last Forward()")
def stale_parameter():
    x, y, W, loss = network()
    edf.Forward()
    W.set(np.zeros((2, 3)))
    edf.Backward(loss)


@says(edf.GraphError, "a step of SGD was taken after the last Forward()")
def backward_after_a_step():
    x, y, W, loss = network()
    edf.Forward()
    edf.Backward(loss)
    edf.SGD(0.1)
    edf.Backward(loss)


@says(edf.GraphError, "no parameter of the current graph has a gradient", "Backward(loss)")
def step_before_backward():
    network()
    edf.Forward()
    edf.SGD(0.1)


@says(edf.GraphError, "Sub", "different graphs", "edf.reset()")
def two_graphs_in_one_formula():
    edf.Param([1.0]) - edf.Param([1.0], graph=edf.Graph())


@says(edf.GraphError, "not a node of this graph")
def target_of_another_graph():
    edf.Graph().Forward(edf.Param([1.0]))


@says(edf.GraphError, "not a node")
def targets_in_a_list():
    edf.Forward([network()[-1]])


@says(edf.GraphError, "depends on itself", "cycle")
def cycle_made_by_hand():
    first = edf.Tanh(edf.Param([1.0]))
    second = edf.Tanh(first)
    first.args = (second,)
    edf.Forward()


@says(edf.GraphError, "Tanh", "depends on itself")
def node_of_itself():
    node = edf.Tanh(edf.Param([1.0]))
    node.args = (node,)
    edf.Forward()


# The loss


@says(edf.GraphError, "3.0 is not a node")
def number_for_the_loss():
    edf.Backward(3.0)


@says(edf.GraphError, "Param 'W'", "not a computed value", "pass the loss")
def parameter_for_the_loss():
    x, y, W, loss = network()
    edf.Forward()
    edf.Backward(W)


@says(edf.DataError, "VDot", "shape (4, 3)", "(B,)")
def loss_with_two_axes():
    x, y, W, loss = network()
    scores = x @ W
    edf.Forward()
    edf.Backward(scores)


@says(edf.DataError, "Transpose", "shape (3, 2)", "single number")
def loss_without_batch_index():
    x, y, W, loss = network()
    other = edf.Transpose(W)
    edf.Forward()
    edf.Backward(other)


@says(edf.DataError, "seed has shape (3,)", "loss has (4,)")
def seed_of_another_shape():
    x, y, W, loss = network()
    edf.Forward()
    edf.Backward(loss, seed=[1.0, 1.0, 1.0])


@says(edf.DataError, "the loss Add is not finite", "first such value is Mul 'square'.value[0] = inf")
def overflow_in_the_middle():
    x = edf.Input("x")
    loss = edf.Mul(x, x, name="square") + 1.0
    x.set([1e200])
    with np.errstate(over="ignore"):
        edf.Forward()
    edf.Backward(loss)


@says(edf.DataError, "Input 'x'.value[1, 0] = nan", "check the data")
def nan_in_the_data():
    x, y, W, loss = network()
    x.set([[1.0, 1.0], [np.nan, 1.0], [1.0, 1.0], [1.0, 1.0]])
    edf.Forward()
    edf.Backward(loss)


# Steps, batches, backends, checks


def step(eta):
    x, y, W, loss = network()
    edf.Forward()
    edf.Backward(loss)
    edf.SGD(eta)


for name, eta in {"negative": -0.1, "nan": float("nan"), "infinite": float("inf"), "text": "0.1", "none": None}.items():
    words = ("SGD", f"eta is {eta!r}", "finite")
    CASES.append(pytest.param(lambda eta=eta: step(eta), edf.DataError, words, id=f"{name}_eta"))


for B in (0, -1, 2.0, None, True, "8"):
    words = ("batches", f"B is {B!r}", "at least 1")
    CASES.append(pytest.param(lambda B=B: batches([1, 2], B=B), edf.DataError, words, id=f"batch_size_{B}"))


@says(edf.DataError, "'jax'", "'numpy' or 'cupy'")
def unknown_backend():
    Backend("jax")


@says(edf.DataError, "float16", "float32")
def unknown_precision():
    edf.Graph(dtype="float16")


@says(edf.DataError, "gradcheck", "float64")
def gradcheck_in_float32():
    with edf.Graph("float32"):
        x = edf.Input()
        loss = edf.Tanh(x)
    x.set([1.0])
    gradcheck(loss)


@says(edf.GraphError, "per_example", "no batch index", "before its mean")
def per_example_of_a_mean():
    mean = edf.Mean(network()[-1])
    edf.Forward()
    per_example.gradients(mean)


# Components


@says(TypeError, "VDot takes x, W; 1 given")
def argument_forgotten():
    edf.VDot(edf.Input())


class Half(edf.Component):
    """y[...] = x[...] / 2."""

    axes, source = "... -> ...", "a test"

    def forward(self, x):
        return x / 2

    def backward(self, grad, y, x):
        return grad / 2

    def jvp(self, tangents, y, x):
        return tangents[0] / 2

    def cost(self, sizes):
        return edf.Cost(1, 1)


def half(**parts):
    return type("Half", (Half,), {"__doc__": Half.__doc__} | parts)


for part in ("axes", "source", "backward", "jvp", "cost", "forward", "__doc__"):
    CASES.append(
        pytest.param(
            lambda part=part: edf.register(half(**{part: None})),
            TypeError,
            ("Half cannot be registered", f"lacks {part}"),
            id=f"component_without_{part.strip('_')}",
        )
    )


@says(TypeError, "Half", "name 2 arguments", "forward takes ('x',)")
def axes_for_another_number_of_arguments():
    edf.register(half(axes="... ; ... -> ..."))


def differentiate(component, shape=(4, 3)):
    """Forward and Backward through a component whose argument is a parameter of the given shape."""
    y = component(edf.Param(np.ones(shape), "W"))
    edf.Forward()
    edf.Backward(y, seed=1.0)


@says(edf.GraphError, "Half.backward gave 2 contribution(s) for 1 arguments (x)")
def two_contributions_for_one_argument():
    differentiate(half(backward=lambda self, grad, y, x: (grad, grad)))


@says(edf.GraphError, "contribution of shape (3,) reached Param 'W' of shape (4, 3)")
def contribution_without_batch_axis():
    differentiate(half(backward=lambda self, grad, y, x: grad.sum(axis=0)))


@says(edf.GraphError, "shape ()", "Param 'W' of shape (4, 3)")
def contribution_that_is_a_number():
    differentiate(half(backward=lambda self, grad, y, x: 0.5))


@says(edf.GraphError, "shape ()", "Param 'W' of shape (1, 3)")
def contribution_summed_over_all_axes():
    differentiate(half(backward=lambda self, grad, y, x: grad.sum()), shape=(1, 3))


@pytest.mark.parametrize("mistake, error, words", CASES)
def test_a_mistake_is_told_in_a_sentence(mistake, error, words):
    with pytest.raises(error) as caught:
        mistake()
    message = str(caught.value)
    assert [word for word in words if word not in message] == []
    assert message[-1] in ".?"


def test_the_shape_clash_of_the_style_guide_reads_exactly_so():
    x, W = edf.Input("pixels"), edf.Param(np.zeros((785, 128)), "weights")
    edf.VDot(x, W)
    x.set(np.zeros((32, 784)))
    with pytest.raises(edf.ShapeError) as caught:
        edf.Forward()
    told = "VDot: x has axes b,i = (32, 784) but W has i,j = (785, 128): i is 784 in x and 785 in W."
    assert str(caught.value) == told


def test_a_name_of_a_component_stands_in_its_message():
    edf.AddBias(edf.Param(np.ones((2, 3))), edf.Param([0.0]), name="hidden")
    with pytest.raises(edf.ShapeError, match="^AddBias 'hidden': y has axes"):
        edf.Forward()


def test_malformed_axes_are_quoted():
    with pytest.raises(ValueError, match="axes 'b,i' lack '->'"):
        edf.register(half(axes="b,i"))


def test_a_letter_that_only_the_value_has_needs_a_derived_size():
    with pytest.raises(TypeError, match="Half: axes give k only after '->'"):
        edf.register(half(axes="b,i -> b,k"))


def test_after_a_mistake_is_mended_the_graph_runs():
    x, y, W, loss = network()
    y.set([0, 1, 3, 0])
    with pytest.raises(edf.DataError):
        edf.Forward()
    with pytest.raises(edf.GraphError):
        edf.Backward(loss)
    y.set([0, 1, 2, 0])
    edf.Forward()
    edf.Backward(loss)
    assert loss.grad.tolist() == [1 / 4] * 4


def test_without_cupy_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(edf.MissingExtra, match=r"needs CuPy, which is not installed. Run: .*\[gpu13\]"):
        edf.Param(1.0, graph=edf.Graph(backend="cupy"))


def test_errors_are_also_the_kind_that_python_programs_expect():
    kinds = {edf.ShapeError: ValueError, edf.DataError: ValueError, edf.GraphError: RuntimeError}
    assert all(issubclass(ours, (theirs)) and issubclass(ours, edf.EdfError) for ours, theirs in kinds.items())
    assert issubclass(edf.MissingExtra, ImportError)
