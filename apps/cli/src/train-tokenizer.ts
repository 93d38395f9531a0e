/** Trains a tokenizer on text files and saves it, with a progress bar. */
import type { DocumentPart } from "@megatron-ts/data";
import type { TokenizerJson, TokenTemplate, TrainingProgress } from "@megatron-ts/tokenizer";
import type { TextOptions } from "./options/common-options.ts";
import { pluralize } from "./terminal/pluralize.ts";
import type { Terminal } from "./terminal/terminal.ts";

interface Trainer {
  algorithm: string;
  vocabularySize: number;
  minFrequency?: number;
  specialTokens?: readonly string[];
  template?: TokenTemplate;
}

/** @returns what was trained, which is smaller than `vocabularySize` if the text yields no more */
export async function trainTokenizer(
  {
    output,
    ...text
  }: Omit<TextOptions, "textDocument"> & Partial<Pick<TextOptions, "textDocument">> & { output: string },
  { algorithm, ...trainer }: Trainer,
  terminal: Terminal,
): Promise<{ vocabularySize: number; fingerprint: string; documents: number; skippedLines: number }> {
  const { listSources, readParts } = await import("@megatron-ts/data");
  const { createTokenizer, trainBpe, trainUnigram, trainWordPiece } = await import("@megatron-ts/tokenizer");
  const { saveTokenizer } = await import("@megatron-ts/tokenizer/files");
  const sources = await listSources(text.input, text);
  const bytes = sources.reduce((sum, source) => sum + (source.bytes ?? Number.NaN), 0);
  const progress = terminal.progress("training tokenizer");
  let skippedLines = 0;
  let documents = 0;
  let bytesRead = 0;
  const parts = readParts(sources, {
    textKey: text.jsonKey,
    textDocument: text.textDocument,
    onBadLine: (problem) => {
      if (!text.skipBadLines) throw problem;
      skippedLines++;
      terminal.log(`skipped: ${problem.message}`);
    },
    onBytes: (count) => {
      bytesRead += count;
      if (Number.isFinite(bytes)) progress.update((0.8 * bytesRead) / bytes, pluralize(documents, "document"));
    },
  });
  const texts = wholeTexts(parts, () => documents++);
  const onProgress = (event: TrainingProgress) => {
    if (event.stage === "merge")
      progress.update(0.8 + (0.2 * event.size) / event.vocabularySize, `${event.size} tokens`);
  };
  const options = { ...trainer, onProgress };
  let json: TokenizerJson;
  if (algorithm === "unigram") json = await trainUnigram(texts, options);
  else if (algorithm === "wordpiece") json = await trainWordPiece(texts, options);
  else json = await trainBpe(texts, options);
  await saveTokenizer(json, output);
  progress.stop();
  const { vocabularySize, fingerprint } = await createTokenizer(json);
  return { vocabularySize, fingerprint, documents, skippedLines };
}

/** Longer documents are passed on in pieces, in characters. */
const MAX_TEXT_LENGTH = 1 << 26;

/** Joins the parts of each document, up to MAX_TEXT_LENGTH. */
async function* wholeTexts(parts: AsyncIterable<DocumentPart>, onDocument: () => void): AsyncGenerator<string> {
  let text = "";
  for await (const part of parts) {
    text += part.text;
    if (part.last) onDocument();
    if (!part.last && text.length < MAX_TEXT_LENGTH) continue;
    yield text;
    text = "";
  }
}
