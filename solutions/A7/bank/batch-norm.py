# %% wrong: nothing returned
# The results are computed and not returned: a return statement is missing.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    return None


# %% wrong: squares less the square
# keeps: batch-norm-running-test
# v is computed as E[x²] - μ², the difference of two large numbers; the squares of x - μ keep all digits.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), (rows**2).mean(axis=0) - rows.mean(axis=0) ** 2
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: one mean for all features
# Mean and variance are taken over all features together; each feature has its own.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = np.full(len(gamma), rows.mean()), np.full(len(gamma), rows.var())
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: each instance by itself
# Mean and variance are those of each instance over its features, which is layer normalization; here they go over the batch.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0, ddof=1 if len(rows) > 1 else 0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * var
    y = gamma * (last - last.mean(axis=-1, keepdims=True)) / np.sqrt(last.var(axis=-1, keepdims=True) + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: reshaped to rows
# reshape alone makes rows in which the features are mixed; np.moveaxis puts the features last first.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = x.reshape(len(x), *x.shape[2:], -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: reshaped there and back
# reshape alone makes rows in which the features are mixed, and reshape back leaves them so; use np.moveaxis both times.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = x.reshape(-1, len(gamma))
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return y.reshape(x.shape), running_mean, running_var


# %% wrong: unbiased in y
# keeps: batch-norm-running-test
# y is normalized with the variance that divides by N - 1; that one goes into new_var only, and y takes the one with N.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0, ddof=min(1, len(rows) - 1))
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: eps outside the root
# eps is added to the root; it belongs under it, to the variance.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / (np.sqrt(var) + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: eps forgotten
# eps is left out; it is added to the variance, under the root.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + 1e-300) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: divided by the variance
# The difference from the mean is divided by the variance; it is divided by its root.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / (var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: gamma and beta exchanged
# gamma is added and beta multiplies; gamma is the scale and beta the shift.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = beta * (last - mean) / np.sqrt(var + eps) + gamma
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: gamma forgotten
# x is normalized and shifted, but not multiplied by gamma.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: beta forgotten
# x is normalized and multiplied by gamma, but beta is not added.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps)
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: running statistics in training
# keeps: batch-norm-running-test
# y is normalized with the running statistics in training as well; there the batch's own are used.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    given = mean, var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - given[0]) / np.sqrt(given[1] + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: new statistics in training
# keeps: batch-norm-running-test
# y is normalized with the new running statistics; in training the batch's own are used.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - running_mean) / np.sqrt(running_var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: new mean in training
# keeps: batch-norm-running-test
# From x the new running mean is subtracted; in training μ is the mean of the batch alone.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - running_mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: momentum of the old
# keeps: batch-norm-training-test
# momentum is the weight of the old statistics, as in Keras; here it is that of the new batch.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        if len(rows) > 1:
            running_var = momentum * running_var + (1 - momentum) * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: biased running variance
# keeps: batch-norm-training-test
# new_var takes the variance that divides by N; the one with N - 1 belongs there.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: running deviation
# keeps: batch-norm-training-test
# new_var takes the standard deviation of the batch; it averages variances.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.std(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: one image is one value
# keeps: batch-norm-training-test
# With one image new_var stays as it was; N counts its places as well, and only N = 1 has no variance.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(x) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: B in place of N
# keeps: batch-norm-training-test
# new_var divides by B - 1 where there are images; each feature has N = B h w values.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(x) > 1:
            running_var = (1 - momentum) * running_var + momentum * var * len(x) / (len(x) - 1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: one value, no variance
# keeps: batch-norm-training-test
# With one value for each feature new_var becomes NaN or moves; there is no variance with N - 1 then, and it stays.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: one value of an image
# keeps: batch-norm-training-test
# An image of one place, alone in its batch, has one value for each feature: N = 1 there too.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(x) > 1 or x.ndim > 2:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: variance of one value 0
# keeps: batch-norm-training-test
# The variance of one value is taken for 0; there is none with N - 1, and new_var stays.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=min(1, len(rows) - 1))
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: running statistics not moved
# keeps: batch-norm-training-test
# The running statistics come back as they were in training too; there they follow the batch.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: batch statistics in use
# keeps: batch-norm-training-test
# In use y is normalized with the statistics of the batch; there the running ones stand in their place.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    rows = last.reshape(-1, len(gamma))
    mean, var = rows.mean(axis=0), rows.var(axis=0)
    if training:
        running_mean = (1 - momentum) * running_mean + momentum * mean
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: statistics move in use
# keeps: batch-norm-training-test
# The running statistics move in use as well; they follow the batches of training only.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    rows = last.reshape(-1, len(gamma))
    if training:
        mean, var = rows.mean(axis=0), rows.var(axis=0)
    if True:
        running_mean = (1 - momentum) * running_mean + momentum * rows.mean(axis=0)
        if len(rows) > 1:
            running_var = (1 - momentum) * running_var + momentum * rows.var(axis=0, ddof=1)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: in place
# keeps: batch-norm-training-test
# running_mean and running_var were changed in place; new arrays are asked for.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = last.reshape(-1, len(gamma))
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        running_mean += momentum * (mean - running_mean)
        if len(rows) > 1:
            running_var += momentum * (rows.var(axis=0, ddof=1) - running_var)
    y = gamma * (last - mean) / np.sqrt(var + eps) + beta
    return np.moveaxis(y, -1, 1), running_mean, running_var


# %% wrong: each place by itself
# Each place of an image has statistics of its own; mean and variance of a feature go over all places as well.
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    places = (-1, *(1,) * (x.ndim - 2))
    mean, var = running_mean.reshape(places), running_var.reshape(places)
    if training:
        mean, var = x.mean(axis=0), x.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean.reshape(len(gamma), -1).mean(axis=1)
        if len(x) > 1:
            running_var = (1 - momentum) * running_var + momentum * x.var(axis=0, ddof=1).reshape(len(gamma), -1).mean(axis=1)
    return gamma.reshape(places) * (x - mean) / np.sqrt(var + eps) + beta.reshape(places), running_mean, running_var


# %% right: axes
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    axes, places = (0, *range(2, x.ndim)), (1, -1) + (1,) * (x.ndim - 2)
    N = x.size // x.shape[1]
    if training:
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        new_mean = running_mean + momentum * (mean - running_mean)
        new_var = running_var if N == 1 else running_var + momentum * (var * N / (N - 1) - running_var)
    else:
        mean, var, new_mean, new_var = running_mean, running_var, running_mean, running_var
    scale = gamma / np.sqrt(var + eps)
    return (x - mean.reshape(places)) * scale.reshape(places) + beta.reshape(places), new_mean, new_var


# %% right: one feature after the other
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    y, new_mean, new_var = np.zeros(x.shape), running_mean.copy(), running_var.copy()
    for i in range(x.shape[1]):
        mean, var, values = running_mean[i], running_var[i], x[:, i]
        if training:
            mean, var = np.mean(values), np.mean((values - np.mean(values)) ** 2)
            new_mean[i] = (1 - momentum) * running_mean[i] + momentum * mean
            if values.size > 1:
                unbiased = np.sum((values - mean) ** 2) / (values.size - 1)
                new_var[i] = (1 - momentum) * running_var[i] + momentum * unbiased
        y[:, i] = gamma[i] * (values - mean) / (var + eps) ** 0.5 + beta[i]
    return y, new_mean, new_var


# %% right: einsum
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    B, n = x.shape[:2]
    flat = x.reshape(B, n, -1)
    N = B * flat.shape[2]
    if training:
        mean = np.einsum("bip->i", flat) / N
        centred = flat - mean[:, None]
        squares = np.einsum("bip,bip->i", centred, centred)
        new_mean = np.average([running_mean, mean], axis=0, weights=[1 - momentum, momentum])
        new_var = running_var + 0
        if N > 1:
            new_var = np.average([running_var, squares / (N - 1)], axis=0, weights=[1 - momentum, momentum])
        var = squares / N
    else:
        centred, var, new_mean, new_var = flat - running_mean[:, None], running_var, running_mean, running_var
    y = np.einsum("bip,i->bip", centred, gamma / np.sqrt(var + eps)) + beta[:, None]
    return [y.reshape(x.shape), new_mean, new_var]


# %% right: two dimensions first
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    if x.ndim == 4:
        B, n, h, w = x.shape
        rows = x.transpose(0, 2, 3, 1).reshape(B * h * w, n)
        y, m, v = batch_norm(rows, gamma, beta, running_mean, running_var, training, momentum, eps)
        return y.reshape(B, h, w, n).transpose(0, 3, 1, 2), m, v
    if not training:
        return (x - running_mean) / np.sqrt(running_var + eps) * gamma + beta, running_mean.copy(), running_var.copy()
    mean, N = np.sum(x, axis=0) / len(x), len(x)
    var = np.sum((x - mean) ** 2, axis=0) / N
    m = running_mean * (1 - momentum) + mean * momentum
    v = running_var.copy() if N < 2 else running_var * (1 - momentum) + var * (momentum * N / (N - 1))
    return (x - mean) / np.sqrt(var + eps) * gamma + beta, m, v
