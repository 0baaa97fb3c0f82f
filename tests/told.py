"""What tests measure is told at the end of the run; `-n 2` brings it together from its processes."""

TABLES = {}  # heading -> function that gives the lines of what this process measured
_others = {}


def tables():
    """dict heading -> lines, of this process and of those that are done; no line twice, no table without lines."""
    found = {heading: list(lines()) for heading, lines in TABLES.items()}
    for heading, lines in _others.items():
        found[heading] = list(dict.fromkeys([*found.get(heading, ()), *lines]))
    return {heading: lines for heading, lines in found.items() if lines}


def take(tables):
    """What another process measured."""
    for heading, lines in tables.items():
        _others.setdefault(heading, []).extend(lines)
