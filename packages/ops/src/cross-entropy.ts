/** Softmax cross-entropy per token. Never materialises one-hot labels or keeps the probabilities. */
import * as tf from "@tensorflow/tfjs";
import { distilled } from "./distillation.ts";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernel, runKernelForMany } from "./kernel.ts";
import { sumEach } from "./rows.ts";

/** Flat positions [N, 1] of the labels in logits [N, V]; an ignored label points at the first element of its row. */
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

/** The values [N] or [N, V] in rows whose label counts; 0 in the others, even where they are NaN. */
function whereCounted(labels: tf.Tensor, values: tf.Tensor): tf.Tensor {
  const counts = tf.reshape(tf.greaterEqual(labels, 0), [-1, ...values.shape.slice(1).map(() => 1)]);
  return tf.where(tf.broadcastTo(counts, values.shape), values, tf.zerosLike(values));
}

/** How labels become distributions. */
interface Smoothing {
  /** The share of each label that is spread over the vocabulary. */
  smoothing: number;
}

const crossEntropyGradientKernel: Kernel<Smoothing> = {
  name: "MegatronCrossEntropyGradient",
  reference: ({ dloss, logits, labels, logSumExp }, { smoothing }) => {
    const [rows, vocabularySize] = logits!.shape as [number, number];
    if (rows === 0) return tf.zeros([0, vocabularySize]);
    const probabilities = tf.exp(tf.sub(logits!, tf.reshape(logSumExp!, [rows, 1])));
    const differences = smoothing === 0 ? probabilities : tf.sub(probabilities, smoothing / vocabularySize);
    const scaled = tf.reshape(tf.mul(differences, tf.reshape(dloss!, [rows, 1])), [-1]);
    const positions = labelPositions(labels!, vocabularySize);
    const ofLabels = tf.mul(dloss!, 1 - smoothing);
    const atLabels = tf.sub(tf.gather(scaled, tf.reshape(positions, [-1]) as tf.Tensor1D), ofLabels);
    const gradient = tf.tensorScatterUpdate(scaled, positions, atLabels);
    return whereCounted(labels!, tf.reshape(gradient, [rows, vocabularySize]));
  },
};

const crossEntropyKernel: Kernel<Smoothing> = {
  name: "MegatronCrossEntropy",
  reference: ({ logits, labels }, { smoothing }) => {
    const [rows, vocabularySize] = logits!.shape as [number, number];
    if (rows === 0) return [tf.zeros([0]), tf.zeros([0])];
    const highest = tf.max(logits!, 1, true);
    const exponentials = tf.exp(tf.sub(logits!, highest)) as tf.Tensor2D;
    const logSumExp = tf.add(tf.log(sumEach(exponentials)), tf.squeeze(highest, [1]));
    const positions = tf.reshape(labelPositions(labels!, vocabularySize), [-1]) as tf.Tensor1D;
    const atLabels = tf.gather(tf.reshape(logits!, [-1]), positions);
    const expected =
      smoothing === 0
        ? atLabels
        : tf.add(tf.mul(atLabels, 1 - smoothing), tf.mul(sumEach(logits! as tf.Tensor2D), smoothing / vocabularySize));
    return [whereCounted(labels!, tf.sub(logSumExp, expected)), logSumExp];
  },
  gradient: {
    inputsToSave: ["logits", "labels"],
    outputsToSave: [false, true],
    gradFunc: (dys, [logits, labels, logSumExp], attributes) => ({
      logits: () => {
        const dloss = (dys as tf.Tensor[])[0]!;
        const inputs = { dloss, logits: logits!, labels: labels!, logSumExp: logSumExp! };
        return runKernel(crossEntropyGradientKernel, inputs, attributes);
      },
    }),
  },
};

/**
 * logits [N, V], labels int32 [N] -> loss [N] in nats: log sum exp(logits) - logits[label]. With smoothing, that share of the
 * second term is the mean of all logits instead (Szegedy et al. 2016). A negative label is ignored: loss and gradient are 0.
 * Learns from a teacher too inside `withTeacher`. Throws a ShapeError for labels outside the vocabulary.
 */
export function crossEntropy(
  logits: tf.Tensor,
  { labels, smoothing = 0 }: { labels: tf.Tensor; smoothing?: number },
): tf.Tensor {
  expectShape(
    logits.rank === 2 && labels.rank === 1 && labels.shape[0] === logits.shape[0] && labels.dtype === "int32",
    () => `crossEntropy: logits [${logits.shape}] need int32 labels of [${logits.shape[0]}], got [${labels.shape}]`,
  );
  const losses = runKernelForMany(crossEntropyKernel, { logits, labels }, { smoothing })[0]!;
  return distilled(losses, { logits, labels, divergence: "categorical" });
}
