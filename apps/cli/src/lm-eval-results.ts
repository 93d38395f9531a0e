/**
 * Scores as lm-evaluation-harness writes them, for programs that read its files: results of a task by "metric,filter", with standard
 * errors, versions and numbers of samples. Metrics that it has too have its names.
 */
import type { Score } from "@megatron-ts/tasks";

/** Its names of our scores, where they differ. */
export const metricNames: Readonly<Record<string, string>> = {
  accuracy: "acc",
  matthews: "mcc",
  exactMatch: "exact_match",
};
const lowerIsBetter = new Set(["perplexity", "repetition"]);

/** Half of a 95 % interval in standard errors. */
const NORMAL = 1.96;

/** What was evaluated. */
export interface Evaluated {
  task: string;
  scores: Readonly<Record<string, Score>>;
  rows: number;
  checkpoint: string;
  data: string;
  batchSize: number;
  /** Of the program. */
  version: string;
}

/** The top-level fields. */
export function lmEvalResults({ task, scores, rows, checkpoint, data, batchSize, version }: Evaluated) {
  const all = Object.entries(scores).map(([name, score]) => ({ metric: metricNames[name] ?? name, name, score }));
  const metrics = all.flatMap(({ metric, score: { value, standardError, interval } }): [string, number | string][] => [
    [`${metric},none`, value],
    [`${metric}_stderr,none`, standardError ?? (interval === undefined ? "N/A" : interval / NORMAL)],
  ]);
  const better = all.map(({ metric, name }): [string, boolean] => [metric, !lowerIsBetter.has(name)]);
  return {
    results: { [task]: { alias: task, sample_len: rows, ...Object.fromEntries(metrics) } },
    group_subtasks: { [task]: [] },
    configs: { [task]: { task, dataset_path: data, num_fewshot: 0 } },
    versions: { [task]: version },
    "n-shot": { [task]: 0 },
    higher_is_better: { [task]: Object.fromEntries(better) },
    "n-samples": { [task]: { original: rows, effective: rows } },
    config: { model: "megatron-ts", model_args: `pretrained=${checkpoint}`, batch_size: batchSize, limit: null },
  };
}
