// The same matrices, sums and texts as scenes/microscope.py; clicking a cell or arrow keys choose the entry.

// Indices carried, index summed over, factors, line of backward.
const VALUES = {
  y: ["bj", "i", [["x", "bi"], ["W", "ij"]]], z: ["bj", "", [["y", "bj"], ["beta", "j"]]],
  "x.grad": ["bi", "j", [["y.grad", "bj"], ["W", "ij"]], "x.grad += y.grad @ W.T"], 
  "W.grad": ["ij", "b", [["x", "bi"], ["y.grad", "bj"]], "W.grad += x.T @ y.grad"],
  "beta.grad": ["j", "b", [["z.grad", "bj"]], "beta.grad += z.grad.sum(axis=0)"],
};
const GRIDS = { Forward: [["x", "bi", "x, given"], ["W", "ij", "W, given"], ["y", "bj", "y = xW"], ["beta", "j", "beta, given"], ["z", "bj", "z = y + beta"]],
  Backward: [["x.grad", "bi"], ["W.grad", "ij"], ["z.grad", "bj", "y.grad = z.grad, given"], ["beta.grad", "j"]] };

const key = (name) => name.replace("y.g", "z.g").replace(".", "_");
const indexed = (name, indices, at) => `${name}[${[...indices].map((l) => at[l] ?? l)}]`;
const bracketed = (v) => (v < 0 ? `(${short(v)})` : short(v));
const shaped = (values, shape) => Object.assign(Float64Array.from(values), { shape });
const cellsOf = (rows, columns) => range(rows * columns).map((k) => [Math.floor(k / columns), k % columns]);
const two = (shape) => [1, ...shape].slice(-2);
const axesOf = (indices) => [..." " + indices].slice(-2);

/** As whole_numbers: a block of 5 by 5 behind the first 3, cut. */
function whole(seed, rows, columns, most) {
  let v = (seed + 1) ** 3;
  const block = range(28).map(() => ((v = (16807 * v) % (2 ** 31 - 1)) % (2 * most + 1)) - most);
  return shaped(cellsOf(rows, columns).map(([r, c]) => block[3 + 5 * r + c]), [rows, columns]);
}

/** The entries of an array that carry the indices `at`. */
function taken(array, indices, at) {
  const [down, across] = axesOf(indices), cells = cellsOf(...two(array.shape));
  return array.filter((_, k) => cells[k][0] === (at[down] ?? cells[k][0]) && cells[k][1] === (at[across] ?? cells[k][1]));
}
const times = (parts) => parts.reduce((a, b) => a.map((v, k) => v * b[k]));

/** All entries of a value, each the sum of the products of its factors. */
function summed(found, [carries, , factors], sizes) {
  const [down, across] = axesOf(carries), shape = [...carries].map((l) => sizes[l]);
  return shaped(cellsOf(...two(shape)).map(([r, c]) =>
    times(factors.map(([name, indices]) => taken(found[key(name)], indices, { [down]: r, [across]: c }))).reduce((a, b) => a + b)), shape);
}

const pointed = ({ at }, { row, column }) => {
  const [down, across] = axesOf(VALUES[at][0]);
  return { [down]: row, [across]: column };
};

function simulate(state) {
  const { B, I, J, seed, at: name } = state, sizes = { b: B, i: I, j: J };
  const f = { x: whole(4 * seed, B, I, 3), W: whole(4 * seed + 1, I, J, 3), beta: shaped(whole(4 * seed + 2, 1, J, 3), [J]), z_grad: whole(4 * seed + 3, B, J, 2) };
  for (const one of ["y", "x.grad", "W.grad", "beta.grad"]) f[key(one)] = summed(f, VALUES[one], sizes);
  f.z = shaped(f.y.map((v, k) => v + f.beta[k % J]), [B, J]);
  const [carries, sums, factors, made] = VALUES[name], [height, width] = two(f[key(name)].shape);
  f.row = Math.min(state.row, height - 1);
  f.column = Math.min(state.column, width - 1);
  f.value = f[key(name)][f.row * width + f.column];
  const at = pointed(state, f), parts = factors.map(([n, indices]) => taken(f[key(n)], indices, at));
  const entry = indexed(name, carries, at), spelled = (given) => factors.map(([n, indices]) => indexed(n, indices, given));
  f.first = parts[0];
  f.second = parts[parts.length - 1];
  f.terms = sums ? times(parts) : shaped([...f.first, ...f.second]);
  const numbers = Array.from(f.terms, (v, k) => (sums ? parts.map((p) => bracketed(p[k])).join("*") : bracketed(v)));
  f.symbols = `${indexed(name, carries, {})} = ${sums ? ["sum_" + sums, ...spelled({})].join(" ") : spelled({}).join(" + ")}`;
  f.equation = `${entry} = ${numbers.join(" + ")} = ${short(f.value)}`;
  f.loop = sums ? `for ${sums} in range(${numbers.length}): ${entry} += ${spelled(at).join(" * ")}` : `${entry} = ${spelled(at).join(" + ")}`;
  f.einsum = sums
    ? indexed(`np.einsum("${factors.map(([, i]) => i)}->${carries}", ${factors.map(([n]) => n).join(", ")})`, carries, at)
    : factors.map(([n, i]) => indexed(`np.einsum("${i}->${i}", ${n})`, i, at)).join(" + ");
  const sliced = spelled({ b: ":", i: ":", j: ":", ...at }), lists = parts.map((p) => `[${Array.from(p, (v) => short(v)).join(", ")}]`);
  const one = `[${at.b},${at.j}]`, sent = bracketed(f.z_grad[at.b * J + at.j]);
  f.backward = made ? `${made}\n# ${entry}: ${sliced.join(" @ ")} = ${lists.join(" @ ")}`
    : sums ? `x.grad[${at.b},:] += y.grad${one} * ${sliced[1]}  # ${sent} * ${lists[1]}\nW.grad[:,${at.j}] += y.grad${one} * ${sliced[0]}  # ${sent} * ${lists[0]}`
      : `y.grad${one} += z.grad${one}  # ${sent}\nbeta.grad[${at.j}] += z.grad${one}  # ${sent}`;
  return f;
}

function caption(state, found) {
  const [carries, sums] = VALUES[state.at], at = pointed(state, found), n = found.terms.length;
  const carried = `${indexed(state.at, carries, at)} = ${short(found.value)} carries ${[...carries].join(" and ")}`;
  if (!sums) return `${carried}, as y does, and nothing is summed. beta[${at.j}] lacks b and serves every instance, so beta.grad sums over b.`;
  const start = `${carried} and is the sum over ${sums}, the index that it lacks: ${n} term${n === 1 ? "" : "s"}`;
  if (sums === "b") return `${start}, ${n === 1 ? "from the only" : "one from each"} instance of the batch.`;
  return `${start}, all from instance ${at.b}. The batch is not summed: no other instance takes part.`;
}

function rows(state, found) {
  const [, sums, factors] = VALUES[state.at], at = pointed(state, found), both = factors.length > 1, total = short(found.value);
  const parts = factors.map(([name, indices]) => indexed(name, indices, at));
  if (!sums) return [["term", "number"], ...parts.map((p, k) => [p, short(found.terms[k])]), ["sum", total]];
  const columns = both ? [found.first, found.second, found.terms] : [found.first];
  return [[sums, ...parts, ...(both ? ["product"] : [])],
    ...range(found.terms.length).map((k) => [`${sums} = ${k}`, ...columns.map((c) => short(c[k]))]), ["sum", ...(both ? ["", ""] : []), total]];
}

// An entry is framed solid, its first factor dashed, its second dotted; what the reader's own backward has otherwise is struck through.
const STYLE = `.edf{.mg{display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;align-items:flex-start}
.mn{margin:.3rem 0}
.mc{display:grid;gap:3px}
.mc>*{width:34px;height:30px;padding:0;display:grid;place-items:center;border:1px solid var(--edf-rule);border-radius:3px}
.mc>button{border-color:var(--edf-soft)}
.mc>i{border:0;width:auto;font-size:12px;height:auto}
[data-lit]{--k:var(--edf-c2);--l:solid}
[data-lit="0"]{--k:var(--edf-c0);--l:dashed}
[data-lit="1"]{--k:var(--edf-c1);--l:dotted}
.mg [data-lit]:not([data-lit="-1"]){border:3px var(--l) var(--k);background:color-mix(in srgb,var(--k) 18%,transparent);font-weight:700}
.mg .mk{padding:0 .4rem}
[data-mine]{box-shadow:inset 0 -4px var(--edf-c4);text-decoration:line-through double}
.ml{margin:0;display:grid;grid-template-columns:7rem minmax(0,1fr);flex:1 1 26rem}
.ml dd{margin:0;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.mw>*{font-weight:700;border:2px solid var(--edf-c2)}
@media (max-width:30rem){.ml{display:block}}}`;

function mount(view) {
  const grids = h("div"), legend = h("div", { class: "mg mn" }), yours = h("p", { class: "edf-told" });
  const texts = [["symbols", "index equation"], ["equation", "in numbers"], ["loop"], ["einsum"], ["backward"]].map(([name, words]) =>
    [name, h("dt", { class: "edf-told" }, words || name), h("dd")]);
  const claims = tableOf([["entry", "carries", "sums over"], ...Object.entries(VALUES).map(([name, [carries, sums]]) =>
    [name, [...carries].join(", "), sums === "b" ? "b, the batch" : sums || "nothing"])]);
  view.picture.append(h("div", { style: "width:100%" }, h("style", {}, STYLE), grids, legend, yours,
    h("div", { class: "mg" }, h("dl", { class: "ml" }, texts.map((one) => one.slice(1))), claims)));
  let built = "", cells = [];

  const choose = (at, row, column) => view.set({ at, row, column });
  const head = (words) => h("i", {}, words);
  const arrow = (event, name, row, column, [height, width]) => {
    const k = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].indexOf(event.key), by = (k % 2) * 2 - 1;
    if (k < 0) return;
    event.preventDefault();
    const r = clamp(row + (k > 1 && by), 0, height - 1), c = clamp(column + (k < 2 && by), 0, width - 1);
    choose(name, r, c);
    cells.find((one) => one.name === name && one.row === r && one.column === c).node.focus();
  };
  const grid = ([name, indices, words = name], found) => {
    const shape = two(found[key(name)].shape), [down, across] = axesOf(indices), own = name in VALUES, flat = down === " ";
    const made = [flat ? across : `${down}\\${across}`, ...range(shape[1])].map(head);
    for (const [row, column] of cellsOf(...shape)) {
      const one = h(own ? "button" : "span", own && {
        onclick: () => choose(name, row, column), onkeydown: (event) => arrow(event, name, row, column, shape),
      });
      cells.push({ node: one, name, row, column, own, at: { [down]: row, [across]: column } });
      made.push(...(column ? [] : [head(flat ? "" : row)]), one);
    }
    return h("div", { role: "group", "aria-label": words }, h("b", {}, words), h("div", { class: "mc", style: `grid-template-columns:20px repeat(${shape[1]},34px)` }, made));
  };

  // An answer about the reader's backward may still be that of an earlier state; one stop of the Tab key in each matrix.
  return (state, found) => {
    const size = `${state.B} ${state.I} ${state.J}`;
    if (size !== built) {
      cells = [];
      grids.replaceChildren(...Object.entries(GRIDS).flatMap(([pass, list]) => [h("p", { class: "mn edf-told" }, pass),
        h("div", { class: "mg" }, list.map((one) => grid(one, found)))]));
      built = size;
    }
    const [carries, , factors] = VALUES[state.at], at = pointed(state, found);
    const lit = (name, place) => {
      const fits = (indices) => [...indices].every((l) => (at[l] ?? place[l]) === place[l]);
      if (name === state.at) return fits(carries) ? 2 : -1;
      return factors.findIndex(([n, indices]) => key(n) === key(name) && fits(indices));
    };
    const mine = found.mine?.of === `${size} ${state.seed}` ? found.mine : {};
    for (const { node: one, name, row, column, own, at: place } of cells) {
      const array = found[key(name)], n = row * two(array.shape)[1] + column, v = array[n], other = (mine[key(name)] || array)[n];
      const k = lit(name, place), differs = !(Math.abs(other - v) < 1e-9);
      if (one.textContent !== short(v)) one.textContent = short(v);
      one.dataset.lit = k;
      one.toggleAttribute("data-mine", differs);
      if (!own) continue;
      one.setAttribute("aria-label", `${indexed(name, VALUES[name][0], place)} = ${short(v)}${differs ? ", yours " + short(other) : ""}`);
      one.setAttribute("aria-current", k === 2);
      one.tabIndex = (name === state.at ? k === 2 : !row && !column) ? 0 : -1;
    }
    legend.replaceChildren(...[[2, [state.at, carries]], ...factors.map((f, k) => [k, f])].map(([k, [name, indices]]) =>
      h("span", { class: "mk", "data-lit": k }, indexed(name, indices, at))));
    yours.textContent = mine.told || "";
    for (const [name, , where] of texts) where.textContent = found[name];
    for (const tr of claims.tBodies[0].rows) tr.classList.toggle("mw", tr.cells[0].textContent === state.at);
  };
}

const scene = { name: "microscope", simulate, caption, rows, mount };
export default widget(scene);
export { scene };
