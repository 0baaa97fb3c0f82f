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
# Each kept comes one layer too early: either E[h_l^2] is returned for Var(y_l), or an activation is counted in front of layer 1.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(kept, 1.0))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: kept in another order
# keeps: variance-backward-test
# The entries of kept go to other layers: kept[0] belongs to the activation behind layer 1.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, np.roll(kept, 1)))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: no activation forward
# keeps: variance-backward-test
# kept is left out: between two layers, E[h^2] is not Var(y).
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars)


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(passed, 1.0)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: no slope backward
# keeps: variance-forward-test
# passed is left out: on the way from h_l down to y_l, the mean square of the gradient is multiplied by it.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars
    return top_square * np.cumprod(factors[::-1])[::-1]


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
# Each passed comes one layer too early: either the gradient of y_(l-1) is returned for that of h_(l-1), or a slope is counted between the loss and y_L.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(1.0, passed)
    return top_square * np.cumprod(factors[::-1])[::-1]


# %% wrong: passed in another order
# keeps: variance-forward-test
# The entries of passed go to other layers: passed[0] belongs to the activation behind layer 1.
def forward_variances(widths, weight_vars, kept, x_square):
    return x_square * np.cumprod(np.array(widths[:-1]) * weight_vars * np.append(1.0, kept))


def backward_squares(widths, weight_vars, passed, top_square):
    factors = np.array(widths[1:]) * weight_vars * np.append(np.roll(passed, 1), 1.0)
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
