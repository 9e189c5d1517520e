// The backend that runs the model in the browser, by onnxruntime-web; backend.js says its form.

import * as ort from "../runtime/ort.wasm.bundle.min.mjs";
import { element } from "./dom.js";
import { latents } from "./noise.js";
import { paint, toPng } from "./show.js";
import { sizeOf } from "./backend.js";

const AT_ONCE = 32; // latents that are decoded in one run: the page stays alive in between
const GAP = 2; // pixels between the pictures of a grid

export class OnnxBackend {
  /** Read what the folder holds; `place` is its address. */
  static async begin(place) {
    ort.env.wasm.numThreads = 1; // threads need headers that static hosts do not send
    ort.env.wasm.wasmPaths = { wasm: new URL("runtime/ort-wasm-simd-threaded.wasm", place).href };
    const told = await (await found(new URL("model/model.json", place))).json();
    return new OnnxBackend(place, told);
  }

  constructor(place, told) {
    this.place = place;
    this.told = told;
    this.record = told.record;
    this.features = { pull: false, runs: false, pair: false };
    this.model = null;
    const size = Math.ceil(told.bytes / 1e6);
    this.loading = `Loading the model and what runs it, up to ${size} MB …`;
  }

  async list() {
    return [this.record];
  }

  async picture() {
    if (!this.told.picture) return null;
    return (await found(new URL("model/samples.png", this.place))).blob();
  }

  async open(name) {
    if (name !== this.record.name) throw new Error(`This page has one model: ${this.record.name}.`);
    this.model ??= this.read().catch((error) => {
      this.model = null; // to be tried again
      throw error;
    });
    return this.model;
  }

  async read() {
    const sessions = {};
    for (const what of this.told.programs) {
      const address = new URL(`model/${what}r.onnx`, this.place);
      const bytes = new Uint8Array(await (await found(address)).arrayBuffer());
      try {
        sessions[what] = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
      } catch (error) {
        throw new Error(`This browser can't run the model: ${error.message} Reload the page.`);
      }
    }
    return new OnnxModel(this.told, sessions);
  }

  /** The grid that `zoo sample` and `zoo decode` make, as a PNG. */
  async download(model, { n, seed, labels, latents: given }) {
    const named = labels === null || labels === undefined ? null : [labels].flat();
    const chosen = named?.map((one) => model.classNumber(one)) ?? null;
    const z = given ?? await model.latents(n, seed, 0, chosen?.[0] ?? null);
    const all = Array.from({ length: n }, (_, i) => (
      chosen ? chosen[i % chosen.length] : i % Math.max(1, model.numClasses)));
    const batch = await model.decode(z, n, model.numClasses ? all : null);
    const columns = Math.ceil(Math.sqrt(n));
    const [, height, width] = batch.shape;
    const size = { width: columns * (width + GAP) + GAP, height: Math.ceil(n / columns) * (height + GAP) + GAP };
    const grid = element("canvas", size);
    const pen = grid.getContext("2d");
    pen.fillRect(0, 0, size.width, size.height);
    const tile = element("canvas", {});
    for (let i = 0; i < n; i += 1) {
      paint(tile, batch, i);
      const row = Math.floor(i / columns);
      pen.drawImage(tile, GAP + (i % columns) * (width + GAP), GAP + row * (height + GAP));
    }
    return toPng(grid);
  }
}

export class OnnxModel {
  constructor(told, sessions) {
    this.told = told;
    this.sessions = sessions;
    this.record = told.record;
    this.name = told.record.name;
    this.reference = told.record.reference;
    this.kind = told.record.kind;
    this.sampleShape = told.record.sample_shape;
    this.sampleRate = told.sample_rate;
    this.latentShape = told.latent_shape;
    this.latentSize = sizeOf(told.latent_shape);
    this.numClasses = told.record.num_classes;
    this.classNames = told.record.class_names;
    const draws = told.programs.includes("encode") && this.kind === "image";
    this.can = { decode: true, encode: draws, invert: false, inpaint: false };
    this.turn = Promise.resolve();
  }

  async latents(n, seed, start = 0) {
    return latents(n, this.latentSize, seed, start);
  }

  async directions() {
    return this.told.directions.map(({ name, vector }) => ({ name, vector: Float32Array.from(vector) }));
  }

  async decode(z, n, labels) {
    const numbers = await this.numbers(z, n, labels);
    const shape = this.sampleShape;
    if (this.kind !== "image") return { n, shape, data: numbers };
    return { n, shape, data: Uint8Array.from(numbers, (one) => level(one)) };
  }

  sample({ n, seed, start = 0, labels = null }) {
    const chosen = labels?.map((one) => this.classNumber(one)) ?? null;
    const all = Array.from({ length: n }, (_, i) => (
      chosen ? chosen[i % chosen.length] : i % Math.max(1, this.numClasses)));
    return this.decode(latents(n, this.latentSize, seed, start), n, this.numClasses ? all : null);
  }

  /** What the model gives, before it is made a picture: Float32Array. */
  async numbers(z, n, labels) {
    const whole = new Float32Array(n * sizeOf(this.sampleShape));
    for (let first = 0; first < n; first += AT_ONCE) {
      const count = Math.min(AT_ONCE, n - first);
      const part = z.subarray(first * this.latentSize, (first + count) * this.latentSize);
      const given = { latents: new ort.Tensor("float32", part, [count, ...this.latentShape]) };
      if (labels) given.labels = numbered(labels.slice(first, first + count));
      const result = await this.run("decode", given);
      whole.set(result.samples.data, first * sizeOf(this.sampleShape));
    }
    return whole;
  }

  async encode(png, label) {
    const pixels = await this.pixels(png);
    const given = { samples: new ort.Tensor("float32", pixels, [1, ...this.sampleShape]) };
    if (label !== null && label !== undefined) given.labels = numbered([label]);
    const result = await this.run("encode", given);
    return Float32Array.from(result.latents.data);
  }

  /** A picture in [0, 1], its middle, as large as fits. */
  async pixels(png) {
    const [channels, height, width] = this.sampleShape;
    const picture = await createImageBitmap(png);
    const canvas = element("canvas", { width, height });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const factor = Math.max(width / picture.width, height / picture.height);
    const size = [picture.width * factor, picture.height * factor];
    pen.fillRect(0, 0, width, height);
    pen.drawImage(picture, (width - size[0]) / 2, (height - size[1]) / 2, ...size);
    const { data } = pen.getImageData(0, 0, width, height);
    const plane = height * width;
    const pixels = new Float32Array(channels * plane);
    for (let i = 0; i < plane; i += 1) {
      const colours = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
      // ITU-R BT.601 in whole numbers, as Pillow has it
      const grey = (colours[0] * 19595 + colours[1] * 38470 + colours[2] * 7471 + 32768) >> 16;
      for (let c = 0; c < channels; c += 1) {
        pixels[c * plane + i] = (channels === 1 ? grey : colours[c]) / 255;
      }
    }
    return pixels;
  }

  /** One run after the other: a session takes one at a time. */
  run(what, given) {
    const next = this.turn.then(() => this.sessions[what].run(given));
    this.turn = next.catch(() => {});
    return next;
  }

  classNumber(one) {
    const index = this.classNames.indexOf(String(one));
    return index >= 0 ? index : Number(one);
  }
}

function numbered(labels) {
  return new ort.Tensor("int64", BigInt64Array.from(labels, BigInt), [labels.length]);
}

/** A number in [0, 1] as one of 256 levels, ties to the even one, as torch rounds. */
function level(one) {
  const scaled = Math.fround(one * 255);
  let rounded = Math.round(scaled);
  if (rounded - scaled === 0.5 && rounded % 2) rounded -= 1;
  return Math.min(255, Math.max(0, rounded));
}

async function found(address) {
  let answer;
  try {
    answer = await fetch(address);
  } catch {
    throw new Error(`${address.pathname} can't be had. Is the network still there?`);
  }
  if (!answer.ok) throw new Error(`${address.pathname} gave ${answer.status}.`);
  return answer;
}
