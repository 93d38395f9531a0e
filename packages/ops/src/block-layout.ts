/**
 * Which keys queries may see, in blocks of 64 x 64. Kernels skip the blocks that are not listed, so their time is that of
 * the listed blocks. Knows no patterns: those are in @megatron-ts/attention.
 */
import type * as tf from "@tensorflow/tfjs";
import { expectShape, ShapeError } from "./errors.ts";

/** The number of queries, and of keys, in a block of a layout. The last block of either may be shorter. */
export const blockSize = 64;

/**
 * A list of blocks of keys for each block of queries. A query sees a key if its list has the key's block, with a mask, if
 * any, whose bit is set. Attention checks the tensors when it runs, and throws where they do not fit.
 */
export interface BlockLayout {
  /** The T that it was made for: attention over another number of queries throws a ShapeError. */
  readonly queries: number;
  /** The S that it was made for. */
  readonly keys: number;
  /** 1, or B: rows of the batch with layouts of their own. */
  readonly batch: number;
  /** 1, or H: query heads with layouts of their own. */
  readonly heads: number;
  /** int32 [batch * heads * ceil(T / 64) + 1]: where the list of each block of queries starts in `blocks`. */
  readonly offsets: tf.Tensor;
  /** int32 [N, 2]: a block of keys, ascending within a list, and its mask, or -1 where every query sees every key. */
  readonly blocks: tf.Tensor;
  /**
   * int32 [M, 64, 2]: for each mask and query of the block 64 bits, the lower 32 first: whether it sees each key. Any number
   * of blocks may share one. Bits beyond the last query and key are ignored.
   */
  readonly masks: tf.Tensor;
}

/** What tells kernels how to read a layout's tensors. */
export type LayoutAttributes = Pick<BlockLayout, "batch" | "heads">;

/** Sizes of an attention call. */
interface Sizes {
  batch: number;
  heads: number;
  queries: number;
  keys: number;
}

const blocksOf = (length: number) => Math.ceil(length / blockSize);

/** Throws a ShapeError unless the layout was made for these sizes, and its tensors have the shapes that it says. */
export function expectLayout(layout: BlockLayout, { batch, heads, queries, keys }: Sizes): void {
  expectShape(
    layout.queries === queries && layout.keys === keys,
    () =>
      `attention: a layout for ${layout.queries} queries and ${layout.keys} keys cannot be used for ${queries} queries and ${keys} keys; make one for this length`,
  );
  expectShape(
    [1, batch].includes(layout.batch) && [1, heads].includes(layout.heads),
    () => `attention: a layout of ${layout.batch} rows and ${layout.heads} heads for ${batch} rows and ${heads} heads`,
  );
  const lists = layout.batch * layout.heads * blocksOf(queries);
  const expected: [tf.Tensor, "offsets" | "blocks" | "masks", number[]][] = [
    [layout.offsets, "offsets", [lists + 1]],
    [layout.blocks, "blocks", [layout.blocks.shape[0] ?? 0, 2]],
    [layout.masks, "masks", [layout.masks.shape[0] ?? 0, blockSize, 2]],
  ];
  for (const [tensor, name, shape] of expected) {
    expectShape(
      tensor.dtype === "int32" && tensor.shape.length === shape.length && tensor.shape.every((n, i) => n === shape[i]),
      () => `attention: the layout's ${name} must be int32 [${shape}], got ${tensor.dtype} [${tensor.shape}]`,
    );
  }
}

/** The numbers of a layout. */
interface Lists {
  offsets: ArrayLike<number>;
  blocks: ArrayLike<number>;
  masks: ArrayLike<number>;
}

/** Throws a ShapeError unless the lists lie one after another, ascend, and name blocks and masks that exist. */
function checkLists({ offsets, blocks, masks }: Lists, keys: number): void {
  const fail = (what: string) => new ShapeError(`attention: the layout's ${what}`);
  const count = blocks.length / 2;
  for (let list = 0; list < offsets.length; list++) {
    const [from, to] = [offsets[list]!, offsets[list + 1] ?? count];
    if ((list === 0 && from !== 0) || from > to || to > count) {
      throw fail(`offsets must ascend from 0 to ${count}, but offset ${list} is ${from}`);
    }
    for (let at = from; at < to; at++) {
      const [block, mask] = [blocks[2 * at]!, blocks[2 * at + 1]!];
      if (block < 0 || block >= blocksOf(keys)) {
        throw fail(`list ${list} has block ${block}, but there are ${blocksOf(keys)} blocks of keys`);
      }
      if (at > from && block <= blocks[2 * at - 2]!) {
        throw fail(`list ${list} must ascend, but block ${block} comes after block ${blocks[2 * at - 2]}`);
      }
      const numMasks = masks.length / (2 * blockSize);
      if (mask < -1 || mask >= numMasks) {
        throw fail(`list ${list} has mask ${mask}, but there are ${numMasks} masks`);
      }
    }
  }
}

/**
 * The visible pairs as 0 and 1, [batch, heads, T, S] row by row, for the reference. Throws a ShapeError if the lists are
 * malformed.
 */
export function visiblePairs(
  tensors: Record<"offsets" | "blocks" | "masks", tf.Tensor>,
  { batch, heads, queries, keys }: Sizes,
): Uint8Array {
  const lists = {
    offsets: tensors.offsets.dataSync(),
    blocks: tensors.blocks.dataSync(),
    masks: tensors.masks.dataSync(),
  };
  checkLists(lists, keys);
  const perHead = blocksOf(queries);
  const visible = new Uint8Array(batch * heads * queries * keys);
  for (let list = 0; list < batch * heads * perHead; list++) {
    const firstQuery = (list % perHead) * blockSize;
    const firstRow = Math.floor(list / perHead) * queries + firstQuery;
    const rows = Math.min(blockSize, queries - firstQuery);
    for (let at = lists.offsets[list]!; at < lists.offsets[list + 1]!; at++) {
      const firstKey = lists.blocks[2 * at]! * blockSize;
      const mask = lists.blocks[2 * at + 1]!;
      const columns = Math.min(blockSize, keys - firstKey);
      for (let row = 0; row < rows; row++) {
        const place = (firstRow + row) * keys + firstKey;
        if (mask < 0) visible.fill(1, place, place + columns);
        else
          for (let key = 0; key < columns; key++) {
            const word = lists.masks[(mask * blockSize + row) * 2 + (key >> 5)]!;
            visible[place + key] = (word >>> (key & 31)) & 1;
          }
      }
    }
  }
  return visible;
}
