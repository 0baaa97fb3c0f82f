"""Every widget in a page without Jupyter and without the network, from file://: alive, small, usable by all."""

import json

import pytest
from timing import BUDGETS, press_keys, report

from edfcore import widgets
from edfcore.optimizers import SGD
from edfcore.widgets.base import module, source
from edfcore.widgets.page import _plain, element, page, scripts, synced

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SERIOUS = ("serious", "critical")
TIMED = [name for name in widgets.WIDGETS if getattr(widgets, name).scene.frames]


@pytest.fixture
def shown(opened, tmp_path):
    """shown(name, dark=False, **context) -> a page that holds the widget alone, from a file, offline."""

    def make(name, dark=False, **options):
        path = tmp_path / f"{name}{dark}.html"
        path.write_text(page([getattr(widgets, name)()], "A widget", dark=dark), encoding="utf-8")
        options.setdefault("color_scheme", "dark" if dark else "light")
        tab = opened(offline=True, **options)
        tab.goto(f"file://{path}")
        tab.wait_for_selector(".edf[data-frame]")
        return tab

    return make


def violations(tab):
    """What axe finds that is serious or critical, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab, context=".edf").response["violations"]
    return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in SERIOUS]


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_it_lives_without_a_network(name, shown):
    tab = shown(name)
    assert tab.log == []
    assert [url for url in tab.asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert tab.locator(".edf").get_attribute("data-mode") in ("browser", "table"), "a page has no Python"
    before = tab.locator(".edf").get_attribute("data-state"), tab.locator(".edf-caption").inner_text()
    changed = set()
    for control in tab.locator(".edf fieldset input[type=range], .edf fieldset select, .edf-flag").all():
        control.focus()
        control.press("Space" if control.get_attribute("aria-pressed") else "ArrowDown")
        changed.add((tab.locator(".edf").get_attribute("data-state"), tab.locator(".edf-caption").inner_text()))
    assert len({state for state, _ in changed | {before}}) > 1, "no control changes the state"
    assert len({told for _, told in changed | {before}}) > 1, "the caption never changes"


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_a_state_is_text_that_restores_it(name, shown):
    tab = shown(name)
    tab.locator(".edf fieldset input[type=range], .edf fieldset select").first.press("ArrowDown")
    text = tab.locator(".edf").get_attribute("data-state")
    kind = getattr(widgets, name)
    restored = kind.from_state(text)
    assert restored.text == text
    tab.locator(".edf summary:has-text('State')").click()
    tab.get_by_role("button", name="Defaults").click()
    assert tab.locator(".edf").get_attribute("data-state") == ""
    field = tab.get_by_label("State", exact=True)
    field.fill(text)
    field.press("Enter")
    assert tab.locator(".edf").get_attribute("data-state") == text
    field.fill("nonsense=1")
    field.press("Enter")
    assert "no setting nonsense" in tab.locator(".edf-told").last.inner_text()
    assert tab.locator(".edf").get_attribute("data-state") == text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_axe_finds_nothing_serious(name, dark, shown):
    tab = shown(name, dark)
    for summary in tab.locator(".edf summary").all():
        summary.click()
    assert violations(tab) == []


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_everything_can_be_reached_and_hit(name, shown):
    """Targets of at least 24 pixels (WCAG 2.5.8); a visible focus; every focusable thing has a name."""
    tab = shown(name)
    small = tab.evaluate(
        """() => ['button', 'select', 'input', 'summary', '[tabindex="0"]']
        .flatMap((what) => [...document.querySelectorAll(`.edf ${what}`)])
        .filter((e) => e.checkVisibility()).map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
        .filter(([, r]) => Math.min(r.width, r.height) < 23.9).map(([t, r]) => `${t} ${r.width} x ${r.height}`)"""
    )
    assert small == []
    tab.keyboard.press("Tab")
    outline = tab.evaluate("() => getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_it_fits_a_narrow_page(name, shown):
    """400 % zoom of a 1280-pixel window is 320 pixels (WCAG 1.4.10): nothing is cut off, no scrolling sideways."""
    tab = shown(name, viewport={"width": 320, "height": 800})
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", TIMED)
def test_no_motion_where_none_is_wanted(name, shown):
    assert shown(name).get_by_role("button", name="Play", exact=True).count() == 1
    still = shown(name, reduced_motion="reduce")
    assert still.get_by_role("button", name="Play", exact=True).count() == 0
    assert still.get_by_role("button", name="Step", exact=True).count() == 1


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_forced_colours_do_no_harm(name, shown):
    assert shown(name, forced_colors="active").log == []


@pytest.mark.parametrize("name", TIMED)
def test_play_moves_time_and_pauses(name, shown):
    tab = shown(name)
    tab.get_by_role("button", name="Start", exact=True).click()
    start = tab.locator(".edf").get_attribute("data-state")
    tab.get_by_role("button", name="Play", exact=True).click()
    tab.wait_for_function(f"document.querySelector('.edf').dataset.state !== {json.dumps(start)}")
    tab.get_by_role("button", name="Pause", exact=True).click()
    seen = tab.locator(".edf").get_attribute("data-state")
    tab.get_by_role("button", name="Step", exact=True).click()
    assert tab.locator(".edf").get_attribute("data-state") != seen
    tab.get_by_role("button", name="Start", exact=True).click()
    assert tab.locator(".edf").get_attribute("data-state") == start


@pytest.mark.parametrize("name", widgets.WIDGETS)
def test_how_long_a_key_takes(name, shown, record_property):
    tab = shown(name)
    times = press_keys(tab, 60)
    report("page", name, "key to picture", times, BUDGETS["page"])
    assert len(times) == 60


def test_texts_that_look_like_html_do_no_harm(opened, tmp_path):
    made = widgets.OptimizerPaths()
    made.title = "<!-- </script> <b>"
    (tmp_path / "p.html").write_text(page([made, widgets.GridExplorer()], "Two"), encoding="utf-8")
    tab = opened(offline=True)
    tab.goto(f"file://{tmp_path}/p.html")
    tab.wait_for_function("document.querySelectorAll('.edf[data-frame]').length === 2")
    assert tab.locator(".edf-head").first.inner_text() == "<!-- </script> <b>" and tab.log == []


def test_one_widget_that_fails_keeps_its_picture_and_the_others_live(opened, tmp_path):
    one, two, three = (element(widgets.OptimizerPaths()) for _ in range(3))
    one = one.replace('application/json">{', 'application/json">{,')  # no JSON
    two = two.replace('"settings":[', '"settings":[null,')  # render fails
    text = page([one, two, three, widgets.GridExplorer()], "Four")
    own = text.index('<script type="text/x-edf-module" data-name="grid"')
    (tmp_path / "p.html").write_text(text[:own] + scripts(["paths", "grid"]) + "</body></html>", encoding="utf-8")
    tab = opened(offline=True)
    tab.goto(f"file://{tmp_path}/p.html")
    tab.wait_for_function("document.querySelectorAll('.edf[data-frame]').length === 2")
    assert tab.locator(".edf-place > img").count() == 2
    assert tab.locator(".edf-place > img").evaluate_all("(all) => all.every((e) => e.isConnected && e.naturalWidth)")


ASKED = """async ([state, module]) => {
  const model = edfModel(edfBytes(state)), { default: widget } = await edfModules[module];
  window.sent = [];
  window.heard = [];
  model.send = (content) => window.sent.push(content);
  const { on, off } = model;
  model.on = (what, f) => { window.heard.push(what); on(what, f); };
  model.off = (what, f) => { window.heard.splice(window.heard.indexOf(what), 1); off(what, f); };
  window.answers = [];
  const listen = model.on;
  model.on = (what, f) => { if (what === "msg:custom") window.answers.push(f); listen(what, f); };
  window.reply = (content) => window.answers.forEach((f) => f(content, []));
  window.ends = [0, 1].map(() => {
    const el = document.createElement("div");
    document.body.append(el);
    return widget.render({ model, el });
  });
}"""


@pytest.fixture
def asking(opened, tmp_path):
    """asking(widget) -> a page with two views of a widget whose Python is the test: window.sent, window.reply(...)."""

    def make(widget):
        name = widget.module_name()
        (tmp_path / "m.html").write_text(f"<!doctype html><title>m</title>{scripts([name])}", encoding="utf-8")
        tab = opened(offline=True)
        tab.clock.install()
        tab.goto(f"file://{tmp_path}/m.html")
        tab.evaluate(ASKED, [json.loads(json.dumps(_plain(synced(widget)))), name])
        return tab

    return make


def test_a_view_takes_its_own_replies_alone(asking):
    tab = asking(widgets.OptimizerPaths(mine=lambda graph: SGD(graph, lr=0.5)))
    first, second = tab.evaluate("() => window.sent")
    assert first["view"] != second["view"] and first["sequence"] == second["sequence"] == 1
    busy = "() => [...document.querySelectorAll('.edf-picture')].map((e) => e.getAttribute('aria-busy'))"
    assert tab.evaluate(busy) == ["true", "true"]
    tab.evaluate("(r) => window.reply(r)", {"sequence": 1, "view": second["view"], "error": "the second's"})
    assert tab.evaluate(busy) == ["true", "false"]
    assert tab.locator(".edf-error:visible").all_inner_texts() == ["the second's"]
    assert tab.locator(".edf").nth(1).locator(".edf-error").inner_text() == "the second's"
    tab.evaluate("(r) => window.reply(r)", {"sequence": 1, "error": "nobody's"})
    assert tab.locator(".edf-error:visible").count() == 1


def test_a_view_does_not_wait_for_ever(asking):
    tab = asking(widgets.OptimizerPaths(mine=lambda graph: SGD(graph, lr=0.5)))
    tab.clock.run_for(9_000)
    assert tab.locator(".edf-error:visible").count() == 0
    tab.clock.run_for(2_000)
    told = "Python does not answer; is the kernel running?"
    assert tab.locator(".edf-error:visible").all_inner_texts() == [told, told]
    tab.locator(".edf input[type=range]").first.press("ArrowRight")
    sent = tab.evaluate("() => window.sent")  # the second view follows the model's state, and asks too
    assert [s["sequence"] for s in sent] == [1, 1, 2, 2]
    tab.evaluate("(r) => window.reply(r)", {"sequence": 2, "view": sent[0]["view"], "found": {}})
    assert tab.locator(".edf-error:visible").count() == 1


@pytest.mark.parametrize("name", ["OptimizerPaths", "TrainingMonitor", "MultiGpuTimeline"])
def test_a_view_that_is_disposed_hears_nothing(name, asking):
    tab = asking(getattr(widgets, name)())
    assert tab.evaluate("() => window.heard.length") >= 4
    tab.evaluate("() => window.ends.forEach((end) => end())")
    assert tab.evaluate("() => window.heard") == []


def test_all_of_them_live_on_one_page(opened, tmp_path):
    """Hatches and labels are found by their ids, which nine modules must not give twice."""
    path = tmp_path / "all.html"
    path.write_text(page([getattr(widgets, name)() for name in (*widgets.WIDGETS, *widgets.WIDGETS)], "All"))
    tab = opened(offline=True)
    tab.goto(f"file://{path}")
    tab.wait_for_function(f"document.querySelectorAll('.edf[data-frame]').length === {2 * len(widgets.WIDGETS)}")
    ids = tab.evaluate("() => [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) > 50 and len(set(ids)) == len(ids)
    assert tab.log == []


def test_sizes():
    """Modules at most 30 kB, tables at most 300 kB, and all nine add at most 400 kB to a page, pictures apart."""
    together = len(source("ui")) + len(source("host"))
    for name in widgets.WIDGETS:
        kind = getattr(widgets, name)
        size = len(module(kind.scene.name).encode())
        data = len(json.dumps(_plain(synced(kind()))))
        print(f"{name}: module {size:,} bytes, state and table {data:,} bytes")
        assert size <= 30_000, f"{name}: its module has {size:,} bytes"
        assert data <= 300_000, f"{name}: its table has {data:,} bytes"
        together += len(source(kind.scene.name).encode()) + data
    assert together <= 400_000, f"together {together:,} bytes"
