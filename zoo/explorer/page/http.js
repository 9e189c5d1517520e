// The backend that asks the server of `zoo play`.

import { sizeOf } from "./backend.js";

const NOT_HERE = "The server does not answer. Is `zoo play` still running? "
  + "Start it again, and open the address that it prints.";

/** An answer that is not what was asked for, in the server's words. */
export class Problem extends Error {}

export class HttpBackend {
  constructor(token) {
    this.token = token;
    this.features = { pull: true, runs: true, pair: true };
  }

  async ask(path, query = {}, options = {}) {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) {
        if (one !== null && one !== undefined) words.append(name, one);
      }
    }
    const headers = { ...options.headers };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    let answer;
    try {
      answer = await fetch(`${path}?${words}`, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(NOT_HERE);
    }
    if (answer.ok) return answer;
    if (answer.status === 401) {
      throw new Problem("This page needs its token. Open the address that `zoo play` printed.");
    }
    let detail = `The server answered ${answer.status}.`;
    try {
      detail = (await answer.json()).detail;
    } catch {
      // an answer without words
    }
    throw new Problem(detail);
  }

  async json(path, query, options) {
    return (await this.ask(path, query, options)).json();
  }

  list() {
    return this.json("v1/checkpoints");
  }

  async picture(name, picture = "samples") {
    return (await this.ask("v1/picture", { checkpoint: name, name: picture })).blob();
  }

  async open(name) {
    const records = await this.list();
    const record = records.find((one) => one.name === name);
    if (!record) throw new Problem(`There is no checkpoint ${name}. It may have been removed.`);
    if (record.problem) throw new Problem(record.problem);
    if (!record.capabilities.length) {
      throw new Problem(`${name} is not here yet. Pull it in the gallery first.`);
    }
    const card = await this.json("v1/card", { checkpoint: name });
    return new HttpModel(this, record, card);
  }

  async download(model, { n, seed, labels, latents, output, set = [], truncation }) {
    if (latents) {
      const body = { checkpoint: model.name, latents: rows(latents, n), label: labels ?? [] };
      return (await this.post("v1/decode", { ...body, format: "png" })).blob();
    }
    const query = { checkpoint: model.name, n, seed, label: labels, output, set, truncation };
    return (await this.ask("v1/sample", query)).blob();
  }

  post(path, body, signal) {
    const headers = { "Content-Type": "application/json" };
    return this.ask(path, {}, { method: "POST", body: JSON.stringify(body), headers, signal });
  }

  pull(name) {
    return this.json("v1/pull", { checkpoint: name }, { method: "POST" });
  }

  pulls() {
    return this.json("v1/pulls");
  }

  runs() {
    return this.json("v1/runs");
  }

  run(name) {
    return this.json("v1/run", { name });
  }

  async grid(name, epoch) {
    return (await this.ask("v1/run/grid", { name, epoch })).blob();
  }
}

class HttpModel {
  constructor(backend, record, card) {
    this.backend = backend;
    this.record = record;
    this.card = card;
    this.name = record.name;
    this.reference = record.reference;
    this.kind = record.kind;
    this.sampleShape = record.sample_shape;
    this.latentShape = card.latent_shape;
    this.latentSize = card.latent_shape ? sizeOf(card.latent_shape) : 0;
    this.numClasses = record.num_classes;
    this.classNames = record.class_names;
    this.sampleRate = card.sample_rate;
    this.options = card.options;
    this.standardPrior = card.standard_prior;
    const isImage = record.kind === "image";
    const has = (one) => record.capabilities.includes(one);
    this.can = {
      decode: has("decode") && !card.latents_are_codes,
      encode: has("encode") && isImage,
      invert: has("decode") && !card.latents_are_codes && isImage,
      inpaint: has("decode") && !card.latents_are_codes && isImage,
    };
  }

  async latents(n, seed, start = 0, label = null) {
    const query = { checkpoint: this.name, n, seed, start, label };
    const told = await this.backend.json("v1/latents", query);
    return Float32Array.from(told.latents.flat());
  }

  async decode(latents, n, labels) {
    const body = { checkpoint: this.name, latents: rows(latents, n), format: this.format };
    if (labels) body.label = labels.map(String);
    return this.batchOf(await this.backend.post("v1/decode", body));
  }

  async sample({ n, seed, start = 0, labels = null, set = [] }) {
    const query = { checkpoint: this.name, n, seed, start, label: labels, set, format: this.format };
    return this.batchOf(await this.backend.ask("v1/sample", query));
  }

  async invert(png, label) {
    const query = { checkpoint: this.name, label };
    const told = await this.backend.json("v1/invert", query, { method: "POST", body: png });
    return Float32Array.from(told.latents[0]);
  }

  async inpaint(png, label, seed) {
    const query = { checkpoint: this.name, label, seed, n: 1, format: "json" };
    const told = await this.backend.json("v1/inpaint", query, { method: "POST", body: png });
    const picture = { n: 1, shape: this.sampleShape, data: Uint8Array.from(told.samples.flat(3)) };
    return { latents: Float32Array.from(told.latents[0]), picture };
  }

  async directions() {
    const told = await this.backend.json("v1/directions", { checkpoint: this.name });
    return told.map((one) => ({ ...one, vector: Float32Array.from(one.vector) }));
  }

  get format() {
    return this.kind === "text" ? "json" : "raw";
  }

  async batchOf(answer) {
    if (this.kind === "text") {
      const { texts } = await answer.json();
      return { n: texts.length, shape: this.sampleShape, data: texts };
    }
    const [n, ...shape] = answer.headers.get("Zoo-Shape").split(",").map(Number);
    const bytes = await answer.arrayBuffer();
    const isBytes = answer.headers.get("Zoo-Dtype") === "uint8";
    return { n, shape, data: isBytes ? new Uint8Array(bytes) : new Float32Array(bytes) };
  }

  async encode(png, label) {
    const query = { checkpoint: this.name, label };
    const told = await this.backend.json("v1/encode", query, { method: "POST", body: png });
    return Float32Array.from(told.latents[0]);
  }
}

/** Latents as lists of numbers, short and exact: nine digits tell every float32 from all others. */
function rows(latents, n) {
  const size = latents.length / n;
  return Array.from({ length: n }, (_, row) =>
    Array.from(latents.subarray(row * size, (row + 1) * size), (one) => Number(one.toPrecision(9))));
}
