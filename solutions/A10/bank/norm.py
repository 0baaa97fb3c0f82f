# %% wrong: nothing returned
# The values are computed and not returned: a return statement is missing.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return None


def to_sum(x_hat_grad, x_hat):
    return None


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return None


# %% wrong: mean of the variances
# keeps: norm-backward-test
# The variances of the ranks are averaged, and the variance of their means is left out.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: variance of the means
# keeps: norm-backward-test
# The variance of the ranks' means is returned, and their own variances are left out.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * ((mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: ranks of equal weight
# keeps: norm-backward-test
# Every rank counts the same, however many instances it holds; its mean and variance have to be weighted with n.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = mean.mean(axis=0)
    return center, (var + (mean - center) ** 2).mean(axis=0)


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: variance of equal weight
# keeps: norm-backward-test
# The mean is weighted with n and the variance is not: every rank counts the same in it.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (var + (mean - center) ** 2).mean(axis=0)


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: sums of squares
# keeps: norm-backward-test
# The variance is taken as the mean of the squares minus the square of the mean; far from zero these two large numbers
# agree in all digits that are kept.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + mean**2)).sum(axis=0) / n.sum() - center**2


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: divided by one less
# keeps: norm-backward-test
# The variance is divided by the number of instances less one; batch normalization divides by their number.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / np.maximum(n.sum() - 1, 1)


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: nan from empty ranks
# keeps: norm-backward-test
# The nan of a rank without instances gets into the sums: 0 times nan is nan.
def whole_statistics(n, mean, var):
    n, mean, var = n[:, None], mean, var
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: standard deviations
# keeps: norm-backward-test
# Standard deviations are returned in place of variances.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, np.sqrt((n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum())


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: distance not squared
# keeps: norm-backward-test
# The distance of a rank's mean from the whole mean is added without its square.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + abs(mean - center))).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: sums of the own shard
# keeps: norm-forward-test
# The sums of the rank's own shard are used, and those of the other ranks are left out; this is normalization of each
# shard.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    summed = to_sum(x_hat_grad, x_hat)
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: shard normalized by itself
# keeps: norm-forward-test
# Sums and number of instances are those of the rank's own shard; an instance's gradient depends on all ranks.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    n = max(len(x_hat), 1)
    own = x_hat_grad - x_hat_grad.sum(axis=0) / n - x_hat * (x_hat_grad * x_hat).sum(axis=0) / n
    return own / s


# %% wrong: statistics taken for constants
# keeps: norm-forward-test
# Mean and variance are taken for constants; they depend on every x of the batch.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return x_hat_grad / s


# %% wrong: only through the mean
# keeps: norm-forward-test
# What goes back through the variance is missing.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - summed[0] / B) / s


# %% wrong: only through the variance
# keeps: norm-forward-test
# What goes back through the mean is missing.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (x_hat * summed[1]) / B) / s


# %% wrong: divided by the shard's length
# keeps: norm-forward-test
# The sums over all ranks are divided by the length of the rank's own shard.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / max(len(x_hat), 1)) / s


# %% wrong: not divided by B
# keeps: norm-forward-test
# Sums stand where means over the batch belong: they are not divided by B.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) ) / s


# %% wrong: not divided by s
# keeps: norm-forward-test
# The division by s is missing; x_hat grows by 1/s where x grows by 1.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B)


# %% wrong: divided by the variance
# keeps: norm-forward-test
# The gradient is divided by the square of s.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s**2


# %% wrong: x_hat not multiplied
# keeps: norm-forward-test
# The second sum is subtracted from all instances alike; it goes back to each instance times its own x_hat.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + summed[1]) / B) / s


# %% wrong: added to the gradient
# keeps: norm-forward-test
# The two means are added; they are to be subtracted.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad + (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: means of equal weight, variances weighted
# keeps: norm-backward-test
# The variance of the ranks' means counts every rank the same; it has to be weighted with n as well.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * var).sum(axis=0) / n.sum() + mean.var(axis=0)


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: mean of equal weight
# keeps: norm-backward-test
# The mean counts every rank the same, however many instances it holds; it has to be weighted with n.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = mean.mean(axis=0)
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% wrong: first mean added
# keeps: norm-forward-test
# The mean of the gradient is added; it is to be subtracted.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (x_hat * summed[1] - summed[0]) / B) / s


# %% wrong: second mean added
# keeps: norm-forward-test
# The mean of gradient times x_hat is added; it is to be subtracted.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] - x_hat * summed[1]) / B) / s


# %% wrong: sums exchanged
# keeps: norm-forward-test
# The two sums are exchanged: x_hat multiplies the sum of gradient times x_hat.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[1] + x_hat * summed[0]) / B) / s


# %% wrong: means of the ranks summed, nan
# keeps: norm-forward-test
# Means over each rank's own instances are summed; the ranks have to send sums, and the sum of these is divided by B.
# An empty rank's mean is nan besides.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.mean(axis=0), (x_hat_grad * x_hat).mean(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - summed[0] - x_hat * summed[1]) / s


# %% wrong: means of the ranks summed
# keeps: norm-forward-test
# Means over each rank's own instances are summed; the ranks have to send sums, and the sum of these is divided by B.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)]) / max(len(x_hat), 1)


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - summed[0] - x_hat * summed[1]) / s


# %% wrong: multiplied by s
# keeps: norm-forward-test
# The gradient is multiplied by s; it is to be divided by it.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) * s


# %% wrong: shorter array from empty ranks
# keeps: norm-forward-test
# An empty rank sends fewer numbers than the others; it has to send as many, all 0.
def whole_statistics(n, mean, var):
    n, mean, var = n[n > 0, None], mean[n > 0], var[n > 0]
    center = (n * mean).sum(axis=0) / n.sum()
    return center, (n * (var + (mean - center) ** 2)).sum(axis=0) / n.sum()


def to_sum(x_hat_grad, x_hat):
    if len(x_hat) == 0:
        return np.zeros(0)
    return np.stack([x_hat_grad.sum(axis=0), (x_hat_grad * x_hat).sum(axis=0)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    return (x_hat_grad - (summed[0] + x_hat * summed[1]) / B) / s


# %% right: pairs
def whole_statistics(n, mean, var):
    held = [(int(k), m, k * v) for k, m, v in zip(n, mean, var) if k > 0]
    count, center, squares = held[0]
    for k, m, M in held[1:]:
        delta, total = m - center, count + k
        center = center + delta * k / total
        squares = squares + M + delta**2 * count * k / total
        count = total
    return center, squares / count


def to_sum(x_hat_grad, x_hat):
    return np.concatenate([x_hat_grad, x_hat_grad * x_hat], axis=1).sum(axis=0)


def input_grad(x_hat_grad, x_hat, s, B, summed):
    first, second = np.split(summed / B, 2)
    return (x_hat_grad - first - second * x_hat) / s


# %% right: loops
def whole_statistics(n, mean, var):
    total, F = sum(n), mean.shape[1]
    center, squares = [0.0] * F, [0.0] * F
    for f in range(F):
        start = [mean[k, f] for k in range(len(n)) if n[k]][0]
        center[f] = start + sum(n[k] * (mean[k, f] - start) for k in range(len(n)) if n[k]) / total
        for k in range(len(n)):
            if n[k]:
                squares[f] += n[k] * var[k, f] + n[k] * (mean[k, f] - center[f]) ** 2
    return center, [M / total for M in squares]


def to_sum(x_hat_grad, x_hat):
    sums = np.zeros((x_hat.shape[1], 2))
    for g, v in zip(x_hat_grad, x_hat):
        for f in range(len(v)):
            sums[f, 0] += g[f]
            sums[f, 1] += g[f] * v[f]
    return sums


def input_grad(x_hat_grad, x_hat, s, B, summed):
    grad = np.zeros(x_hat.shape)
    for b in range(len(x_hat)):
        for f in range(len(s)):
            grad[b, f] = (x_hat_grad[b, f] - summed[f, 0] / B - x_hat[b, f] * summed[f, 1] / B) / s[f]
    return grad


# %% right: zeros in place of nan, einsum
def whole_statistics(n, mean, var):
    mean, var = np.nan_to_num(mean), np.nan_to_num(var)
    share = n / n.sum()
    center = share @ mean
    return center, share @ (var + np.square(mean - center))


def to_sum(x_hat_grad, x_hat):
    return np.array([np.einsum("bf->f", x_hat_grad), np.einsum("bf,bf->f", x_hat_grad, x_hat)])


def input_grad(x_hat_grad, x_hat, s, B, summed):
    mean_grad, mean_product = summed / B
    return np.einsum("bf,f->bf", x_hat_grad - mean_grad - x_hat * mean_product, 1 / s)
