# %% wrong: nothing returned
# The step is computed and not returned: a return statement is missing.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    return None


# %% wrong: not centred
# The step divides by the size of the gradients, as plain RMSprop does; the square of the mean is to be subtracted under the root.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(v) + eps), v, m


# %% wrong: no root
# The step divides by the variance; it divides by its root.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.maximum(v - m**2, 0) + eps), v, m


# %% wrong: m not squared
# m is subtracted from v; its square is, for v is made of squares.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(np.maximum(v - m, 0)) + eps), v, m


# %% wrong: root before the difference
# The root is taken of v alone and m subtracted from it; the difference v − m² stands under the root.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(v) - m + eps), v, m


# %% wrong: negative under the root
# A variance that rounding made negative goes into the root, and NaN comes out; take 0 there.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(v - m**2) + eps), v, m


# %% wrong: eps inside the root
# ε is added inside the root; here it is added to the root.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / np.sqrt(np.maximum(v - m**2, 0) + eps), v, m


# %% wrong: the old averages
# The step divides by the spread of the old averages; they take in the new gradient first.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    moved = theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps)
    return moved, alpha * v + (1 - alpha) * g**2, alpha * m + (1 - alpha) * g


# %% wrong: the old mean
# The old mean is subtracted; both averages take in the new gradient before they are used.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, alpha * m + (1 - alpha) * g


# %% wrong: a step of the mean
# The mean m is the direction of the step; the gradient itself is, and m serves the spread alone.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * m / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: a centred direction
# The mean is subtracted from the gradient in the direction of the step, too; only the scale is centred.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * (g - m) / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: weights exchanged
# The weights of old and new are exchanged: the old average has α, the new value 1 − α.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = (1 - alpha) * v + alpha * g**2
    m = (1 - alpha) * m + alpha * g
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: sums
# The new values enter whole, as in Adagrad; in an average they have the weight 1 − α.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v, m = alpha * v + g**2, alpha * m + g
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: uphill
# θ moves along the gradient, uphill; the step is subtracted.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta + lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: absolute value
# The absolute value is taken of a variance that rounding made negative; 0 is asked for.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(np.abs(v - m**2)) + eps), v, m


# %% wrong: the old v
# The old v is used under the root; both averages take in the new gradient before they are used.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    m = alpha * m + (1 - alpha) * g
    moved = theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps)
    return moved, alpha * v + (1 - alpha) * g**2, m


# %% wrong: v and m exchanged
# v and m come back in the other order; (theta, v, m) is asked for.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), m, v


# %% wrong: squares around the mean
# v averages the squares of g − m; it averages those of g, and m² is subtracted under the root.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * (g - m) ** 2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: m a sum
# The gradient enters m whole; in an average it has the weight 1 − α.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + g
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% wrong: square of the difference
# The difference v − m is squared; m is squared, and its square subtracted from v.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt((v - m) ** 2) + eps), v, m


# %% wrong: another default
# The default of alpha is not PyTorch's.
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.9, eps=1e-8):
    v = alpha * v + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g
    return theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps), v, m


# %% right: loops
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    theta, v, m = (np.array(part, float) for part in (theta, v, m))
    for at in np.ndindex(theta.shape):
        v[at] = alpha * v[at] + (1 - alpha) * g[at] ** 2
        m[at] = alpha * m[at] + (1 - alpha) * g[at]
        theta[at] -= lr * g[at] / (math.sqrt(max(v[at] - m[at] ** 2, 0.0)) + eps)
    return theta, v, m


# %% right: towards the new value
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v, m = v + (1 - alpha) * (g * g - v), m + (1 - alpha) * (g - m)
    variance = v - m * m
    variance = np.where(variance < 0, 0, variance)
    return theta - g * (lr / (variance**0.5 + eps)), v, m


# %% right: clipped, in a list
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v, m = (np.average([old, new], axis=0, weights=[alpha, 1 - alpha]) for old, new in ((v, np.square(g)), (m, g)))
    spread = np.sqrt(np.clip(v - np.square(m), 0, None))
    return [np.subtract(theta, np.divide(np.multiply(lr, g), np.add(spread, eps))), v, m]


# %% right: a mask
def rmsprop_step(theta, g, v, m, lr=0.01, alpha=0.99, eps=1e-8):
    v, m = v.copy(), m.copy()
    v *= alpha
    v += (1 - alpha) * g * g
    m *= alpha
    m += (1 - alpha) * g
    d = v - m * m
    d[d < 0] = 0
    return theta - lr * g / (np.sqrt(d) + eps), v.tolist(), m.tolist()
