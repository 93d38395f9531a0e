/**
 * Hashes everything in a tokenizer.json that affects ids. White space, the order of fields, the notation of merges and
 * options that are off do not change the hash.
 */
import { type BpeModel, mergesOf, type TokenizerJson, vocabularyOf } from "./tokenizer-json.ts";

/** Whether a field has no effect on ids, or has the value that it defaults to in older files. */
const isImplied = (name: string, field: unknown): boolean =>
  field === null ||
  field === false ||
  field === "" ||
  name === "trim_offsets" ||
  (name === "use_regex" && field === true);

/** JSON with sorted fields and without the implied ones. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([name, field]) => !isImplied(name, field))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

/** The 64-bit FNV-1a hash of a text's UTF-8, in 16 hexadecimal digits (http://www.isthe.com/chongo/tech/comp/fnv/). */
export function fnv1a64(text: string): string {
  // Four limbs of 16 bits, lowest first; the prime is 2^40 + 0x1b3.
  let [a, b, c, d] = [0x2325, 0x8422, 0x9ce4, 0xcbf2];
  for (const byte of new TextEncoder().encode(text)) {
    a ^= byte;
    const high = d * 0x1b3 + (b << 8);
    const third = c * 0x1b3 + (a << 8);
    const second = b * 0x1b3;
    const first = a * 0x1b3;
    a = first & 0xffff;
    const carry1 = second + (first >>> 16);
    b = carry1 & 0xffff;
    const carry2 = third + (carry1 >>> 16);
    c = carry2 & 0xffff;
    d = (high + (carry2 >>> 16)) & 0xffff;
  }
  return [d, c, b, a].map((limb) => limb.toString(16).padStart(4, "0")).join("");
}

/** The fingerprint of a tokenizer: 16 hexadecimal digits. */
export function fingerprintOf(json: TokenizerJson): string {
  const { vocab, merges, ...options } = json.model;
  const parts = [
    canonical(options),
    canonical(Array.isArray(vocab) ? vocab : vocabularyOf(json.model)),
    merges === undefined ? "" : canonical(mergesOf(json.model as BpeModel)),
    ...[json.added_tokens ?? [], json.normalizer, json.pre_tokenizer, json.post_processor, json.decoder].map((part) =>
      canonical(part ?? null),
    ),
  ];
  return fnv1a64(parts.join("\n"));
}
