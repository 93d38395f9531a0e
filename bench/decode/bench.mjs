/**
 * Decoding with GPT-2 124M, batch size 1, against transformers' generate, llama.cpp and the bandwidth of a plain read; bf16 weights
 * against f32.
 *
 *     PEER_PYTHON=/path/to/python PEER_LLAMA=/directory/with/node_modules node bench/run.mjs decode [--rows read,bf16,llama] [--quick]
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alternate, hasModules, median, runScript } from "../peers.mjs";
import { writeRandomGpt2 } from "./gguf.mjs";

const script = (name) => new URL(name, import.meta.url);

const gpt2 = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257, maxPositions: 1024 };

const hasLlama = (directory) => Boolean(directory) && existsSync(join(directory, "node_modules", "node-llama-cpp"));

const our = (options) => runScript(process.execPath, script("decode.mjs"), options);
const of = (results, field) => (results.length > 0 ? median(results.map((result) => result[field])) : undefined);
const sizes = ({ quick = false, threads = 2 }) => ({ tokens: quick ? 16 : 64, threads, backend: "native" });
const rounds = ({ quick = false }) => (quick ? 1 : 5);
const speedRow = (ours, theirs, row) => {
  const [speed, their] = [of(ours, "tokensPerSecond"), of(theirs, "tokensPerSecond")];
  return { ours: speed, theirs: their, unit: "tokens/s", ratio: their && speed / their, ...row };
};

/** Against transformers, whose process measures a plain read of memory too. */
function againstPyTorch(given) {
  const peer = hasModules(given.peerPython, "torch", "transformers");
  const options = sizes(given);
  const { ours, theirs } = alternate(rounds(given), {
    ours: () => our(options),
    theirs: peer ? () => runScript(given.peerPython, script("decode.py"), options) : null,
  });
  const [bandwidth, read] = [of(ours, "bytesPerSecond"), of(theirs, "readBytesPerSecond")];
  return [
    {
      what: "bandwidth at which decoding GPT-2 124M in f32 reads the weights",
      peer: peer ? "a plain read by PyTorch" : "a plain read: skipped, PyTorch not found",
      ours: bandwidth / 1e9,
      theirs: read && read / 1e9,
      unit: "GB/s",
      ratio: read && bandwidth / read,
      atLeast: 0.85,
    },
    speedRow(ours, theirs, {
      what: "decode GPT-2 124M, batch 1, f32",
      peer: peer ? "transformers generate" : "transformers generate: skipped, not found",
      atLeast: 2.3,
    }),
  ];
}

function narrowWeights(given) {
  const options = sizes(given);
  const { ours, theirs } = alternate(rounds(given), {
    ours: () => our({ ...options, precision: "bf16" }),
    theirs: () => our(options),
  });
  return speedRow(ours, theirs, {
    what: "decode GPT-2 124M, batch 1, bf16 weights",
    peer: "our own f32",
    atLeast: 1.7,
  });
}

function againstLlama(given) {
  const llama = hasLlama(process.env.PEER_LLAMA);
  const home = mkdtempSync(join(tmpdir(), "megatron-bench-"));
  try {
    const options = { ...sizes(given), modelPath: join(home, "gpt2.gguf") };
    if (llama) writeRandomGpt2(options.modelPath, gpt2);
    const { ours, theirs } = alternate(rounds(given), {
      ours: () => our(options),
      theirs: llama ? () => runScript(process.execPath, script("llama.mjs"), options) : null,
    });
    return speedRow(ours, theirs, {
      what: "decode GPT-2 124M, batch 1, f32",
      peer: llama ? "llama.cpp" : "llama.cpp: skipped, node-llama-cpp not found in PEER_LLAMA",
      atLeast: 1.05,
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** About five minutes in all. */
export const rows = { read: againstPyTorch, bf16: narrowWeights, llama: againstLlama };
