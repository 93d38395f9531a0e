/** Every package is a project. Tests run on the sources, through the "@megatron-ts/source" export condition. */
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const conditions = ["@megatron-ts/source", "node", "import", "default"];
const projects = ["packages", "apps"].flatMap((group) =>
  readdirSync(new URL(group, import.meta.url))
    .filter((name) => existsSync(new URL(`${group}/${name}/package.json`, import.meta.url)))
    .map((name) => ({ group, name })),
);

/** Packages whose tests change the backend, or its kernels: each file has a process of its own. */
const ISOLATED = ["engine", "native", "ops"];

/** The slowest files, longest first: started last, one of them would run alone at the end. */
const SLOWEST = [
  "train/src/run/splits.test.ts",
  "cli/src/built.test.ts",
  "server/src/page.test.ts",
  "train/src/step/flat-memory.test.ts",
  "engine/src/conformance.test.ts",
  "train/src/run/parallel.test.ts",
  "train/src/run/families.test.ts",
  "server/src/models.test.ts",
  "train/src/run/pipeline-parallel.test.ts",
  "train/src/run/sequence-parallel.test.ts",
  "train/src/run/pretrain.test.ts",
  "tasks/src/encoder-tasks.test.ts",
  "server/src/tasks.test.ts",
  "train/src/run/context-parallel.test.ts",
  "checkpoint/src/crash.test.ts",
  "cli/src/start.test.ts",
  "train/src/run/distributed-optimizer.test.ts",
  "ops/src/conformance.test.ts",
  "native/src/life-cycle.test.ts",
];

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = SLOWEST.findIndex((name) => moduleId.endsWith(name));
      return found < 0 ? SLOWEST.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    maxWorkers: availableParallelism(),
    // Sources are transformed once, not once per package that imports them and again in every run. Kept in node_modules;
    // `vitest --clearCache` deletes them.
    experimental: { fsModuleCache: true },
    sequence: { sequencer: SlowestFirst },
    projects: projects.map(({ group, name }) => ({
      resolve: { conditions },
      ssr: { resolve: { conditions, externalConditions: conditions } },
      test: {
        name,
        root: `${group}/${name}`,
        include: ["src/**/*.test.ts"],
        testTimeout: 120_000,
        hookTimeout: 120_000,
        pool: "forks",
        isolate: ISOLATED.includes(name),
        // A worker per core: with more threads than that, they would spin while they wait for each other.
        ...(ISOLATED.includes(name) ? {} : { env: { MEGATRON_THREADS: "1" } }),
      },
    })),
  },
});
