/** `megatron prepare`: tokenizes text files into an indexed dataset for training. */
import type { DatasetSidecar } from "@megatron-ts/data";
import { type Command, Option } from "commander";
import { addExamples, addJsonOption, addTextOptions, type TextOptions } from "../options/common-options.ts";
import { integer, nonEmpty, numberList } from "../options/option-values.ts";
import {
  addPreprocessingOptions,
  describePreprocessing,
  documentsAndTokens,
  type PreprocessingFlags,
  toPreprocessingOptions,
  weightLanguages,
} from "../options/preprocessing-options.ts";
import { exitOnInterrupt } from "../terminal/interruption.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends TextOptions, PreprocessingFlags {
  tokenizer: string;
  output: string;
  split: number[];
  workers?: number;
  sentences?: string | true;
  pairs?: boolean;
  specialTokens: "text" | "ids";
  appendEod?: boolean;
  resume: boolean;
  breakLock?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function addPrepare(program: Command, terminal: Terminal): void {
  const command = program
    .command("prepare")
    .usage("--input <paths...> --tokenizer <path> --output <prefix> [options]")
    .description("tokenize text files into an indexed dataset (.bin and .idx)");
  addTextOptions(command)
    .requiredOption("--tokenizer <path>", "tokenizer directory or tokenizer.json", nonEmpty)
    .requiredOption("--output <prefix>", "output prefix: data/corpus gives data/corpus_text_document.bin, ...")
    .option("--split <weights>", "weights of the train, validation and test splits", numberList, [98, 1, 1])
    .option("--workers <n>", "worker threads (default: one per CPU)", integer(0))
    .option("--sentences [language]", "make every sentence a sequence, for sentence-pair objectives")
    .option("--pairs", "read documents as source and target, separated by a tab")
    .addOption(
      new Option("--special-tokens <kind>", "what special tokens spelled out in documents become")
        .choices(["text", "ids"])
        .default("text"),
    )
    .option("--append-eod", "end every document with the end-of-text token (default, except with --sentences)")
    .option("--no-append-eod", "do not end documents with the end-of-text token")
    .option("--overwrite", "replace an existing dataset once the new one is complete")
    .option("--no-resume", "start over instead of resuming an interrupted run")
    .option("--break-lock", "take over the lock of a process on another host or in another container that has ended")
    .action((options: Options) => run(options, terminal));
  addPreprocessingOptions(addJsonOption(command));
  addExamples(command, [
    "megatron prepare --input corpus.jsonl --json-key text --tokenizer tok/ --output data/corpus --split 98,1,1",
    "megatron prepare --input 'books/*.txt' --tokenizer tok/ --output data/books --text-document paragraph",
    "zcat dump.jsonl.gz | megatron prepare --input - --tokenizer tok/ --output data/dump",
    "megatron prepare --input shelf/*.epub --tokenizer tok/ --output data/shelf --sentences en",
    "paste en.txt de.txt | megatron prepare --input - --format txt --text-document line --pairs \\\n" +
      "      --tokenizer tok/ --output data/en-de",
    "megatron prepare --input crawl.warc.gz --tokenizer tok/ --output data/crawl --skip-bad-lines \\\n" +
      "      --dedup minhash --dedup-threshold 0.8 --decontaminate eval.jsonl --ngram 13",
    "megatron prepare --input many.jsonl --tokenizer tok/ --output data/many --by-language --temperature 0.7",
  ]);
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { languageWeights, prepareDataset } = await import("@megatron-ts/data");
  const steps = toPreprocessingOptions(options);
  const { temperature = 1 } = options;
  languageWeights({}, temperature); // Rejects a bad temperature before the work.
  const resumable = !options.input.includes("-");
  const stopListening = exitOnInterrupt(
    terminal,
    resumable ? "rerun the same command to resume" : "no output was written",
  );
  const progress = terminal.progress("preparing");
  const { prefix, sidecar, resumed, byLanguage } = await prepareDataset({
    inputs: options.input,
    tokenizerPath: options.tokenizer,
    output: options.output,
    jsonKey: options.jsonKey,
    textDocument: options.textDocument,
    format: options.format,
    split: options.split,
    workers: options.workers,
    sentences: options.sentences ? { language: options.sentences === true ? "en" : options.sentences } : undefined,
    pairs: options.pairs,
    ...steps,
    specialTokens: options.specialTokens,
    appendEndOfDocument: options.appendEod,
    skipBadLines: options.skipBadLines,
    resume: options.resume,
    breakLock: options.breakLock,
    overwrite: options.overwrite,
    onBadLine: (problem) => terminal.log(`skipped: ${problem.message}`),
    onProgress: ({ bytesRead, bytesTotal, documents, tokens }) =>
      progress.update(bytesTotal ? bytesRead / bytesTotal : 0, documentsAndTokens({ documents, tokens })),
  }).finally(stopListening);
  progress.stop();

  const { counts, split, skipped, sentences, deduplication, decontamination, languages } = sidecar;
  const weighted = byLanguage && (await weightLanguages(byLanguage, temperature));
  if (options.json) {
    const optional = { sentences, deduplication, decontamination, languages, byLanguage: weighted };
    terminal.json({ prefix, resumed, counts, split, skipped, ...optional });
    return;
  }
  if (resumed) terminal.log("resumed an interrupted run");
  const name = weighted ? `${options.output} (by language)` : prefix;
  terminal.print(`${name}: ${documentsAndTokens(counts)}, ${pluralize(counts.bytes, "byte")} of text`);
  for (const part of weighted ? [] : (["train", "validation", "test"] as const)) {
    terminal.print(`  ${part.padEnd(10)} ${documentsAndTokens(split[part])}`);
  }
  for (const line of weighted ? [] : describeSplit(split)) terminal.print(`  ${line}`);
  for (const line of describePreprocessing(sidecar)) terminal.print(`  ${line}`);
  if (skipped.badLines > 0) terminal.print(`  ${pluralize(skipped.badLines, "malformed line")} skipped`);
  if (skipped.emptyDocuments > 0) terminal.print(`  ${pluralize(skipped.emptyDocuments, "empty document")} skipped`);
  if (!weighted) return;
  const { stringify } = await import("yaml");
  const train = weighted.map(({ prefix, weight }) => ({ prefix, weight }));
  terminal.print(`recipe:\n${stringify({ data: { train } }, { lineWidth: 0 }).trimEnd()}`);
}

/** Cuts inside documents, and splits that stayed empty. */
function describeSplit(split: DatasetSidecar["split"]): string[] {
  const names = ["train", "validation", "test"] as const;
  const empty = names.filter((name, i) => (split.weights[i] ?? 0) > 0 && split[name].documents === 0);
  return [
    ...(split.cuts
      ? [`split by tokens, with ${pluralize(split.cuts, "cut")} inside documents: there are too few`]
      : []),
    ...(empty.length > 0 ? [`${empty.join(" and ")}: empty, the text is too short to split`] : []),
  ];
}
