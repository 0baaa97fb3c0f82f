"""Pipelines, for values and time alike: where to cut a sequence of layers, and what each stage does in which order."""

from ..errors import DataError


def balanced(costs, N):
    """Cut a sequence of costs into N consecutive parts so that the greatest sum is as small as it can be.

    By dynamic programming over prefixes: best[n, k] = min over j of max(best[n - 1, j], costs[j] + ... + costs[k - 1]).

    Returns
    -------
    list of N pairs (start, stop), none of them empty

    Examples
    --------
    >>> balanced([1, 1, 1, 3, 2], 3)
    [(0, 3), (3, 4), (4, 5)]
    """
    total = [0.0]
    for cost in costs:
        total.append(total[-1] + cost)
    best = {(0, 0): (0.0, ())}
    for part in range(1, N + 1):
        for stop in range(part, len(costs) + 1):
            options = (
                (max(best[part - 1, start][0], total[stop] - total[start]), (*best[part - 1, start][1], (start, stop)))
                for start in range(part - 1, stop)
                if (part - 1, start) in best
            )
            best[part, stop] = min(options, key=lambda found: found[0])
    return list(best[N, len(costs)][1])


def actions(schedule, N, k, M):
    """What stage k of N does with M micro-batches, in order: ("forward", m) and ("backward", m).

    gpipe: all forward, then all backward, the last micro-batch first (Huang et al. 2019, 1811.06965, figure 2c).
    1f1b: N - 1 - k forward, then one forward and one backward in turn, then the rest backward: at most N - k
    micro-batches are alive, whatever M is (Narayanan et al. 2021, 2104.04473, section 2.2.1, PipeDream-Flush).

    Raises
    ------
    DataError : an unknown schedule.

    Examples
    --------
    >>> " ".join(kind[0] + str(m) for kind, m in actions("1f1b", 4, 2, 4))
    'f0 f1 b0 f2 b1 f3 b2 b3'
    """
    if schedule == "gpipe":
        return [("forward", m) for m in range(M)] + [("backward", m) for m in reversed(range(M))]
    if schedule != "1f1b":
        raise DataError(f"Pipeline: there is no schedule {schedule!r}; there are 'gpipe' and '1f1b'.")
    ahead = min(N - 1 - k, M)
    turns = [("forward", m) for m in range(ahead)]
    for m in range(M):
        turns += [("forward", m + ahead)] if m + ahead < M else []
        turns.append(("backward", m))
    return turns
