"""The examination: a test sees through stand-ins what it would see in the notebook, and the student has no say in it."""

import numpy as np
import pytest
from examining import answered, master, results

from autograde import examine
from autograde.examine import every_forbidden, hidden_lines, seed_for, tripwire
from autograde.result import Result
from autograde.sandbox import Limits
from autograde.warm import Warm

pytestmark = pytest.mark.sandbox
LIMITS = Limits(cell_cpu=2, cell_wall=6, test_cpu=2, test_wall=6, memory=256 << 20)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    with Warm(master(("locked", "setup", "import numpy as np")), tmp_path_factory.mktemp("builds")) as found:
        found.get(frozenset())
        yield found


@pytest.fixture
def run(warm, tmp_path):
    """run(answer, test, ...) -> the TestResult of one test of one answer cell."""

    def run(answer, test, reference="f = None", locked="import numpy as np", extra=(), **options):
        m = master(("locked", "setup", locked), ("answer", "one", reference), ("test", "one-test", test))
        options.setdefault("limits", LIMITS)
        found, tests = results(warm, m, answered(m, {"one": answer}, extra), tmp_path, **options)
        assert not found.needs_person, found.needs_person
        run.result = found
        return tests["one-test"]

    return run


def passes(outcome):
    assert outcome.verdict == "passed" and outcome.points == 1.0, outcome
    return True


def fails(outcome, reason="wrong"):
    assert (outcome.verdict, outcome.points, outcome.reason) == ("failed", 0.0, reason), outcome
    return True


# what tests may do with what the student defined


@pytest.mark.parametrize(
    "answer, test",
    [
        ("def f(x): return x + 1", "assert f(3) == 4"),
        ("def f(x, *, k=1): return x * k", "assert f(3, k=5) == 15"),
        ("f = lambda x: (x, [x], {'a': x})", "assert f(2) == (2, [2], {'a': 2})"),
        ("f = 3.5", "assert f == 3.5 and isinstance(f, float)"),
        ("f = np.arange(6).reshape(2, 3)", "assert f.shape == (2, 3) and f.sum() == 15 and isinstance(f, np.ndarray)"),
        ("def f(a): a += 1", "a = np.zeros(3); f(a); assert a.tolist() == [1, 1, 1]"),
        ("def f(l): l.append(5); l[0] = 'x'", "l = [1, 2]; f(l); assert l == ['x', 2, 5]"),
        ("def f(d): d['new'] = np.ones(2)", "d = {}; f(d); assert d['new'].tolist() == [1, 1]"),
        ("def f(n):\n    for i in range(n): yield i * i", "assert list(f(4)) == [0, 1, 4, 9]"),
        ("class f:\n    def __init__(self, a): self.a = a\n    def get(self): return self.a * 2", "o = f(4); assert o.get() == 8 and o.a == 4; o.a = 5; assert o.get() == 10"),
        ("class f:\n    def __init__(self, a): self.a = a\n    def __add__(self, o): return f(self.a + o.a)", "assert (f(1) + f(2)).a == 3"),
        ("class f:\n    def __len__(self): return 3\n    def __getitem__(self, i): return i * i", "o = f(); assert len(o) == 3 and o[2] == 4"),
        ("class f: pass", "assert isinstance(f(), f) and not isinstance(3, f)"),
        ("def f(x):\n    if x < 0: raise ValueError('negative')\n    return x", "try:\n    f(-1)\nexcept ValueError as e:\n    assert 'negative' in str(e)\nelse:\n    assert False"),
        ("class Mine(KeyError): pass\ndef f(): raise Mine('k')", "try:\n    f()\nexcept KeyError:\n    pass\nelse:\n    assert False"),
        ("def f(g, x): return g(g(x))", "assert f(lambda x: x + 1, 0) == 2"),
        ("def f(g, n):\n    for i in range(n): g(i)", "seen = []\nf(seen.append, 3)\nassert seen == [0, 1, 2]"),
        ("def f(): return lambda x: x * 2", "double = f(); assert double(4) == 8"),
        ("def f(g): return g", "def mine(): pass\nassert f(mine) is mine"),
        ("import numpy as np\nf = np.float32(2.5)", "assert isinstance(f, np.float32) and f == 2.5"),
        ("count = 0\ndef f():\n    global count\n    count += 1\n    return count", "f(); f(); assert f() == 3"),
        ("def f(x): return float('nan'), float('inf'), -0.0", "import math\na, b, c = f(0); assert math.isnan(a) and b == math.inf and math.copysign(1, c) == -1"),
        ("f = 2 ** 100", "assert f == 2 ** 100"),
        ("def f(x): print('hello'); return x", "assert f(1) == 1"),
        ("def f(x): return x", "def helper(v): return f(v) + 1\nassert helper(1) == 2\nassert [f(i) for i in range(3)] == [0, 1, 2]"),
        ("def f(x): return x", "np.testing.assert_allclose(f(np.eye(2)), np.eye(2))"),
    ],
)  # fmt: skip
def test_a_test_sees_what_it_would_see_in_one_notebook(run, answer, test):
    assert passes(run(answer, test))


def test_a_value_that_a_call_changes_is_seen_changed(run):
    answer = "f = 0\ndef g():\n    global f\n    f += 1"
    assert passes(run(answer, "assert f == 0; g(); assert f == 1", reference="f = g = None"))


@pytest.mark.parametrize(
    "put, left",
    [("np.float64(2.0)", "2.0"), ("[np.float32(1.0)]", "[1.0]"), ("(1, 'x')", "(1, 'x')"), ("{1}", "{1}"), ("None", "None")],
)
def test_a_dict_into_which_another_kind_of_value_is_put_is_seen_changed(run, put, left):
    answer = f"def f(table, g):\n    for k in table: table[k] = {put}\n    return g(table)"
    test = f"table = {{'w': np.array(1.0), 'b': np.zeros(2)}}; f(table, len); assert table == {{'w': {left}, 'b': {left}}}"
    assert passes(run(answer, test, reference="f = None"))


def test_an_argument_that_cannot_be_compared_any_more_is_an_error_of_the_call(run):
    result = run("def f(items): items.append(items)", "f([1])", reference="f = None")
    assert fails(result, "raised") and "contain itself" in result.message


def test_partial_credit_is_the_value_of_the_last_line(run):
    assert run("def f(x): return x", "0.25 if f(1) == 1 else 0").points == 0.25
    assert fails(run("def f(x): return x", "0.0"))
    assert run("def f(x): return x", "float('nan')").points is None
    assert run("def f(x): return x", "5").points is None


# what the student has no say in


LIES = {
    "an __eq__ that is always true": "class L:\n    def __eq__(self, o): return True\n    __hash__ = object.__hash__\nf = lambda x: L()",
    "an int that equals everything": "class L(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\nf = lambda x: L(7)",
    "an array that equals everything": "class L(np.ndarray):\n    def __eq__(self, o): return np.ones(self.shape, bool)\nf = lambda x: np.array(7).view(L)",
    "a patched comparison": "np.testing.assert_allclose = lambda *a, **k: None\nnp.allclose = lambda *a, **k: True\nf = lambda x: 7",
    "patched builtins": "import builtins\nfor n in ('all', 'isinstance', 'abs', 'len'): setattr(builtins, n, lambda *a: True)\nf = lambda x: 7",
    "a name of the instructor's": "np = None\ncheck = lambda *a: True\nf = lambda x: 7",
    "a string of the answer": "f = lambda x: '9'",
    "nothing": "f = lambda x: None",
}  # fmt: skip


@pytest.mark.parametrize("answer", LIES.values(), ids=LIES)
@pytest.mark.parametrize(
    "test", ["assert f(3) == 9", "np.testing.assert_allclose(f(3), 9)", "assert abs(f(3) - 9) < 1"]
)
def test_lies_about_equality_earn_nothing(run, answer, test):
    outcome = run(answer, test)
    assert outcome.points == 0.0 and outcome.verdict == "failed"


def test_an_instructors_names_are_the_instructors(run):
    locked = "import numpy as np\ndef right(x): return x * x"
    assert fails(run("right = lambda x: 7\nf = right", "assert f(3) == right(3)", locked=locked))


def test_a_name_that_an_answer_cell_binds_is_the_students_until_the_master_binds_it_again(run):
    assert passes(run("f = 5", "assert f == 5", locked="f = 0"))
    assert passes(run("f = 5", "f = 6\nassert f == 6"))


def test_an_assertion_in_a_callback_is_not_forgotten_when_the_student_catches_it(run):
    answer = "def f(g):\n    try: g(-1)\n    except BaseException: pass\n    return 9"
    assert fails(run(answer, "def g(x): assert x > 0\nassert f(g) == 9"))


def test_each_test_has_its_own_fork_of_the_students_state(warm, tmp_path):
    m = master(
        ("answer", "one", "state = []\ndef f():\n    state.append(1)\n    return len(state)"),
        ("test", "a", "assert f() == 1 and f() == 2"),
        ("test", "b", "assert f() == 1"),
    )
    _, tests = results(warm, m, answered(m), tmp_path, limits=LIMITS)
    assert passes(tests["a"]) and passes(tests["b"])


@pytest.mark.parametrize(
    "ending, reason",
    [
        ("import os; os._exit(0)", "crash"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crash"),
        ("import sys; sys.exit(0)", "raised"),
        ("raise KeyboardInterrupt", "raised"),
        ("while True: pass", "time"),
        ("import time\n    time.sleep(60)", "time"),
        ("while True:\n        try:\n            while True: pass\n        except BaseException: pass", "time"),
        ("return bytearray(3 << 30)", "memory"),
        ("return f(x)", "raised"),
    ],
)
def test_what_ends_one_test_costs_that_test_alone(warm, tmp_path, ending, reason):
    m = master(
        ("answer", "one", "def f(x): return x"),
        ("test", "a", "assert f(1) == 1"),
        ("test", "b", "assert f(-1) == -1"),
        ("test", "c", "assert f(2) == 2"),
    )
    answer = (
        f"def f(x):\n    if x < 0:\n        pass\n        {ending.replace(chr(10), chr(10) + '    ')}\n    return x"
    )
    found, tests = results(warm, m, answered(m, {"one": answer}), tmp_path, limits=LIMITS)
    assert not found.needs_person
    assert passes(tests["a"]) and passes(tests["c"])
    assert fails(tests["b"], reason)


@pytest.mark.parametrize(
    "answer, test",
    [
        ("def f():\n    while True: yield 1", "for _ in f(): pass"),
        ("def f(g):\n    while True:\n        try: g()\n        except BaseException: pass", "f(lambda: 0)"),
        (
            "class f:\n    def __len__(self): return 3\n    def __getitem__(self, i): return i",
            "for _ in iter(lambda: f()[0], 1): pass",
        ),
    ],
)
def test_a_lively_student_does_not_outlast_the_time_of_a_test(run, answer, test):
    limits = Limits(cell_cpu=2, cell_wall=4, test_cpu=1, test_wall=2)
    assert fails(run(answer, test, limits=limits), "time")


def test_what_is_not_reached_in_the_time_of_the_whole_submission_fails(warm, tmp_path, monkeypatch):
    monkeypatch.setattr("autograde.examine.GRACE", 0.0)
    m = master(
        ("answer", "one", "def f(x): return x"),
        ("test", "a", "assert f(1) == 1"),
        ("answer", "two", "pass"),
        ("test", "b", "assert f(1) == 1"),
    )
    limits = Limits(cell_cpu=60, cell_wall=60, wall_total=3)
    found, tests = results(
        warm,
        m,
        answered(m, {"one": "def f(x): return x", "two": "import time; time.sleep(50)"}),
        tmp_path,
        limits=limits,
    )
    assert passes(tests["a"]) and fails(tests["b"], "time") and not found.needs_person


@pytest.mark.parametrize("cell", ["import os; os._exit(1)", "while True: pass", "import os; os.kill(0, 9)", "1/0"])
def test_a_cell_of_the_students_that_fails_costs_that_cell_alone(run, cell):
    assert passes(run("def f(x): return x", "assert f(1) == 1", extra=[("setup", cell), ("one", cell)]))


def test_a_missing_name_is_named(run):
    outcome = run("g = 1", "assert f(1) == 1")
    assert fails(outcome, "missing") and "`f` is not defined" in outcome.message
    assert "SyntaxError" in run("def f(x): return (", "assert f(1) == 1").message


def test_an_answer_that_reads_a_name_of_the_tests_fails(run):
    outcome = run("def f(): return hidden_value", "hidden_value = 9\nassert f() == 9")
    assert fails(outcome, "raised") and "hidden_value" in outcome.message


# what is told


HIDDEN = "assert f(1) == 1\n### BEGIN HIDDEN TESTS\nassert f(41) == 42, 'the answer is 42'\n### END HIDDEN TESTS"


def test_a_hidden_test_tells_neither_its_source_nor_its_values(run):
    for answer in ("def f(x): return 1", "def f(x):\n    if x > 1: raise ValueError(f'called with {x}')\n    return 1"):
        outcome = run(answer, HIDDEN)
        told = repr((run.result.tests, run.result.cells, run.result.flags))
        assert outcome.points == 0.0 and outcome.category
        assert not any(secret in told for secret in ("41", "42", "called with")), told


def test_a_visible_test_tells_its_line_and_the_students_error(run):
    assert "f(1) == 1" in run("def f(x): return 2", HIDDEN).message
    outcome = run("def f(x): raise ValueError('no idea')", HIDDEN)
    assert fails(outcome, "raised") and "no idea" in outcome.message and "line 1" in outcome.message


def test_hidden_lines_are_those_between_the_marks():
    assert hidden_lines(HIDDEN) == {2, 3, 4}
    assert hidden_lines("a\n# BEGIN HIDDEN TESTS\nb") == {2, 3}


def test_printed_text_of_a_cell_is_kept_head_and_tail(run):
    run("print('start'); print('x' * 10**7); print('end')\nf = 1", "assert f == 1")
    text = "".join(o["text"] for c in run.result.cells for o in c.outputs if o["type"] == "stream")
    assert text.startswith("start") and text.rstrip().endswith("end") and len(text) < 200_000
    assert "left out" in text


# tripwires, seeds, keys


def test_the_tripwire_catches_an_examiner_that_no_longer_tells_right_from_wrong(monkeypatch):
    space = {"__builtins__": __builtins__}
    assert tripwire(space) is None
    with monkeypatch.context() as patch:
        patch.setattr(np.testing, "assert_allclose", lambda *a, **k: None)
        assert "numpy.testing" in tripwire(space)
    with monkeypatch.context() as patch:
        patch.setattr("autograde.examine.compare", lambda *a, **k: None)
        assert "compare" in tripwire(space)


def test_a_test_that_disarms_the_examiner_gives_no_points(run):
    outcome = run("def f(x): return 7", "np.testing.assert_allclose = lambda *a, **k: None\nassert True")
    assert outcome.points is None and outcome.verdict == "unexamined"
    assert any("tripwire" in flag for flag in run.result.flags)


def test_hidden_inputs_differ_by_student_and_repeat_for_one(run):
    locked = "from edfcore.teach import Checks\nimport json, pathlib\npathlib.Path('T1.checks.json').write_text(json.dumps({'checks': {}, 'says': {}}))\ncheck = Checks('T1')"
    test = "drawn = check.rng('one').integers(1 << 60)\nassert f == drawn, f'drawn {drawn}'"
    seen = [
        run("f = 0", test, locked=locked, seed=seed_for(b"s" * 32, who, "T1")).message for who in ("ada", "bob", "ada")
    ]
    assert seen[0] == seen[2] != seen[1] and "drawn" in seen[0]


def test_the_same_submission_gives_the_same_result_twice(run):
    answer = "import random, numpy as np\nf = random.random() + np.random.rand() + hash('a')\nprint(f)"
    run(answer, "assert f == f")
    first = run.result
    run(answer, "assert f == f")
    assert (first.key, first.tests, first.cells) == (run.result.key, run.result.tests, run.result.cells)


def test_a_result_survives_json(run):
    run("print(1)\nf = 1", "assert f == 2")
    assert Result.from_json(run.result.to_json()) == run.result


def test_helpers_marked_inside_run_beside_the_students_code(run):
    locked = """
import numpy as np
from edfcore.teach import inside

@inside
def drive(steps):
    o = f()
    for _ in range(steps):
        o.step()
    return o.x
"""
    answer = "class f:\n    x = 0\n    def step(self): self.x += 2"
    assert passes(run(answer, "assert drive(3) == 6", locked=locked))


TRIALS = """
import numpy as np
from edfcore.teach import inside

class Machine:
    def carry_out(self, work):
        return [work(k) for k in range(3)]

def tell(values):
    return sum(values)

@inside
def trial(work):
    return tell(Machine().carry_out(work))
"""


@pytest.mark.parametrize(
    "forged",
    [
        "def trial(work): return 30",
        "def tell(values): return 30",
        "class Machine:\n    def carry_out(self, work): return [30]",
        "Machine.carry_out = lambda self, work: [30]",
        "Machine.carry_out.__code__ = (lambda self, work: [30]).__code__",
        "tell.__code__ = (lambda values: 30).__code__",
        "del trial, tell, Machine",
    ],
)
def test_helpers_marked_inside_stay_what_the_instructor_wrote(run, forged):
    assert fails(run(f"def f(k): return k\n{forged}", "assert trial(f) == 30", locked=TRIALS), "wrong")
    assert passes(run(f"def f(k): return 10 * k\n{forged}", "assert trial(f) == 30", locked=TRIALS))


def test_forbidden_names_are_absent_for_their_exercise_and_there_for_others(tmp_path):
    import dataclasses

    m = master(
        ("locked", "setup", "import numpy as np\nimport edfcore as edf"),
        ("answer", "one", "def one(): return 1"),
        ("test", "one-test", "assert one() == 'Sigmoid'"),
        ("answer", "two", "def two(): return 2"),
        ("test", "two-test", "assert two() == 'Sigmoid'"),
    )
    m = dataclasses.replace(
        m, forbidden={"one-test": ("edfcore.Sigmoid",)}, exercises={"one-test": "one", "two-test": "two"}
    )
    uses = {n: f"def {n}():\n    import edfcore\n    return edfcore.Sigmoid.__name__" for n in ("one", "two")}
    with Warm(m, tmp_path) as warm:
        assert every_forbidden(m) == {"edfcore.Sigmoid"}
        _, tests = results(warm, m, answered(m, uses), tmp_path, limits=LIMITS)
    assert fails(tests["one-test"], "raised") and "edfcore.Sigmoid is not available" in tests["one-test"].message
    assert passes(tests["two-test"])


HIDDEN_PARTS = """
found = f(1)
### BEGIN HIDDEN TESTS
check = Checks("T")
for k in range(3):
    value = f(k)
    check.hidden("small numbers", value, k)
check.hidden("large numbers", f(10**6),
             10**6)
### END HIDDEN TESTS
"""


def test_a_line_of_a_hidden_test_belongs_to_the_next_category():
    assert [examine.category_at(HIDDEN_PARTS, line) for line in (5, 6, 7)] == ["small numbers"] * 3
    assert [examine.category_at(HIDDEN_PARTS, line) for line in (8, 9)] == ["large numbers"] * 2
    assert examine.category_at("f(1)\nassert f(2)", 2) == "a hidden test"


def test_what_raises_in_a_hidden_test_is_told_its_category(run):
    part = "### BEGIN HIDDEN TESTS\nvalue = f(2)\ncheck.hidden('two', value, 2)\n### END HIDDEN TESTS"
    setup = "from edfcore.teach import Checks\nimport json\nopen('T.checks.json', 'w').write('{\"checks\": {}, \"says\": {}}')\ncheck = Checks('T')"
    found = run("def f(k): return {}[k]", part, locked=setup)
    assert fails(found, "raised") and found.category == "two"
    assert found.message == "A hidden test fails: your code raised KeyError. Its category: two."
