// The gallery: every checkpoint as a card.

import { element, say } from "./dom.js";

const EVERY = 700; // milliseconds between two looks at how far a pull is

function readable(bytes) {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;
}

/** A number to so many digits, without an exponent. */
function rounded(number, digits) {
  return Number(number.toPrecision(digits));
}

function quality(record) {
  const wanted = ["frechet_distance", "nll"];
  const found = wanted.map((name) => record.quality.find((one) => one.metric === name))
    .filter(Boolean);
  return found.map((one) => {
    const error = one.standard_error ? ` ± ${rounded(one.standard_error, 2)}` : "";
    return `${one.title} ${one.better} ${rounded(one.value, 3)}${error}`;
  });
}

function facts(record) {
  const told = [
    ["Model", record.model],
    ["Data", record.dataset],
    ["Quality", quality(record).join("; ") || "not measured"],
    ["Size", record.size ? readable(record.size) : ""],
    ["Licence", record.license],
  ].filter(([, value]) => value);
  return element("dl", {}, told.flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value)]));
}

/** Show how far a pull is until it ends; then show the gallery anew. */
async function follow(backend, name, bar, again) {
  const told = (await backend.pulls())[name];
  if (!told || told.state === "here") {
    say(`${name} is here.`);
    again();
    return;
  }
  if (told.state === "failed") {
    bar.replaceWith(element("p", { class: "problem", role: "alert" }, told.problem));
    return;
  }
  if (told.total) {
    bar.max = told.total;
    bar.value = told.done;
  }
  setTimeout(() => follow(backend, name, bar, again), EVERY);
}

function pullButton(backend, record, again) {
  const button = element("button", {
    click: async () => {
      const bar = element("progress", { "aria-label": `Pulling ${record.name}` });
      button.replaceWith(bar);
      say(`Pulling ${record.name}.`);
      try {
        await backend.pull(record.name);
        await follow(backend, record.name, bar, again);
      } catch (error) {
        bar.replaceWith(element("p", { class: "problem", role: "alert" }, error.message));
      }
    },
  }, `Pull ${record.name}`);
  return button;
}

function card(backend, record, go, again) {
  const usable = record.capabilities.length > 0;
  const picture = element("div", { class: "thumb" });
  if (usable && record.pictures?.includes("samples")) {
    backend.picture(record.name).then((blob) => {
      const src = URL.createObjectURL(blob);
      picture.append(element("img", { src, alt: "" }));
    }, (error) => say(error.message, "problem"));
  } else if (usable) {
    picture.append(element("span", { class: "quiet" }, "no picture"));
  }
  const title = usable
    ? element("a", { href: go({ view: "model", checkpoint: record.name }) }, record.name)
    : record.name;
  const canPull = !usable && !record.problem && backend.features.pull && record.state === "hub";
  return element("li", { class: usable ? "card usable" : "card" }, [
    picture,
    element("h2", {}, title),
    element("p", {}, record.summary),
    record.problem ? element("p", { class: "problem" }, record.problem) : "",
    facts(record),
    canPull ? pullButton(backend, record, again) : "",
  ]);
}

/** Show the gallery in a place; `go` gives the address of another view. */
export async function gallery(place, backend, state, go, change) {
  const records = await backend.list();
  const list = element("ul", { class: "cards" });
  const count = element("p", { class: "quiet", "aria-live": "polite" });
  const again = () => gallery(place, backend, state, go, change);
  const cards = records.map((record) => ({ record, made: null }));

  function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = cards.filter(({ record }) => {
      const all = [record.name, record.model, record.dataset, record.summary, record.license,
        record.kind, record.num_classes ? "classes conditional" : ""].join(" ").toLowerCase();
      return words.every((word) => all.includes(word));
    });
    list.replaceChildren(...shown.map((one) => {
      one.made ??= card(backend, one.record, go, again);
      return one.made;
    }));
    const number = shown.length === 1 ? "1 checkpoint" : `${shown.length} checkpoints`;
    count.textContent = shown.length ? `${number} · ↓ lower is better, ↑ higher is better`
      : "No checkpoint has all of these words.";
  }

  const search = element("input", {
    id: "search", type: "search", value: state.q ?? "", autocomplete: "off", spellcheck: "false",
    placeholder: "name, model, data set …",
    input: () => {
      filter(search.value);
      change({ q: search.value });
    },
  });
  place.replaceChildren(
    element("div", { class: "heading" }, [
      element("h1", {}, "Checkpoints"),
      element("div", { class: "field" }, [
        element("label", { for: "search" }, "Search"), search,
      ]),
    ]),
    element("p", {}, "A checkpoint is a trained model. Open one to play with it."),
    count,
    list,
  );
  filter(search.value);
}
