"""A stand-in for CuPy over NumPy that fails where CuPy fails, for machines without a GPU.

    cupy = install(monkeypatch)          # `import cupy` now finds the stand-in
    ...
    cupy.book.waits                       # what waited for the GPU: float(a), a.get(), a[mask], nonzero, ...
    cupy.book.launches                    # how many kernels were launched

It knows what CuPy 14.2 does, from its source: arrays never become NumPy's unasked, functions take no NumPy arrays, a
reduction gives an array (), names that CuPy lacks are missing, cuBLAS may not be called while a stream is captured, a
raw kernel reads memory as if there were no strides. In a few places it is stricter: index arrays of the host are
refused, which CuPy copies; float atomics (`add.at`) are refused, since their order, and with it the last digit, is left
to chance; so are operands of products that CuPy would have to copy first.

A raw kernel is carried out by its reference in edfcore.gpu.reference, after its arguments were compared with the
signature in its CUDA source; an elementwise kernel by the formula whose CUDA source it is.

With several GPUs, `install(monkeypatch, devices=2)`, an array belongs to the one that was current when it was made, and
whatever computes with an array of another one is refused (CuPy does so where the two cannot read each other's memory).
"""

import re
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np

from edfcore.gpu.formulas import FORMULAS
from edfcore.gpu.reference import KERNELS

# Names of numpy 2.4 that CuPy 14.2.0 has not (numpy.lib.stride_tricks and numpy.linalg have others), as far as they are
# functions or types that work on arrays.
LACKS = set(
    "asmatrix block bmat einsum_path emath errstate frompyfunc geomspace histogram_bin_edges insert ma matrix matvec "
    "memmap nanpercentile nanquantile ndenumerate nditer nested_iters polyder polydiv polyint spacing unstack vecdot "
    "vecmat".split()
)
LINALG_LACKS = set("diagonal matrix_norm multi_dot outer svdvals tensordot trace vecdot vector_norm".split())
WAITING = {"nonzero", "flatnonzero", "argwhere", "unique", "sliding_window_view", "extract", "trim_zeros"}
METHODS = (
    "all any argmax argmin argpartition argsort choose clip compress conj conjugate copy cumprod cumsum diagonal dot "
    "flatten max mean min partition prod ravel repeat reshape round searchsorted squeeze std sum swapaxes take trace "
    "transpose var view astype".split()
)
REDUCTIONS = {"max", "min", "sum", "prod", "mean", "std", "var", "all", "any", "argmax", "argmin"}
SCALARS = (bool, int, float, complex, np.number, np.bool_)


class CudaError(RuntimeError):
    """As cupy_backends.cuda.api.runtime.CUDARuntimeError."""


class Array(np.lib.mixins.NDArrayOperatorsMixin):
    """As cupy.ndarray. `cupy` is the module that it belongs to, `device` the GPU whose memory it is."""

    __slots__ = ("_data", "device")
    __hash__ = None
    cupy = None

    def __init__(self, data, device=None):
        self._data, self.device = data, device or self.cupy.cuda.Device()

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method != "__call__" or ufunc.__name__ in LACKS:
            return NotImplemented
        if isinstance(kwargs.get("out"), tuple):
            (kwargs["out"],) = kwargs["out"]
        return self.cupy.run(ufunc, inputs, kwargs, ufunc.__name__)

    def __array_function__(self, func, types, args, kwargs):
        module = self.cupy
        for part in func.__module__.split(".")[1:]:
            module = getattr(module, part, None)
        try:
            found = getattr(module, func.__name__)
        except AttributeError:
            return NotImplemented
        return found(*args, **kwargs)

    def __getitem__(self, key):
        parts = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, Array) and part.dtype == bool for part in parts):
            self.cupy.wait("a[mask]")
        parts = self._wrapped(parts) if any(part is Ellipsis for part in parts) else (*self._wrapped(parts), Ellipsis)
        return self.cupy.run(np.ndarray.__getitem__, (self, parts), {}, "indexing")

    def __setitem__(self, key, value):
        parts = key if isinstance(key, tuple) else (key,)
        masked = any(isinstance(part, Array) and part.dtype == bool for part in parts)
        if masked and isinstance(value, Array) and value.ndim:
            self.cupy.wait("a[mask] = array")
        self.cupy.run(np.ndarray.__setitem__, (self, self._wrapped(parts), value), {}, "assignment", into=self)

    def _wrapped(self, parts):
        """An index in which arrays of integers wrap around where they are out of range, as CuPy's do."""
        if not all(isinstance(part, (int, slice, Array)) for part in parts):
            return parts
        sized = zip(parts, self.shape, strict=False)
        return tuple(self._around(part, n) for part, n in sized) + parts[self.ndim :]

    def _around(self, part, n):
        is_index = isinstance(part, Array) and part.ndim and part.dtype.kind in "iu" and n
        return self.cupy.ndarray(part._data % n, part.device) if is_index else part

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def _read(self, what):
        self.cupy.wait(what)
        return self._data

    def __bool__(self):
        return bool(self._read("bool"))

    def __float__(self):
        return float(self._read("float"))

    def __int__(self):
        return int(self._read("int"))

    def __complex__(self):
        return complex(self._read("complex"))

    def __repr__(self):
        return repr(self._read("repr"))

    def __format__(self, spec):
        return format(self._read("format"), spec)

    def item(self):
        return self._read("item").item()

    def tolist(self):
        return self._read("tolist").tolist()

    def tobytes(self, order="C"):
        return self._read("tobytes").tobytes(order)

    def nonzero(self):
        return self.cupy.run(np.nonzero, (self,), {}, "nonzero")

    def get(self):
        return self._read("get").copy()

    def set(self, array):
        if not isinstance(array, np.ndarray) or array.dtype != self.dtype or array.shape != self.shape:
            raise TypeError(f"{type(array)} {getattr(array, 'dtype', '')} cannot be set to {self.dtype} array")
        if not (self.flags.c_contiguous or self.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        self.cupy.book.uploads += 1
        self._data[...] = array

    def fill(self, value):
        self.cupy.run(np.ndarray.fill, (self, value), {}, "fill", into=self)


def _forwarded(name):
    return property(lambda self: getattr(self._data, name))


def _view(name):
    return property(lambda self: self.cupy.run(getattr, (self, name), {}, name))


def _method(name):
    def method(self, *args, **kwargs):
        if name in REDUCTIONS and kwargs.keys() - {"axis", "dtype", "out", "keepdims", "ddof"}:
            raise TypeError(f"{name}() got an unexpected keyword argument {', '.join(kwargs)}")
        return self.cupy.run(getattr(np.ndarray, name), (self, *args), kwargs, name)

    return method


for _name in ("dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides"):
    setattr(Array, _name, _forwarded(_name))
for _name in ("T", "mT", "real", "imag"):
    setattr(Array, _name, _view(_name))
for _name in METHODS:
    setattr(Array, _name, _method(_name))


class Part(ModuleType):
    """numpy or one of its modules, as CuPy has it: looked up name by name."""

    def __init__(self, cupy, module, name, lacks):
        super().__init__(name)
        self._cupy, self._numpy, self._lacks = cupy, module, lacks

    def __getattr__(self, name):
        if name.startswith("_") or name in self._lacks or not hasattr(self._numpy, name):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = getattr(self._numpy, name)
        if isinstance(found, ModuleType):
            found = Part(self._cupy, found, f"{self.__name__}.{name}", LINALG_LACKS if name == "linalg" else set())
        elif isinstance(found, np.ufunc):
            found = Ufunc(self._cupy, found)
        elif callable(found) and not isinstance(found, type):
            found = self._function(found, name)
        setattr(self, name, found)
        return found

    def _function(self, found, name):
        return lambda *args, **kwargs: self._cupy.run(found, args, kwargs, name)


class Ufunc:
    """A ufunc: called, reduced, accumulated, and at places."""

    def __init__(self, cupy, ufunc):
        self.cupy, self.ufunc = cupy, ufunc

    def __call__(self, *args, **kwargs):
        return self.cupy.run(self.ufunc, args, kwargs, self.ufunc.__name__)

    def at(self, array, *args):
        if array.dtype.kind in "fc":
            raise AssertionError("add.at adds floats by atomics, in no certain order: two runs would differ")
        self.cupy.run(self.ufunc.at, (array, *args), {}, "at", into=array)


class StrictCupy(Part):
    """The module. `book.launches`, `book.waits` (a list of what waited), `book.uploads`, `book.allocations`."""

    def __init__(self, devices=1):
        super().__init__(self, np, "cupy", LACKS)
        self.ndarray = type("ndarray", (Array,), {"cupy": self, "__slots__": ()})
        self.book = SimpleNamespace(launches=0, waits=[], uploads=0, allocations=0, replays=0)
        self.recorded, self.allocator, self.current, self.devices = None, None, 0, devices
        self.carry_out = None  # function of a dtype and a name that gives a kernel to run in place of its reference
        self.cuda, self.cublas = self._cuda(), ModuleType("cupy.cublas")
        self.cublas.gemm = self._gemm
        self.__path__ = []

    # Launches

    def wait(self, what):
        if self.recorded is not None:
            raise CudaError(
                f"cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing: {what}"
            )
        self.book.waits.append(what)

    def launch(self, carry_out):
        if self.recorded is None:
            self.book.launches += 1
            carry_out()
        else:
            self.recorded.append(carry_out)

    def run(self, function, args, kwargs, name, into=None):
        """A function of NumPy on arrays of the device: refuses what CuPy refuses, and counts."""
        if name == "where" and (len(args) == 1 or not isinstance(args[0], Array)):
            if len(args) == 3:
                raise AttributeError(f"{type(args[0]).__name__!r} object has no attribute 'astype'")
            name = "nonzero"
        if name in WAITING:
            self.wait(name)
        if name in ("matmul", "dot", "tensordot", "einsum"):
            self._product(args, kwargs.get("out"))
        bare = [self.bare(part) for part in args]
        named = {key: self.bare(value) for key, value in kwargs.items()}
        out, arrays = kwargs.get("out", into), _arrays([*args, *kwargs.values()])
        if out is not None:
            self.here(arrays)
            with np.errstate(all="ignore"):
                self.launch(lambda: function(*bare, **named))
            return out
        with np.errstate(all="ignore"):
            found = function(*bare, **named)
        return self.wrapped(found, bare, arrays)

    def here(self, arrays):
        """Refuse arrays of another GPU than the current one."""
        for array in arrays:
            if array.device.id != self.current:
                raise ValueError(
                    "Array device must be same as the current device: "
                    f"array device = {array.device.id} while current = {self.current}"
                )

    def bare(self, value):
        if isinstance(value, Array):
            return value._data
        if isinstance(value, np.ndarray):
            raise TypeError(f"Unsupported type {type(value)}: an array of the host met a function of CuPy")
        if type(value) in (list, tuple):
            return type(value)(self.bare(part) for part in value)
        return value

    def wrapped(self, found, inputs, arrays):
        """What a function gave: a view of one of its arguments, where that is, or a new array of the current GPU."""
        if isinstance(found, (list, tuple)):
            return type(found)(self.wrapped(part, inputs, arrays) for part in found)
        if not isinstance(found, (np.ndarray, np.generic)):
            return found
        if isinstance(found, np.ndarray) and arrays and any(_shares(found, part) for part in inputs):
            return self.ndarray(found, arrays[0].device)
        self.here(arrays)
        self.allocate(found.nbytes)
        self.book.launches += 1
        return self.ndarray(np.asarray(found))

    def allocate(self, nbytes):
        self.book.allocations += 1
        if self.allocator is not None:
            self.allocator(nbytes)
        if self.recorded is not None:
            raise CudaError("the stand-in records only operations that write into memory that exists")

    def _product(self, args, out):
        if self.recorded is not None:
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
        if out is None:
            return
        if not out.flags.c_contiguous:
            raise ValueError("Output array must be C-contiguous")
        if len({array.dtype for array in (*args, out)}) > 1:
            raise ValueError("Not supported dtype combination.")
        if any(np.may_share_memory(array._data, out._data) for array in args):
            raise AssertionError("the output is memory of an operand: CuPy makes a hidden copy")

    def _gemm(self, transa, transb, a, b, out=None, alpha=1.0, beta=0.0):
        """cupy.cublas.gemm, for operands that are not transposed by name."""
        assert (transa, transb) == ("N", "N") and a.ndim == b.ndim == 2 and a.dtype == b.dtype == out.dtype
        assert a.shape[1] == b.shape[0] and out.shape == (a.shape[0], b.shape[1])
        self._product((a, b), out)
        self.here([a, b, out])
        for array in (a, b):
            assert array.flags.c_contiguous or array.flags.f_contiguous, "gemm copies an operand"
        self.launch(lambda: _store(out._data, alpha * (a._data @ b._data) + (beta * out._data if beta else 0)))
        return out

    # Making arrays

    def array(self, value, dtype=None, copy=True):
        if isinstance(value, Array):
            return self.run(np.array, (value,), {"dtype": dtype, "copy": True}, "array") if copy else value
        if isinstance(value, (list, tuple)) and any(isinstance(part, Array) for part in value):
            return self.run(np.stack, (list(value),), {}, "stack")
        found = np.array(value, dtype)
        if found.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {found.dtype}")
        self.allocate(found.nbytes)
        self.book.uploads += 1
        return self.ndarray(found)

    def asarray(self, value, dtype=None):
        if isinstance(value, Array) and (dtype is None or value.dtype == dtype):
            return value
        return value.astype(dtype) if isinstance(value, Array) else self.array(value, dtype)

    def ascontiguousarray(self, value, dtype=None):
        if not isinstance(value, Array):
            return self.array(value, dtype)
        same = value.flags.c_contiguous and (dtype is None or value.dtype == dtype)
        return value if same else self.run(np.ascontiguousarray, (value, dtype), {}, "ascontiguousarray")

    def asnumpy(self, value):
        return value.get() if isinstance(value, Array) else np.asarray(value)

    def result_type(self, *args):
        return np.result_type(*[self.bare(arg) for arg in args])

    def copyto(self, dst, src, casting="same_kind", where=None):
        """A copy on the stream, or a kernel where layouts or dtypes differ; the host's arrays are refused."""
        assert where is None, "the stand-in's copyto knows no masks"
        if isinstance(src, np.ndarray) and src.size != 1:
            raise ValueError("non-scalar numpy.ndarray cannot be used for copyto")
        if not np.isscalar(src) and not np.can_cast(src.dtype, dst.dtype, casting):
            raise TypeError(f"Cannot cast {src.dtype} to {dst.dtype} in {casting} casting mode")
        np.broadcast_shapes(dst.shape, np.shape(self.bare(src)))
        self.launch(lambda: np.copyto(dst._data, self.bare(src), casting=casting))

    # Kernels

    def ElementwiseKernel(self, in_params, out_params, operation, name="kernel", **more):
        formula = FORMULAS[name.removeprefix("edf_")]
        assert operation == formula.operation, f"{name} has another source than its formula"
        assert in_params == ", ".join(f"T {n}" for n in formula.in_names)
        assert out_params == ", ".join(f"T {n}" for n in formula.out_names)
        return lambda *args: self._elementwise(formula, args)

    def _elementwise(self, formula, args):
        ins, outs = args[: len(formula.in_names)], list(args[len(formula.in_names) :])
        for arg in ins:
            if not isinstance(arg, (Array, *SCALARS)):
                raise TypeError(f"Unsupported type {type(arg)}")
        self.here(_arrays(args))
        dtypes = {arg.dtype for arg in args if isinstance(arg, Array)}
        if len(dtypes) != 1:
            raise TypeError(f"Type is mismatched. T {dtypes}")
        shape = np.broadcast_shapes(*(np.shape(self.bare(arg)) for arg in ins))
        if not outs:
            self.allocate(0)
            outs = [self.ndarray(np.empty(shape, dtypes.pop())) for _ in formula.out_names]
        if len(outs) != len(formula.out_names) or any(out.shape != shape for out in outs):
            raise ValueError(f"Out shape is mismatched: {[out.shape for out in outs]} for {shape}")
        bare = [self.bare(arg) for arg in ins]

        def carry_out():
            found = [np.array(value) for value in formula(*bare)]  # copies: an output may be an input's memory
            for out, value in zip(outs, found, strict=True):
                assert value.dtype == out.dtype, f"{formula.name} computed in {value.dtype}"
                out._data[...] = value

        self.launch(carry_out)
        return outs[0] if len(outs) == 1 else tuple(outs)

    def RawModule(self, code, options=()):
        return SimpleNamespace(get_function=lambda name: RawKernel(self, code, name))

    def RawKernel(self, code, name, options=()):
        return RawKernel(self, code, name)

    # The device

    def _cuda(self):
        cuda, module = ModuleType("cupy.cuda"), self

        class Device:
            def __init__(self, index=None):
                self.id = module.current if index is None else index

            def __eq__(self, other):
                return self.id == other.id

            __hash__ = None

            def use(self):
                module.current = self.id

            def __enter__(self):
                self.before, module.current = module.current, self.id
                return self

            def __exit__(self, *exc):
                module.current = self.before

        class Stream:
            def __init__(self, non_blocking=False):
                self.non_blocking = non_blocking

            def __enter__(self):
                return self

            def __exit__(self, *exc):
                pass

            def begin_capture(self):
                assert self.non_blocking, "a blocking stream waits for the legacy stream: capture fails"
                module.recorded = []

            def end_capture(self):
                recorded, module.recorded = module.recorded, None
                return Graph(recorded)

        class Graph:
            def __init__(self, recorded):
                self.recorded = recorded

            def launch(self, stream=None):
                module.book.replays += 1
                with np.errstate(all="ignore"):
                    for carry_out in self.recorded:
                        carry_out()

        @contextmanager
        def using_allocator(allocator):
            before, module.allocator = module.allocator, allocator
            try:
                yield
            finally:
                module.allocator = before

        cuda.Device, cuda.Stream, cuda.Graph, cuda.using_allocator = Device, Stream, Graph, using_allocator
        cuda.runtime = SimpleNamespace(getDeviceCount=lambda: module.devices, getDevice=lambda: module.current)
        cuda.is_available = lambda: module.devices > 0
        return cuda


class RawKernel:
    """A kernel of a CUDA source: its arguments are compared with its signature, its reference carries it out."""

    def __init__(self, cupy, code, name):
        self.cupy, self.name, self.params = cupy, name, signature(code, name)
        self.real = np.dtype({"float": "float32", "double": "float64"}[re.search(r"typedef (\w+) T;", code)[1]])
        if name not in KERNELS:
            raise KeyError(f"the raw kernel {name} has no reference in edfcore.gpu.reference.KERNELS")

    def __call__(self, grid, block, args, shared_mem=0):
        if not all(isinstance(n, int) and n > 0 for n in (*grid, *block)) or np.prod(block) > 1024:
            raise CudaError(f"cudaErrorInvalidConfiguration: grid {grid}, block {block}")
        if len(args) != len(self.params):
            raise TypeError(f"{self.name} takes {', '.join(map(' '.join, self.params))}; {len(args)} arguments given")
        for (kind, name), arg in zip(self.params, args, strict=True):
            self._check(kind, name, arg)
        self.cupy.here(_arrays(args))  # a raw kernel itself would not notice
        bare = [self.cupy.bare(arg) for arg in args]
        if self.cupy.carry_out is not None:
            kernel = self.cupy.carry_out(self.real.name, self.name)
            self.cupy.launch(lambda: kernel(grid, block, bare))
        else:
            self.cupy.launch(lambda: KERNELS[self.name](*bare))

    def _check(self, kind, name, arg):
        base = kind.replace("const", "").replace("*", "").strip()
        wanted = {"T": self.real, "I": np.dtype("int64"), "int": np.dtype("int32")}[base]
        if "*" not in kind:
            assert type(arg) is wanted.type, f"{self.name}: {name} is {kind}, but {type(arg)} was given"
            return
        assert isinstance(arg, Array) and arg.dtype == wanted, f"{self.name}: {name} is {kind}, not {arg.dtype}"
        strided = (f"{name}_row" in [other for _, other in self.params]) and arg.flags.f_contiguous
        assert arg.flags.c_contiguous or strided, f"{self.name}: {name} has strides, which a raw kernel ignores"


def signature(code, name):
    """The parameters of a kernel in a CUDA source: pairs of a type and a name."""
    found = re.search(rf"KERNEL {name}\(([^)]*)\)", code)
    if not found:
        raise CudaError(f"CUDA_ERROR_NOT_FOUND: named symbol not found: {name}")
    text = found[1]
    for define in re.finditer(r"#define (\w+) (I .*)", code):
        text = text.replace(define[1], define[2])
    return [
        (kind.strip(), word) for kind, word in (re.match(r"(.*?)(\w+)$", p.strip()).groups() for p in text.split(","))
    ]


def _shares(found, part):
    if isinstance(part, (list, tuple)):
        return any(_shares(found, p) for p in part)
    return isinstance(part, np.ndarray) and np.may_share_memory(found, part)


def _arrays(values):
    """The arrays among values, those in lists too."""
    lists = [value if isinstance(value, (list, tuple)) else [value] for value in values]
    return [part for values in lists for part in values if isinstance(part, Array)]


def _store(out, value):
    out[...] = value


def install(monkeypatch, devices=1):
    """Put a fresh stand-in in CuPy's place until the test ends; returns it."""
    module = StrictCupy(devices)
    for name, part in (("cupy", module), ("cupy.cublas", module.cublas), ("cupy.cuda", module.cuda)):
        monkeypatch.setitem(sys.modules, name, part)
    return module
