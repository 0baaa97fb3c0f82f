"""The optimizer's step on one flat vector of all parameters, a block at a time so that it stays in the cache.

    w : the parameters, g : their gradients, v, m : the optimizer's own arrays, all flat; t, s : scratch of one block

Rules that act entry by entry have lines here; others, and optimizers with several groups, take their own `step`.
"""

from dataclasses import dataclass

import numpy as np

from ..optimizers.adaptive import Adam, AdamW, one_minus_power
from ..optimizers.base import rate
from ..optimizers.first_order import SGD, Momentum, Nesterov
from .products import axpy

BLOCK = 1 << 14  # entries
ONE_THREAD = 1 << 13  # entries, below the 10,000 from which OpenBLAS's axpy takes several threads (products.py)


@dataclass
class Update:
    """How one optimizer steps.

    lines : of a loop over blocks, in which w, g, t, s and the state's names are arrays and the others numbers
    state : names of the optimizer's arrays
    numbers : function of (group, lr, t) that gives the numbers of a step, in the order of `names`
    block : int, entries of a block
    """

    lines: tuple
    state: tuple
    names: tuple
    numbers: object
    block: int = BLOCK


def update_of(optimizer, dtype):
    """The Update of an optimizer for parameters of a dtype, or None where its own `step` is taken."""
    if optimizer is None or len(optimizer.groups) != 1:
        return None
    group, kind = optimizer.groups[0], type(optimizer)
    if group.get("maximize") or (
        group.get("weight_decay") and group.get("decoupled_weight_decay") and kind is not AdamW
    ):
        return None
    maker = {SGD: _sgd, Momentum: _momentum, Nesterov: _nesterov, Adam: _adam, AdamW: _adam}.get(kind)
    return maker(group, dtype) if maker else None


def _decayed(group):
    """Lines that give the name of g + lambda w, written into s."""
    if group["weight_decay"] and not group["decoupled_weight_decay"]:
        return ("multiply(w, decay, s)", "add(s, g, s)"), "s"
    return (), "g"


def _sgd(group, dtype):
    if group["dampening"]:
        return None
    if not group["momentum"]:
        if group["weight_decay"]:
            first, g = _decayed(group)
            lines = (*first, f"multiply({g}, lr, t)", "subtract(w, t, w)")
            return Update(lines, (), ("lr", "decay"), lambda h, lr, t: (lr, h["weight_decay"]))
        once = axpy(dtype) is not None
        lines = ("axpy(g, w, a=minus_lr)",) if once else ("multiply(g, minus_lr, t)", "add(w, t, w)")
        return Update(lines, (), ("minus_lr",), lambda h, lr, t: (-lr,), ONE_THREAD if once else BLOCK)
    return _heavy(group, nesterov=group["nesterov"])


def _momentum(group, dtype):
    return _heavy(group, nesterov=False) if group["convention"] == "torch" else None


def _nesterov(group, dtype):
    return _heavy(group, nesterov=True)


def _heavy(group, nesterov):
    """v = mu v + g; w -= lr v, or w -= lr (g + mu v)."""
    first, g = _decayed(group)
    step = ("multiply(v, mu, t)", f"add(t, {g}, t)", "multiply(t, lr, t)") if nesterov else ("multiply(v, lr, t)",)
    lines = (*first, "multiply(v, mu, v)", f"add(v, {g}, v)", *step, "subtract(w, t, w)")
    return Update(lines, ("v",), ("lr", "decay", "mu"), lambda h, lr, t: (lr, h["weight_decay"], h["momentum"]))


def _adam(group, dtype):
    """m and v, their corrections folded into one number each: w -= lr/(1 - b1^t) m / (sqrt(v/(1 - b2^t)) + eps)."""
    if group["amsgrad"] or not group["eps"]:
        return None
    first, g = _decayed(group)
    shrink = ("multiply(w, kept, w)",) if group["weight_decay"] and group["decoupled_weight_decay"] else ()
    lines = (
        *first, *shrink,
        "multiply(m, b1, m)", f"multiply({g}, a1, t)", "add(m, t, m)",
        "multiply(v, b2, v)", f"multiply({g}, {g}, t)", "multiply(t, a2, t)", "add(v, t, v)",
        "multiply(v, c2, t)", "sqrt(t, t)", "add(t, eps, t)", "divide(m, t, t)",
        "multiply(t, lr1, t)", "subtract(w, t, w)",
    )  # fmt: skip

    def numbers(h, lr, t):
        b1, b2 = h["betas"]
        c1, c2 = one_minus_power(b1, t), one_minus_power(b2, t)
        return (b1, 1 - b1, b2, 1 - b2, 1 / c2, h["eps"], lr / c1, h["weight_decay"], 1 - lr * h["weight_decay"])

    names = ("b1", "a1", "b2", "a2", "c2", "eps", "lr1", "decay", "kept")
    return Update(lines, ("m", "v"), names, numbers)


class FlatStep:
    """An optimizer's step on flat arrays.

    Parameters
    ----------
    optimizer : whose settings, counters and state are used, and kept up to date
    params : the parameters that the flat arrays hold, in their order
    w, g : flat arrays of values and gradients
    """

    def __init__(self, optimizer, params, w, g):
        self.optimizer, self.params, self.w, self.g = optimizer, params, w, g
        self.update = self.function = self.seen = None
        self.flat = {}
        self._choose()

    def _choose(self):
        """The lines of the optimizer's settings as they are now."""
        self.seen = [dict(group) for group in self.optimizer.groups]
        whole = set(self.optimizer.params) == set(self.params)
        before, self.update = self.update, update_of(self.optimizer, self.w.dtype) if whole else None
        if self.update is not None and (before is None or before.lines != self.update.lines):
            self._adopt()

    def _adopt(self):
        """State arrays as parts of flat ones, with what the optimizer had."""
        self.flat = {name: np.zeros_like(self.w) for name in self.update.state}
        self.parts, start = [], 0
        for p in self.params:
            stop = start + p.value.size
            self.parts.append([(name, a[start:stop].reshape(p.value.shape)) for name, a in self.flat.items()])
            start = stop
        self.number = self.w.dtype.type
        self.function = self._compile()
        self._share()

    def _share(self):
        """The optimizer's own arrays become parts of the flat ones, with what they hold."""
        of = dict(zip(self.optimizer.params, self.optimizer.state, strict=True))
        self.states = [of[p] for p in self.params]
        for state, parts in zip(self.states, self.parts, strict=True):
            for name, part in parts:
                part[...] = state.get(name, 0.0)
                state[name] = part
        self.state = self.optimizer.state

    def _shares(self):
        """Whether nobody has replaced them since: load_state_dict, or a step of the optimizer's own."""
        if self.optimizer.state is not self.state:
            return False
        if not self.flat:
            return True
        pairs = zip(self.states, self.parts, strict=True)
        return all(state.get(name) is part for state, parts in pairs for name, part in parts)

    def source(self):
        """The lines of the step, as a Python function."""
        if self.update is None:
            return "def update():\n    optimizer.step()"
        head = f"def update({', '.join(self.update.names)}):"
        arrays = ", ".join(("w", "g", *self.update.state, "t", "s"))
        return "\n".join([head, f"    for {arrays} in blocks:", *(f"        {line}" for line in self.update.lines)])

    def _compile(self):
        size = min(self.update.block, self.w.size)
        t, s, blocks = np.empty(size, self.w.dtype), np.empty(size, self.w.dtype), []
        for a in range(0, self.w.size, size):
            b = min(a + size, self.w.size)
            blocks.append((self.w[a:b], self.g[a:b], *(f[a:b] for f in self.flat.values()), t[: b - a], s[: b - a]))
        names = ("add", "subtract", "multiply", "divide", "sqrt")
        space = {name: getattr(np, name) for name in names} | {"blocks": tuple(blocks), "axpy": axpy(self.w.dtype)}
        exec(compile(self.source(), "<planned update>", "exec"), space)  # noqa: S102  our own lines
        return space["update"]

    def step(self):
        """One step of all parameters; the optimizer's counters move on."""
        optimizer = self.optimizer
        if optimizer.groups != self.seen:
            self._choose()
        if self.update is None:
            optimizer.step()
            return
        if not self._shares():
            self._share()
        group, counters = optimizer.groups[0], optimizer.counters
        t = 1
        for state in self.state:
            t = state["t"] = state.get("t", 0) + 1
        lr = group["lr"]
        lr = rate(optimizer.kind, lr, counters["t"]) if callable(lr) else lr
        self.function(*[self.number(n) for n in self.update.numbers(group, lr, t)])
        counters["t"] += 1
