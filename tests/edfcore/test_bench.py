"""`edf bench`: nothing is timed whose losses are wrong, every engine gets the same, and what cannot run is told."""

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from strict_cupy import install

import edfcore as edf
from edfcore import bench, blas
from edfcore.bench import CASES, Engine, Settings, disagreement, measure, reference_losses, row, time_in_rounds
from edfcore.errors import DataError, EdfError
from edfcore.gpu import health
from edfcore.gpu.errors import NoGpu

OURS = ("stepped", "planned", "floor")
SMALL = {"mlp": 3, "wide": 2, "lenet": 2, "lstm": 2}


def engine_file(name):
    """An engine's module, in this process."""
    spec = importlib.util.spec_from_file_location(f"engine_{name}", bench.FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def losses_of(engine, case, params, x, y, *device):
    """The losses of an engine's first steps, in this process."""
    step, loss = engine.make(case, params, x, y, CASES[case].lr, *device)
    found = []
    for k in range(len(x)):
        step(k)
        found.append(float(loss()))
    return found


@pytest.fixture
def engines(monkeypatch, tmp_path):
    """engines(name=source, ...): the worker beside engines that are written for the test; the only ones there are."""
    monkeypatch.setenv("EDF_BLAS", "off")
    monkeypatch.setattr(bench, "PAUSE", 0.0)
    monkeypatch.setattr(bench, "TIMED", 0.001)
    monkeypatch.setattr(bench, "WARM", 0.001)
    monkeypatch.setattr(bench.Engine.__init__, "__defaults__", ("cpu", tmp_path))
    shutil.copy(bench.FOLDER / "worker.py", tmp_path)

    def make(**sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(bench, "ENGINES", {name: bench.Source(name, "numpy") for name in sources})
        return Settings(("mlp",), tuple(sources), (2,), threads=1, rounds=2)

    return make


# What is trained


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", OURS)
def test_every_engine_of_ours_has_the_losses_of_float64(name, case):
    params, x, y = CASES[case].data(SMALL[case])
    try:
        found = losses_of(engine_file(name), case, params, x, y)
    except NotImplementedError:
        assert (name, case) == ("floor", "lstm")
        return
    assert disagreement(found, reference_losses(case, params, x, y, CASES[case].lr)) is None


@pytest.mark.parametrize("B", [1, 7])
def test_the_floor_is_right_for_a_single_instance_and_an_odd_batch(B):
    params, x, y = CASES["mlp"].data(B)
    found = losses_of(engine_file("floor"), "mlp", params, x, y)
    assert disagreement(found, reference_losses("mlp", params, x, y, 0.1)) is None


@pytest.mark.parametrize("case", CASES)
def test_data_are_the_same_each_time_in_float32_and_train(case):
    params, x, y = CASES[case].data(2)
    params_again, *data_again = CASES[case].data(2)
    pairs = zip((x, y, *params.values()), (*data_again, *params_again.values()), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert {a.dtype for a in (x, *params.values())} == {np.dtype("float32")} and len(x) == len(y) == bench.K
    losses = [reference_losses(case, params, x[:1].repeat(4, 0), y[:1].repeat(4, 0), CASES[case].lr)]
    assert np.all(np.diff(losses) < 0)


def planted_lr(params, x, y):
    return params, x, y, 0.101


def planted_initial_bias(params, x, y):
    return params | {"b2": params["b2"] + np.float32(0.01) * np.arange(10, dtype="float32")}, x, y, 0.1


def planted_order(params, x, y):
    return params, x[::-1], y[::-1], 0.1


def planted_labels(params, x, y):
    return params, x, (y + 1) % 10, 0.1


@pytest.mark.parametrize("plant", [planted_lr, planted_initial_bias, planted_order, planted_labels])
def test_small_faults_of_an_engine_show_in_its_losses(plant):
    params, x, y = CASES["mlp"].data(4)
    expected = reference_losses("mlp", params, x, y, 0.1)
    assert disagreement(reference_losses("mlp", *plant(params, x, y)), expected)


@pytest.mark.parametrize("losses", [[1.0], [1.0, float("nan")], [1.0, 2.0003], [1.0, -2.0]])
def test_wrong_losses_disagree(losses):
    assert disagreement(losses, [1.0, 2.0])
    assert disagreement([1.0, 2.0001], [1.0, 2.0]) is None


# The protocol


class Clockwork:
    """An engine whose steps take a known time; notes when it was asked."""

    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log = name, iter(seconds), log

    def ask(self, do, steps, before, chunks):
        self.log.append((self.name, steps, before))
        seconds = steps * next(self.seconds)
        return {"seconds": [seconds, *[seconds * (1 + k % 2 * 9) for k in range(chunks - 1)]]}  # some are disturbed


def test_engines_are_timed_in_turn_and_the_first_one_changes():
    log, rounds = [], 4
    three = [Clockwork(name, [0.05, *[0.01] * rounds], log) for name in "abc"]
    samples = time_in_rounds(three, rounds, pause=0.0)
    timed = "".join(name for name, _, before in log if before)
    assert timed == "abcbcacababc"
    assert {name: np.round(s, 9).tolist() for name, s in samples.items()} == {n: [0.01] * rounds for n in "abc"}


def test_each_engine_gets_the_same_share_of_time_not_of_steps():
    log = []
    fast, slow = Clockwork("fast", [1e-5] * 99, log), Clockwork("slow", [1e-2] * 99, log)
    time_in_rounds([fast, slow], 1, pause=0.0)
    steps = {name: n for name, n, before in log if before}
    assert steps["fast"] * 1e-5 == pytest.approx(bench.TIMED, rel=0.01)
    assert steps["slow"] == 2  # at least


def test_a_row_holds_what_the_table_promises():
    found = row("mlp", 10, "floor", [k * 1e-6 for k in range(1, 12)])
    assert found == {
        "case": "mlp", "batch": 10, "engine": "floor", "median_us": 6.0, "p10_us": 2.0, "p90_us": 10.0,
    }  # fmt: skip


def test_all_libraries_are_told_the_same_number_of_threads(monkeypatch):
    monkeypatch.setattr(blas, "fastest", lambda environ: environ | {"OPENBLAS_CORETYPE": "SkylakeX"})
    found = bench.environment(2)
    assert {found[n] for n in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")} == {"2"}
    assert found["OPENBLAS_CORETYPE"] == "SkylakeX"
    assert "xla_cpu_multi_thread_eigen=false" in bench.environment(1)["XLA_FLAGS"]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux's sets of processors")
def test_an_engine_keeps_to_as_many_processors_as_it_has_threads(engines):
    source = "import os\ndef versions(): return {'processors': len(os.sched_getaffinity(0))}"
    settings = engines(one=source)
    engine = Engine("one", settings.python("one"), 1)
    engine.close()
    assert engine.versions == {"processors": 1}


# Engines in their processes

GOOD = """
from edfcore.bench import network
from edfcore import SGD
def versions(): return {"x": 1}
def make(case, params, x, y, lr):
    # first
    net = network(case, params, "float32")
    def step(k):
        print("a library that prints")
        for node, value in net.feed(x[k], y[k]): node.set(value)
        net.graph.Forward(net.loss); net.graph.Backward(net.loss); SGD(lr, net.graph)
    return step, net.mean_loss
"""


def test_an_engine_with_wrong_losses_has_no_time(engines):
    found = measure(engines(good=GOOD, wrong=GOOD.replace("SGD(lr", "SGD(1.02 * lr")))
    assert [r["engine"] for r in found["rows"]] == ["good"]
    assert len(found["machine"]["disagree"]) == 1 and "wrong: its loss in step 2" in found["machine"]["disagree"][0]
    assert "no time" in bench.as_text(found)


def test_what_is_not_installed_does_not_have_the_case_fails_or_dies_is_left_out_and_told(engines):
    told = []
    settings = engines(
        good=GOOD,
        absent="import a_package_that_is_not_there",
        broken="1 / 0",
        without=GOOD.replace("# first", "raise NotImplementedError('no such case')"),
        failing=GOOD.replace("# first", "raise ValueError('bad luck')"),
        dying=GOOD.replace("# first", "import os, sys; print('last words', file=sys.stderr, flush=True); os._exit(3)"),
    )
    settings = Settings(**(vars(settings) | {"tell": told.append}))
    found = measure(settings)
    assert [r["engine"] for r in found["rows"]] == ["good"]
    left_out = found["machine"]["left_out"]
    assert "a_package_that_is_not_there" in left_out["absent"] and "ZeroDivisionError" in left_out["broken"]
    about = "mlp, B = 2"
    assert left_out[f"without, {about}"] == "no such case" and "bad luck" in left_out[f"failing, {about}"]
    assert "last words" in left_out[f"dying, {about}"] and "3" in left_out[f"dying, {about}"]
    assert all(any(name in sentence for sentence in told) for name in settings.engines)


def test_an_engine_that_hangs_is_ended(engines, monkeypatch):
    monkeypatch.setattr(bench, "PATIENCE", 0.5)
    settings = engines(hanging="import time; time.sleep(60)")
    with pytest.raises(EdfError, match="No engine can run here"):
        measure(settings)


def test_no_process_is_left_behind(engines, monkeypatch):
    started, Popen = [], subprocess.Popen

    def noted(*args, **options):
        started.append(Popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(bench, "time_in_rounds", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        measure(engines(good=GOOD, other=GOOD))
    assert len(started) == 2 and all(process.poll() is not None for process in started)


@pytest.mark.parametrize(
    "given, told",
    [
        ({"cases": ("vgg",)}, "no case 'vgg'"),
        ({"engines": ("caffe",)}, "no engine 'caffe'"),
        ({"threads": 0}, "--threads 0"),
        ({"threads": 10**6}, "--threads 1000000"),
        ({"rounds": 0}, "at least 1"),
        ({"batches": (0,)}, "at least 1"),
        ({"pythons": {"torch": "/no/such/python"}}, "no such interpreter"),
        ({"pythons": {"caffe": sys.executable}}, "'caffe' is none of"),
        ({"device": "gpu"}, "--device gpu"),
        ({"device": "cuda:"}, "--device cuda:"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(given, told):
    with pytest.raises(DataError, match=told):
        Settings(**given)


def test_an_interpreter_of_a_package_serves_all_of_its_engines():
    settings = Settings(pythons={"torch": sys.executable, "jax": shutil.which("python3") or sys.executable}, threads=1)
    assert settings.python("torch-compile") == sys.executable == settings.python("stepped")
    assert settings.python("jax") == settings.pythons["jax"]


def test_engines_of_other_libraries_import_nothing_of_edfcore():
    """They run in environments that do not have it."""
    foreign = {s.file for s in bench.ENGINES.values() if s.package not in ("edfcore", "numpy")} | {"worker"}
    assert len(foreign) == 7
    for name in foreign:
        tree = ast.parse((bench.FOLDER / f"{name}.py").read_text())
        found = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        found |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not [m for m in found if m.startswith("edfcore")], name


# On a GPU

ON_A_GPU = """
from edfcore.bench import network
from edfcore import SGD
def versions(device="cpu"):
    # first
    return {"x": device, "gpu": {"name": "Stand-in 1", "memory": 8 * 2**30, "runtime": "13.1"}}
def make(case, params, x, y, lr, device="cpu"):
    assert device == "cuda:1"
    net = network(case, params, "float32")
    def step(k):
        for node, value in net.feed(x[k], y[k]): node.set(value)
        net.graph.Forward(net.loss); net.graph.Backward(net.loss); SGD(lr, net.graph)
    return step, net.mean_loss
"""
MACHINE = {"cpu": "AMD EPYC", "cores": 2, "threads": 2, "rounds": 3, "load_before": 0, "load_after": 0, "engines": {}}
MACHINE |= {"left_out": {}, "disagree": [], "measured": "By hand."}
DEVICE = {"name": "NVIDIA H100 80GB HBM3", "memory": 80 * 2**30, "runtime": "13.0", "driver": "", "driver_cuda": "13.1"}


@pytest.fixture
def driver(monkeypatch):
    """As if a driver for CUDA 13.1 were there."""
    monkeypatch.setattr(health, "driver_version", lambda: (13, 1))
    monkeypatch.setattr(bench, "_driver", lambda: "590.11")


@pytest.fixture
def cupy(monkeypatch):
    """The strict stand-in for CuPy, with the facts that a device tells; afterwards new graphs live on NumPy again."""
    module = install(monkeypatch, devices=2)
    module.__version__, runtime = "14.2.0", module.cuda.runtime
    runtime.runtimeGetVersion = lambda: 13010
    runtime.getDeviceProperties = lambda k: {"name": f"GPU {k}".encode(), "totalGlobalMem": np.uint64(8 * 2**30)}
    yield module
    edf.use("cpu")


def on_a_gpu(settings):
    return Settings(**(vars(settings) | {"device": "cuda:1"}))


def test_an_engine_is_told_the_device_and_the_report_names_it(engines, driver):
    found = measure(on_a_gpu(engines(fast=ON_A_GPU, wrong=ON_A_GPU.replace("SGD(lr", "SGD(1.02 * lr"))))
    assert [r["engine"] for r in found["rows"]] == ["fast"] and len(found["machine"]["disagree"]) == 1
    expected = {"name": "Stand-in 1", "memory": 8 * 2**30, "runtime": "13.1", "driver": "590.11", "driver_cuda": "13.1"}
    assert found["machine"]["device"] == expected
    assert found["machine"]["engines"]["fast"] == {"x": "cuda:1"}
    assert "--device cuda:1 --rounds 2" in found["machine"]["measured"]
    assert bench.as_text(found).startswith("Stand-in 1, 8 GiB, driver 590.11 (CUDA up to 13.1), CUDA 13.1.\n")
    json.dumps(found)


def test_on_the_cpu_no_device_is_told_and_engines_know_of_none(engines):
    found = measure(engines(good=GOOD, both=ON_A_GPU.replace('assert device == "cuda:1"', 'assert device == "cpu"')))
    assert [r["engine"] for r in found["rows"]] == ["good", "both"]
    assert "device" not in found["machine"] and found["machine"]["engines"]["both"] == {"x": "cpu"}


def test_an_engine_without_the_device_is_left_out_with_its_sentence(engines, driver):
    without = ON_A_GPU.replace("# first", "raise NotImplementedError('the library is built without CUDA')")
    found = measure(on_a_gpu(engines(fast=ON_A_GPU, without=without)))
    assert [r["engine"] for r in found["rows"]] == ["fast"]
    assert found["machine"]["left_out"] == {"without": "the library is built without CUDA"}
    with pytest.raises(NoGpu, match="none of without can use it. Run edf doctor"):
        measure(on_a_gpu(engines(without=without)))


def test_engines_of_the_other_kind_are_not_chosen_and_named_ones_are_left_out(engines, driver, monkeypatch):
    assert "torch-graph" not in Settings().wanted and "floor" in Settings().wanted
    assert Settings(device="cuda").wanted == ("planned", "stepped", "torch", "torch-graph", "torch-compile", "jax")
    settings = engines(fast=ON_A_GPU, floor=GOOD)
    monkeypatch.setitem(bench.ENGINES, "floor", bench.Source("floor", "numpy", ("cpu",)))
    assert measure(on_a_gpu(settings))["machine"]["left_out"] == {"floor": "it computes on the CPU alone"}


def test_without_a_driver_no_engine_is_started(engines, monkeypatch):
    monkeypatch.setattr(health, "driver_version", lambda: None)
    monkeypatch.setattr(bench, "Engine", lambda *args: pytest.fail("an engine was started"))
    with pytest.raises(NoGpu, match="no NVIDIA driver is found here. Run edf doctor"):
        measure(on_a_gpu(engines(fast=ON_A_GPU)))


def test_no_engine_takes_the_memory_of_a_gpu_for_itself(monkeypatch):
    monkeypatch.setattr(blas, "fastest", lambda environ: {})
    assert bench.environment(2, "cuda")["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in bench.environment(2)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["stepped", "planned"])
def test_our_engines_on_a_strict_stand_in_have_the_losses_of_float64(cupy, name, case):
    params, x, y = CASES[case].data(SMALL[case])
    found = losses_of(engine_file(name), case, params, x, y, "cuda:1")
    assert cupy.current == 1
    edf.use("cpu")  # for the reference
    assert disagreement(found, reference_losses(case, params, x, y, CASES[case].lr)) is None


@pytest.mark.parametrize("name, per_step", [("stepped", 1), ("planned", 0)])  # one: the seed of Backward, 1/B
def test_a_step_of_ours_uploads_no_batch_and_does_not_wait(cupy, name, per_step):
    params, x, y = CASES["mlp"].data(3)
    step, loss = engine_file(name).make("mlp", params, x, y, 0.1, "cuda")
    for k in range(4):  # compiled, recorded and replayed by then
        step(k)
    loss()
    cupy.book.waits.clear()
    uploads = cupy.book.uploads
    for k in range(4, bench.K):
        step(k)
    assert cupy.book.waits == []
    assert cupy.book.uploads - uploads <= per_step * (bench.K - 4)
    loss()
    assert cupy.book.waits  # the chunk's one


def test_our_engines_tell_of_the_device(cupy):
    found = engine_file("planned").versions("cuda:1")
    assert found["gpu"] == {"name": "GPU 1", "memory": 8 * 2**30, "runtime": "13.1"}
    assert (found["cupy"], found["cuda"]) == ("14.2.0", "13.1")
    with pytest.raises(NoGpu, match="no GPU 7"):
        engine_file("stepped").versions("cuda:7")


def foreign_file(name, package, monkeypatch):
    """An engine's module of another library; the test is skipped where the library is not installed."""
    pytest.importorskip(package)
    monkeypatch.syspath_prepend(bench.FOLDER)
    return engine_file(name)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name, package", [("torch_eager", "torch"), ("jax_jit", "jax")])
def test_other_libraries_engines_have_the_losses_of_float64_on_a_named_device(name, package, case, monkeypatch):
    engine = foreign_file(name, package, monkeypatch)
    params, x, y = CASES[case].data(SMALL[case])
    found = losses_of(engine, case, params, x, y, "cpu")
    assert disagreement(found, reference_losses(case, params, x, y, CASES[case].lr)) is None


@pytest.mark.parametrize("name, package", [("torch_eager", "torch"), ("torch_graph", "torch"), ("jax_jit", "jax")])
def test_other_libraries_say_in_a_sentence_that_they_see_no_such_gpu(name, package, monkeypatch):
    engine = foreign_file(name, package, monkeypatch)
    with pytest.raises(NotImplementedError, match="without CUDA|finds no cuda:99|sees no device cuda:99"):
        engine.versions("cuda:99")


def test_a_recorded_step_is_refused_on_the_cpu(monkeypatch):
    engine = foreign_file("torch_graph", "torch", monkeypatch)
    with pytest.raises(NotImplementedError, match="of a GPU"):
        engine.make("mlp", *CASES["mlp"].data(2), 0.1)


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["stepped", "planned"])
def test_our_engines_on_a_real_gpu_have_the_losses_of_float64(name, case):
    params, x, y = CASES[case].data(SMALL[case])
    try:
        found = losses_of(engine_file(name), case, params, x, y, "cuda")
    finally:
        edf.use("cpu")
    assert disagreement(found, reference_losses(case, params, x, y, CASES[case].lr)) is None


@pytest.mark.gpu
def test_engines_of_a_real_gpu_agree_and_are_timed(monkeypatch, root):
    monkeypatch.setattr(bench, "TIMED", 0.001)
    monkeypatch.setenv("PYTHONPATH", str(root))
    few = ("planned", "stepped", "torch", "torch-graph", "jax")  # torch-compile takes its time
    found = measure(Settings(("mlp",), few, (10,), threads=1, rounds=2, device="cuda"))
    left_out, told = found["machine"]["left_out"], found["machine"]["device"]
    assert found["machine"]["disagree"] == [] and not {"planned", "stepped"} & left_out.keys()
    assert {r["engine"] for r in found["rows"]} == set(few) - left_out.keys()
    assert told["name"] and told["memory"] > 0 and told["driver_cuda"] and told["runtime"]


# What is kept


@pytest.mark.parametrize(
    "machine, name",
    [
        (MACHINE, "amd_epyc_2_threads"),
        (MACHINE | {"cpu": "Intel(R) Xeon(R) @ 2.2GHz", "threads": 1}, "intel_r_xeon_r_2_2ghz_1_thread"),
        (MACHINE | {"device": DEVICE}, "nvidia_h100_80gb_hbm3"),
    ],
)
def test_results_are_kept_under_the_machines_name(machine, name, tmp_path):
    found = {"machine": machine, "rows": [row("mlp", 10, "torch", [2e-4])]}
    paths = bench.record(found, tmp_path)
    assert [p.name for p in paths] == [f"{name}.txt", f"{name}.json"]
    assert paths[0].read_text().splitlines() == ["By hand.", *bench.as_text(found).splitlines()]
    assert json.loads(paths[1].read_text()) == found


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path):
    with pytest.raises(EdfError, match="amd_epyc_2_threads cannot be written"):
        bench.record({"machine": MACHINE, "rows": []}, tmp_path / "absent")


@pytest.mark.parametrize(
    "given, command",
    [
        ({}, "edf bench --rounds 30"),
        (
            {"cases": ("mlp",), "engines": ("planned", "jax"), "batches": (1, 10), "device": "cuda", "rounds": 5},
            "edf bench mlp --engines planned,jax --batch 1,10 --device cuda --rounds 5",
        ),
    ],
)
def test_the_line_on_how_it_was_measured_holds_the_command(given, command):
    told = bench.how_measured(Settings(**given))
    assert f"; {command}, 20" in told and ("GPU" in told) == ("device" in given)


# The command


WRONG = ("--threads", "many"), ("--python", "torch"), ("--device", "gpu")


def edf_bench(*args, cwd):
    command = [sys.executable, "-m", "edfcore.cli", "bench", *args]
    return subprocess.run(command, cwd=cwd, env=os.environ | {"EDF_BLAS": "off"}, capture_output=True, text=True)


def test_the_command_prints_the_json_that_it_promises(root):
    arguments = ("mlp", "--engines", "stepped,floor", "--batch", "1,3", "--threads", "1", "--rounds", "2", "--json")
    done = edf_bench(*arguments, cwd=root)
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert found.keys() == {"machine", "rows"}
    assert [(r["case"], r["batch"], r["engine"]) for r in found["rows"]] == [
        ("mlp", 1, "stepped"), ("mlp", 1, "floor"), ("mlp", 3, "stepped"), ("mlp", 3, "floor"),
    ]  # fmt: skip
    for r in found["rows"]:
        assert list(r) == ["case", "batch", "engine", "median_us", "p10_us", "p90_us"]
        assert 0 < r["p10_us"] <= r["median_us"] <= r["p90_us"]
    assert {"cpu", "cores", "threads", "engines"} <= found["machine"].keys()
    assert "numpy" in found["machine"]["engines"]["floor"]


def test_the_command_records_what_it_prints(root, tmp_path):
    few = ("mlp", "--engines", "floor", "--batch", "1", "--threads", "1", "--rounds", "2")
    done = edf_bench(*few, "--json", "--record", str(tmp_path), cwd=root)
    (kept,) = tmp_path.glob("*_1_thread.json")
    assert json.loads(kept.read_text()) == json.loads(done.stdout) and str(kept) in done.stderr
    assert "--engines floor --batch 1 --rounds 2" in kept.with_suffix(".txt").read_text().splitlines()[0]


@pytest.mark.skipif(health.driver_version() is not None, reason="an NVIDIA driver is here")
def test_without_a_gpu_the_command_says_so_in_a_sentence_and_ends_with_1(root):
    done = edf_bench("mlp", "--device", "cuda", "--json", cwd=root)
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: --device cuda: no NVIDIA driver") and "edf doctor" in line


@pytest.mark.parametrize("arguments", [("vgg",), *(("mlp", *words) for words in WRONG)])
def test_what_cannot_be_done_is_a_sentence(root, arguments):
    done = edf_bench(*arguments, cwd=root)
    assert done.returncode == 2 and "Error:" in done.stderr and "Traceback" not in done.stderr


def test_the_table_gives_ratios_to_torch():
    machine = {"cpu": "c", "cores": 2, "threads": 2, "rounds": 3, "load_before": 0, "load_after": 0, "engines": {}}
    rows = [row("mlp", 10, "torch", [2e-4]), row("mlp", 10, "planned", [1e-4]), row("mlp", 32, "planned", [1e-4])]
    text = bench.as_text({"machine": machine | {"left_out": {}, "disagree": []}, "rows": rows})
    lines = {(*line.split()[:3],): line.split() for line in text.splitlines() if line.startswith("mlp")}
    assert lines["mlp", "10", "planned"][-1] == "0.50" and lines["mlp", "10", "torch"][-1] == "1.00"
    assert len(lines["mlp", "32", "planned"]) == 6  # no torch, no ratio
    assert "not to be compared" not in text
    noisy = row("mlp", 10, "torch", [1e-4, 1e-4, 9e-4])
    assert "In 1 of 1 rows" in bench.as_text({"machine": machine | {"left_out": {}, "disagree": []}, "rows": [noisy]})
