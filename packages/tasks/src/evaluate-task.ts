/** Predictions and scores of a model on the examples of a task. */
import type { Model } from "@megatron-ts/model";
import { type Precision, withPrecision } from "@megatron-ts/ops";
import type { OpenTask, Prediction, Score } from "./task.ts";

/** How to run over many examples. */
export interface PredictOptions {
  /** Examples that run through the model at a time. 32 by default. */
  batchSize?: number;
  precision?: Precision;
  /** Called after each batch with the number of examples done. */
  onProgress?: (done: number, total: number) => void;
}

/** Seconds that a rank may take longer than others to evaluate its share: of a few batches, one may have all. */
export const EVALUATING_SECONDS = 600;

/**
 * The model's prediction for each example, in their order. Yields to the event loop after each batch. Ranks of the data axis share the
 * batches, and each returns all predictions.
 */
export async function predictAll<Example, Output extends Prediction>(
  { task, model }: { task: OpenTask<Example, Output>; model: Model },
  examples: readonly Example[],
  { batchSize = 32, precision = "f32", onProgress }: PredictOptions = {},
): Promise<Output[]> {
  const predictions: Output[] = Array(examples.length);
  // Long ones first: a batch of examples of similar lengths has little padding.
  const order = [...examples.keys()].sort((a, b) => task.tokens(examples[b]!) - task.tokens(examples[a]!));
  const { data: axis } = model.mesh;
  const own: [index: number, prediction: Output][] = [];
  for (let start = axis.rank * batchSize; start < order.length; start += axis.size * batchSize) {
    const batch = order.slice(start, start + batchSize);
    const found = await withPrecision(precision, () =>
      task.predict(
        model,
        batch.map((index) => examples[index]!),
        { among: examples },
      ),
    );
    for (const [place, index] of batch.entries()) own.push([index, found[place]!]);
    onProgress?.(start + batch.length, examples.length);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // A prediction is plain JSON with finite numbers.
  const ofRanks = axis.size === 1 ? [] : axis.gatherText(JSON.stringify(own), { patience: EVALUATING_SECONDS });
  const all = axis.size === 1 ? own : ofRanks.flatMap((text) => JSON.parse(text) as typeof own);
  for (const [index, prediction] of all) predictions[index] = prediction;
  return predictions;
}

/** The scores of predictions for labelled examples. */
export function scorePredictions<Example, Output extends Prediction>(
  task: OpenTask<Example, Output>,
  examples: readonly Example[],
  predictions: readonly Output[],
  options: { intervals?: boolean } = {},
): Record<string, Score> {
  const scores = task.createScores();
  for (const [index, example] of examples.entries()) scores.add(example, predictions[index]!);
  return scores.result(options);
}
