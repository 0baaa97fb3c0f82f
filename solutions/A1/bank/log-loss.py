# %% wrong: nothing returned
# The losses are computed and not returned: a return statement is missing.
def log_loss(s, y):
    return None


# %% wrong: zeros
# Every loss is zero: the array is never filled.
def log_loss(s, y):
    return np.zeros(len(y))


# %% wrong: input unchanged
# The scores come back unchanged.
def log_loss(s, y):
    return s


# %% wrong: sign
# The sign is wrong: this is the log probability, which is negative; the loss is minus it.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return shifted[np.arange(len(y)), y] - np.log(np.exp(shifted).sum(axis=1))


# %% wrong: averaged
# The losses are averaged into one number; in S1 each example keeps its own.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]
    return losses.mean()


# %% wrong: not shifted
# The scores are not shifted: exp(1000) is infinite, and the logarithm of a probability of 0 is too.
def log_loss(s, y):
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y])


# %% wrong: one shift for the whole batch
# One maximum is taken over the whole batch; an example far below it is left with exponentials of 0.
def log_loss(s, y):
    shifted = s - s.max()
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]


# %% wrong: logarithm to base 2
# The logarithm is to base 2, which gives bits; the loss is in nats.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]) / np.log(2.0)


# %% wrong: probability instead of its logarithm
# One minus the probability is returned; the loss is minus its logarithm.
def log_loss(s, y):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return 1.0 - (e / e.sum(axis=1, keepdims=True))[np.arange(len(y)), y]


# %% wrong: first label for all
# Every example is given the label of the first one.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[:, y[0]]


# %% wrong: all labels summed
# The log probabilities of all labels are summed; only that of the right label counts.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return s.shape[1] * np.log(np.exp(shifted).sum(axis=1)) - shifted.sum(axis=1)


# %% wrong: formula as printed
# The formula is typed in as printed: exp(1000) is infinite. Subtract a number from the scores first.
def log_loss(s, y):
    return np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]


# %% wrong: logarithm of the probability
# The logarithm is taken of a probability that has become 0; stay with logarithms and never form the probability.
def log_loss(s, y):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return -np.log((e / e.sum(axis=1, keepdims=True))[np.arange(len(y)), y])


# %% wrong: probability with a small constant
# A small constant is added to the probability; that hides the infinity and gives a wrong loss.
def log_loss(s, y):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return -np.log((e / e.sum(axis=1, keepdims=True))[np.arange(len(y)), y] + 1e-12)


# %% wrong: every label for every example
# s[:, y] picks all labels for each example; one entry of each row is wanted.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1))[:, None] - shifted[:, y]


# %% wrong: logarithm to base 10
# The logarithm is to base 10; the loss is in nats, with the natural logarithm.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]) / np.log(10.0)


# %% wrong: shift not undone
# The shift is made in one of the two terms and not in the other.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - s[np.arange(len(y)), y]


# %% wrong: summed over the whole batch
# The exponentials of all examples go into one sum; each example has a sum of its own.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum()) - shifted[np.arange(len(y)), y]


# %% wrong: maximum over the batch
# The maximum is taken over the batch, axis 0; each example needs one of its own, over its labels.
def log_loss(s, y):
    shifted = s - s.max(axis=0)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]


# %% wrong: label's score forgotten
# This is the logarithm of the sum; the label's score is not subtracted.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1))


# %% wrong: label's score alone
# This is minus the label's score; the logarithm of the sum is missing.
def log_loss(s, y):
    return -s[np.arange(len(y)), y]


# %% wrong: every label, losses along the rows
# s[:, y] picks all labels for each example; one entry of each row is wanted.
def log_loss(s, y):
    shifted = s - s.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[:, y]


# %% right: loops
def log_loss(s, y):
    import math

    losses = np.zeros(len(y))
    for b in range(len(y)):
        top = max(s[b])
        losses[b] = math.log(sum(math.exp(v - top) for v in s[b])) + top - s[b, y[b]]
    return losses


# %% right: logaddexp
def log_loss(s, y):
    return np.logaddexp.reduce(s, axis=1) - np.take_along_axis(s, y[:, None], axis=1)[:, 0]


# %% right: one-hot
def log_loss(s, y):
    top = s.max(axis=1)
    onehot = np.eye(s.shape[1])[y]
    return top + np.log(np.exp(s - top[:, None]).sum(axis=1)) - (s * onehot).sum(axis=1)
