# %% wrong: nothing returned
# The step is computed and not returned: a return statement is missing.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    return None


# %% wrong: the last one counts
# Where a word comes twice only the last gradient counts: g[rows] += grads writes once for each row; all that is sent to a row is summed.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    g[rows] += grads
    G = G + g**2
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: squares of the parts
# G takes in the square of each part that is sent; the parts are summed first, and their sum is squared.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g, squares = np.zeros_like(table), np.zeros_like(table)
    np.add.at(g, rows, grads)
    np.add.at(squares, rows, grads**2)
    G = G + squares
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: one after the other
# A word that comes twice makes two steps, one after the other; it makes one step with the sum.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    table, G = table.copy(), G.copy()
    for row, g in zip(rows, grads, strict=True):
        G[row] += g**2
        table[row] -= lr * g / (np.sqrt(G[row]) + eps)
    return table, G


# %% wrong: averaged
# What is sent to a row is averaged; it is summed.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    g /= np.maximum(np.bincount(rows, minlength=len(table)), 1)[:, None]
    G = G + g**2
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: the old G
# The step divides by the root of the old G; G takes in the new square first.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    return table - lr * g / (np.sqrt(G) + eps), G + g**2


# %% wrong: eps inside the root
# ε is added inside the root; here it is added to the root.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + g**2
    return table - lr * g / np.sqrt(G + eps), G


# %% wrong: no root
# The step divides by G itself; it divides by the root of G, which has the size of a gradient.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + g**2
    return table - lr * g / (G + eps), G


# %% wrong: the gradient not squared
# G takes in the size of the gradient; it is a sum of squares.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + np.abs(g)
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: G forgets
# G holds the last square only; Adagrad adds it to all that came before.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G.copy()
    G[rows] = g[rows] ** 2
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: one G for a row
# All numbers of a row share one sum of squares; each has its own.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + (g**2).sum(axis=1, keepdims=True)
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: G not renewed
# The step is right and the old G is returned: the next step would not know of this one.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    return table - lr * g / (np.sqrt(G + g**2) + eps), G


# %% wrong: uphill
# The rows move along the gradient, uphill; the step is subtracted.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + g**2
    return table + lr * g / (np.sqrt(G) + eps), G


# %% wrong: the size cancelled
# Every number moves by the rate times a sign: the step divides by the size of this gradient, not by the root of G.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    return table - lr * g / (np.sqrt(g**2) + eps), G + g**2


# %% wrong: the root of G
# The root of G is returned; G itself goes on to the next step.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + g**2
    return table - lr * g / (np.sqrt(G) + eps), np.sqrt(G)


# %% wrong: an average
# G is an average, as in RMSprop; Adagrad adds the new squares to the old sum.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = 0.9 * G + 0.1 * g**2
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: divided by B
# The gradient is divided by the number of places in the batch; the gradient of a row is the sum of what is sent to it.
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    g /= max(len(rows), 1)
    G = G + g**2
    return table - lr * g / (np.sqrt(G) + eps), G


# %% wrong: another default
# The default of lr is not PyTorch's.
def adagrad_rows(table, G, rows, grads, lr=0.1, eps=1e-10):
    g = np.zeros_like(table)
    np.add.at(g, rows, grads)
    G = G + g**2
    return table - lr * g / (np.sqrt(G) + eps), G


# %% right: loops
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    table, G = np.array(table, float), np.array(G, float)
    for v in range(table.shape[0]):
        for k in range(table.shape[1]):
            g = sum(grads[b, k] for b in range(len(rows)) if rows[b] == v)
            G[v, k] += g**2
            table[v, k] -= lr * g / (G[v, k] ** 0.5 + eps)
    return table, G


# %% right: one-hot matrix
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    sent_to = (np.arange(len(table))[:, None] == rows).astype(grads.dtype)
    g = sent_to @ grads
    total = G + np.square(g)
    return table - lr / (eps + total**0.5) * g, total


# %% right: rows that came
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    table, G = table.copy(), G.copy()
    for row in set(rows.tolist()):
        g = grads[rows == row].sum(axis=0)
        G[row] += g * g
        table[row] -= lr * g / (np.sqrt(G[row]) + eps)
    return [table, G]


# %% right: einsum
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    g = np.einsum("bv,bd->vd", np.eye(len(table))[rows], grads)
    G = np.add(G, g**2)
    return np.subtract(table, lr * np.divide(g, np.sqrt(G) + eps)), G


# %% right: sorted and cut
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    words, places = np.unique(rows, return_inverse=True)
    g = np.zeros((len(words), table.shape[1]), grads.dtype)
    for b, place in enumerate(places.ravel()):
        g[place] += grads[b]
    new, squares = table.copy(), G.copy()
    squares[words] += g**2
    new[words] -= lr * g / (np.sqrt(squares[words]) + eps)
    return new, squares


# %% right: lists
def adagrad_rows(table, G, rows, grads, lr=0.01, eps=1e-10):
    sums = {}
    for row, sent in zip(rows.tolist(), grads.tolist()):
        sums[row] = [a + b for a, b in zip(sums.get(row, [0.0] * len(sent)), sent)]
    new, squares = table.tolist(), G.tolist()
    for row, g in sums.items():
        for k in range(len(g)):
            squares[row][k] += g[k] ** 2
            new[row][k] -= lr * g[k] / (math.sqrt(squares[row][k]) + eps)
    return new, squares
