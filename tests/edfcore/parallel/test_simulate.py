"""Simulated steps: closed forms where there are some, both levels of detail alike, memory, reports, traces."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edfcore.errors import DataError
from edfcore.parallel import cluster as clusters
from edfcore.parallel import collectives
from edfcore.parallel.clock import Program
from edfcore.parallel.commands import simulated
from edfcore.parallel.devices import Link, device
from edfcore.parallel.errors import OutOfMemory
from edfcore.parallel.report import comparison
from edfcore.parallel.simulate import simulate
from edfcore.parallel.stages import balanced
from edfcore.parallel.steps import buckets_of
from edfcore.parallel.sweep import relinked, resized, scaling, sweep
from edfcore.parallel.trace import events
from edfcore.parallel.workloads import Layer, Workload, workload

ALPHA, BETA = 1e-5, 5e9


def plain(name="plain", **changes):
    """A device on which only arithmetic takes time: 1 GFLOP/s, no launches, memory beyond measure."""
    found = replace(
        device("GTX Titan"), name=name, fp32=1e9, bandwidth=1e30, launch=0.0, memory=1 << 50, efficiency={"": 1.0},
        **({"fp32_base": None} | changes),
    )  # fmt: skip
    return found


def network(layers=4, params=1000, flops=1e6, output=100):
    """Equal dense layers; backward costs twice forward."""
    one = [Layer(f"dense{k}", "dense", params, flops, 2 * flops, output, output + 100) for k in range(layers)]
    return Workload("equal layers", tuple(one), input=100)


def cluster(shape, N, alpha=ALPHA, beta=BETA, **changes):
    return getattr(clusters, shape)([plain(**changes)] * N, Link("wire", beta, alpha))


def test_one_device_takes_the_rooflines_of_its_layers_one_after_another():
    titan, work, B = device("GTX Titan"), workload("alexnet"), 64
    expected = 0.0
    for layer in work.layers:
        efficiency = titan.efficiency.get(layer.kind, titan.efficiency[""])
        for flops, passes in ((layer.forward, 1), (layer.backward, 2)):
            arithmetic = B * flops / (titan.fp32 * efficiency)
            traffic = passes * 4 * (B * layer.moved + layer.params) / titan.bandwidth
            expected += passes * titan.launch + max(arithmetic, traffic)
    expected += titan.launch + 5 * 4 * work.params / titan.bandwidth  # the update reads w, g, v and writes w, v
    report = simulate(clusters.alone(titan), work, "data", B)
    assert report.seconds == pytest.approx(expected, rel=1e-12)
    assert report.speedup == pytest.approx(1.0) and report.exposed.max() == 0


@pytest.mark.parametrize("N", [2, 3, 4, 8])
def test_data_parallelism_without_overlap_takes_its_share_of_the_arithmetic_and_one_all_reduce(N):
    work, B = network(params=1200), 24 * N  # 4,800 entries: equal parts for every N
    report = simulate(cluster("switch", N), work, "data", B, overlap=False, bucket=1e18)
    computing = B / N * (work.forward + work.backward) / 1e9
    expected = computing + collectives.seconds("ring", N, work.param_bytes, ALPHA, BETA)
    assert report.seconds == pytest.approx(expected, rel=1e-9)
    assert report.sent == pytest.approx([2 * (N - 1) / N * work.param_bytes] * N, rel=1e-12)


@pytest.mark.parametrize("N", [2, 4])
def test_yadans_model_is_what_the_clock_says_of_a_shared_bus(N):
    """T = C / N + 2 S (N - 1) / beta, and nothing hidden: `published` fits this to the table."""
    work = network(params=10**6)
    report = simulate(
        cluster("shared_bus", N, alpha=0.0), work, "data", 32, overlap=False, algorithm="parameter server"
    )
    C, S = 32 * (work.forward + work.backward) / 1e9, work.param_bytes
    assert report.seconds == pytest.approx(C / N + 2 * S * (N - 1) / BETA, rel=1e-9)


def test_overlap_hides_communication_but_not_more_than_there_is_to_hide_it_behind():
    work = network(layers=8, params=10**6)
    bare = simulate(cluster("ring", 4), work, batch=64, overlap=False, bucket=0)
    hidden = simulate(cluster("ring", 4), work, batch=64, overlap=True, bucket=0)
    computing = 16 * (work.forward + work.backward) / 1e9
    assert computing < hidden.seconds < bare.seconds
    assert hidden.seconds >= max(computing, hidden.communication)
    last = collectives.seconds("ring", 4, 4 * 10**6, ALPHA, BETA)  # the first layer's gradients can hide behind nothing
    assert hidden.seconds == pytest.approx(computing + last, rel=1e-9)


CLUSTERS = {
    "switch": "8 x V100, NVLink 2 switch",
    "ring": "4 x V100, NVLink 2 ring",
    "machines": "4 x Xeon E5, Ethernet 10",
    "one": "1 x V100",
}


@pytest.mark.parametrize("straggler", [None, "lognormal:0.3", "slow:0:2"])
@pytest.mark.parametrize("text", CLUSTERS.values(), ids=CLUSTERS)
@pytest.mark.parametrize("overlap", [True, False])
def test_closed_forms_and_messages_agree_on_rings(text, straggler, overlap):
    both = [
        simulate(text, "resnet50", batch=67, steps=3, straggler=straggler, overlap=overlap, detail=detail)
        for detail in ("messages", "closed")
    ]
    first, second = both
    assert second.step_seconds == pytest.approx(first.step_seconds, rel=1e-9)
    assert second.compute == pytest.approx(first.compute, abs=1e-6)
    assert second.exposed + second.idle == pytest.approx(first.exposed + first.idle, abs=1e-6)
    assert second.sent == pytest.approx(first.sent, rel=1e-4)  # parts of a few entries more or less


def test_closed_forms_and_messages_agree_on_machines_of_several_devices():
    text = "3 x 4 x V100, NVLink 2 switch, InfiniBand EDR"
    first, second = (
        simulate(
            text, "resnet50", batch=240, algorithm="hierarchical", straggler="lognormal:0.3", steps=2, detail=detail
        )
        for detail in ("messages", "closed")
    )
    assert second.step_seconds == pytest.approx(first.step_seconds, rel=1e-3)
    assert (first.detail, second.detail) == ("messages", "approximate")  # stragglers shift the rings that share a card


def test_a_thousand_devices_and_steps_are_simulated():
    text = "128 x 8 x H100, NVLink 4 switch, InfiniBand NDR"
    report = simulate(text, "resnet50", batch=32 * 1024, steps=1000, algorithm="hierarchical", straggler="exponential")
    assert report.setup.N == 1024 and report.steps == 1000 and report.timeline is None
    shares = report.compute + report.exposed + report.idle
    assert shares == pytest.approx(np.ones(1024))
    harmonic = sum(1 / k for k in range(1, 1025))  # the slowest of N exponentials: H_N times the mean
    alone = simulate("1 x H100", "resnet50", batch=32).seconds
    assert report.seconds > alone * harmonic * 0.9


def test_waiting_for_the_slowest_of_N_exponentials_takes_H_N_times_as_long():
    work, N, steps = network(params=1), 8, 4000
    report = simulate(cluster("switch", N, alpha=0.0, beta=1e30), work, batch=N, steps=steps, straggler="exponential")
    base = (work.forward + work.backward) / 1e9
    mean, error = report.step_seconds.mean() / base, report.step_seconds.std() / base / steps**0.5
    assert abs(mean - sum(1 / k for k in range(1, N + 1))) < 5 * error


# Model parallelism


def test_model_parallelism_gathers_every_input_and_scatters_its_gradient():
    N, B, work = 4, 8, network(layers=5)
    report = simulate(cluster("switch", N), work, "model", B)
    moved = (
        (N - 1) / N * B * 100 * 4
    )  # bytes that a device sends in one all-gather or reduce-scatter of a layer's input
    assert report.sent == pytest.approx([2 * 4 * moved] * N, rel=1e-12)  # four of five layers, both ways
    computing = B * (work.forward + work.backward) / N / 1e9
    rounds = 2 * 4 * (N - 1) * (ALPHA + B * 100 * 4 / N / BETA)
    assert report.seconds == pytest.approx(computing + rounds, rel=1e-9)


def test_two_columns_cross_only_where_alexnets_groups_end():
    report = simulate("2 x GTX Titan, PCIe 3 switch", "alexnet", "model", 16)
    gathered = [s.name.split()[1] for s in report.timeline.spans if s.name.startswith("gather") and s.device == 0]
    assert gathered == ["conv3", "fc6", "fc7", "fc8", "loss"]


def test_a_hybrid_of_one_replica_is_model_parallel_and_of_one_device_each_data_parallel():
    work, B = network(), 16
    for mesh, strategy in (((1, 4), "model"), ((4, 1), "data")):
        hybrid = simulate(cluster("ring", 4), work, "hybrid", B, mesh=mesh)
        assert hybrid.timeline.spans == simulate(cluster("ring", 4), work, strategy, B).timeline.spans


def test_a_hybrid_sends_half_the_gradients_between_replicas_of_two():
    work = network(layers=1)
    report = simulate(cluster("switch", 4), work, "hybrid", 16, mesh=(2, 2))
    assert report.sent == pytest.approx([2 * 1 / 2 * work.param_bytes / 2] * 4)


def test_synchronized_batch_norm_sends_two_numbers_for_each_feature_both_ways():
    without = simulate("4 x V100, NVLink 2 switch", "resnet50", batch=64)
    with_ = simulate("4 x V100, NVLink 2 switch", "resnet50", batch=64, sync_norm=True)
    norms = sum(layer.params for layer in workload("resnet50").layers if layer.kind == "norm")
    extra = with_.sent.sum() - without.sent.sum()
    assert extra == 2 * 2 * 3 * 4 * norms  # two passes, up and down the tree, three messages each
    assert with_.seconds > without.seconds


# Pipelines


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize("P", [2, 3, 4, 8])
@pytest.mark.parametrize("M", [1, 2, 5, 16])
def test_the_bubble_of_a_pipeline_is_P_minus_1_of_M_plus_P_minus_1(P, M, schedule):
    work = network(layers=P, output=0)
    report = simulate(cluster("switch", P, alpha=0.0), work, "pipeline", 16 * M, micro_batches=M, schedule=schedule)
    assert 1 - report.compute.max() == pytest.approx((P - 1) / (M + P - 1), abs=1e-9)


def test_one_forward_one_backward_keeps_fewer_activations_alive_than_all_forward_first():
    work = network(layers=4)
    kept = {
        schedule: simulate(cluster("switch", 4), work, "pipeline", 64, micro_batches=16, schedule=schedule).memory
        for schedule in ("gpipe", "1f1b")
    }
    for k in range(4):
        alive = [kept[s][k]["activations"] for s in ("gpipe", "1f1b")]
        assert alive[0] == 64 * 2 * 100 * 4 and alive[1] == 4 * (4 - k) * 2 * 100 * 4


@pytest.mark.parametrize("seed", range(5))
def test_layers_are_cut_as_evenly_as_any_cut_can(seed):
    from itertools import combinations

    costs = np.random.default_rng(seed).integers(1, 20, size=9).tolist()
    for N in (1, 2, 3, 4):
        bounds = balanced(costs, N)
        assert [k for a, b in bounds for k in range(a, b)] == list(range(9))
        best = min(
            max(sum(costs[a:b]) for a, b in zip((0, *at), (*at, 9), strict=True))
            for at in combinations(range(1, 9), N - 1)
        )
        assert max(sum(costs[a:b]) for a, b in bounds) == best


# Memory


def test_memory_is_parameters_gradients_state_activations_and_a_bucket():
    work, P = network(layers=4, params=10**6), 4 * 4 * 10**6
    for optimizer, arrays in (("sgd", 0), ("momentum", 1), ("adam", 2)):
        memory = simulate(cluster("switch", 4), work, batch=10, optimizer=optimizer, bucket=2e6).memory
        assert [m["activations"] for m in memory] == [4 * B * 500 for B in (2, 3, 2, 3)]
        assert all(m["parameters"] == m["gradients"] == P and m["optimizer"] == arrays * P for m in memory)
        assert {m["buffers"] for m in memory} == {
            4 * 10**6
        }  # a layer's gradients are one piece, however small a bucket


def test_a_gtx_670_refuses_what_a_titan_takes_and_says_what_takes_the_memory():
    assert simulate("1 x GTX Titan", "alexnet", batch=256).fits
    with pytest.raises(OutOfMemory) as error:
        simulate("1 x GTX 670", "alexnet", batch=256)
    for said in ("GTX 670", "parameters 244 MB", "activations", "smaller batch"):
        assert said in str(error.value)
    assert not simulate("1 x GTX 670", "alexnet", batch=256, check_memory=False).fits
    assert simulate("2 x GTX 670, PCIe shared", "alexnet", "model", batch=128).fits


def test_buckets_hold_every_layer_once_in_backward_order():
    layers = workload("resnet50").layers
    for size in (0, 1e6, 25e6, 1e12):
        flat = [k for bucket in buckets_of(layers, 1, 4, size) for k in bucket]
        assert flat == [k for k in reversed(range(len(layers))) if layers[k].params]


# Reports


def report():
    return simulate("4 x GTX Titan, PCIe 3 shared", "alexnet", "hybrid", 256, steps=2, straggler="lognormal:0.1")


def test_a_report_is_text_a_table_and_json():
    found = report()
    assert "efficiency" in str(found) and "GTX Titan" in str(found)
    assert found._repr_html_().startswith("<table>")
    told = json.loads(json.dumps(found.as_dict()))
    assert told["devices"] == 4 and told["mesh"] == [2, 2] and told["fits"] is True
    assert told["images_per_second"] == pytest.approx(256 / told["seconds_per_step"])
    assert found.hours(instances=256, epochs=3600) == pytest.approx(found.seconds)
    assert found.dollars()["devices"] == 4 * 999


def test_shares_of_every_device_sum_to_the_whole_time():
    found = report()
    assert found.compute + found.exposed + found.idle == pytest.approx(np.ones(4))


def test_a_trace_is_json_that_holds_every_task_once(tmp_path):
    found, path = report(), tmp_path / "out.json"
    found.save_trace(path)
    trace = json.loads(path.read_text())["traceEvents"]
    spans = found.timeline.spans
    whole = [e for e in trace if e["ph"] == "X"]
    assert len(whole) == len(spans) and all(e["dur"] >= 0 for e in whole)
    assert max(e["ts"] + e["dur"] for e in whole) == pytest.approx(found.timeline.end * 1e6)
    sent = [s for s in spans if s.target is not None]
    assert sum(e["args"]["bytes"] for e in whole if "args" in e) == sum(s.nbytes for s in sent)
    for kind in "sf":
        assert sorted(e["id"] for e in trace if e["ph"] == kind) == [
            k for k, s in enumerate(spans) if s.target is not None
        ]
    named = {(e["pid"], e["tid"]) for e in trace if e["ph"] == "M" and e["name"] == "thread_name"}
    assert {(e["pid"], e["tid"]) for e in whole} <= named
    assert events(found.timeline) == trace


def test_a_trace_needs_a_timeline_and_a_place_to_write(tmp_path):
    with pytest.raises(DataError, match="no timeline"):
        simulate("4 x V100, NVLink ring", "alexnet", detail="closed").save_trace(tmp_path / "x.json")
    with pytest.raises(DataError, match="cannot be written"):
        report().save_trace(tmp_path / "missing" / "x.json")


def test_the_timeline_as_a_table_has_a_row_for_each_task():
    timeline = report().timeline
    rows = timeline.rows()
    assert {len(column) for column in rows.values()} == {len(timeline.spans)}


# Sweeps


def test_a_sweep_over_devices_keeps_the_rest():
    found = sweep("devices", [1, 2, 4], "8 x V100, NVLink 2 ring", "alexnet", batch=64)
    assert [r.setup.N for r in found] == [1, 2, 4]
    assert found[2].seconds == simulate("4 x V100, NVLink 2 ring", "alexnet", batch=64).seconds
    assert "speed-up" in comparison(found)


def test_a_sweep_says_what_does_not_fit_and_goes_on():
    small, large = sweep("batch", [16, 4096], "1 x GTX 670", "alexnet")
    assert small.fits and not large.fits and "too much" in comparison([small, large])


def test_scaling_meets_both_laws_where_there_is_no_communication():
    found = scaling(cluster_text := "8 x V100, NVLink 2 switch", "alexnet", (1, 2, 4, 8), batch=512)
    assert found["devices"] == [1, 2, 4, 8] and found["amdahl"][0] == 1.0
    assert found["amdahl"][1] == pytest.approx(found["strong"][1])
    assert all(a <= n for a, n in zip(found["amdahl"], found["devices"], strict=True))
    assert resized(cluster_text, 2).N == 2


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", "dta"), "strategy is 'dta'"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", batch=0), "batch is 0"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", steps=True), "steps is True"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", "hybrid", mesh=(3, 2)), "needs 6 devices"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", "hybrid", mesh=4), "a pair"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", algorithm="rign"), "algorithm is 'rign'"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", bucket=-1), "bucket is -1"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", optimizer="adagrad"), "optimizer is 'adagrad'"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", detail="all"), "detail is 'all'"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", schedule="2f2b"), "schedule is '2f2b'"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", reduce_rate=0), "reduce_rate is 0"),
        (lambda: simulate("4 x V100, NVLink ring", "alexnet", "model", detail="closed"), "messages"),
        (lambda: simulate("16 x V100, NVLink ring", "mlp", "pipeline"), "too few for 16 stages"),
        (lambda: sweep("colour", [1], "4 x V100, NVLink ring", "mlp"), "cannot be swept"),
        (lambda: resized("2 x 4 x V100, NVLink ring, InfiniBand EDR", 6), "do not fill machines of 4"),
        (lambda: relinked("4 x V100, NVLink ring", "token ring"), "token"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(DataError) as error:
        call()
    assert said in str(error.value)


# The command


def run(*arguments):
    from click.testing import CliRunner

    from edfcore.cli import main

    return CliRunner().invoke(main, ["simulate", *arguments])


def test_the_command_prints_json_and_writes_a_trace(tmp_path):
    done = run("--strategy", "hybrid", "--json", "--trace", str(tmp_path / "t.json"))
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["strategy"] == "hybrid"
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]


def test_the_command_sweeps_and_lists():
    done = run("--sweep", "devices=1,2,4", "--json")
    assert [row["devices"] for row in json.loads(done.output)["rows"]] == [1, 2, 4]
    assert "resnet50" in run("--list").output
    assert "speed-up" in run("--sweep", "link=PCIe 2 shared;PCIe 3 ring").output


@pytest.mark.parametrize("table", ["yadan", "krizhevsky"])
def test_the_command_prints_published_tables_with_their_fit(table):
    found = json.loads(run(table, "--json").output)
    assert found["rows"] and found["parameters"]
    assert "calibrat" in run(table).output.lower()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cluster", "4 x Titanic"], "Titanic"),
        (["--sweep", "devices=a"], "a is no whole number"),
        (["--sweep", "colour=red"], "--sweep"),
        (["--mesh", "2by2", "--strategy", "hybrid"], "--mesh"),
        (["--model", "alexnot"], "alexnot"),
        (["--straggler", "sometimes"], "sometimes"),
        (["--sweep", "devices=1,2", "--trace", "x.json"], "leave --sweep away"),
    ],
)
def test_the_command_tells_what_is_wrong_in_a_sentence(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2 and said in done.output and "Traceback" not in done.output


def test_options_reach_the_simulation():
    found, _ = simulated(
        cluster="4 x V100, NVLink ring", model="alexnet", mesh=None, bucket=1.0, swept=None, trace=None,
        strategy="data", batch=32, overlap=False, straggler="slow:1:3",
    )  # fmt: skip
    assert found["batch"] == 32 and min(found["compute"]) < max(found["compute"])


def test_the_command_runs_a_parameter_server():
    arguments = ["--policy", "stale", "--bound", "1", "--straggler", "lognormal:0.5", "--steps", "5"]
    found = json.loads(run(*arguments, "--json").output)
    assert found["applied"] == 4 * 5 and found["max_staleness"] <= 2 * 3 + 3
    assert "compute" in run(*arguments).output
    refused = run("--policy", "sometimes")
    assert refused.exit_code == 2 and "sometimes" in refused.output
    assert "leaves 0 workers" in run("--policy", "backup", "--cluster", "1 x V100").output


def test_steps_that_are_alike_are_followed_a_few_times_and_repeated():
    """Asking for more steps changes how long it takes to say, not what is said."""
    arguments = ("4 x 2 x P100, NVLink ring, Ethernet 10", "resnet50", "data", 128)
    one = simulate(*arguments, algorithm="parameter server", steps=4)
    many = simulate(*arguments, algorithm="parameter server", steps=5000)
    assert many.detail == "messages" and len(many.step_seconds) == 5000
    assert many.step_seconds[:4] == pytest.approx(one.step_seconds)
    assert many.seconds == pytest.approx(one.step_seconds[-1], rel=1e-2)
    assert many.sent == pytest.approx(one.sent) and many.compute == pytest.approx(one.compute)


@pytest.mark.parametrize("straggler", [None, "slow:0:1.5"])
@pytest.mark.parametrize("algorithm", collectives.ALL_REDUCE)
@pytest.mark.parametrize(
    "text", [*CLUSTERS.values(), "4 x GTX Titan, PCIe 3 shared", "2 x 3 x V100, NVLink 2 switch, QPI"]
)
def test_closed_forms_say_when_they_are_exact_and_count_the_same_bytes(text, algorithm, straggler):
    arguments = dict(batch=96, algorithm=algorithm, straggler=straggler, steps=3)
    followed = simulate(text, "alexnet", detail="messages", **arguments)
    closed = simulate(text, "alexnet", detail="closed", **arguments)
    assert closed.sent == pytest.approx(followed.sent, rel=1e-4)
    if closed.detail == "closed":
        assert closed.step_seconds == pytest.approx(followed.step_seconds, rel=1e-4)
        assert "exact here" in str(closed)
    else:
        assert "approximate here" in str(closed) and closed.seconds >= followed.seconds * 0.99


def test_devices_reach_the_fraction_of_their_peak_that_is_asked_for():
    half, fifth = (simulate(cluster("switch", 2), network(), batch=8, efficiency=e) for e in (0.5, 0.2))
    work = network()
    assert half.seconds < fifth.seconds
    assert fifth.compute[0] * fifth.seconds == pytest.approx(4 * (work.forward + work.backward) / 0.2e9, rel=1e-6)
    assert "at 0.2 of" in str(fifth)
    for wrong in (0, 1.5, True, "half"):
        with pytest.raises(DataError, match="efficiency is"):
            simulate("2 x V100, NVLink ring", "mlp", efficiency=wrong)


def test_the_order_of_yadans_rows_is_that_of_the_messages_on_his_machine():
    """With what the calibration found of the Titan and the bus, every message followed, nothing hidden."""
    days = {}
    for N, strategy in ((1, "data"), (2, "model"), (2, "data"), (4, "data"), (4, "hybrid")):
        text = f"{N} x GTX Titan, PCIe 2 at 1.85 GB/s shared" if N > 1 else "1 x GTX Titan"
        found = simulate(text, "alexnet", strategy, 256, efficiency=0.136, overlap=False)
        days[N, strategy] = found.hours(epochs=100) / 24
    order = sorted(days, key=days.get, reverse=True)
    assert order == [(1, "data"), (4, "data"), (2, "data"), (2, "model"), (4, "hybrid")]


def test_a_random_straggler_is_drawn_often_unless_one_says_how_often():
    assert simulate("2 x V100, NVLink ring", "mlp", straggler="exponential").steps == 100
    assert simulate("2 x V100, NVLink ring", "mlp").steps == 1


def test_scaling_takes_its_fractions_from_the_smallest_run_whatever_the_order():
    one, other = (scaling("8 x V100, NVLink 2 ring", "alexnet", Ns) for Ns in ((1, 2, 8), (8, 1, 2)))
    assert one == other and one["devices"] == [1, 2, 8]


def test_what_shows_itself_in_a_notebook_is_short_and_readable():
    reports = sweep("devices", [1, 2], "2 x V100, NVLink ring", "mlp")
    assert "speed-up" in repr(reports) and reports._repr_html_().count("<tr>") == 3
    for shown in (reports[0].setup.cluster, workload("alexnet"), report().timeline):
        assert len(repr(shown)) < 400


def test_imagenet_is_spoken_of_for_networks_that_see_it():
    assert "ImageNet" in str(simulate("2 x V100, NVLink ring", "resnet50", batch=8))
    assert "ImageNet" not in str(simulate("2 x V100, NVLink ring", "mlp"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mesh", "2x2"], "--mesh has no effect without --strategy hybrid"),
        (["--micro-batches", "3"], "without --strategy pipeline"),
        (["--sweep", "micro_batches=1,2"], "without --strategy pipeline"),
        (["--bound", "3"], "without --policy stale"),
        (["--policy", "stale", "--algorithm", "tree"], "--algorithm: no effect beside --policy"),
        (["yadan", "--batch", "3"], "yadan is a published table"),
        (["--bucket", "-1"], "--bucket -1: a number of megabytes"),
        (["--policy", "backup", "--backup", "4"], "leaves 0 workers that count"),
        (["--policy", "synchronous", "--model", "resnet50", "--batch", "4096"], "does not fit"),
    ],
)
def test_options_without_effect_are_refused(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2 and said in " ".join(done.output.split())


def test_a_parameter_server_uses_the_slowest_wire_on_the_way():
    arguments = ["--policy", "synchronous", "--model", "resnet50", "--batch", "256", "--json"]
    fast, slow = (
        json.loads(run(*arguments, "--cluster", f"2 x 4 x H100, NVLink switch, {link}").output)
        for link in ("InfiniBand NDR", "Ethernet 1")
    )
    assert slow["bytes_per_second"] < fast["bytes_per_second"] and slow["seconds"] > fast["seconds"]


def test_backup_workers_are_among_the_devices():
    found = json.loads(run("--policy", "backup", "--backup", "1", "--json").output)
    assert (found["workers"], found["counted"], found["batch_of_a_worker"]) == (4, 3, 86)


def test_the_list_gives_numbers_with_their_sources():
    found = json.loads(run("--list", "--json").output)
    titan = next(d for d in found["devices"] if d["name"] == "GTX Titan")
    assert titan["memory"] == 6 * 2**30 and titan["source"]["fp32"]
    assert any(link["unsure"] for link in found["links"])


@pytest.mark.parametrize("algorithm", collectives.ALL_REDUCE)
@pytest.mark.parametrize("N", [2, 3, 5, 6, 8, 9])
def test_no_rank_has_the_sum_before_the_last_one_is_ready(algorithm, N):
    groups = [list(range(0, N, 2)), list(range(1, N, 2))] if N > 2 else None
    for late in range(N):
        program = Program(cluster("switch", N))
        ready = [[program.compute(late, 1.0, "late")] if k == late else [] for k in range(N)]
        schedule = collectives.all_reduce(algorithm, N, 40, groups)
        has = [
            program.compute(k, 0.0, "done", after=tasks)
            for k, tasks in enumerate(program.collective(schedule, 4, ready, "sum"))
        ]
        spans = program.run().spans
        assert min(spans[k].end for k in has) >= 1.0, late


@pytest.mark.parametrize("algorithm", ["tree", "parameter server", "halving-doubling"])
def test_a_slow_device_holds_up_every_update(algorithm):
    text = "4 x V100, PCIe 3 switch, device 0 slow 5"
    found = simulate(text, "resnet50", batch=64, algorithm=algorithm, bucket=1e18)
    backward = max(s.end for s in found.timeline.spans if s.category == "backward")
    assert all(s.start >= backward for s in found.timeline.spans if s.category == "update")


@pytest.mark.parametrize(
    "text", ["4 x 8 x V100, PCIe 3 switch, InfiniBand NDR", "2 x 4 x V100, PCIe 3 switch, InfiniBand HDR"]
)
def test_hierarchical_closed_forms_know_which_wire_is_the_slow_one(text):
    first, second = (
        simulate(text, "vgg16", batch=256, algorithm="hierarchical", detail=d, check_memory=False)
        for d in ("messages", "closed")
    )
    assert second.detail == "closed" and second.seconds == pytest.approx(first.seconds, rel=1e-5)


@pytest.mark.parametrize("algorithm", collectives.ALL_REDUCE)
@pytest.mark.parametrize("text", ["8 x V100, PCIe 3 switch", "2 x 4 x V100, NVLink 2 switch, InfiniBand EDR"])
def test_adding_takes_as_long_in_closed_forms_as_in_messages(text, algorithm):
    arguments = dict(batch=64, algorithm=algorithm, bucket=1e18, overlap=False, reduce_rate=5e9)
    first, second = (simulate(text, "resnet50", detail=d, **arguments) for d in ("messages", "closed"))
    assert second.seconds == pytest.approx(first.seconds, rel=2e-2 if "2 x 4" in text else 1e-3)


def test_speed_up_is_over_the_fastest_device_whichever_is_slow():
    first, second = (simulate(f"4 x GTX Titan, PCIe 3 shared, device {k} slow 4", "alexnet") for k in (0, 1))
    assert first.efficiency == pytest.approx(second.efficiency)


def test_machines_of_one_device_make_a_hierarchical_sum_a_ring():
    ring, both = (
        simulate("8 x V100, InfiniBand EDR", "resnet50", batch=64, algorithm=a, detail="closed")
        for a in ("ring", "hierarchical")
    )
    assert both.seconds == pytest.approx(ring.seconds, rel=1e-12)
    assert simulate("1024 x V100, InfiniBand EDR", "resnet50", batch=8192, algorithm="hierarchical").seconds > 0


def test_a_parameter_server_takes_devices_of_one_kind():
    done = run("--policy", "asynchronous", "--cluster", "4 x GTX Titan, PCIe 3 shared, device 3 slow 5")
    assert done.exit_code == 2 and "differ" in done.output


def test_rent_is_hours_times_the_hourly_price():
    found = simulate("8 x H100, NVLink 4 switch", "resnet50", batch=512)
    assert found.dollars()["rent"] == pytest.approx(8 * device("H100").hourly * found.hours())
