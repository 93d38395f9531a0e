/**
 * Gradient checkpointing (Chen et al. 2016): the backward pass runs functions again instead of keeping what they saved.
 * `recompute` keeps a function's inputs; `dropping` also drops inputs that another such function makes, be it cheap (selective
 * recomputation, Korthikanti et al. 2022) or the layer before (one checkpoint for several layers).
 */
import * as tf from "@tensorflow/tfjs";
import { aliasOf, engineState, isTaping, type Present, runUntaped, type TapeNode } from "./tape.ts";
import { isOwnTape, isPullingBack, memoizeGradients, type VectorJacobianProduct, vjp } from "./vjp.ts";

/** Whether the results of `droppable` are dropped. */
let isDropping = false;

/**
 * Runs `f(...inputs)` and saves only its inputs; the backward pass runs f again (gradient checkpointing, Chen et al.
 * 2016). Results and gradients are bit-identical to those of plain `f`, provided f is a function of its inputs and the
 * listed parameters, each given once.
 */
export function recompute(
  f: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  inputs: tf.Tensor[],
  { parameters = [] }: { parameters?: tf.Tensor[] } = {},
): tf.Tensor[] {
  if (!isTaping()) return [f(...inputs)].flat();
  return runAgain(f, inputs, { parameters, isDroppable: false });
}

function runAgain(
  f: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  inputs: tf.Tensor[],
  { parameters, isDroppable }: { parameters: tf.Tensor[]; isDroppable: boolean },
): tf.Tensor[] {
  // Aliases, so that an input that f returns is not also the output of a second node.
  const outputs = runUntaped(() => tf.tidy(() => [f(...inputs)].flat().map(aliasOf)));
  const saved = runUntaped(() => inputs.map((input) => tf.keep(aliasOf(input))));
  const all = [...inputs, ...parameters];
  let again: VectorJacobianProduct | null = null;
  let consumed = false;
  const remake = () => {
    again ??= vjp(f, saved, { parameters });
    return again.outputs.map((output) => tf.keep(output));
  };
  const release = () => {
    if (!again) return;
    tf.dispose(again.outputs);
    if (!consumed) again.dispose();
  };
  const gradient = (dys: (tf.Tensor | null)[], present: Present = () => null) => {
    const gradients = memoizeGradients(() => {
      const { pullback } = again ?? vjp(f, saved, { parameters });
      consumed = true;
      const seen = new Set<number>();
      const once = (tensor: tf.Tensor) => {
        const isFirst = !seen.has(tensor.id);
        seen.add(tensor.id);
        return isFirst ? present(tensor) : null;
      };
      const before = { inputs: inputs.map(once), parameters: parameters.map(once) };
      const { inputs: dInputs, parameters: dParameters } = pullback(dys, before);
      const found = [...dInputs, ...dParameters];
      // TensorFlow.js's own backward pass cannot handle missing gradients.
      return !isPullingBack() ? found.map((dx, i) => dx ?? tf.zerosLike(all[i]!)) : found;
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
    accumulates: true,
    ...(isDroppable && { remake, release }),
  });
  return outputs;
}

/**
 * Runs `f(...inputs)`. Within `dropping`, later operations that save its result do not keep it: the backward pass runs f
 * again. Elsewhere this is just `f(...inputs)`.
 */
export function droppable(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: tf.Tensor[],
  { parameters = [] }: { parameters?: tf.Tensor[] } = {},
): tf.Tensor {
  if (!isDropping || !isTaping()) return f(...inputs);
  return runAgain(f, inputs, { parameters, isDroppable: true })[0]!;
}

/**
 * Runs f, and drops the results of `droppable` functions from what its operations saved. Results and gradients are
 * bit-identical to those of plain `f`.
 */
export function dropping<T>(f: () => T): T {
  const tape = engineState().activeTape;
  if (!isTaping() || !tape || !isOwnTape(tape)) return f();
  const first = tape.length;
  const before = isDropping;
  isDropping = true;
  try {
    return f();
  } finally {
    isDropping = before;
    drop(tape.slice(first));
  }
}

/** Frees saved tensors that share the memory of an output of an earlier node that can make it again. */
function drop(nodes: readonly TapeNode[]): void {
  const producers = new Map<object, { producer: TapeNode; output: number }>();
  for (const node of nodes) {
    node.saved.forEach((tensor, index) => {
      const made = producers.get(tensor.dataId);
      if (!made) return;
      tensor.dispose();
      node.dropped = [...(node.dropped ?? []), { index, ...made }];
    });
    if (!node.remake) continue;
    for (const [output, { dataId }] of node.outputs.entries()) producers.set(dataId, { producer: node, output });
  }
}
