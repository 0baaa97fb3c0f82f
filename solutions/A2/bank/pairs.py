# %% wrong: nothing returned
# The answer is found and not returned: a return statement is missing.
def forgets_pairs(loss, predictions, targets):
    return None


# %% wrong: the shapes compared
# The shapes are compared and the loss is never asked; a loss may flatten its arguments, or form all pairs of equal shapes.
def forgets_pairs(loss, predictions, targets):
    return predictions.shape != targets.shape


# %% wrong: the other way round
# True and False are the other way round: True means that the loss does not notice.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    moved = [loss(predictions, np.roll(targets, k, axis=0)) for k in range(1, len(targets))]
    return not np.allclose(moved, paired, rtol=1e-9, atol=0)


# %% wrong: pairs moved together
# Predictions and targets are moved together, so every prediction keeps its target, and no mean over instances notices that.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    order = range(1, len(targets))
    moved = [loss(np.roll(predictions, k, axis=0), np.roll(targets, k, axis=0)) for k in order]
    return bool(np.allclose(moved, paired, rtol=1e-9, atol=0))


# %% wrong: equal to the last bit
# The numbers are compared to the last bit; a sum in another order rounds differently.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    return all(loss(predictions, np.roll(targets, k, axis=0)) == paired for k in range(1, len(targets)))


# %% wrong: absolute tolerance
# The tolerance is absolute, and every change of a very small loss lies below it; compare relative to the loss.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    moved = [loss(predictions, np.roll(targets, k, axis=0)) for k in range(1, len(targets))]
    return all(abs(value - paired) < 1e-8 for value in moved)


# %% wrong: tolerance too wide
# The tolerance is too wide, as that of np.isclose is unless you say otherwise; rounding changes the last digits only.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    moved = [loss(predictions, np.roll(targets, k, axis=0)) for k in range(1, len(targets))]
    return bool(np.allclose(moved, paired, atol=0))


# %% wrong: reversed order only
# One other arrangement is tried, the reversed one, and by accident it can give the same loss; try more of them.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    return bool(np.isclose(loss(predictions, targets[::-1].copy()), paired, rtol=1e-9, atol=0))


# %% wrong: moved on by one only
# One other arrangement is tried, moved on by one, and by accident it can give the same loss; try more of them.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    return bool(np.isclose(loss(predictions, np.roll(targets, 1, axis=0)), paired, rtol=1e-9, atol=0))


# %% wrong: one equal arrangement suffices
# One arrangement with the same loss is taken as proof; the loss forgets the pairs if all arrangements give the same.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    moved = [loss(predictions, np.roll(targets, k, axis=0)) for k in range(1, len(targets))]
    return bool(np.isclose(moved, paired, rtol=1e-9, atol=0).any())


# %% wrong: moved along every axis
# np.roll without axis=0 moves numbers from one column to another; whole targets are to be moved, along the first axis.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    moved = [loss(predictions, np.roll(targets, k)) for k in range(1, len(targets))]
    return bool(np.allclose(moved, paired, rtol=1e-9, atol=0))


# %% wrong: compared with sorted targets
# The loss is compared with that of sorted targets; they may have been sorted before, and then nothing was moved.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    return bool(np.isclose(loss(predictions, np.sort(targets, axis=0)), paired, rtol=1e-9, atol=0))


# %% wrong: known formula
# The loss is compared with the formula for all pairs of squared errors; another loss can forget the pairs too.
def forgets_pairs(loss, predictions, targets):
    p, y = predictions.reshape(len(predictions), -1), targets.reshape(len(targets), -1)
    all_pairs = ((p[:, None] - y[None]) ** 2).mean()
    return bool(np.isclose(loss(predictions, targets), all_pairs, rtol=1e-9, atol=0))


# %% wrong: targets changed in place
# The targets are shuffled in place, and so are the caller's; work on a copy.
def forgets_pairs(loss, predictions, targets):
    paired, same = loss(predictions, targets), True
    for _ in range(1, len(targets)):
        first = targets[0].copy()
        targets[:-1] = targets[1:].copy()
        targets[-1] = first
        same = same and bool(np.isclose(loss(predictions, targets), paired, rtol=1e-9, atol=0))
    return same


# %% wrong: not zero for perfect predictions
# The predictions are given as targets, and a loss above zero is taken as the sign; some right losses are never zero.
def forgets_pairs(loss, predictions, targets):
    return bool(loss(predictions, predictions.reshape(targets.shape)) > 1e-9)


# %% right: random orders
def forgets_pairs(loss, predictions, targets):
    rng, paired = np.random.default_rng(0), loss(predictions, targets)
    for _ in range(40):
        value = loss(predictions, targets[rng.permutation(len(targets))])
        if abs(value - paired) > 1e-9 * max(abs(value), abs(paired)):
            return False
    return True


# %% right: two exchanged
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    for b in range(1, len(targets)):
        for c in range(b):
            order = list(range(len(targets)))
            order[b], order[c] = c, b
            if not math.isclose(loss(predictions, targets[order]), paired, rel_tol=1e-9):
                return False
    return True


# %% right: predictions moved
def forgets_pairs(loss, predictions, targets):
    values = [loss(np.roll(predictions, k, axis=0), targets) for k in range(len(targets))]
    return bool(max(values) - min(values) <= 1e-9 * max(abs(v) for v in values))
