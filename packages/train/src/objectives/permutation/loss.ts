/**
 * Permutation language modelling (Yang et al. 2019): the query stream predicts its targets from what the permutation lets
 * it see. An XLNet predicts by itself; the decoder of an encoder-decoder also reads a source through its encoder.
 */
import type { PermutationBatch } from "@megatron-ts/data";
import type { EncoderDecoderModel, XlnetModel } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Objective } from "../objective.ts";

export const permutationObjective: Objective<PermutationBatch, XlnetModel | EncoderDecoderModel> = {
  name: "permutation",

  tokens: ({ tokens, source }) => tokens.length + (source?.length ?? 0),

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

  lossSum(model, batch, options) {
    const { batchSize } = batch;
    const matrix = (values: Int32Array) => tf.tensor2d(values, [batchSize, values.length / batchSize], "int32");
    return tf.tidy(() => {
      const tokens = matrix(batch.tokens);
      const targets = matrix(batch.targetPositions);
      const blocked = tf.tensor3d(
        batch.permutationMask,
        [batchSize, batch.sequenceLength, batch.sequenceLength],
        "int32",
      );
      const query =
        "encode" in model
          ? model.permuted(
              {
                tokens,
                targets,
                blocked,
                positions: textPositions(batch),
                memory: encodeSource(model, batch, options),
              },
              options,
            ).query
          : model.hidden(
              { tokens, targets, blocked, tokenTypes: matrix(batch.tokenTypes), reversed: batch.reversed },
              options,
            ).query!;
      const labels = matrix(batch.labels);
      return tf.sum(vocabularyParallelCrossEntropy(model.logits(query), { labels, mesh: model.mesh }));
    });
  },
};

/** int32 [B, T]: where each token stands in its text, whose neighbours are the same whichever way it runs. */
function textPositions({ batchSize, sequenceLength, reversed }: PermutationBatch): tf.Tensor2D {
  const positions = Int32Array.from({ length: batchSize * sequenceLength }, (_, place) => {
    const token = place % sequenceLength;
    return reversed?.[Math.floor(place / sequenceLength)] ? sequenceLength - 1 - token : token;
  });
  return tf.tensor2d(positions, [batchSize, sequenceLength], "int32");
}

function encodeSource(
  model: EncoderDecoderModel,
  { source, batchSize }: PermutationBatch,
  options: Parameters<EncoderDecoderModel["encode"]>[1],
): tf.Tensor {
  if (!source) throw new Error("the decoder of an encoder-decoder predicts from a source, and was given none");
  return model.encode({ tokens: tf.tensor2d(source, [batchSize, source.length / batchSize], "int32") }, options);
}
