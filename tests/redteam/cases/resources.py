# ruff: noqa: E501 - lines of students' code
"""Resources and time: bombs, floods, endless loops (catalogue D). All are bounded, should the defence fail."""

from autograde.redteam import Handed, all_but, case, everything


@case("os-exit-in-test", 59, 26)
def os_exit(task):
    return task.filled(task.answer(0, "os._exit(0)", before="import os"))


@case("segmentation-fault", 59, kind="accident", earned=all_but(0))
def segmentation_fault(task):
    return task.filled(task.right | task.answer(0, "return ctypes.string_at(0)", before="import ctypes"))


@case("crash-in-own-cell", 59, kind="accident", earned=everything)
def crash_in_own_cell(task):
    return task.filled(task.right, last="1", behind={task.tests(2)[0]: "import os\nos.abort()"})


@case("kills-its-parent", 59)
def kills_its_parent(task):
    return task.filled(task.answer(0, "os.kill(os.getppid(), signal.SIGKILL)", before="import os, signal"))


@case("endless-loop-in-answer", 60, kind="accident", earned=all_but(0), seconds=150)
def endless_loop(task):
    return task.filled(task.right | task.answer(0, "while True:\n    pass"))


@case("endless-loop-in-own-cell", 60, kind="accident", earned=everything, seconds=150)
def endless_loop_own(task):
    return task.filled(task.right, behind={task.role(0): "while True:\n    pass"})


@case("loop-that-swallows-everything", 61, kind="accident", earned=all_but(0), seconds=150)
def loop_swallows(task):
    body = """
while True:
    try:
        while True:
            pass
    except BaseException:
        continue
"""
    return task.filled(task.right | task.answer(0, body))


@case("signals-ignored", 61, seconds=150)
def signals_ignored(task):
    body = """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
    return task.filled(task.answer(0, body, before="import signal"))


@case("many-slow-cells", 62, seconds=150)
def many_slow_cells(task):
    names = [name for exercise in task.driven for name in (exercise, *task.tests(exercise))][:11]
    return task.filled(
        {task.role(0): "import time\ntime.sleep(5)"}, behind=dict.fromkeys(names, "import time\ntime.sleep(15)")
    )


@case("sleeps-in-every-test", 62, seconds=150)
def sleeps_in_tests(task):
    """And asks for a forbidden name each time, so that every test would be examined again."""
    body = f"""
import importlib, time
for name in {task.forbidden!r}:
    try:
        module, _, last = name.rpartition(".")
        getattr(importlib.import_module(module or last), last)
    except Exception:
        pass
time.sleep(11)
"""
    return task.filled(task.answers(*[body] * len(task.driven)))


@case("computes-again-for-every-name", 62, seconds=150)
def computes_again(task):
    """Burns its time in a cell, which every further pass runs again."""
    burn = """\
import time
until = time.process_time() + 5
while time.process_time() < until:
    pass
"""
    wanted = (n for n in task.forbidden if n.startswith("edfcore."))
    return task.filled(task.answer(0, f"from edfcore import {next(wanted).split('.')[1]}"), last=burn, first=burn)


@case("fork-bomb", 63, seconds=150)
def fork_bomb(task):
    return task.filled(
        first="""\
import os, time
made, until = 0, time.monotonic() + 3
for _ in range(200):
    try:
        pid = os.fork()
    except OSError as error:
        break
    if pid == 0:
        while time.monotonic() < until:
            time.sleep(0.05)
        os._exit(0)
    made += 1
print(made, "processes")
if made > 40:
    print("redteam-" + "escaped: more processes than the limit:", made)
""",
    )


@case("thread-bomb", 63, seconds=150)
def thread_bomb(task):
    return task.filled(
        first="""\
import threading, time
made = 0
try:
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        made += 1
except (RuntimeError, MemoryError):
    pass
if made > 40:
    print("redteam-" + "escaped: more threads than the limit:", made)
""",
    )


MEMORY = """\
import os, sys, time, mmap, ctypes, socket, threading
limit = 640  # MB: five quarters of what is allowed, where the sandbox is ended
def told(held):
    if held > limit + 200:
        print("redteam-" + "escaped: holds", held, "MB")
        sys.stdout.flush()
"""


@case("memory-bomb", 63, kind="accident", earned=all_but(0))
def memory_bomb(task):
    body = """
held = []
for _ in range(200):
    held.append(bytearray(b"x") * 10_000_000)
"""
    return task.filled(task.right | task.answer(0, body))


@case("memory-bomb-of-many", 63, seconds=150)
def memory_bomb_of_many(task):
    return task.filled(
        first=MEMORY
        + """\
reading, writing = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * 180_000_000
        os.write(writing, b"x")
        time.sleep(3)
        os._exit(0)
os.close(writing)
time.sleep(2)
count = len(os.read(reading, 100))
time.sleep(1)
told(180 * count)
""",
    )


@case("memory-in-files", 63, seconds=150)
def memory_in_files(task):
    """Memory that belongs to no process: files without a name."""
    return task.filled(
        first=MEMORY
        + """\
files, block, held = [], bytes(1 << 20), 0
for _ in range(230):
    try:
        fd = os.memfd_create("x")
    except OSError as error:
        print(error)
        break
    files.append(fd)
    try:
        for _ in range(7):
            os.write(fd, block)
            held += 1
    except OSError:
        pass
time.sleep(1)
told(held)
""",
    )


@case("memory-shared-by-number", 63, seconds=150)
def memory_shared_by_number(task):
    """System V segments stay when nobody is attached."""
    return task.filled(
        first=MEMORY
        + """\
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
held = 0
for _ in range(15):
    number = libc.shmget(0, 100 << 20, 0o1600)
    if number < 0:
        print(os.strerror(ctypes.get_errno()))
        break
    at = libc.shmat(number, None, 0)
    if at in (None, ctypes.c_void_p(-1).value):
        break
    ctypes.memset(at, 1, 100 << 20)
    libc.shmdt(ctypes.c_void_p(at))
    held += 100
time.sleep(1)
told(held)
for number in range(0, 64):
    libc.shmctl(number, 0, None)
""",
    )


@case("memory-shared-by-children", 63, seconds=150)
def memory_shared_by_children(task):
    return task.filled(
        first=MEMORY
        + """\
held = 0
for _ in range(6):
    area = mmap.mmap(-1, 250 << 20)
    for at in range(0, 250 << 20, 4096):
        area[at] = 1
    held += 250
    if os.fork() == 0:
        time.sleep(4)
        os._exit(0)
    area.close()
time.sleep(1)
told(held)
""",
    )


@case("memory-in-sockets-and-pipes", 63, seconds=150)
def memory_in_sockets(task):
    return task.filled(
        first=MEMORY
        + """\
import fcntl
held, kept = 0, []
def fill():
    global held
    total = 0
    for _ in range(110):
        try:
            one, two = socket.socketpair()
        except OSError:
            break
        kept.append((one, two))
        for s in (one, two):
            s.setblocking(False)
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
            except OSError:
                pass
            try:
                while True:
                    total += s.send(bytes(1 << 17))
            except OSError:
                pass
    return total
for _ in range(20):
    if os.fork() == 0:
        total = fill()
        time.sleep(4)
        os._exit(0)
held = 20 * fill() >> 20
time.sleep(2)
told(held)
""",
    )


@case("disk-fill", 63, seconds=100)
def disk_fill(task):
    return task.filled(
        first="""\
import os
total = 0
for place in ("/edf/work", "/edf/tmp", "/dev/shm", "/tmp"):
    for number in range(30):
        try:
            with open(f"{place}/f{number}", "wb") as file:
                for _ in range(7):
                    total += file.write(bytes(1 << 20))
        except OSError:
            break
if total > 90 << 20:
    print("redteam-" + "escaped: wrote", total >> 20, "MB")
""",
    )


@case("inode-fill", 63, seconds=100)
def inode_fill(task):
    return task.filled(
        first="""\
import os
made = 0
for place in ("/edf/work", "/edf/tmp", "/dev/shm", "/tmp"):
    try:
        for number in range(20_000):
            open(f"{place}/{number}", "w").close()
            made += 1
    except OSError:
        pass
if made > 20_000:
    print("redteam-" + "escaped: made", made, "files")
""",
    )


@case("descriptors-exhausted", 63)
def descriptors_exhausted(task):
    return task.filled(
        first="""\
import os
held = []
try:
    for _ in range(10_000):
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error)
""",
    )


@case("terminals-exhausted", 63)
def terminals_exhausted(task):
    return task.filled(
        first="""\
import os
held = 0
try:
    for _ in range(100):
        os.openpty()
        held += 1
except OSError as error:
    print(error)
if held > 64:
    print("redteam-" + "escaped: took", held, "of the machine's terminals")
""",
    )


FLOODS = """\
import sys, warnings
line = "spam " * 200 + "\\n"
for _ in range(20_000):
    {}
"""


@case("print-flood", 64, kind="accident", earned=everything, seconds=120)
def print_flood(task):
    return task.filled(task.right, last=FLOODS.format("print(line)"), first=FLOODS.format("sys.stderr.write(line)"))


@case("print-flood-in-answers", 64, seconds=120)
def print_flood_in_answers(task):
    return task.filled(task.answer(0, "for _ in range(100_000):\n    print('spam' * 100)\nreturn given"))


@case("display-flood", 64, seconds=120)
def display_flood(task):
    return task.filled(
        last="""\
from IPython.display import HTML, display
for _ in range(3000):
    display(HTML("<b>spam</b>" * 500))
class Long:
    def __repr__(self): return "x" * 50_000_000
display(Long())
Long()
""",
    )


@case("error-flood", 64, seconds=120)
def error_flood(task):
    return task.filled(
        last='raise ValueError("x" * 100_000_000)',
        behind={
            task.role(0): """\
class Long(Exception):
    def __str__(self): return "y" * 100_000_000
    def _render_traceback_(self): return ["z" * 10_000_000] * 10
raise Long
"""
        },
    )


@case("recursion", 64, kind="accident", earned=all_but(0))
def recursion(task):
    before = "import sys\nsys.setrecursionlimit(10**8)\n"
    return task.filled(task.right | task.answer(0, f"return {task.function(0)}(*given, **options)", before))


@case("process-that-stays", 65, seconds=60)
def process_that_stays(task):
    return task.filled(
        first="""\
import os, subprocess, sys
code = "import time, signal\\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\\ntime.sleep(40)"
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", code, "redteam-survivor:process-that-stays"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    os.execv(sys.executable, [sys.executable, "-c", code, "redteam-survivor:process-that-stays"])
""",
    )


@case("input", 66, kind="accident", earned=everything, seconds=60)
def input_(task):
    return task.filled(
        task.right,
        first='name = input("Your name? ")',
        last="import sys, getpass\nsys.stdin.read()\ngetpass.getpass()",
    )


@case("warnings-on-stderr", 67, kind="accident", earned=everything)
def warnings_on_stderr(task):
    lines = "import sys, warnings\nwarnings.warn('odd')\nprint('50%|##  |', file=sys.stderr, end='\\r')"
    return task.filled(
        task.right | task.around(0, lines),
        first="""\
import os, warnings
warnings.simplefilter("always")
os.write(2, b"a C library says something\\n")
os.write(1, b"and on stdout\\n")
""",
    )


@case("progress-bar", 67, kind="accident", earned=everything)
def progress_bar(task):
    lines = """
for k in range(0, 100, 5):
    sys.stderr.write(f"\\r{k:3d}%|" + "#" * (k // 10))
"""
    return task.filled(task.right | task.around(-1, lines, ahead="import sys, time\n"))


@case("random-without-seed", 69, kind="accident", earned=everything)
def random_without_seed(task):
    return task.filled(
        task.right, last="import numpy as np, random\nprint(np.random.rand(), random.random(), hash('x'), {'b', 'a'})"
    )


@case("slow-but-right", 68, kind="accident", earned=everything, seconds=150)
def slow_but_right(task):
    """Pauses where the reference has none: within the limits, on a busy machine too."""
    lines = "pauses.append(1)\nif len(pauses) < 9:\n    time.sleep(0.2)\nsum(i * i for i in range(1000))"
    return task.filled(task.right | task.around(0, lines, ahead="import time\npauses = []\n"))


@case("files-that-are-large", 63)
def files_that_are_large(task):
    return Handed(
        task.filled(first="import os\nprint(os.listdir('.'))"),
        {"big.bin": bytes(9_000_000), "big2.bin": bytes(9_900_000)},
    )
