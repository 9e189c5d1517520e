// The plane of two directions: pictures all over it, and a point that the pointer moves.

import { element, newestOnly, say } from "./dom.js";
import { pictureCanvas } from "./show.js";

const PAUSE = 200; // milliseconds without a move, until the pictures are decoded anew
const SIDE = 11; // pictures along a side
const REACH = 3;

export function plane(space, change) {
  const { model } = space;
  const flat = space.size === 2; // the plane is the whole latent space
  const keys = planeKeys(space);
  const canvas = element("canvas", {
    class: "pixels plane", tabindex: "0", role: "slider", "aria-label": label(),
    "aria-valuemin": -REACH, "aria-valuemax": REACH, width: 1, height: 1,
    pointerdown: (event) => { canvas.setPointerCapture(event.pointerId); follow(event); },
    pointermove: (event) => { if (event.buttons & 1) follow(event); },
    keydown: step,
  });
  const here = pictureCanvas("The picture at the point", "pixels here");
  let pictures = null; // ImageData of all of them
  let drawnFor = "";
  let waiting = null;
  const failed = (error) => say(error.message, "problem");

  function label() {
    return flat ? "All that the model makes; arrow keys move the point"
      : "The plane of two directions; arrow keys move the point";
  }

  function point() {
    if (flat) return Array.from(space.current());
    return keys.map((key) => space.state.moves[key] ?? 0);
  }

  function move(x, y) {
    const clamped = [x, y].map((one) => Math.max(-REACH, Math.min(REACH, Number(one.toFixed(3)))));
    if (flat) change({ ...space.constructor.asState(Float32Array.from(clamped)) });
    else {
      const moves = { ...space.state.moves };
      keys.forEach((key, i) => { moves[key] = clamped[i]; });
      change({ moves });
    }
  }

  function follow(event) {
    const box = canvas.getBoundingClientRect();
    move(((event.clientX - box.left) / box.width * 2 - 1) * REACH,
      (1 - (event.clientY - box.top) / box.height * 2) * REACH);
  }

  function step(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const towards = by[event.key];
    if (!towards) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.5 : 0.1;
    const [x, y] = point();
    move(x + towards[0] * size, y + towards[1] * size);
  }

  /** The latents of all places of the plane, row by row from the top. */
  function places() {
    const base = flat ? new Float32Array(2) : space.current(keys);
    const vectors = keys.map((key) => vectorOf(space, key));
    const z = new Float32Array(SIDE * SIDE * space.size);
    for (let row = 0; row < SIDE; row += 1) {
      for (let column = 0; column < SIDE; column += 1) {
        const x = (((column + 0.5) / SIDE) * 2 - 1) * REACH;
        const y = (1 - ((row + 0.5) / SIDE) * 2) * REACH;
        const at = (row * SIDE + column) * space.size;
        for (let i = 0; i < space.size; i += 1) {
          z[at + i] = base[i] + x * vectors[0][i] + y * vectors[1][i];
        }
      }
    }
    return z;
  }

  function wanted() {
    const base = flat ? "" : Array.from(space.current(keys)).join();
    return `${keys}|${space.currentLabel()}|${base}`;
  }

  const decode = newestOnly(async () => {
    const now = wanted();
    if (now === drawnFor) return;
    const label = space.currentLabel();
    const labels = label === null ? null : Array(SIDE * SIDE).fill(label);
    pictures = sideBySide(await model.decode(places(), SIDE * SIDE, labels));
    drawnFor = now;
    mark();
  });

  /** Show where the point is; the pictures follow once nothing moves any more. */
  async function draw() {
    clearTimeout(waiting);
    if (!pictures) {
      await decode();
      return;
    }
    mark();
    if (wanted() !== drawnFor) waiting = setTimeout(() => decode().catch(failed), PAUSE);
  }

  function mark() {
    const [x, y] = point();
    if (canvas.width !== pictures.width) canvas.width = pictures.width;
    if (canvas.height !== pictures.height) canvas.height = pictures.height;
    const pen = canvas.getContext("2d");
    pen.putImageData(pictures, 0, 0);
    const at = [((x / REACH + 1) / 2) * canvas.width, ((1 - y / REACH) / 2) * canvas.height];
    const radius = canvas.width / 40;
    for (const [colour, width] of [["#000", radius / 1.6], ["#ffb000", radius / 3]]) {
      pen.beginPath();
      pen.arc(at[0], at[1], radius, 0, 2 * Math.PI);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke();
    }
    canvas.setAttribute("aria-valuenow", x.toFixed(2));
    canvas.setAttribute("aria-valuetext", `${x.toFixed(1)} across, ${y.toFixed(1)} up`);
  }

  const choices = flat ? [] : keys.map((_, index) => chooser(space, keys, index, change));
  const place = element("section", { class: "panel", "aria-labelledby": "plane-title" }, [
    element("h2", { id: "plane-title" }, flat ? "The latent space" : "Plane"),
    element("p", { class: "quiet" }, flat
      ? "Every place is a latent. Move the point."
      : "Across and up are two directions. Move the point."),
    element("div", { class: "row" }, [here, element("div", { class: "choices" }, choices)]),
    canvas,
  ]);
  return { place, draw, here };
}

function chooser(space, keys, index, change) {
  const name = index ? "Up" : "Across";
  const id = `plane-${index}`;
  const select = element("select", {
    id,
    change: () => {
      const other = 1 - index;
      if (keys[other] === select.value) { // the two change places
        keys[other] = keys[index];
        document.getElementById(`plane-${other}`).value = keys[other];
      }
      keys[index] = select.value;
      change({ plane: keys.join(",") });
    },
  }, space.directions.slice(0, 32).map((one) =>
    element("option", { value: one.key, selected: keys[index] === one.key }, one.name)));
  return element("div", { class: "field" }, [element("label", { for: id }, name), select]);
}

function planeKeys(space) {
  if (space.size === 2) return ["@0", "@1"];
  const named = (space.state.plane ?? "").split(",").filter((key) => space.named(key));
  const [first, second] = space.directions;
  return named.length === 2 ? named : [first.key, (second ?? first).key];
}

function vectorOf(space, key) {
  const direction = space.named(key);
  if (direction) return direction.vector;
  const axis = new Float32Array(space.size);
  axis[Number(key.slice(1))] = 1;
  return axis;
}

/** All pictures of a batch in one, without gaps. */
function sideBySide(batch) {
  const [channels, height, width] = batch.shape;
  const whole = new ImageData(SIDE * width, SIDE * height);
  const area = height * width;
  for (let k = 0; k < SIDE * SIDE; k += 1) {
    const left = (k % SIDE) * width;
    const top = Math.floor(k / SIDE) * height;
    for (let i = 0; i < area; i += 1) {
      const to = 4 * ((top + Math.floor(i / width)) * whole.width + left + (i % width));
      for (let c = 0; c < 3; c += 1) {
        whole.data[to + c] = batch.data[k * channels * area + (channels === 3 ? c : 0) * area + i];
      }
      whole.data[to + 3] = 255;
    }
  }
  return whole;
}
