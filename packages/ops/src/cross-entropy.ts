/** Softmax cross-entropy per token, without one-hot labels and without keeping the probabilities. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernel, runKernelForMany } from "./kernel.ts";

/** Flat positions [N, 1] of the labels in logits [N, V]; ignored labels point at their row's first element. */
function labelPositions(labels: tf.Tensor, vocabularySize: number): tf.Tensor2D {
  const values = labels.dataSync();
  const outside = values.find((label) => label >= vocabularySize);
  expectShape(
    outside === undefined,
    () => `crossEntropy: label ${outside} is outside the vocabulary of ${vocabularySize}`,
  );
  const positions = Int32Array.from(values, (label, row) => row * vocabularySize + Math.max(label, 0));
  return tf.tensor2d(positions, [positions.length, 1], "int32");
}

const counted = (labels: tf.Tensor) => tf.cast(tf.greaterEqual(labels, 0), "float32");

const crossEntropyGradientKernel: Kernel = {
  name: "MegatronCrossEntropyGradient",
  reference: ({ dloss, logits, labels, logSumExp }) => {
    const [rows, vocabularySize] = logits!.shape as [number, number];
    const weights = tf.mul(dloss!, counted(labels!));
    const probabilities = tf.exp(tf.sub(logits!, tf.reshape(logSumExp!, [rows, 1])));
    const scaled = tf.reshape(tf.mul(probabilities, tf.reshape(weights, [rows, 1])), [-1]);
    const positions = labelPositions(labels!, vocabularySize);
    const atLabels = tf.sub(tf.gather(scaled, tf.reshape(positions, [-1]) as tf.Tensor1D), weights);
    return tf.reshape(tf.tensorScatterUpdate(scaled, positions, atLabels), [rows, vocabularySize]);
  },
};

const crossEntropyKernel: Kernel = {
  name: "MegatronCrossEntropy",
  reference: ({ logits, labels }) => {
    const [rows, vocabularySize] = logits!.shape as [number, number];
    const logSumExp = tf.reshape(tf.logSumExp(logits!, -1), [rows]);
    const positions = tf.reshape(labelPositions(labels!, vocabularySize), [-1]) as tf.Tensor1D;
    const atLabels = tf.gather(tf.reshape(logits!, [-1]), positions);
    return [tf.mul(tf.sub(logSumExp, atLabels), counted(labels!)), logSumExp];
  },
  gradient: {
    inputsToSave: ["logits", "labels"],
    outputsToSave: [false, true],
    gradFunc: (dys, [logits, labels, logSumExp]) => ({
      logits: () =>
        runKernel(crossEntropyGradientKernel, {
          dloss: (dys as tf.Tensor[])[0]!,
          logits: logits!,
          labels: labels!,
          logSumExp: logSumExp!,
        }),
    }),
  },
};

/**
 * logits [N, V], labels int32 [N] -> loss [N] in nats: log sum exp(logits) - logits[label].
 * A negative label is not counted: loss and gradient are 0.
 */
export function crossEntropy(logits: tf.Tensor, { labels }: { labels: tf.Tensor }): tf.Tensor {
  expectShape(
    logits.rank === 2 && labels.rank === 1 && labels.shape[0] === logits.shape[0] && labels.dtype === "int32",
    () => `crossEntropy: logits [${logits.shape}] need int32 labels of [${logits.shape[0]}], got [${labels.shape}]`,
  );
  return runKernelForMany(crossEntropyKernel, { logits, labels })[0]!;
}
