"""JAX: the whole step is one compiled program whose parameters are donated, so that it updates them in place.

All batches live on the device, and the program takes out the one whose number it is given: measured faster than
handing it a NumPy array in each step. On a GPU that is the copy, unless XLA fuses it with what reads it; products and
convolutions are in float32 proper there (precision "highest": no TF32).
"""

from functools import partial

import jax
import jax.numpy as jnp


def mlp_scores(params, x):
    """Sigmoid layers, and scores."""
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = jax.nn.sigmoid(x @ W + b)
    return x @ params[-2] + params[-1]


def lenet_scores(params, x):
    """edfcore.models.lenet."""
    dense = params[4:]
    for W, b in zip(params[0:4:2], params[1:4:2], strict=True):
        x = jax.lax.conv_general_dilated(x, W, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        x = jax.nn.relu(x + b[:, None, None])
    x = x.reshape(len(x), -1)
    for W, b in zip(dense[:-2:2], dense[1:-2:2], strict=True):
        x = jax.nn.relu(x @ W + b)
    return x @ dense[-2] + dense[-1]


def adder_answer(params, x):
    """edfcore.models.adder: an LSTM over the second axis, and one dense layer on its last h."""
    W, U, beta, V, bias = params

    def cell(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ U, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros((len(x), len(U)), x.dtype)
    (h, _), _ = jax.lax.scan(cell, (zero, zero), x.transpose(1, 0, 2) @ W + beta)
    return h @ V + bias


def cross_entropy(network, params, x, y):
    """The mean cross entropy of the scores, in nats."""
    log_p = jax.nn.log_softmax(network(params, x))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def half_squared_error(network, params, x, y):
    """The mean over instances of 1/2 (answer - target)^2."""
    return 0.5 * ((network(params, x) - y) ** 2).mean()


NETWORKS = {"mlp": mlp_scores, "wide": mlp_scores, "lenet": lenet_scores, "lstm": adder_answer}


def place(device):
    """JAX's device with a name: "cpu", "cuda" or "cuda:1".

    Raises
    ------
    NotImplementedError : JAX sees no such device.
    """
    kind, _, number = device.partition(":")
    try:
        return jax.devices(kind)[int(number or 0)]
    except (RuntimeError, IndexError) as error:
        raise NotImplementedError(f"JAX {jax.__version__} sees no device {device}: {error}") from error


def make(case, params, x, y, lr, device="cpu"):
    """See worker.py."""
    there = place(device)
    if device != "cpu":
        jax.config.update("jax_default_matmul_precision", "highest")
    loss = partial(half_squared_error if case == "lstm" else cross_entropy, NETWORKS[case])

    @partial(jax.jit, donate_argnums=0)
    def update(params, x, y, k):
        value, grads = jax.value_and_grad(loss)(params, x[k], y[k])
        return [p - lr * g for p, g in zip(params, grads, strict=True)], value

    xs, ys = (jnp.array(a, device=there) for a in (x, y if case == "lstm" else y.astype("int32")))
    state = [[jnp.array(p, device=there) for p in params.values()], None]

    def step(k):
        state[0], state[1] = update(state[0], xs, ys, k)

    return step, lambda: float(jax.block_until_ready(state)[1])


def versions(device="cpu"):
    """See worker.py."""
    there = place(device)
    found = {"jax": jax.__version__, "device": there.device_kind}
    return found if device == "cpu" else found | {"gpu": {"name": there.device_kind}}
