# %% wrong: nothing returned
# The results are computed and not returned: a return statement is missing.
def chain_grads(x, w, h_grad):
    return None


def lost_layers(w, activation, smallest):
    return None


# %% wrong: slope at the input
# keeps: chain-bound-test
# The slope is taken at the value that enters a layer; in y (1 - y) stands the value y that leaves it.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k] * (1 - h[k])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: own weight in w_grad
# keeps: chain-bound-test
# The derivative of w_l holds w_l itself as a factor; in w_l h the weight's partner is h.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1]) * w[k]
        w_grad[k] = grad * h[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: upstream forgotten
# keeps: chain-bound-test
# What comes from above is left out: h_grad takes no part, as if it were 1.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = 1.0, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: h of the layer above
# keeps: chain-bound-test
# The derivative of w_l takes the value that leaves layer l; the one that w_l multiplies enters it.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k + 1]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: own slope missing in w_grad
# keeps: chain-bound-test
# The derivative of w_l lacks the slope of its own layer: w_l lies inside that layer's sigmoid.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        w_grad[k] = grad * h[k]
        grad = grad * h[k + 1] * (1 - h[k + 1]) * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: slopes only
# keeps: chain-bound-test
# The product holds the slopes only; each layer's factor has two parts, its slope and its weight.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: slopes missing
# keeps: chain-bound-test
# The slopes of the sigmoids are missing; each layer's factor has two parts, its slope and its weight.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: slope at h
# keeps: chain-bound-test
# The slope is computed at h; it belongs to z, and there it is h (1 - h) without another sigmoid.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        y = 1 / (1 + np.exp(-h[k + 1]))
        grad = grad * y * (1 - y)
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: w_1 missing in x_grad
# keeps: chain-bound-test
# x_grad lacks the weight of layer 1: x comes in through w_1.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k] if k else grad
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: infinite by infinite
# keeps: chain-bound-test
# e^z / (1 + e^z) is infinite divided by infinite from z = 710 on; 1 / (1 + e^-z) is a number for every z.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(np.exp(weight * h[-1]) / (1 + np.exp(weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: z cut off
# keeps: chain-bound-test
# z is cut off, at 10 or 20 say; the slope is smaller beyond that, and 1 / (1 + e^-z) needs no such cut.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-np.clip(weight * h[-1], -10, 10))))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: order of the backward pass
# keeps: chain-bound-test
# w_grad begins with the last layer, in the order of the backward pass; w_grad[0] belongs to layer 1.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, []
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad.append(grad * h[k])
        grad = grad * w[k]
    return grad, np.array(w_grad)


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: slope of tanh
# keeps: chain-bound-test
# The slope is that of tanh, 1 - y^2; the units are sigmoids.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * (1 - h[k + 1] ** 2)
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: signs of the weights
# keeps: chain-grads-test
# The bounds carry the signs of the weights; a bound on a size takes the size of each factor.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * w[:0:-1])]) < smallest))


# %% wrong: counted from the input
# keeps: chain-grads-test
# The products begin at the input; between layer l and the loss stand the layers above l.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:-1]))]) < smallest))


# %% wrong: own layer in the bound
# keeps: chain-grads-test
# The bound of layer l holds the factor of layer l itself; between h_l and h_L stand only the layers above.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod(steepest * np.abs(w[::-1])) < smallest))


# %% wrong: tanh like the sigmoid
# keeps: chain-grads-test
# tanh gets the largest slope of the sigmoid; its own is 1, at 0.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    return int(np.sum(np.cumprod([1.0, *(np.abs(w[:0:-1]) / 4)]) < smallest))


# %% wrong: at most
# keeps: chain-grads-test
# A bound that equals the smallest number is counted as lost; lost are those below it.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) <= smallest))


# %% wrong: single factors
# keeps: chain-grads-test
# The factors of single layers are compared; the bound is the product of the factors of all layers above.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(steepest * np.abs(w) < smallest))


# %% wrong: everything below the first
# keeps: chain-grads-test
# All layers below the first lost one are counted; large weights further down can bring a bound up again.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    bounds = np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))])
    return int(np.sum(np.minimum.accumulate(bounds) < smallest))


# %% wrong: no slope in the bound
# keeps: chain-grads-test
# The bound lacks the largest slopes: that of a sigmoid is 1/4.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = 1.0
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% wrong: no weights in the bound
# keeps: chain-grads-test
# The bound lacks the weights: each layer above gives its largest slope times the size of its weight.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.ones(len(w) - 1))]) < smallest))


# %% wrong: largest slope once
# keeps: chain-grads-test
# The largest slope is counted once for each bound; each layer above brings its own, and layer L has none above it.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(steepest * np.cumprod([1.0, *np.abs(w[:0:-1])]) < smallest))


# %% wrong: layer L not counted
# keeps: chain-grads-test
# Layer L is not counted; its bound is the empty product, 1, and it is lost where `smallest` is above 1.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod(steepest * np.abs(w[:0:-1])) < smallest))


# %% wrong: counting stops
# keeps: chain-grads-test
# From layer 1 up, counting stops at the first layer that keeps a gradient; layers above it can be lost as well.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    lost = np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))])[::-1] < smallest
    return int(np.sum(np.cumprod(lost)))


# %% wrong: layers that are kept
# keeps: chain-grads-test
# The layers that keep a gradient are counted; asked for are those with a bound below the smallest number.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return int(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) >= smallest))


# %% wrong: a float
# keeps: chain-grads-test
# The count is right, but it is a float; a whole number is asked for.
def chain_grads(x, w, h_grad):
    h = [x]
    for weight in w:
        h.append(1 / (1 + np.exp(-weight * h[-1])))
    grad, w_grad = h_grad, np.zeros(len(w))
    for k in reversed(range(len(w))):
        grad = grad * h[k + 1] * (1 - h[k + 1])
        w_grad[k] = grad * h[k]
        grad = grad * w[k]
    return grad, w_grad


def lost_layers(w, activation, smallest):
    steepest = {"sigmoid": 0.25, "tanh": 1.0}[activation]
    return float(np.sum(np.cumprod([1.0, *(steepest * np.abs(w[:0:-1]))]) < smallest))


# %% right: by recursion
def chain_grads(x, w, h_grad):
    if len(w) == 0:
        return h_grad, []
    y = 1 / (1 + math.exp(-w[0] * x))
    above, rest = chain_grads(y, w[1:], h_grad)
    return above * y * (1 - y) * w[0], [above * y * (1 - y) * x, *rest]


def lost_layers(w, activation, smallest):
    lost, bound = 0, 1.0
    for weight in reversed(list(w)):
        if bound < smallest:
            lost += 1
        bound *= abs(weight) / 4 if activation == "sigmoid" else abs(weight)
    return lost


# %% right: products of slices
def chain_grads(x, w, h_grad):
    values = [x]
    for weight in w:
        values.append(1 / (1 + np.exp(-weight * values[-1])))
    before, after = np.array(values[:-1]), np.array(values[1:])
    slopes = after - after**2
    own = [np.prod(w[k + 1 :] * slopes[k + 1 :]) * slopes[k] * before[k] for k in range(len(w))]
    return h_grad * np.prod(w * slopes), h_grad * np.array(own)


def lost_layers(w, activation, smallest):
    factors = np.abs(w) * (0.25 if activation == "sigmoid" else 1)
    return sum(bool(np.prod(factors[k + 1 :][::-1]) < smallest) for k in range(len(w)))


# %% right: forward derivatives
def chain_grads(x, w, h_grad):
    value, from_x, from_w = x, 1.0, np.zeros(len(w))
    for k, weight in enumerate(w):
        slopes = np.append(from_w * weight, from_x * weight)
        slopes[k] = value
        value = 1 / (1 + np.exp(-weight * value))
        slopes = slopes * value * (1 - value)
        from_w, from_x = slopes[:-1], slopes[-1]
    return h_grad * from_x, h_grad * from_w


def lost_layers(w, activation, smallest):
    bounds = [1.0]
    for weight in w[:0:-1]:
        bounds.insert(0, bounds[0] * (abs(weight) if activation == "tanh" else 0.25 * abs(weight)))
    return len([bound for bound in bounds if bound < smallest])
