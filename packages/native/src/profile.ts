/** Records every kernel call while it is switched on: name, shapes, bytes, floating-point operations, start and duration. */
import type * as tf from "@tensorflow/tfjs";
import { type Run, sizeOf } from "./kernel.ts";

export interface KernelEvent {
  name: string;
  /** Shapes of the inputs. */
  shapes: number[][];
  /** Bytes of inputs and outputs, as if all were stored in their logical type. */
  bytes: number;
  /** Multiplications and additions of matrix products; 0 elsewhere. */
  flops: number;
  /** Milliseconds, on the clock of `performance.now()`. */
  start: number;
  duration: number;
}

let events: KernelEvent[] | null = null;
let capacity = 0;
let next = 0;

/** Starts recording; of more calls than `most`, the latest are kept. */
export function startProfile({ most = 1_000_000 }: { most?: number } = {}): void {
  events = [];
  capacity = most;
  next = 0;
}

/** Stops recording and gives the calls in their order. */
export function stopProfile(): KernelEvent[] {
  const recorded = events ?? [];
  events = null;
  return [...recorded.slice(next), ...recorded.slice(0, next)];
}

const shapeOf = (tensor: tf.TensorInfo | undefined) => tensor?.shape ?? [];
const bytesOf = ({ shape, dtype }: tf.TensorInfo) => sizeOf(shape) * (dtype === "bool" ? 1 : 4);

/** Floating-point operations of the kernels that are bound by them. */
function flopsOf(name: string, inputs: Record<string, tf.TensorInfo>, outputs: tf.TensorInfo[]): number {
  const [q, k, weight, dy, x] = ["q", "k", "weight", "dy", "x"].map((key) => shapeOf(inputs[key]));
  switch (name) {
    case "MegatronLinear":
      return 2 * sizeOf(x!) * weight![0]!;
    case "MegatronLinearInputGradient":
      return 2 * sizeOf(dy!) * weight![1]!;
    case "MegatronLinearWeightGradient":
      return 2 * sizeOf(x!) * dy![dy!.length - 1]!;
    case "MegatronAttention":
    case "MegatronBiasedAttention":
      return 4 * sizeOf(q!) * keysOf(inputs, k!);
    case "MegatronAttentionGradient":
    case "MegatronBiasedAttentionGradient":
      return 10 * sizeOf(q!) * keysOf(inputs, k!);
    case "BatchMatMul":
    case "_FusedMatMul": {
      const [a, result] = [shapeOf(inputs.a), outputs[0]!.shape];
      const inner = sizeOf(a.slice(-2)) / result[result.length - 2]!;
      return 2 * sizeOf(result) * inner;
    }
    default:
      return 0;
  }
}

/** Keys that each query may see, masks aside. */
function keysOf({ pageTable }: Record<string, tf.TensorInfo>, k: number[]): number {
  return pageTable ? pageTable.shape[1]! * k[1]! : k[1]!;
}

/** The same kernel, recorded while a profile runs. */
export function profiled(name: string, run: Run): Run {
  return (call) => {
    if (!events) return run(call);
    const start = performance.now();
    const result = run(call);
    const duration = performance.now() - start;
    const inputs = Object.values(call.inputs).filter(Boolean);
    const outputs = [result].flat();
    const event = {
      name,
      shapes: inputs.map(({ shape }) => shape),
      bytes: [...inputs, ...outputs].reduce((sum, tensor) => sum + bytesOf(tensor), 0),
      flops: flopsOf(name, call.inputs, outputs),
      start,
      duration,
    };
    if (events.length < capacity) events.push(event);
    else {
      events[next] = event;
      next = (next + 1) % capacity;
    }
    return result;
  };
}
