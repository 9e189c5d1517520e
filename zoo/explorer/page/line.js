// Two pinned pictures, and the line between them.

import { pack, unpack } from "./address.js";
import { element, newestOnly } from "./dom.js";
import { paint, pictureCanvas, put } from "./show.js";
import { between } from "./space.js";

const STEPS = 9;

export function line(space, change) {
  const isImage = space.model.kind === "image";
  const noun = isImage ? "picture" : "sample";
  const pins = { a: pin("A"), b: pin("B") };
  const strip = element(isImage ? "div" : "ol", { class: isImage ? "strip" : "samples" });
  const share = element("input", {
    id: "share", type: "range", min: 0, max: 1, step: 0.01, value: 0.5,
    input: () => goTo(Number(share.value)),
  });
  const hint = element("p", { class: "quiet" }, `Choose a ${noun}, then pin it as A. Choose another and pin it as B.`);
  const steps = Array.from({ length: STEPS }, (_, i) => {
    const canvas = isImage ? pictureCanvas(`Step ${i + 1} of ${STEPS} from A to B`)
      : element("li", { class: space.model.kind });
    if (!isImage) {
      strip.append(canvas);
      return canvas;
    }
    strip.append(element("button", {
      type: "button", class: "tile",
      click: () => { share.value = i / (STEPS - 1); goTo(i / (STEPS - 1)); },
    }, canvas));
    return canvas;
  });
  const here = isImage ? pictureCanvas("The chosen picture", "pixels here") : null;
  const now = here ? element("figure", {}, [here, element("figcaption", {}, "chosen now")]) : "";
  const walk = element("div", {}, [
    element("label", { for: "share" }, "From A to B"), share, strip,
  ]);

  function pin(name) {
    const canvas = isImage ? pictureCanvas(`Pinned picture ${name}`) : element("div", {});
    canvas.hidden = true;
    const button = element("button", {
      type: "button",
      click: () => change({ [name.toLowerCase()]: pack(space.current()) }),
    }, `Pin as ${name}`);
    return { canvas, place: element("div", { class: "pin" }, [canvas, button]) };
  }

  function ends() {
    return ["a", "b"].map((name) => unpack(space.state[name], space.size));
  }

  function goTo(part) {
    const [a, b] = ends();
    if (a && b) change(space.constructor.asState(between(a, b, part)));
  }

  function show(onto, batch, i) {
    if (isImage) paint(onto, batch, i);
    else put(onto, batch, i, space.model, `Step ${i + 1}`);
  }

  let drawnFor = null;
  const draw = newestOnly(async () => {
    const [a, b] = ends();
    const wanted = `${space.state.a}|${space.state.b}|${space.currentLabel()}`;
    walk.hidden = !(a && b);
    hint.hidden = Boolean(a && b);
    if (wanted === drawnFor) return;
    drawnFor = wanted;
    const label = space.currentLabel();
    const labels = (n) => (label === null ? null : Array(n).fill(label));
    for (const [name, latent] of [["a", a], ["b", b]]) {
      pins[name].canvas.hidden = !latent;
      if (latent) show(pins[name].canvas, await space.model.decode(latent, 1, labels(1)), 0);
    }
    if (!(a && b)) return;
    const points = new Float32Array(STEPS * space.size);
    for (let i = 0; i < STEPS; i += 1) {
      points.set(between(a, b, i / (STEPS - 1)), i * space.size);
    }
    const batch = await space.model.decode(points, STEPS, labels(STEPS));
    steps.forEach((canvas, i) => show(canvas, batch, i));
  });

  const place = element("section", { class: "panel", "aria-labelledby": "line-title" }, [
    element("h2", { id: "line-title" }, `Line between two ${noun}s`),
    hint,
    element("div", { class: "row" }, [now, pins.a.place, pins.b.place]),
    walk,
  ]);
  return { place, draw, here };
}
