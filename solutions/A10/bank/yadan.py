# %% wrong: nothing returned
# The times are computed and not returned: a return statement is missing.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return None


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return None


# %% wrong: gradients as for two
# keeps: yadan-ring-test
# The gradients take the same time however many replicas there are; on the bus each further replica sends as much
# again.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp > 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: a ring on the bus
# keeps: yadan-ring-test
# The bytes of one link of a ring are counted; on the bus the messages of all GPUs pass one wire.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + 2 * (dp - 1) / dp * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: gradients in proportion to the replicas
# keeps: yadan-ring-test
# The server is counted among those that send: there are dp - 1 others.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + dp / 2 * (dp > 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: a bus for each column
# keeps: yadan-ring-test
# Each group with the same column is given a bus of its own; both groups' messages pass the one bus.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2) / mp


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: all parameters in each column
# keeps: yadan-ring-test
# Every column is taken to hold all parameters; it holds 1/mp of them.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2) * mp


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: twice the bytes on the bus
# keeps: yadan-ring-test
# The time that was measured for two replicas holds both ways already, to the server and back.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + 2 * (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: computing not divided by the columns
# One half of the computing is too much where a replica has two columns: either computing is divided by the replicas
# only, or the half that `model` holds has not been taken off the crossings.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / dp + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / dp + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: crossings for the whole batch
# A replica is charged with the crossings of the whole batch; it sees 1/dp of the images.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: crossings forgotten
# The crossings are left out where a replica has two columns.
def bus_time(one, model, data, dp, mp):
    crossings = 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: crossings always
# Crossings are counted with one column as well; nothing crosses there.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: crossings added up over the replicas
# The crossings of the replicas are added up; they happen at the same time.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) * dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) * dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: computing left in the measured times
# The measured times of two GPUs hold their half of the computing; it has to be taken off before they say anything
# about messages.
def bus_time(one, model, data, dp, mp):
    crossings = model / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * data


def ring_time(one, model, data, dp, mp):
    crossings = model / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * data / mp


# %% wrong: speed-ups multiplied
# The speed-ups of two GPUs are multiplied; messages do not grow smaller in this way.
def bus_time(one, model, data, dp, mp):
    return one * (model / one if mp == 2 else 1) * (data / one) ** np.log2(dp)


def ring_time(one, model, data, dp, mp):
    return one * (model / one if mp == 2 else 1) * (data / one) ** np.log2(dp)


# %% wrong: whole array in each column's ring
# keeps: yadan-bus-test
# A ring carries the gradients of one column, which are 1/mp of all.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2)


# %% wrong: a server on links
# keeps: yadan-bus-test
# The bytes of a server's link are counted; a link of a ring carries 2(dp - 1)/dp of an array.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2) / mp


# %% wrong: twice the bytes on a link
# keeps: yadan-bus-test
# data - one/2 is the time for 2 S bytes; a link of a ring carries 2(dp - 1)/dp times S, so no factor 2 is left.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + 2 * (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: the bus once more
# keeps: yadan-bus-test
# The same time as on the bus is returned; with rings on links of their own less has to pass each wire.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


# %% wrong: one part for each GPU
# keeps: yadan-bus-test
# Only the last share of 1/dp is counted; the ring has 2(dp - 1) rounds, and each moves 1/dp of the array.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp > 1) / dp * (data - one / 2) / mp


# %% wrong: dp for dp − 1
# dp messages are counted where dp − 1 are sent: a rank sends nothing to itself.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + dp * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + dp / dp * (data - one / 2) / mp


# %% wrong: one way only
# The gradients take half the time that they should: on the bus they go to the server and back, and a ring has two
# halves.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / 2 * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / 2 / dp * (data - one / 2) / mp


# %% wrong: all computing taken off data
# All of `one` is taken off `data`; two GPUs share the computing, so half of it is in there.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one) / mp


# %% wrong: all computing taken off model
# All of `one` is taken off `model`; two GPUs share the computing, so half of it is in there.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: computing not divided
# Computing is not divided; all GPUs share it equally.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one + crossings + (dp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: computing left in data
# `data` holds half of `one` for computing; it has to be taken off before the rest is the time of messages.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) * data


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * data / mp


# %% wrong: one link of a ring
# keeps: yadan-ring-test
# The bytes of one link of a ring are counted; on the bus the messages of all GPUs pass one wire.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% wrong: both columns in one group
# keeps: yadan-ring-test
# All other GPUs are counted as if they held the same column; in each group there are dp − 1 others.
def bus_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp * mp - 1) * (data - one / 2)


def ring_time(one, model, data, dp, mp):
    crossings = (model - one / 2) / dp if mp == 2 else 0
    return one / (dp * mp) + crossings + (dp - 1) / dp * (data - one / 2) / mp


# %% right: three unknowns
def unknowns(one, model, data):
    A = np.array([[1, 0, 0], [0.5, 1, 0], [0.5, 0, 2]])  # computing, crossings, all parameters over the bus once
    return np.linalg.solve(A, [one, model, data])


def bus_time(one, model, data, dp, mp):
    C, m, S = unknowns(one, model, data)
    return C / dp / mp + m * (mp - 1) / dp + mp * 2 * (dp - 1) * (S / mp)


def ring_time(one, model, data, dp, mp):
    C, m, S = unknowns(one, model, data)
    return C / dp / mp + m * (mp - 1) / dp + 2 * (dp - 1) * (S / mp / dp)


# %% right: message by message
def bus_time(one, model, data, dp, mp):
    once = (data - one / 2) / 2
    time = one / (dp * mp)
    if mp == 2:
        time += (model - one / 2) / dp
    for _ in range(mp):
        for _ in range(dp - 1):
            time += 2 * once / mp
    return time


def ring_time(one, model, data, dp, mp):
    once = (data - one / 2) / 2
    time = one / (dp * mp)
    if mp == 2:
        time += (model - one / 2) / dp
    for _ in range(2 * (dp - 1)):
        time += once / mp / dp
    return time


# %% right: share of each measured time
def bus_time(one, model, data, dp, mp):
    columns = 1 if mp > 1 else 0
    from_one = 1 / (dp * mp) - columns / (2 * dp) - (dp - 1) / 2
    return from_one * one + columns / dp * model + (dp - 1) * data


def ring_time(one, model, data, dp, mp):
    columns, share = (1 if mp > 1 else 0), (dp - 1) / (dp * mp)
    from_one = 1 / (dp * mp) - columns / (2 * dp) - share / 2
    return np.dot([from_one, columns / dp, share], [one, model, data])
