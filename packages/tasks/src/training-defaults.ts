/**
 * What fine-tuning does unless a recipe says otherwise, from the number of rows and the size of the model. Few rows are read
 * many times, since three epochs of them would end before the head is trained (Mosbach et al. 2021); the best of the
 * checkpoints is kept.
 */
import type { BaseConfig } from "@megatron-ts/model";
import type { TrainConfig } from "@megatron-ts/train";
import type { FinetuneConfig } from "./configuration.ts";

/** Updates below which a run takes more than three epochs. */
const FEWEST_STEPS = 400;
const EVALUATIONS = 12;
const MOST_ROWS = 1_000_000;
/** Rows from which batches have 32 of them. */
const MANY_ROWS = 2000;

/** The rate of a model that is 768 wide, as BERT's authors chose it; smaller models take more (Turc et al. 2019). */
const RATE = 5e-5;
const HIGHEST_RATE = 5e-4;

function learningRate({ hiddenSize }: BaseConfig, lora: FinetuneConfig["lora"]): number {
  const rate = Math.min(HIGHEST_RATE, RATE * (768 / hiddenSize));
  return Number(((lora === null ? 1 : 10) * rate).toPrecision(2));
}

/** The complete section `train` for this number of rows. `batches`: those of a pass over them, where they are cut by tokens. */
export function completeTraining(
  { train, lora, parallel }: FinetuneConfig,
  { examples, model, batches }: { examples: number; model: BaseConfig; batches?: number },
): TrainConfig {
  const { epochs, batchTokens, averageLast = 1, ...rest } = train;
  const batchSize = train.batchSize ?? (examples < MANY_ROWS ? 16 : 32);
  const ownRows = Math.ceil(batchSize / parallel.data);
  const steps = train.steps ?? stepsOf(batches ?? examples / batchSize, epochs);
  const evaluation = train.evaluation ?? {
    every: Math.ceil(steps / EVALUATIONS),
    batches: Number.MAX_SAFE_INTEGER,
  };
  return {
    ...rest,
    optimizer: train.optimizer ?? adamW(learningRate(model, lora)),
    steps,
    batchSize,
    // A batch by tokens is one micro-batch.
    microBatchSize: batchTokens === undefined ? Math.min(train.microBatchSize ?? ownRows, ownRows) : MOST_ROWS,
    schedule: train.schedule ?? { name: "linear", warmupSteps: Math.round(steps / 10), minimum: 0 },
    evaluation,
    checkpoint: train.checkpoint ?? {
      every: evaluation.every,
      keepLast: averageLast,
      keepBest: true,
      background: false,
    },
  };
}

function stepsOf(perEpoch: number, epochs: number | undefined): number {
  if (epochs !== undefined) return Math.max(1, Math.ceil(epochs * perEpoch));
  return Math.ceil(Math.max(3 * perEpoch, FEWEST_STEPS));
}

const adamW = (learningRate: number): TrainConfig["optimizer"] => ({
  name: "adamw",
  learningRate,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  biasCorrection: true,
});
