# %% wrong: nothing returned
# The gradients are computed and not returned: a return statement is missing.
def matrix_vjp(g, x, W):
    return None


# %% wrong: zeros
# Both gradients are zero: the arrays are made and never filled.
def matrix_vjp(g, x, W):
    return np.zeros_like(x), np.zeros_like(W)


# %% wrong: arguments come back
# The arguments come back in place of their gradients.
def matrix_vjp(g, x, W):
    return x, W


# %% wrong: upstream forgotten
# What comes from above is left out: g takes no part, as if it were all ones.
def matrix_vjp(g, x, W):
    ones = np.ones_like(g)
    return ones @ W.T, np.einsum("bti,btj->ij", x, ones)


# %% wrong: one gradient for each instance
# W_grad has an axis b: it is summed over the words and not over the instances, and W belongs to all of them.
def matrix_vjp(g, x, W):
    return g @ W.T, x.transpose(0, 2, 1) @ g


# %% wrong: one gradient for each place
# W_grad has an axis t: it is summed over the instances and not over the words, and W belongs to all of them.
def matrix_vjp(g, x, W):
    return g @ W.T, np.einsum("bti,btj->tij", x, g)


# %% wrong: last instance only
# W_grad holds the last instance alone: = stands where += is needed.
def matrix_vjp(g, x, W):
    for b in range(len(x)):
        W_grad = x[b].T @ g[b]
    return g @ W.T, W_grad


# %% wrong: last word only
# W_grad holds the last word of each instance alone: = stands where += is needed.
def matrix_vjp(g, x, W):
    return g @ W.T, x[:, -1].T @ g[:, -1]


# %% wrong: averaged over the instances
# W_grad is divided by B; a VJP sums, and g contains all factors already.
def matrix_vjp(g, x, W):
    return g @ W.T, np.einsum("bti,btj->ij", x, g) / len(x)


# %% wrong: averaged over the words
# W_grad is divided by the number of all words; a VJP sums, and g contains all factors already.
def matrix_vjp(g, x, W):
    return g @ W.T, np.einsum("bti,btj->ij", x, g) / (x.shape[0] * x.shape[1])


# %% wrong: W_grad transposed
# W_grad has the axes j,i; it needs those of W, which are i,j.
def matrix_vjp(g, x, W):
    return g @ W.T, np.einsum("bti,btj->ji", x, g)


# %% wrong: sums multiplied
# x and g are each summed over the words and then multiplied; the words have to be multiplied first and summed after.
def matrix_vjp(g, x, W):
    return g @ W.T, np.outer(x.sum(axis=(0, 1)), g.sum(axis=(0, 1)))


# %% wrong: W reshaped
# W is reshaped to (j, i); that mixes up its entries. Turning rows into columns is a transpose.
def matrix_vjp(g, x, W):
    return g @ W.reshape(W.shape[1], W.shape[0]), np.einsum("bti,btj->ij", x, g)


# %% wrong: x reshaped
# x is reshaped to (i, B t) in one step; that mixes up its entries. Reshape to (B t, i) first, then transpose.
def matrix_vjp(g, x, W):
    return g @ W.T, x.reshape(x.shape[2], -1) @ g.reshape(-1, g.shape[2])


# %% wrong: gradients swapped
# The two gradients come in the wrong order: x_grad is first.
def matrix_vjp(g, x, W):
    return np.einsum("bti,btj->ij", x, g), g @ W.T


# %% right: loops
def matrix_vjp(g, x, W):
    x_grad, W_grad = np.zeros(x.shape), np.zeros(W.shape)
    for b in range(len(x)):
        for t in range(x.shape[1]):
            for i in range(W.shape[0]):
                for j in range(W.shape[1]):
                    x_grad[b, t, i] += g[b, t, j] * W[i, j]
                    W_grad[i, j] += g[b, t, j] * x[b, t, i]
    return x_grad, W_grad


# %% right: one long list of words
def matrix_vjp(g, x, W):
    words, above = x.reshape(-1, x.shape[2]), g.reshape(-1, g.shape[2])
    return (above @ W.T).reshape(x.shape), words.T @ above


# %% right: einsum
def matrix_vjp(g, x, W):
    return np.einsum("btj,ij->bti", g, W), np.einsum("btj,bti->ij", g, x)


# %% right: instance by instance, a list
def matrix_vjp(g, x, W):
    return [[above @ W.T for above in g], sum(one.T @ above for one, above in zip(x, g))]


# %% right: outer products
def matrix_vjp(g, x, W):
    each = x[:, :, :, None] * g[:, :, None, :]
    return (g[:, :, None, :] * W).sum(axis=-1), each.sum(axis=(0, 1))
