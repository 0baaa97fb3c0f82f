# %% wrong: nothing returned
# The three values are computed and not returned: a return statement is missing.
def sgdr_clock(t, T_0, T_mult):
    return None


# %% wrong: restart one update late
# A run gets one update too many: at t = T_0 the second run has begun, so ask >=, not >.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run, T_i = 0, T_0
    while t > T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: all updates so far
# T_cur is the number of all updates so far (erratum 4.43); it counts from the last restart.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t, T_0
    run, T_i, left = 0, T_0, t
    while left >= T_i:
        run, left, T_i = run + 1, left - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: equal runs
# All runs have the length T_0: T_mult takes no part.
def sgdr_clock(t, T_0, T_mult):
    return t // T_0, t % T_0, T_0


# %% wrong: growing by T_0
# Each run is T_0 longer than the one before; it is T_mult times as long.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i and run < 1000:
        run, t, T_i = run + 1, t - T_i, T_i + T_0
    return run, t, T_i


# %% wrong: growing by T_mult
# Each run is T_mult longer than the one before; it is T_mult times as long.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i and run < 1000:
        run, t, T_i = run + 1, t - T_i, T_i + T_mult
    return run, t, T_i


# %% wrong: lengths taken as restarts
# The restarts are put at T_0 T_mult^i; those are the lengths of the runs, and a restart comes after the sum of all of them so far.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run, start, T_i = 0, 0, T_0
    while t >= T_i:
        run, start, T_i = run + 1, T_i, T_i * T_mult
    return run, t - start, T_i


# %% wrong: runs counted from 1
# The first run has the number 1; run is the number of restarts so far, 0 in the first run.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0 + 1, t % T_0, T_0
    run, T_i = 1, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: length of the next run
# T_i is the length of the next run; it is that of the present one.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i * T_mult


# %% wrong: updates that are left
# T_cur is the number of updates left in the run; it counts those since the last restart.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, T_0 - t % T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, T_i - t, T_i


# %% wrong: clock begins at 1
# T_cur is 1 at a restart; it is 0 there.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0 + 1, T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t + 1, T_i


# %% wrong: other order
# The three values come in another order: run, T_cur, T_i is asked for.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t % T_0, T_0, t // T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return t, T_i, run


# %% wrong: fractions
# T_cur and T_i are floats; whole numbers stay exact with //, % and *, and without math functions.
def sgdr_clock(t, T_0, T_mult):
    t, T_i, run = float(t), float(T_0), 0
    if T_mult == 1:
        return int(t // T_i), t % T_i, T_i
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: a logarithm, rounded
# The number of the run is taken from a logarithm, which is rounded and misses restarts.
def sgdr_clock(t, T_0, T_mult):
    from math import floor, log

    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run = floor(log(1 + t * (T_mult - 1) / T_0, T_mult))
    start = T_0 * (T_mult**run - 1) // (T_mult - 1)
    return run, t - start, T_0 * T_mult**run


# %% wrong: one slash
# The number of the run is rounded: / gives a fraction of 16 digits, // is exact.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        run = int(t / T_0)
        return run, t - run * T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: a loop over equal runs
# With T_mult = 1 the runs do not grow, and this goes through t / T_0 of them; a division does it at once.
def sgdr_clock(t, T_0, T_mult):
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: a loop over t
# This walks through all updates up to t; take whole runs at a time.
def sgdr_clock(t, T_0, T_mult):
    run, T_cur, T_i = 0, 0, T_0
    for _ in range(t):
        T_cur += 1
        if T_cur == T_i:
            run, T_cur, T_i = run + 1, 0, T_i * T_mult
    return run, T_cur, T_i


# %% wrong: growing by T_0 T_mult
# Each run is T_0 T_mult longer than the one before; it is T_mult times as long.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i and run < 1000:
        run, t, T_i = run + 1, t - T_i, T_i + T_0 * T_mult
    return run, t, T_i


# %% wrong: last two exchanged
# T_cur and T_i are exchanged: run, T_cur, T_i is asked for.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return t // T_0, T_0, t % T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, T_i, t


# %% wrong: one slash, for the run alone
# The division is done in floats, so the number of the run is rounded: / gives a fraction of 16 digits, // is exact.
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        return int(t / T_0), t % T_0, T_0
    run, T_i = 0, T_0
    while t >= T_i:
        run, t, T_i = run + 1, t - T_i, T_i * T_mult
    return run, t, T_i


# %% wrong: a recursion over equal runs
# With T_mult = 1 the runs do not grow, and this calls itself for each of t / T_0 runs; a division does it at once.
def sgdr_clock(t, T_0, T_mult):
    if t < T_0:
        return 0, t, T_0
    run, T_cur, T_i = sgdr_clock(t - T_0, T_0 * T_mult, T_mult)
    return run + 1, T_cur, T_i


# %% wrong: closed form of equal runs
# With T_mult = 1 this divides by 0, which T_mult − 1 is (and its logarithm); runs of equal length are a case of their own.
def sgdr_clock(t, T_0, T_mult):
    run = 0
    while T_0 * (T_mult ** (run + 1) - 1) // (T_mult - 1) <= t:
        run += 1
    return run, t - T_0 * (T_mult**run - 1) // (T_mult - 1), T_0 * T_mult**run


# %% right: closed form in integers
def sgdr_clock(t, T_0, T_mult):
    if T_mult == 1:
        run, T_cur = divmod(t, T_0)
        return run, T_cur, T_0


    def begins(run):
        return T_0 * (T_mult**run - 1) // (T_mult - 1)


    run = 0
    while begins(run + 1) <= t:
        run += 1
    return run, t - begins(run), T_0 * T_mult**run


# %% right: list of restarts
def sgdr_clock(t, T_0, T_mult):
    from bisect import bisect_right

    if T_mult == 1:
        return [t // T_0, t - t // T_0 * T_0, T_0]
    starts, lengths = [0], [T_0]
    while starts[-1] + lengths[-1] <= t:
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * T_mult)
    run = bisect_right(starts, t) - 1
    return [run, t - starts[run], lengths[run]]


# %% right: from the inside
def sgdr_clock(t, T_0, T_mult):
    if t < T_0:
        return 0, t, T_0
    if T_mult == 1:
        return (t // T_0, *divmod(t, T_0)[1:], T_0)
    run, T_cur, T_i = sgdr_clock(t - T_0, T_0 * T_mult, T_mult)
    return run + 1, T_cur, T_i


# %% right: a logarithm, corrected
def sgdr_clock(t, T_0, T_mult):
    import math

    if T_mult == 1:
        return t // T_0, t % T_0, T_0
    run = max(int(math.log(1 + t // T_0 * (T_mult - 1), T_mult)) - 2, 0)
    while T_0 * (T_mult ** (run + 1) - 1) <= t * (T_mult - 1):
        run += 1
    return run, t - T_0 * ((T_mult**run - 1) // (T_mult - 1)), T_0 * T_mult**run
