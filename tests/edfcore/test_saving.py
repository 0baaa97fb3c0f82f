"""A model saved and loaded computes the same bits; a damaged file is a sentence and runs no code."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import checks
from edfcore.registry import REGISTRY
from edfcore.saving import load, save


def network(dtype="float32"):
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W, b = edf.Param(rng.normal(size=(5, 3)), "W"), edf.Param(rng.normal(size=3), "b")
        p = edf.Softmax(2.0 * edf.Tanh(x @ W + b), name="p")
        edf.LogLoss(edf.Aref(p, y), name="loss")
    return graph


def step(graph):
    graph["x"].set(np.linspace(-1, 1, 20).reshape(4, 5))
    graph["y"].set([0, 2, 1, 1])
    graph.Forward()
    graph.Backward(graph["loss"])
    edf.SGD(0.1, graph)
    return graph["loss"].value.tobytes() + graph["W"].value.tobytes() + graph["b"].grad.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_model_goes_on_bit_for_bit(tmp_path, dtype):
    graph = network(dtype)
    step(graph)
    save(graph, tmp_path / "model.npz")
    assert step(load(tmp_path / "model.npz")) == step(graph)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_component_survives_with_its_settings(tmp_path, name):
    node, values = checks.example(name, np.random.default_rng(1))
    for arg, value in zip(node.args, values, strict=True):
        arg.value = value
    save(node.graph, tmp_path / "model.npz")
    again = load(tmp_path / "model.npz").nodes[-1]
    assert type(again) is type(node)
    assert [getattr(again, key) for key in node.settings] == [getattr(node, key) for key in node.settings]


def test_a_component_of_ones_own_is_refused_with_the_fix(tmp_path):
    class Half(edf.Sigmoid):
        pass

    with edf.Graph() as graph:
        Half(edf.Input())
    with pytest.raises(edf.DataError, match="edf.register"):
        save(graph, tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_and_a_later_format_are_sentences(tmp_path):
    with pytest.raises(edf.DataError, match="does not exist"):
        load(tmp_path / "nothing.npz")
    description = json.dumps({"format": 99, "dtype": "float32", "nodes": []}).encode()
    np.savez(tmp_path / "later.npz", description=np.frombuffer(description, np.uint8))
    with pytest.raises(edf.DataError, match="format 99"):
        load(tmp_path / "later.npz")


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('code from a model file ran')",)


def test_a_pickle_inside_is_not_opened(tmp_path):
    (tmp_path / "model.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(edf.DataError, match="damaged"):
        load(tmp_path / "model.npz")
    np.savez(tmp_path / "model.npz", description=np.array([Trap()], dtype=object))
    with pytest.raises(edf.DataError, match="damaged"):
        load(tmp_path / "model.npz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_a_sentence_or_the_right_model(tmp_path, data):
    path = tmp_path / "model.npz"
    save(network(), path)
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        graph = load(path)
    except edf.DataError as error:
        assert str(path) in str(error)
    else:
        np.testing.assert_array_equal(graph["W"].value, network()["W"].value)
