/** `megatron prepare`: text files to an indexed dataset that training reads. */
import type { Command } from "commander";
import { addExamples, addJsonOption, addTextOptions, type TextOptions } from "../options/common-options.ts";
import { notEmpty, numberList, wholeNumber } from "../options/option-values.ts";
import {
  addStepOptions,
  describeSteps,
  documentsAndTokens,
  type StepFlags,
  toStepOptions,
  weighLanguages,
} from "../options/preprocessing-options.ts";
import { onInterrupt } from "../terminal/interruption.ts";
import { counted } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends TextOptions, StepFlags {
  tokenizer: string;
  output: string;
  split: number[];
  workers?: number;
  sentences?: string | true;
  pairs?: boolean;
  appendEod?: boolean;
  resume: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function addPrepare(program: Command, terminal: Terminal): void {
  const command = program
    .command("prepare")
    .usage("--input <paths...> --tokenizer <path> --output <prefix> [options]")
    .description("encode text files into an indexed dataset (.bin and .idx)");
  addTextOptions(command)
    .requiredOption("--tokenizer <path>", "a directory with tokenizer.json, or the file", notEmpty)
    .requiredOption("--output <prefix>", "prefix of the files: data/corpus gives data/corpus_text_document.bin, ...")
    .option("--split <weights>", "weights of train, validation and test documents", numberList, [98, 1, 1])
    .option("--workers <n>", "threads that encode (default: one for each processor)", wholeNumber(0))
    .option("--sentences [language]", "every sentence is a sequence, for sentence pairs: data/corpus_text_sentence.bin")
    .option("--pairs", "a document is a source, a tab and its target, to translate: data/corpus_text_pair.bin");
  addStepOptions(command)
    .option("--append-eod", "end every document with the end-of-text token (the default, but not with --sentences)")
    .option("--no-append-eod", "do not")
    .option("--overwrite", "replace a dataset that is there already, once the new one is whole")
    .option("--no-resume", "start over, even where an interrupted run could go on")
    .action((options: Options) => run(options, terminal));
  addExamples(addJsonOption(command), [
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
  const steps = toStepOptions(options);
  const { temperature = 1 } = options;
  languageWeights({}, temperature); // Refuses one that is none before the work, not after it.
  const resumable = !options.input.includes("-");
  const stopListening = onInterrupt(terminal, resumable ? "the same command goes on from here" : "nothing was kept");
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
    appendEndOfDocument: options.appendEod,
    skipBadLines: options.skipBadLines,
    resume: options.resume,
    overwrite: options.overwrite,
    onBadLine: (problem) => terminal.log(`skipped: ${problem.message}`),
    onProgress: ({ bytesRead, bytesTotal, documents, tokens }) =>
      progress.update(bytesTotal ? bytesRead / bytesTotal : 0, documentsAndTokens({ documents, tokens })),
  }).finally(stopListening);
  progress.stop();

  const { counts, split, skipped, sentences, deduplication, decontamination, languages } = sidecar;
  const weighed = byLanguage && (await weighLanguages(byLanguage, temperature));
  if (options.json) {
    const taken = { sentences, deduplication, decontamination, languages, byLanguage: weighed };
    terminal.print(JSON.stringify({ prefix, resumed, counts, split, skipped, ...taken }));
    return;
  }
  if (resumed) terminal.log("went on where an interrupted run had stopped");
  const name = weighed ? `${options.output}, by language` : prefix;
  terminal.print(`${name}: ${documentsAndTokens(counts)}, ${counted(counts.bytes, "byte")} of text`);
  for (const part of weighed ? [] : (["train", "validation", "test"] as const)) {
    terminal.print(`  ${part.padEnd(10)} ${documentsAndTokens(split[part])}`);
  }
  for (const line of describeSteps(sidecar)) terminal.print(`  ${line}`);
  if (skipped.badLines > 0) terminal.print(`  ${counted(skipped.badLines, "malformed line")} skipped`);
  if (skipped.emptyDocuments > 0) terminal.print(`  ${counted(skipped.emptyDocuments, "empty document")} skipped`);
  if (!weighed) return;
  const { stringify } = await import("yaml");
  const train = weighed.map(({ prefix, weight }) => ({ prefix, weight }));
  terminal.print(`for a recipe:\n${stringify({ data: { train } }, { lineWidth: 0 }).trimEnd()}`);
}
