/**
 * An operation of your own with a handwritten gradient, used with megatron-ts's autograd: squared ReLU (So et al. 2021),
 * relu(x)^2, whose gradient is 2 relu(x) dy. The gradient is checked against finite differences, then a small network is
 * trained with it.
 */
import { start } from "@megatron-ts/engine";
import { linear, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

await start();

/** relu(x)^2, elementwise. Any shape. */
const squaredRelu = tf.customGrad((input, save) => {
  const x = input as tf.Tensor;
  const positive = tf.relu(x);
  (save as (tensors: tf.Tensor[]) => void)([positive]);
  const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.mul(2, saved[0]!));
  return { value: tf.square(positive), gradFunc };
});

// The gradient against central differences of the sum.
const x = tf.tensor1d([-1.5, -0.2, 0.3, 2]);
const { pullback } = vjp((input) => squaredRelu(input!), [x]);
const gradient = pullback([tf.onesLike(x)]).inputs[0]!.dataSync();
const step = 1e-2;
const differences = tf.div(tf.sub(squaredRelu(tf.add(x, step)), squaredRelu(tf.sub(x, step))), 2 * step).dataSync();
console.log("gradient           ", [...gradient].map((value) => value.toFixed(3)).join(" "));
console.log("finite differences ", [...differences].map((value) => value.toFixed(3)).join(" "));

// A network of two layers learns to multiply two numbers.
const inputs = tf.randomUniform([256, 2], -1, 1, "float32", 1);
const targets = tf.prod(inputs, 1, true);
let weights: tf.Tensor[] = [
  tf.randomNormal([16, 2], 0, 1, "float32", 2),
  tf.randomNormal([1, 16], 0, 0.3, "float32", 3),
];
for (let iteration = 1; iteration <= 200; iteration++) {
  const loss = () => {
    const hidden = squaredRelu(linear(inputs, { weight: weights[0]! }));
    return tf.losses.meanSquaredError(targets, linear(hidden, { weight: weights[1]! })) as tf.Tensor;
  };
  const forward = vjp(loss, [], { parameters: weights });
  const gradients = forward.pullback([tf.scalar(1)]).parameters;
  if (iteration === 1 || iteration % 100 === 0)
    console.log(`iteration ${iteration}, loss ${forward.outputs[0]!.dataSync()[0]!.toFixed(5)}`);
  const updated = weights.map((weight, i) => tf.tidy(() => tf.sub(weight, tf.mul(0.1, gradients[i]!))));
  tf.dispose([...weights, ...forward.outputs, ...gradients.filter((tensor) => tensor !== null)]);
  weights = updated;
}
