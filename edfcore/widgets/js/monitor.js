// The curves of scenes/monitor.py. Python sends them while the loop runs; running means and texts are made here.

const PANELS = [["loss", "loss"], ["norm", "gradient norm"], ["lr", "learning rate"], ["other", "other values"]];
const least = (v) => v.reduce((a, b) => Math.min(a, b), Infinity), most = (v) => v.reduce((a, b) => Math.max(a, b), -Infinity);
const final = (v) => v[v.length - 1];

/** The mean of each value and up to n - 1 before it; as `running_mean` of scenes/monitor.py. */
function runningMean(values, n) {
  const sums = [0];
  for (const v of values) sums.push(sums[sums.length - 1] + v);
  return Float64Array.from(values, (_, k) => {
    const start = Math.max(k + 1 - n, 0);
    return (sums[k + 1] - sums[start]) / (k + 1 - start);
  });
}

const lookup = (state, data) => ({ ...data, tracks: data.tracks.map((t) => ({ ...t, smooth: runningMean(t.mean, state.smooth) })) });

function caption(state, found) {
  if (!found.steps) return "No step was recorded yet.";
  const loss = found.tracks.find((t) => t.kind === "loss"), norms = found.tracks.filter((t) => t.kind === "norm" && t.x.length);
  const told = [`${found.steps} steps${{ running: " so far.", stopped: ", stopped." }[found.status] || "."}`];
  if (loss && loss.x.length)
    told.push(`The loss, as running mean, went from ${short(loss.smooth[0])} to ${short(final(loss.smooth))}; its lowest value is ${short(least(loss.low))}.`);
  if (norms.length) {
    const ends = [...norms].sort((a, b) => final(a.mean) - final(b.mean));
    const [small, large] = [ends[0], final(ends)].map((t) => `${short(final(t.mean))} (${t.name})`);
    told.push(norms.length > 1 ? `Gradient norms lie between ${small} and ${large}.` : `The gradient norm is ${large}.`);
  }
  const bad = found.tracks.filter((t) => t.bad.length && t.kind !== "norm").sort((a, b) => a.bad[0] - b.bad[0] || (a.name < b.name ? -1 : 1))[0];
  if (bad) told.push(`In step ${bad.bad[0]} ${bad.name} became ${bad.bad[1]}.`);
  if (found.layer) told.push(`A gradient was not finite; nearest to the loss that of ${found.layer}.`);
  return told.join(" ");
}

const rows = (state, found) => [["quantity", "last", "lowest", "highest", "first not finite"], ...found.tracks.map((t) => [
  t.kind === "norm" ? `gradient norm of ${t.name}` : t.name, t.last,
  ...(t.x.length ? [short(least(t.low)), short(most(t.high))] : ["", ""]), t.bad.length ? `step ${t.bad[0]}: ${t.bad[1]}` : "",
])];

/** Limits of an axis with some room; of a logarithmic one, factors. */
function limits(tracks, log) {
  const low = Math.min(...tracks.map((t) => least(t.low))), high = Math.max(...tracks.map((t) => most(t.high)));
  if (!Number.isFinite(low)) return [0, 1];
  if (log) return [low / 1.3, high * 1.3];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

function panel(words, tracks, all, log, picked, steps) {
  const last = Math.max(1, steps - 1), y = limits(tracks, log);
  const few = log && y[1] / y[0] < 10 ? [y[0] * 1.3, y[1] / 1.3] : undefined;
  const plot = axes({ width: 300, height: 230, x: [0, last], y, logy: log, xlabel: "step", ylabel: "", title: words, xticks: ticks(0, last, 3), yticks: few && (few[0] < few[1] ? few : [few[0]]) });
  tracks.forEach((t, k) => {
    const xs = Array.from(t.x, plot.X), ys = (v) => Array.from(v, plot.Y), faint = picked >= 0 && picked !== k;
    if (t.kind === "loss" && xs.length) // a band, which is a line where buckets hold one step
      plot.plot.append(s("path", { d: pathOf([...xs, ...[...xs].reverse()], [...ys(t.low), ...ys(t.high).reverse()]), fill: COLOURS[k % 6], stroke: COLOURS[k % 6], opacity: 0.35 }));
    plot.plot.append(line(xs, ys(t.kind === "loss" ? t.smooth : t.mean), k, faint ? { opacity: 0.25, "stroke-width": 1 } : picked === k ? { "stroke-width": 2.6 } : {}));
    const every = Math.max(1, Math.ceil(xs.length / 7));
    if (t.kind !== "loss" && !faint) xs.forEach((x, n) => { if ((xs.length - 1 - n) % every === 0) plot.plot.append(mark(x, plot.Y(t.mean[n]), k, 3.5)); });
  });
  for (const t of all.filter((one) => one.bad.length && one.kind !== "norm")) {
    const x = plot.X(t.bad[0]), left = x > 180;
    plot.node.append(s("path", { d: `M${x} ${plot.box[1]}V${plot.box[3]}`, stroke: COLOURS[1], "stroke-width": 2, "stroke-dasharray": "2 3" }),
      s("text", { x: x + (left ? -4 : 4), y: plot.box[1] + 12, "text-anchor": left ? "end" : "start" }, `${t.name} ${t.bad[1]}, step ${t.bad[0]}`));
  }
  return plot.node;
}

/** Ask Jupyter's server, where this page is its own, to interrupt the kernel; says whether it did. */
async function interrupt(kernel) {
  try {
    const { baseUrl, token } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
    const headers = { ...(token && { Authorization: `token ${token}` }), ...(xsrf && { "X-XSRFToken": xsrf }) };
    return !!kernel && (await fetch(`${baseUrl}api/kernels/${kernel}/interrupt`, { method: "POST", headers })).ok;
  } catch {
    return false;
  }
}

function mount(view) {
  const charts = new Map(), { data, model } = view;
  const names = h("div", { class: "edf-buttons", role: "group", "aria-label": "Parameters", style: "flex:1 1 100%" });
  const told = h("span", { class: "edf-told", role: "status" });
  const stop = button("Stop", async () => {
    told.textContent = "Stopping after the step under way.";
    if (await interrupt(data.kernel)) return;
    model.send({ stop: true });
    setTimeout(() => {
      if (data.status === "running") told.textContent = "This kernel reads no messages while a cell runs: interrupt it instead (the square button, or the keys I, I).";
    }, 1500);
  });
  const top = h("div", { class: "edf-buttons", style: "flex:1 1 100%" }, stop, told);
  const panels = h("div", { style: "flex:1 1 100%;display:flex;flex-wrap:wrap;gap:0.5rem" });
  view.picture.append(top, panels, names);
  view.on("msg:custom", (content, buffers) => {
    if (!content.curves) return;
    Object.assign(data, unpack(JSON.parse(JSON.stringify(content.curves), (_, v) => (v && v.buffer !== undefined ? { ...v, data: buffers[v.buffer] } : v))));
    view.set({}, false);
  });
  view.on("change:data", () => {
    Object.assign(data, unpack(model.get("data")));
    view.set({}, false);
  });
  let listed = "";

  return (state, found) => {
    stop.disabled = found.status !== "running";
    stop.style.opacity = stop.disabled ? 0.5 : 1;
    if (stop.disabled && told.textContent) told.textContent = found.status === "stopped" ? "Stopped." : "";
    top.style.display = model.get("frozen") ? "none" : "";
    const norms = found.tracks.filter((t) => t.kind === "norm");
    if (listed !== norms.map((t) => t.name).join("|")) {
      listed = norms.map((t) => t.name).join("|");
      names.replaceChildren(norms.length ? "Gradient norms: " : "", ...norms.map((t, k) => button("", () => view.set({ pick: view.state.pick === k ? -1 : k }))));
      [...names.children].forEach((made, k) => made.append(s("svg", { width: 34, height: 12, "aria-hidden": "true" }, line([1, 31], [6, 6], k), mark(16, 6, k, 4)), norms[k].name));
    }
    [...names.children].forEach((made, k) => made.setAttribute("aria-pressed", String(k === state.pick)));
    for (const [kind, words] of PANELS) {
      const all = found.tracks.filter((t) => t.kind === kind), tracks = all.filter((t) => t.x.length);
      if (!all.length && (kind !== "loss" || found.tracks.length)) { charts.get(kind)?.remove(); charts.delete(kind); continue; }
      if (!charts.has(kind)) {
        charts.set(kind, picture(300, 230, words, { style: "flex:1 1 15rem;max-width:24rem" }));
        panels.replaceChildren(...PANELS.map(([k]) => charts.get(k)).filter(Boolean));
      }
      const log = tracks.length > 0 && (kind === "norm" || (kind === "loss" && state.log)) && tracks.every((t) => least(t.low) > 0);
      const title = kind === "other" ? all.map((t) => t.name).join(", ") : kind === "loss" && found.tracks.length ? "loss: range and running mean" : words;
      charts.get(kind).replaceChildren(panel(title, tracks, all, log, kind === "norm" ? state.pick : -1, found.steps));
    }
  };
}

const scene = { name: "monitor", lookup, caption, rows, mount };
export default widget(scene);
export { scene };
