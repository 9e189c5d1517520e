// Sliders: one for each of the strongest directions, and one for each latent behind "more".

import { element } from "./dom.js";

const STRONGEST = 8;
const MOST = 256; // latents that get a slider
const REACH = 4;

function slider(space, key, name, change) {
  const id = `move-${key}`;
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
  function tell() {
    shown.textContent = Number(input.value).toFixed(2).replace("-", "−");
  }
  tell();
  const row = element("div", { class: "slider" }, [
    element("label", { for: id }, name), input, shown,
  ]);
  return { key, row, set: (value) => { input.value = value; tell(); } };
}

/** The sliders of a model, and a function that shows what the state says. */
export function sliders(space, change) {
  const all = space.directions.slice(0, STRONGEST)
    .map((one, index) => slider(space, `d${index}`, one.name, change));
  const more = element("div", {});
  const hidden = element("details", { toggle: fill }, [
    element("summary", {}, `All ${space.size} latents`), more,
  ]);
  function fill() {
    if (!hidden.open || more.childElementCount) return;
    for (let i = 0; i < Math.min(space.size, MOST); i += 1) {
      const one = slider(space, `l${i}`, `latent ${i}`, change);
      all.push(one);
      more.append(one.row);
    }
    if (space.size > MOST) more.append(element("p", {}, `The first ${MOST} are shown.`));
  }
  if (Object.entries(space.state.moves).some(([key, by]) => key[0] === "l" && by)) {
    hidden.open = true;
  }
  const place = element("fieldset", { class: "sliders" }, [
    element("legend", {}, "Directions"),
    ...all.map((one) => one.row),
    element("button", { type: "button", class: "small", click: () => change({ moves: {} }) },
      "Set all to 0"),
    hidden,
  ]);
  const show = () => all.forEach(({ key, set }) => set(space.state.moves[key] ?? 0));
  return { place, show };
}
