# %% wrong: nothing returned
# The numbers are computed and not returned: a return statement is missing.
def sectors_read(shape, block, itemsize, address):
    return None


# %% wrong: lines
# Lines of 128 bytes are counted; a sector has 32.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (row % height * width + column % width) // 32
            sector = (address + (row * columns + column) * itemsize) // 128
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (128 * len(fetched))


# %% wrong: as few as the bytes need
# This is the number of sectors that the bytes fill; which threads are in one warp, and where the entries lie, takes no part.
def sectors_read(shape, block, itemsize, address):
    count = math.ceil(shape[0] * shape[1] * itemsize / 32)
    return count, shape[0] * shape[1] * itemsize / (32 * count)


# %% wrong: a sector for each thread
# Every thread fetches a sector of its own; the threads of a warp share the sectors that several of them need.
def sectors_read(shape, block, itemsize, address):
    return shape[0] * shape[1], itemsize / 32


# %% wrong: a warp for each row of the block
# Each row of a block is a warp of its own here; threads are numbered through the block, and a warp goes on in the next row.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            sector = (address + (row * columns + column) * itemsize) // 32
            fetched.add((row, column // width, column % width // 32, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: threads numbered along y
# The threads of a block are numbered along y first; x runs fastest.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (column % width * height + row % height) // 32
            sector = (address + (row * columns + column) * itemsize) // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: no guard
# Threads beyond the last column or row are counted as well; they have no element and read nothing.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(-(-rows // height) * height):
        for column in range(-(-columns // width) * width):
            warp = (row % height * width + column % width) // 32
            sector = (address + (row * columns + column) * itemsize) // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: address ignored
# The matrix is taken to begin at a multiple of 32; where it does not, its rows lie across more sectors.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (row % height * width + column % width) // 32
            sector = (row * columns + column) * itemsize // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: shared in the block
# The warps of a block share their sectors here; each warp fetches for itself.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            sector = (address + (row * columns + column) * itemsize) // 32
            fetched.add((row // height, column // width, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: each sector once
# Each sector is counted once in the whole launch; every warp that needs it fetches it again.
def sectors_read(shape, block, itemsize, address):
    count = len({(address + k * itemsize) // 32 for k in range(shape[0] * shape[1])})
    return count, shape[0] * shape[1] * itemsize / (32 * count)


# %% wrong: itemsize forgotten
# The number of an entry is taken for its address; an entry takes itemsize bytes.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (row % height * width + column % width) // 32
            sector = (address + row * columns + column) // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: address in entries
# The address is counted in entries; it is in bytes already.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (row % height * width + column % width) // 32
            sector = (address + row * columns + column) * itemsize // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: column by column
# The matrix lies in memory column by column here; it lies row by row.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (row % height * width + column % width) // 32
            sector = (address + (column * rows + row) * itemsize) // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: the inverse
# used is upside down: the bytes of the matrix are divided by the bytes that moved.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (row % height * width + column % width) // 32
            sector = (address + (row * columns + column) * itemsize) // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), 32 * len(fetched) / (rows * columns * itemsize)


# %% wrong: rows along x
# The rows are laid along x; x runs along the columns.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (height, width) = shape, block
    fetched = set()
    for row in range(rows):
        for column in range(columns):
            warp = (column % width * height + row % height) // 32
            sector = (address + (row * columns + column) * itemsize) // 32
            fetched.add((row // height, column // width, warp, sector))
    return len(fetched), rows * columns * itemsize / (32 * len(fetched))


# %% wrong: block read as rows and columns
# block is read as (rows, columns); it is (threads along x, threads along y).
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (height, width) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows and column < columns:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, rows * columns * itemsize / (32 * count)


# %% wrong: warp goes on beyond its block
# A last warp is filled up with threads that its block does not have; it ends where the block ends.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, first + 32):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows and column < columns:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, rows * columns * itemsize / (32 * count)


# %% wrong: blocks rounded down
# The number of blocks is rounded down, so the entries at the right and at the bottom are not read.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(rows // height):
        for left in range(columns // width):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows and column < columns:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, rows * columns * itemsize / (32 * count) if count else 0.0


# %% wrong: columns not guarded
# Threads beyond the last column are counted as well: an address there is that of an entry of the next row.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, rows * columns * itemsize / (32 * count)


# %% wrong: rows not guarded
# Threads beyond the last row are counted as well; they read nothing.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if column < columns:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, rows * columns * itemsize / (32 * count)


# %% wrong: percent
# used is given in percent; a fraction is asked for.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows and column < columns:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, 100 * rows * columns * itemsize / (32 * count)


# %% wrong: used without itemsize
# used divides the number of entries by the bytes moved; an entry has itemsize bytes.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows and column < columns:
                        touched.add((address + (row * columns + column) * itemsize) // 32)
                count += len(touched)
    return count, rows * columns / (32 * count)


# %% wrong: four bytes for each entry
# Each entry is taken to have 4 bytes; it has itemsize.
def sectors_read(shape, block, itemsize, address):
    (rows, columns), (width, height) = shape, block
    count = 0
    for top in range(math.ceil(rows / height)):
        for left in range(math.ceil(columns / width)):
            for first in range(0, width * height, 32):
                touched = set()
                for t in range(first, min(first + 32, width * height)):
                    row, column = top * height + t // width, left * width + t % width
                    if row < rows and column < columns:
                        touched.add((address + (row * columns + column) * 4) // 32)
                count += len(touched)
    return count, rows * columns * itemsize / (32 * count)


# %% right: blocks, warps, threads
def sectors_read(shape, block, itemsize, address):
    sectors, size = 0, block[0] * block[1]
    for top in range(0, shape[0], block[1]):
        for left in range(0, shape[1], block[0]):
            for first in range(0, size, 32):
                touched = []
                for t in range(first, min(first + 32, size)):
                    y, x = divmod(t, block[0])
                    if top + y < shape[0] and left + x < shape[1]:
                        sector = (address + ((top + y) * shape[1] + left + x) * itemsize) // 32
                        if sector not in touched:
                            touched.append(sector)
                sectors += len(touched)
    return sectors, shape[0] * shape[1] * itemsize / 32 / sectors


# %% right: NumPy
def sectors_read(shape, block, itemsize, address):
    row, column = np.indices(shape)
    warp = (row % block[1] * block[0] + column % block[0]) // 32
    sector = (address + itemsize * (row * shape[1] + column)) // 32
    keys = np.stack([row // block[1], column // block[0], warp, sector]).reshape(4, -1)
    count = np.unique(keys, axis=1).shape[1]
    return count, row.size * itemsize / (32 * count)


# %% right: entries in the order of memory
def sectors_read(shape, block, itemsize, address):
    of_warp = {}
    for k in range(shape[0] * shape[1]):
        r, c = k // shape[1], k % shape[1]
        t = (r % block[1]) * block[0] + c % block[0]
        of_warp.setdefault((r // block[1], c // block[0], t // 32), set()).add((address + k * itemsize) >> 5)
    count = sum(map(len, of_warp.values()))
    return [np.int64(count), np.float32(shape[0] * shape[1] * itemsize / (32 * count))]
