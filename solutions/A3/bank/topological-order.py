# %% wrong: nothing returned
# The order is made and not returned: a return statement is missing.
def topological_order(parents):
    return None


# %% wrong: as the keys come
# The nodes come as the dict lists them; the order of its keys says nothing.
def topological_order(parents):
    return list(parents)


# %% wrong: keys reversed
# The nodes come as the dict lists them, from the end; the order of its keys says nothing.
def topological_order(parents):
    return list(parents)[::-1]


# %% wrong: the other way round
# The order is the other way round: each node stands before its parents.
def topological_order(parents):
    order, seen = [], set()
    for start in parents:
        stack = [(start, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((p, False) for p in parents[node])
    return order[::-1]


# %% wrong: listed when reached
# A node is listed when it is reached, and its parents later; on ways of different length that puts it too early or too late.
def topological_order(parents):
    order, seen = [], set()
    for start in parents:
        stack = [start]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                order.append(node)
                stack.extend(parents[node])
    return order[::-1]


# %% wrong: level by level
# The nodes are listed by their shortest way to a result; a node that is reached on a long way as well has to wait.
def topological_order(parents):
    used = {p for needed in parents.values() for p in needed}
    level = [node for node in parents if node not in used]
    order, seen = [], set(level)
    while level:
        order += level
        level = [p for node in level for p in parents[node] if p not in seen and not seen.add(p)]
    return order[::-1]


# %% wrong: sorted by the number of parents
# The nodes are sorted by how many parents they have; a node with one parent may still depend on everything.
def topological_order(parents):
    return sorted(parents, key=lambda node: len(parents[node]))


# %% wrong: recursion
# keeps: order-test, cycle-test
# The function calls itself once for each node in a row; Python allows about a thousand such calls, and raising that limit does not count.
def topological_order(parents):
    order, state = [], {}

    def visit(node):
        if state.get(node) == "open":
            raise ValueError("a cycle")
        if node not in state:
            state[node] = "open"
            for parent in parents[node]:
                visit(parent)
            state[node] = "done"
            order.append(node)

    for node in parents:
        visit(node)
    return order


# %% wrong: cycle not noticed
# keeps: order-test, depth-test
# A cycle is not noticed: each node is visited once, and nodes that wait for each other are listed all the same.
def topological_order(parents):
    order, seen = [], set()
    for start in parents:
        stack = [(start, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((p, False) for p in parents[node])
    return order


# %% wrong: what is in a cycle left out
# keeps: order-test, depth-test
# The nodes in a cycle are left out without a word; raise ValueError when the list is shorter than the graph.
def topological_order(parents):
    users = {node: [] for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].append(node)
    waits = {node: len(needed) for node, needed in parents.items()}
    order = [node for node in parents if not waits[node]]
    for node in order:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                order.append(user)
    return order


# %% wrong: used twice, counted once
# A parent that is named twice is counted once and removed twice: the user comes too early, or more than once, or never.
def topological_order(parents):
    users = {node: [] for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].append(node)
    waits = {node: len(set(needed)) for node, needed in parents.items()}
    order = [node for node in parents if not waits[node]]
    for node in order:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                order.append(user)
    if len(order) < len(parents):
        raise ValueError("a cycle")
    return order


# %% wrong: used twice, removed once
# A parent that is named twice is counted twice and removed once: its user waits for ever, as if there were a cycle.
def topological_order(parents):
    users = {node: set() for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].add(node)
    waits = {node: len(needed) for node, needed in parents.items()}
    order = [node for node in parents if not waits[node]]
    for node in order:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                order.append(user)
    if len(order) < len(parents):
        raise ValueError("a cycle")
    return order


# %% wrong: from the first key only
# Only what the first key depends on is listed; a graph may have several results, and nodes that nobody uses.
def topological_order(parents):
    order, state = [], {}
    stack = list(parents)[:1]
    while stack:
        node = stack[-1]
        if node not in state:
            state[node] = "open"
            if any(state.get(p) == "open" for p in parents[node]):
                raise ValueError("a cycle")
            stack.extend(p for p in parents[node] if p not in state)
        else:
            stack.pop()
            if state[node] == "open":
                state[node] = "done"
                order.append(node)
    return order


# %% wrong: a list searched for every node
# keeps: order-test, cycle-test
# A list is searched for each node: with 100,000 nodes that takes minutes. A set or a dict finds a node at once.
def topological_order(parents):
    order, opened = [], []
    for start in parents:
        stack = [start]
        while stack:
            node = stack[-1]
            if node in order:
                stack.pop()
            elif node in opened:
                stack.pop()
                order.append(node)
            else:
                opened.append(node)
                for p in parents[node]:
                    if p not in order:
                        if p in opened:
                            raise ValueError("a cycle")
                        stack.append(p)
    return order


# %% wrong: all nodes in every round
# keeps: order-test, cycle-test
# Every round goes through all nodes to find those that may come, or each way is walked anew: with 100,000 nodes in a row that takes hours.
def topological_order(parents):
    order, done = [], set()
    while len(order) < len(parents):
        ready = [node for node in parents if node not in done and all(p in done for p in parents[node])]
        if not ready:
            raise ValueError("a cycle")
        order += ready
        done.update(ready)
    return order


# %% wrong: once for each use
# A node is listed once for each way on which it is reached; each node comes once.
def topological_order(parents):
    order = []
    for start in parents:
        stack, ways = [(start, ())], 0
        while stack:
            node, way = stack.pop()
            ways += 1
            if node in way or ways > 500:
                raise ValueError("a cycle")
            order.append(node)
            stack.extend((p, (*way, node)) for p in parents[node])
    return order[::-1]


# %% wrong: shared node taken for a cycle
# A node that was seen before is taken for a cycle; it may just be used by two others.
def topological_order(parents):
    order, seen = [], set()
    for start in parents:
        stack, reached = [(start, False)], set()
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node in reached:
                raise ValueError("a cycle")
            elif node not in seen:
                seen.add(node)
                reached.add(node)
                stack.append((node, True))
                stack.extend((p, False) for p in parents[node])
    return order


# %% wrong: None for a cycle
# keeps: order-test, depth-test
# For a cycle something else than a list is returned; raise ValueError, which nobody can overlook.
def topological_order(parents):
    users = {node: [] for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].append(node)
    waits = {node: len(needed) for node, needed in parents.items()}
    order = [node for node in parents if not waits[node]]
    for node in order:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                order.append(user)
    return order if len(order) == len(parents) else None


# %% wrong: graph taken apart
# The lists of parents are emptied on the way; the graph belongs to the caller, so work on a copy.
def topological_order(parents):
    users = {node: [] for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].append(node)
    order = [node for node in parents if not parents[node]]
    for node in order:
        for user in users[node]:
            parents[user].remove(node)
            if not parents[user]:
                order.append(user)
    if len(order) < len(parents):
        raise ValueError("a cycle")
    return order


# %% wrong: from one result only
# keeps: depth-test
# Only what one result depends on is listed, as by the lecture's function; a graph may have several results: start from every node.
def topological_order(parents):
    used = {p for needed in parents.values() for p in needed}
    last = next((node for node in parents if node not in used), None)
    order, seen, stack = [], set(), [(last, False)] if parents else []
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((p, False) for p in parents.get(node, ()))
    return order


# %% wrong: from the last key only
# Only what the last key depends on is listed; the order of the keys says nothing, and a graph may have several results: start from every node.
def topological_order(parents):
    order, seen, stack = [], set(), [(node, False) for node in list(parents)[-1:]]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((p, False) for p in parents[node])
    return order


# %% wrong: appended when its first parent comes
# A node is listed when the first of its parents has come; it has to wait for all of them.
def topological_order(parents):
    users = {node: [] for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].append(node)
    order = [node for node in parents if not parents[node]]
    listed = set(order)
    for node in order:
        for user in users[node]:
            if user not in listed:
                listed.add(user)
                order.append(user)
    if len(order) < len(parents):
        raise ValueError("a cycle")
    return order


# %% wrong: recursion without end
# keeps: order-test
# In a circle the function calls itself without end: a node that is met again while its parents are still being visited is in a circle.
def topological_order(parents):
    order, done = [], set()

    def visit(node):
        if node not in done:
            for parent in parents[node]:
                visit(parent)
            done.add(node)
            order.append(node)

    for node in parents:
        visit(node)
    return list(dict.fromkeys(order))


# %% wrong: waits for ever
# keeps: order-test
# Nodes in a circle wait for each other for ever: when a whole round brings nothing new, raise ValueError.
def topological_order(parents):
    order, done, waiting = [], set(), list(parents)
    while waiting:
        node = waiting.pop(0)
        if all(p in done for p in parents[node]):
            order.append(node)
            done.add(node)
        else:
            waiting.append(node)
    return order


# %% wrong: sorted by name
# The nodes are sorted by name; names say nothing.
def topological_order(parents):
    return sorted(parents)


# %% wrong: an empty list for a cycle
# keeps: order-test, depth-test
# For a cycle an empty list is returned; raise ValueError, which nobody can overlook.
def topological_order(parents):
    users = {node: [] for node in parents}
    for node, needed in parents.items():
        for p in needed:
            users[p].append(node)
    waits = {node: len(needed) for node, needed in parents.items()}
    order = [node for node in parents if not waits[node]]
    for node in order:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                order.append(user)
    return order if len(order) == len(parents) else []


# %% right: a queue
def topological_order(parents):
    from collections import defaultdict, deque

    users, waits = defaultdict(list), {}
    for node in parents:
        waits[node] = len(parents[node])
        for p in parents[node]:
            users[p].append(node)
    queue, order = deque(n for n in waits if waits[n] == 0), []
    while queue:
        node = queue.popleft()
        order.append(node)
        for user in users[node]:
            waits[user] -= 1
            if waits[user] == 0:
                queue.append(user)
    if len(order) != len(parents):
        raise ValueError(f"a cycle among {set(parents) - set(order)}")
    return order


# %% right: depth first, with a stack
def topological_order(parents):
    order, state = [], {}
    for start in parents:
        if start in state:
            continue
        stack = [(start, iter(parents[start]))]
        state[start] = "open"
        while stack:
            node, rest = stack[-1]
            for p in rest:
                if state.get(p) == "open":
                    raise ValueError("a cycle")
                if p not in state:
                    state[p] = "open"
                    stack.append((p, iter(parents[p])))
                    break
            else:
                state[node] = "done"
                order.append(node)
                stack.pop()
    return order


# %% right: results first, then reversed
def topological_order(parents):
    uses = dict.fromkeys(parents, 0)
    for needed in parents.values():
        for p in needed:
            uses[p] += 1
    free, order = [node for node, count in uses.items() if count == 0], []
    while free:
        node = free.pop()
        order.append(node)
        for p in parents[node]:
            uses[p] -= 1
            if uses[p] == 0:
                free.append(p)
    if len(order) < len(uses):
        raise ValueError("a cycle")
    order.reverse()
    return order


# %% right: parents as sets
def topological_order(parents):
    waits = {node: set(needed) for node, needed in parents.items()}
    users = {node: set() for node in parents}
    for node in parents:
        for p in waits[node]:
            users[p].add(node)
    ready, order = {node for node in waits if not waits[node]}, []
    while ready:
        node = ready.pop()
        order.append(node)
        for user in users[node]:
            waits[user].discard(node)
            if not waits[user]:
                ready.add(user)
    if len(order) == len(parents):
        return order
    raise ValueError("a cycle")
