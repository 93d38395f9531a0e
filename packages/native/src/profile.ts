/** Records kernel calls while switched on: name, shapes, bytes, FLOPs, start and duration. */
import { kernelFlops } from "@megatron-ts/ops";
import type * as tf from "@tensorflow/tfjs";
import { type Kernel, type Run, sizeOf } from "./kernel.ts";
import { setProfiling } from "./profiling.ts";

/** One recorded kernel call. */
export interface KernelEvent {
  /** Name of the kernel, as registered with TensorFlow.js. */
  name: string;
  /** Shapes of the inputs. */
  shapes: number[][];
  /** Bytes of inputs and outputs in their logical types, 4 per element (1 for bool) even if stored as bf16. */
  bytes: number;
  /** Multiplications and additions of matrix products and attention; 0 for other kernels. */
  flops: number;
  /** Milliseconds, on the clock of `performance.now()`. */
  start: number;
  /** Milliseconds. */
  duration: number;
}

let events: KernelEvent[] | null = null;
let capacity = 0;
let next = 0;

/** Starts recording, from scratch. Keeps the latest `maxEvents` calls. */
export function startProfile({ maxEvents = 1_000_000 }: { maxEvents?: number } = {}): void {
  events = [];
  setProfiling(true);
  capacity = maxEvents;
  next = 0;
}

/** Stops recording and returns the calls in order. */
export function stopProfile(): KernelEvent[] {
  const recorded = events ?? [];
  events = null;
  setProfiling(false);
  return [...recorded.slice(next), ...recorded.slice(0, next)];
}

const bytesOf = ({ shape, dtype }: tf.TensorInfo) => sizeOf(shape) * (dtype === "bool" ? 1 : 4);

/** The same kernel, recorded while profiling. */
export function profiled(name: string, run: Run, flops: Kernel["flops"]): Run {
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
      flops: flops ? flops(call) : kernelFlops(name, call.inputs),
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
