# %% wrong: nothing returned
# The verdict is found and not returned: a return statement is missing.
def gradient_check(f, vjp, x, rng):
    return None


# %% wrong: accepts everything
# Every VJP is accepted.
def gradient_check(f, vjp, x, rng):
    return True


# %% wrong: u of ones
# keeps: gradient-check-edges-test
# u is all ones, so a product with u cannot be told from no product at all.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = np.ones(np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: u of positive entries
# keeps: gradient-check-edges-test
# u has positive entries only, so |u| cannot be told from u; draw entries of both signs.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.random(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: v of ones
# keeps: gradient-check-scales-test, gradient-check-edges-test
# All entries of x are moved together, so right entries at wrong places are not noticed; draw v at random.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), np.ones(x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: absolute tolerance
# keeps: gradient-check-test, gradient-check-edges-test
# The tolerance is a fixed number: it passes everything where gradients are small, and rejects right ones where they are large.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-4:
            return False
    return True


# %% wrong: an absolute tolerance as well
# keeps: gradient-check-test, gradient-check-edges-test
# A small fixed number is added to the tolerance, as allclose does by default, or put under the size that the error is divided by: where gradients are smaller, everything passes.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)) + 1e-6:
            return False
    return True


# %% wrong: tolerance of a percent
# keeps: gradient-check-edges-test
# The tolerance is a percent: an error of 0.1 percent passes. It follows from the error of the difference, which is far smaller.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-2 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: forward difference
# The difference is one-sided, and its error of the order of h is larger than the tolerance: right VJPs are rejected.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x))) / h
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: divided by h
# The central difference is divided by h; the two arguments are 2h apart.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / h
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: step not scaled
# keeps: gradient-check-test, gradient-check-edges-test
# The step does not follow the size of x: for small arguments it is too wide, and right VJPs are rejected.
def gradient_check(f, vjp, x, rng):
    h = 1e-5
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: step too small
# Every VJP is rejected, right ones too: the step is so small that the difference is mostly rounding.
def gradient_check(f, vjp, x, rng):
    h = 1e-12 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: step too large
# The step is so large that the curvature of f enters the difference: right VJPs are rejected.
def gradient_check(f, vjp, x, rng):
    h = 1e-2 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: each entry its own step
# keeps: gradient-check-test, gradient-check-scales-test
# Each entry is moved by a part of its own size, so one that is 0 is not moved at all and its gradient not looked at.
def gradient_check(f, vjp, x, rng):
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), 1e-5 * np.abs(x) * rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + v) - f(x - v))) / 2
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: one entry at random
# One entry of x is moved, chosen at random: a mistake in another entry is not noticed. Move all of them.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    u, v = rng.normal(size=np.shape(f(x))), np.zeros(x.shape)
    v.flat[rng.integers(x.size)] = 1.0
    grad = vjp(u, x)
    if np.shape(grad) != x.shape:
        return False
    slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
    return bool(abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad)))


# %% wrong: shape not looked at
# keeps: gradient-check-test, gradient-check-scales-test
# The shape of the gradient is not looked at: NumPy stretches v to fit a gradient with too many axes, and the sums agree.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: complex step
# The complex step asks for a function that takes complex numbers and has no |x| in it; f takes real numbers only.
def gradient_check(f, vjp, x, rng):
    h = 1e-20 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * np.imag(f(x + 1j * h * v))) / h
        if not abs(np.sum(grad * v) - slope) <= 1e-6 * np.sum(np.abs(grad * v)):
            return False
    return True


# %% wrong: no absolute value
# The error is compared without its absolute value: where it is negative it passes, however large.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
    grad = vjp(u, x)
    if np.shape(grad) != x.shape:
        return False
    slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
    return bool(np.sum(grad * v) - slope <= 1e-6 * np.sum(np.abs(grad * v)))


# %% wrong: zero divided by zero
# keeps: gradient-check-test, gradient-check-scales-test
# Where the gradient is 0, a right VJP is rejected: the error is divided by its size, which is nan, or < stands where <= is needed.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    for _ in range(4):
        u, v = rng.normal(size=np.shape(f(x))), rng.normal(size=x.shape)
        grad = vjp(u, x)
        if np.shape(grad) != x.shape:
            return False
        slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
        if not abs(np.sum(grad * v) - slope) / np.sum(np.abs(grad * v)) <= 1e-6:
            return False
    return True


# %% wrong: zero divided by zero, entry by entry
# keeps: gradient-check-test, gradient-check-scales-test
# The error of each entry is divided by that entry; where both are 0 that is nan, and a right VJP is rejected. Compare with the largest entry.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    u = rng.normal(size=np.shape(f(x)))
    grad, slopes = vjp(u, x), np.zeros(x.shape)
    if np.shape(grad) != x.shape:
        return False
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        slopes[at] = np.sum(u * (f(x + step) - f(x - step))) / (2 * h)
    return bool(np.all(np.abs(grad - slopes) / np.maximum(np.abs(grad), np.abs(slopes)) <= 1e-4))


# %% wrong: each entry its own step, divided
# keeps: gradient-check-test, gradient-check-scales-test
# Each entry is moved by a part of its own size: one that is 0 is not moved, and 0/0 is nan. Take one step for all.
def gradient_check(f, vjp, x, rng):
    u = rng.normal(size=np.shape(f(x)))
    grad, slopes = vjp(u, x), np.zeros(x.shape)
    if np.shape(grad) != x.shape:
        return False
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = 1e-5 * x[at]
        slopes[at] = np.sum(u * (f(x + step) - f(x - step))) / (2 * step[at])
    return bool(np.abs(grad - slopes).max() <= 1e-5 * np.abs(grad).max())


# %% wrong: shape not looked at, entry by entry
# keeps: gradient-check-test, gradient-check-scales-test
# The shape of the gradient is not looked at: NumPy stretches one shape to fit the other, and all entries agree.
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.abs(x).max()
    u = rng.normal(size=np.shape(f(x)))
    grad, slopes = vjp(u, x), np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        slopes[at] = np.sum(u * (f(x + step) - f(x - step))) / (2 * h)
    return bool(np.abs(grad - slopes).max() <= 1e-5 * np.abs(slopes).max())


# %% wrong: step not scaled, isclose
# keeps: gradient-check-test, gradient-check-edges-test
# Neither the step nor isclose's fixed tolerance of 10⁻⁸ follows the size of what is compared.
def gradient_check(f, vjp, x, rng):
    h = 1e-5
    u = rng.normal(size=np.shape(f(x)))
    grad, slopes = vjp(u, x), np.zeros(x.shape)
    if np.shape(grad) != x.shape:
        return False
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        slopes[at] = np.sum(u * (f(x + step) - f(x - step))) / (2 * h)
    return np.allclose(grad, slopes)


# %% right: entry by entry
def gradient_check(f, vjp, x, rng):
    h = 1e-5 * np.max(np.abs(x))
    for _ in range(2):
        u = rng.normal(size=np.shape(f(x)))
        found = np.zeros(x.shape)
        for at in np.ndindex(*x.shape):
            up, down = x.copy(), x.copy()
            up[at] += h
            down[at] -= h
            found[at] = np.sum(u * (f(up) - f(down))) / (2 * h)
        grad = np.asarray(vjp(u, x))
        if grad.shape != x.shape or not np.allclose(grad, found, rtol=1e-6, atol=1e-6 * np.max(np.abs(found))):
            return False
    return True


# %% right: step along v of the size of x
def gradient_check(f, vjp, x, rng):
    verdicts = []
    for _ in range(8):
        u = rng.standard_normal(np.shape(f(x)))
        v = rng.standard_normal(x.shape)
        v = v * np.linalg.norm(x) / np.linalg.norm(v)
        difference = (np.asarray(f(x + 1e-5 * v)) - f(x - 1e-5 * v)) / 2e-5
        grad = np.asarray(vjp(u, x))
        if grad.shape != x.shape:
            return False
        error = np.vdot(grad, v) - np.vdot(u, difference)
        verdicts.append(abs(error) <= 1e-6 * np.abs(u * difference).sum() + 1e-6 * np.abs(grad * v).sum())
    return all(verdicts)


# %% right: signs for u and v
def gradient_check(f, vjp, x, rng):
    step = 1e-5 * np.sqrt(np.mean(x**2))
    good = []
    for _ in range(6):
        u = rng.choice([-1.0, 1.0], size=np.shape(f(x))) * rng.uniform(0.5, 1.5, size=np.shape(f(x)))
        v = rng.choice([-1.0, 1.0], size=x.shape) * rng.uniform(0.5, 1.5, size=x.shape)
        grad = np.array(vjp(u, x))
        if grad.shape != x.shape or not np.isfinite(grad).all():
            return False
        slope = (np.sum(u * f(x + step * v)) - np.sum(u * f(x - step * v))) / (2 * step)
        good.append(abs(np.sum(grad * v) - slope) <= 1e-5 * np.sum(np.abs(grad * v)))
    return bool(np.all(good))


# %% right: a difference of fourth order
def gradient_check(f, vjp, x, rng):
    h = 1e-3 * np.abs(x).max()
    for _ in range(5):
        u, v = rng.normal(size=np.shape(f(x))), rng.uniform(-1, 1, size=x.shape)
        near = np.sum(u * (f(x + h * v) - f(x - h * v)))
        far = np.sum(u * (f(x + 2 * h * v) - f(x - 2 * h * v)))
        slope = (8 * near - far) / (12 * h)
        grad = vjp(u, x)
        if np.shape(grad) != np.shape(x):
            return False
        if not abs(slope - np.sum(grad * v)) <= 1e-5 * np.sum(np.abs(grad * v)):
            return False
    return True
