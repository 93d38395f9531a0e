/** Options that several verbs share, and what they are turned into. */
import type { TextFormat } from "@megatron-ts/data";
import { type Command, Option } from "commander";
import { wholeNumber } from "./option-values.ts";

/** Which text to read; see `@megatron-ts/data`'s readers. */
export interface TextOptions {
  input: string[];
  jsonKey: string;
  textDocument: "file" | "line" | "paragraph";
  format?: TextFormat;
  skipBadLines?: boolean;
}

export const addTextOptions = (command: Command): Command =>
  command
    .requiredOption(
      "--input <paths...>",
      "files, globs or directories (.txt .jsonl .csv .parquet .html .epub .warc, .gz .zst), or -",
    )
    .option("--json-key <name>", "the JSON key, or the column, that holds the text", "text")
    .addOption(
      new Option("--text-document <unit>", "what one document of a .txt file is")
        .choices(["file", "line", "paragraph"])
        .default("file"),
    )
    .addOption(
      new Option("--format <name>", "the inputs' format, where their names do not tell it").choices([
        "txt",
        "jsonl",
        "csv",
        "parquet",
        "html",
        "epub",
        "warc",
      ]),
    )
    .option("--skip-bad-lines", "skip and count malformed lines instead of stopping at the first");

/** What computes. */
export interface EngineOptions {
  backend?: string;
  threads?: number;
}

export const addEngineOptions = (command: Command): Command =>
  command
    .option("--backend <name>", "auto, or a backend that `megatron doctor` lists (default: auto, or MEGATRON_BACKEND)")
    .option("--threads <n>", "threads of the backend (default: the physical cores)", wholeNumber(1));

export const addJsonOption = (command: Command): Command =>
  command.option("--json", "print the result as one JSON object");

/** Lines under `--help`. */
export const addExamples = (command: Command, examples: readonly string[]): Command =>
  command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`);
