/** The heads that make any encoder a classifier or a reader: what they are as configuration, and which is built. */
import { crossEntropy } from "@megatron-ts/ops";
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { StepRandomness } from "../layers/dropout.ts";
import type { TaskHeadConfig } from "./configuration.ts";
import { createQuestionAnswering } from "./question-answering.ts";
import { createSequenceClassification } from "./sequence-classification.ts";
import { createTokenClassification } from "./token-classification.ts";

/** What every head is built from. */
export interface HeadSize {
  hiddenSize: number;
  outputs: number;
  dropout: number;
  initializer: Initializer;
}

export interface TaskHeadOptions extends Omit<HeadSize, "outputs"> {
  /** One vector for each sequence: [B, T, h] -> [B, h]. */
  summarise: (hidden: tf.Tensor) => tf.Tensor;
  /** Whether that vector went through a dense layer already, as a pooler's did. */
  pooled: boolean;
}

/** hidden [B, T, h] -> logits: [B, C] of a sequence, [B, T, C] of tokens, [B, T, 2] of answers. */
export type TaskHead = (hidden: tf.Tensor, options?: { random?: StepRandomness | null }) => tf.Tensor;

export function createTaskHead(
  scope: Scope,
  config: TaskHeadConfig,
  { summarise, pooled, ...shared }: TaskHeadOptions,
): TaskHead {
  if (config.kind === "question-answering") return createQuestionAnswering(scope, shared);
  const size = { ...shared, outputs: config.labels.length, dropout: config.dropout ?? shared.dropout };
  if (config.kind === "token-classification") return createTokenClassification(scope, size);
  const classify = createSequenceClassification(scope, { ...size, pooled });
  return (hidden, options) => classify(summarise(hidden), options);
}

/** logits [..., C], labels int32 [...] -> losses in nats [N]; a negative label counts 0. */
export function classificationLosses(logits: tf.Tensor, { labels }: { labels: tf.Tensor }): tf.Tensor {
  return tf.tidy(() =>
    crossEntropy(tf.reshape(logits, [-1, logits.shape[logits.rank - 1]!]), { labels: tf.reshape(labels, [-1]) }),
  );
}
