# %% wrong: nothing returned
# The values are computed and not returned: a return statement is missing.
def probabilities(losses, alpha, floor):
    return None


def weights(p, indices):
    return None


def drawn(p, u):
    return None


# %% wrong: floor forgotten
# keeps: sampling-drawn-test
# The floor is missing: an instance with loss 0 is never drawn.
def probabilities(losses, alpha, floor):
    base = losses
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: overflow
# keeps: sampling-drawn-test
# The power of a large loss is inf and that of a small one 0, and inf/inf or 0/0 is no number; bring the numbers near 1 before the power.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = base ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: floor after the power
# keeps: sampling-drawn-test
# The floor is added to the power; it is added to the loss.
def probabilities(losses, alpha, floor):
    power = losses**alpha + floor
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: floor after scaled power
# keeps: sampling-drawn-test
# The floor is added to the power; it is added to the loss.
def probabilities(losses, alpha, floor):
    base = losses
    power = (base / base.max()) ** alpha + floor
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: scaled before the floor
# keeps: sampling-drawn-test
# The losses are divided before the floor is added, and the floor is not; divide loss + floor.
def probabilities(losses, alpha, floor):
    power = (losses / losses.max() + floor) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: alpha forgotten
# keeps: sampling-drawn-test
# The power is missing: alpha is the exponent, and as a mere factor it would cancel.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max())
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: one over alpha
# keeps: sampling-drawn-test
# The exponent is 1/alpha; it is alpha.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** (1 / alpha)
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: softmax
# keeps: sampling-drawn-test
# The exponential function of the loss is taken; the formula has a power of it.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = np.exp(alpha * (base - base.max()))
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: not normalized
# keeps: sampling-drawn-test
# The powers are divided by the largest and not by their sum: they do not sum to 1.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: normalized too early
# keeps: sampling-drawn-test
# The losses are divided by their sum before the power is taken, and not after it.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.sum()) ** alpha
    return power


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: easy ones more often
# keeps: sampling-drawn-test
# The exponent has the wrong sign: instances with a small loss come more often.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** -alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: p upside down
# keeps: sampling-drawn-test
# The weights grow with p; what is drawn more often must count less.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return len(p) * p[indices]


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: p over N
# keeps: sampling-drawn-test
# The weights grow with p; what is drawn more often must count less.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return p[indices] / len(p)


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: without N
# keeps: sampling-drawn-test
# The weights are 1/p; the factor 1/N is missing.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / p[indices]


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: number of draws for N
# keeps: sampling-drawn-test
# The weights carry the number of instances that were drawn; N is the number of all instances.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(indices) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: weights in the order of p
# keeps: sampling-drawn-test
# The weights of all instances are returned, in their order; asked are those of the drawn ones.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p)


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: weights scaled to mean 1
# keeps: sampling-drawn-test
# The weights are divided by their mean; then they are biased again.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return (1 / p[indices]) / (1 / p[indices]).mean()


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: weights scaled to sum 1
# keeps: sampling-drawn-test
# The weights are divided by their sum; then they are biased again.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return (1 / p[indices]) / (1 / p[indices]).sum()


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: weights at most 1
# keeps: sampling-drawn-test
# The weights are divided by the largest; then they are biased again.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return p[indices].min() / p[indices]


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: p itself
# keeps: sampling-drawn-test
# The probabilities of the drawn instances are returned in place of their weights.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return p[indices]


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: boundary to the left
# keeps: sampling-probabilities-test
# A u that is exactly a boundary goes to the stretch that ends there, and u = 0 draws an instance that is never to be drawn; it belongs to the one that begins.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="left")


# %% wrong: one too far
# keeps: sampling-probabilities-test
# Each index is one too large: the first stretch belongs to instance 0.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right") + 1


# %% wrong: one too small
# keeps: sampling-probabilities-test
# Each index is one too small: the number of ends that lie at or before u is the index.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right") - 1


# %% wrong: floats
# keeps: sampling-probabilities-test
# The indices are floats; an array is indexed with whole numbers.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], u, side="right").astype(float)


# %% wrong: rounding at the end
# keeps: sampling-probabilities-test
# By rounding the last sum is below 1, and a u above it gets an index that does not exist.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    return np.searchsorted(np.cumsum(p), u, side="right")


# %% wrong: the last index for the rest
# keeps: sampling-probabilities-test
# A u beyond the rounded last sum gets the last index, whose p can be 0; it belongs to the last stretch that is not empty.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    return np.minimum(np.searchsorted(np.cumsum(p), u, side="right"), len(p) - 1)


# %% wrong: p not added up
# keeps: sampling-probabilities-test
# u is compared with the p themselves; the boundaries are their sums.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    return np.array([int(np.argmax(p > each)) for each in u], dtype=int)


# %% wrong: sorted by p
# keeps: sampling-probabilities-test
# The instances were sorted by p and the places in that order are returned; they stay in their own order.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(np.sort(p))
    return np.searchsorted(ends / ends[-1], u, side="right")


# %% wrong: u sorted
# keeps: sampling-probabilities-test
# The u were sorted, so the indices no longer belong to them one by one.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p)
    return np.searchsorted(ends / ends[-1], np.sort(u), side="right")


# %% wrong: uniform
# keeps: sampling-probabilities-test
# All instances are equally likely: p takes no part.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    return (u * len(p)).astype(int)


# %% wrong: the likeliest
# keeps: sampling-probabilities-test
# The likeliest instance is drawn each time: u takes no part.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    return np.full(len(u), np.argmax(p))


# %% wrong: from the other end
# keeps: sampling-probabilities-test
# The stretches lie one after the other from the last instance; they begin with instance 0.
def probabilities(losses, alpha, floor):
    base = losses + floor
    power = (base / base.max()) ** alpha
    return power / power.sum()


def weights(p, indices):
    return 1 / (len(p) * p[indices])


def drawn(p, u):
    ends = np.cumsum(p[::-1])
    return len(p) - 1 - np.searchsorted(ends / ends[-1], u, side="right")


# %% right: loops
def probabilities(losses, alpha, floor):
    most = max(losses) + floor
    powers = [((loss + floor) / most) ** alpha for loss in losses]
    return [power / sum(powers) for power in powers]


def weights(p, indices):
    return [1 / len(p) / p[k] for k in indices]


def drawn(p, u):
    last = max(k for k in range(len(p)) if p[k] > 0)
    found = []
    for each in u:
        end, k = 0.0, 0
        for k in range(last + 1):
            end += p[k]
            if each < end:
                break
        found.append(k)
    return np.array(found, dtype=int)


# %% right: logarithms and comparisons
def probabilities(losses, alpha, floor):
    base = np.log(losses + floor)
    if alpha == 0:
        return np.full(len(losses), 1 / len(losses))
    powers = np.exp(alpha * (base - base.max()))
    return powers / np.sum(powers)


def weights(p, indices):
    return (1 / (p * p.size))[indices]


def drawn(p, u):
    ends = np.cumsum(p)
    ends[p.nonzero()[0][-1] :] = 1.0
    return (np.asarray(u)[:, None] >= ends[None, :]).sum(axis=1)


# %% right: digitize
def probabilities(losses, alpha, floor):
    k = np.argmax(losses)
    ratio = np.power((losses + floor) / (losses[k] + floor), alpha)
    return ratio / np.einsum("i->", ratio)


def weights(p, indices):
    return np.full(len(indices), 1.0) / p.take(indices) / p.shape[0]


def drawn(p, u):
    present = np.flatnonzero(p)
    inner = np.cumsum(p[present])[:-1]
    return present[np.digitize(u, inner)]
