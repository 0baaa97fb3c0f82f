# %% wrong: nothing returned
# The results are computed and not returned: a return statement is missing.
def usable(p, q, eps):
    return None


def damped(B, p, q, share):
    return None


# %% wrong: the sign alone
# keeps: safeguards-damped-test
# Only the sign of p.q is looked at; a p.q next to 0 makes the updated matrix huge.
def usable(p, q, eps):
    return bool(p @ q > 0)


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: eps without the lengths
# keeps: safeguards-damped-test
# p.q is compared with eps itself; a short step, or J in other units, must not change the answer.
def usable(p, q, eps):
    return bool(p @ q > eps)


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: the length of q left out
# keeps: safeguards-damped-test
# The bound is eps |p|: the length of q is missing, so J in other units changes the answer.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: the length of p left out
# keeps: safeguards-damped-test
# The bound is eps |q|: the length of p is missing, so a short step is refused for its shortness.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: the length of p twice
# keeps: safeguards-damped-test
# p.q is compared with eps p.p; the bound has the length of p and the length of q in it.
def usable(p, q, eps):
    return bool(p @ q > eps * (p @ p))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: squared lengths
# keeps: safeguards-damped-test
# The bound holds p.p and q.q, the squares of the lengths; their roots are needed.
def usable(p, q, eps):
    return bool(p @ q > eps * (p @ p) * (q @ q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: the absolute value of p.q
# keeps: safeguards-damped-test
# The absolute value of p.q is taken; a negative p.q is what must be kept out.
def usable(p, q, eps):
    return bool(abs(p @ q) > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: the bound included
# keeps: safeguards-damped-test
# p.q equal to the bound passes, so a pair of zeros does; p.q has to be larger.
def usable(p, q, eps):
    return bool(p @ q >= eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: the question turned round
# keeps: safeguards-damped-test
# True and False are exchanged: True means that the pair may be used.
def usable(p, q, eps):
    return not p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q)


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: B for its inverse
# keeps: safeguards-usable-test
# B p stands where A p is needed; A, what is expected of the Hessian, is the inverse of B.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = B @ p
    w = max(0.0, share * (p @ Ap) - p @ q) / (max(0.0, share * (p @ Ap) - p @ q) + (1 - share) * (p @ Ap))
    return (1 - w) * q + w * Ap


# %% wrong: only negative pairs are mended
# keeps: safeguards-usable-test
# Only pairs with p.q below 0 are mended; one between 0 and share p.Ap is too small as well.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = (share * (p @ Ap) - p @ q) / (p @ Ap - p @ q) if p @ q < 0 else 0.0
    return (1 - w) * q + w * Ap


# %% wrong: q left as it is
# keeps: safeguards-usable-test
# q comes back as it is, also where p.q is too small.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    return q


# %% wrong: q replaced by A p
# keeps: safeguards-usable-test
# q is replaced by A p as a whole; then the pair brings nothing new, and w is to be as small as possible.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    return q if p @ q >= share * (p @ Ap) else Ap


# %% wrong: good pairs are changed too
# keeps: safeguards-usable-test
# q is mixed in any case; a pair with enough curvature stays as it is.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    kept = (1 - share) * (p @ Ap) / (p @ Ap - p @ q)
    return kept * q + (1 - kept) * Ap


# %% wrong: the weights exchanged
# keeps: safeguards-usable-test
# The two weights are exchanged: w belongs to A p and 1 - w to q.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    if p @ q >= share * (p @ Ap):
        return q
    w = (share * (p @ Ap) - p @ q) / (p @ Ap - p @ q)
    return w * q + (1 - w) * Ap


# %% wrong: always 0.2
# keeps: safeguards-usable-test
# The share is fixed at 0.2, Powell's number; use the argument.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    kept = 1.0 if p @ q >= 0.2 * (p @ Ap) else 0.8 * (p @ Ap) / (p @ Ap - p @ q)
    return kept * q + (1 - kept) * Ap


# %% wrong: the share as weight
# keeps: safeguards-usable-test
# `share` itself is used as the weight w; w has to be found, so that p.q becomes share p.Ap.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    return q if p @ q >= share * (p @ Ap) else (1 - share) * q + share * Ap


# %% wrong: p.p in place of p.Ap
# keeps: safeguards-usable-test
# p.p stands where p.Ap is needed: what B expects of p.q depends on B.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    if p @ q >= share * (p @ p):
        return q
    w = (share * (p @ p) - p @ q) / (p @ p - p @ q)
    return (1 - w) * q + w * Ap


# %% wrong: divided by p.Ap alone
# keeps: safeguards-usable-test
# w is divided by p.Ap; from w = 0 to w = 1 the line rises by p.Ap - p.q.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    if p @ q >= share * (p @ Ap):
        return q
    w = (share * (p @ Ap) - p @ q) / (p @ Ap)
    return (1 - w) * q + w * Ap


# %% wrong: w below 0
# keeps: safeguards-usable-test
# w has the wrong sign: it comes out below 0, and q moves away from A p.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    if p @ q >= share * (p @ Ap):
        return q
    w = (p @ q - share * (p @ Ap)) / (p @ Ap - p @ q)
    return (1 - w) * q + w * Ap


# %% wrong: pairs beyond A p mended
# keeps: safeguards-usable-test
# A pair with p.q above p.Ap is mended: there numerator and denominator of w are both below 0, and w must be 0.
def usable(p, q, eps):
    return bool(p @ q > eps * np.linalg.norm(p) * np.linalg.norm(q))


def damped(B, p, q, share):
    Ap = np.linalg.solve(B, p)
    w = np.clip((share * (p @ Ap) - p @ q) / (p @ Ap - p @ q), 0.0, 1.0)
    return (1 - w) * q + w * Ap


# %% right: Powell's theta
def usable(p, q, eps):
    return p @ q > eps * np.sqrt(p @ p) * np.sqrt(q @ q)


def damped(B, p, q, share):
    Ap = np.linalg.inv(B) @ p
    theta = 1.0 if p @ q >= share * (p @ Ap) else (1 - share) * (p @ Ap) / (p @ Ap - p @ q)
    return theta * q + (1 - theta) * Ap


# %% right: loops
def usable(p, q, eps):
    pq = pp = qq = 0.0
    for a, b in zip(p, q):
        pq, pp, qq = pq + a * b, pp + a * a, qq + b * b
    return True if pq > eps * pp**0.5 * qq**0.5 else False


def damped(B, p, q, share):
    expected = np.linalg.solve(B, p)
    there = sum(a * b for a, b in zip(p, expected))
    missing = share * there - sum(a * b for a, b in zip(p, q))
    if missing <= 0:
        return q.tolist()
    return [(1 - missing / (missing + there - share * there)) * b + missing / (missing + there - share * there) * e
            for b, e in zip(q, expected)]  # fmt: skip


# %% right: einsum, clipped
def usable(p, q, eps):
    return bool(np.einsum("i,i", p, q) > eps * np.hypot.reduce(p) * np.hypot.reduce(q))


def damped(B, p, q, share):
    e = np.linalg.lstsq(B / np.abs(B).max(), p / np.abs(B).max(), rcond=1e-30)[0]
    pe, pq = np.einsum("i,i", p, e), np.einsum("i,i", p, q)
    w = np.clip((share * pe - pq) / (pe - pq), 0, 1) if pq < pe else 0.0
    return q + w * (e - q)
