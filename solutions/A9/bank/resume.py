# %% wrong: nothing returned
# The methods return nothing: return statements are missing.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.last = loss

    def state(self):
        return None

    def restore(self, state):
        self.last = state


# %% wrong: never drops
# The rate never changes: the looks without a new best are not acted upon.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: rate before the look
# The rate from before the look is returned; after a drop the new rate is due at once.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        before = self.lr
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return before

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: equal counts as better
# A loss that equals the best one counts as a new best; it has to be below it.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss <= self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: compared with the last loss
# The loss is compared with the one before it; it is the best one so far that counts.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.since = 0
        self.best = loss
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: not in a row
# All looks without a new best are counted; a new best begins the count anew.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, self.since - 1
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: drops at every look
# After the first drop each further look drops the rate again: the count begins anew after a drop.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since >= self.patience:
            self.lr = self.lr * self.factor
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: one look too patient
# The drop comes one look late: it is due at the look that makes the count equal to patience.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since > self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: one look too impatient
# The drop comes one look early: the look that is the new best does not count.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 1
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: best forgotten at a drop
# The best loss is forgotten at a drop; only the counting begins anew.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
            self.best = float("inf")
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: factor taken off
# The factor is taken off the rate; the rate is multiplied by it.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr - self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: one drop only
# Every drop leads to the first rate times the factor; each multiplies the rate as it is.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since, self.start = float("inf"), 0, lr

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.start * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: best loss forgotten
# The best loss is not saved, so the first look after resuming counts as a new best; the count of looks belongs to the state too.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr}

    def restore(self, state):
        self.lr = state["lr"]


# %% wrong: count forgotten
# The count of looks without a new best is not saved, so a resumed training waits longer.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best}

    def restore(self, state):
        self.lr, self.best = state["lr"], state["best"]


# %% wrong: rate forgotten
# The rate is not saved, so a resumed training begins again with the first rate.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"best": self.best, "since": self.since}

    def restore(self, state):
        self.best, self.since = state["best"], state["since"]


# %% wrong: nothing restored
# restore does nothing: a resumed training begins from the start.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        return


# %% wrong: saved dict lives on
# The saved dict, or a list in it, is the object's own and changes when the training goes on; give away a copy.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return self.__dict__

    def restore(self, state):
        self.__dict__.update(state)


# %% wrong: restored dict is used
# The restored dict itself is taken and then changed, so it cannot be restored once more; copy it.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.factor, self.patience = factor, patience
        self.now = {"lr": lr, "best": float("inf"), "since": 0}

    def look(self, loss):
        now = self.now
        now["since"] += 1
        if loss < now["best"]:
            now["best"], now["since"] = loss, 0
        if now["since"] == self.patience:
            now["lr"], now["since"] = now["lr"] * self.factor, 0
        return now["lr"]

    def state(self):
        return dict(self.now)

    def restore(self, state):
        self.now = state


# %% wrong: one look early
# The drop comes one look early: it is due after patience looks without a new best, the last of them included.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience - 1:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: the best begins at 0
# The best loss begins too low, at 0, so no loss is ever a new best; the first one always is.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = 0.0, 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: divided by the factor
# The rate is divided by the factor, so it rises; it is multiplied by it.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr / self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": self.best, "since": self.since}

    def restore(self, state):
        self.lr, self.best, self.since = state["lr"], state["best"], state["since"]


# %% wrong: kept by the class
# The class keeps the best loss and the count, so all its objects share them; what changes belongs to self.
class Plateau:
    best, since = float("inf"), 0

    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience

    def look(self, loss):
        Plateau.since += 1
        if loss < Plateau.best:
            Plateau.best, Plateau.since = loss, 0
        if Plateau.since == self.patience:
            self.lr, Plateau.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return {"lr": self.lr, "best": Plateau.best, "since": Plateau.since}

    def restore(self, state):
        self.lr, Plateau.best, Plateau.since = state["lr"], state["best"], state["since"]


# %% wrong: list in the state lives on
# The list in the saved state is the object's own, and restore takes it as it is: it changes when a training goes on. Copy it too.
class Plateau:
    def __init__(self, lr, factor, patience):
        self.factor, self.patience = factor, patience
        self.now = [lr, float("inf"), 0]

    def look(self, loss):
        now = self.now
        now[2] += 1
        if loss < now[1]:
            now[1], now[2] = loss, 0
        if now[2] == self.patience:
            now[0], now[2] = now[0] * self.factor, 0
        return now[0]

    def state(self):
        return {"now": self.now}

    def restore(self, state):
        self.now = state["now"]


# %% right: the object's dict, copied
class Plateau:
    def __init__(self, lr, factor, patience):
        self.lr, self.factor, self.patience = lr, factor, patience
        self.best, self.since = float("inf"), 0

    def look(self, loss):
        self.since += 1
        if loss < self.best:
            self.best, self.since = loss, 0
        if self.since == self.patience:
            self.lr, self.since = self.lr * self.factor, 0
        return self.lr

    def state(self):
        return dict(vars(self))

    def restore(self, state):
        vars(self).update(state)


# %% right: the history of losses
class Plateau:
    def __init__(self, lr, factor, patience):
        self.start, self.factor, self.patience = lr, factor, patience
        self.losses = []

    def look(self, loss):
        self.losses.append(loss)
        rate, best, since = self.start, float("inf"), 0
        for each in self.losses:
            since = 0 if each < best else since + 1
            best = min(best, each)
            if since == self.patience:
                rate, since = rate * self.factor, 0
        return rate

    def state(self):
        return {str(n): loss for n, loss in enumerate(self.losses)}

    def restore(self, state):
        self.losses = [state[str(n)] for n in range(len(state))]


# %% right: patience that runs down
class Plateau:
    def __init__(self, lr, factor, patience):
        self.rate, self.factor, self.patience = lr, factor, patience
        self.lowest, self.left = None, patience

    def look(self, loss):
        if self.lowest is None or loss < self.lowest:
            self.lowest, self.left = loss, self.patience
        else:
            self.left -= 1
        if not self.left:
            self.rate *= self.factor
            self.left = self.patience
        return self.rate

    def state(self):
        return dict(numbers=[self.rate, self.lowest, self.left])

    def restore(self, state):
        self.rate, self.lowest, self.left = state["numbers"]


# %% right: a dict of its own, copied both ways
class Plateau:
    def __init__(self, lr, factor, patience):
        self.factor, self.patience = factor, patience
        self.now = {"lr": lr, "best": np.inf, "since": 0}

    def look(self, loss):
        now = self.now
        better = bool(loss < now["best"])
        now["since"] = 0 if better else now["since"] + 1
        now["best"] = min(loss, now["best"])
        if now["since"] == self.patience:
            now.update(lr=now["lr"] * self.factor, since=0)
        return now["lr"]

    def state(self):
        return self.now.copy()

    def restore(self, state):
        self.now = dict(state)
