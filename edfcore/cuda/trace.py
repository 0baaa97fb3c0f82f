"""The source of a kernel, rewritten so that a model of the grid sees each statement, branch and barrier.

The rewriting only adds calls; what is computed stays as it is:

    statement          ->  __model__.step(site); statement
    if test:           ->  if __model__.branch(site, test):
    for k in range(n): ->  for k in __model__.loop(site, depth, range(n)):
    while test:        ->  while __model__.turn(depth) and __model__.branch(site, test):
    a + b              ->  __model__.arithmetic(site, a + b)
    cuda.syncthreads() ->  yield site

The last makes a kernel a generator: a block's threads are run one after the other up to a barrier, then up to the next.
"""

import ast
import inspect
import textwrap
from functools import cached_property

from .kernel import KernelError, is_cuda

MODEL = "__model__"
REFUSED = (
    ast.Try, ast.With, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.FunctionDef,
    ast.ClassDef, ast.Match, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom,
    ast.NamedExpr, ast.Delete,
)  # fmt: skip
COUNTED = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)


def python_function(kernel):
    """The Python function of a kernel of ours, of numba's, or the function itself. Raises KernelError."""
    fn = getattr(kernel, "py_func", kernel)
    if not inspect.isfunction(fn):
        raise KernelError(f"analyse: {kernel!r} is no kernel; give a function made with @kernel or @cuda.jit.")
    return fn


class Source:
    """The text of a function: its syntax tree with the line numbers of its file.

    Raises
    ------
    KernelError : the text is not to be had, or uses what kernels cannot.
    """

    def __init__(self, fn):
        try:
            lines, first = inspect.getsourcelines(fn)
        except (OSError, TypeError) as error:
            raise KernelError(f"{fn.__name__}: its source is not to be found, so it cannot be analysed.") from error
        self.name, text = fn.__qualname__.rpartition(".")[2], textwrap.dedent("".join(lines))
        self.lines = {first + n: line for n, line in enumerate(text.splitlines())}
        self.tree = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
        ast.increment_lineno(self.tree, first - 1)
        for node in ast.walk(self.tree):
            if isinstance(node, REFUSED) and node is not self.tree or getattr(node, "orelse", None) and is_loop(node):
                raise KernelError(
                    f"{fn.__name__}, line {node.lineno}: {type(node).__name__} is nothing that the analyser "
                    "follows; use assignments, if, for, while, and calls."
                )
        self.expressions = {}  # where it stands -> (the array, the whole access), as written
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Subscript):
                self.expressions[place(node)] = (ast.unparse(node.value), ast.unparse(node))
            elif isinstance(node, ast.Call) and node.args:  # cuda.atomic.add(array, index, value)
                self.expressions[place(node)] = (ast.unparse(node.args[0]), ast.unparse(node))


def is_loop(node):
    """Whether a node of the syntax tree is a loop."""
    return isinstance(node, (ast.For, ast.While))


def place(node):
    """Where a node stands: line, end line, column, end column, as `code.co_positions()` tells it."""
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


class Instrument(ast.NodeTransformer):
    """Adds the calls to `__model__`.

    Parameters
    ----------
    function : str; the name of the function, part of every site
    cudas : names that mean `cuda` in this function
    callees : names of device functions
    """

    def __init__(self, function, cudas, callees):
        self.name, self.cudas, self.callees, self.depth = function, cudas, callees, 0

    def site(self, node):
        """What tells two places of a kernel and its device functions apart."""
        return self.name, node.lineno, node.col_offset

    def function(self, tree):
        """The function's definition, rewritten, without decorators and annotations."""
        tree.decorator_list, tree.returns = [], None
        for arg in ast.walk(tree.args):
            if isinstance(arg, ast.arg):
                arg.annotation = None
        never = ast.If(ast.Constant(False), [ast.Expr(ast.Yield())], [])  # a generator, with or without barriers
        tree.body = [ast.copy_location(never, tree.body[0]), *self.statements(tree.body)]
        return ast.fix_missing_locations(tree)

    def call(self, at, name, *args):
        """__model__.name(*args), standing where `at` stands."""
        nodes = [a if isinstance(a, ast.AST) else ast.Constant(a) for a in args]
        made = ast.Call(ast.Attribute(ast.Name(MODEL, ast.Load()), name, ast.Load()), nodes, [])
        return ast.fix_missing_locations(ast.copy_location(made, at))

    def statement(self, at, name, *args):
        return ast.copy_location(ast.Expr(self.call(at, name, *args)), at)

    def statements(self, body):
        """A list of statements, each after a note that it is reached; tests of branches are noted as they are taken."""
        found = []
        for node in body:
            simple = not isinstance(node, (ast.If, ast.For, ast.While, ast.Pass, ast.Break, ast.Continue))
            if simple and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                found.append(self.statement(node, "step", self.site(node)))
            new = self.visit(node)
            found.extend(new if isinstance(new, list) else [new])
        return found

    def test(self, node):
        return self.call(node, "branch", self.site(node), self.visit(node))

    def visit_If(self, node):
        node.test, node.body = self.test(node.test), self.statements(node.body)
        node.orelse = self.statements(node.orelse)
        return node

    def visit_IfExp(self, node):
        node.test, node.body, node.orelse = self.test(node.test), self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_For(self, node):
        iterable, self.depth = self.visit(node.iter), self.depth + 1
        node.iter = self.call(node.iter, "loop", self.site(node.iter), self.depth, iterable)
        node.body = self.statements(node.body)
        self.depth -= 1
        return [node, self.statement(node, "leave", self.depth)]

    def visit_While(self, node):
        self.depth += 1
        turn, enter = self.call(node.test, "turn", self.depth), self.statement(node, "enter", self.depth)
        node.test = ast.copy_location(ast.BoolOp(ast.And(), [turn, self.test(node.test)]), node.test)
        node.body = self.statements(node.body)
        self.depth -= 1
        return [enter, node, self.statement(node, "leave", self.depth)]

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return self.call(node, "arithmetic", self.site(node), node) if isinstance(node.op, COUNTED) else node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if isinstance(node.op, COUNTED):
            node.value = self.call(node.value, "arithmetic", self.site(node), node.value)
        return node

    def visit_Call(self, node):
        where, fn = self.site(node), node.func
        self.generic_visit(node)
        if isinstance(fn, ast.Attribute) and isinstance(fn.value, ast.Name):
            if fn.value.id in self.cudas and fn.attr == "syncthreads":
                return ast.copy_location(ast.Yield(ast.Constant(where)), node)
            if fn.value.id == "math":
                return self.call(node, "arithmetic", self.site(node), node)
        if isinstance(fn, ast.Name) and fn.id in self.callees:
            return ast.copy_location(ast.YieldFrom(self.call(node, "call", where, fn, *node.args)), node)
        return node


class Traced:
    """A function whose every step a model sees, and the text that it came from.

    Parameters
    ----------
    kernel : Kernel, numba kernel or plain function
    model : the meaning of `cuda`, and what is told of each step

    Attributes
    ----------
    run : the generator function
    sources : for each code object its Source; device functions have their own
    """

    def __init__(self, kernel, model, sources=None):
        self.fn = python_function(kernel)
        self.sources = {} if sources is None else sources
        source = Source(self.fn)
        names = names_of(self.fn)
        cudas = {name for name, value in names.items() if is_cuda(value)}
        used = {*self.fn.__code__.co_names, *self.fn.__code__.co_freevars}
        callees = {name: names[name] for name in used & names.keys() if is_device_function(names[name])}
        tree = Instrument(source.name, cudas, callees).function(source.tree)
        names |= dict.fromkeys(cudas, model) | {MODEL: model}
        for name, callee in callees.items():
            names[name] = Traced(callee, model, self.sources).run
        exec(compile(ast.Module([tree], []), inspect.getfile(self.fn), "exec"), names)
        self.run = names[self.fn.__name__]
        self.run.__defaults__ = self.fn.__defaults__
        self.sources[self.run.__code__] = source

    @cached_property
    def codes(self):
        """The identities of the code objects, which are cheaper to look up than code objects."""
        return {id(code) for code in self.sources}


def names_of(fn):
    """Every name that a function sees besides its own: globals, and what it closes over."""
    cells = zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
    return dict(fn.__globals__) | {name: cell.cell_contents for name, cell in cells}


def is_device_function(value):
    """Whether a value is a function that numba compiled for the device, to be called from kernels."""
    return not is_cuda(value) and inspect.isfunction(getattr(value, "py_func", None))
