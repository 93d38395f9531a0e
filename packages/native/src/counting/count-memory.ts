/**
 * Runs a function on a backend that computes nothing and counts the bytes that the native backend would take, to plan a run
 * of any size on any machine. Needs no compiled addon.
 */
import * as tf from "@tensorflow/tfjs";
import { NativeBackend } from "../backend.ts";
import { registerKernels } from "../register.ts";
import { countingAddon } from "./addon.ts";
import type { CountingEngine } from "./engine.ts";

const NAME = "counting";

/** Bytes of tensors in the native backend's pool. */
export interface MemoryCounter {
  /** Of all tensors now, and at most so far; and how many blocks had been taken when that was reached. */
  usage(): { inUse: number; peak: number; peakAt: number };
  /** The bytes taken for a tensor, and how many blocks had been taken when it was made. */
  sizeOf(tensor: tf.Tensor): { bytes: number; madeAt: number };
}

/**
 * Calls f with the counting backend as tfjs's current one. All tensors that f makes are lost afterwards, and those that it reads
 * are zeros, but for integers that it has just made.
 */
export function countMemory<T>(f: (counter: MemoryCounter) => T): T {
  const before = tf.getBackend() as string | undefined;
  // Without threads of its own; on one thread as on many, the tensors are the same.
  const backend = new NativeBackend(countingAddon, { threads: 1 });
  registerKernels(countingAddon, NAME);
  tf.registerBackend(NAME, () => backend, 0);
  // Synchronous, since the factory is.
  void tf.setBackend(NAME);
  const { pool } = backend.engine as CountingEngine;
  try {
    return f({
      usage() {
        const { inUse, peak } = pool.usage();
        return { inUse, peak, peakAt: pool.peakAt };
      },
      sizeOf(tensor) {
        const { capacity, birth } = pool.at(backend.handleOf(tensor));
        return { bytes: capacity, madeAt: birth };
      },
    });
  } finally {
    tf.removeBackend(NAME);
    if (before) void tf.setBackend(before);
  }
}
