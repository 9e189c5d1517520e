// Where the page stands in a model's latent space: samples of a seed, moved along directions.

import { axesByEffect, labelsOf } from "./backend.js";
import { pack, unpack } from "./address.js";

export class Space {
  constructor(model, state) {
    this.model = model;
    this.state = state;
    this.base = null; // latents of the seed, n × size
    this.of = ""; // what `base` belongs to
    this.directions = [];
  }

  get size() {
    return this.model.latentSize;
  }

  /** The class that was chosen, by number; null for all in turn. */
  get chosen() {
    const number = Number(this.state.class ?? NaN);
    return Number.isInteger(number) && number >= 0 && number < this.model.numClasses ? number : null;
  }

  /** A latent that comes from a picture, a line or the plane; null while the seed's are shown. */
  get custom() {
    return this.state.z ? unpack(this.state.z, this.size) : null;
  }

  get selected() {
    return Math.min(Math.max(0, Math.round(this.state.sel)), this.state.n - 1);
  }

  async learn() {
    let known = [];
    try {
      known = await this.model.directions?.() ?? [];
    } catch {
      // a model whose directions can't be found has its latents
    }
    known = known.map((one) => ({ key: one.name, ...one }));
    const rank = ({ name }) => (name.startsWith("weak-") ? 2 : name.startsWith("strong-") ? 1 : 0);
    known.sort((one, other) => rank(one) - rank(other));
    this.directions = known.length ? known : await axesByEffect(this.model);
  }

  async load() {
    const wanted = `${this.state.seed}/${this.state.n}/${this.chosen}`;
    if (this.of !== wanted) {
      this.base = await this.model.latents(this.state.n, this.state.seed, 0, this.chosen);
      this.of = wanted;
    }
  }

  named(key) {
    return this.directions.find((one) => one.key === key);
  }

  /** The sum of all moves along directions and single latents. */
  offset(leaveOut = []) {
    const sum = new Float32Array(this.size);
    for (const [key, by] of Object.entries(this.state.moves)) {
      if (leaveOut.includes(key)) continue;
      const index = key[0] === "@" ? Number(key.slice(1)) : this.size;
      if (index < this.size) sum[index] += by;
      const vector = key[0] === "@" ? null : this.named(key)?.vector;
      if (vector) for (let i = 0; i < this.size; i += 1) sum[i] += by * vector[i];
    }
    return sum;
  }

  /** The latents of the grid as they are shown. */
  shown() {
    const offset = this.offset();
    return this.base.map((one, i) => this.state.t * one + offset[i % this.size]);
  }

  /** The latent that is shown large. */
  current(leaveOut = []) {
    const offset = this.offset(leaveOut);
    const custom = this.custom;
    const start = this.selected * this.size;
    const own = custom ?? this.base.subarray(start, start + this.size).map((one) => this.state.t * one);
    return own.map((one, i) => one + offset[i]);
  }

  /** Class numbers of the grid, and of the latent that is shown large. */
  labels() {
    return labelsOf(this.model, this.chosen, this.state.n);
  }

  currentLabel() {
    if (!this.model.numClasses) return null;
    return this.chosen ?? this.selected % this.model.numClasses;
  }

  /** Whether what is shown is what the seed gives, so that `zoo sample` draws it. */
  isPlain() {
    const moved = Object.values(this.state.moves).some((by) => by !== 0);
    const drawn = this.state.t === 1 || this.model.standardPrior === true;
    return drawn && !moved && !this.custom;
  }

  /** Whether the samples of the seed are only moved along named directions: `zoo edit` does that. */
  isMoved() {
    const keys = Object.keys(this.state.moves).filter((key) => this.state.moves[key] !== 0);
    return this.state.t === 1 && !this.custom && keys.length > 0
      && keys.every((key) => key[0] !== "@" && this.named(key));
  }

  /** Show one latent large, in place of a sample of the seed. */
  static asState(latent) {
    return { z: pack(latent), moves: {} };
  }
}

/** A point on the line between two latents. */
export function between(one, other, share) {
  return one.map((value, i) => value + share * (other[i] - value));
}
