# %% wrong: nothing returned
# The values are computed and not returned: a return statement is missing.
def stretched(shape, result, itemsize):
    return None


# %% wrong: strides in numbers
# The strides count numbers; they are wanted in bytes, itemsize for each number.
def stretched(shape, result, itemsize):
    strides, step = [], 1
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), itemsize * step, itemsize * math.prod(result)


# %% wrong: strides of a copy
# These are the strides of an array that is stored in the shape of the result; along a stretched axis the stride is 0.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(result):
        strides.insert(0, step)
        step *= size
    return tuple(strides), itemsize * math.prod(shape), step


# %% wrong: steps over the result's sizes
# The steps multiply the sizes of the result; in memory lie only the array's own numbers.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    padded = (1,) * (len(result) - len(shape)) + tuple(shape)
    for size, full in zip(reversed(padded), reversed(result)):
        strides.insert(0, 0 if size == 1 else step)
        step *= full
    return tuple(strides), itemsize * math.prod(shape), step


# %% wrong: not zero along size 1
# Along an axis of size 1 the stride is not 0; the same numbers are read again there.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: missing axes forgotten
# There are strides for the array's own axes only; the axes that it lacks have stride 0, at the left.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: missing axes at the right
# The zeros of the missing axes stand at the right; shapes are aligned at the right, so axes are missing at the left.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = strides + [0] * (len(result) - len(shape))
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: first axis fastest
# The first axis is taken as the fastest one; in memory neighbours along the last axis lie side by side.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in shape:
        strides.append(0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: strides from right to left
# The strides are in the order in which they were found, from the last axis to the first.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.append(0 if size == 1 else step)
        step *= size
    strides = strides + [0] * (len(result) - len(shape))
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: own strides from right to left
# The array's own strides are in the order in which they were found, from the last axis to the first.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.append(0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: own size in the step
# A step along an axis includes the size of that axis itself; only the axes to its right lie behind one step.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        step *= size
        strides.insert(0, 0 if size == 1 else step)
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, itemsize * math.prod(result)


# %% wrong: nbytes of the view
# held counts the whole result, as nbytes of a broadcast array does; only the array's own numbers are held.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), itemsize * math.prod(result), itemsize * math.prod(result)


# %% wrong: held in numbers
# held counts numbers; it is wanted in bytes.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), math.prod(shape), itemsize * math.prod(result)


# %% wrong: copied in numbers
# copied counts numbers; it is wanted in bytes.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, math.prod(result)


# %% wrong: held and copied exchanged
# held and copied are returned in the other order: held comes first.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), itemsize * math.prod(result), step


# %% wrong: numbers instead of bytes
# held and copied count numbers; they are wanted in bytes.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), math.prod(shape), math.prod(result)


# %% wrong: additional copies only
# copied leaves out the array itself; everything in the shape of the result is to be counted.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, itemsize * math.prod(result) - step


# %% wrong: 8 bytes for each number
# Every number is taken to have 8 bytes; itemsize tells how many it has.
def stretched(shape, result, itemsize):
    strides, step = [], 8
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), step, 8 * math.prod(result)


# %% wrong: 8 bytes in the strides
# In the strides every number is taken to have 8 bytes; itemsize tells how many it has.
def stretched(shape, result, itemsize):
    strides, step = [], 8
    for size in reversed(shape):
        strides.insert(0, 0 if size == 1 else step)
        step *= size
    strides = [0] * (len(result) - len(shape)) + strides
    return tuple(strides), itemsize * math.prod(shape), itemsize * math.prod(result)


# %% wrong: zero where the sizes agree
# The stride is 0 where the size equals that of the result; it is 0 where the array is repeated.
def stretched(shape, result, itemsize):
    strides, step = [], itemsize
    padded = (1,) * (len(result) - len(shape)) + tuple(shape)
    for size, full in zip(reversed(padded), reversed(result)):
        strides.insert(0, 0 if size == full else step)
        step *= size
    return tuple(strides), step, itemsize * math.prod(result)


# %% right: products of what is to the right
def stretched(shape, result, itemsize):
    own = [1] * (len(result) - len(shape)) + list(shape)
    strides = [itemsize * math.prod(own[k + 1 :]) * (own[k] > 1) for k in range(len(own))]
    return strides, itemsize * math.prod(own), itemsize * math.prod(result)


# %% right: cumulated
def stretched(shape, result, itemsize):
    own = np.array((1,) * (len(result) - len(shape)) + tuple(shape), dtype=np.int64)
    behind = itemsize * np.cumprod(np.append(1, own[::-1]))[::-1]
    strides = np.where(own == 1, 0, behind[1:])
    return tuple(strides.tolist()), int(behind[0]), int(np.prod(result, dtype=np.int64)) * itemsize


# %% right: by address
def stretched(shape, result, itemsize):
    def address(index):
        place = 0
        for k, size in zip(index, shape):
            place = place * size + k
        return place * itemsize

    strides = [0] * (len(result) - len(shape))
    for axis, size in enumerate(shape):
        strides.append(address([int(k == axis) for k in range(len(shape))]) if size > 1 else 0)
    total = itemsize
    for size in result:
        total = total * size
    return tuple(strides), address([size - 1 for size in shape]) + itemsize, total
