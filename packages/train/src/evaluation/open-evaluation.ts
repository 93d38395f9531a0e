/** What a trained model can be measured by: each of its objectives on held-out text, under the name of what it is. */
import { createPseudoPerplexityBatches, type Dataset, type DocumentRange, type MaskedBatch } from "@megatron-ts/data";
import type { EncoderDecoderModel, EncoderModel, Model, ModelConfig } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { ObjectiveConfig } from "../objectives/configuration.ts";
import type { Measure } from "../objectives/definition.ts";
import { maskedRun, specialTokensOf } from "../objectives/masked/definition.ts";
import { pairAccuracy } from "../objectives/masked/pair-accuracy.ts";
import type { Objective, Rows } from "../objectives/objective.ts";
import { objectiveNamed } from "../objectives/registry.ts";
import { requireToken } from "../objectives/special-tokens.ts";
import type { Batches } from "./evaluate.ts";

export interface HeldOutMeasure {
  measure: Measure;
  /** The loss and its batches, for `evaluate`. */
  objective: Objective<Rows, Model>;
  batches: Batches<Rows>;
  /** Whether every token of the text is predicted once, from those before it alone: what bits per byte need. */
  wholeText: boolean;
  /** How often pairs of segments are judged rightly, where the objective has them. */
  pairAccuracy: ((model: Model, options: { maxBatches?: number }) => Promise<number>) | null;
}

export interface EvaluationOptions {
  dataset: Dataset;
  documents: DocumentRange;
  tokenizer: Tokenizer;
  family: ModelConfig["family"];
  /** Tokens in a sample, or in a window. */
  sequenceLength: number;
  batchSize: number;
  /** Of causal models: tokens that each window counts anew, and a token put before the first. */
  stride?: number;
  contextToken?: number;
}

/** Samples and masks are drawn by this seed for every model, so that all are measured on the same. */
const seed = 0;

/** One measure, or one for each part of a mixture. Throws a ConfigError where the tokenizer lacks a marker. */
export function openEvaluation(config: ObjectiveConfig, options: EvaluationOptions): HeldOutMeasure[] {
  if (config.name === "mixed") return config.parts.flatMap(({ objective }) => openEvaluation(objective, options));
  const { measure, objective, heldOut } = objectiveNamed(config.name);
  const { sequenceLength, batchSize } = options;
  const batches = heldOut(config, {
    ...options,
    data: { sequenceLength },
    seed,
    // Objectives that draw their samples draw as many tokens as the text has.
    batches: Math.ceil(tokensOf(options) / sequenceLength / batchSize),
  });
  const single = { measure: measure!, objective, wholeText: config.name === "causal", pairAccuracy: null };
  if (config.name !== "masked") return [{ ...single, batches }];
  const rows = batches as Batches<MaskedBatch>;
  return [
    {
      ...single,
      batches: { length: rows.length, at: (index) => ({ ...rows.at(index), pairLabels: undefined }) },
      pairAccuracy: config.pairs
        ? (model, limits) => pairAccuracy(model as EncoderModel | EncoderDecoderModel, rows, limits)
        : null,
    },
  ];
}

/** Pseudo-perplexity, of models that predict hidden tokens. */
export function openPseudoEvaluation({ tokenizer, ...options }: EvaluationOptions): HeldOutMeasure {
  return {
    measure: "pseudo-perplexity",
    objective: maskedRun.objective as unknown as Objective<Rows, Model>,
    batches: createPseudoPerplexityBatches({
      ...options,
      specialTokens: specialTokensOf(tokenizer),
      maskToken: requireToken(tokenizer, "mask"),
      unpredicted: new Set(tokenizer.specialTokens.values()),
    }),
    wholeText: false,
    pairAccuracy: null,
  };
}

const tokensOf = ({ dataset, documents }: EvaluationOptions) =>
  dataset.startOf(dataset.firstSequenceOf(documents.end)) - dataset.startOf(dataset.firstSequenceOf(documents.start));
