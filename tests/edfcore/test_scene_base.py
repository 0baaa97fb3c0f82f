"""What all scenes and widgets share: settings are checked, states are text and back, numbers are the browser's."""

import json
import math
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from edfcore import widgets
from edfcore.errors import DataError
from edfcore.scenes.base import Scene, Setting, short, written
from edfcore.scenes.paths import NAMES, STEPS, Paths, hessian, losses, optimizer, walk
from edfcore.widgets.base import FOLDER, packed
from edfcore.widgets.page import as_script, few_colours, placed

SCENE = Paths()


# Settings and states


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("kappa", 0.5, "condition number (kappa) is 0.5; it lies between 1 and 100"),
        ("kappa", "5", "a finite number is needed"),
        ("kappa", math.nan, "a finite number is needed"),
        ("kappa", True, "a finite number is needed"),
        ("t", 1.5, "a whole number is needed"),
        ("gd", "yes", "True or False is needed"),
        ("lambda_", 1, "has no setting 'lambda_'; there are kappa, angle"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence(name, value, told):
    with pytest.raises(DataError) as error:
        SCENE.state(**{name: value})
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["kappa=", "kappa=five", "kappa=1e9", "gd=2", "t=1.5", "nonsense=1", "kappa=nan"])
def test_a_text_that_is_no_state_is_told(text):
    with pytest.raises(DataError):
        SCENE.state_from(text)


@given(st.floats(1, 100), st.floats(-3, 3), st.booleans(), st.integers(0, STEPS))
def test_a_state_is_text_and_back(kappa, x0, adam, t):
    state = SCENE.state(kappa=kappa, x0=x0, adam=adam, t=t)
    back = SCENE.state_from(SCENE.text(state))
    assert back["adam"] is adam and back["t"] == t
    assert back["kappa"] == pytest.approx(kappa, rel=1e-5) and back["x0"] == pytest.approx(x0, rel=1e-5, abs=1e-12)
    assert SCENE.text(back) == SCENE.text(SCENE.state_from(SCENE.text(back)))


def test_defaults_are_the_empty_text():
    assert SCENE.text(SCENE.state()) == "" and SCENE.state_from("") == SCENE.state()


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_every_setting_s_default_is_allowed_and_lies_on_its_slider(name):
    scene = getattr(widgets, name).scene
    for setting in scene.settings:
        assert setting.checked(setting.default) == setting.default
        if setting.kind == "number":
            place = (
                math.log(setting.default / setting.low) / math.log(setting.step)
                if setting.log
                else (setting.default - setting.low) / setting.step
            )
            assert setting.log or abs(place - round(place)) < 1e-9, f"{setting.name} starts between two steps"
    assert not scene.frames or scene.frames in [s.name for s in scene.settings]


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_every_scene_is_pure_and_tells_itself(name):
    scene = getattr(widgets, name).scene
    state = scene.state()
    kept = dict(state)
    one, two = scene.compute(state), scene.compute(scene.state())
    assert state == kept
    assert json.dumps(packed(one), default=repr) == json.dumps(packed(two), default=repr)
    caption, rows = scene.caption(state, one), scene.rows(state, one)
    assert caption.endswith(".") and len(caption) > 30
    assert len(rows) > 1 and all(isinstance(c, str) for r in rows for c in r) and len({len(r) for r in rows}) == 1


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_every_widget_has_a_figure_with_words_and_the_same_bytes_twice(name):
    kind = getattr(widgets, name)
    one, two = kind().figure(), kind().figure()
    assert one.png() == two.png() and len(one.alt) > 40
    assert len(few_colours(one.png())) < len(one.png())


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_settings_and_states_of_widgets(name):
    kind = getattr(widgets, name)
    made = kind()
    assert kind.from_state(made.text).state == made.state
    with pytest.raises(DataError):
        kind(nonsense=1)
    with pytest.raises(DataError):
        kind(hide=["nonsense"])
    assert made.call == f"edfcore.widgets.{name}"


# Numbers as the browser tells them


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_short_is_the_browser_s_short():
    rng = np.random.default_rng(0)
    drawn = 10.0 ** rng.uniform(-12, 12, 300) * rng.choice([-1, 1], 300)
    values = [*map(float, drawn), 0.0, 1.125, 12.25, 0.125, 999.5, 1e6, 999999.0, *(k / 8 for k in range(-80, 80))]
    asked = f"\nconsole.log(JSON.stringify({json.dumps(values)}.map((v) => [short(v), short(v, 4)])))"
    text = (FOLDER / "ui.js").read_text() + asked
    done = subprocess.run(["node", "--input-type=module", "-e", text], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[short(v), short(v, 4)] for v in values]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_written_is_the_browser_s_written():
    rng = np.random.default_rng(0)
    drawn = 10.0 ** rng.uniform(-12, 20, 300) * rng.choice([-1, 1], 300)
    values = [*map(float, drawn), *map(int, drawn), 1234567, 1234567.0, 1e-7, 1.5e-7, 1e-6, 1e-5, 100000.5, 12345678.9]
    values += [0.0, -0.0, 1e15, 1e16, 123456789012345678, True, False, "a b", "1e-07"]
    asked = f"\nconsole.log(JSON.stringify({json.dumps(values)}.map(written)))"
    text = (FOLDER / "ui.js").read_text() + asked
    done = subprocess.run(["node", "--input-type=module", "-e", text], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [written(v) for v in values]


def nested(text):
    """Lines on which a template literal stands inside another one."""
    found, stack, k, line = [], [], 0, 1
    while k < len(text):
        c = text[k]
        line += c == "\n"
        if stack and stack[-1] == "`":
            if c == "\\":
                k += 1
            elif c == "`":
                stack.pop()
            elif text[k : k + 2] == "${":
                stack.append("{")
                k += 1
        elif text[k : k + 2] == "//":
            k = text.index("\n", k) - 1
        elif text[k : k + 2] == "/*":
            k = text.index("*/", k) + 1
        elif c in "'\"":
            end = k + 1
            while text[end] != c:
                end += 2 if text[end] == "\\" else 1
            k = end
        elif c == "`":
            found += [line] if "`" in stack else []
            stack.append("`")
        elif c == "{":
            stack.append("{")
        elif c == "}" and stack:
            stack.pop()
        k += 1
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_no_template_literal_stands_in_another_one(path):
    """The minifier takes the blanks out of an inner one; join texts with + there."""
    assert nested("`a ${b ? ` c ` : ''}`") == [1] and nested("`a ${b}`; // `\n'`' + `x`") == []
    assert nested(path.read_text(encoding="utf-8")) == []


def test_a_script_cannot_be_ended_by_what_it_holds():
    assert "</script" not in as_script('"</script><!-- x"') and "<!--" not in as_script("<!--")


def test_a_state_stays_json_whatever_texts_it_holds():
    made = placed("paths", {"title": "<!-- </script> <\\!--"}, b"", "")
    inside = made.partition('<script type="application/json">')[2].removesuffix("</script></div>")
    assert "<" not in inside and json.loads(inside) == {"title": "<!-- </script> <\\!--"}


def test_arrays_are_packed_as_little_endian_bytes():
    made = packed({"a": np.arange(6, dtype=">i4").reshape(2, 3), "b": [np.float32(2)], "c": b"xy"})
    assert made["a"]["shape"] == [2, 3] and np.frombuffer(made["a"]["data"], "<f8").tolist() == [0, 1, 2, 3, 4, 5]
    assert made["b"] == [2.0] and made["c"] == {"shape": [2], "type": "u1", "data": b"xy"}
    assert packed(made) == made


def test_a_scene_that_lacks_a_part_says_so():
    class Bare(Scene):
        name, settings = "bare", (Setting("x", "x", 0.5),)

    for call in (lambda: Bare().compute({}), lambda: Bare().caption({}, {}), lambda: Bare().rows({}, {})):
        with pytest.raises(NotImplementedError, match="Bare lacks"):
            call()


# Paths


@given(st.floats(1, 50), st.floats(0, 90))
def test_the_hessian_has_the_eigenvalues_that_it_is_asked_for(kappa, angle):
    values, vectors = np.linalg.eigh(hessian(kappa, angle))
    np.testing.assert_allclose(values, [1 / kappa, 1], rtol=1e-10)
    if kappa > 1.1:
        assert abs(vectors[:, 0] @ [np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["gd", "hb", "nag"])
@pytest.mark.parametrize("lr, mu", [(0.3, 0.2), (1.2, 0.5), (1.7, 0.9)])
def test_the_predicted_rate_is_the_spectral_radius_of_one_step(kind, lr, mu):
    kappa, found = 7.0, SCENE.compute(SCENE.state(kappa=7.0, lr=lr, mu=mu, nag=True))
    momentum, radius = (0.0 if kind == "gd" else mu), 0.0
    for v in (1.0, 1 / kappa):  # (w, v) -> (w', v') as a matrix, for one eigenvalue
        buffer = [v, momentum]  # v' = momentum v + lambda w
        step = [1 - lr * v, -lr * momentum] if kind != "nag" else [1 - lr * (v + mu * v), -lr * mu * mu]
        radius = max(radius, np.abs(np.linalg.eigvals(np.array([step, buffer]))).max())
    assert found[f"rate_{kind}"] == pytest.approx(radius, rel=1e-9)


def test_gradient_descent_shrinks_each_eigenvector_by_its_own_factor():
    A = hessian(5, 0)
    path = walk(A, (1.0, 1.0), optimizer("gd", 0.9, 0))
    np.testing.assert_allclose(path, [[(1 - 0.18) ** t, 0.1**t] for t in range(STEPS + 1)], atol=1e-12)
    np.testing.assert_allclose(losses(A, path)[0], (0.2 + 1) / 2)


def test_captions_name_what_diverges_and_what_is_lowest():
    state = SCENE.state(lr=2.1)
    told = SCENE.caption(state, SCENE.compute(state))
    assert "gradient descent 1.1 predicted, 1.1 measured, it diverges" in told and "heavy ball has the lowest" in told
    assert SCENE.caption(SCENE.state(gd=False, hb=False), {}) == "No optimizer is switched on."


def test_a_reader_s_optimizer_is_laid_over_and_its_first_divergence_found():
    from edfcore.optimizers import SGD

    class Wrong(SGD):
        steps = 0

        def step(self):
            self.steps += 1
            if self.steps == 5:  # forgets one step
                return
            super().step()

    right = widgets.OptimizerPaths(mine=lambda graph: SGD(graph, lr=1.6), against="gd")
    wrong = widgets.OptimizerPaths(mine=lambda graph: Wrong(graph, lr=1.6), against="gd")
    assert right.overlay(right.state)["mine"]["diverges"] == -1
    assert wrong.overlay(wrong.state)["mine"]["diverges"] == 5
    assert wrong.live and not widgets.OptimizerPaths().live
    with pytest.raises(DataError, match="against is 'sgd'; it is one of gd, hb, nag, adam"):
        widgets.OptimizerPaths(against="sgd")
    assert set(NAMES) == {"gd", "hb", "nag", "adam"}


def asked(made, **content):
    """What a widget answers to a message."""
    sent = []
    made.send = lambda content, buffers=None: sent.append(content)
    made._answer(made, content, [])
    return sent


def test_a_reader_s_function_that_fails_is_told_in_the_widget():
    def broken(graph):
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        widgets.OptimizerPaths(mine=broken)
    made, sent = widgets.OptimizerPaths(), []
    made._mine = broken
    made.send = lambda content, buffers=None: sent.append(content)
    made._answer(made, {"sequence": 3, "state": dict(made.state)}, [])
    assert sent == [{"sequence": 3, "error": "Your function raised ZeroDivisionError: division by zero"}]
    made._answer(made, {"sequence": 4, "state": {"kappa": 0}}, [])
    assert "condition number (kappa) is 0" in sent[1]["error"]


@pytest.mark.parametrize("ended", [KeyboardInterrupt, SystemExit])
def test_a_computation_that_is_ended_is_answered_all_the_same(ended):
    def stopped(graph):
        raise ended

    made, sent = widgets.OptimizerPaths(), []
    made._mine = stopped
    made.send = lambda content, buffers=None: sent.append(content)
    with pytest.raises(ended):
        made._answer(made, {"sequence": 1, "view": "a", "state": dict(made.state)}, [])
    assert sent == [{"sequence": 1, "view": "a", "error": f"{ended.__name__} ended the computation."}]


@pytest.mark.parametrize("given", [{"mine": object()}, {"mine": {"a": float}}, {"mine": {1, 2}}])
def test_what_cannot_be_sent_is_told(given):
    made = widgets.OptimizerPaths()
    made.overlay = lambda state: given
    (reply,) = asked(made, sequence=1, state=dict(made.state))
    assert "cannot be sent" in reply["error"] and reply["error"].startswith("OptimizerPaths")


def test_a_reply_goes_to_the_view_that_asked():
    made = widgets.OptimizerPaths()
    (reply,) = asked(made, sequence=7, view="0.5", state=dict(made.state))
    assert reply == {"sequence": 7, "view": "0.5", "found": {}}


@pytest.mark.parametrize("content", [{}, {"state": None}, {"state": 3}])
def test_a_message_without_a_state_is_told_as_what_it_is(content):
    (reply,) = asked(widgets.OptimizerPaths(), sequence=1, **content)
    assert reply["error"] == "OptimizerPaths: the browser's message holds no state."


@pytest.mark.parametrize(
    "name", ["OptimizerPaths", "OptimizerCourt", "ScheduleComposer", "BatchMicroscope", "VanishingGradients"]
)
def test_what_is_no_function_is_told(name):
    with pytest.raises(DataError, match=f"{name}: mine is 3; .* is needed"):
        getattr(widgets, name)(mine=3)


@pytest.mark.parametrize(
    "state", [{"kappa": 0}, {"kappa": None}, {"nonsense": 1}, {"kappa": 10**400}, {"gd": []}, {"t": 1.5}, {1: 2}]
)
def test_a_state_that_cannot_be_meant_is_refused_and_the_old_one_stays(state):
    made = widgets.OptimizerPaths(kappa=20.0)
    before = dict(made.state)
    with pytest.raises(TraitError):
        made.set_state({"state": state})  # as it comes from the browser
    assert made.state == before
    made.set_state({"state": {**before, "kappa": 30}})
    assert made.state["kappa"] == 30


def test_half_a_surrogate_pair_is_text_as_in_the_browser():
    made = widgets.Broadcasting()
    name = next(s.name for s in made.scene.settings if s.kind == "text")
    told = made.scene.text(made.scene.state(**{name: "\ud83d"}))
    assert told == f"{name}=%EF%BF%BD"
    assert made.scene.text(made.scene.state(**{name: "\ud83d\ude00"})) == f"{name}=%F0%9F%98%80"


@pytest.mark.parametrize("text", ["t=inf", "t=-inf", "t=1e400", "t=nan"])
def test_an_infinite_whole_number_is_told(text):
    with pytest.raises(DataError):
        SCENE.state_from(text)
