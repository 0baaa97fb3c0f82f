"""What becomes of activations and of back-propagated gradients on their way through a deep network.

    h_0 = x ~ N(0, 1),      z_l = h_{l-1} W_l,      h_l = phi(z_l),      l = 1 ... L

With batch norm phi(BN(z_l)) stands for phi(z_l); with the identity beside each layer (`skip`) h_l is
h_{l-1} + c phi(z_l), c = 1 / sqrt(L) (He et al. 2016; the scale of edfcore.models.residual_mlp). The gradient at the
last layer is drawn from N(0, 1). All layers are n wide, v = n Var W. The network is a graph of edfcore, the weights
are those of edfcore.initializers.

In wide layers the mean squares p of h and g of its gradient follow a recurrence (Glorot & Bengio 2010; He et al. 2015;
Poole et al. 2016, 1606.05340; Schoenholz et al. 2017, 1611.01232), with z ~ N(0, q), m = E h:

              q = v p_{l-1}       or 1 with batch norm
    plain     p_l = E phi(z)^2                                          g_{l-1} = g_l v E phi'(z)^2
    skip      p_l = p_{l-1} + 2 c m_{l-1} E phi(z) + c^2 E phi(z)^2     g_{l-1} = g_l (1 + c^2 v E phi'(z)^2)

Through batch norm gradients have no such simple recurrence. Nor has the gradient through ReLU with skips: there
E h > 0, so that all instances come to share a direction, the slopes of one layer depend on the weights of those before,
and the gradient grows far beyond the recurrence (by a factor of 1000 in 50 layers of large weights). None is drawn.
"""

from functools import lru_cache, partial

import numpy as np

from .. import initializers
from ..components import BatchNorm, ReLU, Sigmoid, SumOver, Tanh
from ..errors import DataError, ShapeError
from ..graph import Graph, Input, Param
from .base import Scene, Setting, short

B, BINS, SHOWN = 64, 21, 5  # instances; bars of a histogram; layers with histograms
PHI = {"tanh": Tanh, "sigmoid": Sigmoid, "relu": ReLU}
PHI_NAMES = (("tanh", "tanh"), ("sigmoid", "sigmoid"), ("relu", "ReLU"))
INITIALIZERS = (
    ("small", "normal, deviation 0.01"), ("large", "normal, deviation 1"), ("uniform", "uniform, 1 / sqrt(n)"),
    ("xavier", "Xavier"), ("kaiming", "Kaiming"),
)  # fmt: skip
VARIANCE = {  # n Var W, for a weight (n, n)
    "small": lambda n: 1e-4 * n, "large": lambda n: float(n), "uniform": lambda n: 1 / 3, "xavier": lambda n: 1.0,
    "kaiming": lambda n: 2.0,
}  # fmt: skip
EPS = 1e-5  # of BatchNorm
KEPT = 10.0  # a factor up to which a gradient is said to be kept


def initial(kind):
    """The initializer of that name: a function (rng, fan_in, fan_out) -> W (fan_in, fan_out)."""

    def made(rng, fan_in, fan_out):
        shape, bound = (fan_in, fan_out), fan_in**-0.5
        return {
            "small": partial(initializers.normal, std=0.01), "large": partial(initializers.normal, std=1.0),
            "uniform": partial(initializers.uniform, low=-bound, high=bound), "xavier": initializers.xavier_normal,
            "kaiming": initializers.kaiming_normal,
        }[kind](shape, rng)  # fmt: skip

    return made


def passed(state, made):
    """One pass forward and backward through the network of a state.

    Parameters
    ----------
    made : function (rng, fan_in, fan_out) -> W (fan_in, fan_out), the initializer

    Returns
    -------
    h, g : lists of L arrays (B, n), the activations of each layer and the gradient with respect to them

    Raises
    ------
    ShapeError : the initializer gave another shape.
    """
    n, L, rng = state["width"], state["depth"], np.random.default_rng(state["seed"])
    data, last = rng.standard_normal((B, n)), rng.standard_normal((B, n))
    with Graph() as graph:
        x, r = Input("x"), Input("r")
        h, layers = x, []
        for _ in range(L):
            layer = _layer(h @ Param(state["gain"] * _weight(made, rng, n)), state)
            h = h + L**-0.5 * layer if state["skip"] else layer
            layers.append(h)
        loss = SumOver(h * r, axis=1)  # so that the gradient of h_L is r
    x.set(data)
    r.set(last)
    graph.Forward(loss)
    graph.Backward(loss, seed=1.0)
    return [h.value for h in layers], [h.grad for h in layers]


def _layer(z, state):
    n = state["width"]
    z = BatchNorm(z, Param(np.ones(n)), Param(np.zeros(n)), eps=EPS) if state["norm"] else z
    return PHI[state["phi"]](z)


def _weight(made, rng, n):
    W = np.asarray(made(rng, n, n))
    if W.shape != (n, n):
        raise ShapeError(f"mine(rng, {n}, {n}) gave a weight of shape {W.shape}; (fan_in, fan_out) is needed.")
    if W.dtype.kind not in "fiu":
        raise DataError(f"mine(rng, {n}, {n}) gave {W.dtype}; an array of numbers is needed.")
    return W


def rms(arrays):
    """The root mean square of each array: (L,)."""
    return np.array([np.sqrt(np.mean(a * a)) for a in arrays])


# The recurrence


def bell(q, power):
    """E sech(u)^power for u ~ N(0, q), to some 10 digits."""
    return averaged(lambda u: np.cosh(u) ** -power, q)


def averaged(f, q):
    """E f(u) for u ~ N(0, q), f smooth and next to 0 beyond 12: a sum over 201 points, as both ends are flat."""
    width = np.sqrt(q)
    u = np.linspace(-1, 1, 201) * min(12.0, 8 * width)
    density = np.exp(-0.5 * (u / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return float((density * f(u)).sum() * (u[1] - u[0]))


def moments(phi, q):
    """E phi(z), E phi(z)^2, E phi'(z)^2 for z ~ N(0, q), q > 0."""
    if phi == "relu":
        return np.sqrt(q / (2 * np.pi)), q / 2, 0.5
    if phi == "tanh":  # tanh^2 = 1 - sech^2, which cancels where q is small; tanh' = sech^2
        return 0.0, averaged(lambda u: np.tanh(u) ** 2, q) if q < 1 else 1 - bell(q, 2), bell(q, 4)
    return 0.5, (2 - bell(q / 4, 2)) / 4, bell(q / 4, 4) / 16  # sigmoid(z) = (1 + tanh(z / 2)) / 2


def theory(state):
    """The RMS of activations and of gradients (L,) each, in wide layers; NaN where there is no formula."""
    L, skip = state["depth"], state["skip"]
    v = VARIANCE[state["init"]](state["width"]) * state["gain"] ** 2
    c, m, p, squares, factors = L**-0.5 if skip else 1.0, 0.0, 1.0, [], []
    for _ in range(L):
        q = v * p
        mean, square, slope = moments(state["phi"], max(q / (q + EPS) if state["norm"] else q, 1e-300))
        p = p + 2 * c * m * mean + c * c * square if skip else square
        m += c * mean
        squares.append(p)
        factors.append(skip + c * c * v * slope)
    back = np.cumprod([1.0, *factors[:0:-1]])[::-1]
    unknown = state["norm"] or (skip and state["phi"] == "relu")
    return np.sqrt(squares), np.full(L, np.nan) if unknown else np.sqrt(back)


# The scene


def shown(L, layer=1):
    """Up to five layers from 1 to L; `layer` takes the place of the nearest inner one."""
    count = min(SHOWN, L)
    found = [1 + k * (L - 1) // (count - 1) for k in range(count)]
    if 1 < layer < L:
        found[min(range(1, count - 1), key=lambda k: abs(found[k] - layer))] = layer
    return found


def bars(arrays, low, high):
    """Histograms (K, BINS), the tallest bar of each 1; values outside of low ... high are not drawn."""
    found = np.array([np.histogram(a, BINS, (low, high))[0] for a in arrays], dtype=float)
    return found / np.maximum(found.max(1, keepdims=True), 1)


def reach(state, h, chosen):
    """The axis of the activations' histograms: (low, high)."""
    if not state["skip"] and state["phi"] != "relu":
        return (-1.0, 1.0) if state["phi"] == "tanh" else (0.0, 1.0)
    high = float(max(3 * h[k - 1] for k in chosen)) or 1.0
    return (0.0 if state["phi"] == "relu" and not state["skip"] else -high), high


def of_layers(state, chosen):
    """What a scene computes, with histograms of the layers `chosen`."""
    h, g = passed(state, initial(state["init"]))
    act, grad = rms(h), rms(g)
    top = float(max(3 * grad[k - 1] for k in chosen)) or 1.0
    low, high = reach(state, act, chosen)
    forward, backward = theory(state)
    return {
        "act": act, "grad": grad, "theory_act": forward, "theory_grad": backward, "layers": np.array(chosen, float),
        "act_axis": np.array([low, high]), "act_bars": bars([h[k - 1] for k in chosen], low, high),
        "grad_axis": np.array([-top, top]), "grad_bars": bars([g[k - 1] for k in chosen], -top, top),
    }  # fmt: skip


@lru_cache(maxsize=4)
def _computed(settings):
    """The last states are asked for more than once: by caption, table, figure, and beside the reader's own."""
    state = dict(settings)
    return of_layers(state, shown(state["depth"], state["layer"]))


class Vanishing(Scene):
    """Histograms and root mean squares of activations and gradients, layer by layer, beside the theory."""

    name, title = "vanishing", "Activations and gradients through a deep network"
    settings = (
        Setting("depth", "layers", 10, low=2, high=50, step=1, whole=True),
        Setting("width", "width n", 64, low=16, high=128, step=16, whole=True),
        Setting("phi", "activation", "tanh", "choice", choices=PHI_NAMES),
        Setting("init", "initial weights", "uniform", "choice", choices=INITIALIZERS),
        Setting("gain", "weights, times", 1.0, low=0.25, high=4, step=2**0.25, log=True),
        Setting("seed", "seed", 0, low=0, high=20, step=1, whole=True),
        Setting("layer", "layer", 5, low=1, high=50, step=1, whole=True, hidden=True),
        Setting("norm", "batch norm", False, "flag"),
        Setting("skip", "residual connections", False, "flag"),
    )

    def compute(self, state):
        """RMS act, grad and theory_act, theory_grad (L,); of the layers (K,) bars (K, 21) and their axes (2,)."""
        return dict(_computed(tuple(state.items())))

    def caption(self, state, found):
        L, grad, act = state["depth"], found["grad"], found["act"]
        ratio, wide = float(grad[0] / grad[-1]), float(found["theory_grad"][0])
        word = "vanishes" if ratio < 1 / KEPT else "explodes" if ratio > KEPT else "is kept within a factor of 10"
        where = f"Back through {L} layers of {dict(PHI_NAMES)[state['phi']]} the gradient {word}"
        told = "" if np.isnan(wide) else f" (theory {short(wide)})"
        each = short(ratio ** (1 / (L - 1)))
        size = f"its RMS at layer 1 is {short(ratio)} times that at layer {L}{told}, a factor of {each} for each layer"
        forward = f"Activations: RMS {short(float(act[0]))} at layer 1, {short(float(act[-1]))} at layer {L}"
        return " ".join(filter(None, [f"{where}: {size}. {forward}.", _yours(found)]))

    def rows(self, state, found):
        head = ["layer", "RMS of h", "theory", "RMS of its gradient", "theory"]
        columns = [found[name] for name in ("act", "theory_act", "grad", "theory_grad")]
        if "mine" in found:
            head = head + ["RMS of h, yours", "of its gradient, yours"]
            columns += [found["mine"]["act"], found["mine"]["grad"]]
        return [head] + [[str(k + 1), *(_told(float(column[k])) for column in columns)] for k in range(state["depth"])]


def _yours(found):
    """What the reader's own weights do, as a sentence; "" where there are none."""
    if "mine" not in found:
        return ""
    act, grad, split = (found["mine"][name] for name in ("act", "grad", "parts_grad"))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = short(float(grad[0] / grad[-1]))
    where = f"the gradient parts from the other at layer {split + 1}" if split >= 0 else "the gradient is as the other"
    told = f"With your weights the RMS of the gradient at layer 1 is {ratio} times that at layer {len(grad)}"
    return f"{told}, that of h at layer {len(act)} {short(float(act[-1]))}; {where}."


def _told(x):
    return "none" if np.isnan(x) else short(x)


# What a page without Python looks up

DEPTHS = (5, 10, 30)
LEVELS = "".join(map(chr, range(40, 92)))  # 52 heights of a bar, one character each


def grid():
    """The states of the table, in its order: depth, activation, initial weights, batch norm, skip."""
    for depth in DEPTHS:
        for phi, _ in PHI_NAMES:
            for init, _ in INITIALIZERS:
                for norm in (False, True):
                    for skip in (False, True):
                        yield Vanishing().state(depth=depth, phi=phi, init=init, norm=norm, skip=skip)


def table():
    """{"bars": text, a character for each bar, "rms": float32 of log10 RMS}: first activations, then gradients."""
    letters, logs = [], []
    for state in grid():
        found = of_layers(state, shown(state["depth"]))
        for kind in ("act", "grad"):
            heights = np.ceil(found[f"{kind}_bars"] * (len(LEVELS) - 1)).astype(int)
            letters += [LEVELS[k] for k in heights.ravel()]
            with np.errstate(divide="ignore"):
                logs.append(np.log10(found[kind]))
    return {"bars": "".join(letters), "rms": np.concatenate(logs).astype(np.float32)}
