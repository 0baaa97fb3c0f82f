# %% wrong: nothing returned
# The gradients are computed and not returned: a return statement is missing.
def layer_backward(x, W, h_grad):
    return None


# %% wrong: zeros
# Every gradient is zero: the arrays are made and never filled.
def layer_backward(x, W, h_grad):
    return np.zeros_like(x), np.zeros_like(W), np.zeros(len(W))


# %% wrong: inputs unchanged
# The arguments come back in place of their gradients.
def layer_backward(x, W, h_grad):
    return x, W, h_grad[0]


# %% wrong: sign of the threshold
# bias_grad has the wrong sign: the threshold is subtracted in the forward sum, so raising it lowers the sum.
def layer_backward(x, W, h_grad):
    return h_grad @ W, h_grad.T @ x / len(x), h_grad.mean(axis=0)


# %% wrong: all signs
# All three gradients have the wrong sign.
def layer_backward(x, W, h_grad):
    return -(h_grad @ W), -(h_grad.T @ x) / len(x), h_grad.mean(axis=0)


# %% wrong: summed
# The gradients of W and bias are summed over the batch; parameters get averages, with 1/B.
def layer_backward(x, W, h_grad):
    return h_grad @ W, h_grad.T @ x, -h_grad.sum(axis=0)


# %% wrong: bias summed
# bias_grad is summed over the batch while W_grad is averaged; both are parameters and get 1/B.
def layer_backward(x, W, h_grad):
    return h_grad @ W, h_grad.T @ x / len(x), -h_grad.sum(axis=0)


# %% wrong: 1/B on x too
# x_grad carries 1/B, as in S0; in S1 the gradients of inputs and values are per example.
def layer_backward(x, W, h_grad):
    B = len(x)
    return h_grad @ W / B, h_grad.T @ x / B, -h_grad.mean(axis=0)


# %% wrong: 1/B twice
# 1/B stands twice in the gradients of the parameters.
def layer_backward(x, W, h_grad):
    B = len(x)
    return h_grad @ W, h_grad.T @ x / B**2, -h_grad.mean(axis=0) / B


# %% wrong: divided by the number of inputs
# W_grad and bias_grad are divided by the number of inputs i instead of the number of examples B.
def layer_backward(x, W, h_grad):
    n = x.shape[1]
    return h_grad @ W, h_grad.T @ x / n, -h_grad.sum(axis=0) / n


# %% wrong: W_grad transposed
# W_grad has the axes i,j; it needs those of W, which are j,i.
def layer_backward(x, W, h_grad):
    return h_grad @ W, x.T @ h_grad / len(x), -h_grad.mean(axis=0)


# %% wrong: upstream forgotten
# What comes from above is left out: h_grad takes no part, as if it were all ones.
def layer_backward(x, W, h_grad):
    ones = np.ones_like(h_grad)
    return ones @ W, ones.T @ x / len(x), -ones.mean(axis=0)


# %% wrong: divided by the number of outputs
# W_grad and bias_grad are divided by the number of outputs j instead of the number of examples B.
def layer_backward(x, W, h_grad):
    n = h_grad.shape[1]
    return h_grad @ W, h_grad.T @ x / n, -h_grad.sum(axis=0) / n


# %% wrong: last example only
# The gradients of W and bias hold the last example alone: = stands where += is needed.
def layer_backward(x, W, h_grad):
    B = len(x)
    for b in range(B):
        W_grad = np.outer(h_grad[b], x[b]) / B
        bias_grad = -h_grad[b] / B
    return h_grad @ W, W_grad, bias_grad


# %% wrong: order of the results
# W_grad and bias_grad stand in each other's place.
def layer_backward(x, W, h_grad):
    return h_grad @ W, -h_grad.mean(axis=0), h_grad.T @ x / len(x)


# %% wrong: divided by the size of h_grad
# W_grad is divided by the number of entries of h_grad, B times j; the average is over the B examples.
def layer_backward(x, W, h_grad):
    return h_grad @ W, h_grad.T @ x / h_grad.size, -h_grad.mean(axis=0)


# %% wrong: one number for all thresholds
# bias_grad is averaged over all entries of h_grad; the average is over the batch alone, so that j stays.
def layer_backward(x, W, h_grad):
    return h_grad @ W, h_grad.T @ x / len(x), -h_grad.mean()


# %% wrong: product of averages
# W_grad is the product of two averages; it is the average of each example's product.
def layer_backward(x, W, h_grad):
    return h_grad @ W, np.outer(h_grad.mean(axis=0), x.mean(axis=0)), -h_grad.mean(axis=0)


# %% right: loops
def layer_backward(x, W, h_grad):
    B, J, I = len(x), len(W), x.shape[1]
    x_grad, W_grad, bias_grad = np.zeros((B, I)), np.zeros((J, I)), np.zeros(J)
    for b in range(B):
        for j in range(J):
            bias_grad[j] += -h_grad[b, j] / B
            for i in range(I):
                x_grad[b, i] += h_grad[b, j] * W[j, i]
                W_grad[j, i] += h_grad[b, j] * x[b, i] / B
    return x_grad, W_grad, bias_grad


# %% right: einsum
def layer_backward(x, W, h_grad):
    x_grad = np.einsum("bj,ji->bi", h_grad, W)
    W_grad = np.einsum("bj,bi->ji", h_grad, x) / x.shape[0]
    return x_grad, W_grad, -np.einsum("bj->j", h_grad) / x.shape[0]


# %% right: per example, then the mean
def layer_backward(x, W, h_grad):
    each = h_grad[:, :, None] * x[:, None, :]
    return (W.T @ h_grad.T).T, each.mean(axis=0), (-h_grad).mean(axis=0)


# %% right: a list
def layer_backward(x, W, h_grad):
    scaled = h_grad / len(h_grad)
    return [h_grad.dot(W), scaled.T.dot(x), -scaled.sum(0)]
