# %% wrong: nothing returned
# The two sets are computed and not returned: a return statement is missing.
def normalized(train, test):
    return None


# %% wrong: the test set's own statistics
# The test set is normalized with its own mean and deviation; it gets those of the training set.
def normalized(train, test):
    def own(images):
        x, over = np.asarray(images, dtype=float), (0, 2, 3)
        constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
        return (x - x.mean(axis=over, keepdims=True)) / np.where(constant, 1.0, x.std(axis=over, keepdims=True))

    return own(train), own(test)


# %% wrong: both sets together
# Mean and deviation are taken over both sets together: the test set has leaked into the training.
def normalized(train, test):
    x, over = np.concatenate([train, test]).astype(float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.std(axis=over, keepdims=True))
    return (train - m) / s, (test - m) / s


# %% wrong: a mean image
# Each pixel has a mean and a deviation of its own; one number for each channel is asked for, over all its pixels.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), 0
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.std(axis=over, keepdims=True))
    return (x - m) / s, (test - m) / s


# %% wrong: one number for all channels
# The channels share one mean and one deviation; each channel has its own.
def normalized(train, test):
    x = np.asarray(train, dtype=float)
    m, s = x.mean(), (1.0 if x.max() == x.min() else x.std())
    return (x - m) / s, (test - m) / s


# %% wrong: each image by itself
# Each image is normalized by its own mean and deviation; the average goes over all training images.
def normalized(train, test):
    def each(images):
        x, over = np.asarray(images, dtype=float), (2, 3)
        constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
        return (x - x.mean(axis=over, keepdims=True)) / np.where(constant, 1.0, x.std(axis=over, keepdims=True))

    return each(train), each(test)


# %% wrong: channels at the end
# The axes are taken as (N, h, w, c); here the channel is axis 1.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 1, 2)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.std(axis=over, keepdims=True))
    return (x - m) / s, (test - m) / s


# %% wrong: reshaped too early
# The reshape to (c, ...) cuts across the images: a row of it holds numbers of several channels. Axis 1 has to come first before it.
def normalized(train, test):
    rows = np.asarray(train, dtype=float).reshape(train.shape[1], -1)
    s = np.where(rows.max(axis=1) == rows.min(axis=1), 1.0, rows.std(axis=1))[:, None, None]
    m = rows.mean(axis=1)[:, None, None]
    return (train - m) / s, (test - m) / s


# %% wrong: N - 1
# The variance is divided by N - 1 in place of N, with N the number of pixels.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    s = np.where(constant, 1.0, x.std(axis=over, keepdims=True, ddof=1))
    m = x.mean(axis=over, keepdims=True)
    return (x - m) / s, (test - m) / s


# %% wrong: divided by the variance
# The differences are divided by the variance; its root, the standard deviation, is meant.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.var(axis=over, keepdims=True))
    return (x - m) / s, (test - m) / s


# %% wrong: an absolute limit
# A channel whose s is below a fixed number counts as constant; in a small unit every channel is. Compare largest and smallest value.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    m, s = x.mean(axis=over, keepdims=True), x.std(axis=over, keepdims=True)
    s = np.where(s < 1e-10, 1.0, s)
    return (x - m) / s, (test - m) / s


# %% wrong: not divided
# The mean is subtracted and the division by the standard deviation is missing.
def normalized(train, test):
    m = np.asarray(train, dtype=float).mean(axis=(0, 2, 3), keepdims=True)
    return train - m, test - m


# %% wrong: constant by computed deviation
# A constant channel is divided by its computed s, which is 0 or, by rounding, 1e-16; its s is 1.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    m, s = x.mean(axis=over, keepdims=True), x.std(axis=over, keepdims=True)
    s = np.where(s == 0, 1.0, s)
    return (x - m) / s, (test - m) / s


# %% wrong: a small number added
# A small number is added to s against division by zero; that changes every channel, and a constant one is still divided by nearly nothing.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    m, s = x.mean(axis=over, keepdims=True), x.std(axis=over, keepdims=True) + 1e-8
    return (x - m) / s, (test - m) / s


# %% wrong: 1e-5 added
# A small number is added to s against division by zero; that changes every channel, and a constant one is still divided by nearly nothing.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    m, s = x.mean(axis=over, keepdims=True), x.std(axis=over, keepdims=True) + 1e-5
    return (x - m) / s, (test - m) / s


# %% wrong: constant channel set to zero
# A constant channel becomes 0 in both sets; in the test set it can vary, and s = 1 leaves x - m there.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.std(axis=over, keepdims=True))
    return tuple(np.where(constant, 0.0, (images - m) / s) for images in (x, test))


# %% wrong: bytes that wrap
# The mean is rounded to the type of the images: bytes minus bytes cannot be negative and wrap round at 256.
def normalized(train, test):
    over = (0, 2, 3)
    constant = train.max(axis=over, keepdims=True) == train.min(axis=over, keepdims=True)
    m = train.astype(float).mean(axis=over, keepdims=True)
    s = np.where(constant, 1.0, train.astype(float).std(axis=over, keepdims=True))
    if train.dtype.kind == "u":
        m = m.astype(train.dtype)
    return (train - m).astype(float) / s, (test - m).astype(float) / s


# %% wrong: squares of bytes
# The squares are formed in the type of the images: 17 times 17 does not fit into a byte.
def normalized(train, test):
    over = (0, 2, 3)
    constant = train.max(axis=over, keepdims=True) == train.min(axis=over, keepdims=True)
    m = train.mean(axis=over, keepdims=True, dtype=float)
    variance = (train**2).mean(axis=over, keepdims=True, dtype=float) - m**2
    s = np.where(constant, 1.0, np.sqrt(np.abs(variance)))
    return (train.astype(float) - m) / s, (test.astype(float) - m) / s


# %% wrong: one pass
# The variance is the mean of the squares minus the square of the mean: far from 0 these are nearly equal, and the difference is rounding. Subtract m first.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m = x.mean(axis=over, keepdims=True)
    s = np.where(constant, 1.0, np.sqrt(np.maximum((x**2).mean(axis=over, keepdims=True) - m**2, 0)))
    return (x - m) / s, (test - m) / s


# %% wrong: in the type of the images
# The mean is calculated in the type of the images: float32 has seven digits, and far from 0 few of them are left.
def normalized(train, test):
    over = (0, 2, 3)
    constant = train.max(axis=over, keepdims=True) == train.min(axis=over, keepdims=True)
    m, s = train.mean(axis=over, keepdims=True), np.where(constant, 1.0, train.std(axis=over, keepdims=True))
    return ((train - m) / s).astype(float), ((test - m) / s).astype(float)


# %% wrong: float32 results
# The results are float32; both of them are float64, whatever the type of the images.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.std(axis=over, keepdims=True))
    return ((x - m) / s).astype(np.float32), ((test - m) / s).astype(np.float32)


# %% wrong: test first
# The two sets are returned in the other order: the training set comes first.
def normalized(train, test):
    x, over = np.asarray(train, dtype=float), (0, 2, 3)
    constant = x.max(axis=over, keepdims=True) == x.min(axis=over, keepdims=True)
    m, s = x.mean(axis=over, keepdims=True), np.where(constant, 1.0, x.std(axis=over, keepdims=True))
    return (test - m) / s, (x - m) / s


# %% right: channel by channel
def normalized(train, test):
    train, test = train.astype(np.float64), test.astype(np.float64)
    for c in range(train.shape[1]):
        channel = train[:, c].copy()
        m = channel.mean()
        s = 1.0 if np.ptp(channel) == 0 else np.sqrt(((channel - m) ** 2).mean())
        train[:, c] = (channel - m) / s
        test[:, c] = (test[:, c] - m) / s
    return train, test


# %% right: einsum
def normalized(train, test):
    x = np.asarray(train, dtype=np.float64)
    count = x[:, 0].size
    m = np.einsum("bcrs->c", x - x[0, :, 0, 0][:, None, None]) / count + x[0, :, 0, 0]
    d = x - m[:, None, None]
    s = np.sqrt(np.einsum("bcrs,bcrs->c", d, d) / count)
    s[(x == x[0, :, 0, 0][:, None, None]).all(axis=(0, 2, 3))] = 1.0
    return [d / s[:, None, None], (np.asarray(test, dtype=np.float64) - m[:, None, None]) / s[:, None, None]]


# %% right: one row for each channel
def normalized(train, test):
    rows = np.swapaxes(train, 0, 1).reshape(train.shape[1], -1).astype("float64")
    m, s = np.mean(rows, axis=1), np.std(rows, axis=1)
    s = np.array([1.0 if len(set(row.tolist())) == 1 else each for row, each in zip(rows, s)])

    def apply(images):
        last = np.moveaxis(images.astype("float64"), 1, 3)
        return np.moveaxis((last - m) / s, 3, 1)

    return apply(train), apply(test)


# %% right: plain Python numbers
def normalized(train, test):
    known = []
    for c in range(train.shape[1]):
        values = [float(v) for v in train[:, c].ravel()]
        m = math.fsum(values) / len(values)
        s = math.sqrt(math.fsum((v - m) ** 2 for v in values) / len(values))
        known.append((m, 1.0 if min(values) == max(values) else s))
    results = []
    for images in (train, test):
        y = np.zeros(images.shape)
        for b, c, r, s in np.ndindex(images.shape):
            y[b, c, r, s] = (float(images[b, c, r, s]) - known[c][0]) / known[c][1]
        results.append(y)
    return tuple(results)
