/** Conformance of `cacheAppend`. */
import * as tf from "@tensorflow/tfjs";
import { cacheAppend } from "./cache-append.ts";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import {
  expectAliasUnchanged,
  expectClose,
  expectError,
  expectNoLeak,
  type Plain,
  plain,
  random,
  toTensor,
} from "./conformance/plain.ts";

interface Setting {
  pages: number;
  pageSize: number;
  /** G and D of the cache. */
  width: readonly [number, number];
  pageTable: number[][];
}

/** One call: how many tokens each row gets, and from which position on. */
interface Append {
  tokens: number;
  positions: number[];
}

function write(cache: Float64Array, values: Plain, { pageSize, width, pageTable }: Setting, positions: number[]): void {
  const [rows, tokens] = values.shape as [number, number];
  const length = width[0] * width[1];
  for (let row = 0; row < rows; row++) {
    for (let token = 0; token < tokens; token++) {
      const position = positions[row]! + token;
      const slot = pageTable[row]![Math.floor(position / pageSize)]! * pageSize + (position % pageSize);
      const start = (row * tokens + token) * length;
      cache.set(values.values.slice(start, start + length), slot * length);
    }
  }
}

const holds = (name: string, setting: Setting, appends: Append[]): ConformanceCase => ({
  name,
  check: () =>
    tf.tidy(() => {
      const { pages, pageSize, width, pageTable } = setting;
      const shape = [pages, pageSize, ...width];
      const initial = random("cache", shape);
      const cache = toTensor(initial);
      const { id } = cache;
      const table = tf.tensor2d(pageTable, undefined, "int32");
      const reference = initial.values.slice();
      appends.forEach(({ tokens, positions }, call) => {
        const values = random(`values ${call}`, [positions.length, tokens, ...width]);
        write(reference, values, setting, positions);
        const operands = { values: toTensor(values), pageTable: table, positions: tf.tensor1d(positions, "int32") };
        expectNoLeak(() => cacheAppend(cache, operands), { what: "cacheAppend" });
        expectClose(cache, { expected: plain(shape, reference), tolerance: 0, what: `the cache after call ${call}` });
      });
      if (cache.id !== id) throw new Error("the cache is another tensor");
    }),
});

const ragged: Setting = {
  pages: 7,
  pageSize: 4,
  width: [2, 3],
  pageTable: [
    [5, 0, 2],
    [1, 6, 3],
  ],
};

export const cacheAppendSuite: ConformanceSuite = {
  name: "cacheAppend",
  cases: [
    holds("a prompt, then token by token, over the borders of pages", ragged, [
      { tokens: 3, positions: [0, 0] },
      { tokens: 1, positions: [3, 3] },
      { tokens: 1, positions: [4, 4] },
      { tokens: 7, positions: [5, 5] },
    ]),
    holds("rows of different lengths", ragged, [
      { tokens: 6, positions: [1, 5] },
      { tokens: 1, positions: [11, 0] },
    ]),
    holds("one page a row, one head, odd sizes", { pages: 2, pageSize: 33, width: [1, 7], pageTable: [[0], [1]] }, [
      { tokens: 31, positions: [0, 0] },
      { tokens: 1, positions: [31, 32] },
    ]),
    holds("pages of one key", { pages: 3, pageSize: 1, width: [3, 1], pageTable: [[2, 0, 1]] }, [
      { tokens: 3, positions: [0] },
    ]),
    holds("no tokens", ragged, [{ tokens: 0, positions: [0, 4] }]),
    {
      name: "a position beyond the page table, or a page beyond the cache, is an error",
      check: () =>
        tf.tidy(() => {
          const cache = tf.zeros([2, 4, 1, 1]);
          const append = (pages: number[], position: number) =>
            cacheAppend(cache, {
              values: tf.ones([1, 1, 1, 1]),
              pageTable: tf.tensor2d([pages], undefined, "int32"),
              positions: tf.tensor1d([position], "int32"),
            });
          expectError(() => append([0, 1], 8), /8/);
          expectError(() => append([0, 1], -1), /-1/);
          expectError(() => append([0, 2], 4), /2/);
          expectClose(cache, { expected: plain([2, 4, 1, 1]), tolerance: 0, what: "the cache" });
        }),
    },
    {
      name: "never changes a tensor that shares the memory",
      check: () =>
        tf.tidy(() => {
          const cache = tf.zeros([1, 4, 1, 1]);
          const operands = {
            values: tf.ones([1, 1, 1, 1]),
            pageTable: tf.zeros([1, 1], "int32"),
            positions: tf.zeros([1], "int32"),
          };
          expectAliasUnchanged(cache, () => cacheAppend(cache, operands));
          cacheAppend(cache, operands);
          expectClose(cache, { expected: plain([1, 4, 1, 1], [1, 0, 0, 0]), tolerance: 0, what: "the cache" });
        }),
    },
    {
      name: "shapes that do not fit are errors",
      check: () =>
        tf.tidy(() => {
          const cache = tf.zeros([1, 4, 2, 3]);
          const [pageTable, positions] = [tf.zeros([1, 1], "int32"), tf.zeros([1], "int32")];
          const append = (values: number[]) => cacheAppend(cache, { values: tf.ones(values), pageTable, positions });
          expectError(() => append([1, 1, 3, 2]), /values \[1,1,3,2\] do not fit a cache of \[1,4,2,3\]/);
          expectError(() => append([2, 1, 2, 3]), /must have 2 rows/);
        }),
    },
  ],
};
