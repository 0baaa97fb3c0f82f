# ruff: noqa: E501 - lines of students' code
"""Objects that lie, callbacks that stay, and everything else that a stand-in may meet."""

from autograde.redteam import case, filled


@case("lying-about-its-class")
def lying_class(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import numpy as np
class Lie:
    __class__ = np.ndarray
    dtype, ndim, shape, size = np.dtype("f8"), 2, (2, 4), 8
    def __array__(self, *a, **k): return np.zeros((2, 4))
    def __array_interface__(self): raise SystemExit
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __iter__(self): return iter([self])
    def __len__(self): return 2
    def __float__(self): return 0.0
    def __index__(self): return 0
    def __instancecheck__(self, other): return True
def layer(x, W, bias):
    return Lie()
"""
        },
    )


@case("infinite-iterators", seconds=150)
def infinite_iterators(blank, right):
    return filled(blank, {
        "layer": "import itertools\ndef layer(x, W, bias):\n    return itertools.count()",
        "layer-backward": "def layer_backward(x, W, h):\n    while True:\n        yield x",
        "log-loss": "def log_loss(s, y):\n    return iter(int, 1)",
        "log-loss-backward": "class L(list):\n    def __iter__(self):\n        while True:\n            yield 1.0\n"
        "    def __len__(self):\n        return 4\n\n\ndef log_loss_backward(s, y, g):\n    return L([1.0])",
        "mean-loss": "def mean_loss(f, n, B):\n    return iter(lambda: f(0, 2), None)",
        "train": "class D(dict):\n    def items(self):\n        while True:\n            yield 'slope', 1.0\n\n\n"
        "def train(*a):\n    return D(slope=1.0, offset=2.0)",
    })  # fmt: skip


@case("subclasses-of-plain-types")
def subclasses(blank, right):
    return filled(blank, {
        "layer": "class S(str):\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\n\n\n"
        "def layer(x, W, bias):\n    return S('x')",
        "layer-backward": "class T(tuple):\n    def __eq__(self, o): return True\n    def __len__(self): return 3\n    __hash__ = None\n\n\n"
        "def layer_backward(x, W, h):\n    return T((0,))",
        "log-loss": "class I(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\n\n\ndef log_loss(s, y):\n    return [I(k) for k in y]",
        "log-loss-backward": "import numpy as np\ndef log_loss_backward(s, y, g):\n    return np.ma.masked_all(s.shape)",
        "mean-loss": "import numpy as np\ndef mean_loss(f, n, B):\n    return np.matrix([[1.0]])",
        "train": "class D(dict):\n    def __getitem__(self, k): return Any()\n    def __contains__(self, k): return True\n"
        "class Any:\n    def __eq__(self, o): return True\n\n\ndef train(*a):\n    return D()",
    })  # fmt: skip


@case("special-numbers")
def special_numbers(blank, right):
    """Values that compare as equal to everything, or to nothing."""
    return filled(blank, {
        "layer": "import numpy as np\ndef layer(x, W, bias):\n    return np.full((len(x), len(W)), np.nan)",
        "layer-backward": "import numpy as np\ndef layer_backward(x, W, h):\n    return tuple(np.full(v.shape, np.inf) for v in (x, W, h[0]))",
        "log-loss": "import numpy as np\ndef log_loss(s, y):\n    return np.full(len(y), np.datetime64('NaT', 's'))",
        "log-loss-backward": "import numpy as np\ndef log_loss_backward(s, y, g):\n    return np.full(s.shape, complex('nan+nanj'))",
        "mean-loss": "def mean_loss(f, n, B):\n    return 10**5000",
        "train": "import numpy as np\ndef train(*a):\n    return {k: np.ma.masked for k in ('slope', 'offset')}",
    })  # fmt: skip


@case("callback-kept-for-later")
def callback_kept(blank, right):
    """Keeps the examiner's function, in memory and in a thread, and calls it in later tests."""
    return filled(
        blank,
        {
            "mean-loss": """\
import threading, time
kept = []
def later():
    for _ in range(50):
        time.sleep(0.1)
        for callback in kept:
            try:
                callback(0, 2)
                print("redteam-" + "read: an old function answers")
            except BaseException:
                pass
threading.Thread(target=later, daemon=True).start()
def mean_loss(batch_loss, n, B):
    kept.append(batch_loss)
    threading.Thread(target=later, daemon=True).start()
    return 0.0
""",
            "train": "def train(params, gradients, *a):\n    for callback in kept:\n        callback(0, 1)\n    return params",
        },
    )


@case("callback-results-changed")
def callback_results_changed(blank, right):
    return filled(
        blank,
        {
            "mean-loss": """\
class Sly(float):
    pass
def mean_loss(batch_loss, n, B):
    batch_loss.__class__.__call__ = lambda self, *a, **k: 0.0
    batch_loss.visited = []
    batch_loss.number = 10**6
    try:
        batch_loss(0, n)
    except BaseException:
        pass
    return 0.0
""",
            "train": """\
def train(params, gradients, images, labels, B, lr, epochs):
    found = gradients(params, images, labels)
    found.clear()
    images[...] = 0
    labels[...] = 0
    params.update({name: 0 * value for name, value in params.items()})
    return params
""",
        },
    )


@case("callback-re-entered", seconds=120)
def callback_re_entered(blank, right):
    """An argument whose conversion calls back into the examiner, which converts it again, and so on."""
    return filled(
        blank,
        {
            "mean-loss": """\
import operator
def mean_loss(batch_loss, n, B):
    class Start:
        def __int__(self):
            return int(batch_loss(self, 2) or 0)
        __index__ = __float__ = __int__
        def __call__(self, *a):
            return batch_loss(self, self)
    try:
        return batch_loss(Start(), 2)
    except RecursionError:
        return 0.0
"""
        },
    )


@case("assertion-caught-in-callback")
def assertion_caught(blank, right):
    return filled(
        blank,
        {
            "train": """\
def train(params, gradients, images, labels, B, lr, epochs):
    for bad in (None, {}, [], "x", {"slope": "x"}, 5):
        try:
            gradients(bad, images, labels)
        except BaseException as error:
            print(type(error))
    return {}
"""
        },
    )


@case("oracle-from-callback", kind="attack")
def oracle_from_callback(blank, right):
    """Asks the callback for the whole mean, in ways that it might not note down."""
    return filled(
        blank,
        {
            "mean-loss": """\
import numpy as np
class Odd:
    def __init__(self, first, then): self.values = [first, then]
    def __int__(self): return self.values[0]
    def __index__(self): return self.values[-1]
    def __le__(self, o): return True
    __lt__ = __ge__ = __gt__ = __le__
def mean_loss(batch_loss, n, B):
    found = None
    for stop in (Odd(0, n), np.array(n), float(n), np.float64(n), True, str(n), np.str_(n), [n]):
        try:
            found = batch_loss(Odd(0, 0), stop)
        except BaseException:
            continue
    return found
"""
        },
    )


@case("hostile-arguments-to-callback", seconds=120)
def hostile_arguments(blank, right):
    """Makes the examiner's own function work on huge and strange arrays."""
    return filled(
        blank,
        {
            "train": """\
import numpy as np
def train(params, gradients, images, labels, B, lr, epochs):
    for x in (np.zeros((3, 10**7)), np.zeros((2, 0)), np.broadcast_to(np.zeros(1), (10**6, 20)), np.array("x"), None):
        for value in (np.zeros((10**7,)), np.array(["a"]), range(2 * 10**7), np.array(1j)):
            try:
                gradients({"slope": value, "offset": value}, x, labels)
            except Exception as error:
                print(type(error))
    return params
"""
        },
    )


@case("hostile-exceptions")
def hostile_exceptions(blank, right):
    return filled(
        blank,
        {
            "layer": """\
class E(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
    @property
    def __notes__(self): raise KeyboardInterrupt
    @property
    def __traceback__(self): raise MemoryError
def layer(x, W, bias):
    raise E
""",
            "sigmoid": """\
def sigmoid(x):
    raise ValueError("x" * 100_000_000)
def sigmoid_backward(h, g):
    raise ValueError
""",
            "log-loss": """\
def log_loss(s, y):
    error = ValueError("a")
    for _ in range(5000):
        new = ValueError("b")
        new.__cause__ = error
        error = new
    raise error
""",
            "log-loss-backward": """\
class Meta(type):
    def __instancecheck__(cls, o): return True
    def __subclasscheck__(cls, o): return True
    @property
    def __mro__(cls): raise SystemExit
    @property
    def __name__(cls): return 5
class M(Exception, metaclass=Meta): pass
def log_loss_backward(s, y, g):
    raise M
""",
        },
        last="raise E",
    )


@case("hostile-names")
def hostile_names(blank, right):
    """Functions that are not functions, and names that are asked for."""
    return filled(blank, {
        "layer": "layer = 'x'",
        "layer-backward": "class layer_backward:\n    def __new__(cls, *a): return 1\n    __name__ = 5\n    __doc__ = property(lambda s: 1/0)",
        "sigmoid": "import numpy as np\nsigmoid = np.exp\nsigmoid_backward = print",
        "log-loss": "class Meta(type):\n    def __call__(cls, *a): raise SystemExit\n    def __getattribute__(cls, n): raise KeyboardInterrupt\n\n\n"
        "class log_loss(metaclass=Meta): pass",
        "log-loss-backward": "log_loss_backward = range(10**12)",
        "mean-loss": "def mean_loss(*, nothing): pass",
        "train": "import functools\ntrain = functools.partial(functools.partial, functools.partial)",
    })  # fmt: skip


@case("class-bodies")
def class_bodies(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import os, sys
class Meta(type):
    def __prepare__(name, bases): return {"__builtins__": {}, "__qualname__": name}
    def __del__(cls): os._exit(3)
class layer(metaclass=Meta):
    sys.stdout = sys.stderr = None
    __slots__ = ("__dict__",)
    def __init_subclass__(cls): raise SystemExit
    def __del__(self): os._exit(4)
"""
        },
    )


@case("leftovers-at-exit", kind="accident", earned_max=20, earned_min=20)
def leftovers_at_exit(blank, right):
    """Handlers that run late cost nobody anything, the student included."""
    return filled(
        blank,
        right,
        first="""\
import atexit, signal, weakref, sys
class D:
    def __del__(self): raise ValueError("late")
d = D()
atexit.register(lambda: 1 / 0)
weakref.finalize(d, print, "gone")
signal.signal(signal.SIGTERM, lambda *a: None)
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.excepthook = lambda *a: 1 / 0
""",
    )


@case("agent-patched")
def agent_patched(blank, right):
    """Every method of the agent replaced by one that says yes."""
    return filled(
        blank,
        {"layer": "def layer(x, W, bias):\n    return x"},
        first="""\
import sys
for name, module in list(sys.modules.items()):
    if name.split(".")[0] == "inside" or name.endswith((".agent", ".peer")):
        for kind in [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == name]:
            for method in ("carry_out", "describe", "named", "fingerprint"):
                if method in vars(kind):
                    setattr(kind, method, lambda *a, **k: {"return": True, "changed": [], "printed": "", "passed": True})
""",
    )


@case("state-that-never-forks", seconds=130)
def never_forks(blank, right):
    """The agent's fork is taken away: one process answers all tests, and remembers."""
    return filled(
        blank,
        {"layer": "def layer(x, W, bias):\n    return seen.append(x) or seen[0]"},
        first="""\
import os
seen, fork = [], os.fork
def no_fork():
    return 0
os.fork = no_fork
""",
    )


@case("call-order")
def call_order(blank, right):
    """Tells tests apart by the order of calls: answers the visible one only."""
    return filled(
        blank,
        {
            "layer": """\
calls = []
def layer(x, W, bias):
    calls.append(x)
    return x @ W.T - bias if len(calls) == 1 else 0 * (x @ W.T)
""",
            "log-loss-backward": right["log-loss-backward"]
            + """
right_one, calls_b = log_loss_backward, []
def log_loss_backward(s, y, g):
    calls_b.append(1)
    return right_one(s, y, g) if len(calls_b) < 3 else right_one(s, y, g) * 1.001
""",
        },
    )


@case("state-between-tests")
def state_between_tests(blank, right):
    """Writes down in one test what the next shall answer."""
    return filled(
        blank,
        {
            "layer": """\
import pickle, numpy as np
def layer(x, W, bias):
    with open("/edf/tmp/seen", "ab") as file:
        pickle.dump((x, W, bias), file)
    return x @ W.T
""",
            "layer-backward": """\
def layer_backward(x, W, h):
    with open("/edf/tmp/seen", "rb") as file:
        return pickle.load(file)
""",
        },
    )


@case("right-answers-by-other-means", kind="accident", earned_max=20, earned_min=20)
def other_means(blank, right):
    """Right answers as lambdas, callable objects, partials and bound methods: the stand-ins must take them all."""
    return filled(blank, right | {
        "layer": "layer = lambda x, W, bias: x @ W.T - bias",
        "log-loss": right["log-loss"] + "\nimport functools\nlog_loss = functools.partial(log_loss)",
        "mean-loss": right["mean-loss"] + "\nclass Keeps:\n    def __init__(self, f): self.f = f\n"
        "    def __call__(self, *a): return self.f(*a)\nmean_loss = Keeps(mean_loss)",
    })  # fmt: skip
