// Arrays as an .npz file, which numpy and `zoo decode` read: a zip, not compressed, of .npy files.

const TYPES = [[Float32Array, "<f4"], [BigInt64Array, "<i8"]];

/** A Blob with arrays: {name: {data, shape}}; data is a Float32Array or a BigInt64Array. */
export function npz(arrays) {
  const parts = [];
  const directory = [];
  let at = 0;
  for (const [name, { data, shape }] of Object.entries(arrays)) {
    const content = npy(data, shape);
    const path = new TextEncoder().encode(`${name}.npy`);
    const sizes = [crc32(content), content.length, content.length];
    const local = header(0x04034b50, [20, 0, 0, 0, 33], sizes, [path.length, 0], []);
    parts.push(local, path, content);
    const inside = [0, 0, 0];
    directory.push(
      header(0x02014b50, [20, 20, 0, 0, 0, 33], sizes, [path.length, 0, ...inside], [0, at]), path);
    at += local.length + path.length + content.length;
  }
  const length = directory.reduce((sum, one) => sum + one.length, 0);
  const count = Object.keys(arrays).length;
  const end = header(0x06054b50, [0, 0, count, count], [length, at], [0], []);
  return new Blob([...parts, ...directory, end], { type: "application/x-npz" });
}

/** Fields of a zip: a mark of 4 bytes, numbers of 2, of 4, of 2 and of 4 bytes. */
function header(mark, first, wide, second, last) {
  const bytes = [];
  const put = (number, width) => {
    for (let i = 0; i < width; i += 1) bytes.push((number >>> (8 * i)) & 255);
  };
  put(mark, 4);
  first.forEach((one) => put(one, 2));
  wide.forEach((one) => put(one, 4));
  second.forEach((one) => put(one, 2));
  last.forEach((one) => put(one, 4));
  return Uint8Array.from(bytes);
}

function npy(data, shape) {
  const [, type] = TYPES.find(([kind]) => data instanceof kind);
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  let text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sides}), }`;
  while ((text.length + 11) % 64) text += " ";
  text += "\n";
  const start = [0x93, ..."NUMPY"].map((one) => (one.charCodeAt ? one.charCodeAt(0) : one));
  const head = Uint8Array.from(
    [...start, 1, 0, text.length & 255, text.length >> 8, ...new TextEncoder().encode(text)]);
  const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

let table = null;

function crc32(bytes) {
  table ??= Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  let sum = 0xffffffff;
  for (const byte of bytes) sum = table[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
