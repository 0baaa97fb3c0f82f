# %% wrong: nothing returned
# The gradients are computed and not returned: a return statement is missing.
def reverse_pass(graph, order, last, g):
    for node in reversed(order):
        for parent, vjp in graph[node]:
            pass


# %% wrong: the seed alone
# Only the gradient at the last node is there: nothing is handed on.
def reverse_pass(graph, order, last, g):
    return {last: g}


# %% wrong: assigned
# A contribution replaces what was there: = stands where the contributions of several users are to be added.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                grads[parent] = vjp(grads[node])
    return grads


# %% wrong: parents first
# Only the last node hands something on: in an order that is walked from its beginning all others have had their turn before anything reaches them.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in order:
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return grads


# %% wrong: handed on too early
# A node hands its gradient on as soon as something reaches it, before the contributions of its other users are there.
def reverse_pass(graph, order, last, g):
    grads, seen, queue = {last: g}, set(), [last]
    for node in queue:
        if node not in seen:
            seen.add(node)
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
                queue.append(parent)
    return grads


# %% wrong: handed on each time
# A node hands on its whole gradient each time that something reaches it, so what came first is handed on again.
def reverse_pass(graph, order, last, g):
    grads, queue = {last: g}, [last]
    for node in queue:
        for parent, vjp in graph[node]:
            contribution = vjp(grads[node])
            grads[parent] = grads[parent] + contribution if parent in grads else contribution
            queue.append(parent)
    return grads


# %% wrong: way by way
# keeps: reverse-gradients-test
# The gradients are right, but every way from the result is walked by itself: with shared nodes the number of ways doubles and doubles.
def reverse_pass(graph, order, last, g):
    grads, stack = {}, [(last, g)]
    while stack:
        node, part = stack.pop()
        grads[node] = grads[node] + part if node in grads else part
        for parent, vjp in graph[node]:
            stack.append((parent, vjp(part)))
    return grads


# %% wrong: one call for each node in a row
# keeps: reverse-gradients-test
# The function calls itself from node to node; Python allows about a thousand such calls, and a recurrent network is deeper.
def reverse_pass(graph, order, last, g):
    grads, waiting = {}, [last]
    users = {node: [] for node in order}
    needed = {last}
    for node in waiting:
        for k, (parent, vjp) in enumerate(graph[node]):
            users[parent].append((node, vjp))
            if parent not in needed:
                needed.add(parent)
                waiting.append(parent)

    def gradient(node):
        if node not in grads:
            parts = [g] if node == last else []
            parts += [vjp(gradient(user)) for user, vjp in users[node]]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            grads[node] = total
        return grads[node]

    for node in order:
        if node in needed:
            gradient(node)
    return grads


# %% wrong: seeded with ones
# The gradient at the last node is set to ones; it is g.
def reverse_pass(graph, order, last, g):
    grads = {last: np.ones_like(g)}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return grads


# %% wrong: added in place
# += writes into an array that other nodes hold as well: a VJP may return the very array that it was given.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                if parent in grads:
                    grads[parent] += contribution
                else:
                    grads[parent] = contribution
    return grads


# %% wrong: zeros for all
# All nodes get a gradient, zero where the result does not depend on them, and their VJPs are called in vain.
def reverse_pass(graph, order, last, g):
    grads = {node: 0.0 for node in order}
    grads[last] = g
    for node in reversed(order):
        for parent, vjp in graph[node]:
            grads[parent] = grads[parent] + vjp(grads[node])
    return grads


# %% wrong: seeded at the end of the order
# g is put at the last node of the order; it belongs to the node that was asked for.
def reverse_pass(graph, order, last, g):
    grads = {order[-1]: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return grads


# %% wrong: last left out
# The gradient of the last node itself is missing.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    del grads[last]
    return grads


# %% wrong: leaves only
# Only the gradients of the leaves are kept; those of computed nodes belong to the answer too.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return {node: grad for node, grad in grads.items() if not graph[node]}


# %% wrong: one pair for each parent
# The pairs are made into a dict, which keeps one VJP for each parent: a parent that is used twice loses one.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in dict(graph[node]).items():
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return grads


# %% wrong: g for everybody
# Every VJP is given g, the gradient at the last node; it needs the gradient at its own node.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(g)
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return grads


# %% wrong: averaged over the users
# The contributions of several users are averaged; the chain rule adds them.
def reverse_pass(graph, order, last, g):
    parts = {last: [g]}
    for node in reversed(order):
        if node in parts:
            grad = sum(parts[node][1:], parts[node][0]) / len(parts[node])
            parts[node] = [grad]
            for parent, vjp in graph[node]:
                parts.setdefault(parent, []).append(vjp(grad))
    return {node: found[0] for node, found in parts.items()}


# %% wrong: handed on at once
# A node hands on the whole gradient so far each time that something reaches it, so what came first is handed on again.
def reverse_pass(graph, order, last, g):
    grads = {}

    def hand_on(node, part):
        grads[node] = grads[node] + part if node in grads else part
        for parent, vjp in graph[node]:
            hand_on(parent, vjp(grads[node]))

    hand_on(last, g)
    return grads


# %% wrong: visited again
# A node is visited again when something more reaches it, and hands on the whole gradient so far: what came first is handed on again.
def reverse_pass(graph, order, last, g):
    grads, queue = {last: g}, [last]
    while queue:
        node = queue.pop(0)
        for parent, vjp in graph[node]:
            contribution = vjp(grads[node])
            grads[parent] = grads[parent] + contribution if parent in grads else contribution
            if parent not in queue:
                queue.append(parent)
    return grads


# %% wrong: called for its shape
# keeps: reverse-gradients-test
# A VJP is called once for the shape of the zeros and once more for its value: call it once, and take what it returns.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in reversed(order):
        if node in grads:
            for parent, vjp in graph[node]:
                if parent not in grads:
                    grads[parent] = np.zeros(np.shape(vjp(grads[node])))
                grads[parent] = grads[parent] + vjp(grads[node])
    return grads


# %% wrong: order taken apart
# Nodes are taken out of the order, or pairs out of the graph; both belong to the caller: read them, or work on a copy.
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    while order:
        node = order.pop()
        if node in grads:
            for parent, vjp in graph[node]:
                contribution = vjp(grads[node])
                grads[parent] = grads[parent] + contribution if parent in grads else contribution
    return grads


# %% right: parts first, then their sum
def reverse_pass(graph, order, last, g):
    from collections import defaultdict

    parts, grads = defaultdict(list), {}
    parts[last].append(g)
    for node in order[::-1]:
        if not parts[node]:
            continue
        total = parts[node][0]
        for part in parts[node][1:]:
            total = total + part
        grads[node] = total
        for parent, vjp in graph[node]:
            parts[parent].append(vjp(total))
    return grads


# %% right: copies, added in place
def reverse_pass(graph, order, last, g):
    grads = {last: np.array(g, dtype=float)}
    k = len(order)
    while k > 0:
        k -= 1
        grad = grads.get(order[k])
        if grad is None:
            continue
        for parent, vjp in graph[order[k]]:
            if parent not in grads:
                grads[parent] = np.array(vjp(grad), dtype=float, copy=True)
            else:
                grads[parent] += vjp(grad)
    return grads


# %% right: asked by the users
def reverse_pass(graph, order, last, g):
    users = {node: [] for node in order}
    for node in order:
        for parent, vjp in graph[node]:
            users[parent].append((node, vjp))
    grads = {}
    for node in reversed(order[: order.index(last) + 1]):
        total = g if node == last else None
        for user, vjp in users[node]:
            if user in grads:
                part = vjp(grads[user])
                total = part if total is None else np.add(total, part)
        if total is not None:
            grads[node] = total
    return grads


# %% right: get, with zero
def reverse_pass(graph, order, last, g):
    grads = {last: g}
    for node in order[order.index(last) :: -1]:
        for parent, vjp in graph[node] if node in grads else ():
            grads[parent] = grads.get(parent, 0) + vjp(grads[node])
    return grads
