# %% wrong: nothing returned
# The step is computed and not returned: a return statement is missing.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    return None


# %% wrong: None as zeros
# keeps: adam-step-test
# An array without a gradient is treated as if its gradient were zero: its averages fade and it moves on; it is to be left alone.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        g = 0 * theta if g is None else g
        m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
        moved.append(theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps))
        kept.append((m, v, t))
    return moved, kept


# %% wrong: one count for all
# keeps: adam-step-test
# One count of steps serves all arrays; an array that rested has made fewer steps, and the correction needs its own count.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    averages, t = state or ([(0, 0)] * len(params), 0)
    moved, kept, t = [], [], t + 1
    for theta, g, (m, v) in zip(params, grads, averages, strict=True):
        if g is not None:
            m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v))
    return moved, (kept, t)


# %% wrong: moves without a gradient
# keeps: adam-step-test
# An array without a gradient keeps its averages and moves along them all the same; it is to stay where it is.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
        if t:
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: a rest forgets
# keeps: adam-step-test
# A step without a gradient resets the averages and the count; they wait for the next gradient.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is None:
            moved.append(theta)
            kept.append((0, 0, 0))
            continue
        m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
        moved.append(theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps))
        kept.append((m, v, t))
    return moved, kept


# %% wrong: array left out
# keeps: adam-step-test
# An array without a gradient is missing in the list that comes back; it comes back as it was.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for k, (theta, g) in enumerate(zip(params, grads)):
        m, v, t = state[k] if state and k < len(state) else (0, 0, 0)
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            moved.append(theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps))
            kept.append((m, v, t))
    return moved, kept


# %% wrong: as printed
# The averages are divided by 1 − β, as slide 18 prints it; the power t is missing.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0]) / (np.sqrt(v / (1 - betas[1])) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: not corrected
# The averages are used as they are; both are too small at first and are divided by 1 − β to the power t.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v) in zip(params, grads, state or [(0, 0)] * len(params), strict=True):
        if g is not None:
            m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
            theta = theta - lr * m / (np.sqrt(v) + eps)
        moved.append(theta)
        kept.append((m, v))
    return moved, kept


# %% wrong: v not corrected
# Only m is corrected; v began at zero as well.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: corrected averages are kept
# The corrected averages are stored, and the next step builds on them; the averages themselves go on, and the correction is made anew.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            m, v = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
            theta = theta - lr * m / (np.sqrt(v) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: count one behind
# The count is one behind at every step but the first; at step t both corrections have the power t.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
            power = max(t, 1)
            theta = theta - lr * m / (1 - betas[0] ** power) / (np.sqrt(v / (1 - betas[1] ** power)) + eps)
            t = t + 1
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: counts arrays, not steps
# The count grows with every array of the list; each array counts its own steps.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    averages, t = state or ([(0, 0)] * len(params), 0)
    moved, kept = [], []
    for theta, g, (m, v) in zip(params, grads, averages, strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v))
    return moved, (kept, t)


# %% wrong: state not kept
# Every step begins with averages of zero; the state must come back and go into the next step.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved = []
    for theta, g in zip(params, grads, strict=True):
        moved.append(theta if g is None else theta - lr * g / (np.abs(g) + eps))
    return moved, None


# %% wrong: eps inside the root
# ε is added inside the root; here it is added to the root.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / np.sqrt(v / (1 - betas[1] ** t) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: eps before the correction
# ε is added to the root before it is corrected, so that it is corrected as well; it is added to the root of the corrected average.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / ((np.sqrt(v) + eps) / np.sqrt(1 - betas[1] ** t))
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: betas exchanged
# The two β are exchanged: the first belongs to the average of the gradients, the second to that of their squares.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    (b2, b1), moved, kept = betas, [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2, t + 1
            theta = theta - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: the gradient as direction
# The step goes along the gradient itself, as in RMSprop; its direction is the corrected average m.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (v, t) in zip(params, grads, state or [(0, 0)] * len(params), strict=True):
        if g is not None:
            v, t = betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * g / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((v, t))
    return moved, kept


# %% wrong: square of the average
# v is made from the square of the averaged gradient; it averages the squares of the gradients themselves.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, t = betas[0] * m + (1 - betas[0]) * g, t + 1
            v = betas[1] * v + (1 - betas[1]) * m**2
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: uphill
# The arrays move along the average, uphill; the step is subtracted.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta + lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: changed in place
# The arrays are changed in place, so the points before them change as well; make new arrays.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    kept = list(state or [(0, 0, 0)] * len(params))
    for k, g in enumerate(grads):
        if g is not None:
            m, v, t = kept[k]
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = params[k]
            theta -= lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
            kept[k] = m, v, t
    return params, kept


# %% wrong: no pair
# A step returns two values: the list of new arrays and one state, in this order; what the state needs goes into one list, tuple or dict.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved


# %% wrong: the gradient corrected
# The gradient stands where the average m belongs, and it is divided by 1 − β₁ to the power t.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * g / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: corrected m is kept
# The corrected m is stored, and the next step builds on it; m itself goes on, and the correction is made anew.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            m = m / (1 - betas[0] ** t)
            theta = theta - lr * m / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: corrected v is kept
# The corrected v is stored, and the next step builds on it; v itself goes on, and the correction is made anew.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            v = v / (1 - betas[1] ** t)
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: count from 0
# At the first step t is 0, and 1 − β to the power 0 is zero; the first step has t = 1.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t + 1))
    return moved, kept


# %% wrong: count one ahead
# The count is one ahead; the first step has t = 1.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 1)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: m not corrected
# Only v is corrected; m began at zero as well.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: no eps
# ε is missing; it is added to the root.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / np.sqrt(v / (1 - betas[1] ** t))
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: root before the correction
# The root of v is divided by 1 − β₂ to the power t; v is corrected first, and then the root is taken.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v) / (1 - betas[1] ** t) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: a rest fades
# keeps: adam-step-test
# The averages of an array without a gradient fade; they stay as they are until its next gradient.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        else:
            m, v = betas[0] * m, betas[1] * v
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% wrong: all rest
# keeps: adam-step-test
# Where one array has no gradient all arrays rest; the others go on.
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    moved, kept = [], []
    if any(g is None for g in grads):
        return params, state
    for theta, g, (m, v, t) in zip(params, grads, state or [(0, 0, 0)] * len(params), strict=True):
        if g is not None:
            m, v, t = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2, t + 1
            theta = theta - lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        moved.append(theta)
        kept.append((m, v, t))
    return moved, kept


# %% right: the rate corrected
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    if state is None:
        state = {"m": [0 * p for p in params], "v": [0 * p for p in params], "t": [0 for _ in params]}
    b1, b2 = betas
    new, ms, vs, ts = list(params), list(state["m"]), list(state["v"]), list(state["t"])
    for k in range(len(params)):
        if grads[k] is None:
            continue
        ts[k] += 1
        ms[k] = ms[k] + (1 - b1) * (grads[k] - ms[k])
        vs[k] = vs[k] + (1 - b2) * (grads[k] * grads[k] - vs[k])
        root = math.sqrt(1 - b2 ** ts[k])
        new[k] = params[k] - lr * root / (1 - b1 ** ts[k]) * ms[k] / (np.sqrt(vs[k]) + eps * root)
    return new, {"m": ms, "v": vs, "t": ts}


# %% right: loops over entries
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    new, kept = [], []
    for k, theta in enumerate(params):
        m, v, t = state[k] if state else (np.zeros(theta.shape), np.zeros(theta.shape), 0)
        theta, m, v = np.array(theta, float), np.array(m), np.array(v)
        if grads[k] is not None:
            t += 1
            for at in np.ndindex(theta.shape):
                m[at] = betas[0] * m[at] + (1 - betas[0]) * grads[k][at]
                v[at] = betas[1] * v[at] + (1 - betas[1]) * grads[k][at] ** 2
                scale = math.sqrt(v[at] / (1 - betas[1] ** t)) + eps
                theta[at] -= lr * (m[at] / (1 - betas[0] ** t)) / scale
        new.append(theta)
        kept.append([m, v, t])
    return new, kept


# %% right: means with weights
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    def one(theta, g, old):
        if g is None:
            return theta, old
        sums = [beta * part for beta, part in zip((*betas, *betas), old)]
        sums = [sums[0] + g, sums[1] + g * g, sums[2] + 1, sums[3] + 1]  # two sums and the sums of their weights
        return theta - lr * sums[0] / sums[2] / ((sums[1] / sums[3]) ** 0.5 + eps), sums

    old = state if state is not None else [[0.0, 0.0, 0.0, 0.0] for _ in params]
    pairs = [one(*triple) for triple in zip(params, grads, old)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


# %% right: all gradients kept
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    seen = [list(old) for old in state] if state else [[] for _ in params]
    new = []
    for theta, g, old in zip(params, grads, seen):
        if g is None:
            new.append(theta)
            continue
        old.append(g)
        m = v = 0.0
        for past in old:
            m, v = betas[0] * m + (1 - betas[0]) * past, betas[1] * v + (1 - betas[1]) * past**2
        m, v = m / (1 - betas[0] ** len(old)), v / (1 - betas[1] ** len(old))
        new.append(theta - lr * m / (np.sqrt(v) + eps))
    return new, seen


# %% right: copies, in a tuple
def adam_step(params, grads, state, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    new = tuple(p.copy() for p in params)
    if state is None:
        state = [(np.zeros(p.shape), np.zeros(p.shape), 0) for p in params]
    after = []
    for p, g, (m, v, t) in zip(new, grads, state):
        if g is not None:
            t = t + 1
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g**2
            p -= lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        after.append((m, v, t))
    return new, after
