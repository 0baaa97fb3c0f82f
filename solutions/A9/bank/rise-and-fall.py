# %% wrong: nothing returned
# The rates are computed and not returned: a return statement is missing.
def fall(t, lr, lr_min, T):
    return None


def rise(t, lr, W, shape):
    return None


# %% wrong: constant
# Every update has the rate lr: t takes no part.
def fall(t, lr, lr_min, T):
    return np.full(t.shape, lr)


def rise(t, lr, W, shape):
    return np.full(t.shape, lr)


# %% wrong: ends one update late
# The cosine is at its end at t = T, after the last update: the last one is T − 1.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / T, 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: clock begins at 1
# The cosine begins with p = 1/T; the first update has p = 0 and the rate lr.
def fall(t, lr, lr_min, T):
    p = np.minimum((t + 1) / T, 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: rises again
# After the last update the rate rises again along the cosine; it stays at lr_min.
def fall(t, lr, lr_min, T):
    p = t / (T - 1)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: zero after the end
# After the last update the rate is 0; it stays at lr_min.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return np.where(t < T, lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0, 0.0)


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: whole period
# The cosine runs through a whole period, 2 pi, and is back at lr at the end; half of one is pi.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(2.0 * np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: quarter of a period
# The cosine runs through a quarter of a period and ends half way between lr and lr_min.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(0.5 * np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: degrees
# np.cos takes radians: half a turn is np.pi, not 180.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(180.0 * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: starts above lr
# lr_min is added to a cosine of the height lr; its height is lr − lr_min, so that it starts at lr.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + lr * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: lr_min as a floor
# The cosine goes to 0 and is cut off at lr_min; it goes to lr_min itself.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return np.maximum(lr * (1.0 + np.cos(np.pi * p)) / 2.0, lr_min)


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: lr_min forgotten
# The cosine ends at 0: lr_min takes no part.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: fall in a straight line
# The fall is a straight line; half a cosine is asked for.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr + (lr_min - lr) * p


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: first update lost
# The rise begins with rate 0, so the first update changes nothing; p is 1/W there.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum(t / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: rise one update short
# The rise divides by W + 1: update W − 1 is to have the full rate already.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / (W + 1), 1.0)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: rises for ever
# The rate goes on rising after the warmup; p is at most 1.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = (t + 1) / W if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: zero after the warmup
# After the warmup the rate is 0; it stays at lr.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return np.where((t < W) | (W == 0), lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0), 0.0)


# %% wrong: shape ignored
# Both shapes give a straight line: shape takes no part.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * p


# %% wrong: cosine the wrong way
# The cosine rise falls: it is (1 − cos), not (1 + cos), that goes from 0 to 1.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 + np.cos(np.pi * p)) / 2.0)


# %% wrong: no warmup is no number
# With W = 0 this divides 0 by 0, which is not a number; no warmup is the full rate at once.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum(t + 1, W) / W
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: no warmup is no rate
# With W = 0 the rate is 0; no warmup is the full rate at once.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum(t + 1, W) / max(W, 1)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: rise from 0 to 1
# The rise divides t by W − 1 and begins with rate 0, so the first update changes nothing; p is 1/W there.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum(t / max(W - 1, 1), 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: ends exchanged
# lr and lr_min are exchanged: the fall begins at lr_min and ends at lr.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr + (lr_min - lr) * (1.0 + np.cos(np.pi * p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)) / 2.0)


# %% wrong: half forgotten
# The division by 2 is missing: 1 + cos goes from 2 to 0, and 1 − cos from 0 to 2.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(np.pi * p))


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(np.pi * p)))


# %% wrong: pi forgotten
# π is missing: half a turn of the cosine is πp, not p.
def fall(t, lr, lr_min, T):
    p = np.minimum(t / (T - 1), 1.0)
    return lr_min + (lr - lr_min) * (1.0 + np.cos(p)) / 2.0


def rise(t, lr, W, shape):
    p = np.minimum((t + 1) / W, 1.0) if W > 0 else np.ones(t.shape)
    return lr * (p if shape == "linear" else (1.0 - np.cos(p)) / 2.0)


# %% right: loops
def fall(t, lr, lr_min, T):
    import math

    rates = []
    for u in t:
        if u >= T - 1:
            rates.append(lr_min)
        else:
            rates.append(lr_min + 0.5 * (lr - lr_min) * (1 + math.cos(u * math.pi / (T - 1))))
    return np.array(rates)


def rise(t, lr, W, shape):
    rates = []
    for u in t:
        if u >= W:
            rates.append(lr)
        elif shape == "linear":
            rates.append(lr * (u + 1) / W)
        else:
            rates.append(lr * (1 - np.cos(np.pi * (u + 1) / W)) / 2)
    return rates


# %% right: sines and cosines squared
def fall(t, lr, lr_min, T):
    angle = np.clip(t, 0, T - 1) * np.pi / (2 * (T - 1))
    return lr * np.cos(angle) ** 2 + lr_min * np.sin(angle) ** 2


def rise(t, lr, W, shape):
    W = max(W, 1)
    p = np.clip((t + 1) / W, 0, 1)
    return lr * {"linear": p, "cosine": np.sin(np.pi * p / 2) ** 2}[shape]


# %% right: interpolation, single precision
def fall(t, lr, lr_min, T):
    p = np.interp(t, [0, T - 1], [0.0, np.pi])
    middle, half = (lr + lr_min) / 2, (lr - lr_min) / 2
    return middle + half * np.cos(p)


def rise(t, lr, W, shape):
    if W == 0:
        return np.full(len(t), lr)
    p = np.interp(t + 1, [0, W], [0.0, 1.0])
    if shape == "cosine":
        p = np.sin(p * np.pi / 2) ** 2
    return (lr * p).astype("float32")


# %% right: where
def fall(t, lr, lr_min, T):
    wave = (lr + lr_min + (lr - lr_min) * np.cos(np.pi * t / (T - 1))) / 2
    return np.where(t < T - 1, wave, lr_min)


def rise(t, lr, W, shape):
    line = (t + 1) / max(W, 1)
    bow = (1 - np.cos(np.pi * line)) / 2
    return np.where(t < W, lr * (bow if shape == "cosine" else line), lr)
