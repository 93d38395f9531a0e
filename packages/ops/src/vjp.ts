/**
 * Vector-Jacobian products: a forward pass now, its backward pass later. The only file that knows TensorFlow.js's tape.
 *
 * Unlike `tf.grads`, the pullback frees what the forward saved as it consumes it, takes any number of outputs, and
 * nests, so that `recompute` (gradient checkpointing, Chen et al. 2016) takes a few lines.
 */
import * as tf from "@tensorflow/tfjs";
import { asConstant } from "./constant.ts";

interface TapeNode {
  id: number;
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  saved: tf.Tensor[];
  /** A gradient is null if an input of our own nodes gets none. */
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor | null>;
}

interface EngineState {
  activeTape: TapeNode[] | null;
  gradientDepth: number;
  kernelDepth: number;
  nextTapeNodeId: number;
}

// The declared type of the state leaves the tape out.
const engineState = () => tf.engine().state as unknown as EngineState;

let pullbackDepth = 0;

/** True in the first run of a recomputed function, which must round as the recorded second run will. */
let runningUntaped = false;

/** True while operations are recorded for a later backward pass, or will be when `recompute` runs them again. */
export function isRecording(): boolean {
  return isTaping() || (runningUntaped && engineState().kernelDepth === 0);
}

/** True while operations go onto the tape. */
function isTaping(): boolean {
  const { gradientDepth, kernelDepth } = engineState();
  return gradientDepth > 0 && kernelDepth === 0;
}

/** Gradients in the order of the listed tensors; null for a tensor that gets none. The caller disposes them. */
export interface Gradients {
  inputs: (tf.Tensor | null)[];
  parameters: (tf.Tensor | null)[];
}

/** The result of a forward pass and the way back. */
export interface VectorJacobianProduct {
  outputs: tf.Tensor[];
  /** Consumes what the forward saved, so call it once. Cotangents have the shapes of the outputs and stay the caller's. */
  pullback: (cotangents: (tf.Tensor | null)[]) => Gradients;
  /** Frees what the forward saved, if there will be no backward pass. */
  dispose: () => void;
}

/**
 * Runs `f(...inputs)` and keeps what its backward pass needs.
 *
 * List every tensor that needs a gradient: inputs, and parameters that `f` reaches by closure. A closure over a tensor
 * that is not listed gets no gradient. The gradient of a tensor that `f` does not use, or that holds integers, is null.
 */
export function vjp(
  f: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  inputs: tf.Tensor[],
  { parameters = [] }: { parameters?: tf.Tensor[] } = {},
): VectorJacobianProduct {
  const { outputs, tape } = record(() => f(...inputs));
  const differentiable = [...inputs, ...parameters].filter(({ dtype }) => dtype === "float32");
  const wanted = new Set(differentiable.map(({ id }) => id));
  const reachable = reachableFrom(wanted, tape);
  let consumed = false;
  const consume = () => {
    if (consumed) throw new Error("a pullback can be called only once: it frees what the forward pass saved");
    consumed = true;
  };
  const pullback = (cotangents: (tf.Tensor | null)[]): Gradients => {
    consume();
    const gradients = pullBack({ tape, outputs, cotangents, wanted, reachable });
    const take = (tensor: tf.Tensor) => {
      const gradient = gradients.get(tensor.id);
      return gradient ? aliasOf(gradient) : null;
    };
    const taken = { inputs: inputs.map(take), parameters: parameters.map(take) };
    tf.dispose([...gradients.values()]);
    return taken;
  };
  const dispose = () => {
    consume();
    tf.dispose(tape.map((node) => node.saved));
  };
  return { outputs, pullback, dispose };
}

/** Runs f on a new tape. */
function record(f: () => tf.Tensor | tf.Tensor[]): { outputs: tf.Tensor[]; tape: TapeNode[] } {
  const state = engineState();
  const { activeTape, gradientDepth } = state;
  const tape: TapeNode[] = [];
  state.activeTape = tape;
  state.gradientDepth = 1;
  try {
    const outputs = tf.tidy(() => [f()].flat());
    return { outputs, tape };
  } catch (error) {
    tf.dispose(tape.map((node) => node.saved));
    throw error;
  } finally {
    state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
  }
}

/** Another tensor that shares the memory; on some backends a clone would copy it. */
const aliasOf = (tensor: tf.Tensor) => tf.reshape(tensor, tensor.shape);

/** Gradients flow through floats only, not into ids, ranges or comparisons. */
const isFloat = (tensor: tf.Tensor) => tensor.dtype === "float32";

/** Ids of all tensors on the tape that depend on one that needs a gradient. */
function reachableFrom(wanted: Set<number>, tape: TapeNode[]): Set<number> {
  const reachable = new Set(wanted);
  for (const node of tape) {
    if (Object.values(node.inputs).some((input) => reachable.has(input.id))) {
      for (const output of node.outputs.filter(isFloat)) reachable.add(output.id);
    }
  }
  return reachable;
}

function pullBack({
  tape,
  outputs,
  cotangents,
  wanted,
  reachable,
}: {
  tape: TapeNode[];
  outputs: tf.Tensor[];
  cotangents: (tf.Tensor | null)[];
  wanted: Set<number>;
  reachable: Set<number>;
}): Map<number, tf.Tensor> {
  const gradients = new Map<number, tf.Tensor>();
  const accumulate = (tensor: tf.Tensor, gradient: tf.Tensor) => {
    const present = gradients.get(tensor.id);
    gradients.set(tensor.id, present ? tf.add(present, gradient) : gradient);
    if (present) {
      present.dispose();
      gradient.dispose();
    }
  };
  outputs.forEach((output, i) => {
    const cotangent = cotangents[i];
    if (cotangent && reachable.has(output.id)) accumulate(output, tf.keep(aliasOf(cotangent)));
  });

  pullbackDepth++;
  try {
    for (let node = tape.pop(); node; node = tape.pop()) {
      const dys = node.outputs.map((output) => gradients.get(output.id) ?? null);
      try {
        if (dys.some((dy) => dy !== null)) {
          for (const [input, gradient] of gradientsOf(node, dys, reachable)) accumulate(input, gradient);
        }
      } finally {
        tf.dispose(node.saved);
      }
      node.outputs.forEach((output, i) => {
        if (wanted.has(output.id) || dys[i] === null) return;
        gradients.delete(output.id);
        dys[i]!.dispose();
      });
    }
  } catch (error) {
    tf.dispose([...gradients.values()]);
    tf.dispose(tape.map((node) => node.saved));
    throw error;
  } finally {
    pullbackDepth--;
  }
  for (const [id, gradient] of gradients) {
    if (wanted.has(id)) continue;
    gradient.dispose();
    gradients.delete(id);
  }
  return gradients;
}

function gradientsOf(node: TapeNode, dys: (tf.Tensor | null)[], reachable: Set<number>): [tf.Tensor, tf.Tensor][] {
  const wanted = Object.entries(node.inputs).filter(([, input]) => reachable.has(input.id));
  if (wanted.length === 0) return [];
  if (!node.gradient) throw new Error(`the kernel ${node.kernelName} has no gradient`);
  const found: [tf.Tensor, tf.Tensor][] = [];
  tf.tidy(() => {
    // TensorFlow.js makes zeros for missing dys, and gradients make ones: they follow from shapes.
    const thunks = asConstant(() => node.gradient!(dys));
    for (const [name, input] of wanted) {
      const thunk = thunks[name];
      if (!thunk) throw new Error(`the kernel ${node.kernelName} has no gradient for its input ${name}`);
      const gradient = asConstant(thunk);
      // An alias, since it may also be a cotangent, a saved tensor or the gradient of another input.
      // Kept, since gradients outlive any tidy that the pullback is called in, until they are consumed or returned.
      if (gradient) found.push([input, tf.keep(aliasOf(gradient))]);
    }
  });
  return found;
}

/**
 * Gradient thunks that share one computation. Our pullback runs it once; TensorFlow.js's own backward pass, which frees
 * everything but the result of each thunk, runs it once per thunk.
 */
export function memoizeGradients<T extends tf.Tensor | null>(compute: () => T[]): (index: number) => () => T {
  let computed: T[] | undefined;
  return (index) => () => {
    if (pullbackDepth === 0) return compute()[index]!;
    computed ??= compute();
    return computed[index]!;
  };
}

/** Runs f off the tape, exactly as it will run when it is recorded. */
function runUntaped<T>(f: () => T): T {
  const state = engineState();
  const { gradientDepth } = state;
  const before = runningUntaped;
  state.gradientDepth = 0;
  runningUntaped = true;
  try {
    return f();
  } finally {
    state.gradientDepth = gradientDepth;
    runningUntaped = before;
  }
}

/**
 * Runs `f(...inputs)` and saves only its inputs; the backward pass runs f again (gradient checkpointing, Chen et al.
 * 2016). Results and gradients are bit-identical to those of plain `f`, provided f is a function of its inputs and the
 * listed parameters. (The gradient of a parameter that is also used outside f is the same sum in another order.)
 */
export function recompute(
  f: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  inputs: tf.Tensor[],
  { parameters = [] }: { parameters?: tf.Tensor[] } = {},
): tf.Tensor[] {
  if (!isTaping()) return [f(...inputs)].flat();
  // Aliases, so that an input that f returns is not also the output of a second node.
  const outputs = runUntaped(() => tf.tidy(() => [f(...inputs)].flat().map(aliasOf)));
  const saved = runUntaped(() => inputs.map((input) => tf.keep(aliasOf(input))));
  const all = [...inputs, ...parameters];
  const gradient = (dys: (tf.Tensor | null)[]) => {
    const gradients = memoizeGradients(() => {
      const { pullback } = vjp(f, saved, { parameters });
      const { inputs: dInputs, parameters: dParameters } = pullback(dys);
      const found = [...dInputs, ...dParameters];
      // TensorFlow.js's own backward pass cannot handle missing gradients.
      return pullbackDepth === 0 ? found.map((dx, i) => dx ?? tf.zerosLike(all[i]!)) : found;
    });
    return Object.fromEntries(all.map((_, i) => [String(i), gradients(i)]));
  };
  const state = engineState();
  state.activeTape!.push({
    id: state.nextTapeNodeId++,
    kernelName: "recompute",
    inputs: Object.fromEntries(all.map((tensor, i) => [String(i), tensor])),
    outputs,
    saved,
    gradient,
  });
  return outputs;
}
