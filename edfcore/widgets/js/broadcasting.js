// The same shapes, strides, sums and texts as scenes/broadcasting.py; clicking a cell of c or arrow keys point at it.

const EXAMPLES = "4,3+3|3,1+4|4,3+4|5,3,2+3,2|5,3,2+5,2|5,3,2+5,3|5,3,2+5,1,2|5,3,2+1,3,2|5,3,2+5,3,1|5,3,2+".split("|");

function shapeOf(text) {
  const inner = text.replace(/^[( ]+|[, )]+$/g, ""), parts = inner ? inner.split(/ *, */) : [];
  return parts.length < 6 && parts.every((part) => /^\d{1,4}$/.test(part) && part > 0 && part <= 1000) ? parts.map(Number) : null;
}

const tuple = (shape) => `(${Array.from(shape).join(", ")}${shape.length === 1 ? "," : ""})`;
const padded = (shape, width) => [...Array(Math.max(width - shape.length, 0)).fill(1), ...shape];
const product = (shape) => shape.reduce((a, b) => a * b, 1);
const both = (a, b) => padded(a, b.length).map((m, k) => [m, padded(b, a.length)[k]]);
const clashing = (a, b) => both(a, b).flatMap(([m, n], k) => (m !== n && m !== 1 && n !== 1 ? [k] : []));
const common = (a, b) => both(a, b).map((pair) => Math.max(...pair));
const pairs = (two) => two.map((one, k) => ["ab"[k], one]);
const drawn = (size) => (size <= 6 ? range(size) : [0, 1, 2, 3, size - 1]);
const source = (shape, index) => Array.from(shape, (size, k) => (size === 1 ? 0 : index[index.length - shape.length + k]));
const numberAt = (name, shape, index) => (name === "a" ? 1 : 100) * (1 + source(shape, index).reduce((at, k, n) => at * shape[n] + k, 0));
const listed = (axes) => (axes.length === 1 ? `axis ${axes[0]}` : `axes ${[...axes].slice(0, -1).join(", ")} and ${axes.at(-1)}`);
const array = (values) => Float64Array.from(values);

function trouble(a, b, state) {
  for (const [name, shape] of pairs([a, b]))
    if (!shape) return `${name} is "${state[name]}"; this widget shows at most 5 axes, of 1 to 1000, with commas between them, such as 4,3.`;
  const entries = product(common(a, b));
  if (entries > 1e6) return `The result would hold ${short(entries)} entries; at most 1000000 are shown.`;
}

function clash(a, b, axes) {
  const sizes = axes.map((k) => both(a, b)[k]).map(([m, n]) => `${m} in a and ${n} in b`).join(", "), [start, none] = axes[1] ? ["clash", "none"] : ["clashes", "neither"];
  const told = `A${listed(axes).slice(1)} ${start}: ${sizes}, and ${none} is 1. NumPy says: operands could not be broadcast together with shapes ${[a, b].map((shape) => tuple(shape).replaceAll(" ", "")).join(" ")}.`;
  const [name, shape, other] = a.length < b.length ? ["a", a, b] : ["b", b, a];
  for (let place = shape.length; place > 0 && a.length !== b.length; place--) {
    const more = [...shape.slice(0, place), 1, ...shape.slice(place)];
    if (!clashing(more, other).length) return `${told} ${name}[${[...range(place).map(() => ":"), "None"].join(", ")}], of shape ${tuple(more)}, would fit.`;
  }
  return told;
}

function simulate(state) {
  const a = shapeOf(state.a), b = shapeOf(state.b), why = trouble(a, b, state);
  if (why) return { fits: 0, why, clashes: array([]) };
  const axes = clashing(a, b);
  if (axes.length) return { fits: 0, why: clash(a, b, axes), clashes: array(axes) };
  const result = common(a, b), width = result.length;
  const index = [0, 0, state.sheet, state.row, state.column].slice(5 - width).map((k, n) => (drawn(result[n]).includes(k) ? k : result[n] - 1));
  const found = { fits: 1, shape: array(result), copied: state.bytes * product(result), index: array(index), entry: 0 };
  const named = (name, at) => (at.length ? `${name}[${at.join(",")}]` : name);
  for (const [name, shape] of pairs([a, b])) {
    const wide = padded(shape, width);
    found[`strides_${name}`] = array(wide.map((size, k) => (size === 1 ? 0 : state.bytes * product(wide.slice(k + 1)))));
    found[`held_${name}`] = state.bytes * product(shape);
    found[`sums_${name}`] = array(range(width).filter((k) => k < width - shape.length || (wide[k] === 1 && result[k] !== 1)));
    found[`grad_${name}`] = array(shape);
    found[`repeats_${name}`] = product(result) / product(shape);
    found.entry += found[`entry_${name}`] = numberAt(name, shape, index);
  }
  found.point = `${named("c", index)} = ${named("a", source(a, index))} + ${named("b", source(b, index))} = ${found.entry_a} + ${found.entry_b} = ${found.entry}`;
  return found;
}

function stretched(name, found) {
  const axes = listed(found[`sums_${name}`]), times = found[`repeats_${name}`];
  if (times === 1) return `${name} gets ${axes} in front, of size 1, and nothing of it is stretched; backward takes ${found["sums_" + name].length === 1 ? "it" : "them"} away again.`;
  return `${name} is stretched along ${axes}: ${found["held_" + name]} bytes are held where copies would take ${found.copied}, each entry is read ${times} times, and backward sums ${name}.grad over ${axes}.`;
}

function caption(state, found) {
  if (!found.fits) return found.why;
  const start = `${tuple(shapeOf(state.a))} and ${tuple(shapeOf(state.b))} give ${tuple(found.shape)}, compared from the right.`;
  const told = [..."ab"].filter((name) => found[`sums_${name}`].length).map((name) => stretched(name, found));
  return [start, ...(told.length ? told : ["No axis is stretched, and backward sums nothing."])].join(" ");
}

function rows(state, found) {
  const shapes = [shapeOf(state.a), shapeOf(state.b)];
  if (!found.fits) return [["", "a", "b"], ["shape", ...shapes.map((shape) => (shape ? tuple(shape) : "no shape"))]];
  const of = (key, tell = String) => [tell(found[`${key}_a`]), tell(found[`${key}_b`])];
  return [["", "a", "b", "result c"], ["shape", ...shapes.map(tuple), tuple(found.shape)], ["strides (bytes)", ...of("strides", tuple), ""],
    ["bytes held", ...of("held"), found.copied + ""], ["reads of each entry", ...of("repeats"), ""],
    ["backward sums over", ...of("sums", (axes) => (axes.length ? listed(axes) : "nothing")), ""], ["shape of the gradient", ...of("grad", tuple), tuple(found.shape)]];
}

// Stretched axes and copies are hatched; the entry pointed at is framed solid, what it reads of a dashed, of b dotted.
const STYLE = `.edf{.bf{display:flex;flex-wrap:wrap;gap:.3rem 1rem}
.bg{display:grid;gap:2px}
.bg>*{width:34px;height:28px;padding:0;display:grid;place-items:center;border:1px solid var(--edf-soft);border-radius:3px}
.bg>*,.bs{font-size:12px}
.bg>i{border:0}
[data-copy]{border-style:dashed;background:repeating-linear-gradient(45deg,transparent 0 4px,var(--edf-rule) 4px 6px)}
.bg>[data-lit="2"]{border:3px solid var(--edf-c2)}
.bg>[data-lit="0"]{border:3px dashed var(--edf-c0)}
.bg>[data-lit="1"]{border:3px dotted var(--edf-c1)}
td.bx{border:4px double var(--edf-c1)}
td.by{border:3px dashed var(--edf-c4)}}`;

function mount(view) {
  const examples = EXAMPLES.map((text, k) => {
    const [a, b] = text.split("+"), quiz = k > 2 ? `${"ABCDEFG"[k - 3]}: ` : "";
    return { a, b, one: button(`${quiz}(${a}) + (${b})`, () => view.set({ a, b })) };
  });
  const table = h("div"), arrays = h("div", { class: "bf" }), point = h("p", { style: "white-space:pre-line" });
  view.picture.append(h("div", { style: "width:100%" }, h("style", {}, STYLE),
    h("div", { class: "bf" }, examples.map((e) => e.one)), table, arrays, point));
  let built = "", cells = [];

  const arrow = (event, shape, index) => {
    const k = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown"].indexOf(event.key), axis = shape.length - 1 - (k >> 1);
    if (k < 0 || axis < 0) return;
    event.preventDefault();
    const places = drawn(shape[axis]), at = places.indexOf(index[axis]) + (k % 2) * 2 - 1;
    view.set({ [["column", "row", "sheet"][k >> 1]]: places[clamp(at, 0, places.length - 1)] });
    cells.find((one) => one.node.tabIndex === 0).node.focus();
  };
  const align = (shapes, found, axis) => {
    const sizes = both(...shapes), width = sizes.length, head = (words) => h("th", {}, words);
    const row = (name, made) => h("tr", {}, head(name), made);
    const given = (shape, n) => sizes.map((pair, k) => {
      const none = k < width - shape.length, copy = pair[n] === 1 && pair[1 - n] > 1;
      return h("td", { "data-copy": copy, class: found.clashes?.includes(k) && "bx" }, none ? "none" : pair[n]);
    });
    return h("table", {}, row("axis", sizes.map((_, k) => head(`${k} (${k - width})`))), pairs(shapes).map(([name, shape], n) => row(name, given(shape, n))),
      row("rule", sizes.map(([m, n]) => h("td", {}, m === n ? "equal" : m === 1 ? "a stretched" : n === 1 ? "b stretched" : "clash"))),
      found.fits ? row("c", common(...shapes).map((n, k) => h("td", { class: k - width === axis && "by" }, n))) : null);
  };
  const block = (name, shape, full, shapes, found) => {
    const three = padded(full, 3), [sheets, down, across] = three.map(drawn), own = name === "c";
    const cell = (...place) => {
      const index = place.slice(3 - full.length), copy = !own && padded(shape, full.length).some((size, k) => size === 1 && index[k] > 0);
      const value = own ? numberAt("a", shapes[0], index) + numberAt("b", shapes[1], index) : numberAt(name, shape, index);
      const [sheet, row, column] = place, made = h(own ? "button" : "span", own ? {
        "aria-label": `c[${index}] = ${value}`, onkeydown: (event) => arrow(event, full, index), onclick: () => view.set({ sheet, row, column }),
      } : { "data-copy": copy }, value < 1e6 ? value : short(value, 2));
      if (value > 99999) Object.assign(made.style, { fontSize: "9px", letterSpacing: "-.6px" });
      cells.push({ node: made, name, copy, index: `${index}`, from: `${source(shape, index)}` });
      return made;
    };
    const all = (places, make, style) => places.flatMap((k, n) => [n === 4 && k > 4 ? h("i", { style }, "\u2026") : [], make(k)].flat());
    const sums = found[`sums_${name}`];
    const words = `${name} ${tuple(shape)}`;
    return h("div", { role: "group", "aria-label": words }, h("b", {}, words),
      h("div", { class: "bf" }, all(sheets, (sheet) => h("div", {}, three[0] > 1 ? h("span", { class: "bs" }, `sheet ${sheet}`) : null,
        h("div", { class: "bg", style: `grid-template-columns:repeat(${across.length + (three[2] > 6)},34px)` },
          all(down, (r) => all(across, (c) => cell(sheet, r, c)), "grid-column:1/-1"))))),
      sums ? h("div", { class: "bs" }, `strides ${tuple(found["strides_" + name])}, ${found["held_" + name]} bytes held`, h("br"),
        `${name}.grad = c.grad${sums.length ? " summed over " + listed(sums) : ""}`) : null);
  };

  return (state, found) => {
    const a = shapeOf(state.a), b = shapeOf(state.b), size = `${state.a}|${state.b}`, mine = found.mine?.of === size ? found.mine : {};
    const now = size + state.bytes + mine.told;
    if (built !== now) {
      built = now;
      cells = [];
      const shown = found.fits || found.clashes.length, full = found.fits && [...found.shape];
      table.replaceChildren(...(shown ? [align([a, b], found, mine.axis)] : []));
      arrays.replaceChildren(...(!shown ? [] : both(a, b).length > 3 ? ["More than 3 axes are not drawn."]
        : [...pairs([a, b]), ...(full ? [["c", full]] : [])].map(([name, shape]) => block(name, shape, full || shape, [a, b], found))));
    }
    for (const { node: one, name, index, copy, from } of cells) {
      const here = index === `${found.index}`;
      const lit = found.fits && (name === "c" ? here : (here || !copy) && from === `${source({ a, b }[name], found.index)}`);
      one.dataset.lit = lit ? "abc".indexOf(name) : "";
      if (name === "c") one.tabIndex = here ? 0 : -1;
    }
    for (const e of examples) e.one.setAttribute("aria-pressed", e.a === state.a && e.b === state.b);
    point.textContent = [found.point, mine.told].join("\n");
  };
}

const scene = { name: "broadcasting", simulate, caption, rows, mount };
export default widget(scene);
export { scene };
