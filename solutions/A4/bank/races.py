# %% wrong: nothing returned
# The entries are found and not returned: a return statement is missing.
def races(logs):
    return None


# %% wrong: two writers only
# Only entries that two threads write are found; one that reads while another writes races as well.
def races(logs):
    writers = {}
    for thread, log in enumerate(logs):
        barriers = 0
        for what, *entry in log:
            barriers += what == "barrier"
            if what == "write":
                writers.setdefault((barriers, entry[0]), set()).add(thread)
    return sorted({k for (_, k), threads in writers.items() if len(threads) > 1})


# %% wrong: no thread against itself
# An entry that one thread alone reads and writes is counted; what a single thread does has an order.
def races(logs):
    read, written = set(), []
    for log in logs:
        barriers = 0
        for what, *entry in log:
            barriers += what == "barrier"
            if what == "read":
                read.add((barriers, entry[0]))
            if what == "write":
                written.append((barriers, entry[0]))
    return sorted({place[1] for place in written if place in read or written.count(place) > 1})


# %% wrong: reads race
# Entries that two threads only read are counted; a race needs a write.
def races(logs):
    used = {}
    for thread, log in enumerate(logs):
        barriers = 0
        for what, *entry in log:
            barriers += what == "barrier"
            if entry:
                used.setdefault((barriers, entry[0]), set()).add(thread)
    return sorted({k for (_, k), threads in used.items() if len(threads) > 1})


# %% wrong: barriers ignored
# Accesses before and behind a barrier are taken together; the barrier orders them.
def races(logs):
    used, written = {}, set()
    for thread, log in enumerate(logs):
        for what, *entry in log:
            if entry:
                used.setdefault(entry[0], set()).add(thread)
            if what == "write":
                written.add(entry[0])
    return sorted(k for k in written if len(used[k]) > 1)


# %% wrong: before the first barrier
# The logs are read up to the first barrier only; there are races behind it too.
def races(logs):
    used, written = {}, set()
    for thread, log in enumerate(logs):
        for what, *entry in log:
            if what == "barrier":
                break
            used.setdefault(entry[0], set()).add(thread)
            if what == "write":
                written.add(entry[0])
    return sorted(k for k in written if len(used[k]) > 1)


# %% wrong: one thread after the other
# Only a write that comes before, when the threads run one after the other, is seen; no order of the threads is given.
def races(logs):
    writer, found = {}, set()
    for thread, log in enumerate(logs):
        barriers = 0
        for what, *entry in log:
            if what == "barrier":
                barriers += 1
                continue
            place = barriers, entry[0]
            if writer.get(place, thread) != thread:
                found.add(entry[0])
            if what == "write":
                writer[place] = thread
    return sorted(found)


# %% wrong: warps excused
# Threads of one warp are taken to be in step; the task, and CUDA since Volta, gives no such promise.
def races(logs):
    used, written = {}, {}
    for thread, log in enumerate(logs):
        barriers = 0
        for what, *entry in log:
            barriers += what == "barrier"
            if entry:
                used.setdefault((barriers, entry[0]), set()).add(thread // 32)
            if what == "write":
                written.setdefault((barriers, entry[0]), set()).add(thread // 32)
    return sorted({place[1] for place in written if len(used[place]) > 1})


# %% wrong: warps alone
# Only threads of the same warp are compared; a block has several warps, and nothing but a barrier orders them.
def races(logs):
    found = set()
    for w in range(0, len(logs), 32):
        used, written = {}, set()
        for thread, log in enumerate(logs[w : w + 32]):
            barriers = 0
            for what, *entry in log:
                barriers += what == "barrier"
                if entry:
                    used.setdefault((barriers, entry[0]), set()).add(thread)
                if what == "write":
                    written.add((barriers, entry[0]))
        found |= {place[1] for place in written if len(used[place]) > 1}
    return sorted(found)


# %% wrong: steps instead of barriers
# Accesses are compared where they stand at the same place of the logs; threads are not in step, only barriers order them.
def races(logs):
    used, written = {}, set()
    for thread, log in enumerate(logs):
        for place, (what, *entry) in enumerate(log):
            if entry:
                used.setdefault((place, entry[0]), set()).add(thread)
            if what == "write":
                written.add((place, entry[0]))
    return sorted({place[1] for place in written if len(used[place]) > 1})


# %% wrong: one entry several times
# An entry that races in several places is listed several times; each is to come once.
def races(logs):
    used, written = {}, []
    for thread, log in enumerate(logs):
        barriers = 0
        for what, *entry in log:
            barriers += what == "barrier"
            if entry:
                used.setdefault((barriers, entry[0]), set()).add(thread)
            if what == "write":
                written.append((barriers, entry[0]))
    return sorted(place[1] for place in written if len(used[place]) > 1)


# %% wrong: barriers of all threads added up
# The barriers are counted on from one thread to the next; each thread begins again with none.
def races(logs):
    used, written, barriers = {}, set(), 0
    for thread, log in enumerate(logs):
        for what, *entry in log:
            barriers += what == "barrier"
            if entry:
                used.setdefault((barriers, entry[0]), set()).add(thread)
            if what == "write":
                written.add((barriers, entry[0]))
    return sorted({place[1] for place in written if len(used[place]) > 1})


# %% right: pairs of threads
def races(logs):
    steps = []
    for log in logs:
        barriers, mine = 0, []
        for step in log:
            if step[0] == "barrier":
                barriers += 1
            else:
                mine.append((barriers, step[1], step[0]))
        steps.append(mine)
    found = []
    for t in range(len(logs)):
        for other in range(t):
            for phase, k, what in steps[t]:
                clash = [w for p, e, w in steps[other] if p == phase and e == k]
                if clash and ("write" in clash or what == "write") and k not in found:
                    found.append(k)
    return sorted(found)


# %% right: phase by phase
def races(logs):
    rest, found = [list(log) for log in logs], set()
    while any(rest):
        readers, writers = {}, {}
        for t, log in enumerate(rest):
            while log:
                step = log.pop(0)
                if step[0] == "barrier":
                    break
                (readers if step[0] == "read" else writers).setdefault(step[1], set()).add(t)
        found |= {k for k in writers if len(writers[k] | readers.get(k, set())) > 1}
    return sorted(found)


# %% right: first user and first writer
def races(logs):
    users, found = {}, []
    for t, log in enumerate(logs):
        n = 0
        for step in log:
            if len(step) == 1:
                n = n + 1
            else:
                users.setdefault((n, step[1]), []).append((t, step[0] == "write"))
    for (_, k), uses in users.items():
        if len({t for t, _ in uses}) > 1 and any(w for _, w in uses):
            found.append(k)
    return np.unique(np.array(found, dtype=int)).tolist()
