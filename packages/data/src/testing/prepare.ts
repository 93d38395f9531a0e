/** `prepareDataset` for tests: in this thread, with a small tokenizer and small pieces, overwriting existing output. */
import { readFileSync } from "node:fs";
import type { PrepareOptions, PrepareTuning } from "../prepare/options.ts";
import { prepareWith } from "../prepare/prepare.ts";
import { textFile } from "./directory.ts";

export const tokenizerPath = textFile("tokenizers/gpt2.json");

export const inThisThread: PrepareTuning = {
  workerFile: new URL("file:///unused"),
  pieceLength: 2000,
  journalMilliseconds: Number.POSITIVE_INFINITY,
};

/** @param output default output */
export const preparing =
  (output: string) =>
  (options: Partial<PrepareOptions> & { inputs: string[] }, tuning: Partial<PrepareTuning> = {}) =>
    prepareWith({ tokenizerPath, output, workers: 0, overwrite: true, ...options }, { ...inThisThread, ...tuning });

export const filesOf = (prefix: string) =>
  ["bin", "idx", "json"].map((ending) => readFileSync(`${prefix}.${ending}`).toString("base64"));
