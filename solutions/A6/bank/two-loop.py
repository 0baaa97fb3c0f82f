# %% wrong: nothing returned
# The direction is computed and not returned: a return statement is missing.
def direction(g, P, Q, count, scale):
    return None


# %% wrong: B g without its minus
# B g is returned, which leads uphill; the direction is -B g.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: the loops in the other order
# The first loop runs from the oldest pair to the newest and the second one back; it is the other way round.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in rows:
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in reversed(rows):
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: both loops newest first
# Both loops run from the newest pair to the oldest; the second one goes back, oldest first.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in reversed(rows):
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: multiples of other pairs
# The second loop takes the multiples in the order in which they were stored, newest first, while it goes through the pairs oldest first.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, []
    for row in reversed(rows):
        multiples.append(P[row] @ r / (P[row] @ Q[row]))
        r = r - multiples[-1] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples.pop(0) - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: -g without pairs
# keeps: two-loop-ring-test
# Without pairs -g is returned; B is diag(scale) then.
def direction(g, P, Q, count, scale):
    if count == 0:
        return -g
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: scale left out
# `scale` is not used: B is made from diag(scale), not from I.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: scale before the first loop
# `scale` multiplies g before the first loop; it stands between the two loops.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -scale * g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: scale after the second loop
# `scale` multiplies the result of the second loop; it stands between the two loops.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return scale * r


# %% wrong: gamma in place of scale
# B is started from gamma I with gamma = p.q / q.q of the newest pair; here the start is given, diag(scale).
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = P[rows[-1]] @ Q[rows[-1]] / (Q[rows[-1]] @ Q[rows[-1]]) * r if rows else r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: the sum of both multiples
# The two multiples are added; on the way back the second one is taken away from the first.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] + Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: p and q exchanged
# p and q are exchanged: a multiple of q is taken away first, with p.r in it, and a multiple of p is put in later.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = Q[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * P[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - P[row] @ r / (P[row] @ Q[row])) * Q[row]
    return r


# %% wrong: the second loop without its own product
# The second loop puts the first multiple of p in and leaves out q.r / p.q, which changes as r does.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + multiples[row] * P[row]
    return r


# %% wrong: the newest pair not used
# The newest pair is left out: pair number count - 1 is in the memory.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)][:-1]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: both loops oldest first
# Both loops run from the oldest pair to the newest; the first one goes from the newest to the oldest.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in rows:
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: the newest pair alone
# The newest pair alone is used; all that are left in the memory count.
def direction(g, P, Q, count, scale):
    rows = [(count - 1) % len(P)] if count else []
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: divided by scale
# The vector is divided by `scale` between the loops; diag(scale) is a start for B, the inverse of the Hessian, so it multiplies.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = r / scale
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: scale twice
# `scale` is used twice; diag(scale) stands once, between the two loops.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return scale * r


# %% wrong: no second loop
# There is no second loop: what the first one took away along q comes back along p, oldest first.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    return r


# %% wrong: q in the first product
# The multiple in the first loop is q.r / p.q; it is p.r / p.q.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = Q[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: p in the second product
# The product in the second loop is p.r; it is q.r.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(max(0, count - len(P)), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - P[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: unwritten rows are read
# keeps: two-loop-ring-test
# All m rows are used, also those that were never written; only `count` pairs are there as long as count is below m.
def direction(g, P, Q, count, scale):
    rows = [k % len(P) for k in range(count - len(P), count)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: rows as they lie
# keeps: two-loop-test
# The rows are taken in the order in which they lie; once the memory has come round, row 0 no longer holds the oldest pair.
def direction(g, P, Q, count, scale):
    rows = list(range(min(count, len(P))))
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: the ring read from the wrong row
# keeps: two-loop-test
# The oldest pair is taken from the row after its own: pair number count is not written yet, and its row holds the oldest pair.
def direction(g, P, Q, count, scale):
    m = len(P)
    rows = [k % m for k in range(count)] if count <= m else [(count + 1 + k) % m for k in range(m)]
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% wrong: all rows, written or not
# All m rows are used, in the order in which they lie; below count = m only the first `count` of them were written.
def direction(g, P, Q, count, scale):
    rows = list(range(len(P)))
    r, multiples = -g, {}
    for row in reversed(rows):
        multiples[row] = P[row] @ r / (P[row] @ Q[row])
        r = r - multiples[row] * Q[row]
    r = scale * r
    for row in rows:
        r = r + (multiples[row] - Q[row] @ r / (P[row] @ Q[row])) * P[row]
    return r


# %% right: the matrix
def direction(g, P, Q, count, scale):
    B = np.diag(scale)
    for k in range(max(0, count - len(P)), count):
        p, q = P[k % len(P)], Q[k % len(P)]
        V = np.eye(len(g)) - np.outer(p, q) / (p @ q)
        B = V @ B @ V.T + np.outer(p, p) / (p @ q)
    return -B @ g


# %% right: recursion
def direction(g, P, Q, count, scale):
    def product(v, newest, left):
        if left == 0:
            return scale * v
        p, q = P[newest % len(P)], Q[newest % len(P)]
        a = (p @ v) / (p @ q)
        inner = product(v - a * q, newest - 1, left - 1)
        return inner + (a - (q @ inner) / (p @ q)) * p

    return -product(g, count - 1, min(count, len(P)))


# %% right: rolled, with a stack
def direction(g, P, Q, count, scale):
    m = len(P)
    if count <= m:
        P, Q = P[:count], Q[:count]
    else:
        P, Q = np.roll(P, -(count % m), axis=0), np.roll(Q, -(count % m), axis=0)
    rho = 1 / np.einsum("ki,ki->k", P, Q)
    r, stack = g.copy(), []
    for k in range(len(P) - 1, -1, -1):
        stack.append(rho[k] * P[k].dot(r))
        r -= stack[-1] * Q[k]
    r *= scale
    for k in range(len(P)):
        r += P[k] * (stack.pop() - rho[k] * Q[k].dot(r))
    return -r


# %% right: lists
def direction(g, P, Q, count, scale):
    def dot(a, b):
        return sum(x * y for x, y in zip(a, b))

    kept = [(list(P[k % len(P)]), list(Q[k % len(P)])) for k in range(count)][-len(P) :]
    r, multiples = [-x for x in g], []
    for p, q in kept[::-1]:
        a = dot(p, r) / dot(p, q)
        multiples.insert(0, a)
        r = [x - a * y for x, y in zip(r, q)]
    r = [s * x for s, x in zip(scale, r)]
    for a, (p, q) in zip(multiples, kept):
        b = dot(q, r) / dot(p, q)
        r = [x + (a - b) * y for x, y in zip(r, p)]
    return r
