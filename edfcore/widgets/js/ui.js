// What all widgets share: controls made from settings, time, caption, numbers, state as text, drawing in SVG.
//
// A widget's file goes on where this one ends (they become one module) and ends with
//     const scene = { name, simulate, caption, rows, mount };  export default widget(scene);  export { scene };
//
//     simulate(state, data) -> found     the arrays that follow from the settings, where the browser computes them
//     lookup(state, data) -> found       the same out of a table, where it was computed beforehand
//     caption(state, found) -> text      rows(state, found) -> [[text]], the header first
//     mount(view) -> draw(state, found)  puts its picture into view.picture, once; draw changes it
// What Python computed comes with `caption` and `rows` in found, and the scene's own are not asked.

const $svg = "http://www.w3.org/2000/svg";

function node(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((c) => c != null));
  return made;
}
const h = (tag, attributes, ...children) => node(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => node(document.createElementNS($svg, tag), attributes, children);

// Numbers

/** A number to so many significant digits; as `short` in scenes/base.py. */
function short(x, digits = 3) {
  if (Number.isNaN(x)) return "undefined";
  if (!Number.isFinite(x)) return x > 0 ? "infinity" : "-infinity";
  if (x === 0) return "0";
  const [mantissa, power] = x.toExponential(digits - 1).split("e").map(Number);
  if (power >= -5 && power < 6) {
    const text = Number(x.toExponential(digits - 1)).toFixed(Math.max(digits - 1 - power, 0));
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }
  return `${mantissa}e${power < 0 ? "-" : "+"}${Math.abs(power)}`;
}
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const range = (n) => Array.from({ length: n }, (_, k) => k);

/** An array as Python sends it: {shape, data: bytes of float64} -> Float64Array with a shape; others as they are. */
function unpack(value) {
  if (value == null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(unpack);
  if (value.number) return Number(value.number);
  if (value.shape && value.data) {
    const v = value.data;
    const bytes = v.buffer ? v.buffer.slice(v.byteOffset, v.byteOffset + v.byteLength) : v;
    if (value.type === "u1") return new Uint8Array(bytes);
    const made = value.type === "f4" ? Float64Array.from(new Float32Array(bytes)) : new Float64Array(bytes);
    made.shape = value.shape;
    return made;
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, unpack(v)]));
}

// Settings

/** The nearest value that a setting may have. */
function allowed(setting, value) {
  if (setting.kind !== "number") return value;
  const x = clamp(Number(value), setting.low, setting.high);
  return setting.whole ? Math.round(x) : x;
}

/** The value `count` steps of a setting further on: by its step, or by its factor where it is logarithmic. */
function moved(setting, value, count) {
  const next = setting.log ? value * setting.step ** count : value + count * setting.step;
  return allowed(setting, Number(next.toPrecision(10)));
}

/** A value in a state's text; as `written` in scenes/base.py. */
const written = (v) =>
  typeof v === "boolean" ? String(+v) : String(typeof v !== "number" || (v % 1 === 0 && Math.abs(v) < 1e15) ? v : v);

/** What differs from the defaults, as text; as Scene.text. */
function stateText(settings, state) {
  const given = settings.filter((t) => state[t.name] !== t.default).map((t) => [t.name, written(state[t.name])]);
  return new URLSearchParams(given).toString();
}

/** The state that a text stands for. Throws an Error with a sentence. */
function stateFrom(settings, text) {
  const state = Object.fromEntries(settings.map((t) => [t.name, t.default]));
  for (const [name, value] of new URLSearchParams(text.trim().replace(/^#/, ""))) {
    const t = settings.find((one) => one.name === name);
    if (!t) throw new Error(`There is no setting ${name}; there are ${settings.map((one) => one.name).join(", ")}.`);
    if (t.kind === "number") {
      if (value === "" || !Number.isFinite(Number(value))) throw new Error(`${t.label} is "${value}"; a number is needed.`);
      if (Number(value) < t.low || Number(value) > t.high)
        throw new Error(`${t.label} is ${value}; it lies between ${t.low} and ${t.high}.`);
      state[name] = allowed(t, value);
    } else if (t.kind === "flag") {
      if (value !== "0" && value !== "1") throw new Error(`${t.label} is "${value}"; 0 or 1 is needed.`);
      state[name] = value === "1";
    } else if (t.kind === "choice") {
      const choice = t.choices.find(([v]) => written(v) === value);
      if (!choice) throw new Error(`${t.label} is "${value}"; it is one of ${t.choices.map(([v]) => v).join(", ")}.`);
      state[name] = choice[0];
    } else state[name] = value.slice(0, t.most);
  }
  return state;
}

const python = (v) =>
  v === true ? "True" : v === false ? "False" : typeof v === "number" ? written(v) : JSON.stringify(v);

/** The line of Python that makes this widget in this state. */
function asPython(call, settings, state, own) {
  const given = settings.filter((t) => state[t.name] !== t.default).map((t) => `${t.name}=${python(state[t.name])}`);
  const [, place, name] = call.match(/(.*)\.(\w+)$/);
  return `from ${place} import ${name}; ${name}(${[...given, ...(own ? ["mine=..."] : [])].join(", ")})`;
}

// Controls: native inputs, each with a name and a unit

const fresh = () => `edf-${(window.edfIds = (window.edfIds || 0) + 1)}`; // one count for all modules of a page

function control(setting, view) {
  const id = fresh();
  const shown = (v) => short(v, 4) + (setting.unit ? ` ${setting.unit}` : "");
  if (setting.kind === "flag") {
    const box = h("button", { type: "button", class: "edf-flag", "aria-pressed": "false" }, setting.label);
    box.addEventListener("click", () => view.set({ [setting.name]: !view.state[setting.name] }));
    return { node: box, show: (v) => box.setAttribute("aria-pressed", String(v)) };
  }
  if (setting.kind === "choice") {
    const list = h("select", { id }, setting.choices.map(([, words], k) => h("option", { value: k }, words)));
    list.addEventListener("change", () => view.set({ [setting.name]: setting.choices[list.value][0] }));
    const at = (v) => setting.choices.findIndex(([one]) => one === v);
    return { node: h("div", { class: "edf-control" }, h("label", { for: id }, setting.label), list), show: (v) => (list.value = at(v)) };
  }
  if (setting.kind === "text") {
    const field = h("input", { id, type: "text", maxlength: setting.most, spellcheck: "false", autocomplete: "off" });
    field.addEventListener("input", () => view.set({ [setting.name]: field.value }));
    return {
      node: h("div", { class: "edf-control" }, h("label", { for: id }, setting.label), field),
      show: (v) => { if (field.value !== v) field.value = v; },
    };
  }
  // A slider counts steps, so that a logarithmic one moves by equal factors; its text tells the value.
  const count = setting.log
    ? Math.round(Math.log(setting.high / setting.low) / Math.log(setting.step))
    : Math.round((setting.high - setting.low) / setting.step);
  const value = (k) => (k >= count ? setting.high : moved(setting, setting.low, k));
  const place = (v) =>
    Math.round(setting.log ? Math.log(v / setting.low) / Math.log(setting.step) : (v - setting.low) / setting.step);
  const slider = h("input", { id, type: "range", min: 0, max: count, step: 1 });
  const number = h("output", { for: id });
  slider.addEventListener("input", () => view.set({ [setting.name]: value(Number(slider.value)) }, false));
  slider.addEventListener("change", () => view.settle());
  return {
    node: h("div", { class: "edf-control" }, h("label", { for: id }, setting.label), slider, number),
    show: (v) => {
      slider.value = place(v);
      slider.setAttribute("aria-valuetext", shown(v));
      number.textContent = shown(v);
    },
  };
}

/** Play, pause, step, back and start for the setting that time moves. Where motion is unwanted, no play. */
function player(setting, view, perSecond = 12) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let running = 0, last = 0;
  const at = () => view.state[setting.name];
  const go = (t) => view.set({ [setting.name]: allowed(setting, t) }, !running);
  const stop = () => { cancelAnimationFrame(running); running = 0; name(); view.settle(); };
  const frame = (now) => {
    if (!play.isConnected) return stop();
    if (now - last >= 1000 / perSecond) {
      last = now;
      if (at() >= setting.high) return stop();
      go(at() + setting.step);
    }
    running = requestAnimationFrame(frame);
  };
  const play = button("Play", () => {
    if (running) return stop();
    if (at() >= setting.high) go(setting.low);
    running = requestAnimationFrame(frame);
    name();
  });
  const name = () => (play.textContent = running ? "Pause" : "Play");
  const quiet = () => { play.hidden = still.matches; if (still.matches && running) stop(); };
  still.addEventListener("change", quiet);
  quiet();
  return h("div", { class: "edf-player", role: "group", "aria-label": "Time" }, play,
    button("Back", () => { if (running) stop(); go(at() - setting.step); }),
    button("Step", () => { if (running) stop(); go(at() + setting.step); }),
    button("Start", () => { if (running) stop(); go(setting.low); }));
}

const button = (words, onclick, more = {}) => h("button", { type: "button", onclick, ...more }, words);

// Drawing

const COLOURS = range(6).map((k) => `var(--edf-c${k})`);
const DASHES = ["", "7 4", "8 3 2 3", "2 3", "10 3", "6 2 2 2 2 2"];

const pathOf = (xs, ys) => {
  let d = "";
  for (let k = 0, pen = false; k < xs.length; k++) {
    const ok = Number.isFinite(xs[k]) && Number.isFinite(ys[k]);
    if (ok) d += `${pen ? "L" : "M"}${xs[k].toFixed(1)} ${ys[k].toFixed(1)}`;
    pen = ok;
  }
  return d;
};

/** A line in the k-th colour and dash. */
const line = (xs, ys, k, more = {}) =>
  s("path", { d: pathOf(xs, ys), fill: "none", stroke: COLOURS[k % 6], "stroke-width": 2, "stroke-dasharray": DASHES[k % 6] || null, "stroke-linejoin": "round", ...more });

/** A mark of the k-th shape and colour: circle, square, triangle, diamond, cross, plus. */
function mark(x, y, k, size = 5, more = {}) {
  const r = size, shapes = [
    `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`, `M${-r} ${-r}H${r}V${r}H${-r}Z`,
    `M0 ${-r}L${r} ${r}H${-r}Z`, `M0 ${-r}L${r} 0L0 ${r}L${-r} 0Z`,
    `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`, `M0 ${-r}V${r}M${-r} 0H${r}`,
  ];
  const thin = k % 6 > 3;
  return s("path", { d: shapes[k % 6], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, fill: thin ? "none" : COLOURS[k % 6], stroke: thin ? COLOURS[k % 6] : "var(--edf-paper)", "stroke-width": thin ? 2 : 1, ...more });
}

/** Round places for about n ticks between low and high; powers of ten (with 2 and 5 where few) on a logarithmic axis. */
function ticks(low, high, n = 5, log = false) {
  if (log) {
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), each = Math.ceil((last - first) / n) || 1;
    const subs = last - first <= 2 ? [1, 2, 5] : [1];
    return range(last - first + 1).filter((k) => k % each === 0)
      .flatMap((k) => subs.map((m) => m * 10 ** (first + k))).filter((v) => v >= low * 0.999 && v <= high * 1.001);
  }
  const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw));
  const each = [1, 2, 5, 10].map((m) => m * power).find((m) => m >= raw) || power;
  return range(Math.floor(high / each) - Math.ceil(low / each) + 1).map((k) => (Math.ceil(low / each) + k) * each);
}

/** Axes in a group: {node, X, Y, plot}; X and Y turn data into pixels, plot is where lines go. */
function axes({ left = 0, top = 0, width, height, x, y, xlabel = "", ylabel = "", logx = false, logy = false, title = "", xticks, yticks, grid = true }) {
  const pad = { l: 56, r: 8, t: title ? 20 : 8, b: 34 };
  const [x0, x1] = [left + pad.l, left + width - pad.r], [y0, y1] = [top + height - pad.b, top + pad.t];
  const scale = ([low, high], log, a, b) => (log
    ? (v) => a + ((Math.log(v) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (b - a)
    : (v) => a + ((v - low) / (high - low)) * (b - a));
  const X = scale(x, logx, x0, x1), Y = scale(y, logy, y0, y1);
  const g = s("g", { class: "edf-axes" });
  for (const v of xticks || ticks(...x, 5, logx))
    g.append(grid ? s("line", { x1: X(v), x2: X(v), y1: y0, y2: y1, class: "edf-grid" }) : "", s("text", { x: X(v), y: y0 + 14, "text-anchor": "middle" }, short(v)));
  for (const v of yticks || ticks(...y, 4, logy))
    g.append(grid ? s("line", { x1: x0, x2: x1, y1: Y(v), y2: Y(v), class: "edf-grid" }) : "", s("text", { x: x0 - 6, y: Y(v) + 4, "text-anchor": "end" }, short(v)));
  g.append(s("path", { d: `M${x0} ${y1}V${y0}H${x1}`, class: "edf-frame" }),
    s("text", { x: (x0 + x1) / 2, y: y0 + 29, "text-anchor": "middle" }, xlabel),
    s("text", { transform: `translate(${left + 11} ${(y0 + y1) / 2}) rotate(-90)`, "text-anchor": "middle" }, ylabel),
    s("text", { x: x0, y: top + 13, class: "edf-title" }, title));
  const id = fresh();
  const plot = s("g", { "clip-path": `url(#${id})` });
  g.append(s("clipPath", { id }, s("rect", { x: x0, y: y1 - 3, width: x1 - x0 + 3, height: y0 - y1 + 3 })), plot);
  return { node: g, X, Y, plot, box: [x0, y1, x1, y0] };
}

/** Names of lines and marks, [[k, words], ...], on paper so that a curve behind them does no harm. */
const legend = (x, y, entries) => s("g", {}, s("rect", { x: x - 4, y: y - 10, width: 34 + 7 * Math.max(0, ...entries.map(([, words]) => words.length)), height: 16 * entries.length + 4, class: "edf-paper" }),
  entries.map(([k, words], n) => [line([x, x + 24], [y + 16 * n, y + 16 * n], k), mark(x + 12, y + 16 * n, k, 4), s("text", { x: x + 30, y: y + 4 + 16 * n }, words)]));

/** A hatch as fill, the second cue of a colour: {node, fill}. kind: 0 none, 1 rising, 2 falling, 3 dots, 4 cross, 5 upright. */
function hatch(k, kind = k) {
  const id = fresh();
  const lines = ["", "M0 8L8 0M-2 2L2 -2M6 10L10 6", "M0 0L8 8M-2 6L2 10M6 -2L10 2", "", "M0 4H8M4 0V8", "M4 0V8"][kind % 6];
  const dot = kind % 6 === 3 ? s("circle", { cx: 4, cy: 4, r: 1.4, class: "edf-hatch" }) : null;
  const made = s("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" },
    s("rect", { width: 8, height: 8, style: `fill:${COLOURS[k % 6]}` }), s("path", { d: lines, class: "edf-hatch" }), dot);
  return { node: made, fill: `url(#${id})` };
}

/** An SVG that keeps its proportions at every width. */
const picture = (width, height, label, more = {}) =>
  s("svg", { viewBox: `0 0 ${width} ${height}`, class: "edf-svg", role: "img", "aria-label": label, style: `max-width:${width}px`, ...more });

/** Where a pointer is, in the coordinates of an SVG. */
function pointer(svg, event) {
  const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [p.x, p.y];
}

/** A point that mouse, finger and arrow keys move: move(x, y) gets pixels, nudge(dx, dy) steps of an arrow key. */
function draggable(svg, handle, move, nudge, settle) {
  handle.setAttribute("tabindex", "0");
  handle.setAttribute("role", "button");
  handle.classList.add("edf-handle");
  const drag = (event) => move(...pointer(svg, event));
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener("pointermove", drag);
    const end = () => { handle.removeEventListener("pointermove", drag); settle(); };
    handle.addEventListener("pointerup", end, { once: true });
    handle.addEventListener("pointercancel", end, { once: true });
  });
  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  handle.addEventListener("keydown", (event) => {
    const by = keys[event.key];
    if (!by) return;
    event.preventDefault();
    nudge(by[0] * (event.shiftKey ? 5 : 1), by[1] * (event.shiftKey ? 5 : 1));
  });
}

/** A table of texts: the first row the header, the first column the rows' names. */
const tableOf = (rows) => h("table", {}, h("thead", {}, h("tr", {}, rows[0].map((c) => h("th", { scope: "col" }, c)))),
  h("tbody", {}, rows.slice(1).map((r) => h("tr", {}, r.map((c, k) => h(k ? "td" : "th", k ? {} : { scope: "row" }, c))))));

// The widget

const KEPT = new Set(["Tab", "Escape"]); // keys that the page gets as well
const ours = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !(event.shiftKey && event.key === "Enter") && !KEPT.has(event.key);

// The command mode of notebooks takes arrows, letters and digits: JupyterLab while the event rises, which a widget's own
// listener stops; Notebook 7 while it falls, before any listener but the window's, unless the target says otherwise.
if (typeof window !== "undefined" && !window.edfGuard) {
  window.edfGuard = (event) => {
    const at = event.target;
    if (at instanceof Element && at.closest(".edf")) at.toggleAttribute("data-lm-suppress-shortcuts", ours(event));
  };
  window.addEventListener("keydown", window.edfGuard, true);
}

function widget(scene) {
  return {
    render({ model, el }) {
      const settings = model.get("settings"), data = unpack(model.get("data") || {}), first = unpack(model.get("first") || {});
      // Without Python a live scene looks up what it can; settings that its table does not have get no control then.
      const tabled = model.get("frozen") && model.get("mode") === "live" && scene.lookup && Object.keys(data).length > 0;
      const mode = tabled ? "table" : model.get("mode"), live = mode === "live" || model.get("live");
      const hidden = new Set([...(model.get("hide") || []), ...(tabled ? scene.fixed || [] : [])]);
      const caption = h("p", { class: "edf-caption", "aria-live": "polite", "aria-atomic": "true" });
      const error = h("p", { class: "edf-error", role: "alert", hidden: true });
      const numbers = h("div", { class: "edf-numbers", tabindex: "0", role: "group", "aria-label": "Numbers" });
      const table = h("details", {}, h("summary", {}, "Numbers"), numbers);
      const lost = h("p", { class: "edf-told", hidden: true }, "Your own needs Python: it is shown for the first state alone.");
      const view = { picture: h("div", { class: "edf-picture" }), model, data, settings, scene };
      let found = first, frames = 0, sequence = 0, waiting = false, again = false, timer = 0, patience = 0;
      const name = String(Math.random()); // several views of a model hear each reply
      let overlay = found.mine ? { mine: found.mine } : {};
      const heard = []; // taken off the model when the view is disposed
      view.on = (...one) => { heard.push(one); model.on(...one); };
      view.state = { ...model.get("state") };
      const given = stateText(settings, view.state); // a page without Python knows the reader's own for this state alone

      const show = () => {
        for (const [name, made] of controls) made.show(view.state[name]);
        draw(view.state, found);
        const told = found.caption ?? scene.caption(view.state, found);
        if (caption.textContent !== told) caption.textContent = told;
        if (table.open) numbers.replaceChildren(tableOf(found.rows ?? scene.rows(view.state, found)));
        if (document.activeElement !== text) text.value = stateText(settings, view.state);
        root.dataset.state = stateText(settings, view.state);
        root.dataset.frame = ++frames;
      };
      const compute = () => {
        const other = model.get("frozen") && stateText(settings, view.state) !== given, mine = other ? {} : overlay;
        lost.hidden = !(other && overlay.mine);
        if (mode === "browser") found = { ...scene.simulate(view.state, data), ...mine };
        if (tabled && stateText(settings, view.state) === given) found = first;
        else if (mode === "table") found = { ...scene.lookup(view.state, data), ...mine };
        if (live) request();
      };
      const request = () => { // one at a time; what was asked for last is what is shown in the end
        if (waiting) return void (again = true);
        busy(true);
        again = false;
        model.send({ sequence: ++sequence, view: name, state: view.state });
        patience = setTimeout(() => { busy(false); fail("Python does not answer; is the kernel running?"); }, 10000);
      };
      const busy = (on) => { waiting = on; clearTimeout(patience); view.picture.setAttribute("aria-busy", String(on)); };
      const fail = (why) => { error.hidden = !why; error.textContent = why; };
      view.set = (patch, settled = true) => {
        if (frozen) return;
        view.state = { ...view.state, ...patch };
        caption.setAttribute("aria-busy", String(!settled)); // not every value on the way is read out
        compute();
        show();
        clearTimeout(timer);
        if (settled) view.settle();
        else timer = setTimeout(view.settle, 300);
      };
      view.settle = () => {
        clearTimeout(timer);
        caption.setAttribute("aria-busy", "false");
        model.set("state", view.state);
        model.save_changes();
      };
      const onMessage = (content, buffers) => {
        if (content.view !== name || content.sequence !== sequence) return;
        busy(false);
        root.dataset.answered = content.sequence;
        if (again) return request();
        fail(content.error || "");
        if (content.error) { // what was the reader's own for another state does not stay
          overlay = {};
          found = Object.fromEntries(Object.entries(found).filter(([k]) => mode === "live" || k !== "mine"));
        }
        if (content.found) {
          const filled = JSON.parse(JSON.stringify(content.found), (_, v) => (v && v.buffer !== undefined ? { ...v, data: buffers[v.buffer] } : v));
          const come = unpack(filled);
          if (mode === "live") found = come;
          else found = { ...found, ...(overlay = come) };
        }
        show();
      };
      const onState = () => {
        const given = model.get("state");
        if (stateText(settings, given) === stateText(settings, view.state)) return;
        view.state = { ...given };
        compute();
        show();
      };

      const frozen = mode === "live" && model.get("frozen"); // a page without Python shows what it was given
      const visible = settings.filter((t) => !t.hidden && !hidden.has(t.name));
      const controls = visible.map((t) => [t.name, control(t, view)]);
      const flags = controls.filter(([, c]) => c.node.tagName === "BUTTON").map(([, c]) => c.node);
      const others = controls.filter(([, c]) => c.node.tagName !== "BUTTON").map(([, c]) => c.node);
      const time = settings.find((t) => t.name === model.get("frames"));
      const text = h("input", { type: "text", "aria-label": "State", spellcheck: "false", class: "edf-text" });
      const told = h("output", { class: "edf-told" });
      const copy = async (what, words) => {
        try {
          await navigator.clipboard.writeText(what);
          told.textContent = words;
        } catch {
          text.value = what;
          text.select();
          told.textContent = "Copy it from the field.";
        }
      };
      text.addEventListener("change", () => {
        try {
          view.state = stateFrom(settings, text.value);
          told.textContent = "Restored.";
          view.set({});
        } catch (why) {
          told.textContent = why.message;
        }
      });
      const state = h("details", {}, h("summary", {}, "State"), h("div", { class: "edf-state" }, text,
        button("Copy state", () => copy(stateText(settings, view.state), "State copied.")),
        model.get("call").includes(".") ? button("Copy as Python", () => copy(asPython(model.get("call"), settings, view.state, model.get("live")), "Python copied.")) : null,
        button("Defaults", () => view.set(Object.fromEntries(settings.map((t) => [t.name, t.default])))), told));
      const root = h("section", { class: "edf", "data-widget": scene.name, "data-mode": mode, "aria-label": model.get("title") },
        h("p", { class: "edf-head" }, model.get("title")),
        h("fieldset", { class: "edf-fields", disabled: !!frozen },
          others.length ? h("div", { class: "edf-controls" }, others) : null,
          h("div", { class: "edf-buttons" }, flags, time && !hidden.has("player") ? player(time, view) : null)),
        frozen ? h("p", { class: "edf-told" }, "This view needs Python: open the notebook to change it.") : null,
        view.picture, caption, lost, error, table, state);
      root.addEventListener("keydown", (event) => { if (ours(event)) event.stopPropagation(); });
      table.addEventListener("toggle", () => show());
      const draw = scene.mount(view);
      el.append(root);
      view.on("msg:custom", onMessage);
      view.on("change:state", onState);
      if (mode !== "live") compute();
      else if (!Object.keys(found).length) request();
      show();
      return () => {
        clearTimeout(patience);
        heard.forEach((one) => model.off(...one));
      };
    },
  };
}
// --- the scene ---
