/**
 * Functions that run again and again on tensors of the same shapes, as a decoding step does. A backend may record the
 * kernels of one run and replay them without JavaScript in between (as CUDA graphs do); other backends run the function.
 */
import * as tf from "@tensorflow/tfjs";
import { overwrite } from "./mutate.ts";
import { isRecording } from "./vjp.ts";

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

function captureBackend(): CaptureBackend | null {
  // Any backend may implement the interface; TensorFlow.js's type knows nothing of it.
  const backend = tf.backend() as unknown as Partial<CaptureBackend>;
  return typeof backend.capture === "function" ? (backend as CaptureBackend) : null;
}

/**
 * A tensor that `create` makes of numbers from JavaScript which are the same in every run: they follow from shapes and the
 * configuration alone. A captured function must not make tensors of any other numbers, except of scalars that are constants.
 */
export function constant<T extends tf.Tensor>(create: () => T): T {
  return captureBackend()?.asConstant(create) ?? create();
}

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
