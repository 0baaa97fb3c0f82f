# %% wrong: nothing returned
# The rates are computed and not returned: a return statement is missing.
def time_based(t, lr, k, n):
    return None


def step(t, lr, gamma, s, n):
    return None


def exponential(t, lr, k, n):
    return None


# %% wrong: constant
# Every update has the rate lr: t takes no part.
def time_based(t, lr, k, n):
    return np.full(t.shape, lr)


def step(t, lr, gamma, s, n):
    return np.full(t.shape, lr)


def exponential(t, lr, k, n):
    return np.full(t.shape, lr)


# %% wrong: time-based per update
# The time-based decay takes k per update; it is per epoch, and an epoch has n updates.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: exponential per update
# The exponential decay takes k per update (erratum 4.42); it is per epoch, and an epoch has n updates.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t)


# %% wrong: step in updates
# The stairs are s updates long; they are s epochs long, each of n updates.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // s)


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: once per epoch
# The rate stands still during an epoch; the smooth decays change with every update, so t / n is not rounded.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * (t // n))


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * (t // n))


# %% wrong: multiplied by n
# t is multiplied by n; the time in epochs is t divided by n.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t * n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t * n)


# %% wrong: first update is 1
# The clock begins at 1: the first update is t = 0 and has the full rate lr.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * (t + 1) / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** ((t + 1) // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * (t + 1) / n)


# %% wrong: rate times rate
# lr stands twice in the time-based decay, as slide 40 prints it (erratum 4.39).
def time_based(t, lr, k, n):
    return lr * lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: applied at every update
# The time-based factor is applied again at every update (erratum 4.39); the formula gives the rate at once.
def time_based(t, lr, k, n):
    return np.array([lr * np.prod([1.0 / (1.0 + k * u / n) for u in range(min(v, 999) + 1)]) for v in t])


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: drop at update 0
# The step decay drops before the first update: 0 is a multiple of everything (erratum 4.40).
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n) + 1)


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: drop one update late
# The drop comes one update late: update s n belongs to the second stair already.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (np.maximum(t - 1, 0) // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: no stairs
# The exponent of the step decay is not rounded down, so the rate falls smoothly.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t / (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: rounded to the nearest
# The number of drops is rounded to the nearest; a stair counts when it is over, so round down.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** np.round(t / (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: gamma taken off
# gamma is taken off the rate at each drop; the rate is multiplied by gamma.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * (1.0 - gamma) ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: dropped once
# The rate drops once and never again; every s epochs there is another drop.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return np.where(t >= s * n, lr * gamma, lr)


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: growing
# The exponent has the wrong sign: the rate grows.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(k * t / n)


# %% wrong: straight line
# The time-based decay is a straight line here; it divides by 1 + k t/n.
def time_based(t, lr, k, n):
    return lr * (1.0 - k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: lr forgotten
# lr is missing: this is the factor by which the rate has fallen, without the rate.
def time_based(t, lr, k, n):
    return 1.0 / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return np.exp(-k * t / n)


# %% wrong: s forgotten
# The rate drops after every epoch: s takes no part. A stair is s epochs long.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // n)


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% wrong: a power of 1 - k
# This multiplies by 1 − k in each epoch; e^(−k) is another number.
def time_based(t, lr, k, n):
    return lr / (1.0 + k * t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * (1.0 - k) ** (t / n)


# %% wrong: a power of 1 + k
# This divides by 1 + k in each epoch; the time-based decay divides once, by 1 + k τ.
def time_based(t, lr, k, n):
    return lr / (1.0 + k) ** (t / n)


def step(t, lr, gamma, s, n):
    return lr * gamma ** (t // (s * n))


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)


# %% right: loops
def time_based(t, lr, k, n):
    rates = []
    for u in t:
        epochs = u / n
        rates.append(lr / (1.0 + k * epochs))
    return np.array(rates)


def step(t, lr, gamma, s, n):
    rates = np.zeros(len(t))
    for i, u in enumerate(t):
        rate, left = lr, u - s * n
        while left >= 0:
            rate *= gamma
            left -= s * n
        rates[i] = rate
    return rates


def exponential(t, lr, k, n):
    import math

    return np.array([lr * math.exp(-k * u / n) for u in t])


# %% right: epochs first
def time_based(t, lr, k, n):
    epochs = np.divide(t, n)
    return np.reciprocal(1.0 + k * epochs) * lr


def step(t, lr, gamma, s, n):
    epoch = t // n
    return lr * np.power(gamma, epoch // s)


def exponential(t, lr, k, n):
    per_update = np.exp(-k / n)
    return lr * per_update**t


# %% right: lists
def time_based(t, lr, k, n):
    return [float(lr / (1 + k * (int(u) / n))) for u in t]


def step(t, lr, gamma, s, n):
    return [lr * gamma ** int(np.floor(u / n / s + 1e-9)) for u in t]


def exponential(t, lr, k, n):
    return list(lr / np.exp(k * t / n))


# %% right: single precision
def time_based(t, lr, k, n):
    return (lr * n / (n + k * t)).astype("float32")


def step(t, lr, gamma, s, n):
    return (lr * np.exp(np.floor_divide(t, s * n) * np.log(gamma))).astype("float32")


def exponential(t, lr, k, n):
    return lr * np.exp(-k * t / n)
