/** The loss and the scores of a model on held-out examples, during training. Ranks of the data axis share the batches, and all find the same. */
import { createPerplexity } from "@megatron-ts/metrics";
import type { Model } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import type { RunConfiguration, Validation } from "@megatron-ts/train";
import { TaskError } from "./errors.ts";
import { EVALUATING_SECONDS, predictAll, scorePredictions } from "./evaluate-task.ts";
import type { OpenTask, Prediction } from "./task.ts";

/** Of equal scores the one with the lower loss is better: on few rows many are equal. */
const TIE_BREAK = 1e-6;

/** Rows that are validated at a time. */
const MOST_VALIDATED = 64;

/** Loss and scores on held-out examples. */
export function createValidate<Example, Output extends Prediction>(
  { task, examples }: { task: OpenTask<Example, Output>; examples: readonly Example[] },
  { metric, configuration }: { metric: string; configuration: RunConfiguration },
): (model: Model) => Promise<Validation> {
  const { precision } = configuration.engine;
  const batchSize = Math.min(configuration.train.microBatchSize, MOST_VALIDATED);
  const batches: Example[][] = [];
  for (let start = 0; start < examples.length; start += batchSize)
    batches.push(examples.slice(start, start + batchSize));
  return async (model) => {
    const { data: axis } = model.mesh;
    const sums = new Float64Array(batches.length);
    for (const [index, batch] of batches.entries()) {
      if (index % axis.size !== axis.rank) continue;
      const loss = withPrecision(precision, () => task.lossSum(model, batch, {}));
      sums[index] = loss.dataSync()[0]!;
      loss.dispose();
    }
    axis.barrier({ patience: EVALUATING_SECONDS });
    axis.reduce(sums);
    const losses = createPerplexity();
    for (const [index, batch] of batches.entries()) {
      const tokens = batch.reduce((sum, example) => sum + task.losses(example), 0);
      losses.add({ negativeLogLikelihood: sums[index]!, tokens });
    }
    const result = losses.result();
    // What a model writes takes longer to find than its loss.
    if (metric === "loss") return { result, scores: {}, criterion: result.loss };
    const predictions = await predictAll({ task, model }, examples, { batchSize, precision });
    const scores = scorePredictions(task, examples, predictions);
    const values = Object.fromEntries(Object.entries(scores).map(([name, { value }]) => [name, value]));
    const chosen = values[metric];
    if (chosen === undefined) {
      throw new TaskError(`task.metric: expected ${Object.keys(values).join(" or ")}, got ${metric}`);
    }
    return { result, scores: values, criterion: 1 - chosen + TIE_BREAK * (result.loss / (1 + result.loss)) };
  };
}
