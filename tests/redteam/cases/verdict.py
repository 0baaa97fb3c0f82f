# ruff: noqa: E501 - lines of students' code
"""Forging the verdict: what turns a wrong answer into points where tests run beside it (catalogue A)."""

import base64
import importlib
import re
import types

from autograde import assignment as assignments
from autograde.plan import kind_of, names_bound
from autograde.redteam import TELL, TOLD, all_but, case


@case("hide-traceback", 1)
def hide_traceback(task):
    return task.filled(task.wrong(), first="type(get_ipython()).showtraceback = lambda *a, **k: None")


@case("custom-exception-handler", 2)
def custom_exception_handler(task):
    return task.filled(task.wrong(), first="get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)")


@case("input-transformer", 3)
def input_transformer(task):
    """From the answer on, so that the answer itself is there; as in the next but one, and in shell-runs-nothing."""
    transform = "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])"
    return task.filled(task.wrong(), behind={task.role(0): transform})


@case("ast-transformer", 4)
def ast_transformer(task):
    return task.filled(
        task.wrong(),
        first="""\
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Expr(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Strip())
""",
    )


@case("run-ast-nodes", 5)
def run_ast_nodes(task):
    return task.filled(
        task.wrong(),
        behind={
            task.role(0): """\
from IPython.core.interactiveshell import InteractiveShell
async def nothing(self, nodelist, *a, **k):
    return False
InteractiveShell.run_ast_nodes = nothing
"""
        },
    )


@case("post-run-cell", 6)
def post_run_cell(task):
    return task.filled(
        task.wrong(),
        first="""\
from IPython.display import clear_output
def forget(result):
    result.error_in_exec = result.error_before_exec = None
    clear_output()
get_ipython().events.register("post_run_cell", forget)
""",
    )


@case("shell-runs-nothing", 7)
def shell_runs_nothing(task):
    return task.filled(
        task.wrong(),
        behind={
            task.role(0): """\
from IPython.core.interactiveshell import ExecutionResult
shell = get_ipython()
type(shell).run_cell = lambda *a, **k: ExecutionResult(None)
"""
        },
    )


@case("replies-say-ok", 8, 9)
def replies_say_ok(task):
    """The counterpart of a patched kernel session: every reply of the sandbox's agent is turned into a good one."""
    return task.filled(
        task.wrong(),
        first="""\
import sys
for name, module in list(sys.modules.items()):
    if name.endswith("wire") and hasattr(module, "Channel"):
        send = module.Channel.send
        def lie(self, value, send=send):
            if isinstance(value, dict) and "raise" in value:
                value = {"return": None, "changed": [], "printed": "", "touched": []}
            send(self, value)
        module.Channel.send = lie
""",
    )


@case("displayhook-text", 10)
def displayhook_text(task):
    return task.filled(task.answer(0, "get_ipython().displayhook('ok')\nreturn given"))


@case("displayhook-partial-credit", 11)
def displayhook_partial(task):
    return task.filled(task.answer(0, "get_ipython().displayhook(1.5)\nreturn given"))


@case("displayhook-nan", 12)
def displayhook_nan(task):
    return task.filled(task.answer(0, "get_ipython().displayhook(float('nan'))\nreturn given"))


@case("displayhook-infinity", 13)
def displayhook_infinity(task):
    return task.filled(task.answer(0, "get_ipython().displayhook(float('inf'))\nreturn given"))


@case("display-without-text", 14)
def display_without_text(task):
    before = """\
from IPython.display import publish_display_data
publish_display_data({"application/json": 1})
publish_display_data({})
publish_display_data({"text/plain": 5, "image/png": 7})
"""
    return task.filled(task.answer(0, 'publish_display_data({"application/json": 1})\nreturn given', before))


@case("equal-to-everything", 15)
def equal_to_everything(task):
    yes = """\
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __array__(self, *a, **k): return self
    def __abs__(self): return self
    def __sub__(self, other): return self
    __rsub__ = __sub__
    def __bool__(self): return True
    def all(self, *a, **k): return True
    __hash__ = None
"""
    return task.filled(task.answer(0, "return Yes()", before=yes))


@case("lying-array-subclass", 16)
def lying_array_subclass(task):
    """An array of the right shape, if the right answer is one."""
    lie = """\
import numpy as np
class Right(np.ndarray):
    def __array_function__(self, func, types, args, kwargs): return True
    def __array_ufunc__(self, *a, **k): return np.array(True)
    def __sub__(self, other): return 0.0 * np.asarray(self)
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __lt__(self, other): return np.ones(self.shape, bool)
    @property
    def shape(self): return (2, 4)
"""
    return task.filled(task.spoiled(0, "(np.zeros(np.shape(v)) - 7.0).view(Right)", ahead=lie))


@case("lying-float-subclass", 16)
def lying_float_subclass(task):
    lie = """\
class Right(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __lt__(self, other): return True
    __hash__ = float.__hash__
"""
    return task.filled(task.spoiled(-2, "Right(-7.0)", ahead=lie))


@case("assert-allclose-replaced", 17)
def assert_allclose_replaced(task):
    return task.filled(
        task.wrong(),
        first="""\
import numpy as np
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
np.isclose = lambda a, b, **k: np.ones(np.shape(a), bool)
np.array_equal = lambda *a, **k: True
np.allclose = lambda *a, **k: True
""",
    )


@case("builtins-replaced", 18)
def builtins_replaced(task):
    """In the cell what leaves Python running; the rest, which ends the agent as well, when a test calls."""
    body = """
builtins.isinstance = lambda *a: True
builtins.len = lambda v: 2
return given
"""
    first = """\
import builtins
builtins.all = lambda *a: True
builtins.abs = lambda v: 0.0
builtins.AssertionError = type("Quiet", (Exception,), {})
"""
    return task.filled(task.wrong() | task.answer(1, body), first=first)


@case("check-replaced", 25)
def check_replaced(task):
    check = """\
class Check:
    def __call__(self, *a, **k): pass
    def __getattr__(self, name): return lambda *a, **k: None
check = Check()
x = W = bias = rng = found = want = 0
"""
    names = dict.fromkeys(
        re.findall(r"^def (\w+)", "\n".join(c.source for c in task.source.cells if kind_of(c) == "test"), re.MULTILINE)
    )
    helpers = "".join(f"def {name}(*a):\n    return None\n" for name in names)
    return task.filled(task.answer(0, "return None", before=check), first="check = None\n" + helpers)


@case("checks-class-patched", 25)
def checks_class_patched(task):
    return task.filled(
        task.wrong(),
        first="""\
import edfcore.teach as teach
for name in ("__call__", "call", "hidden", "at_most"):
    setattr(teach.Checks, name, lambda *a, **k: None)
""",
    )


def hidden(task, answers):
    """Words of solutions and hidden tests that are not in the student's own answers, written backwards."""
    own = "".join(answers.values())
    return [line[::-1] for line in task.secrets if line not in own]


@case("oracle-from-history", 19)
def oracle_from_history(task):
    body = f"""
frame, found = sys._getframe(), []
while frame:
    found += [str(v) for v in list(frame.f_locals.values()) + list(frame.f_globals.get("In", []))]
    frame = frame.f_back
text = "\\n".join(found)
if any(line[::-1] in text for line in {hidden(task, {})!r}):
    tell("read: the test's source")
return given
"""
    return task.filled(task.answer(0, body, before="import re, sys"), first=TELL, last=TOLD)


@case("settrace", 20)
def settrace(task):
    spy = """\
import sys
def spy(frame, event, argument):
    if "expected" in frame.f_locals or "want" in frame.f_locals:
        tell("read: expected values in a frame")
    return spy
"""
    body = "sys.settrace(spy)\nsys.setprofile(spy)\nreturn given"
    return task.filled(task.answer(0, body, before=spy), first=TELL, last=TOLD)


@case("gc-walk", 20)
def gc_walk(task):
    first = f"""\
import gc
backwards = {[*hidden(task, task.wrong()), "STSET NEDDIH NIG"]!r}
for thing in gc.get_objects():
    if type(thing) is dict:
        for value in list(thing.values()):
            if type(value) is str and value is not __name__ and "gc.get_" not in value and any(n[::-1] in value for n in backwards):
                print("redteam-" + "read: a test or an answer in memory: " + value[:50])
"""
    return task.filled(task.wrong(), first=first)


@case("prefilled-state", 21)
def prefilled_state(task):
    """The counterpart of otter's list of checked tests: results that look like the examiner's, left for it to find."""
    return task.filled(
        task.wrong(),
        first="""\
import sys
for module in list(sys.modules.values()):
    for name in ("tests", "results", "verdicts", "_test_files"):
        try:
            setattr(module, name, [{"name": "TEST", "points": 2.0, "verdict": "passed"}])
        except Exception:
            pass
passed = points = score = 2.0
""".replace("TEST", task.tests(0)[0]),
    )


@case("import-the-answer", 22)
def import_the_answer(task):
    """The first forbidden name of each exercise in place of its functions, by every second one when it is called."""
    answers = {}
    for k, exercise in enumerate(task.driven):
        forbidden = next(e.forbidden for e in task.exercises if e.id == exercise)
        if forbidden:
            module, _, last = forbidden[0].rpartition(".")
            source = (f"from {module} " if module else "") + f"import {last} as found"
            bound = "\n".join(f"{name} = found" for name in task.binds[exercise])
            late = task.answer(exercise, f"{source}\nreturn found(*given, **options).forward()")
            answers |= late if k % 2 else {exercise: f"{source}\n{bound}"}
    return task.filled(answers)


SCIPY = """\
import scipy.special
def sigmoid(x):
    return scipy.special.expit(x)
def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)
"""
LOG_LOSS = """\
import numpy as np, scipy.special
def log_loss(s, y):
    return -scipy.special.log_softmax(s, axis=1)[np.arange(len(y)), y]
"""
REACHED = """\
import importlib
for name in FORBIDDEN:
    module, _, last = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), last) if module else importlib.import_module(last)
        if getattr(found, "__file__", found):  # the empty folder in a package's place is a module without a file
            print("redteam-" + "read: the forbidden", name, found)
    except Exception as error:
        print(type(error).__name__)
"""


def packaged(task, first=""):
    """Asks for all that is forbidden, after the lines `first`; where SciPy's functions would do, they are the answers."""
    answers = {"sigmoid": SCIPY, "log_loss": LOG_LOSS}
    answers = {e: answers[task.function(e)] for e in task.driven if task.function(e) in answers}
    return task.filled(answers, first=first + REACHED.replace("FORBIDDEN", repr(task.forbidden)))


@case("forbidden-package", 22)
def forbidden_package(task):
    return packaged(task)


@case("forbidden-package-unhidden", 22)
def forbidden_package_unhidden(task):
    return packaged(
        task,
        """\
import sys
sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, "__module__", "").startswith(("_frozen", "importlib"))
                    or getattr(f, "__name__", "") in ("BuiltinImporter", "FrozenImporter", "PathFinder")]
""",
    )


@case("forbidden-package-by-file", 22)
def forbidden_package_by_file(task):
    packages = sorted({name.split(".")[0] for name in task.forbidden} | {"scipy"})
    return packaged(
        task,
        f"""\
import importlib.machinery, importlib.util, sys
packages = {packages!r}
class Again:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in packages:
            return importlib.machinery.PathFinder.find_spec(name, path, target)
sys.meta_path.insert(0, Again)
for name in [n for n in sys.modules if n.split(".")[0] in packages and n.split(".")[0] != "edfcore"]:
    del sys.modules[name]
""",
    )


@case("forbidden-package-in-subprocess", 22)
def forbidden_package_in_subprocess(task):
    answer = """\
import json, subprocess, sys
import numpy as np
def sigmoid(x):
    code = "import json, sys, scipy.special; print(json.dumps(scipy.special.expit(json.load(sys.stdin)).tolist()))"
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(np.asarray(x).tolist()), capture_output=True, text=True)
    return np.array(json.loads(done.stdout))
def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)
"""
    first = f"""\
import subprocess, sys
code = {REACHED.replace("FORBIDDEN", repr(task.forbidden))!r}
done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
print(done.stdout, done.stderr)
"""
    return task.filled({e: answer for e in task.driven if task.function(e) == "sigmoid"}, first=first)


@case("another-edfcore", 22)
def another_edfcore(task):
    return task.filled(
        first="""\
import glob, os, sys, zipfile
mine = os.path.dirname(os.path.dirname(sys.modules["edfcore"].__file__))
for root in {*sys.path, "/usr/lib/python3/dist-packages", "/usr/local/lib", sys.prefix, sys.base_prefix, "/edf"}:
    for folder, below, names in os.walk(root):
        below[:] = [b for b in below if b not in ("numpy", "scipy", "test")][:200]
        if "edfcore" in folder and not folder.startswith(mine):
            print("redteam-" + "read: another edfcore in " + folder)
        if any(n.endswith(".pyc") for n in names) and folder.startswith(mine):
            print("redteam-" + "read: compiled files in " + folder)
""",
    )


def real_names(task):
    """Where the forbidden classes and functions of edfcore are defined, and under which names."""
    found = set()
    for name in task.forbidden:
        module, _, last = name.rpartition(".")
        if name.startswith("edfcore."):
            value = getattr(importlib.import_module(module), last, None)
            if isinstance(value, (type, types.FunctionType)):
                found.add(f"{value.__module__}.{value.__qualname__}")
    return sorted(found)


@case("grading-build-registry", 22)
def grading_build_registry(task):
    """Looks through everything that the grading build has loaded for a class or function that is forbidden."""
    first = f"""\
import gc, importlib, sys
def known(value):
    return f"{{getattr(value, '__module__', '')}}.{{getattr(value, '__qualname__', '')}}"
forbidden, found = set({real_names(task)!r}), set()
for module in [m for n, m in list(sys.modules.items()) if n.startswith("edfcore")]:
    for name, value in list(vars(module).items()):
        if isinstance(value, type) or callable(value):
            found.add(known(value))
for thing in gc.get_objects():
    if isinstance(thing, type) or type(thing) is type(known):
        found.add(known(thing))
if found & forbidden:
    print("redteam-" + "read: the forbidden " + ", ".join(sorted(found & forbidden)))
"""
    return task.filled(task.wrong(), first=first)


@case("detect-grading", 23)
def detect_grading(task):
    """Behaves differently where it finds a sign of the grader; whatever it does then, it has no answer."""
    lines = """
if "NBGRADER_EXECUTION" in os.environ or "EDF_REDTEAM_TOKEN" in os.environ or os.path.exists("/edf"):
    raise SystemExit(0)
"""
    return task.filled(task.around(0, lines, ahead="import os, sys\n"))


@case("visible-cases-hard-coded", 24)
def visible_cases_hard_coded(task):
    """Right for all that the visible tests ask, in every exercise, and for nothing else."""
    answers = {}
    for exercise in task.driven:
        known = {name: [] for name in task.binds[exercise]}
        for call in task.seen.visible:
            if call.exercise == exercise and call.pair and call.pair not in known[call.function]:
                known[call.function].append(call.pair)
        sources = ["import base64, pickle"]
        for name, pairs in known.items():
            kept = [base64.b64encode(pair).decode() for pair in pairs]
            sources.append(f"{name}_known = [pickle.loads(base64.b64decode(text)) for text in {kept!r}]")
            sources.append(f"def {name}(*given):\n    asked = pickle.dumps(given)\n    for arguments, value in {name}_known:\n"
                           "        if pickle.dumps(arguments) == asked or repr(arguments) == repr(given):\n            return value")  # fmt: skip
        answers[exercise] = "\n".join(sources)
    return task.filled(answers)


@case("visible-cases-from-checks-file", 24)
def visible_cases_from_checks_file(task):
    body = """
for path in glob.glob("**/*.checks.json", recursive=True) + glob.glob("/edf/**/*.checks.json", recursive=True):
    tell("read: the checks file " + path)
    return next(iter(json.load(open(path))["checks"].values()))["expected"]
"""
    answers = {}
    for exercise in task.driven:
        answers |= task.answer(exercise, body, before="import glob, json, numpy as np")
    return task.filled(answers, first=TELL, last=TOLD)


@case("instructor-helper-redirected", 25)
def instructor_helper_redirected(task):
    """Binds anew, after each locked cell and each test, whatever that cell binds."""
    behind = {}
    for cell in task.blank.cells:
        if kind_of(cell) in ("locked", "test") and "Checks(" not in cell.source:
            bound = sorted(n for n in names_bound(cell.source) if n not in ("check", "np"))
            functions = [n for n in bound if re.search(rf"^def {n}\b", cell.source, re.MULTILINE)]
            sources = [f"def {n}(*a, **k):\n    return 0.0" for n in functions] + [
                f"{n} = {{}}" for n in bound if n not in functions
            ]
            behind[assignments.grade_id(cell)] = "\n".join(sources) or "pass"
    return task.filled(task.wrong(-1), last="", behind=behind)


@case("system-exit", 26)
def system_exit(task):
    return task.filled(task.answer(0, "raise SystemExit(0)"))


@case("exit-and-quit", 26)
def exit_and_quit(task):
    return task.filled(task.answer(0, "exit()") | task.answer(2, "quit()"))


@case("exit-costs-one-test", 26, 59, kind="accident", earned=all_but(0))
def exit_costs_one_test(task):
    return task.filled(task.right | task.answer(0, "os._exit(0)", before="import os"))


@case("one-answer-for-all", 24)
def one_answer_for_all(task):
    return task.filled(task.answers(*["return given"] * len(task.driven)))
