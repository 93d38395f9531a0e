/** Embedding: the rows of a table by token id. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernel } from "./kernel.ts";

const embeddingGradientKernel: Kernel<{ vocabularySize: number }> = {
  name: "MegatronEmbeddingGradient",
  reference: ({ ids, dy }, { vocabularySize }) => {
    const h = dy!.shape[dy!.rank - 1]!;
    // scatterND adds where ids repeat; every backend has it, unlike the gradient of tf.gather.
    return tf.scatterND(tf.reshape(ids!, [-1, 1]), tf.reshape(dy!, [-1, h]), [vocabularySize, h]);
  },
};

const embeddingKernel: Kernel = {
  name: "MegatronEmbedding",
  reference: ({ ids, table }) => {
    const vocabularySize = table!.shape[0]!;
    const outside = ids!.dataSync().find((id) => id < 0 || id >= vocabularySize);
    expectShape(
      outside === undefined,
      () => `embedding: token id ${outside} is outside the vocabulary of ${vocabularySize}`,
    );
    return tf.gather(table!, ids as tf.Tensor1D);
  },
  gradient: {
    inputsToSave: ["ids", "table"],
    gradFunc: (dy, [ids, table]) => ({
      table: () =>
        runKernel(embeddingGradientKernel, { ids: ids!, dy: dy as tf.Tensor }, { vocabularySize: table!.shape[0]! }),
    }),
  },
};

/** ids int32 [...], table [V, h] -> [..., h]. An id outside 0..V-1 throws a ShapeError. */
export function embedding(ids: tf.Tensor, { table }: { table: tf.Tensor }): tf.Tensor {
  expectShape(ids.dtype === "int32", () => `embedding: ids must be int32, got ${ids.dtype}`);
  expectShape(table.rank === 2, () => `embedding: the table must be [V, h], got [${table.shape}]`);
  return runKernel(embeddingKernel, { ids, table });
}
