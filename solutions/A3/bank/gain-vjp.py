# %% wrong: nothing returned
# The gradients are computed and not returned: a return statement is missing.
def gain_vjp(g, x, gain):
    return None


# %% wrong: zeros
# Both gradients are zero: the arrays are made and never filled.
def gain_vjp(g, x, gain):
    return np.zeros(x.shape), np.zeros(gain.shape)


# %% wrong: not summed
# gain_grad has the shape of x: one gain serves many entries, and their contributions have to be summed.
def gain_vjp(g, x, gain):
    return g * gain, g * x


# %% wrong: summed over the instances only
# gain_grad is summed over the instances and not over the pixels, so it has a column for each pixel.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=0)


# %% wrong: summed over the pixels only
# gain_grad is summed over the pixels and not over the instances, so it has an axis b.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=2, keepdims=True)


# %% wrong: last instance only
# gain_grad holds the last instance alone: = stands where += is needed.
def gain_vjp(g, x, gain):
    for b in range(len(x)):
        gain_grad = (g[b] * x[b]).sum(axis=1, keepdims=True)
    return g * gain, gain_grad


# %% wrong: an axis lost
# gain_grad has shape (c,) and gain has (c, 1): added to each other they would make a (c, c).
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=(0, 2))


# %% wrong: summed over everything
# gain_grad is one number for all channels: it is summed over c as well, which gain does have.
def gain_vjp(g, x, gain):
    return g * gain, np.full(gain.shape, (g * x).sum())


# %% wrong: averaged over the instances
# gain_grad is divided by B; undoing a stretch is a sum, and g contains all factors already.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=(0, 2))[:, None] / len(x)


# %% wrong: mean
# gain_grad is a mean over instances and pixels; undoing a stretch is a sum.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).mean(axis=(0, 2))[:, None]


# %% wrong: upstream forgotten
# What comes from above is left out: g takes no part, as if it were all ones.
def gain_vjp(g, x, gain):
    return np.ones(g.shape) * gain, x.sum(axis=(0, 2))[:, None]


# %% wrong: x forgotten
# gain_grad is the sum of g alone, which would be right for y = x + gain; the slope by gain is x.
def gain_vjp(g, x, gain):
    return g * gain, g.sum(axis=(0, 2))[:, None]


# %% wrong: sums multiplied
# g and x are each summed and then multiplied; multiply entry by entry first, then sum.
def gain_vjp(g, x, gain):
    return g * gain, (g.sum(axis=(0, 2)) * x.sum(axis=(0, 2)))[:, None]


# %% wrong: factors mixed up
# x_grad is g times x; each factor's gradient is g times the other factor.
def gain_vjp(g, x, gain):
    return g * x, (g * x).sum(axis=(0, 2))[:, None]


# %% wrong: gain forgotten
# x_grad is g alone, which would be right for a sum; the slope of a product by x is gain.
def gain_vjp(g, x, gain):
    return g, (g * x).sum(axis=(0, 2))[:, None]


# %% wrong: whole numbers
# The gradient is written into an array made like x, which holds whole numbers: what comes after the point is lost.
def gain_vjp(g, x, gain):
    x_grad = np.zeros_like(x)
    x_grad[...] = g * gain
    return x_grad, (g * x).sum(axis=(0, 2))[:, None]


# %% wrong: summed over the pixels only, shape (b, c)
# gain_grad is summed over the pixels and not over the instances, so it has an axis b.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=2)


# %% wrong: summed over instances and channels
# gain_grad is summed over b and c, so an entry for each pixel is left; the gain belongs to the channels.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=(0, 1))


# %% wrong: an axis too many
# gain_grad has shape (1, c, 1) and gain has (c, 1): keepdims keeps the axis b as well.
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=(0, 2), keepdims=True)


# %% wrong: factors mixed up in both
# In both gradients g meets the factor itself; each factor's gradient is g times the other factor.
def gain_vjp(g, x, gain):
    return g * x, (g * gain).sum(axis=(0, 2))[:, None]


# %% right: loops
def gain_vjp(g, x, gain):
    x_grad, gain_grad = np.zeros(x.shape), np.zeros(gain.shape)
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            for p in range(x.shape[2]):
                x_grad[b, c, p] = g[b, c, p] * gain[c, 0]
                gain_grad[c, 0] += g[b, c, p] * x[b, c, p]
    return x_grad, gain_grad


# %% right: einsum
def gain_vjp(g, x, gain):
    return np.einsum("bcp,cq->bcp", g, gain), np.einsum("bcp,bcp->c", g, x).reshape(-1, 1)


# %% right: one axis after the other
def gain_vjp(g, x, gain):
    return g * gain, (g * x).sum(axis=0).sum(axis=1, keepdims=True)


# %% right: any broadcasting undone
def gain_vjp(g, x, gain):
    found = g * x
    while found.ndim > gain.ndim:
        found = found.sum(axis=0)
    for axis, size in enumerate(gain.shape):
        if size == 1:
            found = found.sum(axis=axis, keepdims=True)
    return g * np.broadcast_to(gain, x.shape), found


# %% right: channel by channel, a list
def gain_vjp(g, x, gain):
    x_grad = np.stack([g[:, c] * gain[c] for c in range(len(gain))], axis=1)
    return [x_grad, [[np.vdot(g[:, c], x[:, c])] for c in range(len(gain))]]
