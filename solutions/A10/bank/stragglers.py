# %% wrong: nothing returned
# The times are computed and not returned: a return statement is missing.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return None


# %% wrong: nobody waits
# No worker waits for another one, whatever the bound is.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(ends[s] + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: all wait in every step
# All workers wait for each other in every step, whatever the bound is.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[s].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: one step of slack too many
# A worker may be one step farther ahead than the bound allows.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound - 1, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: one step of slack too few
# A worker waits one step too early: it may begin when all have finished s - d steps.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[min(max(s - bound + 1, 0), s)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: waits for the mean
# A worker waits for the mean of the times at which the others end; it has to wait for the slowest.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].mean()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: own last step forgotten
# A worker begins when the others allow it, although its own last step has not ended.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(allowed + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: waiting added
# The time to wait for is added to the worker's own time; a step begins at the later of both.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(ends[s] + allowed + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: end of the first to finish
# The end is that of the worker who finishes first; the last one counts.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].min()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: mean end
# The mean of the workers' ends is returned; the last one counts.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].mean()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% wrong: share used
# The share of time spent computing is returned; the share that is lost is asked for.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, times.sum() / (times.shape[1] * end)


# %% wrong: workers not counted
# The sum over all workers is divided by the time of one; N workers have N times as much.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / end


# %% wrong: time lost, not its share
# The worker-seconds lost are returned; their share of all worker-seconds is asked for.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, times.shape[1] * end - times.sum()


# %% wrong: time after the end left out
# The time that a worker has nothing to do after its last step is left out; it is lost as well.
def bounded_run(times, bound):
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / ends[-1].sum()


# %% wrong: axes exchanged
# Rows and columns are exchanged: times[s, k] has the steps first.
def bounded_run(times, bound):
    times = times.T
    ends = [np.zeros(times.shape[1])]
    for s, seconds in enumerate(times):
        allowed = ends[max(s - bound, 0)].max()
        ends.append(np.maximum(ends[s], allowed) + seconds)
    end = ends[-1].max()
    return end, 1 - times.sum() / (times.shape[1] * end)


# %% right: loops
def bounded_run(times, bound):
    steps, N = times.shape
    done = [[0.0] * N]
    for s in range(steps):
        allowed = 0.0
        if s > bound:
            allowed = max(done[s - bound])
        done.append([max(allowed, done[s][k]) + times[s][k] for k in range(N)])
    end = max(done[steps])
    busy = sum(sum(row) for row in times)
    return [end, (N * end - busy) / (N * end)]


# %% right: table
def bounded_run(times, bound):
    steps, N = times.shape
    ends = np.zeros((steps + 1 + bound, N))  # rows 0 to bound: nothing is finished
    for s in range(steps):
        row = s + 1 + bound
        ends[row] = times[s] + np.maximum(ends[row - 1], ends[s].max())
    return ends[-1].max(), float(1 - times.mean() * steps / ends[-1].max())


# %% right: paths
def bounded_run(times, bound):
    ends, slowest = np.zeros_like(times[0]), [0.0]
    for s in range(len(times)):
        gate = slowest[s - bound] if s >= bound else 0.0
        ends = np.where(ends > gate, ends, gate) + times[s]
        slowest.append(ends.max())
    lost = (slowest[-1] - times.sum(axis=0)).sum()
    return slowest[-1], lost / (len(ends) * slowest[-1])
