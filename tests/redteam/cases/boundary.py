# ruff: noqa: E501 - lines of students' code
"""The walls themselves: the warm process, other boxes, namespaces, descriptors, system calls."""

from autograde.redteam import case, everything

SYSTEM = """\
import ctypes, errno, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    return libc.syscall(number, *args)
"""


@case("requests-of-the-warm-process", seconds=120)
def requests_of_the_warm_process(task):
    """Any socket that leads to the warm process would let one submission take another's sandbox."""
    return task.filled(
        first=SYSTEM
        + """\
import select
for fd in range(3, 256):
    try:
        sock = socket.socket(fileno=os.dup(fd))
    except OSError:
        continue
    if sock.type == socket.SOCK_SEQPACKET:
        print("redteam-" + "escaped: holds the warm process's request socket, descriptor", fd)
        until = time.monotonic() + 6
        while time.monotonic() < until:
            try:
                _, ancillary, _, _ = sock.recvmsg(1024, 64, socket.MSG_DONTWAIT)
            except OSError:
                continue
            fds = [data for _, _, data in ancillary]
            if fds:
                print("redteam-" + "met: took the sandbox of another submission")
""",
    )


@case("descriptors-inherited")
def descriptors_inherited(task):
    return task.filled(
        first=SYSTEM
        + """\
import stat
for fd in range(0, 1024):
    try:
        status = os.fstat(fd)
    except OSError:
        continue
    kind = status.st_mode
    if stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISFIFO(kind):
        print("redteam-" + "escaped: inherited descriptor", fd, oct(kind))
        if stat.S_ISDIR(kind):
            print(os.listdir(fd))
""",
    )


@case("namespaces-and-mounts")
def namespaces_and_mounts(task):
    return task.filled(
        first=SYSTEM
        + """\
for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000), ("net", 0x40000000), ("time", 0x80)):
    if libc.unshare(flag) == 0:
        print("redteam-" + "escaped: a new namespace:", name)
for args in ((b"none", b"/edf/work", b"tmpfs", 0, None), (b"/usr", b"/edf/work", None, 4096, None),
             (b"none", b"/", None, 32 | 4096, None)):
    if libc.mount(*args) == 0:
        print("redteam-" + "escaped: mounted", args)
for call_ in (lambda: libc.umount2(b"/edf/work", 2), lambda: libc.chroot(b"/edf/work"), lambda: libc.setuid(0),
              lambda: libc.setresuid(65534, 0, 0), lambda: libc.sethostname(b"x", 1), lambda: libc.setgroups(0, None) - (os.getuid() == 0)):
    if call_() == 0:
        print("redteam-" + "escaped: a call that should be refused")
stack = ctypes.create_string_buffer(65536)
for flags in (0x10000000 | 17, 0x20000000 | 17):
    pid = call(56 if os.uname().machine == "x86_64" else 220, flags, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        print("redteam-" + "escaped: clone made a namespace")
""",
    )


@case("memory-of-others")
def memory_of_others(task):
    return task.filled(
        first=SYSTEM
        + """\
machine = os.uname().machine == "x86_64"
buffer = ctypes.create_string_buffer(64)
class Vec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
for pid in (1, os.getppid(), *range(2, 60)):
    if pid == os.getpid():
        continue
    if libc.ptrace(16, pid, 0, 0) == 0:
        print("redteam-" + "escaped: attached to process", pid)
    local, remote = Vec(ctypes.addressof(buffer), 64), Vec(0x400000, 64)
    if call(310 if machine else 270, pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) > 0:
        print("redteam-" + "escaped: read memory of process", pid)
    pidfd = call(434, pid, 0)
    if pidfd >= 0:
        for fd in range(12):
            if call(438, pidfd, fd, 0) >= 0:
                print("redteam-" + "escaped: took a descriptor of process", pid)
    try:
        open(f"/proc/{pid}/mem", "rb")
        print("redteam-" + "escaped: opened the memory of process", pid)
    except OSError:
        pass
""",
    )


@case("own-memory-searched", seconds=100)
def own_memory_searched(task):
    """What the warm process had in memory is in every fork: no secret of the course may be among it."""
    return task.filled(
        first=SYSTEM
        + """\
needles = [b"can" + b"ary", b"BEGIN HIDDEN" + b" TESTS", b"EDF_REDTEAM" + b"_TOKEN", b"grade" + b"book.db"]
try:
    lines = open("/proc/self/maps").read().splitlines()
    memory = open("/proc/self/mem", "rb", 0)
except OSError as error:
    lines, memory = [], None
    print(error)
for line in lines:
    span, rights, *_ = line.split()
    low, high = (int(n, 16) for n in span.split("-"))
    if "r" in rights and "w" in rights and high - low < 300_000_000:
        try:
            memory.seek(low)
            data = memory.read(high - low)
        except (OSError, ValueError, OverflowError):
            continue
        for needle in needles:
            at = data.find(needle)
            if at >= 0:
                print(data[at : at + 48])
""",
    )


@case("files-of-the-walls")
def files_of_the_walls(task):
    """Tries to write everywhere."""
    return task.filled(
        first="""\
import os, sys
places = ["/", "/dev", "/dev/pts", "/edf", "/edf/agent/inside", "/edf/library/edfcore", "/usr", "/usr/lib", "/etc", "/proc", "/proc/sys/kernel",
          sys.prefix, sys.base_prefix, "/root", "/home", "/var/tmp", "/run", "/lib", "/bin", *[p for p in sys.path if p]]
for place in places:
    if place == "/edf/work":
        continue
    try:
        with open(os.path.join(place, "redteam-escaped-files-of-the-walls"), "w") as file:
            file.write("x")
        print("redteam-" + "escaped: wrote into", place)
    except OSError:
        pass
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print("redteam-" + "escaped: opened", path)
    except OSError:
        pass
""",
    )


MEET = """\
import glob, os, socket, sys, threading, time, fcntl, ctypes
libc = ctypes.CDLL(None)
mine = "redteam-mailbox-{me}"
places = ["/tmp", "/edf/tmp", "/edf/work", "/dev/shm", "/dev", "/dev/mqueue", "/var/tmp", "/run/lock"]
def leave():
    for place in places:
        try:
            open(os.path.join(place, mine), "w").close()
        except OSError:
            pass
    try:
        door = socket.socket(socket.AF_UNIX)
        door.bind("\\0" + mine)
        door.listen()
    except OSError:
        door = None
    memory = libc.shmget(0x5EED{number}, 4096, 0o1666)
    try:
        master, slave = os.openpty()
        os.write(master, mine.encode())
    except OSError:
        master = slave = None
    return door, memory, master, slave
def look():
    for place in places:
        for path in glob.glob(os.path.join(place, "redteam-mailbox-*")):
            if mine not in path:
                print("redteam-" + "met: another submission's file", path)
    try:
        caller = socket.socket(socket.AF_UNIX)
        caller.connect("\\0redteam-mailbox-{other}")
        print("redteam-" + "met: another submission's socket")
    except OSError:
        pass
    if libc.shmget(0x5EED{peer}, 4096, 0o666) >= 0:
        print("redteam-" + "met: another submission's shared memory")
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        if path.split("/")[2] not in ("1", "self", str(os.getpid()), str(os.getppid())) and int(path.split("/")[2]) < 3:
            print(path)
    own = os.ttyname(kept[3]) if kept[3] is not None else None
    for path in glob.glob("/dev/pts/[0-9]*"):
        if path != own:
            print("redteam-" + "met: another submission's terminal", path)
kept = leave()
for _ in range(40):
    look()
    time.sleep(0.2)
"""


@case("mailbox-1")
def mailbox_1(task):
    """Two submissions that are examined at one time look for each other. See mailbox-2."""
    return task.filled(first=MEET.format(me="one", other="two", number=1, peer=2))


@case("mailbox-2")
def mailbox_2(task):
    return task.filled(first=MEET.format(me="two", other="one", number=2, peer=1))


@case("mailbox-later")
def mailbox_later(task):
    """Looks for what earlier submissions left behind."""
    source = MEET.format(me="late", other="one", number=3, peer=1).replace("range(40)", "range(2)")
    return task.filled(first=source)


@case("signals-to-everybody")
def signals_to_everybody(task):
    return task.filled(
        task.answer(0, "os.kill(-1, signal.SIGKILL)", before="import os, signal"),
        last="""\
import os, signal
for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
    for target in (1, os.getppid(), -1):
        try:
            os.kill(target, number)
        except OSError as error:
            print(error)
""",
    )


@case("stops-itself-and-process-1", seconds=150)
def stops_itself(task):
    body = """
os.kill(1, signal.SIGSTOP)
os.kill(os.getppid(), signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
"""
    return task.filled(task.answer(0, body, before="import os, signal"))


@case("closes-descriptors")
def closes_descriptors(task):
    answer = task.answer(0, "os.closerange(0, 4096)", before="import os")
    return task.filled(answer, last="import os\nos.closerange(0, 4096)")


@case("descriptors-swapped")
def descriptors_swapped(task):
    """Puts other files where the agent's sockets were."""
    body = """
null = os.open("/dev/zero", os.O_RDWR)
for fd in range(3, 64):
    if fd != null:
        os.dup2(null, fd)
"""
    return task.filled(task.answer(0, body, before="import os"))


@case("kernel-interfaces")
def kernel_interfaces(task):
    return task.filled(
        first=SYSTEM
        + """\
numbers = {"bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "add_key": 248, "keyctl": 250,
           "open_by_handle_at": 304, "name_to_handle_at": 303, "kexec_load": 246, "init_module": 175, "fanotify_init": 300,
           "fsopen": 430, "open_tree": 428, "move_mount": 429, "setns": 308, "pidfd_getfd": 438, "process_madvise": 440}
if os.uname().machine == "x86_64":
    for name, number in numbers.items():
        ctypes.set_errno(0)
        found = call(number, 0, 0, 0, 0, 0, 0)
        if found >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            print("redteam-" + "escaped: the call", name, "is let through", found, ctypes.get_errno())
        ctypes.set_errno(0)
        if call(0x40000000 | number, 0, 0, 0, 0, 0, 0) >= 0:
            print("redteam-" + "escaped: the x32 call", name)
""",
    )


@case("set-user-id-programs")
def set_user_id_programs(task):
    return task.filled(
        first="""\
import glob, os, stat, subprocess
started = []
places = "/usr/bin/*", "/bin/*", "/usr/sbin/*", "/usr/libexec/*", "/usr/lib/*/*helper*", "/usr/lib/*/*/*helper*"
for path in [path for place in places for path in glob.glob(place)]:
    try:
        if os.stat(path).st_mode & stat.S_ISUID:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            started.append((path, subprocess.Popen([path, "-c", "id"], text=True, **pipes)))
    except OSError as error:
        print(error)
for program, process in started:
    try:
        told, _ = process.communicate(timeout=2)
        if "uid=0" in told:
            print("redteam-" + "escaped: root by", program)
    except subprocess.SubprocessError:
        process.kill()
""",
    )


@case("thread-alive-at-fork", kind="accident", earned=everything, seconds=120)
def thread_alive_at_fork(task):
    """Threads, locks and child processes that are alive when tests fork the state."""
    return task.filled(
        task.right,
        first="""\
import subprocess, sys, threading, time
lock = threading.Lock()
def work():
    while True:
        with lock:
            time.sleep(0.01)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
""",
    )


@case("interpreter-torn-down")
def interpreter_torn_down(task):
    """Breaks what the agent itself runs on."""
    body = """
json.dumps = json.loads = None
struct.Struct = None
socket.socket.sendall = lambda *a: None
sys.modules.clear()
gc.disable()
sys.setrecursionlimit(5)
sys.setswitchinterval(1000)
for name in list(vars(builtins)):
    if name not in ("print",):
        delattr(builtins, name)
"""
    before = "import builtins, ctypes, gc, json, os, socket, struct, sys, threading"
    return task.filled(task.answer(0, body, before))
