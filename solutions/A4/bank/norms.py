# %% wrong: nothing returned
# Nothing is written: out stays as it was.
def row_norms(X, out):
    return None


# %% wrong: not squared
# The entries are summed as they are; their squares are asked for.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j]
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: one column for each thread
# Each thread takes one column at most; where there are more columns than threads, the others are left out.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    s[t] = X[r, t] ** 2 if t < X.shape[1] else ZERO
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: beyond the last column
# Each thread makes the same number of turns without a guard, so some read beyond the last column.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for turn in range(math.ceil(X.shape[1] / left)):
        total += X[r, turn * left + t] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: first barrier missing
# The first barrier is missing: a thread adds its partner's part before it is known to be there.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: no barrier in the tree
# There is one barrier before the tree and none between its steps: a step may read what the step before has not finished.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        left = half
    cuda.syncthreads()
    if t == 0:
        out[r] = s[0]


# %% wrong: barrier in the if
# The barrier in the tree stands inside the if, or threads return before it; all threads of the block must come to it.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
            cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: odd one lost
# keeps: norms-test
# Halving rounds down, so where the number of parts is odd one of them is never added.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r = cuda.threadIdx.x, cuda.blockIdx.x
    total = ZERO
    for j in range(t, X.shape[1], cuda.blockDim.x):
        total += X[r, j] ** 2
    s[t] = total
    half = cuda.blockDim.x // 2
    while half > 0:
        cuda.syncthreads()
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        out[r] = s[0]


# %% wrong: partner beyond the block
# keeps: norms-test
# The first half is rounded up and every thread of it adds; the middle one has no partner and adds a part that does not exist or is used up.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t < half and t + half < MOST:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: last step missing
# The tree ends one step early: two parts are left.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 2:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: everybody writes
# All threads write out[r]; that is a race, even where all write the same number.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    out[r] = s[0]


# %% wrong: added to what was there
# The sum is added to what out held before; out[r] is to be written whatever was there.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] += s[0]


# %% wrong: one thread sums
# One thread does all the work while the others wait; the sum is right and takes as many steps as the row has columns.
def row_norms(X, out):
    if cuda.threadIdx.x == 0:
        total = ZERO
        for j in range(X.shape[1]):
            total += X[cuda.blockIdx.x, j] ** 2
        out[cuda.blockIdx.x] = total


# %% wrong: parts added one by one
# Thread 0 adds the parts one after the other; a tree takes log₂ as many steps.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, width = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], width):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    if t == 0:
        for k in range(1, width):
            total += s[k]
        out[r] = total


# %% wrong: a row for each thread
# Thread r works on row r, in every block again; here block r works on row r.
def row_norms(X, out):
    r = cuda.threadIdx.x
    if r < X.shape[0]:
        total = ZERO
        for j in range(X.shape[1]):
            total += X[r, j] ** 2
        out[r] = total


# %% wrong: nothing for idle threads
# Threads without a column leave their place in shared memory unwritten, and the tree reads it.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    if t < X.shape[1]:
        s[t] = X[r, t] ** 2
        for j in range(t + left, X.shape[1], left):
            s[t] += X[r, j] ** 2
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: tree over all of shared memory
# The tree begins with half of MOST; only as many parts exist as the block has threads.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, half = cuda.threadIdx.x, cuda.blockIdx.x, MOST // 2
    total = ZERO
    for j in range(t, X.shape[1], cuda.blockDim.x):
        total += X[r, j] ** 2
    s[t] = total
    while half > 0:
        cuda.syncthreads()
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        out[r] = s[0]


# %% wrong: root taken
# The root of the sum is written; the sum of the squares is asked for.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = math.sqrt(s[0])


# %% wrong: added before anything is there
# A thread adds to its place in shared memory before it has written there: at first the place holds nothing, not even 0.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    for j in range(t, X.shape[1], left):
        s[t] += X[r, j] ** 2
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: one part too far
# t + half <= left lets a thread add the part behind the last: the parts are numbered from 0 to left − 1.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half <= left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: grid(1) for the thread
# cuda.grid(1) numbers the threads of the whole launch; here a thread needs its number in its own block.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.grid(1), cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: share begun at grid(1)
# A share begins at cuda.grid(1), the number in the whole launch; in every block but the first, columns are left out.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(cuda.grid(1), X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: threads without a column return
# Threads without a column return at once: their places stay unwritten, and they miss the barriers.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    if t >= X.shape[1]:
        return
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: share rounded down
# A share is rounded down, so the columns that remain of the division are left out.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total, share = ZERO, X.shape[1] // left
    for j in range(t * share, (t + 1) * share):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: last part added at the end only
# keeps: norms-test
# The odd part is added once, for the number of threads; the number of parts may be odd again after a later step.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    half = left // 2
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        out[r] = s[0] + s[left - 1] if left % 2 and left > 1 else s[0]


# %% wrong: an array for each thread
# Only the first thread's part is written. An array of np.zeros belongs to its thread alone; cuda.shared.array is the one that all share.
def row_norms(X, out):
    s = np.zeros(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        half = (left + 1) // 2
        if t + half < left:
            s[t] += s[t + half]
        cuda.syncthreads()
        left = half
    if t == 0:
        out[r] = s[0]


# %% wrong: all parts added by one thread
# Thread 0 adds the parts one after the other; a tree takes log₂ as many steps.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, width = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], width):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    if t == 0:
        total = ZERO
        for k in range(width):
            total += s[k]
        out[r] = total


# %% wrong: a barrier for each part
# The parts are added one after the other, with a barrier for each; a tree adds many pairs at once.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        if t == left - 2:
            s[t] += s[t + 1]
        cuda.syncthreads()
        left -= 1
    if t == 0:
        out[r] = s[0]


# %% wrong: pairs moved together
# A thread writes the sum of a pair to a place that another thread still reads in the same step.
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    total = ZERO
    for j in range(t, X.shape[1], left):
        total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    while left > 1:
        if 2 * t + 1 < left:
            s[t] = s[2 * t] + s[2 * t + 1]
        elif 2 * t < left:
            s[t] = s[2 * t]
        cuda.syncthreads()
        left = (left + 1) // 2
    if t == 0:
        out[r] = s[0]


# %% wrong: all threads add to out
# All threads add to out[r] themselves, without shared memory; that is a race.
def row_norms(X, out):
    t, r = cuda.threadIdx.x, cuda.blockIdx.x
    out[r] = ZERO
    for j in range(t, X.shape[1], cuda.blockDim.x):
        out[r] += X[r, j] ** 2


# %% right: down from a power of two
def row_norms(X, out):
    parts = cuda.shared.array(MOST, np.float32)
    t, r, width = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    mine, j = ZERO, t
    while j < X.shape[1]:
        v = X[r, j]
        mine = mine + v * v
        j += width
    parts[t] = mine
    step = MOST // 2
    while step > 0:
        cuda.syncthreads()
        if t < step and t + step < width:
            parts[t] = parts[t] + parts[t + step]
        step //= 2
    if t == 0:
        out[r] = parts[0]


# %% right: neighbours first
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, n = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    s[t] = ZERO
    for j in range(t, X.shape[1], n):
        s[t] += X[r, j] * X[r, j]
    for power in range(6):
        step = 2**power
        cuda.syncthreads()
        if t % (2 * step) == 0 and t + step < n:
            s[t] += s[t + step]
    if t == 0:
        out[r] = s[t]


# %% right: the surplus first
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, width = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    power = 2 ** int(math.log2(width))
    total = np.float32(0)
    for j in range(X.shape[1]):
        if j % width == t:
            total += X[r, j] ** 2
    s[t] = total
    cuda.syncthreads()
    if t + power < width:
        s[t] += s[t + power]
    while power > 1:
        power //= 2
        cuda.syncthreads()
        if t < power:
            s[t] += s[t + power]
    cuda.syncthreads()
    if t == width - 1:
        out[r] = s[0]


# %% right: two shared arrays in turn
def row_norms(X, out):
    a = cuda.shared.array(MOST, np.float32)
    b = cuda.shared.array(MOST, np.float32)
    t, r, left = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x
    share = -(-X.shape[1] // left)
    total = 0.0
    for j in range(t * share, min((t + 1) * share, X.shape[1])):
        total += float(X[r, j]) ** 2
    a[t] = total
    while left > 1:
        cuda.syncthreads()
        if 2 * t + 1 < left:
            b[t] = a[2 * t] + a[2 * t + 1]
        elif 2 * t < left:
            b[t] = a[2 * t]
        a, b, left = b, a, (left + 1) // 2
    if t == 0:
        out[r] = a[0]


# %% right: zeros up to MOST
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, width, half = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x, MOST // 2
    for k in range(t, MOST, width):
        s[k] = ZERO
    for j in range(t, X.shape[1], width):
        s[t] += X[r, j] ** 2
    while half > 0:
        cuda.syncthreads()
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        out[r] = s[0]


# %% right: a tree over MOST places, each thread with its share of the pairs
def row_norms(X, out):
    s = cuda.shared.array(MOST, np.float32)
    t, r, width, half = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x, MOST // 2
    for k in range(t, MOST, width):
        s[k] = ZERO
    for j in range(t, X.shape[1], width):
        s[t] += X[r, j] ** 2
    while half > 0:
        cuda.syncthreads()
        for k in range(t, half, width):
            s[k] += s[k + half]
        half //= 2
    cuda.syncthreads()
    if t == 0:
        out[r] = s[0]


# %% right: two rows of shared memory, copied at each step
def row_norms(X, out):
    s = cuda.shared.array((2, MOST), np.float32)
    t, r, left, k = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockDim.x, 0
    s[0, t] = ZERO
    for j in range(t, X.shape[1], left):
        s[0, t] = s[0, t] + X[r, j] * X[r, j]
    while left > 1:
        cuda.syncthreads()
        half = (left + 1) // 2
        if t < half:
            s[1 - k, t] = s[k, t]
            if t + half < left:
                s[1 - k, t] = s[1 - k, t] + s[k, t + half]
        k, left = 1 - k, half
    if t == 0:
        out[r] = s[k, 0]
