/**
 * Examples that are several rows of a model's input each, such as the windows of a long text. Dropout counts rows of the global batch: those of
 * an example are placed by how many it has, so that its masks do not depend on the other examples of a micro-batch. Groups are the same
 * without dropout, as a teacher's are compared with its student's.
 */
import type { ForwardOptions } from "@megatron-ts/model";
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";

/** The sum over examples in a row that have the same number of rows, each with its place: scalars of `lossSum`, summed. */
export function sumOverRowGroups<Example>(
  examples: readonly Example[],
  options: ForwardOptions,
  {
    rowsOf,
    lossSum,
  }: {
    rowsOf: (example: Example) => number;
    lossSum: (some: readonly Example[], options: ForwardOptions) => tf.Tensor;
  },
): tf.Tensor {
  const { random } = options;
  return tf.tidy(() => {
    const sums: tf.Tensor[] = [];
    for (let start = 0; start < examples.length; ) {
      const rows = rowsOf(examples[start]!);
      let end = start;
      while (end < examples.length && rowsOf(examples[end]!) === rows) end++;
      const own = random && {
        ...random,
        key: rows === 1 ? random.key : hashKey(random.key, "rows", rows),
        firstRow: (random.firstRow + start) * rows,
        globalRows: random.globalRows * rows,
      };
      sums.push(lossSum(examples.slice(start, end), { ...options, random: own }));
      start = end;
    }
    return tf.addN(sums);
  });
}
