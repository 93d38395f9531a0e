/** Expected values: torch.nn.functional's cross_entropy, kl_div and binary_cross_entropy_with_logits in float64, with gradients. */
import { start } from "@megatron-ts/engine";
import { crossEntropy, distilled, recordLogits, withTeacher } from "@megatron-ts/ops";
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

describe("losses with a teacher", () => {
  const teacher = tf.tensor2d([2, -1, 0, 0.5, 1.5, -0.5, -2, 1, 1], [3, 3]);
  it.each([
    {
      name: "smoothed and weighted labels",
      // What it is divided by: PyTorch's mean.
      lossSum: (x: tf.Tensor) => tf.div(weightedLossSum(x, { labels, smoothing: 0.1, weights: unequal }), 4),
      loss: 1.8400784869198983,
      gradient: [
        ...[-0.0741504, -0.0133994545, 0.0875498546, -0.0352921182, -0.5142375259, 0.549529644],
        ...[0.0020719115, -0.0291436293, 0.0270717177],
      ],
    },
    {
      name: "labels, one of which does not count",
      lossSum: (x: tf.Tensor) => tf.sum(crossEntropy(x, { labels: tf.tensor1d([0, -100, 2], "int32") })),
      loss: 0.7507546501967919,
      gradient: [-0.3616953226, 0.0081507096, 0.353544613, 0, 0, 0, 0.0609154797, -0.1138088468, 0.0528933671],
    },
    {
      name: "several labels at once",
      lossSum(x: tf.Tensor) {
        const targets = tf.tensor2d([1, 0, 0, 0, 1, 1, 0, 0, 1], [3, 3]);
        return tf.sum(
          distilled(tf.losses.sigmoidCrossEntropy(targets, x, 1, 0, 0), { logits: x, divergence: "binary" }),
        );
      },
      loss: 3.2453345837525784,
      gradient: [
        ...[-0.2560056897, 0.0351025678, 0.4979327488, 0.3439117496, -0.3900425393, 0.1543060837],
        ...[0.2560056897, 0.0792467348, -0.0351025678],
      ],
    },
  ])("are PyTorch's for $name", ({ lossSum, loss, gradient }) => {
    const student = tf.tensor2d([1, -2, 0.5, 0, 0.3, 3, -1, -1, 2], [3, 3]);
    const logits = recordLogits(() => lossSum(teacher));
    const { value, grad } = tf.valueAndGrad((x) =>
      withTeacher({ logits, temperature: 2, weight: 0.25 }, () => lossSum(x).asScalar()),
    )(student);
    expect(value.dataSync()[0]).toBeCloseTo(loss, 5);
    const found = grad.dataSync();
    for (const [index, wanted] of gradient.entries()) expect(found[index]).toBeCloseTo(wanted, 6);
  });
});
