"""Elementwise operations, each written once: from one formula come NumPy's evaluator and the CUDA source.

    Formula("axpy", "x a", "y", "y = a * x + y0")

A formula is a few assignments, one for each line, in a small common part of Python and of mathematics: numbers, names,
+ - * /, one comparison, `a if c else b`, and the functions of FUNCTIONS. Names that are assigned and are no output are
intermediate results. All outputs are stored after the last line, so that an output may be the memory of an input.

In CUDA every number is a T(...), float or double as the arrays are: a bare 1.0 would be double and slow. Every formula
is branch-free but for selections, and writes as the components do: no exp of a positive number in the sigmoid.
"""

import ast
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import DataError

__all__ = ["ACTS", "FORMULAS", "FUNCTIONS", "Formula"]


def _normcdf(x):
    return np.vectorize(lambda t: 0.5 * math.erfc(-t / math.sqrt(2)), otypes=[np.result_type(x)])(x)


# The name in a formula -> NumPy's function, and the one of CUDA, which has overloads for float and double.
FUNCTIONS = {
    "exp": (np.exp, "exp"), "tanh": (np.tanh, "tanh"), "sqrt": (np.sqrt, "sqrt"), "log": (np.log, "log"),
    "log1p": (np.log1p, "log1p"), "abs": (np.abs, "fabs"), "normcdf": (_normcdf, "normcdf"),
}  # fmt: skip
SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Eq: "==",
}  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """An elementwise operation.

    Parameters
    ----------
    name : str, the kernel's name
    inputs : str, names of arrays and numbers, with spaces between them; all broadcast
    outputs : str, names of the arrays that it writes
    text : str, the assignments, one for each line

    Raises
    ------
    DataError : the text uses something else than what a formula may use, or leaves an output unassigned.

    Examples
    --------
    >>> relu = Formula("relu", "x", "y", "y = x if x > 0 else 0")
    >>> relu.operation
    'const T y_ = ((x > T(0.0)) ? x : T(0.0)); y = y_;'
    >>> relu(np.array([-1.0, 2.0]))[0].tolist()
    [0.0, 2.0]
    """

    name: str
    inputs: str
    outputs: str
    text: str

    def __post_init__(self):
        self.operation  # noqa: B018  a text that cannot be translated is refused when it is written

    in_names = property(lambda self: tuple(self.inputs.split()))
    out_names = property(lambda self: tuple(self.outputs.split()))

    def assignments(self):
        """The text as pairs of a name and an expression's tree; the trees are the caller's."""
        found = []
        for line in ast.parse(self.text).body:
            if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
                raise DataError(f"Formula {self.name}: {ast.unparse(line)!r} is no assignment to a name.")
            found.append((line.targets[0].id, line.value))
        missing = set(self.out_names) - {name for name, _ in found}
        if missing:
            raise DataError(f"Formula {self.name}: nothing is assigned to {', '.join(sorted(missing))}.")
        return found

    @cached_property
    def operation(self):
        """The body of a CUDA loop over the entries, in which inputs and outputs are known by their names."""
        known, lines = {name: name for name in self.in_names}, []
        for name, tree in self.assignments():
            lines.append(f"const T {name}_ = {self._cuda(tree, known)};")
            known[name] = f"{name}_"
        return " ".join([*lines, *(f"{name} = {name}_;" for name in self.out_names)])

    def _cuda(self, tree, known):
        def told(part):
            return self._cuda(part, known)

        match tree:
            case ast.Constant(value=int() | float()):
                return f"T({float(tree.value)!r})"
            case ast.Name() if tree.id in known:
                return known[tree.id]
            case ast.UnaryOp(op=ast.USub()):
                return f"(-{told(tree.operand)})"
            case ast.BinOp() if type(tree.op) in SIGNS:
                return f"({told(tree.left)} {SIGNS[type(tree.op)]} {told(tree.right)})"
            case ast.Compare(ops=[op]) if type(op) in SIGNS:
                return f"({told(tree.left)} {SIGNS[type(op)]} {told(tree.comparators[0])})"
            case ast.IfExp():
                return f"({told(tree.test)} ? {told(tree.body)} : {told(tree.orelse)})"
            case ast.Call(func=ast.Name(), args=[argument]) if tree.func.id in FUNCTIONS:
                return f"{FUNCTIONS[tree.func.id][1]}({told(argument)})"
        raise DataError(
            f"Formula {self.name}: {ast.unparse(tree)!r} cannot be said in CUDA here; there are + - * /, comparisons, "
            f"a if c else b, the names {', '.join(known)} and the functions {', '.join(FUNCTIONS)}."
        )

    @cached_property
    def _compiled(self):
        class Select(ast.NodeTransformer):
            def visit_IfExp(self, node):
                parts = [self.visit(part) for part in (node.test, node.body, node.orelse)]
                return ast.Call(ast.Name("_where", ast.Load()), parts, [])

        def code(tree):
            return compile(ast.fix_missing_locations(ast.Expression(Select().visit(tree))), f"<{self.name}>", "eval")

        return [(name, code(tree)) for name, tree in self.assignments()]

    def __call__(self, *values):
        """NumPy's evaluator: the outputs as a tuple, of the inputs' dtype. Python's numbers take the arrays' dtype."""
        names = dict(zip(self.in_names, values, strict=True))
        functions = {name: function for name, (function, _) in FUNCTIONS.items()} | {"_where": np.where}
        with np.errstate(all="ignore"):  # as on a GPU, where a selection computes both sides in silence
            for name, code in self._compiled:
                names[name] = eval(code, {"__builtins__": {}}, functions | names)  # noqa: S307  our own text
        return tuple(names[name] for name in self.out_names)


SIGMOID = "e = exp(-{z} if {z} > 0 else {z})\ny = (1 if {z} > 0 else e) / (1 + e)"  # no overflow
ACTS = {
    "none": "y = {z}",
    "sigmoid": SIGMOID,
    "tanh": "y = tanh({z})",
    "relu": "y = 0 if {z} <= 0 else {z}",  # keeps NaN
}
SLOPES = {"none": "d = g", "sigmoid": "d = g * (y * (1 - y))", "tanh": "d = g * (1 - y * y)",
          "relu": "d = g if y > 0 else 0"}  # fmt: skip
# share, r1, r2 are 1 - dampening, 1 - b1, 1 - b2, from the host: in float32, 1 - 0.999f is off by 1e-5 of itself.
MOMENTUM = """
h = g + weight_decay * w0
v = mu * v0 + share * h
w = w0 - lr * (h + mu * v if nesterov > 0 else v)
"""
ADAM = """
h = g + (0 if decoupled > 0 else weight_decay * w0)
m = b1 * m0 + r1 * h
v = b2 * v0 + r2 * h * h
shrunk = w0 - lr * weight_decay * w0 if decoupled > 0 else w0
w = shrunk - lr * (m / c1) / (sqrt(v / c2) + eps)
"""


def _all():
    yield Formula("normal_cdf", "x", "y", "y = normcdf(x)")
    yield Formula("add", "x y", "z", "z = x + y")
    yield Formula("sgd", "w0 g lr weight_decay", "w", "w = w0 - lr * (g + weight_decay * w0)")
    yield Formula("momentum", "w0 g v0 lr mu share weight_decay nesterov", "w v", MOMENTUM.strip())
    yield Formula("adam", "w0 g m0 v0 lr b1 r1 b2 r2 c1 c2 eps weight_decay decoupled", "w m v", ADAM.strip())
    for act, text in ACTS.items():
        yield Formula(f"act_{act}", "x", "y", text.format(z="x"))
        yield Formula(f"bias_act_{act}", "x bias", "y", "z = x + bias\n" + text.format(z="z"))
    for act, text in SLOPES.items():
        yield Formula(f"act_grad_{act}", "y g", "d", text)


FORMULAS = {formula.name: formula for formula in _all()}
