/**
 * fast-check's arbitraries of damaged files: samples whose bytes, or whose JSON values, were edited at a few places. Edits prefer
 * the values that break parsers: limits of integers, other types, missing and repeated parts, deep nesting.
 */
import fc from "fast-check";

const INTEGERS = [
  0n,
  1n,
  -1n,
  2n,
  8n,
  127n,
  128n,
  255n,
  256n,
  65535n,
  65536n,
  2n ** 24n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

const edit = fc.record({ kind: fc.nat(9), at: fc.nat(), size: fc.nat(64), value: fc.nat() });
const edits = fc.array(edit, { minLength: 1, maxLength: 5 });

/** A sample with a few places edited. */
export const damagedBytes = (samples) =>
  fc
    .record({ sample: fc.nat(samples.length - 1), other: fc.nat(samples.length - 1), edits })
    .map(({ sample, other, edits }) =>
      edits.reduce((bytes, one) => edited(bytes, one, samples[other]), Buffer.from(samples[sample])),
    );

/** May change `copy` in place. */
function edited(copy, { kind, at, size, value }, other) {
  const position = copy.length === 0 ? 0 : at % copy.length;
  switch (kind) {
    case 0:
      if (copy.length > 0) copy[position] ^= 1 << (value % 8);
      return copy;
    case 1:
      if (copy.length > 0) copy[position] = value % 256;
      return copy;
    case 2:
      return copy.subarray(0, position);
    case 3:
      return Buffer.concat([copy.subarray(0, position), copy.subarray(position + size)]);
    case 4:
      return Buffer.concat([copy.subarray(0, position + size), copy.subarray(position)]);
    case 5: {
      const from = other.length === 0 ? 0 : value % other.length;
      return Buffer.concat([
        copy.subarray(0, position),
        other.subarray(from, from + 4 * size),
        copy.subarray(position),
      ]);
    }
    case 6:
      return copy.fill(value % 256, position, Math.min(position + size, copy.length));
    case 7:
      return Buffer.concat([copy.subarray(0, position), Buffer.alloc(size, value % 256), copy.subarray(position)]);
    default: {
      const number = BigInt.asUintN(64, INTEGERS[value % INTEGERS.length]);
      const width = [1, 2, 4, 8][size % 4];
      for (let i = 0; i < width && position + i < copy.length; i++)
        copy[position + i] = Number((number >> BigInt(8 * (kind === 8 ? i : width - 1 - i))) & 255n);
      return copy;
    }
  }
}

const deep = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const VALUES = [
  null,
  true,
  false,
  0,
  1,
  -1,
  2,
  0.5,
  1e8,
  2 ** 31,
  -(2 ** 31),
  4e9,
  2 ** 53,
  1e300,
  -1e300,
  "",
  "a",
  " ",
  "\n",
  "\u0000",
  "\ud800",
  "é",
  "1",
  "__proto__",
  "constructor",
  "[",
  "(a+)+$",
  "\\",
  "../x",
  "/dev/zero",
  [],
  {},
  [[]],
  [null],
  [1, 2],
  ["a", "b"],
  { type: "x" },
  { type: null },
  { a: {} },
];
/** Large ones, which take most of the time: rare. */
const LARGE = ["x".repeat(5000), deep(100), deep(3000), Array(3000).fill(0)];
const HOW_RARE = 200;
const KEYS = ["type", "__proto__", "constructor", "toString", "length", "", "x", "0", "\u001b[31m"];

/** The JSON text of a sample with a few values edited; sometimes any JSON, or text that is edited instead. */
export const damagedJson = (texts) => {
  const samples = texts.map((text) => Buffer.from(text));
  return fc.oneof(
    { weight: 12, arbitrary: damagedValues(texts) },
    { weight: 3, arbitrary: damagedBytes(samples) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)) },
  );
};

const damagedValues = (texts) =>
  fc.record({ sample: fc.nat(texts.length - 1), edits }).map(({ sample, edits }) => {
    const root = { value: JSON.parse(texts[sample]) };
    for (const one of edits) editValue(root, one);
    return Buffer.from(JSON.stringify(root.value) ?? "");
  });

/** Goes down from the root by the digits of `at`, so that shallow values are edited as often as deep ones. */
function editValue(root, { kind, at, size, value }) {
  let [parent, key, found] = [root, "value", root.value];
  for (let rest = at, depth = 1 + (size % 6); depth > 0 && typeof found === "object" && found !== null; depth--) {
    const keys = Object.keys(found);
    if (keys.length === 0) break;
    [parent, key] = [found, keys[rest % keys.length]];
    rest = Math.floor(rest / keys.length) || value;
    found = parent[key];
  }
  const replacement = valueFor(value);
  if (kind === 0) remove(parent, key);
  else if (kind === 1) insert(parent, KEYS[value % KEYS.length], found);
  else if (kind === 2) insert(parent, KEYS[value % KEYS.length], replacement);
  else if (kind === 3) parent[key] = [found];
  else if (kind === 4 && typeof found === "number") parent[key] = Number(INTEGERS[value % INTEGERS.length]);
  else if (kind === 5 && typeof found === "string") parent[key] = found.slice(0, value % (found.length + 1));
  else if (kind === 6 && typeof found === "string")
    parent[key] = found + (typeof replacement === "string" ? replacement : "\n");
  else if (kind === 7) parent[key] = structuredClone(root.value);
  else parent[key] = replacement;
}

function valueFor(number) {
  // fast-check prefers small and large numbers.
  const mixed = Math.imul(number, 0x9e3779b1) >>> 0;
  const rest = Math.floor(mixed / HOW_RARE);
  const value = mixed % HOW_RARE === 1 ? LARGE[rest % LARGE.length] : VALUES[rest % VALUES.length];
  return typeof value === "object" ? structuredClone(value) : value;
}

function remove(parent, key) {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function insert(parent, key, value) {
  if (Array.isArray(parent)) parent.push(value);
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}
