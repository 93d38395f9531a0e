/**
 * Our side, in a fresh process: node ours.mjs TASK DIRECTORY. Tasks: bpe, wordpiece and unigram train and save a tokenizer;
 * encode encodes lines with the BPE tokenizer. Prints seconds, and MB/s for encode.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createTokenBuffer, trainBpe, trainUnigram, trainWordPiece } from "@megatron-ts/tokenizer";
import { loadTokenizer, saveTokenizer } from "@megatron-ts/tokenizer/files";

const TRAINERS = { bpe: trainBpe, wordpiece: trainWordPiece, unigram: trainUnigram };
const [, , task, directory] = process.argv;
const report = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

if (task === "encode") {
  const tokenizer = await loadTokenizer(join(directory, "bpe"));
  const text = readFileSync(join(directory, "lines.txt"), "utf8");
  const lines = text.split("\n");
  const start = performance.now();
  let tokens = 0;
  for (let from = 0; from < lines.length; from += 1000) {
    const buffer = createTokenBuffer();
    for (const line of lines.slice(from, from + 1000)) tokenizer.encodeInto(line, buffer);
    tokens += buffer.length;
  }
  const seconds = (performance.now() - start) / 1000;
  report({ seconds, tokens, megabytesPerSecond: (Buffer.byteLength(text) - lines.length + 1) / 1e6 / seconds });
} else {
  const speeches = JSON.parse(readFileSync(join(directory, "speeches.json"), "utf8"));
  const start = performance.now();
  const json = await TRAINERS[task](speeches, { vocabularySize: 8192 });
  report({ seconds: (performance.now() - start) / 1000 });
  await saveTokenizer(json, join(directory, task));
}
