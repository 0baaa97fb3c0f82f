# %% wrong: nothing returned
# The values are computed and not returned: a return statement is missing.
def positions(A, t, old, new):
    return None


def read(x, rows, columns, fill):
    return None


# %% wrong: forward
# keeps: warp-read-test
# The map is used forwards, from the new picture's pixels by A; asked is where they come from, which takes the inverse.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = (q - (np.array(new) - 1) / 2) @ A.T + t + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: the formula as it stands
# keeps: warp-read-test
# The map is used forwards, from the new picture's pixels by A; asked is where they come from, which takes the inverse.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = (q - (np.array(old) - 1) / 2) @ A.T + (np.array(new) - 1) / 2 + t
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: A for its inverse
# keeps: warp-read-test
# A is applied where its inverse is needed: from q back to p.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ A.T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: transposed
# keeps: warp-read-test
# The inverse acts as its transpose: d @ M is M.T applied to each d. Transpose once.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A) + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: transpose for inverse
# keeps: warp-read-test
# The transpose of A is used as its inverse; that is right for rotations alone.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ A + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: centre at half the size
# keeps: warp-read-test
# The centre is taken at half the size; with pixels numbered from 0 the middle is (size - 1) / 2.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - np.array(new) / 2 - t
    p = d @ np.linalg.inv(A).T + np.array(old) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: whole centre
# keeps: warp-read-test
# The centre is rounded to a whole pixel; of an even size it lies between two pixels.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) // 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) // 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: the old centre twice
# keeps: warp-read-test
# The centre of the old picture is used for the new one too, which has a size of its own.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(old) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: the new centre twice
# keeps: warp-read-test
# The centre of the new picture is used for the old one too, which has a size of its own.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(new) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: about the corner
# keeps: warp-read-test
# The map turns about the first pixel; the centres c and c' are missing.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - t
    p = d @ np.linalg.inv(A).T
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: old centre forgotten
# keeps: warp-read-test
# The old picture's centre is not added in the end: p - c is returned for p.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: centres as (column, row)
# keeps: warp-read-test
# The centres are taken as (column, row); rows come first.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new)[::-1] - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old)[::-1] - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: centres exchanged
# keeps: warp-read-test
# The two centres are exchanged: c' belongs to q and the new picture, c to p and the old one.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(old) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(new) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: shift added
# keeps: warp-read-test
# t is added on the way back; what was added on the way there is subtracted.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 + t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: shift after the inverse
# keeps: warp-read-test
# t is subtracted after the inverse was applied; it was added last, so it is taken off first.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2
    p = d @ np.linalg.inv(A).T - t + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: shift added after the inverse
# keeps: warp-read-test
# t is added after the inverse was applied; it was added last, so it is subtracted, and first.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2 + t
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: shift forgotten
# keeps: warp-read-test
# The shift t is missing.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: columns first
# keeps: warp-read-test
# A is applied to (column, row); it acts on (row, column).
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d[..., ::-1] @ np.linalg.inv(A).T[:, ::-1] + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: order of the two
# keeps: warp-read-test
# The columns are returned first; the rows come first.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 1], p[..., 0]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: size of the old picture
# keeps: warp-read-test
# There is one position for each pixel of the OLD picture; each pixel of the new one needs one.
def positions(A, t, old, new):
    q = np.stack(np.indices(old), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: nearest pixel
# keeps: warp-positions-test
# The nearest pixel is taken as it is; the value is mixed from the four pixels around.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows + 0.5).astype(int), np.floor(columns + 0.5).astype(int)
    inside = (r >= 0) & (r < h) & (s >= 0) & (s < w)
    return np.where(inside, x[:, r.clip(0, h - 1), s.clip(0, w - 1)], fill[:, None, None])


# %% wrong: weights exchanged
# keeps: warp-positions-test
# The far neighbour gets the weight of the near one: at row r + f the weight of row r is 1 - f.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = 1 - (rows - r), 1 - (columns - s)

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: row weights exchanged
# keeps: warp-positions-test
# The upper rows get the weight of the lower ones: at row r + f the weight of row r is 1 - f.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return f * upper + (1 - f) * lower


# %% wrong: column weights exchanged
# keeps: warp-positions-test
# The left columns get the weight of the right ones: at column s + g the weight of column s is 1 - g.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = g * at(r, s) + (1 - g) * at(r, s + 1)
    lower = g * at(r + 1, s) + (1 - g) * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: fractions exchanged
# keeps: warp-positions-test
# The fraction of the row weighs columns and that of the column weighs rows.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = columns - s, rows - r

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: truncated towards zero
# keeps: warp-positions-test
# Positions below 0 are truncated towards zero: astype(int) makes 0 of -0.25, whose pixel to the left is -1.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = rows.astype(int), columns.astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: edge repeated
# keeps: warp-positions-test
# Beyond the picture the pixels at its edge are repeated; there lies fill.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return x[:, i.clip(0, h - 1), k.clip(0, w - 1)] + 0 * inside

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: from the other side
# keeps: warp-positions-test
# An index of -1 reads the last pixel: the picture goes on at the other side. Beyond it lies fill.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return x[:, i % h, k % w] + 0 * inside

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: sharp edge
# keeps: warp-positions-test
# A position beyond the centres of the outermost pixels is filled completely; within one step it is a mixture.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    mixed = (1 - f) * upper + f * lower
    inside = (rows >= 0) & (rows <= h - 1) & (columns >= 0) & (columns <= w - 1)
    return np.where(inside, mixed, fill[:, None, None])


# %% wrong: no mixture of fill
# keeps: warp-positions-test
# Within one step of the edge the pixels inside share the whole weight; fill has a share as the others do.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    total = down.sum(axis=-1) * across.sum(axis=-1)
    mixed = np.einsum("HWr,HWs,crs->cHW", down, across, x) / np.where(total > 0, total, 1)
    return np.where(total > 0, mixed, fill[:, None, None])


# %% wrong: black beyond
# keeps: warp-positions-test
# Beyond the picture lies 0; there lies fill.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    down = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[2])))
    return np.einsum("HWr,HWs,crs->cHW", down, across, x)


# %% wrong: one fill for all channels
# keeps: warp-positions-test
# All channels get the first number of fill; each has its own.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[0])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% wrong: rows and columns exchanged
# keeps: warp-positions-test
# Rows are read along the width and columns along the height.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    beyond = fill[:, None, None]
    down = np.maximum(0, 1 - np.abs(columns[..., None] - np.arange(x.shape[1])))
    across = np.maximum(0, 1 - np.abs(rows[..., None] - np.arange(x.shape[2])))
    return beyond + np.einsum("HWr,HWs,crs->cHW", down, across, x - beyond)


# %% wrong: upper left pixel
# keeps: warp-positions-test
# The pixel at the rounded-down position is taken as it is; the value is mixed from the four pixels around.
def positions(A, t, old, new):
    q = np.stack(np.indices(new), axis=-1)
    d = q - (np.array(new) - 1) / 2 - t
    p = d @ np.linalg.inv(A).T + (np.array(old) - 1) / 2
    return p[..., 0], p[..., 1]


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = 0, 0

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% right: four neighbours
def positions(A, t, old, new):
    (a, b), (c, d) = A
    rows, columns = np.empty(new), np.empty(new)
    for r in range(new[0]):
        for s in range(new[1]):
            down = r - (new[0] - 1) / 2 - t[0]
            right = s - (new[1] - 1) / 2 - t[1]
            rows[r, s] = (d * down - b * right) / (a * d - b * c) + (old[0] - 1) / 2
            columns[r, s] = (a * right - c * down) / (a * d - b * c) + (old[1] - 1) / 2
    return rows, columns


def read(x, rows, columns, fill):
    c, h, w = x.shape
    r, s = np.floor(rows).astype(int), np.floor(columns).astype(int)
    f, g = rows - r, columns - s

    def at(i, k):
        inside = (i >= 0) & (i < h) & (k >= 0) & (k < w)
        return np.where(inside, x[:, i.clip(0, h - 1), k.clip(0, w - 1)], fill[:, None, None])

    upper = (1 - g) * at(r, s) + g * at(r, s + 1)
    lower = (1 - g) * at(r + 1, s) + g * at(r + 1, s + 1)
    return (1 - f) * upper + f * lower


# %% right: a frame around each channel
def positions(A, t, old, new):
    centre, middle = (np.array(old) - 1) / 2, (np.array(new) - 1) / 2
    r, s = np.mgrid[: new[0], : new[1]]
    d = np.array([r.ravel(), s.ravel()]) - (middle + t)[:, None]
    p = np.linalg.solve(A, d) + centre[:, None]
    return p[0].reshape(new), p[1].reshape(new)


def read(x, rows, columns, fill):
    h, w = x.shape[1:]
    rows, columns = np.clip(rows, -1, h) + 1, np.clip(columns, -1, w) + 1
    r, s = np.minimum(rows.astype(int), h), np.minimum(columns.astype(int), w)
    f, g = rows - r, columns - s
    values = []
    for channel, outside in zip(x, fill):
        k = np.pad(channel, 1, constant_values=outside)
        values.append(
            (1 - f) * (1 - g) * k[r, s] + (1 - f) * g * k[r, s + 1] + f * (1 - g) * k[r + 1, s] + f * g * k[r + 1, s + 1]
        )
    return np.array(values)


# %% right: one pixel after the other
def positions(A, t, old, new):
    M = np.linalg.inv(A)
    q = np.mgrid[: new[0], : new[1]].astype(float)
    q[0] -= (new[0] - 1) / 2 + t[0]
    q[1] -= (new[1] - 1) / 2 + t[1]
    p = np.einsum("ij,jrs->irs", M, q)
    return [p[0] + (old[0] - 1) / 2, p[1] + (old[1] - 1) / 2]


def read(x, rows, columns, fill):
    y = np.zeros((len(x),) + rows.shape)
    for c in range(len(x)):
        for r in range(rows.shape[0]):
            for s in range(rows.shape[1]):
                first, left = math.floor(rows[r, s]), math.floor(columns[r, s])
                for i in (first, first + 1):
                    for k in (left, left + 1):
                        inside = 0 <= i < x.shape[1] and 0 <= k < x.shape[2]
                        share = (1 - abs(rows[r, s] - i)) * (1 - abs(columns[r, s] - k))
                        y[c, r, s] += share * (x[c, i, k] if inside else fill[c])
    return y
