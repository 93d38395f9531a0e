/** Causal language modeling: every token predicts the next one. */
import { causalRangesOf } from "@megatron-ts/attention";
import type { CausalBatch } from "@megatron-ts/data";
import { type ForwardOptions, type Model, predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { countLabels, type Objective, passedOn } from "../objective.ts";

const byArrays: NonNullable<Objective<CausalBatch>["byArrays"]> = {
  arrays({ batchSize, sequenceLength, tokens, labels, positions, keyStart, keyEnd, firstToken = 0 }) {
    const shape = [batchSize, sequenceLength];
    const offsets = new Int32Array(batchSize).fill(firstToken);
    const ranges = causalRangesOf({ batchSize, tokens: sequenceLength, offsets, keyStart, keyEnd });
    return [
      { values: tokens, shape },
      { values: labels, shape },
      { values: ranges, shape: [...shape, 2] },
      ...(positions ? [{ values: positions, shape }] : []),
    ];
  },

  lossSum: (trained, tensors, options) =>
    tf.tidy(() => lossOfStates(trained, tensors[1]!, statesOf(trained, tensors, options)[0]!)),
};

/** The final states of the tokens, or what the next stage reads. */
function statesOf(trained: Model, tensors: readonly tf.Tensor[], options: ForwardOptions): tf.Tensor[] {
  const [tokens, , ranges, positions] = tensors;
  return passedOn(predictorOf(trained, "causal").forward({ tokens: tokens!, positions, ranges: ranges! }, options));
}

function lossOfStates(trained: Model, labels: tf.Tensor, states: tf.Tensor): tf.Tensor {
  const model = predictorOf(trained, "causal");
  return tf.sum(
    vocabularyParallelCrossEntropy(model.logits(states), {
      labels,
      mesh: model.mesh,
      vocabularySize: model.config.vocabularySize,
    }),
  );
}

/** Calls f with the tensors of a batch's arrays. */
function withTensors<Result>(batch: CausalBatch, f: (tensors: tf.Tensor[]) => Result): Result {
  const tensors = byArrays.arrays(batch).map(({ values, shape }) => tf.tensor(values, [...shape], "int32"));
  try {
    return f(tensors);
  } finally {
    tf.dispose(tensors);
  }
}

/** The causal language modeling loss. */
export const causalObjective: Objective<CausalBatch> = {
  name: "causal",

  workload: ({ batchSize: samples, sequenceLength }) => [
    { prediction: "causal", samples, lengths: { sequenceLength } },
  ],

  count: ({ labels }) => countLabels(labels),

  slice({ sequenceLength, tokens, labels, positions, keyStart, keyEnd }, start, end) {
    const cut = (values: Int32Array) => values.subarray(start * sequenceLength, end * sequenceLength);
    return {
      batchSize: end - start,
      sequenceLength,
      tokens: cut(tokens),
      labels: cut(labels),
      positions: positions && cut(positions),
      keyStart: keyStart && cut(keyStart),
      keyEnd: keyEnd && cut(keyEnd),
    };
  },

  shareTokens({ batchSize, sequenceLength, tokens, labels, positions, keyStart }, { rank, size }) {
    const own = sequenceLength / size;
    const firstToken = rank * own;
    const cut = (values: Int32Array) =>
      Int32Array.from({ length: batchSize * own }, (_, i) => {
        return values[Math.floor(i / own) * sequenceLength + firstToken + (i % own)]!;
      });
    const counted = () => Int32Array.from({ length: batchSize * own }, (_, i) => firstToken + (i % own));
    return {
      ...{ batchSize, sequenceLength: own, firstToken, tokens: cut(tokens), labels: cut(labels) },
      positions: positions ? cut(positions) : counted(),
      keyStart: keyStart && cut(keyStart),
    };
  },

  lossSum: (model, batch, options) => withTensors(batch, (tensors) => byArrays.lossSum(model, tensors, options)),

  inStages: {
    states: (model, batch, options) => withTensors(batch, (tensors) => statesOf(model, tensors, options)),
    lossSum: (model, batch, states) =>
      withTensors(batch, (tensors) => tf.tidy(() => lossOfStates(model, tensors[1]!, states))),
  },

  byArrays,
};
