/**
 * Hashes the words of a text, to compare texts regardless of case, punctuation and spacing. In scripts without spaces (Han,
 * kana, Thai and others) every character is a word.
 */

const SEPARATOR = 0;
const LETTER = 1;
const WHOLE_WORD = 2;

const letter = /[\p{L}\p{N}\p{M}]/u;
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

const kindOf = (character: string) =>
  !letter.test(character) ? SEPARATOR : unspaced.test(character) ? WHOLE_WORD : LETTER;

let table: Uint8Array | undefined;

/** The kind of every UTF-16 unit. Surrogates are classified in pairs. */
function kinds(): Uint8Array {
  table ??= Uint8Array.from({ length: 1 << 16 }, (_, unit) => kindOf(String.fromCharCode(unit)));
  return table;
}

/** [n]: a 32-bit hash of each word, after NFKC and lower casing. */
export function wordHashes(text: string): Uint32Array {
  const normal = text.normalize("NFKC").toLowerCase();
  const kindOfUnit = kinds();
  let words = new Uint32Array(Math.max(16, normal.length >> 2));
  let count = 0;
  let hash = FNV_OFFSET;
  let inside = false;
  const end = () => {
    if (!inside) return;
    if (count === words.length) words = enlarged(words);
    words[count++] = mix(hash);
    hash = FNV_OFFSET;
    inside = false;
  };
  for (let i = 0; i < normal.length; i++) {
    const unit = normal.charCodeAt(i);
    const pair = unit >= 0xd800 && unit <= 0xdbff && i + 1 < normal.length;
    const kind = pair ? kindOf(normal.slice(i, i + 2)) : kindOfUnit[unit]!;
    if (kind !== LETTER) end();
    if (kind !== SEPARATOR) {
      hash = Math.imul(hash ^ unit, FNV_PRIME);
      if (pair) hash = Math.imul(hash ^ normal.charCodeAt(i + 1), FNV_PRIME);
      inside = true;
    }
    if (kind === WHOLE_WORD) end();
    if (pair) i++;
  }
  end();
  return words.slice(0, count);
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function enlarged(words: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}

/** A bijection of 32-bit integers that mixes their bits (MurmurHash3's finalizer). */
export function mix(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
