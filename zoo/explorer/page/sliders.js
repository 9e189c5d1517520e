// Sliders: one for each of the strongest directions, and one for each latent behind "more".

import { element } from "./dom.js";

const STRONGEST = 8;
const NAMED = 16; // directions that a person named, and the strongest
const MOST = 256; // latents that get a slider
const REACH = 4;

function slider(space, key, name, change) {
  const id = `move-${key.replace(/[^\w-]/g, "_")}${key[0] === "@" ? "-latent" : ""}`;
  const shown = element("output", { for: id });
  const input = element("input", {
    id, type: "range", min: -REACH, max: REACH, step: 0.05, value: space.state.moves[key] ?? 0,
    input: () => {
      tell();
      change({ moves: { ...space.state.moves, [key]: Number(input.value) } });
    },
    dblclick: () => {
      input.value = 0;
      tell();
      change({ moves: { ...space.state.moves, [key]: 0 } });
    },
  });
  function tell(value = input.value) {
    shown.textContent = Number(value).toFixed(2).replace("-", "−");
  }
  tell();
  const row = element("div", { class: "slider" }, [
    element("label", { for: id }, name), input, shown,
  ]);
  return { key, row, set: (value) => { input.value = value; tell(value); } };
}

/** The sliders of a model, and a function that shows what the state says. */
export function sliders(space, change) {
  const isWeak = (one) => one.name.startsWith("weak-");
  const found = space.directions.filter((one) => !isWeak(one));
  const most = found[0]?.key[0] === "@" ? STRONGEST : NAMED;
  const all = found.slice(0, most).map((one) => slider(space, one.key, one.name, change));
  const first = all.slice();
  const more = element("div", { class: "more" });
  const hidden = element("details", { toggle: fill }, [
    element("summary", {}, `More: all ${space.size} latents`), more,
  ]);
  function fill() {
    if (!hidden.open || more.childElementCount) return;
    for (const direction of space.directions.filter(isWeak)) {
      const one = slider(space, direction.key, direction.name, change);
      all.push(one);
      more.append(one.row);
    }
    for (let i = 0; i < Math.min(space.size, MOST); i += 1) {
      const one = slider(space, `@${i}`, `latent ${i}`, change);
      all.push(one);
      more.append(one.row);
    }
    if (space.size > MOST) more.append(element("p", {}, `The first ${MOST} are shown.`));
  }
  const shown = new Set(first.map((one) => one.key));
  if (Object.entries(space.state.moves).some(([key, by]) => by && !shown.has(key))) {
    hidden.open = true;
  }
  const place = element("fieldset", { class: "sliders" }, [
    element("legend", {}, "Directions"),
    element("p", { class: "quiet" }, "Each changes something of all samples; the first change "
      + "most. Move one to see what."),
    ...first.map((one) => one.row),
    element("button", { type: "button", class: "small", click: () => change({ moves: {} }) },
      "Set all to 0"),
    hidden,
  ]);
  const show = () => all.forEach(({ key, set }) => set(space.state.moves[key] ?? 0));
  return { place, show };
}
