# %% wrong: nothing returned
# The values are computed and not returned: a return statement is missing.
def layer(W, X, beta):
    return None


def layer_backward(W, X, Y_grad):
    return None


# %% wrong: bias along the instances
# beta is set against the instances: (m,) meets the last axis of Y, which is b. Where m = B there is no error.
def layer(W, X, beta):
    return W @ X + (beta if len(beta) == X.shape[1] else beta[:, None])


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.sum(axis=1)


# %% wrong: bias forgotten
# The bias is missing in the forward pass.
def layer(W, X, beta):
    return W @ X


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.sum(axis=1)


# %% wrong: bias subtracted
# The bias is subtracted, as the threshold of S1 is; here it is added.
def layer(W, X, beta):
    return W @ X - beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, -Y_grad.sum(axis=1)


# %% wrong: rows
# Y comes out with the instances as rows, axes b,j; here they are columns, axes j,b.
def layer(W, X, beta):
    return X.T @ W.T + beta


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.sum(axis=1)


# %% wrong: averaged
# The gradients of W and beta are divided by B; the weight of each instance is in Y_grad already.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T / X.shape[1], W.T @ Y_grad, Y_grad.mean(axis=1)


# %% wrong: 1/B everywhere
# All three gradients are divided by B; the weight of each instance is in Y_grad already.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    B = X.shape[1]
    return Y_grad @ X.T / B, W.T @ Y_grad / B, Y_grad.mean(axis=1)


# %% wrong: bias averaged
# beta_grad is the mean over the batch while W_grad is a sum; both are sums here.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.mean(axis=1)


# %% wrong: W_grad transposed
# W_grad has the axes i,j; it needs those of W, which are j,i.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return X @ Y_grad.T, W.T @ Y_grad, Y_grad.sum(axis=1)


# %% wrong: X_grad transposed
# X_grad has the axes b,i; it needs those of X, which are i,b.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, Y_grad.T @ W, Y_grad.sum(axis=1)


# %% wrong: beta_grad summed over the outputs
# beta_grad is summed over the outputs j, which leaves one number for each instance; beta has one for each output.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.sum(axis=0)


# %% wrong: beta_grad as a column
# beta_grad is a column (m, 1); beta has the shape (m,), and its gradient has the same.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.sum(axis=1, keepdims=True)


# %% wrong: beta_grad not summed
# beta_grad is Y_grad as it came; beta is read by every instance, so their contributions are summed.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad


# %% wrong: beta_grad one number
# beta_grad is summed over outputs and instances; each output has a bias of its own.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, Y_grad.sum()


# %% wrong: upstream forgotten
# What comes from above is left out: Y_grad takes no part, as if it were all ones.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    ones = np.ones_like(Y_grad)
    return ones @ X.T, W.T @ ones, ones.sum(axis=1)


# %% wrong: beta_grad all ones
# beta_grad is all ones: what comes from above is left out, and so is the sum over the instances.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, np.ones(len(W))


# %% wrong: beta_grad counts the instances
# beta_grad counts the instances: what comes from above is left out of the sum.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return Y_grad @ X.T, W.T @ Y_grad, np.full(len(W), float(X.shape[1]))


# %% wrong: order of the three
# The gradients are returned in another order: W_grad comes first, then X_grad.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return W.T @ Y_grad, Y_grad @ X.T, Y_grad.sum(axis=1)


# %% wrong: last instance only
# The gradients of W and beta hold the last instance alone: = stands where += is needed.
def layer(W, X, beta):
    return W @ X + beta[:, None]


def layer_backward(W, X, Y_grad):
    return np.outer(Y_grad[:, -1], X[:, -1]), W.T @ Y_grad, Y_grad[:, -1]


# %% right: loops
def layer(W, X, beta):
    Y = np.zeros((len(W), len(X[0])))
    for j in range(len(W)):
        for b in range(len(X[0])):
            Y[j, b] = beta[j] + sum(W[j, i] * X[i, b] for i in range(len(X)))
    return Y


def layer_backward(W, X, Y_grad):
    (m, n), B = W.shape, X.shape[1]
    W_grad, X_grad, beta_grad = np.zeros((m, n)), np.zeros((n, B)), np.zeros(m)
    for j in range(m):
        for b in range(B):
            beta_grad[j] += Y_grad[j, b]
            for i in range(n):
                W_grad[j, i] += Y_grad[j, b] * X[i, b]
                X_grad[i, b] += Y_grad[j, b] * W[j, i]
    return W_grad, X_grad, beta_grad


# %% right: einsum
def layer(W, X, beta):
    return np.einsum("ji,ib->jb", W, X) + beta.reshape(-1, 1)


def layer_backward(W, X, Y_grad):
    W_grad = np.einsum("jb,ib->ji", Y_grad, X)
    return W_grad, np.einsum("jb,ji->ib", Y_grad, W), np.einsum("jb->j", Y_grad)


# %% right: in rows
def layer(W, X, beta):
    return (X.T @ W.T + beta).T


def layer_backward(W, X, Y_grad):
    rows = Y_grad.T
    return [(X @ rows).T, (rows @ W).T, rows.sum(axis=0)]


# %% right: one more input of ones
def layer(W, X, beta):
    return np.column_stack([W, beta]) @ np.vstack([X, np.ones(X.shape[1])])


def layer_backward(W, X, Y_grad):
    both = Y_grad @ np.vstack([X, np.ones(X.shape[1])]).T
    return both[:, :-1], W.T @ Y_grad, both[:, -1]


# %% right: lists
def layer(W, X, beta):
    return [[t + float(row @ column) for column in X.T] for row, t in zip(W, beta)]


def layer_backward(W, X, Y_grad):
    W_grad = [[float(above @ inputs) for inputs in X] for above in Y_grad]
    X_grad = [[float(weights @ above) for above in Y_grad.T] for weights in W.T]
    return W_grad, X_grad, [sum(map(float, above)) for above in Y_grad]
