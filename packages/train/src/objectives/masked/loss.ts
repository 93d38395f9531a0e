/**
 * Masked language modeling, with a second loss for batches of segment pairs: BERT's next sentence prediction (Devlin et
 * al. 2019) or Megatron's sentence order. The loss is the mean over predicted tokens plus the mean over rows.
 */
import type { MaskedBatch } from "@megatron-ts/data";
import { type EncoderModel, type ForwardOptions, type Model, predictorOf } from "@megatron-ts/model";
import { crossEntropy, embedding } from "@megatron-ts/ops";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { countLabels, type Objective, passedOn } from "../objective.ts";

/** The masked language modeling loss, with that of segment pairs if the batch has them. */
export const maskedObjective: Objective<MaskedBatch> = {
  name: "masked",

  workload({ batchSize: samples, sequenceLength, labels }) {
    const predictedTokens = countLabels(labels) / samples;
    return [{ prediction: "masked", samples, lengths: { sequenceLength, predictedTokens } }];
  },

  count: ({ labels }) => countLabels(labels),

  slice(batch, start, end) {
    const { batchSize, sequenceLength, labels, pairLabels } = batch;
    const cut = (values: Int32Array) => values.subarray(start * sequenceLength, end * sequenceLength);
    return {
      batchSize: end - start,
      sequenceLength,
      tokens: cut(batch.tokens),
      labels: cut(labels),
      tokenTypes: cut(batch.tokenTypes),
      lengths: batch.lengths.subarray(start, end),
      ranges: batch.ranges?.subarray(2 * start * sequenceLength, 2 * end * sequenceLength),
      positions: batch.positions && cut(batch.positions),
      pairLabels: pairLabels?.subarray(start, end),
      tokensPerRow: batch.tokensPerRow ?? countLabels(labels) / batchSize,
    };
  },

  shareTokens({ batchSize, sequenceLength, lengths, ...batch }, { rank, size }) {
    const own = sequenceLength / size;
    const firstToken = rank * own;
    const rowOf = (token: number) => Math.floor(token / own);
    const place = (token: number) => firstToken + (token % own);
    const share = (values: (token: number) => number, width = 1) =>
      Int32Array.from({ length: batchSize * own * width }, (_, i) => values(i));
    const cut = (values: Int32Array) => share((i) => values[rowOf(i) * sequenceLength + place(i)]!);
    const { ranges, positions } = batch;
    const start = (token: number) => 2 * (rowOf(token) * sequenceLength + place(token));
    return {
      ...{ ...batch, batchSize, lengths, sequenceLength: own },
      ...{ tokens: cut(batch.tokens), labels: cut(batch.labels), tokenTypes: cut(batch.tokenTypes) },
      // Keys and positions are those of the whole sequence.
      positions: positions ? cut(positions) : share(place),
      ranges: share((i) => {
        const token = Math.floor(i / 2);
        return ranges ? ranges[start(token) + (i % 2)]! : (i % 2) * lengths[rowOf(token)]!;
      }, 2),
      tokensPerRow: batch.tokensPerRow ?? countLabels(batch.labels) / batchSize,
    };
  },

  lossSum: (model, batch, options) => tf.tidy(() => lossOfStates(model, batch, statesOf(model, batch, options)[0]!)),

  inStages: { states: statesOf, lossSum: lossOfStates },
};

/** The final states of the tokens [B, T, h], or what the next stage reads. */
function statesOf(trained: Model, batch: MaskedBatch, options: ForwardOptions): tf.Tensor[] {
  const { batchSize, sequenceLength, lengths } = batch;
  const matrix = (values: Int32Array) => tf.tensor2d(values, [batchSize, sequenceLength], "int32");
  const model = predictorOf(trained, "masked");
  const { firstPosition = 0 } = model;
  return tf.tidy(() => {
    const input = {
      tokens: matrix(batch.tokens),
      tokenTypes: matrix(batch.tokenTypes),
      lengths,
      ranges: batch.ranges && tf.tensor3d(batch.ranges, [batchSize, sequenceLength, 2], "int32"),
      positions: batch.positions && matrix(batch.positions.map((position) => position + firstPosition)),
    };
    return passedOn(model.forward(input, options));
  });
}

function lossOfStates(trained: Model, batch: MaskedBatch, hidden: tf.Tensor): tf.Tensor {
  const { batchSize, labels, pairLabels } = batch;
  const model = predictorOf(trained, "masked");
  return tf.tidy(() => {
    const tokenLoss = predictedLoss(model, hidden, labels);
    if (!pairLabels) return tokenLoss;
    const pairLosses = crossEntropy(model.pairLogits(model.pooled(hidden)), {
      labels: tf.tensor1d(pairLabels, "int32"),
    });
    const tokensPerRow = batch.tokensPerRow ?? countLabels(labels) / batchSize;
    // Where ranks share a sequence, the pair is predicted from its first token, which the first rank has.
    const isFirst = model.mesh.context.rank === 0;
    return tf.add(tokenLoss, tf.mul(tf.sum(pairLosses), isFirst ? tokensPerRow : 0));
  });
}

/** The summed loss of predicted tokens; only their hidden states [B, T, h] go through the head, one at least, which then counts nothing. */
function predictedLoss(model: EncoderModel, hidden: tf.Tensor, labels: Int32Array): tf.Tensor {
  const predicted = [...labels.keys()].filter((place) => labels[place]! >= 0);
  const places = Int32Array.from(predicted.length > 0 ? predicted : [0]);
  const rows = tf.reshape(hidden, [labels.length, -1]);
  // The gradient of `embedding`, which gathers rows, exists on every backend.
  const taken = embedding(tf.tensor1d(places, "int32"), { table: rows });
  const wanted = Int32Array.from(places, (place) => labels[place]!);
  return tf.sum(
    vocabularyParallelCrossEntropy(model.logits(taken), {
      labels: tf.tensor1d(wanted, "int32"),
      mesh: model.mesh,
      vocabularySize: model.config.vocabularySize,
    }),
  );
}
