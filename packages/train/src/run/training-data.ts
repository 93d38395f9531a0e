/** Opens the datasets of a run: batches to train on, batches to evaluate on, and the checks that all fit one tokenizer. */
import {
  blend,
  type CausalBatch,
  createBatchSchedule,
  createCausalBatches,
  createEvaluationBatches,
  createGptSamples,
  type DataConfig,
  DataError,
  type Dataset,
  openDataset,
} from "@megatron-ts/data";
import type { Rows } from "../step/objective.ts";
import type { TrainConfig } from "../train-configuration.ts";
import type { Batches } from "./evaluate.ts";

export interface TrainingData<Batch extends Rows = Rows> {
  /** The global batch of a step. */
  batches: { at(step: number): Batch };
  /** Samples consumed before a step. */
  samplesBefore(step: number): number;
  /** Null where the run does not evaluate. */
  validation: Batches<Batch> | null;
  close(): void;
}

export async function openTrainingData(
  data: DataConfig,
  { train, tokenizer }: { train: TrainConfig; tokenizer: { fingerprint: string; vocabularySize: number } },
): Promise<TrainingData<CausalBatch>> {
  const opened = new Map<string, Dataset>();
  const close = () => {
    for (const dataset of opened.values()) dataset.close();
  };
  const open = async (prefix: string) => {
    const known = opened.get(prefix);
    if (known) return known;
    const dataset = await openDataset(prefix);
    opened.set(prefix, dataset);
    checkTokenizer(dataset, { prefix, tokenizer });
    return dataset;
  };
  try {
    const { sequenceLength } = data;
    const sources = typeof data.train === "string" ? [{ prefix: data.train, weight: 1 }] : data.train;
    const entries = [];
    for (const { prefix, weight } of sources) {
      const dataset = await open(prefix);
      const documents = dataset.documentsOf(dataset.sidecar ? "train" : "all");
      entries.push({ weight, source: createGptSamples({ dataset, documents, sequenceLength, seed: train.seed }) });
    }
    const schedule = createBatchSchedule({ batchSize: train.batchSize, ramp: train.batchRamp ?? undefined });
    const batches = createCausalBatches({ ...data, source: blend(entries), schedule, sequenceLength });
    let validation: Batches<CausalBatch> | null = null;
    if (train.evaluation) {
      const { prefix, split } = data.validation ?? { prefix: sources[0]!.prefix, split: "validation" as const };
      const dataset = await open(prefix);
      validation = createEvaluationBatches({
        dataset,
        documents: dataset.documentsOf(split),
        sequenceLength,
        batchSize: train.microBatchSize,
      });
    }
    return { batches, samplesBefore: (step) => schedule.at(step).firstSample, validation, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Ids mean something else in another tokenizer: a dataset must have been prepared with the run's own. */
export function checkTokenizer(
  { sidecar }: Dataset,
  { prefix, tokenizer }: { prefix: string; tokenizer: { fingerprint: string } },
): void {
  if (sidecar && sidecar.tokenizer.fingerprint !== tokenizer.fingerprint) {
    throw new DataError(
      `was prepared with another tokenizer (${sidecar.tokenizer.fingerprint}, not ${tokenizer.fingerprint}): ` +
        "prepare the text again with this one",
      { source: prefix },
    );
  }
}
