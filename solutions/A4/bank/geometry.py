# %% wrong: nothing returned
# The numbers are computed and not returned: a return statement is missing.
def geometry(shape, block):
    return None


# %% wrong: rows along x
# The rows are laid along x; x runs along the columns.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(rows / width), math.ceil(columns / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: y before x
# The blocks along y come first; blocks is (along x, along y).
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(rows / height), math.ceil(columns / width)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: rounded down
# The number of blocks is rounded down, so the entries at the right and at the bottom get no thread.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = columns // width, rows // height
    threads = blocks[0] * blocks[1] * width * height
    warps = blocks[0] * blocks[1] * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: one block too many
# Where the sizes fit exactly there is a block too many: n // b + 1 does not round up, it goes one further.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = columns // width + 1, rows // height + 1
    threads = blocks[0] * blocks[1] * width * height
    warps = blocks[0] * blocks[1] * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: blocks for a long row
# The blocks are counted as if the matrix were one long row; a block covers a rectangle, and each axis is rounded up by itself.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    count = math.ceil(rows * columns / (width * height))
    threads = count * width * height
    warps = count * math.ceil(width * height / 32)
    return (count, 1), threads - rows * columns, warps, 32 * warps - threads


# %% wrong: warps across blocks
# The warps are counted over all threads of the launch; a warp belongs to one block, so each block rounds up by itself.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.ceil(threads / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: a warp for each row of the block
# Each row of a block begins a new warp here; threads are numbered through the block, and a warp goes on in the next row.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * height * math.ceil(width / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: idle threads counted as empty lanes
# The empty lanes include the threads without an element; those threads exist, a guard turns them away.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - rows * columns


# %% wrong: empty lanes counted as idle threads
# The threads without an element include the empty lanes; an empty lane holds no thread at all.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, 32 * warps - rows * columns, warps, 32 * warps - threads


# %% wrong: one block's warps
# Warps and empty lanes are those of a single block; the whole launch is asked for.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, 32 * warps - width * height


# %% wrong: last warp lost
# A last warp that is not full is not counted: the warps of a block are rounded down.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * (width * height // 32)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: one warp too many
# A block that fills its warps gets one warp too many: n // 32 + 1 does not round up, it goes one further.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * (width * height // 32 + 1)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: one block and one warp too many
# n // b + 1 does not round up: where b divides n, it goes one further.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = columns // width + 1, rows // height + 1
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * (width * height // 32 + 1)
    return blocks, threads - rows * columns, warps, 32 * warps - threads


# %% wrong: a whole warp empty
# Where a block fills its last warp, 32 − n % 32 gives 32 empty lanes; there are none.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, math.prod(blocks) * (32 - width * height % 32)


# %% wrong: remainder taken for the empty lanes
# n % 32 lanes of the last warp hold a thread; the others are the empty ones.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, math.prod(blocks) * (width * height % 32)


# %% wrong: one block's empty lanes
# The empty lanes are those of a single block; the whole launch is asked for.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, threads - rows * columns, warps, warps // math.prod(blocks) * 32 - width * height


# %% wrong: idle and empty exchanged
# The threads without an element and the empty lanes are exchanged.
def geometry(shape, block):
    (rows, columns), (width, height) = shape, block
    blocks = math.ceil(columns / width), math.ceil(rows / height)
    threads = math.prod(blocks) * width * height
    warps = math.prod(blocks) * math.ceil(width * height / 32)
    return blocks, 32 * warps - threads, warps, threads - rows * columns


# %% right: floor division
def geometry(shape, block):
    x, y = -(-shape[1] // block[0]), -(-shape[0] // block[1])
    size = block[0] * block[1]
    per_block = (size + 31) // 32
    return (x, y), x * y * size - shape[0] * shape[1], x * y * per_block, x * y * (32 * per_block - size)


# %% right: NumPy
def geometry(shape, block):
    blocks = np.ceil(np.array(shape[::-1]) / np.array(block)).astype(int)
    size = int(np.prod(block))
    lanes = int(np.ceil(size / 32)) * 32
    count = int(blocks.prod())
    return tuple(blocks.tolist()), count * size - int(np.prod(shape)), count * lanes // 32, count * (lanes - size)


# %% right: a list with remainders
def geometry(shape, block):
    def parts(n, size):
        whole, rest = divmod(n, size)
        return whole + (rest > 0)

    count = [parts(shape[1], block[0]), parts(shape[0], block[1])]
    launched = count[0] * block[0] * count[1] * block[1]
    warps = count[0] * count[1] * parts(block[0] * block[1], 32)
    return [count, launched - shape[0] * shape[1], warps, warps * 32 - launched]
