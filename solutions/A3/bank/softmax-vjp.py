# %% wrong: nothing returned
# The gradient is computed and not returned: a return statement is missing.
def softmax_vjp(g, y):
    return None


# %% wrong: zeros
# Every entry is zero: the array is never filled.
def softmax_vjp(g, y):
    return np.zeros_like(y)


# %% wrong: argument comes back
# The upstream gradient comes back unchanged.
def softmax_vjp(g, y):
    return g


# %% wrong: entry by entry
# y (1 - y) is the slope of y[b,k] by its own score alone; every probability depends on all scores of the instance.
def softmax_vjp(g, y):
    return g * y * (1 - y)


# %% wrong: second term missing
# The term with the sum is missing: raising one score lowers all other probabilities.
def softmax_vjp(g, y):
    return g * y


# %% wrong: first term missing
# The term with [k = l] is missing: a score raises its own probability.
def softmax_vjp(g, y):
    return -y * (g * y).sum(axis=1, keepdims=True)


# %% wrong: upstream forgotten
# What comes from above is left out: these are the slopes of each probability by its own score, whatever g is.
def softmax_vjp(g, y):
    return y * (1 - y)


# %% wrong: one sum for the whole batch
# The sum of g times y goes over the whole batch; each instance has its own.
def softmax_vjp(g, y):
    return y * (g - (g * y).sum())


# %% wrong: matrix product for the sum
# np.dot(g, y.T) multiplies each instance with every other; the sum over k is within one instance.
def softmax_vjp(g, y):
    return y * (g - np.dot(g, y.T).sum(axis=1, keepdims=True))


# %% wrong: summed over the batch
# The sum goes over axis 0, the instances; it goes over the classes.
def softmax_vjp(g, y):
    return y * (g - (g * y).sum(axis=0, keepdims=True))


# %% wrong: mean for the sum
# g times y is averaged over the classes; the formula sums.
def softmax_vjp(g, y):
    return y * (g - (g * y).mean(axis=1, keepdims=True))


# %% wrong: g not weighted
# The sum is of g alone; each g[b,k] is weighted with its probability.
def softmax_vjp(g, y):
    return y * (g - g.sum(axis=1, keepdims=True))


# %% wrong: sign
# The sign is the other way round.
def softmax_vjp(g, y):
    return y * ((g * y).sum(axis=1, keepdims=True) - g)


# %% wrong: softmax taken again
# y already is the value of the softmax; here the softmax is applied to it once more.
def softmax_vjp(g, y):
    e = np.exp(y - y.max(axis=1, keepdims=True))
    again = e / e.sum(axis=1, keepdims=True)
    return again * (g - (g * again).sum(axis=1, keepdims=True))


# %% wrong: gradient of the loss
# y minus g is the gradient of softmax and logarithm together, with g for the labels; here the softmax stands alone.
def softmax_vjp(g, y):
    return y - g


# %% wrong: not multiplied by y
# The last factor is missing: the difference is multiplied by y.
def softmax_vjp(g, y):
    return g - (g * y).sum(axis=1, keepdims=True)


# %% wrong: gradient of the logarithm of the softmax
# This is the gradient through ln softmax; here the softmax stands without a logarithm.
def softmax_vjp(g, y):
    return g - y * g.sum(axis=1, keepdims=True)


# %% wrong: single precision
# The numbers are turned into float32, which has seven digits: near a million it knows no parts below 0.06.
def softmax_vjp(g, y):
    g, y = g.astype("float32"), y.astype("float32")
    return y * (g - (g * y).sum(axis=1, keepdims=True))


# %% right: loops
def softmax_vjp(g, y):
    B, K = y.shape
    found = np.zeros((B, K))
    for b in range(B):
        for k in range(K):
            for n in range(K):
                found[b, n] += g[b, k] * y[b, k] * ((k == n) - y[b, n])
    return found


# %% right: a Jacobian for each instance
def softmax_vjp(g, y):
    rows = []
    for above, p in zip(g, y):
        rows.append(above @ (np.diag(p) - np.outer(p, p)))
    return rows


# %% right: einsum
def softmax_vjp(g, y):
    weighted = np.einsum("bk,bk->b", g, y)
    return np.einsum("bk,bk->bk", y, g) - np.einsum("b,bk->bk", weighted, y)


# %% right: all Jacobians at once
def softmax_vjp(g, y):
    jacobians = y[:, :, None] * (np.eye(y.shape[1]) - y[:, None, :])
    return (g[:, None, :] @ jacobians)[:, 0, :]
