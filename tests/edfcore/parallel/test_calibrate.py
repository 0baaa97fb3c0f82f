"""Calibration: what it measures is what the simulator takes. How well it predicts is a benchmark (`edf calibrate`)."""

import json

import pytest

from edfcore.parallel import calibrate
from edfcore.parallel.calibrate import Calibration, as_text, measure, middle, predict
from edfcore.parallel.comm.local import run

MADE_UP = Calibration(2, 1e-5, 1e9, 2e9, {"dense": 1e9, "elementwise": 1e8, "loss": 1e8}, 0.0, 1e12, (0.25, 0.5))


def test_a_device_of_measured_rates_takes_the_measured_times():
    device = MADE_UP.device()
    assert device.seconds(1e9, 0, "dense") == pytest.approx(1.0)
    assert device.seconds(1e8, 0, "elementwise") == pytest.approx(1.0)
    assert device.seconds(1e8, 0, "pool") == pytest.approx(1.0)  # an unknown kind is as slow as the slowest known one


def test_a_prediction_is_arithmetic_messages_additions_and_the_wait_for_the_slowest():
    found = predict(MADE_UP, (1000, 1000), batch=20)
    S = 4 * (1000 * 1000 + 1000)
    dense = 10 * 2 * 1000 * 1000 * 2 / 1e9  # forward, and the parameters' gradient; the data have none
    messages = 2 * (1e-5 + S / 2 / 1e9) + S / 2 / 2e9  # a ring of two, and what is added in its first half
    assert found["communication"] == pytest.approx(messages, rel=1e-6)
    computing = (found["predicted"] - messages - 0.25) / 1.5  # lateness: 0.25 s, and half of the work again
    assert computing > dense and computing == pytest.approx(dense, rel=0.05)  # bias and loss are the rest
    assert found["waiting"] == pytest.approx(0.25 + 0.5 * computing, rel=1e-6)


def test_the_middle_of_calibrations_is_the_median_of_every_number():
    slow = Calibration(2, 3e-5, 3e9, 4e9, {"dense": 3e9, "elementwise": 3e8, "loss": 3e8}, 3.0, 3e12, (0.5, 0.75))
    odd = Calibration(2, 2e-5, 2e9, 3e9, {"dense": 2e9, "elementwise": 2e8, "loss": 2e8}, 1.0, 2e12, (0.3, 0.6))
    found = middle([MADE_UP, slow, odd])
    assert found.alpha == 2e-5 and found.flops["dense"] == 2e9 and found.lateness == (0.3, 0.6)


@pytest.mark.parametrize("N", [1, 2])
def test_every_rank_measures_and_gets_the_same_answer(N, monkeypatch):
    monkeypatch.setattr(calibrate, "LENGTHS", (1e-4, 2e-4))
    monkeypatch.setattr(calibrate, "SHAPE", (4, 8, 8))
    found = run(measure, N, 0.05, 2, [((20, 8, 3), 6)])
    assert all(one == found[0] for one in found)
    (told,), (check,) = found[0]["calibrations"], found[0]["checks"]
    assert told["rows"] == check["rows"] == 6 // N
    assert min(told["flops"].values()) > 0 and told["launch"] > 0 and told["bandwidth"] > 0
    assert check["measured"] > 0 and check["ratio"] == pytest.approx(check["predicted"] / check["measured"])
    assert json.loads(json.dumps(found[0])) and "measured" in as_text(found[:1])
