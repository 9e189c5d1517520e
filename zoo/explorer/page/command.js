// The command that makes what the page shows, and the files that it needs.

import { download, element, say } from "./dom.js";
import { npz } from "./npz.js";

/** A word as a shell takes it. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`;
}

function className(model, number) {
  return model.classNames[number] ?? String(number);
}

/** The command for samples of a seed; `label` is a class number, or null. */
export function sampleCommand(model, { seed, n, label, output, set = [], truncation }) {
  const words = ["zoo", "sample", model.reference, "-n", n, "--seed", seed];
  if (label !== null) words.push("--label", className(model, label));
  for (const one of set) words.push("--set", one);
  if (truncation !== null) words.push("--truncation", truncation);
  return [...words, "-o", output].map((word) => quoted(String(word))).join(" ");
}

/** The command for samples of a seed that are moved along named directions. */
export function editCommand(model, { seed, n, label, moves, output }) {
  const words = ["zoo", "edit", model.reference, "--seed", seed, "-n", n];
  for (const [name, by] of Object.entries(moves)) {
    if (by) words.push("--direction", `${name}=${by}`);
  }
  if (label !== null) words.push("--label", className(model, label));
  return [...words, "-o", output].map((word) => quoted(String(word))).join(" ");
}

/** The command for latents in a file, which hold their labels. */
export function decodeCommand(model, latents, output) {
  return ["zoo", "decode", model.reference, latents, "-o", output].map(quoted).join(" ");
}

export function latentsFile(model, latents, n, labels) {
  const arrays = { latents: { data: latents, shape: [n, ...model.latentShape] } };
  if (labels) {
    arrays.labels = { data: BigInt64Array.from(labels, BigInt), shape: [n] };
  }
  return npz(arrays);
}

/** The panel with the command, and the buttons that copy it and download files. */
export function commandPanel({ text, files }) {
  const code = element("code", { id: "command", tabindex: "0" });
  const note = element("p", { class: "quiet" });
  const copy = element("button", {
    type: "button",
    click: async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        say("Copied.");
      } catch {
        getSelection().selectAllChildren(code);
        say("Press Ctrl-C to copy what is marked.");
      }
    },
  }, "Copy the command");
  const buttons = Object.entries(files).map(([name, make]) => element("button", {
    type: "button",
    click: async () => {
      try {
        const { blob, as } = await make();
        download(blob, as);
        say(`${as} is downloaded.`);
      } catch (error) {
        say(error.message, "problem");
      }
    },
  }, name));
  const place = element("section", { class: "panel command", "aria-labelledby": "command-title" }, [
    element("h2", { id: "command-title" }, "The same from a terminal"),
    element("pre", {}, code),
    note,
    element("div", { class: "row" }, [copy, ...buttons]),
  ]);
  const show = () => {
    const told = text();
    // a word is broken only where a line has no room for it
    code.replaceChildren(...told.command.split(" ").flatMap((word, i) =>
      [i ? " " : "", element("span", { class: "word" }, word)]));
    note.textContent = told.note;
  };
  return { place, show };
}
