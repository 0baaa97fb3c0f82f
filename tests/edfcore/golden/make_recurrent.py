"""Golden vectors: five steps of a tanh cell and of an LSTM, whole and in chunks, by PyTorch in float64.

To make recurrent.npz anew, in an environment with torch and numpy, from the root of the repository:

    python tests/edfcore/golden/make_recurrent.py

For each cell NAME.part: the sequence x (T, B, i), the initial state (h, or [h c]), W, U and beta in edfcore's layout
(in, out), the states after each step, (T, B, n), the upstream gradient u of each of them, and the gradients of
sum(u states) with respect to all five (grad.x and so on). chunked.W, U, beta: the gradients where the state is detached
after each of the steps CUTS, which is truncated backpropagation through time.
"""

from pathlib import Path

import numpy as np

T, B, FAN_IN, HIDDEN = 5, 3, 4, 2
CUTS = (2, 4)


def run(torch, cell, x, state, u, cuts=()):
    """The states after each step, and sum(u states), with the state detached before the steps of `cuts`."""
    states = []
    for t in range(T):
        state = state.detach() if t in cuts else state
        if isinstance(cell, torch.nn.LSTMCell):
            state = torch.cat(cell(x[t], tuple(state.split(HIDDEN, dim=1))), dim=1)
        else:
            state = cell(x[t], state)
        states.append(state)
    return torch.stack(states), sum((state * part).sum() for state, part in zip(states, u, strict=True))


def parameters(cell, attribute):
    """W, U, beta in edfcore's layout, as values or gradients; torch's two biases have one gradient and act as a sum."""
    W, U, b = (getattr(cell, name) for name in ("weight_ih", "weight_hh", "bias_ih"))
    if attribute == "grad":
        return {"W": W.grad.numpy().T.copy(), "U": U.grad.numpy().T.copy(), "beta": b.grad.numpy().copy()}
    beta = b + cell.bias_hh
    return {name: p.detach().numpy().T.copy() for name, p in (("W", W), ("U", U), ("beta", beta))}


def record(torch, cell, n, rng):
    """The arrays of one cell."""
    with torch.no_grad():
        for p in cell.parameters():
            p.copy_(torch.tensor(rng.normal(size=tuple(p.shape))))
    arrays = {"x": rng.normal(size=(T, B, FAN_IN)), "state": rng.normal(size=(B, n)), "u": rng.normal(size=(T, B, n))}
    x, state = (torch.tensor(arrays[name], requires_grad=True) for name in ("x", "state"))
    states, total = run(torch, cell, x, state, torch.tensor(arrays["u"]))
    total.backward()
    arrays |= {"states": states.detach().numpy()}
    arrays |= {"grad.x": x.grad.numpy().copy(), "grad.state": state.grad.numpy().copy()}
    arrays |= parameters(cell, "data") | {f"grad.{name}": g for name, g in parameters(cell, "grad").items()}
    cell.zero_grad()
    run(torch, cell, x, state, torch.tensor(arrays["u"]), CUTS)[1].backward()
    return arrays | {f"chunked.{name}": g for name, g in parameters(cell, "grad").items()}


def main():
    """Write recurrent.npz beside this file."""
    import torch

    rng, double = np.random.default_rng(0), {"dtype": torch.float64}
    cells = {
        "RNNCell": (torch.nn.RNNCell(FAN_IN, HIDDEN, **double), HIDDEN),
        "LSTMCell": (torch.nn.LSTMCell(FAN_IN, HIDDEN, **double), 2 * HIDDEN),
    }
    found = {name: record(torch, cell, n, rng) for name, (cell, n) in cells.items()}
    arrays = {f"{name}.{part}": value for name, case in found.items() for part, value in case.items()}
    versions = {"torch_version": torch.__version__, "numpy_version": np.__version__}
    np.savez_compressed(Path(__file__).with_name("recurrent.npz"), **arrays, cuts=CUTS, **versions)


if __name__ == "__main__":
    main()
