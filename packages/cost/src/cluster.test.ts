/** Published rows: Narayanan et al. 2021 (table 1), of which two are fitted, and Shoeybi et al. 2019 (section 5.1). */
import { describe, expect, it } from "vitest";
import { clusterStepTime, type Split, splitTraffic } from "./cluster.ts";
import { findDevice } from "./devices.ts";
import { flopsPerSample } from "./flops.ts";
import { transformerParameters } from "./parameters.ts";
import { describeTransformer } from "./shapes.ts";

interface Row {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  split: Split;
  batchSize: number;
  sequenceLength?: number;
  device?: string;
}

const predicted = ({ split, batchSize, sequenceLength = 2048, device = "A100-80GB", ...model }: Row) => {
  const shape = { ...model, sequenceLength, vocabularySize: 51200 };
  const hardwareFlops = batchSize * flopsPerSample(describeTransformer(shape), shape, { recompute: "full" }).hardware;
  const { total } = clusterStepTime(
    {
      ...shape,
      parameters: transformerParameters(shape),
      batchSize,
      microBatchSize: 1,
      hardwareFlops,
      recompute: "full",
    },
    { device: findDevice(device)!, split },
  );
  return hardwareFlops / total / (split.tensor * split.pipeline * split.data) / 1e12;
};

const row = (
  numLayers: number,
  hiddenSize: number,
  numHeads: number,
  tensor: number,
  pipeline: number,
  devices: number,
  batchSize: number,
): Row => ({
  ...{ numLayers, hiddenSize, numHeads, batchSize },
  split: { tensor, pipeline, data: devices / (tensor * pipeline) },
});

const fitted: [string, number, Row][] = [
  ["1.7B on 32", 137, row(24, 2304, 24, 1, 1, 32, 512)],
  ["530B on 2,520", 163, row(105, 20480, 128, 8, 35, 2520, 2520)],
];
const others: [string, number, Row][] = [
  ["3.6B on 64", 138, row(30, 3072, 32, 2, 1, 64, 512)],
  ["7.5B on 128", 142, row(36, 4096, 32, 4, 1, 128, 512)],
  ["18B on 256", 135, row(40, 6144, 48, 8, 1, 256, 1024)],
  ["39B on 512", 138, row(48, 8192, 64, 8, 2, 512, 1536)],
  ["76B on 1,024", 140, row(60, 10240, 80, 8, 4, 1024, 1792)],
  ["145B on 1,536", 148, row(80, 12288, 96, 8, 8, 1536, 2304)],
  ["310B on 1,920", 155, row(96, 16384, 128, 8, 16, 1920, 2160)],
  ["1T on 3,072", 163, row(128, 25600, 160, 8, 64, 3072, 3072)],
  // 15.1 PFLOP/s in all.
  [
    "8.3B on 512 V100s",
    15.1e3 / 512,
    { ...row(72, 3072, 24, 8, 1, 512, 512), sequenceLength: 1024, device: "V100-32GB" },
  ],
];

describe("clusterStepTime", () => {
  it.each(fitted)("is fitted to %s: %d TFLOP/s", (_, published, one) => {
    expect(predicted(one) / published).toBeCloseTo(1, 2);
  });

  it.each(others)("predicts %s: %d TFLOP/s within 15 percent", (_, published, one) => {
    expect(Math.abs(predicted(one) / published - 1)).toBeLessThan(0.15);
  });

  it("refuses splits that leave a remainder", () => {
    const [, , one] = fitted[0]!;
    for (const split of [
      { tensor: 7, pipeline: 1, data: 1 },
      { tensor: 1, pipeline: 5, data: 1 },
      { tensor: 1, pipeline: 1, data: 3 },
    ]) {
      expect(() => predicted({ ...one, split })).toThrow(RangeError);
    }
  });
});

describe("splitTraffic", () => {
  const step = {
    numLayers: 8,
    hiddenSize: 100,
    sequenceLength: 10,
    parameters: 4e6,
    batchSize: 6,
    recompute: "none",
  } as const;

  it("counts the bytes that a rank sends by hand", () => {
    // 30 tokens a copy, 4 layers a stage, 2 bytes a number: 8 h (t - 1) / t numbers a token and layer.
    expect(splitTraffic(step, { tensor: 2, pipeline: 2, data: 2 })).toEqual({
      tensor: 30 * 4 * 2 * 8 * 100 * 0.5,
      stages: 30 * 100 * 2,
      data: 4e6 * 2 * 0.25,
      total: 96_000 + 6000 + 2_000_000,
    });
    expect(splitTraffic(step, { tensor: 1, pipeline: 1, data: 1 })).toEqual({
      tensor: 0,
      stages: 0,
      data: 0,
      total: 0,
    });
  });
});
