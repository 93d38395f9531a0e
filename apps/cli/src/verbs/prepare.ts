/** `megatron prepare`: text files to an indexed dataset that training reads. */
import type { Command } from "commander";
import { addExamples, addJsonOption, addTextOptions, type TextOptions } from "../common-options.ts";
import { numberList, wholeNumber } from "../option-values.ts";
import type { Terminal } from "../terminal.ts";

interface Options extends TextOptions {
  tokenizer: string;
  output: string;
  split: number[];
  workers?: number;
  appendEod: boolean;
  resume: boolean;
  json?: boolean;
}

export function addPrepare(program: Command, terminal: Terminal): void {
  const command = program.command("prepare").description("encode text files into an indexed dataset (.bin and .idx)");
  addTextOptions(command)
    .requiredOption("--tokenizer <path>", "a directory with tokenizer.json, or the file")
    .requiredOption("--output <prefix>", "prefix of the files: data/corpus gives data/corpus_text_document.bin, ...")
    .option("--split <weights>", "weights of train, validation and test documents", numberList, [98, 1, 1])
    .option("--workers <n>", "threads that encode (default: one for each processor)", wholeNumber(0))
    .option("--no-append-eod", "do not end every document with the end-of-text token")
    .option("--no-resume", "start over, even where an interrupted run could go on")
    .action((options: Options) => run(options, terminal));
  addExamples(addJsonOption(command), [
    "megatron prepare --input corpus.jsonl --json-key text --tokenizer tok/ --output data/corpus --split 98,1,1",
    "megatron prepare --input 'books/*.txt' --tokenizer tok/ --output data/books --text-document paragraph",
    "zcat dump.jsonl.gz | megatron prepare --input - --tokenizer tok/ --output data/dump",
  ]);
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { prepareDataset } = await import("@megatron-ts/data");
  const progress = terminal.progress("preparing");
  const { prefix, sidecar, resumed } = await prepareDataset({
    inputs: options.input,
    tokenizerPath: options.tokenizer,
    output: options.output,
    jsonKey: options.jsonKey,
    textDocument: options.textDocument,
    format: options.format,
    split: options.split,
    workers: options.workers,
    appendEndOfDocument: options.appendEod,
    skipBadLines: options.skipBadLines,
    resume: options.resume,
    onBadLine: (problem) => terminal.log(`skipped: ${problem.message}`),
    onProgress: ({ bytesRead, bytesTotal, documents, tokens }) =>
      progress.update(bytesTotal ? bytesRead / bytesTotal : 0, `${documents} documents, ${tokens} tokens`),
  });
  progress.stop();

  const { counts, split, skipped } = sidecar;
  if (options.json) {
    terminal.print(JSON.stringify({ prefix, resumed, counts, split, skipped }));
    return;
  }
  if (resumed) terminal.log("went on where an interrupted run had stopped");
  terminal.print(`${prefix}: ${counts.documents} documents, ${counts.tokens} tokens, ${counts.bytes} bytes of text`);
  for (const name of ["train", "validation", "test"] as const) {
    terminal.print(`  ${name.padEnd(10)} ${split[name].documents} documents, ${split[name].tokens} tokens`);
  }
  if (skipped.badLines > 0) terminal.print(`  ${skipped.badLines} malformed lines skipped`);
  if (skipped.emptyDocuments > 0) terminal.print(`  ${skipped.emptyDocuments} empty documents skipped`);
}
