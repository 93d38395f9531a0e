// Every package is a project; tests run on the sources, through the "@megatron-ts/source" export condition.
import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

const conditions = ["@megatron-ts/source", "node", "import", "default"];
const projects = ["packages", "apps"].flatMap((group) =>
  readdirSync(new URL(group, import.meta.url))
    .filter((name) => existsSync(new URL(`${group}/${name}/package.json`, import.meta.url)))
    .map((name) => ({ group, name })),
);

export default defineConfig({
  test: {
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
      },
    })),
  },
});
