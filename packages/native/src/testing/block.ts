/** Numbers, tensors and a small block of layers for the tests of this package. */
import { crossEntropy, embedding, gelu, layerNorm, linear, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

/** Numbers in [-1, 1) as a function of their index. */
export function numbers(length: number, seed = 1): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 0.7 + Math.sin(i * 0.37) * 0.3,
  );
}

export const tensor = (shape: number[], seed = 1): tf.Tensor =>
  tf.tensor(numbers(tf.util.sizeFromShape(shape), seed), shape);

const TOKENS = 12;
const HIDDEN = 32;
const VOCABULARY = 50;

export interface Block {
  parameters: Record<string, tf.Tensor>;
  ids: tf.Tensor;
  labels: tf.Tensor;
}

/** Embedding, norm, two linear layers and a tied head: enough to run most kernels of a training step. */
export function createBlock(): Block {
  return {
    parameters: {
      table: tensor([VOCABULARY, HIDDEN], 1),
      gamma: tf.ones([HIDDEN]),
      beta: tf.zeros([HIDDEN]),
      up: tensor([4 * HIDDEN, HIDDEN], 2),
      upBias: tensor([4 * HIDDEN], 3),
      down: tensor([HIDDEN, 4 * HIDDEN], 4),
    },
    ids: tf.tensor1d(
      Array.from({ length: TOKENS }, (_, i) => (i * 7) % VOCABULARY),
      "int32",
    ),
    labels: tf.tensor1d(
      Array.from({ length: TOKENS }, (_, i) => (i * 11) % VOCABULARY),
      "int32",
    ),
  };
}

/** The mean loss of the block and the gradients of its parameters, as arrays. */
export function lossAndGradients({ parameters, ids, labels }: Block): { loss: number; gradients: Float32Array[] } {
  return tf.tidy(() => {
    const { outputs, pullback } = vjp((table, gamma, beta, up, upBias, down) => {
      const x = embedding(ids, { table: table! });
      const normal = layerNorm(x, { gamma: gamma!, beta: beta! });
      const wide = gelu(linear(normal, { weight: up!, bias: upBias! }), { approximate: "tanh" });
      const y = tf.add(x, linear(wide, { weight: down! }));
      return tf.mean(crossEntropy(linear(y, { weight: table! }), { labels }));
    }, Object.values(parameters));
    const loss = outputs[0]!.dataSync()[0]!;
    const { inputs } = pullback([tf.scalar(1)]);
    return { loss, gradients: inputs.map((gradient) => gradient!.dataSync() as Float32Array) };
  });
}
