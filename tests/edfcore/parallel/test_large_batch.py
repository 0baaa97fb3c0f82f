"""Large batches: the recipe step by step, the noise scale where the noise is known, and the linear rule's two sides."""

from math import sqrt
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.errors import DataError
from edfcore.models import residual_mlp
from edfcore.parallel.large_batch import (
    NoiseScale,
    goyal,
    linear_scaling,
    noise_scale,
    noise_scale_of_shards,
    progress,
    small_and_large_steps,
    square_root_scaling,
)

quick = settings(max_examples=40, deadline=None)
IMAGES = 1_281_167  # of ImageNet's training set


# Rates


@quick
@given(st.floats(1e-6, 10), st.integers(1, 10**5), st.integers(1, 4096))
def test_square_root_scaling_keeps_the_covariance_of_a_step(lr, B, base):
    scaled = square_root_scaling(lr, B, base)
    assert scaled**2 / B == pytest.approx(lr**2 / base, rel=1e-12)  # lr^2 Sigma / B
    assert scaled**2 == pytest.approx(lr * linear_scaling(lr, B, base), rel=1e-12)


def test_square_root_scaling_refuses_what_cannot_be():
    for arguments, sentence in [((-1, 8), "lr is -1"), ((0.1, 0), "B is 0"), ((0.1, 8, 2.5), "base is 2.5")]:
        with pytest.raises(DataError, match=f"square_root_scaling: {sentence}"):
            square_root_scaling(*arguments)


def by_the_paper(t, kn, steps_per_epoch):
    """Section 5.1 in words: 0.1 kn/256; the first 5 epochs rise evenly from 0.1; a tenth at epochs 30, 60, 80."""
    top, epoch = 0.1 * kn / 256, t // steps_per_epoch
    if epoch < 5:
        return 0.1 + (top - 0.1) * t / (5 * steps_per_epoch)
    return top * 0.1 ** sum(epoch >= milestone for milestone in (30, 60, 80))


@pytest.mark.parametrize("N", [8, 32, 256])
def test_the_recipe_of_goyal_in_every_step_of_90_epochs(N):
    steps_per_epoch = IMAGES // (32 * N)
    t = np.arange(90 * steps_per_epoch)
    found = goyal(N, 32, steps_per_epoch)(t)
    expected = [by_the_paper(int(k), 32 * N, steps_per_epoch) for k in t]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_warmup_climbs_by_equal_steps():
    rates = goyal(N=64, per_device=32, steps_per_epoch=10)(np.arange(51))
    np.testing.assert_allclose(np.diff(rates), (0.8 - 0.1) / 50, rtol=1e-12)


def test_a_small_batch_needs_no_warmup_and_a_start_can_be_chosen():
    small = goyal(N=1, per_device=32, steps_per_epoch=10)
    np.testing.assert_allclose(small(np.arange(300)), 0.0125, rtol=1e-14)  # rounding of the ramp from 0.0125 to itself
    assert goyal(N=64, per_device=32, steps_per_epoch=10, start=0.0)([0, 25, 50]).tolist() == [0.0, 0.4, 0.8]
    cold = goyal(N=64, per_device=32, steps_per_epoch=10, warmup_epochs=0)
    assert cold(0) == 0.8 and cold(299) == 0.8 and cold(300) == pytest.approx(0.08)


def test_a_milestone_at_the_end_of_the_warmup_counts_from_there():
    schedule = goyal(N=8, per_device=32, steps_per_epoch=4, warmup_epochs=2, milestones=(2, 3))
    np.testing.assert_allclose(schedule([8, 11, 12, 20]), [0.01, 0.01, 0.001, 0.001], rtol=1e-12)


def test_the_recipe_refuses_what_cannot_be():
    for arguments, sentence in [
        ((0, 32, 10), "N is 0"),
        ((8, 1.5, 10), "per_device is 1.5"),
        ((8, 32, 0), "steps_per_epoch is 0"),
    ]:
        with pytest.raises(DataError, match=sentence):
            goyal(*arguments)
    with pytest.raises(DataError, match="a milestone is 3; a whole number of at least 5"):
        goyal(8, 32, 10, milestones=(3, 60))
    with pytest.raises(DataError, match="put the steps in ascending order"):
        goyal(8, 32, 10, milestones=(60, 30))


# The noise scale


@quick
@given(st.floats(0.01, 100), st.floats(0, 1e4), st.integers(1, 100), st.integers(1, 1000))
def test_the_estimates_invert_the_expected_squared_norms(G2, trace, B_small, more):
    small, big = G2 + trace / B_small, G2 + trace / (B_small + more)
    found = noise_scale(small, big, B_small, B_small + more)
    scale = (G2 + trace) * (B_small + more)
    assert found.squared_norm == pytest.approx(G2, abs=1e-12 * scale)
    assert found.trace == pytest.approx(trace, abs=1e-12 * scale * B_small)


H, w = np.diag([1.0, 2.0, 0.5]), np.array([1.0, -0.5, 2.0])
MIX = np.array([[1.0, 0.0, 0.5], [0.0, 2.0, 0.0], [0.3, 0.0, 1.0]])  # noise = MIX z: Sigma = MIX MIX^T
G, SIGMA = H @ w, MIX @ MIX.T


def gradients(rng, repeats, N, B):
    """Mean gradients of l = 1/2 w^T H w + (noise . w) over N shards of B instances, many times: (repeats, N, 3)."""
    noise = rng.standard_normal((repeats, N, B, 3)) @ MIX.T
    return G + noise.mean(axis=2)


def test_both_estimates_are_unbiased_within_five_standard_errors():
    repeats, N, B = 4000, 4, 3
    found = [noise_scale_of_shards(g, B) for g in gradients(np.random.default_rng(11), repeats, N, B)]
    for name, truth in (("squared_norm", G @ G), ("trace", np.trace(SIGMA))):
        values = np.array([getattr(f, name) for f in found])
        error = values.std(ddof=1) / sqrt(repeats)
        assert abs(values.mean() - truth) <= 5 * error
        assert 5 * error < 0.1 * truth  # or the statement would say little


def test_the_squared_norm_of_a_batch_itself_is_biased_by_the_noise():
    # what the estimator is for: |g|^2 is too large by tr(Sigma)/B, many standard errors
    repeats, B = 4000, 3
    plain = (gradients(np.random.default_rng(11), repeats, 1, B)[:, 0] ** 2).sum(axis=1)
    error = plain.std(ddof=1) / sqrt(repeats)
    assert plain.mean() - G @ G > 5 * error
    assert abs(plain.mean() - G @ G - np.trace(SIGMA) / B) <= 5 * error


def test_measurements_are_averaged_before_the_ratio_is_taken():
    repeats, N, B = 3000, 4, 2
    g = gradients(np.random.default_rng(12), repeats, N, B)
    small, big = (g**2).sum(axis=2), (g.mean(axis=1) ** 2).sum(axis=1)
    found = noise_scale(small, big, B, N * B)
    single = [noise_scale_of_shards(one, B) for one in g]
    assert found.trace == pytest.approx(np.mean([s.trace for s in single]), rel=1e-9)
    truth = np.trace(SIGMA) / (G @ G)
    # the ratio's deviation, to first order, from that of its two parts
    parts = np.array([[s.trace, s.squared_norm] for s in single])
    residual = (parts[:, 0] - truth * parts[:, 1]) / (G @ G)
    assert abs(found.batch - truth) <= 5 * residual.std(ddof=1) / sqrt(repeats)


def test_gradients_of_a_graph_give_the_noise_of_its_data():
    # scores x w against y: one instance's gradient is x (x w - y); mean and covariance over the data are exact
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    with edf.Graph() as graph:
        inputs, targets, W = edf.Input("x"), edf.Input("y"), edf.Param(rng.normal(size=(3, 1)))
        loss = edf.SquaredLoss(inputs @ W, targets)

    def gradient(chosen):
        inputs.set(x[chosen])
        targets.set(y[chosen])
        graph.Forward()
        graph.Backward(loss)
        return W.grad.ravel()

    each = np.array([gradient([n]) for n in range(50)])
    trace, G2 = each.var(axis=0).sum(), (each.mean(axis=0) ** 2).sum()
    found = [noise_scale_of_shards([gradient(rng.integers(0, 50, size=4)) for _ in range(4)], 4) for _ in range(400)]
    for truth, values in ((trace, [f.trace for f in found]), (G2, [f.squared_norm for f in found])):
        assert abs(np.mean(values) - truth) <= 5 * np.std(values, ddof=1) / 20


def test_without_noise_the_critical_batch_is_0_and_without_a_gradient_there_is_none():
    assert noise_scale_of_shards(np.ones((4, 3)), 8).batch == 0
    with pytest.raises(DataError, match="estimated as -1, lost in the noise"):
        _ = NoiseScale(-1.0, 2.0).batch


def test_the_noise_scale_refuses_what_cannot_be():
    for arguments, sentence in [
        ((1.0, 1.0, 4, 4), "B_big is 4; a whole number of at least 5"),
        ((1.0, 1.0, 0, 4), "B_small is 0"),
        ((-1.0, 1.0, 1, 4), "small is -1.0"),
        ((1.0, [], 1, 4), "big is"),
        ((float("nan"), 1.0, 1, 4), "small is nan"),
    ]:
        with pytest.raises(DataError, match=sentence):
            noise_scale(*arguments)
    with pytest.raises(DataError, match=r"shape \(1, 3\); \(N, ...\) with N >= 2"):
        noise_scale_of_shards(np.ones((1, 3)), 4)


@pytest.mark.parametrize("B", [1, 3, 10, 100])
def test_progress_is_that_of_the_best_step_where_the_hessian_is_the_identity(B):
    # E L(w - lr g) = |G|^2/2 - lr |G|^2 + lr^2/2 (|G|^2 + tr(Sigma)/B) for L = |w|^2/2, searched over lr
    G2, trace = 2.0, 20.0
    lr = np.linspace(0, 1, 100_001)
    saved = lr * G2 - lr**2 / 2 * (G2 + trace / B)
    assert progress(B, trace / G2) == pytest.approx(saved.max() / (G2 / 2), rel=1e-8)
    assert progress(B, trace / G2) == pytest.approx(lr[saved.argmax()], abs=1e-5)


def test_steps_and_instances_follow_the_hyperbola_of_mccandlish():
    noise, B = 40.0, np.array([1.0, 10.0, 40.0, 1000.0])
    steps = 1 / progress(B, noise)  # over the fewest
    instances = steps * B / noise  # over the fewest, which take steps noise/B each of B
    np.testing.assert_allclose((steps - 1) * (instances - 1), 1.0, rtol=1e-12)
    with pytest.raises(DataError, match="B above 0"):
        progress(0, 1.0)


# k small steps against a large one


def line(curvature):
    """l[b] = 1/2 (sqrt(lambda) w - y[b])^2, with w = 1 at first."""
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W = edf.Param([[1.0]], "W")
        loss = edf.SquaredLoss(sqrt(curvature) * (x @ W), y)
    return SimpleNamespace(graph=graph, x=x, y=y, loss=loss)


@pytest.mark.parametrize("k", [1, 2, 8])
def test_on_a_quadratic_both_sides_have_closed_forms(k):
    lr, curvature = 0.03, 4.0
    batches = [(np.ones((3, 1)), np.zeros((3, 1)))] * k
    found = small_and_large_steps(lambda: line(curvature), batches, lr)
    small, large = (1 - lr * curvature) ** k, 1 - k * lr * curvature
    assert found.small[0].item() == pytest.approx(small, rel=1e-13)
    assert found.large[0].item() == pytest.approx(large, rel=1e-13)
    assert found.gap == pytest.approx(abs(large - small) / (1 - small), abs=1e-12)


def net():
    return residual_mlp(np.random.default_rng(0), depth=3, width=6, fan_in=5, classes=3, dtype="float64")


def batches(k, n=16, seed=1):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, 5)), rng.integers(0, 3, size=n)) for _ in range(k)]


def test_a_single_small_step_is_the_large_step():
    found = small_and_large_steps(net, batches(1), 0.1)
    assert found.gap == 0


def test_the_gap_falls_in_proportion_to_the_rate():
    gaps = [small_and_large_steps(net, batches(8), lr).gap for lr in (1e-4, 5e-5, 2.5e-5)]
    ratios = [gaps[0] / gaps[1], gaps[1] / gaps[2]]
    # The gap is c lr (1 + d lr + ...), so that the ratio's distance to 2 is halved too
    assert (ratios[1] - 2) / (ratios[0] - 2) == pytest.approx(0.5, rel=0.05)
    assert small_and_large_steps(net, batches(8), 1.0).gap > 10 * gaps[0]


def test_the_large_step_without_scaling_falls_short_k_times():
    # the rule's point: with lr alone, not k lr, the large step covers about 1/k of the way
    k, lr = 8, 1e-5
    scaled = small_and_large_steps(net, batches(k), lr)
    start = [p.value for p in net().graph.params]
    whole = [tuple(np.concatenate(a) for a in zip(*batches(k), strict=True))]
    unscaled = small_and_large_steps(net, whole, lr).large

    def moved(params):
        return sqrt(sum(((a - b) ** 2).sum() for a, b in zip(params, start, strict=True)))

    assert scaled.gap < 1e-3
    assert moved(scaled.small) / moved(unscaled) == pytest.approx(k, rel=1e-3)


def test_two_sides_need_equal_batches_and_a_rate():
    uneven = [batches(1)[0], batches(1, n=4)[0]]
    for given_batches, lr in ((uneven, 0.1), ([], 0.1), (batches(2), 0), (batches(2), float("nan"))):
        with pytest.raises(DataError, match="small_and_large_steps: the batches have lengths"):
            small_and_large_steps(net, given_batches, lr)
