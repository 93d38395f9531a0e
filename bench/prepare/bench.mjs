/**
 * All of `prepare` (read, encode with one worker, write) against encoding alone with Hugging Face's tokenizers for Python; and
 * how much more memory 2 GB of text takes than 100 MB.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs prepare [--quick]
 */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, hasModules, median, runScript } from "../peers.mjs";
import { writeCorpus } from "../tokenizer/corpus.mjs";

const PEER = "tokenizers (Python), one thread, encoding only";

/** Runs one of the tokenizer benchmark's two sides, which take a task and a directory. */
function inTokenizerBenchmark(command, script, task, directory) {
  const path = fileURLToPath(new URL(`../tokenizer/${script}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(command, [path, task, directory], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${script} ${task} failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** Writes the text repeatedly until the file has this size. */
function writeRepeated(path, text, megabytes) {
  const file = openSync(path, "w");
  for (let size = 0; size < megabytes * 1e6; size += text.length) writeSync(file, text);
  closeSync(file);
}

/** Rows { what, peer, ours, theirs, unit, ratio, atLeast or atMost }. */
export async function run({ peerPython, quick = false } = {}) {
  const corpus = writeCorpus();
  try {
    inTokenizerBenchmark(process.execPath, "ours.mjs", "bpe", corpus.directory);
    const tokenizerPath = join(corpus.directory, "bpe");
    const output = join(corpus.directory, "out");
    const prepare = (input) =>
      runScript(process.execPath, new URL("prepare.mjs", import.meta.url), { input, tokenizerPath, output });
    const lines = join(corpus.directory, "lines.txt");
    const peer = hasModules(peerPython, "tokenizers");
    const { ours, theirs } = alternate(quick ? 1 : 5, {
      ours: () => prepare(lines),
      theirs: peer ? () => inTokenizerBenchmark(peerPython, "peer.py", "encode", corpus.directory) : null,
    });
    if (peer && ours[0].tokens !== theirs[0].tokens) throw new Error("the two sides produced different tokens");
    const rate = (results) =>
      results.length > 0 ? median(results.map(({ megabytesPerSecond }) => megabytesPerSecond)) : undefined;
    const [our, their] = [rate(ours), rate(theirs)];

    const sizes = quick ? [10, 200] : [100, 2000];
    const text = Buffer.concat([readFileSync(lines), Buffer.from("\n")]);
    const [small, large] = sizes.map((megabytes) => {
      const input = join(corpus.directory, "repeated.txt");
      writeRepeated(input, text, megabytes);
      return prepare(input).peakMegabytes;
    });
    return [
      {
        what: "prepare the speeches with one worker, one document per line",
        peer: peer ? PEER : `${PEER}: skipped, not found`,
        ours: our,
        theirs: their,
        unit: "MB/s",
        ratio: their && our / their,
        atLeast: 1,
      },
      {
        what: `extra peak memory when preparing ${sizes[1]} MB instead of ${sizes[0]} MB`,
        peer: "100 MB allowed",
        ours: large - small,
        theirs: 100,
        unit: "MB",
        ratio: (large - small) / 100,
        atMost: 1,
      },
    ];
  } finally {
    corpus.remove();
  }
}
