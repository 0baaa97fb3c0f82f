# %% wrong: nothing returned
# Nothing is written: y stays as it was.
def layer(x, W, y):
    return None


# %% wrong: W not transposed
# W is read as W[i,j], with the outputs as columns; here its rows are the outputs.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        deep = i - tx + ty
        W_tile[tx, ty] = W[deep, j] if deep < W.shape[0] and j < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: tile not transposed
# The tile of W is read by rows where the product needs it by columns: thread (tx, ty) needs row tx of what was fetched.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[k, tx]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: tile by ty
# Each thread multiplies with row ty of the tile of W; its output j belongs to row tx.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[ty, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: one row of W for the thread
# Each thread fetches from row j of W, which all threads above and below it do as well; most of the tile is never fetched.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: first barrier missing
# The barrier behind the fetching is missing: a thread uses entries of the tiles before they are known to be there.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: second barrier missing
# The barrier at the end of the round is missing: a fast thread fetches the next tiles while others still use these.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: back before the barrier
# keeps: layer-test
# Threads without an entry of y return at once; the others wait for them at the barriers, and miss what they were to fetch.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    if b >= y.shape[0] or j >= y.shape[1]:
        return
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: no guard
# keeps: layer-test
# There is no guard: threads beyond the edges read and write entries that do not exist.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i]
        W_tile[ty, tx] = W[row, i]
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    y[b, j] = total


# %% wrong: guard at the end only
# keeps: layer-test
# Only the writing is guarded; the tiles reach beyond the edges of x and W as well.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i]
        W_tile[ty, tx] = W[row, i]
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: y not guarded
# keeps: layer-test
# The fetching is guarded and the writing is not: threads without an entry of y write beyond its edge.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    y[b, j] = total


# %% wrong: last entry again
# keeps: layer-test
# Beyond the edge the last entry is fetched again, and it is added again; what does not exist must add nothing.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[min(b, x.shape[0] - 1), min(i, x.shape[1] - 1)]
        W_tile[ty, tx] = W[min(row, W.shape[0] - 1), min(i, W.shape[1] - 1)]
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: places left as they were
# keeps: layer-test
# Beyond the edge nothing is put into the tiles, so there stands what the round before left, or nothing at all.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        if b < x.shape[0] and i < x.shape[1]:
            x_tile[ty, tx] = x[b, i]
        if row < W.shape[0] and i < W.shape[1]:
            W_tile[ty, tx] = W[row, i]
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: last round lost
# keeps: layer-test
# The number of rounds is rounded down, so the inputs behind the last full tile are left out.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] // TILE * TILE + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: last round only
# The sum begins anew in each round; only the last tiles count.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        total = ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: x and y exchanged
# grid(2) gives x first: j runs along x and b along y.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    b, j = cuda.grid(2)
    row = j - ty + tx
    total = ZERO
    for i in range(ty, x.shape[1] + ty, TILE):
        x_tile[tx, ty] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[tx, ty] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[tx, k] * W_tile[ty, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: no tiles
# There are no tiles: each thread fetches all its factors itself.
def layer(x, W, y):
    j, b = cuda.grid(2)
    if b < y.shape[0] and j < y.shape[1]:
        total = ZERO
        for i in range(x.shape[1]):
            total += x[b, i] * W[j, i]
        y[b, j] = total


# %% wrong: only x in tiles
# Only x is fetched in tiles; each thread fetches its row of W itself.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            if j < W.shape[0] and i - tx + k < W.shape[1]:
                total += x_tile[ty, k] * W[j, i - tx + k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: only W in tiles
# Only W is fetched in tiles; each thread fetches its row of x itself.
def layer(x, W, y):
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            if b < x.shape[0] and i - tx + k < x.shape[1]:
                total += x[b, i - tx + k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: the lecture's kernel
# This is the lecture's product A B: it reads W[i,j] and has no guards. Here the rows of W are the outputs.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i]
        W_tile[ty, tx] = W[i - tx + ty, j]
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[k, tx]
        cuda.syncthreads()
    y[b, j] = total


# %% wrong: each product for the sum
# total is replaced by each product; the products are to be added.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total = x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: row of W from blockIdx.y
# The row of W that a thread fetches is counted from blockIdx.y; the outputs run along x.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = cuda.blockIdx.y * TILE + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: tile of x transposed
# The tile of x is stored by columns and read by rows, or the other way round.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[tx, ty] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: both tiles turned
# Both tiles are stored by columns and read by rows.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[tx, ty] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[tx, ty] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: inputs not guarded
# keeps: layer-test
# The rows are guarded and the inputs are not: where n is no multiple of TILE, threads fetch beyond the last column.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: rows not guarded
# keeps: layer-test
# The inputs are guarded and the rows are not: threads fetch rows of x and W that do not exist.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: both barriers missing
# There is no barrier: one stands behind the fetching, and one at the end of the round.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: always the first tiles
# Each round fetches the first tiles again; the round must move on along the inputs.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, tx] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, tx] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: one factor of each tile left out
# The sum over k ends one entry too early in each tile.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    row = j - tx + ty
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        x_tile[ty, tx] = x[b, i] if b < x.shape[0] and i < x.shape[1] else ZERO
        W_tile[ty, tx] = W[row, i] if row < W.shape[0] and i < W.shape[1] else ZERO
        cuda.syncthreads()
        for k in range(TILE - 1):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% wrong: one thread fetches
# One thread fetches both tiles while the others wait; each thread is to fetch an entry of each.
def layer(x, W, y):
    x_tile = cuda.shared.array((TILE, TILE), np.float32)
    W_tile = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    total = ZERO
    for i in range(tx, x.shape[1] + tx, TILE):
        for p in range(TILE * TILE if tx == ty == 0 else 0):
            k, c = p // TILE, p % TILE
            inside_n = i + c < x.shape[1]
            x_tile[k, c] = x[b + k, i + c] if inside_n and b + k < x.shape[0] else ZERO
            W_tile[k, c] = W[j + k, i + c] if inside_n and j + k < W.shape[0] else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[ty, k] * W_tile[tx, k]
        cuda.syncthreads()
    if b < y.shape[0] and j < y.shape[1]:
        y[b, j] = total


# %% right: rounds counted, W turned while it is stored
def layer(x, W, y):
    a = cuda.shared.array((TILE, TILE), np.float32)
    w = cuda.shared.array((TILE, TILE), np.float32)
    c, r = cuda.threadIdx.x, cuda.threadIdx.y
    top, left = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
    (B, n), m = x.shape, W.shape[0]
    total = 0.0
    for turn in range(math.ceil(n / TILE)):
        first = turn * TILE
        a[r, c] = w[c, r] = 0.0
        if first + c < n:
            if top + r < B:
                a[r, c] = x[top + r, first + c]
            if left + r < m:
                w[c, r] = W[left + r, first + c]
        cuda.syncthreads()
        for k in range(TILE):
            total += a[r, k] * w[k, c]
        cuda.syncthreads()
    if top + r < B and left + c < m:
        y[top + r, left + c] = total


# %% right: W fetched by columns, only as far as there are inputs
def layer(x, W, y):
    xs = cuda.shared.array((TILE, TILE), np.float32)
    ws = cuda.shared.array((TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, b = cuda.grid(2)
    total, start = ZERO, 0
    while start < x.shape[1]:
        if b < x.shape[0] and start + tx < x.shape[1]:
            xs[ty, tx] = x[b, start + tx]
        if j < W.shape[0] and start + ty < x.shape[1]:
            ws[ty, tx] = W[j, start + ty]
        cuda.syncthreads()
        if b < x.shape[0] and j < W.shape[0]:
            for k in range(min(TILE, x.shape[1] - start)):
                total = total + xs[ty, k] * ws[k, tx]
        cuda.syncthreads()
        start += TILE
    if b < y.shape[0]:
        if j < y.shape[1]:
            y[b, j] = total


# %% right: two pairs of tiles in turn
def layer(x, W, y):
    tiles = cuda.shared.array((2, 2, TILE, TILE), np.float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    b, j = cuda.blockIdx.y * cuda.blockDim.y + ty, cuda.blockIdx.x * cuda.blockDim.x + tx
    row, total, turn = cuda.blockIdx.x * cuda.blockDim.x + ty, ZERO, 0
    for start in range(0, x.shape[1], TILE):
        i = start + tx
        tiles[turn, 0, ty, tx] = x[b, i] if max(b - x.shape[0], i - x.shape[1]) < 0 else ZERO
        tiles[turn, 1, ty, tx] = W[row, i] if max(row - W.shape[0], i - W.shape[1]) < 0 else ZERO
        cuda.syncthreads()
        for k in range(TILE):
            total += tiles[turn, 0, ty, k] * tiles[turn, 1, tx, k]
        turn = 1 - turn
    if max(b - y.shape[0], j - y.shape[1]) < 0:
        y[b, j] = total
