// The same paths and rates as scenes/paths.py.

const STEPS = 60, LAST = 20;
const KINDS = [["gd", "gradient descent"], ["hb", "heavy ball"], ["nag", "Nesterov"], ["adam", "Adam"]];

function hessian(kappa, angle) {
  const t = (angle * Math.PI) / 180, c = Math.cos(t), n = Math.sin(t);
  return [n * n + (c * c) / kappa, -n * c + (c * n) / kappa, c * c + (n * n) / kappa];
}

function largestRoot(b, c) {
  const inside = b * b - 4 * c;
  return inside >= 0 ? (Math.abs(b) + Math.sqrt(inside)) / 2 : Math.sqrt(c);
}

function predicted(kind, lr, mu, kappa) {
  const kept = [1 - lr, 1 - lr / kappa];
  if (kind === "gd") return Math.max(...kept.map(Math.abs));
  if (kind === "hb") return Math.max(...kept.map((k) => largestRoot(k + mu, mu)));
  if (kind === "nag") return Math.max(...kept.map((k) => largestRoot((1 + mu) * k, mu * k)));
  return NaN;
}

/** One optimizer's points, [x0, y0, x1, y1, ...]; SGD and Adam as edfcore.optimizers has them. */
function walk([a, b, d], start, kind, lr, mu) {
  const path = new Float64Array(2 * (STEPS + 1));
  path.shape = [STEPS + 1, 2];
  path.set(start);
  const v = [0, 0], m = [0, 0], second = [0, 0], momentum = kind === "gd" ? 0 : mu;
  for (let t = 1; t <= STEPS; t++) {
    const w = [path[2 * t - 2], path[2 * t - 1]];
    const g = [a * w[0] + b * w[1], b * w[0] + d * w[1]];
    for (const k of [0, 1]) {
      if (kind === "adam") {
        m[k] = 0.9 * m[k] + 0.1 * g[k];
        second[k] = 0.999 * second[k] + 0.001 * g[k] * g[k];
        w[k] -= (lr * m[k]) / (1 - 0.9 ** t) / (Math.sqrt(second[k] / (1 - 0.999 ** t)) + 1e-8);
      } else {
        v[k] = momentum * v[k] + g[k];
        w[k] -= lr * (kind === "nag" ? g[k] + momentum * v[k] : v[k]);
      }
    }
    path.set(w, 2 * t);
  }
  return path;
}

const losses = ([a, b, d], p) => Float64Array.from(range(STEPS + 1), (t) => {
  const x = p[2 * t], y = p[2 * t + 1];
  return (a * x * x + 2 * b * x * y + d * y * y) / 2;
});

function measured(p) {
  if (!p[0] && !p[1]) return NaN;
  const at = (t) => Math.hypot(p[2 * t], p[2 * t + 1]), far = at(STEPS - LAST), near = at(STEPS);
  return far > 0 && near > 0 ? (near / far) ** (1 / LAST) : 0;
}

function simulate(state) {
  const A = hessian(state.kappa, state.angle), found = {};
  for (const [kind] of KINDS) {
    if (!state[kind]) continue;
    const path = walk(A, [state.x0, state.y0], kind, state.lr, state.mu);
    found[`path_${kind}`] = path;
    found[`loss_${kind}`] = losses(A, path);
    found[`seen_${kind}`] = measured(path);
    found[`rate_${kind}`] = predicted(kind, state.lr, state.mu, state.kappa);
  }
  return found;
}

/** A rate in words, near 1 with four digits. */
function factor(rate) {
  const away = Math.abs(rate - 1);
  if (Number.isNaN(rate)) return "none";
  return away > 1e-9 && short(rate, 4) === "1" ? `just ${rate < 1 ? "below" : "above"} 1` : short(rate, away < 0.005 ? 4 : 3);
}

const steps = (t) => `${t} step${t === 1 ? "" : "s"}`;

function rateTold(kind, name, found) {
  const rate = found[`rate_${kind}`], seen = factor(found[`seen_${kind}`]);
  if (kind === "adam") return `Adam ${seen} measured, no rate predicted`;
  const diverges = found[`seen_${kind}`] > 1 ? ", it diverges" : ", would diverge from nearly every start";
  return `${name} ${factor(rate)} predicted, ${seen} measured${rate > 1 ? diverges : ""}`;
}

function caption(state, found) {
  const on = KINDS.filter(([kind]) => state[kind]), t = state.t;
  if (!on.length) return "No optimizer is switched on.";
  const [lowest, name] = on.reduce((a, b) => (found[`loss_${b[0]}`][t] < found[`loss_${a[0]}`][t] ? b : a));
  if (found[`loss_${lowest}`][0] === 0) return "The start is the minimum: the gradient is 0 there, and nothing moves.";
  const told = on.map(([kind, words]) => rateTold(kind, words, found)).join("; ");
  const first = `After ${steps(t)} at condition number ${short(state.kappa)}, ${name} has the lowest loss`;
  return `${first}, ${short(found["loss_" + lowest][t])}. A step multiplies the distance by (measured over the last ${LAST} of ${STEPS} steps): ${told}.`;
}

function rows(state, found) {
  const t = state.t;
  return [["optimizer", "loss at the start", `loss after ${steps(t)}`, "rate predicted", `rate measured, last ${LAST} of ${STEPS} steps`],
    ...KINDS.filter(([kind]) => state[kind]).map(([kind, name]) =>
      [name, short(found[`loss_${kind}`][0]), short(found[`loss_${kind}`][t]), factor(found[`rate_${kind}`]), factor(found[`seen_${kind}`])])];
}

function mount(view) {
  const svg = picture(470, 340, "Paths on contours of the loss", { role: "group" });
  const right = picture(340, 340, "Loss of each step");
  const plane = axes({ width: 470, height: 340, x: [-3.3, 3.3], y: [-2.2, 2.2], xlabel: "w[0]", ylabel: "w[1]", grid: false });
  const rings = s("g", { "aria-hidden": "true" }), paths = s("g", { "aria-hidden": "true" }), chart = s("g", {});
  plane.plot.append(rings, paths);
  const handle = s("circle", { r: 13, fill: "var(--edf-ink)", "fill-opacity": 0.15, stroke: "var(--edf-ink)", "stroke-width": 1.5 });
  svg.append(plane.node, handle);
  right.append(chart);
  const [x0, y1, x1, y0] = plane.box;
  const place = (x, y) => ({
    x0: Number(clamp(((x - x0) / (x1 - x0)) * 6.6 - 3.3, -3, 3).toFixed(2)),
    y0: Number(clamp(((y0 - y) / (y0 - y1)) * 4.4 - 2.2, -2, 2).toFixed(2)),
  });
  const step = (dx, dy) => ({
    x0: Number(clamp(view.state.x0 + 0.1 * dx, -3, 3).toFixed(2)), y0: Number(clamp(view.state.y0 + 0.1 * dy, -2, 2).toFixed(2)),
  });
  draggable(svg, handle, (x, y) => view.set(place(x, y), false), (dx, dy) => view.set(step(dx, dy)), () => view.settle());
  svg.addEventListener("click", (event) => {
    const [x, y] = pointer(svg, event);
    if (event.target !== handle && x > x0 && x < x1 && y > y1 && y < y0) view.set(place(x, y));
  });
  const yours = h("p", { class: "edf-told", style: "flex-basis:100%;margin:0" });
  view.picture.append(svg, right, yours);
  let drawn = "";

  return (state, found) => {
    const { kappa, angle, t } = state, { X, Y } = plane;
    if (drawn !== `${kappa} ${angle}`) { // f = c is an ellipse, half axes sqrt(2 c / lambda)
      const unit = X(1) - X(0), tall = Y(0) - Y(1);
      rings.replaceChildren(...[0.02, 0.1, 0.3, 0.7, 1.4, 2.4, 4].map((c) => {
        const points = range(73).map((k) => {
          const u = Math.sqrt(2 * c * kappa) * Math.cos((k * Math.PI) / 36), n = Math.sqrt(2 * c) * Math.sin((k * Math.PI) / 36);
          const r = (angle * Math.PI) / 180;
          return [X(0) + unit * (u * Math.cos(r) - n * Math.sin(r)), Y(0) - tall * (u * Math.sin(r) + n * Math.cos(r))];
        });
        return s("path", { d: pathOf(points.map((p) => p[0]), points.map((p) => p[1])), fill: "none", class: "edf-grid" });
      }));
      drawn = `${kappa} ${angle}`;
    }
    const on = KINDS.map(([kind, name], k) => [kind, name, k]).filter(([kind]) => state[kind]);
    if (found.mine) on.push(["mine", "yours", 4]);
    const track = (kind) => (kind === "mine" ? found.mine.path : found[`path_${kind}`]);
    const loss = (kind) => (kind === "mine" ? found.mine.loss : found[`loss_${kind}`]);
    paths.replaceChildren(...on.flatMap(([kind, , k]) => {
      const p = track(kind), upto = range(t + 1).filter((n) => Math.abs(p[2 * n]) < 1e6 && Math.abs(p[2 * n + 1]) < 1e6);
      return [line(upto.map((n) => X(p[2 * n])), upto.map((n) => Y(p[2 * n + 1])), k, { "stroke-width": 1.6 }),
        ...upto.filter((n) => n === t || t < 40 || n % 2 === 0).map((n) => mark(X(p[2 * n]), Y(p[2 * n + 1]), k, n === t ? 6 : 2.5))];
    }));
    const split = found.mine?.diverges ?? -1;
    if (split >= 0 && split <= t && Math.abs(found.mine.path[2 * split]) < 1e6) paths.append(s("circle", { cx: X(found.mine.path[2 * split]), cy: Y(found.mine.path[2 * split + 1]), r: 10, fill: "none", stroke: "currentColor", "stroke-width": 2 }));
    handle.setAttribute("cx", X(state.x0));
    handle.setAttribute("cy", Y(state.y0));
    handle.setAttribute("aria-label", `Start at ${short(state.x0)}, ${short(state.y0)}; arrow keys move it`);
    const all = on.flatMap(([kind]) => [...loss(kind)]).filter((v) => v > 0 && v < Infinity);
    const ended = on.some(([kind]) => loss(kind).includes(0)), low = Math.max(ended ? 0 : Math.min(...all, 1), 1e-14) / 2, high = Math.min(Math.max(...all, 1), 1e6) * 2;
    const plot = axes({ width: 340, height: 340, x: [0, STEPS], y: [low, high], logy: true, xlabel: "step", ylabel: "loss f(w)" });
    const tall = (v) => plot.Y(clamp(v, low, 10 * high)); // a loss of 0 lies at the bottom
    for (const [kind, name, k] of on) {
      const f = loss(kind), all = range(STEPS + 1), rate = found[`rate_${kind}`];
      plot.plot.append(line(all.map(plot.X), Array.from(f, (v) => (v < Infinity ? tall(v) : NaN)), k));
      if (rate > 0) plot.plot.append(line(all.map(plot.X), all.map((n) => tall(f[0] * rate ** (2 * n))), k, { "stroke-width": 1, opacity: 0.7, "stroke-dasharray": "1 4" }));
      plot.plot.append(mark(plot.X(t), plot.Y(clamp(f[t], low, high)), k, 5));
    }
    plot.node.append(legend(200, 22, on.map(([, name, k]) => [k, name])));
    if (state.gd || state.hb || state.nag) {
      const y = 22 + 16 * on.length;
      plot.node.append(s("rect", { x: 196, y: y - 10, width: 97, height: 18, class: "edf-paper" }),
        s("path", { d: `M200 ${y}h24`, stroke: "currentColor", "stroke-dasharray": "1 4" }), s("text", { x: 230, y: y + 4 }, "predicted"));
    }
    yours.textContent = found.mine?.told ?? "";
    chart.replaceChildren(plot.node);
  };
}

const scene = { name: "paths", simulate, caption, rows, mount };
export default widget(scene);
export { scene };
