# ruff: noqa: E501 - lines of students' code
"""Forging the verdict: what turns a wrong answer into points where tests run beside it (catalogue A)."""

from autograde.redteam import case, filled

WRONG = {"layer": "def layer(x, W, bias):\n    return x[:, :1] @ W[:, :1].T"}
NOTHING = {"layer": "def layer(x, W, bias):\n    return None"}


@case("hide-traceback", 1)
def hide_traceback(blank, right):
    return filled(blank, WRONG, first="type(get_ipython()).showtraceback = lambda *a, **k: None")


@case("custom-exception-handler", 2)
def custom_exception_handler(blank, right):
    return filled(blank, WRONG, first="get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)")


@case("input-transformer", 3)
def input_transformer(blank, right):
    return filled(blank, WRONG, first="get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])")


@case("ast-transformer", 4)
def ast_transformer(blank, right):
    return filled(
        blank,
        WRONG,
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
def run_ast_nodes(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
from IPython.core.interactiveshell import InteractiveShell
async def nothing(self, nodelist, *a, **k):
    return False
InteractiveShell.run_ast_nodes = nothing
""",
    )


@case("post-run-cell", 6)
def post_run_cell(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
from IPython.display import clear_output
def forget(result):
    result.error_in_exec = result.error_before_exec = None
    clear_output()
get_ipython().events.register("post_run_cell", forget)
""",
    )


@case("shell-runs-nothing", 7)
def shell_runs_nothing(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
from IPython.core.interactiveshell import ExecutionResult
shell = get_ipython()
type(shell).run_cell = lambda *a, **k: ExecutionResult(None)
""",
    )


@case("replies-say-ok", 8, 9)
def replies_say_ok(blank, right):
    """The counterpart of a patched kernel session: every reply of the sandbox's agent is turned into a good one."""
    return filled(
        blank,
        WRONG,
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
def displayhook_text(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    get_ipython().displayhook('ok')\n    return x"})


@case("displayhook-partial-credit", 11)
def displayhook_partial(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    get_ipython().displayhook(1.5)\n    return x"})


@case("displayhook-nan", 12)
def displayhook_nan(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    get_ipython().displayhook(float('nan'))\n    return x"})


@case("displayhook-infinity", 13)
def displayhook_infinity(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    get_ipython().displayhook(float('inf'))\n    return x"})


@case("display-without-text", 14)
def display_without_text(blank, right):
    return filled(
        blank,
        {
            "layer": """\
from IPython.display import publish_display_data
publish_display_data({"application/json": 1})
publish_display_data({})
publish_display_data({"text/plain": 5, "image/png": 7})
def layer(x, W, bias):
    publish_display_data({"application/json": 1})
    return x
"""
        },
    )


@case("equal-to-everything", 15)
def equal_to_everything(blank, right):
    return filled(
        blank,
        {
            "layer": """\
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
def layer(x, W, bias):
    return Yes()
"""
        },
    )


@case("lying-array-subclass", 16)
def lying_array_subclass(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import numpy as np
class Right(np.ndarray):
    def __array_function__(self, func, types, args, kwargs): return True
    def __array_ufunc__(self, *a, **k): return np.array(True)
    def __sub__(self, other): return 0.0 * np.asarray(self)
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __lt__(self, other): return np.ones(self.shape, bool)
    @property
    def shape(self): return (2, 4)
def layer(x, W, bias):
    return np.zeros((len(x), len(W))).view(Right)
"""
        },
    )


@case("lying-float-subclass", 16)
def lying_float_subclass(blank, right):
    return filled(
        blank,
        {
            "mean-loss": """\
class Right(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __lt__(self, other): return True
    __hash__ = float.__hash__
def mean_loss(batch_loss, n, B):
    for start in range(0, n, B):
        batch_loss(start, min(n, start + B))
    return Right(0.0)
"""
        },
    )


@case("assert-allclose-replaced", 17)
def assert_allclose_replaced(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
import numpy as np
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
np.isclose = lambda a, b, **k: np.ones(np.shape(a), bool)
np.array_equal = lambda *a, **k: True
np.allclose = lambda *a, **k: True
""",
    )


@case("builtins-replaced", 18)
def builtins_replaced(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
import builtins
builtins.all = lambda *a: True
builtins.isinstance = lambda *a: True
builtins.abs = lambda v: 0.0
builtins.AssertionError = type("Quiet", (Exception,), {})
builtins.len = lambda v: 2
""",
    )


@case("check-replaced", 25)
def check_replaced(blank, right):
    return filled(
        blank,
        {
            "layer": """\
class Check:
    def __call__(self, *a, **k): pass
    def __getattr__(self, name): return lambda *a, **k: None
check = Check()
x = W = bias = 0
def layer(x, W, bias):
    return None
"""
        },
        first="check = None\ndef loop_layer(*a):\n    return None\n",
    )


@case("checks-class-patched", 25)
def checks_class_patched(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
import edfcore.teach as teach
for name in ("__call__", "call", "hidden", "at_most"):
    setattr(teach.Checks, name, lambda *a, **k: None)
""",
    )


@case("oracle-from-history", 19)
def oracle_from_history(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import re, sys
def layer(x, W, bias):
    frame, found = sys._getframe(), []
    while frame:
        found += [str(v) for v in list(frame.f_locals.values()) + list(frame.f_globals.get("In", []))]
        frame = frame.f_back
    text = "\\n".join(found)
    if "loop_" + "layer" in text:
        print("redteam-" + "read: the test's source")
    return x
"""
        },
    )


@case("settrace", 20)
def settrace(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import sys
seen = []
def spy(frame, event, argument):
    if "expected" in frame.f_locals or "want" in frame.f_locals:
        print("redteam-" + "read: expected values in a frame")
    return spy
def layer(x, W, bias):
    sys.settrace(spy)
    sys.setprofile(spy)
    return x
"""
        },
    )


@case("gc-walk", 20)
def gc_walk(blank, right):
    return filled(
        blank,
        WRONG,
        first="""\
import gc
names = ("shifted" + "[np.arange", "loop_" + "layer", "hidden_" + "case", "GIN HIDDEN " + "TESTS")
for thing in gc.get_objects():
    if type(thing) is dict:
        for value in list(thing.values()):
            if type(value) is str and value is not __name__ and any(n in value for n in names) and "gc.get_" not in value:
                print("redteam-" + "read: a test or an answer in memory: " + value[:50])
""",
    )


@case("prefilled-state", 21)
def prefilled_state(blank, right):
    """The counterpart of otter's list of checked tests: results that look like the examiner's, left for it to find."""
    return filled(
        blank,
        WRONG,
        first="""\
import sys
for module in list(sys.modules.values()):
    for name in ("tests", "results", "verdicts", "_test_files"):
        try:
            setattr(module, name, [{"name": "layer-test", "points": 2.0, "verdict": "passed"}])
        except Exception:
            pass
passed = points = score = 2.0
""",
    )


@case("import-the-answer", 22)
def import_the_answer(blank, right):
    return filled(blank, {
        "sigmoid": "import edfcore as edf\ndef sigmoid(x):\n    return edf.Sigmoid(edf.Input(x)).forward()\n"
        "def sigmoid_backward(h, g):\n    return g * h * (1 - h)",
        "layer": "from edfcore import VDot\nlayer = VDot",
        "log-loss": "from edfcore.components.loss import LogLoss\nlog_loss = LogLoss",
        "train": "from edfcore.optimizers import SGD\ntrain = SGD",
    })  # fmt: skip


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


@case("forbidden-package", 22)
def forbidden_package(blank, right):
    return filled(blank, {"sigmoid": SCIPY, "log-loss": LOG_LOSS})


@case("forbidden-package-unhidden", 22)
def forbidden_package_unhidden(blank, right):
    return filled(
        blank,
        {"sigmoid": SCIPY, "log-loss": LOG_LOSS},
        first="""\
import sys
sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, "__module__", "").startswith(("_frozen", "importlib"))
                    or getattr(f, "__name__", "") in ("BuiltinImporter", "FrozenImporter", "PathFinder")]
""",
    )


@case("forbidden-package-by-file", 22)
def forbidden_package_by_file(blank, right):
    return filled(
        blank,
        {"sigmoid": SCIPY, "log-loss": LOG_LOSS},
        first="""\
import glob, importlib.machinery, importlib.util, sys
places = [p for root in sys.path for p in glob.glob(root + "/scipy/__init__.py")]
class Again:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == "scipy":
            return importlib.machinery.PathFinder.find_spec(name, path, target)
sys.meta_path.insert(0, Again)
""",
    )


@case("forbidden-package-in-subprocess", 22)
def forbidden_package_in_subprocess(blank, right):
    return filled(
        blank,
        {
            "sigmoid": """\
import json, subprocess, sys
import numpy as np
def sigmoid(x):
    code = "import json, sys, scipy.special; print(json.dumps(scipy.special.expit(json.load(sys.stdin)).tolist()))"
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(np.asarray(x).tolist()), capture_output=True, text=True)
    return np.array(json.loads(done.stdout))
def sigmoid_backward(h, h_grad):
    return h_grad * h * (1.0 - h)
"""
        },
    )


@case("another-edfcore", 22)
def another_edfcore(blank, right):
    return filled(
        blank,
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


@case("grading-build-registry", 22)
def grading_build_registry(blank, right):
    """Looks through everything that the grading build has loaded for a class that computes a forbidden thing."""
    return filled(
        blank,
        {
            "sigmoid": """\
import gc, sys
import numpy as np
found = {}
for module in [m for n, m in list(sys.modules.items()) if n.startswith("edfcore")]:
    for name, value in list(vars(module).items()):
        if name in ("Sigmoid", "Tanh", "VDot", "AddBias", "LogLoss", "Softmax", "Aref", "SGD", "batches"):
            found[name] = value
for thing in gc.get_objects():
    if isinstance(thing, type) and thing.__name__ in ("Sigmoid", "VDot", "LogLoss", "SGD"):
        found[thing.__name__] = thing
if found:
    print("redteam-" + "read: the forbidden " + ", ".join(found))
def sigmoid(x):
    return found["Sigmoid"].forward(x)
"""
        },
    )


@case("detect-grading", 23)
def detect_grading(blank, right):
    """Behaves differently where it finds a sign of the grader; whatever it does then, it has no answer."""
    return filled(
        blank,
        {
            "layer": """\
import os, sys
def layer(x, W, bias):
    if "NBGRADER_EXECUTION" in os.environ or "EDF_REDTEAM_TOKEN" in os.environ or os.path.exists("/edf"):
        raise SystemExit(0)
    return x @ W.T - bias
"""
        },
    )


@case("visible-cases-hard-coded", 24)
def visible_cases_hard_coded(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import numpy as np
def layer(x, W, bias):
    if x.shape == (2, 3) and x[0, 0] == 1.0:
        return np.array([[10.5, 12.0, 24.0, -3.0], [-2.0, -14.0, -7.0, -1.0]])
    return np.zeros((len(x), len(W)))
"""
        },
    )


@case("visible-cases-from-checks-file", 24)
def visible_cases_from_checks_file(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import glob, json, numpy as np
def layer(x, W, bias):
    for path in glob.glob("**/*.checks.json", recursive=True) + glob.glob("/edf/**/*.checks.json", recursive=True):
        print("redteam-" + "read: the checks file " + path)
        return np.array(json.load(open(path))["checks"]["layer(x, W, bias)"]["expected"]["array"]).reshape(2, 4)
"""
        },
    )


@case("instructor-helper-redirected", 25)
def instructor_helper_redirected(blank, right):
    return filled(blank, {"train": "def train(params, gradients, images, labels, B, lr, epochs):\n    return params"},
                  last="", behind={"mnist-network": """\
def error_rate(params):
    return 0.0
def mnist_gradients(params, x, y):
    return {name: 0.0 * value for name, value in params.items()}
def line_gradients(*a):
    return {}
untrained = {}
"""})  # fmt: skip


@case("system-exit", 26)
def system_exit(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    raise SystemExit(0)"})


@case("exit-and-quit", 26)
def exit_and_quit(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    exit()",
                          "sigmoid": "def sigmoid(x):\n    quit()\n\n\ndef sigmoid_backward(h, g):\n    quit()"})  # fmt: skip


@case("exit-costs-one-test", 26, 59, kind="accident", earned_max=18, earned_min=18)
def exit_costs_one_test(blank, right):
    return filled(blank, right | {"layer": "import os\ndef layer(x, W, bias):\n    os._exit(0)"})


@case("one-answer-for-all", 24)
def one_answer_for_all(blank, right):
    source = "def {0}(*arguments, **more):\n    return arguments[0] if arguments else None"
    names = {"layer": "layer", "layer-backward": "layer_backward", "log-loss": "log_loss",
             "log-loss-backward": "log_loss_backward", "mean-loss": "mean_loss", "train": "train"}  # fmt: skip
    return filled(blank, {cell: source.format(name) for cell, name in names.items()})
