// The same schedules, sums and losses as scenes/schedule.py; the noise comes from Python, in data.

const LAMBDA = [1, 0.5, 0.2, 0.1], SIGMA = 0.5, START = 2;

// A schedule is {rate(t), text}: its formula, and how edfcore.schedules writes it.

const say = (v) => (typeof v === "number" ? String(Number(v.toPrecision(12))) : Array.isArray(v) ? `[${v.map(say).join(", ")}]` : v.text ?? JSON.stringify(v));
const made = (name, given, rate) => ({
  rate, text: `${name}(${given.filter(([, v, usual]) => v !== usual).map(([n, v]) => n + "=" + say(v)).join(", ")})`,
});
const halfCosine = (p) => (1 - Math.cos(Math.PI * p)) / 2;
const along = (a, b, p) => a + (b - a) * halfCosine(p);
const warmSteps = (state) => (state.warm === "none" ? 0 : state.W);

const cosine = (lr, T, low) =>
  made("Cosine", [["lr", lr], ["T_max", T], ["eta_min", low, 0]], (t) => along(lr, low, Math.min(t, T) / T));

function warmed(W, after, shape) {
  const top = after.rate(0);
  return made("Warmup", [["W", W], ["after", after], ["shape", shape, "linear"]],
    (t) => (t < W ? top * (shape === "linear" ? t / W : halfCosine(t / W)) : after.rate(t - W)));
}

/** Where cycles begin that begin before T, and their lengths: each T_mult times the last, `gap` steps behind it. */
function cycles({ T, T_0, T_mult }, gap) {
  const found = [];
  for (let at = 0, n = T_0; at < T; at += n + gap, n *= T_mult) found.push([at, n]);
  return found;
}

function decaying(state, rest) {
  const { lr, gamma, k, power, step_size: size } = state, low = state.eta_min * lr, each = gamma ** (1 / size), turn = 0.3 * rest - 1, lowest = ["eta_min", low, 0];
  const of = (name, more, rate) => made(name, [["lr", lr], ...more], rate);
  return {
    constant: () => of("Constant", [], () => lr),
    time: () => of("TimeBased", [["k", k], ["decay_steps", size, 1]], (t) => lr / (1 + (k * t) / size)),
    step: () => of("Step", [["step_size", size], ["gamma", gamma, 0.1]], (t) => lr * gamma ** Math.floor(t / size)),
    exponential: () => of("Exponential", [["gamma", each]], (t) => lr * each ** t),
    polynomial: () => of("Polynomial", [["total_iters", rest, 5], ["power", power, 1], lowest],
      (t) => low + (lr - low) * (1 - Math.min(t, rest) / rest) ** power),
    cosine: () => cosine(lr, rest, low),
    restarts: () => of("CosineWarmRestarts", [["T_0", state.T_0], ["T_mult", state.T_mult, 1], lowest], (t) => {
      const [start, n] = cycles({ ...state, T: t + 1 }, 0).at(-1);
      return along(lr, low, (t - start) / n);
    }),
    onecycle: () => made("OneCycle", [["max_lr", lr], ["total_steps", rest]], (t) => (turn > 0 && t <= turn
      ? along(lr / 25, lr, t / turn) : along(lr, lr / 25e4, (Math.min(t, rest - 1) - turn) / (rest - 1 - turn)))),
  }[state.decay]();
}

function composed(state) {
  const W = warmSteps(state), { lr, warm } = state;
  if (state.decay !== "restarts" || !state.again || !W) {
    const after = decaying(state, Math.max(state.T - W, 1));
    return W ? warmed(W, after, warm) : after;
  }
  const parts = cycles(state, W).map(([at, n]) => ({ at, ...warmed(W, cosine(lr, n, state.eta_min * lr), warm) }));
  if (!parts[1]) return parts[0];
  return made("Sequence", [["schedules", parts], ["boundaries", parts.slice(1).map((one) => one.at)]], (t) => {
    const { at, rate } = parts.findLast((one) => one.at <= t);
    return rate(t - at);
  });
}

function restarts(state) {
  const W = warmSteps(state), gap = state.again ? W : 0;
  if (state.decay !== "restarts") return [];
  return cycles(state, gap).slice(1).map(([at]) => at - gap + W).filter((at) => at < state.T);
}

const added = (terms) => terms.reduce((a, b) => a + b, 0);
const snapped = (x) => Math.round(x * 1e9) / 1e9;
const lossOf = (squares) => added(LAMBDA.map((v, i) => (v * squares[i]) / 2));

function expected(lr) {
  let square = LAMBDA.map(() => START ** 2);
  const found = [lossOf(square)];
  for (const rate of lr) {
    square = square.map((e, i) => (1 - rate * LAMBDA[i]) ** 2 * e + (rate * SIGMA) ** 2);
    found.push(lossOf(square));
  }
  return found;
}

function seen(lr, noise, seed) {
  let w = LAMBDA.map(() => START);
  return [w, ...lr.map((rate, t) => (w = w.map((x, i) =>
    x - rate * (LAMBDA[i] * x + SIGMA * noise[(seed * noise.shape[1] + t) * 4 + i]))))].map((v) => lossOf(v.map((x) => x * x)));
}

function simulate(state, data) {
  const T = state.T, lr = range(T).map(composed(state).rate);
  return {
    lr, expected: expected(lr), seen: seen(lr, data.noise, state.seed),
    floor: lr.map((rate) => added(LAMBDA.map((v) => (rate * SIGMA ** 2) / (2 * (2 - rate * v))))), area: snapped(added(lr)),
    flat_area: snapped(state.lr * T), flat_end: expected(lr.map(() => state.lr))[T], restarts: restarts(state),
  };
}

const moment = (state) => Math.floor((state.t * state.T) / 100);

function told(before, after) {
  if (0.995 * before <= after && after <= 1.005 * before) return `leave the expected loss at ${short(after)}`;
  return `${after < before ? "lower" : "raise"} the expected loss from ${short(before)} to ${short(after)}`;
}

function caption(state, found) {
  const T = state.T, last = Math.floor(T / 4), { lr, expected: loss } = found;
  const first = `The last ${last} of ${T} steps, at rates of at most ${short(Math.max(...lr.slice(T - last)))},`;
  const flat = `the constant rate ${short(state.lr)} ends at ${short(found.flat_end)}`;
  const area = `The rates add up to ${short(found.area)}, ${short(found.area / found.flat_area)} of what the constant rate adds up to`;
  return `${first} ${told(loss[T - last], loss[T])}; ${flat}. ${area}.`;
}

function rows(state, found) {
  const n = moment(state), at = Math.min(n, state.T - 1);
  return [["quantity", "value"], ...[
    [`rate of step ${at}`, found.lr[at]], [`noise floor of step ${at}`, found.floor[at]],
    [`expected loss after ${n} step${n === 1 ? "" : "s"}`, found.expected[n]], [`loss of this run after ${n} step${n === 1 ? "" : "s"}`, found.seen[n]],
    ["expected loss at the end", found.expected[state.T]], ["the same at the constant rate", found.flat_end],
    ["sum of the rates", found.area], ["sum of the constant rate", found.flat_area],
  ].map(([name, value]) => [name, short(value)]),
  ["restarts at", found.restarts.join(", ") || "none"], ["in Python", composed(state).text]];
}

/** Shows the controls of those settings alone that the decay and the warmup read. */
function relevant(view, state) {
  const gone = view.data.unread[state.decay].concat(state.warm === "none" ? ["W", "again"] : []);
  for (const node of view.picture.parentNode?.querySelectorAll("label, .edf-flag") ?? []) {
    const { name } = view.settings.find((one) => one.label === node.textContent) ?? {};
    (node.closest(".edf-control") ?? node).style.display = gone.includes(name) ? "none" : "";
  }
}

/** A handle on the axis of steps. which(state): the setting that it moves, the step that this is counted from, and what is there. */
function end(svg, view, which, scale) {
  const handle = s("circle", { r: 13, fill: COLOURS[5], "fill-opacity": 0.25, stroke: COLOURS[5], "stroke-width": 2 });
  svg.append(handle);
  const set = (value, settled) => {
    const [name, from] = which(view.state);
    view.set({ [name]: allowed(view.settings.find((t) => t.name === name), value(view.state[name], from)) }, settled);
  };
  draggable(svg, handle, (x) => set((_, from) => {
    const [left, , right] = scale().box;
    return ((x - left) / (right - left)) * view.state.T - from;
  }, false), (dx, dy) => set((v) => v + dx + dy), view.settle);
  return (state, found) => {
    const [name, from, words] = which(state), at = Math.min(from + state[name], state.T);
    handle.style.display = name ? "" : "none";
    if (name) node(handle, { cx: scale().X(at), cy: scale().Y(found.lr[Math.min(at, state.T - 1)]), "aria-label": `${words}: step ${at}; arrow keys move it` }, []);
  };
}

function mount(view) {
  const svg = picture(820, 496, "Learning rate against the step, and the loss below it", { role: "group" });
  const chart = s("g", {}), told = h("span", { class: "edf-told" }), code = h("code", { style: "overflow-wrap:anywhere" });
  let scale = null, last = null, width = 0;
  const first = end(svg, view, (t) => [t.warm === "none" ? "" : "W", 0, "Warmup ends"], () => scale);
  const second = end(svg, view, (t) => ({ restarts: ["T_0", warmSteps(t), "First restart"], step: ["step_size", warmSteps(t), "First drop"] })[t.decay] ?? [], () => scale);
  svg.prepend(chart);
  view.picture.append(h("div", { style: "flex:1 1 100%" }, svg, told, code));

  const draw = (state, found) => {
    last = [state, found];
    width = view.picture.clientWidth;
    const wide = clamp(width || 820, 300, 860), T = state.T, n = moment(state), mine = found.mine, steps = range(T + 1);
    svg.setAttribute("viewBox", `0 0 ${wide} 496`);
    svg.style.maxWidth = `${wide}px`;
    const top = Math.max(state.lr, ...found.lr, ...(mine?.lr ?? [])) * 1.15, common = { width: wide, x: [0, T] };
    const above = scale = axes({ ...common, top: 18, height: 206, y: [0, top], ylabel: "learning rate" });
    const stairs = (lr, upto, at = range(2 * upto)) => [at.map((m) => above.X((m + 1) >> 1)), at.map((m) => above.Y(lr[m >> 1]))];
    const sum = hatch(0, 1), flat = range(2).map(() => above.Y(state.lr));
    above.plot.append(sum.node, s("path", { d: n ? `${pathOf(...stairs(found.lr, n))}V${above.Y(0)}H${above.X(0)}Z` : "", fill: sum.fill, opacity: 0.3 }),
      line(...stairs(found.lr, T), 0), line([0, T].map(above.X), flat, 1));

    const losses = [...found.expected, found.flat_end];
    const under = axes({ ...common, top: 246, height: 250, logy: true, y: [Math.min(...losses) / 5, Math.max(...losses) * 2], xlabel: "step (updates)", ylabel: "loss f(w)" });
    const curve = (values, k, upto, more) => line(steps.slice(0, upto).map(under.X), Array.from(values.slice(0, upto), (v) => (v > 0 ? under.Y(v) : NaN)), k, more);
    under.plot.append(curve(found.floor, 3, T), curve(found.seen, 2, n + 1, thin), curve(found.expected, 0, T + 1),
      mark(under.X(n), under.Y(found.expected[n]), 0), mark(under.X(T), under.Y(found.flat_end), 1));
    if (mine) {
      above.plot.append(line(...stairs(mine.lr, T), 4));
      under.plot.append(curve(mine.expected, 4, T + 1));
      if (mine.diverges >= 0) above.plot.append(mark(above.X(mine.diverges), above.Y(mine.lr[mine.diverges]), 0, 9, { fill: "none", stroke: "currentColor" }));
    }
    for (const { X, plot, box } of [above, under]) {
      const upright = (at, more) => s("path", { d: `M${X(at)} ${box[1]}V${box[3]}`, stroke: "currentColor", ...more });
      plot.append(...Array.from(found.restarts, (at) => upright(at, { "stroke-dasharray": "1 5" })), upright(n, { opacity: 0.5 }));
    }
    chart.replaceChildren(above.node, under.node, keys(10, wide, [[0, "lr(t)"], [1, "constant"], ...(mine ? [[4, "yours"]] : [])]),
      keys(224, wide, [[0, "expected"], [2, "this run"], [3, "noise floor"]]),
      keys(240, wide, [[0, "now", true], [1, "constant, at the end", true]]));
    first(state, found);
    second(state, found);
    told.textContent = `${found.mine?.told ?? ""} Hatched area ${short(snapped(added(found.lr.slice(0, n))))}; in Python: `;
    code.textContent = composed(state).text;
    relevant(view, state);
  };
  new ResizeObserver(() => last && view.picture.clientWidth !== width && draw(...last)).observe(view.picture);
  return draw;
}

const thin = { "stroke-width": 1, "stroke-dasharray": null };

/** Names of lines above a chart, beside each other. */
const keys = (y, wide, entries) => s("g", {}, entries.map(([k, words, point], n) => {
  const at = 40 + (n * (wide - 40)) / 3;
  return [point ? mark(at + 11, y, k) : line([at, at + 22], [y, y], k, k === 2 ? thin : {}), s("text", { x: at + 26, y: y + 4 }, words)];
}));

const scene = { name: "schedule", simulate, caption, rows, mount };
export default widget(scene);
export { scene };
