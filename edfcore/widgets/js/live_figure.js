// A picture that Python draws anew for each state; `found.png` holds its bytes, `found.alt` what it shows.

function mount(view) {
  const image = h("img", { alt: "", class: "edf-image" });
  view.picture.append(image);
  let address = "";
  return (state, found) => {
    if (!found.png) return;
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([found.png], { type: "image/png" }));
    image.src = address;
    image.alt = found.alt;
    if (found.width) image.width = found.width;
  };
}

const scene = { name: "live_figure", caption: () => "", rows: () => [["", ""]], mount };
export default widget(scene);
export { scene };
