"""PyTorch on a GPU, eager but recorded: the step of torch_eager as one CUDA graph, replayed.

As PyTorch's notes on CUDA semantics describe ("CUDA Graphs", whole-network capture): the step is warmed up on a side
stream, gradients are set to None so that they live in the graph's own memory, and forward, backward and optimizer are
captured on inputs that stay where they are. A step then copies the batch into those inputs and launches the graph.
"""

import torch
import torch_eager

WARM = 3  # steps before the capture, as in the notes


def make(case, params, x, y, lr, device="cpu"):
    """See worker.py."""
    if device == "cpu":
        raise NotImplementedError("CUDA graphs are of a GPU")
    forward, optimizer = torch_eager.build(case, params, lr, device)
    xs, ys = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    x_in, y_in = xs[0].clone(), ys[0].clone()

    def whole():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x_in, y_in)
        loss.backward()
        optimizer.step()
        return loss

    weights = [p for group in optimizer.param_groups for p in group["params"]]
    initial = [p.detach().clone() for p in weights]
    _warm_up(whole)
    optimizer.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = whole()
    with torch.no_grad():  # the steps of warming up were no training
        for p, value in zip(weights, initial, strict=True):
            p.copy_(value)

    def step(k):
        x_in.copy_(xs[k])
        y_in.copy_(ys[k])
        graph.replay()

    return step, lambda: loss.item()


def _warm_up(whole):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM):
            whole()
    torch.cuda.current_stream().wait_stream(side)


def versions(device="cpu"):
    """See worker.py."""
    if device == "cpu":
        raise NotImplementedError("CUDA graphs are of a GPU")
    return torch_eager.versions(device)
