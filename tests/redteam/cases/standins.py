# ruff: noqa: E501 - lines of students' code
"""Objects that lie, callbacks that stay, and everything else that a stand-in may meet."""

from autograde.redteam import TELL, TOLD, Need, case, everything


@case("lying-about-its-class")
def lying_class(task):
    lie = """\
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
"""
    return task.filled(task.answer(0, "return Lie()", before=lie))


@case("infinite-iterators", seconds=150)
def infinite_iterators(task):
    first = """\
import itertools
class L(list):
    def __iter__(self):
        while True:
            yield 1.0
    def __len__(self):
        return 4
class D(dict):
    def items(self):
        while True:
            yield 'slope', 1.0
"""
    bodies = "return itertools.count()", "while True:\n    yield given", "return iter(int, 1)", "return L([1.0])"
    answers = task.answers(*bodies) | task.answer(-1, "return D(slope=1.0, offset=2.0)")
    for exercise in task.seen.with_callback()[:1]:
        answers |= task.answer(
            exercise, "f = next(v for v in given if callable(v))\nreturn iter(lambda: f(0, 2), None)"
        )
    return task.filled(answers, first=first)


@case("subclasses-of-plain-types")
def subclasses(task):
    first = """\
import numpy as np
class S(str):
    def __eq__(self, o): return True
    __hash__ = str.__hash__
class T(tuple):
    def __eq__(self, o): return True
    def __len__(self): return 3
    __hash__ = None
class I(int):
    def __eq__(self, o): return True
    __hash__ = int.__hash__
class D(dict):
    def __getitem__(self, k): return Any()
    def __contains__(self, k): return True
class Any:
    def __eq__(self, o): return True
"""
    bodies = ["return S('x')", "return T((0,))", "return [I(k) for k in range(4)]", "return np.ma.masked_all((4, 3))",
              "return np.matrix([[1.0]])", "return D()"]  # fmt: skip
    return task.filled(task.answers(*bodies), first=first)


@case("special-numbers")
def special_numbers(task):
    """Values that compare as equal to everything, or to nothing, in the form of the right answer."""
    leaves = ["np.nan * np.zeros(np.shape(v))", "np.full(np.shape(v), np.inf)", "np.full(np.shape(v), np.datetime64('NaT', 's'))",
              "np.full(np.shape(v), complex('nan+nanj'))", "10**5000", "np.ma.masked", "np.ma.masked_all(2)"]  # fmt: skip
    answers = {}
    for k, leaf in enumerate(leaves[: len(task.driven)]):
        answers |= task.spoiled(k, leaf)
    return task.filled(answers)


GIVEN_FUNCTIONS = Need("an answer that a test gives a function", lambda task: task.seen.with_callback())
DRIVEN = """\
def drive(found):
    # what it gives may be a function that calls those which were given
    for k in range(4):
        try:
            found(k)
        except Exception:
            return
"""


def calling(task, k, spy, after="return ('no', 'answer')"):
    """The answer to the k-th exercise that is given functions: each of them, f, goes through `spy(f, given)`.

    The reference calls what comes of that; `after` is what is done then, and must end in a wrong value.
    """
    exercises = task.seen.with_callback()
    before = "given = [spy(v, given) if callable(v) else v for v in given]"
    return task.around(exercises[k % len(exercises)], before, f"drive(found)\n{after}", DRIVEN + spy + "\n")


@case("callback-kept-for-later", needs=GIVEN_FUNCTIONS)
def callback_kept(task):
    """Keeps the examiner's function, in memory and in a thread, and calls it in later tests."""
    later = (
        TELL
        + """\
import threading, time
kept = []
def tried(when):
    for callback, arguments in list(kept):
        try:
            callback(*arguments)
            if when:
                tell("read: an old function answers")
        except BaseException:
            pass
def later():
    for _ in range(50):
        time.sleep(0.1)
        tried(False)
threading.Thread(target=later, daemon=True).start()
"""
    )
    spy = """\
def spy(f, given):
    def spied(*arguments):
        kept.append((f, arguments))
        return f(*arguments)
    threading.Thread(target=later, daemon=True).start()
    return spied
"""
    answers = task.answers(*["tried(True)"] * len(task.driven)) | calling(task, 0, spy)
    return task.filled(answers, first=later, last=TOLD)


@case("callback-results-changed", needs=GIVEN_FUNCTIONS)
def callback_results_changed(task):
    """Makes the examiner's function give what it likes, and changes what it gave and what it was given."""
    spy = """\
def spoil(value):
    try:
        if type(value) is dict:
            value.update({k: 0 * v for k, v in value.items()})
        elif type(value) in (list, set):
            value.clear()
        else:
            value[...] = 0
    except BaseException:
        pass
def spy(f, given):
    kind, honest = type(f), type(f).__call__
    try:
        kind.__call__ = lambda self, *a, **k: 0.0
    except TypeError:
        return f
    f.visited = []
    f.number = 10**6
    def spied(*arguments):
        try:
            f(*arguments)
        except BaseException:
            pass
        kind.__call__ = honest
        found = f(*arguments)
        for value in (found, *arguments):
            spoil(value)
        return found
    return spied
"""
    after = """
plain = [v for v in given if not callable(v)]
for v in plain:
    spoil(v)
return plain[0] if plain else None
"""
    return task.filled(calling(task, 0, spy, after) | calling(task, 1, spy, after))


@case("callback-re-entered", seconds=120, needs=GIVEN_FUNCTIONS)
def callback_re_entered(task):
    """An argument whose conversion calls back into the examiner, which converts it again, and so on."""
    spy = """\
def spy(f, given):
    class Start:
        def __int__(self):
            return int(f(self, 2) or 0)
        __index__ = __float__ = __int__
        def __call__(self, *a):
            return f(self, self)
    def spied(*arguments):
        for tried in ((Start(), 2), (Start(),), [Start() for _ in arguments]):
            try:
                f(*tried)
            except Exception:
                pass
        return f(*arguments)
    return spied
"""
    return task.filled(calling(task, 0, spy))


@case("assertion-caught-in-callback", needs=GIVEN_FUNCTIONS)
def assertion_caught(task):
    spy = """\
def spy(f, given):
    def spied(*arguments):
        for bad in (None, {}, [], "x", {"slope": "x"}, 5):
            try:
                f(bad, *arguments[1:])
            except BaseException as error:
                print(type(error))
        return f(*arguments)
    return spied
"""
    return task.filled(calling(task, -1, spy))


@case("oracle-from-callback", kind="attack", needs=GIVEN_FUNCTIONS)
def oracle_from_callback(task):
    """Asks the callback for everything at once, in ways that it might not note down, and answers with that."""
    spy = """\
import numpy as np
class Odd:
    def __init__(self, first, then): self.values = [first, then]
    def __int__(self): return self.values[0]
    def __index__(self): return self.values[-1]
    def __le__(self, o): return True
    __lt__ = __ge__ = __gt__ = __le__
got = []
def spy(f, given):
    n = next((v for v in given if type(v) is int), 7)
    def spied(*arguments):
        for stop in (Odd(0, n), np.array(n), float(n), np.float64(n), True, str(n), np.str_(n), [n]):
            for tried in ((Odd(0, 0), stop), (stop,)):
                try:
                    got.append(f(*tried))
                except BaseException:
                    continue
        return got[-1] if got else 0.0
    return spied
"""
    return task.filled(calling(task, 0, spy, "return got[-1] if got else ('no', 'answer')"))


@case("hostile-arguments-to-callback", seconds=120, needs=GIVEN_FUNCTIONS)
def hostile_arguments(task):
    """Makes the examiner's own function work on huge and strange arrays."""
    spy = """\
import numpy as np
tried = []
def spy(f, given):
    def spied(*arguments):
        for x in (np.zeros((3, 10**7)), np.zeros((2, 0)), np.broadcast_to(np.zeros(1), (10**6, 20)), np.array("x"), None):
            for value in (np.zeros((10**7,)), np.array(["a"]), range(2 * 10**7), np.array(1j)):
                if len(tried) < 20:
                    tried.append(1)
                    try:
                        f(*[{"slope": value, "offset": value}, x, *arguments[2:]][: len(arguments)])
                        f(*[value, x][: len(arguments)])
                    except Exception as error:
                        print(type(error))
        return f(*arguments)
    return spied
"""
    return task.filled(calling(task, -1, spy))


@case("hostile-exceptions")
def hostile_exceptions(task):
    first = """\
class E(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
    @property
    def __notes__(self): raise KeyboardInterrupt
    @property
    def __traceback__(self): raise MemoryError
class Meta(type):
    def __instancecheck__(cls, o): return True
    def __subclasscheck__(cls, o): return True
    @property
    def __mro__(cls): raise SystemExit
    @property
    def __name__(cls): return 5
class M(Exception, metaclass=Meta): pass
"""
    chain = """
error = ValueError("a")
for _ in range(5000):
    new = ValueError("b")
    new.__cause__ = error
    error = new
raise error
"""
    bodies = "raise E", chain, 'raise ValueError("x" * 100_000_000)', "raise M", "raise ValueError"
    return task.filled(task.answers(*bodies), first=first, last="raise E")


@case("hostile-names")
def hostile_names(task):
    """Functions that are not functions, and names that are asked for."""
    sources = ["NAME = 'x'",
               "class NAME:\n    def __new__(cls, *a): return 1\n    __name__ = 5\n    __doc__ = property(lambda s: 1/0)",
               "NAME = print",
               "class Meta(type):\n    def __call__(cls, *a): raise SystemExit\n    def __getattribute__(cls, n): raise KeyboardInterrupt\n\n\n"
               "class NAME(metaclass=Meta): pass",
               "NAME = range(10**12)",
               "def NAME(*, nothing): pass",
               "import functools\nNAME = functools.partial(functools.partial, functools.partial)"]  # fmt: skip
    kept = sources[: len(task.driven)]
    return task.filled({task.role(k): "\n\n\n".join(source.replace("NAME", name) for name in task.binds[task.role(k)])
                        for k, source in enumerate(kept)})  # fmt: skip


@case("class-bodies")
def class_bodies(task):
    source = """\
import os, sys
class Meta(type):
    def __prepare__(name, bases): return {"__builtins__": {}, "__qualname__": name}
    def __del__(cls): os._exit(3)
class NAME(metaclass=Meta):
    sys.stdout = sys.stderr = None
    __slots__ = ("__dict__",)
    def __init_subclass__(cls): raise SystemExit
    def __del__(self): os._exit(4)
"""
    return task.filled({task.role(0): source.replace("NAME", task.function(0))})


@case("leftovers-at-exit", kind="accident", earned=everything)
def leftovers_at_exit(task):
    """Handlers that run late cost nobody anything, the student included."""
    return task.filled(
        task.right,
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
def agent_patched(task):
    """Every method of the agent replaced by one that says yes."""
    return task.filled(
        task.answer(0, "return given"),
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
def never_forks(task):
    """The agent's fork is taken away: one process answers all tests, and remembers."""
    return task.filled(
        task.answer(0, "return seen.append(given) or seen[0]"),
        first="""\
import os
seen, fork = [], os.fork
def no_fork():
    return 0
os.fork = no_fork
""",
    )


@case("call-order")
def call_order(task):
    """Tells tests apart by the order of calls: answers those of the visible tests only, of two exercises."""
    answers = {}
    for k, later in ((0, "return None"), (4, "return otherwise(found)")):
        after = f"calls.append(1)\nif len(calls) > {task.seen.shown(task.role(k))}:\n    {later}"
        answers |= task.around(k, "pass", after.replace("calls", f"calls_{k}"), ahead=f"calls_{k} = []\n")
    first = """\
import numpy as np
def otherwise(v):
    if type(v) in (list, tuple):
        return type(v)(map(otherwise, v)) or None
    if type(v) is dict:
        return {k: otherwise(w) for k, w in v.items()}
    number = isinstance(v, (float, np.ndarray)) and np.asarray(v).dtype.kind == "f"
    return v * 1.001 + 1e-6 if number else None
"""
    return task.filled(answers, first=first)


@case("state-between-tests")
def state_between_tests(task):
    """Writes down in one test what the next shall answer."""
    written = """
with open("/edf/tmp/seen", "ab") as file:
    try:
        pickle.dump([v for v in given if not callable(v)], file)
    except Exception:
        pass
return given
"""
    read = """
with open("/edf/tmp/seen", "rb") as file:
    return pickle.load(file)
"""
    return task.filled(task.answer(0, written, before="import pickle, numpy as np") | task.answer(1, read))


@case("right-answers-by-other-means", kind="accident", earned=everything)
def other_means(task):
    """Right answers as lambdas, partials and callable objects: the stand-ins must take them all."""
    means = {0: "NAME = (lambda right: lambda *a, **k: right(*a, **k))(NAME)",
             3: "import functools\nNAME = functools.partial(NAME)",
             5: "class Keeps:\n    def __init__(self, f): self.f = f\n    def __call__(self, *a, **k): return self.f(*a, **k)\n"
             "    def call(self, *a, **k): return self.f(*a, **k)\nNAME = Keeps(NAME)",
             6: "class Holds:\n    def __init__(self, f): self.f = f\n    def call(self, *a, **k): return self.f(*a, **k)\nNAME = Holds(NAME).call"}  # fmt: skip
    answers = dict(task.right)
    for k, source in means.items():
        answers[task.role(k)] += "\n\n\n" + source.replace("NAME", task.function(k))
    return task.filled(answers)
