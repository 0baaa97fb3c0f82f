"""Calls between two processes over a channel: plain values cross, everything else stays where it is and is referred to.

Each side numbers the objects that it lets the other refer to. Arguments cross by copy; what the called function
changed in place is sent back with its result, so that a caller sees what it would see in one process.
"""

import numpy as np

from .wire import Codec, Unplain, WireError


class Peer(Codec):
    """One end of a channel on which both sides may call.

    A request is {"do": what, "on": object, "args": [...], "kwargs": {...}}, a reply {"return": value, "changed": [...],
    "printed": text} or {"raise": {...}, "changed": [...], "printed": text}.

    Attributes
    ----------
    exported : dict number -> object of this side
    own, other : names of the two sides
    """

    own, other = "near", "far"

    def __init__(self, channel, shared=None):
        super().__init__(shared)
        self.channel, self.exported, self._numbers = channel, {}, {}
        channel.codec = self

    # references

    def export(self, value):
        """The number under which the other side may refer to `value`."""
        number = self._numbers.get(id(value))
        if number is None:
            number = len(self.exported)
            self.exported[number], self._numbers[id(value)] = value, number
        return number

    def describe(self, value):
        """What the other side is told of an object of this side: (name of its type, what it is, its own name)."""
        raise Unplain(f"a {type(value).__name__} is not a plain value")

    def proxy(self, number, described):
        """What stands for an object of the other side."""
        raise WireError("a reference, where none is expected")

    def number_of(self, value):
        """The other side's number, or name, of what `value` stands for; None where it stands for nothing."""
        return None

    def named(self, name):
        """What this side calls `name`."""
        raise WireError("a reference by name, where none is expected")

    def refer(self, value):
        number = self.number_of(value)
        if number is not None:
            return [self.other, number]
        described = self.describe(value)
        return [self.own, self.export(value), *described]

    def resolve(self, content):
        side, number, *described = content
        if side == self.own and type(number) is str:
            return self.named(number)
        if side == self.other and type(number) is int:
            return self.proxy(number, described)
        if side == self.own and type(number) is int and number in self.exported:
            return self.exported[number]
        raise WireError("a reference to nothing")

    # calls

    def request(self, do, on=None, args=(), kwargs=None):
        """Ask the other side, answer what it asks meanwhile, and give its reply (a dict)."""
        self.channel.send({"do": do, "on": on, "args": list(args), "kwargs": dict(kwargs or {})})
        while True:
            message = self.channel.receive()
            if type(message) is not dict:
                raise WireError("neither a request nor a reply")
            if "do" not in message:
                apply_changes(args, message.get("changed"))
                return message
            self.answer(message)

    def answer(self, message):
        """Carry out one request of the other side and reply."""
        try:
            do, on, args, kwargs = (message[k] for k in ("do", "on", "args", "kwargs"))
            if type(do) is not str or type(args) is not list or type(kwargs) is not dict:
                raise WireError("a malformed request")
        except KeyError:
            raise WireError("a malformed request") from None
        before = [fingerprint(a) for a in args]
        reply = self.carry_out(do, on, args, kwargs)
        try:
            pairs = enumerate(zip(args, before, strict=True))
            changed = [[i, a] for i, (a, b) in pairs if b is not None and fingerprint(a) != b]
            self.channel.send(reply | {"changed": changed})
        except (Unplain, RecursionError) as error:
            told = str(error) if isinstance(error, Unplain) else "an argument was made to contain itself"
            self.channel.send({"raise": {"type": "Unplain", "bases": [], "message": told}, "changed": []})

    def carry_out(self, do, on, args, kwargs):
        """The reply to a request, without what was changed."""
        raise NotImplementedError


def fingerprint(value):
    """Something that differs when a changeable plain value was changed in place; None where nothing can be."""
    return _mark(value) if _changeable(value) else None


def _changeable(value):
    if isinstance(value, np.ndarray):
        return value.flags.writeable
    return isinstance(value, (list, dict, set)) or (isinstance(value, tuple) and any(map(_changeable, value)))


_PLAIN = {bool, int, float, complex, str, bytes, type(None)}


def _mark(value):
    """What stands for a value in comparisons: made of plain Python alone, by identity where a value is not plain."""
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if kind is list or kind is tuple:
        return kind, tuple(map(_mark, value))
    if kind is dict:
        return kind, tuple(map(_mark, value)), tuple(map(_mark, value.values()))
    if kind is set or kind is frozenset:
        return kind, frozenset(map(_mark, value))
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        return np.ndarray, value.shape, value.dtype.str, value.tobytes()
    return kind, id(value)


def apply_changes(args, changed):
    """Bring what the other side changed in place into this side's arguments."""
    if not isinstance(changed, list):
        return
    for entry in changed:
        if not (isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and 0 <= entry[0] < len(args)):
            raise WireError("a malformed change")
        mine, new = args[entry[0]], entry[1]
        if isinstance(mine, np.ndarray) and isinstance(new, np.ndarray) and mine.flags.writeable:
            if mine.shape == new.shape and mine.dtype == new.dtype:
                mine[...] = new
        elif type(mine) is list and type(new) is list:
            mine[:] = new
        elif type(mine) in (dict, set) and type(new) is type(mine):
            mine.clear()
            mine.update(new)
        elif type(mine) is tuple and type(new) is tuple and len(mine) == len(new):
            apply_changes(mine, [[i, part] for i, part in enumerate(new)])
