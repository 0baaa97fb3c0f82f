# %% wrong: nothing returned
# The new run is made and not returned: a return statement is missing.
def momentum_step(run, g):
    return None


def translate(run, form):
    return None


# %% wrong: the average as a sum
# keeps: momentum-translate-test
# In the form "ema" the new gradient enters whole; in an average it has the weight 1 − μ.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + (-eta if form == "polyak" else 1) * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: weights exchanged
# keeps: momentum-translate-test
# In the form "ema" the weights of old and new are exchanged: the old v has μ, the gradient 1 − μ.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = (1 - mu) * run["v"] + mu * g if form == "ema" else mu * run["v"] + (-eta if form == "polyak" else 1) * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: dampened
# keeps: momentum-translate-test
# In PyTorch's form the gradient is multiplied by 1 − μ; there it enters whole.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + (-eta if form == "polyak" else 1 - mu) * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: climbs
# keeps: momentum-translate-test
# θ goes along v where v is made of gradients; only in Polyak's form, where v has the minus already, is v added.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: the old v
# keeps: momentum-translate-test
# θ moves with the v of the step before; v is renewed first, then θ moves with it.
def momentum_step(run, g):
    form, eta, mu, old = run["form"], run["eta"], run["mu"], run["v"]
    v = mu * old + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (old if form == "polyak" else -eta * old), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: the rate twice
# keeps: momentum-translate-test
# In Polyak's form η counts twice: it is in v already, and θ moves by v itself.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + eta * (v if form == "polyak" else -v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: the gradient alone moves θ
# keeps: momentum-translate-test
# θ moves along the gradient, as in plain descent, and v is made without being used.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] - eta * (1 - mu if form == "ema" else 1) * g, "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: v not kept
# keeps: momentum-translate-test
# The new run has the old v; the memory must go on to the next step.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v)}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: Nesterov
# keeps: momentum-translate-test
# This is Nesterov's step, which looks one step of momentum ahead; the three forms here move by v itself.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    weight = {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form]
    v = mu * run["v"] + weight * g
    ahead = mu * v + weight * g
    return run | {"theta": run["theta"] + (ahead if form == "polyak" else -eta * ahead), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: the name alone
# keeps: momentum-step-test
# Only the name of the form changes; η and v mean something else in each form.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    return run | {"form": form}


# %% wrong: the rate alone
# keeps: momentum-step-test
# The rate is translated and v is not; the memory means something else in each form, too.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    return run | {"form": form, "eta": run["eta"] * share[run["form"]] / share[form]}


# %% wrong: v alone
# keeps: momentum-step-test
# v is translated and the rate is not: between "ema" and the other forms η changes by a factor 1 − μ.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    weight = {"ema": 1 - run["mu"], "torch": 1, "polyak": -run["eta"]}
    return run | {"form": form, "v": run["v"] / weight[run["form"]] * weight[form]}


# %% wrong: the wrong way round
# keeps: momentum-step-test
# The rate is divided where it should be multiplied by 1 − μ, and the other way round: the steps of "torch" are longer at equal η.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[form] / share[run["form"]]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: the sign of Polyak's v
# keeps: momentum-step-test
# Polyak's v has lost its sign: it is added to θ, so it points downhill.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": run["eta"]}, share | {"polyak": eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: Polyak's v without the rate
# keeps: momentum-step-test
# Polyak's v is taken for one of gradients; it is one of steps, with η inside.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    weight = share | {"polyak": -1}
    eta = run["eta"] * share[run["form"]] / share[form]
    return run | {"form": form, "eta": eta, "v": run["v"] / weight[run["form"]] * weight[form]}


# %% wrong: Polyak's v with the rate of the other form
# keeps: momentum-step-test
# Polyak's v is made with the η of the other form; the η inside it is its own.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -eta}, share | {"polyak": -run["eta"]}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: a fresh start
# keeps: momentum-step-test
# v is set to zero; the memory of the run is lost, and the next steps are too short.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    return run | {"form": form, "eta": eta, "v": 0 * run["v"]}


# %% wrong: only from ema
# keeps: momentum-step-test
# Every run is taken for one of the form "ema"; the form that it comes from counts as well.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * (1 - run["mu"]) / share[form]
    after = share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / (1 - run["mu"]) * after[form]}


# %% wrong: step in place
# keeps: momentum-translate-test
# The step changes the arrays of the run that was given; whoever holds that run still needs it, so make new arrays.
def momentum_step(run, g):
    v, theta = run["v"], run["theta"]
    v *= run["mu"]
    v += {"ema": 1 - run["mu"], "torch": 1, "polyak": -run["eta"]}[run["form"]] * g
    theta += v if run["form"] == "polyak" else -run["eta"] * v
    return run | {"theta": theta, "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: translated in place
# keeps: momentum-step-test
# The translation changes the v of the run that was given; whoever holds that run still needs it, so make a new array.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    v = run["v"]
    v *= after[form] / before[run["form"]]
    return run | {"form": form, "eta": eta, "v": v}


# %% wrong: Polyak's v subtracted
# keeps: momentum-translate-test
# In Polyak's form v is subtracted from θ; it has the minus already and is added.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (-v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: v in place
# keeps: momentum-translate-test
# The step changes the v of the run that was given; whoever holds that run still needs it, so make a new array.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = run["v"]
    v *= mu
    v += {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: v without 1 − μ
# keeps: momentum-step-test
# v is the same in "ema" and in PyTorch's form; in "ema" each gradient in it has a further factor 1 − μ.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = {"ema": 1, "torch": 1, "polyak": -run["eta"]}, {"ema": 1, "torch": 1, "polyak": -eta}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% wrong: v the wrong way round
# keeps: momentum-step-test
# v is multiplied where it should be divided by 1 − μ, and the other way round: in "ema" it is the smaller one.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -1 / run["eta"]}, share | {"polyak": -1 / eta}
    return run | {"form": form, "eta": eta, "v": run["v"] * before[run["form"]] / after[form]}


# %% wrong: Polyak's rate as in ema
# keeps: momentum-step-test
# Polyak's η is translated as that of "ema"; in his form the newest gradient enters with the whole η, as in PyTorch's.
def momentum_step(run, g):
    form, eta, mu = run["form"], run["eta"], run["mu"]
    v = mu * run["v"] + {"ema": 1 - mu, "torch": 1, "polyak": -eta}[form] * g
    return run | {"theta": run["theta"] + (v if form == "polyak" else -eta * v), "v": v}


def translate(run, form):
    share = {"ema": 1 - run["mu"], "torch": 1, "polyak": 1 - run["mu"]}
    eta = run["eta"] * share[run["form"]] / share[form]
    before, after = share | {"polyak": -run["eta"]}, share | {"polyak": -eta * (1 - run["mu"])}
    return run | {"form": form, "eta": eta, "v": run["v"] / before[run["form"]] * after[form]}


# %% right: branches
def momentum_step(run, g):
    eta, mu, theta, v = run["eta"], run["mu"], run["theta"], run["v"]
    if run["form"] == "ema":
        v = mu * v + (1 - mu) * g
        theta = theta - eta * v
    elif run["form"] == "torch":
        v = mu * v + g
        theta = theta - eta * v
    else:
        v = mu * v - eta * g
        theta = theta + v
    return {"form": run["form"], "eta": eta, "mu": mu, "theta": theta, "v": v}


def translate(run, form):
    eta, mu, v = run["eta"], run["mu"], run["v"]
    if run["form"] == "ema":
        eta, v = eta * (1 - mu), v / (1 - mu)
    elif run["form"] == "polyak":
        v = -v / eta
    if form == "ema":
        eta, v = eta / (1 - mu), v * (1 - mu)
    elif form == "polyak":
        v = -eta * v
    return {"form": form, "eta": eta, "mu": mu, "theta": run["theta"], "v": v}


# %% right: by way of Polyak
def momentum_step(run, g):
    there = translate(run, "polyak")
    v = there["mu"] * there["v"] - there["eta"] * g
    there = {**there, "v": v, "theta": there["theta"] + v}
    return translate(there, run["form"])


def translate(run, form):
    mu = run["mu"]
    new = dict(run)
    new["form"] = form
    if run["form"] == form:
        return new
    eta = run["eta"] * (1 - mu) if run["form"] == "ema" else run["eta"]
    push = run["v"] if run["form"] == "polyak" else -run["eta"] * run["v"]
    new["eta"] = eta / (1 - mu) if form == "ema" else eta
    new["v"] = push if form == "polyak" else -push / new["eta"]
    return new


# %% right: entries one by one
def momentum_step(run, g):
    weight = {"ema": 1 - run["mu"], "torch": 1.0, "polyak": -run["eta"]}[run["form"]]
    scale = 1.0 if run["form"] == "polyak" else -run["eta"]
    theta, v = np.array(run["theta"], float), np.array(run["v"], float)
    for at in np.ndindex(theta.shape):
        v[at] = run["mu"] * v[at] + weight * g[at]
        theta[at] += scale * v[at]
    return dict(run, theta=theta, v=v)


def translate(run, form):
    keep = 1 - run["mu"]
    to = {
        ("ema", "torch"): (keep, 1 / keep), ("torch", "ema"): (1 / keep, keep),
        ("ema", "polyak"): (keep, -run["eta"]), ("polyak", "ema"): (1 / keep, -keep / run["eta"]),
        ("torch", "polyak"): (1, -run["eta"]), ("polyak", "torch"): (1, -1 / run["eta"]),
    }  # fmt: skip
    rate, memory = to.get((run["form"], form), (1, 1))
    return dict(run, form=form, eta=run["eta"] * rate, v=run["v"] * memory)


# %% right: lists
def momentum_step(run, g):
    weight = {"ema": 1 - run["mu"], "torch": 1, "polyak": -run["eta"]}[run["form"]]
    v = np.multiply(run["mu"], run["v"]) + weight * g
    theta = run["theta"] + (1 if run["form"] == "polyak" else -run["eta"]) * v
    return {**run, "theta": theta.tolist(), "v": v.tolist()}


def translate(run, form):
    if form == run["form"]:
        return run
    eta = run["eta"] * (1 - run["mu"] if run["form"] == "ema" else 1) / (1 - run["mu"] if form == "ema" else 1)
    push = (1 if run["form"] == "polyak" else -run["eta"]) * run["v"]
    return {**run, "form": form, "eta": eta, "v": (push if form == "polyak" else -push / eta).tolist()}
