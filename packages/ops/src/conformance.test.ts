/** The suites themselves: the references pass them, and every kernel made wrong on purpose turns its suite red. */
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ConformanceCase, conformanceSuites } from "./conformance.ts";

type KernelFunction = tf.KernelConfig["kernelFunc"];
type Call = Parameters<KernelFunction>[0];

interface Mutant {
  suite: string;
  kernel: string;
  wrong: string;
  mutate: (original: KernelFunction) => KernelFunction;
}

const withAttributes =
  (change: (attributes: Record<string, unknown>) => Record<string, unknown>) =>
  (original: KernelFunction): KernelFunction =>
  (call) => {
    const attributes = call.attrs as unknown as Record<string, unknown>;
    return original({ ...call, attrs: { ...attributes, ...change(attributes) } as unknown as Call["attrs"] });
  };

/** The kernel with one of its outputs a thousandth too large. */
const withOutputScaled =
  (index: number) =>
  (original: KernelFunction): KernelFunction =>
  (call) => {
    const result = original(call);
    const outputs = [result].flat() as tf.Tensor[];
    const scaled = outputs.map((output, i) => (i === index ? tf.mul(output, 1.001) : output));
    outputs[index]!.dispose();
    return Array.isArray(result) ? scaled : scaled[0]!;
  };

const outputs: [suite: string, kernel: string, count: number][] = [
  ["linear", "MegatronLinear", 1],
  ["linear", "MegatronLinearInputGradient", 1],
  ["linear", "MegatronLinearWeightGradient", 1],
  ["linear", "MegatronSumRows", 1],
  ["layerNorm", "MegatronLayerNorm", 1],
  ["layerNorm", "MegatronLayerNormGradient", 3],
  ["rmsNorm", "MegatronRmsNorm", 1],
  ["rmsNorm", "MegatronRmsNormGradient", 2],
  ["rotary", "MegatronRotary", 1],
  ["gelu", "MegatronGelu", 1],
  ["gelu", "MegatronGeluGradient", 1],
  ["squaredRelu", "MegatronSquaredRelu", 1],
  ["squaredRelu", "MegatronSquaredReluGradient", 1],
  ["embedding", "MegatronEmbedding", 1],
  ["embedding", "MegatronEmbeddingGradient", 1],
  ["dropout", "MegatronDropout", 1],
  ["attention", "MegatronAttention", 2],
  ["attention", "MegatronAttentionGradient", 3],
  ["attention by layout", "MegatronGeneralAttention", 2],
  ["attention by layout", "MegatronGeneralAttentionGradient", 6],
  ["crossEntropy", "MegatronCrossEntropy", 2],
  ["crossEntropy", "MegatronCrossEntropyGradient", 1],
  ["sumOfSquares", "MegatronSumOfSquares", 1],
];

const swapped = (dropout: unknown) => {
  const { key, ...rest } = dropout as { key: [number, number] };
  return { ...rest, key: [key[1], key[0]] };
};

const mutants: Mutant[] = [
  ...outputs.flatMap(([suite, kernel, count]) =>
    Array.from({ length: count }, (_, i) => ({ suite, kernel, wrong: `output ${i}`, mutate: withOutputScaled(i) })),
  ),
  ...(
    [
      ["linear", "MegatronLinear", "no activation", () => ({ activation: "none" })],
      ["layerNorm", "MegatronLayerNorm", "a doubled epsilon", ({ epsilon }) => ({ epsilon: 2 * (epsilon as number) })],
      ["rmsNorm", "MegatronRmsNorm", "a doubled epsilon", ({ epsilon }) => ({ epsilon: 2 * (epsilon as number) })],
      ["gelu", "MegatronGelu", "tanh for erf", () => ({ approximate: "tanh" })],
      ["gelu", "MegatronGeluGradient", "tanh for erf", () => ({ approximate: "tanh" })],
      ["dropout", "MegatronDropout", "another key", (attributes) => swapped(attributes)],
      ["dropout", "MegatronDropout", "no origin", ({ origin }) => ({ origin: (origin as number[]).map(() => 0) })],
      ["attention", "MegatronAttention", "no dropout", () => ({ dropout: null })],
      ["attention", "MegatronAttention", "a scale of 1", () => ({ scale: 1 })],
      ["attention", "MegatronAttentionGradient", "a scale of 1", () => ({ scale: 1 })],
      ["attention by layout", "MegatronGeneralAttention", "no dropout", () => ({ dropout: null })],
      ["attention by layout", "MegatronGeneralAttention", "a scale of 1", () => ({ scale: 1 })],
      ["attention by layout", "MegatronGeneralAttention", "no layout", () => ({ layout: null })],
      [
        "attention",
        "MegatronAttentionGradient",
        "dropout by another key",
        ({ dropout }) => ({ dropout: dropout ? swapped(dropout) : null }),
      ],
      [
        "adamW",
        "MegatronAdamW",
        "no decay",
        ({ weightDecays }) => ({ weightDecays: (weightDecays as []).map(() => 0) }),
      ],
      ["adamW", "MegatronAdamW", "always corrected", () => ({ biasCorrection: true })],
      ["adamW", "MegatronAdamW", "unscaled gradients", () => ({ gradientScale: 1 })],
      ["adamW", "MegatronAdamW", "a step too few", ({ step }) => ({ step: (step as number) + 1 })],
      ["adamW", "MegatronAdamW", "no epsilon", () => ({ epsilon: 0 })],
      ["muon", "MegatronMuon", "no decay", ({ decays }) => ({ decays: (decays as []).map(() => 1) })],
      ["muon", "MegatronMuon", "rates of no shape", ({ rates }) => ({ rates: (rates as []).map(() => 0.02) })],
      ["muon", "MegatronMuon", "a step too few", () => ({ steps: 4 })],
      ["muon", "MegatronMuon", "always Nesterov", () => ({ nesterov: true })],
      ["muon", "MegatronMuon", "never cautious", () => ({ cautious: false })],
      ["muon", "MegatronMuon", "unscaled gradients", () => ({ gradientScale: 1 })],
      ["muon", "MegatronMuon", "no epsilon", () => ({ epsilon: 0 })],
      ["movingAverage", "MegatronMovingAverage", "another decay", ({ decay }) => ({ decay: 0.99 * (decay as number) })],
    ] as [string, string, string, Parameters<typeof withAttributes>[0]][]
  ).map(([suite, kernel, wrong, change]) => ({ suite, kernel, wrong, mutate: withAttributes(change) })),
  { suite: "cacheAppend", kernel: "MegatronCacheAppend", wrong: "nothing written", mutate: () => () => [] },
  {
    suite: "crossEntropy",
    kernel: "MegatronCrossEntropy",
    wrong: "a leak",
    mutate: (original) => (call) => {
      tf.keep(tf.zeros([1]));
      return original(call);
    },
  },
  {
    suite: "attention",
    kernel: "MegatronAttention",
    wrong: "every key visible",
    mutate: (original) => (call) => {
      const { keyRanges, ...inputs } = call.inputs as Record<string, tf.Tensor>;
      const all = tf.tile(tf.tensor3d([[[0, 1e6]]], undefined, "int32"), [
        keyRanges!.shape[0]!,
        keyRanges!.shape[1]!,
        1,
      ]);
      const result = original({ ...call, inputs: { ...inputs, keyRanges: all } });
      all.dispose();
      return result;
    },
  },
];

const suiteOf = (name: string) => conformanceSuites.find((suite) => suite.name === name)!;

/** Milliseconds of each case when it last passed: one that fails is found sooner among the shortest. */
const durations = new Map<ConformanceCase, number>();

/** A case of the suite that fails, with what it says. */
function findFailure(name: string): string | null {
  const cases = [...suiteOf(name).cases].sort((a, b) => (durations.get(a) ?? 0) - (durations.get(b) ?? 0));
  for (const each of cases) {
    const start = performance.now();
    try {
      each.check({ precision: "f32" });
    } catch (error) {
      return `${each.name}: ${(error as Error).message}`;
    }
    durations.set(each, performance.now() - start);
  }
  return null;
}

function replaceKernel(kernelName: string, kernelFunc: KernelFunction): void {
  tf.unregisterKernel(kernelName, "cpu");
  tf.registerKernel({ kernelName, backendName: "cpu", kernelFunc });
}

beforeAll(async () => {
  tf.enableProdMode();
  await tf.setBackend("cpu");
});

const restore: (() => void)[] = [];
afterEach(() => {
  for (const undo of restore.splice(0)) undo();
});

describe("the references", () => {
  it.each([...new Set(mutants.map(({ suite }) => suite))])("pass the suite of %s", (suite) => {
    expect(findFailure(suite)).toBeNull();
  });
});

describe("a kernel made wrong on purpose turns its suite red", () => {
  it.each(mutants)("$kernel with $wrong", ({ suite, kernel, mutate }) => {
    const original = tf.getKernel(kernel, "cpu").kernelFunc;
    restore.push(() => replaceKernel(kernel, original));
    replaceKernel(kernel, mutate(original));
    tf.engine().startScope();
    const failure = findFailure(suite);
    tf.engine().endScope();
    expect(failure).not.toBeNull();
  });
});
