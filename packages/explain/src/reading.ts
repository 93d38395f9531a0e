/**
 * One text as a model reads it, and the outputs it could give: the token at a position, or the label of the text. Everything that
 * is explained is the log-probability of one of these outputs. Knows neither tokenizers nor texts.
 */
import { type BaseConfig, type EncoderInput, longestSequence, type Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { ExplainError } from "./errors.ts";

/** Called with intermediates of a forward, see `ForwardOptions` of the model package. */
type Observe = (name: string, tensor: tf.Tensor) => void;

/** A text that a model has read. */
export interface Reading {
  readonly model: Model;
  readonly tokens: readonly number[];
  /** The token whose state gives the output; null where the text is classified. */
  readonly position: number | null;
  /** Embeddings of the tokens, [1, T, E]. */
  embeddings(): tf.Tensor;
  /** Embeddings in place of those of the tokens, [R, T, E] -> log-probabilities of all outputs, [R, V] or [R, C]. */
  score(embeddings: tf.Tensor): tf.Tensor;
  /** The same for the tokens themselves, [1, V] or [1, C]. */
  read(observe?: Observe): tf.Tensor;
  /** States of any layer, [1, T, h] -> log-probabilities of the next, or of each, token, [T, V]; null in a classifier. */
  lens: ((states: tf.Tensor) => tf.Tensor) | null;
}

/** Where the output is read. */
export interface ReadingOptions {
  /**
   * The token whose state gives the output: in a causal model the one before the output, by default the last; in an encoder the
   * mask. Not for classifiers of texts.
   */
  position?: number;
  /** The segment of each token, in encoders that have some. Default: 0. */
  tokenTypes?: readonly number[];
}

/** What a classifier of texts answers with; null for other models. */
export function labelsOfModel({ task }: Pick<BaseConfig, "task">): readonly string[] | null {
  return task?.kind === "sequence-classification" && task.labels.length > 1 ? task.labels : null;
}

/** Whether a model continues texts, fills masks or classifies texts, without a decoder beside its encoder: what can be explained. */
export const isExplainable = ({ predictors, config: { task } }: Model): boolean =>
  (predictors.causal ?? predictors.masked) !== undefined &&
  (task === undefined || (labelsOfModel({ task }) !== null && !predictors["sequence-to-sequence"]));

/**
 * Prepares a text of T tokens. Throws an ExplainError for a text that is empty or too long, a position outside of it, and a model
 * that neither continues texts, fills masks nor classifies texts.
 */
export function createReading(model: Model, tokens: readonly number[], options: ReadingOptions = {}): Reading {
  const { causal, masked } = model.predictors;
  const reader = causal ?? masked;
  const labels = labelsOfModel(model.config);
  if (!reader || !isExplainable(model)) {
    throw new ExplainError(
      `${model.config.family}: only models that continue texts, fill masks or classify texts can be explained, the last without a decoder beside an encoder`,
    );
  }
  const { length } = tokens;
  const longest = longestSequence(model.config);
  if (length === 0) throw new ExplainError("the text is empty: expected at least one token");
  if (length > longest) {
    throw new ExplainError(`the text has ${length} tokens, but the model takes at most ${longest}: shorten it`);
  }
  const outside = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= model.config.vocabularySize);
  if (outside !== undefined) throw new ExplainError(`token ${outside} is not in the model's vocabulary`);
  const position = labels ? null : positionOf(options.position, { length, causal: causal !== undefined });

  const repeated = (values: readonly number[], rows: number) =>
    tf.tile(tf.tensor2d([...values], [1, length], "int32"), [rows, 1]);
  const states = (rows: number, forward: { inputEmbeddings?: tf.Tensor; observe?: Observe }) => {
    const input: EncoderInput = { tokens: repeated(tokens, rows) };
    if (masked && options.tokenTypes) input.tokenTypes = repeated(options.tokenTypes, rows);
    return reader.forward(input, forward).hidden;
  };
  const outputs = (hidden: tf.Tensor) => {
    const size = hidden.shape[2]!;
    const at = (index: number) => tf.slice(hidden, [0, index, 0], [-1, 1, size]);
    if (labels) return tf.logSoftmax(reader.taskLogits(causal ? at(length - 1) : hidden));
    const logits = reader.logits(at(position!));
    return tf.logSoftmax(tf.reshape(logits, [hidden.shape[0]!, logits.shape[2]!]));
  };
  return {
    model,
    tokens,
    position,
    embeddings: () => tf.tidy(() => reader.embedTokens(repeated(tokens, 1))),
    score: (embeddings) => tf.tidy(() => outputs(states(embeddings.shape[0]!, { inputEmbeddings: embeddings }))),
    read: (observe) => tf.tidy(() => outputs(states(1, { observe }))),
    lens: labels
      ? null
      : (given) =>
          tf.tidy(() => {
            const logits = reader.logits(reader.finalStates(given));
            return tf.logSoftmax(tf.reshape(logits, [length, logits.shape[2]!]));
          }),
  };
}

function positionOf(given: number | undefined, { length, causal }: { length: number; causal: boolean }): number {
  if (given === undefined) {
    if (causal) return length - 1;
    throw new ExplainError("the text has no mask: an encoder predicts the token of a mask");
  }
  if (Number.isInteger(given) && given >= 0 && given < length) return given;
  throw new ExplainError(`position ${given} is not in the text of ${length} tokens`);
}

/** The output that the model finds most probable, by its number. */
export function likeliestOutput(reading: Reading): number {
  const scores = tf.tidy(() => Array.from(reading.read().dataSync()));
  return scores.reduce((best, score, index) => (score > scores[best]! ? index : best), 0);
}
