// One model: its samples, and all that its capabilities allow.

import { labelsOf } from "./backend.js";
import { commandPanel, decodeCommand, editCommand, latentsFile, sampleCommand } from "./command.js";
import { element, newestOnly, say } from "./dom.js";
import { line } from "./line.js";
import { plane } from "./plane.js";
import { seedField } from "./seed.js";
import { paint, pictureCanvas, put } from "./show.js";
import { sketch } from "./sketch.js";
import { sliders } from "./sliders.js";
import { Space } from "./space.js";

const COUNTS = [1, 4, 16, 36, 64];

/** Show a model in a place. `change` keeps what is shown in the address. */
export async function modelView(place, backend, state, change) {
  const model = await backend.open(state.checkpoint);
  const view = new View(model, backend, state, change);
  await view.begin(place);
}

class View {
  constructor(model, backend, state, keep) {
    this.model = model;
    this.backend = backend;
    this.state = state;
    this.space = new Space(model, state);
    this.isImage = model.kind === "image";
    this.moves = model.can.decode;
    this.panels = [];
    this.draw = newestOnly(() => this.paintAll());
    this.change = (part) => {
      if ("seed" in part || "n" in part || "sel" in part) part = { z: null, ...part };
      Object.assign(state, part);
      keep();
      this.draw();
    };
  }

  async begin(place) {
    const { model, change, space } = this;
    if (this.moves) await space.learn();
    this.grid = element("div", { class: "grid", role: "group", "aria-label": "Samples" });
    this.large = pictureCanvas("The chosen picture", "pixels large");
    this.caption = element("figcaption", {});
    this.list = element("ol", { class: "samples" });
    this.first = element("div", { class: `chosen ${model.kind}` });
    this.controls = controls(this);
    const parts = [];
    if (this.moves) {
      this.sliders = sliders(space, change);
      this.plane = space.size > 1 && this.isImage ? plane(space, change) : null;
      this.line = line(space, change);
      this.sketch = model.can.encode || model.can.invert || model.can.inpaint
        ? sketch(space, change) : null;
      parts.push(this.plane?.place, this.line.place, this.sketch?.place);
    }
    this.command = commandPanel({ text: () => this.commandText(), files: this.files() });
    place.replaceChildren(
      heading(model),
      element("div", { class: "stage" }, [
        element("div", { class: "stack" }, [
          element("section", { class: "panel pictures", "aria-label": "Pictures" },
            this.isImage
              ? [element("figure", {}, [this.large, this.caption]), this.grid]
              : [this.first, this.list]),
          this.command.place,
        ]),
        element("section", { class: "panel", "aria-labelledby": "controls-title" }, [
          element("h2", { id: "controls-title" }, "Samples"),
          this.controls.place,
          this.sliders?.place ?? "",
        ]),
      ]),
      element("div", { class: "panels" }, parts.filter(Boolean)),
    );
    await this.paintAll();
  }

  async paintAll() {
    try {
      await (this.moves ? this.paintLatents() : this.paintSamples());
      this.controls.show();
      this.command.show();
      if (this.moves) {
        this.sliders.show();
        this.sketch?.show();
        await Promise.all([this.plane?.draw(), this.line.draw()]);
      }
      if (this.failed) say("");
      this.failed = false;
    } catch (error) {
      this.failed = true;
      say(error.message, "problem");
    }
  }

  /** The grid and the large picture, all decoded at once. */
  async paintLatents() {
    const { model, space, state } = this;
    await space.load();
    const shown = space.shown();
    const current = space.current();
    const both = new Float32Array(shown.length + current.length);
    both.set(current);
    both.set(shown, current.length);
    const own = space.currentLabel();
    const labels = own === null ? null : [own, ...space.labels()];
    const batch = await model.decode(both, state.n + 1, labels);
    if (!this.isImage) {
      put(this.first, batch, 0, model, this.describe());
      this.fillList(batch, 1);
      return;
    }
    for (const one of [this.large, this.plane?.here, this.line.here]) {
      if (one) paint(one, batch, 0);
    }
    this.large.setAttribute("aria-label", this.describe());
    this.caption.textContent = this.describe();
    this.paintGrid(batch, 1);
  }

  describe() {
    const { space, state, model } = this;
    const label = space.currentLabel();
    const what = space.custom ? "A latent of your own" : `Sample ${space.selected + 1} of seed ${state.seed}`;
    return label === null ? what : `${what}, class ${model.classNames[label] ?? label}`;
  }

  async paintSamples() {
    const { model, state, space } = this;
    const labels = space.chosen === null ? null : [String(space.chosen)];
    const batch = await model.sample({ n: state.n, seed: state.seed, labels, set: this.set });
    if (!this.isImage) {
      put(this.first, batch, Math.min(space.selected, batch.n - 1), model, this.describe());
      this.fillList(batch, 0);
      return;
    }
    paint(this.large, batch, Math.min(space.selected, batch.n - 1));
    this.caption.textContent = this.describe();
    this.paintGrid(batch, 0);
  }

  /** Samples that are not images, each with a button that chooses it. */
  fillList(batch, first) {
    const { list, state, space, model } = this;
    while (list.childElementCount > state.n) list.lastElementChild.remove();
    while (list.childElementCount < state.n) {
      const index = list.childElementCount;
      list.append(element("li", { class: model.kind }, [
        element("div", {}),
        this.moves ? element("button", {
          type: "button", class: "small", "aria-label": `Choose sample ${index + 1}`,
          click: () => this.change({ sel: index }),
        }, "choose") : "",
      ]));
    }
    [...list.children].forEach((entry, i) => {
      put(entry.firstElementChild, batch, first + i, model, `Sample ${i + 1}`);
      const chosen = String(i === space.selected && !space.custom);
      entry.querySelector("button.small")?.setAttribute("aria-pressed", chosen);
    });
  }

  paintGrid(batch, first) {
    const { grid, state, space } = this;
    while (grid.childElementCount > state.n) grid.lastElementChild.remove();
    while (grid.childElementCount < state.n) grid.append(this.tile(grid.childElementCount));
    grid.style.setProperty("--columns", Math.ceil(Math.sqrt(state.n)));
    [...grid.children].forEach((tile, i) => {
      paint(tile.firstElementChild, batch, first + i);
      const chosen = i === space.selected && !space.custom;
      tile.setAttribute("aria-pressed", String(chosen));
      tile.tabIndex = i === space.selected ? 0 : -1;
    });
  }

  tile(index) {
    const canvas = pictureCanvas(`Sample ${index + 1}`);
    return element("button", {
      type: "button", class: "tile", "aria-pressed": "false",
      click: () => this.change({ sel: index }),
      keydown: (event) => this.walk(event, index),
    }, canvas);
  }

  /** Arrow keys go from tile to tile. */
  walk(event, index) {
    const columns = Math.ceil(Math.sqrt(this.state.n));
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const to = index + by;
    if (by === undefined || to < 0 || to >= this.state.n) return;
    event.preventDefault();
    this.grid.children[to].tabIndex = 0;
    this.grid.children[to].focus();
    this.change({ sel: to });
  }

  /** Options of a model without latents that differ from their defaults, as `--set` takes them. */
  get set() {
    if (this.moves) return [];
    return (this.state.set ?? "").split(",").filter((one) =>
      one.split("=")[0] in (this.model.options ?? {}));
  }

  get truncation() {
    return this.moves && this.state.t !== 1 ? this.state.t : null;
  }

  /** The suffix of the file that the command writes. */
  get suffix() {
    return { image: ".png", text: ".txt", audio: ".wav" }[this.model.kind] ?? ".npz";
  }

  name(suffix) {
    return `${this.model.name.replace(/[^\w.-]+/g, "-")}-${this.state.seed}${suffix}`;
  }

  commandText() {
    const { model, space, state } = this;
    if (!this.moves || space.isPlain()) {
      const output = this.name(this.suffix);
      const { set, truncation } = this;
      const asked = { seed: state.seed, n: state.n, label: space.chosen, output, set, truncation };
      return { command: sampleCommand(model, asked), note: "It draws all the samples that the page shows." };
    }
    const label = model.numClasses ? space.chosen : null;
    if (this.isImage && space.isMoved() && !(model.numClasses && label === null)) {
      const output = this.name("-moved.png");
      const asked = { seed: state.seed, n: state.n, label, moves: state.moves, output };
      return {
        command: editCommand(model, asked),
        note: "It draws the samples of the seed above what they become.",
      };
    }
    return {
      command: decodeCommand(model, this.name("-latents.npz"), this.name(`-edited${this.suffix}`)),
      note: "Download the latents first: the command decodes them. The chosen sample comes "
        + "first, then all others.",
    };
  }

  /** The latents that the page shows: the large one, then the grid. */
  allLatents() {
    const { space, state } = this;
    const current = space.current();
    const both = new Float32Array(current.length + space.base.length);
    both.set(current);
    both.set(space.shown(), current.length);
    const own = space.currentLabel();
    return { latents: both, n: state.n + 1, labels: own === null ? null : [own, ...space.labels()] };
  }

  files() {
    const made = {};
    if (this.isImage) {
      made["Download PNG"] = async () => {
        const { model, space, state } = this;
        const plain = !this.moves || space.isPlain();
        const as = this.name(plain ? ".png" : "-edited.png");
        const chosen = space.chosen === null ? null : className(model, space.chosen);
        const wanted = plain
          ? {
            n: state.n, seed: state.seed, labels: chosen, output: as,
            set: this.set, truncation: this.truncation,
          }
          : { ...this.allLatents(), output: as };
        if (!plain && wanted.labels) wanted.labels = wanted.labels.map(String);
        return { blob: await this.backend.download(model, wanted), as };
      };
    }
    if (this.moves) {
      made["Download latents"] = async () => {
        const { latents, n, labels } = this.allLatents();
        const blob = latentsFile(this.model, latents, n, labels);
        return { blob, as: this.name("-latents.npz") };
      };
    }
    return made;
  }
}

function className(model, number) {
  return model.classNames[number] ?? String(number);
}

function heading(model) {
  const told = [model.record?.model, model.record?.dataset, model.record?.summary].filter(Boolean);
  return element("div", { class: "heading" }, [
    element("h1", {}, model.name),
    element("p", { class: "quiet" }, told.join(" · ")),
  ]);
}

/** Seed, number, classes and truncation. */
function controls(view) {
  const { model, state, space, change } = view;
  const seed = seedField("seed", state.seed, (number) => change({ seed: number }));
  const count = element("select", { id: "count", change: () => change({ n: Number(count.value), sel: 0 }) },
    COUNTS.map((n) => element("option", { value: n, selected: n === state.n }, String(n))));
  const rows = [
    element("div", { class: "row" }, [
      ...seed.parts,
      element("div", { class: "field" }, [element("label", { for: "count" }, "Number"), count]),
    ]),
    element("p", { class: "quiet" }, view.moves
      ? `Each is made from ${space.size} numbers, its latents. The same seed draws the same ones.`
      : "The same seed draws the same samples."),
  ];
  const classes = model.numClasses ? classButtons(view) : null;
  if (classes) rows.push(classes.place);
  let truncation = null;
  if (view.moves) {
    const shown = element("output", { for: "truncation" });
    const input = element("input", {
      id: "truncation", type: "range", min: 0, max: 1.5, step: 0.05, value: state.t,
      input: () => change({ t: Number(input.value) }),
    });
    truncation = () => {
      input.value = state.t;
      shown.textContent = Number(state.t).toFixed(2);
    };
    rows.push(element("div", { class: "slider" }, [
      element("label", { for: "truncation" }, "Truncation"), input, shown]),
    element("p", { class: "quiet" }, "Below 1, samples are more alike; above 1, stranger."));
  }
  if (!view.moves) rows.push(...optionFields(view));
  const show = () => {
    seed.show(state.seed);
    count.value = state.n;
    classes?.show();
    truncation?.();
  };
  return { place: element("div", {}, rows), show };
}

/** A field for each option that is a number, such as a temperature. */
function optionFields({ model, state, change }) {
  const known = new Map((state.set ?? "").split(",").filter(Boolean).map((one) => one.split("=")));
  return Object.entries(model.options ?? {}).map(([name, usual]) => {
    const id = `option-${name}`;
    const input = element("input", {
      id, type: "number", step: "any", value: known.get(name) ?? usual,
      change: () => {
        if (input.value === "" || Number(input.value) === usual) known.delete(name);
        else known.set(name, input.value);
        change({ set: [...known].map((pair) => pair.join("=")).join(",") });
      },
    });
    return element("div", { class: "field" }, [element("label", { for: id }, name), input]);
  });
}

function classButtons(view) {
  const { model, space, change } = view;
  const buttons = [null, ...labelsOf(model, null, model.numClasses)].map((number) => {
    const name = number === null ? "All" : className(model, number);
    return element("button", {
      type: "button", "aria-pressed": "false", click: () => change({ class: number }),
    }, name);
  });
  const show = () => buttons.forEach((button, i) =>
    button.setAttribute("aria-pressed", String((i ? i - 1 : null) === space.chosen)));
  const place = element("fieldset", { class: "classes" }, [
    element("legend", {}, "Class"), ...buttons]);
  return { place, show };
}
