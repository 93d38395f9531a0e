/** Layouts by configuration, in the stacks of every family: who sees whom, how far it reaches, and decoding with a cache. */
import { compileLayout, coverageOf, createLayout, type KeyValueCache, type LayoutConfig } from "@megatron-ts/attention";
import { start } from "@megatron-ts/engine";
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createModel, describeModel, modelConfigSchema } from "./index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const vocabularySize = 23;
const sizes = { numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize, dropout: 0, attentionDropout: 0 };
/** Larger weights than a fresh model's, so that who sees whom shows in the values. */
const wide = { ...sizes, initializerRange: 0.5 };
const places = { maxPositions: 64 };
const weights = { weights: { seed: 1 } };
const memoryOf = (batch: number) => tf.ones([batch, 2, sizes.hiddenSize]);

type Run = (tokens: tf.Tensor, options?: { cache?: KeyValueCache | null }) => tf.Tensor;
interface Stack {
  run: Run;
  createCache?: (options: { batchSize: number; capacity: number }) => KeyValueCache;
  dispose(): void;
}

/** A stack of each family with a field `attention`; those of decoders are causal. */
const stacks: Record<string, { causal: boolean; open: (own: object) => Stack }> = {
  gpt: { causal: true, open: (own) => openCausal({ ...wide, ...places, ...own }) },
  "gpt, rotary": {
    causal: true,
    open: (own) => openCausal({ ...wide, ...places, positions: "rotary", numKeyValueHeads: 1, ...own }),
  },
  "gpt, capped scores": { causal: true, open: (own) => openCausal({ ...wide, ...places, attentionCap: 3, ...own }) },
  bert: {
    causal: false,
    open(own) {
      const model = createModel({ family: "bert", ...wide, ...places, ...own }, weights);
      return { run: (tokens) => model.forward({ tokens }).hidden, dispose: model.dispose };
    },
  },
  "t5's encoder": { causal: false, open: (own) => openT5(own).encoder },
  "t5's decoder": { causal: true, open: (own) => openT5(own).decoder },
  "an encoder-decoder's encoder": { causal: false, open: (own) => openPair(own).encoder },
  "an encoder-decoder's decoder": { causal: true, open: (own) => openPair(own).decoder },
  "its decoder with relative distances": {
    causal: true,
    open: (own) => openPair({ normPlacement: "post", relativeDistances: true, ...own }).decoder,
  },
  xlnet: {
    causal: false,
    open(own) {
      const model = createModel({ family: "xlnet", ...wide, ...own }, weights);
      return { run: (tokens) => model.forward({ tokens }).hidden, dispose: model.dispose };
    },
  },
};

function openCausal(config: object): Stack {
  const model = createModel({ family: "gpt", ...wide, ...places, ...config }, weights);
  return { run: (tokens, options) => model.forward({ tokens }, options).hidden, ...model };
}

function openT5(own: object) {
  const model = createModel({ family: "t5", ...sizes, initializerFactor: 1.5, ...own }, weights);
  return sidesOf(model);
}

function openPair(own: object) {
  const model = createModel({ family: "encoder-decoder", ...wide, ...places, ...own }, weights);
  return sidesOf(model);
}

function sidesOf(
  model:
    | ReturnType<typeof createModel<{ family: "t5" } & typeof sizes>>
    | ReturnType<typeof createModel<{ family: "encoder-decoder" } & typeof sizes & typeof places>>,
) {
  const encoder: Stack = { run: (tokens) => model.encode({ tokens }).hidden, dispose: model.dispose };
  const decoder: Stack = {
    run: (tokens, options) =>
      model.forward({ tokens, memory: memoryOf(tokens.shape[0]!) }, options as Parameters<typeof model.forward>[1])
        .hidden,
    createCache: model.createCache,
    dispose: model.dispose,
  };
  return { encoder, decoder };
}

const layouts: LayoutConfig[] = [
  { layout: "local", window: 3 },
  { layout: "local", window: 3, globalTokens: [0, 5] },
  { layout: "local-blocks", blockSize: 2 },
  { layout: "fixed", blockSize: 1, globalPatterns: 2 },
  { layout: "strided", stride: 3 },
  { layout: "variable", blockSize: 2, localBlocks: [1, 2], randomBlocks: 1, seed: 4 },
  { layout: "bigbird", blockSize: 1, perHead: true },
  { layout: "bslongformer", blockSize: 2 },
  { layout: "dilated", window: 3 },
  { layout: "local", window: [4, 3] },
];

const textOf = (length: number, shift = 3) => Array.from({ length }, (_, i) => (i * 7 + shift) % vocabularySize);
const row = (tokens: readonly number[]) => tf.tensor2d(Int32Array.from(tokens), [1, tokens.length], "int32");
const statesOf = ({ run }: Stack, tokens: readonly number[]) =>
  tf.tidy(() => (run(row(tokens)).arraySync() as number[][][])[0]!);

/** For each token, which tokens' states change, exactly, with it: every row of a batch has another one changed. */
function influences({ run }: Stack, length: number): boolean[][] {
  const tokens = textOf(length);
  const rows = tokens.map((token, changed) => tokens.with(changed, (token + 5) % vocabularySize));
  const states = tf.tidy(() => run(tf.tensor2d([tokens, ...rows], undefined, "int32")).arraySync()) as number[][][];
  const [before, ...after] = states as [number[][], ...number[][][]];
  return after.map((row) => row.map((state, i) => state.some((value, j) => value !== before[i]![j])));
}

const named = Object.entries(stacks);
const cases = named.flatMap(([name, stack]) =>
  layouts.map((attention) => [`${name}, ${JSON.stringify(attention)}`, { ...stack, attention }] as const),
);

describe("attention by configuration", () => {
  it.each(cases)("%s: a token sees what its layout shows", (_, { causal, open, attention }) => {
    const length = 11;
    const stack = open({ attention });
    const layout = createLayout(attention, { causal, length: 64 });
    const seed = "seed" in attention ? attention.seed : 0;
    const lists = compileLayout(layout, { length, numHeads: 2, seed });
    const heads = [0, 1].map((head) => coverageOf(lists, { head, maxCells: length }).cells);
    const expected = Array.from({ length }, (_, key) =>
      Array.from({ length }, (_, query) => query === key || heads.some((cells) => cells[query]![key] === 1)),
    );
    expect(influences(stack, length)).toEqual(expected);
    stack.dispose();
  });

  it.each(named)("%s: layers take turns", (_, { causal, open }) => {
    const length = 6;
    const stack = open({ numLayers: 3, attention: { layout: "local", window: 1, layers: ["local", "dense"] } });
    const all = Array.from({ length }, (_, key) => Array.from({ length }, (_, query) => !causal || query >= key));
    expect(influences(stack, length)).toEqual(all);
    stack.dispose();
    const alone = open({ numLayers: 3, attention: { layout: "local", window: 1, layers: ["local"] } });
    expect(influences(alone, length)).toEqual(all.map((seen, key) => seen.map((_, query) => query === key)));
    alone.dispose();
  });

  it.each([1, 2, 3])(
    "a token reaches exactly %i x (window - 1) ahead, or everything by a global token",
    (numLayers) => {
      const [length, window] = [24, 4];
      const reach = (attention: LayoutConfig) => {
        const stack = stacks.gpt!.open({ numLayers, attention });
        const reached = influences(stack, length)[8]!.lastIndexOf(true) - 8;
        stack.dispose();
        return reached;
      };
      expect(reach({ layout: "local", window })).toBe(numLayers * (window - 1));
      expect(reach({ layout: "dilated", window, dilation: 2 })).toBe(Math.min(numLayers * 2 * (window - 1), 14));
      expect(reach({ layout: "local", window, globalTokens: [8] })).toBe(15);
      // A later global token passes on what it sees, one layer after it saw it.
      expect(reach({ layout: "local", window, globalTokens: [10] })).toBe(numLayers === 1 ? 3 : 15);
    },
  );

  it("a recomputed forward has the same gradients, and the model frees its layouts", () => {
    const before = tf.memory().numTensors;
    const attention: LayoutConfig = { layout: "bigbird", blockSize: 4, seed: 2 };
    const model = createModel({ family: "gpt", ...wide, ...places, numLayers: 2, attention }, weights);
    const parameters = [...model.parameters.values()].map(({ tensor }) => tensor);
    const tokens = row(textOf(30));
    const gradients = (["none", "full"] as const).map((recompute) => {
      const { outputs, pullback } = vjp(() => [model.forward({ tokens }, { recompute }).hidden], [], { parameters });
      const ones = tf.onesLike(outputs[0]!);
      const found = pullback([ones]).parameters.map((gradient) => gradient!.dataSync().slice());
      tf.dispose([outputs, ones]);
      return found;
    });
    expect(gradients[1]).toEqual(gradients[0]);
    tf.dispose(tokens);
    model.dispose();
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(2 * parameters.length);
  });
});

describe("attention by configuration, decoded with a cache", () => {
  const decoders = cases.filter(
    ([, { causal, attention }], i) => causal && (i % 2 === 0 || attention.layout === "local"),
  );

  it.each(decoders)("%s: is the full forward, past ten windows, for rows of any lengths", (_, { open, attention }) => {
    const stack = open({ numLayers: 2, attention });
    const texts = [textOf(34), textOf(34, 11)];
    const whole = texts.map((text) => statesOf(stack, text));
    const cache = stack.createCache!({ batchSize: 2, capacity: 40 });
    const fed = [0, 0];
    let furthest = 0;
    // Rows get different numbers of tokens; a row that gets fewer is padded.
    for (const counts of [[4, 1], [0, 3], ...Array.from({ length: 30 }, () => [1, 1])]) {
      const width = Math.max(...counts);
      const tokens = texts.map((text, i) =>
        textOf(width).map((other, t) => (t < counts[i]! ? text[fed[i]! + t]! : other)),
      );
      const states = tf.tidy(() =>
        stack.run(tf.tensor2d(tokens, [2, width], "int32"), { cache }).arraySync(),
      ) as number[][][];
      for (const [i, count] of counts.entries()) {
        const expected = whole[i]!.slice(fed[i], fed[i]! + count).flat();
        const found = states[i]!.slice(0, count).flat();
        furthest = Math.max(furthest, ...found.map((value, j) => Math.abs(value - expected[j]!)));
        fed[i]! += count;
      }
      cache.advance(counts);
    }
    expect(fed).toEqual([34, 34]);
    expect(furthest).toBeLessThan(1e-4);
    cache.dispose();
    stack.dispose();
  });
});

describe("describeModel", () => {
  it("counts a window that all layers have", () => {
    const config = { family: "bert", ...wide, ...places, attention: { layout: "local", window: 8 } } as const;
    const [layers] = describeModel(modelConfigSchema.parse(config)).layers;
    expect(layers!.attention.window).toEqual({ before: 4, after: 4 });
  });
});

describe("attention in a configuration is refused", () => {
  const base = { family: "gpt", ...sizes, maxPositions: 32 } as const;
  it.each<[string, object, RegExp]>([
    [
      "with a global token out of range",
      { attention: { layout: "local", globalTokens: [32] } },
      /globalTokens: token 32/,
    ],
    ["with a window of zero", { attention: { layout: "local", window: 0 } }, /window/],
    ["with a block size that the kernel cannot take", { attention: { layout: "fixed", blockSize: 24 } }, /blockSize/],
    ["beside attentionWindow", { attention: { layout: "local" }, attentionWindow: 3 }, /not both/],
    ["with a layer of another layout", { attention: { layout: "local", layers: ["local", "fixed"] } }, /layers/],
    ["where it needs both sides", { attention: { layout: "bigbird", lastGlobal: true } }, /lastGlobal/],
  ])("%s", (_, own, message) => {
    const { success, error } = modelConfigSchema.safeParse({ ...base, ...own });
    expect(success).toBe(false);
    expect(JSON.stringify(error?.issues)).toMatch(message);
  });
});
