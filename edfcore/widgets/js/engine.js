// --- the scene ---
// Looks up what scenes/engine.py made with the engine; its sentences are put together as there.

const IDEAS = ["order", "add", "unbroadcast", "mean"];

function lookup(state, data) {
  const { points, ...graph } = data.graphs[state.graph];
  const [outcome, bits] = points[IDEAS.reduce((sum, name) => 2 * sum + Number(state[name]), 0)];
  const { seed, ...found } = data.outcomes[outcome], off = IDEAS.filter((name) => !state[name]);
  const quiet = (name) => (bits >> IDEAS.indexOf(name)) & 1;
  const grads = graph.formulas.map((_, k) => (k === graph.formulas.length - 1 ? seed : []));
  for (const [, arg, , grad] of found.steps.slice(0, state.t)) grads[arg] = grad;
  return { ...graph, ...found, grads, ideas: data.ideas, noticed: off.filter((n) => !quiet(n)), unnoticed: off.filter(quiet) };
}

const nameOf = (found, k) => found.formulas.at(k).split(" ")[0];
const listed = (v) => (v.length === 1 ? short(v[0]) : v.length ? `[${Array.from(v, (x) => short(x)).join(", ")}]` : "none");

function stepTold(state, found) {
  const steps = found.steps, t = Math.min(state.t, steps.length);
  if (t === 0) return `Before the first share: ${nameOf(found, -1)}.grad is ${listed(found.grads.at(-1))}. `;
  if (t === steps.length) return "";
  const [node, arg, share, grad] = steps[t - 1], name = nameOf(found, arg);
  return `Share ${t} of ${steps.length}: ${nameOf(found, node)} hands ${name} ${listed(share)}, so ${name}.grad is ${listed(grad)}. `;
}

function caption(state, found) {
  const words = (name) => found.ideas[IDEAS.indexOf(name)];
  const off = IDEAS.filter((name) => !state[name]).map((name) => words(name)[0]), quiet = found.unnoticed.map(words);
  const told = stepTold(state, found), k = found.first;
  if (!off.length) return `${told}All four ideas are on, and every gradient is right.`;
  const without = `${told}Without ${[off.slice(0, -1).join(", "), off.at(-1)].filter(Boolean).join(" and ")}, `;
  if (k < 0) return `${without}every gradient on this graph is right all the same: ${quiet.map((w) => w[2]).join("; ")}.`;
  const unseen = quiet.map((w) => ` Nobody notices here that ${w[0]} is missing: ${w[2]}.`).join("");
  return `${without}${nameOf(found, k)}.grad is ${listed(found.final[k])} where ${listed(found.right[k])} is right: ${found.noticed.map((n) => words(n)[1]).join("; ")}.${unseen}`;
}

const judged = (grad, wrong) => listed(grad) + (wrong ? " (wrong)" : "");

/** The reader's gradients; none while those of another graph are still there. */
const ofGraph = (state, found) => (found.mine?.graph === state.graph ? found.mine : null);

function rows(state, found) {
  const mine = ofGraph(state, found);
  return [["node", "value", "gradient that is right", "gradient here", ...(mine ? ["yours"] : [])],
    ...found.formulas.map((formula, k) => [formula, listed(found.values[k]), listed(found.right[k]),
      judged(found.final[k], found.wrong[k]), ...(mine ? [judged(mine.grads[k], mine.wrong[k])] : [])])];
}

const BOX = 150, TALL = 92, PITCH = 128;
const centre = ([column, row]) => [78 + 92 * column, 12 + TALL / 2 + PITCH * row];

/** The loop as code; a line whose idea is off is marked. */
function listing(state) {
  const code = [
    [`loss.grad = ${state.mean ? "1 / B" : "1"}`, !state.mean],
    [`for node in ${state.order ? "reversed(order)" : "breadth_first(loss)"}:`, !state.order],
    ["  for arg, share in vjp(node):", false],
    [`    arg.grad ${state.add ? "+=" : "="} ${state.unbroadcast ? "unbroadcast(share)" : "share"}`, !state.add || !state.unbroadcast],
  ];
  return code.map(([words, changed]) => h("div", { style: changed ? "box-shadow:-3px 0 var(--edf-c1);font-weight:600" : null }, (changed ? "\u25b8 " : "  ") + words));
}

function mount(view) {
  const svg = picture(340, 100, "The graph: values, gradients, and the share that is handed on", { role: "group", style: "max-width:400px" });
  const code = h("div", { style: "font:12.5px/1.6 ui-monospace,monospace;white-space:pre-wrap" });
  const shares = h("div", { class: "edf-buttons", role: "toolbar", "aria-label": "Shares in order; arrow keys move, Enter goes there" });
  const beside = h("div", {});
  const side = h("div", { style: "flex:1 1 17rem;min-width:0;padding:0 .5rem" }, h("div", {}, "The loop; \u25b8 marks what was changed"), code,
    h("div", { style: "margin-top:.6rem" }, "Shares, in their order"), shares, beside);
  view.picture.append(svg, side);
  let drawn = "", chips = [], boxes = [];

  const go = (t) => view.set({ t });
  const visit = (k) => {
    const steps = view.scene.lookup(view.state, view.data).steps;
    const at = steps.findIndex(([node]) => node === k), last = steps.findLastIndex(([, arg]) => arg === k);
    go(at >= 0 ? at + 1 : last + 1);
  };
  const focusable = (list, k) => list.forEach((one, n) => one.setAttribute("tabindex", n === k ? 0 : -1));
  /** One stop for the Tab key; arrow keys move among the items. */
  const roving = (list) => list.forEach((item, k) => item.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (k + by + list.length) % list.length;
    focusable(list, next);
    list[next].focus();
  }));

  function rebuild(found) { // what changes with the graph and the order alone, so that the focus stays
    chips = [["seed", 0], ...found.steps.map(([node, arg], k) => [`${nameOf(found, node)} \u2192 ${nameOf(found, arg)}`, k + 1])]
      .map(([words, t]) => button(words, () => go(t)));
    shares.replaceChildren(...chips);
    boxes = found.formulas.map((_, k) => s("g", { role: "button", onclick: () => visit(k), onkeydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      visit(k);
    }, style: "cursor:pointer" }));
    roving(chips);
    roving(boxes);
    focusable(boxes, boxes.length - 1);
    focusable(chips, 0);
    svg.setAttribute("viewBox", `0 0 340 ${24 + TALL + PITCH * Math.max(...found.places.map((p) => p[1]))}`);
    svg.replaceChildren(s("g", { "aria-hidden": "true" }), ...boxes);
  }

  /** The arrows, and on the present one the share that goes back along it. */
  function edges(state, found, now) {
    const seen = {};
    return found.args.flatMap((args, k) => args.map((arg) => {
      const [x1, y1] = centre(found.places[arg]), [x2, y2] = centre(found.places[k]);
      const twin = args.filter((a) => a === arg).length > 1 ? ((seen[k] = (seen[k] || 0) + 1) === 1 ? -30 : 30) : 0;
      const a = [x1 + twin, y1 + TALL / 2], b = [x2 + twin, y2 - TALL / 2];
      const twins = found.steps.map((step, n) => (step[0] === k && step[1] === arg ? n : -1)).filter((n) => n >= 0);
      const active = now >= 0 && twins[twin > 0 ? 1 : 0] === now;
      const colour = active ? "var(--edf-c0)" : "currentColor", d = `M${a}L${b}`;
      const u = Math.hypot(b[0] - a[0], b[1] - a[1]), ux = (b[0] - a[0]) / u, uy = (b[1] - a[1]) / u;
      const tip = active ? a : b, g = active ? -1 : 1;
      const head = `M${tip[0] - g * 8 * ux - 4 * uy} ${tip[1] - g * 8 * uy + 4 * ux}L${tip}L${tip[0] - g * 8 * ux + 4 * uy} ${tip[1] - g * 8 * uy - 4 * ux}`;
      const words = active ? `${state.add ? "+ " : "= "}${listed(found.steps[now][2])}` : "";
      const left = twin < 0;
      return s("g", {}, s("path", { d: d + head, fill: "none", stroke: colour, "stroke-width": active ? 3 : 1.2 }),
        s("text", { x: (a[0] + b[0]) / 2 + (left ? -10 : 10), y: (a[1] + b[1]) / 2 + 4, "text-anchor": left ? "end" : "start", style: "font-weight:600" }, words));
    }));
  }

  function box(found, k, now, mine) {
    const [x, y] = centre(found.places[k]), left = x - BOX / 2, top = y - TALL / 2;
    const [visited, arg] = now >= 0 ? found.steps[now] : [-1, -1];
    const complete = now < 0 || !found.steps.slice(now + 1).some((step) => step[1] === k);
    const wrong = found.wrong[k] && complete && found.grads[k].length > 0;
    const none = !found.right[k].length, grad = none ? "no gradient asked" : found.grads[k].length ? `grad ${listed(found.grads[k])}` : "grad not yet";
    const at = found.steps.findIndex(([node]) => node === k), soon = at >= 0 && now >= at && found.steps.slice(at).some((step) => step[1] === k);
    const handed = found.steps.slice(0, Math.max(at, 0)).findLast((step) => step[1] === k);
    const lines = [`value ${listed(found.values[k])}`, grad, ...(soon ? [`gave ${listed(handed[3])} too soon`] : []), ...(wrong ? [`right ${listed(found.right[k])}`] : []),
      ...(mine && !none ? [`yours ${judged(mine.grads[k], mine.wrong[k])}`] : [])];
    const first = wrong && k === found.first ? " first wrong" : "";
    boxes[k].setAttribute("aria-label", `${[found.formulas[k], ...lines].join(", ")}${wrong ? ", wrong" : ""}${k === visited ? ", visited now" : ""}`);
    boxes[k].replaceChildren(
      s("rect", { x: left, y: top, width: BOX, height: TALL, rx: found.args[k].length ? 5 : 18, fill: "var(--edf-paper)", stroke: wrong ? COLOURS[1] : "currentColor", "stroke-width": wrong ? 3 : 1.2, "stroke-dasharray": wrong ? DASHES[1] : null }),
      ...(k === visited ? [s("rect", { x: left - 5, y: top - 5, width: BOX + 10, height: TALL + 10, rx: 8, fill: "none", stroke: COLOURS[0], "stroke-width": 3 })] : []),
      s("text", { x, y: top + 17, "text-anchor": "middle", class: "edf-title" }, found.formulas[k]),
      ...lines.map((words, n) => s("text", { x, y: top + 32 + 14 * n, "text-anchor": "middle", style: k === arg && n === 1 ? "font-weight:600" : null }, words)),
      ...(mine && !none ? [line([left + 16, left + BOX - 16], [top + 22 + 14 * lines.length, top + 22 + 14 * lines.length], 4)] : []),
      ...(wrong ? [s("path", { d: `M${left + 9} ${top + 9}l9 9m0 -9l-9 9`, stroke: COLOURS[1], "stroke-width": 3 }), s("text", { x: left + 2, y: top - 8, style: `fill:${COLOURS[1]};font-weight:600` }, first)] : []));
  }

  return (state, found) => {
    const key = `${state.graph} ${found.steps.map((step) => step.slice(0, 2)).join(" ")}`;
    if (drawn !== key) rebuild(found);
    drawn = key;
    const t = Math.min(state.t, found.steps.length), mine = ofGraph(state, found);
    const now = t - 1;
    code.replaceChildren(...listing(state));
    chips.forEach((chip, k) => {
      if (k === t) chip.setAttribute("aria-current", "step");
      else chip.removeAttribute("aria-current");
      chip.style.cssText = k === t ? "border:2px solid var(--edf-c0);font-weight:600" : k > t ? "border-style:dashed" : "";
    });
    if (!chips.some((chip) => chip === document.activeElement)) focusable(chips, t);
    svg.firstChild.replaceChildren(...edges(state, found, now));
    boxes.forEach((_, k) => box(found, k, t === 0 ? -1 : now, mine));
    beside.replaceChildren(tableOf([["node", "right", "here", ...(mine ? ["yours"] : [])], ...rows(state, { ...found, mine }).slice(1).map((row) => [row[0].replaceAll(" ", "\u00a0"), ...row.slice(2)])]));
    if (mine?.diverges >= 0) beside.append(h("p", {}, `Yours is wrong first at ${nameOf(found, mine.diverges)}.`));
  };
}

const scene = { name: "engine", lookup, caption, rows, mount };
export default widget(scene);
export { scene };
