/** The text of a comparison: a tokenizer that all models share, and the same documents as a dataset of documents and one of sentences. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatasetSidecar } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { UsageError } from "../errors.ts";
import { exitOnInterrupt } from "../terminal/interruption.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { trainTokenizer } from "../train-tokenizer.ts";
import type { CompareConfig } from "./configuration.ts";

/** A prepared text. */
export interface ComparedText {
  tokenizer: Tokenizer;
  tokenizerDirectory: string;
  /** By whether sentences are kept apart. */
  datasets: Record<"documents" | "sentences", { prefix: string; sidecar: DatasetSidecar }>;
}

/** Of the documents: to train on, to watch the loss of, and to measure perplexity on. */
const SPLIT = [0.96, 0.02, 0.02];

/** Prepares the text, unless an earlier call in the same directory has. */
export async function prepareText(
  { run: { directory }, text }: CompareConfig,
  { needsSentences, terminal }: { needsSentences: boolean; terminal: Terminal },
): Promise<ComparedText> {
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const { sharedFrame } = await import("@megatron-ts/tokenizer");
  const tokenizerDirectory = join(directory, `tokenizer-${text.vocabularySize}`);
  const stopListening = exitOnInterrupt(terminal, "rerun the same command to resume");
  try {
    if (!existsSync(join(tokenizerDirectory, "tokenizer.json"))) {
      await trainTokenizer(
        { input: text.inputs, output: tokenizerDirectory, jsonKey: "text" },
        { algorithm: "bpe", vocabularySize: text.vocabularySize, ...sharedFrame },
        terminal,
      );
    }
    const prepare = (name: string, sentences: boolean) =>
      prepareOnce(join(directory, name), { ...text, tokenizerDirectory, sentences, terminal });
    const documents = await prepare("data/text", false);
    const sentences = needsSentences ? await prepare("data/text", true) : documents;
    return {
      tokenizer: await loadTokenizer(tokenizerDirectory),
      tokenizerDirectory,
      datasets: { documents, sentences },
    };
  } finally {
    stopListening();
  }
}

async function prepareOnce(
  output: string,
  {
    inputs,
    workers,
    tokenizerDirectory,
    sentences,
    terminal,
  }: {
    inputs: readonly string[];
    workers?: number;
    tokenizerDirectory: string;
    sentences: boolean;
    terminal: Terminal;
  },
): Promise<{ prefix: string; sidecar: DatasetSidecar }> {
  const { openDataset, prepareDataset } = await import("@megatron-ts/data");
  const prefix = `${output}_text_${sentences ? "sentence" : "document"}`;
  if (existsSync(`${prefix}.json`)) {
    const dataset = await openDataset(prefix);
    dataset.close();
    const { sidecar } = dataset;
    if (sidecar) return { prefix: dataset.prefix, sidecar };
    throw new UsageError(`${prefix}: was not prepared by this command: choose another directory`);
  }
  const progress = terminal.progress("reading text");
  const prepared = await prepareDataset({
    inputs,
    tokenizerPath: tokenizerDirectory,
    output,
    workers,
    split: SPLIT,
    ...(sentences && { sentences: { language: "en" } }),
    onProgress: ({ bytesRead, bytesTotal }) => progress.update(bytesTotal ? bytesRead / bytesTotal : 0, ""),
  });
  progress.stop();
  return prepared;
}
