// The lanes of scenes/timeline.py. Python simulates each state; a page without Python looks states up in a table.

const WORK = ["forward", "backward", "update", "communication"];
// Colour and hatch of each kind of work, as figures/parallel.py has them.
const LOOKS = [[4, 0], [5, 1], [3, 4], [2, 3]];
const HELD = [["parameters", 0, 0], ["gradients", 4, 1], ["optimizer", 3, 4], ["activations", 5, 3], ["buffers", 2, 2]];

const unitOf = (x) => (x >= 1 ? [1, "s"] : x >= 1e-3 ? [1e3, "ms"] : [1e6, "us"]);
const told = (x) => { const [size, unit] = unitOf(x); return `${short(x * size)} ${unit}`; };
const lateOne = (state) => (state.slow > 1 ? Math.min(state.who, state.devices - 1) : -1);

/** The settings that a simulation depends on; as `key` of scenes/timeline.py. */
const key = (state) => [
  state.network, state.strategy, state.devices, state.kind, state.devices > 1 ? state.link : "", state.batch,
  cuts(state) ? state.micro : "", state.slow > 1 ? `${written(state.slow)} ${lateOne(state)}` : "1", adds(state) ? Number(state.overlap) : "",
].join("|");
const cuts = (state) => ["gpipe", "1f1b"].includes(state.strategy), adds = (state) => state.devices > 1 && ["data", "hybrid"].includes(state.strategy);

/** A part of a key in words. */
const KEYS = ["network", "strategy", "devices", "kind", "link", "batch", "micro", "slow", "overlap"];
const WORDS = { alexnet: "AlexNet", vgg16: "VGG-16", data: "data parallelism", model: "model parallelism", hybrid: "hybrid parallelism", gpipe: "a pipeline (GPipe)", "1f1b": "a pipeline (1F1B)" };
const said = (part, k) => {
  const [times, device] = part.split(" ");
  return [WORDS[part], WORDS[part], part === "1" ? "1 device" : `${part} devices`, part, part, `batch ${part}`, `${part} micro-batches`,
    device ? `device ${device} taking ${times} times as long` : "no slow device", `gradients added ${part === "1" ? "while" : "after"} backward runs`][k];
};

/**
 * Where no Python answers: from the table, or the nearest state in it; strategy and devices count most. Then the
 * controls go back to what is shown, but where sliders alone differ: arrow keys could not pass from one state to another.
 */
function lookup(state, data) {
  const wanted = key(state), asked = wanted.split("|");
  const close = (a, b, k) => (a === b ? 1 : k < 5 || k > 7 ? 0 : 0.9 * Math.min(parseFloat(a) / parseFloat(b), parseFloat(b) / parseFloat(a)) || 0);
  const like = (one) => one.key.split("|").reduce((sum, part, k) => sum + close(part, asked[k], k) * [4, 8, 8, 2, 2, 1, 1, 1, 1][k], 0);
  const best = data.states.reduce((a, b) => (like(b) > like(a) ? b : a)), parts = best.key.split("|"), other = KEYS.map((_, k) => k).filter((k) => parts[k] !== asked[k]);
  const list = (from) => other.filter((k) => parts[k] && asked[k]).map((k) => said(from[k], k)).join(", ");
  const near = best.key !== wanted && `Shown: ${list(parts)}; you asked for ${list(asked)}, which needs Python. `;
  if (other.some((k) => asked[k] && parts[k] && (k < 5 || k > 7))) {
    for (const k of other.filter((k) => parts[k])) state[KEYS[k]] = k === 8 ? parts[k] === "1" : k === 2 || k > 4 ? parseFloat(parts[k]) : parts[k];
    if (state.slow > 1) state.who = Number(parts[7].split(" ")[1]);
  }
  return Object.assign(best, { near, names: data.names });
}

const caption = (state, found) => (found.near || "") + found.told;

/** Bars as objects, made once for each answer (see `sent`); devices that are like another one have its bars. */
function bars(found) {
  const { bars, grid } = found, part = found.seconds / grid;
  return (found.list ||= found.like.flatMap((first, device) => range(bars.length / 2).filter((k) => ((bars[2 * k] >> 3) & 7) === first).map((k) => {
    const code = bars[2 * k], lane = (code >> 2) & 1, start = Math.floor(bars[2 * k + 1] / grid) * part, length = (bars[2 * k + 1] % grid) * part;
    return { device, lane, row: 2 * device + lane, kind: code & 3, start, length, end: start + length, name: found.names[code >> 6] };
  })));
}

const worded = (b, work) => (b.name.startsWith(work) ? b.name : `${work} ${b.name}`);

/** What a device does at a moment, in words; as `doing` of scenes/timeline.py. */
const doing = (found, device, at) => [0, 1].flatMap((lane) => {
  const bar = bars(found).find((b) => b.row === 2 * device + lane && b.start <= at && at < b.end);
  return bar ? [worded(bar, lane ? "sends" : WORK[bar.kind])] : [];
}).join("; ") || "waits";

function rows(state, found) {
  const at = state.t / 100 * found.seconds;
  return found.table.map((row, k) => [...row, k ? doing(found, k - 1, at) : `at ${told(at)}`]);
}

/** The bars in Chrome's trace format, which ui.perfetto.dev reads. */
const trace = (found) => JSON.stringify({ traceEvents: [
  ...range(found.limits.length).map((d) => ({ name: "process_name", ph: "M", pid: d, args: { name: `device ${d}` } })),
  ...bars(found).map((b) => ({ name: b.name, cat: WORK[b.kind], ph: "X", pid: b.device, tid: b.lane, ts: b.start * 1e6, dur: b.length * 1e6 })),
] });

const put = (made, attributes) => Object.entries(attributes).forEach(([name, v]) => made.setAttribute(name, v));
const rect = (x, y, width, height, fill) => s("rect", { x, y, width, height, fill });
const text = (x, y, words, anchor = "start") => s("text", { x, y, "text-anchor": anchor }, words);

/** What colours and hatches mean, in HTML, so that it wraps. */
const legendOf = (entries) => h("div", { class: "edf-buttons" }, entries.map(([words, k, kind]) => {
  const look = hatch(k, kind);
  return h("span", {}, s("svg", { width: 28, height: 13, style: "forced-color-adjust:none" }, look.node, rect(0, 1, 24, 12, look.fill)), words);
}));

function mount(view) {
  const WIDE = 24, THIN = 12, LANE = 44, TOP = 30, LEFT = 24, pen = { stroke: "var(--edf-ink)", "stroke-width": 2 };
  const looks = [...LOOKS, [1, 5]].map(([k, kind]) => hatch(k, kind)), stacks = HELD.map(([, k, kind]) => hatch(k, kind));
  const lanes = s("g"), stack = s("g"), needle = s("line", pen), ring = s("rect", { fill: "none", ...pen });
  const picker = s("rect", { tabindex: 0, role: "button", fill: "transparent" });
  const handle = s("path", { d: "M-12 -12H12V2L0 12L-12 2Z", fill: "var(--edf-c0)", ...pen }), cursor = s("g", {}, needle, handle);
  // With forced colours bars keep theirs, as the legend does; text and frames are of the system's in any case.
  const style = "forced-color-adjust:none;--edf-rule:color-mix(in srgb,currentColor 18%,transparent)";
  const svg = s("svg", { class: "edf-svg", role: "group", "aria-label": "Lanes of devices", style },
    looks.map((l) => l.node), lanes, ring, picker, cursor);
  const memory = s("svg", { class: "edf-svg", role: "img", style }, stacks.map((l) => l.node), stack);
  const line = h("p", { class: "edf-told", style: "margin:0;min-height:1.5em", "aria-live": "polite" }), moment = h("ul", { style: "columns:17rem" });
  const numbers = h("div", { style: "display:grid;grid:auto/repeat(auto-fill,minmax(9rem,1fr));gap:6px 1.5rem;margin:4px 0 10px" });
  const slow = h("div", { class: "edf-buttons" });
  const root = h("div", { style: "width:100%" }, svg, legendOf([...WORK.map((w, k) => [w, ...LOOKS[k]]), ["exposed communication; grey: idle", 1, 5]]),
    line, slow, moment, numbers, memory, legendOf(HELD),
    button("Trace for Perfetto", () => h("a", { href: URL.createObjectURL(new Blob([trace(now)])), download: "step.json" }).click()));
  view.picture.append(root);

  let now = null, W = 0, N = 0, at = 0, latest = null;
  // Controls without effect in a state are disabled.
  const usable = (name, able) => {
    const label = view.settings.find((t) => t.name === name).label;
    for (const one of view.picture.closest(".edf").querySelectorAll(".edf-control, .edf-flag")) {
      if (!one.textContent.startsWith(label)) continue;
      for (const part of one.matches("button") ? [one] : one.querySelectorAll("input, select")) {
        part.disabled = !able;
        part.style.opacity = able ? "" : 0.5;
      }
    }
  };
  const span = () => W - LEFT - 14, X = (t) => LEFT + t / now.seconds * span(), timeAt = (x) => (x - LEFT) / span() * now.seconds;
  const width = () => root.clientWidth || 820;
  const about = (b) => `${worded(b, WORK[b.kind])}, device ${b.device}: from ${told(b.start)}, ${told(b.length)} long.`;
  const goto = (t, settled) => view.set({ t: Math.round(clamp((100 * t) / now.seconds, 0, 100)) }, settled);
  const turn = (d) => view.set(d === lateOne(view.state) ? { slow: 1 } : { who: d, slow: view.state.slow > 1 ? view.state.slow : 2 });
  draggable(svg, handle, (x) => goto(timeAt(x), false), (dx, dy) => goto(now.seconds * (view.state.t + dx + 5 * dy) / 100), () => view.settle());

  // One bar is picked; arrow keys go along its lane and to other lanes.
  const pick = (k, tell) => {
    const b = now.list[(at = k)], x = X(b.start), w = X(b.end) - x, tall = b.lane ? THIN : WIDE, wide = Math.max(w, 24);
    const y = TOP + LANE * b.device + b.lane * (WIDE + 1);
    put(ring, { x: x - 1, y: y - 1, width: w + 2, height: tall + 2 });
    put(picker, { x: x - (wide - w) / 2, y: y - (24 - tall) / 2, width: wide, height: 24, "aria-label": `${about(b)} Arrow keys: other bars; Enter: go there` });
    if (tell) line.textContent = about(b);
  };
  const near = (row, t) => now.list.reduce((best, b, k) => {
    const far = Math.max(b.start - t, t - b.end, 0);
    return b.row === row && far < best[1] ? [k, far] : best;
  }, [-1, Infinity]);
  const step = (dx, dy) => {
    const b = now.list[at], other = now.list[dy > 0 ? "find" : "findLast"]((o) => (o.row - b.row) * dy > 0);
    return dx ? clamp(at + dx, 0, now.list.length - 1) : near((other || b).row, b.start)[0];
  };
  picker.onfocus = () => pick(at, true);
  picker.onkeydown = (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter") goto((now.list[at].start + now.list[at].end) / 2);
    if (!by) return;
    event.preventDefault();
    pick(step(...by), true);
  };
  const under = (act) => (event) => {
    const [x, y] = pointer(svg, event), d = Math.floor((y - TOP) / LANE), t = timeAt(x);
    if (d >= 0 && d < N && t <= now.seconds && !event.buttons) act(d, t, ...near(2 * d + (y - TOP - LANE * d > WIDE), t));
  };
  svg.onpointermove = under((d, t, k, far) => (line.textContent = far ? "" : about(now.list[k])));
  svg.onclick = under((d, t, k, far) => {
    if (t < 0) return turn(d);
    if (!far) pick(k, true);
    goto(t);
  });

  /** All bars of one look are one path; names stand on those that have room. */
  const drawn = () => {
    const box = (x, y, w, tall) => `M${x.toFixed(1)} ${y}h${w.toFixed(1)}v${tall}h${(-w).toFixed(1)}z`, wait = now.waits;
    const d = WORK.map(() => ["", ""]), names = range(N).map((k) => text(4, TOP + LANE * k + 16, k));
    for (const b of bars(now)) {
      const x = X(b.start), w = X(b.end) - x, y = TOP + LANE * b.device, words = b.name.replace(`${WORK[b.kind]} `, "");
      d[b.kind][Number(w < 4)] += box(x, y + b.lane * (WIDE + 1), Math.max(w, 0.6), b.lane ? THIN : WIDE);
      if (6.8 * words.length + 6 < w && !b.lane) names.push(text(x + w / 2, y + 16, words, "middle"));
    }
    const path = (d, fill, stroke) => s("path", { d, fill, stroke });
    return [path(range(N).map((k) => box(LEFT, TOP + LANE * k, span(), WIDE)).join(""), "var(--edf-rule)"),
      path(now.like.flatMap((first, d) => range(wait.length / 3).map((k) => (wait[3 * k] === first ? box(X(wait[3 * k + 1]), TOP + LANE * d, X(wait[3 * k + 2]) - LEFT, WIDE) : ""))).join(""), looks[4].fill),
      ...d.flatMap(([wide, thin], k) => [path(wide, looks[k].fill, "var(--edf-paper)"), path(thin, COLOURS[LOOKS[k][0]])]), s("g", { style: "paint-order:stroke;stroke:var(--edf-paper);stroke-width:3px" }, names)];
  };
  const drawLanes = () => {
    const bottom = TOP + LANE * N, [size, unit] = unitOf(now.seconds);
    put(svg, { viewBox: `0 0 ${W} ${bottom + 28}` });
    put(needle, { y2: bottom - 18 });
    lanes.replaceChildren(...drawn(), ...ticks(0, now.seconds * size, W / 120).map((v) => text(X(v / size), bottom + 10, short(v), "middle")),
      text(W - 14, bottom + 24, `time (${unit})`, "end"), text(0, 16, "device"));
    numbers.replaceChildren(...now.numbers.map(([words, text]) => h("div", {}, words, h("br"), h("b", {}, text))));
    if (slow.children.length !== N) slow.replaceChildren("Slow device:", ...range(N).map((d) => button(d, () => turn(d), { "aria-label": `Device ${d} is slow` })));
    pick(at < now.list.length ? at : 0);
  };
  const drawMemory = () => {
    const held = (d) => now.memory.slice(5 * d, 5 * d + 5), total = range(N).map((d) => held(d).reduce((a, b) => a + b));
    const shown = range(N).filter((d) => !d || new Set(total).size > 1), M = (v) => (v / Math.max(...total, ...now.limits)) * (W - 14);
    const words = shown.map((d) => `${shown.length > 1 ? "Device " + d + ": " : ""}${now.table[d + 1].slice(4, 6).join(" of ")}`);
    put(memory, { viewBox: `0 0 ${W} ${20 + 40 * words.length}`, "aria-label": `Memory: ${words.join("; ")}` });
    stack.replaceChildren(text(0, 14, "Memory; the upright bar is what the device has"), ...shown.flatMap((d, n) => {
      let from = 0;
      const y = 38 + 40 * n;
      return [text(0, y - 4, words[n]), ...Array.from(held(d), (v, c) => { const x = M(from); return rect(x, y, M((from += v)) - x, 14, stacks[c].fill); }),
        rect(M(now.limits[d]) - 2, y - 2, 4, 19, "currentColor")];
    }));
  };

  const draw = (state, found) => {
    const fresh = width();
    latest = [state, found];
    usable("micro", cuts(state));
    usable("overlap", adds(state));
    usable("link", state.devices > 1);
    if (now?.key !== found.key || fresh !== W) {
      [now, W, N] = [found, fresh, found.limits.length];
      drawLanes();
      drawMemory();
    }
    [...slow.children].forEach((made, d) => put(made, { "aria-pressed": d === lateOne(state) }));
    const t = (state.t / 100) * now.seconds;
    put(cursor, { transform: `translate(${X(t)} 14)` });
    put(handle, { "aria-label": `Moment ${told(t)}; arrow keys move it` });
    moment.replaceChildren(...range(N).map((d) => h("li", {}, `Device ${d} at ${told(t)}: ${doing(now, d, t)}`)));
  };
  new ResizeObserver(() => { if (now && width() !== W) draw(...latest); }).observe(root);
  return draw;
}

const scene = { name: "timeline", lookup, caption, rows, mount };
const made = widget(scene);
export default {
  render({ model, el }) { // a page without Python has the table
    const value = (name) => (name === "mode" && model.get("frozen") ? "table" : model.get(name));
    return made.render({ el, model: Object.create(model, { get: { value } }) });
  },
};
export { scene };
