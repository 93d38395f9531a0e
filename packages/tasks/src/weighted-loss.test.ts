/** Expected values: torch.nn.functional.cross_entropy in float64, with its gradient. */
import { start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { weightedLossSum } from "./weighted-loss.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const labels = [0, 1, 2];
const equal = [1, 1, 1];
const unequal = [1, 2.5, 0.5];

describe("cross-entropy with smoothing and weights", () => {
  it.each([
    {
      ...{ smoothing: 0, weights: equal, loss: 1.1367199123422174 },
      gradient: [
        ...[-0.1320837013, 0.0100196292, 0.1220640721, 0.0148574751, -0.3132778397, 0.2984203646],
        ...[0.0150928336, 0.0150928336, -0.0301856672],
      ],
    },
    {
      ...{ smoothing: 0.1, weights: equal, loss: 1.2156088012311064 },
      gradient: [
        ...[-0.1098614791, -0.0010914819, 0.110952961, 0.003746364, -0.2910556175, 0.2873092535],
        ...[0.0039817225, 0.0039817225, -0.0079634449],
      ],
    },
    {
      ...{ smoothing: 0, weights: unequal, loss: 1.894664519052821 },
      gradient: [
        ...[-0.099062776, 0.0075147219, 0.0915480541, 0.0278577658, -0.5873959495, 0.5595381837],
        ...[0.0056598126, 0.0056598126, -0.0113196252],
      ],
    },
    {
      ...{ smoothing: 0.2, weights: unequal, loss: 2.029742264377367 },
      gradient: [
        ...[-0.055666961, -0.0336509633, 0.0893179243, 0.008591041, -0.5075723275, 0.4989812865],
        ...[-0.0091202499, -0.0341202499, 0.0432404998],
      ],
    },
  ])("is PyTorch's for smoothing $smoothing and weights $weights", ({ smoothing, weights, loss, gradient }) => {
    const logits = tf.tensor2d([1, -2, 0.5, 0, 0.3, 3, -1, -1, 2], [3, 3]);
    const total = labels.reduce((sum, label) => sum + weights[label]!, 0);
    const mean = (x: tf.Tensor) => tf.div(weightedLossSum(x, { labels, smoothing, weights }), total).asScalar();
    expect(mean(logits).dataSync()[0]).toBeCloseTo(loss, 5);
    const found = tf.grad(mean)(logits).dataSync();
    for (const [index, value] of gradient.entries()) expect(found[index]).toBeCloseTo(value, 6);
  });
});
