# %% wrong: nothing returned
# The patches are computed and not returned: a return statement is missing.
def cropped(x, tops, lefts, flips, size, pad, fill):
    return None


# %% wrong: flipped before the crop
# The bordered picture is flipped before the patch is cut, so the patch comes from the other side; the flip comes last.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    for b in np.flatnonzero(flips):
        framed[b] = framed[b, :, :, ::-1]
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    return y


# %% wrong: top to bottom
# The flip exchanges top and bottom; left and right are the last axis.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, ::-1]
    return y


# %% wrong: every image flipped
# Every image is flipped; flips[b] decides for image b.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in range(len(x)):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: no image flipped
# No image is flipped; where flips[b] is true, left and right are exchanged.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    return y


# %% wrong: one place for the batch
# All patches are cut at the place of the first image; each image has its own top and left.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    tops, lefts = np.full(len(x), tops[0]), np.full(len(x), lefts[0])
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: top and left exchanged
# Top and left are exchanged: rows count downwards and come first.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    tops, lefts = lefts, tops
    x = np.pad(x, [(0, 0), (0, 0), (0, 0), (0, 0)])
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([np.pad(each, [(0, 0), (0, 99), (0, 99)], constant_values=fill)[:, r : r + H, s : s + W]
                  for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: black border
# The border is 0; it has the value fill.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: border of copies
# The border repeats the pixels at the edge; it has the value fill.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], mode="edge")
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: mirrored border
# The border mirrors the picture; it has the value fill.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], mode="reflect")
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: channels exchanged
# The flip goes along the channels; left and right are the last axis.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, ::-1]
    return y


# %% wrong: size exchanged
# Height and width of the patch are exchanged: size is (H, W), rows first.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([np.pad(each, [(0, 0), (0, 9), (0, 9)], constant_values=fill)[:, r : r + W, s : s + H]
                  for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% wrong: type changed
# The patches have become floats; they keep the type of x.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([each[:, r : r + H, s : s + W] for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y.astype(float)


# %% wrong: places counted in the picture
# top and left are counted in the picture without its border, so everything is off by pad.
def cropped(x, tops, lefts, flips, size, pad, fill):
    H, W = size
    framed = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    y = np.stack([np.pad(each, [(0, 0), (0, pad), (0, pad)], constant_values=fill)[:, r + pad : r + pad + H, s + pad : s + pad + W]
                  for each, r, s in zip(framed, tops, lefts)])
    for b in np.flatnonzero(flips):
        y[b] = y[b, :, :, ::-1]
    return y


# %% right: pixel by pixel
def cropped(x, tops, lefts, flips, size, pad, fill):
    B, c, h, w = x.shape
    y = np.empty((B, c) + tuple(size), dtype=x.dtype)
    for b in range(B):
        for r in range(size[0]):
            for s in range(size[1]):
                row = r + tops[b] - pad
                column = (size[1] - 1 - s if flips[b] else s) + lefts[b] - pad
                y[b, :, r, s] = x[b, :, row, column] if 0 <= row < h and 0 <= column < w else fill
    return y


# %% right: indices for the whole batch
def cropped(x, tops, lefts, flips, size, pad, fill):
    B, c, h, w = x.shape
    H, W = size
    framed = np.full((B, c, h + 2 * pad, w + 2 * pad), fill, dtype=x.dtype)
    framed[:, :, pad : pad + h, pad : pad + w] = x
    flipped = np.asarray(flips, dtype=bool)[:, None]
    columns = np.where(flipped, W - 1 - np.arange(W), np.arange(W)) + lefts[:, None]
    rows = np.arange(H) + tops[:, None]
    return framed[np.arange(B)[:, None, None], :, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)


# %% right: one image after the other
def cropped(x, tops, lefts, flips, size, pad, fill):
    patches = []
    for image, top, left, flip in zip(x, tops, lefts, flips):
        framed = np.stack([np.pad(channel, pad, constant_values=fill) for channel in image])
        patch = framed[:, top:, left:][:, : size[0], : size[1]]
        if flip:
            patch = np.flip(patch, axis=2)
        patches.append(patch)
    return np.array(patches)
