# %% wrong: nothing returned
# The verdict is reached and not returned: a return statement is missing.
def verdict(a, b):
    return None


# %% wrong: new axes at the right
# NumPy's own choice is taken to be new axes at the right; it puts them at the left.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if tuple(b) + (1,) * (len(a) - len(b)) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: order of the axes changed
# The axes of b are also tried in another order; that would be a transpose, and its own axes keep their order.
def verdict(a, b):
    from itertools import permutations

    ways = set()
    for places in permutations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: stops at the first way
# The search ends with the first shape that fits; all of them are asked for.
def verdict(a, b):
    ways = []
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if not ways and all(size in (1, full) for size, full in zip(shape, a)):
            ways.append(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, ways


# %% wrong: the same shape twice
# A shape is listed more than once: where b has a 1 itself, several choices of places give the same shape.
def verdict(a, b):
    ways = []
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.append(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: a is stretched
# A size of b is also let through where a has a 1; the sum would then no longer have the shape of a.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size == full or 1 in (size, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: never ambiguous
# Where NumPy's shape fits, the word is always "fits"; if other shapes fit too, it is "ambiguous".
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: ambiguous without NumPy's shape
# "ambiguous" is said wherever several shapes fit; where NumPy's is not among them, NumPy gives an error or another shape, and the word is "needs axes".
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if len(ways) > 1:
        word = "ambiguous"
    elif (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: needs axes where it is ambiguous
# "needs axes" is said where NumPy's shape fits and others do too; that is "ambiguous".
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if ways == {(1,) * (len(a) - len(b)) + tuple(b)}:
        word = "fits"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: clashes without NumPy's shape
# "clashes" is said wherever NumPy's shape does not fit; where other shapes do, the word is "needs axes".
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "clashes"
    return word, sorted(ways)


# %% wrong: another word
# A word is not spelled as in the table.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axis" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: order of the two
# The two results are returned in the other order: the word comes first.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return sorted(ways), word


# %% wrong: not sorted
# The shapes are in the order in which they were found; sorted(ways) is asked for.
def verdict(a, b):
    ways = []
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)) and shape not in ways:
            ways.append(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, ways


# %% wrong: 1 does not fit
# A shape is let through only where each of its sizes is that of a; a size of 1 fits as well, the new axes among them.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if shape == tuple(a):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: b's own 1 is refused
# A 1 that b has itself is refused where a has another size; it is stretched like a new axis.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        if all(size == a[k] for k, size in own.items()):
            ways.add(tuple(own.get(k, 1) for k in range(len(a))))
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: one new axis only
# One new axis is given at most; b may need several, up to as many axes as a has.
def verdict(a, b):
    shapes = {tuple(b)} | {tuple(b[:k]) + (1,) + tuple(b[k:]) for k in range(len(b) + 1)}
    ways = sorted(s for s in shapes if len(s) == len(a) and all(m in (1, n) for m, n in zip(s, a)))
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, ways


# %% wrong: every missing axis is needed
# "needs axes" is said wherever b has fewer axes than a; at the left NumPy adds them itself.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size in (1, full) for size, full in zip(shape, a)):
            ways.add(shape)
    if len(a) == len(b) and ways:
        word = "fits"
    elif (1,) * (len(a) - len(b)) + tuple(b) in ways and len(ways) > 1:
        word = "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% wrong: NumPy's shape only
# Only NumPy's own shape is tried; the axes of size 1 may stand at other places too.
def verdict(a, b):
    shape = (1,) * (len(a) - len(b)) + tuple(b)
    if all(size in (1, full) for size, full in zip(shape, a)):
        return "fits", [shape]
    return "clashes", []


# %% wrong: multiples fit
# A size that divides that of a is let through; only 1 and the size itself fit.
def verdict(a, b):
    ways = set()
    for places in combinations(range(len(a)), len(b)):
        own = dict(zip(places, b))
        shape = tuple(own.get(k, 1) for k in range(len(a)))
        if all(size == full or size and full % size == 0 for size, full in zip(shape, a)):
            ways.add(shape)
    if (1,) * (len(a) - len(b)) + tuple(b) in ways:
        word = "fits" if len(ways) == 1 else "ambiguous"
    else:
        word = "needs axes" if ways else "clashes"
    return word, sorted(ways)


# %% right: recursion
def verdict(a, b):
    def fitting(a, b):
        if not a:
            return set() if b else {()}
        found = {(1, *rest) for rest in fitting(a[1:], b)}
        if b and b[0] in (1, a[0]):
            found |= {(b[0], *rest) for rest in fitting(a[1:], b[1:])}
        return found

    ways = sorted(fitting(tuple(a), tuple(b)))
    numpy_fits = (1,) * (len(a) - len(b)) + tuple(b) in ways
    if not ways:
        return "clashes", ways
    if not numpy_fits:
        return "needs axes", ways
    return ("ambiguous" if ways[1:] else "fits"), ways


# %% right: choose which axes are new
def verdict(a, b):
    ways = []
    for new in product([False, True], repeat=len(a)):
        if sum(new) == len(a) - len(b):
            rest = list(b)
            shape = [1 if is_new else rest.pop(0) for is_new in new]
            if all(m == 1 or m == n for m, n in zip(shape, a)) and tuple(shape) not in ways:
                ways.append(tuple(shape))
    left = tuple([1] * (len(a) - len(b)) + list(b))
    words = {(True, False): "fits", (True, True): "ambiguous", (False, True): "needs axes", (False, False): "clashes"}
    return [words[left in ways, any(way != left for way in ways)], sorted(ways)]


# %% right: NumPy asked about each shape
def verdict(a, b):
    def fits(shape):
        try:
            return np.broadcast_shapes(a, shape) == tuple(a)
        except ValueError:
            return False

    shapes = {tuple(b)}
    while len(min(shapes)) < len(a):
        shapes = {s[:k] + (1,) + s[k:] for s in shapes for k in range(len(s) + 1)}
    ways = sorted(filter(fits, shapes))
    if fits(b):
        return "fits" if len(ways) == 1 else "ambiguous", ways
    return "needs axes" if ways else "clashes", ways
