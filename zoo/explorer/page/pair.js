// Two models side by side, with the same seed.

import { element, newestOnly, say } from "./dom.js";
import { seedField } from "./seed.js";
import { paint, pictureCanvas, put } from "./show.js";

const N = 16;

export async function pairView(place, backend, state, change) {
  const records = (await backend.list()).filter((one) => one.capabilities.length);
  if (!records.length) {
    place.replaceChildren(element("p", {}, "No checkpoint is here yet."));
    return;
  }
  const names = records.map((one) => one.name);
  const left = names.includes(state.left) ? state.left : names[0];
  const other = names.find((name) => name !== left) ?? left;
  const chosen = [left, names.includes(state.right) ? state.right : other];
  const columns = chosen.map((name, i) => column(i));
  const seed = seedField("pair-seed", state.seed, (number) => {
    change({ seed: number });
    columns.forEach((one) => one.draw());
  });

  function column(i) {
    const side = i ? "right" : "left";
    const id = `pair-${side}`;
    const samples = element("div", {});
    const select = element("select", {
      id,
      change: () => {
        chosen[i] = select.value;
        change({ [side]: select.value });
        draw();
      },
    }, names.map((name) => element("option", { selected: name === chosen[i] }, name)));
    const draw = newestOnly(async () => {
      try {
        await fill(samples, await backend.open(chosen[i]), state.seed);
      } catch (error) {
        say(error.message, "problem");
      }
    });
    const shown = element("section", { class: "panel", "aria-label": side }, [
      element("div", { class: "field" }, [
        element("label", { for: id }, i ? "Right" : "Left"), select]),
      samples,
    ]);
    return { shown, draw };
  }

  place.replaceChildren(
    element("div", { class: "heading" }, [
      element("h1", {}, "Side by side"),
      element("div", { class: "row" }, [
        ...seed.parts,
      ]),
    ]),
    element("p", { class: "quiet" }, "Both draw from the same seed."),
    element("div", { class: "pair" }, columns.map((one) => one.shown)),
  );
  await Promise.all(columns.map((one) => one.draw()));
}

async function fill(place, model, seed) {
  const batch = await model.sample({ n: N, seed });
  const facts = element("p", { class: "quiet" },
    [model.record.model, model.record.dataset].filter(Boolean).join(" · "));
  if (model.kind !== "image") {
    const entries = Array.from({ length: batch.n }, (_, i) => {
      const entry = element("li", { class: model.kind });
      put(entry, batch, i, model, `Sample ${i + 1}`);
      return entry;
    });
    place.replaceChildren(facts, element("ol", { class: "samples" }, entries));
    return;
  }
  const grid = element("div", { class: "grid" });
  grid.style.setProperty("--columns", 4);
  for (let i = 0; i < batch.n; i += 1) {
    const canvas = pictureCanvas(`${model.name}, sample ${i + 1} of seed ${seed}`);
    paint(canvas, batch, i);
    grid.append(canvas);
  }
  place.replaceChildren(facts, grid);
}
