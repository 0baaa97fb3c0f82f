# %% wrong: nothing returned
# The rounds are made and not returned: a return statement is missing.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return None


# %% wrong: never added
# Parts replace what they meet in the first half as well; there they have to be added.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, False))
        rounds.append(messages)
    return rounds


# %% wrong: always added
# keeps: ring-reduce-test
# Complete parts are added in the second half; there they have to take the place of what a rank holds.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, True))
        rounds.append(messages)
    return rounds


# %% wrong: one place too far
# keeps: ring-gather-test
# The first half ends with part i + 1 complete at place i, so part i comes out at the wrong place; begin with another
# part.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: the other way round
# The parts travel to the place before; the wires lead from each place to the next one.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i + t + 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[i - 1], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: places taken for ranks
# Places in the ring are taken for ranks: the message must name order[i] and the rank at the place after it.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((i, (i + 1) % N, start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: next number for next place
# The target is the rank with the next number; it has to be the rank at the next place.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], (order[i] + 1) % N, start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: the tail is lost
# All parts have n // N entries, so the last n % N entries belong to no part and are never summed.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: the tail in the last part
# The last part takes the whole remainder; lengths may differ by one at most, as the longest part sets the time.
def ring_schedule(order, n):
    N = len(order)
    bounds = [*(i * (n // N) for i in range(N)), n]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: longer parts at the end
# keeps: ring-gather-test
# The longer parts come last; the first n % N parts are the longer ones.
def ring_schedule(order, n):
    N = len(order)
    bounds = [n - i * (n // N) - min(i, n % N) for i in range(N, -1, -1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: one round too many
# keeps: ring-reduce-test
# Each half has N rounds; a part meets all other ranks in N - 1, and then comes back to where it began.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * N):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N))
        rounds.append(messages)
    return rounds


# %% wrong: one round too few
# Each half lacks a round: a part has to pass N - 1 wires to meet all ranks.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(max(2 * (N - 2), 0)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 2))
        rounds.append(messages)
    return rounds


# %% wrong: first half only
# keeps: ring-reduce-test
# The rounds end when each rank has one part of the sum; the complete parts still have to travel on to all others.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(N - 1):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: second half begins with the wrong part
# keeps: ring-reduce-test
# In the second half each place begins with a part that it has not completed; it has to begin with the complete one.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - (t < N - 1)) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: the same part again
# Each place sends the same part in every round; it has to pass on what it has just received.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: the whole array
# Every message is the whole array, so each rank sends N times as much as it has to.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = 0, n
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% right: two halves
def ring_schedule(order, n):
    N = len(order)
    parts = np.array_split(range(n), N)

    def one_round(offset, add):
        found = []
        for i, rank in enumerate(order):
            part = parts[(i + offset) % N]
            if len(part):
                found.append([rank, order[(i + 1) % N], int(part[0]), int(part[-1]) + 1, add])
        return found

    first = [one_round(-1 - t, True) for t in range(N - 1)]
    second = [one_round(-t, False) for t in range(N - 1)]
    return first + second


# %% right: each part on its way
def ring_schedule(order, n):
    N, start = len(order), 0
    rounds = [[] for _ in range(2 * N - 2)]
    for part in range(N):
        stop = start + n // N + (1 if part < n % N else 0)
        place = (part + 1) % N
        for t in range(2 * N - 2):
            following = (place + 1) % N
            if stop > start:
                rounds[t].append((order[place], order[following], start, stop, t + 1 < N))
            place = following
        start = stop
    return rounds


# %% right: array of bounds, numbers from NumPy
def ring_schedule(order, n):
    N = len(order)
    bounds = np.concatenate([[0], np.cumsum(n // N + (np.arange(N) < n % N))]).astype(int)
    rounds = []
    for t in range(2 * N - 2):
        parts = np.roll(np.arange(N), t + 1)
        messages = zip(order, order[1:] + order[:1], bounds[parts], bounds[parts + 1])
        rounds.append(tuple((s, to, a, b, t <= N - 2) for s, to, a, b in messages if b > a))
    return tuple(rounds)
