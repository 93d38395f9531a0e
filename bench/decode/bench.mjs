/**
 * Decoding with GPT-2 124M, batch size 1, against transformers' generate, llama.cpp and the bandwidth of a plain read; bf16 weights
 * against f32.
 *
 *     PEER_PYTHON=/path/to/python PEER_LLAMA=/directory/with/node_modules node bench/run.mjs decode [--quick]
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alternate, hasModules, median, runScript } from "../peers.mjs";
import { writeRandomGpt2 } from "./gguf.mjs";

const script = (name) => new URL(name, import.meta.url);

const gpt2 = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257, maxPositions: 1024 };

const hasLlama = (directory) => Boolean(directory) && existsSync(join(directory, "node_modules", "node-llama-cpp"));

function measure({ peerPython, peer, llama, quick, ...settings }) {
  const home = mkdtempSync(join(tmpdir(), "megatron-bench-"));
  try {
    const options = { ...settings, tokens: quick ? 16 : 64, modelPath: join(home, "gpt2.gguf") };
    if (llama) writeRandomGpt2(options.modelPath, gpt2);
    return alternate(quick ? 1 : 5, {
      ours: () => runScript(process.execPath, script("decode.mjs"), options),
      narrow: () => runScript(process.execPath, script("decode.mjs"), { ...options, precision: "bf16" }),
      theirs: peer ? () => runScript(peerPython, script("decode.py"), options) : null,
      llamas: llama ? () => runScript(process.execPath, script("llama.mjs"), options) : null,
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export async function run({ peerPython, quick = false, threads = 2, backend = "native" } = {}) {
  const peer = hasModules(peerPython, "torch", "transformers");
  const llama = hasLlama(process.env.PEER_LLAMA);
  const { ours, narrow, theirs, llamas } = measure({ peerPython, peer, llama, quick, threads, backend });
  const of = (results, field) => (results.length > 0 ? median(results.map((result) => result[field])) : undefined);
  const [our, their, llamaCpp] = [ours, theirs, llamas].map((results) => of(results, "tokensPerSecond"));
  const name = "transformers generate";
  const narrowSpeed = of(narrow, "tokensPerSecond");
  const [bandwidth, read] = [of(ours, "bytesPerSecond"), of(theirs, "readBytesPerSecond")];
  return [
    {
      what: "decode GPT-2 124M, batch 1, f32",
      peer: peer ? name : `${name}: skipped, not found`,
      ours: our,
      theirs: their,
      unit: "tokens/s",
      ratio: their && our / their,
      atLeast: 2.3,
    },
    {
      what: "decode GPT-2 124M, batch 1, f32",
      peer: llama ? "llama.cpp" : "llama.cpp: skipped, node-llama-cpp not found in PEER_LLAMA",
      ours: our,
      theirs: llamaCpp,
      unit: "tokens/s",
      ratio: llamaCpp && our / llamaCpp,
      atLeast: 1.05,
    },
    {
      what: "decode GPT-2 124M, batch 1, bf16 weights",
      peer: "our own f32",
      ours: narrowSpeed,
      theirs: our,
      unit: "tokens/s",
      ratio: narrowSpeed / our,
      atLeast: 1.7,
    },
    {
      what: "bandwidth at which decoding reads the weights",
      peer: peer ? "a plain read by PyTorch" : "a plain read: skipped, PyTorch not found",
      ours: bandwidth / 1e9,
      theirs: read && read / 1e9,
      unit: "GB/s",
      ratio: read && bandwidth / read,
      atLeast: 0.85,
    },
  ];
}
