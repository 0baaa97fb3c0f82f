# ruff: noqa: E501 - lines of students' code
"""Hostile frames: the student's code finds the agent's sockets in its own process and writes to the examiner itself.

The head of a frame is magic, bytes of JSON, bytes of buffers; see autograde/inside/wire.py.
"""

from autograde.redteam import case, filled

FORGE = """\
import gc, json, os, socket, struct, sys, time
def agent(kind="Probe"):
    return next(o for o in gc.get_objects() if type(o).__name__ == kind)
def sock():
    return agent().channel.sock
def frame(node, buffers=(), text=None, magic=b"EDF1"):
    body = b"".join(b + bytes(-len(b) % 16) for b in buffers)
    text = json.dumps([node, [len(b) for b in buffers]]).encode() if text is None else text
    return struct.pack("<4sIQ", magic, len(text), len(body)) + text + body
def reply(value, changed=()):
    return {"d": [["return", value], ["changed", list(changed)], ["printed", ""], ["touched", []]]}
def request(do, on, *args):
    return {"d": [["do", do], ["on", on], ["args", list(args)], ["kwargs", {"d": []}]]}
def say(*args, **kwargs):
    sock().sendall(frame(*args, **kwargs))
def done():
    time.sleep(0.3)
    os._exit(0)
"""
NAMES = {
    "layer": "layer(x, W, bias)",
    "layer-backward": "layer_backward(x, W, h_grad)",
    "log-loss": "log_loss(s, y)",
    "log-loss-backward": "log_loss_backward(s, y, loss_grad)",
    "mean-loss": "mean_loss(batch_loss, n, B)",
    "train": "train(params, gradients, images, labels, B, lr, epochs)",
}


def forging(blank, *bodies, **cells):
    """A notebook whose answers run these bodies, one each, with the tools to forge."""
    answers = dict(zip(NAMES, bodies, strict=False)) | {k.replace("_", "-"): v for k, v in cells.items()}
    answers = {k: f"def {NAMES[k]}:\n    " + v.strip().replace("\n", "\n    ") for k, v in answers.items()}
    return filled(blank, answers, first=FORGE)


@case("frame-of-huge-lengths")
def huge_lengths(blank, right):
    return forging(
        blank,
        'sock().sendall(struct.pack("<4sIQ", b"EDF1", 2**32 - 1, 2**64 - 1)); done()',
        'sock().sendall(struct.pack("<4sIQ", b"EDF1", 10, 2**63)); done()',
        'sock().sendall(struct.pack("<4sIQ", b"EDF9", 10, 10) + bytes(26)); done()',
        'sock().sendall(b"EDF1"); done()',
    )


@case("frame-promised-not-sent", seconds=120)
def promised(blank, right):
    return forging(
        blank, 'sock().sendall(struct.pack("<4sIQ", b"EDF1", 30 << 20, 500 << 20) + b"[" * 5000)\ntime.sleep(3)\ndone()'
    )


@case("frame-of-deep-json")
def deep_json(blank, right):
    return forging(
        blank,
        'say(None, text=b"[" * 2_000_000 + b"]" * 2_000_000); done()',
        """say(None, text=b'[{"d":' * 300_000 + b"]}" * 300_000); done()""",
        'say(None, text=b"[[" + b"[" * 99 + b"]" * 99 + b",[]]"); done()',
        'say(None, text=b"[" + b"9" * 5_000_000 + b",[]]"); done()',
    )


@case("frame-of-wide-json", seconds=120)
def wide_json(blank, right):
    return forging(blank, 'say(None, text=b"[[" + b"{}," * 10_000_000 + b"0],[]]"); done()')


@case("frame-of-wrong-arrays")
def wrong_arrays(blank, right):
    return forging(
        blank,
        'say(reply({"a": [0, "|O", [1]]}), [bytes(8)]); done()',
        'say(reply({"a": [0, "<f8", [-1]]}), [bytes(8)]); done()',
        'say(reply({"a": [0, "<f8", [2**31, 2**31, 4]]}), [bytes(8)]); done()',
        'say(reply({"a": [5, "<f8", [1]]}), [bytes(8)]); done()',
        'say(reply({"a": [0, "<f8", [1] * 60]}), [bytes(8)]); done()',
        'say(reply({"n": [0, "<f8,<O"]}), [bytes(8)]); done()',
    )


@case("frame-of-empty-letters", seconds=120)
def empty_letters(blank, right):
    """Text of no letters takes no bytes on the wire, and four a piece in memory once NumPy has made it."""
    return forging(blank, *['say(reply({"a": [0, "<U0", [300_000_000]]}), [b""]); done()'] * 2)


@case("frame-of-a-view-of-one-number", seconds=120)
def view_of_one(blank, right):
    """A view of an array that both sides hold, many times the same number."""
    node = '{"v": ["mnist.train_images", 0, "|u1", [700_000_000], [0]]}'
    return forging(blank, f"say(reply({node})); done()", f"say(reply({{'t': [{node}] * 3}})); done()")


@case("frame-of-views-elsewhere")
def views_elsewhere(blank, right):
    return forging(
        blank,
        'say(reply({"v": ["mnist.train_images", -4096, "<f8", [2, 4], [32, 8]]})); done()',
        'say(reply({"v": ["mnist.train_images", 0, "<f8", [2, 4], [-4096, -8]]})); done()',
        'say(reply({"v": ["mnist.train_images", 0, "<f8", [10**9], [8]]})); done()',
        'say(reply({"v": ["nothing", 0, "<f8", [1], [8]]})); done()',
        'say(reply({"v": ["mnist.train_images", 0, "|O", [1], [8]]})); done()',
        'say(reply({"v": [["mnist"], 0, "<f8", [1], [2**62]]})); done()',
    )


@case("one-buffer-many-times", seconds=150)
def one_buffer(blank, right):
    """Thirty arrays over one buffer, as arguments of a call that the examiner answers."""
    node = '[{"a": [0, "|u1", [50_000_000]]}] * 30'
    return forging(
        blank,
        mean_loss=f'say(request("call", {{"h": ["examiner", 0]}}, *({node})), [bytes(50_000_000)]); time.sleep(2); done()',
        layer=f"say(reply({node}), [bytes(50_000_000)]); done()",
    )


@case("colliding-keys", seconds=45)
def colliding_keys(blank, right):
    """Whole numbers that all have the same hash, as keys and as members."""
    collide = '[{"i": hex(k * (2**61 - 1))} for k in range(60_000)]'
    return forging(
        blank,
        f'say(reply({{"s": {collide}}})); done()',
        f'say(reply({{"d": [[k, 0] for k in {collide}]}})); done()',
    )


@case("endless-ranges", seconds=120)
def endless_ranges(blank, right):
    """A range is small on the wire however long it is."""
    return filled(blank, {
        "layer": "def layer(x, W, bias):\n    return range(10**18)",
        "layer-backward": "def layer_backward(x, W, h):\n    return [range(40_000_000)], range(3), range(4)",
        "log-loss": "def log_loss(s, y):\n    return [range(10_000_000)] * 4",
        "log-loss-backward": "def log_loss_backward(s, y, g):\n    return (range(10_000_000),) * 4",
    })  # fmt: skip


@case("references-to-nothing")
def references(blank, right):
    return forging(
        blank,
        'say(reply({"h": ["examiner", 0]})); done()',
        'say(reply({"h": ["examiner", "check"]})); done()',
        'say(reply({"h": ["student", {"d": []}, 1, 2]})); done()',
        'say(reply({"h": ["student", 10**30, ["class"], {"d": []}, 5]})); time.sleep(1); done()',
        'say(reply({"h": ["examiner", 7]})); done()',
        'say(reply({"h": "examiner"})); done()',
    )


@case("operations-on-the-examiners-functions")
def operations(blank, right):
    """Asks for more of the examiner's function than to call it."""
    ask = """
probe = agent()
for do, args in (("getattr", ["__globals__"]), ("getattr", ["__code__"]), ("names", [["check", "want", "__builtins__"]]),
                 ("named", ["check"]), ("setattr", ["__code__", 1]), ("getitem", [0]), ("repr", []), ("dir", [])):
    say(request(do, {"h": ["examiner", 0]}, *args))
    found = probe.channel.receive()
    if "return" in found:
        print("redteam-" + "read: " + do)
done()
"""
    return forging(blank, mean_loss=ask, train=ask)


@case("callback-under-other-names")
def callback_names(blank, right):
    """Calls the examiner's function with names of parameters and with values that are its own objects."""
    ask = """
callback = batch_loss
for args, kwargs in (((), {"__class__": 1}), ((callback, callback), {}), ((object(), 3), {}), ((-10**9, 10**9), {}),
                     ((float("nan"), "x"), {}), ((slice(0, 3), 2), {}), ((0, 1, 2, 3), {}), ((), {"start": 0, "stop": [3]})):
    try:
        callback(*args, **kwargs)
    except Exception as error:
        print(type(error), error)
return 0.0
"""
    return forging(blank, mean_loss=ask)


@case("two-replies")
def two_replies(blank, right):
    """A reply for this call, and more in advance for those that follow."""
    return forging(blank, """
for _ in range(50):
    say(reply({"a": [0, "<f8", [2, 4]]}), [bytes(64)])
return x
""", "say(reply(None)); say(request('call', {'h': ['examiner', 0]}, 1, 2)); done()")  # fmt: skip


@case("reply-before-the-question")
def early_reply(blank, right):
    """From the cell that forks every test: replies lie ready before the first question."""
    return filled(
        blank,
        {"layer": "def layer(x, W, bias):\n    return x"},
        first=FORGE
        + """
probe = next(m for n, m in list(sys.modules.items()) if n.endswith("agent")).Probe
serve = probe.serve
def first(self):
    for _ in range(20):
        self.channel.sock.sendall(frame(reply({"d": [["layer", 2.0], ["passed", True]]})))
    serve(self)
probe.serve = first
""",
    )


@case("replies-of-no-form")
def no_form(blank, right):
    return forging(
        blank,
        'say([]); done()',
        'say({"d": [["raise", {"t": []}]]}); done()',
        'say({"d": [["printed", {"d": []}], ["changed", 5]]}); done()',
        'say({"d": [["do", []], ["on", None], ["args", 1], ["kwargs", 2]]}); done()',
        'say({"d": [[{"t": [1]}, 1]]}); done()',
        'say({"x": 1, "y": 2}); done()',
    )  # fmt: skip


@case("raised-under-the-examiners-names")
def raised_names(blank, right):
    """Errors that claim to be the examiner's own, or ends of Python."""
    told = 'say({"d": [["raise", {"d": [["type", %r], ["bases", [%r]], ["message", "full marks"], ["trace", ""]]}], ["changed", []]]}); done()'
    return forging(
        blank,
        told % ("Wrong", "edfcore.teach.compare.Wrong"),
        told % ("Unexaminable", "autograde.standins.Unexaminable"),
        told % ("SystemExit", "builtins.SystemExit"),
        told % ("KeyboardInterrupt", "builtins.KeyboardInterrupt"),
        told % ("StopIteration", "builtins.StopIteration"),
        told % ("OutOfTime", "builtins.BaseException"),
    )


@case("raised-syntax-error")
def raised_syntax_error(blank, right):
    """A SyntaxError of the student's is no fault of the test."""
    return filled(blank, {
        "layer": "def layer(x, W, bias):\n    raise SyntaxError('no')",
        "layer-backward": "def layer_backward(x, W, h):\n    raise ExceptionGroup('g', [ValueError('x')])",
        "log-loss": "def log_loss(s, y):\n    raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'no')",
        "log-loss-backward": "def log_loss_backward(s, y, g):\n    raise GeneratorExit",
        "mean-loss": "def mean_loss(f, n, B):\n    raise StopAsyncIteration",
        "train": "def train(*a):\n    raise type('é' * 300, (KeyError,), {})('x')",
    })  # fmt: skip


@case("changes-of-arguments")
def changes(blank, right):
    """Says that it changed what it was not given, or into what the test compares with itself."""
    return forging(
        blank,
        'say(reply(None, [[99, 1]])); done()',
        'say(reply(None, [[-1, 1]])); done()',
        'say(reply(None, [[0, {"a": [0, "<f8", [1]]}]]), [bytes(8)]); done()',
        'say(reply(None, [["x", 0], 5])); done()',
        'say(reply(0.0, [[0, {"h": ["student", 3]}]])); done()',
        train='say(reply({"d": []}, [[0, {"d": []}], [2, None], [3, {"s": []}]])); done()',
    )  # fmt: skip


@case("changes-not-told")
def changes_not_told(blank, right):
    """Hides from the examiner that the arguments were changed in place: the values that come back are still wrong."""
    return filled(
        blank,
        {
            "train": """\
import sys
for name, module in list(sys.modules.items()):
    if name.endswith("peer"):
        module.fingerprint = lambda value: None
def train(params, gradients, images, labels, B, lr, epochs):
    params.clear()
    return params
"""
        },
    )


@case("forged-cell-reply", seconds=120)
def forged_cell_reply(blank, right):
    """The reply to a cell, written by the cell: 30 MB of outputs, whatever the agent's caps are."""
    return filled(
        blank,
        first=FORGE
        + """
one = {"d": [["type", "stream"], ["name", "stdout"], ["text", "x" * 30_000]]}
value = {"d": [["outputs", [one] * 900], ["names", ["check", "np", "__builtins__"]], ["failed", None], ["touched", []]]}
spot = sys._getframe()
while spot and "channel" not in spot.f_locals:
    spot = spot.f_back
spot.f_locals["channel"].sock.sendall(frame(value))
""",
    )


@case("forged-cell-reply-every-cell", seconds=150)
def forged_cell_reply_every(blank, right):
    source = """
spot = sys._getframe()
while spot and "channel" not in spot.f_locals:
    spot = spot.f_back
spot.f_locals["channel"].send = lambda value: type(spot.f_locals["channel"]).send(spot.f_locals["channel"], value | big)
"""
    big = 'big = {"outputs": [{"type": "stream", "name": "stdout", "text": "x" * 30_000}] * 900, "names": ["v"] * 10**5}\n'
    return filled(
        blank, first=FORGE + big + source, last=source, behind={"mnist-network": source, "train-test": source}
    )


@case("forged-cell-reply-of-no-form")
def forged_cell_no_form(blank, right):
    return filled(
        blank,
        first=FORGE
        + """
spot = sys._getframe()
while spot and "channel" not in spot.f_locals:
    spot = spot.f_back
value = {"d": [["outputs", [1, None, {"d": [["type", []]]}, {"d": [["type", "error"], ["name", 5]]}]], ["names", 7],
               ["failed", {"d": [["type", [[[]]]], ["message", {"d": []}]]}], ["touched", {"d": []}]]}
spot.f_locals["channel"].sock.sendall(frame(value))
""",
    )


@case("dripping-reply", seconds=130)
def dripping_reply(blank, right):
    """A byte now and then, so that no single wait is ever too long."""
    return forging(
        blank,
        """
import signal
for number in (signal.SIGALRM, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
data = frame(reply("x" * 5000))
for byte in data:
    sock().sendall(bytes([byte]))
    time.sleep(2)
""",
    )


@case("descriptors-for-the-examiner")
def descriptors(blank, right):
    """Hands over descriptors with every byte, until the examiner has no room."""
    return filled(
        blank,
        {"layer": "def layer(x, W, bias):\n    return flood()"},
        first=FORGE
        + """
def flood():
    null = os.open("/dev/null", os.O_RDONLY)
    try:
        state = agent("State").commands
    except StopIteration:
        state = sock()
    for _ in range(300):
        try:
            socket.send_fds(sock(), [b"E"], [null] * 200)
        except OSError:
            break
    done()
""",
    )


@case("endless-callbacks", seconds=130)
def endless_callbacks(blank, right):
    """Calls back a million times, and swallows its time limit."""
    return forging(
        blank,
        mean_loss="""
import signal
for number in (signal.SIGALRM, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
for _ in range(10**6):
    try:
        batch_loss(0, 2)
    except BaseException:
        pass
return 0.0
""",
    )


@case("broken-text")
def broken_text(blank, right):
    """Half characters, nulls and controls, in every text that can come back."""
    return filled(blank, {"layer": """\
text = "\\ud800\\x00\\x1b[2J\\u202e\\ufeff" + chr(0x10ffff)
print(text)
def layer(x, W, bias):
    print(text)
    raise type("N", (ValueError,), {"__qualname__": text})(text)
""", "sigmoid": "def sigmoid(x):\n    return text\n\n\ndef sigmoid_backward(h, g):\n    return {text: text}",
        "log-loss": "def log_loss(s, y):\n    return {'\\ud800': text}"}, last="raise ValueError(text)")  # fmt: skip
