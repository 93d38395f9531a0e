/** Compiled layouts as tensors, as attention takes them, and the pairs that they show. */
import { type BlockLayout, blockSize } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { BlockLists } from "./compile.ts";

/** The tensors of a layout's lists. The caller disposes them. */
export function createBlockLayout({ offsets, blocks, masks, ...sizes }: BlockLists): BlockLayout {
  const numMasks = masks.length / (2 * blockSize);
  return {
    ...sizes,
    offsets: tf.tensor1d(offsets, "int32"),
    blocks: tf.tensor2d(blocks, [blocks.length / 2, 2], "int32"),
    masks: tf.tensor3d(masks, [numMasks, blockSize, 2], "int32"),
  };
}

/** bool [batch, heads, T, S]: the pairs of a layout, for computations that need every one. */
export function visibleIn({ queries, keys, batch, heads, ...tensors }: BlockLayout): tf.Tensor {
  const [offsets, blocks, masks] = [tensors.offsets.dataSync(), tensors.blocks.dataSync(), tensors.masks.dataSync()];
  const perHead = Math.ceil(queries / blockSize);
  const visible = new Uint8Array(batch * heads * queries * keys);
  for (let list = 0; list < batch * heads * perHead; list++) {
    const firstQuery = (list % perHead) * blockSize;
    for (let query = firstQuery; query < Math.min(firstQuery + blockSize, queries); query++) {
      const row = (Math.floor(list / perHead) * queries + query) * keys;
      for (let i = offsets[list]!; i < offsets[list + 1]!; i++) {
        const [firstKey, mask] = [blocks[2 * i]! * blockSize, blocks[2 * i + 1]!];
        for (let key = firstKey; key < Math.min(firstKey + blockSize, keys); key++) {
          const bit = key - firstKey;
          const word = mask < 0 ? -1 : masks[(mask * blockSize + query - firstQuery) * 2 + (bit >> 5)]!;
          visible[row + key] = (word >>> (bit & 31)) & 1;
        }
      }
    }
  }
  return tf.tensor(visible, [batch, heads, queries, keys], "bool");
}
