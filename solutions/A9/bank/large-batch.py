# %% wrong: nothing returned
# The rates are computed and not returned: a return statement is missing.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    return None


# %% wrong: not scaled
# The full rate is lr: the size of the batch takes no part.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: scaled the wrong way
# The rate is scaled by b/B; a batch of B allows B/b times the rate.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * b / B
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: scaled by the root
# The rate is scaled by the root of B/b; the linear rule takes B/b itself.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * np.sqrt(B / b)
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: scaled by B
# The rate is scaled by B; lr suits batches of b, so the factor is B/b.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: warmup from zero
# The warmup begins at 0; in this recipe it begins at lr.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, full * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: no warmup
# The full rate is there from the first update on: the warmup is missing.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.full(t.shape, full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: warmup of one rate
# The rate is lr all through the warmup and then jumps; it rises on a straight line.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr, full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: warmup in stairs
# The rate of the warmup changes once in an epoch; it moves with every update.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * (t // n) / max(warm, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: warmup one update short
# The warmup is over one update early: the full rate is reached at the first update after these epochs.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n - 1, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: warmup in updates
# The warmup lasts `warm` updates; it lasts so many epochs, each of n updates.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm, lr + (full - lr) * t / max(warm, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: back to lr
# After the warmup the rate is lr again; it stays at the full rate.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), lr)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: short batch forgotten
# An epoch has one update too few: the short batch at its end counts too, so N/B is rounded up.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = max(N // B, 1)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: fraction of an update
# N/B is not rounded up: an epoch has a whole number of updates, the short batch among them.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = N / B
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: updates of the small batch
# The updates of an epoch are counted with batches of b; this training uses batches of B.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // b)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: drops counted from the warmup
# The drops are counted from the end of the warmup; their epochs are counted from the start of the training.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= (epoch + warm) * n, rates / 10.0, rates)
    return rates


# %% wrong: drops in updates
# The entries of drops are taken as updates; they are epochs, each of n updates.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch, rates / 10.0, rates)
    return rates


# %% wrong: drop one update late
# The drop comes one update late: the first update of the epoch has the lower rate.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t > epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: drop one epoch late
# The drop comes at the end of its epoch; it comes at the beginning.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= (epoch + 1) * n, rates / 10.0, rates)
    return rates


# %% wrong: one drop only
# The second drop divides the full rate by 10 once more from the start, or only one drop is applied; each drop divides what the drops before it have left.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, full / 10.0, rates)
    return rates


# %% wrong: drops forgotten
# The rate never drops.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates, rates)
    return rates


# %% wrong: one update too many
# An epoch has one update too many where B divides N: there is no short batch then.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = N // B + 1
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: warmup one update ahead
# The warmup is one update ahead: t = 0 has the rate lr, and there t is 0, not 1.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * (t + 1) / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: no warmup is no number
# With warm = 0 this divides 0 by 0, which is not a number; no warmup is the full rate at once.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = lr + (full - lr) * np.minimum(t / (warm * n), 1.0)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0, rates)
    return rates


# %% wrong: all drops at once
# Each drop divides by 10 as often as there are drops; each divides by 10 once.
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = -(-N // B)
    full = lr * B / b
    rates = np.where(t < warm * n, lr + (full - lr) * t / max(warm * n, 1), full)
    for epoch in drops:
        rates = np.where(t >= epoch * n, rates / 10.0 ** len(drops), rates)
    return rates


# %% right: loops
def large_batch_rate(t, lr, b, B, N, warm, drops):
    import math

    n = math.ceil(N / B)
    rates = []
    for u in t:
        if u < warm * n:
            part = u / (warm * n)
            rate = (1 - part) * lr + part * lr * B / b
        else:
            rate = lr * B / b
        for epoch in drops:
            if u // n >= epoch:
                rate *= 0.1
        rates.append(rate)
    return np.array(rates)


# %% right: interpolation and sorted search
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = len(range(0, N, B))
    full = B / b * lr
    ramp = np.interp(t, [0, warm * n], [lr, full]) if warm else np.full(len(t), full)
    count = np.searchsorted(np.array(drops, dtype=int) * n, t, side="right")
    return ramp * 0.1**count


# %% right: in epochs
def large_batch_rate(t, lr, b, B, N, warm, drops):
    updates, short = divmod(N, B)
    updates += short > 0
    epoch = t / updates
    k = B / b
    factor = 1 + (k - 1) * np.clip(epoch / warm, 0, 1) if warm > 0 else k * np.ones(t.shape)
    for e in drops:
        factor = factor * np.where(t // updates < e, 1.0, 0.1)
    return lr * factor


# %% right: a list, single precision
def large_batch_rate(t, lr, b, B, N, warm, drops):
    n = (N + B - 1) // B
    gain = (B - b) / b * lr
    rates = []
    for u in t.tolist():
        rate = lr + gain * (min(u, warm * n) / (warm * n) if warm else 1.0)
        passed = [e for e in drops if e * n <= u]
        rates.append(rate / 10 ** len(passed))
    return np.array(rates, dtype="float32")
