# %% wrong: nothing returned
# The times are computed and not returned: a return statement is missing.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return None


# %% wrong: no buckets
# Every layer is sent on its own; gradients are to wait until the bucket holds limit bytes.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held:
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: one bucket
# All gradients wait for the end of the backward pass; a bucket with limit bytes is sent at once.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: the last bucket is not sent
# A bucket that has not reached the limit after the last layer is never sent.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: closed above the limit only
# A bucket with exactly limit bytes stays open; it is closed with limit bytes or more.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held > limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: closed before it overflows
# A bucket is closed before the gradient that would reach the limit; that gradient belongs to it.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for seconds, nbytes in layers:
        if held and held + nbytes >= limit:
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
        computed += seconds
        held += nbytes
    if held:
        free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
        count += 1
    return max(free - computed, 0), count


# %% wrong: all-reduces at the same time
# Each all-reduce starts when its bucket is closed, even while another one is under way; they run one after another.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = computed + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: sent before it is computed
# The all-reduces follow each other from the start of the backward pass; none can start before its gradients are
# computed.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = free + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: no overlap
# The all-reduces all start after the backward pass; they run beside it as soon as a bucket is closed.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, sum(seconds for seconds, _ in layers)) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: whole arrays in every round
# A message of a round is taken to be as long as the bucket; it is one of N parts.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: half of the rounds
# N - 1 rounds are counted; a ring has as many again, in which the complete parts travel on.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: N rounds in each half
# 2N rounds are counted; each half of a ring has N - 1.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * N * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: latency once
# The latency is paid once for each bucket; every round waits for a message of its own.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + alpha + 2 * (N - 1) * held / N / beta
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: a parameter server
# These are the seconds of a parameter server, whose one link carries 2(N - 1) whole arrays.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + N * alpha + 2 * (N - 1) * held / beta
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: time from the start
# The end of the last all-reduce is counted from the start of the backward pass; exposed is what lies after its end.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return free, count


# %% wrong: negative seconds
# Where the last all-reduce ends before the backward pass, a negative number comes out; nothing is exposed then.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return free - computed, count


# %% wrong: empty buckets are sent
# A bucket of 0 bytes is sent, and costs the latency of all rounds.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held >= limit or k == len(layers):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: one rank not counted
# With N = 1 an all-reduce counts as well, though it takes no time.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + (N > 1)
    return max(free - computed, 0), count


# %% wrong: bucket not emptied
# The bucket keeps its bytes when it has been sent; the next gradient opens a new one.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            count += 1
    return max(free - computed, 0), count


# %% wrong: last layer found by its numbers
# The last layer is found by its seconds and bytes; an earlier layer may have the same ones.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or (seconds, nbytes) == layers[-1]):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: layers without bytes passed over
# A layer of 0 bytes is passed over before it is asked whether it is the last one; the open bucket then stays open.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        if not nbytes:
            continue
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% wrong: closed before the limit is passed
# A bucket is closed before the gradient that would take it past the limit; that gradient belongs to it.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for seconds, nbytes in layers:
        if held and held + nbytes > limit:
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count = 0, count + 1
        computed += seconds
        held += nbytes
    if held:
        free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
        count += 1
    return max(free - computed, 0), count


# %% wrong: the backward pass waits
# The backward pass waits for each all-reduce; it goes on without a pause.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held and (held >= limit or k == len(layers)):
            free = max(free, computed) + 2 * (N - 1) * (alpha + held / N / beta)
            held, count, computed = 0, count + 1, free
    return max(free - computed, 0), count


# %% wrong: empty buckets counted
# A bucket of 0 bytes is counted; it is neither sent nor counted.
def exposed(layers, limit, N, alpha, beta):
    computed = free = held = count = 0
    for k, (seconds, nbytes) in enumerate(layers, start=1):
        computed += seconds
        held += nbytes
        if held >= limit or k == len(layers):
            free = max(free, computed) + 2 * (N - 1) * (alpha * (held > 0) + held / N / beta)
            held, count = 0, count + 1
    return max(free - computed, 0), count


# %% right: buckets first
def exposed(layers, limit, N, alpha, beta):
    buckets, clock, current = [], 0.0, 0.0
    for seconds, nbytes in layers:
        clock += seconds
        current += nbytes
        if current >= limit:
            buckets.append((clock, current))
            current = 0.0
    buckets.append((clock, current))
    buckets = [(closed, size) for closed, size in buckets if size > 0]
    end = 0.0
    for closed, size in buckets:
        end = max(end, closed)
        for _ in range(2 * (N - 1)):
            end = end + alpha + size / (N * beta)
    return np.maximum(0, end - clock), len(buckets)


# %% right: from the end
def exposed(layers, limit, N, alpha, beta):
    """The end is the latest, over all buckets, of when it is closed plus all sums from it on."""
    total = sum(seconds for seconds, _ in layers)
    closed, costs, clock, held = [], [], 0.0, 0.0
    for k in range(len(layers)):
        clock, held = clock + layers[k][0], held + layers[k][1]
        if (held >= limit or k == len(layers) - 1) and held > 0:
            closed.append(clock)
            costs.append(2 * (N - 1) * alpha + 2 * (N - 1) / N * held / beta)
            held = 0.0
    ends = [closed[k] + sum(costs[k:]) for k in range(len(closed))]
    return max([end - total for end in ends] + [0.0]), len(closed)


# %% right: arrays
def exposed(layers, limit, N, alpha, beta):
    times, sizes = np.array(layers, dtype=float).T
    clock, total, end, count, begin = np.cumsum(times), np.cumsum(sizes), 0.0, 0, 0
    while begin < len(sizes):
        sent = total[begin - 1] if begin else 0.0
        full = np.flatnonzero(np.round(total[begin:] - sent, 6) >= limit)
        last = begin + full[0] if len(full) else len(sizes) - 1
        size = sizes[begin : last + 1].sum()
        if size > 0:
            end, count = max(end, clock[last]) + 2 * (N - 1) * (alpha + size / N / beta), count + 1
        begin = last + 1
    return float(max(end - clock[-1], 0.0)), count
