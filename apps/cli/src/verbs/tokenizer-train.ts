/** `megatron tokenizer train`: text files to a byte-level BPE tokenizer.json. */
import type { DocumentPart } from "@megatron-ts/data";
import type { Command } from "commander";
import { addExamples, addJsonOption, addTextOptions, type TextOptions } from "../common-options.ts";
import { wholeNumber } from "../option-values.ts";
import type { Terminal } from "../terminal.ts";

interface Options extends TextOptions {
  vocabSize: number;
  output: string;
  minFrequency?: number;
  json?: boolean;
}

export function addTokenizerTrain(parent: Command, terminal: Terminal): void {
  const command = parent.command("train").description("train a byte-level BPE tokenizer on text files");
  addTextOptions(command)
    .requiredOption("--vocab-size <n>", "tokens in all, the 256 bytes and <|endoftext|> included", wholeNumber(1))
    .requiredOption("--output <directory>", "where tokenizer.json goes")
    .option("--min-frequency <n>", "pairs that occur less often are not merged (default: 1)", wholeNumber(1))
    .action((options: Options) => run(options, terminal));
  addExamples(addJsonOption(command), [
    "megatron tokenizer train --input a.txt b.jsonl --vocab-size 8192 --output tok/",
    "megatron tokenizer train --input 'books/*.txt.gz' --vocab-size 32000 --output tok/ --json",
  ]);
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { listSources, readParts } = await import("@megatron-ts/data");
  const { createTokenizer, trainBpe } = await import("@megatron-ts/tokenizer");
  const { saveTokenizer } = await import("@megatron-ts/tokenizer/files");
  const sources = await listSources(options.input, options);
  const bytes = sources.reduce((sum, source) => sum + (source.bytes ?? Number.NaN), 0);
  const progress = terminal.progress("training a tokenizer");
  let skippedLines = 0;
  let documents = 0;
  let bytesRead = 0;
  const parts = readParts(sources, {
    textKey: options.jsonKey,
    textDocument: options.textDocument,
    onBadLine: (problem) => {
      if (!options.skipBadLines) throw problem;
      skippedLines++;
      terminal.log(`skipped: ${problem.message}`);
    },
    onBytes: (count) => {
      bytesRead += count;
      if (Number.isFinite(bytes)) progress.update((0.8 * bytesRead) / bytes, `${documents} documents`);
    },
  });
  const json = await trainBpe(
    wholeTexts(parts, () => documents++),
    {
      vocabularySize: options.vocabSize,
      minFrequency: options.minFrequency,
      onProgress: (event) => {
        if (event.stage !== "merge") return;
        progress.update(0.8 + (0.2 * event.size) / event.vocabularySize, `${event.size} tokens`);
      },
    },
  );
  await saveTokenizer(json, options.output);
  progress.stop();

  const { vocabularySize, fingerprint } = await createTokenizer(json);
  if (options.json) {
    terminal.print(JSON.stringify({ output: options.output, vocabularySize, fingerprint, documents, skippedLines }));
    return;
  }
  terminal.print(`${options.output}: ${vocabularySize} tokens, learnt from ${documents} documents`);
  if (vocabularySize < options.vocabSize) terminal.log(`the text gives no more than ${vocabularySize} tokens`);
  if (skippedLines > 0) terminal.log(`${skippedLines} malformed lines skipped`);
}

/** Longer than any document has a reason to be, and short enough for a string. */
const LONGEST_TEXT = 1 << 26;

/** Documents as whole texts; one that is longer than any should be comes in several. */
async function* wholeTexts(parts: AsyncIterable<DocumentPart>, onDocument: () => void): AsyncGenerator<string> {
  let text = "";
  for await (const part of parts) {
    text += part.text;
    if (part.last) onDocument();
    if (!part.last && text.length < LONGEST_TEXT) continue;
    yield text;
    text = "";
  }
}
