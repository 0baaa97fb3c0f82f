# %% wrong: nothing returned
# The mean is computed and not returned: a return statement is missing.
def mean_loss(batch_loss, n, B):
    for start in range(0, n, B):
        batch_loss(start, min(start + B, n))


# %% wrong: zero
# The total is never added to: the result is 0.
def mean_loss(batch_loss, n, B):
    for start in range(0, n, B):
        batch_loss(start, min(start + B, n))
    return 0.0


# %% wrong: input unchanged
# The number of examples comes back, not their mean loss.
def mean_loss(batch_loss, n, B):
    for start in range(0, n, B):
        batch_loss(start, min(start + B, n))
    return n


# %% wrong: mean of means
# The batches' means are averaged as if the batches were equally long; the short one counts too much.
def mean_loss(batch_loss, n, B):
    means = [batch_loss(start, min(start + B, n)) for start in range(0, n, B)]
    return sum(means) / len(means)


# %% wrong: short batch dropped
# The short batch at the end is left out, so some examples are never seen.
def mean_loss(batch_loss, n, B):
    total = 0.0
    for start in range(0, n - B + 1, B):
        total += batch_loss(start, start + B) * B
    return total / n


# %% wrong: nominal batch size
# Every batch is weighted by B, the short one too, so it counts too much.
def mean_loss(batch_loss, n, B):
    return sum(batch_loss(start, min(start + B, n)) * B for start in range(0, n, B)) / n


# %% wrong: past the end
# The last batch reaches past the end of the data: its stop is larger than n.
def mean_loss(batch_loss, n, B):
    return sum(batch_loss(start, start + B) * B for start in range(0, n, B)) / n


# %% wrong: overlapping batches
# The start moves on by 1 instead of B: batches overlap and examples are seen several times.
def mean_loss(batch_loss, n, B):
    total = count = 0
    for start in range(0, n):
        stop = min(start + B, n)
        total += batch_loss(start, stop) * (stop - start)
        count += stop - start
    return total / count


# %% wrong: summed
# This is the sum of the losses; it is not divided by the number of examples.
def mean_loss(batch_loss, n, B):
    return sum(batch_loss(start, min(start + B, n)) * (min(start + B, n) - start) for start in range(0, n, B))


# %% wrong: last batch only
# The total is overwritten in each round instead of added to: only the last batch is left.
def mean_loss(batch_loss, n, B):
    for start in range(0, n, B):
        stop = min(start + B, n)
        total = batch_loss(start, stop) * (stop - start)
    return total / n


# %% wrong: divided by B
# The sum over the examples is divided by B; it is divided by how many they are.
def mean_loss(batch_loss, n, B):
    return sum(batch_loss(start, min(start + B, n)) * (min(start + B, n) - start) for start in range(0, n, B)) / B


# %% wrong: divided by the number of batches
# The sum over the examples is divided by the number of batches; it is divided by how many examples there are.
def mean_loss(batch_loss, n, B):
    starts = range(0, n, B)
    return sum(batch_loss(start, min(start + B, n)) * (min(start + B, n) - start) for start in starts) / len(starts)


# %% wrong: weighted by stop
# Each batch is weighted by its stop; its length is stop minus start.
def mean_loss(batch_loss, n, B):
    return sum(batch_loss(start, min(start + B, n)) * min(start + B, n) for start in range(0, n, B)) / n


# %% wrong: stop one too small
# Each stop is one too small: batch_loss(start, stop) leaves out example stop already.
def mean_loss(batch_loss, n, B):
    total = 0.0
    for start in range(0, n, B):
        stop = min(start + B, n)
        total += batch_loss(start, stop - 1) * (stop - start)
    return total / n


# %% wrong: empty batch
# Where B divides n, a batch without examples is asked for at the end.
def mean_loss(batch_loss, n, B):
    total = 0.0
    for k in range(n // B + 1):
        start, stop = k * B, min(k * B + B, n)
        total += batch_loss(start, stop) * (stop - start)
    return total / n


# %% wrong: remainder as length
# The last batch is weighted by n % B, which is 0 where B divides n.
def mean_loss(batch_loss, n, B):
    total = 0.0
    for start in range(0, n, B):
        total += batch_loss(start, min(start + B, n)) * (B if start + B < n else n % B)
    return total / n


# %% right: while
def mean_loss(batch_loss, n, B):
    start, total = 0, 0.0
    while start < n:
        length = min(B, n - start)
        total += length * batch_loss(start, start + length)
        start += length
    return total / n


# %% right: weighted average
def mean_loss(batch_loss, n, B):
    starts = np.arange(0, n, B)
    stops = np.minimum(starts + B, n)
    means = [batch_loss(int(a), int(b)) for a, b in zip(starts, stops)]
    return float(np.average(means, weights=stops - starts))


# %% right: array_split
def mean_loss(batch_loss, n, B):
    pieces = np.array_split(np.arange(n), range(B, n, B))
    return sum(len(p) / n * batch_loss(p[0], p[-1] + 1) for p in pieces)


# %% right: by keyword
def mean_loss(batch_loss, n, B):
    total = 0.0
    for start in range(0, n, B):
        stop = min(start + B, n)
        total += (stop - start) / n * batch_loss(start=start, stop=stop)
    return total
