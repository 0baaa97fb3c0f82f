"""Summary and drawing of a graph: shapes in letters, parameters and FLOPs counted by hand, text beside the picture."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import edfcore as edf


@pytest.fixture
def network():
    with edf.Graph("float32") as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W1, b1, W2 = edf.Param(np.ones((784, 128)), "W1"), edf.Param(np.zeros(128), "b1"), edf.Param(np.ones((128, 10)))
        L1 = edf.Sigmoid(x @ W1 + b1, name="L1")
        edf.LogLoss(edf.Aref(edf.Softmax(L1 @ W2), y), name="loss")
    return graph


def forwarded(graph):
    graph["x"].set(np.zeros((32, 784)))
    graph["y"].set(np.zeros(32, int))
    graph.Forward()
    return graph


def test_summary_counts_parameters_and_flops_as_by_hand(network):
    summary = forwarded(network).summary()
    assert summary.total("params") == 784 * 128 + 128 + 128 * 10
    rows = {row.node: row for row in summary.rows}
    assert rows["VDot"].forward == 2 * 32 * 784 * 128 and rows["VDot"].backward == 2 * rows["VDot"].forward
    assert rows["W1"].bytes == 2 * 4 * 784 * 128 and rows["x"].bytes == 4 * 32 * 784


def test_shapes_are_told_in_letters_also_where_a_component_has_none(network):
    rows = {row.node: row for row in forwarded(network).summary().rows}
    assert rows["x"].letters == "b,i" and rows["W1"].letters == "i,j" and rows["y"].letters == "b"
    assert rows["L1"].letters == "b,i" and rows["Softmax"].letters == "b,j"


def test_summary_before_forward_says_what_to_do(network):
    with pytest.raises(edf.GraphError, match=r"call Forward\(\) once"):
        network.summary()


def test_summary_shows_as_text_and_as_a_table(network):
    summary = forwarded(network).summary()
    assert str(summary).splitlines()[0].split()[:3] == ["node", "of", "axes"]
    assert "101,760" in str(summary) and "<td>101,760</td>" in summary._repr_html_()


def test_drawing_is_valid_svg_with_a_box_for_each_node_and_an_arrow_for_each_argument(network):
    for graph in (network, forwarded(network)):
        tree = ElementTree.fromstring(graph.draw().svg())
        count = {kind: len(tree.findall(f"{{http://www.w3.org/2000/svg}}{kind}")) for kind in ("rect", "path")}
        assert count == {"rect": len(graph.nodes), "path": sum(len(n.args) for n in graph.nodes)}
        assert tree.get("role") == "img" and "L1" in tree.get("aria-label")


def test_no_two_boxes_overlap_and_arrows_go_down(network):
    places = dict(network.draw()._places())
    assert len(set(places.values())) == len(network.nodes)
    for node in network.nodes:
        assert all(places[arg][1] < places[node][1] for arg in node.args)


def test_drawing_has_a_text_twin(network):
    lines = repr(forwarded(network).draw()).splitlines()
    assert "L1 [b 32, i 128] = Sigmoid(AddBias)" in lines and "W1 [i 784, j 128] (Param)" in lines


def test_names_that_would_be_markup_are_escaped():
    with edf.Graph() as graph:
        edf.Sigmoid(edf.Input("<b>&\"'"))
    ElementTree.fromstring(graph.draw().svg())


def test_a_node_is_found_by_its_name(network):
    assert network["W1"].value.shape == (784, 128)
    with pytest.raises(edf.GraphError, match="there are: x, y, W1, b1, L1, loss"):
        network["W2"]
    assert "W1" in network and "W2" not in network and list(network) == network.nodes
