/** GELU (Hendrycks and Gimpel 2016), exact by erf or by the tanh approximation that GPT-2 and Megatron train with. */
import * as tf from "@tensorflow/tfjs";
import { type Kernel, runKernel } from "./kernel.ts";

/** How GELU is computed: by its tanh approximation, or exactly by erf. */
export type GeluApproximation = "tanh" | "erf";

interface GeluAttributes {
  approximate: GeluApproximation;
}

const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

/** tanh( sqrt(2/pi) (x + 0.044715 x^3) ) */
const tanhTerm = (x: tf.Tensor) => tf.tanh(tf.mul(tf.add(x, tf.mul(tf.mul(x, tf.square(x)), TANH_CUBIC)), TANH_SCALE));

const erfTerm = (x: tf.Tensor) => tf.erf(tf.mul(x, Math.SQRT1_2));

const geluGradientKernel: Kernel<GeluAttributes> = {
  name: "MegatronGeluGradient",
  reference: ({ dy, x }, { approximate }) => {
    if (approximate === "erf") {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(dy!, tf.add(tf.mul(tf.add(erfTerm(x!), 1), 0.5), tf.mul(x!, density)));
    }
    const t = tanhTerm(x!);
    const inner = tf.mul(tf.add(tf.mul(tf.square(x!), 3 * TANH_CUBIC), 1), TANH_SCALE);
    const slope = tf.mul(tf.mul(tf.mul(x!, tf.sub(1, tf.square(t))), inner), 0.5);
    return tf.mul(dy!, tf.add(tf.mul(tf.add(t, 1), 0.5), slope));
  },
};

const geluKernel: Kernel<GeluAttributes> = {
  name: "MegatronGelu",
  reference: ({ x }, { approximate }) =>
    tf.mul(tf.mul(x!, 0.5), tf.add(approximate === "erf" ? erfTerm(x!) : tanhTerm(x!), 1)),
  gradient: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attributes) => ({
      x: () => runKernel(geluGradientKernel, { dy: dy as tf.Tensor, x: x! }, attributes),
    }),
  },
};

/** x * Phi(x), elementwise, where Phi is the standard normal distribution function. Any shape. Default: tanh. */
export function gelu(x: tf.Tensor, { approximate = "tanh" }: { approximate?: GeluApproximation } = {}): tf.Tensor {
  return runKernel(geluKernel, { x }, { approximate });
}
