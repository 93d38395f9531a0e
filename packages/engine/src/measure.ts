/** Measures the speed of the running backend: matrix products and memory, each the best of a few runs. */
import * as tf from "@tensorflow/tfjs";

const REPEATS = 5;
/** No run but the second begins later than this: backends that take longer vary less. */
const ENOUGH_MILLISECONDS = 300;
const LONG_ENOUGH_MILLISECONDS = 20;

/** Milliseconds until the result of f can be read. */
function millisecondsOf(f: () => tf.Tensor): number {
  const start = performance.now();
  const result = tf.tidy(() => tf.slice(tf.reshape(f(), [-1]), [0], [1]));
  result.dataSync();
  result.dispose();
  return performance.now() - start;
}

/** Milliseconds of the fastest of a few runs. */
function best(f: () => tf.Tensor): number {
  const found: number[] = [];
  const start = performance.now();
  while (found.length < 2 || (found.length < REPEATS && performance.now() - start < ENOUGH_MILLISECONDS))
    found.push(millisecondsOf(f));
  return Math.min(...found);
}

/** GFLOP/s of a square float32 matrix product, of size 1024 or the first that takes long enough to time. */
export function measureGemm(): number {
  for (let n = 128; ; n *= 2) {
    const [a, b] = [tf.randomUniform([n, n]), tf.randomUniform([n, n])];
    const milliseconds = best(() => tf.matMul(a, b));
    tf.dispose([a, b]);
    if (n === 1024 || milliseconds > LONG_ENOUGH_MILLISECONDS) return (2 * n ** 3) / milliseconds / 1e6;
  }
}

/** What `native` adds to TensorFlow.js's backend. */
interface Peaked {
  engine?: { peak(bf16: boolean, seconds: number): number | null | undefined };
}

/**
 * GFLOP/s that the processor multiplies at most with the instruction set and the threads of the running backend: an unrolled
 * loop, for a fifth of a second. Null on other backends than `native`, and where that set does not multiply this precision.
 */
export function measurePeak(precision: "f32" | "bf16"): number | null {
  // TensorFlow.js's type knows nothing of what the native backend adds.
  const { engine } = tf.backend() as unknown as Peaked;
  const rate = engine?.peak(precision === "bf16", 0.2) ?? null;
  return rate === null ? null : rate / 1e9;
}

/** GB/s of adding two vectors of 64 MiB each: two reads and one write. */
export function measureMemory(): number {
  const n = 2 ** 24;
  const [a, b] = [tf.ones([n]), tf.ones([n])];
  const milliseconds = best(() => tf.add(a, b));
  tf.dispose([a, b]);
  return (3 * 4 * n) / milliseconds / 1e6;
}
