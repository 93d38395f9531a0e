/** `megatron tokenizer train`: trains a tokenizer on text files. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { tokenizerPresets } from "@megatron-ts/model/tokenizers";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { addExamples, addJsonOption, addTextOptions, type TextOptions } from "../options/common-options.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { trainTokenizer } from "../train-tokenizer.ts";

interface Options extends TextOptions {
  vocabSize: number;
  output: string;
  type: string;
  minFrequency?: number;
  specialTokens?: string[];
  overwrite?: boolean;
  json?: boolean;
}

export function addTokenizerTrain(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("train")
    .usage("--input <paths...> --vocab-size <n> --output <directory> [options]")
    .description("train a tokenizer on text files");
  addTextOptions(command)
    .requiredOption("--vocab-size <n>", "vocabulary size, including bytes and special tokens", integer(1))
    .requiredOption("--output <directory>", "output directory for tokenizer.json", nonEmpty)
    .addOption(
      new Option("--type <name>", "byte-level BPE (as in GPT or RoBERTa), WordPiece (BERT) or Unigram (T5 or XLNet)")
        .choices(["bpe", "wordpiece", ...Object.keys(tokenizerPresets)])
        .default("bpe"),
    )
    .option("--special-tokens <tokens...>", "special tokens, in id order (default: those of the type)")
    .option("--min-frequency <n>", "ignore rarer tokens; BPE and WordPiece only (default: 1)", integer(1))
    .option("--overwrite", "replace an existing tokenizer.json")
    .action((options: Options) => run(options, terminal));
  addExamples(addJsonOption(command), [
    "megatron tokenizer train --input a.txt b.jsonl --vocab-size 8192 --output tok/",
    "megatron tokenizer train --input books/ --type wordpiece --vocab-size 8192 --output tok/",
    "megatron tokenizer train --input 'books/*.txt.gz' --vocab-size 32000 --output tok/ --json",
  ]);
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const preset = tokenizerPresets[options.type];
  const algorithm = preset?.algorithm ?? options.type;
  if (options.minFrequency !== undefined && algorithm === "unigram") {
    throw new UsageError(`--min-frequency does not apply to --type ${options.type}`);
  }
  const output = join(options.output, "tokenizer.json");
  if (!options.overwrite && existsSync(output)) {
    throw new UsageError(`${output}: already exists: choose another --output, or use --overwrite`);
  }
  const { minFrequency, specialTokens } = options;
  const given = { minFrequency, ...(specialTokens && { specialTokens }) };
  const trainer = { algorithm, vocabularySize: options.vocabSize, ...preset, ...given };
  const {
    vocabularySize: trained,
    fingerprint,
    documents,
    skippedLines,
  } = await trainTokenizer(options, trainer, terminal);
  const { type } = options;
  if (options.json) {
    const summary = { output: options.output, type, vocabularySize: trained, fingerprint, documents, skippedLines };
    return terminal.json(summary);
  }
  terminal.print(`${options.output}: ${pluralize(trained, "token")}, trained on ${pluralize(documents, "document")}`);
  if (trained < options.vocabSize) terminal.log(`warning: the corpus yields only ${pluralize(trained, "token")}`);
  if (skippedLines > 0) terminal.log(`skipped ${pluralize(skippedLines, "malformed line")}`);
}
