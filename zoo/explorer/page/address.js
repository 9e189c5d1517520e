// What the page shows is written in its address, so that the address shows it again.

const NUMBERS = new Set(["seed", "n", "sel", "t", "epoch"]);
const DEFAULTS = { view: "gallery", seed: 0, n: 16, sel: 0, t: 1 };

/** The state that an address stands for. */
export function read(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const state = { ...DEFAULTS, moves: {} };
  for (const [name, value] of words) {
    if (name === "moves") state.moves = parseMoves(value);
    else if (NUMBERS.has(name)) state[name] = finite(value, DEFAULTS[name] ?? 0);
    else state[name] = value;
  }
  if (state.checkpoint && !words.has("view")) state.view = "model";
  state.seed = Math.max(0, Math.round(state.seed));
  state.n = [1, 4, 16, 36, 64].includes(state.n) ? state.n : DEFAULTS.n;
  return state;
}

/** The address of a state; what is as at the beginning is left out. */
export function write(state) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (name === "moves") {
      const text = Object.entries(value).filter(([, by]) => by !== 0)
        .map(([key, by]) => `${key}:${Number(by.toFixed(4))}`).join(",");
      if (text) words.set("moves", text);
    } else if (value !== null && value !== undefined && value !== "" && value !== DEFAULTS[name]) {
      words.set(name, String(value));
    }
  }
  return `#${words}`;
}

function finite(text, otherwise) {
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : otherwise;
}

function parseMoves(text) {
  const moves = {};
  for (const part of text.split(",")) {
    const [key, by] = part.split(":");
    if (/^(@\d{1,5}|[^\s@:,]{1,60})$/.test(key)) moves[key] = Math.max(-10, Math.min(10, finite(by, 0)));
  }
  return moves;
}

/** Numbers as text for an address, without loss. */
export function pack(numbers) {
  const bytes = new Uint8Array(new Float32Array(numbers).buffer);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** The numbers of such a text, or null when they are not `size` finite numbers. */
export function unpack(text, size) {
  try {
    const bytes = atob((text ?? "").replace(/-/g, "+").replace(/_/g, "/"));
    if (bytes.length !== 4 * size) return null;
    const buffer = Uint8Array.from(bytes, (one) => one.charCodeAt(0)).buffer;
    const numbers = new Float32Array(buffer);
    return numbers.every(Number.isFinite) ? numbers : null;
  } catch {
    return null;
  }
}
