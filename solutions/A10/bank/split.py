# %% wrong: nothing returned
# The arrays are computed and not returned: a return statement is missing.
def forward_part(x, U, a, V, c, rank):
    return None


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return None


# %% wrong: c on every rank
# keeps: split-backward-test
# Every rank adds c, so the sum holds it once for each rank.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + c


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: c on no rank
# keeps: split-backward-test
# No rank adds c.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: c where hidden units are
# keeps: split-backward-test
# A rank without hidden units adds nothing; the one that adds c has to add it all the same.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 and len(a) > 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: a left out
# keeps: split-backward-test
# The bias a of the hidden units is left out.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: no tanh
# keeps: split-backward-test
# The hidden units lack their tanh.
def forward_part(x, U, a, V, c, rank):
    return (x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: tanh of the part of z
# keeps: split-backward-test
# tanh is taken of this rank's part of z as well; it belongs to the hidden units only.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(np.tanh(x @ U + a) @ V) + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: a after the tanh
# keeps: split-backward-test
# The bias a is added after the tanh; it belongs inside.
def forward_part(x, U, a, V, c, rank):
    return (np.tanh(x @ U) + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: c divided by the rank
# keeps: split-backward-test
# c is divided by the number of the rank plus one; these shares do not add up to c.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + c / (rank + 1)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: derivative of tanh missing
# keeps: split-forward-test
# The gradient goes back through the tanh as if it were not there.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: derivative of a sigmoid
# keeps: split-forward-test
# h(1 - h) is the derivative of a sigmoid; that of tanh is 1 - h squared.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * h * (1 - h)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: square missing
# keeps: split-forward-test
# The derivative of tanh is 1 - h squared; the square is missing.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: derivative at the wrong place
# keeps: split-forward-test
# The square is taken of what enters the tanh; it is to be taken of what comes out.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - (x @ U + a) ** 2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: V_grad from x @ U + a
# keeps: split-forward-test
# V_grad is made with the values before the tanh; V multiplies the hidden units after it.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), (x @ U + a).T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: averaged over the batch
# keeps: split-forward-test
# The gradients of the biases are averaged over the batch; whatever weight an instance has is in z_grad already.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.mean(axis=0), h.T @ z_grad, z_grad.mean(axis=0), u_grad @ U.T


# %% wrong: biases not summed
# keeps: split-forward-test
# The gradients of the biases still hold the batch; they are sums over it.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad, h.T @ z_grad, z_grad, u_grad @ U.T


# %% wrong: transposed weight gradients
# keeps: split-forward-test
# U_grad and V_grad are transposed; a gradient has the shape of its parameter.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return u_grad.T @ x, u_grad.sum(axis=0), z_grad.T @ h, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: c_grad for one unit
# keeps: split-forward-test
# c_grad is the part of the hidden units; c is read by z, so it takes the sum of z_grad over the batch.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, (h.sum(axis=1)[:, None] * z_grad).sum(axis=0), u_grad @ U.T


# %% wrong: c_grad of zeros
# keeps: split-forward-test
# c_grad is zero here; c is whole on every rank, and so is its gradient.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, 0 * z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: x_part past the tanh
# keeps: split-forward-test
# x_part is made of what reaches the tanh, not of what has passed back through it.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), (z_grad @ V.T) @ U.T


# %% wrong: x_part of one instance
# keeps: split-forward-test
# x_part is summed over the batch; each instance has a gradient of its own.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), np.tile((u_grad @ U.T).sum(axis=0), (len(x), 1))


# %% wrong: 1 + h squared
# keeps: split-forward-test
# The derivative of tanh is 1 − h squared, not 1 + h squared.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 + h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% wrong: all divided by the batch
# keeps: split-forward-test
# The gradients are divided by the batch size; whatever weight an instance has is in z_grad already.
def forward_part(x, U, a, V, c, rank):
    return np.tanh(x @ U + a) @ V + (c if rank == 0 else 0)


def backward_part(x, U, a, V, z_grad):
    z_grad = z_grad / len(x)
    h = np.tanh(x @ U + a)
    u_grad = (z_grad @ V.T) * (1 - h**2)
    return x.T @ u_grad, u_grad.sum(axis=0), h.T @ z_grad, z_grad.sum(axis=0), u_grad @ U.T


# %% right: loops
def forward_part(x, U, a, V, c, rank):
    part = np.zeros((len(x), len(c)))
    for b in range(len(x)):
        for j in range(len(a)):
            unit = np.tanh(x[b] @ U[:, j] + a[j])
            for o in range(len(c)):
                part[b, o] += unit * V[j, o]
        if rank == 0:
            part[b] += c
    return part


def backward_part(x, U, a, V, z_grad):
    grads = np.zeros(U.shape), np.zeros(a.shape), np.zeros(V.shape), np.zeros(V.shape[1]), np.zeros(x.shape)
    for b in range(len(x)):
        grads[3][:] += z_grad[b]
        for j in range(len(a)):
            unit = np.tanh(x[b] @ U[:, j] + a[j])
            back = (z_grad[b] @ V[j]) * (1 - unit) * (1 + unit)
            grads[0][:, j] += back * x[b]
            grads[1][j] += back
            grads[2][j] += unit * z_grad[b]
            grads[4][b] += back * U[:, j]
    return grads


# %% right: einsum
def forward_part(x, U, a, V, c, rank):
    h = np.tanh(np.einsum("bi,ij->bj", x, U) + a)
    return np.einsum("bj,jo->bo", h, V) + (rank == 0) * c


def backward_part(x, U, a, V, z_grad):
    h = np.tanh(np.einsum("bi,ij->bj", x, U) + a)
    back = np.einsum("bo,jo,bj->bj", z_grad, V, 1 / np.cosh(np.arctanh(h)) ** 2)
    return [
        np.einsum("bi,bj->ij", x, back), np.einsum("bj->j", back), np.einsum("bj,bo->jo", h, z_grad),
        np.einsum("bo->o", z_grad), np.einsum("bj,ij->bi", back, U),
    ]


# %% right: a column of ones
def forward_part(x, U, a, V, c, rank):
    ones = np.ones((len(x), 1))
    part = np.tanh(np.hstack([x, ones]) @ np.vstack([U, a])) @ V
    if rank == 0:
        part = part + c
    return part


def backward_part(x, U, a, V, z_grad):
    ones = np.ones((len(x), 1))
    x1, U1 = np.hstack([x, ones]), np.vstack([U, a])
    h = np.tanh(x1 @ U1)
    back = z_grad @ V.T
    back = back - back * h * h
    both = x1.T @ back
    return both[:-1], both[-1], h.T @ z_grad, (ones.T @ z_grad)[0], (back @ U1.T)[:, :-1]
