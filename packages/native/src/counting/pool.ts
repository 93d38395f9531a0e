/**
 * The tensors of a counting engine: how many elements of which kind, and the bytes that the engine's pool would take for
 * them. Mirrors `kernels/src/memory.rs`; knows no operations.
 */
import type { MemoryUsage } from "../native-addon.ts";

/** Names of element kinds, by number. */
export const KIND_NAMES = ["f32", "bf16", "i32", "u8"] as const;
/** The numbers of the element kinds. */
export const [F32, BF16, I32, U8] = [0, 1, 2, 3] as const;
/** Bytes of an element, by kind. */
const BYTES = [4, 2, 4, 1] as const;

const ALIGNMENT = 64;

/** A tensor without elements. */
export interface CountedTensor {
  kind: number;
  length: number;
  /** Bytes taken for it. */
  capacity: number;
  /** How many blocks had been taken when it was made. */
  birth: number;
}

/** A kind and a number of elements. */
export type Block = readonly [kind: number, length: number];

/** Bytes of a block in the pool: eight sizes per doubling. */
function capacityFor(bytes: number): number {
  const upTo = (step: number) => Math.ceil(Math.max(bytes, 1) / step) * step;
  if (bytes <= 8 * ALIGNMENT) return upTo(ALIGNMENT);
  return upTo(Math.max(2 ** Math.ceil(Math.log2(bytes)) / 16, ALIGNMENT));
}

/** Counts blocks as they are taken and given back. */
export class Pool {
  private readonly tensors: (CountedTensor | undefined)[] = [];
  /** Handles of no tensor, the next to be used last. */
  private readonly unused: number[] = [];
  private inUse = 0;
  private peak = 0;
  private taken = 0;
  /** How many blocks had been taken when the peak was reached. */
  peakAt = 0;

  /** Takes blocks for the results of an operation, and others that it gives back at its end. Returns the results' handles. */
  produce(results: readonly Block[], temporary: readonly Block[] = []): number[] {
    const capacities = temporary.map(([kind, length]) => this.take(kind, length));
    const handles = results.map(([kind, length]) => {
      const capacity = this.take(kind, length);
      const handle = this.unused.pop() ?? this.tensors.length;
      this.tensors[handle] = { kind, length, capacity, birth: this.taken };
      return handle;
    });
    for (const capacity of capacities) this.inUse -= capacity;
    return handles;
  }

  /** What a handle names. Throws an Error where there is none. */
  at(handle: number): CountedTensor {
    const found = this.tensors[handle];
    if (!found) throw new Error(`tensor ${handle} does not exist`);
    return found;
  }

  free(handle: number): void {
    this.inUse -= this.at(handle).capacity;
    this.tensors[handle] = undefined;
    this.unused.push(handle);
  }

  /** Changes the kind of a tensor, by way of a second block. */
  convert(handle: number, kind: number): void {
    const tensor = this.at(handle);
    if (tensor.kind === kind) return;
    const capacity = this.take(kind, tensor.length);
    this.inUse -= tensor.capacity;
    Object.assign(tensor, { kind, capacity });
  }

  usage(): MemoryUsage {
    return { inUse: this.inUse, kept: 0, peak: this.peak };
  }

  resetPeak(): void {
    this.peak = this.inUse;
    this.peakAt = this.taken;
  }

  private take(kind: number, length: number): number {
    const capacity = capacityFor(length * BYTES[kind]!);
    this.taken++;
    this.inUse += capacity;
    if (this.inUse > this.peak) {
      this.peak = this.inUse;
      this.peakAt = this.taken;
    }
    return capacity;
  }
}
