# %% wrong: nothing returned
# The parameters are trained and not returned: a return statement is missing.
def train(params, gradients, images, labels, B, lr, epochs):
    return None


# %% wrong: zeros
# Every parameter is zero.
def train(params, gradients, images, labels, B, lr, epochs):
    return {name: np.zeros_like(value) for name, value in params.items()}


# %% wrong: input unchanged
# The parameters come back as they were: no step is taken.
def train(params, gradients, images, labels, B, lr, epochs):
    return dict(params)


# %% wrong: uphill
# The gradient is added: each step raises the loss.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            params = {name: value + lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: short batch dropped
# The short batch at the end of each epoch is left out.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images) - B + 1, B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            params = {name: value - lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: one epoch
# One epoch counts: the number of epochs is not used, or each epoch starts again from the given parameters.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for k in range(0, len(images), B):
        grads = gradients(params, images[k : k + B], labels[k : k + B])
        params = {name: value - lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: one step for each epoch
# One step is taken for each epoch, on all the data; a step is due after each batch.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        grads = gradients(params, images, labels)
        params = {name: value - lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: stale gradients
# The gradients are always taken at the initial parameters, not at the parameters as they are now.
def train(params, gradients, images, labels, B, lr, epochs):
    trained = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            trained = {name: value - lr * grads[name] for name, value in trained.items()}
    return trained


# %% wrong: divided by B again
# The gradients are divided by B although they already are averages.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            params = {name: value - lr / B * grads[name] for name, value in params.items()}
    return params


# %% wrong: first batch only
# Every step uses the first batch: the slice does not move on.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for _k in range(0, len(images), B):
            grads = gradients(params, images[:B], labels[:B])
            params = {name: value - lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: caller's arrays changed
# The caller's dict or its arrays are changed; put new arrays into a dict of your own.
def train(params, gradients, images, labels, B, lr, epochs):
    for _ in range(epochs):
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            for name in params:
                params[name] -= lr * grads[name]
    return params


# %% wrong: step after the epoch
# The step stands behind the loop over batches: only the last batch of each epoch is used.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
        params = {name: value - lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: loops swapped
# The loops are swapped: each batch is used for all epochs before the next one is seen.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for k in range(0, len(images), B):
        for _ in range(epochs):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            params = {name: value - lr * grads[name] for name, value in params.items()}
    return params


# %% wrong: weighted by length
# The gradients are weighted by the batch's length over B; the short batch's gradient is an average like the others.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            x, y = images[k : k + B], labels[k : k + B]
            grads = gradients(params, x, y)
            params = {name: value - lr * len(x) / B * grads[name] for name, value in params.items()}
    return params


# %% wrong: gradients added up
# The gradients of all batches are added up for one step at the end of the epoch; a step is due after each batch.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        total = {name: np.zeros_like(value) for name, value in params.items()}
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            total = {name: value + grads[name] for name, value in total.items()}
        params = {name: value - lr * total[name] for name, value in params.items()}
    return params


# %% wrong: learning rate forgotten
# The steps are the whole gradients: the learning rate is not used.
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            params = {name: value - grads[name] for name, value in params.items()}
    return params


# %% right: copies, in place
def train(params, gradients, images, labels, B, lr, epochs):
    trained = {name: np.array(value, copy=True) for name, value in params.items()}
    for _ in range(epochs):
        start = 0
        while start < len(images):
            grads = gradients(trained, images[start : start + B], labels[start : start + B])
            for name in trained:
                trained[name] -= lr * grads[name]
            start += B
    return trained


# %% right: one loop over steps
def train(params, gradients, images, labels, B, lr, epochs):
    starts = list(range(0, len(images), B)) * epochs
    for k in starts:
        step = gradients(params, images[k : k + B], labels[k : k + B])
        params = {name: np.subtract(params[name], np.multiply(lr, step[name])) for name in params}
    return params


# %% right: split first
def train(params, gradients, images, labels, B, lr, epochs):
    cuts = range(B, len(images), B)
    batches = list(zip(np.split(images, cuts), np.split(labels, cuts)))
    for _epoch in range(epochs):
        for x, y in batches:
            step = gradients(params, x, y)
            params = {name: params[name] - lr * step[name] for name in params}
    return params


# %% right: by keyword
def train(params, gradients, images, labels, B, lr, epochs):
    trained = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            step = gradients(params=trained, x=images[k : k + B], y=labels[k : k + B])
            for name in trained:
                trained[name] = trained[name] - lr * step[name]
    return trained
