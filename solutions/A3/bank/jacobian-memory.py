# %% wrong: nothing returned
# The sizes are computed and not returned: a return statement is missing.
def jacobian_memory(N, m, K, dtype, limit):
    return None


# %% wrong: numbers instead of bytes
# These are numbers of entries; each takes as many bytes as its type says.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), 1
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: always 8 bytes
# Every number is counted with 8 bytes, as in float64; the type says how many it takes.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), 8
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: bits
# These are bits: float32 has 32 bits, which are 4 bytes.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), 8 * np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: 32 bits are not enough
# The products are computed with integers of 32 bits and run over; turn N, m and K into Python's int first.
def jacobian_memory(N, m, K, dtype, limit):
    itemsize = np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: size of the data
# dL/dW is counted as N m, the size of X; a gradient has the shape of its own tensor, which for W is m K.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": N * m * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: Jacobian without its zeros
# The Jacobian is counted without its zeros, N m K entries; the full one has a column for every entry of W.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": N * m * K * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (m * K * itemsize)
    return found


# %% wrong: sizes added
# The sizes of S and W are added; a Jacobian has a row for each entry of the one and a column for each of the other.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K + m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = max(0, limit - m * K * itemsize) // (K * itemsize)
    return found


# %% wrong: bytes squared
# The bytes of dL/dS are multiplied with those of dL/dW, so the bytes of a number are in the Jacobian twice.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize}
    found["dS/dW"] = found["dL/dS"] * found["dL/dW"]
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (K * m * K * itemsize**2)
    return found


# %% wrong: a size equal to the limit
# A size that is equal to the limit is left out; it fits.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size < limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: together
# The sizes are added up before they are compared with the limit; each is taken alone.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    names, total = [], 0
    for name, size in found.items():
        total += size
        if total <= limit:
            names.append(name)
    return {**found, "fits": names, "largest N": limit // (K * m * K * itemsize)}


# %% wrong: at least one
# The largest N is never less than 1; where not even one instance fits it is 0.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = max(1, limit // (K * m * K * itemsize))
    return found


# %% wrong: rounded up
# The largest N is rounded up, or one too large: that many do not fit any more.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = -(-limit // (K * m * K * itemsize))
    return found


# %% wrong: a fraction of an instance
# The largest N is no whole number: there is no half instance.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit / (K * m * K * itemsize)
    return found


# %% wrong: K once
# The largest N is computed with m K entries for each instance; an instance has K rows of m K entries.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = limit // (m * K * itemsize)
    return found


# %% wrong: what does not fit
# The list names what does not fit.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size > limit]
    found["largest N"] = limit // (K * m * K * itemsize)
    return found


# %% wrong: N or nothing
# The largest N is N itself where its Jacobian fits; ask how many instances would fit, whatever N is.
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K, itemsize = int(N), int(m), int(K), np.dtype(dtype).itemsize
    found = {"dL/dS": N * K * itemsize, "dL/dW": m * K * itemsize, "dS/dW": (N * K) * (m * K) * itemsize}
    found["fits"] = [name for name, size in found.items() if size <= limit]
    found["largest N"] = N if "dS/dW" in found["fits"] else 0
    return found


# %% right: one after the other
def jacobian_memory(N, m, K, dtype, limit):
    size_of_one = np.zeros(1, dtype).nbytes
    rows, columns = int(N) * int(K), int(m) * int(K)
    result = {}
    result["dL/dS"] = rows * size_of_one
    result["dL/dW"] = columns * size_of_one
    result["dS/dW"] = rows * columns * size_of_one
    fits = []
    for name in ("dL/dS", "dL/dW", "dS/dW"):
        if not result[name] > limit:
            fits.append(name)
    result["fits"] = fits
    result["largest N"] = int(limit / (result["dS/dW"] // int(N)))
    return result


# %% right: shapes and prod
def jacobian_memory(N, m, K, dtype, limit):
    import math

    N, m, K = map(int, (N, m, K))
    shapes = {"dL/dS": (N, K), "dL/dW": (m, K), "dS/dW": (N, K, m, K)}
    sizes = {name: math.prod(shape) * np.dtype(dtype).itemsize for name, shape in shapes.items()}
    one = sizes["dS/dW"] // N
    return sizes | {"fits": [n for n in shapes if sizes[n] <= limit], "largest N": (limit - limit % one) // one}


# %% right: in floating point
def jacobian_memory(N, m, K, dtype, limit):
    N, m, K = float(N), float(m), float(K)
    item = np.dtype(dtype).itemsize
    sizes = np.array([N * K, m * K, N * K * m * K]) * item
    names = np.array(["dL/dS", "dL/dW", "dS/dW"])
    found = dict(zip(names.tolist(), sizes))
    return {**found, "fits": names[sizes <= limit].tolist(), "largest N": np.floor(limit / (K * m * K * item))}
