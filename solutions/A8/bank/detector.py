# %% wrong: nothing returned
# The verdict is found and not returned: a return statement is missing.
def leaks(prepare, train, test):
    return None


# %% wrong: another order only
# The test set is only put into another order; means, spreads and largest values do not notice an order.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    first, second = prepare(train, test[::-1])
    return not alike(fitted, first), not alike(applied, second[::-1])


# %% wrong: the first instance only
# Only the first test instance is tried alone; a leak may show with others and not with this one.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    first, second = prepare(train, test[:1])
    return not alike(fitted, first), not alike(applied[:1], second)


# %% wrong: one instance left out
# Only the last test instance is left out; a leak may come from others and not from this one.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    first, second = prepare(train, test[:-1])
    return not alike(fitted, first), not alike(applied[:-1], second)


# %% wrong: shifted only
# For the training set the test set is only shifted by 1; a leaked spread does not notice a shift.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1])[1] for k in range(len(test))]
    return not alike(fitted, prepare(train, test + 1)[0]), not alike(applied, np.concatenate(alone))


# %% wrong: test set replaced for itself
# The second value compares the prepared test set with that of other test numbers; they differ in a clean method too. Compare the same instance.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1])[0] for k in range(len(test))]
    return any(not alike(fitted, first) for first in alone), not alike(applied, prepare(train, 2 * test)[1])


# %% wrong: compared with what went in
# The prepared sets are compared with the sets that went in; preparing may change them, that is no leak.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    return not alike(fitted, train), not alike(applied, test)


# %% wrong: order of the two
# The two values are in the other order: the leak into training comes first.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1]) for k in range(len(test))]
    into = any(not alike(fitted, first) for first, _ in alone)
    return not alike(applied, np.concatenate([second for _, second in alone])), into


# %% wrong: the other way round
# The values say that the method is clean; True means that there is a leak.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1]) for k in range(len(test))]
    into = any(not alike(fitted, first) for first, _ in alone)
    return not into, alike(applied, np.concatenate([second for _, second in alone]))


# %% wrong: rounding taken for a leak
# Numbers are compared exactly; rounding moves the last digits of a clean method.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1]) for k in range(len(test))]
    into = any(not np.array_equal(fitted, first) for first, _ in alone)
    return into, not np.array_equal(applied, np.concatenate([second for _, second in alone]))


# %% wrong: every instance must show it
# A leak is reported only where each test instance alone shows it; one is enough.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1]) for k in range(len(test))]
    into = all(not alike(fitted, first) for first, _ in alone)
    return into, all(not alike(applied[k : k + 1], second) for k, (_, second) in enumerate(alone))


# %% wrong: training only
# Only the training set is looked at; test instances may also see each other.
def leaks(prepare, train, test):
    fitted, _ = prepare(train, test)
    return any(not alike(fitted, prepare(train, test[k : k + 1])[0]) for k in range(len(test))), False


# %% wrong: test set only
# Only the test set is looked at; the training set may have seen it as well.
def leaks(prepare, train, test):
    _, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1])[1] for k in range(len(test))]
    return False, not alike(applied, np.concatenate(alone))


# %% wrong: one verdict for both
# Both values say whether there is any leak; the two kinds are told apart.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1]) for k in range(len(test))]
    into = any(not alike(fitted, first) for first, _ in alone)
    among = not alike(applied, np.concatenate([second for _, second in alone]))
    return into or among, into or among


# %% wrong: test changed in place
# The test set that was given is changed; it must stay as it is.
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    alone = [prepare(train, test[k : k + 1]) for k in range(len(test))]
    into = any(not alike(fitted, first) for first, _ in alone)
    among = not alike(applied, np.concatenate([second for _, second in alone]))
    test[0] += 1
    return into, among


# %% right: loop with early flags
def leaks(prepare, train, test):
    into = among = False
    whole = prepare(train.copy(), test.copy())
    for k in range(len(test)):
        one = prepare(train.copy(), test[k][None, :].copy())
        if not alike(whole[0], one[0]):
            into = True
        if not alike(whole[1][k], one[1][0]):
            among = True
    return into, among


# %% right: compared in arrays
def leaks(prepare, train, test):
    results = [prepare(train, each[None]) for each in test]
    trains, tests = np.array([r[0] for r in results]), np.array([r[1][0] for r in results])
    fitted, applied = prepare(train, test)
    return not alike(np.array([fitted] * len(test)), trains), not alike(applied, tests)


# %% right: its own tolerance, list returned
def leaks(prepare, train, test):
    fitted, applied = map(np.array, prepare(train, test))
    into = among = 0.0
    for k in reversed(range(len(test))):
        first, second = prepare(train, test[[k]])
        into = max(into, np.nan_to_num(np.abs(first - fitted), nan=np.inf).max() / np.abs(fitted).max())
        among = max(among, np.abs(second - applied[k]).max() / np.abs(applied).max())
    return [bool(into > 1e-8), bool(among > 1e-8)]


# %% right: all test sets of two
def leaks(prepare, train, test):
    fitted, applied = prepare(train, test)
    answers = [False, False]
    for k in range(len(test)):
        for rows in ([k], [k, (k + 1) % len(test)], [k, k]):
            first, second = prepare(train, test[rows])
            answers[0] = answers[0] or not alike(fitted, first)
            answers[1] = answers[1] or not alike(applied[rows], second)
    return tuple(answers)
