"""The walls around one submission: namespaces of its own, no capabilities, a system call filter, limits.

Everything here is done by a process that has run no student code yet, to itself, and cannot be undone. The numbers are
Linux's (asm/unistd.h, linux/sched.h, linux/prctl.h, linux/seccomp.h, linux/filter.h).
"""

import ctypes
import functools
import os
import platform
import struct

try:
    import resource
except ImportError:  # Windows, where this is imported and never called
    resource = None

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
NEWCGROUP, NEWTIME = 0x02000000, 0x00000080
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 22, 38
CAP_LAST = 40


class JailError(Exception):
    """A wall could not be built."""


@functools.cache
def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _call(what, *args):
    if getattr(_libc(), what)(*args) != 0:
        raise JailError(f"{what}: {os.strerror(ctypes.get_errno())}")


def _prctl(option, argument=0):
    _call("prctl", option, ctypes.c_ulong(argument), 0, 0, 0)


def drop_root(user):
    """Become the unprivileged `user` (a number) for good, with no groups."""
    if os.getuid() == 0 and user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        _prctl(PR_SET_DUMPABLE, 1)  # so that the maps of its namespaces can be written
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def enter_namespaces():
    """Leave the caller's user, mount, network, IPC, host name, cgroup namespaces; the next child begins a PID one."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", NEWUSER | NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS | NEWCGROUP)
    for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {user} 1"), ("gid_map", f"1000 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def mount_private(folders, size):
    """Fresh memory file systems of at most `size` bytes over the folders, and a fresh /proc, or an empty one."""
    for folder in folders:
        options = f"size={size},nr_inodes=4096,mode=1777".encode()
        _call("mount", b"tmpfs", folder.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, options)
    if os.path.isdir("/dev/pts"):  # terminals would be everybody's; nothing here needs one
        _call("mount", b"tmpfs", b"/dev/pts", b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"size=4096,mode=0555")
    try:
        _call("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    except JailError:  # where parts of /proc are masked, Linux refuses; then there is none
        _call("mount", b"tmpfs", b"/proc", b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"size=4096,mode=0555")


def die_with_parent(by=9):
    """Get this signal, SIGKILL by default, when the parent goes."""
    _prctl(PR_SET_PDEATHSIG, by)


def lock():
    """Give up every capability and every way to new ones; filter system calls; close to inspection by others."""
    for capability in range(CAP_LAST + 1):
        _libc().prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    _call("capset", header, bytes(24))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_DUMPABLE, 0)
    _install_filter()


def limit(limits, base):
    """Resource limits of this process and its children.

    limits : dict with memory, file_size (bytes), processes, cpu_total (seconds)
    base : int, bytes of address space that the libraries take already
    """
    wanted = {
        "RLIMIT_AS": base + limits["memory"],
        "RLIMIT_FSIZE": limits["file_size"],
        "RLIMIT_NPROC": limits["processes"],
        "RLIMIT_NOFILE": 128,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_STACK": 64 << 20,
    }
    for name, value in wanted.items():
        if hasattr(resource, name):
            which = getattr(resource, name)
            hard = resource.getrlimit(which)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            try:
                resource.setrlimit(which, (value, value))
            except (ValueError, OSError):  # macOS knows some of them by name only
                pass
    limit_cpu(limits["cpu_total"])


def limit_cpu(seconds):
    """SIGXCPU after so many seconds of this process's CPU time, SIGKILL one second later."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(seconds) + 1
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, min(soft + 1, hard) if hard != resource.RLIM_INFINITY else soft + 1))


# The system call filter: what a notebook never needs, and what a way out would need.

_DENIED = {  # name: (x86_64, aarch64)
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "acct": (163, 89), "quotactl": (179, 60), "personality": (135, 92), "syslog": (103, 116), "vhangup": (153, 58),
    "sethostname": (170, 161), "setdomainname": (171, 162), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "fanotify_init": (300, 262), "migrate_pages": (256, 238), "move_pages": (279, 239), "process_madvise": (440, 440),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None),
    "ustat": (136, None), "sysfs": (139, None), "_sysctl": (156, None), "nfsservctl": (180, 42),
}  # fmt: skip
_CLONE, _CLONE3, _SOCKET, _MMAP = (56, 220), (435, 435), (41, 198), (9, 222)
_SHARED_ANONYMOUS, _SETSOCKOPT = 0x21, (54, 208)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_EPERM, _ENOSYS, _AF_UNIX = 1, 38, 1
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _GREATER_OR_EQUAL, _ANY_BIT, _RETURN, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_NEW_ANYTHING = NEWNS | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | NEWCGROUP | NEWTIME


def filter_program(machine):
    """The filter as a list of (code, jump if true, jump if false, operand) of classic BPF.

    Raises
    ------
    JailError : a machine whose system call numbers are not known.
    """
    if machine not in _ARCHITECTURES:
        raise JailError(f"no system call filter is known for {machine}")
    column, audit = _ARCHITECTURES[machine]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":  # the x32 calls are the same ones under other numbers
        program += [(_GREATER_OR_EQUAL, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    for numbers in _DENIED.values():
        if numbers[column] is not None:
            program += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    program += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]  # libc falls back to clone
    program += [(_EQUAL, 0, 3, _CLONE[column]), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _NEW_ANYTHING & ~NEWTIME)]
    program += [(_RETURN, 0, 0, _ERRNO | _EPERM), (_LOAD, 0, 0, 0)]
    # Memory that is shared and in no file belongs to no process whose size could be watched.
    program += [(_EQUAL, 0, 5, _MMAP[column]), (_LOAD, 0, 0, 40), (_AND, 0, 0, _SHARED_ANONYMOUS)]
    program += [(_EQUAL, 0, 1, _SHARED_ANONYMOUS), (_RETURN, 0, 0, _ERRNO | _EPERM), (_LOAD, 0, 0, 0)]
    # What waits in sockets is in no process either: their buffers stay as small as they are.
    program += [(_EQUAL, 0, 7, _SETSOCKOPT[column]), (_LOAD, 0, 0, 32)]
    program += [(_EQUAL, 3, 0, 7), (_EQUAL, 2, 0, 8), (_EQUAL, 1, 0, 32), (_EQUAL, 0, 1, 33)]  # SO_SNDBUF and its kin
    program += [(_RETURN, 0, 0, _ERRNO | _EPERM), (_LOAD, 0, 0, 0)]
    program += [(_EQUAL, 0, 3, _SOCKET[column]), (_LOAD, 0, 0, 16), (_EQUAL, 1, 0, _AF_UNIX)]
    program += [(_RETURN, 0, 0, _ERRNO | _EPERM), (_RETURN, 0, 0, _ALLOW)]
    return program


def _install_filter():
    program = filter_program(platform.machine())
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    _call("prctl", PR_SET_SECCOMP, ctypes.c_ulong(2), header, 0, 0)
