"""The walls around a submission, tried from inside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograde.cgroups import group_for
from autograde.errors import AutogradeError
from autograde.inside import jail
from autograde.sandbox import Limits, SandboxError, Setup, Stopped, Zygote, why_not

LIMITS = Limits(cell_cpu=3, cell_wall=8, cpu_total=30, memory=256 << 20, disk=8 << 20, file_size=4 << 20, processes=32)
sandboxed = pytest.mark.sandbox


@pytest.fixture(scope="module")
def zygote():
    with Zygote(Setup()) as found:
        yield found


@pytest.fixture
def box(zygote):
    with zygote.box(LIMITS) as found:
        yield found


def value(box, expression, setup=""):
    """What the expression gives inside, as its printed form."""
    reply = box.run(f"{setup}\nprint(repr({expression}))")
    assert not reply["failed"], reply["failed"]
    return reply["outputs"][0]["text"].strip()


def error(box, source):
    failed = box.run(source)["failed"]
    assert failed, f"this went well: {source}"
    return failed["type"]


@sandboxed
def test_it_sees_no_host_paths_and_no_environment(box, monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("x")
    seen = eval(value(box, "sorted(os.environ)", "import os"))
    assert set(seen) <= {
        "PATH", "HOME", "TMPDIR", "LANG", "TZ", "MPLBACKEND", "PYTHONHASHSEED", "PWD", "LC_CTYPE", "SHLVL", "_",
        *(f"{n}_NUM_THREADS" for n in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")),
    }  # fmt: skip
    repository = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for path in (tmp_path / "secret", f"{repository}/solutions", f"{repository}/autograde/examine.py", "/etc/shadow"):
        assert value(box, f"os.path.exists({str(path)!r})") == "False"


@sandboxed
def test_the_system_is_read_only_and_private_folders_are_small(box):
    for path in ("/x", "/usr/x", "/edf/x", "/edf/library/edfcore/x", "/edf/agent/inside/x", sys.prefix + "/x"):
        assert error(box, f"open({path!r}, 'w')") in ("OSError", "PermissionError", "FileNotFoundError")
    assert error(box, "with open('big', 'wb') as f: f.write(bytes(5 << 20))") == "OSError"
    fill = "for i in range(9):\n    with open(f'part{i}', 'wb') as f: f.write(bytes(3 << 20))"
    assert error(box, fill) == "OSError"
    assert error(box, "for i in range(10_000): open(f'n{i}', 'w').close()") == "OSError"


@sandboxed
def test_it_has_no_network_and_no_privileges(box):
    for family in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"):
        made = f"import socket; socket.socket(getattr(socket, {family!r}), socket.SOCK_RAW if 'PACKET' in {family!r} else socket.SOCK_DGRAM)"
        assert error(box, made) in ("PermissionError", "OSError")
    status = "os.getresuid()[0] != 0, os.getgroups() in ([], [65534], [1000])"
    assert value(box, f"({status})", "import os") == "(True, True)"
    for call in (
        "unshare(0x10000000)",
        "unshare(0x20000)",
        "mount(b'x', b'/tmp', b'tmpfs', 0, None)",
        "ptrace(0, 0, 0, 0)",
        "syscall(272, 0x10000000)",
        "process_vm_readv(1, 0, 0, 0, 0, 0)",
        "setuid(0)",
        "chroot(b'/')",
        "syscall(321, 0, 0, 0)",
        "syscall(425, 8, 0)",
        "syscall(56, 0x10000011, 0, 0, 0, 0)",
    ):
        assert int(value(box, f"c.{call}", "import ctypes; c = ctypes.CDLL(None)")) < 0, call


@sandboxed
def test_no_descriptor_of_the_host_is_left_open(box):
    look = """
import os, stat
def kind(fd):
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return None
    return "socket" if stat.S_ISSOCK(mode) else "null" if stat.S_ISCHR(mode) else "folder" if stat.S_ISDIR(mode) else "file"
"""
    kinds = eval(value(box, "[k for k in map(kind, range(300)) if k]", look))
    assert kinds[:3] == ["null"] * 3 and set(kinds) <= {"null", "socket"} and kinds.count("socket") <= 2


@sandboxed
def test_a_program_that_it_starts_has_no_more_rights(box):
    assert (
        value(
            box, "subprocess.run(['unshare', '-U', 'true'], capture_output=True).returncode != 0", "import subprocess"
        )
        == "True"
    )
    assert value(box, "subprocess.run(['id', '-u'], capture_output=True).stdout") != "b'0\\n'"


@sandboxed
def test_boxes_do_not_see_each_other(zygote):
    with zygote.box(LIMITS) as one, zygote.box(LIMITS) as other:
        for folder in ("/tmp", "/dev/shm", "/edf/tmp", "/edf/work"):
            one.run(f"try: open({folder!r} + '/note', 'w').write('x')\nexcept OSError: pass")
            assert value(other, f"os.path.exists({folder!r} + '/note')", "import os") == "False"
        one.run("import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0name'); s.listen()")
        assert (
            error(other, "import socket; socket.socket(socket.AF_UNIX).connect('\\0name')") == "ConnectionRefusedError"
        )
        key = "import ctypes; c = ctypes.CDLL(None); got = c.shmget(77, 4096, 0o1666)"
        one.run(key)
        assert int(value(other, "ctypes.CDLL(None).shmget(77, 0, 0o666)", "import ctypes")) == -1
        pids = value(one, "[p for p in range(2, 300) if not fails(p)]", FAILS)
        assert len(eval(pids)) <= 3, "it sees processes that are not its own"


FAILS = """
import os
def fails(p):
    try:
        os.kill(p, 0)
    except ProcessLookupError:
        return True
    return False
"""


@sandboxed
@pytest.mark.parametrize("where", ["0", "-1", "1", "os.getppid()"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_signals_stay_inside(zygote, where, number):
    with zygote.box(LIMITS) as box:
        try:
            box.run(f"import os\ntry: os.kill({where}, {int(number)})\nexcept OSError: pass")
        except Stopped:
            box.start()
    with zygote.box(LIMITS) as box:
        assert value(box, "1 + 1") == "2"


@sandboxed
def test_everything_ends_with_the_box(zygote):
    mark = f"edf-orphan-{os.getpid()}"
    with zygote.box(LIMITS) as box:
        box.run(f"import subprocess; subprocess.Popen(['sleep', '60.{os.getpid()}'], start_new_session=True)")
        assert _running(f"60.{os.getpid()}"), mark
    deadline = time.monotonic() + 10
    while _running(f"60.{os.getpid()}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _running(f"60.{os.getpid()}")


def _running(word):
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return any(line.startswith("sleep") and word in line for line in listed.splitlines())


@sandboxed
def test_memory_of_one_process_and_of_many_is_limited(zygote):
    with zygote.box(LIMITS) as box:
        assert error(box, "x = bytearray(1 << 30)") == "MemoryError"
    with zygote.box(LIMITS) as box:
        bomb = "import os, time\nfor _ in range(12):\n    if os.fork() == 0:\n        x = bytearray(os.urandom(1 << 20) * 100)\n        time.sleep(30)\ntime.sleep(30)"
        with pytest.raises(Stopped) as stopped:
            box.run(bomb)
        assert stopped.value.reason == "memory"


@sandboxed
def test_the_number_of_processes_is_limited(box):
    bomb = "import os, time\nmade = 0\ntry:\n    for _ in range(500):\n        if os.fork() == 0:\n            time.sleep(20); os._exit(0)\n        made += 1\nexcept OSError: pass\nprint(made)"
    assert int(box.run(bomb)["outputs"][0]["text"]) <= 32


@sandboxed
@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "import time; time.sleep(99)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ],
)
def test_time_is_limited(zygote, loop):
    with zygote.box(Limits(cell_cpu=0.5, cell_wall=1.5)) as box:
        started = time.monotonic()
        try:
            assert box.run(loop)["failed"]["type"] == "TimeLimit"
        except Stopped as stopped:
            assert stopped.reason == "time"
            box.start()
        assert time.monotonic() - started < 30
        assert value(box, "2") == "2"


@sandboxed
def test_a_limit_that_is_caught_costs_the_cell_and_what_it_defined_before_stays(zygote):
    with zygote.box(Limits(cell_cpu=0.5, cell_wall=2)) as box:
        assert box.run("def f(): return 5\nwhile True: pass")["failed"]["type"] == "TimeLimit"
        assert value(box, "f()") == "5"


@sandboxed
def test_floods_are_cut(box):
    for flood in (
        "while True: print('x' * 100_000)",
        "from IPython.display import display\nwhile True: display('x' * 100_000)",
    ):
        reply = box.run(flood)
        assert reply["failed"]["type"] == "TimeLimit"
        assert sum(len(str(o)) for o in reply["outputs"]) < 1 << 20


@pytest.fixture
def delegated(monkeypatch):
    """Control groups made for this test, as an administrator would delegate them; version 1 or 2, whichever is there."""
    root = Path("/sys/fs/cgroup")
    places = [root / "memory", root / "pids"] if (root / "memory").is_dir() else [root]
    made = [p / f"edf-test-{os.getpid()}" for p in places]
    try:
        for folder in made:
            folder.mkdir()
        if len(made) == 1:
            (made[0] / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError as error:
        pytest.skip(f"no control groups can be made here: {error}")
    monkeypatch.setenv("AUTOGRADE_CGROUP", ":".join(map(str, made)))
    yield made
    for folder in made:
        folder.rmdir()


@sandboxed
def test_delegated_control_groups_limit_memory_and_processes(zygote, delegated):
    limits = Limits(memory=64 << 20, processes=20)
    with zygote.box(limits) as box:
        groups = [g for folder in delegated for g in folder.iterdir() if g.is_dir()]
        assert len(groups) == len(delegated) and all((g / "cgroup.procs").read_text().split() for g in groups)
        bomb = "import os, time\nfor _ in range(12):\n    if os.fork() == 0:\n        x = os.urandom(48 << 20)\n        time.sleep(30)\ntime.sleep(30)"
        with pytest.raises(Stopped) as stopped:
            box.run(bomb)
        assert stopped.value.reason == "memory"
    assert not [g for folder in delegated for g in folder.iterdir() if g.is_dir()]


def test_control_groups_that_cannot_be_used_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRADE_CGROUP", str(tmp_path))
    with pytest.raises(AutogradeError, match="no controller for memory and pids.*Delegate"):
        group_for(LIMITS)
    assert not list(tmp_path.iterdir())


@sandboxed
def test_a_box_whose_zygote_is_gone_says_so():
    with Zygote(Setup()) as zygote:
        zygote.process.kill()
        zygote.process.wait()
        with pytest.raises((SandboxError, Stopped)):
            zygote.box(LIMITS)


def test_where_isolation_is_impossible_it_is_refused_with_a_way_on(monkeypatch):
    monkeypatch.setattr("autograde.sandbox.shutil.which", lambda name: None)
    with pytest.raises(SandboxError, match="apt-get install bubblewrap.*--unsafe"):
        Zygote(Setup())
    monkeypatch.setattr("autograde.sandbox.sys.platform", "darwin")
    assert "needs Linux" in why_not()


# the filter, run by an interpreter of our own of the few instructions that it uses


def verdict(program, arch, number, first=0, option=0):
    """What the filter says of a system call: "allow", "errno N" or "kill"."""
    data = {0: number, 4: arch, 16: first & 0xFFFFFFFF, 32: option, 40: 0}
    at, accumulator = 0, 0
    while True:
        code, true, false, operand = program[at]
        at += 1
        if code == 0x20:
            accumulator = data[operand]
        elif code == 0x06:
            kind = operand & 0xFFFF0000
            return {0x7FFF0000: "allow", 0x80000000: "kill"}.get(kind, f"errno {operand & 0xFFFF}")
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[
                code
            ]
            at += true if holds else false


X86, ARM = 0xC000003E, 0xC00000B7


@pytest.mark.parametrize(
    "machine, arch, number, first, said",
    [
        ("x86_64", X86, 0, 0, "allow"),  # read
        ("x86_64", X86, 59, 0, "allow"),  # execve
        ("x86_64", X86, 101, 0, "errno 1"),  # ptrace
        ("x86_64", X86, 272, 0, "errno 1"),  # unshare
        ("x86_64", X86, 165, 0, "errno 1"),  # mount
        ("x86_64", X86, 321, 0, "errno 1"),  # bpf
        ("x86_64", X86, 435, 0, "errno 38"),  # clone3
        ("x86_64", X86, 56, 0x11, "allow"),  # clone as fork does
        ("x86_64", X86, 56, 0x003D0F00, "allow"),  # clone as threads do
        ("x86_64", X86, 56, 0x10000011, "errno 1"),  # clone into a new user namespace
        ("x86_64", X86, 56, 0x20011, "errno 1"),  # clone into a new mount namespace
        ("x86_64", X86, 41, 1, "allow"),  # socket(AF_UNIX)
        ("x86_64", X86, 54, 0, "allow"),  # setsockopt
        ("x86_64", X86, 41, 2, "errno 1"),  # socket(AF_INET)
        ("x86_64", X86, 41, 40, "errno 1"),  # socket(AF_VSOCK)
        ("x86_64", X86, 0x40000000 + 101, 0, "errno 38"),  # ptrace under its x32 number
        ("x86_64", 0x40000003, 26, 0, "kill"),  # ptrace as a 32-bit program would call it
        ("aarch64", ARM, 117, 0, "errno 1"),  # ptrace
        ("aarch64", ARM, 220, 0x10000011, "errno 1"),
        ("aarch64", ARM, 220, 0x11, "allow"),
        ("aarch64", ARM, 198, 2, "errno 1"),
        ("aarch64", ARM, 63, 0, "allow"),  # read
        ("aarch64", X86, 63, 0, "kill"),
    ],
)
def test_the_filter_says_what_its_table_means(machine, arch, number, first, said):
    assert verdict(jail.filter_program(machine), arch, number, first) == said


@pytest.mark.parametrize(
    "option, said", [(7, "errno 1"), (8, "errno 1"), (32, "errno 1"), (33, "errno 1"), (2, "allow")]
)
def test_buffers_of_sockets_cannot_grow(option, said):
    program = jail.filter_program("x86_64")
    assert verdict(program, X86, 54, option=option) == said
    assert verdict(program, X86, 0, option=option) == "allow"


def test_there_is_no_filter_for_machines_whose_numbers_are_not_known():
    with pytest.raises(jail.JailError):
        jail.filter_program("riscv64")
