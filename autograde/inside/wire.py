"""Plain values between two processes that do not trust each other.

A frame is a fixed head, a JSON text and raw buffers. Arrays travel as dtype, shape and bytes, everything else as JSON.
Nothing is pickled, no type is named that the reader does not know, and every size is checked before it is believed.

    value     JSON node                         value        JSON node
    -----     ---------                         -----        ---------
    None, bool, str, finite float, small int    itself
    large int {"i": "hex"}                      nan, inf     {"f": "nan"}
    complex   {"c": [re, im]}                   bytes        {"y": buffer}
    list      [...]                             tuple        {"t": [...]}
    dict      {"d": [[key, value], ...]}        set          {"s": [...]}, frozenset {"z": [...]}
    range     {"r": [start, stop, step]}        slice        {"l": [start, stop, step]}
    array     {"a": [buffer, dtype, shape]}     NumPy scalar {"n": [buffer, dtype]}
    dtype     {"p": dtype}                      Ellipsis     {"e": 1}
    a view of an array that both sides hold     {"v": [name, offset, dtype, shape, strides]}
    anything else, by the side that owns it     {"h": [id, ...]}, see `Codec.refer` and `Codec.resolve`
"""

import contextlib
import json
import math
import re
import socket
import struct

import numpy as np

HEAD = struct.Struct("<4sIQ")  # magic, bytes of JSON, bytes of buffers
MAGIC = b"EDF1"
MAX_JSON, MAX_BODY = 32 << 20, 512 << 20  # bytes
MAX_NODES, MAX_DEPTH, MAX_DIGITS = 1_000_000, 100, 20_000
DTYPE = re.compile(r"[<>|=]?([?biufc][0-9]{0,2}|[SU][0-9]{1,6}|[mM]8\[[a-zA-Z]{1,2}\])")
ALIGN = 16


class WireError(Exception):
    """What came is no frame, or holds what may not cross."""


class Unplain(WireError):
    """A value that cannot cross as it is."""


class Codec:
    """Values to frames and back.

    shared : dict name -> read-only array that both sides hold; views of it cross as a name and a place
    """

    def __init__(self, shared=None):
        self.shared = {n: a for n, a in (shared or {}).items() if isinstance(a, np.ndarray) and not a.flags.writeable}
        self._spans = [(a.ctypes.data, a.ctypes.data + a.nbytes, n) for n, a in self.shared.items()]

    def refer(self, value):
        """The content of an {"h": ...} node for a value that is not plain. Overridden by each side."""
        raise Unplain(f"a {type(value).__name__} is not a plain value")

    def resolve(self, content):
        """The value of an {"h": ...} node. Overridden by each side."""
        raise WireError("a reference, where none is expected")

    # to JSON

    def pack(self, value):
        """A frame, as a list of bytes-like pieces.

        Raises
        ------
        Unplain : a value that may not cross, or too much of it.
        """
        buffers, self._count = [], 0
        node = self._encode(value, buffers, 0)
        text = json.dumps([node, [len(b) for b in buffers]], separators=(",", ":"), allow_nan=False).encode()
        body = sum(_padded(len(b)) for b in buffers)
        if len(text) > MAX_JSON or body > MAX_BODY:
            raise Unplain(f"a value of {(len(text) + body) >> 20} MB is too large to cross")
        pieces = [HEAD.pack(MAGIC, len(text), body) + text]
        for b in buffers:
            pieces += [b, bytes(_padded(len(b)) - len(b))]
        return pieces

    def _encode(self, v, buffers, depth):
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise Unplain("a value of too many or too deeply nested parts cannot cross")
        kind = type(v)
        if v is None or kind is bool:
            return v
        if kind is str:
            return v
        if kind is int:
            return v if -(1 << 53) < v < (1 << 53) else {"i": _hexadecimal(v)}
        if kind is float:
            return v if math.isfinite(v) else {"f": str(v)}
        if kind is np.ndarray:
            return self._encode_array(v, buffers)
        if kind in _SEQUENCES:
            parts = [self._encode(e, buffers, depth + 1) for e in v]
            return parts if kind is list else {_SEQUENCES[kind]: parts}
        if kind is dict:
            pairs = ([self._encode(k, buffers, depth + 1), self._encode(e, buffers, depth + 1)] for k, e in v.items())
            return {"d": list(pairs)}
        return self._encode_rare(v, kind, buffers, depth)

    def _encode_rare(self, v, kind, buffers, depth):
        if isinstance(v, np.generic) and kind.__module__ == "numpy" and DTYPE.fullmatch(v.dtype.str):
            return {"n": [self._buffer(np.asarray(v).tobytes(), buffers), v.dtype.str]}
        if kind is complex:
            return {"c": [self._encode(v.real, buffers, depth + 1), self._encode(v.imag, buffers, depth + 1)]}
        if kind in (bytes, bytearray):
            return {"y": self._buffer(bytes(v), buffers)}
        if kind is range or kind is slice:
            ends = [self._encode(e, buffers, depth + 1) for e in (v.start, v.stop, v.step)]
            return {"r" if kind is range else "l": ends}
        if v is Ellipsis:
            return {"e": 1}
        if isinstance(v, np.dtype) and DTYPE.fullmatch(v.str):
            return {"p": v.str}
        base = _plain_base(v)
        if base is not v:  # a subclass of a plain type crosses as that type: what it overrides stays behind
            return self._encode(base, buffers, depth + 1)
        return {"h": self.refer(v)}

    def _encode_array(self, v, buffers):
        if not DTYPE.fullmatch(v.dtype.str):
            raise Unplain(f"an array of {v.dtype} is not a plain value")
        if self._spans and not v.flags.writeable and v.nbytes > 4096:
            place = self._place(v)
            if place:
                return {"v": place}
        data = np.ascontiguousarray(v).reshape(-1).view(np.uint8).data if v.nbytes else b""
        return {"a": [self._buffer(data, buffers), v.dtype.str, list(v.shape)]}

    def _place(self, v):
        start = v.ctypes.data
        for low, high, name in self._spans:
            if low <= start < high:
                return [name, start - low, v.dtype.str, list(v.shape), list(v.strides)]
        return None

    @staticmethod
    def _buffer(data, buffers):
        buffers.append(data)
        return len(buffers) - 1

    # and back

    def unpack(self, text, body):
        """The value of a frame, given its JSON text and its body (a bytearray, which arrays then share).

        Raises
        ------
        WireError : anything that is not as above.
        """
        try:
            node, lengths = json.loads(text)
            offsets = _offsets(lengths, len(body))
            self._count = 0
            return self._decode(node, (memoryview(body), offsets), 0)
        except WireError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, MemoryError) as error:
            raise WireError(f"a malformed value: {type(error).__name__}") from None

    def _decode(self, node, body, depth):
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise WireError("a value of too many or too deeply nested parts")
        if node is None or type(node) in (bool, str, int, float):
            return node
        if type(node) is list:
            return [self._decode(e, body, depth + 1) for e in node]
        ((tag, content),) = node.items()
        if tag == "a":
            index, dtype, shape = content
            return _array(_take(body, index), dtype, shape)
        if tag in _BUILD:
            parts = [self._decode(e, body, depth + 1) for e in content]
            return _BUILD[tag](_scattered(parts) if tag in "sz" else parts)
        if tag == "d":
            keys = _scattered([self._decode(k, body, depth + 1) for k, _ in content])
            return dict(zip(keys, [self._decode(e, body, depth + 1) for _, e in content], strict=True))
        if tag == "h":
            return self.resolve(content)
        if tag == "v":
            return self._view(*content)
        return _decode_rare(tag, content, body)

    def _view(self, name, offset, dtype, shape, strides):
        view = np.ndarray(_shape(shape), _dtype(dtype), self.shared[name].data.cast("B"), offset, tuple(strides))
        view.flags.writeable = False
        return view


def _scattered(keys):
    """The keys, where few of them share a hash: a million that do would be compared with each other."""
    if len(keys) > 1000 and 2 * len(set(map(hash, keys))) < len(set(map(repr, keys))):
        raise WireError("too many keys of one hash")
    return keys


_SEQUENCES = {list: "list", tuple: "t", set: "s", frozenset: "z"}


def _complex(parts):
    return complex(*parts)


def _range(parts):
    return range(*parts)


def _slice(parts):
    return slice(*parts)


_BUILD = {"t": tuple, "s": set, "z": frozenset, "c": _complex, "r": _range, "l": _slice}


def _decode_rare(tag, content, body):
    if tag == "i":
        if type(content) is not str or len(content) > MAX_DIGITS:
            raise WireError("a number of too many digits")
        return int(content, 16)
    if tag == "f":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    if tag == "y":
        return bytes(_take(body, content))
    if tag == "n":
        index, dtype = content
        return _array(_take(body, index), dtype, [])[()]
    if tag == "p":
        return _dtype(content)
    if tag == "e":
        return Ellipsis
    raise WireError("a value of a kind that may not cross")


def _hexadecimal(v):
    if v.bit_length() > 4 * MAX_DIGITS - 8:
        raise Unplain("a number of too many digits cannot cross")
    return hex(v)


def _plain_base(v):
    """`v` as the plain type that it derives from; `v` itself where it derives from none."""
    if isinstance(v, np.ndarray):
        return np.array(v, copy=True, subok=False)
    for base in (str, int, float, complex, bytes, tuple, list, set, frozenset):
        if isinstance(v, base):
            return base.__new__(base, v) if base not in (list, set) else base(v)
    if isinstance(v, dict):
        return dict(v)
    return v


def _padded(length):
    return -(-length // ALIGN) * ALIGN


def _offsets(lengths, available):
    found, at = [], 0
    for length in lengths:
        if type(length) is not int or length < 0:
            raise WireError("a buffer of no length")
        found.append((at, at + length))
        at += _padded(length)
    if at != available:
        raise WireError("buffers that do not fill the frame")
    return found


def _take(body, index):
    view, offsets = body
    if type(index) is not int or index < 0:
        raise WireError("a buffer that is not there")
    start, stop = offsets[index]
    return view[start:stop]


def _dtype(text):
    if type(text) is not str or not DTYPE.fullmatch(text):
        raise WireError("an array of a kind that may not cross")
    dtype = np.dtype(text)
    if dtype.hasobject:
        raise WireError("an array of objects")
    return dtype


def _shape(shape):
    if type(shape) is not list or len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise WireError("an array of no shape")
    return tuple(shape)


def _array(data, dtype, shape):
    dtype, shape = _dtype(dtype), _shape(shape)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise WireError("an array whose bytes do not fit its shape")
    if not len(data):
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape)


class Channel:
    """Frames over a stream socket, with a deadline.

    limit : bytes of JSON and of buffers that are accepted in one frame
    """

    def __init__(self, sock, codec=None, limit=MAX_JSON + MAX_BODY):
        self.sock, self.codec, self.limit = sock, codec or Codec(), limit
        for side in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # few, large steps
            with contextlib.suppress(PermissionError):  # inside the sandbox
                sock.setsockopt(socket.SOL_SOCKET, side, 1 << 20)

    def send(self, value):
        """Send one value.

        Raises
        ------
        Unplain : it may not cross; nothing was sent.
        OSError : the other side is gone, or does not read in time.
        """
        pieces = [memoryview(p) for p in self.codec.pack(value) if len(p)]
        if len(pieces) == 1 or not hasattr(self.sock, "sendmsg"):
            for piece in pieces:
                self.sock.sendall(piece)
            return
        while pieces:  # all pieces in one system call, as far as they go
            sent = self.sock.sendmsg(pieces[:64])
            while pieces and sent >= len(pieces[0]):
                sent -= len(pieces.pop(0))
            if sent:
                pieces[0] = pieces[0][sent:]

    def receive(self):
        """The next value.

        Raises
        ------
        EOFError : the other side is gone.
        WireError : what came is no value, or too much; the channel is of no more use.
        TimeoutError : nothing came in time.
        """
        magic, text_size, body_size = HEAD.unpack(self._read(HEAD.size))
        if magic != MAGIC or text_size > MAX_JSON or body_size > MAX_BODY or text_size + body_size > self.limit:
            raise WireError("no frame, or one that is too large")
        return self.codec.unpack(bytes(self._read(text_size)), self._read(body_size))

    def _read(self, size):
        data = bytearray()
        if size <= 1 << 20:
            data = bytearray(size)
            self._fill(memoryview(data))
            return data
        while len(data) < size:  # a promise of much is believed as it comes
            part = bytearray(min(size - len(data), 8 << 20))
            self._fill(memoryview(part))
            data += part
        return data

    def _fill(self, view):
        while view:
            got = self.sock.recv_into(view)
            if not got:
                raise EOFError("the other side is gone")
            view = view[got:]

    def close(self):
        """Close the socket."""
        self.sock.close()
