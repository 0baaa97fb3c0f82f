# ruff: noqa: E501 - lines of students' code
"""Hostile frames: the student's code finds the agent's sockets in its own process and writes to the examiner itself.

The head of a frame is magic, bytes of JSON, bytes of buffers; see autograde/inside/wire.py.
"""

from autograde.redteam import TELL, TOLD, case

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


def forging(task, *bodies, calling=(), last=None):
    """A notebook whose answers run these bodies, one each, with the tools to forge.

    `calling`: one more, for every exercise that is given a function, or for the last one where there is none.
    """
    answers = task.answers(*bodies)
    for exercise in (task.seen.with_callback() or [task.role(-1)]) if calling else ():
        answers |= task.answer(exercise, calling)
    return task.filled(answers, first=TELL + FORGE, last=last)


@case("frame-of-huge-lengths")
def huge_lengths(task):
    return forging(
        task,
        'sock().sendall(struct.pack("<4sIQ", b"EDF1", 2**32 - 1, 2**64 - 1)); done()',
        'sock().sendall(struct.pack("<4sIQ", b"EDF1", 10, 2**63)); done()',
        'sock().sendall(struct.pack("<4sIQ", b"EDF9", 10, 10) + bytes(26)); done()',
        'sock().sendall(b"EDF1"); done()',
    )


@case("frame-promised-not-sent", seconds=120)
def promised(task):
    return forging(
        task, 'sock().sendall(struct.pack("<4sIQ", b"EDF1", 30 << 20, 500 << 20) + b"[" * 5000)\ntime.sleep(3)\ndone()'
    )


@case("frame-of-deep-json")
def deep_json(task):
    return forging(
        task,
        'say(None, text=b"[" * 2_000_000 + b"]" * 2_000_000); done()',
        """say(None, text=b'[{"d":' * 300_000 + b"]}" * 300_000); done()""",
        'say(None, text=b"[[" + b"[" * 99 + b"]" * 99 + b",[]]"); done()',
        'say(None, text=b"[" + b"9" * 5_000_000 + b",[]]"); done()',
    )


@case("frame-of-wide-json", seconds=120)
def wide_json(task):
    return forging(task, 'say(None, text=b"[[" + b"{}," * 10_000_000 + b"0],[]]"); done()')


@case("frame-of-wrong-arrays")
def wrong_arrays(task):
    return forging(
        task,
        'say(reply({"a": [0, "|O", [1]]}), [bytes(8)]); done()',
        'say(reply({"a": [0, "<f8", [-1]]}), [bytes(8)]); done()',
        'say(reply({"a": [0, "<f8", [2**31, 2**31, 4]]}), [bytes(8)]); done()',
        'say(reply({"a": [5, "<f8", [1]]}), [bytes(8)]); done()',
        'say(reply({"a": [0, "<f8", [1] * 60]}), [bytes(8)]); done()',
        'say(reply({"n": [0, "<f8,<O"]}), [bytes(8)]); done()',
    )


@case("frame-of-empty-letters", seconds=120)
def empty_letters(task):
    """Text of no letters takes no bytes on the wire, and four a piece in memory once NumPy has made it."""
    return forging(task, *['say(reply({"a": [0, "<U0", [300_000_000]]}), [b""]); done()'] * 2)


@case("frame-of-a-view-of-one-number", seconds=120)
def view_of_one(task):
    """A view of an array that both sides hold, many times the same number."""
    node = '{"v": ["mnist.train_images", 0, "|u1", [700_000_000], [0]]}'
    return forging(task, f"say(reply({node})); done()", f"say(reply({{'t': [{node}] * 3}})); done()")


@case("frame-of-views-elsewhere")
def views_elsewhere(task):
    return forging(
        task,
        'say(reply({"v": ["mnist.train_images", -4096, "<f8", [2, 4], [32, 8]]})); done()',
        'say(reply({"v": ["mnist.train_images", 0, "<f8", [2, 4], [-4096, -8]]})); done()',
        'say(reply({"v": ["mnist.train_images", 0, "<f8", [10**9], [8]]})); done()',
        'say(reply({"v": ["nothing", 0, "<f8", [1], [8]]})); done()',
        'say(reply({"v": ["mnist.train_images", 0, "|O", [1], [8]]})); done()',
        'say(reply({"v": [["mnist"], 0, "<f8", [1], [2**62]]})); done()',
    )


@case("one-buffer-many-times", seconds=150)
def one_buffer(task):
    """Thirty arrays over one buffer, as arguments of a call that the examiner answers."""
    node = '[{"a": [0, "|u1", [50_000_000]]}] * 30'
    return forging(
        task,
        f"say(reply({node}), [bytes(50_000_000)]); done()",
        calling=f'say(request("call", {{"h": ["examiner", 0]}}, *({node})), [bytes(50_000_000)]); time.sleep(2); done()',
    )


@case("colliding-keys", seconds=45)
def colliding_keys(task):
    """Whole numbers that all have the same hash, as keys and as members."""
    collide = '[{"i": hex(k * (2**61 - 1))} for k in range(60_000)]'
    return forging(
        task,
        f'say(reply({{"s": {collide}}})); done()',
        f'say(reply({{"d": [[k, 0] for k in {collide}]}})); done()',
    )


@case("endless-ranges", seconds=120)
def endless_ranges(task):
    """A range is small on the wire however long it is."""
    bodies = (
        "range(10**18)",
        "[range(40_000_000)], range(3), range(4)",
        "[range(10_000_000)] * 4",
        "(range(10_000_000),) * 4",
    )
    return task.filled(task.answers(*[f"return {body}" for body in bodies]))


@case("references-to-nothing")
def references(task):
    return forging(
        task,
        'say(reply({"h": ["examiner", 0]})); done()',
        'say(reply({"h": ["examiner", "check"]})); done()',
        'say(reply({"h": ["student", {"d": []}, 1, 2]})); done()',
        'say(reply({"h": ["student", 10**30, ["class"], {"d": []}, 5]})); time.sleep(1); done()',
        'say(reply({"h": ["examiner", 7]})); done()',
        'say(reply({"h": "examiner"})); done()',
    )


@case("operations-on-the-examiners-functions")
def operations(task):
    """Asks for more of the examiner's function than to call it."""
    ask = """
probe = agent()
for do, args in (("getattr", ["__globals__"]), ("getattr", ["__code__"]), ("names", [["check", "want", "__builtins__"]]),
                 ("named", ["check"]), ("setattr", ["__code__", 1]), ("getitem", [0]), ("repr", []), ("dir", [])):
    say(request(do, {"h": ["examiner", 0]}, *args))
    found = probe.channel.receive()
    if "return" in found:
        tell("read: " + do)
done()
"""
    return forging(task, calling=ask, last=TOLD)


@case("callback-under-other-names")
def callback_names(task):
    """Calls the examiner's function with names of parameters and with values that are its own objects."""
    ask = """
callback = next((v for v in given if callable(v)), None)
for args, kwargs in (((), {"__class__": 1}), ((callback, callback), {}), ((object(), 3), {}), ((-10**9, 10**9), {}),
                     ((float("nan"), "x"), {}), ((slice(0, 3), 2), {}), ((0, 1, 2, 3), {}), ((), {"start": 0, "stop": [3]})):
    try:
        callback(*args, **kwargs)
    except Exception as error:
        print(type(error), error)
return ('no', 'answer')
"""
    return forging(task, calling=ask)


@case("two-replies")
def two_replies(task):
    """A reply for this call, and more in advance for those that follow."""
    return forging(task, """
for _ in range(50):
    say(reply({"a": [0, "<f8", [2, 4]]}), [bytes(64)])
return given
""", "say(reply(None)); say(request('call', {'h': ['examiner', 0]}, 1, 2)); done()")  # fmt: skip


@case("reply-before-the-question")
def early_reply(task):
    """From the cell that forks every test: replies lie ready before the first question."""
    return task.filled(
        task.answer(0, "return given"),
        first=FORGE
        + """
probe = next(m for n, m in list(sys.modules.items()) if n.endswith("agent")).Probe
serve = probe.serve
def first(self):
    for _ in range(20):
        self.channel.sock.sendall(frame(reply({"d": [["TEST", 2.0], ["passed", True]]})))
    serve(self)
probe.serve = first
""".replace("TEST", task.tests(0)[0]),
    )


@case("replies-of-no-form")
def no_form(task):
    return forging(
        task,
        'say([]); done()',
        'say({"d": [["raise", {"t": []}]]}); done()',
        'say({"d": [["printed", {"d": []}], ["changed", 5]]}); done()',
        'say({"d": [["do", []], ["on", None], ["args", 1], ["kwargs", 2]]}); done()',
        'say({"d": [[{"t": [1]}, 1]]}); done()',
        'say({"x": 1, "y": 2}); done()',
    )  # fmt: skip


@case("raised-under-the-examiners-names")
def raised_names(task):
    """Errors that claim to be the examiner's own, or ends of Python."""
    told = 'say({"d": [["raise", {"d": [["type", %r], ["bases", [%r]], ["message", "full marks"], ["trace", ""]]}], ["changed", []]]}); done()'
    return forging(
        task,
        told % ("Wrong", "edfcore.teach.compare.Wrong"),
        told % ("Unexaminable", "autograde.standins.Unexaminable"),
        told % ("SystemExit", "builtins.SystemExit"),
        told % ("KeyboardInterrupt", "builtins.KeyboardInterrupt"),
        told % ("StopIteration", "builtins.StopIteration"),
        told % ("OutOfTime", "builtins.BaseException"),
    )


@case("raised-syntax-error")
def raised_syntax_error(task):
    """A SyntaxError of the student's is no fault of the test."""
    kinds = ("SyntaxError('no')", "ExceptionGroup('g', [ValueError('x')])", "UnicodeDecodeError('utf-8', b'x', 0, 1, 'no')",
             "GeneratorExit", "StopAsyncIteration", "type('é' * 300, (KeyError,), {})('x')")  # fmt: skip
    return task.filled(task.answers(*[f"raise {kind}" for kind in kinds]))


@case("changes-of-arguments")
def changes(task):
    """Says that it changed what it was not given, or into what the test compares with itself."""
    return forging(
        task,
        'say(reply(None, [[99, 1]])); done()',
        'say(reply(None, [[-1, 1]])); done()',
        'say(reply(None, [[0, {"a": [0, "<f8", [1]]}]]), [bytes(8)]); done()',
        'say(reply(None, [["x", 0], 5])); done()',
        'say(reply(0.0, [[0, {"h": ["student", 3]}]])); done()',
        'say(reply({"d": []}, [[0, {"d": []}], [2, None], [3, {"s": []}]])); done()',
    )  # fmt: skip


@case("changes-not-told")
def changes_not_told(task):
    """Hides from the examiner that the arguments were changed in place: the values that come back are still wrong."""
    before = """\
import sys
for name, module in list(sys.modules.items()):
    if name.endswith("peer"):
        module.fingerprint = lambda value: None
"""
    body = """
for value in given:
    try:
        value.clear()
    except Exception:
        try:
            value[...] = 0
        except Exception:
            pass
return given[0] if given else None
"""
    return task.filled(task.answer(-1, body, before))


@case("forged-cell-reply", seconds=120)
def forged_cell_reply(task):
    """The reply to a cell, written by the cell: 30 MB of outputs, whatever the agent's caps are."""
    return task.filled(
        first=FORGE
        + """
one = {"d": [["type", "stream"], ["name", "stdout"], ["text", "x" * 30_000]]}
value = {"d": [["outputs", [one] * 900], ["names", ["check", "np", "__builtins__"]], ["failed", None], ["touched", []]]}
agent("Channel").sock.sendall(frame(value))
""",
    )


@case("forged-cell-reply-every-cell", seconds=150)
def forged_cell_reply_every(task):
    source = """
channel = agent("Channel")
channel.send = lambda value: type(channel).send(channel, value | big)
"""
    big = 'big = {"outputs": [{"type": "stream", "name": "stdout", "text": "x" * 30_000}] * 900, "names": ["v"] * 10**5}\n'
    return task.filled(
        first=FORGE + big + source, last=source, behind={task.tests(0)[0]: source, task.tests(-1)[0]: source}
    )


@case("forged-cell-reply-of-no-form")
def forged_cell_no_form(task):
    return task.filled(
        first=FORGE
        + """
value = {"d": [["outputs", [1, None, {"d": [["type", []]]}, {"d": [["type", "error"], ["name", 5]]}]], ["names", 7],
               ["failed", {"d": [["type", [[[]]]], ["message", {"d": []}]]}], ["touched", {"d": []}]]}
agent("Channel").sock.sendall(frame(value))
""",
    )


@case("dripping-reply", seconds=130)
def dripping_reply(task):
    """A byte now and then, so that no single wait is ever too long."""
    return forging(
        task,
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
def descriptors(task):
    """Hands over descriptors with every byte, until the examiner has no room."""
    first = """
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
"""
    return task.filled(task.answer(0, "return flood()"), first=FORGE + first)


@case("endless-callbacks", seconds=130)
def endless_callbacks(task):
    """Calls back a million times, and swallows its time limit."""
    return forging(
        task,
        calling="""
import signal
for number in (signal.SIGALRM, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
for _ in range(10**6):
    try:
        next((v for v in given if callable(v)), None)(0, 2)
    except BaseException:
        pass
return ('no', 'answer')
""",
    )


@case("broken-text")
def broken_text(task):
    """Half characters, nulls and controls, in every text that can come back."""
    before = """\
text = "\\ud800\\x00\\x1b[2J\\u202e\\ufeff" + chr(0x10ffff)
print(text)
"""
    bodies = (
        'print(text)\nraise type("N", (ValueError,), {"__qualname__": text})(text)',
        "return text",
        "return {'\\ud800': text}",
        "return {text: text}",
    )
    return task.filled(task.answers(*bodies) | task.answer(0, bodies[0], before), last="raise ValueError(text)")
