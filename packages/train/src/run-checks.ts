/**
 * Fields of a run configuration that are each valid but contradict one another. Every check gives the path to change,
 * what would fit, and the figures it was judged by.
 */
import type { ConfigProblem } from "./configuration-error.ts";
import type { ParallelConfig, TrainConfig } from "./train-configuration.ts";

/** Batch sizes divide among ranks and micro-batches; the schedule fits the run. */
export const checkTraining = (sections: { train: TrainConfig; parallel: ParallelConfig }): ConfigProblem[] => [
  ...checkBatch(sections),
  ...checkSchedule(sections.train),
];

/** The sizes of a model and of its samples that must agree, and where the recipe states them. */
export interface RunShape {
  hiddenSize: number;
  numHeads: number;
  numLayers: number;
  /** Longest sequence that the model has positions for. */
  positions: number;
  /** Tokens of a training sample. */
  sequenceLength: number;
}

/**
 * The model divides over its heads and over the mesh, and its samples fit its positions.
 * @param paths where the recipe states each size, for the messages
 */
export function checkShape(
  shape: RunShape,
  { parallel, paths }: { parallel: ParallelConfig; paths: Record<keyof RunShape, string> },
): ConfigProblem[] {
  const { hiddenSize, numHeads, numLayers, positions, sequenceLength } = shape;
  const { tensor, pipeline } = parallel;
  return problems([
    hiddenSize % numHeads !== 0 && {
      path: paths.hiddenSize,
      message: `expected a multiple of ${paths.numHeads} (${numHeads}); got ${hiddenSize}`,
    },
    numHeads % tensor !== 0 && {
      path: "parallel.tensor",
      message: `expected a divisor of ${paths.numHeads} (${numHeads}); got ${tensor}`,
    },
    numLayers % pipeline !== 0 && {
      path: "parallel.pipeline",
      message: `expected a divisor of ${paths.numLayers} (${numLayers}); got ${pipeline}`,
    },
    sequenceLength > positions && {
      path: paths.sequenceLength,
      message: `expected at most ${paths.positions} (${positions}); got ${sequenceLength}`,
    },
  ]);
}

function checkBatch({ train, parallel }: { train: TrainConfig; parallel: ParallelConfig }): ConfigProblem[] {
  const { batchSize, microBatchSize, batchRamp } = train;
  const unit = microBatchSize * parallel.data;
  const multiple = `a multiple of train.microBatchSize x parallel.data (${microBatchSize} x ${parallel.data} = ${unit})`;
  const found = problems([
    batchSize % unit !== 0 && { path: "train.batchSize", message: `expected ${multiple}; got ${batchSize}` },
  ]);
  if (batchRamp === null) return found;
  const { start, increment } = batchRamp;
  return [
    ...found,
    ...problems([
      start % unit !== 0 && { path: "train.batchRamp.start", message: `expected ${multiple}; got ${start}` },
      increment % unit !== 0 && {
        path: "train.batchRamp.increment",
        message: `expected ${multiple}; got ${increment}`,
      },
      start >= batchSize && {
        path: "train.batchRamp.start",
        message: `expected less than train.batchSize (${batchSize}), which the ramp ends at; got ${start}`,
      },
      start < batchSize &&
        (batchSize - start) % increment !== 0 && {
          path: "train.batchRamp.increment",
          message: `expected a divisor of train.batchSize - start (${batchSize - start}); got ${increment}`,
        },
    ]),
  ];
}

function checkSchedule({ schedule, steps, optimizer, evaluation }: TrainConfig): ConfigProblem[] {
  const { warmupSteps } = schedule;
  const minimum = "minimum" in schedule ? schedule.minimum : 0;
  const endStep = "endStep" in schedule ? schedule.endStep : undefined;
  const end = endStep ?? steps;
  const endName = endStep === undefined ? "train.steps" : "train.schedule.endStep";
  return problems([
    warmupSteps > end && {
      path: "train.schedule.warmupSteps",
      message: `expected at most ${endName} (${end}); got ${warmupSteps}`,
    },
    minimum > optimizer.learningRate && {
      path: "train.schedule.minimum",
      message: `expected at most train.optimizer.learningRate (${optimizer.learningRate}); got ${minimum}`,
    },
    schedule.name === "wsd" &&
      warmupSteps + schedule.decaySteps > end && {
        path: "train.schedule.decaySteps",
        message: `expected at most ${endName} - warmupSteps (${end} - ${warmupSteps}); got ${schedule.decaySteps}`,
      },
    schedule.name === "reduce-on-plateau" &&
      evaluation === null && {
        path: "train.schedule.name",
        message: "reduce-on-plateau watches the validation loss: expected train.evaluation; got null",
      },
  ]);
}

const problems = (checks: (ConfigProblem | false)[]): ConfigProblem[] => checks.filter((check) => check !== false);
