import { describe, expect, it } from "vitest";
import { findDevice } from "./devices.ts";
import { flopsPerSample } from "./flops.ts";
import { transformerParameters } from "./parameters.ts";
import { describeTransformer } from "./shapes.ts";
import { deviceMemory, type ModelStep, possibleSplits } from "./splits.ts";

function gpt(shape: { numLayers: number; hiddenSize: number; numHeads: number }, batchSize: number): ModelStep {
  const whole = { ...shape, sequenceLength: 2048, vocabularySize: 51200 };
  const flops = (recompute: "none" | "selective" | "full") =>
    batchSize * flopsPerSample(describeTransformer(whole), whole, { recompute }).hardware;
  const hardwareFlops = { none: flops("none"), selective: flops("selective"), full: flops("full") };
  return { ...whole, parameters: transformerParameters(whole), batchSize, hardwareFlops };
}

const small = gpt({ numLayers: 24, hiddenSize: 2304, numHeads: 24 }, 512);
const large = gpt({ numLayers: 80, hiddenSize: 12288, numHeads: 96 }, 2304);
const device = findDevice("A100-80GB")!;

describe("possibleSplits", () => {
  it("splits no layers of a model that fits one device", () => {
    const [best] = possibleSplits(small, { device, devices: 8, distributedOptimizer: true });
    expect(best!.split).toEqual({ tensor: 1, pipeline: 1, data: 8 });
  });

  it("splits a large one within a server first, and into stages, as its paper did", () => {
    const plans = possibleSplits(large, { device, devices: 1536 });
    expect(plans.length).toBeGreaterThan(0);
    expect(plans[0]!.split.tensor * plans[0]!.split.pipeline).toBeGreaterThanOrEqual(32);
    for (const { split, memory } of plans) {
      expect(split.tensor).toBeLessThanOrEqual(8);
      expect(split.tensor * split.pipeline * split.data).toBe(1536);
      expect(memory.total).toBeLessThanOrEqual(device.memoryBytes);
    }
    const times = plans.map(({ time }) => time.total);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("keeps what is given, and finds nothing that is impossible", () => {
    const given = { tensor: 8, pipeline: 8 };
    const [best] = possibleSplits(large, { device, devices: 1536, split: given, recompute: "full" });
    expect(best!.split).toEqual({ ...given, data: 24 });
    expect(best!.recompute).toBe("full");
    expect(possibleSplits(large, { device, devices: 8 })).toEqual([]);
    expect(possibleSplits(large, { device, devices: 1536, split: { tensor: 7 } })).toEqual([]);
  });
});

describe("interleaved stages", () => {
  it("shorten the bubble and send and keep more", () => {
    const plan = (virtualStages?: number) =>
      possibleSplits(large, {
        ...{ device, devices: 1536, microBatchSize: 1, recompute: "full" },
        split: { tensor: 8, pipeline: 8, virtualStages },
      })[0]!;
    const [plain, interleaved] = [plan(), plan(5)];
    expect(interleaved.split.virtualStages).toBe(5);
    const share = ({ time }: typeof plain) => time.bubble / (time.total - time.bubble - time.data);
    expect(share(plain)).toBeCloseTo(7 / 96, 10);
    expect(share(interleaved)).toBeCloseTo(7 / (5 * 96), 10);
    expect(interleaved.traffic.stages).toBe(5 * plain.traffic.stages);
    expect(interleaved.memory.activations).toBeGreaterThan(plain.memory.activations);
    expect(plan(3)).toBeUndefined();
  });
});

describe("a distributed optimizer", () => {
  it("is proposed where a split that only fits with it is faster", () => {
    const medium = gpt({ numLayers: 32, hiddenSize: 4096, numHeads: 32 }, 512);
    const [best] = possibleSplits(medium, { device, devices: 8 });
    const [without] = possibleSplits(medium, { device, devices: 8, distributedOptimizer: false });
    expect(best!.distributedOptimizer).toBe(true);
    expect(best!.time.total).toBeLessThan(without!.time.total);
    expect(possibleSplits(small, { device, devices: 1 })[0]!.distributedOptimizer).toBe(false);
  });
});

describe("deviceMemory", () => {
  it("adds 18 bytes a parameter to activations by the papers' formula", () => {
    const step = { ...large, microBatchSize: 1, recompute: "full" as const, hardwareFlops: 0 };
    const memory = deviceMemory(step, { split: { tensor: 8, pipeline: 8, data: 24 } });
    expect(memory.weights + memory.gradients + memory.optimizer).toBeCloseTo((18 * large.parameters) / 64, 0);
    // Ten layers' inputs of eight micro-batches, and one whole layer.
    const layer = 2048 * 12288 * (10 + 3 + (5 * 96 * 2048) / (12288 * 8));
    expect(memory.activations).toBeCloseTo(80 * 2 * 2048 * 12288 + layer, 0);
  });

  it("holds fewer micro-batches on each later rank, and the logits on the last", () => {
    const step = { ...large, microBatchSize: 1, recompute: "full" as const, hardwareFlops: 0 };
    const split = { tensor: 8, pipeline: 8, data: 24 };
    const activations = (stage: number, virtualStages = 1) =>
      deviceMemory(step, { split: { ...split, virtualStages }, stage }).activations;
    const micro = 10 * 2 * 2048 * 12288;
    const logits = (6 * 2048 * 51200) / 8;
    expect(activations(0) - activations(1)).toBeCloseTo(micro, 0);
    expect(activations(0) - activations(7)).toBeCloseTo(7 * micro - logits, 0);
    // In chunks of a fifth of the layers: 2 (p - r - 1) + (v - 1) p + 1 of them.
    expect(activations(0, 5) - activations(0)).toBeCloseTo((7 / 5) * micro, 0);
    expect(activations(0, 5) - activations(1, 5)).toBeCloseTo((2 / 5) * micro, 0);
  });

  it("is that of the rank that takes most, by what each has", () => {
    const stagesOf = ({ pipeline, tensor }: { pipeline: number; tensor: number }) =>
      Array.from({ length: pipeline }, (_, stage) => ({
        layers: large.numLayers / pipeline,
        parameters: (stage === pipeline - 1 ? 3 : 1) * (large.parameters / (tensor * pipeline)),
        flops: (stage === 0 ? 2 : 1) / (pipeline + 1),
      }));
    const options = { ...{ device, devices: 1536, microBatchSize: 1, recompute: "full" as const } };
    const split = { tensor: 8, pipeline: 16 };
    const [equal] = possibleSplits(large, { ...options, split });
    const [plan] = possibleSplits({ ...large, stagesOf }, { ...options, split });
    expect(plan!.stages).toHaveLength(16);
    expect(plan!.memory).toBe(plan!.stages[15]);
    expect(plan!.memory.weights).toBeCloseTo(3 * equal!.memory.weights, 0);
    // The others wait for the slowest.
    expect(plan!.time.products / equal!.time.products).toBeCloseTo(32 / 17, 6);
  });
});
