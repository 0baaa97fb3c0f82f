"""The choice of a BLAS kernel: what is wrong, slower, or not what was asked for is never chosen, and nothing breaks."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfcore import blas
from edfcore.blas import Choice, Library, Trial, candidates, choose

OWN = Trial("Haswell", True, {"float32": [1.0] * 5, "float64": [2.0] * 5})


def trial(kernel, *, right=True, faster=(1.0, 1.0)):
    """A trial that is so many times as fast as OWN, in float32 and in float64."""
    return Trial(kernel, right, {"float32": [1.0 / faster[0]] * 5, "float64": [2.0 / faster[1]] * 5})


def fake(**others):
    """A measuring function that finds these trials."""
    return lambda names: {name: found for name, found in ({"": OWN} | others).items() if name in names}


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """A machine whose user has chosen nothing, with an OpenBLAS and an AVX-512 processor, and an empty cache."""
    for name in ("OPENBLAS_CORETYPE", "EDF_BLAS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EDF_HOME", str(tmp_path))
    monkeypatch.setattr(blas, "in_use", lambda: Library("openblas", "0.3.31", "Haswell", 2))
    monkeypatch.setattr(blas, "processor_flags", lambda: frozenset(blas.NEEDS["SkylakeX"]))
    return monkeypatch


# The choice


def test_a_kernel_that_is_right_and_faster_is_chosen():
    found = choose(["SkylakeX"], fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5))))
    assert (found.coretype, found.ratio) == ("SkylakeX", 1.5) and "1.50 times" in found.why


def test_of_two_the_faster_one_is_chosen_whatever_their_order():
    found = {"SkylakeX": trial("SkylakeX", faster=(1.5, 1.5)), "Cooperlake": trial("Cooperlake", faster=(1.6, 1.6))}
    for names in (["SkylakeX", "Cooperlake"], ["Cooperlake", "SkylakeX"]):
        assert choose(names, fake(**found)).coretype == "Cooperlake"


@pytest.mark.parametrize(
    "planted",
    [
        trial("SkylakeX", right=False, faster=(9.0, 9.0)),  # wrong products
        trial("SkylakeX", faster=(0.5, 0.5)),  # slower
        trial("SkylakeX", faster=(1.02, 1.02)),  # within the noise
        trial("SkylakeX", faster=(3.0, 0.5)),  # float64, which the lectures use, gets slower
        trial("Haswell", faster=(9.0, 9.0)),  # the library has no such kernel and took its own: noise
        trial("Nehalem", faster=(9.0, 9.0)),  # another kernel than was asked for
    ],
    ids=["wrong", "slower", "noise", "one precision slower", "not in the library", "another one"],
)
def test_a_wrong_slower_or_other_kernel_is_not_chosen(planted):
    found = choose(["SkylakeX"], fake(SkylakeX=planted))
    assert found.coretype == "" and found.why


def test_a_process_that_died_or_was_late_is_not_chosen_and_does_no_harm():
    assert choose(["SkylakeX"], fake()).coretype == ""
    assert choose(["SkylakeX"], lambda names: {}).coretype == ""
    assert choose(["SkylakeX"], lambda names: {"SkylakeX": trial("SkylakeX", faster=(2, 2))}).coretype == ""


@given(st.floats(0.2, 5), st.floats(0.2, 5))
def test_whatever_is_chosen_is_faster_in_the_mean_and_slower_nowhere(single, double):
    found = choose(["SkylakeX"], fake(SkylakeX=trial("SkylakeX", faster=(single, double))))
    if found.coretype:
        assert np.sqrt(single * double) > blas.MARGIN * (1 - 1e-9) and min(single, double) > blas.NO_LOSS * (1 - 1e-9)


def test_one_disturbed_round_does_not_decide():
    seconds = {"float32": [1.0, 1.0, 0.1, 1.0, 1.0], "float64": [2.0, 2.0, 0.2, 2.0, 2.0]}
    assert choose(["SkylakeX"], fake(SkylakeX=Trial("SkylakeX", True, seconds))).coretype == ""


# Candidates


@pytest.mark.parametrize(
    "flags, kernel, expected",
    [
        (set(), "", []),
        ({"sse2", "avx"}, "Sandybridge", []),
        ({"avx2", "fma"}, "Haswell", []),
        ({"avx2", "fma", "avx512f"}, "Sandybridge", ["Haswell"]),  # one of five AVX-512 sets is not enough
        (blas.NEEDS["SkylakeX"], "Haswell", ["SkylakeX"]),
        (blas.NEEDS["SkylakeX"] | {"avx512_bf16"}, "SkylakeX", ["Cooperlake", "Haswell"]),
    ],
)
def test_only_kernels_that_the_processor_supports_are_tried(flags, kernel, expected):
    assert candidates(flags, kernel) == expected


def test_flags_are_read_from_the_first_processor(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx2 fma\nbugs\t\t: none\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert blas.processor_flags(path) == {"fpu", "avx2", "fma"}
    assert blas.processor_flags(tmp_path / "nowhere") == frozenset()


# Whether products are right


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_products_of_this_machine_are_right(dtype):
    assert blas.are_right(dtype)


def nothing(product):
    pass


def last_column(product):
    product[:, -1] = 0  # a tile at the edge that is forgotten


def less_precise(product):
    if not np.array_equal(product, product.round()):  # whole numbers stay whole
        product *= 1.01


def transposed_only(product):
    if product.shape[0] > product.shape[1]:
        product[0, 0] += 1


class Spoilt(np.ndarray):
    """Arrays whose products go through a fault, as those of a broken kernel; whole numbers have no kernel."""

    fault = staticmethod(nothing)

    def __matmul__(self, other):
        product = np.asarray(self) @ np.asarray(other)
        if product.dtype.kind == "f":
            self.fault(product)
        return product


class SpoiltGenerator:
    """A generator whose arrays are Spoilt."""

    def __init__(self, rng):
        self.rng = rng

    def integers(self, *args, **options):
        return self.rng.integers(*args, **options).view(Spoilt)

    def normal(self, *args, **options):
        return self.rng.normal(*args, **options).view(Spoilt)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fault", [nothing, last_column, less_precise, transposed_only])
def test_a_kernel_with_a_planted_fault_is_seen_and_one_without_is_not(monkeypatch, fault, dtype):
    make = np.random.default_rng
    monkeypatch.setattr(Spoilt, "fault", staticmethod(fault))
    monkeypatch.setattr(np.random, "default_rng", lambda seed: SpoiltGenerator(make(seed)))
    assert blas.are_right(dtype) == (fault is nothing)


# The processes


def test_trials_say_which_kernel_is_in_use():
    found = blas.measure(["", "Haswell"], patience=60)
    assert found.keys() == {"", "Haswell"}
    for one in found.values():
        assert one.right and one.kernel
        assert {len(s) for s in one.seconds.values()} == {blas.ROUNDS} and one.seconds.keys() == {"float32", "float64"}


def test_what_is_late_is_ended_and_absent():
    assert blas.measure(["", "Haswell"], patience=0.001) == {}


def test_a_process_that_dies_is_absent(monkeypatch):
    false = shutil.which("false")
    if false is None:
        pytest.skip("needs a program that ends at once with an error")
    monkeypatch.setattr(blas.sys, "executable", false)
    assert blas.measure(["", "Haswell"], patience=60) == {}


# What is set, and when


def test_a_better_kernel_is_set_for_what_is_started(quiet):
    assert blas.environment(fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5)))) == {"OPENBLAS_CORETYPE": "SkylakeX"}


def test_it_is_tested_once_for_a_machine(quiet):
    calls = []

    def measuring(names):
        calls.append(names)
        return fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5)))(names)

    assert blas.environment(measuring) == blas.environment(measuring) == {"OPENBLAS_CORETYPE": "SkylakeX"}
    assert calls == [["", "SkylakeX"]]


def test_that_nothing_is_better_is_kept_too(quiet):
    assert blas.environment(fake()) == {}
    assert blas.environment(lambda names: pytest.fail("tested again")) == {}


def test_another_library_or_processor_or_course_is_tested_anew(quiet):
    flags = frozenset(blas.NEEDS["SkylakeX"])
    library = Library("openblas", "0.3.31", "Haswell", 2)
    keys = {
        blas.key(library, flags),
        blas.key(Library("openblas", "0.3.32", "Haswell", 2), flags),
        blas.key(library, flags | {"avx512_bf16"}),
    }
    quiet.setattr("edfcore.__version__", "99")
    keys.add(blas.key(library, flags))
    assert len(keys) == 4
    assert blas.key(library, flags) == blas.key(library, flags | {"a flag that no kernel needs"})


@pytest.mark.parametrize("name, value", [("OPENBLAS_CORETYPE", "Haswell"), ("EDF_BLAS", "off"), ("EDF_BLAS", "OFF")])
def test_the_users_own_choice_stands_and_nothing_is_tested(quiet, name, value):
    quiet.setenv(name, value)
    assert blas.environment(lambda names: pytest.fail("tested")) == {}
    told = "EDF_BLAS is off" if name == "EDF_BLAS" else "OPENBLAS_CORETYPE=Haswell is set"
    assert told in blas.advice(lambda names: pytest.fail("tested"))[0]


def test_a_comparison_takes_the_fastest_kernel_even_over_the_users(quiet):
    users = {"OPENBLAS_CORETYPE": "Haswell", "PATH": "p"}
    better = fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5)))
    assert blas.fastest(users, better) == {"OPENBLAS_CORETYPE": "SkylakeX", "PATH": "p"}
    off = users | {"EDF_BLAS": "Off"}
    assert blas.fastest(off, lambda names: pytest.fail("tested")) == off


def test_a_comparison_leaves_the_choice_to_openblas_where_nothing_is_faster(quiet):
    users = {"OPENBLAS_CORETYPE": "Haswell", "PATH": "p"}
    assert blas.fastest(users, fake(SkylakeX=trial("SkylakeX", faster=(1.0, 1.0)))) == {"PATH": "p"}


def test_a_comparison_keeps_the_users_kernel_where_nothing_can_be_tested(quiet):
    def broken(names):
        raise OSError("no processes")

    users = {"OPENBLAS_CORETYPE": "Haswell"}
    assert blas.fastest(users, broken) == users


def test_a_blas_that_is_not_openblas_is_left_alone(quiet):
    quiet.setattr(blas, "in_use", lambda: Library("mkl", "2026", "avx512", 2))
    assert blas.environment(lambda names: pytest.fail("tested")) == {}
    assert "mkl" in blas.advice()[0]


def test_a_course_opens_on_a_machine_that_cannot_be_examined(quiet):
    def broken(names):
        raise OSError("no processes")

    assert blas.environment(broken) == {}
    quiet.setattr(blas, "in_use", lambda: 1 / 0)
    assert blas.environment() == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', '{"KEY": {"coretype": "SkylakeX"}}', '{"KEY": 3}'])
def test_a_damaged_cache_is_made_anew(quiet, tmp_path, text):
    name = blas.key(blas.in_use(), blas.processor_flags())
    (tmp_path / "blas.json").write_text(text.replace('"KEY"', json.dumps(name)))
    assert blas.environment(fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5)))) == {"OPENBLAS_CORETYPE": "SkylakeX"}
    assert json.loads((tmp_path / "blas.json").read_text())[name]["coretype"] == "SkylakeX"


def test_a_cache_that_cannot_be_written_does_no_harm(quiet, tmp_path):
    (tmp_path / "file").write_text("")
    quiet.setenv("EDF_HOME", str(tmp_path / "file" / "folder"))
    assert blas.environment(fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5)))) == {"OPENBLAS_CORETYPE": "SkylakeX"}


def test_choices_of_two_machines_live_in_one_file(tmp_path):
    path = tmp_path / "folder" / "blas.json"
    blas.remember("a", Choice("SkylakeX", 1.5, "."), path)
    blas.remember("b", Choice("", 1.0, "."), path)
    assert blas.remembered("a", path) == Choice("SkylakeX", 1.5, ".")
    assert blas.remembered("b", path).coretype == "" and blas.remembered("c", path) is None


# What is told


def test_doctor_tells_what_would_be_better_and_how(quiet):
    found, fix = blas.advice(fake(SkylakeX=trial("SkylakeX", faster=(1.5, 1.5))))
    assert "SkylakeX is 1.50 times as fast as Haswell" in found and "OPENBLAS_CORETYPE=SkylakeX" in fix


def test_doctor_names_library_kernel_and_threads(quiet):
    from edfcore.doctor import _blas

    blas.remember(blas.key(blas.in_use(), blas.processor_flags()), Choice("SkylakeX", 1.5, "It is faster."))
    found = _blas()
    assert found.status == "ok" and "kernel" in found.found and "threads: " in found.found
    assert "It is faster" in found.found and "SkylakeX" in found.fix


def test_lab_hands_the_kernel_to_what_it_starts(quiet):
    from edfcore import cli

    environment = {}
    quiet.setattr(cli.os, "environ", environment)
    quiet.setattr(blas, "environment", lambda: {"OPENBLAS_CORETYPE": "SkylakeX"})
    cli._use_the_fastest_blas_kernel()
    assert environment == {"OPENBLAS_CORETYPE": "SkylakeX"}


def test_openblas_obeys_the_variable():
    """The ground of all this: the kernel that is asked for is in use, where library and processor have it."""
    if blas.in_use().name != "openblas" or not blas.NEEDS["Haswell"] <= blas.processor_flags():
        pytest.skip("needs OpenBLAS on an x86 processor with AVX2")
    code = "from edfcore import blas; print(blas.in_use().kernel)"
    environment = os.environ | {"OPENBLAS_CORETYPE": "Haswell"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "Haswell", done.stderr
