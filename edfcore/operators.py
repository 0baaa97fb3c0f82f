"""Formulas: `x @ W + b` builds the same components as `AddBias(VDot(x, W), b)`."""

from .registry import REGISTRY


class Operators:
    """Arithmetic on nodes. A number or array beside a node becomes a constant of its graph."""

    __array_ufunc__ = None  # array * node reaches the operators below instead of looping over entries

    def __matmul__(self, other):
        return REGISTRY["VDot"](self, other)

    def __add__(self, other):
        is_bias = getattr(other, "is_vector_param", False) and self.batched
        return REGISTRY["AddBias" if is_bias else "Add"](self, other)

    def __radd__(self, other):
        return REGISTRY["Add"](other, self)

    def __sub__(self, other):
        return REGISTRY["Sub"](self, other)

    def __rsub__(self, other):
        return REGISTRY["Sub"](other, self)

    def __mul__(self, other):
        return REGISTRY["Mul"](self, other)

    def __rmul__(self, other):
        return REGISTRY["Mul"](other, self)

    def __truediv__(self, other):
        return REGISTRY["Div"](self, other)

    def __rtruediv__(self, other):
        return REGISTRY["Div"](other, self)

    def __pow__(self, p):
        return REGISTRY["Power"](self, p=p)

    def __neg__(self):
        return REGISTRY["Neg"](self)

    @property
    def T(self):
        return REGISTRY["Transpose"](self)
