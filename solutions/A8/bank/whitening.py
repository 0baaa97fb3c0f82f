# %% wrong: nothing returned
# The matrix is computed and not returned: a return statement is missing.
def whitening(x, eps):
    return None


# %% wrong: not centred
# The products are formed from x itself; the covariance is that of x - m.
def whitening(x, eps):
    m = np.zeros(x.shape[1])
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: one mean for all features
# One number is the mean of all features together; each feature has a mean of its own.
def whitening(x, eps):
    m = x.mean()
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: N - 1
# The covariance is divided by N - 1, as np.cov does by itself; here it carries 1/N.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / max(len(x) - 1, 1))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: not divided by N
# The products are summed over the instances; the covariance is their mean, with 1/N.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: no root
# The scaling is in Z twice, as in P @ P.T, or its root is missing: this is the inverse of the covariance, not of the root of it.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    P = U[:, kept] / np.sqrt(v[kept] + eps)
    return P @ P.T


# %% wrong: eps outside the root
# eps is added to the standard deviation; it is a variance and stands under the root.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V / (np.sqrt(v[kept]) + eps)) @ V.T


# %% wrong: eps forgotten
# eps takes no part: each component is divided by the root of its variance alone.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V / np.sqrt(v[kept])) @ V.T


# %% wrong: multiplied
# The components are multiplied by their standard deviation; whitening divides by it.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (V * np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: not scaled
# The data is turned to its components and back, and not divided in between.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    return U[:, kept] @ U[:, kept].T


# %% wrong: singular values for variances
# A singular value of x - m is taken for N times a variance; its square is.
def whitening(x, eps):
    _, s, Vt = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    v = s / len(x)
    V = Vt[v > 1e-10 * v.max()].T
    return (V / np.sqrt(v[v > 1e-10 * v.max()] + eps)) @ V.T


# %% wrong: rows for columns
# The components are taken from the rows of U; eigh puts them into the columns.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U.T[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: standardized first
# The features are brought to variance 1 first, so the components are those of the correlations, not of the covariance.
def whitening(x, eps):
    m, s = x.mean(axis=0), x.std(axis=0)
    s = np.where(s == 0, 1.0, s)
    v, U = np.linalg.eigh(((x - m) / s).T @ ((x - m) / s) / len(x))
    V = U[:, v > 1e-10 * v.max()]
    return (V / s[:, None] / np.sqrt(v[v > 1e-10 * v.max()] + eps)) @ V.T


# %% wrong: nothing left out with eps
# Directions in which the data does not vary are kept and divided by the root of eps; they are left out, with eps as without.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v + eps > 1e-10 * v.max()
    V = U[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: each feature by itself
# Each feature is divided by its own standard deviation; the correlations are left as they were.
def whitening(x, eps):
    s = np.sqrt(x.var(axis=0) + eps)
    return np.diag(1 / np.where(s == 0, 1.0, s))


# %% wrong: not turned back
# This is the matrix of PCA whitening: the way back into the old coordinates is missing.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    return U[:, kept] / np.sqrt(v[kept] + eps)


# %% wrong: turned on the other side
# The turn back is multiplied from the left, where it cancels the first turn; the components have to be undone after the scaling.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return V.T @ (V / np.sqrt(v[kept] + eps))


# %% wrong: nothing left out
# Directions in which the data does not vary are kept and divided by 1; they are to be left out.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    return (U / np.where(kept, np.sqrt(np.abs(v) + eps), 1.0)) @ U.T


# %% wrong: an absolute limit
# The limit is a fixed number, so data in a small unit seems not to vary at all; it goes with the largest variance.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10
    V = U[:, kept]
    return (V / np.sqrt(v[kept] + eps)) @ V.T


# %% wrong: the data itself
# The whitened data is returned; the matrix Z that whitens it is asked for.
def whitening(x, eps):
    m = x.mean(axis=0)
    v, U = np.linalg.eigh((x - m).T @ (x - m) / len(x))
    kept = v > 1e-10 * v.max()
    V = U[:, kept]
    return (x - m) @ (V / np.sqrt(v[kept] + eps)) @ V.T


# %% right: singular values
def whitening(x, eps):
    _, s, Vt = np.linalg.svd(x - np.mean(x, axis=0), full_matrices=False)
    v = s**2 / len(x)
    V = Vt[v > 1e-10 * v[0]].T
    return V @ np.diag((v[v > 1e-10 * v[0]] + eps) ** -0.5) @ V.T


# %% right: one component after the other
def whitening(x, eps):
    N, n = x.shape
    m = np.array([x[:, i].sum() / N for i in range(n)])
    C, Z = np.zeros((n, n)), np.zeros((n, n))
    for b in range(N):
        C += np.outer(x[b] - m, x[b] - m) / N
    v, U = np.linalg.eigh(C)
    for k in range(n):
        if v[k] > 1e-10 * v[-1]:
            Z += np.outer(U[:, k], U[:, k]) / math.sqrt(v[k] + eps)
    return Z


# %% right: einsum
def whitening(x, eps):
    d = x - x.mean(axis=0, keepdims=True)
    v, U = np.linalg.eigh(np.einsum("bi,bj->ij", d, d) / len(x))
    chosen = np.flatnonzero(v / max(v[-1], 1e-300) > 1e-10)[::-1]
    v, U = v[chosen], U[:, chosen]
    return np.einsum("ik,k,jk->ij", U, 1 / np.sqrt(v + eps), U)


# %% right: weights of 0
def whitening(x, eps):
    C = np.atleast_2d(np.cov(x, rowvar=False, bias=True))
    U, v, _ = np.linalg.svd(C, hermitian=True)
    return (U * np.where(v > 1e-10 * v[0], 1 / np.sqrt(v + eps), 0.0)) @ U.T
