// What the page asks of whatever computes. There are two answers to it: a server (http.js), and
// the model itself in the browser (a page that `zoo export --to page` writes brings its own).
//
// A backend has
//   features        {pull, runs, pair}: whether checkpoints can be pulled, trainings be watched, and
//                   two models stand side by side
//   loading         what is said until a view is shown, where that takes long
//   list()          records of the checkpoints, as /v1/checkpoints gives them
//   picture(name)   a Blob with the card's samples, where its record's pictures hold "samples"
//   open(name)      a model
//   download(model, wanted)   a Blob with a picture, or null where the page makes it itself
//
// A model has
//   name, reference, kind, sampleShape, sampleRate, latentShape, latentSize, numClasses, classNames
//   options                         {name: default}: numbers that a model without latents takes
//   standardPrior                   whether latents are drawn from a standard normal
//   can                             {decode, encode, invert, inpaint}
//   latents(n, seed, start, label)  Float32Array, n × latentSize; label: a class number, or null
//   decode(latents, n, labels)      a Batch; labels: class numbers, or null
//   sample({n, seed, start, labels, set})  a Batch, for a model without latents; set: NAME=VALUE
//   encode(png, label)              Float32Array, latentSize
//   invert(png, label)              the same for a model without an encoder, in seconds
//   inpaint(png, label, seed)       {latents, picture}: what is transparent filled in
//   directions()                    [{name, vector}], the strongest first; [] where none are known;
//                                   the names are those that `zoo edit --direction` takes
//
// A Batch has data (Uint8Array for images, Float32Array for arrays and audio, strings for text), n
// and shape (of one sample).

/** Class numbers for n samples: one class for all, or the classes in turn. */
export function labelsOf(model, chosen, n) {
  if (!model.numClasses) return null;
  return Array.from({ length: n }, (_, i) => (chosen === null ? i % model.numClasses : chosen));
}

/** How many numbers an array of some shape has. */
export function sizeOf(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/** The latents' dimensions, those that change the samples most first, as directions. */
export async function axesByEffect(model, most = 64) {
  const size = model.latentSize;
  const count = Math.min(size, most);
  const ends = new Float32Array(2 * count * size);
  for (let axis = 0; axis < count; axis += 1) {
    ends[2 * axis * size + axis] = -2;
    ends[(2 * axis + 1) * size + axis] = 2;
  }
  const batch = await model.decode(ends, 2 * count, labelsOf(model, model.numClasses ? 0 : null, 2 * count));
  const effects = Array.from({ length: count }, (_, axis) => ({
    axis, sum: difference(batch, 2 * axis, 2 * axis + 1),
  }));
  effects.sort((one, other) => other.sum - one.sum || one.axis - other.axis);
  return effects.map(({ axis }) => {
    const vector = new Float32Array(size);
    vector[axis] = 1;
    return { key: `@${axis}`, name: `latent ${axis}`, vector };
  });
}

/** How far two samples of a batch are apart: in numbers, or in places of two strings. */
function difference(batch, one, other) {
  const size = batch.data.length / batch.n;
  if (typeof batch.data[0] === "string") {
    const [left, right] = [batch.data[one], batch.data[other]];
    return Array.from(left.length > right.length ? left : right)
      .filter((_, i) => left[i] !== right[i]).length;
  }
  let sum = 0;
  for (let i = 0; i < size; i += 1) {
    sum += Math.abs(batch.data[one * size + i] - batch.data[other * size + i]);
  }
  return sum;
}
