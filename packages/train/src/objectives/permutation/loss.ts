/**
 * Permutation language modeling (Yang et al. 2019): the query stream predicts its targets from the tokens before them in
 * the permutation. The decoder of an encoder-decoder also attends to the encoded source.
 */
import type { PermutationBatch } from "@megatron-ts/data";
import { type ForwardOptions, type Model, predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { type Objective, passedOn } from "../objective.ts";

/** The permutation language modeling loss. */
export const permutationObjective: Objective<PermutationBatch> = {
  name: "permutation",

  workload({ batchSize: samples, sequenceLength, targetPositions, source }) {
    const predictedTokens = targetPositions.length / samples;
    const queryStreamLength = predictedTokens;
    const sourceLength = source && source.length / samples;
    const lengths = { sequenceLength, predictedTokens, queryStreamLength, sourceLength };
    return [{ prediction: "permutation", samples, lengths }];
  },

  count: ({ labels }) => labels.length,

  slice({ batchSize, sequenceLength, ...batch }, start, end) {
    const cut = <Values extends Int32Array | Uint8Array>(values: Values): Values => {
      const row = values.length / batchSize;
      return values.subarray(start * row, end * row) as Values;
    };
    return {
      batchSize: end - start,
      sequenceLength,
      tokens: cut(batch.tokens),
      tokenTypes: cut(batch.tokenTypes),
      permutationMask: cut(batch.permutationMask),
      targetPositions: cut(batch.targetPositions),
      labels: cut(batch.labels),
      reversed: batch.reversed && cut(batch.reversed),
      source: batch.source && cut(batch.source),
    };
  },

  lossSum: (model, batch, options) => tf.tidy(() => lossOfStates(model, batch, statesOf(model, batch, options)[0]!)),

  inStages: { states: statesOf, lossSum: lossOfStates },
};

/** The final states of the query stream [B, M, h], or what the next stage reads. */
function statesOf(trained: Model, batch: PermutationBatch, options: ForwardOptions): tf.Tensor[] {
  const { batchSize, sequenceLength, permutationMask, reversed, source } = batch;
  const matrix = matrixOf(batch);
  return tf.tidy(() => {
    const output = predictorOf(trained, "permutation").forward(
      {
        tokens: matrix(batch.tokens),
        tokenTypes: matrix(batch.tokenTypes),
        targets: matrix(batch.targetPositions),
        permutationMask: tf.tensor3d(permutationMask, [batchSize, sequenceLength, sequenceLength], "int32"),
        reversed,
        source: source && { tokens: matrix(source) },
      },
      options,
    );
    return output.query ? [output.query] : passedOn(output);
  });
}

function lossOfStates(trained: Model, batch: PermutationBatch, query: tf.Tensor): tf.Tensor {
  const model = predictorOf(trained, "permutation");
  return tf.tidy(() =>
    tf.sum(
      vocabularyParallelCrossEntropy(model.logits(query), {
        labels: matrixOf(batch)(batch.labels),
        mesh: model.mesh,
        vocabularySize: model.config.vocabularySize,
      }),
    ),
  );
}

const matrixOf =
  ({ batchSize }: PermutationBatch) =>
  (values: Int32Array) =>
    tf.tensor2d(values, [batchSize, values.length / batchSize], "int32");
