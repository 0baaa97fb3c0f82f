"""Tables of networks against published totals and against edfcore's own components and graphs."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import edfcore as edf
from edfcore.errors import DataError, GraphError
from edfcore.models import adder, adding_problem, lenet
from edfcore.parallel import workloads
from edfcore.parallel.workloads import WORKLOADS, Layer, Workload, of_graph, workload

# Parameters and 1e9 multiply-adds as torchvision's weights tell them ("num_params", "_ops"). What torchvision lacks:
# the two groups of alexnet (60,965,224 is the count of Caffe's network too) and the papers' strides (v1), of which He
# et al. print 3.8 and 7.6 in table 1.
PUBLISHED = {
    "alexnet": (60_965_224, "0.724"),
    "alexnet-owt": (61_100_840, "0.714"),
    "vgg16": (138_357_544, "15.470"),
    "resnet50": (25_557_032, "4.089"),
    "resnet101": (44_549_160, "7.801"),
    "resnet50-v1": (25_557_032, "3.858"),
    "resnet101-v1": (44_549_160, "7.570"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_multiply_adds_are_the_published_ones(name):
    found = workload(name)
    assert (found.params, f"{found.multiply_adds / 1e9:.3f}") == PUBLISHED[name]
    assert found.param_bytes == 4 * found.params


def test_the_totals_would_tell_groups_strides_and_sizes_apart():
    """AlexNet without groups has 62,378,344 parameters; a ResNet's strides show in its multiply-adds alone."""
    alexnet = workload("alexnet")
    full = [
        workloads.conv("conv2", 96, 256, 27, 5, pad=2),
        workloads.conv("conv4", 384, 384, 13, 3, pad=1),
        workloads.conv("conv5", 384, 256, 13, 3, pad=1),
    ]
    assert alexnet.params + sum(layer.params - alexnet[layer.name].params for layer in full) == 62_378_344
    v1, v15 = workload("resnet50-v1"), workload("resnet50")
    assert v1.params == v15.params and v1.multiply_adds < 0.95 * v15.multiply_adds


def test_alexnets_layers_have_the_neurons_of_the_paper():
    """Krizhevsky et al. 2012, section 3.5. The paper's 253,440 of conv1 are no 55 x 55 x 96; its others are these."""
    neurons = [layer.output for layer in workload("alexnet").layers if layer.kind in ("conv", "dense")]
    assert neurons == [55 * 55 * 96, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_the_shape_of_each_resnet_stage_is_that_of_the_papers_table():
    for name in ("resnet50", "resnet50-v1", "resnet101"):
        found = workload(name)
        ends = [found[f"conv{stage}_1.add"].output for stage in (2, 3, 4, 5)]
        assert ends == [56 * 56 * 256, 28 * 28 * 512, 14 * 14 * 1024, 7 * 7 * 2048]
        depth, shortcuts = int(name.removeprefix("resnet").removesuffix("-v1")), 4
        assert sum(layer.kind in ("conv", "dense") for layer in found.layers) == depth + shortcuts


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_table_is_sound(name):
    found = workload(name)
    names = [layer.name for layer in found.layers]
    assert len(set(names)) == len(names)
    first, *rest = found.layers
    assert first.backward == first.forward  # no gradient of the images
    for layer in rest:
        assert layer.kind not in ("conv", "dense") or layer.backward == 2 * layer.forward
    assert all(layer.output >= 1 and layer.moved > layer.output for layer in found.layers)
    assert found.activations == found.input + sum(layer.output for layer in found.layers)
    assert found.layers[-1].kind == "loss" and found.source


# One layer, against the component


def of_component(make, *shapes, grad=True):
    """`of_graph` of one component on inputs of the given shapes, without b, for a batch of three."""
    with edf.Graph("float32") as graph:
        inputs = [edf.Input(grad=grad) for _ in shapes]
        node = make(*inputs)
    rng = np.random.default_rng(0)
    for x, shape in zip(inputs, shapes, strict=True):
        x.set(rng.normal(size=(3, *shape)))
    graph.Forward()
    return of_graph(graph, node)


def same(layer, found):
    """Whether a builder's layer equals the sum of a graph's, but for the names."""
    assert found.params == layer.params
    assert (found.forward, found.backward) == (layer.forward, layer.backward)
    assert found.layers[-1].output == layer.output
    assert (found.layers[-1].kind, found.layers[-1].groups) == (layer.kind, layer.groups)
    assert found.layers[-1].moved == layer.moved


def filters(*shape):
    return edf.Param(np.ones(shape))


@given(
    side=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
    groups=st.integers(1, 3),
    maps=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_a_convolution_costs_what_conv2d_counts(side, kernel, stride, pad, groups, maps):
    assume(side + 2 * pad >= kernel)
    inputs, outputs = (groups * n for n in maps)
    layer = workloads.conv("conv", inputs, outputs, side, kernel, stride, pad, groups, bias=False)
    W = (outputs, inputs // groups, kernel, kernel)
    settings = {"stride": stride, "padding": pad, "groups": groups}
    same(layer, of_component(lambda x: edf.Conv2d(x, filters(*W), **settings), (inputs, side, side)))
    with_bias = workloads.conv("conv", inputs, outputs, side, kernel, stride, pad, groups)
    assert with_bias.params == layer.params + outputs and with_bias.forward == layer.forward


@given(
    maps=st.integers(1, 3),
    side=st.integers(3, 12),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    pad=st.integers(0, 1),
    mean=st.booleans(),
)
def test_a_pool_costs_what_the_component_counts(maps, side, kernel, stride, pad, mean):
    assume(2 * pad <= kernel)
    make = edf.AvgPool2d if mean else edf.MaxPool2d
    found = of_component(lambda x: make(x, kernel=kernel, stride=stride, padding=pad), (maps, side, side))
    same(workloads.pool("pool", maps, side, kernel, stride, pad, mean), found)


BUILT = {
    "dense": (workloads.dense("", 7, 5, bias=False), lambda x: edf.VDot(x, filters(7, 5)), [(7,)]),
    "norm": (workloads.norm("", 4, 36), lambda x: edf.BatchNorm(x, filters(4), filters(4)), [(4, 3, 3)]),
    "relu": (workloads.relu("", 12), edf.ReLU, [(3, 4)]),
    "sigmoid": (workloads.elementwise("", 12, flops=4), edf.Sigmoid, [(12,)]),
    "dropout": (workloads.elementwise("", 12, flops=2), edf.Dropout, [(12,)]),
    "add": (workloads.add("", 12), edf.Add, [(3, 4), (3, 4)]),
    "bias": (workloads.lone_bias("", 4, 36), lambda x: edf.AddChannelBias(x, filters(4)), [(4, 3, 3)]),
}


@pytest.mark.parametrize("name", BUILT)
def test_a_layer_costs_what_its_component_counts(name):
    layer, make, shapes = BUILT[name]
    same(layer, of_component(make, *shapes))


def test_response_norm_costs_what_its_parts_count():
    """n squares and n - 1 additions, times alpha, plus k, to a power as edfcore's Power counts it, and the quotient."""
    n, entries = 5, 17
    power = edf.Power(edf.Input(graph=edf.Graph())).cost({"...": (1,)}).forward
    expected = (n + (n - 1) + 1 + 1 + power + 1) * entries
    assert workloads.response_norm("", entries, n).forward == expected


# Whole networks, against graphs


def forwarded_lenet(B):
    net, rng = lenet(np.random.default_rng(0)), np.random.default_rng(1)
    net.x.set(rng.normal(size=(B, 1, 28, 28)))
    net.y.set(rng.integers(0, 10, size=B))
    net.graph.Forward()
    return net.graph, net.loss


def forwarded_mlp(B):
    rng = np.random.default_rng(0)
    with edf.Graph("float32") as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W, U = (edf.Param(rng.normal(size=shape)) for shape in ((784, 128), (128, 10)))
        h = edf.Sigmoid(edf.AddBias(edf.VDot(x, W), edf.Param(np.zeros(128))))
        loss = edf.CrossEntropy(edf.AddBias(edf.VDot(h, U), edf.Param(np.zeros(10))), y)
    x.set(rng.normal(size=(B, 784)))
    y.set(rng.integers(0, 10, size=B))
    graph.Forward()
    return graph, loss


GRAPHS = {"lenet": (forwarded_lenet, (120, 84, 10)), "mlp": (forwarded_mlp, (128, 10))}


@pytest.mark.parametrize("B", [1, 4, 7])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_costs_what_the_table_says_and_one_flop_for_each_bias_of_a_dense_layer(name, B):
    """The table holds that the bias takes the place of the addition that a sum of n products lacks; the graph adds it
    apart, and sums its gradient apart, and writes one more value."""
    make, biases = GRAPHS[name]
    found, table = of_graph(*make(B)), workload(name)
    assert (found.params, found.input, found.itemsize) == (table.params, table.input, table.itemsize)
    assert found.forward == table.forward + sum(biases)
    assert found.backward == table.backward + sum(biases)
    assert found.activations == table.activations + sum(biases)
    by_kind = [[layer.kind for layer in w.layers if layer.kind != "elementwise"] for w in (found, table)]
    assert by_kind[0] == by_kind[1]


def test_views_are_no_layers_and_copies_are():
    def three(*shapes):
        def make(x):
            for shape in shapes:
                x = edf.Reshape(x, shape=shape)
            return edf.SumOver(x)

        return make

    found = of_component(three((6,), (2, 3)), (3, 2))
    assert [layer.name for layer in found.layers] == ["SumOver"]
    copied = of_component(lambda x: edf.SumOver(edf.Reshape(edf.Permute(x))), (3, 2))
    assert [(layer.name, layer.output, layer.moved) for layer in copied.layers] == [
        ("Reshape", 6, 12),
        ("SumOver", 1, 7),
    ]


def test_a_parameter_behind_a_view_is_counted():
    found = of_component(lambda x: edf.VDot(x, edf.Transpose(filters(5, 7))), (7,))
    assert found.params == 35
    assert sum(layer.output for layer in found.layers) == 5


def test_a_parameter_of_all_steps_of_a_sequence_is_counted_once_and_its_work_at_each():
    sums = {}
    for T in (2, 5):
        net = adder(np.random.default_rng(0), T, hidden=3, cell="rnn")
        net.forward(*adding_problem(np.random.default_rng(0), 4, T))
        sums[T] = found = of_graph(net.graph, net.loss)
        assert found.params == sum(p.value.size for p in net.graph.params)
        assert sum(layer.kind == "recurrent" for layer in found.layers) == T
        assert found.input == 2 * T + 3 + 1  # the pairs, the state, the target
    step = [layer for layer in sums[2].layers if layer.kind == "recurrent"][0]
    assert step.forward == 2 * (2 + 3) * 3 + 6 * 3
    assert step.backward == 2 * step.forward - 8 * 3 - 2 * 2 * 3  # the numbers have no gradient
    assert sums[5].forward - sums[2].forward == 3 * step.forward


@pytest.mark.parametrize("grad", [False, True])
def test_an_input_without_gradient_spares_a_product(grad):
    found = of_component(lambda x: edf.VDot(x, filters(7, 5)), (7,), grad=grad)
    assert (found.forward, found.backward) == (70, 140 if grad else 70)


def test_what_cannot_be_counted_is_told():
    graph, loss = forwarded_mlp(2)
    with pytest.raises(GraphError, match="pass the loss"):
        of_graph(graph, graph.params[0])
    with edf.Graph() as empty:
        x = edf.Input()
        y = edf.ReLU(x)
        z = edf.L2Penalty(edf.Param(np.ones(3)))
    with pytest.raises(GraphError, match="call Forward"):
        of_graph(empty, y)
    empty.Forward(z)
    with pytest.raises(GraphError, match="depends on no input"):
        of_graph(empty, z)
    with pytest.raises(GraphError):
        of_graph(graph, y)


# Names and text


@pytest.mark.parametrize("spelling", ["ResNet-50", "resnet_50", " RESNET 50", "resnet50"])
def test_a_network_is_found_whatever_its_spelling(spelling):
    assert workload(spelling) is workload("resnet50")


def test_an_unknown_network_or_layer_is_told_with_what_is_near():
    with pytest.raises(DataError, match="no network 'resnet5'; near it are resnet50"):
        workload("resnet5")
    with pytest.raises(DataError, match="no network 'xx'; there are alexnet, alexnet-owt, vgg16"):
        workload("xx")
    with pytest.raises(DataError, match="alexnet has no layer 'con1'; near it are conv1"):
        workload("alexnet")["con1"]


def test_windows_and_groups_that_do_not_fit_are_told():
    with pytest.raises(DataError, match="window of 5 pixels does not fit into 3 with 0 of padding"):
        workloads.conv("c", 1, 1, 3, 5)
    with pytest.raises(DataError, match="c: 2 groups do not divide 3 and 4 maps evenly"):
        workloads.conv("c", 3, 4, 5, 3, groups=2)


def test_the_summary_lists_every_layer_and_ends_with_the_sums():
    tiny = Workload("tiny", (Layer("a", "dense", 12, 24.0, 24.0, 4, 7), Layer("b", "loss", 0, 1.0, 2.0, 1, 5)), 3)
    lines = tiny.summary().splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["a", "dense", "12", "24", "24", "4", "7"],
        ["b", "loss", "0", "1", "2", "1", "5"],
        ["tiny,", "together", "12", "25", "26", "5", "12"],
    ]
    assert len({len(line) for line in lines}) == 1
    assert len(workload("resnet50").summary().splitlines()) == len(workload("resnet50").layers) + 2
