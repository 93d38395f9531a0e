/** A fine-tuning step of adapters (LoRA, rank 8 of query and value) against one of all weights, of the same model in bf16. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const sizes = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50257, maxPositions: 1024 };
const small = { numLayers: 4, hiddenSize: 256, numHeads: 4, vocabularySize: 8192, maxPositions: 256 };
const ADAPTER = { rank: 8, alpha: 16, targets: ["query", "value"], dropout: 0 };

export async function run({ quick = false, threads = 2 } = {}) {
  const model = quick ? small : sizes;
  const shape = { batchSize: 4, sequenceLength: 128, steps: quick ? 3 : 5, warmup: 1, threads };
  const [full, adapters] = [null, ADAPTER].map((adapter) => measure({ model, adapter, ...shape }));
  const what = `${quick ? "4 layers, h=256" : "GPT-2 124M"}, S=128, B=4, bf16`;
  const row = { peer: "all weights" };
  const gigabytes = (bytes) => bytes / 1e9;
  return [
    {
      ...row,
      what: `LoRA step, processor time: ${what}`,
      ours: adapters.processorSeconds,
      theirs: full.processorSeconds,
      unit: "s",
      ratio: adapters.processorSeconds / full.processorSeconds,
      atMost: 0.75,
    },
    {
      ...row,
      what: `LoRA step, peak memory: ${what}`,
      ours: gigabytes(adapters.peakBytes),
      theirs: gigabytes(full.peakBytes),
      unit: "GB",
      ratio: adapters.peakBytes / full.peakBytes,
      atMost: 0.6,
    },
  ];
}

function measure(options) {
  const script = fileURLToPath(new URL("step.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, JSON.stringify(options)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${script} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
