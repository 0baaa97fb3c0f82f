# %% wrong: nothing returned
# The numbers are computed and not returned: a return statement is missing.
def warp_issues(block, ways, turns):
    return None


# %% wrong: every lane counted
# Each lane's turns are counted; the lanes of a warp on one way share an instruction.
def warp_issues(block, ways, turns):
    issued, divergent, _ = count_warps(block, ways, turns, lambda lanes: sum(turns[i] for i in lanes))
    return issued, divergent, sum(turns) / issued if issued else 0.0


def count_warps(block, ways, turns, cost):
    issued = divergent = warps = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            lanes = range(start, min(start + 32, first + block, len(ways)))
            issued += cost(lanes)
            divergent += len({ways[i] for i in lanes}) > 1
            warps += len(lanes) > 0
    return issued, divergent, warps


# %% wrong: longest lane of the warp
# A warp counts its longest lane once; it takes its ways one after the other, and waits on each of them.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            lanes = range(start, min(start + 32, first + block, len(ways)))
            issued += max([turns[i] for i in lanes], default=0)
            divergent += len({ways[i] for i in lanes}) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: longest lane on every way
# Each way is counted with the longest lane of the whole warp; on a way only the lanes that took it are waited for.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            lanes = range(start, min(start + 32, first + block, len(ways)))
            taken = {ways[i] for i in lanes}
            issued += len(taken) * max([turns[i] for i in lanes], default=0)
            divergent += len(taken) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: warps across blocks
# The warps are cut from the whole row of elements; a warp ends where its block ends.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for start in range(0, len(ways), 32):
        longest = {}
        for i in range(start, min(start + 32, len(ways))):
            longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
        issued += sum(longest.values())
        divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: block taken for a warp
# A whole block is treated as one warp; a warp has 32 threads, and a block may have several.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        longest = {}
        for i in range(first, min(first + block, len(ways))):
            longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
        issued += sum(longest.values())
        divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: half warps
# The warps have 16 lanes here; they have 32.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 16):
            longest = {}
            for i in range(start, min(start + 16, first + block, len(ways))):
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: ways counted
# divergent counts the ways that come after the first; it is the number of warps that take more than one.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            longest = {}
            for i in range(start, min(start + 32, first + block, len(ways))):
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += max(len(longest) - 1, 0)
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: uneven turns counted as divergent
# Warps whose lanes make different numbers of turns are counted as divergent; divergent is asked of the ways alone.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            lanes = range(start, min(start + 32, first + block, len(ways)))
            longest = {}
            for i in lanes:
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += len({(ways[i], turns[i]) for i in lanes}) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: share instead of lanes
# active is given as a share of 32 lanes; the number of lanes is asked for.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            longest = {}
            for i in range(start, min(start + 32, first + block, len(ways))):
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued / 32 if issued else 0.0


# %% wrong: idle threads take a way
# Threads without an element are counted on a way of their own; the guard turns them away, and they wait for nobody.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            longest = {}
            for i in range(start, min(start + 32, first + block)):
                way, count = (ways[i], turns[i]) if i < len(ways) else ("none", 0)
                longest[way] = max(count, longest.get(way, 0))
            issued += sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: shortest lane
# A way ends here with its shortest lane; a warp goes on until its longest lane has finished.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            shortest = {}
            for i in range(start, min(start + 32, first + block, len(ways))):
                shortest[ways[i]] = min(turns[i], shortest.get(ways[i], turns[i]))
            issued += sum(shortest.values())
            divergent += len(shortest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: every issue with all lanes
# active is the average number of threads of a warp; the lanes that wait, or take another way, are not at work.
def warp_issues(block, ways, turns):
    issued = divergent = lanes_issued = 0
    for first in range(0, len(ways), block):
        for start in range(first, first + block, 32):
            lanes = range(start, min(start + 32, first + block, len(ways)))
            longest = {}
            for i in lanes:
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            lanes_issued += len(lanes) * sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, lanes_issued / issued if issued else 0.0


# %% wrong: warp goes on in the next block
# A block's last warp goes on with the threads of the next block; it ends where its block ends.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, min(first + block, len(ways)), 32):
            longest = {}
            for i in range(start, min(start + 32, len(ways))):
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: lane 31 left out
# The last lane of each warp is left out: the end of a slice or range does not belong to it.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, min(first + block, len(ways)), 32):
            longest = {}
            for i in range(start, min(start + 31, first + block, len(ways))):
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% wrong: mean of the warps' means
# active is the mean of the warps' averages; a warp that issues more often counts more: divide the sum of the turns by all that is issued.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    means = []
    for first in range(0, len(ways), block):
        for start in range(first, min(first + block, len(ways)), 32):
            longest = {}
            for i in range(start, min(start + 32, first + block, len(ways))):
                longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            divergent += len(longest) > 1
            issued += sum(longest.values())
            lanes = turns[start : min(start + 32, first + block)]
            means.append(sum(lanes) / max(1, sum(longest.values())))
    return issued, divergent, sum(means) / len(means) if means else 0.0


# %% wrong: lanes without turns not on a way
# Lanes with 0 turns are left out of the ways; such a lane has taken its way, and the warp diverges.
def warp_issues(block, ways, turns):
    issued = divergent = 0
    for first in range(0, len(ways), block):
        for start in range(first, min(first + block, len(ways)), 32):
            longest = {}
            for i in range(start, min(start + 32, first + block, len(ways))):
                if turns[i]:
                    longest[ways[i]] = max(turns[i], longest.get(ways[i], 0))
            issued += sum(longest.values())
            divergent += len(longest) > 1
    return issued, divergent, sum(turns) / issued if issued else 0.0


# %% right: NumPy
def warp_issues(block, ways, turns):
    ways, turns, i = np.array(ways, int), np.array(turns, int), np.arange(len(ways))
    warp = i // block * block + i % block // 32
    issued = divergent = 0
    for w in np.unique(warp):
        here = warp == w
        kinds = np.unique(ways[here])
        divergent += int(kinds.size > 1)
        issued += sum(int(turns[here & (ways == kind)].max()) for kind in kinds)
    return issued, divergent, float(turns.sum() / issued) if issued else 0.0


# %% right: keyed by warp and way
def warp_issues(block, ways, turns):
    longest = {}
    for i, (way, count) in enumerate(zip(ways, turns)):
        key = i // block, i % block // 32, way
        longest[key] = max(longest.get(key, 0), count)
    of_warp = [key[:2] for key in longest]
    divergent = sum(of_warp.count(warp) > 1 for warp in set(of_warp))
    issued = sum(longest.values())
    return [issued, divergent, sum(turns) / max(1, issued)]


# %% right: pieces
def warp_issues(block, ways, turns):
    pairs = list(zip(ways, turns))
    blocks = [pairs[k : k + block] for k in range(0, len(pairs), block)]
    warps = [b[k : k + 32] for b in blocks for k in range(0, len(b), 32)]
    issued = sum(max(t for w, t in warp if w == way) for warp in warps for way in {w for w, _ in warp})
    return issued, sum(len({w for w, _ in warp}) > 1 for warp in warps), sum(turns) / issued if issued else 0.0
