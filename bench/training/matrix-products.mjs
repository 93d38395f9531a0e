/**
 * Upper bounds for a training step: the time of its matrix products alone, forward and backward, with our kernels; and what the
 * processor multiplies at most by the instruction set in force, GFLOP/s, null where it has none for this precision.
 */
import { measurePeak, start } from "@megatron-ts/engine";
import { linear, vjp, withPrecision } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

const { model: config, batchSize, sequenceLength, precision, backend, threads } = JSON.parse(process.argv[2]);
const { instructionSets } = await start({ backend, threads });
const { numLayers, hiddenSize: h, vocabularySize } = config;
const rows = batchSize * sequenceLength;

/** Seconds of one forward and backward of a linear layer without bias. */
function timeOf(inputs, outputs) {
  const x = tf.randomNormal([rows, inputs]);
  const weight = tf.randomNormal([outputs, inputs]);
  const dy = tf.randomNormal([rows, outputs]);
  const run = () => {
    const { outputs: y, pullback } = vjp((input) => linear(input, { weight }), [x], { parameters: [weight] });
    const { inputs: dx, parameters: dw } = pullback([dy]);
    tf.dispose([...y, ...dx, ...dw]);
  };
  const times = [];
  withPrecision(precision, () => {
    for (let i = 0; i < 7; i++) {
      const began = performance.now();
      run();
      if (i >= 2) times.push((performance.now() - began) / 1000);
    }
  });
  tf.dispose([x, weight, dy]);
  return times.toSorted((a, b) => a - b)[times.length >> 1];
}

const seconds = numLayers * (4 * timeOf(h, h) + timeOf(h, 4 * h) + timeOf(4 * h, h)) + timeOf(h, vocabularySize);
const peakGigaflops = measurePeak(precision);
process.stdout.write(`${JSON.stringify({ tokensPerSecond: rows / seconds, peakGigaflops, instructionSets })}\n`);
process.exit(0);
