# %% wrong: nothing returned
# Nothing is returned: the return statements are missing.
def sigmoid(x):
    return None


def sigmoid_backward(h, h_grad):
    return None


# %% wrong: zeros
# Every entry is zero: the result is never filled.
def sigmoid(x):
    return np.zeros_like(x)


def sigmoid_backward(h, h_grad):
    return np.zeros_like(h)


# %% wrong: input unchanged
# The argument comes back unchanged.
def sigmoid(x):
    return x


def sigmoid_backward(h, h_grad):
    return h_grad


# %% wrong: sign of the exponent
# The exponent has the wrong sign: this falls where the sigmoid rises.
def sigmoid(x):
    return 0.5 * (1.0 - np.tanh(0.5 * x))


def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)


# %% wrong: not a number far out
# exp(x) / (1 + exp(x)) is infinity over infinity for large x, which is not a number.
def sigmoid(x):
    return np.exp(x) / (1.0 + np.exp(x))


def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)


# %% wrong: upstream forgotten
# The slope alone is returned: what comes from above, h_grad, is forgotten.
def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def sigmoid_backward(h, h_grad):
    return h * (1.0 - h)


# %% wrong: sigmoid taken twice
# h already is the value of the sigmoid; here the sigmoid is applied to it once more.
def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def sigmoid_backward(h, h_grad):
    again = sigmoid(h)
    return h_grad * again * (1.0 - again)


# %% wrong: slope of tanh
# 1 - h^2 is the slope of tanh, not of the sigmoid.
def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def sigmoid_backward(h, h_grad):
    return h_grad * (1.0 - h * h)


# %% wrong: half the argument forgotten
# tanh is taken of x; it has to be taken of half of x.
def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(x))


def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)


# %% wrong: denominator without brackets
# 1 / 1 + exp(-x) divides 1 by 1 first; the denominator needs brackets.
def sigmoid(x):
    return 1.0 + np.exp(-x)


def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)


# %% wrong: tanh not shifted
# tanh(x / 2) runs from -1 to 1; the sigmoid runs from 0 to 1.
def sigmoid(x):
    return np.tanh(0.5 * x)


def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)


# %% wrong: half of the slope
# A factor of the slope is missing: 1 - h is 0.5, not 0.25, where h is 0.5.
def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def sigmoid_backward(h, h_grad):
    return h_grad * (1.0 - h)


# %% right: as printed in S0
def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)


# %% right: by the sign of the argument
def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0 / (1.0 + e), e / (1.0 + e))


def sigmoid_backward(h, h_grad):
    return h_grad * (h - h**2)


# %% right: entry by entry
def sigmoid(x):
    import math

    values = [1.0 / (1.0 + math.exp(-v)) if v > -700 else 0.0 for v in x.ravel()]
    return np.array(values).reshape(x.shape)


def sigmoid_backward(h, h_grad):
    result = np.empty_like(h)
    for at in np.ndindex(h.shape):
        result[at] = h_grad[at] * h[at] * (1.0 - h[at])
    return result
