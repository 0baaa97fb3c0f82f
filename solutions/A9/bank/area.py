# %% wrong: nothing returned
# The sums are computed and not returned: a return statement is missing.
def exponential_area(lr, k, T):
    return None


def step_area(lr, gamma, s, T):
    return None


def cosine_area(lr, lr_min, T):
    return None


# %% wrong: integral of the exponential
# This is the integral under the curve; the sum of T rates is a little more, 1 − e^(−k) stands for k.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * -np.expm1(-k * T) / k


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: integral of the cosine
# This is the integral under the curve; the sum of T rates is a little more, since t = 0 has no partner.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * T / 2.0


# %% wrong: exponential, one rate too many
# One rate too many is added: the last update is T − 1.
def exponential_area(lr, k, T):
    return lr * (T + 1) if k == 0 else lr * np.expm1(-k * (T + 1)) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: exponential, first rate forgotten
# The sum begins at t = 1: the first update, at t = 0, is missing.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.exp(-k) * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: exponential for ever
# This is the sum of infinitely many rates; the training ends after T.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else -lr / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: difference of equal numbers
# For a tiny k, 1 − e^(−k) is a difference of nearly equal numbers and loses its digits; np.expm1 keeps them.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * (1.0 - np.exp(-k * T)) / (1.0 - np.exp(-k))


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: no decay is no number
# With k = 0 this divides 0 by 0, which is not a number; the rate is constant there.
def exponential_area(lr, k, T):
    return lr * np.expm1(-np.float64(k) * T) / np.expm1(-np.float64(k))


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: gamma of 1 is no number
# With gamma = 1 this divides 0 by 0, which is not a number; the rate is constant there.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    gamma = np.float64(gamma)
    return lr * (s * (1.0 - gamma**full) / (1.0 - gamma) + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: part of a stair forgotten
# The updates on the last stair are missing when it is not complete.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * s * stairs


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: part of a stair one too high
# The incomplete stair has the height of the one before it; after `full` stairs the rate is lr gamma^full.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma ** (full - 1))


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: part of a stair as a whole one
# The incomplete stair is counted as a whole one.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full = -(-T // s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * s * stairs


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: one update in each stair
# Each stair is counted once; it has s updates.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: a drop at every update
# The rate drops at every update here; it drops after s of them.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    return lr * T if gamma == 1 else lr * (1.0 - gamma**T) / (1.0 - gamma)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: smooth instead of stairs
# The stairs are replaced by a smooth decay that touches them at the drops; that covers less.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    q = gamma ** (1 / s)
    return lr * T if gamma == 1 else lr * (1.0 - q**T) / (1.0 - q)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: cosine ends at zero
# lr_min is missing in the cosine's sum.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr * (T + 1) / 2.0


# %% wrong: lr_min on top
# lr_min is added to a cosine of the height lr; its height is lr − lr_min.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + lr * (T + 1) / 2.0


# %% wrong: cosine that reaches its end
# The cosine's sum has half of its first rate too little: at t = T − 1 it is not yet at lr_min.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T - 1) / 2.0


# %% wrong: averaged
# This is the mean of the rates; the sum is T times as much.
def exponential_area(lr, k, T):
    return lr if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k) / T


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full) / T


def cosine_area(lr, lr_min, T):
    return lr_min + (lr - lr_min) * (T + 1) / (2.0 * T)


# %% wrong: a loop over t
# This adds up T rates one by one; the sum is asked for as a formula.
def exponential_area(lr, k, T):
    return sum(lr * np.exp(-k * t) for t in range(T))


def step_area(lr, gamma, s, T):
    return sum(lr * gamma ** (t // s) for t in range(T))


def cosine_area(lr, lr_min, T):
    return sum(lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * t / T)) / 2.0 for t in range(T))


# %% wrong: lr forgotten
# lr is missing: this is the sum of the factors by which the rate falls.
def exponential_area(lr, k, T):
    return T if k == 0 else np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: exponential, last rate forgotten
# One rate is missing: the last update is T − 1, and there are T rates.
def exponential_area(lr, k, T):
    return lr * (T - 1) if k == 0 else lr * np.expm1(-k * (T - 1)) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: no decay divides by zero
# With k = 0 this divides by 0; the rate is constant there.
def exponential_area(lr, k, T):
    from math import expm1

    return lr * expm1(-k * T) / expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: gamma of 1 divides by zero
# With gamma = 1 this divides by 0; the rate is constant there.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    return lr * (s * (1 - gamma**full) / (1 - gamma) + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: gamma close to 1
# A gamma close to 1 is taken as 1; over many stairs its decay counts.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if np.isclose(gamma, 1) else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: a fraction of a stair
# T/s is not rounded down: the incomplete stair counts with its number of updates, not in the exponent.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    stairs = T / s if gamma == 1 else (1.0 - gamma ** (T / s)) / (1.0 - gamma)
    return lr * s * stairs


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: part of a stair one too low
# The incomplete stair is one drop too low; after `full` stairs the rate is lr gamma^full.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma ** (full + 1))


def cosine_area(lr, lr_min, T):
    return lr_min * T + (lr - lr_min) * (T + 1) / 2.0


# %% wrong: cosine without its floor
# lr_min takes no part: the cosine lies lr_min higher at each of the T updates.
def exponential_area(lr, k, T):
    return lr * T if k == 0 else lr * np.expm1(-k * T) / np.expm1(-k)


def step_area(lr, gamma, s, T):
    full, rest = divmod(T, s)
    stairs = full if gamma == 1 else (1.0 - gamma**full) / (1.0 - gamma)
    return lr * (s * stairs + rest * gamma**full)


def cosine_area(lr, lr_min, T):
    return (lr - lr_min) * (T + 1) / 2.0


# %% wrong: an array of T entries
# This makes an array of T rates and adds them up; the sum is asked for as a formula.
def exponential_area(lr, k, T):
    return float((lr * np.exp(-k * np.arange(T))).sum())


def step_area(lr, gamma, s, T):
    return float((lr * float(gamma) ** (np.arange(T) // s)).sum())


def cosine_area(lr, lr_min, T):
    return float((lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * np.arange(T) / T)) / 2.0).sum())


# %% right: by cases
def exponential_area(lr, k, T):
    import math

    if k == 0:
        return lr * T
    q = math.expm1(-k)
    return lr * math.expm1(-k * T) / q


def step_area(lr, gamma, s, T):
    stairs = T // s
    height = gamma**stairs
    part = height * (T - stairs * s)
    if gamma == 1:
        return lr * T
    return lr * part + lr * s * (1 - height) / (1 - gamma)


def cosine_area(lr, lr_min, T):
    half = (lr - lr_min) / 2
    return (lr + lr_min) / 2 * T + half


# %% right: hyperbolic sines, and complex numbers
def exponential_area(lr, k, T):
    if k == 0:
        return float(lr * T)
    if k * T > 1000:
        return lr / -np.expm1(-k)
    return lr * np.exp(-k * (T - 1) / 2) * np.sinh(k * T / 2) / np.sinh(k / 2)


def step_area(lr, gamma, s, T):
    whole, part = T // s, T % s
    if gamma == 1:
        total = whole
    else:
        total = -np.expm1(whole * np.log(gamma)) / (1 - gamma)
    return lr * s * total + lr * part * gamma**whole


def cosine_area(lr, lr_min, T):
    wave = 1.0  # the real part of 2 / (1 - exp(i pi / T))
    return lr_min * T + (lr - lr_min) / 2 * (T + wave)


# %% right: doubling
def exponential_area(lr, k, T):
    total, m = 0.0, 0
    for bit in bin(T)[2:]:
        total, m = total * (1 + np.exp(-k * m)), 2 * m
        if bit == "1":
            total, m = total + np.exp(-k * m), m + 1
    return lr * total


def step_area(lr, gamma, s, T):
    full, rest = T // s, T % s
    total, place, piece, q, left = 0.0, 1.0, 1.0, gamma, full
    while left:
        if left % 2:
            total, place = total + place * piece, place * q
        piece, q, left = piece * (1 + q), q * q, left // 2
    return lr * (s * total + rest * place)


def cosine_area(lr, lr_min, T):
    return np.array(lr_min * (T - 1) / 2 + lr * (T + 1) / 2)
