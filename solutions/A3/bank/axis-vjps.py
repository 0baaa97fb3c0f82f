# %% wrong: nothing returned
# Nothing is returned: the return statements are missing.
def sum_vjp(g, shape, axis):
    return None


def max_vjp(g, x, axis):
    return None


# %% wrong: zeros
# Every entry is zero: the result is never filled.
def sum_vjp(g, shape, axis):
    return np.zeros(shape)


def max_vjp(g, x, axis):
    return np.zeros(x.shape)


# %% wrong: gradient of the mean
# keeps: max-vjp-test, max-ties-test
# The gradient is divided by the length of the axis, as for a mean; each term of a sum gets all of g.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape) / shape[axis]


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: along the wrong axis
# keeps: max-vjp-test, max-ties-test
# g is stretched as NumPy does it without being told, from the front; put the summed axis back first, where it was.
def sum_vjp(g, shape, axis):
    return g * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: upstream forgotten in the sum
# keeps: max-vjp-test, max-ties-test
# The gradient of the sum is all ones: what comes from above, g, is left out.
def sum_vjp(g, shape, axis):
    return np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: not stretched
# keeps: max-vjp-test, max-ties-test
# The axis is put back with length 1 and not stretched: the gradient needs the shape of x.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: the first winner takes all
# keeps: sum-vjp-test, max-vjp-test
# The first of several equal maxima gets the whole gradient, as argmax has it; here they share it.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    first = np.expand_dims(x.argmax(axis=axis), axis)
    found = np.zeros(x.shape)
    np.put_along_axis(found, first, np.expand_dims(g, axis), axis)
    return found


# %% wrong: every winner gets all
# keeps: sum-vjp-test, max-vjp-test
# Each of several equal maxima gets the whole gradient, so more is handed out than came in; they share it.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    return np.expand_dims(g, axis) * (x == x.max(axis=axis, keepdims=True))


# %% wrong: shared among all slices
# keeps: sum-vjp-test
# The gradient is divided by the number of winners in the whole array; each slice shares its own.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum()


# %% wrong: maximum of everything
# keeps: sum-vjp-test
# Entries are compared with the maximum of the whole array; each slice along the axis has its own.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max()
    return np.expand_dims(g, axis) * winners / np.maximum(winners.sum(axis=axis, keepdims=True), 1)


# %% wrong: divided by the length
# keeps: sum-vjp-test
# The winners' gradient is divided by the length of the axis; it is shared among the winners alone.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / x.shape[axis]


# %% wrong: upstream forgotten in the maximum
# keeps: sum-vjp-test
# The gradient of the maximum is a mask: what comes from above, g, is left out.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: times the value
# keeps: sum-vjp-test
# The winners get g times the maximum; the slope at a winner is 1, whatever its value.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * x * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: whole numbers
# keeps: sum-vjp-test
# The gradient is written into an array made like x, which holds whole numbers: what comes after the point is lost.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    found = np.zeros_like(x)
    found[...] = np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)
    return found


# %% wrong: minimum
# keeps: sum-vjp-test
# The smallest entries get the gradient in place of the largest.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    winners = x == x.min(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: whole numbers in the sum
# keeps: max-vjp-test, max-ties-test
# The gradient is written into an array of whole numbers: what comes after the point is lost.
def sum_vjp(g, shape, axis):
    found = np.zeros(shape, dtype=int)
    found[...] = np.expand_dims(g, axis)
    return found


def max_vjp(g, x, axis):
    winners = x == x.max(axis=axis, keepdims=True)
    return np.expand_dims(g, axis) * winners / winners.sum(axis=axis, keepdims=True)


# %% wrong: the last winner takes all
# keeps: sum-vjp-test, max-vjp-test
# The last of several equal maxima gets the whole gradient; here they share it.
def sum_vjp(g, shape, axis):
    return np.expand_dims(g, axis) * np.ones(shape)


def max_vjp(g, x, axis):
    last = x.shape[axis] - 1 - np.flip(x, axis).argmax(axis=axis)
    found = np.zeros(x.shape)
    np.put_along_axis(found, np.expand_dims(last, axis), np.expand_dims(g, axis), axis)
    return found


# %% right: slice by slice
def sum_vjp(g, shape, axis):
    found = np.zeros(shape)
    lines = np.moveaxis(found, axis, -1)
    for at in np.ndindex(*lines.shape[:-1]):
        lines[at] = g[at]
    return found


def max_vjp(g, x, axis):
    found = np.zeros(x.shape)
    lines, values = np.moveaxis(found, axis, -1), np.moveaxis(x, axis, -1)
    for at in np.ndindex(*values.shape[:-1]):
        top = max(values[at])
        number = sum(1 for v in values[at] if v == top)
        for k, v in enumerate(values[at]):
            if v == top:
                lines[at + (k,)] = g[at] / number
    return found


# %% right: repeat and where
def sum_vjp(g, shape, axis):
    return np.repeat(np.expand_dims(g, axis), shape[axis], axis=axis)


def max_vjp(g, x, axis):
    top = np.max(x, axis, keepdims=True)
    count = np.count_nonzero(x == top, axis=axis)
    return np.where(x == top, np.expand_dims(g / count, axis), 0.0)


# %% right: stacked copies
def sum_vjp(g, shape, axis):
    return np.stack([g] * shape[axis], axis=axis)


def max_vjp(g, x, axis):
    mask = np.equal(x, np.expand_dims(np.amax(x, axis=axis), axis)).astype(float)
    return sum_vjp(g / mask.sum(axis), x.shape, axis) * mask


# %% right: a view, and a shape with a 1
def sum_vjp(g, shape, axis):
    return np.broadcast_to(np.expand_dims(g, axis), shape)


def max_vjp(g, x, axis):
    size = list(x.shape)
    size[axis] = 1
    top, above = x.max(axis=axis).reshape(size), np.asarray(g).reshape(size)
    return above * (x >= top) / np.sum(x >= top, axis=axis).reshape(size)
