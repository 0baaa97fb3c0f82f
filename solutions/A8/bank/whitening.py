# %% wrong: nothing returned
# Mean and matrices are computed and not returned: a return statement is missing.
def whitening(x, eps):
    return None


# %% wrong: not centred
# The products are formed from x itself; the covariance is that of x - m.
def whitening(x, eps):
    v, U = np.linalg.eigh(x.T @ x / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return x.mean(axis=0), P, P @ U[:, kept].T


# %% wrong: one mean for all features
# One number is the mean of all features together; each feature has a mean of its own.
def whitening(x, eps):
    m = np.full(x.shape[1], x.mean())
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: N - 1
# The covariance is divided by N - 1, as np.cov does by itself; here it carries 1/N.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / max(len(x) - 1, 1))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: no root
# The components are divided by variance + eps; the root of it is missing.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / (v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: eps outside the root
# eps is added to the standard deviation; it is a variance and stands under the root.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / (np.sqrt(v[kept]) + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: eps forgotten
# eps takes no part: each component is divided by the root of its variance alone.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept])
    return m, P, P @ U[:, kept].T


# %% wrong: multiplied
# The components are multiplied by their standard deviation; whitening divides by it.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] * np.sqrt(v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: not scaled
# The data is turned to its components and not divided: its covariance is diagonal, but its variances are not 1.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept]
    return m, P, P @ P.T


# %% wrong: rows for columns
# The components are taken from the rows of U; eigh puts them into the columns.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U.T[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P @ U.T[:, kept].T


# %% wrong: standardized first
# The features are brought to variance 1 first, so the components are those of the correlations, not of the covariance.
def whitening(x, eps):
    m, s = x.mean(axis=0), x.std(axis=0)
    s = np.where(s == 0, 1.0, s)
    v, U = np.linalg.eigh(((x - m) / s).T @ ((x - m) / s) / len(x))
    kept = v > 1e-10 * v.max()
    P = (U[:, kept] / s[:, None]) / np.sqrt(v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: each feature by itself
# Each feature is divided by its own standard deviation; the correlations are left as they were.
def whitening(x, eps):
    s = np.sqrt(x.var(axis=0) + eps)
    s = np.where(s == 0, 1.0, s)
    return x.mean(axis=0), np.diag(1 / s), np.diag(1 / s)


# %% wrong: P turned back
# P is turned back as well, so the columns of (x - m) @ P are no longer decorrelated for eps above 0; only Z turns back.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P @ U[:, kept].T, P @ U[:, kept].T


# %% wrong: Z not turned back
# Z is P: the turn back into the old coordinates is missing.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P


# %% wrong: turned on the other side
# The turn back is multiplied from the left, where it cancels the first turn; the components have to be undone after the scaling.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, U[:, kept].T @ P


# %% wrong: Z scaled twice
# Z is P times its own transpose: the scaling is in it twice, and the result is the inverse of the covariance, not of its root.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P @ P.T


# %% wrong: nothing left out
# Directions in which the data does not vary are kept and divided by 1; they are to be left out.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    root = np.where(v > 1e-10 * v.max(), np.sqrt(np.abs(v) + eps), 1.0)
    P = U / root
    return m, P, P @ U.T


# %% wrong: nothing left out with eps
# With eps above 0 the directions without variance are kept and divided by the root of eps; they are left out there too.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v + eps > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% wrong: an absolute limit
# The limit is a fixed number, so data in a small unit seems not to vary at all; it goes with the largest variance.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-5
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return m, P, P @ U[:, kept].T


# %% right: singular values
def whitening(x, eps):
    m = np.mean(x, axis=0)
    _, s, Vt = np.linalg.svd(x - m, full_matrices=False)
    v = s**2 / len(x)
    V = Vt[v > 1e-10 * v[0]].T
    v = v[v > 1e-10 * v[0]]
    return m, V @ np.diag((v + eps) ** -0.5), V @ np.diag((v + eps) ** -0.5) @ V.T


# %% right: one component after the other
def whitening(x, eps):
    N, n = x.shape
    m = np.array([x[:, i].sum() / N for i in range(n)])
    C = np.zeros((n, n))
    for b in range(N):
        C += np.outer(x[b] - m, x[b] - m) / N
    v, U = np.linalg.eigh(C)
    columns, Z = [], np.zeros((n, n))
    for k in range(n - 1, -1, -1):
        if v[k] > 1e-10 * v[-1]:
            columns.append(-U[:, k] / math.sqrt(v[k] + eps))
            Z += np.outer(U[:, k], U[:, k]) / math.sqrt(v[k] + eps)
    return m, np.array(columns).reshape(-1, n).T, Z


# %% right: einsum
def whitening(x, eps):
    d = x - x.mean(axis=0, keepdims=True)
    v, U = np.linalg.eigh(np.einsum("bi,bj->ij", d, d) / len(x))
    chosen = np.flatnonzero(v / max(v[-1], 1e-300) > 1e-10)[::-1]
    v, U = v[chosen], U[:, chosen]
    return [x.mean(axis=0), U / np.sqrt(v + eps), np.einsum("ik,k,jk->ij", U, 1 / np.sqrt(v + eps), U)]


# %% right: np.cov
def whitening(x, eps):
    C = np.atleast_2d(np.cov(x, rowvar=False, bias=True))
    U, v, _ = np.linalg.svd(C, hermitian=True)
    r = int((v > 1e-10 * v[0]).sum())
    D = np.diag(1 / np.sqrt(v[:r] + eps))
    return tuple(x.mean(axis=0)), U[:, :r] @ D, U[:, :r] @ D @ U[:, :r].T
