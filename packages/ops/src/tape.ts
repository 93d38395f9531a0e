/** TensorFlow.js's tape: what operations record for the backward pass. Only this file, vjp.ts and recompute.ts know it. */
import * as tf from "@tensorflow/tfjs";

/** The gradient that a tensor has so far. */
export type Present = (tensor: tf.Tensor) => tf.Tensor | null;

/** An operation on the tape. */
export interface TapeNode {
  id: number;
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  saved: tf.Tensor[];
  /** A gradient is null if an input of our own nodes gets none. */
  gradient?: (dys: (tf.Tensor | null)[], present?: Present) => Record<string, () => tf.Tensor | null>;
  /** Whether the gradients of inputs include those present already: sums keep the order that they have without the node. */
  accumulates?: boolean;
  /** Entries of `saved` that were freed: output number `output` of `producer` makes them again. */
  dropped?: { index: number; producer: TapeNode; output: number }[];
  /** Makes the outputs again; in nodes of `droppable`. They stay the node's own until `release`. */
  remake?: () => tf.Tensor[];
  /** Frees what `remake` made. */
  release?: () => void;
}

interface EngineState {
  activeTape: TapeNode[] | null;
  gradientDepth: number;
  kernelDepth: number;
  nextTapeNodeId: number;
}

/** The state of TensorFlow.js, whose declared type leaves the tape out. */
export const engineState = () => tf.engine().state as unknown as EngineState;

/** True in the first run of a recomputed function, which must round as the recorded second run will. */
let runningUntaped = false;

/** True while operations are recorded for a later backward pass, or will be when `recompute` runs them again. */
export function isRecording(): boolean {
  return isTaping() || (runningUntaped && engineState().kernelDepth === 0);
}

/** True while operations go onto the tape. */
export function isTaping(): boolean {
  const { gradientDepth, kernelDepth } = engineState();
  return gradientDepth > 0 && kernelDepth === 0;
}

/** Runs f off the tape, exactly as it will run when it is recorded. */
export function runUntaped<T>(f: () => T): T {
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

/** Another tensor that shares the memory; on some backends a clone would copy it. */
export const aliasOf = (tensor: tf.Tensor) => tf.reshape(tensor, tensor.shape);
