// Draws what scenes/vanishing.py has computed. A page without Python looks up the nearest of the networks in data; their
// theory, a recurrence, is computed here, as there.

const PHI = ["tanh", "sigmoid", "relu"], NAMES = ["tanh", "sigmoid", "ReLU"];
const VARIANCE = { small: (n) => 1e-4 * n, large: (n) => n, uniform: () => 1 / 3, xavier: () => 1, kaiming: () => 2 };
const EPS = 1e-5, FACTOR = 10, BINS = 21, SHOWN = 5, LEVELS = 51;

/** E f(u) for u ~ N(0, q). */
function averaged(f, q) {
  const width = Math.sqrt(q), edge = Math.min(12, 8 * width);
  const terms = range(201).map((k) => edge * (k / 100 - 1)).map((u) => Math.exp(-0.5 * (u / width) ** 2) * f(u));
  return (terms.reduce((a, b) => a + b) * edge) / 100 / (width * Math.sqrt(2 * Math.PI));
}
const bell = (q, power) => averaged((u) => Math.cosh(u) ** -power, q);

/** E phi(z), E phi(z)^2, E phi'(z)^2 for z ~ N(0, q). */
function moments(phi, q) {
  if (phi === "relu") return [Math.sqrt(q / (2 * Math.PI)), q / 2, 0.5];
  if (phi === "tanh") return [0, q < 1 ? averaged((u) => Math.tanh(u) ** 2, q) : 1 - bell(q, 2), bell(q, 4)];
  return [0.5, (2 - bell(q / 4, 2)) / 4, bell(q / 4, 4) / 16];
}

function theory(state) {
  const { depth: L, skip, norm } = state, v = VARIANCE[state.init](state.width) * state.gain ** 2, c = skip ? L ** -0.5 : 1;
  const forward = [], factors = [];
  let m = 0, p = 1;
  for (let l = 0; l < L; l++) {
    const q = v * p, [mean, square, slope] = moments(state.phi, Math.max(norm ? q / (q + EPS) : q, 1e-300));
    p = skip ? p + 2 * c * m * mean + c * c * square : square;
    m += c * mean;
    forward.push(Math.sqrt(p));
    factors.push((skip ? 1 : 0) + c * c * v * slope);
  }
  const back = [1];
  for (let l = L - 1; l > 0; l--) back.unshift(back[0] * factors[l]);
  return [forward, back.map((g) => (norm || (skip && state.phi === "relu") ? NaN : Math.sqrt(g)))];
}

const shown = (L) => range(Math.min(SHOWN, L)).map((k) => 1 + Math.floor((k * (L - 1)) / (Math.min(SHOWN, L) - 1)));

function reach(state, act, layers) {
  if (!state.skip && state.phi !== "relu") return state.phi === "tanh" ? [-1, 1] : [0, 1];
  const high = Math.max(...layers.map((l) => 3 * act[l - 1])) || 1;
  return [state.phi === "relu" && !state.skip ? 0 : -high, high];
}

/** The nearest network of the table; `near` is its state. */
function lookup(state, data) {
  const far = (L) => Math.abs(Math.log(L / state.depth)), inits = Object.keys(VARIANCE), each = PHI.length * inits.length * 4;
  const depth = data.depths.reduce((a, b) => (far(b) < far(a) ? b : a)), block = data.depths.indexOf(depth);
  const inner = ((PHI.indexOf(state.phi) * inits.length + inits.indexOf(state.init)) * 2 + Number(state.norm)) * 2 + Number(state.skip);
  const before = data.depths.slice(0, block).reduce((a, b) => a + b, 0) * each * 2 + inner * depth * 2;
  const rms = (from) => Array.from(data.rms.slice(before + from, before + from + depth), (x) => 10 ** x);
  const size = SHOWN * BINS, at = (block * each + inner) * 2 * size;
  const bars = (from) => range(size).map((k) => (data.bars.charCodeAt(at + from + k) - 40) / LEVELS);
  const near = { ...state, depth, width: 64, gain: 1, seed: 0 }, layers = shown(depth), act = rms(0), grad = rms(depth);
  const [forward, back] = theory(near), top = Math.max(...layers.map((l) => 3 * grad[l - 1])) || 1;
  return {
    near, layers, act, grad, theory_act: forward, theory_grad: back, act_bars: bars(0), grad_bars: bars(size),
    act_axis: reach(near, act, layers), grad_axis: [-top, top],
  };
}

/** Of two states what differs, in words; "" where nothing does. */
function instead(given, near) {
  const words = [["depth", (v) => `${v} layers`], ["width", (v) => `width ${v}`], ["gain", (v) => `weights times ${short(v, 4)}`], ["seed", (v) => `seed ${v}`]];
  const other = words.filter(([name]) => near && given[name] !== near[name]), list = (state) => other.map(([name, say]) => say(state[name])).join(", ");
  return other.length ? `Shown: ${list(near)}; you asked for ${list(given)}, which needs Python. ` : "";
}

function caption(given, found) {
  const { depth: L, phi } = found.near ?? given, { act, grad } = found;
  const ratio = grad[0] / grad[L - 1], wide = found.theory_grad[0];
  const word = ratio < 1 / FACTOR ? "vanishes" : ratio > FACTOR ? "explodes" : "is kept within a factor of 10";
  const beside = Number.isNaN(wide) ? "" : ` (theory ${short(wide)})`, each = short(ratio ** (1 / (L - 1)));
  const size = `its RMS at layer 1 is ${short(ratio)} times that at layer ${L}${beside}, a factor of ${each} for each layer`;
  return `${instead(given, found.near)}Back through ${L} layers of ${NAMES[PHI.indexOf(phi)]} the gradient ${word}: ${size}. ` +
    `Activations: RMS ${short(act[0])} at layer 1, ${short(act[L - 1])} at layer ${L}.`;
}

const told = (x) => (Number.isNaN(x) ? "none" : short(x));
const rows = (state, found) => [["layer", "RMS of h", "theory", "RMS of its gradient", "theory"],
  ...Array.from(found.act, (_, k) => [String(k + 1), ...["act", "theory_act", "grad", "theory_grad"].map((name) => told(found[name][k]))])];

const KINDS = [["act", "activations h", "RMS of h"], ["grad", "gradient of h", "RMS of the gradient of h"]];

// With forced colours bars and lines keep theirs; text and frames are of the system's in any case.
const KEEP = "forced-color-adjust:none;--edf-rule:color-mix(in srgb,currentColor 18%,transparent)";

/** One layer's two histograms. */
function panel(found, k, fills, chosen) {
  const layer = found.layers[k];
  const svg = picture(168, 224, "", { "aria-hidden": "true", style: `max-width:220px;${KEEP}` });
  svg.append(s("text", { x: 84, y: 13, "text-anchor": "middle", class: "edf-title" }, `${layer === chosen ? "\u25b8 " : ""}layer ${layer}`));
  KINDS.forEach(([kind, words], n) => {
    const base = 104 + 104 * n, tall = 66, each = 152 / BINS, bars = Array.from(found[`${kind}_bars`]).slice(k * BINS, (k + 1) * BINS);
    const [low, high] = found[`${kind}_axis`];
    svg.append(s("path", { d: bars.map((v, b) => (v > 0 ? `M${(8 + b * each).toFixed(1)} ${base}v${(-tall * v).toFixed(1)}h${(each - 0.6).toFixed(1)}V${base}Z` : "")).join(""), fill: fills[n] }),
      s("path", { d: `M8 ${base}H160`, class: "edf-frame" }), s("text", { x: 4, y: base - tall - 4 }, n ? "gradient" : "activations"),
      s("text", { x: 4, y: base + 13 }, short(low, 2)), s("text", { x: 164, y: base + 13, "text-anchor": "end" }, short(high, 2)));
    if (low < 0) svg.append(s("text", { x: 84, y: base + 13, "text-anchor": "middle" }, "0"));
  });
  return svg;
}

function mount(view) {
  const hatches = KINDS.map((_, k) => hatch(k, k));
  const defs = s("svg", { width: 0, height: 0, style: "position:absolute", "aria-hidden": "true" }, hatches.map((one) => one.node));
  const panels = h("div", { style: "display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));flex:1 1 100%;gap:2px", role: "img" });
  const said = h("p", { class: "edf-told", style: "flex:1 1 100%;margin:0" });
  const setting = view.settings.find((t) => t.name === "layer");
  let depth = 2, latest = null, width = 0;
  const go = (layer, settled) => view.set({ layer: allowed({ ...setting, high: depth }, layer) }, settled);
  const charts = KINDS.map(([, words], k) => {
    const svg = picture(430, 260, words, { role: "group", style: `max-width:430px;${KEEP}` }), chart = s("g", { "aria-hidden": "true" });
    const handle = s("path", { d: "M-13 -13H13V13H-13Z", fill: COLOURS[5], "fill-opacity": 0.12, stroke: COLOURS[5], "stroke-width": 2 });
    const one = { svg, chart, handle, axis: null };
    const at = (x) => 1 + ((x - one.axis.box[0]) / (one.axis.box[2] - one.axis.box[0])) * (depth - 1);
    draggable(svg, handle, (x) => go(at(x), false), (dx, dy) => go(Math.min(view.state.layer, depth) + dx + dy, true), () => view.settle());
    svg.addEventListener("click", (event) => { if (event.target !== handle && one.axis) go(at(pointer(svg, event)[0]), true); });
    svg.append(chart, handle);
    return one;
  });
  view.picture.append(defs, panels, ...charts.map((one) => one.svg), said);

  const draw = (state, found) => {
    if (!found.act) return;
    latest = [state, found];
    width = view.picture.clientWidth;
    depth = found.act.length;
    const layer = Math.min(state.layer, depth), xs = range(depth), mine = found.mine?.act.length === depth && found.mine;
    panels.replaceChildren(...Array.from(found.layers, (_, k) => panel(found, k, hatches.map((one) => one.fill), layer)));
    panels.setAttribute("aria-label", `Histograms of activations and gradients in the layers ${Array.from(found.layers).join(", ")}, on shared axes, each as high as its tallest bar`);
    KINDS.forEach(([kind, , words], k) => {
      const wide = clamp(charts[k].svg.clientWidth || 430, 270, 430);
      charts[k].svg.setAttribute("viewBox", `0 0 ${wide} 260`);
      const one = charts[k], values = found[kind], ideal = found[`theory_${kind}`];
      const positive = [...values, ...(mine ? mine[kind] : [])].filter((v) => v > 0);
      const y = [Math.min(...positive, 1) / 3, Math.max(...positive, 1) * 3];
      const axis = (one.axis = axes({ width: wide, height: 240, top: 20, x: [1, depth], y, logy: true, xlabel: "layer", title: words,
        xticks: ticks(1, depth).filter((v) => v === Math.round(v)) }));
      const curve = (ys, c, more) => line(xs.map((l) => axis.X(l + 1)), Array.from(ys, (v) => (v > 0 ? axis.Y(v) : NaN)), c, more);
      const left = [...axis.node.querySelectorAll("text[text-anchor=end]")];
      if (left.some((t) => t.textContent.includes("e"))) // then all are powers of ten
        for (const t of left) t.textContent = Number(t.textContent).toExponential().replace(/^1e\+0$/, "1");
      axis.plot.append(curve(values, k), curve(ideal, 3));
      // Outside of the clip, which would cut the mark of layer 1.
      axis.node.append(...xs.filter((l) => (depth < 30 || l % 2 === 0) && values[l] > 0).map((l) => mark(axis.X(l + 1), axis.Y(values[l]), k, 3)));
      const names = [[k, "measured"], ...(Number.isNaN(ideal[0]) ? [] : [[3, "theory"]])];
      if (mine) {
        axis.plot.append(curve(mine[kind], 4));
        names.push([4, "yours"]);
        const split = mine[`parts_${kind}`];
        if (split >= 0 && mine[kind][split] > 0) axis.node.append(mark(axis.X(split + 1), axis.Y(mine[kind][split]), 0, 9, { fill: "none", stroke: "currentColor" }));
      }
      names.forEach(([c, name], n) => axis.node.append(line([20 + 96 * n, 46 + 96 * n], [10, 10], c), c > 2 ? "" : mark(33 + 96 * n, 10, c, 4), s("text", { x: 51 + 96 * n, y: 14 }, name)));
      one.chart.replaceChildren(axis.node);
      const here = values[layer - 1] > 0 ? clamp(axis.Y(values[layer - 1]), axis.box[1], axis.box[3]) : axis.box[3];
      one.handle.setAttribute("transform", `translate(${axis.X(layer)} ${here})`);
      one.handle.setAttribute("aria-label", `Layer ${layer}: ${words} ${short(values[layer - 1])}; arrow keys move it`);
    });
    const of = (kind) => `${short(found[kind][layer - 1])} (theory ${told(found["theory_" + kind][layer - 1])})`;
    said.textContent = `Layer ${layer}: RMS of h ${of("act")}, of its gradient ${of("grad")}.`.replaceAll(" (theory none)", "");
  };
  new ResizeObserver(() => latest && view.picture.clientWidth !== width && draw(...latest)).observe(view.picture);
  return draw;
}

const scene = { name: "vanishing", lookup, caption, rows, mount, fixed: ["width", "gain", "seed"] };
export default widget(scene);
export { scene };
