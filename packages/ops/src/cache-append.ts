/** Writes new keys or values into a paged cache, in place (pages as in Kwon et al. 2023). */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernelForMany } from "./kernel.ts";
import { assertSoleOwner, replaceContents } from "./mutate.ts";

const cacheAppendKernel: Kernel = {
  name: "MegatronCacheAppend",
  reference: ({ cache, values, pageTable, positions }) => {
    const [pages, pageSize, heads, headSize] = cache!.shape as [number, number, number, number];
    const [batch, tokens] = values!.shape as [number, number];
    const pagesPerRow = pageTable!.shape[1]!;
    const table = pageTable!.dataSync();
    const first = positions!.dataSync();
    const slots = new Int32Array(batch * tokens);
    for (let row = 0; row < batch; row++) {
      for (let token = 0; token < tokens; token++) {
        const position = first[row]! + token;
        expectShape(
          position >= 0 && position < pagesPerRow * pageSize,
          () => `cacheAppend: position ${position} of row ${row} is outside its ${pagesPerRow} pages of ${pageSize}`,
        );
        const page = table[row * pagesPerRow + Math.floor(position / pageSize)]!;
        expectShape(
          page >= 0 && page < pages,
          () => `cacheAppend: the page table of row ${row} names page ${page}, but the cache has ${pages} pages`,
        );
        slots[row * tokens + token] = page * pageSize + (position % pageSize);
      }
    }
    const width = heads * headSize;
    const next = tf.tensorScatterUpdate(
      tf.reshape(cache!, [pages * pageSize, width]),
      tf.tensor2d(slots, [slots.length, 1], "int32"),
      tf.reshape(values!, [-1, width]),
    );
    replaceContents(cache!, tf.reshape(next, cache!.shape));
    return [];
  },
};

/**
 * Writes token t of row b of `values` [B, T, G, D] at position `positions[b] + t` of that row's pages, in place. cache
 * [pages, pageSize, G, D], positions int32 [B], pageTable int32 [B, P]: position p is slot p % pageSize of page
 * pageTable[b, floor(p / pageSize)]. Throws a ShapeError if shapes do not fit or a position has no page, and an Error if
 * another tensor shares the cache's memory.
 */
export function cacheAppend(
  cache: tf.Tensor,
  { values, pageTable, positions }: { values: tf.Tensor; pageTable: tf.Tensor; positions: tf.Tensor },
): void {
  expectShape(
    cache.rank === 4 && values.rank === 4 && values.shape[2] === cache.shape[2] && values.shape[3] === cache.shape[3],
    () => `cacheAppend: values [${values.shape}] do not fit a cache of [${cache.shape}]`,
  );
  expectShape(
    pageTable.rank === 2 && pageTable.shape[0] === values.shape[0] && positions.shape[0] === values.shape[0],
    () =>
      `cacheAppend: pageTable [${pageTable.shape}] and positions [${positions.shape}] must have ${values.shape[0]} rows, like values`,
  );
  assertSoleOwner(cache, "cacheAppend: the cache");
  runKernelForMany(cacheAppendKernel, { cache, values, pageTable, positions });
}
