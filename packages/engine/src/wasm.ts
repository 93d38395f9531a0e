/** The `wasm` backend: TensorFlow.js compiled to WebAssembly with SIMD, one thread. */
import * as tf from "@tensorflow/tfjs";

export async function startWasm(): Promise<{ threads: number }> {
  await import("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend did not start");
  await tf.ready();
  return { threads: 1 };
}
