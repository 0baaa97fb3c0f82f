# %% wrong: nothing returned
# The shape is computed and not returned: a return statement is missing.
def result_shape(*shapes):
    return None


# %% wrong: aligned at the left
# The shapes are aligned at the left; the rule sets their right ends below each other.
def result_shape(*shapes):
    length = max(map(len, shapes))
    padded = [shape + (1,) * (length - len(shape)) for shape in shapes]
    result = []
    for k in range(length):
        sizes = {shape[k] for shape in padded} - {1}
        if len(sizes) > 1:
            return k - length
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: the larger size
# The larger of the sizes is taken; an empty axis against 1 stays empty.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        column = [shape[-k] for shape in shapes if len(shape) >= k]
        if len(set(column) - {1}) > 1:
            return -k
        result.insert(0, max(column))
    return tuple(result)


# %% wrong: an empty axis fits everything
# An axis of size 0 is let through against 2 or 3; only a size of 1 can be stretched.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        column = {shape[-k] for shape in shapes if len(shape) >= k}
        if len(column - {0, 1}) > 1:
            return -k
        result.insert(0, 0 if 0 in column else max(column))
    return tuple(result)


# %% wrong: an empty axis is stretched
# A size of 0 is treated like a 1, which takes the other size; only a 1 does, and 0 against 2 or 3 is a clash.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            sizes.discard(0)
        if len(sizes) > 1:
            return -k
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: two shapes at a time
# The shapes are taken two at a time and the first clash is returned; a shape that comes later can clash farther to the right.
def result_shape(*shapes):
    whole = ()
    for shape in shapes:
        result = []
        for k in range(1, max(len(whole), len(shape)) + 1):
            m, n = (s[-k] if len(s) >= k else 1 for s in (whole, shape))
            if m != n and 1 not in (m, n):
                return -k
            result.insert(0, n if m == 1 else m)
        whole = tuple(result)
    return whole


# %% wrong: the clash farthest to the left
# Where several axes clash, this is the one farthest to the left; the one farthest to the right is asked for.
def result_shape(*shapes):
    result, clash = [], None
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            clash = -k
        result.insert(0, max(sizes, default=1))
    return tuple(result) if clash is None else clash


# %% wrong: axis counted from the left
# The clashing axis is counted from the left, from 0; it is to be counted from the right, as a negative number.
def result_shape(*shapes):
    result, length = [], max(map(len, shapes))
    for k in range(1, length + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return length - k
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: sign of the axis
# The clashing axis lacks its sign: counted from the right, the last axis is -1.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return k
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: axis counted from 0
# The axes are counted from 0 at the right; the last axis is -1, and the one before it is -2.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return 1 - k
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: neighbours only
# Each size is compared with that of the next shape only; the first and the third can clash as well.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        column = [shape[-k] for shape in shapes if len(shape) >= k]
        for m, n in zip(column, column[1:]):
            if m != n and 1 not in (m, n):
                return -k
        result.insert(0, next((n for n in column if n != 1), 1))
    return tuple(result)


# %% wrong: each against the first
# Each shape is compared with the first one only; where that has a 1, the others can clash with each other.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        column = [shape[-k] if len(shape) >= k else 1 for shape in shapes]
        if any(size != column[0] and 1 not in (size, column[0]) for size in column):
            return -k
        result.insert(0, next((n for n in column if n != 1), 1))
    return tuple(result)


# %% wrong: multiples fit
# A size that divides the other one is let through; only a size of 1 is repeated, 2 against 6 is a clash.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        column = sorted({shape[-k] for shape in shapes if len(shape) >= k} - {1})
        if 0 in column and len(column) > 1 or any(column[-1] % size for size in column if size):
            return -k
        result.insert(0, column[-1] if column else 1)
    return tuple(result)


# %% wrong: axes of the shorter shape only
# The result has only the axes that all shapes have; an axis that one of them lacks counts as 1 there and stays in the result.
def result_shape(*shapes):
    result = []
    for k in range(1, min(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes} - {1}
        if len(sizes) > 1:
            return -k
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: 1 is not stretched
# A size of 1 against a larger one is taken for a clash; it is stretched, like an axis that is missing.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k}
        if len(sizes) > 1:
            return -k
        result.insert(0, sizes.pop())
    return tuple(result)


# %% wrong: first two shapes only
# Only the first two shapes are looked at; there may be more, or only one.
def result_shape(*shapes):
    result, two = [], (shapes + ((),))[:2]
    for k in range(1, max(map(len, two)) + 1):
        sizes = {shape[-k] for shape in two if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return -k
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: the longest shape
# The longest shape is returned as it is; its own axes of size 1 are stretched as well.
def result_shape(*shapes):
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return -k
    return max(shapes, key=len)


# %% wrong: the axis in a tuple
# The clashing axis is returned in a tuple, as if it were a shape; it is one number.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return (-k,)
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


# %% wrong: no clash seen
# Sizes that differ are let through, and the larger one is taken; where neither is 1, that is a clash.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        result.insert(0, max(shape[-k] for shape in shapes if len(shape) >= k))
    return tuple(result)


# %% wrong: None for a clash
# A clash is answered with None; the axis is asked for.
def result_shape(*shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


# %% wrong: result from right to left
# The sizes of the result are in the order in which they were found, from right to left.
def result_shape(*shapes):
    result = []
    for k in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-k] for shape in shapes if len(shape) >= k} - {1}
        if len(sizes) > 1:
            return -k
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


# %% right: two at a time
def result_shape(*shapes):
    worst, result = None, []
    for shape in shapes:
        own, result = list(shape)[::-1], result[::-1]
        own += [1] * (len(result) - len(own))
        result += [1] * (len(own) - len(result))
        for k, (m, n) in enumerate(zip(result, own)):
            if m == 1:
                result[k] = n
            elif n != 1 and m != n:
                worst = -1 - k if worst is None else max(worst, -1 - k)
        result = result[::-1]
    return tuple(result) if worst is None else worst


# %% right: padded columns
def result_shape(*shapes):
    length = max(len(shape) for shape in shapes)
    table = np.array([(1,) * (length - len(shape)) + tuple(shape) for shape in shapes], dtype=int).reshape(len(shapes), length)
    sizes = [np.unique(column[column != 1]) for column in table.T]
    clashes = [k - length for k in range(length) if len(sizes[k]) > 1]
    return max(clashes) if clashes else tuple(int(s[0]) if len(s) else 1 for s in sizes)


# %% right: a list, from the last axis on
def result_shape(*shapes):
    rest, result, axis = [list(shape) for shape in shapes], [], 0
    while any(rest):
        axis -= 1
        size = 1
        for shape in rest:
            own = shape.pop() if shape else 1
            if own != 1 and size != 1 and own != size:
                return axis
            size = own if size == 1 else size
        result = [size, *result]
    return result


# %% right: NumPy asked about right ends
def result_shape(*shapes):
    for k in range(1, max(map(len, shapes)) + 1):
        try:
            np.broadcast_shapes(*[shape[-k:] for shape in shapes])
        except ValueError:
            return -k
    return np.broadcast_shapes(*shapes)
