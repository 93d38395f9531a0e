/**
 * Functions that run again and again on tensors of the same shapes, as a decoding step does. A backend may record the
 * kernels of one run and replay them without JavaScript in between (as CUDA graphs do); other backends run the function.
 */
import * as tf from "@tensorflow/tfjs";
import { type CaptureBackend, captureBackend, type Program } from "./constant.ts";
import { kernelHasRun } from "./kernel-watch.ts";
import { overwrite } from "./mutate.ts";
import { isRecording } from "./tape.ts";

/** The numbers of a captured function's input, in its shape. */
export type InputValues = Int32Array | Float32Array;

/** A function whose kernels are recorded where the backend can. */
export interface Captured {
  /** Runs the function on these numbers, one array for each input. The caller disposes the results. */
  run(...values: InputValues[]): tf.Tensor[];
  /** Why the last run was not recorded or replayed; null if it was. */
  readonly refusal: string | null;
  /** Frees the recorded run and the inputs. */
  dispose(): void;
}

/** Options of `captured`. */
export interface CapturedOptions {
  /** The shape of each input. Its numbers are int32 unless `dtype` says otherwise. */
  inputs: readonly { readonly shape: readonly number[]; readonly dtype?: "int32" | "float32" }[];
  /** Weights that f reaches by closure and that may be swapped for others between runs. */
  parameters?: () => Iterable<tf.Tensor>;
}

/** Runs that may be refused before recording is given up. */
const MOST_REFUSALS = 3;

/**
 * Wraps f for many runs. What changes from run to run must be in its inputs, or in tensors that keep their place, such as
 * those that `overwrite` and `cacheAppend` change: a run that reads a tensor, makes one of numbers from JavaScript (see
 * `constant`) or leaves one behind is never replayed. f returns new tensors.
 */
export function captured(
  f: (...inputs: tf.Tensor[]) => tf.Tensor[],
  { inputs, parameters = () => [] }: CapturedOptions,
): Captured {
  let tensors: tf.Tensor[] | null = null;
  let recorded: { program: Program; backend: CaptureBackend; weights: object[] } | null = null;
  let refusal: string | null = "it has not run yet";
  let refusals = 0;

  const weightsNow = () => Array.from(parameters(), ({ dataId }) => dataId);

  function forget() {
    recorded?.program.dispose();
    recorded = null;
  }

  function place(values: readonly InputValues[]): tf.Tensor[] {
    if (values.length !== inputs.length) throw new Error(`expected ${inputs.length} inputs, got ${values.length}`);
    const create = () =>
      inputs.map(({ shape, dtype = "int32" }, i) => tf.keep(tf.tensor(values[i]!, [...shape], dtype)));
    if (tensors) for (const [i, tensor] of tensors.entries()) overwrite(tensor, values[i]!);
    else tensors = create();
    return tensors;
  }

  function replay(backend: CaptureBackend): tf.Tensor[] | null {
    if (recorded?.backend !== backend) return null;
    let index = 0;
    for (const { dataId } of parameters()) if (recorded.weights[index++] !== dataId) return null;
    return recorded.program.replay();
  }

  function run(...values: InputValues[]): tf.Tensor[] {
    const own = place(values);
    const plain = () => tf.tidy(() => f(...own));
    const backend = captureBackend();
    if (!backend || refusals >= MOST_REFUSALS) return plain();
    if (isRecording()) {
      refusal = "gradients are recorded";
      return plain();
    }
    const replayed = replay(backend);
    if (replayed) {
      kernelHasRun();
      refusal = null;
      return replayed;
    }
    forget();
    const weights = weightsNow();
    const captured = backend.capture(plain);
    refusal = captured.refusal;
    if (captured.program) recorded = { program: captured.program, backend, weights };
    else refusals++;
    return captured.outputs;
  }

  return {
    run,
    get refusal() {
      return refusal;
    },
    dispose() {
      forget();
      if (tensors) tf.dispose(tensors);
      tensors = null;
    },
  };
}
