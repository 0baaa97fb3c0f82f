# %% wrong: nothing returned
# The sums are computed and not returned: a return statement is missing.
def layer(x, W, bias):
    return None


# %% wrong: zeros
# Every sum is zero: the array is made and never filled.
def layer(x, W, bias):
    return np.zeros((len(x), len(W)))


# %% wrong: input unchanged
# The input comes back unchanged: the weights and the threshold are not used.
def layer(x, W, bias):
    return x


# %% wrong: bias added
# The threshold is added; in S1's convention it is subtracted.
def layer(x, W, bias):
    return x @ W.T + bias


# %% wrong: bias forgotten
# The threshold is missing.
def layer(x, W, bias):
    return x @ W.T


# %% wrong: reshaped instead of transposed
# W is reshaped to (i, j); that mixes up its entries. Turning rows into columns is a transpose.
def layer(x, W, bias):
    return x @ W.reshape(W.shape[1], W.shape[0]) - bias


# %% wrong: transposed result
# The batch index comes last: the axes are j,b and should be b,j.
def layer(x, W, bias):
    return W @ x.T - bias[:, None]


# %% wrong: averaged over inputs
# The products are averaged over i; the equation sums them.
def layer(x, W, bias):
    return x @ W.T / x.shape[1] - bias


# %% wrong: sign of the sum
# The whole sum has the wrong sign: threshold minus products.
def layer(x, W, bias):
    return bias - x @ W.T


# %% wrong: threshold in every round
# The threshold is subtracted in every round of the loop over i; each sum loses it once.
def layer(x, W, bias):
    return x @ W.T - x.shape[1] * bias


# %% right: loops
def layer(x, W, bias):
    sums = []
    for b in range(len(x)):
        row = []
        for j in range(len(W)):
            total = -bias[j]
            for i in range(x.shape[1]):
                total += W[j, i] * x[b, i]
            row.append(total)
        sums.append(row)
    return np.array(sums)


# %% right: einsum
def layer(x, W, bias):
    return np.einsum("ji,bi->bj", W, x) - bias


# %% right: columns first
def layer(x, W, bias):
    return (W @ x.T - bias.reshape(-1, 1)).T


# %% right: broadcasting
def layer(x, W, bias):
    return (x[:, None, :] * W[None, :, :]).sum(axis=2) - bias[None, :]
