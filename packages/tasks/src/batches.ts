/** Batches of examples, which pass over all of them in a new order each time; and the loss of a task over such batches. */
import type { BatchSchedule, StepBatches } from "@megatron-ts/data";
import type { ModelConfig } from "@megatron-ts/model";
import { familyOf } from "@megatron-ts/model";
import { hashKey, permutation } from "@megatron-ts/random";
import type { MicroBatch, Objective } from "@megatron-ts/train/step";
import type { OpenTask, Prediction } from "./task.ts";

/** Some examples. */
export interface ExampleBatch<Example> extends MicroBatch {
  readonly examples: readonly Example[];
}

/** The batch of each step: a function of (examples, seed, step, schedule). */
export function createExampleBatches<Example>(
  examples: readonly Example[],
  { schedule, seed }: { schedule: BatchSchedule; seed: number },
): StepBatches<ExampleBatch<Example>> {
  let latest: { epoch: number; order: Uint32Array } | undefined;
  function orderOf(epoch: number): Uint32Array {
    if (latest?.epoch !== epoch) {
      latest = { epoch, order: permutation(hashKey(seed, "task-examples", epoch), examples.length) };
    }
    return latest.order;
  }
  return {
    at(step, { rank = 0, ranks = 1 } = {}) {
      const { firstSample, size } = schedule.at(step);
      const share = size / ranks;
      const chosen = Array.from({ length: share }, (_, index) => {
        const sample = firstSample + rank * share + index;
        return examples[orderOf(Math.floor(sample / examples.length))[sample % examples.length]!]!;
      });
      return { batchSize: chosen.length, examples: chosen };
    },
  };
}

/** The loss of a task as training takes it. */
export function taskObjective<Example, Output extends Prediction>(
  task: OpenTask<Example, Output>,
  config: ModelConfig,
): Objective<ExampleBatch<Example>> {
  const [prediction] = familyOf(config).predicts;
  return {
    name: "task",
    workload: ({ examples }) =>
      examples.map((example) => ({
        prediction: prediction!,
        samples: 1,
        ...task.workload(example),
      })),
    count: ({ examples }) => examples.reduce((sum, example) => sum + task.trainingWeight(example), 0),
    slice: ({ examples }, start, end) => ({ batchSize: end - start, examples: examples.slice(start, end) }),
    lossSum: (model, { examples }, options) => task.trainingLossSum(model, examples, options),
  };
}
