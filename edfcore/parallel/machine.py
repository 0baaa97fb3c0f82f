"""Simulated devices that own their memory: arithmetic by NumPy, with the rules of a machine with several GPUs.

    device = SimDevice("GTX Titan")
    with device.category("parameters"):
        W = device.put(np.ones((3, 2)))             # from the host: the one way in
    y = device.xp.zeros((5, 3)) @ W                 # device.xp is numpy whose arrays live on the device
    device.to_host(y)                               # the one way out
    print(device.report())                          # bytes in use by category, now and at the peak

Arrays of two devices, or of a device and the host, do not mix: WrongDevice. A device that is full refuses: OutOfMemory.
Both know arrays with axes only; a value without axes is a number and goes anywhere, as NumPy's numbers do.

The values are those of NumPy, bit for bit, since NumPy computes them. What is counted is every array that the program
can hold, each block of memory once however many views share it, from when it is made to when the last view is gone.
What NumPy needs within a single call is not seen, nor is memory that a real allocator would round up or keep.

Categories are those of Rajbhandari et al. 2020 (1910.02054), section 3. A graph sorts its memory itself where it is a
`DeviceGraph`: see there.
"""

import threading
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import fields, replace
from functools import cached_property
from math import prod
from types import ModuleType

import numpy as np

from ..backend import Backend
from ..errors import DataError
from ..graph import Graph, Input, Node
from . import devices
from .errors import OutOfMemory, WrongDevice
from .memory import CATEGORIES, megabytes

__all__ = ["DeviceArray", "DeviceGraph", "SimDevice", "category", "graph_on", "on_device"]

SAVERS = (np.save, np.savez, np.savez_compressed, np.savetxt)  # functions that would read a device's memory unasked


# Memory


class Block:
    """Memory that one array, or several views, use; its bytes return to the device when the last of them is gone."""

    __slots__ = ("category", "freed", "nbytes", "root")

    def __init__(self, root, nbytes, category, freed):
        self.root, self.nbytes, self.category, self.freed = root, nbytes, category, freed

    def __del__(self):
        self.freed.append((self.category, self.nbytes))  # no lock: this can run in any thread, at any time


def root_of(array):
    """The object whose memory an array views: itself where it is no view."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


class SimDevice:
    """A device with memory of its own; graphs on it are made by `graph_on(device)`.

    Parameters
    ----------
    spec : what the device is: a name in the table of `devices`, or an object with `name` and `memory` (bytes), such as
        a devices.Device; None for a nameless device without limit
    index : int, which of several this is; messages use it
    capacity : bytes, instead of the spec's memory

    Attributes
    ----------
    xp : numpy as this device sees it
    received : int, bytes that came by `receive`, from other devices or from the host
    loaded : int, bytes that came by `put` (so also by `Input.set` and `Param.set`) from the host

    Raises
    ------
    DataError : there is no device of that name, spec is no such object, or the capacity is no number of at least 0.

    Examples
    --------
    >>> device = SimDevice(capacity=1000)
    >>> x = device.put(np.arange(5.0))
    >>> device.used["activations"], (2 * x[1:]).device is device
    (40, True)
    >>> device.xp.zeros(200)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    edfcore.parallel.errors.OutOfMemory: device [0]: no room for 1.6 kB of activations: 40 bytes of 1 kB are in use ...
    """

    def __init__(self, spec=None, index=0, capacity=None):
        spec = devices.device(spec) if isinstance(spec, str) else spec
        try:
            self.name = "device" if spec is None else str(spec.name)
            capacity = spec.memory if capacity is None and spec is not None else capacity
            if capacity is not None and not capacity >= 0:
                raise TypeError(f"the capacity is {capacity!r}")
        except (AttributeError, TypeError) as error:
            raise DataError(
                f"SimDevice: {error}; a name such as 'GTX Titan' is needed, an object with a name and its memory in "
                "bytes, or None and a capacity in bytes."
            ) from None
        self.spec, self.index, self.capacity = spec, index, capacity
        self.received = self.loaded = 0
        self.situation = "activations"  # what new memory is for where nobody says
        self._freed, self._lock, self._said = deque(), threading.Lock(), threading.local()
        self._used = dict.fromkeys(CATEGORIES, 0)
        self._peak = dict(self._used)

    label = property(lambda self: f"{self.name} [{self.index}]")

    @cached_property
    def xp(self):
        """NumPy's functions for arrays of this device."""
        return DeviceNumPy(self)

    def __repr__(self):
        return f"<SimDevice {self.label}>"

    # Ways in and out

    def put(self, array):
        """A copy of a host array (or of numbers) on this device; its bytes count in `loaded`."""
        if isinstance(array, DeviceArray) and array.ndim:
            raise WrongDevice(
                f"put: the array of shape {array.shape} is on {array.device.label}, not on the host; "
                "device.receive(array) copies from device to device."
            )
        made = self._hold(np.array(array), {})
        with self._lock:
            self.loaded += made.nbytes if made.ndim else 0
        return made

    def receive(self, array):
        """A copy of an array of another device, or of the host; its bytes count in `received`.

        Where nobody says what it is for, it is a buffer.
        """
        source = array._data if isinstance(array, DeviceArray) else array
        with self.category(self.said or "buffers"):
            made = self._hold(np.array(source), {})
        with self._lock:
            self.received += made.nbytes
        return made

    def to_host(self, array):
        """A copy of an array of this device as a NumPy array; what is on the host stays what it is.

        Raises
        ------
        WrongDevice : the array is on another device.
        """
        if not isinstance(array, DeviceArray):
            return np.asarray(array)
        if array.ndim and array.device is not self:
            raise WrongDevice(f"to_host of {self.label}: the array is on {array.device.label}; ask that device.")
        return array._data.copy()

    # Books

    @contextmanager
    def category(self, what):
        """Inside, in this thread, new memory is for `what`: one of CATEGORIES; the innermost says so.

        Raises
        ------
        DataError : there is no such category.
        """
        if what not in CATEGORIES:
            raise DataError(f"category: there is no {what!r}; there are {', '.join(CATEGORIES)}.")
        before, self._said.what = self.said, what
        try:
            yield self
        finally:
            self._said.what = before

    @property
    def said(self):
        """The category that `category` says in this thread; None outside."""
        return getattr(self._said, "what", None)

    @property
    def used(self):
        """Bytes in use: dict from category to int."""
        with self._lock:
            self._settle()
            return dict(self._used)

    @property
    def peak(self):
        """Bytes in use when most were, since the start or `reset_peak`: dict from category to int."""
        with self._lock:
            return dict(self._peak)

    def reset_peak(self):
        """Let the peak start again from what is in use now."""
        with self._lock:
            self._settle()
            self._peak = dict(self._used)

    def report(self):
        """The books as text: bytes in use now and at the peak, by category."""
        used, peak = self.used, self.peak
        rows = [(name, used[name], peak[name]) for name in CATEGORIES]
        rows.append(("sum", sum(used.values()), sum(peak.values())))
        head = f"{self.label}, {'without limit' if self.capacity is None else megabytes(self.capacity)}"
        lines = [f"{name:<12} {megabytes(now):>10} {megabytes(most):>10}" for name, now, most in rows]
        return "\n".join([head, f"{'':<12} {'now':>10} {'peak':>10}", *lines])

    def _settle(self):
        """Take what was freed out of the books; the lock is held."""
        while self._freed:
            what, nbytes = self._freed.popleft()
            self._used[what] -= nbytes

    def _check(self, nbytes, what):
        """Raise OutOfMemory where so many bytes more do not fit; the lock is held."""
        self._settle()
        total = sum(self._used.values())
        if self.capacity is not None and total + nbytes > self.capacity:
            told = ", ".join(f"{name} {megabytes(n)}" for name, n in self._used.items() if n) or "nothing"
            raise OutOfMemory(
                f"{self.label}: no room for {megabytes(nbytes)} of {what}: {megabytes(total)} of "
                f"{megabytes(self.capacity)} are in use ({told}), so that at most {megabytes(self.capacity - total)} "
                "would fit. Take a smaller batch, more devices that share the network, or one with more memory."
            )

    def _room_for(self, nbytes):
        """Raise OutOfMemory before so much is made."""
        with self._lock:
            self._check(nbytes, self.said or self.situation)

    def _block(self, root, nbytes):
        """Enter new memory into the books."""
        what = self.said or self.situation
        with self._lock:
            self._check(nbytes, what)
            self._used[what] += nbytes
            if sum(self._used.values()) > sum(self._peak.values()):
                self._peak = dict(self._used)
        return Block(root, nbytes, what, self._freed)

    def _hold(self, result, inputs):
        """The NumPy arrays in `result` as arrays of this device; inputs : dict id of an array -> DeviceArray.

        What a function returned unchanged is the same array; a view of an input shares its block; the rest is new.
        """
        return self._held(result, inputs, {id(a._block.root): a._block for a in inputs.values()})

    def _held(self, found, inputs, blocks):  # no closure: one that calls itself is a cycle, which keeps arrays alive
        if isinstance(found, np.ndarray):
            if id(found) in inputs:
                return inputs[id(found)]
            root = root_of(found)
            if id(root) not in blocks:
                blocks[id(root)] = self._block(root, getattr(root, "nbytes", found.nbytes))
            return DeviceArray(found, blocks[id(root)], self)
        if isinstance(found, (list, tuple)):
            parts = [self._held(part, inputs, blocks) for part in found]
            return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)
        return found


def category(backend, what):
    """`backend.category(what)` on a simulated device; nothing happens on other backends ("numpy", "cupy")."""
    return backend.category(what) if isinstance(backend, SimDevice) else nullcontext()


# Arithmetic


def carried_out(function, args, kwargs, name, device=None):
    """function(*args, **kwargs), where arrays of one device stand for NumPy's; the results are on that device.

    Parameters
    ----------
    name : what messages call the function
    device : SimDevice that all arrays must be on; default, the one that they are on

    Raises
    ------
    WrongDevice : the arrays are not all on one device.
    OutOfMemory : the results do not fit.
    """
    found = []
    args, kwargs = bare(args, found), {key: bare(value, found) for key, value in kwargs.items()}
    places = {array.device: array for array in found if array.ndim}  # NumPy's own arrays say "cpu"
    if len(places) > 1 or (device and places.keys() - {device}):
        raise WrongDevice(mixed(name, places, device))
    home = device or next(iter(places), None) or next(a.device for a in found if isinstance(a, DeviceArray))
    if home == "cpu":  # arrays of the host, and a number that was computed on a device
        return function(*args, **kwargs)
    inputs = {id(a._data): a for a in found if isinstance(a, DeviceArray) and a.device is home}
    return home._hold(function(*args, **kwargs), inputs)


def bare(value, found):
    """`value` with NumPy's arrays for DeviceArrays, also in lists and tuples; every array is appended to `found`."""
    if isinstance(value, (DeviceArray, np.ndarray)):
        found.append(value)
        return value._data if isinstance(value, DeviceArray) else value
    if type(value) in (list, tuple):
        return type(value)([bare(part, found) for part in value])
    return value


def mixed(name, places, device):
    """The sentence that says which arrays met, and how to bring them together."""
    told = " and ".join(f"shape {array.shape} on {label_of(where)}" for where, array in places.items())
    if len(places) > 1:
        told = f"{name} got arrays of different places: {told}."
    else:
        told = f"{name} of {device.label if device else 'a device'} got an array of {told}."
    ways = ["device.put(array) copies an array from the host"] if "cpu" in places else []
    if len(places.keys() - {"cpu"} | ({device} if device else set())) > 1:
        ways.append("device.receive(array) one from another device")
    return f"{told} Arrays meet on one device only: {', '.join(ways) or 'device.put(array) copies one from the host'}."


def label_of(place):
    """What messages call the place of an array: a device's label, or the host ("cpu" in the array API standard)."""
    return "the host" if place == "cpu" else place.label


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on a simulated device: NumPy's operators, functions, methods and indexing, results on the same device.

    It is no subclass of numpy.ndarray, because NumPy reads the memory of a subclass without asking: np.asarray(a) and
    host[...] = a would pass. As with CuPy's arrays they raise; so do float(a), a.tolist(), pickling and whatever else
    brings numbers with axes to the host. Printing does not, nor does taking an array apart into numbers, a[0, 0]; and
    Python's own numbers, in lists too, come to a device as part of an operation. Made by `device.put`, `device.xp` and
    arithmetic.
    """

    __slots__ = ("__weakref__", "_block", "_data", "device")
    __hash__ = None

    def __init__(self, data, block, device):
        self._data, self._block, self.device = data, block, device

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return carried_out(getattr(ufunc, method), inputs, kwargs, ufunc.__name__)

    def __array_function__(self, function, types, args, kwargs):
        if function in SAVERS:
            self._read_back(function.__name__)
        return carried_out(function, args, kwargs, function.__name__)

    def __getitem__(self, key):
        return carried_out(np.ndarray.__getitem__, (self, key), {}, "indexing")

    def __setitem__(self, key, value):
        carried_out(np.ndarray.__setitem__, (self, key, value), {}, "assignment")

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __contains__(self, value):
        return bool((self == value).any())

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __repr__(self):
        numbers = np.array2string(self._data, separator=", ", prefix="DeviceArray(")
        return f"DeviceArray({numbers}, device={self.device.label!r})"

    # To the host: numbers only

    def _read_back(self, what):
        """What a number may do and an array may not: raise, but for an array without axes, whose value is returned."""
        if self.ndim:
            raise WrongDevice(
                f"{what} would read an array of shape {self.shape} on {self.device.label} back to the host; "
                "say so: device.to_host(array)."
            )
        return self._data

    def __array__(self, dtype=None, copy=None):
        return np.array(self._read_back("A conversion to a NumPy array"), dtype=dtype)

    def __float__(self):
        return float(self._read_back("float"))

    def __int__(self):
        return int(self._read_back("int"))

    def __complex__(self):
        return complex(self._read_back("complex"))

    def __index__(self):
        return self._read_back("Use as an index").__index__()

    def __bool__(self):
        return bool(self._read_back("bool, where a.any() or a.all() would stay there,"))

    def __format__(self, spec):
        return format(repr(self) if self.ndim else self._data, spec)

    def __reduce_ex__(self, protocol):
        raise WrongDevice(
            f"Pickling would read an array of shape {self.shape} on {self.device.label} back to the host; say so: "
            "device.to_host(array)."
        )

    def item(self):
        """The number, of an array without axes. Raises WrongDevice for others."""
        return self._read_back("item").item()

    tolist = item

    def tobytes(self, order="C"):
        """The number's bytes, of an array without axes. Raises WrongDevice for others."""
        return self._read_back("tobytes").tobytes(order)


def _forwarded(name):
    return property(lambda self: getattr(self._data, name), doc=f"As numpy.ndarray.{name}.")


def _viewed(name):
    return property(lambda self: carried_out(getattr, (self, name), {}, name), doc=f"As numpy.ndarray.{name}, a view.")


def _method(name):
    function = getattr(np.ndarray, name)

    def method(self, *args, **kwargs):
        return carried_out(function, (self, *args), kwargs, name)

    method.__name__, method.__doc__ = name, f"As numpy.ndarray.{name}, on the device."
    return method


for _name in ("dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides"):
    setattr(DeviceArray, _name, _forwarded(_name))
for _name in ("T", "imag", "mT", "real"):
    setattr(DeviceArray, _name, _viewed(_name))
for _name in (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "choose", "clip", "compress", "conj",
    "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "fill", "flatten", "max", "mean", "min", "nonzero",
    "partition", "prod", "put", "ravel", "repeat", "reshape", "round", "searchsorted", "sort", "squeeze", "std", "sum",
    "swapaxes", "take", "trace", "transpose", "var", "view",
):  # fmt: skip
    setattr(DeviceArray, _name, _method(_name))


class DeviceFunction:
    """A function of NumPy on one device; its own functions too, such as those of `add`: reduce, at, outer."""

    def __init__(self, device, function, name):
        self.device, self.function, self.__name__ = device, function, name

    def __call__(self, *args, **kwargs):
        return carried_out(self.function, args, kwargs, self.__name__, self.device)

    def __getattr__(self, name):
        found = getattr(self.function, name)
        return DeviceFunction(self.device, found, f"{self.__name__}.{name}") if callable(found) else found


class DeviceModule:
    """A module of NumPy on one device: functions give and take its arrays alone; types and constants are NumPy's."""

    def __init__(self, device, module=np):
        self.device, self.module = device, module

    def __getattr__(self, name):
        found = getattr(self.module, name)
        if isinstance(found, ModuleType):
            found = DeviceModule(self.device, found)
        elif callable(found) and not isinstance(found, type):
            found = DeviceFunction(self.device, found, name)
        setattr(self, name, found)  # looked up once
        return found

    def __repr__(self):
        return f"<{self.module.__name__} on {self.device.label}>"


class DeviceNumPy(DeviceModule):
    """`device.xp`. As in CuPy, asarray and array take host arrays too (see `SimDevice.put`), and asnumpy leads back."""

    def asarray(self, value, dtype=None):
        """The value as an array of the device: itself where it is one, a copy where it comes from the host."""
        return self._taken(np.asarray, value, dtype, "asarray")

    def array(self, value, dtype=None):
        """A fresh array of the device."""
        return self._taken(np.array, value, dtype, "array")

    def _taken(self, function, value, dtype, name):
        found = []
        bare(value, found)
        if any(isinstance(array, DeviceArray) and array.ndim for array in found):
            return carried_out(function, (value,), {"dtype": dtype}, name, self.device)
        return self.device.put(np.asarray(bare(value, []), dtype))

    def asnumpy(self, array):
        """As `SimDevice.to_host`."""
        return self.device.to_host(array)

    def empty(self, shape, dtype=float, order="C"):
        """As numpy.empty, after a look at whether it fits."""
        return self._made(np.empty, shape, dtype, order)

    def zeros(self, shape, dtype=float, order="C"):
        """As numpy.zeros, after a look at whether it fits."""
        return self._made(np.zeros, shape, dtype, order)

    def ones(self, shape, dtype=float, order="C"):
        """As numpy.ones, after a look at whether it fits."""
        return self._made(np.ones, shape, dtype, order)

    def full(self, shape, fill_value, dtype=None, order="C"):
        """As numpy.full, after a look at whether it fits."""
        dtype = np.asarray(bare(fill_value, [])).dtype if dtype is None else dtype
        made = self.empty(shape, dtype, order)
        made[...] = fill_value
        return made

    def _made(self, function, shape, dtype, order):
        entries = prod(shape) if isinstance(shape, (tuple, list)) else int(shape)
        self.device._room_for(entries * np.dtype(dtype).itemsize)
        return carried_out(function, (shape, dtype, order), {}, function.__name__, self.device)


# Graphs


class DeviceBackend(Backend):
    """The backend of a graph that sorts its memory: data are activations, parameters and constants parameters."""

    def array(self, value, what="the value"):
        with self.name.category(self.name.said or "activations"):
            return super().array(value, what)

    def floats(self, value, what="the value"):
        with self.name.category(self.name.said or "parameters"):
            return super().floats(value, what)


class DeviceGraph(Graph):
    """A graph on a simulated device that says what its memory is for. (In a plain Graph all would be activations.)

        parameters     parameters and constants, when they are made or set
        activations    batches, when they are set; all that Forward makes
        gradients      all that Backward makes, temporaries included while they are alive
        optimizer      what is made between Backward and the next change of the graph: by the optimizer's step
        buffers        what `device.receive` brings; inside `device.category("buffers")`, where communication belongs

    An own `device.category(...)` goes before all of these, but for Forward and Backward, which say their own.

    Parameters
    ----------
    dtype : as Graph's
    backend : SimDevice

    Raises
    ------
    DataError : backend is no simulated device.
    """

    def __init__(self, dtype="float64", backend=None):
        if not isinstance(backend, SimDevice):
            raise DataError(f"DeviceGraph: the backend is {backend!r}; a SimDevice is needed. Graph takes the others.")
        super().__init__(dtype, backend)
        self.device, self.backend = backend, DeviceBackend(backend, dtype)

    def Forward(self, *targets):
        with self.device.category("activations"):
            super().Forward(*targets)

    def Backward(self, loss, seed=None, accumulate=False):
        with self.device.category("gradients"):
            super().Backward(loss, seed, accumulate)
        self.device.situation = "optimizer"

    def touch(self, what):
        super().touch(what)
        self.device.situation = "activations"


def graph_on(backend, dtype="float64"):
    """The graph for a rank: a DeviceGraph on a simulated device, a Graph on "numpy" or "cupy".

    >>> graph_on("numpy").backend.name, type(graph_on(SimDevice())).__name__
    ('numpy', 'DeviceGraph')
    """
    return DeviceGraph(dtype, backend) if isinstance(backend, SimDevice) else Graph(dtype, backend)


def on_device(net, backend):
    """A network, built anew on a device: the same components, parameters and states, in a graph of its own.

    Parameters
    ----------
    net : dataclass with nodes of one graph, and lists of nodes, as fields, such as models.Classifier
    backend : SimDevice, "numpy" or "cupy"

    Returns
    -------
    a network of the same class; batches must be set anew

    Examples
    --------
    >>> from edfcore.models import residual_mlp
    >>> device = SimDevice()
    >>> net = on_device(residual_mlp(np.random.default_rng(0), depth=2, width=3, fan_in=4, classes=2), device)
    >>> device.used["parameters"] == 4 * (4 * 3 + 3 + 3 * 2 + 2)  # bytes, float32
    True
    """
    old = net.graph
    graph, made = graph_on(backend, old.backend.dtype), {}
    for node in old.nodes:
        made[node] = _rebuilt(node, made, graph, old.backend.to_host)
    graph.clock, graph.training = old.clock, old.training  # the clock decides what Dropout draws

    return replace(net, **{f.name: _moved(getattr(net, f.name), made) for f in fields(net)})


def _moved(value, made):
    """The new node for a node, in lists too; other values as they are."""
    if isinstance(value, list):
        return [_moved(part, made) for part in value]
    return made[value] if isinstance(value, Node) else value


def _rebuilt(node, made, graph, to_host):
    """A node like this one in the other graph, whose arguments are there already."""
    if isinstance(node, Input):
        return Input(node.name, grad=node.wants_grad, graph=graph)
    if not node.args:  # Param(value, name) and Const(value) alike
        named = {"name": node.name} if node.name else {}
        return type(node)(to_host(node.value), graph=graph, **named)
    settings = {key: getattr(node, key) for key in node.settings}
    new = type(node)(*(made[arg] for arg in node.args), name=node.name, **settings)
    if isinstance(getattr(node, "state", None), dict):  # running statistics
        new.state = {key: graph.backend.array(to_host(array)) for key, array in node.state.items()}
    return new
