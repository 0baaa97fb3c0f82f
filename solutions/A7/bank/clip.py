# %% wrong: nothing returned
# The results are computed and not returned: a return statement is missing.
def clipped(grads, c):
    return None


# %% wrong: infinite times the factor
# keeps: clip-test
# Entries that are infinite or NaN are multiplied by the factor, which makes NaN, or not noticed: max() and comparisons pass over NaN.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    return [grad * (c / (norm if not norm <= c else c)) for grad in grads], norm


# %% wrong: sign of the largest
# keeps: clip-test
# The largest entry is looked for with its sign; an entry of -4e200 or -inf is large as well.
def clipped(grads, c):
    largest = np.float64(max([float(grad.max()) for grad in grads if grad.size], default=0.0)) or 1.0
    norm = abs(largest) * np.sqrt(sum(((grad.astype(float) / largest) ** 2).sum() for grad in grads))
    if not math.isfinite(largest):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: squares overflow
# keeps: clip-test
# The entries are squared as they are; the square of a huge entry is infinite and that of a tiny one is 0.
def clipped(grads, c):
    norm = float(np.sqrt(sum((grad.astype(float) ** 2).sum() for grad in grads)))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: squares in float32
# keeps: clip-test
# The squares are added, or the norm is kept, in float32; the norm is to be computed in float64.
def clipped(grads, c):
    largest = np.max([0.0, *(np.abs(grad).max() for grad in grads if grad.size)])
    squares = sum(((grad / (largest or 1.0)).astype(grad.dtype) ** 2).sum() for grad in grads)
    norm = largest * np.sqrt(squares)
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: divided by zero
# keeps: clip-test
# Gradients of norm 0 are divided by their norm, and 0/0 is NaN; that case is to be left out.
def clipped(grads, c):
    norm = np.float64(math.hypot(*(float(entry) for grad in grads for entry in grad.ravel())))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (1 / norm) * min(norm, c) for grad in grads], norm


# %% wrong: zero norm NaN
# keeps: clip-test
# Where all entries are 0 they are divided by the largest of them, and 0/0 is NaN; that case is to be left out.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    norm = norm if norm else math.nan
    if math.isinf(norm) or not all(np.isfinite(grad).all() for grad in grads):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / (norm if not norm <= c else c)) for grad in grads], norm


# %% wrong: bad arrays unchanged
# keeps: clip-test
# Where an entry is infinite or NaN the arrays come back as they were; every entry must be 0 then.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [grad.copy() for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: only the bad entries zero
# keeps: clip-test
# Only the entries that are infinite or NaN become 0; the others still move, in a direction that nobody computed.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [np.where(np.isfinite(grad), grad, 0.0) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: norm of bad entries hidden
# keeps: clip-test
# The arrays become 0 as they must, but the norm is told to be 0 as well; it has to say that something was infinite or NaN.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], 0.0
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: each by its own norm
# Each array is clipped by its own norm; the norm is that of all entries together, and the factor is one for all.
def clipped(grads, c):
    new = [grad * (c / max(math.hypot(*map(float, grad.ravel())), c)) for grad in grads]
    return new, math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))


# %% wrong: by value
# Every entry is limited by itself, which turns the gradient; all are multiplied by one factor.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    return [np.clip(grad, -c, c) for grad in grads], norm


# %% wrong: short ones made longer
# Gradients below the threshold are made longer; clipping leaves them as they are.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    return [grad * (c / norm if norm else 1.0) for grad in grads], norm


# %% wrong: norms added
# The norms of the arrays are added; their squares add up to the square of the norm.
def clipped(grads, c):
    norm = sum(math.hypot(*map(float, grad.ravel())) for grad in grads)
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: norm afterwards
# The norm after clipping is returned; the one before it is asked for.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], 0.0
    return [grad * (c / max(norm, c)) for grad in grads], min(norm, c)


# %% wrong: root forgotten
# The sum of squares stands where its root, the norm, is needed.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel())) ** 1.0
    norm = norm * norm
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: sum of sizes
# The sizes of the entries are added; the norm is the root of the sum of their squares.
def clipped(grads, c):
    norm = float(sum(np.abs(grad).sum(dtype=float) for grad in grads))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: largest entry
# The size of the largest entry is taken for the norm.
def clipped(grads, c):
    norm = float(np.max([0.0] + [np.max(np.abs(grad)) for grad in grads if grad.size]))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c / max(norm, c)) for grad in grads], norm


# %% wrong: the first array only
# The factor is applied to the first array only; all arrays are multiplied by it.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [np.zeros_like(grads[0]), *(grad.copy() for grad in grads[1:])], norm
    return [grads[0] * (c / max(norm, c)), *(grad.copy() for grad in grads[1:])], norm


# %% wrong: threshold for the factor
# All are multiplied by c itself where the norm is too large; the factor is c divided by the norm.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * (c if norm > c else 1.0) for grad in grads], norm


# %% wrong: in place
# The gradients that were given are changed in place; leave the arguments as you got them.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    for grad in grads:
        grad[...] = grad * (c / max(norm, c)) if math.isfinite(norm) else 0.0
    return grads, norm


# %% wrong: added to the norm
# 1e-6 is added to the norm, as libraries do; here the clipped norm is c exactly.
def clipped(grads, c):
    norm = math.hypot(*(float(entry) for grad in grads for entry in grad.ravel()))
    if not math.isfinite(norm):
        return [np.zeros_like(grad) for grad in grads], norm
    return [grad * min(1.0, c / (norm + 1e-6)) for grad in grads], norm


# %% right: the largest first
def clipped(grads, c):
    largest = np.max([0.0, *(np.abs(grad).max(initial=0.0) for grad in grads)])
    if largest == 0:
        return [grad.copy() for grad in grads], 0.0
    if not np.isfinite(largest):
        return [0.0 * np.ones(grad.shape) for grad in grads], largest
    norm = largest * np.sqrt(sum(((grad.astype(float) / largest) ** 2).sum() for grad in grads))
    return [grad * min(1.0, c / norm) for grad in grads], norm


# %% right: one long vector
def clipped(grads, c):
    flat = np.concatenate([np.ravel(grad).astype(np.float64) for grad in grads])
    if not np.all(np.isfinite(flat)):
        return [np.zeros(grad.shape) for grad in grads], np.abs(flat).max()
    scale = np.abs(flat).max() if flat.size and flat.any() else 1.0
    norm = scale * np.linalg.norm(flat / scale)
    if norm > c:
        return [(grad / norm * c).reshape(grad.shape) for grad in grads], norm
    return [grad + 0 for grad in grads], norm


# %% right: loops
def clipped(grads, c):
    norm = 0.0
    for grad in grads:
        for entry in grad.ravel().tolist():
            norm = math.hypot(norm, entry)
    new = []
    for grad in grads:
        if math.isinf(norm) or math.isnan(norm):
            new.append(grad.copy() * 0 if np.all(np.isfinite(grad)) else np.zeros(grad.shape))
        else:
            new.append(grad.copy() if norm <= c else grad * (c / norm))
    return tuple(new), norm


# %% right: powers of two
def clipped(grads, c):
    largest = max([float(np.abs(grad).max()) for grad in grads if grad.size and not np.isnan(grad).any()] or [0.0])
    if any(np.isnan(grad).any() for grad in grads):
        return [np.zeros_like(grad) for grad in grads], float("nan")
    if largest == math.inf:
        return [np.zeros_like(grad) for grad in grads], largest
    power = math.frexp(largest)[1]
    norm = math.ldexp(math.sqrt(sum((np.ldexp(grad.astype(float), -power) ** 2).sum() for grad in grads)), power)
    return [grad * (1.0 if norm <= c else c / norm) for grad in grads], norm
