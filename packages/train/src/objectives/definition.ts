/**
 * What an objective is: its part of a recipe, its loss, and the batches that a run trains and validates on.
 * `objectives/index.ts` lists the definitions; it knows models only by how they predict.
 */
import type { BatchList, BatchSchedule, Dataset, DocumentMasking, DocumentRange, StepBatches } from "@megatron-ts/data";
import type { Model, Prediction } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type * as z from "zod";
import type { MicroBatch, Objective } from "./objective.ts";

/** Documents of a dataset, and how often they are drawn. */
export interface WeightedDocuments {
  dataset: Dataset;
  documents: DocumentRange;
  weight: number;
}

/** What samples depend on besides their text. */
export interface SampleContext {
  data: DocumentMasking & {
    /** Tokens in a sample. */
    sequenceLength: number;
  };
  tokenizer: Tokenizer;
  /** Whether the model's encoder reads a source that its decoder attends to. */
  readsSource: boolean;
  seed: number;
}

export interface TrainingContext extends SampleContext {
  training: readonly WeightedDocuments[];
  schedule: BatchSchedule;
}

export interface ValidationContext extends SampleContext {
  dataset: Dataset;
  documents: DocumentRange;
  /** Rows per batch; the last batch may have fewer. */
  batchSize: number;
  /** Number of samples for objectives that draw them; those that walk through the text take what it needs. */
  samples: number;
  /** Tokens that each window predicts, and a token put before the first: for objectives that walk through the text. */
  stride?: number;
  contextToken?: number;
}

/** How often a model classifies correctly, over the first `maxBatches` batches. */
export type Accuracy = (model: Model, options: { maxBatches?: number }) => Promise<number>;

/** The schema of an objective's part of a recipe; its `name` is a literal. */
export type ObjectiveSchema = z.ZodType<{ name: string }> & { readonly shape: { readonly name: z.ZodLiteral<string> } };

export interface ObjectiveDefinition<Config extends { name: string }, Batch extends MicroBatch> {
  /** One line of help. */
  readonly description: string;
  /** How a model must predict to be trained for it. */
  readonly prediction: Prediction;
  /** The name of exp(loss): values of different names must not be compared. */
  readonly metric: string;
  readonly objective: Objective<Batch>;
  /** Whether each token is predicted once, from those before it alone, as bits per byte require. */
  readonly predictsWholeText: boolean;
  /** Whether tokens see later ones in a model that otherwise predicts from left to right. Default: false. */
  readonly seesAhead?: boolean;
  /** The fields of `data` by which packed documents are kept apart, of those that the objective takes. */
  documentMasking(config: Config): readonly (keyof DocumentMasking)[];
  /** Whether it trains the head that classifies pairs of segments. */
  trainsPairs?(config: Config): boolean;
  /** The global batch of each step. */
  trainingBatches(config: Config, context: TrainingContext): StepBatches<Batch>;
  /** Batches that are the same at every evaluation and differ from all of training. */
  validationBatches(config: Config, context: ValidationContext): BatchList<Batch>;
  /** For an objective with a second loss: the batches without it, and how often the model classifies correctly. */
  measureApart?(config: Config, batches: BatchList<Batch>): { batches: BatchList<Batch>; accuracy: Accuracy | null };
}

/** The first `samples` rows of batches of equal size. */
export function firstSamples<Batch extends MicroBatch>(
  { at }: { at(index: number): Batch },
  { slice }: Pick<Objective<Batch>, "slice">,
  { batchSize, samples }: { batchSize: number; samples: number },
): BatchList<Batch> {
  return {
    length: Math.ceil(samples / batchSize),
    at(index) {
      const rows = Math.min(batchSize, samples - index * batchSize);
      return rows === batchSize ? at(index) : slice(at(index), 0, rows);
    },
  };
}

/** Types an objective's definition by its schema. */
export function defineObjective<Schema extends ObjectiveSchema, Batch extends MicroBatch>(
  definition: { readonly schema: Schema } & ObjectiveDefinition<z.output<Schema>, Batch>,
): typeof definition {
  return definition;
}
