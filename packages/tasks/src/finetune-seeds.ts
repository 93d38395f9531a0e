/** The same fine-tuning run with several seeds, and the mean and deviation of what their best checkpoints score. */
import { join } from "node:path";
import type { FinetuneConfig } from "./configuration.ts";
import type { FinetuneResult } from "./finetune.ts";

/** What runs with several seeds score. */
export interface SeedsResult {
  runs: (FinetuneResult & { seed: number; directory: string })[];
  /** Of the best checkpoint of each run: the mean, and the sample standard deviation, by score. */
  scores: Record<string, { mean: number; deviation: number }>;
}

/**
 * Trains with the recipe's seed and those after it. Each run has a directory of its own below the recipe's. A run that was
 * stopped ends the series.
 */
export async function finetuneSeeds(
  configuration: FinetuneConfig,
  { seeds, train }: { seeds: number; train: (configuration: FinetuneConfig) => Promise<FinetuneResult> },
): Promise<SeedsResult> {
  const runs: SeedsResult["runs"] = [];
  for (let index = 0; index < seeds; index++) {
    const seed = configuration.train.seed + index;
    const directory = join(configuration.run.directory, `seed-${seed}`);
    const own = { ...configuration, train: { ...configuration.train, seed }, run: { directory } };
    const result = await train(own);
    runs.push({ ...result, seed, directory });
    if (result.reason === "stopped") break;
  }
  return { runs, scores: summarize(runs.map(({ best }) => best?.scores ?? {})) };
}

/** Mean and sample standard deviation of the scores that all runs have. */
function summarize(scores: readonly Readonly<Record<string, number>>[]): SeedsResult["scores"] {
  const names = Object.keys(scores[0] ?? {}).filter((name) => scores.every((own) => own[name] !== undefined));
  return Object.fromEntries(
    names.map((name) => {
      const values = scores.map((own) => own[name]!);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return [name, { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) }];
    }),
  );
}
