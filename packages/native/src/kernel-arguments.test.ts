/**
 * Calls every native kernel with arguments that do not fit together: sizes that are negative, fractional or larger than
 * any memory, axes out of range, shapes and types at random. A call throws an Error, or returns tensors whose elements
 * are as many as their shapes say; and it leaks nothing.
 */
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "./addon.ts";
import type { NativeBackend } from "./backend.ts";
import { loadNative, nativeUnavailableReason } from "./index.ts";
import { sizeOf } from "./kernel.ts";
import { allKernels } from "./kernels/table.ts";

/** Calls per kernel. */
const CALLS = Number(process.env.MEGATRON_FUZZ_RUNS ?? 120);
const SEED = Number(process.env.MEGATRON_FUZZ_SEED ?? 1);

/** A call that a kernel takes: its inputs, or one of a list of them, and its attributes. The tests spoil parts of it. */
interface Signature {
  inputs: Record<string, [shape: number[], dtype?: Input["dtype"]]>;
  list?: boolean;
  attributes?: Record<string, unknown>;
}

const reduction: Signature = { inputs: { x: [[2, 3]] }, attributes: { axis: 1, keepDims: false } };
const truth: Signature = { inputs: { x: [[2, 3], "bool"] }, attributes: { axis: 1, keepDims: false } };
const unaryCall: Signature = { inputs: { x: [[2, 3]] } };
const binaryCall: Signature = { inputs: { a: [[2, 3]], b: [[3]] } };
const products = { transposeA: false, transposeB: false };
const heads: Signature["inputs"] = { q: [[2, 3, 2, 4]], k: [[2, 3, 2, 4]], v: [[2, 3, 2, 4]] };
const keyRanges: Signature["inputs"] = { keyRanges: [[2, 3, 2], "int32"] };
const saved: Signature["inputs"] = { dout: [[2, 3, 2, 4]], ...heads, out: [[2, 3, 2, 4]], logSumExp: [[2, 2, 3]] };
const general: Signature["inputs"] = {
  offsets: [[2], "int32"],
  blocks: [[1, 2], "int32"],
  masks: [[1, 64, 2], "int32"],
  bias: [[1, 2, 3, 3]],
  distanceBias: [[2, 5]],
  sinks: [[2]],
};
const attentionOptions = { scale: 0.5, dropout: null, layout: null };

const signatures: Record<string, Signature> = {
  ...Object.fromEntries(["ArgMax", "ArgMin", "Sum", "Mean", "Prod", "Max", "Min"].map((name) => [name, reduction])),
  Any: truth,
  All: truth,
  AddN: { inputs: { x: [[2, 3]] }, list: true },
  BatchMatMul: { inputs: { a: [[2, 3]], b: [[3, 2]] }, attributes: products },
  _FusedMatMul: {
    inputs: { a: [[2, 3]], b: [[3, 2]], bias: [[2]] },
    attributes: { ...products, activation: "relu" },
  },
  Cast: { inputs: { x: [[2, 3]] }, attributes: { dtype: "int32" } },
  ClipByValue: { inputs: { x: [[2, 3]] }, attributes: { clipValueMin: 0, clipValueMax: 1 } },
  Concat: { inputs: { x: [[2, 3]] }, list: true, attributes: { axis: 0 } },
  Cumsum: { inputs: { x: [[2, 3]] }, attributes: { axis: 1, exclusive: false, reverse: false } },
  ExpandDims: { inputs: { input: [[2, 3]] }, attributes: { dim: 0 } },
  Fill: { inputs: {}, attributes: { shape: [2, 3], value: 1, dtype: "float32" } },
  GatherV2: { inputs: { x: [[6, 4]], indices: [[3], "int32"] }, attributes: { axis: 0, batchDims: 0 } },
  LeakyRelu: { inputs: { x: [[2, 3]] }, attributes: { alpha: 0.1 } },
  LogSoftmax: { inputs: { logits: [[2, 3]] }, attributes: { axis: -1 } },
  OneHot: {
    inputs: { indices: [[3], "int32"] },
    attributes: { depth: 4, onValue: 1, offValue: 0, dtype: "float32" },
  },
  Pack: { inputs: { x: [[2, 3]] }, list: true, attributes: { axis: 0 } },
  PadV2: {
    inputs: { x: [[2, 3]] },
    attributes: {
      paddings: [
        [0, 1],
        [2, 0],
      ],
      constantValue: 0,
    },
  },
  Range: { inputs: {}, attributes: { start: 0, stop: 5, step: 1, dtype: "float32" } },
  Reshape: { inputs: { x: [[2, 3]] }, attributes: { shape: [3, 2] } },
  Reverse: { inputs: { x: [[2, 3]] }, attributes: { dims: [0] } },
  ScatterNd: { inputs: { indices: [[3, 1], "int32"], updates: [[3, 4]] }, attributes: { shape: [6, 4] } },
  Select: { inputs: { condition: [[2, 3], "bool"], t: [[2, 3]], e: [[2, 3]] } },
  Slice: { inputs: { x: [[2, 3]] }, attributes: { begin: [0, 1], size: [2, 2] } },
  Softmax: { inputs: { logits: [[2, 3]] }, attributes: { dim: 1 } },
  SplitV: { inputs: { x: [[2, 3]] }, attributes: { numOrSizeSplits: [1, 2], axis: 1 } },
  Step: { inputs: { x: [[2, 3]] }, attributes: { alpha: 0 } },
  Tile: { inputs: { x: [[2, 3]] }, attributes: { reps: [2, 1] } },
  TopK: { inputs: { x: [[2, 3]] }, attributes: { k: 2, sorted: true } },
  Transpose: { inputs: { x: [[2, 3]] }, attributes: { perm: [1, 0] } },
  Unpack: { inputs: { value: [[2, 3]] }, attributes: { axis: 0 } },
  UnsortedSegmentSum: { inputs: { x: [[3, 4]], segmentIds: [[3], "int32"] }, attributes: { numSegments: 2 } },
  MegatronAttention: { inputs: { ...heads, ...keyRanges }, attributes: attentionOptions },
  MegatronAttentionGradient: { inputs: { ...saved, ...keyRanges }, attributes: attentionOptions },
  MegatronGeneralAttention: { inputs: { ...heads, ...keyRanges, ...general }, attributes: attentionOptions },
  MegatronGeneralAttentionGradient: { inputs: { ...saved, ...keyRanges, ...general }, attributes: attentionOptions },
  MegatronAdamW: {
    inputs: { p0: [[2, 3]], g0: [[2, 3]], m0: [[2, 3]], v0: [[2, 3]] },
    attributes: {
      weightDecays: [0.1],
      learningRate: 0.1,
      beta1: 0.9,
      beta2: 0.9,
      epsilon: 0.1,
      step: 1,
      biasCorrection: true,
      gradientScale: 1,
    },
  },
  MegatronMuon: {
    inputs: { p0: [[2, 3]], g0: [[2, 3]], m0: [[2, 3]] },
    attributes: {
      rates: [0.1],
      decays: [0.9],
      momentum: 0.9,
      nesterov: true,
      cautious: false,
      epsilon: 0.1,
      precision: "f32",
      gradientScale: 1,
      steps: 5,
      coefficients: [3, -4, 2],
    },
  },
  MegatronMovingAverage: { inputs: { a0: [[2, 3]], x0: [[2, 3]] }, attributes: { decay: 0.9 } },
  MegatronSquaredReluGradient: { inputs: { dy: [[2, 3]], x: [[2, 3]] } },
  MegatronCacheAppend: {
    inputs: {
      cache: [[6, 4, 2, 3]],
      values: [[2, 1, 2, 3]],
      pageTable: [[2, 3], "int32"],
      positions: [[2], "int32"],
    },
  },
  MegatronCrossEntropy: { inputs: { logits: [[3, 6]], labels: [[3], "int32"] }, attributes: { smoothing: 0.1 } },
  MegatronCrossEntropyGradient: {
    inputs: { dloss: [[3]], logits: [[3, 6]], labels: [[3], "int32"], logSumExp: [[3]] },
    attributes: { smoothing: 0.1 },
  },
  MegatronDropout: {
    inputs: { x: [[2, 3]] },
    attributes: { rate: 0.5, key: [1, 2], origin: [0, 1], globalShape: [2, 6] },
  },
  MegatronEmbedding: { inputs: { ids: [[3], "int32"], table: [[6, 4]] } },
  MegatronEmbeddingGradient: { inputs: { ids: [[3], "int32"], dy: [[3, 4]] }, attributes: { vocabularySize: 6 } },
  MegatronGelu: { inputs: { x: [[2, 3]] }, attributes: { approximate: "tanh" } },
  MegatronGeluGradient: { inputs: { dy: [[2, 3]], x: [[2, 3]] }, attributes: { approximate: "erf" } },
  MegatronLayerNorm: { inputs: { x: [[2, 3]], gamma: [[3]], beta: [[3]] }, attributes: { epsilon: 0.1 } },
  MegatronLayerNormGradient: { inputs: { dy: [[2, 3]], x: [[2, 3]], gamma: [[3]], mean: [[2]], rstd: [[2]] } },
  MegatronLinear: { inputs: { x: [[2, 3]], weight: [[4, 3]], bias: [[4]] }, attributes: { activation: "none" } },
  MegatronLinearInputGradient: { inputs: { dy: [[2, 4]], weight: [[4, 3]] } },
  MegatronLinearWeightGradient: { inputs: { x: [[2, 3]], dy: [[2, 4]] } },
  MegatronRotary: {
    inputs: { x: [[1, 3, 2, 4]], cosines: [[1, 3, 2]], sines: [[1, 3, 2]] },
    attributes: { inverse: false },
  },
  MegatronRmsNorm: { inputs: { x: [[2, 3]], gamma: [[3]] }, attributes: { epsilon: 0.1 } },
  MegatronRmsNormGradient: { inputs: { dy: [[2, 3]], x: [[2, 3]], gamma: [[3]], rstd: [[2]] } },
  MegatronSumOfSquares: { inputs: { x: [[2, 3]] }, list: true },
  MegatronSumRows: { inputs: { x: [[2, 3]] } },
};

/** Numbers that are no sizes, or sizes that no memory holds; and small ones, so that some calls get far. */
const oddNumber = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -2, max: 5 }) },
  { weight: 2, arbitrary: fc.constantFrom(2 ** 46, 2 ** 53, 2 ** 60, 1e300, -(2 ** 50), -1e300, 0.5, 2.5, -0) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
);
const oddList = fc.array(oddNumber, { maxLength: 5 });
const oddDropout = fc.record({
  rate: oddNumber,
  key: fc.constant([1, 2]),
  origin: fc.array(oddNumber, { minLength: 3, maxLength: 5 }),
  globalShape: fc.array(oddNumber, { minLength: 3, maxLength: 5 }),
});

const attributeOf: Record<string, fc.Arbitrary<unknown>> = {
  activation: fc.constantFrom<unknown>("none", "relu", "gelu-tanh", "linear", "prelu", "no such one"),
  approximate: fc.constantFrom("tanh", "erf"),
  axis: fc.oneof(oddNumber, oddList),
  dropout: fc.oneof(fc.constant(null), oddDropout),
  dtype: fc.constantFrom("float32", "int32", "bool", "no such one"),
  key: fc.constant([1, 2]),
  precision: fc.constantFrom("f32", "bf16"),
  ...Object.fromEntries(["rates", "decays", "coefficients"].map((n) => [n, oddList])),
  numOrSizeSplits: fc.oneof(oddNumber, oddList),
  paddings: fc.array(fc.array(oddNumber, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
  ...Object.fromEntries(
    ["keepDims", "transposeA", "transposeB", "exclusive", "reverse", "nesterov", "cautious"].map((n) => [
      n,
      fc.boolean(),
    ]),
  ),
  ...Object.fromEntries(
    ["shape", "dims", "begin", "size", "reps", "perm", "origin", "globalShape", "weightDecays"].map((n) => [
      n,
      oddList,
    ]),
  ),
};

interface Input {
  shape: number[];
  dtype: "float32" | "int32" | "bool";
  seed: number;
}

const size = fc.integer({ min: 0, max: 4 });
const shape = fc.oneof(
  fc.array(size, { maxLength: 5 }),
  // Likely to fit together.
  fc.constantFrom<number[]>([2, 3], [3], [2], [2, 2, 2, 2], [2, 3, 2, 4], [2, 3, 2], [6, 4]),
);
const input: fc.Arbitrary<Input> = fc.record({
  shape,
  dtype: fc.constantFrom("float32", "float32", "int32", "bool"),
  seed: fc.nat(),
});

/** Small numbers; of those of odd inputs a few are no index of anything. */
function valuesOf({ shape, dtype, seed }: Input): Float32Array | Int32Array | Uint8Array {
  const length = sizeOf(shape);
  const at = (i: number) => (seed === 1 ? i % 2 : ((i * 7919 + seed) % 7) - 1);
  if (dtype === "bool") return Uint8Array.from({ length }, (_, i) => at(i) & 1);
  return dtype === "int32"
    ? Int32Array.from({ length }, (_, i) => at(i))
    : Float32Array.from({ length }, (_, i) => at(i));
}

const found = loadAddon();
const kernels = "reason" in found ? {} : allKernels(found.addon);
const binary = new Set("reason" in found ? [] : [...found.addon.binaryKernels(), ...found.addon.comparisonKernels()]);

const signatureOf = (name: string) => signatures[name] ?? (binary.has(name) ? binaryCall : unaryCall);

/** Something that fits, or something that most often does not. */
const spoiled = <T>(fitting: T, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(fitting) }, { weight: 1, arbitrary: odd });

function callsOf({ inputs, list, attributes = {} }: Signature) {
  const fitting = Object.values(inputs).map(([shape, dtype = "float32"]) => spoiled({ shape, dtype, seed: 1 }, input));
  return fc.tuple(
    list ? fc.array(fitting[0]!, { maxLength: 3 }) : fc.tuple(...fitting),
    fc.record(
      Object.fromEntries(
        Object.entries(attributes).map(([key, value]) => [key, spoiled(value, attributeOf[key] ?? oddNumber)]),
      ),
    ),
  );
}

describe.skipIf(nativeUnavailableReason())("odd arguments", () => {
  let backend: NativeBackend;

  beforeAll(async () => {
    await loadNative({ threads: 2 });
    backend = tf.backend() as NativeBackend;
  });

  it.each(Object.keys(kernels))("%s throws or returns what its shapes say", (name) => {
    const signature = signatureOf(name);
    const kernel = tf.getKernel(name, "native").kernelFunc;
    let returned = 0;
    const property = fc.property(callsOf(signature), ([given, attrs]) => {
      const before = backend.engine.memory().inUse;
      const tensors = given.map((one) => ({ ...one, dataId: backend.write(valuesOf(one), one.shape, one.dtype) }));
      const names = Object.keys(signature.inputs);
      const named = signature.list ? tensors : Object.fromEntries(names.map((key, i) => [key, tensors[i]] as const));
      let outputs: tf.TensorInfo[] = [];
      try {
        outputs = [kernel({ inputs: named as tf.NamedTensorInfoMap, attrs: attrs as tf.NamedAttrMap, backend })].flat();
        returned++;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      for (const { dataId, shape, dtype } of outputs) {
        expect(shape.every((size) => Number.isInteger(size) && size >= 0)).toBe(true);
        const { length } = backend.readSync(dataId) as ArrayLike<number>;
        expect(length === sizeOf(shape), `${name}: ${length} elements of ${dtype} for [${shape}]`).toBe(true);
      }
      for (const { dataId } of [...outputs, ...tensors]) backend.disposeData(dataId);
      expect(backend.engine.memory().inUse, `${name} leaks`).toBe(before);
    });
    fc.assert(property, { numRuns: signatures[name] ? CALLS : Math.ceil(CALLS / 5), seed: SEED });
    expect(returned, "calls that got through").toBeGreaterThan(0);
  });
});
