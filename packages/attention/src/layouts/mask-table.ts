/** The masks of a layout, each stored once: 64 bits for each of the 64 queries of a block. */
import { BLOCK, type Cover, type PartialCover } from "./layout.ts";

/** Words of a mask. */
export const WORDS = 2 * BLOCK;
/** Of blocks in which every query sees every key. */
const FULL = -1;

/** Which queries of a block see a key in it: the lower 32 as bits, and the others. */
type Seeing = readonly [low: number, high: number];

/** Numbers masks in the order in which they come. */
export class MaskTable {
  readonly #byCover = new WeakMap<PartialCover, number | null>();
  readonly #byKey = new Map<string, number | null>();
  readonly #contents = new WeakMap<PartialCover, Int32Array>();
  readonly #byContent = new Map<string, number>();
  readonly #masks: Int32Array[] = [];
  readonly #seeing: Seeing[] = [];

  /** The number of a cover's mask, -1 if it shows everything and null if it shows nothing. */
  indexOf(cover: Cover, { row, column }: { row: number; column: number }): number | null {
    if (cover === true) return FULL;
    if (cover === false) return null;
    const known = this.#byCover.get(cover);
    if (known !== undefined) return known;
    const alike = this.#byKey.get(cover.key);
    const index = alike !== undefined ? alike : this.add(this.contentOf(cover, { row, column }) as Int32Array);
    this.#byKey.set(cover.key, index);
    this.#byCover.set(cover, index);
    return index;
  }

  /** A cover's mask [64, 2], or whether it shows everything. */
  contentOf(cover: Cover, { row, column }: { row: number; column: number }): Int32Array | boolean {
    if (typeof cover === "boolean") return cover;
    const known = this.#contents.get(cover);
    if (known) return known;
    const fresh = fill((query, key) => cover.sees(row * BLOCK + query, column * BLOCK + key));
    this.#contents.set(cover, fresh);
    return fresh;
  }

  /** The number of a mask [64, 2], -1 if it shows everything and null if it shows nothing. */
  add(mask: Int32Array): number | null {
    if (mask.every((word) => word === -1)) return FULL;
    if (mask.every((word) => word === 0)) return null;
    const content = mask.join(",");
    const known = this.#byContent.get(content);
    if (known !== undefined) return known;
    const index = this.#masks.push(mask) - 1;
    this.#byContent.set(content, index);
    this.#seeing.push(seeingIn(mask));
    return index;
  }

  /** Which queries see a key in a block with this mask. */
  seeing(index: number): Seeing {
    return index === FULL ? [-1, -1] : this.#seeing[index]!;
  }

  /** [M, 64, 2] */
  toArray(): Int32Array {
    const all = new Int32Array(this.#masks.length * WORDS);
    this.#masks.forEach((mask, index) => {
      all.set(mask, index * WORDS);
    });
    return all;
  }
}

const ALL = [-1, -1] as const;
const NONE = [0, 0] as const;

/** The two words of a query of a block. */
export function rowOf(content: Int32Array | boolean, query: number): readonly [number, number] {
  if (typeof content === "boolean") return content ? ALL : NONE;
  return [content[2 * query]!, content[2 * query + 1]!];
}

function fill(sees: (query: number, key: number) => boolean): Int32Array {
  const mask = new Int32Array(WORDS);
  for (let query = 0; query < BLOCK; query++) {
    for (let key = 0; key < BLOCK; key++) {
      if (sees(query, key)) mask[2 * query + (key >> 5)]! |= 1 << (key & 31);
    }
  }
  return mask;
}

function seeingIn(mask: Int32Array): Seeing {
  const words: [number, number] = [0, 0];
  for (let query = 0; query < BLOCK; query++) {
    if (mask[2 * query] !== 0 || mask[2 * query + 1] !== 0) words[query >> 5]! |= 1 << (query & 31);
  }
  return words;
}
