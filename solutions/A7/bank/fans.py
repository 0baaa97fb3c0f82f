# %% wrong: nothing returned
# The numbers are computed and not returned: a return statement is missing.
def fans(shape, groups=1):
    return None


# %% wrong: kernel forgotten
# The places of the kernel are not counted; one output sums over all of them, for each channel.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    return shape[1], shape[0] // groups


# %% wrong: fan_out without the kernel
# fan_out lacks the places of the kernel; an input lies once under each of them.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    return math.prod(shape[1:]), shape[0] // groups


# %% wrong: fan_in without the kernel
# fan_in lacks the places of the kernel; one output sums over all of them, for each channel.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1], shape[0] // groups * places


# %% wrong: convolution like a dense layer
# The first axis of a convolution is taken for its inputs; a convolution has its output channels first.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[0] // groups * places, shape[1] * places


# %% wrong: dense layer like a convolution
# The first axis of a dense layer is taken for its outputs; here a dense layer has its inputs first.
def fans(shape, groups=1):
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] // groups * places


# %% wrong: order of the two
# The two are returned in the other order: fan_in comes first.
def fans(shape, groups=1):
    if len(shape) == 2:
        return shape[1], shape[0]
    places = math.prod(shape[2:])
    return shape[0] // groups * places, shape[1] * places


# %% wrong: groups ignored
# The groups are left out of fan_out: an input channel is read by the output channels of its own part only.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places


# %% wrong: fan_out times the groups
# fan_out is multiplied by the groups; groups make it smaller, an input channel is read by those of its own part only.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * groups * places


# %% wrong: fan_in divided by the groups
# fan_in is divided by the groups; c already counts the channels of one part only, so it is not divided.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1] * places // groups, shape[0] // groups * places


# %% wrong: c divided by the groups
# c is divided by the groups; it already counts one part's channels, so it is not divided.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1] // groups * places, shape[0] // groups * places


# %% wrong: fan_in of all groups
# fan_in counts the channels of all parts; an output reads those of its own part.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1] * groups * places, shape[0] // groups * places


# %% wrong: one axis of the kernel
# Only one axis of the kernel is counted; a kernel of k by r has k r places.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    return shape[1] * shape[2], shape[0] // groups * shape[2]


# %% wrong: square kernels
# The first axis of the kernel is squared; kernels need not be square, nor have two axes.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    return shape[1] * shape[2] ** 2, shape[0] // groups * shape[2] ** 2


# %% wrong: floats
# The numbers are right, but fan_out is a float: a division with / makes one, // does not.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places / groups


# %% wrong: floats of a dense layer
# The numbers of a dense layer are floats: np.prod(()), the product of no axes, is 1.0; math.prod(()) is 1.
def fans(shape, groups=1):
    places = np.prod(shape[2:])
    i, o = shape if len(shape) == 2 else (shape[1], shape[0])
    return i * places, o // groups * places


# %% wrong: both floats
# The numbers of a convolution are both floats: the places of the kernel were counted as a float.
def fans(shape, groups=1):
    if len(shape) == 2:
        return tuple(shape)
    places = float(math.prod(shape[2:]))
    return shape[1] * places, shape[0] // groups * places


# %% right: one formula
def fans(shape, groups=1):
    i, o = shape[:2] if len(shape) == 2 else shape[1::-1]
    places = math.prod(shape[2:])
    return int(i) * places, int(o) * places // groups


# %% right: loops
def fans(shape, groups=1):
    if len(shape) == 2:
        return [shape[0], shape[1]]
    fan_in, fan_out = shape[1], shape[0] // groups
    for size in shape[2:]:
        fan_in *= size
        fan_out *= size
    return [fan_in, fan_out]


# %% right: np.prod
def fans(shape, groups=1):
    if len(shape) == 2:
        return np.int64(shape[0]), np.int64(shape[1])
    return np.prod(shape[1:]), np.prod(shape) // shape[1] // groups


# %% right: counted in an array
def fans(shape, groups=1):
    W = np.ones(shape, dtype=int)
    if W.ndim == 2:
        return W[:, 0].sum(), W[0].sum()
    return W[0].sum(), W[: len(W) // groups, 0].sum()
