# %% wrong: nothing returned
# The number is computed and not returned: a return statement is missing.
def initial_scale(fan_in, fan_out, rule, form, slope):
    return None


# %% wrong: variance
# The variance is returned; asked for is its root, or the limit.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return (3 if form == "uniform" else 1) * variance


# %% wrong: Xavier without the 2
# Xavier's variance is half of what it must be: the harmonic mean of 1/fan_in and 1/fan_out has a 2 above the line.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 1 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: mean of the variances
# Xavier's variance is the arithmetic mean of 1/fan_in and 1/fan_out; the lecture takes the harmonic one.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": (1 / fan_in + 1 / fan_out) / 2, "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: always ReLU
# The factor is that of ReLU whatever the slope; what is below zero counts as well, with the square of the slope.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2.0
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: no factor for the activation
# The activation is left out of Kaiming's variance; it keeps only a part of the mean square, and the weights make up for it.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 1.0
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: variance behind the activation
# The variance of φ(y) is taken for its mean square; φ(y) has a mean, and the next layer sums E[φ(y)²].
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 1 / ((1 + slope**2) / 2 - (1 - slope) ** 2 / (2 * math.pi))
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: slope not squared
# The slope enters without its square; it is a mean square that is kept.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope) if slope != -1 else 0.0
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: size of the slope
# The slope enters by its size, without its square; it is a mean square that is kept.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + abs(slope))
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: half below subtracted
# The half below zero is subtracted; the squares of what is below zero are added to those above.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / abs(1 - slope**2) if slope * slope != 1 else 0.0
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: halves not halved
# Both halves of y are counted in full; each of them holds one half of its mean square.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 1 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: gain the other way
# The weights are made smaller by what the activation takes away; they have to make up for it.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = (1 + slope**2) / 2
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: the two fans exchanged
# fan_in and fan_out are exchanged: forward the number of inputs counts, backward that of outputs.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_out, "fan_out": gain_square / fan_in}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: Xavier with the slope
# Xavier's variance takes the activation into account; in the lecture it does not.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": gain_square * 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((3 if form == "uniform" else 1) * variance)


# %% wrong: limit like the deviation
# The limit of the uniform distribution is taken for its standard deviation; U(-u, u) has the variance u^2/3.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt(variance)


# %% wrong: divided by the root of three
# The standard deviation is divided by the root of 3 for the limit; s² = u²/3 makes the limit the larger of the two.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((1 / 3 if form == "uniform" else 1) * variance)


# %% wrong: width for limit
# The width of the uniform distribution is returned; U(-u, u) is 2 u wide, and u is asked for.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt((12 if form == "uniform" else 1) * variance)


# %% wrong: three without root
# The standard deviation is multiplied by 3 for the uniform form; with the variance u^2/3 it is the root of 3.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    variances = {"xavier": 2 / (fan_in + fan_out), "fan_in": gain_square / fan_in, "fan_out": gain_square / fan_out}
    variance = variances[rule]
    return math.sqrt(variance) * (3 if form == "uniform" else 1)


# %% wrong: gain without root
# The factor for the activation is applied to the standard deviation; it belongs to the variance.
def initial_scale(fan_in, fan_out, rule, form, slope):
    gain_square = 2 / (1 + slope**2)
    std = {"xavier": math.sqrt(2 / (fan_in + fan_out)), "fan_in": gain_square * fan_in**-0.5, "fan_out": gain_square * fan_out**-0.5}[rule]
    return std * (math.sqrt(3) if form == "uniform" else 1)


# %% right: gain first
def initial_scale(fan_in, fan_out, rule, form, slope):
    std = math.sqrt(2 / (fan_in + fan_out))
    if rule != "xavier":
        gain = math.sqrt(2 / (1 + slope**2))
        std = gain / math.sqrt(fan_in if rule == "fan_in" else fan_out)
    return std if form == "normal" else math.sqrt(3) * std


# %% right: numpy
def initial_scale(fan_in, fan_out, rule, form, slope):
    if rule == "fan_in":
        fan = fan_in * (1 + np.square(slope)) / 2
    elif rule == "fan_out":
        fan = fan_out * (0.5 + 0.5 * slope * slope)
    else:
        fan = np.mean([fan_in, fan_out])
    return np.sqrt([1, 3][form == "uniform"] / fan)


# %% right: share of the mean square
def initial_scale(fan_in, fan_out, rule, form, slope):
    share = 0.5 * 1.0 + 0.5 * slope**2
    fan = {"fan_in": share * fan_in, "fan_out": share * fan_out, "xavier": 0.5 * fan_in + 0.5 * fan_out}[rule]
    if form == "uniform":
        return (3.0 / fan) ** 0.5
    return (1.0 / fan) ** 0.5


# %% right: logarithms
def initial_scale(fan_in, fan_out, rule, form, slope):
    logs = {"xavier": math.log(2) - math.log(fan_in + fan_out)}
    for name, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
        logs[name] = math.log(2) - math.log1p(slope**2) - math.log(fan)
    return math.exp((logs[rule] + (math.log(3) if form == "uniform" else 0)) / 2)
