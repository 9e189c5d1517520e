// The random numbers of zoo: the latents of a seed are those that `zoo sample` draws.

const BLOCK = 64; // samples that share one generator

/** Latents `start` … `start + n - 1` of a seed, standard normal, n × size. */
export function latents(n, size, seed, start = 0) {
  const found = new Float32Array(n * size);
  const first = Math.floor(start / BLOCK);
  const last = Math.floor((start + n - 1) / BLOCK);
  for (let block = first; block <= last; block += 1) {
    const drawn = normal(BLOCK * size, (derived(`noise ${seed}`) + block) % 2 ** 32);
    const from = Math.max(start, block * BLOCK);
    const to = Math.min(start + n, (block + 1) * BLOCK);
    const part = drawn.subarray((from - block * BLOCK) * size, (to - block * BLOCK) * size);
    found.set(part, (from - start) * size);
  }
  return found;
}

/** The first 32 bits of the SHA-256 of a text. */
export function derived(text) {
  const words = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
  const keys = fractions();
  const bytes = [...new TextEncoder().encode(text)];
  const length = 8 * bytes.length;
  bytes.push(0x80);
  while (bytes.length % 64 !== 56) bytes.push(0);
  for (let i = 7; i >= 0; i -= 1) bytes.push(Math.floor(length / 2 ** (8 * i)) & 255);
  const turn = (value, by) => (value >>> by) | (value << (32 - by));
  for (let at = 0; at < bytes.length; at += 64) {
    const w = new Uint32Array(64);
    for (let i = 0; i < 16; i += 1) {
      const [a, b, c, d] = bytes.slice(at + 4 * i, at + 4 * i + 4);
      w[i] = (a << 24) | (b << 16) | (c << 8) | d;
    }
    for (let i = 16; i < 64; i += 1) {
      const one = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const two = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = w[i - 16] + one + w[i - 7] + two;
    }
    let [a, b, c, d, e, f, g, h] = words;
    for (let i = 0; i < 64; i += 1) {
      const upper = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const first = (h + upper + ((e & f) ^ (~e & g)) + keys[i] + w[i]) | 0;
      const lower = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const second = (lower + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((one, i) => { words[i] = (words[i] + one) | 0; });
  }
  return words[0] >>> 0;
}

/** The constants of SHA-256: the fractions of the cube roots of the first 64 primes, in 32 bits. */
function fractions() {
  const found = [];
  for (let candidate = 2; found.length < 64; candidate += 1) {
    let prime = true;
    for (let by = 2; by * by <= candidate; by += 1) if (candidate % by === 0) prime = false;
    if (prime) found.push(fraction(candidate));
  }
  return found;
}

/** ⌊2³² · ∛n⌋ mod 2³², exactly: the cube root of n · 2⁹⁶ by bisection in whole numbers. */
function fraction(n) {
  const target = BigInt(n) << 96n;
  let low = 0n;
  let high = 1n << 36n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle ** 3n <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn);
}

/** Standard normal numbers as torch draws them on the CPU, `count` a multiple of 16. */
export function normal(count, seed) {
  const next = twister(seed);
  const numbers = Float32Array.from({ length: count }, () => (next() & 0xffffff) / 2 ** 24);
  // Box and Muller 1958, on groups of eight pairs
  for (let at = 0; at < count; at += 16) {
    for (let i = at; i < at + 8; i += 1) {
      const radius = Math.sqrt(-2 * Math.log(1 - numbers[i]));
      const angle = 2 * Math.PI * numbers[i + 8];
      numbers[i] = radius * Math.cos(angle);
      numbers[i + 8] = radius * Math.sin(angle);
    }
  }
  return numbers;
}

/** The Mersenne Twister MT19937 (Matsumoto & Nishimura 1998): a function that gives 32 bits. */
function twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i += 1) {
    const before = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, before) + i;
  }
  let at = 624;
  return () => {
    if (at === 624) {
      for (let i = 0; i < 624; i += 1) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
        state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let y = state[at];
    at += 1;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
