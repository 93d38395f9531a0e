/** What this process has held in memory at its peak. */
import * as tf from "@tensorflow/tfjs";
import type { MemoryUse } from "./events.ts";

/** On the running backend. */
export function memoryUse(): MemoryUse {
  // A backend may count its peak; TensorFlow.js's type knows nothing of it.
  const { peakBytes = null } = tf.memory() as tf.MemoryInfo & { peakBytes?: number };
  // In kilobytes, on every platform.
  return { tensors: peakBytes, resident: 1024 * process.resourceUsage().maxRSS };
}
