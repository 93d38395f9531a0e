/** The loss of targets after their sources: cross-entropy with smoothed labels, of the target's tokens only. */
import { type ForwardOptions, type Model, predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { TextPair, TextPrediction, TextTokens } from "./text-pair.ts";

/** Options of `pairLossSum`. */
export interface PairLossOptions {
  prediction: TextPrediction;
  tokens: TextTokens;
  /** The share of each label that is spread over the vocabulary. */
  smoothing: number;
}

/** What is read, and what is learned after it. */
export interface LossPair extends Pick<TextPair, "source" | "target"> {
  /** Which tokens of the target are learned. Default: all. */
  learned?: readonly boolean[];
}

/** The sum of the losses of all learned tokens of the targets, in nats: a scalar. */
export const pairLossSum = (
  model: Model,
  pairs: readonly LossPair[],
  options: PairLossOptions & ForwardOptions,
): tf.Tensor => tf.tidy(() => tf.sum(pairLosses(model, pairs, options)));

/** The loss of each token, in nats, and 0 where none is learned: [B, T]. */
export function pairLosses(
  model: Model,
  pairs: readonly LossPair[],
  { prediction, tokens, smoothing, ...options }: PairLossOptions & ForwardOptions,
): tf.Tensor {
  return tf.tidy(() => {
    const { hidden, labels, logits } =
      prediction === "causal"
        ? causalStates(model, pairs, options)
        : decoderStates(model, pairs, { ...options, tokens });
    const size = hidden.shape.at(-1)!;
    const rows = logits(tf.reshape(hidden, [-1, size]));
    const { mesh, config } = model;
    const losses = vocabularyParallelCrossEntropy(rows, {
      ...{ labels: tf.tensor1d(labels, "int32"), smoothing, mesh },
      vocabularySize: config.vocabularySize,
    });
    return tf.reshape(losses, [pairs.length, -1]);
  });
}

interface States {
  /** [B, T, h] */
  hidden: tf.Tensor;
  /** [B * T]: negative where nothing is to be predicted. */
  labels: Int32Array;
  logits(states: tf.Tensor): tf.Tensor;
}

const IGNORED = -100;

const labelsOf = ({ target, learned }: LossPair): Int32Array =>
  learned ? target.map((id, index) => (learned[index] ? id : IGNORED)) : target;

/** int32 [B, longest], filled up on the right. */
function padded(rows: readonly ArrayLike<number>[], filling: number): { values: Int32Array; shape: [number, number] } {
  const width = Math.max(...rows.map(({ length }) => length));
  const values = new Int32Array(rows.length * width).fill(filling);
  for (const [index, row] of rows.entries()) values.set(row, index * width);
  return { values, shape: [rows.length, width] };
}

function tensorOf(rows: readonly ArrayLike<number>[], filling: number): tf.Tensor2D {
  const { values, shape } = padded(rows, filling);
  return tf.tensor2d(values, shape, "int32");
}

function decoderStates(
  model: Model,
  pairs: readonly LossPair[],
  { tokens: { start }, ...options }: { tokens: TextTokens } & ForwardOptions,
): States {
  const predictor = predictorOf(model, "sequence-to-sequence");
  const lengths = pairs.map(({ source }) => source.length);
  const sources = pairs.map(({ source }) => source);
  const { hidden: memory } = predictor.encode({ tokens: tensorOf(sources, start), lengths }, options);
  const shifted = pairs.map(({ target }) => [start, ...target.subarray(0, -1)]);
  const tokens = tensorOf(shifted, start);
  const { hidden } = predictor.forward({ tokens, memory, memoryLengths: lengths }, options);
  const labels = padded(pairs.map(labelsOf), IGNORED).values;
  return { hidden, labels, logits: predictor.logits };
}

function causalStates(model: Model, pairs: readonly LossPair[], options: ForwardOptions): States {
  const predictor = predictorOf(model, "causal");
  const whole = pairs.map(({ source, target }) => [...source, ...target]);
  const tokens = tensorOf(
    whole.map((ids) => ids.slice(0, -1)),
    0,
  );
  const labels = pairs.map((pair) => [...Array(pair.source.length - 1).fill(IGNORED), ...labelsOf(pair)]);
  const { hidden } = predictor.forward({ tokens }, options);
  return { hidden, labels: padded(labels, IGNORED).values, logits: predictor.logits };
}
