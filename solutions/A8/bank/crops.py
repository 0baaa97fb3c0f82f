# %% wrong: nothing returned
# Patches and positions are computed and not returned: a return statement is missing.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    return None


# %% wrong: points without the border
# keeps: crops-pixels-test
# The border is forgotten for the positions: it moves each pixel by pad, down and to the right.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: points the wrong way
# keeps: crops-pixels-test
# The positions move by + top and + left; a patch that begins farther down brings a pixel higher up.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad + np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: points not flipped
# keeps: crops-pixels-test
# The positions stay where they were before the flip; where the patch is flipped, the column changes.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y, q


# %% wrong: off by one in the flip
# keeps: crops-pixels-test
# A flipped column becomes W - column; the first column is 0 and becomes the last, W - 1.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - q[b, :, 1]
    return y, q


# %% wrong: flipped in the picture's width
# keeps: crops-pixels-test
# The column is mirrored within the picture; the flip is one of the patch, whose last column is W - 1.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = x.shape[3] - 1 - q[b, :, 1]
    return y, q


# %% wrong: columns first
# keeps: crops-pixels-test
# The positions are taken as (column, row); they are (row, column).
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([lefts, tops], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 0] = W - 1 - q[b, :, 0]
    return y, q


# %% wrong: points untouched
# keeps: crops-pixels-test
# The positions come back as they were; they move with their pixels.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, points


# %% wrong: points cut off
# keeps: crops-pixels-test
# Positions outside the patch are moved to its edge; they keep their numbers.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, np.clip(q, 0, [H - 1, W - 1])


# %% wrong: points in whole numbers
# keeps: crops-pixels-test
# The positions are rounded to whole pixels; they may lie between pixels.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, np.rint(q)


# %% wrong: points changed in place
# keeps: crops-pixels-test
# The positions that were given are changed themselves; the answer works on a copy.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points
    q += pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: flipped before the crop
# The bordered picture is flipped before the patch is cut, so the patch comes from the other side; the flip comes last.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    q = points + pad
    for b in np.flatnonzero(flips):
        framed[b] = framed[b, :, :, ::-1]
        q[b, :, 1] = framed.shape[3] - 1 - q[b, :, 1]
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    return y, q - np.stack([tops, lefts], axis=1)[:, None, :]


# %% wrong: top to bottom
# The flip exchanges top and bottom; left and right are the last axis.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, ::-1]
        q[b, :, 0] = H - 1 - q[b, :, 0]
    return y, q


# %% wrong: every image flipped
# Every image is flipped; flips[b] decides for image b.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in range(len(x)):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: no image flipped
# No image is flipped; where flips[b] is true, left and right are exchanged.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    return y, q


# %% wrong: one place for the batch
# All patches are cut at the place of the first image; each image has its own top and left.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    tops, lefts = np.full(len(x), tops[0]), np.full(len(x), lefts[0])
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: top and left exchanged
# Top and left are exchanged: rows count downwards and come first.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    tops, lefts = lefts, tops
    x = np.pad(x, [(0, 0), (0, 0), (0, 0), (0, 0)])
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([np.pad(each, [(0, 0), (0, 99), (0, 99)], constant_values=fill)[:, r : r + H, s : s + W]
                  for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: black border
# keeps: crops-points-test
# The border is 0; it has the value fill.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: border of copies
# keeps: crops-points-test
# The border repeats the pixels at the edge; it has the value fill.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], mode="edge")
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: mirrored border
# keeps: crops-points-test
# The border mirrors the picture; it has the value fill.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], mode="reflect")
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: channels exchanged
# keeps: crops-points-test
# The flip goes along the channels; left and right are the last axis.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: size exchanged
# keeps: crops-points-test
# Height and width of the patch are exchanged: size is (H, W), rows first.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([np.pad(each, [(0, 0), (0, 9), (0, 9)], constant_values=fill)[:, r : r + W, s : s + H]
                  for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% wrong: type changed
# keeps: crops-points-test
# The patches have become floats; they keep the type of x.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    q = points + pad - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y.astype(float), q


# %% wrong: places counted in the picture
# top and left are counted in the picture without its border, so everything is off by pad.
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([np.pad(each, [(0, 0), (0, pad), (0, pad)], constant_values=fill)[:, r + pad : r + pad + H, s + pad : s + pad + W]
                  for each, r, s in zip(framed, tops, lefts)])
    q = points - np.stack([tops, lefts], axis=1)[:, None, :]
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
        q[b, :, 1] = W - 1 - q[b, :, 1]
    return y, q


# %% right: pixel by pixel
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    B, c, h, w = x.shape
    y, q = np.empty((B, c) + tuple(size), dtype=x.dtype), np.empty(points.shape)
    for b in range(B):
        for r in range(size[0]):
            for s in range(size[1]):
                row = r + tops[b] - pad
                column = (size[1] - 1 - s if flips[b] else s) + lefts[b] - pad
                y[b, :, r, s] = x[b, :, row, column] if 0 <= row < h and 0 <= column < w else fill
        for k, (row, column) in enumerate(points[b]):
            column = column + pad - lefts[b]
            q[b, k] = row + pad - tops[b], (size[1] - 1 - column if flips[b] else column)
    return y, q


# %% right: indices for the whole batch
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    B, c, h, w = x.shape
    H, W = size
    framed = np.full((B, c, h + 2 * pad, w + 2 * pad), fill, dtype=x.dtype)
    framed[:, :, pad : pad + h, pad : pad + w] = x
    flipped = np.asarray(flips, dtype=bool)[:, None]
    columns = np.where(flipped, W - 1 - np.arange(W), np.arange(W)) + lefts[:, None]
    rows = np.arange(H) + tops[:, None]
    y = framed[np.arange(B)[:, None, None], :, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)
    row, column = points[..., 0] + pad - tops[:, None], points[..., 1] + pad - lefts[:, None]
    return y, np.stack([row, np.where(flipped, W - 1 - column, column)], axis=-1)


# %% right: both flips, then a choice
def cropped(x, points, tops, lefts, flips, size, pad, fill):
    patches, places = [], []
    for image, marks, top, left, flip in zip(x, points, tops, lefts, flips):
        framed = np.stack([np.pad(channel, pad, constant_values=fill) for channel in image])
        patch = framed[:, top:, left:][:, : size[0], : size[1]]
        marks = marks + [pad - top, pad - left]
        if flip:
            patch = np.flip(patch, axis=2)
            marks = marks * [1, -1] + [0, size[1] - 1]
        patches.append(patch)
        places.append(marks)
    return np.array(patches), np.array(places)
