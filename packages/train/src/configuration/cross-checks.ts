/**
 * Checks fields of a run configuration that are each valid but contradict one another. Every problem has the path to
 * change, a value that would fit, and the figures it depends on.
 */
import { layersOfStacks, longestSequence, type ModelConfig, type ModelRecipe } from "@megatron-ts/model";
import type { ConfigProblem } from "../errors.ts";
import type { ParallelConfig, TrainConfig } from "./train-configuration.ts";

/** The sections that are checked together. */
export interface CheckedSections {
  model: ModelRecipe;
  data: { sequenceLength: number };
  train: TrainConfig;
  parallel: ParallelConfig;
}

/** The contradictions; none for a configuration that can run. Those within a section are found by its schema. */
export const checkRunConfiguration = (sections: CheckedSections): ConfigProblem[] => [
  ...checkModel(sections),
  ...checkBatch(sections),
  ...checkSchedule(sections.train),
];

/** The model divides over the mesh, and its samples fit its positions. */
function checkModel({ model, data, parallel }: CheckedSections): ConfigProblem[] {
  const longest = longestSequence(model);
  const rows = "maxPositions" in model ? model.maxPositions : longest;
  const reason =
    rows === longest
      ? `model.maxPositions (${rows})`
      : `${longest}, which model.maxPositions (${rows}) leaves behind model.paddingToken`;
  return problems([
    data.sequenceLength > longest && {
      path: "data.sequenceLength",
      message: `expected at most ${reason}; got ${data.sequenceLength}`,
    },
    data.sequenceLength % parallel.context !== 0 && {
      path: "parallel.context",
      message: `expected a divisor of data.sequenceLength (${data.sequenceLength}); got ${parallel.context}`,
    },
    ...checkHeads(model, parallel),
    ...checkStages(layersOfStacks({ vocabularySize: 1, ...model } as ModelConfig), parallel),
  ]);
}

/** The heads divide among the ranks of the tensor axis. */
export const checkHeads = (model: ModelRecipe, parallel: ParallelConfig): ConfigProblem[] =>
  problems([
    model.numHeads % parallel.tensor !== 0 && {
      path: "parallel.tensor",
      message: `expected a divisor of model.numHeads (${model.numHeads}); got ${parallel.tensor}`,
    },
    "numKeyValueHeads" in model &&
      model.numKeyValueHeads !== undefined &&
      model.numKeyValueHeads % parallel.tensor !== 0 && {
        path: "parallel.tensor",
        message: `expected a divisor of model.numKeyValueHeads (${model.numKeyValueHeads}); got ${parallel.tensor}`,
      },
    parallel.sequenceParallel &&
      parallel.tensor === 1 && {
        path: "parallel.sequenceParallel",
        message: "expected false with parallel.tensor 1: the ranks of that axis share the rows; got true",
      },
  ]);

/** The layers of both stacks, if there are two, divide into the stages of all ranks. */
function checkStages(stacks: readonly number[], { pipeline, virtualStages, stages }: ParallelConfig) {
  const numLayers = sumOf(stacks);
  const layers = `the model's layers (${stacks.length === 1 ? numLayers : `${stacks.join(" + ")} = ${numLayers}`})`;
  const count = pipeline * virtualStages;
  const ranks = virtualStages === 1 ? "parallel.pipeline" : "parallel.pipeline x parallel.virtualStages";
  const isDeep = numLayers < count;
  return [
    virtualStages > 1 &&
      pipeline === 1 && {
        path: "parallel.virtualStages",
        message: `expected 1 with parallel.pipeline 1, which has no stages; got ${virtualStages}`,
      },
    isDeep &&
      virtualStages === 1 && { path: "parallel.pipeline", message: `expected at most ${layers}; got ${pipeline}` },
    isDeep &&
      virtualStages > 1 && {
        path: "parallel.virtualStages",
        message: `expected ${ranks} to be at most ${layers}; got ${pipeline} x ${virtualStages} = ${count}`,
      },
    stages !== undefined &&
      (stages.length !== count || sumOf(stages) !== numLayers) && {
        path: "parallel.stages",
        message: `expected as many numbers as ${ranks} (${count}), which add up to ${layers}; got ${stages.join(", ")}`,
      },
  ];
}

/** Batches divide among ranks and micro-batches, and a ramp ends at the full one. */
function checkBatch({ train, parallel }: CheckedSections): ConfigProblem[] {
  const { batchSize, microBatchSize, batchRamp } = train;
  const { data, pipeline, virtualStages } = parallel;
  // Interleaved stages take turns of as many micro-batches as there are ranks.
  const turn = virtualStages > 1 ? pipeline : 1;
  const unit = microBatchSize * data * turn;
  const multiple =
    turn === 1
      ? `a multiple of train.microBatchSize x parallel.data (${microBatchSize} x ${data} = ${unit})`
      : `with parallel.virtualStages a multiple of train.microBatchSize x parallel.data x parallel.pipeline ` +
        `(${microBatchSize} x ${data} x ${pipeline} = ${unit})`;
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

/** The schedule fits the run. */
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

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

const problems = (checks: (ConfigProblem | false)[]): ConfigProblem[] => checks.filter((check) => check !== false);
