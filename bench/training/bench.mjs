/**
 * Training steps of GPT-2 124M and of a small GPT, f32 and bf16, against PyTorch; peak memory; the share of the time spent in
 * matrix products, and the share of the processor's peak that it reaches; and our own code on TensorFlow, as built by test:tensorflow.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs training [--quick]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, hasModules, median, runScript } from "../peers.mjs";

const gpt2 = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257, maxPositions: 1024 };
const small = { numLayers: 4, hiddenSize: 256, numHeads: 4, vocabularySize: 8192, maxPositions: 256 };
const cases = [
  { name: "GPT-2 124M, S=512, B=2", model: gpt2, sequenceLength: 512, batchSize: 2, precision: "f32", atLeast: 2.2 },
  { name: "GPT-2 124M, S=512, B=2", model: gpt2, sequenceLength: 512, batchSize: 2, precision: "bf16", atLeast: 1.8 },
  {
    name: "4 layers, h=256, S=256, B=8",
    model: small,
    sequenceLength: 256,
    batchSize: 8,
    precision: "f32",
    atLeast: 2,
  },
  {
    name: "4 layers, h=256, S=256, B=8",
    model: small,
    sequenceLength: 256,
    batchSize: 8,
    precision: "bf16",
    atLeast: 2.5,
  },
];

const script = (name) => new URL(name, import.meta.url);

const tensorflow =
  process.env.MEGATRON_TENSORFLOW ?? fileURLToPath(new URL("../../.cache/tensorflow", import.meta.url));

/** The share of the processor's peak that the large step should reach. None is set for AMX in bf16. */
const shares = {
  f32: { avx2: 0.75, avx512: 0.8, "avx512-bf16": 0.8, "amx-bf16": 0.8 },
  bf16: { "avx512-bf16": 0.6 },
};
/** Instruction sets that are measured too where the processor has stronger ones. */
const weaker = { f32: ["avx512", "avx2"], bf16: ["avx512-bf16"] };

/** The share of the peak that a step of this speed reaches, as a row. */
function peakRow({ tokensPerSecond, bounds: { flopsPerToken, peakGigaflops }, isa, ...row }) {
  const reached = (tokensPerSecond * flopsPerToken) / 1e9;
  const name = { what: `the same, share of the processor's peak (${isa})`, peer: "an unrolled loop", unit: "GFLOP/s" };
  return { ...name, ours: reached, theirs: peakGigaflops, ratio: reached / peakGigaflops, ...row };
}

/** The large step limited to weaker instruction sets. */
function limitedRows({ precision, ...shape }, { instructionSets, rounds }) {
  if (process.env.MEGATRON_ISA) return [];
  return weaker[precision]
    .filter((isa) => instructionSets.includes(isa) && instructionSets.at(-1) !== isa)
    .map((isa) => {
      const side = (name) => () =>
        runScript(process.execPath, script(name), { ...shape, precision }, { env: { MEGATRON_ISA: isa } });
      const { ours } = alternate(rounds, { ours: side("step.mjs") });
      const tokensPerSecond = median(ours.map((result) => result.tokensPerSecond));
      const bounds = side("matrix-products.mjs")();
      return peakRow({ tokensPerSecond, bounds, isa: `MEGATRON_ISA=${isa}`, atLeast: shares[precision][isa] });
    });
}

/** The first case on `backend` against the same code on the tensorflow backend. */
function compareWithTensorflow({ quick, threads, backend }) {
  const [{ name, atLeast: _, ...shape }] = cases;
  const found = existsSync(join(tensorflow, "node_modules", "@tensorflow", "tfjs-node", "lib"));
  const options = { ...shape, threads, warmup: 1, steps: quick ? 1 : 3 };
  const side = (on) => () =>
    runScript(
      process.execPath,
      script("step.mjs"),
      { ...options, backend: on },
      { env: { MEGATRON_TENSORFLOW: tensorflow } },
    );
  const { ours, theirs } = alternate(quick ? 1 : 5, { ours: side(backend), theirs: found ? side("tensorflow") : null });
  const of = (results) => (results.length > 0 ? median(results.map((result) => result.tokensPerSecond)) : undefined);
  const [our, their] = [of(ours), of(theirs)];
  return {
    what: `training step, ${name}, ${shape.precision}, on ${backend}`,
    peer: found
      ? "our own code on tensorflow"
      : "our own code on tensorflow: skipped, not built (run npm run test:tensorflow)",
    ours: our,
    theirs: their,
    unit: "tokens/s",
    ratio: their && our / their,
    atLeast: 3,
  };
}

export async function run({ peerPython, quick = false, threads = 2, backend = "native" } = {}) {
  const peer = hasModules(peerPython, "torch", "transformers");
  const name = "PyTorch, transformers";
  const rows = [];
  for (const { name: what, atLeast, ...shape } of cases) {
    const large = shape.model === gpt2;
    const options = { ...shape, threads, backend, warmup: 2, steps: quick ? 3 : large ? 5 : 20 };
    const { ours, theirs } = alternate(quick ? 1 : 5, {
      ours: () => runScript(process.execPath, script("step.mjs"), options),
      theirs: peer ? () => runScript(peerPython, script("step.py"), options) : null,
    });
    const bounds = runScript(process.execPath, script("matrix-products.mjs"), options);
    const { tokensPerSecond: bound, peakGigaflops } = bounds;
    const of = (results, field) => (results.length > 0 ? median(results.map((result) => result[field])) : undefined);
    const speed = of(ours, "tokensPerSecond");
    const row = (label, field, better) => {
      const [our, their] = [of(ours, field), of(theirs, field)];
      return { our, their, ratio: their === undefined ? undefined : better(our, their), label };
    };
    const pace = row(`training step, ${what}, ${shape.precision}`, "tokensPerSecond", (our, their) => our / their);
    rows.push({
      what: pace.label,
      peer: peer ? name : `${name}: skipped, not found`,
      ours: pace.our,
      theirs: pace.their,
      unit: "tokens/s",
      ratio: pace.ratio,
      atLeast,
      note: `${((100 * speed) / bound).toFixed(0)} % of the speed of its matrix products alone (${bound.toFixed(0)} tokens/s)`,
    });
    if (peakGigaflops !== null) {
      const limit = process.env.MEGATRON_ISA;
      const used = limit ?? bounds.instructionSets.at(-1);
      const isa = limit ? `MEGATRON_ISA=${limit}` : used;
      rows.push(
        peakRow({ tokensPerSecond: speed, bounds, isa, ...(large && { atLeast: shares[shape.precision][used] }) }),
      );
    }
    if (!large) continue;
    rows.push(...limitedRows(options, { ...bounds, rounds: quick ? 1 : 5 }));
    const memory = row(`peak memory, ${what}, ${shape.precision}`, "peakBytes", (our, their) => our / their);
    rows.push({
      what: memory.label,
      peer: peer ? name : `${name}: skipped, not found`,
      ours: memory.our / 2 ** 30,
      theirs: memory.their && memory.their / 2 ** 30,
      unit: "GiB",
      ratio: memory.ratio,
      atMost: 0.8,
    });
  }
  rows.push(compareWithTensorflow({ quick, threads, backend }));
  return rows;
}
