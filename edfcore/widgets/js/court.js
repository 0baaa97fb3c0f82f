// The table of scenes/court.py, looked up: the same cases, caption and rows.

const T = 60, N = 8, BEATS = 0.5, FLOOR = 1e-12, LEAST = 1e-13;
const column = (table, k, n) => Float64Array.from(range(n), (p) => table[p * N + k]);

/** The smallest problem on which `one` beats `other`, of these the clearest; else the closest to it. */
function caseOf(one, other, sizes) {
  const ratio = one.map((v, k) => v / other[k]), size = ratio.map((r, k) => (r <= BEATS ? sizes[k] : Infinity));
  return range(one.length).reduce((a, b) => (size[b] < size[a] || (size[b] === size[a] && ratio[b] < ratio[a]) ? b : a));
}

/** Who beats whom on how many problems, (8, 8), and on how many any other one beats it, (8). */
function verdicts(scores, count) {
  const wins = new Float64Array(N * N), beaten = new Float64Array(N), ids = range(N);
  const beats = (p, a, b) => scores[p * N + a] <= BEATS * scores[p * N + b];
  for (const p of range(count)) for (const b of ids) {
    for (const a of ids) wins[a * N + b] += beats(p, a, b);
    beaten[b] += ids.some((a) => beats(p, a, b));
  }
  return { wins, beaten };
}

function lookup(state, data) {
  const { sizes, names } = data, count = sizes.length, pair = [KINDS.indexOf(state.first), KINDS.indexOf(state.second)];
  const [one, other] = pair.map((k) => column(data.scores, k, count)), cases = [caseOf(one, other, sizes), caseOf(other, one, sizes)];
  const both = (table) => Float64Array.from(range(2 * count), (k) => table[(k >> 1) * N + pair[k % 2]]);
  const loss = Float64Array.from(cases.flatMap((p) => pair.flatMap((k) => [...data.losses.slice((p * N + k) * (T + 1), (p * N + k + 1) * (T + 1))])));
  return { pair, cases, scores: both(data.scores), rates: both(data.rates), loss, names, sizes, ...verdicts(data.scores, count) };
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1);
const scored = (v) => (v <= FLOOR ? `solved (below ${short(FLOOR)})` : short(v));

function caption(state, f) {
  const of = f.names.length, least = f.beaten.indexOf(Math.min(...f.beaten)), times = f.beaten[least];
  const claim = (side) => {
    const a = f.pair[side], b = f.pair[1 - side], wins = f.wins[a * N + b], k = f.cases[side], at = (c) => scored(f.scores[2 * k + c]);
    return `${sentence(NAMES[a])} beats ${NAMES[b]} on ${wins} of ${of}; ${wins ? "the smallest" : "the closest"}: ${f.names[k]}, ${at(side)} against ${at(1 - side)}.`;
  };
  const told = state.first === state.second ? `${sentence(NAMES[f.pair[0]])} is chosen twice: choose two that differ.` : `${claim(0)} ${claim(1)}`;
  if (!times) return `${told} ${sentence(NAMES[least])} is beaten by none on all ${of}.`;
  return `${told} No optimizer is unbeaten: ${NAMES[least]}, beaten least often, is beaten on ${times} of ${of}.`;
}

function rows(state, f) {
  const names = f.pair.map((k) => NAMES[k]), winner = (a, b) => (a <= BEATS * b ? names[0] : b <= BEATS * a ? names[1] : "neither");
  return [["problem", "coordinates", ...names.flatMap((name) => [`${name}, rate`, `${name}, loss`]), "beats"],
    ...f.names.map((name, p) => {
      const [[ra, rb], [a, b]] = [f.rates, f.scores].map((v) => [v[2 * p], v[2 * p + 1]]);
      return [name, String(f.sizes[p]), short(ra), scored(a), short(rb), scored(b), winner(a, b)];
    })];
}

// The picture

const KINDS = ["sgd", "hb", "nag", "adagrad", "rmsprop", "adam", "adamw", "rprop"];
const NAMES = ["SGD", "heavy ball", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdamW", "Rprop"];
const LOOK = `.edf-cc { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0.5rem 1rem; width: 100%; }
.edf-cc svg { max-width: 30rem !important; }
.edf-cc p { margin: 0; min-height: 2.9em; }
.edf .edf-cm :is(th, td) { padding: 0; border: 0; white-space: nowrap; }
.edf .edf-cm thead th { writing-mode: vertical-rl; padding: 2px 0; }
.edf .edf-cm tbody th { padding-right: 2px; }
.edf .edf-cm th { font-size: 0.85em; }
.edf .edf-cm button { width: clamp(25px, 7.4vw, 32px); min-width: 24px; padding: 0; border-width: 1px; background: color-mix(in srgb, var(--edf-c0) calc(5% * var(--wins)), var(--edf-paper)); }
.edf .edf-cm [data-side] { outline: 3px solid var(--edf-c0); outline-offset: -3px; font-weight: 700; }
.edf .edf-cm [data-side="1"] { outline: 3px dashed var(--edf-c1); }
.edf .edf-cm button:focus-visible { outline: 3px solid var(--edf-ink); outline-offset: 1px; z-index: 1; position: relative; }`;

function matrix(view) {
  const cells = range(N * N).map((k) => {
    const [a, b] = [Math.floor(k / N), k % N];
    return a === b ? null : button("", () => view.set({ first: KINDS[a], second: KINDS[b] }), { "data-k": k });
  });
  const table = h("table", {}, h("caption", {}, "Problems on which the row beats the column"), h("thead", {}, h("tr", {}, h("td"), NAMES.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, range(N).map((a) => h("tr", {}, h("th", { scope: "row" }, NAMES[a]), range(N).map((b) => h("td", {}, cells[a * N + b]))))));
  table.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -N, ArrowDown: N }[event.key], from = Number(event.target.dataset.k);
    if (!by) return;
    event.preventDefault();
    const inside = (k) => k >= 0 && k < N * N && (Math.abs(by) === N || Math.floor(k / N) === Math.floor(from / N));
    let to = from + by;
    if (inside(to) && !cells[to]) to += by; // over the diagonal
    if (inside(to)) cells[to].focus(), cells[to].click();
  });
  return { node: h("div", { class: "edf-cm" }, table), show: (f) => cells.forEach((cell, k) => {
    if (!cell) return;
    const [a, b] = [Math.floor(k / N), k % N], side = f.pair[0] === a && f.pair[1] === b ? 0 : f.pair[0] === b && f.pair[1] === a ? 1 : null;
    cell.textContent = f.wins[k];
    cell.style.setProperty("--wins", f.wins[k]);
    cell.setAttribute("aria-label", `${NAMES[a]} beats ${NAMES[b]} on ${f.wins[k]} of ${f.names.length}`);
    cell.toggleAttribute("data-side", side !== null);
    if (side !== null) cell.dataset.side = side;
    cell.setAttribute("aria-current", String(side === 0));
    cell.tabIndex = side === 0 || (f.pair[0] === f.pair[1] && k === 1) ? 0 : -1;
  }) };
}

/** Numbers of one run in the table, or in what the reader's optimizer did. */
const pick = (table, p, k, count, each) => table.slice((p * count + k) * each, (p * count + k + 1) * each);

function mount(view) {
  const { data } = view, single = data.sizes.filter((d) => d === 1).length, steps = range(T + 1), wide = 340;
  const panels = range(2).map((side) => {
    const svg = picture(wide, 390, side ? "The second one's case" : "The first one's case"), head = h("p"), foot = h("p"), body = s("g", {});
    svg.append(body);
    return { node: h("div", {}, head, svg, foot), head, foot, body };
  });
  const grid = matrix(view), all = picture(wide, 280, "Factor between the two on every problem"), bars = s("g", {}), striped = hatch(1);
  all.append(striped.node, bars);
  const yours = h("p");
  view.picture.append(h("style", {}, LOOK), h("div", { class: "edf-cc" }, panels.map((p) => p.node), grid.node, all), h("p", { class: "edf-told", style: "flex-basis:100%;margin:0" }, data.rules), yours);

  /** On every problem, how many times lower the score of the better one is: a bar to its side. */
  const ratios = (f) => {
    const zero = 236, unit = 15, names = f.pair.map((k) => NAMES[k]);
    bars.replaceChildren(s("text", { x: zero - 8, y: 14, "text-anchor": "end" }, `${names[0]} lower`), s("text", { x: zero + 8, y: 14 }, `${names[1]} lower`),
      ...f.names.flatMap((name, p) => {
        const [a, b] = [f.scores[2 * p], f.scores[2 * p + 1]], far = clamp(Math.log10(a / b), -6, 6) * unit, y = 22 + 23 * p;
        return [s("text", { x: 138, y: y + 13, "text-anchor": "end", class: f.cases.includes(p) ? "edf-title" : null }, name),
          s("rect", { x: zero + Math.min(far, 0), y, width: Math.abs(far), height: 17, style: far > 0 ? null : `fill:${COLOURS[0]}`, fill: striped.fill })];
      }), s("path", { d: `M${zero} 20V252`, class: "edf-frame" }),
      ...[-6, -3, 3, 6].map((v) => s("text", { x: zero + v * unit, y: 266, "text-anchor": "middle" }, short(10 ** Math.abs(v)))));
  };

  const panel = ({ head, foot, body }, side, t, f) => {
    const p = f.cases[side], flat = p < single, { mine } = f, source = (who) => (who === 4 ? [mine, 0, 1] : [data, f.pair[who], N]);
    const who = [0, 1, ...(mine ? [4] : [])], names = { 0: NAMES[f.pair[0]], 1: NAMES[f.pair[1]], 4: "yours" };
    const loss = (k) => { const [from, n, count] = source(k); return pick(from.losses, p, n, count, T + 1); };
    const path = (k) => { const [from, n, count] = source(k); return flat ? pick(from.line, p, n, count, T + 1) : pick(from.plane, p - single, n, count, 2 * T + 2); };
    head.textContent = `${sentence(names[side])}${f.wins[f.pair[side] * N + f.pair[1 - side]] ? " wins" : " wins nowhere; closest"}: ${f.names[p]}, ${data.formulas[p]}`;
    const raw = who.map(loss), values = raw.map((f) => f.map((v) => Math.max(v, LEAST))), all = values.flatMap((v) => [...v]).filter(Number.isFinite), tracks = who.map(path);
    const chart = axes({ top: 16, width: wide, height: 180, x: [0, T + 1], y: [Math.max(Math.min(...all) / 2, LEAST / 4), Math.min(Math.max(...all), 1e4) * 2], logy: true, xlabel: "step" });
    who.forEach((k, n) => chart.plot.append(line(steps.map(chart.X), Array.from(values[n], chart.Y), k), mark(chart.X(t), chart.Y(values[n][t]), k)));
    const reach = flat ? tracks.flatMap((v) => [...v]).map((v) => clamp(v, -9, 9)) : [];
    const low = Math.min(0, ...reach) - 0.2, high = Math.max(0, ...reach) + 0.2;
    const plane = axes({ top: 195, width: wide, height: 195, x: flat ? [0, T + 1] : [-2, 2], y: flat ? [low, high] : [-1.4, 1.4], xlabel: flat ? "step" : "u", ylabel: flat ? "w" : "v", grid: flat });
    if (!flat) for (const c of range(4)) {
      const ring = data.rings.slice(((p - single) * 4 + c) * 82, ((p - single) * 4 + c + 1) * 82);
      plane.plot.append(s("path", { d: pathOf(...[0, 1].map((d) => range(41).map((n) => [plane.X, plane.Y][d](ring[2 * n + d])))), fill: "none", class: "edf-grid" }));
    }
    who.forEach((k, n) => {
      const v = tracks[n], upto = range(t + 1), xs = upto.map((m) => plane.X(flat ? m : v[2 * m])), ys = upto.map((m) => plane.Y(flat ? v[m] : v[2 * m + 1]));
      plane.plot.append(line(xs, ys, k), ...upto.filter((m) => m === t || m % 5 === 0).map((m) => mark(xs[m], ys[m], k, m === t ? 6 : 3)));
    });
    const split = mine ? steps.find((m) => Math.abs(values[2][m] - values[0][m]) > 1e-6 * values[0][m]) : undefined;
    if (split !== undefined) chart.plot.append(s("circle", { cx: chart.X(split), cy: chart.Y(values[2][split]), r: 9, fill: "none", stroke: "currentColor", "stroke-width": 2 }));
    body.replaceChildren(chart.node, plane.node, s("text", { x: 8, y: 12 }, "loss"), ...who.map((k, n) => legend(58 + 100 * n, 8, [[k, names[k]]])));
    const parts = split === undefined ? "it never parts" : `it parts from ${names[0]} at step ${split}`, at = who.map((k, n) => `${names[k]} ${short(raw[n][t])}`).join(", ");
    foot.textContent = `Step ${t}: ${at}.` + (mine ? ` Yours scores ${scored(mine.scores[p])} at rate ${short(mine.rates[p])}; ${parts}.` : "");
  };

  return (state, f) => {
    panels.forEach((one, side) => panel(one, side, state.t, f));
    grid.show(f);
    ratios(f);
    yours.textContent = f.mine?.told ?? "";
  };
}

const scene = { name: "court", lookup, caption, rows, mount };
export default widget(scene);
export { scene };
