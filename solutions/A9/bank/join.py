# %% wrong: nothing returned
# Nothing is returned: the inner function is defined, and return is missing.
def join(first, second, boundary):
    return None


def cycle(schedule, T):
    return None


# %% wrong: a rate instead of a function
# A rate is returned; join and cycle return a function of t, without calling it.
def join(first, second, boundary):
    return first(0) if 0 < boundary else second(0)


def cycle(schedule, T):
    return schedule(0)


# %% wrong: one clock for both
# second is asked for t itself; its own clock begins at 0 at the boundary.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: boundary one late
# At t = boundary the first schedule still runs; the second one begins there.
def join(first, second, boundary):
    return lambda t: first(t) if t <= boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: second begins at 1
# The clock of second begins at 1; its first update is its own t = 0.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary + 1)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: second's clock one behind
# At the boundary second is asked for −1: its clock begins one too low.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary - 1)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: swapped
# The schedules are swapped: first runs before the boundary.
def join(first, second, boundary):
    return lambda t: second(t) if t < boundary else first(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: first only
# The second schedule never runs.
def join(first, second, boundary):
    return lambda t: first(min(t, boundary - 1))


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: added
# The rates are added after the boundary; second takes the place of first.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else first(t) + second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: both are asked
# Both schedules are asked for every t; ask only the one that runs.
def join(first, second, boundary):
    def rate(t):
        before, after = first(t), second(t - boundary)
        return before if t < boundary else after

    return rate


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: asked in advance
# The rates of first are all asked for in advance; ask for the rate that is due, when it is due.
def join(first, second, boundary):
    table = [first(t) for t in range(min(boundary, 1000))]
    return lambda t: table[t] if t < len(table) else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: calls are counted
# The calls are counted and t is not read; the function may be asked for any t in any order.
def join(first, second, boundary):
    calls = [-1]

    def rate(t):
        calls[0] += 1
        return first(calls[0]) if calls[0] < boundary else second(calls[0] - boundary)

    return rate


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: cycle does not restart
# cycle hands t on as it is: nothing begins again.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t)


# %% wrong: cycle one update longer
# The cycle has T + 1 updates: after T of them it begins again, at 0.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % (T + 1))


# %% wrong: cycle stands still
# After the first cycle the rate stays as it is; it begins again.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(min(t, T - 1))


# %% wrong: number of the cycle
# cycle hands on the number of the cycle, t // T; the time within the cycle is the remainder.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t // T)


# %% wrong: back and forth
# Every second cycle runs backwards; each begins at 0.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % T if t // T % 2 == 0 else T - 1 - t % T)


# %% wrong: condition the wrong way
# The comparison with boundary is the wrong way round: first runs before the boundary, second from it on.
def join(first, second, boundary):
    return lambda t: first(t) if t >= boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: asked twice
# A call asks the same schedule twice; ask once and keep the rate in a name.
def join(first, second, boundary):
    def rate(t):
        if t < boundary:
            return first(t) if first(t) is not None else 0.0
        return second(t - boundary) if second(t - boundary) is not None else 0.0

    return rate


def cycle(schedule, T):
    return lambda t: schedule(t % T) if schedule(t % T) is not None else 0.0


# %% wrong: answers of join kept
# join keeps its answers and does not ask again; each call asks one schedule once.
def join(first, second, boundary):
    known = {}

    def rate(t):
        if t not in known:
            known[t] = first(t) if t < boundary else second(t - boundary)
        return known[t]

    return rate


def cycle(schedule, T):
    return lambda t: schedule(t % T)


# %% wrong: answers of cycle kept
# cycle keeps its answers and does not ask again; each call asks the schedule once.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    known = {}

    def rate(t):
        if t % T not in known:
            known[t % T] = schedule(t % T)
        return known[t % T]

    return rate


# %% wrong: cycle asks in advance
# cycle asks for its T rates in advance; ask for the rate that is due, when it is due.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    table = [schedule(t) for t in range(T)]
    return lambda t: table[t % T]


# %% wrong: cycle begins at 1
# The cycle begins with the second update of the schedule: t = 0 is its first.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule((t + 1) % T)


# %% wrong: cycle counts calls
# cycle counts its calls and does not read t; the function may be asked for any t in any order.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    calls = [-1]

    def rate(t):
        calls[0] += 1
        return schedule(calls[0] % T)

    return rate


# %% wrong: cycle restarts once
# cycle restarts once: T is taken away a single time, and there may be many cycles before t.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    return lambda t: schedule(t if t < T else t - T)


# %% wrong: one cycle after another
# This takes away one cycle after another, which takes for ever where t is large; the remainder of a division comes at once.
def join(first, second, boundary):
    return lambda t: first(t) if t < boundary else second(t - boundary)


def cycle(schedule, T):
    def rate(t):
        while t >= T:
            t -= T
        return schedule(t)

    return rate


# %% right: inner functions
def join(first, second, boundary):
    def rate(t):
        if t >= boundary:
            return second(t - boundary)
        return first(t)

    return rate


def cycle(schedule, T):
    def rate(t):
        return schedule(t - t // T * T)

    return rate


# %% right: classes
class Joined:
    def __init__(self, first, second, boundary):
        self.parts, self.boundary = (first, second), boundary

    def __call__(self, t):
        late = int(t >= self.boundary)
        return self.parts[late](t - late * self.boundary)


def join(first, second, boundary):
    return Joined(first, second, boundary)


def cycle(schedule, T):
    class Cycle:
        def __call__(self, t):
            return schedule(divmod(t, T)[1])

    return Cycle()


# %% right: partial
from functools import partial


def joined(first, second, boundary, t):
    schedule, start = (first, 0) if t < boundary else (second, boundary)
    return schedule(t - start)


def join(first, second, boundary):
    return partial(joined, first, second, boundary)


def cycle(schedule, T):
    from functools import partial

    return partial(lambda s, t: s(int(np.mod(t, T))), schedule)
