# %% wrong: nothing returned
# Nothing is written: y stays as it was.
def saxpy(n, a, x, y):
    return None


# %% wrong: one element for each thread
# keeps: saxpy-test
# Each thread takes one element at most; on a grid with too few threads the other elements are left out.
def saxpy(n, a, x, y):
    i = cuda.grid(1)
    if i < n:
        y[i] = a * x[i] + y[i]


# %% wrong: no guard
# The guard is missing: threads beyond the last element use entries that are not theirs.
def saxpy(n, a, x, y):
    i = cuda.grid(1)
    y[i] = a * x[i] + y[i]


# %% wrong: a row of elements for each thread
# keeps: saxpy-test, saxpy-few-test
# Each thread takes a row of neighbouring elements, so in each turn the threads of a warp read entries that lie apart.
def saxpy(n, a, x, y):
    share = math.ceil(n / cuda.gridsize(1))
    first = cuda.grid(1) * share
    for i in range(first, min(first + share, n)):
        y[i] = a * x[i] + y[i]


# %% wrong: steps of one block
# A thread goes on by the size of a block, and so takes elements of the next blocks too; all threads of the grid make one turn together.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n, cuda.blockDim.x):
        y[i] = a * x[i] + y[i]


# %% wrong: block number forgotten
# The element is computed without the number of the block: every block takes the elements of the first.
def saxpy(n, a, x, y):
    for i in range(cuda.threadIdx.x, n, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


# %% wrong: steps of one
# A thread goes on by one element, so all threads take nearly all elements.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n):
        y[i] = a * x[i] + y[i]


# %% wrong: last element lost
# The last element is left out: i < n − 1 stands where i < n is meant.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n - 1, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


# %% wrong: first element lost
# The elements are counted from 1: element 0 is left out.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1) + 1, n, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


# %% wrong: length of the array
# The whole of y is changed; only the first n entries are meant, and the arrays may be longer.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), len(y), cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


# %% wrong: y overwritten
# y[i] becomes a x[i]; what was in y is lost.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        y[i] = a * x[i]


# %% wrong: a times both
# a multiplies the sum of both; it belongs to x alone.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        y[i] = a * (x[i] + y[i])


# %% wrong: written to x
# The result is written to x; it belongs into y.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        x[i] = a * x[i] + y[i]


# %% wrong: rest of the division left out
# Each thread makes n // threads turns, so the elements that remain of the division are left out.
def saxpy(n, a, x, y):
    for turn in range(n // cuda.gridsize(1)):
        i = cuda.grid(1) + turn * cuda.gridsize(1)
        y[i] = a * x[i] + y[i]


# %% wrong: one element too many
# Element n is changed as well: i <= n stands where i < n is meant.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n + 1, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


# %% wrong: steps of the number of blocks
# A thread goes on by gridDim, the number of blocks; all threads of the grid make one turn together.
def saxpy(n, a, x, y):
    for i in range(cuda.grid(1), n, cuda.gridDim.x):
        y[i] = a * x[i] + y[i]


# %% wrong: every block takes every element
# Each block takes all elements, by itself; the blocks are to share them.
def saxpy(n, a, x, y):
    for i in range(cuda.threadIdx.x, n, cuda.blockDim.x):
        y[i] = a * x[i] + y[i]


# %% wrong: every thread takes every element
# Every thread takes every element; each element is for one thread.
def saxpy(n, a, x, y):
    for i in range(n):
        y[i] = a * x[i] + y[i]


# %% wrong: one thread takes every element
# One thread does all the work; the others have none.
def saxpy(n, a, x, y):
    if cuda.grid(1) == 0:
        for i in range(n):
            y[i] = a * x[i] + y[i]


# %% wrong: turns without a guard
# The last turn is not guarded: threads behind the last element use entries that are not theirs.
def saxpy(n, a, x, y):
    for turn in range(math.ceil(n / cuda.gridsize(1))):
        i = cuda.grid(1) + turn * cuda.gridsize(1)
        y[i] = a * x[i] + y[i]


# %% right: while
def saxpy(n, a, x, y):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    while i < n:
        y[i] += a * x[i]
        i += cuda.gridDim.x * cuda.blockDim.x


# %% right: turns with a guard
def saxpy(n, a, x, y):
    threads = cuda.gridsize(1)
    for turn in range(math.ceil(n / threads)):
        i = turn * threads + cuda.grid(1)
        if i < n:
            y[i] = a * x[i] + y[i]


# %% right: from the end
def saxpy(n, a, x, y):
    i = n - 1 - cuda.grid(1)
    while i >= 0:
        y[i] = y[i] + np.float32(a) * x[i]
        i -= cuda.gridsize(1)


# %% right: a part for each block
def saxpy(n, a, x, y):
    width = cuda.blockDim.x
    rounds = -(-n // (width * cuda.gridDim.x))
    first = cuda.blockIdx.x * rounds * width + cuda.threadIdx.x
    for k in range(rounds):
        i = first + k * width
        if i < n:
            y[i] = a * x[i] + y[i]


# %% right: a turn more, with a guard
def saxpy(n, a, x, y):
    i, step = cuda.grid(1), cuda.gridsize(1)
    for _ in range(n // step + 1):
        if i < n:
            y[i] += a * x[i]
        i += step
