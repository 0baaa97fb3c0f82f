"""Prose that proves itself: the numbers that a lecture's Markdown states, and the expressions that they are bound to.

A Markdown cell ends, where it states numbers, with a comment that nobody sees in the rendered text:

    <!-- bound
    0.031 = stds[-1]
    2,600 ~ steps
    below 1.46115 = floor
    name GTX 670
    -->

`=` asks that the expression, evaluated in the kernel where the cell stands and rounded to the digits printed, is the
number; `~` that both agree when rounded to the number's significant digits (zeros at the end of an integer do not
count); `below` evaluates at the end of the section, for text that stands before its code; `name` allows a proper name.
"""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from math import isclose, isfinite

from .errors import DataError

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d*\.(?=\d)|\d)\d*(?:(?<=\d)\.\d+)?(?:[eE][-+]?\d+)?"
COMMENT = re.compile(r"<!-- bound\n(.*?)-->", re.DOTALL)
LINE = re.compile(rf"(below )?(-?(?:{NUMBER})) ?(=|~) (.+)")
UNITS = r"""\s?(?:%|percent|times\b|[kMGT]?i?B\b|bytes?|bits?|ms\b|µs|us\b|ns\b|s\b|seconds?|minutes?|hours?|days?|
    weeks?|epochs?\b|nats?\b|[MGT]?FLOPs?|(?:mega|giga|tera)(?:bytes?|flops?)|degrees?|°|dollars?|W\b|[MG]Hz)"""
UNIT = re.compile(UNITS, re.VERBOSE)
NAMED = r"""(?:lectures?|sections?|slides?|pages?|errat(?:um|a)|chapters?|equations?|eqs?\.|algorithms?|figures?|
    tables?|Python|questions?|rows?|seeds?|volume|no\.|CUDA|appendix|part|theorem|TTIC|CSCI|ELEG|GTX|RTX)"""
AFTER_A_NAME = re.compile(
    rf"\b{NAMED}\s+(?:[A-Z]?\d[\d.]*[a-z]?(?:\s*(?:,|and|to|or|/|-|–|,\s*and)\s*))*[A-Z]?$", re.VERBOSE | re.IGNORECASE
)
SKIPPED = [
    (re.compile(r"<!--.*?-->", re.DOTALL), " "),
    (re.compile(r"^\*\*Time:\*\*.*?(?=\n\n|\Z)", re.DOTALL | re.MULTILINE), " "),  # an estimate, of no computer's
    (re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE), " "),
    (re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL), " code "),
    (re.compile(r"\$\$.+?\$\$|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL), " formula "),
    (re.compile(r"(?<![\\$])\$(?=\S)(?:[^$\\]|\\.)+?\$"), " formula "),
    (re.compile(r"\]\([^)\s]*\)"), "] "),
    (re.compile(r"https?://\S+|arXiv:? ?[\w./-]*\d+(?:\.\d+)?|doi:? ?\S+"), " "),
    (re.compile(r"</?[a-zA-Z][^>]*>"), " "),
    (re.compile(r"^\s*\d+\.(?=\s)|^(#+ )\d+\.(?=\s)|^\*\*\d+\.\*\*", re.MULTILINE), " "),  # lists, sections, questions
]


@dataclass(frozen=True)
class Binding:
    """One line of a comment.

    number : str, as printed; loose : bool, `~` in place of `=`; below : bool; expression : str
    """

    number: str
    loose: bool
    below: bool
    expression: str


def bindings(markdown):
    """The bindings of a Markdown cell and the names that it allows.

    Returns
    -------
    list of Binding, list of str

    Raises
    ------
    DataError : a line of the comment is none of the four kinds, or its expression is no Python.
    """
    found, names = [], []
    for comment in COMMENT.findall(markdown):
        for line in filter(None, map(str.strip, comment.splitlines())):
            if line.startswith("name "):
                names.append(line[5:].strip())
            elif not (m := LINE.fullmatch(line)):
                raise DataError(
                    f"A bound number is 'NUMBER = expression', '~' or 'name TEXT'; this is neither: {line!r}."
                )
            else:
                try:
                    ast.parse(m[4], mode="eval")
                except SyntaxError as error:
                    raise DataError(f"The expression of a bound number is no Python: {line!r}.") from error
                found.append(Binding(m[2], m[3] == "~", bool(m[1]), m[4]))
    return found, names


def stated(markdown):
    """The numbers that a Markdown cell states in words, with what stands around each.

    Returns
    -------
    list of (number, before, after): str each; code, formulas, links, list numbers and allowed names are left out, and
    so are plain counts up to 12, years, and numbers that are part of a name or follow a word such as "lecture"
    """
    text = COMMENT.sub(" ", markdown)
    for name in bindings(markdown)[1]:
        text = text.replace(name, " name ")
    for pattern, put in SKIPPED:
        text = pattern.sub(put, text)
    if "| erratum |" in text.lower():  # numbers of errata in its first column
        text = re.sub(r"^\| ?\d\.\d+(?=\D)", "| ", text, flags=re.MULTILINE)
    found = []
    for m in re.finditer(NUMBER, text):
        before, after = text[max(0, m.start() - 60) : m.start()], text[m.end() : m.end() + 30]
        if not _free(m[0], before, after):
            found.append((m[0], before, after))
    return found


def _free(number, before, after):
    """Whether a number needs no proof: a name's part, a place in the text, a count, a year."""
    if re.search(r"[^\W\d_]-?$|[^\W\d_][\d.]*\.$|_$", before) or re.match(r"[^\W\d_]|-[^\W\d_]", after):
        return not (UNIT.match(after) and not before[-1:].isalpha())
    if AFTER_A_NAME.search(before):
        return True
    whole = number.isdigit()
    if whole and int(number) <= 12 and not UNIT.match(after) and not before.endswith(("−", "-")):
        return True
    return whole and len(number) == 4 and 1900 <= int(number) <= 2030 and not UNIT.match(after)


def literals(code):
    """The numbers that stand in a piece of code, texts left out."""
    found = set()
    for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", code, flags=re.MULTILINE))):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            found.add(float(node.value))
        elif isinstance(node, ast.BinOp):  # 2**18, 60_000 / 32
            try:
                value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})  # names fail here
            except Exception:
                continue
            if isinstance(value, (int, float)):
                found.add(float(value))
    return found


def value_of(number):
    """What a printed number says."""
    return float(number.replace(",", ""))


def agrees(binding, value):
    """Whether a computed value is what the number says, at the digits that are printed."""
    value = float(value)
    if not isfinite(value):
        return False
    printed = Decimal(binding.number.replace(",", ""))
    if binding.loose and "." not in binding.number:
        printed = printed.normalize()
    step = 10.0 ** printed.as_tuple().exponent
    return abs(float(printed) - value) <= 0.5 * step * (1 + 1e-9)


@dataclass(frozen=True)
class Loose:
    """A number in the prose that nothing proves.

    cell : str, the Markdown cell; number : str; around : str, the words beside it
    """

    cell: str
    number: str
    around: str


def unbound(notebook):
    """Numbers that a notebook's prose states and nothing proves.

    Parameters
    ----------
    notebook : nbformat notebook

    Returns
    -------
    list of Loose: neither bound, nor a literal in the code of the same section (a percentage also as its fraction)
    """
    found = []
    for section in sections(notebook):
        there = set().union(*(literals(c.source) for c in section if c.cell_type == "code"))
        for cell in section:
            if cell.cell_type != "markdown":
                continue
            bound = Counter(b.number.lstrip("-") for b in bindings(cell.source)[0])
            for number, before, after in stated(cell.source):
                said = value_of(number)
                percent = re.match(r"\s?(%|percent)", after)
                same = [said, said / 100] if percent else [said]
                if number not in bound and not any(isclose(s, x, rel_tol=1e-9) for s in same for x in there):
                    found.append(Loose(cell.id, number, " ".join((before[-30:] + number + after[:20]).split())))
    return found


def sections(notebook):
    """The cells of a notebook in lists, one for what stands before the first heading of level two and one for each."""
    found = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.match(r"## ", cell.source):
            found.append([])
        found[-1].append(cell)
    return found


def proofs(notebook):
    """Code cells that evaluate a notebook's bindings, put in where they belong.

    Returns
    -------
    notebook: a copy; each added cell has the metadata {"edf": {"proves": id of the Markdown cell}} and, where a number
    is wrong, prints a line for it
    """
    import nbformat

    copy = nbformat.from_dict(notebook)
    cells = []
    for section in sections(notebook):
        waiting = []
        for cell in section:
            cells.append(cell)
            if cell.cell_type != "markdown":
                continue
            found, _ = bindings(cell.source)
            cells += [_proof(cell.id, "here", now)] if (now := [b for b in found if not b.below]) else []
            waiting += [_proof(cell.id, "below", later)] if (later := [b for b in found if b.below]) else []
        cells += waiting
    copy.cells = cells
    return copy


def _proof(name, where, found):
    import nbformat

    lines = ["import edfcore.prose as _prose"]
    lines += [f"_prose.prove({b.number!r}, {b.loose}, {b.expression!r}, lambda: ({b.expression}))" for b in found]
    cell = nbformat.v4.new_code_cell("\n".join(lines) + "\ndel _prose", id=f"proof-{where}-{name}")
    cell.metadata["edf"] = {"proves": name}
    return cell


def prove(number, loose, expression, compute):
    """Say where a number in the prose is not what the notebook computes; what a proof cell calls."""
    try:
        value = compute()
        if agrees(Binding(number, loose, False, expression), value):
            return
        told = f"{expression} is {float(value):.6g}"
    except Exception as error:
        told = f"{expression} fails: {type(error).__name__}: {error}"
    print(f"The text says {number}, but {told}.")


def without_comments(markdown):
    """A Markdown cell as its reader sees it."""
    return COMMENT.sub("", markdown).rstrip()
