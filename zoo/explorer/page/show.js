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
    `${(100 * i) / Math.max(1, numbers.length - 1)},${38 - (36 * (one - least)) / span}`);
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "plot");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const line = document.createElementNS(name, "polyline");
  line.setAttribute("points", points.join(" "));
  svg.append(line);
  return svg;
}

/** Samples that are not images, each as an element of a list. */
export function listed(batch, kind) {
  if (kind === "text") {
    return batch.data.map((text) => element("li", { class: "text" }, text));
  }
  if (kind === "audio") {
    return batch.data.map((blob, i) => element("li", {}, [
      element("audio", {
        controls: true, src: URL.createObjectURL(blob), "aria-label": `Sound ${i + 1}`,
      }),
    ]));
  }
  const size = batch.data.length / batch.n;
  return Array.from({ length: batch.n }, (_, i) => element("li", {}, [
    plot(batch.data.subarray(i * size, (i + 1) * size), `Sample ${i + 1}, ${size} numbers`),
  ]));
}

/** One picture of a batch as a PNG. */
export function toPng(canvas) {
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}
