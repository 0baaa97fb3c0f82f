"""Automatic wrong answers: the reference of an exercise with one small thing changed, as a slip of the pen would.

Operators, signs, comparisons, constants (axes among them), flags, transposes, reductions; a term, a factor, a statement
left out; a tuple in another order. Tests that let such an answer pass do not look at what it changes.
DeMillo, Lipton & Sayward 1978 for the idea; the operators are those of Offutt et al. 1996 where they fit NumPy.
"""

import ast
import copy
import re
from dataclasses import dataclass

REGION = re.compile(r"^[ \t]*### BEGIN SOLUTION[^\n]*\n(.*?)^[ \t]*### END SOLUTION", re.DOTALL | re.MULTILINE)
OPERATORS = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,), ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,),
}  # fmt: skip
COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt,), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt,), ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
INSTEAD = {
    "sum": "mean", "mean": "sum", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum",
    "argmax": "argmin", "argmin": "argmax", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor",
    "cumsum": "cumprod", "sin": "cos", "cos": "sin",
}  # fmt: skip
UNWRAPPED = {
    "sqrt",
    "exp",
    "log",
    "abs",
    "square",
    "sorted",
    "reversed",
    "copy",
    "astype",
    "transpose",
    "log1p",
    "expm1",
}


@dataclass(frozen=True)
class Mutant:
    """One changed reference.

    name : str, what was changed where, e.g. "line 3: x @ W.T - bias -> x @ W.T + bias"
    source : str, the answer cell
    """

    name: str
    source: str


def mutants(source):
    """All mutants of an answer cell, in the order of its lines, each once.

    Parameters
    ----------
    source : str, the reference's cell with its solution regions; only what stands in them is changed

    Returns
    -------
    list of Mutant
    """
    tree = ast.parse(source)
    inside = _solution_lines(source)
    plain, seen, found = ast.unparse(tree), set(), []
    places = [n for n in ast.walk(tree) if getattr(n, "lineno", 0) in inside]
    for node in sorted(places, key=lambda n: (n.lineno, n.col_offset)):
        for changed in _changes(node):
            text = _replaced(tree, node, changed)
            if text is None or text == plain or text in seen:
                continue
            seen.add(text)
            found.append(Mutant(f"line {node.lineno}: {_short(node)} -> {_told(changed)}", text))
    return found


def _solution_lines(source):
    lines = set()
    for region in REGION.finditer(source):
        first = source.count("\n", 0, region.start(1)) + 1
        lines |= set(range(first, first + region[1].count("\n") + 1))
    return lines


REMOVED = object()


def _changes(node):
    """What a node may become: other nodes, or REMOVED for a statement."""
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):
            yield _with(node, op=operator())
        if not isinstance(node.op, (ast.MatMult, ast.Mod, ast.FloorDiv)):
            yield node.left
            yield node.right
        if isinstance(node.op, ast.MatMult):
            yield _with(node, left=node.right, right=node.left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        yield node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for operator in COMPARED.get(type(node.ops[0]), ()):
            yield _with(node, ops=[operator()])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from node.values
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _other(node.value))
    elif isinstance(node, ast.Attribute):
        if node.attr == "T":
            yield node.value
        elif node.attr in INSTEAD:
            yield _with(node, attr=INSTEAD[node.attr])
    elif isinstance(node, ast.Name) and node.id in INSTEAD and isinstance(node.ctx, ast.Load):
        if node.id in ("sum", "max", "min", "any", "all"):
            yield _with(node, id={"sum": "max"}.get(node.id, INSTEAD[node.id]))
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.AugAssign):
        for operator in OPERATORS.get(type(node.op), ()):
            yield _with(node, op=operator())
        target = copy.deepcopy(node.target)
        yield ast.Assign([target], node.value)
        yield REMOVED
    elif isinstance(node, (ast.Assign, ast.Expr, ast.Continue, ast.Break)):
        yield REMOVED
    elif isinstance(node, (ast.If, ast.While)):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
        yield _with(node, value=_with(node.value, elts=[*node.value.elts[1:], node.value.elts[0]]))
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part) is not None:
                yield _with(node, **{part: None})


def _of_call(node):
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in UNWRAPPED:
        method = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in ("np", "math")
        if method or node.args:
            yield node.func.value if method else node.args[0]
    for k in range(len(node.keywords)):
        yield _with(node, keywords=node.keywords[:k] + node.keywords[k + 1 :])
    if name == "where" and len(node.args) == 3:
        yield _with(node, args=[node.args[0], node.args[2], node.args[1]])


def _other(value):
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value - 1)
    if isinstance(value, float):
        return (2 * value, -value) if value else (1.0,)
    return ()


def _with(node, **fields):
    """A copy of one node with some fields changed; its children are shared."""
    fresh = copy.copy(node)
    for name, value in fields.items():
        setattr(fresh, name, value)
    return fresh


def _replaced(tree, node, changed):
    """The program with `node` replaced, or None where it would be none."""
    fresh = _Put(node, changed).visit(copy.copy(tree))
    try:
        text = ast.unparse(ast.fix_missing_locations(fresh))
        compile(text, "<mutant>", "exec")
    except (SyntaxError, ValueError):
        return None
    return text


class _Put(ast.NodeTransformer):
    """Puts a node in place of another, without changing the tree that both are part of."""

    def __init__(self, node, changed):
        self.node, self.changed = node, changed

    def visit(self, node):
        if node is self.node:
            if self.changed is not REMOVED:
                return copy.deepcopy(self.changed)
            return ast.copy_location(ast.Pass(), node)
        fresh = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(fresh, name, self.visit(value))
            elif isinstance(value, list):
                setattr(fresh, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
        return fresh


def _short(node):
    return " ".join(ast.unparse(node).split())[:60]


def _told(changed):
    return (
        "left out"
        if changed is REMOVED
        else " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(changed))).split())[:60]
    )
