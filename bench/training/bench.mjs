/**
 * Training steps of GPT-2 124M and of a small GPT, f32 and bf16: the share of the processor's peak that they reach, and of the time of
 * their matrix products; speed and peak memory against PyTorch; and our own code on TensorFlow, as built by test:tensorflow.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs training [--rows share-f32,large-f32,...] [--quick]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, hasModules, median, runScript } from "../peers.mjs";

const gpt2 = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257, maxPositions: 1024 };
const small = { numLayers: 4, hiddenSize: 256, numHeads: 4, vocabularySize: 8192, maxPositions: 256 };
const large = { name: "GPT-2 124M, S=512, B=2", model: gpt2, sequenceLength: 512, batchSize: 2 };
const little = { name: "4 layers, h=256, S=256, B=8", model: small, sequenceLength: 256, batchSize: 8 };

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

/** The step of one process, limited to an instruction set or not. */
const step = (options, isa) =>
  runScript(process.execPath, script("step.mjs"), options, { env: isa && { MEGATRON_ISA: isa } });

/** What its matrix products take alone, and the instruction sets that the processor has. */
const boundsOf = (options, isa) =>
  runScript(process.execPath, script("matrix-products.mjs"), options, { env: isa && { MEGATRON_ISA: isa } });

const sizes = ({ quick, threads, backend }) => ({ threads, backend, warmup: 2, steps: quick ? 1 : 3 });

/** The share of the peak, which is measured between the steps of the same process. */
function shareRow(shape, { used, isa, options }) {
  const { gigaflops, peakGigaflops } = step({ ...shape, ...options, steps: options.steps + 2, peak: true }, isa);
  return {
    what: `training step, ${shape.name}, ${shape.precision}, share of the processor's peak (${isa ? `MEGATRON_ISA=${isa}` : used})`,
    peer: "an unrolled loop",
    ours: gigaflops,
    theirs: peakGigaflops ?? undefined,
    unit: "GFLOP/s",
    ratio: peakGigaflops === null ? undefined : gigaflops / peakGigaflops,
    ...(shape.model === gpt2 && { atLeast: shares[shape.precision][used] }),
  };
}

/** The shares of the large step, with weaker instruction sets too, and what its products alone would take. */
const share = (precision) => (given) => {
  const options = sizes(given);
  const shape = { ...large, precision };
  const { tokensPerSecond, peakGigaflops, instructionSets } = boundsOf({ ...shape, ...options });
  if (peakGigaflops === null) return skipped(shape);
  const limit = process.env.MEGATRON_ISA;
  const used = limit ?? instructionSets.at(-1);
  const isWeaker = (isa) => !limit && isa !== used && instructionSets.includes(isa);
  return [
    shareRow(shape, { used, isa: limit, options }),
    ...weaker[precision].filter(isWeaker).map((isa) => shareRow(shape, { used: isa, isa, options })),
    {
      what: `the matrix products of that step alone, on warm memory, ${precision}`,
      ours: tokensPerSecond,
      unit: "tokens/s",
    },
  ];
};

const skipped = ({ name, precision }) => ({
  what: `training step, ${name}, ${precision}: skipped, this processor does not multiply ${precision}`,
  unit: "tokens/s",
});

/** A step against PyTorch's, and its peak memory where a model is large enough for it to matter. */
const againstPyTorch = (shape, atLeast) => (given) => {
  const { peerPython, quick } = given;
  const peer = hasModules(peerPython, "torch", "transformers");
  const options = { ...shape, ...sizes(given), ...(shape.model !== gpt2 && !quick && { steps: 20 }) };
  if (shape.precision === "bf16" && boundsOf({ ...options, model: small }).peakGigaflops === null)
    return skipped(shape);
  const { ours, theirs } = alternate(quick ? 1 : 3, {
    ours: () => step(options),
    theirs: peer ? () => runScript(peerPython, script("step.py"), options) : null,
  });
  const of = (results, field) => (results.length > 0 ? median(results.map((result) => result[field])) : undefined);
  const row = (what, field, { unit, scale = 1, ...target }) => {
    const [our, their] = [of(ours, field), of(theirs, field)];
    const peerName = peer ? "PyTorch, transformers" : "PyTorch, transformers: skipped, not found";
    const compared = { ours: our / scale, theirs: their && their / scale, ratio: their && our / their };
    return { what: `${what}, ${shape.name}, ${shape.precision}`, peer: peerName, unit, ...compared, ...target };
  };
  return [
    row("training step", "tokensPerSecond", { unit: "tokens/s", atLeast }),
    ...(shape.model === gpt2 ? [row("peak memory", "peakBytes", { unit: "GiB", scale: 2 ** 30, atMost: 0.8 })] : []),
  ];
};

/** The large step in f32 on the native backend against the same code on the tensorflow backend. */
function againstTensorflow(given) {
  const found = existsSync(join(tensorflow, "node_modules", "@tensorflow", "tfjs-node", "lib"));
  const options = { ...large, precision: "f32", ...sizes(given), warmup: 1, steps: given.quick ? 1 : 2 };
  const on = (backend) => () =>
    runScript(
      process.execPath,
      script("step.mjs"),
      { ...options, backend },
      { env: { MEGATRON_TENSORFLOW: tensorflow } },
    );
  const sides = { ours: on("native"), theirs: found ? on("tensorflow") : null };
  const { ours, theirs } = alternate(given.quick ? 1 : 3, sides);
  const of = (results) => (results.length > 0 ? median(results.map((result) => result.tokensPerSecond)) : undefined);
  const [our, their] = [of(ours), of(theirs)];
  return {
    what: `training step, ${large.name}, f32, on native`,
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

const onNative =
  (row) =>
  ({ peerPython, quick = false, threads = 2 }) =>
    row({ peerPython, quick, threads, backend: "native" });

/** About a quarter of an hour in all on two cores without AMX. */
export const rows = {
  "share-f32": onNative(share("f32")),
  "share-bf16": onNative(share("bf16")),
  "small-f32": onNative(againstPyTorch({ ...little, precision: "f32" }, 2)),
  "small-bf16": onNative(againstPyTorch({ ...little, precision: "bf16" }, 2.5)),
  "large-f32": onNative(againstPyTorch({ ...large, precision: "f32" }, 2.2)),
  "large-bf16": onNative(againstPyTorch({ ...large, precision: "bf16" }, 1.8)),
  tensorflow: onNative(againstTensorflow),
};
