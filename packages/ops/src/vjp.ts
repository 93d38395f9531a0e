/**
 * Vector-Jacobian products: a forward pass now, its backward pass later. Unlike `tf.grads`, the pullback frees what the forward
 * saved as it consumes it, takes any number of outputs, and nests, so that `recompute` takes a few lines.
 */
import * as tf from "@tensorflow/tfjs";
import { asConstant } from "./constant.ts";
import { aliasOf, engineState, type Present, type TapeNode } from "./tape.ts";

let pullbackDepth = 0;

/** True while a pullback of ours runs; TensorFlow.js's own backward pass cannot handle missing gradients. */
export const isPullingBack = (): boolean => pullbackDepth > 0;

/** The tapes of `record`, whose backward pass makes again what was dropped; TensorFlow.js's own cannot. */
const ownTapes = new WeakSet<TapeNode[]>();

/** Whether the tape is one whose backward pass is a pullback of ours. */
export const isOwnTape = (tape: TapeNode[]): boolean => ownTapes.has(tape);

/** Gradients in the order of the listed tensors; null for a tensor that gets none. The caller disposes them. */
export interface Gradients {
  inputs: (tf.Tensor | null)[];
  parameters: (tf.Tensor | null)[];
}

/** The result of a forward pass and the way back. */
export interface VectorJacobianProduct {
  outputs: tf.Tensor[];
  /**
   * Consumes what the forward saved, so call it once. Cotangents have the shapes of the outputs; `present` are gradients that
   * the new ones are added to. Both stay the caller's.
   */
  pullback: (cotangents: (tf.Tensor | null)[], present?: Gradients) => Gradients;
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
  const pullback = (cotangents: (tf.Tensor | null)[], present?: Gradients): Gradients => {
    consume();
    const gradients = new Map<number, tf.Tensor>();
    const start = (tensor: tf.Tensor, gradient: tf.Tensor | null | undefined) => {
      if (gradient) gradients.set(tensor.id, tf.keep(aliasOf(gradient)));
    };
    for (const [i, input] of inputs.entries()) start(input, present?.inputs[i]);
    for (const [i, parameter] of parameters.entries()) start(parameter, present?.parameters[i]);
    pullBack({ tape, outputs, cotangents, wanted, reachable, gradients });
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
    tape.forEach(free);
  };
  return { outputs, pullback, dispose };
}

/** Runs f on a new tape. */
function record(f: () => tf.Tensor | tf.Tensor[]): { outputs: tf.Tensor[]; tape: TapeNode[] } {
  const state = engineState();
  const { activeTape, gradientDepth } = state;
  const tape: TapeNode[] = [];
  ownTapes.add(tape);
  state.activeTape = tape;
  state.gradientDepth = 1;
  try {
    const outputs = tf.tidy(() => [f()].flat());
    return { outputs, tape };
  } catch (error) {
    tape.forEach(free);
    throw error;
  } finally {
    state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
  }
}

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

/** Adds to `gradients`. */
function pullBack({
  tape,
  outputs,
  cotangents,
  wanted,
  reachable,
  gradients,
}: {
  tape: TapeNode[];
  outputs: tf.Tensor[];
  cotangents: (tf.Tensor | null)[];
  wanted: Set<number>;
  reachable: Set<number>;
  gradients: Map<number, tf.Tensor>;
}): void {
  const accumulate = (tensor: tf.Tensor, gradient: tf.Tensor) => {
    const present = gradients.get(tensor.id);
    gradients.set(tensor.id, present ? tf.add(present, gradient) : gradient);
    if (present) {
      present.dispose();
      gradient.dispose();
    }
  };
  const replace = (found: [tf.Tensor, tf.Tensor][]) => {
    const seen = new Set<number>();
    for (const [input, gradient] of found) {
      if (!seen.has(input.id)) {
        gradients.get(input.id)?.dispose();
        gradients.delete(input.id);
      }
      seen.add(input.id);
      accumulate(input, gradient);
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
          asConstant(() => restore(node));
          const present = ({ id }: tf.Tensor) => gradients.get(id) ?? null;
          const found = gradientsOf(node, { dys, reachable, present });
          if (node.accumulates) replace(found);
          else for (const [input, gradient] of found) accumulate(input, gradient);
        }
      } finally {
        free(node);
      }
      node.outputs.forEach((output, i) => {
        if (wanted.has(output.id) || dys[i] === null) return;
        gradients.delete(output.id);
        dys[i]!.dispose();
      });
    }
  } catch (error) {
    tf.dispose([...gradients.values()]);
    tape.forEach(free);
    throw error;
  } finally {
    pullbackDepth--;
  }
  for (const [id, gradient] of gradients) {
    if (wanted.has(id)) continue;
    gradient.dispose();
    gradients.delete(id);
  }
}

/** Frees what a node holds. */
function free(node: TapeNode): void {
  tf.dispose(node.saved);
  node.release?.();
}

/** Makes again what was dropped of a node's saved tensors. Its producers are earlier on the tape, so still whole. */
function restore(node: TapeNode): void {
  for (const { index, producer, output } of node.dropped ?? []) {
    restore(producer);
    node.saved[index] = tf.keep(aliasOf(producer.remake!()[output]!));
  }
  node.dropped = undefined;
}

function gradientsOf(
  node: TapeNode,
  { dys, reachable, present }: { dys: (tf.Tensor | null)[]; reachable: Set<number>; present: Present },
): [tf.Tensor, tf.Tensor][] {
  const wanted = Object.entries(node.inputs).filter(([, input]) => reachable.has(input.id));
  if (wanted.length === 0) return [];
  if (!node.gradient) throw new Error(`the kernel ${node.kernelName} has no gradient`);
  const found: [tf.Tensor, tf.Tensor][] = [];
  tf.tidy(() => {
    // TensorFlow.js makes zeros for missing dys, and gradients make ones: they follow from shapes.
    const thunks = asConstant(() => node.gradient!(dys, present));
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
