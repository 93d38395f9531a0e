/** The output directory of `megatron start`: where everything lies, and which text it belongs to. */
import { existsSync, readFileSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { replaceFile } from "@megatron-ts/data";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { UsageError } from "../errors.ts";

/** Paths of what a start writes. */
export interface StartPaths {
  directory: string;
  tokenizer: string;
  /** Prefixes of the datasets. */
  training: string;
  heldOut: string;
  recipe: string;
  run: string;
  result: string;
  curve: string;
}

/** Files and directories named by the user. */
export interface StartInputs {
  inputs: readonly string[];
  heldOut?: readonly string[];
}

export const startPaths = (directory: string): StartPaths => ({
  directory,
  tokenizer: join(directory, "tokenizer"),
  training: join(directory, "data/text"),
  heldOut: join(directory, "data/held-out"),
  recipe: join(directory, "recipe.yaml"),
  run: join(directory, "run"),
  result: join(directory, "result.json"),
  curve: join(directory, "loss.svg"),
});

/** Named after the first input: `books/` gives `runs/books`. */
export const defaultDirectory = ([first = "text"]: readonly string[]): string =>
  join("runs", basename(resolve(first), extname(first)) || "text");

/**
 * Makes the directory, or opens that of an earlier start of the same text. Throws a UsageError for one that holds something
 * else.
 */
export async function openDirectory({ directory }: StartPaths, { inputs, heldOut }: StartInputs): Promise<void> {
  const file = join(directory, "start.json");
  const content = JSON.stringify({
    inputs: inputs.map((path) => resolve(path)),
    heldOut: heldOut?.map((path) => resolve(path)),
  });
  if (existsSync(file)) {
    if (readFileSync(file, "utf8").trim() === content) return;
    throw new UsageError(`${directory}: was started with other texts: choose another --output, or delete it`);
  }
  if (existsSync(join(directory, "run")) || existsSync(join(directory, "tokenizer"))) {
    throw new UsageError(`${directory}: contains something else: choose another --output`);
  }
  await makeDirectory(directory);
  replaceFile(file, `${content}\n`);
}
