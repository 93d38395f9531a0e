/** Layouts for tests: from a predicate to lists of blocks, and random predicates. */
import { hashKey, words } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { type BlockLayout, blockSize } from "../block-layout.ts";

/** Which keys a query may see. */
export interface Sees {
  /** 1, or the number of rows or heads that differ. */
  batch: number;
  heads: number;
  visible: (row: number, head: number, query: number, key: number) => boolean;
}

/** One layout for all rows and heads. */
export const seesAlike = (visible: (query: number, key: number) => boolean): Sees => ({
  batch: 1,
  heads: 1,
  visible: (_row, _head, query, key) => visible(query, key),
});

/** The layout of a predicate, with equal masks shared, for lengths [T, S]. */
export function layoutOf({ batch, heads, visible }: Sees, [queries, keys]: readonly [number, number]): BlockLayout {
  const [offsets, blocks, masks] = [[0], [] as number[], [] as number[]];
  const known = new Map<string, number>();
  for (let list = 0; list < batch * heads * Math.ceil(queries / blockSize); list++) {
    const perHead = Math.ceil(queries / blockSize);
    const [row, head] = [Math.floor(list / perHead / heads), Math.floor(list / perHead) % heads];
    const firstQuery = (list % perHead) * blockSize;
    for (let firstKey = 0; firstKey < keys; firstKey += blockSize) {
      const mask = new Int32Array(2 * blockSize);
      let [seen, pairs] = [0, 0];
      for (let query = firstQuery; query < Math.min(queries, firstQuery + blockSize); query++) {
        for (let key = firstKey; key < Math.min(keys, firstKey + blockSize); key++) {
          pairs++;
          if (!visible(row, head, query, key)) continue;
          seen++;
          mask[2 * (query - firstQuery) + ((key - firstKey) >> 5)]! |= 1 << ((key - firstKey) & 31);
        }
      }
      if (seen === 0) continue;
      let index = -1;
      if (seen < pairs) {
        const name = mask.join();
        index = known.get(name) ?? known.size;
        if (!known.has(name)) masks.push(...mask);
        known.set(name, index);
      }
      blocks.push(firstKey / blockSize, index);
    }
    offsets.push(blocks.length / 2);
  }
  return {
    ...{ queries, keys, batch, heads },
    offsets: tf.tensor1d(offsets, "int32"),
    blocks: tf.tensor2d(blocks, [blocks.length / 2, 2], "int32"),
    masks: tf.tensor3d(masks, [known.size, blockSize, 2], "int32"),
  };
}

/**
 * Random lists, the same for a seed: of the blocks about two fifths are hidden, a quarter is whole, and the others show
 * a triangle, a stripe or random keys. Every seventh query sees nothing.
 */
export function randomSees(seed: number, { batch = 1, heads = 1 } = {}): Sees {
  const draw = (...where: number[]) => words(hashKey(22, "layout", seed, ...where), 1)[0]!;
  const kinds = new Map<number, number>();
  const kindOf = (row: number, head: number, queries: number, keys: number) => {
    const place = ((row * heads + head) * 1024 + queries) * 1024 + keys;
    const kind = kinds.get(place) ?? draw(row, head, queries, keys) % 8;
    kinds.set(place, kind);
    return kind;
  };
  const visible = (row: number, head: number, query: number, key: number) => {
    if ((query + seed) % 7 === 6) return false;
    const kind = kindOf(row % batch, head % heads, query >> 6, key >> 6);
    if (kind < 3) return false;
    if (kind < 5) return true;
    if (kind === 5) return query % blockSize >= key % blockSize;
    return kind === 6 ? (key + query) % 5 === 0 : (query * 31 + key * 17 + seed) % 11 < 4;
  };
  return { batch, heads, visible };
}
