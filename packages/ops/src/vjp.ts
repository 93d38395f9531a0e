/**
 * Vector-Jacobian products: a forward now and its backward later. The one file that knows TensorFlow.js's tape.
 *
 * Unlike `tf.grads`, the pullback frees what the forward saved as it consumes it, takes any number of outputs, and
 * nests, so that `recompute` (gradient checkpointing, Chen et al. 2016) is a few lines on top.
 */
import * as tf from "@tensorflow/tfjs";

interface TapeNode {
  id: number;
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  saved: tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

interface EngineState {
  activeTape: TapeNode[] | null;
  gradientDepth: number;
  kernelDepth: number;
  nextTapeNodeId: number;
}

const engineState = () => tf.engine().state as unknown as EngineState;

let pullbackDepth = 0;

/** True while operations are recorded for a later backward. */
export function isRecording(): boolean {
  const { gradientDepth, kernelDepth } = engineState();
  return gradientDepth > 0 && kernelDepth === 0;
}

/** Gradients in the order of the tensors they were asked for; null where none arrived. The caller disposes them. */
export interface Gradients {
  inputs: (tf.Tensor | null)[];
  parameters: (tf.Tensor | null)[];
}

export interface VectorJacobianProduct {
  outputs: tf.Tensor[];
  /** Consumes what the forward saved: call it once. Cotangents are shaped like the outputs and stay the caller's. */
  pullback: (cotangents: (tf.Tensor | null)[]) => Gradients;
  /** Frees what the forward saved when no backward will come. */
  dispose: () => void;
}

/**
 * Runs `f(...inputs)` and keeps what its backward needs.
 *
 * Every tensor that wants a gradient is listed: inputs, and parameters that `f` reaches by closure. The gradient of
 * a tensor that `f` does not use is null, and so is that of one that holds integers.
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
    if (consumed) throw new Error("a pullback can be used once: it frees what the forward saved");
    consumed = true;
  };
  const pullback = (cotangents: (tf.Tensor | null)[]): Gradients => {
    consume();
    const gradients = pullBack({ tape, outputs, cotangents, wanted, reachable });
    const take = (tensor: tf.Tensor) => {
      const gradient = gradients.get(tensor.id);
      return gradient ? gradient.clone() : null;
    };
    const taken = { inputs: inputs.map(take), parameters: parameters.map(take) };
    for (const gradient of gradients.values()) gradient.dispose();
    return taken;
  };
  const dispose = () => {
    consume();
    for (const node of tape) for (const tensor of node.saved) tensor.dispose();
  };
  return { outputs, pullback, dispose };
}

/** Runs f on a tape of its own. */
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
    for (const node of tape) for (const tensor of node.saved) tensor.dispose();
    throw error;
  } finally {
    state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
  }
}

/** Ids of all tensors on the tape that depend on a wanted one. */
function reachableFrom(wanted: Set<number>, tape: TapeNode[]): Set<number> {
  const reachable = new Set(wanted);
  for (const node of tape) {
    if (Object.values(node.inputs).some((input) => reachable.has(input.id))) {
      for (const output of node.outputs) reachable.add(output.id);
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
    if (cotangent && reachable.has(output.id)) accumulate(output, tf.keep(cotangent.clone()));
  });

  pullbackDepth++;
  try {
    for (let node = tape.pop(); node; node = tape.pop()) {
      const dys = node.outputs.map((output) => gradients.get(output.id) ?? null);
      if (dys.some((dy) => dy !== null)) {
        for (const [input, gradient] of gradientsOf(node, dys, reachable)) accumulate(input, gradient);
      }
      node.outputs.forEach((output, i) => {
        if (wanted.has(output.id) || dys[i] === null) return;
        gradients.delete(output.id);
        dys[i]!.dispose();
      });
      for (const tensor of node.saved) tensor.dispose();
    }
  } finally {
    pullbackDepth--;
    for (const node of tape) for (const tensor of node.saved) tensor.dispose();
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
  const computed = tf.tidy(() => {
    const thunks = node.gradient!(dys);
    return wanted.map(([name]) => {
      const thunk = thunks[name];
      if (!thunk) throw new Error(`the kernel ${node.kernelName} has no gradient for its input ${name}`);
      const gradient = thunk();
      return dys.includes(gradient) ? gradient.clone() : gradient;
    });
  });
  // Kept: gradients outlive whatever tidy the pullback is called in, until they are consumed or returned.
  return wanted.map(([, input], i) => [input, tf.keep(computed[i]!)]);
}

/**
 * Gradient thunks that share one computation. Inside our pullback it runs once; inside TensorFlow.js's own backward,
 * which frees everything but the result of each thunk, it runs anew for each.
 */
export function jointly(compute: () => tf.Tensor[]): (index: number) => () => tf.Tensor {
  let computed: tf.Tensor[] | undefined;
  return (index) => () => {
    if (pullbackDepth === 0) return compute()[index]!;
    computed ??= compute();
    return computed[index]!;
  };
}

/** Runs f without recording it. */
function paused<T>(f: () => T): T {
  const state = engineState();
  const { gradientDepth } = state;
  state.gradientDepth = 0;
  try {
    return f();
  } finally {
    state.gradientDepth = gradientDepth;
  }
}

/**
 * Runs `f(...inputs)` saving only its inputs; the backward runs f again (gradient checkpointing). The result and the
 * gradients are those of plain `f`, bit for bit, provided f is a function of its inputs and the listed parameters.
 */
export function recompute(
  f: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  inputs: tf.Tensor[],
  { parameters = [] }: { parameters?: tf.Tensor[] } = {},
): tf.Tensor[] {
  if (!isRecording()) return [f(...inputs)].flat();
  const outputs = paused(() => tf.tidy(() => [f(...inputs)].flat()));
  const saved = inputs.map((input) => tf.keep(input.clone()));
  const all = [...inputs, ...parameters];
  const gradient = (dys: (tf.Tensor | null)[]) => {
    const gradients = jointly(() => {
      const { outputs: again, pullback } = vjp(f, saved, { parameters });
      for (const tensor of again) tensor.dispose();
      const { inputs: dInputs, parameters: dParameters } = pullback(dys);
      return [...dInputs, ...dParameters].map((dx, i) => dx ?? tf.zerosLike(all[i]!));
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
