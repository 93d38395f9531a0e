/** Turns the texts of `megatron start` into a tokenizer and datasets, unless an earlier start already has. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatasetSidecar } from "@megatron-ts/data";
import { UsageError } from "../errors.ts";
import type { TextOptions } from "../options/common-options.ts";
import { documentsAndTokens } from "../options/preprocessing-options.ts";
import { exitOnInterrupt } from "../terminal/interruption.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { trainTokenizer } from "../train-tokenizer.ts";
import type { StartInputs, StartPaths } from "./directory.ts";

/** Vocabulary sizes by the bytes of the text: more text shows more words often enough. */
const VOCABULARIES = [
  { bytes: 50_000, vocabularySize: 512 },
  { bytes: 500_000, vocabularySize: 1024 },
  { bytes: 3_000_000, vocabularySize: 2048 },
  { bytes: 100_000_000, vocabularySize: 4096 },
  { bytes: Number.POSITIVE_INFINITY, vocabularySize: 8192 },
];

/** The text that is kept apart, unless the user names it: enough for two digits of bits per byte. */
const HELD_OUT_BYTES = 300_000;
const HELD_OUT_SHARE = 0.1;

/** How to read the text. */
type ReadingOptions = Omit<TextOptions, "input"> & { workers?: number };

/** A part of a dataset. */
export interface TextPart {
  prefix: string;
  split: "train" | "test";
  documents: number;
  tokens: number;
  bytes: number;
  words: number;
}

/** What the run trains on, and what its score is measured on. */
export interface StartTexts {
  training: TextPart;
  heldOut: TextPart;
}

export async function prepareTexts(
  paths: StartPaths,
  { inputs, heldOut, ...text }: StartInputs & ReadingOptions,
  { terminal, sequenceLength }: { terminal: Terminal; sequenceLength: number },
): Promise<StartTexts> {
  const { listSources } = await import("@megatron-ts/data");
  const onSkippedJson = (directory: string, files: number) =>
    terminal.log(`${directory}: skipped ${pluralize(files, ".json file")}; name them to read them as JSON lines`);
  const sources = await listSources(inputs, { ...text, onSkippedJson });
  if (heldOut) await listSources(heldOut, { ...text, onSkippedJson });
  const bytes = sources.reduce((sum, source) => sum + (source.bytes ?? 0), 0);
  const stopListening = exitOnInterrupt(terminal, "rerun the same command to resume");
  try {
    if (!existsSync(join(paths.tokenizer, "tokenizer.json"))) {
      const { vocabularySize } = VOCABULARIES.find((row) => bytes < row.bytes)!;
      const options = { ...text, input: [...inputs], output: paths.tokenizer };
      const trained = await trainTokenizer(options, { algorithm: "bpe", vocabularySize }, terminal);
      terminal.log(
        `${paths.tokenizer}: ${pluralize(trained.vocabularySize, "token")}, trained on ${pluralize(trained.documents, "document")}`,
      );
    }
    const share = Math.min(HELD_OUT_SHARE, HELD_OUT_BYTES / Math.max(1, bytes));
    const weights = heldOut ? [1] : [1 - share, 0, share];
    const own = await prepare(paths.training, { ...text, inputs, weights, tokenizer: paths.tokenizer }, terminal);
    const other = heldOut
      ? await prepare(
          paths.heldOut,
          { ...text, inputs: heldOut, weights: [0, 0, 1], tokenizer: paths.tokenizer },
          terminal,
        )
      : own;
    const texts = { training: partOf(own, "train"), heldOut: partOf(other, "test") };
    checkLengths(texts, sequenceLength);
    return texts;
  } finally {
    stopListening();
  }
}

interface Prepared {
  prefix: string;
  sidecar: DatasetSidecar;
}

/** Prepares a dataset; a finished one of an earlier start is read. */
async function prepare(
  output: string,
  {
    inputs,
    weights,
    tokenizer,
    ...text
  }: Omit<TextOptions, "input"> & { inputs: readonly string[]; weights: number[]; tokenizer: string },
  terminal: Terminal,
): Promise<Prepared> {
  const { openDataset, prepareDataset } = await import("@megatron-ts/data");
  if (existsSync(`${output}_text_document.json`)) {
    const dataset = await openDataset(output);
    dataset.close();
    return { prefix: dataset.prefix, sidecar: dataset.sidecar! };
  }
  const progress = terminal.progress("reading text");
  const { prefix, sidecar } = await prepareDataset({
    ...text,
    inputs: [...inputs],
    tokenizerPath: tokenizer,
    output,
    split: weights,
    onBadLine: (problem) => terminal.log(`skipped: ${problem.message}`),
    onProgress: ({ bytesRead, bytesTotal, documents, tokens }) =>
      progress.update(bytesTotal ? bytesRead / bytesTotal : 0, documentsAndTokens({ documents, tokens })),
  });
  progress.stop();
  terminal.log(`${prefix}: ${documentsAndTokens(sidecar.counts)}, ${pluralize(sidecar.counts.bytes, "byte")} of text`);
  return { prefix, sidecar };
}

function partOf({ prefix, sidecar }: Prepared, split: "train" | "test"): TextPart {
  const { documents, tokens, bytes, words } = sidecar.split[split];
  return { prefix, split, documents, tokens, bytes, words };
}

/** Throws a UsageError for texts that are shorter than one sample. */
function checkLengths({ training, heldOut }: StartTexts, sequenceLength: number): void {
  for (const [name, { tokens }] of Object.entries({ "to train on": training, "held out": heldOut })) {
    if (tokens > sequenceLength) continue;
    throw new UsageError(
      `the text is too short: ${pluralize(tokens, "token")} ${name}, expected more than ${sequenceLength}: add text, or name the text to hold out with --held-out`,
    );
  }
}
