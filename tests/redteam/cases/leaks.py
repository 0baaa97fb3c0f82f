# ruff: noqa: E501 - lines of students' code
"""Ways out for what a test gives the student's code: hidden inputs, carried home in whatever a student reads.

All are made around the reference's answer to the first exercise that is given numbers drawn for each student.
"""

from autograde.redteam import case

NUMBERS = """\
import numpy as np
def numbers(value):
    if isinstance(value, (float, np.ndarray)):
        return np.ravel(value).tolist()[:50]
    if isinstance(value, dict):
        value = list(value.values())
    return [n for part in value for n in numbers(part)] if isinstance(value, (list, tuple)) else []
"""
NOTE = (
    NUMBERS
    + """\
def note(value):
    with open("/edf/tmp/note.txt", "a") as file:
        file.write(repr(numbers(value)[:3]) + "\\n")
def noted():
    try:
        return open("/edf/tmp/note.txt").read()
    except OSError:
        return ""
"""
)


def leaky(task):
    """The exercise that is attacked."""
    return (*task.seen.fresh, task.role(0))[0]


def its_points(task):
    """Earned: the points of that exercise, whose answer is right."""
    return task.worth(leaky(task))


def after_the_visible(task, lines):
    """The right answer, until the calls of the visible tests are over; then these lines come before it."""
    body = f"calls.append(1)\nif len(calls) > {task.seen.shown(leaky(task))}:\n" + "\n".join(
        "    " + line for line in lines.strip().splitlines()
    )
    return task.around(leaky(task), body, ahead="calls = []\n")


@case("hidden-inputs-through-a-file", 51, earned=its_points)
def through_a_file(task):
    return task.filled(task.around(leaky(task), "note(given)"), first=NOTE, last="print(noted())")


@case("hidden-inputs-through-a-process", 51, earned=its_points)
def through_a_process(task):
    """A process that outlives the test keeps what the test gave."""
    return task.filled(task.around(leaky(task), "os.write(to, repr(numbers(given)[:1]).encode())"),
                       first=NUMBERS + "import os\nback, to = os.pipe()\nos.set_blocking(back, False)\nos.set_blocking(to, False)",
                       last="try:\n    print(os.read(back, 100_000))\nexcept OSError as error:\n    print(error)")  # fmt: skip


@case("hidden-inputs-through-shared-memory", 51, earned=its_points)
def through_shared_memory(task):
    answer = task.around(leaky(task), "area.write(repr(numbers(given)[:1]).encode())")
    first = NUMBERS + "import mmap\narea = mmap.mmap(-1, 1_000_000)"
    return task.filled(answer, first=first, last="print(area[:2000].rstrip(bytes(1)))")


@case("hidden-inputs-through-another-tests-message", 51, earned=its_points)
def through_message(task):
    later = task.driven[task.driven.index(leaky(task)) + 1 :]
    answers = task.around(leaky(task), "note(given)")
    for exercise in later[:2]:
        answers |= task.answer(exercise, "raise ValueError(noted())")
    return task.filled(answers, first=NOTE)


@case("hidden-inputs-through-the-errors-name", 51)
def through_name(task):
    lines = """
raise type("E" + repr((numbers(given) or [0])[0]).encode().hex(), (ValueError,), {})("no")
"""
    return task.filled(after_the_visible(task, lines), first=NUMBERS)


@case("hidden-inputs-through-printed-text", 51, earned=its_points)
def through_print(task):
    return task.filled(
        task.around(leaky(task), "import sys\nprint(numbers(given), file=sys.stderr)\nprint(numbers(given))"),
        first=NUMBERS,
    )


@case("hidden-inputs-through-a-wrong-value", 51)
def through_value(task):
    """A hidden test's message tells its category, not what was got."""
    answers = after_the_visible(task, "return float((numbers(given) or [0.5])[0])")
    for exercise in task.seen.with_callback():
        if exercise != leaky(task):
            answers |= task.answer(
                exercise, "return str([f(k, k + 1) for f in given if callable(f) for k in range(3)])"
            )
    return task.filled(answers, first=NUMBERS)


@case("hidden-inputs-through-time", 51, seconds=60)
def through_time(task):
    lines = "time.sleep(abs((numbers(given) or [0.5])[0]) % 1)\nreturn given"
    return task.filled(after_the_visible(task, lines), first=NUMBERS + "import time\n")


@case("hidden-inputs-through-a-helper-file", 51, earned=its_points)
def through_helper(task):
    """Writes them into files that might be copied home."""
    lines = f"""
for name in ("{task.name}.ipynb", "helper.txt", repr(numbers(given)[:1])[:40]):
    with open(name, "a") as file:
        file.write(repr(numbers(given)))
"""
    return task.filled(task.around(leaky(task), lines), first=NUMBERS)


@case("forbidden-names-through-touched", 51)
def through_touched(task):
    """Puts words of its own among the names that it is said to have asked for."""
    body = """
sys.modules["edfcore._absent"].touched.update({repr(numbers(given))[:190], "a" * 199, "SGD"})
return given
"""
    return task.filled(task.answer(leaky(task), body, before="import sys"), first=NUMBERS)
