// What training did: the grids of the epochs as a film, and the losses as they come.

import { element, say } from "./dom.js";
import { curve } from "./show.js";

const EVERY = 2000; // milliseconds between two looks at a training that goes on
const FRAME = 250;

export async function trainingView(place, backend, state, change) {
  const runs = await backend.runs();
  const head = element("div", { class: "heading" }, element("h1", {}, "Trainings"));
  if (!runs.length) {
    place.replaceChildren(head, element("p", {}, [
      "No training has left its grids here yet. Start one in a terminal: ",
      element("code", {}, "zoo train mlp-vae --name my-vae"),
    ]));
    return;
  }
  const names = runs.map((one) => one.name);
  let chosen = names.includes(state.run) ? state.run : names[0];
  const body = element("div", {});
  let stop = () => {};
  const select = element("select", {
    id: "run",
    change: () => {
      chosen = select.value;
      change({ run: chosen, epoch: null });
      begin();
    },
  }, runs.map((one) => element("option", { value: one.name, selected: one.name === chosen },
    `${one.name} (${one.done} epochs${one.unfinished ? ", not finished" : ""})`)));

  function begin() {
    stop();
    stop = show(body, backend, chosen, state, change);
  }

  head.append(element("div", { class: "field" }, [
    element("label", { for: "run" }, "Training"), select]));
  place.replaceChildren(head, body);
  begin();
}

/** Show a training, and go on looking while it goes on; gives a function that ends that. */
function show(place, backend, name, state, change) {
  const picture = element("img", { class: "film pixels", alt: "" });
  const position = element("input", {
    id: "epoch", type: "range", min: 0, max: 0, step: 1,
    input: () => { play(false); frame(Number(position.value)); },
  });
  const told = element("output", { for: "epoch" });
  const button = element("button", { type: "button", click: () => play(!timer) }, "Play");
  const chart = element("div", { class: "chart" });
  const status = element("p", { class: "quiet", "aria-live": "polite" });
  const cache = new Map();
  let grids = [];
  let timer = null;
  let ended = false;
  let looking = null;

  async function frame(index) {
    const epoch = grids[index];
    if (epoch === undefined) return;
    position.value = index;
    told.textContent = String(epoch);
    change({ run: name, epoch });
    if (!cache.has(epoch)) {
      cache.set(epoch, URL.createObjectURL(await backend.grid(name, epoch)));
    }
    if (grids[Number(position.value)] === epoch) {
      picture.src = cache.get(epoch);
      picture.alt = `Samples after epoch ${epoch}`;
    }
  }

  function play(on) {
    clearInterval(timer);
    timer = null;
    button.textContent = on ? "Stop" : "Play";
    if (!on) return;
    let index = Number(position.value) >= grids.length - 1 ? 0 : Number(position.value);
    timer = setInterval(() => {
      if (index >= grids.length || !picture.isConnected) {
        play(false);
        return;
      }
      frame(index);
      index += 1;
    }, FRAME);
  }

  async function look() {
    let run;
    try {
      run = await backend.run(name);
    } catch (error) {
      say(error.message, "problem");
      return;
    }
    if (ended) return;
    const atEnd = !grids.length || Number(position.value) === grids.length - 1;
    const more = run.grids.length !== grids.length;
    grids = run.grids;
    position.max = Math.max(0, grids.length - 1);
    if (more && grids.length) {
      const wanted = grids.indexOf(state.run === name ? state.epoch : -1);
      if (atEnd) frame(wanted >= 0 && cache.size === 0 ? wanted : grids.length - 1);
    }
    chart.replaceChildren(losses(run.history));
    status.textContent = run.unfinished
      ? `${run.history.length} epochs so far. This page looks again every two seconds.`
      : `${run.history.length} epochs.`;
    if (run.unfinished && place.isConnected) looking = setTimeout(look, EVERY);
  }

  place.replaceChildren(element("div", { class: "stage" }, [
    element("section", { class: "panel", "aria-labelledby": "film-title" }, [
      element("h2", { id: "film-title" }, "Samples after each epoch"),
      picture,
      element("div", { class: "slider" }, [
        element("label", { for: "epoch" }, "Epoch"), position, told]),
      button,
    ]),
    element("section", { class: "panel", "aria-labelledby": "loss-title" }, [
      element("h2", { id: "loss-title" }, "Losses"), status, chart,
    ]),
  ]));
  look();
  return () => {
    ended = true;
    clearTimeout(looking);
    play(false);
    cache.forEach((one) => URL.revokeObjectURL(one));
  };
}

/** One small chart for each loss, with its numbers in a table for those who can't see it. */
function losses(history) {
  const series = new Map();
  history.forEach((one, i) => {
    for (const kind of ["losses", "held_out"]) {
      for (const [name, value] of Object.entries(one[kind] ?? {})) {
        const title = kind === "held_out" ? `${name}, held out` : name;
        if (!series.has(title)) series.set(title, []);
        if (Number.isFinite(value)) series.get(title).push([one.epoch ?? i + 1, value]);
      }
    }
  });
  const charts = [...series].filter(([, points]) => points.length)
    .map(([name, points]) => chart(name, points));
  return element("div", { class: "curves" },
    charts.length ? charts : element("p", {}, "No epoch has ended yet."));
}

function chart(name, points) {
  const [first, last] = [points[0], points[points.length - 1]];
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = [last[0] - first[0] || 1, high - low || 1];
  const places = points.map(([x, y]) =>
    [4 + (192 * (x - first[0])) / span[0], 76 - (72 * (y - low)) / span[1]]);
  if (points.length === 1) places.push([196, places[0][1]]);
  const label = `${name}: from ${first[1].toPrecision(4)} to ${last[1].toPrecision(4)}`;
  return element("figure", {}, [
    curve(places, { class: "curve", viewBox: "0 0 200 80", label }),
    element("figcaption", {}, `${name}: ${last[1].toPrecision(4)} after epoch ${last[0]}`),
  ]);
}
