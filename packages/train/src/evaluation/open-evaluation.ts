/** Opens the metrics of a trained model on validation text: one for each of its objectives, with its own name. */
import { type BatchList, createPseudoPerplexityBatches, type Dataset, type DocumentRange } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type ObjectiveConfig, partsOf } from "../objectives/configuration.ts";
import type { Accuracy } from "../objectives/definition.ts";
import { specialTokensOf } from "../objectives/masked/definition.ts";
import { maskedObjective } from "../objectives/masked/loss.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { getObjective } from "../objectives/registry.ts";
import { requireToken } from "../objectives/special-tokens.ts";

/** One metric: a loss and the batches to take it over, for `evaluate`. */
export interface ValidationMetric {
  /** The name of exp(loss), such as "causal perplexity". */
  metric: string;
  objective: Objective<MicroBatch>;
  batches: BatchList<MicroBatch>;
  /** Whether each token of the text is predicted once, from those before it alone, as bits per byte require. */
  predictsWholeText: boolean;
  /** How often pairs of segments are classified correctly, for objectives with pairs. */
  pairAccuracy: Accuracy | null;
}

/** Options of `openEvaluation`. */
export interface EvaluationOptions {
  dataset: Dataset;
  documents: DocumentRange;
  tokenizer: Tokenizer;
  /** Whether the model's encoder reads a source that its decoder attends to. */
  readsSource: boolean;
  /** Tokens in a sample, or in a window. */
  sequenceLength: number;
  batchSize: number;
  /** For causal models: tokens that each window predicts, and a token put before the first. */
  stride?: number;
  contextToken?: number;
}

/** Draws the same samples and masks for every model, so that their metrics can be compared. */
const seed = 0;

/** Objectives that draw their samples draw as many tokens as the text has, rounded up to this many samples. */
const SAMPLE_MULTIPLE = 8;

/** One metric, or one for each part of a mixture. Throws a ConfigError if the tokenizer lacks a special token. */
export function openEvaluation(config: ObjectiveConfig, options: EvaluationOptions): ValidationMetric[] {
  return partsOf(config).map((part) => {
    const definition = getObjective(part.name);
    const { metric, objective, predictsWholeText } = definition;
    const { sequenceLength } = options;
    const batches = definition.validationBatches(part, {
      ...options,
      data: { sequenceLength },
      seed,
      samples: SAMPLE_MULTIPLE * Math.ceil(tokensOf(options) / sequenceLength / SAMPLE_MULTIPLE),
    });
    const apart = definition.measureApart?.(part, batches) ?? { batches, accuracy: null };
    return { metric, objective, predictsWholeText, batches: apart.batches, pairAccuracy: apart.accuracy };
  });
}

/** Pseudo-perplexity (Salazar et al. 2020), for models that predict masked tokens. */
export function openPseudoEvaluation({ tokenizer, ...options }: EvaluationOptions): ValidationMetric {
  return {
    metric: "pseudo-perplexity",
    objective: maskedObjective,
    batches: createPseudoPerplexityBatches({
      ...options,
      specialTokens: specialTokensOf(tokenizer),
      maskToken: requireToken(tokenizer, "mask"),
      unpredicted: new Set(tokenizer.specialTokens.values()),
    }),
    predictsWholeText: false,
    pairAccuracy: null,
  };
}

const tokensOf = ({ dataset, documents }: EvaluationOptions) =>
  dataset.startOf(dataset.firstSequenceOf(documents.end)) - dataset.startOf(dataset.firstSequenceOf(documents.start));
