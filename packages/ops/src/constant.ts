/**
 * What a backend that records kernels implements, and the tensors that a recorded run may make of numbers from JavaScript:
 * those that are the same in every run.
 */
import * as tf from "@tensorflow/tfjs";

/** A recorded run. */
export interface Program {
  /** Runs the same kernels on the same tensors. Null where these, or the precision, are no longer what they were. */
  replay(): tf.Tensor[] | null;
  dispose(): void;
}

/** What a backend that records implements besides TensorFlow.js's KernelBackend. */
export interface CaptureBackend {
  /** Runs f once, which returns new tensors and leaves no others behind. `refusal` says why there is no program. */
  capture(f: () => tf.Tensor[]): { outputs: tf.Tensor[]; program: Program | null; refusal: string | null };
  /** Runs f, whose tensors may be filled with numbers from JavaScript even in a recorded run. */
  asConstant<T>(f: () => T): T;
}

/** The current backend, if it records. */
export function captureBackend(): CaptureBackend | null {
  // Any backend may implement the interface; TensorFlow.js's type knows nothing of it.
  const backend = tf.backend() as unknown as Partial<CaptureBackend>;
  return typeof backend.capture === "function" ? (backend as CaptureBackend) : null;
}

/**
 * A tensor that `create` makes of numbers from JavaScript which are the same in every run: they follow from shapes and the
 * configuration alone. A captured function must not make tensors of any other numbers, except of scalars that are constants.
 */
export function constant<T extends tf.Tensor>(create: () => T): T {
  return asConstant(create);
}

/** The same for all tensors that f makes, whatever it returns. */
export function asConstant<T>(f: () => T): T {
  const backend = captureBackend();
  return backend ? backend.asConstant(f) : f();
}
