# %% wrong: nothing returned
# The arrays are computed and not returned: a return statement is missing.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return None


def update(w, summed, lr):
    return None


# %% wrong: average of averages
# keeps: data-equal-test
# Each rank sends the mean over its own shard and the means are averaged, so an instance of a short shard counts for
# more than one of a long shard.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) / max(len(y), 1) + decay * w
    return np.append(total, 1)


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: ranks without instances not counted
# keeps: data-equal-test
# Each rank with instances sends the mean over its own shard, and these means are averaged; weights by the length of
# the shard are missing.
def contribution(w, x, y, decay):
    if len(y) == 0:
        return np.zeros(len(w) + 1)
    return np.append(x.T @ (x @ w - y) / len(y) + decay * w, 1)


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: divided by the ranks
# The sum is divided by the number of ranks; it has to be divided by the number of instances.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, 1)


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: not divided
# The gradients are summed and not divided by B; the loss is a mean over the whole batch.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1]


# %% wrong: means summed
# Each rank divides by the length of its own shard, and these means are summed.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) / max(len(y), 1) + decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1]


# %% wrong: divided twice
# The gradient is divided by the length of the shard, and by B once more.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) / max(len(y), 1) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: penalty once for each rank
# Each rank adds the penalty's gradient once to a sum that is divided by B afterwards, so the penalty counts N/B
# times.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: penalty missing
# The gradient of the penalty is missing.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y)
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: penalty twice as large
# The penalty's gradient is twice as large as it should be: the factor 1/2 cancels the 2 of the square.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + 2 * len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: penalty with the other sign
# The penalty's gradient has the wrong sign: this step makes weights larger.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) - len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: errors twice as large
# The errors' gradient is twice as large as it should be: the factor 1/2 cancels the 2 of the square.
def contribution(w, x, y, decay):
    total = 2 * x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: uphill
# The step goes up the gradient; the sign of lr times the gradient is wrong.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w + lr * summed[:-1] / summed[-1]


# %% wrong: error with the other sign
# The error is taken as y minus the prediction, so the errors' gradient has the wrong sign.
def contribution(w, x, y, decay):
    total = x.T @ (y - x @ w) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: gradient instead of weights
# The gradient is returned; the weights after the step are asked for.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return summed[:-1] / summed[-1]


# %% wrong: targets forgotten
# The targets take no part: the gradient of the predictions is sent.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: average of averages, nan
# keeps: data-equal-test
# Each rank sends the mean over its own shard, which for an empty shard is 0/0, nan; and an average of such means
# counts the instances of short shards for more.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) / len(y) + decay * w
    return np.append(total, 1)


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: nan from empty shards
# keeps: data-equal-test
# An empty shard has no mean: 0/0 is nan, and 0 times nan is nan.
def contribution(w, x, y, decay):
    total = len(y) * (x.T @ (x @ w - y) / len(y) + decay * w)
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: penalty half as large
# The penalty's gradient is half as large as it should be: the factor 1/2 cancels the 2 of the square.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay / 2 * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: an empty rank counted
# keeps: data-equal-test
# An empty rank adds 1 to B; it holds no instance.
def contribution(w, x, y, decay):
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, max(len(y), 1))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% wrong: shorter array from empty ranks
# keeps: data-equal-test
# An empty rank sends fewer numbers than the others; it has to send as many, all 0.
def contribution(w, x, y, decay):
    if len(y) == 0:
        return np.zeros(len(w))
    total = x.T @ (x @ w - y) + len(y) * decay * w
    return np.append(total, len(y))


def update(w, summed, lr):
    return w - lr * summed[:-1] / summed[-1]


# %% right: loops
def contribution(w, x, y, decay):
    sent = [0.0] * (len(w) + 1)
    for row, target in zip(x, y):
        error = -target
        for k in range(len(w)):
            error += row[k] * w[k]
        for k in range(len(w)):
            sent[k] += error * row[k] + decay * w[k]
        sent[len(w)] += 1
    return sent


def update(w, summed, lr):
    return np.array([w[k] - lr * summed[k] / summed[len(w)] for k in range(len(w))])


# %% right: count first
def contribution(w, x, y, decay):
    n = x.shape[0]
    error = np.einsum("bi,i->b", x, w) - y
    return np.concatenate([[n], np.einsum("bi,b->i", x, error) + n * decay * w])


def update(w, summed, lr):
    n, *grad = summed
    return w - lr / n * np.array(grad)


# %% right: means weighted by length
def contribution(w, x, y, decay):
    n = len(y)
    if n == 0:
        return np.zeros(w.size + 1)
    errors = x @ w - y
    mean = (errors[:, None] * x).mean(axis=0) + decay * w
    return np.hstack([n * mean, n])


def update(w, summed, lr):
    new = w.copy()
    new -= lr * (summed / summed[-1])[:-1]
    return new


# %% right: normal equations
def contribution(w, x, y, decay):
    A = x.T @ x + decay * len(x) * np.eye(len(w))
    return np.r_[A @ w - x.T @ y, len(x)]


def update(w, summed, lr):
    return (1 * w * summed[-1] - lr * summed[:-1]) / summed[-1]
