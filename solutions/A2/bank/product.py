# %% wrong: nothing returned
# The layer is computed and not returned: a return statement is missing.
def standardized_layer(W, X, mean, std):
    return None


# %% wrong: three loops
# The numbers are right, by three loops in Python; a matrix product does the same without any of them.
def standardized_layer(W, X, mean, std):
    Y = np.zeros((len(W), X.shape[1]))
    for b in range(X.shape[1]):
        for j in range(len(W)):
            for i in range(len(X)):
                Y[j, b] += W[j, i] * (X[i, b] - mean[i]) / std[i]
    return Y


# %% wrong: two loops
# The numbers are right, and the loops over j and b are still there; only the sum over i has become a product.
def standardized_layer(W, X, mean, std):
    columns = range(X.shape[1])
    return np.array([[W[j] @ ((X[:, b] - mean) / std) for b in columns] for j in range(len(W))])


# %% wrong: one loop over instances
# The numbers are right, one instance at a time; all columns can be multiplied at once.
def standardized_layer(W, X, mean, std):
    return np.stack([W @ ((X[:, b] - mean) / std) for b in range(X.shape[1])], axis=1)


# %% wrong: one loop over inputs
# The numbers are right, as a sum over i of outer products in a loop; the matrix product is that sum.
def standardized_layer(W, X, mean, std):
    Y = np.zeros((len(W), X.shape[1]))
    for i in range(len(X)):
        Y += np.outer(W[:, i], (X[i] - mean[i]) / std[i])
    return Y


# %% wrong: one loop over outputs
# The numbers are right, one output at a time; all rows of W can be multiplied at once.
def standardized_layer(W, X, mean, std):
    ready = (X - mean[:, None]) / std[:, None]
    return np.stack([row @ ready for row in W])


# %% wrong: all products at once
# The numbers are right, and all m n B products lie in memory before they are summed; a matrix product sums them on the way.
def standardized_layer(W, X, mean, std):
    ready = (X - mean[:, None]) / std[:, None]
    return (W[:, :, None] * ready[None]).sum(axis=1)


# %% wrong: mean along the instances
# The mean is set against the instances: (n,) meets the last axis of X, which is b. Its axis i stands first.
def standardized_layer(W, X, mean, std):
    shifted = X - mean if X.shape[1] == len(mean) else X - mean[:, None]
    return (W / std) @ shifted


# %% wrong: std along the outputs
# The standard deviations are set against the outputs: as a column they meet the rows of W, which are j, not i.
def standardized_layer(W, X, mean, std):
    scaled = W / std[:, None] if len(W) == len(std) else W / std
    return scaled @ (X - mean[:, None])


# %% wrong: std along the instances
# The standard deviations are set against the instances: (n,) meets the last axis of X, which is b.
def standardized_layer(W, X, mean, std):
    shifted = X - mean[:, None]
    return W @ (shifted / std if X.shape[1] == len(std) else shifted / std[:, None])


# %% wrong: mean and std along the instances
# Mean and standard deviations are set against the instances: (n,) meets the last axis of X, which is b. Their axis i stands first.
def standardized_layer(W, X, mean, std):
    if X.shape[1] == len(mean):
        return W @ ((X - mean) / std)
    return W @ ((X - mean[:, None]) / std[:, None])


# %% wrong: share of the mean along the instances
# W times the mean is set against the instances: (m,) meets the last axis of the result, which is b. Its axis j stands first.
def standardized_layer(W, X, mean, std):
    scaled = W / std
    share = scaled @ mean
    return scaled @ X - (share if X.shape[1] == len(share) else share[:, None])


# %% wrong: mean not subtracted
# The mean is not subtracted.
def standardized_layer(W, X, mean, std):
    return (W / std) @ X


# %% wrong: std forgotten
# The division by the standard deviation is missing.
def standardized_layer(W, X, mean, std):
    return W @ (X - mean[:, None])


# %% wrong: multiplied by std
# It is multiplied by the standard deviation; standardizing divides by it.
def standardized_layer(W, X, mean, std):
    return (W * std) @ (X - mean[:, None])


# %% wrong: divided twice
# W and X are both divided by the standard deviation; it may stand below one of them.
def standardized_layer(W, X, mean, std):
    return (W / std) @ ((X - mean[:, None]) / std[:, None])


# %% wrong: mean after the division
# The mean is subtracted after the division; the difference is what is divided.
def standardized_layer(W, X, mean, std):
    return W @ (X / std[:, None] - mean[:, None])


# %% wrong: mean added
# The mean is added; it is to be subtracted.
def standardized_layer(W, X, mean, std):
    return (W / std) @ (X + mean[:, None])


# %% wrong: statistics of the batch
# Mean and standard deviation are computed from this batch; the given ones are to be used.
def standardized_layer(W, X, mean, std):
    return W @ ((X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True))


# %% wrong: transposed result
# The instances come out as rows; the axes are to be j,b.
def standardized_layer(W, X, mean, std):
    return ((X - mean[:, None]) / std[:, None]).T @ W.T


# %% wrong: square root of std
# The square root of std is taken, as if it were a variance.
def standardized_layer(W, X, mean, std):
    return (W / np.sqrt(std)) @ (X - mean[:, None])


# %% right: a bias for the mean
def standardized_layer(W, X, mean, std):
    scaled = W / std
    return scaled @ X - (scaled @ mean).reshape(-1, 1)


# %% right: in rows
def standardized_layer(W, X, mean, std):
    return (((X.T - mean) / std) @ W.T).T


# %% right: einsum
def standardized_layer(W, X, mean, std):
    return np.einsum("ji,ib->jb", W, (X - mean[:, None]) * (1 / std)[:, None])


# %% right: a diagonal matrix
def standardized_layer(W, X, mean, std):
    ones = np.ones((1, X.shape[1]))
    return W @ np.diag(1 / std) @ (X - np.outer(mean, ones))
