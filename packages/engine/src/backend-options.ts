/** The options of a backend, from the caller or else from the environment. */
import { availableParallelism } from "node:os";
import type { BackendOptions } from "./backend.ts";
import { EngineError } from "./errors.ts";

const INSTRUCTION_SETS = ["avx2", "avx512", "avx512-bf16", "amx-bf16"];

/** What options leave open comes from MEGATRON_THREADS and MEGATRON_ISA. Throws an EngineError for values that make no sense. */
export function backendOptions({ threads, instructionSet }: BackendOptions): BackendOptions {
  const { MEGATRON_THREADS, MEGATRON_ISA } = globalThis.process?.env ?? {};
  const chosen = {
    threads: threads ?? (MEGATRON_THREADS ? Number(MEGATRON_THREADS) : undefined),
    instructionSet: instructionSet ?? (MEGATRON_ISA || undefined),
  };
  checkThreads(chosen.threads, threads === undefined ? "MEGATRON_THREADS" : "threads");
  checkInstructionSet(chosen.instructionSet, instructionSet === undefined ? "MEGATRON_ISA" : "instructionSet");
  return chosen;
}

/** More threads than processors wait for each other: with thousands, a second's work takes minutes. */
function checkThreads(threads: number | undefined, name: string): void {
  const most = Math.max(64, 4 * availableParallelism());
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= most)) return;
  throw new EngineError(`${name} must be an integer from 1 to ${most} on this machine, got ${threads}`);
}

function checkInstructionSet(value: string | undefined, name: string): void {
  if (value === undefined || INSTRUCTION_SETS.includes(value)) return;
  throw new EngineError(`${name} must be one of ${INSTRUCTION_SETS.join(", ")}, got "${value}"`);
}
