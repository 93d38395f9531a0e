// node ours.mjs train|encode DIRECTORY: our side, in a fresh process. Prints seconds, and MB/s for encode.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTokenizer, saveTokenizer } from "../../packages/tokenizer/dist/files.js";
import { createTokenBuffer, trainBpe } from "../../packages/tokenizer/dist/index.js";

const [, , task, directory] = process.argv;
const report = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

if (task === "train") {
  const speeches = JSON.parse(readFileSync(join(directory, "speeches.json"), "utf8"));
  const start = performance.now();
  const json = await trainBpe(speeches, { vocabularySize: 8192 });
  report({ seconds: (performance.now() - start) / 1000 });
  await saveTokenizer(json, directory);
} else {
  const tokenizer = await loadTokenizer(directory);
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
}
