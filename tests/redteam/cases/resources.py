# ruff: noqa: E501 - lines of students' code
"""Resources and time: bombs, floods, endless loops (catalogue D). All are bounded, should the defence fail."""

from autograde.redteam import Handed, case, filled


@case("os-exit-in-test", 59, 26)
def os_exit(blank, right):
    return filled(blank, {"layer": "import os\ndef layer(x, W, bias):\n    os._exit(0)"})


@case("segmentation-fault", 59, kind="accident", earned_max=18, earned_min=18)
def segmentation_fault(blank, right):
    return filled(blank, right | {"layer": "import ctypes\ndef layer(x, W, bias):\n    return ctypes.string_at(0)"})


@case("crash-in-own-cell", 59, kind="accident", earned_max=20, earned_min=20)
def crash_in_own_cell(blank, right):
    return filled(blank, right, last="1", behind={"sigmoid-test": "import os\nos.abort()"})


@case("kills-its-parent", 59)
def kills_its_parent(blank, right):
    return filled(
        blank, {"layer": "import os, signal\ndef layer(x, W, bias):\n    os.kill(os.getppid(), signal.SIGKILL)"}
    )


@case("endless-loop-in-answer", 60, kind="accident", earned_max=18, earned_min=18, seconds=150)
def endless_loop(blank, right):
    return filled(blank, right | {"layer": "def layer(x, W, bias):\n    while True:\n        pass"})


@case("endless-loop-in-own-cell", 60, kind="accident", earned_max=20, earned_min=20, seconds=150)
def endless_loop_own(blank, right):
    return filled(blank, right, behind={"layer": "while True:\n    pass"})


@case("loop-that-swallows-everything", 61, kind="accident", earned_max=18, earned_min=18, seconds=150)
def loop_swallows(blank, right):
    return filled(
        blank,
        right
        | {
            "layer": """\
def layer(x, W, bias):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
"""
        },
    )


@case("signals-ignored", 61, seconds=150)
def signals_ignored(blank, right):
    return filled(
        blank,
        {
            "layer": """\
import signal
def layer(x, W, bias):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        pass
"""
        },
    )


@case("many-slow-cells", 62, seconds=150)
def many_slow_cells(blank, right):
    notebook = {f"layer{k}" if k else "layer": "import time\ntime.sleep(5)" for k in range(1)}
    behind = {name: "import time\ntime.sleep(15)" for name in ("layer", "layer-test", "layer-backward", "sigmoid", "sigmoid-test",
              "log-loss", "log-loss-test", "log-loss-backward", "mean-loss", "mean-loss-test", "train")}  # fmt: skip
    return filled(blank, notebook, behind=behind)


@case("sleeps-in-every-test", 62, seconds=150)
def sleeps_in_tests(blank, right):
    """And asks for a forbidden name each time, so that every test would be examined again."""
    names = {"layer": "layer", "layer-backward": "layer_backward", "log-loss": "log_loss", "mean-loss": "mean_loss",
             "log-loss-backward": "log_loss_backward", "train": "train"}  # fmt: skip
    body = "def {}(*a):\n    import time\n    try:\n        from edfcore import SGD, VDot, LogLoss\n    except Exception:\n        pass\n    time.sleep(11)"
    return filled(blank, {cell: body.format(name) for cell, name in names.items()})


@case("computes-again-for-every-name", 62, seconds=150)
def computes_again(blank, right):
    """Burns its time in a cell, which every further pass runs again."""
    return filled(
        blank,
        {"layer": "def layer(*a):\n    from edfcore import SGD"},
        last="""\
import time
until = time.process_time() + 5
while time.process_time() < until:
    pass
""",
        first="""\
import time
until = time.process_time() + 5
while time.process_time() < until:
    pass
""",
    )


@case("fork-bomb", 63, seconds=150)
def fork_bomb(blank, right):
    return filled(
        blank,
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
def thread_bomb(blank, right):
    return filled(
        blank,
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


@case("memory-bomb", 63, kind="accident", earned_max=18, earned_min=18)
def memory_bomb(blank, right):
    return filled(
        blank,
        right
        | {
            "layer": """\
def layer(x, W, bias):
    held = []
    for _ in range(200):
        held.append(bytearray(b"x") * 10_000_000)
    return x
"""
        },
    )


@case("memory-bomb-of-many", 63, seconds=150)
def memory_bomb_of_many(blank, right):
    return filled(
        blank,
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
def memory_in_files(blank, right):
    """Memory that belongs to no process: files without a name."""
    return filled(
        blank,
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
def memory_shared_by_number(blank, right):
    """System V segments stay when nobody is attached."""
    return filled(
        blank,
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
def memory_shared_by_children(blank, right):
    return filled(
        blank,
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
def memory_in_sockets(blank, right):
    return filled(
        blank,
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
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
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
def disk_fill(blank, right):
    return filled(
        blank,
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
def inode_fill(blank, right):
    return filled(
        blank,
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
def descriptors_exhausted(blank, right):
    return filled(
        blank,
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
def terminals_exhausted(blank, right):
    return filled(
        blank,
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


@case("print-flood", 64, kind="accident", earned_max=20, earned_min=20, seconds=120)
def print_flood(blank, right):
    return filled(blank, right, last=FLOODS.format("print(line)"), first=FLOODS.format("sys.stderr.write(line)"))


@case("print-flood-in-answers", 64, seconds=120)
def print_flood_in_answers(blank, right):
    return filled(
        blank,
        {"layer": "def layer(x, W, bias):\n    for _ in range(100_000):\n        print('spam' * 100)\n    return x"},
    )


@case("display-flood", 64, seconds=120)
def display_flood(blank, right):
    return filled(
        blank,
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
def error_flood(blank, right):
    return filled(
        blank,
        last='raise ValueError("x" * 100_000_000)',
        behind={
            "layer": """\
class Long(Exception):
    def __str__(self): return "y" * 100_000_000
    def _render_traceback_(self): return ["z" * 10_000_000] * 10
raise Long
"""
        },
    )


@case("recursion", 64, kind="accident", earned_max=18, earned_min=18)
def recursion(blank, right):
    return filled(
        blank,
        right
        | {
            "layer": """\
import sys
sys.setrecursionlimit(10**8)
def layer(x, W, bias):
    return layer(x, W, bias)
"""
        },
    )


@case("process-that-stays", 65, seconds=60)
def process_that_stays(blank, right):
    return filled(
        blank,
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


@case("input", 66, kind="accident", earned_max=20, earned_min=20, seconds=60)
def input_(blank, right):
    return filled(
        blank,
        right,
        first='name = input("Your name? ")',
        last="import sys, getpass\nsys.stdin.read()\ngetpass.getpass()",
    )


@case("warnings-on-stderr", 67, kind="accident", earned_max=20, earned_min=20)
def warnings_on_stderr(blank, right):
    source = right["layer"].replace(
        "return x",
        "import sys, warnings\n    warnings.warn('odd')\n    print('50%|##  |', file=sys.stderr, end='\\r')\n    return x",
    )
    return filled(
        blank,
        right | {"layer": source},
        first="""\
import os, warnings
warnings.simplefilter("always")
os.write(2, b"a C library says something\\n")
os.write(1, b"and on stdout\\n")
""",
    )


@case("progress-bar", 67, kind="accident", earned_max=20, earned_min=20)
def progress_bar(blank, right):
    return filled(
        blank,
        right
        | {
            "train": """\
import sys, time
def train(params, gradients, images, labels, B, lr, epochs):
    params = dict(params)
    for _ in range(epochs):
        for k in range(0, len(images), B):
            sys.stderr.write(f"\\r{100 * k // len(images):3d}%|" + "#" * (10 * k // len(images)))
            grads = gradients(params, images[k : k + B], labels[k : k + B])
            params = {name: value - lr * grads[name] for name, value in params.items()}
    return params
"""
        },
    )


@case("random-without-seed", 69, kind="accident", earned_max=20, earned_min=20)
def random_without_seed(blank, right):
    return filled(
        blank, right, last="import numpy as np, random\nprint(np.random.rand(), random.random(), hash('x'), {'b', 'a'})"
    )


@case("slow-but-right", 68, kind="accident", earned_max=20, earned_min=20, seconds=150)
def slow_but_right(blank, right):
    """Loops where the reference has a product, and a pause: within the limits, on a busy machine too."""
    return filled(
        blank,
        right
        | {
            "layer": """\
import time
import numpy as np
def layer(x, W, bias):
    time.sleep(0.2)
    return np.array([[sum(W[j, i] * x[b, i] for i in range(len(x[b]))) - bias[j] for j in range(len(W))] for b in range(len(x))])
"""
        },
    )


@case("files-that-are-large", 63)
def files_that_are_large(blank, right):
    return Handed(
        filled(blank, first="import os\nprint(os.listdir('.'))"),
        {"big.bin": bytes(9_000_000), "big2.bin": bytes(9_900_000)},
    )
