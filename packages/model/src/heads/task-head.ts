/** Builds the task head that a configuration asks for. */
import { type Activation, crossEntropy } from "@megatron-ts/ops";
import type { Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../errors.ts";
import type { StepRandomness } from "../layers/dropout.ts";
import type { TaskHeadConfig } from "./configuration.ts";
import type { HeadSize } from "./head-size.ts";
import { createQuestionAnswering } from "./question-answering.ts";
import { createReplacedTokenDetection } from "./replaced-token-detection.ts";
import { createSequenceClassification } from "./sequence-classification.ts";
import { createTokenClassification } from "./token-classification.ts";

export interface TaskHeadOptions extends Omit<HeadSize, "outputs"> {
  /** Summarizes each sequence as one vector: [B, T, h] -> [B, h]. */
  summarise: (hidden: tf.Tensor) => tf.Tensor;
  /** Whether that includes a dense layer, as in a pooler. */
  pooled: boolean;
  /** Whether the logits of sequences have biases. Default: true. */
  hasBias?: boolean;
  /** The model's own. */
  activation: Activation;
}

/** hidden [B, T, h] -> logits: [B, C] for sequences, [B, 1] for choices, [B, T, C] for tokens, [B, T, 2] for answers, [B, T] for replaced tokens. */
export type TaskHead = (hidden: tf.Tensor, options?: { random?: StepRandomness | null }) => tf.Tensor;

/** Whether a head reads a summary of a sequence: it classifies it, or says how good a choice it is. */
export const readsSummary = (
  config: TaskHeadConfig | undefined,
): config is Extract<TaskHeadConfig, { kind: "sequence-classification" | "multiple-choice" }> =>
  config?.kind === "sequence-classification" || config?.kind === "multiple-choice";

/** The path of every task head. */
export const TASK_HEAD = "taskHead";

export function createTaskHead(
  scope: Scope,
  config: TaskHeadConfig,
  { summarise, pooled, hasBias, activation, ...shared }: TaskHeadOptions,
): TaskHead {
  if (config.kind === "question-answering") return createQuestionAnswering(scope, shared);
  if (config.kind === "replaced-token-detection") return createReplacedTokenDetection(scope, { ...shared, activation });
  const outputs = config.kind === "multiple-choice" ? 1 : config.labels.length;
  const size = { ...shared, outputs, dropout: config.dropout ?? shared.dropout };
  if (config.kind === "token-classification") return createTokenClassification(scope, size);
  const classify = createSequenceClassification(scope, { ...size, pooled, hasBias, activation: config.activation });
  return (hidden, options) => classify(summarise(hidden), options);
}

/**
 * Cross-entropies in nats: logits [..., C], labels int32 [...] -> [N]; 0 for negative labels. Throws a ModelError for a
 * single class, which is a regression.
 */
export function classificationLosses(logits: tf.Tensor, { labels }: { labels: tf.Tensor }): tf.Tensor {
  if (logits.shape[logits.rank - 1] === 1) throw new ModelError("a head with one label is a regression: use squares");
  return tf.tidy(() =>
    crossEntropy(tf.reshape(logits, [-1, logits.shape[logits.rank - 1]!]), { labels: tf.reshape(labels, [-1]) }),
  );
}
