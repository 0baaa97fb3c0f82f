"""What stands, in the examiner, for what a student defined.

A test cell calls `layer(x, W, bias)` as it does in a notebook; here the name leads to a `StudentObject`, which sends
the call into the sandbox and gives back plain values.
Comparisons are never sent: a student's object has no say in whether
it is right.
"""

import builtins
import time

import numpy as np

from .inside.peer import Peer
from .inside.wire import Unplain, WireError
from .sandbox import Stopped


class Unexaminable(TypeError):
    """A test asks for something that cannot be examined from outside."""


class MissingName(NameError):
    """The student's notebook defines no such name."""


class StudentFailure(Exception):
    """An exception raised by the student's code that has no counterpart among Python's own."""


class StudentObject:
    """A function, a class or an object of the student's, in the sandbox."""

    __slots__ = ("_session", "_number", "_kind", "_type", "_named")
    __array_ufunc__ = None

    def __init__(self, session, number, kind, type_name, named):
        for slot, value in zip(self.__slots__, (session, number, kind, type_name, named), strict=True):
            object.__setattr__(self, slot, value)

    def _ask(self, do, *args):
        return self._session.ask(do, self, args)

    def __call__(self, *args, **kwargs):
        return self._session.ask("call", self, args, kwargs)

    def __getattr__(self, name):
        if name in ("__name__", "__qualname__"):
            return self._named
        if name == "__doc__" or not (name.startswith("__") and name.endswith("__")):
            return self._ask("getattr", name)
        raise AttributeError(name)

    def __setattr__(self, name, value):
        self._ask("setattr", name, value)

    def __getitem__(self, key):
        return self._ask("getitem", key)

    def __setitem__(self, key, value):
        self._ask("setitem", key, value)

    def __delitem__(self, key):
        self._ask("delitem", key)

    def __len__(self):
        return _as(int, self._ask("len"))

    def __contains__(self, item):
        return _as(bool, self._ask("contains", item))

    def __iter__(self):
        iterator = self._ask("iter")
        while True:
            found = self._session.ask("next", iterator)
            if not (type(found) is list and len(found) == 1):
                return
            yield found[0]

    def __next__(self):
        found = self._ask("next")
        if not (type(found) is list and len(found) == 1):
            raise StopIteration
        return found[0]

    def __enter__(self):
        return self._ask("enter")

    def __exit__(self, *_):
        self._ask("leave")

    def __float__(self):
        return _as(float, self._ask("float"))

    def __int__(self):
        return _as(int, self._ask("int"))

    def __str__(self):
        return _as(str, self._ask("str"))

    def __repr__(self):
        return f"<{self._named or self._type} of the student's>"

    def __eq__(self, other):
        if other is self:
            return True
        raise Unexaminable(f"a {self._type} of the student's is compared; compare plain values that it gives instead")

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = object.__hash__

    def __bool__(self):
        raise Unexaminable(f"the truth of a {self._type} of the student's is asked for; ask for a plain value instead")

    def __array__(self, *_, **__):
        raise Unexaminable(f"a {self._type} of the student's is no array")

    def __instancecheck__(self, instance):
        if isinstance(instance, StudentObject):
            return _as(bool, self._session.ask("isinstance", self, (instance,)))
        return False

    def __deepcopy__(self, memo):
        return self

    def __reduce_ex__(self, _):
        raise Unexaminable("an object of the student's cannot be pickled")


def _operator(name, swapped=False):
    def operate(self, *others):
        return self._ask(("r" if swapped else "") + name, *others)

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(StudentObject, f"__{_name}__", _operator(_name))
    setattr(StudentObject, f"__r{_name}__", _operator(_name, swapped=True))
for _name in ("neg", "pos"):
    setattr(StudentObject, f"__{_name}__", _operator(_name))


def _as(kind, value):
    if type(value) is not kind:
        raise StudentFailure(f"a {kind.__name__} is expected, but got a {type(value).__name__}")
    return value


class InsideFunction:
    """A helper of the instructor's, marked `edfcore.teach.inside`: it runs in the sandbox, whoever calls it."""

    def __init__(self, namespace, name):
        self._namespace, self.__name__ = namespace, name

    def __call__(self, *args, **kwargs):
        return self._namespace.session().ask("named", None, (self.__name__, *args), kwargs)

    def __deepcopy__(self, memo):
        return self


class Session(Peer):
    """The examiner's end of one probe: one test's calls into a fork of the student's state."""

    own, other = "examiner", "student"

    def __init__(self, channel, end, deadline, shared=None):
        super().__init__(channel, shared)
        self._end, self.deadline, self.printed, self.touched = end, deadline, "", set()
        self.requests, self._wrong = 0, None
        self._proxies = {}

    def ask(self, do, on=None, args=(), kwargs=None):
        """A request to the student's side; its value.

        Raises
        ------
        an exception as the student's code raised it; Stopped where it ended or ran over its time;
        Unexaminable : an argument that cannot cross
        """
        self.requests += 1
        self._check_time()
        try:
            self.channel.sock.settimeout(max(0.01, self.deadline - time.monotonic()))
            reply = self.request(do, on, args, kwargs)
        except Unplain as error:
            raise Unexaminable(f"a test gives the student's code something that cannot cross: {error}") from None
        except TimeoutError:
            self._end()
            raise Stopped("time", "it took too long") from None
        except (EOFError, OSError, WireError) as error:
            reason = self._end()
            raise Stopped(reason, "your code ended Python" if reason == "crash" else "it took too long") from error
        self.printed = (self.printed + _text(reply.get("printed")))[:20_000]
        self.touched |= {n for n in reply.get("touched") or () if type(n) is str}
        if self._wrong is not None and not self._depth():
            raise self._wrong
        if "return" in reply:
            return reply["return"]
        raise _raised(reply.get("raise"))

    def _check_time(self):
        """End the probe when its time is over, however lively it is."""
        if time.monotonic() > self.deadline:
            self._end()
            raise Stopped("time", "it took too long")

    def _depth(self):
        return getattr(self, "_answering", 0)

    def number_of(self, value):
        if type(value) is InsideFunction:
            return value.__name__
        return value._number if type(value) is StudentObject and value._session is self else None

    def describe(self, value):
        if type(value) is StudentObject:
            raise Unplain("an object of the student's from an earlier cell is a thing of the past in this test")
        if isinstance(value, type) or not callable(value) or not hasattr(value, "__name__"):
            raise Unplain(f"a {type(value).__name__} is not a plain value; build it in a function marked @inside")
        return []

    def proxy(self, number, described):
        kind, type_name, named = (_text(d)[:100] for d in (*described, "", "", "")[:3])
        if number not in self._proxies:
            self._proxies[number] = StudentObject(self, number, kind, type_name, named)
        return self._proxies[number]

    def carry_out(self, do, on, args, kwargs):
        if do != "call" or id(on) not in self._numbers:
            raise WireError("a request for something that is not offered")
        self._check_time()
        self._answering = self._depth() + 1
        try:
            return {"return": on(*args, **{k: v for k, v in kwargs.items() if type(k) is str})}
        except (Stopped, Unexaminable):
            raise
        except Exception as error:
            if isinstance(error, AssertionError):
                self._wrong = error  # the student's code may catch it; the test does not forget it
            return {"raise": {"type": type(error).__name__, "message": str(error)[:2000]}}
        finally:
            self._answering -= 1

    def close(self):
        """End the probe."""
        self._end()


def _text(value):
    return value if type(value) is str else ""


def _raised(told):
    """An exception that stands for the one that the student's code raised."""
    if type(told) is not dict:
        return StudentFailure("an error without a description")
    name, message = _text(told.get("type"))[:200], _text(told.get("message"))[:2000]
    if name == "TimeLimit" and not told.get("bases"):
        return Stopped("time", "it took too long")
    if name == "Unplain" and not told.get("bases"):
        return StudentFailure(f"what came back cannot be examined: {message}")
    bases = told.get("bases") if type(told.get("bases")) is list else []
    for base in bases:
        kind = _known_exception(base)
        if kind is not None:
            break
    else:
        kind = StudentFailure
    if kind.__name__ != name and name.isidentifier():
        kind = type(name, (kind,), {})
    try:
        error = kind(message)
    except Exception:  # noqa: BLE001 - UnicodeDecodeError and its like take more arguments
        error = StudentFailure(f"{name}: {message}")
    error.from_student = True
    error.where = _text(told.get("trace"))[:1000]
    return error


def _known_exception(qualified):
    if type(qualified) is not str:
        return None
    module, _, name = qualified.rpartition(".")
    found = None
    if module == "builtins":
        found = getattr(builtins, name, None)
    elif module == "numpy.linalg" and name == "LinAlgError":
        found = np.linalg.LinAlgError
    elif module == "edfcore.errors":
        from edfcore import errors

        found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) and found is not StopIteration else None
