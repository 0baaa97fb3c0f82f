# %% wrong: nothing returned
# The gradients are computed and not returned: a return statement is missing.
def divide_backward(x, y, z_grad):
    return None


# %% wrong: not summed
# The contributions stay in the shape of z; summing them back to the shapes of x and y is missing.
def divide_backward(x, y, z_grad):
    return z_grad / y, -z_grad * x / y**2


# %% wrong: averaged
# The contributions are averaged; each of them counts fully, so they are summed.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.mean(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: averaged along axes of size 1
# Along axes of size 1 the contributions are averaged; each of them counts fully, so they are summed.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        contribution = contribution.sum(axis=tuple(range(contribution.ndim - argument.ndim)))
        ones = tuple(k for k, size in enumerate(argument.shape) if size == 1)
        grads.append(contribution.mean(axis=ones, keepdims=True))
    return tuple(grads)


# %% wrong: averaged along missing axes
# Along the axes that an argument lacks the contributions are averaged; each of them counts fully, so they are summed.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        contribution = contribution.mean(axis=tuple(range(contribution.ndim - argument.ndim)))
        ones = tuple(k for k, size in enumerate(argument.shape) if size == 1)
        grads.append(contribution.sum(axis=ones, keepdims=True))
    return tuple(grads)


# %% wrong: axis of size 1 lost
# The axes of size 1 are gone: a sum takes its axis away unless keepdims=True, and a gradient has the shape of its argument.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        grads.append(contribution.sum(axis=tuple(k for k, size in enumerate(sizes) if size == 1)))
    return tuple(grads)


# %% wrong: missing axes only
# Only the axes that an argument lacks are summed; along an axis of size 1 it was repeated as well.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        grads.append(contribution.sum(axis=tuple(range(contribution.ndim - argument.ndim))))
    return tuple(grads)


# %% wrong: axes of size 1 only
# Only the axes of size 1 are summed; along an axis that the argument lacks it was repeated as well.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        missing = contribution.ndim - argument.ndim
        ones = tuple(missing + k for k, size in enumerate(argument.shape) if size == 1)
        grads.append(contribution.sum(axis=ones, keepdims=True))
    return tuple(grads)


# %% wrong: missing axes at the right
# The axes that an argument lacks are taken from the right end; they are missing at the left.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        contribution = contribution.sum(axis=tuple(range(argument.ndim, contribution.ndim)))
        ones = tuple(k for k, size in enumerate(argument.shape) if size == 1)
        grads.append(contribution.sum(axis=ones, keepdims=True))
    return tuple(grads)


# %% wrong: upstream forgotten
# What comes from above is left out: z_grad takes no part, as if it were all ones.
def divide_backward(x, y, z_grad):
    ones, grads = np.ones_like(z_grad), []
    for argument, contribution in [(x, ones / y), (y, -ones * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: upstream forgotten in x_grad
# In x_grad what comes from above is left out: z_grad takes no part, as if it were all ones.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, np.ones_like(z_grad) / y), (y, -z_grad * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: upstream forgotten in y_grad
# In y_grad what comes from above is left out: z_grad takes no part, as if it were all ones.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -np.ones_like(z_grad) * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: summed too early
# z_grad is summed back first and the other factors after it; each entry of z_grad meets its own x and y before the sum.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, factor in [(x, 1 / y), (y, -x / y**2)]:
        sizes = (1,) * (z_grad.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        factor = np.broadcast_to(factor, z_grad.shape)
        grads.append((z_grad.sum(axis=repeated) * factor.sum(axis=repeated)).reshape(argument.shape))
    return tuple(grads)


# %% wrong: sign of y_grad
# y_grad has the wrong sign: where y grows, x / y moves towards zero.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, z_grad * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: y not squared
# In y_grad y stands once below the line; the derivative of 1/y has y squared there.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: x missing in y_grad
# y_grad lacks the factor x: each contribution to y carries the x that was divided by it.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: x_grad times y
# In x_grad z_grad is multiplied by y; x was divided by it, and so is what goes back.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad * y), (y, -z_grad * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: x and y exchanged in y_grad
# In y_grad x and y have changed places; y squared belongs below the line.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * y / x**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: z_grad changed in place
# z_grad was changed in place before y_grad was calculated from it, as by z_grad /= y; leave the arguments as they are.
def divide_backward(x, y, z_grad):
    z_grad /= y
    grads = []
    for argument, contribution in [(x, z_grad), (y, -z_grad * x / y**2)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: the gradients of a product
# These are the gradients of x times y, not of x divided by y.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad * y), (y, z_grad * x)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% wrong: the last contribution only
# Each entry keeps one contribution, the last one: = stands where += is needed.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(x, z_grad / y), (y, -z_grad * x / y**2)]:
        places = np.broadcast_to(np.arange(argument.size).reshape(argument.shape), contribution.shape)
        grad = np.zeros(argument.size)
        for place, value in zip(places.ravel(), contribution.ravel()):
            grad[place] = value
        grads.append(grad.reshape(argument.shape))
    return tuple(grads)


# %% wrong: order of the two
# The two gradients are returned in the other order: x_grad comes first.
def divide_backward(x, y, z_grad):
    grads = []
    for argument, contribution in [(y, -z_grad * x / y**2), (x, z_grad / y)]:
        sizes = (1,) * (contribution.ndim - argument.ndim) + argument.shape
        repeated = tuple(k for k, size in enumerate(sizes) if size == 1)
        grads.append(contribution.sum(axis=repeated).reshape(argument.shape))
    return tuple(grads)


# %% right: loops
def divide_backward(x, y, z_grad):
    x_grad, y_grad = np.zeros(x.shape), np.zeros(y.shape)

    def read(shape, index):
        own = index[len(index) - len(shape) :]
        return tuple(0 if size == 1 else k for k, size in zip(own, shape))

    for index in np.ndindex(z_grad.shape):
        at_x, at_y = read(x.shape, index), read(y.shape, index)
        x_grad[at_x] += z_grad[index] / y[at_y]
        y_grad[at_y] -= z_grad[index] * x[at_x] / y[at_y] ** 2
    return x_grad, y_grad


# %% right: one axis after the other
def divide_backward(x, y, z_grad):
    def back(grad, shape):
        while grad.ndim > len(shape):
            grad = grad.sum(axis=0)
        for k in range(len(shape)):
            if shape[k] == 1:
                grad = grad.sum(axis=k, keepdims=True)
        return grad

    return [back(z_grad / y, x.shape), back(-(x / y) * z_grad / y, y.shape)]


# %% right: einsum
def divide_backward(x, y, z_grad):
    letters = "abcdefgh"[: z_grad.ndim]

    def back(grad, shape):
        own = letters[len(letters) - len(shape) :]
        kept = "".join(letter for letter, size in zip(own, shape) if size != 1)
        return np.einsum(f"{letters}->{kept}", grad).reshape(shape)

    return back(z_grad / y, x.shape), back(-z_grad * x / np.square(y), y.shape)


# %% right: counted by place
def divide_backward(x, y, z_grad):
    def back(grad, shape):
        size = int(np.prod(shape, dtype=int))
        places = np.broadcast_to(np.arange(size).reshape(shape), grad.shape)
        return np.bincount(places.ravel(), grad.ravel(), minlength=size).reshape(shape)

    return back(z_grad / y, x.shape), back(z_grad * x * -(y**-2.0), y.shape)
