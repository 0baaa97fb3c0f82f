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
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions, targets[order]))
    return not np.allclose(exchanged, paired, rtol=1e-9, atol=0)


# %% wrong: pairs moved together
# Predictions and targets are moved together, so every prediction keeps its target, and no mean over instances notices that.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions[order], targets[order]))
    return bool(np.allclose(exchanged, paired, rtol=1e-9, atol=0))


# %% wrong: equal to the last bit
# The numbers are compared to the last bit; a sum in another order rounds differently.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions, targets[order]))
    return all(value == paired for value in exchanged)


# %% wrong: absolute tolerance
# The tolerance is absolute, and every change of a very small loss lies below it; compare relative to the loss.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions, targets[order]))
    return all(abs(value - paired) < 1e-8 for value in exchanged)


# %% wrong: NumPy's own tolerances
# np.isclose and np.allclose allow too much unless told otherwise: atol hides every change of a very small loss, rtol that beside a large one.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions, targets[order]))
    return bool(np.allclose(exchanged, paired))


# %% wrong: tolerance too wide
# The tolerance is too wide, as the rtol of np.isclose is unless you say otherwise; rounding changes the last digits only.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions, targets[order]))
    return bool(np.allclose(exchanged, paired, atol=0))


# %% wrong: reversed order only
# One other order is tried, such as the reversed one, and by accident it can give the same loss; exchange every two targets.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    return bool(np.isclose(loss(predictions, targets[::-1].copy()), paired, rtol=1e-9, atol=0))


# %% wrong: moved on by one only
# One other order is tried, such as all moved on by one, and by accident it can give the same loss; exchange every two targets.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    return bool(np.isclose(loss(predictions, np.roll(targets, 1, axis=0)), paired, rtol=1e-9, atol=0))


# %% wrong: one random order only
# One other order is tried, and by accident it can give the same loss; exchange every two targets.
def forgets_pairs(loss, predictions, targets):
    mixed = np.random.default_rng(0).permutation(targets)
    return bool(np.isclose(loss(predictions, mixed), loss(predictions, targets), rtol=1e-9, atol=0))


# %% wrong: first two exchanged only
# One exchange decides, that of the first two targets, and by accident it can leave the loss the same; try every two.
def forgets_pairs(loss, predictions, targets):
    order = list(range(len(targets)))
    order[0], order[1] = order[1], order[0]
    return bool(np.isclose(loss(predictions, targets[order]), loss(predictions, targets), rtol=1e-9, atol=0))


# %% wrong: first and last exchanged only
# One exchange decides, that of the first target and the last, and by accident it can leave the loss the same; try every two.
def forgets_pairs(loss, predictions, targets):
    order = list(range(len(targets)))
    order[0], order[-1] = order[-1], order[0]
    return bool(np.isclose(loss(predictions, targets[order]), loss(predictions, targets), rtol=1e-9, atol=0))


# %% wrong: neighbours exchanged only
# Only neighbours are exchanged, and by accident all these exchanges can leave the loss the same; try every two.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for c in range(1, len(targets)):
        order = list(range(len(targets)))
        order[c - 1], order[c] = c, c - 1
        exchanged.append(loss(predictions, targets[order]))
    return bool(np.allclose(exchanged, paired, rtol=1e-9, atol=0))


# %% wrong: the first exchanged with each
# Only the first target is exchanged with the others, and by accident all these exchanges can leave the loss the same; try every two.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for c in range(1, len(targets)):
        order = list(range(len(targets)))
        order[0], order[c] = c, 0
        exchanged.append(loss(predictions, targets[order]))
    return bool(np.allclose(exchanged, paired, rtol=1e-9, atol=0))


# %% wrong: moved on in a ring
# The targets are only moved on, all of them, and by accident all these orders can give the same loss; exchange every two.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    moved = [loss(predictions, np.roll(targets, k, axis=0)) for k in range(1, len(targets))]
    return bool(np.allclose(moved, paired, rtol=1e-9, atol=0))


# %% wrong: one equal exchange suffices
# One exchange that leaves the loss the same is taken as proof; the loss forgets the pairs if every exchange does.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    exchanged = []
    for b, c in combinations(range(len(targets)), 2):
        order = list(range(len(targets)))
        order[b], order[c] = c, b
        exchanged.append(loss(predictions, targets[order]))
    return bool(np.isclose(exchanged, paired, rtol=1e-9, atol=0).any())


# %% wrong: one equal order suffices
# One order with the same loss is taken as proof; the loss forgets the pairs if every exchange of two leaves it the same.
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


# %% wrong: rows overwritten
# t[b], t[c] = t[c], t[b] goes wrong with rows, which are views: the first is overwritten before it is copied. Both are then the same.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    for b, c in combinations(range(len(targets)), 2):
        t = targets.copy()
        t[b], t[c] = t[c], t[b]
        if not np.isclose(loss(predictions, t), paired, rtol=1e-9, atol=0):
            return False
    return True


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
# The targets are exchanged in place, and so are the caller's; work on a copy.
def forgets_pairs(loss, predictions, targets):
    paired = loss(predictions, targets)
    for b, c in combinations(range(len(targets)), 2):
        targets[[b, c]] = targets[[c, b]]
        if not np.isclose(loss(predictions, targets), paired, rtol=1e-9, atol=0):
            return False
    return True


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


# %% right: predictions exchanged
def forgets_pairs(loss, predictions, targets):
    values = [loss(predictions, targets)]
    for b, c in combinations(range(len(predictions)), 2):
        other = predictions.copy()
        other[b], other[c] = predictions[c], predictions[b]
        values.append(loss(other, targets))
    return bool(max(values) - min(values) <= 1e-9 * max(abs(v) for v in values))


# %% right: all orders
def forgets_pairs(loss, predictions, targets):
    from itertools import permutations

    paired = loss(predictions, targets)
    every = permutations(range(len(targets)))
    return all(np.isclose(loss(predictions, targets[list(o)]), paired, rtol=1e-9, atol=0) for o in every)
