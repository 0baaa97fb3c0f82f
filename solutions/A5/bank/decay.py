# %% wrong: nothing returned
# The step is made and not returned: a return statement is missing.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    step(theta, g, state, factor * lr)


# %% wrong: L2 beside the step
# In the kind "l2" the decay stands beside the step; there λθ is part of the gradient, and the optimizer sees it.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * (1 if kind == "paper" else lr) * lam * theta, state


# %% wrong: L2 for PyTorch's kind
# In the kind "torch" λθ goes through the optimizer, as in L2; there the decay stands beside the step.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind in ("l2", "torch"):
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * lam * theta, state


# %% wrong: both kinds are PyTorch's
# In the kind "paper" λ is multiplied by the learning rate α; there only the schedule's factor f stands before it.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * lr * lam * theta, state


# %% wrong: both kinds are the paper's
# In the kind "torch" λ is not multiplied by the learning rate; there the decay is fα λθ.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * lam * theta, state


# %% wrong: decay without the schedule
# The schedule's factor is missing in the decay; it multiplies the decay as well as the step.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: step without the schedule
# The optimizer runs with the rate α; the schedule's factor f belongs to it, in all three kinds.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, lr)
    moved, state = step(theta, g, state, lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: decay of the new θ
# The decay is made of the θ after the step; it is made of the θ before it.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved * (1 - factor * (lr if kind == "torch" else 1) * lam), state


# %% wrong: grows
# The decay is added: the parameters grow; it is subtracted.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved + factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: L2 with the wrong sign
# In the kind "l2" λθ is subtracted from the gradient; the gradient of the penalty is added.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g - lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: twice λ
# In the kind "l2" the gradient of the penalty is taken as 2λθ; with the half before it, it is λθ.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + 2 * lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: L2 and decay together
# In the two other kinds λθ is in the gradient as well as beside the step; it counts twice.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    moved, state = step(theta, g + lam * theta, state, factor * lr)
    if kind == "l2":
        return moved, state
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: the old state
# The state that was given is returned; the optimizer's new state must go on to the next step.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)[0], state
    moved, _ = step(theta, g, state, factor * lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: the penalty itself
# In the kind "l2" the penalty itself is added to the gradient; its gradient is λθ.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam / 2 * theta**2, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: λ times the rate inside
# In the kind "l2" λθ is multiplied by the rate before it enters the gradient; the optimizer does that.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + factor * lr * lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% wrong: a second call
# The decay is made by a second call of `step` with the gradient λθ; in the decoupled kinds θ loses it beside the step.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g + lam * theta, state, factor * lr)
    moved, state = step(theta, g, state, factor * lr)
    return step(moved, lam * theta, state, factor * (lr if kind == "torch" else 1))


# %% wrong: L2 beside the step, the old state
# In the kind "l2" the decay stands beside the step; there λθ is part of the gradient, and the optimizer sees it.
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    if kind == "l2":
        return step(theta, g, state, factor * lr)[0] - factor * lr * lam * theta, state
    moved, state = step(theta, g, state, factor * lr)
    return moved - factor * (lr if kind == "torch" else 1) * lam * theta, state


# %% right: decay first
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    rate = factor * lr
    keep = {"l2": 1.0, "torch": 1 - rate * lam, "paper": 1 - factor * lam}[kind]
    if kind == "l2":
        g = g + lam * theta
    return step(theta * keep, g, state, rate)


# %% right: a table of shares
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    inside, beside = {"l2": (lam, 0.0), "torch": (0.0, lr * lam), "paper": (0.0, lam)}[kind]
    new, state = step(theta, g + inside * theta, state, lr * factor)
    return new - factor * beside * theta, state


# %% right: loops over entries
def decayed_step(kind, step, theta, g, state, lr, lam, factor=1.0):
    felt = np.array(g, dtype=float)
    if kind == "l2":
        for at in np.ndindex(felt.shape):
            felt[at] += lam * theta[at]
    found = step(theta, felt, state, factor * lr)
    new = np.array(found[0], dtype=float)
    for at in np.ndindex(new.shape):
        if kind == "torch":
            new[at] -= factor * lr * lam * theta[at]
        elif kind == "paper":
            new[at] -= factor * lam * theta[at]
    return [new, found[1]]
