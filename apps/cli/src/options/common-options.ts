/** Options that several commands share. */
import type { TextFormat } from "@megatron-ts/data";
import { type Command, Option } from "commander";
import { integer } from "./option-values.ts";

/** Which text to read; see the readers of `@megatron-ts/data`. */
export interface TextOptions {
  input: string[];
  jsonKey: string;
  textDocument: "file" | "line" | "paragraph";
  format?: TextFormat;
  skipBadLines?: boolean;
}

const TEXT_FORMATS: readonly TextFormat[] = ["txt", "jsonl", "csv", "parquet", "html", "epub", "warc"];

export const addTextOptions = (command: Command): Command =>
  addReadingOptions(command.requiredOption("--input <paths...>", "files, globs, directories, or - for stdin"));

/** How to read the text, wherever it is named. */
export const addReadingOptions = (command: Command): Command =>
  command
    .addOption(new Option("--format <name>", "format of the input (default: by file extension)").choices(TEXT_FORMATS))
    .option("--json-key <name>", "JSON key or column of the text", "text")
    .addOption(
      new Option("--text-document <unit>", "what counts as a document in .txt files")
        .choices(["file", "line", "paragraph"])
        .default("file"),
    )
    .option("--skip-bad-lines", "skip and count malformed lines instead of stopping at the first");

/** The compute backend. */
export interface EngineOptions {
  backend?: string;
  threads?: number;
}

export const addEngineOptions = (command: Command): Command =>
  command
    .option("--backend <name>", "compute backend, see `megatron doctor` (default: auto, or $MEGATRON_BACKEND)")
    .option("--threads <n>", "number of threads (default: $MEGATRON_THREADS, or physical cores)", integer(1));

export const addJsonOption = (command: Command): Command => command.option("--json", "print the result as JSON");

/** Appends examples to `--help`. */
export const addExamples = (command: Command, examples: readonly string[]): Command =>
  command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}`);
