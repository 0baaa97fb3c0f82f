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


# %% wrong: parts cut by rounding up
# The parts have ceil(n/N) entries, and the last ones what is left; lengths may differ by one at most.
def ring_schedule(order, n):
    N = len(order)
    bounds = [min(i * -(-n // N), n) for i in range(N + 1)]
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


# %% wrong: longer parts in between
# keeps: ring-gather-test
# Part i begins at i n // N, so the longer parts lie in between; the first n % N parts are the longer ones.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * n // N for i in range(N + 1)]
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


# %% wrong: stop is the last entry
# The last entry of each part is missing: a message holds the entries start to stop − 1.
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
                messages.append((order[i], order[(i + 1) % N], start, stop - 1, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: source and target exchanged
# Source and target are exchanged: the rank at place i comes first, then the one at the next place.
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
                messages.append((order[(i + 1) % N], order[i], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: empty rounds dropped
# keeps: ring-reduce-test
# A round without messages is left out; it stays in the list, as an empty list.
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
        if messages:
            rounds.append(messages)
    return rounds


# %% wrong: a round after the last
# keeps: ring-reduce-test
# There is a round after the last one; every rank holds the whole sum before it.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * N - 1):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: second half begins like the first
# keeps: ring-reduce-test
# The second half begins with the parts with which the first half began; each place has to begin with the part that it
# has completed.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t % (N - 1) - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            if start < stop:
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: messages not in rounds
# The messages follow each other in one list; those of a round belong in a list of their own.
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
        rounds.extend(messages)
    return rounds


# %% wrong: add left out
# A message has five values; the last one, add, is missing.
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
                messages.append((order[i], order[(i + 1) % N], start, stop))
        rounds.append(messages)
    return rounds


# %% wrong: added once too often
# keeps: ring-reduce-test
# The first round of the second half still adds; complete parts take the place of what a rank holds.
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
                messages.append((order[i], order[(i + 1) % N], start, stop, t < N))
        rounds.append(messages)
    return rounds


# %% wrong: parts without entries sent
# A part without entries is sent; there is no message for it.
def ring_schedule(order, n):
    N = len(order)
    bounds = [i * (n // N) + min(i, n % N) for i in range(N + 1)]
    rounds = []
    for t in range(2 * (N - 1)):
        messages = []
        for i in range(N):
            part = (i - t - 1) % N
            start, stop = bounds[part], bounds[part + 1]
            messages.append((order[i], order[(i + 1) % N], start, stop, t < N - 1))
        rounds.append(messages)
    return rounds


# %% wrong: length for stop
# The fourth value of a message is the length of the part; it has to be the entry at which the part stops.
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
                messages.append((order[i], order[(i + 1) % N], start, stop - start, t < N - 1))
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
