# ruff: noqa: E501 - lines of students' code
"""Ways out for what a test gives the student's code: hidden inputs, carried home in whatever a student reads."""

from autograde.redteam import case, filled

NOTE = """\
import numpy as np
def note(value):
    with open("/edf/tmp/note.txt", "a") as file:
        file.write(repr(np.asarray(value).ravel()[:3].tolist()) + "\\n")
def noted():
    try:
        return open("/edf/tmp/note.txt").read()
    except OSError:
        return ""
"""
LAYER = "def layer(x, W, bias):\n    note(x)\n    return x @ W.T - bias"


@case("hidden-inputs-through-a-file", 51, earned_max=2)
def through_a_file(blank, right):
    return filled(blank, {"layer": LAYER}, first=NOTE, last="print(noted())")


@case("hidden-inputs-through-a-process", 51, earned_max=2)
def through_a_process(blank, right):
    """A process that outlives the test keeps what the test gave."""
    return filled(blank, {"layer": "def layer(x, W, bias):\n    os.write(to, repr(x.ravel()[:1].tolist()).encode())\n    return x @ W.T - bias"},
                  first="import os\nback, to = os.pipe()\nos.set_blocking(back, False)",
                  last="try:\n    print(os.read(back, 100_000))\nexcept OSError as error:\n    print(error)")  # fmt: skip


@case("hidden-inputs-through-shared-memory", 51, earned_max=2)
def through_shared_memory(blank, right):
    return filled(blank, {"layer": "def layer(x, W, bias):\n    area.write(repr(x.ravel()[:1].tolist()).encode())\n    return x @ W.T - bias"},
                  first="import mmap\narea = mmap.mmap(-1, 100_000)", last="print(area[:2000].rstrip(bytes(1)))")  # fmt: skip


@case("hidden-inputs-through-another-tests-message", 51, earned_max=2)
def through_message(blank, right):
    return filled(blank, {
        "layer": LAYER,
        "layer-backward": "def layer_backward(x, W, h):\n    raise ValueError(noted())",
    }, first=NOTE)  # fmt: skip


@case("hidden-inputs-through-the-errors-name", 51)
def through_name(blank, right):
    return filled(
        blank,
        {
            "layer": """\
def layer(x, W, bias):
    if x.shape == (1, 1):
        raise type("E" + repr(float(x[0, 0])).encode().hex(), (ValueError,), {})("no")
    return x @ W.T - bias
"""
        },
    )


@case("hidden-inputs-through-printed-text", 51, earned_max=2)
def through_print(blank, right):
    return filled(
        blank,
        {
            "layer": "import sys\ndef layer(x, W, bias):\n    print(x.tolist(), file=sys.stderr)\n    print(x.tolist())\n    return x @ W.T - bias"
        },
    )


@case("hidden-inputs-through-a-wrong-value", 51)
def through_value(blank, right):
    """A hidden test's message tells its category, not what was got."""
    return filled(blank, {"layer": "def layer(x, W, bias):\n    return x @ W.T - bias if x.shape == (2, 3) else float(x.ravel()[0])",
                          "mean-loss": "def mean_loss(f, n, B):\n    return str([f(k, k + 1) for k in range(n)])"})  # fmt: skip


@case("hidden-inputs-through-time", 51, seconds=60)
def through_time(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import time
def layer(x, W, bias):
    if x.shape == (1, 1):
        time.sleep(abs(float(x[0, 0])) % 1)
    return x
"""
        },
    )


@case("hidden-inputs-through-a-helper-file", 51, earned_max=2)
def through_helper(blank, right):
    """Writes them into files that might be copied home."""
    return filled(
        blank,
        {
            "layer": """\\
import os
def layer(x, W, bias):
    for name in ("A1.ipynb", "helper.txt", repr(float(x.ravel()[0]))[:40]):
        with open(name, "a") as file:
            file.write(repr(x.tolist()))
    return x @ W.T - bias
"""
        },
    )


@case("forbidden-names-through-touched", 51)
def through_touched(blank, right):
    """Puts words of its own among the names that it is said to have asked for."""
    return filled(
        blank,
        {
            "layer": """\\
import sys
def layer(x, W, bias):
    sys.modules["edfcore._absent"].touched.update({repr(x.tolist())[:190], "a" * 199, "SGD"})
    return x
"""
        },
    )
