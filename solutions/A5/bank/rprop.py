# %% wrong: nothing returned
# The step is computed and not returned: a return statement is missing.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    return None


# %% wrong: rests
# keeps: rprop-sizes-test
# Where the sign turned the entry rests, as in lecture 06 and in PyTorch; here the last move is taken back.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last = state or (lr, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    g = np.where(turn < 0, 0, g)
    return theta - size * np.sign(g), (size, g)


# %% wrong: moves on
# keeps: rprop-sizes-test
# Where the sign turned the entry moves on with a shorter step, as slide 14 prints it; here the last move is taken back.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last = state or (lr, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    return theta - size * np.sign(g), (size, g)


# %% wrong: the gradient is kept
# keeps: rprop-sizes-test
# After a move was taken back the gradient is kept as the last one; 0 is to be kept, so that the next step neither shrinks nor grows.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, g, move)


# %% wrong: back by the new size
# keeps: rprop-sizes-test
# The step back has the new, shorter size, or the entry moved on with it; what is taken back is the whole last move.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last = state or (lr, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, size * np.sign(last), -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g))


# %% wrong: back and on at once
# keeps: rprop-sizes-test
# The last move is taken back and a shorter one is made in the same step; the new try comes with the next gradient.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    back = np.where(turn < 0, move, 0)
    move = -size * np.sign(np.where(turn < 0, last, g))
    return theta - back + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: back without shrinking
# keeps: rprop-sizes-test
# The last move is taken back and the step size stays; it shrinks where the sign turned.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: no smallest size
# keeps: rprop-sizes-test
# The step sizes shrink below the smallest one allowed.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), np.where(turn < 0, etas[0] * size, size))
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: limits forgotten
# The step sizes have no limits; they stay between the smallest and the largest one allowed.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = size * np.where(turn > 0, etas[1], np.where(turn < 0, etas[0], 1))
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: along the gradient
# The move is the step size times the gradient; only the sign of the gradient counts.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * g)
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: uphill
# The moves go uphill: against the sign of the gradient is down.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: one product for all
# One product of the two gradients decides for all entries, as slide 14 prints it without the index; each entry has its own.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(np.sum(g * last))
    if turn > 0:
        size = np.minimum(etas[1] * size, step_sizes[1])
    if turn < 0:
        return theta - move, (np.maximum(etas[0] * size, step_sizes[0]), 0 * g, -move)
    return theta - size * np.sign(g), (size, g, -size * np.sign(g))


# %% wrong: product of tiny gradients
# The gradients themselves are multiplied: the product of two tiny ones is rounded to 0, and a sign that stayed or turned is missed.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = g * last
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: grows at zero
# A product of 0 counts as the same sign, and the step size grows; it stays where one of the two gradients is 0.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (np.full_like(g, lr) / etas[1], 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn >= 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: zero not kept
# A gradient of 0 is passed over, and the sign before it is kept; the next product is then not 0, and the step size changes.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, np.where(g == 0, last, g)), move)


# %% wrong: the first step grows
# The first step is lr times the growth already; there is no last gradient yet, so the size stays lr.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: moves before it adapts
# The entry moves with the old step size, which is adapted afterwards; s is adapted first.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    old, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * old, step_sizes[1]), old)
    size = np.where(turn < 0, np.maximum(etas[0] * old, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -old * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: etas exchanged
# The two factors are exchanged: the first of etas shrinks, the second grows.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.clip(size * np.where(turn > 0, etas[0], np.where(turn < 0, etas[1], 1)), *step_sizes)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: changed in place
# θ is changed in place, so the points before it change as well; make a new array.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    theta += move
    return theta, (size, np.where(turn < 0, 0, g), move)


# %% wrong: no pair
# A step returns two values: the new θ and one state, in this order; what the state needs goes into one list, tuple or dict.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    return theta + move


# %% wrong: once more
# keeps: rprop-sizes-test
# Where the sign turned the last move is made once more; taking it back is the opposite move.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: twice back
# keeps: rprop-sizes-test
# Twice the last move is taken back where the sign turned; once leads to where θ was before it.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -2 * move, -size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: the rate twice
# The move is lr times the step size; the step sizes start at lr, so it counts twice.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -lr * size * np.sign(g))
    return theta + move, (size, np.where(turn < 0, 0, g), move)


# %% wrong: state in place
# keeps: rprop-sizes-test
# The state that was given is changed in place; the same state may be handed in twice, so keep new arrays.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr + 0 * g, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    new = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size[...] = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), new)
    move[...] = np.where(turn < 0, -move, -size * np.sign(g))
    last[...] = np.where(turn < 0, 0, g)
    return theta + move, (size, last, move)


# %% wrong: last gradient in place
# keeps: rprop-sizes-test
# The last gradient is overwritten in the state that was given; the same state may be handed in twice, so keep a new array.
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, last, move = state or (lr, 0 * g, 0 * g)
    turn = np.sign(g) * np.sign(last)
    size = np.where(turn > 0, np.minimum(etas[1] * size, step_sizes[1]), size)
    size = np.where(turn < 0, np.maximum(etas[0] * size, step_sizes[0]), size)
    move = np.where(turn < 0, -move, -size * np.sign(g))
    last[...] = np.where(turn < 0, 0, g)
    return theta + move, (size, last, move)


# %% right: clipped
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    if state is None:
        state = {"sign": np.zeros(np.shape(g)), "size": np.full(np.shape(g), float(lr)), "before": theta}
    sign = np.sign(g)
    turn = sign * state["sign"]
    size = np.clip(state["size"] * np.select([turn > 0, turn < 0], [etas[1], etas[0]], 1.0), *step_sizes)
    new = np.where(turn < 0, state["before"], theta - size * sign)
    return new, {"sign": sign * (turn >= 0), "size": size, "before": theta}


# %% right: loops
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    new = np.array(theta, dtype=float)
    kept = {} if state is None else dict(state)
    for number, at in enumerate(np.ndindex(new.shape)):
        size, last, move = kept.get(str(number), (lr, 0, 0.0))
        sign = int(g[at] > 0) - int(g[at] < 0)
        if sign * last < 0:
            kept[str(number)] = [max(size * etas[0], step_sizes[0]), 0, 0.0]
            new[at] -= move
            continue
        if sign * last > 0:
            size = min(size * etas[1], step_sizes[1])
        new[at] -= size * sign
        kept[str(number)] = [size, sign, -size * sign]
    return new, kept


# %% right: masks
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    g = np.array(g, float)
    fresh = np.full(g.shape, float(lr)), np.zeros(g.shape), np.zeros(g.shape)
    size, last, move = (np.array(part) for part in state or fresh)
    same, turned = ((g > 0) & (last > 0)) | ((g < 0) & (last < 0)), ((g > 0) & (last < 0)) | ((g < 0) & (last > 0))
    size[same] = np.minimum(size[same] * etas[1], step_sizes[1])
    size[turned] = np.maximum(size[turned] * etas[0], step_sizes[0])
    g[turned] = 0
    move = np.where(turned, -move, -size * np.sign(g))
    return theta + move, [size, g, move]


# %% right: masks in copies
def rprop_step(theta, g, state, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    if state is None:
        state = lr * np.ones(theta.shape), np.zeros(theta.shape), np.zeros(theta.shape)
    s, last, move = (part.copy() for part in state)
    turn = np.sign(g) * np.sign(last)
    s[turn > 0] = np.minimum(etas[1] * s[turn > 0], step_sizes[1])
    s[turn < 0] = np.maximum(etas[0] * s[turn < 0], step_sizes[0])
    move[turn >= 0] = -(s * np.sign(g))[turn >= 0]
    move[turn < 0] = -move[turn < 0]
    last = g.copy()
    last[turn < 0] = 0
    new = theta.copy()
    new += move
    return new, (s, last, move)
