// Two pinned pictures, and the line between them.

import { pack, unpack } from "./address.js";
import { element, newestOnly } from "./dom.js";
import { paint, pictureCanvas } from "./show.js";
import { between } from "./space.js";

const STEPS = 9;

export function line(space, change) {
  const pins = { a: pin("A"), b: pin("B") };
  const strip = element("div", { class: "strip" });
  const share = element("input", {
    id: "share", type: "range", min: 0, max: 1, step: 0.01, value: 0.5,
    input: () => goTo(Number(share.value)),
  });
  const hint = element("p", { class: "quiet" }, "Choose a picture, then pin it as A. Choose another and pin it as B.");
  const steps = Array.from({ length: STEPS }, (_, i) => {
    const canvas = pictureCanvas(`Step ${i + 1} of ${STEPS} from A to B`);
    strip.append(element("button", {
      type: "button", class: "tile",
      click: () => { share.value = i / (STEPS - 1); goTo(i / (STEPS - 1)); },
    }, canvas));
    return canvas;
  });
  const walk = element("div", {}, [
    element("label", { for: "share" }, "From A to B"), share, strip,
  ]);

  function pin(name) {
    const canvas = pictureCanvas(`Pinned picture ${name}`);
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
      if (latent) paint(pins[name].canvas, await space.model.decode(latent, 1, labels(1)));
    }
    if (!(a && b)) return;
    const points = new Float32Array(STEPS * space.size);
    for (let i = 0; i < STEPS; i += 1) {
      points.set(between(a, b, i / (STEPS - 1)), i * space.size);
    }
    const batch = await space.model.decode(points, STEPS, labels(STEPS));
    steps.forEach((canvas, i) => paint(canvas, batch, i));
  });

  const place = element("section", { class: "panel", "aria-labelledby": "line-title" }, [
    element("h2", { id: "line-title" }, "Line between two pictures"),
    hint,
    element("div", { class: "row" }, [pins.a.place, pins.b.place]),
    walk,
  ]);
  return { place, draw };
}
