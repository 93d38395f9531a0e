/**
 * How an op is declared and run. A kernel is a name with a reference made of TensorFlow.js operations and,
 * where it has one, a gradient. The first time that an op runs on a backend without a kernel of that name,
 * the reference is registered there; callers never ask which backend runs.
 */
import * as tf from "@tensorflow/tfjs";

type Inputs = Record<string, tf.Tensor>;
export type Attributes = Record<string, unknown>;

/** One operation as backends see it. Shapes of inputs and outputs stand in the op's own file. */
export interface Kernel {
  readonly name: string;
  /** Runs inside `tf.tidy`, off the tape. Must not return one of its inputs itself. */
  readonly reference: (inputs: Inputs, attributes: Attributes) => tf.Tensor | tf.Tensor[];
  readonly gradient?: {
    readonly inputsToSave?: string[];
    readonly outputsToSave?: boolean[];
    readonly gradFunc: (
      dy: tf.Tensor | tf.Tensor[],
      saved: tf.Tensor[],
      attributes: Attributes,
    ) => Record<string, () => tf.Tensor>;
  };
}

const knownTo = new Map<string, Set<string>>();

/** Registers the kernel's gradient, and its reference on the running backend if that has no kernel of this name. */
function ensureRegistered(kernel: Kernel, backendName: string): void {
  let known = knownTo.get(backendName);
  if (!known) {
    known = new Set();
    knownTo.set(backendName, known);
  }
  if (known.has(kernel.name)) return;
  known.add(kernel.name);
  if (kernel.gradient && !tf.getGradient(kernel.name)) {
    tf.registerGradient({ kernelName: kernel.name, ...kernel.gradient } as tf.GradConfig);
  }
  if (!tf.getKernel(kernel.name, backendName)) {
    tf.registerKernel({
      kernelName: kernel.name,
      backendName,
      kernelFunc: ({ inputs, attrs }) => tf.tidy(() => kernel.reference(inputs as Inputs, (attrs ?? {}) as Attributes)),
    });
  }
}

/** Runs a kernel of one output on the current backend. */
export function runKernel(kernel: Kernel, inputs: Inputs, attributes: Attributes = {}): tf.Tensor {
  return run(kernel, inputs, attributes) as tf.Tensor;
}

/** Runs a kernel of several outputs (or none) on the current backend. */
export function runKernelForMany(kernel: Kernel, inputs: Inputs, attributes: Attributes = {}): tf.Tensor[] {
  return run(kernel, inputs, attributes) as tf.Tensor[];
}

function run(kernel: Kernel, inputs: Inputs, attributes: Attributes): unknown {
  ensureRegistered(kernel, tf.getBackend());
  return tf.engine().runKernel(kernel.name, inputs, attributes as never);
}
