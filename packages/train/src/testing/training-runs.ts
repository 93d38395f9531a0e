/** Tiny training runs on one rank, on threads and under MPI, to compare with each other. For tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRank } from "../../../parallel/src/testing/build-rank.ts";
import { writeCorpus } from "./corpus.ts";
import { createRankCrews } from "./rank-crew.ts";
import { type TrainingOutcome, type TrainingTask, trainRank } from "./training.rank.ts";

/** How the ranks of a test run are laid out. */
type Layout = Partial<Record<"tensor" | "pipeline" | "virtualStages" | "data" | "context", number>>;

/** Runs in a directory of their own. */
export interface TrainingRuns {
  readonly directory: string;
  /** The built rank, for launchers. */
  readonly file: URL;
  /** What the ranks of a run are given. */
  task(name: string, model: string, options?: Partial<TrainingTask> & { layout?: Layout }): TrainingTask;
  /** On this thread alone. */
  solo(task: TrainingTask): Promise<TrainingOutcome>;
  /** On threads. `timeoutSeconds` is how long they wait for each other, besides the time of their own work. */
  threads(task: TrainingTask, ranks: number, timeoutSeconds?: number): Promise<TrainingOutcome>;
  /** One after the other, on threads that stay for the next tasks of as many ranks. */
  threadsInTurn(tasks: readonly TrainingTask[], ranks: number): Promise<TrainingOutcome[]>;
  remove(): Promise<void>;
}

/** Writes a corpus and builds the rank. */
export async function openTrainingRuns(): Promise<TrainingRuns> {
  const directory = mkdtempSync(join(tmpdir(), "megatron-parallel-test-"));
  const documents = Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 6 }, (_, j) => `The number ${i} and the number ${j} make the number ${i + j}. `),
  );
  const { tokenizer } = await writeCorpus(join(directory, "corpus"), { documents });
  const built = await buildRank(new URL("./training.rank.ts", import.meta.url));
  const crews = createRankCrews<TrainingTask, TrainingOutcome>(built.file);
  return {
    directory,
    file: built.file,
    task: (name, model, { layout = {}, overrides = [], ...options } = {}) => ({
      recipe: recipe(model, directory),
      overrides: [
        ["run.directory", join(directory, name)],
        ...Object.entries(layout).map(([axis, ranks]): [string, string] => [`parallel.${axis}`, String(ranks)]),
        ...overrides,
      ],
      tokenizer: tokenizer.json,
      ...options,
    }),
    solo: (task) => trainRank(null, task),
    threads: async (task, ranks, timeoutSeconds) => (await crews.run([task], ranks, timeoutSeconds))[0]!,
    threadsInTurn: crews.run,
    async remove() {
      await crews.close();
      built.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const recipe = (model: string, directory: string) => `
model: ${model}
data:
  tokenizer: unused
  train: ${join(directory, "corpus")}
  validation: { prefix: ${join(directory, "corpus")}, split: all }
  sequenceLength: 16
train:
  optimizer: { name: adamw, learningRate: 1e-3 }
  schedule: { name: reduce-on-plateau, warmupSteps: 3, patience: 0 }
  steps: 20
  batchSize: 8
  microBatchSize: 4
  evaluation: { every: 10, batches: 2 }
  checkpoint: { every: 10 }
  log: { every: 1, tensorboard: false }
`;
