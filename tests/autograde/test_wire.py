"""The wire: plain values come back as they went, nothing else crosses, and no frame does harm."""

import json
import math
import socket
import struct
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograde.inside.peer import apply_changes, fingerprint
from autograde.inside.wire import HEAD, MAGIC, Channel, Codec, Unplain, WireError

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(), st.complex_numbers(), st.text(), st.binary()
)
ARRAYS = hnp.arrays(
    st.one_of(
        hnp.floating_dtypes(sizes=(32, 64)),
        hnp.integer_dtypes(),
        hnp.unsigned_integer_dtypes(),
        hnp.boolean_dtypes(),
        hnp.complex_number_dtypes(),
        hnp.unicode_string_dtypes(max_len=5),
    ),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
HASHABLE = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
VALUES = st.recursive(
    SCALARS | ARRAYS | st.builds(range, st.integers(-9, 9), st.integers(-9, 9)) | st.just(Ellipsis),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def crossed(value, codec=None, reader=None):
    """The value after its way over the wire."""
    data = b"".join(bytes(p) for p in (codec or Codec()).pack(value))
    magic, text, body = HEAD.unpack(data[: HEAD.size])
    assert magic == MAGIC
    rest = data[HEAD.size :]
    assert len(rest) == text + body
    return (reader or codec or Codec()).unpack(rest[:text], bytearray(rest[text:]))


def same(a, b):
    """Equality of type and content; nan equals nan, and so do -0.0 and -0.0 alone."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(
            same(*pair) for x, y in zip(a.items(), b.items(), strict=True) for pair in zip(x, y, strict=True)
        )
    if isinstance(a, (set, frozenset)):
        return sorted(map(repr, a)) == sorted(map(repr, b))
    return a == b


@given(VALUES)
def test_plain_values_come_back_as_they_went(value):
    assert same(crossed(value), value)


@given(hnp.arrays(np.float64, (3, 4)))
def test_arrays_that_arrive_may_be_written_and_share_nothing(array):
    found = crossed([array, array[::2], array.T])
    found[0][...] = 7.0
    assert same(found[1], np.ascontiguousarray(array[::2])) and same(found[2], np.ascontiguousarray(array.T))


class Liar(np.ndarray):
    def __eq__(self, other):
        return True


class Nine(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def test_a_subclass_crosses_as_the_plain_type_that_it_derives_from():
    assert type(crossed(np.arange(3).view(Liar))) is np.ndarray
    assert type(crossed(Nine(9))) is int and crossed(Nine(9)) == 9
    assert type(crossed(type("D", (dict,), {})(a=1))) is dict


@pytest.mark.parametrize("value", [object(), lambda: 0, np.array([object()]), np.array([(1, 2.0)], "i4,f8"), open])
def test_anything_else_does_not_cross(value):
    with pytest.raises(Unplain):
        Codec().pack(value)


def test_what_is_too_deep_or_too_much_does_not_cross():
    deep = []
    for _ in range(200):
        deep = [deep]
    endless = []
    endless.append(endless)
    for value in (deep, endless, list(range(1_000_001)), 1 << 200_000):
        with pytest.raises(Unplain):
            Codec().pack(value)


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"[1]",
    b"[1,[],3]",
    b'[{"a":[0,"<f8",[1]]},[]]',
    b'[{"a":[0,"<f8",[2]]},[8]]',
    b'[{"a":[0,"<f8",[-1]]},[8]]',
    b'[{"a":[-1,"<f8",[1]]},[8]]',
    b'[{"a":[0,"O",[1]]},[8]]',
    b'[{"a":[0,"|O8",[1]]},[8]]',
    b'[{"a":[0,"f8,f8",[1]]},[8]]',
    b'[{"a":[0,["<f8"],[1]]},[8]]',
    b'[{"a":[0,"<f8",[1e9]]},[8]]',
    b'[{"a":[0,"<f8",[99999999999999,99999999999999]]},[8]]',
    b'[{"a":[0,"<f8",{"h":1}]},[8]]',
    b'[{"n":[0,"<f8"]},[7]]',
    b'[{"i":"zz"},[]]',
    b'[{"i":5},[]]',
    b'[{"f":"1e999"},[]]',
    b'[{"f":["nan"]},[]]',
    b'[{"h":["examiner",0]},[]]',
    b'[{"v":["mnist.train_images",0,"<f8",[1],[8]]},[]]',
    b'[{"r":[1,2,0]},[]]',
    b'[{"r":["a",2,1]},[]]',
    b'[{"s":[[1]]},[]]',
    b'[{"d":[[[1],2]]},[]]',
    b'[{"d":[1]},[]]',
    b'[{"p":"O"},[]]',
    b'[{"q":1},[]]',
    b'[{"a":1,"b":2},[]]',
    b"[{},[]]",
    b"[1,[-8]]",
    b"[1,[8]]",
    b'[1,["8"]]',
    b"[" * 100_000,
    b'["\\ud800", []] trailing',
    b'{"__class__": "os.system"}',
    b"\xff\xfe",
    b"[NaN,[" + b"1" * 5000 + b"]]",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("body", [b"", bytes(8), bytes(16)], ids=["empty", "8", "16"])
def test_no_frame_raises_anything_but_a_wire_error(text, body):
    try:
        Codec().unpack(text, bytearray(body))
    except WireError:
        pass


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(list("acdefhilnprstvyz")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list("acdefhilnprstvyz")), inner, max_size=2)
    ),
    max_leaves=15,
)


@given(JSON, st.lists(st.integers(-8, 64), max_size=3), st.binary(max_size=64))
@settings(max_examples=300)
def test_arbitrary_frames_raise_nothing_but_wire_errors(node, lengths, body):
    try:
        Codec({"base": _frozen(np.zeros(4))}).unpack(json.dumps([node, lengths]).encode(), bytearray(body))
    except WireError:
        pass


def _frozen(array):
    array.flags.writeable = False
    return array


@given(st.integers(-99, 99), st.lists(st.integers(-9, 9), max_size=3), st.lists(st.integers(-99, 99), max_size=3))
def test_a_view_of_a_shared_array_never_leaves_it(offset, shape, strides):
    base = _frozen(np.arange(16, dtype=np.uint8))
    text = json.dumps([{"v": ["base", offset, "|u1", shape, strides]}, []]).encode()
    try:
        found = Codec({"base": base}).unpack(text, bytearray())
    except WireError:
        return
    assert not found.flags.writeable and set(found.ravel().tolist()) <= set(range(16))


def test_views_of_shared_arrays_cross_as_names():
    base = _frozen(np.arange(50_000.0).reshape(500, 100))
    codec = Codec({"base": base})
    for view in (base, base[100:300], base[::3], base[:, 5:99], base[7:8]):
        pieces = codec.pack(view)
        if view.nbytes > 4096:
            assert sum(map(len, pieces)) < 300
        assert same(np.ascontiguousarray(crossed(view, codec)), np.ascontiguousarray(view))
    assert sum(map(len, codec.pack(base.copy()))) > base.nbytes  # a copy is another array


def test_a_frame_that_promises_too_much_is_refused_before_it_is_read():
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(5)
        for head in (HEAD.pack(b"EVIL", 1, 1), HEAD.pack(MAGIC, 1 << 31, 0), HEAD.pack(MAGIC, 2, 1 << 62)):
            far.sendall(head)
            with pytest.raises(WireError):
                Channel(near).receive()


def test_a_channel_tells_the_end_and_a_delay():
    near, far = socket.socketpair()
    near.settimeout(0.05)
    with pytest.raises(TimeoutError):
        Channel(near).receive()
    far.sendall(HEAD.pack(MAGIC, 10, 0) + b"[1")
    far.close()
    with near, pytest.raises(EOFError):
        Channel(near).receive()


def test_large_values_cross_a_socket():
    near, far = socket.socketpair()
    value = {"weights": np.random.default_rng(0).normal(size=(1000, 700)), "name": "W" * 100_000}
    sender = threading.Thread(target=Channel(far).send, args=(value,))
    sender.start()
    found = Channel(near).receive()
    sender.join()
    near.close()
    far.close()
    assert same(found, value)


@given(VALUES)
def test_a_fingerprint_is_the_same_for_what_did_not_change(value):
    assert fingerprint(value) == fingerprint(value)


def test_a_fingerprint_tells_every_change_in_place():
    array, nested = np.zeros((2, 3)), [1, {"a": np.zeros(2)}, [4]]
    tuple_of_array, table, flags = (np.zeros(2), 5), {"a": np.zeros(())}, [True, (1, 2)]
    changes = [
        (table, lambda: table.update(a=np.float64(1.0))),  # compared with an array's bytes, a scalar would broadcast
        (table, lambda: table.update(a=[np.float64(1.0)])),
        (flags, lambda: flags.__setitem__(0, 1)),
        (flags, lambda: flags.__setitem__(1, (1, np.float32(2.0)))),
        (array, lambda: array.__setitem__((0, 0), 1.0)),
        (nested, lambda: nested[1]["a"].__setitem__(0, 1.0)),
        (nested, lambda: nested[2].append(5)),
        (nested, lambda: nested[1].update(b=1)),
        (tuple_of_array, lambda: tuple_of_array[0].__setitem__(0, 3.0)),
    ]
    for value, change in changes:
        before = fingerprint(value)
        change()
        assert fingerprint(value) != before


def test_changes_come_back_into_the_callers_own_objects():
    array, items, table = np.zeros(3), [1, 2], {"a": 1}
    apply_changes([array, items, table], [[0, np.ones(3)], [1, [5]], [2, {"b": 2}]])
    assert array.tolist() == [1, 1, 1] and items == [5] and table == {"b": 2}
    apply_changes([array], [[0, np.ones((9, 9))]])  # of another shape: it cannot have been this array
    assert array.shape == (3,)
    for change in ([[9, 1]], [["0", 1]], [[0]], [5]):
        with pytest.raises(WireError):
            apply_changes([array], change)
