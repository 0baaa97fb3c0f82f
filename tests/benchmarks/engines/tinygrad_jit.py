"""tinygrad: the whole step under TinyJit, on its CPU device, which needs the program clang.

The batches live on the device and the compiled step reads each where it lies: it is spared the copy.
"""

import os

os.environ.setdefault("DEV", "CPU")  # read when tinygrad is imported
from tinygrad import Tensor, TinyJit  # noqa: E402


def mlp_scores(params, x):
    """Sigmoid layers, and scores."""
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = (x @ W + b).sigmoid()
    return x @ params[-2] + params[-1]


def lenet_scores(params, x):
    """edfcore.models.lenet."""
    dense = params[4:]
    for W, b in zip(params[0:4:2], params[1:4:2], strict=True):
        x = (x.conv2d(W).max_pool2d(2) + b.reshape(-1, 1, 1)).relu()
    x = x.flatten(1)
    for W, b in zip(dense[:-2:2], dense[1:-2:2], strict=True):
        x = (x @ W + b).relu()
    return x @ dense[-2] + dense[-1]


NETWORKS = {"mlp": mlp_scores, "wide": mlp_scores, "lenet": lenet_scores}


def make(case, params, x, y, lr):
    """See worker.py."""
    if case not in NETWORKS:
        raise NotImplementedError("tinygrad compiles 50 unrolled cells of an LSTM for minutes (four, measured)")
    weights = [Tensor(p).realize() for p in params.values()]
    xs, ys = ([Tensor(a).realize() for a in batches] for batches in (x, y.astype("int32")))

    @TinyJit
    def update(x, y):
        loss = NETWORKS[case](weights, x).sparse_categorical_crossentropy(y)
        for w, slope in zip(weights, loss.gradient(*weights), strict=True):
            w.assign(w - lr * slope)
        return loss.realize(*weights)

    last = [None]

    def step(k):
        last[0] = update(xs[k], ys[k])

    return step, lambda: last[0].item()


def versions():
    """See worker.py."""
    from importlib.metadata import version

    from tinygrad import Device

    return {"tinygrad": version("tinygrad"), "device": Device.DEFAULT}
