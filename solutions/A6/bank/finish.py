# %% wrong: nothing returned
# The points are computed and not returned: a return statement is missing.
def exact_steps(A, b, theta, update, tol):
    return None


# %% wrong: full steps
# The length is always 1; the lowest point along d is somewhere else as long as B is not yet the inverse of A.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        p = -B @ g
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: the length for d = -g
# The length g.g / d.Ad is right for d = -g only; along d the slope is g.d.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = g @ g / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: the length for d = -g, in both
# The length g.g / g.Ag is that of steepest descent; the step goes along d.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = g @ g / (g @ A @ g) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: half the length
# The length is half of what it should be: the derivative of alpha^2 d.Ad / 2 is alpha d.Ad.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (2 * d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: uphill
# The steps lead uphill: along d = -B g the slope g.d is below 0, and the length is -g.d / d.Ad; look at the minus in both.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = B @ g
        p = g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: B never updated
# B stays I, or d does not use it: update returns the next B and leaves the old one as it is, so its result has to be kept.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        update(B, p, A @ p)
    return np.array(points)


# %% wrong: updated from I each time
# Each update starts from I again, so that only the last pair counts; it starts from the B before it.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(np.eye(len(b)), p, A @ p)
    return np.array(points)


# %% wrong: p and q exchanged
# update gets q and p in the other order: the step comes first, the change of the gradient second.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, A @ p, p)
    return np.array(points)


# %% wrong: d for the step
# update gets d as p; p is the step that was made, the length times d.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, d, A @ p)
    return np.array(points)


# %% wrong: the gradient for its change
# update gets the new gradient as q; q is its change, the new one minus the old one.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ points[-1] - b)
    return np.array(points)


# %% wrong: b forgotten
# The gradient is taken as A theta; J has the term -b.theta as well.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1]
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: one array in all rows
# All rows are one and the same array, which += changes each time; each point needs an array of its own.
def exact_steps(A, b, theta, update, tol):
    B, theta = np.eye(len(b)), theta.copy()
    points = [theta]
    for _ in b:
        g = A @ theta - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        theta += p
        points.append(theta)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: the start left out
# A point is missing, the start or the last one: k steps make k + 1 rows.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points[1:])


# %% wrong: the last point alone
# The last point alone is returned; all points are asked for, the start first.
def exact_steps(A, b, theta, update, tol):
    B = np.eye(len(b))
    for _ in b:
        g = A @ theta - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        theta = theta + p
        B = update(B, p, A @ p)
    return theta


# %% wrong: one step too few
# keeps: finish-early-test
# The run ends one step too early: n steps are allowed, and where all eigenvalues differ they are needed.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in range(len(b) - 1):
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: n + 1 steps
# keeps: finish-early-test
# One step too many is made: the run ends after n steps, whatever the gradient is.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in range(len(b) + 1):
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: a method of its own
# `update` is not asked: the steps are those of BFGS, or of conjugate gradients, whatever update returns.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        V = np.eye(len(b)) - np.outer(p, A @ p) / (p @ A @ p)
        B = V @ B @ V.T + np.outer(p, p) / (p @ A @ p)
    return np.array(points)


# %% wrong: exactly tol
# keeps: finish-test
# A gradient of exactly tol, and one of 0 where tol is 0, ends the run: at most tol, not below it.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.abs(g).max() < tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: always n steps
# keeps: finish-test
# The gradient is not looked at: steps are made also where it is zero but for rounding, and there only rounding is left.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: looked at too late
# keeps: finish-test
# The gradient is looked at after a step only; the start may be good enough already.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        if np.abs(A @ points[-1] - b).max() <= tol:
            break
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: the length of g
# keeps: finish-test
# The length of g is compared with tol; the largest |entry| is asked for, which is smaller.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if np.linalg.norm(g) <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% wrong: signs of the entries
# keeps: finish-test
# The largest entry is taken without absolute values, so that a gradient with negative entries only passes for small.
def exact_steps(A, b, theta, update, tol):
    B, points = np.eye(len(b)), [theta]
    for _ in b:
        g = A @ points[-1] - b
        if tol and g.max() <= tol:
            break
        d = -B @ g
        p = -g @ d / (d @ A @ d) * d
        points.append(points[-1] + p)
        B = update(B, p, A @ p)
    return np.array(points)


# %% right: the difference of gradients
def exact_steps(A, b, theta, update, tol):
    B, points, g = np.eye(theta.size), [theta], A @ theta - b
    while len(points) <= theta.size and np.max(np.abs(g)) > tol:
        d = -(B @ g)
        new = points[-1] + (-(g @ d) / (d @ A @ d)) * d
        changed = A @ new - b
        B = update(B, new - points[-1], changed - g)
        points.append(new)
        g = changed
    return np.stack(points)


# %% right: solved along the line
def exact_steps(A, b, theta, update, tol):
    B, points = np.identity(len(theta)), np.array([theta])
    for _ in range(len(theta)):
        g = A.dot(points[-1]) - b
        if all(abs(entry) <= tol for entry in g):
            return points
        d = B.dot(g)
        at_zero, at_one = g.dot(d), (A.dot(points[-1] + d) - b).dot(d)
        alpha = at_zero / (at_zero - at_one)
        points = np.vstack([points, points[-1] + alpha * d])
        B = update(B, alpha * d, alpha * A.dot(d))
    return points


# %% right: lists
def exact_steps(A, b, theta, update, tol):
    def times(M, v):
        return [sum(m * x for m, x in zip(row, v)) for row in M]

    n = len(b)
    B, here, points = np.eye(n), [float(x) for x in theta], [[float(x) for x in theta]]
    for _ in range(n):
        g = [float(x) - y for x, y in zip(times(A, here), b)]
        if max(map(abs, g)) <= tol:
            break
        d = [-x for x in times(B, g)]
        alpha = -sum(x * y for x, y in zip(g, d)) / sum(x * y for x, y in zip(d, times(A, d)))
        p = [alpha * x for x in d]
        here = [x + y for x, y in zip(here, p)]
        points.append(here)
        B = update(B, np.array(p), np.array(times(A, p)))
    return points
