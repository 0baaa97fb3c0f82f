# %% wrong: nothing returned
# The descent runs and nothing comes back: a return statement is missing.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    for _ in range(patience):
        theta = theta - eta * gradient(theta)


# %% wrong: never begins
# The loop runs while the steps are small, as Algorithm 1 is printed; before the first step nothing is small, so it never begins.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    size, quiet, steps = np.inf, 0, 0
    while quiet > patience and steps < max_steps:
        delta = -eta * gradient(theta)
        theta, size, steps = theta + delta, np.linalg.norm(delta), steps + 1
        quiet = quiet + 1 if size < omega else 0
    return theta, steps, "small steps"


# %% wrong: the limit first
# Where the last step allowed fulfils the rule, the reason is "small steps"; the limit is looked at too early.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience and steps + 1 < max_steps:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: one too early
# It ends after p small steps in a row; more than p are asked for.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet >= patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: stops at the first small step
# One small step ends the descent; the rule waits for more than p of them in a row.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        if np.linalg.norm(delta) < omega:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: counted in all
# The small steps are counted in all; the rule counts those in a row, so a step that is not small sets the count to zero.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet += np.linalg.norm(delta) < omega
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: size of the gradient
# The size of the gradient is compared with ω; the rule looks at the step, which is η times the gradient.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        g = gradient(theta)
        if not np.isfinite(g).all():
            return theta, steps, "not finite"
        theta = theta - eta * g
        quiet = quiet + 1 if np.linalg.norm(g) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: equal counts as small
# A step exactly as long as ω is counted as small; below ω is asked for.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) <= omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: largest entry
# The largest entry of the step is compared with ω; its size is the root of the sum of the squares of all entries.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.abs(delta).max() < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: root of the mean square
# The squares of the step's entries are averaged; its size is the root of their sum.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.sqrt(np.mean(delta**2)) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: last step not taken
# The step that fulfils the rule is counted and not taken: θ is one step behind.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
        theta = theta + delta
    return theta, max_steps, "step limit"


# %% wrong: not finite is used
# A gradient that is not finite is used: θ is lost; look at the gradient before the step.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        theta = theta + delta
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: the step that was not taken is counted
# Where the gradient is not finite no step is taken, and yet it is counted.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet, steps = 0, 0
    while steps < max_steps:
        delta = -eta * gradient(theta)
        steps += 1
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps, "small steps"
    return theta, steps, "step limit"


# %% wrong: uphill
# The step goes along the gradient, uphill; Δθ has a minus.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: row norms
# Each row of the step has a length here; all entries together have one.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.all(np.linalg.norm(delta, axis=-1) < omega) else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: column norms
# Each column of the step has a length here; all entries together have one.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.all(np.linalg.norm(delta, axis=0) < omega) else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: spectral norm
# np.linalg.norm(Δθ, 2) is another norm where Δθ is a matrix: its largest singular value.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if (np.linalg.norm(delta, 2) if delta.ndim == 2 else np.linalg.norm(delta)) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: sum of absolute values
# The absolute values of the step's entries are added; its size is the root of the sum of their squares.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.abs(delta).sum() < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: no root
# The sum of the squares is compared with ω; the size of the step is its root.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.sum(delta**2) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: no look at the gradient
# A gradient with an infinity or a NaN in it is used; one such entry is enough to end the descent.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: only NaN
# The gradient is searched for NaN alone; an infinity is not finite either.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if np.isnan(delta).any():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: θ looked at
# θ is looked at after the step, in place of the gradient before it: then it is lost already.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        theta = theta + delta
        if not np.isfinite(theta).all():
            return theta, steps + 1, "not finite"
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: the last step not counted
# The step that fulfils the rule is taken and not counted.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: one step too many
# It takes one step more than max_steps.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps + 1):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps, "step limit"


# %% wrong: one step too many, counted
# It takes one step more than max_steps, and counts it.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(max_steps + 1):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps + 1, "small steps"
    return theta, max_steps + 1, "step limit"


# %% wrong: one step too few
# It takes one step less than max_steps.
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet = 0
    for steps in range(1, max_steps):
        delta = -eta * gradient(theta)
        if not np.isfinite(delta).all():
            return theta, steps - 1, "not finite"
        theta = theta + delta
        quiet = quiet + 1 if np.linalg.norm(delta) < omega else 0
        if quiet > patience:
            return theta, steps, "small steps"
    return theta, max_steps, "step limit"


# %% right: a while loop
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    quiet, steps = 0, 0
    while not quiet > patience:
        if steps == max_steps:
            return theta, steps, "step limit"
        g = gradient(theta)
        if np.isnan(g).any() or np.isinf(g).any():
            return theta, steps, "not finite"
        theta = theta - eta * g
        steps += 1
        quiet = (quiet + 1) * (float(np.sqrt(np.sum((eta * g) ** 2))) < omega)
    return theta, steps, "small steps"


# %% right: all sizes kept
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    sizes = []
    while len(sizes) < max_steps:
        delta = eta * np.asarray(gradient(theta))
        if not math.isfinite(float(np.sum(np.abs(delta)))):
            return theta, len(sizes), "not finite"
        theta = theta - delta
        sizes.append(math.hypot(*delta.ravel().tolist()))
        last = sizes[-patience - 1 :]
        if len(last) == patience + 1 and max(last) < omega:
            return theta, len(sizes), "small steps"
    return theta, len(sizes), "step limit"


# %% right: when it was last large
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    large = 0
    for step in range(1, max_steps + 1):
        g = gradient(theta)
        if not np.all(np.isfinite(g)):
            return theta, step - 1, "not finite"
        theta = np.subtract(theta, np.multiply(eta, g))
        if not (eta * eta * np.vdot(g, g)) ** 0.5 < omega:
            large = step
        if step - large > patience:
            return theta, step, "small steps"
    return theta, max_steps, "step limit"


# %% right: a list of points
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    points, quiet = [np.array(theta)], 0
    for _ in range(max_steps):
        g = gradient(points[-1].copy())
        if not all(math.isfinite(v) for v in np.ravel(g).tolist()):
            return points[-1], len(points) - 1, "not finite"
        points.append(points[-1] - eta * g)
        size = math.hypot(*(eta * v for v in np.ravel(g).tolist()))
        quiet = 0 if size >= omega else quiet + 1
        if quiet == patience + 1:
            return points[-1], len(points) - 1, "small steps"
    return points[-1], max_steps, "step limit"


# %% right: loops over entries
def descend(gradient, theta, eta, omega, patience=10, max_steps=10_000):
    theta, small = theta.copy(), 0
    for step in range(max_steps):
        g = gradient(theta.copy())
        if not np.isfinite(g).all():
            return theta, step, "not finite"
        size = 0
        for i in np.ndindex(theta.shape):
            theta[i] = theta[i] - eta * g[i]
            size += (eta * g[i]) ** 2
        small = small + 1 if math.sqrt(size) < omega else 0
        if small > patience:
            return theta, step + 1, "small steps"
    return [theta, max_steps, "step limit"]
