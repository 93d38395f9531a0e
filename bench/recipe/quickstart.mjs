/**
 * What a quickstart learns: the recipe of `megatron start`, that of commit 83efe2a on today's kernels, and the recipe in PyTorch, each for
 * the same seconds, in bits per byte of the same held-out text; lower is better. Prints each run as it ends, then the means.
 *
 *     PEER_PYTHON=... node bench/recipe/quickstart.mjs [--seeds 3] [--only ours,83efe2a,torch] [--seconds 270] [--size 4x128] [--threads 2]
 *
 * A run takes its seconds and half a minute. `--compile` compiles PyTorch's model, whose compilation is not counted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fastestPrecision, start } from "@megatron-ts/engine";
import { hasModules, runScript } from "../peers.mjs";
import { countsOf, writeCorpus } from "./corpus.mjs";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "3" },
    only: { type: "string", default: "ours,83efe2a,torch" },
    seconds: { type: "string", default: "270" },
    size: { type: "string", default: "4x128" },
    threads: { type: "string", default: "2" },
    compile: { type: "boolean", default: false },
  },
});
function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
const [numLayers, hiddenSize] = values.size.split("x").map(Number);
if (!(numLayers >= 1 && hiddenSize >= 64 && hiddenSize % 64 === 0)) {
  refuse(`--size ${values.size}: expected layers x hidden size, a multiple of 64, such as 4x128`);
}
const [seconds, seeds, threads] = ["seconds", "seeds", "threads"].map((name) => {
  if (!(Number(values[name]) > 0)) refuse(`--${name} ${values[name]}: expected a number above 0`);
  return Number(values[name]);
});
const size = { numLayers, hiddenSize, numHeads: hiddenSize / 64 };

/** What differs in the recipe that `npm start` had at 83efe2a: GPT-2's blocks, 4 layers of 192 in heads of 32, and AdamW. */
const before = {
  "model.numLayers": 4,
  "model.hiddenSize": 192,
  "model.numHeads": 6,
  "model.positions": "learned",
  "model.norm": "layer",
  "model.biases": true,
  "model.queryKeyNorm": false,
  "model.embeddingNorm": false,
  "model.activation": "gelu-tanh",
  "model.zeroInitializedOutputs": false,
  "model.tiedEmbeddings": true,
  "train.optimizer": { name: "adamw", learningRate: 2e-3, beta1: 0.9, beta2: 0.98, weightDecay: 0.1 },
  "train.schedule": { name: "wsd", warmupSteps: 50, decaySteps: 1000, decay: "linear", minimum: 0 },
  "train.steps": 4000,
  "engine.precision": "f32",
};

const corpus = mkdtempSync(join(tmpdir(), "megatron-quickstart-"));
const script = (name) => new URL(name, import.meta.url);
const env = { MEGATRON_THREADS: String(threads) };
/** Evaluation over the whole held-out text. */
const evaluationBatches = 45;

function train(seed, set) {
  const options = { corpus, size, seconds, seed, evaluationBatches, set };
  const { loss, ...rest } = runScript(process.execPath, script("train.mjs"), options, { env });
  const { tokens, bytes } = countsOf(corpus);
  return { ...rest, bitsPerByte: (loss / Math.LN2) * (tokens / bytes) };
}

/** More than PyTorch takes, whose batches are drawn before; it would start over. */
const STEPS_PER_SECOND = 20;

function trainInPyTorch(seed, { precision }) {
  const batches = join(corpus, `batches-${seed}.u16`);
  runScript(process.execPath, script("batches.mjs"), {
    corpus,
    steps: Math.ceil(STEPS_PER_SECOND * seconds),
    seed,
    output: batches,
  });
  const { tokens, bytes } = countsOf(corpus);
  const heldOut = join(corpus, "held-out.bin");
  const options = {
    ...{ batches, heldOut, tokens, bytes, seconds, seed, threads, precision, size },
    compile: values.compile,
  };
  try {
    return runScript(process.env.PEER_PYTHON, script("train.py"), options);
  } finally {
    rmSync(batches, { force: true });
  }
}

const sides = {
  ours: (seed) => train(seed),
  "83efe2a": (seed) => train(seed, before),
  torch: (seed, { precision }) => trainInPyTorch(seed, { precision }),
};
const chosen = values.only.split(",");
const unknown = chosen.filter((name) => !Object.hasOwn(sides, name));
if (unknown.length > 0) refuse(`--only ${unknown.join(", ")}: expected ${Object.keys(sides).join(", ")}`);
if (chosen.includes("torch") && !hasModules(process.env.PEER_PYTHON, "torch")) {
  refuse("torch: set PEER_PYTHON to an interpreter with torch 2.9 or later, or leave it out with --only ours,83efe2a");
}

const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
try {
  await writeCorpus(corpus, { vocabularySize: 4096 });
  const precision = fastestPrecision(await start());
  process.stdout.write("| what | seed | steps | bits per byte |\n| --- | --- | --- | --- |\n");
  const found = new Map(chosen.map((name) => [name, []]));
  for (let seed = 1; seed <= seeds; seed++) {
    for (const name of chosen) {
      const { steps, bitsPerByte } = sides[name](seed, { precision });
      found.get(name).push({ steps, bitsPerByte });
      process.stdout.write(`| ${name} | ${seed} | ${steps} | ${bitsPerByte.toFixed(3)} |\n`);
    }
  }
  for (const [name, runs] of found) {
    const [steps, bits] = [runs.map((run) => run.steps), runs.map((run) => run.bitsPerByte)].map(mean);
    process.stdout.write(`| ${name} | mean of ${runs.length} | ${Math.round(steps)} | ${bits.toFixed(3)} |\n`);
  }
} finally {
  rmSync(corpus, { recursive: true, force: true });
}
process.exit(0);
