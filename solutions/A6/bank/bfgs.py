# %% wrong: nothing returned
# The matrices are computed and not returned: a return statement is missing.
def bfgs_inverse(B, points, gradients):
    return None


def bfgs_hessian(A, points, gradients):
    return None


# %% wrong: the label kept in the exchange
# keeps: bfgs-inverse-test
# p and q are exchanged in the inverse form and its name is kept: that is DFP for the Hessian (erratum 4.26).
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(q, p) / (p @ q)
        A = V @ A @ V.T + np.outer(q, q) / (p @ q)
    return A


# %% wrong: DFP
# This is DFP, xi = 0 of the family; for the inverse BFGS is xi = 1, and in the Hessian's form the two labels trade places.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Bq = B @ q
        B = B + np.outer(p, p) / (p @ q) - np.outer(Bq, Bq) / (q @ Bq)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(q, p) / (p @ q)
        A = V @ A @ V.T + np.outer(q, q) / (p @ q)
    return A


# %% wrong: rank one
# The correction has rank one (SR1): it satisfies the secant equation, and BFGS does so with rank two.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        r = p - B @ q
        B = B + np.outer(r, r) / (r @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        r = q - A @ p
        A = A + np.outer(r, r) / (r @ p)
    return A


# %% wrong: p and q exchanged
# p and q are exchanged: the inverse satisfies B q = p and the Hessian A p = q.
def bfgs_inverse(B, points, gradients):
    for q, p in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for q, p in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: only the last pair
# Only the last pair is used; every pair of the run updates what the one before it left.
def bfgs_inverse(B, points, gradients):
    p, q = points[-1] - points[0], gradients[-1] - gradients[0]
    if len(points) > 1:
        p, q = points[-1] - points[-2], gradients[-1] - gradients[-2]
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    if len(points) > 1:
        p, q = points[-1] - points[-2], gradients[-1] - gradients[-2]
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: newest pair first
# The pairs are used newest first; the order of the run is asked for, and the last pair has the last word.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0)[::-1], np.diff(gradients, axis=0)[::-1]):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0)[::-1], np.diff(gradients, axis=0)[::-1]):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: begun from I with each pair
# The given matrix is not used: the first pair updates it, and every later pair what the one before it left.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        A = np.eye(len(p)) + np.outer(q, q) / (p @ q) - np.outer(p, p) / (p @ p)
    return A


# %% wrong: steps from the start
# p and q are measured from the first point of the run; a pair consists of neighbours.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(points[1:] - points[0], gradients[1:] - gradients[0]):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(points[1:] - points[0], gradients[1:] - gradients[0]):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: the gradient for its change
# q is the new gradient itself; the pair needs its change, the new one minus the old one.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), gradients[1:]):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), gradients[1:]):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: not symmetric
# The correction divides by q.q or p.p (Broyden 1965): the secant equation holds, but the matrix is no longer symmetric.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        B = B + np.outer(p - B @ q, q) / (q @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        A = A + np.outer(q - A @ p, p) / (p @ p)
    return A


# %% wrong: V on the wrong side
# keeps: bfgs-hessian-test
# V and its transpose are exchanged: V = I - p q^T / p.q stands at the left of B, its transpose at the right.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V.T @ B @ V + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: the last term forgotten
# keeps: bfgs-hessian-test
# p p^T / p.q is missing (the 1 in the long form): the rest takes away what B knew along q and puts nothing in.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: the inverse form for both
# keeps: bfgs-inverse-test
# The Hessian is updated as if it were the inverse; it has a secant equation of its own, A p = q.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    return bfgs_inverse(A, points, gradients)


# %% wrong: nothing taken away
# keeps: bfgs-inverse-test
# What A said along p is not taken away before q q^T / p.q is added: A p p^T A / p.Ap is missing.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        A = A + np.outer(q, q) / (p @ q)
    return A


# %% wrong: the inverse returned for the Hessian
# keeps: bfgs-inverse-test
# The updated inverse is returned where the Hessian is asked for.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    return bfgs_inverse(np.linalg.inv(A), points, gradients)


# %% wrong: return inside the loop
# Only the first pair is used: the function returns inside the loop.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
        return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
        return A


# %% wrong: the correction alone
# The correction alone is returned; it is added to the matrix from before.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q) - B
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Ap = A @ p
        A = np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% wrong: old minus new
# One of p and q is the old one minus the new one, so that p.q comes out below 0; both are new minus old.
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), -np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), -np.diff(gradients, axis=0)):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return A


# %% right: slide 21
def bfgs_inverse(B, points, gradients):
    for t in range(len(points) - 1):
        p, q = points[t + 1] - points[t], gradients[t + 1] - gradients[t]
        pq, Bq = p @ q, B @ q
        B = B + np.outer(p, p) / pq * (1 + q @ Bq / pq) - (np.outer(Bq, p) + np.outer(p, Bq)) / pq
    return B


def bfgs_hessian(A, points, gradients):
    for t in range(len(points) - 1):
        p, q = points[t + 1] - points[t], gradients[t + 1] - gradients[t]
        A = A - np.einsum("ik,k,l,lj", A, p, p, A) / np.einsum("i,ij,j", p, A, p) + np.einsum("i,j", q, q) / (p @ q)
    return A


# %% right: the family
def bfgs_inverse(B, points, gradients):
    B = B.copy()
    for p, q in zip(points[1:] - points[:-1], gradients[1:] - gradients[:-1]):
        tau, Bq = q @ B @ q, B @ q
        v = p / (p @ q) - Bq / tau
        B += p[:, None] * p / (p @ q) - Bq[:, None] * Bq / tau + tau * v[:, None] * v
    return B


def bfgs_hessian(A, points, gradients):
    A = A.copy()
    for p, q in zip(points[1:] - points[:-1], gradients[1:] - gradients[:-1]):
        Ap = A @ p
        A += q[:, None] * q / (p @ q) - Ap[:, None] * Ap / (p @ Ap)
    return A


# %% right: one pair and the rest
def bfgs_inverse(B, points, gradients):
    if len(points) == 1:
        return B
    n, p, q = len(B), points[1] - points[0], gradients[1] - gradients[0]
    pq, new = sum(p * q), np.zeros((len(B), len(B)))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                for m in range(n):
                    new[i, j] += ((i == k) - p[i] * q[k] / pq) * B[k, m] * ((j == m) - p[j] * q[m] / pq)
            new[i, j] += p[i] * p[j] / pq
    return bfgs_inverse(new, points[1:], gradients[1:])


def bfgs_hessian(A, points, gradients):
    if len(points) == 1:
        return A
    p, q = points[1] - points[0], gradients[1] - gradients[0]
    u = [sum(row * p) for row in A]
    new = [[A[i][j] + q[i] * q[j] / sum(p * q) - u[i] * u[j] / sum(p * u) for j in range(len(p))] for i in range(len(p))]
    return bfgs_hessian(np.array(new), points[1:], gradients[1:])


# %% right: through the inverse
def bfgs_inverse(B, points, gradients):
    return np.linalg.inv(bfgs_hessian(np.linalg.inv(B), points, gradients))


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        A = A - A @ np.outer(p, p) @ A / (p @ A @ p) + np.outer(q, q) / np.inner(p, q)
    return A


# %% right: lists of rows
def bfgs_inverse(B, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        V = np.eye(len(p)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return B.tolist()


def bfgs_hessian(A, points, gradients):
    for p, q in zip(np.diff(points, axis=0), np.diff(gradients, axis=0)):
        Ap = A @ p
        A = A + np.outer(q, q) / (p @ q) - np.outer(Ap, Ap) / (p @ Ap)
    return list(map(tuple, A))
