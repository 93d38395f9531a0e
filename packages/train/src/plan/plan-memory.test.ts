/**
 * Plans beside the native backend: the planned step of every family and objective is taken there too, and the peaks must be equal
 * to the byte; and a run on real text must reach the peak that was planned.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadMemoryCounter, start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { completeModel, type PretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { ConfigError } from "../errors.ts";
import type { MemoryUse } from "../run/events.ts";
import { pretrain } from "../run/pretrain.ts";
import { writeCorpus } from "../testing/corpus.ts";
import { type CountMemory, planStep } from "./plan-memory.ts";
import { standInTokenizer } from "./stand-in-tokenizer.ts";

interface NativeBackend {
  engine: { trim(): void; memory(): { inUse: number; peak: number } };
}

const tokenizer = standInTokenizer(300);
let count: CountMemory;
let isNative: boolean;
beforeAll(async () => {
  count = await loadMemoryCounter();
  isNative = (await start({ threads: 1 })).backend === "native";
});

const small = { numLayers: 2, hiddenSize: 32, numHeads: 2 };
const attention = { layout: "local", window: 8 };
const [gpt, bert] = [
  { family: "gpt", ...small, maxPositions: 64 },
  { family: "bert", ...small, maxPositions: 64, heads: { pooler: false, languageModel: true, pair: false } },
];

/** Model, objective and what else differs from a plain step of two rows. */
const cases: Record<string, { model: object; train?: object; precision?: string; parallel?: object }> = {
  GPT: { model: gpt },
  "GPT in bf16": { model: gpt, precision: "bf16" },
  "GPT with dropout, accumulating": {
    model: { ...gpt, dropout: 0.1, attentionDropout: 0.1 },
    train: { batchSize: 5 },
  },
  "GPT with a window, selectively": { model: { ...gpt, attention }, train: { recompute: "selective" } },
  "GPT with a window in bf16, fully": {
    model: { ...gpt, attention },
    train: { recompute: "full" },
    precision: "bf16",
  },
  "GPT, every third block": { model: { ...gpt, numLayers: 7 }, train: { recompute: { every: 3 } } },
  "GPT by Muon, averaged": {
    model: gpt,
    train: { optimizer: { name: "muon", learningRate: 0.02, adamw: { learningRate: 1e-3 } }, weightAverage: {} },
  },
  Llama: {
    model: { ...gpt, norm: "rms", positions: "rotary", gatedFeedForward: true, numKeyValueHeads: 1 },
    precision: "bf16",
  },
  BERT: { model: bert },
  "BERT with next sentences": {
    model: { ...bert, heads: { pooler: true, languageModel: true, pair: true } },
    train: { objective: { name: "masked", pairs: "next-sentence" }, recompute: "selective" },
    precision: "bf16",
  },
  XLNet: { model: { family: "xlnet", ...small }, train: { recompute: "full" } },
  T5: { model: { family: "t5", ...small }, precision: "bf16" },
  "an encoder-decoder on a mixture": {
    model: {
      family: "encoder-decoder",
      ...small,
      maxPositions: 64,
      numTokenTypes: 2,
      pairHead: true,
      attentionWindow: 16,
    },
    train: {
      objective: {
        name: "mixed",
        parts: [
          { weight: 1, objective: { name: "masked", pairs: "next-sentence" } },
          { weight: 1, objective: { name: "permutation" } },
        ],
      },
    },
  },
  "an encoder-decoder on pairs": {
    model: { family: "encoder-decoder", ...small, maxPositions: 64 },
    train: { objective: { name: "source-target" }, recompute: "full" },
  },
  "GPT with a third of the optimizer's state": {
    model: gpt,
    train: { batchSize: 12 },
    parallel: { data: 3, distributedOptimizer: true },
  },
  "GPT, half of it": { model: gpt, parallel: { tensor: 2 }, precision: "bf16" },
};

function configure({ model, train, precision = "f32", parallel = {} }: (typeof cases)[string]): PretrainConfig {
  return pretrainConfigSchema.parse({
    model,
    data: { tokenizer: "none", train: "none", sequenceLength: 48 },
    train: { optimizer: { name: "adamw", learningRate: 1e-3 }, steps: 3, batchSize: 2, microBatchSize: 2, ...train },
    engine: { precision },
    parallel,
    run: { directory: "none" },
  });
}

/** Runs on the native backend itself, which counts what it takes. */
const measure: CountMemory = (f) => {
  const { engine } = tf.backend() as unknown as NativeBackend;
  engine.trim();
  const before = engine.memory().inUse;
  const usage = () => {
    const { inUse, peak } = engine.memory();
    return { inUse: inUse - before, peak: peak - before, peakAt: 0 };
  };
  tf.engine().startScope();
  try {
    return f({ usage, sizeOf: ({ size }) => ({ bytes: 4 * size, madeAt: 0 }) });
  } finally {
    tf.engine().endScope();
    tf.disposeVariables();
  }
};

const plan = (configuration: PretrainConfig, by: CountMemory) =>
  planStep(configuration, { model: completeModel(configuration.model, tokenizer), tokenizer, count: by });

describe("planStep", () => {
  it.each(Object.keys(cases))("counts what the native backend takes: %s", (name) => {
    if (!isNative) return;
    const configuration = configure(cases[name]!);
    const { memory } = plan(configuration, count);
    expect(memory.peak).toBe(plan(configuration, measure).memory.peak);
    const { weights, gradients, optimizer, activations, peak } = memory;
    expect(weights + gradients + optimizer + activations).toBe(peak);
  });

  it("divides the bytes by what they are for", () => {
    // AdamW's two moments; a whole set of gradients is held when the second micro-batch runs.
    const { memory, parameters } = plan(configure({ model: { ...gpt, numLayers: 3 }, train: { batchSize: 4 } }), count);
    expect(memory.weights / (4 * parameters)).toBeCloseTo(1, 1);
    expect(memory.optimizer).toBe(2 * memory.weights);
    expect(memory.gradients).toBeGreaterThanOrEqual(memory.weights);
    expect(memory.activations).toBeGreaterThan(0);
  });

  it("plans large models in no time and memory", () => {
    const before = process.memoryUsage().rss;
    const { memory, parameters } = plan(configure({ model: { preset: "megatron-gpt-8.3b" } }), count);
    expect(parameters).toBe(8_317_040_640);
    expect(memory.peak).toBeGreaterThan(16 * parameters);
    expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  });

  it("extrapolates large micro-batches", () => {
    const peaks = [300, 600, 2400].map((rows) => {
      const train = { batchSize: rows, microBatchSize: rows };
      return plan(configure({ model: gpt, train }), count).memory.peak;
    });
    expect((peaks[2]! - peaks[1]!) / (6 * (peaks[1]! - peaks[0]!))).toBeCloseTo(1, 3);
  });

  it("refuses what no run could train", () => {
    const unused = { ...bert, heads: { pooler: true, languageModel: true, pair: true } };
    expect(() => plan(configure({ model: unused, train: { objective: { name: "masked" } } }), count)).toThrow(
      ConfigError,
    );
    expect(() => plan(configure({ model: gpt, parallel: { tensor: 3 } }), count)).toThrow(/divisible by 3|3 ranks/);
  });
});

describe("a run", () => {
  const directory = mkdtempSync(join(tmpdir(), "megatron-plan-test-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Bytes of a run on real text, and of its plan. */
  async function runAndPlan(run: string, { precision, distill }: { precision?: string; distill?: object } = {}) {
    const documents = Array.from({ length: 40 }, (_, i) => [`Text number ${i} of forty, with some words in it. `]);
    const { tokenizer } = await writeCorpus(join(directory, "corpus"), { documents });
    const train = { evaluation: null, batchSize: 4 };
    const recipe = configure({ model: { ...gpt, hiddenSize: 64 }, train, precision });
    const configuration = pretrainConfigSchema.parse({ ...recipe, ...(distill && { distill }) });
    configuration.data.train = join(directory, "corpus");
    configuration.run.directory = join(directory, run);
    const model = completeModel(configuration.model, tokenizer);
    const { memory } = planStep(configuration, { model, tokenizer, count });
    (tf.backend() as unknown as NativeBackend).engine.trim();
    let used: MemoryUse | null = null;
    await pretrain(configuration, {
      tokenizer,
      onEvent: (event) => {
        if (event.type === "finished") used = event.memory;
      },
    });
    return { planned: memory, used: used! as MemoryUse, directory: configuration.run.directory };
  }

  it("reaches the peak that was planned", async () => {
    if (!isNative) return;
    const { planned, used } = await runAndPlan("run");
    expect(used.tensors! / planned.peak).toBeCloseTo(1, 2);
    expect(used.resident).toBeGreaterThan(used.tensors!);
  });

  it.each(["f32", "bf16"])(
    "that a teacher teaches in %s has its weights, and its logits at the peak",
    async (precision) => {
      if (!isNative) return;
      const alone = await runAndPlan(`teacher-${precision}`, { precision });
      const distill = { teacher: alone.directory };
      const { planned, used } = await runAndPlan(`student-${precision}`, { precision, distill });
      expect(used.tensors! / planned.peak).toBeCloseTo(1, 2);
      expect(planned.weights).toBe(2 * alone.planned.weights);
      expect(planned.activations).toBeGreaterThan(alone.planned.activations);
    },
  );
});
