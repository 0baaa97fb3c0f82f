# %% wrong: nothing returned
# The values are computed and not returned: a return statement is missing.
def colour_axes(train):
    return None


def recoloured(x, v, p, a):
    return None


# %% wrong: bytes as they are
# keeps: colour-offset-test
# The pixels are taken from 0 to 255; they go from 0 to 1, and a variance has the square of their unit.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1])
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: reshaped too early
# keeps: colour-offset-test
# The reshape cuts across the channels: numbers of one channel stand in one row. The channel has to be the last axis first.
def colour_axes(train):
    pixels = train.reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: not centred
# keeps: colour-offset-test
# The mean colour is not subtracted; a covariance is that of the differences from the mean.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: N - 1
# keeps: colour-offset-test
# The covariance is divided by the number of pixels minus 1; here it carries 1/N.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / max(len(d) - 1, 1))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: not divided
# keeps: colour-offset-test
# The products are summed over the pixels; the covariance is their mean, with 1/N.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d)
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: divided by the images
# keeps: colour-offset-test
# The covariance is divided by the number of images; each pixel is an instance.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(train))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: each image's own mean
# keeps: colour-offset-test
# Each image is centred by its own mean colour; one mean colour belongs to all pixels of all images.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = (train / 255 - train.mean(axis=(2, 3), keepdims=True) / 255).transpose(0, 2, 3, 1).reshape(pixels.shape)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: mean colours only
# keeps: colour-offset-test
# Each image counts with its mean colour; each pixel is an instance.
def colour_axes(train):
    pixels = train.mean(axis=(2, 3)) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: smallest first
# keeps: colour-offset-test
# The variances ascend, as eigh gives them; the largest comes first.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v, p


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: components left behind
# keeps: colour-offset-test
# The variances were turned round and the components were not: they no longer belong together.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: components in rows
# keeps: colour-offset-test
# The components stand in the rows; they stand in the columns.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1].T


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: rows turned round
# keeps: colour-offset-test
# The rows of p are turned round; its columns are the components.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: deviations
# keeps: colour-offset-test
# The roots of the variances are returned; v is the variance itself.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return np.sqrt(np.abs(v[::-1])), p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: root of the variance
# keeps: colour-axes-test
# The numbers are multiplied by the root of v; the formula has v itself.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * np.sqrt(v)) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: rows of p in the offset
# keeps: colour-axes-test
# The components are taken from the rows of p; they are its columns: offset[c] = sum over i of p[c,i] times a[i] v[i].
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: without components
# keeps: colour-axes-test
# Each channel gets its own a times v; the components, which mix the channels, are missing.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * a * v
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: variance forgotten
# keeps: colour-axes-test
# The variances are missing: every component counts alike.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * a @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: offset in the wrong unit
# keeps: colour-axes-test
# The offset is meant for pixels from 0 to 1 and is added to bytes as it is: 255 times too small.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: unit squared
# keeps: colour-axes-test
# The variances were taken to the unit of bytes, with 255 squared; the offset then is 255 times too large.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255**2 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: numbers of the first image
# keeps: colour-axes-test
# All images get the numbers of the first one; each has its own.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a[:1].repeat(len(x), axis=0) * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: wrapped
# keeps: colour-axes-test
# The sum is turned into bytes without being cut off: 260 becomes 4.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return (np.rint(x + offset[:, :, None, None]).astype(int) % 256).astype(np.uint8)


# %% wrong: cut off too early
# keeps: colour-axes-test
# The offset is cut off below 0 before it is added, so no colour becomes darker; the sum is cut off.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + np.clip(offset, 0, 255)[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: fraction cut off
# keeps: colour-axes-test
# The fraction is cut off or rounded down; the nearest whole number is asked for.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.trunc(x + offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: subtracted
# keeps: colour-axes-test
# The offset is subtracted; it is added.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x - offset[:, :, None, None]), 0, 255).astype(np.uint8)


# %% wrong: not bytes
# keeps: colour-axes-test
# The numbers are right and are floats; bytes (uint8) are asked for.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + offset[:, :, None, None]), 0, 255)


# %% wrong: pixels from 0 to 1
# keeps: colour-axes-test
# The result goes from 0 to 1; bytes are asked for, as they came.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(x + offset[:, :, None, None], 0, 255) / 255


# %% wrong: axes of the offset
# keeps: colour-axes-test
# The offset is laid along the columns of the picture; it belongs to the channel, axis 1.
def colour_axes(train):
    pixels = np.moveaxis(train, 1, -1).reshape(-1, train.shape[1]) / 255
    d = pixels - pixels.mean(axis=0)
    v, p = np.linalg.eigh(d.T @ d / len(d))
    return v[::-1], p[:, ::-1]


def recoloured(x, v, p, a):
    offset = 255 * (a * v) @ p.T
    return np.clip(np.rint(x + np.resize(offset[:, None, None, :], (len(x), 1, 1, x.shape[3]))), 0, 255).astype(np.uint8)


# %% right: pixel by pixel
def colour_axes(train):
    c = train.shape[1]
    rows = [[float(k) / 255 for k in train[b, :, r, s]] for b, r, s in np.ndindex(train.shape[0], *train.shape[2:])]
    mean = [sum(row[i] for row in rows) / len(rows) for i in range(c)]
    C = np.zeros((c, c))
    for row in rows:
        for i in range(c):
            for k in range(c):
                C[i, k] += (row[i] - mean[i]) * (row[k] - mean[k]) / len(rows)
    v, p = np.linalg.eigh(C)
    order = sorted(range(c), key=lambda i: -v[i])
    return v[order], -p[:, order]


def recoloured(x, v, p, a):
    y = np.zeros_like(x)
    for b, c, r, s in np.ndindex(x.shape):
        value = int(x[b, c, r, s]) + 255 * sum(a[b, i] * v[i] * p[c, i] for i in range(len(v)))
        y[b, c, r, s] = min(255, max(0, round(value)))
    return y


# %% right: einsum
def colour_axes(train):
    x = train.astype(float) / 255.0
    d = x - x.mean(axis=(0, 2, 3), keepdims=True)
    C = np.einsum("bcrs,bkrs->ck", d, d) / (d.size / d.shape[1])
    U, v, _ = np.linalg.svd(C, hermitian=True)
    return v, U


def recoloured(x, v, p, a):
    y = x / 255 + np.einsum("bi,i,ci->bc", a, v, p)[..., None, None]
    return np.floor(255 * np.clip(y, 0, 1) + 0.5).astype("uint8")


# %% right: np.cov
def colour_axes(train):
    c = train.shape[1]
    rows = train.swapaxes(0, 1).reshape(c, -1)
    v, p = np.linalg.eigh(np.cov(rows / 255, bias=True).reshape(c, c))
    order = np.argsort(-v)
    return v[order], p[:, order]


def recoloured(x, v, p, a):
    images = []
    for image, numbers in zip(x, a):
        offset = p @ (numbers * v) * 255
        images.append(np.minimum(np.maximum(image.T + offset, 0), 255).round().astype(np.uint8).T)
    return np.stack(images)
