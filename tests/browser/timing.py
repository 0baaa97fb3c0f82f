"""How long a widget takes, measured in the browser, and listed at the end of the run; nothing is asserted of times."""

import numpy as np
import told

BUDGETS = {"page": 16.0, "browser": 16.0, "table": 16.0, "live": 100.0, "paint": 500.0}  # ms
FOUND = []

WATCH = """() => {
  const root = document.querySelector('.edf'), drawn = root.dataset.mode === 'live' ? 'data-answered' : 'data-frame';
  window.edfTimes = [];
  let begun = null;
  document.addEventListener('keydown', () => { begun = performance.now(); }, true);
  new MutationObserver(() => {
    if (begun === null) return;
    root.getBoundingClientRect();  // layout belongs to what a reader waits for
    window.edfTimes.push(performance.now() - begun);
    begun = null;
  }).observe(root, { attributes: true, attributeFilter: [drawn] });
}"""


def press_keys(tab, n):
    """Milliseconds from each of n key presses on the first slider, list or switch to the changed picture.

    Where Python computes, the picture has changed when its answer is shown.
    """
    tab.evaluate(WATCH)
    control = tab.locator(".edf fieldset input[type=range], .edf fieldset select, .edf-flag").first
    control.focus()
    for k in range(n):
        key = "Space" if control.get_attribute("aria-pressed") else ("ArrowDown" if k % 4 < 2 else "ArrowUp")
        control.press(key)
        tab.wait_for_function(f"window.edfTimes.length >= {k + 1}", timeout=5000)
    return tab.evaluate("() => window.edfTimes")


def report(where, name, what, times, budget):
    """Keep median and 90th percentile for the table at the end."""
    p50, p90 = np.percentile(times, [50, 90])
    FOUND.append((where, name, what, p50, p90, budget))


def lines():
    """The table, a line for each measurement."""
    if not FOUND:
        return
    yield f"{'where':8} {'widget':20} {'what':22} {'p50 ms':>8} {'p90 ms':>8} {'budget':>7}"
    for where, name, what, p50, p90, budget in FOUND:
        yield f"{where:8} {name:20} {what:22} {p50:8.1f} {p90:8.1f} {budget:7.0f}{'' if p90 <= budget else '  over'}"


told.TABLES["widgets: milliseconds"] = lines


def drag(tab, n=60):
    """Milliseconds between pictures while the first slider is dragged to and fro, a move in every animation frame."""
    return tab.evaluate(
        """(n) => new Promise((done) => {
          const slider = document.querySelector('.edf fieldset input[type=range]'), high = Number(slider.max);
          const times = [];
          const move = (now) => {
            times.push(now);
            if (times.length > n) return done(times.slice(1).map((t, k) => t - times[k]));
            slider.value = Math.round(high * (0.3 + 0.4 * Math.abs(((times.length % 30) / 15) - 1)));
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            requestAnimationFrame(move);
          };
          requestAnimationFrame(move);
        })""",
        n,
    )
