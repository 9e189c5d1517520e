// Samples of every kind as elements: pictures on a canvas, plots, strings, players.

import { element } from "./dom.js";

/** Draw sample `index` of a batch of images on a canvas, pixel for pixel. */
export function paint(canvas, batch, index = 0) {
  const [channels, height, width] = batch.shape;
  const pixels = new ImageData(width, height);
  const size = channels * height * width;
  const own = batch.data.subarray(index * size, (index + 1) * size);
  const plane = height * width;
  for (let i = 0; i < plane; i += 1) {
    pixels.data[4 * i] = own[i];
    pixels.data[4 * i + 1] = channels === 3 ? own[plane + i] : own[i];
    pixels.data[4 * i + 2] = channels === 3 ? own[2 * plane + i] : own[i];
    pixels.data[4 * i + 3] = 255;
  }
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** A canvas for one picture, with what it shows in words. */
export function pictureCanvas(label, name = "pixels") {
  return element("canvas", { class: name, role: "img", "aria-label": label, width: 1, height: 1 });
}

/** Numbers of one sample as a line, in an SVG. */
export function plot(numbers, label) {
  const least = Math.min(...numbers);
  const span = Math.max(...numbers) - least || 1;
  const points = Array.from(numbers, (one, i) =>
    [(100 * i) / Math.max(1, numbers.length - 1), 38 - (36 * (one - least)) / span]);
  return curve(points, { class: "plot", viewBox: "0 0 100 40", label });
}

/** A line through points, pairs of numbers, in an SVG that takes the room it gets. */
export function curve(points, { label, ...attributes }) {
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  const told = { ...attributes, preserveAspectRatio: "none", role: "img", "aria-label": label };
  for (const [key, value] of Object.entries(told)) svg.setAttribute(key, value);
  const line = document.createElementNS(name, "polyline");
  line.setAttribute("points", points.join(" "));
  svg.append(line);
  return svg;
}

/** Put sample `index` of a batch that is no image into an element: a string, a player, a plot. */
export function put(place, batch, index, model, label) {
  if (model.kind === "text") {
    place.textContent = batch.data[index];
    return;
  }
  const size = batch.data.length / batch.n;
  const numbers = batch.data.subarray(index * size, (index + 1) * size);
  const line = plot(numbers.subarray(0, 4096), label);
  if (model.kind !== "audio") {
    place.replaceChildren(line);
    return;
  }
  const [channels] = batch.shape;
  const blob = wav(numbers, channels, model.sampleRate);
  let player = place.querySelector("audio");
  if (!player) {
    player = element("audio", { controls: true, "aria-label": label });
    place.replaceChildren(player);
  }
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(blob);
  place.querySelector("svg")?.remove();
  place.prepend(line);
}

/** A WAV file of 16 bits from numbers in [-1, 1], channel after channel. */
export function wav(numbers, channels, rate) {
  const length = numbers.length / channels;
  const view = new DataView(new ArrayBuffer(44 + 2 * numbers.length));
  const text = (at, word) => [...word].forEach((one, i) => view.setUint8(at + i, one.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * numbers.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * numbers.length, true);
  for (let i = 0; i < length; i += 1) {
    for (let c = 0; c < channels; c += 1) {
      const value = Math.max(-1, Math.min(1, numbers[c * length + i]));
      view.setInt16(44 + 2 * (i * channels + c), Math.round(value * 32767), true);
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}

/** One picture of a batch as a PNG. */
export function toPng(canvas) {
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}
