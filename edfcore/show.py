"""A graph for eyes: a table of its nodes, a drawing, and the same as text.

Letters of a component's value come from its signature. A value of an entrywise component takes those of its argument,
an input or a parameter those under which a component first uses it.
"""

from dataclasses import dataclass
from html import escape

from .display import folded, heat_map, measures, number_told, table
from .errors import GraphError


class Shown:
    """What a Graph can show of itself."""

    def __repr__(self):
        return f"<Graph of {len(self.nodes)} nodes, {len(self.params)} of them parameters>"

    def summary(self):
        """A table of the nodes: shape in letters, parameters, FLOPs, bytes. Forward must have run once.

        Raises
        ------
        GraphError : nothing was forwarded yet.
        """
        return summarize(self)

    def draw(self):
        """The graph as a Drawing (SVG in notebooks, text elsewhere); shapes are shown once it was forwarded."""
        return Drawing(self)

    def _repr_html_(self):
        return self.draw()._repr_html_()

    def __getitem__(self, name):
        """The node of that name. Raises GraphError with the names that there are."""
        for node in self.nodes:
            if node.name == name:
                return node
        there = ", ".join(n.name for n in self.nodes if n.name) or "none"
        raise GraphError(f"No node is named {name!r}; there are: {there}.")

    def __contains__(self, name):
        return any(node.name == name for node in self.nodes)

    def __iter__(self):
        return iter(self.nodes)


class ShownNode:
    """What a node can show of itself: axes, range and mean of value and gradient, and heat maps of both."""

    def describe(self):
        """Value and gradient in words: a line for each."""
        return "\n".join([_headline(self), *(f"{what}: {number_told(array)}" for what, array in _arrays(self))])

    def _repr_html_(self):
        rows = [["array", "least", "mean", "greatest", "not finite", "heat map"]]
        for what, array in _arrays(self):
            told, bad = measures(array)
            rows.append([what, *told, str(bad), heat_map(array)])
        return table(rows, _headline(self), raw=(5,)) if rows[1:] else f"<div>{escape(_headline(self))}</div>"


def _arrays(node):
    """("value", array) and ("gradient", array) of a node, as far as there are any, on the host."""
    for what, array in (("value", node.value), ("gradient", node.grad)):
        if array is not None:
            yield what, node.graph.backend.to_host(array)


def _headline(node):
    """The label of a node with its axes and its type of number."""
    if node.value is None:
        return f"{node.label}: no value yet"
    axes = letters_of(node.graph.order())[node]
    return f"{node.label}: {_axes_told(axes, node.value.shape)}, {node.value.dtype}"


def _axes_told(axes, shape):
    """A shape in letters, "b 32, i 784"; without letters "32 x 784"."""
    named = ", ".join(f"{a} {n}" for a, n in zip(axes, shape, strict=True)) if axes else ""
    return named or " x ".join(map(str, shape)) or "a number"


@dataclass(frozen=True)
class Row:
    """One node of a summary. `forward` and `backward` are FLOPs; `bytes` is what its value and gradient take."""

    node: str
    args: str
    letters: str
    shape: tuple
    params: int
    forward: int
    backward: int
    bytes: int


@dataclass(frozen=True)
class Summary:
    """The rows of a graph's nodes in topological order; text when printed, a table in notebooks."""

    rows: tuple[Row, ...]

    def total(self, column):
        """The sum of a column: "params", "forward", "backward" or "bytes"."""
        return sum(getattr(row, column) for row in self.rows)

    def _cells(self):
        yield ["node", "of", "axes", "shape", "parameters", "FLOPs forward", "backward", "bytes"]
        for r in self.rows:
            numbers = (f"{n:,}" if n else "" for n in (r.params, r.forward, r.backward, r.bytes))
            yield [r.node, r.args, r.letters, str(r.shape), *numbers]
        totals = (f"{self.total(c):,}" for c in ("params", "forward", "backward", "bytes"))
        yield ["together", "", "", "", *totals]

    def __str__(self):
        cells = list(self._cells())
        widths = [max(len(row[k]) for row in cells) for k in range(8)]
        sides = [str.ljust] * 4 + [str.rjust] * 4
        lines = ("  ".join(map(lambda side, c, w: side(c, w), sides, row, widths)) for row in cells)
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self):
        first, *body = self._cells()
        head = "".join(f'<th scope="col">{escape(c)}</th>' for c in first)
        rows = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in body)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def names_of(nodes):
    """A short unique name for each node: its own, or its kind with a number."""
    taken, found = {}, {}
    for node in nodes:
        kind = node.name or type(node).__name__
        taken[kind] = taken.get(kind, 0) + 1
        found[node] = kind if taken[kind] == 1 else f"{kind} {taken[kind]}"
    return found


def letters_of(order):
    """The index letters of each node's axes, a tuple or None where nothing gives them."""
    found = {}
    for node in order:
        for axes, arg in zip(node.signature.args if node.args else (), node.args, strict=True):
            if found.get(arg) is None and "..." not in axes:
                found[arg] = axes
        if node.args and "..." not in node.signature.out:
            found[node] = node.signature.out
        elif node.args:
            found[node] = next((found.get(a) for a in node.args if a.batched), None)
        else:
            found[node] = None
    for node in order:
        if node.args and found[node] is None:
            found[node] = next((found.get(a) for a in node.args if a.batched), None)
    return {node: axes if axes and node.value is not None and len(axes) == node.value.ndim else None
            for node, axes in found.items()}  # fmt: skip


def summarize(graph):
    """The Summary of a forwarded graph."""
    order = graph.order()
    if not order or any(n.value is None for n in order):
        raise GraphError("summary: set the inputs and call Forward() once; shapes are known only then.")
    names, axes = names_of(order), letters_of(order)
    return Summary(tuple(_row(node, names, axes[node]) for node in order))


def _row(node, names, axes):
    cost = node.cost(node.sizes) if node.args else None
    size = int(node.value.size)
    copies = 1 + bool(node.wants_grad)
    return Row(
        names[node],
        ", ".join(names[a] for a in node.args),
        ",".join(axes) if axes else "",
        node.value.shape,
        size if node.wants_grad and not node.args and not node.batched else 0,
        cost.forward if cost else 0,
        cost.backward if cost else 0,
        copies * node.value.nbytes,
    )


WIDTH, HEIGHT, GAP = 150, 40, 34  # of a box, and between rows, in pixels
MOST = 200  # boxes that a notebook shows; a picture of more is read by nobody and fills the file


class Drawing:
    """A graph from inputs (top) to loss (bottom), a box for each node: SVG in notebooks, a list of lines as text."""

    def __init__(self, graph):
        self.order = graph.order()
        self.names, self.axes = names_of(self.order), letters_of(self.order)

    def lines(self):
        """One line for each node: name, axes and shape, and what it is computed from."""
        for node in self.order:
            args = ", ".join(self.names[a] for a in node.args)
            kind = type(node).__name__
            yield f"{self.names[node]}{self._shape(node)}" + (f" = {kind}({args})" if args else f" ({kind})")

    def _shape(self, node):
        if node.value is None:
            return ""
        return f" [{_axes_told(self.axes[node], node.value.shape)}]"

    def __repr__(self):
        return "\n".join(self.lines())

    def _places(self):
        """The centre of each node's box: one row below the lowest of its arguments, leaves above their first use."""
        depth = {}
        for node in self.order:
            depth[node] = 1 + max((depth[a] for a in node.args), default=-1)
        for node in reversed(self.order):
            for arg in node.args:
                if not arg.args:
                    depth[arg] = max(0, depth[node] - 1) if depth[arg] == 0 else depth[arg]
        rows = {}
        for node in self.order:
            rows.setdefault(depth[node], []).append(node)
        widest = max(map(len, rows.values()), default=1)
        for level, nodes in rows.items():
            for k, node in enumerate(nodes):
                x = (k + 0.5 + (widest - len(nodes)) / 2) * (WIDTH + 20)
                yield node, (x, level * (HEIGHT + GAP) + HEIGHT / 2 + 4)

    def svg(self):
        """The drawing as SVG; it takes its colours from the page, and its description from the text."""
        places = dict(self._places())
        width = max((x for x, _ in places.values()), default=0) + WIDTH / 2 + 20
        height = max((y for _, y in places.values()), default=0) + HEIGHT / 2 + 6
        parts = [_edge(places[a], places[n]) for n in self.order for a in n.args]
        parts += [_box(places[n], self.names[n], self._subtitle(n), bool(n.args)) for n in self.order]
        told = escape("Graph: " + "; ".join(self.lines()), quote=True)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{told}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" style="max-width:100%" '
            f'font-family="sans-serif" font-size="12" fill="currentColor">{"".join(parts)}</svg>'
        )

    def _repr_html_(self):
        if len(self.order) > MOST:
            return folded(f"A graph of {len(self.order)} nodes, as text; draw().svg() has the picture", repr(self))
        return self.svg() + folded("The same as text", repr(self))  # as SVG in an image, it would not know the theme

    def _subtitle(self, node):
        kind = "" if not node.name else type(node).__name__ + " "
        return kind + self._shape(node).strip(" []")


def _box(place, name, subtitle, computed):
    x, y = place
    corner = 4 if computed else HEIGHT / 2
    frame = (
        f'<rect x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="{corner:.0f}" '
        'fill="none" stroke="currentColor"/>'
    )
    title = f'<text x="{x:.0f}" y="{y - 3:.0f}" text-anchor="middle" font-weight="bold">{escape(name)}</text>'
    below = f'<text x="{x:.0f}" y="{y + 13:.0f}" text-anchor="middle" font-size="10">{escape(subtitle)}</text>'
    return frame + title + below


def _edge(start, end):
    (x1, y1), (x2, y2) = start, end
    y1, y2 = y1 + HEIGHT / 2, y2 - HEIGHT / 2
    head = f"M{x2 - 4:.0f},{y2 - 7:.0f} L{x2:.0f},{y2:.0f} L{x2 + 4:.0f},{y2 - 7:.0f}"
    middle = (y1 + y2) / 2
    line = f"M{x1:.0f},{y1:.0f} C{x1:.0f},{middle:.0f} {x2:.0f},{middle:.0f} {x2:.0f},{y2:.0f}"
    return f'<path d="{line} {head}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>'
