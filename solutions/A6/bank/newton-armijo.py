# %% wrong: nothing returned
# The step is computed and not returned: a return statement is missing.
def newton_armijo(f, theta, c1=1e-4, most=30):
    return None


# %% wrong: gives up at the first refusal
# The search ends at the first length that is refused; None is for the case that all lengths were tried.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
        return theta, None


# %% wrong: the step without its minus
# The direction leads uphill: Newton's direction solves H d = -g, with a minus.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J - c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: steepest descent
# The direction is -g; Newton's direction uses the Hessian as well.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, _ = f(theta)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta - alpha * g)[0] <= J - c1 * alpha * np.dot(g, g):
            return theta - alpha * g, halvings
    return theta, None


# %% wrong: always the full step
# The full step is taken without asking whether J is low enough there.
def newton_armijo(f, theta, c1=1e-4, most=30):
    _, g, H = f(theta)
    return theta - np.linalg.solve(H, g), 0


# %% wrong: any decrease
# A decrease that is too small for its length is accepted; look at c1, at alpha, and at g.d, the slope at theta, in the bound.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J:
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: the length left out of the bound
# The bound does not shrink with the length: alpha is missing beside c1 and the slope.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: the slope along -g
# The bound uses g.g, the slope along -g; along d the slope is g.d.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J - c1 * alpha * np.dot(g, g):
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: the length instead of the halvings
# The length alpha is returned; asked for is how often 1 was halved.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, alpha
    return theta, None


# %% wrong: trials counted
# The lengths that were tried are counted; the first of them, 1, is no halving.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings + 1
    return theta, None


# %% wrong: the step instead of the point
# The step is returned; the new point is theta plus the step.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return alpha * d, halvings
    return theta, None


# %% wrong: theta itself moved
# theta itself is moved, by += or under a second name; each length is tried from the theta that came in, which stays as it was.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        theta += alpha * d
        if f(theta)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta, halvings
    return theta, None


# %% wrong: refused steps are added up
# Each length is tried from where the refused one led; every length starts from theta.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    new = theta
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        new = new + alpha * d
        if f(new)[0] <= J + c1 * alpha * np.dot(g, d):
            return new, halvings
    return theta, None


# %% wrong: divided by ten
# The length is divided by 10 each time; it is to be halved.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.1**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: NaN accepted
# keeps: newton-armijo-test
# A point where J is NaN is accepted: NaN > bound is False, so "go on while J is too high" stops there.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] > J + c1 * alpha * np.dot(g, d):
            continue
        return theta + alpha * d, halvings
    return theta, None


# %% wrong: one length too few
# keeps: newton-armijo-test
# The last length, halved `most` times, is never tried: range(most) ends before most.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: the last length in any case
# keeps: newton-armijo-test
# Where no length satisfies the condition the shortest is taken all the same; asked for is theta itself, and None.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            break
    return theta + alpha * d, halvings


# %% wrong: a strict decrease
# keeps: newton-armijo-test
# At the minimum the step is zero and J stays as it is; the condition holds there with equality, so compare with <=.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        new = f(theta + alpha * d)[0]
        if new < J and new <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta, None


# %% wrong: a number for None
# keeps: newton-armijo-test
# Where no length will do, None stands beside theta; here it is a number.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta, most


# %% wrong: the last point with None
# keeps: newton-armijo-test
# Where no length will do, the point of the last trial is returned; asked for is theta itself.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            return theta + alpha * d, halvings
    return theta + alpha * d, None


# %% wrong: theta moved in the end
# keeps: newton-armijo-edge-test
# The answer is right, but theta was moved to get it; others still need it: make a new array.
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.solve(H, -g)
    for halvings in range(most + 1):
        alpha = 0.5**halvings
        if f(theta + alpha * d)[0] <= J + c1 * alpha * np.dot(g, d):
            theta += alpha * d
            return theta, halvings
    return theta, None


# %% right: a length that is halved
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = -np.linalg.solve(H, g)
    slope, alpha, halvings = g @ d, 1.0, 0
    while halvings <= most:
        new = theta + alpha * d
        if J - f(new)[0] >= -c1 * alpha * slope:
            return new, halvings
        alpha, halvings = alpha / 2, halvings + 1
    return theta, None


# %% right: the inverse
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    p = -np.linalg.inv(H).dot(g)
    promised = float(np.sum(g * p))
    for k in range(0, most + 1):
        there = f(theta + p)[0]
        if np.isfinite(there) and there <= J + c1 * promised:
            return theta + p, k
        p, promised = p / 2, promised / 2
    return theta.copy(), None


# %% right: all lengths first
def newton_armijo(f, theta, c1=1e-4, most=30):
    J, g, H = f(theta)
    d = np.linalg.lstsq(H, -g, rcond=None)[0]
    new = [theta + d / 2**k for k in range(most + 1)]
    good = [k for k in range(most + 1) if f(new[k])[0] <= J + c1 / 2**k * (d @ g)]
    return [new[good[0]].tolist(), good[0]] if good else [theta.tolist(), None]
