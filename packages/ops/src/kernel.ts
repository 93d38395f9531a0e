/**
 * Declares and runs ops. A kernel is a name, a reference made of TensorFlow.js operations, its FLOPs and, where it has
 * one, a gradient. The first time an op runs on a backend that has no kernel of that name, the reference is registered
 * there. Callers never ask which backend runs.
 */
import * as tf from "@tensorflow/tfjs";
import { kernelHasRun } from "./kernel-watch.ts";

type Inputs = Record<string, tf.Tensor>;

/** Inputs of a kernel call by name, of which only the shapes matter. */
export type KernelShapes = Readonly<Record<string, { readonly shape: readonly number[] } | undefined>>;

/** One operation as backends see it. The shapes of its inputs and outputs are documented in the op's own file. */
export interface Kernel<Attributes extends object = object> {
  readonly name: string;
  /** Runs inside `tf.tidy`, off the tape. Must return new tensors, never one of its inputs. */
  readonly reference: (inputs: Inputs, attributes: Attributes) => tf.Tensor | tf.Tensor[];
  /** Multiplications and additions of one call, for kernels whose time they dominate. */
  readonly flops?: (inputs: KernelShapes) => number;
  readonly gradient?: {
    readonly inputsToSave?: string[];
    readonly outputsToSave?: boolean[];
    readonly gradFunc: (
      dy: tf.Tensor | tf.Tensor[],
      saved: tf.Tensor[],
      attributes: Attributes,
      // Null for an input that gets none, though it holds floats.
    ) => Record<string, () => tf.Tensor | null>;
  };
}

const registered = new Map<string, Set<string>>();
const flopsByName = new Map<string, (inputs: KernelShapes) => number>();

/** Registers the kernel's gradient, and its reference on the running backend if that has no kernel of this name. */
function ensureRegistered<Attributes extends object>(kernel: Kernel<Attributes>, backendName: string): void {
  let known = registered.get(backendName);
  if (!known) {
    known = new Set();
    registered.set(backendName, known);
  }
  if (known.has(kernel.name)) return;
  known.add(kernel.name);
  if (kernel.flops) flopsByName.set(kernel.name, kernel.flops);
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
export function runKernel<Attributes extends object>(
  kernel: Kernel<Attributes>,
  inputs: Inputs,
  attributes = {} as Attributes,
): tf.Tensor {
  return run(kernel, inputs, attributes) as tf.Tensor;
}

/** Runs a kernel of several outputs (or none) on the current backend. */
export function runKernelForMany<Attributes extends object>(
  kernel: Kernel<Attributes>,
  inputs: Inputs,
  attributes = {} as Attributes,
): tf.Tensor[] {
  return run(kernel, inputs, attributes) as tf.Tensor[];
}

function run<Attributes extends object>(kernel: Kernel<Attributes>, inputs: Inputs, attributes: Attributes): unknown {
  ensureRegistered(kernel, tf.getBackend());
  const outputs = tf.engine().runKernel(kernel.name, inputs, attributes as tf.NamedAttrMap);
  kernelHasRun();
  return outputs;
}

/**
 * Multiplications and additions of one call of a kernel of this package, from the shapes of its inputs. Matrix products
 * and attention count; what is bound by memory is 0, and so are kernels that have not run yet.
 */
export function kernelFlops(name: string, inputs: KernelShapes): number {
  return flopsByName.get(name)?.(inputs) ?? 0;
}
