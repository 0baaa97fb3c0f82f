# %% wrong: nothing returned
# The step is computed and not returned: a return statement is missing.
def damped_step(H, g, least):
    return None


# %% wrong: the step without its minus
# The step leads uphill: it solves (H + tau I) step = -g, with a minus.
def damped_step(H, g, least):
    tau = max(0.0, least - np.linalg.eigvalsh(H)[0])
    return np.linalg.solve(H + tau * np.eye(len(g)), g), tau


# %% wrong: the other order
# The two values come in the other order: first the step, then tau.
def damped_step(H, g, least):
    tau = max(0.0, least - np.linalg.eigvalsh(H)[0])
    return tau, np.linalg.solve(H + tau * np.eye(len(g)), -g)


# %% wrong: least added always
# `least` is added to the diagonal also where all eigenvalues are large enough already.
def damped_step(H, g, least):
    tau = max(0.0, -np.linalg.eigvalsh(H)[0]) + least
    return np.linalg.solve(H + tau * np.eye(len(g)), -g), tau


# %% wrong: added to every entry
# keeps: damped-test
# tau is added to all entries of H; only the diagonal gets it.
def damped_step(H, g, least):
    tau = max(0.0, least - np.linalg.eigvalsh(H)[0])
    return np.linalg.lstsq(H + tau, -g, rcond=None)[0], tau


# %% wrong: tau below zero
# keeps: damped-repair-test
# tau comes out negative where the eigenvalues are large enough; then H is to stay as it is.
def damped_step(H, g, least):
    tau = least - np.linalg.eigvalsh(H)[0]
    return np.linalg.solve(H + tau * np.eye(len(g)), -g), tau


# %% wrong: only what is negative
# keeps: damped-test
# H is damped only where an eigenvalue is below 0; one between 0 and `least` is too small as well.
def damped_step(H, g, least):
    smallest = np.linalg.eigvalsh(H)[0]
    tau = least - smallest if smallest < 0 else 0.0
    return np.linalg.lstsq(H + tau * np.eye(len(g)), -g, rcond=None)[0], tau


# %% wrong: the plain step
# keeps: damped-test
# tau is 0 although an eigenvalue is below 0: with H as it is, the step climbs along that eigenvector.
def damped_step(H, g, least):
    return np.linalg.lstsq(H, -g, rcond=None)[0], 0.0


# %% wrong: absolute eigenvalues
# keeps: damped-test
# Negative eigenvalues are replaced by their absolute values; damping adds the same tau to all of them.
def damped_step(H, g, least):
    eigenvalues, V = np.linalg.eigh(H)
    tau = max(0.0, least - eigenvalues[0])
    return -V @ ((V.T @ g) / np.maximum(np.abs(eigenvalues), least)), tau


# %% wrong: only small eigenvalues raised
# keeps: damped-test
# Only the eigenvalues below `least` are raised; tau I raises all of them by the same amount.
def damped_step(H, g, least):
    eigenvalues, V = np.linalg.eigh(H)
    tau = max(0.0, least - eigenvalues[0])
    return -V @ ((V.T @ g) / np.maximum(eigenvalues, least)), tau


# %% wrong: the diagonal for the eigenvalues
# keeps: damped-test
# The smallest entry of the diagonal is used; the smallest eigenvalue is usually lower than that.
def damped_step(H, g, least):
    tau = max(0.0, least - np.diag(H).min())
    return np.linalg.lstsq(H + tau * np.eye(len(g)), -g, rcond=None)[0], tau


# %% wrong: least itself as tau
# keeps: damped-test
# tau is `least` itself; it has to lift the smallest eigenvalue up to `least`, from wherever that is.
def damped_step(H, g, least):
    tau = least if np.linalg.eigvalsh(H)[0] < least else 0.0
    return np.linalg.lstsq(H + tau * np.eye(len(g)), -g, rcond=None)[0], tau


# %% wrong: doubled until positive definite
# keeps: damped-test
# tau is doubled until the matrix passes, as in the lecture; here the smallest tau is asked for, which has a formula.
def damped_step(H, g, least):
    tau, smallest = 0.0, np.linalg.eigvalsh(H)[0]
    for _ in range(60):
        if smallest + tau >= least:
            break
        tau = max(2 * tau, 1e-3)
    return np.linalg.solve(H + tau * np.eye(len(g)), -g), tau


# %% wrong: steepest descent instead
# keeps: damped-test
# Where H is not good enough the step is -g; the damped Hessian still knows the curvature along the other directions.
def damped_step(H, g, least):
    tau = max(0.0, least - np.linalg.eigvalsh(H)[0])
    return (-g if tau else np.linalg.solve(H, -g)), tau


# %% wrong: tau taken away
# keeps: damped-test
# tau is subtracted from the diagonal, which lowers the eigenvalues; it has to be added.
def damped_step(H, g, least):
    tau = max(0.0, least - np.linalg.eigvalsh(H)[0])
    return np.linalg.solve(H - tau * np.eye(len(g)), -g), tau


# %% wrong: tau not used
# keeps: damped-test
# tau is right and the step does not use it: H + tau I takes the place of H.
def damped_step(H, g, least):
    tau = max(0.0, least - np.linalg.eigvalsh(H)[0])
    return np.linalg.lstsq(H, -g, rcond=None)[0], tau


# %% wrong: least forgotten
# keeps: damped-test
# tau lifts the smallest eigenvalue to 0, where the matrix is singular; it has to come up to `least`.
def damped_step(H, g, least):
    tau = max(0.0, -np.linalg.eigvalsh(H)[0])
    return np.linalg.lstsq(H + tau * np.eye(len(g)), -g, rcond=None)[0], tau


# %% right: eigenvectors
def damped_step(H, g, least):
    eigenvalues, V = np.linalg.eigh(H)
    tau = max(least - eigenvalues.min(), 0.0)
    return -V @ (V.T @ g / (eigenvalues + tau)), tau


# %% right: the interval halved
def damped_step(H, g, least):
    def passes(tau):
        return np.linalg.eigvals(H).real.min() + tau >= least

    high = 0.0 if passes(0.0) else 2 * (least + np.abs(H).sum())
    low = 0.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    lifted = H.astype(float).copy()
    for k in range(len(g)):
        lifted[k, k] += high
    return -np.linalg.solve(lifted, g), high


# %% right: a list and the inverse
def damped_step(H, g, least):
    smallest = min(np.linalg.eigvalsh(H))
    tau = 0.0 if smallest >= least else float(least - smallest)
    return [(-np.linalg.inv(H + np.diag(np.full(len(g), tau))) @ g).tolist(), tau]
