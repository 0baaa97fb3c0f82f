# %% wrong: nothing returned
# The gradient is computed and not returned: a return statement is missing.
def log_loss_backward(s, y, loss_grad):
    return None


# %% wrong: zeros
# Every entry is zero: the array is never filled.
def log_loss_backward(s, y, loss_grad):
    return np.zeros_like(s)


# %% wrong: input unchanged
# The scores come back unchanged.
def log_loss_backward(s, y, loss_grad):
    return s


# %% wrong: sign
# The sign is wrong: label minus probability instead of probability minus label.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return loss_grad[:, None] * (np.eye(s.shape[1])[y] - e / e.sum(axis=1, keepdims=True))


# %% wrong: 1/B
# There is a 1/B too many: in S1 the gradient of the scores is per example.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) - np.eye(s.shape[1])[y]) / len(y)


# %% wrong: label forgotten
# These are the probabilities; the 1 of the right label is not subtracted.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return loss_grad[:, None] * e / e.sum(axis=1, keepdims=True)


# %% wrong: upstream forgotten
# What comes from above, loss_grad, is forgotten.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) - np.eye(s.shape[1])[y]


# %% wrong: upstream on the label only
# loss_grad multiplies only the 1 of the label; it multiplies the whole difference.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) - loss_grad[:, None] * np.eye(s.shape[1])[y]


# %% wrong: softmax over the batch
# The probabilities are normalized over the batch, axis 0; they must sum to 1 for each example.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=0, keepdims=True))
    return loss_grad[:, None] * (e / e.sum(axis=0, keepdims=True) - np.eye(s.shape[1])[y])


# %% wrong: not shifted
# The scores are not shifted: exp(1000) is infinite, and infinity over infinity is not a number.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s)
    return loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) - np.eye(s.shape[1])[y])


# %% wrong: transposed result
# The axes are k,b and should be b,k: the batch index comes first.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return (loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) - np.eye(s.shape[1])[y])).T


# %% wrong: every label for every example
# P[:, y] -= 1 changes the columns of all labels in every row; one entry of each row is wanted.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[:, y] -= 1.0
    return loss_grad[:, None] * p


# %% wrong: label's entry only
# Only the entry of the right label is filled; the other scores have a gradient too.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    onehot = np.eye(s.shape[1])[y]
    return loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) - 1.0) * onehot


# %% wrong: one shift for the whole batch
# One maximum is taken over the whole batch; examples far below it are left with 0 over 0.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max())
    return loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) - np.eye(s.shape[1])[y])


# %% wrong: 1 from every entry
# The 1 is subtracted from every entry; only the right label's loses it.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) - 1.0)


# %% wrong: label added
# The 1 of the right label is added; it is subtracted.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return loss_grad[:, None] * (e / e.sum(axis=1, keepdims=True) + np.eye(s.shape[1])[y])


# %% wrong: upstream averaged
# loss_grad is averaged over the batch; each example keeps its own.
def log_loss_backward(s, y, loss_grad):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return loss_grad.mean() * (e / e.sum(axis=1, keepdims=True) - np.eye(s.shape[1])[y])


# %% right: loops
def log_loss_backward(s, y, loss_grad):
    import math

    result = np.zeros(s.shape)
    for b in range(s.shape[0]):
        top = max(s[b])
        total = sum(math.exp(v - top) for v in s[b])
        for k in range(s.shape[1]):
            p = math.exp(s[b, k] - top) / total
            result[b, k] = loss_grad[b] * (p - (1.0 if k == y[b] else 0.0))
    return result


# %% right: one-hot and einsum
def log_loss_backward(s, y, loss_grad):
    p = np.exp(s - np.logaddexp.reduce(s, axis=1)[:, None])
    return np.einsum("b,bk->bk", loss_grad, p - np.eye(s.shape[1])[y])


# %% right: the chain of softmax and logarithm
def log_loss_backward(s, y, loss_grad):
    rows = []
    for score, label, above in zip(s, y, loss_grad):
        e = np.exp(score - score.max())
        row = e / e.sum()
        row[label] = -(row.sum() - row[label])
        rows.append(above * row)
    return np.stack(rows)
