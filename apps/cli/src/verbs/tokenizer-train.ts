/** `megatron tokenizer train`: text files to a tokenizer.json. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DocumentPart } from "@megatron-ts/data";
import type { TrainingProgress } from "@megatron-ts/tokenizer";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { addExamples, addJsonOption, addTextOptions, type TextOptions } from "../options/common-options.ts";
import { notEmpty, wholeNumber } from "../options/option-values.ts";
import { counted } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends TextOptions {
  vocabSize: number;
  output: string;
  type: "bpe" | "roberta" | "wordpiece" | "t5" | "xlnet";
  minFrequency?: number;
  specialTokens?: string[];
  overwrite?: boolean;
  json?: boolean;
}

export function addTokenizerTrain(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("train")
    .usage("--input <paths...> --vocab-size <n> --output <directory> [options]")
    .description("train a tokenizer on text files; no text is unknown to it");
  addTextOptions(command)
    .requiredOption("--vocab-size <n>", "tokens in all, bytes and special tokens included", wholeNumber(1))
    .requiredOption("--output <directory>", "where tokenizer.json goes", notEmpty)
    .addOption(
      new Option(
        "--type <name>",
        "byte-level BPE (GPT), with the markers of RoBERTa, WordPiece (BERT), or Unigram with the markers of T5 or XLNet",
      )
        .choices(["bpe", "roberta", "wordpiece", "t5", "xlnet"])
        .default("bpe"),
    )
    .option("--special-tokens <tokens...>", "markers, in the order of their ids (default: the family's own)")
    .option(
      "--min-frequency <n>",
      "what occurs less often is not learnt; not for t5 and xlnet (default: 1)",
      wholeNumber(1),
    )
    .option("--overwrite", "replace a tokenizer.json that is there already")
    .action((options: Options) => run(options, terminal));
  addExamples(addJsonOption(command), [
    "megatron tokenizer train --input a.txt b.jsonl --vocab-size 8192 --output tok/",
    "megatron tokenizer train --input books/ --type wordpiece --vocab-size 8192 --output tok/",
    "megatron tokenizer train --input 'books/*.txt.gz' --vocab-size 32000 --output tok/ --json",
  ]);
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  if (options.minFrequency !== undefined && (options.type === "t5" || options.type === "xlnet")) {
    throw new UsageError(`--min-frequency is for bpe and wordpiece: leave it out with --type ${options.type}`);
  }
  const output = join(options.output, "tokenizer.json");
  if (!options.overwrite && existsSync(output)) {
    throw new UsageError(`${output}: is there already: choose another output, or overwrite it (--overwrite)`);
  }
  const { listSources, readParts } = await import("@megatron-ts/data");
  const { createTokenizer, trainBpe, trainUnigram, trainWordPiece } = await import("@megatron-ts/tokenizer");
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
      if (Number.isFinite(bytes)) progress.update((0.8 * bytesRead) / bytes, counted(documents, "document"));
    },
  });
  const texts = wholeTexts(parts, () => documents++);
  const { type, vocabSize: vocabularySize, minFrequency, specialTokens } = options;
  const onProgress = (event: TrainingProgress) => {
    if (event.stage === "merge")
      progress.update(0.8 + (0.2 * event.size) / event.vocabularySize, `${event.size} tokens`);
  };
  const json = await {
    bpe: () => trainBpe(texts, { vocabularySize, minFrequency, specialTokens, onProgress }),
    roberta: () => trainBpe(texts, { vocabularySize, family: "roberta", minFrequency, specialTokens, onProgress }),
    wordpiece: () => trainWordPiece(texts, { vocabularySize, minFrequency, specialTokens, onProgress }),
    t5: () => trainUnigram(texts, { vocabularySize, family: "t5", specialTokens, onProgress }),
    xlnet: () => trainUnigram(texts, { vocabularySize, family: "xlnet", specialTokens, onProgress }),
  }[type]();
  await saveTokenizer(json, options.output);
  progress.stop();

  const { vocabularySize: learnt, fingerprint } = await createTokenizer(json);
  if (options.json) {
    const found = { output: options.output, type, vocabularySize: learnt, fingerprint, documents, skippedLines };
    return terminal.print(JSON.stringify(found));
  }
  terminal.print(`${options.output}: ${counted(learnt, "token")}, learnt from ${counted(documents, "document")}`);
  if (learnt < vocabularySize) terminal.log(`the text gives no more than ${counted(learnt, "token")}`);
  if (skippedLines > 0) terminal.log(`${counted(skippedLines, "malformed line")} skipped`);
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
