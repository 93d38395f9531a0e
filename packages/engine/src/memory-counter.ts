/** Counts the memory that the native backend would take, on any machine and without its addon. */
import type { MemoryCounter } from "@megatron-ts/native";

export type { MemoryCounter } from "@megatron-ts/native";

/**
 * Loads a function that runs another one, synchronously, on a backend that computes nothing and counts bytes. All tensors that
 * are made meanwhile are lost afterwards, and those that are read are zeros.
 */
export async function loadMemoryCounter(): Promise<<T>(f: (counter: MemoryCounter) => T) => T> {
  return (await import("@megatron-ts/native")).countMemory;
}
