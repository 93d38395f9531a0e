/** What a run must know of an objective: its loss, and the batches that it trains and evaluates on. */
import type { BatchSchedule, Dataset, DocumentRange } from "@megatron-ts/data";
import type { Model, ModelConfig } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { Batches } from "../evaluation/evaluate.ts";
import type { WeightedDocuments } from "../run/datasets.ts";
import type { ObjectiveConfig, ObjectiveConfigOf } from "./configuration.ts";
import type { Objective, Rows } from "./objective.ts";

/** What samples depend on beside their text. */
export interface SampleContext {
  data: {
    /** Tokens in a sample. */
    sequenceLength: number;
    resetPositions?: boolean;
    resetAttention?: boolean;
    maskEndOfDocumentLoss?: boolean;
  };
  tokenizer: Tokenizer;
  /** Of the model: what its batches must hold. */
  family: ModelConfig["family"];
  seed: number;
}

export interface TrainingContext extends SampleContext {
  training: readonly WeightedDocuments[];
  schedule: BatchSchedule;
}

export interface HeldOutContext extends SampleContext {
  dataset: Dataset;
  documents: DocumentRange;
  /** Rows of a batch. */
  batchSize: number;
  /** Batches of an objective that draws its samples; one that walks through the text takes as many as that needs. */
  batches: number;
  /** Tokens that each window counts anew, and a token put before the first: for objectives that walk through the text. */
  stride?: number;
  contextToken?: number;
}

export interface RunBatches<Batch extends Rows> {
  /** The global batch of a step. */
  training: { at(step: number): Batch };
  /** Null where the run does not evaluate. */
  validation: Batches<Batch> | null;
}

/** What exp(loss) is called: figures of different names must not be compared. */
export type Measure =
  | "causal perplexity"
  | "masked-token perplexity"
  | "permuted perplexity"
  | "sequence perplexity"
  | "pseudo-perplexity";

/** One row of the table of objectives. */
export interface RunObjective<Name extends ObjectiveConfig["name"], Batch extends Rows, Trained extends Model> {
  /** The families of models that can be trained for it. */
  families: readonly ModelConfig["family"][];
  /** Null where the loss is a sum of several. */
  measure: Measure | null;
  objective: Objective<Batch, Trained>;
  /** The global batch of each step. */
  training(config: ObjectiveConfigOf<Name>, context: TrainingContext): { at(step: number): Batch };
  /** Batches of held-out text, which are the same at every evaluation and unlike anything in training. */
  heldOut(config: ObjectiveConfigOf<Name>, context: HeldOutContext): Batches<Batch>;
}
