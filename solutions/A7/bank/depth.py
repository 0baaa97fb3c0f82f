# %% wrong: nothing returned
# The numbers are computed and not returned: a return statement is missing.
def branch_scale(blocks, growth, kept):
    return None


def forget_bias(steps, left):
    return None


# %% wrong: digits lost
# The factor of one layer is computed first and 1 taken away; at great depth most digits of the difference are lost.
def branch_scale(blocks, growth, kept):
    return math.sqrt((growth ** (1 / blocks) - 1) / kept)


def forget_bias(steps, left):
    return math.log(left ** (1 / steps) / (1 - left ** (1 / steps)))


# %% wrong: growth shared evenly
# keeps: depth-gate-test
# The growth is divided among the blocks as if it added up; the factors of the blocks multiply.
def branch_scale(blocks, growth, kept):
    return math.sqrt((growth - 1) / blocks / kept)


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: logarithm for difference
# keeps: depth-gate-test
# The logarithm of a block's factor stands where the factor less 1 is needed; they agree for very many blocks only.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.log(growth) / blocks / kept)


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: square of the scale
# keeps: depth-gate-test
# s squared is returned: the variance of s F is s squared times that of F.
def branch_scale(blocks, growth, kept):
    return math.expm1(math.log(growth) / blocks) / kept


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: kept multiplies
# keeps: depth-gate-test
# The share kept multiplies; the larger the variance of the branch, the smaller its scale.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks) * kept)


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: kept forgotten
# keeps: depth-gate-test
# The variance of F is taken for that of h; it is kept times as large.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks))


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: without the identity
# keeps: depth-gate-test
# The growth is that of the branch alone; the variance of h is added to it in each block.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.exp(math.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: one over the root
# keeps: depth-gate-test
# 1 over the root of the number of blocks is a good size, but not the one for this growth.
def branch_scale(blocks, growth, kept):
    return 1 / math.sqrt(blocks)


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left) / steps))


# %% wrong: one step
# keeps: depth-branch-test
# The whole share is left after one step; the gates of all steps multiply to it.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return -math.log(math.expm1(-math.log(left)))


# %% wrong: share divided by the steps
# keeps: depth-branch-test
# The share is divided by the number of steps; the factors multiply, so a root is needed.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return -math.log(steps / left - 1)


# %% wrong: sign of the bias
# keeps: depth-branch-test
# The bias has the wrong sign: the more is to be left, the further open the gate and the larger its bias.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return math.log(math.expm1(-math.log(left) / steps))


# %% wrong: gate for bias
# keeps: depth-branch-test
# The value of the gate is returned; asked for is the bias with which the sigmoid gives it.
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return math.exp(math.log(left) / steps)


# %% wrong: logarithm of the gate
# keeps: depth-branch-test
# The logarithm of the gate is returned; the inverse of the sigmoid is the logarithm of f / (1 - f).
def branch_scale(blocks, growth, kept):
    return math.sqrt(math.expm1(math.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return math.log(left) / steps


# %% right: numpy
def branch_scale(blocks, growth, kept):
    return np.sqrt(np.expm1(np.log(growth) / blocks) / kept)


def forget_bias(steps, left):
    return -np.log(np.expm1(-np.log(left) / steps))


# %% right: gate and its complement
def branch_scale(blocks, growth, kept):
    rate = math.log1p(growth - 1) / blocks
    return math.expm1(rate) ** 0.5 / kept**0.5


def forget_bias(steps, left):
    rate = math.log(left) / steps
    closed = -math.expm1(rate)
    return rate - math.log(closed)


# %% right: series
def branch_scale(blocks, growth, kept):
    rate = math.log(growth) / blocks
    return math.sqrt((2 * math.exp(rate / 2) * math.sinh(rate / 2)) / kept)


def forget_bias(steps, left):
    rate = math.log(1 / left) / steps if left > 1e-300 else -math.log(left) / steps
    return -rate / 2 - math.log(2 * math.sinh(rate / 2))


# %% right: bisection
def branch_scale(blocks, growth, kept):
    low, high = 0.0, growth
    for _ in range(3000):
        middle = (low + high) / 2
        if blocks * math.log1p(middle) < math.log(growth):
            low = middle
        else:
            high = middle
    return math.sqrt(high / kept)


def forget_bias(steps, left):
    low, high = -1000.0, 1000.0
    for _ in range(200):
        middle = (low + high) / 2
        total = math.log1p(math.exp(-middle)) if middle > -700 else -middle
        low, high = (middle, high) if steps * total > -math.log(left) else (low, middle)
    return middle
