/** Our side: causal attention with 12 heads, forward and backward. Prints median times in milliseconds. */
import { causalRanges } from "@megatron-ts/attention";
import { start } from "@megatron-ts/engine";
import { attention, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

const { tokens, rounds, backend, threads } = JSON.parse(process.argv[2]);
await start({ backend, threads });
const shape = [1, tokens, 12, 64];
const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => tf.randomNormal(shape, 0, 1, "float32", seed));
const ranges = causalRanges({ batchSize: 1, tokens });
const times = { forward: [], backward: [] };
for (let round = 0; round < rounds + 1; round++) {
  const began = performance.now();
  const { outputs, pullback } = vjp((a, b, c) => attention({ q: a, k: b, v: c }, { keyRanges: ranges }), [q, k, v]);
  const middle = performance.now();
  const { inputs } = pullback([dy]);
  if (round > 0) {
    times.forward.push(middle - began);
    times.backward.push(performance.now() - middle);
  }
  tf.dispose([...outputs, ...inputs]);
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const [forward, backward] = [median(times.forward), median(times.backward)];
process.stdout.write(`${JSON.stringify({ forward, backward, total: forward + backward })}\n`);
process.exit(0);
