# %% wrong: nothing returned
# The gradients are computed and not returned: a return statement is missing.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    return None


# %% wrong: statistics held fixed
# keeps: batch-norm-parameters-test
# Mean and variance are treated as constants, as they are in use; in training they depend on every x.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g
    return x_grad, gamma_grad, beta_grad


# %% wrong: mean held fixed
# keeps: batch-norm-parameters-test
# The way through the mean is missing; each x moves the mean of all.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: variance held fixed
# keeps: batch-norm-parameters-test
# The way through the variance is missing; each x moves the variance of all.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: sums in place of means
# keeps: batch-norm-parameters-test
# The two parts that are taken away lack 1/B; mean and variance of the batch hold it, each x counts for one of B.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) - x_hat * (g * x_hat).sum(axis=0)
    return x_grad, gamma_grad, beta_grad


# %% wrong: one sum behind the variance
# keeps: batch-norm-parameters-test
# The part for the variance lacks 1/B; the variance of the batch holds it.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0)
    return x_grad, gamma_grad, beta_grad


# %% wrong: one sum behind the mean
# keeps: batch-norm-parameters-test
# The part for the mean lacks 1/B; the mean of the batch holds it.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: variance with N - 1
# keeps: batch-norm-parameters-test
# The way through the variance has 1/(B - 1); the variance that normalizes divides by B.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / max(B - 1, 1)
    return x_grad, gamma_grad, beta_grad


# %% wrong: variance counted twice
# keeps: batch-norm-parameters-test
# The way through the variance counts twice; the root takes back the 2 of the square.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - 2 * x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: variance with the other sign
# keeps: batch-norm-parameters-test
# The way through the variance has the wrong sign: where the variance grows, the sizes of all x_hat shrink.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B + x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: gamma missing in x_grad
# keeps: batch-norm-parameters-test
# x_grad lacks gamma, by which x_hat was multiplied on the way to y.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: inv_std missing in x_grad
# keeps: batch-norm-parameters-test
# x_grad lacks inv_std, by which x was multiplied on the way to y.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: divided by inv_std
# keeps: batch-norm-parameters-test
# x_grad is divided by inv_std; that is one over the standard deviation already.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * y_grad / inv_std
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: inv_std twice
# keeps: batch-norm-parameters-test
# The part for the variance holds inv_std once too often; g has it already.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * inv_std * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: gamma twice
# keeps: batch-norm-parameters-test
# The part for the variance holds gamma once too often; g has it already.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * gamma * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: x_hat missing behind the variance
# keeps: batch-norm-parameters-test
# The part for the variance is the same for all instances; it is proportional to x_hat of each.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: averaged parameters
# keeps: batch-norm-input-test
# The gradients of gamma and beta are averaged over the batch; y_grad holds every weight already, so they are sums.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).mean(axis=0), y_grad.mean(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: x_hat missing in gamma_grad
# keeps: batch-norm-input-test
# gamma_grad lacks x_hat, which gamma multiplies.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = y_grad.sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: gamma in its own gradient
# keeps: batch-norm-input-test
# gamma_grad holds gamma as a factor; in gamma x_hat its partner is x_hat.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = gamma * (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: gamma and beta exchanged
# keeps: batch-norm-input-test
# The gradients of gamma and of beta are returned in the other order.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, beta_grad, gamma_grad


# %% wrong: x last
# The order is x_grad, gamma_grad, beta_grad; here x_grad stands last.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    g = gamma * inv_std * y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return gamma_grad, beta_grad, x_grad


# %% wrong: in place
# An argument is changed in place; work on a copy, and leave the arguments as you got them.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=0), y_grad.sum(axis=0)
    y_grad *= gamma * inv_std
    g = y_grad
    x_grad = g - g.sum(axis=0) / B - x_hat * (g * x_hat).sum(axis=0) / B
    return x_grad, gamma_grad, beta_grad


# %% wrong: summed over the features
# The sums go over the features; each feature has its own parameters and statistics, so they go over the batch.
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    gamma_grad, beta_grad = (y_grad * x_hat).sum(axis=1), y_grad.sum(axis=1)
    g = gamma * inv_std * y_grad
    x_grad = g - g.mean(axis=1, keepdims=True) - x_hat * (g * x_hat).mean(axis=1, keepdims=True)
    return x_grad, gamma_grad, beta_grad


# %% right: one feature after the other
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    x_grad, gamma_grad, beta_grad = np.zeros(x_hat.shape), np.zeros(len(gamma)), np.zeros(len(gamma))
    B = len(x_hat)
    for i in range(len(gamma)):
        for b in range(B):
            gamma_grad[i] += y_grad[b, i] * x_hat[b, i]
            beta_grad[i] += y_grad[b, i]
        for b in range(B):
            own = B * y_grad[b, i] - beta_grad[i] - x_hat[b, i] * gamma_grad[i]
            x_grad[b, i] = gamma[i] * inv_std[i] / B * own
    return x_grad, gamma_grad, beta_grad


# %% right: by matrices
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    x_grad = np.zeros_like(x_hat)
    for i in range(x_hat.shape[1]):
        u = x_hat[:, i]
        jacobian = inv_std[i] * (np.eye(B) - np.ones((B, B)) / B - np.outer(u, u) / B)
        x_grad[:, i] = jacobian.T @ (gamma[i] * y_grad[:, i])
    return x_grad, np.diag(y_grad.T @ x_hat), np.ones(B) @ y_grad


# %% right: through mean and variance
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    B = len(x_hat)
    hat_grad = y_grad * gamma
    centred = x_hat / inv_std
    var_grad = np.sum(hat_grad * centred, axis=0) * -0.5 * inv_std**3
    mean_grad = -np.sum(hat_grad * inv_std, axis=0) - 2 * var_grad * np.mean(centred, axis=0)
    x_grad = hat_grad * inv_std + var_grad * 2 * centred / B + mean_grad / B
    return x_grad, np.sum(y_grad * x_hat, axis=0), np.sum(y_grad, axis=0)


# %% right: einsum
def batch_norm_backward(y_grad, x_hat, inv_std, gamma):
    gamma_grad = np.einsum("bi,bi->i", y_grad, x_hat)
    beta_grad = np.einsum("bi->i", y_grad)
    inner = y_grad - y_grad.mean(axis=0)
    inner = inner - np.einsum("bi,i->bi", x_hat, gamma_grad) / len(y_grad)
    return [np.einsum("i,i,bi->bi", gamma, inv_std, inner), gamma_grad, beta_grad]
