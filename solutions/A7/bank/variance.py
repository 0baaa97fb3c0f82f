# %% wrong: nothing returned
# The results are computed and not returned: a return statement is missing.
def forward_variances(widths, weight_vars, kept, x_square):
    return None


def backward_squares(widths, weight_vars, passed, top_square):
    return None


# %% wrong: outputs counted forward
# keeps: variance-backward-test
# Forward, the number of outputs is counted; one output is a sum over the inputs.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[1:]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: inputs counted backward
# keeps: variance-forward-test
# Backward, the number of inputs is counted; the gradient of one input is a sum over the outputs.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[:-1]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: variances squared
# The variances of the weights are squared, as if they were standard deviations.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars**2 * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars**2 * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: activation one layer early
# keeps: variance-backward-test
# The activations stand one layer too early: the input of layer 1 is x itself, and the first activation acts on y_1.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(kept, 1.0))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: no activation
# The activations are left out: between two layers, E[h^2] is not Var(y).
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars)


def backward_squares(widths, weight_vars, passed, top_square):
    return top_square * np.cumprod((np.array(widths[1:]) * weight_vars)[::-1])[::-1]


# %% wrong: each layer by itself
# Each layer starts from x_square or top_square again; it receives what the layer before it hands on.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.array(widths[:-1]) * weight_vars * np.append(1.0, kept)


def backward_squares(widths, weight_vars, passed, top_square):
    return top_square * np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)


# %% wrong: order from the top
# keeps: variance-forward-test
# The gradients are listed from the top layer down; the first entry belongs to x.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])


# %% wrong: slope at the scores
# keeps: variance-forward-test
# A slope is counted between the loss and the last layer; the scores y_L go into the loss as they are.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(1.0, passed)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: accumulated from the input
# keeps: variance-forward-test
# The backward product begins at the input; a gradient comes down from the loss.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors)


# %% wrong: roots
# The roots are returned, RMS values; variances and mean squares are asked for.
def forward_variances(widths, weight_vars, kept, x_square):
    return np.sqrt(x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept)))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return np.sqrt(top_square * np.cumprod(factors[::-1])[::-1])


# %% wrong: gradient of y
# keeps: variance-forward-test
# What is returned is the mean square of the gradient of each y; asked for is that of the input of each layer.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    down = top_square * np.cumprod(factors[::-1])[::-1]
    return np.append(down[1:] * passed, top_square)


# %% right: loops
def forward_variances(widths, weight_vars, kept, x_square):
    found, square = [], x_square
    for l in range(len(weight_vars)):
        found.append(widths[l] * weight_vars[l] * square)
        square = found[-1] * kept[l] if l < len(kept) else None
    return np.array(found)


def backward_squares(widths, weight_vars, passed, top_square):
    found, square = [], top_square
    for l in range(len(weight_vars) - 1, -1, -1):
        found.insert(0, widths[l + 1] * weight_vars[l] * square)
        square = found[0] * passed[l - 1] if l else None
    return np.array(found)


# %% right: lists
def forward_variances(widths, weight_vars, kept, x_square):
    found = [x_square * widths[0] * weight_vars[0]]
    for n, v, k in zip(widths[1:-1], weight_vars[1:], kept):
        found.append(found[-1] * k * n * v)
    return found


def backward_squares(widths, weight_vars, passed, top_square):
    found = [top_square * widths[-1] * weight_vars[-1]]
    for n, v, p in zip(widths[-2:0:-1], weight_vars[-2::-1], passed[::-1]):
        found += [found[-1] * p * n * v]
    return found[::-1]


# %% right: sums of logarithms
def forward_variances(widths, weight_vars, kept, x_square):
    logs = np.log(widths[:-1]) + np.log(weight_vars)
    logs[1:] += np.log(kept)
    return np.array([x_square * np.exp(logs[: l + 1].sum()) for l in range(len(logs))])


def backward_squares(widths, weight_vars, passed, top_square):
    logs = np.log(widths[1:]) + np.log(weight_vars)
    logs[:-1] += np.log(passed)
    return np.array([top_square * np.exp(logs[l:].sum()) for l in range(len(logs))])


# %% right: recursion
def forward_variances(widths, weight_vars, kept, x_square):
    first = widths[0] * weight_vars[0] * x_square
    if len(weight_vars) == 1:
        return np.array([first])
    return np.concatenate([[first], forward_variances(widths[1:], weight_vars[1:], kept[1:], kept[0] * first)])


def backward_squares(widths, weight_vars, passed, top_square):
    last = widths[-1] * weight_vars[-1] * top_square
    if len(weight_vars) == 1:
        return np.array([last])
    return np.concatenate([backward_squares(widths[:-1], weight_vars[:-1], passed[:-1], passed[-1] * last), [last]])
