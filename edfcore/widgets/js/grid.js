// The same counts as scenes/grid.py.

const { floor, ceil, min, max } = Math;
const WARP = 32, SECTOR = 32, LINE = 128, [EMPTY, IDLE, FIRST, SECOND] = range(4);
const TESTS = {
  none: ["at work", () => true], parity: ["i % 2 == 0", (i) => i % 2 === 0],
  half: ["i % 32 < 16", (i) => i % 32 < 16], warp: ["i // 32 % 2 == 0", (i) => floor(i / 32) % 2 === 0],
};

const NAMES = ["threads", "lanes", "lanes without work", "warps at work", "divergent: branch", "divergent: i < n", "32-byte sectors", "least sectors",
  "128-byte lines", "bytes asked for", "bytes moved"];

const kindOf = ({ n, block, branch }, i, t) => (t >= block ? EMPTY : i >= n ? IDLE : TESTS[branch][1](i) ? FIRST : SECOND);
const segments = (addresses, size, width) => new Set(addresses.flatMap((a) => [floor(a / width), floor((a + size - 1) / width)])).size;

function simulate(state) {
  const { n, block, stride, offset, size } = state, blocks = ceil(n / block), per = ceil(block / WARP);
  const at_block = min(state.at_block, blocks - 1), at_warp = min(state.at_warp, per - 1), launch = new Float64Array(NAMES.length);
  const address = (i) => (i * stride + offset) * size;
  let warp;
  for (let k = 0; k < blocks * per; k++) {
    const first = (k % per) * WARP, reads = [], did = [0, 0, 0, 0];
    for (let t = first; t < first + WARP; t++) {
      const i = floor(k / per) * block + t, kind = kindOf(state, i, t);
      did[kind]++;
      if (kind >= FIRST) reads.push(address(i));
    }
    const sectors = segments(reads, size, SECTOR), asked = reads.length * size;
    const counts = [WARP - did[EMPTY], WARP, WARP - reads.length, asked > 0, did[FIRST] && did[SECOND] > 0, asked && did[IDLE] > 0,
      sectors, ceil(asked / SECTOR), segments(reads, size, LINE), asked, SECTOR * sectors].map(Number);
    counts.forEach((v, c) => (launch[c] += v));
    if (k === at_block * per + at_warp) warp = Float64Array.from(counts);
  }
  const kinds = Float64Array.from(range(per * WARP), (t) => kindOf(state, at_block * block + t, t));
  kinds.shape = [per, WARP];
  const element = Float64Array.from(range(WARP), (l) => at_block * block + at_warp * WARP + l);
  const where = element.map((i, l) => (kinds[at_warp * WARP + l] >= FIRST ? address(i) : -1));
  return { blocks, warps: blocks * per, at_block, at_warp, launch, warp, kinds, element, where };
}

const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const efficient = (c) => (c[10] ? `${short((100 * c[9]) / c[10])} %` : "-");

function caption(state, { blocks, warps, at_block, at_warp, launch, warp }) {
  const [, lanes, idle, work, divergent] = launch;
  let told = `${count(state.n, "element")} on ${count(blocks, "block")} of ${state.block}: ${count(warps, "warp")}, ${idle} of ${lanes} lanes without work (${short((100 * idle) / lanes)} %).`;
  if (state.branch !== "none")
    told += ` Of ${count(work, "warp")} at work ${divergent || "none"} run${divergent > 1 ? "" : "s"} both ways of ${TESTS[state.branch][0]}${divergent ? ", in turn" : ""}.`;
  const who = `Warp ${at_warp} of block ${at_block}`, [sectors, least, , asked, moved] = warp.slice(6);
  if (!asked) return `${told} ${who} has no element and reads nothing.`;
  return `${told} ${who} asks for ${asked} bytes and moves ${moved}, in ${count(sectors, "sector")}: ${sectors === least ? "as few as" : least + " would"} hold them.`;
}

const rows = (state, f) => [["count", "launch", `warp ${f.at_warp} of block ${f.at_block}`],
  ...NAMES.map((name, k) => [name, String(f.launch[k]), String(f.warp[k])]), ["asked / moved", efficient(f.launch), efficient(f.warp)]];

// The picture

const LOOK = `.edf-gc { container-type: inline-size; width: 100%; }
.edf-gc p { margin: 0; min-height: 2.9em; }
.edf-gc svg { max-width: 30rem !important; user-select: none; touch-action: pan-y; }
.edf .edf-gl { display: grid; grid-template-columns: repeat(8, 1fr); gap: 3px;
@container (min-width: 34rem) { grid-template-columns: repeat(16, 1fr); }
button { --c: var(--edf-c0); padding: 0; background: color-mix(in srgb, var(--c) 25%, var(--edf-paper)); border: 2px solid var(--c); }
[data-k="3"] { --c: var(--edf-c1); border-style: dashed; }
:is([data-k="1"], [data-k="0"]) { border: 1px dotted; background: none; }
[aria-current="true"] { font-weight: 700; outline: 3px solid var(--edf-ink); outline-offset: -3px; } }`;

const WIDE = 340, LEFT = 48, ROOM = WIDE - LEFT, CELL = ROOM / WARP, TOP = 34, TALL = 200;
const RING = { fill: "none", stroke: "currentColor", "stroke-width": 3 }, THIN = { ...RING, "stroke-width": 0.7 }, HALO = { ...RING, stroke: "var(--edf-paper)", "stroke-width": 5 };
const box = (list, more) => s("path", { d: list.map(([x, y, w, t]) => `M${x} ${y}h${w}v${t}h-${w}z`).join(""), ...more });
const ink = (k) => ({ style: `fill:${COLOURS[k]}` });
const text = (x, y, text, anchor) => s("text", { x, y, "text-anchor": anchor }, text);
const marks = (n, tall, name) => range(n).filter((r) => r % ceil(n / 8) === 0).map((r) => text(LEFT - 6, TOP + (r + 0.5) * tall + 4, name(r), "end"));

function mount(view) {
  let f;
  const strip = picture(WIDE, 34, "Blocks"), map = picture(WIDE, TOP + TALL, "Lanes of the block"), memory = picture(WIDE, TOP + TALL + 36, "Memory that the warp reads");
  const striped = hatch(1), [bar, cells, bytes] = range(3).map(() => s("g"));
  const fill = [{ ...THIN, "stroke-dasharray": "1 3" }, THIN, ink(0), { fill: striped.fill }];
  strip.append(bar), map.append(striped.node, cells), memory.append(bytes);
  const per = () => f.kinds.length / WARP, row = () => min(40, TALL / per());
  const press = (svg, patch) => ["pointerdown", "pointermove"].forEach((type) => svg.addEventListener(type, (event) => event.buttons && view.set(patch(...pointer(svg, event)), false)));
  const placed = (part, n) => clamp(floor(part * n), 0, n - 1);
  press(strip, (x) => ({ at_block: placed((x - LEFT) / ROOM, f.blocks) }));
  press(map, (x, y) => ({ at_warp: placed((y - TOP) / row() / per(), per()), at_lane: placed((x - LEFT) / ROOM, WARP) }));
  const chosen = ["block", "warp"].map((what) => {
    const input = h("input", { type: "range", min: 0, "aria-label": `${what} looked at`, oninput: () => view.set({ [`at_${what}`]: Number(input.value) }) }), told = h("label", {});
    return { label: h("div", { class: "edf-control" }, told, input), show: (at, n) => { input.max = n - 1; input.value = at; told.textContent = `${what} ${at} of ${n}`; } };
  });
  const lanes = range(WARP).map((l) => button("", () => view.set({ at_lane: l })));
  const group = h("div", { class: "edf-gl", role: "group", "aria-label": "Lanes" }, lanes);
  group.addEventListener("keydown", (event) => {
    const wide = getComputedStyle(group).gridTemplateColumns.split(" ").length, by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[event.key];
    if (!by) return;
    event.preventDefault();
    const l = clamp(view.state.at_lane + by, 0, 31);
    view.set({ at_lane: l });
    lanes[l].focus();
  });
  const told = h("p", {});
  view.picture.append(h("style", {}, LOOK), h("div", { class: "edf-gc" },
    h("div", { class: "edf-controls" }, h("div", {}, chosen[0].label, strip, chosen[1].label, map), memory), group, told));

  const cut = (state) => {
    const one = ROOM / f.blocks, shown = max(one, 3);
    bar.replaceChildren(box([[LEFT, 4, (state.n / f.launch[0]) * ROOM, 24]], ink(0)), box([[LEFT, 4, ROOM, 24]], THIN),
      s("path", { d: f.blocks <= 64 ? range(f.blocks).map((k) => `M${LEFT + k * one} 4v24`).join("") : "", stroke: "var(--edf-paper)", "stroke-width": 2 }),
      box([[LEFT + min(f.at_block * one, ROOM - shown), 2, shown, 28]], RING));
    const tall = row(), y = TOP + f.at_warp * tall, list = range(4).map(() => []);
    f.kinds.forEach((k, t) => list[k].push([LEFT + (t % WARP) * CELL + 0.5, TOP + floor(t / WARP) * tall + 0.5, CELL - 1, tall - 1]));
    const [test] = TESTS[state.branch], other = state.branch === "none" ? [] : [[SECOND, 124, "else"]];
    map.setAttribute("viewBox", `0 0 ${WIDE} ${TOP + per() * tall + 3}`); // no room for warps that there are not
    cells.replaceChildren(...list.map((some, k) => box(some, fill[k])),
      ...[HALO, RING].map((look) => box([[LEFT - 1, y, ROOM + 2, tall], [LEFT + state.at_lane * CELL, y, CELL, tall]], look)), ...marks(per(), tall, String),
      ...[[FIRST, 0, test], ...other, [IDLE, 178, "idle"], [EMPTY, 228, "empty"]].flatMap(([k, x, name]) => [
        box([[LEFT + x, TOP - 19, 14, 12]], fill[k]), text(LEFT + x + 19, TOP - 8, name)]));
  };
  const recall = (state) => {
    const reads = [...f.where].filter((a) => a >= 0), first = floor(max(f.where[0], 0) / LINE) * LINE, height = reads.length ? floor((max(...reads) - first) / 512) + 1 : 1;
    const tall = min(40, TALL / height), touched = new Set(reads.map((a) => floor(a / SECTOR))), { at_lane } = state, end = TOP + height * tall;
    const place = (bytes, up, part) => (a) => [LEFT + (((a - first) % 512) * ROOM) / 512 + 0.5, TOP + (floor((a - first) / 512) + up) * tall, (bytes * ROOM) / 512 - 1, tall * part];
    const sector = place(SECTOR, 0.04, 0.88), asked = place(state.size, 0.14, 0.68), all = range(height * 16).map((k) => first + k * SECTOR), moved = (a) => touched.has(a / SECTOR);
    memory.setAttribute("viewBox", `0 0 ${WIDE} ${end + (f.mine ? 36 : 20)}`);
    bytes.replaceChildren(text(0, TOP - 8, "byte"), text(LEFT, TOP - 8, "filled: asked for; tinted sector: moved"), ...marks(height, tall, (r) => first + 512 * r),
      box(all.filter((a) => !moved(a)).map(sector), { ...THIN, opacity: 0.35 }), box(all.filter(moved).map(sector), { ...THIN, ...ink(2), "fill-opacity": 0.2 }),
      box(reads.map(asked), ink(2)), box(f.where[at_lane] < 0 ? [] : [asked(f.where[at_lane])], RING),
      text(LEFT, end + 16, `${count(f.warp[6], "sector")}, ${count(f.warp[8], "line")}; asked / moved: ${efficient(f.warp)}`));
    if (f.mine) bytes.append(box([...f.mine.where].filter((a) => a >= first && a < first + height * 512).map(place(state.size, 0.14, 0.3)), ink(4)),
      text(LEFT, end + 32, `yours, half height: ${count(f.mine.sectors_warp, "sector")}; launch: ${short(100 * f.mine.efficiency)} % needed`));
  };

  return (state, found) => {
    f = found;
    chosen[0].show(f.at_block, f.blocks);
    chosen[1].show(f.at_warp, per());
    cut(state);
    recall(state);
    const does = ["empty", "idle", TESTS[state.branch][0], "else"], { at_lane } = state;
    const kindAt = (l) => f.kinds[f.at_warp * WARP + l];
    const tell = (l) => `Lane ${l}: ${does[kindAt(l)]}${kindAt(l) ? ", i = " + f.element[l] : ""}` + (f.where[l] < 0 ? "" : `, reads x[${f.where[l] / state.size}], byte ${f.where[l]}`);
    lanes.forEach((one, l) => {
      one.dataset.k = kindAt(l);
      one.textContent = f.mine?.diverges === l ? `${l}\u2260` : l;
      one.tabIndex = l === at_lane ? 0 : -1;
      one.setAttribute("aria-current", String(l === at_lane));
      one.setAttribute("aria-label", tell(l));
    });
    const mine = f.mine ? `. Yours: ${f.mine.where[at_lane] < 0 ? "nothing" : "byte " + f.mine.where[at_lane]}; ${f.mine.diverges < 0 ? "no lane" : "first lane " + f.mine.diverges} reads elsewhere` : "";
    told.textContent = `${tell(at_lane)}${mine}.`;
  };
}

const scene = { name: "grid", simulate, caption, rows, mount };
export default widget(scene);
export { scene };
