# %% wrong: nothing returned
# The words are found and not returned: a return statement is missing.
def judge(value, slope, trials, c1, c2):
    return None


# %% wrong: rising accepted
# The slope is judged without its absolute value: a length where phi rises steeply is accepted.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        else:
            words.append("falling" if slope_there < c2 * slope else "accepted")
    return words


# %% wrong: the bound rises
# The bound for the value rises with alpha; the slope at 0 is negative, and is added with its sign.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * abs(slope):
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: any decrease
# Any value below phi(0) counts as low enough; the first condition asks for more, the longer the step is.
def judge(value, slope, trials, c1, c2):
    words = []
    for _, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: the length left out
# alpha is missing in the bound for the value: a longer step has to go down farther.
def judge(value, slope, trials, c1, c2):
    words = []
    for _, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: a negative bound for the slope
# |slope| is compared with c2 times the slope at 0, a negative number, so nothing is ever gentle enough.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: c2 alone as bound
# The slope is compared with c2 itself; c2 is a share of the slope at 0.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= c2:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: c1 and c2 exchanged
# c1 and c2 are exchanged: c1, the smaller one, belongs to the value and c2 to the slope.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c2 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c1 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: slope judged first
# The slope is judged before the value; where both conditions fail the word is "too high".
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif slope_there < c2 * slope:
            words.append("falling")
        elif slope_there > -c2 * slope:
            words.append("rising")
        else:
            words.append("accepted" if there <= value + c1 * alpha * slope else "too high")
    return words


# %% wrong: NaN not noticed
# A value of NaN passes for low enough: NaN > bound is False.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif there > value + c1 * alpha * slope:
            words.append("too high")
        elif slope_there < c2 * slope:
            words.append("falling")
        elif slope_there > -c2 * slope:
            words.append("rising")
        else:
            words.append("accepted")
    return words


# %% wrong: bounds excluded
# A number exactly on a bound is refused; both conditions are written with "at most".
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there < value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) < -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: falling and rising exchanged
# "falling" and "rising" are exchanged: a negative slope at alpha means that phi still falls.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("rising" if slope_there < 0 else "falling")
    return words


# %% wrong: the slope at 0 not looked at
# It is not asked whether phi falls at 0; along a direction that climbs no length is right.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= c2 * abs(slope):
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: a level start as descent
# A slope of exactly 0 at the start passes for descent; it has to be below 0.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope > 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: one word for all
# "no descent" is returned once, as a text; a list with one word for each trial is expected.
def judge(value, slope, trials, c1, c2):
    if slope >= 0:
        return "no descent"
    words = []
    for alpha, there, slope_there in trials:
        if not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: a value on its bound refused
# A value exactly on its bound is refused; the first condition is written with "at most".
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there < value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: a slope on its bound refused
# A slope exactly on its bound is refused; the second condition is written with "at most".
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) < -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: c1 in both conditions
# c1 stands in both conditions; the bound for the slope has c2.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c1 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: ends at the first accepted
# The list ends at the first accepted trial; each trial gets its word.
def judge(value, slope, trials, c1, c2):
    words = []
    for alpha, there, slope_there in trials:
        if slope >= 0:
            words.append("no descent")
        elif not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
            break
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% wrong: one word in a list
# The list holds one word "no descent"; it is said of every trial.
def judge(value, slope, trials, c1, c2):
    if slope >= 0:
        return ["no descent"] if trials else []
    words = []
    for alpha, there, slope_there in trials:
        if not there <= value + c1 * alpha * slope:
            words.append("too high")
        elif abs(slope_there) <= -c2 * slope:
            words.append("accepted")
        else:
            words.append("falling" if slope_there < 0 else "rising")
    return words


# %% right: columns
def judge(value, slope, trials, c1, c2):
    if slope >= 0:
        return ["no descent"] * len(trials)
    if not trials:
        return []
    alpha, there, steep = np.array(trials).T
    high = ~(there <= value + c1 * alpha * slope)
    words = np.select([high, steep < c2 * slope, steep > -c2 * slope], ["too high", "falling", "rising"], "accepted")
    return words.tolist()


# %% right: a function for one trial
def judge(value, slope, trials, c1, c2):
    def word(alpha, there, steep):
        if not slope < 0:
            return "no descent"
        if np.isnan(there) or there > value + c1 * alpha * slope:
            return "too high"
        if np.abs(steep) <= c2 * np.abs(slope):
            return "accepted"
        return "rising" if steep > 0 else "falling"

    return [word(*trial) for trial in trials]


# %% right: a tuple of words
def judge(value, slope, trials, c1, c2):
    words = []
    for trial in trials:
        low = trial[1] <= value + c1 * trial[0] * slope
        gentle = -c2 * slope >= abs(trial[2])
        if low and gentle:
            words.append("accepted")
        elif low:
            words.append(["falling", "rising"][trial[2] > 0])
        else:
            words.append("too high")
    return tuple(words if slope < 0 else len(words) * ["no descent"])
