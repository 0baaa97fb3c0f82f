// Runs widgets in a page without Jupyter: the part of anywidget's model that they use, over a plain object.
function edfModel(state) {
  const heard = {};
  return {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      (heard[`change:${name}`] || []).forEach((f) => f());
    },
    save_changes() {},
    send() {},
    on: (what, f) => (heard[what] = [...(heard[what] || []), f]),
    off: (what, f) => (heard[what] = (heard[what] || []).filter((g) => g !== f)),
  };
}
function edfBytes(value) {
  if (Array.isArray(value)) return value.map(edfBytes);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.base64 === "string") return new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, edfBytes(v)]));
}
const edfModules = {};
const edfSource = (script) => script.textContent.replaceAll("<\\/", "</").replaceAll("<\\!--", "<!--");
const [edfShared, ...edfOwn] = document.querySelectorAll('script[type="text/x-edf-module"]');
for (const script of edfOwn) {
  const text = edfSource(edfShared) + edfSource(script);
  edfModules[script.dataset.name] = import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}
/** One widget in the place of its picture, which stays where it cannot be had. */
async function edfStart(place) {
  const el = document.createElement("div");
  try {
    const state = edfBytes(JSON.parse(place.querySelector('script[type="application/json"]').textContent));
    const found = await edfModules[place.dataset.module];
    place.append(el); // before it is drawn, since widgets measure themselves
    found.default.render({ model: edfModel({ ...state, frozen: true }), el });
    place.replaceChildren(el);
  } catch (why) {
    el.remove();
    console.error(why);
  }
}
document.querySelectorAll(".edf-place").forEach(edfStart);
